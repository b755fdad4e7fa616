#include "common/runtime/logs_print.h"

#include "common/base/log.h"
#include "common/base/number.h"
#include "common/base/program.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>
#include <time.h>
#include <unistd.h>

/* What is on its way out: of one stream at a time, so that the order is kept where
 * both end up in one place. */
struct logs_output {
    int fd;
    size_t used;
    char buffer[1 << 16];
};

/* Which lines are shown. Lines are counted where they begin; their parts follow. */
struct logs_filter {
    const struct logs_selection *selection;
    uint64_t skipped; /* lines that come first */
    uint64_t lines;   /* that have begun */
    bool in_line[LOGS_STREAMS], is_shown[LOGS_STREAMS];
};

/* ---- What was asked for ---- */

const char *logs_parse_tail(const char *text, void *tail)
{
    uint64_t lines;
    if (strcmp(text, "all") == 0) {
        *(int64_t *)tail = -1;
        return NULL;
    }
    const char *rest = number_scan(text, INT64_MAX, &lines);
    if (rest == NULL || *rest != '\0')
        return "expected a number of lines, or all";
    *(int64_t *)tail = (int64_t)lines;
    return NULL;
}

const char *logs_parse_since(const char *text, void *since)
{
    struct timespec time;
    const char *expected = logs_time_read(text, &time);
    if (expected == NULL)
        logs_time_write(since, &time);
    return expected;
}

/* ---- Writing ---- */

/* We end as whoever writes to a pipe that nobody reads any more. */
static void __attribute__((noreturn)) logs_end_by_pipe(void)
{
    sigset_t only_pipe;
    sigemptyset(&only_pipe);
    sigaddset(&only_pipe, SIGPIPE);
    signal(SIGPIPE, SIG_DFL);
    sigprocmask(SIG_UNBLOCK, &only_pipe, NULL);
    raise(SIGPIPE);
    _exit(128 + SIGPIPE);
}

static int logs_flush(struct logs_output *output)
{
    size_t done = 0;
    while (done < output->used) {
        ssize_t written =
            write(output->fd, output->buffer + done, output->used - done);
        if (written == -1 && errno == EAGAIN) { /* left so by a neighbour */
            struct pollfd room = {.fd = output->fd, .events = POLLOUT};
            poll(&room, 1, -1);
        } else if (written == -1 && errno == EPIPE) {
            logs_end_by_pipe();
        } else if (written == -1 && errno != EINTR) {
            output->used = 0;
            return (int)log_call(-1, "print it again", "write(%d)", output->fd);
        } else if (written > 0) {
            done += (size_t)written;
        }
    }
    output->used = 0;
    return 0;
}

static int logs_put(struct logs_output *output, int fd, const char *text,
                    size_t size)
{
    if (fd != output->fd && logs_flush(output) == -1)
        return -1;
    output->fd = fd;
    while (size > 0) {
        size_t room = sizeof output->buffer - output->used;
        size_t now = size < room ? size : room;
        memcpy(output->buffer + output->used, text, now);
        output->used += now;
        text += now;
        size -= now;
        if (size > 0 && logs_flush(output) == -1)
            return -1;
    }
    return 0;
}

/* ---- Which lines ---- */

/* Notes where lines begin and end. Returns whether this one is to be shown, and in
 * `begins` whether the record is its beginning. */
static bool logs_filter_take(struct logs_filter *filter,
                             const struct logs_record *record, bool *begins)
{
    enum logs_stream stream = record->stream;
    *begins = !filter->in_line[stream];
    filter->in_line[stream] = record->is_part;
    if (*begins) {
        bool counts = strcmp(record->time, filter->selection->since) >= 0;
        filter->lines += counts;
        filter->is_shown[stream] = counts && filter->lines > filter->skipped;
    }
    return filter->is_shown[stream];
}

/* How many lines there are, to know which are the last. Returns 0, or -1, reported. */
static int logs_count(const struct logs_reader *printing,
                      struct logs_filter *filter)
{
    struct logs_filter count = *filter;
    struct logs_reader reader;
    struct logs_record record;
    bool begins;
    int result = logs_reader_open(&reader, printing->path);
    reader.end_inode = printing->end_inode;
    reader.end_offset = printing->end_offset;
    if (reader.end_inode == 0)
        logs_reader_end_here(&reader);
    while (result != -1 &&
           (result = logs_reader_next(&reader, true, &record)) == 1)
        logs_filter_take(&count, &record, &begins);
    logs_reader_close(&reader);
    if (result == -1)
        return -1;
    uint64_t tail = (uint64_t)filter->selection->tail;
    filter->skipped = count.lines > tail ? count.lines - tail : 0;
    return 0;
}

/* ---- Waiting ---- */

struct logs_wait {
    int monitor_fd, inotify_fd, watch;
};

/* Watches the file that is read: that more is written to it, that it is put aside. Where
 * there is no inotify (a user may have 128), it is looked at again and again. */
