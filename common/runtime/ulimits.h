/*
 * ulimits: the limits of a process, beside those of its cgroup.
 *
 *     {"--ulimit", "NAME=SOFT[:HARD]", ulimits_parse, &ulimits, "…"},
 *     ulimits_check(&ulimits)           the parent, before anything is made
 *     ulimits_permit(&ulimits, pid)     the parent, before the child goes on
 *     ulimits_set(&ulimits)             the child, last of all
 *
 * Two calls, since neither can do it alone: only the host's root may raise a hard limit,
 * which the child is not, once it is in a user namespace; and a child that was already
 * held to `nofile=3` could not furnish its root.
 *
 * Unless asked for: no core dumps, and 1024 descriptors, as select(2) expects.
 *
 * taught in: step 09, lessons/09-lifecycle.md
 */
#ifndef NSCTL_RUNTIME_ULIMITS_H
#define NSCTL_RUNTIME_ULIMITS_H

#include <stdbool.h>
#include <sys/resource.h>
#include <sys/types.h>

/* All zero: nothing was asked for. */
struct ulimits {
    struct rlimit limits[RLIM_NLIMITS];
    bool asked[RLIM_NLIMITS];
};

/* The option parser: "nofile=1024:4096", "core=-1", "stack=unlimited"; as the kernel
 * counts, in bytes, seconds or pieces. Takes a struct ulimits. */
const char *ulimits_parse(const char *text, void *ulimits);

/* Whether we may do that, and fills in the defaults. Returns 0, or -1, reported.
 * getrlimit(2). */
int ulimits_check(struct ulimits *ulimits);

/* Raises what `pid` is not allowed to raise by itself. Returns 0, or -1 with errno,
 * reported. prlimit(2). */
int ulimits_permit(const struct ulimits *ulimits, pid_t pid);

/* Sets the caller's own. Returns 0, or -1 with errno, reported. prlimit(2). */
int ulimits_set(const struct ulimits *ulimits);

#endif
