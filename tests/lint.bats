#!/usr/bin/env bats
# The house's own checks, each with its positive control: a little workbook that
# breaks one rule, and must be caught at it.

load helpers

setup()
{
  book=$BATS_TEST_TMPDIR/book
  mkdir -p "$book"/{steps/01-uts,steps/02-pid,common/base,common/kernel}
  write common/base/log.h '/* taught in: step 00, lessons/00-before-you-start.md */' 'int log_note(void);'
  write common/base/log.c '#include "common/base/log.h"' 'int log_note(void)' '{' '    return 0;' '}'
  write common/kernel/uts.h '/* taught in: step 01, lessons/01-uts.md */' 'int uts_set(const char *name);'
  write common/kernel/uts.c '#include "common/kernel/uts.h"' '#include "common/base/log.h"' \
    'int uts_set(const char *name)' '{' '    /* why */' '    return name[0] == "x"[0]; // so' '}'
  write common/kernel/process.h '/* taught in: step 02, lessons/02-pid.md */'
  write common/kernel/process.c '#include "common/kernel/process.h"' '#include "common/kernel/uts.h"'
  write steps/01-uts/main.c '#include "common/base/log.h"' \
    'static int __attribute__((unused)) uts_set(const char *name)' '{' '    //> name' '    return name[0]' \
    '           == "x"[0];' '    //< name' '}' 'int main(void)' '{' '    return uts_set("a");' '}'
  write steps/02-pid/main.c '#include "common/kernel/uts.h"' 'int main(void)' '{' '    return uts_set("a");' '}'
}

# write FILE LINE…
write()
{
  printf '%s\n' "${@:2}" >"$book/$1"
}

check()
{
  run "$ROOT/tests/lint/$1" "$book"
}

caught()
{
  assert_status 1 "the check must fail on a workbook that breaks its rule"
  assert_output_has "$1"
}

@test "a workbook that keeps all rules passes" {
  local rule
  for rule in include-order floors equal-bodies; do
    check "$rule"
    assert_status 0 "$rule"
    assert_equal "" "$output"
  done
}

@test "include-order: a step may not use what it teaches itself" {
  write steps/01-uts/main.c '#include "common/kernel/uts.h"'
  check include-order
  caught "steps/01-uts/main.c:1: step 1 includes common/kernel/uts.h, which step 1 teaches"
}

@test "include-order: a step may not use what a later one teaches" {
  write steps/01-uts/main.c '#include <stdio.h>' '#  include "common/kernel/process.h"'
  check include-order
  caught "steps/01-uts/main.c:2"
}

@test "include-order: a step may not use another step's files" {
  write steps/01-uts/own.h ''
  write steps/01-uts/main.c '#include "steps/01-uts/own.h"'
  check include-order
  assert_status 0
  write steps/02-pid/main.c '#include "steps/01-uts/own.h"'
  check include-order
  caught "neither of common/ nor of this step"
}

@test "include-order: of the floor runtime a step may use what it teaches, unless it spells that out" {
  mkdir "$book"/{common/runtime,lessons}
  write common/runtime/stop.h '/* taught in: step 02, lessons/02-pid.md */'
  write common/runtime/look.h '/* taught in: step 02, lessons/looking.md */'
  write lessons/looking.md '# Looking'
  write steps/02-pid/main.c '#include "common/runtime/stop.h"' '#include "common/runtime/look.h"'
  check include-order
  assert_status 0
  write steps/02-pid/stop.h ''
  check include-order
  caught "steps/02-pid/main.c:1: step 2 spells this out itself: include steps/02-pid/stop.h"
  rm "$book/steps/02-pid/stop.h" "$book/lessons/looking.md"
  check include-order
  caught "common/runtime/look.h: there is no lessons/looking.md"
  write steps/01-uts/main.c '#include "common/runtime/stop.h"'
  check include-order
  caught "steps/01-uts/main.c:1: step 1 includes common/runtime/stop.h, which step 2 teaches"
}

@test "include-order: a module may not use what is taught after it" {
  write common/kernel/uts.c '#include "common/kernel/process.h"'
  check include-order
  caught "common/kernel/uts.c:1: taught in step 1, includes common/kernel/process.h, which step 2 teaches"
}

@test "include-order: every header says where it is taught, and truly" {
  write common/kernel/uts.h 'int uts_set(const char *name);'
  check include-order
  caught "common/kernel/uts.h: has no line"
  write common/kernel/uts.h '/* taught in: step 01, lessons/02-pid.md */'
  check include-order
  caught "step 01 is not taught in lessons/02-pid.md"
  write common/kernel/uts.h '/* taught in: step 02, lessons/02-mount.md */'
  check include-order
  caught "there is no steps/02-mount"
  write common/kernel/uts.h '/* taught in: step 01, lessons/01-uts.md */'
  write common/kernel/mount.h '/* taught in: step 03, lessons/03-mount.md */'
  check include-order
  assert_status 0 "a module may be there before the step that teaches it"
  setup
  write common/base/log.h '/* taught in: step 01, lessons/01-uts.md */'
  check include-order
  caught "base belongs to step 00"
}

@test "include-order: an include of what is not there is caught" {
  write common/kernel/uts.c '#include "common/kernel/gone.h"'
  check include-order
  caught "there is no common/kernel/gone.h"
}

