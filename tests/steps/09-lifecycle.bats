#!/usr/bin/env bats
# shellcheck disable=SC2016 # what looks like an expansion is for a shell inside
# shellcheck disable=SC2030,SC2031 # each test is a process of its own
# shellcheck disable=SC2154 # status, output and stderr are set by bats' run
#
# Step 09: a container's record: made, found, listed, ended, removed; whatever is
# killed, full or damaged meanwhile.
#
# Each test has a store of its own. How often a race is run: NSCTL_TEST_ROUNDS.

load ../helpers

setup()
{
  export NSCTL_ROOT=$BATS_TEST_TMPDIR/root
  rootfs=$ROOT/build/rootfs/default
  rounds=${NSCTL_TEST_ROUNDS:-12}
  cd "$BATS_TEST_TMPDIR" || return
}

teardown()
{
  local ids
  mapfile -t ids < <("$STEP" -q ps -aq 2>/dev/null)
  [ "${#ids[@]}" -eq 0 ] || "$STEP" -q rm -f "${ids[@]}" >/dev/null
}

# start NAME OPTION… -- COMMAND…: one in the background; sets id.
start()
{
  local name=$1 options=()
  shift
  while [ "$1" != -- ]; do options+=("$1") && shift; done
  shift
  run_step run -d --name "$name" --net none "${options[@]}" "$rootfs" "$@"
  assert_status 0
  id=$output
}

# What `inspect` says: field NAME KEY, the first member of that name.
field()
{
  "$STEP" -q inspect "$1" | sed -n "s/^ *\"$2\": \"\{0,1\}\([^\",]*\)\"\{0,1\},\{0,1\}\$/\1/p" | head -n 1
}

directory_of() { printf '%s/containers/%s\n' "$NSCTL_ROOT" "$(field "$1" Id)"; }
is_gone() { ! kill -0 "$1" 2>/dev/null; }

# Nothing of any container is in the store.
assert_store_empty()
{
  local left
  left=$(find "$NSCTL_ROOT"/containers "$NSCTL_ROOT"/names "$NSCTL_ROOT"/logs -mindepth 1 2>/dev/null)
  assert_equal "" "$left" "Something is left in the store."
}

# --- What is typed -----------------------------------------------------------------

@test "each command says what it does, with an example; a near miss is set right" {
  local command
  for command in ps list inspect stop kill wait pause unpause rm delete prune rename doctor; do
    run_step "$command" --help
    assert_status 0
    assert_output_has "Usage: step-09 $command"
    assert_output_has "Try:"
  done
  run_step stpo web
  assert_status 125
  assert_stderr_has "unknown command: stpo; did you mean stop?"
  run_step stop --tiem 5 web
  assert_status 125
  assert_stderr_has "did you mean --time?"
  run_step
  assert_status 125
  run_step stop
  assert_status 125
  assert_stderr_has "expected"
  run_step rename one
  assert_status 125
  run_step ps something
  assert_status 125
  [ ! -e "$NSCTL_ROOT" ] || fail "What was refused has made the store."
}

@test "an empty store: ps has nothing to list, and makes nothing" {
  run_step ps -a
  assert_status 0
  assert_equal "CONTAINER ID   IMAGE   COMMAND   CREATED   STATUS   ADDRESS   PORTS   NAMES" "$output"
  run_step ps -aq
  assert_equal "" "$output"
  run_step ps -a --json
  assert_equal "[]" "$output"
  [ ! -e "$NSCTL_ROOT" ] || fail "To look is not to make."
}

@test "a name is letters, digits, _ . and -; whatever could be a path or obeyed by a terminal is refused" {
  local name
  for name in '' . .. ../x a/b -x _x .x $'a\nb' $'\e[2J' 'a b' "$(printf 'a%.0s' {1..64})" ä; do
    run_step run -d --net none "--name=$name" "$rootfs" /bin/true
    assert_status 125
    assert_stderr_has "--name"
    [ ! -e "$NSCTL_ROOT/containers" ] || [ -z "$(ls -A "$NSCTL_ROOT/containers")" ] || fail "Something was made for $name."
  done
}

