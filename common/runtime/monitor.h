/*
 * monitor: the process that waits for a container. It is the container's parent and
 * its janitor, holds the other ends of its streams, and the lock that says that it lives.
 *
 * In the foreground it is the process that was typed; with --detach a child of that, which
 * has no terminal and no session in common with it any more.
 *
 * taught in: step 09, lessons/09-lifecycle.md
 */
#ifndef NSCTL_RUNTIME_MONITOR_H
#define NSCTL_RUNTIME_MONITOR_H

#include "common/runtime/container.h"
#include "common/runtime/store.h"

/* What a detached monitor tells whoever started it, once, when the container runs. */
struct monitor_news {
    char id[RECORD_ID_LENGTH + 1];
};

/*
 * Runs the container from its first record to its last. `news_fd`: of a detached one, where
 * the news go; -1: our standard streams are the container's. Returns the status to exit
 * with: the container's own, 141 where the reader of its output has gone, or ours.
 */
int monitor_run(const struct store *store, struct container *container,
                int news_fd);

/* Starts a detached one, waits until the container runs, and prints its id. Returns the
 * status to exit with: 0, or that with which it could not be started. setsid(2). */
int monitor_detach(const struct store *store, struct container *container);

#endif
