/*
 * build_copying: one COPY or ADD, and how far it is: what is asked for and whether that was done
 * before (build_copy.c); and the copying itself (build_copy_work.c).
 *
 * taught in: step 10, lessons/10-build.md
 */
#ifndef NSCTL_IMAGE_BUILD_COPYING_H
#define NSCTL_IMAGE_BUILD_COPYING_H

#include "common/image/build_layer.h"
#include "common/image/build_sources.h"
#include "common/image/layer_copy.h"

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

/* Looks one source up. `found` is to be closed by layer_path_close(). Returns 0, or -1 with
 * errno, not reported. */
int build_copy_open(struct build_copying *copying, const char *path,
                    struct layer_path *found);

/* "a/b: it has shrunk while it was read", after layer_copy has failed. */
void build_copy_describe(struct build_copying *copying, char *complaint,
                         size_t size);

/* For mapped_run(): copies all sources into copying->layer, of which `below` is open, and
 * hashes that. What goes wrong is said in its news. */
int build_copy_work(void *copying);

#endif
