#!/usr/bin/env bats
# The language of builds: what is read, what variables become, what is left out of
# a context; and what is wrong, with the file and the line.

# shellcheck disable=SC2154 # status, output and stderr are set by run
# shellcheck disable=SC1003,SC2016 # no variable here is for this shell, nor any \

load helpers
load image

# reads TEXT: the output is what is in it, a line for each instruction
reads()
{
  printf '%b' "$1" >Containerfile
  run --separate-stderr "$tool" containerfile Containerfile
  assert_status 0
}

# refuses TEXT MESSAGE
refuses()
{
  printf '%b' "$1" >Containerfile
  run --separate-stderr "$tool" containerfile Containerfile
  assert_status 125 "must be refused: $1"
  assert_equal "[ns] error: Containerfile:$2" "${stderr%%$'\n'*}"
}

# --- What is read ---------------------------------------------------------------

@test "every instruction, in both forms where it has two" {
  reads 'ARG BASE=alpine:3\nFROM $BASE AS build\nRUN echo a && echo b\nrun ["echo", "a b"]\nCOPY --from=x --chown=1:2 a b /c/\nADD ["a b", "/c"]
ENV A=1 B="2 3"\nENV C 4  5\nLABEL "x.y"=z\nWORKDIR /a b\nUSER nobody\nCMD ["sh"]\nENTRYPOINT exec sh\nEXPOSE 80 90/udp\nVOLUME /a /b
STOPSIGNAL SIGINT\nSHELL ["/bin/sh", "-ec"]\nARG X Y=\nFROM scratch\nCMD []\n'
  assert_equal '1:0 ARG BASE=alpine:3
2:0 FROM $BASE AS build
3:0 RUN echo\040a\040&&\040echo\040b
4:0 RUN json echo a\040b
5:0 COPY --from=x --chown=1:2 a b /c/
6:0 ADD json a\040b /c
7:0 ENV A=1 B="2\0403"
8:0 ENV C=4\040\0405
9:0 LABEL "x.y"=z
10:0 WORKDIR /a\040b
11:0 USER nobody
12:0 CMD json sh
13:0 ENTRYPOINT exec\040sh
14:0 EXPOSE 80 90/udp
15:0 VOLUME /a /b
16:0 STOPSIGNAL SIGINT
17:0 SHELL json /bin/sh -ec
18:0 ARG X Y=
19:1 FROM scratch
20:1 CMD json' "$output"
}

@test "lines go on, with remarks and empty lines in between; RUN keeps its own #" {
  reads '# syntax=docker/dockerfile:1\n\nFROM a\nRUN one \\\n  # a remark\n\n  two # not one\\\n three\n# end\nCMD x'
  assert_equal '3:0 FROM a
4:0 RUN one\040\040\040two\040#\040not\040one\040three
10:0 CMD x' "$output"
}

@test "another escape character, the ends of lines of another system, a mark at the beginning" {
  reads '# escape=`\nFROM a\nRUN one `\n two\\\nCMD x\n'
  assert_output_has '3:0 RUN one\040\040two\134'
  reads '\xef\xbb\xbfFROM a\r\nRUN b \\\r\n c\r\n'
  assert_equal '1:0 FROM a
2:0 RUN b\040\040c' "$output"
}

@test "files within the file: for RUN, for COPY, several, quoted, without tabs" {
  reads 'FROM a\nRUN <<EOF\nset -e\necho $x\nEOF\nCOPY <<one <<"two" /d/\n1 $x\n# no remark\none\n2\\\ntwo\nRUN cat <<-E >f && echo\n\t\tx\n\tE\nCMD z'
  assert_equal '1:0 FROM a
2:0 RUN <<EOF EOF:expanded:set\040-e\012echo\040$x\012
6:0 COPY <<one <<"two" /d/ one:expanded:1\040$x\012#\040no\040remark\012 two:as-it-is:2\134\012
12:0 RUN cat\040<<-E\040>f\040&&\040echo E:expanded:x\012
15:0 CMD z' "$output"
  reads 'FROM a\nRUN cat <<<x; echo "<<EOF" $((1 << 2))\n'
  assert_output_lacks 'expanded:'
}

