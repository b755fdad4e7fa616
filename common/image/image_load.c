/* load: images out of an archive, as `save` here and elsewhere writes one. */
#include "common/base/array.h"
#include "common/base/files.h"
#include "common/base/log.h"
#include "common/image/archive_plan.h"
#include "common/image/image_commands.h"
#include "common/image/image_new.h"
#include "common/image/layer_make.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* A layer that was checked, so that it is not read again for the next image. */
struct load_done {
    const struct archive_entry *entry;
    const char *digest;
};

struct load {
    const struct store *store;
    const char *path; /* NULL: standard input */
    bool devices, no_devices;
    struct archive archive;
    struct archive_plan plan;
    struct load_done *done;
    size_t done_count, made_count;
    uint64_t bytes; /* of all layers, so far */
};

static void load_read_options(struct load *load, char **argv)
{
    const struct program_option options[] = {
        {"-i --input", "FILE", program_parse_text, &load->path,
         "read that, and not standard input"},
        {"--devices", NULL, NULL, &load->devices,
         "make the devices that are in it, too (root alone may)"},
        {"--no-devices", NULL, NULL, &load->no_devices,
         "leave out the devices that are in it (default: refuse it)"},
        {0},
    };
    const struct program program = {
        .name = argv[0],
        .summary = "Takes images out of an archive: an OCI archive, or a "
                   "docker archive.\nWhat it says of itself is checked, all "
                   "of it: digests, sizes, for which machine.",
        .usage = "[OPTION...]",
        .example = "load -i hello.tar",
        .options = options,
    };
    subcommands_read(&program, argv, 0, 0);
    if (load->devices && load->no_devices)
        program_refuse(&program, "--devices, --no-devices: which of them?");
    if (load->devices && geteuid() != 0)
        program_refuse(&program, "--devices: only root may make devices");
    if (load->path == NULL && isatty(STDIN_FILENO))
        program_refuse(
            &program, "an archive is not typed: -i FILE, or send it in with <");
}

/* ---- Layers ---- */

static bool load_is_done(const struct load *load,
                         const struct archive_entry *entry, const char *digest)
{
    for (size_t i = 0; i < load->done_count; i++)
        if (load->done[i].entry == entry &&
            strcmp(load->done[i].digest, digest) == 0)
            return true;
    return false;
}

static int load_remember(struct load *load, const struct archive_entry *entry,
                         const char *digest)
{
    struct load_done *larger =
        array_grow(load->done, load->done_count, sizeof *larger);
    if (larger == NULL)
        return -1;
    load->done = larger;
    larger[load->done_count++] = (struct load_done){entry, digest};
    return 0;
}

/* A layer that is there already is read all the same: or an archive that was changed
 * would pass, as long as nobody needs what was changed in it. */
static int load_layer(struct load *load, const struct archive_image *image,
                      size_t number)
{
    const struct archive_layer *layer = &image->layers[number];
    const char *digest = image->config.layers.all[number];
    char name[PATH_MAX], path[PATH_MAX];
    struct layer_made made = {0};
    if (load_is_done(load, layer->entry, digest))
        return 0;
    if (files_path(name, "%s: layer %zu of %zu", load->archive.name, number + 1,
                   image->config.layers.count) == -1 ||
        archive_seek(&load->archive, layer->entry) == -1)
        return -1;
    const struct layer_origin origin = {
        .name = name,
        .fd = load->archive.fd,
        .size = layer->entry->size,
        .devices = load->devices      ? LAYER_DEVICES_MAKE
                   : load->no_devices ? LAYER_DEVICES_LEAVE_OUT
                                      : LAYER_DEVICES_REFUSE,
        .stored_digest =
            layer->stored_digest[0] == '\0' ? NULL : layer->stored_digest,
        .plain_digest = digest,
        .format = layer->format,
    };
    if (layer_store_find(load->store, digest, path, &made.info) == 0) {
        if (layer_make_check(&origin) == -1)
            return -1;
    } else if (errno != ENOENT ||
               layer_make(load->store, &origin, &made) == -1) {
        return -1;
    } else {
        load->made_count++;
    }
    return image_store_add_size(load->archive.name, &made.info, &load->bytes) ==
                   -1
               ? -1
               : load_remember(load, layer->entry, digest);
}

static int load_layers(struct load *load)
{
    for (size_t i = 0; i < load->plan.count; i++)
        for (size_t j = 0; j < load->plan.images[i].config.layers.count; j++)
            if (load_layer(load, &load->plan.images[i], j) == -1)
                return -1;
    return 0;
}

/* ---- Images ---- */

static int load_put(const struct load *load, const struct archive_image *image,
                    const struct reference *reference)
{
    char text[REFERENCE_TEXT_BYTES];
    if (image_store_put(load->store, reference, image->text, image->text_size,
                        NULL) == -1)
        return -1;
    reference_text(reference, text);
    printf("Loaded image: %s\n", text);
    return 0;
}

static int load_put_all(const struct load *load)
{
    for (size_t i = 0; i < load->plan.count; i++) {
        const struct archive_image *image = &load->plan.images[i];
        struct reference by_id;
        image_new_name_by_id(image->text, image->text_size, &by_id);
        if (image->name_count == 0 && load_put(load, image, &by_id) == -1)
            return -1;
        for (size_t j = 0; j < image->name_count; j++)
            if (load_put(load, image, &image->names[j]) == -1)
                return -1;
    }
    return 0;
}

/* Layers that nobody has go again, where not all of it could be had. */
static int load_make(struct load *load)
{
    uint64_t freed;
    int use_fd = layer_store_use(load->store);
    if (use_fd == -1)
        return -1;
    int result = load_layers(load) == -1 ? -1 : load_put_all(load);
    files_close(&use_fd);
    if (result == -1 && load->made_count > 0)
        image_store_collect(load->store, false, &freed);
    return result;
}

static int load_run(struct load *load)
{
    const char *name = load->path == NULL ? "standard input" : load->path;
    int fd = load->path == NULL ? STDIN_FILENO
                                : open(load->path, O_RDONLY | O_CLOEXEC);
    if (fd == -1)
        return (int)log_call(-1, "the archive", "openat(\"%s\", O_RDONLY)",
                             load->path);
    int result = -1;
    if (store_make(load->store) == 0 &&
        archive_open(&load->archive, name, fd, load->store->root) == 0 &&
        archive_plan_read(&load->plan, &load->archive) == 0)
        result = load_make(load);
    archive_plan_free(&load->plan);
    archive_close(&load->archive);
    free(load->done);
    if (load->path != NULL)
        close(fd);
    return result;
}

int subcommand_load(const struct store *store, char **argv)
{
    struct load load = {.store = store, .archive.spool_fd = -1};
    load_read_options(&load, argv);
    return subcommands_end_output(load_run(&load) == -1 ? EXIT_OURS : 0);
}
