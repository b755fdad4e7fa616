#!/usr/bin/env bats
# shellcheck disable=SC2154 # status, output and stderr are set by bats' run
#
# Step 10: the same Containerfiles, built by us and by Debian's buildah: the same files, owners,
# modes, and the same of what the images say of themselves. They are in tests/image/containerfiles,
# of the kind that people write; a test has the name of one.
#
# What differs, and why:
#   times            of what a build makes are those of the build
#   io.buildah.…     a label with buildah's version
#   EXPOSE 80-82     three ports; in buildah's one, that is not a port. 80/TCP is 80/tcp
#   WORKDIR a/../b   /b, as docker has it; buildah leaves it as it stands
#   SHELL, CMD line  the shell of SHELL, as docker has it; buildah has /bin/sh -c
#   VOLUME           buildah makes the directory in the image, too
#   a hard link that is written to in a later RUN: overlay copies it up, and it is alone then;
#                    here buildah has no overlay
#   heredocs         are not known to buildah 1.28
# In what is compared none of the first three and the last two is.

# bats file_tags=thorough

load ../helpers
load ../containers
load ../images

setup_file()
{
  command -v buildah >/dev/null || return 0
  export SHARED=$BATS_FILE_TMPDIR
  export NSCTL_ROOT=$SHARED/root NSCTL_LOG=quiet
  tar -C "$ROOT/build/rootfs/default" --sort=name --owner=0 --group=0 --numeric-owner -cf "$SHARED/base.tar" .
  mkdir "$SHARED/base"
  mv "$SHARED/base.tar" "$SHARED/base/"
  printf 'FROM scratch\nADD base.tar /\n' >"$SHARED/base/Containerfile"
  "$STEP" build -q -t base "$SHARED/base" >/dev/null
  peer build -q -t base "$SHARED/base" >/dev/null
  host_snapshot
  export KEPT=
  ! run_is_kept root || KEPT=1
}

setup()
{
  requires root # files of others, and what buildah wants
  command -v buildah >/dev/null || skip "needs buildah: it is not on this host; tests/install-tools installs it"
  export NSCTL_ROOT=$SHARED/root NSCTL_LOG=quiet
  userns=()
  [ -n "$KEPT" ] || userns=(--userns host)
  cd "$BATS_TEST_TMPDIR" || return
}

teardown() { :; }

# vfs: a directory a layer, no mounts; chroot: no runtime besides buildah itself; docker: in its OCI images
# it leaves SHELL out, and does not obey it.
peer()
{
  local words=(--isolation chroot --format docker)
  [ "$1" = build ] || words=()
  buildah --root "$SHARED/peer" --runroot "$SHARED/peer-run" --storage-driver vfs "$1" "${words[@]}" "${@:2}"
}

# What is in a directory, a line each: kind, mode, owner, and what is in it.
tree_of()
{
  (
    cd "$1" || exit
    find . -mindepth 1 ! -type f -printf '%P\t%y %m %U:%G %l\n'
    find . -type f -printf '%P\t%y %m %U:%G %n ' -exec sh -c 'sha256sum <"$1"' _ {} \;
  ) | LC_ALL=C sort
}

# The directory of an image of ours, its layers upon each other, as `run` would have it.
our_tree()
{
  local layers='' digest
  for digest in $(python3 -c 'import json, sys
for layer in reversed(json.load(open(sys.argv[1]))["rootfs"]["diff_ids"]): print(layer.split(":")[1])' "$1"); do
    layers+=${layers:+:}$digest/tree
  done
  mkdir -p merged empty
  (cd "$NSCTL_ROOT/layers" && mount -t overlay -o "lowerdir=$layers:$OLDPWD/empty,userxattr" none "$OLDPWD/merged")
  tree_of merged
  umount merged
}

# What it says of itself, in one order; a set and a list that are empty are none.
config_of()
{
  python3 -c 'import json, sys
said = json.load(sys.stdin)
config = said.get("OCIv1", said)["config"]
labels = config.get("Labels") or {}
config["Labels"] = {key: labels[key] for key in labels if not key.startswith("io.buildah")}
for key in sorted(config):
    if config[key] and key not in ("Shell", "OnBuild", "ArgsEscaped"):
        print(key, json.dumps(config[key], sort_keys=True, ensure_ascii=False))'
}

# same [FILTER]: builds the one that the test is called after with both, and compares.
# FILTER leaves lines out of both.
same()
{
  local name=$BATS_TEST_DESCRIPTION context=$ROOT/tests/image/containerfiles/$BATS_TEST_DESCRIPTION filter=${1:-^$}
  local options=() container
  [ ! -d prepared ] || context=$PWD/prepared
  [ ! -f "$context/options" ] || read -r -a options <"$context/options"
  "$STEP" build "${userns[@]}" -t "$name" "${options[@]}" "$context" 2>ours.log || fail "We do not build it: $(tail -n 5 ours.log)"
  peer build -t "$name" "${options[@]}" "$context" >theirs.log 2>&1 || fail "buildah does not build it: $(tail -n 5 theirs.log)"
  our_tree "$NSCTL_ROOT/images/$name/latest/metadata.json" | grep -Ev "$filter" >ours.tree
  container=$(peer from --pull-never "$name")
  tree_of "$(peer mount "$container")" | grep -Ev "$filter" >theirs.tree
  config_of <"$NSCTL_ROOT/images/$name/latest/metadata.json" >ours.config
  peer inspect --type image "$name" | config_of >theirs.config
  peer rm "$container" >/dev/null
  [ -s ours.tree ] || fail "Nothing is in the image."
  assert_equal "" "$(diff theirs.tree ours.tree)" "Other files than buildah makes (<), or with other modes or owners."
  assert_equal "" "$(diff theirs.config ours.config)" "It says other things of itself than buildah's image (<)."
}

@test "01-static-site" { same; }
@test "02-shell-app" { same; }
@test "03-user-account" { same; }
@test "04-compile-and-take" { same; }
@test "05-three-stages" { same; }
@test "06-arguments" { same; }
@test "07-whiteouts" { same; }
@test "08-copy-rules" { same; }
@test "09-ignored" { same; }
@test "10-links" { same; }
@test "11-archives" {
  cp -r "$ROOT/tests/image/containerfiles/11-archives" prepared
  mkdir -p stuff/usr/lib/x stuff/lib stuff/deep/er
  echo 1 >stuff/usr/lib/x/1
  echo 2 >stuff/lib/through-the-link
  echo 3 >stuff/deep/er/3
  ln -s 3 stuff/deep/er/link
  ln stuff/deep/er/3 stuff/deep/hard
  chmod 4711 stuff/deep/er/3
  tar -C stuff --owner=7 --group=8 -cf prepared/plain.tar deep usr
  tar -C stuff --owner=0 --group=0 -czf prepared/packed.tar.gz deep lib
  same
}
@test "12-modes" { same; }
@test "13-shell" { same; }
@test "14-entrypoint-resets" { same; }
@test "15-environment" { same; }
@test "16-continuations" { same; }
@test "17-dated-scripts" { same; }
# Which directories volumes are in is made when a container is run: buildah makes them now.
@test "18-config-only" { same $'^(x|y|data|more data)\t'; }
@test "19-hard-links" { same; }
@test "20-scratch-data" { same; }
@test "21-overwrite" { same; }
@test "22-odd-names" { same; }
@test "23-workdirs" { same; }
@test "24-target-of-several" { same; }
@test "25-big-tree" { same; }
@test "26-python-like" { same; }
@test "27-build-arguments" { same; }
