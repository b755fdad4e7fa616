/*
 * fuzz: .containerignore: patterns, and after a line with "--" paths.
 */
#include "tests/fuzz/fuzz.h"

#include "common/image/ignore.h"

#include <stdio.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char mark[] = "\n--\n";
    struct ignore ignore;
    char *text = fuzz_text(data, size);
    char *paths = memmem(text, size, mark, sizeof mark - 1);
    size_t length = paths == NULL ? size : (size_t)(paths - text) + 1;
    char *patterns = malloc(length + 1); /* of its own size */
    if (patterns == NULL)
        abort();
    memcpy(patterns, text, length);
    if (ignore_read(&ignore, "fuzz", patterns, length) == 0) {
        char *rest = NULL;
        if (paths != NULL)
            for (char *path = strtok_r(paths + sizeof mark - 1, "\n", &rest);
                 path != NULL; path = strtok_r(NULL, "\n", &rest)) {
                /* What is left out is so with all that is in it, but where
                 * there are exceptions. */
                char below[8192];
                if (snprintf(below, sizeof below, "%s/x", path) < 8192 &&
                    ignore_matches(&ignore, path) && !ignore.has_exceptions)
                    fuzz_require(ignore_matches(&ignore, below));
            }
        ignore_free(&ignore);
    }
    free(patterns);
    free(text);
    return 0;
}
