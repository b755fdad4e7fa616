#!/usr/bin/env bats
# shellcheck disable=SC2016 # what looks like an expansion is for a shell inside
# shellcheck disable=SC2030,SC2031 # each test is a process of its own
# shellcheck disable=SC2154 # status, output and stderr are set by bats' run
#
# Step 09: what containers use, read from the kernel's own figures, of cgroups of version 2 and 1.

load ../helpers
load ../containers

# has KEY VALUE: what `stats --once --json` says, the first of that name.
has() { assert_equal "$2" "$(sed -n "s/^ *\"$1\": \(.*[^,]\),*$/\1/p" json | head -n 1)" "$1"; }

figures() { "$STEP" -q stats --once --json "$@" >json; }

# files DIRECTORY: makes files of what is read, each below a line "== NAME".
files()
{
  mkdir -p "$1"
  awk -v directory="$1" '/^== / { file = directory "/" $2; printf "" >file; next } { print >file }'
}

# counts_in NAME DIRECTORY…: from now on its record says that these are its cgroups.
counts_in()
{
  local config list='' directory
  config=$(directory_of "$1")/config.json
  shift
  for directory in "$@"; do list+=${list:+,}\"$directory\"; done
  [ -e kept.json ] || cp "$config" kept.json
  awk -v list="$list" '/^ *"cgroups": \[/ { print "  \"cgroups\": [" list "],"; inside = !/\]/; next }
    inside { inside = !/\]/; next } { print }' kept.json >"$config"
}

# The container's own again: who removes it looks there.
own_cgroups() { cp kept.json "$(directory_of "$1")/config.json"; }

# --- Recorded directories -------------------------------------------------------------

@test "version 2: each figure is what its file says, in bytes and seconds" {
  files v2 <<'V2'
== cpu.stat
usage_usec 1500000
user_usec 1000000
system_usec 500000
nr_periods 10
nr_throttled 4
throttled_usec 250000
nr_bursts 0
burst_usec 0
== cpu.max
50000 100000
== cpu.pressure
some avg10=1.53 avg60=0.50 avg300=0.10 total=123456
full avg10=0.07 avg60=0.00 avg300=0.00 total=7
== memory.current
20971520
== memory.max
67108864
== memory.peak
30000000
== memory.stat
anon 10000000
file 9000000
inactive_anon 0
active_anon 10000000
inactive_file 1048576
active_file 4096
== memory.events
low 0
high 0
max 12
oom 3
oom_kill 2
oom_group_kill 0
== memory.pressure
some avg10=0.00 avg60=0.00 avg300=0.00 total=0
full avg10=0.00 avg60=0.00 avg300=0.00 total=0
== pids.current
7
== pids.max
2048
== io.stat
8:0 rbytes=1000 wbytes=200 rios=3 wios=4 dbytes=0 dios=0
259:1 rbytes=24 wbytes=0 rios=1 wios=0 dbytes=0 dios=0
== io.pressure
some avg10=12.34 avg60=0.00 avg300=0.00 total=1
full avg10=0.00 avg60=0.00 avg300=0.00 total=0
V2
  start it -- sleep 1000
  counts_in it "$PWD/v2"
  figures it
  has id "\"$id\""
  has name '"it"'
  has cpu_percent 0.0
  has cpu_seconds 1.500000000
  has cpu_user_seconds 1.000000000
  has cpu_system_seconds 0.500000000
  has cpu_limit 0.500
  has cpu_periods 10
  has cpu_throttled_periods 4
  has cpu_throttled_seconds 0.250000000
  has cpu_pressure_percent 1.53
  has cpu_pressure_seconds 0.123456000
  has memory_bytes $((20971520 - 1048576))
  has memory_inactive_file_bytes 1048576
  has memory_limit_bytes 67108864
  has memory_peak_bytes 30000000
  has memory_pressure_percent 0.00
  has oom_kills 2
  has pids 7
  has pids_limit 2048
  has block_read_bytes 1024
  has block_written_bytes 200
  has block_reads 4
  has block_writes 4
  has io_pressure_percent 12.34
  run_step stats --once it
  assert_output_has '19.0MiB / 64.0MiB   29.7%'
  assert_output_has '1.0KiB / 200B   7 '
  assert_output_has '0.2s, 40%   1.5 0.0 12.3'
  printf 'max 100000\n' >v2/cpu.max
  printf 'max\n' | tee v2/memory.max >v2/pids.max
  : >v2/io.stat
  figures it
  has cpu_limit null
  has memory_limit_bytes null
  has pids_limit null
  has block_read_bytes 0 # a file without a line is of one that has read nothing
  own_cgroups it
}

