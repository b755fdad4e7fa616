#include "common/runtime/trace.h"

#include "common/base/log.h"
#include "common/base/program.h"
#include "common/kernel/clone.h"
#include "common/kernel/process.h"
#include "common/kernel/sync.h"
#include "common/runtime/proc.h"
#include "common/runtime/subcommands.h"
#include "common/runtime/trace_follow.h"

#include <errno.h>
#include <linux/sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

/* ---- Beginning and end ---- */

static int trace_open_output(struct trace *trace,
                             const struct trace_options *options,
                             FILE *otherwise)
{
    trace->output =
        options->output == NULL ? otherwise : fopen(options->output, "we");
    if (trace->output == NULL)
        return (int)log_call(-1, "where the lines go", "openat(\"%s\")",
                             options->output);
    /* Whole lines, however we end. */
    setvbuf(trace->output, NULL, _IOLBF, BUFSIZ);
    if (!options->summary)
        return 0;
    trace->summary = calloc(1, sizeof *trace->summary);
    return trace->summary == NULL ? log_error("no memory for a summary") : 0;
}

static int trace_finish(struct trace *trace, int status)
{
    if (status != EXIT_OURS)
        trace_report_pending(trace);
    if (trace->summary != NULL && status != EXIT_OURS)
        trace_summary_print(trace->summary, trace->output);
    if (trace->output != NULL &&
        (fflush(trace->output) == EOF || ferror(trace->output))) {
        log_error("not all that was traced could be written: %s",
                  strerror(errno));
        status = EXIT_OURS;
    }
    free(trace->summary);
    tracees_free(&trace->tracees);
    return status;
}

/* These wait until sigtimedwait(2) takes them. SIGCHLD must not be ignored, as a
 * parent may have left it to us, or there would be no news. Nor may ^Z stop us, where it
 * is not meant for the command: a container would stand still with us. */
static int trace_block_signals(const struct trace *trace, sigset_t *signals,
                               sigset_t *previous)
{
    static const int numbers[] = {SIGCHLD, SIGINT, SIGQUIT, SIGTERM, SIGHUP};
    sigemptyset(signals);
    if (trace->init != 0)
        sigaddset(signals, SIGTSTP);
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++)
        sigaddset(signals, numbers[i]);
    signal(SIGCHLD, SIG_DFL);
    return (int)log_call(sigprocmask(SIG_BLOCK, signals, previous),
                         "signals wait until they are taken",
                         "rt_sigprocmask(SIG_BLOCK)");
}

/* With PTRACE_O_TRACE…, what a traced thread makes is traced from its first
 * instruction; PTRACE_O_TRACESYSGOOD tells its calls from its SIGTRAPs. Not
 * PTRACE_O_EXITKILL: it would kill them all with us. */
static const int trace_ptrace_options =
    PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK |
    PTRACE_O_TRACECLONE | PTRACE_O_TRACEEXEC;

int trace_container(const struct trace_options *options, pid_t init,
                    int proc_fd)
{
    struct trace trace = {.tracees.options = trace_ptrace_options,
                          .init = init,
                          .proc_fd = proc_fd};
    int status = EXIT_OURS;
    sigset_t signals, mask;
    if (trace_open_output(&trace, options, stdout) == 0 &&
        trace_block_signals(&trace, &signals, &mask) == 0) {
        int count = tracees_seize_container(&trace.tracees, init, proc_fd);
        if (count >= 0)
            log_note("%d thread%s traced, and whatever comes to be there",
                     count, count == 1 ? " is" : "s are");
        if (count >= 0 && trace_follow(&trace, &signals) == 0)
            status = 0;
    }
    return trace_finish(&trace, status);
}

/* Starts it, but not before it is traced. */
static int trace_start_command(struct trace *trace, char **command,
                               const sigset_t *mask)
{
    struct sync sync;
    if (sync_open(&sync) == -1)
        return -1;
    struct clone_args arguments = {.exit_signal = SIGCHLD};
    trace->command_pid = clone_process(&arguments);
    if (trace->command_pid == 0) {
        if (sync_wait_for_parent(&sync) == -1)
            _exit(EXIT_OURS);
        process_execute(command, mask);
    }
    if (log_call(trace->command_pid, "the command's process", "clone3(0)") ==
        -1)
        return -1;
    int result = tracees_seize(&trace->tracees, trace->command_pid);
    log_call(result, "its system calls are reported to us",
             "ptrace(PTRACE_SEIZE, %d)", (int)trace->command_pid);
    if (result == 0)
        return sync_release_child(&sync);
    kill(trace->command_pid, SIGKILL);
    waitpid(trace->command_pid, NULL, 0);
    return -1;
}

int trace_command(const struct trace_options *options, char **command)
{
    struct trace trace = {.tracees.options = trace_ptrace_options,
                          .proc_fd = -1};
    int status = EXIT_OURS;
    sigset_t signals, mask;
    if (trace_open_output(&trace, options, stderr) == 0 &&
        trace_block_signals(&trace, &signals, &mask) == 0 &&
        trace_start_command(&trace, command, &mask) == 0 &&
        trace_follow(&trace, &signals) == 0)
        status = trace.command_status;
    return trace_finish(&trace, status);
}

/* ---- The subcommand ---- */

/* What is typed before `--` is for us, what follows is a command: its first word, or
 * NULL where there is no `--`. Cuts argv there. */
static char **trace_split(char **argv)
{
    for (; *argv != NULL; argv++)
        if (strcmp(*argv, "--") == 0) {
            *argv = NULL;
            return argv + 1;
        }
    return NULL;
}

static int trace_by_name(const struct store *store,
                         const struct trace_options *options, const char *name)
{
    struct record record;
    int status = EXIT_NOT_DONE, proc_fd = -1;
    if (store_look_up(store, name, &record) == 0)
        proc_fd = proc_open(&record);
    if (proc_fd != -1) {
        status = trace_container(options, record.init_process.pid, proc_fd);
        close(proc_fd);
    }
    record_free(&record);
    return status;
}

int subcommand_trace(const struct store *store, char **argv)
{
    struct trace_options asked = {0};
    const struct program_option options[] = {
        {"-c --summary", NULL, NULL, &asked.summary,
         "no lines, but how often, how many errors, how long, by call"},
        {"-o --output", "FILE", program_parse_text, &asked.output,
         "lines go there (default: stdout; stderr for a command)"},
        {0},
    };
    const struct program program = {
        .name = argv[0],
        .summary =
            "Prints the system calls of a container until ^C, which does "
            "it no harm, or of a command.",
        .usage = "NAME, or -- COMMAND [ARG...]",
        .example = "trace -c -- ls -l",
        .options = options,
    };
    char **command = trace_split(argv);
    size_t names = command == NULL ? 1 : 0;
    char **words = subcommands_read(&program, argv, names, names);
    if (command == NULL)
        return trace_by_name(store, &asked, words[0]);
    if (command[0] == NULL || command[0][0] == '\0')
        program_refuse(&program, "expected a command after --");
    return trace_command(&asked, command);
}
