#include "common/runtime/stats_read.h"

#include "common/base/clock.h"
#include "common/base/files.h"
#include "common/base/number.h"

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* ---- Where the figures stand ---- */

/* Of each line that begins with `key` the number behind `inner`, all added up. */
struct stats_source {
    const char *file;
    enum stats_figure figure;
    const char *key, *inner;
    int64_t
        unit; /* what is counted there, in what we count in; 0: a clock tick */
};

/* Version 2 first, then version 1. What is found first holds; a file's lines stand
 * together, so that it is read once. Documentation/admin-guide/cgroup-v2.rst,
 * cgroup-v1/. */
static const struct stats_source sources[] = {
    {"cpu.stat", STATS_CPU_NS, "usage_usec ", "", 1000},
    {"cpu.stat", STATS_CPU_USER_NS, "user_usec ", "", 1000},
    {"cpu.stat", STATS_CPU_SYSTEM_NS, "system_usec ", "", 1000},
    {"cpu.stat", STATS_PERIODS, "nr_periods ", "", 1},
    {"cpu.stat", STATS_THROTTLED_PERIODS, "nr_throttled ", "", 1},
    {"cpu.stat", STATS_THROTTLED_NS, "throttled_usec ", "", 1000},
    {"cpu.stat", STATS_THROTTLED_NS, "throttled_time ", "", 1}, /* version 1 */
    {"memory.current", STATS_MEMORY, "", "", 1},
    {"memory.stat", STATS_MEMORY_FILE, "total_inactive_file ", "", 1}, /* 1 */
    {"memory.stat", STATS_MEMORY_FILE, "inactive_file ", "", 1},
    {"memory.max", STATS_MEMORY_LIMIT, "", "", 1},
    {"memory.peak", STATS_MEMORY_PEAK, "", "", 1}, /* since 5.19 */
    {"memory.events", STATS_OOM_KILLS, "oom_kill ", "", 1},
    {"pids.current", STATS_PIDS, "", "", 1}, /* the same in both */
    {"pids.max", STATS_PIDS_LIMIT, "", "", 1},
    {"io.stat", STATS_READ_BYTES, "", " rbytes=", 1},
    {"io.stat", STATS_WRITTEN_BYTES, "", " wbytes=", 1},
    {"io.stat", STATS_READS, "", " rios=", 1},
    {"io.stat", STATS_WRITES, "", " wios=", 1},
    {"cpu.pressure", STATS_CPU_WAITING, "some ", "avg10=", 100},
    {"cpu.pressure", STATS_CPU_WAITING_NS, "some ", "total=", 1000},
    {"memory.pressure", STATS_MEMORY_WAITING, "some ", "avg10=", 100},
    {"memory.pressure", STATS_MEMORY_WAITING_NS, "some ", "total=", 1000},
    {"io.pressure", STATS_IO_WAITING, "some ", "avg10=", 100},
    {"io.pressure", STATS_IO_WAITING_NS, "some ", "total=", 1000},
    /* Version 1 alone. */
    {"cpuacct.usage", STATS_CPU_NS, "", "", 1},
    {"cpuacct.stat", STATS_CPU_USER_NS, "user ", "", 0},
    {"cpuacct.stat", STATS_CPU_SYSTEM_NS, "system ", "", 0},
    {"memory.usage_in_bytes", STATS_MEMORY, "", "", 1},
    {"memory.limit_in_bytes", STATS_MEMORY_LIMIT, "", "", 1},
    {"memory.max_usage_in_bytes", STATS_MEMORY_PEAK, "", "", 1},
    {"memory.oom_control", STATS_OOM_KILLS, "oom_kill ", "", 1},
    {"blkio.throttle.io_service_bytes_recursive", STATS_READ_BYTES, "",
     " Read ", 1},
    {"blkio.throttle.io_service_bytes_recursive", STATS_WRITTEN_BYTES, "",
     " Write ", 1},
    {"blkio.throttle.io_serviced_recursive", STATS_READS, "", " Read ", 1},
    {"blkio.throttle.io_serviced_recursive", STATS_WRITES, "", " Write ", 1},
};

enum { SOURCES = sizeof sources / sizeof sources[0] };

/* ---- Reading them ---- */

/* "123", "1.53" or "max", in `unit`s. Returns -1 where it is none of these. */
static int64_t stats_read_number(const char *text, int64_t unit)
{
    uint64_t whole, fraction = 0;
    if (strncmp(text, "max", 3) == 0)
        return STATS_NO_LIMIT;
    const char *rest =
        number_scan(text, (uint64_t)(INT64_MAX / unit) - 1, &whole);
    if (rest == NULL)
        return STATS_UNKNOWN;
    /* Only averages have a fraction, of two places; their unit is 100. */
    if (*rest == '.')
        number_scan(rest + 1, 99, &fraction);
    return (int64_t)whole * unit + (int64_t)fraction;
}

