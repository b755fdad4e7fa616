/*
 * step 07: how do a hundred containers share one image?
 *
 *     make step-07 && sudo ./step-07 /bin/sh -c 'rm /etc/hosts; ls /etc'
 *
 * New system calls:
 *     mount(2)          an overlay: read-only layers, and one that is written to
 *     mount_setattr(2)  other owners through one mount than through another
 *     openat2(2)        a path that can not leave the root, whoever moves links
 *
 * Here the overlay, the volumes' targets, and the run; overlay_options.c and
 * volume_options.c read what was asked for; tree.c has more to be done with
 * mounts that are descriptors; layers.c reads layers as the kernel does, for --diff,
 * and layers_copy.c where the kernel does not; host_view.c is for --host.
 *
 * Known already, from step 01: kernel/uts, kernel/clone, kernel/sync;
 * from step 02: kernel/process; from step 03: kernel/mount;
 * from step 04: kernel/rootfs; from step 05: kernel/cgroup;
 * from step 06: kernel/userns, kernel/mount_detached.
 *
 * Look at: /proc/self/mountinfo inside, DIR/upper of --upper on the host.
 * lessons/07-overlay.md
 */
#include "common/base/command.h"
#include "common/base/files.h"
#include "common/base/log.h"
#include "common/base/number.h"
#include "common/base/program.h"
#include "common/kernel/cgroup.h"
#include "common/kernel/cgroup_delegated.h"
#include "common/kernel/clone.h"
#include "common/kernel/mount.h"
#include "common/kernel/mount_detached.h"
#include "common/kernel/process.h"
#include "common/kernel/rootfs.h"
#include "common/kernel/sync.h"
#include "common/kernel/userns.h"
#include "common/kernel/userns_mounts.h"
#include "common/kernel/uts.h"
#include "steps/07-overlay/host_view.h"
#include "steps/07-overlay/layers.h"
#include "steps/07-overlay/layers_copy.h"
#include "steps/07-overlay/overlay_options.h"
#include "steps/07-overlay/tree.h"
#include "steps/07-overlay/volume_options.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <linux/openat2.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

struct overlay {
    struct overlay_options options;
    bool host; /* the layers do not make one root: each has its place in */
    struct host_view view;
    bool by_root;    /* root runs this, and may prepare more than its child */
    int talk_fds[2]; /* on which the child may ask its parent for a copy */
    /* Mounts, attached nowhere yet; -1: there is none. */
    int layer_fds[LAYERS_MOST];
    int upper_fd;   /* of --upper; else what is written goes to the place */
    int place_fd;   /* a tmpfs, to put all this in */
    int context_fd; /* of that tmpfs */
};

struct container {
    const char *hostname;
    bool init;
    bool read_only, diff;
    struct overlay overlay;
    struct volumes volumes;
    bool userns_host;
    struct userns_maps maps;
    struct userns_mounts mounts;
    struct cgroup_limits limits;
    struct cgroup cgroup;
    char **command;
};

/* ---- Whoever may: root before the child is made, else the child ---- */

static int overlay_open_layer(const char *path, const char *intention)
{
    int fd = mount_detached_copy(path, false, intention);
    if (fd == -1 && errno == EINVAL) {
        log_error("%s: something of the host is mounted below it (EINVAL)",
                  path);
        log_advice("a user may not look under that; as root it can be done");
    }
    return fd;
}

/* Each layer as a mount of its own. */
static int overlay_open_layers(struct overlay *overlay)
{
    const struct overlay_options *options = &overlay->options;
    overlay->place_fd = tree_make_tmpfs(options->upper_bytes, "1777",
                                        TREE_NODEV, &overlay->context_fd,
                                        "what is written stays in memory");
    if (overlay->place_fd == -1)
        return -1;
    for (size_t i = 0; i < options->layer_count; i++) {
        overlay->layer_fds[i] = overlay_open_layer(
            options->layers[i], "a layer, as a mount of its own");
        if (overlay->layer_fds[i] == -1)
            return -1;
    }
    overlay->upper_fd = -1;
    if (options->upper == NULL)
        return 0;
    overlay->upper_fd =
        overlay_open_layer(options->upper, "the layer that is written to");
    return overlay->upper_fd == -1 ? -1 : 0;
}

/* Before the child is made, which inherits the descriptors: what is done to a
 * mount through one of them is done for both. A user may not make mounts, only
 * root of a user namespace, as the child will be. */
