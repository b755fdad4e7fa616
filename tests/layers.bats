#!/usr/bin/env bats
# Layers: unpacked into a directory and nowhere else, packed again, and what is
# gone in one said as overlay and as archives say it.

# shellcheck disable=SC2154 # status, output and stderr are set by run
# shellcheck disable=SC2016 # much here is for another shell to expand

load helpers
load image

setup()
{
  cd "$BATS_TEST_TMPDIR" || return
  chmod 0755 . # for tests as another user
  mkdir layer
  options=() # for unpack, in attack
}

# archive FILE LINE…: a line for each entry, "kind key=value…" with two blanks between
archive()
{
  printf '%s\n' "${@:2}" | sed 's/  */\t/g; s/_/ /g' | "$tool" write >"$1"
}

unpack()
{
  run --separate-stderr "$tool" unpack "$@"
}

# --- What an archive may not do -------------------------------------------------
# Each attack is tried twice: on us, and on an unpacker that does as it is told,
# which must fall for it, or the attack is none.

make_sandbox()
{
  rm -rf sandbox
  mkdir -p sandbox/layer sandbox/canary/full
  echo 'sings' >sandbox/canary/file
  echo 'sings' >sandbox/canary/full/file
  sandbox=$PWD/sandbox
}

# What is outside of the layer, and what only an attack would leave inside it.
sandbox_state()
{
  find sandbox -path sandbox/layer -prune -o ! -path sandbox -printf '%p %y %m %n %l\n' | sort
  find sandbox/canary -type f -exec sha256sum {} + | sort
  [ -d sandbox/layer ] && [ ! -L sandbox/layer ] || echo 'the layer is no directory'
  find sandbox/layer \( -type b -o -type c \) -printf 'a device: %p\n' 2>/dev/null
  find sandbox/layer ! -type l -exec "$tool" attributes {} + 2>/dev/null || true # it may be gone
}

# harm WHAT LINE…: sets before, what a sandbox is like, and leaves a new one to whom evil.tar comes next.
harm()
{
  archive evil.tar "${@:2}"
  make_sandbox
  before=$(sandbox_state)
  "$tool" naive evil.tar sandbox/layer 2>/dev/null || true
  [ "$before" != "$(sandbox_state)" ] || fail "$1: the naive unpacker was not harmed, so this is no attack"
  make_sandbox
}

# attack WHAT REFUSAL LINE…
attack()
{
  local before
  harm "$1" "${@:3}"
  unpack "${options[@]}" evil.tar sandbox/layer
  assert_status 125 "$1: must be refused"
  assert_stderr_has "evil.tar: entry "
  assert_stderr_has "$2"
  assert_equal "$before" "$(sandbox_state)" "$1: nothing outside of the layer may change"
}

# The same for what is harmless because a layer is its own world.
contained()
{
  local before
  harm "$@"
  unpack evil.tar sandbox/layer
  assert_status 0 "$1: stays in the layer"
  assert_equal "$before" "$(sandbox_state)" "$1: nothing outside of the layer may change"
}

@test "attack: names that lead out" {
  make_sandbox
  attack 'a name with ..' 'may lead out' 'file  path=../canary/new  data=x'
  attack '.. after a directory' 'may lead out' 'directory  path=a' 'file  path=a/../../canary/new  data=x'
  attack '.. at the end' 'may lead out' 'directory  path=..  mode=0700' 'file  path=../canary/file  data=x'
  attack 'an absolute name' 'is outside of the layer' "file  path=$sandbox/canary/new  data=x"
  attack 'a directory' 'may lead out' 'directory  path=../canary/d'
  attack 'a pipe' 'may lead out' 'fifo  path=../canary/p'
  attack 'a symbolic link' 'may lead out' 'symlink  path=../canary/l  target=x'
  attack 'in a pax header' 'may lead out' "file  path=../canary/$(printf 'n%.0s' {1..120})"
  attack 'over and over' 'may lead out' "file  path=./././../canary/new"
}

