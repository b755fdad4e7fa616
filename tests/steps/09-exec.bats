#!/usr/bin/env bats
# shellcheck disable=SC2016 # what looks like an expansion is for a shell inside
# shellcheck disable=SC2030,SC2031 # each test is a process of its own
# shellcheck disable=SC2154 # status, output and stderr are set by bats' run
#
# Step 09: one more command in a container that is running, and what a hostile container could make of it.
#
# What an attacker inside would do, tests/attacker.c does. Each attack has its control: the same one with that defence
# off, by strace, which has the kernel say that a call was made without making it; or done to nsenter, which has none.

load ../helpers
load ../containers

# step_exec ARG…: step-09 -q exec ARG…, with status, output and stderr.
step_exec()
{
  run_step exec "$@"
}

# The number of the container's first process, on the host.
init_of()
{
  "$STEP" -q top "$1" | awk '$2 == 1 { print $1 }'
}

# enter COMMAND…: what is done by one who joins w's namespaces, and takes care of nothing. All of them, but a user may
# not set a clock.
enter()
{
  local enter_words
  set_enter_words
  "${enter_words[@]}" "$@"
}

set_enter_words()
{
  enter_words=(nsenter -t "$(init_of w)" -a)
  [ "$(id -u)" -eq 0 ] || enter_words=(nsenter -t "$(init_of w)" --preserve-credentials -U -m -p -i -u -n)
}

# The root file system with the attacker in it, as $rootfs; nsctl's own is left alone.
make_hostile_rootfs()
{
  requires compiler
  cp -a "$rootfs" rootfs
  rootfs=$PWD/rootfs
  "${CC:-cc}" -O1 -static -D_GNU_SOURCE -o "$rootfs/attacker" "$ROOT/tests/attacker.c"
  # What our own program would need, were it executed in there.
  local library
  for library in $(ldd "$STEP" 2>/dev/null | grep -o '/[^ ]*' || true); do
    cp -L --parents "$library" "$rootfs"
  done
}

# counts: "refused N opened N writable N traced N", as the attacker in the container "w" has them.
counts()
{
  "$STEP" -q cp w:/counts - | tar xO
}

@test "it is where the container's first process is" {
  start w
  step_exec w sh -c 'for n in cgroup ipc mnt net pid user uts; do readlink /proc/1/ns/$n; readlink /proc/self/ns/$n; done'
  assert_status 0 "A command must get to where the container is, or not run at all."
  assert_equal 7 "$(sort -u <<<"$output" | wc -l)" "Each of its seven namespaces must be that of the container's first process."
  [ "$(wc -l <<<"$output")" -eq 14 ] || fail "$output"
  for line in $output; do
    [[ $line == mnt:* || $line == pid:* ]] || continue
    [ "$line" != "$(readlink "/proc/self/ns/${line%%:*}")" ] || fail "That is the host's: $line"
  done
}

# bats test_tags=v2
@test "it is in the container's cgroup" {
  requires cgroup-write pids
  start w
  "$STEP" -q exec w sleep 500 &
  wait_until eval '"$STEP" -q top w | grep -q "sleep 500"'
  local pid
  pid=$("$STEP" -q top w | awk '/sleep 500/ { print $1 }')
  assert_equal "$(sort "/proc/$(init_of w)/cgroup")" "$(sort "/proc/$pid/cgroup")" "Limits and kill are for whoever is in the cgroup."
  grep -q /nsctl/ "/proc/$pid/cgroup" || fail "The control: it is a cgroup of its own."
}

