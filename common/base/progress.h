/*
 * progress: how far something has come that takes its time, for whoever waits at a
 * terminal: one line, drawn anew ten times a second, and gone at the end.
 *
 *   progress_begin(size, "layer %zu of %zu", number, count);
 *   while (…)
 *       progress_add(bytes);
 *   progress_end();
 *
 *   layer 2 of 5  [=========>          ]  156 MB of 347 MB, 82.1 MB/s
 *
 * Nothing is drawn where standard error is no terminal, with -q, in the background, nor of
 * what is done within a moment. A line of the log takes its place, and it comes
 * again below. There is one at a time, as there is one last line.
 *
 * taught in: step 00, lessons/00-before-you-start.md
 */
#ifndef NSCTL_BASE_PROGRESS_H
#define NSCTL_BASE_PROGRESS_H

#include <stdint.h>

/* `total` is in bytes; 0: nobody knows. errno stays as it is, as in all of these. */
void progress_begin(uint64_t total, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* So many more bytes are done. */
void progress_add(uint64_t bytes);

/* Takes the line away. Without a progress_begin() nothing happens. */
void progress_end(void);

#endif
