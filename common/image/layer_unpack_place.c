/* Where an entry of an archive goes: see layer_unpacking.h. */
#include "common/base/advice.h"
#include "common/base/array.h"
#include "common/base/files.h"
#include "common/base/log.h"
#include "common/image/layer_attributes.h"
#include "common/image/layer_unpacking.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

/* ---- Names ---- */

int unpack_clean_name(const struct unpack *unpack, const char *name,
                      const char *what, char path[PATH_MAX])
{
    size_t used = 0;
    if (name[0] == '/')
        return tar_reader_refuse(unpack->reader,
                                 "%s is absolute: \"%.256s\" is outside of the "
                                 "layer",
                                 what, name);
    for (const char *part = name; *part != '\0';) {
        size_t length = strcspn(part, "/");
        if (length == 2 && strncmp(part, "..", 2) == 0)
            return tar_reader_refuse(unpack->reader,
                                     "%s has \"..\" in it: \"%.256s\" may lead "
                                     "out of the layer",
                                     what, name);
        if (length > 0 && !(length == 1 && part[0] == '.')) {
            if (used + length + 2 > PATH_MAX)
                return tar_reader_refuse(unpack->reader, "%s is too long",
                                         what);
            if (used > 0)
                path[used++] = '/';
            memcpy(path + used, part, length);
            used += length;
        }
        if (strncmp(part, ".wh.", 4) == 0 && part[length] == '/')
            return tar_reader_refuse(unpack->reader,
                                     "%s has a directory in it that says of "
                                     "another name that it is gone",
                                     what);
        part += length + (part[length] == '/');
    }
    path[used] = '\0';
    return 0;
}

int unpack_failed(const struct unpack *unpack, const char *call)
{
    int error = errno;
    char text[64];
    snprintf(text, sizeof text, "%s()", call);
    tar_reader_refuse(unpack->reader, "%s has failed with %s (%s)", text,
                      advice_error_name(error), strerror(error));
    log_advice("%s", advice_for_call(text, error));
    errno = error;
    return -1;
}

/* ---- Directories ---- */

int unpack_own(const struct unpack *unpack, int fd, uint32_t uid, uint32_t gid,
               mode_t mode)
{
    /* In this order: a change of the owner takes the setuid bit away. */
    if (!unpack->options->own_all && fchown(fd, uid, gid) == -1)
        return unpack_failed(unpack, "fchown");
    return fchmod(fd, mode) == 0 ? 0 : unpack_failed(unpack, "fchmod");
}

bool unpack_is_whiteout(const struct stat *status)
{
    return S_ISCHR(status->st_mode) && status->st_rdev == makedev(0, 0);
}

int unpack_open(const struct unpack *unpack, const char *path, int flags)
{
    struct open_how how = {
        .flags = (unsigned)(flags | O_DIRECTORY | O_CLOEXEC),
    };
    //> in-root
    how.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS;
    //< in-root
    long fd;
    do { /* EAGAIN: something was renamed meanwhile, anywhere on this host */
        fd = syscall(SYS_openat2, unpack->layer_fd, *path == '\0' ? "." : path,
                     &how, sizeof how);
    } while (fd == -1 && (errno == EAGAIN || errno == EINTR));
    return (int)fd;
}

int unpack_remember(struct unpack *unpack, int fd, const char *path,
                    mode_t mode, struct timespec mtime)
{
    struct stat status;
    if (fstat(fd, &status) == -1)
        return unpack_failed(unpack, "fstat");
    struct unpack_directory *larger = array_grow(
        unpack->directories, unpack->directory_count, sizeof *larger);
    if (larger == NULL)
        return -1;
    unpack->directories = larger;
    struct unpack_directory *directory = &larger[unpack->directory_count];
    directory->path = strdup(path);
    if (directory->path == NULL)
        return unpack_failed(unpack, "strdup");
    directory->device = status.st_dev;
    directory->inode = status.st_ino;
    directory->mode = mode;
    directory->mtime = mtime;
    unpack->directory_count++;
    return 0;
}

int unpack_make_opaque(const struct unpack *unpack, int fd)
{
    return layer_attributes_make_opaque(fd) == 0
               ? 0
               : unpack_failed(unpack, "fsetxattr");
}

int unpack_make_directory(const struct unpack *unpack, int parent_fd,
                          const char *name, bool *made)
{
    struct stat before = {.st_mode = 0};
    *made = mkdirat(parent_fd, name, 0700) == 0;
    if (!*made && errno != EEXIST)
        return unpack_failed(unpack, "mkdirat");
    if (!*made && fstatat(parent_fd, name, &before, AT_SYMLINK_NOFOLLOW) == -1)
        return unpack_failed(unpack, "newfstatat");
    if (!*made && !S_ISDIR(before.st_mode)) {
        if (unlinkat(parent_fd, name, 0) == -1)
            return unpack_failed(unpack, "unlinkat");
        if (mkdirat(parent_fd, name, 0700) == -1)
            return unpack_failed(unpack, "mkdirat");
        *made = true;
    }
    int fd = openat(parent_fd, name,
                    O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd == -1)
        return unpack_failed(unpack, "openat");
    if (unpack_is_whiteout(&before) && unpack_make_opaque(unpack, fd) == -1) {
        close(fd);
        return -1;
    }
    return fd;
}

