#!/usr/bin/env bats
# shellcheck disable=SC2016 # what looks like an expansion is for a shell inside
# shellcheck disable=SC2030,SC2031 # each test is a process of its own
# shellcheck disable=SC2154 # status, output and stderr are set by bats' run
#
# Step 10: images that are kept: their names, their layers, and what becomes of both.

# bats file_tags=thorough

load ../helpers
load ../containers
load ../images

# --- Which there are --------------------------------------------------------------

@test "an image has a name, a tag, and an id, which is the digest of what it says of itself" {
  make_image hello
  run_step images
  assert_status 0
  assert_output_matches "^REPOSITORY +TAG +IMAGE ID +CREATED +SIZE"
  assert_output_matches $'\n'"hello +latest +[0-9a-f]{12} +.* ago +6B\$"
  assert_equal "$(sha256sum <"$(metadata_of hello)" | cut -c 1-64)" "$(id_of hello)" "The id is the digest of metadata.json."
  run_step image ls -q
  assert_equal "$(id_of hello | cut -c 1-12)" "$output"
  run_step image list -q --no-trunc
  assert_equal "sha256:$(id_of hello)" "$output"
  run_step images --digests
  assert_output_has "sha256:$(id_of hello)"
}

@test "the newest first; those of one name; as JSON" {
  make_image one
  stack old one
  sed -i 's/"os"/"created":"2001-02-03T04:05:06Z","os"/' "$(metadata_of old)"
  "$STEP" -q tag one one:2
  run_step images
  assert_output_matches $'\n'"one +2 .*"$'\n'"one +latest .*"$'\n'"old +latest +[0-9a-f]+ +2[0-9] years ago"
  run_step images one
  assert_equal 3 "${#lines[@]}"
  run_step images one:2
  assert_equal 2 "${#lines[@]}"
  run_step images nope
  assert_status 0
  assert_equal 1 "${#lines[@]}"
  run_step images --json
  assert_equal 2 "$(grep -c '"Id": "sha256:' <<<"$output")" "One object an image, whatever it is called."
  assert_output_has '"one:2",'
  assert_output_has '"one:latest"'
}

@test "no store yet: no images, and nothing is made" {
  run_step images
  assert_status 0
  assert_equal 1 "${#lines[@]}"
  run_step rmi nope
  assert_status 1
  run_step image prune -f
  assert_status 0
  [ ! -e "$NSCTL_ROOT" ] || fail "To look made $NSCTL_ROOT."
}

@test "an image is found by its name, its id or the beginning of that, with its digest, and as others call it" {
  local id word
  make_image docker.io/library/hello
  make_image localhost/mine
  make_image docker.io/team/ours
  id=$(id_of docker.io/library/hello)
  for word in docker.io/library/hello hello:latest hello "$id" "sha256:$id" "${id:0:12}" "sha256:${id:0:7}" "hello@sha256:$id"; do
    assert_equal "$id" "$(id_of "$word")" "$word is that image."
  done
  assert_equal "$(id_of localhost/mine)" "$(id_of mine)"
  assert_equal "$(id_of docker.io/team/ours)" "$(id_of team/ours)"
  make_image hello "other than docker.io's"
  [ "$(id_of hello)" != "$id" ] || fail "The name as it is typed comes first."
  for word in "mine@sha256:$id" hello:2 "library/hello:3" "sha256:0000000"; do
    run_step image inspect "$word"
    assert_status 1
    assert_equal "[]" "$output"
    assert_stderr_has "no such image: $word"
  done
}

@test "an id that several begin with is refused; a name that is nearly right is told" {
  local i first=
  for ((i = 0; i < 17; i++)); do make_image "image$i" && id_of "image$i"; done >ids
  first=$(cut -c 1 ids | sort | uniq -d | head -n 1)
  run_step image inspect "$first"
  assert_status 1
  assert_stderr_has "several images have ids that begin with that"
  make_image hello
  run_step image inspect helo
  assert_stderr_has "no such image: helo; did you mean hello?"
  run_step run helo
  assert_status 125
  assert_stderr_has "did you mean hello?"
}

# --- Names ------------------------------------------------------------------------

