#include "common/image/layer_pack.h"

#include "common/base/files.h"
#include "common/base/first_names.h"
#include "common/base/log.h"
#include "common/base/names.h"
#include "common/base/tar_reader.h"
#include "common/image/layer_attributes.h"
#include "common/kernel/layers.h"
#include "common/kernel/process.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

enum { PACK_BUFFER = 128 * 1024, PACK_ATTRIBUTES = 64 };

/* A directory that is being packed, and how far. */
struct pack_level {
    int fd; /* closed with it, but for the top's */
    struct names names;
    size_t next;
    size_t length; /* of the path before its names */
};

struct pack {
    const char *name; /* of the directory, for messages */
    struct tar_writer *writer;
    struct pack_level *levels;
    size_t depth, capacity;
    struct first_names first_names;
    char path[PATH_MAX]; /* of the entry at hand; "." for the top */
    char target[PATH_MAX];
    struct tar_attribute attributes[PACK_ATTRIBUTES];
    char attribute_names[XATTR_LIST_MAX];
    char *attribute_values; /* XATTR_SIZE_MAX for each that there is */
    unsigned char buffer[PACK_BUFFER];
};

/* ---- Errors ---- */

static int pack_failed(const struct pack *pack, const char *call)
{
    log_call(-1, "pack a layer", "%s(\"%s/%s\")", call, pack->name, pack->path);
    return -1;
}

static int pack_refuse(const struct pack *pack, const char *why)
{
    log_error("%s/%s can not be in a layer: %s", pack->name, pack->path, why);
    errno = EINVAL;
    return -1;
}

/* ---- What a file has besides its data ---- */

/* Whether an attribute belongs into a layer: 1, 0, or -1. Those of overlay are
 * for this host; but two of them say that the file is not here. */
static int pack_wants(const struct pack *pack, const char *name)
{
    const char *rest = strrchr(name, '.');
    if (layer_attributes_is_overlays(name) &&
        (strcmp(rest, ".redirect") == 0 || strcmp(rest, ".metacopy") == 0))
        return pack_refuse(pack, "overlay has left a part of it in the layer "
                                 "below (redirect_dir, metacopy)");
    return layer_attributes_belongs(name);
}

static int pack_compare_attributes(const void *a, const void *b)
{
    return strcmp(((const struct tar_attribute *)a)->name,
                  ((const struct tar_attribute *)b)->name);
}

/* Fills in the entry's attributes, in the order of their names. */
static int pack_attributes(struct pack *pack, int fd, struct tar_entry *entry)
{
    size_t count = 0;
    ssize_t length =
        flistxattr(fd, pack->attribute_names, sizeof pack->attribute_names);
    if (length == -1 && errno == EOPNOTSUPP)
        return 0;
    if (length == -1)
        return pack_failed(pack, "flistxattr");
    const char *end = pack->attribute_names + length;
    for (const char *name = pack->attribute_names; name < end;
         name += strlen(name) + 1) {
        int wanted = pack_wants(pack, name);
        if (wanted == -1)
            return -1;
        if (wanted == 0)
            continue;
        if (count == PACK_ATTRIBUTES)
            return pack_refuse(pack, "it has too many extended attributes");
        pack->attributes[count++].name = name;
    }
    if (count == 0)
        return 0;
    free(pack->attribute_values);
    pack->attribute_values = malloc(count * XATTR_SIZE_MAX);
    if (pack->attribute_values == NULL)
        return pack_failed(pack, "malloc");
    qsort(pack->attributes, count, sizeof pack->attributes[0],
          pack_compare_attributes);
    for (size_t i = 0; i < count; i++) {
        char *value = pack->attribute_values + i * XATTR_SIZE_MAX;
        ssize_t size =
            fgetxattr(fd, pack->attributes[i].name, value, XATTR_SIZE_MAX);
        if (size == -1)
            return pack_failed(pack, "fgetxattr");
        pack->attributes[i].value = value;
        pack->attributes[i].size = (size_t)size;
    }
    entry->attributes = pack->attributes;
    entry->attribute_count = count;
    return 0;
}

