#!/usr/bin/env bats
# shellcheck disable=SC2016 # what looks like an expansion is for a shell inside
# shellcheck disable=SC2030,SC2031 # each test is a process of its own
# shellcheck disable=SC2154 # status, output and stderr are set by bats' run
#
# Step 07: many containers, one image: layers that are shared, and one that is not.
#
# What holds for both is tried as root and as an ordinary user, where this is run as
# root; else as the user that runs it. Where the kernel can not do a thing, the step
# has another way, so that the same must hold: it is not skipped.

load ../helpers

setup()
{
  requires userns overlay
  cd "$BATS_TEST_TMPDIR" || return
  chmod 777 .
  everybody=(user)
  [ "$(id -u)" -ne 0 ] || everybody=(root user)
  user_id=$(as_user id -u)
  user_group=$(as_user id -g)
  starters=()
}

teardown()
{
  [ ${#starters[@]} -eq 0 ] || kill -KILL "${starters[@]}" 2>/dev/null || true
}

# What is in faults.bash, and run_traced, then trace as root what the one named in as_whom runs: the step
# does not let itself be looked into by anybody else.
strace()
{
  if [ "${as_whom:-root}" = root ]; then command strace "$@"; else command strace -u "$(as_user id -un)" "$@"; fi
}

# make_image WHO: sets image, a root file system that is theirs, with /only-here in it.
make_image()
{
  [ -d "$ROOT/build/rootfs/default" ] || fail "there is no build/rootfs/default; make it first: make rootfs"
  image=$PWD/image-$1
  cp -a "$ROOT/build/rootfs/default" "$image"
  mkdir "$image/only-here" "$image/only-here/below"
  echo mark >"$image/only-here/mark"
  echo other >"$image/only-here/below/other"
  [ "$1" = root ] || [ "$(id -u)" -ne 0 ] || chown -hR "$user_id:$user_group" "$image"
}

# The names, kinds, modes, owners, sizes and links of all that is below a directory, and when each was changed.
inventory()
{
  find "$1" -printf '%P %y %m %U:%G %s %l %T@ %C@\n' | sort
}

# own WHO DIRECTORY…: makes directories that are theirs.
own()
{
  as "$1" mkdir -p "${@:2}"
}

# Can this kernel stack layers for this WHO without --upper, or is all copied?
copies()
{
  run_as "$1" --rootfs "$image" /bin/true
  [[ $stderr == *copied* ]]
}

# needs_overlay WHO: the rest is about overlays, of which this kernel has none for them.
needs_overlay()
{
  run_as "$1" -q --rootfs "$image" --upper "probe-$1" /bin/true
  [ "$status" -eq 0 ] || [[ $stderr != *'takes an overlay'* ]] || skip "needs a kernel that has overlays for $1: $(uname -r) has not"
}

# needs_host_view WHO: the rest is about --host, which is refused where no overlay can be had in a user namespace.
needs_host_view()
{
  run_as "$1" -q --host true
  [ "$status" -ne 125 ] || [[ $stderr != *'takes Linux 5.11'* ]] || skip "needs a kernel that has overlays in user namespaces: $(uname -r) has not"
}

# --- One image, many containers ---------------------------------------------------

@test "what is written stays inside: the image is as before, and the next one sees nothing of it" {
  local who
  for who in "${everybody[@]}"; do
    make_image "$who"
    inventory "$image" >before
    run_as "$who" -q --rootfs "$image" sh -c 'echo changed >/only-here/mark && rm -r /only-here/below && mkdir /only-here/below &&
      touch /new && chmod 700 /etc && rm /etc/passwd && cat /only-here/mark && ls -A /only-here/below'
    assert_status 0 "As $who: a container must be able to change what it sees, all of it: is there a layer to be written to?"
    assert_equal changed "$output" "As $who: what was written can not be read back, or a directory that was made anew still shows the old one's files."
    inventory "$image" >after
    diff before after >difference || fail "As $who: a container has changed the image: $(<difference)"
    run_as "$who" -q --rootfs "$image" sh -c 'cat /only-here/mark /only-here/below/other; ls -d /new /etc/passwd'
    assert_equal $'mark\nother\n/etc/passwd' "$output" "As $who: one container has seen what another wrote."
  done
}

@test "two at once do not see each other's files" {
  local who line said
  for who in "${everybody[@]}"; do
    make_image "$who"
    coproc one { as "$who" "$STEP" -q --rootfs "$image" sh -c 'echo one >/only-here/mark; echo ready; read -r _; cat /only-here/mark' 3>&-; }
    exec {said}<&"${one[0]}" # bash closes its own as soon as the coprocess has ended
    read -r line <&"$said"
    assert_equal ready "$line"
    run_as "$who" -q --rootfs "$image" sh -c 'cat /only-here/mark; echo two >/only-here/mark'
    assert_equal mark "$output" "As $who: a container sees what another, that is running, has written."
    echo >&"${one[1]}"
    read -r line <&"$said"
    exec {said}<&-
    assert_equal one "$line" "As $who: another container has written into this one."
    wait "$one_PID" || true
  done
}

@test "a hundred at once on one image, each with its own files" {
  local i count=100 mine
  # Those of a machine that is ten times slower would take as long as all else.
  [ ! -x /vm/busybox ] || count=20
  make_image "${everybody[0]}"
  inventory "$image" >before
  mkfifo -m 666 hold
  exec 6<>hold
  for ((i = 1; i <= count; i++)); do
    as "${everybody[0]}" "$STEP" -q --rootfs "$image" sh -c "echo $i >/only-here/mark; rm /etc/passwd; touch /c$i
      echo ready; read -r _; cat /only-here/mark; ls / | grep -c '^c[0-9]'" <hold >"said.$i" 2>&1 3>&- 6>&- &
    starters+=($!)
  done
  for ((i = 1; i <= count; i++)); do
    wait_until grep -q . "said.$i"
    assert_equal ready "$(<"said.$i")" "Container $i of $count has not come up."
  done
  exec 6>&-
  for i in "${starters[@]}"; do wait "$i" || fail "One of $count has failed: $(sort said.* | uniq -c)"; done
  starters=()
  for ((i = 1; i <= count; i++)); do
    mine=$(paste -sd ' ' <"said.$i")
    assert_equal "ready $i 1" "$mine" "Container $i of $count does not have its own files, and only those."
  done
  inventory "$image" >after
  diff before after || fail "The image was changed."
}

@test "nothing of the host, and nothing of the workplace, is in the mount table" {
  local who
  for who in "${everybody[@]}"; do
    run_as "$who" -q cat /proc/self/mountinfo
    assert_status 0
    [ "$(awk '$5 == "/"' <<<"$output" | wc -l)" -eq 1 ] || fail "As $who: more than one root is in the mount table: $output"
    run_as "$who" -q awk '{ print $5 }' /proc/self/mountinfo
    # From 08 on three files in /etc are the container's own.
    assert_equal / "$(grep -vE '^/((proc|sys|dev)(/|$)|etc/(resolv.conf|hosts|hostname)$)' <<<"$output")" "As $who: besides / and what is on /proc, /sys and /dev there must be no mount."
  done
}

@test "the workplace goes with the host's root: the kernel has to wait for one umount2, no more" {
  requires strace
  run_traced -q true
  assert_status 0
  [ "$(grep -c 'umount2(' "$trace")" -le 1 ] || fail "Each umount2 waits for all CPUs: $(grep 'umount2(' "$trace")"
}

@test "no mount of a container reaches the host, though the host's are shared" {
  requires root
  local more
  make_image root
  mkdir v
  chmod 777 v
  for more in '' '--userns host'; do
    cat >see <<MOUNTS
mount --make-rshared / && mount --bind v v && grep -q 'shared:' /proc/self/mountinfo && cat /proc/self/mountinfo >before || exit 9
"$STEP" -q $more --rootfs "$image" -v "$PWD/v:/v" --tmpfs /v/below --volume /etc/passwd:/v/file sh -c 'cat "/proc/self/mountinfo"' >inside
diff before /proc/self/mountinfo && grep -c . inside
MOUNTS
    run --separate-stderr -- in_private_namespaces bash see
    assert_status 0 "Something that the container has mounted is mounted on the host now (with $more): a copy of a shared mount is shared with it, until it is made private: $stderr"
  done
}

@test "several layers: the uppermost that has a name wins, and their marks count" {
  local who
  for who in "${everybody[@]}"; do
    make_image "$who"
    own "$who" "l-$who/top/only-here" "l-$who/middle/only-here/below" "l-$who/middle/both"
    as "$who" sh -c "cd l-$who && echo top >top/only-here/mark && echo middle >middle/only-here/mark && echo m >middle/both/m && echo n >middle/only-here/below/n"
    run_as "$who" -q --rootfs "l-$who/top:l-$who/middle:$image" sh -c 'cat /only-here/mark; ls /only-here/below /both; echo x >/both/m; cat /both/m'
    assert_status 0
    assert_equal "top /both: m /only-here/below: n other x" "$(paste -sd ' ' <<<"$output" | tr -s ' ' | sed 's#/only-here/below: n other /both: m#/both: m /only-here/below: n other#')" \
      "As $who: the layers do not make one whole, the first of them uppermost."
    # A layer that a container has written: its whiteouts and opaque directories hold for what is below.
    needs_overlay "$who"
    run_as "$who" -q --rootfs "$image" --upper "u-$who" sh -c 'rm /only-here/mark; rm -r /only-here/below; mkdir /only-here/below; touch /only-here/below/fresh'
    assert_status 0
    run_as "$who" -q --rootfs "$PWD/u-$who/upper:$image" sh -c 'ls -R /only-here'
    assert_status 0 "As $who: what one container has written must do as a layer for the next."
    assert_equal "/only-here: below /only-here/below: fresh" "$(grep . <<<"$output" | paste -sd ' ')" "As $who: what that layer has removed is to be seen again."
  done
}

@test "five hundred layers, and paths as long as they may be" {
  local list='' i long
  ulimit -Sn 1024 # as it is almost everywhere
  make_image "${everybody[0]}"
  for i in {1..499}; do list+=$PWD/layers/$i:; done
  as "${everybody[0]}" mkdir -p layers/{1..499}
  as "${everybody[0]}" sh -c 'echo 1 >layers/1/first; echo 499 >layers/499/last'
  run_as "${everybody[0]}" -q --rootfs "$list$image" cat /first /last /only-here/mark
  assert_equal $'1\n499\nmark' "$output" "500 layers must do, though their paths are more than mount(2) has room for: $stderr"
  run_as "${everybody[0]}" -q --rootfs "$list$image:/etc" echo started
  assert_status 125
  assert_stderr_has "500 layers at most"
  long=$PWD/$(printf 'd%.0s' {1..250})/$(printf 'e%.0s' {1..250})/$(printf 'f%.0s' {1..250})
  mkdir -p "$long"/{1..7}
  mv "$image" "$long/8"
  run_as "${everybody[0]}" -q --rootfs "$(printf "$long/%s:" {1..7})$long/8" cat /only-here/mark
  assert_equal mark "$output" "The paths of the layers are long, and that must not matter: $stderr"
}

@test "a colon in a name is written \\:, and a comma is a comma" {
  make_image "${everybody[0]}"
  mv "$image" 'a:b,c\d'
  run_as "${everybody[0]}" -q --rootfs 'a\:b,c\d' cat /only-here/mark
  assert_equal mark "$output" "$stderr"
  run_as "${everybody[0]}" -q --rootfs 'a:b,c\d' echo started
  assert_status 125
}

# --- Owners ----------------------------------------------------------------------

@test "root: 0 on the disk is 0 inside, and everybody else is who they are" {
  requires root
  make_image root
  echo x >"$image/only-here/theirs"
  chown 1234:4321 "$image/only-here/theirs"
  run_as root -q --rootfs "$image" sh -c 'stat -c "%u:%g" / /only-here/mark /only-here/theirs /etc; awk "{ print \$2 }" /proc/self/uid_map'
  assert_equal "0:0 0:0 1234:4321 0:0" "$(head -n 4 <<<"$output" | paste -sd ' ')" "The image's owners are not those on the disk: are the layers mapped (mount_setattr)?"
  [ "${lines[4]}" != 0 ] || fail "There is no user namespace, so nothing has been proved."
}

@test "root: what is written to --upper has its owner on the disk" {
  requires root
  make_image root
  needs_overlay root
  run_as root -q --rootfs "$image" --upper up sh -c 'touch /mine /theirs; chown 1234:4321 /theirs; echo x >>/only-here/mark; mkdir /d'
  assert_status 0
  assert_equal "0:0 1234:4321 0:0 0:0" "$(stat -c %u:%g up/upper/{mine,theirs,only-here/mark,d} | paste -sd ' ')" \
    "On the disk the files of the container's root must be root's: is the upper layer mapped, too?"
}

@test "a user's own files are root's inside, and what root writes inside is the user's" {
  make_image user
  needs_overlay user
  run_as user -q --rootfs "$image" --upper up sh -c 'stat -c %u /only-here/mark; touch /mine; echo x >>/only-here/mark'
  assert_status 0
  assert_equal 0 "$output"
  assert_equal "$user_id $user_id" "$(as_user stat -c %u up/upper/mine up/upper/only-here/mark | paste -sd ' ')"
}

@test "a user's container on somebody else's image: it can be read, and the log says so" {
  requires root
  make_image root
  local may=refused
  ! copies user || may=changed # its own copy; the image is not
  run_as user --rootfs "$image" sh -c 'cat /only-here/mark; touch /new && echo made; echo x >/only-here/mark && echo changed || echo refused'
  assert_status 0
  assert_equal "mark made $may" "$(paste -sd ' ' <<<"$output")"
  assert_equal mark "$(<"$image/only-here/mark")"
  [ "$may" = changed ] || assert_stderr_has "somebody else's"
}

@test "an image in which something is mounted: root leaves that out, to a user it is refused, and explained" {
  requires root
  local below='mount -t tmpfs none "$0/mnt" && touch "$0/mnt/mounted" && exec "$@"' user
  make_image root
  run --separate-stderr -- unshare --mount --propagation private sh -c "$below" "$image" \
    "$STEP" -q --rootfs "$image" sh -c 'ls -A /mnt; echo started'
  assert_equal started "$output" "As root: what is mounted in the image must not come along."
  if strace_available; then
    run --separate-stderr -- unshare --mount --propagation private sh -c "$below" "$image" \
      strace -f -o /dev/null -e inject=mount_setattr:error=ENOSYS "$STEP" --rootfs "$image" sh -c 'ls -A /mnt; echo started'
    assert_stderr_has "copied"
    assert_equal started "$output" "As root, where all is copied: what is mounted in the image must not come along."
  fi
  user=$(as_user id -un)
  run --separate-stderr -- unshare --mount --propagation private sh -c "$below" "$image" \
    setpriv --reuid "$user" --regid "$(id -g "$user")" --init-groups -- "$STEP" --rootfs "$image" echo started
  assert_status 125
  assert_equal "" "$output"
  assert_stderr_has "$image: something of the host is mounted below it (EINVAL)" "A user can not look under a mount, and the kernel has no overlay of the rest: that must be said."
}

# --- What is kept ------------------------------------------------------------------

@test "--upper keeps what was written, for the next run" {
  local who
  for who in "${everybody[@]}"; do
    make_image "$who"
    needs_overlay "$who"
    run_as "$who" -q --rootfs "$image" --upper "kept-$who" sh -c 'echo once >/only-here/mark; rm /etc/passwd'
    assert_status 0
    run_as "$who" -q --rootfs "$image" --upper "kept-$who/" sh -c 'cat /only-here/mark; ls /etc/passwd; echo twice >>/only-here/mark'
    assert_output_has once "As $who: what the first run wrote is not there for the second."
    assert_output_lacks passwd "As $who: what the first run removed is there again."
    assert_equal $'once\ntwice' "$(as "$who" cat "kept-$who/upper/only-here/mark")"
    assert_equal 700 "$(stat -c %a "kept-$who")" "As $who: others must not get at what the container's root leaves there."
  done
}

@test "without --upper nothing is kept, and nothing is on a disk" {
  make_image "${everybody[0]}"
  find . | sort >"$BATS_FILE_TMPDIR/before"
  run_as "${everybody[0]}" -q --rootfs "$image" sh -c 'echo x >/x; sleep 0'
  find . | grep -v separate-stderr | sort | diff "$BATS_FILE_TMPDIR/before" - || fail "Something was left on the disk."
}

@test "--upper: a second container that would write to it is refused" {
  local who=${everybody[0]} line
  make_image "$who"
  needs_overlay "$who"
  coproc one { as "$who" "$STEP" -q --rootfs "$image" --upper up sh -c 'echo ready; read -r _' 3>&-; }
  read -r line <&"${one[0]}"
  run_as "$who" -q --rootfs "$image" --upper up echo started
  assert_status 125 "Two writers of one upper layer ruin it: is it locked?"
  assert_output_lacks started
  assert_stderr_has "another container writes to it"
  echo >&"${one[1]}"
  wait "$one_PID" || true
  run_as "$who" -q --rootfs "$image" --upper up echo started
  assert_equal started "$output" "The lock must go with its holder."
}

@test "--upper: a directory that others may enter is refused" {
  local who=${everybody[0]}
  make_image "$who"
  as "$who" mkdir -m 755 open
  run_as "$who" -q --rootfs "$image" --upper open echo started
  assert_status 125 "What the container's root leaves there may be a set-user-id program: others must not get at it."
  assert_stderr_has "others may enter it"
  assert_stderr_has "chmod 0700"
  assert_equal "" "$(ls -A open)" "It was refused, but something was made."
}

@test "--upper on an overlay is recognised, and explained" {
  requires root
  cat >see <<OVERLAY
mkdir o l u w && mount -t tmpfs none o && cd o && mkdir l u w m && mount -t overlay none -o lowerdir=l,upperdir=u,workdir=w m &&
"$STEP" -q --upper m/up echo started; ls -A m
OVERLAY
  run --separate-stderr -- in_private_namespaces bash see
  assert_equal "" "$output"
  assert_stderr_has "an overlay can not be the upper layer of another"
}

@test "a layer in another, or in --upper, or the other way round, is refused" {
  local who=${everybody[0]} upper
  make_image "$who"
  for upper in "$image" "$image/only-here" "$image/new" .; do
    run_as "$who" -q --rootfs "$image" --upper "$upper" echo started
    assert_status 125
    assert_stderr_has "lie in each other"
    assert_output_lacks started
  done
  [ ! -e "$image/new" ] || fail "It was refused, but something was made."
  for upper in "$image" "$image/only-here" .; do
    run_as "$who" -q --rootfs "$image:$upper" echo started
    assert_status 125
    assert_stderr_has "lie in each other"
  done
}

@test "--upper-size: no more than that can be written" {
  local who
  for who in "${everybody[@]}"; do
    make_image "$who"
    run_as "$who" -q --rootfs "$image" --upper-size 1m sh -c 'dd if=/dev/zero of=/big bs=1024 count=4096 2>&1 | grep -o "No space left"; rm /big; echo small >/small && cat /small'
    assert_equal $'No space left\nsmall' "$output" "As $who: 4 MiB could be written with --upper-size 1m, or nothing could."
    run_as "$who" -q --rootfs "$image" --upper-size 16m sh -c 'dd if=/dev/zero of=/big bs=1024 count=4096 2>/dev/null && echo written'
    assert_equal written "$output" "As $who: with room for it 4 MiB must do."
  done
}

# --- What has changed ---------------------------------------------------------------

@test "--diff lists what was added, changed and deleted" {
  local who
  for who in "${everybody[@]}"; do
    make_image "$who"
    needs_overlay "$who"
    run_as "$who" -q --rootfs "$image" --upper "up-$who" sh -c 'touch /new; mkdir -p /d/e; rm /etc/passwd; echo x >>/only-here/mark
      rm -r /only-here/below; mkdir /only-here/below; touch /only-here/below/fresh; ln -s x /link; mknod /pipe p; mv /etc/group /etc/gruppe'
    assert_status 0 "As $who: the container has not started: has it a root, the overlay?"
    run_as "$who" --rootfs "$image" --upper "up-$who" --diff
    assert_status 0
    assert_equal "A /d
A /d/e
A /etc/gruppe
A /link
A /new
A /only-here/below/fresh
A /pipe
C /etc
C /only-here
C /only-here/below
C /only-here/mark
D /etc/group
D /etc/passwd
D /only-here/below/other" "$(sort <<<"$output")" "As $who: the list is not what has happened."
    assert_equal "" "$stderr" "As $who: a list is to be a list."
  done
}

@test "--diff reads the marks that root writes, too" {
  requires root
  make_image root
  cat >see <<OVERLAY
mkdir -m 700 up && mkdir up/upper up/work m && mount -t overlay none -o "lowerdir=$image,upperdir=up/upper,workdir=up/work" m &&
rm m/only-here/mark && rm -r m/only-here/below && mkdir m/only-here/below && touch m/only-here/below/fresh && umount m
OVERLAY
  in_private_namespaces bash see
  run_step --rootfs "$image" --upper up --diff
  assert_equal "A /only-here/below/fresh
C /only-here
C /only-here/below
D /only-here/below/other
D /only-here/mark" "$(sort <<<"$output")" "trusted.overlay.opaque is how the host's root marks a directory that hides what is below."
}

@test "--diff reads whiteouts that are files with an attribute" {
  local number
  requires root
  case $(uname -m) in x86_64) number=188 ;; aarch64) number=5 ;; *) skip "not for step $(step_number) on this architecture" ;; esac
  make_image root
  mkdir -p -m 700 up && mkdir -p up/upper/only-here
  touch up/upper/only-here/mark up/upper/only-here/empty
  perl -e 'my ($n, $path, $name, $value) = (shift() + 0, shift, shift, "");
    syscall($n, $path, $name, $value, 0, 0) == 0 or die $!' "$number" up/upper/only-here/mark user.overlay.whiteout
  run_step --rootfs "$image" --upper up --diff
  assert_equal "A /only-here/empty,C /only-here,D /only-here/mark" "$(sort <<<"$output" | paste -sd,)"
}

