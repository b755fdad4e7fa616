/* image history: how an image came to be, step by step. */
#include "common/base/log.h"
#include "common/base/table.h"
#include "common/image/image_commands.h"
#include "common/image/image_text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct history_row {
    const struct image_history
        *step; /* NULL: a layer of which nothing is said */
    uint64_t bytes;
};

struct history_options {
    bool quiet, json, untruncated;
};

/* Each step that is not empty has made a layer, the first the lowest. An image may say less
 * of its history than it has layers. Returns how many rows there are, from below. */
static size_t history_read(const struct store *store, const struct image *image,
                           struct history_row *rows)
{
    const struct image_config *config = &image->config;
    size_t layer = 0, count = 0;
    while (count < config->history_count || layer < config->layers.count) {
        char path[PATH_MAX];
        struct layer_info info = {0};
        const struct image_history *step =
            count < config->history_count ? &config->history[count] : NULL;
        if ((step == NULL || !step->empty_layer) &&
            layer < config->layers.count)
            layer_store_find(store, config->layers.all[layer++], path, &info);
        rows[count++] = (struct history_row){step, info.bytes};
    }
    return count;
}

/* What docker has, too: of all but the uppermost nobody knows. */
static void history_write_id(const struct image *image, bool is_top,
                             const struct history_options *options, char *text)
{
    if (!is_top)
        memcpy(text, "<missing>", sizeof "<missing>");
    else if (options->untruncated)
        image_text_digest(image->reference.digest, text);
    else
        snprintf(text, IMAGE_DIGEST_BYTES, "%.*s", IMAGE_SHORT_ID_LENGTH,
                 image->reference.digest);
}

/* At most 45 characters, the last of them … where there are more. */
static void history_add_text(struct table *table, const char *text,
                             const struct history_options *options)
{
    enum { MOST = 45, MOST_BYTES = 4 * (MOST + 1) };
    char shortened[MOST_BYTES + sizeof "…"];
    if (text == NULL || options->untruncated) {
        table_add(table, text);
        return;
    }
    snprintf(shortened, sizeof shortened - sizeof "…", "%s", text);
    table_shorten(shortened, MOST);
    table_add(table, shortened);
}

static void history_add(const struct image *image,
                        const struct history_row *row, bool is_top,
                        const struct history_options *options,
                        struct table *table)
{
    char text[128];
    history_write_id(image, is_top, options, text);
    table_add(table, text);
    image_text_age(row->step == NULL ? NULL : row->step->created, text,
                   sizeof text);
    table_add(table, text);
    history_add_text(table, row->step == NULL ? NULL : row->step->created_by,
                     options);
    image_text_size(row->bytes, text);
    table_add(table, text);
    history_add_text(table, row->step == NULL ? NULL : row->step->comment,
                     options);
}

static void history_write_json(const struct image *image,
                               const struct history_row *row, bool is_top,
                               struct json_writer *writer)
{
    static const struct image_history nothing;
    const struct image_history *step = row->step == NULL ? &nothing : row->step;
    char id[IMAGE_DIGEST_BYTES];
    history_write_id(image, is_top,
                     &(struct history_options){.untruncated = true}, id);
    json_write_open(writer, NULL, '{');
    json_write_text(writer, "id", id);
    json_write_text(writer, "created", step->created);
    json_write_text(writer, "createdBy", step->created_by);
    json_write_unsigned(writer, "size", row->bytes);
    json_write_text(writer, "comment", step->comment);
    json_write_bool(writer, "emptyLayer", step->empty_layer);
    json_write_close(writer, '}');
}

static void history_print(const struct image *image,
                          const struct history_row *rows, size_t count,
                          const struct history_options *options)
{
    static const char *const headings[] = {"IMAGE", "CREATED", "CREATED BY",
                                           "SIZE",  "COMMENT", NULL};
    struct table table = {.headings = headings};
    struct json_writer writer = {.file = stdout};
    if (options->json)
        json_write_open(&writer, NULL, '[');
    for (size_t i = count; i > 0; i--) { /* the newest first */
        char id[IMAGE_DIGEST_BYTES];
        bool is_top = i == count;
        if (options->json) {
            history_write_json(image, &rows[i - 1], is_top, &writer);
        } else if (options->quiet) {
            history_write_id(image, is_top, options, id);
            printf("%s\n", id);
        } else {
            history_add(image, &rows[i - 1], is_top, options, &table);
        }
    }
    if (options->json)
        json_write_close(&writer, ']');
    else if (!options->quiet)
        table_print(&table, stdout);
}

int subcommand_image_history(const struct store *store, char **argv)
{
    struct history_options asked = {0};
    const struct program_option options[] = {
        {"-q --quiet", NULL, NULL, &asked.quiet, "ids only"},
        {"--no-trunc", NULL, NULL, &asked.untruncated,
         "whole ids and commands"},
        {"--json", NULL, NULL, &asked.json, "an array of objects"},
        {0},
    };
    const struct program program = {
        .name = argv[0],
        .summary = "How an image came to be: its steps, the last first.",
        .usage = "[OPTION...] IMAGE",
        .example = "history hello",
        .options = options,
    };
    struct image image;
    int status = EXIT_NOT_DONE;
    char **words = subcommands_read(&program, argv, 1, 1);
    if (image_store_look_up(store, words[0], &image) == 0 &&
        image_store_check_whole(&image)) {
        struct history_row *rows =
            calloc(image.config.history_count + image.config.layers.count + 1,
                   sizeof *rows);
        if (rows == NULL) {
            log_error("the history: out of memory (ENOMEM)");
        } else {
            history_print(&image, rows, history_read(store, &image, rows),
                          &asked);
            status = 0;
        }
        free(rows);
    }
    image_free(&image);
    return subcommands_end_output(status);
}
