/* The copying of COPY and ADD, as root of the ids of containers: see build_copying.h. */
#include "common/base/advice.h"
#include "common/base/files.h"
#include "common/image/build_archive.h"
#include "common/image/build_copying.h"
#include "common/image/build_owner.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BUILD_COPY_SHOWN = 512 }; /* of a path that failed, its end */

/* ---- Sources ---- */

int build_copy_open(struct build_copying *copying, const char *path,
                    struct layer_path *found)
{
    int result = layer_path_find(&copying->origin.layers, path, true, found);
    if (result == 1) {
        errno = ENOENT;
        layer_path_close(found);
    }
    return result == 0 ? 0 : -1;
}

void build_copy_describe(struct build_copying *copying, char *complaint,
                         size_t size)
{
    const struct layer_copy *copy = &copying->copy;
    const char *why =
        copy->complaint != NULL ? copy->complaint : advice_error_name(errno);
    const char *path = *copy->path == '\0' ? copying->destination : copy->path;
    size_t length = strlen(path);
    /* A line of the log has room for the reason, too. */
    bool cut = length > BUILD_COPY_SHOWN;
    snprintf(complaint, size, "%s%s: %s", cut ? "…" : "",
             cut ? path + length - BUILD_COPY_SHOWN : path, why);
}

/* ---- Where they go ---- */

/* Where a source goes: a directory, and for a file its name in it. */
struct build_copy_target {
    struct layer_place place;
    char name[NAME_MAX + 1];
};

static int build_copy_refuse(struct build_copying *copying, const char *path,
                             const char *complaint)
{
    copying->copy.complaint = complaint;
    snprintf(copying->copy.path, sizeof copying->copy.path, "%s", path);
    errno = EINVAL;
    return -1;
}

/* What the builder makes on the way is as the image's owner would have it. */
static struct layer_place_new
build_copy_new_directory(const struct build_copying *copying)
{
    bool has_owner = copying->copy.has_owner && !copying->copy.own_all;
    return (struct layer_place_new){
        .mode = 0755,
        .uid = has_owner ? copying->copy.uid : 0,
        .gid = has_owner ? copying->copy.gid : 0,
        .time = {.tv_sec = copying->build->epoch},
    };
}

/* The directory `path`, made as the source is where it is nowhere yet. */
static int build_copy_enter(struct build_copying *copying,
                            const struct layer_place *top, const char *path,
                            const struct layer_place_new *last,
                            struct layer_place *place)
{
    const struct layer_place_new usual = build_copy_new_directory(copying);
    char before[PATH_MAX];
    const char *slash = strrchr(path, '/');
    struct layer_place *parent = malloc(sizeof *parent);
    if (parent == NULL)
        return -1;
    snprintf(before, sizeof before, "%.*s",
             slash == NULL ? 0 : (int)(slash - path), path);
    int result = layer_place_walk(top, before, &usual, parent);
    if (result != -1) {
        result =
            *path == '\0'
                ? layer_place_walk(top, "", &usual, place)
                : layer_place_enter(parent, slash == NULL ? path : slash + 1,
                                    last == NULL ? &usual : last, place);
        if (layer_place_close(parent, result) == -1 && result != -1)
            result = layer_place_close(place, -1);
    }
    free(parent);
    return result;
}

/* A file called `name` in its origin: to be in the directory, or to be the destination. */
static int build_copy_find_target(struct build_copying *copying,
                                  const struct layer_place *top,
                                  const char *name,
                                  struct build_copy_target *target)
{
    struct layer_path *found = malloc(sizeof *found);
    if (found == NULL)
        return -1;
    int result =
        layer_path_find(&copying->below, copying->destination, true, found);
    if (result == -1) {
        free(found);
        return -1;
    }
    bool is_directory = result == 0 && S_ISDIR(found->status.st_mode);
    layer_path_close(found);
    if (result == 0 && !is_directory && copying->into_directory) {
        free(found);
        return build_copy_refuse(copying, copying->destination,
                                 "that is no directory (ENOTDIR)");
    }
    char *path = found->path;
    if (!is_directory && !copying->into_directory) {
        name = files_base_name(path);
        snprintf(target->name, sizeof target->name, "%.255s", name);
        path[name == path ? 0 : name - 1 - path] = '\0';
    } else {
        snprintf(target->name, sizeof target->name, "%.255s", name);
    }
    result = build_copy_enter(copying, top, path, NULL, &target->place);
    free(found);
    return result == -1 ? -1 : 0;
}

/* A directory: what is in it goes into the destination. */
static int build_copy_directory(struct build_copying *copying,
                                const struct layer_place *top,
                                const struct layer_path *source)
{
    struct layer_path *found = malloc(sizeof *found);
    struct layer_place *place = malloc(sizeof *place);
    struct layer_place_new made;
    int result = -1;
    if (found != NULL && place != NULL)
        result =
            layer_path_find(&copying->below, copying->destination, true, found);
    if (result != -1) {
        bool in_the_way = result == 0 && !S_ISDIR(found->status.st_mode);
        layer_path_close(found);
        layer_copy_made(&copying->copy, &source->status, &made);
        result =
            in_the_way
                ? build_copy_refuse(copying, copying->destination,
                                    "that is no directory (ENOTDIR)")
                : build_copy_enter(copying, top, found->path, &made, place);
    }
    if (result != -1) {
        result = layer_copy_directory(&copying->copy, source, place);
        result = layer_place_close(place, result);
    }
    free(place);
    free(found);
    return result;
}

