#!/usr/bin/env bats
# What the recipes in rootfs/ promise. No download: the ones that fetch a tarball
# are given one made here. Only the Debian one fetches, and only if
# build/rootfs/debian is not there yet.

# shellcheck disable=SC2016  # much here is for another shell to expand
# shellcheck disable=SC2153  # ROOT is set by helpers

load helpers

setup_file()
{
  host_snapshot
  # Every test may look at these two, none may change them.
  "$ROOT/rootfs/default" --from host "$BATS_FILE_TMPDIR/made from host" >"$BATS_FILE_TMPDIR/said-host"
  if has_static_busybox; then
    "$ROOT/rootfs/default" --from busybox "$BATS_FILE_TMPDIR/made from busybox" >"$BATS_FILE_TMPDIR/said-busybox"
  fi
}

setup()
{
  cd "$BATS_TEST_TMPDIR" || return
}

teardown()
{
  # Nothing of these is left unless a test failed.
  [ -z "${job:-}" ] || kill -s KILL -- "-$job" 2>/dev/null || true
  [ -z "${reached:-}" ] || kill -s KILL "$(cat "$reached")" 2>/dev/null || true
}

# Not asked of the recipe, which is what is tested here.
has_static_busybox()
{
  local path
  path=$(command -v busybox) && ! readelf -l "$path" 2>/dev/null | grep -q INTERP
}

needs_static_busybox()
{
  has_static_busybox || skip "needs busybox: there is no static one on this host"
}

# The root file system of setup_file.
made()
{
  printf '%s\n' "$BATS_FILE_TMPDIR/made from $1"
}

recipe()
{
  local name=$1
  shift
  run "$ROOT/rootfs/$name" "$@"
}

# Runs a command in a root file system, with /proc and a /dev of two devices, in
# namespaces of its own.
enter()
{
  in_private_namespaces sh -c '
    root=$1
    shift
    mount --bind "$root" "$root" && cd "$root" || exit 125   # its / is a mount, as in a container
    mount -t proc proc "$root/proc" && mount -t tmpfs -o mode=755 dev "$root/dev" || exit 125
    for device in null zero; do
      : >"$root/dev/$device" && mount --bind "/dev/$device" "$root/dev/$device" || exit 125
    done
    exec env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin TERM=dumb chroot "$root" "$@"' sh "$@"
}

# A tarball of a root file system in miniature; sets tarball and checksum.
make_tarball()
{
  local prefix=${1:-.}
  mkdir -p "tree/$prefix/bin" "tree/$prefix/dev" "tree/$prefix/usr/share/dev"
  echo 'not a shell' >"tree/$prefix/bin/sh"
  echo 'left out' >"tree/$prefix/dev/null"
  echo 'taken' >"tree/$prefix/usr/share/dev/kept"
  tar -C tree -cf tree.tar "$prefix"
  case ${2:-gzip} in
    gzip) gzip -c tree.tar >tree.tar.packed ;;
    zstd) zstd -q -c tree.tar >tree.tar.packed ;;
  esac
  tarball=$PWD/tree.tar.packed
  checksum=$(sha256sum <"$tarball" | cut -d' ' -f1)
}

# A program of this name, in front of all others, that says that it was reached
# (its process id is in the file $reached) and then goes on for ever.
make_blocking()
{
  mkdir -p bin
  reached=$PWD/reached
  printf '#!/bin/sh\necho $$ >"%s.part" && mv "%s.part" "%s"\nexec sleep 100000\n' \
    "$reached" "$reached" "$reached" >"bin/$1"
  chmod +x "bin/$1"
}

# Starts a recipe that meets the blocking program, in a process group of its own
# (as a terminal's job has it), and waits until it is there. Sets job.
start_blocked()
{
  local name=$1
  shift
  rm -f "$reached"
  set -m
  PATH=$PWD/bin:$PATH "$ROOT/rootfs/$name" "$@" >said 2>&1 3>&- &
  job=$!
  set +m
  wait_until test -e "$reached"
}

job_has_ended()
{
  [ ! -d "/proc/$job" ] || grep -q '^State:.Z' "/proc/$job/status"
}

