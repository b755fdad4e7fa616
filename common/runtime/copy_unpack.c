#include "common/runtime/copy_unpack.h"

#include "common/base/array.h"
#include "common/base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* A directory that was made: its mode and time come last, since a file in it
 * changes the one and may be forbidden by the other. */
struct copy_unpack_directory {
    char *path;
    mode_t mode;
    struct timespec mtime;
    uid_t uid;
    gid_t gid;
};

struct copy_unpack {
    struct tar_reader *reader;
    const struct copy_target *target;
    int top_fd;                  /* the directory, all names begin there */
    char top_name[NAME_MAX + 1]; /* of the copy in it; "" : as in the archive */
    bool no_file;                /* the copy is to be a directory */
    char path[PATH_MAX];         /* of the entry at hand, below top_fd */
    struct copy_unpack_directory *directories;
    size_t directory_count;
};

static int copy_unpack_failed(const struct copy_unpack *unpack,
                              const char *call)
{
    return (int)log_call(-1, "a copy", "%s(\"%s\")", call, unpack->path);
}

/* ---- Names ---- */

/* Whether a name of the archive stays in the directory by its words alone. */
static bool copy_unpack_is_inside(const char *path)
{
    if (path[0] == '/' || path[0] == '\0')
        return false;
    for (const char *name = path; *name != '\0';) {
        size_t length = strcspn(name, "/");
        if (length == 2 && memcmp(name, "..", 2) == 0)
            return false;
        name += length;
        name += strspn(name, "/");
    }
    return true;
}

/* The path below the directory for one of the archive. */
static int copy_unpack_translate(const struct copy_unpack *unpack,
                                 const char *path, char *translated)
{
    const char *top = unpack->top_name;
    while (strncmp(path, "./", 2) == 0)
        path += 2 + strspn(path + 2, "/");
    bool is_top = path[0] == '\0' || strcmp(path, ".") == 0;
    if (!is_top && !copy_unpack_is_inside(path))
        return tar_reader_refuse(unpack->reader,
                                 "it would lie outside of the directory");
    int length = is_top
                     ? snprintf(translated, PATH_MAX, "%s", top[0] ? top : ".")
                     : snprintf(translated, PATH_MAX, "%s%s%s", top,
                                top[0] != '\0' ? "/" : "", path);
    return length < PATH_MAX
               ? 0
               : tar_reader_refuse(unpack->reader, "its path is too long");
}

static int copy_unpack_open_below(const struct copy_unpack *unpack,
                                  const char *path, uint64_t flags)
{
    struct open_how how = {.flags = flags | O_CLOEXEC,
                           .resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS};
    return (int)syscall(SYS_openat2, unpack->top_fd, path, &how, sizeof how);
}

/* Opens the directory that `path` is in, which an archive need not have as an
 * entry of its own, and cuts its last name off. */
static int copy_unpack_open_parent(const struct copy_unpack *unpack,
                                   const char *path, const char **name)
{
    char parent[PATH_MAX];
    const char *slash = strrchr(path, '/');
    *name = slash == NULL ? path : slash + 1;
    snprintf(parent, sizeof parent, "%.*s",
             slash == NULL ? 1 : (int)(slash - path),
             slash == NULL ? "." : path);
    int fd = copy_unpack_open_below(unpack, parent, O_PATH | O_DIRECTORY);
    if (fd != -1 || errno != ENOENT)
        return fd;
    const char *missing;
    int above_fd = copy_unpack_open_parent(unpack, parent, &missing);
    if (above_fd == -1)
        return -1;
    int result = mkdirat(above_fd, missing, 0755);
    close(above_fd);
    return result == -1 && errno != EEXIST
               ? -1
               : copy_unpack_open_below(unpack, parent, O_PATH | O_DIRECTORY);
}

/* ---- One entry ---- */

