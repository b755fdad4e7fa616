/*
 * layer_place: a directory of a layer that is being made, and what the layers below have in
 * its place.
 *
 *   layer_place_top(&top, draft.tree_fd, &below);
 *   layer_place_walk(&top, "usr/share/doc", &made, &doc);
 *   …openat(doc.fd, "x", O_CREAT|O_EXCL …)…
 *   result = layer_place_close(&doc, result);
 *   result = layer_place_close(&top, result);
 *
 * What is put into a directory of the image stands in the new layer, in a directory that has the
 * same name there: the upper one of the two decides who owns it. So it is made as the one below
 * is, as overlay does it before it writes ("copy up"), its time included, since nothing but the
 * time of the build would make it another.
 *
 * taught in: step 10, lessons/10-build.md
 */
#ifndef NSCTL_IMAGE_LAYER_PLACE_H
#define NSCTL_IMAGE_LAYER_PLACE_H

#include "common/kernel/layers.h"

#include <sys/stat.h>

struct layer_place {
    int fd;               /* in the new layer */
    struct layers below;  /* none, where they have no such directory */
    struct timespec time; /* which it is to have when all is in it */
};

/* What a directory is to be that is nowhere yet. */
struct layer_place_new {
    mode_t mode;
    uid_t uid;
    gid_t gid;
    struct timespec time;
};

/* The top of it. Returns 0, or -1 with errno, not reported, as do the rest. */
int layer_place_top(struct layer_place *top, int tree_fd,
                    const struct layers *below);

/* What has that name: 0 and `status`; 1, nothing; or -1. */
int layer_place_look_up(const struct layer_place *place, const char *name,
                        struct stat *status);

/* A directory in it, which is made where it is missing: 0, it was there before; 1, it was
 * not; or -1: ENOTDIR, something else has that name. */
int layer_place_enter(const struct layer_place *place, const char *name,
                      const struct layer_place_new *made,
                      struct layer_place *inner);

/* The same for a path of several, in which there are neither links nor "..". */
int layer_place_walk(const struct layer_place *top, const char *path,
                     const struct layer_place_new *made,
                     struct layer_place *inner);

/* Gives it its time, unless it is of no use any more: `result` is -1. Returns that, or -1
 * with errno where it can not be given. */
int layer_place_close(struct layer_place *place, int result);

#endif
