#include "common/kernel/cgroup_delegated.h"

#include "common/base/files.h"
#include "common/base/log.h"
#include "common/kernel/userns_maps.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* May we make cgroups in `path`, hand controllers to them and move processes
 * of ours there? Only where it holds none itself: else it may hand on nothing
 * (EBUSY), the "no internal processes" rule of cgroups(7). */
static bool cgroup_delegated_is_ours(const char *path)
{
    static const char *const files[] = {"", "/cgroup.procs",
                                        "/cgroup.subtree_control"};
    char file[PATH_MAX], processes[64];
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++)
        if (files_path(file, "%s%s", path, files[i]) == -1 ||
            access(file, W_OK) == -1)
            return false;
    return files_path(file, "%s/cgroup.procs", path) == 0 &&
           files_read(file, processes, sizeof processes) == 0;
}

/* Version 2: sets `top` to the nearest cgroup from ours upwards that is ours to
 * divide. /proc/self/cgroup: "0::/user.slice/…/run-7.scope". */
static bool cgroup_delegated_climb(struct cgroup_hierarchy *hierarchy)
{
    char text[4096], path[PATH_MAX];
    if (files_read("/proc/self/cgroup", text, sizeof text) == -1)
        return false;
    char *own = strncmp(text, "0::", 3) == 0 ? text : strstr(text, "\n0::");
    if (own == NULL)
        return false;
    own = strchr(own, '/');
    own[strcspn(own, "\n")] = '\0';
    if (strncmp(own, "/..", 3) == 0) /* outside of our cgroup namespace */
        return false;
    for (char *slash; (slash = strrchr(own, '/')) != NULL; *slash = '\0')
        if (files_path(path, "%s%s", hierarchy->top, own) == 0 &&
            cgroup_delegated_is_ours(path)) {
            memcpy(hierarchy->top, path, sizeof path);
            return true;
        }
    return false;
}

/* The controllers among `wanted` that the cgroup at `top` may hand on. */
static unsigned cgroup_delegated_controllers(const char *top, unsigned wanted)
{
    char path[PATH_MAX], names[256] = "", name[32];
    unsigned controllers = 0;
    if (files_path(path, "%s/cgroup.controllers", top) == -1 ||
        files_read(path, names + 1, sizeof names - 1) == -1)
        return 0;
    names[0] = ' ';
    names[strcspn(names, "\n")] = ' ';
    for (int which = 0; which < CGROUP_CONTROLLERS; which++) {
        snprintf(name, sizeof name, " %s ", cgroup_tree_name(true, which));
        if ((wanted & (1U << which)) != 0 && strstr(names, name) != NULL)
            controllers |= 1U << which;
    }
    return controllers;
}

/* Keeps the hierarchies in which a part is ours, and moves `top` there. */
static void cgroup_delegated_find(struct cgroup *cgroup, unsigned wanted)
{
    size_t kept = 0;
    for (size_t i = 0; i < cgroup->count; i++) {
        struct cgroup_hierarchy *hierarchy = &cgroup->hierarchies[i];
        if (!hierarchy->unified || !cgroup_delegated_climb(hierarchy))
            continue;
        hierarchy->controllers = cgroup_delegated_controllers(
            hierarchy->top, wanted & hierarchy->controllers);
        if (hierarchy->controllers == 0)
            continue;
        log_note("the cgroup %s is yours to divide", hierarchy->top);
        if (kept != i)
            cgroup->hierarchies[kept] = *hierarchy;
        kept++;
    }
    cgroup->count = kept;
}

static int cgroup_delegated_check(const struct cgroup_limits *limits,
                                  const struct cgroup *cgroup)
{
    if (cgroup->count > 0)
        return cgroup_options_check(limits, cgroup);
    if (limits->memory_bytes == 0 && limits->cpu_thousandths == 0 &&
        limits->pids == 0 && limits->io_count == 0)
        return 0;
    log_error("no cgroup is yours to divide, so no limit can be set");
    log_advice("start it in one that is: systemd-run --user --scope -p "
               "Delegate=yes %s …; or start it with sudo (for cgroup version "
               "1 there is no other way)",
               program_invocation_name);
    return -1;
}

int cgroup_delegated_choose(struct cgroup *cgroup, struct cgroup_limits *limits)
{
    bool asked = limits->pids != CGROUP_PIDS_NOT_ASKED;
    if (!asked)
        limits->pids = CGROUP_DEFAULT_PIDS;
    unsigned wanted = cgroup_options_wanted(limits);
    if (cgroup_tree_find(cgroup, wanted) == -1)
        return -1;
    if (userns_maps_is_host_root())
        return cgroup_options_check(limits, cgroup);
    cgroup_delegated_find(cgroup, wanted);
    if (!asked && cgroup_tree_with(cgroup, CGROUP_PIDS) == NULL) {
        limits->pids = 0;
        log_note("no cgroup with a pids controller is yours: no limit of "
                 "processes but the user's own (ulimit -u)");
    }
    return cgroup_delegated_check(limits, cgroup);
}
