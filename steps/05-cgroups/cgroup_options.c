#include "steps/05-cgroups/cgroup_options.h"

#include "common/base/log.h"
#include "common/base/number.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

const char *cgroup_options_parse_memory(const char *text, void *memory_bytes)
{
    enum {
        LEAST_BYTES = 6 << 20
    }; /* for the kernel's own needs, and a shell */
    uint64_t bytes;
    const char *expected = number_parse_bytes(text, &bytes);
    if (expected != NULL)
        return expected;
    if (bytes < LEAST_BYTES)
        return "expected 6m at least: less does not let a container start";
    *(uint64_t *)memory_bytes = bytes;
    return NULL;
}

const char *cgroup_options_parse_pids(const char *text, void *pids)
{
    const uint64_t most = 4194304; /* what the kernel itself can number */
    uint64_t number = 0;
    const char *rest =
        strcmp(text, "-1") == 0 ? "" : number_scan(text, most, &number);
    if (rest == NULL || *rest != '\0' || (number == 0 && *text != '-'))
        return "expected a number of processes from 1, or -1 for no limit";
    *(uint64_t *)pids = number;
    return NULL;
}

/* DEVICE: a block device's path, or MAJOR:MINOR. */
static const char *cgroup_options_parse_device(const char *text,
                                               struct cgroup_io_limit *limit)
{
    uint64_t major, minor;
    struct stat status;
    const char *rest = number_scan(text, UINT32_MAX, &major);
    if (rest != NULL && *rest == ':') {
        rest = number_scan(rest + 1, UINT32_MAX, &minor);
        if (rest == NULL || *rest != '\0')
            return "expected MAJOR:MINOR, two numbers, before the limits";
        limit->major = (unsigned)major;
        limit->minor = (unsigned)minor;
        return NULL;
    }
    if (stat(text, &status) == -1 || !S_ISBLK(status.st_mode))
        return "expected a block device, such as /dev/sda or 8:0, then limits";
    limit->major = major(status.st_rdev);
    limit->minor = minor(status.st_rdev);
    return NULL;
}

/* "/dev/sda:rbps=1m,wbps=1m" */
const char *cgroup_options_parse_io_max(const char *text, void *limits)
{
    static const char expected[] = "expected DEVICE:rbps=N,wbps=N,riops=N,"
                                   "wiops=N (one of them or more)";
    struct cgroup_limits *all = limits;
    struct cgroup_io_limit limit = {0};
    char copy[512];
    char *rest = NULL;
    if (snprintf(copy, sizeof copy, "%s", text) >= (int)sizeof copy)
        return expected;
    char *keys = strrchr(copy, ':');
    if (keys == NULL)
        return expected;
    *keys++ = '\0';
    const char *wrong = cgroup_options_parse_device(copy, &limit);
    if (wrong != NULL)
        return wrong;
    for (char *key = strtok_r(keys, ",", &rest); key != NULL;
         key = strtok_r(NULL, ",", &rest)) {
        char *value = strchr(key, '=');
        if (value == NULL)
            return expected;
        *value++ = '\0';
        uint64_t *number = strcmp(key, "rbps") == 0    ? &limit.rbps
                           : strcmp(key, "wbps") == 0  ? &limit.wbps
                           : strcmp(key, "riops") == 0 ? &limit.riops
                           : strcmp(key, "wiops") == 0 ? &limit.wiops
                                                       : NULL;
        if (number == NULL || number_parse_bytes(value, number) != NULL ||
            *number == 0)
            return expected;
    }
    if ((limit.rbps | limit.wbps | limit.riops | limit.wiops) == 0)
        return expected;
    if (all->io_count == CGROUP_MOST_IO_LIMITS)
        return "expected 8 devices at most";
    all->io[all->io_count++] = limit;
    return NULL;
}

unsigned cgroup_options_wanted(const struct cgroup_limits *limits)
{
    /* What is to be reported is wanted without a limit, too. */
    unsigned wanted = 1U << CGROUP_MEMORY | 1U << CGROUP_CPU |
                      1U << CGROUP_CPUACCT | 1U << CGROUP_PIDS;
    if (limits->lives_on)
        wanted |= 1U << CGROUP_IO | 1U << CGROUP_FREEZER;
    return limits->io_count == 0 ? wanted : wanted | 1U << CGROUP_IO;
}

int cgroup_options_check(const struct cgroup_limits *limits,
                         const struct cgroup *cgroup)
{
    const bool asked[CGROUP_CONTROLLERS] = {
        [CGROUP_MEMORY] = limits->memory_bytes != 0,
        [CGROUP_CPU] = limits->cpu_thousandths != 0,
        [CGROUP_PIDS] = limits->pids != 0,
        [CGROUP_IO] = limits->io_count != 0,
    };
    for (int which = 0; which < CGROUP_CONTROLLERS; which++) {
        if (!asked[which] || cgroup_tree_with(cgroup, which) != NULL)
            continue;
        log_error("no %s controller: that limit can not be set",
                  cgroup_tree_name(true, which));
        log_advice("the kernel has none, or its command line says "
                   "cgroup_disable=, or an outer container keeps it: `make "
                   "doctor`");
        if (which == CGROUP_PIDS)
            log_advice("there is such a limit unless --pids-limit -1 is given");
        return -1;
    }
    return 0;
}