@test "--diff: a directory that may hide what is below, but can not be asked, is an error" {
  requires root
  requires strace
  make_image root
  mkdir -p -m 700 up && mkdir -p up/upper/only-here
  run --separate-stderr -- strace -o trace -e inject=fgetxattr:error=EIO -- "$STEP" --rootfs "$image" --upper up --diff
  assert_status 125 "EIO says that the mark could not be read, not that there is none."
  assert_stderr_has EIO
  run --separate-stderr -- strace -o trace -e inject=fgetxattr:error=EOPNOTSUPP -- "$STEP" --rootfs "$image" --upper up --diff
  assert_equal "C /only-here" "$output" "Where there are no such marks, nothing is hidden: $stderr"
}

@test "--diff: a file that may be a whiteout, but can not be asked, is an error" {
  requires root
  requires strace
  make_image root
  mkdir -p -m 700 up && mkdir -p up/upper/only-here && touch up/upper/only-here/mark
  run --separate-stderr -- strace -o trace -e inject=lgetxattr:error=EIO -- "$STEP" --rootfs "$image" --upper up --diff
  assert_status 125 "EIO says that the mark could not be read, not that there is none."
  assert_stderr_has "/only-here/mark: it can not be looked at (EIO)"
  run --separate-stderr -- strace -o trace -e inject=lgetxattr:error=EACCES -- "$STEP" --rootfs "$image" --upper up --diff
  assert_equal "C /only-here,C /only-here/mark" "$(sort <<<"$output" | paste -sd,)" "What may not be read is a file: $stderr"
}

