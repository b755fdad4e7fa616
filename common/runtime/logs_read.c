#include "common/runtime/logs_read.h"

#include "common/base/files.h"
#include "common/base/log.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

static const char intention[] = "what it printed";

/* ---- Which files there are ---- */

/* The least number above `above` among the files put aside, or, where `inode` is
 * given, the number of that one; 0: there is none. -1: reported. */
static int64_t logs_reader_find(const char *path, uint64_t above,
                                const struct stat *inode)
{
    char directory[PATH_MAX];
    uint64_t found = 0;
    const char *slash = strrchr(path, '/');
    if (files_path(directory, "%.*s/", slash == NULL ? 1 : (int)(slash - path),
                   slash == NULL ? "." : path) == -1)
        return -1;
    DIR *entries = opendir(directory);
    if (entries == NULL)
        return log_call(-1, intention, "openat(\"%s\", O_DIRECTORY)",
                        directory);
    for (struct dirent *entry; (entry = readdir(entries)) != NULL;) {
        uint64_t number = logs_number_of(path, entry->d_name);
        struct stat status;
        if (number <= above || (found != 0 && number > found))
            continue;
        if (inode != NULL &&
            (fstatat(dirfd(entries), entry->d_name, &status, 0) == -1 ||
             status.st_ino != inode->st_ino || status.st_dev != inode->st_dev))
            continue;
        found = number;
    }
    closedir(entries);
    return (int64_t)found;
}

/* Opens and locks a file, number 0 being the one that is written. Returns the descriptor,
 * or -1 with errno, ENOENT: it is not there (any more), not reported. */
static int logs_reader_lock(const char *path, uint64_t number)
{
    char file[PATH_MAX];
    struct stat status;
    if (number == 0 ? files_path(file, "%s", path) == -1
                    : files_path(file, "%s.%" PRIu64, path, number) == -1)
        return -1;
    int fd = open(file, O_RDONLY | O_CLOEXEC);
    if (fd == -1) {
        if (errno != ENOENT)
            log_call(-1, intention, "openat(\"%s\", O_RDONLY)", file);
        return -1;
    }
    int result = flock(fd, LOCK_SH);
    if (result == -1)
        log_call(-1, "a lock keeps it from being removed",
                 "flock(\"%s\", LOCK_SH)", file);
    if (result == 0 && fstat(fd, &status) == 0 && status.st_nlink > 0)
        return fd;
    close(fd);
    if (result == 0)
        errno = ENOENT; /* removed before it was locked */
    return -1;
}

/* Goes on to the file that comes after `reader`'s. Returns 1, or 0 where that is not
 * there yet, or -1, reported. The lock on the present file keeps what follows it. */
static int logs_reader_advance(struct logs_reader *reader)
{
    struct stat status;
    for (;;) {
        int64_t next = logs_reader_find(reader->path, reader->number, NULL);
        if (next == -1)
            return -1;
        int fd = logs_reader_lock(reader->path, (uint64_t)next);
        if (fd == -1 && errno != ENOENT)
            return -1;
        if (fd == -1 && next == 0)
            return 0;
        if (fd == -1)
            continue;
        /* The one that is written is next only if none was put aside since. */
        if (next == 0 &&
            logs_reader_find(reader->path, reader->number, NULL) != 0) {
            close(fd);
            continue;
        }
        if (fstat(fd, &status) == -1 || status.st_ino == reader->inode) {
            close(fd); /* to put ours aside has failed after all */
            reader->number = 0;
            return 0;
        }
        if (next != 0 && reader->number != 0)
            reader->missed += (uint64_t)next - reader->number - 1;
        if (reader->fd != -1)
            close(reader->fd);
        reader->fd = fd;
        reader->number = (uint64_t)next;
        reader->inode = status.st_ino;
        reader->files++;
        reader->offset = 0;
        reader->used = reader->taken = 0;
        return 1;
    }
}

/* Whether the file that we took for the one that is written has been put aside. Returns 1
 * with its number known, 0 where it has not, or -1, reported. It may even be gone: then
 * all that is known is that something is missed. */
static int logs_reader_was_put_aside(struct logs_reader *reader)
{
    struct stat ours, theirs;
    if (fstat(reader->fd, &ours) == -1)
        return (int)log_call(-1, intention, "fstat(\"%s\")", reader->path);
    if (stat(reader->path, &theirs) == 0 && ours.st_ino == theirs.st_ino &&
        ours.st_dev == theirs.st_dev)
        return 0;
    int64_t number = logs_reader_find(reader->path, 0, &ours);
    if (number == 0 && ours.st_nlink == 0) {
        int result = logs_reader_advance(reader);
        reader->missed += result == 1;
        return result;
    }
    if (number <= 0)
        return (int)number;
    reader->number = (uint64_t)number;
    return 1;
}

