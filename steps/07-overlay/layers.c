#include "steps/07-overlay/layers.h"

#include "common/base/advice.h"
#include "common/base/files.h"
#include "common/base/log.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

enum { OPEN_DIRECTORY = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC };

/* ---- The two marks ---- */

/* Whether an empty file is a whiteout by an attribute, as it may be since 6.7: 1, 0, or
 * -1. Of one that may not be read there is no telling (EACCES): it is taken for a file, and
 * whoever wants what is in it is refused then. */
static int layers_has_whiteout_mark(int directory_fd, const char *name,
                                    const struct stat *status)
{
    static const char *const marks[] = {"user.overlay.whiteout",
                                        "trusted.overlay.whiteout"};
    char path[64 + NAME_MAX];
    if (!S_ISREG(status->st_mode) || status->st_size != 0)
        return 0;
    snprintf(path, sizeof path, "/proc/self/fd/%d/%s", directory_fd, name);
    for (size_t i = 0; i < sizeof marks / sizeof marks[0]; i++) {
        if (lgetxattr(path, marks[i], NULL, 0) >= 0)
            return 1;
        if (errno != ENODATA && errno != EOPNOTSUPP && errno != EACCES)
            return -1;
    }
    return 0;
}

int layers_is_whiteout(int directory_fd, const char *name,
                       const struct stat *status)
{
    int marked = layers_has_whiteout_mark(directory_fd, name, status);
    bool gone = false;
    //> whiteout
    if (S_ISCHR(status->st_mode))
        gone = status->st_rdev == makedev(0, 0);
    else
        gone = marked == 1;
    //< whiteout
    return marked == -1 ? -1 : gone;
}

int layers_is_opaque(int directory_fd)
{
    static const char *const names[] = {"user.overlay.opaque",
                                        "trusted.overlay.opaque"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        char value;
        /* 'x' says that there are whiteouts of the other spelling in it. */
        ssize_t length = fgetxattr(directory_fd, names[i], &value, 1);
        if (length == 1 && value == 'y')
            return 1;
        /* There is none, none here at all, or a longer word: all of it no. */
        if (length == -1 && errno != ENODATA && errno != EOPNOTSUPP &&
            errno != ERANGE)
            return -1;
    }
    return 0;
}

/* ---- Several layers as one ---- */

void layers_close(struct layers *layers)
{
    int saved_errno = errno;
    while (layers->count > 0)
        close(layers->fds[--layers->count]);
    errno = saved_errno;
}

/* Whatever becomes of it: one too many is refused by name (EMFILE). */
struct rlimit layers_allow_descriptors(void)
{
    struct rlimit before = {0}, most;
    if (getrlimit(RLIMIT_NOFILE, &before) == 0) {
        most = before;
        most.rlim_cur = most.rlim_max;
        setrlimit(RLIMIT_NOFILE, &most);
    }
    return before;
}

int layers_open(struct layers *layers, const char *const *paths, size_t count)
{
    layers->count = 0;
    for (size_t i = 0; i < count; i++) {
        int fd = open(paths[i], OPEN_DIRECTORY);
        if (fd == -1) {
            log_call(fd, "a layer, to be read",
                     "openat(AT_FDCWD, \"%s\", O_RDONLY|O_DIRECTORY)",
                     paths[i]);
            layers_close(layers);
            return -1;
        }
        layers->fds[layers->count++] = fd;
    }
    return 0;
}

int layers_look_up(const struct layers *layers, const char *name,
                   struct stat *status)
{
    for (size_t i = 0; i < layers->count; i++) {
        int fd = layers->fds[i];
        if (fstatat(fd, name, status, AT_SYMLINK_NOFOLLOW) == -1) {
            if (errno == ENOENT)
                continue;
            return -1;
        }
        int gone = layers_is_whiteout(fd, name, status);
        if (gone == -1)
            return -1;
        if (gone == 0)
            return (int)i;
        break;
    }
    errno = ENOENT;
    return -1;
}

int layers_enter(const struct layers *layers, const char *name,
                 struct layers *below)
{
    below->count = 0;
    for (size_t i = 0; i < layers->count; i++) {
        int fd = openat(layers->fds[i], name, OPEN_DIRECTORY);
        if (fd == -1 && errno == ENOENT)
            continue; /* this layer does not speak of it */
        if (fd == -1 && (errno == ENOTDIR || errno == ELOOP))
            break; /* another thing of that name, or a whiteout, ends it */
        if (fd == -1) {
            layers_close(below);
            return -1;
        }
        below->fds[below->count++] = fd;
        int opaque = layers_is_opaque(fd);
        if (opaque == -1) {
            layers_close(below);
            return -1;
        }
        if (opaque == 1)
            break;
    }
    return 0;
}

/* Names of a directory, in their order. Returns their number, or -1, reported.
 * The caller frees each, and the list. */
static int layers_read_names(int directory_fd, struct dirent ***names)
{
    char path[64], target[PATH_MAX] = "";
    snprintf(path, sizeof path, "/proc/self/fd/%d", directory_fd);
    int count = scandir(path, names, NULL, alphasort);
    if (count == -1) {
        if (readlink(path, target, sizeof target - 1) == -1)
            snprintf(target, sizeof target, "%s", path);
        log_call(count, "what is in a layer", "openat(\"%s\", O_RDONLY)",
                 target);
    }
    return count;
}

static void layers_free_names(struct dirent **names, int count)
{
    for (int i = 0; i < count; i++)
        free(names[i]);
    free(names);
}

