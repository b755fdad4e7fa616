/*
 * build_sources: which files COPY and ADD are to copy, and out of what.
 *
 * taught in: step 10, lessons/10-build.md
 */
#ifndef NSCTL_IMAGE_BUILD_SOURCES_H
#define NSCTL_IMAGE_BUILD_SOURCES_H

#include "common/image/build_state.h"

/* Where the sources are: the context, an earlier stage, an image. */
struct build_origin {
    bool is_context;
    struct layers layers;            /* open, to be closed */
    const struct ignore *ignore;     /* NULL: all is there */
    const struct image_texts *known; /* its layers; NULL: the context's */
    bool is_later; /* a stage that is not built yet: nothing can be checked */
};

/* Of COPY's --from=, or the context. Returns 0, or -1, reported with FILE:LINE.
 * build_origin_close() after 0. */
int build_origin_open(struct build *build, const struct build_stage *stage,
                      const struct containerfile_instruction *instruction,
                      struct build_origin *origin);
void build_origin_close(struct build_origin *origin);

/* A source: a path in the origin; or a text that stands in the Containerfile. */
struct build_source {
    char *path;
    char *text; /* NULL: it is a path */
};

struct build_sources {
    struct build_source *all;
    size_t count;
};

/*
 * All words but the last, variables replaced, * ? [ expanded. Each must be there. `destination`
 * is the last word, to be freed, as are the sources (build_sources_free()). Returns 0,
 * or -1, reported with FILE:LINE.
 */
int build_sources_find(struct build *build, const struct build_stage *stage,
                       const struct containerfile_instruction *instruction,
                       const struct build_origin *origin,
                       struct build_sources *sources, char **destination);
void build_sources_free(struct build_sources *sources);

#endif
