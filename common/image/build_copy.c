/* COPY, ADD, and the directory that WORKDIR makes: see build_state.h. */
#include "common/base/advice.h"
#include "common/base/log.h"
#include "common/image/build_archive.h"
#include "common/image/build_key.h"
#include "common/image/build_layer.h"
#include "common/image/build_owner.h"
#include "common/image/build_sources.h"
#include "common/image/build_variables.h"
#include "common/image/layer_copy.h"
#include "common/kernel/users.h"
#include "common/runtime/mapped.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* One instruction, and how far it is. */
struct build_copying {
    struct build *build;
    struct build_stage *stage;
    const struct containerfile_instruction *instruction;
    struct build_origin origin;
    struct build_sources sources;
    char destination[PATH_MAX]; /* from the root on, without "." and ".." */
    bool into_directory; /* what it names is a directory, and stays one */
    char *owner;         /* --chown; NULL */
    struct layers below; /* of the stage; in the child */
    struct build_layer layer;
    struct layer_copy copy;
};

/* ---- What is asked for ---- */

static int build_copy_read_mode(struct build_copying *copying)
{
    const char *given = containerfile_flag(copying->instruction, "chmod");
    char *end = NULL;
    if (given == NULL)
        return 0;
    char *text = build_variables_expand(copying->build, copying->stage,
                                        copying->instruction, given);
    if (text == NULL)
        return -1;
    size_t digits = strspn(text, "01234567");
    unsigned long mode = strtoul(text, &end, 8);
    bool valid =
        digits > 0 && digits < 6 && text[digits] == '\0' && mode <= 07777;
    copying->copy.has_mode = true;
    copying->copy.mode = (mode_t)mode;
    int result =
        valid
            ? 0
            : build_refuse(copying->build, copying->instruction,
                           "%s --chmod=%s: expected a mode in octal "
                           "digits, 0 to 7777",
                           containerfile_kind_name(copying->instruction->kind),
                           text);
    free(text);
    return result;
}

static int build_copy_read_owner(struct build_copying *copying)
{
    const char *given = containerfile_flag(copying->instruction, "chown");
    if (given == NULL)
        return 0;
    copying->owner = build_variables_expand(copying->build, copying->stage,
                                            copying->instruction, given);
    if (copying->owner == NULL)
        return -1;
    const char *expected = users_check_form(copying->owner);
    return expected == NULL
               ? 0
               : build_refuse(
                     copying->build, copying->instruction, "%s --chown=%s: %s",
                     containerfile_kind_name(copying->instruction->kind),
                     copying->owner, expected);
}

/* "dir/", "dir/." and more than one source say that it is a directory. */
static int build_copy_read_destination(struct build_copying *copying,
                                       const char *text)
{
    const char *slash = strrchr(text, '/');
    const char *last = slash == NULL ? text : slash + 1;
    bool leaves;
    copying->into_directory = copying->sources.count > 1 || *last == '\0' ||
                              strcmp(last, ".") == 0 || strcmp(last, "..") == 0;
    const char *directory = copying->stage->config.working_directory;
    if (layer_path_clean(directory == NULL ? "/" : directory, text,
                         copying->destination, &leaves) == -1)
        return build_refuse(copying->build, copying->instruction, "%s: %s",
                            containerfile_kind_name(copying->instruction->kind),
                            advice_error_name(errno));
    return 0;
}

/* ---- What it depends on ---- */

/* Looks one source up. `found` is closed by layer_path_close(). */
static int build_copy_open(struct build_copying *copying, const char *path,
                           struct layer_path *found)
{
    int result = layer_path_find(&copying->origin.layers, path, true, found);
    if (result == 1) {
        errno = ENOENT;
        layer_path_close(found);
    }
    return result == 0 ? 0 : -1;
}

