#!/usr/bin/env bats
# shellcheck disable=SC2016 # $ is for a shell inside
# shellcheck disable=SC2030,SC2031 # each test is a process of its own
# shellcheck disable=SC2154 # status, output and stderr are set by bats' run
#
# Step 10: import, save, load, commit: what comes in, what goes out, and what must not.
# That others read what is written here, and the other way round: 10-peers.bats.

# bats file_tags=thorough

load ../helpers
load ../containers
load ../image
load ../images

archive_py=$ROOT/tests/image/archive.py

setup_file()
{
  [ -n "${IMAGE_TOOL:-}" ] || make -s -C "$ROOT" image-tool
  [ -x "$STEP" ] || fail "there is no program $STEP; make it first: make ${STEP##*/}"
  chmod a+x "$BATS_RUN_TMPDIR"
  host_snapshot
}

setup()
{
  begin_store
}

teardown()
{
  end_images
  [ -z "${mounted:-}" ] || umount -l "$mounted"
}

# archive FILE LINE…: a line for each entry, "kind  key=value…" with two blanks between
archive()
{
  printf '%s\n' "${@:2}" | sed 's/  */\t/g; s/_/ /g' | "$tool" write >"$1"
}

needs()
{
  command -v "$1" >/dev/null || skip "needs $1: it is not on this host; tests/install-tools installs it"
}

