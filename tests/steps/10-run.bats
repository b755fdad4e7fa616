#!/usr/bin/env bats
# shellcheck disable=SC2016 # $ is for the container's shell
# shellcheck disable=SC2030,SC2031 # each test is a process of its own
# shellcheck disable=SC2154 # status, output and stderr are set by bats' run
#
# Step 10: a container of an image is as the image says, but for what was asked for.
# How often a race is run: NSCTL_TEST_ROUNDS.

load ../helpers
load ../containers
load ../images

rounds=${NSCTL_TEST_ROUNDS:-12}

setup()
{
  begin_store
  [ -e "$BATS_FILE_TMPDIR/root.tar" ] || pack_rootfs "$BATS_FILE_TMPDIR/root.tar"
}

teardown()
{
  local ended=0
  end_images || ended=$?
  [ -z "${profile:-}" ] || apparmor_parser --remove <<<"profile $profile {}" || ended=$?
  return "$ended"
}

# make_image NAME INSTRUCTION…: of the default root file system, with these settings.
make_image()
{
  local name=$1 changes=()
  shift
  while [ $# -gt 0 ]; do changes+=(-c "$1") && shift; done
  run_step import "${changes[@]}" "$BATS_FILE_TMPDIR/root.tar" "$name"
  assert_status 0
  image_id=${output#sha256:}
}

run_image() { run_step run --rm --net none "$@"; }

# --- What is run ----------------------------------------------------------------------

@test "the entrypoint gets the words, or where there are none the image's command" {
  make_image both 'ENTRYPOINT ["/bin/echo", "first"]' 'CMD ["second"]'
  run_image both
  assert_equal "first second" "$output"
  run_image both third fourth
  assert_equal "first third fourth" "$output"
  run_image both -x --rm
  assert_equal "first -x --rm" "$output" "What stands behind the image is the container's, whatever it looks like."
}

@test "what others write of sizes, volumes and hosts means here what it does there" {
  make_image small 'CMD ["/bin/true"]'
  mkdir data && chmod 777 data
  echo theirs >data/file
  local how
  for how in "-v $PWD/data:/x:z" "-v $PWD/data:/x:rw,Z" "--mount type=bind,source=$PWD/data,target=/x" \
    "--mount type=bind,src=data,dst=/x,readonly=false"; do
    # shellcheck disable=SC2086 # words each
    run_image $how small sh -c 'cat /x/file && : >/x/new'
    assert_status 0 "$how: $stderr"
    assert_equal theirs "$output"
    rm data/new
  done
  for how in "-v $PWD/data:/x:ro,z" "--mount type=bind,source=$PWD/data,target=/x,readonly" \
    "--mount type=bind,source=$PWD/data,destination=/x,ro=true"; do
    # shellcheck disable=SC2086
    run_image $how small sh -c 'cat /x/file && : >/x/new'
    assert_equal theirs "$output"
    [ ! -e data/new ] || fail "$how must be read-only."
  done
  run_image --mount type=tmpfs,target=/x,tmpfs-size=1MiB,tmpfs-mode=700 --tmpfs /y:rw,noexec,nosuid,size=2048k small \
    sh -c 'df -k /x /y | tail -n 2 | awk "{ print \$2 }"; stat -c %a /x'
  assert_equal $'1024\n2048\n700' "$output"
  run_image --add-host db:10.90.0.2 --add-host six:fd00::2 --add-host equals=10.90.0.3 small cat /etc/hosts
  assert_output_has $'10.90.0.2\tdb'
  assert_output_has $'10.90.0.3\tequals'
  assert_output_has $'fd00::2\tsix'
}

@test "a size as others write it is a limit as others mean it" {
  requires cgroup-write memory
  make_image small 'CMD ["/bin/true"]'
  run_step run -d --name sized --net none -m 96MB small sleep 100
  run_step inspect sized
  assert_output_has '"Memory": 100663296'
}

@test "a mount that can not be is refused before anything is made" {
  local word
  make_image small 'CMD ["/bin/true"]'
  for word in type=bind type=bind,target=/x type=bind,source=/etc type=tmpfs type=volume,source=a,target=/x source=/etc,target=/x \
    type=bind,source=/etc,target=/x,target=/y type=bind,source=/etc,target=x type=bind,source=/none,target=/x type=bind,source=,target=/x \
    type=tmpfs,source=/etc,target=/x type=tmpfs,target=/x,readonly type=tmpfs,target=/x,tmpfs-size= type=bind,source=/etc,target=/x,ro=perhaps \
    type=bind,source=/etc,target=/x,tmpfs-size=1m type=bind,source=/etc,target=/x,tmpfs-mode=700 x "" ",,"; do
    run_image --mount "$word" small
    assert_status 125 "--mount $word must be refused."
    assert_stderr_has "--mount: \"$word\": "
  done
  # To -v and --tmpfs, which it is in other words, a colon would be the next part.
  for word in type=bind,source=/etc,target=/x:ro type=bind,source=/etc:/x,target=/ro type=tmpfs,target=/x:size=1m; do
    run_image --mount "$word" small
    assert_status 125
    assert_stderr_has "--mount: \"$word\": expected no colon in a path"
  done
  run_image --mount type=volume,source=a,target=/x small
  assert_stderr_has "volumes have no names; mkdir makes one"
  for word in db db: :1.1.1.1 db:1.1.1 'a b:1.1.1.1' db:host-gateway; do
    run_image --add-host "$word" small
    assert_status 125
    assert_stderr_has "--add-host: \"$word\": expected NAME:ADDRESS"
  done
  word=$(printf 'x%.0s' {1..256})
  run_image --add-host "$word:1.1.1.1" small
  assert_status 125
  local many=()
  while [ "${#many[@]}" -lt 60 ]; do many+=(--add-host "${word:0:200}:10.90.0.1"); done
  run_image "${many[@]}" small
  assert_status 125
  assert_stderr_has ": expected 4 KiB of them at most"
  run_step ps -aq
  assert_equal "" "$output"
}

@test "--entrypoint holds against the image's, and takes its command away" {
  make_image both 'ENTRYPOINT ["/bin/echo", "first"]' 'CMD ["second"]'
  run_image --entrypoint /bin/printf both '%s\n' third
  assert_equal third "$output"
  run_image --entrypoint /bin/echo both
  assert_equal "" "$output"
  run_image --entrypoint "" both /bin/echo alone
  assert_equal alone "$output"
  run_image --entrypoint "" both
  assert_status 125 "Nothing is left that could be run."
  # Of a directory, too, which has none of its own.
  run_image --entrypoint /bin/echo "$rootfs" words
  assert_equal words "$output"
}

@test "a command in the shell's form is a shell's; one alone is replaced whole" {
  make_image shell 'CMD echo $HOME'
  run_image shell
  assert_equal /root "$output"
  run_image shell /bin/echo other
  assert_equal other "$output"
}

@test "an image that says no command needs one" {
  make_image plain
  run_image plain
  assert_status 125
  assert_stderr_has "does not say which command to run"
  assert_stderr_has "run plain:latest /bin/sh"
  run_image plain /bin/echo this
  assert_equal this "$output"
  run_image plain nosuch
  assert_status 127
  run_image plain /etc
  assert_status 126
}

# --- How it is run --------------------------------------------------------------------

@test "variables: the image's hold against our defaults, a file's against them, -e against all" {
  make_image vars 'ENV PATH=/image:/bin HOME=/home/image A=image B=image C=image EMPTY= EQUALS=a=b'
  printf 'B=file\nC=file\n' >variables
  run_image -e C=typed --env-file variables vars /bin/sh -c 'echo $PATH $HOME $A $B $C "<$EMPTY>" $EQUALS'
  assert_equal "/image:/bin /home/image image file typed <> a=b" "$output"
  make_image none
  run_image none /bin/sh -c 'echo $PATH'
  assert_equal /usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin "$output"
  # One more command has them, too.
  run_step run -d --name web --net none -u 7 vars /bin/sleep 1000
  run_step exec web /bin/sh -c 'echo $A $HOME'
  assert_equal "image /home/image" "$output"
  run_step exec -e A=exec web /bin/sh -c 'echo $A'
  assert_equal exec "$output"
}

@test "the directory: the image's, made where it is missing; -w holds against it" {
  make_image directory 'WORKDIR /srv/web'
  run_image directory /bin/pwd
  assert_equal /srv/web "$output"
  run_image -w /etc directory /bin/pwd
  assert_equal /etc "$output"
  run_step run -d --name web --net none directory /bin/sleep 1000
  run_step exec web /bin/pwd
  assert_equal /srv/web "$output"
}

@test "the user: the image's, by number and name; -u holds against it" {
  requires root
  make_image number 'USER 7:8'
  run_image number /bin/sh -c 'id -u; id -g'
  assert_equal $'7\n8' "$output"
  run_image -u 9 number id -u
  assert_equal 9 "$output"
  mkdir -p tree/etc
  echo 'web:x:33:34::/srv:/bin/sh' >tree/etc/passwd
  cp "$BATS_FILE_TMPDIR/root.tar" named.tar
  tar -rf named.tar -C tree ./etc/passwd
  run_step import -c 'USER web' named.tar named
  assert_status 0
  run_image named /bin/sh -c 'id -u; id -g; echo $HOME'
  assert_equal $'33\n34\n/srv' "$output"
  run_step run -d --name web --net none named /bin/sleep 1000
  run_step exec web id -u
  assert_equal 33 "$output"
  run_step import -c 'USER nosuch' named.tar nosuch
  run_image nosuch true
  assert_status 125
  assert_stderr_has nosuch
}

@test "the signal that stop sends: the image's, unless another was asked for" {
  local says='trap "echo usr1; exit" USR1; trap "echo term; exit" TERM; echo ready; while :; do sleep 0.1; done'
  make_image signal 'STOPSIGNAL SIGUSR1'
  says_ready() { "$STEP" -q logs "$1" | grep -q ready; }
  run_step run -d --name one --net none signal /bin/sh -c "$says"
  run_step run -d --name two --net none --stop-signal TERM signal /bin/sh -c "$says"
  wait_until says_ready one
  wait_until says_ready two
  run_step stop one two
  assert_status 0
  run_step logs one
  assert_equal $'ready\nusr1' "$output"
  run_step logs two
  assert_equal $'ready\nterm' "$output"
}

@test "-P publishes the ports that the image names; without an image it is refused" {
  requires root
  make_image ports 'EXPOSE 80 53/udp'
  run_step run -d --name web -P ports /bin/sleep 1000
  assert_status 0
  run_step ps --json
  assert_output_matches '"0\.0\.0\.0:[1-9][0-9]*->80/tcp"'
  assert_output_matches '"0\.0\.0\.0:[1-9][0-9]*->53/udp"'
  run_step run --rm -d --name quiet ports /bin/sleep 1000
  run_step inspect quiet
  assert_output_lacks "80/tcp" "What an image names is not published by itself."
  run_image -P "$rootfs" true
  assert_status 125
  assert_stderr_has "-P: only an image says which ports are meant"
}

@test "a volume of the image's: what is written there is the container's, unless -v puts something there" {
  make_image volume 'VOLUME /data /deep/er'
  run --separate-stderr -- "$STEP" run --name one --net none volume /bin/sh -c 'echo kept >/data/file && [ -d /deep/er ]'
  assert_status 0 "The image's volumes are directories, though nobody has made them: $stderr"
  assert_stderr_has "the image has a volume /data"
  run_step diff one
  assert_output_has "A /data/file"
  run_step inspect one
  assert_equal '["/data", "/deep/er"]' "$(python3 -c 'import json, sys; print(json.dumps(list(json.load(sys.stdin)[0]["Config"]["Volumes"])))' <<<"$output")"
  run_step commit one two
  run_image two cat /data/file
  assert_equal kept "$output" "Unlike others' volumes: it goes into the image, too."
  mkdir data
  chmod 777 data
  run_image -v "$PWD/data:/data" volume /bin/sh -c 'echo out >/data/file'
  assert_equal out "$(cat data/file)"
  make_image below 'VOLUME /data/below'
  run_image -v "$PWD/data:/data" below /bin/true
  assert_equal file "$(ls -A data)" "An image's volumes are made in the container, and not where -v leads to."
  # Nothing that the image says leads out of it, or keeps it from being run.
  mkdir "$BATS_TEST_TMPDIR/canary"
  make_image links "VOLUME /proc/self/root$BATS_TEST_TMPDIR/canary/x /etc/passwd/x ../../x /proc/1/nothing"
  run_image links /bin/echo runs
  assert_status 0
  assert_equal runs "$output"
  assert_equal "" "$(ls -A "$BATS_TEST_TMPDIR/canary")"
}

# --- Which of them, and where -----------------------------------------------------------

@test "ps --filter, -n, -l: those only that were asked for" {
  local name how expected
  make_image one
  make_image two 'ENV NOT=one'
  for name in first:one:0 second:two:3 third:one:0; do
    run_step run --name "${name%%:*}" --net none "$(cut -d : -f 2 <<<"$name")" sh -c "exit ${name##*:}"
  done
  run_step run -d --name up --net none two sleep 100
  local up=$output image
  image=$(id_of one)
  while IFS='|' read -r how expected; do
    how=${how/UP/$up} how=${how/FEW/${up:0:5}} how=${how/SHORT/${image:0:12}} how=${how/TOO/${image:0:11}}
    # shellcheck disable=SC2086 # words each
    run_step ps $how --json
    assert_status 0
    assert_equal "$expected" "$(python3 -c 'import json, sys; print(" ".join(c["Names"][0] for c in json.load(sys.stdin)))' <<<"$output")" "ps $how"
  done <<'END'
-f status=exited|third second first
--filter status=running|up
--filter=exited=3|second
-f exited=3 -f exited=0|third second first
-f exited=33|
-f status=exited -f name=ir|third first
-f name=second|
-a -f name=second|second
-a -f ancestor=one|third first
-a --filter ancestor=two:latest -f status=running|up
-a -f ancestor=on|
-a -f ancestor=SHORT|third first
-a -f ancestor=TOO|
-a -f id=UP|up
-a -f id=FEW|up
-n 2|up third
--last 1|up
-l|up
-l -f status=exited|third
END
  run_step ps -aq -f exited=3
  run_step rm "$output"
  assert_status 0
  for how in status=dead status= name= exited=x exited=256 label=x label=a=b x ''; do
    run_step ps -f "$how"
    assert_status 125 "-f \"$how\" must be refused."
    assert_stderr_has "-f: \"$how\": expected "
  done
  run_step ps -n 0
  assert_status 125
  local many=()
  while [ "${#many[@]}" -lt 66 ]; do many+=(-f name=x); done
  run_step ps "${many[@]}"
  assert_status 125
  assert_stderr_has "-f: \"name=x\": expected 32 of them at most"
}

@test "inspect --format: some of what is known, in a text of one's own" {
  make_image one 'ENV A="x y"' 'CMD ["/bin/true"]' 'VOLUME /data'
  run_step run -d --name web --net none --pids-limit -1 one sleep 100
  local id=$output how expected
  while IFS='|' read -r how expected; do
    run_step inspect --format "$how" web
    assert_status 0 "$how: $stderr"
    assert_equal "${expected//ID/$id}" "$output" "--format $how"
  done <<'END'
{{.Id}}|ID
{{ .Name }} is {{.State.Status}}.|web is running.
{{.State.Running}} {{.State.ExitCode}} {{.HostConfig.PidsLimit}}|true null -1
{{json .Name}}: {{json .Config.Cmd}}{{.Config.Volumes}}|"web": ["sleep","100"]{"/data":{}}
{{.Name}}{{.State.Status}}, {{.Name}}|webrunning, web
nothing of it|nothing of it
{ {.Id}} }}|{ {.Id}} }}
END
  run_step inspect -f '{{.Name}}' web web
  assert_equal $'web\nweb' "$output"
  run_step inspect -f '{{.Config.Cmd}}{{.Architecture}}' one
  assert_output_has '["/bin/true"]'
  run_step image inspect -f '{{json .Config.Volumes}}' one
  assert_equal '{"/data":{}}' "$output"
  run_step container inspect -f '{{.}}' web
  assert_equal "$id" "$(python3 -c 'import json, sys; print(json.load(sys.stdin)["Id"])' <<<"$output")"
  run_step inspect -f '{{.State.Pit}}' web
  assert_status 1
  assert_stderr_has "--format: there is no .State.Pit"
  assert_stderr_has "there is: Status Running"
  run_step inspect -f '{{.Name}}' web nosuch
  assert_status 1
  assert_equal web "$output"
  how=$(printf 'x%.0s' {1..200})
  run_step inspect -f "{{.$how}}" web
  assert_status 1
  assert_stderr_has "--format: there is no .xxx"
  for how in '' '{{' '{{.Name}}{{' '{{}}' '{{Name}}' '{{.Name}' '{{range .Mounts}}x{{end}}' '{{json}}' '{{.Name | len}}'; do
    run_step inspect -f "$how" web
    assert_status 125 "--format \"$how\" must be refused."
    assert_stderr_has "-f: \"$how\": expected a text with"
  done
  # What an image says is not for the terminal to obey.
  make_image evil $'LABEL a="x\033[31my"'
  run_step image inspect -f '{{.Config.Labels.a}}' evil
  assert_equal 'x?[31my' "$output"
  # More names than a line holds.
  local labels=()
  while [ "${#labels[@]}" -lt 100 ]; do labels+=("a-label-of-some-length-${#labels[@]}=x"); done
  make_image many "LABEL ${labels[*]}"
  run_step image inspect -f '{{.Config.Labels.a}}' many
  assert_status 1
  assert_stderr_has "there is: a-label-of-some-length-0 a-label-of-some-length-1"
}

