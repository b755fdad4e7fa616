/*
 * trace_tracees: the threads that are traced.
 *
 * ptrace(2) is about threads, each by itself. A container's are those whose PID
 * namespace is its own, or one that was made inside it: wherever they come from,
 * `exec` among others, they are in there.
 *
 * taught in: step 09, lessons/observability.md
 */
#ifndef NSCTL_RUNTIME_TRACE_TRACEES_H
#define NSCTL_RUNTIME_TRACE_TRACEES_H

#include "common/runtime/trace_call.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct tracee {
    pid_t tid;
    pid_t tid_inside; /* the same, as it is counted in its own PID namespace */
    bool in_call;
    int64_t began_ns; /* of that call; CLOCK_MONOTONIC */
    struct trace_call call;
};

struct tracees {
    struct tracee **sorted; /* by their tid */
    size_t count;
    int options; /* PTRACE_O_…, that all of them are traced with */
};

/* The one with that number, or NULL. */
struct tracee *tracees_find(const struct tracees *tracees, pid_t tid);

/* The same; one that is new here is taken in. NULL: no memory, reported. */
struct tracee *tracees_take_in(struct tracees *tracees, pid_t tid);

void tracees_remove(struct tracees *tracees, pid_t tid);
void tracees_free(struct tracees *tracees);

/* Has the kernel report a thread to us, and stops it once, so that it begins.
 * Returns 0, or -1 with errno, not reported: ESRCH, it has ended; EPERM, it is
 * not ours to be traced, or another traces it. PTRACE_SEIZE. */
int tracees_seize(struct tracees *tracees, pid_t tid);

/*
 * Seizes all threads of the container that are not traced yet; `init` is its
 * first process, `proc_fd` the directory /proc/PID of that. Returns how many, or
 * -1, reported, where that init itself can not be traced.
 */
int tracees_seize_container(struct tracees *tracees, pid_t init, int proc_fd);

#endif
