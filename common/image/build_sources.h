/*
 * build_sources: which files COPY and ADD are to copy.
 *
 * taught in: step 10, lessons/10-build.md
 */
#ifndef NSCTL_IMAGE_BUILD_SOURCES_H
#define NSCTL_IMAGE_BUILD_SOURCES_H

#include "common/image/build_origin.h"

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
