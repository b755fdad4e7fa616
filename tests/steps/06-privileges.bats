#!/usr/bin/env bats
# shellcheck disable=SC2016 # what looks like an expansion is for a shell inside
# shellcheck disable=SC2154 # status, output and stderr are set by bats' run
#
# Step 06, second half: what the command is left with of root's power.
#
# What an attacker would do, tests/probe.c does: one system call. Each refusal has its control, the same call where
# that one defence is off, so that it is known what refused. EPERM is -1, ENOSYS -38.

load ../helpers

setup_file()
{
  [ -x "$STEP" ] || fail "there is no program $STEP; make it first: make ${STEP##*/}"
  [ -d "$ROOT/build/rootfs/default" ] || fail "there is no build/rootfs/default; make it first: make rootfs"
  chmod a+x "$BATS_RUN_TMPDIR"
  host_snapshot
  export NSCTL_TEST_ROOTFS=$BATS_FILE_TMPDIR/rootfs
  cp -a "$ROOT/build/rootfs/default" "$NSCTL_TEST_ROOTFS"
  "${CC:-cc}" -O1 -static -nostdlib -ffreestanding -fno-stack-protector -o "$NSCTL_TEST_ROOTFS/probe" "$ROOT/tests/probe.c"
  cat >"$NSCTL_TEST_ROOTFS/etc/passwd" <<'PASSWD'
root:x:0:0:root:/root:/bin/sh
app:x:1000:1001:an application:/home/app:/bin/sh
crooked:x:-1:0::/:/bin/sh
far:x:4294967295:0::/:/bin/sh
shell:x:12x:0::/:/bin/sh
PASSWD
  cat >"$NSCTL_TEST_ROOTFS/etc/group" <<'GROUP'
root:x:0:
audio:x:29:somebody,app
video:x:44:approximately
app:x:1001:
games:x:60:app
many:x:x:app
GROUP
}

setup()
{
  requires root compiler
  cd "$BATS_TEST_TMPDIR" || return
}

# inside ARG…: runs the step, its log silenced, in the root file system that has the probe.
inside()
{
  run_step --rootfs "$NSCTL_TEST_ROOTFS" "$@"
}

# answers ANSWER MEANING ARG…: what the probe, or another program, prints; its lines with blanks between them.
answers()
{
  local expected=$1 meaning=$2
  shift 2
  inside "$@"
  assert_equal "$expected" "${output//$'\n'/ }" "$meaning"
}

# does_not_answer ANSWER ARG…: the control.
does_not_answer()
{
  local refused=$1
  shift
  inside "$@"
  [ -n "$output" ] || fail "the probe said nothing: $stderr" || return
  [ "$output" != "$refused" ] || fail "The control: with that defence off the kernel answers $refused all the same: $*"
}

# Prints some lines of /proc/self/status: field FIELD…
field='for name; do while read -r key value; do [ "$key" != "$name:" ] || echo "$value"; done </proc/self/status; done'

refuses()
{
  local text=$1
  shift
  run_step "$@" /bin/true
  assert_status 125 "$*: is to be refused."
  assert_stderr_has "$text"
  run -- "$STEP" "$@" /bin/true
  assert_output_lacks clone3 "$*: is to be refused before anything is made."
}

# --- Capabilities ---------------------------------------------------------------

default=00000000800405fb # the eleven

@test "the command keeps eleven capabilities, and can not regain the others" {
  inside sh -c "$field" - CapInh CapPrm CapEff CapBnd CapAmb
  assert_equal "0000000000000000 $default $default $default 0000000000000000" "${output//$'\n'/ }" \
    "Inheritable, permitted, effective, bounding and ambient capabilities: those that the container does not need are to be gone, from the bounding set first of all, from which programs that root executes get theirs."
}

@test "inheritable and ambient capabilities of whoever starts it do not get in" {
  run setpriv --inh-caps +net_raw,+chown --ambient-caps +net_raw sh -c "$field" - CapInh CapAmb
  assert_output_lacks "0000000000000000" "The control: they get to a program that is just executed."
  run --separate-stderr setpriv --inh-caps +net_raw,+chown --ambient-caps +net_raw \
    "$STEP" -q --userns host --rootfs "$NSCTL_TEST_ROOTFS" sh -c "$field" - CapInh CapAmb
  assert_equal "0000000000000000 0000000000000000" "${output//$'\n'/ }" "Inheritable capabilities have got in."
}

