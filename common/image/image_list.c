/* image ls: the images that there are. */
#include "common/base/log.h"
#include "common/base/table.h"
#include "common/image/image_commands.h"
#include "common/image/image_text.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct list_images {
    bool all, quiet, digests, json, untruncated;
    const struct image *images;
    size_t count;
};

/* The newest first, as docker has them; of the same age by name. */
static int list_compare(const void *a, const void *b)
{
    const struct image *first = a, *second = b;
    int64_t first_ns = image_text_created_ns(first->config.created),
            second_ns = image_text_created_ns(second->config.created);
    if (first_ns != second_ns)
        return first_ns < second_ns ? 1 : -1;
    int order = strcmp(first->reference.name, second->reference.name);
    return order != 0 ? order
                      : strcmp(first->reference.tag, second->reference.tag);
}

/* The id as it is asked for; of one that can not be read there is none. */
static void list_write_id(const struct list_images *list,
                          const struct image *image, char *text)
{
    if (image->reference.digest[0] == '\0')
        memcpy(text, "<none>", sizeof "<none>");
    else if (list->untruncated)
        image_text_digest(image->reference.digest, text);
    else
        snprintf(text, IMAGE_DIGEST_BYTES, "%.*s", IMAGE_SHORT_ID_LENGTH,
                 image->reference.digest);
}

static void list_add(const struct list_images *list, const struct image *image,
                     struct table *table)
{
    char text[128];
    table_add(table, image->reference.name);
    table_add(table, image->reference.tag);
    if (list->digests) {
        image_text_digest(image->reference.digest, text);
        table_add(table, image->reference.digest[0] == '\0' ? "<none>" : text);
    }
    list_write_id(list, image, text);
    table_add(table, text);
    if (image->damage == NULL)
        image_text_age(image->config.created, text, sizeof text);
    table_add(table, image->damage == NULL ? text : "Corrupt");
    image_text_size(image->bytes, text);
    table_add(table, text);
}

/* One object an image, however many names it has: keys that podman's users know. */
static void list_write_json(const struct list_images *list, size_t number,
                            struct json_writer *writer)
{
    const struct image *image = &list->images[number];
    char id[IMAGE_DIGEST_BYTES];
    for (size_t i = 0; i < number; i++)
        if (strcmp(list->images[i].reference.digest, image->reference.digest) ==
            0)
            return;
    json_write_open(writer, NULL, '{');
    image_text_digest(image->reference.digest, id);
    json_write_text(writer, "Id",
                    image->reference.digest[0] == '\0' ? NULL : id);
    image_text_write_names(writer, "RepoTags", list->images, list->count,
                           image->reference.digest);
    json_write_number(writer, "Created",
                      image_text_created_ns(image->config.created) /
                          1000000000);
    json_write_text(writer, "CreatedAt", image->config.created);
    json_write_unsigned(writer, "Size", image->bytes);
    json_write_unsigned(writer, "Layers", image->config.layers.count);
    json_write_text(writer, "Corrupt", image->damage);
    json_write_close(writer, '}');
}

static void list_print(const struct list_images *list)
{
    static const char *const headings[] = {"REPOSITORY", "TAG",  "IMAGE ID",
                                           "CREATED",    "SIZE", NULL};
    static const char *const with_digests[] = {
        "REPOSITORY", "TAG", "DIGEST", "IMAGE ID", "CREATED", "SIZE", NULL};
    struct table table = {.headings = list->digests ? with_digests : headings};
    struct json_writer writer = {.file = stdout};
    if (list->json)
        json_write_open(&writer, NULL, '[');
    for (size_t i = 0; i < list->count; i++) {
        char id[IMAGE_DIGEST_BYTES];
        if (list->json) {
            list_write_json(list, i, &writer);
        } else if (list->quiet) {
            list_write_id(list, &list->images[i], id);
            printf("%s\n", id);
        } else {
            list_add(list, &list->images[i], &table);
        }
    }
    if (list->json)
        json_write_close(&writer, ']');
    else if (!list->quiet)
        table_print(&table, stdout);
}

/* Whether it is called NAME[:TAG], or, without a tag, NAME. */
static bool list_is_asked(const struct image *image, const char *word)
{
    char name[REFERENCE_TEXT_BYTES];
    reference_text(&image->reference, name);
    return word == NULL || strcmp(word, name) == 0 ||
           strcmp(word, image->reference.name) == 0;
}

int subcommand_image_ls(const struct store *store, char **argv)
{
    struct list_images list = {0};
    const struct program_option options[] = {
        {"-a --all", NULL, NULL, &list.all, "as without it: none are hidden"},
        {"-q --quiet", NULL, NULL, &list.quiet, "ids only"},
        {"--digests", NULL, NULL, &list.digests, "their digests, too"},
        {"--no-trunc", NULL, NULL, &list.untruncated, "whole ids"},
        {"--json", NULL, NULL, &list.json, "an array of objects"},
        {0},
    };
    static const struct program_absent absent[] = {
        {"--format", "--json is what programs may read"},
        {"-f --filter",
         "NAME[:TAG] behind it; `image prune` removes what nobody has"},
        {0},
    };
    const struct program program = {
        .name = argv[0],
        .summary = "Lists images, the newest first.",
        .usage = "[OPTION...] [NAME[:TAG]]",
        .example = "image ls",
        .options = options,
        .absent = absent,
    };
    struct image *images;
    size_t count;
    char **words = subcommands_read(&program, argv, 0, 1);
    if (image_store_list(store, &images, &count) == -1)
        return EXIT_OURS;
    for (size_t i = 0; i < count; i++) {
        if (list_is_asked(&images[i], words[0]))
            images[list.count++] = images[i];
        else
            image_free(&images[i]);
    }
    if (list.count > 0)
        qsort(images, list.count, sizeof *images, list_compare);
    list.images = images;
    list_print(&list);
    image_store_free_list(images, list.count);
    return subcommands_end_output(0);
}
