/*
 * picture: what belongs together in boxes, one below the other, on a terminal;
 * in a pipe the same words without lines and colours.
 *
 *     ┌─ web ──────────────────┐        web
 *     │ Up 5 minutes           │          Up 5 minutes
 *     ├─ namespaces ───────────┤        namespaces
 *     │ net   the host's       │          net   the host's
 *     └────────────────────────┘
 *
 *     struct picture picture;
 *     picture_begin(&picture, stdout);
 *     picture_heading(&picture, "%s", name);
 *     picture_line(&picture, PICTURE_PLAIN, "Up %s", age);
 *     picture_end(&picture);
 *
 * taught in: step 00, lessons/00-before-you-start.md
 */
#ifndef NSCTL_BASE_PICTURE_H
#define NSCTL_BASE_PICTURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

enum picture_ink { PICTURE_PLAIN, PICTURE_DIM, PICTURE_GOOD, PICTURE_WARNING };

struct picture {
    FILE *file;
    bool drawn;    /* boxes: it is a terminal */
    bool coloured; /* that, and NO_COLOR does not stand against it */
    bool begun;    /* there is a box to be closed */
    size_t columns;
};

/* As wide as the terminal, but not wider than can be read well. */
void picture_begin(struct picture *picture, FILE *file);

/* The next box. */
void picture_heading(struct picture *picture, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* A line in it; one that is too long goes on in the next, indented. Control
 * characters are masked (log.h), for names come from containers. */
void picture_line(struct picture *picture, enum picture_ink ink,
                  const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* " ████░░░░" for a part of a whole, where there are boxes; else "". In a buffer of its
 * own until the next call. */
const char *picture_bar(const struct picture *picture, double part);

void picture_end(struct picture *picture);

#endif
