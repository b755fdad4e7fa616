#include "common/image/archive.h"

#include "common/base/array.h"
#include "common/base/files.h"
#include "common/base/log.h"
#include "common/base/progress.h"
#include "common/base/tar_reader.h"
#include "common/image/spool.h"
#include "common/image/stream.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const struct tar_limits archive_limits = {
    .entries = ARCHIVE_MOST_ENTRIES,
    .bytes = (uint64_t)64 << 30,
    .path = 4095,
    .header = 1 << 20,
};

static int archive_no_memory(const struct archive *archive)
{
    errno = ENOMEM;
    return log_error("%s: out of memory (ENOMEM)", archive->name);
}

/* ---- A copy of what can not be read anywhere ---- */

static int archive_write(const struct archive *archive, const char *data,
                         size_t size)
{
    size_t left = files_write_all(archive->spool_fd, data, size);
    return left == 0
               ? 0
               : (int)log_call(-1, "a copy of the archive, to look up in",
                               "write(%d, …, %zu)", archive->spool_fd, left);
}

static int archive_copy(struct archive *archive, struct stream *stream)
{
    static char buffer[256 * 1024];
    uint64_t copied = 0;
    ssize_t got;
    while ((got = stream_read(stream, buffer, sizeof buffer)) > 0) {
        copied += (uint64_t)got;
        progress_add((uint64_t)got);
        if (copied > archive_limits.bytes) {
            errno = E2BIG;
            return log_error("%s: more than %" PRIu64
                             " bytes, which is the limit",
                             archive->name, archive_limits.bytes);
        }
        if (archive_write(archive, buffer, (size_t)got) == -1)
            return -1;
    }
    return got == -1 ? -1 : stream_finish(stream);
}

/* Makes a copy unless the file is a plain one that is not compressed. */
static int archive_make_readable(struct archive *archive, int fd,
                                 const char *directory)
{
    struct stream stream;
    struct stat status;
    off_t begin = lseek(fd, 0, SEEK_CUR);
    int result = stream_open(&stream, archive->name, fd, UINT64_MAX);
    bool as_it_is = begin != -1 && fstat(fd, &status) == 0 &&
                    S_ISREG(status.st_mode) && stream.format == STREAM_PLAIN;
    if (result == 0 && as_it_is) {
        result = lseek(fd, begin, SEEK_SET) == -1 ? -1 : 0;
    } else if (result == 0) {
        progress_begin(0, "%s", archive->name);
        archive->spool_fd = spool_open(directory);
        result = archive->spool_fd == -1 ? -1 : archive_copy(archive, &stream);
        archive->fd = archive->spool_fd;
        progress_end();
        if (result == 0)
            result = lseek(archive->fd, 0, SEEK_SET) == -1 ? -1 : 0;
    }
    stream_close(&stream);
    return result;
}

/* ---- Names ---- */

/* Appends the parts of `text` to `path`, which ".." takes parts from. Returns 0, or -1 where it
 * leads out of the archive, or is too long. */
static int archive_join(char path[PATH_MAX], const char *text)
{
    size_t used = strlen(path);
    for (const char *part = text; *part != '\0';) {
        size_t length = strcspn(part, "/");
        bool up = length == 2 && strncmp(part, "..", 2) == 0;
        if (up && used == 0)
            return -1;
        if (up) {
            path[used] = '\0';
            const char *slash = strrchr(path, '/');
            used = slash == NULL ? 0 : (size_t)(slash - path);
        } else if (length > 0 && !(length == 1 && *part == '.')) {
            if (used + length + 2 > PATH_MAX)
                return -1;
            if (used > 0)
                path[used++] = '/';
            memcpy(path + used, part, length);
            used += length;
        }
        part += length + (part[length] == '/');
    }
    path[used] = '\0';
    return 0;
}

/* A link's target is meant from the directory on that the link is in. */
static int archive_join_target(char target[PATH_MAX], const char *path,
                               const char *text)
{
    const char *slash = strrchr(path, '/');
    size_t length = slash == NULL ? 0 : (size_t)(slash - path);
    if (text[0] == '/')
        return -1;
    memcpy(target, path, length);
    target[length] = '\0';
    return archive_join(target, text);
}

/* ---- What is in it ---- */

struct archive_reader {
    struct archive *archive;
    uint64_t offset; /* of what is read next */
};

static ssize_t archive_pread(void *context, void *buffer, size_t size)
{
    struct archive_reader *reader = context;
    ssize_t got;
    do {
        got = pread(reader->archive->fd, buffer, size, (off_t)reader->offset);
    } while (got == -1 && errno == EINTR);
    if (got == -1)
        return log_call(-1, "what is in the archive", "pread64(\"%s\")",
                        reader->archive->name);
    reader->offset += (uint64_t)got;
    return got;
}

static int archive_skip(void *context, uint64_t size)
{
    struct archive_reader *reader = context;
    reader->offset += size;
    return 0;
}

static int archive_add(struct archive *archive, const char *path,
                       const char *target, uint64_t offset, uint64_t size)
{
    struct archive_entry *larger =
        array_grow(archive->entries, archive->count, sizeof *larger);
    if (larger == NULL)
        return -1;
    archive->entries = larger;
    struct archive_entry *entry = &larger[archive->count++];
    *entry =
        (struct archive_entry){.path = strdup(path),
                               .target = target == NULL ? NULL : strdup(target),
                               .offset = offset,
                               .size = size};
    return entry->path == NULL || (target != NULL && entry->target == NULL)
               ? archive_no_memory(archive)
               : 0;
}