static int64_t stats_read_source(const struct stats_source *source,
                                 const char *text)
{
    int64_t unit =
        source->unit != 0 ? source->unit : 1000000000 / sysconf(_SC_CLK_TCK);
    /* A file with a line for each device has none before it is used. */
    int64_t sum = source->inner[0] == ' ' ? 0 : STATS_UNKNOWN;
    size_t key_length = strlen(source->key);
    for (const char *line = text; *line != '\0';) {
        const char *end = strchrnul(line, '\n');
        const char *number = strncmp(line, source->key, key_length) == 0
                                 ? strstr(line + key_length, source->inner)
                                 : NULL;
        if (number != NULL && number < end) {
            int64_t one =
                stats_read_number(number + strlen(source->inner), unit);
            if (one != STATS_UNKNOWN && sum != STATS_NO_LIMIT)
                sum = one == STATS_NO_LIMIT || sum == STATS_UNKNOWN ? one
                                                                    : sum + one;
        }
        line = *end == '\0' ? end : end + 1;
    }
    return sum;
}

static void stats_read_directory(const char *directory,
                                 struct stats_sample *sample)
{
    char path[PATH_MAX], text[16384];
    bool there = false;
    for (size_t i = 0; i < SOURCES; i++) {
        const struct stats_source *source = &sources[i];
        int64_t *figure = &sample->figures[source->figure];
        if (i == 0 || strcmp(source->file, sources[i - 1].file) != 0)
            there = files_path(path, "%s/%s", directory, source->file) == 0 &&
                    files_read(path, text, sizeof text) != -1;
        if (there && *figure == STATS_UNKNOWN)
            *figure = stats_read_source(source, text);
    }
}

/* How much CPU time in which period: "50000 100000" or "max 100000" in version 2, two
 * files in version 1, -1 for no limit. */
static void stats_read_cpu_limit(const char *directory,
                                 struct stats_sample *sample)
{
    int64_t *limit = &sample->figures[STATS_CPU_LIMIT];
    char path[PATH_MAX], quota[64], period[64];
    int64_t quota_us, period_us;
    if (files_path(path, "%s/cpu.max", directory) == 0 &&
        files_read(path, quota, sizeof quota) > 0) {
        const char *blank = strchr(quota, ' ');
        quota_us = stats_read_number(quota, 1);
        period_us = blank == NULL ? 0 : stats_read_number(blank + 1, 1);
    } else if (files_path(path, "%s/cpu.cfs_quota_us", directory) == 0 &&
               files_read(path, quota, sizeof quota) > 0 &&
               files_path(path, "%s/cpu.cfs_period_us", directory) == 0 &&
               files_read(path, period, sizeof period) > 0) {
        quota_us =
            quota[0] == '-' ? STATS_NO_LIMIT : stats_read_number(quota, 1);
        period_us = stats_read_number(period, 1);
    } else {
        return;
    }
    if (quota_us == STATS_NO_LIMIT)
        *limit = STATS_NO_LIMIT;
    else if (quota_us >= 0 && quota_us < INT64_MAX / 1000 && period_us > 0)
        *limit = quota_us * 1000 / period_us;
}

/* "  eth0: 1296 16 0 0 0 0 0 0 1116 14 …": bytes and packets, in and out. */
static void stats_read_links(pid_t pid, struct stats_sample *sample)
{
    enum { COLUMNS = 10, IN = 0, IN_PACKETS = 1, OUT = 8, OUT_PACKETS = 9 };
    char path[64], text[16384];
    int64_t sums[4] = {0};
    snprintf(path, sizeof path, "/proc/%d/net/dev", (int)pid);
    if (files_read(path, text, sizeof text) <= 0)
        return;
    char *rest = NULL;
    for (char *line = strtok_r(text, "\n", &rest); line != NULL;
         line = strtok_r(NULL, "\n", &rest)) {
        uint64_t numbers[COLUMNS] = {0};
        const char *name = line + strspn(line, " ");
        const char *at = strchr(name, ':');
        if (at == NULL || strncmp(name, "lo:", 3) == 0)
            continue;
        at++;
        for (int i = 0; i < COLUMNS && at != NULL; i++)
            at = number_scan(at + strspn(at, " "), INT64_MAX, &numbers[i]);
        sums[0] += (int64_t)numbers[IN];
        sums[1] += (int64_t)numbers[IN_PACKETS];
        sums[2] += (int64_t)numbers[OUT];
        sums[3] += (int64_t)numbers[OUT_PACKETS];
    }
    memcpy(&sample->figures[STATS_RECEIVED_BYTES], sums, sizeof sums);
}

void stats_read(const char *const *cgroups, pid_t pid,
                struct stats_sample *sample)
{
    /* What version 1 has where there is no limit: as many pages as can be. */
    const int64_t no_limit = INT64_MAX / 2;
    sample->taken_ns = clock_now_ns(CLOCK_MONOTONIC);
    for (int i = 0; i < STATS_FIGURES; i++)
        sample->figures[i] = STATS_UNKNOWN;
    for (; cgroups != NULL && *cgroups != NULL; cgroups++) {
        stats_read_directory(*cgroups, sample);
        stats_read_cpu_limit(*cgroups, sample);
    }
    if (pid > 0)
        stats_read_links(pid, sample);
    int64_t *figures = sample->figures;
    if (figures[STATS_MEMORY_LIMIT] > no_limit)
        figures[STATS_MEMORY_LIMIT] = STATS_NO_LIMIT;
    if (figures[STATS_MEMORY_FILE] > 0 && figures[STATS_MEMORY] >= 0)
        figures[STATS_MEMORY] -=
            figures[STATS_MEMORY_FILE] < figures[STATS_MEMORY]
                ? figures[STATS_MEMORY_FILE]
                : figures[STATS_MEMORY];
}
