#include "common/runtime/trace_follow.h"

#include "common/base/clock.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { LOOK_AROUND_MS = 100, MOST_AT_ONCE = 256 };

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
                            clock_now_ns(CLOCK_MONOTONIC) - tracee->began_ns,
                            failed);
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
        tracee->began_ns = clock_now_ns(CLOCK_MONOTONIC);
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
    bool stays = false;
    int handed_back = 0; /* the signal that it gets */
    //> stops
    int event = status >> 16, signal = WSTOPSIG(status);
    if (signal == (SIGTRAP | 0x80)) {
        trace_take_call(trace, tracee);
    } else if (event == PTRACE_EVENT_STOP && signal != SIGTRAP) {
        /* All of its process was stopped, by SIGSTOP or the like, and has to
         * stay so until SIGCONT. */
        trace_print(trace, tracee, "stopped by %s",
                    trace_call_signal_name(signal));
        stays = true;
    } else if (event == PTRACE_EVENT_EXEC) {
        trace_take_exec(trace, tracee);
    } else if (event == 0) {
        trace_print(trace, tracee, "gets %s", trace_call_signal_name(signal));
        handed_back = signal;
    }
    //< stops
    /* ESRCH: it was killed, and its end is the next that we hear of. */
    ptrace(stays ? PTRACE_LISTEN : PTRACE_SYSCALL, tid, NULL,
           (long)handed_back);
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
        if (trace->init != 0)
            trace->told_to_end = signal != SIGTSTP;
        else if (signal == SIGTERM || signal == SIGHUP)
            trace_pass_on(trace, signal);
    }
    if (trace->init == 0 ||
        clock_now_ns(CLOCK_MONOTONIC) - trace->looked_around_ns <
            LOOK_AROUND_MS * 1000000L)
        return 0;
    int result =
        tracees_seize_container(&trace->tracees, trace->init, trace->proc_fd);
    trace->looked_around_ns = clock_now_ns(CLOCK_MONOTONIC);
    return result == -1 ? -1 : 0;
}

int trace_follow(struct trace *trace, const sigset_t *signals)
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

void trace_report_pending(struct trace *trace)
{
    for (size_t i = 0; i < trace->tracees.count; i++) {
        struct tracee *tracee = trace->tracees.sorted[i];
        if (tracee->in_call) {
            trace_call_end_without_result(&tracee->call, " (not yet returned)");
            trace_report_call(trace, tracee, false);
        }
    }
}