@test "an unknown name is said to be unknown, with what was meant; exit status 1" {
  local command
  start webserver -- /bin/true
  for command in stop kill wait pause unpause rm inspect; do
    run_step "$command" websevrer
    assert_status 1
    assert_stderr_has "no such container: websevrer; did you mean webserver?"
  done
  run_step rename nobody else
  assert_status 1
  run_step rm -f nobody
  assert_status 0 "What is not there need not be removed."
}

# --- What is listed ------------------------------------------------------------------

@test "ps: id, root, command, age, status, name; -a also those that have ended" {
  start one -- /bin/sleep 1000
  start two -- /bin/sh -c 'exit 3'
  run_step wait two
  assert_equal 3 "$output"
  run_step ps
  assert_status 0
  assert_output_matches 'CONTAINER ID +IMAGE +COMMAND +CREATED +STATUS +ADDRESS +PORTS +NAMES'
  assert_output_matches '[0-9a-f]{12} +[^ ]*build/rootfs/default +/bin/sleep 1000 +(Less than a second|[0-9]+ seconds?) ago +Up .* +one'
  assert_output_lacks two
  run_step ps -a
  assert_output_matches 'Exited \(3\) .* ago +two' "A container that has ended is listed with its exit status."
  assert_equal two "$(awk 'NR == 2 { print $NF }' <<<"$output")" "The newest is the first."
  run_step ps -aq
  assert_equal 2 "${#lines[@]}"
  assert_equal 12 "${#lines[0]}"
  run_step ps -aq --no-trunc
  assert_equal 64 "${#lines[0]}"
  run_step list -a --json
  assert_output_has '"State": "exited"'
  assert_output_has '"ExitCode": 3'
}

@test "a container is found by its name, its id and any beginning that only it has" {
  start one -- /bin/sleep 1000
  local first=$id
  run_step inspect "$first" "${first:0:12}" "${first:0:6}" one
  assert_status 0
  assert_equal 4 "$(grep -c '^    "Id": ' <<<"$output")"
  # With seventeen some two begin alike.
  local i
  for i in {1..16}; do start "n$i" -- /bin/true; done
  local letter
  letter=$("$STEP" -q ps -aq | cut -c 1 | sort | uniq -d | head -n 1)
  run_step inspect "$letter"
  assert_status 1
  assert_stderr_has "containers have ids that begin with that"
}

@test "control characters of a command do not reach the terminal" {
  start one -- /bin/sh -c $'true \e]0;owned\a \xff'
  run_step ps -a --no-trunc
  assert_status 0
  assert_output_lacks $'\e'
  assert_output_lacks $'\a'
  run_step inspect one
  assert_status 0
  assert_output_lacks $'\e'
}

@test "inspect says what was asked for and what is, as JSON with docker's keys" {
  start one -m 64m --hostname here -e COLOUR=blue -w /tmp --stop-signal USR1 -- /bin/sleep 1000
  run_step inspect one
  assert_status 0
  for words in "\"Id\": \"$id\"" '"Name": "one"' '"Running": true' '"Hostname": "here"' '"COLOUR=blue"' '"WorkingDir": "/tmp"' \
    '"StopSignal": "SIGUSR1"' '"Memory": 67108864' '"NetworkMode": "none"' '"ExitCode": null'; do
    assert_output_has "$words"
  done
  local pid
  pid=$(field one Pid)
  assert_equal "sleep" "$(cat "/proc/$pid/comm")" "Pid must be that of its first process."
}

@test "what is printed and does not arrive is an error" {
  run --separate-stderr -- bash -c '"$STEP" -q ps >/dev/full'
  assert_status 125
  assert_stderr_has "did not arrive"
}

# --- The record ----------------------------------------------------------------------

# What happened to the record, in order: "fsync NAME" and "rename NAME"; ids are cut.
record_events()
{
  sed -n -e 's/^[0-9]* *//' \
    -e 's/^fsync([0-9]*<\([^>]*\)>.*= 0$/fsync \1/p' \
    -e 's/^rename("\([^"]*\)", "\([^"]*\)").*= 0$/rename \1 \2/p' "$1" |
    sed -e "s,$NSCTL_ROOT/,,g" -e 's/[0-9a-f]\{64\}/ID/g'
}

