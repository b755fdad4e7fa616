/*
 * exec: one more command in a container that is running, with what its own has:
 * namespaces, cgroups, capabilities, filter, environment; and with no more.
 *
 * taught in: step 09, lessons/09-lifecycle.md
 */
#include "common/base/command.h"
#include "common/base/files.h"
#include "common/base/log.h"
#include "common/base/program.h"
#include "common/kernel/clone.h"
#include "common/kernel/privileges.h"
#include "common/kernel/process.h"
#include "common/kernel/sync.h"
#include "common/runtime/apparmor.h"
#include "common/runtime/environment.h"
#include "common/runtime/exec_terminal.h"
#include "common/runtime/pause.h"
#include "common/runtime/run_absent.h"
#include "common/runtime/subcommands.h"
#include "common/runtime/ulimits.h"
#include "steps/09-lifecycle/directory.h"
#include "steps/09-lifecycle/join.h"
#include "steps/09-lifecycle/self.h"
#include "steps/09-lifecycle/store.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

struct exec {
    bool detach, interactive, terminal;
    const char *working_directory;
    struct environment environment;    /* what was asked for */
    struct environment_list variables; /* what the command gets */
    struct ulimits ulimits;
    struct streams streams;
    struct sync sync;
    int report_fds[2]; /* base/command.h */
    sigset_t mask;     /* the command's */
    struct join join;
    char **command;
    struct record record;
    struct privileges privileges; /* `user` is of --user; the filter is long */
};

/* ---- The child ---- */

/* The container's own: whoever has a descriptor of the host's could change the
 * mode of that file. It may be something else inside, even a pipe that nobody writes to. */
static int exec_open_null(void)
{
    struct stat status;
    int fd = open("/dev/null", O_RDWR | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (fd == -1)
        return (int)log_call(fd, "nothing to be read",
                             "openat(\"/dev/null\", O_RDWR)");
    if (fstat(fd, &status) == -1 || !S_ISCHR(status.st_mode) ||
        status.st_rdev != makedev(1, 3)) {
        log_error("/dev/null in the container is not the null device");
        close(fd);
        return -1;
    }
    return fd;
}

/* What the command reads and writes: a terminal, what we do, or nothing. */
static int exec_choose_streams(struct exec *exec)
{
    struct streams *streams = &exec->streams;
    if (exec->terminal && !exec->detach)
        return streams_make_terminal(streams, false);
    int null_fd = -1;
    if ((!exec->interactive || exec->detach) &&
        (null_fd = exec_open_null()) == -1)
        return -1;
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
        bool ours = !exec->detach && (fd > STDIN_FILENO || exec->interactive);
        streams->inside[fd] = ours ? fd : null_fd;
    }
    return 0;
}

static int exec_furnish(struct exec *exec)
{
    command_report_to(exec->report_fds[1]);
    if (join_settle(&exec->join) == -1 ||
        (!exec->detach && sync_wait_for_parent(&exec->sync) == -1) ||
        exec_choose_streams(exec) == -1 ||
        streams_take_over(&exec->streams, exec->report_fds[1]) == -1 ||
        directory_enter(exec->working_directory, false) == -1)
        return -1;
    umask(0022);
    if (ulimits_set(&exec->ulimits) == -1)
        return -1;
    return apparmor_confine_next(exec->record.apparmor);
}

static void __attribute__((noreturn)) exec_run_child(struct exec *exec)
{
    if (exec_furnish(exec) == -1)
        command_exit(EXIT_OURS);
    environ = exec->variables.all;
    privileges_execute(&exec->privileges, false, exec->command, &exec->mask);
}

/* ---- The parent ---- */

/* What is handed to the command is open for it, and so is all below it, were it a
 * directory of the host's. */
static int exec_check_standard_files(const struct exec *exec)
{
    struct stat status;
    if (exec->terminal && exec->interactive && !exec->detach &&
        !isatty(STDIN_FILENO)) {
        log_error("-t -i: standard input is not a terminal (ENOTTY)");
        log_advice("what comes from a pipe or a file is for -i alone");
        return -1;
    }
    int first = exec->interactive ? STDIN_FILENO : STDOUT_FILENO;
    bool handed_on = !exec->detach && !exec->terminal;
    for (int fd = first; fd <= STDERR_FILENO && handed_on; fd++)
        if (fstat(fd, &status) == 0 && S_ISDIR(status.st_mode))
            return log_error("descriptor %d is a directory of the host's, "
                             "which is not for the container",
                             fd);
    return 0;
}

