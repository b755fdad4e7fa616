/*
 * build_leavings: what a container leaves in its upper directory that its command has not
 * written: /proc, /sys, /dev and three files in /etc, made to mount something upon them.
 *
 * taught in: step 10, lessons/10-build.md
 */
#ifndef NSCTL_IMAGE_BUILD_LEAVINGS_H
#define NSCTL_IMAGE_BUILD_LEAVINGS_H

#include "common/kernel/layers.h"

/* Takes it out of `upper_fd`, as far as the layers below do not have it. As root of the ids of
 * containers, when there is no container any more. Returns 0, or -1, reported. */
int build_leavings_remove(const struct layers *below, int upper_fd);

#endif
