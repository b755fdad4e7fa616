#!/usr/bin/env bats
# shellcheck disable=SC2016  # what stands in single quotes is for the shell inside
# shellcheck disable=SC2030,SC2031  # every test is a subshell, and meant to be
# shellcheck disable=SC2154  # status, output and stderr are set by bats' run
# What step 02 promises: the command is PID 1 of processes of its own; whoever
# stands before it, the parent and with --init an init, passes signals on, reaps, and hands
# the exit status over; and all of it ends together.

load ../helpers

# What never comes, because the step lacks it, is not waited for long. A signal takes milliseconds.
export NSCTL_TEST_PATIENCE=${NSCTL_TEST_PATIENCE:-10}

setup()
{
  requires root
  started=()
}

# Only what still runs: the number of a process that has ended may be another's by now.
teardown()
{
  local job
  for job in $(jobs -p); do
    if [[ " ${started[*]} " == *" $job "* ]]; then
      kill_tree "$job"
      wait "$job"
    fi
  done 2>/dev/null || true
}

kill_tree()
{
  local child
  for child in $(children_of "$1"); do kill_tree "$child"; done
  kill -9 "$1" || true
}

# An unfinished step may wait for ever.
run_step()
{
  run --separate-stderr -- timeout --signal=KILL "$NSCTL_TEST_PATIENCE" "$STEP" -q "$@"
}

# --- Containers in the background ---------------------------------------------

# start ARGS…: starts the step; sets parent, its pid. What it prints goes to $out and $err.
start()
{
  start_with env "$@"
}

# start_with STARTER ARGS…: the same with a program that becomes the step. It is
# a job of its own (set -m), for what a shell starts beside itself otherwise ignores ^C and ^\.
start_with()
{
  out=$BATS_TEST_TMPDIR/out err=$BATS_TEST_TMPDIR/err
  : >"$out" # now: the redirection below is done whenever that process comes to it
  set -m
  # shellcheck disable=SC2086 # quiet may be set to nothing, and is no word then
  "$1" "$STEP" ${quiet--q} "${@:2}" >"$out" 2>"$err" </dev/null 3>&- &
  set +m
  parent=$!
  started+=("$parent")
}

# Waits until the command has printed a line, "ready" if no other is given; sets child, which is PID 1 inside.
wait_for_line()
{
  wait_until has_line_or_ended "${1:-ready}"
  has_line "${1:-ready}" || {
    wait_for_end
    report "The step has ended, and the command did not print \"${1:-ready}\"." "exit status" "$status" "its errors" "$stderr"
    return 1
  }
  child=$(only_child_of "$parent")
}

has_line()
{
  # Where a terminal shows it, there is a carriage return behind it.
  grep -qx "$1"$'\r\\?' "$out"
}

has_line_or_ended()
{
  has_line "$1" || is_gone "$parent"
}

# Ended, or a zombie that nobody has reaped yet.
is_gone()
{
  ! readlink "/proc/$1/exe" >/dev/null
}

state_of()
{
  sed -n 's/^State:[[:space:]]*\(.\).*/\1/p' "/proc/$1/status"
}

is_in_state()
{
  [[ $1 == *"$(state_of "$2")"* ]]
}

# all_in_state STATES MEANING: each process in job comes to be in one of these states.
all_in_state()
{
  local pid
  for pid in "${job[@]}"; do
    wait_until is_in_state "$1" "$pid" || { fail "${2:-} $(cat "/proc/$pid/comm") is in state $(state_of "$pid")."; return 1; }
  done
}

children_of()
{
  cat "/proc/$1/task/$1/children"
}

has_child()
{
  local first=''
  read -r first _ <"/proc/$1/task/$1/children" || true
  [ -n "$first" ]
}

only_child_of()
{
  local children
  read -ra children <"/proc/$1/task/$1/children"
  assert_equal 1 "${#children[@]}" "process $1 should have one child: ${children[*]}"
  echo "${children[0]}"
}

# Waits until the step has ended and sets status.
wait_for_end()
{
  wait_until is_gone "$parent" || { report "${1:-The step should have ended.}"; return 1; }
  status=0
  wait "$parent" || status=$?
  output=$(cat "$out") stderr=$(cat "$err")
}

