#!/usr/bin/env bats
# shellcheck disable=SC2016 # $ is for the container's shell
# shellcheck disable=SC2030,SC2031 # each test is a process of its own
# shellcheck disable=SC2154 # status, output and stderr are set by bats' run
#
# Step 10 is nsctl: its words, its help, what is installed of it.

load ../helpers
load ../containers
load ../images

setup()
{
  begin_store
  mkdir bin
  ln -s "$STEP" bin/nsctl
  PATH=$BATS_TEST_TMPDIR/bin:$PATH
}

# type_in LINE: what somebody types at a shell, in a directory with a root file system.
type_in()
{
  run --separate-stderr -- bash -c "$1" </dev/null
}

# --- Words -----------------------------------------------------------------------------

@test "each command, of families too, explains itself, by the name that was typed" {
  local row kind words count=0
  while IFS= read -r row; do
    IFS='|' read -r kind words _ <<<"${row//$'\t'/|}"
    [ "$kind" = command ] || continue
    count=$((count + 1))
    # shellcheck disable=SC2086 # words each
    run_step $words --help
    assert_status 0
    assert_output_has "Usage: ${STEP##*/} $words"
    assert_output_has "Try:"
    assert_equal "" "$(LC_ALL=C.UTF-8 grep -E '.{81}' <<<"$output")" "What is longer than a terminal is wide goes on below."
    # shellcheck disable=SC2086
    run_step $words --no-such-option
    assert_status 125
    assert_stderr_has "${STEP##*/}${words:+ }$words: unknown option --no-such-option"
  done < <("$ROOT/packaging/describe" "$STEP")
  [ "$count" -gt 50 ] || fail "There are more than $count commands."
  [ ! -e "$NSCTL_ROOT" ] || fail "To explain is to make nothing."
}

@test "help is --help, of one command too, and runs nothing" {
  local words
  run_step --help
  local all=$output
  run_step help
  assert_equal "$all" "$output"
  for words in run ps "image ls" "container rm" image build; do
    # shellcheck disable=SC2086
    run_step help $words
    assert_status 0
    assert_output_has "Usage: ${STEP##*/} $words "
  done
  run_step help run /bin/echo started
  assert_status 125
  assert_output_lacks started
  run_step help nosuch
  assert_status 125
  assert_stderr_has "unknown command: nosuch"
}

@test "version, and --version" {
  run_step version
  assert_status 0
  assert_output_matches '^nsctl version [0-9]+\.[0-9]+$'
  local said=$output
  run_step --version
  assert_equal "$said" "$output"
  run_step -v
  assert_equal "$said" "$output"
}

@test "it calls itself as it was called: by a path, or as something that PATH finds" {
  run --separate-stderr -- nsctl stop
  assert_stderr_has "nsctl stop: expected"
  assert_stderr_has "Try 'nsctl stop --help'"
  run --separate-stderr -- bin/nsctl stop
  assert_stderr_has "Try './nsctl stop --help'"
  run --separate-stderr -- nsctl ps --help
  assert_output_has "Usage: nsctl ps "
}

@test "by the name nsctl it does not tell what it does, unless asked; errors are told" {
  run --separate-stderr -- nsctl run --rm --net none "$rootfs" /bin/true
  assert_status 0
  assert_equal "" "$stderr"
  run --separate-stderr -- nsctl --verbose run --rm --net none "$rootfs" /bin/true
  assert_stderr_has "[ns] "
  assert_stderr_has "clone3("
  NSCTL_LOG=all run --separate-stderr -- nsctl run --rm --net none "$rootfs" /bin/true
  assert_stderr_has "clone3("
  run --separate-stderr -- nsctl run nosuch
  assert_stderr_has "[ns] error: no such image: nosuch"
  run --separate-stderr -- "$STEP" run --rm --net none "$rootfs" /bin/true
  [ "${STEP##*/}" = nsctl ] || assert_stderr_has "clone3("
}