/* Whoever is born into a cgroup that stands still, does so before its first step. */
static int exec_check_state(const struct record *record)
{
    if (!pause_is_paused(record))
        return 0;
    log_error("%s is paused", record->name);
    log_advice("unpause it first");
    return -1;
}

/* The filter as the kernel got it: its rules may have come from a profile that is
 * another by now. Instructions of 8 bytes. */
static int exec_read_filter(const struct record *record,
                            struct seccomp_filter *filter)
{
    char path[PATH_MAX];
    if (files_path(path, "%s/seccomp", record->directory) == -1)
        return -1;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t got = -1;
    if (fd != -1) {
        got = read(fd, filter->instructions, sizeof filter->instructions);
        close(fd);
    }
    if (got == -1)
        return (int)log_call(-1, "the container's filter",
                             "openat(\"%s\", O_RDONLY)", path);
    if ((size_t)got % sizeof filter->instructions[0] != 0)
        return log_error("%s is damaged: it ends within an instruction", path);
    filter->length =
        (unsigned short)((size_t)got / sizeof filter->instructions[0]);
    return 0;
}

/* Those that the container's first process has: they are inherited. */
static int exec_read_limits(struct exec *exec)
{
    pid_t pid = exec->record.init_process.pid;
    for (int i = 0; i < RLIM_NLIMITS; i++) {
        struct rlimit ours;
        struct rlimit *theirs = &exec->ulimits.limits[i];
        if (prlimit(pid, i, NULL, theirs) == -1 || getrlimit(i, &ours) == -1)
            return (int)log_call(-1, "a limit of the container's",
                                 "prlimit64(%d, %d)", (int)pid, i);
        exec->ulimits.asked[i] = theirs->rlim_cur != ours.rlim_cur ||
                                 theirs->rlim_max != ours.rlim_max;
    }
    return 0;
}

static int exec_make_environment(struct exec *exec)
{
    const char *const *base = exec->record.environment;
    const char *home = environment_value(base, "HOME");
    struct environment *asked = &exec->environment;
    /* The container may have been started without a terminal. */
    if (exec->terminal && !environment_has(asked, "TERM") &&
        environment_value(base, "TERM") == NULL)
        environment_parse("TERM", asked);
    /* Another than all begin with was chosen. */
    exec->privileges.keeps_home = environment_has(asked, "HOME") ||
                                  (home != NULL && strcmp(home, "/root") != 0);
    return environment_make(asked, base, &exec->variables);
}

static int exec_prepare(struct exec *exec)
{
    const struct record *record = &exec->record;
    struct privileges *privileges = &exec->privileges;
    privileges_repeat(privileges, record->capabilities);
    privileges->privileged = record->privileged;
    privileges->outlives_parent = exec->detach;
    privileges->no_new_privileges =
        record->no_new_privileges ? PRIVILEGES_YES : PRIVILEGES_NO;
    if (privileges->user == NULL)
        privileges->user = record->user;
    if (exec->working_directory == NULL)
        exec->working_directory =
            record->working_directory != NULL ? record->working_directory : "/";
    return exec_make_environment(exec) == -1 || exec_read_limits(exec) == -1
               ? -1
               : exec_read_filter(record, &privileges->filter);
}

/* All that has to be done while we are still on the host. */
static int exec_open(struct exec *exec)
{
    bool terminal = exec->terminal && !exec->detach;
    if (exec->detach)
        process_forget_signals();
    if (process_block_signals(&exec->mask) == -1 ||
        sync_open(&exec->sync) == -1)
        return -1;
    int result = pipe2(exec->report_fds, O_CLOEXEC);
    if (log_call(result, "to hear how it went", "pipe2(O_CLOEXEC)") == -1)
        return -1;
    if (terminal &&
        (streams_open(&exec->streams, true, exec->interactive, NULL) == -1 ||
         (exec->interactive && exec_terminal_prepare() == -1)))
        return -1;
    return ulimits_permit(&exec->ulimits, 0);
}

