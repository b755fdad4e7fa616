#include "common/image/build_archive.h"

#include "common/base/advice.h"
#include "common/base/files.h"
#include "common/base/log.h"
#include "common/base/names.h"
#include "common/base/tar_reader.h"
#include "common/image/layer_unpack.h"
#include "common/image/stream.h"
#include "common/runtime/store_tree.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- Whether it is one ---- */

static int build_archive_open(const struct layer_path *file)
{
    int fd = openat(file->layers.fds[file->which], file->name,
                    O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (fd == -1)
        log_call(fd, "perhaps an archive", "openat(\"%s\", O_NOFOLLOW)",
                 file->path);
    return fd;
}

int build_archive_is_one(const struct layer_path *file)
{
    unsigned char block[sizeof(struct tar_header)];
    struct stream stream;
    if (!S_ISREG(file->status.st_mode) ||
        file->status.st_size < (off_t)sizeof "BZh")
        return 0;
    int fd = build_archive_open(file);
    if (fd == -1)
        return -1;
    int result = stream_open(&stream, file->path, fd, UINT64_MAX);
    if (result == 0) {
        ssize_t got = stream_read_block(&stream, block, sizeof block);
        result = got == -1 ? -1 : tar_is_header(block, (size_t)got);
    }
    stream_close(&stream);
    close(fd);
    return result;
}

/* ---- To its place ---- */

struct build_archive {
    char path[PATH_MAX]; /* in the image, where we are */
};

static int build_archive_failed(const struct build_archive *archive,
                                const char *name, const char *complaint)
{
    return log_error("%s/%s, from an archive: %s", archive->path, name,
                     complaint != NULL ? complaint : advice_error_name(errno));
}

/* Into a directory; who has called us makes the path shorter again. */
static int build_archive_down(struct build_archive *archive, const char *name)
{
    size_t length = strlen(archive->path);
    if (length + strlen(name) + 2 > sizeof archive->path) {
        errno = ENAMETOOLONG;
        return build_archive_failed(archive, name, NULL);
    }
    snprintf(archive->path + length, sizeof archive->path - length, "/%s",
             name);
    return 0;
}

static int build_archive_merge(struct build_archive *archive, int from_fd,
                               const struct layer_place *place);

/* A directory that is there already, in the image or by another source. */
static int build_archive_merge_inner(struct build_archive *archive, int from_fd,
                                     const char *name,
                                     const struct layer_place *place,
                                     const struct stat *status)
{
    const struct timespec time = status->st_mtim;
    const struct layer_place_new made = {status->st_mode, status->st_uid,
                                         status->st_gid, time};
    struct layer_place *inner = malloc(sizeof *inner);
    int result = -1;
    int fd =
        openat(from_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd != -1 && inner != NULL)
        result = layer_place_enter(place, name, &made, inner);
    if (result != -1) {
        if (fchown(inner->fd, made.uid, made.gid) == -1 ||
            fchmod(inner->fd, made.mode & 07777) == -1)
            result = build_archive_failed(archive, name, NULL);
        inner->time = time;
        if (result != -1)
            result = build_archive_down(archive, name);
        if (result != -1)
            result = build_archive_merge(archive, fd, inner);
        if (layer_place_close(inner, result) == -1 && result != -1)
            result = build_archive_failed(archive, name, NULL);
    } else {
        build_archive_failed(archive, name, NULL);
    }
    files_close(&fd);
    free(inner);
    return result == -1 ? -1 : 0;
}

static int build_archive_move(struct build_archive *archive, int from_fd,
                              const char *name, const struct layer_place *place)
{
    struct stat status, there;
    if (fstatat(from_fd, name, &status, AT_SYMLINK_NOFOLLOW) == -1)
        return build_archive_failed(archive, name, NULL);
    int found = layer_place_look_up(place, name, &there);
    bool from_directory = S_ISDIR(status.st_mode);
    if (found == 0 && S_ISDIR(there.st_mode))
        return from_directory
                   ? build_archive_merge_inner(archive, from_fd, name, place,
                                               &status)
                   : build_archive_failed(archive, name,
                                          "a directory has that name there "
                                          "(EISDIR)");
    /* Whatever else has that name, a link to a directory among it, is hidden from now on. */
    if (found == -1 ||
        (unlinkat(place->fd, name, 0) == -1 && errno != ENOENT) ||
        renameat(from_fd, name, place->fd, name) == -1)
        return build_archive_failed(archive, name, NULL);
    return 0;
}

static int build_archive_merge(struct build_archive *archive, int from_fd,
                               const struct layer_place *place)
{
    size_t length = strlen(archive->path);
    struct names names = {0};
    int result = names_read(&names, from_fd, archive->path);
    names_sort(&names);
    for (size_t i = 0; result == 0 && i < names.count; i++) {
        result = build_archive_move(archive, from_fd, names.all[i], place);
        archive->path[length] = '\0';
    }
    names_free(&names);
    return result;
}

/* ---- Unpacking ---- */

static int build_archive_unpack_into(const struct layer_path *file, int to_fd,
                                     bool own_all)
{
    const struct layer_options options = {.devices = LAYER_DEVICES_LEAVE_OUT,
                                          .own_all = own_all,
                                          .plain_tree = true};
    struct layer_counts counts = {0};
    struct tar_reader reader;
    struct stream stream;
    int result = -1, fd = build_archive_open(file);
    if (fd == -1)
        return -1;
    if (stream_open(&stream, file->path, fd, UINT64_MAX) == 0 &&
        tar_reader_start(&reader, file->path, stream_read, &stream,
                         &tar_default_limits) == 0) {
        result = layer_unpack(&reader, to_fd, &options, &counts);
        tar_reader_free(&reader);
        if (result == 0)
            result = stream_finish(&stream);
    }
    stream_close(&stream);
    close(fd);
    if (counts.devices > 0)
        log_warning("%s: left out: %llu devices", file->path,
                    (unsigned long long)counts.devices);
    return result;
}

/* The destination is a directory, whatever its name ends with. */
static int build_archive_place(struct build_archive *archive, int from_fd,
                               const struct layers *below,
                               const struct layer_place *top)
{
    struct layer_path *found = malloc(sizeof *found);
    struct layer_place *place = malloc(sizeof *place);
    const struct layer_place_new usual = {.mode = 0755};
    int result = found == NULL || place == NULL
                     ? -1
                     : layer_path_find(below, archive->path, true, found);
    if (result != -1) {
        layer_path_close(found);
        result = layer_place_walk(top, found->path, &usual, place);
    }
    if (result == -1) {
        build_archive_failed(archive, "", NULL);
    } else {
        memcpy(archive->path, found->path, sizeof archive->path);
        result = build_archive_merge(archive, from_fd, place);
        if (layer_place_close(place, result) == -1 && result != -1)
            result = build_archive_failed(archive, "", NULL);
    }
    free(place);
    free(found);
    return result == -1 ? -1 : 0;
}

int build_archive_unpack(const struct layer_path *file,
                         const struct layers *below,
                         const struct layer_place *top, const char *destination,
                         const char *scratch, bool own_all)
{
    char path[PATH_MAX];
    int fd = -1;
    if (files_path(path, "%s/unpacked", scratch) == -1)
        return -1;
    struct build_archive *archive = malloc(sizeof *archive);
    if (archive == NULL)
        return log_error("out of memory (ENOMEM)");
    snprintf(archive->path, sizeof archive->path, "%s", destination);
    int result = mkdir(path, 0700);
    log_call(result, "a place to unpack it in", "mkdir(\"%s\", 0700)", path);
    if (result == 0) {
        fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        result = fd == -1 ? (int)log_call(-1, "a place to unpack it in",
                                          "openat(\"%s\")", path)
                          : build_archive_unpack_into(file, fd, own_all);
    }
    if (result == 0)
        result = build_archive_place(archive, fd, below, top);
    files_close(&fd);
    if (store_tree_remove(path) == -1)
        result = -1;
    free(archive);
    return result;
}
