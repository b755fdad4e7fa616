#include "common/runtime/ulimits.h"

#include "common/base/files.h"
#include "common/base/log.h"
#include "common/base/number.h"

#include <inttypes.h>
#include <limits.h>
#include <linux/capability.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct ulimit {
    const char *name;
    int resource;
    const char *constant;
} names[] = {
    {"as", RLIMIT_AS, "RLIMIT_AS"},
    {"core", RLIMIT_CORE, "RLIMIT_CORE"},
    {"cpu", RLIMIT_CPU, "RLIMIT_CPU"},
    {"data", RLIMIT_DATA, "RLIMIT_DATA"},
    {"fsize", RLIMIT_FSIZE, "RLIMIT_FSIZE"},
    {"locks", RLIMIT_LOCKS, "RLIMIT_LOCKS"},
    {"memlock", RLIMIT_MEMLOCK, "RLIMIT_MEMLOCK"},
    {"msgqueue", RLIMIT_MSGQUEUE, "RLIMIT_MSGQUEUE"},
    {"nice", RLIMIT_NICE, "RLIMIT_NICE"},
    {"nofile", RLIMIT_NOFILE, "RLIMIT_NOFILE"},
    {"nproc", RLIMIT_NPROC, "RLIMIT_NPROC"},
    {"rss", RLIMIT_RSS, "RLIMIT_RSS"},
    {"rtprio", RLIMIT_RTPRIO, "RLIMIT_RTPRIO"},
    {"rttime", RLIMIT_RTTIME, "RLIMIT_RTTIME"},
    {"sigpending", RLIMIT_SIGPENDING, "RLIMIT_SIGPENDING"},
    {"stack", RLIMIT_STACK, "RLIMIT_STACK"},
};

enum { NAMES = sizeof names / sizeof names[0] };

/* ---- What was asked for ---- */

static const char *ulimits_scan(const char *text, rlim_t *value)
{
    static const char *const words[] = {"unlimited", "-1"};
    for (size_t i = 0; i < 2; i++)
        if (strncmp(text, words[i], strlen(words[i])) == 0) {
            *value = RLIM_INFINITY;
            return text + strlen(words[i]);
        }
    uint64_t number;
    const char *rest = number_scan(text, INT64_MAX, &number);
    if (rest != NULL)
        *value = number;
    return rest;
}

const char *ulimits_parse(const char *text, void *ulimits)
{
    static const char expected[] =
        "expected NAME=SOFT or NAME=SOFT:HARD, numbers or unlimited, NAME as, "
        "core, cpu, data, fsize, locks, memlock, msgqueue, nice, nofile, nproc, "
        "rss, rtprio, rttime, sigpending or stack";
    struct ulimits *all = ulimits;
    size_t length = strcspn(text, "="), i = 0;
    while (i < NAMES && (strlen(names[i].name) != length ||
                         strncmp(names[i].name, text, length) != 0))
        i++;
    if (i == NAMES || text[length] == '\0')
        return expected;
    struct rlimit limit = {0, 0};
    const char *rest = ulimits_scan(text + length + 1, &limit.rlim_cur);
    limit.rlim_max = limit.rlim_cur;
    if (rest != NULL && *rest == ':')
        rest = ulimits_scan(rest + 1, &limit.rlim_max);
    if (rest == NULL || *rest != '\0')
        return expected;
    if (limit.rlim_cur > limit.rlim_max)
        return "expected a soft limit that is not above the hard one";
    all->limits[names[i].resource] = limit;
    all->asked[names[i].resource] = true;
    return NULL;
}

/* ---- Whether it can be done ---- */

/* Raising is for whoever has CAP_SYS_RESOURCE on the host. */
static bool ulimits_may_raise(void)
{
    char status[4096];
    uint64_t effective = 0;
    if (files_read("/proc/self/status", status, sizeof status) > 0) {
        const char *line = strstr(status, "\nCapEff:");
        if (line != NULL)
            effective = strtoull(line + strlen("\nCapEff:"), NULL, 16);
    }
    return (effective >> CAP_SYS_RESOURCE & 1) != 0;
}

