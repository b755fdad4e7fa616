#!/usr/bin/env bats
# shellcheck disable=SC2016 # what looks like an expansion is for a shell inside
# shellcheck disable=SC2030,SC2031 # each test is a process of its own
# shellcheck disable=SC2154 # status, output and stderr are set by bats' run
#
# Step 09: what can be done to a container: it is listed, watched, stopped, removed.

load ../helpers
load ../containers

# --- What is typed -----------------------------------------------------------------

@test "each command says what it does, with an example; a near miss is set right" {
  local command
  for command in ps list inspect stop kill wait pause unpause rm delete prune rename doctor; do
    run_step "$command" --help
    assert_status 0
    assert_output_has "Usage: ${STEP##*/} $command"
    assert_output_has "Try:"
  done
  run_step stpo web
  assert_status 125
  assert_stderr_has "unknown command: stpo; did you mean stop?"
  run_step stop --tiem 5 web
  assert_status 125
  assert_stderr_has "did you mean --time?"
  run_step
  assert_status 125
  run_step stop
  assert_status 125
  assert_stderr_has "expected"
  run_step rename one
  assert_status 125
  run_step ps something
  assert_status 125
  [ ! -e "$NSCTL_ROOT" ] || fail "What was refused has made the store."
}

@test "an empty store: ps has nothing to list, and makes nothing" {
  run_step ps -a
  assert_status 0
  assert_equal "CONTAINER ID   IMAGE   COMMAND   CREATED   STATUS   ADDRESS   PORTS   NAMES" "$output"
  run_step ps -aq
  assert_equal "" "$output"
  run_step ps -a --json
  assert_equal "[]" "$output"
  [ ! -e "$NSCTL_ROOT" ] || fail "To look is not to make."
}

@test "a name is letters, digits, _ . and -; whatever could be a path or obeyed by a terminal is refused" {
  local name
  for name in '' . .. ../x a/b -x _x .x $'a\nb' $'\e[2J' 'a b' "$(printf 'a%.0s' {1..64})" ä; do
    run_step run -d --net none "--name=$name" "$rootfs" /bin/true
    assert_status 125
    assert_stderr_has "--name"
    [ ! -e "$NSCTL_ROOT/containers" ] || [ -z "$(ls -A "$NSCTL_ROOT/containers")" ] || fail "Something was made for $name."
  done
}

@test "an unknown name is said to be unknown, with what was meant; exit status 1" {
  local command
  start webserver -- /bin/true
  for command in stop kill wait pause unpause rm inspect; do
    run_step "$command" websevrer
    assert_status 1
    assert_stderr_has "no such container: websevrer; did you mean webserver?"
  done
  run_step rename nobody else
  assert_status 1
  run_step rm -f nobody
  assert_status 0 "What is not there need not be removed."
}

# --- What is listed ------------------------------------------------------------------

@test "ps: id, root, command, age, status, name; -a also those that have ended" {
  start one -- /bin/sleep 1000
  start two -- /bin/sh -c 'exit 3'
  run_step wait two
  assert_equal 3 "$output"
  run_step ps
  assert_status 0
  assert_output_matches 'CONTAINER ID +IMAGE +COMMAND +CREATED +STATUS +ADDRESS +PORTS +NAMES'
  assert_output_matches '[0-9a-f]{12} +…'"${rootfs: -19}"' +/bin/sleep 1000 +(Less than a second|[0-9]+ seconds?) ago +Up .* +one'
  assert_output_lacks two
  run_step ps -a
  assert_output_matches 'Exited \(3\) .* ago +two' "A container that has ended is listed with its exit status."
  assert_equal two "$(awk 'NR == 2 { print $NF }' <<<"$output")" "The newest is the first."
  start long -- /bin/sh -c "sleep 1000 # 345678901234567890"
  run_step ps
  assert_output_has "  …${rootfs: -19}   /bin/sh -c sleep 10…  " "A long root is shown by its end, a long command by its beginning: 20 characters."
  run_step ps --no-trunc
  assert_output_has "  $rootfs   /bin/sh -c sleep 1000 # 345678901234567890  "
  run_step rm -f long
  run_step ps -aq
  assert_equal 2 "${#lines[@]}"
  assert_equal 12 "${#lines[0]}"
  run_step ps -aq --no-trunc
  assert_equal 64 "${#lines[0]}"
  run_step list -a --json
  assert_output_has '"State": "exited"'
  assert_output_has '"ExitCode": 3'
}

