#include "common/image/layer_copy.h"

#include "common/base/files.h"
#include "common/base/log.h"
#include "common/base/names.h"
#include "common/base/tar_reader.h"
#include "common/image/layer_attributes.h"
#include "common/kernel/process.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* A file that is copied, and where to; `place` NULL: nowhere. */
struct layer_copy_one {
    const struct layers *layers; /* of the directory that it stands in */
    int which;
    const char *name;
    const struct stat *status;
    const struct layer_place *place;
    const char *new_name;
};

int layer_copy_begin(struct layer_copy *copy)
{
    copy->files = copy->bytes = 0;
    copy->complaint = NULL;
    copy->path[0] = '\0';
    copy->first_names = (struct first_names){0};
    sha256_start(&copy->hash);
    copy->buffer = malloc(LAYER_COPY_BUFFER);
    return copy->buffer == NULL ? -1 : 0;
}

void layer_copy_free(struct layer_copy *copy)
{
    first_names_free(&copy->first_names);
    free(copy->buffer);
    copy->buffer = NULL;
}

void layer_copy_end(struct layer_copy *copy, char digest[SHA256_TEXT])
{
    unsigned char bytes[SHA256_BYTES];
    sha256_finish(&copy->hash, bytes);
    sha256_text(bytes, digest);
}

static int layer_copy_refuse(struct layer_copy *copy, const char *complaint)
{
    copy->complaint = complaint;
    errno = EINVAL;
    return -1;
}

/* ---- The digest ---- */

/* A text that is no file: a name, a link, and the NUL that ends it. */
static void layer_copy_add(struct layer_copy *copy, const char *text)
{
    sha256_add(&copy->hash, text, strlen(text) + 1);
}

/* As the source has it: what --chown and --chmod make of it is known besides. */
static void layer_copy_add_status(struct layer_copy *copy, const char *name,
                                  const struct stat *status)
{
    char text[128];
    bool keep = copy->keep_owners && !copy->own_all;
    snprintf(text, sizeof text, "%o %u %u %llu %llu", status->st_mode,
             keep ? status->st_uid : 0, keep ? status->st_gid : 0,
             S_ISREG(status->st_mode) ? (unsigned long long)status->st_size : 0,
             S_ISCHR(status->st_mode) || S_ISBLK(status->st_mode)
                 ? (unsigned long long)status->st_rdev
                 : 0);
    layer_copy_add(copy, name);
    layer_copy_add(copy, text);
}

/* ---- Owners, modes, times ---- */

void layer_copy_made(const struct layer_copy *copy, const struct stat *status,
                     struct layer_place_new *made)
{
    made->mode = status->st_mode;
    if (copy->has_mode && !S_ISLNK(status->st_mode))
        made->mode = (status->st_mode & S_IFMT) | copy->mode;
    made->uid = copy->has_owner     ? copy->uid
                : copy->keep_owners ? status->st_uid
                                    : 0;
    made->gid = copy->has_owner     ? copy->gid
                : copy->keep_owners ? status->st_gid
                                    : 0;
    if (copy->own_all)
        made->uid = made->gid = 0;
    made->time = status->st_mtim;
}

/* First the owner: that takes set-user-id bits away. */
static int layer_copy_set(const struct layer_copy *copy,
                          const struct layer_copy_one *one)
{
    struct layer_place_new made;
    int fd = one->place->fd;
    layer_copy_made(copy, one->status, &made);
    const struct timespec times[2] = {made.time, made.time};
    if (fchownat(fd, one->new_name, made.uid, made.gid, AT_SYMLINK_NOFOLLOW) ==
        -1)
        return -1;
    if (!S_ISLNK(made.mode) &&
        fchmodat(fd, one->new_name, made.mode & 07777, 0) == -1)
        return -1;
    return utimensat(fd, one->new_name, times, AT_SYMLINK_NOFOLLOW);
}

/* ---- What is in the way ---- */

