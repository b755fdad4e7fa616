#!/usr/bin/env bats
# shellcheck disable=SC2016 # what looks like an expansion is for a shell inside
# shellcheck disable=SC2030,SC2031 # each test is a process of its own
# shellcheck disable=SC2154 # status, output and stderr are set by bats' run
#
# Step 08: other addresses than the containers' own: nf_tables, and published ports.
#
# Nothing here touches this machine's own network. Each test has a host of its own
# (hosts.bash).

load ../helpers
load ../hosts

# The rules for published ports that are there now, as nft(8) prints them.
published()
{
  on_host nft list chain ip nsctl published 2>/dev/null | grep dnat | sed 's/^[[:space:]]*//'
}

# The first process of the container NAME, as the host knows it.
pid_of()
{
  sed -n "s/.*first process .*clone3(.*) = \([0-9]*\)$/\1/p" "$1.log" | head -n 1
}

# --- What is asked for ------------------------------------------------------------

@test "-p: what is no port is refused" {
  refused -p '' : 80: :80 ::80 0:80 80:0 65536:80 80:65536 99999999999999999999:80 -1:80 ' 80:80' '80 :80' 80:80x \
    80:80/ 80:80/TCP 80:80/sctp 80:80/tcp/udp 1.2.3:80:80 01.2.3.4:80:80 1.2.3.4.5:80:80 localhost:80:80 '[::1]:80:80' \
    1:2:3:4 80-79:80-79 80-81:80 80:80-81 80-:80 -80:80 1-2-3:1-2-3 1-129:1-129 0x50:80
}

@test "-p: the same port of the host twice is refused, but not by TCP and UDP" {
  local twice
  for twice in '80:1 -p 80:2' '127.0.0.1:80:1 -p 80:2' '80:1 -p 127.0.0.1:80:2' '80-90:80-90 -p 85:1'; do
    # shellcheck disable=SC2086 # words
    run_step -p $twice sh -c 'echo started'
    assert_status 125
    assert_stderr_has "already"
    assert_output_lacks started
  done
  make_host
  run_on_host -q -p 127.0.0.1:80:1 -p 192.0.2.1:80:2 /bin/true
  assert_stderr_has EADDRNOTAVAIL "192.0.2.1 is no address of this host."
  run_on_host -q -p 127.0.0.1:80:1 -p 127.0.0.2:80:1 -p 127.0.0.1:80:1/udp /bin/true
  assert_status 0
  assert_nothing_left
}

@test "-p: any free port, a range, and as many as there may be" {
  make_host
  start web -p 80 -p 127.0.0.1::81/udp -p 7000-7002:8000-8002 "${wait_inside[@]}"
  run published
  assert_equal 5 "${#lines[@]}"
  assert_output_matches "tcp dport [0-9]+ dnat to ${address//./\\.}:80 " "A port that was free must lead to port 80."
  assert_output_matches "ip daddr 127.0.0.1 udp dport [0-9]+ dnat to ${address//./\\.}:81 "
  assert_output_has "tcp dport 7001 dnat to $address:8001 " "A range must lead to as many ports, one by one."
  run cat web.log
  assert_output_matches 'port 80 of the container is to be reached at 0.0.0.0:[0-9]+/tcp' "Which port was chosen must be said."
  stop web
  start web -p 2001-2127:1-127 -p 3000:3000 "${wait_inside[@]}"
  assert_equal 128 "$(published | wc -l)"
  stop web
  assert_nothing_left
}

# --- The rules --------------------------------------------------------------------

@test "nft prints the rules as they are meant" {
  requires nat
  local subnet
  make_host
  start web -p 127.0.0.1:8080:80 -p 53:5353/udp "${wait_inside[@]}"
  subnet=${address%.*.*}.0.0/16
  run on_host nft list table ip nsctl
  assert_status 0
  output=$(sed 's/^[[:space:]]*//; s/output priority dstnat/output priority -100/' <<<"$output")
  assert_equal "table ip nsctl {
chain published {
ip daddr 127.0.0.1 tcp dport 8080 dnat to $address:80 comment \"$address: 127.0.0.1:8080/tcp\"
udp dport 53 dnat to $address:5353 comment \"$address: 0.0.0.0:53/udp\"
}

chain guard {
type filter hook prerouting priority raw; policy accept;
iifname \"nsctl0\" ip daddr 127.0.0.0/8 drop
iifname != \"nsctl0\" ip daddr $subnet drop
}

chain prerouting {
type nat hook prerouting priority dstnat; policy accept;
fib daddr type local jump published
}

chain output {
type nat hook output priority -100; policy accept;
fib daddr type local jump published
}

chain postrouting {
type nat hook postrouting priority srcnat; policy accept;
ip saddr $subnet oifname != \"nsctl0\" masquerade
oifname \"nsctl0\" ip saddr 127.0.0.0/8 masquerade
oifname \"nsctl0\" ip saddr $subnet ct status dnat masquerade
}
}" "$output"
  stop web
  assert_nothing_left
}

