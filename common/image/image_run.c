#include "common/image/image_run.h"

#include "common/base/log.h"
#include "common/base/signal_names.h"
#include "common/image/layer_store.h"
#include "common/kernel/ports.h"
#include "common/runtime/directory.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* ---- What the image says ---- */

/* Whether a layer higher up is the same: then that decides what this one would, and an
 * overlay takes none twice. */
static bool image_run_is_above(const struct image_texts *layers, size_t number)
{
    for (size_t i = number + 1; i < layers->count; i++)
        if (strcmp(layers->all[i], layers->all[number]) == 0)
            return true;
    return false;
}

/* Its layers, the uppermost first, as an overlay wants them. */
static int image_run_layers(const struct store *store,
                            const struct image_config *config,
                            struct overlay_options *options)
{
    if (config->layers.count == 0 || config->layers.count > LAYERS_MOST) {
        log_error("the image has %zu layers: expected 1 to %d",
                  config->layers.count, LAYERS_MOST);
        errno = EINVAL;
        return -1;
    }
    options->layer_count = 0;
    for (size_t i = config->layers.count; i > 0; i--) {
        char path[PATH_MAX];
        const char *digest = config->layers.all[i - 1];
        if (image_run_is_above(&config->layers, i - 1))
            continue;
        if (layer_store_find(store, digest, path, NULL) == -1) {
            if (errno == ENOENT)
                log_error("the layer %.12s of the image is gone (ENOENT)",
                          digest);
            return -1;
        }
        char *copy = strdup(path);
        if (copy == NULL)
            return log_error("out of memory (ENOMEM)");
        options->layers[options->layer_count++] = copy;
    }
    return 0;
}

/* `expected`, which an option's parser has found. */
static int image_run_check(const char *what, const char *text,
                           const char *expected)
{
    if (expected == NULL)
        return 0;
    log_error("the image's %s: \"%s\": %s", what, text, expected);
    errno = EINVAL;
    return -1;
}

static void image_run_check_machine(const struct image_config *config)
{
    const char *machine = image_config_machine();
    if (config->architecture != NULL &&
        strcmp(config->architecture, machine) != 0)
        log_warning("the image is for %s, and this machine is %s",
                    config->architecture, machine);
}

int image_run_prepare(const struct store *store,
                      const struct image_config *config,
                      struct container *container)
{
    const char *expected = NULL;
    if (image_run_layers(store, config, &container->overlay.options) == -1)
        return -1;
    image_run_check_machine(config);
    container->base_environment = config->environment.all;
    if (container->working_directory == NULL &&
        config->working_directory != NULL)
        expected = directory_parse(config->working_directory,
                                   &container->working_directory);
    if (image_run_check("directory", config->working_directory, expected) == -1)
        return -1;
    if (container->privileges.user == NULL && config->user != NULL)
        expected = privileges_parse_user(config->user, &container->privileges);
    if (image_run_check("user", config->user, expected) == -1)
        return -1;
    if (container->stop_signal == 0 && config->stop_signal != NULL)
        expected =
            signal_names_parse(config->stop_signal, &container->stop_signal);
    return image_run_check("stop signal", config->stop_signal, expected);
}

/* ---- What is run ---- */

static int image_run_publish(const struct image_config *config,
                             struct ports *ports)
{
    for (size_t i = 0; i < config->ports.count; i++)
        if (image_run_check("port", config->ports.all[i],
                            ports_parse(config->ports.all[i], ports)) == -1)
            return -1;
    return 0;
}

/* An entrypoint that was asked for is without the image's command, which is not written for
 * it. */
int image_run_choose_command(const struct image_config *config,
                             struct container *container, char **words)
{
    struct image_texts entrypoint = config->entrypoint;
    bool is_asked = container->entrypoint != NULL;
    if (is_asked) {
        entrypoint.all = &container->entrypoint;
        entrypoint.count = *container->entrypoint != '\0';
    }
    //> command
    if (words[0] == NULL && !is_asked && config->command.count != 0)
        words = (char **)config->command.all;
    //< command
    container->command =
        run_options_join(entrypoint.all, entrypoint.count, words);
    if (container->command == NULL)
        return -1;
    if (container->command[0] == NULL) {
        log_error("the image does not say which command to run");
        log_advice("name one behind it: run %s /bin/sh", container->image);
        errno = EINVAL;
        return -1;
    }
    return container->publish_all
               ? image_run_publish(config, &container->network.ports)
               : 0;
}