static int build_copy_unpack(struct build_copying *copying,
                             const struct layer_place *top,
                             const struct layer_path *found)
{
    if (copying->owner != NULL || copying->copy.has_mode)
        return build_copy_refuse(copying, found->path,
                                 "an archive says itself whose its files are: "
                                 "neither --chown nor --chmod goes with it");
    return build_archive_unpack(found, &copying->below, top,
                                copying->destination, copying->layer.draft.path,
                                copying->copy.own_all) == -1
               ? build_copy_refuse(copying, found->path,
                                   "it can not be unpacked there")
               : 0;
}

/* ADD of an archive: its bytes are in the digest, as any file's; what is in it is unpacked. */
static int build_copy_archive(struct build_copying *copying,
                              const struct layer_place *top,
                              const struct layer_path *found, const char *name)
{
    int result = layer_copy_file(&copying->copy, found, NULL, name);
    copying->copy.path[0] = '\0';
    return result == 0 ? build_copy_unpack(copying, top, found) : result;
}

/* A file; or a text, of which nothing was `found`. */
static int build_copy_file(struct build_copying *copying,
                           const struct layer_place *top,
                           const struct build_source *source,
                           const struct layer_path *found, const char *name,
                           struct build_copy_target *target)
{
    int result = build_copy_find_target(copying, top, name, target);
    if (result == -1)
        return -1;
    result = source->text == NULL
                 ? layer_copy_file(&copying->copy, found, &target->place,
                                   target->name)
                 : layer_copy_text(&copying->copy, source->text,
                                   copying->build->epoch, &target->place,
                                   target->name);
    return layer_place_close(&target->place, result);
}

static int build_copy_one(struct build_copying *copying,
                          const struct layer_place *top,
                          const struct build_source *source,
                          struct layer_path *found,
                          struct build_copy_target *target)
{
    const char *name = files_base_name(source->path);
    int result = 0;
    if (source->text != NULL)
        return build_copy_file(copying, top, source, NULL, name, target);
    if (build_copy_open(copying, source->path, found) == -1) {
        if (errno == ENOENT)
            return build_copy_refuse(copying, source->path,
                                     "it has gone while it was read");
        snprintf(copying->copy.path, sizeof copying->copy.path, "%s",
                 source->path);
        return -1;
    }
    bool is_directory = S_ISDIR(found->status.st_mode);
    if (!is_directory && copying->instruction->kind == CONTAINERFILE_ADD)
        result = build_archive_is_one(found);
    if (result == 1)
        result = build_copy_archive(copying, top, found, name);
    else if (result == 0 && is_directory)
        result = build_copy_directory(copying, top, found);
    else if (result == 0)
        result = build_copy_file(copying, top, source, found, name, target);
    layer_path_close(found);
    return result;
}

static int build_copy_all(struct build_copying *copying)
{
    struct layer_place *top = malloc(sizeof *top);
    struct layer_path *found = malloc(sizeof *found);
    struct build_copy_target *target = malloc(sizeof *target);
    int result = top == NULL || found == NULL || target == NULL ? -1 : 0;
    if (result == 0 && copying->owner != NULL) {
        struct build_owner owner;
        result = build_owner_find(&copying->below, copying->owner, &owner);
        copying->copy.has_owner = true;
        copying->copy.uid = owner.uid;
        copying->copy.gid = owner.gid;
        if (result == -1)
            copying->copy.complaint = owner.complaint;
    }
    if (result == 0)
        result =
            layer_place_top(top, copying->layer.draft.tree_fd, &copying->below);
    if (result == 0) {
        for (size_t i = 0; i < copying->sources.count && result == 0; i++)
            result = build_copy_one(copying, top, &copying->sources.all[i],
                                    found, target);
        result = layer_place_close(top, result);
    }
    free(target);
    free(found);
    free(top);
    return result;
}

int build_copy_work(void *context)
{
    struct build_copying *copying = context;
    struct build_layer_news *news = copying->layer.news;
    struct layer_copy *copy = &copying->copy;
    layers_allow_descriptors(); /* nothing is executed in here */
    int result = build_layer_prepare_tree(&copying->layer, &copying->below,
                                          copying->build->epoch);
    if (result == 0)
        result = layer_copy_begin(copy);
    if (result == 0)
        result = build_copy_all(copying);
    if (result == -1) {
        build_copy_describe(copying, news->complaint, sizeof news->complaint);
        layer_copy_free(copy);
        return 1;
    }
    layer_copy_end(copy, news->content);
    layer_copy_free(copy);
    return build_layer_hash(&copying->layer) == -1 ? 1 : 0;
}