@test "one more name for an image; who had it has it no more" {
  make_image one
  make_image two
  run_step tag one mine:1 localhost/team/mine
  assert_status 0
  assert_equal "" "$output$stderr"
  assert_equal "$(id_of one)" "$(id_of mine:1)"
  assert_equal "$(id_of one)" "$(id_of localhost/team/mine)"
  run_step image tag two mine:1
  assert_equal "$(id_of two)" "$(id_of mine:1)"
  run_step tag "$(id_of one | cut -c 1-12)" by-id
  assert_equal "$(id_of one)" "$(id_of by-id)"
  run_step tag nope other
  assert_status 1
  assert_stderr_has "no such image: nope"
  assert_images_sound
}

@test "what is no name is refused, before anything is done, and none leads out of the store" {
  local name
  make_image one
  mkdir -p "$NSCTL_ROOT/images/a" "$BATS_TEST_TMPDIR/victim"
  # Control: a name that is used as a path as it stands leads out.
  echo x >"$NSCTL_ROOT/images/a/../../../victim/latest"
  [ -e "$BATS_TEST_TMPDIR/victim/latest" ] || fail "This path was to lead out."
  rm -r "$BATS_TEST_TMPDIR/victim/latest" "$NSCTL_ROOT/images/a"
  for name in ../victim ../../victim a/../../../victim /victim . .. ./a a/.. a//b a/ .a a. 'a%b' A a:../x a:.x a:-x a: :a 'a b' \
    'a:b/../../c' "$(printf 'a%.0s' {1..300})" "a:$(printf 'b%.0s' {1..129})" "$(printf '0%.0s' {1..64})" scratch \
    "a@sha256:$(printf '0%.0s' {1..64})" a@sha256:0 '' $'a\nb' $'\e[2J' ä; do
    run_step tag one "$name"
    assert_status 125 "The name \"$name\" must be refused."
    run_step tag one right "$name"
    assert_status 125 "Also behind one that is right."
  done
  run_step images -q
  assert_equal 1 "${#lines[@]}" "Nothing may have been named before all was checked."
  assert_equal "" "$(ls -A "$BATS_TEST_TMPDIR/victim")"
  run_step tag one "localhost:5000/a/b__c/d-e.f:V_1.0-x"
  assert_status 0
  run_step tag one "$(printf 'a%.0s' {1..255}):$(printf 'b%.0s' {1..128})"
  assert_status 0
  assert_images_sound
}

@test "what an image says can not command the terminal" {
  make_image one
  stack evil one
  sed -i 's/"created_by":"evil"/"created_by":"\\u001b[2Jevil","comment":"\\u009b2J\\u202eb"/' "$(metadata_of evil)"
  run_step history evil
  assert_status 0
  assert_output_has '?[2Jevil'
  [[ $output != *$'\e'* && $output != *$'\xc2\x9b'* && $output != *$'\u202e'* ]] || fail "Escapes reach the terminal."
  run_step image inspect evil
  [[ $output != *$'\e'* && $output != *$'\u202e'* ]] || fail "Escapes reach the terminal."
  assert_output_has '\u009b2J\u202eb'
}

# --- More than there may be -------------------------------------------------------

# As many layers as asked for, each of its own, of which one knows nothing but how large it is said to be.
many_layers() # NAME COUNT [BYTES]
{
  local i digest digests=() file
  for ((i = 0; i < $2; i++)); do
    digest=$(printf '%064x' "$i")
    mkdir -p "$NSCTL_ROOT/layers/$digest/tree"
    printf '{"bytes": %s, "entries": 0, "archive_bytes": 1024}\n' "${3:-0}" >"$NSCTL_ROOT/layers/$digest/layer.json"
    digests+=("\"sha256:$digest\"")
  done
  file=$(metadata_of "$1")
  mkdir -p "${file%/*}"
  printf '{"architecture":"%s","os":"linux","config":{"Cmd":["/bin/sh"]},"rootfs":{"type":"layers","diff_ids":[%s]}}\n' \
    "$(uname -m | sed 's/x86_64/amd64/; s/aarch64/arm64/')" "$(IFS=, && echo "${digests[*]}")" >"$file"
}