@test "a file of the record is on the disk before it gets its name, and its name before we go on" {
  run strace -f -y -o trace -e trace=fsync,rename -- "$STEP" -q run --net none --name one "$rootfs" /bin/true
  assert_status 0
  record_events trace >events
  diff -u - events <<'END' || fail "The order must be: fsync the new file, rename it, fsync the directory."
fsync containers/.ID/config.json.new
rename containers/.ID/config.json.new containers/.ID/config.json
fsync containers/.ID
rename containers/.ID containers/ID
fsync containers
fsync containers/ID/state.json.new
rename containers/ID/state.json.new containers/ID/state.json
fsync containers/ID
fsync containers/ID/state.json.new
rename containers/ID/state.json.new containers/ID/state.json
fsync containers/ID
END
}

@test "what cannot be written to the disk is no container: every call of the record failing in turn" {
  local call number
  for call in fsync:EIO rename:ENOSPC; do
    for number in 1 2 3 4 5; do
      [ "$call" != rename:ENOSPC ] || [ "$number" -le 3 ] || continue
      run --separate-stderr -- strace -f --quiet=all -o trace -e "trace=${call%:*}" \
        -e inject="${call%:*}:error=${call#*:}:when=$number" -- "$STEP" -q run --net none --name one "$rootfs" /bin/sleep 1000
      grep -q INJECTED trace || fail "the fault ${call%:*} number $number was never met"
      assert_status 125
      assert_stderr_has "${call#*:}"
      assert_store_empty
    done
  done
}

@test "that the end cannot be written down is said, and then nobody knows it" {
  run --separate-stderr -- strace -f --quiet=all -o trace -e trace=fsync -e inject=fsync:error=EIO:when=6 -- \
    "$STEP" -q run --net none --name one "$rootfs" sh -c 'exit 4'
  assert_status 4 "The command's exit status is still the run's."
  assert_stderr_has "is not kept"
  run_step ps -a
  assert_output_has "Exited (unknown)"
}

@test "a log of what happens is true: run -d, stop, rm" {
  assert_log_true run -d --net none --name one "$rootfs" /bin/sleep 1000
  assert_status 0
  assert_log_true stop -t 0 one
  assert_status 0
  assert_log_true rm one
  assert_status 0
  assert_store_empty
}

# --- A damaged record ------------------------------------------------------------------

@test "a corrupt record is listed as such; rm -f kills its processes, by their cgroup, and removes it" {
  requires cgroup-write
  local damage pid file
  for damage in 'state.json:truncate -s 0' 'state.json:truncate -s 40' 'state.json:sed -i s/running/sleeping/' \
    'config.json:truncate -s 100' 'config.json:rm' 'config.json:sed -i s/"pids"/"PIDS"/' \
    'config.json:sed -i s/"name":.*/"name":7,/' 'state.json:sh -c "printf \\\\377 >$1" sh'; do
    start one -- /bin/sleep 1000
    pid=$(field one Pid)
    file=$(directory_of one)/${damage%%:*}
    : "$file" # is used in:
    eval "${damage#*:} \"\$file\""
    run_step ps
    assert_status 0
    assert_output_matches 'Corrupt .*one$' "A record that can not be understood must be listed: $damage"
    run_step stop one
    assert_status 1
    assert_stderr_has "corrupt"
    run_step rm one
    assert_status 1
    assert_stderr_has "rm -f"
    kill -0 "$pid" || fail "rm without -f has killed it."
    run_step rm -f one
    assert_status 0
    wait_until is_gone "$pid" || fail "rm -f has left its processes alive: $damage"
    assert_store_empty
  done
}

