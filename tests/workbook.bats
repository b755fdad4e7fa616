#!/usr/bin/env bats
# shellcheck disable=SC2016 # what looks like an expansion is for a shell of the lesson
#
# The tools of tests/workbook, each on a small workbook of its own. Most tests are controls: what is wrong in a lesson,
# an exercise or an experiment must be found, by its line.

load helpers

setup() {
  tools=$BATS_TEST_DIRNAME/workbook
  export WORKBOOK=$BATS_TEST_TMPDIR/workbook
  mkdir -p "$WORKBOOK"/{lessons,steps/01-hello/{exercises,break},steps/02-bye,tests/steps}
  cd "$WORKBOOK" || return
  make_step
}

# A step that greets, with an exercise of each level, three experiments and three tests.
make_step() {
  cat >Makefile <<'MAKE'
step-01: steps/01-hello/main.c
exercises/01-hello/step-01: exercises/01-hello/main.c
step-01-broken: $(BROKEN)
step-01 exercises/01-hello/step-01 step-01-broken:
	$(CC) -o $@ $<
MAKE
  cat >steps/01-hello/main.c <<'C'
#include <stdio.h>

int main(int argc, char **argv)
{
    const char *name = "world";
    int status = 0;
    //> name
    if (argc > 1)
        name = argv[1];
    //< name
    if (argc > 2) {
        //> status
        status = 3;
        //< status
    }
    //> greeting
    printf("hello %s\n", name);
    //< greeting
    (void)argv;
    return status;
}
C
  sed 's/hello/bye/' steps/01-hello/main.c >steps/02-bye/main.c
  sed -i 's/<stdio.h>/"common\/base\/log.h"/' steps/02-bye/main.c

  exercise_text greeting easy 'greets' >steps/01-hello/exercises/greeting.txt
  exercise_text name main 'greets by name' >steps/01-hello/exercises/name.txt
  exercise_text status stretch 'says when there are (too) many' >steps/01-hello/exercises/status.txt
  experiment 's/hello/hallo/' 'greets' >steps/01-hello/break/greeting.patch
  experiment 's/argv\[1\]/argv[0]/' 'greets by name' >steps/01-hello/break/by-name.patch
  experiment 's/= 3/= 0/' 'says when there are (too) many' >steps/01-hello/break/status.patch
  # bats takes every line that begins with @test for one of ours.
  sed 's/^-//' >tests/steps/01-hello.bats <<'BATS'
-@test "greets" {
  run "$STEP"
  [[ $output == hello* ]] || { echo "nobody was greeted: printf(3)"; false; }
}
-@test "greets by name" {
  run "$STEP" you
  [[ $output == *you ]] || { echo "the name was not used"; false; }
}
-@test "says when there are (too) many" {
  run "$STEP" you me
  [ "$status" -eq 3 ] || { echo "expected exit status 3, got $status"; false; }
}
BATS
}

exercise_text() { # exercise_text NAME LEVEL TEST
  cat <<TEXT
level: $2
title: The $1
task: Make the program do what the test asks of it, in as many words as it takes to
  fill more than one line of the comment.

  A new paragraph, and code:
      stays  as  it is */
hint: vague
hint: a bit
  more
fails: $3
TEXT
}

experiment() { # experiment SED-SCRIPT TEST [FILE]
  local file=steps/01-hello/${3:-main.c}
  printf 'what: something\nsee: something else\nfails: %s\n\n' "$2"
  diff -u --label "a/$file" --label "b/$file" "$file" <(sed "$1" "$file") || true
}

has() {
  [[ $output == *"$1"* ]] || { printf 'missing: %s\nin:\n%s\n' "$1" "$output"; false; }
}

lacks() {
  [[ $output != *"$1"* ]] || { printf 'not expected: %s\nin:\n%s\n' "$1" "$output"; false; }
}

# lesson: its text comes from stdin.
lesson() {
  cat >lessons/01-hello.md
}

works() { run "$@"; [ "$status" -eq 0 ] || { echo "status $status: $output"; false; }; }
fails() { run "$@"; [ "$status" -ne 0 ] || { echo "should have failed: $output"; false; }; }

