# shellcheck shell=bash
# shellcheck disable=SC2154  # status, output and stderr are set by bats' run
#
# helpers.bash: loaded by every bats file (`load helpers`, `load ../helpers`).
#
# Loading it is enough for the proof that the host is unchanged: its setup_file
# and teardown_file take and compare the host's state. A file that defines its own
# calls host_snapshot and assert_host_unchanged in them.
#
#   what is tested   ROOT STEP step_number only_for from_step requires
#   run it           run_step run_traced as_user as run_as in_private_namespaces
#                    wait_until
#   say what failed  assert_status assert_output_has assert_output_lacks
#                    assert_output_matches assert_stderr_has assert_stderr_lacks
#                    assert_equal assert_log_true refused fail
#   the host         host_snapshot assert_host_unchanged assert_clean
#   faults           for_each_call run_with_error run_with_kill  (faults.bash)

bats_require_minimum_version 1.5.0

# --- What is tested -----------------------------------------------------------

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
export ROOT

# STEP is the program under test; unless told otherwise, a file NN-name.bats tests
# ./step-NN.
if [ -z "${STEP:-}" ] && [[ ${BATS_TEST_FILENAME##*/} =~ ^([0-9][0-9])- ]]; then
  STEP=$ROOT/step-${BASH_REMATCH[1]}
fi
case ${STEP:-} in
  '' | /*) ;;
  *) STEP=$PWD/$STEP ;; # tests change directory
esac
export STEP

# The number of the step under test, two digits; STEP may be step-05, step-05-broken,
# exercises/05-cgroups/…
step_number()
{
  if [[ ${STEP##*/} =~ ^[a-z]+-([0-9][0-9]) ]] || [[ $STEP =~ .*/([0-9][0-9])- ]]; then
    printf '%s\n' "${BASH_REMATCH[1]}"
  elif [ "${STEP##*/}" = nsctl ]; then
    echo 10
  else
    fail "cannot tell the number of the step from its name, $STEP"
  fi
}

# A test that holds for some steps only begins with one of these. The words "not
# for step" are a contract with tests/run: such a test is not a skipped one,
# for there is nothing to be tested, and is left out of all counts.
only_for()
{
  local this step
  this=$(step_number)
  for step in "$@"; do [ "$step" != "$this" ] || return 0; done
  skip "not for step $this"
}

from_step()
{
  local this
  this=$(step_number)
  [[ ! $this < $1 ]] || skip "not for step $this"
}

# requires FEATURE…: skips the test, with doctor's reason, where the host lacks one
# (doctor --list names them). Ranges of ids are those of whoever as_user is.
requires()
{
  local feature reason
  for feature in "$@"; do
    reason=$(SUDO_USER=$(as_user id -un) "$ROOT/tests/doctor" --has "$feature" 2>&1) || skip "needs $feature: $reason"
  done
}

strace_available()
{
  "$ROOT/tests/doctor" --has strace >/dev/null
}

# --- Run it -------------------------------------------------------------------

# Runs the step, its log silenced; sets status, output (stdout alone) and stderr.
run_step()
{
  run --separate-stderr -- "$STEP" -q "$@"
}

# calls_here NAME,…: for strace, what these are on this machine: the kernel of aarch64 has the newer ones
# alone, so a C library's mkdir() is a mkdirat there.
calls_here()
{
  [ "$(uname -m)" != x86_64 ] || { echo "$1" && return; }
  tr , '\n' <<<"$1" | sed -E 's/^(mkdir|mknod|rename|unlink|link|symlink|readlink)$/&at/; s/^rmdir$/unlinkat/; s/^poll$/ppoll/; s/^dup2$/dup3/; s/^v?fork$/clone/' |
    awk '!met[$0]++' | paste -sd ,
}

# Runs the step with its log under strace; besides what run_step sets, the calls
# of all its processes are in the file $trace.
run_traced()
{
  trace=$BATS_TEST_TMPDIR/trace
  run --separate-stderr -- strace -f -y -s 4096 -o "$trace" -- "$STEP" "$@"
}

# Below a user's strace no program gets root's powers, newuidmap neither. What is told so
# beforehand makes do without: with one id.
[ "$(id -u)" -eq 0 ] || strace() { setpriv --no-new-privs strace "$@"; }

# Runs a command as an ordinary user: NSCTL_TEST_USER, else "user", else "nobody".
# Who is none but that already stays who he is.
as_user()
{
  local user_words
  set_user_words
  "${user_words[@]}" "$@"
}

# as WHO COMMAND…: as root or as the user.
as()
{
  local who=$1
  shift
  if [ "$who" = root ]; then "$@"; else as_user "$@"; fi
}

# run_as WHO ARG…: runs the step, its log in stderr.
run_as()
{
  run --separate-stderr -- as "$1" "$STEP" "${@:2}"
}

# Sets user_words, the command that as_user puts before another; empty for who is
# an ordinary user already.
set_user_words()
{
  local user home
  user_words=()
  [ "$(id -u)" -eq 0 ] || return 0
  user=${NSCTL_TEST_USER:-}
  [ -n "$user" ] || if id user >/dev/null 2>&1; then user=user; else user=nobody; fi
  home=$(getent passwd "$user" | cut -d: -f6)
  [ -d "$home" ] || home=/
  user_words=(setpriv --reuid "$user" --regid "$(id -g "$user")" --init-groups --
    env -u XDG_RUNTIME_DIR -u XDG_DATA_HOME USER="$user" LOGNAME="$user" HOME="$home")
}