static pid_t exec_clone(struct exec *exec)
{
    struct clone_args arguments = {.exit_signal = SIGCHLD};
    join_prepare_clone(&exec->join, &arguments);
    pid_t pid = clone_process(&arguments);
    if (pid == 0)
        exec_run_child(exec);
    log_call(pid, "a process among the container's", "clone3(%s)",
             arguments.flags & CLONE_INTO_CGROUP ? "CLONE_INTO_CGROUP" : "0");
    return pid;
}

/* Until the command is executed. Returns 0, or the status to exit with. */
static int exec_await_start(struct exec *exec)
{
    close(exec->report_fds[1]);
    if (!exec->detach && sync_release_child(&exec->sync) == -1)
        return EXIT_OURS;
    if (streams_receive(&exec->streams) == -1)
        return EXIT_OURS;
    int status = command_await(exec->report_fds[0]);
    if (status == -1)
        log_error("the command was killed before it was started");
    return status == -1 ? EXIT_OURS : status;
}

static int exec_run_inside(struct exec *exec)
{
    if (exec_open(exec) == -1 ||
        join_enter(&exec->join, exec->join.spaces) == -1)
        return EXIT_OURS;
    pid_t pid = exec_clone(exec);
    if (pid == -1)
        return EXIT_OURS;
    int status = exec_await_start(exec);
    if (status != 0) { /* and why stands in the log */
        kill(pid, SIGKILL);
        waitpid(pid, NULL, 0);
        return status;
    }
    if (exec->detach)
        return 0;
    status = exec->terminal
                 ? exec_terminal_follow(&exec->streams, pid, exec->interactive)
                 : process_supervise(pid);
    return status == -1 ? EXIT_OURS : status;
}

static void exec_read_options(struct exec *exec, char **argv, char **name)
{
    const struct program_option options[] = {
        {"-d --detach", NULL, NULL, &exec->detach,
         "do not wait for it; what it prints is lost"},
        {"-i --interactive", NULL, NULL, &exec->interactive,
         "it reads what we do (default: nothing)"},
        {"-t --tty", NULL, NULL, &exec->terminal,
         "a terminal of its own, in which ours is seen"},
        {"-e --env", "NAME[=VALUE]", environment_parse, &exec->environment,
         "a variable, besides the container's"},
        {"--env-file", "FILE", environment_parse_file, &exec->environment,
         "variables, one a line"},
        {"-u --user", "USER[:GROUP]", privileges_parse_user, &exec->privileges,
         "whose process it is inside (default: as the container's)"},
        {"-w --workdir", "DIR", directory_parse, &exec->working_directory,
         "where it starts, inside"},
        {0},
    };
    const struct program program = {
        .name = "exec",
        .summary = "Runs one more command in a container that is running.",
        .example = "exec -it web /bin/sh",
        .options = options,
        .absent = exec_absent,
        .usage = "[OPTION...] CONTAINER COMMAND [ARG...]",
    };
    char **words = program_read_words(&program, argv, false);
    if (words[0] == NULL)
        program_refuse(&program, "in which container?");
    if (words[1] == NULL)
        program_refuse(&program, "which command?");
    *name = words[0];
    exec->command = words + 1;
}

static int exec_run(struct exec *exec)
{
    const struct record *record = &exec->record;
    if (record->status == RECORD_RUNNING &&
        self_protect(record->userns_host, record->monitor.pid) == -1)
        return EXIT_OURS;
    if (exec_check_state(record) == -1 || join_open(&exec->join, record) == -1)
        return EXIT_NOT_DONE;
    return exec_prepare(exec) == -1 ? EXIT_OURS : exec_run_inside(exec);
}

int subcommand_exec(const struct store *store, char **argv)
{
    static struct exec
        exec; /* a filter has 32 KiB, of zeros: none in our file */
    char *name;
    if (self_protect_early(argv) == -1)
        return EXIT_OURS;
    exec.join = JOIN_NONE;
    streams_clear(&exec.streams);
    exec_read_options(&exec, argv, &name);
    if (exec_check_standard_files(&exec) == -1)
        return EXIT_OURS;
    int status = store_look_up(store, name, &exec.record) == -1
                     ? EXIT_NOT_DONE
                     : exec_run(&exec);
    exec_terminal_close();
    /* All else goes with this process, which somebody waits for. */
    return status;
}
