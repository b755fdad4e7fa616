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

static void image_config_write_pair(struct json_writer *writer,
                                    const char *pair)
{
    const char *equals = strchrnul(pair, '=');
    char *name = strndup(pair, (size_t)(equals - pair));
    /* Without memory the stream has none either, or the reader below finds out. */
    json_write_text(writer, name == NULL ? "" : name,
                    *equals == '\0' ? "" : equals + 1);
    free(name);
}

static void image_config_write_member(struct json_writer *writer,
                                      const struct image_config *config,
                                      const struct image_member *member)
{
    if (member->kind == IMAGE_MEMBER_TEXT) {
        image_config_write_text(writer, member->key,
                                *image_member_text(config, member));
        return;
    }
    const struct image_texts *texts = image_member_texts(config, member);
    if (texts->all == NULL)
        return;
    if (member->kind == IMAGE_MEMBER_LIST) {
        json_write_texts(writer, member->key, texts->all);
        return;
    }
    json_write_open(writer, member->key, '{');
    for (size_t i = 0; i < texts->count; i++) {
        if (member->kind == IMAGE_MEMBER_PAIRS) {
            image_config_write_pair(writer, texts->all[i]);
            continue;
        }
        json_write_open(writer, texts->all[i], '{');
        json_write_close(writer, '}');
    }
    json_write_close(writer, '}');
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

static void image_config_write_all(struct json_writer *writer,
                                   const struct image_config *config)
{
    const struct image_member *member;
    json_write_open(writer, NULL, '{');
    for (member = image_config_outer_members; member->key != NULL; member++)
        image_config_write_member(writer, config, member);
    json_write_open(writer, "config", '{');
    for (member = image_config_inner_members; member->key != NULL; member++)
        image_config_write_member(writer, config, member);
    json_write_close(writer, '}');
    image_config_write_layers(writer, config);
    image_config_write_history(writer, config);
    json_write_close(writer, '}');
}

char *image_config_write(const struct image_config *config, size_t *size)
{
    char *text = NULL;
    struct json_writer writer = {.file = open_memstream(&text, size),
                                 .one_line = true};
    bool written = false;
    if (writer.file != NULL) {
        image_config_write_all(&writer, config);
        written = !ferror(writer.file);
        written = fclose(writer.file) == 0 && written;
    }
    if (written)
        return text;
    free(text);
    log_error("what an image says of itself: out of memory (ENOMEM)");
    errno = ENOMEM;
    return NULL;
}
