#!/usr/bin/env bats
# shellcheck disable=SC2016 # what looks like an expansion is for a shell inside
# shellcheck disable=SC2030,SC2031 # each test is a process of its own
# shellcheck disable=SC2154 # status, output and stderr are set by bats' run
#
# Step 09: a container's record: on the disk before it counts, damaged, forged.
# Full disks, and whatever is killed or fails: 09-faults.bats.

load ../helpers
load ../containers

# --- The record ----------------------------------------------------------------------

rename=$(calls_here rename)

# What happened to the record, in order: "fsync NAME" and "rename NAME"; ids are cut.
record_events()
{
  sed -nE -e 's/^[0-9]* *//' -e 's/AT_FDCWD(<[^>]*>)?, //g' \
    -e 's/^fsync\([0-9]*<([^>]*)>.*= 0$/fsync \1/p' \
    -e 's/^'"$rename"'\("([^"]*)", "([^"]*)"\).*= 0$/rename \1 \2/p' "$1" |
    sed -e "s,$NSCTL_ROOT/,,g" -e 's/[0-9a-f]\{64\}/ID/g'
}

@test "a file of the record is on the disk before it gets its name, and its name before we go on" {
  run strace -y -o trace -e trace="fsync,$rename" -- "$STEP" -q run --net none --name one "$rootfs" /bin/true
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

@test "nobody waits for the disk because of a container that is removed at its end; others never see half of it all the same" {
  run strace -y -o trace -e trace="fsync,fdatasync,syncfs,$rename" -- "$STEP" -q run --rm --net none --name one "$rootfs" /bin/true
  assert_status 0
  ! grep -E '^f(data)?sync|^syncfs' trace || fail "After a loss of power it has ended, and nothing of it is to be there."
  record_events trace >events
  diff -u - <(head -n 4 events) <<'END' || fail "Each file must still change as a whole."
rename containers/.ID/config.json.new containers/.ID/config.json
rename containers/.ID containers/ID
rename containers/ID/state.json.new containers/ID/state.json
rename containers/ID/state.json.new containers/ID/state.json
END
}

@test "what cannot be written to the disk is no container: every call of the record failing in turn" {
  local call number
  for call in fsync:EIO "$rename:ENOSPC"; do
    for number in 1 2 3 4 5; do
      [ "$call" = fsync:EIO ] || [ "$number" -le 3 ] || continue
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

@test "a log of what happens is true: run, stop, kill, rm" {
  requires root strace # what a process wrote that may not be looked into, only root's strace shows
  assert_log_true run --net none --name one "$rootfs" /bin/true
  assert_status 0
  assert_log_true rm one
  assert_status 0
  start two -- /bin/sleep 1000
  assert_log_true kill -s USR1 two
  assert_log_true stop -t 0 two
  assert_status 0
  start three -- /bin/sleep 1000
  assert_log_true rm -f two three
  assert_status 0
  assert_store_empty
}

# --- Who lives ------------------------------------------------------------------------

@test "who has the lock on alive lives, and nobody else" {
  start one -- /bin/sleep 1000
  local directory monitor pid held=yes listed
  directory=$(directory_of one)
  pid=$(field one Pid)
  monitor=$(sed -n '/"monitor"/,/}/s/.*"pid": \([0-9]*\).*/\1/p' "$directory/config.json")
  flock -n "$directory/alive" true && held=no
  listed=$("$STEP" -q ps; "$STEP" -q inspect one)
  # Whatever comes out of it: who is not taken for alive is not ended by rm -f.
  kill -KILL "$monitor"
  assert_equal yes "$held" "The monitor must have a lock on the file alive, as long as it lives."
  output=$listed
  assert_output_matches 'Up .* one' "Whose lock is held, runs: ask for it, and do not wait."
  assert_output_has "\"MonitorPid\": $monitor," "Whose lock is held, lives: ask for it, and do not wait."
  wait_until flock -n "$directory/alive" true
  wait_until is_gone "$pid"
  run_step ps
  assert_output_lacks one "Whose lock is free does not run any more, whatever its record says."

  # One that has no process yet: there is nothing but the lock to ask.
  rm "$directory/state.json"
  run_step ps -a
  assert_output_matches 'Exited .* one' "Who was killed while it was being made leaves a lock that nobody holds."
  exec 8<>"$directory/alive"
  flock -n 8
  run_step ps -a
  assert_output_matches 'Created .* one' "Whose lock is held lives: ask for it, and do not wait."
  flock -n -s 8
  run_step ps -a
  exec 8>&-
  assert_output_matches 'Exited .* one' "Who only asks shares the lock for a moment, and is not taken for a monitor by others who ask."
}

@test "first it is asked who lives, and then what the record says: or its last word could come in between" {
  requires strace
  start one
  run strace -o trace -e trace=openat,flock -- "$STEP" -q ps -a
  assert_equal $'alive\nLOCK_SH\nconfig.json\nstate.json' "$(grep -oE '"(alive|config.json|state.json)"|LOCK_SH' trace | tr -d '"')"
}

@test "one that is removed while somebody looks at it is gone, and not corrupt" {
  requires strace
  start one
  start two
  strace -o /dev/null -e trace=flock -e inject=flock:delay_exit=1500000:when=1 -- "$STEP" -q ps -a >listed 2>errors &
  sleep 0.5
  run_step rm -f one two
  assert_status 0
  wait $!
  ! grep -i corrupt listed errors || fail "It was taken for a damaged one."
}

@test "who lists containers waits for no pipe, whichever file of a record it is" {
  local directory file
  start one -- sleep 1000
  directory=$(directory_of one)
  for file in config.json state.json alive; do
    mv "$directory/$file" kept
    mkfifo "$directory/$file"
    run --separate-stderr -- timeout -s KILL "${NSCTL_TEST_PATIENCE:-60}" "$STEP" -q ps -a
    assert_status 0 "$file"
    assert_output_has "${id:0:12}"
    mv kept "$directory/$file"
  done
}

@test "a process that has ended, and for which nobody has waited, does not live" {
  local directory zombie
  start one
  directory=$(directory_of one)
  python3 -c 'import os, time; pid = os.fork() or os._exit(0); print(pid, flush=True); time.sleep(1000)' >zombie 3>&- &
  wait_until grep -q . zombie
  zombie=$(cat zombie)
  wait_until grep -q '^State:.Z' "/proc/$zombie/status"
  forge_pid "$zombie" one
  forge_start "$(start_time_of "$zombie")" one
  kill -KILL "$(sed -n '/"monitor"/,/}/s/.*"pid": \([0-9]*\).*/\1/p' "$directory/config.json")"
  wait_until flock -n "$directory/alive" true
  run_step ps -a
  kill $!
  assert_output_matches 'Exited .* one' "Its number is the container's, as its start time is; but it has ended."
}

# --- A damaged record ------------------------------------------------------------------

damage_record() # DIRECTORY KIND
{
  case $2 in
    no-state) truncate -s 0 "$1/state.json" ;;
    half-state) truncate -s 40 "$1/state.json" ;;
    other-status) sed -i 's/"running"/"sleeping"/' "$1/state.json" ;;
    bytes) printf '\377' >"$1/state.json" ;;
    half-config) truncate -s 100 "$1/config.json" ;;
    no-config) rm "$1/config.json" ;;
    no-pids) sed -i 's/"pids"/"PIDS"/' "$1/config.json" ;;
    name-7) sed -i 's/"name": .*/"name": 7,/' "$1/config.json" ;;
  esac
}

