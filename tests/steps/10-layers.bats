#!/usr/bin/env bats
# What the lesson of step 10 says of layers: their names, what an archive may not do, how
# "gone" goes from one line of a build to the next and from one machine to another.

# shellcheck disable=SC2016 # $ is for the Containerfile
# shellcheck disable=SC2030,SC2031 # each test is a process of its own
# shellcheck disable=SC2154 # rootfs is from containers.bash, status and output from bats' run

load ../helpers
load ../containers
load ../images

setup()
{
  begin_store
  memory=$(mktemp -d /dev/shm/layers.XXXXXX)
  pack_rootfs rootfs.tar
  run_step import rootfs.tar base
  assert_status 0
  userns=() # what RUN writes takes an overlay in a user namespace, or none of these
  [ "$(id -u)" -ne 0 ] || run_is_kept root || userns=(--userns host)
}

teardown()
{
  end_images
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
  run_step build "${userns[@]}" "$@" .
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
  # RESOLVE_BENEATH refuses it, too, and with it half of the images that there are.
  mkdir -p tree/usr/lib
  ln -s /usr/lib tree/lib
  tar -C tree -cf tree.tar .
  tar -rf tree.tar --transform 's,^owned$,./lib/owned,' owned
  run_step import tree.tar one
  assert_status 0 "A link that begins with a slash, as ordinary images have them (lib is one to /usr/lib), leads to the layer's own directory; and a file lib/owned behind it:"
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
  echo new >./link
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
  rename=$(calls_here rename)
  strace -f -o "$trace" -e trace="syncfs,$rename" "$STEP" -q import tree one
  calls=$(sed 's/AT_FDCWD, //g' "$trace" | grep -o -e 'syncfs(' -e "$rename"'("[^"]*/layers/\.[0-9a-f]*", ' | cut -d'(' -f1 | paste -sd ' ')
  assert_equal "syncfs $rename" "$calls" "If the power fails after the rename, and the files were not on the disk, there is a layer, and it is empty. The order was:"
}

@test "a layer that is not what it is called is not loaded, though one of that name is there" {
  run_step save -o base.tar base
  assert_status 0
  run_step load -i base.tar
  assert_status 0 "From now on there is a layer by the name that it has in the archive:"
  mkdir lie
  tar -C lie -xf base.tar
  blob=$(find lie/blobs/sha256 -type f -size +100k | head -n 1)
  # A bit in the midst of a file: what holds it is a tar archive as before.
  at=$(($(stat -c %s "$blob") / 2))
  byte=$(od -An -tu1 -j "$at" -N 1 "$blob")
  printf '%b' "\\x$(printf %02x $((byte ^ 1)))" | dd of="$blob" bs=1 seek="$at" conv=notrunc status=none
  tar -C lie -cf lie.tar oci-layout index.json blobs
  run_step load -i lie.tar
  assert_status 125 "A byte of a layer was changed, and its digest is not its name any more:"
  assert_stderr_has "sha256:"
  run_step image rm -f base
  run_step load -i lie.tar
  assert_status 125 "The same where there is no such layer yet:"
  [ -z "$(find "$NSCTL_ROOT/layers" -mindepth 1)" ] || fail "Something of it is left in layers/."
  run_step load -i base.tar
  assert_status 0 "The archive as it was is loaded:"
}

@test "what a line deletes is gone for the next line, and for a container of the image" {
  containerfile 'FROM base' 'RUN echo old >/there; mkdir /full; touch /full/old' 'RUN rm /there; rm -r /full; mkdir /full' \
    'RUN ! [ -e /there ] || { echo "it is still there for the next line" >&2; exit 1; }' 'CMD ["ls", "-A", "/full"]'
  builds -t less
  in_image less
  assert_status 0
  assert_equal "" "$output" "A line has removed /full, and made it anew: what was in it before is there again."
  in_image less ls /there
  [ "$status" -ne 0 ] || fail "A line has removed /there, and it is there in a container of the image."
}

