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

set_attribute()
{
  NSCTL_LOG=quiet "$tool" set-attribute "$@"
}

# A tree with one of everything; as root with owners and capabilities, too.
make_full_tree()
{
  mkdir -p tree/d/e tree/sticky tree/closed
  head -c 300000 /dev/urandom >tree/d/data
  echo hello >tree/f
  : >tree/empty
  ln tree/f tree/d/hard
  ln -s ../f tree/d/soft
  ln tree/d/soft tree/e-soft
  ln -s /nowhere tree/dangling
  mkfifo -m 0640 tree/pipe
  echo x >tree/$'a b\n\\\303\244'
  echo x >tree/closed/in
  truncate -s 5000000 tree/hole
  printf x | dd of=tree/hole bs=1 seek=2000000 conv=notrunc status=none
  set_attribute tree/f user.a 313d320a00
  set_attribute tree/d user.b ''
  if [ "$(id -u)" -eq 0 ]; then
    chown 5:6 tree/f
    chown -h 70000:3000000 tree/d/soft
    chown 7 tree/closed
    cp /bin/true tree/capable
    set_attribute tree/capable security.capability 0100000200200000000000000000000000000000 # cap_net_raw+ep
  fi
  chmod 4755 tree/f
  chmod 1777 tree/sticky
  chmod 0500 tree/closed
  touch -d '2001-02-03 04:05:06 UTC' tree/f tree/sticky
  touch -h -d '2002-02-03 04:05:06 UTC' tree/d/soft
  find tree -depth -newermt '2010-01-01' -exec touch -h -d '2003-01-01 UTC' {} +
}

# All that is to stay the same of a tree: each name's kind, mode, owner, links, time, data.
state_of()
{
  (
    cd "$1" || exit
    find . -printf '%P %y %m %U:%G %n %T@ %l\n' | LC_ALL=C sort
    find . -type f -exec sha256sum {} + | LC_ALL=C sort
    find . ! -type l -exec "$tool" attributes {} + | LC_ALL=C sort
  )
}
