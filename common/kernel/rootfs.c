#include "common/kernel/rootfs.h"

#include "common/base/files.h"
#include "common/base/log.h"
#include "common/kernel/mount.h"

#include <errno.h>
#include <limits.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

const char *rootfs_parse_directory(const char *text, void *directory)
{
    /* In full: looking up "." does not cross a mount that was made upon it, so
     * with "." the bind mount below would be made, and not be entered. */
    static char path[PATH_MAX];
    struct stat new_root, old_root;
    if (realpath(text, path) == NULL || stat(path, &new_root) == -1)
        return errno == ENOENT ? "there is no such directory (ENOENT)"
                               : "the directory can not be reached";
    if (!S_ISDIR(new_root.st_mode))
        return "expected a directory (ENOTDIR)";
    if (stat("/", &old_root) == 0 && old_root.st_dev == new_root.st_dev &&
        old_root.st_ino == new_root.st_ino)
        return "expected another root than the one there is";
    *(const char **)directory = path;
    return NULL;
}

const char *rootfs_find_default(void)
{
    static char path[PATH_MAX];
    if (files_find_above_program("build/rootfs/default", path) == 0)
        return path;
    log_error("no root file system: build/rootfs/default is not beside this "
              "program (ENOENT)");
    log_advice("make it with `make rootfs`, or name one with --rootfs");
    return NULL;
}

/* An initramfs is the bottom of the mount table, and before Linux 7.0 nothing
 * can take its place. Moving the new root over it and entering that hides the
 * host, as switch_root(8) does; but the host is still mounted, below. Whoever
 * has CAP_SYS_ADMIN can take the cover off and be there, by setns(2). In a chroot
 * below a shared mount it is EINVAL too, and CAP_SYS_CHROOT gets out. */
static int rootfs_chroot(void)
{
    if (mount_file_system(".", "/", "none", MS_MOVE, NULL,
                          "the new root covers the old one") == -1)
        return -1;
    int result = chroot(".");
    return (int)log_call(result, "a root of its own, though a weaker one",
                         "chroot(\".\")");
}

static int rootfs_detach_old_root(void)
{
    /* The working directory is the new root, and the old one is mounted over
     * it: that is what umount2 finds. It is busy, since host processes live in
     * it; MNT_DETACH takes it out of this mount table all the same. */
    int result = 0;
    result = umount2(".", MNT_DETACH);
    return (int)log_call(result, "the host's root is gone",
                         "umount2(\".\", MNT_DETACH)");
}

int rootfs_pivot(void)
{
    /* With "." twice the old root ends up mounted over the new one, and needs
     * no directory to be put in. pivot_root(2), NOTES. */
    long result = syscall(SYS_pivot_root, ".", ".");
    if (result == -1 && errno == EINVAL) {
        log_note("pivot_root can not replace this root (EINVAL)");
        return rootfs_chroot();
    }
    if (log_call(result, "a root of its own", "pivot_root(\".\", \".\")") == -1)
        return -1;
    /* At once: until then ".." leads from the new root to the old one. */
    return rootfs_detach_old_root();
}

int rootfs_change_root(const char *directory)
{
    /* pivot_root swaps mounts, and a plain directory is none (EBUSY). Not
     * MS_REC: what is mounted below it on the host is not ours to show. */
    if (mount_file_system(directory, directory, "none", MS_BIND, NULL,
                          "the directory becomes a mount") == -1)
        return -1;
    if (chdir(directory) == -1)
        return (int)log_call(-1, "into the new root", "chdir(\"%s\")",
                             directory);
    return rootfs_pivot();
}

int rootfs_make_directory(const char *path, mode_t mode)
{
    struct stat status;
    if (mkdir(path, mode) == 0)
        return 0;
    if (errno != EEXIST)
        return (int)log_call(-1, "a place for a mount", "mkdir(\"%s\", %#o)",
                             path, mode);
    /* An image may bring a symbolic link here. It can not lead out any more,
     * but what /proc hides must not be found under another name. */
    if (lstat(path, &status) == -1 || !S_ISDIR(status.st_mode)) {
        log_error("%s in the root file system is not a directory (ENOTDIR)",
                  path);
        log_advice("a container needs a real directory there, not a link or a "
                   "file: mend the root file system");
        errno = ENOTDIR;
        return -1;
    }
    return 0;
}

enum { ROOTFS_SAFE = MS_NOSUID | MS_NODEV | MS_NOEXEC };

struct rootfs_mount {
    const char *source, *target, *type;
    unsigned long flags;
    const char *options, *intention;
};

static int rootfs_mount_each(const struct rootfs_mount *mounts, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (rootfs_make_directory(mounts[i].target, 0755) == -1 ||
            mount_file_system(mounts[i].source, mounts[i].target,
                              mounts[i].type, mounts[i].flags,
                              mounts[i].options, mounts[i].intention) == -1)
            return -1;
    return 0;
}

int rootfs_mount_dev(const char *pts_options)
{
    const struct rootfs_mount mounts[] = {
        /* The order matters: what lies below /dev comes after /dev. */
        {"tmpfs", "/dev", "tmpfs", MS_NOSUID | MS_NOEXEC, "mode=755,size=64m",
         "an empty /dev"},
        {"devpts", "/dev/pts", "devpts", MS_NOSUID | MS_NOEXEC, pts_options,
         "pseudo-terminals of its own"},
        {"shm", "/dev/shm", "tmpfs", ROOTFS_SAFE, "mode=1777,size=64m",
         "shared memory of its own"},
        {"mqueue", "/dev/mqueue", "mqueue", ROOTFS_SAFE, NULL,
         "message queues of its own"},
    };
    return rootfs_mount_each(mounts, sizeof mounts / sizeof mounts[0]);
}

