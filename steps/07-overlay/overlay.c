#include "steps/07-overlay/overlay.h"

#include "common/base/files.h"
#include "common/base/log.h"
#include "common/kernel/mount_detached.h"
#include "common/kernel/rootfs.h"
#include "common/kernel/userns_maps.h"
#include "steps/07-overlay/layers_copy.h"
#include "steps/07-overlay/tree.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <sys/xattr.h>
#include <unistd.h>

/* ---- What was asked for ---- */

/* What contradicts itself, and what is there by itself. Returns 0, or -1,
 * reported. */
int overlay_check(struct overlay *overlay)
{
    struct overlay_options *options = &overlay->options;
    if (overlay->host && (options->layer_count != 0 || options->upper != NULL))
        return log_error("--host is a root of its own kind: neither --rootfs "
                         "nor --upper goes with it");
    if (overlay->host)
        return host_view_find(&overlay->view, userns_maps_is_host_root()) == -1
                   ? -1
                   : host_view_to_layers(&overlay->view, options);
    if (options->layer_count == 0) {
        options->layers[0] = rootfs_find_default();
        options->layer_count = 1;
    }
    if (options->layers[0] == NULL)
        return -1;
    return overlay_options_check_overlap(options);
}

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
int overlay_open_layers(struct overlay *overlay)
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
int overlay_prepare(struct overlay *overlay)
{
    int result =
        socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, overlay->talk_fds);
    if (result == -1)
        return (int)log_call(result, "to ask the parent by",
                             "socketpair(AF_UNIX, SOCK_STREAM|SOCK_CLOEXEC)");
    overlay->by_root = userns_maps_is_host_root();
    return overlay->by_root ? overlay_open_layers(overlay) : 0;
}

/* ---- The parent, as root: owners ---- */

/* Through this mount, from now on, 0 on the disk is 0 in the user namespace, and
 * the other way round. Returns 0, 1 where kernel or file system can not do that,
 * with errno, or -1, reported. */
static int overlay_map_tree(int tree_fd, int userns_fd)
{
    int result = 0;
    //> map
    result =
        tree_set(tree_fd, TREE_IDMAP, userns_fd, "0 on the disk is 0 inside");
    //< map
    if (result == 0)
        return 0;
    if (errno == ENOSYS || errno == EINVAL || errno == EPERM)
        return 1;
    return (int)log_call(result, "0 on the disk is 0 inside",
                         "mount_setattr(%d, \"\", AT_EMPTY_PATH)", tree_fd);
}

/* All layers; returns as for one. */
static int overlay_map_owners(const struct overlay *overlay, pid_t pid)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/ns/user", pid);
    int userns_fd = open(path, O_RDONLY | O_CLOEXEC), result = 0;
    if (userns_fd == -1)
        return (int)log_call(userns_fd, "the child's user namespace",
                             "openat(AT_FDCWD, \"%s\", O_RDONLY)", path);
    for (size_t i = 0; i < overlay->options.layer_count && result == 0; i++) {
        result = overlay_map_tree(overlay->layer_fds[i], userns_fd);
        if (result == 1 && overlay->host) {
            log_note("%s: owners can not be mapped there: inside they are "
                     "nobody",
                     overlay->options.layers[i]);
            result = 0;
        }
    }
    if (overlay->upper_fd != -1 && result == 0)
        result = overlay_map_tree(overlay->upper_fd, userns_fd);
    files_close(&userns_fd);
    return result;
}

/* Root copies what the layers hold, not what the host has mounted upon them: from
 * mounts of their own again, of which no owners are mapped. */
static int overlay_copy_into(const struct overlay *overlay, int root_fd,
                             pid_t pid)
{
    const struct overlay_options *options = &overlay->options;
    const char *paths[LAYERS_MOST];
    static char names[LAYERS_MOST][32];
    static struct layers held;
    struct rlimit before = layers_allow_descriptors();
    int result = 0;
    held.count = 0;
    for (size_t i = 0; i < options->layer_count && result == 0; i++) {
        paths[i] = options->layers[i];
        if (!overlay->by_root)
            continue;
        int fd = overlay_open_layer(paths[i], "a layer, to be copied");
        result = fd == -1 ? -1 : 0;
        if (fd != -1)
            held.fds[held.count++] = fd;
        snprintf(names[i], sizeof names[i], "/proc/self/fd/%d/.", fd);
        paths[i] = names[i];
    }
    if (result == 0)
        result = layers_copy(paths, options->layer_count, root_fd, pid);
    layers_close(&held);
    setrlimit(RLIMIT_NOFILE, &before); /* the command gets what we got */
    return result;
}

/* Where there can be no overlay: all that the layers hold, into the place, with
 * the owners of `pid`'s user namespace (0: those that they have). */