@test "what others have and we do not is refused with what there is instead" {
  local word
  for word in pull push create start restart volume network compose info system export "image pull" "container start" \
    "container exists"; do
    # shellcheck disable=SC2086 # words each
    run_step $word x
    assert_status 125
    assert_stderr_has "error: there is no command ${word##* }"
    [[ $stderr == *$'\n[ns]        '*[\`-]* ]] || fail "Beside what there is not stands what there is: $stderr"
    assert_stderr_lacks "did you mean"
  done
  run_step run --restart=always "$rootfs" /bin/true
  assert_status 125
  assert_stderr_has "run: there is no option --restart: "
  run_step run --shm-size 64m "$rootfs" /bin/true
  assert_stderr_has "there is no option --shm-size: --tmpfs /dev/shm:size="
  run_step run -c512 "$rootfs" /bin/true
  assert_stderr_has "there is no option -c: --cpus"
  for word in "ps --format x" "images --format x" "stats --all" "exec --privileged x y" "logs --until 1s x" \
    "save --format x y" "build --platform x ."; do
    # shellcheck disable=SC2086
    run_step $word
    assert_status 125
    [[ $stderr =~ there\ is\ no\ option\ --[a-z]+:\ . ]] || fail "Said nothing of what there is: $stderr"
  done
  run_step --debug ps
  assert_status 125
  assert_stderr_has "there is no option --debug: --verbose"
  # Only what is that word, and not what begins with it.
  run_step run --restarted x
  assert_stderr_has "unknown option --restarted"
  run_step help
  assert_output_lacks registry
  [ ! -e "$NSCTL_ROOT" ] || fail "To refuse is to make nothing."
}

@test "an option without a value may be told true or false, in words" {
  make_base base
  run_step run --rm=true --net none base echo ran
  assert_status 0
  assert_equal ran "$output"
  run_step ps -aq
  assert_equal "" "$output"
  run_step run --rm=false --tty=false --name kept --net none base echo ran
  assert_status 0
  run_step ps -aq
  [ "${#lines[@]}" = 1 ] || fail "--rm=false keeps it."
  run_step run --rm=maybe --net none base echo ran
  assert_status 125
  assert_stderr_has '--rm takes no value, so "maybe" is wrong'
  run_step rm -v kept
  assert_status 0
}

@test "a word that is near another is set right, of families too" {
  run_step iamges
  assert_status 125
  assert_stderr_has "unknown command: iamges; did you mean images?"
  run_step image lss
  assert_status 125
  assert_stderr_has "did you mean ls?"
  # What there is not is no help.
  run_step netwrk
  assert_status 125
  assert_stderr_has "unknown command: netwrk"
  assert_stderr_lacks "did you mean"
  run_step container
  assert_status 125
  assert_stderr_has "which command?"
}

@test "what can be done to containers can be typed with that word before it" {
  run_step container run -d --name web --net none "$rootfs" /bin/sleep 1000
  assert_status 0
  run_step container ls -q --no-trunc
  local listed=$output
  run_step ps -q --no-trunc
  assert_equal "$listed" "$output"
  run_step container exec web /bin/echo inside
  assert_equal inside "$output"
  run_step container stop -t 0 web
  assert_equal web "$output"
  run_step container delete web # rm has two names, wherever it stands
  assert_status 0
  assert_store_empty
  # What there is not is told alike, and each family has its own only.
  run_step container export web
  assert_status 125
  assert_stderr_has 'writes its files as a tar'
  run_step container images
  assert_stderr_has "unknown command: images"
  run_step image ps
  assert_stderr_has "unknown command: ps"
}

# --- The lines that nsctl was to understand from its first day on --------------------------

@test "nsctl run -m 100m -cpu 0.5 /bin/bash" {
  requires cgroup-write memory cpu
  run --separate-stderr -- bash -c 'echo "echo \$0 \$HOSTNAME; exit 3" | nsctl run -i --net none -m 100m -cpu 0.5 /bin/bash'
  assert_status 3
  assert_output_matches '^/bin/bash [0-9a-f]{12}$'
  run_step ps -a
  assert_output_has "/bin/bash"
  # Whether the limit holds is for step 05: what is asked for here is that it is the same option.
  run_step inspect "$(nsctl ps -aq)"
  assert_output_has '"Memory": 104857600'
  assert_output_has '"NanoCpus": 500000000'
}

@test "nsctl run <rootfs>, nsctl ps, list, delete" {
  ln -s "$rootfs" rootfs
  type_in 'nsctl run --net none ./rootfs /bin/echo it'
  assert_equal it "$output"
  type_in 'nsctl ps'
  assert_equal 1 "${#lines[@]}"
  type_in 'nsctl list -a'
  assert_equal 2 "${#lines[@]}"
  type_in 'nsctl delete $(nsctl list -aq)'
  assert_status 0
  assert_store_empty
}

@test "nsctl simple" {
  type_in 'echo "ls -d /etc && touch /etc/of-the-container && ls /etc/of-the-container" | nsctl simple --net none'
  assert_status 0
  assert_equal $'/etc\n/etc/of-the-container' "$output"
  [ ! -e /etc/of-the-container ] || fail "The host was written to."
  assert_store_empty
}

@test "nsctl build -t NAME, run NAME, image save, image load" {
  cp "$rootfs/bin/busybox" busybox 2>/dev/null || pack_rootfs root.tar
  if [ -e root.tar ]; then echo 'ADD root.tar /' >add; else echo 'COPY busybox /bin/sh' >add; fi
  { echo 'FROM scratch'; cat add; echo 'ENV GREETING=hello'; echo 'CMD ["/bin/sh", "-c", "echo $GREETING"]'; } >Containerfile
  type_in 'nsctl build -t hello .'
  assert_status 0
  type_in 'nsctl run --rm --net none hello'
  assert_equal hello "$output"
  type_in 'nsctl image save -o hello.tar hello && nsctl image rm hello && nsctl image prune -af && ! nsctl run hello'
  assert_status 0
  type_in 'nsctl image load -i hello.tar && nsctl run --rm --net none hello'
  assert_status 0
  assert_equal hello "${lines[-1]}"
}

@test "--net host, none, bridge" {
  requires root
  ln -s "$rootfs" rootfs
  type_in 'nsctl run --rm --net host ./rootfs readlink /proc/self/ns/net'
  assert_equal "$(readlink /proc/self/ns/net)" "$output"
  type_in 'nsctl run --rm --net none ./rootfs ls /sys/class/net'
  assert_equal lo "$output"
  type_in 'nsctl run --rm --net bridge ./rootfs ls /sys/class/net'
  assert_output_has eth0
}

# --- What is installed ------------------------------------------------------------------------

installed() { find "$BATS_TEST_TMPDIR/there" -mindepth 1 | sort; }

@test "install puts the program, its page, completions and examples in their places; uninstall leaves nothing" {
  export DESTDIR=$BATS_TEST_TMPDIR/there PREFIX=/usr
  mkdir -p there/usr/share/man
  local before
  before=$(installed)
  run "$ROOT/packaging/install" "$STEP"
  assert_output_has "make uninstall PREFIX=/usr DESTDIR=$DESTDIR takes it away again"
  local file
  for file in bin/nsctl libexec/nsctl/doctor share/man/man1/nsctl.1 share/bash-completion/completions/nsctl share/zsh/site-functions/_nsctl \
    share/fish/vendor_completions.d/nsctl.fish share/doc/nsctl/nsctl-presets.yaml share/doc/nsctl/nsctl-seccomp.json; do
    [ -s "there/usr/$file" ] || fail "$file is not there, or is empty."
  done
  run --separate-stderr -- there/usr/bin/nsctl version
  assert_output_has "nsctl version"
  run --separate-stderr -- there/usr/bin/nsctl doctor
  assert_status 0
  assert_output_has "user namespaces"
  assert_output_lacks "bats" "What tests need is nothing to who installs it."
  # Over what is there already, and what others have put there meanwhile stays.
  "$ROOT/packaging/install" "$STEP"
  touch there/usr/bin/other
  "$ROOT/packaging/install" --remove
  assert_equal "$BATS_TEST_TMPDIR/there/usr/bin
$BATS_TEST_TMPDIR/there/usr/bin/other" "$(comm -13 <(echo "$before") <(installed))" "What others have put there stays."
  rm -r there/usr/bin
  assert_equal "$before" "$(installed)"
  run "$ROOT/packaging/install" --remove
  assert_status 0
  assert_output_has "nothing is installed"
}

@test "the manual page has each command and each option that --help has" {
  "$ROOT/packaging/describe" "$STEP" >described
  "$ROOT/packaging/man" "$STEP" >page
  awk -F'\t' '$1 == "command" && $2 != "" { print ".Ss nsctl " $2 }
              $1 == "option" { n = split($3, names, " "); for (i = 1; i <= n; i++) { gsub(/-/, "\\-", names[i]); print "Fl " substr(names[i], 3) } }' described |
    sort -u >expected
  [ "$(wc -l <expected)" -gt 100 ] || fail "There is more to be found than that: $(cat expected)"
  assert_equal "" "$(comm -23 expected <({ grep '^[.]Ss' page; grep -o 'Fl [^ ]*' page; } | sort -u))"
  grep -qx "ids only" page || fail "-q of ps is another than that of all."
  grep -qx "what --upper adds (A), changes, deletes" page || grep -q "NSCTL_ROOT, else /var/lib/nsctl, a user's" page || fail "Help that goes on below is read as one."
  if command -v mandoc >/dev/null; then
    run mandoc -T lint -W warning page
    assert_equal "" "$(grep -v 'outdated mandoc.db' <<<"$output")"
  fi
}

@test "bash completes commands, options, containers, images" {
  "$ROOT/packaging/completion" bash "$STEP" >completion
  "$STEP" -q run -d --name webserver --net none "$rootfs" /bin/sleep 1000 >/dev/null
  pack_rootfs root.tar
  "$STEP" -q import root.tar pictures >/dev/null
  # completed WORD…: what stands behind these words
  completed()
  {
    bash -c 'source ./completion; COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)); _nsctl; echo "${COMPREPLY[*]}"' - nsctl "$@"
  }
  assert_equal "image images import" "$(completed im | tr ' ' '\n' | sort | paste -sd' ')"
  assert_equal "--name" "$(completed run --na)"
  assert_equal "--json" "$(completed list --js)" "The options of a word that is another's."
  assert_equal "rm" "$(completed image r)"
  assert_equal "webserver" "$(completed stop web)"
  assert_equal "webserver" "$(completed -q --root "$NSCTL_ROOT" stop -t 5 web)"
  assert_equal "pictures" "$(completed run -d --name x pic)"
  assert_equal "" "$(completed run --name pic)" "What is behind --name is no image."
  assert_equal "images" "$(completed help images)"
}

@test "fish and zsh read what is made for them" {
  "$ROOT/packaging/completion" fish "$STEP" >nsctl.fish
  "$ROOT/packaging/completion" zsh "$STEP" >_nsctl
  grep -q "^complete -c nsctl .* -l publish-all " nsctl.fish || fail "fish does not know --publish-all."
  grep -q -- "--publish-all:" _nsctl || fail "zsh does not know --publish-all."
  if command -v fish >/dev/null; then
    run fish --private -c 'source nsctl.fish; complete -C "nsctl image l"'
    assert_output_matches $'(^|\n)ls\t'
    run fish --private -c 'source nsctl.fish; complete -C "nsctl run --publish-"'
    assert_output_has "--publish-all"
  fi
  ! command -v zsh >/dev/null || zsh -n _nsctl
}

@test "the example of presets: run takes each of them" {
  requires cgroup-write memory cpu pids
  local preset
  export XDG_CONFIG_HOME=$BATS_TEST_TMPDIR/config
  mkdir -p config/nsctl
  cp "$ROOT/packaging/nsctl-presets.yaml" config/nsctl/presets.yaml
  for preset in small careful; do
    run_step run --rm --net none --preset "$preset" "$rootfs" /bin/echo taken
    assert_equal taken "$output" "$preset"
  done
}

@test "the example of a profile: seccomp takes it, and it refuses" {
  run_step run --rm --net none --security-opt "seccomp=$ROOT/packaging/nsctl-seccomp.json" "$rootfs" /bin/sh -c 'unshare -m true 2>&1 || echo kept'
  assert_output_has kept
}
