#!/usr/bin/env bats
# What holds when a process of ours is killed with -9, at any call, or when any call
# fails: after one `ps -a` and one `rm -f` the host is as it was.
#
# Each test walks over the calls that a run makes, and takes every so many-th of them, so
# that it takes some 15 seconds. NSCTL_TEST_POINTS says how many (12; 3 in the test machine,
# which is ten times slower); "all" takes all.
# shellcheck disable=SC2016 # what looks like an expansion is for eval
# shellcheck disable=SC2154 # status, output and stderr are set by bats' run
# shellcheck disable=SC2030,SC2031 # each test is a process of its own

load ../helpers
load ../containers

setup()
{
  requires strace
  begin_store
  name=faulty-$$ # that of nobody else who tests meanwhile
  : >stderr
  # So that the store is there, and what makes it is none of the calls that fail.
  "$STEP" -q run --rm "$rootfs" /bin/true
}

teardown()
{
  local ended=0
  end_store || ended=$?
  cd /
  [ -z "${mounted:-}" ] || umount -l "$mounted"
  return "$ended"
}

# Everything that can matter: what is made on the host, what is said to others, what ends.
made=$(calls_here clone3,openat,mkdir,mkdirat,rename,symlink,unlink,unlinkat,rmdir,fsync,flock,write,pipe2,socketpair,bind,sendto,recvfrom,fchown,open_tree,fsopen,fsmount,mount_setattr,signalfd4,prlimit64,poll,waitid,kill,close,read,dup2,setsid,chdir,accept4)

# points LIST: the lines of it that are to be tried.
points()
{
  local count every=1
  count=$(wc -l <"$1")
  [ ! -x /vm/busybox ] || : "${NSCTL_TEST_POINTS:=3}"
  [ "${NSCTL_TEST_POINTS:=12}" = all ] || every=$(((count + NSCTL_TEST_POINTS - 1) / NSCTL_TEST_POINTS))
  awk -v every="$every" 'NR % every == 0' "$1"
}

# The calls of the process that is started, until it ends: CALL NUMBER, a line each, and
# "failed" behind those that fail by themselves (a directory is there already).
own_calls()
{
  strace -o list -e trace="$made" -- "$STEP" -q "$@" >/dev/null 2>&1 || true
  awk '{ call = substr($0, 1, index($0, "(") - 1) } call ~ /^[a-z0-9_]+$/ { print call, ++made[call], / = -1 / ? "failed" : "" }' list >calls
  [ -s calls ] || fail "no calls were seen"
  "$STEP" -q rm -f "$name" >/dev/null 2>&1 || true
}