@test "port: where on the host a port of a container is" {
  local port
  if [ "$(id -u)" -ne 0 ]; then requires slirp; fi
  make_image one
  port=$((20000 + RANDOM % 10000))
  run_step run -d --name web -p "127.0.0.1:$port:80" -p "$port:53/udp" one sleep 100
  assert_status 0
  run_step port web
  assert_equal "80/tcp -> 127.0.0.1:$port
53/udp -> 0.0.0.0:$port" "$output"
  run_step container port web 80
  assert_equal "127.0.0.1:$port" "$output"
  run_step port web 53/udp
  assert_equal "0.0.0.0:$port" "$output"
  run_step port web 53
  assert_status 1
  assert_stderr_has "web: no port of the host leads to 53/tcp"
  local word
  for word in http 0 65536 65589 53/sctp 53udp 53/udp/udp; do
    run_step port web "$word"
    assert_status 125 "port web $word must be refused."
    assert_stderr_has "\"$word\": expected a port, such as 80 or 53/udp"
  done
  run_step kill web
  run_step wait web
  run_step port web
  assert_status 1
  assert_stderr_has "web is not running"
  run_step port nosuch
  assert_status 1
}

# --- Which image -----------------------------------------------------------------------

@test "one that is not there: how to get it, or what was meant; nothing is made" {
  run_image hello
  assert_status 125
  assert_stderr_has "no such image: hello"
  assert_stderr_has "load"
  assert_stderr_has "import"
  ! grep -q directory <<<"$stderr" || fail "A name without a slash is no path."
  run_image some/where
  assert_stderr_has "no such image: some/where"
  assert_stderr_has "nor is there a directory some/where"
  [ ! -e "$NSCTL_ROOT" ] || fail "To look for an image is not to make a store."
  make_image hello 'CMD ["/bin/true"]'
  run_image helo
  assert_status 125
  assert_stderr_has "did you mean hello?"
  run_image hello:1.0
  assert_status 125
  run_image "Hello World"
  assert_status 125
  run_step ps -aq
  assert_equal "" "$output" "What was refused has left a container."
}

