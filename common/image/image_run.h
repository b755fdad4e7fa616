/*
 * image_run: a container as its image wants it to be.
 *
 *     struct image image;
 *     …
 *     int use_fd = layer_store_use(store);            or a layer could go meanwhile
 *     run_options_begin(&container);
 *     image_run_prepare(store, &image.config, &container);
 *
 * What was asked for holds against what the image says. Its volumes are directories, made
 * where they are missing: what is written there is kept like all that the container writes,
 * for as long as there is the container; -v puts something in their place.
 *
 * taught in: step 10, lessons/10-build.md
 */
#ifndef NSCTL_IMAGE_IMAGE_RUN_H
#define NSCTL_IMAGE_IMAGE_RUN_H

#include "common/image/image_config.h"
#include "common/runtime/container.h"
#include "common/runtime/run_options.h"
#include "common/runtime/store.h"

/* Layers, variables, directory, user and stop signal, into a container in which what was asked
 * for stands already. Its texts are the image's, and must stay. Returns 0, or -1 with errno,
 * reported (ENOENT: a layer is gone). */
int image_run_prepare(const struct store *store,
                      const struct image_config *config,
                      struct container *container);

/* Its command: `words` (NULL at the end), or where there are none what the image says, behind
 * the entrypoint; and for -P the ports. Its `image` is named already. Returns 0, or -1,
 * reported: there is none. */
int image_run_choose_command(const struct image_config *config,
                             struct container *container, char **words);

/* For run_options_read(): the first word as an image's name. One at a time: the image
 * stays. */
run_options_use_image image_run_use;

#endif
