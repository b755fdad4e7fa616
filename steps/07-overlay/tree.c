#include "steps/07-overlay/tree.h"

#include "common/base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/mount.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

_Static_assert(TREE_RDONLY == MOUNT_ATTR_RDONLY &&
                   TREE_NOSUID == MOUNT_ATTR_NOSUID &&
                   TREE_NODEV == MOUNT_ATTR_NODEV &&
                   TREE_NOEXEC == MOUNT_ATTR_NOEXEC &&
                   TREE_IDMAP == MOUNT_ATTR_IDMAP,
               "the attributes are the kernel's own");

static int tree_set_option(int context_fd, const char *key, const char *value)
{
    long result =
        syscall(SYS_fsconfig, context_fd, FSCONFIG_SET_STRING, key, value, 0);
    if (result == -1)
        log_call(result, "an option of a file system",
                 "fsconfig(%d, FSCONFIG_SET_STRING, \"%s\", \"%s\", 0)",
                 context_fd, key, value);
    return (int)result;
}

static int tree_configure_tmpfs(int context_fd, uint64_t bytes,
                                const char *mode)
{
    char size[32];
    snprintf(size, sizeof size, "%" PRIu64, bytes);
    if ((bytes != 0 && tree_set_option(context_fd, "size", size) == -1) ||
        tree_set_option(context_fd, "mode", mode) == -1)
        return -1;
    long result =
        syscall(SYS_fsconfig, context_fd, FSCONFIG_CMD_CREATE, NULL, NULL, 0);
    if (result == -1)
        log_call(result, "a file system in memory",
                 "fsconfig(%d, FSCONFIG_CMD_CREATE, NULL, NULL, 0)",
                 context_fd);
    return (int)result;
}

int tree_make_tmpfs(uint64_t bytes, const char *mode, unsigned attributes,
                    int *context_fd, const char *intention)
{
    long context = syscall(SYS_fsopen, "tmpfs", FSOPEN_CLOEXEC);
    if (context == -1)
        return (int)log_call(context, intention,
                             "fsopen(\"tmpfs\", FSOPEN_CLOEXEC)");
    long fd = -1;
    if (tree_configure_tmpfs((int)context, bytes, mode) == 0) {
        fd = syscall(SYS_fsmount, context, FSMOUNT_CLOEXEC, attributes);
        log_call(fd, intention, "fsmount(%ld, FSMOUNT_CLOEXEC)", context);
    }
    int saved_errno = errno;
    if (context_fd != NULL && fd != -1)
        *context_fd = (int)context;
    else
        close((int)context);
    errno = saved_errno;
    return (int)fd;
}

int tree_resize_tmpfs(int context_fd, uint64_t bytes, const char *intention)
{
    char size[32];
    snprintf(size, sizeof size, "%" PRIu64, bytes);
    if (tree_set_option(context_fd, "size", size) == -1)
        return -1;
    long result = syscall(SYS_fsconfig, context_fd, FSCONFIG_CMD_RECONFIGURE,
                          NULL, NULL, 0);
    return (int)log_call(result, intention,
                         "fsconfig(%d, FSCONFIG_CMD_RECONFIGURE)", context_fd);
}

static void tree_name_attributes(unsigned attributes, char *text, size_t size)
{
    static const struct {
        unsigned attribute;
        const char *name;
    } names[] = {
        {TREE_RDONLY, "MOUNT_ATTR_RDONLY"}, {TREE_NOSUID, "MOUNT_ATTR_NOSUID"},
        {TREE_NODEV, "MOUNT_ATTR_NODEV"},   {TREE_NOEXEC, "MOUNT_ATTR_NOEXEC"},
        {TREE_IDMAP, "MOUNT_ATTR_IDMAP"},
    };
    size_t used = (size_t)snprintf(text, size, "%s", attributes ? "" : "0");
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if ((attributes & names[i].attribute) != 0 && used < size)
            used += (size_t)snprintf(text + used, size - used, "%s%s",
                                     used == 0 ? "" : "|", names[i].name);
}

int tree_set(int tree_fd, unsigned attributes, int userns_fd,
             const char *intention)
{
    struct mount_attr set = {.attr_set = attributes};
    if ((attributes & TREE_IDMAP) != 0)
        set.userns_fd = (uint64_t)userns_fd;
    long result = syscall(SYS_mount_setattr, tree_fd, "",
                          AT_EMPTY_PATH | AT_RECURSIVE, &set, sizeof set);
    if (result == -1)
        return -1;
    char names[128];
    tree_name_attributes(attributes, names, sizeof names);
    return (int)log_call(result, intention,
                         "mount_setattr(%d, \"\", AT_EMPTY_PATH|AT_RECURSIVE, "
                         "{attr_set=%s})",
                         tree_fd, names);
}

int tree_attach(int tree_fd, int target_fd, const char *intention)
{
    long result = syscall(SYS_move_mount, tree_fd, "", target_fd, "",
                          MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH);
    return (int)log_call(result, intention,
                         "move_mount(%d, \"\", %d, \"\", "
                         "MOVE_MOUNT_F_EMPTY_PATH|MOVE_MOUNT_T_EMPTY_PATH)",
                         tree_fd, target_fd);
}
