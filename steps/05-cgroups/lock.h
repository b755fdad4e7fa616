/*
 * lock: a directory's lock, which says that somebody lives: the kernel drops it when its
 * holder dies, however that dies.
 *
 * taught in: step 05, lessons/05-cgroups.md
 */
#ifndef NSCTL_KERNEL_LOCK_H
#define NSCTL_KERNEL_LOCK_H

/* Opens the directory `path` and takes its lock; waits for it unless `operation` (LOCK_EX or
 * LOCK_SH) has LOCK_NB. Returns the descriptor that holds it, close-on-exec, or -1 with
 * errno, reported but for the two that the caller is to judge: EWOULDBLOCK, somebody has
 * it; ENOENT, there is no such directory (any more: the lock of one that is removed
 * meanwhile is worth nothing). flock(2). */
int lock_directory(const char *path, int operation);

#endif
