#!/usr/bin/env bats
# What `run` promises: streams, statuses, files of ids, and that it leaves nothing.
# shellcheck disable=SC2154 # status, output and stderr are set by bats' run
# shellcheck disable=SC2016 # $ is for the container's shell
# shellcheck disable=SC2030,SC2031 # each test is a process of its own
# shellcheck disable=SC2317 # wait_until calls what is defined in a test

load ../helpers
load ../containers

# Whatever a test has left running; that this works is for 09-lifecycle.bats.
teardown()
{
  exec 8>&- 9>&-
  end_store
}

run_container() { run_step run "$@"; }

# start ARG…: a detached one, all of whose words are here; sets id.
start()
{
  id=$("$STEP" -q run -d "$@") || { fail "run -d $* failed"; return 1; }
}

listed() { "$STEP" -q ps -aq --no-trunc; }

assert_none_listed() { assert_equal "" "$(listed)" "No container may be listed."; }

state_of() { sed -n 's/^ *"'"$2"'": "\?\([^",]*\).*/\1/p' "$NSCTL_ROOT/containers/$1/state.json"; }

log_of() { sed 's/^[^ ]* \([^ ]*\) . /\1 /' "$NSCTL_ROOT/logs/$1.log"; }

first_process_of() { sed -n '/"init"/,/}/s/.*"pid": \([0-9]*\).*/\1/p' "$NSCTL_ROOT/containers/$1/state.json"; }
monitor_of() { sed -n '/"monitor"/,/}/s/.*"pid": \([0-9]*\).*/\1/p' "$NSCTL_ROOT/containers/$1/config.json"; }

# --- In the foreground ----------------------------------------------------------

@test "what it prints arrives, stdout and stderr apart, and its status is ours" {
  run_container "$rootfs" sh -c 'echo out; echo err >&2; exit 7'
  assert_status 7
  assert_equal out "$output"
  assert_equal err "$stderr"
  id=$(listed)
  assert_equal 64 "${#id}" "What has ended is listed until it is removed."
  assert_equal $'stderr err\nstdout out' "$(log_of "$id" | sort)" "All of it is in the log as well."
  assert_equal 7 "$(state_of "$id" exit_status)"
}

@test "without -i it reads nothing, with -i what we read, to the end and unchanged" {
  run "$STEP" -q run --rm "$rootfs" wc -c <<<"much"
  assert_equal 0 "${output// /}"
  run "$STEP" -q run --rm -i "$rootfs" cat < <(printf x)
  assert_equal x "$output"
  head -c 3000000 /dev/urandom >big
  "$STEP" -q run --rm -i "$rootfs" cat <big >copy
  cmp big copy || fail "What goes through a container and comes back must be what it was."
  # And who does not read is not waited for.
  run timeout 20 "$STEP" -q run --rm -i "$rootfs" true < <(head -c 1000000 /dev/zero)
  assert_status 0
}

@test "what can not be started has 126 or 127, and leaves nothing" {
  run_container "$rootfs" nosuch
  assert_status 127
  run_container "$rootfs" /etc
  assert_status 126
  run_container -d "$rootfs" nosuch
  assert_status 127 "Also where nobody but the monitor saw it."
  assert_stderr_has nosuch
  assert_none_listed
  assert_equal "" "$(ls "$NSCTL_ROOT/logs")"
}

@test "what is refused is refused before anything is made" {
  local row words
  while read -r row; do
    read -ra words <<<"$row"
    run_container "${words[@]}"
    assert_status 125 "run $row"
    [ ! -e "$NSCTL_ROOT" ] || fail "run $row: nothing may have been made."
  done <<END
--nmae web $rootfs
--name ../x $rootfs
--name -x $rootfs
--stop-signal NONE $rootfs
--log-max-size 1 $rootfs
--workdir relative $rootfs
--cidfile $rootfs $rootfs
-it $rootfs
nosuch
--rootfs nosuch
--net host -p 80:80 $rootfs
--host --upper $BATS_TEST_TMPDIR $rootfs
-m 10Q $rootfs
END
  run_container --nmae web "$rootfs"
  assert_stderr_has "did you mean --name?"
}

