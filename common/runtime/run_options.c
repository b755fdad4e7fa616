#include "common/runtime/run_options.h"

#include "common/base/files.h"
#include "common/base/log.h"
#include "common/base/number.h"
#include "common/base/program.h"
#include "common/base/signal_names.h"
#include "common/kernel/network_files.h"
#include "common/kernel/network_options.h"
#include "common/kernel/ports.h"
#include "common/kernel/uts.h"
#include "common/runtime/apparmor.h"
#include "common/runtime/directory.h"
#include "common/runtime/logs.h"
#include "common/runtime/mount_option.h"
#include "common/runtime/presets.h"
#include "common/runtime/run_absent.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- Reading ---- */

/* AppArmor is the one of them that is not all our own doing. */
static const char *run_options_parse_security(const char *text, void *container)
{
    static const char option[] = "apparmor=";
    struct container *asked = container;
    if (strncmp(text, option, sizeof option - 1) == 0)
        return apparmor_parse(text + sizeof option - 1, &asked->apparmor);
    return privileges_parse_security(text, &asked->privileges) == NULL
               ? NULL
               : "expected no-new-privileges=true or =false, "
                 "seccomp=unconfined or the path of a profile, or "
                 "apparmor=PROFILE";
}

/* An empty one is none, not even the image's. */
static const char *run_options_parse_entrypoint(const char *text,
                                                void *entrypoint)
{
    *(const char **)entrypoint = text;
    return NULL;
}

/* All but their options, which are the same. */
static const struct program run_options_simple = {
    .name = "simple",
    .summary = "A shell that sees this host, and changes nothing of it.",
    .usage = "[OPTION...] [COMMAND [ARG...]]",
    .example = "simple",
};
static const struct program run_options_of_directories = {
    .name = "run",
    .summary = "Runs a command in a new container.",
    .usage = "[OPTION...] DIR|/PROGRAM [COMMAND [ARG...]]",
    .example = "run -d --name web build/rootfs/default sleep 1000",
};
static const struct program run_options_of_images = {
    .name = "run",
    .summary = "Runs a command in a new container.",
    .usage = "[OPTION...] IMAGE|DIR|/PROGRAM [COMMAND [ARG...]]",
    .example = "run -it --rm debian /bin/bash",
};

/* Every row is a line of --help. What `preset` has to say comes first, unless that is
 * NULL. */
