#!/usr/bin/env bats
# What the lesson of step 10 says of layers: their names, what an archive may not do, how
# "gone" goes from one line of a build to the next and from one machine to another.

load ../helpers
load ../containers

setup()
{
  begin_store
  memory=$(mktemp -d /dev/shm/layers.XXXXXX)
  run_step import "$rootfs" base
  assert_status 0
}

teardown()
{
  end_store
  rm -rf "$memory"
}

# containerfile LINE…: a context with that Containerfile; goes there.
containerfile()
{
  mkdir -p "$BATS_TEST_TMPDIR/context"
  cd "$BATS_TEST_TMPDIR/context" || return
  printf '%s\n' "$@" >Containerfile
}

# Runs a command in a container of an image, which goes again.
in_image() # IMAGE WORD…
{
  run_step run --rm --net none "$@"
}

builds() # OPTION…
{
  run_step build "$@" .
  assert_status 0 "The build of the Containerfile has failed:"
}

@test "a layer is called by the digest of the archive that it came from" {
  mkdir tree
  echo hello >tree/hello
  tar -C tree -cf tree.tar .
  run_step import tree.tar one
  assert_status 0 "A plain archive of one file could not be imported:"
  digest=$(sha256sum <tree.tar)
  [ -d "$NSCTL_ROOT/layers/${digest%% *}" ] ||
    fail "There is no layer of the archive's digest (sha256sum says ${digest%% *}); there are: $(ls "$NSCTL_ROOT/layers")"
  [ "$(cat "$NSCTL_ROOT/layers/${digest%% *}/tree/hello")" = hello ] ||
    fail "The layer is there, but what was in the archive is not in it."
  [ -z "$(find "$NSCTL_ROOT/layers" -maxdepth 1 -name '.?*')" ] || fail "Something that is only being made is left in layers/."
}

@test "an archive with a link in the way writes nothing outside of its layer" {
  mkdir canary naive
  ln -s "$BATS_TEST_TMPDIR/canary" x
  echo owned >owned
  tar -cf evil.tar x
  tar -rf evil.tar --transform 's,^owned$,x/owned,' owned
  tar -P -C naive -xf evil.tar
  [ -e canary/owned ] || fail "This is no attack: not even a tar that is told to believe everything was led out."
  rm canary/owned
  run_step import evil.tar evil
  [ ! -e canary/owned ] ||
    fail "The archive has a link x to a directory of the host, then a file x/owned; and that was written to the host, through the link."
  assert_status 125 "A link that leads to nothing in the layer:"
  assert_stderr_has "evil.tar: entry 2 "
  [ -z "$(find "$NSCTL_ROOT/layers" -name owned)" ] || fail "What was refused has left something behind."
}

@test "a link in the way that leads to a directory of the layer is followed in the layer" {
  mkdir -p tree/usr/lib
  ln -s /usr/lib tree/lib
  echo mine >owned
  tar -C tree -cf tree.tar .
  tar -rf tree.tar --transform 's,^owned$,./lib/owned,' owned
  run_step import tree.tar one
  assert_status 0 "In the archive /lib is a link to /usr/lib, and lib/owned comes after it:"
  [ -e "$NSCTL_ROOT"/layers/"$(sha256sum <tree.tar | cut -c 1-64)"/tree/usr/lib/owned ] ||
    fail "lib/owned is not where the link lib leads to in the layer, in usr/lib."
  [ ! -e /usr/lib/owned ] || fail "It was written to the host."
}

@test "a container runs what its image says, or what is typed behind the name" {
  run_step import -c 'CMD ["echo", "said by the image"]' "$rootfs" says
  assert_status 0
  in_image says
  assert_status 0 "An image with a CMD, and nothing typed behind its name:"
  assert_output_has "said by the image"
  in_image says echo "said by me"
  assert_equal "said by me" "$output" "What is typed behind the name takes the place of CMD."
  in_image base
  assert_status 125 "An image that says no command, and nothing typed:"
}

@test "a file that takes the place of a link is written in that place, not through it" {
  mkdir -p tree/etc
  echo canary >tree/etc/canary
  ln -s etc/canary tree/link
  tar -C tree -cf tree.tar .
  echo new >link
  tar -rf tree.tar --transform 's,^,./,' link
  run_step import tree.tar one
  assert_status 0 "A later entry of the same name:"
  layer=$NSCTL_ROOT/layers/$(sha256sum <tree.tar | cut -c 1-64)/tree
  assert_equal canary "$(cat "$layer/etc/canary")" "The archive has a link to etc/canary and then a file of the link's name: it was written through the link."
  assert_equal new "$(cat "$layer/link")" "The file is not in the link's place."
}

@test "a set-user-id program keeps its bit, and its owner" {
  mkdir tree
  cp /bin/true tree/program
  chmod 4755 tree/program
  tar -C tree --owner=1 --group=1 -cf tree.tar program
  run_step import tree.tar one
  assert_status 0
  layer=$NSCTL_ROOT/layers/$(sha256sum <tree.tar | cut -c 1-64)/tree
  assert_equal 4755 "$(stat -c %a "$layer/program")" "It was packed with mode 4755. (Which of chown and chmod takes something away?)"
}

@test "the same tree is the same layer, in whatever order its files were made, and whenever it is packed" {
  cd "$memory" || return # a tmpfs lists names in the order in which they were made, or the reverse
  mkdir one two
  for name in a b c d e f g h; do echo "$name" >"one/$name"; done
  for name in h g f e d c b a; do echo "$name" >"two/$name"; done
  touch -d 2001-01-01 one one/* two two/*
  run_step import one one
  assert_status 0
  first=$(ls "$NSCTL_ROOT/layers")
  [ "$(find one -type f | paste -sd ' ')" != "$(find two -type f | sed s/two/one/ | paste -sd ' ')" ] || fail "This proves nothing: both directories are listed alike."
  run_step import two two
  assert_status 0
  assert_equal "$first" "$(ls "$NSCTL_ROOT/layers")" "Two directories with the same files, made in another order, are two layers:"
}

@test "an archive of a few bytes that says it is 20 GB is refused" {
  truncate -s 20G hole
  tar -Scf bomb.tar hole
  [ "$(stat -c %s bomb.tar)" -lt 100000 ] || fail "This is no bomb."
  run_step import bomb.tar bomb
  assert_status 125 "10 KB of archive, 20 GB of file:"
  assert_stderr_has "which is the limit"
  assert_equal 1 "$(find "$NSCTL_ROOT/layers" -mindepth 1 -maxdepth 1 | wc -l)" "Something of it is left."
}

@test "a layer is on the disk before it has its name" {
  requires strace
  mkdir tree
  echo hello >tree/hello
  trace=$BATS_TEST_TMPDIR/trace
  strace -f -o "$trace" -e trace=syncfs,rename "$STEP" -q import tree one
  calls=$(grep -o -e 'syncfs(' -e 'rename("[^"]*/layers/\.[0-9a-f]*", ' "$trace" | cut -d'(' -f1 | paste -sd ' ')
  assert_equal "syncfs rename" "$calls" "If the power fails after the rename, and the files were not on the disk, there is a layer, and it is empty. The order was:"
}
