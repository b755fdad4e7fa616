/*
 * cgroup_options: the limits that a container is asked to have.
 *
 * taught in: step 05, lessons/05-cgroups.md
 */
#ifndef NSCTL_KERNEL_CGROUP_OPTIONS_H
#define NSCTL_KERNEL_CGROUP_OPTIONS_H

#include "steps/05-cgroups/cgroup_tree.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct cgroup_io_limit {
    unsigned major, minor; /* a whole device, not a partition */
    uint64_t rbps, wbps;   /* bytes a second; 0: no limit */
    uint64_t riops, wiops; /* operations a second; 0: no limit */
};

enum { CGROUP_MOST_IO_LIMITS = 8, CGROUP_DEFAULT_PIDS = 2048 };

/* 0 everywhere means: no limit. */
struct cgroup_limits {
    uint64_t memory_bytes;
    uint64_t cpu_thousandths;
    uint64_t pids;
    struct cgroup_io_limit io[CGROUP_MOST_IO_LIMITS];
    size_t io_count;
    bool lives_on; /* may be paused, or asked meanwhile what it has used */
};

/* Option parsers (see base/program.h). The first two store a uint64_t, the
 * last appends to the struct cgroup_limits that it is given. */
const char *cgroup_options_parse_memory(const char *text, void *memory_bytes);
const char *cgroup_options_parse_pids(const char *text, void *pids);
const char *cgroup_options_parse_io_max(const char *text, void *limits);

/* The controllers that a container with these limits is to be under, as bits. */
unsigned cgroup_options_wanted(const struct cgroup_limits *limits);

/* Whether there is a controller for each limit. Returns 0, or -1, reported. */
int cgroup_options_check(const struct cgroup_limits *limits,
                         const struct cgroup *cgroup);

#endif
