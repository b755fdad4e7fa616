/*
 * host_view: which of the host's directories a view of the host is made of.
 *
 * One overlay with "/" as its layer would show what lies under other mounts,
 * not what is in them, and a user may not look there. So each directory below /
 * becomes a layer of its own; one in which something is mounted is made anew,
 * of its entries. What is mounted comes out as just another directory.
 *
 * Left out, as empty directories: /proc, /sys, /dev, which every container has
 * of its own; /run, which is full of the host's sockets; what is no directory
 * or file of a disk. Files of / are shown, and can not be changed.
 *
 * taught in: step 07, lessons/07-overlay.md
 */
#ifndef NSCTL_KERNEL_HOST_VIEW_H
#define NSCTL_KERNEL_HOST_VIEW_H

#include "steps/07-overlay/overlay_options.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

enum host_view_kind {
    HOST_VIEW_DIRECTORY, /* to be made: empty, or of entries that follow */
    HOST_VIEW_LINK,      /* to be made: a symbolic link */
    HOST_VIEW_LAYER,     /* a directory, to be seen through an overlay */
    HOST_VIEW_FILE,      /* to be looked at only */
};

struct host_view_entry {
    enum host_view_kind kind;
    const char *path; /* absolute, on the host and inside */
    const char *link; /* what a link says */
    mode_t mode;
};

struct host_view {
    struct host_view_entry *entries; /* what is above comes first */
    size_t count;
};

/* Looks at the host as the caller sees it. `by_root`: the layers will be opened
 * in the host's own mount namespace, where one may look under mounts that are
 * files. Returns 0, or -1, reported. */
int host_view_find(struct host_view *view, bool by_root);

/* Names the layers and files of the view as those of an overlay, in their order.
 * Returns 0, or -1, reported, where there are too many. */
int host_view_to_layers(const struct host_view *view,
                        struct overlay_options *options);

/* Makes a place for the entry at `path`: a directory, a file, or the link
 * itself. Returns 0, or -1, reported. */
int host_view_make(const struct host_view_entry *entry, const char *path);

#endif
