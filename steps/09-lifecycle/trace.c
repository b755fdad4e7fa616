#include "steps/09-lifecycle/trace.h"

#include "common/base/log.h"
#include "common/base/program.h"
#include "common/kernel/clone.h"
#include "common/kernel/process.h"
#include "common/kernel/sync.h"
#include "steps/09-lifecycle/proc.h"
#include "steps/09-lifecycle/subcommands.h"
#include "steps/09-lifecycle/trace_summary.h"
#include "steps/09-lifecycle/trace_tracees.h"

#include <errno.h>
#include <linux/sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { LOOK_AROUND_MS = 100, MOST_AT_ONCE = 256 };

struct trace {
    struct tracees tracees;
    struct trace_summary *summary; /* NULL: a line for each call */
    FILE *output;
    pid_t init;  /* of the container; 0: it is a command */
    int proc_fd; /* /proc/PID of that */
    int64_t looked_around_ns;
    bool told_to_end;
    pid_t command_pid;
    bool command_runs; /* it is itself, not the copy of us that becomes it */
    int command_status;
};

static int64_t trace_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

/* ---- What there is to say ---- */

static void __attribute__((format(printf, 3, 4)))
trace_print(const struct trace *trace, const struct tracee *tracee,
            const char *format, ...)
{
    char text[64];
    va_list arguments;
    if (trace->summary != NULL ||
        (trace->command_pid != 0 && !trace->command_runs))
        return;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    fprintf(trace->output, "%7d  %s\n", (int)tracee->tid_inside, text);
}

/* The call of `tracee` has come to its end. */
static void trace_report_call(struct trace *trace, struct tracee *tracee,
                              bool failed)
{
    const struct trace_call *call = &tracee->call;
    tracee->in_call = false;
    if (trace->command_pid != 0 && !trace->command_runs)
        return;
    if (trace->summary != NULL)
        trace_summary_count(trace->summary, call->name, call->number,
                            trace_now() - tracee->began_ns, failed);
    else
        fprintf(trace->output, "%7d  %s\n", (int)tracee->tid_inside,
                call->text.bytes);
}

static void trace_take_call(struct trace *trace, struct tracee *tracee)
{
    struct __ptrace_syscall_info info;
    struct trace_call *call = &tracee->call;
    if (ptrace(PTRACE_GET_SYSCALL_INFO, tracee->tid, sizeof info, &info) <= 0)
        return; /* it was killed meanwhile, which will be the next to hear */
    if (info.op == PTRACE_SYSCALL_INFO_ENTRY) {
        call->architecture = info.arch;
        call->number = info.entry.nr;
        for (int i = 0; i < 6; i++)
            call->arguments[i] = info.entry.args[i];
        trace_call_begin(call, tracee->tid);
        tracee->in_call = true;
        tracee->began_ns = trace_now();
    } else if (info.op == PTRACE_SYSCALL_INFO_EXIT && tracee->in_call) {
        trace_call_end(call, tracee->tid, info.exit.rval, info.exit.is_error);
        trace_report_call(trace, tracee, info.exit.is_error);
    }
}

static void trace_take_end(struct trace *trace, struct tracee *tracee,
                           int status)
{
    if (tracee->in_call) {
        trace_call_end_without_result(&tracee->call, "");
        trace_report_call(trace, tracee, false);
    }
    if (WIFEXITED(status))
        trace_print(trace, tracee, "ended, exit status %d",
                    WEXITSTATUS(status));
    else
        trace_print(trace, tracee, "ended by %s",
                    trace_call_signal_name(WTERMSIG(status)));
    if (tracee->tid == trace->command_pid)
        trace->command_status =
            WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    tracees_remove(&trace->tracees, tracee->tid);
}

/* After execve(2) a process has one thread, and that the process's number,
 * whichever thread it was. The call is still to return. */
static void trace_take_exec(struct trace *trace, struct tracee *tracee)
{
    unsigned long former_tid = 0;
    ptrace(PTRACE_GETEVENTMSG, tracee->tid, NULL, &former_tid);
    struct tracee *former = tracees_find(&trace->tracees, (pid_t)former_tid);
    if (former != NULL && former != tracee) {
        tracee->in_call = former->in_call;
        tracee->began_ns = former->began_ns;
        tracee->call = former->call;
        tracees_remove(&trace->tracees, former->tid);
    }
    if (tracee->tid == trace->command_pid)
        trace->command_runs = true;
}

/* ---- What the kernel has to tell ---- */

/* A thread stands still, or has ended: takes notice, and lets it go on.
 * `status` as waitpid(2) has it. */