static int archive_take(struct archive *archive, struct tar_reader *reader,
                        const struct tar_entry *entry, uint64_t begin)
{
    char path[PATH_MAX] = "", target[PATH_MAX];
    if (entry->path[0] == '/' || archive_join(path, entry->path) == -1)
        return tar_reader_refuse(reader,
                                 "a name that leads out of the archive");
    if (entry->kind == TAR_SYMLINK) {
        if (archive_join_target(target, path, entry->target) == -1)
            return tar_reader_refuse(
                reader, "a link to \"%.256s\", which leads out of the archive",
                entry->target);
        return archive_add(archive, path, target, 0, 0);
    }
    if (entry->kind == TAR_DIRECTORY)
        return 0;
    if (entry->kind != TAR_FILE)
        return tar_reader_refuse(
            reader, "neither a file, nor a directory, nor a symbolic link");
    if (reader->stored != entry->size || reader->extent != NULL)
        return tar_reader_refuse(reader, "a file with holes, in which no part "
                                         "of an image is kept");
    return archive_add(archive, path, NULL, begin + reader->position,
                       entry->size);
}

static int archive_compare(const void *a, const void *b)
{
    return strcmp(((const struct archive_entry *)a)->path,
                  ((const struct archive_entry *)b)->path);
}

/* Of two files of one name, which one is meant? Two readers may not agree. */
static int archive_sort(struct archive *archive)
{
    if (archive->count > 0)
        qsort(archive->entries, archive->count, sizeof *archive->entries,
              archive_compare);
    for (size_t i = 1; i < archive->count; i++)
        if (archive_compare(&archive->entries[i - 1], &archive->entries[i]) ==
            0) {
            errno = EBADMSG;
            return log_error("%s: \"%.256s\" is in it twice", archive->name,
                             archive->entries[i].path);
        }
    return 0;
}

static int archive_read_entries(struct archive *archive)
{
    struct archive_reader source = {.archive = archive};
    struct tar_reader reader;
    struct tar_entry entry;
    off_t begin = lseek(archive->fd, 0, SEEK_CUR);
    source.offset = begin == -1 ? 0 : (uint64_t)begin;
    uint64_t first = source.offset;
    if (tar_reader_start(&reader, archive->name, archive_pread, &source,
                         &archive_limits) == -1)
        return -1;
    reader.skip = archive_skip;
    int result;
    while ((result = tar_reader_next(&reader, &entry)) == 1)
        if (archive_take(archive, &reader, &entry, first) == -1) {
            result = -1;
            break;
        }
    tar_reader_free(&reader);
    return result == -1 ? -1 : archive_sort(archive);
}

int archive_open(struct archive *archive, const char *name, int fd,
                 const char *directory)
{
    *archive = (struct archive){.name = name, .fd = fd, .spool_fd = -1};
    return archive_make_readable(archive, fd, directory) == -1
               ? -1
               : archive_read_entries(archive);
}

void archive_close(struct archive *archive)
{
    for (size_t i = 0; i < archive->count; i++) {
        free(archive->entries[i].path);
        free(archive->entries[i].target);
    }
    free(archive->entries);
    archive->entries = NULL;
    archive->count = 0;
    files_close(&archive->spool_fd);
}

/* ---- Looking up ---- */

static const struct archive_entry *
archive_find_name(const struct archive *archive, const char *path)
{
    const struct archive_entry wanted = {.path = (char *)path};
    return archive->count == 0
               ? NULL
               : bsearch(&wanted, archive->entries, archive->count,
                         sizeof *archive->entries, archive_compare);
}

const struct archive_entry *archive_find(const struct archive *archive,
                                         const char *path)
{
    enum { MOST_LINKS = 8 };
    const struct archive_entry *entry = archive_find_name(archive, path);
    for (int i = 0; entry != NULL && entry->target != NULL; i++)
        entry =
            i == MOST_LINKS ? NULL : archive_find_name(archive, entry->target);
    return entry;
}

char *archive_read(const struct archive *archive,
                   const struct archive_entry *entry)
{
    struct archive_reader source = {.archive = (struct archive *)archive,
                                    .offset = entry->offset};
    if (entry->size > ARCHIVE_MOST_TEXT) {
        log_error("%s: %s has %" PRIu64 " bytes, and may have %d",
                  archive->name, entry->path, entry->size, ARCHIVE_MOST_TEXT);
        errno = E2BIG;
        return NULL;
    }
    size_t size = (size_t)entry->size, used = 0;
    char *text = malloc(size + 1);
    if (text == NULL) {
        archive_no_memory(archive);
        return NULL;
    }
    ssize_t got = 1;
    while (used < size && got > 0) {
        got = archive_pread(&source, text + used, size - used);
        used += got == -1 ? 0 : (size_t)got;
    }
    text[used] = '\0';
    if (used == size)
        return text;
    if (got == 0)
        log_error("%s: %s ends too early: the archive was cut short",
                  archive->name, entry->path);
    free(text);
    errno = EBADMSG;
    return NULL;
}

int archive_seek(const struct archive *archive,
                 const struct archive_entry *entry)
{
    if (lseek(archive->fd, (off_t)entry->offset, SEEK_SET) != -1)
        return archive->fd;
    return (int)log_call(-1, "where a part of an image begins",
                         "lseek(\"%s\", %" PRIu64 ", SEEK_SET)", archive->name,
                         entry->offset);
}