@test "attack: through symbolic links" {
  make_sandbox
  attack 'to an absolute place' 'leads to none' "symlink  path=l  target=$sandbox/canary" 'file  path=l/new  data=x'
  attack 'to a relative place' 'leads to none' 'symlink  path=l  target=../canary' 'file  path=l/new  data=x'
  attack 'by way of two links' 'leads to none' 'symlink  path=a  target=b' 'symlink  path=b  target=../canary' 'file  path=a/new'
  attack 'deeper in' 'leads to none' 'directory  path=d' 'symlink  path=d/l  target=../../canary' 'file  path=d/l/full/new'
  attack 'a directory through it' 'leads to none' 'symlink  path=l  target=../canary' 'directory  path=l/d'
  attack 'a link through it' 'leads to none' 'symlink  path=l  target=../canary' 'symlink  path=l/m  target=x'
  attack 'through /proc' 'leads to none' 'symlink  path=l  target=/proc/self/root' "file  path=l$sandbox/canary/new"
}

@test "attack: hard links to what is outside, and writing to it then" {
  make_sandbox
  attack 'a relative target' 'its target has ".."' 'hard-link  path=h  target=../canary/file' 'file  path=h  data=silence'
  attack 'an absolute target' 'its target is absolute' "hard-link  path=h  target=$sandbox/canary/file" 'file  path=h  data=silence'
  attack 'through a symbolic link' 'not in the archive before it' 'symlink  path=l  target=../canary' \
    'hard-link  path=h  target=l/file' 'file  path=h  data=silence'
}

@test "attack: in place of the layer itself" {
  attack 'a symbolic link named .' 'in place of the layer itself' 'symlink  path=.  target=canary' 'file  path=new  data=x'
}

@test "attack: saying of what is outside that it is gone" {
  attack 'with .. in the name' 'may lead out' 'file  path=../canary/.wh.file'
  attack '.. after .wh.' 'says that ".." is gone' 'file  path=.wh...'
  attack 'through a link' 'leads to none' 'symlink  path=l  target=../canary' 'file  path=l/.wh.file'
  attack 'all of it, through a link' 'leads to none' 'symlink  path=l  target=../canary' 'file  path=l/.wh..wh..opq'
}

@test "attack: saying of no name that it is gone" {
  local name
  for name in .wh. .wh.. d/.wh. d/.wh... .wh..wh.; do
    archive evil.tar 'directory  path=d' 'file  path=d/keep  data=x' "file  path=$name"
    make_sandbox
    "$tool" naive evil.tar sandbox/layer || true
    [ "$name" = .wh..wh. ] || [ ! -e sandbox/layer/d/keep ] || fail "$name: the naive unpacker was not harmed"
    make_sandbox
    unpack evil.tar sandbox/layer
    assert_status 125 "$name must be refused"
    assert_stderr_has 'which is no name'
    [ -e sandbox/layer/d/keep ]
  done
  archive evil.tar 'directory  path=.wh.d' 'file  path=.wh.d/x'
  unpack evil.tar layer
  assert_status 125
}

@test "attack: what overlay would obey" {
  attack 'an opaque directory' 'would be obeyed by overlay' 'directory  path=d  xattr=user.overlay.opaque=y'
  attack 'a whiteout' 'would be obeyed by overlay' 'file  path=f  xattr=user.overlay.whiteout=y'
  requires_root
  attack 'in its other spelling' 'would be obeyed by overlay' 'directory  path=d  xattr=trusted.overlay.redirect=/etc'
  options=(--devices)
  attack 'a device 0:0' 'would be obeyed by overlay' 'character  path=etc  device=0:0'
}