@test "capabilities, no_new_privs and filter are those of run" {
  local options expected all=("" "--cap-add NET_ADMIN" "--cap-drop ALL" "--user 1000:1000" "--privileged" "--init"
    "--security-opt seccomp=unconfined" "--security-opt no-new-privileges=false")
  [ "$(id -u)" -ne 0 ] || all+=("--userns host")
  for options in "${all[@]}"; do
    # shellcheck disable=SC2086
    start w $options -- sh -c 'grep -E "^(Cap|Seccomp|NoNewPrivs)" /proc/self/status >/dev/shm/run; exec sleep 1000'
    wait_until "$STEP" -q exec w grep -q Seccomp_filters /dev/shm/run
    expected=$("$STEP" -q exec w cat /dev/shm/run)
    step_exec w grep -E "^(Cap|Seccomp|NoNewPrivs)" /proc/self/status
    assert_equal "$expected" "$output" "What is executed later has what the first command has: run $options"
    assert_output_matches $'CapInh:\t0{16}' "Nothing is inheritable: CVE-2022-27650."
    "$STEP" -q rm -f w >/dev/null
  done
  # The control: one who just enters keeps what he has.
  start w
  expected=$(grep -E "^(Cap|Seccomp|NoNewPrivs)" "/proc/$(init_of w)/status")
  run enter grep -E "^(Cap|Seccomp|NoNewPrivs)" /proc/self/status
  assert_status 0
  [ "$output" != "$expected" ] || fail "The control: nsenter(1) gives nothing up."
}

@test "the filter is the one that the container was started with" {
  start w
  step_exec w unshare -U true
  [ "$status" -ne 0 ] || fail "Under the default filter nobody makes a namespace."
  "$STEP" -q rm -f w >/dev/null
  start w --security-opt seccomp=unconfined
  step_exec w unshare -U true
  assert_status 0 "The control: without the filter that works."
  "$STEP" -q rm -f w >/dev/null
  start w
  truncate -s -1 "$NSCTL_ROOT"/containers/*/seccomp
  step_exec w true
  assert_status 125 "What is left of it is another filter."
  assert_stderr_has "seccomp is damaged"
  rm "$NSCTL_ROOT"/containers/*/seccomp
  step_exec w true
  assert_status 125 "That the filter is gone must not mean that there is none."
  assert_stderr_has seccomp
}

@test "the limits of processes are those of run" {
  start w --ulimit nofile=77:99 --ulimit core=0
  step_exec w sh -c 'ulimit -Sn; ulimit -Hn; ulimit -c'
  assert_equal $'77\n99\n0' "$output"
}

@test "its exit status is the command's" {
  start w
  step_exec w sh -c 'exit 7'
  assert_status 7
  step_exec w /nonesuch
  assert_status 127
  assert_stderr_has "no such file"
  step_exec w /etc
  assert_status 126
  step_exec w sh -c 'kill -9 $$'
  assert_status 137
}

@test "it reads what we do with -i, and nothing without" {
  start w
  run_step exec -i w cat <<<"some words"
  assert_output_has "some words"
  run_step exec w cat <<<"some words"
  assert_status 0
  assert_equal "" "$output" "Without -i there is nothing to be read."
}

@test "signals reach it" {
  start w
  "$STEP" -q exec w sh -c 'trap "exit 9" TERM; touch /dev/shm/ready; while :; do sleep 0.1; done' &
  local pid=$!
  wait_until "$STEP" -q exec w test -e /dev/shm/ready
  kill -TERM "$pid"
  run wait "$pid"
  wait "$pid" || assert_equal 9 $?
}

@test "killed with -9, it takes the command with it" {
  local pid user users=(0)
  [ "$(id -u)" -ne 0 ] || users+=(1000) # who becomes another is no more told of it, unless that is asked for again
  start w
  for user in "${users[@]}"; do
    "$STEP" -q exec -u "$user" w sleep 321 &
    pid=$!
    wait_until eval '"$STEP" -q top w | grep -q "sleep 321"'
    kill -9 "$pid"
    wait_until eval '! "$STEP" -q top w | grep -q "sleep 321"' || fail "As the user $user it goes on."
  done
}

@test "its umask is 0022, whatever ours is" {
  start w
  output=$(umask 0177 && "$STEP" -q exec w sh -c 'umask; : >/dev/shm/new; stat -c %a /dev/shm/new')
  assert_equal $'0022\n644' "$output"
}

@test "what reads nothing reads the container's null device, and no file that is called so" {
  requires root # elsewhere it is a mount of the host's, which nobody inside takes away
  start w --userns host
  step_exec w sh -c 'stat -L -c %t:%T /proc/self/fd/0; echo x >/dev/null'
  assert_equal "1:3" "$output"
  step_exec w sh -c 'rm /dev/null; echo from the container >/dev/null'
  assert_status 0
  step_exec w cat
  assert_status 125
  assert_stderr_has "/dev/null in the container is not the null device"
  step_exec -i w cat <<<"ours"
  assert_equal ours "$output" "Who needs none does not look for it."
}

