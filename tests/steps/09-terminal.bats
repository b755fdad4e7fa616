#!/usr/bin/env bats
# What --tty promises: a terminal of the container's own, and ours as it was.
# shellcheck disable=SC2154 # status, output and stderr are set by bats' run
# shellcheck disable=SC2016 # $ is for the container's shell
# shellcheck disable=SC2030,SC2031 # each test is a process of its own
# shellcheck disable=SC2317 # wait_until calls what is defined in a test

load ../helpers
load ../containers

setup()
{
  requires script
  begin_store
  export rootfs PS1='$ ' ENV=''
  screen=$BATS_TEST_TMPDIR/screen
}

teardown()
{
  exec 8>&-
  [ -z "${terminal:-}" ] || { kill -KILL "$terminal" 2>/dev/null || true; }
  end_store
}

# open_terminal COMMAND: runs a shell command on a terminal of its own. Keys go to
# descriptor 8, what it shows to $screen; sets terminal.
open_terminal()
{
  mkfifo keys
  SHELL=/bin/sh TERM=dumb HISTFILE='' env --default-signal=INT,QUIT setsid script -qefc "$1" /dev/null <keys >"$screen" 2>&1 3>&- &
  terminal=$!
  exec 8>keys
}

press()
{
  # shellcheck disable=SC2059 # the keys may be octal
  printf "$1" >&8
}

shows() { wait_until grep -q -a -e "$1" "$screen" || { cat "$screen" >&2; return 1; }; }

# A shell that does nothing to the terminal itself, unlike those that edit lines.
open_shell()
{
  open_terminal 'exec sh -i'
  press 'tty; echo sh\\ell $$\n'
  shows 'shell [0-9]'
  tty=$(grep -a -o '/dev/pts/[0-9]*' "$screen" | head -n 1)
  before=$(stty -g -F "$tty")
}

is_raw() { [[ $(stty -a -F "$tty") == *-icanon*-echo\ * || $(stty -a -F "$tty") == *-icanon* ]]; }
is_as_before() { [ "$(stty -g -F "$tty")" = "$before" ]; }

step_on_terminal() { ps -o pid=,args= -t "${tty#/dev/}" | awk -v step="$STEP" '$2 == step { print $1; exit }'; }

@test "it is a terminal of its own, as large as ours, its console, and controls its session" {
  open_terminal 'stty rows 33 cols 99; exec "$STEP" -q run -it --rm "$rootfs" sh -c "tty; stty size; ls -l /dev/console; echo into-tty >/dev/tty; ls /dev/pts; exit 5"'
  status=0
  wait "$terminal" || status=$?
  output=$(tr -d '\r' <"$screen")
  assert_status 5
  assert_output_has /dev/pts/0
  assert_output_has "33 99" "Its terminal must be as large as ours, in rows and columns."
  assert_output_has "into-tty" "/dev/tty is there, so it is the controlling terminal."
  assert_output_matches 'crw.*5, +1|136, +0' "The console is a terminal."
}

@test "what is typed goes through as it is, and our terminal is as it was afterwards" {
  open_shell
  press '"$STEP" -q run -it --rm "$rootfs" sh\n'
  wait_until is_raw
  press 'echo from in""side\n'
  shows 'from inside'
  press 'echo begun; sleep 100\n'
  shows '^begun'
  press '\003'
  press 'echo status $?\n'
  shows 'status 130'
  press 'exit 4\n'
  wait_until is_as_before
  press 'echo ended $?\n'
  shows 'ended 4'
}

@test "each line of the log begins at the left, while our terminal is raw, too" {
  NSCTL_LOG=all open_terminal '"$STEP" run -it --name raw "$rootfs" sh -c "exit 0"; "$STEP" rm raw; "$STEP" -q run -d --name w "$rootfs" sleep 1000; "$STEP" exec -it w true; "$STEP" -q rm -f w'
  wait "$terminal"
  shows 'goes through as it is'
  shows 'the terminal as it was'
  assert_equal "" "$(grep -a '^\[ns\]' "$screen" | grep -a -v $'\r$')" "A raw terminal goes down only, by the end of a line."
}

@test "a new size of ours becomes one of its" {
  export script='trap "stty size" WINCH; echo ready; while :; do sleep 0.1; done'
  open_shell
  press '"$STEP" -q run -it --rm "$rootfs" sh -c "$script"\n'
  shows ready
  stty -F "$tty" rows 44 cols 111
  shows '44 111'
}

@test "TSTP gives the terminal back as it was, and takes it again with the container going on" {
  export script='echo ready; while read -r line; do echo "heard <$line>"; done; echo the end'
  open_shell
  press '"$STEP" -q run -it --rm "$rootfs" sh -c "$script"\n'
  shows ready
  wait_until is_raw
  kill -TSTP "$(step_on_terminal)"
  wait_until is_as_before
  press 'echo the sh\\ell again\n'
  shows 'the shell again'
  press 'fg\n'
  wait_until is_raw
  press 'more\n'
  shows 'heard <more>'
  press '\004'
  shows 'the end'
  wait_until is_as_before
}

