#include "steps/07-overlay/volumes.h"

#include "common/base/files.h"
#include "common/base/log.h"
#include "common/kernel/mount.h"
#include "common/kernel/mount_detached.h"
#include "steps/07-overlay/tree.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <unistd.h>

/* ---- The child: volumes ---- */

/* A path as it is looked up in the container's own root, whatever links there
 * are, and whoever changes them meanwhile; and through no link of /proc,
 * which would lead to what we have open. */
static int volumes_open_path(int directory_fd, const char *path,
                             uint64_t resolve)
{
    struct open_how how = {.flags = O_PATH | O_CLOEXEC};
    int patience = 1000, fd = -1;
    //> resolve
    how.resolve = RESOLVE_NO_MAGICLINKS | resolve;
    //< resolve
    do {
        fd = (int)syscall(SYS_openat2, directory_fd, path, &how, sizeof how);
        /* EAGAIN: something was renamed, so that a ".." is not to be trusted. */
    } while (fd == -1 && errno == EAGAIN && patience-- > 0);
    return fd;
}

/* Makes `name` in a directory that we hold, and opens what is there now, unless
 * it is a link. */
static int volumes_make(int directory_fd, const char *name, bool directory)
{
    int fd = -1;
    if (directory) {
        if (mkdirat(directory_fd, name, 0755) == -1 && errno != EEXIST)
            return -1;
    } else {
        fd = openat(directory_fd, name,
                    O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
        if (fd == -1 && errno != EEXIST)
            return -1;
        if (fd != -1)
            close(fd);
    }
    return volumes_open_path(directory_fd, name,
                             RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS);
}

/* Opens `target`, and makes what is missing on the way, directory by directory
 * and each in one that we hold. Returns a descriptor, or -1 with errno. */
static int volumes_open_target(int root_fd, const char *target, bool directory)
{
    char path[PATH_MAX];
    size_t length = strlen(target);
    snprintf(path, sizeof path, "%s", target);
    while (length > 1 && path[length - 1] == '/')
        path[--length] = '\0';
    int fd = volumes_open_path(root_fd, path, RESOLVE_IN_ROOT);
    size_t there = length;
    while (fd == -1 && errno == ENOENT && there > 0) {
        while (there > 0 && path[there] != '/')
            there--;
        path[there] = '\0';
        fd = volumes_open_path(root_fd, there == 0 ? "/" : path,
                               RESOLVE_IN_ROOT);
    }
    while (fd != -1 && there < length) {
        char *name = path + there + 1;
        there += 1 + strlen(name);
        int below = fd;
        if (name[0] != '\0' && strcmp(name, ".") != 0) {
            below = volumes_make(fd, name, directory || there < length);
            files_close(&fd);
        }
        fd = below;
    }
    return fd;
}

/* What may be mounted over: not what the kernel tells in /proc and /sys, and not
 * the root itself, whose users would not notice. */
static int volumes_check_target(int target_fd, const struct volume *volume,
                                const struct stat *tree)
{
    struct stat target;
    char link[64], path[PATH_MAX];
    snprintf(link, sizeof link, "/proc/self/fd/%d", target_fd);
    ssize_t length = readlink(link, path, sizeof path - 1);
    if (length == -1 || fstat(target_fd, &target) == -1)
        return (int)log_call(-1, "a volume's place, as it is called inside",
                             "readlink(\"%s\")", link);
    path[length] = '\0';
    const char *wrong = NULL;
    if (S_ISDIR(tree->st_mode) != S_ISDIR(target.st_mode))
        wrong = "a directory goes on a directory, a file on a file (ENOTDIR)";
    else if (strcmp(path, "/") == 0)
        wrong = "it leads to the root itself";
    else if (strcmp(path, "/proc") == 0 || strncmp(path, "/proc/", 6) == 0 ||
             strcmp(path, "/sys") == 0 || strncmp(path, "/sys/", 5) == 0)
        wrong = "what the kernel tells there is not to be covered";
    if (wrong == NULL)
        return 0;
    log_error("volume at %s: %s", volume->target, wrong);
    log_advice("name another place in the container");
    return -1;
}

/* Before 5.12 flags can only be had by mount(2), which takes a path: that of
 * the descriptor, which is the mount itself. What a user's mount has already
 * is locked, so it is repeated. */
static int volumes_remount(const struct volume *volume)
{
    struct statvfs status;
    char path[64];
    snprintf(path, sizeof path, "/proc/self/fd/%d", volume->tree_fd);
    if (fstatvfs(volume->tree_fd, &status) == -1)
        return (int)log_call(-1, "a volume's flags", "fstatfs(%d)",
                             volume->tree_fd);
    return mount_file_system("none", path, "none",
                             MS_REMOUNT | MS_BIND | MS_NOSUID | MS_NODEV |
                                 (volume->read_only ? MS_RDONLY : 0) |
                                 (status.f_flag & (MS_RDONLY | MS_NOEXEC)),
                             NULL,
                             "and no set-user-id program, no device in it");
}

static int volumes_attach_one(struct volume *volume, int root_fd)
{
    struct stat tree;
    if (volume->source == NULL)
        volume->tree_fd = tree_make_tmpfs(
            volume->bytes, volume->mode, TREE_NOSUID | TREE_NODEV | TREE_NOEXEC,
            NULL, "a file system in memory");
    if (volume->tree_fd == -1 || fstat(volume->tree_fd, &tree) == -1)
        return -1;
    int target_fd =
        volumes_open_target(root_fd, volume->target, S_ISDIR(tree.st_mode));
    if (target_fd == -1)
        return (int)log_call(-1, "a volume's place, looked up inside",
                             "openat2(\"%s\", RESOLVE_IN_ROOT)",
                             volume->target);
    int result = volumes_check_target(target_fd, volume, &tree);
    if (result == 0)
        result =
            tree_attach(volume->tree_fd, target_fd,
                        volume->read_only ? "a volume, read-only" : "a volume");
    if (result == 0 && volume->remount)
        result = volumes_remount(volume);
    close(target_fd);
    return result;
}

/* In the container's own root, furnished. */
int volumes_attach(struct volumes *volumes)
{
    if (volumes->count == 0)
        return 0;
    int root_fd = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC), result = 0;
    if (root_fd == -1)
        return (int)log_call(-1, "the root", "openat(\"/\", O_PATH)");
    for (size_t i = 0; i < volumes->count && result == 0; i++)
        result = volumes_attach_one(&volumes->list[i], root_fd);
    close(root_fd);
    return result;
}

