/*
 * cgroup: how much a container may use, and how much it did.
 *
 *     cgroup_tree_find(&cgroup, …)      where this machine keeps its cgroups
 *     cgroup_options_check(…, &cgroup)  refuse what can not be done
 *     cgroup_tree_create(&cgroup)
 *     cgroup_set_limits(&cgroup, &limits)
 *     clone_process(…)                  born into it (version 2), or:
 *         cgroup_enter(&cgroup)         the child enters by itself (version 1)
 *         cgroup_mount(&cgroup)         and can look at it
 *     cgroup_report(&cgroup)
 *     cgroup_tree_remove(&cgroup)
 *
 * taught in: step 05, lessons/05-cgroups.md
 */
#ifndef NSCTL_KERNEL_CGROUP_H
#define NSCTL_KERNEL_CGROUP_H

#include "common/kernel/cgroup_options.h"
#include "common/kernel/cgroup_tree.h"

/* Returns 0, or -1 with errno, reported. */
int cgroup_set_limits(const struct cgroup *cgroup,
                      const struct cgroup_limits *limits);

/* In the child, single-threaded, before it changes its root: enters what it
 * was not born into, and makes that the root of a cgroup namespace of its own.
 * Returns 0, or -1, reported. cgroup_namespaces(7). */
int cgroup_enter(const struct cgroup *cgroup);

/* In the child, once its /sys is mounted: /sys/fs/cgroup, read-only. Returns 0,
 * or -1, reported. */
int cgroup_mount(const struct cgroup *cgroup);

/* Whether the kernel has killed any of its processes for lack of memory. */
bool cgroup_was_out_of_memory(const struct cgroup *cgroup);

/* Logs what was used, and warns of processes killed for lack of memory. */
void cgroup_report(const struct cgroup *cgroup);

#endif
