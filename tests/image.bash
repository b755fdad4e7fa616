# shellcheck shell=bash
#
# image.bash: loaded, after helpers, by the tests of archives and images. They run
# tests/image/tool, which is `tool` to them: IMAGE_TOOL, or it is made.

# shellcheck disable=SC2034  # it is for the tests
tool=${IMAGE_TOOL:-$ROOT/build/obj/tests/image/tool}

setup_file()
{
  [ -n "${IMAGE_TOOL:-}" ] || make -s -C "$ROOT" image-tool
  host_snapshot
}

setup()
{
  cd "$BATS_TEST_TMPDIR" || return
}