@test "rules of a container that was killed are swept, those of others stay" {
  requires nat
  local dead
  make_host
  start dead -p 8080:80 "${wait_inside[@]}"
  dead=$address
  start alive -p 8081:80 "${wait_inside[@]}"
  kill -KILL "${starter[dead]}"
  wait "${starter[dead]}" || true
  unset "starter[dead]"
  run published
  assert_output_has "$dead:80" "For this test the rule of the one that was killed must be there still."
  run_on_host /bin/true
  assert_status 0
  assert_stderr_has "left behind"
  run published
  assert_output_lacks "$dead:" "Who finds rules of a dead container must take them away, or the next with its address gets its ports."
  assert_output_has "$(address_of alive):80" "The rule of a container that lives was swept."
  kill -KILL "${starter[alive]}"
  wait "${starter[alive]}" || true
  unset "starter[alive]"
  start next "${wait_inside[@]}" # the first one in, now
  assert_equal "" "$(published)" "Who comes first must not take over the rules of the last one, who was killed."
  stop next
  assert_nothing_left
}

@test "who flushes all rules of the machine does not break the end of a container" {
  requires nat
  make_host
  start web -p 8080:80 "${wait_inside[@]}"
  on_host nft flush ruleset
  stop web
  run cat web.log
  assert_output_lacks error
  assert_nothing_left
}

without_netfilter()
{
  run --separate-stderr -- "${on_host[@]}" \
    strace -f -o /dev/null -e trace=socket -e "inject=socket:error=EPROTONOSUPPORT:when=$1" "$STEP" -q --rootfs "$rootfs" sh -c 'echo started'
}

@test "a kernel without netfilter's sockets is named as that, and nothing is left" {
  requires strace
  local sockets
  make_host
  "${on_host[@]}" strace -f -e trace=socket -o sockets "$STEP" -q --rootfs "$rootfs" /bin/true
  sockets=$(awk '/NETLINK_NETFILTER/ { print NR; exit }' <(grep 'socket(' sockets))
  without_netfilter "$sockets"
  # musl asks again, without SOCK_CLOEXEC.
  [ "$status" -ne 0 ] || without_netfilter "$sockets..$((sockets + 1))"
  assert_status 125
  assert_stderr_has "NETLINK_NETFILTER"
  assert_stderr_has "--net none" "The message must say what can be done without."
  assert_output_lacks started
  assert_nothing_left
}

# --- Whose port it is ---------------------------------------------------------------

@test "-p: a port that a program of the host has is refused, and nothing is left" {
  make_host
  serve on_host serve tcp 8080 host
  run_on_host -q -p 127.0.0.1:8080:80 sh -c 'echo started'
  assert_status 125
  assert_stderr_has "EADDRINUSE" "A server of the host has that port: its visitors would be led away."
  assert_stderr_has "8080"
  assert_output_lacks started
  assert_nothing_left
  run_on_host -q -p 8080:80/udp /bin/true
  assert_status 0 "The server has the TCP port, not that of UDP."
}

@test "-p: a port that another container has is refused, until that one has ended" {
  make_host
  start web -p 8080:80 -p 53:53/udp "${wait_inside[@]}"
  for port in 8080:81 127.0.0.1:8080:80 53:5353/udp; do
    run_on_host -q -p "$port" sh -c 'echo started'
    assert_status 125 "Two containers must not have the same port."
    assert_stderr_has "EADDRINUSE"
    assert_output_lacks started
  done
  stop web
  run_on_host -q -p 8080:81 -p 53:5353/udp /bin/true
  assert_status 0
  assert_nothing_left
}

@test "no program of the host gets a port that is published, to wait there in vain" {
  local protocol
  make_host
  start web -p 8080:80 -p 8080:80/udp "${wait_inside[@]}"
  for protocol in tcp udp; do
    run on_host timeout 5 "$probe" serve "$protocol" 8080 host
    assert_output_has "in use" "The port must be held as long as it leads to the container."
  done
  stop web
}

