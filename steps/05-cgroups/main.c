/*
 * step 05: how much may a container use?
 *
 *     make step-05 && sudo ./step-05 -m 64m -cpu 0.5 /bin/sh
 *
 * New system calls:
 *     mkdir(2)     in the cgroup file system: a new control group
 *     write(2)     to its files: memory.max, cpu.max, pids.max, io.max
 *     clone3(2)    CLONE_INTO_CGROUP: the child is born inside
 *     unshare(2)   CLONE_NEWCGROUP: which it then takes for the root
 *     flock(2)     a lock that the kernel drops when its holder dies
 *
 * Five files: here what a cgroup does, and the run; cgroup_tree.c makes the
 * directories and sweeps them; lock.c says who lives; cgroup_options.c reads
 * what was asked for, mountinfo.c what is mounted.
 * Version 2 first, and version 1 beside it: both are met.
 *
 * Known already, from step 01: kernel/uts, kernel/clone, kernel/sync;
 * from step 02: kernel/process; from step 03: kernel/mount;
 * from step 04: kernel/rootfs.
 *
 * Look at: /sys/fs/cgroup/nsctl on the host, /proc/self/cgroup inside.
 * lessons/05-cgroups.md
 */
#include "common/base/command.h"
#include "common/base/files.h"
#include "common/base/log.h"
#include "common/base/number.h"
#include "common/base/program.h"
#include "common/kernel/clone.h"
#include "common/kernel/mount.h"
#include "common/kernel/process.h"
#include "common/kernel/rootfs.h"
#include "common/kernel/sync.h"
#include "common/kernel/uts.h"
#include "steps/05-cgroups/cgroup_options.h"
#include "steps/05-cgroups/cgroup_tree.h"

#include <inttypes.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

struct container {
    const char *hostname;
    bool init;
    const char *rootfs;
    struct cgroup_limits limits;
    struct cgroup cgroup;
    char **command;
};

/* ---- The limits: one file each ---- */

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
    //> memory
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
    //< memory
    return 0;
}

static int cgroup_limit_cpu(const struct cgroup *cgroup, uint64_t thousandths)
{
    /* So many microseconds in every tenth of a second, all CPUs together;
     * whoever has used them up waits for the next tenth: throttled. */
    enum { PERIOD_US = 100000 };
    char quota[64];
    bool unified = cgroup_tree_with(cgroup, CGROUP_CPU)->unified;
    //> cpu
    snprintf(quota, sizeof quota, unified ? "%" PRIu64 " %d" : "%" PRIu64,
             thousandths * (PERIOD_US / 1000), PERIOD_US);
    if (cgroup_write(cgroup, CGROUP_CPU, "cpu.max", "cpu.cfs_quota_us", quota,
                     "CPU time in each 100 ms at most") == -1)
        return -1;
    //< cpu
    return 0;
}

