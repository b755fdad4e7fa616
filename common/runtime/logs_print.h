/*
 * logs_print: what a container printed, printed again: each of its two streams to ours
 * of that name.
 *
 * taught in: step 09, lessons/09-lifecycle.md
 */
#ifndef NSCTL_RUNTIME_LOGS_PRINT_H
#define NSCTL_RUNTIME_LOGS_PRINT_H

#include "common/runtime/logs_read.h"

struct logs_selection {
    int64_t tail; /* so many lines at the end; -1: all */
    char since[LOGS_TIME_LENGTH +
               1]; /* in a record's form; "": from the start */
    bool timestamps;
    bool follow;
};

/* Option parsers (base/program.h): --tail stores an int64_t; --since a time in a
 * record's form. It takes "2026-11-22T10:00:00Z", less of that (local time), seconds
 * since 1970, or how long ago: "1h30m". */
const char *logs_parse_tail(const char *text, void *tail);
const char *logs_parse_since(const char *text, void *since);

/*
 * Prints the log `path`. To follow it is to wait for more until the monitor has ended,
 * of which `monitor_fd` is a descriptor (pidfd_open(2); -1: it has). A reader of ours that
 * goes away ends us as it ends others, quietly, by SIGPIPE. Returns the exit status.
 */
int logs_print(const char *path, const struct logs_selection *selection,
               int monitor_fd);

#endif
