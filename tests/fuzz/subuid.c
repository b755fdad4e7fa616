/*
 * fuzz: /etc/subuid. Root writes it, mostly; and what it says is handed to a
 * helper that is root.
 */
#include "tests/fuzz/fuzz.h"

#include "common/kernel/userns_maps.c" /* for its static functions */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct userns_map map = {0};
    size_t number = 0;
    char *text = fuzz_text(data, size), *rest = NULL;
    userns_maps_add(&map, 1000, 1);
    for (char *line = strtok_r(text, "\n", &rest); line != NULL;
         line = strtok_r(NULL, "\n", &rest))
        if (userns_maps_read_line("/etc/subuid", ++number, line, "me", &map) ==
            -1)
            break;
    free(text);

    uint64_t inside = 0;
    fuzz_require(map.count <= USERNS_MOST_EXTENTS);
    for (size_t i = 0; i < map.count; i++) {
        const struct userns_extent *one = &map.extents[i];
        fuzz_require(one->count > 0 && one->outside != 0);
        fuzz_require((uint64_t)one->outside + one->count <= UINT32_MAX);
        fuzz_require(one->inside == inside);
        inside += one->count;
        fuzz_require(inside <= UINT32_MAX);
        for (size_t j = 0; j < i; j++) {
            const struct userns_extent *two = &map.extents[j];
            fuzz_require((uint64_t)one->outside + one->count <= two->outside ||
                         (uint64_t)two->outside + two->count <= one->outside);
        }
    }
    return 0;
}