@test "a container is found by its name, its id and any beginning that only it has" {
  start one -- /bin/sleep 1000
  local first=$id
  run_step inspect "$first" "${first:0:12}" "${first:0:6}" one
  assert_status 0
  assert_equal 4 "$(grep -c '^    "Id": ' <<<"$output")"
  # With seventeen some two begin alike.
  local i
  for i in {1..16}; do start "n$i" -- /bin/true; done
  local letter
  letter=$("$STEP" -q ps -aq | cut -c 1 | sort | uniq -d | head -n 1)
  run_step inspect "$letter"
  assert_status 1
  assert_stderr_has "containers have ids that begin with that"
}

@test "control characters of a command do not reach the terminal" {
  start one -- /bin/sh -c $'true \e]0;owned\a \xff'
  run_step ps -a --no-trunc
  assert_status 0
  assert_output_lacks $'\e'
  assert_output_lacks $'\a'
  run_step inspect one
  assert_status 0
  assert_output_lacks $'\e'
}

# In a pipe as on a terminal: what is written here may be read there. JSON loses nothing by it.
@test "what a terminal obeys, or is deceived by, comes out of no command" {
  local evil=$'\u202e\u2066\u009b2J\e]0;x\a' words
  obeyed() { LC_ALL=C grep -q $'[\x07\x1b]\|\xc2[\x80-\x9f]\|\xe2\x80\xae\|\xe2\x81\xa6' <<<"$1"; }
  mkdir "v$evil"
  start one -e "A=$evil" -v "$PWD/v$evil:/v" -- /bin/sh -c "touch \"/tmp/\$0\"; exec sleep 1000" "x$evil"
  wait_until "$STEP" -q exec one /bin/sh -c 'ls /tmp/x*'
  obeyed "$("$STEP" -q exec one /bin/sh -c 'echo /tmp/x*')" || fail "The control: it is in there."
  for words in 'ps -a --no-trunc' 'ps --json' 'inspect one' 'show one' 'top one' 'diff one' 'stats --once' 'inspect --format {{.Config.Env}}{{.Config.Cmd}} one'; do
    # shellcheck disable=SC2086 # several words
    run_step $words
    assert_status 0 "$words: $stderr"
    ! obeyed "$output$stderr" || fail "$words hands it on: $output"
  done
  for words in "logs one$evil" "cp one:/tmp/x$evil/y ." "cp one:/tmp/no$evil ." "rm no$evil" "inspect no$evil" "exec no$evil true" \
    "run -v /no$evil:/a $rootfs true" "run --env-file no$evil $rootfs true" "ps --filter no$evil=1" "inspect --format {{.$evil}} one"; do
    # shellcheck disable=SC2086
    run_step $words
    [ "$status" -ne 0 ] || fail "$words was taken."
    ! obeyed "$output$stderr" || fail "The error of $words hands it on: $stderr"
  done
  run_step inspect one
  assert_output_has '\u202e\u2066\u009b2J\u001b]0;x\u0007' "In JSON it is written out."
}

@test "inspect says what was asked for and what is, as JSON with docker's keys" {
  local limit=(-m 64m) bytes=67108864
  "$ROOT/tests/doctor" --has cgroup-write >/dev/null || limit=() bytes=0
  start one "${limit[@]}" --hostname here -e COLOUR=blue -w /tmp --stop-signal USR1 -- /bin/sleep 1000
  run_step inspect one
  assert_status 0
  for words in "\"Id\": \"$id\"" '"Name": "one"' '"Running": true' '"Hostname": "here"' '"COLOUR=blue"' '"WorkingDir": "/tmp"' \
    '"StopSignal": "SIGUSR1"' "\"Memory\": $bytes" '"NetworkMode": "none"' '"ExitCode": null'; do
    assert_output_has "$words"
  done
  local pid
  pid=$(field one Pid)
  assert_equal "sleep" "$(cat "/proc/$pid/comm")" "Pid must be that of its first process."
}

@test "what is printed and does not arrive is an error" {
  run --separate-stderr -- bash -c '"$STEP" -q ps >/dev/full'
  assert_status 125
  assert_stderr_has "did not arrive"
}

# --- Watching it die -----------------------------------------------------------------

