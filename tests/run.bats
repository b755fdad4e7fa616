#!/usr/bin/env bats
# tests/run must not be fooled: each way of passing wrongly has its control here.
# It is run in a little workbook of its own, whose doctor and machine are stand-ins.

# shellcheck disable=SC2016  # scripts within scripts

load helpers

setup()
{
  book=$BATS_TEST_TMPDIR/book
  mkdir -p "$book/steps/01-one" "$book/steps/02-two" "$book/tests/steps" "$book/tests/vm"
  cp "$ROOT/tests/run" "$book/tests"
  write_script tests/doctor true
  write_script step-01 true
  write_script step-02 true
  write_tests tests/steps/01-one.bats '%test "holds" { :; }'
  write_tests tests/steps/02-two.bats '%test "holds, too" { :; }'
}

write_script()
{
  printf '#!/bin/bash\n%s\n' "$2" >"$book/$1"
  chmod +x "$book/$1"
}

# % stands for the @ that bats would take for its own.
write_tests()
{
  printf '%s\n' "${2//%test/@test}" >"$book/$1"
}

# write_machine [COMMAND]: the machine runs this (default: the suite, in a copy of the workbook).
write_machine()
{
  # Not build/: the host's half is writing there at the same time.
  local whole='rm -rf ../machine && mkdir -p ../machine build/test-vm/x
cp -r step-* steps tests ../machine
(cd ../machine && touch inside && tests/run --inside-vm)
status=$?
cp ../machine/build/test-results/*.{tap,verdicts} ../machine/build/test-results/times build/test-vm/x
exit $status'
  write_script tests/vm/test-vm "${1:-$whole}"
}

suite()
{
  run -"$1" "$book/tests/run" "${@:2}"
}

sum()
{
  assert_equal "$1" "$(tail -n 1 <<<"$output")" "the last line is the sum"
}

@test "every step goes through the tests of all before it" {
  suite 0 --host
  sum "3 passed, 0 failed, 0 skipped"
  assert_output_has "step-02  tests/steps/01-one.bats"
  assert_output_lacks "step-01  tests/steps/02-two.bats"
}

@test "briefly, each goes through its own, and only the newest through all" {
  mkdir "$book/steps/03-three"
  write_script step-03 true
  suite 0 --host --brief
  sum "4 passed, 0 failed, 0 skipped"
  assert_output_has "step-02  tests/steps/02-two.bats"
  assert_output_has "step-03  tests/steps/01-one.bats"
  assert_output_lacks "step-02  tests/steps/01-one.bats"
}

@test "steps that have commands go through the tests of such steps alone, briefly through their own" {
  local number
  for number in 09 10; do
    mkdir "$book/steps/$number-x"
    write_script "step-$number" true
    write_tests "tests/steps/$number-x.bats" '%test "holds" { :; }'
  done
  suite 0 --host
  assert_output_has "step-10  tests/steps/09-x.bats"
  assert_output_lacks "step-09  tests/steps/10-x.bats"
  assert_output_lacks "step-10  tests/steps/02-two.bats"
  suite 0 --host --brief
  assert_output_has "step-10  tests/steps/10-x.bats"
  assert_output_lacks "step-10  tests/steps/09-x.bats"
  assert_output_has "step-02  tests/steps/01-one.bats" "The newest of the others goes through those of all."
}

@test "other programs, briefly: only the newest" {
  mkdir "$book/others"
  cp "$book"/step-0* "$book/others"
  suite 0 --host --brief --programs "$book/others"
  sum "2 passed, 0 failed, 0 skipped"
  assert_output_lacks "step-01  "
}

@test "a failure fails, and is shown in full" {
  write_tests tests/steps/02-two.bats '%test "breaks" { echo "the reason why"; false; }'
  suite 1 --host
  sum "2 passed, 1 failed, 0 skipped"
  assert_output_has "not ok: breaks"
  assert_output_has "the reason why"
}

@test "a test for other steps counts for nothing, for no step at all is a failure" {
  write_tests tests/steps/01-one.bats '%test "holds" { [[ $STEP == *02 ]] || skip "not for step 01"; }'
  suite 0 --host
  sum "2 passed, 0 failed, 0 skipped"
  write_tests tests/steps/01-one.bats '%test "holds" { skip "not for step ${STEP: -2}"; }'
  suite 1 --host
  sum "1 passed, 1 failed, 0 skipped"
  assert_output_has "for no step: tests/steps/01-one.bats: holds"
}

@test "a skip is counted, with its reason" {
  write_tests tests/steps/01-one.bats '%test "holds" { skip "the moon is full"; }'
  suite 0 --host
  sum "1 passed, 0 failed, 2 skipped"
  assert_output_has "2 the moon is full"
}

@test "nothing passed is a failure" {
  write_tests tests/steps/01-one.bats '%test "holds" { skip "no"; }'
  write_tests tests/steps/02-two.bats '%test "holds" { skip "no"; }'
  suite 1 --host
  assert_output_has "nothing has passed"
}

@test "a file that does not even parse is a failure" {
  write_tests tests/steps/01-one.bats '%test "holds" { if'
  suite 1 --host
  assert_output_has "2 failed"
}

@test "a program that promises more tests than it runs is a failure" {
  mkdir "$book/tests/workbook"
  write_script tests/workbook/quotes 'echo 1..2; echo ok 1 - one'
  suite 1 --host
  assert_output_has "1 of 2 tests never ran"
}

@test "a program that prints no test, or ends badly, is a failure" {
  mkdir "$book/tests/workbook"
  write_script tests/workbook/quotes 'echo oops >&2; exit 2'
  suite 1 --host
  assert_output_has "printed no test at all"
  assert_output_has "oops"
  write_script tests/workbook/quotes 'echo 1..1; echo ok 1; exit 3'
  suite 1 --host
  assert_output_has "exit status 3"
}

@test "without bats its tests are a skip, with the reason" {
  write_script tests/doctor '[ "$2" != bats ] || { echo "there is none"; exit 1; }'
  suite 1 --host
  assert_output_has "needs bats: there is none"
  assert_output_has "nothing has passed"
}

@test "host and machine are summed" {
  write_machine
  suite 0
  sum "6 passed, 0 failed, 0 skipped"
  assert_output_has "In the machine: 3 passed"
}

@test "in the machine, briefly: the newest through what is tagged v2" {
  write_tests tests/steps/01-one.bats $'# bats test_tags=v2\n%test "differs (a+b)? [x]" { [[ $STEP == *02 ]]; }\n%test "is the same" { false; }'
  write_tests tests/doctor.bats $'# bats file_tags=v2\n%test "one" { :; }\n%test "two" { :; }'
  suite 0 --inside-vm --brief
  sum "In the machine: 3 passed, 0 failed, 0 skipped"
  assert_output_lacks "02-two"
}

@test "a failure in the machine alone fails" {
  write_tests tests/steps/02-two.bats '%test "breaks" { [ ! -e inside ]; }'
  write_machine
  suite 1
  sum "5 passed, 1 failed, 0 skipped"
}

@test "a test that is skipped both here and there is a failure" {
  write_tests tests/steps/02-two.bats '%test "never" { skip "never"; }'
  write_machine
  suite 1
  sum "4 passed, 1 failed, 2 skipped"
  assert_output_has "skipped on the host and in the machine: step-02  tests/steps/02-two.bats: never"
}

@test "a machine that dies is a failure, and old results are not taken for new" {
  write_machine 'exit 125'
  mkdir -p "$book/build/test-vm/x"
  printf 'passed\tx\ty\t\n' >"$book/build/test-vm/x/old.verdicts"
  suite 1 --vm
  sum "0 passed, 2 failed, 0 skipped"
  assert_output_has "the test machine (exit status 125)"
}

@test "without qemu the machine is a skip, with the reason" {
  write_script tests/doctor '[ "$2" != qemu ] || { echo "there is none"; exit 1; }'
  suite 0
  sum "3 passed, 0 failed, 1 skipped"
  assert_output_has "needs qemu: there is none"
}

@test "a file that hangs does not hang the suite" {
  write_tests tests/steps/02-two.bats '%test "hangs" { sleep 1000; }'
  NSCTL_TEST_FILE_SECONDS=2 suite 1 --host
  sum "2 passed, 1 failed, 0 skipped"
  assert_output_has "1 of 1 tests never ran"
}

@test "the kernel and --brief are handed on" {
  write_machine 'echo "asked: $*"; exit 125'
  suite 1 --vm 5.10
  assert_output_has $'asked: 5.10\n'
  suite 1 --vm --brief
  assert_output_has $'asked: -- --brief\n'
}
