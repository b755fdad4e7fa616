/* import: a root file system, packed or as a directory, becomes an image of one layer. */
#include "common/base/files.h"
#include "common/base/log.h"
#include "common/image/image_commands.h"
#include "common/image/image_new.h"
#include "common/image/layer_make.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct import {
    struct image_asked asked;
    struct layer_origin origin;
    bool devices, no_devices;
    char created_by[256];
    char directory[PATH_MAX];
};

static void import_read_options(struct import *import, char **argv)
{
    struct image_asked *asked = &import->asked;
    const struct program_option options[] = {
        {"-c --change", "INSTRUCTION", image_change_add, &asked->changes,
         "of a Containerfile: CMD, ENTRYPOINT, ENV, EXPOSE, LABEL, USER …; may be "
         "given several times"},
        {"-m --message", "TEXT", program_parse_text, &asked->message,
         "what its history says of it"},
        {"--devices", NULL, NULL, &import->devices,
         "make the devices that are in it, too (root alone may)"},
        {"--no-devices", NULL, NULL, &import->no_devices,
         "leave out the devices that are in it (default: refuse it)"},
        {0},
    };
    const struct program program = {
        .name = argv[0],
        .summary =
            "Makes an image of a root file system: of a tar archive, "
            "plain or compressed\nwith gzip, zstd, xz or bzip2, or of a directory.",
        .usage = "[OPTION...] FILE|-|DIRECTORY [NAME[:TAG]]",
        .example = "import -c 'CMD [\"/bin/bash\"]' debian.tar.gz debian:12",
        .options = options,
    };
    char **words = subcommands_read(&program, argv, 1, 2);
    import->origin.name = words[0];
    asked->name = words[1];
    if (import->devices && import->no_devices)
        program_refuse(&program, "--devices, --no-devices: which of them?");
    if (import->devices && geteuid() != 0)
        program_refuse(&program, "--devices: only root may make devices");
    if (strcmp(words[0], "-") == 0 && isatty(STDIN_FILENO))
        program_refuse(&program, "an archive is not typed: send it in with <");
    import->origin.devices = import->devices      ? LAYER_DEVICES_MAKE
                             : import->no_devices ? LAYER_DEVICES_LEAVE_OUT
                                                  : LAYER_DEVICES_REFUSE;
}

/* The whole host, or what we write to while we read it: neither would end well. */
static int import_check_directory(const struct store *store,
                                  const struct import *import)
{
    char root[PATH_MAX];
    size_t length = strlen(import->directory);
    if (strcmp(import->directory, "/") == 0)
        return log_error("/ is this host, with all that is mounted in it: name "
                         "another directory");
    if (realpath(store->root, root) != NULL &&
        strncmp(root, import->directory, length) == 0 &&
        (root[length] == '/' || root[length] == '\0'))
        return log_error("%s has %s in it, where images are kept",
                         import->directory, root);
    return 0;
}

static int import_open(const struct store *store, struct import *import)
{
    struct layer_origin *origin = &import->origin;
    struct stat status;
    origin->plain_tree = true;
    origin->format = LAYER_ANY_FORMAT;
    origin->size = UINT64_MAX;
    if (strcmp(origin->name, "-") == 0) {
        origin->name = "standard input";
        origin->fd = STDIN_FILENO;
        return 0;
    }
    /* O_NONBLOCK: a pipe that nobody writes to is opened all the same. */
    origin->fd = open(origin->name, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    if (origin->fd == -1)
        return (int)log_call(-1, "what becomes an image",
                             "openat(\"%s\", O_RDONLY|O_NONBLOCK)",
                             origin->name);
    if (fstat(origin->fd, &status) == -1)
        return (int)log_call(-1, "what becomes an image", "fstat(\"%s\")",
                             origin->name);
    fcntl(origin->fd, F_SETFL, 0);
    if (S_ISREG(status.st_mode))
        origin->size = (uint64_t)status.st_size;
    if (!S_ISDIR(status.st_mode))
        return 0;
    files_close(&origin->fd);
    if (realpath(origin->name, import->directory) == NULL)
        return (int)log_call(-1, "what becomes an image", "readlink(\"%s\")",
                             origin->name);
    origin->directory = import->directory;
    return import_check_directory(store, import);
}

static int import_make(const struct store *store, struct import *import,
                       struct image_config *config)
{
    struct layer_made made;
    uint64_t freed;
    int use_fd = layer_store_use(store);
    if (use_fd == -1)
        return -1;
    int result = layer_make(store, &import->origin, &made);
    bool is_made = result == 0;
    if (result == 0)
        result = image_new_add_layer(&import->asked, config, made.digest,
                                     import->created_by);
    if (result == 0)
        result = image_new_put(store, &import->asked, config);
    files_close(&use_fd);
    if (result == -1 && is_made) /* nobody has that layer */
        image_store_collect(store, false, &freed);
    return result;
}

/* All that can be refused is, before the store is touched. */
static int import_run(const struct store *store, struct import *import,
                      struct image_config *config)
{
    snprintf(import->created_by, sizeof import->created_by, "import %s",
             import->origin.name);
    if (image_config_set_text(config, &config->architecture,
                              image_config_machine()) == -1 ||
        image_config_set_text(config, &config->os, "linux") == -1 ||
        image_new_begin(&import->asked, config) == -1 ||
        import_open(store, import) == -1 || store_make(store) == -1)
        return -1;
    return import_make(store, import, config);
}

int subcommand_import(const struct store *store, char **argv)
{
    static struct import import;
    struct image_config config = {0};
    import.origin.fd = -1;
    import_read_options(&import, argv);
    int result = import_run(store, &import, &config);
    if (import.origin.fd != STDIN_FILENO)
        files_close(&import.origin.fd);
    image_new_end(&import.asked);
    image_config_free(&config);
    return subcommands_end_output(result == -1 ? EXIT_OURS : 0);
}
