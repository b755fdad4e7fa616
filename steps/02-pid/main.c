/*
 * step 02: how does a process become PID 1, and what does PID 1 owe?
 *
 *     make step-02 && sudo ./step-02 /bin/sh -c 'echo I am $$'
 *     sudo ./step-02 --init /bin/sh     # an init at PID 1, the shell is PID 2
 *
 * New system calls:
 *     clone3(2)        CLONE_NEWPID: the child is PID 1 of a new PID namespace
 *     sigprocmask(2)   blocks signals: they wait until they are taken
 *     sigwaitinfo(2)   takes the next one that waits
 *     kill(2)          hands it on to the command
 *     waitid(2)        reaps any child, one by one
 *
 * Known already, from step 01: kernel/uts, kernel/clone, kernel/sync.
 *
 * Look at: ps -o pid,args on the host, and echo $$ inside. lessons/02-pid.md
 */
#include "common/base/command.h"
#include "common/base/log.h"
#include "common/base/program.h"
#include "common/kernel/clone.h"
#include "common/kernel/sync.h"
#include "common/kernel/uts.h"

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/wait.h>
#include <unistd.h>

struct container {
    const char *hostname;
    bool init;
    char **command;
};

/* ---- Before there is a child ---- */

/* The signals that are meant for the command, those with which a terminal stops
 * a job, and that of a child's end. */
static void process_handled_signals(sigset_t *handled)
{
    static const int numbers[] = {SIGHUP,  SIGINT,  SIGQUIT, SIGTERM,
                                  SIGUSR1, SIGUSR2, SIGALRM, SIGWINCH,
                                  SIGTSTP, SIGTTIN, SIGTTOU, SIGCHLD};
    sigemptyset(handled);
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++)
        sigaddset(handled, numbers[i]);
}

static int process_block_signals(sigset_t *previous)
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

/* ---- The child, which is PID 1 ---- */

static void __attribute__((noreturn))
process_execute(char **command, const sigset_t *mask)
{
    if (sigprocmask(SIG_SETMASK, mask, NULL) == -1) {
        log_call(-1, "the command's signals", "rt_sigprocmask(SIG_SETMASK)");
        _exit(EXIT_OURS);
    }
    command_execute(command);
}

static int process_exit_status(const siginfo_t *ended)
{
    //> status
    if (ended->si_code != CLD_EXITED) /* killed, or dumped core */
        return 128 + ended->si_status;
    //< status
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
    //> stop
    sigset_t stop;
    sigemptyset(&stop);
    sigaddset(&stop, signal_number);
    kill(main_pid, SIGSTOP);
    raise(signal_number);
    sigprocmask(SIG_UNBLOCK, &stop, NULL); /* returns after SIGCONT */
    sigprocmask(SIG_BLOCK, &stop, NULL);
    kill(main_pid, SIGCONT);
    //< stop
}

static void process_forward(pid_t main_pid, const siginfo_t *received)
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
    //> forward
    /* The pid can not have become a stranger's: until we reap it, below, a
     * dead child keeps its number. */
    kill(main_pid, number);
    //< forward
}

/* Reaps all that have ended: SIGCHLD does not queue, one may stand for many.
 * Returns whether `main_pid` was among them, then with its exit status in
 * `status`, or -1, reported. */
static int process_reap(pid_t main_pid, int *status)
{
    int result = -1, main_ended = 0;
    //> reap
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
    //< reap
    /* ECHILD says that no child is left, as it should be without the command. */
    if (result == -1 && !(errno == ECHILD && main_ended))
        return (int)log_call(result, "whatever child has ended",
                             "waitid(P_ALL, WEXITED|WNOHANG)");
    return main_ended;
}

static int process_supervise(pid_t main_pid)
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

/* What PID 1 owes: reap the orphans that the kernel gives it as children, or
 * they stay zombies; and take signals for a command that, as PID 1 itself,
 * would be deaf to those that it does not handle. */
static void __attribute__((noreturn))
process_run_init(char **command, const sigset_t *mask)
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

static void __attribute__((noreturn))
child_run(const struct container *container, struct sync *sync,
          const sigset_t *mask)
{
    if (sync_wait_for_parent(sync) == -1 ||
        uts_set_hostname(container->hostname) == -1 ||
        command_close_descriptors() == -1)
        _exit(EXIT_OURS);
    if (container->init)
        process_run_init(container->command, mask);
    process_execute(container->command, mask);
}

/* ---- The parent ---- */

static int parent_run(const struct container *container)
{
    struct sync sync = {.read_fd = -1, .write_fd = -1};
    sigset_t mask;
    if (sync_open(&sync) == -1 || process_block_signals(&mask) == -1)
        return EXIT_OURS;

    struct clone_args arguments = {
        .flags = CLONE_NEWUTS,
        .exit_signal = SIGCHLD,
    };
    //> namespace
    arguments.flags |= CLONE_NEWPID;
    //< namespace
    pid_t container_pid = clone_process(&arguments);
    if (container_pid == 0)
        child_run(container, &sync, &mask);
    if (log_call(container_pid, "a child that is PID 1 of its own namespace",
                 "clone3(CLONE_NEWUTS|CLONE_NEWPID)") == -1 ||
        sync_release_child(&sync) == -1)
        return EXIT_OURS;

    int status = process_supervise(container_pid);
    return status == -1 ? EXIT_OURS : status;
}

int main(int argc, char **argv)
{
    (void)argc;
    struct container container = {.hostname = "container"};
    const struct program_option options[] = {
        {"--hostname", "NAME", uts_parse_hostname, &container.hostname,
         "hostname inside (default: container)"},
        {"--init", NULL, NULL, &container.init,
         "an init of ours as PID 1: reaps orphans, passes signals on"},
        {0},
    };
    const struct program program = {
        .name = "step-02",
        .summary = "Runs a command as PID 1 of a PID namespace of its own.",
        .example = "sudo ./step-02 --init /bin/sh",
        .options = options,
    };
    container.command = program_read_options(&program, argv);
    program_require_root(&program);
    return parent_run(&container);
}
