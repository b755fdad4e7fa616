/* run, where there are images. */
#include "common/base/log.h"
#include "common/image/image_commands.h"
#include "common/image/image_run.h"
#include "common/image/image_store.h"
#include "common/image/layer_store.h"
#include "common/runtime/self.h"

#include <errno.h>

/* What would otherwise be noticed when something is missing. */
static void image_run_tell_of_volumes(const struct image_config *config)
{
    for (size_t i = 0; i < config->volumes.count; i++)
        log_note("the image has a volume %s: what is written there goes with "
                 "the container, unless -v puts something in its place",
                 config->volumes.all[i]);
}

int image_run_use(const struct store *store, struct container *container,
                  char **words, bool must)
{
    static struct image image;
    static char name[REFERENCE_TEXT_BYTES];
    struct reference reference;
    if (!must && reference_parse(words[0], &reference) != NULL)
        return 1;
    int result = must ? image_store_look_up(store, words[0], &image)
                      : image_store_find(store, words[0], &image);
    if (result == -1)
        return errno == ENOENT ? 1 : -1;
    reference_text(&image.reference, name);
    if (!image_store_check_whole(&image))
        return -1;
    container->image_fd = layer_store_use(store);
    if (container->image_fd == -1)
        return -1;
    container->image = name;
    container->image_id = image.reference.digest;
    log_note("the image %s, %.12s: layers: %zu", name, image.reference.digest,
             image.config.layers.count);
    image_run_tell_of_volumes(&image.config);
    if (image.config.volumes.count > 0)
        container->places = image.config.volumes.all;
    if (image_run_prepare(store, &image.config, container) == -1)
        return -1;
    return image_run_choose_command(&image.config, container, words + 1);
}

int subcommand_run_image(const struct store *store, char **argv)
{
    static struct container container;
    if (self_protect_early(argv) == -1)
        return EXIT_OURS;
    run_options_read(&container, store, argv, image_run_use);
    return run_container(store, &container);
}
