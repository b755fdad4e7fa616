/*
 * sha256: the digest by which images, layers and cached results are named.
 *
 *   struct sha256 hash;
 *   unsigned char digest[SHA256_BYTES];
 *   char text[SHA256_TEXT];
 *   sha256_start(&hash);
 *   sha256_add(&hash, data, size);     as often as there is data
 *   sha256_finish(&hash, digest);
 *   sha256_text(digest, text);         "e3b0c442…", 64 digits
 *
 * FIPS 180-4. Processors that have instructions for it (SHA-NI on x86-64, the
 * Cryptographic Extension on ARMv8) are five times as fast as portable C; which
 * way is taken is found out when the first bytes are hashed, and not before:
 * asking the processor is slow in a virtual machine, and most runs hash nothing.
 *
 * taught in: step 00, lessons/00-before-you-start.md
 */
#ifndef NSCTL_BASE_SHA256_H
#define NSCTL_BASE_SHA256_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { SHA256_BYTES = 32, SHA256_TEXT = 2 * SHA256_BYTES + 1 };

struct sha256 {
    uint32_t state[8];
    uint64_t length; /* of all that was added, in bytes */
    unsigned char block[64];
};

void sha256_start(struct sha256 *hash);
void sha256_add(struct sha256 *hash, const void *data, size_t size);

/* Writes the digest of all that was added. `hash` is used up by that. */
void sha256_finish(struct sha256 *hash, unsigned char digest[SHA256_BYTES]);

/* The digest as 64 small hexadecimal digits and a NUL. */
void sha256_text(const unsigned char digest[SHA256_BYTES],
                 char text[SHA256_TEXT]);

/* All of it at once: the digest of `data` as text. */
void sha256_of(const void *data, size_t size, char text[SHA256_TEXT]);

/* Whether `text` is a digest as sha256_text() writes it, and nothing more. */
bool sha256_is_text(const char *text);

/* The digits of a digest as images name it, "sha256:9f86…"; NULL where it is none. */
const char *sha256_parse(const char *text);

/* What hashes here: "portable", "SHA-NI" or "ARMv8". */
const char *sha256_implementation(void);

/* For tests: portable C, whatever the processor has. */
void sha256_use_portable(void);

#endif
