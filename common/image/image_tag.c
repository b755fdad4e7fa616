/* tag: one more name for an image. */
#include "common/base/files.h"
#include "common/image/image_commands.h"
#include "common/image/image_store.h"

#include <errno.h>

/* While somebody uses the store the image's layers stay, even if its other name is taken
 * away meanwhile. */
static int tag_image(const struct store *store, const char *word,
                     const struct reference *reference)
{
    struct image image;
    int status = EXIT_NOT_DONE;
    int use_fd = layer_store_use(store);
    if (use_fd == -1)
        return EXIT_OURS;
    if (image_store_look_up(store, word, &image) == 0 &&
        image_store_check_whole(&image))
        status = image_store_put(store, reference, image.text, image.text_size,
                                 NULL) == -1
                     ? EXIT_OURS
                     : 0;
    image_free(&image);
    files_close(&use_fd);
    return status;
}

int subcommand_image_tag(const struct store *store, char **argv)
{
    static const struct program_option options[] = {{0}};
    const struct program program = {
        .name = argv[0],
        .summary = "Gives an image one more name. Who had that has it no more.",
        .usage = "IMAGE NAME[:TAG]...",
        .example = "tag hello hello:1.0",
        .options = options,
    };
    struct reference reference;
    char **words = subcommands_read(&program, argv, 2, SIZE_MAX);
    for (char **word = words + 1; *word != NULL; word++) {
        const char *expected = reference_parse_tag(*word, &reference);
        if (expected != NULL)
            program_refuse(&program, "\"%s\": %s", *word, expected);
    }
    int status = 0;
    for (char **word = words + 1; *word != NULL && status == 0; word++) {
        reference_parse_tag(*word, &reference);
        status = tag_image(store, words[0], &reference);
    }
    return status;
}
