/*
 * ignore: which files of a build's context are left out, as .containerignore or
 * .dockerignore says it, a pattern a line:
 *
 *     # a remark
 *     *.o             any bytes but a slash; ? is one, [a-z] one of these
 *     **.log          "**" is any number of parts, also none
 *     docs            a directory, and all in it
 *     !docs/README    but not this: the last line that matches decides
 *
 * They are about paths from the context's top, with or without a / before them.
 *
 * taught in: step 10, lessons/10-build.md
 */
#ifndef NSCTL_IMAGE_IGNORE_H
#define NSCTL_IMAGE_IGNORE_H

#include <stdbool.h>
#include <stddef.h>

struct ignore_pattern;

/* All zeros ignores nothing. */
struct ignore {
    struct ignore_pattern *patterns;
    size_t count;
    bool has_exceptions; /* or a directory that is left out need not be read */
};

/* Reads the patterns in `text`, of `size` bytes; `name` is for errors. Returns 0, or
 * -1 with errno, reported as NAME:LINE. */
int ignore_read(struct ignore *ignore, const char *name, const char *text,
                size_t size);

/* Whether `path`, relative to the context, without "." or "..", is left out. */
bool ignore_matches(const struct ignore *ignore, const char *path);

void ignore_free(struct ignore *ignore);

#endif
