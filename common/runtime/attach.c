/* attach: in front of a container that runs, as if it had been started here. */
#include "common/base/files.h"
#include "common/base/log.h"
#include "common/base/program.h"
#include "common/kernel/process.h"
#include "common/runtime/ending.h"
#include "common/runtime/relay.h"
#include "common/runtime/subcommands.h"
#include "common/runtime/terminal.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

/* ^P ^Q, typed at a terminal, is "let me go". */
enum { KEY_FIRST = 'P' & 0x1f, KEY_SECOND = 'Q' & 0x1f };

struct attach {
    struct record record;
    struct terminal terminal;
    int socket_fd, signal_fd;
    int input_fd;   /* -1: at its end, or not asked for */
    bool first_key; /* the first of the two was typed, and is held back */
    bool reader_is_gone;
    sigset_t mask;
    int status; /* to exit with; -1: not yet */
};

/* That the monitor is gone is seen where we read from it. */
static void attach_send(struct attach *attach, char kind, const char *data,
                        size_t size)
{
    struct iovec parts[2] = {{.iov_base = &kind, .iov_len = 1},
                             {.iov_base = (char *)data, .iov_len = size}};
    struct msghdr message = {.msg_iov = parts, .msg_iovlen = 2};
    if (sendmsg(attach->socket_fd, &message, MSG_NOSIGNAL) == -1)
        attach->input_fd = -1;
}

static void attach_send_size(struct attach *attach)
{
    struct winsize size;
    if (attach->record.terminal && ioctl(STDIN_FILENO, TIOCGWINSZ, &size) == 0)
        attach_send(attach, 'w', (const char *)&size, sizeof size);
}

/* ---- Input ---- */

/* Takes ^P ^Q out of what was typed; a ^P is held back until the next key says what was
 * meant. Returns how much is left, or -1: let go. */
static ssize_t attach_filter(struct attach *attach, const char *typed,
                             size_t size, char *passed)
{
    size_t kept = 0;
    for (size_t i = 0; i < size; i++) {
        if (attach->first_key && typed[i] == KEY_SECOND)
            return -1;
        if (attach->first_key)
            passed[kept++] = KEY_FIRST;
        attach->first_key = typed[i] == KEY_FIRST;
        if (!attach->first_key)
            passed[kept++] = typed[i];
    }
    return (ssize_t)kept;
}

static void attach_read_input(struct attach *attach)
{
    char typed[RELAY_BYTES / 2], passed[RELAY_BYTES];
    ssize_t got = read(attach->input_fd, typed, sizeof typed);
    if (got == -1 && errno == EIO && terminal_await_turn(SIGTTIN) == 0)
        return;
    if (got == -1 && errno == EINTR)
        return;
    if (got <= 0) {
        attach->input_fd = -1;
        attach_send(attach, 'e', NULL, 0);
        return;
    }
    ssize_t left = got;
    if (attach->terminal.raw)
        left = attach_filter(attach, typed, (size_t)got, passed);
    else
        memcpy(passed, typed, (size_t)got);
    if (left == -1) {
        terminal_restore(&attach->terminal);
        log_note("no longer attached to %s, which runs on",
                 attach->record.name);
        attach->status = 0;
    }
    if (left > 0)
        attach_send(attach, 'i', passed, (size_t)left);
}

/* ---- Output ---- */

static void attach_write(struct attach *attach, int fd, const char *data,
                         size_t size)
{
    if (files_write_all(fd, data, size) != 0)
        attach->reader_is_gone |= errno == EPIPE && fd == STDOUT_FILENO;
}

static void attach_read_message(struct attach *attach)
{
    char message[RELAY_MESSAGE_BYTES];
    ssize_t got = recv(attach->socket_fd, message, sizeof message, 0);
    if (got == -1 && errno == EINTR)
        return;
    if (got <= 0) {
        terminal_restore(&attach->terminal);
        log_error("%s: its monitor has let us go, or is gone",
                  attach->record.name);
        log_advice("what was too slow to be shown here is in its log: logs %s",
                   attach->record.name);
        attach->status = EXIT_OURS;
        return;
    }
    if (message[0] == 'x' && got == 2)
        attach->status = (unsigned char)message[1];
    else
        attach_write(attach, message[0] == 'r' ? STDERR_FILENO : STDOUT_FILENO,
                     message + 1, (size_t)got - 1);
    if (attach->reader_is_gone)
        attach->status = 128 + SIGPIPE;
}

/* ---- Signals ---- */