static struct tar_entry pack_entry(const struct pack *pack, enum tar_kind kind,
                                   const struct stat *status)
{
    return (struct tar_entry){
        .kind = kind,
        .path = pack->path,
        .target = "",
        .mode = status->st_mode & 07777,
        .uid = status->st_uid,
        .gid = status->st_gid,
        .size = kind == TAR_FILE ? (uint64_t)status->st_size : 0,
        .mtime = status->st_mtim.tv_sec,
    };
}

/* ---- Each kind ---- */

static int pack_data(struct pack *pack, int fd, uint64_t size)
{
    while (size > 0) {
        size_t wanted = size < PACK_BUFFER ? (size_t)size : PACK_BUFFER;
        if (process_interrupted() != 0)
            return pack_refuse(pack, "interrupted");
        ssize_t got = read(fd, pack->buffer, wanted);
        if (got == -1 && errno == EINTR)
            continue;
        if (got == -1)
            return pack_failed(pack, "read");
        if (got == 0)
            return pack_refuse(pack, "it has shrunk while it was read");
        if (tar_writer_body(pack->writer, pack->buffer, (size_t)got) == -1)
            return -1;
        size -= (uint64_t)got;
    }
    return 0;
}

static int pack_file(struct pack *pack, int parent_fd, const char *name)
{
    struct stat status;
    /* It was no pipe and no device a moment ago, but now? O_NONBLOCK. */
    int fd =
        openat(parent_fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (fd == -1)
        return pack_failed(pack, "openat");
    int result = -1;
    if (fstat(fd, &status) == -1) {
        pack_failed(pack, "fstat");
    } else if (!S_ISREG(status.st_mode)) {
        pack_refuse(pack, "it has changed while it was read");
    } else if ((uint64_t)status.st_size >
               tar_default_limits.bytes - pack->writer->bytes) {
        pack_refuse(pack, "with it there would be more in the layer than "
                          "anybody loads (EFBIG)");
    } else {
        struct tar_entry entry = pack_entry(pack, TAR_FILE, &status);
        if (pack_attributes(pack, fd, &entry) == 0 &&
            tar_writer_entry(pack->writer, &entry) == 0)
            result = pack_data(pack, fd, entry.size);
    }
    close(fd);
    return result;
}

static int pack_link(struct pack *pack, const struct stat *status,
                     const char *target, enum tar_kind kind)
{
    struct tar_entry entry = pack_entry(pack, kind, status);
    entry.target = target;
    return tar_writer_entry(pack->writer, &entry);
}

static int pack_symlink(struct pack *pack, int parent_fd, const char *name,
                        const struct stat *status)
{
    ssize_t length =
        readlinkat(parent_fd, name, pack->target, sizeof pack->target - 1);
    if (length == -1)
        return pack_failed(pack, "readlinkat");
    pack->target[length] = '\0';
    return pack_link(pack, status, pack->target, TAR_SYMLINK);
}

static int pack_device(struct pack *pack, const struct stat *status)
{
    enum tar_kind kind =
        S_ISCHR(status->st_mode) ? TAR_CHARACTER_DEVICE : TAR_BLOCK_DEVICE;
    struct tar_entry entry = pack_entry(pack, kind, status);
    entry.device_major = major(status->st_rdev);
    entry.device_minor = minor(status->st_rdev);
    return tar_writer_entry(pack->writer, &entry);
}

/* ---- What is gone ---- */

/* An empty file named `mark`NAME in the directory of the path at hand; nothing
 * else about it means anything. */
static int pack_mark(struct pack *pack, const char *mark, const char *name)
{
    char path[PATH_MAX + 16];
    int directory = (int)(files_base_name(pack->path) - pack->path);
    snprintf(path, sizeof path, "%.*s%s%s", directory, pack->path, mark, name);
    struct tar_entry entry = {.kind = TAR_FILE, .path = path, .target = ""};
    return tar_writer_entry(pack->writer, &entry);
}

/* ---- All of it ---- */

static void pack_leave(struct pack *pack)
{
    struct pack_level *level = &pack->levels[--pack->depth];
    names_free(&level->names);
    if (pack->depth > 0)
        close(level->fd);
}

/* Packs the directory of the path at hand; what is in it is next. `fd` is closed
 * with it, unless it is the top's. */
static int pack_enter(struct pack *pack, int fd)
{
    struct stat status;
    if (pack->depth == pack->capacity) {
        size_t capacity = 16 + 2 * pack->capacity;
        void *larger = realloc(pack->levels, capacity * sizeof *pack->levels);
        if (larger == NULL) {
            if (pack->depth > 0)
                close(fd);
            return pack_failed(pack, "realloc");
        }
        pack->levels = larger;
        pack->capacity = capacity;
    }
    struct pack_level *level = &pack->levels[pack->depth++];
    *level = (struct pack_level){.fd = fd, .length = strlen(pack->path)};
    if (fstat(fd, &status) == -1)
        return pack_failed(pack, "fstat");
    struct tar_entry entry = pack_entry(pack, TAR_DIRECTORY, &status);
    if (pack_attributes(pack, fd, &entry) == -1 ||
        tar_writer_entry(pack->writer, &entry) == -1 ||
        names_read(&level->names, fd, pack->path) == -1)
        return -1;
    names_sort(&level->names);
    /* The top is ".", but what is in it is not "./NAME". */
    if (pack->depth == 1)
        level->length = 0;
    else
        pack->path[level->length++] = '/';
    pack->path[level->length] = '\0';
    switch (layers_is_opaque(fd)) {
    case -1:
        return pack_failed(pack, "fgetxattr");
    case 1:
        return pack_mark(pack, ".wh..wh.", ".opq");
    default:
        return 0;
    }
}

static int pack_name(struct pack *pack, int parent_fd, const char *name)
{
    struct stat status;
    if (fstatat(parent_fd, name, &status, AT_SYMLINK_NOFOLLOW) == -1)
        return pack_failed(pack, "newfstatat");
    int gone = layers_is_whiteout(parent_fd, name, &status);
    if (gone == -1)
        return pack_failed(pack, "lgetxattr");
    //> gone
    if (gone == 1)
        return pack_mark(pack, ".wh.", name);
    //< gone
    if (strncmp(name, ".wh.", 4) == 0)
        return pack_refuse(pack, "there its name would say that another file "
                                 "is gone");
    if (S_ISDIR(status.st_mode)) {
        int fd = openat(parent_fd, name,
                        O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        return fd != -1 ? pack_enter(pack, fd) : pack_failed(pack, "openat");
    }
    if (S_ISSOCK(status.st_mode)) {
        log_note("left out: %s/%s, a socket", pack->name, pack->path);
        return 0;
    }
    if (status.st_nlink > 1) {
        const char *first = first_names_find(&pack->first_names, &status);
        if (first != NULL)
            return pack_link(pack, &status, first, TAR_HARD_LINK);
        if (first_names_add(&pack->first_names, &status, pack->path) == -1)
            return pack_failed(pack, "malloc");
    }
    switch (status.st_mode & S_IFMT) {
    case S_IFREG:
        return pack_file(pack, parent_fd, name);
    case S_IFLNK:
        return pack_symlink(pack, parent_fd, name, &status);
    case S_IFIFO:
        return pack_link(pack, &status, "", TAR_FIFO);
    default:
        return pack_device(pack, &status);
    }
}

/* The next name of the innermost directory, or back to the one it is in. */
static int pack_next(struct pack *pack)
{
    struct pack_level *level = &pack->levels[pack->depth - 1];
    if (level->next == level->names.count) {
        pack_leave(pack);
        return 0;
    }
    const char *name = level->names.all[level->next++];
    size_t size = strlen(name) + 1;
    if (level->length + size + 1 > sizeof pack->path) {
        errno = ENAMETOOLONG;
        return pack_failed(pack, "openat");
    }
    memcpy(pack->path + level->length, name, size);
    return pack_name(pack, level->fd, name);
}

int layer_pack(int directory_fd, const char *name, struct tar_writer *writer)
{
    struct pack *pack = calloc(1, sizeof *pack);
    if (pack == NULL)
        return (int)log_call(-1, "pack a layer", "malloc(%zu)", sizeof *pack);
    pack->name = name;
    pack->writer = writer;
    memcpy(pack->path, ".", 2);
    int result = pack_enter(pack, directory_fd);
    while (result == 0 && pack->depth > 0)
        result = pack_next(pack);
    int saved_errno = errno;
    while (pack->depth > 0)
        pack_leave(pack);
    first_names_free(&pack->first_names);
    free(pack->levels);
    free(pack->attribute_values);
    free(pack);
    errno = saved_errno;
    return result;
}
