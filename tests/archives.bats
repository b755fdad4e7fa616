#!/usr/bin/env bats
# SHA-256 and tar: ours against the standard's examples, and against other
# programs, both ways; and what is wrong with an archive is said.

# shellcheck disable=SC2154 # status, output and stderr are set by run

load helpers
load image

# --- SHA-256 ------------------------------------------------------------------

# hash_is DIGEST [OPTION]: what standard input must hash to
hash_is()
{
  run "$tool" sha256 "${@:2}"
  assert_status 0
  assert_equal "$1" "${output% *}" "${output##* } must get the standard's digest"
}

@test "sha256: the examples of FIPS 180-4, by either way of computing" {
  local how
  for how in '' --portable; do
    # shellcheck disable=SC2086 # an option, or none
    set -- $how
    printf '' | hash_is e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855 "$@"
    printf abc | hash_is ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad "$@"
    printf abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq |
      hash_is 248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1 "$@"
    printf '%s' abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmn \
      hijklmnoijklmnopjklmnopqklmnopqrlmnopqrsmnopqrstnopqrstu |
      hash_is cf5b16a778af8380036ce59e7b0492370b249b11e8f07a51afac45037afee9d1 "$@"
    head -c 1000000 /dev/zero | tr '\0' a |
      hash_is cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0 "$@"
  done
}

@test "sha256: every length around a block, by either way, as sha256sum has it" {
  local length expected
  head -c 200 /dev/urandom >random
  for length in {0..200}; do
    head -c "$length" random >part
    expected=$(sha256sum <part)
    for how in '' --portable; do
      run "$tool" sha256 $how <part
      assert_equal "${expected%% *}" "${output% *}" "$length bytes, ${output##* }"
    done
  done
}

@test "sha256: the processor's own instructions are used where there are any" {
  local expected=portable
  if grep -qw sha_ni /proc/cpuinfo; then expected=SHA-NI; fi
  if grep -qw sha2 /proc/cpuinfo; then expected=ARMv8; fi
  run "$tool" sha256 </dev/null
  assert_equal "$expected" "${output##* }"
}

# --- tar: held against others ---------------------------------------------------

make_tree()
{
  local name
  name=$(printf 'n%.0s' {1..120})
  mkdir -p tree/d/e tree/sticky tree/"$name"
  printf 'hi\n' >tree/f
  head -c 512 /dev/urandom >tree/d/block
  head -c 70001 /dev/urandom >tree/d/more
  : >tree/empty
  ln tree/f tree/d/hard
  ln -s ../f tree/d/soft
  ln -s "$name/$name" tree/long-link
  echo x >tree/"$name/$name"
  echo x >tree/$'a b\n\\\303\244'
  mkfifo tree/pipe
  chmod 4751 tree/f
  chmod 1777 tree/sticky
  touch -d '1969-12-31 23:59:50.25 UTC' tree/d/e
  touch -d '2024-02-29 12:00:00.123456789 UTC' tree/f
  if [ "$(id -u)" -eq 0 ]; then
    mknod tree/null c 1 3
    chown 70000:3000000 tree/empty
  fi
}

make_sparse()
{
  mkdir sparse
  truncate -s 3000000 sparse/hole
  truncate -s 100000 sparse/end
  local at
  for at in 0 3 4 9 700; do printf 'data at %s' "$at" | dd of=sparse/many bs=4096 seek="$at" conv=notrunc status=none; done
  for at in {1..60}; do printf x | dd of=sparse/more bs=8192 seek="$at" conv=notrunc status=none; done
  printf end | dd of=sparse/end bs=1 seek=99997 conv=notrunc status=none
}

# same_as_python FILE: both read the same from it
same_as_python()
{
  python3 "$ROOT/tests/image/list.py" "$1" >expected
  "$tool" list "$1" >got
  [ -s expected ]
  diff expected got
}

@test "tar: reads what GNU tar writes, in every format, as Python does" {
  local format
  make_tree
  for format in gnu oldgnu pax; do
    tar --format="$format" --xattrs -cf x.tar tree
    same_as_python x.tar
  done
  rm -rf tree/n* tree/pipe tree/null tree/long-link
  touch -d '2000-01-01 UTC' tree/d/e # the older ones have neither, nor times before 1970
  chown 0:0 tree/empty 2>/dev/null || true
  for format in v7 ustar; do
    tar --format="$format" -cf x.tar tree
    same_as_python x.tar
  done
}

@test "tar: reads GNU tar's files with holes, in all four spellings" {
  local options
  make_sparse
  for options in --format={gnu,oldgnu} '--format=pax --sparse-version='{0.0,0.1,1.0}; do
    # shellcheck disable=SC2086 # a word each
    tar -S $options -cf x.tar sparse
    [ "$(stat -c %s x.tar)" -lt 1000000 ] || fail "tar has written no holes: nothing was tested"
    same_as_python x.tar
  done
}

