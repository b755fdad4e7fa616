/*
 * containerfile_lines: what of a Containerfile is one instruction, which may go on
 * over several lines, with comments in between.
 *
 * taught in: step 10, lessons/10-build.md
 */
#ifndef NSCTL_IMAGE_CONTAINERFILE_LINES_H
#define NSCTL_IMAGE_CONTAINERFILE_LINES_H

#include "common/image/containerfile.h"

/* Blanks, as strspn(3) wants them. The end of a line is none. */
#define CONTAINERFILE_BLANKS " \t\r\v\f"

/* Where in the text we are. */
struct containerfile_cursor {
    const char *at, *end;
    unsigned line; /* the last that was read, from 1 */
};

/* At the beginning of a text. Refuses what is none, and reads which character
 * says that a line goes on. Returns 0, or -1, reported. */
int containerfile_lines_begin(struct containerfile *file,
                              struct containerfile_cursor *cursor,
                              const char *text, size_t size);

/* The next line, without its end; false where there is none. */
bool containerfile_lines_next(struct containerfile_cursor *cursor,
                              const char **line, size_t *length);

/* The next instruction, as one line that is the file's, and where it begins.
 * Returns 1, 0 at the end, or -1, reported. */
int containerfile_lines_join(struct containerfile *file,
                             struct containerfile_cursor *cursor, char **text,
                             unsigned *first_line);

#endif
