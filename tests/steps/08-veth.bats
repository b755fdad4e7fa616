#!/usr/bin/env bats
# shellcheck disable=SC2016 # what looks like an expansion is for a shell inside
# shellcheck disable=SC2030,SC2031 # each test is a process of its own
# shellcheck disable=SC2154 # status, output and stderr are set by bats' run
#
# Step 08: how a container reaches the network, and is reached.
#
# Nothing here touches this machine's own network. Each test has a host of its
# own (hosts.bash).

load ../helpers
load ../hosts

# --- What is refused --------------------------------------------------------------

@test "bad kinds of networks are refused" {
  refused --net '' nonsense Bridge ' none' none, container:x bridge0
}

@test "bad name servers are refused, and a fourth one" {
  refused --dns '' 1.2.3 1.2.3.4.5 256.0.0.1 ' 9.9.9.9' 9.9.9.9x 0x9.9.9.9 example.org 1::2::3 fe80::1%eth0 '9.9.9.9,8.8.8.8'
  run_step --dns 1.1.1.1 --dns 2.2.2.2 --dns 3.3.3.3 --dns 4.4.4.4 /bin/true
  assert_status 125
  assert_stderr_has "three name servers at most"
}

@test "--publish without a network that is connected is refused" {
  local kind
  for kind in none host; do
    run_step --net "$kind" -p 8080:80 sh -c 'echo started'
    assert_status 125
    assert_stderr_has "--publish"
    assert_stderr_has "--net bridge or slirp" "The message must say which networks have ports."
    assert_output_lacks started
  done
}

@test "a bridge is for root; the message says so, and what there is instead" {
  run --separate-stderr -- as_user "$STEP" -q --net bridge sh -c 'echo started'
  assert_status 125
  assert_stderr_has "takes root"
  assert_stderr_has "--net slirp"
  assert_output_lacks started
}

# --- No network, and the host's ----------------------------------------------------

@test "--net none: a network namespace of its own, with lo, switched on, and nothing else" {
  run_step --net none sh -c 'readlink /proc/self/ns/net; ls /sys/class/net; cat /proc/net/dev | tail -n +3 | cut -d: -f1; cat /proc/net/route | wc -l'
  assert_status 0
  [ "${lines[0]}" != "$(readlink /proc/self/ns/net)" ] || fail "The container has the host's network namespace: was CLONE_NEWNET asked for?"
  assert_equal "lo" "$(printf '%s\n' "${lines[@]:1}" | tr -d ' ' | grep -v '^[0-9]' | sort -u)" "There must be no link but lo."
  run_step --net none sh -c 'ip -o addr show lo; ip link show lo'
  assert_output_has "127.0.0.1/8" "lo has no address: it must be switched on (IFF_UP)."
  assert_output_matches 'LOOPBACK,UP' "lo must be switched on."
}

@test "--net none takes no root" {
  requires unprivileged
  run --separate-stderr -- as_user "$STEP" -q --net none ip -o addr
  assert_status 0
  assert_output_has "127.0.0.1/8"
  assert_output_lacks eth
}

@test "--net host: the host's own network, and a warning of what it means" {
  run_step --net host readlink /proc/self/ns/net
  assert_status 0
  assert_equal "$(readlink /proc/self/ns/net)" "$output" "With --net host there must be no new network namespace."
  assert_stderr_has "abstract sockets" "Even with -q it must be said what a container can do there."
}

@test "abstract sockets of the host are out of reach, but not with --net host" {
  local kind
  make_host
  serve on_host abstract-serve nsctl-test
  for kind in none bridge; do
    run_on_host -q --net "$kind" /probe abstract-ask nsctl-test
    assert_output_has "refused" "The container has reached an abstract socket of the host's: they belong to the network namespace."
  done
  run_on_host -q --net host /probe abstract-ask nsctl-test # the control
  assert_equal reached "$output"
}

# --- The bridge ------------------------------------------------------------------

@test "root gets a bridge: eth0 has an address of its own, and a way to the others" {
  make_host
  start it --init sh -c 'ip -o addr; ip route; ip link show eth0; echo ready; exec sleep 3600'
  [ -n "$address" ] || fail "The log names no lease."
  output=$(<it.out)
  assert_output_matches "eth0 +inet ${address//./\\.}/16" "eth0 must have the address that was leased."
  assert_output_has "default via ${address%.*.*}.0.1 dev eth0" "All that is not near must go to the bridge."
  assert_output_matches 'lo +inet 127.0.0.1/8' "lo must be switched on."
  assert_output_matches '<[A-Z,]*,UP,LOWER_UP' "eth0 must be switched on."
  run on_host ip -o -4 addr show nsctl0
  assert_output_has "${address%.*.*}.0.1/16" "The bridge must have the first address of the subnet."
  run on_host ip -o link show master nsctl0
  assert_equal 1 "${#lines[@]}" "The bridge must have one cable for one container."
  stop it
  assert_nothing_left
}