/* So that nothing that somebody put there is written to. A directory stays. */
static int copy_unpack_make_room(const struct copy_unpack *unpack,
                                 int parent_fd, const char *name)
{
    struct stat status;
    if (fstatat(parent_fd, name, &status, AT_SYMLINK_NOFOLLOW) == -1)
        return errno == ENOENT ? 0 : copy_unpack_failed(unpack, "newfstatat");
    if (S_ISDIR(status.st_mode))
        return log_error("%s: a directory is in the way", unpack->path);
    if (!S_ISREG(status.st_mode) && !S_ISLNK(status.st_mode) &&
        !S_ISFIFO(status.st_mode))
        return log_error("%s: a device or a socket is in the way",
                         unpack->path);
    return unlinkat(parent_fd, name, 0) == -1 && errno != ENOENT
               ? copy_unpack_failed(unpack, "unlinkat")
               : 0;
}

static mode_t copy_unpack_mode(const struct copy_unpack *unpack,
                               const struct tar_entry *entry)
{
    return unpack->target->drop_set_ids
               ? entry->mode & ~(uint32_t)(S_ISUID | S_ISGID)
               : entry->mode;
}

/* The owner before the mode: to give a file away takes its set-user-ID bit. */
static int copy_unpack_set_owner(const struct copy_unpack *unpack, int fd,
                                 const char *name, uid_t uid, gid_t gid)
{
    int flags = name[0] == '\0' ? AT_EMPTY_PATH : AT_SYMLINK_NOFOLLOW;
    if (!unpack->target->keep_owners ||
        fchownat(fd, name, uid, gid, flags) == 0)
        return 0;
    if (errno == EINVAL)
        return log_error("%s: the user %u or the group %u does not exist "
                         "there: it is not mapped (EINVAL)",
                         unpack->path, uid, gid);
    return copy_unpack_failed(unpack, "fchownat");
}

static int copy_unpack_data(struct copy_unpack *unpack, int fd, uint64_t size)
{
    struct tar_piece piece;
    int more;
    while ((more = tar_reader_body(unpack->reader, &piece)) == 1)
        for (size_t done = 0; done < piece.size;) {
            ssize_t written =
                pwrite(fd, (const char *)piece.data + done, piece.size - done,
                       (off_t)(piece.offset + done));
            if (written == -1 && errno == EINTR)
                continue;
            if (written == -1)
                return copy_unpack_failed(unpack, "pwrite64");
            done += (size_t)written;
        }
    /* A hole at its end is no piece. */
    if (more == 0 && ftruncate(fd, (off_t)size) == -1)
        return copy_unpack_failed(unpack, "ftruncate");
    return more;
}

static int copy_unpack_file(struct copy_unpack *unpack, int parent_fd,
                            const char *name, const struct tar_entry *entry)
{
    struct timespec times[2] = {{.tv_nsec = UTIME_OMIT},
                                {.tv_sec = entry->mtime}};
    int fd = openat(parent_fd, name,
                    O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd == -1)
        return copy_unpack_failed(unpack, "openat");
    int result = copy_unpack_data(unpack, fd, entry->size);
    if (result == 0)
        result = copy_unpack_set_owner(unpack, fd, "", entry->uid, entry->gid);
    if (result == 0 && (fchmod(fd, copy_unpack_mode(unpack, entry)) == -1 ||
                        futimens(fd, times) == -1))
        result = copy_unpack_failed(unpack, "fchmod");
    if (close(fd) == -1 && result == 0)
        result = copy_unpack_failed(unpack, "close");
    return result;
}

static int copy_unpack_hard_link(struct copy_unpack *unpack, int parent_fd,
                                 const char *name,
                                 const struct tar_entry *entry)
{
    char target[PATH_MAX];
    const char *target_name;
    if (copy_unpack_translate(unpack, entry->target, target) == -1)
        return -1;
    int target_fd = copy_unpack_open_parent(unpack, target, &target_name);
    int result = target_fd == -1
                     ? -1
                     : linkat(target_fd, target_name, parent_fd, name, 0);
    if (result == -1)
        copy_unpack_failed(unpack, "linkat");
    if (target_fd != -1)
        close(target_fd);
    return result;
}

