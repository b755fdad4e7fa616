#include "common/runtime/copy_pack.h"

#include "common/base/files.h"
#include "common/base/first_names.h"
#include "common/base/log.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

/* Whoever can change the tree can put a pipe, or a device, in a file's place; to open
 * one must neither wait nor make it our terminal. */
enum {
    OPEN_TO_READ = O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC
};

struct copy_pack {
    struct tar_writer *writer;
    struct first_names first_names;
    dev_t device; /* where it began */
    bool has_begun;
    char path[PATH_MAX]; /* of the entry at hand, in the archive */
    unsigned char buffer[128 * 1024];
};

static int copy_pack_failed(const struct copy_pack *pack, const char *call)
{
    return (int)log_call(-1, "a file to be copied", "%s(\"%s\")", call,
                         pack->path);
}

/* ---- One entry ---- */

static int copy_pack_entry(struct copy_pack *pack, enum tar_kind kind,
                           const struct stat *status, const char *target)
{
    struct tar_entry entry = {
        .kind = kind,
        .path = pack->path,
        .target = target,
        .mode = status->st_mode & 07777,
        .uid = status->st_uid,
        .gid = status->st_gid,
        .size = kind == TAR_FILE ? (uint64_t)status->st_size : 0,
        .mtime = status->st_mtim.tv_sec,
    };
    return tar_writer_entry(pack->writer, &entry);
}

/* The header has told its size: what has been added since is left, and what is
 * missing can not be made up. */
static int copy_pack_data(struct copy_pack *pack, int fd, uint64_t size)
{
    while (size > 0) {
        size_t wanted = size < sizeof pack->buffer ? size : sizeof pack->buffer;
        ssize_t got = read(fd, pack->buffer, wanted);
        if (got == -1 && errno == EINTR)
            continue;
        if (got == -1)
            return copy_pack_failed(pack, "read");
        if (got == 0)
            return log_error("%s has shrunk while it was copied", pack->path);
        if (tar_writer_body(pack->writer, pack->buffer, (size_t)got) == -1)
            return -1;
        size -= (uint64_t)got;
    }
    return 0;
}

static int copy_pack_symlink(struct copy_pack *pack, int parent_fd,
                             const char *name, const struct stat *status)
{
    char target[PATH_MAX];
    ssize_t length = readlinkat(parent_fd, name, target, sizeof target - 1);
    if (length == -1)
        return copy_pack_failed(pack, "readlinkat");
    target[length] = '\0';
    return copy_pack_entry(pack, TAR_SYMLINK, status, target);
}

/* ---- All of it ---- */

static int copy_pack_name(struct copy_pack *pack, int parent_fd,
                          const char *name);

/* All that is in a directory, which it closes; `length` is that of its path. */
static int copy_pack_directory(struct copy_pack *pack, int fd, size_t length)
{
    int result = 0;
    DIR *directory = fdopendir(fd);
    if (directory == NULL) {
        close(fd);
        return copy_pack_failed(pack, "fdopendir");
    }
    for (struct dirent *found;
         result == 0 && files_next(directory, pack->path, &found, &result);) {
        const char *name = found->d_name;
        int more = snprintf(pack->path + length, sizeof pack->path - length,
                            "%s%s", length == 0 ? "" : "/", name);
        if ((size_t)more >= sizeof pack->path - length)
            result = log_error("%s: its path is too long", pack->path);
        else
            result = copy_pack_name(pack, fd, name);
        pack->path[length] = '\0';
    }
    closedir(directory);
    return result;
}

/* /proc and /sys below what is copied are the kernel's, not files of anybody. Who names
 * something in them gets that. */
static bool copy_pack_is_kernels(struct copy_pack *pack, int fd,
                                 const struct stat *status)
{
    struct statfs there;
    if (!pack->has_begun)
        pack->device = status->st_dev;
    pack->has_begun = true;
    return status->st_dev != pack->device && fstatfs(fd, &there) == 0 &&
           (there.f_type == PROC_SUPER_MAGIC || there.f_type == SYSFS_MAGIC);
}

/* What `fd`, which it closes, is open on. */
static int copy_pack_opened(struct copy_pack *pack, int fd)
{
    struct stat status;
    int result = -1;
    if (fstat(fd, &status) == -1) {
        copy_pack_failed(pack, "fstat");
    } else if (S_ISDIR(status.st_mode)) {
        /* In the top's entries there is no "./" before the names. */
        size_t length = strcmp(pack->path, ".") == 0 ? 0 : strlen(pack->path);
        bool is_kernels = copy_pack_is_kernels(pack, fd, &status);
        result = copy_pack_entry(pack, TAR_DIRECTORY, &status, "");
        if (result == 0 && !is_kernels)
            return copy_pack_directory(pack, fd, length);
    } else if (!S_ISREG(status.st_mode)) {
        log_error("%s has changed while it was copied", pack->path);
    } else if (copy_pack_entry(pack, TAR_FILE, &status, "") == 0) {
        result = copy_pack_data(pack, fd, (uint64_t)status.st_size);
    }
    close(fd);
    return result;
}

