#!/usr/bin/env bats
# shellcheck disable=SC2016 # what looks like an expansion is for a shell inside
# shellcheck disable=SC2154 # status, output, stderr, container_PID are set by bats and coproc
# shellcheck disable=SC2030,SC2031 # bats runs each test in a shell of its own
#
# Step 04: a root directory of one's own, and what belongs into it.
#
# Whatever a test writes inside goes to a directory that only the copy of the root
# file system has, to /dev, or to nowhere: a program that is not finished yet may
# still have the host's root for its own.

load ../helpers

setup()
{
  requires root
  cd "$BATS_TEST_TMPDIR" || return
}

# Sets copy: a root file system like the default one, to be spoilt. Its mark is
# the file /only-here/mark; nothing of that name is on the host.
make_copy()
{
  [ -d "$ROOT/build/rootfs/default" ] || fail "there is no build/rootfs/default; make it first: make rootfs"
  copy=$BATS_TEST_TMPDIR/${1:-rootfs}
  cp -a "$ROOT/build/rootfs/default" "$copy"
  mkdir "$copy/only-here"
  echo mark >"$copy/only-here/mark"
}

# The names, kinds, modes, owners and links of all that is below a directory; with
# --times also when each was changed.
inventory()
{
  local format='%P %y %m %U:%G %l'
  [ "${1:-}" != --times ] || { format+=' %T@ %C@'; shift; }
  find "$1" -printf "$format\n" | sort
}

# start_container ARG…: runs the step and returns when its command has printed
# "ready"; the command is to end when its input does, at end_container.
start_container()
{
  local line
  coproc container { exec "$STEP" -q "$@" 3>&-; }
  container_starter=$container_PID
  exec 5<&"${container[0]}" 6>&"${container[1]}"
  eval "exec ${container[0]}<&- ${container[1]}>&-"
  while read -r line <&5 && [ "$line" != ready ]; do echo "$line"; done
}

end_container()
{
  exec 6>&-
  wait "$container_starter" || true
  exec 5<&-
}

# The last of the line of processes that began with this one.
descendant_of()
{
  local pid=$1 children
  while children=$(cat "/proc/$pid/task/$pid/children") && [ -n "$children" ]; do pid=${children%% *}; done
  echo "$pid"
}

