#include "common/image/build_squash.h"

#include "common/base/files.h"
#include "common/base/log.h"
#include "common/base/names.h"
#include "common/image/build_key.h"
#include "common/image/build_layer.h"
#include "common/image/layer_attributes.h"
#include "common/runtime/mapped.h"
#include "common/runtime/store_tree.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { OPEN_DIRECTORY = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC };

/* The layers are laid upon each other as overlay would do it, but in a directory: what an upper
 * one says of a name replaces what those below it have said. */
struct build_squash {
    struct layers layers; /* those that are new */
    bool has_base; /* something is below them, which may have to be hidden */
    struct build_layer layer;
    char path[PATH_MAX]; /* of the tree, as far as we are */
};

static int build_squash_failed(const struct build_squash *squash,
                               const char *call)
{
    return (int)log_call(-1, "of several layers one", "%s(\"%s\")", call,
                         squash->path);
}

/* What a lower layer has said of the name, that the path ends with. */
static int build_squash_clear(const struct build_squash *squash, int to_fd,
                              const char *name)
{
    if (unlinkat(to_fd, name, 0) == 0 || errno == ENOENT)
        return 0;
    return errno == EISDIR ? store_tree_remove(squash->path)
                           : build_squash_failed(squash, "unlinkat");
}

/* The name has no meaning from here on: neither here nor below. */
static int build_squash_hide(const struct build_squash *squash, int to_fd,
                             const char *name)
{
    if (!squash->has_base)
        return 0;
    return mknodat(to_fd, name, S_IFCHR | 0600, 0) == -1
               ? build_squash_failed(squash, "mknodat")
               : 0;
}

/* What is below the directory is not in it. */
static int build_squash_mark_opaque(const struct build_squash *squash, int fd)
{
    if (!squash->has_base)
        return 0;
    return layer_attributes_make_opaque(fd) == 0
               ? 0
               : build_squash_failed(squash, "fsetxattr");
}

/* The directory of the tree that it becomes: the one that is there, unless that is hidden.
 * Returns its descriptor, or -1, reported. */
static int build_squash_open(const struct build_squash *squash, int to_fd,
                             const char *name, bool opaque)
{
    struct stat there;
    bool is_there = fstatat(to_fd, name, &there, AT_SYMLINK_NOFOLLOW) == 0;
    if (!is_there && errno != ENOENT)
        return build_squash_failed(squash, "newfstatat");
    bool goes = is_there && (opaque || !S_ISDIR(there.st_mode));
    if (goes && build_squash_clear(squash, to_fd, name) == -1)
        return -1;
    if ((!is_there || goes) && mkdirat(to_fd, name, 0700) == -1)
        return build_squash_failed(squash, "mkdirat");
    int fd = openat(to_fd, name, OPEN_DIRECTORY);
    if (fd == -1)
        return build_squash_failed(squash, "openat");
    if ((goes || opaque) && build_squash_mark_opaque(squash, fd) == -1)
        files_close(&fd);
    return fd;
}

static int build_squash_directory(struct build_squash *squash, int from_fd,
                                  int to_fd);

/* All that is in a directory, and then what it is itself, its time last. */
static int build_squash_fill(struct build_squash *squash, int from_fd,
                             int to_fd)
{
    struct stat status;
    if (build_squash_directory(squash, from_fd, to_fd) == -1)
        return -1;
    if (layer_attributes_copy(from_fd, to_fd) == -1)
        return build_squash_failed(squash, "fsetxattr");
    if (fstat(from_fd, &status) == -1)
        return build_squash_failed(squash, "fstat");
    const struct timespec times[2] = {status.st_mtim, status.st_mtim};
    if (fchown(to_fd, status.st_uid, status.st_gid) == -1)
        return build_squash_failed(squash, "fchown");
    if (fchmod(to_fd, status.st_mode & 07777) == -1)
        return build_squash_failed(squash, "fchmod");
    return futimens(to_fd, times) == 0
               ? 0
               : build_squash_failed(squash, "utimensat");
}

/* A directory, which becomes one with that which is there, unless it hides it. */
static int build_squash_enter(struct build_squash *squash, int from_fd,
                              int to_fd, const char *name)
{
    int from = openat(from_fd, name, OPEN_DIRECTORY), to = -1, result = -1;
    if (from == -1)
        return build_squash_failed(squash, "openat");
    int opaque = layers_is_opaque(from);
    if (opaque == -1)
        build_squash_failed(squash, "fgetxattr");
    else
        to = build_squash_open(squash, to_fd, name, opaque == 1);
    if (to != -1)
        result = build_squash_fill(squash, from, to);
    files_close(&to);
    files_close(&from);
    return result;
}

