#include "steps/07-overlay/layers_copy.h"

#include "common/base/files.h"
#include "common/base/log.h"
#include "common/base/number.h"
#include "steps/07-overlay/layers.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

enum { MOST_EXTENTS = 340 }; /* as many as a map may have; user_namespaces(7) */

struct layers_map {
    struct {
        uint32_t inside, outside, count;
    } extents[MOST_EXTENTS];
    size_t count;
};

struct layers_copying {
    int to_fd;    /* the directory that is being filled */
    int links_fd; /* holds a name for each inode that has several */
    const struct layers_map *users, *groups; /* NULL: owners stay */
    uint64_t files, closed, skipped_devices, skipped_attributes;
};

/* ---- Owners ---- */

static int layers_read_map(pid_t pid, const char *name, struct layers_map *map)
{
    char path[64], text[16384];
    snprintf(path, sizeof path, "/proc/%d/%s", pid, name);
    if (files_read(path, text, sizeof text) == -1)
        return (int)log_call(-1, "who is who", "openat(\"%s\", O_RDONLY)",
                             path);
    map->count = 0;
    const char *at = text;
    while (map->count < MOST_EXTENTS) {
        uint64_t numbers[3] = {0};
        for (size_t i = 0; i < 3 && at != NULL; i++)
            at = number_scan(at + strspn(at, " \n"), UINT32_MAX, &numbers[i]);
        if (at == NULL)
            break;
        map->extents[map->count].inside = (uint32_t)numbers[0];
        map->extents[map->count].outside = (uint32_t)numbers[1];
        map->extents[map->count++].count = (uint32_t)numbers[2];
    }
    return 0;
}

/* Who has no place in the map becomes nobody, as the kernel would show it;
 * where nobody has none either, root. */
static uint32_t layers_shift(const struct layers_map *map, uint32_t id)
{
    const uint32_t wanted[] = {id, 65534, 0};
    if (map == NULL)
        return id;
    for (size_t w = 0; w < sizeof wanted / sizeof wanted[0]; w++)
        for (size_t i = 0; i < map->count; i++)
            if (wanted[w] - map->extents[i].inside < map->extents[i].count)
                return wanted[w] - map->extents[i].inside +
                       map->extents[i].outside;
    return id;
}

/* ---- One file ---- */

/* A file in a directory that is a descriptor, as a path: attributes of links
 * can be had by no other way. */
static void layers_path(int directory_fd, const char *name, char *path,
                        size_t size)
{
    snprintf(path, size, "/proc/self/fd/%d/%s", directory_fd, name);
}

/* Owner first, since a change of owner takes set-user-id bits and file
 * capabilities away; times last. */
static int layers_copy_owner(struct layers_copying *copying, const char *name,
                             const struct stat *status)
{
    uid_t user = layers_shift(copying->users, status->st_uid);
    gid_t group = layers_shift(copying->groups, status->st_gid);
    int result =
        fchownat(copying->to_fd, name, user, group, AT_SYMLINK_NOFOLLOW);
    /* The overflow id of somebody who has no place here: it stays ours. */
    if (result == -1 && errno == EINVAL && copying->users == NULL)
        result = 0;
    if (result == -1)
        return (int)log_call(result, "the owner of a copy",
                             "fchownat(%d, \"%s\", %u, %u)", copying->to_fd,
                             name, user, group);
    if (!S_ISLNK(status->st_mode) &&
        fchmodat(copying->to_fd, name, status->st_mode & 07777, 0) == -1)
        return (int)log_call(-1, "the mode of a copy",
                             "fchmodat(%d, \"%s\", %#o)", copying->to_fd, name,
                             status->st_mode & 07777);
    return 0;
}

/* File capabilities are worth something only to the root that they name: in
 * a user namespace, its own. capabilities(7), "Namespaced file capabilities". */
static size_t layers_shift_capability(const struct layers_copying *copying,
                                      unsigned char *value, size_t size)
{
    enum { V2 = 0x02000000, V2_BYTES = 20, VERSION_BYTE = 3 };
    if (copying->users == NULL || size != V2_BYTES ||
        value[VERSION_BYTE] != V2 >> 24)
        return size;
    uint32_t root = layers_shift(copying->users, 0);
    value[VERSION_BYTE]++; /* version 3 has the root's number behind the rest */
    for (int i = 0; i < 4; i++)
        value[size++] = (unsigned char)(root >> (8 * i));
    return size;
}