# bats test_tags=v2
@test "the monitor killed: listed as ended within a second, nobody knows how; no process, no cgroup stays" {
  local pid monitor
  start one -- /bin/sh -c 'echo said; exec sleep 1000'
  pid=$(field one Pid)
  monitor=$(field one MonitorPid)
  kill -KILL "$monitor"
  wait_until is_gone "$pid" || fail "The container outlives its monitor: PR_SET_PDEATHSIG."
  run_step ps -a
  assert_output_has "Exited (unknown)" "Nobody has seen its exit status: 0 would be a lie."
  run_step ps
  assert_output_lacks one
  run_step ps -a --json
  assert_output_has '"ExitCode": null'
  run_step wait one
  assert_equal unknown "$output"
  assert_status 1
  grep -q said "$NSCTL_ROOT"/logs/*.log || fail "Its log must be kept."
  run_step rm one
  assert_status 0
  assert_store_empty
}

# A program that sees to it that it does not die with its parent, and stays.
make_survivor()
{
  requires compiler
  cat >survivor.c <<'C'
#include <sys/prctl.h>
#include <unistd.h>
int main(void)
{
    if (prctl(PR_SET_PDEATHSIG, 0) == 0 && write(1, "ready\n", 6) == 6)
        for (;;) pause();
}
C
  "${CC:-cc}" -static -o survivor survivor.c
}

@test "what a monitor puts by while it waits is there again, and nothing of the C library is wanted meanwhile" {
  requires compiler
  # As with musl on aarch64: the guard of the stack and the size of a page are variables that begin as zeros.
  cat >waits.c <<'WAITS'
#include "common/runtime/thrift.h"
#include <stdint.h>
#include <unistd.h>
char before[200000];
uintptr_t __stack_chk_guard;
volatile long page_size;
char after[200000];
long sysconf(int name)
{
    (void)name;
    return page_size;
}
__attribute__((noreturn)) void __stack_chk_fail(void)
{
    _exit(2);
}
int main(void)
{
    struct thrift thrift;
    page_size = getpagesize();
    __stack_chk_guard = 12345;
    before[99999] = after[99999] = 7;
    thrift_begin(&thrift);
    uintptr_t meanwhile = __stack_chk_guard + (uintptr_t)page_size;
    thrift_end(&thrift);
    return meanwhile != 0 ? 3 : __stack_chk_guard != 12345 || before[99999] != 7 || after[99999] != 7;
}
WAITS
  local options=(-O2 -std=gnu17 -D_GNU_SOURCE -I"$ROOT" -fno-toplevel-reorder -c)
  "${CC:-cc}" "${options[@]}" -fno-stack-protector waits.c
  "${CC:-cc}" "${options[@]}" -fstack-protector-all -mstack-protector-guard=global "$ROOT/common/runtime/thrift.c"
  "${CC:-cc}" -o waits waits.o thrift.o
  run ./waits
  assert_status 0 "2: a guard was found to be another than at the function's beginning; 3: nothing was put by; 1: it is not as it was."
}

@test "the monitor killed, and what it watched lives on: it is listed as running, and can be stopped and removed" {
  local who pid monitor command
  make_survivor
  for who in root user; do
    [ "$who" = user ] || [ "$(id -u)" -eq 0 ] || continue
    export NSCTL_ROOT=$BATS_TEST_TMPDIR/$who
    mkdir "$NSCTL_ROOT"
    [ "$(id -u)" -ne 0 ] || [ "$who" = root ] || chown "$(as_user id -u)" "$NSCTL_ROOT"
    for command in 'stop -t 1' 'kill' 'rm -f'; do
      as "$who" "$STEP" -q run -d --name one --net none -v "$PWD/survivor:/bin/sh" "$rootfs" /bin/sh >/dev/null
      pid=$(as "$who" "$STEP" -q inspect one | sed -n 's/^ *"Pid": \([0-9]*\),/\1/p')
      monitor=$(as "$who" "$STEP" -q inspect one | sed -n 's/^ *"MonitorPid": \([0-9]*\),/\1/p')
      wait_until eval 'as "$who" "$STEP" -q logs one | grep -q ready'
      kill -KILL "$monitor"
      wait_until is_gone "$monitor"
      kill -0 "$pid" || fail "The control: what has done away with PDEATHSIG lives on."
      run_as "$who" -q ps
      assert_output_matches "one .*Up|Up .*one" "What lives is not listed as ended."
      run_as "$who" -q rm one
      assert_status 1 "What lives is not removed without force."
      # shellcheck disable=SC2086 # an option
      run_as "$who" -q $command one
      assert_status 0 "$command as $who: $stderr"
      wait_until is_gone "$pid"
      run_as "$who" -q rm -f one
      assert_store_empty
    done
  done
}

@test "the first process killed from outside: 137, and listed at once" {
  start one -- /bin/sleep 1000
  kill -KILL "$(field one Pid)"
  run_step wait one
  assert_equal 137 "$output"
  run_step ps -a
  assert_output_has "Exited (137)"
}

@test "wait prints the exit status, of several, also with --rm" {
  start one -- /bin/sh -c 'sleep 1; exit 5'
  start two --rm -- /bin/sh -c 'sleep 1; exit 6'
  run_step wait one two
  assert_status 0
  assert_equal $'5\n6' "$output"
  wait_until "$STEP" -q rm -f two
  run_step wait one
  assert_equal 5 "$output" "One that has ended already need not be waited for."
  local round
  for round in {1..8}; do
    start "r$round" --rm -- /bin/sh -c 'exit 7'
    run_step wait "$id"
    [ "$output" = 7 ] || [[ $stderr == *"no such container"* ]] || fail "wait has lost a container's end: $output $stderr"
  done
}

# --- Ending it -----------------------------------------------------------------------

@test "stop: TERM, or what --stop-signal says; what does not end by it is killed after its time" {
  start polite -- /bin/sh -c 'trap "exit 9" TERM; while :; do sleep 0.1; done'
  start other --stop-signal USR1 -- /bin/sh -c 'trap "exit 8" USR1; while :; do sleep 0.1; done'
  start deaf -- /bin/sh -c 'trap "" TERM; while :; do sleep 0.1; done'
  start slow -- /bin/sh -c 'trap "sleep 2; exit 7" TERM; while :; do sleep 0.1; done'
  start slower -- /bin/sh -c 'trap "sleep 2; exit 6" TERM; while :; do sleep 0.1; done'
  start asked -- /bin/sh -c 'trap "exit 5" USR2; while :; do sleep 0.1; done'
  wait_until grep -q SigCgt "/proc/$(field polite Pid)/status"
  sleep 1 # until the traps are set
  run_step stop -t 60 polite other
  assert_status 0
  assert_equal $'polite\nother' "$output"
  run_step stop deaf -t 1
  assert_status 0
  run_step stop -s USR2 asked
  assert_status 0
  run_step stop slow
  assert_status 0
  run_step stop -t -1 slower
  assert_status 0
  run_step ps -a
  assert_output_matches 'Exited \(5\).* asked'
  assert_output_matches 'Exited \(7\).* slow' "Unless something else is said, it has ten seconds."
  assert_output_matches 'Exited \(6\).* slower' "-1 is as long as it takes."
  assert_output_matches 'Exited \(9\).* polite'
  assert_output_matches 'Exited \(8\).* other'
  assert_output_matches 'Exited \(137\).* deaf' "What does not listen is killed."
  run_step stop deaf
  assert_status 0 "One that has ended is stopped."
}

# bats test_tags=v2
@test "stop of a fork bomb: no process is left" {
  requires cgroup-write pids
  start bomb --pids-limit 100 -- /bin/sh -c 'f() { f | f & }; trap "" TERM; f; while :; do sleep 0.1; done'
  local pid
  pid=$(field bomb Pid)
  run_step stop -t 1 bomb
  assert_status 0
  wait_until is_gone "$pid"
  run_step rm bomb
  assert_status 0
}

# bats test_tags=v2
@test "what is killed is killed as one: cgroup.kill, or frozen, killed and thawed" {
  requires cgroup-write
  start one -- /bin/sh -c 'trap "" TERM; sleep 1000 & sleep 1000 & wait'
  run strace -f -y -o trace -e trace=openat,write,pidfd_send_signal -- "$STEP" -q stop -t 0 one
  assert_status 0
  if grep -q cgroup.kill trace; then
    grep -E 'write\([0-9]+<[^>]*/cgroup.kill>, "1"' trace
  elif grep -q 'write([^,]*cgroup.freeze>' trace; then # before 5.14; who is killed there need not be thawed
    sed -n -e 's/.*write([^,]*cgroup.freeze>, "\(.*\)", .*/\1/p' -e 's/.*pidfd_send_signal([^,]*, SIGKILL, .*/kill/p' trace | uniq >order
    assert_equal $'1\nkill' "$(sed -n '/1/,$p' order | head -n 2)" "Who is not frozen can fork between two of our signals."
  else
    sed -n -e 's/.*write([^,]*freezer.state>, "\(.*\)", .*/\1/p' -e 's/.*pidfd_send_signal([^,]*, SIGKILL, .*/kill/p' \
      -e 's/.*openat(.*freezer.state", O_RDONLY.*/look/p' trace | uniq >order
    assert_equal $'FROZEN\nlook\nkill\nTHAWED' "$(sed -n '/FROZEN/,$p' order | head -n 4)" "Who is not frozen yet can fork between two of our signals."
  fi
}