# Waits for the job; its exit status is in the file ended.
end_of_job()
{
  local code=0
  wait_until job_has_ended
  wait "$job" || code=$?
  echo "$code" >ended
}

assert_nothing_left()
{
  local left
  left=$(ls -d "$1"* 2>/dev/null || true)
  assert_equal "" "$left" "Nothing is left behind where a recipe failed."
}

# --- default ------------------------------------------------------------------

# Every form that rootfs/README.md says lessons may rely on, in both kinds.
commands_for_lessons()
{
  cat <<'END'
sh -c 'test $$ -gt 0'
test "$(id -u)" = 0
ps | grep -q ps
ps -o pid,args | grep -q args
test -n "$(hostname)"
test "$(whoami)" = root
free -m | grep -q Mem
kill -0 1
mount -t tmpfs none /mnt && mount | grep -q /mnt && umount /mnt
df /tmp | grep -q /
du -s /tmp
ip link | grep -q lo
ip addr | grep -q lo
ip route
test "$(nproc)" -ge 1
ls -l / | grep -q tmp
find / -maxdepth 1 | grep -q /proc
test "$(stat -c %i /tmp)" -gt 0
test -n "$(readlink /proc/self)"
test "$(seq 3 | tail -n 1)" = 3
test "$(echo abcdef | head -c 4)" = abcd
test "$(dd if=/dev/zero bs=1k count=1 2>/dev/null | wc -c)" -eq 1024
test "$(echo a b | awk '{ print $1 }')" = a
test "$(grep -c root: /etc/passwd)" = 1
test "$(sed -n 1p /etc/hostname)" = nsctl
test "$(printf 'b\na\n' | sort | wc -l)" -eq 2
sleep 0.1
date +%s
test -n "$(uname -n)"
env -i true
ls /proc/self/ns
cat /etc/os-release | grep -q 'nsctl default root file system'
touch /tmp/a && cp /tmp/a /tmp/b && mv /tmp/b /tmp/c && ln -s c /tmp/d && rm /tmp/a /tmp/c /tmp/d
mkdir /tmp/e && chmod 700 /tmp/e && chown 0 /tmp/e && rmdir /tmp/e
echo x | tee /dev/null | tr x y | cut -c 1
yes | head -n 1
! false
END
}

# Those of the NEEDED that the host has not, so that they may be missing.
missing_from_host()
{
  sed -n 's/.*not on this host, so not in it: //p' "$BATS_FILE_TMPDIR/said-host"
}

assert_commands_work()
{
  local line lost=""
  cp -a "$1" copy
  while read -r line; do
    if [ "$2" = host ] && [[ " $(missing_from_host) " == *" ${line%% *} "* ]]; then continue; fi
    enter "$PWD/copy" sh -c "$line" >said 2>&1 </dev/null || lost+="$line: $(head -n 3 said)"$'\n'
  done < <(commands_for_lessons)
  assert_equal "" "$lost" "The lessons rely on these commands, in a root file system from $2."
}

@test "default, from the host: the commands of the lessons work in it" {
  requires pid mount proc
  assert_commands_work "$(made host)" host
}

@test "default, from busybox: the commands of the lessons work in it" {
  requires pid mount proc
  needs_static_busybox
  assert_commands_work "$(made busybox)" busybox
}

@test "default, from the host: every program in it starts, so no library is missing" {
  requires pid mount proc
  local root=$BATS_TEST_TMPDIR/copy
  cp -a "$(made host)" "$root"
  cat >"$root/tmp/try" <<'END'
for program in /usr/bin/*; do
  case $program in
  */yes | */top | */less) continue ;;
  esac
  "$program" --version </dev/null >/tmp/said 2>&1
  case $?:$(cat /tmp/said) in
  127:* | *'error while loading'* | *'Error loading shared library'*) echo "$program: $(cat /tmp/said)" ;;
  esac
done
END
  run enter "$root" sh /tmp/try
  assert_status 0
  assert_equal "" "$output" "These do not start."
}