# Cgroups of the containers that were made as the log in the file stderr has it. (Others may
# be testing, too; it may also name theirs, having swept them in part.)
dead_cgroups()
{
  local id
  sed -n 's|.*mkdir("/sys/.*/nsctl/\([0-9a-f]\{64\}\)".*|\1|p' stderr | sort -u | while read -r id; do
    ls -d /sys/fs/cgroup/*/nsctl/"$id" /sys/fs/cgroup/nsctl/"$id" 2>/dev/null
  done
  return 0
}

# After a fault: one look at what there is, one removal of it, and nothing is left.
assert_clean_again()
{
  local ids left
  ids=$("$STEP" -q ps -aq) || fail "$1: ps -a failed"
  # shellcheck disable=SC2086 # several words
  "$STEP" -q rm -f ${ids:-"$name"} >/dev/null || fail "$1: rm -f $ids failed"
  left=$(
    find "$NSCTL_ROOT/containers" "$NSCTL_ROOT/logs" "$NSCTL_ROOT/names" -mindepth 1
    dead_cgroups
    ip -o link | grep -o 'nsctl[0-9a-f]*'
    ls -d /run/nsctl 2>/dev/null
    pgrep -a -f -- "--name $name"
  ) || true
  assert_equal "" "$left" "$1: after ps -a and rm -f nothing of the container may be left."
}

assert_nothing_left_at_all()
{
  local difference
  difference=$(host_difference) || report "All of this must leave the host as it was." "what changed" "$difference"
}

walk_kills()
{
  local call number
  own_calls "$@"
  while read -r -u 9 call number _; do
    strace --quiet=all -o trace -e trace="$call" -e inject="$call:signal=KILL:when=$number" -- \
      "$STEP" "$@" >/dev/null 2>stderr || true
    assert_clean_again "killed at $call number $number"
  done 9< <(points calls)
  assert_nothing_left_at_all
}

@test "the monitor in the foreground, killed at any call from the first to the last" {
  walk_kills run --name "$name" "$rootfs" /bin/true
}

@test "with --rm, a port and a network of its own" {
  walk_kills run --rm --name "$name" -p 127.0.0.1::80 "$rootfs" /bin/true
}

@test "whoever starts a detached one, the monitor and the container's init, killed at any call" {
  local call number
  # Of whichever process comes there first.
  strace -f -o list -e trace="$made" -- "$STEP" -q run -d --name "$name" "$rootfs" /bin/sleep 0.2 >/dev/null 2>&1 || true
  "$STEP" -q rm -f "$name" >/dev/null 2>&1 || true
  awk '{ call = substr($2, 1, index($2, "(") - 1) } call ~ /^[a-z0-9_]+$/ && ++made[$1, call] > most[call] {
         most[call] = made[$1, call]; print call, most[call] }' list >calls
  while read -r -u 9 call number _; do
    timeout 30 strace -f --quiet=all -o trace -e trace="$call" -e inject="$call:signal=KILL:when=$number" -- \
      "$STEP" run -d --name "$name" "$rootfs" /bin/sleep 0.2 >/dev/null 2>stderr || true
    assert_clean_again "killed at $call number $number"
  done 9< <(points calls)
  assert_nothing_left_at_all
}

kill_child()
{
  run_with_kill "$@"
  assert_clean_again "killed at $1"
}

@test "rm -f waits for one that is dying, and has the lock of a cgroup yet" {
  requires cgroup-write
  local monitor cgroup
  id=$("$STEP" -q run -d --name "$name" "$rootfs" /bin/sleep 1000)
  monitor=$("$STEP" -q inspect "$name" | sed -n 's/^ *"MonitorPid": \([0-9]*\),/\1/p')
  cgroup=$("$STEP" -q inspect "$name" | grep -o '/sys/fs/cgroup/[^"]*' | tail -n 1)
  kill -KILL "$monitor"
  wait_until eval '! "$STEP" -q ps -q | grep -q .'
  flock "$cgroup" sleep 1 3>&- & # a child of the monitor's has all that it had open
  wait_until eval '! flock -n "$cgroup" true'
  run_step rm -f "$name"
  assert_status 0 "What is as good as dead is waited for."
  [ ! -d "$cgroup" ] || fail "$cgroup is left."
}

@test "the container's first process, killed at any call of its set-up" {
  local all
  all=$(setup_calls mount,move_mount,fsmount,setsid,dup3,close_range,sethostname,capset,execve,pivot_root,umount2,sendto \
    run --name "$name" "$rootfs" /bin/true | grep '^child:')
  "$STEP" -q rm -f "$name" >/dev/null 2>&1 || true
  printf '%s\n' "$all" >calls
  while read -r -u 9 call; do
    kill_child "$call" run --name "$name" "$rootfs" /bin/true
    [ "$status" -ne 0 ] || fail "$call: it was killed, and says that all went well"
  done 9< <(points calls)
  assert_nothing_left_at_all
}

# Calls whose failure must end the run with 125, the errno named, and nothing left, not
# even a record: what step 09 adds. The errno is a likely one.
errno_of()
{
  case $1 in
    fsync) echo EIO ;;
    mkdir | rename | symlink) echo ENOSPC ;;
    pipe2 | signalfd4 | socketpair | dup3) echo EMFILE ;;
    clone3) echo EAGAIN ;;
    bind) echo EACCES ;;
    prlimit64 | setsid | fchown) echo EPERM ;;
    flock) echo ENOLCK ;;
    *) echo EIO ;;
  esac
}

@test "whichever call of the monitor fails, it is named, and what could not be started is no container" {
  local call number error
  made=clone3,mkdir,rename,symlink,fsync,pipe2,signalfd4,socketpair,fchown own_calls run --name "$name" "$rootfs" /bin/true
  sed -i '/failed$/d' calls
  while read -r -u 9 call number _; do
    error=$(errno_of "$call")
    run --separate-stderr -- strace --quiet=all -o trace -e trace="$call" -e inject="$call:error=$error:when=$number" -- \
      "$STEP" run --name "$name" "$rootfs" /bin/true
    printf '%s\n' "$stderr" >stderr
    assert_stderr_has "$error" "$call $number: the errno must be named."
    # Once it runs it is let run: then it is only said what could not be written down.
    if [ "$status" -ne 0 ]; then
      assert_status 125 "$call $number: a failed set-up is our own error."
      assert_equal "" "$(ls -A "$NSCTL_ROOT/containers")" "$call $number: what could not be started leaves no record."
    fi
    assert_clean_again "failed at $call $number"
  done 9< <(points calls)
  assert_nothing_left_at_all
}

@test "a full disk: nothing is started, and what is there can still be removed" {
  requires root
  mkdir small
  mount -t tmpfs -o size=600k tmpfs small
  mounted=$BATS_TEST_TMPDIR/small
  export NSCTL_ROOT=$BATS_TEST_TMPDIR/small/root
  "$STEP" -q run --name "$name" "$rootfs" /bin/true
  dd if=/dev/zero of=small/full bs=4k 2>/dev/null || true
  run_step run --name other "$rootfs" /bin/true
  assert_status 125
  assert_stderr_has ENOSPC
  run_step rm "$name"
  assert_status 0 "At no byte free a container can be removed."
  assert_equal "" "$(ls -A "$NSCTL_ROOT/containers")"
  rm small/full
  run_step run --rm "$rootfs" /bin/true
  assert_status 0
}

@test "a state directory that can not be written to is named, and what is in it can be read" {
  requires root
  mkdir kept
  mount -t tmpfs tmpfs kept
  mounted=$BATS_TEST_TMPDIR/kept
  export NSCTL_ROOT=$BATS_TEST_TMPDIR/kept/root
  "$STEP" -q run --name "$name" "$rootfs" /bin/echo hello
  mount -o remount,ro kept
  run_step run --name other "$rootfs" /bin/true
  assert_status 125
  assert_stderr_has "$NSCTL_ROOT"
  assert_stderr_has EROFS
  run_step ps -a
  assert_status 0
  assert_output_has "$name"
  mount -o remount,rw kept
}

# --- Nothing grows ------------------------------------------------------------------

@test "many started and stopped in a loop: nothing grows, NSCTL_TEST_LOOPS of them" {
  local i
  for ((i = 0; i < ${NSCTL_TEST_LOOPS:-20}; i++)); do
    if ((i % 2)); then
      "$STEP" -q run --rm "$rootfs" /bin/true
    else
      id=$("$STEP" -q run -d "$rootfs" /bin/sleep 1000)
      "$STEP" -q stop -t 0 "$id" >/dev/null
      "$STEP" -q rm "$id" >/dev/null
    fi
  done
  assert_clean_again "after ${NSCTL_TEST_LOOPS:-20}"
  assert_nothing_left_at_all
}

@test "many that come and go beside one that stays: that one does not grow either" {
  local monitor before after i
  id=$("$STEP" -q run -d --name "$name" -i "$rootfs" /bin/cat)
  monitor=$(sed -n '/"monitor"/,/}/s/.*"pid": \([0-9]*\).*/\1/p' "$NSCTL_ROOT/containers/$id/config.json")
  measure() { echo "$(find "/proc/$monitor/fd" -mindepth 1 | wc -l) $(awk '/^Private/ { sum += $2 } END { print sum }' "/proc/$monitor/smaps_rollup")"; }
  has_descriptors() { [ "$(find "/proc/$monitor/fd" -mindepth 1 | wc -l)" -eq "$1" ]; } # it hears of an end a moment later
  attach_once()
  {
    "$STEP" -q attach --no-stdin "$name" >/dev/null 2>&1 &
    sleep 0.05
    kill -KILL $! 2>/dev/null || true
    wait $! 2>/dev/null || true
  }
  for i in 1 2 3; do attach_once; done
  before=$(measure)
  for ((i = 0; i < 30; i++)); do attach_once; done
  after=$(measure)
  [ "${after% *}" -eq "${before% *}" ] || wait_until has_descriptors "${before% *}" || fail "Descriptors of the monitor: $(measure)"
  [ "${after#* }" -le $((${before#* } + 8)) ] || fail "The monitor had ${before#* } KiB for itself, and now ${after#* }."
}

@test "the monitor is small: less than an eighth of 334 KiB, where it is static; and has forgotten nothing when something happens" {
  local static=$ROOT/build/static/step-09 monitor private faults
  [ -x "$static" ] || static=$STEP # in the test machine that is a static one
  ! ldd "$static" >/dev/null 2>&1 || skip "needs build/static/step-09: make static"
  "$static" -q run -d --name "$name" "$rootfs" /bin/sh -c 'trap "echo woken; exit 7" USR1; echo ready; while :; do sleep 0.1; done' >id
  # A second one, as there would be: what both have of the program itself is no one's own.
  "$static" -q run -d --name "${name}2" "$rootfs" /bin/sleep 1000 >/dev/null
  monitor=$(sed -n '/"monitor"/,/}/s/.*"pid": \([0-9]*\).*/\1/p' "$NSCTL_ROOT/containers/$(cat id)/config.json")
  private_kib() { awk '/^Private/ { sum += $2 } END { print sum }' "/proc/$monitor/smaps_rollup"; }
  is_small() { [ "$(private_kib)" -le 41 ]; }
  wait_until is_small || fail "It has $(private_kib) KiB for itself." # when nothing has happened for a second
  private=$(private_kib)
  echo "# private memory of the monitor: $private KiB" >&3
  # Of the 500 pages of its static variables most were never touched: to look at those costs more than the whole start.
  if [ -r /proc/self/pagemap ]; then
    faults=$(awk '{ print $10 }' "/proc/$monitor/stat")
    [ "$faults" -le 400 ] || fail "It has had $faults page faults until it had become small."
  fi
  "$static" -q kill -s USR1 "$name"
  run "$static" -q wait "$name"
  assert_output_has 7 "It must still know how to write down the end."
  run "$static" -q logs "$name"
  assert_equal "$output" $'ready\nwoken' "What is printed after a pause must be in the log."
  "$static" -q rm -f "$name" "${name}2" >/dev/null
  assert_nothing_left_at_all
}
