/*
 * join: a process of ours goes to where a container's are.
 *
 *     join_open(&join, &record)       all by descriptor, while the host's files are there
 *     join_enter(&join)               its ids, mounts, network, IPC, hostname
 *     clone_process(&arguments)       whoever is made now is among its processes
 *         join_settle(&join)          the child: its cgroups, root inside
 *
 * Its processes come last: until there is a child, the container has no number
 * for anything of ours, and so no way to signal it or to look into it. The child
 * has one, which is why neither may be looked into until another program runs.
 *
 * taught in: step 09, lessons/09-lifecycle.md
 */
#ifndef NSCTL_RUNTIME_JOIN_H
#define NSCTL_RUNTIME_JOIN_H

#include "common/kernel/cgroup_tree.h"
#include "common/kernel/userns_maps.h"
#include "common/runtime/record.h"

#include <linux/sched.h>

struct join {
    int pidfd;       /* of a process of the container's */
    unsigned spaces; /* CLONE_NEW…: namespaces that are not the host's */
    struct userns_maps maps; /* as far as userns_become_root() wants them */
    int cgroup_fd;           /* version 2: its directory; -1: none */
    int tasks_fds[CGROUP_CONTROLLERS]; /* version 1: its files `tasks` */
    size_t tasks_count;
};

/* Nothing is open. */
#define JOIN_NONE                    \
    (struct join)                    \
    {                                \
        .pidfd = -1, .cgroup_fd = -1 \
    }

/* Finds the container's first process and its cgroups. Returns 0, or -1, reported:
 * it is not running, or not ours. join_close() in any case. `join` is JOIN_NONE before. */
int join_open(struct join *join, const struct record *record);

/* Enters what is in `spaces`, and from now on nobody but the host's root can look into
 * this process. We have all capabilities inside, but still our own id. Returns 0, or -1,
 * reported. setns(2). */
int join_enter(const struct join *join, unsigned spaces);

/* For a child that is to be in the container's cgroup: see cgroup_fd. */
void join_prepare_clone(const struct join *join, struct clone_args *arguments);

/* In that child: enters the cgroups, makes them the root of all that it
 * sees, and becomes root inside. Returns 0, or -1, reported. */
int join_settle(const struct join *join);

/* Becomes root inside, in no group of the host's, after join_enter(). */
int join_become_root(const struct join *join);

void join_close(struct join *join);

#endif
