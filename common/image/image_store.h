/*
 * image_store: the images that there are: names, each of which stands for a text
 * (image_config.h) that names layers (layer_store.h).
 *
 *     ROOT/images/NAME/TAG/metadata.json      the image's config, byte for byte: its
 *                                             digest is the image's id
 *     ROOT/cache/KEY                          which layer a step of a build has made
 *
 * In a file's name the slashes of NAME are "%", which no name has.
 *
 * taught in: step 10, lessons/10-build.md
 */
#ifndef NSCTL_IMAGE_IMAGE_STORE_H
#define NSCTL_IMAGE_IMAGE_STORE_H

#include "common/image/image_config.h"
#include "common/image/layer_store.h"
#include "common/image/reference.h"

#include <time.h>

/* For the files of image_*.c: where what a name stands for is; sweeps what
 * others have left who were killed. Return 0, or -1, reported. */
struct image_place {
    char images[PATH_MAX], name[PATH_MAX], tag[PATH_MAX], metadata[PATH_MAX];
};
int image_store_path(const struct store *store,
                     const struct reference *reference,
                     struct image_place *place);
int image_store_sweep(const struct store *store);

struct image {
    const char *damage; /* why it can not be understood; NULL: it can */
    struct image_config config;
    char *text; /* of metadata.json */
    size_t text_size;
    int64_t tagged_ns;          /* when it got this name; since 1970 */
    uint64_t bytes;             /* of all its layers, unpacked */
    struct reference reference; /* digest: the image's id */
    int error;                  /* errno of what failed there; or 0 */
};

/* For image_find.c: the one of exactly that name. Returns 0, also where it is damaged, or -1
 * with errno, ENOENT not reported. image_free() where it was 0. */
int image_read(const struct store *store, const struct reference *reference,
               struct image *image);

/*
 * The one that `word` names: NAME[:TAG][@DIGEST], or the beginning of an id; as it is, or,
 * where there is none of that name, with localhost/ or docker.io/library/ before it, which other
 * programs put there. Returns 0; or -1 with errno: ENOENT, not reported; EINVAL and the rest
 * reported. image_free() in any case.
 */
int image_store_find(const struct store *store, const char *word,
                     struct image *image);

/* The same, and reports ENOENT too: did you mean …? how to get one. */
int image_store_look_up(const struct store *store, const char *word,
                        struct image *image);

/* Whether it can be understood, and its layers are there. Reported where not. */
bool image_store_check_whole(const struct image *image);

/* All, by name and tag. Returns 0, or -1, reported. */
int image_store_list(const struct store *store, struct image **images,
                     size_t *count);
void image_store_free_list(struct image *images, size_t count);
void image_free(struct image *image);

/* So much may all layers of an image be together, unpacked, or packed where that is more: of a
 * bomb each alone is harmless. */
#define IMAGE_STORE_MOST_BYTES (UINT64_C(64) << 30)

/* Counts one layer more. Returns 0, or -1 with E2BIG, reported: `what` is too large. */
int image_store_add_size(const char *what, const struct layer_info *info,
                         uint64_t *bytes);

/* Gives the image whose config is `text` that name, on the disk; who had it has it no more.
 * All its layers must be there (ENOENT, reported), and not be too large together (E2BIG). `id`
 * (SHA256_TEXT), which may be NULL, gets its id. Returns 0, or -1 with errno, reported. */
int image_store_put(const struct store *store,
                    const struct reference *reference, const char *text,
                    size_t size, char *id);

/* Takes a name away; the layers stay until they are collected. Returns 0, or -1,
 * reported (ENOENT, too). */
int image_store_untag(const struct store *store,
                      const struct reference *reference);

/* Which layer the step of a build with that key (64 digits) has made. Returns 0, or -1
 * with ENOENT, not reported: there is none, or the layer is gone; with another, reported. */
int image_store_cached(const struct store *store, const char *key,
                       char *digest);
/* The same, and since when that is known. */
int image_store_cached_since(const struct store *store, const char *key,
                             time_t *since);
int image_store_remember(const struct store *store, const char *key,
                         const char *digest);

/* Takes away layers that neither an image nor a container has; with `cache` also those that
 * only a cached step has, and what is remembered of it. Nothing where somebody makes a layer
 * meanwhile, or where it can not be known who has which. Not to be called by who holds
 * layer_store_use(). Returns 0, or -1, reported. */
int image_store_collect(const struct store *store, bool cache, uint64_t *freed);

/* The same; that a cached step has made one of `own` keeps it from nothing. `removed` hears of
 * each that is gone. Both may be NULL. */
int image_store_collect_own(const struct store *store, bool cache,
                            const struct image_texts *own,
                            void (*removed)(void *context, const char *digest),
                            void *context, uint64_t *freed);

#endif