# pid_namespace PID: its name, pid:[…].
pid_namespace()
{
  readlink "/proc/$1/ns/pid"
}

# Remembers the PID namespace of a process as $namespace, and keeps it: the kernel
# gives the number of one that is gone to the next.
keep_namespace()
{
  namespace=$(pid_namespace "$1")
  exec 7<"/proc/$1/ns/pid"
}

# How many processes, zombies too, live in it?
count_processes()
{
  readlink /proc/[0-9]*/ns/pid | grep -cxF -- "$namespace" || true
}

all_are_gone()
{
  [ "$(count_processes)" -eq 0 ]
}

# A shell that says the name of each signal that it gets, once for each time.
listen='for s in HUP INT QUIT TERM USR1 USR2 ALRM WINCH; do trap "echo got $s" $s; done
  sleep 100 & echo ready; while :; do wait; done'

# --- A number of its own ------------------------------------------------------

@test "the command is PID 1" {
  run_step sh -c 'echo $$ $PPID'
  assert_status 0
  assert_equal "1 0" "$output" \
    "The first process of a new PID namespace is number 1, and its parent, who is outside, number 0: was there CLONE_NEWPID?"
}

@test "with --init the command is PID 2, a child of PID 1" {
  run_step --init sh -c 'echo $$ $PPID'
  assert_status 0
  assert_equal "2 1" "$output" "--init puts an init of ours at PID 1; the command is its first child."
}

@test "the PID namespace is its own, and the host's stays" {
  local host
  host=$(pid_namespace self)
  run_step sh -c 'readlink /proc/self/ns/pid; readlink /proc/self/ns/pid_for_children'
  assert_status 0
  assert_output_matches '^(pid:\[[0-9]+\])
(pid:\[[0-9]+\])$' "/proc/self/ns tells which PID namespace one is in, and which one's children will be in."
  assert_equal "${BASH_REMATCH[1]}" "${BASH_REMATCH[2]}" "Nobody has asked for yet another namespace for the children."
  [ "${BASH_REMATCH[1]}" != "$host" ] || fail "The command is in the host's PID namespace: was there CLONE_NEWPID?"
  assert_equal "$host" "$(pid_namespace self)"
}

@test "outside, the container's processes have numbers of the host, too" {
  start sh -c 'echo ready; exec sleep 100'
  wait_for_line
  assert_equal "$child 1" "$(awk '/^NSpid:/ { print $2, $3, $4 }' "/proc/$child/status" | sed 's/ *$//')" \
    "A process has a number in each PID namespace from its own up to the host's (NSpid)."
  assert_equal "$parent" "$(awk '/^NSpid:/ { print $2, $3 }' "/proc/$parent/status" | sed 's/ *$//')" \
    "The parent stays outside of the namespace that it makes."
  assert_equal "$(pid_namespace self)" "$(pid_namespace "$parent")"
  kill -9 "$child"
  wait_for_end
}

@test "outside, --init shows as PID 1 and the command as PID 2" {
  local command
  start --init sh -c 'echo ready; exec sleep 100'
  wait_for_line
  command=$(only_child_of "$child")
  assert_equal "1 2" "$(awk '/^NSpid:/ { print $3 }' "/proc/$child/status" "/proc/$command/status" | paste -sd ' ')"
  [ "/proc/$child/exe" -ef "$STEP" ] || fail "PID 1 should be the step itself, not another program."
  [ ! "/proc/$command/exe" -ef "$STEP" ] || fail "PID 2 should be the command."
}

@test "inside, a process of the host has no number, so no signal reaches it" {
  local victim
  sleep 100 3>&- &
  victim=$!
  started+=("$victim")
  kill -0 "$victim" # from here it can be reached
  run_step sh -c "kill -9 $victim"
  [ "$status" -ne 0 ] || fail "kill says that it has reached process $victim, which is none of the container's."
  kill -0 "$victim" || fail "A process of the host was killed from inside."
  run_step --init sh -c "kill -9 $victim"
  [ "$status" -ne 0 ] && kill -0 "$victim"
}