@test "what the log says of it is true" {
  make_host
  trace=$BATS_TEST_TMPDIR/trace
  run --separate-stderr -- "${on_host[@]}" \
    strace -f -y -s 4096 -o "$trace" -- "$STEP" --rootfs "$rootfs" --dns 9.9.9.9 -p 8080:80 /bin/true
  assert_status 0
  run "$ROOT/tests/log-truth" "$trace" <(printf '%s\n' "$stderr")
  assert_status 0 "The log claims a call that did not happen so."
  for line in 'RTM_NEWLINK, IFLA_IFNAME="nsctl0", IFLA_INFO_KIND="bridge"' 'IFLA_INFO_KIND="veth"' 'RTM_NEWADDR' 'RTM_NEWROUTE'; do
    assert_stderr_has "$line"
  done
  assert_log_true --net none /bin/true
  assert_status 0
}

@test "container and host reach each other" {
  make_host
  serve on_host serve tcp 7000 host
  start it --init sh -c '/probe serve tcp 80 container'
  run on_host "$probe" ask tcp "$address" 80
  assert_equal "container to ${address%.*.*}.0.1" "$output" "The host must reach the container by its address."
  run_on_host -q /probe ask tcp "${address%.*.*}.0.1" 7000
  assert_output_matches "^host to ${address%.*.*}" "The container must reach the host at the bridge's address."
  stop it
}

@test "containers reach each other" {
  make_host
  start one --init /probe serve tcp 80 one
  start two --init /probe serve udp 80 two
  run_on_host -q sh -c "/probe ask tcp $(address_of one) 80; /probe ask udp $(address_of two) 80"
  assert_output_has "one to ${address%.*.*}" "A container must reach another one."
  assert_output_has "two to ${address%.*.*}" "A container must reach another one, by UDP too."
  stop one two
  assert_nothing_left
}

@test "a third host is reached, and sees the address of the host" {
  make_host
  make_far_host
  serve on_far serve tcp 7000 far
  serve on_far serve udp 7001 far
  run_on_host -q sh -c '/probe ask tcp 192.0.2.2 7000; /probe ask udp 192.0.2.2 7001'
  assert_equal "far to 192.0.2.1"$'\n'"far to 192.0.2.1" "$output" \
    "Another host has no way back to the container: its packets must bear the host's address (masquerade)."
  assert_nothing_left
}

@test "a third host that knows the subnet does not get in" {
  make_host
  make_far_host
  start it --init /probe serve tcp 80 container
  on_far ip route add "${address%.*.*}.0.0/16" via 192.0.2.1
  run on_far "$probe" ask tcp "$address" 80 3
  assert_output_lacks container "Forwarding is on for the containers' sake, not so that everybody can reach them."
  stop it
}

@test "--publish: from another host, from the host itself, and from another container" {
  local protocol to
  make_host
  make_far_host
  start web -p 8080:80 -p 8081:81/udp --init sh -c '/probe serve tcp 80 web >/dev/null & /probe serve udp 81 web'
  for protocol in tcp:8080 udp:8081; do
    run on_far "$probe" ask "${protocol%:*}" 192.0.2.1 "${protocol#*:}"
    assert_equal "web to 192.0.2.2" "$output" "Another host must reach the published ${protocol%:*} port, and be seen as who it is."
    for to in 127.0.0.1 192.0.2.1 "${address%.*.*}.0.1"; do
      run on_host "$probe" ask "${protocol%:*}" "$to" "${protocol#*:}"
      assert_output_has "web to" "The host itself must reach the published ${protocol%:*} port at $to."
      [ "$to" != 127.0.0.1 ] || continue
      run_on_host -q /probe ask "${protocol%:*}" "$to" "${protocol#*:}"
      assert_output_has "web to" "Another container must reach the published ${protocol%:*} port at $to."
    done
  done
  stop web
  assert_nothing_left
}

