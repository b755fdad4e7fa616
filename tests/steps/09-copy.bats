#!/usr/bin/env bats
# shellcheck disable=SC2016 # what looks like an expansion is for a shell inside
# shellcheck disable=SC2030,SC2031 # each test is a process of its own
# shellcheck disable=SC2154 # status, output and stderr are set by bats' run
#
# Step 09: files into a container and out of it, what it has changed, which processes it has.

load ../helpers
load ../containers

inside()
{
  "$STEP" -q exec w "$@"
}

# A tree with one of each: files, a directory, links of both kinds, a pipe, odd names and modes.
make_tree()
{
  mkdir -p tree/sub/empty
  echo one >tree/one
  echo "with blanks" >"tree/a name"$'\n'"of two lines"
  head -c 300000 /dev/urandom >tree/sub/random
  ln tree/one tree/sub/same
  ln -s ../one tree/sub/link
  ln -s /etc/passwd tree/absolute
  mkfifo tree/pipe
  chmod 751 tree/sub
  chmod 600 tree/one
  touch -d '2020-02-03 04:05:06' tree/one tree/sub
}

# describe DIRECTORY: all that a copy has to keep, one line a file.
describe()
{
  (cd "$1" && find . -printf '%p %y %m %l %n %Ts\n' | LC_ALL=C sort &&
    find . -type f -exec sha256sum {} + | LC_ALL=C sort -k 2)
}

@test "who ignores SIGCHLD can copy all the same" {
  start w
  echo text >file
  run env --ignore-signal=CHLD "$STEP" -q cp file w:/tmp/
  assert_status 0 "Children whose end is ignored leave no status: $output"
  run env --ignore-signal=CHLD "$STEP" -q cp w:/tmp/file copied
  assert_status 0
  assert_equal text "$(cat copied)"
}

@test "a tree goes in and comes out as it was" {
  make_tree
  start w
  run_step cp tree w:/srv
  assert_status 0
  assert_equal "" "$output$stderr"
  run_step cp w:/srv back
  assert_status 0
  assert_equal "$(describe tree)" "$(describe back)"
}

@test "where it goes: into a directory that is there, else under that name; or what is in it" {
  make_tree
  start w
  inside mkdir /there
  run_step cp tree w:/there
  assert_status 0
  inside test -f /there/tree/one
  run_step cp tree/. w:/there
  inside test -f /there/one
  run_step cp tree/one w:/there/two
  inside test -f /there/two
  run_step cp tree/one w:/there/sub/
  inside test -f /there/sub/one
  run_step cp tree/one w:/nowhere/one
  assert_status 1 "There is no such directory."
  assert_stderr_has ENOENT
  run_step cp tree w:/there/two
  assert_status 1 "A directory does not replace a file."
  run_step cp tree/one w:/there/tree
  assert_status 0
  run_step cp w:/there/two .
  assert_equal "one" "$(<two)"
  echo longer than that >two
  run_step cp w:/there/two two
  assert_equal "one" "$(<two)" "What is there is replaced."
}

@test "a link is copied as one, or with -L what it leads to" {
  start w
  inside sh -c 'echo text >/tmp/file; ln -s file /tmp/link; ln -s / /tmp/root'
  run_step cp w:/tmp/link .
  assert_equal file "$(readlink link)"
  run_step cp -L w:/tmp/link followed
  assert_equal text "$(<followed)"
  [ ! -L followed ] || fail "With -L it is no link."
}

@test "- is a stream of tar's" {
  make_tree
  start w
  tar c tree | "$STEP" -q cp - w:/tmp
  inside test -f /tmp/tree/sub/random
  mkdir back
  "$STEP" -q cp w:/tmp/tree - | tar x -C back
  assert_equal "$(describe tree)" "$(describe back/tree)"
  run bash -c '"$STEP" -q cp - w:/nowhere <<<""'
  assert_status 1
  run bash -c 'tar c tree | head -c 100000 | "$STEP" -q cp - w:/tmp'
  assert_status 1 "An archive that ends too early is not one that has arrived."
}

