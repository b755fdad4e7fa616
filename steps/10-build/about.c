/* about: what this program says of itself. */
#include "steps/10-build/commands.h"

#include <stdio.h>

#define VERSION "1.0"

const struct program_absent about_absent[] = {
    {"-D --debug --log-level", "--verbose tells of each system call"},
    {"-H --host --context --remote --url",
     "containers are this machine's own, and nothing else is asked"},
    {"--storage-driver --storage-opt --graphroot --runroot --config",
     "--root DIR is where all is kept"},
    {0},
};

int subcommand_version(const struct store *store, char **argv)
{
    (void)store;
    static const struct program_option options[] = {{0}};
    const struct program program = {
        .name = argv[0],
        .summary = "Prints which version of nsctl this is.",
        .usage = "",
        .example = "version",
        .options = options,
    };
    subcommands_read(&program, argv, 0, 0);
    printf("nsctl version %s\n", VERSION);
    return subcommands_end_output(0);
}

/* `help image ls` is `image ls --help`. No word may follow another command than a family:
 * it could be one that is run. */
int subcommand_help(const struct store *store, char **argv)
{
    static const struct program_option options[] = {{0}};
    static char help_option[] = "--help";
    const struct program program = {
        .name = argv[0],
        .summary = "Says what there is, or what one command does.",
        .usage = "[COMMAND]",
        .example = "help run",
        .options = options,
    };
    char **words = subcommands_read(&program, argv, 1, 2);
    if (words[1] == NULL)
        return command_run(store, (char *[]){words[0], help_option, NULL});
    if (!family_is_word(words[0]))
        program_refuse(&program, "\"%s\" is too much: expected [COMMAND]",
                       words[1]);
    return command_run(store,
                       (char *[]){words[0], words[1], help_option, NULL});
}