static char **run_options_take(struct container *container, char **argv,
                               const char *preset, struct program program)
{
    struct cgroup_limits *limits = &container->limits;
    struct privileges *privileges = &container->privileges;
    struct network *network = &container->network;
    struct overlay *overlay = &container->overlay;
    const struct program_option options[] = {
        {"-d --detach", NULL, NULL, &container->detached,
         "in the background; prints the container's id"},
        {"-i --interactive", NULL, NULL, &container->interactive,
         "its standard input is ours, not /dev/null"},
        {"-t --tty", NULL, NULL, &container->terminal,
         "a terminal of its own: for shells, with -i"},
        {"--rm", NULL, NULL, &container->remove_at_end,
         "nothing is kept of it when it has ended"},
        {"--name", "NAME", store_parse_name, &container->name,
         "to call it by (default: one is made up)"},
        {"--hostname", "NAME", uts_parse_hostname, &container->hostname,
         "hostname inside (default: 12 digits of its id)"},
        {"-e --env", "NAME[=VALUE]", environment_parse,
         &container->asked_environment, "a variable; without = our own"},
        {"--env-file", "FILE", environment_parse_file,
         &container->asked_environment, "variables, a line each"},
        {"-w --workdir", "DIR", directory_parse, &container->working_directory,
         "where the command begins (default: /)"},
        {"-u --user", "USER[:GROUP]", privileges_parse_user, privileges,
         "whose processes these are inside (default: root)"},
        {"--entrypoint", "PROGRAM", run_options_parse_entrypoint,
         &container->entrypoint, "it gets the words (default: the image's)"},
        {"--init", NULL, NULL, &container->init,
         "PID 1 is an init of ours: reaps, passes signals on"},
        {"--stop-signal", "SIGNAL", signal_names_parse, &container->stop_signal,
         "what `stop` sends (default: TERM)"},
        {"--preset", "NAME", program_parse_text, &container->preset,
         "options by one name, from ~/.config/nsctl/presets.yaml"},
        {"--cidfile", "FILE", program_parse_text, &container->id_file,
         "a new file, for its id"},
        {"--pidfile", "FILE", program_parse_text, &container->process_file,
         "a file for the number of its first process"},
        {"--log-max-size", "SIZE", logs_parse_max_bytes, &container->log_bytes,
         "of a file of its log (default: 16m)"},
        {"--log-max-files", "N", logs_parse_max_files, &container->log_files,
         "so many of them are kept (default: 3)"},
        {"--rootfs", "DIR[:DIR…]", overlay_options_parse_layers,
         &overlay->options,
         "layers, uppermost first; all words are the command's"},
        {"--host", NULL, NULL, &overlay->host,
         "instead: the host itself; nothing of it is changed"},
        {"--upper", "DIR", overlay_options_parse_upper, &overlay->options,
         "keeps what is written (default: its record does)"},
        {"--upper-size", "SIZE", overlay_options_parse_upper_size,
         &overlay->options.upper_bytes,
         "or in memory, at most so much, and lost"},
        {"--diff", NULL, NULL, &container->difference,
         "only list what --upper adds (A), changes, deletes"},
        {"-v --volume", "HOST:DIR[:ro]", volume_options_parse,
         &container->volumes,
         "a directory or file of the host, inside; also in the place of an "
         "image's VOLUME"},
        {"--tmpfs", "DIR[:OPTIONS]", volume_options_parse_tmpfs,
         &container->volumes, "a file system in memory: size=64m,mode=1777"},
        {"--mount", "TYPE,…", mount_option_parse, &container->volumes,
         "the same in words: type=bind,source=HOST,target=DIR,readonly"},
        {"--read-only", NULL, NULL, &container->read_only,
         "nothing in the root can be changed"},
        {"-m --memory", "SIZE", cgroup_options_parse_memory,
         &limits->memory_bytes, "memory at most: 64m, 1g"},
        {"-cpu --cpus", "N", number_parse_cpus, &limits->cpu_thousandths,
         "CPU time at most: 0.5 is half of one CPU"},
        {"--pids-limit", "N", cgroup_options_parse_pids, &limits->pids,
         "processes at most (default: 2048; -1: no limit)"},
        {"--io-max", "DEV:KEY=N,…", cgroup_options_parse_io_max, limits,
         "a device's rate: /dev/sda:rbps=1m,wbps=1m"},
        {"--ulimit", "NAME=SOFT[:HARD]", ulimits_parse, &container->ulimits,
         "a limit of each process: nofile=1024, core=-1"},
        {"--userns", "host", userns_parse, &container->userns_host,
         "not one of its own: root inside is root outside"},
        {"--privileged", NULL, NULL, &privileges->privileged,
         "give up nothing; as root also --userns host"},
        {"--cap-add", "NAME", privileges_parse_cap_add, privileges,
         "leave the command a capability, or ALL"},
        {"--cap-drop", "NAME", privileges_parse_cap_drop, privileges,
         "take one more from it, or ALL"},
        {"--security-opt", "OPTION", run_options_parse_security, container,
         "no-new-privileges=false, seccomp=FILE, apparmor=NAME"},
        {"--net --network", "KIND", network_options_parse, &network->kind,
         "none, host, bridge (root's), slirp (a user's)"},
        {"-p --publish", "PORT:PORT", ports_parse, &network->ports,
         "a port of the host leads to one inside: 8080:80"},
        {"-P --publish-all", NULL, NULL, &container->publish_all,
         "the ports that the image names, each at a free one"},
        {"--dns", "ADDRESS", network_files_parse_server, &network->files,
         "a name server to be asked (default: the host's)"},
        {"--add-host", "NAME:ADDRESS", network_files_parse_host,
         &network->files, "one more line of /etc/hosts: db:10.90.0.2"},
        {0},
    };
    program.options = options;
    program.absent = run_absent;
    if (preset != NULL && presets_apply(preset, options) == -1)
        exit(EXIT_OURS);
    return program_read_words(&program, argv, false);
}