@test "default: ps sees only the container's processes" {
  requires pid mount proc
  run enter "$(made host)" sh -c 'ps -o pid= -o args= ; :'
  [ "$status" -ne 127 ] || skip "needs ps: the host has none"
  assert_status 0
  assert_equal 2 "$(printf '%s\n' "$output" | wc -l)" "The shell and ps, nothing of the host."
}

@test "default: the tree is as a system has it" {
  local from root
  for from in host busybox; do
    root=$(made "$from")
    [ -d "$root" ] || continue
    assert_equal "usr/bin usr/sbin usr/lib" "$(readlink "$root/bin" "$root/sbin" "$root/lib" | xargs)"
    assert_equal 1777 "$(stat -c %a "$root/tmp")"
    assert_equal 700 "$(stat -c %a "$root/root")"
    assert_equal 755 "$(stat -c %a "$root")"
    assert_equal "" "$(find "$root/proc" "$root/sys" "$root/dev" -mindepth 1)"
    run cat "$root/etc/passwd" "$root/etc/group" "$root/etc/hosts" "$root/etc/hostname" "$root/etc/os-release"
    assert_status 0
    assert_output_has "root:x:0:0:root:/root:/bin/sh"
    assert_output_has "nobody:x:65534:65534:"
    assert_output_has "tty:x:5:"
    assert_output_has 'NAME="nsctl default root file system"'
  done
}

@test "default: all in it are copies; no device, no set-user-ID program, no way back to the host" {
  local from root
  for from in host busybox; do
    root=$(made "$from")
    [ -d "$root" ] || continue
    assert_equal "" "$(find "$root" ! -type f ! -type d ! -type l)" "Only files, directories and links."
    assert_equal "" "$(find "$root" -type f -links +1)" "A file with two names may be one of the host's."
    assert_equal "" "$(find "$root" -perm /6000)" "No program gives away its owner's rights."
    run find "$root" -type l -lname "$root*"
    assert_equal "" "$output" "A link must not depend on where the tree is."
    # Links may dangle only into /proc, which is not mounted yet.
    run dangling_links "$root"
    assert_equal "" "$output" "These links lead nowhere."
  done
}