@test "every tool explains itself" {
  for tool in console quotes links exercise check break diff prove-exercises prove-breaks; do
    works "$tools/$tool" --help
    has "usage: tests/workbook/$tool"
    fails "$tools/$tool" --nonsense
  done
}

# --- console --------------------------------------------------------------------

@test "console: one shell runs all blocks, in order, in a copy" {
  lesson <<'MD'
```console
$ x=5; mkdir here; cd here
$ pwd
…/nsctl/here
```
```console
$ echo "it's $x"; echo >&2 to stderr; false
it's 5
to stderr
$ echo $?
1
$ cat <<END
> two
> $x lines
> END
two
5 lines
$ cat
$ printf 'no line end'
no line end
```
MD
  works "$tools/console"
  has 'ok 6 - lessons/01-hello.md:18 $ cat'
  has '1..7'
  [ ! -e here ]
}

@test "console: what takes long to make comes along in the copy, the programs do not" {
  mkdir -p build/obj/steps build/rootfs/default/bin build/log
  touch build/obj/steps/main.o build/rootfs/default/bin/sh step-01 nsctl
  lesson <<'MD'
```console
$ find build step-01 nsctl -type f 2>/dev/null | sort
build/obj/steps/main.o
build/rootfs/default/bin/sh
```
MD
  works "$tools/console"
}

@test "minutes: words, quoted lines and commands are counted; of two versions of cgroups a reader has one" {
  lesson <<'MD'
one two three
```c
// steps/01-hello/main.c
int main(int argc, char **argv)
{
…
```
```console v1
$ true
```
```console v2
$ true
```
```console
$ true
…
$ true
```
MD
  works env WORDS_A_MINUTE=1 LINES_A_MINUTE=1 SECONDS_A_COMMAND=60 "$tools/minutes" lessons/01-hello.md
  has 'lessons/01-hello.md                       3      2         3    5 m    3 m'
}

@test "console: … is any text, a bracketed word one word, and nothing else is special" {
  lesson <<'MD'
```console
$ printf '%s\n' a b c 'pid 12 here' '[ns] x = (2)' 'a.*b'
a
…
pid [pid] h…
[ns] x = ([number])
a.*b
```
MD
  works "$tools/console"
  for wrong in '[xx] x = (2)' '[ns] x = (2 3)' '[ns] x = (2) more'; do
    lesson <<MD
\`\`\`console
\$ printf '%s\n' 'one' '$wrong'
one
[ns] x = ([number])
\`\`\`
MD
    fails "$tools/console"
  done
}

@test "console: a wrong output is shown by file, line and difference" {
  lesson <<'MD'
# A lesson
```console
$ true
$ printf '%s\n' one two 3 four
one
twq
[n]
…
```
MD
  fails "$tools/console" lessons/01-hello.md
  has 'ok 1 - lessons/01-hello.md:3 $ true'
  has 'not ok 2 - lessons/01-hello.md:4 $ printf'
  has '-twq'
  has '+two'
  lacks '-[n]'
  lacks '+four'
}

@test "console: a command in a block that nobody runs is an error" {
  printf '```text\n$ true\n```\n```c\nint x; /* $ y */\n```\n    $ not a block\n' | lesson
  fails "$tools/console"
  has 'not ok 1 - lessons/01-hello.md:2'
  has '1..1'
}

@test "console: output that is not printed in the lesson is a mismatch, and so is the lack of it" {
  printf '```console\n$ echo hi\n```\n' | lesson
  fails "$tools/console"
  printf '```console\n$ true\nhi\n```\n' | lesson
  fails "$tools/console"
}

@test "console: # goes to the shell that the last command started, and to no other" {
  lesson <<'MD'
```console
$ sh
# x=inner; echo $x
inner
# bash
# echo "-$x-"
--
# exit
# echo $x
inner
# exit
$ echo "-$x-"
--
$ true
# touch on-the-host
$ ls on-the-host
ls: cannot access 'on-the-host': No such file or directory
```
MD
  fails "$tools/console"
  has 'not ok 10 - lessons/01-hello.md:15 # touch on-the-host'
  has 'no shell is open'
  [ "$(grep -c '^not ok' <<<"$output")" -eq 1 ]
}

@test "console: a shell that is left open is noticed" {
  printf '```console\n$ sh\n# true\n$ echo host\nhost\n$ echo again\nagain\n```\n' | lesson
  fails "$tools/console"
  has 'not ok 3 - lessons/01-hello.md:4 $ echo host'
  has 'exit'
  has 'ok 4 - lessons/01-hello.md:6 $ echo again'
}