static int trace_take(struct trace *trace, pid_t tid, int status)
{
    /* One that is new was made by another that is traced. */
    struct tracee *tracee = tracees_take_in(&trace->tracees, tid);
    if (tracee == NULL)
        return -1;
    if (!WIFSTOPPED(status)) {
        trace_take_end(trace, tracee, status);
        return 0;
    }
    int event = status >> 16, signal = WSTOPSIG(status);
    bool stays = false;
    if (signal == (SIGTRAP | 0x80)) {
        trace_take_call(trace, tracee);
        signal = 0;
    } else if (event == PTRACE_EVENT_STOP && signal != SIGTRAP) {
        /* All of its process was stopped, by SIGSTOP or the like, and has to
         * stay so until SIGCONT. */
        trace_print(trace, tracee, "stopped by %s",
                    trace_call_signal_name(signal));
        stays = true;
        signal = 0;
    } else if (event != 0) {
        if (event == PTRACE_EVENT_EXEC)
            trace_take_exec(trace, tracee);
        signal = 0;
    } else {
        trace_print(trace, tracee, "gets %s", trace_call_signal_name(signal));
    }
    /* ESRCH: it was killed, and its end is the next that we hear of. */
    ptrace(stays ? PTRACE_LISTEN : PTRACE_SYSCALL, tid, NULL, (long)signal);
    return 0;
}

struct happening {
    pid_t tid;
    int status;
};

/*
 * Collects what has happened before any of it is answered: a thread that is let go
 * may be back before others were heard.
 *
 * First it is only looked at (WNOWAIT). To wait for it takes the signal away from a
 * thread that was about to get one, until we hand it back: killed in between, we would
 * have lost it. So that is answered as it stands, and what we were killed over is delivered.
 */
static int trace_collect(struct trace *trace, struct happening *happenings)
{
    int count = 0;
    while (count < MOST_AT_ONCE) {
        siginfo_t info = {.si_pid = 0};
        if (waitid(P_ALL, 0, &info,
                   WEXITED | WSTOPPED | WNOHANG | WNOWAIT | __WALL) == -1 ||
            info.si_pid == 0)
            break; /* ECHILD: nobody is left */
        if (info.si_code == CLD_TRAPPED && info.si_status < 0x80) {
            if (trace_take(trace, info.si_pid, info.si_status << 8 | 0x7f) ==
                -1)
                return -1;
            continue;
        }
        if (waitpid(info.si_pid, &happenings[count].status, WNOHANG | __WALL) ==
            info.si_pid)
            happenings[count++].tid = info.si_pid;
    }
    return count;
}

/* What the terminal sends for ^C it sends to the command as well. */
static void trace_pass_on(const struct trace *trace, int signal)
{
    /* Its number is its own until we have heard of its end. */
    if (tracees_find(&trace->tracees, trace->command_pid) != NULL)
        kill(trace->command_pid, signal);
}

/* Waits for a signal: for news (CHLD), or for us. Processes that others have put into
 * the container are nobody's news. */
static int trace_wait(struct trace *trace, const sigset_t *signals, bool idle)
{
    static const struct timespec at_once = {0},
                                 a_while = {.tv_nsec =
                                                LOOK_AROUND_MS * 1000000L};
    int signal = sigtimedwait(signals, NULL, idle ? &a_while : &at_once);
    if (signal > 0 && signal != SIGCHLD) {
        if (trace->command_pid == 0)
            trace->told_to_end = true;
        else if (signal == SIGTERM || signal == SIGHUP)
            trace_pass_on(trace, signal);
    }
    if (trace->init == 0 ||
        trace_now() - trace->looked_around_ns < LOOK_AROUND_MS * 1000000L)
        return 0;
    int result =
        tracees_seize_container(&trace->tracees, trace->init, trace->proc_fd);
    trace->looked_around_ns = trace_now();
    return result == -1 ? -1 : 0;
}

static int trace_until_end(struct trace *trace, const sigset_t *signals)
{
    static struct happening happenings[MOST_AT_ONCE];
    while (trace->tracees.count > 0 && !trace->told_to_end) {
        if (trace->init != 0 && ferror(trace->output))
            return 0; /* nobody would ever see more of it */
        int count = trace_collect(trace, happenings);
        for (int i = 0; i < count; i++)
            if (trace_take(trace, happenings[i].tid, happenings[i].status) ==
                -1)
                return -1;
        if (count == -1 || trace_wait(trace, signals, count == 0) == -1)
            return -1;
    }
    return 0;
}

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
    for (size_t i = 0; i < trace->tracees.count; i++) {
        struct tracee *tracee = trace->tracees.sorted[i];
        if (tracee->in_call && status != EXIT_OURS) {
            trace_call_end_without_result(&tracee->call, " (not yet returned)");
            trace_report_call(trace, tracee, false);
        }
    }
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
 * parent may have left it to us, or there would be no news. */
static int trace_block_signals(sigset_t *signals, sigset_t *previous)
{
    static const int numbers[] = {SIGCHLD, SIGINT, SIGQUIT, SIGTERM, SIGHUP};
    sigemptyset(signals);
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
        trace_block_signals(&signals, &mask) == 0) {
        int count = tracees_seize_container(&trace.tracees, init, proc_fd);
        if (count >= 0)
            log_note("%d thread%s traced, and whatever comes to be there",
                     count, count == 1 ? " is" : "s are");
        if (count >= 0 && trace_until_end(&trace, &signals) == 0)
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
        trace_block_signals(&signals, &mask) == 0 &&
        trace_start_command(&trace, command, &mask) == 0 &&
        trace_until_end(&trace, &signals) == 0)
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
