#include "common/kernel/cgroup.h"

#include "common/base/files.h"
#include "common/base/log.h"
#include "common/base/number.h"
#include "common/kernel/mount.h"

#include <inttypes.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

/* Writes to the container's file for `which`: its name differs by version. */
static int cgroup_write(const struct cgroup *cgroup,
                        enum cgroup_controller which, const char *v2_file,
                        const char *v1_file, const char *text,
                        const char *intention)
{
    const struct cgroup_hierarchy *hierarchy = cgroup_tree_with(cgroup, which);
    char path[PATH_MAX];
    if (files_path(path, "%s/%s", hierarchy->path,
                   hierarchy->unified ? v2_file : v1_file) == -1)
        return -1;
    return files_write_setting(path, text, intention);
}

static int cgroup_limit_memory(const struct cgroup *cgroup, uint64_t bytes)
{
    const struct cgroup_hierarchy *hierarchy =
        cgroup_tree_with(cgroup, CGROUP_MEMORY);
    char text[32], swap[PATH_MAX];
    snprintf(text, sizeof text, "%" PRIu64, bytes);
    if (cgroup_write(cgroup, CGROUP_MEMORY, "memory.max",
                     "memory.limit_in_bytes", text, "memory at most") == -1)
        return -1;
    /* What does not fit would go to swap, where there is any, and no limit be
     * felt. v1 limits the sum of both; kernels without swap have no such file. */
    if (files_path(swap, "%s/%s", hierarchy->path,
                   hierarchy->unified ? "memory.swap.max"
                                      : "memory.memsw.limit_in_bytes") == -1)
        return -1;
    if (access(swap, F_OK) == 0 &&
        files_write_setting(swap, hierarchy->unified ? "0" : text,
                            "and no swap beyond it") == -1)
        return -1;
    return 0;
}

static int cgroup_limit_cpu(const struct cgroup *cgroup, uint64_t thousandths)
{
    /* So many microseconds in every tenth of a second, all CPUs together;
     * whoever has used them up waits for the next tenth: throttled. */
    enum { PERIOD_US = 100000 };
    char quota[64];
    bool unified = cgroup_tree_with(cgroup, CGROUP_CPU)->unified;
    snprintf(quota, sizeof quota, unified ? "%" PRIu64 " %d" : "%" PRIu64,
             thousandths * (PERIOD_US / 1000), PERIOD_US);
    if (cgroup_write(cgroup, CGROUP_CPU, "cpu.max", "cpu.cfs_quota_us", quota,
                     "CPU time in each 100 ms at most") == -1)
        return -1;
    return 0;
}

static int cgroup_limit_pids(const struct cgroup *cgroup, uint64_t pids)
{
    char text[32];
    snprintf(text, sizeof text, "%" PRIu64, pids);
    if (cgroup_write(cgroup, CGROUP_PIDS, "pids.max", "pids.max", text,
                     "processes at most") == -1)
        return -1;
    return 0;
}

static int cgroup_limit_io(const struct cgroup *cgroup,
                           const struct cgroup_io_limit *limit)
{
    const struct {
        uint64_t value;
        const char *v2_key, *v1_file;
    } keys[] = {
        {limit->rbps, "rbps", "blkio.throttle.read_bps_device"},
        {limit->wbps, "wbps", "blkio.throttle.write_bps_device"},
        {limit->riops, "riops", "blkio.throttle.read_iops_device"},
        {limit->wiops, "wiops", "blkio.throttle.write_iops_device"},
    };
    bool unified = cgroup_tree_with(cgroup, CGROUP_IO)->unified;
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        char text[128];
        if (keys[i].value == 0)
            continue;
        snprintf(text, sizeof text, "%u:%u %s%s%" PRIu64, limit->major,
                 limit->minor, unified ? keys[i].v2_key : "",
                 unified ? "=" : "", keys[i].value);
        if (cgroup_write(cgroup, CGROUP_IO, "io.max", keys[i].v1_file, text,
                         "a device's rate at most") == -1)
            return -1;
    }
    return 0;
}

int cgroup_set_limits(const struct cgroup *cgroup,
                      const struct cgroup_limits *limits)
{
    if (limits->memory_bytes != 0 &&
        cgroup_limit_memory(cgroup, limits->memory_bytes) == -1)
        return -1;
    if (limits->cpu_thousandths != 0 &&
        cgroup_limit_cpu(cgroup, limits->cpu_thousandths) == -1)
        return -1;
    if (limits->pids != 0 && cgroup_limit_pids(cgroup, limits->pids) == -1)
        return -1;
    for (size_t i = 0; i < limits->io_count; i++)
        if (cgroup_limit_io(cgroup, &limits->io[i]) == -1)
            return -1;
    return 0;
}

int cgroup_enter(const struct cgroup *cgroup)
{
    for (size_t i = 0; i < cgroup->count; i++) {
        char path[PATH_MAX];
        if (cgroup->hierarchies[i].unified)
            continue; /* born there */
        /* 0 means the writer, and `tasks` one thread: a child that moves itself
         * is quick. A parent that writes the child's pid to cgroup.procs moves
         * a process, and waits 10 ms for every CPU to take note. */
        if (files_path(path, "%s/tasks", cgroup->hierarchies[i].path) == -1 ||
            files_write_setting(path, "0", "into the cgroup") == -1)
            return -1;
    }
    /* Now, and not before: a cgroup namespace takes for its root the cgroup that
     * its maker is in. Among clone3's flags that is the parent's, unless the
     * child is born inside, which version 1 can not do. */
    int result = unshare(CLONE_NEWCGROUP);
    if (log_call(result, "which it takes for the root of all",
                 "unshare(CLONE_NEWCGROUP)") == -1)
        return -1;
    return 0;
}

