/*
 * copy_stopped: the root of a container that has ended, put together once more.
 *
 *     copy_stopped_open(&stopped, &record)
 *     copy_stopped_clone(&stopped)
 *         copy_stopped_enter(&stopped)     the child: / is what it was to the container
 *     copy_stopped_release(&stopped, pid)  the parent, meanwhile
 *     copy_stopped_close(&stopped)
 *
 * What it wrote lies in its record's directory, and what it ran on is named in the
 * record: of both a child makes an overlay, in mounts of its own that end with it. Its
 * volumes are not part of that.
 *
 * taught in: step 09, lessons/09-lifecycle.md
 */
#ifndef NSCTL_RUNTIME_COPY_STOPPED_H
#define NSCTL_RUNTIME_COPY_STOPPED_H

#include "common/kernel/overlay.h"
#include "common/kernel/sync.h"
#include "common/kernel/userns_maps.h"
#include "common/kernel/userns_mounts.h"
#include "common/runtime/record.h"

struct copy_stopped {
    struct overlay overlay;
    struct userns_maps maps;
    struct userns_mounts mounts;
    struct sync syncs[2];
    bool userns_host;
    int lock_fd; /* of the record's directory: it is not removed meanwhile */
};

/* Finds what it was made of. Returns 0, or -1, reported: what it wrote was in memory, or
 * somebody else is at it. */
int copy_stopped_open(struct copy_stopped *stopped,
                      const struct record *record);

/* As clone_process(), into namespaces of its own; to be released. */
pid_t copy_stopped_clone(const struct copy_stopped *stopped);

/* In that child: goes there, as root of the container's ids. Returns 0, or -1, reported. */
int copy_stopped_enter(struct copy_stopped *stopped);

/* In the parent: gives the child its ids and owners, and lets it go on. Returns 0, or -1,
 * reported: then the child ends by itself once copy_stopped_close() is called. */
int copy_stopped_release(struct copy_stopped *stopped, pid_t pid);

/* When the child has ended. */
void copy_stopped_close(struct copy_stopped *stopped);

#endif
