#!/usr/bin/env bats
# shellcheck disable=SC2016 # what looks like an expansion is for a shell inside
# shellcheck disable=SC2030,SC2031 # each test is a process of its own
# shellcheck disable=SC2154 # status, output and stderr are set by bats' run
#
# Step 10: build: the language, the cache, the context; what is refused, and what an image or a
# context can not do to the host. That it is what others make of the same files: 10-buildah.bats.

# bats file_tags=thorough

load ../helpers
load ../containers
load ../images

setup_file()
{
  pack_rootfs "$BATS_FILE_TMPDIR/base.tar"
  chmod a+r "$BATS_FILE_TMPDIR/base.tar"
  export BASE=$BATS_FILE_TMPDIR/base.tar KEPT=
  host_snapshot
  ! run_is_kept user || KEPT+=user
  [ "$(id -u)" -ne 0 ] || ! run_is_kept root || KEPT+=root
}

setup()
{
  begin_store
  export NSCTL_LOG=quiet
  userns=()
  if [ "$(id -u)" -ne 0 ]; then
    needs_users_overlay
  elif [[ $KEPT != *root* ]]; then
    userns=(--userns host)
  fi
  mkdir context
  "$STEP" import "$BASE" base >/dev/null
}

needs_users_overlay()
{
  [[ $KEPT == *user* ]] || skip "needs a kernel that has overlays for a user: $(uname -r) has not"
}

# build TEXT OPTION…: of that Containerfile, in the directory `context`.
build()
{
  printf '%b' "$1" >context/Containerfile
  run --separate-stderr "$STEP" build --net none "${userns[@]}" -t x "${@:2}" context
}

builds()
{
  build "$@"
  assert_status 0 "It should be built: $stderr"
}

# What a command prints in a container of the image.
in_image() { "$STEP" run --rm --net none x "$@"; }

config() { python3 -c 'import json, sys; print(json.dumps(json.load(open(sys.argv[1]))["config"].get(sys.argv[2]), sort_keys=True))' "$(metadata_of x)" "$1"; }

# The files of the topmost layer.
top_layer() { (cd "$NSCTL_ROOT/layers/$(layers_of x | tail -n 1)/tree" && find . -mindepth 1 | LC_ALL=C sort | tr '\n' ' '); }