# The digest of the only layer that there is, and where it is.
only_layer()
{
  local all=("$NSCTL_ROOT"/layers/*)
  assert_equal 1 "${#all[@]}" "There must be one layer: ${all[*]}"
  printf '%s\n' "${all[0]}"
}

# What there is of images: nothing, if all was refused. What is being made begins with a dot, and is swept by the next.
stored()
{
  find "$NSCTL_ROOT/layers" "$NSCTL_ROOT/images" -mindepth 1 -maxdepth 1 2>/dev/null
  find "$NSCTL_ROOT" -maxdepth 1 -name '.*' ! -name .
}

assert_nothing_stored()
{
  assert_equal "" "$(stored)" "$1: nothing of it may be left in the store."
}

# --- import -----------------------------------------------------------------------------

@test "a root file system, plain, with gzip, with zstd, from a pipe and as a directory: the same layer, the same files" {
  make_full_tree
  # Of an ordinary user's directory the files are root's in the image.
  local as_root=()
  [ "$(id -u)" -eq 0 ] || as_root=(unshare --map-root-user)
  "${as_root[@]}" "$tool" pack tree x.tar >/dev/null
  gzip -kn x.tar
  zstd -q x.tar
  local what digest
  digest=$(sha256sum <x.tar)
  for what in x.tar x.tar.gz x.tar.zst - tree; do
    run_step import "$what" "image:$((++number))" <x.tar.gz
    assert_status 0
    assert_output_matches '^sha256:[0-9a-f]{64}$'
    assert_equal "$NSCTL_ROOT/layers/${digest%% *}" "$(only_layer)" "$what: the layer's digest is that of the plain archive."
  done
  diff <(state_of tree) <(state_of "$(only_layer)/tree") || fail "Something is not as it was."
  assert_equal "" "$stderr"
}

@test "an image of a directory is run" {
  "$STEP" -q import -c 'CMD ["/bin/sh","-c","echo $A $0"]' -c 'ENV A=b' -c 'WORKDIR /tmp' "$rootfs" base >id
  run_step run --rm --net none base
  assert_equal "b /bin/sh" "$output"
  run_step run --rm --net none base pwd
  assert_equal /tmp "$output"
  run_step image inspect base
  assert_output_has "$(sed s/sha256:// id)"
}

@test "who ignores SIGCHLD can import, save and load all the same" {
  make_full_tree
  tar -C tree -czf x.tar.gz .
  run env --ignore-signal=CHLD "$STEP" -q import x.tar.gz base
  assert_status 0 "gzip's end has to be seen: $output"
  run env --ignore-signal=CHLD "$STEP" -q save -o saved base
  assert_status 0 "$output"
  "$STEP" -q rmi base
  gzip saved
  run env --ignore-signal=CHLD "$STEP" -q load -i saved.gz
  assert_status 0 "$output"
}

@test "without a name it is called by its id" {
  "$STEP" -q import "$rootfs" >id
  id=$(sed s/sha256:// id)
  run_step run --rm --net none "${id:0:12}" echo hello
  assert_equal hello "$output"
}

@test "instructions are held against the language, before anything is made" {
  local change
  for change in 'RUN x' 'FROM x' 'COPY a b' 'EXPOSE 99999' 'CMDD x' 'ENV' 'USER' $'CMD a\nCMD b' 'CMD ["a",'; do
    run_step import -c "$change" "$rootfs" base
    assert_status 125 "--change '$change' must be refused."
    [[ $stderr == *change* || $stderr == *" -c: "* ]] || fail "--change '$change': not said what is wrong: $stderr"
  done
  for change in Base base:a/b ../base base@sha256:1 '' scratch; do
    run_step import "$rootfs" "$change"
    assert_status 125 "The name '$change' must be refused."
  done
  assert_nothing_stored "Refused instructions and names"
  "$STEP" -q import -c 'EXPOSE 80 8000-8001/udp' -c 'LABEL a="b c" d=e' -c 'ENV A=1 B=$A$A' -c 'ENTRYPOINT echo x' -c 'STOPSIGNAL TERM' \
    -c 'VOLUME /data' -c 'USER 7' -c 'WORKDIR /x/../a//' -c 'WORKDIR ./b/c/..' -m why "$rootfs" base >/dev/null
  local text
  text=$(cat "$NSCTL_ROOT"/images/base/latest/metadata.json)
  for part in '"ExposedPorts":{"80/tcp":{},"8000/udp":{},"8001/udp":{}}' '"Env":["A=1","B=11"]' '"Entrypoint":["/bin/sh","-c","echo x"]' \
    '"Labels":{"a":"b c","d":"e"}' '"StopSignal":"TERM"' '"Volumes":{"/data":{}}' '"User":"7"' '"WorkingDir":"/a/b"' '"comment":"why"'; do
    [[ $text == *"$part"* ]] || report "Settings" "expected" "$part" "in" "$text"
  done
}

@test "what is no root file system is refused, and nothing is left of it" {
  make_full_tree
  "$tool" pack tree x.tar >/dev/null
  : >empty
  gzip -k empty
  head -c 5000 x.tar >short
  head -c 100000 /dev/urandom >noise
  gzip -c x.tar | head -c 20000 >short.gz
  archive whiteout.tar 'file  path=.wh.f'
  xz -k -0 <x.tar | head -c 1000 >x.tar.xz
  local what
  for what in empty empty.gz short noise short.gz whiteout.tar x.tar.xz nonesuch / "$NSCTL_ROOT" "$BATS_TEST_TMPDIR" /dev/null; do
    run_step import "$what" base
    assert_status 125 "$what must be refused."
    [ -n "$stderr" ] || fail "$what: no word about why."
    assert_nothing_stored "$what"
  done
  run_step import - base <empty
  assert_status 125
  assert_stderr_has "standard input"
  run_step import x.tar base extra
  assert_status 125
}

@test "devices are refused, left out, or made, as is asked for" {
  archive x.tar 'character  path=null  device=1:3' 'file  path=f  data=x'
  run_step import x.tar base
  assert_status 125
  assert_stderr_has 'x.tar: entry 1 at byte 0 ("null"): a device'
  assert_nothing_stored "A device"
  run_step import --no-devices x.tar base
  assert_status 0
  assert_stderr_has "left out: 1 device"
  assert_equal f "$(ls "$(only_layer)/tree")"
  run_step import --devices --no-devices x.tar base
  assert_status 125
  if [ "$(id -u)" -eq 0 ]; then
    run_step rmi base
    run_step import --devices x.tar base
    assert_status 0
    [ -c "$(only_layer)/tree/null" ] || fail "It was to be made."
  fi
}

@test "devices of an archive of images are refused, left out, or made, as is asked for" {
  needs python3
  archive one.tar 'character  path=null  device=1:3' 'file  path=f  data=x'
  archive two.tar 'file  path=g  data=y'
  python3 "$archive_py" x.tar none one.tar two.tar two.tar
  run_step load -i x.tar
  assert_status 125
  assert_stderr_has '("null"): a device'
  assert_nothing_stored "A device"
  run_step load --devices --no-devices -i x.tar
  assert_status 125
  assert_stderr_has "which of them?"
  run_step load --no-devices -i x.tar
  assert_status 0
  assert_stderr_has "left out: 1 device"
  if [ "$(id -u)" -eq 0 ]; then
    run_step rmi made:1
    run_step load --devices -i x.tar
    assert_status 0
    find "$NSCTL_ROOT/layers" -type c -name null | grep -q . || fail "It was to be made."
    requires unprivileged
    chmod 755 . && chmod 644 x.tar
    run --separate-stderr as_user env NSCTL_ROOT="$PWD/none" "$STEP" -q load --devices -i x.tar
  else
    run_step load --devices -i x.tar
  fi
  assert_status 125
  assert_stderr_has "only root may make devices"
}

# A store of the user's, and a place in which that user may write.
user_store()
{
  requires unprivileged
  mkdir -p "$NSCTL_ROOT" place
  chmod 755 .
  # No file of it is for root alone, which the user could not read.
  [ -e rootfs.tar ] || pack_rootfs rootfs.tar
  chmod 644 rootfs.tar
  chown -R "$(as_user id -u):$(as_user id -g)" "$NSCTL_ROOT" place
}

# Where the user has a range of ids: "user" of the machine, or here whoever as_user is.
with_ranges()
{
  local name
  name=$(as_user id -un)
  if [ "$(id -u)" -ne 0 ] || grep -q "^$name:" /etc/subuid 2>/dev/null; then
    "$@"
    return
  fi
  printf '%s:300000:65536\n' "$name" >"$BATS_TEST_TMPDIR/subids"
  chmod 644 "$BATS_TEST_TMPDIR/subids"
  export ranges=$BATS_TEST_TMPDIR/subids
  export -f as_user set_user_words user_round_trip
  unshare --mount -- bash -c 'mount --bind "$ranges" /etc/subuid && mount --bind "$ranges" /etc/subgid && "$@"' - "$@"
}

user_round_trip()
{
  as_user "$STEP" -q import owned.tar one || return
  as_user "$STEP" -q run --rm --net none one /bin/sh -c 'stat -c "%u:%g %a" /of-others /set-id' || return
  as_user "$STEP" -q save -o place/one.tar one || return
  as_user "$STEP" -q rmi one >/dev/null || return
  as_user "$STEP" -q load -i place/one.tar || return
  as_user "$STEP" -q run --rm --net none one /bin/sh -c 'stat -c "%u:%g %a" /of-others /set-id' || return
  as_user "$STEP" -q save one | cmp - place/one.tar
}

@test "an ordinary user with ranges of ids: owners are as in the image, on the way in and out" {
  requires root newuidmap
  user_store
  mkdir tree
  echo x >tree/of-others
  cp /bin/true tree/set-id
  chown 5:6 tree/of-others
  chown 7:7 tree/set-id
  chmod 6755 tree/set-id
  cp rootfs.tar owned.tar
  tar -rf owned.tar --numeric-owner -C tree of-others set-id
  run --separate-stderr with_ranges user_round_trip
  assert_status 0
  assert_output_matches '^sha256:[0-9a-f]{64}
5:6 644
7:7 6755
Loaded image: one:latest
5:6 644
7:7 6755$'
  # And they are what root's are: the same bytes.
  mkdir root-store
  NSCTL_ROOT=$PWD/root-store "$STEP" -q load -i place/one.tar >/dev/null
  NSCTL_ROOT=$PWD/root-store "$STEP" -q save one | cmp - place/one.tar
}

@test "an ordinary user with one id: everything is that one's" {
  user_store
  ! grep -q "^$(as_user id -un):" /etc/subuid || skip "not for step 10 where the user has ranges: the test above is"
  run --separate-stderr as_user "$STEP" -q import rootfs.tar one
  assert_status 0
  run --separate-stderr as_user "$STEP" -q run --rm --net none one echo hello
  assert_equal hello "$output"
  as_user "$STEP" -q save -o place/one.tar one
  run --separate-stderr as_user "$STEP" -q load -i place/one.tar
  assert_equal "Loaded image: one:latest" "$output"
}

# --- import: what an archive may not do ------------------------------------------------------
# Each is tried twice: on us, and on an unpacker that does as it is told, which must fall for it.

sandbox_state()
{
  find sandbox -path sandbox/layer -prune -o ! -path sandbox -printf '%p %y %m %n %l\n' | sort
  find sandbox/canary -type f -exec sha256sum {} + | sort
  [ -d sandbox/layer ] && [ ! -L sandbox/layer ] || echo 'the layer is no directory'
}

make_sandbox()
{
  rm -rf sandbox
  mkdir -p sandbox/layer sandbox/canary/full
  echo sings >sandbox/canary/file
  sandbox=$PWD/sandbox
}

# attack WHAT REFUSAL LINE…: by import as a root file system, and by load as a layer.
attack()
{
  local before way
  archive evil.tar "${@:3}"
  make_sandbox
  before=$(sandbox_state)
  "$tool" naive evil.tar sandbox/layer 2>/dev/null || true
  [ "$before" != "$(sandbox_state)" ] || fail "$1: the naive unpacker was not harmed, so this is no attack"
  make_sandbox
  # As deep as a layer's tree is below the store, so that ../canary is what is meant.
  export NSCTL_ROOT=$sandbox/store
  mkdir -p "$NSCTL_ROOT"
  python3 "$archive_py" evil.oci.tar none evil.tar
  before=$(sandbox_state)
  for way in "import evil.tar x" "load -i evil.oci.tar"; do
    # shellcheck disable=SC2086 # words
    run_step $way
    assert_status 125 "$1: $way must refuse it."
    assert_stderr_has ": entry "
    assert_stderr_has "$2"
    assert_equal "$(grep -v /store <<<"$before")" "$(sandbox_state | grep -v /store)" "$1: nothing outside may change."
    assert_nothing_stored "$1"
  done
}

@test "attack: 20 archives that reach out of their layer" {
  needs python3
  make_sandbox
  attack 'a name with ..' 'may lead out' 'file  path=../canary/new  data=x'
  attack '.. after a directory' 'may lead out' 'directory  path=a' 'file  path=a/../../canary/new  data=x'
  attack 'an absolute name' 'is outside of the layer' "file  path=$sandbox/canary/new  data=x"
  attack 'a directory outside' 'may lead out' 'directory  path=../canary/d'
  attack 'a pipe outside' 'may lead out' 'fifo  path=../canary/p'
  attack 'a link outside' 'may lead out' 'symlink  path=../canary/l  target=x'
  attack 'in a pax header' 'may lead out' "file  path=../canary/$(printf 'n%.0s' {1..120})"
  attack 'over and over' 'may lead out' 'file  path=./././../canary/new'
  attack 'through an absolute link' 'leads to none' "symlink  path=l  target=$sandbox/canary" 'file  path=l/new  data=x'
  attack 'through a relative link' 'leads to none' 'symlink  path=l  target=../canary' 'file  path=l/new  data=x'
  attack 'through two links' 'leads to none' 'symlink  path=a  target=b' 'symlink  path=b  target=../canary' 'file  path=a/new'
  attack 'deeper in' 'leads to none' 'directory  path=d' 'symlink  path=d/l  target=../../canary' 'file  path=d/l/full/new'
  attack 'a directory through a link' 'leads to none' 'symlink  path=l  target=../canary' 'directory  path=l/d'
  attack 'a link through a link' 'leads to none' 'symlink  path=l  target=../canary' 'symlink  path=l/m  target=x'
  attack 'through /proc' 'leads to none' 'symlink  path=l  target=/proc/self/root' "file  path=l$sandbox/canary/new"
  attack 'a hard link out' 'its target has ".."' 'hard-link  path=h  target=../canary/file' 'file  path=h  data=silence'
  attack 'an absolute hard link' 'its target is absolute' "hard-link  path=h  target=$sandbox/canary/file" 'file  path=h  data=silence'
  attack 'a hard link through a link' 'not in the archive before it' 'symlink  path=l  target=../canary' \
    'hard-link  path=h  target=l/file' 'file  path=h  data=silence'
  attack 'a link in place of all' 'in place of the layer itself' 'symlink  path=.  target=canary' 'file  path=new  data=x'
  attack '.. of a whiteout' 'may lead out' 'file  path=../canary/.wh.file'
}

@test "attack: what a layer may say that is gone" {
  needs python3
  local name
  for name in .wh. .wh.. .wh... .wh..wh.x; do
    archive evil.tar "file  path=d/keep  data=x" "file  path=d/$name"
    python3 "$archive_py" evil.oci.tar none evil.tar
    run_step load -i evil.oci.tar
    assert_status 125 "$name must be refused."
    assert_stderr_has 'which is no name'
    assert_nothing_stored "$name"
  done
  archive good.tar "file  path=d/keep  data=x" "file  path=d/.wh.other"
  python3 "$archive_py" good.oci.tar none good.tar
  run_step load -i good.oci.tar
  assert_status 0 "The control: that is what one says."
}

@test "attack: a bomb of holes" {
  truncate -s 10G huge
  tar -Sczf huge.tar.gz huge
  run_step import huge.tar.gz base
  assert_status 125
  assert_stderr_has 'which is the limit'
  assert_nothing_stored "10 GB of holes"
  truncate -s 1G large
  tar -Sczf large.tar.gz large
  run_step import large.tar.gz base
  assert_status 0 "The control: a gigabyte of holes is none."
}

# --- save, load ----------------------------------------------------------------------------------

# An image of three layers, of which the upper ones take away what the lower have.
make_layers()
{
  archive one.tar 'directory  path=d' 'file  path=d/below  data=1' 'file  path=gone  data=1' 'file  path=stays  data=1  mode=4755  uid=5  gid=6' \
    'hard-link  path=same  target=stays' 'directory  path=e' 'file  path=e/f  data=1'
  archive two.tar 'file  path=.wh.gone' 'directory  path=d' 'file  path=d/.wh..wh..opq' 'file  path=d/above  data=2'
  archive three.tar 'directory  path=e' 'file  path=e/.wh.f' 'symlink  path=link  target=stays' 'file  path=x  data=3  xattr=user.a=b'
}

@test "an image is the same bytes whenever it is saved, into a file and into a pipe" {
  "$STEP" -q import "$rootfs" base >/dev/null
  "$STEP" -q save -o one.tar base
  "$STEP" -q save base >two.tar
  cmp one.tar two.tar
  "$STEP" -q save base | cmp - one.tar
  touch "$(only_layer)/tree" # its time in the archive is that of the image: not of the store
  local format
  for format in gzip zstd; do
    "$STEP" -q save --compress "$format" base >"$format.one"
    "$STEP" -q save --compress "$format" -o "$format.two" base
    cmp "$format.one" "$format.two"
    [ "$(stat -c %s "$format.one")" -lt "$(stat -c %s one.tar)" ] || fail "$format: it is not smaller."
  done
}

@test "what is saved is loaded elsewhere: the same id, the same files" {
  requires root # files of others
  make_full_tree
  "$STEP" -q import -c 'LABEL a=b' tree image:1 >id
  local file format before
  before=$(state_of "$(only_layer)/tree")
  for format in "" "--compress gzip" "--compress zstd"; do
    # shellcheck disable=SC2086 # words
    "$STEP" -q save $format -o x.tar image:1
    gzip -c x.tar >x.tar.gz
    zstd -qf x.tar
    for file in x.tar x.tar.gz x.tar.zst -; do
      export NSCTL_ROOT=$BATS_TEST_TMPDIR/other
      rm -rf "$NSCTL_ROOT"
      if [ "$file" = - ]; then run_step load < <(cat x.tar); else run_step load -i "$file"; fi
      assert_status 0
      assert_equal "Loaded image: image:1" "$output"
      assert_equal "$(cat id)" "sha256:$(sha256sum <"$NSCTL_ROOT/images/image/1/metadata.json" | cut -d ' ' -f 1)"
      assert_equal "$before" "$(state_of "$(only_layer)/tree")" "$format $file"
      export NSCTL_ROOT=$BATS_TEST_TMPDIR/root
    done
  done
}

@test "an image says which machine it is for, wherever that is written" {
  "$STEP" -q import "$rootfs" one >/dev/null
  "$STEP" -q run --name w --net none one /bin/sh -c 'echo new >/new'
  "$STEP" -q commit w two >/dev/null
  "$STEP" -q save -o x.tar one two
  mkdir x
  tar xf x.tar -C x
  assert_equal "linux/$(image_machine)
linux/$(image_machine)" "$(tr '{' '\n' <x/index.json | sed -n 's/^"architecture":"\([^"]*\)","os":"\([^"]*\)".*/\2\/\1/p')"
  local name
  for name in one two; do
    run_step image inspect -f '{{.Os}}/{{.Architecture}}' "$name"
    assert_equal "linux/$(image_machine)" "$output" "$name"
  done
}

@test "several images in one archive have each layer once" {
  "$STEP" -q import "$rootfs" one >/dev/null
  "$STEP" -q tag one two:2
  "$STEP" -q run --name w --net none one /bin/sh -c 'echo new >/new'
  "$STEP" -q commit w three >/dev/null
  "$STEP" -q save -o x.tar one two:2 three one
  assert_equal 2 "$(tar tvf x.tar | awk '$3 > 5000 || /blobs/ && $3 < 5000 && $3 > 1000' | grep -c blobs)" "Two layers"
  export NSCTL_ROOT=$BATS_TEST_TMPDIR/other
  run_step load -i x.tar
  assert_equal "Loaded image: one:latest
Loaded image: two:2
Loaded image: three:latest" "$output"
  run_step run --rm --net none three cat /new
  assert_equal new "$output"
}

@test "save replaces a file as a whole, or leaves it as it is; and writes to what is no file" {
  "$STEP" -q import "$rootfs" base >/dev/null
  echo before >x.tar
  run_step save -o x.tar base
  assert_status 0
  tar tf x.tar >/dev/null
  echo before >x.tar
  echo mine >x.tar.new
  run_step save -o x.tar nonesuch
  assert_status 1 "There is no such image."
  assert_equal before "$(cat x.tar)"
  rm -r "$(only_layer)/tree"
  run_step save -o x.tar base
  assert_status 125 "Its layer has gone."
  assert_equal before "$(cat x.tar)"
  assert_equal "mine" "$(cat x.tar.new)"
  assert_equal "x.tar x.tar.new" "$(echo x.*)" "Nothing is left beside it."
}

@test "save to /dev/stdout, to a link, to a full device" {
  "$STEP" -q import "$rootfs" base >/dev/null
  "$STEP" -q save base >x.tar
  "$STEP" -q save -o /dev/stdout base >y.tar
  cmp x.tar y.tar
  echo before >target
  ln -s target link
  "$STEP" -q save -o link base
  [ -L link ] && cmp x.tar target
  run_step save -o /dev/full base
  assert_status 125
  assert_stderr_has ENOSPC
  run_step save -o nonesuch/x.tar base
  assert_status 125
}

@test "save to a link that somebody else has put into /tmp: refused, and what it leads to is as it was" {
  requires root unprivileged
  "$STEP" -q import "$rootfs" base >/dev/null
  chmod 755 .
  mkdir -m 1777 everybodys
  echo mine >victim
  as_user ln -s "$PWD/victim" everybodys/x.tar
  assert_equal "$(realpath victim)" "$(realpath everybodys/x.tar)" "The control: it leads there." # open(2) may refuse, protected_symlinks
  run_step save -o everybodys/x.tar base
  assert_status 125
  assert_stderr_has "everybodys/x.tar is somebody else's link, to $PWD/victim (EACCES)"
  assert_equal mine "$(cat victim)"
  ln -s "$PWD/victim" everybodys/y.tar
  run_step save -o everybodys/y.tar base
  assert_status 0 "A link of one's own is followed."
  tar tf victim >/dev/null
  as_user ln -s "$PWD/nothing" everybodys/z.tar
  run_step save -o everybodys/z.tar base
  assert_status 0
  [ ! -e nothing ] && [ ! -L everybodys/z.tar ] || fail "A link to nothing is replaced, not followed."
}

@test "no archive goes to a terminal, and none comes from one" {
  "$STEP" -q import "$rootfs" base >/dev/null
  local command
  for command in "save base" "load" "import - x"; do
    run script -qec "'$STEP' -q $command" /dev/null
    assert_status 125 "$command"
    assert_output_matches 'terminal|typed'
  done
}

# whole NAME FILE…: what the image has, as a container sees it.
seen()
{
  "$STEP" -q run --rm --net none --entrypoint /bin/sh "$1" -c 'cd /t && find . | sort && cat d/* stays x'
}

@test "archives of every kind that there is are read" {
  needs python3
  make_layers
  local change
  for change in none gzip-layers nested docker-list no-name docker-too docker-only docker-links; do
    python3 "$archive_py" x.tar "$change" one.tar two.tar three.tar
    rm -rf "$NSCTL_ROOT"
    run_step load -i x.tar
    assert_status 0 "$change"
    assert_equal 3 "$(find "$NSCTL_ROOT/layers" -mindepth 1 -maxdepth 1 | wc -l)" "$change"
    if [ "$change" = no-name ]; then
      assert_output_matches '^Loaded image: [0-9a-f]{12}:latest$'
    else
      assert_equal "Loaded image: made:1" "$output" "$change"
    fi
  done
}

@test "whiteouts and opaque directories mean in a container what they meant in the archive" {
  needs python3
  make_layers
  pack_rootfs base.tar
  python3 "$archive_py" x.tar none base.tar one.tar two.tar three.tar
  "$STEP" -q load -i x.tar
  run_step run --rm --net none made:1 /bin/sh -c 'ls -d /gone /e/f /d/* /e; cat /d/above /x /same; stat -c "%u:%g %a %h" /stays'
  assert_output_lacks /gone
  assert_equal "/d/above
/e
2315:6 4755 2" "$output"
}

# hostile CHANGE SAYS: nothing of such an archive gets in, and it is said why.
hostile()
{
  python3 "$archive_py" x.tar "$1" one.tar two.tar three.tar
  run_step load -i x.tar
  assert_status 125 "$1 must be refused."
  assert_stderr_matches "$2" "$1"
  assert_equal "" "$output"
  assert_nothing_stored "$1"
  assert_equal sings "$(cat canary)"
}

assert_stderr_matches()
{
  [[ $stderr =~ $1 ]] || report "${2:-}" "expected on stderr" "$1" "stderr" "$stderr"
}

begin_hostile()
{
  needs python3
  make_layers
  echo sings >canary
}

# The control of all these is the test above: the same archive without the change is taken.
@test "attack: an archive that lies about what is in it" {
  begin_hostile
  hostile flip-layer 'layer 3 of 3: .*(the digest of what is in the file is sha256:|entry|damaged)'
  hostile flip-config 'the blob sha256:[0-9a-f]* has the digest sha256:'
  hostile flip-manifest 'the blob sha256:[0-9a-f]* has the digest sha256:'
  hostile missing-layer 'a missing blob: sha256:'
  hostile missing-config 'a missing blob: sha256:'
  hostile missing-manifest 'a missing blob: sha256:'
  hostile missing-index 'neither oci-layout and index.json nor manifest.json'
  hostile missing-layout 'neither oci-layout and index.json nor manifest.json'
  hostile other-layout 'imageLayoutVersion'
  hostile short-size 'bytes, and is said to have'
  hostile long-size 'bytes, and is said to have'
  hostile negative-size '"size": expected'
  hostile diff-id 'the digest of what it unpacks to'
  hostile fewer-layers 'speaks of 2 layers, and there are 3'
  hostile more-layers 'speaks of 4 layers, and there are 3'
  hostile docker-flip-config 'has the digest sha256:[0-9a-f]*: it was changed'
  hostile docker-other-layer 'layer 3 of 3: the digest of what is in the file is sha256:'
}

@test "attack: digests and names that are paths, or harm a terminal" {
  begin_hostile
  hostile digest-path '"digest": "sha256:\.\./'
  hostile digest-short '64 small hexadecimal'
  hostile digest-capital '64 small hexadecimal'
  hostile digest-md5 'expected sha256:'
  hostile diff-id-path '64 small hexadecimal'
  hostile name-path 'expected an image'
  hostile name-escape 'expected an image'
  assert_stderr_lacks $'\033'
  hostile docker-path 'is missing in the archive'
}

@test "attack: what one reader takes for this and another for that (CVE-2021-41190)" {
  begin_hostile
  hostile manifest-is-index 'a manifest with "manifests"'
  hostile index-is-manifest 'an index with "layers"'
  hostile manifest-says-index '"mediaType": expected'
  hostile index-leads-to-index '"mediaType": expected'
  hostile index-leads-to-layer 'expected that of a manifest or an index'
  hostile config-is-layer "expected that of an image's config"
  hostile layer-unknown 'is none that an image is made of'
  hostile layer-says-gzip 'is not compressed, and was said to be compressed with gzip'
  hostile layer-elsewhere '"urls"'
  hostile version-1 '"schemaVersion": expected 2'
  hostile twice '"index.json" is in it twice'
  hostile twice-a-key 'index.json:1: .*manifests'
  hostile two-images 'manifest.json speaks of another image'
}

@test "attack: images for other machines, bombs of brackets and of indexes, odd files" {
  begin_hostile
  hostile other-machine "an image for linux/s390x, and this machine is linux/"
  hostile other-system "an image for windows/"
  hostile only-other-machines "images for linux/s390x, and this machine is linux/"
  hostile nested-too-deep 'indexes in indexes, more than 4 deep'
  hostile brackets 'nested'
  hostile fan 'more than 512 indexes and manifests|index.json names no image'
  hostile large-index 'bytes, and may have'
  hostile many-layers 'more than 500 layers'
  hostile name-out 'leads out of the archive'
  hostile name-absolute 'leads out of the archive'
  hostile link-out 'leads out of the archive'
  hostile hard-link 'neither a file'
  hostile device 'neither a file'
  hostile link-to-itself 'missing blob'
  hostile no-image 'names no image'
  hostile no-json 'index.json:1'
}

# Each has a file of a single hole, which takes no room, and is as long as a layer may be.
@test "attack: layers that are no bombs each, but all together" {
  local i layers=()
  begin_hostile
  mkdir large
  for i in {1..9}; do
    truncate -s $(((8 << 30) - 65536)) "large/$i"
    tar -C large --sparse -cf "$i.tar" "$i"
    layers+=("$i.tar")
  done
  python3 "$archive_py" x.tar none "${layers[@]:0:8}"
  run_step load -i x.tar
  assert_status 0 "The control: just what there may be. $stderr"
  "$STEP" -q rmi made:1
  python3 "$archive_py" x.tar none "${layers[@]}"
  run_step load -i x.tar
  assert_status 125
  assert_stderr_has "x.tar: more than 68719476736 bytes in all layers together"
  assert_nothing_stored "What was unpacked until then goes again."
}

@test "a layer that is there already is checked all the same" {
  begin_hostile
  python3 "$archive_py" good.tar none one.tar two.tar three.tar
  "$STEP" -q load -i good.tar
  before=$(find "$NSCTL_ROOT/layers" "$NSCTL_ROOT/images" | sort)
  python3 "$archive_py" x.tar flip-layer one.tar two.tar three.tar
  run_step load -i x.tar
  assert_status 125 "Its digest lies, whoever needs it."
  assert_stderr_has "the digest of what is in the file"
  assert_equal "$before" "$(find "$NSCTL_ROOT/layers" "$NSCTL_ROOT/images" | sort)"
  run_step load -i good.tar
  assert_status 0
}

@test "an archive that is cut short anywhere is refused" {
  begin_hostile
  python3 "$archive_py" whole.tar none one.tar two.tar three.tar
  local size at
  size=$(stat -c %s whole.tar)
  for ((at = 0; at < size - 10240; at += 1500)); do
    head -c "$at" whole.tar >x.tar
    run_step load -i x.tar
    assert_status 125 "$at of $size bytes"
    run_step load < <(head -c "$at" whole.tar)
    assert_status 125 "$at of $size bytes, from a pipe"
    assert_nothing_stored "$at bytes"
  done
}

# --- commit -----------------------------------------------------------------------------------

@test "a container becomes an image: what it has written, upon what it was run from" {
  needs_kept "$(id -un)"
  "$STEP" -q import -c 'ENV A=b' -c 'CMD ["/bin/echo","base"]' "$rootfs" base >/dev/null
  "$STEP" -q run --name w --net none base /bin/sh -c 'echo x >/new; rm /etc/nsctl-rootfs; rm -r /home; mkdir /home; echo y >/home/z'
  run_step commit -a me -m why -c 'CMD ["/bin/cat","/new","/home/z"]' w made:1
  assert_status 0
  assert_output_matches '^sha256:[0-9a-f]{64}$'
  run_step run --rm --net none made:1
  assert_equal "x
y" "$output"
  run_step run --rm --net none made:1 /bin/sh -c 'ls -a /home; ls /etc/nsctl-rootfs; echo $A'
  assert_equal ".
..
z
b" "$output"
  run cat "$NSCTL_ROOT/images/made/1/metadata.json"
  assert_output_has '"author":"me"'
  assert_output_has '"comment":"why"'
  run_step run --rm --net none base
  assert_equal base "$output" "What it was made from stays as it is."
  # Its layer is an archive like any other.
  "$STEP" -q save -o x.tar made:1
  export NSCTL_ROOT=$BATS_TEST_TMPDIR/other
  "$STEP" -q load -i x.tar
  run_step run --rm --net none made:1 /bin/sh -c 'ls /home /etc/nsctl-rootfs'
  assert_equal "/home:
z" "$output"
}

@test "one that runs, and one that was run from directories" {
  needs_kept "$(id -un)"
  mkdir below
  echo below >below/file
  "$STEP" -q run -d --name w --net none --rootfs "$PWD/below:$rootfs" /bin/sleep 1000 >/dev/null
  "$STEP" -q exec w /bin/sh -c 'echo above >/above'
  run_step commit w made
  assert_status 0
  assert_equal 3 "$(find "$NSCTL_ROOT/layers" -mindepth 1 -maxdepth 1 | wc -l)" "Each of the directories is a layer, and what it has written."
  run_step run --rm --net none made cat /file /above
  assert_equal "below
above" "$output"
  run_step ps
  assert_output_has w
}

# bats test_tags=v2
@test "while it is committed it stands still, if that is asked for" {
  requires root cgroup-write
  needs_kept "$(id -un)"
  "$STEP" -q import "$rootfs" base >/dev/null
  "$STEP" -q run -d --name w --net none base /bin/sh -c 'i=0; while :; do i=$((i + 1)); echo $i >/counter; done' >/dev/null
  run_step commit -p w made
  assert_status 0
  run_step inspect w
  assert_output_has '"Paused": false'
}

@test "what can not be committed is said to be" {
  run_step commit nobody made
  assert_status 1
  "$STEP" -q import "$rootfs" base >/dev/null
  "$STEP" -q run --name w --net none --upper-size 1m base /bin/sh -c 'echo x >/new'
  run_step commit w made
  assert_status 125
  assert_stderr_has "in memory"
  "$STEP" -q run --name v --net none base /bin/sh -c 'echo x >/new'
  run_step commit v Made
  assert_status 125
  run_step commit -c 'RUN x' v made
  assert_status 125
  "$STEP" -q rmi -f base >/dev/null
  run_step commit v made
  if [ "$status" -ne 125 ]; then fail "The image is gone."; fi
  assert_stderr_has "was removed"
}

# --- Faults ---------------------------------------------------------------------------------------

# What is in the store and is not whole: drafts are swept by the next who makes a layer.
assert_whole()
{
  local left
  "$STEP" -q import small.tar sweeper >/dev/null || fail "$1: the store can not be used."
  "$STEP" -q rmi sweeper >/dev/null || fail "$1: the store can not be used."
  left=$(
    find "$NSCTL_ROOT/layers" -mindepth 1 -maxdepth 1 -name '.*'
    find "$NSCTL_ROOT" "$BATS_TEST_TMPDIR" -maxdepth 1 \( -name '.spool*' -o -name 'x.tar.*' -o -name '*.new' \)
    find "$NSCTL_ROOT/images" -name '*.new'
    ! "$STEP" -q image ls -q 2>&1 >/dev/null | grep .
  ) || true
  assert_equal "" "$left" "$1: something half is in the store."
  # What is there is whole: it runs.
  if "$STEP" -q image inspect made >/dev/null 2>&1; then
    assert_equal hello "$("$STEP" -q run --rm --net none made /bin/echo hello)" "$1: half an image"
    "$STEP" -q rmi made >/dev/null
  fi
  "$STEP" -q image prune -f >/dev/null 2>&1 || true
}

made_calls=$(calls_here openat,openat2,mkdir,mkdirat,rename,renameat2,linkat,symlinkat,unlink,unlinkat,fsync,syncfs,flock,write,pwrite64,close,fchown,fchmod,fchmodat,ftruncate,lseek,pipe2,socketpair,clone3,vfork,wait4,mmap,read,pread64,utimensat,fsetxattr,mknodat)

# walk_faults FAULT ARG…: at NSCTL_TEST_POINTS calls of ours (24; "all"), of all kinds.
walk_faults()
{
  local fault=$1 call number points=${NSCTL_TEST_POINTS:-24} status
  [ "$points" != all ] || points=1000000
  shift
  requires strace
  strace -o list -e trace="$made_calls" -- "$STEP" -q "$@" >/dev/null 2>&1 || true
  "$STEP" -q rmi made >/dev/null 2>&1 || true
  "$STEP" -q image prune -f >/dev/null 2>&1 || true
  # Not what the loader does, and not one that had failed by itself.
  awk '/NSCTL_|openat.*root/ { seen = 1 } { call = substr($0, 1, index($0, "(") - 1) } call ~ /^[a-z0-9_]+$/ { n[call]++; if (seen && !/ = -1 /) print call, n[call] }' \
    list >all
  [ -s all ] || fail "no calls were seen"
  # One of each kind, then one more of each …, since most are alike.
  awk '{ c[$1]++; line[$1, c[$1]] = $0 }
    END { for (k in c) for (i = 0; i < c[k]; i++) print i, line[k, (int(c[k] / 2) + i * 7919) % c[k] + 1] }' all |
    sort -n -k 1,1 -s | cut -d ' ' -f 2- | head -n "$points" >some
  while read -r -u 9 call number; do
    status=0
    strace --quiet=all -o trace -e trace="$call" -e inject="$call:$fault:when=$number" -- "$STEP" -q "$@" >/dev/null 2>stderr || status=$?
    if [ "$fault" = signal=KILL ] || ! grep -q INJECTED trace; then
      :
    elif [ "$status" -eq 0 ]; then
      # It may be one whose failure costs nothing: a hint, a lock that is not needed, a look at what may not be there.
      case $call in fsync | syncfs | rename | renameat | renameat2 | write | pwrite64 | fchown | fchmod | linkat | mkdirat)
        fail "$call $number has failed, and nobody has noticed." ;;
      esac
    else
      [ "$status" -eq 125 ] || [ "$status" -eq 1 ] || fail "$call $number: exit status $status: $(cat stderr)"
      [ -s stderr ] || fail "$call $number has failed, and nothing was said."
    fi
    assert_whole "$fault at $call $number"
  done 9<some
}