@test "the environment is the container's, and what was asked for" {
  echo 'FROM_FILE=f' >file
  start w -e ONE=run -e TWO=run
  SECRET=host run_step exec -e TWO=exec -e LATER --env-file file w env
  assert_output_has ONE=run
  assert_output_has TWO=exec
  assert_output_has FROM_FILE=f
  assert_output_has PATH=/
  assert_output_lacks SECRET "Nothing of the host's environment may get in."
  LATER=now run_step exec -e LATER w sh -c 'echo $LATER'
  assert_equal now "$output" "A name alone is our own variable."
}

@test "--user, and whose HOME it is" {
  start w
  step_exec -u 1000:1001 w sh -c 'id -u; id -g; echo $HOME'
  assert_equal $'1000\n1001\n/' "$output"
  local user
  for user in 1x '' -1 4294967295 0:; do
    step_exec -u "$user" w true
    assert_status 125 "-u '$user' must be refused."
  done
}

@test "-d: it goes on without us, with its user; what can not be started is told" {
  start w
  run_step exec -d -u 1000 w sleep 322
  assert_status 0
  assert_equal "" "$output$stderr"
  wait_until eval '"$STEP" -q top w | grep -q "sleep 322"'
  run_step exec -d w /nonesuch
  assert_status 127
  assert_stderr_has "no such file"
  run_step exec -u 1000 w sh -c 'for fd in 0 1 2; do readlink /proc/"$(pidof sleep | tr " " "\n" | sort -n | tail -n 1)"/fd/$fd; done'
  assert_equal "/dev/null /dev/null /dev/null" "${output//$'\n'/ }"
}

@test "who is not running is not entered" {
  step_exec nobody true
  assert_status 1
  start w -- true
  wait_until eval '[ -z "$("$STEP" -q ps -q)" ]'
  step_exec w true
  assert_status 1
  assert_stderr_has "not running"
}

# bats test_tags=v2
@test "who is paused is not entered" {
  start w
  "$STEP" -q pause w >/dev/null || skip "needs a freezer"
  step_exec w true
  assert_status 1
  assert_stderr_has paused
  "$STEP" -q unpause w >/dev/null
  step_exec w true
  assert_status 0
}

@test "what makes no sense is refused" {
  start w
  step_exec
  assert_status 125
  step_exec w
  assert_status 125
  step_exec --detatch w true
  assert_status 125
  assert_stderr_has "did you mean --detach"
  step_exec -w somewhere w true
  assert_status 125
  step_exec -it w true </dev/null
  assert_status 125
  assert_stderr_has ENOTTY
  step_exec w -t
  assert_status 127 "Options end at the container's name: what follows is the command."
}

# bats test_tags=v2
@test "the log is true" {
  requires root strace # what a process wrote that may not be looked into, only root's strace shows
  start w
  assert_log_true exec w true
  assert_status 0
  "$STEP" -q rm -f w >/dev/null
  start w --userns host
  assert_log_true exec w true
  assert_status 0
  assert_stderr_has "kept out of the container" "Whose root is the host's does not get to see it."
}

@test "an ordinary user enters a container of one's own, with --init too" {
  requires unprivileged
  mkdir "$NSCTL_ROOT" && chown "$(as_user id -u):$(as_user id -g)" "$NSCTL_ROOT"
  local option
  for option in --rm --init; do
    as_user env "NSCTL_ROOT=$NSCTL_ROOT" "$STEP" -q run -d --net none "$option" --name u "$rootfs" /bin/sleep 1000 >/dev/null
    run as_user env "NSCTL_ROOT=$NSCTL_ROOT" "$STEP" -q exec u sh -c 'id -u; readlink /proc/self/ns/user'
    assert_output_matches '^0' "run $option"
    run as_user env "NSCTL_ROOT=$NSCTL_ROOT" "$STEP" -q top u
    assert_output_has "sleep 1000"
    as_user env "NSCTL_ROOT=$NSCTL_ROOT" "$STEP" -q rm -f u >/dev/null
  done
}

# --- Faults -------------------------------------------------------------------

only_its_own_is_there()
{
  [ "$("$STEP" -q top w | wc -l)" -eq 2 ]
}

