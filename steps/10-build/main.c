/*
 * step 10: where do images come from?
 *
 *     make step-10 && sudo ./step-10 import build/rootfs/default base
 *     sudo ./step-10 run --rm base echo hello
 *
 * This is nsctl, all of it: `make nsctl` gives it that name.
 *
 * It takes no new system call. New is what is made of those that are known by now, too much
 * to stand in two places: it is in common/image alone. In the order in which to read it:
 *     stream layer_unpack layer_make      an archive comes in, and becomes a directory
 *     layer_draft layer_store image_store layers under their digests, images under their names
 *     reference image_config              what an image is called, and what it says of itself
 *     containerfile expand ignore         the language of builds
 *     layer_copy build_…                  what each line of one makes, and how it is found again
 *     layer_pack archive_…                a directory becomes an archive, and images leave
 *     image_run                           a container as its image wants it to be
 *
 * Here only which command was meant:
 *     families.c      `image ls`, `container rm`: words that stand before others
 *     about.c         version, help
 *
 * lessons/10-build.md
 */
#include "steps/10-build/commands.h"

#include "common/base/log.h"
#include "common/base/program.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const struct subcommand container_commands[] = {
    {"Containers", NULL, NULL},
    {"run", "a command in a new container", subcommand_run_image},
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
    {"rm delete", "remove them", subcommand_rm},
    {"prune", "remove all that do not run", subcommand_prune},
    {"rename", "give one another name", subcommand_rename},
    {"commit", "one, as it is now, becomes an image", subcommand_commit},
    {0},
};

static const struct subcommand more_container_commands[] = {
    {"ps list", "the containers that there are", subcommand_ps},
    {"inspect", "all that is known of some, or of images, as JSON",
     subcommand_inspect_any},
    {"simple", "a shell that sees this host, and changes nothing of it",
     subcommand_simple},
    {"show", "a picture of some, drawn from /proc", subcommand_show},
    {"trace", "system calls, of one or of a command", subcommand_trace},
    {"container", "most of these, with this word before them",
     family_container},
    {0},
};

const struct subcommand image_commands[] = {
    {"Images", NULL, NULL},
    {"build", "a Containerfile becomes one", subcommand_build},
    {"import", "a root file system becomes one", subcommand_import},
    {"load", "take some out of an archive", subcommand_load},
    {"save", "write some to an archive", subcommand_save},
    {"history", "how one came to be", subcommand_image_history},
    {"tag", "give one another name, too", subcommand_image_tag},
    {0},
};

static const struct subcommand more_image_commands[] = {
    {"images", "the images that there are", subcommand_image_ls},
    {"rmi", "remove them", subcommand_image_rm},
    {"image", "all that can be done to them: image --help", family_image},
    {0},
};

static const struct subcommand other_commands[] = {
    {"This program", NULL, NULL},
    {"doctor", "what this machine can run", subcommand_doctor},
    {"version", "which one this is", subcommand_version},
    {"help", "this list, or more of one command", subcommand_help},
    {0},
};

/* What others have, and we do not. */
const struct subcommand absent_container_commands[] = {
    {"create start restart",
     "a container runs once, from its `run` on; `commit` makes an image of what "
     "it has written, which can be run again",
     NULL},
    {"export",
     "`cp NAME:/ -` writes its files as a tar; `commit` "
     "and `save` make an archive of an image",
     NULL},
    {"update", "limits are what `run` says, until the container ends", NULL},
    {0},
};

static const struct subcommand absent_commands[] = {
    {"pull push login logout search",
     "images come from no registry: `load` takes an archive, OCI's or docker's; "
     "`build` and `import` make one",
     NULL},
    {"events", "`ps -a` says how things are; `wait` waits for an end", NULL},
    {"volume",
     "a directory of the host is one: mkdir data; run -v ./data:/data", NULL},
    {"network",
     "run --net says which: none, host, bridge (root's), slirp (a "
     "user's)",
     NULL},
    {"compose pod play kube stack swarm service",
     "each container is a `run` of its own: a script of them, with --name",
     NULL},
    {"system builder buildx",
     "`build` builds; `prune` and `image prune` make room; `doctor` says what "
     "this machine can do",
     NULL},
    {"info", "`doctor` says what this machine can do; `version`, which this is",
     NULL},
    {0},
};

static subcommand_tables commands = {
    container_commands, more_container_commands,
    image_commands,     more_image_commands,
    other_commands,     absent_container_commands,
    absent_commands,    NULL,
};

static void print_commands(void)
{
    subcommands_print(commands);
}

int command_run(const struct store *store, char **argv)
{
    return subcommands_run(commands, store, argv);
}

/* As nsctl it is a tool, and silent unless asked: what it does is no news to who uses it
 * every day. As step-10 it is there to be looked at. */
static void choose_log(bool verbose)
{
    if (!verbose && getenv("NSCTL_LOG") == NULL &&
        strcmp(program_invocation_short_name, "nsctl") == 0)
        log_set_quiet(true);
}

int main(int argc, char **argv)
{
    (void)argc;
    static struct store store;
    static char help_option[] = "--help", version_word[] = "version";
    char *version_words[] = {version_word, NULL};
    bool verbose = false, version = false;
    /* Not on the stack, which a monitor would have it on for good. */
    static char example[PATH_MAX];
    const char *root = NULL;
    const struct program_option options[] = {
        {"--root", "DIR", program_parse_text, &root,
         "where containers and images are kept (default: NSCTL_ROOT, else "
         "/var/lib/nsctl, a user's ~/.local/share/nsctl)"},
        {"--verbose", NULL, NULL, &verbose,
         "a line for each system call that matters ([ns]), as step-10 prints"},
        {"-v --version", NULL, NULL, &version, "which version this is"},
        {0},
    };
    const struct program program = {
        .name = program_invocation_short_name,
        .summary = "Containers, and the images that they are made of.",
        .usage = "[OPTION...] COMMAND [OPTION...] [WORD...]",
        .example = example,
        .options = options,
        .absent = about_absent,
        .print_more = print_commands,
    };
    snprintf(example, sizeof example, "%s simple", program_invocation_name);
    char **words = program_read_words(&program, argv, false);
    if (version)
        words = version_words;
    if (words[0] == NULL)
        program_refuse(&program, "which command? --help lists them");
    if (strcmp(words[0], "help") == 0 && words[1] == NULL)
        program_read_words(&program, (char *[]){words[0], help_option, NULL},
                           false); /* and exits */
    choose_log(verbose);
    if (store_find(&store, root) == -1)
        return EXIT_OURS;
    program_set_whole(program.name);
    return subcommands_run(commands, &store, words);
}
