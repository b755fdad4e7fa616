#!/usr/bin/env bats
# shellcheck disable=SC2016 # what looks like an expansion is for a shell inside
# shellcheck disable=SC2030,SC2031 # each test is a process of its own
# shellcheck disable=SC2154 # status, output and stderr are set by bats' run
#
# Step 09: what a command is given: its environment, its limits, and options by one name.

load ../helpers
load ../containers

# quick ARG…: one that leaves nothing.
quick() { run_step run --rm --net none "$@"; }

# presets TEXT: the user's file.
presets()
{
  export XDG_CONFIG_HOME=$BATS_TEST_TMPDIR/config
  mkdir -p "$XDG_CONFIG_HOME/nsctl"
  printf '%b' "$1" >"$XDG_CONFIG_HOME/nsctl/presets.yaml"
}

# --- The environment --------------------------------------------------------------------

@test "nothing of our environment gets in unless it is asked for" {
  export SECRET=x ASKED=y
  quick -e ASKED -e NOT_THERE -e A=1 -e 'B=x=y z' -e C= "$rootfs" env
  assert_status 0
  assert_output_lacks SECRET
  assert_output_lacks NOT_THERE
  assert_output_has ASKED=y
  assert_output_matches $'(^|\n)A=1(\n|$)'
  assert_output_has 'B=x=y z'
  assert_output_matches $'(^|\n)C=(\n|$)'
  assert_output_has PATH=/usr/local/sbin
  assert_output_has HOME=/root
  assert_output_has HOSTNAME=
  assert_output_lacks TERM=
  quick -e HOME=/elsewhere -e PATH=/sbin:/bin "$rootfs" sh -c 'echo $HOME $PATH'
  assert_equal "/elsewhere /sbin:/bin" "$output"
}

@test "a file has a variable a line; -e holds against it, the last of two against the first" {
  printf '\xef\xbb\xbf# a comment\r\n\n  A=1\nQ="x y" \r\nASKED\nNOT_THERE\nA=2\nB=file\n' >one
  printf 'B=second\n' >two
  ASKED=y quick -e B=option -e A2=x --env-file one --env-file two "$rootfs" env
  assert_status 0
  assert_output_matches $'(^|\n)A=2(\n|$)'
  assert_output_has 'Q="x y" '
  assert_output_has ASKED=y
  assert_output_lacks NOT_THERE
  assert_output_has B=option
  quick --env-file one --env-file two "$rootfs" env
  assert_output_has B=second
}

@test "what is no variable is refused, of a file with its line" {
  local large
  printf 'A=1\nB C=2\n' >blanks
  printf '=x\n' >nameless
  printf 'A=1\0\n' >binary
  quick --env-file blanks "$rootfs" true
  assert_status 125
  assert_stderr_has 'line 2: expected NAME=VALUE, no blanks in NAME'
  quick --env-file nameless "$rootfs" true
  assert_status 125
  assert_stderr_has 'line 1: expected NAME=VALUE or NAME'
  quick --env-file binary "$rootfs" true
  assert_status 125
  assert_stderr_has 'a NUL byte'
  quick --env-file nowhere "$rootfs" true
  assert_status 125
  assert_stderr_has ENOENT
  quick --env-file . "$rootfs" true
  assert_status 125
  quick -e =x "$rootfs" true
  assert_status 125
  quick -e '' "$rootfs" true
  assert_status 125
  head -c 1048577 /dev/zero | tr '\0' '\n' >long
  for large in long /dev/zero; do
    run --separate-stderr -- bash -c 'ulimit -v 200000 && exec "$@"' - "$STEP" -q run --env-file "$large" "$rootfs" true
    assert_status 125
    assert_stderr_has "a file of 1 MiB at most" "It is not read to its end, which may not come."
  done
  head -c 1048575 /dev/zero | tr '\0' '\n' >long
  echo 'A=last' >>long
  tail -c 1048576 long >most
  quick --env-file most "$rootfs" env
  assert_output_has A=last "The control: so much may be."
}

# --- Limits of a process ------------------------------------------------------------------

@test "--ulimit sets soft and hard limits; unless asked, no core dumps and 1024 descriptors" {
  quick --ulimit nofile=100:200 --ulimit fsize=1024 "$rootfs" cat /proc/self/limits
  assert_status 0
  assert_output_matches 'Max open files +100 +200 '
  assert_output_matches 'Max file size +1024 +1024 '
  assert_output_matches 'Max core file size +0 +'
  quick "$rootfs" sh -c 'ulimit -Sn; ulimit -Sc'
  assert_equal $'1024\n0' "$output"
}

