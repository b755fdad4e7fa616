#include "common/image/layer_unpack.h"

#include "common/base/files.h"
#include "common/base/log.h"
#include "common/image/layer_attributes.h"
#include "common/image/layer_unpacking.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

/* ---- What an entry has besides its data ---- */

/* Whether an attribute is one for us to set: 1, 0, or -1. */
static int unpack_wants(const struct unpack *unpack, const char *name)
{
    if (layer_attributes_is_overlays(name))
        return tar_reader_refuse(
            unpack->reader, "the attribute %.64s would be obeyed by overlay",
            name);
    if (layer_attributes_belongs(name))
        return 1;
    unpack->counts->attributes++; /* of the security module of another host */
    return 0;
}

static int unpack_attributes(const struct unpack *unpack, int fd)
{
    const struct tar_entry *entry = unpack->entry;
    for (size_t i = 0; i < entry->attribute_count; i++) {
        const struct tar_attribute *attribute = &entry->attributes[i];
        int wanted = unpack_wants(unpack, attribute->name);
        if (wanted == -1)
            return -1;
        /* Without a descriptor it is a link or a device, which has none. */
        if (wanted == 1 && fd == -1)
            return tar_reader_refuse(unpack->reader,
                                     "the attribute %.64s on what is neither "
                                     "file nor directory",
                                     attribute->name);
        if (wanted == 1 && fsetxattr(fd, attribute->name, attribute->value,
                                     attribute->size, 0) == -1)
            return unpack_failed(unpack, "fsetxattr");
    }
    return 0;
}

static struct timespec unpack_mtime(const struct tar_entry *entry)
{
    return (struct timespec){.tv_sec = entry->mtime,
                             .tv_nsec = entry->mtime_nanoseconds};
}

/* The owner, the mode and the rest of what has no descriptor. */
static int unpack_finish_node(const struct unpack *unpack, int parent_fd,
                              const char *name)
{
    const struct tar_entry *entry = unpack->entry;
    struct timespec times[2] = {unpack_mtime(entry), unpack_mtime(entry)};
    if (!unpack->options->own_all &&
        fchownat(parent_fd, name, entry->uid, entry->gid,
                 AT_SYMLINK_NOFOLLOW) == -1)
        return unpack_failed(unpack, "fchownat");
    /* A symbolic link has no mode, and what it leads to is not ours. */
    if (entry->kind != TAR_SYMLINK &&
        fchmodat(parent_fd, name, entry->mode, 0) == -1)
        return unpack_failed(unpack, "fchmodat");
    if (unpack_attributes(unpack, -1) == -1)
        return -1;
    return utimensat(parent_fd, name, times, AT_SYMLINK_NOFOLLOW) == 0
               ? 0
               : unpack_failed(unpack, "utimensat");
}

/* ---- Each kind of entry ---- */

/* Takes away what is where the entry is to be. Only a directory with something
 * in it stays: no archive that was made by a program has such a thing. */
static int unpack_make_room(struct unpack *unpack, int parent_fd,
                            const char *name)
{
    if (unlinkat(parent_fd, name, 0) == 0)
        return 0;
    if (errno != EISDIR && errno != EPERM)
        return unpack_failed(unpack, "unlinkat");
    if (unlinkat(parent_fd, name, AT_REMOVEDIR) == 0)
        return 0;
    return errno == ENOTEMPTY
               ? tar_reader_refuse(unpack->reader,
                                   "is in place of a directory that is not "
                                   "empty")
               : unpack_failed(unpack, "unlinkat");
}

static int unpack_write(const struct unpack *unpack, int fd)
{
    struct tar_piece piece;
    uint64_t end = 0; /* of what was written */
    int result;
    while ((result = tar_reader_body(unpack->reader, &piece)) == 1) {
        const char *data = piece.data;
        while (piece.size > 0) {
            ssize_t written = pwrite(fd, data, piece.size, (off_t)piece.offset);
            if (written == -1 && errno == EINTR)
                continue;
            if (written == -1)
                return unpack_failed(unpack, "pwrite64");
            data += written;
            piece.size -= (size_t)written;
            piece.offset += (uint64_t)written;
        }
        end = piece.offset;
    }
    if (result == 0 && end < unpack->entry->size &&
        ftruncate(fd, (off_t)unpack->entry->size) == -1)
        return unpack_failed(unpack, "ftruncate");
    return result;
}

static int unpack_file(struct unpack *unpack, int parent_fd, const char *name)
{
    enum { FLAGS = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC };
    const struct tar_entry *entry = unpack->entry;
    struct timespec times[2] = {unpack_mtime(entry), unpack_mtime(entry)};
    int fd = openat(parent_fd, name, FLAGS, 0600);
    if (fd == -1 && errno == EEXIST) {
        if (unpack_make_room(unpack, parent_fd, name) == -1)
            return -1;
        fd = openat(parent_fd, name, FLAGS, 0600);
    }
    if (fd == -1)
        return unpack_failed(unpack, "openat");
    /* The time last, and capabilities after the owner: whatever changes a file
     * changes its time, and whatever changes its owner takes those away. */
    int result = -1;
    if (unpack_write(unpack, fd) == 0 &&
        unpack_own(unpack, fd, entry->uid, entry->gid, entry->mode) == 0 &&
        unpack_attributes(unpack, fd) == 0)
        result =
            futimens(fd, times) == 0 ? 0 : unpack_failed(unpack, "utimensat");
    if (close(fd) == -1 && result == 0) /* a quota may be noticed only here */
        result = unpack_failed(unpack, "close");
    unpack->counts->bytes += entry->size;
    return result;
}

