#!/usr/bin/env bats
# make bench: that it measures what it says. What the figures are is no test's business.

# shellcheck disable=SC2012,SC2016 # names of ours; scripts within scripts
load helpers

setup_file()
{
  requires root compiler make cgroup-write idmap
  cd "$ROOT" || return
  make -s bench-build >&2
  host_snapshot
}

# bats runs it even where setup_file has skipped all.
teardown_file()
{
  [ ! -e "$BATS_FILE_TMPDIR/host-before" ] || assert_host_unchanged
}

tools=$ROOT/build/static/bench

@test "bench: who is not root is told so before anything is built" {
  run as_user make -C "$ROOT" --no-print-directory bench BUILD="$BATS_TEST_TMPDIR/obj" BIN="$BATS_TEST_TMPDIR/bin"
  assert_status 2
  assert_output_has "bench: this wants root: sudo make bench"
  assert_output_lacks "  CC  "
}

@test "bench: a turn each, and no number twice" {
  run "$tools/timer" --rounds 3 --gap 1 -- touch "$BATS_TEST_TMPDIR/@" -- touch "$BATS_TEST_TMPDIR/@"
  assert_status 0
  assert_equal "$(ls "$BATS_TEST_TMPDIR" | wc -l)" 6 "each start has a number of its own"
  assert_equal "$(cut -d' ' -f1,2 <<<"$output" | paste -sd,)" "0 a,0 b,1 b,1 a,2 a,2 b" "they take turns in being the first"
}

@test "bench: a turn of many starts is all of them, so many at once" {
  run "$tools/timer" --rounds 1 --gap 1 --count 12 --at-once 4 -- touch "$BATS_TEST_TMPDIR/@"
  assert_status 0
  assert_equal "$(ls "$BATS_TEST_TMPDIR" | wc -l)" 12
}

@test "bench: the time of a command that fails is no result" {
  run "$tools/timer" --rounds 1 -- true -- false
  assert_status 1
  assert_output_has "timer: false: it failed"
}

@test "bench: CPU time and memory are the command's" {
  run "$tools/timer" --rounds 1 --gap 1 -- sh -c 'i=0; while [ $i -lt 300000 ]; do i=$((i + 1)); done' -- true
  assert_status 0
  awk '$2 == "a" { busy = $4 } $2 == "b" { idle = $4 } END { exit !(busy > 10 * idle) }' <<<"$output" ||
    fail "what counts to 300000 must have used more CPU time than true: $output"
}

@test "bench: the floor is as isolated as a container of ours" {
  local program=("$ROOT/build/static/step-09" -q --root "$BATS_TEST_TMPDIR/state")
  local script='cat /proc/self/status | grep -E "^(Cap|NoNewPrivs|Seccomp:)"; ls /dev; cat /proc/net/dev | wc -l; cat /proc/keys; ls /proc/sys/kernel >/proc/sys/kernel/x'
  local id ours theirs kind
  id=$("${program[@]}" run -d --userns host --net none --name one "$ROOT/build/rootfs/default" sleep 1000)
  ours=$("${program[@]}" run --rm --userns host --net none "$ROOT/build/rootfs/default" sh -c "$script" 2>&1 || true)
  theirs=$("$tools/floor" run "$BATS_TEST_TMPDIR/state/containers/$id/seccomp" "$ROOT/build/rootfs/default" \
    "$BATS_TEST_TMPDIR/scratch" sh -c "$script" 2>&1 || true)
  for kind in mnt uts ipc pid net; do
    [ "$("$tools/floor" run "$BATS_TEST_TMPDIR/state/containers/$id/seccomp" "$ROOT/build/rootfs/default" \
      "$BATS_TEST_TMPDIR/scratch" readlink "/proc/self/ns/$kind")" != "$(readlink "/proc/self/ns/$kind")" ] ||
      fail "its $kind namespace is the host's"
  done
  "${program[@]}" rm -f one
  assert_equal "$theirs" "$ours" "the same capabilities, filter, devices, masks"
  [ ! -e "$BATS_TEST_TMPDIR/scratch" ] || fail "its scratch directory must be gone"
}

@test "bench: every row that can be measured here is in the table, and in the plot" {
  local row measured
  BENCH_LAYER_BYTES=2000000 run "$ROOT/tests/bench/run" --rounds 2 --idle 2 --out "$BATS_TEST_TMPDIR/out"
  assert_status 0
  assert_output_matches '[0-9]+ of [0-9]+ goals are met'
  measured=$(cut -f1 "$BATS_TEST_TMPDIR/out/rows.tsv")
  for row in start start-userns start-disk exec-floor rss size; do
    [[ $'\n'$measured$'\n' == *$'\n'$row$'\n'* ]] || fail "$row needs nobody's help, but is not in the table"
    [ -s "$BATS_TEST_TMPDIR/out/samples/$row" ] || fail "$row: nothing was measured"
  done
  python3 -c 'import sys, xml.dom.minidom as dom; dom.parse(sys.argv[1])' "$BATS_TEST_TMPDIR/out/plot.svg" ||
    fail "the plot is no XML"
}

@test "bench: one row alone; one that is none is refused" {
  run "$ROOT/tests/bench/run" --rounds 2 --out "$BATS_TEST_TMPDIR/out" size
  assert_status 0
  assert_equal "$(cut -f1 "$BATS_TEST_TMPDIR/out/rows.tsv")" size
  run "$ROOT/tests/bench/run" sise
  assert_status 1
  assert_output_has "no such row: sise"
}
