/*
 * process: a child that lives and dies as it should, and what PID 1 owes.
 *
 * taught in: step 02, lessons/02-pid.md
 */
#ifndef NSCTL_KERNEL_PROCESS_H
#define NSCTL_KERNEL_PROCESS_H

#include <signal.h>
#include <sys/types.h>

/* Before the child is made: blocks SIGCHLD and the signals to be forwarded, so
 * that none is lost until process_supervise() takes them. `previous` gets the
 * mask that the command is to have. Returns 0, or -1, reported. */
int process_block_signals(sigset_t *previous);

/* Before that, by what is going to live on without whoever started it: no signal is blocked or
 * ignored any more. A shell has ^C ignored by what it starts with &, nohup(1) has SIGHUP: execve(2)
 * hands that on, and a container would be deaf to it for as long as it lives. */
void process_forget_signals(void);

/* Whether we were told to end since process_block_signals(), while there was no
 * child yet that could be told: the signal's number (HUP, INT, QUIT or TERM),
 * noted in the log, or 0. sigpending(2). */
int process_interrupted(void);

/*
 * Waits until the child `main_pid` ends. Signals that arrive meanwhile are
 * forwarded to it, it is stopped while we are, and every other child that ends
 * is reaped, which makes it good for a parent and for PID 1 alike. Returns the
 * exit status to hand on (128+n for signal n), or -1 with errno, reported.
 * sigwaitinfo(2), waitid(2).
 */
int process_supervise(pid_t main_pid);

/* Of which process_supervise() is made, for those who wait for more than signals:
 * which they are; to pass one on to `main_pid` (stops us where it says so); and to
 * reap whoever has ended: whether `main_pid` was among them, its exit status then in `status`,
 * or -1, reported. */
void process_handled_signals(sigset_t *handled);
void process_forward(pid_t main_pid, const siginfo_t *received);
int process_reap(pid_t main_pid, int *status);

/* Restores the signal mask and becomes the command (base/command.h). */
void process_execute(char **command, const sigset_t *mask)
    __attribute__((noreturn));

/* In PID 1: starts the command as a child, supervises it, and exits with its
 * status, whereupon the kernel kills all that is left in the namespace.
 * pid_namespaces(7). */
void process_run_init(char **command, const sigset_t *mask)
    __attribute__((noreturn));

#endif