@test "a corrupt record without a monitor: its processes are killed too" {
  requires cgroup-write
  # Nobody dies with the monitor here: a process that has left the PID namespace's first one
  # behind it, as one that enters does, is only to be found in the cgroup.
  start one -- /bin/sleep 1000
  local directory cgroup pid
  directory=$(directory_of one)
  cgroup=$("$STEP" -q inspect one | grep -o '/sys/fs/cgroup[^"]*nsctl/[0-9a-f]*' | grep -e freezer -e unified -e '^/sys/fs/cgroup/nsctl' | head -n 1)
  sleep 1000 3>&- &
  pid=$!
  echo "$pid" >"$cgroup/cgroup.procs"
  kill -KILL "$(field one MonitorPid)"
  rm "$directory/config.json"
  run_step ps
  assert_output_has Corrupt
  run_step rm -f one
  assert_status 0
  wait_until is_gone "$pid" || fail "What is in the container's cgroup was not killed."
  assert_store_empty
}

# --- Signals to strangers ------------------------------------------------------------

# Puts the process $1 into the record of $2 as its first one.
forge_pid() { sed -i "s/\"pid\": [0-9]*/\"pid\": $1/" "$(directory_of "$2")/state.json"; }
forge_start() { sed -i "s/\"start_time\": [0-9]*/\"start_time\": $1/" "$(directory_of "$2")/state.json"; }
start_time_of() { sed 's/.*) //' "/proc/$1/stat" | cut -d ' ' -f 20; }

@test "a process that has got the container's number is never signalled" {
  local stranger command
  sleep 1000 3>&- &
  stranger=$!
  for command in "kill -s TERM" "stop -t 0" "kill" "rm -f"; do
    start one -- /bin/sleep 1000
    forge_pid "$stranger" one
    # shellcheck disable=SC2086
    run strace -f -o trace -e trace=kill,tkill,tgkill,pidfd_send_signal,pidfd_open -- "$STEP" -q $command one
    ! grep -E "kill\($stranger," trace || fail "$command has sent a signal by number."
    kill -0 "$stranger" || fail "$command has killed a process that is none of the container's."
    "$STEP" -q rm -f one
  done
  # The control: with its start time as well it is taken for the container's.
  start one -- /bin/sleep 1000
  forge_pid "$stranger" one
  forge_start "$(start_time_of "$stranger")" one
  run_step kill -s TERM one
  assert_status 0
  wait_until is_gone "$stranger"
}

@test "a process of another boot is never signalled" {
  local pid
  start one -- /bin/sleep 1000
  pid=$(field one Pid)
  sed -i 's/"boot_id": "[^"]*"/"boot_id": "00000000-0000-0000-0000-000000000000"/' "$(directory_of one)/state.json"
  run_step kill -s TERM one
  assert_status 1
  assert_stderr_has "not running"
  kill -0 "$pid" || fail "The boot id is not looked at."
}

# --- Watching it die -----------------------------------------------------------------

