/*
 * fuzz: what an image may be called. No name is a path out of where it is kept, each is read
 * again as it is written, and two names never have one place.
 *
 * longest input: 600
 */
#include "tests/fuzz/fuzz.h"

#include "common/image/image_store.h"
#include "common/image/reference.h"

#include <stdio.h>

/* As a file's name: one part, not one of the two that lead elsewhere, and none that is hidden. */
static void check_part(const char *part)
{
    size_t length = strlen(part);
    fuzz_require(length > 0 && length <= 255);
    fuzz_require(part[0] != '.' && part[0] != '-');
    fuzz_require(strspn(part,
                        "abcdefghijklmnopqrstuvwxyz"
                        "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-:%") == length);
}

static void check(const struct reference *reference)
{
    static const struct store store = {.root = "/r"};
    struct image_place place;
    char text[REFERENCE_TEXT_BYTES], back[REFERENCE_TEXT_BYTES];
    struct reference again;
    reference_text(reference, text);
    fuzz_require(reference_parse(text, &again) == NULL);
    fuzz_require(strcmp(again.name, reference->name) == 0 &&
                 strcmp(again.tag, reference->tag) == 0);

    fuzz_require(image_store_path(&store, reference, &place) == 0);
    fuzz_require(strncmp(place.name, "/r/images/", 10) == 0);
    check_part(place.name + 10);
    fuzz_require(strncmp(place.tag, place.name, strlen(place.name)) == 0);
    check_part(place.tag + strlen(place.name) + 1);
    /* And from the file's name the image's. */
    fuzz_require(strchr(reference->name, '%') == NULL);
    snprintf(back, sizeof back, "%s", place.name + 10);
    for (char *slash = back; (slash = strchr(slash, '%')) != NULL;)
        *slash = '/';
    fuzz_require(strcmp(back, reference->name) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct reference reference;
    char *text = fuzz_text(data, size);
    const char *expected = reference_parse(text, &reference);
    if (expected == NULL)
        check(&reference);
    if (reference_parse_tag(text, &reference) == NULL) {
        fuzz_require(expected == NULL && reference.digest[0] == '\0');
        fuzz_require(strcmp(reference.name, "scratch") != 0);
    }
    free(text);
    return 0;
}