set_up_calls=pipe2,setns,clone3,setgroups,setresgid,setresuid,setsid,dup3,close_range,chdir,keyctl,capset,seccomp

exec_fails_at()
{
  run_with_error "$1" EPERM "${@:2}"
  assert_status 125 "What can not be had must not be done without: $1"
  assert_stderr_has EPERM
  wait_until only_its_own_is_there
}

@test "each of its calls made to fail: that is said, and nothing has run" {
  requires strace
  start w
  for_each_call "$set_up_calls" exec_fails_at exec w /bin/true
}

exec_is_killed_at()
{
  run_with_kill "$1" "${@:2}"
  wait_until only_its_own_is_there
}

@test "killed at each of its calls it leaves nothing inside, and the container runs" {
  requires strace
  start w
  for_each_call "$set_up_calls,prctl" exec_is_killed_at exec w /bin/true
  step_exec w true
  assert_status 0
}

# --- Attacks ------------------------------------------------------------------

@test "nothing that we have open gets in" {
  start w
  echo secret >secret
  run bash -c 'exec 9<secret 17</ && exec "$STEP" -q exec w ls /proc/self/fd'
  assert_equal "0 1 2 3" "${output//$'\n'/ }" "There must be 0, 1, 2 and the one by which ls reads the directory."
  # The control: nsenter(1) hands on what it has.
  exec 17</
  run enter ls /proc/self/fd
  exec 17<&-
  assert_output_has 17 "The control."
}

@test "a directory that is open on the host is no way out" {
  start w
  local way
  for way in /proc/self/fd/17 /proc/self/fd/3 /proc/self/fd/0; do
    run bash -c 'cd / && exec 17</ 3</ 0</ && exec "$STEP" -q exec -w "$1" w cat etc/hostname' - "$way"
    assert_status 125 "exec -w $way must be refused, or lead nowhere: CVE-2024-21626."
  done
  for fd in 0 1 2; do
    run bash -c 'exec "$STEP" -q exec -i w ls 2>&1 '"$fd</"
    assert_status 125 "A directory as descriptor $fd is one to begin from."
  done
  # The control: who enters and stays where he is, is on the host.
  cd "$ROOT" || return
  run enter --wd=. ls -d common
  assert_equal common "$output" "The control."
}

@test "a directory outside is recognised" {
  requires strace
  start w
  # close_range(2) is said to have worked, and has closed nothing.
  run bash -c 'exec 17</ && exec strace -f -o /dev/null -e trace=close_range -e inject=close_range:retval=0 \
    "$STEP" -q exec -w /proc/self/fd/17 w cat etc/hostname'
  assert_status 125 "The kernel says that this is not below the root."
  assert_output_has "out of the container"
}

@test "the program's file can not be opened by who is inside, nor can it be traced" {
  requires strace
  local before i deadline
  make_hostile_rootfs
  before=$(sha256sum "$STEP")
  start w --cap-add SYS_PTRACE --security-opt seccomp=unconfined -- \
    /attacker watch /counts "$(basename "$STEP" | cut -c1-15)"
  # Whoever enters is given little of the processor, so that the attacker has its turn meanwhile, whatever else goes on.
  for ((i = 0; i < 60; i++)); do nice -n 19 "$STEP" -q exec w true; done
  # And once for long: the child waits to be let go on.
  strace -o /dev/null -e trace=write -e inject=write:delay_enter=200000 "$STEP" -q exec w true
  run counts
  assert_output_matches 'refused [1-9][0-9]* ' "The attacker must have seen somebody enter, or this says nothing."
  assert_output_has "opened 0 writable 0 traced 0" "Nobody inside looks into a process that enters: CVE-2019-5736, CVE-2016-9962."
  # The control: whoever makes the child is told that this was done. (So is all else that it asks of prctl(2); the
  # command is not executed in the end.) Here, too, the child has to wait.
  [ "$(id -u)" -eq 0 ] || return 0 # a user's has no cgroups to enter, and is not met in the short time that it takes
  deadline=$((SECONDS + ${NSCTL_TEST_PATIENCE:-60}))
  while ((SECONDS < deadline)); do
    strace -o /dev/null -e trace=prctl,write -e inject=prctl:retval=0 -e inject=write:delay_enter=200000 "$STEP" -q exec w true 2>/dev/null || true
    [[ $(counts) == *"opened 0 "* ]] || [[ $(counts) == *"traced 0"* ]] || break
  done
  run counts
  assert_output_lacks "opened 0 " "The control: without PR_SET_DUMPABLE its file can be opened."
  assert_output_lacks "traced 0" "The control: without PR_SET_DUMPABLE it can be traced."
  assert_equal "$before" "$(sha256sum "$STEP")"
}

