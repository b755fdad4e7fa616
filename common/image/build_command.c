/* build: see build.h. */
#include "common/base/log.h"
#include "common/image/build.h"
#include "common/image/image_commands.h"
#include "common/kernel/userns.h"

#include <stdio.h>
#include <string.h>

/* ---- Options ---- */

static const char *build_parse_tag(const char *text, void *options)
{
    struct build_options *asked = options;
    if (asked->tag_count == BUILD_MOST_TAGS)
        return "expected at most 32 names";
    return reference_parse_tag(text, &asked->tags[asked->tag_count++]);
}

static const char *build_parse_text(const char *text, struct build_texts *texts)
{
    if (texts->count == BUILD_MOST_TEXTS)
        return "expected at most 256 of them";
    texts->all[texts->count++] = text;
    return NULL;
}

static const char *build_parse_argument(const char *text, void *texts)
{
    return *text == '\0' || *text == '=' ? "expected NAME=VALUE, or NAME"
                                         : build_parse_text(text, texts);
}

static const char *build_parse_label(const char *text, void *texts)
{
    const char *equals = strchr(text, '=');
    return equals == NULL || equals == text ? "expected NAME=VALUE"
                                            : build_parse_text(text, texts);
}

static const char *build_parse_pull(const char *text, void *unused)
{
    (void)unused;
    return strcmp(text, "never") == 0 || strcmp(text, "false") == 0
               ? NULL
               : "expected never: images are not fetched from anywhere";
}

static const char *build_parse_progress(const char *text, void *unused)
{
    (void)unused;
    return strcmp(text, "plain") == 0 || strcmp(text, "auto") == 0
               ? NULL
               : "expected plain, or auto, which is the same";
}

/* ---- The command ---- */

static void print_exit_status(void)
{
    printf("\nExit status: 0; that of the command of a RUN that failed; 125 "
           "when something\nelse is wrong, which is told with the file and the "
           "line.\n");
}

int subcommand_build(const struct store *store, char **argv)
{
    static struct build_options asked;
    const struct program_option options[] = {
        {"-t --tag", "NAME[:TAG]", build_parse_tag, &asked,
         "what the image is called; several times, if it has several names"},
        {"-f --file", "FILE", program_parse_text, &asked.file,
         "the Containerfile (default: Containerfile or Dockerfile in "
         "DIRECTORY); - is standard input"},
        {"--build-arg", "NAME[=VALUE]", build_parse_argument, &asked.arguments,
         "what an ARG is; without = our own variable of that name"},
        {"--target", "STAGE", program_parse_text, &asked.target,
         "the stage that is the image, by name or number (default: the last)"},
        {"--label", "NAME=VALUE", build_parse_label, &asked.labels,
         "one more label of the image"},
        {"--no-cache", NULL, NULL, &asked.no_cache,
         "do each step, whether it was done before or not"},
        {"--squash", NULL, NULL, &asked.squash,
         "one layer of all those that are new"},
        {"--net --network", "KIND", network_options_parse, &asked.network,
         "of RUN: none, host, bridge (root's), slirp (a user's)"},
        {"--userns", "host", userns_parse, &asked.userns_host,
         "RUN without a user namespace: root inside is root outside"},
        {"--iidfile", "FILE", program_parse_text, &asked.id_file,
         "a file, for the image's id"},
        {"--pull", "never", build_parse_pull, NULL,
         "which is so in any case: nothing is fetched"},
        {"--progress", "plain|auto", build_parse_progress, NULL,
         "how steps are told: a line each"},
        {"-q --quiet", NULL, NULL, &asked.quiet,
         "print the image's id only, and errors"},
        {0},
    };
    static const struct program_absent absent[] = {
        {"--rm --force-rm --layers --compress",
         "steps are kept to be found again, their containers are not"},
        {"--platform", "it is always that of this machine"},
        {"--cache-from --cache-to",
         "the cache is this store, and nothing is fetched"},
        {"--secret --ssh", "COPY it in a stage that the image is not made of"},
        {"-o --output --load --push",
         "the image is kept here; `save` writes it to an archive"},
        {"-v --volume --build-context",
         "COPY takes from the context, --from an image, too"},
        {"--format", "`save` writes it as an OCI archive"},
        {"--env --annotation",
         "ENV and LABEL in the Containerfile, or --label"},
        {"--isolation --security-opt",
         "a RUN is a container as `run` makes one"},
        {0},
    };
    const struct program program = {
        .name = "build",
        .summary =
            "Makes an image, as a Containerfile says. - is a Containerfile "
            "from standard input,\nor the DIRECTORY as a tar archive, "
            "which may be compressed.",
        .usage = "[OPTION...] DIRECTORY|-",
        .example = "build -t hello .",
        .options = options,
        .absent = absent,
        .print_more = print_exit_status,
    };
    char **words = subcommands_read(&program, argv, 1, 1);
    if (asked.quiet)
        log_set_quiet(true);
    asked.context = words[0];
    return build_image(store, &asked);
}
