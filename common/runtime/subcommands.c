#include "common/runtime/subcommands.h"

#include "common/base/log.h"
#include "common/base/similar.h"

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static int subcommands_refuse(subcommand_tables tables, const char *word)
{
    struct similar similar = similar_to(word, strlen(word));
    for (; *tables != NULL; tables++)
        for (const struct subcommand *row = *tables; row->names != NULL; row++)
            if (row->run != NULL)
                similar_try_each(&similar, row->names);
    if (similar.name == NULL)
        log_error("unknown command: %s", word);
    else
        log_error("unknown command: %s; did you mean %.*s?", word,
                  (int)similar.name_length, similar.name);
    log_advice("--help lists them");
    return EXIT_OURS;
}

static int subcommands_refuse_absent(const struct subcommand *row,
                                     const char *word)
{
    log_error("there is no command %s", word);
    log_advice("%s", row->summary);
    return EXIT_OURS;
}

int subcommands_run(subcommand_tables tables, const struct store *store,
                    char **argv)
{
    /* Where it is ignored, as some parent may have left it, children vanish without a
     * status. */
    signal(SIGCHLD, SIG_DFL);
    for (size_t i = 0; tables[i] != NULL; i++)
        for (const struct subcommand *row = tables[i]; row->names != NULL;
             row++)
            if (row->summary != NULL &&
                program_is_named(row->names, argv[0], strlen(argv[0])))
                return row->run == NULL
                           ? subcommands_refuse_absent(row, argv[0])
                           : row->run(store, argv);
    return subcommands_refuse(tables, argv[0]);
}

void subcommands_print(subcommand_tables tables)
{
    printf("\nCommands (COMMAND --help says more):\n");
    for (; *tables != NULL; tables++)
        for (const struct subcommand *row = *tables; row->names != NULL; row++)
            if (row->summary == NULL)
                printf("\n%s\n", row->names);
            else if (row->run != NULL)
                printf("  %-16s %s\n", row->names, row->summary);
}

char **subcommands_read(const struct program *program, char **argv,
                        size_t least, size_t most)
{
    size_t count = 0;
    char **words = program_read_words(program, argv, true);
    while (words[count] != NULL) {
        if (*words[count] == '\0')
            program_refuse(program, "an empty word names nothing");
        count++;
    }
    if (count < least)
        program_refuse(program, "expected %s", program->usage);
    if (count > most)
        program_refuse(program, "\"%s\" is too much: expected %s", words[most],
                       program->usage);
    return words;
}

int subcommands_for_each(const struct store *store, char **words,
                         int (*act)(const struct store *store,
                                    struct record *record, void *context),
                         void *context)
{
    int first_status = 0;
    for (; *words != NULL; words++) {
        struct record record;
        int status = EXIT_NOT_DONE;
        if (store_look_up(store, *words, &record) == 0)
            status = act(store, &record, context);
        record_free(&record);
        if (status == 0)
            printf("%s\n", *words);
        fflush(stdout); /* who reads along sees each when it is done */
        if (first_status == 0)
            first_status = status;
    }
    return subcommands_end_output(first_status);
}

bool subcommands_check_whole(const struct record *record)
{
    if (record->status != RECORD_CORRUPT)
        return true;
    log_error("%.12s: its record is corrupt: %s", record->id, record->damage);
    log_advice("rm -f kills what there is of it, and removes it");
    return false;
}

bool subcommands_check_running(const struct record *record)
{
    if (record->status == RECORD_RUNNING)
        return true;
    if (subcommands_check_whole(record))
        log_error("%s is not running", record->name);
    return false;
}

int subcommands_end_output(int status)
{
    if (fflush(stdout) == 0 && !ferror(stdout))
        return status;
    log_error("what was to be printed did not arrive: %s", strerror(errno));
    return status == 0 ? EXIT_OURS : status;
}
