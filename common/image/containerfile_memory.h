/*
 * containerfile_memory: all that is read of a Containerfile belongs to it, and goes
 * with it.
 *
 * taught in: step 10, lessons/10-build.md
 */
#ifndef NSCTL_IMAGE_CONTAINERFILE_MEMORY_H
#define NSCTL_IMAGE_CONTAINERFILE_MEMORY_H

#include "common/image/containerfile.h"

/* Takes what malloc(3) gave. Returns it, or NULL, reported. */
void *containerfile_own(struct containerfile *file, void *memory);

/* A copy of `length` bytes and a NUL; NULL, reported. */
char *containerfile_copy(struct containerfile *file, const char *text,
                         size_t length);

/* The array with one more element, all zeros; NULL, reported: as it was. */
void *containerfile_grow(const struct containerfile *file, void *array,
                         size_t count, size_t size);

/* Reports that there is none. Returns -1 with ENOMEM. */
int containerfile_no_memory(const struct containerfile *file);

#endif
