#include "common/runtime/id_files.h"

#include "common/base/advice.h"
#include "common/base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static int id_files_write(const char *path, int flags, const char *text,
                          const char *intention)
{
    /* Whoever else may write to that directory may have put something there: a link, a pipe
     * that nobody reads. */
    int fd = open(
        path, O_WRONLY | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC | flags,
        0644);
    if (fd == -1 && (errno == ELOOP || errno == ENXIO))
        return log_error("%s: %s: not written to (%s)", path,
                         errno == ELOOP ? "a link, which may lead anywhere"
                                        : "a pipe that nobody reads",
                         advice_error_name(errno));
    if (fd == -1)
        return (int)log_call(
            fd, intention, "openat(\"%s\", O_WRONLY|O_CREAT|O_NOFOLLOW)", path);
    ssize_t size = (ssize_t)strlen(text),
            written = write(fd, text, (size_t)size);
    int closed = close(fd);
    if (written != -1 && written < size)
        errno = ENOSPC;
    if (written < size || closed == -1) {
        log_call(-1, intention, "write(\"%s\")", path);
        int saved_errno = errno;
        if ((flags & O_EXCL) != 0)
            unlink(path);
        errno = saved_errno;
        return -1;
    }
    return 0;
}

int id_files_write_id(const char *path, const char *id)
{
    return path == NULL
               ? 0
               : id_files_write(path, O_EXCL, id, "the container's id");
}

int id_files_write_process(const char *path, pid_t pid)
{
    char text[24];
    snprintf(text, sizeof text, "%d\n", pid);
    return path == NULL ? 0
                        : id_files_write(path, O_TRUNC, text,
                                         "the number of its first process");
}

void id_files_remove(const char *path)
{
    if (path != NULL)
        unlink(path);
}
