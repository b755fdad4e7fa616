#!/usr/bin/env bats
# shellcheck disable=SC2016 # what looks like an expansion is for a shell inside
# shellcheck disable=SC2154 # status, output and stderr are set by bats' run
#
# Step 09, trace: the system calls of a container, or of a command, by ptrace.
#
# What it prints is held against strace, which reads the same; and what is traced has to
# go on as if nothing had been, however the tracer ends.

load ../helpers
load ../containers

setup()
{
  begin_store
  tracer=
}

teardown()
{
  [ -z "$tracer" ] || kill -KILL "$tracer" 2>/dev/null || true
  end_store
}

# begin NAME SCRIPT [OPTION…]: a container that runs a shell's script. Sets init, its first process.
begin()
{
  local name=$1 script=$2
  shift 2
  "$STEP" -q run -d --name "$name" --pidfile init "$@" "$rootfs" /bin/sh -c "$script" >/dev/null
  init=$(<init)
}

# watch NAME [OPTION…]: traces it in the background, lines to the file `lines`. Returns when all
# its threads are traced.
watch()
{
  local name=$1
  shift
  "$STEP" trace "$@" "$name" >lines 2>watch.log 3>&- &
  tracer=$!
  wait_until grep -q 'traced' watch.log
  ! grep -q ' 0 threads' watch.log || fail "No thread of the container was found: nothing is traced."
}

# unwatch SIGNAL: ends the tracer so. Sets status.
unwatch()
{
  kill "-$1" "$tracer"
  status=0
  wait "$tracer" || status=$?
  tracer=
}

# Nothing shows that it was traced: nobody traces it, and it stands still nowhere.
assert_unharmed()
{
  local state
  wait_until grep -q '^TracerPid:.0$' "/proc/$init/status"
  state=$(sed -n 's/^State:\t\(.\).*/\1/p' "/proc/$init/status")
  [[ $state == [SRD] ]] || fail "The container's first process was left in state $state: the tracer has let go of it in the wrong way."
  run_step ps --json
  assert_output_has running "The container must go on when its tracer has gone."
}

# --- A command ------------------------------------------------------------------

