/*
 * stats_read: what a container has used, as the kernel has counted it.
 *
 * The figures are those of its cgroups, of version 2 or 1: where they stand, and in
 * which unit, is a table in stats_read.c. What this kernel, or the cgroup that the
 * container has, does not count is STATS_UNKNOWN, and never 0.
 *
 * taught in: step 09, lessons/observability.md
 */
#ifndef NSCTL_RUNTIME_STATS_READ_H
#define NSCTL_RUNTIME_STATS_READ_H

#include <stdint.h>
#include <sys/types.h>

enum stats_figure {
    STATS_CPU_NS,
    STATS_CPU_USER_NS,
    STATS_CPU_SYSTEM_NS,
    STATS_CPU_LIMIT, /* thousandths of a CPU */
    STATS_PERIODS,
    STATS_THROTTLED_PERIODS,
    STATS_THROTTLED_NS,
    STATS_MEMORY,      /* bytes, without what could be dropped at once */
    STATS_MEMORY_FILE, /* that: pages of files, not used lately */
    STATS_MEMORY_LIMIT,
    STATS_MEMORY_PEAK,
    STATS_OOM_KILLS,
    STATS_PIDS,
    STATS_PIDS_LIMIT,
    STATS_READ_BYTES, /* of block devices */
    STATS_WRITTEN_BYTES,
    STATS_READS,
    STATS_WRITES,
    STATS_RECEIVED_BYTES, /* of its links, but for lo */
    STATS_RECEIVED_PACKETS,
    STATS_SENT_BYTES,
    STATS_SENT_PACKETS,
    STATS_CPU_WAITING, /* pressure of the last 10 s, in hundredths of a percent */
    STATS_MEMORY_WAITING,
    STATS_IO_WAITING,
    STATS_CPU_WAITING_NS, /* and since it began */
    STATS_MEMORY_WAITING_NS,
    STATS_IO_WAITING_NS,
    STATS_FIGURES
};

#define STATS_UNKNOWN  (-1)
#define STATS_NO_LIMIT INT64_MAX

struct stats_sample {
    int64_t taken_ns; /* CLOCK_MONOTONIC */
    int64_t figures[STATS_FIGURES];
};

/*
 * Takes a sample. `cgroups`: the container's directories, NULL at the end, or NULL.
 * `pid`: of a process in its network namespace; 0: it has none of its own. A file
 * that is not there is a figure that is not known, and no failure. cgroups(7).
 */
void stats_read(const char *const *cgroups, pid_t pid,
                struct stats_sample *sample);

#endif
