/*
 * layer_unpack: an archive becomes a directory, and nothing outside of it.
 *
 * Whoever made the archive may have made it to harm: with names that lead out,
 * links to go through, a file in the way of another. So a name may neither begin
 * with / nor hold "..", each is looked up by openat2(2) as if the layer's
 * directory were the root, nothing that is there already is ever opened or
 * followed, and what is made belongs to nobody else until it is complete.
 *
 * A layer says that a name below it is gone by a file named .wh.NAME, and that a
 * directory hides all below it by .wh..wh..opq in it. On disk that is what
 * overlay reads: a device 0:0, and the attribute user.overlay.opaque, beside it
 * trusted.overlay.opaque where root of the host unpacks.
 *
 * taught in: step 10, lessons/10-build.md
 */
#ifndef NSCTL_IMAGE_LAYER_UNPACK_H
#define NSCTL_IMAGE_LAYER_UNPACK_H

#include "common/base/tar_reader.h"

#include <stdbool.h>
#include <stdint.h>

enum layer_devices {
    LAYER_DEVICES_REFUSE,
    LAYER_DEVICES_MAKE, /* takes CAP_MKNOD on the host */
    LAYER_DEVICES_LEAVE_OUT,
};

struct layer_options {
    enum layer_devices devices;
    /* Everything is to belong to the caller: where no other id is mapped. */
    bool own_all;
    /* Not a layer but a plain tree, in which .wh.NAME means nothing. */
    bool plain_tree;
};

struct layer_counts {
    uint64_t entries, bytes;      /* what was unpacked */
    uint64_t devices, attributes; /* what was left out */
};

/*
 * Unpacks all entries that `reader` has, to their end, into `directory_fd`,
 * which should be empty and closed to others. Of extended attributes user.* and
 * security.capability are taken. Returns 0, or -1 with errno, reported; what was
 * unpacked by then stays there. openat2(2).
 */
int layer_unpack(struct tar_reader *reader, int directory_fd,
                 const struct layer_options *options,
                 struct layer_counts *counts);

#endif