@test "trace -- COMMAND: names, strings, results, errors by name" {
  run --separate-stderr -- "$STEP" -q trace -- "$rootfs/bin/busybox" cat /etc/hostname /no/such
  assert_status 1 "The exit status is the command's."
  assert_equal "$(cat /etc/hostname)" "$output" "Standard output is the command's alone: the lines of the trace do not belong there."
  [[ $stderr =~ execve\(\"[^\"]*/bin/busybox\",\ \[\"[^\"]*busybox\",\ \"cat\",\ \"/etc/hostname\",\ \"/no/such\"\]\)\ =\ 0 ]] ||
    fail "The first call must be the execve, with its words: $stderr"
  [[ $stderr =~ open(at)?\((AT_FDCWD,\ )?\"/no/such\",\ O_RDONLY[A-Z_|]*\)\ =\ -1\ ENOENT ]] ||
    fail "No line says that /no/such could not be opened, and why: $stderr"
  [[ $stderr == *"exit_group(1) = ?"* && $stderr == *"ended, exit status 1"* ]] ||
    fail "The end of the process is missing: $stderr"
}

@test "trace -- COMMAND: exit statuses are those of a shell" {
  run_step trace -o lines -- sh -c 'exit 7'
  assert_status 7
  run_step trace -o lines -- sh -c 'kill -TERM $$'
  assert_status 143 "A signal that is on its way to the command stops it for the tracer, who has to hand it back, or it never arrives."
  grep -q 'gets SIGTERM' lines
  run -127 --separate-stderr -- "$STEP" -q trace -o lines -- /no/such
  assert_equal "" "$(<lines)" "What we do before there is a command is nobody's call."
  run_step trace --
  assert_status 125
  run_step trace -o /no/such/file -- touch made
  assert_status 125
  [ ! -e made ] || fail "The command ran though its trace could be written nowhere."
  run_step trace -o /dev/full -- true
  assert_status 125 "A trace that could not be written must not look like a whole one."
}

@test "trace -- COMMAND follows children" {
  run_step trace -o lines -- sh -c '(exit 3); sh -c "exit 4" & wait'
  assert_status 0
  local processes
  processes=$(awk '/exit_group/ {print $1}' lines | sort -u | wc -l)
  assert_equal 3 "$processes" "Each process that the command starts must be traced from its first instruction."
  grep -q 'exit_group(3) = ?' lines
  grep -q 'exit_group(4) = ?' lines
}

@test "trace says what strace says" {
  requires strace
  local command=("$rootfs/bin/busybox" cat /etc/hostname /no/such) call
  strace -s 32 -o theirs -- "${command[@]}" >/dev/null 2>&1 || true
  run_step trace -o ours -- "${command[@]}"
  sed -i 's/^ *[0-9]*  //' ours
  assert_equal "$(grep -o '^[a-z0-9_]*(' theirs)" "$(grep -o '^[a-z0-9_]*(' ours)" "Calls are missing, or there are too many."
  # Whole lines, of those that have no address in them; strace pads, and explains its errors.
  for call in open openat close write exit_group readlink getuid set_robust_list; do
    assert_equal "$(grep "^$call(" theirs | sed 's/) *= /) = /; s/\( = -1 E[A-Z]*\) .*/\1/; s/"\.\.\./"…/g; s/0x[0-9a-f]*/ADDRESS/g')" \
      "$(grep "^$call(" ours | sed 's/0x[0-9a-f]*/ADDRESS/g')" "A $call was seen otherwise by strace."
  done
  # O_DIRECTORY and O_LARGEFILE, each architecture's own numbers; the latter is what musl's open() adds.
  local numbers=(0x10000 0x8000)
  [ "$(uname -m)" = x86_64 ] || numbers=(0x4000 0x20000)
  command=(perl -e 'sysopen(F, "/etc", oct($ARGV[0]) | oct($ARGV[1]))' "${numbers[@]}")
  strace -o theirs -- "${command[@]}"
  run_step trace -o ours -- "${command[@]}"
  assert_equal "$(sed -n 's/) *= /) = /; /"\/etc", /p' theirs)" "$(sed -n 's/^ *[0-9]*  //; /"\/etc", /p' ours)"
  grep -q 'O_LARGEFILE|.*O_DIRECTORY' theirs || fail "The control: strace has names for both."
}

@test "trace --summary counts what strace -c counts" {
  requires strace
  local command=("$rootfs/bin/busybox" ls -l /proc/self/ns)
  strace -c -o theirs -- "${command[@]}" >/dev/null
  "$STEP" -q trace --summary -o ours -- "${command[@]}" >/dev/null
  # strace: … calls [errors] name. It leaves out those that do not return.
  assert_equal "$(awk 'NR > 2 && $NF != "total" && NF >= 5 && $4 ~ /^[0-9]+$/ {print $NF, $4, NF == 6 ? $5 : 0}' theirs | sort)" \
    "$(awk 'NR > 1 && $NF != "all" && $NF != "exit_group" {print $NF, $1, NF == 5 ? $2 : 0}' ours | sort)"
  assert_equal "$(awk '$NF == "all" {print $1}' ours)" "$(awk 'NR > 1 && $NF != "all" {sum += $1} END {print sum}' ours)"
  awk 'NR > 1 && $(NF-2) > last && NR > 2 && $NF != "all" {exit 1} {last = $(NF-2)}' ours ||
    fail "What took longest comes first: $(<ours)"
}

# --- A container ------------------------------------------------------------------

@test "trace NAME: the calls of all its processes, by their numbers inside" {
  begin web 'sleep 1000 & while :; do cat /no/such 2>/dev/null; sleep 0.02; done'
  watch web
  wait_until grep -q '/no/such.* = -1 ENOENT' lines
  wait_until grep -q 'ended, exit status 1' lines
  unwatch INT
  assert_status 0 "^C is how a trace ends: it is no error."
  grep -Eq '^ +1  (fork|vfork|clone)' lines || fail "The container's first process has number 1 inside: $(head lines)"
  awk '$1 > 1000 {exit 1}' lines || fail "These are the host's numbers: $(head -n 3 lines)"
  grep -q '^ *2  .*(not yet returned)' lines || fail "At the end it must say in which call those are that wait."
  assert_unharmed
}

@test "trace NAME: a call that the filter refuses is seen, and its errno" {
  begin web 'while :; do mount -t proc none /mnt 2>/dev/null; unshare -U true 2>/dev/null; sleep 0.02; done'
  watch web
  wait_until grep -Eq 'mount\("none", "/mnt", "proc", [A-Z_|0-9]+, .*\) = -1 EPERM' lines
  wait_until grep -q 'unshare(CLONE_NEWUSER) = -1 EPERM' lines
  unwatch TERM
  assert_unharmed
}

@test "trace NAME: who comes in later is traced as well" {
  begin web 'exec sleep 1000'
  watch web
  "$STEP" -q exec web /bin/sh -c 'sleep 0.3; cat /a/guest' || true
  wait_until grep -q '"/a/guest".* = -1 ENOENT' lines
  unwatch INT
  assert_unharmed
}

@test "trace NAME ends when the container does" {
  begin short 'sleep 1.5; exit 3'
  run_step trace short
  assert_status 0
  assert_output_has "ended, exit status 3"
}

@test "trace --summary NAME: a table when it is told to end" {
  begin web 'while :; do cat /no/such 2>/dev/null; sleep 0.02; done'
  watch web --summary
  sleep 1
  unwatch INT
  assert_status 0
  grep -Eq '^ +CALLS +ERRORS +SECONDS +US/CALL +NAME$' lines
  grep -Eq '^ +[0-9]+ +[0-9]+ +[0-9.]+ +[0-9]+ +open' lines || fail "No opened file with errors in the summary: $(<lines)"
  assert_unharmed
}

counted() { "$STEP" -q exec web cat /tmp/count; }

@test "a container is unharmed when its tracer is killed, at any moment" {
  begin web 'i=0; while :; do i=$((i + 1)); (exit 1); echo $i >/tmp/count; done' --init
  local i before
  for ((i = 0; i < 12; i++)); do
    watch web
    sleep "0.0$((RANDOM % 9 + 1))"
    unwatch KILL
    assert_equal 137 "$status"
  done
  assert_unharmed
  before=$(counted)
  wait_until eval "[ \"\$(counted)\" -gt $((before + 10)) ]"
}

@test "no signal to a container is lost when its tracer is killed" {
  # bash counts the signals: usr1 is sent again only when the last has been counted.
  begin web 'n=0; trap "n=\$((n + 1)); echo \$n >/tmp/count" USR1; echo 0 >/tmp/count; while :; do sleep 0.001; done'
  local i count=/proc/$init/root/tmp/count
  wait_until test -s "$count"
  for ((i = 1; i <= 30; i++)); do
    "$STEP" trace web >lines 2>watch.log 3>&- &
    tracer=$!
    wait_until grep -q traced watch.log
    kill -USR1 "$init"
    unwatch KILL
    wait_until grep -qx "$i" "$count" || fail "The signal number $i never arrived: the tracer was killed while it had it in its hands."
  done
  assert_unharmed
}

@test "what is stopped stays stopped, and can be told to go on" {
  begin web 'while :; do sleep 0.01; done' --init
  local child
  child=$(pgrep -P "$init")
  kill -STOP "$child"
  watch web
  wait_until grep -q 'stopped by SIGSTOP' lines
  for _ in {1..20}; do # who goes on is stopped at each call, too, for a moment
    sleep 0.02
    grep -Eq '^State:.[tT]' "/proc/$child/status" || fail "The tracer has let go on what was stopped."
  done
  unwatch INT
  wait_until grep -q '^State:.T' "/proc/$child/status" || fail "The tracer has let go on what was stopped."
  kill -CONT "$child"
  wait_until grep -q '^State:.[SR]' "/proc/$child/status"
  assert_unharmed
}

@test "trace refuses what does not run, what is not there, and what another traces" {
  requires strace
  run_step trace web
  assert_status 1
  begin web 'exit 0'
  run_step wait web
  run_step trace web
  assert_status 1
  assert_stderr_has "does not run"
  begin other 'exec sleep 1000'
  command strace -o /dev/null -p "$init" 3>&- &
  tracer=$!
  wait_until grep -q '^TracerPid:.[1-9]' "/proc/$init/status"
  run_step trace other
  assert_status 125
  assert_stderr_has "traced already, by process $tracer"
  unwatch TERM
}

@test "an ordinary user traces a container of his own, with --init too" {
  requires unprivileged
  local directory option
  directory=$(as_user mktemp -d)
  for option in --rm --init; do
    as_user env NSCTL_ROOT="$directory" "$STEP" -q run -d "$option" --name mine "$rootfs" /bin/sh -c 'while :; do cat /no/such 2>/dev/null; sleep 0.02; done' >/dev/null
    as_user env NSCTL_ROOT="$directory" timeout -s INT 2 "$STEP" -q trace mine >lines || true
    as_user env NSCTL_ROOT="$directory" "$STEP" -q rm -f mine >/dev/null
    grep -q '"/no/such".* = -1 ENOENT' lines || fail "The owner of a container may trace it: run $option: $(head -n 5 lines)"
  done
  as_user rm -rf "$directory"
}