@test "console: a command that does not end, or ends the shell, ends the lesson" {
  printf '```console\n$ sleep 1000\n$ true\n```\n' | lesson
  CONSOLE_TIMEOUT=1 fails "$tools/console"
  has 'not done after 1 seconds'
  has 'not ok 2 - lessons/01-hello.md:3 $ true'
  printf '```console\n$ exit\n$ true\n```\n' | lesson
  fails "$tools/console"
  has 'the shell has ended'
  has '1..2'
}

@test "console: blocks that cannot run here are skipped, those that never run are counted" {
  lesson <<'MD'
```console v1
$ true
```
```console v2
$ true
```
```console not-run: it takes a day
$ false
```
MD
  works "$tools/console"
  [ "$(grep -c '# skip needs cgroup v' <<<"$output")" -eq 1 ]
  has '# lessons/01-hello.md:7 is not run: it takes a day'
  works "$tools/console" --list
  has 'lessons/01-hello.md: 3 blocks, 1 run, 2 not run'
}

@test "console: a block that nobody can understand is an error" {
  printf '```console rot\n$ true\n```\n```console\noutput\n```\n```console not-run:\n$ x\n```\n' | lesson
  fails "$tools/console"
  [ "$(grep -c '^not ok' <<<"$output")" -eq 3 ]
  has 'what does "rot" mean?'
}

@test "console: root becomes an ordinary user for a user's block, and terminals are apart" {
  lesson <<'MD'
```console user
$ test "$(id -u)" != 0 && touch mine && echo ordinary
ordinary
```
```console
$ x=1
```
```console terminal-2
$ echo "x is $x"; ls mine
x is
mine
```
MD
  works "$tools/console"
}

@test "console: root has a sudo even where there is none" {
  requires root
  printf '```console root\n$ sudo -E A=1 sh -c "echo \\$A; id -u"\n1\n0\n```\n' | lesson
  works "$tools/console"
}

@test "console: what a lesson leaves mounted is an error, and taken away without loss" {
  requires root
  mkdir precious && touch precious/file
  printf '```console\n$ mkdir m\n$ sudo mount --bind %s m\n```\n' "$PWD/precious" | lesson
  fails unshare --mount "$tools/console"
  has 'still mounted'
  [ -e precious/file ]
}

# --- quotes ------------------------------------------------------------------------

@test "quotes: parts that stand in the file, in order, pass" {
  lesson <<'MD'
```c
// steps/01-hello/main.c
    int status = 0;
    if (argc > 1)
        name = argv[1];
…
    return status;
```
MD
  works "$tools/quotes"
}

@test "quotes: what is stale, out of order, indented otherwise or of no file fails" {
  lesson <<'MD'
```c
// steps/01-hello/main.c
    int status = 1;
```
```c
// steps/01-hello/main.c
    return status;
…
    int status = 0;
```
```c
// steps/01-hello/main.c
int status = 0;
```
```c
    int status = 0;
```
```c
// steps/01-hello/gone.c
    int status = 0;
```
MD
  fails "$tools/quotes"
  [ "$(grep -c '^not ok' <<<"$output")" -eq 5 ]
  has 'no such line:     int status = 1;'
}

# --- links -------------------------------------------------------------------------

