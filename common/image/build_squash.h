/*
 * build_squash: all layers that a build has added become one.
 *
 * taught in: step 10, lessons/10-build.md
 */
#ifndef NSCTL_IMAGE_BUILD_SQUASH_H
#define NSCTL_IMAGE_BUILD_SQUASH_H

#include "common/image/build_state.h"

/* Returns 0, or -1, reported. */
int build_squash(struct build *build, struct build_stage *stage);

#endif
