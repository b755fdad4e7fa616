#!/usr/bin/env bats
# The helpers must be able to fail: each has its positive control here. The
# steps are stand-ins, little shell scripts, so that nothing else is needed.

# shellcheck disable=SC2030,SC2031  # STEP is meant to change for one test only

load helpers

# A stand-in for a step, of the given name and text.
make_step()
{
  STEP=$BATS_TEST_TMPDIR/$1
  printf '#!/bin/bash\n%s\n' "$2" >"$STEP"
  chmod +x "$STEP"
}

# A file of tests from standard input; % stands for the @ that bats would take for its own.
make_tests()
{
  { echo "load $ROOT/tests/helpers"; sed 's/^%test/@test/'; } >"$BATS_TEST_TMPDIR/$1"
}

@test "STEP names the number, whatever the program is called" {
  local name
  for name in /x/step-05 /x/step-05-broken /x/exercises/05-cgroups/solution; do
    STEP=$name
    assert_equal 05 "$(step_number)" "the number of $name"
  done
}

@test "only_for and from_step leave a test out where it does not apply" {
  make_tests 03-x.bats <<EOF
%test "a" { only_for 01 03; }
%test "b" { only_for 01 02; }
%test "c" { from_step 04; }
%test "d" { from_step 03; }
EOF
  make_step step-03 true
  run env STEP="$STEP" bats --tap "$BATS_TEST_TMPDIR/03-x.bats"
  assert_status 0
  assert_equal "1..4
ok 1 a
ok 2 b # skip not for step 03
ok 3 c # skip not for step 03
ok 4 d" "$output"
}

@test "run_step keeps output and errors apart, and passes -q" {
  make_step step-01 'echo "out $*"; echo err >&2; exit 3'
  run_step a 'b c'
  assert_status 3
  assert_equal "out -q a b c" "$output"
  assert_equal "err" "$stderr"
}

@test "an assertion that fails says what was expected, what came, what it means" {
  output=apple status=1 stderr=worm
  run assert_equal 1 2 "Two is not one."
  assert_status 1
  assert_equal "Two is not one.
  expected:
    1
  got:
    2" "$output"
  output=apple
  run assert_output_has pear
  assert_status 1
  output=apple
  run assert_output_lacks apple
  assert_status 1
  output=apple
  run assert_output_matches '^p'
  assert_status 1
  run assert_stderr_has moth
  assert_status 1
  run assert_stderr_lacks worm
  assert_status 1
  status=1
  run assert_status 0
  assert_status 1
}

@test "assertions that hold are silent" {
  output=apple status=0 stderr=worm
  assert_status 0
  assert_output_has ppl
  assert_output_lacks pear
  assert_output_matches '^a.*e$'
  assert_stderr_has worm
  assert_stderr_lacks moth
  run assert_equal a a
  assert_equal "" "$output"
}

@test "wait_until waits for what comes, and not for ever" {
  (sleep 0.5; touch "$BATS_TEST_TMPDIR/there") &
  wait_until test -e "$BATS_TEST_TMPDIR/there"
  NSCTL_TEST_PATIENCE=1 run wait_until false
  assert_status 1
  assert_output_has "in vain for: false"
}

@test "as_user is nobody special" {
  run as_user id -u
  assert_status 0
  assert_output_matches '^[1-9]'
  as_user test -r "$ROOT/CONTRIBUTING.md"
}

@test "in_private_namespaces has its own processes, hostname and mounts" {
  [ "$(id -u)" -eq 0 ] || requires userns
  # shellcheck disable=SC2016
  run in_private_namespaces sh -c 'echo $$; hostname nobody-else; mount -t tmpfs none /mnt; hostname'
  assert_status 0
  assert_equal $'1\nnobody-else' "$output"
  assert_output_lacks "$(cat /proc/sys/kernel/hostname)"
  run grep -c ' /mnt ' /proc/self/mountinfo
  assert_equal 0 "$output" "a mount has reached the host"
}

@test "a left-over process is found and named" {
  local pid
  "$ROOT/tests/host-state" >"$BATS_TEST_TMPDIR/before"
  pid=$(A_MARK=1 sh -c 'sleep 60 >/dev/null 3>&- & echo $!') # the shell has ended: an orphan
  run "$ROOT/tests/host-state" --compare "$BATS_TEST_TMPDIR/before" --wait 1 --mark A_MARK=1
  kill "$pid"
  assert_status 1
  assert_output_has "left: process $pid sleep"
}

@test "what a test itself has running is no left-over" {
  local pid
  "$ROOT/tests/host-state" >"$BATS_TEST_TMPDIR/before"
  sleep 60 3>&- &
  pid=$!
  run host_difference --wait 0
  kill "$pid"
  assert_output_lacks "process $pid"
}

@test "a container whose starter has died is found" {
  requires root
  "$ROOT/tests/host-state" >"$BATS_TEST_TMPDIR/before"
  # unshare -p without --fork: the shell's child is PID 1 of the new namespace, and is orphaned.
  unshare -p sh -c 'sleep 61 3>&- & echo $!' >"$BATS_TEST_TMPDIR/pid"
  run "$ROOT/tests/host-state" --compare "$BATS_TEST_TMPDIR/before" --wait 1
  kill -9 "$(pgrep -f '^sleep 61$')"
  assert_status 1
  assert_output_matches 'left: process [0-9]+ sleep \(in a pid namespace of its own\)'
}