/* Whether it is there or gone is not known, and is not to be guessed. */
static int layers_not_seen(const char *path, const char *name)
{
    return log_error("%s/%s: it can not be looked at (%s)", path, name,
                     advice_error_name(errno));
}

static bool layers_is_dots(const char *name)
{
    return strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
}

int layers_for_each(const struct layers *layers,
                    int (*visit)(void *context, const struct layers *layers,
                                 const char *name, int which,
                                 const struct stat *status),
                    void *context)
{
    int result = 0;
    for (size_t i = 0; i < layers->count && result == 0; i++) {
        struct dirent **names;
        int count = layers_read_names(layers->fds[i], &names);
        if (count == -1)
            return -1;
        for (int n = 0; n < count && result == 0; n++) {
            const char *name = names[n]->d_name;
            struct stat status;
            if (layers_is_dots(name))
                continue;
            /* Not where a layer above has spoken of it already. */
            int which = layers_look_up(layers, name, &status);
            if (which == (int)i)
                result = visit(context, layers, name, which, &status);
            else if (which == -1 && errno != ENOENT)
                result = layers_not_seen("…", name);
        }
        layers_free_names(names, count);
    }
    return result;
}

/* ---- What an upper layer has changed ---- */

static void layers_print(char kind, const char *path, const char *name)
{
    printf("%c ", kind);
    const char *parts[] = {path, "/", name};
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++)
        for (const char *c = parts[i]; *c != '\0'; c++)
            /* A name may be anything; a terminal obeys some of it. */
            if (*c > ' ' - 1 && *c < 0x7f && *c != '\\')
                putchar(*c);
            else
                printf("\\%03o", (unsigned)(unsigned char)*c);
    putchar('\n');
}

struct layers_hidden {
    int upper_fd;
    const char *path;
};

static int layers_visit_hidden(void *context, const struct layers *lower,
                               const char *name, int which,
                               const struct stat *status)
{
    const struct layers_hidden *hidden = context;
    struct stat above;
    (void)lower;
    (void)which;
    (void)status;
    if (fstatat(hidden->upper_fd, name, &above, AT_SYMLINK_NOFOLLOW) == 0)
        return 0;
    if (errno != ENOENT)
        return layers_not_seen(hidden->path, name);
    layers_print('D', hidden->path, name);
    return 0;
}

/* In an opaque directory: what the one below has and this one does not. */
static int layers_print_hidden(int upper_fd, const struct layers *lower,
                               const char *path)
{
    struct layers_hidden hidden = {upper_fd, path};
    return layers_for_each(lower, layers_visit_hidden, &hidden);
}

static int layers_walk_difference(int upper_fd, const struct layers *lower,
                                  const char *path);

static int layers_walk_below(int upper_fd, const struct layers *lower,
                             const char *path, const char *name)
{
    char below_path[PATH_MAX];
    if (files_path(below_path, "%s/%s", path, name) == -1)
        return -1;
    int fd = openat(upper_fd, name, OPEN_DIRECTORY);
    if (fd == -1)
        return (int)log_call(fd, "what has changed in a directory",
                             "openat(\"%s\", O_RDONLY|O_DIRECTORY)",
                             below_path);
    struct layers *below = malloc(sizeof *below);
    int result = -1;
    if (below == NULL) {
        log_error("out of memory (ENOMEM)");
    } else if (layers_enter(lower, name, below) == -1) {
        log_error("%s: what it was before can not be read (%s)", below_path,
                  advice_error_name(errno));
    } else {
        result = layers_is_opaque(fd);
        if (result == -1)
            log_call(result, "what has changed in a directory",
                     "fgetxattr(\"%s\", \"…overlay.opaque\")", below_path);
        if (result == 1)
            result = layers_print_hidden(fd, below, below_path);
        if (result == 0)
            result = layers_walk_difference(fd, below, below_path);
        layers_close(below);
    }
    free(below);
    close(fd);
    return result;
}

static int layers_walk_difference(int upper_fd, const struct layers *lower,
                                  const char *path)
{
    struct dirent **names;
    int count = layers_read_names(upper_fd, &names), result = 0;
    if (count == -1)
        return -1;
    for (int n = 0; n < count && result == 0; n++) {
        const char *name = names[n]->d_name;
        struct stat now, before;
        if (layers_is_dots(name))
            continue;
        int gone = -1, which = -1;
        if (fstatat(upper_fd, name, &now, AT_SYMLINK_NOFOLLOW) == 0)
            gone = layers_is_whiteout(upper_fd, name, &now);
        if (gone != -1)
            which = layers_look_up(lower, name, &before);
        if (gone == -1 || (which == -1 && errno != ENOENT)) {
            result = layers_not_seen(path, name);
            break;
        }
        if (gone == 1) {
            if (which != -1)
                layers_print('D', path, name);
            continue;
        }
        layers_print(which != -1 ? 'C' : 'A', path, name);
        if (S_ISDIR(now.st_mode))
            result = layers_walk_below(upper_fd, lower, path, name);
    }
    layers_free_names(names, count);
    return result;
}

int layers_print_difference(const char *upper, const char *const *lower,
                            size_t count)
{
    static struct layers above, below;
    layers_allow_descriptors(); /* nothing is executed after this */
    if (layers_open(&above, &upper, 1) == -1)
        return -1;
    int result = layers_open(&below, lower, count);
    if (result == 0) {
        result = layers_walk_difference(above.fds[0], &below, "");
        layers_close(&below);
    }
    layers_close(&above);
    if (fflush(stdout) != 0)
        result = (int)log_call(-1, "the list", "write(1)");
    return result;
}