static int copy_pack_name(struct copy_pack *pack, int parent_fd,
                          const char *name)
{
    struct stat status;
    if (fstatat(parent_fd, name, &status, AT_SYMLINK_NOFOLLOW) == -1)
        return errno == ENOENT ? 0 : copy_pack_failed(pack, "newfstatat");
    bool link = !S_ISDIR(status.st_mode) && status.st_nlink > 1;
    const char *first =
        link ? first_names_find(&pack->first_names, &status) : NULL;
    if (first != NULL)
        return copy_pack_entry(pack, TAR_HARD_LINK, &status, first);
    if (S_ISREG(status.st_mode) || S_ISDIR(status.st_mode)) {
        if (link &&
            first_names_add(&pack->first_names, &status, pack->path) == -1)
            return log_error("out of memory (ENOMEM)");
        int fd = openat(parent_fd, name, OPEN_TO_READ);
        return fd == -1 ? copy_pack_failed(pack, "openat")
                        : copy_pack_opened(pack, fd);
    }
    if (S_ISLNK(status.st_mode))
        return copy_pack_symlink(pack, parent_fd, name, &status);
    if (S_ISFIFO(status.st_mode))
        return copy_pack_entry(pack, TAR_FIFO, &status, "");
    log_warning("left out: %s, a %s", pack->path,
                S_ISSOCK(status.st_mode) ? "socket" : "device");
    return 0;
}

/* ---- Where it begins ---- */

const char *copy_base_name(const char *path)
{
    static char name[NAME_MAX + 1];
    size_t end = strlen(path);
    while (end > 0 && path[end - 1] == '/')
        end--;
    size_t start = end;
    while (start > 0 && path[start - 1] != '/')
        start--;
    snprintf(name, sizeof name, "%.*s", (int)(end - start), path + start);
    return name[0] == '\0' || strcmp(name, "..") == 0 ? "." : name;
}

/* The directory that `path`'s last name is in. */
static int copy_pack_open_parent(const char *path)
{
    char parent[PATH_MAX];
    struct open_how how = {.flags = O_PATH | O_DIRECTORY | O_CLOEXEC,
                           .resolve = RESOLVE_NO_MAGICLINKS};
    size_t end = strlen(path);
    while (end > 0 && path[end - 1] == '/')
        end--;
    while (end > 0 && path[end - 1] != '/')
        end--;
    snprintf(parent, sizeof parent, "%.*s", (int)end, path);
    return (int)syscall(SYS_openat2, AT_FDCWD, end == 0 ? "." : parent, &how,
                        sizeof how);
}

static int copy_pack_source(struct copy_pack *pack,
                            const struct copy_source *source)
{
    size_t length = strlen(source->path);
    const char *name = copy_base_name(source->path);
    struct open_how how = {.flags = OPEN_TO_READ & ~O_NOFOLLOW,
                           .resolve = RESOLVE_NO_MAGICLINKS};
    struct stat status;
    int parent_fd = copy_pack_open_parent(source->path), result = -1;
    /* A slash at its end, or a dot, asks for what a link leads to. */
    bool follow = source->follow_links || strcmp(name, ".") == 0 ||
                  source->path[length - 1] == '/';
    if (parent_fd == -1 ||
        fstatat(parent_fd, name, &status, AT_SYMLINK_NOFOLLOW) == -1) {
        log_call(-1, "what is to be copied", "openat2(\"%s\")", source->path);
    } else if (follow && (S_ISLNK(status.st_mode) || S_ISDIR(status.st_mode))) {
        int fd =
            (int)syscall(SYS_openat2, AT_FDCWD, source->path, &how, sizeof how);
        result = fd == -1 ? (int)log_call(fd, "what is to be copied",
                                          "openat2(\"%s\")", source->path)
                          : copy_pack_opened(pack, fd);
    } else if (S_ISSOCK(status.st_mode) || S_ISCHR(status.st_mode) ||
               S_ISBLK(status.st_mode)) {
        log_error("%s is no file or directory that could be copied",
                  source->path);
    } else {
        result = copy_pack_name(pack, parent_fd, name);
    }
    if (parent_fd != -1)
        close(parent_fd);
    return result;
}

int copy_pack(const struct copy_source *source, struct tar_writer *writer)
{
    struct copy_pack *pack = calloc(1, sizeof *pack);
    if (pack == NULL)
        return log_error("out of memory (ENOMEM)");
    pack->writer = writer;
    snprintf(pack->path, sizeof pack->path, "%s", source->as);
    int result = copy_pack_source(pack, source);
    first_names_free(&pack->first_names);
    free(pack);
    return result;
}
