#include "common/runtime/trace_summary.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { ROWS = SECCOMP_TABLES_NEWEST + 2, OTHER = ROWS - 1 };

void trace_summary_count(struct trace_summary *summary, const char *name,
                         uint64_t number, int64_t ns, bool failed)
{
    size_t index = name == NULL || number >= OTHER ? OTHER : (size_t)number;
    struct trace_summary_row *row = &summary->rows[index];
    row->name = index == OTHER ? "(others)" : name;
    row->calls++;
    row->errors += failed;
    row->ns += ns;
}

static int trace_summary_compare(const void *a, const void *b)
{
    const struct trace_summary_row *left = a, *right = b;
    if (left->ns != right->ns)
        return left->ns < right->ns ? 1 : -1;
    if (left->calls != right->calls)
        return left->calls < right->calls ? 1 : -1;
    return left->calls == 0 ? 0 : strcmp(left->name, right->name);
}

static void trace_summary_print_row(const struct trace_summary_row *row,
                                    FILE *output)
{
    char errors[24] = "";
    if (row->errors > 0)
        snprintf(errors, sizeof errors, "%" PRIu64, row->errors);
    fprintf(output, "%10" PRIu64 " %9s %12.6f %10" PRId64 "  %s\n", row->calls,
            errors, (double)row->ns / 1e9,
            row->calls == 0 ? 0 : row->ns / 1000 / (int64_t)row->calls,
            row->name);
}

void trace_summary_print(struct trace_summary *summary, FILE *output)
{
    struct trace_summary_row sum = {.name = "all"};
    qsort(summary->rows, ROWS, sizeof summary->rows[0], trace_summary_compare);
    fprintf(output, "%10s %9s %12s %10s  %s\n", "CALLS", "ERRORS", "SECONDS",
            "US/CALL", "NAME");
    for (size_t i = 0; i < ROWS; i++) {
        const struct trace_summary_row *row = &summary->rows[i];
        if (row->calls == 0)
            continue;
        trace_summary_print_row(row, output);
        sum.calls += row->calls;
        sum.errors += row->errors;
        sum.ns += row->ns;
    }
    trace_summary_print_row(&sum, output);
}