static void layers_copy_attributes(struct layers_copying *copying, int from_fd,
                                   const char *name)
{
    char from[64 + NAME_MAX], to[64 + NAME_MAX], names[4096];
    unsigned char value[65536 + 4];
    layers_path(from_fd, name, from, sizeof from);
    layers_path(copying->to_fd, name, to, sizeof to);
    ssize_t length = llistxattr(from, names, sizeof names);
    for (char *key = names; key < names + length; key += strlen(key) + 1) {
        /* The marks of layers have done their work, in making this whole. */
        if (strncmp(key, "user.overlay.", 13) == 0 ||
            strncmp(key, "trusted.overlay.", 16) == 0)
            continue;
        ssize_t size = lgetxattr(from, key, value, sizeof value - 4);
        if (size == -1 || strncmp(key, "system.posix_acl_", 17) == 0) {
            copying->skipped_attributes++;
            continue;
        }
        size_t bytes = (size_t)size;
        if (strcmp(key, "security.capability") == 0)
            bytes = layers_shift_capability(copying, value, bytes);
        if (lsetxattr(to, key, value, bytes, 0) == -1)
            copying->skipped_attributes++;
    }
}

/* Only what is there: a hole stays one. */
static int layers_copy_content(int from_fd, int to_fd, off_t size)
{
    off_t at = 0;
    while (at < size) {
        at = lseek(from_fd, at, SEEK_DATA);
        if (at == -1)
            break; /* ENXIO: only a hole is left */
        off_t end = lseek(from_fd, at, SEEK_HOLE);
        if (end == -1 || lseek(to_fd, at, SEEK_SET) == -1)
            return -1;
        while (at < end) {
            ssize_t sent = sendfile(to_fd, from_fd, &at, (size_t)(end - at));
            if (sent == -1)
                return -1;
            if (sent == 0)
                return 0; /* it has become shorter meanwhile */
        }
    }
    return at == -1 && errno != ENXIO ? -1 : ftruncate(to_fd, size);
}