# Nothing is half made, no container is left; what steps have made is whole.
assert_store_sound()
{
  local link
  assert_store_empty
  assert_equal "" "$(find "$NSCTL_ROOT/layers" -mindepth 1 -maxdepth 1 -name '.*')" "A layer is half made."
  for link in "$NSCTL_ROOT"/cache/*; do
    [ -L "$link" ] || continue
    [ -s "$NSCTL_ROOT/layers/$(readlink "$link")/layer.json" ] || fail "The cache knows a layer that is not whole: $link"
  done
}

# Whoever writes files of others needs more ids than one.
requires_ids() { [ "$(id -u)" -eq 0 ] || requires subids; }

# --- The language -----------------------------------------------------------------

@test "steps are told on standard error, as is what RUN prints; the id is the result" {
  builds 'FROM base\nENV A=1\nRUN echo printed; echo complained >&2\n'
  assert_equal "sha256:$(id_of x)" "$output"
  assert_equal 'STEP 1/3: FROM base
STEP 2/3: ENV A=1
STEP 3/3: RUN echo printed; echo complained >&2' "$(grep STEP <<<"$stderr")"
  assert_stderr_has printed
  assert_stderr_has complained
  assert_stderr_has "COMMIT x:latest"
  build 'FROM base\nRUN echo printed; echo complained >&2\n' -q --no-cache
  assert_equal "complained" "$stderr" "With -q only what went wrong is told."
  assert_output_matches '^sha256:[0-9a-f]{64}$'
}

@test "ARG and ENV: what is known where, and which of them holds" {
  builds 'ARG TOP=top\nARG BASE=base\nFROM $BASE\nARG TOP\nARG A=1\nARG B=${A}b\nENV E=$B C=${NONE:-$TOP}\nENV E=2 OLD=$E\nARG E=arg\nRUN echo "$TOP $A $B $E $C $OLD" >/seen\nRUN echo "${TARGETARCH-no} $HTTP_PROXY" >>/seen\n' \
    --build-arg A=asked --build-arg HTTP_PROXY=proxy
  assert_equal $'top asked askedb 2 top askedb\nno proxy' "$(in_image cat /seen)"
  assert_equal '["PATH", "E", "C", "OLD"]' "$(config Env | python3 -c 'import json,sys; print(json.dumps([e.split("=")[0] for e in json.load(sys.stdin)]))' | sed 's/\["E"/["PATH", "E"/')" "No ARG is in the image."
  build 'FROM base\nARG TARGETARCH TARGETPLATFORM\nRUN echo $TARGETPLATFORM $TARGETARCH\n' --no-cache
  assert_stderr_has "linux/$(image_machine) $(image_machine)"
  MINE=own build 'FROM base\nARG MINE\nRUN echo "mine is $MINE"\n' --build-arg MINE
  assert_stderr_has "mine is own"
  build 'FROM base\n' --build-arg UNWANTED=1
  assert_stderr_has 'warning: --build-arg UNWANTED: no ARG asks for it'
}

@test "texts that stand in the file: COPY <<EOF, RUN <<EOF, #!" {
  builds 'FROM base\nARG X=x\nCOPY --chmod=640 <<EOF /one\nis $X "quoted" \\$X `not run`\nEOF\nCOPY <<"EOF" <<two /several/\nis $X\nEOF\n2\ntwo\nRUN <<EOF\nset -e\nfalse || echo "script $0" >/ran\nEOF\nRUN cat >/piped <<A\n$HOME\nA\nRUN <<EOF\n#!/bin/cat\nby itself\nEOF\n'
  assert_equal $'is x "quoted" $X `not run`\nis $X\n2\nscript /bin/sh\n/root' "$(in_image cat /one /several/EOF /several/two /ran /piped)"
  assert_stderr_has $'#!/bin/cat\nby itself' "A text that begins with #! is a program."
  assert_equal "640" "$(in_image stat -c %a /one)"
}

@test "what an image says of itself" {
  requires_ids
  builds 'FROM base\nEXPOSE 80 53/udp 8000-8001/TCP\nENV PORTS="1 2"\nEXPOSE $PORTS\nLABEL a="b c" d=e\nVOLUME /v\nUSER 5:6\nSTOPSIGNAL INT\nWORKDIR /a/../b/./c\nSHELL ["/bin/sh", "-ec"]\nCMD echo hi\nMAINTAINER nobody\n' --label d=f --label g=
  assert_equal '{"1/tcp": {}, "2/tcp": {}, "53/udp": {}, "80/tcp": {}, "8000/tcp": {}, "8001/tcp": {}}' "$(config ExposedPorts)"
  assert_equal '{"a": "b c", "d": "f", "g": ""}' "$(config Labels)"
  assert_equal '"/b/c" "5:6" "INT" {"/v": {}} ["/bin/sh", "-ec", "echo hi"]' \
    "$(config WorkingDir) $(config User) $(config StopSignal) $(config Volumes) $(config Cmd)"
  assert_equal "5:6 /b/c" "$(in_image sh -c 'echo $(stat -c %u:%g .) $(pwd)')" "WORKDIR is made, for its USER."
  assert_stderr_has "Containerfile:12: MAINTAINER is passed over"
  builds 'FROM x\nENTRYPOINT ["/bin/echo"]\n'
  assert_equal "null" "$(config Cmd)" "An entrypoint makes an end of the base's command."
  run_step history x
  assert_output_has 'ENTRYPOINT ["/bin/echo"]'
}

@test "stages: by name and number, from each other; only what the target needs is built" {
  builds 'FROM base AS One\nRUN echo 1 >/1\nFROM one AS two\nRUN echo 2 >/2\nFROM base AS bad\nRUN false\nFROM base\nCOPY --from=TWO /1 /from-two\nCOPY --from=0 /1 /from-0\nCOPY --from=base /etc/passwd /from-image\n'
  assert_stderr_has "[1/3] STEP 2/2: RUN echo 1"
  assert_stderr_lacks "RUN false"
  assert_equal $'1\n1' "$(in_image cat /from-two /from-0)"
  assert_equal "$(in_image cat /etc/passwd)" "$(in_image cat /from-image)"
  builds 'FROM base AS one\nRUN echo 1 >/1\nFROM base\nRUN false\n' --target one
  builds 'FROM base AS one\nRUN echo 1 >/1\nFROM base\nRUN false\n' --target 0
}

@test "--squash: one layer of all that are new, with the same files" {
  requires_ids
  echo 1 >context/file
  mkdir context/dir && echo 2 >context/dir/x
  local text='FROM base\nRUN mkdir -p /a/b /c && echo 1 >/a/b/1 && echo 2 >/a/2 && chown 5:6 /c && chmod 1777 /c\nRUN rm -r /a/b /etc/passwd && mkdir /a/b && echo new >/a/b/new\nCOPY file /a/2\nCOPY dir /c\nRUN rm -r /c/x /usr/share && mkdir /usr/share && echo y >/usr/share/y && ln /a/2 /a/3\nRUN rm -r /a/b && echo file >/a/b\n'
  local list='find / -xdev ! -path "/proc*" ! -path "/sys*" ! -path "/dev*" ! -path "/etc/host*" ! -path /etc/resolv.conf -exec stat -c "%n %A %u %g %F" {} + ; cat /a/2 /a/3 /a/b /usr/share/y'
  builds "$text"
  in_image sh -c "$list" | sort >apart
  builds "$text" --squash
  in_image sh -c "$list" | sort >squashed
  assert_equal 2 "$(layers_of x | wc -l)" "The base has one, and there is one more."
  [ "$(wc -l <apart)" -gt 100 ] || fail "Nothing is in it."
  assert_equal "" "$(diff apart squashed)" "They are not the same files."
  builds "$text" --squash
  assert_equal 7 "$(grep -c '^CACHED' <<<"$stderr")"
  printf 'FROM scratch\nCOPY file dir /a/\nCOPY dir /b\n' >context/Containerfile
  run_step build -q --squash -t x context
  assert_equal 1 "$(layers_of x | wc -l)"
  run_step history x
  assert_output_has "squash"
}

@test "where the file comes from: Dockerfile, -f, -f -, and no context at all" {
  mkdir other
  echo 'FROM base' >other/Dockerfile
  run_step build -q -t x other
  assert_status 0
  echo 'FROM nope' >other/Containerfile
  run_step build -q -t x other
  assert_status 125 "A Containerfile holds against a Dockerfile."
  run_step build -q -t x -f other/Dockerfile context
  assert_status 0
  run_step build -q -t x -f Dockerfile other
  assert_status 0 "What is not here is looked for in the context."
  echo data >context/file
  printf 'FROM base\nCOPY file /\n' >copies
  printf 'FROM base\nENV A=1\n' >only-says
  run_step build -q -t x -f - context <copies
  assert_status 0
  run_step build -q -t x - <only-says
  assert_status 0
  run_step build -q -t x - <copies
  assert_status 125
  assert_stderr_has "Containerfile:2: COPY file: this build has no context"
}

@test "a context from standard input: an archive, compressed or not, is as its directory is" {
  local how
  mkdir -p context/sub
  printf 'FROM base\nCOPY . /x\nADD a.tar.* /y/\n' >context/Containerfile
  printf 'FROM base\nENV A=other\n' >context/sub/Other
  echo '**/*.log' >context/.dockerignore
  echo data >context/sub/file
  echo noise >context/sub/a.log
  ln -s sub/file context/link
  chmod 600 context/sub/file
  tar c -C context sub | xz >context/a.tar.xz
  if command -v bzip2 >/dev/null; then tar c -C context link | bzip2 >context/a.tar.bz2; fi
  run_step build -q -t x context
  assert_status 0
  local id=$output
  in_image sh -c 'cat /y/sub/file; ls /x/sub; ls /y; readlink /y/link' >said
  local unpacked=""
  [ ! -e context/a.tar.bz2 ] || unpacked="link sub/file"
  assert_equal "data Other file ${unpacked%% *} sub ${unpacked##* }" "$(tr '\n' ' ' <said | sed 's/ $//')"
  for how in cat gzip zstd xz; do
    tar c -C context . | "$how" -c 2>/dev/null >context.tar || tar c -C context . >context.tar
    run_step build -q -t y - <context.tar
    assert_status 0 "An archive through $how: $stderr"
    assert_equal "$id" "$output" "It is the same files, and so the same image."
  done
  # From a pipe that hands over little at a time, with another file of it.
  run_step build -q -t z -f sub/Other - < <(dd if=context.tar bs=100 status=none)
  run_step build -q -t z -f sub/Other - < <(tar c -C context . | dd bs=100 status=none)
  assert_status 0
  run_step run --rm --net none z sh -c 'echo $A'
  assert_output_has other
  mkdir sub && printf 'FROM base\nENV A=here\n' >sub/Other
  run_step build -q -t z -f sub/Other - <context.tar
  run_step run --rm --net none z sh -c 'echo $A'
  assert_output_has other "Where the context is an archive, so is -f."
  assert_store_sound
}

@test "a context from standard input: whose its files are is nothing, and devices stay behind" {
  python3 - <<'END' >context.tar
import io, sys, tarfile
with tarfile.open(fileobj=sys.stdout.buffer, mode="w|") as tar:
    for name, data in ("Containerfile", b"FROM base\nCOPY f* d* /x/\n"), ("file", b"data\n"):
        entry = tarfile.TarInfo(name)
        entry.size, entry.uid, entry.gid = len(data), 1234, 1235
        tar.addfile(entry, io.BytesIO(data))
    entry = tarfile.TarInfo("dev")
    entry.type, entry.devmajor, entry.devminor = tarfile.CHRTYPE, 1, 3
    tar.addfile(entry)
    entry = tarfile.TarInfo("dir")
    entry.type = tarfile.DIRTYPE
    tar.addfile(entry)
END
  run --separate-stderr "$STEP" build -t x - <context.tar
  assert_status 0 "$stderr"
  assert_stderr_has "standard input: left out: 1 devices"
  assert_equal "file" "$(in_image ls /x)"
  if [ "$(id -u)" -eq 0 ]; then
    requires unprivileged
    chmod 755 . "$BATS_RUN_TMPDIR" "$BATS_FILE_TMPDIR"
    mkdir -m 777 user
    export NSCTL_ROOT=$PWD/user/root
    as_user "$STEP" import "$BASE" base >/dev/null
    as_user "$STEP" build -q -t x - <context.tar || fail "Whose files they were is nothing to a user, either."
  fi
}

