#!/usr/bin/env bats
# shellcheck disable=SC2016 # what looks like an expansion is for a shell inside
# shellcheck disable=SC2030,SC2031 # each test is a process of its own
# shellcheck disable=SC2154 # status, output and stderr are set by bats' run
#
# Step 08: the network of a container that an ordinary user has started.
#
# Nothing here touches this machine's own network. Each test has a host of its own
# (hosts.bash), where the user may open /dev/net/tun, as on most machines.

load ../helpers
load ../hosts

# make_user_host [PROGRAM]: a host on which an ordinary user starts containers, and a far one.
make_user_host()
{
  requires unprivileged "${1:-slirp4netns}"
  make_host
  make_far_host
  on_host sh -c 'mknod -m 666 /run/tun c 10 200 && mount --bind /run/tun /dev/net/tun'
  on_host_as_root=("${on_host[@]}")
  set_user_words
  on_host+=("${user_words[@]}")
}

# The program that does the work, for the host's processes alone: nobody else's containers.
slirp_pids()
{
  local pid
  for pid in $(pgrep -x 'slirp4netns|pasta(\.avx2)?' || true); do
    [ "$(readlink "/proc/$pid/ns/net")" != "$(readlink "/proc/$host/ns/net")" ] || echo "$pid"
  done
}

no_slirp()
{
  [ -z "$(slirp_pids)" ]
}

# Puts a program of the name slirp4netns first in PATH. Its text is read from stdin.
replace_slirp()
{
  mkdir -p bin
  cat >bin/slirp4netns
  chmod 755 bin bin/slirp4netns
  on_host+=(env "PATH=$PWD/bin:$PATH")
}

# start, for containers without a lease
start_unleased()
{
  launch "$@"
  wait_until eval "grep -qx ready '$1.out' || ! kill -0 ${starter[$1]}"
  grep -qx ready "$1.out" || fail "The container \"$1\" has not come up: $(<"$1.log")"
}

assert_nothing_left()
{
  wait_until no_slirp
  assert_equal "" "$(ls -d "/tmp/nsctl-$(as_user id -u)" 2>/dev/null)" "The place of the program's socket must be taken away."
}

@test "a user's container reaches another host, and is seen as the host" {
  make_user_host
  serve on_far serve tcp 7000 far
  serve on_far serve udp 7001 far
  run_on_host -q sh -c '/probe ask tcp 192.0.2.2 7000; /probe ask udp 192.0.2.2 7001'
  assert_status 0
  assert_equal $'far to 192.0.2.1\nfar to 192.0.2.1' "$output" "A user's container must reach the world by default, where there is slirp4netns or pasta."
  assert_nothing_left
}

@test "inside: an address, a route, lo, and a name server that is there" {
  make_user_host
  run_on_host -q sh -c 'ip -o -4 addr; ip route; cat /etc/resolv.conf'
  assert_output_matches 'lo +inet 127.0.0.1/8' "lo must be switched on."
  assert_output_matches 'tap0 +inet 10.0.2.100/24'
  assert_output_has 'default via 10.0.2.2'
  assert_output_has 'nameserver 10.0.2.3' "Only the program itself can ask whom the host asks, if that is the host itself."
}

@test "attack: 127.0.0.1 of the host is out of reach" {
  make_user_host
  serve on_host serve tcp 7000 host
  run_on_host -q /probe ask tcp 10.0.2.2 7000 3
  assert_output_lacks "host to" "10.0.2.2 is the host's loopback, where those listen who want to be reached from the host alone."
  # The control: the same program without --disable-host-loopback.
  replace_slirp <<EOF
#!/bin/bash
words=()
for word; do [ "\$word" = --disable-host-loopback ] || words+=("\$word"); done
exec $(type -P slirp4netns) "\${words[@]}"
EOF
  run_on_host -q /probe ask tcp 10.0.2.2 7000
  assert_output_has "host to" "Without the option the attack must succeed, or this test proves nothing."
}

@test "-p without root: from another host and from the host itself, by TCP and UDP" {
  make_user_host
  start_unleased web -p 8080:80 -p 8081:81/udp -p 127.0.0.1:8082:80 --init sh -c '/probe serve tcp 80 web >/dev/null & /probe serve udp 81 web'
  run on_far "$probe" ask tcp 192.0.2.1 8080
  assert_output_has "web to" "Another host must reach the published port."
  run on_host "$probe" ask tcp 127.0.0.1 8080
  assert_output_has "web to"
  run on_far "$probe" ask udp 192.0.2.1 8081
  assert_output_has "web to" "Another host must reach the published port of UDP."
  run on_host "$probe" ask tcp 127.0.0.1 8082
  assert_output_has "web to"
  run on_far "$probe" ask tcp 192.0.2.1 8082 2
  assert_output_lacks "web to" "A port that was published at 127.0.0.1 was reached from another host."
  assert_equal "" "$(ls -d "/tmp/nsctl-$(as_user id -u)" 2>/dev/null)" "When the ports are published, the program needs no more orders."
  stop web
  assert_nothing_left
}

@test "-p without root: what can not be had is refused before anything is started" {
  make_user_host
  run_on_host -q -p 80:80 sh -c 'echo started'
  assert_status 125
  assert_stderr_has EACCES "Ports below 1024 are root's."
  assert_stderr_has ip_unprivileged_port_start
  serve on_host serve tcp 8080 host
  run_on_host -q -p 8080:80 sh -c 'echo started'
  assert_status 125
  assert_stderr_has EADDRINUSE
  assert_output_lacks started
  assert_nothing_left
}