# as_owner COMMAND…: the user whose program and container it is; with $owner, root.
as_owner()
{
  if [ "${owner:-}" = root ]; then
    "$@"
  else
    as_user env "NSCTL_ROOT=$NSCTL_ROOT" "$@"
  fi
}

# The owner's own program enters a container of the owner's, in which an attacker waits for #!/proc/self/exe; until the
# attacker has its file open. What it prints goes to a pipe that is full for a moment, so that it does not end at once.
enter_by_own_program()
{
  local i space=()
  [ "${owner:-}" != root ] || space=(--userns host)
  as_owner "${starter:-$STEP}" -q run -d --net none "${space[@]}" --name w --rootfs "$rootfs" -- /attacker seize /counts x >/dev/null
  for ((i = 0; i < 20; i++)); do
    as_owner bash -c '{ head -c 65536 /dev/zero; exec "$@"; } 2>&1 | { sleep 0.3; cat >/dev/null; }' - \
      "$@" ./bin/mine -q exec w /evil
    as_owner "$STEP" -q cp w:/counts counts
    ! grep -q 'opened 1' counts || break
  done
  sleep 1 # the time that it has to write to that
  as_owner "$STEP" -q cp w:/counts counts
  as_owner "$STEP" -q rm -f w >/dev/null
}

@test "a script #!/proc/self/exe does not hand our program out" {
  requires unprivileged strace
  make_hostile_rootfs
  printf '#!/proc/self/exe\n' >"$rootfs/evil"
  chmod 755 "$rootfs/evil"
  mkdir bin "$NSCTL_ROOT"
  cp "$STEP" bin/mine
  chown -R "$(as_user id -u):$(as_user id -g)" bin "$NSCTL_ROOT" .
  local before
  before=$(sha256sum bin/mine)
  enter_by_own_program
  assert_equal "opened 1 writable 0" "$(grep -o 'opened.*writable [0-9]*' counts)" "It could be opened, being executed in there, but is a sealed copy."
  assert_equal "$before" "$(sha256sum bin/mine)" "CVE-2019-5736"
  # The control: our own file is said to be sealed already.
  enter_by_own_program strace -o /dev/null -e trace=fcntl -e inject=fcntl:retval=15
  assert_equal "opened 1 writable 1" "$(grep -o 'opened.*writable [0-9]*' counts)" "The control: without a copy the file is written to."
  [ "$before" != "$(sha256sum bin/mine)" ] || fail "The control."
}

@test "nor does it where root inside is root outside, who may change the mode of each file" {
  requires root strace
  local owner=root file way starter
  make_hostile_rootfs
  printf '#!/proc/self/exe\n' >"$rootfs/evil"
  chmod 755 "$rootfs/evil"
  mkdir bin
  cp "$STEP" bin/mine
  file="755 $(sha256sum bin/mine)"
  # By the read-only mount of it, its monitor's if that is of the same file, and where none can be had, by the copy.
  for way in 0 monitor EPERM; do
    starter=$STEP
    [ "$way" != monitor ] || starter=./bin/mine
    if [ "$way" != EPERM ]; then
      enter_by_own_program
    else
      enter_by_own_program strace -o trace -e trace=open_tree,execveat -e inject=open_tree:error=EPERM
      grep -q execveat trace || fail "It has to be executed anew."
    fi
    assert_equal "opened 1 writable 0" "$(grep -o 'opened.*writable [0-9]*' counts)" "It could be opened, being executed in there, but nobody can write to what was opened."
    assert_equal "$file" "$(stat -c %a bin/mine) $(sha256sum bin/mine)" "CVE-2019-5736"
  done
  # The control: as above.
  enter_by_own_program strace -o /dev/null -e trace=fcntl -e inject=fcntl:retval=15
  assert_equal "opened 1 writable 1" "$(grep -o 'opened.*writable [0-9]*' counts)" "The control: without either the file is written to."
  assert_equal 757 "$(stat -c %a bin/mine)" "The control: and its mode is another."
}

