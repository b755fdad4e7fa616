#!/usr/bin/env bats
# shellcheck disable=SC2016,SC2317  # what stands in single quotes is for the shell inside; for_each_call calls check
# shellcheck disable=SC2030,SC2031,SC2154  # status, output and stderr are set by bats' run
# What step 01 promises: a hostname of its own for a command, and all that every
# later step takes over from it: options, exit statuses, the log, ends in good order.

load ../helpers

# An unfinished step may rename whatever host it runs on. So everything here runs
# on a host that is thrown away: a UTS namespace by unshare(1), which executes
# the step, so that its pid stays the one that we know.
run_step()
{
  run --separate-stderr -- unshare --uts -- "$STEP" -q "$@"
}

# The same where 127 is what should come out; bats takes it for a slip of the test's otherwise.
run_not_found()
{
  run -127 --separate-stderr -- unshare --uts -- "$STEP" -q "$@"
}

strace()
{
  command unshare --uts -- strace "$@"
}

# Runs a command on a throw-away host that is named a-host.
on_a_host()
{
  unshare --uts -- sh -c 'hostname a-host && exec "$@"' sh "$@"
}

setup()
{
  requires root
  containers=() starter=()
}

teardown()
{
  [ "${#containers[@]}" -eq 0 ] || { kill -9 "${containers[@]}"; wait "${containers[@]}"; } 2>/dev/null || true
}

# Starts a container in the background; sets parent, the step, and child, the
# command, which runs by then. What stands in starter executes the step.
start()
{
  "${starter[@]}" unshare --uts -- "$STEP" -q "$@" 3>&- &
  parent=$!
  containers+=("$parent")
  wait_until command_runs
  containers+=("$child")
}

command_runs()
{
  child=$(awk '{ print $1 }' "/proc/$parent/task/$parent/children") && [ -n "$child" ] &&
    [ -e "/proc/$child/exe" ] && [ ! "/proc/$child/exe" -ef "$STEP" ]
}

# Ended, or a zombie that nobody has reaped yet.
is_gone()
{
  ! readlink "/proc/$1/exe"
}

status_of_parent()
{
  status=0
  wait "$parent" || status=$?
}

# put_file NAME MODE: makes a file of what comes on standard input, in a directory
# of PATH. Before step 04 the container sees the host's files; from then on
# its own, so that the file must lie in a copy of the root file system. Sets file, its path inside,
# made, its path here, and rootfs, the options that show it to the container.
put_file()
{
  local top
  if [ "$(step_number)" -lt 4 ]; then
    file=$BATS_TEST_TMPDIR/$1 made=$BATS_TEST_TMPDIR/$1 rootfs=()
    PATH=$BATS_TEST_TMPDIR:$PATH
  else
    top=$BATS_FILE_TMPDIR/rootfs
    [ -d "$top" ] || cp -a "$ROOT/build/rootfs/default" "$top"
    mkdir -p "$top/usr/local/bin"
    file=/usr/local/bin/$1 made=$top/usr/local/bin/$1 rootfs=(--rootfs "$top")
  fi
  cat >"$made"
  chmod "$2" "$made"
}

# run_with_file NAME MODE [ARG…]: runs such a file in a container.
run_with_file()
{
  put_file "$1" "$2"
  run_step "${rootfs[@]}" "$file" "${@:3}"
}