/* One that is there, or that a link leads to inside, keeps its mode and owner. */
static int copy_unpack_directory(struct copy_unpack *unpack, int parent_fd,
                                 const char *name,
                                 const struct tar_entry *entry)
{
    if (mkdirat(parent_fd, name, 0700) == -1) {
        int fd = errno == EEXIST ? copy_unpack_open_below(unpack, unpack->path,
                                                          O_PATH | O_DIRECTORY)
                                 : -1;
        if (fd == -1)
            return copy_unpack_failed(unpack, "mkdirat");
        close(fd);
        return 0;
    }
    struct copy_unpack_directory *larger = array_grow(
        unpack->directories, unpack->directory_count, sizeof *larger);
    if (larger == NULL)
        return -1;
    unpack->directories = larger;
    struct copy_unpack_directory *made = &larger[unpack->directory_count];
    *made =
        (struct copy_unpack_directory){.mode = copy_unpack_mode(unpack, entry),
                                       .mtime = {.tv_sec = entry->mtime},
                                       .uid = entry->uid,
                                       .gid = entry->gid};
    made->path = strdup(unpack->path);
    if (made->path == NULL)
        return log_error("out of memory (ENOMEM)");
    unpack->directory_count++;
    return 0;
}

static int copy_unpack_special(struct copy_unpack *unpack, int parent_fd,
                               const char *name, const struct tar_entry *entry)
{
    struct timespec times[2] = {{.tv_nsec = UTIME_OMIT},
                                {.tv_sec = entry->mtime}};
    bool link = entry->kind == TAR_SYMLINK;
    int result =
        link ? symlinkat(entry->target, parent_fd, name)
             : mkfifoat(parent_fd, name, copy_unpack_mode(unpack, entry));
    if (result == -1)
        return copy_unpack_failed(unpack, link ? "symlinkat" : "mknodat");
    if (copy_unpack_set_owner(unpack, parent_fd, name, entry->uid,
                              entry->gid) == -1)
        return -1;
    return utimensat(parent_fd, name, times, AT_SYMLINK_NOFOLLOW) == -1
               ? copy_unpack_failed(unpack, "utimensat")
               : 0;
}

static int copy_unpack_in_place(struct copy_unpack *unpack, int parent_fd,
                                const char *name, const struct tar_entry *entry)
{
    if (entry->kind == TAR_DIRECTORY)
        return copy_unpack_directory(unpack, parent_fd, name, entry);
    if (copy_unpack_make_room(unpack, parent_fd, name) == -1)
        return -1;
    switch (entry->kind) {
    case TAR_FILE:
        return copy_unpack_file(unpack, parent_fd, name, entry);
    case TAR_HARD_LINK:
        return copy_unpack_hard_link(unpack, parent_fd, name, entry);
    default:
        return copy_unpack_special(unpack, parent_fd, name, entry);
    }
}

static int copy_unpack_entry(struct copy_unpack *unpack,
                             const struct tar_entry *entry)
{
    const char *name;
    if (copy_unpack_translate(unpack, entry->path, unpack->path) == -1)
        return -1;
    if (entry->kind == TAR_CHARACTER_DEVICE ||
        entry->kind == TAR_BLOCK_DEVICE) {
        log_warning("left out: %s, a device", unpack->path);
        return 0;
    }
    if (strcmp(unpack->path, ".") == 0)
        return entry->kind == TAR_DIRECTORY
                   ? 0
                   : tar_reader_refuse(unpack->reader, "it has no name");
    if (unpack->no_file && entry->kind != TAR_DIRECTORY &&
        strcmp(unpack->path, unpack->top_name) == 0)
        return log_error("%s is not a directory", unpack->target->path);
    int parent_fd = copy_unpack_open_parent(unpack, unpack->path, &name);
    if (parent_fd == -1)
        return copy_unpack_failed(unpack, "openat2");
    int result = copy_unpack_in_place(unpack, parent_fd, name, entry);
    close(parent_fd);
    return result;
}

/* ---- All of them ---- */

