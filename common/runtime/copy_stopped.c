#include "common/runtime/copy_stopped.h"

#include "common/base/files.h"
#include "common/base/log.h"
#include "common/kernel/clone.h"
#include "common/kernel/lock.h"
#include "common/kernel/mount.h"
#include "common/kernel/userns.h"
#include "common/runtime/written.h"

#include <errno.h>
#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <sys/file.h>

/* Only one at a time may write to an upper layer; and who removes the container takes
 * this lock as well. */
static int copy_stopped_lock(struct copy_stopped *stopped,
                             const struct record *record)
{
    stopped->lock_fd = lock_directory(record->directory, LOCK_EX | LOCK_NB);
    if (stopped->lock_fd != -1)
        return 0;
    if (errno == EWOULDBLOCK)
        return log_error("%s is being removed, or copied from or to, by "
                         "somebody else (EWOULDBLOCK)",
                         record->name);
    if (errno == ENOENT)
        return log_error("%s was removed meanwhile (ENOENT)", record->name);
    return -1;
}

static int copy_stopped_find_layers(struct overlay *overlay,
                                    const struct record *record)
{
    char upper[PATH_MAX];
    if (written_find(record, upper) == -1)
        return -1;
    const char *expected =
        overlay_options_parse_layers(record->root, &overlay->options);
    if (expected == NULL)
        expected = overlay_options_parse_upper(written_place(record),
                                               &overlay->options);
    if (expected != NULL)
        return log_error("%s ran on %s: %s", record->name, record->root,
                         expected);
    overlay->options.upper_bytes = OVERLAY_DEFAULT_UPPER_BYTES;
    if (record->upper != NULL &&
        overlay_options_open_upper(&overlay->options) == -1)
        return -1;
    if (record->mounts != NULL && record->mounts[0] != NULL)
        log_note("its volumes are not there: look for what they are on the "
                 "host");
    return 0;
}

int copy_stopped_open(struct copy_stopped *stopped, const struct record *record)
{
    for (int i = 0; i < 2; i++)
        stopped->syncs[i].read_fd = stopped->syncs[i].write_fd = -1;
    stopped->mounts.root_fd = -1;
    stopped->userns_host = record->userns_host;
    if (copy_stopped_lock(stopped, record) == -1 ||
        copy_stopped_find_layers(&stopped->overlay, record) == -1)
        return -1;
    if (!stopped->userns_host && (userns_check_allowed() == -1 ||
                                  userns_maps_find(&stopped->maps) == -1))
        return -1;
    return sync_open(&stopped->syncs[0]) == -1 ||
                   sync_open(&stopped->syncs[1]) == -1
               ? -1
               : overlay_prepare(&stopped->overlay);
}

pid_t copy_stopped_clone(const struct copy_stopped *stopped)
{
    struct clone_args arguments = {.flags = CLONE_NEWNS,
                                   .exit_signal = SIGCHLD};
    if (!stopped->userns_host)
        arguments.flags |= CLONE_NEWUSER;
    return clone_process(&arguments);
}

/* As a run's child does, in the same order (container_child.c). */
int copy_stopped_enter(struct copy_stopped *stopped)
{
    bool userns = !stopped->userns_host;
    if (sync_wait_for_parent(&stopped->syncs[0]) == -1 ||
        mount_make_private() == -1 ||
        (!stopped->overlay.by_root &&
         overlay_open_layers(&stopped->overlay) == -1) ||
        (userns && userns_become_root(&stopped->maps) == -1) ||
        sync_wait_for_parent(&stopped->syncs[1]) == -1)
        return -1;
    if (overlay_make_root(&stopped->overlay, stopped->userns_host) == -1 ||
        overlay_leave_place(&stopped->mounts) == -1)
        return -1;
    return userns_mounts_enter(&stopped->mounts);
}

int copy_stopped_release(struct copy_stopped *stopped, pid_t pid)
{
    pid_t owners_of = stopped->userns_host ? 0 : pid;
    if (!stopped->userns_host && userns_maps_write(&stopped->maps, pid) == -1)
        return -1;
    if (sync_release_child(&stopped->syncs[0]) == -1 ||
        overlay_assign_owners(&stopped->overlay, owners_of) == -1 ||
        sync_release_child(&stopped->syncs[1]) == -1)
        return -1;
    return overlay_answer(&stopped->overlay, owners_of);
}

void copy_stopped_close(struct copy_stopped *stopped)
{
    for (int i = 0; i < 2; i++)
        files_close(&stopped->syncs[i].write_fd);
    files_close(&stopped->lock_fd);
}
