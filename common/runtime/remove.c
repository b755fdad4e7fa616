/* rm, prune, rename: which containers there are, and under which names. */
#include "common/base/log.h"
#include "common/runtime/ending.h"
#include "common/runtime/store_names.h"
#include "common/runtime/subcommands.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

enum { MONITOR_MS = 10000 };

/* ---- rm ---- */

struct remove_options {
    bool force;
    bool volumes; /* says nothing new: nobody else has what it wrote */
};

/* What its monitor, if that was killed, has left goes first: while there is still a
 * record that says where it is. */
static int remove_dead(const struct store *store, const struct record *record)
{
    if (ending_clean(record) == -1)
        return EXIT_NOT_DONE;
    return store_remove(store, record) == -1 ? EXIT_NOT_DONE : 0;
}

static int remove_one(const struct store *store, struct record *record,
                      void *context)
{
    const struct remove_options *options = context;
    if (!options->force && !subcommands_check_whole(record))
        return EXIT_NOT_DONE;
    /* It has ended, and its monitor is clearing up: that is soon done. */
    if (record->status == RECORD_EXITED)
        ending_wait(record, MONITOR_MS);
    if (!options->force && record_is_alive(record)) {
        log_error("%s %s", record->name,
                  record->status == RECORD_CREATED ? "is being set up"
                                                   : "is running");
        log_advice("stop it first, or rm -f");
        return EXIT_NOT_DONE;
    }
    if (record->status == RECORD_CORRUPT)
        ending_kill(record);
    if (ending_force(record) == -1)
        return EXIT_NOT_DONE;
    return remove_dead(store, record);
}

static int remove_all(const struct store *store, char **words,
                      struct remove_options *options)
{
    int first_status = 0;
    for (; *words != NULL; words++) {
        struct record record;
        int status = EXIT_NOT_DONE;
        errno = 0;
        if (store_look_up(store, *words, &record) == 0) {
            status = remove_one(store, &record, options);
            if (status == 0)
                printf("%s\n", *words);
        } else if (errno == ENOENT && options->force) {
            status = 0; /* there is none, as was wanted */
        }
        record_free(&record);
        fflush(stdout);
        if (first_status == 0)
            first_status = status;
    }
    return first_status;
}

int subcommand_rm(const struct store *store, char **argv)
{
    struct remove_options asked = {0};
    const struct program_option options[] = {
        {"-f --force", NULL, NULL, &asked.force,
         "also those that run: they are killed"},
        {"-v --volumes", NULL, NULL, &asked.volumes,
         "which is so in any case: only what -v has from the host stays"},
        {0},
    };
    const struct program program = {
        .name = argv[0],
        .summary = "Removes containers, what they wrote, and their logs.",
        .usage = "[OPTION...] NAME...",
        .example = "rm -f web",
        .options = options,
    };
    char **words = subcommands_read(&program, argv, 1, SIZE_MAX);
    int status = remove_all(store, words, &asked);
    if (store_sweep(store) == -1 && status == 0)
        status = EXIT_NOT_DONE;
    return subcommands_end_output(status);
}

/* ---- prune ---- */

/* Whether what is typed now begins with y. */
static bool prune_ask(void)
{
    fputs("All containers that do not run are going to be removed. Go on? "
          "[y/N] ",
          stderr);
    int first = getchar();
    return first == 'y' || first == 'Y';
}

static int prune_all(const struct store *store)
{
    struct record *records;
    size_t count;
    int first_status = 0;
    if (store_list(store, &records, &count) == -1)
        return EXIT_OURS;
    for (size_t i = 0; i < count; i++) {
        if (records[i].status != RECORD_EXITED || record_is_alive(&records[i]))
            continue;
        int status = remove_dead(store, &records[i]);
        if (status == 0)
            printf("%s\n", records[i].id);
        if (first_status == 0)
            first_status = status;
    }
    store_free_list(records, count);
    return first_status;
}

int subcommand_prune(const struct store *store, char **argv)
{
    bool force = false;
    const struct program_option options[] = {
        {"-f --force", NULL, NULL, &force, "without asking"},
        {0},
    };
    const struct program program = {
        .name = argv[0],
        .summary = "Removes all containers that do not run.",
        .usage = "[OPTION...]",
        .example = "prune -f",
        .options = options,
    };
    subcommands_read(&program, argv, 0, 0);
    if (!force && !prune_ask())
        return EXIT_NOT_DONE;
    int status = prune_all(store);
    if (store_sweep(store) == -1 && status == 0)
        status = EXIT_NOT_DONE;
    return subcommands_end_output(status);
}

/* ---- rename ---- */

int subcommand_rename(const struct store *store, char **argv)
{
    static const struct program_option options[] = {{0}};
    const struct program program = {
        .name = argv[0],
        .summary = "Gives a container another name.",
        .usage = "NAME NEW-NAME",
        .example = "rename web old-web",
        .options = options,
    };
    struct record record;
    const char *name;
    char **words = subcommands_read(&program, argv, 2, 2);
    const char *expected = store_parse_name(words[1], &name);
    if (expected != NULL)
        program_refuse(&program, "\"%s\": %s", words[1], expected);
    int status = EXIT_NOT_DONE;
    if (store_look_up(store, words[0], &record) == 0 &&
        subcommands_check_whole(&record) &&
        store_rename(store, &record, name) == 0)
        status = 0;
    record_free(&record);
    return status;
}
