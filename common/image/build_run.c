/* RUN: a container, whose upper directory becomes a layer: see build_state.h. */
#include "common/base/files.h"
#include "common/base/log.h"
#include "common/base/program.h"
#include "common/image/build_key.h"
#include "common/image/build_layer.h"
#include "common/image/build_leavings.h"
#include "common/image/build_variables.h"
#include "common/image/image_run.h"
#include "common/kernel/clone.h"
#include "common/kernel/process.h"
#include "common/runtime/mapped.h"
#include "common/runtime/monitor.h"
#include "common/runtime/run_options.h"
#include "common/runtime/store_tree.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

struct build_running {
    struct build *build;
    struct build_stage *stage;
    struct image_config config; /* as the command is to find it */
    char *text;                 /* for the shell; NULL: an array */
    bool is_program; /* the text says itself who is to read it: #!… */
    char **command;  /* NULL at the end */
    size_t words;
    struct layers below;
    struct build_layer layer;
    char directory[PATH_MAX]; /* of the overlay: upper, work */
};

/* ---- What is run ---- */

/* Where a text that says #! stands while it is run: in memory, and in no layer. */
#define BUILD_RUN_PROGRAM "/dev/run-program"

/* The shell reads the texts that stand behind the instruction as it would in a script. Where
 * there is nothing else than <<EOF, the text is the script. */
static char *build_run_text(const struct containerfile_instruction *instruction)
{
    char *text = NULL;
    size_t size;
    const struct containerfile_heredoc *heredocs = instruction->heredocs;
    FILE *file = open_memstream(&text, &size);
    if (file == NULL)
        return NULL;
    size_t length = strcspn(instruction->text, " \t");
    bool is_script = instruction->heredoc_count == 1 &&
                     strncmp(instruction->text, "<<", 2) == 0 &&
                     instruction->text[length] == '\0';
    if (is_script) {
        fputs(heredocs[0].content, file);
    } else {
        fputs(instruction->text, file);
        for (size_t i = 0; i < instruction->heredoc_count; i++)
            fprintf(file, "%s%s%s\n", i == 0 ? "\n" : "", heredocs[i].content,
                    heredocs[i].name);
    }
    return fclose(file) == 0 ? text : NULL;
}

static int
build_run_command(struct build_running *running,
                  const struct containerfile_instruction *instruction)
{
    static const char *const usual_shell[] = {"/bin/sh", "-c"};
    const struct image_texts *shell = &running->stage->config.shell;
    const char *const *first = shell->count > 0 ? shell->all : usual_shell;
    size_t count = shell->count > 0 ? shell->count : 2;
    if (instruction->is_json) {
        first = instruction->words;
        count = instruction->word_count;
    } else {
        running->text = build_run_text(instruction);
        if (running->text == NULL)
            return log_error("out of memory (ENOMEM)");
    }
    char *rest[] = {running->text, NULL};
    running->is_program = running->text != NULL &&
                          instruction->heredoc_count == 1 &&
                          strncmp(running->text, "#!", 2) == 0;
    running->command = run_options_join(first, count, rest);
    running->words = count + (running->text != NULL);
    return running->command == NULL ? -1 : 0;
}

/* The image's, with what ARG has given a value to. */
static int build_run_config(struct build_running *running, bool for_key)
{
    struct names arguments;
    struct image_config *config = &running->config;
    image_config_free(config);
    int result = build_variables_for_run(running->build, running->stage,
                                         for_key, &arguments);
    if (result == 0)
        result = image_config_copy(config, &running->stage->config);
    for (size_t i = 0; i < arguments.count && result == 0; i++) {
        char *equals = strchr(arguments.all[i], '=');
        *equals = '\0';
        result = image_config_assign(config, &config->environment,
                                     arguments.all[i], equals + 1);
        *equals = '=';
    }
    names_free(&arguments);
    return result;
}

