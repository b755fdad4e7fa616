/*
 * cgroup_tree: a container's control groups, as directories.
 *
 * Version 2 is one hierarchy with all controllers. Version 1 has one for each,
 * and on many hosts both are mounted ("hybrid"). So a container's cgroup is a
 * set of directories, …/nsctl/ID in each hierarchy that has a controller of use.
 *
 * A lock on the directory, which the kernel drops when its holder dies, says
 * that its container lives. Whoever creates one sweeps those of the dead.
 *
 * taught in: step 05, lessons/05-cgroups.md
 */
#ifndef NSCTL_KERNEL_CGROUP_TREE_H
#define NSCTL_KERNEL_CGROUP_TREE_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>

enum cgroup_controller {
    CGROUP_MEMORY,
    CGROUP_CPU,
    CGROUP_CPUACCT, /* version 1 counts CPU time apart from limiting it */
    CGROUP_PIDS,
    CGROUP_IO,
    CGROUP_FREEZER, /* version 1; every cgroup of version 2 can be frozen */
    CGROUP_CONTROLLERS
};

struct cgroup_hierarchy {
    bool unified;         /* version 2 */
    unsigned controllers; /* bit 1 << CGROUP_…: those of use that it has */
    char mounted[256];    /* version 1: all that it has, as mount(2) wants it */
    char top[PATH_MAX];   /* where it is mounted */
    char path[PATH_MAX];  /* the container's own: TOP/nsctl/ID */
    int fd;               /* of that directory, locked; -1: not made */
};

struct cgroup {
    struct cgroup_hierarchy hierarchies[CGROUP_CONTROLLERS];
    size_t count;
};

/* Finds the hierarchies of the controllers in `wanted` (bits), as
 * /proc/self/mountinfo has them; cgroup_tree_remove() is safe from then on.
 * Returns 0, or -1, reported, where there is none at all. cgroups(7). */
int cgroup_tree_find(struct cgroup *cgroup, unsigned wanted);

/* The hierarchy that has `controller`, or NULL. Owned by `cgroup`. */
const struct cgroup_hierarchy *cgroup_tree_with(const struct cgroup *cgroup,
                                                enum cgroup_controller which);

/* What the files of that hierarchy call `controller`: static. */
const char *cgroup_tree_name(bool unified, enum cgroup_controller which);

/* The names of all in `controllers` (bits), with `separator` between them. */
void cgroup_tree_list(bool unified, unsigned controllers, const char *separator,
                      char *names, size_t size);

/* Sweeps the directories of the dead and makes the container's. As root.
 * Returns 0, or -1, reported: then cgroup_tree_remove() takes away what was
 * made. */
int cgroup_tree_create(struct cgroup *cgroup);

/* Makes those of a container that is also found by its record: TOP/nsctl/NAME, NAME chosen
 * by the caller. Nobody is swept: a record says whom cgroup_tree_remove_dead() is for, and
 * among hundreds that live each start would ask all of them. */
int cgroup_tree_create_named(struct cgroup *cgroup, const char *name);

/* Takes away TOP/nsctl/NAME of a run that was killed, with whoever is inside.
 * Returns 0, also where there is no such cgroup; or -1 with errno, EWOULDBLOCK
 * (not reported) where it is a living one's. */
int cgroup_tree_remove_dead(const char *path);

/* Kills what is left inside and removes the directories. What can not be
 * removed is reported. */
void cgroup_tree_remove(struct cgroup *cgroup);

#endif
