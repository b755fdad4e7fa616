/*
 * userns_mounts: a root directory in a user namespace, furnished with what only
 * the host's mounts can give.
 *
 *     parent                                   child
 *     userns_mounts_prepare(rootfs, &mounts)
 *     clone_process(… CLONE_NEWUSER …)         sync_wait_for_parent(…)
 *                                              mount_make_private()
 *                                              userns_mounts_gather(&mounts)
 *                                              userns_mounts_enter(&mounts)
 *                                              userns_become_root(…)
 *                                              userns_mounts_furnish(&mounts, …)
 *
 * taught in: step 06, lessons/06-userns.md
 */
#ifndef NSCTL_KERNEL_USERNS_MOUNTS_H
#define NSCTL_KERNEL_USERNS_MOUNTS_H

#include <stdbool.h>

enum { USERNS_DEVICES = 6 };

/* Mounts that are nowhere yet (kernel/mount_detached), as descriptors that are
 * closed on exec; -1: not made, or not yet. */
struct userns_mounts {
    int root_fd, proc_fd, sys_fd;
    int device_fds[USERNS_DEVICES];
    bool sys_is_the_hosts; /* with all that is mounted upon it, maybe */
};

/* Changes the working directory to `rootfs`, for the child begins there; as
 * root, takes what only root can have: the mounts of it and of /sys without
 * those upon them. NULL: the root comes from elsewhere. With a network of its own
 * (`host_network` is false) the child makes a /sys of its own. Returns 0, or -1,
 * reported. */
int userns_mounts_prepare(const char *rootfs, bool host_network,
                          struct userns_mounts *mounts);

/* In the child, its mounts private, while it still sees the host's and is still
 * who started it: takes the rest. Returns 0, or -1, reported. */
int userns_mounts_gather(struct userns_mounts *mounts);

/* Makes `root_fd` the root; the host's is gone then. Returns 0, or -1, reported. */
int userns_mounts_enter(struct userns_mounts *mounts);

/* As root inside, so that what is made now is root's: /proc, /sys, /dev and
 * what belongs below, as rootfs_mount_all() and rootfs_make_devices() would.
 * Terminals belong to the group tty if there is one (`has_tty_group`).
 * Sets the umask to 0022. Returns 0, or -1, reported. */
int userns_mounts_furnish(const struct userns_mounts *mounts,
                          bool has_tty_group);

#endif