@test "words: /x is a program or a directory, ./x a directory; else an image, else a directory" {
  requires root
  make_image web 'CMD ["/bin/echo", "of the image"]'
  cp -a "$rootfs" web
  cp -a "$rootfs" plain
  touch web/of-the-directory plain/of-the-directory
  run_image web
  assert_equal "of the image" "$output"
  run_image ./web ls /of-the-directory
  assert_status 0
  run_image "$PWD/web" ls /of-the-directory
  assert_status 0
  run_image plain ls /of-the-directory
  assert_status 0 "There is no image of that name, so it is the directory."
  run_image /bin/sh -c 'echo of the host'
  assert_equal "of the host" "$output"
  run_image ./nosuch
  assert_status 125
  assert_stderr_has "./nosuch: neither a directory, nor"
  assert_stderr_has "image ls"
  run_step run -d
  assert_status 125 "What is to be run?"
  assert_stderr_has "IMAGE|DIR|/PROGRAM"
}

@test "by name, tag, id, its beginning and digest" {
  local word
  make_image team/web:1.2 'CMD ["/bin/echo", "it"]'
  for word in team/web:1.2 "$image_id" "${image_id:0:12}" "team/web:1.2@sha256:$image_id"; do
    run_image "$word"
    assert_equal it "$output" "$word"
  done
  run_image team/web
  assert_status 125 "latest is another tag."
}