@test "attack: devices are made for root only, and only on request" {
  requires_root
  attack 'memory' 'a device, which root alone may make' 'character  path=mem  device=1:1  mode=0666'
  attack 'a disk' 'a device, which root alone may make' 'block  path=disk  device=8:0  mode=0666'
  archive x.tar 'character  path=null  device=1:3  mode=0666  uid=5'
  unpack --devices x.tar layer
  assert_status 0
  assert_equal 'character special file 1:3 666 5' "$(stat -c '%F %t:%T %a %u' layer/null)"
  rm layer/null
  unpack --no-devices x.tar layer
  assert_status 0
  assert_output_has 'devices-left-out 1'
  [ ! -e layer/null ]
}

@test "attack: what stays in the layer, though it was meant for elsewhere" {
  make_sandbox
  contained 'a file over a symbolic link' 'symlink  path=l  target=../canary/file' 'file  path=l  data=silence'
  assert_equal 'regular file silence' "$(stat -c %F sandbox/layer/l) $(cat sandbox/layer/l)"
  contained 'a file over a hard link to a symbolic link' 'symlink  path=s  target=../canary/file' 'hard-link  path=l  target=s' \
    'file  path=l  data=silence'
  [ -L sandbox/layer/s ]
  contained 'a directory over a symbolic link' 'symlink  path=l  target=../canary' 'directory  path=l  mode=0700'
  [ -d sandbox/layer/l ] && [ ! -L sandbox/layer/l ]
  contained 'a link to /, which is the layer' 'symlink  path=l  target=/' "directory  path=${sandbox#/}/canary" \
    "file  path=l$sandbox/canary/new  data=x"
  [ -e "sandbox/layer$sandbox/canary/new" ]
  contained 'a link with more .. than there are directories' 'directory  path=canary' 'symlink  path=l  target=../../../canary' \
    'symlink  path=m  target=../canary' 'file  path=m/new'
  [ -e sandbox/layer/canary/new ]
}

requires_root()
{
  requires root
}

@test "a directory that was replaced is not given times and modes through what is there now" {
  archive x.tar 'directory  path=d  mode=0500  mtime=5' 'directory  path=e  mode=0755  mtime=6' \
    'symlink  path=d  target=e'
  unpack x.tar layer
  assert_status 0
  assert_equal '755 6' "$(stat -c '%a %Y' layer/e)"
  [ -L layer/d ]
}

@test "a file in place of a directory with something in it is refused" {
  archive x.tar 'directory  path=d' 'file  path=d/f' 'file  path=d  data=x'
  unpack x.tar layer
  assert_status 125
  assert_stderr_has 'x.tar: entry 3 at byte 1024 ("d"): is in place of a directory that is not empty'
}

@test "bombs: more than the limit is refused before it is written" {
  truncate -s 10G huge
  tar -Sczf x.tar.gz huge
  unpack x.tar.gz layer
  assert_status 125
  assert_stderr_has 'which is the limit'
  assert_equal '' "$(ls -A layer)"

  head -c 60000000 /dev/zero >zeros
  tar -czf x.tar.gz zeros
  [ "$(stat -c %s x.tar.gz)" -lt 100000 ]
  unpack --most-bytes=1000000 x.tar.gz layer
  assert_status 125
  assert_stderr_has 'more than 1000000, which is the limit'
  # Nor is it gzip that goes on for ever.
  { cat x.tar.gz; head -c 60000000 /dev/zero | gzip; } >y.tar.gz
  unpack --most-bytes=61000000 y.tar.gz layer
  assert_status 125
  assert_stderr_has "the archive's bytes: more than 61000000"
}

# --- What is kept ---------------------------------------------------------------

@test "a tree is unpacked as GNU tar packed it, in every format" {
  local how
  make_full_tree
  for how in --format=gnu '--format=pax --xattrs --xattrs-include=*' --format=posix; do
    # shellcheck disable=SC2086 # words
    tar $how -S --numeric-owner -C tree -cf x.tar .
    rm -rf layer
    mkdir layer
    unpack x.tar layer
    assert_status 0
    if [[ $how == *xattrs* ]]; then
      diff <(state_of tree) <(state_of layer)
    fi
    [ "$(id -u)" -ne 0 ] || tar -C layer -df x.tar
    [ "$(stat -c %b layer/hole)" -lt 1000 ] || fail "the hole has been filled"
  done
}