@test "an image has as many layers as can be run, and no one more: commit and build refuse it before they begin" {
  local kind
  make_image one
  many_layers full 499
  mkdir context
  printf 'FROM full\nCOPY Containerfile /\n' >context/Containerfile
  run_step build -t most context
  assert_status 0 "500 can be stacked. $stderr"
  assert_equal 500 "$(layers_of most | wc -l)"
  for kind in RUN 'COPY Containerfile' 'ADD Containerfile'; do
    printf 'FROM most AS a\nENV A=b\nFROM a\n%s /x\n' "$kind" >context/Containerfile
    run_step build -t more context
    assert_status 125
    assert_stderr_has "Containerfile:4: ${kind% *}: one layer more than the 500"
    assert_stderr_lacks STEP "Nothing was done yet."
  done
  printf 'FROM most\nWORKDIR /x\n' >context/Containerfile
  run_step build -t more context
  assert_status 125
  assert_stderr_has "more than the 500 layers"
  local list=$ROOT/build/rootfs/default i
  mkdir empty
  for i in {1..499}; do
    mkdir "empty/$i"
    list=$PWD/empty/$i:$list
    [ "$i" -ne 2 ] || "$STEP" -q run --net none --name few --rootfs "$list" -- /bin/true
  done
  "$STEP" -q run --net none --name many --rootfs "$list" -- /bin/true
  run_step commit few few
  assert_status 0 "The control: $stderr"
  before=$(ls -A "$NSCTL_ROOT/layers")
  run_step commit many many
  assert_status 125
  assert_stderr_has "an image of 501 layers, and there may be 500"
  assert_equal "$before" "$(ls -A "$NSCTL_ROOT/layers")"
}

@test "an image whose layers are harmless each, and too much together" {
  many_layers large 8 $((8 << 30))
  run_step tag large again
  assert_status 0 "64 GiB is what there may be. $stderr"
  many_layers larger 9 $((8 << 30))
  run_step tag larger again
  assert_status 125
  assert_stderr_has "again:latest: more than 68719476736 bytes in all layers together"
}

# --- Taken away -------------------------------------------------------------------

@test "rmi takes a name away, and with the last one the image and the layers that only it has" {
  local id top
  make_image base
  make_image top
  stack both base top
  id=$(id_of both)
  top=$(layers_of top)
  "$STEP" -q tag both both:2
  run_step rmi both
  assert_status 0
  assert_equal "Untagged: both:latest" "$output"
  run_step image rm top
  assert_output_has "Deleted: sha256:"
  assert_output_lacks "Deleted: sha256:$top" "Another image has its layer."
  run_step rmi both:2
  assert_status 0
  assert_equal "Untagged: both:2"$'\n'"Deleted: sha256:$id"$'\n'"Deleted: sha256:$top" "$output"
  assert_equal "$(layers_of base)" "$(ls "$NSCTL_ROOT/layers")"
  assert_images_sound
  run_step rmi base
  assert_no_images
}

@test "rmi of several, of none, and by id" {
  local id
  make_image one
  make_image two
  run_step rmi one nope two
  assert_status 1
  assert_stderr_has "no such image: nope"
  assert_no_images "The others are removed all the same."
  run_step rmi -f nope
  assert_status 0
  make_image one
  id=$(id_of one)
  "$STEP" -q tag one one:2
  run_step rmi "${id:0:12}"
  assert_status 1
  assert_stderr_has "conflict: unable to delete ${id:0:12} (must be forced) - image is referenced in multiple repositories"
  run_step rmi -f "$id"
  assert_status 0
  assert_output_has "Untagged: one:2"
  assert_output_has "Untagged: one:latest"
  assert_no_images
  make_image one
  run_step rmi "$(id_of one)"
  assert_status 0 "Of one name an id is as good."
  assert_no_images
  run_step rmi ../one
  assert_status 1
}

