#!/usr/bin/env bats
# shellcheck disable=SC2016 # what looks like an expansion is for a shell inside
# shellcheck disable=SC2030,SC2031 # each test is a process of its own
# shellcheck disable=SC2154 # status, output and stderr are set by bats' run
#
# Step 09: what a container has printed: whole, in order, each stream apart, and not for ever.

load ../helpers
load ../containers

monitor_of() { sed -n '/"monitor"/,/}/s/.*"pid": \([0-9]*\).*/\1/p' "$(directory_of "$1")/config.json"; }

# ends NAME: waits until it has.
ends() { "$STEP" -q wait "$1" >/dev/null; }

# follow NAME FILE [COMMAND…]: `logs -f` in the background, into FILE, through a command; sets follower.
follow()
{
  local name=$1 file=$2
  shift 2
  [ $# -gt 0 ] || set -- cat
  (set -o pipefail && "$STEP" -q logs -f "$name" 2>"$file.err" | "$@" >"$file") 3>&- &
  follower=$!
}

# --- As it was written ------------------------------------------------------------

@test "stdout and stderr are kept apart, and each is what was written, byte for byte" {
  printf 'a line\npart, \033[2J\r\a\0\303\n\377 and \302\205 no end' >wanted
  start it -v "$PWD/wanted:/wanted" -- sh -c 'cat /wanted; echo error >&2; echo "and more" >&2'
  ends it
  "$STEP" -q logs it >out 2>err
  cmp wanted out || fail "What it wrote to stdout must come out of logs unchanged."
  assert_equal $'error\nand more' "$(<err)"
}

@test "a line in pieces is one line, with one time before it" {
  start it -- sh -c 'printf one; sleep 0.3; printf two; sleep 0.3; echo three; printf end'
  ends it
  run_step logs --timestamps it
  assert_equal 2 "${#lines[@]}"
  assert_output_matches $'^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{8}\\.[0-9]{9}Z onetwothree\n[0-9TZ:.-]{30} end$'
  run_step logs --tail 2 it
  assert_equal $'onetwothree\nend' "$output" "The pieces of a line are not lines."
  run grep -c '' "$NSCTL_ROOT/logs/$id.log"
  assert_equal 4 "$output" "Each piece is on its way to the disk at once: a record each."
  run grep -vE '^[0-9T:.-]{29}Z std(out|err) [FP] ' "$NSCTL_ROOT/logs/$id.log"
  assert_equal "" "$output" "That is no record."
}

@test "--tail shows the last lines of both streams, --since those that are new" {
  start it -- sh -c 'seq 1 8; echo nine >&2; sleep 1.2; seq 10 12'
  ends it
  run "$STEP" -q logs --tail 4 it
  assert_equal 4 "${#lines[@]}"
  assert_output_has nine
  run_step logs -n 0 it
  assert_equal "" "$output"
  run_step logs --tail all it
  assert_output_has $'1\n2\n'
  run_step logs --tail 1000 it
  assert_output_has $'1\n2\n'
  since=$("$STEP" -q logs -t --tail 3 it | head -n 1 | cut -d' ' -f1)
  run_step logs --since "$since" it
  assert_equal $'10\n11\n12' "$output"
  run_step logs --since 1h30m it
  assert_output_has $'1\n2\n'
  run_step logs --since 2100-01-01 it
  assert_equal "" "$output"
  run_step logs --since "$since" --tail 1 it
  assert_equal 12 "$output"
}

@test "what can not be meant is refused" {
  local words
  for words in "--tail x it" "--tail -1 it" "--since yesterday it" "--since 2026-13-01 it" "--since 5x it" "it other" "" "--folow it"; do
    # shellcheck disable=SC2086 # words
    run_step logs $words
    assert_status 125 "logs $words"
  done
  assert_stderr_has "did you mean --follow?"
  run_step run --log-max-size 1k --net none "$rootfs" /bin/true
  assert_status 125
  assert_stderr_has "expected 4k at least"
  run_step run --log-max-files 0 --net none "$rootfs" /bin/true
  assert_status 125
  run_step logs nobody
  assert_status 1
  assert_stderr_has nobody
}

# --- Rotation -----------------------------------------------------------------------

@test "a log does not grow for ever: full files are put aside, the oldest removed" {
  local size file
  start it --log-max-size 4k --log-max-files 3 -- seq 1 5000
  ends it
  run ls "$NSCTL_ROOT/logs"
  assert_equal 3 "${#lines[@]}" "There may be three files: the one that is written and two before it."
  for file in "$NSCTL_ROOT"/logs/*; do
    size=$(stat -c %s "$file")
    [ "$size" -le 4096 ] || fail "$file has $size bytes, of 4096."
  done
  "$STEP" -q logs it >out
  seq "$(head -n 1 out)" 5000 | cmp - out || fail "What is left must be the end of it, without a gap."
  [ "$(wc -l <out)" -gt 100 ] || fail "That is less than two files hold."
  run_step logs --tail 3 it
  assert_equal $'4998\n4999\n5000' "$output"
  run_step logs --tail 150 it
  assert_equal 4851 "${lines[0]}" "The last lines may stand in several files."
}

@test "who follows a log loses nothing and reads nothing twice, however often it is put aside" {
  mkfifo go
  start it --log-max-size 4k --log-max-files 1 -v "$PWD/go:/go" -- sh -c 'read -r _ </go; seq 1 40000; seq 1 1000 >&2'
  follow it quick
  local quick=$follower
  follow it slow sh -c 'sleep 1; exec cat'
  local slow=$follower
  sleep 0.5
  echo >go
  wait "$quick"
  wait "$slow"
  for file in quick slow; do
    seq 1 40000 | cmp - "$file" || fail "The $file follower has read something else than was printed."
    seq 1 1000 | cmp - "$file.err" || fail "The $file follower has read something else than was printed to stderr."
  done
  # How often shows no more in names, where both kept up to the end; but where all went through 4 KiB, it was hundreds.
  size=$(stat -c %s "$NSCTL_ROOT"/logs/*.log)
  [ "$size" -le 4096 ] || fail "The file that is written has $size bytes: it was never put aside."
}

@test "what nobody reads any more is removed when the next file is put aside" {
  mkfifo go
  start it --log-max-size 4k --log-max-files 2 -v "$PWD/go:/go" -- sh -c 'read -r _ </go; seq 1 20000; read -r _ </go; seq 1 200'
  follow it followed sh -c 'sleep 1; exec cat'
  sleep 0.5
  echo >go
  wait_until eval '[ "$(tail -n 1 followed)" = 20000 ]'
  kill "$follower" 2>/dev/null || true
  echo >go
  ends it
  wait "$follower" || true
  run ls "$NSCTL_ROOT/logs"
  [ "${#lines[@]}" -le 4 ] || fail "Files stay that no reader holds: $output"
}

# --- Following ------------------------------------------------------------------------

@test "to follow is to wait for more, and ends with the container" {
  mkfifo go
  start it -v "$PWD/go:/go" -- sh -c 'echo first; read -r _ </go; echo second; exit 3'
  follow it out
  wait_until grep -q first out
  kill -0 "$follower" || fail "It did not wait."
  echo >go
  wait "$follower" || fail "logs -f must end with 0 when the container has ended, however that did."
  assert_equal $'first\nsecond' "$(<out)"
  run_step logs -f it
  assert_equal $'first\nsecond' "$output" "Of one that has ended there is nothing to wait for."
}

@test "a reader that goes away ends logs -f quietly, even while nothing is printed" {
  local statuses
  start it -- sh -c 'seq 1 100; sleep 1000'
  statuses=$(timeout 50 bash -c '"$STEP" -q logs -f it 2>err | head -n 1 >/dev/null; echo "${PIPESTATUS[0]}"')
  assert_equal 141 "$statuses" "It is to end as others do whose reader has gone, by SIGPIPE."
  assert_equal "" "$(<err)"
  statuses=$(timeout 50 bash -c 'trap "" PIPE; "$STEP" -q logs -f it 2>err | head -n 1 >/dev/null; echo "${PIPESTATUS[0]}"')
  assert_equal 141 "$statuses" "Also where SIGPIPE is ignored."
  assert_equal "" "$(<err)"
  run_step ps -q
  assert_output_has "${id:0:12}" "The container does not care."
}

@test "a full disk below the reader is an error, and says so" {
  start it -- seq 1 10
  ends it
  run bash -c '"$STEP" -q logs it >/dev/full'
  assert_status 125
  assert_output_has ENOSPC
}

@test "when the monitor is killed, what was printed until then is there, and who follows is told of the end" {
  start it -- sh -c 'i=0; while :; do i=$((i + 1)); echo "$i"; done'
  follow it out
  wait_until eval '[ "$(wc -l <out)" -gt 1000 ]'
  kill -KILL "$(monitor_of it)"
  wait "$follower" || fail "logs -f must end when nobody writes any more."
  "$STEP" -q logs it >all
  seq 1 "$(wc -l <all)" | cmp - all || fail "The log is not whole until it ends."
  [ "$(wc -l <all)" -ge 1000 ]
}

# --- Control characters -------------------------------------------------------------------

@test "what was printed comes as it was, colours too; --help says what that means" {
  run_step run --name it --net none "$rootfs" printf '\033[31mred\033[0m\a\rx\0y\n'
  "$STEP" -q logs it >ours
  printf '\033[31mred\033[0m\a\rx\0y\n' | cmp - ours
  run_step logs --help
  assert_output_has "cat -v"
}

# --- A full disk ------------------------------------------------------------------------

@test "on a full disk the container goes on; it is said once, and what is in the log is whole" {
  requires root
  cat >full <<'SH'
    mount -t tmpfs -o size=3m none "$1" && export NSCTL_ROOT=$1/root || exit 99
    "$STEP" run --name it --net none --upper-size 1m "$2" sh -c 'seq 1 500000; exit 7' >"$3/out" 2>"$3/err"
    echo "$?" >"$3/status"
    "$STEP" -q logs it >"$3/log" 2>"$3/log.err"
    echo "$?" >>"$3/status"
    "$STEP" -q rm -f it
SH
  mkdir disk
  run in_private_namespaces bash full "$PWD/disk" "$rootfs" "$PWD"
  assert_equal $'7\n0' "$(<status)" "The container must end as if nothing had been: $output $(<err)"
  seq 1 500000 | cmp - out || fail "What it printed must reach us, if not the log."
  assert_equal 1 "$(grep -c 'error: what it prints is kept: .*ENOSPC' err)" "It is to be said, and once: $(grep error err)"
  whole=$(awk '$0 != NR { exit } { n = NR } END { print n }' log)
  [ "$whole" -gt 10000 ] || fail "Only $whole lines were kept whole and in order."
  [ "$whole" -eq "$(wc -l <log)" ] || grep -q 'some of the output was lost' log.err ||
    fail "After line $whole something is missing, and logs does not say so."
}