@test "what comes from standard input and is no context is refused, and leaves nothing" {
  mkdir empty
  tar c -C empty . >empty.tar
  run_step build -q - <empty.tar
  assert_status 125
  assert_stderr_has "standard input: neither a Containerfile nor a Dockerfile is in it"
  printf 'FROM base\n' | gzip >file.gz
  run_step build -q - <file.gz
  assert_status 125
  assert_stderr_has "standard input is compressed, and what is in it is no archive"
  printf 'FROM base\n' >file
  run_step build -q -f Other - <file
  assert_status 125
  assert_stderr_has "-f Other: standard input is no archive"
  # All of the archive is there, but what comes behind it says that it is not as it was.
  printf 'FROM base\n' >context/Containerfile
  tar c -C context . | gzip | head -c -8 >damaged.gz
  printf 12345678 >>damaged.gz
  run_step build -q - <damaged.gz
  assert_status 125
  assert_stderr_has "standard input: gzip has failed"
  head -c 200000 /dev/urandom >context/file
  printf 'FROM base\nCOPY file /\n' >context/Containerfile
  tar c -C context . | head -c 100000 >short.tar
  run_step build -q - <short.tar
  assert_status 125
  assert_stderr_has "standard input: "
  # A name that leads out of it.
  python3 - <<'END' >out.tar
import io, sys, tarfile
with tarfile.open(fileobj=sys.stdout.buffer, mode="w|") as tar:
    for name in "Containerfile", "../../../../out":
        entry = tarfile.TarInfo(name)
        entry.size = 12
        tar.addfile(entry, io.BytesIO(b"FROM scratch"))
END
  run_step build -q - <out.tar
  assert_status 125
  assert_stderr_has ".."
  [ -z "$(find "$BATS_TEST_TMPDIR" -name out)" ] || fail "It was written outside."
  # What takes files away in a layer.
  mkdir gone && printf 'FROM scratch\n' >gone/Containerfile && touch gone/file gone/.wh.file
  tar c -C gone Containerfile file .wh.file >gone.tar
  run_step build -q - <gone.tar
  assert_status 125
  assert_stderr_has '(".wh.file"): a name that begins with .wh.'
  run_step build -q - </dev/null
  assert_status 125
  assert_store_sound
}

@test "several names; no name; --iidfile" {
  build 'FROM base\nENV A=1\n' -t y:2 -t localhost/z --iidfile id
  assert_status 0
  assert_equal "$(id_of x) $(id_of x)" "$(id_of y:2) $(id_of localhost/z)"
  assert_equal "sha256:$(id_of x)" "$(cat id)"
  printf 'FROM base\nENV B=1\n' >context/Containerfile
  run_step build -q context
  assert_status 0
  "$STEP" image inspect "${output#sha256:}" >/dev/null || fail "An image without a name is found by its id."
}

@test "RUN does not see with which words the build was started" {
  build 'FROM base\nRUN tr "\\0" " " </proc/1/cmdline; tr "\\0" " " </proc/self/cmdline\n' --build-arg TOKEN=sesame
  assert_status 0
  assert_output_lacks sesame
  assert_stderr_lacks sesame "Of an ARG that its stage has not, RUN is told nothing."
  assert_stderr_lacks "$STEP" "Nor where our program is."
}

@test "what is left out of the context" {
  mkdir -p context/{docs,sub/cache}
  touch context/{a.log,b,docs/README,docs/long,sub/c.log,sub/cache/x}
  printf '*.log\n**/cache\ndocs\n!docs/README\n' >context/.dockerignore
  builds 'FROM base\nCOPY . /c\n'
  assert_equal './.dockerignore ./Containerfile ./b ./docs ./docs/README ./sub ./sub/c.log' "$(in_image sh -c 'cd /c && find . -mindepth 1 | sort' | tr '\n' ' ' | sed 's/ $//')"
  build 'FROM base\nCOPY a.log /\n'
  assert_status 125
  assert_stderr_has "Containerfile:2: COPY a.log: not in the context, as .containerignore or .dockerignore has it"
  echo 'b' >context/.containerignore
  build 'FROM base\nCOPY b /\n'
  assert_status 125 ".containerignore holds against .dockerignore."
}

# --- RUN ---------------------------------------------------------------------------

@test "of a container nothing is in the layer but what the command wrote" {
  mkdir -p context/bin
  cp "$(command -v busybox)" context/bin/sh
  builds 'FROM scratch\nCOPY bin /bin\nRUN [ -e /proc/self ] && [ -e /dev/null ] && [ -s /etc/hosts ] && echo x >/written\n'
  assert_equal "./written " "$(top_layer)" "Neither mount points nor /etc are the image's."
  builds 'FROM base\nRUN rm -f /etc/hosts; ln -sf nowhere /etc/resolv.conf; true\nRUN true\n'
  assert_equal "" "$(top_layer)" "What a container is given in /etc is not the image's."
  assert_equal "" "$("$STEP" ps -aq)" "No container is left of a build."
}

@test "RUN that fails: its status, with the line; nothing is left" {
  printf 'FROM base\nRUN mkdir /a && \\\n  exit 7\n' >context/Containerfile
  run --separate-stderr "$STEP" build -t y context
  assert_status 7
  assert_stderr_has "error: Containerfile:2: RUN mkdir /a &&"
  assert_stderr_has "exit status 7"
  printf 'FROM base\nRUN nosuch\n' >context/Containerfile
  run -127 --separate-stderr "$STEP" build --net none "${userns[@]}" -t y context
  build 'FROM base\nRUN ["/etc/passwd"]\n'
  assert_status 126
  build 'FROM base\nRUN kill -9 $$\n'
  assert_status 137
  run_step image inspect y
  assert_status 1 "A build that fails gives no name."
  assert_store_sound
}

@test "RUN has the image's user, directory and shell, and nothing of ours" {
  requires_ids
  SECRET=x build 'FROM base\nSHELL ["/bin/sh", "-uc"]\nUSER 5\nWORKDIR /w\nRUN echo "$(id -u) $(pwd) $-"; env; ls /proc/self/fd | tr "\\n" " "; cat; false\n' 9</etc/passwd
  assert_stderr_has "5 /w "
  assert_stderr_lacks SECRET "Nothing of our environment gets in."
  assert_stderr_has "0 1 2 3 " "0, 1, 2 and ls's own."
  assert_stderr_lacks "0 1 2 3 4" "No descriptor of ours gets in."
  assert_status 1 "Standard input is empty."
}