begin_faults()
{
  archive small.tar 'file  path=f  data=x'
  pack_rootfs rootfs.tar
  gzip -k rootfs.tar
  "$STEP" -q import rootfs.tar.gz made >/dev/null
  "$STEP" -q save -o saved.tar made
  "$STEP" -q rmi made >/dev/null
}

@test "import, killed at any call" {
  begin_faults
  walk_faults signal=KILL import rootfs.tar.gz made
}

@test "import, any call failing" {
  begin_faults
  walk_faults error=ENOSPC import rootfs.tar.gz made
}

@test "load, killed at any call" {
  begin_faults
  walk_faults signal=KILL load -i saved.tar
}

@test "load, any call failing" {
  begin_faults
  walk_faults error=EIO load -i saved.tar
}

@test "save, killed at any call, and any call failing" {
  begin_faults
  "$STEP" -q import rootfs.tar.gz base >/dev/null
  walk_faults signal=KILL save -o x.tar base
  [ ! -e x.tar ] || tar tf x.tar >/dev/null || fail "Half an archive has got its name."
  rm -f x.tar
  walk_faults error=ENOSPC save -o x.tar base
  [ ! -e x.tar ] || tar tf x.tar >/dev/null || fail "Half an archive has got its name."
}

@test "an ordinary user's import and load, whoever of them is killed" {
  user_store
  gzip -c rootfs.tar >rootfs.tar.gz
  as_user "$STEP" -q import rootfs.tar.gz made >/dev/null
  as_user "$STEP" -q save -o place/saved.tar made
  as_user "$STEP" -q rmi made >/dev/null
  local i way
  for way in "import rootfs.tar.gz made" "load -i place/saved.tar"; do
    for i in 0.01 0.02 0.04 0.06 0.1; do
      # All of the group: parent, the root of its ids, gzip.
      # shellcheck disable=SC2086 # words
      as_user timeout -s KILL "$i" "$STEP" -q $way >/dev/null 2>&1 || true
      as_user "$STEP" -q rmi made >/dev/null 2>&1 || true
    done
  done
  as_user "$STEP" -q import rootfs.tar.gz made >/dev/null
  assert_equal "" "$(find "$NSCTL_ROOT/layers" -mindepth 1 -maxdepth 1 -name '.*')" "Drafts are swept by the next."
  assert_equal hello "$(as_user "$STEP" -q run --rm --net none made echo hello)"
}