@test "--diff writes no control characters" {
  local who=${everybody[0]}
  make_image "$who"
  needs_overlay "$who"
  run_as "$who" -q --rootfs "$image" --upper up sh -c "touch '/a"$'\n'"D b' '/"$'\e'"[2J' '/\\x' '/ä'"
  run_as "$who" --rootfs "$image" --upper up --diff
  assert_equal 'A /\033[2J,A /\134x,A /\303\244,A /a\012D b' "$(LC_ALL=C sort <<<"$output" | paste -sd,)"
}

@test "--diff without --upper, of none, or of what can not be read is refused" {
  make_image "${everybody[0]}"
  run_as "${everybody[0]}" --rootfs "$image" --diff
  assert_status 125
  assert_stderr_has "--upper"
  run_as "${everybody[0]}" --rootfs "$image" --diff --upper missing
  assert_status 125
  assert_stderr_has ENOENT
  [ ! -e missing ] || fail "To list is not to make."
}

# --- Read-only -----------------------------------------------------------------------

@test "--read-only: the root can not be changed, /dev and volumes can" {
  local who
  for who in "${everybody[@]}"; do
    own "$who" "v-$who"
    chmod 777 "v-$who"
    make_image "$who"
    run_as "$who" -q --rootfs "$image" --read-only -v "$PWD/v-$who:/some/where" --tmpfs /tmp sh -c '
      for f in /new /only-here/mark /etc/new; do (: >>$f) 2>/dev/null && echo "written: $f"; done
      for f in /dev/shm/x /some/where/x /tmp/x; do (: >>$f) || echo "not written: $f"; done; echo end'
    assert_status 0 "As $who: the container has not started: has it a root, the overlay?"
    assert_equal end "$output" "As $who: with --read-only exactly the root is to be read-only."
    [ -e "v-$who/x" ] || fail "As $who: what was written to the volume is not there."
  done
}