@test "owners: root inside, or whoever copies; with -a, or in a stream, the same numbers" {
  requires root # files of others
  make_tree
  chown 1000:1001 tree/one
  chown -h 1002:1002 tree/absolute
  start w
  "$STEP" -q cp tree w:/plain
  assert_equal "0:0 0:0" "$(inside stat -c %u:%g /plain/one /plain/absolute | xargs)"
  "$STEP" -q cp -a tree w:/kept
  assert_equal "1000:1001 1002:1002" "$(inside stat -c %u:%g /kept/one /kept/absolute | xargs)"
  tar c tree | "$STEP" -q cp - w:/tmp
  assert_equal "1000:1001 1002:1002" "$(inside stat -c %u:%g /tmp/tree/one /tmp/tree/absolute | xargs)"
  "$STEP" -q cp w:/kept plain
  assert_equal "0:0" "$(stat -c %u:%g plain/one)"
  "$STEP" -q cp -a w:/kept kept
  assert_equal "1000:1001 1002:1002" "$(stat -c %u:%g kept/one kept/absolute | xargs)"
  chown 4000000000 tree/one
  run_step cp -a tree w:/unmapped
  assert_status 1
  assert_stderr_has "not mapped" "A number that nobody has inside is not made up."
}

@test "an ordinary user copies both ways, and owns what comes out" {
  requires unprivileged
  mkdir "$NSCTL_ROOT"
  make_tree
  chmod 644 tree/one
  chown -R "$(as_user id -u):$(as_user id -g)" .
  as_user env "NSCTL_ROOT=$NSCTL_ROOT" "$STEP" -q run -d --net none --name u "$rootfs" /bin/sleep 1000 >/dev/null
  as_user env "NSCTL_ROOT=$NSCTL_ROOT" "$STEP" -q cp tree u:/srv
  as_user env "NSCTL_ROOT=$NSCTL_ROOT" "$STEP" -q cp u:/srv back
  assert_equal "$(describe tree)" "$(describe back)"
  assert_equal "$(as_user id -u)" "$(stat -c %u back/one)"
  if "$ROOT/tests/doctor" --has idmap >/dev/null; then # else what is written is in memory, and can not be listed
    run as_user env "NSCTL_ROOT=$NSCTL_ROOT" "$STEP" -q diff u
    assert_output_has "A /srv/one"
  fi
  as_user env "NSCTL_ROOT=$NSCTL_ROOT" "$STEP" -q rm -f u >/dev/null
}

# ended OPTION… -- SCRIPT: a container "w" that has ended, having run that.
ended()
{
  local options=()
  while [ "$1" != -- ]; do options+=("$1") && shift; done
  "$STEP" -q run --net none --name w --rootfs "$rootfs" "${options[@]}" /bin/sh -c "$2"
}

@test "one that has ended: what it wrote comes out, and what goes in is part of it" {
  local space spaces=("")
  [ "$(id -u)" -ne 0 ] || spaces+=("--userns host")
  make_tree
  for space in "${spaces[@]}"; do
    # shellcheck disable=SC2086 # options
    ended $space -- 'mkdir /tmp/d; echo kept >/tmp/d/file; rm /etc/nsctl-rootfs; ln -s /tmp/d /out'
    "$STEP" -q cp w:/out/file .
    assert_equal kept "$(cat file)" "What it wrote lies upon what it ran on: run $space"
    "$STEP" -q cp tree w:/srv
    "$STEP" -q cp w:/srv - | tar x
    assert_equal "$(describe tree)" "$(describe srv)" "run $space"
    tar c tree | "$STEP" -q cp - w:/out
    "$STEP" -q cp w:/tmp/d/tree back
    assert_equal "$(describe tree)" "$(describe back)" "run $space"
    run_step cp w:/etc/nsctl-rootfs deleted
    assert_status 1 "What it deleted is not there, though it is in a layer below: run $space"
    run_step diff w
    assert_output_has "A /srv/one"
    [ ! -e "$rootfs/srv/one" ] || fail "The layers below are nobody's to write to."
    "$STEP" -q rm w >/dev/null
    rm -rf file srv back
  done
}

