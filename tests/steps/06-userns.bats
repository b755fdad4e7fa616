#!/usr/bin/env bats
# shellcheck disable=SC2016 # what looks like an expansion is for a shell inside
# shellcheck disable=SC2030,SC2031 # each test is a process of its own
# shellcheck disable=SC2154 # status, output and stderr are set by bats' run
#
# Step 06: a container without root: ids of its own, and no more power than needed.
#
# What holds for both is tried as root and as an ordinary user, where this is run as
# root; else as the user that runs it. The ranges of ids are made up for the test: it
# has an /etc/subuid of its own, in a mount namespace of its own.

load ../helpers

setup()
{
  requires userns
  cd "$BATS_TEST_TMPDIR" || return
  chmod 777 .
  everybody=(user)
  [ "$(id -u)" -ne 0 ] || everybody=(root user)
  user_id=$(as_user id -u)
  user_group=$(as_user id -g)
  user_name=$(as_user id -un)
  unset starter
}

teardown()
{
  [ -z "${starter:-}" ] || kill -KILL "$starter" 2>/dev/null || true
  [ -z "${delegated_top:-}" ] || take_back
}

# What is in faults.bash, and run_traced, then trace as root what the one named in as_whom runs: the step
# does not let itself be looked into by anybody else. (No helpers for the user: they have calls of their own.)
strace()
{
  if [ "${as_whom:-root}" = root ]; then command strace "$@"; else env PATH=/nowhere "$(type -P strace)" -u "$user_name" "$@"; fi
}

# Sets copy: a root file system to be spoilt, and its mark.
make_copy()
{
  [ -d "$ROOT/build/rootfs/default" ] || fail "there is no build/rootfs/default; make it first: make rootfs"
  copy=$PWD/rootfs
  cp -a "$ROOT/build/rootfs/default" "$copy" 2>/dev/null || [ "$(id -u)" -ne 0 ] # who may not read all of it
  mkdir "$copy/only-here"
  echo mark >"$copy/only-here/mark"
}

# subids UIDS GIDS COMMAND…: runs it where these are the lines of /etc/subuid and /etc/subgid; "-" for none.
subids()
{
  printf '%s' "${1#-}" >subuid
  printf '%s' "${2#-}" >subgid
  chmod 644 subuid subgid
  unshare --mount --propagation private sh -c \
    'mount --bind subuid /etc/subuid && mount --bind subgid /etc/subgid && exec "$@"' sh "${@:3}"
}

# user_command COMMAND…: what runs it as the user, where functions can not be called.
user_command()
{
  setpriv=(setpriv --reuid "$user_id" --regid "$user_group" --clear-groups -- env "HOME=/" "USER=$user_name")
  printf '%s\n' "${setpriv[@]}"
}

# run_with_subids UIDS GIDS ARG…: the step, as the user, with these ranges.
run_with_subids()
{
  local -a setpriv
  user_command >/dev/null
  run --separate-stderr -- subids "$1" "$2" "${setpriv[@]}" "$STEP" "${@:3}"
}

# The two lines of a user's own map and a range.
ranges()
{
  printf '%10u %10u %10u\n%10u %10u %10u' 0 "$1" 1 1 "$2" "$3"
}

# launch WHO ARG…: runs the step in the background, its log in ./log, and returns when its command
# has printed "ready"; sets starter and, by which the host knows the first process, pid. It ends at `finish`.
launch()
{
  local who=$1
  shift
  rm -f hold out log
  mkfifo -m 666 hold
  : >out
  : >log
  exec 6<>hold
  as "$who" "$STEP" "$@" <hold >>out 2>>log 3>&- 6>&- &
  starter=$!
  wait_until eval "grep -qx ready out || ! kill -0 $starter"
  pid=$(sed -n 's/.*clone3(CLONE_NEW[^)]*) = \([0-9]*\)$/\1/p' log)
  grep -qx ready out || { cat log >&2; fail "The container has not come up."; }
}

finish()
{
  exec 6>&-
  status=0
  wait "$starter" || status=$?
  unset starter
}

wait_inside=(sh -c 'echo ready; read -r _; exit 0')

# --- Who one is, inside and outside ---------------------------------------------

@test "root inside, somebody harmless outside" {
  local who expected
  for who in "${everybody[@]}"; do
    run_as "$who" -q sh -c 'id -u; id -g; whoami'
    assert_status 0 "As $who: the container has not come up."
    assert_equal "0 0 root" "$(paste -sd ' ' <<<"$output")" "As $who: the command must be root inside: has the child become 0 when its ids were mapped?"
    launch "$who" "${wait_inside[@]}"
    expected=$user_id
    [ "$who" = user ] || expected=1000000
    run awk '/^[UG]id:/ { print $2, $3, $4, $5 }' "/proc/$pid/status"
    if [ "$who" = root ]; then
      assert_equal "$expected $expected $expected $expected" "${lines[0]}" "Outside, root inside must be the first of root's range, not root."
      assert_equal "$expected $expected $expected $expected" "${lines[1]}" "The group outside must be the first of root's range, not root's."
    else
      assert_equal "$expected $expected $expected $expected" "${lines[0]}" "Outside, root inside is the user who started it."
    fi
    [ "$(readlink "/proc/$pid/ns/user")" != "$(readlink /proc/self/ns/user)" ] || fail "As $who: the container has the host's user namespace."
    finish
  done
}

