/*
 * first_names: of files that have several names (hard links), the one that came first: the
 * others become links to it.
 *
 *     const char *first = first_names_find(&names, &status);
 *     if (first == NULL)
 *         first_names_add(&names, &status, path);
 *     …
 *     first_names_free(&names);
 *
 * taught in: step 00, lessons/00-before-you-start.md
 */
#ifndef NSCTL_BASE_FIRST_NAMES_H
#define NSCTL_BASE_FIRST_NAMES_H

#include <sys/stat.h>

enum { FIRST_NAMES_LISTS = 1024 };

/* All zero: none yet. */
struct first_names {
    struct first_name *lists[FIRST_NAMES_LISTS]; /* by device and inode */
};

/* The name under which that file was added; NULL: it was not. */
const char *first_names_find(const struct first_names *names,
                             const struct stat *status);

/* Returns 0, or -1 with ENOMEM, not reported. */
int first_names_add(struct first_names *names, const struct stat *status,
                    const char *name);

void first_names_free(struct first_names *names);

#endif
