#include "common/image/spool.h"

#include "common/base/files.h"
#include "common/base/log.h"
#include "common/base/replace.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
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

/* Where `path` is in full: a link that is there stays one, and what it leads to is meant. */
static int spool_find_place(const char *path, char *place)
{
    char directory[PATH_MAX], full[PATH_MAX];
    if (realpath(path, place) != NULL)
        return 0;
    if (errno != ENOENT)
        return (int)log_call(-1, "what is to be written", "readlink(\"%s\")",
                             path);
    if (spool_directory_of(path, directory) == -1)
        return -1;
    if (realpath(directory, full) == NULL)
        return (int)log_call(-1, "where it is to be written",
                             "readlink(\"%s\")", directory);
    return files_path(place, "%s/%s", strcmp(full, "/") == 0 ? "" : full,
                      files_base_name(path));
}

/* Whether a link has led from `path` to `place` that somebody else made in a directory like
 * /tmp: it leads where that one likes. The kernel asks the same of open(2), but not of
 * realpath(3), and only if it is told to (proc_sys_fs(5), protected_symlinks). */
static bool spool_is_led_astray(const char *path, const char *place)
{
    char directory[PATH_MAX], full[PATH_MAX], straight[2 * PATH_MAX];
    struct stat parent, link;
    if (spool_directory_of(path, directory) == -1 ||
        realpath(directory, full) == NULL || stat(full, &parent) == -1)
        return true;
    snprintf(straight, sizeof straight, "%s/%s",
             strcmp(full, "/") == 0 ? "" : full, files_base_name(path));
    if (strcmp(straight, place) == 0 || (parent.st_mode & S_ISVTX) == 0 ||
        (parent.st_mode & S_IWOTH) == 0)
        return false;
    return lstat(path, &link) == -1 || !S_ISLNK(link.st_mode) ||
           (link.st_uid != geteuid() && link.st_uid != parent.st_uid);
}

/* Not every file system can make a file without a name: then it has one that nobody has. */
static int spool_file_make(struct spool_file *file, const char *directory)
{
    file->fd = open(directory, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (file->fd != -1 || (errno != EOPNOTSUPP && errno != EISDIR))
        return log_call(file->fd, "nobody sees it before it is whole",
                        "openat(\"%s\", O_RDWR|O_TMPFILE, 0600)",
                        directory) == -1
                   ? -1
                   : 0;
    if (files_path(file->beside, "%s.XXXXXX", file->place) == -1)
        return -1;
    file->fd = mkostemp(file->beside, O_CLOEXEC);
    if (log_call(file->fd, "written beside its place",
                 "openat(\"%s\", O_RDWR|O_CREAT|O_EXCL, 0600)",
                 file->beside) != -1)
        return 0;
    file->beside[0] = '\0';
    return -1;
}

int spool_file_open(struct spool_file *file, const char *path)
{
    char directory[PATH_MAX];
    struct stat status;
    *file = (struct spool_file){.fd = -1};
    if (spool_find_place(path, file->place) == -1)
        return -1;
    if (stat(file->place, &status) == 0 && S_ISREG(status.st_mode) &&
        spool_is_led_astray(path, file->place)) {
        errno = EACCES;
        return log_error("%s is somebody else's link, to %s (EACCES)", path,
                         file->place);
    }
    if (stat(file->place, &status) == -1 || S_ISREG(status.st_mode))
        return spool_directory_of(file->place, directory) == -1
                   ? -1
                   : spool_file_make(file, directory);
    file->place[0] = '\0';
    file->fd = open(path, O_WRONLY | O_NOCTTY | O_CLOEXEC);
    return log_call(file->fd, "what is written to",
                    "openat(\"%s\", O_WRONLY|O_NOCTTY)", path) == -1
               ? -1
               : 0;
}

/* Gives it a name that it does not have: EEXIST, not reported, where somebody has it. */
static int spool_file_link(const struct spool_file *file, const char *path)
{
    char name[64];
    snprintf(name, sizeof name, "/proc/self/fd/%d", file->fd);
    int result = linkat(AT_FDCWD, name, AT_FDCWD, path, AT_SYMLINK_FOLLOW);
    if (result == -1 && errno == EEXIST)
        return -1;
    return (int)log_call(result, "all of it is written: a name",
                         "linkat(AT_FDCWD, \"%s\", AT_FDCWD, \"%s\", "
                         "AT_SYMLINK_FOLLOW)",
                         name, path);
}

/* linkat(2) does not replace what is there, but rename(2) does: so it is called something
 * else for a moment. */
static int spool_file_name(struct spool_file *file)
{
    unsigned number;
    if (file->beside[0] == '\0' && spool_file_link(file, file->place) == 0)
        return 0;
    if (file->beside[0] == '\0') {
        if (errno != EEXIST)
            return -1;
        if (getrandom(&number, sizeof number, 0) != sizeof number ||
            files_path(file->beside, "%s.%08x", file->place, number) == -1)
            return -1;
        if (spool_file_link(file, file->beside) == -1) {
            file->beside[0] = '\0'; /* it is another's */
            return -1;
        }
    }
    int result = rename(file->beside, file->place);
    log_call(result, "what was there is replaced at once",
             "rename(\"%s\", \"%s\")", file->beside, file->place);
    if (result == 0)
        file->beside[0] = '\0';
    return result;
}

int spool_file_keep(struct spool_file *file)
{
    char directory[PATH_MAX];
    if (file->place[0] == '\0')
        return 0;
    if (spool_directory_of(file->place, directory) == -1)
        return -1;
    if (log_call(fsync(file->fd), "to the disk, before it has its name",
                 "fsync(%d)", file->fd) == -1 ||
        spool_file_name(file) == -1)
        return -1;
    return replace_sync_directory(directory);
}

void spool_file_close(struct spool_file *file)
{
    int saved_errno = errno;
    if (file->beside[0] != '\0')
        unlink(file->beside);
    file->beside[0] = '\0';
    errno = saved_errno;
    files_close(&file->fd);
}
