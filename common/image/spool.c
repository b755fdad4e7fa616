#include "common/image/spool.h"

#include "common/base/files.h"
#include "common/base/log.h"
#include "common/base/replace.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Not every file system can make a file without a name (EOPNOTSUPP; EISDIR where the
 * kernel does not know of it). */
static int spool_open_named(const char *directory)
{
    char path[PATH_MAX];
    if (files_path(path, "%s/.spool-XXXXXX", directory) == -1)
        return -1;
    int fd = mkostemp(path, O_CLOEXEC);
    if (fd == -1)
        return (int)log_call(-1, "a file for the time being", "openat(\"%s\")",
                             path);
    unlink(path);
    return fd;
}

int spool_open(const char *directory)
{
    int fd = open(directory, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (fd == -1 && (errno == EOPNOTSUPP || errno == EISDIR))
        return spool_open_named(directory);
    return (int)log_call(fd, "a file for the time being, without a name",
                         "openat(\"%s\", O_RDWR|O_TMPFILE, 0600)", directory);
}

/* ---- One that gets a name ---- */

/* What `path` leads to: a link that is there stays one. */
static int spool_find_place(const char *path, char *place)
{
    if (realpath(path, place) != NULL)
        return 0;
    if (errno != ENOENT)
        return (int)log_call(-1, "what is to be written", "readlink(\"%s\")",
                             path);
    return files_path(place, "%s", path);
}

/* "." for a name without a slash. */
static int spool_directory_of(const char *place, char *directory)
{
    const char *slash = strrchr(place, '/');
    if (slash == NULL)
        return files_path(directory, ".");
    return slash == place
               ? files_path(directory, "/")
               : files_path(directory, "%.*s", (int)(slash - place), place);
}

int spool_open_for(const char *path, char *place)
{
    char directory[PATH_MAX];
    struct stat status;
    if (spool_find_place(path, place) == -1)
        return -1;
    if (stat(place, &status) == 0 && !S_ISREG(status.st_mode)) {
        int fd = open(path, O_WRONLY | O_NOCTTY | O_CLOEXEC);
        place[0] = '\0'; /* it has its name */
        return (int)log_call(fd, "what is written to",
                             "openat(\"%s\", O_WRONLY)", path);
    }
    if (spool_directory_of(place, directory) == -1)
        return -1;
    int fd = open(directory, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (fd != -1 || (errno != EOPNOTSUPP && errno != EISDIR))
        return (int)log_call(fd, "nobody sees it before it is whole",
                             "openat(\"%s\", O_RDWR|O_TMPFILE, 0600)",
                             directory);
    if (files_path(directory, "%s.new", place) == -1)
        return -1;
    fd = open(directory, O_RDWR | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC,
              0600);
    return (int)log_call(fd, "written beside its place",
                         "openat(\"%s\", O_RDWR|O_CREAT|O_TRUNC|O_NOFOLLOW)",
                         directory);
}

/* rename(2) replaces what is there, which linkat(2) does not; so it is called
 * PLACE.new for a moment. */
static int spool_link(int fd, const char *place, const char *beside)
{
    char name[64];
    struct stat status;
    if (fstat(fd, &status) == 0 && status.st_nlink > 0)
        return 0; /* it is there by that name */
    snprintf(name, sizeof name, "/proc/self/fd/%d", fd);
    if (unlink(beside) == -1 && errno != ENOENT)
        return (int)log_call(-1, "what was left there goes", "unlink(\"%s\")",
                             beside);
    int result = linkat(AT_FDCWD, name, AT_FDCWD, beside, AT_SYMLINK_FOLLOW);
    return (int)log_call(result, "all of it is written: a name",
                         "linkat(AT_FDCWD, \"%s\", AT_FDCWD, \"%s\", "
                         "AT_SYMLINK_FOLLOW)",
                         name, place[0] == '\0' ? "" : beside);
}

int spool_keep(int fd, const char *place)
{
    char beside[PATH_MAX], directory[PATH_MAX];
    if (place[0] == '\0')
        return 0;
    if (files_path(beside, "%s.new", place) == -1 ||
        spool_directory_of(place, directory) == -1)
        return -1;
    if (fsync(fd) == -1)
        return (int)log_call(-1, "to the disk, before it has its name",
                             "fsync(\"%s\")", place);
    if (spool_link(fd, place, beside) == -1)
        return -1;
    int result = rename(beside, place);
    log_call(result, "what was there is replaced at once",
             "rename(\"%s\", \"%s\")", beside, place);
    if (result == -1) {
        int saved_errno = errno;
        unlink(beside);
        errno = saved_errno;
        return -1;
    }
    return replace_sync_directory(directory);
}
