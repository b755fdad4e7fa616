/*
 * archive_write: images become an OCI archive, the same bytes whenever they are the same
 * images.
 *
 *   struct archive_writer writer;
 *   archive_write_begin(&writer, "x.tar", fd, spool_fd, STREAM_PLAIN);
 *   archive_write_image(&writer, store, &image);       as many as there are
 *   archive_write_finish(&writer);
 *   archive_write_close(&writer);
 *
 *   oci-layout                      which layout this is
 *   blobs/sha256/DIGEST             layers, configs, manifests
 *   index.json                      which manifest is which image's
 *
 * Nothing is sought in it, so that it can go into a pipe: the index comes last.
 *
 * taught in: step 10, lessons/10-build.md
 */
#ifndef NSCTL_IMAGE_ARCHIVE_WRITE_H
#define NSCTL_IMAGE_ARCHIVE_WRITE_H

#include "common/base/tar_writer.h"
#include "common/image/image_store.h"
#include "common/image/layer_export.h"

/* A layer of the store, and what it is in the archive. */
struct archive_write_layer {
    char digest[SHA256_TEXT];
    struct layer_exported exported;
};

/* An image of the archive, as its index names it. */
struct archive_write_image {
    char name[REFERENCE_TEXT_BYTES];
    char manifest_digest[SHA256_TEXT];
    uint64_t manifest_bytes;
    char architecture[64], os[64], variant[64];
};

struct archive_writer {
    const char *name; /* of the file, for messages */
    int fd, spool_fd; /* the second: for a layer, whose size comes before it */
    enum stream_format format;
    struct tar_writer tar;
    struct archive_write_layer *layers;
    size_t layer_count;
    struct archive_write_image *images;
    size_t image_count;
    char (*blobs)[SHA256_TEXT]; /* that are in it by now */
    size_t blob_count;
};

/* All return 0, or -1 with errno, reported. */
int archive_write_begin(struct archive_writer *writer, const char *name, int fd,
                        int spool_fd, enum stream_format format);
int archive_write_image(struct archive_writer *writer,
                        const struct store *store, const struct image *image);
int archive_write_finish(struct archive_writer *writer);

/* Lets go of the memory, in any case. */
void archive_write_close(struct archive_writer *writer);

#endif