@test "/proc is still the host's: ps shows what it always did" {
  only_for 02
  run_step sh -c "test -d /proc/$$ && test \"\$(readlink /proc/self)\" -gt 1"
  assert_status 0 "Step 02 leaves /proc alone; step 03 is about that."
  run_step ps -e -o pid= # which is PID 1, and looks itself up by that number
  output=$'\n'${output// /}$'\n'
  assert_output_has $'\n'"$$"$'\n' "ps reads /proc, so it shows the host's processes, such as this test."
}

@test "a container in a container has three numbers" {
  only_for 02
  run_step --init "$STEP" -q sh -c 'echo $$; grep NSpid /proc/self/status'
  assert_status 0
  assert_output_matches $'^1\nNSpid:(\t[0-9]+){3}$' "PID namespaces nest: a number for the host, one for the outer, one for the inner."
}

# --- Deaf --------------------------------------------------------------------

@test "a PID 1 that does not handle a signal is deaf to it" {
  local signal
  start sh -c 'echo ready; exec sleep 100'
  wait_for_line
  for signal in HUP INT QUIT TERM USR1 USR2 ALRM; do
    kill -s "$signal" "$child"
    kill -s "$signal" "$parent"
  done
  wait_until signals_taken "$parent"
  is_in_state RS "$child" || fail "The kernel spares PID 1 what it has no handler for; it is in state $(state_of "$child")."
  is_in_state RS "$parent" || fail "The parent is there to pass signals on, not to die of them."
  kill -9 "$child" # what comes from outside and can not be handled counts
  wait_for_end
  assert_status 137 "PID 1 can be killed from outside, and that is 128 + 9."
}

signals_taken()
{
  grep -q '^ShdPnd:[[:space:]]*0*$' "/proc/$1/status"
}

@test "PID 1 can not even kill itself" {
  run_step sh -c 'kill -9 $$; echo still here'
  assert_status 0 "kill -9 of PID 1 from inside its namespace does nothing."
  assert_equal "still here" "$output"
  run_step --init sh -c 'kill -9 1; echo still here; kill -9 $$'
  assert_equal "still here" "$output" "The init can not be killed from inside."
  assert_status 137 "Behind an init the command is a process like any other."
}

@test "with --init every signal that ends a program ends the command" {
  local signal number
  for signal in HUP:1 INT:2 QUIT:3 USR1:10 USR2:12 ALRM:14 TERM:15; do
    number=${signal#*:} signal=${signal%:*}
    start --init sh -c 'ulimit -c 0; echo ready; exec sleep 100'
    wait_for_line
    kill -s "$signal" "$parent"
    wait_for_end "SIG$signal should have ended sleep: parent to init, init to command."
    assert_status $((128 + number)) "SIG$signal is signal $number."
  done
}

# --- Signals -----------------------------------------------------------------

hears_all()
{
  local signal
  start "$@" sh -c "$listen"
  wait_for_line
  for signal in HUP INT QUIT TERM USR1 USR2 ALRM WINCH; do
    kill -s "$signal" "$parent"
    wait_until has_line "got $signal" || { fail "The parent got SIG$signal and did not pass it on."; return 1; }
  done
  assert_equal "ready got HUP got INT got QUIT got TERM got USR1 got USR2 got ALRM got WINCH" \
    "$(paste -sd ' ' "$out")" "Each signal once."
  kill -9 "$child"
  wait_for_end
}

@test "a signal to the parent reaches the command" {
  hears_all
}

@test "a signal to the parent reaches the command behind an init" {
  hears_all --init
}

@test "a signal that comes early is not lost" {
  local i
  for i in 1 2 3 4 5 6 7 8 9 10; do
    start --init sleep 100
    # In its midst: there is a child, and no command yet.
    until has_child "$parent" || is_gone "$parent"; do :; done
    kill -TERM "$parent"
    wait_for_end "SIGTERM came while the container was being made, and got lost."
    assert_status 143
  done
}

# run_after OPTION… -- ARGS…: runs the step, started by env with options that change signals.
run_after()
{
  run --separate-stderr -- timeout --signal=KILL "$NSCTL_TEST_PATIENCE" env "$@"
}

@test "the command gets the signal mask and the ignored signals of whoever started the step" {
  local changes init plain
  for changes in --default-signal=PIPE '--block-signal=TERM,USR1 --ignore-signal=HUP'; do
    # shellcheck disable=SC2086 # options, and none
    for init in '' --init; do
      run_after $changes grep -E '^Sig(Blk|Ign):' /proc/self/status
      plain=$output
      run_after $changes "$STEP" -q $init grep -E '^Sig(Blk|Ign):' /proc/self/status
      assert_status 0
      assert_equal "$plain" "$output" \
        "What was blocked and ignored before, the command has so, too, and nothing else: execve(2) keeps the mask."
    done
  done
}

@test "who ignores SIGCHLD still gets the exit status" {
  local init
  for init in '' --init; do
    # shellcheck disable=SC2086 # an option, or none
    run_after --ignore-signal=CHLD "$STEP" -q $init sh -c 'exit 7'
    assert_status 7 "Where SIGCHLD is ignored, children vanish without a status: the step must set it to SIG_DFL."
    assert_equal "" "$stderr"
  done
}

@test "to be stopped and continued does no harm" {
  start sh -c 'trap "exit 7" USR1; sleep 100 & echo ready; while :; do wait; done'
  wait_for_line
  kill -STOP "$parent"
  wait_until is_in_state T "$parent"
  kill -CONT "$parent"
  wait_until is_in_state RS "$parent"
  kill -USR1 "$parent"
  wait_for_end
  assert_status 7 "After SIGCONT sigwaitinfo(2) returns EINTR, and that is no reason to give up."
}

@test "SIGTSTP to the step alone stops the container, SIGCONT continues it" {
  local signal job
  start sh -c 'echo ready; exec sleep 100'
  wait_for_line
  job=("$parent" "$child")
  for signal in TSTP TTIN TTOU TSTP; do
    kill -s "$signal" "$parent"
    all_in_state T "SIG$signal means the whole job; PID 1, which is deaf to it, is stopped by SIGSTOP."
    kill -CONT "$parent"
    all_in_state RS "Who was continued must continue what it has stopped."
  done
  kill -9 "$child"
  wait_for_end
}

@test "a command that stops itself waits for SIGCONT, and can be killed" {
  local command
  start_stopped() {
    start --init sh -c 'echo ready; kill -STOP $$; exit 3'
    wait_for_line
    keep_namespace "$child"
    command=$(only_child_of "$child")
    wait_until is_in_state T "$command" || fail "The command has not stopped: nothing is proved."
  }
  start_stopped
  kill -CONT "$command"
  wait_for_end
  assert_status 3
  start_stopped
  kill -KILL "$parent"
  wait_until all_are_gone || fail "A command that has stopped itself must go with the step all the same."
  wait_for_end
  assert_clean
}

@test "a log that nobody reads any more does not end the container" {
  local init pipe=$BATS_TEST_TMPDIR/pipe
  mkfifo "$pipe"
  # shellcheck disable=SC2094 # to open it without waiting, and then nobody reads
  exec 8<>"$pipe" 9>"$pipe" 8<&-
  for init in '' --init; do
    status=0
    # shellcheck disable=SC2086 # an option, or no word
    timeout --signal=KILL "$NSCTL_TEST_PATIENCE" "$STEP" $init sh -c 'exit 7' 2>&9 || status=$?
    assert_equal 7 "$status" "A write to a pipe without a reader is SIGPIPE, which kills who does not block it."
  done
  exec 9>&-
}

# --- On a terminal -----------------------------------------------------------

# open_terminal COMMAND: runs a shell command on a terminal of its own. Keys go
# to descriptor 8, what it shows to $out; sets terminal, the pid of whoever holds the terminal.
open_terminal()
{
  requires script
  out=$BATS_TEST_TMPDIR/screen err=/dev/null
  mkfifo "$BATS_TEST_TMPDIR/keys"
  # A shell starts what runs beside it with ^C and ^\ ignored.
  SHELL=/bin/sh TERM=dumb HISTFILE='' env --default-signal=INT,QUIT setsid script -qefc "$1" /dev/null <"$BATS_TEST_TMPDIR/keys" >"$out" 2>&1 3>&- &
  terminal=$!
  started+=("$terminal")
  exec 8>"$BATS_TEST_TMPDIR/keys"
}

press()
{
  # shellcheck disable=SC2059 # the keys may be octal
  printf "$1" >&8
}

# Waits until the process PID has a child, and prints it.
child_of()
{
  wait_until has_child "$1"
  only_child_of "$1"
}

# Under strace, since two signals in short order may come out as one: that the
# step sends none is what counts.
comes_once()
{
  requires strace
  local trace=$BATS_TEST_TMPDIR/trace
  export trace arguments="$*" listen='trap "echo got INT" INT; trap "echo got WINCH" WINCH; trap "exit 7" QUIT
    sleep 100 & echo ready; while :; do wait; done'
  open_terminal 'exec strace -f -o "$trace" -e trace=kill -- "$STEP" -q $arguments sh -c "$listen"'
  parent=$terminal
  wait_for_line
  press '\003'
  wait_until has_line '\(\^C\)\?got INT' || { fail "^C should reach the command."; return 1; }
  stty -F "$(readlink "/proc/$(only_child_of "$child")/fd/0")" rows 33 cols 99 # of the step, below strace
  wait_until has_line '\(\^C\)\?got WINCH' || { fail "A new size of the terminal should reach the command."; return 1; }
  press '\034'
  wait_for_end '^\ should have reached the command, which ends then.'
  assert_status 7
  assert_equal "" "$(grep 'kill(' "$trace" || true)" \
    "The terminal has sent it to the whole foreground group, command included; to forward it is to send it twice."
  assert_equal 1 "$(grep -c 'got INT' "$out")"
}

@test "^C reaches the command once" {
  comes_once
}

@test "^C reaches the command behind an init once" {
  comes_once --init
}

@test "^C reaches a command that has left the terminal's foreground, too" {
  open_terminal 'exec "$STEP" -q --init setsid sh -c "echo ready; exec sleep 100"'
  parent=$terminal
  wait_for_line
  press '\003'
  wait_for_end "It is in a group of its own, so the terminal does not send it ^C: the step must."
  assert_status 130
}

stops_and_goes_on()
{
  local shell job
  export arguments="$*" PS1='$ '
  open_terminal 'exec bash --norc -i'
  parent=$terminal
  shell=$(child_of "$terminal")
  press '"$STEP" -q $arguments sh -c "echo rea\\dy; exec cat"\n'
  wait_for_line ready
  parent=$(child_of "$shell")
  child=$(child_of "$parent")
  job=("$parent" "$child")
  [ $# -eq 0 ] || job+=("$(child_of "$child")")

  press '\032'
  all_in_state T '^Z stops all: the step, so that the shell takes over, and the command.'
  press 'echo the shell\\ is here\n'
  wait_until has_line 'the shell is here'
  press 'fg\n'
  all_in_state RS 'fg continues all.'
  press 'round trip\n'
  wait_until grep -qz $'round trip\r\nround trip\r\n' "$out" || fail "cat is in the foreground again and should have read a line."

  press '\032'
  all_in_state T
  press 'bg\n'
  wait_until grep -q '&'$'\r''\?$' "$out"
  # It reads the terminal from the background: SIGTTIN. A PID 1 that is deaf to that would try for ever.
  all_in_state T 'What reads the terminal in the background is stopped.'
  press 'fg\n'
  all_in_state RS
  press '\004'
  wait_until is_gone "$parent" || fail "cat got the end of its input and should have ended."
  press 'exit 9\n'
  parent=$terminal
  wait_for_end
  assert_status 9
}

@test "^Z stops the container, fg continues it" {
  stops_and_goes_on
}

@test "^Z stops the container with an init, fg continues it" {
  stops_and_goes_on --init
}

@test "a terminal that is closed ends the container" {
  open_terminal 'exec "$STEP" -q --init sh -c "echo ready; exec sleep 100"'
  parent=$terminal
  wait_until has_line ready
  parent=$(child_of "$terminal")
  keep_namespace "$(child_of "$parent")"
  kill -9 "$terminal"
  wait_until is_gone "$parent" || {
    kill -9 "$parent"
    fail "The kernel tells the session's leader alone that the terminal is gone: SIGHUP must be forwarded."
    return 1
  }
  wait_until all_are_gone
}

# --- Exit status -------------------------------------------------------------

@test "the exit status is the command's own" {
  local init code
  for init in '' --init; do
    for code in 0 1 42 125 255; do
      run_step $init sh -c "exit $code"
      assert_status "$code"
    done
  done
}

@test "a command that a signal ends gives 128 and its number" {
  local signal
  for signal in TERM:15 KILL:9 ABRT:6 SEGV:11; do
    run_step --init sh -c "ulimit -c 0; kill -s ${signal%:*} \$\$"
    assert_status $((128 + ${signal#*:})) "SIG${signal%:*} ended it; that must not look like an exit status of its own."
  done
}

@test "a command that dumps core gives 128 and its number, too" {
  only_for 02 03 # from 04 on the dump would go into the root file system
  [[ $(cat /proc/sys/kernel/core_pattern) != '|'* ]] || local limit=0 # a program of the host would be started
  cd "$BATS_TEST_TMPDIR"
  run_step --init sh -c "ulimit -c ${limit:-unlimited}; kill -s SEGV \$\$"
  assert_status 139 "waitid(2) says CLD_DUMPED then, and not CLD_KILLED."
}

@test "behind an init, too, a command that can not be started says why" {
  run -127 --separate-stderr -- "$STEP" -q --init /no/such/command
  assert_stderr_has "/no/such/command: no such file (ENOENT)"
  run_step --init /
  assert_status 126
  assert_stderr_has "/: permission denied (EACCES): it is a directory"
}

# --- Orphans -----------------------------------------------------------------

# make_orphans N: text for a shell; each is the child of a shell that ends at once.
make_orphans()
{
  echo "i=0; while [ \$i -lt $1 ]; do ( : & ); i=\$((i + 1)); done; echo ready; exec sleep 100"
}

zombies_of()
{
  cat /proc/[0-9]*/status 2>/dev/null | awk -v parent="$1" '/^State:/ { state = $2 }
    /^PPid:/ && $2 == parent && state == "Z" { count++ } END { print count + 0 }'
}

has_zombies()
{
  [ "$(zombies_of "$1")" -eq "$2" ]
}

# Is the shell gone that PID 1 was?
sleeps()
{
  [[ "$(tr '\0' ' ' <"/proc/$1/cmdline")" == sleep\ * ]]
}

has_one_child()
{
  [ "$(children_of "$1" | wc -w)" -eq 1 ]
}

@test "the init reaps a thousand orphans" {
  start --init sh -c "$(make_orphans 1000)"
  NSCTL_TEST_PATIENCE=120 wait_for_line
  wait_until has_one_child "$child" || fail "PID 1 inherits the orphans and must reap them; it has $(zombies_of "$child") zombies."
  assert_equal 0 "$(zombies_of "$child")"
  kill -TERM "$parent"
  wait_for_end
}

@test "without an init nobody reaps, if the command does not" {
  start sh -c 'for i in 1 2 3 4 5 6 7 8 9 10; do ( sleep 100 & sleep 100 & ); done; echo ready; exec sleep 100'
  wait_for_line
  wait_until sleeps "$child"
  # shellcheck disable=SC2046 # each is a word
  kill -9 $(children_of "$child")
  wait_until has_zombies "$child" 20 || fail "sleep at PID 1 knows nothing of children: it should have 20 zombies."
  kill -9 "$child"
  wait_for_end
}

# --- All ends together -------------------------------------------------------

# Leaves one behind that would go on for long.
leave_one='(trap "" HUP TERM; sleep 100 >/dev/null 2>&1 &); echo ready;'

@test "when the command ends, all that it started ends" {
  local init
  for init in '' --init; do
    start $init sh -c 'trap "exit 3" USR1; sleep 100 & '"$leave_one"' while :; do wait; done'
    wait_for_line
    keep_namespace "$child"
    kill -USR1 "$parent"
    wait_for_end
    assert_status 3
    assert_equal 0 "$(count_processes)" \
      "With PID 1 the kernel ends every process of the namespace, before PID 1 itself is reaped."
  done
}

dies_with_parent()
{
  start "$@" sh -c "$leave_one exec sleep 100"
  wait_for_line
  keep_namespace "$child"
  [ "$(count_processes)" -ge 2 ] || fail "There should be a command and an orphan."
  kill -9 "$parent"
  wait "$parent" 2>/dev/null || true
  wait_until all_are_gone || fail "The parent was killed, and $(count_processes) processes of the container live on."
}

@test "when the parent is killed, all of the container dies" {
  dies_with_parent
}

@test "when the parent is killed, all of the container dies, an init as well" {
  dies_with_parent --init
}

# prctl(2): the parent-death signal is cleared when a process changes its user.
@test "with --init a command that changes its user dies with the parent as well" {
  only_for 02 03
  start --init setpriv --reuid=65534 --regid=65534 --clear-groups sh -c 'echo ready; exec sleep 100'
  wait_for_line
  keep_namespace "$child"
  kill -9 "$parent"
  wait "$parent" 2>/dev/null || true
  wait_until all_are_gone
}

@test "when PID 1 is killed from outside, its whole namespace dies" {
  local init
  for init in '' --init; do
    start $init sh -c "$leave_one exec sleep 100"
    wait_for_line
    keep_namespace "$child"
    kill -9 "$child"
    wait_for_end
    assert_status 137
    assert_equal 0 "$(count_processes)"
  done
}

# --- What the init holds -----------------------------------------------------

@test "neither the init nor the command has a descriptor too many" {
  exec 9</etc/passwd
  run_step --init ls /proc/self/fd
  assert_equal "0 1 2 3" "${output//$'\n'/ }" "0, 1, 2, and the one with which ls reads the directory."
  start --init sh -c 'echo ready; exec sleep 100'
  exec 9<&-
  wait_for_line
  assert_equal "0 1 2" "$(cd "/proc/$child/fd" && echo *)" "What PID 1 holds open, any process in the container can take."
}

# --- The option, the log -----------------------------------------------------

@test "--init takes no value, and is the step's only before the command" {
  run --separate-stderr -- "$STEP" --init=yes sh -c 'echo started'
  assert_status 125
  assert_stderr_has '--init takes no value, so "yes" is wrong'
  assert_equal "" "$output" "Nothing may be started with an option that is refused."
  run --separate-stderr -- "$STEP" --inti sh -c 'echo started'
  assert_status 125
  assert_stderr_has "unknown option --inti; did you mean --init?"
  assert_equal "" "$output"
  run_step sh -c 'echo $1 $$' sh --init
  assert_equal "--init 1" "$output" "What stands behind the command belongs to the command."
  run --separate-stderr -- "$STEP" --help
  assert_status 0
  assert_output_has "--init"
}

@test "the log tells the truth, with an init and without" {
  requires strace
  assert_log_true sh -c 'exit 5'
  assert_status 5
  assert_stderr_has "waitid(P_ALL) = 0"
  assert_log_true --init sh -c 'exit 5'
  assert_status 5
  assert_stderr_has "init stays PID 1"
}

@test "where no command was started, the log speaks of none" {
  requires strace
  run --separate-stderr -- strace -f -o "$BATS_TEST_TMPDIR/trace" -e inject=sethostname:error=EPERM -- "$STEP" true
  assert_status 125
  assert_stderr_has "waitid(P_ALL) = 0"
  assert_stderr_lacks "command ended" "What ended is a child whose set-up had failed: there was no command."
}

@test "quiet is quiet, init or not" {
  run_step --init true
  assert_equal "" "$stderr"
  NSCTL_LOG=quiet run --separate-stderr -- "$STEP" --init true
  assert_equal "" "$stderr"
}

# --- When something goes wrong -----------------------------------------------

# run_with_child_error CALL ERRNO ARGS…: makes a call of PID 1 fail that the parent
# makes as well, so that strace cannot tell them apart. The parent is stopped after clone3, when it
# writes its log line, before it releases the child; strace is set on the child alone; the parent goes on.
run_with_child_error()
{
  local call=$1 errno=$2 line tracer log=$BATS_TEST_TMPDIR/child-trace quiet=''
  shift 2
  strace --quiet=all -o "$log" -e trace=write,clone3 -- "$STEP" true 2>/dev/null
  line=$(awk '/^write/ { count++ } /^clone3/ { print count + 1 }' "$log")
  start_with stopped_at_line "$@"
  tracer=$parent
  wait_until runs_the_step_below "$tracer" # strace tries things with other children first
  parent=$(only_child_of "$tracer")
  child=$(child_of "$parent")
  wait_until is_in_state tT "$parent"
  strace -p "$child" --quiet=all -o "$log" -e trace="$call" -e inject="$call:error=$errno" 3>&- &
  started+=("$!")
  wait_until grep -q '^TracerPid:[[:space:]]*[1-9]' "/proc/$child/status"
  kill -CONT "$parent"
  parent=$tracer
  wait_for_end
  grep -q INJECTED "$log" || fail "the fault was never met"
}

runs_the_step_below()
{
  local pid=''
  read -r pid _ <"/proc/$1/task/$1/children" || true
  [ "/proc/${pid:-none}/exe" -ef "$STEP" ]
}

stopped_at_line()
{
  exec strace --quiet=all -o /dev/null -e trace=write -e inject=write:signal=SIGSTOP:when="$line" -- "$@"
}

@test "an init that can not start the command says so" {
  requires strace
  run_with_child_error clone3 EAGAIN --init true
  assert_failed_cleanly EAGAIN
  assert_stderr_has "no more processes"
}

@test "an init that can not wait gives up, and the command with it" {
  requires strace
  run_with_child_error waitid EINVAL --init true
  assert_failed_cleanly EINVAL
}

@test "PID 1 does not start the command with the wrong signal mask" {
  requires strace
  run_with_child_error rt_sigprocmask EINVAL sh -c 'echo started'
  assert_failed_cleanly EINVAL
  assert_equal "" "$output" "Nothing may be started after a failure."
}

@test "where no namespace, no process, no memory is to be had, it says so" {
  requires strace
  local errno
  for errno in EPERM ENOSPC EAGAIN ENOMEM ENOSYS; do
    run_with_error parent:clone3:1 "$errno" sh -c 'echo started'
    assert_status 125
    assert_stderr_has "clone3("
    assert_stderr_has "CLONE_NEWUTS|CLONE_NEWPID"
    assert_stderr_has "-1 $errno" "The error must name the errno, or nobody can tell why."
    assert_equal "" "$output" "Nothing may be started after a failure."
  done
  run_with_error parent:rt_sigprocmask:1 EINVAL sh -c 'echo started'
  assert_equal "" "$output" "Nothing may be started after a failure."
  assert_failed_cleanly EINVAL
}

@test "a parent that can not wait gives up, and the container with it" {
  requires strace
  run_with_error parent:rt_sigtimedwait:1 EINVAL --init sh -c 'exec sleep 10 >/dev/null 2>&1'
  assert_failed_cleanly EINVAL
  run_with_error parent:waitid:1 EINVAL --init true
  assert_failed_cleanly EINVAL
}

killed_cleanly()
{
  run_with_kill "$@"
  assert_status 137 "Who was killed says so."
  assert_clean
}

@test "whoever is killed at whichever call, nothing stays behind" {
  requires strace
  local call
  # What step 01 does, reads and writes among it, step 01's own tests walk through.
  for_each_call rt_sigprocmask,clone3,prctl,close_range killed_cleanly --init true
  for call in rt_sigtimedwait:1 waitid:1; do
    killed_cleanly "parent:$call" --init sh -c 'sleep 10 >/dev/null 2>&1 & exit 0'
  done
}

@test "fifty at once, each with its own status" {
  local i pids=()
  for ((i = 0; i < 50; i++)); do
    "$STEP" -q --init sh -c "test \$\$ -eq 2 && ( : & ) && exit $i" 3>&- &
    pids+=("$!")
  done
  for i in "${!pids[@]}"; do
    status=0
    wait "${pids[i]}" || status=$?
    assert_equal "$i" "$status"
  done
}