# The owner's own program starts /evil, by a loader that is the container's. Whether that could let others write to it.
run_by_own_program()
{
  run as_owner "$@" ./bin/mine -q run --rm --net none --rootfs "$rootfs" "${space[@]}" -- /evil
}

@test "the first process can be such a script, and its loader the container's: neither does that" {
  requires unprivileged strace
  local loader before owner space=()
  make_hostile_rootfs
  loader=$(ldd "$STEP" 2>/dev/null | grep -o '/[^ ]*/ld-[^ ]*' | head -n 1)
  [ -n "$loader" ] || skip "a static program is loaded by nobody"
  "${CC:-cc}" -O1 -static -nostdlib -ffreestanding -fno-stack-protector -o "$rootfs$loader" "$ROOT/tests/loader.c"
  printf '#!/proc/self/exe\n' >"$rootfs/evil"
  chmod 755 "$rootfs/evil"
  mkdir bin "$NSCTL_ROOT"
  cp "$STEP" bin/mine
  for owner in user root; do
    [ "$owner" = user ] || [ "$(id -u)" -eq 0 ] || continue
    [ "$owner" = root ] || chown -R "$(as_user id -u):$(as_user id -g)" bin "$NSCTL_ROOT" .
    [ "$owner" = user ] || chown -R 0:0 bin "$NSCTL_ROOT" . "$rootfs"
    [ "$owner" = user ] || space=(--userns host)
    run_by_own_program
    # Of a copy in memory the mode can be changed, for all the good that does; of the file on a read-only mount not.
    [[ $status == 4[23] ]] || fail "As $owner: the loader must have run, and found a file: $status, $output"
    assert_equal 755 "$(stat -c %a bin/mine)" "As $owner: the program's file was given to everybody."
    # The control: our own file is said to be sealed already. (Below a user's strace newuidmap has no powers, and is not asked.)
    run_by_own_program setpriv --no-new-privs strace -f -o /dev/null -e trace=fcntl -e inject=fcntl:retval=15
    assert_status 42 "The control: as $owner it can be done: $output"
    assert_equal 757 "$(stat -c %a bin/mine)" "The control: whoever there is on the host writes to it, from now on."
    chmod 755 bin/mine
  done
  # Nobody in a container of root's that has ids of its own is who has that file: it is not executed anew, and need not.
  [ "$(id -u)" -eq 0 ] || return 0
  space=()
  run_by_own_program
  assert_status 43
  assert_equal 755 "$(stat -c %a bin/mine)"
}

@test "who is root outside has the file, and nobody inside does: then it is not executed anew" {
  requires root strace
  cp "$STEP" mine # root's, whoever has built it
  local STEP=$PWD/mine
  start w
  strace -f -o trace -e trace=execveat "$STEP" -q exec w true
  ! grep -q execveat trace || fail "A file of root's is out of reach of ids that are not root's."
  "$STEP" -q rm -f w >/dev/null
  start w --userns host
  strace -f -o trace -e trace=execveat,open_tree "$STEP" -q exec w true
  grep -q execveat trace || fail "Where root inside is root outside it is needed."
  # What is mounted nowhere is called "/"; of a copy (before Linux 5.12) nobody can tell whose it is.
  if [ "$(readlink "/proc/$("$STEP" inspect -f '{{.State.MonitorPid}}' w)/exe")" = / ]; then
    ! grep -q open_tree trace || fail "The monitor comes from such a mount of the same file: another is made for nothing."
    cp "$STEP" another
    strace -f -o trace -e trace=execveat,open_tree ./another -q exec w true
    grep -q open_tree trace || fail "Its monitor's program is another than what runs now."
  fi
  # The first process of all can be such a script, too; by a loader that is the container's it changes our file's mode.
  strace -o trace -e trace=execveat "$STEP" -q run --rm --net none --userns host "$rootfs" true
  grep -q execveat trace || fail "And so it is where a container is started."
}

