/*
 * trace_follow: threads stand still, are looked at, and are let go on.
 *
 * taught in: step 09, lessons/observability.md
 */
#ifndef NSCTL_RUNTIME_TRACE_FOLLOW_H
#define NSCTL_RUNTIME_TRACE_FOLLOW_H

#include "common/runtime/trace_summary.h"
#include "common/runtime/trace_tracees.h"

#include <signal.h>
#include <stdio.h>

struct trace {
    struct tracees tracees;
    struct trace_summary *summary; /* NULL: a line for each call */
    FILE *output;
    pid_t init;  /* of the container; 0: it is a command */
    int proc_fd; /* /proc/PID of that */
    int64_t looked_around_ns;
    bool told_to_end;
    pid_t command_pid;
    bool command_runs; /* it is itself, not the copy of us that becomes it */
    int command_status;
};

/* Until nobody is left to be traced, or we are told to end. `signals` are blocked: CHLD,
 * those that end a program, and TSTP. Returns 0, or -1, reported. ptrace(2). */
int trace_follow(struct trace *trace, const sigset_t *signals);

/* The calls that have begun and not returned. */
void trace_report_pending(struct trace *trace);

#endif