# Where would it lead from within?
dangling_links()
{
  local link end
  while read -r link; do
    end=$(readlink "$link")
    case $end in
      *proc/*) ;;
      /*) [ -e "$1$end" ] || printf '%s -> %s\n' "$link" "$end" ;;
      *) [ -e "$(dirname "$link")/$end" ] || printf '%s -> %s\n' "$link" "$end" ;;
    esac
  done < <(find "$1" -type l)
}

@test "default: it says what it took, what is missing, and how big it is" {
  run cat "$BATS_FILE_TMPDIR/said-host"
  assert_output_matches "took [0-9]+ commands of this host, with [0-9]+ librar"
  assert_output_matches "made .*made from host from host \(.*\): [0-9]+ MB"
}

@test "default: a busybox that is not static is not taken for one" {
  requires pid mount proc
  mkdir bin
  cp "$(readlink -f "$(command -v ls)")" bin/busybox
  # In a mount namespace in which no other busybox is to be found.
  run in_private_namespaces sh -c '
    for found in /bin /usr/bin /sbin /usr/sbin; do
      for name in busybox busybox.static busybox-static; do
        [ ! -e "$found/$name" ] || mount --bind /dev/null "$found/$name"
      done
    done
    PATH=$PWD/bin:$PATH "$1/rootfs/default" --from busybox target' sh "$ROOT"
  assert_status 1
  assert_output_has "no static busybox on this host"
  assert_output_has "--from host"
  assert_nothing_left target
}

@test "default: what the host lacks is named, and is no error" {
  requires pid mount proc
  # Without ip, ps and awk, as a slim host is.
  run in_private_namespaces sh -c '
    for found in /bin /usr/bin /sbin /usr/sbin; do
      for name in ip ps; do
        [ ! -e "$found/$name" ] || mount --bind /dev/null "$found/$name"
      done
    done
    "$1/rootfs/default" --from host target' sh "$ROOT"
  assert_status 0
  assert_output_matches "not on this host, so not in it: (.* )?ps( .*)? ip"
  [ -x target/bin/ls ] && [ ! -e target/bin/ps ]
}

@test "default: as an ordinary user" {
  local place
  place=$(mktemp -d)
  cp -r "$ROOT/rootfs" "$place/rootfs"
  chmod 1777 "$place"
  chmod -R a+rX "$place/rootfs"
  run as_user "$place/rootfs/default" --from host "$place/root"
  local owners
  owners=$(find "$place/root" -printf '%u\n' | sort -u)
  local user
  user=$(as_user id -un)
  rm -rf "$place"
  assert_status 0
  assert_output_has "every file belongs to you"
  assert_equal "$user" "$owners"
}

# --- Where it is made ---------------------------------------------------------

@test "a name with blanks, a relative one, one with a slash at its end, one with a dash in front" {
  needs_static_busybox
  mkdir "a b"
  recipe default "a b/c  d/"
  assert_status 0
  [ -x "a b/c  d/bin/ls" ]
  recipe default -- -x
  assert_status 0
  [ -x ./-x/bin/ls ]
  recipe default new/parent/root
  assert_status 0
  [ -x new/parent/root/bin/ls ]
}

@test "a complete target is left alone; --force makes it anew" {
  recipe default target
  assert_status 0
  : >target/mine
  recipe default target
  assert_status 0
  assert_output_has "target is there already, from "
  assert_output_has "--force"
  [ -e target/mine ]
  recipe default --force target
  assert_status 0
  [ ! -e target/mine ]
  [ ! -e target.new ]
}

@test "--force that fails leaves the old one whole" {
  recipe default --from host target
  mkdir bin
  printf '#!/bin/sh\necho broken; exit 1\n' >bin/ldd
  chmod +x bin/ldd
  PATH=$PWD/bin:$PATH recipe default --from host --force target
  assert_status 1
  assert_output_has "ldd"
  assert_output_has "broken"
  [ -x target/bin/ls ]
  [ ! -e target.new ]
}

@test "--force that fails between its two renames puts the old one back" {
  recipe default target
  : >target/mine
  mkdir bin
  printf '#!/bin/sh\ncase $* in *target.new/root*) exit 1 ;; esac\nexec %s "$@"\n' "$(command -v mv)" >bin/mv
  chmod +x bin/mv
  PATH=$PWD/bin:$PATH recipe default --force target
  assert_status 1
  [ -e target/mine ]
  [ ! -e target.new ]
}

@test "what no recipe made is never removed" {
  mkdir target
  : >target/mine
  recipe default --force target
  assert_status 1
  assert_output_has "no recipe of ours made it"
  [ -e target/mine ]
  mkdir other other.new
  : >other.new/mine
  recipe default other
  assert_status 1
  assert_output_has "other.new is there, and no recipe of ours made it"
  [ -e other.new/mine ]
}

@test "what another recipe made is replaced only with --force" {
  make_tarball
  recipe alpine --tarball "$tarball" --checksum "$checksum" target
  assert_status 0
  recipe default target
  assert_status 1
  assert_output_has "made by another recipe (recipe: alpine)"
  recipe default --force target
  assert_status 0
  [ -x target/bin/ls ]
}

@test "an old one in which something is mounted is not removed" {
  requires pid mount proc
  recipe default "the target"
  run in_private_namespaces sh -c '
    mount -t tmpfs none "the target/mnt" && : >"the target/mnt/mine" || exit 125
    "$1/rootfs/default" --force "the target"
    echo "status $?"
    ls "the target/mnt"' sh "$ROOT"
  assert_output_has "something is mounted in"
  assert_output_has "status 1"
  assert_output_has mine
}

@test "one that fails, with something mounted in what it made, does not remove that" {
  requires pid mount proc
  mkdir bin
  printf '#!/bin/sh\nmount -t tmpfs none target.new/root/mnt && : >target.new/root/mnt/mine\nexit 1\n' >bin/ldd
  chmod +x bin/ldd
  run in_private_namespaces sh -c '
    PATH=$PWD/bin:$PATH "$1/rootfs/default" --from host target
    echo "status $?"
    ls target.new/root/mnt' sh "$ROOT"
  assert_output_has "something is mounted in"
  assert_output_has "status 1"
  assert_output_has mine
}

@test "an empty directory is a good place; a file and a link are not" {
  mkdir empty
  recipe default empty
  assert_status 0
  [ -x empty/bin/ls ]
  : >file
  recipe default file
  assert_status 1
  assert_output_has "is not a directory"
  ln -s empty link
  recipe default --force link
  assert_status 1
  assert_output_has "is a symbolic link"
  [ -x empty/bin/ls ]
}

@test "bad arguments: status 2, what is wrong, where to look" {
  local name
  for name in default alpine debian ubuntu arch; do
    recipe "$name"
    assert_status 2
    assert_output_has "which directory"
    assert_output_has "see: rootfs/$name --help"
    recipe "$name" a b
    assert_status 2
    assert_output_has "not two"
    recipe "$name" --frobnicate a
    assert_status 2
    assert_output_has "unknown option: --frobnicate"
    recipe "$name" --frobnicate=1 a
    assert_status 2
    recipe "$name" ""
    assert_status 2
    recipe "$name" /
    assert_status 2
    recipe "$name" ..
    assert_status 2
    recipe "$name" --help
    assert_status 0
    assert_output_has "usage: rootfs/$name"
  done
  recipe default --from
  assert_status 2
  assert_output_has "--from needs a value"
  recipe default --from nowhere a
  assert_status 2
  assert_output_has "busybox or host"
  recipe ubuntu --via magic a
  assert_status 2
  assert_equal "" "$(ls -A)"
}

# --- However it ends ----------------------------------------------------------

@test "interrupted by INT, TERM or HUP, it leaves nothing" {
  local signal code
  make_blocking ldd
  for signal in INT:130 TERM:143 HUP:129; do
    code=${signal#*:}
    start_blocked default --from host target
    [ -d target.new ]
    kill -s "${signal%:*}" -- "-$job"
    end_of_job
    assert_equal "$code" "$(cat ended)" "The status that says which signal it was."
    assert_nothing_left target
  done
}

@test "killed, it leaves TARGET.new, and the next run clears it" {
  make_blocking ldd
  start_blocked default --from host target
  kill -s KILL -- "-$job"
  end_of_job
  [ -d target.new ]
  [ ! -e target ]
  recipe default --from host target
  assert_status 0
  assert_output_has "an earlier run was killed: clearing"
  [ -x target/bin/ls ]
  [ ! -e target.new ]
}

@test "killed between the two renames of --force, the old one comes back" {
  recipe default target
  mkdir -p target.new
  mv target target.new/old
  : >target.new/old/mine
  sh -c 'echo $$' >target.new/pid
  recipe default target
  assert_status 0
  assert_output_has "is there already"
  [ -e target/mine ]
  [ ! -e target.new ]
}

@test "two at once: the second says who is at it, and does not disturb it" {
  make_blocking ldd
  start_blocked default --from host target
  recipe default --from host target
  assert_status 1
  assert_output_has "process $job is making"
  [ -d target.new ]
  kill -s TERM -- "-$job"
  end_of_job
  assert_nothing_left target
}

@test "TERM to the recipe alone ends what it runs, too" {
  make_blocking curl
  start_blocked alpine target
  kill -s TERM "$job"
  end_of_job
  assert_equal 143 "$(cat ended)"
  [ ! -d "/proc/$(cat "$reached")" ]
  assert_nothing_left target
}

# --- Tarballs -----------------------------------------------------------------

@test "a tarball with the right checksum is unpacked, without what is in /dev" {
  make_tarball
  local name
  for name in alpine ubuntu; do
    recipe "$name" --tarball "$tarball" --checksum "$checksum" "$name"
    assert_status 0
    assert_output_has "its sha256 is the expected one"
    assert_equal "not a shell" "$(cat "$name/bin/sh")"
    assert_equal "taken" "$(cat "$name/usr/share/dev/kept")"
    [ ! -e "$name/dev/null" ]
    [ -d "$name/proc" ]
  done
  recipe alpine --tarball "file://$tarball" --checksum "$(sha512sum <"$tarball" | cut -d' ' -f1)" other
  assert_status 0
  assert_output_has "its sha512 is the expected one"
}

@test "arch: the tree is taken out of root.x86_64" {
  command -v zstd >/dev/null || skip "needs zstd: it is not on this host"
  make_tarball root.x86_64 zstd
  recipe arch --tarball "$tarball" --checksum "$checksum" target
  assert_status 0
  assert_equal "not a shell" "$(cat target/bin/sh)"
  assert_equal "taken" "$(cat target/usr/share/dev/kept)"
  [ ! -e target/dev/null ]
}

@test "a wrong checksum is refused, with both, and nothing is left" {
  make_tarball
  local name
  for name in alpine ubuntu arch; do
    [ "$name" != arch ] || command -v zstd >/dev/null || continue
    recipe "$name" --tarball "$tarball" --checksum "${checksum%?????}00000" target
    assert_status 1
    assert_output_has "the checksum is wrong"
    assert_output_has "expected ${checksum%?????}00000"
    assert_output_has "found    $checksum"
    assert_nothing_left target
    # Without --checksum it is the pinned one, which no tarball of ours can have.
    recipe "$name" --tarball "$tarball" target
    assert_status 1
    assert_output_has "the checksum is wrong"
    assert_nothing_left target
  done
}

@test "a checksum that is none, a tarball that is none, one without a shell, one that is missing" {
  make_tarball
  recipe alpine --tarball "$tarball" --checksum 1234 target
  assert_status 2
  assert_output_has "not 4"
  assert_nothing_left target
  recipe alpine --tarball "$PWD/tree.tar" --checksum "$(sha256sum <tree.tar | cut -d' ' -f1)" target
  assert_status 1
  assert_output_has "is not gzip"
  assert_nothing_left target
  rm tree/bin/sh
  tar -C tree -czf no-shell.tar.gz .
  recipe alpine --tarball ./no-shell.tar.gz --checksum "$(sha256sum <no-shell.tar.gz | cut -d' ' -f1)" target
  assert_status 1
  assert_output_has "no /bin/sh in it"
  assert_nothing_left target
  recipe alpine --tarball ./missing --checksum "$checksum" target
  assert_status 1
  assert_output_has "./missing cannot be read"
  assert_nothing_left target
}

# A curl that fetches from nowhere but writes down what it was asked for.
@test "what is downloaded: from the distribution, over https, for this architecture" {
  mkdir bin
  printf '#!/bin/sh\nfor url; do :; done\necho "$url" >>"%s/urls"\nexit 22\n' "$PWD" >bin/curl
  chmod +x bin/curl
  local name
  for name in alpine ubuntu arch; do
    PATH=$PWD/bin:$PATH recipe "$name" target
    assert_status 1
    assert_output_has "cannot be downloaded"
    assert_output_has "--tarball FILE"
    assert_nothing_left target
  done
  [ "$(uname -m)" = x86_64 ] || skip "needs x86_64: the names below are that architecture's"
  assert_equal "https://dl-cdn.alpinelinux.org/alpine/v3.24/releases/x86_64/alpine-minirootfs-3.24.2-x86_64.tar.gz
https://cdimage.ubuntu.com/ubuntu-base/releases/24.04/release/ubuntu-base-24.04.5-base-amd64.tar.gz
https://archive.archlinux.org/iso/2025.12.01/archlinux-bootstrap-2025.12.01-x86_64.tar.zst" "$(cat urls)"
}

# --- Debian -------------------------------------------------------------------

@test "debian: apt's list of packages can be asked in it" {
  requires pid mount proc
  local root=$ROOT/build/rootfs/debian
  if [ ! -d "$root" ]; then
    command -v mmdebstrap || command -v debootstrap || skip "needs mmdebstrap: neither it nor debootstrap is on this host"
    run "$ROOT/rootfs/debian" "$root"
    assert_status 0
  fi
  # /dev and /proc are mounted in the namespace only; the tree is not changed.
  run enter "$root" dpkg -l
  assert_status 0
  assert_output_matches "ii +iproute2 "
  assert_output_matches "ii +procps "
  run enter "$root" sh -c 'cat /etc/debian_version; ps; ip link'
  assert_status 0
  assert_output_matches "^12\."
}