/* What the directories that were made are to be like in the end. */
static int copy_unpack_finish_directories(struct copy_unpack *unpack)
{
    int result = 0;
    while (unpack->directory_count > 0) {
        const struct copy_unpack_directory *made =
            &unpack->directories[--unpack->directory_count];
        struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}, made->mtime};
        snprintf(unpack->path, sizeof unpack->path, "%s", made->path);
        int fd =
            result == -1
                ? -1
                : copy_unpack_open_below(unpack, made->path,
                                         O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
        if (fd == -1)
            result = result == -1 ? -1 : copy_unpack_failed(unpack, "openat2");
        else if (copy_unpack_set_owner(unpack, fd, "", made->uid, made->gid) ==
                 -1)
            result = -1;
        else if (fchmod(fd, made->mode) == -1 || futimens(fd, times) == -1)
            result = copy_unpack_failed(unpack, "fchmod");
        if (fd != -1)
            close(fd);
        free(made->path);
    }
    free(unpack->directories);
    return result;
}

/* The directory that the copy's name is in, where that is not a directory itself. */
static int copy_unpack_open_beside(struct copy_unpack *unpack, const char *path)
{
    char parent[PATH_MAX];
    struct open_how how = {.flags = O_PATH | O_DIRECTORY | O_CLOEXEC,
                           .resolve = RESOLVE_NO_MAGICLINKS};
    size_t end = strlen(path), start;
    while (end > 0 && path[end - 1] == '/')
        end--;
    unpack->no_file = path[end] == '/';
    for (start = end; start > 0 && path[start - 1] != '/'; start--)
        ;
    if (end - start > NAME_MAX || start >= sizeof parent) {
        errno = ENAMETOOLONG;
        return -1;
    }
    snprintf(unpack->top_name, sizeof unpack->top_name, "%.*s",
             (int)(end - start), path + start);
    snprintf(parent, sizeof parent, "%.*s", (int)start, path);
    if (!copy_unpack_is_inside(unpack->top_name)) { /* "..", or nothing */
        errno = ENOENT;
        return -1;
    }
    return (int)syscall(SYS_openat2, AT_FDCWD, start == 0 ? "." : parent, &how,
                        sizeof how);
}

/* Where the copy is to go, and under which name. */
static int copy_unpack_open_target(struct copy_unpack *unpack)
{
    const struct copy_target *target = unpack->target;
    struct open_how how = {.flags = O_PATH | O_CLOEXEC,
                           .resolve = RESOLVE_NO_MAGICLINKS};
    struct stat status = {0};
    int fd =
        (int)syscall(SYS_openat2, AT_FDCWD, target->path, &how, sizeof how);
    if (fd != -1 && fstat(fd, &status) == 0 && S_ISDIR(status.st_mode)) {
        snprintf(unpack->top_name, sizeof unpack->top_name, "%s",
                 target->name == NULL ? "" : target->name);
        unpack->top_fd = fd;
        return 0;
    }
    int error = errno;
    if (fd != -1) {
        close(fd);
        if (target->is_directory)
            return log_error("%s is not a directory", target->path);
        if (!S_ISREG(status.st_mode))
            return log_error("%s is neither a file nor a directory",
                             target->path);
    }
    errno = error;
    if (fd != -1 || (errno == ENOENT && !target->is_directory))
        unpack->top_fd = copy_unpack_open_beside(unpack, target->path);
    return unpack->top_fd != -1
               ? 0
               : (int)log_call(-1, "where the copy is to go", "openat2(\"%s\")",
                               target->path);
}

int copy_unpack(struct tar_reader *reader, const struct copy_target *target)
{
    struct copy_unpack *unpack = calloc(1, sizeof *unpack);
    struct tar_entry entry;
    if (unpack == NULL)
        return log_error("out of memory (ENOMEM)");
    unpack->reader = reader;
    unpack->target = target;
    unpack->top_fd = -1;
    int result = copy_unpack_open_target(unpack), more = 0;
    while (result == 0 && (more = tar_reader_next(reader, &entry)) == 1)
        result = copy_unpack_entry(unpack, &entry);
    if (copy_unpack_finish_directories(unpack) == -1 || more == -1)
        result = -1;
    if (unpack->top_fd != -1)
        close(unpack->top_fd);
    free(unpack);
    return result;
}
