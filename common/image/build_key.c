#include "common/image/build_key.h"

#include <string.h>

static void build_key_add_number(struct build_key *key, uint64_t number)
{
    unsigned char bytes[8];
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (unsigned char)(number >> 8 * i);
    sha256_add(&key->hash, bytes, sizeof bytes);
}

void build_key_add(struct build_key *key, const char *text)
{
    size_t length = text == NULL ? 0 : strlen(text);
    build_key_add_number(key, text == NULL ? UINT64_MAX : length);
    sha256_add(&key->hash, text == NULL ? "" : text, length);
}

void build_key_add_all(struct build_key *key, const char *const *texts,
                       size_t count)
{
    build_key_add_number(key, count);
    for (size_t i = 0; i < count; i++)
        build_key_add(key, texts[i]);
}

void build_key_begin(struct build_key *key, const struct image_texts *layers)
{
    sha256_start(&key->hash);
    build_key_add(key,
                  "step, 1"); /* another number, when steps mean other things */
    build_key_add_all(key, layers->all, layers->count);
}

void build_key_end(struct build_key *key, char text[SHA256_TEXT])
{
    unsigned char digest[SHA256_BYTES];
    sha256_finish(&key->hash, digest);
    sha256_text(digest, text);
}