static int overlay_copy_layers(const struct overlay *overlay, pid_t pid)
{
    const struct overlay_options *options = &overlay->options;
    struct statfs status;
    if (options->upper != NULL && !overlay->upper_may_be_memory) {
        log_error("--upper %s: that takes an overlay, which can not be had",
                  options->upper);
        log_advice("in a user namespace that takes Linux 5.12 (an ordinary "
                   "user's: 5.11), and a file system that is no overlay "
                   "itself and can have other owners; for root there is "
                   "--userns host");
        return -1;
    }
    if (options->upper != NULL)
        log_note("what is written goes to that copy in memory, too");
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
    result = root_fd == -1 ? -1 : overlay_copy_into(overlay, root_fd, pid);
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
int overlay_assign_owners(const struct overlay *overlay, pid_t pid)
{
    int result = 0;
    if (overlay->by_root && pid != 0)
        result = overlay_map_owners(overlay, pid);
    if (result != 1)
        return result;
    log_note("owners can not be mapped here (%s): all is copied, with others",
             errno == ENOSYS   ? "ENOSYS: since 5.12 they can"
             : errno == EINVAL ? "EINVAL: not on this file system"
                               : "EPERM: not from in here");
    return overlay_copy_layers(overlay, pid);
}

/* Waits until the child has its root, or has ended, or wants a copy. */
int overlay_answer(struct overlay *overlay, pid_t pid)
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

/* Some directory that every host has, and that we are done with. Not "/": there it would
 * be the uppermost, and what rootfs_pivot() lets go of instead of the host's root. */
static int overlay_enter_place(const struct overlay *overlay)
{
    if (mount_detached_attach(overlay->place_fd, "/sys",
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
        char name[24];
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

/* An upper layer in the place, and the workplace that the kernel wants on the
 * same file system. Returns 0, 1 where the kernel could not mark directories
 * there that hide others: to remove one would be EIO. Or -1, reported. */
static int overlay_make_upper(const char *upper, const char *work)
{
    if (rootfs_make_directory(upper, 0755) == -1 ||
        rootfs_make_directory(work, 0755) == -1)
        return -1;
    if (setxattr(upper, "user.nsctl", "", 0, 0) == -1)
        return 1;
    removexattr(upper, "user.nsctl");
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

/* A user's own files are root's inside. */
static void overlay_say_owners(const struct overlay *overlay)
{
    struct stat status;
    for (size_t i = 0; i < overlay->options.layer_count; i++)
        if (fstat(overlay->layer_fds[i], &status) == 0 &&
            status.st_uid != geteuid())
            log_note("%s is somebody else's: what is in it can be read inside, "
                     "not changed (EOVERFLOW)",
                     overlay->options.layers[i]);
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
    if (overlay_attach_layers(overlay) == -1)
        return -1;
    int made = kept ? 0 : overlay_make_upper(upper, work);
    if (made == 1 && !userns_host) {
        log_note("no attributes of ours on a tmpfs (before 6.6; with --upper "
                 "on a disk there are): all is copied");
        return 1;
    }
    if (made == -1 || rootfs_make_directory("root", 0755) == -1)
        return -1;
    /* The host's root has attributes that nobody else can write, everywhere. */
    int result = overlay_mount(lower, upper, work, "root", made == 0);
    if (result == -1 && errno == EINVAL && userns_host && made == 0) {
        log_note("no attributes of ours (before 5.11): then root's (EINVAL)");
        result = overlay_mount(lower, upper, work, "root", false);
    }
    if (result == 0) {
        if (!overlay->by_root)
            overlay_say_owners(overlay);
        return 0;
    }
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
 * no layer: it can be looked at. Returns 0, 1 where it is left out, or -1, reported. */
static int overlay_mount_host_layer(const struct host_view_entry *entry,
                                    int layer_fd, size_t number,
                                    const char *path, bool userns_host)
{
    char lower[32], upper[32], work[32];
    if (entry->kind == HOST_VIEW_FILE)
        return tree_set(layer_fd, TREE_RDONLY | TREE_NOSUID | TREE_NODEV, -1,
                        "a file of the host, to be looked at only") == -1
                   ? 1
                   : mount_detached_attach(layer_fd, path,
                                           "a file of the host");
    snprintf(lower, sizeof lower, "%zu", number);
    snprintf(upper, sizeof upper, "upper%zu", number);
    snprintf(work, sizeof work, "work%zu", number);
    if (rootfs_make_directory(lower, 0755) == -1 ||
        mount_detached_attach(layer_fd, lower, "a directory of the host") == -1)
        return -1;
    int made = overlay_make_upper(upper, work);
    if (made == -1)
        return -1;
    if (made == 1 && number == 0 && !userns_host)
        log_note("no attributes of ours on a tmpfs (before 6.6): what is here "
                 "and is a directory can not be removed (EIO)");
    if (chmod(upper, entry->mode) == 0 &&
        overlay_mount(lower, upper, work, path, made == 0 || !userns_host) == 0)
        return 0;
    log_note("left out, an empty directory: %s can be no layer (errno %d)",
             entry->path, errno);
    return 1;
}

/* Of the host's directories a root like the host's, in the place. */
static int overlay_mount_host(const struct overlay *overlay, bool userns_host)
{
    const struct host_view *view = &overlay->view;
    size_t layer = 0, there = 0;
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
        int result = overlay_mount_host_layer(entry, overlay->layer_fds[layer],
                                              layer, path, userns_host);
        if (result == -1)
            return -1;
        there += result == 0;
        layer++;
    }
    if (there != 0)
        return 0;
    log_error("--host: nothing of the host can be a layer here");
    log_advice("in a user namespace that takes Linux 5.11; for root there is "
               "--userns host");
    return -1;
}

/* Puts the root together. Without root's help all is done by the child; else the
 * layers are there, and a copy may be, which the parent makes where there is none
 * and it is asked for one. */
int overlay_make_root(struct overlay *overlay, bool userns_host)
{
    struct stat status;
    char done = 0;
    close(overlay->talk_fds[0]);
    int result = overlay_enter_place(overlay);
    if (result == -1)
        return -1;
    if (overlay->host)
        result = overlay_mount_host(overlay, userns_host);
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
    return result == -1 ? -1 : 0;
}

/* The place itself goes with the host's root, below which it is: its layers are held by
 * the overlay. */
int overlay_leave_place(struct userns_mounts *mounts)
{
    int result = chdir("root");
    if (log_call(result, "out of that place", "chdir(\"root\")") == -1)
        return -1;
    mounts->root_fd = mount_detached_copy("", true, "the root by itself");
    return mounts->root_fd == -1 ? -1 : 0;
}