# Whoever shares the number with a process may read its words.
@test "the init of a container does not tell with which words it was started" {
  start w --init -e SECRET=sesame -v "$PWD:/host" -- sleep 1000
  run_step exec w cat /proc/1/cmdline
  assert_status 0
  [[ $(tr '\0' ' ' <"/proc/$(pgrep -f 'run -d --name w.*sesame' | head -n 1)/cmdline") == *SECRET=sesame* ]] || fail "The control: on the host it does."
  assert_equal "$(basename "$STEP")" "$(tr -d '\0' <<<"$output")" "Neither a secret nor a path of the host's."
  assert_equal sleep "$("$STEP" -q exec w cat /proc/2/comm)" "The command is what was asked for."
}

@test "who is executed anew is given the words that we were" {
  local space=()
  [ "$(id -u)" -ne 0 ] || space=(--userns host) # else there would be none
  start w "${space[@]}"
  run_step exec -iu 0:0 -eA=1 w sh -c 'cat; echo $A' <<<"some words"
  assert_status 0 "Letters that stand together must not be taken apart where they stand."
  assert_equal $'some words\n1' "$output"
  run_step run --rm --net none "${space[@]}" --env-file <(echo B=2) "$rootfs" sh -c 'echo $B'
  assert_equal 2 "$output" "What can be read only once is read by who comes last."
}

@test "what a name means is not asked of the container's libraries" {
  requires compiler
  make_hostile_rootfs
  local directory
  for directory in lib/x86_64-linux-gnu lib64 lib usr/lib lib/aarch64-linux-gnu; do
    mkdir -p "$rootfs/$directory"
    cc -shared -fPIC -nostdlib -o "$rootfs/$directory/libnss_evil.so.2" -x c - <<'EVIL'
#include <asm/unistd.h>
__attribute__((constructor)) static void mark(void)
{
    static const char path[] = "/marker";
#if defined __x86_64__
    long result = __NR_mkdir;
    __asm__ volatile("syscall" : "+a"(result) : "D"(path), "S"(0700) : "rcx", "r11", "memory");
#else
    register long x8 __asm__("x8") = __NR_mkdirat;
    register long x0 __asm__("x0") = -100;
    register const char *x1 __asm__("x1") = path;
    register long x2 __asm__("x2") = 0700;
    __asm__ volatile("svc 0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2) : "memory");
#endif
}
EVIL
  done
  printf 'passwd: evil files\ngroup: evil files\n' >"$rootfs/etc/nsswitch.conf"
  printf 'root:x:0:0:root:/root:/bin/sh\napp:x:1000:1000::/:/bin/sh\n' >"$rootfs/etc/passwd"
  printf 'app:x:1000:\n' >"$rootfs/etc/group"
  start w
  step_exec -u app:app w id -u
  assert_equal 1000 "$output"
  "$STEP" -q cp "$ROOT/Makefile" w:/tmp
  "$STEP" -q cp w:/etc/passwd here
  step_exec w test -e /marker
  assert_status 1 "A library of the container's was loaded by a process of ours: CVE-2019-14271."
  # The control: a program that asks the C library, in that root.
  cat >asks.c <<'ASKS'
#include <pwd.h>
#include <unistd.h>
int main(int argc, char **argv)
{
    (void)argc;
    return chroot(argv[1]) == 0 && chdir("/") == 0 && getpwnam("app") != NULL ? 0 : 1;
}
ASKS
  "${CC:-cc}" -o asks asks.c
  unshare -r ./asks "$rootfs" || true
  [ -e "$rootfs/marker" ] || fail "The control: getpwnam(3) loads what nsswitch.conf names."
}

@test "it can not type into our terminal" {
  requires script
  [ "$(cat /proc/sys/dev/tty/legacy_tiocsti 2>/dev/null || echo 1)" = 1 ] ||
    skip "needs the sysctl dev.tty.legacy_tiocsti to be 1: this kernel lets nobody do it"
  make_hostile_rootfs
  start w --security-opt seccomp=unconfined
  script -qec "\"$STEP\" -q exec -i w /attacker type" /dev/null </dev/null >said
  assert_equal "-1" "$(tr -d '\r\n' <said)" "Only whose own terminal it is may have it think that somebody typed (EPERM)."
  local enter_words
  set_enter_words
  script -qec "${enter_words[*]} /attacker type" /dev/null </dev/null >said
  assert_equal 0 "$(tr -d '\r\nx' <said)" "The control: in our session it can."
}
