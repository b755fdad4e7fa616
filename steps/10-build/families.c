/* families: `image ls`, `container rm`: the words under which docker has its commands. Most go
 * without them as well, and stand in main.c's tables. */
#include "steps/10-build/commands.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static const struct subcommand more_of_images[] = {
    {"ls list", "the images that there are", subcommand_image_ls},
    {"inspect", "all that is known of some, as JSON", subcommand_image_inspect},
    {"rm", "remove them", subcommand_image_rm},
    {"prune", "remove what nobody has", subcommand_image_prune},
    {"pull push search",
     "images come from no registry: `load` takes an archive", NULL},
    {"exists", "`image inspect NAME` ends with 1 where there is none", NULL},
    {0},
};
static subcommand_tables images = {image_commands, more_of_images, NULL};

static const struct subcommand more_of_containers[] = {
    {"ls list ps", "the containers that there are", subcommand_ps},
    {"inspect", "all that is known of some, as JSON", subcommand_inspect},
    {"exists", "`inspect NAME` ends with 1 where there is none", NULL},
    {0},
};
static subcommand_tables containers = {container_commands, more_of_containers,
                                       absent_container_commands, NULL};

static void print_images(void)
{
    subcommands_print(images);
}

static void print_containers(void)
{
    subcommands_print(containers);
}

/* Takes the family's own word, and runs the command that the next one names. */
static int family_run(const struct program *program, subcommand_tables tables,
                      const struct store *store, char **argv)
{
    char whole[64];
    char **words = program_read_words(program, argv, false);
    if (words[0] == NULL)
        program_refuse(program, "which command? --help lists them");
    snprintf(whole, sizeof whole, "%s %s", program_invocation_short_name,
             program->name);
    program_set_whole(whole);
    return subcommands_run(tables, store, words);
}

int family_image(const struct store *store, char **argv)
{
    static const struct program_option options[] = {{0}};
    const struct program program = {
        .name = argv[0],
        .summary = "What can be done to images.",
        .usage = "COMMAND [OPTION...] [WORD...]",
        .example = "image ls",
        .options = options,
        .print_more = print_images,
    };
    return family_run(&program, images, store, argv);
}

int family_container(const struct store *store, char **argv)
{
    static const struct program_option options[] = {{0}};
    const struct program program = {
        .name = argv[0],
        .summary = "What can be done to containers; the first word may be left "
                   "out.",
        .usage = "COMMAND [OPTION...] [WORD...]",
        .example = "container ls",
        .options = options,
        .print_more = print_containers,
    };
    return family_run(&program, containers, store, argv);
}

bool family_is_word(const char *word)
{
    return strcmp(word, "image") == 0 || strcmp(word, "container") == 0;
}
