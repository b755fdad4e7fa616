/* diff: what a container has changed of the file system that it was given. */
#include "common/base/log.h"
#include "common/kernel/layers.h"
#include "common/kernel/overlay_options.h"
#include "common/runtime/mapped.h"
#include "common/runtime/subcommands.h"
#include "common/runtime/written.h"

struct difference {
    char upper[PATH_MAX];
    struct overlay_options lower;
};

/* What it runs on is "DIR:DIR…"; on a view of the host it writes to memory. */
static int difference_find(struct difference *difference,
                           const struct record *record)
{
    if (written_find(record, difference->upper) == -1)
        return -1;
    const char *expected =
        overlay_options_parse_layers(record->root, &difference->lower);
    return expected == NULL ? 0
                            : log_error("%s runs on %s: %s", record->name,
                                        record->root, expected);
}

/* A user's containers write as ids that the user can not read as: mapped.h. */
static int difference_print(void *context)
{
    const struct difference *difference = context;
    return layers_print_difference(difference->upper, difference->lower.layers,
                                   difference->lower.layer_count);
}

int subcommand_diff(const struct store *store, char **argv)
{
    static struct difference difference; /* layers by the hundred */
    const struct program_option options[] = {{0}};
    const struct program program = {
        .name = "diff",
        .summary = "Lists what a container has added (A), changed (C) and "
                   "deleted (D).",
        .usage = "CONTAINER",
        .example = "diff web",
        .options = options,
    };
    char **words = subcommands_read(&program, argv, 1, 1);
    struct record record;
    int status = EXIT_NOT_DONE;
    if (store_look_up(store, words[0], &record) == 0 &&
        subcommands_check_whole(&record) &&
        difference_find(&difference, &record) == 0 &&
        mapped_run(difference_print, &difference) == 0)
        status = 0;
    record_free(&record);
    return status;
}