# Inside: the mount points, what they are and how they are mounted, one a line.
mounts_inside='while read -r _ _ _ _ point options rest; do
  rest=${rest#*- }; set -- $rest; echo "$point $1 $options $3"; done </proc/self/mountinfo'

# --- A root of its own ---------------------------------------------------------

@test "the root inside is the directory that was asked for" {
  make_copy
  run_step --rootfs "$copy" cat /only-here/mark
  assert_status 0 "The command did not see the root file system it was to run in: has the root been changed?"
  assert_equal mark "$output"
  run_step --rootfs "$copy" ls -A /
  assert_equal "$(ls -A "$copy")" "$output" "The root directory inside is not the one that was asked for: has the root been changed?"
}

@test "from outside, too: the container's root is that directory, the host's stays" {
  local pid host_root
  make_copy
  host_root=$(stat -c %d:%i /)
  start_container --rootfs "$copy" sh -c 'echo ready; read -r _'
  pid=$(descendant_of "$container_starter")
  run cat "/proc/$pid/root/only-here/mark"
  assert_equal mark "$output" "The host sees another root in /proc/PID/root of the container: did pivot_root happen?"
  run readlink "/proc/$pid/ns/mnt"
  [ "$output" != "$(readlink /proc/self/ns/mnt)" ] || fail "The container has the host's mount table."
  assert_equal "$host_root" "$(stat -c %d:%i /)" "The host's own root has changed."
  end_container
}

@test "nothing of the host is in the mount table" {
  make_copy
  cat >see <<EOF
mount -t tmpfs canary-of-the-host /mnt
grep -q canary-of-the-host /proc/self/mountinfo || exit 9
exec "$STEP" -q --rootfs "$copy" cat /proc/self/mountinfo
EOF
  run --separate-stderr -- in_private_namespaces bash see
  assert_status 0 "The container did not start, so that nothing can be said of its mount table."
  assert_output_lacks canary-of-the-host "A mount of the host is in the container's mount table: was the old root let go of (umount2)?"
  run_step --rootfs "$copy" sh -c "$mounts_inside"
  assert_equal / "$(cut -d ' ' -f 1 <<<"$output" | grep -vE '^/(proc|sys|dev|etc)(/|$)')" \
    "Besides / and what is mounted on /proc, /sys and /dev there must be no mount inside: was the old root let go of?"
}

@test "what the host has mounted below the directory is not carried in" {
  make_copy
  cat >see <<EOF
mount -t tmpfs none "$copy/mnt"
touch "$copy/mnt/of-the-host"
"$STEP" -q --rootfs "$copy" ls -A /mnt
EOF
  run --separate-stderr -- in_private_namespaces bash see
  assert_status 0
  assert_equal "" "$output" "A mount below the directory has come along: was the bind mount recursive?"
}

@test "no way back by .., /proc/1/root, the working directory" {
  make_copy
  run --separate-stderr -- env -C /etc "$STEP" -q --rootfs "$copy" sh -c \
    'pwd; cd /../../..; cat only-here/mark; cat /proc/1/root/only-here/mark /proc/self/root/../only-here/mark; ls -A /proc/1/cwd/'
  assert_status 0
  assert_equal "/"$'\nmark\nmark\nmark\n'"$(ls -A "$copy")" "$output" "One of these paths leads out of the new root."
}

@test "no way back by a descriptor of the host's" {
  local number
  make_copy
  run --separate-stderr -- "$STEP" -q --rootfs "$copy" sh -c 'ls /proc/self/fd; ls /proc/1/fd/9/ /proc/self/fd/9/' \
    7</etc/passwd 8<"$ROOT" 9</
  assert_output_lacks home "A directory of the host was reached by a descriptor that it left open."
  for number in 7 8 9; do
    [[ $'\n'$output$'\n' != *$'\n'$number$'\n'* ]] || fail "Descriptor $number of the host's has reached the command."
  done
  # The control: the same, where nobody closes it.
  run sh -c 'ls /proc/self/fd/9/' 9</
  assert_output_has etc
}

@test "who climbs out of a chroot by a second one does not get out of here" {
  # A root below the working directory: from there ".." never meets a root, until
  # it comes to the real one. /usr will do, since /usr/bin/sh is /bin/sh in it.
  local climb
  make_copy
  echo freedom >canary
  climb='i=0; while [ $i -lt 40 ]; do cd -P ..; i=$((i+1)); done; chroot . /bin/sh -c "cat '"$PWD/canary; cat /only-here/mark"'"'
  run chroot "$copy" nsenter --root=/usr --wd=/ sh -c "$climb"
  assert_output_has freedom "The control has failed: this climbs out of a plain chroot."
  run_step --rootfs "$copy" nsenter --root=/usr --wd=/ sh -c "$climb"
  assert_output_lacks freedom "A second chroot led back to the host: is the root only a chroot?"
  only_for 04 05 # later ones may refuse to try
  assert_output_has mark "The climb did not end at the container's own root, or nothing was started: has pivot_root(2) made that the root?"
}

@test "where pivot_root can not work, chroot takes its place, and the log says so" {
  requires strace
  make_copy
  run --separate-stderr -- strace -f -o trace -e trace=pivot_root -e inject=pivot_root:error=EINVAL -- \
    "$STEP" --rootfs "$copy" sh -c "cat /only-here/mark; $mounts_inside"
  assert_status 0 "Without pivot_root (an initramfs) the step must fall back on chroot."
  assert_output_has mark
  assert_stderr_has "pivot_root can not replace this root (EINVAL)"
  assert_stderr_has 'chroot(".") = 0'
  assert_stderr_lacks "the host's root is gone"
  assert_equal / "$(sed 1d <<<"$output" | cut -d ' ' -f 1 | grep -vE '^/(proc|sys|dev|etc)(/|$)')" \
    "The fallback, too, must hide the mounts of the host."
}

@test "the fallback tells the truth in its log" {
  requires strace
  local verdict
  make_copy
  run --separate-stderr -- strace -f -y -s 4096 -o trace -e inject=pivot_root:error=EINVAL -- "$STEP" --rootfs "$copy" true
  assert_status 0
  verdict=$("$ROOT/tests/log-truth" trace <(printf '%s\n' "$stderr") 2>&1) || fail "$verdict"
}

@test "another failure of pivot_root than EINVAL is no reason for chroot" {
  requires strace
  make_copy
  run --separate-stderr -- strace -f -o trace -e trace=pivot_root,chroot -e inject=pivot_root:error=EPERM -- \
    "$STEP" -q --rootfs "$copy" echo started
  assert_status 125
  assert_output_lacks started
  assert_stderr_has 'pivot_root(".", ".") = -1 EPERM'
}

@test "chroot leaves a way out that pivot_root does not: the host is still mounted below" {
  only_for 04 05 # it takes CAP_SYS_ADMIN, which later ones do not leave
  requires strace
  # Takes the root off the mount table and enters it anew, where its bottom is.
  local uncover
  make_copy
  echo freedom >canary
  uncover="cd /proc/self/ns && umount -l / && exec nsenter --mount=mnt /bin/sh -c 'cat $PWD/canary'"
  run --separate-stderr -- strace -f -o trace -e trace=pivot_root -e inject=pivot_root:error=EINVAL -- \
    "$STEP" -q --rootfs "$copy" sh -c "$uncover"
  assert_output_has freedom "The control has failed: this gets out of the fallback."
  run_step --rootfs "$copy" sh -c "$uncover"
  assert_output_lacks freedom "The host's root was still in the mount table: was it let go of?"
  assert_status 127 "With its root gone, the mount table must be empty: no /bin/sh, and nothing of the host's."
}

# --- /dev -----------------------------------------------------------------------

@test "the six devices are there, with their numbers and for everybody" {
  run_step sh -c 'cd /dev && stat -c "%n %a %t:%T %F" null zero full random urandom tty'
  assert_status 0 "A device that programs count on is missing in /dev."
  assert_equal "null 666 1:3 character special file
zero 666 1:5 character special file
full 666 1:7 character special file
random 666 1:8 character special file
urandom 666 1:9 character special file
tty 666 5:0 character special file" "$output" "A device has the wrong number, or a mode that the umask has cut."
}

@test "the devices do what they are for" {
  run_step sh -c 'echo x >/dev/null && cat /dev/null && echo nothing
    head -c 3 /dev/zero | od -An -tx1 2>/dev/null || head -c 3 /dev/zero | wc -c
    head -c 8 /dev/random | wc -c; head -c 8 /dev/urandom | wc -c; echo x >/dev/full'
  assert_equal "nothing,000000,8,8" "$(tr -d ' ' <<<"$output" | paste -sd,)" "A device in /dev does not work."
  assert_stderr_has "No space left on device" "/dev/full is there to be full."
}

@test "the names that programs count on lead to their own descriptors" {
  run_step sh -c 'cd /dev && for n in fd stdin stdout stderr ptmx; do echo "$n $(readlink "$n")"; done
    echo by-name >/dev/stdout; echo from-input | cat /dev/stdin; echo by-number >/dev/fd/1'
  assert_equal "fd /proc/self/fd
stdin /proc/self/fd/0
stdout /proc/self/fd/1
stderr /proc/self/fd/2
ptmx pts/ptmx
by-name
from-input
by-number" "$output"
}

@test "nothing else is in /dev, no disk of the host's above all" {
  run_step ls -A /dev
  assert_equal "fd full mqueue null ptmx pts random shm stderr stdin stdout tty urandom zero" \
    "$(grep -vx console <<<"$output" | sort | paste -sd ' ')" "/dev holds something that a container is not to have, or lacks something."
}

@test "pseudo-terminals are its own: the first one is number 0" {
  run_step sh -c 'ls /dev/pts; exec 3<>/dev/ptmx && ls /dev/pts && stat -c "%n %a %g" /dev/pts/0 && stat -c %a /dev/pts/ptmx'
  assert_status 0 "No pseudo-terminal could be opened: is there a /dev/pts, and a link /dev/ptmx to pts/ptmx?"
  assert_equal "ptmx 0 ptmx /dev/pts/0 620 5 666" "$(paste -sd ' ' <<<"$output")" \
    "Pseudo-terminals of the host are to be seen, or a new one is not the group tty's (5), mode 620, or not for everybody to open."
}

@test "shared memory is for everybody, 64 MiB, and not the host's" {
  local canary
  canary=$(mktemp -p /dev/shm nsctl-test.XXXXXX)
  run_step sh -c 'stat -c "%a %U" /dev/shm; ls -A /dev/shm; df -k /dev/shm | tail -n 1 | tr -s " " | cut -d " " -f 2
    echo kept >/dev/shm/x && cat /dev/shm/x'
  rm -f "$canary"
  assert_equal "1777 root 65536 kept" "$(paste -sd ' ' <<<"$output")" "/dev/shm is the host's, or is not a tmpfs of 64 MiB with mode 1777."
  [ ! -e /dev/shm/x ] || fail "What the container wrote to /dev/shm is on the host."
}

@test "every mount has the flags that take away what it need not have" {
  run_step sh -c "$mounts_inside"
  local point expected
  while read -r point expected; do
    assert_output_matches $'(^|\n)'"$point $expected( |,)" "$point is not mounted, or not with these flags."
  done <<'EOF'
/proc proc rw,nosuid,nodev,noexec
/sys sysfs ro,nosuid,nodev,noexec
/dev tmpfs rw,nosuid,noexec
/dev/pts devpts rw,nosuid,noexec
/dev/shm tmpfs rw,nosuid,nodev,noexec
/dev/mqueue mqueue rw,nosuid,nodev,noexec
EOF
  assert_output_matches $'\n/dev tmpfs [^\n]*size=65536k,[^\n]*mode=755'
}

# --- /proc and /sys, as far as they are the host's --------------------------------

masked="/proc/acpi /proc/asound /proc/interrupts /proc/kcore /proc/keys /proc/latency_stats /proc/sched_debug
  /proc/scsi /proc/timer_list /proc/timer_stats /sys/devices/virtual/powercap /sys/firmware /sys/fs/selinux"
read_only="/proc/bus /proc/fs /proc/irq /proc/sys /proc/sysrq-trigger"

@test "what tells of the host is hidden, wherever the host has it" {
  local path there=()
  for path in $masked; do [ ! -e "$path" ] || there+=("$path"); done
  # The control: here they do tell something.
  [ "$(head -c 20 /proc/interrupts | wc -c)" -eq 20 ] || fail "the host has an empty /proc/interrupts: nothing is proved"
  run_step sh -c 'for path; do
    if [ -d "$path" ]; then echo "$path:$(ls -A "$path")"; ! mkdir "$path/x" 2>/dev/null || echo "$path: written to"
    else echo "$path:$(head -c 9 "$path")"; [ "$(stat -c %t:%T "$path")" = 1:3 ] || echo "$path: not the null device"
    fi; done' sh "${there[@]}"
  assert_equal "$(printf '%s:\n' "${there[@]}")" "$output" "Something that tells of the host is still to be read."
}

@test "what changes the host is read-only, wherever the host has it" {
  local path file there=() as_root=()
  for path in $read_only; do [ ! -e "$path" ] || there+=("$path"); done
  run_step sh -c "$mounts_inside"
  for path in "${there[@]}"; do
    assert_output_matches $'(^|\n)'"$path proc ro,nosuid,nodev,noexec," "$path is not mounted read-only: through it the container can change the host."
  done
  # From step 06 on root inside is not root outside, who would be refused anyhow.
  ((10#$(step_number) < 6)) || as_root=(--userns host)
  # Opened, nothing written: if the defence is not there, nothing happens all the same.
  for file in /proc/sys/kernel/core_pattern /proc/irq/default_smp_affinity /proc/sysrq-trigger; do
    [ -e "$file" ] || continue
    run_step "${as_root[@]}" sh -c ": >>$file"
    assert_stderr_has "Read-only file system" "$file can be opened for writing."
  done
  run_step "${as_root[@]}" sh -c ': >>/sys/power/state || : >>/sys/kernel/mm/transparent_hugepage/enabled'
  assert_stderr_has "Read-only file system" "/sys can be written to."
  sh -c ': >>/proc/sys/kernel/core_pattern' # the control: on the host it can be
}

@test "what can not be looked at is not left open" {
  requires strace
  for_each_call stat,newfstatat check_blind /bin/true
}

check_blind()
{
  [[ " ${masked//$'\n'/ } $read_only " == *" ${1##*:} "* ]] || return 0
  run_with_error "$1" EIO "${@:2}"
  assert_status 125 "stat failed, and the container ran without that path being hidden or made read-only."
  assert_stderr_has EIO
}

# --- IPC --------------------------------------------------------------------------

@test "shared memory segments and message queues are its own" {
  cat >see <<EOF
ipcmk -M 64 >/dev/null && mkdir mq && mount -t mqueue mqueue mq && : >mq/nsctl-canary || exit 9
grep -c . /proc/sysvipc/shm; ls mq
"$STEP" -q sh -c 'grep -c . /proc/sysvipc/shm; ls -A /dev/mqueue'
EOF
  run --separate-stderr -- in_private_namespaces bash see
  assert_status 0
  assert_equal "2 nsctl-canary 1" "$(paste -sd ' ' <<<"$output")" \
    "Segments or queues of the host are to be seen inside: is there an IPC namespace (CLONE_NEWIPC)?"
  run_step readlink /proc/self/ns/ipc
  [ "$output" != "$(readlink /proc/self/ns/ipc)" ] || fail "The container is in the host's IPC namespace."
}

# --- The environment ----------------------------------------------------------------

@test "the environment is made from nothing" {
  run --separate-stderr -- env -i SECRET=x TERM=vt100 PATH=/nowhere:/bin LD_PRELOAD='' HOME=/home/me "$STEP" -q env
  assert_status 0
  assert_output_lacks SECRET "The host's environment, with all its secrets, has reached the command."
  assert_equal "HOME=/root,PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin,TERM=vt100" \
    "$(sort <<<"$output" | paste -sd,)"
  run --separate-stderr -- env -i "$STEP" -q env
  assert_output_lacks TERM= "There was no TERM to be handed on."
}

@test "the umask is 0022, whatever the caller's is" {
  (umask 0177 && "$STEP" -q sh -c 'umask; stat -c %a /dev /dev/pts /dev/shm') >said
  assert_equal "0022 755 755 1777" "$(paste -sd ' ' <said)" "The caller's umask has reached the container."
}

# --- --rootfs: good ones and bad ones -------------------------------------------------

@test "without --rootfs it is the built one, found from any directory" {
  local directory
  for directory in / /proc "$BATS_TEST_TMPDIR"; do
    run --separate-stderr -- env -C "$directory" "$STEP" -q cat /etc/nsctl-rootfs
    assert_status 0
    assert_equal "$(cat "$ROOT/build/rootfs/default/etc/nsctl-rootfs")" "$output"
  done
}

@test "the built one is looked for beside the program, and above it" {
  make_copy
  mkdir -p top/build/rootfs top/a/b alone
  mv "$copy" top/build/rootfs/default
  cp "$STEP" top/a/b/
  cp "$STEP" alone/
  run --separate-stderr -- "top/a/b/${STEP##*/}" -q cat /only-here/mark
  assert_equal mark "$output"
  cp "$STEP" top/
  run --separate-stderr -- "top/${STEP##*/}" -q cat /only-here/mark
  assert_equal mark "$output"
  run --separate-stderr -- "alone/${STEP##*/}" -q echo started
  assert_status 125
  assert_equal "" "$output"
  assert_stderr_has "make rootfs" "Whoever has no root file system must be told how to make one."
}

@test "a directory may be named in any way" {
  local path
  make_copy "root file system"
  ln -s "root file system" link
  mkdir -p "root file system/only-here/deep"
  for path in "root file system" "./root file system/" "$PWD/root file system" link link/ "$PWD/link/." \
    "root file system/only-here/../../link"; do
    run_step --rootfs "$path" cat /only-here/mark
    assert_equal mark "$output" "--rootfs \"$path\" did not lead to the directory."
  done
  for path in . ./ ../link; do
    run --separate-stderr -- env -C "root file system" "$STEP" -q --rootfs "$path" cat /only-here/mark
    assert_equal mark "$output" "--rootfs $path, from inside that directory: $stderr"
  done
  run --separate-stderr -- env -C "root file system/usr" "$STEP" -q --rootfs=.. cat /only-here/mark
  assert_equal mark "$output" "--rootfs=.. did not lead to the directory above."
}

# refuses VALUE WORDS: that --rootfs is refused, by name, in these words.
refuses()
{
  run_step --rootfs "$1" echo started
  assert_status 125 "--rootfs \"$1\" should have been refused."
  assert_equal "" "$output" "The command was started all the same."
  assert_stderr_has "--rootfs: \"$1\": "
  assert_stderr_has "$2"
}

@test "what is no directory, or no other root, is refused by name" {
  touch file
  ln -s / slash
  ln -s nowhere dangling
  ln -s circle circle
  refuses '' ENOENT
  refuses missing ENOENT
  refuses dangling ENOENT
  refuses file ENOTDIR
  refuses /dev/null ENOTDIR
  refuses file/below "can not be reached"
  refuses circle "can not be reached"
  refuses "$(printf 'x%.0s' {1..300})" "can not be reached"
  refuses / "expected another root"
  refuses slash "expected another root"
  refuses /usr/../ "expected another root"
  refuses /proc/self/root "expected another root"
  run_step --rootfs
  assert_status 125
  assert_stderr_has "--rootfs: expected DIR"
}

@test "who may not reach the directory is told so" {
  mkdir -p closed/rootfs
  chmod 0700 closed
  run --separate-stderr -- as_user "$STEP" -q --rootfs "$PWD/closed/rootfs" echo started
  assert_status 125
  assert_equal "" "$output"
  assert_stderr_has "closed/rootfs\": the directory can not be reached"
}

@test "an ordinary user is refused in one clear line" {
  only_for 04 05
  run --separate-stderr -- as_user "$STEP" -q --rootfs "$ROOT/build/rootfs/default" echo started
  assert_status 125
  assert_equal "" "$output"
  assert_equal 1 "$(wc -l <<<"$stderr")"
  assert_stderr_has "needs root"
}

@test "help names --rootfs and what it is without" {
  run --separate-stderr -- "$STEP" --help
  assert_status 0
  output=$(tr -s '[:space:]' ' ' <<<"$output") # it may go on in a line below
  assert_output_matches '--rootfs DIR[^ ]* [^-]*default: build/rootfs/default' # from 07 on there may be several
}

@test "a program of the host is not found inside" {
  printf '#!/bin/sh\necho of the host\n' >program
  chmod +x program
  make_copy
  run_step --rootfs "$copy" "$PWD/program"
  assert_status 127 "A path is looked up in the container's own root, where there is no such file."
  assert_stderr_has ENOENT
}

@test "a directory with one program in it is a root file system; its loader is missed by name" {
  mkdir bare
  cp "$(command -v env)" bare/env
  run_step --rootfs bare /env
  assert_status 127
  assert_stderr_has "/lib" "The program is there, its loader is not; the message must name the loader."
  assert_stderr_has "ENOENT"
  if [[ $(step_number) != 0[456] ]]; then # mount points are made in a layer of the container's own
    assert_equal bare/env "$(find bare -mindepth 1)" "A container has changed its image."
    return
  fi
  assert_equal "dev env proc sys" "$(find bare -mindepth 1 -printf '%P\n' | sort | paste -sd ' ')" "Mount points are made where there are none, and nothing else."
  assert_equal "bare/dev bare/proc bare/sys" "$(find bare -mindepth 1 -type d -empty | sort | paste -sd ' ')"
}

# --- What stays on the host -------------------------------------------------------------

@test "the directory on the host is as before" {
  make_copy
  inventory --times "$copy" >before
  run_step --rootfs "$copy" sh -c 'mount >/dev/null; echo x >/dev/shm/x; ls -R /dev >/dev/null'
  assert_status 0
  inventory --times "$copy" >after
  diff before after >difference || fail "A container has changed its root file system: $(cat difference)"
}

@test "mount points are made where the directory lacks them, and nothing else is" {
  make_copy
  rmdir "$copy/proc" "$copy/sys" "$copy/dev"
  inventory "$copy" >before
  run_step --rootfs "$copy" true
  assert_status 0
  inventory "$copy" >after
  if [[ $(step_number) != 0[456] ]]; then # made in a layer of the container's own
    diff before after || fail "A container has changed its image."
    return
  fi
  assert_equal "> dev d 755 0:0 ,> proc d 755 0:0 ,> sys d 755 0:0 " \
    "$(diff before after | grep '^[<>]' | paste -sd,)" "In the root file system on the host there is more or less than three empty directories."
  [ -z "$(find "$copy/dev" "$copy/proc" "$copy/sys" -mindepth 1)" ] || fail "Devices were made in the image itself, not on a tmpfs."
}

@test "a read-only root file system will do, if it has the mount points" {
  local layered=''
  [[ $(step_number) == 0[456] ]] || layered=1 # then nothing has to be made in it, and it is written to all the same
  make_copy
  cat >see <<EOF
mount --bind "$copy" "$copy" && mount -o remount,bind,ro "$copy"
"$STEP" -q --rootfs "$copy" sh -c 'cat /only-here/mark; echo x >/only-here/x; echo x >/dev/null && echo devices'
EOF
  run --separate-stderr -- in_private_namespaces bash see
  assert_equal $'mark\ndevices' "$output"
  [ -n "$layered" ] || assert_stderr_has "Read-only file system"
  rmdir "$copy/sys"
  run --separate-stderr -- in_private_namespaces bash see
  if [ -n "$layered" ]; then
    assert_equal $'mark\ndevices' "$output"
    return
  fi
  assert_status 125
  assert_equal "" "$output"
  assert_stderr_has 'mkdir("/sys", 0755) = -1 EROFS'
  assert_stderr_has "mount point is missing, make it there first" "The message must say what to do about it."
}

@test "fifty containers at once share one root file system" {
  local i pids=()
  make_copy
  inventory --times "$copy" >before
  for i in {1..50}; do
    "$STEP" -q --rootfs "$copy" sh -c 'cat /only-here/mark; ls /dev | wc -l; echo $$' >"said.$i" 2>&1 3>&- &
    pids+=($!)
  done
  for i in "${pids[@]}"; do wait "$i" || fail "one of fifty failed: $(sort said.* | uniq -c)"; done
  assert_equal "50 1,50 14,50 mark" "$(sort said.* | uniq -c | awk '{ print $1, $2 }' | paste -sd,)" \
    "The fifty did not all have that root, a /dev with 14 names, and a PID 1 of their own."
  inventory --times "$copy" >after
  diff before after || fail "The root file system was changed."
}

# --- Images that mean harm -----------------------------------------------------------------

# harms NAME: runs the image in which NAME was just replaced. The victim is a
# directory of the host, named by the link, and of the same name in the image.
harms()
{
  run_step --rootfs "$copy" echo started
  assert_equal "" "$(ls -A "$victim")" "The image has led us to the host's $victim, and something was made there."
  assert_equal "" "$(ls -A "$copy$victim")" "Something was made where the image's link leads."
  assert_status 125 "An image whose $1 is not a directory must be refused, or what /proc hides can be found under another name."
  assert_equal "" "$output" "The command was started all the same."
  assert_stderr_has "$1 in the root file system is not a directory (ENOTDIR)"
}

@test "a /proc, /sys or /dev that is a symbolic link is refused, and leads nowhere" {
  local name target victim=$BATS_TEST_TMPDIR/victim
  make_copy
  mkdir -p "$victim" "$copy$victim"
  while read -r name target; do
    rmdir "$copy$name"
    ln -s "$target" "$copy$name"
    harms "$name"
    rm "$copy$name"
    mkdir "$copy$name"
  done <<EOF
/proc $victim
/sys $victim
/dev $victim
/dev ../../../../../../..$victim
/sys proc
/proc /only-here
/proc /usr/../../..
EOF
}

@test "a file, a fifo or a dangling link for /proc, /sys or /dev is refused" {
  local name victim=$BATS_TEST_TMPDIR/victim
  make_copy
  mkdir -p "$victim" "$copy$victim"
  for name in /proc /sys /dev; do
    rmdir "$copy$name"
    case $name in
      /proc) touch "$copy$name" ;;
      /sys) mkfifo "$copy$name" ;;
      /dev) ln -s "$victim/missing" "$copy$name" ;;
    esac
    harms "$name"
    rm "$copy$name"
    mkdir "$copy$name"
  done
}

