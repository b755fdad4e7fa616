/*
 * layer_export: a layer of the store becomes an archive again.
 *
 * taught in: step 10, lessons/10-build.md
 */
#ifndef NSCTL_IMAGE_LAYER_EXPORT_H
#define NSCTL_IMAGE_LAYER_EXPORT_H

#include "common/image/layer_store.h"
#include "common/image/stream.h"

struct layer_exported {
    char plain_digest[SHA256_TEXT];  /* of the archive */
    char stored_digest[SHA256_TEXT]; /* of the file, which may be compressed */
    uint64_t stored_bytes;
};

/*
 * Packs the layer `digest` into the file `fd`, from its beginning. Its digest is another
 * than the layer's where that was packed by a program that orders or rounds otherwise.
 * `name` is for messages, and what is to be seen while it lasts. Returns 0, or -1,
 * reported.
 */
int layer_export(const struct store *store, const char *digest,
                 const char *name, int fd, enum stream_format format,
                 struct layer_exported *exported);

#endif
