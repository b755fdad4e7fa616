/*
 * logs: what a container printed, kept in files that do not grow for ever.
 *
 *     2026-11-22T10:00:00.123456789Z stdout F a whole line
 *     2026-11-22T10:00:01.000000000Z stderr P the beginning of one
 *
 * A record is a line: when, which stream, F, or P where the container's line goes
 * on in the next record of that stream, then what the container wrote, byte for byte.
 * It is on its way to the disk before the container can write more: nothing is kept
 * back, so nothing is lost with the monitor.
 *
 * A file that is full is put aside, as ID.log.1, the next one as ID.log.2 and so on:
 * a number belongs to one file for ever, so that a reader always knows which comes
 * next. The oldest are removed, but not those that a reader still has to read: it
 * holds a lock (flock) on the one that it reads.
 *
 * taught in: step 09, lessons/09-lifecycle.md
 */
#ifndef NSCTL_RUNTIME_LOGS_H
#define NSCTL_RUNTIME_LOGS_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum logs_stream { LOGS_STDOUT, LOGS_STDERR, LOGS_STREAMS };

enum {
    LOGS_LEAST_BYTES = 4096,
    LOGS_DEFAULT_BYTES = 16 << 20,
    LOGS_DEFAULT_FILES = 3,
    LOGS_MOST_FILES = 1000,
    /* What a slow reader can keep from being removed, besides. */
    LOGS_MOST_HELD_BYTES = 256 << 20
};

struct log_file {
    int fd;
    uint64_t bytes; /* in that file */
    uint64_t max_bytes;
    unsigned max_files;      /* with the one that is written */
    uint64_t oldest, newest; /* numbers of those put aside; newest 0: none */
    bool incomplete;         /* something could not be written, and is lost */
    bool gap;                /* and nothing was written since */
    bool stays_whole;        /* it could not be put aside, said once */
    char path[PATH_MAX];     /* …/ID.log */
};

/* Option parsers (base/program.h): --log-max-size stores a uint64_t, --log-max-files
 * an unsigned. */
const char *logs_parse_max_bytes(const char *text, void *max_bytes);
const char *logs_parse_max_files(const char *text, void *max_files);

/* Makes the file, 0600. Returns 0, or -1 with errno, reported (EEXIST: there is
 * one): then logs_close() has nothing to do. openat(2). */
int logs_open(struct log_file *log, const char *path, uint64_t max_bytes,
              unsigned max_files);

/* Writes what was read from the container, lines or parts of them. Returns 0, or
 * -1 with errno where some of it is lost: said once, log->incomplete from then on,
 * the next write is tried all the same. Never waits for a reader. writev(2). */
int logs_write(struct log_file *log, enum logs_stream stream, const char *data,
               size_t size);

void logs_close(struct log_file *log);

/* The number of the file `name` if that is `path`'s, put aside: "ID.log.12" is 12;
 * 0 where it is not. */
uint64_t logs_number_of(const char *path, const char *name);

#endif