@test "root: a range of its own, 65536 ids from 1000000 or what /etc/subuid says" {
  requires root
  run --separate-stderr -- subids - - "$STEP" -q cat /proc/self/uid_map /proc/self/gid_map
  assert_status 0
  assert_equal "0 1000000 65536,0 1000000 65536" "$(awk '{ $1 = $1 } 1' <<<"$output" | paste -sd,)" "Which ids does root's container have? Are uid_map and gid_map written?"
  run --separate-stderr -- subids $'x:1:1\nroot:300000:70000\n' $'root:400000:65536\n' "$STEP" -q cat /proc/self/uid_map /proc/self/gid_map
  assert_equal "0 300000 70000,0 400000 65536" "$(awk '{ $1 = $1 } 1' <<<"$output" | paste -sd,)" "Root's range in /etc/subuid and /etc/subgid must be taken."
}

@test "root: ids that a line gives to somebody else are not taken for root's containers" {
  requires root
  run --separate-stderr -- subids $'# all\nother:900000:65536\nmallory:1000000:65536\n' - "$STEP" echo started
  assert_status 125 "mallory could end and trace what runs in root's containers."
  assert_equal "" "$output"
  assert_stderr_has '/etc/subuid:3: "mallory:1000000:65536" gives somebody ids from 1000000 to 1065535'
  assert_stderr_has "usermod --add-subuids"
  assert_stderr_lacks "clone3(" "It must be refused before anything is made."
  run --separate-stderr -- subids - $'mallory:1065535:1\n' "$STEP" echo started
  assert_status 125 "The same of groups; one id is enough."
  assert_stderr_has '/etc/subgid:1: "mallory:1065535:1" gives somebody ids'
  run --separate-stderr -- subids $'mallory:1000000:65536\nroot:2000000000:65536\n' $'root:2000000000:65536\n' "$STEP" echo started
  assert_status 0 "With a line of root's own there is nothing in the way."
  run --separate-stderr -- subids $'mallory:934464:65536\nother:1065536:65536\n' - "$STEP" echo started
  assert_status 0 "The ids before and behind are others'."
  run bash -c 'setpriv --reuid 1000000 --clear-groups sleep 1000 3>&- & sleep 0.3; setpriv --reuid 1000000 --clear-groups kill $!'
  assert_status 0 "The control: who has the id can send the signal."
}

@test "root inside is in no group of the host's" {
  local who groups
  for who in "${everybody[@]}"; do
    launch "$who" "${wait_inside[@]}"
    groups=$(sed -n 's/^Groups:[[:space:]]*//p' "/proc/$pid/status")
    finish
    # With one id, setgroups is denied, for groups must not be dropped there.
    [ "$who" = user ] && ! grep -q newuidmap log || assert_equal "" "${groups% }" "As $who: groups of the host's are left: setgroups(2)?"
  done
  requires root
  run --separate-stderr -- setpriv --groups 4242 "$STEP" -q sh -c 'grep ^Groups: /proc/self/status'
  assert_equal "Groups:" "$(tr -d '[:blank:]' <<<"$output")" "The group 4242 of whoever started it has come along: its files are open to the container."
}

@test "user: the ranges of /etc/subuid and /etc/subgid, through newuidmap and newgidmap" {
  requires root newuidmap
  run_with_subids "$user_name:200000:65536"$'\n' "$user_id:300000:5000"$'\n' \
    sh -c 'cat /proc/self/uid_map; cat /proc/self/gid_map; cat /proc/self/setgroups'
  assert_status 0
  assert_equal "$(ranges "$user_id" 200000 65536)"$'\n'"$(ranges "$user_group" 300000 5000)"$'\nallow' "$output" \
    "The user's own id must be 0 inside, and the range follow."
  assert_stderr_has newuidmap
  assert_stderr_has newgidmap
  run_with_subids "$user_name:200000:10"$'\n'"$user_name:500000:20"$'\n' "$user_name:300000:10"$'\n' -q cat /proc/self/uid_map
  assert_equal "$(ranges "$user_id" 200000 10)"$'\n'"$(printf '%10u %10u %10u' 11 500000 20)" "$output" "Several ranges are put one behind the other."
}

@test "user: with ranges there are other users inside" {
  requires root newuidmap
  run_with_subids "$user_name:200000:65536"$'\n' "$user_name:200000:65536"$'\n' -q --cap-add ALL \
    sh -c 'echo x >/dev/shm/x && chown 33:34 /dev/shm/x && stat -c %u:%g /dev/shm/x'
  assert_status 0
  assert_equal 33:34 "$output"
}

