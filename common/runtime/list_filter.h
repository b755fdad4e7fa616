/*
 * list_filter: which containers `ps` is to list: --filter status=exited. Of several with
 * the same key one has to fit, of several keys each.
 *
 * taught in: step 09, lessons/09-lifecycle.md
 */
#ifndef NSCTL_RUNTIME_LIST_FILTER_H
#define NSCTL_RUNTIME_LIST_FILTER_H

#include "common/runtime/record.h"

enum { LIST_FILTERS_MOST = 32 };

struct list_filters {
    const char *all[LIST_FILTERS_MOST]; /* "KEY=VALUE" */
    size_t count;
    bool not_only_running; /* some ask for what does not run */
};

/* The option parser (base/program.h): adds one. */
const char *list_filter_parse(const char *text, void *filters);

/* Whether `record` is among those that were asked for. */
bool list_filter_takes(const struct list_filters *filters,
                       const struct record *record);

#endif