/* A name of an earlier source goes; what stands below is hidden by what is made. */
static int layer_copy_make_way(struct layer_copy *copy,
                               const struct layer_copy_one *one)
{
    struct stat status;
    int found = layer_place_look_up(one->place, one->new_name, &status);
    if (found == -1)
        return -1;
    if (found == 0 && S_ISDIR(status.st_mode))
        return layer_copy_refuse(copy, "a directory of that name is there, "
                                       "which no file can replace (EISDIR)");
    if (unlinkat(one->place->fd, one->new_name, 0) == -1 && errno != ENOENT)
        return -1;
    return 0;
}

/* ---- Each kind ---- */

/* As many bytes as it had when it was looked at: they stand in the digest. */
static int layer_copy_data(struct layer_copy *copy, int from_fd, int to_fd,
                           uint64_t size)
{
    /* A hole of any size takes its maker a moment, and us for ever. */
    if (size > tar_default_limits.bytes - copy->bytes)
        return layer_copy_refuse(copy, "with it there would be more in the "
                                       "layer than anybody loads (EFBIG)");
    for (uint64_t left = size; left > 0;) {
        size_t wanted = left < LAYER_COPY_BUFFER ? left : LAYER_COPY_BUFFER;
        if (process_interrupted() != 0)
            return layer_copy_refuse(copy, "interrupted");
        ssize_t got = read(from_fd, copy->buffer, wanted);
        if (got == -1 && errno == EINTR)
            continue;
        if (got == -1)
            return -1;
        if (got == 0)
            return layer_copy_refuse(copy, "it has shrunk while it was read");
        sha256_add(&copy->hash, copy->buffer, (size_t)got);
        if (to_fd != -1 &&
            files_write_all(to_fd, copy->buffer, (size_t)got) != 0)
            return -1;
        left -= (uint64_t)got;
    }
    copy->bytes += size;
    return 0;
}