@test "version 1: the same figures, from files of other names in other units" {
  files v1/cpuacct <<'V1'
== cpuacct.usage
1500000000
== cpuacct.stat
user 100
system 50
== tasks
V1
  files v1/cpu <<'V1'
== cpu.stat
nr_periods 10
nr_throttled 4
throttled_time 250000000
nr_bursts 0
burst_time 0
== cpu.cfs_quota_us
50000
== cpu.cfs_period_us
100000
V1
  files v1/memory <<'V1'
== memory.usage_in_bytes
20971520
== memory.limit_in_bytes
67108864
== memory.max_usage_in_bytes
30000000
== memory.stat
cache 9000000
rss 10000000
inactive_file 5
active_file 6
hierarchical_memory_limit 67108864
total_cache 9000000
total_inactive_file 1048576
total_active_file 4096
== memory.oom_control
oom_kill_disable 0
under_oom 0
oom_kill 2
V1
  files v1/pids <<'V1'
== pids.current
7
== pids.max
2048
V1
  files v1/blkio <<'V1'
== blkio.throttle.io_service_bytes_recursive
8:0 Read 1000
8:0 Write 200
8:0 Sync 1200
8:0 Async 0
8:0 Discard 0
8:0 Total 1200
259:1 Read 24
259:1 Write 0
259:1 Sync 24
259:1 Async 0
259:1 Discard 0
259:1 Total 24
Total 1224
== blkio.throttle.io_serviced_recursive
8:0 Read 3
8:0 Write 4
8:0 Total 7
259:1 Read 1
259:1 Write 0
259:1 Total 1
Total 8
V1
  start it -- sleep 1000
  counts_in it "$PWD"/v1/*
  figures it
  has cpu_seconds 1.500000000
  [ "$(getconf CLK_TCK)" != 100 ] || has cpu_user_seconds 1.000000000
  [ "$(getconf CLK_TCK)" != 100 ] || has cpu_system_seconds 0.500000000
  has cpu_limit 0.500
  has cpu_periods 10
  has cpu_throttled_periods 4
  has cpu_throttled_seconds 0.250000000
  has memory_bytes $((20971520 - 1048576))
  has memory_limit_bytes 67108864
  has memory_peak_bytes 30000000
  has oom_kills 2
  has pids 7
  has pids_limit 2048
  has block_read_bytes 1024
  has block_written_bytes 200
  has block_reads 4
  has block_writes 4
  has cpu_pressure_percent null
  has io_pressure_seconds null
  echo -1 >v1/cpu/cpu.cfs_quota_us
  echo 9223372036854771712 >v1/memory/memory.limit_in_bytes
  echo max >v1/pids/pids.max
  figures it
  has cpu_limit null
  has memory_limit_bytes null
  has pids_limit null
  own_cgroups it
}

@test "what nobody counts is not known, and never 0" {
  start it -- sleep 1000
  counts_in it "$PWD/nowhere"
  figures it
  has cpu_percent null
  has memory_bytes null
  has pids null
  has block_read_bytes null
  run_step stats --once it
  assert_output_matches "it +- +- +- +0B / 0B +- +- +- +-"
  run_step stats --prometheus it
  assert_output_lacks cpu_seconds
  assert_output_has network_received_bytes
  own_cgroups it
}

# --- A container ----------------------------------------------------------------------

# bats test_tags=v2
@test "of a container that works the figures are its own" {
  requires root cgroup-write memory cpu pids
  start it -m 64m --cpus 0.5 --pids-limit 100 -- sh -c 'sleep 1000 & sleep 1000 & while :; do :; done'
  used_some() { figures it && [ "$(sed -n 's/^ *"cpu_seconds": \([0-9]*\)\..*/\1/p' json)" -ge 1 ]; }
  wait_until used_some
  has memory_limit_bytes 67108864
  has cpu_limit 0.500
  has pids 3
  has pids_limit 100
  has oom_kills 0
  has network_received_bytes 0
  grep -q '"memory_bytes": [1-9]' json || fail "It uses memory: $(<json)"
  grep -q '"cpu_percent": [0-9]*[1-9]' json || fail "It uses CPU time: $(<json)"
  throttled() { figures it && grep -q '"cpu_throttled_periods": [1-9]' json; }
  wait_until throttled
}