@test "30 containers at once, each with an address of its own" {
  local i all
  make_host
  for i in {1..30}; do launch "c$i" --init /probe serve tcp 80 "c$i"; done
  for i in {1..30}; do
    wait_until eval "grep -qx ready c$i.out || ! kill -0 ${starter[c$i]}"
    grep -qx ready "c$i.out" || fail "Container $i has not come up: $(<"c$i.log")"
  done
  all=$(for i in {1..30}; do address_of "c$i"; done | sort -u)
  assert_equal 30 "$(wc -l <<<"$all")" "Two containers have the same address."
  for i in {1..30}; do
    run on_host "$probe" ask tcp "$(address_of "c$i")" 80
    assert_output_has "c$i to" "At the address of container $i somebody else answers, or nobody."
  done
  stop c{1..30}
  assert_nothing_left
}

@test "12 that come and go, again and again: first in and last out meet" {
  local i
  make_host
  for i in {1..12}; do
    (
      exec 3>&-
      for _ in 1 2; do
        got=0
        said=$(on_host "$STEP" --rootfs "$rootfs" -q sh -c "ip addr show eth0 | grep -q 'inet 10' && exit $i" 2>&1) || got=$?
        [ "$got" -eq "$i" ] || echo "$i: $got $said"
      done
    ) &
    starter["$i"]=$!
  done >wrong
  for i in "${!starter[@]}"; do wait "${starter[$i]}"; done
  starter=()
  assert_equal "" "$(cat wrong)" "One that came while another left, or left while another came, has failed."
  assert_nothing_left
}

@test "who leaves does not take the others' network along" {
  make_host
  make_far_host
  serve on_far serve tcp 7000 far
  mkdir shared
  start one -v "$PWD/shared:/shared" --init sh -c 'echo ready; while ! [ -e /shared/go ]; do sleep 0.1; done; /probe ask tcp 192.0.2.2 7000; exec sleep 3600'
  start two "${wait_inside[@]}"
  stop two
  on_host test -d /sys/class/net/nsctl0 || on_host ip link show nsctl0 >/dev/null || fail "The bridge went with the first that left."
  touch shared/go
  wait_until grep -q 'far to 192.0.2.1' one.out || fail "The one that stayed can not reach the world any more."
  stop one
  assert_nothing_left
}

@test "forwarding that was on stays on" {
  make_host
  on_host sh -c 'echo 1 >/proc/sys/net/ipv4/ip_forward'
  run_on_host /bin/true
  assert_status 0
  assert_stderr_lacks ip_forward "What is as it must be need not be written."
  assert_equal 1 "$(on_host cat /proc/sys/net/ipv4/ip_forward)" "It was on before, and has nothing to do with us."
}

@test "forwarding is off again when the last one is out, not before" {
  make_host
  start one "${wait_inside[@]}"
  start two "${wait_inside[@]}"
  assert_equal 1 "$(on_host cat /proc/sys/net/ipv4/ip_forward)"
  stop one
  assert_equal 1 "$(on_host cat /proc/sys/net/ipv4/ip_forward)" "There is still a container that needs it."
  stop two
  assert_equal 0 "$(on_host cat /proc/sys/net/ipv4/ip_forward)" "The last one out must put it back."
}

@test "the host has no IPv6 on the bridge" {
  make_host
  start it "${wait_inside[@]}"
  run on_host ip -6 addr show nsctl0
  assert_equal "" "$output" "A container could call itself a router of IPv6, and the host would believe it."
  stop it
}

@test "a firewall that drops what is forwarded is named, unless it has been told of the bridge" {
  requires nat
  make_host
  on_host nft 'table ip filter { chain FORWARD { type filter hook forward priority filter; policy drop; }; }'
  run_on_host -q /bin/true
  assert_status 0
  assert_stderr_has "the chain FORWARD of the table filter" "Docker's firewall drops what containers of others send, and nobody would guess it."
  on_host nft insert rule ip filter FORWARD iifname nsctl0 accept
  run_on_host -q /bin/true
  assert_equal "" "$stderr" "Somebody has let the bridge's packets through: there is nothing to warn of."
  on_host nft delete table ip filter
  on_host nft 'table inet mine { chain through { type filter hook forward priority 5; policy drop; }; }'
  run_on_host -q /bin/true
  assert_stderr_has "the chain through of the table mine"
  on_host nft 'table inet mine { chain through { policy accept; }; }'
  run_on_host -q /bin/true
  assert_equal "" "$stderr"
}

# --- Which addresses -----------------------------------------------------------------

