#!/usr/bin/env bats
# shellcheck disable=SC2154 # status, output and stderr are set by bats' run
# doctor: truthful about what is here, helpful about what is not.

load helpers

# bats test_tags=v2
@test "the features of the list can each be asked for" {
  local feature
  for feature in $("$ROOT/tests/doctor" --list); do
    run "$ROOT/tests/doctor" --has "$feature"
    [ "$status" -le 1 ] || assert_status 1 "doctor --has $feature must answer yes or no"
    [ "$status" -eq 0 ] || assert_output_matches '[a-z]' "a no must have a reason: $feature"
  done
}

@test "a feature that is none is an error, not a no" {
  run "$ROOT/tests/doctor" --has no-such-thing
  assert_status 2
  assert_output_has "no-such-thing"
}

# bats test_tags=v2
@test "every step has a line" {
  local step
  run "$ROOT/tests/doctor"
  assert_status 0
  for step in 01 02 03 04 05 06 07 08 09 10; do
    assert_output_matches "step $step  (yes|no: needs .*; .*)"
  done
}

@test "who is not root is told so, and what to do" {
  run as_user "$ROOT/tests/doctor" 01
  assert_status 1
  assert_output_has "step 01  no: needs root; run sudo tests/doctor, or "
}

@test "a step's number may lack its zero, and must be a step's" {
  run "$ROOT/tests/doctor" 1
  assert_output_has "step 01"
  run "$ROOT/tests/doctor" 99
  assert_status 2
  run "$ROOT/tests/doctor" x
  assert_status 2
}

@test "a pipe gets no colours" {
  run "$ROOT/tests/doctor"
  assert_output_lacks $'\033'
}

@test "on a terminal no line is wider than it, and a pipe gets a line a row" {
  requires script
  run script -qec "stty cols 80; NO_COLOR=1 '$ROOT/tests/doctor'" /dev/null
  assert_equal '' "$(tr -d '\r' <<<"$output" | grep -E '.{81}' | head -n 1)" "lines of more than 80 columns"
  assert_output_matches 'step 10'
  # What is filled is the same text.
  assert_equal "$("$ROOT/tests/doctor" | sed -n '/^Tests/,$p' | tr -s ' \n' ' ')" \
    "$(tr -d '\r' <<<"$output" | sed -n '/^Tests/,$p' | tr -s ' \n' ' ')"
}

@test "it says root when asked by root, and only then" {
  if [ "$(id -u)" -eq 0 ]; then "$ROOT/tests/doctor" --has root; fi
  run as_user "$ROOT/tests/doctor" --has root
  assert_status 1
  assert_output_has "you are"
}

@test "a container is recognised from inside" {
  requires root
  run in_private_namespaces "$ROOT/tests/doctor" --has nested
  assert_status 0
}

@test "a root that is no mount is recognised, where pivot_root cannot work" {
  requires root
  local place=$BATS_TEST_TMPDIR/root
  mkdir "$place"
  # A chroot into a directory: the files are all there, but nothing is mounted on its /.
  # shellcheck disable=SC2016
  run in_private_namespaces bash -c 'mount -t tmpfs none "$1" && mkdir "$1/r" && cp -a --parents /bin /lib /lib64 "$1/r" 2>/dev/null
    mkdir -p "$1/r/usr" "$1/r/proc" "$1/r/etc" "$1/r/tmp" "$1/r/doctor" "$1/r/dev"
    mount --bind /usr "$1/r/usr" && mount --bind /proc "$1/r/proc" && mount --bind /dev "$1/r/dev" && mount --bind /etc "$1/r/etc"
    cp "$2" "$1/r/doctor/" && chroot "$1/r" /doctor/doctor --has pivot_root' - "$place" "$ROOT/tests/doctor"
  assert_status 1
  assert_output_has "no mount"
}

@test "what its trials print is not the reader's" {
  run --separate-stderr as_user "$ROOT/tests/doctor"
  assert_equal "" "$stderr"
}

@test "a kernel without mount_setattr(2) is recognised" {
  requires strace
  command -v perl >/dev/null || skip "needs perl: the doctor asks the kernel by it"
  run strace -f -o /dev/null -e inject=mount_setattr:error=ENOSYS -- "$ROOT/tests/doctor" --has idmap
  assert_status 1
  assert_output_has "came with 5.12"
}

@test "who is not root is told which rows were not tried" {
  local row
  run as_user "$ROOT/tests/doctor"
  for row in uts pid mount proc pivot_root overlay; do
    grep -Eq "^  $row +(\?    .*not tried|no )" <<<"$output" ||
      fail "Nobody has tried this row, and it says yes: $(grep "^  $row " <<<"$output")"
  done
  requires root
  run "$ROOT/tests/doctor"
  ! grep -E '^  (uts|pid|mount) +\?' <<<"$output" || fail "The control: root has tried them."
}

# on_a_host_with MANAGER COMMAND ARG…: where no package manager is but that one, nor what follows "without".
on_a_host_with()
{
  local manager=$1 without=$2
  shift 2
  if [ ! -d bin ]; then
    mkdir bin
    ln -s /usr/bin/* /bin/* /usr/sbin/* /sbin/* bin/ 2>/dev/null || true
    rm -f bin/apt-get bin/dnf bin/pacman
  fi
  rm -f bin/"$without"
  [ -z "$manager" ] || ln -s /bin/true "bin/$manager"
  run as_user env PATH="$PWD/bin" "$@"
  [ -z "$manager" ] || rm "bin/$manager"
}

@test "a missing tool is named as the package manager that is here knows it" {
  cd "$BATS_TEST_TMPDIR"
  local manager package
  while read -r manager package; do
    on_a_host_with "$manager" newuidmap "$ROOT/tests/doctor" --has newuidmap
    assert_status 1
    assert_output_has "$package"
  done <<'END'
apt-get sudo apt-get install uidmap
dnf sudo dnf install shadow-utils
pacman sudo pacman -S shadow
END
  on_a_host_with '' newuidmap "$ROOT/tests/doctor" --has newuidmap
  assert_output_has "Debian calls the package uidmap"
}

@test "without apt-get there is no make vm, and none is recommended" {
  cd "$BATS_TEST_TMPDIR"
  on_a_host_with dnf none "$ROOT/tests/doctor" --has qemu
  assert_status 1
  assert_output_matches "apt-get|there is no qemu"
  on_a_host_with dnf none "$ROOT/tests/doctor" 01
  assert_output_has "or a virtual machine with Debian"
  on_a_host_with apt-get none "$ROOT/tests/doctor" 01
  assert_output_has "or make vm"
}

@test "inside a container its note says what to do" {
  requires root
  NSCTL_TEST_PATIENCE=1 run in_private_namespaces timeout 60 "$ROOT/tests/doctor"
  assert_output_has "--privileged"
}
