# shellcheck shell=bash
# shellcheck disable=SC2034 # what is set here is for the tests
# shellcheck disable=SC2154 # status, output and stderr are set by bats' run
#
# hosts.bash: for tests of the network, loaded after helpers.bash. Each test has a
# host of its own: a network namespace and a /run that go when it ends. Other
# hosts are further network namespaces, connected with that by cables. Who asks
# and who answers is a probe, in the container as on the hosts.
#
#   hosts          make_host on_host make_far_host on_far serve     (host far)
#   containers     launch start stop address_of run_on_host          (probe rootfs address)
#   what is left   host_network assert_nothing_left
#   bad values     refused
#
# It has setup_file, setup and teardown.

setup_file()
{
  [ -x "$STEP" ] || fail "there is no program $STEP; make it first: make ${STEP##*/}"
  chmod a+x "$BATS_RUN_TMPDIR"
  make_probe
  host_snapshot
}

# The probe, and a root file system that has it: the default one, and /probe.
make_probe()
{
  local directory=$BATS_FILE_TMPDIR
  [ -d "$ROOT/build/rootfs/default" ] || fail "there is no build/rootfs/default; make it first: make rootfs"
  "$ROOT/tests/doctor" --has compiler >/dev/null || return 0
  cat >"$directory/probe.c" <<'EOF'
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static void need(int holds, const char *what)
{
    if (!holds) {
        printf("%s: %s\n", what, strerror(errno));
        exit(1);
    }
}

static struct sockaddr_in address(const char *host, const char *port)
{
    struct sockaddr_in result = {.sin_family = AF_INET, .sin_port = htons(atoi(port))};
    need(inet_pton(AF_INET, host, &result.sin_addr) == 1, host);
    return result;
}

/* probe serve tcp|udp PORT TEXT: answers whoever asks "TEXT to ADDRESS". */
static int serve(int kind, const char *port, const char *text)
{
    struct sockaddr_in own = address("0.0.0.0", port), peer;
    int on = 1, fd = socket(AF_INET, kind, 0);
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    need(bind(fd, (struct sockaddr *)&own, sizeof own) == 0, "bind");
    need(kind == SOCK_DGRAM || listen(fd, 100) == 0, "listen");
    puts("ready");
    fflush(stdout);
    for (;;) {
        char line[200], from[INET_ADDRSTRLEN];
        socklen_t size = sizeof peer;
        int to = fd;
        if (kind == SOCK_DGRAM)
            need(recvfrom(fd, line, sizeof line, 0, (struct sockaddr *)&peer, &size) >= 0, "recvfrom");
        else
            need((to = accept(fd, (struct sockaddr *)&peer, &size)) >= 0, "accept");
        inet_ntop(AF_INET, &peer.sin_addr, from, sizeof from);
        snprintf(line, sizeof line, "%s to %s\n", text, from);
        sendto(to, line, strlen(line), MSG_NOSIGNAL, kind == SOCK_DGRAM ? (struct sockaddr *)&peer : NULL,
               kind == SOCK_DGRAM ? size : 0);
        if (kind != SOCK_DGRAM)
            close(to);
    }
}

/* probe ask tcp|udp ADDRESS PORT [SECONDS]: prints the answer. */
static int ask(int kind, const char *host, const char *port, int seconds)
{
    struct sockaddr_in peer = address(host, port);
    char line[200];
    int fd = socket(AF_INET, kind, 0);
    struct timeval patience = {.tv_sec = seconds};
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    for (int i = 0; i < 1 + seconds; i++) {
        struct pollfd readable = {.fd = fd, .events = POLLIN};
        if (i == 0)
            need(connect(fd, (struct sockaddr *)&peer, sizeof peer) == 0, "connect");
        if (kind == SOCK_DGRAM)
            need(send(fd, "?", 1, 0) == 1, "send");
        if (poll(&readable, 1, kind == SOCK_DGRAM ? 1000 : 1000 * seconds) == 1) {
            ssize_t got = recv(fd, line, sizeof line, 0);
            need(got > 0, "recv");
            printf("%.*s", (int)got, line);
            return 0;
        }
    }
    puts("no answer");
    return 1;
}

/* probe abstract-serve NAME, probe abstract-ask NAME: unix(7) sockets without a path. */
static int abstract(int serves, const char *name)
{
    struct sockaddr_un own = {.sun_family = AF_UNIX};
    socklen_t size = offsetof(struct sockaddr_un, sun_path) + 1 + strlen(name);
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    strcpy(own.sun_path + 1, name);
    if (!serves) {
        need(connect(fd, (struct sockaddr *)&own, size) == 0, "connect");
        puts("reached");
        return 0;
    }
    need(bind(fd, (struct sockaddr *)&own, size) == 0 && listen(fd, 9) == 0, "listen");
    puts("ready");
    fflush(stdout);
    pause();
    return 0;
}

int main(int argc, char **argv)
{
    int kind = argc > 2 && strcmp(argv[2], "udp") == 0 ? SOCK_DGRAM : SOCK_STREAM;
    if (argc == 5 && strcmp(argv[1], "serve") == 0)
        return serve(kind, argv[3], argv[4]);
    if (argc >= 5 && strcmp(argv[1], "ask") == 0)
        return ask(kind, argv[3], argv[4], argc > 5 ? atoi(argv[5]) : PATIENCE);
    if (argc == 3)
        return abstract(strcmp(argv[1], "abstract-serve") == 0, argv[2]);
    return 2;
}
EOF
  cc -O1 -static -DPATIENCE="${NSCTL_TEST_PATIENCE:-30}" -o "$directory/probe" "$directory/probe.c" || fail "The tests' probe could not be built."
  mkdir "$directory/rootfs"
  cp -a "$ROOT/build/rootfs/default/." "$directory/rootfs"
  cp "$directory/probe" "$directory/rootfs/probe"
  touch "$directory/rootfs/etc/"{resolv.conf,hosts,hostname}
  chmod -R a+rX "$directory"
}

