/*
 * mountinfo: what is mounted, mount by mount, as the kernel lists it in
 * /proc/self/mountinfo:
 *
 *     36 35 0:31 / /sys/fs/cgroup rw,relatime shared:9 - cgroup2 none rw
 *                  target                                type    options
 *
 *     if (mountinfo_open(&mounts, "where the cgroups are") == -1) …
 *     while (mountinfo_next(&mounts))
 *         … mounts.target, mounts.type, mounts.options …
 *     if (mountinfo_close(&mounts) == -1) …
 *
 * taught in: step 05, lessons/05-cgroups.md
 */
#ifndef NSCTL_KERNEL_MOUNTINFO_H
#define NSCTL_KERNEL_MOUNTINFO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

struct mountinfo {
    /* By mountinfo_next(), and until the next: */
    char *target;  /* where it is mounted; blanks are blanks, not \040 */
    char *type;    /* of the file system: "cgroup" */
    char *options; /* of the file system, whatever mount it is in: "rw,cpu" */
    /* Its own: */
    const char *intention;
    FILE *file;
    char *line;
    size_t size;
    bool failed;
};

/* `intention` is for the log. Returns 0, or -1 with errno, reported; then there
 * is nothing to close. proc(5). */
int mountinfo_open(struct mountinfo *mounts, const char *intention);

/* Whether there is one more mount. */
bool mountinfo_next(struct mountinfo *mounts);

/* Returns 0, or -1, reported, where the list could not be read to its end. */
int mountinfo_close(struct mountinfo *mounts);

#endif