@test "capabilities are added and dropped by name, in either case, with or without CAP_" {
  answers 00000000800405fa "" --cap-drop chown sh -c "$field" - CapBnd
  answers 00000000800005fa "" --cap-drop CAP_chown --cap-drop CAP_SYS_CHROOT sh -c "$field" - CapEff
  answers 00000000800515fb "" --cap-add=NET_ADMIN --cap-add Cap_Sys_Module sh -c "$field" - CapPrm
  answers 0000000000000001 "What is named counts more than ALL." --cap-add chown --cap-drop all sh -c "$field" - CapEff
  answers 0000000000000000 "" --cap-drop ALL sh -c "$field" - CapBnd
}

@test "ALL is all that the kernel has" {
  local last all
  last=$(</proc/sys/kernel/cap_last_cap)
  printf -v all %016x $(((1 << (last + 1)) - 1))
  answers "$all" "" --cap-add all sh -c "$field" - CapBnd
  printf -v all %016x $(((1 << (last + 1)) - 1 - (1 << 13)))
  answers "$all" "" --cap-drop net_raw --cap-add ALL sh -c "$field" - CapEff
}

@test "capabilities that are not, or contradict each other, are refused" {
  refuses 'expected a capability' --cap-add NET_ADMINISTRATOR
  refuses 'expected a capability' --cap-drop ''
  refuses 'both name CHOWN' --cap-add chown --cap-drop CAP_CHOWN
  refuses contradict --cap-add all --cap-drop all
  refuses contradict --privileged --cap-drop chown
}

# --- Users ------------------------------------------------------------------------

who='id -u; id -g; id -G; echo "$HOME"'

@test "a user that is not root keeps no capability" {
  answers "0000000000000000 0000000000000000 $default" "Whoever is not root has none, permitted or effective." \
    --user 1000 sh -c "$field" - CapPrm CapEff CapBnd
}

@test "a name is looked up in the container's own passwd and group" {
  inside --user app sh -c "$who"
  assert_equal "1000 1001 1001 29 60 /home/app" "${output//$'\n'/ }" "User, group, groups and home of \"app\" are those that the container's own files say."
  inside --user app:audio sh -c "$who"
  assert_equal "1000 29 29 /home/app" "${output//$'\n'/ }" "Where a group is asked for, it is that group, and no others."
  inside --user 1000 sh -c "$who"
  assert_equal "1000 1001 1001 29 60 /home/app" "${output//$'\n'/ }"
  inside -u root sh -c "$who"
  assert_equal "0 0 0 /root" "${output//$'\n'/ }"
}

@test "a number needs no entry" {
  inside --user 4711 sh -c "$who"
  assert_equal "4711 0 0 /" "${output//$'\n'/ }"
  inside --user 4711:12 sh -c "$who"
  assert_equal "4711 12 12 /" "${output//$'\n'/ }" "User and group are to be those that were asked for: is the group set while that can still be done?"
  local empty=$BATS_TEST_TMPDIR/empty
  cp -a "$NSCTL_TEST_ROOTFS" "$empty"
  rm "$empty/etc/passwd" "$empty/etc/group"
  run_step --rootfs "$empty" --user 7 id -u
  assert_equal 7 "$output"
}

@test "what is no user is refused before anything is made" {
  local user
  for user in 1x '' -1 4294967295 0: :0 0x10 '1 ' ' 1' 18446744073709551616 a:b:c ../x 1:-1; do
    refuses 'expected USER[:GROUP]' --user="$user"
  done
}

@test "a user that the container does not have, or not right, is refused" {
  local user
  for user in nobody-here app:nobody-here crooked far shell app:many; do
    inside --user "$user" /bin/true
    assert_status 125 "--user $user is to be refused."
    assert_stderr_has 'error: '
    assert_stderr_has /etc/
  done
}

@test "passwd may be a link, but not to a file of the host's, nor what never ends" {
  local copy=$BATS_TEST_TMPDIR/linked
  cp -a "$NSCTL_TEST_ROOTFS" "$copy"
  mv "$copy/etc/passwd" "$copy/etc/users"
  ln -s users "$copy/etc/passwd"
  run_step --rootfs "$copy" --user app id -u
  assert_equal 1000 "$output" "A link within the container is nothing bad."
  echo "app:x:4711:0::/:/bin/sh" >"$BATS_TEST_TMPDIR/hosts-own"
  ln -sfn /proc/self/fd/0 "$copy/etc/passwd"
  run_step --rootfs "$copy" --user app id -u <"$BATS_TEST_TMPDIR/hosts-own"
  assert_status 125 "A magic link of /proc led to a file that is not the container's."
  rm "$copy/etc/passwd"
  mkfifo "$copy/etc/passwd"
  run_step --rootfs "$copy" --user app id -u
  assert_status 125
  assert_stderr_has 'not a text file'
}

