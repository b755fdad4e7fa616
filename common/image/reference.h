/*
 * reference: what an image is called: [HOST[:PORT]/]NAME[:TAG][@sha256:DIGEST].
 *
 *   hello                        hello:latest
 *   localhost/team/hello:1.2     slashes are part of the name
 *   hello@sha256:9f86…           that image, and no other that is called so
 *
 * What is not given is not made up: a name without a host has none.
 *
 * taught in: step 10, lessons/10-build.md
 */
#ifndef NSCTL_IMAGE_REFERENCE_H
#define NSCTL_IMAGE_REFERENCE_H

#include "common/base/sha256.h"

enum { REFERENCE_NAME_BYTES = 256, REFERENCE_TAG_BYTES = 129 };

/* With the NULs. */
struct reference {
    char name[REFERENCE_NAME_BYTES]; /* small letters, digits, . _ - : / */
    char tag[REFERENCE_TAG_BYTES];   /* "latest", where none was given */
    char digest[SHA256_TEXT];        /* 64 digits; "": none was given */
};

enum {
    REFERENCE_TEXT_BYTES =
        REFERENCE_NAME_BYTES + REFERENCE_TAG_BYTES + SHA256_TEXT + 9
};

/* Returns NULL, or what was expected: static. */
const char *reference_parse(const char *text, struct reference *reference);

/* The option parser for -t: `reference` is a struct reference; a digest, which nobody can
 * choose, is refused. */
const char *reference_parse_tag(const char *text, void *reference);

/* "hello:latest", into `text` (REFERENCE_TEXT_BYTES). */
void reference_text(const struct reference *reference, char *text);

#endif
