# shellcheck shell=sh
# What the recipes share: options, building beside the target, downloading,
# checking. It is sourced, never run.
#
# A recipe sets the variables below, defines recipe_usage() and, if it has
# options of its own, recipe_option(); then it calls, in this order:
#
#     parse_arguments "$@"        --help, --force and the target directory
#     begin                       TARGET.new/ is ours, and so is the duty to clear it
#     …                           fill "$root" (TARGET.new/root)
#     finish "what it was made from"
#
# Until finish() renames "$root" to the target, nothing exists but TARGET.new,
# and that goes with the process: on an error, on Ctrl-C, on TERM. Only kill -9
# and a power cut can leave it behind; the next run clears it.

recipe=${0##*/}         # the recipe's name, in front of every line it prints
value_options=          # the recipe's options that take a value: "--from"
target=                 # the absolute path of what we are to make
work=                   # TARGET.new, once it is ours
root=                   # TARGET.new/root: the root file system while it is made
force=no                # may an older one be replaced?
child=                  # process id of the long command under way, see run()

# In every root file system that a recipe made: what made it, from what. It is
# also the proof that the tree is ours, so that --force may remove it.
MARKER=etc/nsctl-rootfs

# What sed, ldd and tar say is read here, so it must not be translated.
export LC_ALL=C

# --- Talking -----------------------------------------------------------------

say() { printf 'rootfs/%s: %s\n' "$recipe" "$*"; }

# die WHAT-FAILED [WHAT-TO-DO]
die() {
  printf 'rootfs/%s: error: %s\n' "$recipe" "$1" >&2
  [ -z "${2-}" ] || printf 'rootfs/%s:        %s\n' "$recipe" "$2" >&2
  exit 1
}

die_usage() {
  printf 'rootfs/%s: error: %s\n' "$recipe" "$1" >&2
  printf 'rootfs/%s:        see: rootfs/%s --help\n' "$recipe" "$recipe" >&2
  exit 2
}

# --- Arguments ---------------------------------------------------------------

recipe_option() { return 1; }   # replaced by a recipe that has options

parse_arguments() {
  while [ $# -gt 0 ]; do
    case $1 in
    -h | --help)
      recipe_usage
      exit 0
      ;;
    --force) force=yes ;;
    --)
      shift
      [ $# -le 1 ] || die_usage "one target directory, not $#"
      [ $# -eq 0 ] || set_target "$1"
      break
      ;;
    --*=*)
      is_value_option "${1%%=*}" || die_usage "unknown option: ${1%%=*}"
      recipe_option "${1%%=*}" "${1#*=}"
      ;;
    -*)
      is_value_option "$1" || die_usage "unknown option: $1"
      [ $# -ge 2 ] || die_usage "$1 needs a value"
      recipe_option "$1" "$2"
      shift
      ;;
    *) set_target "$1" ;;
    esac
    shift
  done
  [ -n "$target" ] || die_usage 'which directory is the root file system to be made in?'
}

is_value_option() {
  case " $value_options " in
  *" $1 "*) return 0 ;;
  *) return 1 ;;
  esac
}

set_target() {
  [ -z "$target" ] || die_usage "one target directory, not two: $target, $1"
  [ -n "$1" ] || die_usage 'the target directory has an empty name'
  target=$1
  while [ "${target%/}" != "$target" ] && [ "$target" != / ]; do
    target=${target%/}
  done
  case ${target##*/} in
  '' | . | ..) die_usage "not a name for a directory that is to be made: $1" ;;
  esac
  case $target in
  /*) ;;
  *) target=./$target ;;
  esac
}

# need PROGRAM [WHAT-TO-DO]
need() {
  command -v "$1" >/dev/null || die "$1 is not on this host" "${2:-install it}"
}

# --- Building beside the target ----------------------------------------------

begin() {
  umask 022
  mkdir -p -- "${target%/*}/" || die "${target%/*} cannot be made" 'choose another target directory'
  target=$(cd -- "${target%/*}/" && pwd -P)/${target##*/}
  check_target
  lock_work
  check_target    # it may have been made, or restored, in between
  root=$work/root
  mkdir -- "$root"
}

# Ends the run, with success, if the target is there already.
check_target() {
  if [ -L "$target" ]; then
    die "$target is a symbolic link" 'name the directory that it points to'
  fi
  [ -e "$target" ] || return 0
  [ -d "$target" ] || die "$target is there already, and is not a directory" 'choose another target directory'
  rmdir -- "$target" 2>/dev/null && return 0      # it was empty
  if [ ! -f "$target/$MARKER" ]; then
    die "$target is there already, and no recipe of ours made it (it has no $MARKER)" \
      'choose another target directory, or remove it yourself'
  fi
  case $(head -n 1 "$target/$MARKER") in
  "recipe: $recipe") ;;
  *)
    [ "$force" = yes ] || die "$target is there already, made by another recipe ($(head -n 1 "$target/$MARKER"))" \
      'choose another target directory, or give --force to replace it'
    ;;
  esac
  if [ "$force" = no ]; then
    say "$target is there already, $(sed -n 's/^from: /from /p' "$target/$MARKER"); --force makes it anew"
    exit 0
  fi
  mounts_below "$target" && die "something is mounted in $target" 'unmount it first (see /proc/self/mountinfo)'
  return 0
}