@test "the root opens no devices that an image has brought, read-only or not" {
  local who option
  for who in "${everybody[@]}"; do
    make_image "$who"
    for option in --upper-size=1m --read-only; do
      run_as "$who" -q --rootfs "$image" "$option" awk '$5 == "/" { print $6 }' /proc/self/mountinfo
      assert_status 0
      assert_output_matches '(^|,)nodev(,|$)' "As $who: with $option a device in the image is the host's."
    done
  done
  [ "$(id -u)" != 0 ] || {
    run_step -q --userns host --rootfs "$image" --read-only awk '$5 == "/" { print $6 }' /proc/self/mountinfo
    assert_output_matches '(^|,)nodev(,|$)' "With the host's root it is not the user namespace that forbids it."
  }
}

# --- Volumes ---------------------------------------------------------------------------

@test "--volume: a directory and a file of the host, where they are wanted" {
  local who
  for who in "${everybody[@]}"; do
    make_image "$who"
    own "$who" "v-$who"
    chmod 777 "v-$who"
    echo outside >"v-$who/file"
    run_as "$who" -q --rootfs "$image" -v "v-$who:/data" --volume="$PWD/v-$who/file:/etc/of-the-host" -v "v-$who:/made/on/the/way" \
      -v "v-$who/file:/only-here/mark" sh -c 'cat /data/file /etc/of-the-host /made/on/the/way/file /only-here/mark; echo inside >/data/new; cat /made/on/the/way/new'
    assert_status 0 "As $who: the volumes are not there."
    assert_equal "outside outside outside outside inside" "$(paste -sd ' ' <<<"$output")"
    assert_equal inside "$(<"v-$who/new")" "As $who: what is written to a volume is written on the host."
    [ ! -e "$image/made" ] || fail "As $who: a place for a volume was made in the image itself."
  done
}

