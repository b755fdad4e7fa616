#include "common/runtime/logs.h"

#include "common/base/files.h"
#include "common/base/log.h"
#include "common/base/number.h"
#include "common/runtime/logs_time.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

/* ---- What was asked for ---- */

const char *logs_parse_max_bytes(const char *text, void *max_bytes)
{
    uint64_t bytes;
    const char *expected = number_parse_bytes(text, &bytes);
    if (expected != NULL)
        return expected;
    if (bytes < LOGS_LEAST_BYTES)
        return "expected 4k at least";
    *(uint64_t *)max_bytes = bytes;
    return NULL;
}

const char *logs_parse_max_files(const char *text, void *max_files)
{
    uint64_t files;
    const char *rest = number_scan(text, LOGS_MOST_FILES, &files);
    if (rest == NULL || *rest != '\0' || files == 0)
        return "expected a number of files from 1 to 1000";
    *(unsigned *)max_files = (unsigned)files;
    return NULL;
}

int logs_open(struct log_file *log, const char *path, uint64_t max_bytes,
              unsigned max_files)
{
    memset(log, 0, sizeof *log);
    log->max_bytes = max_bytes;
    log->max_files = max_files;
    log->oldest = 1;
    log->fd = -1;
    if (files_path(log->path, "%s", path) == -1)
        return -1;
    log->fd =
        open(path, O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC, 0600);
    return log_call(log->fd, "what it prints is kept",
                    "openat(\"%s\", O_WRONLY|O_CREAT|O_EXCL|O_APPEND, 0600)",
                    path) == -1
               ? -1
               : 0;
}

void logs_close(struct log_file *log)
{
    files_close(&log->fd);
}

/* ---- Putting files aside ---- */

/* Whether somebody reads that file, or one that is older. flock(2). */
static bool logs_is_read(const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd == -1)
        return false;
    bool is_read = flock(fd, LOCK_EX | LOCK_NB) == -1;
    close(fd);
    return is_read;
}

/* Removes what is too much, the oldest first. It ends at one that is read: whoever
 * reads it will want all that follow it, too. But a reader that stands still (a pager,
 * say) must not fill the disk. */
static void logs_remove_oldest(struct log_file *log)
{
    uint64_t held = LOGS_MOST_HELD_BYTES / log->max_bytes;
    while (log->newest + 1 - log->oldest > log->max_files - 1) {
        char path[PATH_MAX];
        uint64_t kept = log->newest + 1 - log->oldest;
        if (files_path(path, "%s.%" PRIu64, log->path, log->oldest) == -1 ||
            (kept < log->max_files + held && logs_is_read(path)))
            return;
        if (unlink(path) == -1 && errno != ENOENT) {
            log_call(-1, "the oldest of what it printed", "unlink(\"%s\")",
                     path);
            return;
        }
        log->oldest++;
    }
}

/* Where it can not be done, the file grows on. */
static void logs_put_aside(struct log_file *log)
{
    static const char intention[] = "a full log is put aside";
    char path[PATH_MAX];
    if (files_path(path, "%s.%" PRIu64, log->path, log->newest + 1) == -1)
        return;
    if (rename(log->path, path) == -1) {
        if (!log->stays_whole)
            log_call(-1, intention, "rename(\"%s\", \"%s\")", log->path, path);
        log->stays_whole = true;
        return;
    }
    int fd = open(log->path, O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC,
                  0600);
    if (fd == -1) {
        if (!log->stays_whole)
            log_call(-1, intention, "openat(\"%s\", O_CREAT|O_EXCL)",
                     log->path);
        log->stays_whole = true;
        rename(path, log->path);
        return;
    }
    close(log->fd);
    log->fd = fd;
    log->bytes = 0;
    log->newest++;
    logs_remove_oldest(log);
}

/* ---- Writing ---- */

/* Some records, as writev(2) takes them: nothing is copied. */
struct logs_batch {
    struct iovec parts[192]; /* three a record, at most */
    int count;
    uint64_t bytes;
};

static void logs_add_part(struct logs_batch *batch, const char *text,
                          size_t size)
{
    /* writev(2) does not write to what is to be written. */
    batch->parts[batch->count++] = (struct iovec){(char *)text, size};
    batch->bytes += size;
}