@test "newuidmap and newgidmap run at the same time" {
  # Each of these waits for the other to have come, before it does its work.
  requires root newuidmap
  local helper other patience=${NSCTL_TEST_PATIENCE:-60}
  local -a setpriv
  mkdir helpers
  mkfifo -m 666 newuidmap-is-here newgidmap-is-here
  for helper in newuidmap newgidmap; do
    other=newgidmap
    [ "$helper" = newuidmap ] || other=newuidmap
    printf '#!/bin/sh\ncd %s; timeout %s sh -c "echo >%s-is-here" & timeout %s sh -c "read -r _ <%s-is-here" && wait && exec %s "$@"\n' \
      "$PWD" "$patience" "$helper" "$patience" "$other" "$(command -v "$helper")" >"helpers/$helper"
    chmod 755 "helpers/$helper"
  done
  user_command >/dev/null
  run --separate-stderr -- subids "$user_name:200000:65536"$'\n' "$user_name:200000:65536"$'\n' "${setpriv[@]}" "PATH=$PWD/helpers:$PATH" \
    "$STEP" -q sh -c 'wc -l </proc/self/uid_map'
  assert_status 0 "newuidmap and newgidmap were not both run, or one was awaited before the other was started, which costs as much time again: start both, then wait for both."
  assert_equal 2 "$output"
}

@test "a helper that fails ends it, before anything is started" {
  requires root newuidmap
  local -a setpriv
  mkdir helpers
  cp "$(type -P false)" helpers/newgidmap
  user_command >/dev/null
  run --separate-stderr -- subids "$user_name:200000:65536"$'\n' "$user_name:200000:65536"$'\n' "${setpriv[@]}" "PATH=$PWD/helpers:$PATH" \
    "$STEP" -q echo started
  assert_status 125
  assert_equal "" "$output"
  assert_stderr_has newgidmap "It must be said which helper has failed."
  assert_stderr_lacks "the parent died" "The child must be gone before it has something to say."
}

# --- One id ------------------------------------------------------------------------

# run_alone ARG…: as the user, without ranges.
run_alone()
{
  if [ "$(id -u)" -eq 0 ]; then run_with_subids - - "$@"; else run --separate-stderr -- env PATH=/nowhere "$STEP" "$@"; fi
}

@test "without ranges one id is mapped, and the log says what that costs" {
  run_alone sh -c 'cat /proc/self/uid_map /proc/self/gid_map /proc/self/setgroups; stat -c %U /dev/null'
  assert_status 0 "Whoever has no ranges can map the own id: was setgroups denied before gid_map was written?"
  assert_equal "0 $user_id 1,0 $user_group 1,deny,nobody" "$(awk '{ $1 = $1 } 1' <<<"$output" | paste -sd,)" "One's own id, and no other, must be 0 inside."
  assert_stderr_has "one id is mapped"
  assert_stderr_has "that costs"
  run_alone -q chown 1 /dev/shm
  [ "$status" -ne 0 ] || fail "An id that is not mapped could be had."
}

@test "without helpers, or where they can not be root, it is one id, too" {
  requires root newuidmap
  local -a setpriv
  user_command >/dev/null
  run --separate-stderr -- subids "$user_name:200000:65536"$'\n' "$user_name:200000:65536"$'\n' "${setpriv[@]}" PATH=/nowhere \
    "$STEP" sh -c 'wc -l </proc/self/uid_map'
  assert_equal 1 "$output"
  assert_stderr_has "newuidmap and newgidmap (package uidmap) are not here"
  run --separate-stderr -- subids "$user_name:200000:65536"$'\n' "$user_name:200000:65536"$'\n' setpriv --no-new-privs "${setpriv[@]}" \
    "$STEP" sh -c 'wc -l </proc/self/uid_map'
  assert_equal 1 "$output"
  assert_stderr_has "no_new_privs is set"
}

@test "attack: a group that keeps somebody out can not be dropped (CVE-2014-8989)" {
  # The file is for everybody but the group 4242, of which the user is a member.
  requires root
  local drop="cat /only-here/secret 2>&1"
  make_copy
  echo secret >"$copy/only-here/secret"
  chown 0:4242 "$copy/only-here/secret"
  chmod 0604 "$copy/only-here/secret"
  run --separate-stderr -- subids - - setpriv --reuid "$user_id" --regid "$user_group" --groups 4242 -- \
    "$STEP" -q --rootfs "$copy" --cap-add ALL --security-opt seccomp=unconfined sh -c "$drop"
  assert_output_lacks secret$'\n'
  # Where 07 copies the layers, a file that may not be read is empty in the copy.
  [[ $output == *[Pp]ermission* || -z $output ]] || fail "The group 4242, which keeps the user out of the file, was dropped: $output"
  # The control: who is not in that group can read it.
  run --separate-stderr -- subids - - setpriv --reuid "$user_id" --regid "$user_group" --clear-groups -- \
    "$STEP" -q --rootfs "$copy" sh -c "$drop"
  assert_equal secret "$output"
}