# --- What is known of it -----------------------------------------------------------------

@test "ps and inspect show the image, also as JSON, and when it has lost its name" {
  make_image web 'CMD ["/bin/sleep", "1000"]'
  run_step run -d --name one --net none web
  assert_status 0
  check()
  {
    run_step ps
    assert_output_matches ' web:latest +/bin/sleep 1000 '
    run_step ps --json
    assert_output_has '"Image": "web:latest"'
    assert_output_has "\"ImageID\": \"$image_id\""
    assert_equal web:latest "$(field one Image)"
    assert_equal "$image_id" "$(field one ImageID)"
  }
  check
  run_step image rm web
  assert_status 1 "It is in use."
  run_step image rm -f web
  assert_status 0
  run_step image prune -af
  check
}

@test "a container goes on when its image has lost its name: exec, cp, diff, stopped too" {
  make_image web 'CMD ["/bin/sleep", "1000"]'
  run_step run -d --name one --net none web
  run_step image rm -f web
  run_step image prune -af
  assert_status 0
  run_step exec one /bin/sh -c 'echo inside >/file; rm /etc/passwd; ls /bin/sh'
  assert_equal /bin/sh "$output" "The layers must be there as long as somebody runs on them."
  run_step diff one
  assert_output_has "A /file"
  assert_output_has "D /etc/passwd"
  run_step stop -t 0 one
  run_step image prune -af
  run_step cp one:/file copy
  assert_equal inside "$(cat copy)"
  run_step cp one:/etc/group group
  assert_status 0 "Also what only a layer of the image has."
  run_step diff one
  assert_output_has "A /file"
  run_step rm one
  run_step image prune -af
  assert_equal "" "$(ls "$NSCTL_ROOT/layers")" "Now nobody needs them any more."
}

