#include "steps/07-overlay/host_view.h"

#include "common/base/files.h"
#include "common/base/log.h"
#include "common/kernel/mountinfo.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <linux/magic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

/* The mount points of the host, in a list. */
struct host_view_points {
    char **paths;
    size_t count;
    bool by_root;
};

static int host_view_read_points(struct host_view_points *points)
{
    struct mountinfo mounts;
    int result = 0;
    if (mountinfo_open(&mounts, "what is mounted on the host") == -1)
        return -1;
    while (result == 0 && mountinfo_next(&mounts)) {
        char *point = strdup(mounts.target);
        char **paths =
            realloc(points->paths, (points->count + 1) * sizeof *paths);
        if (paths != NULL)
            points->paths = paths;
        if (point == NULL || paths == NULL) {
            free(point);
            result = log_error("out of memory (ENOMEM)");
        } else {
            points->paths[points->count++] = point;
        }
    }
    return mountinfo_close(&mounts) == -1 ? -1 : result;
}

static void host_view_free_points(struct host_view_points *points)
{
    while (points->count > 0)
        free(points->paths[--points->count]);
    free(points->paths);
}

/* Is something mounted below `path`, so that the layer would not show it? For
 * root a file does not count: under it is what the host has there itself. */
static bool host_view_has_mounts(const struct host_view_points *points,
                                 const char *path)
{
    size_t length = strlen(path);
    for (size_t i = 0; i < points->count; i++) {
        struct stat status;
        if (strncmp(points->paths[i], path, length) == 0 &&
            points->paths[i][length] == '/' &&
            (!points->by_root ||
             (stat(points->paths[i], &status) == 0 && S_ISDIR(status.st_mode))))
            return true;
    }
    return false;
}

static int host_view_add(struct host_view *view, enum host_view_kind kind,
                         const char *path, const char *link, mode_t mode)
{
    struct host_view_entry *entries =
        realloc(view->entries, (view->count + 1) * sizeof *entries);
    if (entries == NULL)
        return log_error("out of memory (ENOMEM)");
    view->entries = entries;
    struct host_view_entry *entry = &entries[view->count++];
    *entry = (struct host_view_entry){kind, strdup(path), NULL, mode};
    if (link != NULL)
        entry->link = strdup(link);
    if (entry->path == NULL || (link != NULL && entry->link == NULL))
        return log_error("out of memory (ENOMEM)");
    return 0;
}

/* Can the file system at `path` be a layer? Those of the kernel's own can not,
 * and network file systems answer for their own owners. */
static bool host_view_is_disk(const char *path)
{
    static const char *const never[] = {"/proc", "/sys", "/dev", "/run"};
    for (size_t i = 0; i < sizeof never / sizeof never[0]; i++)
        if (strcmp(path, never[i]) == 0)
            return false;
    struct statfs status;
    if (statfs(path, &status) == -1)
        return false;
    switch ((unsigned long)status.f_type) {
    case PROC_SUPER_MAGIC:
    case SYSFS_MAGIC:
    case CGROUP_SUPER_MAGIC:
    case CGROUP2_SUPER_MAGIC:
    case DEVPTS_SUPER_MAGIC:
    case DEBUGFS_MAGIC:
    case TRACEFS_MAGIC:
    case SECURITYFS_MAGIC:
    case BPF_FS_MAGIC:
    case 0x19800202: /* mqueue */
    case 0x0187:     /* autofs */
    case 0x42494e4d: /* binfmt_misc */
    case 0x65735546: /* FUSE: its owner alone may look */
        return false;
    default:
        return true;
    }
}

static int host_view_walk(struct host_view *view,
                          const struct host_view_points *points,
                          const char *directory);

static int host_view_take(struct host_view *view,
                          const struct host_view_points *points,
                          const char *path)
{
    struct stat status;
    char target[PATH_MAX];
    if (lstat(path, &status) == -1)
        return 0; /* it may have gone meanwhile */
    mode_t mode = status.st_mode & 07777;
    if (S_ISLNK(status.st_mode)) {
        ssize_t length = readlink(path, target, sizeof target - 1);
        if (length == -1)
            return 0;
        target[length] = '\0';
        return host_view_add(view, HOST_VIEW_LINK, path, target, mode);
    }
    if (S_ISREG(status.st_mode))
        return host_view_add(view, HOST_VIEW_FILE, path, NULL, mode);
    if (!S_ISDIR(status.st_mode))
        return 0;
    if (!host_view_is_disk(path)) {
        log_note("left out, an empty directory: %s", path);
        return host_view_add(view, HOST_VIEW_DIRECTORY, path, NULL, mode);
    }
    if (!host_view_has_mounts(points, path))
        return host_view_add(view, HOST_VIEW_LAYER, path, NULL, mode);
    if (host_view_add(view, HOST_VIEW_DIRECTORY, path, NULL, mode) == -1)
        return -1;
    return host_view_walk(view, points, path);
}

static int host_view_walk(struct host_view *view,
                          const struct host_view_points *points,
                          const char *directory)
{
    struct dirent **names;
    int count = scandir(directory, &names, NULL, alphasort), result = 0;
    if (count == -1) { /* closed to us here, and empty inside */
        log_note("left out, an empty directory: %s (errno %d)", directory,
                 errno);
        return 0;
    }
    for (int n = 0; n < count; n++) {
        char path[PATH_MAX];
        const char *name = names[n]->d_name;
        if (result == 0 && strcmp(name, ".") != 0 && strcmp(name, "..") != 0) {
            result = files_path(path, "%s/%s",
                                directory[1] == '\0' ? "" : directory, name);
            if (result == 0)
                result = host_view_take(view, points, path);
        }
        free(names[n]);
    }
    free(names);
    return result;
}

int host_view_find(struct host_view *view, bool by_root)
{
    struct host_view_points points = {.by_root = by_root};
    int result = host_view_read_points(&points);
    if (result == 0)
        result = host_view_walk(view, &points, "/");
    host_view_free_points(&points);
    return result;
}

int host_view_to_layers(const struct host_view *view,
                        struct overlay_options *options)
{
    options->layer_count = 0;
    for (size_t i = 0; i < view->count; i++) {
        const struct host_view_entry *entry = &view->entries[i];
        if (entry->kind != HOST_VIEW_LAYER && entry->kind != HOST_VIEW_FILE)
            continue;
        if (options->layer_count == LAYERS_MOST) {
            log_error("--host: more is mounted here than %d layers show",
                      LAYERS_MOST);
            log_advice("as root fewer are needed");
            return -1;
        }
        options->layers[options->layer_count++] = entry->path;
    }
    return 0;
}

int host_view_make(const struct host_view_entry *entry, const char *path)
{
    int result;
    switch (entry->kind) {
    case HOST_VIEW_LINK:
        result = symlink(entry->link, path);
        break;
    case HOST_VIEW_FILE:
        result = mknod(path, S_IFREG | 0600, 0);
        break;
    default:
        result = mkdir(path, 0755);
        if (result == 0)
            result = chmod(path, entry->mode);
        break;
    }
    if (result == -1)
        log_call(result, "a place in the view of the host", "mknod(\"%s\")",
                 path);
    return result;
}