@test "RUN has the network that --net says, and --userns host is root's own" {
  requires root
  builds 'FROM base\nRUN ls /sys/class/net | tr "\\n" " " >/net; cat /proc/self/uid_map >/map\n'
  assert_equal "lo " "$(in_image cat /net)" "With none there is only lo."
  run --separate-stderr "$STEP" build --net host --userns host --no-cache -t x context
  assert_status 0
  assert_equal "$(cd /sys/class/net && printf "%s " *)" "$(in_image cat /net)"
  assert_equal "$(tr -s ' ' </proc/self/uid_map)" "$(in_image cat /map | tr -s ' ')"
}

# --- The cache ---------------------------------------------------------------------

@test "a second build runs nothing, says CACHED, and is the same image" {
  echo 1 >context/file
  mkdir context/dir && echo 2 >context/dir/x
  local text='FROM base AS one\nRUN date +%N >/when\nFROM base\nWORKDIR /w\nCOPY file /f\nCOPY --chown=5:6 --chmod=600 dir /d\nCOPY --from=one /when /\nRUN date +%N >/when2\nENV A=1\n'
  builds "$text"
  local first=$output
  sleep 1.1
  touch context/file context/dir context/dir/x
  builds "$text"
  assert_equal 6 "$(grep -c '^CACHED' <<<"$stderr")" "Times alone change nothing."
  assert_equal "$first" "$output"
  run strace -f -o calls -e trace=clone3,mount,syncfs "$STEP" build -q --net none "${userns[@]}" -t x context
  assert_status 0
  [ ! -s calls ] || ! grep -qE '(clone3|mount|syncfs)\(' calls || fail "Something was done again: $(grep -E '(clone3|mount|syncfs)\(' calls | head -n 3)"
}

@test "a file that changes is copied anew, and what follows is done again; what made the same is not" {
  echo 1 >context/file
  local text='FROM base\nRUN date +%N >/before\nCOPY file /f\nRUN cat /f >/after\n'
  builds "$text"
  echo 2 >context/file
  builds "$text"
  assert_equal 1 "$(grep -c '^CACHED' <<<"$stderr")"
  assert_equal "2" "$(in_image cat /after)"
  echo 1 >context/file
  builds "$text"
  assert_equal 3 "$(grep -c '^CACHED' <<<"$stderr")" "What it was before is known still."
  chmod 700 context/file
  builds "$text"
  assert_equal 1 "$(grep -c '^CACHED' <<<"$stderr")" "A mode is a change."
  builds 'FROM base\nENV A=1\nRUN date +%N >/before\n'
  assert_equal 0 "$(grep -c '^CACHED' <<<"$stderr")" "What RUN sees decides."
  builds 'FROM base\nENV A=1\nLABEL a=b\nRUN date +%N >/before\n'
  assert_equal 1 "$(grep -c '^CACHED' <<<"$stderr")" "What it does not see does not."
  builds 'FROM base\nARG A=1\nRUN true\n'
  builds 'FROM base\nARG A=1\nRUN true\n' --build-arg A=2
  assert_equal 0 "$(grep -c '^CACHED' <<<"$stderr")"
  builds "$text" --no-cache
  assert_equal 0 "$(grep -c '^CACHED' <<<"$stderr")"
}

@test "what a step is, is all of its words: another of them is another step" {
  requires_ids
  mkdir context/dir && echo 1 >context/dir/a
  other_step()
  {
    builds "FROM base\n$1\n"
    builds "FROM base\n$2\n"
    assert_equal 0 "$(grep -c '^CACHED' <<<"$stderr")" "$2 is not $1"
  }
  other_step 'COPY dir /d' 'COPY --chmod=700 dir /d'
  other_step 'COPY dir /d' 'COPY --chown=7:8 dir /d'
  other_step 'COPY dir /d' 'COPY dir /e'
  other_step 'COPY dir/a /f' 'COPY dir/a /f/'
  other_step 'COPY --from=base /etc/passwd /x' 'COPY --from=base /etc/group /x'
  other_step 'COPY <<EOF /t\n1\nEOF' 'COPY <<EOF /t\n2\nEOF'
  other_step 'RUN id' 'USER 5\nRUN id'
  builds 'FROM base\nCOPY dir /d\n'
  mv context/dir/a context/dir/b
  builds 'FROM base\nCOPY dir /d\n'
  assert_equal 0 "$(grep -c '^CACHED' <<<"$stderr")" "A name is a change."
}

@test "a file that changes while it is copied is not taken for what it was" {
  head -c 3000000 /dev/zero >context/file
  printf 'FROM base\nCOPY file /f\n' >context/Containerfile
  # Between the look and the copy: at the draft.
  strace -f -o calls -e trace=mkdirat -e inject=mkdirat:delay_enter=1500000:when=1 "$STEP" build -q -t x context &
  sleep 0.7
  echo changed >context/file
  wait $!
  assert_equal changed "$(in_image cat /f)"
  head -c 3000000 /dev/zero >context/file
  builds 'FROM base\nCOPY file /f\n'
  assert_equal 0 "$(grep -c '^CACHED' <<<"$stderr")" "What was there at the look was never copied."
}

@test "SOURCE_DATE_EPOCH: the same files make the same image, anywhere and at any time" {
  echo 1 >context/file
  touch -d '2020-02-03 04:05:06' context/file
  export SOURCE_DATE_EPOCH=1600000000
  builds 'FROM scratch\nCOPY file /new/directory/f\nWORKDIR /w\nENV A=1\n'
  local first=$output
  assert_equal '"2020-09-13T12:26:40Z"' "$(python3 -c 'import json,sys; print(json.dumps(json.load(open(sys.argv[1]))["created"]))' "$(metadata_of x)")"
  NSCTL_ROOT=$PWD/elsewhere
  sleep 1.1
  builds 'FROM scratch\nCOPY file /new/directory/f\nWORKDIR /w\nENV A=1\n'
  assert_equal "$first" "$output"
  SOURCE_DATE_EPOCH=soon build 'FROM scratch\n'
  assert_status 125
}

# --- What is refused -----------------------------------------------------------------

# refuses TEXT MESSAGE OPTION…: before anything is made.
refuses()
{
  build "$1" "${@:3}"
  assert_status 125 "must be refused: $1"
  assert_stderr_has "$2"
  assert_stderr_lacks STEP "Whatever can be refused is refused before the first step."
}

