/*
 * image_config: what an image says of itself, as the OCI image specification has it:
 * for which machine it is, how a container of it begins, of which layers it is made, and
 * how these came to be. The digest of this text is the image's id.
 *
 *   struct image_config config;
 *   if (image_config_read(&config, "blobs/sha256/9f86…", text, size) == -1)
 *       return -1;
 *   image_config_set_text(&config, &config.user, "web");
 *   char *text = image_config_write(&config, &size);
 *   image_config_free(&config);
 *
 * taught in: step 10, lessons/10-build.md
 */
#ifndef NSCTL_IMAGE_IMAGE_CONFIG_H
#define NSCTL_IMAGE_IMAGE_CONFIG_H

#include "common/base/json_writer.h"
#include "common/base/names.h"
#include "common/base/sha256.h"

#include <stdbool.h>
#include <stddef.h>

/* Variables, labels, layers …: more of a kind are refused. */
enum { IMAGE_CONFIG_MOST_TEXTS = 4096 };

/* An array of texts, NULL at the end; `all` itself is NULL where nothing was said: for an
 * entrypoint that is something else than an empty one. */
struct image_texts {
    const char **all;
    size_t count;
};

struct image_history {
    const char *created, *created_by, *comment, *author; /* or NULL */
    bool empty_layer; /* it has made no layer */
};

/* NULL, or none: not said. */
struct image_config {
    const char *architecture, *os, *variant; /* "amd64", "linux" */
    const char *created;                     /* RFC 3339 */
    const char *author;

    const char *user, *working_directory, *stop_signal;
    struct image_texts environment; /* NAME=VALUE */
    struct image_texts entrypoint, command, shell;
    /* "80/tcp", "/data" and NAME=VALUE, each in the order of their bytes. */
    struct image_texts ports, volumes, labels;

    /* Digests of the plain archives, 64 digits each, the lowest first. */
    struct image_texts layers;
    struct image_history *history;
    size_t history_count;
    /* There are members that we do not know (Healthcheck …): who writes it loses
     * them. */
    bool has_more;
    struct names texts; /* all that is pointed to */
};

/* All zeros is one that says nothing. Reads one; `name` is for errors. Returns 0, or -1
 * with errno (EINVAL), reported. In any case, image_config_free() afterwards. */
int image_config_read(struct image_config *config, const char *name,
                      const char *text, size_t size);

/* The text, the same one whenever it says the same: `size` bytes, to be freed by the
 * caller; NULL, reported: no memory. */
char *image_config_write(const struct image_config *config, size_t *size);

/* Only how a container of it begins, as a member `key`. Returns 0, or -1, not reported: no
 * memory. */
int image_config_write_run(struct json_writer *writer, const char *key,
                           const struct image_config *config);

/* A deep copy. Returns 0, or -1, reported. */
int image_config_copy(struct image_config *copy,
                      const struct image_config *config);

void image_config_free(struct image_config *config);

/* Changes, each of which copies what it is given. They return 0, or -1, reported: no
 * memory. `field` is one of its texts; NULL for `text` unsays it. */
int image_config_set_text(struct image_config *config, const char **field,
                          const char *text);
int image_config_set_texts(struct image_config *config,
                           struct image_texts *field, const char *const *texts,
                           size_t count);
/* One more; not twice where `is_set`, and then kept in order. */
int image_config_add(struct image_config *config, struct image_texts *field,
                     const char *text, bool is_set);
/* NAME=VALUE in the place of what had that NAME, else one more. */
int image_config_assign(struct image_config *config, struct image_texts *field,
                        const char *name, const char *value);
int image_config_add_history(struct image_config *config,
                             const struct image_history *history);

/* What this machine is called: "amd64", "arm64" …; static. */
const char *image_config_machine(void);

#endif