static int unpack_directory(struct unpack *unpack, int parent_fd,
                            const char *name)
{
    const struct tar_entry *entry = unpack->entry;
    bool made = true;
    int fd = *name == '\0'
                 ? unpack_open(unpack, "", O_RDONLY)
                 : unpack_make_directory(unpack, parent_fd, name, &made);
    if (fd == -1)
        return *name == '\0' ? unpack_failed(unpack, "openat2") : -1;
    if (unpack_own(unpack, fd, entry->uid, entry->gid, entry->mode | 0700) ==
            -1 ||
        unpack_attributes(unpack, fd) == -1 ||
        unpack_remember(unpack, fd, unpack->path, entry->mode,
                        unpack_mtime(entry)) == -1) {
        close(fd);
        return -1;
    }
    /* What comes next is most likely in it. */
    unpack_forget_parent(unpack);
    memcpy(unpack->parent, unpack->path, strlen(unpack->path) + 1);
    unpack->parent_fd = fd;
    return 0;
}

static int unpack_symlink(struct unpack *unpack, int parent_fd,
                          const char *name)
{
    const char *target = unpack->entry->target;
    int result = symlinkat(target, parent_fd, name);
    if (result == -1 && errno == EEXIST) {
        if (unpack_make_room(unpack, parent_fd, name) == -1)
            return -1;
        result = symlinkat(target, parent_fd, name);
    }
    return result == 0 ? unpack_finish_node(unpack, parent_fd, name)
                       : unpack_failed(unpack, "symlinkat");
}

/* Links `name` to what the layer itself has under the target's name, whatever
 * that is: a symbolic link is not followed. */
static int unpack_link(struct unpack *unpack, int parent_fd, const char *name,
                       int target_fd, const char *target)
{
    struct stat status, there;
    if (fstatat(target_fd, target, &status, AT_SYMLINK_NOFOLLOW) == -1)
        return errno == ENOENT
                   ? tar_reader_refuse(unpack->reader,
                                       "a link to \"%.256s\", which is not in "
                                       "the archive before it",
                                       unpack->target)
                   : unpack_failed(unpack, "newfstatat");
    if (S_ISDIR(status.st_mode) || unpack_is_whiteout(&status))
        return tar_reader_refuse(unpack->reader,
                                 "a link to \"%.256s\", which is no file",
                                 unpack->target);
    int result = linkat(target_fd, target, parent_fd, name, 0);
    if (result == -1 && errno == EEXIST) {
        if (fstatat(parent_fd, name, &there, AT_SYMLINK_NOFOLLOW) == 0 &&
            there.st_dev == status.st_dev && there.st_ino == status.st_ino)
            return 0; /* itself: to make room for it would lose it */
        if (unpack_make_room(unpack, parent_fd, name) == -1)
            return -1;
        result = linkat(target_fd, target, parent_fd, name, 0);
    }
    return result == 0 ? 0 : unpack_failed(unpack, "linkat");
}

static int unpack_hard_link(struct unpack *unpack, int parent_fd,
                            const char *name)
{
    char target_parent[PATH_MAX];
    if (unpack_clean_name(unpack, unpack->entry->target, "its target",
                          unpack->target) == -1)
        return -1;
    const char *target = files_base_name(unpack->target);
    if (*target == '\0')
        return tar_reader_refuse(unpack->reader, "a link to the layer itself");
    size_t length = (size_t)(target - unpack->target);
    memcpy(target_parent, unpack->target, length);
    target_parent[length] = '\0';
    int target_fd = unpack_open(unpack, target_parent, O_PATH);
    if (target_fd == -1 && errno != ENOENT && errno != ENOTDIR &&
        errno != ELOOP)
        return unpack_failed(unpack, "openat2");
    if (target_fd == -1)
        return tar_reader_refuse(unpack->reader,
                                 "a link to \"%.256s\", which is not in the "
                                 "archive before it",
                                 unpack->target);
    int result = unpack_link(unpack, parent_fd, name, target_fd, target);
    close(target_fd);
    return result;
}