@test "floors: nothing uses a floor above itself" {
  write common/base/log.c '#include "common/kernel/uts.h"'
  check floors
  caught "common/base/log.c:1: uses common/kernel/uts.h, a floor above it"
  write common/base/log.c '#include "steps/01-uts/main.c"'
  check floors
  caught "common/base/log.c:1"
}

@test "floors: there are four, and every file is on one" {
  mkdir "$book/common/misc"
  write common/misc/x.c ''
  check floors
  caught "common/misc/x.c"
  rm -r "$book/common/misc"
  write common/kernel/uts.c '#include "uts.h"'
  check floors
  caught '"uts.h" is on no floor'
}

@test "equal-bodies: another body is caught" {
  write common/kernel/uts.c 'int uts_set(const char *name)' '{' '    return name[0] == "y"[0];' '}'
  check equal-bodies
  caught 'uts_set() is not what it is in common/kernel/uts.c:1'
}

@test "equal-bodies: white space within a string is no white space" {
  write common/kernel/uts.c 'int uts_set(const char *name)' '{' '    return name[0] == " x"[0];' '}'
  check equal-bodies
  caught 'uts_set()'
}

@test "equal-bodies: what looks like a comment within a string is none" {
  write steps/01-uts/main.c 'int uts_set(void)' '{' '    return "/*"[0] + "//"[1];' '}'
  write common/kernel/uts.c 'int uts_set(void)' '{' '    return "/*"[0] + "//"[0];' '}'
  check equal-bodies
  caught 'uts_set()'
}

@test "equal-bodies: other parameters or another type are caught" {
  write common/kernel/uts.c 'int uts_set(char *name)' '{' '    return name[0] == "x"[0];' '}'
  check equal-bodies
  caught 'uts_set()'
  write common/kernel/uts.c 'long uts_set(const char *name)' '{' '    return name[0] == "x"[0];' '}'
  check equal-bodies
  caught 'uts_set()'
}

@test "equal-bodies: a later step's own spelling is caught, too" {
  write steps/02-pid/main.c 'static int uts_set(const char *name)' '{' '    return 0;' '}'
  check equal-bodies
  caught 'steps/02-pid/main.c:1: uts_set()'
}

@test "equal-bodies: what bears its module's name must be in the module" {
  write steps/02-pid/main.c 'static int process_wait(int pid)' '{' '    return pid;' '}'
  check equal-bodies
  caught 'process_wait() is not in the module process'
}

@test "equal-bodies: what a step's other file says is in the module's of that name, which may say more" {
  write steps/01-uts/uts.h '#include "steps/01-uts/x.h"' 'enum { LONGEST = 64 };' 'int uts_set(const char *name);'
  write common/kernel/uts.h '/* taught in: step 01, lessons/01-uts.md */' '#include "common/base/x.h"' 'enum { LONGEST = 64 };' \
    'int uts_get(char *name);' 'int uts_set(const char *name);'
  check equal-bodies
  assert_status 0
  sed -i s/64/65/ "$book/common/kernel/uts.h"
  check equal-bodies
  caught 'enum { LONGEST = 64 };'
  setup
  rm "$book/steps/01-uts/uts.h"
  write steps/02-pid/process.c '#include "steps/02-pid/process.h"' 'enum { PATIENCE_MS = 10 };' '    //> wait' '    //< wait'
  write common/kernel/process.c '#include "common/kernel/process.h"' '/* more */' 'enum { PATIENCE_MS = 10 };'
  check equal-bodies
  assert_status 0
  sed -i s/10/20/ "$book/steps/02-pid/process.c"
  check equal-bodies
  caught 'PATIENCE_MS = 20'
}

@test "the functions of a file are all found, whatever stands around them" {
  local file
  cat >"$BATS_TEST_TMPDIR/x.c" <<'EOF'
#include <stdio.h>
#define TWICE(x) { \
    (x) + (x) }
struct a { int b; };
static const char *const names[] = {"a", "}", "{"};
enum { ONE, TWO };
int declared(void);
static struct a *
first(struct a *it, int (*call)(int))
{
    char c = '{', d = '\'';
    if (c == d) { return it; }
    return NULL;
}
static void __attribute__((noreturn))
second(void)
{
    for (;;) { }
}
EOF
  run awk -f "$ROOT/tests/lint/functions.awk" "$BATS_TEST_TMPDIR/x.c"
  assert_equal "8 first struct a * first ( struct a * it , int ( * call ) ( int ) )
15 second void second ( void )" "$(cut -f 2-4 <<<"$output" | tr '\t' ' ')"
  # In the house's style a body begins with a brace in the first column.
  for file in "$ROOT"/common/*/*.c "$ROOT"/steps/*/*.c; do
    assert_equal "$(grep -c '^{' "$file")" "$(awk -f "$ROOT/tests/lint/functions.awk" "$file" | wc -l)" "functions in $file"
  done
}

@test "unfinished work is caught, longer words are not" {
  local word=TO
  word+=DO
  printf '/* %s: more */\n' "$word" >"$BATS_TEST_TMPDIR/a.c"
  run "$ROOT/tests/lint/unfinished" <<<"$BATS_TEST_TMPDIR/a.c"
  assert_status 1
  assert_output_has "a.c:1:"
  echo 'mktemp /tmp/x.XXXXXX' >"$BATS_TEST_TMPDIR/a.c"
  run "$ROOT/tests/lint/unfinished" <<<"$BATS_TEST_TMPDIR/a.c"
  assert_status 0
}

@test "a check that does not exist is an error" {
  run "$ROOT/tests/lint/run" no-such-check
  assert_status 2
}