@test "a subnet that the host has a route to is not taken, nor part of it, nor one that it is part of" {
  make_host
  on_host ip link add other type bridge
  on_host ip addr add 10.90.5.1/24 dev other # part of the first
  on_host ip link set other up
  on_host ip route add 10.91.0.0/16 dev other # the second
  on_host ip route add 10.92.0.0/15 dev other # the third and fourth
  on_host ip route add 10.94.200.7/32 dev other # one address of the fifth
  start it "${wait_inside[@]}"
  assert_equal 10.95.0.2 "$address" "The machine has routes to the first five subnets."
  stop it
}

@test "no subnet is free: refused, and nothing is left" {
  make_host
  on_host ip link add other type bridge
  on_host ip link set other up
  on_host ip route add 10.80.0.0/12 dev other
  on_host ip route add 10.96.0.0/14 dev other
  run_on_host -q sh -c 'echo started'
  assert_status 125
  assert_stderr_has "10.90.0.0/16 to 10.99.0.0/16"
  assert_stderr_has "--net none"
  assert_output_lacks started
  assert_nothing_left
}

@test "a name that is taken: the kernel's own words are shown, and nothing is left" {
  make_host
  on_host ip link add nsctl0002 type bridge
  run_on_host -q sh -c 'echo started'
  assert_status 125
  assert_stderr_has 'IFLA_IFNAME="nsctl0002"'
  assert_stderr_has "answered EEXIST"
  assert_output_lacks started
  on_host ip link del nsctl0002 || fail "That link is somebody else's, and has been removed."
  assert_nothing_left
}

# --- Nothing stays ---------------------------------------------------------------------

@test "killed with -9: the next run sweeps what is left, and only that" {
  make_host
  start dead -p 8080:80 "${wait_inside[@]}"
  start alive -p 8081:80 --init /probe serve tcp 80 alive
  kill -KILL "${starter[dead]}"
  wait "${starter[dead]}" 2>/dev/null || true
  unset "starter[dead]"
  run_on_host /bin/true
  assert_status 0
  assert_stderr_has "left behind by a run that was killed"
  run host_network
  assert_output_lacks "$(address_of dead)" "The lease of the dead must be gone."
  assert_output_has "$(address_of alive)" "The lease of the living must not."
  run on_host nft list ruleset
  assert_output_lacks 8080 "The published port of the dead must be gone."
  assert_output_has 8081
  run on_host "$probe" ask tcp 127.0.0.1 8081
  assert_output_has "alive to"
  stop alive
  assert_nothing_left
}

@test "killed with -9, the only one: the next one sweeps, and puts forwarding back" {
  make_host
  start dead -p 8080:80 "${wait_inside[@]}"
  kill -KILL "${starter[dead]}"
  wait "${starter[dead]}" 2>/dev/null || true
  starter=()
  run_on_host -q /bin/true
  assert_status 0
  assert_nothing_left
}

@test "killed with -9 before it had written down that nothing was forwarded: that is put back" {
  make_host
  on_host sh -c 'mkdir -p -m 0700 /run/nsctl/network && : >/run/nsctl/network/ip_forward'
  run_on_host -q /bin/true
  assert_status 0
  assert_nothing_left
}

fault()
{
  local call=$1 how=$2
  run --separate-stderr -- "${on_host[@]}" \
    strace -f -o fault -e trace="${call%:*}" -e inject="${call%:*}:$how:when=${call#*:}" -- \
    "$STEP" -q --rootfs "$rootfs" -p 8080:80 /bin/true
  grep -q -e INJECTED -e 'killed by SIGKILL' fault
}

# Every second of these calls, up to one that is not made any more; what earlier steps do is proved there.
for_each_fault()
{
  local how=$1 check=$2 name n
  shift 2
  for name; do
    for ((n = 1; n < 60; n += ${NSCTL_TEST_EVERY:-2})); do
      fault "$name:$n" "$how" || break
      echo "at the call $name $n:"
      "$check"
    done
  done
}

failed_cleanly()
{
  local left
  # What fails while all is taken away again is said, but the command has ended well.
  [ "$status" -eq 125 ] || [ "$status" -eq 0 ] || fail "exit status $status"
  [ "$status" -eq 0 ] || assert_stderr_has EPERM "The error must name the errno."
  left=$(host_network)
  if [ "$left" != 0 ]; then # removing is what failed: then it is swept
    [ -n "$stderr" ] || fail "Something is left, and nothing was said: $left"
    run_on_host -q /bin/true
    assert_nothing_left
  fi
}

@test "every call for the network that fails is undone, or said and swept" {
  requires strace
  make_host
  for_each_fault error=EPERM failed_cleanly sendto recvfrom socket flock mkdir
}