@test "links: files, headings, images and man pages that are there pass" {
  touch lessons/figure.svg
  printf '# A `heading`: it is… here!\n## Again\n## Again\n' >lessons/other.md
  lesson <<'MD'
[one](other.md#a-heading-it-is-here), [two](other.md#again-1), ![three](figure.svg), [](../steps/01-hello/main.c#L3)
clone(2), [`pivot_root(2)`](https://man7.org/linux/man-pages/man2/pivot_root.2.html), `exit(1) = ?`, [over two
lines](other.md)
```console
$ echo "[no](link)" mount(9)
```
MD
  works "$tools/links"
}

@test "links: a dead link, heading, image or line, and a misspelt or misplaced man page fail" {
  cat >lessons/01-hello.md <<'MD'
[one](gone.md) [two](#gone) ![three](gone.svg) [four](../steps/01-hello/main.c#L999)
<img src="gone.png"> clone(3), pivotroot(2)
[clone(2)](https://man7.org/linux/man-pages/man2/clone3.2.html)
[the page](https://man7.org/linux/man-pages/man2/clone.2.html)
MD
  fails "$tools/links"
  [ "$(grep -c 'lessons/01-hello.md:[1-4]: ' <<<"$output")" -eq 9 ]
}

# --- exercise, check -----------------------------------------------------------------

@test "exercise: tasks stand where the answers stood, within 80 columns" {
  works "$tools/exercise" 01
  has 'sudo make check-01'
  grep -qF '    /* Exercise name (main): The name' exercises/01-hello/main.c
  grep -qF '     *     stays  as  it is * /' exercises/01-hello/main.c
  grep -qF '     * Hint: vague' exercises/01-hello/main.c
  run ! grep -qE 'argv\[1\]|//[<>]|.{81}' exercises/01-hello/main.c
  make -s exercises/01-hello/step-01
}

@test "exercise: a student's work is not overwritten, and kept when it is" {
  works "$tools/exercise" 01
  works "$tools/exercise" 1
  echo '// mine' >>exercises/01-hello/main.c
  fails "$tools/exercise" 01
  has 'holds your work'
  tail -n 1 exercises/01-hello/main.c | grep -q mine
  works "$tools/exercise" 01 --force
  grep -q mine exercises/01-hello/main.c.bak
  run ! grep -q mine exercises/01-hello/main.c
}

@test "exercise: hints come one by one, and end" {
  works "$tools/exercise" 01 --hint name
  [ "$output" = 'a bit more' ]
  works "$tools/exercise" 01 --hint name 1
  [ "$output" = vague ]
  fails "$tools/exercise" 01 --hint name 3
  has 'there are 2 hints'
  fails "$tools/exercise" 01 --hint nobody
}

@test "check: says what is good and what is missing, in the words of the test" {
  fails "$tools/check" 01
  has 'make exercise-01'
  "$tools/exercise" 01
  fails "$tools/check" 01
  has 'MISSING  greeting'
  has '         nobody was greeted: printf(3)'
  has '0 of 3 exercises, 0 of 6 points'
  "$tools/exercise" 01 --only status --output exercises/01-hello/main.c
  fails "$tools/check" 01
  has 'GOOD     name'
  has '         expected exit status 3, got 0'
  has '2 of 3 exercises, 3 of 6 points'
  cp steps/01-hello/main.c exercises/01-hello/main.c
  works "$tools/check" 01
  has '3 of 3 exercises, 6 of 6 points'
}

@test "check: what hangs is not waited for as long as where all must be proved" {
  "$tools/exercise" 01
  sed -i 's/@test "greets" {/&\n  echo "patience $NSCTL_TEST_PATIENCE" >\&2/' tests/steps/01-hello.bats
  fails "$tools/check" 01
  [[ $output =~ 'patience '([0-9]+) ]] && ((BASH_REMATCH[1] >= 3 && BASH_REMATCH[1] <= 10))
  NSCTL_TEST_PATIENCE=77 fails "$tools/check" 01
  has 'patience 77'
}

@test "check: what does not compile is not tested" {
  mkdir -p exercises/01-hello
  echo 'int main(void) { return x; }' >exercises/01-hello/main.c
  fails "$tools/check" 01
  has 'does not compile'
  lacks MISSING
}

@test "exercises and experiments: another file of the step may hold them" {
  sed -i 's/^    return status;/    return twice(status);/; s/^int main/int twice(int);\n&/' steps/01-hello/main.c
  printf 'int twice(int);\nint twice(int n)\n{\n    //> twice\n    n *= 2;\n    //< twice\n    return n;\n}\n' >steps/01-hello/twice.c
  cat >Makefile <<'MAKE'
step-01: steps/01-hello/main.c steps/01-hello/twice.c
exercises/01-hello/step-01: exercises/01-hello/main.c exercises/01-hello/twice.c
step-01-broken: $(BROKEN) $(if $(filter %/main.c,$(BROKEN)),steps/01-hello/twice.c,steps/01-hello/main.c)
step-01 exercises/01-hello/step-01 step-01-broken:
	$(CC) -o $@ $^
MAKE
  sed -i 's/-eq 3 /-eq 6 /; s/exit status 3/exit status 6/' tests/steps/01-hello.bats
  exercise_text twice main 'says when there are (too) many' >steps/01-hello/exercises/twice.txt
  experiment 's/hello/hallo/' 'greets' >steps/01-hello/break/greeting.patch
  experiment 's/argv\[1\]/argv[0]/' 'greets by name' >steps/01-hello/break/by-name.patch
  experiment 's/\*= 2/*= 3/' 'says when there are (too) many' twice.c >steps/01-hello/break/status.patch

  works "$tools/exercise" 01
  grep -qF 'Exercise twice (main)' exercises/01-hello/twice.c
  run ! grep -q twice\; exercises/01-hello/twice.c
  works "$tools/exercise" 01 --hint twice
  works "$tools/prove-exercises" 01
  has 'steps/01-hello without twice: "says when there are (too) many" notices'
  works "$tools/prove-breaks" 01
  works "$tools/break" 01 status
  cp steps/01-hello/*.c exercises/01-hello/
  works "$tools/check" 01
  has '4 of 4 exercises'
}

@test "exercises and experiments: so may a file of common/runtime that the step teaches, and no other" {
  mkdir -p common/runtime
  echo '/* taught in: step 01, lessons/01-hello.md */' >common/runtime/twice.h
  sed -i 's/^    return status;/    return twice(status);/; s/^int main/int twice(int);\n&/' steps/01-hello/main.c
  printf 'int twice(int);\nint twice(int n)\n{\n    //> twice\n    n *= 2;\n    //< twice\n    return n;\n}\n' >common/runtime/twice.c
  cat >Makefile <<'MAKE'
step-01: steps/01-hello/main.c common/runtime/twice.c
step-01-broken: $(BROKEN) $(if $(filter %/main.c,$(BROKEN)),common/runtime/twice.c,steps/01-hello/main.c)
step-01 step-01-broken:
	$(CC) -o $@ $^
MAKE
  sed -i 's/-eq 3 /-eq 6 /; s/exit status 3/exit status 6/' tests/steps/01-hello.bats
  exercise_text twice main 'says when there are (too) many' >steps/01-hello/exercises/twice.txt
  experiment 's/hello/hallo/' 'greets' >steps/01-hello/break/greeting.patch
  experiment 's/argv\[1\]/argv[0]/' 'greets by name' >steps/01-hello/break/by-name.patch
  experiment 's/\*= 2/*= 3/' 'says when there are (too) many' ../../common/runtime/twice.c |
    sed 's,steps/01-hello/../../,,' >steps/01-hello/break/status.patch

  works "$tools/exercise" 01
  grep -qF 'Exercise twice (main)' exercises/01-hello/twice.c
  works "$tools/prove-exercises" 01
  works "$tools/prove-breaks" 01
  works "$tools/break" 01 status
  echo '/* taught in: step 02, lessons/02-bye.md */' >common/runtime/twice.h
  works "$tools/exercise" 01 --force
  lacks twice.c
  sed -i 's,/01-hello/,/02-bye/,' steps/01-hello/break/by-name.patch
  fails "$tools/break" 01 by-name
  has 'is for no file of steps/01-hello, common/runtime or common/image'
}

# --- break, diff ----------------------------------------------------------------------

@test "break: builds the broken step and says what to look at" {
  works "$tools/break" 01 by name
  has 'something else'
  has '+        name = argv[0];'
  [ "$(./step-01-broken you)" = 'hello ./step-01-broken' ]
  works "$tools/break" --list
  has 'make break-01-by-name'
  fails "$tools/break" 01 nothing
  has 'make break-01-by-name'

  works "$tools/break" --fit
  [ -z "$output" ]
  sed -i 's/status = 3/status = 4/' steps/01-hello/main.c
  fails "$tools/break" 01 status
  has 'does not fit'
  fails "$tools/break" --fit
  has 'status.patch does not fit'
  lacks greeting.patch
}

@test "break: where there is no patch, git does" {
  command -v git >/dev/null || return 0 # the test machine has only patch
  mkdir bin
  for program in bash cp dirname realpath sed mkdir git awk; do
    ln -s "$(command -v "$program")" bin/
  done
  PATH=$PWD/bin works "$tools/break" 01 status --output "$PWD/out/main.c"
  grep -q 'status = 0;$' out/main.c
  sed -i 's/status = 3/status = 4/' steps/01-hello/main.c
  PATH=$PWD/bin fails "$tools/break" 01 status --output "$PWD/out/main.c"
  has 'does not fit'
}

@test "diff: shows what is new against the step before" {
  works "$tools/diff" 02
  has 'common/base/log.h'
  has '+    printf("bye %s\n", name);'
  works "$tools/diff" 01
  has 'before step 01 there is nothing'
}

# --- prove --------------------------------------------------------------------------------

@test "prove: good exercises and experiments pass" {
  works "$tools/prove-exercises" 01
  has 'ok 3 - steps/01-hello without greeting: "greets" notices'
  works "$tools/prove-breaks" 01
  has 'steps/01-hello broken by status: "says when there are (too) many" notices'
}

@test "prove-exercises: an incomplete text, a region without text and a text without region fail" {
  sed -i -e '/^task/,/^ *stays/d' -e 's/^hint: vague/hints: /' steps/01-hello/exercises/greeting.txt
  mv steps/01-hello/exercises/{name,other}.txt
  fails "$tools/prove-exercises" 01
  has 'greeting.txt: no task'
  has 'greeting.txt: what is "hints"?'
  has 'there is //> name in main.c, but no such file'
  has 'main.c has not one //> other'
}

@test "prove-exercises: a level that is missing, an unknown test and a test that never fails or fails without a word fail" {
  sed -i 's/^level: .*/level: easy/' steps/01-hello/exercises/*.txt
  sed -i 's/^fails: .*/fails: no such test/' steps/01-hello/exercises/greeting.txt
  sed -i 's/^fails: .*/fails: greets/' steps/01-hello/exercises/name.txt
  sed -i 's/echo "expected[^;]*; //' tests/steps/01-hello.bats
  fails "$tools/prove-exercises" 01
  has 'none is: main stretch'
  has 'has no test "no such test"'
  has 'the test passes all the same'
  has 'without a word'
}

@test "prove-exercises: an answer without which nothing compiles fails, and so does a test that the step fails" {
  sed -i 's/int status = 0;/int status/; s/status = 3;/; status = 3;/' steps/01-hello/main.c
  fails "$tools/prove-exercises" 01
  has 'steps/01-hello compiles'
  make_step
  sed -i 's|\[\[ $output == hello|[[ $output == hallo|' tests/steps/01-hello.bats
  fails "$tools/prove-exercises" 01
  has 'the step as it is does not pass that test'
}

@test "prove-breaks: a patch that does not fit or harms nothing, and fewer than three fail" {
  experiment 's/int argc/const int argc/' greets >steps/01-hello/break/greeting.patch
  sed -i 's/status = 3/status = 4/; s/ -eq 3 / -eq 4 /' steps/01-hello/main.c tests/steps/01-hello.bats
  rm steps/01-hello/break/by-name.patch
  fails "$tools/prove-breaks" 01
  has 'there are 2'
  has 'the test passes all the same'
  has 'does not fit'
}