@test "links in the image's own /dev are covered, not followed" {
  local name victim=$BATS_TEST_TMPDIR/victim
  make_copy
  mkdir -p "$victim" "$copy$victim"
  echo untouched >"$victim/file"
  for name in pts shm mqueue fd; do ln -s "$victim" "$copy/dev/$name"; done
  for name in null zero ptmx stdout tty; do ln -s "$victim/file" "$copy/dev/$name"; done
  inventory "$copy" >before
  run_step --rootfs "$copy" sh -c 'echo spoilt >/dev/null; echo x >/dev/shm/x; stat -c %t:%T /dev/null; ls /dev/pts'
  assert_status 0
  assert_equal $'1:3\nptmx' "$output" "The image's /dev is to be seen: was a tmpfs mounted over it?"
  assert_equal "untouched file" "$(cat "$victim/file") $(ls -A "$victim")" "A link in the image's /dev was followed to the host."
  inventory "$copy" >after
  diff before after || fail "The image's own /dev was changed."
}

@test "a link that is put into the image during the set-up leads nowhere" {
  requires strace
  # Another container on the same root file system could do this. The first device is held
  # back until /dev, by then a mount, has made room for a link.
  local victim=$BATS_TEST_TMPDIR/victim setup
  make_copy
  mkdir "$victim"
  strace -f -o trace -e trace=mknod,mknodat -e inject=mknod,mknodat:delay_enter=3000000:when=1 -- \
    "$STEP" --rootfs "$copy" true 2>log 3>&- &
  setup=$!
  wait_until grep -q 'message queues' log
  mv "$copy/dev" "$copy/dev.old"
  ln -s "..$victim" "$copy/dev"
  wait "$setup" || true
  assert_equal "" "$(ls -A "$victim")" "The set-up wrote to the host: is the old root let go of before anything is mounted?"
}

