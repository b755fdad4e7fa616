/*
 * fuzz: what the fuzzers share. Each is one LLVMFuzzerTestOneInput(), made into
 * a program by clang -fsanitize=fuzzer; tests/fuzz/run builds and runs them.
 */
#ifndef NSCTL_TESTS_FUZZ_H
#define NSCTL_TESTS_FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A broken promise is a finding, just as a crash is. */
#define fuzz_require(promise) \
    do {                      \
        if (!(promise))       \
            __builtin_trap(); \
    } while (0)

/* The input as a string, in a block of its own size, so that ASan sees a read
 * beyond its end. The caller frees it. */
static inline char *fuzz_text(const uint8_t *data, size_t size)
{
    char *text = malloc(size + 1);
    if (text == NULL)
        abort();
    memcpy(text, data, size);
    text[size] = '\0';
    return text;
}

#endif