static int cgroup_limit_pids(const struct cgroup *cgroup, uint64_t pids)
{
    char text[32];
    snprintf(text, sizeof text, "%" PRIu64, pids);
    //> pids
    if (cgroup_write(cgroup, CGROUP_PIDS, "pids.max", "pids.max", text,
                     "processes at most") == -1)
        return -1;
    //< pids
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

static int cgroup_set_limits(const struct cgroup *cgroup,
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

/* ---- The child: inside ---- */

static int cgroup_enter(const struct cgroup *cgroup)
{
    //> enter
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
    //< enter
    //> namespace
    /* Now, and not before: a cgroup namespace takes for its root the cgroup that
     * its maker is in. Among clone3's flags that is the parent's, unless the
     * child is born inside, which version 1 can not do. */
    int result = unshare(CLONE_NEWCGROUP);
    if (log_call(result, "which it takes for the root of all",
                 "unshare(CLONE_NEWCGROUP)") == -1)
        return -1;
    //< namespace
    return 0;
}

static int cgroup_mount(const struct cgroup *cgroup)
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

static void __attribute__((noreturn))
child_run(const struct container *container, struct sync *sync,
          const sigset_t *mask)
{
    if (sync_wait_for_parent(sync) == -1 ||
        cgroup_enter(&container->cgroup) == -1 ||
        uts_set_hostname(container->hostname) == -1 ||
        mount_make_private() == -1 ||
        rootfs_change_root(container->rootfs) == -1 ||
        rootfs_mount_all() == -1 || cgroup_mount(&container->cgroup) == -1 ||
        rootfs_make_devices() == -1 || rootfs_hide_host() == -1 ||
        command_close_descriptors() == -1)
        _exit(EXIT_OURS);
    command_clean_environment();
    if (container->init)
        process_run_init(container->command, mask);
    process_execute(container->command, mask);
}

/* ---- The parent ---- */

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
    //> oom
    int64_t killed = cgroup_read(
        cgroup, CGROUP_MEMORY,
        memory->unified ? "memory.events" : "memory.oom_control", "oom_kill ");
    if (killed > 0)
        log_warning("out of memory: the kernel killed %" PRId64 " of the "
                    "container's processes (OOM) at its memory limit",
                    killed);
    //< oom
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

static void cgroup_report(const struct cgroup *cgroup)
{
    cgroup_report_memory(cgroup);
    cgroup_report_cpu(cgroup);
}

static int parent_run_in_cgroup(const struct container *container,
                                const sigset_t *mask)
{
    struct sync sync = {.read_fd = -1, .write_fd = -1};
    if (cgroup_set_limits(&container->cgroup, &container->limits) == -1 ||
        sync_open(&sync) == -1)
        return EXIT_OURS;

    struct clone_args arguments = {
        .flags = CLONE_NEWUTS | CLONE_NEWPID | CLONE_NEWNS | CLONE_NEWIPC,
        .exit_signal = SIGCHLD,
    };
    //> born
    for (size_t i = 0; i < container->cgroup.count; i++)
        if (container->cgroup.hierarchies[i].unified) {
            arguments.flags |= CLONE_INTO_CGROUP;
            arguments.cgroup = (uint64_t)container->cgroup.hierarchies[i].fd;
        }
    //< born
    int interrupted = process_interrupted();
    if (interrupted != 0) /* a command that is not there yet can not be told */
        return 128 + interrupted;
    pid_t container_pid = clone_process(&arguments);
    if (container_pid == 0)
        child_run(container, &sync, mask);
    bool born_inside = (arguments.flags & CLONE_INTO_CGROUP) != 0;
    if (log_call(container_pid, "the container's first process",
                 "clone3(CLONE_NEWUTS|CLONE_NEWPID|CLONE_NEWNS|CLONE_NEWIPC%s)",
                 born_inside ? "|CLONE_INTO_CGROUP" : "") == -1)
        return EXIT_OURS;

    int status = -1;
    if (sync_release_child(&sync) == 0)
        status = process_supervise(container_pid);
    cgroup_report(&container->cgroup);
    return status == -1 ? EXIT_OURS : status;
}

static int parent_run(struct container *container)
{
    struct cgroup *cgroup = &container->cgroup;
    unsigned wanted = cgroup_options_wanted(&container->limits);
    if (cgroup_tree_find(cgroup, wanted) == -1 ||
        cgroup_options_check(&container->limits, cgroup) == -1)
        return EXIT_OURS;
    /* From here on there is something that the host can see, so every way out
     * goes through cgroup_tree_remove(): ^C may not be one. */
    sigset_t mask;
    int status = EXIT_OURS;
    if (process_block_signals(&mask) == -1)
        return status;
    if (cgroup_tree_create(cgroup) == 0)
        status = parent_run_in_cgroup(container, &mask);
    cgroup_tree_remove(cgroup);
    return status;
}

int main(int argc, char **argv)
{
    (void)argc;
    static struct container container = {
        .hostname = "container",
        .limits.pids = CGROUP_DEFAULT_PIDS,
    };
    struct cgroup_limits *limits = &container.limits;
    const struct program_option options[] = {
        {"--hostname", "NAME", uts_parse_hostname, &container.hostname,
         "hostname inside (default: container)"},
        {"--init", NULL, NULL, &container.init,
         "an init of ours as PID 1: reaps orphans, passes signals on"},
        {"--rootfs", "DIR", rootfs_parse_directory, &container.rootfs,
         "the root directory inside (default: build/rootfs/default)"},
        {"-m --memory", "SIZE", cgroup_options_parse_memory,
         &limits->memory_bytes, "memory at most: 64m, 1g"},
        {"-cpu --cpus", "N", number_parse_cpus, &limits->cpu_thousandths,
         "CPU time at most: 0.5 is half of one CPU"},
        {"--pids-limit", "N", cgroup_options_parse_pids, &limits->pids,
         "processes at most (default: 2048; -1: no limit)"},
        {"--io-max", "DEV:KEY=N,…", cgroup_options_parse_io_max, limits,
         "a device's rate: /dev/sda:rbps=1m,wbps=1m"},
        {0},
    };
    const struct program program = {
        .name = "step-05",
        .summary = "Runs a command with limits on what it may use.",
        .example = "sudo ./step-05 -m 64m -cpu 0.5 /bin/sh",
        .options = options,
    };
    container.command = program_read_options(&program, argv);
    program_require_root(&program);
    if (container.rootfs == NULL)
        container.rootfs = rootfs_find_default();
    return container.rootfs == NULL ? EXIT_OURS : parent_run(&container);
}
