#include "common/kernel/userns_mounts.h"

#include "common/base/log.h"
#include "common/kernel/mount.h"
#include "common/kernel/mount_detached.h"
#include "common/kernel/mountinfo.h"
#include "common/kernel/rootfs.h"
#include "common/kernel/userns_maps.h"

#include <errno.h>
#include <linux/magic.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <unistd.h>

/* ---- The parent ---- */

/* The parent goes to where the new root is: inside, those who may not search
 * some directory above it (/home/you, mode 0700) begin there all the same. */
static int userns_mounts_begin_at(const char *rootfs)
{
    int result = chdir(rootfs);
    return (int)log_call(result, "the child begins where the root is to be",
                         "chdir(\"%s\")", rootfs);
}

int userns_mounts_prepare(const char *rootfs, bool host_network,
                          struct userns_mounts *mounts)
{
    *mounts =
        (struct userns_mounts){-1, -1, -1, {-1, -1, -1, -1, -1, -1}, false};
    if (rootfs != NULL && userns_mounts_begin_at(rootfs) == -1)
        return -1;
    /* In a mount namespace that belongs to another user namespace, no mount can
     * be had without those upon it. Root out here can have just the one. */
    bool wants_some = rootfs != NULL || host_network;
    if (!wants_some || !userns_maps_is_host_root())
        return 0;
    if (rootfs != NULL) {
        mounts->root_fd = mount_detached_copy("", false, "the root by itself");
        if (mounts->root_fd == -1 && errno != EINVAL)
            return -1;
    }
    if (!host_network)
        return 0;
    mounts->sys_fd = mount_detached_copy("/sys", false, "/sys by itself");
    return mounts->sys_fd == -1 && errno != EINVAL ? -1 : 0;
}

/* ---- The child: with the host's mounts still there ---- */

static int userns_mounts_copy(const char *path, const char *intention)
{
    int mount_fd = mount_detached_copy(path, false, intention);
    if (mount_fd != -1 || errno != EINVAL)
        return mount_fd;
    log_note(
        "what is mounted below comes along: who has not mounted it may not "
        "look under it");
    return mount_detached_copy(path, true, intention);
}

static int userns_mounts_new_proc(void)
{
    int mount_fd = mount_detached_new("proc", MS_NOSUID | MS_NODEV | MS_NOEXEC,
                                      "a /proc that is nowhere yet");
    if (mount_fd == -1 && errno == EPERM) {
        log_error(
            "the kernel refuses a new /proc (EPERM): parts of the one here "
            "are masked, as in a container");
        log_advice("a new one would show them; run this outside, or `make vm`");
    }
    return mount_fd;
}

/* A new /sys shows network devices, so it takes a network namespace of one's
 * own (EPERM). Else it has to be the host's. */
static int userns_mounts_new_sys(struct userns_mounts *mounts)
{
    int mount_fd = mount_detached_new(
        "sysfs", MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_RDONLY,
        "a /sys that is nowhere yet");
    mounts->sys_is_the_hosts = mount_fd == -1 && errno == EPERM;
    if (mounts->sys_is_the_hosts) {
        log_note("a new /sys is refused (EPERM): then it is the host's");
        mount_fd = mounts->sys_fd != -1
                       ? mounts->sys_fd
                       : userns_mounts_copy("/sys", "the host's /sys");
    }
    mounts->sys_fd = mount_fd;
    return mount_fd == -1 ? -1 : 0;
}

static const struct {
    const char *path;
    unsigned major, minor;
} userns_mounts_devices[USERNS_DEVICES] = {
    {"/dev/null", 1, 3},   {"/dev/zero", 1, 5},    {"/dev/full", 1, 7},
    {"/dev/random", 1, 8}, {"/dev/urandom", 1, 9}, {"/dev/tty", 5, 0},
};

/* A device node that is made in a user namespace opens nothing, or anybody
 * could read the disk; mknod(2) is refused (EPERM). So these are the host's. */
static int userns_mounts_copy_device(size_t i)
{
    struct stat status;
    const char *path = userns_mounts_devices[i].path;
    int mount_fd = userns_mounts_copy(path, "a device of the host's");
    if (mount_fd == -1)
        return -1;
    if (fstat(mount_fd, &status) == 0 && S_ISCHR(status.st_mode) &&
        status.st_rdev == makedev(userns_mounts_devices[i].major,
                                  userns_mounts_devices[i].minor))
        return mount_fd;
    close(mount_fd);
    return log_error("%s of the host is not the device %u:%u", path,
                     userns_mounts_devices[i].major,
                     userns_mounts_devices[i].minor);
}

