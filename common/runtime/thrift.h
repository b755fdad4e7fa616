/*
 * thrift: a process that waits for days needs little memory meanwhile.
 *
 * What it needs again when something happens is mostly zeros: paths of 4096 bytes that hold
 * 40, lists with room for 500, in a page here and a page there. So the bytes in between are put
 * by in one place, and the pages given back, while the process does nothing but wait:
 *
 *     thrift_begin(&thrift);
 *     poll(…);                       nothing else: no static variable is what it was
 *     thrift_end(&thrift);
 *
 * taught in: step 09, lessons/09-lifecycle.md
 */
#ifndef NSCTL_RUNTIME_THRIFT_H
#define NSCTL_RUNTIME_THRIFT_H

#include <stddef.h>

struct thrift {
    unsigned char *packed; /* NULL: all is where it was */
    size_t size;           /* of it */
    unsigned char *start;  /* of where it belongs */
};

/* Puts by what the program's static variables hold that began as zeros (its .bss), and gives
 * back their pages and those of the stack below the caller; `thrift` is on the stack above.
 * Where there is no memory for it, it does nothing. Signals are blocked, and there is no other
 * thread. madvise(2). */
void thrift_begin(struct thrift *thrift);

/* Puts it back. errno stays. */
void thrift_end(struct thrift *thrift);

#endif