@test "the place of its socket was made by somebody else, who keeps it locked: refused, not waited for" {
  make_user_host
  local place
  place=/tmp/nsctl-$(as_user id -u)
  mkdir "$place"
  exec {lock}<"$place"
  flock "$lock"
  run --separate-stderr -- timeout -k 5 60 "${on_host[@]}" "$STEP" -q -p 8080:80 sh -c 'echo started'
  rmdir "$place"
  assert_status 125
  assert_stderr_has "$place is not ours alone"
  assert_output_lacks started
  assert_nothing_left
}

@test "its answer is read: a port that it can not publish ends the start" {
  make_user_host
  # Somebody takes the port after it was tried, and before slirp4netns does.
  replace_slirp <<EOF
#!/bin/bash
setpriv --pdeathsig KILL $probe serve tcp 8080 thief >/dev/null 2>&1 &
sleep 1
exec $(type -P slirp4netns) "\$@"
EOF
  run_on_host -q -p 8080:80 sh -c 'echo started'
  assert_status 125 "A port that is not published must not be passed over in silence."
  assert_stderr_has 8080
  assert_stderr_has add_hostfwd
  assert_output_lacks started
  assert_nothing_left
}

@test "one that does not start is reported with its own words" {
  make_user_host
  replace_slirp <<'EOF'
#!/bin/sh
echo 'no tap today' >&2
exit 1
EOF
  run_on_host -q sh -c 'echo started'
  assert_status 125
  assert_stderr_has "no tap today" "What the program says is the only hint at what is wrong."
  assert_output_lacks started
  assert_nothing_left
}

@test "it ends with the container, however that ends" {
  make_user_host
  start_unleased it "${wait_inside[@]}"
  [ -n "$(slirp_pids)" ] || fail "For this test the program must run."
  stop it
  wait_until no_slirp
  start_unleased it -p 8080:80 "${wait_inside[@]}"
  kill -KILL "${starter[it]}"
  wait "${starter[it]}" || true
  unset "starter[it]"
  wait_until no_slirp
  assert_nothing_left
}

@test "^C is for the container, not for its network" {
  local session
  make_user_host
  start_unleased it "${wait_inside[@]}"
  session=$(ps -o sid= -p "$(slirp_pids | head -n 1)")
  [ "$session" != "$(ps -o sid= -p "${starter[it]}")" ] || fail "The program is in the terminal's session: ^C would end it."
  stop it
}

@test "it begins with no descriptor that is not its own" {
  local pid
  make_user_host
  echo secret >secret
  on_host+=(bash -c 'exec 9<secret; exec "$@"' bash)
  start_unleased it "${wait_inside[@]}"
  for pid in $(slirp_pids); do
    run ls -l "/proc/$pid/fd"
    assert_output_lacks secret "The network program has a descriptor of whoever started us."
    assert_output_lacks cgroup
    assert_output_lacks /rootfs
  done
  stop it
}

@test "slirp4netns is locked up: no powers, few system calls" {
  local pid
  make_user_host
  start_unleased it "${wait_inside[@]}"
  pid=$(slirp_pids)
  run cat "/proc/$pid/status"
  assert_output_matches 'Seccomp:[[:space:]]2' "It reads what the container sends: it must have a filter of its own (--enable-seccomp)."
  assert_output_matches 'CapEff:[[:space:]]0000000000000(4|0)00' "It must have no powers (--enable-sandbox)."
  [ "$(readlink "/proc/$pid/ns/mnt")" != "$(readlink "/proc/$host/ns/mnt")" ] || fail "It must not see the host's files (--enable-sandbox)."
  stop it
}

@test "many at once, each with a port" {
  local i
  make_user_host
  for i in 1 2 3 4 5 6 7 8; do launch "many$i" -p "900$i:80" --init /probe serve tcp 80 "many$i"; done
  for i in 1 2 3 4 5 6 7 8; do
    wait_until eval "grep -qx ready many$i.out || ! kill -0 ${starter[many$i]}"
    run on_host "$probe" ask tcp 127.0.0.1 "900$i"
    assert_output_has "many$i to" "The container many$i: $(<"many$i.log")"
  done
  stop many1 many2 many3 many4 many5 many6 many7 many8
  assert_nothing_left
}

@test "without either program a user's container has no network, and the log says so" {
  make_user_host
  on_host+=(env PATH=/nonexistent)
  run_on_host sh -c 'ip -o link'
  assert_status 0
  assert_output_lacks tap
  assert_stderr_has "slirp4netns" "That there is no network, and what is missing, must be said."
  run_on_host -q --net slirp sh -c 'echo started'
  assert_status 125
  assert_output_lacks started
  run_on_host -q -p 8080:80 sh -c 'echo started'
  assert_status 125
  assert_output_lacks started
  assert_stderr_has "without root that takes slirp4netns or pasta" "Who has asked for a port is to read what is missing."
  assert_stderr_lacks bridge "Which that user can not have either."
}

@test "pasta instead, where only that is there" {
  make_user_host pasta
  serve on_far serve tcp 7000 far
  serve on_host serve tcp 7001 host
  mkdir bin
  ln -s "$(type -P pasta)" bin/pasta
  on_host+=(env "PATH=$PWD/bin")
  "${on_host_as_root[@]}" ip route add default via 192.0.2.2 # it wants to know which interface is the world's
  run_on_host -q sh -c '/probe ask tcp 192.0.2.2 7000; ip -o -4 addr; /probe ask tcp 10.0.2.2 7001 3'
  assert_output_has "far to 192.0.2.1"
  assert_output_matches 'tap0 +inet 10.0.2.100/24'
  assert_output_lacks "host to" "10.0.2.2 must not be the host's loopback."
  start_unleased web -p 8080:80 --init /probe serve tcp 80 web
  run on_host "$probe" ask tcp 127.0.0.1 8080
  assert_output_has "web to"
  stop web
  assert_nothing_left
}
