/*
 * proc_stat: what the kernel says of a process in /proc/PID/stat.
 *
 * taught in: step 00, lessons/00-before-you-start.md
 */
#ifndef NSCTL_BASE_PROC_STAT_H
#define NSCTL_BASE_PROC_STAT_H

#include <stdint.h>
#include <sys/types.h>

struct proc_stat {
    char state; /* R, S, D, T, Z … */
    pid_t parent;
    uint64_t ticks;      /* of the CPU, in user mode and in the kernel */
    uint64_t start_time; /* in clock ticks since the boot */
};

/* Returns 0, or -1 with errno, not reported: ENOENT or ESRCH, there is no such process
 * (any more). proc_pid_stat(5). */
int proc_stat_read(pid_t pid, struct proc_stat *stat);

#endif