# The start of an ELF file: MACHINE TYPE [LOADER].
elf()
{
  local loader=${3:-}
  printf '\177ELF\2\1\1\0\0\0\0\0\0\0\0\0'
  little_endian 2 "$2" 2 "$1" 4 1 8 0 8 64 8 0 4 0 2 64 2 56 2 "$([ -z "$loader" ] || echo 1)" 2 64 2 0 2 0
  [ -n "$loader" ] || return 0
  little_endian 4 3 4 4 8 120 8 0 8 0 8 $((${#loader} + 1)) 8 $((${#loader} + 1)) 8 1
  printf '%s\0' "$loader"
}

# little_endian BYTES NUMBER…
little_endian()
{
  local value byte
  while [ $# -gt 0 ]; do
    value=$2
    for ((byte = 0; byte < $1; byte++)); do
      # shellcheck disable=SC2059 # the format is the byte
      printf "\\$(printf %03o $((value & 255)))"
      value=$((value >> 8))
    done
    shift 2
  done
}

own_machine()
{
  case $(uname -m) in
    x86_64) echo 62 ;;
    aarch64) echo 183 ;;
    *) fail "what is the ELF machine of $(uname -m)?" ;;
  esac
}

# ---- A hostname of its own ----

@test "the host keeps its hostname" {
  run -- on_a_host sh -c '"$@"; hostname' sh "$STEP" -q --hostname web hostname
  assert_equal $'web\na-host' "$output" \
    "The host has been renamed: is there a UTS namespace for the child (CLONE_NEWUTS), and is it the child that calls sethostname?"
}

@test "the command sees the hostname that was asked for" {
  run_step --hostname web hostname
  assert_status 0
  assert_equal web "$output" "The hostname inside is not the one given: is sethostname called, in the child, with its name?"
}

@test "without --hostname it is called container" {
  run_step hostname
  assert_status 0
  assert_equal container "$output" "The hostname inside is not the default: is sethostname called in the child?"
}

@test "a command that renames itself renames nobody else" {
  local may=()
  ((10#$(step_number) < 6)) || may=(--cap-add SYS_ADMIN) # which later ones do not leave
  run -- on_a_host sh -c '"$@"; hostname' sh "$STEP" -q "${may[@]}" sh -c 'hostname renamed && hostname'
  assert_equal $'renamed\na-host' "$output" "What happens in the container's UTS namespace must stay there."
}

@test "the NIS domain name is its own, too" {
  only_for 01 02 03 # later, /proc/sys is read-only inside
  run -- on_a_host sh -c '"$@"; cat /proc/sys/kernel/domainname' sh "$STEP" -q \
    sh -c 'echo inside >/proc/sys/kernel/domainname; cat /proc/sys/kernel/domainname'
  assert_output_matches '^inside' "A UTS namespace holds the domain name as well, and root may set it."
  assert_equal inside "$(grep -x inside <<<"$output")" "The host's domain name has changed: is there a UTS namespace?"
}

@test "inside there is another UTS namespace than outside" {
  run -- on_a_host sh -c 'readlink /proc/self/ns/uts; "$@"' sh "$STEP" -q readlink /proc/self/ns/uts
  assert_status 0
  assert_output_matches '^uts:\[[0-9]+\].uts:\[[0-9]+\]$'
  [ "${lines[0]}" != "${lines[1]}" ] || fail "The child is in its parent's UTS namespace: is CLONE_NEWUTS among the flags?"
}

@test "the UTS namespace is the only new one" {
  only_for 01
  local namespace
  for namespace in cgroup ipc mnt net pid time user; do
    run_step readlink "/proc/self/ns/$namespace"
    assert_equal "$(readlink "/proc/self/ns/$namespace")" "$output" \
      "This step is about hostnames; its $namespace namespace should be the host's."
  done
}

@test "from outside, nsenter finds the name by the command's pid" {
  start --hostname seen-outside sleep 1000
  [ "$(readlink "/proc/$child/ns/uts")" != "$(readlink "/proc/$parent/ns/uts")" ] ||
    fail "Parent and child share a UTS namespace: is CLONE_NEWUTS among the flags?"
  assert_equal seen-outside "$(nsenter --target "$child" --uts hostname)"
}

@test "two containers have two names" {
  local first
  start --hostname first sleep 1000
  first=$child
  start --hostname second sleep 1000
  assert_equal "first second" \
    "$(nsenter --target "$first" --uts hostname) $(nsenter --target "$child" --uts hostname)" \
    "Each container must have a UTS namespace to itself."
}

# ---- Options ----

@test "a hostname of one byte, of 64, and of every kind of character is taken" {
  local name
  for name in x "$(printf 'a%.0s' {1..64})" Web-1_x.example.org; do
    run_step --hostname "$name" hostname
    assert_status 0 "\"$name\" is a good hostname."
    assert_equal "$name" "$output"
  done
}

@test "--hostname=NAME is --hostname NAME, and the last one counts" {
  run_step --hostname one --hostname=two hostname
  assert_status 0
  assert_equal two "$output"
}

@test "what is no hostname is refused, by name, and nothing is started" {
  local name shown
  for name in '' "$(printf 'a%.0s' {1..65})" a/b ../x / 'a b' $'a\nb' $'a\tb' $'\e[2J' $'a\x7f' ü 'a*' 'a:b' '$(id)' 'a"b'; do
    shown=$(LC_ALL=C tr '\000-\037\177' '?' <<<"$name")
    run_step --hostname "$name" echo started
    assert_status 125 "\"$shown\" is no hostname: 1 to 64 letters, digits, '-', '_' and '.'."
    assert_equal "" "$output" "The command was started all the same."
    assert_stderr_has "--hostname: \"${shown%\?}\": expected" "The message must name the option, the value, and what is expected."
    [[ $stderr != *[$'\e\t\x7f']* ]] || fail "The message hands control characters on to the terminal."
  done
}

@test "--hostname= without a name is refused, --hostname at the end misses its value" {
  run_step --hostname= echo started
  assert_status 125
  assert_stderr_has '--hostname: "": expected 1 to 64 bytes'
  run_step --hostname
  assert_status 125
  assert_stderr_has '--hostname: expected NAME after it'
}

@test "an unknown option is refused, and a near miss is set right" {
  local word
  for word in --hostnam --hostnames --hotsname --hostnme=x; do
    run_step "$word" echo started
    assert_status 125
    assert_stderr_has "unknown option $word; did you mean --hostname?"
  done
  run_step --hepl
  assert_stderr_has "did you mean --help?"
  for word in --frobnicate -x -qx ---; do
    run_step "$word" echo started
    assert_status 125 "$word is no option of ours."
    assert_stderr_has "unknown option $word"
    assert_stderr_lacks "did you mean"
    assert_stderr_has "--help" "A refusal says where the options are listed."
    assert_equal "" "$output"
  done
}

@test "an option without a value refuses one" {
  run_step --quiet=yes echo started
  assert_status 125
  assert_stderr_has '--quiet takes no value, so "yes" is wrong'
  assert_equal "" "$output"
}

@test "options end at --, and at the command, whose words stay as they are" {
  run_step -- sh -c 'printf "<%s>" "$@"' sh --hostname x -q -- '' 'a b' '*' $'a\nb'
  assert_status 0
  assert_equal $'<--hostname><x><-q><--><><a b><*><a\nb>' "$output"
  run_step --hostname=web -- hostname
  assert_equal web "$output"
  run_not_found -- -q
  assert_stderr_has "-q: no such file" "After -- the next word is the command, whatever it looks like."
  run_not_found -
  assert_stderr_has "-: no such file" "A lone - is no option, so it is the command."
}

@test "an empty command is refused" {
  run_step ''
  assert_status 125
  assert_stderr_has "the command is an empty word"
}

@test "the command is /bin/sh where none is given" {
  run_step --hostname web <<<'hostname; exit 4'
  assert_status 4
  assert_equal web "$output"
  run_step -- <<<'echo here'
  assert_equal here "$output"
}

@test "--help goes to standard output, for anybody, and starts nothing" {
  local option
  for option in --help -h; do
    run --separate-stderr -- as_user "$STEP" "$option" echo started
    assert_status 0
    assert_output_matches '^Usage: step-[0-9]+ '
    assert_output_has "--hostname NAME"
    assert_output_has "-q --quiet"
    assert_output_has "Exit status:"
    assert_output_lacks started
    assert_equal "" "$stderr"
  done
  run --separate-stderr -- sh -c '"$@" >/dev/full' sh "$STEP" --help
  assert_status 125 "Help that could not be written was not given."
}

@test "an ordinary user is refused with one clear line" {
  only_for 01 02 03 04 05
  run --separate-stderr -- as_user "$STEP" sh -c 'echo started'
  assert_status 125
  assert_equal "" "$output"
  [[ $stderr =~ ^step-([0-9]+):\ .*needs\ root.*sudo\ ./step-([0-9]+) && $stderr != *$'\n'* ]] ||
    report "One line must say that this step needs root, and how." "stderr" "$stderr"
}

# ---- The command's exit status ----

@test "the command's exit status is handed on" {
  local number
  for number in 0 1 7 125 126 128 255; do
    run_step sh -c "exit $number"
    assert_status "$number" "What the command ends with, the step ends with."
  done
  run_not_found sh -c 'exit 127'
}

@test "128+n when signal n ended the command" {
  only_for 01 # as PID 1 a command is deaf to its own signals
  run_step sh -c 'kill -TERM $$'
  assert_status 143 "A command that signal 15 ended has no exit status of its own; shells say 128 + 15."
  run_step sh -c 'kill -KILL $$'
  assert_status 137 "A command that signal 9 ended has no exit status of its own; shells say 128 + 9."
  run_step sh -c 'kill -SEGV $$'
  assert_status 139 "A core dump does not belong to the number of the signal."
}

@test "137 when the command is killed from outside" {
  start sleep 1000
  kill -KILL "$child"
  status_of_parent
  assert_status 137 "A command that signal 9 ended has no exit status of its own; shells say 128 + 9."
}

@test "^C is the command's affair: the step waits for what it does" {
  local signal log
  for signal in INT QUIT; do
    log=$BATS_TEST_TMPDIR/$signal
    starter=(env '--default-signal=INT,QUIT' setsid)
    # A handler, since PID 1 would not be ended by a signal that it has none for.
    start sh -c "trap 'exit 42' $signal; echo ready; while :; do sleep 0.1; done" >"$log"
    wait_until grep -q ready "$log"
    wait_until grep -q '^State:.S' "/proc/$parent/status" # it waits: what comes before that is not asked here
    kill "-$signal" -- "-$parent" # the group, whose leader it is
    status_of_parent
    assert_status 42 "SIG$signal goes to the whole group: the parent must not end of it before the command does."
  done
}

@test "a parent that was started with SIGCHLD ignored still learns the status" {
  run --separate-stderr -- unshare --uts -- env --ignore-signal=CHLD "$STEP" -q sh -c 'exit 3'
  assert_status 3 "Children of one who ignores SIGCHLD leave no status behind: set it back to SIG_DFL."
}

# ---- Commands that can not be run ----

@test "no such command: 127, whether searched for or not" {
  run_not_found no-such-command
  assert_stderr_has "no-such-command: no such file (ENOENT) in any directory of PATH"
  assert_stderr_has "PATH is /"
  run_not_found /no/such/command
  assert_stderr_has "/no/such/command: no such file (ENOENT)"
  run_not_found /bin/sh/x
  assert_stderr_has "/bin/sh/x: no such file (ENOTDIR)"
}

@test "a directory: 126" {
  run_step /proc
  assert_status 126
  assert_stderr_has "/proc: permission denied (EACCES): it is a directory"
}

@test "no execute bit: 126, whether searched for or not" {
  run_with_file no-execute-bit 644 <<<'#!/bin/sh'
  assert_status 126
  assert_stderr_has "$file: permission denied (EACCES): no execute bit"
  assert_stderr_has "chmod +x"
  run_step "${rootfs[@]}" no-execute-bit
  assert_status 126 "It is in PATH: so it was found, and 127 would be false."
  assert_stderr_has "$file: permission denied (EACCES): no execute bit"
}

@test "neither ELF nor a script: 126" {
  run_with_file text 755 <<<'just some text'
  assert_status 126
  assert_stderr_has "$file: not a program (ENOEXEC): neither ELF nor a #! line"
  run_step "${rootfs[@]}" text
  assert_status 126
  run_with_file empty 755 </dev/null
  assert_status 126
  assert_stderr_has "not a program (ENOEXEC)"
}

@test "a script: run, with its arguments, or 127 where its interpreter is missing" {
  run_with_file script 755 a 'b c' <<<$'#!/bin/sh\nprintf "<%s>" "$@"; exit 9'
  assert_status 9
  assert_equal '<a><b c>' "$output"
  put_file no-interpreter 755 <<<'#! /no/such/interpreter -x'
  run_not_found "${rootfs[@]}" "$file"
  assert_stderr_has "$file: no interpreter (ENOENT): its first line asks for /no/such/interpreter, which is not there"
  assert_stderr_has "install it"
  run_not_found "${rootfs[@]}" no-interpreter
  assert_stderr_has "no interpreter (ENOENT)"
}

@test "a script with the line ends of Windows: 127, and the reason" {
  put_file windows 755 <<<$'#!/bin/sh\r\necho started\r'
  run_not_found "${rootfs[@]}" "$file"
  assert_stderr_has "CR LF" "The interpreter's name ends in a carriage return, which nobody sees: say so."
  assert_stderr_lacks $'\r'
}

@test "a program whose loader is missing: 127, and the loader is named" {
  put_file no-loader 755 < <(elf "$(own_machine)" 2 /no/such/ld.so)
  run_not_found "${rootfs[@]}" "$file"
  assert_stderr_has "$file: no loader (ENOENT): the file is there, but the dynamic loader that it names, /no/such/ld.so, is not"
  assert_stderr_has "ldd"
  run_not_found "${rootfs[@]}" no-loader
  assert_stderr_has "no loader (ENOENT)"
}

@test "a program for another machine: 126, and both are named" {
  run_with_file other-machine 755 < <(elf 22 2)
  assert_status 126
  assert_stderr_has "$file: wrong architecture (ENOEXEC): it is built for s390x, this machine is $(uname -m)"
  run_with_file unknown-machine 755 < <(elf 40000 2)
  assert_status 126
  assert_stderr_has "built for another architecture"
}

@test "a damaged program: 126" {
  run_with_file damaged 755 < <(elf "$(own_machine)" 0)
  assert_status 126
  assert_stderr_has "$file: not a program (ENOEXEC): its ELF header is damaged"
}

@test "a link to itself, a name too long: 126, with the errno" {
  put_file loop 755 </dev/null
  ln -sf loop "$made"
  run_step "${rootfs[@]}" "$file"
  assert_status 126
  assert_stderr_has ELOOP
  run_step "/$(printf 'a%.0s' {1..300})"
  assert_status 126
  assert_stderr_has ENAMETOOLONG
}

@test "a program on a file system without programs: 126" {
  only_for 01 02 03
  run --separate-stderr -- in_private_namespaces sh -c \
    'mount -t tmpfs -o noexec none /mnt && echo "#!/bin/sh" >/mnt/x && chmod +x /mnt/x && exec "$@"' sh "$STEP" -q /mnt/x
  assert_status 126
  assert_stderr_has "/mnt/x: permission denied (EACCES): its file system is mounted noexec"
}

@test "a directory on the way that may not be searched: 126" {
  only_for 01 02 03
  mkdir -m 700 "$BATS_TEST_TMPDIR/closed"
  cp "$(type -P true)" "$BATS_TEST_TMPDIR/closed/true"
  chown -R 65534:65534 "$BATS_TEST_TMPDIR/closed"
  run --separate-stderr -- unshare --uts -- setpriv --bounding-set=-dac_override,-dac_read_search \
    "$STEP" -q "$BATS_TEST_TMPDIR/closed/true"
  assert_status 126
  assert_stderr_has "permission denied (EACCES): a directory on the way may not be searched"
}

@test "PATH is searched as a shell does it" {
  only_for 01 02 03 # later, the container has a PATH of its own
  local first=$BATS_TEST_TMPDIR/first second=$BATS_TEST_TMPDIR/second unshare
  unshare=$(type -P unshare)
  mkdir -p "$first" "$second/taken"
  echo '#!/bin/sh' >"$first/tool"
  printf '#!/bin/sh\necho second\n' >"$second/tool"
  chmod +x "$second/tool"
  PATH=$first:$second:$PATH run_step tool
  assert_status 0 "A file that may not be executed is passed over for one further on that may."
  assert_equal second "$output"
  PATH=/etc/passwd:/no/such/directory:$second:$PATH run_step tool
  assert_equal second "$output" "What in PATH is no directory is passed over."
  PATH=$second:$PATH run_step taken
  assert_status 126
  assert_stderr_has "it is a directory"
  cd "$second"
  run --separate-stderr -- "$unshare" --uts -- "$(type -P env)" PATH=/no/such/directory: "$STEP" -q tool
  assert_equal second "$output" "An empty entry in PATH is the working directory."
  run --separate-stderr -- "$unshare" --uts -- "$(type -P env)" -u PATH "$STEP" -q hostname
  assert_status 0 "Without PATH there is a usual one."
  run -127 --separate-stderr -- "$unshare" --uts -- "$(type -P env)" -u PATH "$STEP" -q no-such-command
  assert_stderr_has "PATH is /usr/local/sbin:"
}

@test "execve failing for any other reason: 126, with the errno" {
  run_with_error child:execve:1:/bin/true ENOMEM /bin/true
  assert_status 126
  assert_stderr_has "= -1 ENOMEM ("
}

# ---- What goes in and comes out ----

@test "only the descriptors 0, 1 and 2 reach the command" {
  run ls /proc/self/fd 9</etc/passwd
  assert_output_has 9 "The control: without the step, an open descriptor is inherited."
  run_step ls /proc/self/fd 9</etc/passwd
  assert_status 0
  assert_equal $'0\n1\n2\n3' "$output" \
    "3 is the directory that ls reads; any other was left open by us or by who started us. Is close_range called?"
}

@test "descriptors 0, 1 and 2 are there even if the step was started without" {
  run --separate-stderr -- unshare --uts -- sh -c '"$@" <&- >&- 2>&-' sh "$STEP" \
    sh -c 'test -e /proc/self/fd/0 && test -e /proc/self/fd/1 && test -e /proc/self/fd/2 && exit 7'
  assert_status 7 "A descriptor that is closed becomes the next file that anybody opens, such as our pipe."
}

@test "standard input, output and error are the command's" {
  run_step sh -c 'cat; echo to stderr >&2' < <(seq 20000)
  assert_status 0
  assert_equal "$(seq 20000)" "$output"
  assert_equal "to stderr" "$stderr"
}

# ---- The log ----

@test "the log of a run" {
  only_for 01
  local log
  run --separate-stderr -- unshare --uts -- "$STEP" --hostname web sh -c 'exit 3'
  assert_status 3
  assert_equal "" "$output" "The log belongs on standard error."
  log=$(sed -E 's/[0-9]{2,}$/PID/; s/waitpid\([0-9]+\)/waitpid(PID)/; s/(execve\(")[^"]*/\1sh/' <<<"$stderr")
  assert_equal '[ns] a child in a UTS namespace of its own               clone3(CLONE_NEWUTS) = PID
[ns] killed when its parent dies                         prctl(PR_SET_PDEATHSIG, SIGKILL) = 0
[ns] a hostname of its own                               sethostname("web", 3) = 0
[ns] no descriptor but 0, 1, 2 is left open              close_range(3, 4294967295, 0) = 0
[ns] the command takes over this process                 execve("sh", ["sh", "-c", "exit 3"])
[ns] the child ended                                     waitpid(PID) = PID' "$log"
}

@test "every call in the log has happened" {
  assert_log_true --hostname web true
  assert_status 0
}

@test "also where the command can not be run" {
  put_file no-program 755 <<<text
  assert_log_true "${rootfs[@]}" "$file"
  assert_status 126
  ln -sf no-program "$made"
  assert_log_true "${rootfs[@]}" "$file"
  assert_status 126
  assert_stderr_has ELOOP
}

@test "control characters in the log are masked" {
  run --separate-stderr -- unshare --uts -- "$STEP" sh -c true $'\e[2J\n[ns] error: forged'
  assert_status 0
  assert_stderr_lacks $'\e' "A terminal would obey it."
  assert_stderr_lacks $'\n[ns] error' "A word of the user's must not look like a line of ours."
}

# Escape sequences may also begin with one character, U+009B: two bytes in UTF-8, one in older terminals.
@test "control characters beyond ASCII are masked, too, and letters are not" {
  local word
  has_c1() { LC_ALL=C grep -q $'\x9b' <<<"${1//Û/}"; } # that byte, but in this letter
  has_c1 $'Û\x9b' && ! has_c1 Û || fail "The control."
  for word in $'\xc2\x9b2J' $'\x9b2J' $'\xc3\x9b\x9b2J' $'\xe2\x9b2J' $'2J\xc2'; do
    run --separate-stderr -- unshare --uts -- "$STEP" sh -c true "$word"
    assert_status 0
    LC_ALL=C grep -q '?.*"\]) *$' <<<"$stderr" || fail "Nothing was masked: $stderr"
    ! has_c1 "$stderr" || fail "A terminal would obey it."
    run_step --hostname "$word" true
    assert_status 125
    ! has_c1 "$stderr" || fail "The message hands it on to the terminal."
  done
  run --separate-stderr -- unshare --uts -- "$STEP" sh -c true 'Û…日𝄞é'
  assert_stderr_has '"Û…日𝄞é"' "What is no control character must stay as it is."
}

# What is read from right to left, or is said to be: `gpj.exe` looks like `exe.jpg`. U+200D, which joins pictures to one, does not.
@test "what turns the direction of text is masked, too" {
  local word
  turns() { LC_ALL=C grep -q $'\xd8\x9c\|\xe2\x80[\x8e\x8f\xa8-\xae]\|\xe2\x81[\xa6-\xa9]' <<<"$1"; }
  turns $'a\u202eb' && turns $'\u2066' && turns $'\u200f' && ! turns $'\u200d…' || fail "The control."
  for word in $'a\u202egpj.exe' $'\u202a' $'\u2066b\u2069' $'\u200e' $'\u200f' $'\u061c' $'\u2028'; do
    run --separate-stderr -- unshare --uts -- "$STEP" sh -c true "$word"
    assert_status 0
    ! turns "$stderr" || fail "What is seen is not what is there."
    run_step --hostname "$word" true
    assert_status 125
    ! turns "$stderr" || fail "The message hands it on to the terminal."
  done
  run --separate-stderr -- unshare --uts -- "$STEP" sh -c true $'👩\u200d🚀'
  assert_stderr_has $'👩\u200d🚀' "What is no such character must stay as it is."
}

@test "a message says its end, however long the word is that it refuses" {
  run_step --hostname "$(printf 'a%.0s' {1..9000})" true
  assert_status 125
  assert_stderr_has 'aaa": expected 1 to 64 bytes'
}

@test "-q, --quiet and NSCTL_LOG=quiet silence the log, not the errors" {
  local quiet
  run --separate-stderr -- unshare --uts -- "$STEP" true
  assert_stderr_has "[ns] " "The control: without them there is a log."
  for quiet in "$STEP -q" "$STEP --quiet" "env NSCTL_LOG=quiet $STEP"; do
    # shellcheck disable=SC2086 # words
    run --separate-stderr -- unshare --uts -- $quiet true
    assert_status 0
    assert_equal "" "$stderr" "Quiet means: not a line."
    # shellcheck disable=SC2086
    run -127 --separate-stderr -- unshare --uts -- $quiet /no/such/command
    assert_stderr_has "[ns] error: " "An error must be seen even then."
  done
}

@test "the log is dim on a terminal, unless NO_COLOR is set, and plain in a pipe" {
  local dim=$'\e[2m'
  terminal() { script -qec "unshare --uts -- $* true" /dev/null </dev/null; }
  run terminal env -u NO_COLOR "$STEP"
  assert_output_has "$dim" "On a terminal the call is dimmed."
  run terminal env NO_COLOR=1 "$STEP"
  assert_output_has "[ns] "
  assert_output_lacks $'\e' "NO_COLOR turns colour off."
  run --separate-stderr -- unshare --uts -- env -u NO_COLOR "$STEP" true
  assert_stderr_lacks $'\e' "In a file or pipe an escape code is dirt."
}

# ---- When something fails, or is killed ----

# The container's end is tied to its parent's; the next two are the two halves of how.
@test "a parent that is killed takes the command with it" {
  start sleep 1000
  kill -KILL "$parent"
  NSCTL_TEST_PATIENCE=${NSCTL_TEST_PATIENCE:-15} wait_until is_gone "$child" ||
    fail "The parent is dead, the command still runs: is PR_SET_PDEATHSIG set in the child?"
  assert_clean
}

# The child comes to its prctl a second late, when its parent is dead, so that no
# signal is sent any more. What tells it then is the pipe, which has lost its last writer.
# A child that waits for ever hangs: so it is in a namespace that ends when timeout does.
run_with_late_child()
{
  run -- in_private_namespaces timeout --kill-after=1 15 strace -f -y --quiet=all -o "$BATS_TEST_TMPDIR/trace" \
    -e inject=prctl:delay_enter=1000000:when=1 -e inject="$1" "$STEP" -q sh -c 'echo started'
}

assert_late_child_noticed()
{
  grep -q DELAYED "$BATS_TEST_TMPDIR/trace" || fail "The child makes no prctl, so that it outlives its parent."
  awk '/ prctl\(PR_SET_PDEATHSIG/ { child = $1 }
       $1 == child && /exit_group|killed by SIGKILL/ { ended = 1 } END { exit !ended }' "$BATS_TEST_TMPDIR/trace" ||
    fail "The child waits for a dead parent: does it close its own copy of the writing end?"
  # The first execve that succeeds is that of the step. Output does not count: it may be a write that kills.
  assert_equal 1 "$(grep -c 'execve(.* = 0$' "$BATS_TEST_TMPDIR/trace")" \
    "The parent is dead, the command was started all the same: does the child wait at the pipe?"
}

@test "a parent that dies before it releases its child leaves no child waiting" {
  local number
  # Which of its writes that is: another one each time where a run finds something to sweep.
  for _ in 1 2 3 4 5; do
    strace -y -o "$BATS_TEST_TMPDIR/writes" -e trace=write -- "$STEP" -q true
    number=$(awk '/^write\([0-9]+<pipe:.*, 1\)/ { print NR; exit }' "$BATS_TEST_TMPDIR/writes")
    [ -n "$number" ] || fail "The parent writes nothing to its child: how is the child to know when to go on?"
    run_with_late_child "write:signal=KILL:when=$number"
    ! grep -q 'write([0-9]*<pipe:.*, 1) *= ?' "$BATS_TEST_TMPDIR/trace" || break
  done
  assert_late_child_noticed
  assert_clean
}

@test "a parent that dies after it released its child leaves no command behind" {
  run_with_late_child wait4,rt_sigtimedwait:signal=KILL:when=1
  assert_late_child_noticed
  # From 07 on the parent waits for a word of the child's, which by then has asked to be killed.
  ((10#$(step_number) > 6)) || assert_output_has "the parent died before its child was ready"
  assert_clean
}

@test "each set-up call that fails is reported, ends the step with 125, and leaves nothing" {
  check() {
    local error=${expected[$(cut -d: -f2 <<<"$1")]}
    run_with_error "$1" "$error" "${@:2}" &&
      assert_status 125 "A failed set-up is the step's own error, and 125 says so." &&
      assert_stderr_has "-1 $error" "The error must name the call and its errno." &&
      assert_stderr_has $'\n[ns]        ' "Below the error stands what to do about it." &&
      assert_output_lacks started "The command was started although its set-up had failed."
  }
  local calls=pipe2,clone3,prctl,sethostname,close_range
  ((10#$(step_number) < 6)) || calls=${calls/prctl,/} # later ones ask by it which capabilities there are
  local -A expected=([pipe2]=EMFILE [clone3]=EPERM [prctl]=EINVAL [sethostname]=EPERM [close_range]=ENOSYS [wait4]=ECHILD)
  for_each_call "$calls" check sh -c 'echo started'
  assert_clean
}

@test "a wait or a release that fails is reported, too" {
  only_for 01
  run_with_error parent:wait4:1 ECHILD true
  assert_failed_cleanly ECHILD
  run_with_error parent:write:1 EIO true
  assert_failed_cleanly EIO
}

@test "clone3 says what each errno means" {
  local error
  # What is expected of each errno, by a word of the advice.
  for error in EPERM=root ENOSPC=/proc/sys/user/max_ ENOSYS=5.3 EAGAIN='ulimit -u' EINVAL='without one of these namespaces'; do
    run_with_error parent:clone3:1 "${error%%=*}" true
    assert_status 125
    assert_stderr_has "= -1 ${error%%=*} ("
    assert_stderr_has "${error#*=}" "${error%%=*} of clone3 means something that strerror does not know."
  done
  assert_clean
}

@test "root without the capability is told that it is not root enough" {
  run --separate-stderr -- unshare --uts -- setpriv --bounding-set=-sys_admin "$STEP" -q sh -c 'echo started'
  assert_status 125
  assert_stderr_has "-1 EPERM"
  assert_equal "" "$output"
}

@test "killed at any set-up call, parent or child leaves nothing behind" {
  check() { run_with_kill "$@"; }
  for_each_call pipe2,clone3,prctl,sethostname,close_range,wait4 check true
  run_with_kill child:execve:1:/bin/true /bin/true
  assert_clean
}

@test "fifty at once, each with its own name" {
  local number pids=()
  for number in {1..50}; do
    unshare --uts -- "$STEP" -q --hostname "host-$number" sh -c 'hostname; exit 3' \
      >"$BATS_TEST_TMPDIR/$number" 2>&1 3>&- &
    pids+=($!)
  done
  for number in {1..50}; do
    status=0
    wait "${pids[number - 1]}" || status=$?
    output=$(<"$BATS_TEST_TMPDIR/$number")
    assert_equal "host-$number 3" "$output $status" "Container $number of 50 at once has gone wrong."
  done
  assert_clean
}
