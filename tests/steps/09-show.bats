#!/usr/bin/env bats
# shellcheck disable=SC2016 # what looks like an expansion is for a shell inside
# shellcheck disable=SC2154 # status, output and stderr are set by bats' run
#
# Step 09, show: a picture of a container that is drawn from /proc. What it says is held against
# what /proc and the kernel's own tools say.

load ../helpers
load ../containers

# begin OPTION…: a container "web" that sleeps. Sets init, its first process.
begin()
{
  "$STEP" -q run -d --name web --pidfile init "$@" "$rootfs" /bin/sleep 1000 >/dev/null
  init=$(<init)
}

# show: runs it; box NAME: the lines of that box.
show()
{
  run_step show web
  assert_status 0
}

box()
{
  awk -v name="$1" '/^[^ ]/ {inside = $0 == name} inside && /^ /' <<<"$output"
}

@test "namespaces: those that it has, beside the host's" {
  local kind inside outside line
  begin
  show
  for kind in user mnt pid net ipc uts cgroup time; do
    inside=$(readlink "/proc/$init/ns/$kind") outside=$(readlink "/proc/self/ns/$kind")
    inside=${inside//[^0-9]/} outside=${outside//[^0-9]/}
    line=$(box namespaces | grep "^  $kind ")
    if [ "$inside" = "$outside" ]; then
      [[ $line =~ $inside\ +=\ +$outside.*"the host's" ]] || fail "$kind is shared with the host: $line"
    else
      [[ $line =~ $inside\ +\|\ +$outside && $line != *"the host's"* ]] || fail "$kind is its own: $line"
    fi
  done
}

@test "what a container has of the host is said" {
  begin --net host --privileged
  show
  [[ $(box namespaces) =~ net\ +[0-9]+\ +=\ .*"the host's" ]] || fail "The network is the host's: $(box namespaces)"
  [[ $(box network) == *"the host's"* ]]
  [ "$(id -u)" -ne 0 ] || [[ $(box ids) == *"root inside is root outside"* ]] || fail "$(box ids)"
  [[ $(box privileges) == *"seccomp      off"* && $(box privileges) == *SYS_ADMIN* ]] ||
    fail "With --privileged nothing is given up: $(box privileges)"
}

@test "ids: as they are mapped" {
  requires userns
  local inside outside count what
  begin
  show
  for what in uid gid; do
    while read -r inside outside count; do
      if [ "$count" -ne 1 ]; then
        inside+=-$((inside + count - 1)) outside+=-$((outside + count - 1))
      fi
      [[ $(box ids) =~ $what\ $inside\ inside\ (is|are)\ $outside\ outside ]] ||
        fail "/proc/$init/${what}_map says $inside $outside $count: $(box ids)"
    done <"/proc/$init/${what}_map"
  done
}

@test "mounts: each of them, on what it is mounted" {
  mkdir 'a dir'
  begin -v "$PWD/a dir:/mnt/b"
  show
  assert_equal "$(wc -l <"/proc/$init/mountinfo")" "$(box mounts | wc -l)" "Each mount has a line."
  assert_equal "$(awk '{print $5}' "/proc/$init/mountinfo" | sort)" "$(box mounts | awk '{print $1}' | sort)"
  [[ $(box mounts) =~ $'\n      /dev/pts  devpts' ]] || fail "/dev/pts is mounted on /dev, which is mounted on /: $(box mounts)"
  [[ $(box mounts) =~ /proc\ \ proc\ nosuid,nodev,noexec ]] || fail "What is not usual is said: $(box mounts)"
}

@test "cgroup: limits and use" {
  requires cgroup-write memory cpu pids
  begin -m 64m -cpu 0.5 --pids-limit 100
  show
  [[ $(box cgroup) =~ memory\ +[0-9.]+\ [KM]iB\ of\ 64\.0\ MiB ]] || fail "64 MiB are its limit: $(box cgroup)"
  [[ $(box cgroup) =~ CPU\ +[0-9.]+\ s\ used\;\ 0\.50\ CPUs\ at\ most ]] || fail "0.5 CPUs are its limit: $(box cgroup)"
  [[ $(box cgroup) =~ processes\ +1\ of\ 100 ]] || fail "It has one process, and may have 100: $(box cgroup)"
  [[ $(box cgroup) =~ /sys/fs/cgroup/.*nsctl/ ]]
}

@test "cgroup: without limits, and after an OOM kill" {
  requires cgroup-write memory
  "$STEP" -q run -d --name web --pids-limit -1 "$rootfs" /bin/sleep 1000 >/dev/null
  "$STEP" -q run -d --name small -m 16m "$rootfs" /bin/sh -c 'tail /dev/zero; echo ended; exec sleep 1000' >/dev/null
  show
  [[ $(box cgroup) =~ memory\ .*no\ limit && $(box cgroup) =~ processes\ .*no\ limit ]] || fail "Nothing limits this one: $(box cgroup)"
  wait_until eval '"$STEP" -q logs small | grep -q ended'
  run_step show small
  [[ $(box cgroup) == *"1 of its processes killed by the kernel"* ]] || fail "The kernel has killed one: $(box cgroup)"
}

@test "network: its links with addresses, and the other end" {
  requires root bridge
  local address peer
  begin
  show
  address=$("$STEP" -q inspect web | grep -o '"IPAddress": *"[^"]*"' | cut -d'"' -f4)
  [[ $(box network) == *"${address:?}/16"* ]] || fail "Its address is $address: $(box network)"
  [[ $(box network) == *"127.0.0.1/8"* ]]
  peer=$(box network | sed -n 's/.*its other end on the host: //p')
  [ -e "/sys/class/net/${peer:?}" ] || fail "There is no link $peer on the host."
  [[ $(box network) =~ "the way out is "[0-9.]+", by eth0" ]]
}

@test "network: none" {
  begin --net none
  show
  [[ $(box network) == *"no way out"* && $(box network) != *eth0* ]] || fail "$(box network)"
}

@test "privileges: what it is left with" {
  begin --cap-add NET_ADMIN --cap-drop KILL
  show
  [[ $(box privileges) =~ capabilities\ 11:.*\ NET_ADMIN && $(box privileges) != *" KILL"* ]] || fail "$(box privileges)"
  [[ $(box privileges) =~ no_new_privs\ +on && $(box privileges) =~ seccomp\ +each ]]
  "$STEP" -q rm -f web >/dev/null
  begin --cap-drop ALL --security-opt seccomp=unconfined --security-opt no-new-privileges=false
  show
  [[ $(box privileges) =~ capabilities\ none && $(box privileges) =~ no_new_privs\ +off && $(box privileges) =~ seccomp\ +off ]] ||
    fail "$(box privileges)"
}

@test "in a pipe: no lines, no colours; on a terminal both, and NO_COLOR" {
  begin
  show
  assert_output_lacks $'\e'
  assert_output_lacks │
  run script -qec "stty cols 70; '$STEP' -q show web" /dev/null
  assert_output_has "┌─"
  assert_output_has "└─"
  assert_output_has $'\e[32m'
  # Every row is as wide as the box: 70 characters.
  assert_equal "$(printf 'x%.0s' {1..70})" \
    "$(sed 's/\r$//; s/\x1b\[[0-9;]*m//g' <<<"$output" | LC_ALL=C.UTF-8 sed 's/./x/g' | sort -u)" \
    "Not every row ends where the box does."
  run script -qec "NO_COLOR=1 '$STEP' -q show web" /dev/null
  assert_output_has "┌─"
  assert_output_lacks $'\e'
}

@test "what a container calls things is no order to the terminal" {
  mkdir $'evil\e[2Jdir'
  "$STEP" -q run -d --name web -v "$PWD/"$'evil\e[2Jdir:/mnt' "$rootfs" /bin/sh -c $': \e]0;owned\a; mkdir "/tmp/\e[2J"; exec sleep 1000' >/dev/null
  show
  assert_output_lacks $'\e'
  assert_output_lacks $'\a'
  run script -qec "NO_COLOR=1 '$STEP' -q show web" /dev/null
  assert_output_lacks $'\e'
}

@test "show refuses what does not run, and what is not there" {
  "$STEP" -q run -d --name web "$rootfs" /bin/true >/dev/null
  run_step wait web
  run_step show web
  assert_status 1
  assert_stderr_has "does not run"
  assert_equal "" "$output"
  run_step show wbe
  assert_status 1
  run_step show
  assert_status 125
  "$STEP" -q run -d --name two "$rootfs" /bin/sleep 1000 >/dev/null
  run_step show web two
  assert_status 1 "All that are named are drawn; the first error stays."
  assert_output_has namespaces
}

@test "an ordinary user's container: his own ids, a network read inside, with --init too" {
  requires unprivileged
  local directory option
  directory=$(as_user mktemp -d)
  for option in --rm --init; do
    as_user env NSCTL_ROOT="$directory" "$STEP" -q run -d --name mine --net none "$option" "$rootfs" /bin/sleep 1000 >/dev/null
    run --separate-stderr -- as_user env NSCTL_ROOT="$directory" "$STEP" -q show mine
    as_user env NSCTL_ROOT="$directory" "$STEP" -q rm -f mine >/dev/null
    assert_status 0
    [[ $(box namespaces) != *"can not"* ]] || fail "$option: $(box namespaces)"
    [[ $(box ids) == *"uid 0"*" inside "* ]] || fail "$option: $(box ids)"
    [[ $(box network) == *lo* && $(box network) != *"can not"* ]] || fail "$option: $(box network)"
    [[ $(box mounts) == */proc* ]] || fail "$option: $(box mounts)"
  done
  as_user rm -rf "$directory"
}
