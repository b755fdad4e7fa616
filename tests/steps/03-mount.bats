#!/usr/bin/env bats
# shellcheck disable=SC2016,SC2154 # expansions for a shell elsewhere; what bats and the helpers set
#
# Step 03: mounts of one's own, and a /proc of one's own.
#
# Every run is on a stand-in for the host (on_host): a mount table of its own, in
# which everything is shared, as systemd has it on most machines. Nothing shows
# better whether a mount gets out, and a step that is not finished yet spoils the
# stand-in, not the computer of whoever wrote it.

load ../helpers

setup()
{
  requires root
}

# --- The stand-in for the host -----------------------------------------------

# on_host COMMAND [ARG…]: runs it there; it may be one of the host_… functions.
# The mount table before and after is in the files of that name.
on_host()
{
  TABLES=$BATS_TEST_TMPDIR unshare --mount -- bash -c "
    $(declare -f host_start host_resume host_look host_table_around host_mounts_later host_kills \
      host_runs_fifty)"'
    mount --make-rshared /
    # Opened now, read later: by then /proc may be another.
    exec 7</proc/self/mountinfo 8</proc/self/mountinfo 9</proc/self/mountinfo
    cat <&7 >"$TABLES/before"
    "$@" 7<&- 9<&-
    status=$?
    cat <&9 >"$TABLES/after"
    exit $status' host "$@"
}

run_step()
{
  run --separate-stderr -- on_host "$STEP" -q "$@"
}

# What the helpers trace, they trace there, too.
strace()
{
  on_host strace "$@"
}

# host_start COMMAND…: starts a container and returns when it has said "ready";
# it goes on at host_resume. Nothing here depends on time.
host_start()
{
  local line
  coproc container { exec "$@"; }
  container_pid=$container_PID # which bash forgets when it ends
  # shellcheck disable=SC1083,SC2093
  exec 5<&"${container[0]}" 6>&"${container[1]}" {container[0]}<&- {container[1]}>&-
  while read -r line <&5 && [ "$line" != ready ]; do echo "$line"; done
}

host_resume()
{
  echo go >&6
  exec 6>&-
  cat <&5
  wait "$container_pid"
}

# The host's mount table now, as the file $TABLES/during.
host_look()
{
  cat <&8 >"$TABLES/during"
}

host_table_around()
{
  host_start "$@"
  host_look
  host_resume
}

host_mounts_later()
{
  host_start "$@"
  mount -t tmpfs nsctl-later /mnt
  [ ! -d "$ROOT/build/rootfs/default/mnt" ] || mount -t tmpfs nsctl-later "$ROOT/build/rootfs/default/mnt"
  host_resume
}

host_kills()
{
  host_start "$@"
  kill -9 "$container_pid"
  exec 6>&-
  cat <&5 >/dev/null # ends when nobody in the container holds the other end any more
}

host_runs_fifty()
{
  local i jobs=() failed=0
  for i in {1..50}; do
    "$STEP" -q ps -e -o pid >"$TABLES/ps-$i" &
    jobs+=($!)
  done
  for i in "${jobs[@]}"; do wait "$i" || failed=$((failed + 1)); done
  echo "$failed failed"
  cat "$TABLES"/ps-* | sort | uniq -c
}

# assert_same_table WHEN: "during" or "after".
assert_same_table()
{
  local difference
  difference=$(diff "$BATS_TEST_TMPDIR/before" "$BATS_TEST_TMPDIR/$1") ||
    report "The host's mount table is another $1 the run: what the container mounted got out. Is MS_REC|MS_PRIVATE on / the child's first mount?" \
      "what changed" "$difference"
}

# The option arguments of strace that make the step believe that its / is private.
private_not_done=(-f --quiet=all -o /dev/null -P / -e trace=mount -e inject=mount:retval=0:when=1)

# --- Mounts of its own --------------------------------------------------------

@test "the container has a mount namespace of its own" {
  run --separate-stderr on_host bash -c 'readlink /proc/self/ns/mnt; "$STEP" -q readlink /proc/self/ns/mnt'
  assert_status 0
  assert_output_matches '^mnt:\[[0-9]+\].mnt:\[[0-9]+\]$'
  [ "${lines[0]}" != "${lines[1]}" ] ||
    report "The container is in the host's mount namespace: is CLONE_NEWNS among the flags of clone3?" "both are in" "$output"
}

@test "the host's mount table stays as it is, though everything in it is shared" {
  # Root in a container of step 06 and later may not mount; then only the step's own mounts could get out.
  run --separate-stderr on_host host_table_around "$STEP" -q /bin/sh -c \
    'mount -t tmpfs nsctl-inside /mnt 2>/dev/null; echo ready; read go; exit 3'
  assert_same_table during
  assert_same_table after
  assert_status 3
  grep -q ' / / .* shared:' "$BATS_TEST_TMPDIR/before" || fail "the stand-in for the host shares nothing: this test is blind"
}

