/*
 * commit: what a container has written becomes a layer, upon those of the image that it was
 * run from. One that was run from directories has no image: each of these becomes a layer
 * first, the lowest first.
 */
#include "common/base/files.h"
#include "common/base/log.h"
#include "common/image/image_commands.h"
#include "common/image/image_new.h"
#include "common/image/layer_make.h"
#include "common/kernel/layers.h"
#include "common/kernel/lock.h"
#include "common/kernel/overlay_options.h"
#include "common/runtime/pause.h"
#include "common/runtime/written.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

struct commit {
    struct image_asked asked;
    const char *container;
    bool pause;
    struct record record;
    struct overlay_options directories; /* where it was not run from an image */
    char upper[PATH_MAX];
    char *created_by; /* the container's command */
    struct image_config config;
};

static void commit_read_options(struct commit *commit, char **argv)
{
    struct image_asked *asked = &commit->asked;
    const struct program_option options[] = {
        {"-a --author", "TEXT", program_parse_text, &asked->author,
         "who has made it"},
        {"-c --change", "INSTRUCTION", image_change_add, &asked->changes,
         "of a Containerfile: CMD, ENTRYPOINT, ENV, EXPOSE, LABEL, USER …; may be "
         "given several times"},
        {"-m --message", "TEXT", program_parse_text, &asked->message,
         "what its history says of it"},
        {"-p --pause", NULL, NULL, &commit->pause,
         "let the container stand still meanwhile"},
        {0},
    };
    const struct program program = {
        .name = argv[0],
        .summary =
            "Makes an image of a container, as it is now: of what it was "
            "run from, and what it\nhas written. Volumes are no part of it.",
        .usage = "[OPTION...] CONTAINER [NAME[:TAG]]",
        .example = "commit -m 'configured' web web:configured",
        .options = options,
    };
    char **words = subcommands_read(&program, argv, 1, 2);
    commit->container = words[0];
    asked->name = words[1];
}

/* ---- What there is to be seen of it ---- */

static int commit_find_image(const struct store *store, struct commit *commit)
{
    struct image image;
    const char *id = commit->record.image_id;
    int result = image_store_find(store, id, &image);
    if (result == -1 && errno == ENOENT) {
        log_error("%s: the image that it was run from, %s (%.12s), was removed "
                  "(ENOENT)",
                  commit->record.name, commit->record.image, id);
        log_advice("what it has written can be had by `cp`");
    }
    if (result == 0)
        result = image_store_check_whole(&image)
                     ? image_config_copy(&commit->config, &image.config)
                     : -1;
    image_free(&image);
    if (result == 0 && commit->config.has_more)
        log_note("%s says more of itself than we know of (a health check …): "
                 "the new image does not",
                 commit->record.image);
    return result;
}

static int commit_find_directories(struct commit *commit)
{
    const char *expected =
        overlay_options_parse_layers(commit->record.root, &commit->directories);
    if (expected != NULL)
        return log_error("%s was run from %s: %s", commit->record.name,
                         commit->record.root, expected);
    struct image_config *config = &commit->config;
    return image_config_set_text(config, &config->architecture,
                                 image_config_machine()) == -1
               ? -1
               : image_config_set_text(config, &config->os, "linux");
}

/* Before it is read, and stands still for it. */
static int commit_check_count(const struct commit *commit)
{
    size_t layers =
        commit->config.layers.count + commit->directories.layer_count + 1;
    if (layers <= LAYERS_MOST)
        return 0;
    log_error("%s: an image of %zu layers, and there may be %d: the kernel "
              "stacks no more",
              commit->record.name, layers, LAYERS_MOST);
    log_advice("`build --squash` makes one layer of all that it adds to an "
               "image");
    errno = E2BIG;
    return -1;
}