@test "the monitor killed: listed as ended within a second, nobody knows how; no process, no cgroup stays" {
  local pid monitor
  start one -- /bin/sh -c 'echo said; exec sleep 1000'
  pid=$(field one Pid)
  monitor=$(field one MonitorPid)
  kill -KILL "$monitor"
  wait_until is_gone "$pid" || fail "The container outlives its monitor: PR_SET_PDEATHSIG."
  run_step ps -a
  assert_output_has "Exited (unknown)" "Nobody has seen its exit status: 0 would be a lie."
  run_step ps
  assert_output_lacks one
  run_step ps -a --json
  assert_output_has '"ExitCode": null'
  run_step wait one
  assert_equal unknown "$output"
  assert_status 1
  grep -q said "$NSCTL_ROOT"/logs/*.log || fail "Its log must be kept."
  run_step rm one
  assert_status 0
  assert_store_empty
}

@test "the first process killed from outside: 137, and listed at once" {
  start one -- /bin/sleep 1000
  kill -KILL "$(field one Pid)"
  run_step wait one
  assert_equal 137 "$output"
  run_step ps -a
  assert_output_has "Exited (137)"
}

@test "wait prints the exit status, of several, also with --rm" {
  start one -- /bin/sh -c 'sleep 1; exit 5'
  start two --rm -- /bin/sh -c 'sleep 1; exit 6'
  run_step wait one two
  assert_status 0
  assert_equal $'5\n6' "$output"
  wait_until "$STEP" -q rm -f two
  run_step wait one
  assert_equal 5 "$output" "One that has ended already need not be waited for."
  local round
  for ((round = 0; round < rounds; round++)); do
    start "r$round" --rm -- /bin/sh -c 'exit 7'
    run_step wait "$id"
    [ "$output" = 7 ] || [[ $stderr == *"no such container"* ]] || fail "wait has lost a container's end: $output $stderr"
  done
}

# --- Ending it -----------------------------------------------------------------------

@test "stop: TERM, or what --stop-signal says; what does not end by it is killed after its time" {
  start polite -- /bin/sh -c 'trap "exit 9" TERM; while :; do sleep 0.1; done'
  start other --stop-signal USR1 -- /bin/sh -c 'trap "exit 8" USR1; while :; do sleep 0.1; done'
  start deaf -- /bin/sh -c 'trap "" TERM; while :; do sleep 0.1; done'
  wait_until grep -q SigCgt "/proc/$(field polite Pid)/status"
  sleep 1 # until the traps are set
  run_step stop -t 60 polite other
  assert_status 0
  assert_equal $'polite\nother' "$output"
  run_step stop deaf -t 1
  assert_status 0
  run_step ps -a
  assert_output_matches 'Exited \(9\).* polite'
  assert_output_matches 'Exited \(8\).* other'
  assert_output_matches 'Exited \(137\).* deaf' "What does not listen is killed."
  run_step stop deaf
  assert_status 0 "One that has ended is stopped."
}

@test "stop of a fork bomb: no process is left" {
  requires pids
  start bomb --pids-limit 100 -- /bin/sh -c 'f() { f | f & }; trap "" TERM; f; while :; do sleep 0.1; done'
  local pid
  pid=$(field bomb Pid)
  run_step stop -t 1 bomb
  assert_status 0
  wait_until is_gone "$pid"
  run_step rm bomb
  assert_status 0
}

@test "what is killed is killed as one: cgroup.kill, or frozen, killed and thawed" {
  requires cgroup-write
  start one -- /bin/sh -c 'trap "" TERM; sleep 1000 & sleep 1000 & wait'
  run strace -f -y -o trace -e trace=openat,write,pidfd_send_signal -- "$STEP" -q stop -t 0 one
  assert_status 0
  if grep -q cgroup.kill trace; then
    grep -E 'write\([0-9]+<[^>]*/cgroup.kill>, "1"' trace
  else
    sed -n -e 's/.*write([^,]*freezer.state>, "\(.*\)", .*/\1/p' -e 's/.*pidfd_send_signal([^,]*, SIGKILL, .*/kill/p' trace | uniq >order
    assert_equal $'FROZEN\nkill\nTHAWED' "$(sed -n '/FROZEN/,$p' order | head -n 3)" "Who is not frozen can fork between two of our signals."
  fi
}

@test "kill sends any signal; to one that does not run it is an error" {
  start one -- /bin/sh -c 'trap "echo got >/got; exit 4" HUP; echo ready; while :; do sleep 0.1; done'
  wait_until grep -q ready "$NSCTL_ROOT/logs/$id.log"
  for signal in sighup HUP 1; do
    run_step kill -s "$signal" one
    [ "$signal" != sighup ] || assert_status 0
    [ "$signal" = sighup ] || break
    run_step wait one
    assert_equal 4 "$output"
  done
  run_step kill one
  assert_status 1
  assert_stderr_has "not running"
  local bad
  for bad in '' NO SIGNO 0 65 -1 1x RTMIN+99; do
    run_step kill "--signal=$bad" one
    assert_status 125
  done
  start two -- /bin/sleep 1000
  run_step kill two
  assert_status 0
  run_step ps -a
  assert_output_matches 'Exited \(137\).* two' "When kill has returned it is dead, and listed as such."
}