# --- Faults -----------------------------------------------------------------------------------

calls=clone3,mount,umount2,pivot_root,mkdir,mkdirat,mknod,mknodat,chdir,close_range

@test "whichever call of the set-up fails, the error is named and nothing stays" {
  requires strace
  make_copy
  for_each_call "$calls" check_error --rootfs "$copy" /bin/true
  assert_clean
}

check_error()
{
  local error
  # From 08 on /sys is a new one, read-only from the start.
  [[ $1 != child:mount:*:/sys ]] || ((10#$(step_number) < 8)) || return 0
  case $1 in
    *:clone3:*) error=ENOSPC ;;
    *:mount:*) error=EACCES ;;
    *:chdir:*) error=EACCES ;;
    *:close_range:*) error=ENOSYS ;;
    *:pivot_root:*) error=EBUSY ;;
    *:umount2:*) error=EINVAL ;;
    *) error=EROFS ;;
  esac
  run_with_error "$1" "$error" "${@:2}"
  assert_status 125 "A failed set-up is the step's own error, and 125 says so."
  assert_stderr_has "$error" "The error must name the errno, or nobody can tell why."
}

@test "killed at any call of the set-up, it leaves nothing behind" {
  requires strace
  make_copy
  inventory "$copy" >before
  for_each_call "$calls" check_kill --rootfs "$copy" /bin/true
  assert_clean
  inventory "$copy" >after
  diff before after || fail "The root file system was changed."
}

