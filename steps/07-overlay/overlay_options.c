#include "steps/07-overlay/overlay_options.h"

#include "common/base/log.h"
#include "common/base/number.h"
#include "common/kernel/rootfs.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <stdbool.h>
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

const char *overlay_options_parse_upper(const char *text, void *options)
{
    struct overlay_options *asked = options;
    char parent[PATH_MAX], *path = realpath(text, NULL);
    struct stat status;
    if (path != NULL && (stat(path, &status) == -1 || !S_ISDIR(status.st_mode)))
        return "expected a directory (ENOTDIR)";
    if (path == NULL && errno == ENOENT && text[0] != '\0' &&
        strlen(text) < sizeof parent - 1) {
        /* It is not there yet: then that in which it is to be made must be. */
        strcpy(parent, text);
        size_t length = strlen(parent);
        while (length > 1 && parent[length - 1] == '/')
            parent[--length] = '\0';
        char *slash = strrchr(parent, '/');
        const char *name = slash == NULL ? parent : slash + 1;
        char full[PATH_MAX];
        if (slash == NULL)
            path = realpath(".", full);
        else
            path = realpath((*slash = '\0', parent[0] ? parent : "/"), full);
        if (path == NULL || strlen(full) + strlen(name) + 2 > sizeof full ||
            strcmp(name, "..") == 0 || strcmp(name, ".") == 0)
            return "expected a directory, or a name for one in a directory "
                   "that is there (ENOENT)";
        const char *expected = overlay_options_check_upper(full);
        if (expected != NULL)
            return expected;
        strcat(strcat(full, "/"), name);
        asked->upper = strdup(full[1] == '/' ? full + 1 : full);
        return asked->upper == NULL ? "out of memory" : NULL;
    }
    if (path == NULL)
        return "the directory can not be reached";
    const char *expected = overlay_options_check_upper(path);
    if (expected != NULL)
        free(path);
    else
        asked->upper = path;
    return expected;
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

static int overlay_options_check_overlap(const struct overlay_options *options)
{
    for (size_t i = 0; i < options->layer_count; i++)
        if (overlay_options_is_in(options->upper, options->layers[i]) ||
            overlay_options_is_in(options->layers[i], options->upper)) {
            log_error("--upper %s and the layer %s lie in each other (ELOOP)",
                      options->upper, options->layers[i]);
            log_advice("what is written must not appear below itself: name "
                       "another directory");
            return -1;
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
    if (overlay_options_check_overlap(options) == -1)
        return -1;
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
