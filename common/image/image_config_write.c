/* Writing what an image says of itself: see image_config.h. */
#include "common/base/json_writer.h"
#include "common/base/log.h"
#include "common/image/image_config_members.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Where nothing was said nothing is written. */
static void image_config_write_text(struct json_writer *writer, const char *key,
                                    const char *text)
{
    if (text != NULL)
        json_write_text(writer, key, text);
}

/* NAME=VALUE. Returns 0, or -1: no memory. */
static int image_config_write_pair(struct json_writer *writer, const char *pair)
{
    const char *equals = strchrnul(pair, '=');
    char *name = strndup(pair, (size_t)(equals - pair));
    if (name == NULL)
        return -1;
    json_write_text(writer, name, *equals == '\0' ? "" : equals + 1);
    free(name);
    return 0;
}

static int image_config_write_member(struct json_writer *writer,
                                     const struct image_config *config,
                                     const struct image_member *member)
{
    int result = 0;
    if (member->kind == IMAGE_MEMBER_TEXT) {
        image_config_write_text(writer, member->key,
                                *image_member_text(config, member));
        return 0;
    }
    const struct image_texts *texts = image_member_texts(config, member);
    if (texts->all == NULL)
        return 0;
    if (member->kind == IMAGE_MEMBER_LIST) {
        json_write_texts(writer, member->key, texts->all);
        return 0;
    }
    json_write_open(writer, member->key, '{');
    for (size_t i = 0; i < texts->count && result == 0; i++) {
        if (member->kind == IMAGE_MEMBER_PAIRS) {
            result = image_config_write_pair(writer, texts->all[i]);
            continue;
        }
        json_write_open(writer, texts->all[i], '{');
        json_write_close(writer, '}');
    }
    json_write_close(writer, '}');
    return result;
}

static int image_config_write_members(struct json_writer *writer,
                                      const struct image_config *config,
                                      const struct image_member *member)
{
    for (; member->key != NULL; member++)
        if (image_config_write_member(writer, config, member) == -1)
            return -1;
    return 0;
}

int image_config_write_run(struct json_writer *writer, const char *key,
                           const struct image_config *config)
{
    json_write_open(writer, key, '{');
    int result =
        image_config_write_members(writer, config, image_config_inner_members);
    json_write_close(writer, '}');
    return result;
}

static void image_config_write_layers(struct json_writer *writer,
                                      const struct image_config *config)
{
    json_write_open(writer, "rootfs", '{');
    json_write_text(writer, "type", "layers");
    json_write_open(writer, "diff_ids", '[');
    for (size_t i = 0; i < config->layers.count; i++) {
        char text[sizeof "sha256:" + SHA256_TEXT];
        snprintf(text, sizeof text, "sha256:%s", config->layers.all[i]);
        json_write_text(writer, NULL, text);
    }
    json_write_close(writer, ']');
    json_write_close(writer, '}');
}

static void image_config_write_history(struct json_writer *writer,
                                       const struct image_config *config)
{
    if (config->history_count == 0)
        return;
    json_write_open(writer, "history", '[');
    for (size_t i = 0; i < config->history_count; i++) {
        const struct image_history *history = &config->history[i];
        json_write_open(writer, NULL, '{');
        image_config_write_text(writer, "created", history->created);
        image_config_write_text(writer, "created_by", history->created_by);
        image_config_write_text(writer, "author", history->author);
        image_config_write_text(writer, "comment", history->comment);
        if (history->empty_layer)
            json_write_bool(writer, "empty_layer", true);
        json_write_close(writer, '}');
    }
    json_write_close(writer, ']');
}

static int image_config_write_all(struct json_writer *writer,
                                  const struct image_config *config)
{
    json_write_open(writer, NULL, '{');
    if (image_config_write_members(writer, config,
                                   image_config_outer_members) == -1 ||
        image_config_write_run(writer, "config", config) == -1)
        return -1;
    image_config_write_layers(writer, config);
    image_config_write_history(writer, config);
    json_write_close(writer, '}');
    return 0;
}

char *image_config_write(const struct image_config *config, size_t *size)
{
    char *text = NULL;
    struct json_writer writer = {.file = open_memstream(&text, size),
                                 .one_line = true};
    bool written = false;
    if (writer.file != NULL) {
        written = image_config_write_all(&writer, config) == 0 &&
                  !ferror(writer.file);
        written = fclose(writer.file) == 0 && written;
    }
    if (written)
        return text;
    free(text);
    log_error("what an image says of itself: out of memory (ENOMEM)");
    errno = ENOMEM;
    return NULL;
}