@test "a tree is packed and unpacked, and is the same; so is the archive" {
  make_full_tree
  "$tool" pack tree one.tar
  "$tool" pack tree two.tar
  cmp one.tar two.tar
  unpack one.tar layer
  assert_status 0
  diff <(state_of tree) <(state_of layer)
  "$tool" pack layer three.tar
  cmp one.tar three.tar
}

@test "what we pack is read by GNU tar" {
  make_full_tree
  "$tool" pack tree x.tar
  tar -C layer --xattrs --xattrs-include='*' -xpf x.tar
  diff <(state_of tree) <(state_of layer)
}

@test "an archive does not depend on the order in which its files were made" {
  mkdir a b
  for name in c b a d; do echo "$name" >"a/$name"; done
  for name in d a b c; do echo "$name" >"b/$name"; done
  touch -d '2003-01-01 UTC' a/* b/* a b
  "$tool" pack a a.tar
  "$tool" pack b b.tar
  cmp a.tar b.tar
}

@test "directories that no entry names are made, alike each time" {
  archive x.tar 'file  path=a/b/c  data=x'
  unpack x.tar layer
  assert_status 0
  assert_equal 'directory 755 0' "$(stat -c '%F %a %Y' layer/a/b)"
}

@test "the layer's own directory takes the archive's mode and time" {
  archive x.tar 'directory  path=.  mode=0711  mtime=77' 'file  path=./a'
  unpack x.tar layer
  assert_status 0
  assert_equal '711 77' "$(stat -c '%a %Y' layer)"
}

@test "a later entry of the same name takes the place of the one before" {
  archive x.tar 'file  path=a  data=one  mode=0644' 'hard-link  path=b  target=a' 'file  path=a  data=two  mode=0600' \
    'directory  path=d' 'file  path=d' 'hard-link  path=b  target=b'
  unpack x.tar layer
  assert_status 0
  assert_equal 'two one 600' "$(cat layer/a) $(cat layer/b) $(stat -c %a layer/a)"
  [ -f layer/d ]
}

@test "a path may go through a symbolic link of the layer" {
  archive x.tar 'directory  path=usr/lib' 'symlink  path=lib  target=usr/lib' 'file  path=lib/x  data=1' \
    'symlink  path=abs  target=/usr' 'file  path=abs/lib/y  data=2' 'hard-link  path=z  target=lib/y'
  unpack x.tar layer
  assert_status 0
  assert_equal '12 12' "$(cat layer/usr/lib/x layer/usr/lib/y) $(cat layer/usr/lib/x layer/z)"
}

@test "file capabilities and setuid survive, whoever owns the file" {
  requires_root
  make_full_tree
  "$tool" pack tree x.tar
  unpack x.tar layer
  assert_equal 'layer/capable security.capability=0100000200200000000000000000000000000000' "$("$tool" attributes layer/capable)"
  assert_output_has 'stored '
  assert_equal '4755 5' "$(stat -c '%a %u' layer/f)"
}

@test "as an ordinary user: what is mine alone, and what I may not do is said" {
  archive x.tar 'directory  path=d  uid=5  mode=0500' 'file  path=d/f  uid=5  gid=6  mode=0644  data=x'
  chmod 0777 layer
  mkdir -p bin
  cp "$tool" bin/tool
  as_user bin/tool unpack --own-all x.tar layer
  assert_equal 'x 500' "$(cat layer/d/f) $(stat -c %a layer/d)"
  rm -rf layer/d
  run as_user bin/tool unpack x.tar layer
  assert_status 125
  assert_output_has 'x.tar: entry 1 at byte 0 ("d"): fchown() has failed with EPERM'
  rm -rf layer/d
  archive x.tar 'character  path=null  device=1:3'
  run as_user bin/tool unpack --devices x.tar layer
  assert_status 125
  assert_output_has 'mknodat() has failed with EPERM'
}

# --- What is gone ---------------------------------------------------------------

@test "whiteouts and opaque directories: from an archive to overlay's spelling, and back" {
  archive x.tar 'directory  path=d' 'file  path=d/.wh..wh..opq' 'file  path=d/new' 'file  path=.wh.gone' 'directory  path=e' \
    'file  path=e/.wh.f'
  unpack x.tar layer
  assert_status 0
  assert_equal 'character special file 0:0' "$(stat -c '%F %t:%T' layer/gone)"
  assert_equal 'character special file 0:0' "$(stat -c '%F %t:%T' layer/e/f)"
  [ ! -e layer/.wh.gone ]
  assert_equal 'layer/d user.overlay.opaque=79' "$("$tool" attributes layer/d layer/e | grep ' user')"
  "$tool" pack layer y.tar
  "$tool" list y.tar >listed
  diff <(sed 's/^[a-z-]* //; s/ .*//' listed | LC_ALL=C sort) \
    <(printf '%s\n' . .wh.gone d d/.wh..wh..opq d/new e e/.wh.f | LC_ALL=C sort)
  assert_equal 2 "$(grep -c '\.wh\.[a-z]* mode=0000 uid=0 gid=0 mtime=0.000000000 size=0' listed)"
}

