/*
 * build: a Containerfile and a directory become an image.
 *
 *   base ── RUN ── COPY ── RUN …          each makes a layer on top of those before
 *
 * All that can be seen to be wrong is refused before anything is made: the file is gone through
 * twice, once to check it and once to do it. A step that has been done before, on the same
 * layers, with the same words and the same files, is not done again: what it made is there
 * (build_key.h).
 *
 * taught in: step 10, lessons/10-build.md
 */
#ifndef NSCTL_IMAGE_BUILD_H
#define NSCTL_IMAGE_BUILD_H

#include "common/image/reference.h"
#include "common/kernel/network_options.h"
#include "common/runtime/store.h"

#include <stdbool.h>
#include <stddef.h>

enum { BUILD_MOST_TEXTS = 256, BUILD_MOST_TAGS = 32 };

/* NAME=VALUE, or NAME alone. */
struct build_texts {
    const char *all[BUILD_MOST_TEXTS];
    size_t count;
};

struct build_options {
    const char
        *context;     /* a directory; "-": the Containerfile is all there is */
    const char *file; /* -f; "-": standard input; NULL: in the context */
    struct reference tags[BUILD_MOST_TAGS];
    size_t tag_count;
    struct build_texts arguments, labels;
    const char *target;  /* a stage, by name or number; NULL: the last */
    const char *id_file; /* --iidfile; NULL */
    enum network_kind network;
    bool no_cache, squash, quiet, userns_host;
};

/* Returns the status to exit with: 0; that of a RUN that failed; or ours. The image's id is
 * printed, the steps are told on standard error. */
int build_image(const struct store *store, const struct build_options *options);

#endif
