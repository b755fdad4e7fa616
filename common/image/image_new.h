/*
 * image_new: an image that is made of layers that have just been made, and of what was
 * asked for besides: `import` and `commit`.
 *
 *   struct image_asked asked = {0};
 *   …options…
 *   if (image_new_begin(&asked, &config) == -1)      all that can be refused is
 *       return -1;
 *   …layers are made…
 *   image_new_add_layer(&config, digest, &history);
 *   image_new_put(store, &asked, &config);           it is there, and its id is printed
 *
 * taught in: step 10, lessons/10-build.md
 */
#ifndef NSCTL_IMAGE_IMAGE_NEW_H
#define NSCTL_IMAGE_IMAGE_NEW_H

#include "common/image/image_change.h"
#include "common/image/image_store.h"

struct image_asked {
    const char *name; /* NAME[:TAG]; NULL: the first digits of its id */
    const char *author, *message;
    struct image_changes changes;
    struct reference reference; /* what the name says */
    char created[32];           /* now, in RFC 3339 */
};

/* Checks what was asked for, and changes `config`, of which the layers are still those
 * of its base, as that says. Returns 0, or -1, reported. image_new_end() in any case. */
int image_new_begin(struct image_asked *asked, struct image_config *config);

/* One more layer, on top, and how it came to be: `created_by`. Returns 0, or -1,
 * reported. */
int image_new_add_layer(const struct image_asked *asked,
                        struct image_config *config, const char *digest,
                        const char *created_by);

/* Puts it into the store, and prints its id. Returns 0, or -1, reported. */
int image_new_put(const struct store *store, struct image_asked *asked,
                  struct image_config *config);

void image_new_end(struct image_asked *asked);

/* Names the image whose config is `text` after the first digits of that one's digest: what
 * one is called that has got no name. */
void image_new_name_by_id(const char *text, size_t size,
                          struct reference *reference);

#endif
