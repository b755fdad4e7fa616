/*
 * layer_make: an archive, or a directory, becomes a layer of the store.
 *
 *   struct layer_origin origin = {.name = "x.tar.gz", .fd = fd, .size = UINT64_MAX};
 *   struct layer_made made;
 *   if (layer_make(store, &origin, &made) == -1)
 *       return -1;
 *   …made.digest is in the store, on the disk, for as long as layer_store_use() lasts…
 *
 * An archive is read once: hashed and unpacked on the way. A directory is packed by a
 * child, into a pipe, so that it goes the same way, and has the digest that it will have
 * when it is packed again.
 *
 * taught in: step 10, lessons/10-build.md
 */
#ifndef NSCTL_IMAGE_LAYER_MAKE_H
#define NSCTL_IMAGE_LAYER_MAKE_H

#include "common/image/layer_store.h"
#include "common/image/layer_unpack.h"
#include "common/image/stream.h"

enum { LAYER_ANY_FORMAT = -1 };

struct layer_origin {
    const char *name; /* for messages, and what is to be seen while it lasts */
    /* Either: it is packed as root of the ids that containers have. NULL: none */
    const char *directory;
    /* Or an archive, from where it stands, of at most so many bytes. */
    int fd;
    uint64_t size;
    /* No layer but a tree, in which .wh.NAME means nothing. */
    bool plain_tree;
    enum layer_devices devices;
    /* What was said of it, and must be true; NULL: nothing was. 64 digits. */
    const char *stored_digest, *plain_digest;
    int format; /* an enum stream_format, or LAYER_ANY_FORMAT */
};

struct layer_made {
    char digest[SHA256_TEXT]; /* of the plain archive: the layer's name */
    struct layer_info info;
    uint64_t devices, attributes; /* what was left out */
};

/* Returns 0; or -1 with errno, reported (EBADMSG: it is not what was said of it), and
 * then nothing of it is there. */
int layer_make(const struct store *store, const struct layer_origin *origin,
               struct layer_made *made);

/* Reads an archive, and checks what was said of it, but makes nothing: for a layer that
 * is there already. Returns 0, or -1, reported. */
int layer_make_check(const struct layer_origin *origin);

#endif
