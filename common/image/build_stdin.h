/*
 * build_stdin: what a build gets on its standard input: an archive, which is its context, or
 * a Containerfile alone. Which of them it is, its first block tells.
 *
 * taught in: step 10, lessons/10-build.md
 */
#ifndef NSCTL_IMAGE_BUILD_STDIN_H
#define NSCTL_IMAGE_BUILD_STDIN_H

#include "common/image/build_state.h"

/* Unpacks an archive to where layers are made, `context->unpacked`, and opens it; of
 * what is none fills in `context->text`. Returns 0, or -1, reported. */
int build_stdin_open(struct build_context *context, const struct store *store);

#endif
