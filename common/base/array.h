/*
 * array: arrays that grow by an element at a time.
 *
 *     struct lease *larger = array_grow(list->leases, list->count, sizeof *larger);
 *     if (larger == NULL)
 *         return -1;
 *     list->leases = larger;
 *     larger[list->count++].port = 80;
 *
 * There is room for a power of two of them, so that their number is all that has to be known,
 * and that many of them do not cost a copy of all each.
 *
 * taught in: step 00, lessons/00-before-you-start.md
 */
#ifndef NSCTL_BASE_ARRAY_H
#define NSCTL_BASE_ARRAY_H

#include <stddef.h>

/* Makes room for one more element, all zeros, behind the `count` that there are, of `size` bytes
 * each. `array` is what this function gave for the last one, NULL for the first; whoever has
 * the array frees it. Returns it, which may have moved; NULL with ENOMEM, reported: then it is
 * where it was, as it was. realloc(3). */
void *array_grow(void *array, size_t count, size_t size);

#endif