@test "kill sends any signal; to one that does not run it is an error" {
  start one -- /bin/sh -c 'trap "echo got >/got; exit 4" HUP; echo ready; while :; do sleep 0.1; done'
  wait_until grep -q ready "$NSCTL_ROOT/logs/$id.log"
  for signal in sighup HUP 1; do
    run_step kill -s "$signal" one
    [ "$signal" != sighup ] || assert_status 0
    [ "$signal" = sighup ] || break
    run_step wait one
    assert_equal 4 "$output"
  done
  run_step kill one
  assert_status 1
  assert_stderr_has "not running"
  local bad
  for bad in '' NO SIGNO 0 65 -1 1x RTMIN+99; do
    run_step kill "--signal=$bad" one
    assert_status 125
  done
  start two -- /bin/sleep 1000
  run_step kill two
  assert_status 0
  run_step ps -a
  assert_output_matches 'Exited \(137\).* two' "When kill has returned it is dead, and listed as such."
}

# bats test_tags=v2
@test "pause: everything stands still and does not know it; unpause: it goes on" {
  requires cgroup-write
  local before
  start one -- /bin/sh -c 'while :; do echo tick; sleep 0.01; done'
  wait_until grep -q tick "$NSCTL_ROOT/logs/$id.log"
  run_step unpause one
  assert_status 1
  assert_stderr_has "not paused"
  run_step pause one
  assert_status 0
  run_step ps
  assert_output_has "(Paused)"
  sleep 0.3
  before=$(wc -l <"$NSCTL_ROOT/logs/$id.log")
  sleep 0.5
  assert_equal "$before" "$(wc -l <"$NSCTL_ROOT/logs/$id.log")" "It goes on while it is paused."
  run_step pause one
  assert_status 1
  assert_stderr_has "paused already"
  run_step unpause one
  assert_status 0
  ticked_on() { [ "$(wc -l <"$NSCTL_ROOT/logs/$id.log")" -gt "$before" ]; }
  wait_until ticked_on
  run_step ps
  assert_output_lacks Paused
}

