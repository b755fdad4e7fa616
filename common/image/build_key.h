/*
 * build_key: the digest of all that a step of a build depends on, by which its layer is found
 * again (image_store_cached).
 *
 *   build_key_begin(&key, stage);                 the layers that it stands on
 *   build_key_add(&key, "RUN");                   what is done
 *   build_key_add(&key, "make install");
 *   build_key_end(&key, text);
 *
 * It stands on layers, which are called by the digest of their contents; not on the
 * steps that made them. So a step is not done again where one before it was, and made the same.
 *
 * taught in: step 10, lessons/10-build.md
 */
#ifndef NSCTL_IMAGE_BUILD_KEY_H
#define NSCTL_IMAGE_BUILD_KEY_H

#include "common/image/image_config.h"

struct build_key {
    struct sha256 hash;
};

void build_key_begin(struct build_key *key, const struct image_texts *layers);

/* Each text with its length, so that "a", "bc" is not "ab", "c"; NULL is none. */
void build_key_add(struct build_key *key, const char *text);
void build_key_add_all(struct build_key *key, const char *const *texts,
                       size_t count);

void build_key_end(struct build_key *key, char text[SHA256_TEXT]);

#endif
