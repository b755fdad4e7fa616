#include "common/runtime/store_tree.h"

#include "common/base/advice.h"
#include "common/base/log.h"
#include "common/runtime/mapped.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Opens a directory; one of ours that we had closed to ourselves is opened. */
static int store_tree_open(int parent_fd, const char *name)
{
    const int flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
    int fd = openat(parent_fd, name, flags);
    if (fd == -1 && errno == EACCES && fchmodat(parent_fd, name, 0700, 0) == 0)
        fd = openat(parent_fd, name, flags);
    return fd;
}

/* Moves a directory up, under a name that nothing there has. To move one is to change
 * its "..", so it must be ours to write into. rename(2). */
static int store_tree_move_up(int fd, const char *name, int top_fd)
{
    static unsigned long number; /* of all that were moved */
    for (;;) {
        char moved[32];
        snprintf(moved, sizeof moved, "%lu", number++);
        if (renameat(fd, name, top_fd, moved) == 0)
            return 0;
        if (errno == EACCES && fchmodat(fd, name, 0700, 0) == 0 &&
            renameat(fd, name, top_fd, moved) == 0)
            return 0;
        if (errno != EEXIST && errno != ENOTEMPTY && errno != ENOTDIR)
            return -1;
    }
}

/* Unlinks what is in `directory`, and does `on_directory` to the directories. */
static int store_tree_empty(DIR *directory, int top_fd,
                            int (*on_directory)(int fd, const char *name,
                                                int top_fd),
                            bool *found)
{
    for (;;) {
        errno = 0;
        const struct dirent *entry = readdir(directory);
        if (entry == NULL)
            return errno == 0 ? 0 : -1;
        const char *name = entry->d_name;
        if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
            continue;
        *found = true;
        int result = unlinkat(dirfd(directory), name, 0);
        if (result == -1 && errno == EISDIR)
            result = on_directory(dirfd(directory), name, top_fd);
        if (result == -1 && errno != ENOENT)
            return -1;
    }
}

/* A directory right below the top: what is in it is taken away or moved up. */
static int store_tree_flatten(int parent_fd, const char *name, int top_fd)
{
    bool found = false;
    if (unlinkat(parent_fd, name, AT_REMOVEDIR) == 0) /* it was empty */
        return 0;
    int fd = store_tree_open(parent_fd, name);
    if (fd == -1)
        return -1;
    DIR *directory = fdopendir(fd);
    if (directory == NULL) {
        close(fd);
        return -1;
    }
    int result =
        store_tree_empty(directory, top_fd, store_tree_move_up, &found);
    int saved_errno = errno;
    closedir(directory);
    errno = saved_errno;
    return result == -1 ? -1 : unlinkat(parent_fd, name, AT_REMOVEDIR);
}

/* Until a look finds nothing: what is moved up meanwhile may or may not be seen. Returns
 * 0, or -1 with errno. */
static int store_tree_try(const char *path)
{
    if (rmdir(path) == 0) /* it was empty */
        return 0;
    int fd = store_tree_open(AT_FDCWD, path);
    if (fd == -1)
        return errno == ENOENT ? 0 : -1;
    DIR *directory = fdopendir(fd);
    if (directory == NULL) {
        close(fd);
        return -1;
    }
    bool found = true;
    int result = 0;
    while (result == 0 && found) {
        found = false;
        rewinddir(directory);
        result = store_tree_empty(directory, fd, store_tree_flatten, &found);
    }
    int saved_errno = errno;
    closedir(directory);
    errno = saved_errno;
    if (result == 0)
        result = rmdir(path);
    return result == -1 && errno != ENOENT ? -1 : 0;
}

static int store_tree_try_mapped(void *context)
{
    return store_tree_try(context);
}

int store_tree_remove(const char *path)
{
    int result = store_tree_try(path);
    if (result == -1 && (errno == EACCES || errno == EPERM) && geteuid() != 0)
        result = mapped_run(store_tree_try_mapped, (void *)path);
    if (result == -1)
        log_error("%s: can not be removed: %s (%s)", path, strerror(errno),
                  advice_error_name(errno));
    return result;
}
