# shellcheck shell=bash
# shellcheck disable=SC2034  # id is for the tests
# shellcheck disable=SC2154  # status, output and stderr are set by bats' run
#
# containers.bash: for the tests of containers that live on (`load ../containers`, after the
# helpers). Each test has a store of its own, in which nothing lives when it has ended.
#
#   start NAME OPTION… [-- COMMAND…] one in the background; sets id
#   field NAME KEY                   what inspect says
#   directory_of NAME                where its record is
#   is_gone PID
#   own_rootfs                       sets rootfs: the default root file system, or an ordinary user's copy of it
#   pack_rootfs ARCHIVE [OPTION…]   that, by tar with these options
#   assert_store_empty
#
# A file that has to do more before or after each test calls these two from a setup or teardown of its own.

begin_store()
{
  export NSCTL_ROOT=$BATS_TEST_TMPDIR/root
  own_rootfs
  cd "$BATS_TEST_TMPDIR" || return
}

end_store()
{
  local ids
  mapfile -t ids < <("$STEP" -q ps -aq 2>/dev/null)
  [ "${#ids[@]}" -eq 0 ] || "$STEP" -q rm -f "${ids[@]}" >/dev/null
}

setup() { begin_store; }
teardown() { end_store; }

# start NAME OPTION… [-- COMMAND…]: one in the background, that sleeps if nothing else is said; sets id.
start()
{
  local name=$1 options=()
  shift
  while [ $# -gt 0 ] && [ "$1" != -- ]; do options+=("$1") && shift; done
  [ $# -gt 0 ] || set -- -- /bin/sleep 1000
  shift
  run_step run -d --name "$name" --net none "${options[@]}" "$rootfs" "$@"
  assert_status 0
  id=$output
}

# Whoever made it, often root, has kept some of it to himself, and inside a user's container nobody may write to it.
own_rootfs()
{
  rootfs=$ROOT/build/rootfs/default
  [ "$(id -u)" -ne 0 ] && [ ! -O "$rootfs/root" ] || return 0
  if [ ! -d "$BATS_FILE_TMPDIR/rootfs" ]; then
    cp -R "$rootfs" "$BATS_FILE_TMPDIR/rootfs" 2>/dev/null || true
    chmod -R u+rwX "$BATS_FILE_TMPDIR/rootfs"
  fi
  rootfs=$BATS_FILE_TMPDIR/rootfs
}

pack_rootfs()
{
  local rootfs
  own_rootfs
  tar -C "$rootfs" --owner=0 --group=0 "${@:2}" -cf "$1" .
}

# What `inspect` says: field NAME KEY, the first member of that name.
field()
{
  "$STEP" -q inspect "$1" | sed -n "s/^ *\"$2\": \"\{0,1\}\([^\",]*\)\"\{0,1\},\{0,1\}\$/\1/p" | head -n 1
}

directory_of() { printf '%s/containers/%s\n' "$NSCTL_ROOT" "$(field "$1" Id)"; }
is_gone() { ! kill -0 "$1" 2>/dev/null; }

# Nothing of any container is in the store.
assert_store_empty()
{
  local left
  left=$(find "$NSCTL_ROOT"/containers "$NSCTL_ROOT"/names "$NSCTL_ROOT"/logs -mindepth 1 2>/dev/null)
  assert_equal "" "$left" "Something is left in the store."
}