int userns_mounts_gather(struct userns_mounts *mounts)
{
    mounts->proc_fd = userns_mounts_new_proc();
    if (mounts->proc_fd == -1)
        return -1;
    if (userns_mounts_new_sys(mounts) == -1)
        return -1;
    for (size_t i = 0; i < USERNS_DEVICES; i++) {
        mounts->device_fds[i] = userns_mounts_copy_device(i);
        if (mounts->device_fds[i] == -1)
            return -1;
    }
    return 0;
}

/* ---- The child: in its own root, and as its own root ---- */

int userns_mounts_enter(struct userns_mounts *mounts)
{
    if (mounts->root_fd == -1)
        mounts->root_fd = userns_mounts_copy("", "the root that is to be");
    if (mounts->root_fd == -1 ||
        mount_detached_attach(mounts->root_fd, "",
                              "the directory becomes a mount") == -1)
        return -1;
    int result = fchdir(mounts->root_fd);
    if (log_call(result, "into the new root", "fchdir(%d)", mounts->root_fd) ==
        -1)
        return -1;
    if (rootfs_pivot() == -1)
        return -1;
    /* While we are still who started this, and may own the directory. */
    if (rootfs_make_directory("/proc", 0755) == -1 ||
        rootfs_make_directory("/sys", 0755) == -1)
        return -1;
    return rootfs_make_directory("/dev", 0755);
}

/* To be looked at only, if it can be looked at. A mount that somebody else put
 * there has its flags locked: some may be added, but none taken away. */
static int userns_mounts_restrict(const char *path)
{
    enum { LOOK = MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_RDONLY };
    struct statvfs status;
    int result = mount("none", path, "none", MS_REMOUNT | MS_BIND | LOOK, NULL);
    if (result == 0)
        return 0;
    /* Nobody inside gets to what is covered by another mount, or lies in a
     * directory that only the host's root may search. */
    int saved_errno = errno;
    if (statvfs(path, &status) == -1 || (status.f_flag & ST_RDONLY) != 0)
        return 0;
    errno = saved_errno;
    return (int)log_call(result, "to be looked at only",
                         "mount(\"none\", \"%s\", MS_REMOUNT|MS_BIND)", path);
}

/* All that is mounted at `path` and below, and so came along. */
static int userns_mounts_restrict_all(const char *path)
{
    struct mountinfo mounts;
    size_t length = strlen(path);
    int result = 0;
    if (mountinfo_open(&mounts, "what came along") == -1)
        return -1;
    while (result == 0 && mountinfo_next(&mounts))
        if (strncmp(mounts.target, path, length) == 0 &&
            (mounts.target[length] == '/' || mounts.target[length] == '\0'))
            result = userns_mounts_restrict(mounts.target);
    return mountinfo_close(&mounts) == -1 ? -1 : result;
}

/* Where /sys came along with all that is upon it, the host's cgroups are there.
 * They tell of the host; and version 2 is one file system, which can not be
 * mounted upon itself (EBUSY): the container's own goes on top of this. */
static int userns_mounts_cover_cgroups(void)
{
    struct statfs status;
    if (statfs("/sys/fs/cgroup", &status) == -1 || status.f_type == SYSFS_MAGIC)
        return 0;
    return mount_file_system("tmpfs", "/sys/fs/cgroup", "tmpfs",
                             MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_RDONLY,
                             "mode=755", "the host's cgroups are out of sight");
}

static int userns_mounts_attach_devices(const struct userns_mounts *mounts)
{
    for (size_t i = 0; i < USERNS_DEVICES; i++) {
        const char *path = userns_mounts_devices[i].path;
        int result = mknod(path, S_IFREG | 0600, 0);
        if (result == -1)
            return (int)log_call(result, "a place for a device",
                                 "mknod(\"%s\", S_IFREG|0600)", path);
        if (mount_detached_attach(mounts->device_fds[i], path,
                                  "the host's device") == -1)
            return -1;
    }
    log_note("devices: /dev/null zero full random urandom tty");
    return rootfs_make_links();
}

int userns_mounts_furnish(const struct userns_mounts *mounts,
                          bool has_tty_group)
{
    umask(0022);
    if (mount_detached_attach(mounts->proc_fd, "/proc",
                              "/proc shows this PID namespace") == -1 ||
        mount_detached_attach(mounts->sys_fd, "/sys",
                              "/sys, to be looked at only") == -1)
        return -1;
    if (mounts->sys_is_the_hosts && (userns_mounts_restrict_all("/sys") == -1 ||
                                     userns_mounts_cover_cgroups() == -1))
        return -1;
    /* 5 is the group tty, which owns a terminal, where there is such a group. */
    if (rootfs_mount_dev(has_tty_group
                             ? "newinstance,ptmxmode=0666,mode=0620,gid=5"
                             : "newinstance,ptmxmode=0666,mode=0620") == -1)
        return -1;
    return userns_mounts_attach_devices(mounts);
}