# Runs a command where it can harm nobody: with its own mounts (private), processes,
# hostname, IPC. All its processes die with it. For tests of what would reach the host.
in_private_namespaces()
{
  local user=()
  [ "$(id -u)" -eq 0 ] || user=(--user --map-root-user)
  unshare "${user[@]}" --mount --uts --ipc --pid --fork --kill-child --mount-proc -- "$@"
}

# Waits until a command succeeds. The patience is for the slowest machine, and
# measures nothing.
wait_until()
{
  local deadline=$((SECONDS + ${NSCTL_TEST_PATIENCE:-60}))
  until "$@" >/dev/null 2>&1; do
    if [ "$SECONDS" -ge "$deadline" ]; then
      fail "waited ${NSCTL_TEST_PATIENCE:-60} s in vain for: $*"
      return 1
    fi
    sleep 0.1
  done
}

# --- Say what failed ----------------------------------------------------------
#
# The last argument of each, which may be left out, is a sentence for the student:
# what it means if this does not hold.

fail()
{
  printf '%s\n' "$*" >&2
  return 1
}

report()
{
  local meaning=$1 heading text
  shift
  [ -z "$meaning" ] || printf '%s\n' "$meaning" >&2
  while [ $# -gt 0 ]; do
    heading=$1 text=$2
    shift 2
    printf '  %s:\n' "$heading" >&2
    printf '    %s\n' "${text//$'\n'/$'\n    '}" >&2
  done
  return 1
}

assert_status()
{
  [ "$status" -eq "$1" ] || report "${2:-}" "expected exit status" "$1" "got" "$status" \
    "its output" "$output" "its errors" "${stderr:-}"
}

assert_output_has()
{
  [[ $output == *"$1"* ]] || report "${2:-}" "expected in the output" "$1" "the output" "$output" \
    "its errors" "${stderr:-}"
}

assert_output_lacks()
{
  [[ $output != *"$1"* ]] || report "${2:-}" "expected not to be in the output" "$1" "the output" "$output"
}

# REGEX is an extended one and may match anywhere; anchor it if it must not.
assert_output_matches()
{
  [[ $output =~ $1 ]] || report "${2:-}" "expected output that matches" "$1" "the output" "$output" \
    "its errors" "${stderr:-}"
}

assert_stderr_has()
{
  [[ $stderr == *"$1"* ]] || report "${2:-}" "expected on stderr" "$1" "stderr" "$stderr" "its output" "$output"
}

assert_stderr_lacks()
{
  [[ $stderr != *"$1"* ]] || report "${2:-}" "expected not to be on stderr" "$1" "stderr" "$stderr"
}

assert_equal()
{
  [ "$1" = "$2" ] || report "${3:-}" "expected" "$1" "got" "$2"
}

# refused OPTION VALUE…: each value is refused by name, before anything has been done.
refused()
{
  local option=$1 value said
  shift
  for value in "$@"; do # without bats' run, which takes its time
    status=0
    said=$("$STEP" "$option" "$value" sh -c 'echo started' 2>&1) || status=$?
    output=$said stderr=$said
    assert_status 125 "$option \"$value\" must be refused."
    assert_stderr_has "$option: \"$value\": expected" "The message must name the option, its value and what was expected."
    assert_stderr_lacks "[ns] " "$option \"$value\" was refused too late: something had been done."
    assert_output_lacks started
  done
}

# Runs the step with its log and holds every call that the log names against strace.
assert_log_true()
{
  local verdict
  run_traced "$@"
  verdict=$("$ROOT/tests/log-truth" "$trace" <(printf '%s\n' "$stderr") 2>&1) ||
    report "The log claims a call that did not happen so." "what tests/log-truth found" "$verdict"
}

# --- The host -----------------------------------------------------------------

host_snapshot()
{
  export NSCTL_TEST_FILE=$BATS_FILE_TMPDIR # the mark that processes inherit
  "$ROOT/tests/host-state" >"$BATS_FILE_TMPDIR/host-before"
}

# What the host has more or less than at host_snapshot; silent and 0 if nothing.
# shellcheck disable=SC2120  # options of host-state may be given
host_difference()
{
  env -u NSCTL_TEST_FILE "$ROOT/tests/host-state" --compare "$BATS_FILE_TMPDIR/host-before" \
    --wait "${NSCTL_TEST_PATIENCE:-10}" --mark "NSCTL_TEST_FILE=$BATS_FILE_TMPDIR" --family "$$" "$@"
}

assert_host_unchanged()
{
  local difference
  # shellcheck disable=SC2119
  difference=$(host_difference) ||
    report "These tests have changed the host; whatever a step makes, it takes away again." "what changed" "$difference"
}

setup_file()
{
  if [ -n "${STEP:-}" ] && [ ! -x "$STEP" ]; then
    fail "there is no program $STEP; make it first: make ${STEP##*/}"
  fi
  chmod a+x "$BATS_RUN_TMPDIR" # or as_user could not get at the tests' files
  host_snapshot
}

teardown_file()
{
  assert_host_unchanged
}

# shellcheck source=tests/faults.bash
source "$ROOT/tests/faults.bash"
