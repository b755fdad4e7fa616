#include "common/base/files.h"

#include "common/base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int files_path(char *path, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(path, PATH_MAX, format, arguments);
    va_end(arguments);
    if (length >= 0 && length < PATH_MAX)
        return 0;
    errno = ENAMETOOLONG;
    return log_error("a path longer than %d bytes: %.60s… (ENAMETOOLONG)",
                     PATH_MAX - 1, path);
}

int files_write_setting(const char *path, const char *text,
                        const char *intention)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd == -1)
        return (int)log_call(fd, intention, "openat(\"%s\", O_WRONLY)", path);
    ssize_t written = write(fd, text, strlen(text));
    log_call(written, intention, "write(\"%s\", \"%s\")", path, text);
    files_close(&fd); /* kernel files report through write(2), not here */
    return written == -1 ? -1 : 0;
}

ptrdiff_t files_read(const char *path, char *text, size_t size)
{
    return files_read_at(AT_FDCWD, path, text, size);
}

ptrdiff_t files_read_at(int directory_fd, const char *path, char *text,
                        size_t size)
{
    int fd = openat(directory_fd, path, O_RDONLY | O_CLOEXEC);
    if (fd == -1)
        return -1;
    size_t used = 0;
    ssize_t got = 1;
    while (got > 0 && used < size - 1) {
        got = read(fd, text + used, size - 1 - used);
        if (got > 0)
            used += (size_t)got;
    }
    files_close(&fd);
    text[used] = '\0';
    return got == -1 ? -1 : (ptrdiff_t)used;
}

size_t files_write_all(int fd, const void *data, size_t size)
{
    for (const char *next = data; size > 0;) {
        ssize_t written = write(fd, next, size);
        if (written == -1 && errno == EINTR)
            continue;
        if (written == -1)
            return size;
        next += written;
        size -= (size_t)written;
    }
    return 0;
}

bool files_next(DIR *directory, const char *path, struct dirent **entry,
                int *result)
{
    do {
        errno = 0;
        *entry = readdir(directory);
    } while (*entry != NULL && (strcmp((*entry)->d_name, ".") == 0 ||
                                strcmp((*entry)->d_name, "..") == 0));
    if (*entry == NULL && errno != 0)
        *result = (int)log_call(-1, "which names there are",
                                "getdents64(\"%s\")", path);
    return *entry != NULL;
}

void files_close(int *fd)
{
    int saved_errno = errno;
    if (*fd != -1)
        close(*fd);
    *fd = -1;
    errno = saved_errno;
}

const char *files_base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash == NULL ? path : slash + 1;
}

int files_find_above_program(const char *name, char *path)
{
    char directory[PATH_MAX];
    ssize_t length = readlink("/proc/self/exe", directory, PATH_MAX - 1);
    if (length == -1)
        return -1;
    directory[length] = '\0';
    /* Executed from memory, or from a mount at no place, we were told where we are. */
    bool elsewhere = strncmp(directory, "/memfd:", strlen("/memfd:")) == 0 ||
                     strcmp(directory, "/") == 0;
    const char *original = getenv("NSCTL_PROGRAM");
    if (elsewhere && original != NULL &&
        files_path(directory, "%s", original) == -1)
        return -1;
    /* Beside it, or where build/static/step-05 and exercises/05-x/step-05 are
     * from; not further up, where others may have made one for us to find. */
    char *slash;
    for (int i = 0; i < 3 && (slash = strrchr(directory, '/')) != NULL; i++) {
        *slash = '\0';
        if (files_path(path, "%s/%s", directory, name) == -1)
            return -1;
        if (access(path, F_OK) == 0)
            return 0;
    }
    errno = ENOENT;
    return -1;
}