@test "DIR, --rootfs DIR, and the path of a program each say on what to run" {
  run_container --rm "$rootfs"
  assert_status 0 "The command is a shell where none is given, and it reads nothing."
  run_container --rm --rootfs "$rootfs" echo layers
  assert_equal layers "$output"
  requires idmap # 5.12; a view of the host takes an overlay in a user namespace, 5.11
  echo seen >marker
  run_container --rm /bin/sh -c "cat $BATS_TEST_TMPDIR/marker; echo changed >$BATS_TEST_TMPDIR/marker; cat $BATS_TEST_TMPDIR/marker"
  assert_equal $'seen\nchanged' "$output" "A view of the host has the host's files, and can be written to."
  assert_equal seen "$(cat marker)" "But the host's file stays as it is."
}

@test "simple is a shell in a view of the host, of which nothing stays" {
  requires idmap # as above
  echo seen >marker
  run --separate-stderr "$STEP" -q simple cat "$BATS_TEST_TMPDIR/marker"
  assert_equal seen "$output"
  run --separate-stderr "$STEP" -q simple <<<"rm $BATS_TEST_TMPDIR/marker; ls $BATS_TEST_TMPDIR; exit 3"
  assert_status 3 "Standard input is the shell's."
  assert_output_lacks marker
  assert_equal seen "$(cat marker)"
  assert_none_listed
}

@test "signals reach the command" {
  local signal
  for signal in TERM INT HUP USR1 USR2 QUIT; do
    mkfifo "$signal"
    # In an interactive-like way: a shell starts jobs with INT and QUIT ignored.
    env --default-signal=INT,QUIT "$STEP" -q run --rm "$rootfs" \
      sh -c "trap 'echo got $signal; exit 3' $signal; echo ready; while :; do sleep 0.05; done" >"$signal" &
    exec 9<"$signal"
    read -r line <&9
    assert_equal ready "$line"
    kill -s "$signal" $!
    status=0
    wait $! || status=$?
    read -r line <&9
    exec 9<&-
    assert_equal "got $signal" "$line"
    assert_status 3
  done
}

@test "a reader that has gone does not stop it: the log is whole, the status 141" {
  set +o pipefail
  "$STEP" -q run --name web "$rootfs" sh -c 'i=0; while [ $i -lt 20000 ]; do echo line $i; i=$((i + 1)); done; exit 5' | head -n 1 >first
  status=${PIPESTATUS[0]}
  assert_status 141 "128 and the number of SIGPIPE, as every program in a pipe has it."
  assert_equal "line 0" "$(cat first)"
  id=$(listed)
  assert_equal 20000 "$(grep -c ' stdout F ' "$NSCTL_ROOT/logs/$id.log")" "The container does not know, and prints on: into the log."
  assert_equal 5 "$(state_of "$id" exit_status)" "And ends as it does."
}

@test "a slow reader gets all of it, and the container's end is not kept back by it" {
  mkfifo slow
  "$STEP" -q run --name web --pidfile pid "$rootfs" sh -c 'head -c 60000 /dev/zero | tr "\0" x; exit 4' >slow &
  exec 9<slow
  ended() { [ "$("$STEP" -q inspect web 2>/dev/null | grep -c '"ExitCode": 4')" = 1 ]; }
  wait_until ended || fail "Nobody reads yet, and still it is written down how it ended."
  assert_equal 60000 "$(wc -c <&9)"
  status=0
  wait $! || status=$?
  assert_status 4
}

# --- Detached ---------------------------------------------------------------------