@test "an id that is not mapped is refused, and it is said which are" {
  inside --user 4000000000 /bin/true
  assert_status 125
  assert_stderr_has 'uid 4000000000 is not mapped in this user namespace, which has 0 to '
  inside --user 1:4000000000 /bin/true
  assert_stderr_has 'gid 4000000000 is not mapped'
  answers 4000000000 "In the host's user namespace all ids are mapped." --userns host --user 4000000000 id -u
}

# --- no_new_privs, keys -------------------------------------------------------------

@test "no_new_privs is set, unless it is asked not to be" {
  answers 1 "NoNewPrivs in /proc/self/status is to be 1: is prctl(2) called, before the filter, which takes it?" \
    sh -c "$field" - NoNewPrivs
  answers 1 "" --security-opt no-new-privileges sh -c "$field" - NoNewPrivs
  answers 0 "" --security-opt no-new-privileges=false sh -c "$field" - NoNewPrivs
  answers 2 "The filter does not depend on it." --user app --security-opt no-new-privileges=false sh -c "$field" - Seccomp
}

@test "a set-user-ID program gives nothing" {
  local copy=$BATS_TEST_TMPDIR/set-user-id
  cp -a "$NSCTL_TEST_ROOTFS" "$copy"
  chmod u+s "$copy/probe"
  run_step --userns host --rootfs "$copy" --user app /probe setuid 0
  assert_equal -1 "$output" "A set-user-ID program made its user root: has no_new_privs been set?"
  run_step --userns host --rootfs "$copy" --user app --security-opt no-new-privileges=false /probe setuid 0
  assert_equal 0 "$output" "The control: with no-new-privileges=false it does."
}

@test "the keys of whoever starts it are out of reach" {
  local probe=$NSCTL_TEST_ROOTFS/probe search=(keyctl 10 -3 :user :nsctl-test 0)
  run "$probe" session "$probe" "${search[@]}"
  assert_output_matches '^[1-9]' "The control: in the same session the key is found."
  run --separate-stderr "$probe" session "$STEP" -q --rootfs "$NSCTL_TEST_ROOTFS" --userns host \
    --security-opt seccomp=unconfined /probe "${search[@]}"
  assert_equal -126 "$output" "The session keyring has come along, and with it the keys of whoever started the container."
}

# --- The filter -----------------------------------------------------------------------

unconfined=(--security-opt seccomp=unconfined)
# What is called between the filter and the end of the probe; sigaltstack by the address sanitizer.
needed='"rt_sigprocmask", "access", "faccessat", "faccessat2", "execve", "ioctl", "write", "exit_group", "sigaltstack"'

@test "a filter is there, also for PID 1" {
  answers 2 "No filter is loaded." sh -c "$field" - Seccomp
  inside --init sh -c 'while read -r key value; do [ "$key" != Seccomp: ] || echo "$value"; done </proc/1/status'
  assert_equal 2 "$output" "PID 1 runs without a filter."
  answers 0 "" "${unconfined[@]}" sh -c "$field" - Seccomp
}

@test "no user namespace, nor any other, is made inside" {
  local call
  for call in 'unshare 0x10000000' 'clone 0x10000011' 'unshare 0x20000' 'clone 0x100000010000011'; do
    # shellcheck disable=SC2086 # words
    answers -1 "$call: a new namespace opens up what only root can reach in the kernel, and has bugs in." /probe $call
  done
  answers -38 "clone3 hides its flags in memory, where no filter can look." /probe clone3 0 88
  does_not_answer -1 "${unconfined[@]}" /probe unshare 0x10000000
  does_not_answer -1 "${unconfined[@]}" /probe clone 0x10000011
  does_not_answer -38 "${unconfined[@]}" /probe clone3 0 88
  inside /probe clone 17
  assert_output_matches '^[1-9]' "A process is to be had all the same."
}

@test "a capability opens the calls that it is for" {
  does_not_answer -1 --cap-add sys_admin /probe unshare 0x20000
  does_not_answer -38 --cap-add sys_admin /probe clone3 0 88
  answers -1 "" /probe kcmp 1 1 0 0 0
  answers 0 "" --cap-add sys_ptrace /probe kcmp 1 1 0 0 0
  answers 0 "" /probe chroot :/
  answers -1 "" --cap-drop sys_chroot /probe chroot :/
}