@test "a name in /dev that can not be made is named" {
  requires strace
  local name call
  call=$(calls_here symlink)
  for name in fd stdin stdout stderr ptmx; do
    run_with_error "child:$call:1:/dev/$name" ENOSPC /bin/true
    assert_status 125
    assert_stderr_has "\"/dev/$name\") = -1 ENOSPC"
  done
}

check_kill()
{
  run_with_kill "$1" "${@:2}"
  [ "$status" -ne 0 ] || fail "it was killed, and says that all went well"
}

@test "when the parent is killed, the container dies" {
  local pid
  start_container sh -c 'echo ready; read -r _'
  pid=$(descendant_of "$container_starter")
  kill -9 "$container_starter"
  wait_until test ! -e "/proc/$pid"
  exec 6>&- 5<&-
}

# --- The log ------------------------------------------------------------------------------------

@test "the log tells the truth, in the order in which it happens" {
  requires strace
  assert_log_true sh -c 'exit 7'
  assert_status 7
  only_for 04 05 # in a user namespace there is more to it
  run grep -n -o -E '(MS_REC\|MS_PRIVATE|"none", MS_BIND|pivot_root|mount\("proc"|mount\("sysfs"|mount\("tmpfs", "/dev"|"/dev/pts"|"/dev/shm"|"/dev/mqueue"|devices:|umount2|hidden:|read-only:|close_range|execve)' \
    <<<"$stderr"
  assert_equal 'MS_REC|MS_PRIVATE "none", MS_BIND pivot_root umount2 mount("proc" mount("sysfs" mount("tmpfs", "/dev" "/dev/pts" "/dev/shm" "/dev/mqueue" devices: hidden: read-only: close_range execve' \
    "$(cut -d: -f2- <<<"$output" | paste -sd ' ')"
}