# bats test_tags=v2
@test "what is paused can be stopped, killed and removed" {
  requires cgroup-write
  start one -- /bin/sh -c 'trap "exit 3" TERM; echo ready; while :; do sleep 0.1; done'
  wait_until grep -q ready "$NSCTL_ROOT/logs/$id.log"
  "$STEP" -q pause one
  run_step stop -t 60 one
  assert_status 0
  run_step ps -a
  assert_output_has "Exited (3)" "One that stands still must be woken, or it can not hear."
  start two -- /bin/sleep 1000
  "$STEP" -q pause two
  run_step kill two
  assert_status 0
  start three -- /bin/sleep 1000
  "$STEP" -q pause three
  run_step rm -f three
  assert_status 0
  run_step rm one two
  assert_status 0
  assert_store_empty
}

# --- Taking it away ------------------------------------------------------------------

@test "rm: not what runs, unless with -f; all that are named, even where one fails" {
  start one -- /bin/sleep 1000
  start two -- /bin/true
  "$STEP" -q wait two
  run_step rm one two three
  assert_status 1
  assert_equal two "$output" "Those that can be removed are, whatever becomes of the others."
  assert_stderr_has "one is running"
  assert_stderr_has "no such container: three"
  assert_stderr_has "\`ps -a\` lists those that there are"
  run_step ps -aq
  assert_equal 1 "${#lines[@]}"
  run_step delete -f one
  assert_status 0
  assert_store_empty
}

@test "rm of one that has just ended waits until its monitor has cleared up" {
  local alive
  start one -- /bin/true
  "$STEP" -q wait one
  alive=$(directory_of one)/alive
  wait_until flock -n "$alive" true
  flock "$alive" sleep 1 3>&- &
  wait_until eval '! flock -n "$alive" true'
  run_step rm one
  assert_status 0 "It has ended, and needs no force: $stderr"
  wait
  assert_store_empty
}