/* Opens, or makes, one part of unpack->parent, of which no entry has told. It
 * belongs to root then, and has no time of its own: so the same archive always
 * makes the same tree. */
static int unpack_make_parent(struct unpack *unpack, int parent_fd,
                              const char *name)
{
    struct stat status;
    bool made;
    int fd = unpack_open(unpack, unpack->parent, O_PATH);
    if (fd != -1)
        return fd;
    if (errno != ENOENT && errno != ENOTDIR && errno != ELOOP)
        return unpack_failed(unpack, "openat2");
    if (fstatat(parent_fd, name, &status, AT_SYMLINK_NOFOLLOW) == 0 &&
        !unpack_is_whiteout(&status))
        return tar_reader_refuse(unpack->reader,
                                 "\"%.256s\" is no directory of this layer, "
                                 "and leads to none",
                                 unpack->parent);
    fd = unpack_make_directory(unpack, parent_fd, name, &made);
    if (fd != -1 && (unpack_own(unpack, fd, 0, 0, 0755) == -1 ||
                     unpack_remember(unpack, fd, unpack->parent, 0755,
                                     (struct timespec){0}) == -1)) {
        close(fd);
        fd = -1;
    }
    return fd;
}

static int unpack_make_parents(struct unpack *unpack)
{
    char *end = unpack->parent;
    int parent_fd = unpack_open(unpack, "", O_PATH);
    if (parent_fd == -1)
        return unpack_failed(unpack, "openat2");
    while (parent_fd != -1 && *end != '\0') {
        char *name = end + (*end == '/');
        end = name + strcspn(name, "/");
        char saved = *end;
        *end = '\0';
        int fd = unpack_make_parent(unpack, parent_fd, name);
        *end = saved;
        close(parent_fd);
        parent_fd = fd;
    }
    return parent_fd;
}

void unpack_forget_parent(struct unpack *unpack)
{
    files_close(&unpack->parent_fd);
}

int unpack_open_parent(struct unpack *unpack, const char *path)
{
    size_t length = (size_t)(files_base_name(path) - path);
    length -= length > 0;
    if (unpack->parent_fd != -1 && strlen(unpack->parent) == length &&
        memcmp(unpack->parent, path, length) == 0)
        return unpack->parent_fd;
    unpack_forget_parent(unpack);
    memcpy(unpack->parent, path, length);
    unpack->parent[length] = '\0';
    unpack->parent_fd = unpack_open(unpack, unpack->parent, O_PATH);
    if (unpack->parent_fd == -1 && errno != ENOENT && errno != ENOTDIR &&
        errno != ELOOP)
        return unpack_failed(unpack, "openat2");
    if (unpack->parent_fd == -1)
        unpack->parent_fd = unpack_make_parents(unpack);
    return unpack->parent_fd;
}

/* ---- When all is in them ---- */

/* Returns 0 as well where something else is in its place now: it is no longer meant. */
static int unpack_finish_directory(const struct unpack *unpack,
                                   const struct unpack_directory *directory)
{
    const struct timespec times[2] = {directory->mtime, directory->mtime};
    const char *failed = NULL;
    struct stat status;
    int fd = unpack_open(unpack, directory->path, O_RDONLY | O_NOFOLLOW);
    if (fd == -1)
        return errno == ENOENT || errno == ENOTDIR || errno == ELOOP
                   ? 0
                   : unpack_failed(unpack, "openat2");
    if (fstat(fd, &status) == -1)
        failed = "fstat";
    else if (status.st_dev == directory->device &&
             status.st_ino == directory->inode) {
        if ((directory->mode & 0700) != 0700 &&
            fchmod(fd, directory->mode) == -1)
            failed = "fchmod";
        else if (futimens(fd, times) == -1)
            failed = "utimensat";
    }
    files_close(&fd);
    return failed == NULL ? 0 : unpack_failed(unpack, failed);
}

/* In the order in which they came, so that the last word on one counts. */
int unpack_finish_directories(struct unpack *unpack)
{
    for (size_t i = 0; i < unpack->directory_count; i++)
        if (unpack_finish_directory(unpack, &unpack->directories[i]) == -1)
            return -1;
    return 0;
}

void unpack_forget_directories(struct unpack *unpack)
{
    for (size_t i = 0; i < unpack->directory_count; i++)
        free(unpack->directories[i].path);
    free(unpack->directories);
}