@test "--volume :ro can not be written to, nor what is mounted below it" {
  local who
  mkdir v v/below
  chmod 777 v v/below
  for who in "${everybody[@]}"; do
    make_image "$who"
    cat >see <<MOUNTS
$([ "$who" = user ] || echo 'mount -t tmpfs -o mode=777 none v/below && touch v/below/mounted')
exec "$STEP" -q --rootfs "$image" -v "$PWD/v:/v:ro" sh -c '(: >/v/x) || echo refused; (: >/v/below/x) || echo refused below; ls /v/below'
MOUNTS
    if [ "$who" = root ]; then run --separate-stderr -- in_private_namespaces bash see; else run --separate-stderr -- as_user bash see; fi
    assert_output_has $'refused\nrefused below' "As $who: a volume that is to be looked at can be written to."
    [ "$who" = user ] || [[ $output == *mounted* ]] || [[ $stderr == *5.12* ]] || [ "$(printf '%s\n' 5.12 "$(uname -r)" | sort -V | head -n 1)" != 5.12 ] ||
      fail "What is mounted below a volume must come along: $output"
  done
  [ ! -e v/x ] && [ ! -e v/below/x ] || fail "It was written to all the same."
  # The control.
  run_as "${everybody[0]}" -q --rootfs "$image" -v "$PWD/v:/v" sh -c ': >/v/x && : >/v/below/x'
  assert_status 0
}

@test "--volume: no devices and no set-user-id programs of the host's" {
  local who
  for who in "${everybody[@]}"; do
    make_image "$who"
    own "$who" "v-$who"
    run_as "$who" -q --rootfs "$image" -v "v-$who:/v" --tmpfs /t awk '$5 == "/v" || $5 == "/t" { print $6 }' /proc/self/mountinfo
    assert_equal 2 "$(grep -c nosuid <<<"$output")"
    assert_equal 2 "$(grep -c nodev <<<"$output")" "As $who: a device in a volume of the host's must open nothing."
  done
}

@test "--volume: a place is looked up in the container's root, whatever links say" {
  local who
  for who in "${everybody[@]}"; do
    make_image "$who"
    own "$who" "v-$who"
    echo volume >"v-$who/file"
    mkdir -p canary
    as "$who" ln -s "$PWD/canary" "$image/absolute"
    as "$who" ln -s "../../../../../..$PWD/canary" "$image/climbing"
    as "$who" mkdir -p "$image$PWD/canary"
    run_as "$who" -q --rootfs "$image" -v "v-$who:/absolute/a" -v "v-$who:/climbing/c" sh -c "cat '$PWD/canary/a/file' '$PWD/canary/c/file'"
    assert_equal $'volume\nvolume' "$output" "As $who: the links are the image's, and mean its own paths: $stderr"
    assert_equal "" "$(ls -A canary)" "As $who: a link of the image has led us to the host, and something was made there."
  done
}

