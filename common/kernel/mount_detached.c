#include "common/kernel/mount_detached.h"

#include "common/base/files.h"
#include "common/base/log.h"
#include "common/kernel/mount.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

int mount_detached_new(const char *type, unsigned long flags,
                       const char *intention)
{
    char call[64];
    int result, mount_fd = -1;
    int context = (int)syscall(SYS_fsopen, type, FSOPEN_CLOEXEC);
    snprintf(call, sizeof call, "fsopen(\"%s\", FSOPEN_CLOEXEC)", type);
    if (context != -1) {
        result = (int)syscall(SYS_fsconfig, context, FSCONFIG_CMD_CREATE, NULL,
                              NULL, 0);
        snprintf(call, sizeof call, "fsconfig(%d, FSCONFIG_CMD_CREATE)",
                 context);
        if (result == 0) {
            /* MOUNT_ATTR_RDONLY, NOSUID, NODEV, NOEXEC are MS_…'s numbers. */
            mount_fd = (int)syscall(SYS_fsmount, context, FSMOUNT_CLOEXEC,
                                    (unsigned)flags);
            snprintf(call, sizeof call, "fsmount(%d, FSMOUNT_CLOEXEC)",
                     context);
        }
        files_close(&context);
    }
    if (mount_fd == -1 && errno == EPERM)
        return -1;
    return (int)log_call(mount_fd, intention, "%s", call);
}

/* A copy of a shared mount is shared with it: what is mounted upon the one
 * appears on the other, which is the host's. Before 5.12 the call that takes a
 * descriptor is not there, and the path of the descriptor has to do. */
static int mount_detached_make_private(int mount_fd)
{
    struct mount_attr attributes = {.propagation = MS_PRIVATE};
    char path[64];
    int result = (int)syscall(SYS_mount_setattr, mount_fd, "",
                              AT_EMPTY_PATH | AT_RECURSIVE, &attributes,
                              sizeof attributes);
    if (result == 0 || errno != ENOSYS)
        return result == 0 ? 0
                           : (int)log_call(result, "and none but this one",
                                           "mount_setattr(%d, \"\", "
                                           "AT_EMPTY_PATH|AT_RECURSIVE, "
                                           "{propagation=MS_PRIVATE})",
                                           mount_fd);
    snprintf(path, sizeof path, "/proc/self/fd/%d", mount_fd);
    return mount_file_system("none", path, "none", MS_REC | MS_PRIVATE, NULL,
                             "no mount on it reaches the host");
}

int mount_detached_copy(const char *path, bool all, const char *intention)
{
    unsigned flags = OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH |
                     (all ? AT_RECURSIVE : 0U);
    int mount_fd = (int)syscall(SYS_open_tree, AT_FDCWD, path, flags);
    if (mount_fd == -1 && errno == EINVAL && !all)
        return -1;
    if (log_call(mount_fd, intention,
                 "open_tree(AT_FDCWD, \"%s\", OPEN_TREE_CLONE%s)", path,
                 all ? "|AT_RECURSIVE" : "") == -1)
        return -1;
    if (mount_detached_make_private(mount_fd) == 0)
        return mount_fd;
    files_close(&mount_fd);
    return -1;
}

int mount_detached_attach(int mount_fd, const char *target,
                          const char *intention)
{
    unsigned flags = MOVE_MOUNT_F_EMPTY_PATH |
                     (*target == '\0' ? MOVE_MOUNT_T_EMPTY_PATH : 0U);
    int result =
        (int)syscall(SYS_move_mount, mount_fd, "", AT_FDCWD, target, flags);
    return (int)log_call(result, intention,
                         "move_mount(%d, \"\", AT_FDCWD, \"%s\")", mount_fd,
                         target);
}