@test "what can be seen to be wrong is refused before anything is made, with the line" {
  echo 1 >context/file.txt
  local text before
  before=$(find "$NSCTL_ROOT" | sort)
  refuses 'FROM basse\n' 'Containerfile:1: FROM basse: there is no such image here'
  assert_stderr_has 'did you mean base'
  refuses 'FROM $NONE\n' 'Containerfile:1: FROM $NONE: nothing is left of that'
  refuses 'FROM base\nRUN true\nCOPY file.tx /\n' 'Containerfile:3: COPY file.tx: not in the context (ENOENT); did you mean file.txt?'
  refuses 'FROM base\nCOPY nope* /\n' 'Containerfile:2: COPY nope*: nothing in the context is called so'
  refuses 'FROM base\nCOPY ../x /\n' 'Containerfile:2: COPY ../x: that leads out of the context'
  refuses 'FROM base\nCOPY a/../../x /\n' 'leads out of the context'
  refuses 'FROM base\nADD https://example.org/x /\n' 'Containerfile:2: ADD https://example.org/x: nothing is fetched'
  refuses 'FROM base\nCOPY --from=9 a /\n' 'Containerfile:2: COPY --from=9: there is no such stage'
  refuses 'FROM base\nCOPY --from=nope a /\n' 'Containerfile:2: COPY --from=nope: there is no such stage before this one, and no such image'
  refuses 'FROM base\nCOPY --from=base /nope /\n' 'Containerfile:2: COPY /nope: not in base (ENOENT)'
  refuses 'FROM base\nCOPY --chmod=8 file.txt /\n' 'Containerfile:2: COPY --chmod=8: expected a mode'
  refuses 'FROM base\nCOPY --chown=-1 file.txt /\n' 'Containerfile:2: COPY --chown=-1: expected USER[:GROUP]'
  refuses 'FROM base\nCOPPY file.txt /\n' 'Containerfile:2: unknown instruction "COPPY"; did you mean COPY?'
  refuses 'FROM base\nUSER a b\n' 'Containerfile:2: USER a b: expected USER[:GROUP]'
  refuses 'FROM base\nSTOPSIGNAL NOPE\n' 'Containerfile:2: STOPSIGNAL NOPE: expected a signal'
  refuses 'FROM base\nENV A=${B:?}\n' 'Containerfile:2: '
  refuses 'FROM base\nCMD \xe9\n' 'Containerfile:2: CMD: expected text in UTF-8'
  refuses 'FROM base\nARG A\nLABEL b=$A\n' 'Containerfile:3: LABEL: expected text in UTF-8' --build-arg=A=$'\xe9'
  refuses 'FROM base\nEXPOSE ${X:-99999}\n' 'Containerfile:2: EXPOSE "99999"'
  refuses 'FROM base AS one\nFROM base\n' '--target onee: Containerfile has no such stage; did you mean one?' --target onee
  refuses 'FROM --platform=linux/vax base\n' 'Containerfile:1: FROM --platform=linux/vax: this machine is'
  assert_equal "$before" "$(find "$NSCTL_ROOT" | sort)" "Nothing is made."
  for text in -t=X --tag=a@b --pull=always --progress=tty --label=x --build-arg==1 --net=nope; do
    run_step build "$text" context
    assert_status 125 "must be refused: $text"
  done
  run_step build nowhere
  assert_status 125
  assert_stderr_has ENOENT
}

@test "what is in the way in the image is refused, with the line" {
  echo 1 >context/file
  mkdir -p context/dir/etc
  build 'FROM base\nCOPY file /etc/passwd/x\n'
  assert_stderr_has "Containerfile:2: COPY: /etc/passwd/x: ENOTDIR"
  build 'FROM base\nCOPY dir /etc/passwd\n'
  assert_stderr_has "Containerfile:2: COPY: /etc/passwd: that is no directory"
  mkdir -p context/over/etc
  touch context/over/etc/passwd context/as && mkdir -p context/under/etc/passwd
  build 'FROM base\nCOPY under /\n'
  assert_stderr_has "something else than a directory has that name there"
  echo x >context/over2
  mkdir context/three && echo x >context/three/etc
  build 'FROM base\nCOPY three /\n'
  assert_stderr_has "a directory of that name is there"
  build 'FROM base\nCOPY --chown=nobodyatall file /\n'
  assert_stderr_has "Containerfile:2: COPY: /: --chown: the image's /etc/passwd has no such user"
  tar c context/file | xz | head -c 100 >context/a.tar.xz
  build 'FROM base\nADD a.tar.xz /\n'
  assert_stderr_has "a.tar.xz: xz has failed"
  assert_store_sound
}

# --- Attacks --------------------------------------------------------------------------

@test "a link in the context leads nowhere out of it" {
  echo canary >"$BATS_TEST_TMPDIR/canary"
  ln -s "$BATS_TEST_TMPDIR/canary" context/absolute
  ln -s ../canary context/relative
  ln -s .. context/up
  mkdir context/dir && ln -s ../../canary context/dir/nested
  assert_equal canary "$(cat context/absolute)" "The control: by its path it is to be had."
  assert_equal canary "$(cat context/relative)"
  refuses 'FROM base\nCOPY absolute /x\n' 'not in the context (ENOENT)'
  refuses 'FROM base\nCOPY relative /x\n' 'not in the context (ENOENT)'
  refuses 'FROM base\nCOPY up/canary /x\n' 'not in the context (ENOENT)'
  refuses 'FROM base\nADD rel* /x\n' 'is called so'
  builds 'FROM base\nCOPY dir /x\n'
  assert_equal "../../canary" "$(in_image readlink /x/nested)" "A link below is copied as a link."
  ln -s "$BATS_TEST_TMPDIR/canary" context/Containerfile.link
  run_step build -f Containerfile.link context
  assert_stderr_lacks canary
  rm -f context/.dockerignore && ln -s /etc/passwd context/.dockerignore
  builds 'FROM base\nCOPY dir /x\n'
}

@test "a directory of the context that turns into a link while it is copied" {
  local i seen=0 copied=0 victim=$BATS_TEST_TMPDIR/victim
  mkdir "$victim" context/d && echo canary >"$victim/file" && echo own >context/d/file
  ln -s "$victim" context/l
  "${CC:-cc}" -O1 -static -D_GNU_SOURCE -o attacker "$ROOT/tests/attacker.c"
  ./attacker flip context/d context/l &
  for ((i = 0; i < 2000 && seen == 0; i++)); do
    [ "$(cat context/d/file)" != canary ] || seen=1
  done
  printf 'FROM scratch\nCOPY d /x/\nCOPY . /all/\n' >context/Containerfile
  for ((i = 0; i < 40; i++)); do
    # The names may be a link to nowhere in the context when they are looked at: then it is refused.
    "$STEP" build -q --no-cache -t "r$i" context >/dev/null 2>>log || continue
    copied=$((copied + 1))
  done
  kill $!
  wait $! || true
  [ "$seen" -eq 1 ] || fail "The control: whoever opens it by its path reads the host's file."
  [ "$copied" -gt 0 ] || fail "None was built, so nothing is known: $(tail -n 3 log)"
  ! grep -rql canary "$NSCTL_ROOT/layers" || fail "A file from outside of the context is in an image."
  rm -r "$victim"
}