/* What stands before the container's own bytes, for a whole line and for a part. */
struct logs_headers {
    char text[2][80];
    size_t size;
};

static void logs_make_headers(struct logs_headers *headers,
                              enum logs_stream stream, bool gap)
{
    struct timespec now;
    char time[LOGS_TIME_LENGTH + 1];
    clock_gettime(CLOCK_REALTIME, &now);
    logs_time_write(time, &now);
    for (int i = 0; i < 2; i++)
        headers->size = (size_t)snprintf(
            headers->text[i], sizeof headers->text[i], "%s %s %c%s ", time,
            stream == LOGS_STDOUT ? "stdout" : "stderr", "PF"[i],
            gap ? ":lost" : "");
}

/* Adds what has room in this file, one record at least. Returns how many of the bytes
 * at `data` that is. */
static size_t logs_gather(const struct log_file *log,
                          const struct logs_headers *headers, const char *data,
                          size_t size, struct logs_batch *batch)
{
    const int most = (int)(sizeof batch->parts / sizeof batch->parts[0]);
    size_t taken = 0;
    while (taken < size && batch->count + 3 <= most) {
        if (log->gap && taken > 0) /* only the first says so */
            break;
        const char *line = data + taken;
        const char *end = memchr(line, '\n', size - taken);
        size_t length = end != NULL ? (size_t)(end - line) + 1 : size - taken;
        uint64_t bytes = headers->size + length + (end == NULL);
        if (taken > 0 && log->bytes + batch->bytes + bytes > log->max_bytes)
            break;
        logs_add_part(batch, headers->text[end != NULL], headers->size);
        logs_add_part(batch, line, length);
        if (end == NULL)
            logs_add_part(batch, "\n", 1);
        taken += length;
    }
    return taken;
}

/* All of it or, as far as a reader will ever know, nothing. */
static int logs_write_batch(struct log_file *log, struct logs_batch *batch)
{
    struct iovec *part = batch->parts;
    int left = batch->count;
    while (left > 0) {
        ssize_t written = writev(log->fd, part, left);
        if (written == -1) {
            int saved_errno = errno;
            if (ftruncate(log->fd, (off_t)log->bytes) == -1)
                log_call(-1, "half a record is taken back",
                         "ftruncate(\"%s\", %" PRIu64 ")", log->path,
                         log->bytes);
            errno = saved_errno;
            return -1;
        }
        size_t done = (size_t)written;
        for (; left > 0 && done >= part->iov_len; part++, left--)
            done -= part->iov_len;
        if (left > 0) {
            part->iov_base = (char *)part->iov_base + done;
            part->iov_len -= done;
        }
    }
    log->bytes += batch->bytes;
    log->gap = false;
    return 0;
}

int logs_write(struct log_file *log, enum logs_stream stream, const char *data,
               size_t size)
{
    int result = 0;
    while (size > 0) {
        struct logs_headers headers;
        struct logs_batch batch = {.count = 0};
        logs_make_headers(&headers, stream, log->gap);
        size_t taken = logs_gather(log, &headers, data, size, &batch);
        if (log->bytes > 0 && log->bytes + batch.bytes > log->max_bytes)
            logs_put_aside(log);
        if (logs_write_batch(log, &batch) == -1) {
            if (!log->incomplete) {
                log_call(-1, "what it prints is kept", "writev(\"%s\")",
                         log->path);
                log_advice("the container goes on, and some of what it prints "
                           "is lost");
            }
            log->incomplete = log->gap = true;
            result = -1;
        }
        data += taken;
        size -= taken;
    }
    return result;
}

/* ---- Names ---- */

uint64_t logs_number_of(const char *path, const char *name)
{
    const char *base = files_base_name(path);
    size_t length = strlen(base);
    uint64_t number;
    if (strncmp(name, base, length) != 0 || name[length] != '.')
        return 0;
    const char *rest = number_scan(name + length + 1, UINT64_MAX - 1, &number);
    return rest == NULL || *rest != '\0' ? 0 : number;
}
