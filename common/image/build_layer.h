/*
 * build_layer: what a step of a build writes becomes a layer.
 *
 *   struct build_layer layer;
 *   build_layer_begin(&layer, build, stage);        a tree that is empty
 *   …what is to be in it goes to layer.draft.tree_fd…
 *   build_layer_hash(&layer);                       as root of the ids of containers
 *   build_layer_commit(&layer, build, stage, key);  in the store, and found by that key
 *
 * taught in: step 10, lessons/10-build.md
 */
#ifndef NSCTL_IMAGE_BUILD_LAYER_H
#define NSCTL_IMAGE_BUILD_LAYER_H

#include "common/image/build_state.h"
#include "common/image/layer_store.h"

struct build_layer {
    struct layer_draft draft;
    /* What a child has found out, in memory that is its parent's as well. */
    struct build_layer_news {
        char digest[SHA256_TEXT];
        struct layer_info info;
        char content[SHA256_TEXT]; /* of what was copied (layer_copy.h) */
        char complaint[2 * PATH_MAX];
    } * news;
};

/* Opens layers of the store, `digests` from the lowest on. They are there for as long as the
 * build is, which uses the store. Returns 0, or -1, reported, as all of these do. */
int build_layer_open_below(const struct build *build,
                           const struct image_texts *digests,
                           struct layers *below);

/* build_layer_abandon() where it is not committed. */
int build_layer_begin(struct build_layer *layer, const struct build *build);
void build_layer_abandon(struct build_layer *layer);

/* In mapped_run(): the top of the tree becomes what that of the layers below is, since the
 * uppermost decides what / is; where there are none, it is of that `time`. Returns 0, or -1
 * with errno, not reported. */
int build_layer_prepare_tree(const struct build_layer *layer,
                             const struct layers *below, time_t time);

/* In mapped_run(): fills in the digest of what is in the tree. */
int build_layer_hash(struct build_layer *layer);

/* Whether the layer with that key is there: the stage has it then, which is told. */
bool build_layer_is_cached(struct build *build, struct build_stage *stage,
                           const char *key);

/* The stage has the layer from now on. `key` NULL: it is not to be found again. */
int build_layer_commit(struct build_layer *layer, struct build *build,
                       struct build_stage *stage, const char *key);

#endif
