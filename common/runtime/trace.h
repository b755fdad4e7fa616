/*
 * trace: the system calls of a container, or of a command, as they are made.
 *
 * A container is only looked at: it goes on, whatever happens to us. So nothing is
 * undone in the end, not even after ^C: we exit, and the kernel lets go of all
 * that was traced, as it does after kill -9.
 *
 * taught in: step 09, lessons/observability.md
 */
#ifndef NSCTL_RUNTIME_TRACE_H
#define NSCTL_RUNTIME_TRACE_H

#include <stdbool.h>
#include <sys/types.h>

struct trace_options {
    bool summary;       /* --summary: counts, no lines */
    const char *output; /* -o: a file; NULL */
};

/* Traces all that runs in the container whose first process is `init` until it has
 * ended, or we are told to (INT, TERM, HUP). Lines go to standard output. Returns the
 * exit status: 0, or EXIT_OURS, reported. `proc_fd`: /proc/PID of that init. */
int trace_container(const struct trace_options *options, pid_t init,
                    int proc_fd);

/* Runs a command on the host, and traces it and all that it starts, until the last
 * of them has ended. Lines go to standard error, for standard output is the
 * command's. Returns the command's exit status, or EXIT_OURS, reported. */
int trace_command(const struct trace_options *options, char **command);

#endif
