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
#   pack_rootfs ARCHIVE [OPTION…]   the default root file system, by tar with these options
#   assert_store_empty
#
# A file that has to do more before or after each test calls these two from a setup or teardown of its own.

begin_store()
{
  export NSCTL_ROOT=$BATS_TEST_TMPDIR/root
  rootfs=$ROOT/build/rootfs/default
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

# An ordinary user leaves out what only who made it, often root, may read.
pack_rootfs()
{
  tar -C "$ROOT/build/rootfs/default" "${@:2}" --ignore-failed-read -cf "$1" .
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
