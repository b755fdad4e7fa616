/*
 * thrift: a process that waits for days needs little memory meanwhile.
 *
 * What it needs again at the end is mostly zeros: paths of 4096 bytes that hold 40, lists
 * with room for 500. So the bytes in between are put by, and the pages given back.
 *
 *     thrift_begin(&thrift, &container, sizeof container);
 *         …nobody looks at `container`…
 *     thrift_end(&thrift);
 *
 * taught in: step 09, lessons/09-lifecycle.md
 */
#ifndef NSCTL_RUNTIME_THRIFT_H
#define NSCTL_RUNTIME_THRIFT_H

#include <stddef.h>

/* The alignment and the size of a page, or more: what is given to thrift_begin() is to
 * begin at a multiple of it. */
enum { THRIFT_PAGE = 4096 };

struct thrift {
    unsigned char *region;
    size_t size;
    unsigned char *packed; /* NULL: all is where it was */
};

/* Puts by what is in `region`, private memory without anything else in its pages, and what
 * is left of the stack below the caller. Where there is no memory for it, it does nothing.
 * madvise(2). */
void thrift_begin(struct thrift *thrift, void *region, size_t size);

/* Puts it back. */
void thrift_end(struct thrift *thrift);

#endif