@test "an image that a container is of stays; with -f only its name goes, and the container runs on" {
  local image layer
  make_base base
  image=$(id_of base)
  layer=$(layers_of base)
  "$STEP" -q run --name ended --net none base true
  run_step rmi "$image"
  assert_status 1
  assert_stderr_has "image is being used by stopped container"
  "$STEP" -q rm ended
  run_step run -d --name w --net none base /bin/sleep 1000
  assert_status 0
  id=$output
  run_step image prune -a -f
  assert_status 0
  assert_equal "$image" "$(id_of base)" "It is in use, and stays."
  run_step rmi base
  assert_status 1
  assert_stderr_has "conflict: unable to remove repository reference \"base\" (must force) - container ${id:0:12} is using its referenced image ${image:0:12}"
  run_step rmi "$image"
  assert_status 1
  assert_stderr_has "conflict: unable to delete ${image:0:12} (must be forced) - image is being used by running container ${id:0:12}"
  "$STEP" -q tag base other
  run_step rmi other
  assert_status 0 "One name of two may go."
  run_step rmi -f base
  assert_status 0
  assert_equal "Untagged: base:latest"$'\n'"Deleted: sha256:$image" "$output"
  run_step exec w /bin/cat /etc/passwd
  assert_status 0 "Its layers are still there."
  run_step image prune -f
  assert_output_has "Total reclaimed space: 0B"
  "$STEP" -q stop -t 0 w
  run_step image prune -a -f
  [ -d "$NSCTL_ROOT/layers/$layer" ] || fail "A container that does not run has its layers, too."
  "$STEP" -q rm w
  run_step image prune -f
  assert_output_has "deleted: sha256:$layer"
  assert_no_images
}

@test "of a container each layer is kept, and while one is corrupt all that there are" {
  local digest digests
  make_base base
  make_image top
  stack both base top
  digests=$(layers_of both)
  assert_equal 2 "$(wc -l <<<"$digests")"
  "$STEP" -q run --name c --net none both true
  "$STEP" -q rmi -f both base top >/dev/null
  run_step image prune -f
  for digest in $digests; do [ -d "$NSCTL_ROOT/layers/$digest" ] || fail "A layer of a container's is gone: $digest"; done
  make_image other
  digest=$(layers_of other)
  printf '{' >"$(echo "$NSCTL_ROOT"/containers/*)/config.json"
  run_step rmi other
  run_step image prune -f
  assert_stderr_has "no layer is taken away while the container"
  [ -d "$NSCTL_ROOT/layers/$digest" ] || fail "Nobody knows whose it is."
  "$STEP" -q rm -f "$("$STEP" -q ps -aq)" >/dev/null
  run_step image prune -f
  assert_no_images
}

@test "prune: layers that have lost their name; with -a images that no container is of; it asks" {
  local lost
  make_image one "the first"
  lost=$(layers_of one)
  make_image one "the second"
  run --separate-stderr -- bash -c 'echo n | "$STEP" -q image prune'
  assert_status 1
  assert_stderr_has "Go on? [y/N]"
  [ -d "$NSCTL_ROOT/layers/$lost" ] || fail "It was removed without a yes."
  run --separate-stderr -- bash -c 'echo y | "$STEP" -q image prune'
  assert_status 0
  assert_equal "Deleted Images:"$'\n'"deleted: sha256:$lost"$'\n\n'"Total reclaimed space: 10B" "$output"
  assert_images_sound
  run_step image prune -f
  assert_equal "Total reclaimed space: 0B" "$output"
  run_step image prune -a -f
  assert_output_has "untagged: one:latest"
  assert_no_images
}

@test "what a step of a build has made is kept for the next, and goes with its image, or is pruned" {
  local own other
  make_image own
  make_image other
  own=$(layers_of own) other=$(layers_of other)
  mkdir "$NSCTL_ROOT/cache"
  ln -s "$own" "$NSCTL_ROOT/cache/$(printf '1%.0s' {1..64})"
  ln -s "$other" "$NSCTL_ROOT/cache/$(printf '2%.0s' {1..64})"
  ln -s "$(printf '0%.0s' {1..64})" "$NSCTL_ROOT/cache/$(printf '3%.0s' {1..64})"
  ln -s ../../victim "$NSCTL_ROOT/cache/$(printf '4%.0s' {1..64})"
  rm -r "$(dirname "$(metadata_of other)")"
  run_step rmi own
  assert_status 0
  [ ! -d "$NSCTL_ROOT/layers/$own" ] || fail "Its own layer was to go, though a step has made it."
  [ -d "$NSCTL_ROOT/layers/$other" ] || fail "What another step has made was to stay."
  assert_equal "$(printf '2%.0s' {1..64})" "$(ls "$NSCTL_ROOT/cache")" "Of steps whose layer is gone nothing is to be remembered."
  run_step image prune -f
  assert_no_images
}