/* Ours stops us, not the container. The others are the container's. */
static void attach_take_signal(struct attach *attach)
{
    struct signalfd_siginfo taken;
    if (read(attach->signal_fd, &taken, sizeof taken) != (ssize_t)sizeof taken)
        return;
    int number = (int)taken.ssi_signo;
    bool was_raw = attach->terminal.raw;
    sigset_t stop;
    switch (number) {
    case SIGCHLD:
        return;
    case SIGWINCH:
        attach_send_size(attach);
        return;
    case SIGTSTP:
    case SIGTTIN:
    case SIGTTOU:
        terminal_restore(&attach->terminal);
        sigemptyset(&stop);
        sigaddset(&stop, number);
        raise(number);
        sigprocmask(SIG_UNBLOCK, &stop, NULL); /* returns after SIGCONT */
        sigprocmask(SIG_BLOCK, &stop, NULL);
        if (was_raw)
            terminal_make_raw(&attach->terminal);
        attach_send_size(attach);
        return;
    case SIGHUP: /* our terminal has gone, not the container's */
        attach->status = 128 + SIGHUP;
        return;
    default:
        ending_signal(&attach->record, number);
    }
}

/* ---- All of it ---- */

static int attach_connect(struct attach *attach)
{
    struct sockaddr_un address;
    int directory_fd =
        open(attach->record.directory, O_PATH | O_DIRECTORY | O_CLOEXEC);
    attach->socket_fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    if (directory_fd == -1 || attach->socket_fd == -1)
        return (int)log_call(-1, "to its monitor",
                             "socket(AF_UNIX, SOCK_SEQPACKET|SOCK_CLOEXEC)");
    relay_address(directory_fd, &address);
    int result =
        connect(attach->socket_fd, (struct sockaddr *)&address, sizeof address);
    log_call(result, "to its monitor", "connect(%d, \"%s/attach\")",
             attach->socket_fd, attach->record.directory);
    close(directory_fd);
    return result;
}

static int attach_open(struct attach *attach)
{
    sigset_t handled;
    if (attach->record.status != RECORD_RUNNING) {
        log_error("%s does not run", attach->record.id);
        return -1;
    }
    if (attach_connect(attach) == -1 ||
        process_block_signals(&attach->mask) == -1)
        return -1;
    process_handled_signals(&handled);
    attach->signal_fd = signalfd(-1, &handled, SFD_CLOEXEC | SFD_NONBLOCK);
    if (log_call(attach->signal_fd, "signals come as something to be read",
                 "signalfd4(-1, SFD_CLOEXEC|SFD_NONBLOCK)") == -1)
        return -1;
    signal(SIGPIPE, SIG_IGN);
    if (attach->record.terminal && attach->input_fd != -1 &&
        terminal_make_raw(&attach->terminal) == -1)
        return -1;
    attach_send_size(attach);
    return 0;
}

static int attach_follow(struct attach *attach)
{
    bool full = false; /* the container reads more slowly than we do */
    while (attach->status == -1) {
        struct pollfd polls[3] = {
            {.fd = attach->signal_fd, .events = POLLIN},
            {.fd = attach->socket_fd, .events = POLLIN},
            {.fd = full ? -1 : attach->input_fd, .events = POLLIN},
        };
        if (full)
            polls[1].events |= POLLOUT;
        if (poll(polls, 3, -1) == -1 && errno != EINTR)
            return (int)log_call(-1, "whatever comes next", "poll()");
        if (polls[0].revents != 0)
            attach_take_signal(attach);
        if ((polls[1].revents & ~POLLOUT) != 0)
            attach_read_message(attach);
        struct pollfd room = {.fd = attach->socket_fd, .events = POLLOUT};
        full = polls[2].revents != 0 && poll(&room, 1, 0) != 1;
        if (polls[2].revents != 0 && !full && attach->status == -1)
            attach_read_input(attach);
    }
    return 0;
}

int subcommand_attach(const struct store *store, char **argv)
{
    static struct attach attach;
    bool no_input = false;
    attach.status = -1;
    const struct program_option options[] = {
        {"--no-stdin", NULL, NULL, &no_input,
         "look on: what is typed here "
         "stays here"},
        {0},
    };
    const struct program program = {
        .name = argv[0],
        .summary =
            "Shows what a container prints from now on, and lets it read "
            "what is typed. ^P ^Q leaves.",
        .usage = "[OPTION...] NAME",
        .example = "attach web",
        .options = options,
    };
    char **words = subcommands_read(&program, argv, 1, 1);
    attach.input_fd = no_input ? -1 : STDIN_FILENO;
    if (store_look_up(store, words[0], &attach.record) == -1 ||
        attach_open(&attach) == -1) {
        record_free(&attach.record);
        return EXIT_NOT_DONE;
    }
    int result = attach_follow(&attach);
    terminal_restore(&attach.terminal);
    record_free(&attach.record);
    return result == -1 ? EXIT_OURS : attach.status;
}