static int layers_copy_regular(struct layers_copying *copying, int from_fd,
                               const char *name, const struct stat *status)
{
    int from = openat(from_fd, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    if (from == -1 &&
        errno == EACCES) { /* nor could it be read in an overlay */
        copying->closed++;
        return mknodat(copying->to_fd, name, S_IFREG | 0600, 0);
    }
    if (from == -1)
        return (int)log_call(from, "a file of a layer, to be copied",
                             "openat(%d, \"%s\", O_RDONLY|O_NOFOLLOW)", from_fd,
                             name);
    int to = openat(copying->to_fd, name,
                    O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    int result = to == -1 ? -1 : layers_copy_content(from, to, status->st_size);
    if (result == -1)
        log_call(result, "a copy of a file (--upper-size says how much)",
                 "sendfile(\"%s\")", name);
    int saved_errno = errno;
    if (to != -1)
        close(to);
    close(from);
    errno = saved_errno;
    return result;
}

static int layers_copy_link(struct layers_copying *copying, int from_fd,
                            const char *name)
{
    char target[PATH_MAX];
    ssize_t length = readlinkat(from_fd, name, target, sizeof target - 1);
    if (length != -1) {
        target[length] = '\0';
        if (symlinkat(target, copying->to_fd, name) == 0)
            return 0;
    }
    return (int)log_call(-1, "a copy of a link", "symlinkat(\"%s\")", name);
}

/* ---- Everything ---- */

static int layers_copy_entry(void *context, const struct layers *layers,
                             const char *name, int which,
                             const struct stat *status);

static int layers_copy_directory(struct layers_copying *copying,
                                 const struct layers *layers, const char *name)
{
    struct layers *below = malloc(sizeof *below);
    struct layers_copying inner = *copying;
    int result = -1;
    inner.to_fd = -1;
    if (below == NULL)
        return log_error("out of memory (ENOMEM)");
    if (mkdirat(copying->to_fd, name, 0700) == 0)
        inner.to_fd = openat(copying->to_fd, name,
                             O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (inner.to_fd != -1 && layers_enter(layers, name, below) == -1 &&
        errno == EACCES) {
        below->count = 0;
        inner.closed++;
        result = 0;
    } else if (inner.to_fd == -1 || below->count == 0) {
        log_call(-1, "a copy of a directory", "mkdirat(%d, \"%s\", 0700)",
                 copying->to_fd, name);
    } else {
        result = layers_for_each(below, layers_copy_entry, &inner);
        layers_close(below);
    }
    if (inner.to_fd != -1)
        close(inner.to_fd);
    inner.to_fd = copying->to_fd;
    *copying = inner; /* what it has counted */
    free(below);
    return result;
}

/* The name in links_fd of an inode that has several. The file system of the
 * copy serves as the table of those that we have met. */
static bool layers_link_name(const struct stat *status, char *name, size_t size)
{
    snprintf(name, size, "%" PRIx64 "-%" PRIx64, (uint64_t)status->st_dev,
             (uint64_t)status->st_ino);
    return status->st_nlink > 1 && !S_ISDIR(status->st_mode);
}

static int layers_copy_entry(void *context, const struct layers *layers,
                             const char *name, int which,
                             const struct stat *status)
{
    struct layers_copying *copying = context;
    int from_fd = layers->fds[which], result;
    char met[40];
    bool linked = layers_link_name(status, met, sizeof met);
    if (linked && linkat(copying->links_fd, met, copying->to_fd, name, 0) == 0)
        return 0;
    if (S_ISCHR(status->st_mode) || S_ISBLK(status->st_mode)) {
        copying->skipped_devices++;
        return 0;
    }
    if (S_ISDIR(status->st_mode))
        result = layers_copy_directory(copying, layers, name);
    else if (S_ISREG(status->st_mode))
        result = layers_copy_regular(copying, from_fd, name, status);
    else if (S_ISLNK(status->st_mode))
        result = layers_copy_link(copying, from_fd, name);
    else /* a pipe or a socket: the name alone */
        result = mknodat(copying->to_fd, name, status->st_mode, 0);
    if (result == -1 || layers_copy_owner(copying, name, status) == -1)
        return -1;
    layers_copy_attributes(copying, from_fd, name);
    copying->files++;
    if (linked)
        linkat(copying->to_fd, name, copying->links_fd, met, 0);
    const struct timespec times[] = {status->st_atim, status->st_mtim};
    utimensat(copying->to_fd, name, times, AT_SYMLINK_NOFOLLOW);
    return 0;
}

static int layers_forget_link(void *context, const struct layers *layers,
                              const char *name, int which,
                              const struct stat *status)
{
    (void)context;
    (void)status;
    return unlinkat(layers->fds[which], name, 0);
}

static const char links_name[] = ".nsctl-links";

static int layers_copy_whole(struct layers_copying *copying,
                             const struct layers *whole)
{
    struct stat top = {0};
    int result = -1;
    if (mkdirat(copying->to_fd, links_name, 0700) == 0)
        copying->links_fd = openat(copying->to_fd, links_name,
                                   O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (copying->links_fd == -1)
        return (int)log_call(-1, "a place for hard links",
                             "mkdirat(%d, \"%s\", 0700)", copying->to_fd,
                             links_name);
    result = layers_for_each(whole, layers_copy_entry, copying);
    struct layers links = {.fds = {copying->links_fd}, .count = 1};
    if (layers_for_each(&links, layers_forget_link, NULL) == -1 ||
        unlinkat(copying->to_fd, links_name, AT_REMOVEDIR) == -1 ||
        fstat(whole->fds[0], &top) == -1)
        result = (int)log_call(-1, "the place for hard links is gone",
                               "unlinkat(%d, \"%s\", AT_REMOVEDIR)",
                               copying->to_fd, links_name);
    close(copying->links_fd);
    return result == -1 ? -1 : layers_copy_owner(copying, ".", &top);
}

int layers_copy(const char *const *layers, size_t count, int target_fd,
                pid_t pid)
{
    static struct layers_map users, groups;
    static struct layers whole;
    struct layers_copying copying = {.to_fd = target_fd, .links_fd = -1};
    if (pid != 0) {
        if (layers_read_map(pid, "uid_map", &users) == -1 ||
            layers_read_map(pid, "gid_map", &groups) == -1)
            return -1;
        copying.users = &users;
        copying.groups = &groups;
    }
    if (layers_open(&whole, layers, count) == -1)
        return -1;
    mode_t mask = umask(0);
    int result = layers_copy_whole(&copying, &whole);
    umask(mask);
    layers_close(&whole);
    if (result == 0)
        log_note("copied: %" PRIu64 " files, without %" PRIu64
                 " devices and %" PRIu64 " attributes, and without what is in "
                 "%" PRIu64 " that may not be read",
                 copying.files, copying.skipped_devices,
                 copying.skipped_attributes, copying.closed);
    return result;
}