static void logs_watch(struct logs_wait *wait, const struct logs_reader *reader)
{
    char path[32];
    snprintf(path, sizeof path, "/proc/self/fd/%d", reader->fd);
    if (wait->inotify_fd == -1)
        wait->inotify_fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    else
        inotify_rm_watch(wait->inotify_fd, wait->watch);
    wait->watch = inotify_add_watch(wait->inotify_fd, path,
                                    IN_MODIFY | IN_MOVE_SELF | IN_ATTRIB);
}

/* Waits for more. Returns whether the monitor still lives. */
static bool logs_wait(struct logs_wait *wait, const struct logs_reader *reader)
{
    enum { LOOK_AGAIN_MS = 200, NEXT_FILE_MS = 1 };
    struct pollfd events[] = {
        {.fd = wait->monitor_fd, .events = POLLIN},
        {.fd = STDOUT_FILENO}, /* POLLERR: its reader has gone */
        {.fd = wait->inotify_fd, .events = POLLIN},
    };
    char what[4096];
    int timeout = wait->watch == -1 ? LOOK_AGAIN_MS : -1;
    if (reader->number != 0) /* put aside, and the next is not there yet */
        timeout = NEXT_FILE_MS;
    if (poll(events, 3, timeout) == -1)
        return true; /* EINTR: a signal that is handled */
    if ((events[1].revents & (POLLERR | POLLNVAL)) != 0)
        logs_end_by_pipe();
    while (read(wait->inotify_fd, what, sizeof what) > 0)
        ; /* what has happened is seen in the file */
    return events[0].revents == 0;
}

/* ---- The whole ---- */

static int logs_print_record(struct logs_output *output,
                             struct logs_filter *filter,
                             const struct logs_record *record)
{
    bool begins, was_cut = record->after_loss &&
                           filter->is_shown[record->stream] &&
                           filter->in_line[record->stream];
    if (record->after_loss) /* whatever this is a part of has no beginning */
        filter->in_line[record->stream] = false;
    if (!logs_filter_take(filter, record, &begins))
        return 0;
    int fd = record->stream == LOGS_STDOUT ? STDOUT_FILENO : STDERR_FILENO;
    if (record->after_loss) {
        if ((was_cut && logs_put(output, fd, "\n", 1) == -1) ||
            logs_flush(output) == -1)
            return -1;
        log_warning("before %s some of the output was lost: it could not be "
                    "written to the log",
                    record->time);
    }
    if (begins && filter->selection->timestamps &&
        (logs_put(output, fd, record->time, LOGS_TIME_LENGTH) == -1 ||
         logs_put(output, fd, " ", 1) == -1))
        return -1;
    return logs_put(output, fd, record->text, record->size);
}

/* Prints until there is no more, and if it is to follow, waits and goes on. */
static int logs_print_all(struct logs_reader *reader,
                          struct logs_filter *filter, struct logs_wait *wait)
{
    static struct logs_output output;
    struct logs_record record;
    bool follows = filter->selection->follow && wait->monitor_fd != -1;
    bool ended = !follows;
    uint64_t watched = 0;
    int result;
    output.fd = STDOUT_FILENO;
    for (;;) {
        while ((result = logs_reader_next(reader, ended, &record)) == 1) {
            if (logs_print_record(&output, filter, &record) == -1)
                return -1;
        }
        if (result == -1 || logs_flush(&output) == -1)
            return -1;
        if (ended)
            return 0;
        if (reader->files != watched) {
            /* And once more: what was written before is not told. */
            logs_watch(wait, reader);
            watched = reader->files;
        } else if (!logs_wait(wait, reader)) {
            ended = true;
        }
    }
}

int logs_print(const char *path, const struct logs_selection *selection,
               int monitor_fd)
{
    struct logs_filter filter = {.selection = selection};
    struct logs_wait wait = {monitor_fd, -1, -1};
    struct logs_reader reader;
    int result = logs_reader_open(&reader, path);
    /* A container that prints faster than we do would keep us for ever. */
    if (result == 0 && !selection->follow)
        logs_reader_end_here(&reader);
    /* `reader` stays at the beginning meanwhile, and keeps all from being removed. */
    if (result == 0 && selection->tail >= 0)
        result = logs_count(&reader, &filter);
    if (result == 0)
        result = logs_print_all(&reader, &filter, &wait);
    if (reader.missed > 0)
        log_warning("%" PRIu64 " of its files were removed before they were "
                    "read: the container prints faster than this is read",
                    reader.missed);
    if (reader.damaged > 0)
        log_warning("%s: %" PRIu64 " lines in it are no records, and were "
                    "passed over",
                    path, reader.damaged);
    if (wait.inotify_fd != -1)
        close(wait.inotify_fd);
    logs_reader_close(&reader);
    return result == -1 ? EXIT_OURS : 0;
}
