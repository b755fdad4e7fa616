/*
 * cgroup_delegated: the part of the cgroup tree that is an ordinary user's.
 *
 * Version 2 can be delegated: a service manager makes a user the owner of a
 * cgroup, and what is below is theirs to divide. Version 1 can not, safely.
 *
 * taught in: step 06, lessons/06-userns.md
 */
#ifndef NSCTL_KERNEL_CGROUP_DELEGATED_H
#define NSCTL_KERNEL_CGROUP_DELEGATED_H

#include "common/kernel/cgroup_options.h"
#include "common/kernel/cgroup_tree.h"

#include <stdint.h>

/* What struct cgroup_limits has in `pids` where nobody has asked for a limit:
 * there is to be one if that is possible. */
#define CGROUP_PIDS_NOT_ASKED UINT64_MAX

/*
 * Finds where the container's cgroup is to be, and checks that every limit that
 * was asked for can be set. Root: at the top of each hierarchy. A user: below
 * the nearest cgroup above us that is ours and holds no processes; without one
 * `cgroup` is empty, which every function of kernel/cgroup takes for an answer,
 * and to have asked for a limit is an error. Creates nothing. Returns 0, or -1,
 * reported. cgroups(7), "Delegation".
 */
int cgroup_delegated_choose(struct cgroup *cgroup,
                            struct cgroup_limits *limits);

#endif
