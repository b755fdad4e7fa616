/*
 * step 02: how does a process become PID 1, and what does PID 1 owe?
 *
 *     make step-02 && sudo ./step-02 /bin/sh -c 'echo I am $$'
 *     sudo ./step-02 --init /bin/sh     # an init at PID 1, the shell is PID 2
 *
 * New system calls:
 *     clone3(2)        CLONE_NEWPID: the child is PID 1 of a new PID namespace
 *     sigwaitinfo(2)   takes the next blocked signal, one after the other
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

/* The signals that are meant for the command. Those that stop and continue
 * (SIGTSTP, SIGCONT, …) are left alone, so that ^Z stops us like any job. */
static void process_handled_signals(sigset_t *handled)
{
    static const int forwarded[] = {SIGHUP,  SIGINT,  SIGQUIT, SIGTERM,
                                    SIGUSR1, SIGUSR2, SIGALRM, SIGWINCH};
    sigemptyset(handled);
    sigaddset(handled, SIGCHLD);
    for (size_t i = 0; i < sizeof forwarded / sizeof forwarded[0]; i++)
        sigaddset(handled, forwarded[i]);
}

static int process_block_signals(sigset_t *previous)
{
    /* Where SIGCHLD is ignored, as some parent may have left it, children
     * vanish without a status and waitid(2) has nothing to wait for. */
    signal(SIGCHLD, SIG_DFL);

    sigset_t blocked;
    process_handled_signals(&blocked);
    /* Not handled, only kept from killing us: a log whose reader has gone. */
    sigaddset(&blocked, SIGPIPE);
    int result = sigprocmask(SIG_BLOCK, &blocked, previous);
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

static void process_forward(pid_t main_pid, const siginfo_t *received)
{
    /* ^C comes from the kernel and went to the whole foreground group, so the
     * command, which is in it too, has its own already. */
    if (received->si_code == SI_KERNEL)
        return;
    //> forward
    /* The pid can not have become a stranger's: until we reap it, below, a
     * dead child keeps its number. */
    kill(main_pid, received->si_signo);
    //< forward
}

/* Reaps all that have ended: SIGCHLD does not queue, one may stand for many.
 * Returns whether `main_pid` was among them, then with its exit status in
 * `status`, or -1, reported. */
static int process_reap(pid_t main_pid, int *status)
{
    int main_ended = 0;
    for (;;) {
        siginfo_t ended = {.si_pid = 0};
        int result = waitid(P_ALL, 0, &ended, WEXITED | WNOHANG);
        if (result == -1 && errno == ECHILD && main_ended)
            return main_ended;
        if (result == -1)
            return (int)log_call(result, "whatever child has ended",
                                 "waitid(P_ALL, WEXITED|WNOHANG)");
        if (ended.si_pid == 0)
            return main_ended;
        if (ended.si_pid == main_pid) {
            log_call(result, "the command ended", "waitid(P_ALL)");
            *status = process_exit_status(&ended);
            main_ended = 1;
        }
    }
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
        .flags = CLONE_NEWUTS | CLONE_NEWPID,
        .exit_signal = SIGCHLD,
    };
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