@test "[ is also a command: only what can be an array is one" {
  reads 'FROM a\nRUN [ -f x ] && y\nRUN [ "$a" = b ] || c\nRUN [ "a" ]\nRUN [ "a" , "b" ]\nCOPY [a-z]* /x/\n'
  assert_equal '2:0 RUN [\040-f\040x\040]\040&&\040y
3:0 RUN [\040"$a"\040=\040b\040]\040||\040c
4:0 RUN json a
5:0 RUN json a b
6:0 COPY [a-z]* /x/' "$(tail -n +2 <<<"$output")"
}

@test "a long line is one like any other" {
  { printf 'FROM a\nRUN '; head -c 1000000 /dev/zero | tr '\0' x; } >Containerfile
  "$tool" containerfile Containerfile >out
  assert_equal 1000020 "$(wc -c <out)"
}

# --- What is wrong ----------------------------------------------------------------

@test "an unknown instruction, and what was meant" {
  refuses 'FROM a\n\n\n\n\n\nCOPPY a b\n' '7: unknown instruction "COPPY"; did you mean COPY?'
  refuses 'FORM a\n' '1: unknown instruction "FORM"; did you mean FROM?'
  refuses 'FROM a\nxyz b\n' '2: unknown instruction "xyz"'
  refuses 'FROM a\nenv\\\nx\n' '2: unknown instruction "envx"; did you mean ENV?'
  refuses 'FROM a\nONBUILD RUN x\n' '2: ONBUILD: an OCI image has no place for it'
  reads 'FROM a\nHEALTHCHECK NONE\nMAINTAINER me\nCMD x\n'
  assert_stderr_has 'Containerfile:2: HEALTHCHECK is passed over'
  assert_output_has 'CMD x'
}

@test "no FROM, or something before it" {
  refuses '' '1: there is no FROM in it: nothing to build upon (FROM scratch is an empty image)'
  refuses '# nothing\n\n' '2: there is no FROM in it: nothing to build upon (FROM scratch is an empty image)'
  refuses 'RUN x\nFROM a\n' '1: RUN before the first FROM: only ARG may stand there'
  refuses 'FROM\n' '1: FROM: expected IMAGE or IMAGE AS NAME'
  refuses 'FROM a b\n' '1: FROM: expected IMAGE or IMAGE AS NAME'
  refuses 'FROM a as\n' '1: FROM: expected IMAGE or IMAGE AS NAME'
  refuses 'FROM a AS 1x\n' '1: FROM … AS 1x: a name begins with a letter, and has letters, digits, - _ and . in it'
  refuses 'FROM a AS x\nFROM b AS X\n' '2: FROM … AS X: stage 0 has that name'
}

@test "what is not finished" {
  refuses 'FROM a\nRUN b \\\n' '2: it ends in the middle: a \ at the end of its last line says that there is more'
  refuses 'FROM a\nRUN <<EOF\nx\n' '2: <<EOF is not ended: there is no line EOF'
  refuses 'FROM a\nCOPY "a b\n' '2: a quote that is not closed: "a b'
  refuses 'FROM a\nENV A="x\n' '2: a quote that is not closed: A="x'
}

@test "arrays that are none" {
  refuses 'FROM a\nCMD ["a",\n' '2: CMD: not an array of strings: ["a",'
  refuses 'FROM a\nCMD ["a"\n' '2: CMD: not an array of strings: ["a"'
  refuses 'FROM a\nRUN ["a", b]\n' '2: RUN: not an array of strings: ["a", b]'
  refuses 'FROM a\nENTRYPOINT ["a"] b\n' '2: ENTRYPOINT: not an array of strings: ["a"] b'
  refuses 'FROM a\nSHELL /bin/sh\n' '2: SHELL: not an array of strings: /bin/sh'
  refuses 'FROM a\nSHELL []\n' '2: SHELL: expected an array, such as ["/bin/sh", "-c"]'
  printf 'FROM a\nCMD ["\\q"]\n' >Containerfile
  run "$tool" containerfile Containerfile
  assert_status 125
  assert_output_has 'Containerfile:2: CMD:1: '
}