@test "a left-over cgroup, mount, file and changed setting are found" {
  requires root
  cat >"$BATS_TEST_TMPDIR/spoil" <<EOF
set -e
mount -t tmpfs none /dev/shm
"$ROOT/tests/host-state" >"$BATS_TEST_TMPDIR/before"
mount -t tmpfs none /mnt
touch /dev/shm/nsctl-x
hostname spoilt
"$ROOT/tests/host-state" --compare "$BATS_TEST_TMPDIR/before" --wait 1
EOF
  run in_private_namespaces bash "$BATS_TEST_TMPDIR/spoil"
  assert_status 1
  assert_output_has "left: mount /mnt"
  assert_output_has "left: state /dev/shm/nsctl-x"
  assert_output_has 'left: setting kernel/hostname is "spoilt"'
  assert_output_has 'gone: setting kernel/hostname is'
}

@test "what others make and take away meanwhile is not held against a step" {
  local job
  "$ROOT/tests/host-state" >"$BATS_TEST_TMPDIR/before"
  (for _ in 1 2 3 4 5 6 7 8; do touch "/dev/shm/nsctl-$BASHPID-$RANDOM"; sleep 0.3; rm -f /dev/shm/nsctl-"$BASHPID"-*; done) 3>&- &
  job=$!
  sleep 0.1
  "$ROOT/tests/host-state" --compare "$BATS_TEST_TMPDIR/before"
  wait "$job"
}

@test "a file of tests that spoils the host fails at its end" {
  make_step step-01 true
  make_tests 01-x.bats <<EOF
assert_host_unchanged() { host_difference --wait 1; }
%test "a" { touch /dev/shm/nsctl-$$-left; }
EOF
  run env STEP="$STEP" bats --tap "$BATS_TEST_TMPDIR/01-x.bats"
  rm -f "/dev/shm/nsctl-$$-left"
  assert_status 1
  assert_output_has "teardown_file failed"
}

# --- faults -------------------------------------------------------------------

@test "setup_calls lists what strace can tell apart, up to the command" {
  cat >"$BATS_TEST_TMPDIR/list" <<'EOF'
10 execve("/x/step-01", ["/x/step-01"], 0x7ffc /* 3 vars */) = 0
10 openat(AT_FDCWD</x>, "/etc/ld.so.cache", O_RDONLY|O_CLOEXEC) = 3</etc/ld.so.cache>
10 mkdir("/sys/fs/cgroup/nsctl", 0755) = 0
10 mkdir("/sys/fs/cgroup/nsctl/0430327f9bff2ef0", 0755) = 0
10 flock(3</x>, LOCK_EX) = ? ERESTARTNOINTR (To be restarted)
10 flock(3</x>, LOCK_EX <unfinished ...>
10 <... flock resumed>) = ? ERESTARTNOINTR (To be restarted)
10 flock(3</x>, LOCK_EX) = 0
10 clone3({flags=CLONE_NEWPID}, 88) = 11
11 mkdir("/sys/fs/cgroup/nsctl", 0755) = -1 EEXIST (File exists)
11 mkdir("/proc", 0755) = 0
11 sethostname("container", 9) = 0
11 write(4</sys/fs/cgroup/nsctl/0430327f9bff2ef0/tasks>, "0", 1) = 1
11 execve("/bin/true", ["/bin/true"], 0x7ffc /* 3 vars */) = 0
11 mkdir("/late", 0755) = 0
10 rmdir("/sys/fs/cgroup/nsctl") = 0
EOF
  # The child's first mkdir of /sys/fs/cgroup/nsctl is left out: the parent's comes first.
  run awk -v wanted=openat,mkdir,flock,rmdir,clone3,sethostname,write,execve -f "$ROOT/tests/setup-calls.awk" "$BATS_TEST_TMPDIR/list"
  assert_equal "parent:mkdir:1:/sys/fs/cgroup/nsctl
parent:mkdir:2
parent:flock:1:/x
parent:clone3:1
child:mkdir:1:/proc
child:sethostname:1
child:write:1" "$output"
}

@test "calls_here: what the C library makes of a call where the kernel has the newer ones alone" {
  local machine
  uname() { echo "$machine"; }
  machine=x86_64
  assert_equal "openat,mkdir,poll,rmdir" "$(calls_here openat,mkdir,poll,rmdir)"
  machine=aarch64
  assert_equal "openat,mkdirat,renameat2,ppoll,renameat,unlinkat,dup3,clone" \
    "$(calls_here openat,mkdir,mkdirat,renameat2,poll,rename,rmdir,unlinkat,dup2,fork,vfork)" "Each must be named once."
}

@test "a fault that is never met is an error of the test" {
  requires strace
  make_step step-01 true
  run run_with_error child:mount:1:/nowhere EPERM
  assert_status 1
  assert_output_has "was never met"
  run for_each_call mount true
  assert_status 1
  assert_output_has "makes none of these calls"
}