@test "one that has ended, and wrote to memory: that went with it" {
  ended --upper-size 1m -- 'echo x >/file'
  run_step cp w:/file .
  assert_status 1
  assert_stderr_has "in memory"
}

@test "one that has ended: removed, or copied to by another, meanwhile" {
  ended -- 'echo x >/file'
  flock "$(echo "$NSCTL_ROOT"/containers/*)" sleep 1 3>&- &
  wait_until eval '! flock -n "$(echo "$NSCTL_ROOT"/containers/*)" true'
  run_step cp w:/file .
  assert_status 1
  assert_stderr_has EWOULDBLOCK
  wait
  run_step cp w:/file .
  assert_status 0
}

@test "one that has ended: nobody else reads, writes or removes it while it is copied" {
  local directory
  ended -- 'head -c 3000000 /dev/zero >/file'
  directory=$(echo "$NSCTL_ROOT"/containers/*)
  flock -n -s "$directory" true || fail "The control: nobody has it."
  mkfifo stream
  "$STEP" -q cp w:/file - >stream &
  exec 8<stream
  assert_equal 512 "$(head -c 512 <&8 | wc -c)" "It has begun, and nobody reads the rest."
  ! flock -n -s "$directory" true || fail "Its lock is for itself alone."
  run_step rm -f w
  assert_status 1
  exec 8<&-
  wait $! || true
  wait_until flock -n "$directory" true
}

@test "one that has ended: the log is true" {
  requires root strace
  ended -- 'echo x >/file'
  assert_log_true cp w:/file .
  assert_status 0
}

@test "no set-user-ID program comes out of a container" {
  start w
  inside sh -c 'cp /bin/busybox /tmp/mine; chmod 6755 /tmp/mine'
  "$STEP" -q cp w:/tmp/mine .
  assert_equal 755 "$(stat -c %a mine)"
  [ "$(id -u)" -eq 0 ] || return 0 # -a would be to give it to another
  "$STEP" -q cp -a w:/tmp/mine other
  assert_equal 755 "$(stat -c %a other)"
}

@test "sockets and devices are left out, and that is said" {
  start w
  "$STEP" -q exec w sh -c 'mkdir /tmp/d; echo x >/tmp/d/file'
  run_step cp w:/dev out
  assert_status 0
  assert_stderr_has "left out: null, a device"
  [ ! -e out/null ] || fail "There must be no device."
  run_step cp w:/dev/null out2
  assert_status 1
  run_step cp w:/tmp/d/file /dev/null
  assert_status 1 "A device is not replaced by a file."
  [ -c /dev/null ] || fail "/dev/null has been replaced."
}

@test "all of one that runs comes out, less what is the kernel's" {
  start w
  inside sh -c 'echo mine >/root/new && echo shared >/dev/shm/file'
  "$STEP" -q cp w:/ - >all.tar 2>said || fail "All of it is a stream: $(<said)"
  tar tf all.tar >names
  grep -q '^root/new$' names || fail "What was written is not in it."
  grep -q '^dev/shm/file$' names || fail "What is in a mount is not in it."
  assert_equal $'proc/\nsys/' "$(grep -E '^(proc|sys)/' names)" "Of /proc and /sys there is the place, and no more."
  run_step cp w:/ out
  assert_status 0
  assert_equal mine "$(<out/root/new)"
  run_step cp w:/proc/version .
  assert_status 0
}

@test "what makes no sense is refused" {
  start w
  run_step cp a b
  assert_status 125
  run_step cp w:/a w:/b
  assert_status 125
  run_step cp w:/a
  assert_status 125
  run_step cp nobody:/etc/passwd .
  assert_status 1
  run_step cp w:/nonesuch .
  assert_status 1
  assert_stderr_has ENOENT
  assert_equal 1 "$(grep -c 'error:' <<<"$stderr")" "It is said once, and the other side does not complain of having got nothing."
  run_step cp nonesuch w:/
  assert_status 1
  assert_equal 1 "$(grep -c 'error:' <<<"$stderr")" "The same in the other direction."
}

@test "a disk that is full is told of" {
  head -c 1000000 /dev/zero >large
  start w --tmpfs /small:size=100k
  run_step cp large w:/small
  assert_status 1
  assert_stderr_has ENOSPC
}

# --- Attacks ------------------------------------------------------------------

make_hostile_rootfs()
{
  requires compiler
  cp -a "$rootfs" rootfs
  rootfs=$PWD/rootfs
  "${CC:-cc}" -O1 -static -D_GNU_SOURCE -o "$rootfs/attacker" "$ROOT/tests/attacker.c"
}

@test "a link that leads out of the container leads into it" {
  mkdir canary
  echo host >canary/file
  start w
  inside sh -c "mkdir -p /srv; ln -s $PWD/canary /srv/out; ln -s ../../../../../../..$PWD/canary /srv/up"
  run_step cp canary/file w:/srv/out/
  assert_status 1 "Inside there is no such directory."
  run_step cp w:/srv/out/file stolen
  assert_status 1
  run_step cp w:/srv/up/file stolen
  assert_status 1
  run_step cp -L w:/srv/out stolen
  assert_status 1
  inside mkdir -p "$PWD/canary"
  inside sh -c "echo container >$PWD/canary/file"
  run_step cp w:/srv/out/file stolen
  assert_equal container "$(<stolen)" "From the container's root on there is such a file."
  assert_equal "file" "$(ls canary)"
  assert_equal host "$(<canary/file)"
}

@test "a directory that becomes a link meanwhile leads nowhere else" {
  make_hostile_rootfs
  mkdir canary
  echo host >canary/file
  start w -- /bin/sh -c "mkdir /tmp/d; echo container >/tmp/d/file; ln -s $PWD/canary /tmp/l; exec /attacker flip /tmp/d /tmp/l"
  local i init out=0 in=0
  echo intruder >intruder
  for ((i = 0; i < 100; i++)); do
    if "$STEP" -q cp w:/tmp/d/file copy 2>/dev/null; then
      assert_equal container "$(<copy)" "CVE-2018-15664: a file of the host's has come out."
      out=$((out + 1))
    fi
    ! "$STEP" -q cp intruder w:/tmp/d/ 2>/dev/null || in=$((in + 1))
  done
  assert_equal file "$(ls canary)" "CVE-2018-15664: a file has got into a directory of the host's."
  [ "$out" -gt 0 ] && [ "$in" -gt 0 ] || fail "It must have succeeded at times, or this says nothing: $out, $in"
  # The control: the same by a path of the host's.
  init=$("$STEP" -q top w | awk '$2 == 1 { print $1 }')
  for ((i = 0; i < 300; i++)); do
    cp "/proc/$init/root/tmp/d/file" copy 2>/dev/null || continue
    [ "$(<copy)" != host ] || break
  done
  assert_equal host "$(<copy)" "The control: who goes through /proc/PID/root follows the link on the host."
}

@test "an archive stays in the directory that it is for" {
  mkdir -p made/d target canary
  echo x >made/d/file
  start w
  inside mkdir /target
  local name
  for name in ../escaped /escaped d/../../escaped; do
    tar c -P -C made --transform "s,^d/file\$,$name," d/file | "$STEP" -q cp - w:/target 2>/dev/null &&
      fail "$name must be refused."
  done
  ln -s / made/link
  tar cf archive -C made link
  tar rf archive -C made --transform 's,^d,link,' d/file
  "$STEP" -q cp - w:/target <archive || true
  inside sh -c '! ls -d /escaped /file 2>/dev/null'
}

@test "a directory that two have in common is no way to the host's files" {
  make_hostile_rootfs
  mkdir -p shared/d/x canary
  ln -s "$PWD/canary" shared/d/y
  chmod 777 shared/d shared/d/x
  start w -v "$PWD/shared:/shared" -- /attacker flip /shared/d/x /shared/d/y
  inside sh -c 'mkdir -p /srv/t/x; echo intruder >/srv/t/x/file'
  local i copied=0
  for ((i = 0; i < 60; i++)); do ! "$STEP" -q cp w:/srv/t/. shared/d 2>/dev/null || copied=$((copied + 1)); done
  [ "$copied" -gt 0 ] || fail "It must have succeeded at times, or this says nothing."
  assert_equal "" "$(ls canary)" "What is copied out stays in the directory that it is for."
}

@test "what a container calls its files and processes is no order to the terminal" {
  local name=$'x\033[2J\302\233\nFAKE' said
  start w -- /bin/sh -c 'mkdir -p /srv && cd /srv && touch "$0" && while :; do ls "/srv/$0" >/dev/null; sleep 0.1; done' "$name"
  wait_until inside ls "/srv/$name"
  assert_equal "$name" "$(inside sh -c 'cd /srv; printf %s *')" "The control: the name is as bad as it was meant."
  mkdir -p "out/$name/full" # where no file can be
  {
    "$STEP" diff w
    "$STEP" top w
    "$STEP" ps
    "$STEP" show w
    "$STEP" inspect w
    "$STEP" cp w:/srv/. out && echo "It was copied over a directory."
    timeout 2 "$STEP" trace w
  } >said 2>&1 || true
  said=$(<said)
  [ "$(grep -c '2J' <<<"$said")" -ge 7 ] || fail "Each of them was to say it: $said"
  [[ $said != *$'\033'* ]] || fail "An escape code has come through: $(cat -v said)"
  [[ $said != *$'\302\233'* ]] || fail "The same in eight bits (U+009B) has come through: $(cat -v said)"
  ! grep -q '^FAKE' <<<"$said" || fail "A name has made a line of its own: $(cat -v said)"
}

# --- What it has changed, and what runs ---------------------------------------

@test "what a container runs on may have a colon in its name" {
  cp -R "$rootfs" "a:b" 2>/dev/null || true # of what may be read
  mkdir more
  run_step run --name w --net none --rootfs 'a\:b:more' sh -c 'echo new >/new; rm /etc/passwd'
  assert_status 0
  run_step diff w
  assert_status 0
  assert_output_has "A /new"
  assert_output_has "D /etc/passwd"
  run_step cp w:/new .
  assert_status 0
  assert_equal new "$(cat new)"
}

@test "diff: added, changed, deleted" {
  requires idmap # else all is copied, and what is written is in memory
  start w
  inside sh -c 'echo a >/tmp/added; touch /etc/passwd; rm /etc/nsctl-rootfs'
  run_step diff w
  assert_status 0
  assert_output_has "A /tmp/added"
  assert_output_has "C /etc/passwd"
  assert_output_has "D /etc/nsctl-rootfs"
  "$STEP" -q kill w >/dev/null
  wait_until eval '[ -z "$("$STEP" -q ps -q)" ]'
  run_step diff w
  assert_output_has "A /tmp/added" "Also of one that does not run."
  "$STEP" -q rm w >/dev/null
  start w --upper "$PWD/upper"
  inside sh -c 'echo a >/tmp/added'
  run_step diff w
  assert_output_has "A /tmp/added" "What it writes may be elsewhere."
  "$STEP" -q rm -f w >/dev/null
  start w --upper-size 1m
  run_step diff w
  assert_status 1 "What is in memory can not be told, and is not nothing."
  assert_stderr_has "in memory"
  run_step diff nobody
  assert_status 1
}

@test "top: each process, with both numbers, and whose it is inside" {
  start w
  "$STEP" -q exec -d -u 1000 w sleep 432
  run_step top w
  assert_status 0
  assert_output_matches ' 1 +0 .* /bin/sleep 1000'
  assert_output_matches ' 1000 .* sleep 432'
  local pid
  pid=$(awk '/sleep 432/ { print $1 }' <<<"$output")
  assert_equal "sleep" "$(<"/proc/$pid/comm")" "The first number is the host's."
  run_step top --json w
  assert_output_has '"Uid": 1000'
  run_step top nobody
  assert_status 1
}
