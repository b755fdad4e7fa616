/*
 * stats: what containers use, as a table that is drawn again and again, as JSON, or
 * in the text format of Prometheus.
 *
 * taught in: step 09, lessons/observability.md
 */
#ifndef NSCTL_RUNTIME_STATS_H
#define NSCTL_RUNTIME_STATS_H

#include "common/runtime/record.h"
#include "common/runtime/stats_read.h"

#include <stdbool.h>
#include <stdio.h>

/* One container, at one moment. */
struct stats_row {
    char id[RECORD_ID_LENGTH + 1];
    char name[RECORD_NAME_BYTES];
    struct stats_sample sample;
    int64_t
        cpu_thousandths; /* of a CPU, since the moment before; or STATS_UNKNOWN */
};

/* What a figure is called, and what it is. */
struct stats_kind {
    const char *key; /* in JSON */
    unsigned
        places; /* behind the point: nine where nanoseconds become seconds */
    const char
        *metric; /* behind "nsctl_container_"; NULL: not for Prometheus */
    const char *help;
};

/* A row for each enum stats_figure. A metric whose name ends in _total only grows. */
extern const struct stats_kind stats_kinds[STATS_FIGURES];

/* An array of objects; with `one_line`, in one. What is not known is null. */
void stats_write_json(const struct stats_row *rows, size_t count, bool one_line,
                      FILE *file);

/* A sample for each figure that is known. prometheus.io/docs/instrumenting,
 * "Text-based format". */
void stats_write_prometheus(const struct stats_row *rows, size_t count,
                            FILE *file);

/* How a table is to look. */
struct stats_look {
    bool bars;            /* for a person at a terminal */
    bool utf8;            /* who can see more than ASCII */
    bool coloured;        /* and colours */
    int64_t memory_bytes; /* that this machine has */
    int64_t cpus;         /* and how many of these */
};

/* The table. Where there is no memory for it, that is reported. */
void stats_write_table(const struct stats_row *rows, size_t count,
                       const struct stats_look *look, FILE *file);

#endif