static int layer_copy_regular(struct layer_copy *copy,
                              const struct layer_copy_one *one)
{
    struct stat status;
    int to_fd = -1, result = -1;
    /* It was no pipe and no device a moment ago, but now? O_NONBLOCK. */
    int from_fd = openat(one->layers->fds[one->which], one->name,
                         O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (from_fd == -1)
        return -1;
    if (fstat(from_fd, &status) == -1)
        goto out;
    if (!S_ISREG(status.st_mode)) {
        layer_copy_refuse(copy, "it has changed while it was read");
        goto out;
    }
    layer_copy_add_status(copy, one->name, &status);
    if (one->place != NULL) {
        to_fd =
            openat(one->place->fd, one->new_name,
                   O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
        if (to_fd == -1)
            goto out;
    }
    result = layer_copy_data(copy, from_fd, to_fd, (uint64_t)status.st_size);
    if (result == 0 && to_fd != -1) {
        struct layer_copy_one now = *one;
        now.status = &status;
        result = layer_copy_set(copy, &now);
        /* After the owner, whose change takes capabilities away. */
        if (result == 0 && copy->keep_owners)
            result = layer_attributes_copy(from_fd, to_fd);
    }
out:;
    int saved_errno = errno;
    close(from_fd);
    if (to_fd != -1 && close(to_fd) == -1 && result == 0)
        return -1;
    errno = saved_errno;
    return result;
}

static int layer_copy_symlink(struct layer_copy *copy,
                              const struct layer_copy_one *one)
{
    char target[PATH_MAX];
    ssize_t length = readlinkat(one->layers->fds[one->which], one->name, target,
                                sizeof target - 1);
    if (length == -1)
        return -1;
    target[length] = '\0';
    layer_copy_add_status(copy, one->name, one->status);
    layer_copy_add(copy, target);
    if (one->place == NULL)
        return 0;
    return symlinkat(target, one->place->fd, one->new_name) == -1
               ? -1
               : layer_copy_set(copy, one);
}

static int layer_copy_special(struct layer_copy *copy,
                              const struct layer_copy_one *one)
{
    mode_t mode = one->status->st_mode;
    layer_copy_add_status(copy, one->name, one->status);
    if (one->place == NULL)
        return 0;
    if (mknodat(one->place->fd, one->new_name, (mode & S_IFMT) | 0600,
                one->status->st_rdev) == -1)
        return errno == EPERM
                   ? layer_copy_refuse(copy, "a device, which only root of the "
                                             "host can make (EPERM)")
                   : -1;
    return layer_copy_set(copy, one);
}

/* A file of several names, once more: 1, it is a link now to the first of them; 0, this is the
 * first; or -1. */
static int layer_copy_hard_link(struct layer_copy *copy,
                                const struct layer_copy_one *one)
{
    const char *first = first_names_find(&copy->first_names, one->status);
    if (first == NULL)
        return first_names_add(&copy->first_names, one->status,
                               copy->path + copy->start);
    layer_copy_add(copy, one->name);
    layer_copy_add(copy, first);
    if (one->place == NULL)
        return 1;
    return linkat(copy->start_place->fd, first, one->place->fd, one->new_name,
                  0) == -1
               ? -1
               : 1;
}

static int layer_copy_one(struct layer_copy *copy,
                          const struct layer_copy_one *one, bool may_be_link)
{
    if (one->place != NULL && layer_copy_make_way(copy, one) == -1)
        return -1;
    copy->files++;
    if (may_be_link && one->status->st_nlink > 1) {
        int result = layer_copy_hard_link(copy, one);
        if (result != 0)
            return result == 1 ? 0 : -1;
    }
    switch (one->status->st_mode & S_IFMT) {
    case S_IFREG:
        return layer_copy_regular(copy, one);
    case S_IFLNK:
        return layer_copy_symlink(copy, one);
    case S_IFSOCK:
        log_note("left out: %s, a socket", copy->path);
        return 0;
    default:
        return layer_copy_special(copy, one);
    }
}

int layer_copy_file(struct layer_copy *copy, const struct layer_path *source,
                    const struct layer_place *place, const char *name)
{
    const struct layer_copy_one one = {&source->layers, source->which,
                                       source->name,    &source->status,
                                       place,           name};
    snprintf(copy->path, sizeof copy->path, "%s", source->path);
    return layer_copy_one(copy, &one, false);
}

int layer_copy_text(struct layer_copy *copy, const char *text, time_t time,
                    const struct layer_place *place, const char *name)
{
    const struct stat status = {.st_mode = S_IFREG | 0644,
                                .st_size = (off_t)strlen(text),
                                .st_mtim = {.tv_sec = time}};
    const struct layer_copy_one one = {
        .status = &status, .place = place, .new_name = name};
    snprintf(copy->path, sizeof copy->path, "<<%s", name);
    layer_copy_add_status(copy, "", &status);
    layer_copy_add(copy, text);
    copy->files++;
    copy->bytes += strlen(text);
    if (place == NULL)
        return 0;
    if (layer_copy_make_way(copy, &one) == -1)
        return -1;
    int fd = openat(place->fd, name,
                    O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd == -1)
        return -1;
    int result = files_write_all(fd, text, strlen(text)) == 0 ? 0 : -1;
    if (close(fd) == -1)
        result = -1;
    return result == -1 ? -1 : layer_copy_set(copy, &one);
}

/* ---- Directories ---- */

static int layer_copy_collect(void *context, const struct layers *layers,
                              const char *name, int which,
                              const struct stat *status)
{
    (void)layers, (void)which, (void)status;
    return names_add(context, name);
}

static int layer_copy_names(struct layer_copy *copy,
                            const struct layers *layers,
                            const struct layer_place *place);

/* Whether something in a directory that is left out is not: "docs", "!docs/README". */
static int layer_copy_has_exception(struct layer_copy *copy,
                                    const struct layers *layers,
                                    const char *name)
{
    struct layer_copy only = *copy;
    struct layers inner;
    if (!copy->ignore->has_exceptions)
        return 0;
    if (layers_enter(layers, name, &inner) == -1)
        return -1;
    int result = layer_copy_begin(&only);
    memcpy(only.path, copy->path, sizeof only.path);
    if (result == 0)
        result = layer_copy_names(&only, &inner, NULL);
    layer_copy_free(&only);
    layers_close(&inner);
    return result == -1 ? -1 : only.files > 0;
}

/* What a directory becomes, in `to`. One that was there gets what its source has, as every name
 * does. */
static int layer_copy_enter(struct layer_copy *copy, const char *name,
                            const struct stat *status,
                            const struct layer_place *place,
                            struct layer_place *to)
{
    struct layer_place_new made;
    layer_copy_made(copy, status, &made);
    int result = layer_place_enter(place, name, &made, to);
    if (result == -1 && errno == ENOTDIR)
        return layer_copy_refuse(copy, "something else than a directory has "
                                       "that name there (ENOTDIR)");
    if (result == -1)
        return -1;
    to->time = made.time;
    if (result == 1 || (fchown(to->fd, made.uid, made.gid) == 0 &&
                        fchmod(to->fd, made.mode & 07777) == 0))
        return 0;
    return layer_place_close(to, -1);
}

static int layer_copy_inner(struct layer_copy *copy,
                            const struct layers *layers, const char *name,
                            const struct stat *status,
                            const struct layer_place *place)
{
    struct layers *inner = malloc(sizeof *inner);
    struct layer_place *to = malloc(sizeof *to);
    int result = -1;
    layer_copy_add_status(copy, name, status);
    if (inner != NULL && to != NULL && layers_enter(layers, name, inner) == 0) {
        result =
            place == NULL ? 0 : layer_copy_enter(copy, name, status, place, to);
        if (result == 0) {
            copy->files++;
            result = layer_copy_names(copy, inner, place == NULL ? NULL : to);
            if (place != NULL)
                result = layer_place_close(to, result);
        }
        layers_close(inner);
    }
    free(to);
    free(inner);
    return result;
}

static int layer_copy_name(struct layer_copy *copy, const struct layers *layers,
                           const char *name, const struct layer_place *place)
{
    struct stat status;
    size_t length = strlen(copy->path);
    if (length + strlen(name) + 2 > sizeof copy->path) {
        errno = ENAMETOOLONG;
        return -1;
    }
    snprintf(copy->path + length, sizeof copy->path - length, "%s%s",
             length == 0 ? "" : "/", name);
    bool ignored =
        copy->ignore != NULL && ignore_matches(copy->ignore, copy->path);
    int which = layers_look_up(layers, name, &status), result = 0;
    if (which == -1) {
        result = errno == ENOENT
                     ? layer_copy_refuse(copy, "it has gone while it was read")
                     : -1;
    } else if (S_ISDIR(status.st_mode)) {
        result = ignored ? layer_copy_has_exception(copy, layers, name) : 1;
        if (result == 1)
            result = layer_copy_inner(copy, layers, name, &status, place);
    } else if (!ignored) {
        const struct layer_copy_one one = {layers,  which, name,
                                           &status, place, name};
        result = layer_copy_one(copy, &one, true);
    }
    if (result == 0)
        copy->path[length] = '\0';
    return result;
}

/* All that is in a directory, in the order of their bytes. */
static int layer_copy_names(struct layer_copy *copy,
                            const struct layers *layers,
                            const struct layer_place *place)
{
    struct names names = {0};
    int result = layers_for_each(layers, layer_copy_collect, &names);
    names_sort(&names);
    for (size_t i = 0; result == 0 && i < names.count; i++)
        result = layer_copy_name(copy, layers, names.all[i], place);
    names_free(&names);
    layer_copy_add(copy, "/"); /* which no name is: up again */
    return result;
}

int layer_copy_directory(struct layer_copy *copy,
                         const struct layer_path *source,
                         const struct layer_place *place)
{
    snprintf(copy->path, sizeof copy->path, "%s", source->path);
    layer_copy_add_status(copy, ".", &source->status);
    first_names_free(&copy->first_names);
    copy->start = strlen(source->path) + (source->path[0] != '\0');
    copy->start_place = place;
    return layer_copy_names(copy, &source->layers, place);
}
