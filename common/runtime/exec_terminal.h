/*
 * exec_terminal: exec -t: our terminal and the command's, and what goes between them.
 *
 * taught in: step 09, lessons/09-lifecycle.md
 */
#ifndef NSCTL_RUNTIME_EXEC_TERMINAL_H
#define NSCTL_RUNTIME_EXEC_TERMINAL_H

#include "common/runtime/streams.h"

#include <stdbool.h>
#include <sys/types.h>

/* On the host still: who puts our terminal back if we are killed is to be no process of
 * the container's. Returns 0, or -1, reported. */
int exec_terminal_prepare(void);

/* Passes on what both say, and signals, until `pid` has ended. Returns the exit status,
 * or -1, reported. */
int exec_terminal_follow(struct streams *streams, pid_t pid, bool interactive);

/* Our terminal is as it was. */
void exec_terminal_close(void);

#endif