@test "tar: reads what Python's tarfile writes, in every format" {
  local format
  for format in USTAR GNU PAX; do
    python3 "$ROOT/tests/image/list.py" --make "$format" >x.tar
    same_as_python x.tar
  done
}

@test "tar: what we write is read by Python and by GNU tar as it was" {
  local format
  make_tree
  make_sparse
  for format in gnu pax; do
    tar --format="$format" -S --xattrs -cf x.tar tree sparse
    "$tool" copy x.tar >copy.tar
    diff <("$tool" list x.tar) <("$tool" list copy.tar)
    same_as_python copy.tar
    rm -rf out
    mkdir out
    tar -C out --same-permissions -xf copy.tar
    [ "$(id -u)" -ne 0 ] || tar -C out -df copy.tar
    diff -r --no-dereference tree/d out/tree/d
    diff -r sparse out/sparse
  done
}

@test "tar: a tree that was packed as a layer is read by Python as it is" {
  make_tree
  "$tool" pack tree x.tar
  same_as_python x.tar
  assert_equal "$(find tree -printf x | wc -c)" "$(wc -l <got)"
}

@test "tar: the same entries make the same bytes" {
  make_tree
  tar --format=gnu -cf x.tar tree
  "$tool" copy x.tar >one.tar
  "$tool" copy one.tar >two.tar
  cmp one.tar two.tar
}

@test "tar: numbers and names of every length, there and back" {
  local length name="" line
  for length in {95..105} {250..260} 4095; do
    name=$(printf "%${length}s" '' | tr ' ' x | sed 's/x\{50\}/&\//g' | cut -c "-$length" | sed 's/\/$/y/')
    printf 'file\tpath=%s\tdata=%s\n' "$name" "$length"
    [ "$length" -gt 4000 ] || printf 'directory\tpath=%s\n' "$name.d"
    printf 'symlink\tpath=l%s\ttarget=%s\n' "$length" "$name"
  done >description
  for line in 0 2097151 2097152 4294967294; do
    printf 'file\tpath=u%s\tuid=%s\tgid=%s\tmtime=%s\n' "$line" "$line" "$line" "$line.5"
  done >>description
  for line in -1 -1000000000000 8589934591 8589934592; do
    printf 'file\tpath=t%s\tmtime=%s\n' "$line" "$line"
  done >>description
  "$tool" write <description >x.tar
  same_as_python x.tar
  assert_equal "$(wc -l <description)" "$(wc -l <got)"
}

# --- tar: what is wrong with it ---------------------------------------------------

# refused_with TEXT [FILE]
refused_with()
{
  run --separate-stderr "$tool" list "${2:-x.tar}"
  assert_status 125 "${2:-x.tar} must be refused"
  assert_stderr_has "$1"
}

# put OFFSET BYTES: overwrites bytes of x.tar
put()
{
  printf '%b' "$2" | dd of=x.tar bs=1 seek="$1" conv=notrunc status=none
}

# resum BLOCK: makes the checksum of a header right again
resum()
{
  local sum
  put $(($1 * 512 + 148)) '        '
  sum=$(dd if=x.tar bs=512 skip="$1" count=1 status=none | od -An -v -tu1 | awk '{ for (i = 1; i <= NF; i++) s += $i } END { print s }')
  put $(($1 * 512 + 148)) "$(printf '%06o' "$sum")\0 "
}

# Three entries: a header at 0, one with its data at 512 and 1024, one at 1536.
make_archive()
{
  printf 'directory\tpath=d\nfile\tpath=d/file\tdata=hello\nfile\tpath=last\n' | "$tool" write >x.tar
}

@test "tar: a wrong checksum names the archive, the entry, the place, both sums" {
  make_archive
  put 512 X
  run --separate-stderr "$tool" list x.tar
  assert_status 125
  [[ $stderr =~ 'x.tar: entry 2 at byte 512 ("X/file"): checksum 0'[0-7]+', computed 0'[0-7]+$ ]] || fail "it says: $stderr"
}

@test "tar: what is no archive at all is said not to be one" {
  : >x.tar
  refused_with 'an empty file'
  printf 'hello' >x.tar
  refused_with 'is it one?'
  head -c 4096 /dev/urandom >x.tar
  refused_with 'is it one?'
  make_archive
  gzip x.tar
  refused_with 'is it one?' x.tar.gz
}