@test "what one writes is seen neither by another of the same image, nor in its layers" {
  make_image web
  run_step run -d --name one --net none web /bin/sh -c 'echo mine >/file; rm -r /etc; sleep 1000'
  run_step run -d --name two --net none web /bin/sleep 1000
  has_written() { "$STEP" -q exec one /bin/ls /file; }
  wait_until has_written
  run_step exec two /bin/sh -c 'ls -d /etc /file'
  assert_equal /etc "$output"
  [ -z "$(find "$NSCTL_ROOT/layers" -name file)" ] || fail "A layer was written to."
  ls -d "$NSCTL_ROOT"/layers/*/tree/etc || fail "A layer has lost something."
}

@test "an ordinary user's container of an image" {
  local root=$BATS_TEST_TMPDIR/users
  requires userns
  chmod a+rx "$BATS_TEST_TMPDIR" "$BATS_FILE_TMPDIR"
  chmod a+r "$BATS_FILE_TMPDIR/root.tar"
  mkdir -m 1777 "$root"
  run_as user -q --root "$root/store" import -c 'WORKDIR /srv' -c 'ENV A=image' "$BATS_FILE_TMPDIR/root.tar" web
  assert_status 0
  run_as user -q --root "$root/store" run --rm --net none web /bin/sh -c 'id -u; pwd; echo $A; ls -lnd /etc | cut -d" " -f1; touch /etc/new && echo new'
  assert_equal $'0\n/srv\nimage\ndrwxr-xr-x\nnew' "$output"
  as_user "$STEP" -q --root "$root/store" image rm web >/dev/null
  as_user "$STEP" -q --root "$root/store" image prune -af >/dev/null
  assert_equal "" "$(ls "$root/store/layers")"
}

# bats test_tags=v2
@test "what root and an ordinary user do with a container of an image: exec, cp, diff, commit, run that" {
  local who root=$BATS_TEST_TMPDIR/stores
  chmod a+rx "$BATS_TEST_TMPDIR" "$BATS_FILE_TMPDIR"
  chmod a+r "$BATS_FILE_TMPDIR/root.tar"
  mkdir -m 1777 "$root"
  for who in root user; do
    [ "$who" = user ] || [ "$(id -u)" -eq 0 ] || continue
    needs_kept "$who"
    in_store() { run_as "$who" -q --root "$root/$who" "$@"; }
    in_store import -c 'ENV A=first' "$BATS_FILE_TMPDIR/root.tar" web
    assert_status 0
    in_store run -d --name one --net none web /bin/sleep 1000
    assert_status 0
    in_store exec one /bin/sh -c 'echo inside >/file; rm -f /etc/group'
    in_store cp one:/file "$root/$who-copy"
    assert_equal inside "$(cat "$root/$who-copy")"
    in_store diff one
    assert_output_has "A /file"
    assert_output_has "D /etc/group"
    in_store commit -c 'CMD ["/bin/sh", "-c", "cat /file; echo $A; ls /etc/group"]' one two
    assert_status 0
    in_store rm -f one
    in_store run --rm --net none two
    assert_equal $'inside\nfirst' "$output" "As $who: what was written is in the new image, what was removed is not."
    in_store image rm -f web two
    in_store image prune -af
    assert_equal "" "$(ls "$root/$who/layers")"
  done
}

# --- What is damaged, or goes wrong ---------------------------------------------------------

@test "a layer that is gone, settings that can not be: said before anything is made" {
  make_image web 'CMD ["/bin/true"]'
  local layer text
  layer=$(echo "$NSCTL_ROOT"/layers/*)
  mv "$layer" aside
  run_image web
  assert_status 125
  assert_stderr_has "one of its layers is gone"
  mv aside "$layer"
  run_image web
  assert_status 0
  text=$NSCTL_ROOT/images/web/latest/metadata.json
  truncate -s 100 "$text"
  run_image web
  assert_status 125
  assert_stderr_has "web:latest is corrupt"
  run_step ps -aq
  assert_equal "" "$output"
}

@test "the lock that keeps the layers is neither the container's nor, while it runs, the monitor's" {
  make_image web 'CMD ["/bin/sleep", "1000"]'
  local monitor pid which
  "$STEP" -q run --name front --net none web &
  run_step run -d --name back --net none web
  is_running() { [ "$(field "$1" Pid)" -gt 0 ]; }
  open_files() { find "/proc/$1/fd" -mindepth 1 -printf '%l\n'; }
  wait_until is_running front
  for which in front back; do
    monitor=$(field "$which" MonitorPid) pid=$(field "$which" Pid)
    [ "$monitor" -gt 0 ] && [ "$pid" -gt 0 ] || fail "There must be something to look at."
    open_files "$monitor" | grep -q "$NSCTL_ROOT/containers" || fail "The control: the monitor has its record open."
    ! { open_files "$monitor"; open_files "$pid"; } | grep "$NSCTL_ROOT/layers" || fail "Something of the layers is open."
  done
  "$STEP" -q rm -f front back >/dev/null
  wait
}

@test "an image that says it is for another machine: that is said, and it is run" {
  make_image web 'CMD ["/bin/echo", "ran"]'
  sed -i 's/"architecture": *"[a-z0-9]*"/"architecture":"s390x"/' "$(metadata_of web)"
  run --separate-stderr -- "$STEP" run --rm --net none web
  assert_equal ran "$output"
  assert_stderr_has "warning: the image is for s390x, and this machine is $(image_machine)"
  cp "$rootfs/bin/sh" foreign
  printf '\026' | dd of=foreign bs=1 seek=18 conv=notrunc status=none # e_machine: EM_S390
  run_step run --rm --net none -v "$PWD/foreign:/foreign" web /foreign
  assert_status 126
  assert_stderr_has "it is built for s390x, this machine is $(uname -m)"
}

@test "whoever starts it in the background is killed, and the image removed: the layers are kept all the same" {
  requires strace
  make_image web 'CMD ["/bin/sleep", "1000"]'
  # The monitor waits before it has written the record: meanwhile only a lock keeps the layers.
  mkdir=$(calls_here mkdir)
  strace -f -q -o list -e trace="$mkdir,clone3" -e inject="$mkdir:delay_enter=3000000:when=1" "$STEP" -q run -d --net none --name one web >/dev/null 2>&1 &
  has_detached() { [ "$(grep -c '^[0-9]* *clone3(' list)" -ge 2 ]; }
  wait_until has_detached
  kill -KILL "$(awk 'NR == 1 { print $1 }' list)"
  run_step image rm -f web
  assert_status 0
  run_step image prune -af
  is_running() { [ "$(field one Running)" = true ]; }
  wait_until is_running
  run_step exec one /bin/ls /bin/sh /etc/passwd
  assert_status 0 "The layers are gone from below it."
  "$STEP" -q rm -f one >/dev/null
  wait
}

# --- Many at once ----------------------------------------------------------------------------

@test "a hundred of one image at once" {
  local i
  make_image web 'CMD ["/bin/sleep", "1000"]'
  for i in {1..100}; do "$STEP" -q run -d --net none web >"out.$i" 2>"err.$i" & done
  wait
  assert_equal "" "$(cat err.*)"
  assert_equal 100 "$("$STEP" -q ps -q | wc -l)"
  assert_equal 1 "$(find "$NSCTL_ROOT/layers" -mindepth 1 -maxdepth 1 | wc -l)" "All have the one layer."
  cut -c 1-12 out.* | xargs -P 8 -n 5 "$STEP" -q rm -f >removed
  assert_equal 100 "$(wc -l <removed)"
}

@test "the image removed while a container of it starts: it runs, or there is no such image" {
  local round pause ran=0 refused=0
  for ((round = 0; round < rounds; round++)); do
    make_image web 'CMD ["/bin/sleep", "1000"]'
    { sleep 0.006; exec "$STEP" -q run -d --net none --name one web >out 2>err; } &
    printf -v pause '0.%03d' $((round * 24 / rounds))
    sleep "$pause"
    "$STEP" -q image rm -f web >/dev/null
    "$STEP" -q image prune -af >/dev/null
    if wait $!; then
      ran=$((ran + 1))
      run_step exec one /bin/ls /bin/sh /etc/passwd
      assert_status 0 "Its layers must be there."
      run_step rm -f one
    else
      refused=$((refused + 1))
      grep -q -e "no such image" -e "is gone (ENOENT)" err || fail "$(cat err)"
    fi
    run_step image prune -af
    assert_equal "" "$(ls "$NSCTL_ROOT/layers")" "Nobody is left who needs them."
    assert_store_empty
  done
  echo "# it ran $ran times, and was refused $refused times" >&3
}

@test "killed at any call: the image is whole, and nothing is left" {
  requires strace
  local call count number tried=0
  make_image web 'CMD ["/bin/true"]'
  strace -o list -e trace="$(calls_here openat,flock,mkdir,rename,fsync,clone3,write,close)" "$STEP" -q run --rm --net none web
  count=$(grep -c '' list)
  [ "$count" -gt 20 ] || fail "no calls were seen"
  for ((number = 1; number <= count; number += 1 + count / ${NSCTL_TEST_POINTS:-16})); do
    call=$(sed -n "${number}s/(.*//p" list)
    [[ $call =~ ^[a-z0-9]+$ ]] || continue
    strace -o killed -e trace="$call" -e inject="$call:signal=KILL:when=$(head -n "$number" list | grep -c "^$call(")" \
      "$STEP" -q run --net none web >/dev/null 2>&1 || true
    end_store
    grep -q 'killed by SIGKILL' killed || continue
    tried=$((tried + 1))
    run_image web
    assert_status 0 "After it was killed at $call, call $number:"
  done
  [ "$tried" -gt 5 ] || fail "It was killed $tried times only."
  assert_store_empty
}

@test "each call on the image made to fail: said with its errno, and nothing is made" {
  requires strace
  local line call number tried=0
  make_image web 'CMD ["/bin/true"]'
  # Before the container's record is made: what comes after is as in step 09.
  strace -y -o list -e trace=openat,read,flock,getdents64 "$STEP" -q run --rm --net none web
  sed -i '/containers/,$d' list
  while IFS=: read -r number line; do
    call=${line%%(*}
    run --separate-stderr -- strace --quiet=all -o failed -e trace="$call" \
      -e inject="$call:error=EIO:when=$(head -n "$number" list | grep -c "^$call(")" "$STEP" -q run --net none web
    grep -q '(INJECTED)' failed || continue
    tried=$((tried + 1))
    assert_status 125 "$line"
    [[ $stderr == *EIO* || $stderr == *"Input/output error"* ]] || fail "It does not say what failed: $line: $stderr"
    assert_equal "" "$("$STEP" -q ps -aq)" "$line"
  done < <(grep -n "$NSCTL_ROOT/\(images\|layers\)" list)
  [ "$tried" -ge 3 ] || fail "$tried calls were made to fail."
  run_image web
  assert_status 0
}

# --- AppArmor --------------------------------------------------------------------------------

@test "apparmor=PROFILE where there is no AppArmor, or no such profile: refused, and nothing is made" {
  [ ! -e /sys/kernel/security/apparmor/profiles ] || profile_is_missing=1
  run_image --security-opt apparmor=nsctl-no-such-profile "$rootfs" true
  assert_status 125
  assert_stderr_has "--security-opt apparmor=nsctl-no-such-profile"
  [ ! -e "$NSCTL_ROOT" ] || [ -n "${profile_is_missing:-}" ] || fail "Something was made."
  run_image --security-opt apparmor= "$rootfs" true
  assert_status 125
  run_image --security-opt apparmor=unconfined "$rootfs" true
  assert_status 0 "That asks for nothing, so it can be had everywhere."
}

# bats test_tags=v2
@test "apparmor=PROFILE confines the command, and what is executed later; without it nothing does" {
  local try='cat /etc/group >/dev/null 2>&1 && echo read || echo kept; cat /proc/self/attr/current' confined
  requires root apparmor
  profile=nsctl-test-$$ # teardown takes it away
  confined=$'kept\n'"$profile (enforce)"
  # All but one file, for whatever it executes, too.
  apparmor_parser --replace --skip-cache <<END
profile $profile flags=(attach_disconnected,mediate_deleted) {
  capability, network, signal, ptrace, mount, umount, unix, file,
  deny /etc/group r,
}
END
  run_image "$rootfs" /bin/sh -c "$try"
  assert_output_has read "The control: without a profile it can be read."
  run_image --security-opt "apparmor=$profile" "$rootfs" /bin/sh -c "$try"
  assert_equal "$confined" "$output"
  run_image --init --security-opt "apparmor=$profile" "$rootfs" /bin/sh -c "$try"
  assert_equal "$confined" "$output" "Also where an init is between."
  run_step run -d --name one --net none --security-opt "apparmor=$profile" "$rootfs" /bin/sleep 1000
  assert_equal "$profile" "$(field one AppArmorProfile)"
  run_step exec one /bin/sh -c "$try"
  assert_equal "$confined" "$output" "Also what enters later."
  assert_log_true run --rm --net none --security-opt "apparmor=$profile" "$rootfs" /bin/true
  assert_stderr_has "\"exec $profile\""
}
