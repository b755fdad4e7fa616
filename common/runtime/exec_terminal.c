#include "common/runtime/exec_terminal.h"

#include "common/base/log.h"
#include "common/kernel/process.h"
#include "common/runtime/relay.h"
#include "common/runtime/terminal.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

static struct terminal ours;
static struct relay relay;

int exec_terminal_prepare(void)
{
    return terminal_prepare(&ours);
}

void exec_terminal_close(void)
{
    terminal_restore(&ours);
}

/* Our terminal is the command's while we run, not while we are stopped. */
static void exec_terminal_forward(pid_t pid, const siginfo_t *received)
{
    int number = received->si_signo;
    bool stops = number == SIGTSTP || number == SIGTTIN || number == SIGTTOU;
    bool was_raw = ours.raw;
    if (stops)
        terminal_suspend(&ours);
    if (number != SIGWINCH)
        process_forward(pid, received);
    if (stops && was_raw)
        terminal_make_raw(&ours);
    if (stops || number == SIGWINCH)
        terminal_copy_size(relay.input.to_fd);
}

/* Takes one signal. Returns whether the command has ended, in `status` how. */
static int exec_terminal_take_signal(int signal_fd, pid_t pid, int *status)
{
    struct signalfd_siginfo taken;
    if (read(signal_fd, &taken, sizeof taken) != (ssize_t)sizeof taken)
        return 0;
    siginfo_t received = {.si_signo = (int)taken.ssi_signo,
                          .si_code = taken.ssi_code};
    if (received.si_signo == SIGCHLD)
        return process_reap(pid, status);
    exec_terminal_forward(pid, &received);
    return 0;
}

static int exec_terminal_wait(int signal_fd, pid_t pid)
{
    for (;;) {
        struct pollfd polls[1 + RELAY_POLLS];
        int status = -1;
        int timeout = relay_prepare(&relay, polls + 1);
        polls[0] = (struct pollfd){.fd = signal_fd, .events = POLLIN};
        int result = poll(polls, 1 + RELAY_POLLS, timeout);
        if (result == -1 && errno != EINTR)
            return (int)log_call(result, "whatever comes next", "poll()");
        if (result == -1)
            continue;
        if (polls[0].revents != 0) {
            result = exec_terminal_take_signal(signal_fd, pid, &status);
            if (result != 0)
                return result == -1 ? -1 : status;
        }
        relay_handle(&relay, polls + 1);
    }
}

int exec_terminal_follow(struct streams *streams, pid_t pid, bool interactive)
{
    sigset_t handled;
    process_handled_signals(&handled);
    int signal_fd = signalfd(-1, &handled, SFD_CLOEXEC | SFD_NONBLOCK);
    if (log_call(signal_fd, "signals come as something to be read",
                 "signalfd4(-1, SFD_CLOEXEC|SFD_NONBLOCK)") == -1)
        return -1;
    /* A reader that has gone is to be an error, not our end. */
    signal(SIGPIPE, SIG_IGN);
    relay_clear(&relay);
    relay_begin(&relay, streams, NULL, true, interactive);
    int status = -1;
    if (!interactive || terminal_make_raw(&ours) == 0)
        status = exec_terminal_wait(signal_fd, pid);
    relay_drain(&relay);
    terminal_restore(&ours);
    relay_flush(&relay);
    relay_end(&relay, status);
    close(signal_fd);
    return relay.reader_is_gone && status != -1 ? 128 + SIGPIPE : status;
}
