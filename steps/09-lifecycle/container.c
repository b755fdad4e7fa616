#include "steps/09-lifecycle/container.h"

#include "common/base/command.h"
#include "common/base/files.h"
#include "common/base/log.h"
#include "common/base/program.h"
#include "common/kernel/clone.h"
#include "common/kernel/process.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* ---- Before there is a child ---- */

/* The upper layer, and the workplace that the kernel needs beside it. Nobody else comes
 * here, so there is no lock as for --upper. */
static int container_make_upper(const struct record *record)
{
    static const char *const names[] = {"upper", "work"};
    for (size_t i = 0; i < 2; i++) {
        char path[PATH_MAX];
        if (files_path(path, "%s/%s", record->directory, names[i]) == -1)
            return -1;
        int result = mkdir(path, 0755);
        if (log_call(result, "what is written is kept here",
                     "mkdir(\"%s\", 0755)", path) == -1)
            return -1;
    }
    return 0;
}

/* What is written is kept in the record's directory, as far as that can be. */
static int container_prepare_upper(struct overlay *overlay,
                                   const struct record *record)
{
    struct overlay_options *layers = &overlay->options;
    bool in_memory = layers->upper_bytes != 0 || overlay->host;
    if (layers->upper_bytes == 0)
        layers->upper_bytes = OVERLAY_DEFAULT_UPPER_BYTES;
    if (layers->upper != NULL)
        return overlay_options_open_upper(layers) == -1 ? -1 : 0;
    if (in_memory)
        return 0;
    const char *expected =
        overlay_options_parse_upper(record->directory, layers);
    if (expected != NULL) {
        log_note("what is written stays in memory: %s: %s", record->directory,
                 expected);
        return 0;
    }
    overlay->upper_may_be_memory = true;
    return container_make_upper(record);
}

static int container_open_pipes(struct container *container)
{
    const struct userns_maps *maps =
        container->userns_host ? NULL : &container->maps;
    if (sync_open(&container->syncs[0]) == -1 ||
        sync_open(&container->syncs[1]) == -1)
        return -1;
    int result = pipe2(container->report_fds, O_CLOEXEC);
    if (log_call(result, "to hear how it went", "pipe2(O_CLOEXEC)") == -1)
        return -1;
    return streams_open(&container->streams, container->terminal,
                        container->interactive, maps);
}

int container_prepare(struct container *container, struct record *record)
{
    /* What we make the child must be able to reach, without root's powers. */
    umask(0022);
    if (container_prepare_upper(&container->overlay, record) == -1 ||
        cgroup_tree_create_named(&container->cgroup, record->id) == -1 ||
        network_open(&container->network, container->hostname) == -1 ||
        cgroup_set_limits(&container->cgroup, &container->limits) == -1 ||
        container_open_pipes(container) == -1)
        return -1;
    if (!container->userns_host &&
        userns_mounts_prepare(NULL, container->network.kind == NETWORK_HOST,
                              &container->mounts) == -1)
        return -1;
    if (overlay_prepare(&container->overlay) == -1)
        return -1;
    return container->overlay.by_root ? volumes_open(&container->volumes) : 0;
}

/* ---- The child, as its parent sees it ---- */

static pid_t container_clone(struct container *container)
{
    struct clone_args arguments = {
        .flags = CLONE_NEWUTS | CLONE_NEWPID | CLONE_NEWNS | CLONE_NEWIPC,
        .exit_signal = SIGCHLD,
    };
    if (!container->userns_host)
        arguments.flags |= CLONE_NEWUSER;
    if (container->network.kind != NETWORK_HOST)
        arguments.flags |= CLONE_NEWNET;
    for (size_t i = 0; i < container->cgroup.count; i++)
        if (container->cgroup.hierarchies[i].unified) {
            arguments.flags |= CLONE_INTO_CGROUP;
            arguments.cgroup = (uint64_t)container->cgroup.hierarchies[i].fd;
        }
    pid_t pid = clone_process(&arguments);
    if (pid == 0)
        container_run_child(container);
    log_call(pid, "the container's first process",
             "clone3(%sCLONE_NEWUTS|CLONE_NEWPID|CLONE_NEWNS|CLONE_NEWIPC%s%s)",
             container->userns_host ? "" : "CLONE_NEWUSER|",
             arguments.flags & CLONE_NEWNET ? "|CLONE_NEWNET" : "",
             arguments.flags & CLONE_INTO_CGROUP ? "|CLONE_INTO_CGROUP" : "");
    return pid;
}

/* Gives the child its ids, limits and network, and lets it go on. */
static int container_release(struct container *container)
{
    struct sync *syncs = container->syncs;
    if (!container->userns_host &&
        userns_maps_write(&container->maps, container->pid) == -1)
        return -1;
    pid_t owners_of = container->userns_host ? 0 : container->pid;
    if (ulimits_permit(&container->ulimits, container->pid) == -1 ||
        network_connect(&container->network, container->pid) == -1 ||
        sync_release_child(&syncs[0]) == -1 ||
        overlay_assign_owners(&container->overlay, owners_of) == -1 ||
        sync_release_child(&syncs[1]) == -1)
        return -1;
    return overlay_answer(&container->overlay, owners_of);
}

/* Returns 0 when the command was executed, or the status to exit with. */
static int container_await(struct container *container)
{
    files_close(&container->report_fds[1]);
    if (streams_receive(&container->streams) == -1)
        return EXIT_OURS;
    int status = command_await(container->report_fds[0]);
    files_close(&container->report_fds[0]);
    if (status != -1)
        return status;
    log_error("the container was killed while it was being set up");
    return EXIT_OURS;
}

/* What only the child needed, which has its own. As long as a layer's mount is open here
 * the file system that it is on can not be unmounted. */
static void container_close_what_is_done(struct container *container)
{
    struct overlay *overlay = &container->overlay;
    if (overlay->by_root) {
        for (size_t i = 0; i < overlay->options.layer_count; i++)
            files_close(&overlay->layer_fds[i]);
        for (size_t i = 0; i < container->volumes.count; i++)
            files_close(&container->volumes.list[i].tree_fd);
        files_close(&overlay->upper_fd);
        files_close(&overlay->place_fd);
        files_close(&overlay->context_fd);
    }
    files_close(&overlay->talk_fds[0]);
    if (!container->userns_host)
        files_close(&container->mounts.sys_fd);
    for (int i = 0; i < 2; i++)
        files_close(&container->syncs[i].write_fd);
}

int container_start(struct container *container)
{
    int interrupted = process_interrupted();
    if (interrupted != 0) /* a command that is not there yet can not be told */
        return 128 + interrupted;
    container->pid = container_clone(container);
    if (container->pid == -1)
        return EXIT_OURS;
    int status = container_release(container) == -1
                     ? EXIT_OURS
                     : container_await(container);
    container_close_what_is_done(container);
    if (status == 0)
        return 0;
    /* Or it would wait, and say that its parent died. */
    kill(container->pid, SIGKILL);
    waitpid(container->pid, NULL, 0);
    container->pid = -1;
    return status;
}

/* ---- The end ---- */

void container_take_down(struct container *container)
{
    streams_close(&container->streams);
    network_close(&container->network);
    cgroup_tree_remove(&container->cgroup);
}