@test "too little, or of the wrong kind" {
  refuses 'FROM a\nENV A\n' '2: ENV A: expected NAME=VALUE'
  refuses 'FROM a\nENV A=1 B\n' '2: ENV B: expected NAME=VALUE; a value with blanks stands in quotes'
  refuses 'FROM a\nENV =1\n' '2: ENV =1: no name before the ='
  refuses 'FROM a\nLABEL\n' '2: LABEL: expected NAME=VALUE'
  refuses 'FROM a\nARG\n' '2: ARG: expected NAME or NAME=VALUE'
  refuses 'FROM a\nCOPY a\n' '2: COPY: expected a source and a destination'
  refuses 'FROM a\nRUN\n' '2: RUN: expected a command'
  refuses 'FROM a\nWORKDIR\n' '2: WORKDIR: expected a path'
  refuses 'FROM a\nUSER\n' '2: USER: expected USER or USER:GROUP'
  local port
  for port in 99999 0 x -1 80/sctp 90-80 1.5 80-; do
    refuses "FROM a\nEXPOSE 80 $port\n" "2: EXPOSE $port: expected a port from 1 to 65535, or a range, and /tcp or /udp"
  done
  reads 'FROM a\nEXPOSE $PORT 1 65535/TCP 80-90/udp\n'
}

@test "flags that are unknown, twice, or empty; a stage that is not there" {
  refuses 'FROM a\nCOPY --fron=b c d\n' '2: COPY: unknown flag --fron; did you mean --from?'
  refuses 'FROM a\nRUN --mount=type=cache x\n' '2: RUN: unknown flag --mount'
  refuses 'FROM a\nCOPY --from a b\n' '2: COPY: --from: expected a value behind a ='
  refuses 'FROM a\nCOPY --from= a b\n' '2: COPY: --from: expected a value behind a ='
  refuses 'FROM a\nCOPY --chown=1 --chown=2 a b\n' '2: COPY: --chown twice'
  refuses 'FROM a\nCOPY --from=9 a b\n' '2: COPY --from=9: there is no such stage before this one, which is number 0'
  refuses 'FROM a\nFROM b\nCOPY --from=1 a b\n' '3: COPY --from=1: there is no such stage before this one, which is number 1'
  reads 'FROM a\nFROM b\nCOPY --from=0 a b\n'
}

@test "what is no text, and what gives orders to a terminal" {
  refuses 'FROM a\n\nRUN \0x\n' '3: a NUL in it: is it text?'
  printf '\033]0;x\007 a\n' >Containerfile
  run "$tool" containerfile Containerfile
  assert_status 125
  assert_output_lacks $'\033'
  refuses '# escape=x\nFROM a\n' '1: escape=: expected \ or `'
}

# --- Variables ----------------------------------------------------------------------

expands()
{
  run "$tool" expand "$1" A=a EMPTY= PATH=/bin 'S=x y' "$2"
  assert_equal "<$3>" "$output" "$1"
}

@test "variables, with what stands for them where they are not set or empty" {
  expands '$A' '' 'a'
  expands 'x${A}y$A/$A' '' 'xaya/a'
  expands '$none|${none}|$' '' '||$'
  expands '$A_ $1 $- ${A}_' '' ' $1 $- a_'
  expands '${A:-b} ${none:-b} ${EMPTY:-b} ${EMPTY-b} ${none-b}' '' 'a b b  b'
  expands '${A:+b} ${none:+b} ${EMPTY:+b} ${EMPTY+b} ${none+b}' '' 'b   b '
  expands '${none:-${other:-$A}}' '' 'a'
  expands '${A:-${none:-$(}}' '' 'a'
  expands '${none:-"a } b"}x' '' 'a } bx'
  expands '${A:?no} ${none:+${other:?not asked}}' '' 'a '
  expands '/opt:$PATH' '' '/opt:/bin'
  expands '$S' '' 'x y'
}

@test "quotes and escapes" {
  expands "'\$A' \"\$A\" \\\$A" '' '$A a $A'
  expands '"a\"b\$c\d\\"' '' 'a"b$c\d\'
  expands 'a\ b\' '' 'a b\'
  expands "\"it's\" 'say \"x\"'" '' "it's say \"x\""
}