@test "root of a user namespace has that one's ids, and no more" {
  requires root
  run --separate-stderr -- unshare --user --map-root-user "$STEP" sh -c 'cat /proc/self/uid_map; whoami'
  assert_status 0 "A container in a user namespace, such as another container's, must be possible."
  assert_equal "0 0 1 root" "$(awk '{ $1 = $1 } 1' <<<"$output" | paste -sd ' ')"
  assert_stderr_has "root of a user namespace has only that one's ids"
  run --separate-stderr -- unshare --user --map-root-user "$STEP" -q --userns host true
  assert_status 125
}

# --- What maps are refused ------------------------------------------------------------

# refused_map LINES LINE SAYS: of /etc/subuid, with nothing done.
refused_map()
{
  run_with_subids "$1" "$user_name:200000:65536"$'\n' echo started
  assert_status 125 "These lines of /etc/subuid must be refused: $1"
  assert_equal "" "$output"
  assert_stderr_has "/etc/subuid:$2: " "The message must name the file and the line."
  assert_stderr_has "$3"
  assert_stderr_lacks "clone3(" "It must be refused before anything is made."
  assert_stderr_lacks "mkdir("
}

@test "ranges that meet, overflow, or are not ours to give are refused by file and line" {
  requires root newuidmap
  refused_map "$user_name:200000:100"$'\n'"$user_name:200099:100"$'\n' 2 "the range meets another one"
  refused_map $'other:1:5\n\n'"$user_name:200000:100"$'\n'"$user_id:199990:11"$'\n' 4 "the range meets another one"
  refused_map "$user_name:$((user_id - 1)):3"$'\n' 1 "has your own id"
  refused_map "$user_name:0:10"$'\n' 1 "the range has id 0"
  refused_map "$user_name:4294967290:6"$'\n' 1 "no id above 4294967294"
  refused_map "$user_name:4294967295:1"$'\n' 1 "no id above 4294967294"
  refused_map "$user_name:200000:4294967295"$'\n' 1 "no id above 4294967294"
  refused_map "$user_name:200000:0"$'\n' 1 "expected a COUNT from 1"
  refused_map "$(for i in {10..25}; do echo "$user_name:${i}00000:10"; done)" 16 "15 ranges at most"
}

@test "malformed lines are refused by file and line if they are ours, and else are nobody's" {
  requires root newuidmap
  local line
  for line in "$user_name:" "$user_name:200000" "$user_name:200000:" "$user_name::10" "$user_name:x:10" "$user_name:200000:1x" \
    "$user_name:-1:10" "$user_name: 200000:10" "$user_name:0x30d40:10" "$user_name:200000:10:10" "$user_name:4294967296:1" \
    "$user_name:200000:99999999999999999999" "$user_id:200000"; do
    refused_map $'# a comment\n'"$line"$'\n' 2 "expected NAME:FIRST:COUNT"
  done
  run_with_subids $'garbage\nother:x:y\n\n# comment\n'"$user_name:200000:9" "$user_name:200000:9" sh -c 'wc -l </proc/self/uid_map'
  assert_equal 2 "$output" "Lines that are not ours must not be in the way."
  assert_stderr_has "/etc/subuid:1: no NAME:FIRST:COUNT"
  # The same in root's, and in /etc/subgid.
  run --separate-stderr -- subids $'root:200000:10\n' $'root:5\n' "$STEP" echo started
  assert_status 125
  assert_stderr_has "/etc/subgid:1: "
}

# --- Where the host says no -------------------------------------------------------------

@test "max_user_namespaces is 0: named as that, with the remedy" {
  local again='echo 0 >/proc/sys/user/max_user_namespaces && exec "$@"'
  run --separate-stderr -- unshare --user --map-root-user sh -c "$again" sh "$STEP" echo started
  assert_status 125
  assert_equal "" "$output"
  assert_stderr_has "the host forbids user namespaces: the sysctl user.max_user_namespaces is 0"
  assert_stderr_has "sudo sysctl user.max_user_namespaces="
  assert_stderr_lacks "clone3("
}