@test "run -d prints the id when it runs, and keeps nothing of ours open" {
  # The command substitution ends only when nobody has its pipe any more, nor that of stderr.
  exec 9> >(cat >left; echo end >>left)
  run timeout 20 bash -c '"$STEP" run -d --name web "$1" sleep 1000 2>&1 | tail -n 1' - "$rootfs"
  exec 9>&-
  wait_until grep -q end left || fail "Nor any other descriptor that it was started with."
  assert_status 0
  assert_output_matches '^[0-9a-f]{64}$'
  id=$output
  assert_equal running "$(state_of "$id" status)"
  kill -0 "$(first_process_of "$id")"
  monitor=$(monitor_of "$id")
  assert_equal $'/dev/null\n/dev/null\n/dev/null' "$(readlink "/proc/$monitor/fd/0" "/proc/$monitor/fd/1" "/proc/$monitor/fd/2")"
  assert_equal / "$(readlink "/proc/$monitor/cwd")" "Where it was started can be unmounted."
  assert_equal "" "$(find "/proc/$monitor/fd" -lname / -o -lname '*fscontext*')" "And so can what its root lies on."
  [ "$(ps -o sid= -p "$monitor")" -ne "$(ps -o sid= -p $$)" ] || fail "It must have a session of its own."
  [ "$(ps -o sid= -p "$monitor")" -ne "$monitor" ] || fail "And not lead that, or any terminal it opens would be its own."
  run_step stop -t 1 web
  assert_status 0
}

@test "what happens to who started it is nothing to it" {
  setsid bash -c '"$STEP" -q run -d --name web "$1" sleep 1000 >id; kill -HUP 0' - "$rootfs" || true
  id=$(cat id)
  assert_equal running "$(state_of "$id" status)"
  kill -0 "$(first_process_of "$id")"
}

@test "--rm leaves nothing, and who waits still hears how it ended" {
  start --rm "$rootfs" sh -c 'sleep 0.5; exit 6'
  run_step wait "$id"
  assert_equal 6 "$output"
  gone() { [ -z "$(listed)" ]; }
  wait_until gone
  # It is not listed any more a moment before all of it is taken away.
  empty() { [ -z "$(find "$NSCTL_ROOT/containers" "$NSCTL_ROOT/names" "$NSCTL_ROOT/logs" -mindepth 1)" ]; }
  wait_until empty || fail "Something is left: $(find "$NSCTL_ROOT/containers" "$NSCTL_ROOT/names" "$NSCTL_ROOT/logs" -mindepth 1)"
}

@test "a killed monitor takes its container with it, and ps says so at once" {
  start --name web "$rootfs" sleep 1000
  init=$(first_process_of "$id")
  kill -9 "$(monitor_of "$id")"
  ended() { ! kill -0 "$init" 2>/dev/null; }
  wait_until ended || fail "Nobody would reap it, nor know how it ends."
  run_step ps -a
  assert_output_matches 'web.*[Uu]nknown|[Uu]nknown.*web'
  run_step inspect web
  assert_output_has '"ExitCode": null'
  run_step rm -f web
  assert_status 0
  assert_clean
}

@test "--init reaps, and in a detached one keeps nothing open either" {
  run timeout 20 bash -c '"$STEP" run -d --init --name web "$1" sh -c "sleep 0.1 & exec sleep 1000" 2>&1 | tail -n 1' - "$rootfs"
  assert_status 0
  id=$output
  [ "$(id -u)" -eq 0 ] || return 0 # nobody else may look into it
  assert_equal "0 1 2 " "$(find "/proc/$(first_process_of "$id")/fd" -mindepth 1 -printf '%f\n' | sort | tr '\n' ' ')"
}

# --- Files, names, places -----------------------------------------------------------

# In /tmp, say, where others write, too.
@test "--pidfile follows no link that somebody has put there, and waits for nobody who reads a pipe" {
  local place
  echo victim >victim
  ln -s victim link && mkfifo pipe && mkdir directory
  for place in link pipe directory; do
    run --separate-stderr -- timeout -s KILL "${NSCTL_TEST_PATIENCE:-60}" "$STEP" -q run -d --name web --pidfile "$place" "$rootfs" sleep 1000
    assert_status 125 "$place"
    assert_stderr_has "$place"
    assert_none_listed
  done
  assert_equal victim "$(cat victim)"
  echo old-and-longer-than-a-number >here
  start --pidfile here "$rootfs" sleep 1000
  assert_equal "$(first_process_of "$id")" "$(cat here)" "The control: a file is written anew."
}

