/*
 * terminal: the terminal of whoever sits in front of it, lent to a container.
 *
 * A terminal cooks: it echoes, waits for whole lines, and takes ^C for a signal. All
 * that is the business of the container's own terminal now, so this one is made raw:
 * what is typed goes through as it is. It must not stay so. If we are killed, a guard
 * that sleeps meanwhile puts it back.
 *
 * taught in: step 09, lessons/09-lifecycle.md
 */
#ifndef NSCTL_RUNTIME_TERMINAL_H
#define NSCTL_RUNTIME_TERMINAL_H

#include <stdbool.h>
#include <sys/types.h>
#include <termios.h>

/* All zero: nothing was changed. */
struct terminal {
    bool raw;
    struct termios before;
    pid_t guard;  /* 0: none */
    int guard_fd; /* it sleeps as long as this end of a pipe is open */
};

/* Stops us, as a job in the background that reaches for the terminal is stopped, until
 * standard input is ours. `signal_number`, SIGTTIN or SIGTTOU, is blocked. Returns 0, or
 * -1 with EIO, reported, where nobody can let us go on. */
int terminal_await_turn(int signal_number);

/* Starts the guard, if standard input is a terminal: for whoever is to be elsewhere by the
 * time that it is made raw, where no process of ours should be. Returns 0, or -1 with
 * errno, reported. */
int terminal_prepare(struct terminal *terminal);

/* Makes standard input raw if it is a terminal. Returns 0, or -1 with errno, reported.
 * termios(3). */
int terminal_make_raw(struct terminal *terminal);

/* Puts it back as it was. */
void terminal_restore(struct terminal *terminal);

/* The same for a while: the guard stays. */
void terminal_suspend(struct terminal *terminal);

/* Makes the terminal `fd` as large as that of standard input, output or error, whichever
 * is one. ioctl_tty(2). */
void terminal_copy_size(int fd);

#endif
