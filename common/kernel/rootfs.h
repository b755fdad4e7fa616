/*
 * rootfs: a root directory of one's own, furnished as programs expect it.
 *
 * All of this is for a child in a mount namespace of its own, made private
 * (kernel/mount), with root's capabilities there. After rootfs_change_root()
 * every path is looked up in the new root, so that a symbolic link in it can
 * not lead a mount of ours to the host.
 *
 * taught in: step 04, lessons/04-pivot-root.md
 */
#ifndef NSCTL_KERNEL_ROOTFS_H
#define NSCTL_KERNEL_ROOTFS_H

#include <sys/types.h>

/* The option parser for --rootfs (see base/program.h): a directory, not /.
 * `directory` points to a const char *, which then points to its full path, in
 * static memory. realpath(3). */
const char *rootfs_parse_directory(const char *text, void *directory);

/* The root file system that `make rootfs` built, as a path in static memory;
 * NULL, reported, where it has not. */
const char *rootfs_find_default(void);

/*
 * Makes `directory` the root and the working directory, and lets go of the old
 * root, with all that is mounted in it. Where pivot_root can not work (an
 * initramfs, a chroot below a shared mount) it is a chroot, which is weaker, and
 * the log says so. Returns 0, or -1 with errno, reported. pivot_root(2),
 * umount2(2).
 */
int rootfs_change_root(const char *directory);

/* The second half of it: the working directory, the top of a mount, becomes the
 * root. Returns 0, or -1, reported. */
int rootfs_pivot(void);

/* A place for a mount, made unless it is there; not a link, which may lead to
 * where it is not wanted (ENOTDIR). Returns 0, or -1, reported. */
int rootfs_make_directory(const char *path, mode_t mode);

/* Mounts /proc, /sys, /dev and what belongs below them. Returns 0, or -1. */
int rootfs_mount_all(void);

/* Of these /dev, and what belongs below it; `pts_options` are those of devpts.
 * Returns 0, or -1. mount(8). */
int rootfs_mount_dev(const char *pts_options);

/* Makes the six devices that any program may count on, and the links to
 * /proc/self/fd. Sets the umask to 0022. Returns 0, or -1. mknod(2). */
int rootfs_make_devices(void);

/* Of these the links. Returns 0, or -1. */
int rootfs_make_links(void);

/* Hides the files of /proc and /sys that tell of the host, and makes those
 * read-only that change it. Returns 0, or -1, reported. */
int rootfs_hide_host(void);

#endif
