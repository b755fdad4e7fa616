/* families: `image ls`, `container rm`: the words under which docker has its commands. */
#include "steps/10-build/commands.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static const struct subcommand images[] = {
    {"ls list", "the images that there are", subcommand_image_ls},
    {"inspect", "all that is known of some, as JSON", subcommand_image_inspect},
    {"history", "how one came to be", subcommand_image_history},
    {"tag", "give one another name, too", subcommand_image_tag},
    {"rm", "remove them", subcommand_image_rm},
    {"prune", "remove what nobody has", subcommand_image_prune},
    {"build", "a Containerfile becomes one", subcommand_build},
    {"import", "a root file system becomes one", subcommand_import},
    {"load", "take some out of an archive", subcommand_load},
    {"save", "write some to an archive", subcommand_save},
    {"pull push search",
     "images come from no registry: `load` takes an archive", NULL},
    {"exists", "`image inspect NAME` ends with 1 where there is none", NULL},
    {0},
};

static const struct subcommand containers[] = {
    {"run", "a command in a new container", subcommand_run_image},
    {"ls list ps", "the containers that there are", subcommand_ps},
    {"inspect", "all that is known of some, as JSON", subcommand_inspect},
    {"attach", "in front of one that runs", subcommand_attach},
    {"exec", "one more command in one that runs", subcommand_exec},
    {"cp", "copy files into one, and out of it", subcommand_cp},
    {"diff", "what one has changed of its files", subcommand_diff},
    {"top", "the processes of one", subcommand_top},
    {"port", "where on the host a port of one is", subcommand_port},
    {"logs", "what one has printed", subcommand_logs},
    {"stats", "what they use", subcommand_stats},
    {"stop", "tell them to end", subcommand_stop},
    {"kill", "send them a signal", subcommand_kill},
    {"wait", "until they have ended", subcommand_wait},
    {"pause", "let them stand still", subcommand_pause},
    {"unpause", "let them go on", subcommand_unpause},
    {"rm", "remove them", subcommand_rm},
    {"prune", "remove all that do not run", subcommand_prune},
    {"rename", "give one another name", subcommand_rename},
    {"commit", "make an image of one, as it is now", subcommand_commit},
    {"create start restart",
     "one runs once, from its `run` on; `commit` makes an image of it", NULL},
    {"export", "`cp NAME:/ -` writes its files as a tar", NULL},
    {"update", "limits are what `run` says, until it ends", NULL},
    {"exists", "`inspect NAME` ends with 1 where there is none", NULL},
    {0},
};

static void print_images(void)
{
    subcommands_print(images);
}

static void print_containers(void)
{
    subcommands_print(containers);
}

/* Takes the family's own word, and runs the command that the next one names. */
static int family_run(const struct program *program,
                      const struct subcommand *table, const struct store *store,
                      char **argv)
{
    char whole[64];
    char **words = program_read_words(program, argv, false);
    if (words[0] == NULL)
        program_refuse(program, "which command? --help lists them");
    snprintf(whole, sizeof whole, "%s %s", program_invocation_short_name,
             program->name);
    program_set_whole(whole);
    return subcommands_run(table, store, words);
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
