/*
 * names: a list of texts that grows, and to which they belong, as of all names in a directory.
 *
 *     struct names names = {0};
 *     names_add(&names, "b");
 *     names_sort(&names);
 *     …names.all[i]…
 *     names_free(&names);
 *
 * taught in: step 00, lessons/00-before-you-start.md
 */
#ifndef NSCTL_BASE_NAMES_H
#define NSCTL_BASE_NAMES_H

#include <stddef.h>

struct names {
    char **all;
    size_t count;
};

/* Adds a copy. Returns 0, or -1, reported: no memory. */
int names_add(struct names *names, const char *name);

/* Takes what malloc(3) gave, and frees it with the others; NULL: there was no memory for it.
 * Returns it, or NULL, reported: no memory. */
char *names_keep(struct names *names, char *name);

/* Adds all names in a directory, but for "." and "..". `path` is for messages. Returns 0, or -1
 * with errno, reported; those that were read by then are there. getdents64(2). */
int names_read(struct names *names, int directory_fd, const char *path);

/* In the order of their bytes, whatever anybody's language says. */
void names_sort(struct names *names);

void names_free(struct names *names);

#endif