@test "arguments are compared whole, all 64 bits" {
  answers -1 "Family 40 reaches the hypervisor." /probe socket 40 1 0
  answers -1 "The kernel looks at 32 bits of a socket's family, so 2^32+2 is one that it takes; the filter must not be taken in." /probe socket 0x100000002 2 0
  inside /probe socket 2 2 0
  assert_output_matches '^[3-9]'
  inside "${unconfined[@]}" /probe socket 0x100000002 2 0
  assert_output_matches '^[3-9]' "The control: the kernel takes it."
  answers -1 "ADDR_NO_RANDOMIZE" /probe personality 0x40000
  answers 0 "" /probe personality 0x8
  does_not_answer -1 "${unconfined[@]}" /probe personality 0x40000
}

@test "nothing is typed into a terminal" {
  local request
  for request in 0x5412 0x541c 0x100005412; do
    inside /probe ioctl 0 "$request" :x </dev/null
    assert_equal -1 "$output" "TIOCSTI and TIOCLINUX put characters into the terminal's input, for the shell outside to read."
    inside "${unconfined[@]}" /probe ioctl 0 "$request" :x </dev/null
    assert_equal -25 "$output" "The control: it gets as far as to find that this is no terminal."
  done
}

@test "calls in another architecture's way are refused, even where the profile allows all" {
  echo '{"defaultAction": "SCMP_ACT_ALLOW"}' >all.json
  echo '{"defaultAction": "SCMP_ACT_KILL_PROCESS", "syscalls": [{"action": "SCMP_ACT_ALLOW",
    "names": ["getpid", '"$needed"']}]}' >few.json
  answers -38 "" --security-opt "seccomp=$PWD/all.json" /probe int80
  [ "$(uname -m)" != x86_64 ] || does_not_answer -38 "${unconfined[@]}" /probe int80
  answers 1 "" --security-opt "seccomp=$PWD/few.json" /probe getpid
  [ "$(uname -m)" != x86_64 ] || answers -38 "" --security-opt "seccomp=$PWD/few.json" /probe x32
  inside --security-opt "seccomp=$PWD/few.json" /probe 472
  assert_status 159 "The control: another number that is not known gets what the profile says, SIGSYS."
}

@test "what is newer than the filter knows is not there, what is known and not allowed is forbidden" {
  answers -38 "" /probe 472
  answers -38 "" /probe 4000
  answers -1 "" /probe io_uring_setup 8 0
  does_not_answer -1 "${unconfined[@]}" /probe io_uring_setup 8 0
  answers -1 "" /probe add_key :user :x :x 1 -3
  does_not_answer -1 "${unconfined[@]}" /probe add_key :user :x :x 1 -3
  answers -1 "" /probe bpf 99 0 0
}

@test "--privileged gives up nothing" {
  local own
  own=$(sh -c "$field" - CapBnd)
  inside --privileged sh -c "$field" - CapEff Seccomp NoNewPrivs
  assert_equal "$own 0 0" "${output//$'\n'/ }"
  inside --privileged --security-opt no-new-privileges sh -c "$field" - NoNewPrivs
  assert_equal 1 "$output" "What is asked for counts more."
}

# --- Profiles ----------------------------------------------------------------------------

# profile NAME TEXT: writes it, and sets with to the option that takes it.
profile()
{
  printf '%s\n' "$1" >profile.json
  with=(--security-opt "seccomp=$BATS_TEST_TMPDIR/profile.json")
}

# compares OPERATOR VALUE VALUE2 NUMBER YES|NO: whether getpid(NUMBER), which takes no argument, is caught.
compares()
{
  local expected=1
  profile '{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["getpid"], "action": "SCMP_ACT_ERRNO",
    "errnoRet": 77, "args": [{"index": 5, "value": '"$2"', "valueTwo": '"$3"', "op": "SCMP_CMP_'"$1"'"}]}]}'
  [ "$5" = no ] || expected=-77
  answers "$expected" "getpid($4), where $1 $2 $3 is caught" "${with[@]}" /probe getpid 0 0 0 0 0 "$4"
}

@test "a profile's seven operators" {
  compares EQ 5 0 5 yes
  compares EQ 5 0 0x100000005 no
  compares NE 5 0 0x100000005 yes
  compares LT 4294967301 0 4294967300 yes
  compares LT 4294967301 0 4294967301 no
  compares LE 4294967301 0 4294967301 yes
  compares LE 5 0 4294967301 no
  compares GE 4294967301 0 4294967301 yes
  compares GE 4294967301 0 5 no
  compares GT 5 0 4294967296 yes
  compares GT 5 0 5 no
  compares MASKED_EQ 4294967297 1 2 no
  compares MASKED_EQ 4294967297 1 3 yes
  compares MASKED_EQ 4294967297 1 0x100000003 no
}

