/*
 * volume_options: which directories and files of the host are to be in the
 * container, and which file systems in memory.
 *
 * taught in: step 07, lessons/07-overlay.md
 */
#ifndef NSCTL_KERNEL_VOLUME_OPTIONS_H
#define NSCTL_KERNEL_VOLUME_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { VOLUMES_MOST = 64 };

struct volume {
    const char *source; /* in full; NULL: a tmpfs */
    const char *target; /* in the container, absolute */
    bool read_only;
    uint64_t bytes;   /* of a tmpfs, at most */
    const char *mode; /* of a tmpfs, in octal */
    int tree_fd;      /* the mount, attached nowhere yet; -1: none */
    bool remount;     /* its flags have to be set once it is attached */
};

struct volumes {
    struct volume list[VOLUMES_MOST];
    size_t count;
};

/* The option parsers for --volume, "HOST:CONTAINER", ":ro" may follow, and for
 * --tmpfs, "PATH", ":size=64m,mode=1777" may follow (see base/program.h), and rw,
 * nosuid, nodev, noexec, which it is in any case. What
 * is at HOST must be there; CONTAINER is an absolute path without "..", and not
 * "/". `volumes` points to a struct volumes, to which one is added. Returns NULL,
 * or what was expected. */
const char *volume_options_parse(const char *text, void *volumes);
const char *volume_options_parse_tmpfs(const char *text, void *volumes);

#endif