@test "pause: everything stands still and does not know it; unpause: it goes on" {
  requires cgroup-write
  local before
  start one -- /bin/sh -c 'while :; do echo tick; sleep 0.01; done'
  wait_until grep -q tick "$NSCTL_ROOT/logs/$id.log"
  run_step unpause one
  assert_status 1
  assert_stderr_has "not paused"
  run_step pause one
  assert_status 0
  run_step ps
  assert_output_has "(Paused)"
  sleep 0.3
  before=$(wc -l <"$NSCTL_ROOT/logs/$id.log")
  sleep 0.5
  assert_equal "$before" "$(wc -l <"$NSCTL_ROOT/logs/$id.log")" "It goes on while it is paused."
  run_step pause one
  assert_status 1
  assert_stderr_has "paused already"
  run_step unpause one
  assert_status 0
  ticked_on() { [ "$(wc -l <"$NSCTL_ROOT/logs/$id.log")" -gt "$before" ]; }
  wait_until ticked_on
  run_step ps
  assert_output_lacks Paused
}

@test "what is paused can be stopped, killed and removed" {
  requires cgroup-write
  start one -- /bin/sh -c 'trap "exit 3" TERM; echo ready; while :; do sleep 0.1; done'
  wait_until grep -q ready "$NSCTL_ROOT/logs/$id.log"
  "$STEP" -q pause one
  run_step stop -t 60 one
  assert_status 0
  run_step ps -a
  assert_output_has "Exited (3)" "One that stands still must be woken, or it can not hear."
  start two -- /bin/sleep 1000
  "$STEP" -q pause two
  run_step kill two
  assert_status 0
  start three -- /bin/sleep 1000
  "$STEP" -q pause three
  run_step rm -f three
  assert_status 0
  run_step rm one two
  assert_status 0
  assert_store_empty
}

# --- Taking it away ------------------------------------------------------------------

@test "rm: not what runs, unless with -f; all that are named, even where one fails" {
  start one -- /bin/sleep 1000
  start two -- /bin/true
  "$STEP" -q wait two
  run_step rm one two three
  assert_status 1
  assert_equal two "$output" "Those that can be removed are, whatever becomes of the others."
  assert_stderr_has "one is running"
  assert_stderr_has "no such container: three"
  run_step ps -aq
  assert_equal 1 "${#lines[@]}"
  run_step delete -f one
  assert_status 0
  assert_store_empty
}

@test "what it wrote is removed, however deep it goes" {
  start one -- /bin/sh -c 'i=0; while [ $i -lt 3000 ]; do mkdir d && cd d || exit 1; i=$((i + 1)); done; echo x >x; ln -s / l; exit 0'
  run_step wait one
  assert_equal 0 "$output"
  bash -c 'ulimit -n 64; exec "$STEP" -q rm one'
  assert_store_empty
}

@test "a user's container: what its other ids wrote is removed too" {
  requires unprivileged subids
  export NSCTL_ROOT=$BATS_TEST_TMPDIR/user
  mkdir "$NSCTL_ROOT" && chmod a+x "$BATS_TEST_TMPDIR" "$BATS_FILE_TMPDIR"
  [ "$(id -u)" -ne 0 ] || chown "$(as_user id -u)" "$NSCTL_ROOT"
  run --separate-stderr -- as_user "$STEP" -q run --name one --net none "$rootfs" sh -c 'mkdir -p /a/b; echo x >/a/b/c; chown -R 7:7 /a; chmod 000 /a/b /a'
  assert_status 0
  run --separate-stderr -- as_user "$STEP" -q ps -a
  assert_output_has "Exited (0)"
  run --separate-stderr -- as_user "$STEP" -q rm one
  assert_status 0
  assert_store_empty
}

@test "prune removes those that do not run, and asks before" {
  start one -- /bin/sleep 1000
  start two -- /bin/true
  "$STEP" -q wait two
  run --separate-stderr -- bash -c 'echo n | "$STEP" -q prune'
  assert_status 1
  run_step ps -aq
  assert_equal 2 "${#lines[@]}"
  run --separate-stderr -- bash -c 'echo y | "$STEP" -q prune'
  assert_status 0
  run_step ps -a
  assert_output_has one
  assert_output_lacks two
  run_step prune -f
  assert_status 0
  assert_equal "" "$output"
}