# A shell that was started by nohup(1), or is no terminal's, ignores some for what it starts with &.
@test "what was blocked or ignored where -d was typed is not so in the container" {
  local control how=(env --ignore-signal=HUP --ignore-signal=INT --ignore-signal=QUIT --ignore-signal=PIPE --block-signal=TERM --block-signal=USR1)
  # Of the 31 that have a name. Two more are the C library's own, which leaves them ignored in what it spawns.
  signals_of() # STATUS
  {
    local name mask
    while read -r name mask; do
      case $name in SigBlk: | SigIgn:) printf '%x ' $((16#${mask: -8} & 0x7fffffff)) ;; esac
    done <"$1"
  }
  "${how[@]}" sleep 1000 &
  wait_until grep -q sleep "/proc/$!/comm"
  control=$(signals_of "/proc/$!/status")
  kill -9 $!
  assert_equal "4200 1007 " "$control" "The control."
  id=$("${how[@]}" "$STEP" -q run -d --name web "$rootfs" sleep 1000)
  assert_equal "0 0 " "$(signals_of "/proc/$(first_process_of "$id")/status")"
  "${how[@]}" "$STEP" -q exec -d web cp /proc/self/status /status
  wait_until "$STEP" -q exec web grep SigCgt /status
  "$STEP" -q cp web:/status status
  assert_equal "0 0 " "$(signals_of status)" "exec -d"
}

# Which file may be how large is a limit of whoever typed it, and a log may become larger.
@test "a log that may not grow ends nobody's container" {
  id=$(ulimit -f 4 && "$STEP" -q run -d --name web "$rootfs" sh -c 'i=0; while [ $i -lt 500 ]; do echo "line $i"; i=$((i + 1)); done; exit 7')
  run_step wait web
  assert_equal 7 "$output" "The control is the size of its log: $(wc -c <"$NSCTL_ROOT/logs/$id.log")"
  [ "$(wc -c <"$NSCTL_ROOT/logs/$id.log")" -le 4096 ] || fail "The limit was none, and this says nothing."
  run_step inspect web
  assert_output_has "log incomplete"
  run_step logs web
  assert_stderr_has "could not be written to the log"
}

@test "--cidfile and --pidfile say who it is" {
  start --cidfile cid --pidfile pid "$rootfs" sleep 1000
  assert_equal "$id" "$(cat cid)"
  assert_equal "$(first_process_of "$id")" "$(cat pid)"
  run_container --cidfile cid "$rootfs" true
  assert_status 125
  assert_stderr_has EEXIST
  run_container --cidfile other "$rootfs" nosuch
  [ ! -e other ] || fail "There is no such container, so there is no file."
}

@test "a name belongs to one" {
  start --name web "$rootfs" sleep 1000
  run_container --name web "$rootfs" true
  assert_status 125
  assert_stderr_has "taken"
  assert_equal "$id" "$(listed)"
}

@test "variables: none of the host's, those of -e, and the hostname is its id" {
  SECRET=x run_container --rm -e A=b -e TAKEN --env-file <(printf '# no\nF=1 2\n') "$rootfs" env
  assert_output_lacks SECRET
  assert_output_has $'A=b'
  assert_output_has "F=1 2"
  start "$rootfs" sleep 1000
  run_container --rm --hostname box "$rootfs" sh -c 'hostname; echo $HOSTNAME'
  assert_equal $'box\nbox' "$output"
  run_step inspect "$id"
  assert_output_has "\"HOSTNAME=${id:0:12}\""
}

@test "-w: made where it is missing, and never out of the container" {
  run_container --rm -w /a/b/c "$rootfs" pwd
  assert_equal /a/b/c "$output"
  run_container --rm -w /etc "$rootfs" pwd
  assert_equal /etc "$output"
  # CVE-2024-21626: a descriptor of a directory that was left open.
  local fd
  exec 17</
  for fd in 2 3 4 7 17; do
    status=0
    "$STEP" -q run --rm -w "/proc/self/fd/$fd" "$rootfs" ls >out 2>/dev/null 17</ || status=$?
    ! grep -qx "${ROOT#/}" out || fail "That is the host's root."
    [ "$status" -ne 0 ] || [ "$fd" -lt 3 ] || fail "-w /proc/self/fd/$fd must be refused."
  done
  # That this can be an escape: with nothing but a new root and descriptor 17 it is one.
  requires root
  run unshare -m --pid --fork bash -c 'mount --bind "$0" "$0"; mkdir -p "$0/proc"; mount -t proc proc "$0/proc"
    exec chroot "$0" /bin/sh -c "cd /proc/self/fd/17 && stat -c %i ."' "$rootfs"
  assert_equal "$(stat -c %i /)" "$output" "The control: descriptor 17 leads out of a chroot."
  exec 17<&-
}

@test "no descriptor of ours is left open in it" {
  exec 9</etc/passwd
  run_container --rm "$rootfs" ls /proc/self/fd
  exec 9<&-
  assert_equal "0 1 2 3" "${output//$'\n'/ }" "And 3 is of ls itself."
  run_container --rm --init "$rootfs" ls -l /proc/1/fd
}

# What has #!/proc/self/exe for its interpreter opens our file inside (CVE-2019-5736). To write to it is another thing.
@test "while a container runs nobody writes to the program that watches it" {
  local space=() pid
  [ "$(id -u)" -ne 0 ] || space=(--userns host) # else root's files are nobody's inside
  cp "$STEP" mine
  ./mine -q run -d --name w --net none --init "${space[@]}" "$rootfs" /bin/sleep 1000 >/dev/null
  for pid in "$(field w MonitorPid)" "$(field w Pid)"; do
    run bash -c 'echo "#" >>"/proc/$0/exe"' "$pid"
    [ "$status" -ne 0 ] || fail "The program's file was written to, by its process $pid."
  done
  cmp "$STEP" mine
  "$STEP" -q rm -f w >/dev/null
  wait_until bash -c 'echo "#" 2>/dev/null >>mine'
  ! cmp -s "$STEP" mine || fail "The control: while nothing runs it can be written to."
}

@test "another user than root inside can open its streams by name, too" {
  run_container --rm -u 1000:1000 "$rootfs" sh -c 'echo out >/dev/stdout; echo err >/dev/stderr'
  assert_status 0
  assert_equal out "$output"
  assert_equal err "$stderr"
}

@test "what is written is in the record's directory, and the root stays as it is" {
  run_container --name web "$rootfs" sh -c 'echo kept >/kept; rm /etc/passwd'
  assert_status 0
  id=$(listed)
  [ ! -e "$rootfs/kept" ] && [ -e "$rootfs/etc/passwd" ] || fail "The layers are shared, and never written to."
  requires overlay idmap # else all is copied, into memory
  [ -e "$NSCTL_ROOT/containers/$id/upper/kept" ] || skip_where_memory
  assert_equal kept "$(cat "$NSCTL_ROOT/containers/$id/upper/kept")"
  run_container --name small --upper-size 1m "$rootfs" sh -c 'dd if=/dev/zero of=/big bs=1M count=3'
  assert_status 1 "--upper-size: in memory, and no more than that."
}

@test "the root opens no devices that an image has brought, read-only or not" {
  local option space spaces=("")
  [ "$(id -u)" -ne 0 ] || spaces+=("--userns host") # else a change of its flags must keep them
  for space in "${spaces[@]}"; do
    for option in "" --read-only; do
      # shellcheck disable=SC2086 # words each
      run_container --rm $space $option "$rootfs" awk '$5 == "/" { print $6 }' /proc/self/mountinfo
      assert_status 0
      assert_output_matches '(^|,)nodev(,|$)' "With $space $option a device in the image is the host's."
      [ -z "$option" ] || assert_output_matches '^ro,' "With $option it is to be looked at only."
    done
  done
}

skip_where_memory()
{
  stat -f -c %T "$NSCTL_ROOT" | grep -qE 'overlay|nfs' && skip "needs a file system that can be an upper layer"
  fail "What was written must be kept in $NSCTL_ROOT/containers/$id/upper."
}

# bats test_tags=v2
@test "a container that ran out of memory says so" {
  requires root memory
  run_container --name web -m 16m "$rootfs" sh -c 'tail -c 100m /dev/zero; exit $?'
  run_step inspect web
  assert_output_has '"OOMKilled": true'
}

# --- Attached ---------------------------------------------------------------------------

@test "who attaches reads along, is heard, and ends with the container's status" {
  start -i --name web "$rootfs" sh -c 'while read -r line; do echo "heard $line"; [ "$line" != bye ] || exit 9; done'
  mkfifo in
  "$STEP" -q attach web <in >one &
  first=$!
  exec 8>in
  "$STEP" -q attach --no-stdin web >two &
  second=$!
  # Who attaches hears what comes from then on, and it takes a moment until both have.
  both_hear() { echo hello >&8; sleep 0.1; grep -q 'heard hello' one && grep -q 'heard hello' two; }
  wait_until both_hear
  echo bye >&8
  status=0; wait $first || status=$?
  assert_status 9
  status=0; wait $second || status=$?
  assert_status 9
  assert_equal $'heard bye\nheard hello' "$(sort -u one)"
  assert_equal $'heard bye\nheard hello' "$(sort -u two)"
  assert_equal "stdout heard bye" "$(log_of "$id" | tail -n 1)"
}

@test "the end of what an attached one is told is the end of its input" {
  start -i "$rootfs" cat
  run "$STEP" -q attach "$id" < <(printf 'to the end')
  assert_equal "to the end" "$output"
  assert_status 0
}

@test "who attaches and stops reading is let go, and the container goes on" {
  start -i --name web "$rootfs" sh -c 'read -r go; head -c 2000000 /dev/zero | tr "\0" x; echo done >&2; read -r more'
  mkfifo in
  # shellcheck disable=SC2216 # that sleep does not read is the point
  "$STEP" -q attach web <in | sleep 1000 &
  slow=$!
  exec 8>in
  echo go >&8
  finished() { grep -q 'stderr F done' "$NSCTL_ROOT/logs/$id.log"; }
  wait_until finished || fail "Somebody who looks on and does not read must not stop it for ever."
  kill $slow
}

@test "a process of the host can not be attached to, nor one that has ended" {
  run_step attach nosuch
  assert_status 1
  run_container --name web "$rootfs" true
  run_step attach web
  assert_status 1
  assert_stderr_has "does not run"
}

# --- As a user -----------------------------------------------------------------------------

@test "a user's containers are the user's" {
  requires unprivileged
  local home=$BATS_TEST_TMPDIR/home
  mkdir -m 0777 "$home"
  as_user env NSCTL_ROOT="$home/root" "$STEP" -q run -d --name web --net none "$rootfs" sh -c 'echo mine >/mine; exec sleep 1000' >id
  run --separate-stderr as_user env NSCTL_ROOT="$home/root" "$STEP" -q ps
  assert_output_has web
  run --separate-stderr as_user env NSCTL_ROOT="$home/root" "$STEP" -q stop -t 0 web
  assert_status 0
  run --separate-stderr as_user env NSCTL_ROOT="$home/root" "$STEP" -q run --rm -i "$rootfs" cat <<<"through it"
  assert_equal "through it" "$output"
  run --separate-stderr as_user env NSCTL_ROOT="$home/root" "$STEP" -q rm web
  assert_status 0
  assert_equal "" "$(ls "$home/root/containers")"
}