# with_settings NAME=VALUE… -- COMMAND…: with these, and no other, in /proc/sys/kernel.
with_settings()
{
  local setting
  mkdir -p kernel
  rm -f kernel/*
  while [ "$1" != -- ]; do
    setting=$1
    echo "${setting#*=}" >"kernel/${setting%%=*}"
    shift
  done
  shift
  unshare --mount --propagation private sh -c 'mount --bind kernel /proc/sys/kernel && exec "$@"' sh "$@"
}

@test "the sysctl of Debian, the AppArmor of Ubuntu: named as that, with the remedy" {
  requires root
  local name
  local -a setpriv
  user_command >/dev/null
  for name in unprivileged_userns_clone=0 apparmor_restrict_unprivileged_userns=1; do
    run --separate-stderr -- with_settings "$name" -- "${setpriv[@]}" "$STEP" echo started
    assert_status 125
    assert_equal "" "$output"
    assert_stderr_has "the host forbids user namespaces: "
    assert_stderr_has "kernel.${name%=*}"
    assert_stderr_has "sudo sysctl kernel.${name%=*}=$((1 - ${name#*=}))"
    assert_stderr_lacks "clone3("
    # It is about ordinary users. (What is mounted in /proc for this is in the way later.)
    run --separate-stderr -- with_settings "$name" -- "$STEP" echo started
    assert_stderr_has "clone3(CLONE_NEWUSER"
  done
  run --separate-stderr -- with_settings unprivileged_userns_clone=1 apparmor_restrict_unprivileged_userns=0 -- "${setpriv[@]}" "$STEP" echo started
  assert_stderr_has "clone3(CLONE_NEWUSER"
}

@test "a limit of user namespaces that is met later is no full disk; a refusal is no lack of root" {
  requires root strace
  local as_whom
  for as_whom in "${everybody[@]}"; do
    run_with_error parent:clone3:1 ENOSPC echo started
    assert_status 125
    assert_stderr_has "ENOSPC"
    assert_stderr_has "not the disk: "
    assert_stderr_has max_user_namespaces
    run_with_error parent:clone3:1 EPERM echo started
    assert_status 125
    assert_stderr_has "seccomp filter"
    assert_stderr_has AppArmor
    assert_stderr_lacks sudo
  done
}

# --- --userns ---------------------------------------------------------------------------

@test "--userns host is root's, and nothing else is accepted" {
  local value
  for value in '' own Host hosts private auto 0; do
    run_as "${everybody[0]}" --userns "$value" echo started
    assert_status 125
    assert_equal "" "$output"
    assert_stderr_has "--userns: \"$value\": expected host"
    assert_stderr_lacks "[ns] "
  done
  run_as user --userns host echo started
  assert_status 125
  assert_stderr_has "expected root"
  run_as "${everybody[0]}" --help
  assert_output_matches '--userns host '
}

@test "--userns host: the host's ids, and step 05's container in all else" {
  requires root
  run_as root -q --userns host sh -c 'cat /proc/self/uid_map; readlink /proc/self/ns/user; stat -c %U /etc /dev/null'
  assert_status 0
  assert_equal "0 0 4294967295,$(readlink /proc/self/ns/user),root,root" "$(awk '{ $1 = $1 } 1' <<<"$output" | paste -sd,)"
}

@test "attack: what only the host's root may read, root inside may not" {
  only_for 06 # from 07 on the layers are mapped, and root inside is root of what is in them
  requires root
  make_copy
  echo secret >"$copy/only-here/secret"
  chmod 0600 "$copy/only-here/secret"
  run_as root -q --rootfs "$copy" --cap-add ALL --security-opt seccomp=unconfined cat /only-here/secret
  assert_status 1
  assert_stderr_has "ermission denied" "Root inside has read a file that is the host's root's alone: whose id does it have on disk?"
  # The control: the same, with the host's user namespace.
  run_as root -q --rootfs "$copy" --userns host cat /only-here/secret
  assert_equal secret "$output"
}

@test "attack: all capabilities inside are none outside" {
  requires root
  local try='hostname changed; date -s @0; echo 1 >/proc/sys/kernel/sysrq; mknod /dev/shm/disk b 8 0 && echo made; exit 0'
  run_as user -q --cap-add ALL --security-opt seccomp=unconfined sh -c "$try"
  assert_output_lacks made "A device node could be made in a user namespace."
  run_as root -q --cap-add ALL --security-opt seccomp=unconfined sh -c "$try"
  assert_output_lacks made "A device node could be made in a user namespace."
  [ "$(hostname)" != changed ] || fail "The host's name was changed."
  [ "$(date +%Y)" -gt 2000 ] || fail "The host's clock was changed."
  # The control, of what does no harm.
  run_as root -q --userns host --cap-add ALL --security-opt seccomp=unconfined sh -c 'mknod /dev/shm/disk b 8 0 && echo made'
  assert_output_has made
}

# --- Its root, without root ----------------------------------------------------------------

@test "below directories that are closed to others" {
  local -a setpriv
  make_copy
  mkdir -p closed/inner
  mv "$copy" closed/inner/rootfs
  copy=$PWD/closed/inner/rootfs
  if [ "$(id -u)" -eq 0 ]; then
    chmod 0700 closed closed/inner
    run_as root -q --rootfs "$copy" cat /only-here/mark
    assert_equal mark "$output" "As root: the root file system lies below directories of mode 0700, which root inside may not search: the child must begin there."
    chown "$user_id" closed closed/inner
    run_as root -q --rootfs "$copy" cat /only-here/mark
    assert_equal mark "$output" "As root: these directories of mode 0700 are another user's."
  else
    chmod 0700 closed closed/inner
  fi
  run_as user -q --rootfs "$copy" cat /only-here/mark
  assert_equal mark "$output" "As a user: the root file system lies below one's own directories of mode 0700."
}

# mount_below COMMAND…: runs it where something is mounted in the copy, which nobody may change there.
mount_below()
{
  run --separate-stderr -- unshare --mount --propagation private sh -c \
    'mount -t tmpfs -o ro,nosuid,nodev,noexec none "$0/mnt" && exec "$@"' "$copy" "$@"
}

@test "root: what the host has mounted below is left out" {
  requires root
  make_copy
  mount_below "$STEP" --rootfs "$copy" sh -c 'grep -c " /mnt " /proc/self/mountinfo'
  assert_equal 0 "$output"
}

@test "user: what the host has mounted below comes along, and its flags are kept" {
  only_for 06 # such a directory can be no layer of an overlay: 07 has a test of that
  requires root
  local -a setpriv
  user_command >/dev/null
  make_copy
  mount_below "${setpriv[@]}" "$STEP" --rootfs "$copy" \
    --cap-add ALL --security-opt seccomp=unconfined \
    sh -c 'mount -o remount,bind,rw /mnt && echo writable; umount /mnt && echo uncovered; grep " /mnt " /proc/self/mountinfo'
  assert_status 0
  assert_stderr_has "what is mounted below comes along" "A mount came along, and the log does not say so."
  assert_output_matches ' /mnt ro,nosuid,nodev,noexec' "The flags that the host has set are locked, and must be kept."
  assert_output_lacks writable
  assert_output_lacks uncovered
}

@test "no mount of the container's reaches the host, though the host's are shared" {
  requires root
  local more
  make_copy
  for more in '' '--userns host'; do
    cat >see <<MOUNTS
mount --make-rshared / && grep -q 'shared:' /proc/self/mountinfo && cat /proc/self/mountinfo >before || exit 9
"$STEP" -q $more --rootfs "$copy" cat /proc/self/mountinfo >inside
diff before /proc/self/mountinfo && grep -c . inside
MOUNTS
    run --separate-stderr -- in_private_namespaces bash see
    assert_status 0 "Something that the container has mounted is mounted on the host now (with $more): a copy of a shared mount is shared with it, until it is made private."
  done
}

@test "devices are the host's, and checked: not whatever lies at /dev/null" {
  requires root
  local who alone=()
  ((10#$(step_number) < 8)) || alone=(--net none) # the program for a user's network needs /dev/null, too
  local -a setpriv
  user_command >/dev/null
  for who in "${everybody[@]}"; do
    run_as "$who" -q sh -c 'echo x >/dev/null && head -c 3 /dev/zero | wc -c && stat -c %t:%T /dev/null /dev/tty && awk "\$5 ~ /^.dev.(null|tty)\$/ { n++ } END { print n }" /proc/self/mountinfo'
    assert_equal "3,1:3,5:0,2" "$(paste -sd, <<<"$output")" "As $who: the devices do not work, or are not the host's, bound."
  done
  for who in /dev/zero /etc/passwd; do
    run --separate-stderr -- unshare --mount --propagation private sh -c 'mount --bind "$0" /dev/null && exec "$@"' "$who" "${setpriv[@]}" "$STEP" -q "${alone[@]}" echo started
    assert_status 125
    assert_equal "" "$output"
    assert_stderr_has "/dev/null of the host is not the device 1:3"
  done
}

@test "/sys is there, and all of it to be looked at only" {
  local who
  for who in "${everybody[@]}"; do
    run_as "$who" sh -c 'ls /sys/class/mem/null >/dev/null && grep " /sys" /proc/self/mountinfo | grep -v " ro,nosuid,nodev,noexec"; echo all others'
    assert_equal "all others" "$(grep -v '/sys/firmware\|/sys/fs/selinux\|/sys/devices/virtual/powercap' <<<"$output")" "As $who: these mounts in /sys may do more than be looked at."
    # From 08 on there is a network namespace, and so a new /sys.
    ((10#$(step_number) >= 8)) || assert_stderr_has "a new /sys is refused (EPERM): then it is the host's"
  done
}

@test "terminals belong to the group tty where there is one, and open anyway" {
  local open='exec 3<>/dev/ptmx && stat -c "%g %a" /dev/pts/0'
  run_alone -q sh -c "$open"
  assert_status 0 "A pseudo-terminal could not be made where 5 is not mapped: mount devpts without gid."
  assert_equal "0 620" "$output"
  requires root
  run_as root -q sh -c "$open"
  assert_equal "5 620" "$output"
}

@test "/proc shows its own processes, and is refused where it would show more than the one here" {
  local who
  for who in "${everybody[@]}"; do
    run_as "$who" -q sh -c 'ls -d /proc/[0-9]*; readlink /proc/1/ns/pid >/dev/null && echo mine'
    assert_output_matches '^/proc/1($|'$'\n'')' "As $who: /proc is not that of the container's PID namespace."
    assert_output_lacks "/proc/$$"
  done
  requires root
  run --separate-stderr -- unshare --mount --propagation private sh -c 'mount -t tmpfs none /proc/irq && exec "$@"' sh "$STEP" -q echo started
  assert_status 125
  assert_equal "" "$output"
  assert_stderr_has "the kernel refuses a new /proc (EPERM)" "Parts of the host's /proc are masked: why it fails must be said."
}

@test "attack: the runtime's own file is out of reach of root inside" {
  # Root inside is, on disk, the user who may write to it.
  local who
  for who in "${everybody[@]}"; do
    run_as "$who" -q --init --cap-add ALL --security-opt seccomp=unconfined sh -c 'readlink /proc/1/exe; cat /proc/1/exe >/dev/null && echo read; exit 0'
    assert_equal "" "$output" "As $who: /proc/1/exe, the program on the host, can be reached from inside."
  done
  requires root
  run_as root -q --privileged --init readlink /proc/1/exe # the control
  assert_output_has step-
}

# --- Limits ------------------------------------------------------------------------------------

@test "user without a cgroup: a limit is refused, the default's loss is said" {
  requires root # who is put where no cgroup is a user's
  local option
  for option in "-m 64m" "-cpu 0.5" "--pids-limit 10"; do
    # shellcheck disable=SC2086 # two words
    run_as user $option echo started
    assert_status 125 "A limit was asked for that can not be set: $option."
    assert_equal "" "$output"
    assert_stderr_has "no cgroup is yours to divide"
    assert_stderr_has "systemd-run --user --scope"
    assert_stderr_lacks "clone3("
  done
  run_as user echo started
  assert_equal started "$output"
  assert_stderr_has "no limit of processes but the user's own" "A default that can not be had must be said."
  run_as user --pids-limit -1 echo started
  assert_equal started "$output"
  assert_stderr_lacks "no limit of processes but"
}

# delegate: a cgroup that is the user's, and one in it with the user's processes, as a service manager would
# make them; sets delegated_top. delegated COMMAND…: runs it there.
delegate()
{
  local file
  delegated_top=/sys/fs/cgroup/nsctl-test-delegated
  mkdir -p "$delegated_top/run.scope"
  for file in '' /cgroup.procs /cgroup.subtree_control /run.scope /run.scope/cgroup.procs /run.scope/cgroup.subtree_control; do
    chown "$user_id:$user_group" "$delegated_top$file"
  done
}

delegated()
{
  sh -c 'echo $$ >"$0/run.scope/cgroup.procs" && exec "$@"' "$delegated_top" "${setpriv[@]}" "$@"
}

take_back()
{
  wait_until rmdir "$delegated_top/run.scope"
  rmdir "$delegated_top"
  unset delegated_top
}

# bats test_tags=v2
@test "user with a cgroup of version 2: limits, in the nearest that is the user's and holds nobody" {
  requires root cgroup-v2
  local look='cat /sys/fs/cgroup/memory.max /sys/fs/cgroup/pids.max /proc/self/cgroup'
  local -a setpriv
  user_command >/dev/null
  delegate
  run --separate-stderr -- delegated "$STEP" -m 64m --pids-limit 50 sh -c "$look"
  assert_status 0
  assert_equal "67108864,50,0::/" "$(paste -sd, <<<"$output")" "The limits are not in the kernel's files, or the container is not in its cgroup."
  assert_stderr_has "mkdir(\"$delegated_top/nsctl/" "The nearest cgroup with room for it is $delegated_top."
  [ ! -e "$delegated_top/nsctl" ] || fail "Its cgroup must be gone when it has ended."
  run --separate-stderr -- delegated "$STEP" -q sh -c 'cat /sys/fs/cgroup/pids.max'
  assert_equal 2048 "$output" "The default limit of processes is missing."
  run --separate-stderr -- delegated "$STEP" -q -m 16m sh -c 'dd if=/dev/zero of=/dev/null bs=134217728 count=1'
  assert_status 137
  assert_stderr_has "out of memory"
  # Nobody else's: without the right to it, it is as if it was not there.
  chown 0:0 "$delegated_top" "$delegated_top/run.scope"
  run --separate-stderr -- delegated "$STEP" -m 64m echo started
  assert_status 125
  assert_stderr_has "no cgroup is yours to divide"
}

# --- Nothing stays, nothing is left open ------------------------------------------------------------

@test "nothing but 0, 1, 2 reaches the command: no mount, no pipe" {
  local who
  for who in "${everybody[@]}"; do
    run --separate-stderr -- as "$who" "$STEP" -q sh -c 'ls /proc/self/fd' 9</
    assert_equal "0 1 2 3" "$(paste -sd ' ' <<<"$output")" "As $who: a descriptor has reached the command (3 is that of ls)."
  done
}

@test "its output can be opened by name, also where it is a pipe" {
  local who
  for who in "${everybody[@]}"; do
    run as "$who" sh -c '"$0" -q sh -c "echo by name >/dev/stdout" | cat' "$STEP"
    assert_equal "by name" "$output" "As $who: /dev/stdout is a pipe, and root inside is not its owner."
  done
}

@test "when the parent is killed the container dies, though it has become another" {
  local who
  for who in "${everybody[@]}"; do
    launch "$who" "${wait_inside[@]}"
    kill -KILL "$(ps -o ppid= -p "$pid" | tr -d ' ')"
    wait "$starter" 2>/dev/null || true
    unset starter
    NSCTL_TEST_PATIENCE=20 wait_until eval "! kill -0 $pid" || { kill -KILL "$pid"; fail "As $who: the step is dead, its container lives: who becomes another user is no longer killed with the parent."; }
    exec 6>&-
  done
  "$STEP" -q true
}

@test "the log tells the truth" {
  only_for 06 # later ones have an order of their own, and a test of it
  requires root strace
  local as_whom
  for as_whom in "${everybody[@]}"; do
    assert_log_true sh -c 'exit 7'
    assert_status 7
    assert_log_true --init true
    run grep -n -o -E '(CLONE_NEWUSER|uid_map|mount\("none", "/", "none", MS_REC\|MS_PRIVATE|fsmount|pivot_root|umount2|setresgid|setresuid|"/proc"\)|"/sys"\)|mount\("tmpfs", "/dev"|"/dev/pts"|"/dev/null"\)|hidden:|close_range|execve)' <<<"$stderr"
    assert_equal 'CLONE_NEWUSER uid_map mount("none", "/", "none", MS_REC|MS_PRIVATE fsmount pivot_root umount2 setresgid setresuid "/proc") "/sys") mount("tmpfs", "/dev" "/dev/pts" "/dev/null") hidden: close_range execve' \
      "$(cut -d: -f2- <<<"$output" | grep -v execve | paste -sd ' ') execve" "As $as_whom: in another order than it has to be."
  done
}

@test "50 at once" {
  local who i
  for who in "${everybody[@]}"; do
    for i in {1..50}; do
      (
        said=$(as "$who" "$STEP" -q --hostname "c$i" sh -c "hostname; id -u; exit $i" 2>&1 3>&-)
        result=$?
        [[ $result = "$i" && $said = "c$i"$'\n0' ]] || echo "$i: $result $said"
      ) &
    done >wrong
    wait
    assert_equal "" "$(cat wrong)" "As $who: one of them has failed."
  done
}

calls=chdir,fchdir,open_tree,fsopen,fsconfig,fsmount,move_mount,pivot_root,umount2,clone3,unshare,mount,mkdir,mkdirat,mknod,mknodat,setgroups,setresgid,setresuid,fchown,pipe2,write,sethostname

# Those of cgroups were proved in step 05.
is_of_the_user_namespace()
{
  case $1 in
    *:mkdir*:*/sys/fs/cgroup* | *:write:*:/sys/fs/cgroup*) false ;;
    *:mount:*:/sys) ((10#$(step_number) < 8)) ;; # there it is a new one, read-only from the start
    *) true ;;
  esac
}