# --- What is known of one ---------------------------------------------------------

@test "inspect: an image as docker's users know it; a container of the same name comes first" {
  make_base hello -c 'CMD ["/bin/sh"]' -c 'ENTRYPOINT ["/bin/busybox"]' -c 'ENV A=b' -c 'EXPOSE 80 53/udp' -c 'VOLUME /data' \
    -c 'LABEL the.answer=42' -c 'WORKDIR /srv' -c 'USER 7:8' -c 'STOPSIGNAL SIGINT'
  run_step image inspect hello
  assert_status 0
  local expected
  for expected in "\"Id\": \"sha256:$(id_of hello)\"" '"hello:latest"' '"Os": "linux"' '"User": "7:8"' '"WorkingDir": "/srv"' '"80/tcp": {}' \
    '"53/udp": {}' '"/data": {}' '"the.answer": "42"' '"A=b"' '"StopSignal": "SIGINT"' '"Type": "layers"' "\"sha256:$(layers_of hello)\""; do
    assert_output_has "$expected"
  done
  assert_output_matches '"Entrypoint": \[[[:space:]]+"/bin/busybox"[[:space:]]+\]'
  assert_output_matches '"Created": "20[0-9-]+T[0-9:.]+Z"'
  run_step inspect hello
  assert_output_has '"RepoTags"' "Where there is no container of that name, the image is meant."
  run_step run --name hello --net none hello true
  run_step inspect hello
  assert_output_lacks '"RepoTags"'
  assert_output_has '"State"'
  run_step inspect nope hello
  assert_status 1
  assert_stderr_has "no such container: nope"
  assert_stderr_has "nor is there an image of that name"
  assert_output_has '"State"'
}

@test "history: the last step first, each with what its layer has; also where less is said than there are layers" {
  make_image base "four and twenty"
  make_image top
  stack both base top
  sed -i 's/"history":.*/"history":[{"created_by":"the first"},{"created_by":"ENV A=b","empty_layer":true},{"created_by":"a very long one, of far more than forty-five characters"}]}/' "$(metadata_of both)"
  run_step history both
  assert_status 0
  assert_output_matches "^IMAGE +CREATED +CREATED BY +SIZE +COMMENT"
  assert_output_matches $'\n'"$(id_of both | cut -c 1-12) +N/A +a very long one, of far more than forty-five…? +4B .*"$'\n'"<missing> +N/A +ENV A=b +0B .*"$'\n'"<missing> +N/A +the first +16B"
  run_step image history --no-trunc both
  assert_output_has "sha256:$(id_of both)"
  assert_output_has "forty-five characters"
  run_step history -q both
  assert_equal 3 "${#lines[@]}"
  run_step history --json both
  assert_output_has '"emptyLayer": true'
  stack both base top
  run_step history both
  assert_output_matches $'\n'"[0-9a-f]{12} +N/A +4B .*"$'\n'"<missing> +N/A +both +16B"
}

@test "a layer may stand in an image twice, and others between" {
  make_base base
  make_image text "the upper one"
  make_image other "the lower one"
  stack hello base text other text base
  run_step run --rm --net none hello cat /text
  assert_status 0
  assert_equal "the upper one" "$output"
}

# --- What is damaged --------------------------------------------------------------