# refused_place WHO WORDS TARGET: a volume there is refused in these words, and nothing is started.
refused_place()
{
  run_as "$1" -q --rootfs "$image" -v "$PWD/v:$3" echo started
  assert_status 125 "As $1: a volume at $3 must be refused."
  assert_output_lacks started
  assert_stderr_has "$2"
}

@test "--volume: what is no place for one is refused" {
  local who
  mkdir v
  chmod 777 v
  for who in "${everybody[@]}"; do
    make_image "$who"
    as "$who" sh -c "cd '$image' && ln -s / slash && ln -s nowhere dangling && ln -s circle circle && touch file && ln -s /proc/self/cwd magic && ln -s /proc/self/fd fds"
    refused_place "$who" "to be covered" /proc
    refused_place "$who" "to be covered" /proc/sys
    refused_place "$who" "to be covered" /sys/fs/cgroup
    refused_place "$who" "the root itself" /slash
    refused_place "$who" "ELOOP" /dangling
    refused_place "$who" "ELOOP" /circle/x
    refused_place "$who" "a directory goes on a directory" /file
    refused_place "$who" "ENOTDIR" /file/below
  done
}

@test "--volume: a link through /proc leads nowhere: what we have open is not the image's" {
  local who
  mkdir v
  chmod 777 v
  for who in "${everybody[@]}"; do
    make_image "$who"
    as "$who" sh -c "cd '$image' && ln -s /proc/self/cwd magic && ln -s /proc/1/root root-of-one"
    refused_place "$who" "ELOOP" /magic/place
    refused_place "$who" "ELOOP" /proc/self/root/place
    refused_place "$who" "ELOOP" /root-of-one/place
  done
}

@test "--volume: while a link and a directory change places, nothing on the host is touched" {
  # CVE-2021-30465: one container changes a directory of a shared volume into a link and back, while
  # volumes are put below it in others: sixty times a run.
  local runs=10 i volumes=() hit=''
  requires root
  [ ! -x /vm/busybox ] || runs=2
  make_image root
  mkdir -p shared/dir v canary "$image$PWD/canary"
  echo untouched >canary/file
  chmod 777 shared v
  ln -s "$PWD/canary" shared/link
  for i in {1..60}; do volumes+=(-v "$PWD/v:/s/dir/place$i"); done
  # RENAME_EXCHANGE: there is always something of that name.
  perl -e 'my ($n, $here, $one, $other) = (shift() + 0, -100, "shared/dir", "shared/link");
      while (1) { syscall($n, $here, $one, $here, $other, 2) == 0 or die "renameat2: $!" }' \
    "$([ "$(uname -m)" = x86_64 ] && echo 316 || echo 276)" 3>&- &
  starters+=($!)

  # The control: look first, then make, as one would by hand. It must be seen to lose the race.
  cat >by-hand <<'RACE'
for ((i = 0; i < 3000; i++)); do
  [ -h shared/dir ] || mkdir shared/dir/race 2>/dev/null
  ! [ -e canary/race ] || { rmdir canary/race; echo hit; exit; }
  rmdir shared/dir/race shared/link/race 2>/dev/null
done
RACE
  hit=$(bash by-hand || true)
  assert_equal hit "$hit" "The control has failed: to look first and make then must lose this race."

  for ((i = 1; i <= runs; i++)); do
    "$STEP" -q --userns host --rootfs "$image" -v "$PWD/shared:/s" "${volumes[@]}" /bin/true >said 2>&1 3>&- ||
      fail "A run has failed, so that nothing has been proved: $(<said)"
  done
  kill -KILL "${starters[@]}"
  wait "${starters[@]}" || true
  starters=()
  assert_equal file "$(ls -A canary)" "A volume's place was made on the host, where a link led."
  assert_equal untouched "$(<canary/file)"
}