fail_at()
{
  is_of_the_user_namespace "$1" || return 0
  local error=EIO
  case $1 in *:fsopen:*) error=EMFILE ;; esac
  run_with_error "$1" "$error" "${@:2}"
  assert_status 125 "A failed set-up is the step's own error, and 125 says so."
  assert_stderr_has "$error" "The error must name the errno, or nobody can tell why."
  assert_output_lacks started
}

@test "whichever call of the set-up fails, the error is named and nothing stays" {
  requires root strace
  local as_whom
  for as_whom in "${everybody[@]}"; do
    for_each_call "$calls" fail_at --pids-limit -1 --hostname "fault-$$" /bin/true
    wait_until eval "! pgrep -f 'hostname fault-$$ '" || fail "A process of the container lives on."
  done
  assert_clean
}

kill_at()
{
  is_of_the_user_namespace "$1" || return 0
  run_with_kill "$@"
  [ "$status" -ne 0 ] || fail "it was killed, and says that all went well"
}

@test "killed with -9 at any call of the set-up, it leaves nothing behind" {
  requires root strace
  local as_whom
  for as_whom in "${everybody[@]}"; do
    for_each_call "$calls" kill_at --pids-limit -1 --hostname "fault-$$" /bin/true
    wait_until eval "! pgrep -f 'hostname fault-$$ '" || fail "A process of the container lives on."
  done
  assert_clean
}

# --- No more power than needed (the second half) ------------------------------------------------------
