/*
 * layer_attributes: which extended attributes (xattr(7)) belong to a file of an image, wherever
 * it goes: what users say of it (user.*), and what it may do (security.capability). The rest is
 * this host's: overlay's own, which it would obey, and those of its security modules.
 *
 * taught in: step 10, lessons/10-build.md
 */
#ifndef NSCTL_IMAGE_LAYER_ATTRIBUTES_H
#define NSCTL_IMAGE_LAYER_ATTRIBUTES_H

#include <stdbool.h>

bool layer_attributes_is_overlays(const char *name);
bool layer_attributes_belongs(const char *name);

/* Gives a file those of another that belong to it. Returns 0, or -1 with errno, not reported.
 * flistxattr(2), fsetxattr(2). */
int layer_attributes_copy(int from_fd, int to_fd);

/* The directory hides what the layers below have in its place. In both spellings, where we may:
 * an overlay that the host's root has mounted for itself reads the other one. Returns 0, or
 * -1 with errno, not reported. fsetxattr(2). */
int layer_attributes_make_opaque(int fd);

#endif