/* All sources, only to learn what is in them: as a child's work, too. */
static int build_copy_digest(struct build_copying *copying, char *digest)
{
    struct layer_copy *copy = &copying->copy;
    struct layer_path *found = malloc(sizeof *found);
    int result = found == NULL ? -1 : layer_copy_begin(copy);
    for (size_t i = 0; i < copying->sources.count && result == 0; i++) {
        const struct build_source *source = &copying->sources.all[i];
        const char *slash = strrchr(source->path, '/');
        const char *name = slash == NULL ? source->path : slash + 1;
        if (source->text != NULL) {
            result = layer_copy_text(copy, source->text, 0, NULL, name);
            continue;
        }
        result = build_copy_open(copying, source->path, found);
        if (result == -1) {
            snprintf(copy->path, sizeof copy->path, "%s", source->path);
            break;
        }
        result = S_ISDIR(found->status.st_mode)
                     ? layer_copy_directory(copy, found, NULL)
                     : layer_copy_file(copy, found, NULL, name);
        layer_path_close(found);
    }
    if (result == 0)
        layer_copy_end(copy, digest);
    layer_copy_free(copy);
    free(found);
    return result;
}

/* "COPY a/b: it has shrunk while it was read", from whoever has noticed. */
static void build_copy_describe(struct build_copying *copying, char *complaint,
                                size_t size)
{
    const struct layer_copy *copy = &copying->copy;
    snprintf(
        complaint, size, "%s%s%s", copy->path, *copy->path == '\0' ? "" : ": ",
        copy->complaint != NULL ? copy->complaint : advice_error_name(errno));
}

static int build_copy_failed(struct build_copying *copying,
                             const char *complaint)
{
    return build_refuse(copying->build, copying->instruction, "%s: %s",
                        containerfile_kind_name(copying->instruction->kind),
                        complaint);
}

/* Everything but what is in the files. */
static void build_copy_key(const struct build_copying *copying,
                           const char *content, char key[SHA256_TEXT])
{
    const struct build_sources *sources = &copying->sources;
    struct build_key hash;
    char mode[16];
    build_key_begin(&hash, &copying->stage->config.layers);
    build_key_add(&hash, containerfile_kind_name(copying->instruction->kind));
    build_key_add(&hash, copying->destination);
    build_key_add(&hash, copying->into_directory ? "/" : "");
    build_key_add(&hash, copying->owner);
    snprintf(mode, sizeof mode, "%o", copying->copy.mode);
    build_key_add(&hash, copying->copy.has_mode ? mode : NULL);
    for (size_t i = 0; i < sources->count; i++) {
        const char *slash = strrchr(sources->all[i].path, '/');
        build_key_add(&hash, slash == NULL ? sources->all[i].path : slash + 1);
    }
    build_key_add(&hash, content);
    build_key_end(&hash, key);
}

/* Out of layers, which never change: then there is no need to read what is in them. */
static void build_copy_layers_key(const struct build_copying *copying,
                                  char key[SHA256_TEXT])
{
    struct build_key hash;
    char digest[SHA256_TEXT];
    build_key_begin(&hash, copying->origin.known);
    for (size_t i = 0; i < copying->sources.count; i++)
        build_key_add(&hash, copying->sources.all[i].text != NULL
                                 ? copying->sources.all[i].text
                                 : copying->sources.all[i].path);
    build_key_end(&hash, digest);
    build_copy_key(copying, digest, key);
}

/* ---- Copying, as root of the ids of containers ---- */

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
        layer_place_close(parent);
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
        char *slash = strrchr(path, '/');
        name = slash == NULL ? path : slash + 1;
        snprintf(target->name, sizeof target->name, "%.255s", name);
        path[slash == NULL ? 0 : slash - path] = '\0';
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
        layer_place_close(place);
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