@test "rename: the old name is free, the new one taken; whoever runs keeps on running" {
  start one -- /bin/sleep 1000
  start two -- /bin/sleep 1000
  run_step rename one two
  assert_status 1
  assert_stderr_has 'the name "two" is taken'
  run_step rename one ../x
  assert_status 125
  run_step rename one three
  assert_status 0
  run_step inspect one
  assert_status 1
  run_step ps
  assert_output_matches 'Up .* three'
  run_step rename two one
  assert_status 0
  run_step stop -t 0 one three
  assert_status 0
}

# --- At the same time ------------------------------------------------------------------

@test "the same name a hundred times at once: exactly one has it, and is listed" {
  local i
  for i in {1..100}; do
    "$STEP" -q run -d --net none --name same "$rootfs" /bin/sleep 1000 >"out.$i" 2>"err.$i" &
  done
  wait
  assert_equal 1 "$(cat out.* | wc -l)" "There must be one container of that name, no more and no fewer."
  assert_equal 99 "$(grep -l 'the name "same" is taken' err.* | wc -l)"
  run_step ps -aq --no-trunc
  assert_equal "$(cat out.*)" "$output" "The one that has the name must be listed."
}

@test "a hundred at once: all run, all are listed, all can be removed at once" {
  local i
  for i in {1..100}; do "$STEP" -q run -d --net none "$rootfs" /bin/sleep 1000 >"out.$i" 2>"err.$i" & done
  wait
  assert_equal "" "$(cat err.*)"
  run_step ps -q --no-trunc
  assert_equal "$(cat out.* | sort)" "$(sort <<<"$output")"
  run_step ps
  assert_equal 101 "$(awk '{ print $NF }' <<<"$output" | sort -u | wc -l)" "Names that are made up are all different."
  cut -c 1-12 out.* | xargs -P 8 -n 5 "$STEP" -q rm -f >removed
  assert_equal 100 "$(wc -l <removed)"
  assert_store_empty
}

@test "rm during start: gone or listed, never half" {
  local round pause
  for ((round = 0; round < rounds; round++)); do
    "$STEP" -q run -d --net none --name one "$rootfs" /bin/sleep 1000 >out 2>err &
    printf -v pause '0.%03d' $((round * 60 / rounds))
    sleep "$pause"
    run_step rm -f one
    assert_status 0
    wait $! || true
    run_step ps -a
    if [[ $output == *" one"* ]]; then
      run_step rm -f one
      assert_status 0
    fi
    assert_store_empty
  done
}

@test "stop during start: it is stopped, or there is none" {
  local round pause
  for ((round = 0; round < rounds; round++)); do
    "$STEP" -q run -d --net none --name one "$rootfs" /bin/sleep 1000 >out 2>err &
    printf -v pause '0.%03d' $((round * 60 / rounds))
    sleep "$pause"
    run_step stop -t 0 one
    if [ "$status" -eq 0 ]; then
      run_step ps -a
      assert_output_has "Exited (137)"
    else
      assert_stderr_has "no such container"
    fi
    wait $! || true
    run_step rm -f one
    assert_store_empty
  done
}

@test "many rename, list and remove at once: no name leads to two, none is lost" {
  local i
  for i in {1..8}; do start "n$i" -- /bin/true && "$STEP" -q wait "n$i" >/dev/null; done
  for i in {1..8}; do
    (for _ in {1..5}; do "$STEP" -q rename "n$i" "x$i" 2>/dev/null; "$STEP" -q rename "x$i" "n$i" 2>/dev/null; done) 3>&- &
    (for _ in {1..5}; do "$STEP" -q ps -a 2>&1 | grep -v -e ' n[0-9]*$' -e ' x[0-9]*$' -e '^CONTAINER'; done >>wrong) 3>&- &
  done
  wait
  assert_equal "" "$(<wrong)" "Whoever looked meanwhile saw what never was."
  run_step rm n1 n2 n3 n4 n5 n6 n7 n8
  assert_status 0
  assert_store_empty
}

# --- The disk --------------------------------------------------------------------------