@test "a disk that is full: nothing half is left, and what was there is there" {
  requires root mount
  begin_faults
  mkdir small
  mount -t tmpfs -o size=3m none small
  mounted=$PWD/small
  export NSCTL_ROOT=$PWD/small/root
  "$STEP" -q import small.tar kept >/dev/null
  local way
  for way in "import rootfs.tar.gz made" "import $rootfs made" "load -i saved.tar"; do
    head -c 1500000 /dev/zero >small/filler
    # shellcheck disable=SC2086 # words
    run_step $way
    assert_status 125 "$way"
    assert_stderr_has ENOSPC
    rm small/filler
    assert_equal "1 1" "$(find "$NSCTL_ROOT/layers" -mindepth 1 -maxdepth 1 | wc -l) $(find "$NSCTL_ROOT/images" -mindepth 1 -maxdepth 1 | wc -l)" "$way"
  done
  run_step load <saved.tar
  assert_status 0 "The control: without the filler there is room."
  run_step save -o small/x.tar made
  assert_status 125
  assert_stderr_has ENOSPC
  [ ! -e small/x.tar ] || fail "Half an archive is there."
}

# --- One that is not our own ---------------------------------------------------------------------

files_of()
{
  (cd "$1" && find . ! -type d -printf '%P %y %m %U:%G %s %l\n' | LC_ALL=C sort)
}