swept()
{
  run_on_host -q /bin/true
  assert_status 0 "After a run that was killed the next one must work."
  assert_nothing_left
}

@test "killed with -9 at every call for the network, it leaves nothing that is not swept" {
  requires strace
  make_host
  for_each_fault signal=KILL swept sendto unlink mkdir
}

# --- The files of /etc ----------------------------------------------------------------

# What the host has in its /etc/resolv.conf, for that host alone.
host_asks()
{
  printf '%s\n' "$@" >resolv.conf
  on_host mount --bind "$PWD/resolv.conf" "$(readlink -f /etc/resolv.conf)"
}

@test "/etc/hosts and /etc/hostname are the container's own" {
  make_host
  run_on_host -q --hostname web sh -c 'cat /etc/hostname /etc/hosts'
  assert_status 0
  assert_equal web "${lines[0]}"
  assert_output_has "127.0.0.1"$'\t'"localhost"
  assert_output_matches "10\.90\.0\.2"$'\t'"web" "Its own name must lead to its own address."
  run_step --net none --hostname web grep web /etc/hosts
  assert_output_has "127.0.1.1"$'\t'"web"
}

@test "/etc/resolv.conf: whom the host asks, less those that can not be reached" {
  make_host
  host_asks 'nameserver 127.0.0.1' 'search example.org' 'nameserver 2001:db8::53' 'nameserver 192.0.2.53' 'options timeout:1'
  run_on_host -q cat /etc/resolv.conf
  assert_equal "search example.org
nameserver 192.0.2.53
options timeout:1" "$output" "A name server on the host's loopback, or of IPv6, can not be reached from inside."
  assert_equal "" "$stderr"
  run_on_host -q --net host cat /etc/resolv.conf
  assert_output_has "nameserver 127.0.0.1" "With the host's network the host's name servers do."
}

@test "/etc/resolv.conf: a resolver on the host itself is asked whom it asks" {
  make_host
  host_asks 'nameserver 127.0.0.53'
  on_host mkdir -p /run/systemd/resolve
  echo 'nameserver 192.0.2.54' | on_host tee /run/systemd/resolve/resolv.conf >/dev/null
  run_on_host -q cat /etc/resolv.conf
  assert_equal "nameserver 192.0.2.54" "$output"
}

@test "/etc/resolv.conf: that there is nobody to ask is said, -q or not" {
  make_host
  host_asks 'nameserver 127.0.0.53'
  run_on_host -q sh -c 'cat /etc/resolv.conf; echo started'
  assert_status 0
  assert_equal started "$output"
  assert_stderr_has "no name server"
  assert_stderr_has "--dns"
}

@test "--dns: those and no others, but the rest of what the host has" {
  make_host
  host_asks 'nameserver 192.0.2.53' 'search example.org'
  run_on_host -q --dns 9.9.9.9 --dns 2620:fe::fe cat /etc/resolv.conf
  assert_equal "nameserver 9.9.9.9
nameserver 2620:fe::fe
search example.org" "$output"
  assert_equal "" "$stderr"
}

@test "the image's links in /etc are not followed" {
  make_host
  rootfs=$PWD/hostile
  cp -a "$BATS_FILE_TMPDIR/rootfs" "$rootfs"
  echo canary >"$PWD/canary"
  echo inside >"$rootfs/victim"
  ln -sf "$PWD/canary" "$rootfs/etc/resolv.conf"
  ln -sf /victim "$rootfs/etc/hosts"
  ln -sf /proc/sys/kernel/hostname "$rootfs/etc/hostname"
  chmod -R a+w "$rootfs/etc" # who is root inside may be nobody to these files
  run_on_host -q --userns host --dns 9.9.9.9 sh -c 'cat /etc/resolv.conf /victim; cat /etc/hosts | head -n 1'
  assert_status 0
  assert_output_has "nameserver 9.9.9.9"
  assert_output_has inside "What the link led to was laid over."
  assert_output_has localhost
  assert_equal canary "$(<canary)"
}

@test "an /etc that is a link is refused" {
  make_host
  rootfs=$PWD/hostile
  cp -a "$BATS_FILE_TMPDIR/rootfs" "$rootfs"
  mv "$rootfs/etc" "$rootfs/elsewhere"
  ln -s elsewhere "$rootfs/etc"
  run_on_host -q sh -c 'echo started'
  assert_status 125
  assert_stderr_has /etc
  assert_output_lacks started
  assert_nothing_left
}