@test "a full disk: said so, nothing half is left; what there is can be listed and removed" {
  requires root
  export NSCTL_ROOT=$BATS_TEST_TMPDIR/small
  mkdir "$NSCTL_ROOT"
  cat >full.sh <<'END'
set -u
mount -t tmpfs -o size=2500k,mode=700 none "$NSCTL_ROOT" || exit 99
"$STEP" -q run -d --net none --name before "$1" /bin/sleep 1000 || exit 98
head -c 10m /dev/zero >"$NSCTL_ROOT/filler" 2>/dev/null
"$STEP" -q run -d --net none --name one "$1" /bin/sleep 1000
echo "status $?"
"$STEP" -q ps -a --no-trunc
"$STEP" -q stop -t 0 before
echo "stopped $?"
"$STEP" -q rm -f before
echo "removed $?"
rm "$NSCTL_ROOT/filler"
"$STEP" -q run --net none --name one "$1" /bin/echo works
"$STEP" -q rm one
find "$NSCTL_ROOT" -type f
END
  run --separate-stderr -- unshare -m bash full.sh "$rootfs"
  assert_output_has "status 125"
  assert_stderr_has "ENOSPC"
  assert_output_matches 'Up .*before'
  assert_output_lacks ' one'
  assert_output_has "stopped 0"
  assert_output_has "removed 0" "To remove takes no room."
  assert_output_has works
  assert_equal "$NSCTL_ROOT/lock" "${lines[-1]}"
}

@test "a read-only store: 125 naming the path; ps and inspect still read" {
  requires root
  start one -- /bin/true
  "$STEP" -q wait one
  cat >read-only.sh <<'END'
mount --bind "$NSCTL_ROOT" "$NSCTL_ROOT" && mount -o remount,bind,ro "$NSCTL_ROOT" || exit 99
"$STEP" -q run --net none "$1" /bin/true
echo "status $?"
"$STEP" -q ps -a
"$STEP" -q inspect one
"$STEP" -q rm one
echo "removed $?"
END
  run --separate-stderr -- unshare -m bash read-only.sh "$rootfs"
  assert_output_has "status 125"
  assert_stderr_has "EROFS"
  assert_stderr_has "$NSCTL_ROOT"
  assert_output_matches 'Exited \(0\) .* one'
  assert_output_has '"Name": "one"'
  assert_output_has "removed 1"
  run_step ps -aq
  assert_equal 1 "${#lines[@]}"
}

@test "a store that others may write into is refused" {
  mkdir "$NSCTL_ROOT" && chmod a+w "$NSCTL_ROOT"
  run_step run --net none "$rootfs" /bin/true
  assert_status 125
  assert_stderr_has "nobody else may write into"
}

# --- Killed in between -----------------------------------------------------------------

# Kills whoever makes the call $2 for the $3rd time ($1: -f, the container's processes too), and
# clears up as one would. Fails where that call was not made so often.
kill_at()
{
  local options=()
  [ "$1" != -f ] || options+=(-f)
  run strace "${options[@]}" --quiet=all -o trace -e "trace=$2" -e inject="$2:signal=KILL:when=$3" -- \
    "$STEP" -q run --net none --name one "$rootfs" /bin/true
  "$STEP" -q ps -a >/dev/null
  run_step rm -f one
  assert_status 0
  assert_store_empty
  grep -q 'killed by SIGKILL' trace
}

@test "the monitor killed at any call: after rm -f nothing of it is left" {
  local call number
  for call in mkdir flock symlink fsync rename clone3 write rmdir unlink exit_group; do
    kill_at "" "$call" 1 || fail "the monitor never calls $call"
    for ((number = 2; number < 40; number++)); do
      kill_at "" "$call" "$number" || break
    done
  done
  [ -z "$(find /sys/fs/cgroup -path '*/nsctl/*' -type d -prune)" ] || fail "A cgroup is left."
}

@test "the container's first process killed at any call: after rm -f nothing of it is left" {
  local call number
  for call in mount pivot_root prctl capset execve; do
    for ((number = 1; number < 40; number++)); do
      kill_at -f "$call" "$number" || break
    done
  done
  [ -z "$(find /sys/fs/cgroup -path '*/nsctl/*' -type d -prune)" ] || fail "A cgroup is left."
}