# mkdir is the lock. Whoever finds TARGET.new there looks into it: its maker
# lives (leave it alone) or was killed (clear up after it).
lock_work() {
  if ! mkdir -- "$target.new" 2>/dev/null; then
    if [ ! -d "$target.new" ] || [ -L "$target.new" ]; then
      die "$target.new cannot be made" "is ${target%/*} writable?"
    fi
    [ -e "$target.new/pid" ] || sleep 1     # its maker may be between mkdir and here
    maker=$(cat "$target.new/pid" 2>/dev/null) || maker=
    if [ -z "$maker" ] && ! rmdir -- "$target.new" 2>/dev/null; then
      die "$target.new is there, and no recipe of ours made it" 'remove it yourself'
    fi
    if [ -n "$maker" ]; then
      [ ! -d "/proc/$maker" ] || die "process $maker is making $target at this moment" \
        "wait for it; if it is another program, remove $target.new"
      say "an earlier run was killed: clearing $target.new"
      # It may have been killed between the two renames of finish().
      [ ! -d "$target.new/old" ] || [ -e "$target" ] || mv -- "$target.new/old" "$target"
      remove_tree "$target.new"
    fi
    mkdir -- "$target.new"
  fi
  work=$target.new
  # From here to finish(), to end in whatever way is to clear TARGET.new.
  trap 'clear_work' EXIT
  trap 'exit 129' HUP
  trap 'exit 130' INT
  trap 'exit 143' TERM
  echo "$$" >"$work/pid"
}

clear_work() {
    status=$?
  trap '' HUP INT TERM
  if [ -n "$child" ]; then
    # The whole of its process group, see run(): debootstrap has children.
    # (mmdebstrap takes some seconds: it first ends what apt is at.)
    kill -TERM -- "-$child" 2>/dev/null || kill -TERM "$child" 2>/dev/null || :
    wait "$child" || :
    kill -KILL -- "-$child" 2>/dev/null || :
    child=
  fi
  if [ -d "$work/old" ] && [ ! -e "$target" ]; then
    mv -- "$work/old" "$target"
  fi
  remove_tree "$work" || :
  if [ "$status" -ne 0 ]; then
    printf 'rootfs/%s: %s was not made; nothing was left behind\n' "$recipe" "$target" >&2
  fi
  exit "$status"
}

