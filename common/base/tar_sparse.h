/*
 * tar_sparse: where the bytes of a file with holes belong.
 *
 * taught in: step 00, lessons/00-before-you-start.md
 */
#ifndef NSCTL_BASE_TAR_SPARSE_H
#define NSCTL_BASE_TAR_SPARSE_H

#include <stddef.h>
#include <stdint.h>

enum { TAR_SPARSE_MOST = 1 << 20 }; /* pieces of one file: 16 MiB of memory */

struct tar_extent {
    uint64_t offset, size;
};

/* All zeros is an empty one. What it holds lasts until tar_sparse_free(). */
struct tar_sparse {
    struct tar_extent *extents;
    size_t count, capacity;
};

/* Each returns NULL, or what is wrong. */
const char *tar_sparse_add(struct tar_sparse *sparse, uint64_t offset,
                           uint64_t size);

/* "OFFSET,SIZE,OFFSET,SIZE…", decimal: GNU's version 0.1. */
const char *tar_sparse_parse(struct tar_sparse *sparse, const char *text);

/* Holds the map against the file's size, and against how much is stored. */
const char *tar_sparse_check(const struct tar_sparse *sparse, uint64_t size,
                             uint64_t stored);

void tar_sparse_free(struct tar_sparse *sparse);

#endif