@test "a port is free at once for the next, though connections to it have just ended" {
  make_host
  serve on_host serve tcp 8080 host
  run on_host "$probe" ask tcp 127.0.0.1 8080 # the server closes first: it keeps a TIME_WAIT
  assert_equal "host to 127.0.0.1" "$output"
  kill "${others[-1]}"
  wait "${others[-1]}" || true
  run_on_host -q -p 8080:80 /bin/true
  assert_status 0 "The server has ended; what is left of its connections must not keep the port."
}

# --- Where it leads -----------------------------------------------------------------

@test "-p at 127.0.0.1 is for the host alone" {
  make_host
  make_far_host
  start web -p 127.0.0.1:8080:80 --init /probe serve tcp 80 web
  run on_host "$probe" ask tcp 127.0.0.1 8080
  assert_output_has "web to"
  run on_far "$probe" ask tcp 192.0.2.1 8080 3
  assert_output_lacks "web to" "A port that was published at 127.0.0.1 was reached from another host."
  stop web
}

@test "a container reaches its own published port, also where bridges look at IP" {
  local looks
  make_host
  on_host ip addr add 192.0.2.1/24 dev lo
  for looks in 0 1; do
    # br_netfilter, where it is loaded
    on_host sh -c "[ ! -e /proc/sys/net/bridge/bridge-nf-call-iptables ] || echo $looks >/proc/sys/net/bridge/bridge-nf-call-iptables"
    run_on_host -q -p 8080:80 sh -c '/probe serve tcp 80 itself >ready & until grep -q ready ready; do sleep 0.1; done; /probe ask tcp 192.0.2.1 8080 10'
    assert_output_has "itself to" "A container that asks for the port that it has published must reach itself (bridge-nf-call-iptables: $looks)."
  done
}

@test "what a container asks of others is not led astray by ports that are published here" {
  make_host
  make_far_host
  serve on_far serve tcp 8080 far
  start web -p 8080:80 --init /probe serve tcp 80 web
  run_on_host -q /probe ask tcp 192.0.2.2 8080
  assert_equal "far to 192.0.2.1" "$output" "Only what is sent to this host may be led to the container."
  run on_host "$probe" ask tcp 192.0.2.2 8080
  assert_equal "far to 192.0.2.1" "$output" "Only what is sent to this host may be led to the container."
  stop web
}

# --- Attacks, each with the defence off -----------------------------------------------

@test "attack: a container does not reach 127.0.0.1 of the host over the bridge" {
  requires nat
  make_host
  serve on_host serve tcp 7000 host
  start evil -p 8080:80 "${wait_inside[@]}" # route_localnet is on, for -p
  in_evil=(nsenter --target "$(pid_of evil)" --net --) # with all of root's powers, as a container with --cap-add NET_ADMIN
  "${in_evil[@]}" sh -c 'ip addr del 127.0.0.1/8 dev lo; ip route flush table local 127.0.0.0/8
    echo 1 >/proc/sys/net/ipv4/conf/eth0/route_localnet' || true
  "${in_evil[@]}" ip route add 127.0.0.0/8 via "${address%.*.*}.0.1"
  run "${in_evil[@]}" "$probe" ask tcp 127.0.0.1 7000 3
  assert_output_lacks "host to" "A container has reached what listens on the host's loopback: route_localnet lets it in, unless a rule keeps it out."
  on_host nft flush chain ip nsctl guard
  run "${in_evil[@]}" "$probe" ask tcp 127.0.0.1 7000
  assert_output_has "host to" "Without the guard the attack must succeed, or this test proves nothing."
  stop evil
}

@test "attack: a neighbour that knows a container's address does not reach it past its ports" {
  requires nat
  make_host
  make_far_host
  start web -p 8080:80 --init /probe serve tcp 80 web
  on_far ip route add "${address%.*.*}.0.0/16" via 192.0.2.1
  run on_far "$probe" ask tcp "$address" 80 3
  assert_output_lacks "web to" "A neighbour has reached the container by its own address: it could so reach every port, published or not."
  on_host nft flush chain ip nsctl guard
  run on_far "$probe" ask tcp "$address" 80
  assert_output_has "web to" "Without the guard the attack must succeed, or this test proves nothing."
  stop web
}