@test "whiteouts of the other spelling, an empty file with an attribute, are packed too" {
  : >layer/gone
  echo x >layer/not-empty
  set_attribute layer/gone user.overlay.whiteout 79
  set_attribute layer/not-empty user.overlay.whiteout 79
  "$tool" pack layer x.tar
  assert_equal '. .wh.gone not-empty ' "$("$tool" list x.tar | cut -d ' ' -f 2 | tr '\n' ' ')"
  run "$tool" list x.tar
  assert_output_lacks overlay
}

@test "an empty file that can not be asked whether it is a whiteout is not packed as a file" {
  requires strace
  : >layer/f
  run --separate-stderr strace -qq -o trace -e inject=lgetxattr:error=EIO "$tool" pack layer x.tar
  assert_status 125 "EIO says that the mark could not be read, not that there is none."
  assert_stderr_has 'lgetxattr("layer/f") = -1 EIO'
}

@test "what a layer says to be gone and has itself is there, and hides what is below" {
  local order
  for order in before after; do
    if [ "$order" = before ]; then
      archive x.tar 'file  path=.wh.f' 'file  path=f  data=x' 'file  path=.wh.d' 'file  path=d/g' 'file  path=.wh.e' 'directory  path=e'
    else
      archive x.tar 'file  path=f  data=x' 'file  path=.wh.f' 'file  path=d/g' 'file  path=.wh.d' 'directory  path=e' 'file  path=.wh.e'
    fi
    rm -rf layer
    mkdir layer
    unpack x.tar layer
    assert_status 0
    assert_equal x "$(cat layer/f)"
    [ -e layer/d/g ]
    assert_equal 'layer/d user.overlay.opaque=79
layer/e user.overlay.opaque=79' "$("$tool" attributes layer/d layer/e | grep ' user')"
  done
}

@test "a name that would say that another is gone is not packed; nor is half a file" {
  : >layer/.wh.f
  run "$tool" pack layer x.tar
  assert_status 125
  assert_output_has 'layer/.wh.f can not be in a layer'
  rm layer/.wh.f
  mkdir layer/d
  set_attribute layer/d user.overlay.redirect 2f78
  run "$tool" pack layer x.tar
  assert_status 125
  assert_output_has 'overlay has left a part of it in the layer below'
}

@test "a plain tree has no whiteouts" {
  archive x.tar 'file  path=d/.wh.f'
  unpack --plain-tree x.tar layer
  assert_status 125
  assert_stderr_has 'begins with .wh.'
}