@test "--tmpfs: a file system in memory, as large and as open as was asked for" {
  local who
  for who in "${everybody[@]}"; do
    run_as "$who" -q --tmpfs /t:size=1m,mode=0700 --tmpfs /deep/u sh -c 'stat -c %a /t /deep/u; df -k /t /deep/u | awk "NR > 1 { print \$2 }"
      cp /bin/busybox /deep/u/ 2>/dev/null || cp /bin/sh /deep/u/; /deep/u/* true 2>/dev/null || echo "not executed"'
    assert_equal "700 1777 1024 65536 not executed" "$(paste -sd ' ' <<<"$output")" "As $who: $stderr"
  done
}

@test "bad volumes, bad sizes, bad layers are refused by name, before anything is made" {
  local option value said long
  long=$(printf 'x%.0s' {1..300})
  while read -r option value; do
    status=0
    said=$(as "${everybody[0]}" "$STEP" "$option" "$value" echo started 2>&1) || status=$?
    output=$said stderr=$said
    assert_status 125 "$option \"$value\" must be refused."
    assert_stderr_has "$option: \"$value\": "
    assert_stderr_lacks "[ns] " "$option \"$value\" was refused too late: something had been done."
  done <<BAD
-v x
-v :
-v :/x
-v /etc:
-v /etc:relative
-v /etc:/
-v /etc:///
-v /etc:/.
-v /etc:/a/../b
-v /etc:/..
-v /etc:/x:rx
-v /etc:/x:ro,
-v /etc:/x:ro:ro
-v /etc:/x:z,,q
-v no-slash-in-it:/x
-v /missing:/x
-v /etc:/$long
--tmpfs x
--tmpfs /
--tmpfs /x:
--tmpfs /x:size=
--tmpfs /x:size=1q
--tmpfs /x:size=0
--tmpfs /x:rw,exec
--tmpfs /x:mode=8
--tmpfs /x:mode=77777
--tmpfs /x:size=1m,
--tmpfs /x:exec
--tmpfs /../x
--upper-size 0
--upper-size 1
--upper-size -1
--upper-size 10Q
--upper /missing/deeper
--upper /etc/passwd
--upper /etc/passwd/x
--rootfs /missing
--rootfs :
--rootfs /etc:
--rootfs /etc::/usr
--rootfs /etc:/
--rootfs /etc:/missing
--rootfs /etc/passwd
BAD
  for option in -v --tmpfs --upper --upper-size --rootfs; do
    run_as "${everybody[0]}" "$option"
    assert_status 125
    assert_stderr_has "$option: expected"
    run_as "${everybody[0]}" "$option" '' echo started
    assert_status 125
  done
}

@test "the options are in --help" {
  local option
  run_step --help
  for option in --rootfs --host --upper --upper-size --diff -v --volume --tmpfs --read-only; do assert_output_has " $option "; done
}

# --- The host, as a root ------------------------------------------------------------------

@test "--host: all of the host is there, and nothing that is written touches it" {
  local who file
  needs_host_view "${everybody[0]}"
  for who in "${everybody[@]}"; do
    # Where what is above it is theirs, too, or is the top of a layer: to change it, that is copied up.
    file=$(as "$who" mktemp -u -p /tmp of-the-host.XXXXXX)
    as "$who" sh -c 'echo original >"$1"; mkdir -p "$1.d/e"' sh "$file"
    run_as "$who" -q --host sh -c 'cat "$1" && echo changed >"$1" && cat "$1" && echo x >"$1.d/new" && id -u; cat /etc/passwd | head -n 1' sh "$file"
    assert_status 0 "As $who: $stderr"
    assert_equal "original changed 0 $(head -n 1 /etc/passwd)" "$(paste -sd ' ' <<<"$output")" "As $who: the host's files must be there, and seem to change."
    assert_equal original "$(<"$file")" "As $who: what was written in the view has changed the host."
    if "$ROOT/tests/doctor" --has overlay-user >/dev/null; then # before 6.6 no directory can be removed there
      run_as "$who" -q --host sh -c 'rm -r "$1.d" && mkdir "$1.d" && ls -A "$1.d"; rm "$1"' sh "$file"
      assert_status 0 "As $who: $stderr"
      assert_equal "" "$output"
    fi
    [ -f "$file" ] && [ -d "$file.d/e" ] && [ ! -e "$file.d/new" ] || fail "As $who: what was removed or made in the view has changed the host."
    rm -rf "$file" "$file.d"
  done
}

@test "--host: programs of the host run, its processes and sockets are out of reach" {
  local who
  needs_host_view "${everybody[0]}"
  for who in "${everybody[@]}"; do
    run_as "$who" -q --host bash -c 'echo "$BASH_VERSION" | grep -c .; ls -A /run /proc/1/root/run; ls -d /proc/[0-9]* | wc -l'
    assert_status 0
    [ "$(tail -n 1 <<<"$output")" -lt 5 ] || fail "As $who: the host's processes are to be seen."
    assert_equal 1 "${lines[0]}"
  done
}

@test "--host: what is mounted below a directory is there, too, and is not changed either" {
  requires root
  [ -x /usr/bin/perl ] || skip "needs perl"
  # Not in /tmp, each of whose entries would be a layer then.
  cat >see <<MOUNTS
mount -t tmpfs none /mnt && mkdir /mnt/other && mount -t tmpfs none /mnt/other && mkdir /mnt/other/d && echo mounted >/mnt/other/d/file &&
touch /mnt/here && "$STEP" -q --userns host --host sh -c 'cd /mnt; cat other/d/file; echo changed >other/d/file; cat other/d/file; touch here new; ls here' &&
cat /mnt/other/d/file; ls /mnt/new
MOUNTS
  run --separate-stderr -- in_private_namespaces bash see
  assert_equal "mounted changed here mounted" "$(paste -sd ' ' <<<"$output")" "What the host has mounted is a part of the host: $stderr"
}

@test "--host goes with neither --rootfs nor --upper" {
  make_image "${everybody[0]}"
  run_as "${everybody[0]}" -q --host --rootfs "$image" echo started
  assert_status 125
  assert_stderr_has "--host"
  run_as "${everybody[0]}" -q --host --upper up echo started
  assert_status 125
  [ ! -e up ] || fail "It was refused, but something was made."
}

# --- Where the kernel can not: a copy -------------------------------------------------------

# Sets idmap: the number of the parent's call that maps the first layer's owners, for strace -e inject.
find_idmap()
{
  strace -qq -o trace -e trace=mount_setattr -- "$STEP" -q "$@" /bin/true || true
  idmap=$(awk '/MOUNT_ATTR_IDMAP/ { print NR; exit }' trace)
  [ -n "$idmap" ] || fail "No owners are mapped (mount_setattr, MOUNT_ATTR_IDMAP)."
}

# check_copy WHO INJECT [-f]: with that call failing, of the child's with -f, of the parent's without, a container on an image with everything in it is the same.
check_copy()
{
  local who=$1 inject=$2 look
  shift 2
  look='cd /only-here && for f in *; do stat -c "%n %a %u:%g %h %s %Y %F" "$f"; done | grep -v "^below "
    readlink link; cat hard mark; touch /new; rm -r below; mkdir below; ls -A below; stat -c %a:%u / /tmp'
  as_whom=$who
  rm -f trace
  run_as "$who" -q --rootfs "$image" sh -c "$look"
  assert_status 0
  cp /dev/null said
  echo "$output" >said
  run --separate-stderr -- strace "$@" -qq -o trace -e trace=mount,mount_setattr -e inject="$inject" -- "$STEP" --rootfs "$image" sh -c "$look"
  assert_status 0 "As $who, with $inject: $stderr"
  assert_stderr_has copied "As $who: a copy must be said."
  # How large a directory is, is the file system's own business.
  # shellcheck disable=SC2001 # a regular expression
  diff <(sed 's/ [0-9]* \([0-9]* directory\)$/ \1/' said) <(sed 's/ [0-9]* \([0-9]* directory\)$/ \1/' <<<"$output") >difference ||
    fail "As $who, with $inject, a copy is not what an overlay is: $(<difference)"
}

@test "owners that can not be mapped, overlays that can not be had: all is copied, and the same" {
  local who number as_whom
  requires root strace
  for who in "${everybody[@]}"; do
    make_image "$who"
    (
      cd "$image/only-here"
      as "$who" ln mark hard
      as "$who" ln -s ../x link
      as "$who" mkfifo pipe
      as "$who" sh -c 'echo x >setuid; chmod 4755 setuid; mkdir sticky; chmod 1777 sticky; touch -d "2001-02-03 04:05:06" mark'
      [ "$who" = user ] || { echo y >theirs && chown 1234:4321 theirs; }
      as "$who" sh -c 'dd if=/dev/zero of=sparse bs=1 count=1 seek=8388607 2>/dev/null'
    )
    if [ "$who" = root ]; then
      find_idmap --rootfs "$image"
      check_copy root "mount_setattr:error=ENOSYS:when=$idmap"
      check_copy root "mount_setattr:error=EINVAL:when=$idmap"
    fi
    if ! copies "$who"; then
      rm -f trace
      as_whom=$who
      number=$(strace -f -qq -o trace -e trace=mount -- "$STEP" -q --rootfs "$image" /bin/true &&
        awk '/mount\(/ { n[$1]++ } /"overlay"/ { print n[$1]; exit }' trace)
      check_copy "$who" "mount:error=EINVAL:when=$number" -f
      check_copy "$who" "mount:error=EPERM:when=$number" -f
    fi
  done
}

@test "a copy holds the devices of the image back" {
  requires root strace
  make_image root
  mknod "$image/only-here/disk" b 7 0
  run_as root -q --rootfs "$image" sh -c 'ls -l /only-here/disk; head -c 1 /only-here/disk || echo refused'
  assert_output_has refused "A device in an image must open nothing."
  find_idmap --rootfs "$image"
  run --separate-stderr -- strace -qq -o trace -e trace=mount_setattr -e "inject=mount_setattr:error=ENOSYS:when=$idmap" -- \
    "$STEP" --rootfs "$image" sh -c 'ls /only-here'
  assert_output_lacks disk
  assert_stderr_has "without 1 devices"
}

@test "a copy and --upper do not go together, and it is said why" {
  requires root strace
  make_image root
  find_idmap --rootfs "$image" --upper up
  run --separate-stderr -- strace -qq -o trace -e trace=mount_setattr -e "inject=mount_setattr:error=EINVAL:when=$idmap" -- \
    "$STEP" -q --rootfs "$image" --upper up echo started
  assert_status 125
  assert_output_lacks started
  assert_stderr_has "takes an overlay"
}

@test "another failure than those that say 'not here' is no reason for a copy" {
  requires root strace
  make_image root
  find_idmap --rootfs "$image"
  run --separate-stderr -- strace -qq -o trace -e trace=mount_setattr -e "inject=mount_setattr:error=ENOMEM:when=$idmap" -- \
    "$STEP" -q --rootfs "$image" echo started
  assert_status 125
  assert_stderr_has ENOMEM
  assert_output_lacks started
}

# --- The log ----------------------------------------------------------------------------------

@test "the log tells the truth" {
  local as_whom
  requires root strace
  mkdir -p v
  chmod 777 v
  for as_whom in "${everybody[@]}"; do
    make_image "$as_whom"
    rm -f trace
    assert_log_true --rootfs "$image" -v "$PWD/v:/a/v:ro" -v "$PWD/v:/w" --tmpfs /t --read-only sh -c 'exit 7'
    assert_status 7
    # Refused before 5.11, as another test has it.
    "$ROOT/tests/doctor" --has idmap >/dev/null || continue
    assert_log_true --host true
    assert_status 0
  done
}

@test "the log tells the truth of --upper, of a copy, and without a user namespace" {
  requires root strace
  local verdict
  make_image root
  needs_overlay root
  assert_log_true --rootfs "$image" --upper up true
  assert_status 0
  assert_log_true --userns host --rootfs "$image" --upper up2 true
  assert_status 0
  find_idmap --rootfs "$image"
  run --separate-stderr -- strace -y -s 4096 -o trace -e "inject=mount_setattr:error=ENOSYS:when=$idmap" -- "$STEP" --rootfs "$image" true
  assert_status 0
  # Of the parent: the child was not traced.
  verdict=$("$ROOT/tests/log-truth" <(sed 's/^/1 /' trace) 2>&1) || fail "$verdict"
}

# --- Faults -------------------------------------------------------------------------------------

# Those that this step adds; the others are proved with the steps that make them.
calls=open_tree,fsopen,fsmount,openat2,socketpair,umount2,mkdirat

# Where all is copied, nothing is kept.
kept=(--upper up)
"$ROOT/tests/doctor" --has idmap >/dev/null || kept=()

# With -P strace finds a descriptor by its path, which is / for all that is attached nowhere.
is_known()
{
  [[ $1 != child:mkdirat:* && ($1 != child:openat2:* || $1 == child:openat2:[12]:/) ]]
}

check_error()
{
  local error=ENOMEM
  is_known "$1" || return 0
  run_with_error "$1" "$error" "${@:2}"
  assert_status 125 "A failed set-up is the step's own error, and 125 says so."
  assert_stderr_has "$error" "The error must name the errno, or nobody can tell why."
}

@test "whichever call fails, the error is named and nothing stays" {
  requires root strace
  make_image root
  mkdir v
  for_each_call "$calls" check_error --rootfs "$image" "${kept[@]}" -v "$PWD/v:/a/v" --tmpfs /t --read-only /bin/true
  assert_clean
}

check_kill()
{
  is_known "$1" || return 0
  run_with_kill "$1" "${@:2}"
  [ "$status" -ne 0 ] || fail "it was killed, and says that all went well"
}

@test "killed at any call, it leaves nothing behind, and --upper can be used again" {
  requires root strace
  make_image root
  mkdir v
  inventory "$image" >before
  for_each_call "$calls,mount_setattr" check_kill --rootfs "$image" "${kept[@]}" -v "$PWD/v:/a/v" --tmpfs /t --read-only /bin/true
  assert_clean
  inventory "$image" >after
  diff before after || fail "The image was changed."
  assert_equal "" "$(ls -A v)"
  needs_overlay root
  run_step --rootfs "$image" --upper up sh -c 'touch /x && rm -r /only-here && echo works'
  assert_equal works "$output"
}