@test "tar: one that was cut short, wherever that was" {
  local length
  make_archive
  mv x.tar whole
  for length in 1 511 513 1023 1025 1300 1535 1537; do
    head -c "$length" whole >x.tar
    refused_with 'cut short'
  done
  for length in 512 1536 2048; do
    head -c "$length" whole >x.tar
    refused_with 'cut short'
  done
  head -c 2560 whole >x.tar # one block of zeros: some writers leave it at that
  run "$tool" list x.tar
  assert_status 0
}

@test "tar: numbers that are none, too large, or negative" {
  make_archive
  put 636 '0000000000z\0'
  resum 1
  refused_with 'entry 2 at byte 512 ("d/file"): its header: what should be an octal number is none: "0000000000z"'
  make_archive
  put 636 '\377\377\377\377\377\377\377\377\377\377\377\376'
  resum 1
  refused_with 'a negative number'
  make_archive
  put 636 '\200\001\377\377\377\377\377\377\377\377\377\376'
  resum 1
  refused_with 'more than 64 bits'
  make_archive
  put 636 '777777777777' # 68 GB, where nothing follows
  resum 1
  refused_with 'which is the limit'
  make_archive
  put 620 '\200\0\0\377\377\377\377\377' # uid 2^40 - 1
  resum 1
  refused_with 'too large'
}

# A pax header of these bytes, and an entry after it.
make_records()
{
  python3 - "$1" <<'END' >x.tar
import io, sys, tarfile
data = sys.argv[1].encode().decode("unicode_escape").encode()
with tarfile.open(fileobj=sys.stdout.buffer, mode="w|", format=tarfile.USTAR_FORMAT) as archive:
    header = tarfile.TarInfo("header")
    header.type, header.size = b"x", len(data)
    archive.addfile(header, io.BytesIO(data))
    archive.addfile(tarfile.TarInfo("f"))
END
}

@test "tar: pax records that lie about their lengths, or say nonsense" {
  local record
  make_records '12 path=abc\n6 a=b\n'
  run "$tool" list x.tar
  assert_output_has 'file abc '
  for record in '13 path=abc\n' '99 path=abc\n' ' 12 path=abc\n' '0 path=abc\n' '2 path=abc\n' '3 path=abc\n' \
    '11 path=abc\n' '18446744073709551616 path=abc\n' '-12 path=abc\n' '12path=abc\n' '12 path=abc\n1 ' '12'; do
    make_records "$record"
    refused_with 'entry 1 at byte 0 ("header"): an extended header has a record whose length is not what it says'
  done
  for record in '11 pathabc\n' '7 =abc\n'; do
    make_records "$record"
    refused_with 'not KEY=VALUE'
  done
  make_records '11 size=1x\n'
  refused_with 'a number that is none'
  make_records '18 uid=4294967295\n'
  refused_with 'too large'
  make_records '15 mtime=12:00\n'
  refused_with 'a time that is none'
  make_records '14 path=/e\x00tc\n'
  refused_with 'has a NUL in it'
  make_records '18 SCHILY.xattr.=\n'
  refused_with 'an extended attribute without a name'
}

@test "tar: maps of files with holes that make no sense" {
  local map
  for map in '0,5,0,5' '0,5,3,5' '0,99999999' '5' 'a,b' '0,4' '99999999999,1' '0,-5' ',' '0,5,'; do
    python3 - "$map" <<'END' >x.tar
import io, sys, tarfile
archive = tarfile.open(fileobj=sys.stdout.buffer, mode="w|", format=tarfile.PAX_FORMAT)
entry = tarfile.TarInfo("f")
entry.size = 5
entry.pax_headers = {"GNU.sparse.size": "100", "GNU.sparse.map": sys.argv[1]}
archive.addfile(entry, io.BytesIO(b"12345"))
archive.close()
END
    refused_with 'the map of a file with holes'
  done
}

@test "tar: no end to names, headers, or files is more than we take" {
  printf 'file\tpath=%4096s\n' x | tr ' ' a | "$tool" write >x.tar
  refused_with 'the length of its name: more than 4095, which is the limit'
  printf 'file\tpath=x\txattr=user.a=%1100000s\n' x | "$tool" write >x.tar
  refused_with 'the bytes of a header: more than 1048576, which is the limit'
  truncate -s 10G huge
  tar -Scf x.tar huge
  refused_with 'the bytes of all files: more than 8589934592, which is the limit'
}

@test "tar: kinds of entries that we do not take are named" {
  make_archive
  put 668 V
  resum 1
  refused_with "of the type 'V', which we do not take"
}

@test "tar: no name of an archive gives orders to a terminal" {
  printf 'file\tpath=\033]0;x\007\n' | "$tool" write >x.tar
  put 0 A
  refused_with 'checksum'
  [[ $stderr != *$'\033'* ]] || fail "an escape sequence has come through"
}