@test "what it wrote is removed, however deep it goes" {
  start one -- /bin/sh -c 'i=0; while [ $i -lt 1000 ]; do mkdir d && cd d || exit 1; i=$((i + 1)); done; echo x >x; ln -s / l; exit 0'
  run_step wait one
  assert_equal 0 "$output"
  bash -c 'ulimit -n 64; exec "$STEP" -q rm one'
  assert_store_empty
}

@test "a user's container: what its other ids wrote is removed too" {
  requires unprivileged subids
  export NSCTL_ROOT=$BATS_TEST_TMPDIR/user
  mkdir "$NSCTL_ROOT" && chmod a+x "$BATS_TEST_TMPDIR" "$BATS_FILE_TMPDIR"
  [ "$(id -u)" -ne 0 ] || chown "$(as_user id -u)" "$NSCTL_ROOT"
  run --separate-stderr -- as_user "$STEP" -q run --name one --net none "$rootfs" sh -c 'mkdir -p /a/b; echo x >/a/b/c; chown -R 7:7 /a; chmod 000 /a/b /a'
  assert_status 0
  run --separate-stderr -- as_user "$STEP" -q ps -a
  assert_output_has "Exited (0)"
  run --separate-stderr -- as_user "$STEP" -q rm one
  assert_status 0
  assert_store_empty
}

@test "who removes what other ids wrote is slow to begin: it is removed all the same" {
  requires root unprivileged strace # a user's strace takes its powers from newuidmap
  local reason poll
  poll=$(calls_here poll)
  reason=$(as_user "$ROOT/tests/doctor" --has subids 2>&1) || skip "needs subids: $reason"
  export NSCTL_ROOT=$BATS_TEST_TMPDIR/user
  mkdir "$NSCTL_ROOT" && chmod a+x "$BATS_TEST_TMPDIR" "$BATS_FILE_TMPDIR"
  chown "$(as_user id -u)" "$NSCTL_ROOT"
  run --separate-stderr -- as_user "$STEP" -q run --name one --net none "$rootfs" sh -c 'mkdir -p /a/b; chown -R 7:7 /a; chmod 000 /a'
  assert_status 0
  run --separate-stderr -- strace -f -u "$(as_user id -un)" -o /dev/null -e trace="$poll" -e inject="$poll:delay_enter=300000" \
    "$STEP" -q rm one
  assert_status 0
  assert_store_empty
}

@test "prune removes those that do not run, and asks before" {
  start one -- /bin/sleep 1000
  start two -- /bin/true
  "$STEP" -q wait two
  run --separate-stderr -- bash -c 'echo n | "$STEP" -q prune'
  assert_status 1
  run_step ps -aq
  assert_equal 2 "${#lines[@]}"
  run --separate-stderr -- bash -c 'echo y | "$STEP" -q prune'
  assert_status 0
  run_step ps -a
  assert_output_has one
  assert_output_lacks two
  run_step prune -f
  assert_status 0
  assert_equal "" "$output"
}

@test "rename: its end takes away the name that it has by then, and nobody else's" {
  "$STEP" -q run -d --rm --net none --name one "$rootfs" /bin/sleep 1000
  "$STEP" -q run -d --net none --name other "$rootfs" /bin/sleep 1000
  run_step rename one two
  assert_status 0
  run_step rename other one
  assert_status 0
  run_step kill two
  wait_until test ! -L "$NSCTL_ROOT/names/two"
  assert_equal one "$(ls "$NSCTL_ROOT/names")" "Of the one that has ended no name may be left, of the other its own."
  run_step rm -f one
  assert_status 0
  assert_equal "" "$(ls "$NSCTL_ROOT/names")"
}

@test "rename: the old name is free, the new one taken; whoever runs keeps on running" {
  start one -- /bin/sleep 1000
  start two -- /bin/sleep 1000
  run_step rename one two
  assert_status 1
  assert_stderr_has 'the name "two" is taken'
  run_step rename one ../x
  assert_status 125
  run_step rename one three
  assert_status 0
  run_step inspect one
  assert_status 1
  run_step ps
  assert_output_matches 'Up .* three'
  run_step rename two one
  assert_status 0
  run_step stop -t 0 one three
  assert_status 0
}