# Two layers with an upper one, which changes: what there is first, and a layer that is packed of it.
# (Not on a tmpfs: before 6.6 it has no user.* attributes.)
overlay='
set -e
mkdir "$1/merged" "$1/upper" "$1/work"
mount -t overlay overlay -o "${3}lowerdir=$1/two:$1/one,upperdir=$1/upper,workdir=$1/work" "$1/merged"
cd "$1/merged"
find . ! -type d | LC_ALL=C sort
rm stays; rm -r d; mkdir d; echo 3 >d/newest; mv e/g e/h
cd /; umount "$1/merged"
"$2" pack "$1/upper" "$1/three.tar" >/dev/null
rm -rf "$1/merged" "$1/upper" "$1/work"
'

# overlay_reads OPTION
overlay_reads()
{
  run in_private_namespaces bash -c "$overlay" - "$PWD" "$tool" "$1"
  assert_status 0
  assert_equal './d/new
./e/g
./stays' "$output"
  run "$tool" list three.tar
  assert_equal '.
d
d/.wh..wh..opq
d/newest
e
e/.wh.g
e/h
.wh.stays' "$(cut -d ' ' -f 2 <<<"$output")"
}

@test "the kernel reads them as they were meant, and we what it writes" {
  requires overlay
  mkdir one two
  archive one.tar 'file  path=gone  data=1' 'file  path=stays  data=1' 'file  path=d/hidden  data=1' 'file  path=e/f  data=1' \
    'file  path=e/g  data=1'
  archive two.tar 'file  path=.wh.gone' 'directory  path=d' 'file  path=d/.wh..wh..opq' 'file  path=d/new  data=2' \
    'file  path=e/.wh.f'
  unpack one.tar one
  assert_status 0
  unpack two.tar two
  assert_status 0
  [ "$(id -u)" -ne 0 ] || overlay_reads ''
  # The attributes that any owner may write are read since 5.11.
  printf '5.11\n%s\n' "$(uname -r)" | sort -CV || return 0
  overlay_reads userxattr,
}

# --- Compression, and digests ------------------------------------------------------