void run_options_begin(struct container *container)
{
    container->limits.pids = CGROUP_PIDS_NOT_ASKED;
    streams_clear(&container->streams);
    container->limits.lives_on = true;
    container->network.lease.fd = -1;
    container->network.slirp.pid = -1;
    container->image_fd = -1;
    container->log_bytes = LOGS_DEFAULT_BYTES;
    container->log_files = LOGS_DEFAULT_FILES;
}

/* What is typed holds against a preset, wherever that is named. So the words are read
 * twice: to learn which preset, and after it. The first time it is a copy of them, for
 * `-it` is taken apart in its place. */
static char **run_options_take_all(struct container *container, char **argv,
                                   const struct program *program)
{
    const char *preset = NULL;
    size_t count = 0;
    bool named = false;
    for (; argv[count] != NULL; count++)
        named |= strncmp(argv[count], "--preset", strlen("--preset")) == 0;
    run_options_begin(container);
    char **copy = named ? calloc(count + 1, sizeof *copy) : NULL;
    for (size_t i = 0; copy != NULL && i < count; i++)
        copy[i] = strdup(argv[i]);
    if (copy != NULL) {
        run_options_take(container, copy, NULL, *program);
        preset = container->preset;
        memset(container, 0, sizeof *container);
        run_options_begin(container);
    }
    return run_options_take(container, argv, preset, *program);
}

/* Whether it can not be an image's name: "/bin/sh", "./web", "..". */
static bool run_options_is_path(const char *word)
{
    word += strspn(word, ".");
    return *word == '/' || *word == '\0';
}

static int run_options_refuse_root(const char *word, bool has_images)
{
    log_error("%s: neither a directory, nor the path of a program", word);
    if (has_images)
        log_advice("name an image, a directory as ./DIR, or a program from the "
                   "root on: `image ls` lists the images that there are");
    else
        log_advice("name a root file system first, as `make rootfs` makes one: "
                   "run build/rootfs/default %s; images come with step 10",
                   word);
    return -1;
}

/* The first operand says on what to run, unless an option has. */
static int run_options_choose_root(struct container *container,
                                   const struct store *store, char **words,
                                   run_options_use_image *use_image)
{
    struct overlay *overlay = &container->overlay;
    struct stat status;
    container->command = words;
    if (overlay->host || overlay->options.layer_count != 0)
        return 0;
    if (words[0] == NULL && use_image != NULL)
        program_refuse(&run_options_of_images, "expected %s",
                       run_options_of_images.usage);
    if (words[0] == NULL)
        return 0;
    bool is_directory = stat(words[0], &status) == 0 && S_ISDIR(status.st_mode);
    if (use_image != NULL && !run_options_is_path(words[0])) {
        int result = use_image(store, container, words, !is_directory);
        if (result == 1 && !is_directory && strchr(words[0], '/') != NULL)
            log_advice("nor is there a directory %s", words[0]);
        if (result != 1 || !is_directory)
            return result == 0 ? 0 : -1;
    }
    if (is_directory) {
        const char *expected =
            overlay_options_parse_layers(words[0], &overlay->options);
        container->command = words + 1;
        return expected == NULL ? 0 : log_error("%s: %s", words[0], expected);
    }
    if (words[0][0] == '/') {
        overlay->host = true;
        return 0;
    }
    return run_options_refuse_root(words[0], use_image != NULL);
}

char **run_options_join(const char *const *first, size_t count, char **rest)
{
    size_t size = count;
    while (rest[size - count] != NULL)
        size++;
    char **all = calloc(size + 1, sizeof *all);
    if (all == NULL)
        log_error("out of memory (ENOMEM)");
    for (size_t i = 0; all != NULL && i < size; i++)
        all[i] = i < count ? (char *)first[i] : rest[i - count];
    return all;
}

