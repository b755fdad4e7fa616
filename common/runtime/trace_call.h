/*
 * trace_call: a system call as people write it.
 *
 *     openat(AT_FDCWD, "/etc/passwd", O_RDONLY|O_CLOEXEC) = 3
 *     mount("proc", "/proc", "proc", MS_NOSUID|MS_NODEV, NULL) = -1 EPERM
 *
 * What goes in is read when the call begins, for its memory may be another's when
 * it returns; what comes out, when it has returned. Of calls that are not in the
 * table of trace_call_kinds.c only name and result are known: name(…) = 0.
 *
 * taught in: step 09, lessons/observability.md
 */
#ifndef NSCTL_RUNTIME_TRACE_CALL_H
#define NSCTL_RUNTIME_TRACE_CALL_H

#include "common/runtime/trace_text.h"

#include <linux/audit.h>
#include <stdbool.h>
#include <stdint.h>

#if defined __aarch64__
#define TRACE_NATIVE AUDIT_ARCH_AARCH64
#else
#define TRACE_NATIVE AUDIT_ARCH_X86_64
#endif

struct trace_call {
    uint32_t architecture; /* AUDIT_ARCH_…: a process may change it each time */
    uint64_t number;
    uint64_t arguments[6];
    const char *name;       /* NULL: it has none here */
    const char *kinds;      /* of its arguments; NULL: not known */
    int done;               /* arguments that are in the text already */
    struct trace_text text; /* "openat(AT_FDCWD, …" */
};

/* What its arguments are, a letter each (trace_call_kinds.c has the list), or NULL where
 * that is not known. Static. */
const char *trace_call_kinds(const char *name);

/* Has architecture, number and arguments: fills in the rest, up to the first
 * argument that the kernel is about to fill. */
void trace_call_begin(struct trace_call *call, pid_t tid);

/* Adds the other arguments and the result, which is an errno, negated, if
 * `failed`. */
void trace_call_end(struct trace_call *call, pid_t tid, int64_t result,
                    bool failed);

/* The same for a call that does not return: "exit_group(0) = ?". */
void trace_call_end_without_result(struct trace_call *call, const char *why);

/* "SIGTERM", or "signal 40": in a buffer of its own until the next call. */
const char *trace_call_signal_name(int number);

#endif
