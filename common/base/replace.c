#include "common/base/replace.h"

#include "common/base/files.h"
#include "common/base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <unistd.h>

/* Every call is looked at, close(2) too: some file systems say only then that the
 * disk was full. */
static int replace_write(const char *path, int fd, const char *text,
                         size_t size, bool to_disk)
{
    size_t left = files_write_all(fd, text, size);
    int result = left == 0 ? 0 : -1;
    if (left != 0)
        log_call(result, "written beside its place", "write(\"%s\", …, %zu)",
                 path, left);
    if (result == 0 && to_disk) {
        result = fsync(fd);
        log_call(result, "to the disk, before anybody sees it", "fsync(\"%s\")",
                 path);
    }
    int saved_errno = errno;
    if (close(fd) == -1 && result == 0) {
        result = -1;
        saved_errno = errno;
        log_call(result, "written beside its place", "close(\"%s\")", path);
    }
    errno = saved_errno;
    return result;
}

static int replace_in(const char *directory, const char *name, const char *text,
                      size_t size, bool to_disk)
{
    char path[PATH_MAX], place[PATH_MAX];
    if (files_path(path, "%s/%s.new", directory, name) == -1 ||
        files_path(place, "%s/%s", directory, name) == -1)
        return -1;
    int fd =
        open(path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd == -1)
        return (int)log_call(
            fd, "written beside its place",
            "openat(\"%s\", O_WRONLY|O_CREAT|O_TRUNC|O_NOFOLLOW)", path);
    int result = replace_write(path, fd, text, size, to_disk);
    if (result == 0) {
        result = rename(path, place);
        log_call(result, "what was there is replaced at once",
                 "rename(\"%s\", \"%s\")", path, place);
    }
    if (result == 0)
        return to_disk ? replace_sync_directory(directory) : 0;
    int saved_errno = errno;
    unlink(path);
    errno = saved_errno;
    return -1;
}

int replace_file(const char *directory, const char *name, const char *text,
                 size_t size)
{
    return replace_in(directory, name, text, size, true);
}

int replace_file_for_now(const char *directory, const char *name,
                         const char *text, size_t size)
{
    return replace_in(directory, name, text, size, false);
}

int replace_sync_directory(const char *directory)
{
    int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd == -1)
        return (int)log_call(fd, "its name, to the disk",
                             "openat(\"%s\", O_RDONLY|O_DIRECTORY)", directory);
    int result = fsync(fd);
    log_call(result, "its name, to the disk", "fsync(\"%s\")", directory);
    files_close(&fd);
    return result;
}