static int overlay_prepare(struct overlay *overlay)
{
    int result =
        socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, overlay->talk_fds);
    if (result == -1)
        return (int)log_call(result, "to ask the parent by",
                             "socketpair(AF_UNIX, SOCK_STREAM|SOCK_CLOEXEC)");
    overlay->by_root = geteuid() == 0;
    return overlay->by_root ? overlay_open_layers(overlay) : 0;
}

/* ---- The parent, as root: owners ---- */

/* Through these mounts, from now on, 0 on the disk is 0 in the user namespace
 * of `pid`, and the other way round. Returns 0, or -1 with errno, not reported,
 * where kernel or file system can not do that. */
static int overlay_map_owners(const struct overlay *overlay, pid_t pid)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/ns/user", pid);
    int userns_fd = open(path, O_RDONLY | O_CLOEXEC), result = 0;
    if (userns_fd == -1)
        return -1;
    //> map
    for (size_t i = 0; i < overlay->options.layer_count && result == 0; i++) {
        result = tree_set(overlay->layer_fds[i], TREE_IDMAP, userns_fd,
                          "0 on the disk is 0 inside");
        if (result == -1 && overlay->host && errno == EINVAL) {
            log_note("%s: owners can not be mapped there (EINVAL): inside they "
                     "are nobody",
                     overlay->options.layers[i]);
            result = 0;
        }
    }
    if (overlay->upper_fd != -1 && result == 0)
        result = tree_set(overlay->upper_fd, TREE_IDMAP, userns_fd,
                          "and 0 inside is 0 on the disk");
    //< map
    int saved_errno = errno;
    close(userns_fd);
    errno = saved_errno;
    return result;
}

/* Where there can be no overlay: all that the layers hold, into the place, with
 * the owners of `pid`'s user namespace (0: those that they have). */