# Is anything mounted on, or below, this directory? Removing a tree with a bound
# /dev or /home in it would remove the host's. mountinfo has blanks as \040.
mounts_below() {
  escaped=$(printf '%s\n' "$1" | sed -e 's/\\/\\134/g' -e 's/ /\\040/g' -e 's/	/\\011/g')
  while read -r _ _ _ _ mount_point _; do
    case $mount_point in
    "$escaped" | "$escaped"/*) return 0 ;;
    esac
  done </proc/self/mountinfo
  return 1
}

remove_tree() {
  if mounts_below "$1"; then
    printf 'rootfs/%s: error: something is mounted in %s, so it stays: unmount it, then remove it\n' \
      "$recipe" "$1" >&2
    return 1
  fi
  rm -rf -- "$1" 2>/dev/null && return 0
  # A directory without w or x, which for root was no obstacle.
  chmod -R u+rwX -- "$1" 2>/dev/null || :
  rm -rf -- "$1"
}

# finish FROM: what it was made from goes into the marker; then the rename.
finish() {
  mkdir -p -- "$root/etc" "$root/proc" "$root/sys" "$root/dev" "$root/run" "$root/tmp"
  # Of whatever the parts are: the directory itself must be open to all.
  chmod 0755 -- "$root"
  printf 'recipe: %s\nfrom: %s\n' "$recipe" "$1" >"$root/$MARKER"
  size=$(du -sk -- "$root" | cut -f 1)
  touch -- "$root"
  [ ! -e "$target" ] || mv -- "$target" "$work/old"
  mv -- "$root" "$target"
  say "made $target from $1: $(((size + 512) / 1024)) MB"
}

# run COMMAND…: for commands that take long. A shell sees to a signal only after
# its foreground command, so we wait for a background one: TERM then ends both.
# setsid(1) gives it a process group, by which clear_work() finds its children.
run() {
  if command -v setsid >/dev/null; then
    setsid "$@" &
  else
    "$@" &
  fi
  child=$!
  run_status=0
  wait "$child" || run_status=$?
  child=
  return "$run_status"
}

# --- Tarballs ----------------------------------------------------------------

# fetch URL-OR-FILE DESTINATION
fetch() {
  case $1 in
  file://* | /* | ./* | ../*)
    run cp -- "${1#file://}" "$2" || die "$1 cannot be read" 'is the path right?'
    return
    ;;
  http://* | https://*) ;;
  *) die_usage "neither a URL nor a path (one begins with / or ./): $1" ;;
  esac
  say "downloading $1"
  if command -v curl >/dev/null; then
    run curl --fail --location --silent --show-error --connect-timeout 20 --retry 2 --output "$2" -- "$1" ||
      die "$1 cannot be downloaded" 'see the line of curl above; --tarball FILE takes one that you have'
  elif command -v wget >/dev/null; then
    run wget -q -O "$2" -- "$1" ||
      die "$1 cannot be downloaded with wget" '--tarball FILE takes one that you have'
  else
    die 'neither curl nor wget is on this host' 'install one, or give --tarball FILE'
  fi
}

# verify FILE CHECKSUM NAME: sha256 or sha512, told apart by their length.
verify() {
  case ${#2} in
  64) summer=sha256sum ;;
  128) summer=sha512sum ;;
  *) die_usage "a checksum has 64 (sha256) or 128 (sha512) hex digits, not ${#2}: $2" ;;
  esac
  need "$summer"
  actual=$("$summer" <"$1" | cut -d ' ' -f 1)
  if [ "$actual" != "$(printf '%s' "$2" | tr A-F a-f)" ]; then
    printf 'rootfs/%s: error: the checksum is wrong, so it is not unpacked: %s\n' "$recipe" "$3" >&2
    printf 'rootfs/%s:        expected %s\n' "$recipe" "$2" >&2
    printf 'rootfs/%s:        found    %s\n' "$recipe" "$actual" >&2
    die 'either the download broke or someone changed the file' \
      'try again; give --checksum only with one that you have from the distribution itself'
  fi
  say "its ${summer%sum} is the expected one"
}

# unpack TAR DIRECTORY [MEMBER]: all of it, or the tree of one member. Device nodes
# are left out: only root could make them, and a step makes its own /dev.
unpack() {
  anchored=
  case $(tar --version 2>/dev/null) in
  *'GNU tar'*) anchored=--anchored ;;     # else dev/* would match everywhere
  esac
  # shellcheck disable=SC2086    # no word where there is none
  run tar -x -p -f "$1" -C "$2" --numeric-owner $anchored \
    --exclude='dev/*' --exclude='./dev/*' ${3+--exclude="$3/dev/*"} ${3+"$3"} ||
    die "$1 cannot be unpacked" 'see the line of tar above: is the disk full, the file no tar?'
}

# take_tarball URL CHECKSUM: fetched and verified as $work/tarball.
take_tarball() {
  fetch "$1" "$work/tarball"
  verify "$work/tarball" "$2" "$1"
}

# An ordinary user cannot give files away: all of them are the user's own, and
# are root's in a container that maps this one user to 0.
say_owner() {
  [ "$(id -u)" -eq 0 ] || say "made by an ordinary user: every file belongs to you ($(id -un))"
}

# A tarball with the right checksum may still be one of something else.
has_shell() {
  if [ ! -e "$root/bin/sh" ] && [ ! -L "$root/bin/sh" ]; then
    die 'there is no /bin/sh in it' 'is it the tarball of a root file system?'
  fi
}

# --- debootstrap -------------------------------------------------------------

# debootstrap_into SUITE MIRROR KEYRING PACKAGE-OF-THE-KEYRING INCLUDE
#
# Without a keyring debootstrap warns and goes on unverified; we do not. It mounts
# /proc and /sys in the new root: in a mount namespace of its own they go with
# it, however it ends, and clear_work() cannot run into them.
debootstrap_into() {
  need debootstrap
  need unshare 'it is in util-linux'
  [ "$(id -u)" -eq 0 ] || die 'debootstrap needs root' 'sudo; or mmdebstrap, which does not'
  [ -r "$3" ] || die "no $3, so the signature of the archive could not be verified" "install $4"
  say "debootstrap $1 from $2"
  run unshare --mount --propagation private \
    debootstrap --variant=minbase --force-check-gpg --keyring="$3" --include="$5" "$1" "$root" "$2" >"$work/log" 2>&1 || {
    tail -n 5 "$work/log" >&2
    die 'debootstrap failed' 'its last lines are above'
  }
  rm -f -- "$root"/var/cache/apt/archives/*.deb
  has_shell
}
