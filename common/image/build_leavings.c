#include "common/image/build_leavings.h"

#include "common/base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

static int build_leavings_not_seen(const char *name)
{
    return (int)log_call(-1, "what the image has in its place",
                         "newfstatat(\"%s\")", name);
}

/* Something of the overlay's upper directory, that was made to mount something upon it, and that
 * the image has not. A directory goes only if nothing is in it. */
static int build_leavings_remove_mount_point(const struct layers *below,
                                             int upper_fd, const char *name)
{
    struct stat status;
    if (fstatat(upper_fd, name, &status, AT_SYMLINK_NOFOLLOW) == -1 ||
        !S_ISDIR(status.st_mode))
        return 0;
    if (layers_look_up(below, name, &status) != -1)
        return 0;
    if (errno != ENOENT) /* it is not known to be nobody's */
        return build_leavings_not_seen(name);
    if (unlinkat(upper_fd, name, AT_REMOVEDIR) == -1 && errno != ENOTEMPTY)
        return (int)log_call(-1, "a mount point is not the image's",
                             "unlinkat(%d, \"%s\", AT_REMOVEDIR)", upper_fd,
                             name);
    return 0;
}

/* /etc itself, which was copied up for the sake of these files only. */
static int build_leavings_remove_etc(const struct layers *below, int upper_fd,
                                     int etc_fd)
{
    struct stat now, before;
    int which = layers_look_up(below, "etc", &before);
    if (which == -1 && errno != ENOENT)
        return build_leavings_not_seen("etc");
    if (fstat(etc_fd, &now) == -1 || layers_is_opaque(etc_fd) != 0 ||
        (which != -1 &&
         (before.st_mode != now.st_mode || before.st_uid != now.st_uid ||
          before.st_gid != now.st_gid)))
        return 0;
    if (unlinkat(upper_fd, "etc", AT_REMOVEDIR) == -1 && errno != ENOTEMPTY)
        return (int)log_call(-1, "a directory in which nothing has changed",
                             "unlinkat(%d, \"etc\", AT_REMOVEDIR)", upper_fd);
    return 0;
}

/* The container's own files are mounted upon these: what stands here was made for that, by us,
 * and the command has never seen it. */
static int build_leavings_remove_files(const struct layers *below, int upper_fd)
{
    static const char *const names[] = {"resolv.conf", "hosts", "hostname"};
    int fd = openat(upper_fd, "etc",
                    O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    int result = 0;
    if (fd == -1)
        return 0;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        struct stat status;
        if (fstatat(fd, names[i], &status, AT_SYMLINK_NOFOLLOW) == 0 &&
            S_ISREG(status.st_mode) && status.st_size == 0 &&
            unlinkat(fd, names[i], 0) == -1)
            result = (int)log_call(-1, "a mount point is not the image's",
                                   "unlinkat(\"etc/%s\")", names[i]);
    }
    if (result == 0)
        result = build_leavings_remove_etc(below, upper_fd, fd);
    close(fd);
    return result;
}

int build_leavings_remove(const struct layers *below, int upper_fd)
{
    static const char *const names[] = {"proc", "sys", "dev"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (build_leavings_remove_mount_point(below, upper_fd, names[i]) == -1)
            return -1;
    return build_leavings_remove_files(below, upper_fd);
}
