#include "common/runtime/terminal.h"

#include "common/base/log.h"
#include "common/kernel/clone.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

void terminal_copy_size(int fd)
{
    struct winsize size;
    for (int own = STDIN_FILENO; own <= STDERR_FILENO; own++)
        if (ioctl(own, TIOCGWINSZ, &size) == 0) {
            ioctl(fd, TIOCSWINSZ, &size);
            return;
        }
}

int terminal_await_turn(int signal_number)
{
    enum { TRIES = 100 };
    sigset_t stop;
    sigemptyset(&stop);
    sigaddset(&stop, signal_number);
    for (int i = 0; i < TRIES; i++) {
        pid_t foreground = tcgetpgrp(STDIN_FILENO);
        if (foreground == -1 || foreground == getpgrp())
            return 0;
        raise(signal_number);
        sigprocmask(SIG_UNBLOCK, &stop, NULL); /* returns after SIGCONT */
        sigprocmask(SIG_BLOCK, &stop, NULL);
    }
    /* Nobody is there who could stop us, or let us go on. */
    errno = EIO;
    return log_error("the terminal is not ours (EIO): this runs in the "
                     "background of a session whose shell has gone");
}

/* ---- The guard ---- */

/* As it was made, but for what others may have changed since. */
static bool terminal_is_still(const struct termios *raw)
{
    struct termios now;
    return tcgetattr(STDIN_FILENO, &now) == 0 && now.c_iflag == raw->c_iflag &&
           now.c_oflag == raw->c_oflag && now.c_lflag == raw->c_lflag;
}

/* In a session of its own, so that no ^C and no end of the terminal's session is for it.
 * A shell that has made the terminal its own again by now is left alone. */
static void __attribute__((noreturn))
terminal_guard(const struct termios *before, const struct termios *raw,
               int pipe_fd)
{
    char byte;
    setsid();
    if (read(pipe_fd, &byte, 1) == 0 && terminal_is_still(raw))
        tcsetattr(STDIN_FILENO, TCSANOW, before);
    _exit(0);
}

static int terminal_start_guard(struct terminal *terminal,
                                const struct termios *raw)
{
    int ends[2];
    int result = pipe2(ends, O_CLOEXEC);
    if (result == -1)
        return (int)log_call(result, "a pipe to the guard", "pipe2(O_CLOEXEC)");
    struct clone_args arguments = {.exit_signal = SIGCHLD};
    terminal->guard = clone_process(&arguments);
    if (terminal->guard == 0) {
        close(ends[1]);
        /* Of all that is open it needs two, and must not keep the others. */
        dup2(ends[0], STDOUT_FILENO);
        syscall(SYS_close_range, STDERR_FILENO, ~0U, 0U);
        terminal_guard(&terminal->before, raw, STDOUT_FILENO);
    }
    close(ends[0]);
    terminal->guard_fd = ends[1];
    if (log_call(terminal->guard, "who puts the terminal back if we are killed",
                 "clone3(0)") == -1) {
        close(ends[1]);
        terminal->guard = 0;
        return -1;
    }
    return 0;
}

/* One byte says that there is nothing to be done. */
static void terminal_dismiss_guard(struct terminal *terminal)
{
    if (terminal->guard == 0)
        return;
    if (write(terminal->guard_fd, "", 1) == -1)
        log_call(-1, "the guard is not needed", "write(%d)",
                 terminal->guard_fd);
    close(terminal->guard_fd);
    waitpid(terminal->guard, NULL, 0);
    terminal->guard = 0;
}

/* ---- Raw and back ---- */

int terminal_prepare(struct terminal *terminal)
{
    if (tcgetattr(STDIN_FILENO, &terminal->before) == -1)
        return 0; /* no terminal */
    struct termios raw = terminal->before;
    cfmakeraw(&raw);
    return terminal_start_guard(terminal, &raw);
}

int terminal_make_raw(struct terminal *terminal)
{
    if (tcgetattr(STDIN_FILENO, &terminal->before) == -1)
        return 0; /* no terminal */
    if (terminal_await_turn(SIGTTOU) == -1)
        return -1;
    struct termios raw = terminal->before;
    cfmakeraw(&raw);
    if (terminal->guard == 0 && terminal_start_guard(terminal, &raw) == -1)
        return -1;
    int result = tcsetattr(STDIN_FILENO, TCSADRAIN, &raw);
    log_set_raw(result == 0);
    if (log_call(result, "what is typed goes through as it is",
                 "ioctl(0, TCSETSW)") == -1) {
        terminal_dismiss_guard(terminal);
        return -1;
    }
    terminal->raw = true;
    return 0;
}

void terminal_suspend(struct terminal *terminal)
{
    if (!terminal->raw)
        return;
    int result = tcsetattr(STDIN_FILENO, TCSADRAIN, &terminal->before);
    log_set_raw(false);
    log_call(result, "the terminal as it was", "ioctl(0, TCSETSW)");
    terminal->raw = false;
}

void terminal_restore(struct terminal *terminal)
{
    terminal_suspend(terminal);
    terminal_dismiss_guard(terminal);
}