int rootfs_mount_all(void)
{
    static const struct rootfs_mount mounts[] = {
        {"proc", "/proc", "proc", ROOTFS_SAFE, NULL,
         "/proc shows this PID namespace"},
        {"sysfs", "/sys", "sysfs", ROOTFS_SAFE | MS_RDONLY, NULL,
         "/sys, to be looked at only"},
    };
    if (rootfs_mount_each(mounts, sizeof mounts / sizeof mounts[0]) == -1)
        return -1;
    return rootfs_mount_dev(
        "newinstance,ptmxmode=0666,mode=0620,gid=5"); /* 5: group tty */
}

int rootfs_make_links(void)
{
    static const struct {
        const char *path, *target;
    } links[] = {
        {"/dev/fd", "/proc/self/fd"},       {"/dev/stdin", "/proc/self/fd/0"},
        {"/dev/stdout", "/proc/self/fd/1"}, {"/dev/stderr", "/proc/self/fd/2"},
        {"/dev/ptmx", "pts/ptmx"},
    };
    for (size_t i = 0; i < sizeof links / sizeof links[0]; i++)
        if (symlink(links[i].target, links[i].path) == -1)
            return (int)log_call(-1, "a name that programs count on",
                                 "symlink(\"%s\", \"%s\")", links[i].target,
                                 links[i].path);
    return 0;
}

int rootfs_make_devices(void)
{
    static const struct {
        const char *path;
        unsigned major, minor; /* Documentation/admin-guide/devices.txt */
    } devices[] = {
        {"/dev/null", 1, 3},   {"/dev/zero", 1, 5},    {"/dev/full", 1, 7},
        {"/dev/random", 1, 8}, {"/dev/urandom", 1, 9}, {"/dev/tty", 5, 0},
    };
    umask(0); /* or it would take bits off the modes below */
    for (size_t i = 0; i < sizeof devices / sizeof devices[0]; i++) {
        unsigned major = devices[i].major, minor = devices[i].minor;
        if (mknod(devices[i].path, S_IFCHR | 0666, makedev(major, minor)) == -1)
            return (int)log_call(-1, "a device that programs count on",
                                 "mknod(\"%s\", S_IFCHR|0666, %u:%u)",
                                 devices[i].path, major, minor);
    }
    umask(0022);
    log_note("devices: /dev/null zero full random urandom tty");
    return rootfs_make_links();
}

/* After stat(2) failed. What this kernel does not have needs no hiding: 0. But
 * never leave anything open only because we could not look: -1, reported. */
static int rootfs_lacks(const char *path)
{
    if (errno == ENOENT)
        return 0;
    return (int)log_call(-1, "look at what tells of the host", "stat(\"%s\")",
                         path);
}

/* Covers a file with /dev/null, a directory with one that is empty. Returns
 * whether there was something to hide, or -1. */
static int rootfs_hide(const char *path)
{
    struct stat status;
    if (stat(path, &status) == -1)
        return rootfs_lacks(path);
    int result =
        S_ISDIR(status.st_mode)
            ? mount("tmpfs", path, "tmpfs", MS_RDONLY | MS_NOSUID, NULL)
            : mount("/dev/null", path, "none", MS_BIND, NULL);
    if (result == -1)
        return (int)log_call(result, "hide what tells of the host",
                             "mount(\"%s\")", path);
    return 1;
}

/* A bind mount on itself is a second way to the same directory, and may have
 * flags of its own; they are only taken on a remount. mount(2). */
static int rootfs_make_read_only(const char *path)
{
    unsigned long flags = MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_RDONLY;
    struct stat status;
    if (stat(path, &status) == -1)
        return rootfs_lacks(path);
    if (mount(path, path, "none", MS_BIND, NULL) == -1 ||
        mount("none", path, "none", MS_REMOUNT | MS_BIND | flags, NULL) == -1)
        return (int)log_call(-1, "keep the host from being changed",
                             "mount(\"%s\")", path);
    return 1;
}

int rootfs_hide_host(void)
{
    static const struct {
        int (*treat)(const char *path);
        const char *path;
    } paths[] = {
        {rootfs_hide, "/proc/acpi"},
        {rootfs_hide, "/proc/asound"},
        {rootfs_hide, "/proc/interrupts"},
        {rootfs_hide, "/proc/kcore"}, /* all of the machine's memory */
        {rootfs_hide, "/proc/keys"},
        {rootfs_hide, "/proc/latency_stats"},
        {rootfs_hide, "/proc/sched_debug"},
        {rootfs_hide, "/proc/scsi"},
        {rootfs_hide, "/proc/timer_list"},
        {rootfs_hide, "/proc/timer_stats"},
        {rootfs_hide, "/sys/devices/virtual/powercap"},
        {rootfs_hide, "/sys/firmware"},
        {rootfs_hide, "/sys/fs/selinux"},
        {rootfs_make_read_only, "/proc/bus"},
        {rootfs_make_read_only, "/proc/fs"},
        {rootfs_make_read_only, "/proc/irq"},
        {rootfs_make_read_only, "/proc/sys"}, /* the kernel's settings */
        {rootfs_make_read_only, "/proc/sysrq-trigger"}, /* reboots it */
    };
    char hidden[512] = "", read_only[512] = "";
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
        char *list = paths[i].treat == rootfs_hide ? hidden : read_only;
        int treated = paths[i].treat(paths[i].path);
        if (treated == -1)
            return -1;
        size_t used = strlen(list);
        if (treated == 1)
            snprintf(list + used, sizeof hidden - used, " %s", paths[i].path);
    }
    log_note("hidden:%s", hidden);
    log_note("read-only:%s", read_only);
    return 0;
}