@test "control: without MS_PRIVATE the same test sees a leak" {
  requires strace
  only_for 03 04 05 # from 06 on the user namespace keeps mounts in as well
  run --separate-stderr on_host host_table_around strace "${private_not_done[@]}" -- "$STEP" -q /bin/sh -c 'echo ready; read go'
  ! cmp -s "$BATS_TEST_TMPDIR/before" "$BATS_TEST_TMPDIR/after" ||
    fail "a step that has not made its mounts private leaked nothing: the test before this one proves nothing"
}

@test "a tmpfs mounted inside is seen neither outside nor in another container" {
  only_for 03 04 05 # later, root in a container may not mount
  run --separate-stderr on_host host_table_around "$STEP" -q /bin/sh -c \
    'mount -t tmpfs nsctl-inside /mnt && : >/mnt/file && grep -c nsctl-inside /proc/self/mountinfo; echo ready; read go'
  assert_equal 1 "$output" "A mount made inside must be there, inside: may the container mount at all?"
  assert_same_table during
  assert_same_table after

  two='host_start "$STEP" -q /bin/sh -c "mount -t tmpfs nsctl-inside /mnt; echo ready; read go"
    ls /mnt; "$STEP" -q grep -c nsctl-inside /proc/self/mountinfo; host_resume'
  run --separate-stderr on_host eval "$two"
  assert_equal 0 "${lines[-1]}" "Another container sees what this one mounted: it came by way of the host."
}

@test "a bind mount made inside is not seen outside" {
  only_for 03 04 05
  run --separate-stderr on_host host_table_around "$STEP" -q /bin/sh -c \
    'mount -o bind /etc /mnt && [ -e /mnt/passwd ] && echo bound; echo ready; read go'
  assert_equal bound "$output" "A bind mount made inside must show its directory, inside."
  assert_same_table during
  assert_same_table after
}

@test "what is unmounted inside stays mounted outside" {
  only_for 03 04 05
  run --separate-stderr on_host host_table_around "$STEP" -q /bin/sh -c \
    'umount -l /sys && grep -c " / /sys " /proc/self/mountinfo; echo ready; read go'
  assert_equal 0 "$output" "umount inside must take the mount away, inside."
  assert_same_table during
  assert_same_table after
}

@test "what the host mounts later is not seen inside" {
  run --separate-stderr on_host host_mounts_later "$STEP" -q /bin/sh -c \
    'echo ready; read go; grep -c nsctl-later /proc/self/mountinfo; true'
  assert_status 0
  assert_equal 0 "$output" "A mount that the host made later has come in: MS_SLAVE and MS_SHARED let it, MS_PRIVATE does not."
}

@test "control: without MS_PRIVATE what the host mounts later comes in" {
  requires strace
  only_for 03
  run --separate-stderr on_host host_mounts_later strace "${private_not_done[@]}" -- "$STEP" -q /bin/sh -c \
    'echo ready; read go; grep -c nsctl-later /proc/self/mountinfo'
  [ "$output" != 0 ] || fail "the test before this one proves nothing: it does not see a mount come in"
}

@test "no mount inside has a peer or a master" {
  run_step cat /proc/self/mountinfo
  assert_status 0
  tied=$(awk '{ for (i = 7; $i != "-"; i++) print $5 " (" $i ")" }' <<<"$output")
  assert_equal "" "$tied" "These mounts are still tied to the host's. MS_PRIVATE acts on one mount; with MS_REC, on those below it, too."
}

# --- A /proc of its own --------------------------------------------------------

@test "ps shows the container and nothing else" {
  run_step ps -e -o pid,args
  assert_status 0
  strangers=$(awk 'NR > 1 && !/ ps -e -o pid,args *$/' <<<"$output" | wc -l)
  assert_equal 0 "$strangers" "ps lists processes that are not the container's. It reads /proc: is a new proc mounted there, by a process of the new PID namespace?"
  assert_output_matches '^ *PID +COMMAND. +1 ps -e -o pid,args *$' "In a container whose command is ps, ps is PID 1 and all there is."
}

@test "with --init ps shows init and the command" {
  run_step --init ps -e -o pid
  assert_status 0
  assert_equal "1 2" "$(awk 'NR > 1 { print $1 }' <<<"$output" | paste -sd ' ')" "In the container are PID 1, the init, and PID 2, the command."
}

@test "/proc/self is PID 1, as the container counts" {
  run_step readlink /proc/self
  assert_equal 1 "$output" "/proc counts as its mounter's PID namespace does, and this one is not the container's."
  run_step --init readlink /proc/self
  assert_equal 2 "$output"
}

