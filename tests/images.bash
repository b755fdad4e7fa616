# shellcheck shell=bash
# shellcheck disable=SC2154  # status, output and stderr are set by bats' run
#
# images.bash: for the tests of images that are kept (`load ../images`, after the helpers
# and containers.bash, whose store these are in).
#
#   make_image NAME [TEXT]   of one small layer, whose only file says TEXT
#   make_base NAME OPTION…   of the default root file system
#   stack NAME IMAGE…        of all layers of these, the lowest first
#   id_of IMAGE              64 digits
#   layers_of IMAGE          their digests, a line each, the lowest first
#   metadata_of NAME [TAG]   the file
#   image_machine            what images call this machine: amd64, arm64
#   assert_images_sound      no name without its layers, no layer without a name; nothing half made
#   assert_no_images         nothing at all
#   end_images               what a teardown does: end_store, and of an ordinary user's images all
#   run_is_kept WHO          whether what RUN writes can be, in a user namespace of WHO's
#   needs_kept WHO           skips the test where it can not be, since what a container writes is in memory then

# What is in an ordinary user's image may be another's, of that one's range of ids, and bats could not remove it.
end_images()
{
  local ended=0 store
  end_store || ended=$?
  if [ "$(id -u)" -ne 0 ]; then
    for store in "$BATS_TEST_TMPDIR"/{*,*/*}/layers; do
      [ ! -d "$store" ] || "$STEP" -q --root "${store%/*}" image prune -af >/dev/null 2>&1 || true
    done
    chmod -R u+rwX "$BATS_TEST_TMPDIR" 2>/dev/null || true
  fi
  return "$ended"
}

teardown() { end_images; }

make_image()
{
  local tree
  tree=$(mktemp -d "$BATS_TEST_TMPDIR/tree.XXXXXX")
  chmod 755 "$tree"
  printf '%s\n' "${2:-$1}" >"$tree/text"
  touch -d '2020-02-03 04:05:06' "$tree/text" "$tree" # the same text is the same layer
  "$STEP" -q import "$tree" "$1" >/dev/null
  rm -r "$tree"
}

make_base()
{
  local name=$1
  shift
  "$STEP" -q import "$@" "$rootfs" "$name" >/dev/null
}

id_of()
{
  local id
  id=$("$STEP" -q image inspect "$1" | sed -n 's/^    "Id": "sha256:\([0-9a-f]*\)".*/\1/p')
  [ -n "$id" ] && printf '%s\n' "$id"
}

layers_of()
{
  "$STEP" -q image inspect "$1" | sed -n '/"Layers"/,/\]/s/^ *"sha256:\([0-9a-f]*\)".*/\1/p'
}

metadata_of()
{
  printf '%s/images/%s/%s/metadata.json\n' "$NSCTL_ROOT" "${1//\//%}" "${2:-latest}"
}

# That takes an overlay, which depends on the kernel, and on where these tests' files are.
run_is_kept()
{
  local place said
  place=$(mktemp -d "$BATS_FILE_TMPDIR/kept.XXXXXX")
  chmod a+x "$BATS_RUN_TMPDIR" "$BATS_FILE_TMPDIR" && chmod 777 "$place"
  said=$(as "$1" "$STEP" -q --root "$place/root" run --rm --net none --upper "$place/upper" "$ROOT/build/rootfs/default" /bin/true 2>&1) ||
    [[ $said != *'takes an overlay'* ]]
}

needs_kept()
{
  run_is_kept "$1" || skip "needs a kernel that has overlays for $1: $(uname -r) has not"
}

image_machine() { uname -m | sed 's/x86_64/amd64/; s/aarch64/arm64/'; }

# By hand, as a build would.
stack()
{
  local name=$1 image layer layers=() file
  shift
  for image in "$@"; do
    while read -r layer; do layers+=("\"sha256:$layer\""); done < <(layers_of "$image")
  done
  file=$(metadata_of "$name")
  mkdir -p "${file%/*}"
  printf '{"architecture":"%s","os":"linux","config":{"Cmd":["/bin/sh"]},"rootfs":{"type":"layers","diff_ids":[%s]},"history":[{"created_by":"%s"}]}\n' \
    "$(image_machine)" "$(IFS=, && echo "${layers[*]}")" "$name" >"$file"
}

# What is in the store and should not be, or the other way round: a line each.
images_wrong()
{
  local layer file
  ls -d "$NSCTL_ROOT"/layers/.[!.]* "$NSCTL_ROOT"/images/.[!.]* 2>/dev/null
  find "$NSCTL_ROOT/images" -name '*.new' 2>/dev/null
  find "$NSCTL_ROOT/images" -mindepth 1 -type d -empty 2>/dev/null
  "$STEP" -q images --json | grep -v '"Corrupt": null' | grep '"Corrupt"'
  for file in "$NSCTL_ROOT"/images/*/*/metadata.json; do
    [ -e "$file" ] || continue
    grep -o 'sha256:[0-9a-f]*' "$file" | sed 's/sha256://' >>"$BATS_TEST_TMPDIR/named"
  done
  for layer in "$NSCTL_ROOT"/layers/*; do
    [ -e "$layer" ] || continue
    [ -d "$layer/tree" ] && [ -s "$layer/layer.json" ] || echo "half a layer: $layer"
    grep -qx "${layer##*/}" "$BATS_TEST_TMPDIR/named" || grep -qs "${layer##*/}" "$NSCTL_ROOT"/containers/*/config.json || echo "nobody's layer: $layer"
  done
}

assert_images_sound()
{
  local wrong
  : >"$BATS_TEST_TMPDIR/named"
  wrong=$(images_wrong) || true
  assert_equal "" "$wrong" "${1:-The store of images is not sound.}"
}

assert_no_images()
{
  local left
  left=$(find "$NSCTL_ROOT"/{images,layers,cache} -mindepth 1 2>/dev/null) || true
  assert_equal "" "$left" "${1:-Something of an image is left.}"
}
