/*
 * build_context: the directory that a build copies from, what of it is left out, and the
 * Containerfile.
 *
 * taught in: step 10, lessons/10-build.md
 */
#ifndef NSCTL_IMAGE_BUILD_CONTEXT_H
#define NSCTL_IMAGE_BUILD_CONTEXT_H

#include "common/image/build_state.h"

/* Opens and reads all of it. Returns 0, or -1, reported; build_context_close() in any case. */
int build_context_open(struct build_context *context,
                       const struct build_options *options);
void build_context_close(struct build_context *context);

#endif