# bats test_tags=v2
@test "a corrupt record is listed as such; rm -f kills its processes, by their cgroup, and removes it" {
  requires cgroup-write
  local damage pid
  for damage in no-state half-state other-status bytes half-config no-config no-pids name-7; do
    start one -- /bin/sleep 1000
    pid=$(field one Pid)
    damage_record "$(directory_of one)" "$damage"
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
  local directory cgroups cgroup pid
  directory=$(directory_of one)
  cgroups=$("$STEP" -q inspect one | grep -o '/sys/fs/cgroup[^"]*nsctl/[0-9a-f]*')
  cgroup=$(grep -m 1 -e freezer -e unified <<<"$cgroups" || head -n 1 <<<"$cgroups") # of version 2 it is the only one
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
    run strace -f -o trace -e trace=kill,tkill,tgkill,pidfd_send_signal,pidfd_open,openat -- "$STEP" -q $command one
    ! grep -E "kill\($stranger," trace || fail "$command has sent a signal by number."
    # Between a look at who that is and the descriptor another could get the number.
    assert_equal "pidfd_open" "$(grep -oE "pidfd_open\($stranger,|\"/proc/$stranger/stat\"" trace | head -n 1 | sed "s/($stranger,//")" \
      "First the descriptor, and then the question whose that is."
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

# --- The store ------------------------------------------------------------------

@test "a store that others may write into is refused, by those who only look, too" {
  local who inner
  mkdir "$NSCTL_ROOT"
  for inner in "" containers names logs; do
    mkdir -p "$NSCTL_ROOT/$inner"
    for who in g o; do
      chmod "$who+w" "$NSCTL_ROOT/$inner"
      run_step run --net none "$rootfs" /bin/true
      assert_status 125 "Who may write into the store's $inner: $who"
      assert_stderr_has "nobody else may write into"
      chmod "$who-w" "$NSCTL_ROOT/$inner"
    done
  done
  # What others write there says whom to signal, and where to run what root types.
  local victim command
  start one -- /bin/sleep 1000
  sleep 1000 3>&- &
  victim=$!
  forge_pid "$victim" one
  forge_start "$(start_time_of "$victim")" one
  for command in "kill -s TERM one" "stop -t 0 one" "rm -f one" "exec one true" "ps -a" "prune -f" "inspect one" "logs one"; do
    if [ "$(id -u)" -eq 0 ]; then chown 65534 "$NSCTL_ROOT"; else chmod a+w "$NSCTL_ROOT"; fi
    # shellcheck disable=SC2086 # words
    run_step $command
    if [ "$(id -u)" -eq 0 ]; then chown 0 "$NSCTL_ROOT"; else chmod go-w "$NSCTL_ROOT"; fi
    assert_status 125 "$command, in a store of somebody else's:"
    assert_stderr_has "expected a directory that is yours, and that nobody else may write into"
    kill -0 "$victim" || fail "$command has ended the process that somebody else has put into the record."
  done
  run_step kill -s TERM one
  assert_status 0
  wait_until is_gone "$victim" || fail "The control: of a store of one's own the record is believed."
}