static int overlay_copy_layers(const struct overlay *overlay, pid_t pid)
{
    const struct overlay_options *options = &overlay->options;
    struct statfs status;
    if (options->upper != NULL) {
        log_error("--upper %s: that takes an overlay, which can not be had",
                  options->upper);
        log_advice("the lines above say why; a newer kernel or another file "
                   "system can, and so can --userns host");
        return -1;
    }
    /* As much as it needs; then as much more as was asked for. (A tmpfs without
     * any limit can not be given one.) */
    if (tree_resize_tmpfs(overlay->context_fd, UINT64_C(1) << 50,
                          "room for a copy") == -1)
        return -1;
    int result = mkdirat(overlay->place_fd, "root", 0755);
    if (log_call(result, "a copy instead", "mkdirat(%d, \"root\", 0755)",
                 overlay->place_fd) == -1)
        return -1;
    int root_fd =
        openat(overlay->place_fd, "root", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    result = root_fd == -1 ? -1
                           : layers_copy(options->layers, options->layer_count,
                                         root_fd, pid);
    if (result == 0 && (result = fstatfs(root_fd, &status)) == 0)
        result = tree_resize_tmpfs(overlay->context_fd,
                                   (status.f_blocks - status.f_bfree) *
                                           (uint64_t)status.f_bsize +
                                       options->upper_bytes,
                                   "and room to write");
    if (root_fd != -1)
        close(root_fd);
    return result;
}

/* Owners as they are to be in the user namespace of `pid`; where that can not be,
 * a copy. 0: there is none. */
static int overlay_assign_owners(const struct overlay *overlay, pid_t pid)
{
    if (!overlay->by_root || pid == 0 || overlay_map_owners(overlay, pid) == 0)
        return 0;
    log_note("owners can not be mapped here (%s): all is copied, with others",
             errno == ENOSYS   ? "ENOSYS: since 5.12 they can"
             : errno == EINVAL ? "EINVAL: not on this file system"
                               : "EPERM: not from in here");
    return overlay_copy_layers(overlay, pid);
}

/* Waits until the child has its root, or has ended, or wants a copy. */
static int overlay_answer(struct overlay *overlay, pid_t pid)
{
    char question;
    close(overlay->talk_fds[1]);
    if (!overlay->by_root || read(overlay->talk_fds[0], &question, 1) != 1)
        return 0;
    if (overlay_copy_layers(overlay, pid) == -1)
        return -1;
    return write(overlay->talk_fds[0], &question, 1) == 1 ? 0 : -1;
}

/* ---- The child: the layers become a root ---- */

/* The place goes over the host's root, where it is in nobody's way: whoever has
 * that root, as we, still looks things up below it. */
static int overlay_enter_place(const struct overlay *overlay)
{
    if (mount_detached_attach(overlay->place_fd, "/",
                              "a place to put things together") == -1)
        return -1;
    umask(0022);
    int result = fchdir(overlay->place_fd);
    return (int)log_call(result, "into that place", "fchdir(%d)",
                         overlay->place_fd);
}

/* The layers are 0, 1, 2… in the place, so that the names of five hundred fit
 * into the page that mount(2) has for them. */
static int overlay_attach_layers(const struct overlay *overlay)
{
    for (size_t i = 0; i < overlay->options.layer_count; i++) {
        char name[16];
        snprintf(name, sizeof name, "%zu", i);
        if (rootfs_make_directory(name, 0755) == -1 ||
            mount_detached_attach(overlay->layer_fds[i], name, "a layer") == -1)
            return -1;
    }
    if (overlay->upper_fd != -1)
        return rootfs_make_directory("kept", 0755) == -1
                   ? -1
                   : mount_detached_attach(overlay->upper_fd, "kept",
                                           "the layer that is written to");
    return 0;
}

/* An upper layer, and the workplace that the kernel wants on the same file
 * system, are directories `kept` or in the place. */
static int overlay_make_upper(const char *upper, const char *work)
{
    if (rootfs_make_directory(upper, 0755) == -1 ||
        rootfs_make_directory(work, 0755) == -1)
        return -1;
    if (setxattr(upper, "user.nsctl", "", 0, 0) == 0) {
        removexattr(upper, "user.nsctl");
        return 0;
    }
    log_note(
        "no user attributes on this tmpfs (before 6.6): a directory that "
        "was removed can not be made again (EIO), but with --upper it can");
    return 0;
}

/* One overlay at `target`. With `user` its marks are attributes that any owner may
 * write, not just the host's root. Returns 0, or -1 with errno, not reported. */
static int overlay_mount(const char *lower, const char *upper, const char *work,
                         const char *target, bool user)
{
    char options[4096] = "";
    int result = 0;
    //> overlay
    snprintf(options, sizeof options, "lowerdir=%s,upperdir=%s,workdir=%s%s",
             lower, upper, work, user ? ",userxattr" : "");
    result = mount("overlay", target, "overlay", MS_NODEV, options);
    //< overlay
    if (result == -1)
        return -1;
    return (int)log_call(result, "all of them as one",
                         "mount(\"overlay\", \"%s\", \"overlay\", MS_NODEV, "
                         "\"%s\")",
                         target, options);
}

/* Of all layers one root. Returns 0, 1 where this kernel has no overlay for us,
 * or -1, reported. */
static int overlay_mount_root(const struct overlay *overlay, bool userns_host)
{
    char lower[LAYERS_MOST * 4];
    size_t used = 0;
    bool kept = overlay->upper_fd != -1;
    const char *upper = kept ? "kept/upper" : "upper";
    const char *work = kept ? "kept/work" : "work";
    for (size_t i = 0; i < overlay->options.layer_count; i++)
        used += (size_t)snprintf(lower + used, sizeof lower - used, "%s%zu",
                                 i == 0 ? "" : ":", i);
    if (overlay_attach_layers(overlay) == -1 ||
        rootfs_make_directory("root", 0755) == -1 ||
        (!kept && overlay_make_upper(upper, work) == -1))
        return -1;
    int result = overlay_mount(lower, upper, work, "root", true);
    if (result == -1 && errno == EINVAL && userns_host) {
        log_note("no attributes of ours (before 5.11): then root's (EINVAL)");
        result = overlay_mount(lower, upper, work, "root", false);
    }
    if (result == 0)
        return 0;
    if (errno == EINVAL || errno == EPERM || errno == ENODEV ||
        errno == EOPNOTSUPP) {
        log_note("no overlay of these layers here (%s): they are copied",
                 errno == EPERM    ? "EPERM: before 5.11 only root may"
                 : errno == ENODEV ? "ENODEV: the kernel has none"
                 : errno == EINVAL
                     ? "EINVAL: overlays on overlays, or owners mapped before "
                       "5.19"
                     : "EOPNOTSUPP");
        return rmdir("root") == -1
                   ? (int)log_call(-1, "room for a copy", "rmdir(\"root\")")
                   : 1;
    }
    return (int)log_call(-1, "all layers as one",
                         "mount(\"overlay\", \"root\", \"overlay\", MS_NODEV, "
                         "\"lowerdir=%s…\")",
                         lower);
}

/* One directory of the host at `path`, what is written to it in the place. A file is
 * no layer: it can be looked at. */
static int overlay_mount_host_layer(const struct host_view_entry *entry,
                                    int layer_fd, size_t number,
                                    const char *path)
{
    char lower[32], upper[32], work[32];
    if (entry->kind == HOST_VIEW_FILE)
        return tree_set(layer_fd, TREE_RDONLY | TREE_NOSUID | TREE_NODEV, -1,
                        "a file of the host, to be looked at only") == -1
                   ? 0
                   : mount_detached_attach(layer_fd, path,
                                           "a file of the host");
    snprintf(lower, sizeof lower, "%zu", number);
    snprintf(upper, sizeof upper, "upper%zu", number);
    snprintf(work, sizeof work, "work%zu", number);
    if (rootfs_make_directory(lower, 0755) == -1 ||
        mount_detached_attach(layer_fd, lower, "a directory of the host") ==
            -1 ||
        overlay_make_upper(upper, work) == -1)
        return -1;
    if (chmod(upper, entry->mode) == -1 ||
        overlay_mount(lower, upper, work, path, true) == -1)
        log_note("left out, an empty directory: %s can be no layer (errno %d)",
                 entry->path, errno);
    return 0;
}

/* Of the host's directories a root like the host's, in the place. */
static int overlay_mount_host(const struct overlay *overlay)
{
    const struct host_view *view = &overlay->view;
    size_t layer = 0;
    if (rootfs_make_directory("root", 0755) == -1)
        return -1;
    for (size_t i = 0; i < view->count; i++) {
        const struct host_view_entry *entry = &view->entries[i];
        char path[PATH_MAX];
        if (files_path(path, "root%s", entry->path) == -1 ||
            host_view_make(entry, path) == -1)
            return -1;
        if (entry->kind != HOST_VIEW_LAYER && entry->kind != HOST_VIEW_FILE)
            continue;
        if (overlay_mount_host_layer(entry, overlay->layer_fds[layer], layer,
                                     path) == -1)
            return -1;
        layer++;
    }
    return 0;
}

/* Takes the root out of the place, which is needed no more: its layers are held
 * by the overlay. */
static int overlay_leave_place(struct userns_mounts *mounts)
{
    mounts->root_fd = mount_detached_copy("root", true, "the root by itself");
    if (mounts->root_fd == -1)
        return -1;
    int result = umount2(".", MNT_DETACH);
    if (log_call(result, "the place is gone", "umount2(\".\", MNT_DETACH)") ==
        -1)
        return -1;
    result = chdir("/");
    return (int)log_call(result, "below it, the host's root is still there",
                         "chdir(\"/\")");
}

/* Puts the root together. Without root's help all is done by the child; else the
 * layers are there, and a copy may be, which the parent makes where there is none
 * and it is asked for one. */
static int overlay_make_root(struct overlay *overlay, bool userns_host,
                             struct userns_mounts *mounts)
{
    struct stat status;
    char done = 0;
    close(overlay->talk_fds[0]);
    int result = overlay_enter_place(overlay);
    if (result == -1)
        return -1;
    if (overlay->host)
        result = overlay_mount_host(overlay);
    else if (fstatat(overlay->place_fd, "root", &status, 0) == -1)
        result = overlay_mount_root(overlay, userns_host);
    if (result == 1 && !overlay->by_root)
        result = overlay_copy_layers(overlay, 0);
    else if (result == 1) /* where it can not, the parent says why */
        result = write(overlay->talk_fds[1], &done, 1) == 1 &&
                         read(overlay->talk_fds[1], &done, 1) == 1
                     ? 0
                     : -1;
    close(overlay->talk_fds[1]);
    return result == -1 ? -1 : overlay_leave_place(mounts);
}

/* ---- The child: volumes ---- */

/* A path as it is looked up in the container's own root, whatever links there
 * are, and whoever changes them meanwhile; and through no link of /proc,
 * which would lead to what we have open. */
static int volumes_open_path(int directory_fd, const char *path,
                             uint64_t resolve)
{
    struct open_how how = {.flags = O_PATH | O_CLOEXEC};
    int patience = 1000, fd = -1;
    //> resolve
    how.resolve = RESOLVE_NO_MAGICLINKS | resolve;
    //< resolve
    do {
        fd = (int)syscall(SYS_openat2, directory_fd, path, &how, sizeof how);
        /* EAGAIN: something was renamed, so that a ".." is not to be trusted. */
    } while (fd == -1 && errno == EAGAIN && patience-- > 0);
    return fd;
}

/* Makes `name` in a directory that we hold, and opens what is there now, unless
 * it is a link. */
static int volumes_make(int directory_fd, const char *name, bool directory)
{
    int fd = -1;
    if (directory) {
        if (mkdirat(directory_fd, name, 0755) == -1 && errno != EEXIST)
            return -1;
    } else {
        fd = openat(directory_fd, name,
                    O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
        if (fd == -1 && errno != EEXIST)
            return -1;
        if (fd != -1)
            close(fd);
    }
    return volumes_open_path(directory_fd, name,
                             RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS);
}

/* Opens `target`, and makes what is missing on the way, directory by directory
 * and each in one that we hold. Returns a descriptor, or -1 with errno. */
static int volumes_open_target(int root_fd, const char *target, bool directory)
{
    char path[PATH_MAX];
    size_t length = strlen(target);
    snprintf(path, sizeof path, "%s", target);
    while (length > 1 && path[length - 1] == '/')
        path[--length] = '\0';
    int fd = volumes_open_path(root_fd, path, RESOLVE_IN_ROOT);
    size_t there = length;
    while (fd == -1 && errno == ENOENT && there > 0) {
        while (there > 0 && path[there] != '/')
            there--;
        path[there] = '\0';
        fd = volumes_open_path(root_fd, there == 0 ? "/" : path,
                               RESOLVE_IN_ROOT);
    }
    while (fd != -1 && there < length) {
        char *name = path + there + 1;
        there += 1 + strlen(name);
        int below = fd;
        if (name[0] != '\0' && strcmp(name, ".") != 0) {
            below = volumes_make(fd, name, directory || there < length);
            int saved_errno = errno;
            close(fd);
            errno = saved_errno;
        }
        fd = below;
    }
    return fd;
}

/* What may be mounted over: not what the kernel tells through /proc and /sys,
 * and not the root itself, whose users would not notice. */
static int volumes_check_target(int root_fd, int target_fd,
                                const struct volume *volume)
{
    struct statfs system;
    struct stat root, target, tree;
    if (fstat(root_fd, &root) == -1 || fstat(target_fd, &target) == -1 ||
        fstat(volume->tree_fd, &tree) == -1 ||
        fstatfs(target_fd, &system) == -1)
        return (int)log_call(-1, "a volume's place", "fstat(%d)", target_fd);
    const char *wrong = NULL;
    if (S_ISDIR(tree.st_mode) != S_ISDIR(target.st_mode))
        wrong = "a directory goes on a directory, a file on a file (ENOTDIR)";
    else if (root.st_dev == target.st_dev && root.st_ino == target.st_ino)
        wrong = "it leads to the root itself";
    else if (system.f_type == PROC_SUPER_MAGIC ||
             system.f_type == SYSFS_MAGIC ||
             system.f_type == CGROUP_SUPER_MAGIC ||
             system.f_type == CGROUP2_SUPER_MAGIC)
        wrong = "what the kernel tells there is not to be covered";
    if (wrong == NULL)
        return 0;
    log_error("volume at %s: %s", volume->target, wrong);
    log_advice("name another place in the container");
    return -1;
}

/* Before 5.12 flags can only be had by mount(2), which takes a path: that of
 * the descriptor, which is the mount itself. What a user's mount has already
 * is locked, so it is repeated. */
static int volumes_remount(const struct volume *volume)
{
    struct statvfs status;
    char path[64];
    snprintf(path, sizeof path, "/proc/self/fd/%d", volume->tree_fd);
    if (fstatvfs(volume->tree_fd, &status) == -1)
        return (int)log_call(-1, "a volume's flags", "fstatfs(%d)",
                             volume->tree_fd);
    return mount_file_system("none", path, "none",
                             MS_REMOUNT | MS_BIND | MS_NOSUID | MS_NODEV |
                                 (volume->read_only ? MS_RDONLY : 0) |
                                 (status.f_flag & (MS_RDONLY | MS_NOEXEC)),
                             NULL,
                             "and no set-user-id program, no device in it");
}

static int volumes_attach_one(struct volume *volume, int root_fd)
{
    struct stat tree;
    if (volume->source == NULL)
        volume->tree_fd = tree_make_tmpfs(
            volume->bytes, volume->mode, TREE_NOSUID | TREE_NODEV | TREE_NOEXEC,
            NULL, "a file system in memory");
    if (volume->tree_fd == -1 || fstat(volume->tree_fd, &tree) == -1)
        return -1;
    int target_fd =
        volumes_open_target(root_fd, volume->target, S_ISDIR(tree.st_mode));
    if (target_fd == -1)
        return (int)log_call(-1, "a volume's place, looked up inside",
                             "openat2(\"%s\", RESOLVE_IN_ROOT)",
                             volume->target);
    int result = volumes_check_target(root_fd, target_fd, volume);
    if (result == 0)
        result =
            tree_attach(volume->tree_fd, target_fd,
                        volume->read_only ? "a volume, read-only" : "a volume");
    if (result == 0 && volume->remount)
        result = volumes_remount(volume);
    close(target_fd);
    return result;
}

/* In the container's own root, furnished. */
static int volumes_attach(struct volumes *volumes)
{
    int root_fd = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC), result = 0;
    if (root_fd == -1)
        return (int)log_call(-1, "the root", "openat(\"/\", O_PATH)");
    for (size_t i = 0; i < volumes->count && result == 0; i++)
        result = volumes_attach_one(&volumes->list[i], root_fd);
    close(root_fd);
    return result;
}

/* Whoever may: each volume's source as a mount of its own, with all that is
 * mounted below it. */
static int volumes_open_one(struct volume *volume)
{
    volume->tree_fd =
        mount_detached_copy(volume->source, true, "a volume, from the host");
    if (volume->tree_fd == -1)
        return -1;
    if (tree_set(volume->tree_fd,
                 TREE_NOSUID | TREE_NODEV |
                     (volume->read_only ? TREE_RDONLY : 0),
                 -1, "without devices and set-user-id programs") == 0)
        return 0;
    if (errno != ENOSYS)
        return (int)log_call(-1, "a volume's flags", "mount_setattr(%d)",
                             volume->tree_fd);
    volume->remount = true;
    if (!volume->read_only)
        return 0;
    /* What is mounted below could then be written to. */
    log_note("read-only without what is mounted below it (before 5.12)");
    close(volume->tree_fd);
    volume->tree_fd =
        mount_detached_copy(volume->source, false, "a volume, from the host");
    if (volume->tree_fd == -1 && errno == EINVAL)
        log_error("%s: something of the host is mounted below it (EINVAL)",
                  volume->source);
    return volume->tree_fd == -1 ? -1 : 0;
}

static int volumes_open(struct volumes *volumes)
{
    for (size_t i = 0; i < volumes->count; i++)
        if (volumes->list[i].source != NULL &&
            volumes_open_one(&volumes->list[i]) == -1)
            return -1;
    return 0;
}

/* ---- The child ---- */

static int child_enter_rootfs(struct container *container, struct sync *sync)
{
    bool userns = !container->userns_host;
    if ((userns && userns_mounts_gather(&container->mounts) == -1) ||
        (!container->overlay.by_root &&
         (overlay_open_layers(&container->overlay) == -1 ||
          volumes_open(&container->volumes) == -1)) ||
        (userns && userns_become_root(&container->maps) == -1) ||
        sync_wait_for_parent(sync) == -1)
        return -1;
    if (overlay_make_root(&container->overlay, container->userns_host,
                          &container->mounts) == -1 ||
        userns_mounts_enter(&container->mounts) == -1)
        return -1;
    if (userns)
        return userns_mounts_furnish(&container->mounts,
                                     userns_maps_has(&container->maps.gids, 5));
    return rootfs_mount_all() == -1 ? -1 : rootfs_make_devices();
}

/* Last, since until then there is something to be made. Volumes and /dev stay
 * as they are: these are other mounts. */
static int child_make_read_only(const struct container *container)
{
    //> read-only
    if (container->read_only &&
        mount_file_system("none", "/", "none",
                          MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NODEV, NULL,
                          "the root is to be looked at only") == -1)
        return -1;
    //< read-only
    return 0;
}

static void __attribute__((noreturn))
child_run(struct container *container, struct sync syncs[2],
          const sigset_t *mask)
{
    if (sync_wait_for_parent(&syncs[0]) == -1 ||
        cgroup_enter(&container->cgroup) == -1 ||
        uts_set_hostname(container->hostname) == -1 ||
        mount_make_private() == -1 ||
        child_enter_rootfs(container, &syncs[1]) == -1 ||
        cgroup_mount(&container->cgroup) == -1 || rootfs_hide_host() == -1 ||
        volumes_attach(&container->volumes) == -1 ||
        child_make_read_only(container) == -1 ||
        command_close_descriptors() == -1)
        _exit(EXIT_OURS);
    command_clean_environment();
    if (container->init)
        process_run_init(container->command, mask);
    process_execute(container->command, mask);
}

/* ---- The parent ---- */

/* Gives the child its ids and lets it go on. */
static int parent_release(struct container *container, pid_t child_pid,
                          struct sync syncs[2])
{
    if (!container->userns_host &&
        userns_maps_write(&container->maps, child_pid) == -1)
        return -1;
    pid_t owners_of = container->userns_host ? 0 : child_pid;
    if (sync_release_child(&syncs[0]) == -1 ||
        overlay_assign_owners(&container->overlay, owners_of) == -1 ||
        sync_release_child(&syncs[1]) == -1)
        return -1;
    return overlay_answer(&container->overlay, owners_of);
}

/* What is there before the child is. */
static int parent_prepare(struct container *container, struct sync syncs[2])
{
    if (cgroup_set_limits(&container->cgroup, &container->limits) == -1 ||
        sync_open(&syncs[0]) == -1 || sync_open(&syncs[1]) == -1 ||
        (!container->userns_host &&
         userns_mounts_prepare(NULL, &container->mounts) == -1) ||
        overlay_prepare(&container->overlay) == -1)
        return -1;
    return container->overlay.by_root ? volumes_open(&container->volumes) : 0;
}

static int parent_run_in_cgroup(struct container *container,
                                const sigset_t *mask)
{
    struct sync syncs[2] = {{-1, -1}, {-1, -1}};
    if (parent_prepare(container, syncs) == -1)
        return EXIT_OURS;
    struct clone_args arguments = {
        .flags = CLONE_NEWUTS | CLONE_NEWPID | CLONE_NEWNS | CLONE_NEWIPC,
        .exit_signal = SIGCHLD,
    };
    if (!container->userns_host)
        arguments.flags |= CLONE_NEWUSER;
    for (size_t i = 0; i < container->cgroup.count; i++)
        if (container->cgroup.hierarchies[i].unified) {
            arguments.flags |= CLONE_INTO_CGROUP;
            arguments.cgroup = (uint64_t)container->cgroup.hierarchies[i].fd;
        }
    int interrupted = process_interrupted();
    if (interrupted != 0) /* a command that is not there yet can not be told */
        return 128 + interrupted;
    pid_t container_pid = clone_process(&arguments);
    if (container_pid == 0)
        child_run(container, syncs, mask);
    if (log_call(
            container_pid, "the container's first process",
            "clone3(%sCLONE_NEWUTS|CLONE_NEWPID|CLONE_NEWNS|CLONE_NEWIPC%s)",
            container->userns_host ? "" : "CLONE_NEWUSER|",
            arguments.flags & CLONE_INTO_CGROUP ? "|CLONE_INTO_CGROUP" : "") ==
        -1)
        return EXIT_OURS;

    int status = -1;
    if (parent_release(container, container_pid, syncs) == 0) {
        status = process_supervise(container_pid);
    } else { /* or it would wait, and say that its parent died */
        kill(container_pid, SIGKILL);
        waitpid(container_pid, NULL, 0);
    }
    cgroup_report(&container->cgroup);
    return status == -1 ? EXIT_OURS : status;
}

static int parent_run(struct container *container)
{
    struct cgroup *cgroup = &container->cgroup;
    if (cgroup_delegated_choose(cgroup, &container->limits) == -1)
        return EXIT_OURS;
    /* From here on there is something that the host can see. The lock of --upper
     * is held until we end. */
    sigset_t mask;
    int status = EXIT_OURS;
    const struct overlay_options *layers = &container->overlay.options;
    if ((layers->upper != NULL && overlay_options_open_upper(layers) == -1) ||
        process_block_signals(&mask) == -1)
        return status;
    if (cgroup_tree_create(cgroup) == 0)
        status = parent_run_in_cgroup(container, &mask);
    cgroup_tree_remove(cgroup);
    return status;
}

/* ---- What was asked for ---- */

/* What contradicts itself, and what is there by itself. Returns 0, or -1,
 * reported. */
static int overlay_check(struct overlay *overlay)
{
    struct overlay_options *options = &overlay->options;
    if (overlay->host && (options->layer_count != 0 || options->upper != NULL))
        return log_error("--host is a root of its own kind: neither --rootfs "
                         "nor --upper goes with it");
    if (overlay->host)
        return host_view_find(&overlay->view, geteuid() == 0) == -1
                   ? -1
                   : host_view_to_layers(&overlay->view, options);
    if (options->layer_count == 0) {
        options->layers[0] = rootfs_find_default();
        options->layer_count = 1;
    }
    return options->layers[0] == NULL ? -1 : 0;
}

static int print_difference(const struct container *container)
{
    const struct overlay_options *layers = &container->overlay.options;
    char upper[PATH_MAX];
    if (layers->upper == NULL) {
        log_error("--diff: of what is written where? Name it with --upper");
        return EXIT_OURS;
    }
    if (files_path(upper, "%s/upper", layers->upper) == -1)
        return EXIT_OURS;
    return layers_print_difference(upper, layers->layers,
                                   layers->layer_count) == -1
               ? EXIT_OURS
               : 0;
}

int main(int argc, char **argv)
{
    (void)argc;
    static struct container container = {
        .hostname = "container",
        .limits.pids = CGROUP_PIDS_NOT_ASKED,
        .overlay.options.upper_bytes = OVERLAY_DEFAULT_UPPER_BYTES,
    };
    struct cgroup_limits *limits = &container.limits;
    const struct program_option options[] = {
        {"--hostname", "NAME", uts_parse_hostname, &container.hostname,
         "hostname inside (default: container)"},
        {"--init", NULL, NULL, &container.init,
         "an init of ours as PID 1: reaps orphans, passes signals on"},
        {"--rootfs", "DIR[:DIR…]", overlay_options_parse_layers,
         &container.overlay.options,
         "the root's layers, uppermost first (default: build/rootfs/default)"},
        {"--host", NULL, NULL, &container.overlay.host,
         "instead: the host itself, of which nothing is changed"},
        {"--upper", "DIR", overlay_options_parse_upper,
         &container.overlay.options,
         "what is written is kept there (default: in memory, and lost)"},
        {"--upper-size", "SIZE", overlay_options_parse_upper_size,
         &container.overlay.options.upper_bytes,
         "in memory at most so much (default: 64m)"},
        {"--diff", NULL, NULL, &container.diff,
         "run nothing: list what --upper adds (A), changes, deletes"},
        {"-v --volume", "HOST:DIR[:ro]", volume_options_parse,
         &container.volumes, "a directory or file of the host, inside"},
        {"--tmpfs", "DIR[:OPTIONS]", volume_options_parse_tmpfs,
         &container.volumes, "a file system in memory: size=64m,mode=1777"},
        {"--read-only", NULL, NULL, &container.read_only,
         "nothing in the root can be changed"},
        {"-m --memory", "SIZE", cgroup_options_parse_memory,
         &limits->memory_bytes, "memory at most: 64m, 1g"},
        {"-cpu --cpus", "N", number_parse_cpus, &limits->cpu_thousandths,
         "CPU time at most: 0.5 is half of one CPU"},
        {"--pids-limit", "N", cgroup_options_parse_pids, &limits->pids,
         "processes at most (default: 2048; -1: no limit)"},
        {"--io-max", "DEV:KEY=N,…", cgroup_options_parse_io_max, limits,
         "a device's rate: /dev/sda:rbps=1m,wbps=1m"},
        {"--userns", "host", userns_parse, &container.userns_host,
         "the host's user namespace: root inside is root outside"},
        {0},
    };
    const struct program program = {
        .name = "step-07",
        .summary = "Runs a command on layers that it can not change.",
        .example = "./step-07 --host /bin/bash",
        .options = options,
    };
    container.command = program_read_options(&program, argv);
    if (overlay_check(&container.overlay) == -1)
        return EXIT_OURS;
    if (container.diff)
        return print_difference(&container);
    if (!container.userns_host && (userns_check_allowed() == -1 ||
                                   userns_maps_find(&container.maps) == -1))
        return EXIT_OURS;
    return parent_run(&container);
}
