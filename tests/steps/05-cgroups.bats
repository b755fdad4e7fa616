#!/usr/bin/env bats
# shellcheck disable=SC2016 # what looks like an expansion is for a shell inside
# shellcheck disable=SC2030,SC2031 # each test is a process of its own
# shellcheck disable=SC2154 # status, output and stderr are set by bats' run
#
# Step 05: how much a container may use, by control groups of version 2 or 1.
#
# Where the cgroups are the log says, so that the same tests hold for both. All
# that is let loose in here has an end of its own: a limit that is not there yet
# must not cost the host its memory or its processes.

load ../helpers

setup()
{
  requires root
  cd "$BATS_TEST_TMPDIR" || return
  mkfifo hold
  exec 6<>hold # while it is open, containers that read it wait
  declare -gA starter=()
  # From step 08 on a network takes more time than all else, and what containers share of it is a directory, too.
  without_network=()
  ((10#$(step_number) < 8)) || without_network=(--net none)
}

teardown()
{
  local swept=0
  exec 6>&-
  if [ ${#starter[@]} -gt 0 ]; then
    kill -KILL "${starter[@]}" 2>/dev/null || true
    wait "${starter[@]}" 2>/dev/null || true # not all: bats has a child here, too
    "$STEP" -q /bin/true || swept=$?         # sweeps what these have left
  fi
  # Only now: a controller stays with the tree in which there is a cgroup, mounted or not, and nobody gets it back.
  if [ -e handed-on ]; then
    wait_until tree_is_empty
    make_whole
  fi
  return "$swept"
}

# launch NAME ARG…: runs the step in the background; its log is in NAME.log.
launch()
{
  local name=$1
  shift
  : >"$name.out"
  "$STEP" "${without_network[@]}" "$@" <hold >"$name.out" 2>"$name.log" 3>&- 6>&- &
  starter[$name]=$!
}

# start NAME ARG…: the same, and returns when its command has printed "ready".
start()
{
  launch "$@"
  is_ready "$1" || { cat "$1.log" >&2; return 1; }
}

is_ready()
{
  [ "$(<"$1.out")" = ready ] || wait_until eval "grep -qx ready '$1.out' || ! kill -0 ${starter[$1]}"
  [ "$(<"$1.out")" = ready ] || fail "The container \"$1\" has not come up."
}

# finish: all of them come to their end by themselves. Sets status to that of the one NAMEd.
finish()
{
  local name
  exec 6>&-
  for name in "${!starter[@]}"; do
    [ "$name" = "${1:-}" ] || wait "${starter[$name]}" || true
  done
  [ -z "${1:-}" ] || { status=0; wait "${starter[$1]}" || status=$?; }
  starter=()
}

# What these calls are to the kernel: aarch64 has the newer ones alone.
mkdir=$(calls_here mkdir) rmdir=$(calls_here rmdir)

# A command that says it is there and then waits for finish.
wait_inside=(sh -c 'echo ready; read -r _; exit 0')

# look_at LOG: sets, from what the log says, pid, by which the host knows the container's first process;
# tops and directories, of the hierarchies and of the container's own in each; and by controller,
# directory_of and version_of. No process is started for it: this is done often.
look_at()
{
  local line name id=''
  declare -gA directory_of=() version_of=()
  tops=() directories=() pid=''
  while IFS= read -r line; do
    if [[ $line =~ ^'[ns] cgroup version '([12])' at '([^:]+)': '(.*)$ ]]; then
      tops+=("${BASH_REMATCH[2]}")
      for name in ${BASH_REMATCH[3]/blkio/io}; do
        version_of[$name]=${BASH_REMATCH[1]} directory_of[$name]=${BASH_REMATCH[2]}
      done
    elif [[ $line =~ mkdir\(\"[^\"]*/nsctl/([0-9a-f]+)\",\ 0755\)\ =\ 0$ ]]; then
      id=${BASH_REMATCH[1]}
    elif [[ -z $pid && $line =~ clone3\(CLONE_NEW[^\)]*\)\ =\ ([0-9]+)$ ]]; then
      pid=${BASH_REMATCH[1]}
    fi
  done <"$1"
  [ -n "$id" ] || fail "The log of $1 names no cgroup: $(<"$1")" || return
  for name in "${!directory_of[@]}"; do directory_of[$name]+=/nsctl/$id; done
  directories=("${tops[@]/%//nsctl/$id}")
}

# has CONTROLLER V2-FILE V1-FILE V2-VALUE V1-VALUE MEANING: what stands in that file of the container looked at.
has()
{
  local n=$((version_of[$1] == 1)) files=("$2" "$3") values=("$4" "$5")
  assert_equal "${values[n]}" "$(<"${directory_of[$1]}/${files[n]}")" "${6:-}"
}

# Sets device and number to a whole disk of this machine.
find_disk()
{
  local disk size
  for disk in /sys/block/*; do
    read -r size <"$disk/size"
    device=/dev/${disk##*/}
    read -r number <"$disk/dev"
    [ "$size" -eq 0 ] || [ ! -b "$device" ] || return 0
  done
  fail "this machine has no disk that could be limited"
}

# Nothing is left, not even for the next run to sweep.
assert_nothing_left()
{
  local difference
  difference=$(host_difference) ||
    report "Nothing may be left when the step has ended by itself, not even an empty cgroup." "what changed" "$difference"
}

# --- Its place ------------------------------------------------------------------

# bats test_tags=v2
@test "inside, its own cgroup is the root of all cgroups" {
  local directory
  run_step cat /proc/self/cgroup
  assert_status 0
  assert_output_lacks nsctl "The container sees its place among the host's cgroups: did it make a cgroup namespace, and only after it had entered?"
  assert_output_lacks /.. "The container sees its cgroup from outside: the cgroup namespace was made before the cgroup was entered."
  assert_output_matches $'(^|\n)0::/($|\n)'
  run_step readlink /proc/self/ns/cgroup
  [ "$output" != "$(readlink /proc/self/ns/cgroup)" ] || fail "The container has the host's cgroup namespace."
}

# bats test_tags=v2
@test "from outside, its processes are in the cgroups that the log names" {
  local directory
  start it --init "${wait_inside[@]}"
  look_at it.log
  for directory in "${directories[@]}"; do
    grep -qx "$pid" "$directory/cgroup.procs" ||
      fail "The container's first process is not in $directory: was it born there (version 2), or did it enter (version 1)?"
    assert_equal 2 "$(wc -l <"$directory/cgroup.procs")" "The command must be in $directory as well as its init."
  done
  finish it
  assert_status 0
}

# bats test_tags=v2
@test "version 2: the first process is born in its cgroup, and moves nowhere" {
  requires cgroup-v2
  start it "${wait_inside[@]}"
  look_at it.log
  grep -qx "$pid" "${directory_of[memory]}/cgroup.procs" ||
    fail "The container's first process is not in its cgroup: did clone3 have CLONE_INTO_CGROUP?"
  run cat it.log
  assert_output_has 'CLONE_INTO_CGROUP' "A process that is moved has used memory elsewhere: it must be born in its cgroup."
  finish
}

@test "version 1: the first process enters every hierarchy by itself" {
  requires cgroup-v1
  start it "${wait_inside[@]}"
  look_at it.log
  grep -qx "$pid" "${directory_of[memory]}/cgroup.procs" ||
    fail "The container's first process is not in its cgroup: did the child write 0 to the file tasks of each hierarchy?"
  run cat it.log
  assert_output_has "write(\"${directory_of[memory]}/tasks\", \"0\") = 1"
  assert_output_has "write(\"${directory_of[pids]}/tasks\", \"0\") = 1"
  finish
}

# bats test_tags=v2
@test "only the container's own cgroup is mounted inside, and read-only" {
  local directory
  run_step sh -c 'cd /sys/fs/cgroup && [ -e cgroup.procs ] || cd memory || exit 9
    ls -A; cat cgroup.procs; mkdir made || echo no mkdir; echo 0 >cgroup.procs || echo no write'
  assert_output_has "no mkdir" "A cgroup could be made inside: /sys/fs/cgroup must be mounted read-only."
  assert_output_has "no write" "The files of its cgroup could be written inside: /sys/fs/cgroup must be mounted read-only."
  assert_output_matches $'(^|\n)1\n' "PID 1 of the container is not in the cgroup that is mounted inside."
  assert_output_lacks release_agent "That is the root of a hierarchy of the host, not the container's own cgroup."
  assert_output_lacks nsctl
  run_step sh -c 'mkdir /sys/fs/cgroup/made; grep " /sys/fs/cgroup" /proc/self/mountinfo | grep -v " ro,nosuid,nodev,noexec"; echo all others'
  assert_equal "all others" "$output" "These mounts inside may do more than be looked at."
  [[ $stderr == *[Rr]ead-only* ]] || fail "A directory could be made in /sys/fs/cgroup itself, or for another reason not: $stderr"
}

@test "root without a user namespace can mount it writable: that is for step 06" {
  # The control of the test above: the flag is all there is, and here it is taken off.
  only_for 05
  run_step sh -c 'cd /sys/fs/cgroup; [ -e cgroup.procs ] || cd memory || exit 9
    mount -o remount,bind,rw "$PWD" && mkdir "$PWD/made" && echo made'
  assert_output_has made
  assert_nothing_left
}

@test "nothing but 0, 1, 2 reaches the command: no lock, no cgroup" {
  echo secret >secret
  run --separate-stderr -- "$STEP" -q ls -l /proc/self/fd 9<secret
  assert_status 0
  assert_output_lacks cgroup "A descriptor of a cgroup has reached the command: it could be written through."
  assert_output_lacks secret
}

# --- The limits stand in the kernel's files ----------------------------------------

# bats test_tags=v2
@test "--memory: the kernel's file has the limit" {
  start it -m 64m "${wait_inside[@]}"
  look_at it.log
  has memory memory.max memory.limit_in_bytes 67108864 67108864 "The memory limit is not in the kernel's file while the container runs."
  finish it
  assert_status 0
}

# bats test_tags=v2
@test "--memory: nothing goes to swap instead" {
  local files
  start it --memory=64m "${wait_inside[@]}"
  look_at it.log
  files=("${directory_of[memory]}"/memory.{swap.max,memsw.limit_in_bytes})
  if [ -e "${files[0]}" ] || [ -e "${files[1]}" ]; then # not where the kernel has no swap
    has memory memory.swap.max memory.memsw.limit_in_bytes 0 67108864 \
      "What does not fit must not go to swap, or the limit is no limit."
  fi
  finish
}

# bats test_tags=v2
@test "--cpus: the kernel's file has so many microseconds of each 100 ms" {
  local value n
  for value in 0.5=50000 2=200000 1.234=123400 .25=25000; do
    n=${value#*=}
    start "$value" -cpu "${value%=*}" "${wait_inside[@]}"
    look_at "$value.log"
    has cpu cpu.max cpu.cfs_quota_us "$n 100000" "$n" "-cpu ${value%=*} must be $n µs in each 100 ms."
  done
  finish
  run_step -cpu 0.01 --help
  assert_status 0 "0.01 CPUs, 1 ms in each 100 ms, is the least that the kernel takes."
}

# bats test_tags=v2
@test "--pids-limit: the kernel's file has the limit; 2048 by itself, -1 is none" {
  start it --pids-limit 10 "${wait_inside[@]}"
  start default "${wait_inside[@]}"
  start unlimited --pids-limit -1 "${wait_inside[@]}"
  look_at it.log
  has pids pids.max pids.max 10 10 "The limit of processes is not in the kernel's file."
  look_at default.log
  has pids pids.max pids.max 2048 2048 "Without --pids-limit a container must have 2048 at most."
  look_at unlimited.log
  has pids pids.max pids.max max max
  finish
}

# bats test_tags=v2
@test "--io-max: the kernel's files have the rates, of a device by name or number" {
  requires io
  find_disk
  start name --io-max "$device:rbps=1m,wiops=20" "${wait_inside[@]}"
  start number --io-max "$number:wbps=2m,riops=30" "${wait_inside[@]}"
  look_at name.log
  has io io.max blkio.throttle.read_bps_device "$number rbps=1048576 wbps=max riops=max wiops=20" "$number 1048576"
  has io io.max blkio.throttle.write_iops_device "$number rbps=1048576 wbps=max riops=max wiops=20" "$number 20"
  has io io.max blkio.throttle.write_bps_device "$number rbps=1048576 wbps=max riops=max wiops=20" ""
  look_at number.log
  has io io.max blkio.throttle.write_bps_device "$number rbps=max wbps=2097152 riops=30 wiops=max" "$number 2097152"
  has io io.max blkio.throttle.read_iops_device "$number rbps=max wbps=2097152 riops=30 wiops=max" "$number 30"
  finish
}

@test "--io-max may stand several times, once a device" {
  local disk numbers=() options=() files
  requires io
  find_disk
  for disk in /sys/block/*; do
    [ "$(cat "$disk/size")" -gt 0 ] && [ "${#numbers[@]}" -lt 8 ] || continue
    numbers+=("$(cat "$disk/dev")")
    options+=(--io-max "$(cat "$disk/dev"):rbps=1m")
  done
  start it "${options[@]}" --io-max "$number:wbps=3m" "${wait_inside[@]}"
  look_at it.log
  if [ "${version_of[io]}" = 2 ]; then files=(io.max io.max); else files=(blkio.throttle.{read,write}_bps_device); fi
  run cat "${directory_of[io]}/${files[0]}"
  for disk in "${numbers[@]}"; do
    assert_output_matches "(^|"$'\n'")$disk (rbps=)?1048576" "The limit of device $disk is not there."
  done
  run cat "${directory_of[io]}/${files[1]}"
  assert_output_has 3145728 "A second --io-max for the same device must add to the first."
  finish
}

# bats test_tags=v2
@test "every limit at once, in every spelling, and the log says so truthfully" {
  local options=(-m64m -cpu=0.5 --pids-limit=100)
  "$ROOT/tests/doctor" --has io >/dev/null && find_disk && options+=("--io-max=$number:rbps=1g,wbps=1g,riops=1k,wiops=1k")
  assert_log_true "${options[@]}" --init /bin/true
  assert_status 0
  assert_log_true --memory 64M --cpus 2 --pids-limit -1 sh -c 'exit 3'
  assert_status 3 "The command's own exit status must come through."
}

# --- The limits bite -----------------------------------------------------------------

# bats test_tags=v2
@test "memory: who wants more than the limit is killed, and the step says so" {
  # dd asks for 128 MiB and no more, should the limit not hold.
  run_step -m 32m dd if=/dev/zero of=/dev/null bs=134217728 count=1
  assert_status 137 "dd used 128 MiB with a limit of 32 MiB: has the limit been set, is the container in its cgroup?"
  assert_stderr_has "out of memory" "The step must say, with -q too, that it was the memory limit that killed the command."
  # The control: the same with room for it.
  run_step -m 256m dd if=/dev/zero of=/dev/null bs=134217728 count=1
  assert_status 0
  assert_stderr_lacks "out of memory"
}

@test "memory: a file in /dev/shm counts, and so does a child of the command" {
  run_step -m 16m sh -c 'dd if=/dev/zero of=/dev/shm/file bs=1048576 count=40 2>/dev/null; echo "dd: $?"'
  assert_status 0
  assert_equal "dd: 137" "$output" "40 MiB of shared memory were had with a limit of 16 MiB."
  assert_stderr_has "out of memory: the kernel killed 1 of the container's processes"
}

@test "memory: the least that is accepted lets a container start" {
  run_step -m 6m --init sh -c 'exit 3'
  assert_status 3
}

# bats test_tags=v2
@test "CPU: who has used up the share is throttled, and only then" {
  start it -cpu 0.05 sh -c 'echo ready; while :; do :; done'
  look_at it.log
  wait_until grep -q '^nr_throttled [1-9]' "${directory_of[cpu]}/cpu.stat" ||
    fail "A loop with 0.05 CPUs was never throttled: has the limit been set, is the container in its cgroup?"
  kill -KILL "$pid"
  finish it
  assert_status 137
  run cat it.log
  assert_output_matches 'CPU: [0-9.]+ s used, [0-9.]*[1-9][0-9]* s throttled' "The step must say at the end for how long the container was throttled."
  # The control.
  run --separate-stderr -- "$STEP" /bin/true
  assert_stderr_has 's used, 0.000 s throttled'
}

@test "pids: one more than the limit is refused" {
  local many='for i in 1 2 3 4 5 6 7 8; do sleep 60 & echo "$i"; done; echo all'
  run_step --pids-limit 5 sh -c "$many"
  assert_output_has 1
  assert_output_lacks 8 "Eight processes could be had with a limit of five: has it been set, is the container in its cgroup?"
  # The control.
  run_step --pids-limit 20 sh -c "$many"
  assert_output_has all
}

@test "pids: a fork bomb stays in its cgroup, and goes with its PID 1" {
  # It ends after 2^8 processes, should the limit not hold. PID 1 is not of it: whoever can not fork any more ends.
  local bomb='bomb() { [ "$1" -eq 0 ] || { bomb $(($1 - 1)) & bomb $(($1 - 1)) & }; exec sleep 600; }
    echo ready; bomb 7 & exec sleep 600'
  start it --pids-limit 40 sh -c "$bomb"
  look_at it.log
  wait_until grep -q 'max [1-9]' "${directory_of[pids]}/pids.events" ||
    fail "The bomb never met the limit: has it been set, is the container in its cgroup?"
  [ "$(<"${directory_of[pids]}/pids.current")" -le 40 ] ||
    fail "There are more processes than the limit: $(<"${directory_of[pids]}/pids.current")"
  kill -KILL "$pid"
  finish it
  assert_status 137
  assert_nothing_left
}

# --- What was used --------------------------------------------------------------------

# bats test_tags=v2
@test "at the end the log says what was used" {
  run --separate-stderr -- "$STEP" -m 64m dd if=/dev/zero of=/dev/null bs=20971520 count=1
  assert_status 0
  if [[ $stderr == *'keeps no peak'* ]]; then # only since 5.19, and only version 2
    requires cgroup-v2
    [ "$(printf '%s\n' 5.19 "$(uname -r)" | sort -V | head -n 1)" != 5.19 ] || fail "This kernel has memory.peak, but it was not read."
  else
    [[ $stderr =~ 'memory: '(2[0-9]|[3-5][0-9])'.'[0-9]' MiB at the peak' ]] ||
      fail "dd has used 20 MiB of 64, but the log says: $(grep memory: <<<"$stderr")"
  fi
  [[ $stderr =~ 'CPU: '[0-9.]*[1-9][0-9]*' s used' ]] || fail "The log does not say what CPU time was used."
}

@test "-q says nothing of all this, --help says how to ask for it" {
  local option
  run_step -m 64m -cpu 0.5 --pids-limit 10 /bin/true
  assert_status 0
  assert_equal "" "$stderr"
  NSCTL_LOG=quiet run --separate-stderr -- "$STEP" -m 64m /bin/true
  assert_equal "" "$stderr"
  run --separate-stderr -- "$STEP" --help
  assert_status 0
  for option in -m --memory -cpu --cpus --pids-limit --io-max; do assert_output_has "$option"; done
}

# --- Both versions at once ---------------------------------------------------------

# Takes pids out of the version 2 tree, for everybody, and mounts it as a tree of version 1, together with
# another controller, as some distributions do: freezer, which version 2 does not have.
make_hybrid()
{
  local file
  mkdir tree
  find /sys/fs/cgroup -name cgroup.subtree_control -exec grep -lw pids {} + |
    awk '{ print gsub("/", "/"), $0 }' | sort -rn | cut -d ' ' -f 2 >handed-on
  while read -r file; do echo -pids >"$file"; done <handed-on
  wait_until mount -t cgroup -o pids,freezer none "$PWD/tree"
}

# A step that does not sweep, as one that a student still works on, must not cost the machine a controller.
tree_is_empty()
{
  find tree -mindepth 1 -depth -type d -exec rmdir {} + 2>/dev/null
  ! find tree -mindepth 1 -type d | grep -q .
}

make_whole()
{
  local file
  umount "$PWD/tree" 2>/dev/null || true
  wait_until grep -qw pids /sys/fs/cgroup/cgroup.controllers
  while read -r file; do echo +pids >"$file"; done < <(tac handed-on)
  rm handed-on
}

# bats test_tags=v2
@test "hybrid: one tree of each version, and a container in both" {
  requires cgroup-v2
  [ -x /vm/busybox ] || skip "needs a machine to be thrown away, since it takes a controller from everybody: make test-vm"
  make_hybrid
  start it -m 64m --pids-limit 9 sh -c 'cat /proc/self/cgroup /sys/fs/cgroup/unified/memory.max /sys/fs/cgroup/pids/pids.max >/dev/shm/seen
    echo ready; read -r _; cat /dev/shm/seen'
  look_at it.log
  assert_equal 2 "${#directories[@]}" "There must be a cgroup in the tree of each version."
  has memory memory.max - 67108864 -
  has pids - pids.max - 9
  grep -qx "$pid" "${directory_of[memory]}/cgroup.procs" || fail "It was not born in its cgroup of version 2."
  grep -qx "$pid" "${directory_of[pids]}/tasks" || fail "It did not enter its cgroup of version 1."
  finish it
  assert_status 0
  run cat it.out
  assert_output_matches $'ready\n[0-9]+:(freezer,pids|pids,freezer):/\n0::/\n67108864\n9$' "Inside, each must be the root of its tree, and mounted."
  run cat it.log
  assert_output_has "CPU: " "What was used must be read from the right tree."
  make_whole
  assert_nothing_left
}

# --- What is refused ----------------------------------------------------------------

@test "bad sizes of memory are refused" {
  refused -m 10Q abc '' 0 5m 6143k -64m +64m 1.5g 0x4000000 ' 64m' '64 m' 64mm 64mbx 64mi 64bb 64bib 8388608t 9223372036854775808 99999999999999999999999
  refused --memory 5m 10Q
}

@test "bad numbers of CPUs are refused" {
  refused -cpu 0 0.001 0.009 0.0 abc '' -1 +1 . 1. 1.2.3 1e3 0x1 0.12345 8193 99999999999999999999 ' 1' nan inf 1,5
  refused --cpus 0 0.001
}

@test "bad limits of processes are refused" {
  refused --pids-limit 0 -2 abc '' 1.5 +5 ' 5' 5k 4194305 99999999999999999999 -1x max
}

@test "bad limits of devices are refused" {
  local many=() i
  find_disk
  refused --io-max '' : "$device" "$device:" "$device:," "$device:rbps" "$device:rbps=" "$device:rbps=0" "$device:rbps=-1" \
    "$device:rbps=x" "$device:xbps=1" "$device:rbps=1,wbps" "$device:rbps=1 wbps=1" "$device:rbps=9223372036854775808" \
    /dev/nothing:rbps=1m /etc/passwd:rbps=1m /dev/null:rbps=1m /:rbps=1m 8:rbps=1m 8:x:rbps=1m :0:rbps=1m 8:-1:rbps=1m \
    99999999999:0:rbps=1m "$(printf '%0600d:0:rbps=1' 1)"
  for i in 1 2 3 4 5 6 7 8 9; do many+=(--io-max "$number:rbps=${i}m"); done
  run_step "${many[@]}" /bin/true
  assert_status 125
  assert_stderr_has "8 devices at most"
}

@test "an option without its value is refused" {
  local option
  for option in -m --memory -cpu --cpus --pids-limit --io-max; do
    run_step "$option"
    assert_status 125
    assert_stderr_has "$option: expected"
  done
}

@test "a device that the kernel does not know: its error is said, all is undone" {
  requires io
  run_step --io-max 4095:1048575:rbps=1m sh -c 'echo started'
  assert_status 125
  assert_stderr_has '4095:1048575'
  [[ $stderr == *ENODEV* || $stderr == *ENXIO* ]] || fail "The errno must be named: $stderr"
  assert_output_lacks started
  assert_nothing_left
}

# hidden COMMAND ARG…: runs the step where COMMAND has changed what is mounted, for it alone.
hidden()
{
  local command=$1
  shift
  run --separate-stderr -- unshare --mount --propagation private sh -c "$command"' && exec "$@"' sh "$STEP" "$@"
}

# bats test_tags=v2
@test "a controller that is missing: what needs it is refused before anything is made" {
  local hide=() how
  if "$ROOT/tests/doctor" --has cgroup-v2 >/dev/null; then
    echo 'cpu pids io' >controllers
    hide=("mount --bind '$PWD/controllers' /sys/fs/cgroup/cgroup.controllers")
  else
    # The mount table still has it when something lies over it.
    hide=('umount /sys/fs/cgroup/memory' 'mount -t tmpfs none /sys/fs/cgroup/memory')
  fi
  for how in "${hide[@]}"; do
    hidden "$how" -m 64m sh -c 'echo started'
    assert_status 125 "There is no memory controller here ($how), so -m 64m is a promise that can not be kept."
    assert_stderr_has "no memory controller"
    assert_stderr_lacks "mkdir(" "It must be refused before anything is made."
    assert_output_lacks started
    hidden "$how" -q sh -c 'exit 3'
    assert_status 3 "Nobody has asked for a memory limit, so none is missed."
  done
  assert_nothing_left
}

@test "no controller of processes: the limit that nobody asked for can be declined" {
  local how
  if "$ROOT/tests/doctor" --has cgroup-v2 >/dev/null; then
    echo 'cpu memory' >controllers
    how="mount --bind '$PWD/controllers' /sys/fs/cgroup/cgroup.controllers"
  else
    how='umount /sys/fs/cgroup/pids'
  fi
  hidden "$how" -q /bin/true
  assert_status 125
  assert_stderr_has "no pids controller"
  assert_stderr_has "--pids-limit -1" "The message must say how to do without, for nobody asked for this limit."
  hidden "$how" -q --pids-limit -1 /bin/true
  assert_status 0
}

@test "no cgroups at all: said in one line, with what to do" {
  hidden 'mount -t tmpfs none /sys/fs/cgroup' -m 64m /bin/true
  assert_status 125
  assert_stderr_has "no cgroup file system"
  assert_stderr_lacks "mkdir("
}

@test "cgroups that are mounted at a place with a blank in its name" {
  local move='mount --bind /sys/fs/cgroup/memory "$PWD/a place" && umount /sys/fs/cgroup/memory'
  ! "$ROOT/tests/doctor" --has cgroup-v2 >/dev/null ||
    move='mount --bind /sys/fs/cgroup "$PWD/a place" && mount -t tmpfs none /sys/fs/cgroup'
  mkdir 'a place'
  hidden "$move" -m 64m sh -c 'exit 3'
  assert_status 3 "The mount table writes a blank as \\040, so that it is not taken for the end of a field."
  assert_stderr_has "at $PWD/a place: memory"
  assert_nothing_left
}

@test "cgroups that are mounted read-only, as in another container" {
  hidden 'awk "/ - cgroup2? / { print \$5 }" /proc/self/mountinfo | xargs -n 1 mount -o remount,bind,ro' -q /bin/true
  assert_status 125
  assert_stderr_has EROFS
  assert_stderr_has '/nsctl' "The error must name the directory that could not be made."
  assert_nothing_left
}

# bats test_tags=v2
@test "version 2: in a cgroup that holds processes nothing can be handed on (EBUSY)" {
  requires cgroup-v2
  run --separate-stderr -- unshare --mount --cgroup --propagation private \
    sh -c 'umount -l /sys/fs/cgroup && mount -t cgroup2 none /sys/fs/cgroup && exec "$@"' sh "$STEP" -q /bin/true
  assert_status 125
  assert_stderr_has EBUSY
  assert_stderr_has "no internal processes" "This rule surprises everybody once, so the message must name it."
  assert_nothing_left
}

# --- Nothing stays ---------------------------------------------------------------------

# bats test_tags=v2
@test "when it ends its cgroups are gone, in every hierarchy" {
  local directory
  status=0
  "$STEP" -m 64m sh -c 'sleep 600 & exit 3' 2>log || status=$?
  assert_status 3
  look_at log
  for directory in "${directories[@]}"; do
    [ ! -e "$directory" ] || fail "$directory is still there."
    # Somebody else's container may be there; an empty directory may not.
    wait_until eval "[ ! -e '${directory%/*}' ] || [ -n \"\$(find '${directory%/*}' -mindepth 1 -type d)\" ]" ||
      fail "${directory%/*} must go with the last container."
  done
  assert_nothing_left
}

@test "cgroups that the container has made inside go, too" {
  only_for 05 # later, nobody inside may
  run_step sh -c 'cd /sys/fs/cgroup; [ -e cgroup.procs ] || cd memory || exit 9
    mount -o remount,bind,rw "$PWD" && cd "$PWD" && mkdir -p a/b/c .hidden/d || exit 9
    sleep 600 & echo $! >a/b/c/cgroup.procs
    sleep 600 & echo $! >.hidden/d/cgroup.procs
    cat a/b/c/cgroup.procs .hidden/d/cgroup.procs | wc -l'
  assert_status 0
  assert_equal 2 "$output" "The container could not fill cgroups of its own, so nothing has been proved."
  assert_nothing_left
}

@test "killed with -9, it leaves at most an empty cgroup, and the next run sweeps that" {
  local directory
  start it sh -c 'sleep 600 & echo ready; read -r _'
  look_at it.log
  directory=${directory_of[pids]}
  kill -KILL "${starter[it]}"
  wait "${starter[it]}" 2>/dev/null || true
  wait_until eval "! kill -0 $pid" || fail "The step is dead, its container lives."
  wait_until eval "[ ! -e $directory ] || [ -z \"\$(cat $directory/cgroup.procs)\" ]" ||
    fail "Processes of the container are still in $directory."
  run --separate-stderr -- "$STEP" /bin/true
  assert_status 0
  assert_stderr_has "left behind by a run that was killed"
  [ ! -e "$directory" ] || fail "The next run must sweep $directory, which nobody holds the lock of."
  starter=()
  assert_nothing_left
}

# bats test_tags=v2
@test "what a dead run has left inside is killed and swept" {
  # A cgroup with a process in it that nobody holds a lock of: as if the container's first process had
  # escaped its parent's death.
  local left=() top directory
  "$STEP" /bin/true 2>log
  look_at log
  sleep 600 3>&- 6>&- &
  starter[sleeper]=$!
  for top in "${tops[@]}"; do
    mkdir -p "$top/nsctl" 2>/dev/null || true
    mkdir "$top/nsctl/left-behind" "$top/nsctl/left-behind/inner"
    left+=("$top/nsctl/left-behind")
    echo "${starter[sleeper]}" >"$top/nsctl/left-behind/inner/cgroup.procs"
  done
  run_step /bin/true
  assert_status 0
  for directory in "${left[@]}"; do
    [ ! -e "$directory" ] || fail "$directory was not swept."
  done
  wait "${starter[sleeper]}" 2>/dev/null || true
  starter=()
}

@test "a live container's cgroup is never swept: 20 at once, half of them killed" {
  local i dead=() directory
  for i in {1..20}; do launch "c$i" -m $((20 + i))m "${wait_inside[@]}"; done
  for i in {1..20}; do is_ready "c$i"; done
  for i in {1..20..2}; do
    look_at "c$i.log"
    dead+=("${directories[@]}")
    kill -KILL "${starter[c$i]}"
    "$STEP" -q /bin/true & # one that sweeps, while others are killed
    starter[sweeper$i]=$!
  done
  for i in {1..20..2}; do
    wait "${starter[sweeper$i]}" || fail "A run beside those that were killed has failed."
    wait "${starter[c$i]}" 2>/dev/null || true
    unset "starter[c$i]" "starter[sweeper$i]"
  done
  run_step /bin/true
  assert_status 0
  for directory in "${dead[@]}"; do
    [ ! -e "$directory" ] || fail "$directory belonged to a run that was killed, and was not swept."
  done
  for i in {2..20..2}; do
    look_at "c$i.log"
    kill -0 "$pid" || fail "Container $i was alive, and somebody has swept it away."
    has memory memory.max memory.limit_in_bytes $(((20 + i) * 1048576)) $(((20 + i) * 1048576)) \
      "The cgroup of container $i, which is alive, has been touched by others."
    [[ $'\n'$(<"${directory_of[memory]}/cgroup.procs")$'\n' == *$'\n'$pid$'\n'* ]] || fail "Container $i is no longer in its cgroup."
  done
  finish c2
  assert_status 0
  assert_nothing_left
}

# bats test_tags=v2
@test "many at once, each with a limit of its own" {
  # 50, or where tests are told to be brief, as those of the emulated machine are, where each takes seconds, a dozen.
  local i number=${NSCTL_TEST_EVERY:+12}
  for ((i = 1; i <= ${number:=50}; i++)); do launch "c$i" -m $((20 + i))m -cpu "0.$((40 + i))" --pids-limit $((100 + i)) "${wait_inside[@]}"; done
  for ((i = 1; i <= number; i++)); do
    is_ready "c$i"
    look_at "c$i.log"
    has memory memory.max memory.limit_in_bytes $(((20 + i) * 1048576)) $(((20 + i) * 1048576))
    has pids pids.max pids.max $((100 + i)) $((100 + i))
  done
  finish "c$number"
  assert_status 0
  assert_nothing_left
}

@test "50 that come and go, again and again: first in and last out meet" {
  local i
  for i in {1..50}; do
    (
      exec 3>&- 6>&-
      for _ in 1 2 3; do
        ended=0
        said=$("$STEP" -q -m 64m sh -c "exit $i" 2>&1) || ended=$?
        [ "$ended" -eq "$i" ] || echo "$i: $ended $said"
      done
    ) &
    starter[$i]=$!
  done >wrong
  finish
  assert_equal "" "$(cat wrong)" "One that came while another left, or left while another came, has failed."
  assert_nothing_left
}

# Stops the step when it has got its first lock, that of TOP/nsctl. Sets tracer and stopped, and top.
stop_at_first_lock()
{
  "$STEP" /bin/true 2>log
  look_at log
  top=${tops[0]}
  rm -f trace
  strace -o trace -e trace=flock -e inject=flock:signal=STOP:when=1 -- "$STEP" "$@" >out 2>err 3>&- 6>&- &
  tracer=$!
  starter[tracer]=$tracer
  wait_until grep -q 'stopped by' trace || fail "The step takes no lock."
  stopped=$(cat "/proc/$tracer/task/$tracer/children")
  stopped=${stopped% }
  starter[stopped]=$stopped # it holds a lock that everybody waits for, so whatever fails, it must go
}

@test "a lock on what was removed meanwhile is worth nothing" {
  # It has the lock of a TOP/nsctl that the last one out removes, and somebody makes anew and locks.
  requires strace
  local top tracer stopped holder
  stop_at_first_lock -q /bin/true
  NSCTL_TEST_PATIENCE=20 wait_until rmdir "$top/nsctl" || fail "There are other containers on this machine: end them, and try again."
  mkdir "$top/nsctl"
  flock --no-fork "$top/nsctl" sleep 1000 3>&- 6>&- & # one that lives: the kernel lists no other's in a PID namespace
  holder=$!
  starter[holder]=$holder
  wait_until grep -q "FLOCK.* $holder " /proc/locks
  kill -CONT "$stopped"
  wait_until eval "grep -q -e '-> FLOCK.* $stopped ' /proc/locks || ls -d '$top'/nsctl/*/"
  run find "$top/nsctl" -mindepth 1 -type d
  kill "$holder"
  assert_equal "" "$output" "It has made its cgroup while another had the lock, and might have been swept."
  status=0
  wait "$tracer" || status=$?
  starter=()
  assert_status 0
  assert_nothing_left
}

@test "a lock keeps others out until the cgroup has its own" {
  requires strace
  local top tracer stopped other
  stop_at_first_lock -q sh -c 'exit 3'
  launch other -q sh -c 'exit 4'
  wait_until grep -q -e "-> FLOCK.* ${starter[other]} " /proc/locks ||
    fail "Another run did not wait for the lock: it might sweep a cgroup that is just being made."
  kill -CONT "$stopped"
  status=0
  wait "$tracer" || status=$?
  stderr=$(<err)
  assert_status 3
  status=0
  wait "${starter[other]}" || status=$?
  assert_status 4
  starter=()
  assert_nothing_left
}

@test "who leaves waits for nobody where others stay" {
  local top last
  start stays "${wait_inside[@]}"
  start leaves sh -c 'trap "exit 5" TERM; echo ready; read -r _'
  look_at leaves.log
  for top in "${tops[@]}"; do
    flock --no-fork "$top/nsctl" sleep 1000 3>&- 6>&- &
    starter[$top]=$!
    wait_until eval "! flock -n '$top/nsctl' true"
  done
  last=${directories[-1]}
  kill -TERM "${starter[leaves]}"
  NSCTL_TEST_PATIENCE=20 wait_until eval "[ ! -e '$last' ]" || fail "It waits for a lock, and has nothing to do but to remove what is its own."
  for top in "${tops[@]}"; do kill "${starter[$top]}"; done
  finish leaves
  assert_status 5
  assert_nothing_left
}

@test "an ordinary user can not take the lock that root waits for" {
  local top
  start it "${wait_inside[@]}"
  look_at it.log
  as_user flock -n "${tops[0]}" true || fail "A user can not lock even what is open to all: nothing would be proved."
  for top in "${tops[@]}"; do
    run as_user flock -n "$top/nsctl" true
    [ "$status" -ne 0 ] || fail "Any user can lock $top/nsctl, and make root wait: its mode must not let others open it."
    assert_output_has "Permission denied"
  done
  as_user cat "${directories[0]}/cgroup.procs" >/dev/null || fail "Who knows a container's name may look at its files."
  finish it
  assert_status 0
}

@test "TERM while it sets up leaves nothing behind" {
  requires strace
  local call
  for call in "$mkdir:2" flock:1 write:1 pipe2:1; do
    run --separate-stderr -- strace -o trace -e inject="${call%:*}:signal=TERM:when=${call#*:}" -- "$STEP" -q sh -c 'echo started'
    grep -q SIGTERM trace || fail "TERM was never sent."
    assert_nothing_left
    assert_status 143 "It was told to end before there was a command: then that is the end."
    assert_output_lacks started
  done
}

@test "^C while it sets up is not lost, unless it is ignored" {
  requires strace
  local signal inject=$mkdir:when=2
  for signal in HUP INT QUIT; do
    run -- strace -o trace -e "inject=$inject:signal=$signal" -- "$STEP" sh -c 'echo started'
    assert_status $((128 + $(kill -l "$signal"))) "$signal came before there was a command that could be sent it: nothing may be started."
    assert_output_has "interrupted before the command was started"
    assert_output_lacks $'\nstarted'
    run -- env --ignore-signal="$signal" strace -o trace -e "inject=$inject:signal=$signal" -- "$STEP" -q sh -c 'echo started'
    assert_status 0 "$signal was to be ignored, as under nohup."
    assert_equal started "$output"
  done
  assert_nothing_left
}

# --- Faults --------------------------------------------------------------------------

# The calls that earlier steps make are proved there.
is_of_this_step()
{
  case $1 in
    *:/sys/fs/cgroup* | *:/proc/self/mountinfo | *:/proc/self/cgroup) true ;;
    child:* | *:open*:/*) [[ $1 == child:unshare:* ]] ;;
    *) true ;;
  esac
}

# The whole proof takes its time, so between two faults only what would be seen at once.
assert_nothing_seen()
{
  wait_until eval "! pgrep -f 'hostname fault-$$ '" || fail "A process of the container lives on."
  [ "${1:-}" = cgroups-too ] || return 0
  if compgen -G '/sys/fs/cgroup/nsctl' || compgen -G '/sys/fs/cgroup/*/nsctl'; then assert_nothing_left; fi
}

fail_at()
{
  local call=$1
  is_of_this_step "$call" || return 0
  run_with_error "$call" "$error" "${@:2}"
  # The second opening of TOP/nsctl is to sweep it, which can wait.
  if [[ $status -ne 0 || $call != parent:open*:2:*/nsctl ]]; then
    assert_status 125
    assert_stderr_has "$error" "The error must name the errno, or nobody can tell why."
  fi
  assert_nothing_seen cgroups-too
}

@test "every call that fails is undone: nothing is left behind" {
  requires strace
  local pair error
  for pair in "$mkdir=ENOSPC" flock=ENOLCK openat,open=EMFILE write=EINVAL pipe2=EMFILE clone3=EBUSY unshare=ENOSPC mount=EBUSY; do
    error=${pair#*=}
    for_each_call "${pair%=*}" fail_at --hostname "fault-$$" -m 64m -cpu 0.5 /bin/true
  done
  assert_nothing_left
}

@test "version 1: a child that can not enter its cgroup does not go on" {
  requires strace cgroup-v1
  # Where the parent writes the ids as well, it would be the parent that fails.
  local n numbers=(2 3) host=()
  ((10#$(step_number) < 6)) || { numbers=(3 4); host=(--userns host); }
  host+=("${without_network[@]}")
  for n in "${numbers[@]}"; do
    run_with_error "child:write:$n" EACCES "${host[@]}" --pids-limit -1 sh -c 'echo started'
    assert_status 125
    assert_stderr_has '/tasks", "0") = -1 EACCES' "The error must name the file."
    assert_output_lacks started
    assert_nothing_left
  done
}

@test "a cgroup that can not be removed is reported, and swept by the next run" {
  requires strace
  run --separate-stderr -- strace -o trace -e inject="$rmdir:error=EPERM:when=1" -- "$STEP" -q "${without_network[@]}" sh -c 'exit 3'
  assert_status 3 "The command has ended well: its status counts."
  assert_stderr_has 'rmdir("' "What is left behind must be named."
  run --separate-stderr -- "$STEP" /bin/true
  assert_stderr_has "left behind"
  assert_nothing_left
  # Busy for a moment is nothing to be reported; and if for longer, it is not said each time.
  run --separate-stderr -- strace -o trace -e inject="$rmdir:error=EBUSY:when=1..2" -- "$STEP" -q "${without_network[@]}" sh -c 'exit 3'
  assert_status 3
  assert_equal "" "$stderr"
  run --separate-stderr -- strace -o trace -e inject="$rmdir:error=EBUSY:when=1..9" -- "$STEP" "${without_network[@]}" sh -c 'exit 3'
  assert_status 3
  (($(grep -c 'kill what is left' <<<"$stderr") <= 1)) || fail "One line for what is tried again and again: $stderr"
  assert_nothing_left
}

kill_at()
{
  is_of_this_step "$1" || return 0
  run_with_kill "$@"
  assert_nothing_seen # but for its cgroup
}

@test "killed with -9 at every call, it leaves at most an empty cgroup" {
  requires strace
  for_each_call "$mkdir,flock,write,pipe2,clone3,unshare,mount" kill_at --hostname "fault-$$" -m 64m -cpu 0.5 /bin/true
  "$STEP" -q /bin/true
  assert_nothing_left
}

# bats test_tags=v2
@test "killed with -9 while it removes its cgroups, too" {
  requires strace
  local n
  for n in 1 2; do
    run --separate-stderr -- strace -o trace -e inject="$rmdir:signal=KILL:when=$n" -- "$STEP" -q /bin/true
    grep -q SIGKILL trace || fail "The kill was never met."
    "$STEP" -q /bin/true
    assert_nothing_left
  done
}