static int ulimits_check_one(const struct ulimit *which,
                             const struct rlimit *wanted)
{
    struct rlimit ours;
    uint64_t most;
    char text[32];
    if (getrlimit(which->resource, &ours) == -1)
        return (int)log_call(-1, "what may be asked for", "getrlimit(%s)",
                             which->constant);
    if (wanted->rlim_max > ours.rlim_max && !ulimits_may_raise()) {
        log_error("--ulimit %s: the hard limit here is %ju, and to raise it "
                  "takes CAP_SYS_RESOURCE",
                  which->name, (uintmax_t)ours.rlim_max);
        log_advice("ask for less; `ulimit -H` shows what there is");
        return -1;
    }
    /* Beyond this even root gets EPERM. proc_sys_fs(5). */
    if (which->resource == RLIMIT_NOFILE &&
        files_read("/proc/sys/fs/nr_open", text, sizeof text) > 0 &&
        number_scan(text, UINT64_MAX, &most) != NULL &&
        wanted->rlim_max > most) {
        log_error("--ulimit nofile: this kernel allows %" PRIu64 " at most",
                  most);
        log_advice("ask for less, or raise /proc/sys/fs/nr_open");
        return -1;
    }
    return 0;
}

int ulimits_check(struct ulimits *ulimits)
{
    for (size_t i = 0; i < NAMES; i++)
        if (ulimits->asked[names[i].resource] &&
            ulimits_check_one(&names[i], &ulimits->limits[names[i].resource]) ==
                -1)
            return -1;
    static const struct {
        int resource;
        rlim_t soft;
    } defaults[] = {{RLIMIT_CORE, 0}, {RLIMIT_NOFILE, 1024}};
    for (size_t i = 0; i < 2; i++) {
        int resource = defaults[i].resource;
        struct rlimit *limit = &ulimits->limits[resource];
        if (ulimits->asked[resource])
            continue;
        if (getrlimit(resource, limit) == -1)
            return (int)log_call(-1, "what may be asked for", "getrlimit(%d)",
                                 resource);
        limit->rlim_cur = limit->rlim_max < defaults[i].soft ? limit->rlim_max
                                                             : defaults[i].soft;
        ulimits->asked[resource] = true;
    }
    return 0;
}

/* ---- Doing it ---- */

/* As strace(1) writes it. */
static const char *ulimits_describe(rlim_t limit, char text[32])
{
    bool round = limit > 1024 && limit % 1024 == 0;
    if (limit == RLIM_INFINITY)
        return "RLIM64_INFINITY";
    snprintf(text, 32, "%ju%s", (uintmax_t)(round ? limit / 1024 : limit),
             round ? "*1024" : "");
    return text;
}

static int ulimits_change(pid_t pid, const struct ulimit *which,
                          const struct rlimit *limit, const char *intention)
{
    char soft[32], hard[32];
    int result = prlimit(pid, which->resource, limit, NULL);
    return log_call(result, intention,
                    "prlimit64(%d, %s, {rlim_cur=%s, rlim_max=%s}, NULL)",
                    (int)pid, which->constant,
                    ulimits_describe(limit->rlim_cur, soft),
                    ulimits_describe(limit->rlim_max, hard)) == -1
               ? -1
               : 0;
}

int ulimits_permit(const struct ulimits *ulimits, pid_t pid)
{
    for (size_t i = 0; i < NAMES; i++) {
        int resource = names[i].resource;
        struct rlimit now;
        if (!ulimits->asked[resource])
            continue;
        if (prlimit(pid, resource, NULL, &now) == -1)
            return (int)log_call(-1, "a limit of the command",
                                 "prlimit64(%d, %s, NULL)", (int)pid,
                                 names[i].constant);
        if (now.rlim_max >= ulimits->limits[resource].rlim_max)
            continue;
        now.rlim_max = ulimits->limits[resource].rlim_max;
        if (ulimits_change(pid, &names[i], &now,
                           "a higher limit, which root can allow") == -1)
            return -1;
    }
    return 0;
}

int ulimits_set(const struct ulimits *ulimits)
{
    for (size_t i = 0; i < NAMES; i++) {
        int resource = names[i].resource;
        if (ulimits->asked[resource] &&
            ulimits_change(0, &names[i], &ulimits->limits[resource],
                           "a limit of the command") == -1)
            return -1;
    }
    return 0;
}
