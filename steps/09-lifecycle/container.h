/*
 * container: one that is run: what it is to be, and all that is made for it.
 *
 *     monitor                                  the container's first process
 *     container_prepare(&container)
 *     container_start(&container)              container_run_child(&container)
 *         …its ids, its network…                   …its root, its privileges…
 *                                                  the command
 *     container_take_down(&container)
 *
 * taught in: step 09, lessons/09-lifecycle.md
 */
#ifndef NSCTL_RUNTIME_CONTAINER_H
#define NSCTL_RUNTIME_CONTAINER_H

#include "common/kernel/cgroup.h"
#include "common/kernel/cgroup_delegated.h"
#include "common/kernel/network.h"
#include "common/kernel/overlay.h"
#include "common/kernel/privileges.h"
#include "common/kernel/sync.h"
#include "common/kernel/userns.h"
#include "common/kernel/userns_mounts.h"
#include "common/kernel/volumes.h"
#include "common/runtime/environment.h"
#include "common/runtime/ulimits.h"
#include "steps/09-lifecycle/record.h"
#include "steps/09-lifecycle/streams.h"

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct container {
    /* What was asked for: run_options.h. */
    const char *name, *hostname, *working_directory;
    const char *id_file, *process_file; /* --cidfile, --pidfile; NULL */
    const char *preset;                 /* NULL: none */
    const char *apparmor;               /* its profile; NULL: none */
    const char *entrypoint;             /* "": none; NULL: not asked for */
    int stop_signal;
    bool detached, interactive, terminal, remove_at_end;
    bool init, read_only, difference, userns_host, publish_all;
    uint64_t log_bytes;
    unsigned log_files;
    struct environment asked_environment;
    struct ulimits ulimits;
    struct overlay overlay;
    struct volumes volumes;
    struct userns_maps maps;
    struct privileges privileges;
    struct network network;
    struct cgroup_limits limits;
    char **command;

    /* Of an image (step 10): NULL, where there is none. */
    const char *image, *image_id;        /* as `ps` shows it; 64 digits */
    const char *const *base_environment; /* NULL at the end */
    const char *const
        *places;  /* directories that are made where they are missing */
    int image_fd; /* as long as it is open the image's layers stay; or -1 */

    /* What is made. */
    struct cgroup cgroup;
    struct environment_list environment;
    struct userns_mounts mounts;
    struct streams streams;
    struct sync syncs[2];
    int report_fds[2]; /* base/command.h */
    sigset_t mask;     /* the command's */
    pid_t pid;
};

/* Everything on the host that is there before the container is, as `record` says: its
 * cgroups, its part of the network. Returns 0, or -1, reported: container_take_down()
 * in any case. */
int container_prepare(struct container *container, struct record *record);

/*
 * Makes the container's first process, and waits until that has executed the command.
 * Signals are blocked (process_block_signals). Returns 0; or the status to exit with,
 * reported: then there is no such process any more.
 */
int container_start(struct container *container);

/* The way of the child: what is made inside, and then the command. */
void container_run_child(struct container *container) __attribute__((noreturn));

/* Takes away what container_prepare() has made, the last first. */
void container_take_down(struct container *container);

#endif