@test "a link in the image leads nowhere out of it: COPY, ADD, WORKDIR, and what RUN is mounted upon" {
  local victim=$BATS_TEST_TMPDIR/victim
  mkdir "$victim" && chmod 777 "$victim"
  echo data >context/file
  mkdir context/dir && echo data >context/dir/file
  tar -C context --owner=0 --group=0 -cf context/a.tar dir
  ln -s "$victim" control && echo data >control/file
  [ -e "$victim/file" ] || fail "The control: through a link of the host it is written to."
  rm "$victim/file"
  builds "FROM base\nRUN ln -s $victim /out; ln -s ../../../../../../../../$victim /up; ln -s /proc/self/root$victim /magic; ln -s $victim/new /dangling\nCOPY file /out/\nCOPY dir /up/\nADD a.tar /out/\nCOPY file /dangling\nWORKDIR /out/w\nRUN echo x >here\nCOPY file /magic/x\n"
  assert_equal "" "$(ls -A "$victim")" "Something has come out of the image."
  assert_equal "$victim/dir $victim/file $victim/new $victim/w" "$(in_image sh -c "echo $victim/*")"
}

@test "/dev, /etc, /proc and /sys of an image that are links to the host's" {
  local victim=$BATS_TEST_TMPDIR/victim name tree
  mkdir "$victim" context/bin context/dir && chmod 777 "$victim"
  cp "$ROOT/build/rootfs/default/bin/busybox" context/bin/sh
  echo data >context/dir/file
  tar -C context --owner=0 --group=0 -cf context/a.tar dir
  for name in dev etc proc sys; do
    rm -rf context/dev context/etc context/proc context/sys
    ln -s "$victim" context/$name
    builds 'FROM scratch\nCOPY . /\n'
    tree=$NSCTL_ROOT/layers/$(layers_of x)/tree
    cp context/dir/file "$tree/$name/"
    [ -e "$victim/file" ] || fail "The control: who writes to the image's /$name by its path writes to the host."
    rm "$victim/file"
    build "FROM scratch\nCOPY . /\nRUN echo ran\n"
    assert_status 125 "What is mounted upon /$name would be elsewhere."
    assert_stderr_has "/$name in the root file system is not a directory (ENOTDIR)"
    builds "FROM scratch\nCOPY . /\nCOPY dir/file /$name/\nCOPY dir /$name/copied/\nADD a.tar /$name/\nWORKDIR /$name/work\nCOPY dir/file .\n"
    assert_equal "" "$(ls -A "$victim")" "The link /$name was followed."
    tree=$NSCTL_ROOT/layers/$(layers_of x | tail -n 1)/tree
    assert_equal data "$(cat "$tree$victim/work/file")" "It leads to a directory of the image's."
  done
}

# Others copy them, too, for root. What it does not open is what a container can do with them.
@test "devices of the context: root copies them, which opens nothing to a container; another user is refused" {
  [ "$(id -u)" -eq 0 ] || skip "needs root, who alone makes devices"
  local words
  mkdir context/dir
  mknod context/dir/kmsg c 1 11 && mknod context/dir/zero c 1 5 && chmod 666 context/dir/*
  : <context/dir/kmsg || fail "The control: who is root here may."
  builds 'FROM base\nCOPY dir /d\nCOPY dir/kmsg /kmsg\n'
  assert_equal "1:b 1:5 1:b" "$(in_image stat -c %t:%T /d/kmsg /d/zero /kmsg | tr '\n' ' ' | sed 's/ $//')"
  for words in '' '--userns host' --privileged; do
    # shellcheck disable=SC2086 # none, or one
    run_step run --rm --net none $words x sh -c ': </dev/zero; for i in /d/zero /d/kmsg; do (: <$i) 2>/dev/null && echo $i; done; true'
    assert_status 0 "$stderr"
    assert_equal "" "$output" "run $words: a device of an image is one."
  done
  mkdir store && chmod a+rwx . && chown "$(as_user id -u)" store
  printf 'FROM scratch\nCOPY dir /d\n' >context/Containerfile
  NSCTL_ROOT=$PWD/store run --separate-stderr as_user "$STEP" build --net none -t x context
  assert_status 125
  assert_stderr_has "kmsg: a device, which only root of the host can make (EPERM)"
}

@test "who is who in an image is asked of the image, wherever its passwd leads" {
  local passwd=$BATS_TEST_TMPDIR/passwd
  echo 'mallory:x:4242:4242::/:/bin/sh' >"$passwd"
  echo data >context/file
  builds "FROM base\nRUN ln -sf $passwd /etc/passwd\n" -t linked
  grep -q mallory "$NSCTL_ROOT/layers/$(layers_of x | tail -n 1)/tree/etc/passwd" || fail "The control: by its path it is the host's."
  build 'FROM linked\nCOPY --chown=mallory file /\n'
  assert_status 125
  assert_stderr_has "Containerfile:2: COPY: /: --chown: the image's /etc/passwd has no such user"
  build 'FROM linked\nUSER mallory\nRUN true\n'
  assert_status 125
  assert_stderr_has "mallory"
  builds "FROM linked\nRUN mkdir -p ${passwd%/*} && echo 'mallory:x:77:77::/:/bin/sh' >$passwd\nCOPY --chown=mallory file /\n"
  assert_equal 77 "$(in_image stat -c %u /file)" "It leads to a file of the image's."
}

@test "archives that mean harm: out of the image by name, link or hard link" {
  local victim=$BATS_TEST_TMPDIR/victim
  mkdir "$victim"
  echo canary >"$victim/canary"
  tool=${IMAGE_TOOL:-$ROOT/build/obj/tests/image/tool}
  [ -n "${IMAGE_TOOL:-}" ] || make -s -C "$ROOT" image-tool
  hostile()
  {
    printf '%b' "$1" | "$tool" write >context/evil.tar
    build 'FROM base\nADD evil.tar /\n'
    assert_equal canary "$(cat "$victim/canary")" "It got out: $1"
    assert_equal canary "$(ls "$victim")"
  }
  mkdir naive
  printf 'symlink\tpath=l\ttarget=%s\nfile\tpath=l/new\tdata=x\n' "$victim" | "$tool" write >context/evil.tar
  "$tool" naive context/evil.tar naive || true
  [ -e "$victim/new" ] || fail "The control: who unpacks as one must not is let out."
  rm "$victim/new"
  hostile "file\tpath=../../../../../../../..$victim/canary\tdata=x\n"
  assert_status 125
  hostile "file\tpath=$victim/canary\tdata=x\n"
  hostile "symlink\tpath=l\ttarget=$victim\nfile\tpath=l/canary\tdata=x\n"
  hostile "hard-link\tpath=h\ttarget=..$victim/canary\nfile\tpath=h\tdata=x\n"
  assert_status 125
  hostile "symlink\tpath=etc\ttarget=$victim\nfile\tpath=etc/canary\tdata=x\n"
  assert_store_sound
}

# A hole costs its maker nothing. Read as zeros it lasts for ever, and written as such it fills the disk.
@test "a hole larger than any layer: refused, of the context and of RUN" {
  truncate -s 100G context/hole
  build 'FROM base\nCOPY . /x/\n'
  assert_status 125
  assert_stderr_has "Containerfile:2: COPY: hole: with it there would be more in the layer than anybody loads (EFBIG)"
  build 'FROM base\nCOPY . /x/\n' --no-cache
  assert_status 125 "Where nothing is known of it either."
  rm context/hole
  build 'FROM base\nRUN dd if=/dev/null of=/hole bs=1M seek=100000\n'
  assert_status 125
  assert_stderr_has "/hole can not be in a layer: with it there would be more in the layer than anybody loads (EFBIG)"
  assert_store_sound
  truncate -s 8G context/hole # together with one more byte it is too much
  echo >context/first
  build 'FROM base\nCOPY first hole /x/\n'
  assert_status 125
  assert_stderr_has "COPY: hole: with it there would be more"
  truncate -s 1G context/hole
  builds 'FROM base\nCOPY hole /\n'
}

@test "directories as deep as a path can be, and deeper: refused, with the reason" {
  python3 - <<'EOF'
import os
os.chdir("context")
for i in range(500):
    os.mkdir("deep-down")
    os.chdir("deep-down")
EOF
  build 'FROM base\nCOPY . /x/\n'
  assert_status 125
  assert_stderr_has "deep-down: ENAMETOOLONG"
  assert_store_sound
}

@test "escape codes in a file's instructions do not reach the terminal" {
  build 'FROM base\nLABEL a="\033[2J"\n'
  assert_stderr_lacks $'\033'
  build 'FROM base\nCOPY \033[2J /\n'
  assert_stderr_lacks $'\033'
}

# --- Faults ---------------------------------------------------------------------------

@test "ten builds of one name at once: each is done, one has the name, nothing dangles" {
  local i pids=()
  for i in 0 1 2 3 4 5 6 7 8 9; do
    mkdir "c$i" && echo "$((i / 2))" >"c$i/file"
    printf 'FROM base\nRUN echo same >/same\nCOPY file /f\nRUN cat /f >/g\n' >"c$i/Containerfile"
    "$STEP" build -q --net none "${userns[@]}" -t x "c$i" >"out$i" 2>"err$i" &
    pids+=($!)
  done
  for i in 0 1 2 3 4 5 6 7 8 9; do
    wait "${pids[$i]}" || fail "Build $i: $(cat "err$i")"
  done
  grep -qx "sha256:$(id_of x)" out? || fail "The name is nobody's."
  in_image cat /g >/dev/null
  assert_store_sound
}

@test "interrupted: in RUN, and between steps; nothing is half made" {
  printf 'FROM base\nRUN echo x >/x\nRUN echo runs; sleep 1000\n' >context/Containerfile
  local signal number
  for signal in INT:130 TERM:143; do
    number=${signal#*:}
    # A shell that starts something in the background has it ignore INT.
    python3 -c 'import os, signal, sys; signal.signal(signal.SIGINT, signal.SIG_DFL); os.execvp(sys.argv[1], sys.argv[1:])' \
      "$STEP" build --net none "${userns[@]}" -t y context 2>log &
    wait_until grep -qx runs log
    kill "-${signal%:*}" $!
    status=0
    wait $! || status=$?
    assert_equal "$number" "$status"
    assert_store_sound
    : >log
  done
  builds 'FROM base\nRUN echo x >/x\n'
  assert_equal 1 "$(grep -c '^CACHED' <<<"$stderr")" "What was done is done."
}

@test "interrupted while files are read: it ends at once" {
  # Nothing to make, seconds to read.
  truncate -s 7G context/hole
  printf 'FROM base\nCOPY hole /\n' >context/Containerfile
  "$STEP" build -t y context 2>log &
  wait_until grep -q 'STEP 2/2' log
  kill -TERM $!
  status=0
  wait $! || status=$?
  assert_equal 143 "$status" "$(<log)"
  grep -q 'Containerfile:2: COPY: hole: interrupted' log || fail "It says so: $(<log)"
  assert_store_sound
}

# bats test_tags=v2
@test "killed in RUN: the container goes with it, and the next build sweeps" {
  printf 'FROM base\nRUN echo runs; sleep 1234\n' >context/Containerfile
  "$STEP" build --net none "${userns[@]}" -t y context 2>log &
  wait_until grep -qx runs log
  kill -KILL $!
  wait $! || true
  wait_until sh -c '! pgrep -f "^sleep 1234"'
  wait_until sh -c "[ -z \"\$($STEP ps -aq)\" ]"
  builds 'FROM base\nRUN true\n'
  assert_store_sound
}

# each_call FUNCTION: calls FUNCTION CALL NUMBER for each call by which a build of a COPY and a WORKDIR
# makes something; it is one process.
each_call()
{
  local names call total number
  names=$(calls_here mkdir,mkdirat,rename,renameat,syncfs,fsync,symlink,unlink,unlinkat,fchown,fchmod,utimensat)
  met=0
  strace_available || requires strace
  echo data >context/file
  printf 'FROM base\nCOPY file /f\nWORKDIR /w\n' >context/Containerfile
  "$STEP" build -q --net none -t y --no-cache context >/dev/null
  strace -o calls -e trace="$names" "$STEP" build -q --net none -t y --no-cache context >/dev/null
  for call in ${names//,/ }; do
    total=$(grep -c "^$call(" calls) || true
    for ((number = 1; number <= total; number++)); do
      "$1" "$call" "$number"
    done
  done
  ((met > 15)) || fail "Only $met calls were met."
}

# What failed does not matter to others: what is there is whole, and can be built upon.
assert_builds_after()
{
  builds 'FROM base\nCOPY file /f\n'
  assert_store_sound
  assert_equal data "$(in_image cat /f)"
  printf 'FROM base\nCOPY file /f\nWORKDIR /w\n' >context/Containerfile
}

after_fault()
{
  echo "at $1 number $2:"
  run --separate-stderr strace -o trace -e trace="$1" -e inject="$1:error=ENOSPC:when=$2" "$STEP" build -q --net none -t y --no-cache context
  grep -q INJECTED trace || return 0 # what is there already decides which calls there are
  met=$((met + 1))
  [ "$status" -eq 0 ] || { assert_status 125 && assert_stderr_has ENOSPC "Why is said."; }
  assert_builds_after
}

@test "a call that fails: 125, the reason, and a store that is whole" {
  each_call after_fault
}

# each_way_to_fail OPTION…: at NSCTL_TEST_POINTS calls (60; "all") of a build with these options, of all kinds, that call
# fails as it is likely to. What costs nothing when it fails is left out: whether somebody has left something half made
# is looked at again by the next build; nor does a look at a directory fail that one has just opened.
each_way_to_fail()
{
  local names=openat,openat2,mkdir,mkdirat,rename,renameat,linkat,symlinkat,symlink,mknodat,unlinkat,fsync,syncfs,flock,write
  local call number error points=${NSCTL_TEST_POINTS:-60} met=0
  names+=,fchown,fchownat,fchmod,fchmodat,read,utimensat,fsetxattr,getdents64,newfstatat,readlinkat,fcntl
  [ "$points" != all ] || points=100000
  strace -y -o list -e trace="$names" "$STEP" build -q -t z --no-cache "$@" context >/dev/null
  awk -v here="$BATS_TEST_TMPDIR" '!/^[a-z0-9_]+\(/ { next }
    { call = substr($0, 1, index($0, "(") - 1); count[call]++ }
    /\/context/ { seen = 1 }
    !seen || / = -1 / || !index($0, here) || /\/layers>/ || /^newfstatat.*\/layers\/(\.[0-9a-f]*[>"]|\.?[0-9a-f]*\/layer.json[>"])/ || /"[^"]*\/layers"/ { next }
    { print call, count[call] }' list >all
  awk '{ c[$1]++; line[$1, c[$1]] = $0 }
    END { for (k in c) for (i = 0; i < c[k]; i++) print i, line[k, (int(c[k] / 2) + i * 7919) % c[k] + 1] }' all |
    sort -n -k 1,1 -s | cut -d ' ' -f 2- | head -n "$points" >some
  while read -r -u 9 call number; do
    # A name is given last of all: who has it is whole, though it may not be on the disk.
    "$STEP" rmi -f z >/dev/null 2>&1
    "$STEP" image prune -f >/dev/null
    case $call in
      openat | fcntl) error=EMFILE ;; openat2 | newfstatat | unlinkat) error=EACCES ;; linkat) error=EMLINK ;; flock) error=ENOLCK ;;
      fchown* | fchmod* | mknodat) error=EPERM ;; read | readlinkat | getdents64 | fsync | syncfs) error=EIO ;; *) error=ENOSPC ;;
    esac
    run --separate-stderr strace --quiet=all -y -o trace -e trace="$call" -e inject="$call:error=$error:when=$number" \
      "$STEP" build -q -t z --no-cache "$@" context
    grep -q INJECTED trace || continue
    echo "at $call number $number of build $*: $(grep INJECTED trace | head -n 1)"
    met=$((met + 1))
    # That a step is not remembered need be no reason to have made nothing.
    [ "$call:$status" = symlink:0 ] || assert_status 125 "It has failed, and nobody has noticed."
    assert_stderr_has "$error" "Why is said."
    [ "$call" = unlinkat ] || assert_store_sound
  done 9<some
  [ "$met" -gt 40 ] || fail "Only $met calls were met."
  assert_builds_after
}

@test "whatever call of COPY, ADD and --squash fails: the reason is said, and nothing half is left" {
  requires root strace # a user's is done by a child
  mkdir -p context/dir/sub
  echo 1 >context/dir/file && ln context/dir/file context/dir/other && ln -s file context/dir/link && echo 2 >context/dir/sub/file
  tar -C context --owner=0 --group=0 -cf context/a.tar dir
  echo data >context/file
  printf 'FROM base\nCOPY file dir /d/\nADD a.tar /d/a/\nCOPY dir /d/sub\nWORKDIR /d/w\n' >context/Containerfile
  each_way_to_fail
  printf 'FROM base\nCOPY dir /d\nADD a.tar /d/dir\nCOPY dir /d/dir/sub\nWORKDIR /etc/w\n' >context/Containerfile
  each_way_to_fail --squash
}

@test "an image that can not be read is not built upon, nor copied from" {
  make_image other
  printf '{' >"$(metadata_of base)"
  build 'FROM base\nENV A=1\n'
  assert_status 125
  assert_stderr_has "base:latest is corrupt: "
  assert_stderr_has "Containerfile:1: FROM base: that image can not be used"
  build 'FROM other\nCOPY --from=base /etc /e\n'
  assert_status 125
  assert_stderr_has "Containerfile:2: COPY --from=base: that image can not be used"
  build 'FROM other\nCOPY text /t\n' && rm -r "$NSCTL_ROOT/layers/$(layers_of other)"
  build 'FROM other\nENV A=1\n'
  assert_status 125
  assert_stderr_has "one of its layers is gone"
}

after_kill()
{
  echo "at $1 number $2:"
  run strace -o trace -e trace="$1" -e inject="$1:signal=KILL:when=$2" "$STEP" build -q --net none -t y --no-cache context
  grep -q SIGKILL trace || return 0
  met=$((met + 1))
  assert_builds_after
}

@test "killed at any call: the next build sweeps, and the store is whole" {
  each_call after_kill
}

@test "a full disk: ENOSPC, nothing half made, and the image that was there is of use" {
  requires root
  mkdir small
  mount -t tmpfs -o size=8m none small
  NSCTL_ROOT=$PWD/small/root
  "$STEP" import "$BASE" base >/dev/null
  head -c 9000000 /dev/urandom >context/large
  builds 'FROM base\nENV A=1\n'
  build 'FROM base\nCOPY large /\n'
  assert_status 125
  assert_stderr_has "Containerfile:2: COPY: large: ENOSPC"
  assert_store_sound
  build 'FROM base\nRUN head -c 9000000 /dev/zero | tr "\\0" x >/large\n'
  assert_status 1
  assert_store_sound
  assert_equal of-use "$(in_image echo of-use)"
  umount small
}

@test "where what RUN writes can not be kept, that is said, with what helps" {
  requires root
  mkdir place
  mount -t ramfs none place # whose files can have no other owners
  NSCTL_ROOT=$PWD/place/root
  "$STEP" import "$BASE" base >/dev/null
  userns=()
  build 'FROM base\nRUN echo x >/x\n'
  assert_status 125
  assert_stderr_has "takes an overlay"
  assert_stderr_has "for root there is --userns host"
  assert_stderr_has "Containerfile:2: RUN echo x >/x"
  assert_store_sound
  userns=(--userns host)
  builds 'FROM base\nRUN echo x >/x\n'
  umount place
}

# --- An ordinary user ------------------------------------------------------------------

# user_build TEXT: in a store of the user's.
user_build()
{
  chmod 755 . "$BATS_RUN_TMPDIR" "$BATS_FILE_TMPDIR" context
  [ -d user ] || mkdir -m 777 user
  export NSCTL_ROOT=$PWD/user/root
  printf '%b' "$1" >context/Containerfile
  chmod -R a+rX context
  [ -d "$NSCTL_ROOT" ] || as_user "$STEP" import "$BASE" base >/dev/null
  run --separate-stderr as_user "$STEP" build --net none -t x context
  assert_status 0 "$stderr"
}

# bats test_tags=v2
@test "an ordinary user builds, too" {
  requires unprivileged
  needs_users_overlay
  echo data >context/file
  local text='FROM base\nRUN echo "$(id -u)" >/who\nCOPY file /f\nWORKDIR /w\nRUN cat /f /who >all\nCMD ["cat", "all"]\n'
  user_build "$text"
  assert_equal $'data\n0' "$(as_user "$STEP" run --rm --net none x)"
  user_build "$text"
  assert_equal 4 "$(grep -c '^CACHED' <<<"$stderr")"
  assert_equal "" "$(find "$NSCTL_ROOT/layers" -mindepth 1 -maxdepth 1 -name '.*')"
}

# bats test_tags=v2
@test "an ordinary user with a range of ids: the image's owners are as they should be" {
  requires unprivileged subids
  needs_users_overlay
  echo data >context/file
  user_build 'FROM base\nRUN mkdir -m 700 /closed && touch /closed/x && chown -R 7:8 /closed\nUSER 5:6\nWORKDIR /w\nCOPY --chown=7:8 --chmod=600 file /closed/f\nRUN touch mine\nFROM base\nCOPY --from=0 /closed /w/ /c/\n'
  assert_equal '5:6 7:8 7:8' "$(as_user "$STEP" run --rm --net none x stat -c %u:%g /c/mine /c/f /c/x | tr '\n' ' ' | sed 's/ $//')"
  user_build 'FROM base\nRUN mkdir -m 700 /closed && touch /closed/x && chown -R 7:8 /closed\nUSER 5:6\nWORKDIR /w\nCOPY --chown=7:8 --chmod=600 file /closed/f\nRUN touch mine\nFROM base\nCOPY --from=0 /closed /w/ /c/\n'
  assert_equal 5 "$(grep -c '^CACHED' <<<"$stderr")"
}
