/*
 * mount_detached: mounts that are descriptors, and nowhere yet.
 *
 * mount(2) makes a mount and puts it at a path in one go. Here these are two
 * steps, so that what is made while the host's mounts are there can be put into
 * a root that was entered since; and a path is followed once, not twice.
 *
 * taught in: step 06, lessons/06-userns.md
 */
#ifndef NSCTL_KERNEL_MOUNT_DETACHED_H
#define NSCTL_KERNEL_MOUNT_DETACHED_H

#include <stdbool.h>

/* A new file system of `type`, mounted with MS_RDONLY, MS_NOSUID, MS_NODEV,
 * MS_NOEXEC as in `flags`. Returns a descriptor, close-on-exec, or -1 with errno; reported unless
 * it is EPERM, since then there may be another way. fsopen(2), fsmount(2). */
int mount_detached_new(const char *type, unsigned long flags,
                       const char *intention);

/* A second mount of what is at `path`; "" means the working directory, whose
 * own path is not walked for it. With `all`, what is mounted below comes along.
 * Returns a descriptor, close-on-exec, or -1 with errno; reported unless,
 * without `all`, it is EINVAL, which says that it can only be had with what is mounted below: the
 * maker of a mount namespace may not look under mounts that it was given.
 * open_tree(2), mount_namespaces(7). */
int mount_detached_copy(const char *path, bool all, const char *intention);

/* Puts it at `target`; "" is the working directory. The descriptor is still
 * that mount's then. Returns 0, or -1, reported. move_mount(2). */
int mount_detached_attach(int mount_fd, const char *target,
                          const char *intention);

#endif
