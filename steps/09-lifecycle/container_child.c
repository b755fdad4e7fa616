#include "common/base/advice.h"
#include "common/base/command.h"
#include "common/base/log.h"
#include "common/base/program.h"
#include "common/kernel/mount.h"
#include "common/kernel/rootfs.h"
#include "common/kernel/users.h"
#include "common/kernel/uts.h"
#include "common/runtime/apparmor.h"
#include "steps/09-lifecycle/container.h"
#include "steps/09-lifecycle/directory.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

extern char **environ;

static int container_enter_rootfs(struct container *container)
{
    bool userns = !container->userns_host;
    if ((userns && userns_mounts_gather(&container->mounts) == -1) ||
        (!container->overlay.by_root &&
         (overlay_open_layers(&container->overlay) == -1 ||
          volumes_open(&container->volumes) == -1)) ||
        (userns && userns_become_root(&container->maps) == -1) ||
        sync_wait_for_parent(&container->syncs[1]) == -1)
        return -1;
    if (overlay_make_root(&container->overlay, container->userns_host) == -1 ||
        network_files_make(&container->network.files) == -1 ||
        overlay_leave_place(&container->mounts) == -1 ||
        userns_mounts_enter(&container->mounts) == -1)
        return -1;
    if (userns)
        return userns_mounts_furnish(&container->mounts,
                                     userns_maps_has(&container->maps.gids, 5));
    return rootfs_mount_all() == -1 ? -1 : rootfs_make_devices();
}

/* Last, since until then there is something to be made. Volumes and /dev stay
 * as they are: these are other mounts. */
static int container_make_read_only(const struct container *container)
{
    if (container->read_only &&
        mount_file_system("none", "/", "none",
                          MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NODEV, NULL,
                          "the root is to be looked at only") == -1)
        return -1;
    return 0;
}

/* A user who is not root inside may open /dev/stdout as well, which takes its owner. */
static int container_give_streams(const struct container *container)
{
    struct user user;
    struct stat status;
    if (container->privileges.user == NULL)
        return 0;
    if (users_find(container->privileges.user, &user) == -1)
        return -1;
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
        if (fstat(fd, &status) == 0 &&
            (S_ISFIFO(status.st_mode) || container->terminal) &&
            fchown(fd, user.uid, (gid_t)-1) == -1 && errno != EINVAL)
            return (int)log_call(-1, "the user's own stream",
                                 "fchown(%d, %u, -1)", fd, user.uid);
    return 0; /* EINVAL: there is no such user here, which will be said */
}

/* An image says where what it writes is to be kept; that this can not be made, its
 * program will notice if it needs it. */
static void container_make_places(const struct container *container)
{
    const char *const *place = container->places;
    for (; place != NULL && *place != NULL; place++)
        if (volumes_make_place(*place) == -1)
            log_note("the image's volume %s is not there, and not made (%s)",
                     *place, advice_error_name(errno));
}

static int container_enter_directory(const struct container *container)
{
    return container->working_directory == NULL
               ? 0
               : directory_enter(container->working_directory, true);
}

static int container_furnish(struct container *container)
{
    if (sync_wait_for_parent(&container->syncs[0]) == -1 ||
        cgroup_enter(&container->cgroup) == -1 ||
        network_configure(&container->network) == -1 ||
        uts_set_hostname(container->hostname) == -1 ||
        mount_make_private() == -1 || container_enter_rootfs(container) == -1 ||
        cgroup_mount(&container->cgroup) == -1)
        return -1;
    if (!container->privileges.privileged && rootfs_hide_host() == -1)
        return -1;
    if (network_files_place(&container->network.files) == -1 ||
        streams_make_terminal(&container->streams, true) == -1)
        return -1;
    container_make_places(container);
    if (volumes_attach(&container->volumes) == -1 ||
        streams_take_over(&container->streams, container->report_fds[1]) == -1)
        return -1;
    if (container_give_streams(container) == -1 ||
        container_enter_directory(container) == -1 ||
        container_make_read_only(container) == -1)
        return -1;
    if (ulimits_set(&container->ulimits) == -1)
        return -1;
    return apparmor_confine_next(container->apparmor);
}

void container_run_child(struct container *container)
{
    command_report_to(container->report_fds[1]);
    if (container_furnish(container) == -1)
        command_exit(EXIT_OURS);
    environ = container->environment.all;
    privileges_execute(&container->privileges, container->init,
                       container->command, &container->mask);
}