@test "gzip and zstd, both ways, with the digests of both sides" {
  local how suffix program
  make_full_tree
  "$tool" pack tree plain.tar >said
  assert_equal "stored $(sha256sum <plain.tar | cut -d ' ' -f 1) $(stat -c %s plain.tar)
plain $(sha256sum <plain.tar | cut -d ' ' -f 1) $(stat -c %s plain.tar)" "$(cat said)"
  for how in gzip:gz zstd:zst; do
    program=${how%:*} suffix=${how#*:}
    "$tool" pack "--$program" tree "x.$suffix" >said
    "$program" -dc "x.$suffix" | cmp - plain.tar
    assert_equal "stored $(sha256sum <"x.$suffix" | cut -d ' ' -f 1) $(stat -c %s "x.$suffix")
plain $(sha256sum <plain.tar | cut -d ' ' -f 1) $(stat -c %s plain.tar)" "$(cat said)"
    rm -rf layer
    mkdir layer
    unpack "x.$suffix" layer
    assert_status 0
    assert_equal "$(cat said)" "$(head -n 2 <<<"$output")"
    diff <(state_of tree) <(state_of layer)
  done
}

@test "xz and bzip2 are unpacked, with the digests of both sides" {
  local how suffix program
  make_full_tree
  "$tool" pack tree plain.tar >/dev/null
  for how in xz:xz bzip2:bz2; do
    program=${how%:*} suffix=${how#*:}
    "$program" -c plain.tar >"x.$suffix"
    rm -rf layer
    mkdir layer
    unpack "x.$suffix" layer
    assert_status 0
    assert_equal "stored $(sha256sum <"x.$suffix" | cut -d ' ' -f 1) $(stat -c %s "x.$suffix")
plain $(sha256sum <plain.tar | cut -d ' ' -f 1) $(stat -c %s plain.tar)" "$(head -n 2 <<<"$output")"
    diff <(state_of tree) <(state_of layer)
  done
}

@test "xz gets as much memory as others take, and no more" {
  archive x.tar 'file  path=f  data=x'
  xz --lzma2=dict=1GiB -c x.tar >x.xz
  unpack x.xz layer
  assert_status 125
  assert_stderr_has "The limit is 256 MiB"
}

@test "a digest covers what comes after the end of the archive" {
  archive x.tar 'file  path=f  data=x'
  { cat x.tar; head -c 100000 /dev/zero; } >y.tar
  unpack y.tar layer
  assert_output_has "stored $(sha256sum <y.tar | cut -d ' ' -f 1)"
  gzip -k y.tar
  unpack y.tar.gz layer
  assert_output_has "plain $(sha256sum <y.tar | cut -d ' ' -f 1)"
  assert_output_has "stored $(sha256sum <y.tar.gz | cut -d ' ' -f 1)"
}

@test "from a pipe, a byte at a time" {
  archive x.tar 'file  path=f  data=hello'
  gzip -k x.tar
  for file in x.tar x.tar.gz; do
    rm -rf layer/f
    "$tool" unpack - layer < <(dd if="$file" bs=1 status=none) >said
    assert_equal hello "$(cat layer/f)"
    assert_equal "stored $(sha256sum <"$file" | cut -d ' ' -f 1) $(stat -c %s "$file")" "$(head -n 1 said)"
  done
}

@test "what is compressed wrongly is said to be, by the name of who noticed" {
  make_full_tree
  "$tool" pack --gzip tree x.gz
  "$tool" pack --zstd tree x.zst
  for file in x.gz x.zst; do
    head -c 100000 "$file" >short
    unpack short layer
    assert_status 125
    assert_stderr_has 'has failed with exit status 1: "'
    assert_stderr_has 'cut short: get it again'
    cp "$file" flipped
    printf '\377\377\377\377' | dd of=flipped bs=1 seek=150000 conv=notrunc status=none
    unpack flipped layer
    assert_status 125
    assert_stderr_has 'has failed with exit status 1: "'
  done
  for how in xz:xz bzip2:bz2; do
    gzip -dc x.gz | "${how%:*}" -c | head -c 100000 >"short.${how#*:}"
    unpack "short.${how#*:}" layer
    assert_status 125
    assert_stderr_has "short.${how#*:}: ${how%:*} has failed with exit status "
  done
}

@test "a program that is not there is named, with what to do" {
  mkdir empty
  archive x.tar 'file  path=f'
  gzip x.tar
  run env PATH="$PWD/empty" "$tool" unpack x.tar.gz layer
  assert_status 125
  assert_output_has 'x.tar.gz: gzip can not be started (ENOENT)'
  assert_output_has 'install it: it is what packs and unpacks .gz files'
  gzip -dc x.tar.gz | xz -c >x.tar.xz
  run env PATH="$PWD/empty" "$tool" unpack x.tar.xz layer
  assert_status 125
  assert_output_has 'x.tar.xz: xz can not be started (ENOENT)'
  assert_output_has 'install it: it is what unpacks .xz files'
}

@test "a full disk is said to be one" {
  requires mount
  mkdir mnt tree
  head -c 1000000 /dev/urandom >tree/f
  "$tool" pack tree x.tar >/dev/null
  run in_private_namespaces bash -c 'mount -t tmpfs -o size=256k none "$1" && mkdir "$1/layer" && exec "$2" unpack x.tar "$1/layer"' \
    - "$PWD/mnt" "$tool"
  assert_status 125
  assert_output_has 'ENOSPC'
  run in_private_namespaces bash -c 'mount -t tmpfs -o size=256k none "$1" && exec "$2" pack --gzip tree "$1/x.gz"' \
    - "$PWD/mnt" "$tool"
  assert_status 125
  assert_output_has 'ENOSPC'
}