@test "what can not be understood is listed as corrupt, is not run, can be removed, and keeps no other from use" {
  local file damage good
  make_image good
  good=$(layers_of good)
  while read -r damage; do
    stack bad good
    file=$(metadata_of bad)
    case $damage in
      empty) : >"$file" ;;
      cut) truncate -s 50 "$file" ;;
      bytes) head -c 1000 /dev/urandom >"$file" ;;
      directory) rm "$file" && mkdir "$file" && touch "$file/x" ;;
      link) mv "$file" moved && ln -s "$PWD/moved" "$file" ;;
      pipe) rm "$file" && mkfifo "$file" ;;
      large) truncate -s 5M "$file" ;;
      path) sed -i 's|sha256:|sha256:../|' "$file" ;;
      kinds) sed -i 's|\["/bin/sh"\]|{"a":{}}|' "$file" ;;
      twice) sed -i 's|"os":"linux"|"os":"linux","os":"plan9"|' "$file" ;;
    esac
    run_step images
    assert_status 0 "$damage"
    assert_output_matches $'\n'"bad +latest +[0-9a-z<>]+ +Corrupt" "$damage"
    assert_output_matches $'\n'"good +latest +[0-9a-f]+ +.* ago" "$damage"
    run_step run bad true
    assert_status 125 "$damage"
    assert_stderr_has "is corrupt" "$damage"
    run_step tag bad worse
    assert_status 1 "$damage"
    run_step rmi bad
    assert_status 0 "$damage"
    assert_output_has "Untagged: bad:latest"
    assert_images_sound "$damage"
  done <<<$'empty\ncut\nbytes\ndirectory\nlink\npipe\nlarge\npath\nkinds\ntwice'
  [ -d "$NSCTL_ROOT/layers/$good" ] || fail "The good one's layer is gone."
}

@test "while nobody knows which layers a corrupt image has, none is taken away" {
  local layer
  make_image lost
  layer=$(layers_of lost)
  stack bad lost
  truncate -s 50 "$(metadata_of bad)"
  run_step rmi lost
  assert_status 0
  assert_stderr_has "no layer is taken away while bad:latest is corrupt"
  [ -d "$NSCTL_ROOT/layers/$layer" ] || fail "It was taken away."
  run_step rmi bad
  assert_no_images
}

@test "an image of which a layer is gone or damaged is corrupt, until that is there again" {
  local layer damage
  for damage in gone tree info file; do
    make_image one
    layer=$NSCTL_ROOT/layers/$(layers_of one)
    case $damage in
      gone) rm -r "$layer" ;;
      tree) rm -r "$layer/tree" ;;
      info) : >"$layer/layer.json" ;;
      file) rm -r "$layer" && : >"$layer" ;;
    esac
    run_step images
    assert_output_matches $'\n'"one +latest +[0-9a-f]{12} +Corrupt" "$damage"
    run_step run one true
    assert_status 125 "$damage"
    make_image two one # has the same layer
    run_step images
    assert_output_lacks Corrupt "$damage"
    assert_images_sound "$damage"
    run_step rmi one two
    assert_status 0 "$damage"
    assert_no_images "$damage"
  done
}

# --- Many at once -----------------------------------------------------------------

@test "thirty at once give one name: one wins, and nothing dangles" {
  local i
  for ((i = 0; i < 5; i++)); do make_image "image$i"; done
  for ((i = 0; i < 30; i++)); do "$STEP" -q tag "image$((i % 5))" same 3>&- & done
  wait
  assert_images_sound
  id_of same | grep -qx -f <(for ((i = 0; i < 5; i++)); do id_of "image$i"; done) || fail "It stands for none of them."
}

@test "thirty at once make an image of the same name: one wins, and nothing dangles" {
  local i
  for ((i = 0; i < 30; i++)); do make_image same "$((i % 7))" 3>&- & done
  wait
  assert_equal 1 "$(find "$NSCTL_ROOT/images" -mindepth 1 -maxdepth 1 | wc -l)"
  run_step image prune -f
  assert_status 0
  assert_images_sound
  assert_equal 1 "$(find "$NSCTL_ROOT/layers" -mindepth 1 -maxdepth 1 | wc -l)"
}

