/*
 * fuzz: a whole command line. Words are what stands between NUL bytes.
 */
#include "tests/fuzz/fuzz.h"

/* To refuse is to exit, which would end the fuzzer: come back instead. */
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
static jmp_buf refused;
static void __attribute__((noreturn)) fuzz_exit(int status)
{
    longjmp(refused, status == 0 ? 1000 : status);
}
#define exit fuzz_exit
#include "common/base/program.c"
#undef exit

#include "common/base/number.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    enum { MOST_WORDS = 16 };
    static char *words[MOST_WORDS + 2];
    static uint64_t memory, cpus;
    static const char *name;
    static bool init;
    static const struct program_option options[] = {
        {"--name", "NAME", program_parse_text, &name, ""},
        {"-m --memory", "SIZE", number_parse_bytes, &memory, ""},
        {"-cpu --cpus", "N", number_parse_cpus, &cpus, ""},
        {"--init", NULL, NULL, &init, ""},
        {0},
    };
    static const struct program program = {
        .name = "fuzz", .summary = "", .example = "", .options = options};

    char *text = fuzz_text(data, size);
    size_t count = 1;
    words[0] = text;
    for (size_t i = 0; i + 1 < size && count <= MOST_WORDS; i++)
        if (text[i] == '\0')
            words[count++] = text + i + 1;
    words[count] = NULL;
    int status = setjmp(refused);
    if (status == 0) {
        char **command = program_read_options(&program, words);
        fuzz_require(command != NULL && command[0] != NULL &&
                     command[0][0] != '\0');
    } else {
        fuzz_require(status == EXIT_OURS || status == 1000);
    }
    free(text);
    return 0;
}
