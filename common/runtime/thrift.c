#include "common/runtime/thrift.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

/* A run of bytes that are not all zero: where it goes, how long it is, the bytes. */
struct thrift_run {
    uint32_t offset, length;
};

/* So many zeros end a run: fewer cost less than another one. */
enum { THRIFT_GAP = 2 * sizeof(struct thrift_run) };

/* The run at or after `offset`; of length 0 where there is none. */
static struct thrift_run thrift_find(const struct thrift *thrift, size_t offset)
{
    while (offset < thrift->size && thrift->region[offset] == 0)
        offset++;
    size_t end = offset, zeros = 0;
    for (size_t i = offset; i < thrift->size && zeros < THRIFT_GAP; i++) {
        zeros = thrift->region[i] == 0 ? zeros + 1 : 0;
        if (zeros == 0)
            end = i + 1;
    }
    return (struct thrift_run){(uint32_t)offset, (uint32_t)(end - offset)};
}

/* Writes all runs to `packed` (NULL: only counts), the last one of length 0. Returns how
 * many bytes that takes. */
static size_t thrift_pack(const struct thrift *thrift, unsigned char *packed)
{
    size_t used = 0;
    struct thrift_run run = {0, 0};
    do {
        run = thrift_find(thrift, run.offset + run.length);
        if (packed != NULL) {
            memcpy(packed + used, &run, sizeof run);
            memcpy(packed + used + sizeof run, thrift->region + run.offset,
                   run.length);
        }
        used += sizeof run + run.length;
    } while (run.length != 0);
    return used;
}

/* Functions that have returned have left it behind; the next ones begin with zeros. */
static void thrift_give_back_stack(void)
{
    enum { DEEPEST = 1 << 20 };
    char *here = __builtin_frame_address(0);
    /* One page for whatever we call ourselves. What is not mapped is no matter. */
    char *end = here - (uintptr_t)here % THRIFT_PAGE - THRIFT_PAGE;
    madvise(end - DEEPEST, DEEPEST, MADV_DONTNEED);
}

void thrift_begin(struct thrift *thrift, void *region, size_t size)
{
    *thrift = (struct thrift){region, size / THRIFT_PAGE * THRIFT_PAGE, NULL};
    thrift->packed = malloc(thrift_pack(thrift, NULL));
    if (thrift->packed != NULL) {
        thrift_pack(thrift, thrift->packed);
        madvise(region, thrift->size, MADV_DONTNEED);
    }
    thrift_give_back_stack();
}

void thrift_end(struct thrift *thrift)
{
    size_t used = 0;
    struct thrift_run run;
    if (thrift->packed == NULL)
        return;
    do {
        memcpy(&run, thrift->packed + used, sizeof run);
        memcpy(thrift->region + run.offset, thrift->packed + used + sizeof run,
               run.length);
        used += sizeof run + run.length;
    } while (run.length != 0);
    free(thrift->packed);
    thrift->packed = NULL;
}
