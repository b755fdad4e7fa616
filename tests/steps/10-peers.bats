#!/usr/bin/env bats
# shellcheck disable=SC2016 # $ is for a shell inside
# shellcheck disable=SC2154 # status, output and stderr are set by bats' run
#
# Step 10: what is saved here is read by others, and what they write is loaded here: the same
# files, with owners, modes, links and attributes; and the same is said of it.

# bats file_tags=thorough

load ../helpers
load ../containers
load ../image

setup_file()
{
  [ -n "${IMAGE_TOOL:-}" ] || make -s -C "$ROOT" image-tool
  [ -x "$STEP" ] || fail "there is no program $STEP; make it first: make ${STEP##*/}"
  host_snapshot
}

setup()
{
  begin_store
  requires root # files of others, and what podman wants
  # Nothing of how podman was set up on this host.
  export XDG_RUNTIME_DIR=$PWD/xdg CONTAINERS_CONF=$PWD/containers.conf
  : >containers.conf
  mkdir -p xdg
}

teardown()
{
  end_images
  [ ! -d pod ] || on_podman rmi -af >/dev/null 2>&1 || true
  findmnt -rno TARGET | grep "^$BATS_TEST_TMPDIR/" | sort -r | xargs -r umount -l
  return 0
}

needs()
{
  local name
  for name in "$@"; do
    command -v "$name" >/dev/null || skip "needs $name: it is not on this host; tests/install-tools installs it"
  done
}

on_podman()
{
  podman --root "$BATS_TEST_TMPDIR/pod/root" --runroot "$BATS_TEST_TMPDIR/pod/run" --tmpdir "$BATS_TEST_TMPDIR/pod/tmp" \
    --storage-driver vfs --cgroup-manager cgroupfs --events-backend none "$@"
}

# A command in a container of podman's, with as little of everything as it takes.
podman_run()
{
  on_podman run --rm --network none --cgroups disabled --ulimit nofile=1024:1024 --ulimit nproc=1024:1024 "$@"
}

archive()
{
  printf '%s\n' "${@:2}" | sed 's/  */\t/g; s/_/ /g' | "$tool" write >"$1"
}

# An image "made:1" of four layers: a root file system; one with a file of each kind; one in which some of that is
# gone; and one of what a container has written.
make_image()
{
  mkdir -p tree/d/sub tree/e
  echo one >tree/d/one
  echo gone >tree/d/gone
  echo hidden >tree/e/hidden
  echo set-id >tree/set-id
  echo linked >tree/first
  ln tree/first tree/d/second
  ln -s d/one tree/link
  mkfifo tree/pipe
  chown 5:6 tree/d/one
  chown -h 70:71 tree/link
  chown 8:9 tree/set-id
  chmod 6755 tree/set-id
  chmod 1777 tree/d/sub
  set_attribute tree/set-id user.a 6263
  cp /bin/true tree/capable
  set_attribute tree/capable security.capability 0100000200200000000000000000000000000000
  find tree -depth -exec touch -h -d '2003-01-01 UTC' {} +
  cp -a "$rootfs" base
  cp -a tree base/t
  "$STEP" -q import -c 'ENV A=b C="d e"' -c 'CMD ["/bin/sh","-c","echo ran $A"]' -c 'LABEL l=m' -c 'EXPOSE 80' -c 'WORKDIR /t' \
    -c 'USER 0:0' -c 'STOPSIGNAL 10' -c 'VOLUME /data' base first >/dev/null
  "$STEP" -q run --name w --net none first /bin/sh -c \
    'rm d/gone; rm -r e; mkdir e; echo new >e/new; echo more >>d/one; mv set-id moved; chown 11:12 d/sub; ln -s x y'
  "$STEP" -q commit w second >/dev/null
  "$STEP" -q rm w >/dev/null
  "$STEP" -q run --name w --net none second /bin/sh -c 'echo third >third; rm pipe'
  "$STEP" -q commit -m 'the third' w made:1 >/dev/null
  "$STEP" -q rm w >/dev/null
}

# The same tree, as whoever has unpacked it: `of_a_container` and `of_a_directory` print the same.
look='cd /t && find . | sort | while read -r f; do stat -c "%n %F %a %u:%g" "$f"; readlink "$f" || true; done; cat d/one e/new third; [ first -ef d/second ]'

of_a_directory()
{
  (
    cd "$1/t" || exit
    find . | LC_ALL=C sort | while read -r f; do stat -c "%n %F %a %u:%g" "$f"; readlink "$f" || true; done
    cat d/one e/new third
    [ first -ef d/second ] # one file still
  )
}

ours()
{
  "$STEP" -q run --rm --net none --entrypoint /bin/sh "$1" -c "$look" || echo "exit status $?"
}

attributes_of()
{
  (cd "$1/t" && "$tool" attributes moved capable)
}