@test "the log names each path that it hides or protects" {
  local path line
  run --separate-stderr -- "$STEP" true
  line=$(grep -F '[ns] hidden:' <<<"$stderr")
  for path in $masked; do
    if [ -e "$path" ]; then [[ "$line " == *" $path "* ]]; else [[ "$line " != *" $path "* ]]; fi ||
      fail "The log does not tell the truth about $path: $line"
  done
  line=$(grep -F '[ns] read-only:' <<<"$stderr")
  for path in $read_only; do
    if [ -e "$path" ]; then [[ "$line " == *" $path "* ]]; else [[ "$line " != *" $path "* ]]; fi ||
      fail "The log does not tell the truth about $path: $line"
  done
}

# --- A distribution's own root file system -----------------------------------------------------------

@test "Debian runs: its own tools, its own terminals" {
  requires debian-root
  run_step --rootfs "$ROOT/build/rootfs/debian" sh -c '. /etc/os-release; echo "$ID"; dpkg-query -W -f "\${Package}\n" dpkg
    script -qec "tty; stat -c %g \$(tty)" /dev/null | tr -d "\r"; mktemp -u -p /dev/shm >/dev/null && echo shm'
  assert_status 0
  assert_equal "debian dpkg /dev/pts/0 5 shm" "$(paste -sd ' ' <<<"$output")"
}