int logs_reader_open(struct logs_reader *reader, const char *path)
{
    memset(reader, 0, sizeof *reader);
    reader->fd = -1;
    reader->size = 1 << 16;
    if (files_path(reader->path, "%s", path) == -1)
        return -1;
    reader->buffer = malloc(reader->size);
    if (reader->buffer == NULL)
        return log_error("no memory for a log");
    int result = logs_reader_advance(reader);
    if (result == 0) {
        errno = ENOENT;
        log_call(-1, intention, "openat(\"%s\", O_RDONLY)", path);
    }
    return result == 1 ? 0 : -1;
}

void logs_reader_end_here(struct logs_reader *reader)
{
    struct stat status;
    if (stat(reader->path, &status) == -1)
        return; /* it is just being put aside */
    reader->end_inode = status.st_ino;
    reader->end_offset = status.st_size;
}

void logs_reader_close(struct logs_reader *reader)
{
    files_close(&reader->fd);
    free(reader->buffer);
    reader->buffer = NULL;
}

/* ---- Records ---- */

/* Reads anew from the first byte that was not taken. Returns 1 where there is a whole
 * line, 0 where there is none, -1, reported. */
static int logs_reader_fill(struct logs_reader *reader)
{
    reader->used = reader->taken = 0;
    for (;;) {
        ssize_t got = pread(reader->fd, reader->buffer + reader->used,
                            reader->size - reader->used,
                            reader->offset + (off_t)reader->used);
        if (got == -1)
            return (int)log_call(-1, intention, "pread64(\"%s\")",
                                 reader->path);
        if (memchr(reader->buffer + reader->used, '\n', (size_t)got) != NULL) {
            reader->used += (size_t)got;
            return 1;
        }
        reader->used += (size_t)got;
        if (reader->used < reader->size)
            return 0;
        char *more = realloc(reader->buffer, 2 * reader->size);
        if (more == NULL)
            return log_error("no memory for a log");
        reader->buffer = more;
        reader->size *= 2;
    }
}

/* A line with its newline; without one, it is what a killed writer has left. */
static bool logs_parse(const char *line, size_t size,
                       struct logs_record *record)
{
    static const char forms[LOGS_STREAMS][10] = {" stdout ", " stderr "};
    enum { STREAM = LOGS_TIME_LENGTH, TAG = STREAM + 8, TEXT = TAG + 2 };
    bool is_cut = size == 0 || line[size - 1] != '\n';
    if (size < TEXT || !logs_time_is_one(line))
        return false;
    record->stream =
        memcmp(line + STREAM, forms[0], 8) == 0 ? LOGS_STDOUT : LOGS_STDERR;
    if (memcmp(line + STREAM, forms[record->stream], 8) != 0 ||
        (line[TAG] != 'F' && line[TAG] != 'P'))
        return false;
    const char *text = line + TAG + 1, *end = line + size;
    /* There may be more tags, after colons: ours is "lost". */
    record->after_loss = end - text > 6 && memcmp(text, ":lost ", 6) == 0;
    text = memchr(text, ' ', (size_t)(end - text));
    if (text == NULL)
        return false;
    memcpy(record->time, line, LOGS_TIME_LENGTH);
    record->time[LOGS_TIME_LENGTH] = '\0';
    record->is_part = is_cut || line[TAG] == 'P';
    record->text = text + 1;
    record->size = (size_t)(end - record->text) - (record->is_part && !is_cut);
    return true;
}

int logs_reader_next(struct logs_reader *reader, bool ended,
                     struct logs_record *record)
{
    for (;;) {
        if (reader->end_inode == reader->inode &&
            reader->offset >= reader->end_offset)
            return 0;
        char *line = reader->buffer + reader->taken;
        size_t left = reader->used - reader->taken;
        char *end = memchr(line, '\n', left);
        int result = end != NULL ? 1 : logs_reader_fill(reader);
        if (result == -1)
            return -1;
        if (end == NULL && result == 1)
            continue;
        if (end == NULL && reader->number == 0) {
            result = logs_reader_was_put_aside(reader);
            if (result == -1)
                return -1;
            if (result == 1)
                continue; /* for what came before it was put aside */
        }
        if (end == NULL && (reader->used == 0 || !ended)) {
            result = reader->number == 0 ? 0 : logs_reader_advance(reader);
            if (result <= 0)
                return result;
            continue;
        }
        line = reader->buffer + reader->taken;
        left = end != NULL ? (size_t)(end - line) + 1 : reader->used;
        reader->taken += left;
        reader->offset += (off_t)left;
        if (logs_parse(line, left, record))
            return 1;
        reader->damaged++;
    }
}
