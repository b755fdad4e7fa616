/*
 * image_text: an image, in words: for a table, for JSON, for what is said of it.
 *
 * taught in: step 10, lessons/10-build.md
 */
#ifndef NSCTL_IMAGE_IMAGE_TEXT_H
#define NSCTL_IMAGE_IMAGE_TEXT_H

#include "common/base/json_writer.h"
#include "common/image/image_store.h"

enum { IMAGE_SHORT_ID_LENGTH = 12, IMAGE_SIZE_BYTES = 32 };

/* "7.38MB", in powers of 1000, as image sizes are told: `text` has IMAGE_SIZE_BYTES. */
void image_text_size(uint64_t bytes, char *text);

/* "5 minutes ago"; "N/A" where `created` (RFC 3339, or NULL) says nothing. */
void image_text_age(const char *created, char *text, size_t size);

/* When it was made, since 1970; 0: that is not known. */
int64_t image_text_created_ns(const char *created);

/* "sha256:" and the digest, into `text` (7 + SHA256_TEXT bytes). */
enum { IMAGE_DIGEST_BYTES = 7 + SHA256_TEXT };
void image_text_digest(const char *digest, char *text);

/* The names of the image `id`, an array. */
void image_text_write_names(struct json_writer *writer, const char *key,
                            const struct image *images, size_t count,
                            const char *id);

#endif
