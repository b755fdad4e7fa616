/*
 * sync: a pipe on which a child waits for its parent, and whose end it sees
 * when the parent is gone.
 *
 *     parent                              child
 *     sync_open(&sync)
 *     clone_process(…)                    sync_wait_for_parent(&sync)
 *     what must be done first                 …blocks…
 *     sync_release_child(&sync)           goes on
 *
 * taught in: step 01, lessons/01-uts.md
 */
#ifndef NSCTL_KERNEL_SYNC_H
#define NSCTL_KERNEL_SYNC_H

struct sync {
    int read_fd;
    int write_fd;
};

/* Before the child is made. Returns 0, or -1 with errno, reported. pipe(2). */
int sync_open(struct sync *sync);

/* First thing in the child: has the kernel kill it when the parent dies, then
 * waits for sync_release_child(). The kernel forgets the request when the child
 * executes a set-user-id program or drops privileges. Returns 0, or -1,
 * reported, where the parent is gone. Closes both ends. prctl(2). */
int sync_wait_for_parent(struct sync *sync);

/* In the parent. Returns 0, or -1 with errno, reported. Closes the reading end;
 * the other closes when the parent ends, which is what the child looks out for. */
int sync_release_child(struct sync *sync);

#endif