@test "what was deleted is deleted for whoever loads the image" {
  containerfile 'FROM base' 'RUN echo old >/there' 'RUN rm /there'
  builds -t less
  run_step save -o less.tar less
  assert_status 0
  mkdir less
  tar -C less -xf less.tar
  for blob in less/blobs/sha256/*; do tar -tf "$blob" 2>/dev/null; done >names || true
  grep -qxF .wh.there names ||
    fail "A line has removed /there, and nothing in the archive says so: where is .wh.there? (As a device 0:0 nobody would take it.)"
  export NSCTL_ROOT=$BATS_TEST_TMPDIR/other
  run_step load -i less.tar
  assert_status 0 "What we save we load:"
  in_image less ls /there
  [ "$status" -ne 0 ] || fail "A line has removed /there, and whoever loads the image has it again: it must stand in the archive that it is gone."
}

# --- What a build is led to by links ------------------------------------------------

@test "a link in the context begins at the top of the context, not of the host" {
  mkdir canary
  echo host >canary/file
  containerfile 'FROM base' 'COPY link /copied'
  ln -s "$BATS_TEST_TMPDIR/canary/file" link
  [ "$(cat link)" = host ] || fail "This is no attack: whoever opens the link is not led out."
  run_step build -t led .
  ! grep -rqx host "$NSCTL_ROOT/layers" || fail "The link's target was looked up on the host: a file from outside of the context is in a layer."
  assert_status 125 "In the context there is no such file:"
  assert_stderr_has "Containerfile:2: COPY link: not in the context"
  mkdir -p ".$BATS_TEST_TMPDIR/canary"
  echo context >".$BATS_TEST_TMPDIR/canary/file"
  builds -t led
  in_image led cat /copied
  assert_equal context "$output" "From the context's top on there is such a file now, and that is what is copied."
}

@test "a link that one source of a line has made is not followed for the next" {
  mkdir canary
  containerfile 'FROM base' 'COPY one two /'
  mkdir -p one two/x naive
  ln -s "$BATS_TEST_TMPDIR/canary" one/x
  echo owned >two/x/owned
  cp -R one/. naive
  echo owned >naive/x/owned
  [ -e ../canary/owned ] || fail "This is no attack: not even a shell is led out by the link."
  rm ../canary/owned
  run_step build -t led .
  [ ! -e ../canary/owned ] ||
    fail "The first source has a link x to a directory of the host, the second a file x/owned; and that was written to the host, through the link."
  assert_status 125 "Where a link stands there can be no directory:"
  assert_stderr_has "Containerfile:2: COPY: "
}

@test "what is tidied up behind RUN is the layer's, whatever RUN has made of /etc" {
  local name
  mkdir -p canary tree
  cp -R "$rootfs/usr" "$rootfs/bin" "$rootfs/lib" "$rootfs/lib64" tree 2>/dev/null || true # of what may be read
  touch canary/hosts canary/hostname canary/resolv.conf
  run_step import tree bare
  assert_status 0
  # /etc was made for the sake of our own files in it: so it is in the layer, and can get another name.
  containerfile 'FROM bare' "RUN mv /etc /mine && ln -s $BATS_TEST_TMPDIR/canary /etc"
  run_step build --net none -t led .
  for name in hosts hostname resolv.conf; do
    [ -e "../canary/$name" ] ||
      fail "RUN has put a link to a directory of the host in the place of /etc; and $name, which is empty there, was removed from the host."
  done
  assert_status 0 "It is an odd image, but one:"
  [ -L "$NSCTL_ROOT/layers/$("$STEP" -q image inspect led | sed -n '/"Layers"/,/\]/s/^ *"sha256:\([0-9a-f]*\)".*/\1/p' | tail -n 1)/tree/etc" ] ||
    fail "This is no attack: there is no link in the layer."
}

@test "a variable that is set and empty takes the word behind :- and not the one behind -" {
  containerfile 'FROM base' 'ARG EMPTY=' 'ARG FULL=full' 'ENV A="${EMPTY:-word} ${EMPTY-word} ${FULL:-word} ${NOTHING:-word} ${NOTHING-word}"' 'CMD ["sh", "-c", "echo \"$A\""]'
  builds -t variables
  in_image variables
  assert_equal "word  full word word" "$output" 'Of ${EMPTY:-word} ${EMPTY-word} ${FULL:-word} ${NOTHING:-word} ${NOTHING-word}:'
}

@test "a step is done again when what it depends on is another, and not otherwise" {
  containerfile 'FROM base' 'COPY file /file' 'RUN cat /file >/copy'
  echo one >file
  builds -t one
  touch -d 2001-01-01 file
  builds -t two
  assert_equal 2 "$(grep -c CACHED <<<"$stderr")" "Nothing but the time of a file is another; so both lines are CACHED."
  echo two >file
  builds -t three
  assert_equal 0 "$(grep -c CACHED <<<"$stderr")" "A byte of a file that is copied is another: that line, and those after it, are done again."
  in_image three cat /copy
  assert_equal two "$output" "The image has what was in the file before."
  containerfile 'FROM base' 'COPY file /file' 'RUN cat /file >/other'
  builds -t four
  assert_equal 1 "$(grep -c CACHED <<<"$stderr")" "The second line is another; the first is CACHED."
  containerfile 'FROM base' 'COPY file /file' 'ENV NEW=1' 'RUN cat /file >/other'
  builds -t five
  assert_equal 1 "$(grep -c CACHED <<<"$stderr")" "RUN has another variable than before, and might do something else with it."
  containerfile 'FROM base' 'COPY file /file' 'WORKDIR /tmp' 'RUN cat /file >/other'
  builds -t six
  assert_equal 1 "$(grep -c CACHED <<<"$stderr")" "RUN is run in another directory than before."
}

@test "two lines are not taken for one because their words make the same text" {
  containerfile 'FROM base' 'RUN ["sh", "-c", "echo $0-$1 >/said", "ab", "c"]' 'CMD ["cat", "/said"]'
  builds -t one
  containerfile 'FROM base' 'RUN ["sh", "-c", "echo $0-$1 >/said", "a", "bc"]' 'CMD ["cat", "/said"]'
  builds -t two
  in_image two
  assert_equal a-bc "$output" 'First was built RUN [… "ab", "c"], then RUN [… "a", "bc"]; what each of them is made of has to be told apart.'
}
