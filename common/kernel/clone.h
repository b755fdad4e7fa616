/*
 * clone: a new process, in new namespaces.
 *
 * taught in: step 01, lessons/01-uts.md
 */
#ifndef NSCTL_KERNEL_CLONE_H
#define NSCTL_KERNEL_CLONE_H

#include <linux/sched.h>
#include <sys/types.h>

/*
 * clone3(2), which most C libraries do not wrap. Like fork(2) it returns twice:
 * the child's pid in the parent, 0 in the child; -1 with errno where there is
 * no child (EPERM: not root; ENOSPC: too many namespaces; ENOSYS: before 5.3).
 * Not reported, since only the caller knows which namespaces it asked for.
 *
 * Handlers of pthread_atfork(3) do not run: use it while single-threaded. Flush
 * stdio before, or what is buffered is written twice.
 */
pid_t clone_process(struct clone_args *arguments);

#endif