int cgroup_mount(const struct cgroup *cgroup)
{
    enum { LOOK = MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_RDONLY };
    static const char top[] = "/sys/fs/cgroup";
    if (cgroup->count == 1 && cgroup->hierarchies[0].unified)
        return mount_file_system("cgroup2", top, "cgroup2", LOOK, NULL,
                                 "its own cgroup, to be looked at only");
    if (mount_file_system("tmpfs", top, "tmpfs", LOOK & ~MS_RDONLY, "mode=755",
                          "a place for each hierarchy") == -1)
        return -1;
    for (size_t i = 0; i < cgroup->count; i++) {
        const struct cgroup_hierarchy *hierarchy = &cgroup->hierarchies[i];
        char path[PATH_MAX], names[64] = "unified";
        if (!hierarchy->unified)
            cgroup_tree_list(false, hierarchy->controllers, ",", names,
                             sizeof names);
        if (files_path(path, "%s/%s", top, names) == -1)
            return -1;
        if (mkdir(path, 0755) == -1)
            return (int)log_call(-1, "a place for a hierarchy",
                                 "mkdir(\"%s\", 0755)", path);
        const char *type = hierarchy->unified ? "cgroup2" : "cgroup";
        if (mount_file_system(type, path, type, LOOK,
                              hierarchy->unified ? NULL : hierarchy->mounted,
                              "its own cgroup, to be looked at only") == -1)
            return -1;
    }
    return mount_file_system("none", top, "none", MS_REMOUNT | MS_BIND | LOOK,
                             NULL, "and that place read-only");
}

/* The number in the container's file for `which`, behind `key` where the file
 * has several. -1 where this kernel does not have it. */
static int64_t cgroup_read(const struct cgroup *cgroup,
                           enum cgroup_controller which, const char *file,
                           const char *key)
{
    char path[PATH_MAX], text[4096];
    if (files_path(path, "%s/%s", cgroup_tree_with(cgroup, which)->path,
                   file) == -1 ||
        files_read(path, text, sizeof text) == -1)
        return -1;
    char *rest = NULL;
    for (char *line = strtok_r(text, "\n", &rest); line != NULL;
         line = strtok_r(NULL, "\n", &rest)) {
        uint64_t number;
        if (strncmp(line, key, strlen(key)) == 0 &&
            number_scan(line + strlen(key), INT64_MAX, &number) != NULL)
            return (int64_t)number;
    }
    return -1;
}

bool cgroup_was_out_of_memory(const struct cgroup *cgroup)
{
    const struct cgroup_hierarchy *memory =
        cgroup_tree_with(cgroup, CGROUP_MEMORY);
    return memory != NULL &&
           cgroup_read(cgroup, CGROUP_MEMORY,
                       memory->unified ? "memory.events" : "memory.oom_control",
                       "oom_kill ") > 0;
}

static void cgroup_report_memory(const struct cgroup *cgroup)
{
    const struct cgroup_hierarchy *memory =
        cgroup_tree_with(cgroup, CGROUP_MEMORY);
    if (memory == NULL)
        return;
    int64_t peak = cgroup_read(
        cgroup, CGROUP_MEMORY,
        memory->unified ? "memory.peak" : "memory.max_usage_in_bytes", "");
    if (peak == -1)
        log_note("memory: this kernel keeps no peak (5.19 and later do)");
    else
        log_note("memory: %.1f MiB at the peak", (double)peak / (1 << 20));
    int64_t killed = cgroup_read(
        cgroup, CGROUP_MEMORY,
        memory->unified ? "memory.events" : "memory.oom_control", "oom_kill ");
    if (killed > 0)
        log_warning("out of memory: the kernel killed %" PRId64 " of the "
                    "container's processes (OOM) at its memory limit",
                    killed);
}

static void cgroup_report_cpu(const struct cgroup *cgroup)
{
    const struct cgroup_hierarchy *cpu = cgroup_tree_with(cgroup, CGROUP_CPU);
    const struct cgroup_hierarchy *count =
        cgroup_tree_with(cgroup, CGROUP_CPUACCT);
    if (cpu == NULL || count == NULL)
        return;
    int64_t used = cgroup_read(cgroup, CGROUP_CPUACCT,
                               count->unified ? "cpu.stat" : "cpuacct.usage",
                               count->unified ? "usage_usec " : "");
    int64_t throttled =
        cgroup_read(cgroup, CGROUP_CPU, "cpu.stat",
                    cpu->unified ? "throttled_usec " : "throttled_time ");
    /* v2 counts in microseconds, v1 in nanoseconds. */
    if (used != -1 && throttled != -1)
        log_note("CPU: %.3f s used, %.3f s throttled",
                 (double)used / (count->unified ? 1e6 : 1e9),
                 (double)throttled / (cpu->unified ? 1e6 : 1e9));
}

void cgroup_report(const struct cgroup *cgroup)
{
    cgroup_report_memory(cgroup);
    cgroup_report_cpu(cgroup);
}