/* Whoever may: each volume's source as a mount of its own, with all that is
 * mounted below it. */
static int volumes_open_one(struct volume *volume)
{
    volume->tree_fd =
        mount_detached_copy(volume->source, true, "a volume, from the host");
    if (volume->tree_fd == -1)
        return -1;
    if (tree_set(volume->tree_fd,
                 TREE_NOSUID | TREE_NODEV |
                     (volume->read_only ? TREE_RDONLY : 0),
                 -1, "without devices and set-user-id programs") == 0)
        return 0;
    if (errno != ENOSYS)
        return (int)log_call(-1, "a volume's flags", "mount_setattr(%d)",
                             volume->tree_fd);
    volume->remount = true;
    if (!volume->read_only)
        return 0;
    /* What is mounted below could then be written to. */
    log_note("read-only without what is mounted below it (before 5.12)");
    close(volume->tree_fd);
    volume->tree_fd =
        mount_detached_copy(volume->source, false, "a volume, from the host");
    if (volume->tree_fd == -1 && errno == EINVAL)
        log_error("%s: something of the host is mounted below it (EINVAL)",
                  volume->source);
    return volume->tree_fd == -1 ? -1 : 0;
}

int volumes_open(struct volumes *volumes)
{
    for (size_t i = 0; i < volumes->count; i++)
        if (volumes->list[i].source != NULL &&
            volumes_open_one(&volumes->list[i]) == -1)
            return -1;
    return 0;
}