@test "our terminal is as it was whatever ends us: a signal, -9, or the container's death" {
  local signal
  export script='trap "exit 3" TERM; echo $0 is ready; while :; do sleep 0.1; done'
  open_shell
  for signal in TERM KILL; do
    press '"$STEP" -q run -it --name '$signal' "$rootfs" sh -c "$script" by-'$signal'\n'
    shows "by-$signal is ready"
    wait_until is_raw
    kill -s $signal "$(step_on_terminal)"
    wait_until is_as_before || fail "After SIG$signal the terminal must be as it was."
  done
  press '"$STEP" -q run -it --rm --name dies "$rootfs" sh -c "$script" dies\n'
  shows 'dies is ready'
  wait_until is_raw
  "$STEP" -q kill dies
  wait_until is_as_before
  press 'echo ended $?\n'
  shows 'ended 137'
}

@test "attach: raw while it lasts, ^P ^Q leaves, and it runs on" {
  "$STEP" -q run -d -it --name web "$rootfs" sh
  open_shell
  press '"$STEP" -q attach web\n'
  wait_until is_raw
  press 'echo from in""side; stty size\n'
  shows 'from inside'
  press '\020\021'
  wait_until is_as_before
  press 'echo left $?\n'
  shows 'left 0'
  run_step ps
  assert_output_has web
  press '"$STEP" -q attach web\n'
  wait_until is_raw
  press 'exit 6\n'
  wait_until is_as_before
  press 'echo ended $?\n'
  shows 'ended 6'
}

@test "what it shows is in the log; a program that lets go of the terminal is not its end" {
  run_step run -d -t --name web "$rootfs" sh -c 'echo one; exec 0<&- 1>&- 2>&-; sleep 0.5; exec >/dev/pts/0; echo two; sleep 1000'
  in_log() { grep -q "$1" "$NSCTL_ROOT"/logs/*.log; }
  wait_until in_log one
  wait_until in_log two
  # And it is not waited for by asking again and again.
  monitor=$(sed -n '/"monitor"/,/}/s/.*"pid": \([0-9]*\).*/\1/p' "$NSCTL_ROOT"/containers/*/config.json)
  used() { awk '{ print $14 + $15 }' "/proc/$monitor/stat"; }
  before=$(used)
  sleep 1
  [ $(($(used) - before)) -le 5 ] || fail "The monitor of an idle container must be idle."
}

@test "without -t there is no way to the terminal of who started it (TIOCSTI)" {
  export script='echo x >/dev/tty; echo status $?'
  open_shell
  press '"$STEP" -q run --rm "$rootfs" sh -c "$script"\n'
  shows 'status [12]'
}

@test "-t -i wants a terminal" {
  run_step run -it "$rootfs" sh </dev/null
  assert_status 125
  assert_stderr_has ENOTTY
}

# --- exec -t ------------------------------------------------------------------

start_container() { "$STEP" -q run -d --name w "$rootfs" sleep 1000 >/dev/null; }

# The client of exec, not the guard of its terminal.
exec_on_terminal() { ps -o pid=,args= -t "${tty#/dev/}" | awk -v step="$STEP" '$2 == step && $4 == "exec" { print $1; exit }'; }

@test "exec -t: a terminal of its own, as large as ours" {
  start_container
  open_terminal 'stty rows 33 cols 99; exec "$STEP" -q exec -it w sh -c "tty; stty size; echo into-tty >/dev/tty; exit 5"'
  status=0
  wait "$terminal" || status=$?
  output=$(tr -d '\r' <"$screen")
  assert_status 5
  assert_output_has /dev/pts/0
  assert_output_has "33 99"
  assert_output_has "into-tty" "/dev/tty is there, so it is the controlling terminal."
}

@test "exec -t: what is typed goes through as it is, and our terminal is as it was afterwards" {
  start_container
  open_shell
  press '"$STEP" -q exec -it w sh\n'
  wait_until is_raw
  press 'echo from in""side\n'
  shows 'from inside'
  press 'sleep 123\n'
  wait_until eval '"$STEP" -q top w | grep -q "sleep 123"'
  press '\003'
  press 'echo status $?\n'
  shows 'status 130'
  stty -F "$tty" rows 41 cols 87
  press 'stty size\n'
  shows '41 87'
  press 'exit 4\n'
  wait_until is_as_before
  press 'echo ended $?\n'
  shows 'ended 4'
}

@test "exec -t: our terminal is put back if we are killed, or the container is" {
  start_container
  open_shell
  press '"$STEP" -q exec -it w sleep 1000\n'
  wait_until is_raw
  kill -KILL "$(exec_on_terminal)"
  wait_until is_as_before
  press '"$STEP" -q exec -it w sleep 1000\n'
  wait_until is_raw
  "$STEP" -q kill w >/dev/null
  wait_until is_as_before
  press 'echo ended $?\n'
  shows 'ended 137'
}

@test "exec -t: what puts our terminal back is no process of the container's" {
  start_container
  open_shell
  press '"$STEP" -q exec -it w sleep 1000\n'
  wait_until is_raw
  run "$STEP" -q top w
  assert_equal 3 "$(wc -l <<<"$output")" "There is the first process and the one that was asked for."
}