@test "the network's figures are those of its own links, and of none with --net host" {
  requires root
  run_step run -d --name it --net host "$rootfs" sleep 1000
  assert_status 0
  figures it
  has network_received_bytes null
}

# --- How it is shown ------------------------------------------------------------------

@test "in a pipe the table is plain; on a terminal it has bars, and is drawn over again" {
  requires script
  start it -- sleep 1000
  run_step stats --once
  assert_status 0
  assert_equal 2 "${#lines[@]}"
  assert_output_lacks $'\e'
  assert_output_lacks '#'
  assert_output_has "${id:0:12}"
  LC_ALL=C.UTF-8 TERM=xterm NO_COLOR='' script -qec '"$STEP" -q stats --once' typescript >/dev/null
  memory=$("$STEP" -q stats --once --json | sed -n 's/^ *"memory_bytes": //p')
  if [ "$memory" != null, ]; then
    grep -q '░' typescript || fail "There are no bars: $(<typescript)"
    grep -q $'\e\\[3[123]m' typescript || fail "They have no colours."
    LC_ALL=C.UTF-8 TERM=xterm NO_COLOR=1 script -qec '"$STEP" -q stats --once' typescript >/dev/null
    grep -q '░' typescript || fail "There are no bars."
    ! grep -q $'\e\\[3' typescript || fail "NO_COLOR asks for none."
    LC_ALL=C TERM=xterm script -qec '"$STEP" -q stats --once' typescript >/dev/null
    grep -q '\.\.\.\.' typescript || fail "Whose terminal knows ASCII alone gets bars of that."
  fi
  TERM=xterm script -qec 'timeout 3 "$STEP" -q stats' typescript >/dev/null || true
  [ "$(grep -o $'\e\\[H' typescript | wc -l)" -ge 2 ] || fail "It is to be drawn again and again."
}

@test "--json is an array of objects, and without --once one a line" {
  local first
  start it -- sleep 1000
  first=$("$STEP" -q stats --json | head -n 2)
  assert_equal 2 "$(wc -l <<<"$first")"
  while IFS= read -r line; do
    [[ $line == '[{"id":"'$id'","name":"it","cpu_percent":'*'}]' ]] || fail "That is no array in a line: $line"
  done <<<"$first"
  "$STEP" -q rm -f it >/dev/null
  run_step stats --once --json
  assert_equal "[]" "$output"
}

@test "--prometheus is what Prometheus reads" {
  start one -- sleep 1000
  start two -- sleep 1000
  run_step stats --prometheus
  assert_status 0
  printf '%s\n' "$output" >exposition
  # Each metric: its help, its type, then a sample a container, and it comes once.
  awk '/^# HELP nsctl_container_[a-z_]+ [A-Z].*\.$/ { name = $3; if (seen[name]++) exit 1; next }
    /^# TYPE / { if ($3 != name || ($4 == "counter") != (name ~ /_total$/)) exit 1; next }
    /^nsctl_container_[a-z_]+\{id="[0-9a-f]+",name="[a-z]+"\} [0-9.]+$/ { split($1, part, "{"); if (part[1] != name) exit 1; next }
    { exit 1 }' exposition || fail "That is not the text format: $output"
  assert_output_matches "network_received_bytes_total\{id=\"$id\",name=\"two\"\} 0"
  assert_output_has 'name="one"'
  if command -v promtool >/dev/null; then
    run promtool check metrics <exposition
    assert_equal "" "$output" "promtool has something to say."
  fi
}

@test "it ends with those that were asked for, and quietly when its reader goes" {
  local statuses
  start it -- sh -c 'sleep 3'
  run timeout 50 "$STEP" -q stats it
  assert_status 0
  assert_output_has "NAME"
  start other -- sleep 1000
  statuses=$(timeout 50 bash -c '"$STEP" -q stats 2>err | head -n 1 >/dev/null; echo "${PIPESTATUS[0]}"')
  assert_equal 141 "$statuses"
  assert_equal "" "$(<err)"
  run_step stats it
  assert_status 1
  assert_stderr_has "it does not run"
  run_step stats nobody
  assert_status 1
  run_step stats --json --prometheus
  assert_status 125
}