static int build_copy_one(struct build_copying *copying,
                          const struct layer_place *top,
                          const struct build_source *source,
                          struct layer_path *found,
                          struct build_copy_target *target)
{
    const char *slash = strrchr(source->path, '/');
    const char *name = slash == NULL ? source->path : slash + 1;
    if (source->text == NULL &&
        build_copy_open(copying, source->path, found) == -1)
        return build_copy_refuse(copying, source->path,
                                 "it has gone while it was read");
    int result;
    if (source->text == NULL && S_ISDIR(found->status.st_mode)) {
        result = build_copy_directory(copying, top, found);
    } else if (source->text == NULL &&
               copying->instruction->kind == CONTAINERFILE_ADD &&
               (result = build_archive_is_one(found)) != 0) {
        if (result == 1) {
            result = layer_copy_file(&copying->copy, found, NULL, name);
            copying->copy.path[0] = '\0';
            if (result == 0)
                result = build_copy_unpack(copying, top, found);
        }
    } else {
        result = build_copy_find_target(copying, top, name, target);
        if (result == 0) {
            result = source->text == NULL
                         ? layer_copy_file(&copying->copy, found,
                                           &target->place, target->name)
                         : layer_copy_text(&copying->copy, source->text,
                                           copying->build->epoch,
                                           &target->place, target->name);
            layer_place_close(&target->place);
        }
    }
    if (source->text == NULL)
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
        layer_place_close(top);
    }
    free(target);
    free(found);
    free(top);
    return result;
}

