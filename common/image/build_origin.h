/*
 * build_origin: out of what COPY copies: the context, an earlier stage, or an image.
 *
 * taught in: step 10, lessons/10-build.md
 */
#ifndef NSCTL_IMAGE_BUILD_ORIGIN_H
#define NSCTL_IMAGE_BUILD_ORIGIN_H

#include "common/image/build_state.h"

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

#endif
