#include "common/runtime/thrift.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* A run of bytes that are not all zero: where it goes, how long it is; the bytes follow. */
struct thrift_run {
    uint32_t offset, length;
};

/* So many zeros end a run: fewer cost less than another one. */
enum { THRIFT_GAP = 2 * sizeof(struct thrift_run) };

/* Whole pages, with nothing but what static variables hold. */
struct thrift_region {
    unsigned char *start;
    size_t size, page_size;
    uint64_t *pages; /* what the kernel says of each; NULL: not asked */
};

/* A sanitizer has an eye on what is between variables. */
#if defined __SANITIZE_ADDRESS__
enum { THRIFT_IS_WATCHED = 1 };
#else
enum { THRIFT_IS_WATCHED = 0 };
#endif

/* Of a function that the compiler guards the stack of, its end compares what its beginning has
 * read: on aarch64 that is a variable, with musl one of .bss. */
#if defined __has_attribute && __has_attribute(no_stack_protector)
#define THRIFT_UNGUARDED __attribute__((no_stack_protector))
#else
#define THRIFT_UNGUARDED __attribute__((optimize("no-stack-protector")))
#endif

/* Where the page of `address` begins. */
static char *thrift_page_of(char *address, size_t page_size)
{
    return address - (uintptr_t)address % page_size;
}

/* The linker's names for where .bss begins, and where the program ends. In a static program
 * errno is in there, and around it what else the C library has for this thread: even a system
 * call may want that. ld(1). */
static struct thrift_region thrift_find_region(void)
{
    enum { BEFORE_ERRNO = 256 };
    extern char __bss_start[], _end[];
    size_t page_size = (size_t)sysconf(_SC_PAGESIZE);
    char *start = thrift_page_of(__bss_start + page_size - 1, page_size);
    char *end = thrift_page_of(_end, page_size);
    char *thread = (char *)&errno;
    if (thread >= start && thread < end)
        end = thrift_page_of(thread - BEFORE_ERRNO, page_size);
    size_t size = start < end ? (size_t)(end - start) : 0;
    return (struct thrift_region){(unsigned char *)start, size, page_size,
                                  NULL};
}

/* Most pages have never been touched: they hold zeros, and come to be there if one looks at
 * them. Bit 63 of an entry is set where the page is in memory, bit 62 where it is swapped out;
 * what we are not told of is taken for such a one. proc_pid_pagemap(5). */
static void thrift_ask_for_pages(const struct thrift_region *region)
{
    size_t first = (uintptr_t)region->start / region->page_size;
    size_t bytes = region->size / region->page_size * sizeof region->pages[0];
    ssize_t got = -1;
    int fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
    if (fd != -1) {
        got = pread(fd, region->pages, bytes,
                    (off_t)(first * sizeof region->pages[0]));
        close(fd);
    }
    if (got != (ssize_t)bytes)
        memset(region->pages, 0xff, bytes);
}

/* The first byte at or after `offset` that is not zero, or `end`. */
static size_t thrift_skip_zeros(const unsigned char *bytes, size_t offset,
                                size_t end)
{
    uint64_t eight = 0; /* at a time: one by one they would take a while */
    while (offset < end && bytes[offset] == 0) {
        if (offset % sizeof eight == 0 && end - offset >= sizeof eight)
            memcpy(&eight, bytes + offset, sizeof eight);
        else
            eight = 1;
        offset += eight == 0 ? sizeof eight : 1;
    }
    return offset;
}

/* The run at or after `offset`; of length 0 where there is none. */
static struct thrift_run thrift_find(const struct thrift_region *region,
                                     size_t offset)
{
    const unsigned char *bytes = region->start;
    while (offset < region->size) {
        size_t page = offset / region->page_size;
        size_t end_of_page = (page + 1) * region->page_size;
        bool is_touched = region->pages[page] >> 62 != 0;
        offset = is_touched ? thrift_skip_zeros(bytes, offset, end_of_page)
                            : end_of_page;
        if (offset < end_of_page)
            break;
    }
    size_t end = offset, zeros = 0;
    for (size_t i = offset; i < region->size && zeros < THRIFT_GAP; i++) {
        zeros = bytes[i] == 0 ? zeros + 1 : 0;
        if (zeros == 0)
            end = i + 1;
    }
    return (struct thrift_run){(uint32_t)offset, (uint32_t)(end - offset)};
}

/* Writes all runs to `packed`, the last one of length 0. Returns how many bytes that took. */
static size_t thrift_pack(const struct thrift_region *region,
                          unsigned char *packed)
{
    size_t used = 0;
    struct thrift_run run = {0, 0};
    do {
        run = thrift_find(region, run.offset + run.length);
        memcpy(packed + used, &run, sizeof run);
        memcpy(packed + used + sizeof run, region->start + run.offset,
               run.length);
        used += sizeof run + run.length;
    } while (run.length != 0);
    return used;
}

/* Functions that have returned have left it behind; the next ones begin with zeros. What is
 * not mapped is no matter. */
static void thrift_give_back_stack(size_t page_size)
{
    enum { DEEPEST = 1 << 17, OUR_OWN = 512 /* and madvise()'s */ };
    char *here = __builtin_frame_address(0);
    char *end = thrift_page_of(here - OUR_OWN, page_size);
    for (char *page = end - DEEPEST; page < end; page += page_size)
        madvise(page, page_size, MADV_DONTNEED);
}

THRIFT_UNGUARDED void thrift_begin(struct thrift *thrift)
{
    struct thrift_region region = thrift_find_region();
    *thrift = (struct thrift){NULL, 0, region.start};
    if (THRIFT_IS_WATCHED)
        return;
    /* Room for the worst case; only the pages that are written to are any. Behind it, for as
     * long as it is looked at, what the kernel says of them. */
    size_t most = region.size + region.page_size;
    size_t room = most + region.size / region.page_size * sizeof(uint64_t);
    unsigned char *packed = mmap(
        NULL, room, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
        /* cppcheck-suppress invalidFunctionArg; it is what mmap(2) asks for */
        -1, 0);
    if (packed == MAP_FAILED)
        return;
    region.pages = (uint64_t *)(packed + most);
    thrift_ask_for_pages(&region);
    size_t used = thrift_pack(&region, packed);
    size_t kept =
        (used + region.page_size - 1) / region.page_size * region.page_size;
    munmap(packed + kept, room - kept);
    *thrift = (struct thrift){packed, kept, region.start};
    madvise(region.start, region.size, MADV_DONTNEED);
    thrift_give_back_stack(region.page_size);
}

/* Asks the C library nothing: on aarch64 even the size of a page is a variable of musl's. */
THRIFT_UNGUARDED void thrift_end(struct thrift *thrift)
{
    size_t used = 0;
    struct thrift_run run;
    if (thrift->packed == NULL)
        return;
    do {
        memcpy(&run, thrift->packed + used, sizeof run);
        memcpy(thrift->start + run.offset, thrift->packed + used + sizeof run,
               run.length);
        used += sizeof run + run.length;
    } while (run.length != 0);
    munmap(thrift->packed, thrift->size);
    thrift->packed = NULL;
}
