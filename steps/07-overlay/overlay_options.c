#include "steps/07-overlay/overlay_options.h"

#include "common/base/files.h"
#include "common/base/log.h"
#include "common/base/number.h"
#include "common/kernel/rootfs.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

/* One directory off a list, into `name` (PATH_MAX bytes). Returns the rest of
 * the list, or NULL where the name is too long. */
static const char *overlay_options_split(const char *list, char *name)
{
    size_t used = 0;
    while (*list != '\0' && *list != ':') {
        if (list[0] == '\\' && list[1] == ':')
            list++;
        if (used == PATH_MAX - 1)
            return NULL;
        name[used++] = *list++;
    }
    name[used] = '\0';
    return list;
}

const char *overlay_options_parse_layers(const char *text, void *options)
{
    struct overlay_options *asked = options;
    const char *rest = text;
    size_t count = 0;
    do {
        char name[PATH_MAX];
        const char *path;
        if (count == LAYERS_MOST)
            return "expected 500 layers at most: the kernel stacks no more";
        rest = overlay_options_split(rest, name);
        if (rest == NULL)
            return "the directory can not be reached";
        const char *expected = rootfs_parse_directory(name, &path);
        if (expected != NULL)
            return expected;
        asked->layers[count] = strdup(path);
        if (asked->layers[count++] == NULL)
            return "out of memory";
    } while (*rest++ == ':');
    asked->layer_count = count;
    return NULL;
}

/* Whether `path` is `directory`, or below it. */
static bool overlay_options_is_in(const char *path, const char *directory)
{
    size_t length = strlen(directory);
    return strncmp(path, directory, length) == 0 &&
           (path[length] == '/' || path[length] == '\0');
}

static const char *overlay_options_check_upper(const char *directory)
{
    struct statfs status;
    if (statfs(directory, &status) == -1)
        return "the directory can not be reached";
    switch ((unsigned long)status.f_type) {
    case OVERLAYFS_SUPER_MAGIC:
        return "expected a directory that is not on an overlay itself (EINVAL): "
               "an overlay can not be the upper layer of another. In a "
               "container, name a volume or a tmpfs; without --upper a tmpfs "
               "is what you get";
    case NFS_SUPER_MAGIC:
    case MSDOS_SUPER_MAGIC:
    case V9FS_MAGIC:
    case 0xff534d42: /* CIFS */
        return "expected a directory on a file system of this machine that "
               "knows owners and attributes: ext4, xfs, btrfs, tmpfs";
    default:
        return NULL;
    }
}

/* A name for a directory in one that is there: both in full, into `parent` and
 * `path` (PATH_MAX bytes each). */
static bool overlay_options_name_new(const char *text, char *parent, char *path)
{
    char given[PATH_MAX];
    int length =
        snprintf(given, sizeof given, "%s%s", text[0] == '/' ? "" : "./", text);
    if (text[0] == '\0' || length >= (int)sizeof given)
        return false;
    while (length > 1 && given[length - 1] == '/')
        given[--length] = '\0';
    char *name = strrchr(given, '/');
    *name++ = '\0';
    if (realpath(given[0] == '\0' ? "/" : given, parent) == NULL)
        return false;
    return snprintf(path, PATH_MAX, "%s/%s", parent[1] == '\0' ? "" : parent,
                    name) < PATH_MAX;
}

const char *overlay_options_parse_upper(const char *text, void *options)
{
    struct overlay_options *asked = options;
    char path[PATH_MAX], parent[PATH_MAX];
    struct stat status;
    if (realpath(text, path) == NULL) {
        if (errno != ENOENT || !overlay_options_name_new(text, parent, path))
            return "expected a directory, or a name for one in a directory "
                   "that is there";
    } else {
        if (stat(path, &status) == -1 || !S_ISDIR(status.st_mode))
            return "expected a directory (ENOTDIR)";
        memcpy(parent, path, sizeof parent);
    }
    const char *expected = overlay_options_check_upper(parent);
    if (expected != NULL)
        return expected;
    asked->upper = strdup(path);
    return asked->upper == NULL ? "out of memory" : NULL;
}

const char *overlay_options_parse_upper_size(const char *text, void *bytes)
{
    uint64_t value;
    const char *expected = number_parse_bytes(text, &value);
    if (expected != NULL)
        return expected;
    if (value < 64 << 10)
        return "expected at least 64k";
    *(uint64_t *)bytes = value;
    return NULL;
}

int overlay_options_check_overlap(const struct overlay_options *options)
{
    for (size_t i = 0; i < options->layer_count; i++) {
        const char *one = options->layers[i];
        /* Each with those above it, and with what is written to. */
        for (size_t j = 0; j <= i; j++) {
            const char *other = j == i ? options->upper : options->layers[j];
            if (other == NULL || (!overlay_options_is_in(one, other) &&
                                  !overlay_options_is_in(other, one)))
                continue;
            log_error("%s and %s lie in each other (ELOOP)", other, one);
            log_advice("a layer has a directory of its own");
            return -1;
        }
    }
    return 0;
}

/* Locked, with nobody else to enter it. */
static int overlay_options_lock(const struct overlay_options *options, int fd)
{
    struct stat status;
    if (flock(fd, LOCK_EX | LOCK_NB) == -1) {
        if (errno != EWOULDBLOCK)
            return (int)log_call(-1, "nobody else writes to it meanwhile",
                                 "flock(%d, LOCK_EX|LOCK_NB)", fd);
        log_error("--upper %s: another container writes to it (EWOULDBLOCK)",
                  options->upper);
        log_advice("a layer has one writer: wait for its end, or name another "
                   "directory");
        return -1;
    }
    if (fstat(fd, &status) == 0 && (status.st_mode & 077) == 0)
        return 0;
    log_error("--upper %s: others may enter it (mode %#o)", options->upper,
              status.st_mode & 07777);
    log_advice("the container's root may leave a set-user-id program there, "
               "which they could run: chmod 0700 it");
    return -1;
}

int overlay_options_open_upper(const struct overlay_options *options)
{
    static const char *const names[] = {"upper", "work"};
    int result = mkdir(options->upper, 0700);
    if (result == 0 || errno != EEXIST)
        if (log_call(result, "what is written is kept here",
                     "mkdir(\"%s\", 0700)", options->upper) == -1)
            return -1;
    int fd =
        open(options->upper, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd == -1)
        return (int)log_call(fd, "what is written is kept here",
                             "openat(AT_FDCWD, \"%s\", O_RDONLY|O_DIRECTORY)",
                             options->upper);
    result = overlay_options_lock(options, fd);
    mode_t mask = umask(0);
    for (size_t i = 0; i < 2 && result == 0; i++) {
        result = mkdirat(fd, names[i], 0755);
        if (result == -1 && errno == EEXIST)
            result = 0;
        if (result == -1)
            log_call(result, "the upper layer, and its workplace",
                     "mkdirat(%d, \"%s\", 0755)", fd, names[i]);
    }
    umask(mask);
    if (result == 0)
        return fd;
    close(fd);
    return -1;
}

int overlay_options_print_difference(const struct overlay_options *options)
{
    char upper[PATH_MAX];
    if (options->upper == NULL)
        return log_error("--diff: of what is written where? Name it with "
                         "--upper");
    if (files_path(upper, "%s/upper", options->upper) == -1)
        return -1;
    return layers_print_difference(upper, options->layers,
                                   options->layer_count);
}
