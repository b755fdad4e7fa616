/*
 * build_archive: an archive in the context, which ADD unpacks.
 *
 * It is unpacked beside the layer first, where nothing is in its way and nothing is followed
 * (layer_unpack.h), and then moved to its place. A directory of it that the image has, too, becomes
 * one with that; what else the image has of that name is hidden.
 *
 * taught in: step 10, lessons/10-build.md
 */
#ifndef NSCTL_IMAGE_BUILD_ARCHIVE_H
#define NSCTL_IMAGE_BUILD_ARCHIVE_H

#include "common/image/layer_path.h"
#include "common/image/layer_place.h"

#include <stdbool.h>

/* Whether a file is one, plain or compressed. 1, 0, or -1, reported (one that is compressed in a
 * way that we have no program for, too). */
int build_archive_is_one(const struct layer_path *file);

/* Unpacks it into `destination` of the image, of which `below` has the layers and `top` is the new
 * one. `scratch`: a directory of our own on the same file system. Returns 0, or -1, reported. */
int build_archive_unpack(const struct layer_path *file,
                         const struct layers *below,
                         const struct layer_place *top, const char *destination,
                         const char *scratch, bool own_all);

#endif