/* The words that are left, behind the entrypoint; or a shell. An image has its own way. */
static int run_options_choose_command(struct container *container)
{
    static char *shell[] = {"/bin/sh", NULL};
    const char *entrypoint = container->entrypoint;
    if (container->stop_signal == 0)
        container->stop_signal = SIGTERM;
    if (container->image != NULL)
        return 0;
    if (entrypoint != NULL && *entrypoint != '\0')
        container->command =
            run_options_join(&entrypoint, 1, container->command);
    if (container->command != NULL && container->command[0] == NULL)
        container->command = shell;
    return container->command == NULL ? -1 : 0;
}

void run_options_read(struct container *container, const struct store *store,
                      char **argv, run_options_use_image *use_image)
{
    const struct program *program = use_image == NULL
                                        ? &run_options_of_directories
                                        : &run_options_of_images;
    char **words = run_options_take_all(container, argv, program);
    if (run_options_choose_root(container, store, words, use_image) == -1 ||
        run_options_choose_command(container) == -1)
        exit(EXIT_OURS);
}

void run_options_read_simple(struct container *container, char **argv)
{
    container->command =
        run_options_take_all(container, argv, &run_options_simple);
    if (run_options_choose_command(container) == -1)
        exit(EXIT_OURS);
    container->overlay.host = true;
    container->remove_at_end = true;
    if (!container->detached) {
        container->interactive = true;
        if (isatty(STDIN_FILENO))
            container->terminal = true;
    }
}

/* ---- Checking ---- */

static int run_options_check_terminal(const struct container *container)
{
    if (container->command[0][0] == '\0')
        return log_error("the command is an empty word");
    if (!container->terminal || !container->interactive ||
        container->detached || isatty(STDIN_FILENO))
        return 0;
    log_error("-t -i: standard input is not a terminal (ENOTTY)");
    log_advice("what comes from a pipe or a file is for -i alone");
    return -1;
}

/* What will be made has no name yet, so that these may fail later, too. */
static int run_options_check_files(const struct container *container)
{
    if (container->id_file != NULL && access(container->id_file, F_OK) == 0) {
        log_error("--cidfile %s: that is there already (EEXIST)",
                  container->id_file);
        log_advice("remove it, unless it is a container's that still runs");
        return -1;
    }
    return 0;
}

/* An overlay's layers and what it writes must not lie in each other. */
static int run_options_check_store(struct overlay *overlay,
                                   const struct store *store)
{
    struct overlay_options *layers = &overlay->options;
    if (overlay->host || layers->upper != NULL || layers->upper_bytes != 0)
        return 0;
    char containers[PATH_MAX];
    if (files_path(containers, "%s/containers", store->root) == -1)
        return -1;
    layers->upper = containers;
    int result = overlay_options_check_overlap(layers);
    layers->upper = NULL;
    return result;
}

int run_options_check(struct container *container, const struct store *store)
{
    struct privileges *privileges = &container->privileges;
    if (run_options_check_terminal(container) == -1 ||
        run_options_check_files(container) == -1 ||
        overlay_check(&container->overlay) == -1 ||
        run_options_check_store(&container->overlay, store) == -1)
        return -1;
    if (container->difference)
        return 0;
    if (privileges->privileged && geteuid() == 0)
        container->userns_host = true;
    privileges->keeps_home =
        environment_has(&container->asked_environment, "HOME") ||
        environment_value(container->base_environment, "HOME") != NULL;
    if (privileges_check(privileges) == -1 ||
        apparmor_check(container->apparmor) == -1 ||
        ulimits_check(&container->ulimits) == -1)
        return -1;
    if (!container->userns_host && (userns_check_allowed() == -1 ||
                                    userns_maps_find(&container->maps) == -1))
        return -1;
    if (container->publish_all && container->image == NULL) {
        log_error("-P: only an image says which ports are meant");
        log_advice("name them: -p 8080:80");
        return -1;
    }
    if (network_options_choose(&container->network) == -1)
        return -1;
    return cgroup_delegated_choose(&container->cgroup, &container->limits);
}