@test "a profile says what it is for: capabilities, architectures, kernels" {
  local rule='{"name": "getpid", "action": "SCMP_ACT_ERRNO", "errnoRet": 77, "comment": "x", "args": null'
  caught() # caught ANSWER CONDITION
  {
    profile '{"defaultAction": "SCMP_ACT_ALLOW", "archMap": null, "syscalls": ['"$rule, $2"'}]}'
    answers "$1" "$2" "${with[@]}" /probe getpid
  }
  caught -77 '"includes": {"caps": ["CAP_CHOWN", "CAP_KILL"]}'
  caught 1 '"includes": {"caps": ["CAP_CHOWN", "CAP_SYS_ADMIN"]}'
  caught 1 '"excludes": {"caps": ["CAP_SYS_ADMIN", "CAP_CHOWN"]}'
  caught -77 '"excludes": {"caps": ["CAP_SYS_ADMIN"]}, "includes": {}'
  caught -77 '"includes": {"arches": ["s390x", "amd64", "arm64"]}'
  caught 1 '"includes": {"arches": ["s390x"]}'
  caught 1 '"excludes": {"arches": ["amd64", "arm64"]}'
  caught -77 '"includes": {"minKernel": "4.8"}'
  caught 1 '"includes": {"minKernel": "99.0"}'
  caught 1 '"excludes": {"minKernel": "5.9"}'
}

@test "a profile's actions, and its default" {
  local action
  for action in KILL KILL_THREAD KILL_PROCESS TRAP; do
    profile '{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["getpid"], "action": "SCMP_ACT_'"$action"'"}]}'
    inside "${with[@]}" /probe getpid
    assert_status 159 "SCMP_ACT_$action ends it by SIGSYS."
  done
  profile '{"defaultAction": "SCMP_ACT_LOG"}'
  answers 1 "" "${with[@]}" /probe getpid
  profile '{"defaultAction": "SCMP_ACT_ERRNO", "defaultErrnoRet": 5, "architectures": ["SCMP_ARCH_X86_64", "SCMP_ARCH_AARCH64"],
    "syscalls": [{"names": ['"$needed"'], "action": "SCMP_ACT_ALLOW"}]}'
  answers -5 "" "${with[@]}" /probe getpid
  answers -38 "newer than known" "${with[@]}" /probe 472
}

@test "the first rule that matches decides, and two on one argument are alternatives" {
  profile '{"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [
    {"names": ['"$needed"'], "action": "SCMP_ACT_ALLOW"},
    {"names": ["getpid"], "action": "SCMP_ACT_ERRNO", "errnoRet": 77, "args": [{"index": 0, "value": 1, "op": "SCMP_CMP_EQ"}]},
    {"names": ["getpid"], "action": "SCMP_ACT_ALLOW", "args": [
      {"index": 0, "value": 1, "op": "SCMP_CMP_EQ"}, {"index": 0, "value": 2, "op": "SCMP_CMP_EQ"}]}]}'
  answers -77 "" "${with[@]}" /probe getpid 1
  answers 1 "" "${with[@]}" /probe getpid 2
  assert_stderr_has 'profile.json:5: two conditions on argument 0'
  answers -1 "" "${with[@]}" /probe getpid 3
}

@test "an unknown system call in a profile is worth a warning" {
  profile '{"defaultAction": "SCMP_ACT_ALLOW",
    "syscalls": [{"names": ["getpid",
    "not_yet"], "action": "SCMP_ACT_ERRNO"}]}'
  answers -1 "" "${with[@]}" /probe getpid
  assert_stderr_has 'warning: '
  assert_stderr_has 'profile.json:3: no system call "not_yet"'
}

