#!/usr/bin/env bats
# log-truth must believe true logs and catch lying ones; the traces here are strace's.

load helpers

# verdict ASSERTED-LINE…: is this text, written by the child, true of the trace below?
# % in an argument stands for the two spaces between an intention and its call.
verdict()
{
  local line escaped
  {
    cat <<'EOF'
6752  openat(AT_FDCWD</work>, "/etc/ld.so.cache", O_RDONLY|O_CLOEXEC) = 3</etc/ld.so.cache>
6752  mkdir("/sys/fs/cgroup/nsctl/x", 0755) = 0
6752  clone3({flags=CLONE_PIDFD|CLONE_NEWUTS|CLONE_NEWPID, pidfd=0x7ffd, exit_signal=SIGCHLD, stack=NULL, stack_size=0} => {pidfd=[3<anon_inode:[pidfd]>]}, 88) = 6753
6752  waitid(P_PIDFD, 3<anon_inode:[pidfd]>,  <unfinished ...>
6753  sethostname("container", 9)       = 0
6753  write(2</tmp/stderr>, "[ns] a remark, of clone(2) and (much) else\n", 43) = 43
6753  mount("proc", "/proc", "proc", MS_NOSUID|MS_NODEV|MS_NOEXEC, NULL) = 0
6753  write(4</sys/fs/cgroup/nsctl/x/memory.max>, "104857600", 9) = 9
6753  mkdir("/h\303\251 x", 0755)   = -1 EPERM (Operation not permitted)
6753  mknodat(AT_FDCWD</>, "/dev/null", S_IFCHR|0666, makedev(0x1, 0x3)) = 0
6753  renameat(AT_FDCWD</>, "/new", AT_FDCWD</>, "/name") = 0
6753  newfstatat(AT_FDCWD</>, "/gone", 0x7ffc, 0) = -1 ENOENT (No such file or directory)
6753  mount("none", "/", 0x55c2d0cf004a, MS_REC|MS_PRIVATE, NULL) = 0
6753  sethostname("second", 6)          = 0
6753  socket(AF_NETLINK, SOCK_RAW|SOCK_CLOEXEC, NETLINK_ROUTE) = 3<socket:[3184499]>
6753  sendto(3<socket:[3184499]>, [{nlmsg_len=60, nlmsg_type=RTM_NEWLINK, nlmsg_seq=1}, {ifi_family=AF_UNSPEC}, [[{nla_len=11, nla_type=IFLA_IFNAME}, "nsctl0"]]], 60, 0, NULL, 0) = 60
6753  recvfrom(3<socket:[3184499]>, [{nlmsg_len=36, nlmsg_type=NLMSG_ERROR, nlmsg_seq=1}, {error=-EEXIST, msg={nlmsg_len=60}}], 32768, MSG_TRUNC, NULL, [12]) = 36
6753  socket(AF_NETLINK, SOCK_RAW|SOCK_CLOEXEC, NETLINK_NETFILTER <unfinished ...>
6753  <... socket resumed>)             = 4<socket:[3184524]>
6753  sendto(4<socket:[3184524]>, [[{nlmsg_len=20, nlmsg_type=NFNL_MSG_BATCH_BEGIN}], [{nlmsg_len=32, nlmsg_type=NFNL_SUBSYS_NFTABLES<<8|NFT_MSG_NEWTABLE}, [{nla_len=10, nla_type=0x1}, "\x6e\x00"]]], 90, 0, NULL, 0) = 90
6753  sendto(3<socket:[3184499]>, [{nlmsg_len=40, nlmsg_type=0x14 /* NLMSG_??? */, nlmsg_seq=2}, "\x08\x00\x0a\x5a\x00\x02\x00\x6c\x6f\x00"], 40, 0, NULL, 0) = 40
EOF
    for line in "$@"; do
      escaped=${line//%/  }
      escaped=${escaped//\"/\\\"}
      printf '6753  write(2</tmp/stderr>, "[ns] %s\\n", 99) = 99\n' "$escaped"
    done
    cat <<'EOF'
6753  execve("/bin/sh", ["/bin/sh"], 0x7ffc /* 3 vars */) = 0
6753  mount("lie", "/lie", "tmpfs", 0, NULL) = 0
6753  exit_group(0)                     = ?
6753  +++ exited with 0 +++
6752  <... waitid resumed>{si_signo=SIGCHLD, si_code=CLD_EXITED, si_pid=6753}, WEXITED, NULL) = 0
EOF
  } >"$BATS_TEST_TMPDIR/trace"
  run "$ROOT/tests/log-truth" "$BATS_TEST_TMPDIR/trace"
}

believes()
{
  verdict "$@"
  assert_status 0 "This log is true: $*"
}

catches()
{
  verdict "$@"
  assert_status 1 "This log lies: $*"
  assert_output_has "6753 says" "the lie must be shown, with who told it"
}

@test "a true log is believed" {
  believes 'a hostname%sethostname("container", 9) = 0'
  believes 'the new /proc%mount("proc", "/proc", "proc", NOSUID|NODEV|NOEXEC) = 0'
  believes 'the new /proc%mount("proc", "/proc", "proc", MS_NOSUID|MS_NODEV) = 0'
  believes 'at most 100 MiB%write("/sys/fs/cgroup/nsctl/x/memory.max", "104857600") = 9'
  believes 'private mounts%mount("none", "/", "none", MS_REC|MS_PRIVATE, NULL) = 0'
  believes 'a device%mknod("/dev/null", S_IFCHR|0666, makedev(1, 3)) = 0'
  believes 'a name%rename("/new", "/name") = 0'
  believes 'error: a look: stat("/gone") = -1 ENOENT (No such file or directory)'
  believes 'the command (at last)%execve("/bin/sh", ["/bin/sh"])'
}

@test "an error counts as a claim too" {
  believes 'error: making it: mkdir("/h\303\251 x", 0755) = -1 EPERM (Operation not permitted)'
  catches 'error: making it: mkdir("/h\303\251 x", 0755) = -1 ENOSPC (No space left on device)'
  catches 'error: making it: mount("proc", "/proc") = -1 EPERM (Operation not permitted)'
}

@test "a call that was never made is a lie" {
  catches 'a root%pivot_root(".", ".") = 0'
}

@test "a wrong string is a lie" {
  catches 'a hostname%sethostname("other", 9) = 0'
  catches 'at most 100 MiB%write("/sys/fs/cgroup/nsctl/y/memory.max", "104857600") = 9'
  catches 'at most 100 MiB%write("/sys/fs/cgroup/nsctl/x/memory.max", "104857601") = 9'
}

@test "strings in another order are a lie" {
  catches 'the new /proc%mount("/proc", "proc", "proc") = 0'
  catches 'a name%rename("/name", "/new") = 0'
}

@test "a wrong result is a lie" {
  catches 'the new /proc%mount("proc", "/proc", "proc") = 1'
  catches 'the new /proc%mount("proc", "/proc", "proc") = -1 EPERM'
}

@test "a flag or a number that was not given is a lie" {
  catches 'the new /proc%mount("proc", "/proc", "proc", NOSUID|RDONLY) = 0'
  catches 'a hostname%sethostname("container", 8) = 0'
  catches 'private mounts%mount("none", "/x", "none", MS_REC|MS_PRIVATE, NULL) = 0'
  catches 'private mounts%mount("none", "/", "none", MS_REC|MS_SHARED, NULL) = 0'
  catches 'a device%mknod("/dev/null", S_IFCHR|0666, makedev(1, 5)) = 0'
}

@test "netlink: its protocol, its messages, and what the kernel answered" {
  believes 'a bridge%sendto(NETLINK_ROUTE, RTM_NEWLINK, IFLA_IFNAME="nsctl0") = 60'
  believes 'a table%sendto(NETLINK_NETFILTER, NFNL_MSG_BATCH_BEGIN, NFT_MSG_NEWTABLE) = 90'
  believes 'error: a bridge: sendto(NETLINK_ROUTE, RTM_NEWLINK) = 60, answered EEXIST (File exists)'
  believes 'an address%sendto(NETLINK_ROUTE, RTM_NEWADDR, IFA_LOCAL="10.90.0.2") = 40'
  believes 'an address%sendto(NETLINK_ROUTE, RTM_NEWADDR, IFLA_IFNAME="lo") = 40'
  catches 'an address%sendto(NETLINK_ROUTE, RTM_NEWADDR, IFA_LOCAL="10.90.0.3") = 40'
  catches 'an address%sendto(NETLINK_ROUTE, RTM_NEWROUTE, IFA_LOCAL="10.90.0.2") = 40'
  catches 'an address%sendto(NETLINK_NETFILTER, RTM_NEWADDR, IFA_LOCAL="10.90.0.2") = 40'
  catches 'an address%sendto(NETLINK_ROUTE, RTM_NEWADDR, IFLA_IFNAME="eth0") = 40'
  catches 'a bridge%sendto(NETLINK_NETFILTER, RTM_NEWLINK) = 60'
  catches 'a bridge%sendto(NETLINK_ROUTE, RTM_DELLINK) = 60'
  catches 'a bridge%sendto(NETLINK_ROUTE, RTM_NEWLINK, IFLA_MASTER="nsctl0") = 60'
  catches 'error: a bridge: sendto(NETLINK_ROUTE, RTM_NEWLINK) = 60, answered EBUSY (Device busy)'
  catches 'error: a table: sendto(NETLINK_NETFILTER, NFT_MSG_NEWTABLE) = 90, answered EEXIST (File exists)'
}

@test "a call of another process is no excuse" {
  catches 'a cgroup%mkdir("/sys/fs/cgroup/nsctl/x", 0755) = 0'
  catches 'a child%clone3(CLONE_NEWUTS|CLONE_NEWPID) = 6753'
}

@test "a call from before the process's last line is no excuse" {
  catches 'the new /proc%mount("proc", "/proc", "proc") = 0' \
    'at most 100 MiB%write("/sys/fs/cgroup/nsctl/x/memory.max", "104857600") = 9'
}

@test "a line without a result must come before its call" {
  believes 'the command%execve("/bin/sh", ["/bin/sh"])'
  catches 'the command%execve("/bin/ls", ["/bin/ls"])'
  catches 'the new /proc%mount("proc", "/proc", "proc")'
}

@test "a log that names no call proves nothing" {
  verdict 'a remark%without a call'
  assert_status 1
  assert_output_has "nothing has been proved"
}

@test "a line of the log that nobody wrote is caught" {
  verdict 'a hostname%sethostname("container", 9) = 0'
  assert_status 0
  echo '[ns] never written' >"$BATS_TEST_TMPDIR/log"
  run "$ROOT/tests/log-truth" "$BATS_TEST_TMPDIR/trace" "$BATS_TEST_TMPDIR/log"
  assert_status 1
  assert_output_has "never written"
}

@test "a call that another interrupted is put together again" {
  cat >"$BATS_TEST_TMPDIR/trace" <<'EOF'
1 clone3({flags=CLONE_NEWPID} <unfinished ...>
2 getpid() = 1
1 <... clone3 resumed>, 88) = 2
1 write(2, "[ns] \33[2ma child\33[0m   clone3(CLONE_NEWPID) = 2\n", 9) = 9
1 waitid(P_PID, 2,  <unfinished ...>
EOF
  run "$ROOT/tests/log-truth" "$BATS_TEST_TMPDIR/trace"
  assert_status 0
}
