/*
 * trace_summary: which calls were made, how often, how many failed, how long they
 * took.
 *
 * taught in: step 09, lessons/observability.md
 */
#ifndef NSCTL_RUNTIME_TRACE_SUMMARY_H
#define NSCTL_RUNTIME_TRACE_SUMMARY_H

#include "common/kernel/seccomp_tables.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

struct trace_summary_row {
    const char *name;
    uint64_t calls, errors;
    int64_t ns; /* between beginning and end, waiting included */
};

struct trace_summary {
    /* By number; the last one is for all that have no name here. */
    struct trace_summary_row rows[SECCOMP_TABLES_NEWEST + 2];
};

/* A call has come to its end, or its process has. `name` may be NULL. */
void trace_summary_count(struct trace_summary *summary, const char *name,
                         uint64_t number, int64_t ns, bool failed);

/* Writes the table, what took longest first, and the sum. Sorts the rows: nothing
 * can be counted afterwards. */
void trace_summary_print(struct trace_summary *summary, FILE *output);

#endif
