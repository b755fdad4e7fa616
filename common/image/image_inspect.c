/* image inspect: all that is known of images; inspect: of containers and images. */
#include "common/base/log.h"
#include "common/image/image_commands.h"
#include "common/image/image_text.h"
#include "common/runtime/inspect.h"

#include <errno.h>

static void inspect_write_layers(struct json_writer *writer,
                                 const struct image_texts *layers)
{
    char text[IMAGE_DIGEST_BYTES];
    json_write_open(writer, "RootFS", '{');
    json_write_text(writer, "Type", "layers");
    json_write_open(writer, "Layers", '[');
    for (size_t i = 0; i < layers->count; i++) {
        image_text_digest(layers->all[i], text);
        json_write_text(writer, NULL, text);
    }
    json_write_close(writer, ']');
    json_write_close(writer, '}');
}

/* The keys are docker's. Returns 0, or -1, reported. */
static int inspect_write_image(struct json_writer *writer,
                               const struct image *image,
                               const struct image *images, size_t count)
{
    const struct image_config *config = &image->config;
    const struct image_history *last =
        config->history_count == 0
            ? NULL
            : &config->history[config->history_count - 1];
    char id[IMAGE_DIGEST_BYTES];
    image_text_digest(image->reference.digest, id);
    json_write_open(writer, NULL, '{');
    json_write_text(writer, "Id", id);
    image_text_write_names(writer, "RepoTags", images, count,
                           image->reference.digest);
    json_write_text(writer, "Comment", last == NULL ? NULL : last->comment);
    json_write_text(writer, "Created", config->created);
    json_write_text(writer, "Author", config->author);
    json_write_text(writer, "Architecture", config->architecture);
    if (config->variant != NULL)
        json_write_text(writer, "Variant", config->variant);
    json_write_text(writer, "Os", config->os);
    int result = image_config_write_run(writer, "Config", config);
    json_write_unsigned(writer, "Size", image->bytes);
    inspect_write_layers(writer, &config->layers);
    json_write_close(writer, '}');
    return result == 0 ? 0 : log_error("%s: out of memory (ENOMEM)", id);
}

static int inspect_found(const struct store *store, struct json_writer *writer,
                         const struct image *image)
{
    struct image *images;
    size_t count;
    /* One of which a layer is gone can be looked at all the same. */
    bool is_whole = image_store_check_whole(image);
    if (image->config.os == NULL ||
        image_store_list(store, &images, &count) == -1)
        return -1;
    int result = inspect_write_image(writer, image, images, count);
    image_store_free_list(images, count);
    return is_whole ? result : -1;
}

/* An inspect_function of an image, as is inspect_any() of whatever has that name. */
static int inspect_image(const struct store *store, struct json_writer *writer,
                         const char *word)
{
    struct image image;
    int result = image_store_look_up(store, word, &image);
    if (result == 0)
        result = inspect_found(store, writer, &image);
    image_free(&image);
    return result;
}

int subcommand_image_inspect(const struct store *store, char **argv)
{
    const struct program program = {
        .name = argv[0],
        .summary = "Prints all that is known of images, as JSON.",
        .usage = "[OPTION...] IMAGE...",
        .example = "image inspect hello",
    };
    return inspect_all(store, program, argv, inspect_image);
}

/* ---- Containers and images ---- */

/* Silently: that there is no such container is no error, if there is an image. */
static int inspect_look_up(const struct store *store, const char *word,
                           struct record *record)
{
    int log_fd = log_set_descriptor(-1);
    int result = store_look_up(store, word, record);
    int saved_errno = errno;
    log_set_descriptor(log_fd);
    errno = saved_errno;
    return result;
}

static int inspect_any(const struct store *store, struct json_writer *writer,
                       const char *word)
{
    struct record record;
    struct image image = {0};
    int result = inspect_look_up(store, word, &record);
    if (result == 0) {
        inspect_write(writer, &record);
    } else if (errno == ENOENT && image_store_find(store, word, &image) == 0) {
        result = inspect_found(store, writer, &image);
    } else {
        record_free(&record); /* once more, to say what is wrong with it */
        if (store_look_up(store, word, &record) == -1 && errno == ENOENT)
            log_advice("nor is there an image of that name");
    }
    image_free(&image);
    record_free(&record);
    return result;
}

int subcommand_inspect_any(const struct store *store, char **argv)
{
    const struct program program = {
        .name = argv[0],
        .summary = "Prints all that is known of containers and images, as "
                   "JSON.",
        .usage = "[OPTION...] NAME...",
        .example = "inspect web",
    };
    return inspect_all(store, program, argv, inspect_any);
}
