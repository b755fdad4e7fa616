#!/usr/bin/env bats
# shellcheck disable=SC2016 # what looks like an expansion is for a shell inside
# shellcheck disable=SC2030,SC2031 # each test is a process of its own
# shellcheck disable=SC2154 # status, output and stderr are set by bats' run
#
# Step 09: many at once: they are made, named, listed, stopped and removed.
# How often a race is run: NSCTL_TEST_ROUNDS.

load ../helpers
load ../containers

rounds=${NSCTL_TEST_ROUNDS:-12}

# --- At the same time ------------------------------------------------------------------

@test "the same name a hundred times at once: exactly one has it, and is listed" {
  local i
  for i in {1..100}; do
    "$STEP" -q run -d --net none --name same "$rootfs" /bin/sleep 1000 >"out.$i" 2>"err.$i" &
  done
  wait
  assert_equal 1 "$(cat out.* | wc -l)" "There must be one container of that name, no more and no fewer."
  assert_equal 99 "$(grep -l 'the name "same" is taken' err.* | wc -l)"
  run_step ps -aq --no-trunc
  assert_equal "$(cat out.*)" "$output" "The one that has the name must be listed."
}

@test "a hundred at once: all run, all are listed, all can be removed at once" {
  local i
  for i in {1..100}; do "$STEP" -q run -d --net none "$rootfs" /bin/sleep 1000 >"out.$i" 2>"err.$i" & done
  wait
  assert_equal "" "$(cat err.*)"
  run_step ps -q --no-trunc
  assert_equal "$(cat out.* | sort)" "$(sort <<<"$output")"
  run_step ps
  assert_equal 101 "$(awk '{ print $NF }' <<<"$output" | sort -u | wc -l)" "Names that are made up are all different."
  cut -c 1-12 out.* | xargs -P 8 -n 5 "$STEP" -q rm -f >removed
  assert_equal 100 "$(wc -l <removed)"
  assert_store_empty
}

@test "rm during start: gone or listed, never half" {
  local round pause
  for ((round = 0; round < rounds; round++)); do
    "$STEP" -q run -d --net none --name one "$rootfs" /bin/sleep 1000 >out 2>err &
    printf -v pause '0.%03d' $((round * 60 / rounds))
    sleep "$pause"
    run_step rm -f one
    assert_status 0
    wait $! || true
    run_step ps -a
    if [[ $output == *" one"* ]]; then
      run_step rm -f one
      assert_status 0
    fi
    assert_store_empty
  done
}

@test "stop during start: it is stopped, or there is none" {
  local round pause
  for ((round = 0; round < rounds; round++)); do
    "$STEP" -q run -d --net none --name one "$rootfs" /bin/sleep 1000 >out 2>err &
    printf -v pause '0.%03d' $((round * 60 / rounds))
    sleep "$pause"
    run_step stop -t 0 one
    if [ "$status" -eq 0 ]; then
      run_step ps -a
      assert_output_has "Exited (137)"
    else
      assert_stderr_has "no such container"
    fi
    wait $! || true
    run_step rm -f one
    assert_store_empty
  done
}

@test "many rename, list and remove at once: no name leads to two, none is lost" {
  local n # bats has an i of its own
  for n in {1..8}; do start "n$n" -- /bin/true && "$STEP" -q wait "n$n" >/dev/null; done
  for n in {1..8}; do
    (for _ in {1..5}; do "$STEP" -q rename "n$n" "x$n" 2>/dev/null; "$STEP" -q rename "x$n" "n$n" 2>/dev/null; done) 3>&- &
    (for _ in {1..5}; do "$STEP" -q ps -a 2>&1 | grep -v -e ' n[0-9]*$' -e ' x[0-9]*$' -e '^CONTAINER'; done >>wrong) 3>&- &
  done
  wait
  assert_equal "" "$(<wrong)" "Whoever looked meanwhile saw what never was."
  run_step rm n1 n2 n3 n4 n5 n6 n7 n8
  assert_status 0
  assert_store_empty
}

# --- Killed, while others sweep -----------------------------------------------------------

# come_and_go FILE: until that is gone, in a store of its own. What each makes sweeps what the dead have left.
come_and_go()
{
  while [ -e "$1" ] && kill -0 $$; do NSCTL_ROOT=$PWD/others "$STEP" -q run --rm --net none "$rootfs" /bin/true || echo "exit status $?"; done
}

@test "killed at any read while others sweep: ps and rm -f leave nothing, and the others see nothing of it" {
  requires strace
  local round ids number
  "$STEP" -q run --rm --net none "$rootfs" /bin/true # so that there is a store
  mkdir others
  touch going
  come_and_go going >others.err 2>&1 3>&- &
  for ((round = 0; round < rounds; round++)); do
    number=$((RANDOM % 45 + 1)) # of some 50 that it makes
    strace --quiet=all -o trace -e trace=read -e inject=read:signal=KILL:when="$number" -- \
      "$STEP" run --net none --name one "$rootfs" /bin/true >out 2>err || true
    ids=$("$STEP" -q ps -aq)
    # shellcheck disable=SC2086 # one, or none
    run_step rm -f ${ids:-one}
    assert_status 0 "killed at read number $number: $stderr"
    sed -n 's|.*mkdir("\(/sys/[^"]*/nsctl/[0-9a-f]\{64\}\)".*|\1|p' err | while read -r cgroup; do
      [ ! -d "$cgroup" ] || fail "killed at read number $number: $cgroup is left"
    done
    assert_store_empty
  done
  rm going
  wait
  assert_equal "" "$(<others.err)" "Who is killed is swept, and nobody else."
}