@test "what is wrong with a word" {
  local word
  for word in '${A' '${' '${}' '${A:x}' '${A:-b' '"a' "'a" '${none:?}' '${A#x}' '${A:}'; do
    run "$tool" expand "$word" A=a
    assert_status 125 "$word must be refused"
  done
  run "$tool" expand "$(printf '${a:-%.0s' {1..100})$(printf '}%.0s' {1..100})"
  assert_output_has 'too many ${ in each other'
  run "$tool" expand "$(printf '$A%.0s' {1..3000})" A="$(printf 'x%.0s' {1..1000})"
  assert_output_has 'more than 1 MiB'
}

# --- What is left out ---------------------------------------------------------------

# left_out PATTERNS PATH…: prints those that are
left_out()
{
  printf '%b' "$1" >ignore
  printf '%s\n' "${@:2}" | "$tool" ignore ignore | tr '\n' ' '
}

@test "ignore: patterns within one part of a path" {
  assert_equal 'a.o ' "$(left_out '*.o\n' a.o d/a.o a.c)"
  assert_equal 'd/a.o ' "$(left_out '*/*.o\n' a.o d/a.o d/e/a.o)"
  assert_equal 'ab ' "$(left_out 'a?\n' a ab abc a/)"
  assert_equal 'a1 a2 ' "$(left_out 'a[1-3]\n!a3' a1 a2 a3 a4)"
  assert_equal 'a4 ' "$(left_out 'a[^1-3]\n' a1 a4)"
  assert_equal 'a* ' "$(left_out 'a\\*\n' 'a*' ab)"
  assert_equal 'a] a- ' "$(left_out 'a[]-]\n' 'a]' a- ab)"
  assert_equal '' "$(left_out 'a[!b]c\n' a/c abc)"
}

@test "ignore: a directory, and all in it" {
  assert_equal 'd d/a d/e/f ' "$(left_out 'd\n' d d/a d/e/f dd e/d)"
  assert_equal 'd/e d/e/f ' "$(left_out '/d//./e/\n' d d/e d/e/f)"
  assert_equal 'x ' "$(left_out 'a/../x\n' x a a/x)"
}

@test "ignore: ** is any number of parts, also none" {
  assert_equal 'x a/x a/b/x ' "$(left_out '**/x\n' x a/x a/b/x ax a/xx)"
  assert_equal 'a/b a/b/c ' "$(left_out 'a/**\n' a a/b a/b/c b)"
  assert_equal 'a/x a/b/x a/b/c/x ' "$(left_out 'a/**/x\n' a/x a/b/x a/b/c/x x ax)"
  assert_equal 'a b/c ' "$(left_out '**\n' a b/c)"
  assert_equal 'a.go d/a.go d/e/a.go ' "$(left_out '**/*.go\n' a.go d/a.go d/e/a.go a.c)"
}

@test "ignore: exceptions, and the last word counts" {
  assert_equal 'docs docs/a ' "$(left_out 'docs\n!docs/README\n' docs docs/a docs/README x)"
  assert_equal 'a b/c b/d/e ' "$(left_out '*\n!b/d\nb/d/e\n' a b/c b/d b/d/e b/d/f)"
  assert_equal 'a ' "$(left_out '!a\na\n' a)"
}

@test "ignore: remarks, blanks, the ends of lines of another system" {
  assert_equal 'a b ' "$(left_out '\xef\xbb\xbf# c\n\n  a  \r\n\tb\nc#\n' a b c '# c')"
}

@test "ignore: what is wrong with a pattern" {
  local text
  for text in 'a\n[b\n' 'a\nb\\\n' 'a\n!\n' 'a\n../b\n' 'a\nb\0c\n' 'a\na[]\n'; do
    printf '%b' "$text" >ignore
    run "$tool" ignore ignore </dev/null
    assert_status 125 "must be refused: $text"
    assert_output_has 'ignore:2: '
  done
}

@test "ignore: no pattern takes for ever" {
  printf '%s\n' "$(printf '*a%.0s' {1..500})b" "$(printf '**/a%.0s' {1..500})" >ignore
  printf 'a%.0s' {1..4000} >path
  echo >>path
  run timeout 60 "$tool" ignore ignore <path
  assert_status 0
}
