/*
 * layer_pack: a directory becomes an archive, the same one whenever it is the same:
 * its names in the order of their bytes, no user names, whole seconds.
 *
 * The directory may be the upper one of an overlay. What overlay writes there to
 * say that a name is gone, or that a directory hides what is below it, becomes
 * .wh.NAME and .wh..wh..opq; of its other attributes nothing remains.
 *
 * taught in: step 10, lessons/10-build.md
 */
#ifndef NSCTL_IMAGE_LAYER_PACK_H
#define NSCTL_IMAGE_LAYER_PACK_H

#include "common/base/tar_writer.h"

/*
 * Packs `directory_fd` and all in it, but does not finish the archive. `name` is
 * for messages. A file whose other names are in it too is packed once, the others
 * as hard links; sockets are left out, since nobody listens any more; holes are
 * written as zeros, since not everybody reads them otherwise. Returns 0, or -1
 * with errno, reported.
 */
int layer_pack(int directory_fd, const char *name, struct tar_writer *writer);

#endif