@test "Debian's root file system, as a directory and as an archive: bash, apt and perl run in it" {
  requires root debian-root
  local debian=$ROOT/build/rootfs/debian
  tar -C "$debian" --numeric-owner -cf - . | "$STEP" -q import - debian:archive >/dev/null
  "$STEP" -q import "$debian" debian:directory >/dev/null
  local image
  for image in debian:archive debian:directory; do
    run_step run --rm --net none "$image" bash -c 'echo "$BASH_VERSION"; apt --version; apt-get check >/dev/null && perl -e "print 6 * 7"'
    assert_status 0
    assert_output_matches '^5\.[0-9.]+.*-release'
    assert_output_has "apt 2."
    assert_output_matches '42$'
  done
  # What it is made of comes out as it went in: owners, modes, set-id bits.
  local tree
  for tree in "$NSCTL_ROOT"/layers/*/tree; do
    diff <(files_of "$debian") <(files_of "$tree") || fail "$tree: another Debian"
  done
}

# --- What is to be seen -----------------------------------------------------------------------------

@test "progress: on a terminal, in one line that is gone in the end; not in a pipe, not with -q" {
  head -c 60000000 /dev/urandom >noise
  tar cf noise.tar noise
  # With a pause, so that there is something to see.
  run script -qec "(head -c 20000000 noise.tar; sleep 1; tail -c +20000001 noise.tar) | '$STEP' import - noise" /dev/null
  assert_status 0
  assert_output_has "standard input  "
  assert_output_has "MB"
  assert_output_has $'\r\033[K'
  # As many redraws as there are tenths of a second, no more.
  [ "$(grep -o $'\rstandard input' <<<"$output" | wc -l)" -lt 60 ] || fail "It is a flood."
  run script -qec "(head -c 20000000 noise.tar; sleep 1; tail -c +20000001 noise.tar) | '$STEP' -q import - noise" /dev/null
  assert_output_lacks "standard input"
  run bash -c "(head -c 20000000 noise.tar; sleep 1; tail -c +20000001 noise.tar) | '$STEP' import - noise 2>&1"
  assert_output_lacks $'\r'
}

@test "the log is true" {
  requires root strace
  archive small.tar 'file  path=f  data=x'
  assert_log_true import small.tar made
  assert_status 0
  assert_log_true save -o x.tar made
  assert_status 0
  "$STEP" -q rmi made >/dev/null
  assert_log_true load -i x.tar
  assert_status 0
  "$STEP" -q run --name w --net none "$rootfs" /bin/true
  assert_log_true commit w other
  assert_status 0
}