static int unpack_node(struct unpack *unpack, int parent_fd, const char *name)
{
    const struct tar_entry *entry = unpack->entry;
    mode_t type = entry->kind == TAR_FIFO           ? S_IFIFO
                  : entry->kind == TAR_BLOCK_DEVICE ? S_IFBLK
                                                    : S_IFCHR;
    dev_t device = makedev(entry->device_major, entry->device_minor);
    if (type != S_IFIFO && unpack->options->devices != LAYER_DEVICES_MAKE) {
        if (unpack->options->devices == LAYER_DEVICES_LEAVE_OUT) {
            unpack->counts->devices++;
            return 0;
        }
        return tar_reader_refuse(unpack->reader,
                                 "a device, which root alone may make, and "
                                 "only where that was asked for");
    }
    if (type == S_IFCHR && device == makedev(0, 0))
        return tar_reader_refuse(unpack->reader,
                                 "the device 0:0, which would be obeyed by "
                                 "overlay: a layer says .wh.NAME");
    int result = mknodat(parent_fd, name, type | 0600, device);
    if (result == -1 && errno == EEXIST) {
        if (unpack_make_room(unpack, parent_fd, name) == -1)
            return -1;
        result = mknodat(parent_fd, name, type | 0600, device);
    }
    return result == 0 ? unpack_finish_node(unpack, parent_fd, name)
                       : unpack_failed(unpack, "mknodat");
}

/* ---- What is gone ---- */

/* Of what the layers below have in the place of that directory nothing is to be seen. */
static int unpack_hide_below(const struct unpack *unpack, int parent_fd,
                             const char *name)
{
    int fd = openat(parent_fd, name,
                    O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd == -1)
        return unpack_failed(unpack, "openat");
    int result = unpack_make_opaque(unpack, fd);
    close(fd);
    return result;
}

/* .wh.NAME: it is said of what is below this layer, so what the layer itself
 * has of that name stays, whether it came before or comes after. */
static int unpack_whiteout(struct unpack *unpack, int parent_fd,
                           const char *name)
{
    struct stat status;
    if (strcmp(name, ".wh..opq") == 0)
        return unpack_hide_below(unpack, parent_fd, ".");
    if (*name == '\0' || strcmp(name, ".") == 0 || strcmp(name, "..") == 0 ||
        strncmp(name, ".wh.", 4) == 0)
        return tar_reader_refuse(
            unpack->reader, "says that \"%s\" is gone, which is no name", name);
    int result = 0;
    //> whiteout
    /* Since 5.8 anybody may make this one device. mknod(2) does not say so. */
    result = mknodat(parent_fd, name, S_IFCHR, makedev(0, 0));
    //< whiteout
    if (result == 0)
        return unpack->options->own_all ||
                       fchownat(parent_fd, name, 0, 0, AT_SYMLINK_NOFOLLOW) == 0
                   ? 0
                   : unpack_failed(unpack, "fchownat");
    if (errno != EEXIST)
        return unpack_failed(unpack, "mknodat");
    if (fstatat(parent_fd, name, &status, AT_SYMLINK_NOFOLLOW) == -1)
        return unpack_failed(unpack, "newfstatat");
    return S_ISDIR(status.st_mode) ? unpack_hide_below(unpack, parent_fd, name)
                                   : 0;
}

/* ---- All of it ---- */

static int unpack_entry(struct unpack *unpack)
{
    const struct tar_entry *entry = unpack->entry;
    if (unpack_clean_name(unpack, entry->path, "its name", unpack->path) == -1)
        return -1;
    const char *name = files_base_name(unpack->path);
    if (*name == '\0')
        return entry->kind == TAR_DIRECTORY
                   ? unpack_directory(unpack, unpack->layer_fd, name)
                   : tar_reader_refuse(unpack->reader,
                                       "is in place of the layer itself");
    bool whiteout = strncmp(name, ".wh.", 4) == 0;
    if (whiteout && unpack->options->plain_tree)
        return tar_reader_refuse(unpack->reader,
                                 "a name that begins with .wh. can not be in "
                                 "an image: it says that a file is gone");
    int parent_fd = unpack_open_parent(unpack, unpack->path);
    if (parent_fd == -1)
        return -1;
    if (whiteout)
        return unpack_whiteout(unpack, parent_fd, name + 4);
    switch (entry->kind) {
    case TAR_FILE:
        return unpack_file(unpack, parent_fd, name);
    case TAR_DIRECTORY:
        return unpack_directory(unpack, parent_fd, name);
    case TAR_SYMLINK:
        return unpack_symlink(unpack, parent_fd, name);
    case TAR_HARD_LINK:
        return unpack_hard_link(unpack, parent_fd, name);
    default:
        return unpack_node(unpack, parent_fd, name);
    }
}

int layer_unpack(struct tar_reader *reader, int directory_fd,
                 const struct layer_options *options,
                 struct layer_counts *counts)
{
    struct tar_entry entry;
    struct unpack unpack = {.reader = reader,
                            .options = options,
                            .counts = counts,
                            .layer_fd = directory_fd,
                            .parent_fd = -1,
                            .entry = &entry};
    int result;
    *counts = (struct layer_counts){0};
    while ((result = tar_reader_next(reader, &entry)) == 1) {
        counts->entries++;
        result = unpack_entry(&unpack);
        if (result == -1)
            break;
    }
    if (result == 0)
        result = unpack_finish_directories(&unpack);
    if (result == 0)
        result = tar_reader_finish(reader);
    int saved_errno = errno;
    unpack_forget_parent(&unpack);
    unpack_forget_directories(&unpack);
    errno = saved_errno;
    return result;
}
