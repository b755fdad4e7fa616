#include "common/kernel/process.h"

#include "common/base/command.h"
#include "common/base/log.h"
#include "common/base/program.h"
#include "common/kernel/clone.h"

#include <errno.h>
#include <stddef.h>
#include <sys/wait.h>
#include <unistd.h>

/* The signals that are meant for the command, those with which a terminal stops
 * a job, and that of a child's end. */
void process_handled_signals(sigset_t *handled)
{
    static const int numbers[] = {SIGHUP,  SIGINT,  SIGQUIT, SIGTERM,
                                  SIGUSR1, SIGUSR2, SIGALRM, SIGWINCH,
                                  SIGTSTP, SIGTTIN, SIGTTOU, SIGCHLD};
    sigemptyset(handled);
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++)
        sigaddset(handled, numbers[i]);
}

int process_block_signals(sigset_t *previous)
{
    /* Where SIGCHLD is ignored, as some parent may have left it, children
     * vanish without a status and waitid(2) has nothing to wait for. */
    signal(SIGCHLD, SIG_DFL);

    sigset_t handled;
    process_handled_signals(&handled);
    int result = sigprocmask(SIG_BLOCK, &handled, previous);
    return (int)log_call(result, "signals wait until they are taken",
                         "rt_sigprocmask(SIG_BLOCK)");
}

void process_forget_signals(void)
{
    sigset_t none;
    for (int number = 1; number < SIGSYS + 1; number++)
        if (number != SIGKILL && number != SIGSTOP)
            signal(number, SIG_DFL);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
}

int process_interrupted(void)
{
    static const int numbers[] = {SIGHUP, SIGINT, SIGQUIT, SIGTERM};
    sigset_t pending;
    sigpending(&pending);
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        struct sigaction action;
        /* One that is ignored, as nohup(1) does it, is kept while blocked. */
        if (sigismember(&pending, numbers[i]) != 1 ||
            sigaction(numbers[i], NULL, &action) == -1 ||
            action.sa_handler == SIG_IGN)
            continue;
        log_note("interrupted before the command was started");
        return numbers[i];
    }
    return 0;
}

void process_execute(char **command, const sigset_t *mask)
{
    if (sigprocmask(SIG_SETMASK, mask, NULL) == -1) {
        log_call(-1, "the command's signals", "rt_sigprocmask(SIG_SETMASK)");
        _exit(EXIT_OURS);
    }
    command_execute(command);
}

static int process_exit_status(const siginfo_t *ended)
{
    if (ended->si_code != CLD_EXITED) /* killed, or dumped core */
        return 128 + ended->si_status;
    return ended->si_status;
}

/* Stops the container with us, and lets it go on when we do. PID 1 is deaf to
 * SIGTSTP as well, but not to SIGSTOP, if that comes from outside. An init gets
 * here only because it is in the terminal's foreground group; so is the command,
 * and has stopped by itself. */
static void process_stop(pid_t main_pid, int signal_number)
{
    if (getpid() == 1)
        return;
    sigset_t stop;
    sigemptyset(&stop);
    sigaddset(&stop, signal_number);
    kill(main_pid, SIGSTOP);
    raise(signal_number);
    sigprocmask(SIG_UNBLOCK, &stop, NULL); /* returns after SIGCONT */
    sigprocmask(SIG_BLOCK, &stop, NULL);
    kill(main_pid, SIGCONT);
}

void process_forward(pid_t main_pid, const siginfo_t *received)
{
    int number = received->si_signo;
    if (number == SIGTSTP || number == SIGTTIN || number == SIGTTOU) {
        process_stop(main_pid, number);
        return;
    }
    /* ^C, ^\ and a new window size come from the kernel and go to the whole
     * foreground group: a command that is still in it has its own already. */
    if (received->si_code == SI_KERNEL && getpgid(main_pid) == getpgrp() &&
        (number == SIGINT || number == SIGQUIT || number == SIGWINCH))
        return;
    /* The pid can not have become a stranger's: until we reap it, below, a
     * dead child keeps its number. */
    kill(main_pid, number);
}

/* Reaps all that have ended: SIGCHLD does not queue, one may stand for many.
 * Returns whether `main_pid` was among them, then with its exit status in
 * `status`, or -1, reported. */
int process_reap(pid_t main_pid, int *status)
{
    int result = -1, main_ended = 0;
    siginfo_t ended;
    do {
        ended.si_pid = 0; /* and so it stays where no other has ended */
        result = waitid(P_ALL, 0, &ended, WEXITED | WNOHANG);
        if (result == 0 && ended.si_pid == main_pid) {
            log_call(result, "the child ended", "waitid(P_ALL)");
            *status = process_exit_status(&ended);
            main_ended = 1;
        }
    } while (result == 0 && ended.si_pid != 0);
    /* ECHILD says that no child is left, as it should be without the command. */
    if (result == -1 && !(errno == ECHILD && main_ended))
        return (int)log_call(result, "whatever child has ended",
                             "waitid(P_ALL, WEXITED|WNOHANG)");
    return main_ended;
}

int process_supervise(pid_t main_pid)
{
    sigset_t handled;
    process_handled_signals(&handled);
    for (;;) {
        siginfo_t received;
        if (sigwaitinfo(&handled, &received) == -1) {
            if (errno == EINTR) /* stopped and continued: ^Z, fg */
                continue;
            return (int)log_call(-1, "the next signal", "rt_sigtimedwait()");
        }
        if (received.si_signo != SIGCHLD) {
            process_forward(main_pid, &received);
            continue;
        }
        int status = -1;
        int ended = process_reap(main_pid, &status);
        if (ended != 0)
            return ended == -1 ? -1 : status;
    }
}

void process_run_init(char **command, const sigset_t *mask)
{
    log_before_call("init stays PID 1, the command is its child", "clone3(0)");
    struct clone_args arguments = {.exit_signal = SIGCHLD};
    pid_t main_pid = clone_process(&arguments);
    if (main_pid == 0)
        process_execute(command, mask);
    if (main_pid == -1) {
        log_call(main_pid, "the command", "clone3(0)");
        _exit(EXIT_OURS);
    }
    int status = process_supervise(main_pid);
    /* With PID 1 the kernel ends everything in its namespace. */
    _exit(status == -1 ? EXIT_OURS : status);
}
