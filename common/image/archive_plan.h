/*
 * archive_plan: which images are in an archive, and of which of its files each is made:
 * known, and checked as far as it can be, before anything is made.
 *
 *   struct archive_plan plan = {0};
 *   if (archive_plan_read(&plan, &archive) == -1)
 *       return -1;
 *   …plan.images[i]…
 *   archive_plan_free(&plan);
 *
 * Two kinds are read. An OCI archive has `oci-layout` and `index.json`, which leads by
 * digests to manifests, and these to a config and to layers. A docker archive has
 * `manifest.json`, which names all of them. What the config says of the layers, their
 * digests when they are unpacked, holds for both.
 *
 * taught in: step 10, lessons/10-build.md
 */
#ifndef NSCTL_IMAGE_ARCHIVE_PLAN_H
#define NSCTL_IMAGE_ARCHIVE_PLAN_H

#include "common/base/json.h"
#include "common/image/archive.h"
#include "common/image/image_config.h"
#include "common/image/reference.h"

#include <stdbool.h>

enum {
    ARCHIVE_MOST_IMAGES = 256,
    ARCHIVE_MOST_DEPTH = 4,      /* of indexes in indexes */
    ARCHIVE_MOST_DOCUMENTS = 512 /* indexes and manifests, all together */
};

struct archive_layer {
    const struct archive_entry *entry;
    char
        stored_digest[SHA256_TEXT]; /* of the file, as it is; "": nobody said */
    int format; /* an enum stream_format, or LAYER_ANY_FORMAT */
};

struct archive_image {
    struct reference *names; /* none: it has no name */
    size_t name_count;
    char *text; /* the config, byte for byte */
    size_t text_size;
    struct image_config config;
    struct archive_layer *layers; /* as many as config.layers */
};

struct archive_plan {
    struct archive_image *images;
    size_t count;
};

/* Returns 0, or -1 with errno, reported: the archive is none, or is damaged, or is wrong, or has
 * no image for this machine. archive_plan_free() in any case. */
int archive_plan_read(struct archive_plan *plan, const struct archive *archive);
void archive_plan_free(struct archive_plan *plan);

/* ---- For the two readers ---- */

int archive_plan_read_oci(struct archive_plan *plan,
                          const struct archive *archive);
int archive_plan_read_docker(struct archive_plan *plan,
                             const struct archive *archive);

/* A new image, of which nothing is known yet. NULL, reported: too many, or no memory. */
struct archive_image *archive_plan_add(struct archive_plan *plan,
                                       const struct archive *archive);

/* Takes the config, which is freed with the plan even if it is wrong: reads it, and checks
 * that it is for this machine and that it speaks of `layer_count` layers, for which
 * there is room then. `where` is what it is called: "x.tar: blobs/sha256/9f86…". */
int archive_plan_set_config(struct archive_image *image,
                            const struct archive *archive, const char *where,
                            char *text, size_t size, size_t layer_count);

/* One more name. `value` is where it stands. */
int archive_plan_add_name(struct archive_image *image, const struct json *json,
                          const struct json_value *value, const char *name);

#endif
