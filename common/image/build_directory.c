/* The directory that WORKDIR makes: see build_state.h. */
#include "common/base/advice.h"
#include "common/base/log.h"
#include "common/image/build_key.h"
#include "common/image/build_layer.h"
#include "common/image/build_owner.h"
#include "common/image/layer_path.h"
#include "common/image/layer_place.h"
#include "common/runtime/mapped.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

struct build_making {
    const char *path, *user; /* whose it is to be, NULL: root's */
    time_t time;
    struct layers below;
    struct build_layer layer;
};

static int build_directory_make(struct build_making *making,
                                struct layer_path *found,
                                struct layer_place *top,
                                struct layer_place *made)
{
    struct build_owner owner = {.complaint = NULL};
    int result =
        build_layer_prepare_tree(&making->layer, &making->below, making->time);
    if (result == 0 && making->user != NULL)
        result = build_owner_find(&making->below, making->user, &owner);
    if (owner.complaint != NULL)
        snprintf(making->layer.news->complaint,
                 sizeof making->layer.news->complaint, "%s", owner.complaint);
    const struct layer_place_new usual = {.mode = 0755,
                                          .uid = owner.uid,
                                          .gid = owner.gid,
                                          .time = {.tv_sec = making->time}};
    if (result == 0)
        result = layer_path_find(&making->below, making->path, true, found);
    if (result == -1)
        return -1;
    layer_path_close(found);
    if (layer_place_top(top, making->layer.draft.tree_fd, &making->below) == -1)
        return -1;
    result = layer_place_walk(top, found->path, &usual, made);
    if (result != -1)
        result = layer_place_close(made, 0);
    return layer_place_close(top, result) == -1 ? -1 : 0;
}

/* As root of the ids of containers. */
static int build_directory_work(void *context)
{
    struct build_making *making = context;
    char *complaint = making->layer.news->complaint;
    struct layer_path *found = malloc(sizeof *found);
    struct layer_place *top = malloc(sizeof *top), *made = malloc(sizeof *made);
    int result = found == NULL || top == NULL || made == NULL
                     ? -1
                     : build_directory_make(making, found, top, made);
    if (result == -1 && *complaint == '\0')
        snprintf(complaint, sizeof making->layer.news->complaint, "%s",
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
                                  .user = build->own_all ? NULL
                                                         : stage->config.user,
                                  .time = build->epoch};
    struct build_key hash;
    char key[SHA256_TEXT];
    if (build->checking)
        return 0;
    build_key_begin(&hash, &stage->config.layers);
    build_key_add(&hash, "WORKDIR");
    build_key_add(&hash, making.path);
    build_key_add(&hash, making.user);
    build_key_end(&hash, key);
    if (build_layer_open_below(build, &stage->config.layers, &making.below) ==
        -1)
        return -1;
    int result = build_directory_is_there(build, &making.below, instruction,
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
