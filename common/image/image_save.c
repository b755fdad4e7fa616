/* save: images become one file, which other machines and other programs read. */
#include "common/base/files.h"
#include "common/base/log.h"
#include "common/image/archive_write.h"
#include "common/image/image_commands.h"
#include "common/image/spool.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct save {
    const struct store *store;
    const char *path; /* NULL: standard output */
    enum stream_format format;
    char **words;
    struct image *images;
    size_t count;
};

static const char *save_parse_format(const char *text, void *format)
{
    enum stream_format *asked = format;
    if (strcmp(text, "gzip") == 0)
        *asked = STREAM_GZIP;
    else if (strcmp(text, "zstd") == 0)
        *asked = STREAM_ZSTD;
    else
        return "expected gzip or zstd";
    return NULL;
}

static void save_read_options(struct save *save, char **argv)
{
    const struct program_option options[] = {
        {"-o --output", "FILE", program_parse_text, &save->path,
         "write to that, and not to standard output"},
        {"--compress", "gzip|zstd", save_parse_format, &save->format,
         "compress the layers (default: not)"},
        {0},
    };
    static const struct program_absent absent[] = {
        {"--format", "it is an OCI archive, which all others read"},
        {0},
    };
    const struct program program = {
        .name = argv[0],
        .summary = "Writes images, with all their layers, to an OCI archive: "
                   "the same images\nmake the same bytes.",
        .usage = "[OPTION...] IMAGE...",
        .example = "save -o hello.tar hello",
        .options = options,
        .absent = absent,
    };
    save->words = subcommands_read(&program, argv, 1, SIZE_MAX);
    if (save->path == NULL && isatty(STDOUT_FILENO))
        program_refuse(&program,
                       "an archive is not for a terminal: -o FILE, or "
                       "send it on with > or |");
}

/* Returns 0, or the status to exit with, reported. */
static int save_look_up(struct save *save)
{
    size_t count = 0;
    while (save->words[count] != NULL)
        count++;
    save->images = calloc(count + 1, sizeof *save->images);
    if (save->images == NULL) {
        log_error("out of memory (ENOMEM)");
        return EXIT_OURS;
    }
    while (save->count < count) {
        struct image *image = &save->images[save->count];
        int result =
            image_store_look_up(save->store, save->words[save->count], image);
        save->count++;
        if (result == -1)
            return EXIT_NOT_DONE;
        if (!image_store_check_whole(image))
            return EXIT_OURS;
    }
    return 0;
}

static int save_write(const struct save *save, int fd)
{
    static struct archive_writer writer; /* too large for a stack */
    const char *name = save->path == NULL ? "standard output" : save->path;
    int spool_fd = spool_open(save->store->root);
    if (spool_fd == -1)
        return -1;
    int result = archive_write_begin(&writer, name, fd, spool_fd, save->format);
    for (size_t i = 0; result == 0 && i < save->count; i++)
        result = archive_write_image(&writer, save->store, &save->images[i]);
    if (result == 0)
        result = archive_write_finish(&writer);
    archive_write_close(&writer);
    files_close(&spool_fd);
    return result;
}

/* FILE is there whole, or as it was before. */
static int save_to_file(const struct save *save)
{
    struct spool_file file;
    int result = spool_file_open(&file, save->path);
    if (result == 0)
        result = save_write(save, file.fd);
    if (result == 0)
        result = spool_file_keep(&file);
    spool_file_close(&file);
    return result;
}

static int save_run(struct save *save)
{
    int status = save_look_up(save);
    if (status != 0)
        return status;
    int use_fd = layer_store_use(save->store);
    if (use_fd == -1)
        return EXIT_OURS;
    int result = save->path == NULL ? save_write(save, STDOUT_FILENO)
                                    : save_to_file(save);
    files_close(&use_fd);
    return result == -1 ? EXIT_OURS : 0;
}

int subcommand_save(const struct store *store, char **argv)
{
    struct save save = {.store = store};
    save_read_options(&save, argv);
    int status = save_run(&save);
    for (size_t i = 0; i < save.count; i++)
        image_free(&save.images[i]);
    free(save.images);
    return status;
}