static void build_run_key(const struct build_running *running,
                          char text[SHA256_TEXT])
{
    const struct image_config *config = &running->config;
    char network[16];
    struct build_key key;
    build_key_begin(&key, &config->layers);
    build_key_add(&key, "RUN");
    //> key
    build_key_add_all(&key, (const char *const *)running->command,
                      running->words);
    build_key_add_all(&key, config->environment.all, config->environment.count);
    build_key_add(&key, config->user);
    build_key_add(&key, config->working_directory);
    /* What can be reached may be another, but for the usual. */
    snprintf(network, sizeof network, "%d",
             (int)running->build->options->network);
    build_key_add(&key, network);
    //< key
    build_key_end(&key, text);
}

/* ---- The container, in a process of its own: its monitor ---- */

/* Standard output is for the image's id. */
static int build_run_redirect(const struct build *build)
{
    int fd = build->options->quiet ? open("/dev/null", O_WRONLY | O_CLOEXEC)
                                   : fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 0);
    int result = fd == -1 ? -1 : dup2(fd, STDOUT_FILENO);
    if (result == -1)
        log_call(-1, "what it prints is not our result", "dup2(%d, 1)", fd);
    if (fd != -1)
        close(fd);
    return result == -1 ? -1 : 0;
}

/* As a file of the container's that its interpreter can open. */
static int build_run_mount_program(const struct build_running *running,
                                   struct container *container)
{
    static char program[] = BUILD_RUN_PROGRAM, *command[] = {program, NULL};
    static char path[PATH_MAX], volume[PATH_MAX];
    if (files_path(path, "%s/program", running->directory) == -1 ||
        files_path(volume, "%s:%s:ro", path, BUILD_RUN_PROGRAM) == -1)
        return -1;
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0755);
    size_t size = strlen(running->text);
    ssize_t written = fd == -1 ? -1 : write(fd, running->text, size);
    int result = fd == -1 || fchmod(fd, 0755) == -1 ? -1 : close(fd);
    if (written != (ssize_t)size || result == -1)
        return (int)log_call(-1, "what is to be run", "write(\"%s\")", path);
    const char *expected = volume_options_parse(volume, &container->volumes);
    if (expected != NULL)
        return log_error("%s: %s", volume, expected);
    container->command = command;
    return 0;
}

static int build_run_container(struct build_running *running)
{
    static struct container container;
    const struct build *build = running->build;
    /* Signals are for the container, and so is its parent's end. */
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    sigprocmask(SIG_SETMASK, &build->mask, NULL);
    run_options_begin(&container);
    container.remove_at_end = true;
    container.init = true; /* or signals would mean nothing to the command */
    container.userns_host = build->options->userns_host;
    container.network.kind = build->options->network;
    container.command = running->command;
    if (running->is_program &&
        build_run_mount_program(running, &container) == -1)
        return EXIT_OURS;
    const char *expected = overlay_options_parse_upper(
        running->directory, &container.overlay.options);
    if (expected != NULL) {
        log_error("%s: %s", running->directory, expected);
        return EXIT_OURS;
    }
    if (image_run_prepare(build->store, &running->config, &container) == -1 ||
        run_options_check(&container, build->store) == -1 ||
        build_run_redirect(build) == -1)
        return EXIT_OURS;
    return monitor_run(build->store, &container, -1);
}

/* Returns the command's exit status, or ours, reported. */
static int build_run_in_child(struct build_running *running)
{
    struct clone_args arguments = {.exit_signal = SIGCHLD};
    fflush(NULL);
    pid_t pid = clone_process(&arguments);
    if (pid == 0) {
        int status = build_run_container(running);
        fflush(NULL);
        _exit(status);
    }
    log_call(pid, "a monitor for the container of this step", "clone3(0)");
    int status = pid == -1 ? -1 : process_supervise(pid);
    return status == -1 ? EXIT_OURS : status;
}

/* ---- What it has written ---- */

