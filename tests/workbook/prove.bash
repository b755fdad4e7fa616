# What prove-exercises and prove-breaks share: a program with something missing, and the test that must notice.
# shellcheck shell=bash

# shellcheck source=lib.bash
. "${BASH_SOURCE[0]%/*}/lib.bash"

export BATS_TEST_TIMEOUT=${BATS_TEST_TIMEOUT:-60}

# check_text FILE KEYS: complains of a text that lacks one of the keys or has another, or names no test.
check_text() {
  local file=$1 key test
  for key in $2; do
    [[ $(field "$file" "$key") == *[![:space:]]* ]] || echo "$file: no $key"
  done
  while read -r key; do
    [[ " $2 " == *" $key "* ]] || echo "$file: what is \"$key\"?"
  done < <(keys "$file" | sort -u)
  test=$(field "$file" fails)
  [[ -z $test ]] || step_tests | grep -qxF -- "$test" ||
    echo "$file: tests/steps/$number-*.bats has no test \"$test\""
}

# prove_whole TEST…: builds the step as it is and sets whole, the results of these tests on it.
prove_whole() {
  local test
  declare -gA whole=() whole_said=()
  if ! make -s "step-$number" >&2; then
    tap_not_ok "steps/$step compiles"
    return
  fi
  for test; do
    shift
    [[ $test ]] && set -- "$@" "$test" # one that names no test is complained of elsewhere
  done
  (($#)) || return
  run_bats "./step-$number" "$@"
  for test; do
    whole[$test]=${result[$test]-none} whole_said[$test]=${said[$test]-$bats_output}
  done
}

# prove_missing WHAT TEST MAIN.C: the program without something compiles, and the test fails and says why.
prove_missing() {
  local what="$1: \"$2\" notices" test=$2 main=$3 program compiler
  program=${main%/*}/step-$number
  case ${whole[$test]-none} in
    ok) ;;
    skip) tap_skip "$what" "${whole_said[$test]}"; return ;;
    *) tap_not_ok "$what" 'the step as it is does not pass that test:' "${whole_said[$test]:-(without a word)}"; return ;;
  esac
  # Others may be proving something of this step meanwhile: one at a time makes what bears this name.
  if ! compiler=$({ flock 9 && make -s "step-$number-broken" BROKEN="$main" && mv "step-$number-broken" "$program"; } 9>build/prove/lock 2>&1); then
    tap_not_ok "$what" 'it does not compile:' "$compiler"
    return
  fi
  # It is to fail: whoever waits for something there waits in vain.
  NSCTL_TEST_PATIENCE=${NSCTL_TEST_PATIENCE:-5} run_bats "$program" "$test"
  case ${result[$test]-none} in
    ok) tap_not_ok "$what" 'the test passes all the same' ;;
    skip) tap_not_ok "$what" "the test is skipped: ${said[$test]}" ;;
    none) tap_not_ok "$what" 'the test did not run:' "$bats_output" ;;
    *) if [[ ${said[$test]} == *[![:space:]]* ]]; then
         tap_ok "$what"
       else
         tap_not_ok "$what" 'the test fails, but without a word of what is missing'
       fi ;;
  esac
}