@test "/proc is mounted nosuid, nodev and noexec" {
  run_step cat /proc/self/mountinfo
  # The last line for /proc is the mount on top.
  flags=,$(awk '$5 == "/proc" { flags = $6 } END { print flags }' <<<"$output"),
  for flag in nosuid nodev noexec; do
    [[ $flags == *,$flag,* ]] || report "/proc lacks the mount flag $flag." "its flags" "$flags"
  done
}

@test "the host's /proc works during the run and after it" {
  run --separate-stderr on_host eval 'host_start "$STEP" -q /bin/sh -c "echo ready; read go"
    echo "$(</proc/self/comm) $(ps -p $$ -o comm=)"
    host_resume
    echo "$(</proc/self/comm) $(ps -p $$ -o comm=)"'
  assert_equal $'bash bash\nbash bash' "$output" "The host's /proc is broken: the container's was mounted over it. (umount /proc mends it.)"
}

@test "a container in a container has a /proc of its own, too" {
  only_for 03 # later the program is not to be found inside
  run_step "$STEP" -q readlink /proc/self
  assert_status 0
  assert_equal 1 "$output" "The inner container's command is PID 1 of the inner namespace."
  assert_same_table after
}

# --- The log --------------------------------------------------------------------

@test "the log names the mounts and their flags, and tells the truth" {
  requires strace
  assert_log_true /bin/true
  assert_stderr_has 'mount("none", "/", "none", MS_REC|MS_PRIVATE, NULL) = 0' \
    "The log must name the call that makes the mounts private, with its flags, as strace would."
  local proc='mount("proc", "/proc", "proc", MS_NOSUID|MS_NODEV|MS_NOEXEC, NULL) = 0'
  ((10#$(step_number) < 6)) || proc='"", AT_FDCWD, "/proc") = 0' # made before, by fsmount
  assert_stderr_has "$proc" "The log must name the mount of /proc with its flags, as strace would."
}

@test "mounts are made private before anything is mounted" {
  requires strace
  run_traced -q /bin/true
  first=$(grep -m 1 -E '^[0-9]+ +(mount|move_mount)\(' "$trace")
  [[ $first == *MS_REC\|MS_PRIVATE* ]] ||
    report "Whatever is mounted before MS_REC|MS_PRIVATE appears on the host." "the first mount" "$first"
}

# --- When something fails ---------------------------------------------------------

# The calls on / and /proc, which are this step's.
mounts_of_this_step()
{
  setup_calls mount /bin/true | grep -E ':/(proc)?$'
}

@test "a mount that fails ends the step with 125, the errno, and no trace" {
  requires strace
  calls=$(mounts_of_this_step)
  expected=2
  ((10#$(step_number) < 6)) || expected=1 # from there on /proc is made by fsmount, which their own files make fail
  assert_equal "$expected" "$(wc -l <<<"$calls")" "There are two mounts to fail: MS_PRIVATE on /, and /proc."
  for call in $calls; do
    for error in EPERM EACCES ENOMEM ENOSPC; do
      run_with_error "$call" "$error" /bin/sh -c 'echo started'
      assert_status 125 "$call failed with $error: that is the step's own error, and 125 says so."
      assert_stderr_has "mount(" "the error must name the call"
      assert_stderr_has "$error" "the error must name the errno"
      assert_equal "" "$output" "Nothing may be started in a container that is not finished."
      assert_same_table after
    done
  done
  assert_clean
}

@test "a missing proc file system and a full mount table are called by their names" {
  only_for 03 04 05 # from 06 on /proc is not mounted by mount(2)
  requires strace
  run_with_error child:mount:1:/proc ENODEV /bin/true
  assert_stderr_has /proc/filesystems "ENODEV from mount(2) means that the kernel has no such file system."
  run_with_error child:mount:1:/proc ENOSPC /bin/true
  assert_stderr_has mount-max "ENOSPC from mount(2) has nothing to do with the disk."
}

@test "kill -9 at any mount, or at clone3, leaves nothing on the host" {
  requires strace
  for call in parent:clone3:1 $(mounts_of_this_step); do
    run_with_kill "$call" /bin/sh -c 'echo started'
    assert_equal "" "$output" "The command was started though its container was not finished (killed at $call)."
    assert_same_table after
  done
  assert_clean
}

@test "kill -9 of the parent takes the container and its mounts along" {
  run --separate-stderr on_host host_kills "$STEP" -q /bin/sh -c \
    'mount -t tmpfs nsctl-inside /mnt 2>/dev/null; echo ready; read go; sleep 600'
  assert_same_table after
  assert_clean
}

@test "fifty at once: each sees itself alone, and the host's table stays as it is" {
  run --separate-stderr on_host host_runs_fifty
  assert_equal "0 failed,50 1,50 PID," "$(awk '{ print $1, $2 }' <<<"$output" | tr '\n' ,)" "Each of fifty containers must see PID 1 and nothing else."
  assert_same_table after
}