# An image that others have unpacked is the same: files, and attributes.
assert_same_tree() # DIRECTORY WHO
{
  diff <(ours made:1) <(of_a_directory "$1") || fail "$2 has other files"
  assert_equal "moved user.a=6263
capable security.capability=0100000200200000000000000000000000000000" "$(attributes_of "$1")" "$2: attributes"
  assert_equal "" "$(ls -d "$1/t/d/gone" "$1/t/e/hidden" "$1/t/pipe" 2>/dev/null)" "$2: what is gone is there."
}

# What an image says of itself, in one form for all.
said_of()
{
  python3 -c '
import json, sys
c = json.load(open(sys.argv[1]))
g = c["config"]
print(c["architecture"], c["os"], g.get("Env"), g.get("Cmd"), g.get("Entrypoint"), g.get("Labels"), g.get("ExposedPorts"),
      g.get("WorkingDir"), g.get("User"), g.get("StopSignal"), g.get("Volumes"), len(c["rootfs"]["diff_ids"]))' "$1"
}

metadata() # NAME TAG
{
  echo "$NSCTL_ROOT/images/$1/$2/metadata.json"
}

@test "skopeo reads what is saved, and says the same of it" {
  needs skopeo python3
  make_image
  local format
  for format in "" "--compress gzip" "--compress zstd"; do
    # shellcheck disable=SC2086 # words
    "$STEP" -q save $format -o x.tar made:1
    skopeo inspect --config "oci-archive:x.tar:made:1" >config
    assert_equal "$(said_of "$(metadata made 1)")" "$(said_of config)" "$format"
    skopeo inspect --raw --config oci-archive:x.tar >raw
    cmp raw "$(metadata made 1)" || fail "It is not the image's own config, byte for byte."
  done
  skopeo inspect oci-archive:x.tar >seen
  "$STEP" -q image inspect made:1 >said
  python3 - <<'END' || fail "image inspect and skopeo inspect do not agree."
import json
seen, said = json.load(open("seen")), json.load(open("said"))[0]
flat = json.dumps(said)
for key in ("Architecture", "Os", "Created"):
    assert seen[key] == said[key], (key, seen[key], said[key])
assert seen["Env"] == said["Config"]["Env"], flat
assert seen["Labels"] == said["Config"]["Labels"], flat
assert len(seen["Layers"]) == len(said["RootFS"]["Layers"]), flat
END
}

@test "what skopeo writes is loaded: OCI and docker archives, the layers compressed anew or not" {
  needs skopeo python3
  make_image
  local before
  before=$(ours made:1)
  "$STEP" -q save -o x.tar made:1
  skopeo copy -q oci-archive:x.tar docker-archive:d.tar:example.com/made:1
  skopeo copy -q --dest-compress-format gzip --dest-compress oci-archive:x.tar dir:dir
  skopeo copy -q dir:dir oci-archive:o.tar:made:1
  skopeo copy -q --format v2s2 dir:dir oci-archive:v.tar:made:1 || rm -f v.tar # not all versions do
  cp "$(metadata made 1)" before.json
  local file
  for file in d.tar o.tar v.tar; do
    [ -e "$file" ] || continue
    export NSCTL_ROOT=$BATS_TEST_TMPDIR/other
    rm -rf "$NSCTL_ROOT"
    "$STEP" -q load -i "$file" >loaded
    image=$(sed 's/^Loaded image: //' loaded)
    assert_equal "$before" "$(ours "$image")" "$file"
    "$STEP" -q tag "$image" same:1
    cmp before.json "$(metadata same 1)" || fail "$file: another image"
  done
}

@test "umoci unpacks what is saved to the same files" {
  needs umoci
  make_image
  local format
  for format in "" "--compress gzip"; do
    rm -rf oci bundle
    mkdir oci
    # shellcheck disable=SC2086 # words
    "$STEP" -q save $format made:1 | tar x -C oci
    python3 - <<'END' # it takes tags that are one word only
import json
index = json.load(open("oci/index.json"))
index["manifests"][0]["annotations"]["org.opencontainers.image.ref.name"] = "one"
json.dump(index, open("oci/index.json", "w"))
END
    umoci unpack --image oci:one bundle >/dev/null
    assert_same_tree bundle/rootfs umoci
  done
}

@test "what umoci writes is loaded, whiteouts and opaque directories too" {
  needs umoci
  make_image
  mkdir oci opaque
  "$STEP" -q save made:1 | tar x -C oci
  sed -i 's/"org.opencontainers.image.ref.name":"made:1"/"org.opencontainers.image.ref.name":"one"/; s/"io.containerd.image.name":"made:1",//' oci/index.json
  umoci unpack --image oci:one bundle >/dev/null
  rm -r bundle/rootfs/t/d
  echo changed >bundle/rootfs/t/third
  chown 33:44 bundle/rootfs/t/e/new
  umoci repack --image oci:two bundle >/dev/null
  echo opaque >opaque/only
  umoci insert --image oci:two --opaque opaque /t/e >/dev/null
  umoci config --image oci:two --config.cmd /bin/ls
  tar c -C oci . | "$STEP" -q load
  run_step run --rm --net none two /bin/sh -c 'cd /t; cat third e/*; ls e; ls -d d; stat -c %u:%g .'
  assert_equal "changed
opaque
only
0:0" "$output"
  run_step run --rm --net none two
  assert_output_has third
}

