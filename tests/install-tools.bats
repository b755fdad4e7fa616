#!/usr/bin/env bats
# install-tools, with a package manager that only writes down what it is asked for.

# shellcheck disable=SC2016  # scripts within scripts

load helpers

# A PATH with nothing in it but what the script itself needs and the given commands.
setup()
{
  bin=$BATS_TEST_TMPDIR/bin
  mkdir "$bin"
  local tool
  for tool in bash env cat mktemp rm tail id git shellcheck clang clang-format clang-tidy mandoc zsh fish; do
    ln -s "$(command -v "$tool" || command -v true)" "$bin/$tool"
  done
}

# fake NAME [SCRIPT]
fake()
{
  printf '#!/bin/bash\n%s\n' "${2:-}" >"$bin/$1"
  chmod 755 "$bin/$1"
}

tools_installer()
{
  run env PATH="$bin" "$@"
}

@test "silent when nothing is missing" {
  fake cppcheck
  tools_installer "$ROOT/tests/install-tools" --need lint
  assert_status 0
  assert_equal "" "$output"
}

@test "only what is missing is installed, without asking" {
  [ "$(id -u)" -eq 0 ] || requires root
  fake apt-get "echo \"\$DEBIAN_FRONTEND \$*\" >>$BATS_TEST_TMPDIR/asked; printf '#!/bin/true\n' >$bin/cppcheck; /bin/chmod +x $bin/cppcheck"
  tools_installer "$ROOT/tests/install-tools" --need lint
  assert_status 0
  assert_equal "noninteractive install -y --no-install-recommends cppcheck" "$(cat "$BATS_TEST_TMPDIR/asked")"
}

@test "the lists are fetched when they are too old, and then only" {
  [ "$(id -u)" -eq 0 ] || requires root
  fake apt-get "echo \"\$1\" >>$BATS_TEST_TMPDIR/asked
case \$1 in
  update) : >$BATS_TEST_TMPDIR/updated ;;
  install) [ -e $BATS_TEST_TMPDIR/updated ] || exit 100; printf '#!/bin/true\n' >$bin/cppcheck; /bin/chmod +x $bin/cppcheck ;;
esac"
  tools_installer "$ROOT/tests/install-tools" --need lint
  assert_status 0
  assert_equal "install update install" "$(tr '\n' ' ' <"$BATS_TEST_TMPDIR/asked" | sed 's/ $//')"
}

@test "an installation that fails says why, and what to type" {
  [ "$(id -u)" -eq 0 ] || requires root
  fake apt-get 'echo "E: the disk is full"; exit 100'
  tools_installer "$ROOT/tests/install-tools" --need lint
  assert_status 1
  assert_output_has "E: the disk is full"
  assert_output_has "apt-get install -y --no-install-recommends cppcheck"
}

@test "without root and sudo it says exactly what to type" {
  fake apt-get 'echo must not be called; exit 1'
  run as_user env PATH="$bin" "$ROOT/tests/install-tools" --need lint
  assert_status 1
  assert_equal "install-tools: missing: cppcheck
Installing needs root, and there is no sudo. Type:
    sudo apt-get update
    sudo apt-get install -y --no-install-recommends cppcheck" "$output"
}

@test "without root, sudo is used if it asks for no password" {
  fake sudo 'case $1 in -n) exit 1 ;; esac'
  fake apt-get 'echo must not be called; exit 1'
  run as_user env PATH="$bin" "$ROOT/tests/install-tools" --need lint
  assert_status 1
  assert_output_has "sudo would ask for a password"
}

@test "each package manager has its own names" {
  fake dnf
  tools_installer "$ROOT/tests/install-tools" --need vm --dry-run
  assert_output_has "dnf install -y"
  assert_output_has "qemu-system-x86-core"
  rm "$bin/dnf"
  fake pacman
  tools_installer "$ROOT/tests/install-tools" --need lint --dry-run
  assert_output_has "pacman -S --needed --noconfirm cppcheck"
  rm "$bin/pacman"
  tools_installer "$ROOT/tests/install-tools" --need lint
  assert_status 1
  assert_output_has "no apt-get, dnf or pacman"
}

@test "cross: the compiler and an emulator, whichever of its kinds; --cross: a machine as well" {
  fake aarch64-linux-gnu-gcc
  fake dnf
  tools_installer "$ROOT/tests/install-tools" --need cross --dry-run
  assert_output_has "dnf install -y qemu-user"
  fake qemu-aarch64-static
  tools_installer "$ROOT/tests/install-tools" --need cross
  assert_status 0
  assert_equal "" "$output"
  fake cppcheck
  tools_installer "$ROOT/tests/install-tools" --need lint --cross --dry-run
  assert_output_has "dnf install -y qemu-system-aarch64-core"
}

@test "a script that cannot work does not say that all is there" {
  rm "$bin/cat"
  tools_installer "$ROOT/tests/install-tools" --need lint
  assert_status 1
}

@test "an unknown group is an error" {
  run "$ROOT/tests/install-tools" --need everything
  assert_status 2
}