/* The container's command, as its history tells how the layer came to be. */
static int commit_describe(struct commit *commit)
{
    size_t size;
    FILE *file = open_memstream(&commit->created_by, &size);
    const char *const *word = commit->record.command;
    if (file != NULL) {
        for (; word != NULL && *word != NULL; word++)
            fprintf(file, "%s%s", word == commit->record.command ? "" : " ",
                    *word);
        if (fclose(file) == 0)
            return 0;
    }
    return log_error("out of memory (ENOMEM)");
}

/* ---- Layers ---- */

static int commit_layer(const struct store *store, struct commit *commit,
                        const char *directory, const char *created_by)
{
    const struct layer_origin origin = {
        .name = directory,
        .directory = directory,
        .format = LAYER_ANY_FORMAT,
        /* Root's containers may have made some. */
        .devices = geteuid() == 0 ? LAYER_DEVICES_MAKE : LAYER_DEVICES_REFUSE,
    };
    struct layer_made made;
    return layer_make(store, &origin, &made) == -1
               ? -1
               : image_new_add_layer(&commit->asked, &commit->config,
                                     made.digest, created_by);
}

static int commit_layers(const struct store *store, struct commit *commit)
{
    char created_by[PATH_MAX + 16];
    for (size_t i = commit->directories.layer_count; i > 0; i--) {
        const char *directory = commit->directories.layers[i - 1];
        snprintf(created_by, sizeof created_by, "import %s", directory);
        if (commit_layer(store, commit, directory, created_by) == -1)
            return -1;
    }
    return commit_layer(store, commit, commit->upper, commit->created_by);
}

/* ---- All of it ---- */

static int commit_make(const struct store *store, struct commit *commit)
{
    uint64_t freed;
    bool pause = commit->pause && commit->record.status == RECORD_RUNNING &&
                 !pause_is_paused(&commit->record);
    int use_fd = layer_store_use(store);
    if (use_fd == -1)
        return -1;
    int result = pause ? pause_set(&commit->record, true) : 0;
    if (result == 0)
        result = commit_layers(store, commit);
    if (pause && pause_set(&commit->record, false) == -1)
        result = -1;
    if (result == 0)
        result = image_new_put(store, &commit->asked, &commit->config);
    files_close(&use_fd);
    if (result == -1)
        image_store_collect(store, false, &freed);
    return result;
}

/* Nobody removes it, or copies into it, meanwhile. */
static int commit_lock(const struct record *record)
{
    int fd = lock_directory(record->directory, LOCK_SH | LOCK_NB);
    if (fd == -1 && errno == EWOULDBLOCK)
        log_error("%s is being removed, or copied to, by somebody else "
                  "(EWOULDBLOCK)",
                  record->name);
    if (fd == -1 && errno == ENOENT)
        log_error("%s was removed meanwhile (ENOENT)", record->name);
    return fd;
}

static int commit_run(const struct store *store, struct commit *commit)
{
    int lock_fd = commit_lock(&commit->record);
    if (lock_fd == -1)
        return -1;
    int result = written_find(&commit->record, commit->upper) == -1 ||
                         commit_describe(commit) == -1 ||
                         (commit->record.image_id != NULL
                              ? commit_find_image(store, commit)
                              : commit_find_directories(commit)) == -1 ||
                         commit_check_count(commit) == -1 ||
                         image_new_begin(&commit->asked, &commit->config) == -1
                     ? -1
                     : commit_make(store, commit);
    close(lock_fd);
    return result;
}

int subcommand_commit(const struct store *store, char **argv)
{
    static struct commit commit; /* layers by the hundred */
    int status = EXIT_NOT_DONE;
    commit_read_options(&commit, argv);
    if (store_look_up(store, commit.container, &commit.record) == 0 &&
        subcommands_check_whole(&commit.record))
        status = commit_run(store, &commit) == -1 ? EXIT_OURS : 0;
    record_free(&commit.record);
    image_new_end(&commit.asked);
    image_config_free(&commit.config);
    free(commit.created_by);
    return subcommands_end_output(status);
}