/* The upper directory becomes the draft's tree. */
static int build_run_take_upper(struct build_running *running)
{
    struct layer_draft *draft = &running->layer.draft;
    files_close(&draft->tree_fd);
    if (unlinkat(draft->fd, "tree", AT_REMOVEDIR) == -1 ||
        renameat(draft->fd, "run/upper", draft->fd, "tree") == -1)
        return (int)log_call(-1, "what was written is the layer",
                             "renameat(\"%s\", \"run/upper\", \"tree\")",
                             draft->path);
    if (store_tree_remove(running->directory) == -1)
        return -1;
    draft->tree_fd = openat(draft->fd, "tree",
                            O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    return draft->tree_fd != -1
               ? 0
               : (int)log_call(-1, "what was written is the layer",
                               "openat(\"%s/tree\")", draft->path);
}

/* As root of the ids of containers. */
static int build_run_finish(void *context)
{
    struct build_running *running = context;
    return build_run_take_upper(running) == -1 ||
                   build_leavings_remove(&running->below,
                                         running->layer.draft.tree_fd) == -1 ||
                   build_layer_hash(&running->layer) == -1
               ? 1
               : 0;
}

/* ---- All of it ---- */

/* Where the overlay's upper directory is: / there is what / is below. */
static int build_run_make_upper(struct build_running *running)
{
    char upper[PATH_MAX];
    struct stat status;
    mode_t mode = fstat(running->below.fds[0], &status) == 0
                      ? status.st_mode & 07777
                      : 0755;
    if (files_path(running->directory, "%s/run", running->layer.draft.path) ==
            -1 ||
        files_path(upper, "%s/upper", running->directory) == -1)
        return -1;
    if (mkdir(running->directory, 0700) == -1 || mkdir(upper, 0700) == -1 ||
        chmod(upper, mode) == -1)
        return (int)log_call(-1, "what it writes is kept here",
                             "mkdir(\"%s\", 0700)", upper);
    return 0;
}

static int build_run_make(struct build_running *running,
                          const struct containerfile_instruction *instruction,
                          const char *key)
{
    struct build *build = running->build;
    const struct image_texts *digests = &running->stage->config.layers;
    if (digests->count == 0)
        return build_refuse(build, instruction,
                            "RUN: the image is empty so far, there is nothing "
                            "that could be run (ENOENT)");
    if (build_layer_open_below(build, digests, &running->below) == -1)
        return -1;
    if (build_layer_begin(&running->layer, build) == -1) {
        layers_close(&running->below);
        return -1;
    }
    int result = build_run_make_upper(running);
    if (result == 0) {
        int status = build_run_in_child(running);
        if (status != 0) {
            build->failed = status;
            result =
                build_refuse(build, instruction, "RUN %.200s: exit status %d",
                             instruction->text, status);
        }
    }
    if (result == 0 && mapped_run(build_run_finish, running) != 0)
        result = -1;
    layers_close(&running->below);
    if (result == -1) {
        build_layer_abandon(&running->layer);
        return -1;
    }
    return build_layer_commit(&running->layer, build, running->stage, key);
}

int build_run(struct build *build, struct build_stage *stage,
              const struct containerfile_instruction *instruction)
{
    struct build_running *running = calloc(1, sizeof *running);
    char key[SHA256_TEXT];
    if (running == NULL)
        return log_error("out of memory (ENOMEM)");
    running->build = build;
    running->stage = stage;
    int result = build_run_command(running, instruction);
    if (result == 0 && !build->checking) {
        result = build_run_config(running, true);
        build_run_key(running, key);
        if (result == 0 && !build_layer_is_cached(build, stage, key)) {
            result = build_run_config(running, false);
            if (result == 0)
                result = build_run_make(running, instruction, key);
        }
    }
    image_config_free(&running->config);
    free(running->text);
    free(running->command);
    free(running);
    return result;
}