/* A child's work where a user builds. */
static int build_copy_work(void *context)
{
    struct build_copying *copying = context;
    struct build_layer_news *news = copying->layer.news;
    struct layer_copy *copy = &copying->copy;
    layers_allow_descriptors(); /* nothing is executed in here */
    int result = build_layer_prepare_tree(&copying->layer, &copying->below);
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

/* ---- All of it ---- */

static int build_copy_make(struct build_copying *copying,
                           const char *layers_key)
{
    struct build *build = copying->build;
    const char **paths;
    char key[SHA256_TEXT];
    const struct image_texts *digests = &copying->stage->config.layers;
    if (build_layer_paths(build, digests, &paths) == -1)
        return -1;
    int result = layers_open(&copying->below, paths, digests->count);
    build_layer_free_paths(paths, digests->count);
    if (result == -1 || build_layer_begin(&copying->layer, build) == -1) {
        layers_close(&copying->below);
        return -1;
    }
    result = mapped_run(build_copy_work, copying);
    layers_close(&copying->below);
    if (result != 0) {
        if (*copying->layer.news->complaint != '\0')
            build_copy_failed(copying, copying->layer.news->complaint);
        build_layer_abandon(&copying->layer);
        return -1;
    }
    /* What was copied decides, not what was there when it was looked for. */
    build_copy_key(copying, copying->layer.news->content, key);
    if (layers_key != NULL)
        memcpy(key, layers_key, sizeof key);
    return build_layer_commit(&copying->layer, build, copying->stage, key);
}

static int build_copy_do(struct build_copying *copying)
{
    struct build *build = copying->build;
    char key[SHA256_TEXT], content[SHA256_TEXT], complaint[2 * PATH_MAX];
    if (build->checking)
        return 0;
    if (!copying->origin.is_context) {
        build_copy_layers_key(copying, key);
        return build_layer_is_cached(build, copying->stage, key)
                   ? 0
                   : build_copy_make(copying, key);
    }
    if (!build->options->no_cache) {
        if (build_copy_digest(copying, content) == -1) {
            build_copy_describe(copying, complaint, sizeof complaint);
            return build_copy_failed(copying, complaint);
        }
        build_copy_key(copying, content, key);
        if (build_layer_is_cached(build, copying->stage, key))
            return 0;
    }
    return build_copy_make(copying, NULL);
}

int build_copy(struct build *build, struct build_stage *stage,
               const struct containerfile_instruction *instruction)
{
    struct build_copying *copying = calloc(1, sizeof *copying);
    char *destination = NULL;
    if (copying == NULL)
        return log_error("out of memory (ENOMEM)");
    copying->build = build;
    copying->stage = stage;
    copying->instruction = instruction;
    int result = build_origin_open(build, stage, instruction, &copying->origin);
    if (result == 0) {
        result = build_sources_find(build, stage, instruction, &copying->origin,
                                    &copying->sources, &destination);
        copying->copy.ignore = copying->origin.ignore;
        copying->copy.keep_owners = !copying->origin.is_context;
        copying->copy.own_all = build->own_all;
        if (result == 0 &&
            (build_copy_read_destination(copying, destination) == -1 ||
             build_copy_read_mode(copying) == -1 ||
             build_copy_read_owner(copying) == -1))
            result = -1;
        if (result == 0)
            result = build_copy_do(copying);
        build_origin_close(&copying->origin);
    }
    build_sources_free(&copying->sources);
    free(destination);
    free(copying->owner);
    free(copying);
    return result;
}

/* ---- WORKDIR ---- */

struct build_making {
    const char *path;
    time_t time;
    struct layers below;
    struct build_layer layer;
};

static int build_directory_work(void *context)
{
    struct build_making *making = context;
    struct layer_path *found = malloc(sizeof *found);
    struct layer_place *top = malloc(sizeof *top), *made = malloc(sizeof *made);
    const struct layer_place_new usual = {.mode = 0755,
                                          .time = {.tv_sec = making->time}};
    int result = found == NULL || top == NULL || made == NULL ? -1 : 0;
    if (result == 0)
        result = build_layer_prepare_tree(&making->layer, &making->below);
    if (result == 0)
        result = layer_path_find(&making->below, making->path, true, found);
    if (result != -1) {
        layer_path_close(found);
        result =
            layer_place_top(top, making->layer.draft.tree_fd, &making->below);
    }
    if (result == 0) {
        result = layer_place_walk(top, found->path, &usual, made);
        if (result != -1)
            layer_place_close(made);
        layer_place_close(top);
    }
    if (result == -1)
        snprintf(making->layer.news->complaint,
                 sizeof making->layer.news->complaint, "%s",
                 advice_error_name(errno));
    free(made);
    free(top);
    free(found);
    return result == -1 || build_layer_hash(&making->layer) == -1 ? 1 : 0;
}

/* Whether it is there already; a layer with nothing in it would be of no use. */
static int build_directory_is_there(struct build *build,
                                    const struct layers *below,
                                    const struct containerfile_instruction *one,
                                    const char *path)
{
    struct layer_path *found = malloc(sizeof *found);
    int result = found == NULL ? -1 : layer_path_find(below, path, true, found);
    bool is_directory = result == 0 && S_ISDIR(found->status.st_mode);
    int error = result == 0 ? ENOTDIR : errno;
    if (result != -1)
        layer_path_close(found);
    free(found);
    if (is_directory || result == 1)
        return is_directory;
    if (error == EACCES) /* it is somebody's of the image's: a child can look */
        return 0;
    return build_refuse(build, one, "WORKDIR %s: %s", path,
                        advice_error_name(error));
}

int build_make_directory(struct build *build, struct build_stage *stage,
                         const struct containerfile_instruction *instruction)
{
    struct build_making making = {.path = stage->config.working_directory,
                                  .time = build->epoch};
    struct build_key hash;
    char key[SHA256_TEXT];
    const char **paths;
    if (build->checking)
        return 0;
    build_key_begin(&hash, &stage->config.layers);
    build_key_add(&hash, "WORKDIR");
    build_key_add(&hash, making.path);
    build_key_end(&hash, key);
    if (build_layer_paths(build, &stage->config.layers, &paths) == -1)
        return -1;
    int result = layers_open(&making.below, paths, stage->config.layers.count);
    build_layer_free_paths(paths, stage->config.layers.count);
    if (result == -1)
        return -1;
    result = build_directory_is_there(build, &making.below, instruction,
                                      making.path);
    if (result == 0 && build_layer_is_cached(build, stage, key))
        result = 1;
    if (result == 0 && build_layer_begin(&making.layer, build) == -1)
        result = -1;
    if (result == 0 && mapped_run(build_directory_work, &making) != 0) {
        result = build_refuse(build, instruction, "WORKDIR %s: %s", making.path,
                              making.layer.news->complaint);
        build_layer_abandon(&making.layer);
    }
    if (result == 0)
        result = build_layer_commit(&making.layer, build, stage, key);
    layers_close(&making.below);
    return result == -1 ? -1 : 0;
}