@test "podman runs what is saved; it sees the same files" {
  needs podman
  make_image
  local format
  for format in "" "--compress gzip" "--compress zstd"; do
    # shellcheck disable=SC2086 # words
    "$STEP" -q save $format -o x.tar made:1
    run on_podman load -q -i x.tar
    assert_status 0
    assert_output_has "localhost/made:1"
    assert_equal "ran b" "$(podman_run made:1)"
    assert_equal "$(ours made:1)" "$(podman_run --entrypoint /bin/sh made:1 -c "$look")" "$format"
    on_podman image inspect made:1 --format '{{.Id}}' >id
    assert_equal "$(sha256sum <"$(metadata made 1)" | cut -d ' ' -f 1)" "$(cat id)" "It is the same image: its id."
    on_podman rmi -af >/dev/null
  done
}

@test "what podman saves is loaded, in both forms, and what it commits" {
  needs podman
  make_image
  local before form
  before=$(ours made:1)
  "$STEP" -q save made:1 | on_podman load -q >/dev/null
  on_podman run --name p --network none --cgroups disabled --ulimit nofile=1024:1024 --ulimit nproc=1024:1024 made:1 \
    /bin/sh -c 'rm -r /t/d; mkdir /t/d; echo podman >/t/d/by; chown 3:4 /t/d/by; ln /t/d/by /t/by'
  on_podman commit -q p committed >/dev/null
  for form in oci-archive docker-archive; do
    on_podman save -q --format "$form" -o "$form.tar" made:1
    on_podman save -q --format "$form" -o "$form.committed.tar" committed
  done
  for form in oci-archive docker-archive; do
    export NSCTL_ROOT=$BATS_TEST_TMPDIR/other
    rm -rf "$NSCTL_ROOT"
    run_step load -i "$form.tar"
    assert_equal "Loaded image: localhost/made:1" "$output"
    assert_equal "$before" "$(ours made:1)" "$form: a name is found without localhost/, too"
    run_step load -i "$form.committed.tar"
    assert_equal "Loaded image: localhost/committed:latest" "$output"
    run_step run --rm --net none committed /bin/sh -c 'ls /t/d; cat /t/by; stat -c "%u:%g %h" /t/by'
    assert_equal "by
podman
3:4 2" "$output" "$form"
  done
  # Several images in one file.
  on_podman save -q -m -o several.tar made:1 committed
  run_step load -i several.tar
  assert_output_has "Loaded image: localhost/made:1"
  assert_output_has "Loaded image: localhost/committed:latest"
}

@test "what buildah builds is loaded" {
  needs buildah podman
  tar -C "$rootfs" -cf base.tar .
  printf '%s\n' 'FROM scratch' 'ADD base.tar /' 'ENV A=b' 'COPY file /file' 'CMD ["/bin/cat", "/file"]' >Containerfile
  echo built >file
  buildah --root "$PWD/pod/root" --runroot "$PWD/pod/run" --storage-driver vfs bud -q --ulimit nofile=1024:1024 --layers -t built . >/dev/null
  buildah --root "$PWD/pod/root" --runroot "$PWD/pod/run" --storage-driver vfs push -q built oci-archive:x.tar:built
  run_step load -i x.tar
  assert_equal "Loaded image: built:latest" "$output"
  run_step run --rm --net none built
  assert_equal built "$output"
}

@test "a peer lets pass what is refused here: a changed layer that is there already" {
  needs podman python3
  make_image
  "$STEP" -q save -o x.tar made:1
  on_podman load -q -i x.tar >/dev/null
  # A byte of the last layer's file, which lies before the config.
  python3 - <<'END'
import json, tarfile
tar = tarfile.open("x.tar")
index = json.load(tar.extractfile("index.json"))
def blob(d):
    return "blobs/sha256/" + d["digest"][7:]
manifest = json.load(tar.extractfile(blob(index["manifests"][0])))
layer = tar.getmember(blob(manifest["layers"][-1]))
with open("x.tar", "r+b") as f:
    f.seek(layer.offset_data + layer.size - 1)
    f.write(b"x")
END
  run_step load -i x.tar
  assert_status 125
  assert_stderr_has "the digest of what is in the file"
  run on_podman load -q -i x.tar
  echo "podman's exit status: $status" # what it does is its own affair: no assertion
}