@test "thirty at once take names away while others give some: nothing dangles" {
  local i
  make_image one
  for ((i = 0; i < 15; i++)); do "$STEP" -q tag one "one:$i"; done
  for ((i = 0; i < 15; i++)); do
    "$STEP" -q rmi "one:$i" >/dev/null 3>&- &
    "$STEP" -q tag one "other:$i" 3>&- &
  done
  wait
  assert_images_sound
  assert_equal 16 "$("$STEP" -q images -q | wc -l)"
  for ((i = 0; i < 15; i++)); do "$STEP" -q rmi "other:$i" >/dev/null 3>&- & done
  "$STEP" -q rmi one >/dev/null 3>&- &
  wait
  "$STEP" -q image prune -f >/dev/null
  assert_no_images "The last one takes the layers with it."
}

@test "while somebody makes a layer none is taken away; the next one does it" {
  local layer
  make_image one
  layer=$(layers_of one)
  bash -c 'exec 9<"$NSCTL_ROOT/layers" && flock -s 9 && exec sleep 1000' 3>&- &
  wait_until eval '! flock -n "$NSCTL_ROOT/layers" true'
  run --separate-stderr -- "$STEP" rmi one
  kill $! && wait $! || true
  assert_status 0
  assert_stderr_has "layers stay for now"
  [ -d "$NSCTL_ROOT/layers/$layer" ] || fail "It was taken away."
  run_step image prune -f
  assert_no_images
}

# --- Killed, and whatever fails ---------------------------------------------------

made=$(calls_here openat,mkdir,mkdirat,fchmodat,rename,unlink,unlinkat,rmdir,fsync,syncfs,flock,write,close,getdents64,symlink)

# points LIST: the lines of it that are to be tried (see 09-faults.bats).
points()
{
  local count every=1
  count=$(wc -l <"$1")
  [ ! -x /vm/busybox ] || : "${NSCTL_TEST_POINTS:=3}"
  [ "${NSCTL_TEST_POINTS:=12}" = all ] || every=$(((count + NSCTL_TEST_POINTS - 1) / NSCTL_TEST_POINTS))
  awk -v every="$every" 'NR % every == 0' "$1"
}

# own_calls ARG…: CALL NUMBER, a line each, "failed" behind those that fail by themselves. What the
# loader does before main() is left out.
own_calls()
{
  strace -o list -e trace="$made" -- "$STEP" -q "$@" >/dev/null 2>&1 || true
  awk -v store="$NSCTL_ROOT" '{ call = substr($0, 1, index($0, "(") - 1) }
    call ~ /^[a-z0-9_]+$/ { ++made[call] }
    index($0, store) { seen = 1 }
    seen && call ~ /^[a-z0-9_]+$/ { print call, made[call], / = -1 / ? "failed" : "" }' list >calls
  [ -s calls ] || fail "no calls were seen"
}

# walk HOW BEFORE ARG…: does BEFORE, then ARG… with one call failing or its caller killed, for each of the
# points; afterwards one `prune` has to leave a store that is sound, in which are still another image's layer and
# a container's.
walk()
{
  local how=$1 before=$2 call number error layer
  shift 2
  make_image kept
  [ -s of-container ] || {
    make_base base
    layers_of base >of-container
    "$STEP" -q run --name c --net none base true
    "$STEP" -q rmi -f base >/dev/null
  }
  layer=$(cat of-container)
  "$before"
  own_calls "$@"
  [ "$how" = kill ] || sed -i '/failed$/d; /^close/d' calls
  while read -r -u 9 call number _; do
    "$before"
    case $call in fsync | syncfs | write | getdents64) error=EIO ;; mkdir* | rename* | symlink*) error=ENOSPC ;; flock) error=ENOLCK ;; *) error=EACCES ;; esac
    [ "$how" = kill ] && error=signal=KILL || error=error=$error
    run --separate-stderr -- strace --quiet=all -o trace -e trace="$call" -e inject="$call:$error:when=$number" -- "$STEP" "$@"
    if [ "$how" = error ] && [ "$status" -ne 0 ]; then
      assert_stderr_has "${error#error=}" "$call $number of $*: the errno must be named."
      [ "$status" -eq 125 ] || [ "$status" -eq 1 ] || fail "$call $number of $*: exit status $status"
    fi
    run_step image prune -f
    assert_status 0 "$how at $call $number of $*"
    [ -d "$NSCTL_ROOT/layers/$layer/tree/bin" ] || fail "$how at $call $number of $*: a container's layer is gone."
    "$STEP" -q image inspect kept >/dev/null || fail "$how at $call $number of $*: another image is gone, or a layer of it."
    assert_images_sound "$how at $call $number of $*"
  done 9< <(points calls)
}