/* A file of a layer never changes, so it can stand in two of them. */
static int build_squash_name(struct build_squash *squash, int from_fd,
                             int to_fd, const char *name)
{
    struct stat status;
    if (fstatat(from_fd, name, &status, AT_SYMLINK_NOFOLLOW) == -1)
        return build_squash_failed(squash, "newfstatat");
    if (S_ISDIR(status.st_mode))
        return build_squash_enter(squash, from_fd, to_fd, name);
    int gone = layers_is_whiteout(from_fd, name, &status);
    if (gone == -1)
        return build_squash_failed(squash, "lgetxattr");
    if (build_squash_clear(squash, to_fd, name) == -1)
        return -1;
    if (gone == 1)
        return build_squash_hide(squash, to_fd, name);
    return linkat(from_fd, name, to_fd, name, 0) == -1
               ? build_squash_failed(squash, "linkat")
               : 0;
}

static int build_squash_directory(struct build_squash *squash, int from_fd,
                                  int to_fd)
{
    struct names names = {0};
    size_t length = strlen(squash->path);
    int result = names_read(&names, from_fd, squash->path);
    names_sort(&names);
    for (size_t i = 0; result == 0 && i < names.count; i++) {
        const char *name = names.all[i];
        if (length + strlen(name) + 2 > sizeof squash->path) {
            errno = ENAMETOOLONG;
            result = build_squash_failed(squash, "openat");
        } else {
            snprintf(squash->path + length, sizeof squash->path - length, "/%s",
                     name);
            result = build_squash_name(squash, from_fd, to_fd, name);
        }
        squash->path[length] = '\0';
    }
    names_free(&names);
    return result;
}

/* As root of the ids of containers. */
static int build_squash_work(void *context)
{
    struct build_squash *squash = context;
    int result = 0;
    layers_allow_descriptors(); /* nothing is executed in here */
    for (size_t i = squash->layers.count; i > 0 && result == 0; i--)
        result = build_squash_fill(squash, squash->layers.fds[i - 1],
                                   squash->layer.draft.tree_fd);
    return result == -1 || build_layer_hash(&squash->layer) == -1 ? 1 : 0;
}

/* The steps have made no layers any more, but this last one has. */
static int build_squash_history(struct image_config *config, size_t base_layers)
{
    size_t layers = 0;
    for (size_t i = 0; i < config->history_count; i++) {
        struct image_history *one = &config->history[i];
        if (!one->empty_layer && layers++ >= base_layers)
            one->empty_layer = true;
    }
    const struct image_history squashed = {.created = config->created,
                                           .created_by = "--squash"};
    return image_config_add_history(config, &squashed);
}

static int build_squash_make(struct build *build, struct build_stage *stage,
                             const struct image_texts *layers, const char *key)
{
    struct build_squash *squash = calloc(1, sizeof *squash);
    if (squash == NULL)
        return log_error("out of memory (ENOMEM)");
    squash->has_base = stage->base_layers > 0;
    int result = build_layer_open_below(build, layers, &squash->layers);
    if (result == 0)
        result = build_layer_begin(&squash->layer, build);
    if (result == 0) {
        if (files_path(squash->path, "%s/tree", squash->layer.draft.path) ==
                -1 ||
            mapped_run(build_squash_work, squash) != 0) {
            build_layer_abandon(&squash->layer);
            result = -1;
        } else {
            result = build_layer_commit(&squash->layer, build, stage, key);
        }
    }
    layers_close(&squash->layers);
    free(squash);
    return result;
}

int build_squash(struct build *build, struct build_stage *stage)
{
    struct image_config *config = &stage->config;
    struct build_key hash;
    char key[SHA256_TEXT], base[32];
    struct image_texts added = {0};
    if (config->layers.count < stage->base_layers + 2)
        return 0; /* one, or none: there is nothing to be done */
    build_key_begin(&hash, &config->layers);
    build_key_add(&hash, "squash");
    snprintf(base, sizeof base, "%zu", stage->base_layers);
    build_key_add(&hash, base);
    build_key_end(&hash, key);
    build_tell(build, "SQUASH %zu layers",
               config->layers.count - stage->base_layers);
    int result = image_config_set_texts(
        config, &added, config->layers.all + stage->base_layers,
        config->layers.count - stage->base_layers);
    if (result == 0)
        result = image_config_set_texts(config, &config->layers,
                                        config->layers.all, stage->base_layers);
    if (result == 0 && !build_layer_is_cached(build, stage, key))
        result = build_squash_make(build, stage, &added, key);
    free((void *)added.all);
    return result == -1 ? -1 : build_squash_history(config, stage->base_layers);
}
