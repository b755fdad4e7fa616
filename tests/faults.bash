# shellcheck shell=bash
# shellcheck disable=SC2154  # status, output and stderr are set by bats' run
#
# faults.bash: makes each set-up call of a step fail, or kills the step at it.
#
#   for_each_call mount,mkdir,sethostname check_one /bin/true
#   check_one() { run_with_error "$1" EPERM "${@:2}"; assert_failed_cleanly EPERM; }
#
# A call is named by one word, WHO:CALL:NUMBER[:PATH], such as child:mount:2:/proc.
# strace counts every tracee's calls from one. So the parent's are met by tracing
# the parent alone; the child's by tracing both and, where the call names a path,
# counting only calls on that path (-P). A child's call that the parent makes as
# often before, on no path or the same, cannot be told apart by strace: it is the
# parent that is met then, which tests nothing new, so setup_calls leaves it out.

# setup_calls NAMES ARGS…: prints the set-up calls among these (a comma-separated
# list) that the step makes, a word each, in order: parent and children, up to the
# last execve. So let the command be one that executes nothing else, such as
# /bin/true. What loader and libc do on their own is left out.
setup_calls()
{
  local calls=$1 list=$BATS_TEST_TMPDIR/setup-calls
  shift
  strace -f -y -s 4096 -o "$list" -- "$STEP" -q "$@" >/dev/null 2>&1 || true
  LC_ALL=C awk -v wanted="$calls" -f "$ROOT/tests/setup-calls.awk" "$list"
}

# for_each_call NAMES FUNCTION ARGS…: calls FUNCTION CALL ARGS… for each of them.
# Fails if there is none, for nothing would have been proved.
for_each_call()
{
  local calls=$1 function=$2 call count=0
  shift 2
  while read -r -u 9 call; do
    count=$((count + 1))
    (((count - 1) % ${NSCTL_TEST_EVERY:-1} == 0)) || continue
    # Not in an if: then only the last of the function's checks would count.
    echo "at the call $call:"
    "$function" "$call" "$@"
  done 9< <(setup_calls "$calls" "$@")
  [ "$count" -gt 0 ] || fail "the step makes none of these calls: $calls"
}

# run_with_error CALL ERRNO ARGS…: runs the step with that one call failing.
run_with_error()
{
  inject_fault "$1" "error=$2" "${@:3}"
}

# run_with_kill CALL ARGS…: kills whoever makes that call, with the call not done.
run_with_kill()
{
  inject_fault "$1" signal=KILL "${@:2}"
}

# Sets status, output, stderr; fails if the fault was never met, since the test would be empty. (Who makes a call
# first, parent or child, or how often the kernel restarts it, may be another the next time: three times is no accident.)
inject_fault()
{
  local who call number path fault=$2 options=() log=$BATS_TEST_TMPDIR/fault-trace
  IFS=: read -r who call number path <<<"$1"
  shift 2
  [ "$who" = parent ] || options+=(-f)
  [ -z "$path" ] || options+=(-P "$path")
  for _ in 1 2 3; do
    run --separate-stderr -- strace "${options[@]}" --quiet=all -y -o "$log" -e trace="$call" \
      -e inject="$call:$fault:when=$number" -- "$STEP" -q "$@"
    ! grep -q -e '(INJECTED)' -e 'killed by SIGKILL' "$log" || return 0
  done
  fail "the fault $fault at $who's $call number $number ${path:+on $path }was never met"
}

# After run_with_error: exit status 125, the errno's name said, nothing left behind.
assert_failed_cleanly()
{
  assert_status 125 "A failed set-up is the step's own error, and 125 says so."
  assert_stderr_has "$1" "The error must name the errno, or nobody can tell why."
  assert_clean
}

# Nothing is left: no process, no mount, no link. The one thing that a killed
# step may leave is an empty cgroup, and from 08 on what containers share of the
# network; the next run sweeps it away.
assert_clean()
{
  local difference may_stay='left: cgroup '
  ((10#$(step_number) < 8)) ||
    may_stay='left: (cgroup |link nsctl|nft|state /run/nsctl)|(left|gone): setting net/ipv4/ip_forward '
  difference=$(host_difference) && return 0
  if ! grep -Ev "^($may_stay)" <<<"$difference" >/dev/null; then
    "$STEP" -q /bin/true >/dev/null 2>&1 || true
    difference=$(host_difference) && return 0
  fi
  report "A step that fails or is killed must leave nothing behind." "what changed" "$difference"
}