two_names()
{
  "$STEP" -q rmi -f one one:2 >/dev/null 2>&1 || true
  make_image one
}

one_name()
{
  "$STEP" -q rmi -f new >/dev/null 2>&1 || true
}

tree_is_there() { mkdir -p tree && echo x >tree/text; }

@test "tag: killed at any call, or with any call failing" {
  requires strace
  two_names
  walk kill two_names tag one one:2
  walk error two_names tag one one:2
}

@test "rmi: killed at any call, or with any call failing" {
  requires strace
  walk kill two_names rmi one
  walk error two_names rmi one
}

@test "import: killed at any call, or with any call failing" {
  requires strace
  tree_is_there
  make_image one
  walk kill one_name import tree new
  walk error one_name import tree new
}

@test "a full disk: nothing half in the store, what is there is good, and can be removed" {
  requires root
  mkdir small
  mount -t tmpfs -o size=1m tmpfs small
  export NSCTL_ROOT=$BATS_TEST_TMPDIR/small/root
  make_image one
  head -c 2000000 /dev/urandom >tree
  mkdir big && mv tree big/random
  run_step import big big
  assert_status 125
  assert_stderr_has ENOSPC
  assert_images_sound
  dd if=/dev/zero of=small/full bs=4k 2>/dev/null || true
  run_step tag one other
  assert_status 125
  assert_stderr_has ENOSPC
  assert_images_sound
  run_step rmi one
  assert_status 0 "At no byte free an image can be removed."
  assert_no_images
  umount small
}

@test "a store that can not be written to is named, and what is in it can be looked at and run" {
  requires root
  mkdir kept
  mount -t tmpfs tmpfs kept
  export NSCTL_ROOT=$BATS_TEST_TMPDIR/kept/root
  make_image one
  mount -o remount,ro kept
  run_step images
  assert_status 0
  assert_output_has one
  run_step image inspect one
  assert_status 0
  run_step history one
  assert_status 0
  local words
  for words in "tag one two" "rmi one" "import $rootfs two"; do
    # shellcheck disable=SC2086 # several words
    run_step $words
    [ "$status" -ne 0 ] || fail "$words: it can not have been done."
    assert_stderr_has EROFS "$words"
    assert_stderr_has "$NSCTL_ROOT" "$words"
  done
  mount -o remount,rw kept
  assert_images_sound
  umount kept
}

# --- A user's ---------------------------------------------------------------------

@test "an ordinary user's images are that user's, whatever ids own what is in them" {
  requires unprivileged subids
  export NSCTL_ROOT=$BATS_TEST_TMPDIR/user
  mkdir "$NSCTL_ROOT" && chmod a+x "$BATS_TEST_TMPDIR" "$BATS_FILE_TMPDIR"
  [ "$(id -u)" -ne 0 ] || chown "$(as_user id -u)" "$NSCTL_ROOT"
  mkdir -p tree/closed/in && echo x >tree/closed/in/file
  tar -C tree --owner=7 --group=7 --mode='u=rwX,go=' -cf tree.tar .
  run_as user -q import tree.tar mine
  assert_status 0
  run_as user -q tag mine mine:2
  assert_status 0
  run_as user -q images
  assert_output_matches $'\n'"mine +2 "
  run_as user -q rmi mine mine:2
  assert_status 0
  assert_output_has "Deleted: sha256:"
  assert_no_images "What belongs to other ids than the user's must go, too."
}

# --- What is said -----------------------------------------------------------------

@test "what the log names is what was done" {
  requires root strace # what a process wrote that may not be looked into, only root's strace shows
  make_image one
  assert_log_true tag one one:2
  assert_status 0
  assert_log_true rmi one one:2
  assert_status 0
  tree_is_there
  assert_log_true import tree one
  assert_status 0
  assert_log_true image prune -a -f
  assert_status 0
  assert_no_images
}