@test "a limit too low to furnish a root with is the command's, not ours" {
  quick --ulimit nofile=4 "$rootfs" sh -c 'ulimit -n'
  assert_status 0
  assert_equal 4 "$output"
}

@test "a limit that can not be is refused before anything is made" {
  local limit
  for limit in nofile nofile= nofile=x nofile=2:1 nofile=1:2:3 unknown=1 =1 nofile=-2 nofile=unlimited:1; do
    quick --ulimit "$limit" "$rootfs" true
    assert_status 125 "--ulimit $limit"
  done
  quick --ulimit nofile=99999999999 "$rootfs" true
  assert_status 125
  assert_stderr_has "--ulimit nofile"
  [ ! -e "$NSCTL_ROOT" ] || fail "What was refused has made the store."
}

# --- Presets ------------------------------------------------------------------------------

@test "a preset is options by one name; what is typed holds against it, wherever that stands" {
  local limit=', pids: 64'
  "$ROOT/tests/doctor" --has cgroup-write >/dev/null || limit=''
  presets '# mine\nsmall: {hostname: little, env: [A=1, "B=x: y"], read-only: true'"$limit"'}\nbig:\n  hostname: large # a comment\n  env:\n    - A=2\n  tmpfs:\n  - /one\n  - "/two"\n'
  quick --preset small "$rootfs" sh -c 'hostname; echo $A $B; touch /x || echo no'
  assert_status 0
  assert_equal $'little\n1 x: y\nno' "$output"
  quick --preset big "$rootfs" sh -c 'hostname; echo $A; touch /x && echo yes; mount | grep -c "^[^ ]* on /\(one\|two\) "'
  assert_equal $'large\n2\nyes\n2' "$output"
  quick --hostname mine --preset small -e A=3 "$rootfs" sh -c 'hostname; echo $A'
  assert_equal $'mine\n3' "$output"
  run_step run --preset=small --net none --name it --hostname mine "$rootfs" hostname
  assert_equal mine "$output"
}

@test "a preset that is not there is refused, with what was meant and where it was looked for" {
  presets 'small: {}\n'
  quick --preset smal "$rootfs" true
  assert_status 125
  assert_stderr_has "there is no preset smal; did you mean small?"
  assert_stderr_has "$XDG_CONFIG_HOME/nsctl/presets.yaml and /etc/nsctl/presets.yaml"
  rm -r "$XDG_CONFIG_HOME"
  quick --preset small "$rootfs" true
  assert_status 125
}

@test "what is wrong in a preset is named with file and line" {
  local text wanted
  while IFS='|' read -r text wanted; do
    presets "$text"
    quick --preset small "$rootfs" true
    assert_status 125 "$text"
    assert_stderr_has "presets.yaml:$wanted"
  done <<'EOT'
small:\n\tmemory: 64m\n|2: a tab
small: {memry: 64m}\n|1: memry: no option of run is called so; did you mean memory?
small: {preset: other}\n|1: preset: no option of run
small: {memory: lots}\n|1: memory: "lots": expected bytes
small: {memory: [64m, 1g]}\n|1: memory: expected one value
small:\n  memory:\n|2: memory: expected one value
small: {read-only: yes}\n|1: read-only: "yes": expected true or false
small: {memory: 64m, memory: 64m}\n|1: memory: that was said before
small:\n  cpus: 1\n  cpus: 2\n|3: cpus: that was said before
small: {}\n\nsmall: {}\n|3: small: that preset was said before
small: {memory: *anchor}\n|1: anchors
small: {memory: !!int 5}\n|1: anchors
small: {memory: 64m\n|1: expected a comma, or the closing bracket
small: {env: {A: b}}\n|1: nested too deep
small:\n  env:\n    A: b\n|3: expected the indentation
small: memory\n|1: expected {KEY: VALUE
small\n|1: expected KEY: VALUE
small:\n  memory: 64m cpus: 1\n|2: too much in this line
small: {hostname: "x}\n|1: expected the other quote
- small\n|1: expected the name of a preset
small: {memory: 64m} x\n|1: too much in this line
EOT
}

@test "a file of presets that others may write is not believed" {
  presets 'small: {}\n'
  quick --preset small "$rootfs" true
  assert_status 0
  chmod go+w "$XDG_CONFIG_HOME/nsctl/presets.yaml"
  quick --preset small "$rootfs" true
  assert_status 125
  assert_stderr_has "nobody else may write"
}