@test "everything else that is wrong in a profile is refused, with its line" {
  wrong() # wrong LINE-AND-TEXT PROFILE
  {
    profile "$2"
    refuses "profile.json:$1" "${with[@]}"
  }
  args() # args CONDITION: a profile with it in line 3
  {
    printf '{"defaultAction": "SCMP_ACT_ALLOW",\n"syscalls": [{"name": "read", "action": "SCMP_ACT_LOG", "args": [\n%s]}]}' "$1"
  }
  wrong '1: expected a "defaultAction"' '{}'
  wrong '1: expected an object' '[]'
  wrong '2: unknown action "SCMP_ACT_ALOW"' $'{"defaultAction":\n"SCMP_ACT_ALOW"}'
  wrong '1: unknown action "SCMP_ACT_NOTIFY"' '{"defaultAction": "SCMP_ACT_NOTIFY"}'
  wrong '2: unknown key "syscals"' $'{"defaultAction": "SCMP_ACT_ALLOW",\n"syscals": []}'
  wrong '2: "defaultAction" is there already, in line 1' $'{"defaultAction": "SCMP_ACT_ALLOW",\n"defaultAction": "SCMP_ACT_KILL"}'
  wrong '3: "index": expected 0 to 5' "$(args '{"index": 6, "value": 1, "op": "SCMP_CMP_EQ"}')"
  wrong '3: "index": expected 0 to 5' "$(args '{"index": -1, "value": 1, "op": "SCMP_CMP_EQ"}')"
  wrong '3: unknown operator "SCMP_CMP_IS"' "$(args '{"index": 5, "value": 1, "op": "SCMP_CMP_IS"}')"
  wrong '3: "value": expected a number' "$(args '{"index": 5, "value": 18446744073709551616, "op": "SCMP_CMP_EQ"}')"
  wrong '3: expected "index", "value" and "op"' "$(args '{"index": 5, "value": 1}')"
  wrong '1: expected an errno' '{"defaultAction": "SCMP_ACT_ERRNO", "defaultErrnoRet": 4096}'
  wrong '1: expected either "names" or "name"' '{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"action": "SCMP_ACT_LOG"}]}'
  wrong '1: expected the name of a capability' '{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"action": "SCMP_ACT_LOG", "names": [], "includes": {"caps": ["CAP_MAGIC"]}}]}'
  wrong '1: expected a kernel' '{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"action": "SCMP_ACT_LOG", "names": [], "includes": {"minKernel": "new"}}]}'
  wrong '1: expected an architecture' '{"defaultAction": "SCMP_ACT_ALLOW", "architectures": ["x86"]}'
}

@test "what is not JSON is refused, with its line" {
  local text
  while IFS= read -r text; do
    printf '%b' "\n$text" >profile.json
    refuses "profile.json:2: " --security-opt seccomp=profile.json
  done <<'WRONG'

{"a": 1,}
[1, 2
{"a" 1}
{a: 1}
{'a': 1}
"no end
"a\\x"
"a\\ud800"
"\\udc00x"
"\\u12"
"\\u0000"
"\0377"
"\0300\0200"
"\0355\0240\0200"
"tab	in it"
01
1.
-
.5
+1
1e
0x10
tru
nulll
[1] 2
[1]]
// a comment
\0357\0273\0277{}
WRONG
  printf '[%.0s' {1..100000} >profile.json
  refuses 'profile.json:1: nested more than 64 deep' --security-opt seccomp=profile.json
  head -c 1100000 /dev/zero | tr '\0' ' ' >profile.json
  refuses 'profile.json: expected a file of 1048576 bytes' --security-opt seccomp=profile.json
  refuses ENOENT --security-opt seccomp=not-there.json
  refuses 'expected a file' --security-opt seccomp=.
}

@test "a filter longer than the kernel takes is refused" {
  {
    echo '{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": ['
    for ((i = 0; i < 1500; i++)); do
      echo '{"name": "read", "action": "SCMP_ACT_LOG", "args": [{"index": 0, "value": '"$i"', "op": "SCMP_CMP_EQ"}]},'
    done
    echo '{"name": "read", "action": "SCMP_ACT_LOG"}]}'
  } >profile.json
  refuses 'longer than 4096 instructions' --security-opt seccomp=profile.json
}

@test "an option of security that is none is refused" {
  local option
  for option in seccomp seccomp= no-new-privileges=yes apparmor=x ''; do
    refuses 'expected no-new-privileges' --security-opt "$option"
  done
}

# --- The log ---------------------------------------------------------------------------------

@test "every call that is named in the log was made: users, capabilities, filters" {
  requires strace
  assert_log_true --rootfs "$NSCTL_TEST_ROOTFS" --user app --cap-add net_admin /bin/true
  assert_log_true --rootfs "$NSCTL_TEST_ROOTFS" --user app --init --security-opt no-new-privileges=false /bin/true
  assert_log_true --rootfs "$NSCTL_TEST_ROOTFS" --privileged --init /bin/true
}