setup()
{
  cd "$BATS_TEST_TMPDIR" || return
  probe=$BATS_FILE_TMPDIR/probe rootfs=$BATS_FILE_TMPDIR/rootfs
  host='' others=()
  declare -gA starter=()
}

teardown()
{
  local pid
  for pid in "${starter[@]}" "${others[@]}" $host; do
    kill -KILL "$pid" 2>/dev/null || true
    wait "$pid" 2>/dev/null || true
  done
  [ ! -w /sys/fs/cgroup ] || "$STEP" -q --net none /bin/true || true # sweeps the cgroups of those that were killed
}

# --- Hosts ----------------------------------------------------------------------

# Sets host, a process in namespaces that stand for a machine of their own.
make_host()
{
  requires root netns bridge ip compiler
  mkfifo host-ready
  unshare --net --mount --propagation private sh -c 'mount -t tmpfs -o mode=755 none /run && ip link set lo up &&
    echo ready >host-ready && exec sleep 3600' 3>&- &
  host=$!
  [ "$(cat host-ready)" = ready ] || fail "no host could be made"
  on_host=(nsenter --target "$host" --net --mount --wd="$PWD" --)
}

# Runs a command on the host.
on_host()
{
  "${on_host[@]}" "$@"
}

# A second machine, reached by a cable from the host: 192.0.2.1 there, 192.0.2.2 here. Sets far.
make_far_host()
{
  unshare --net sleep 3600 3>&- &
  far=$!
  others+=("$far")
  on_far=(nsenter --target "$far" --net --)
  wait_until eval "[ \"\$(readlink /proc/$far/ns/net)\" != \"\$(readlink /proc/self/ns/net)\" ]"
  on_host ip link add cable type veth peer name cable netns "$far"
  on_host ip addr add 192.0.2.1/24 dev cable
  on_host ip link set cable up
  on_far ip addr add 192.0.2.2/24 dev cable
  on_far ip link set cable up
  on_far ip link set lo up
}

on_far()
{
  "${on_far[@]}" "$@"
}

# serve PROBE-WORDS…: a server outside of containers, WHERE being on_host or on_far.
serve()
{
  local -n where=$1
  shift
  : >served
  "${where[@]}" "$probe" "$@" >served 2>&1 3>&- & # no function, or the subshell would be killed in its stead
  others+=($!)
  wait_until grep -q ready served
}

# --- Containers -----------------------------------------------------------------

# launch NAME ARG…: runs the step on the host, in the background; its log is in NAME.log, its output in NAME.out.
launch()
{
  local name=$1
  shift
  : >"$name.out"
  "${on_host[@]}" "$STEP" --rootfs "$rootfs" "$@" \
    </dev/null >"$name.out" 2>"$name.log" 3>&- &
  starter[$name]=$!
}

# start NAME ARG…: the same, and returns when its command has printed "ready". Sets address, of the last one started.
start()
{
  launch "$@"
  wait_until eval "grep -qx ready '$1.out' || ! kill -0 ${starter[$1]}"
  grep -qx ready "$1.out" || fail "The container \"$1\" has not come up: $(<"$1.log")"
  address=$(address_of "$1")
}

address_of()
{
  sed -n 's|.*openat("/run/nsctl/network/\([0-9.]*\)", O_RDWR.O_CREAT.*|\1|p' "$1.log"
}

# stop NAME…: by TERM, and waits.
stop()
{
  local name
  for name; do kill -TERM "${starter[$name]}"; done
  for name; do
    wait "${starter[$name]}" || true
    unset "starter[$name]"
  done
}

# run_on_host ARG…: runs the step there, with its log.
run_on_host()
{
  run --separate-stderr -- "${on_host[@]}" "$STEP" --rootfs "$rootfs" "$@"
}

wait_inside=(--init sh -c 'echo ready; exec sleep 3600')

# What of a network is on the host: links, rules, leases, and whether it forwards.
host_network()
{
  on_host sh -c 'ls /sys/class/net/ 2>/dev/null | grep nsctl; ip -o link | grep -o "nsctl[^:@]*"; nft list tables 2>/dev/null
    find /run/nsctl 2>/dev/null; cat /proc/sys/net/ipv4/ip_forward'
}

assert_nothing_left()
{
  local left
  left=$(host_network)
  assert_equal 0 "$left" "When the last container has ended nothing of the network may be left, and ip_forward must be what it was."
}
