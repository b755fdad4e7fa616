#include "common/runtime/relay.h"

#include "common/base/clock.h"
#include "common/base/files.h"
#include "common/base/log.h"
#include "common/runtime/terminal.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* So long a client may take nothing before it is let go. */
enum { PATIENCE_MS = 2000 };

/* ---- Beginning ---- */

void relay_clear(struct relay *relay)
{
    relay->own_input_fd = relay->listen_fd = relay->input.to_fd = -1;
    for (int i = 0; i < 2; i++)
        relay->outputs[i].from_fd = relay->outputs[i].to_fd = -1;
    relay->outputs[0].data = relay->data[0];
    relay->outputs[1].data = relay->data[1];
    relay->input.data = relay->data[2];
    for (int i = 0; i < RELAY_CLIENTS; i++)
        relay->clients[i] = -1;
}

void relay_begin(struct relay *relay, struct streams *streams,
                 struct log_file *log, bool attached, bool interactive)
{
    static const int own[2] = {STDOUT_FILENO, STDERR_FILENO};
    relay->log = log;
    for (int i = 0; i < 2; i++) {
        struct relay_output *output = &relay->outputs[i];
        output->from_fd = streams->output_fds[i];
        streams->output_fds[i] = -1;
        output->to_fd = attached ? own[i] : -1;
        output->stream = i == 0 ? LOGS_STDOUT : LOGS_STDERR;
    }
    relay->input.to_fd = streams->input_fd;
    relay->input.is_terminal = streams->terminal;
    streams->input_fd = -1;
    relay->own_input_fd = attached && interactive ? STDIN_FILENO : -1;
}

void relay_address(int directory_fd, struct sockaddr_un *address)
{
    memset(address, 0, sizeof *address);
    address->sun_family = AF_UNIX;
    snprintf(address->sun_path, sizeof address->sun_path,
             "/proc/self/fd/%d/attach", directory_fd);
}

int relay_listen(struct relay *relay, const char *directory)
{
    enum { TYPE = SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK };
    struct sockaddr_un address;
    int directory_fd = open(directory, O_PATH | O_DIRECTORY | O_CLOEXEC);
    int fd = socket(AF_UNIX, TYPE, 0), result = -1;
    relay_address(directory_fd, &address);
    if (fd != -1 &&
        (result = bind(fd, (struct sockaddr *)&address, sizeof address)) == 0)
        result = listen(fd, RELAY_CLIENTS);
    log_call(result, "here one can attach", "bind(%d, \"%s\")", fd,
             address.sun_path);
    if (result == -1)
        files_close(&fd);
    files_close(&directory_fd);
    relay->listen_fd = fd;
    return result;
}

/* ---- Clients ---- */

static void relay_let_go(struct relay *relay, int client)
{
    files_close(&relay->clients[client]);
    for (int i = 0; i < 2; i++)
        relay->outputs[i].owed &= ~(1U << client);
}

/* A message to a client. Returns whether it has been taken, or the client is gone. */
static bool relay_send(struct relay *relay, int client, char kind,
                       const char *data, size_t size)
{
    struct iovec parts[2] = {{.iov_base = &kind, .iov_len = 1},
                             {.iov_base = (char *)data, .iov_len = size}};
    struct msghdr message = {.msg_iov = parts, .msg_iovlen = 2};
    ssize_t sent =
        sendmsg(relay->clients[client], &message, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent == -1 && (errno == EAGAIN || errno == ENOBUFS))
        return false;
    if (sent == -1)
        relay_let_go(relay, client);
    return true;
}

/* The piece goes to those who have not taken it yet. */
static void relay_pay(struct relay *relay, struct relay_output *output)
{
    for (int client = 0; client < RELAY_CLIENTS; client++)
        if ((output->owed & (1U << client)) != 0 &&
            relay_send(relay, client, output->stream == LOGS_STDOUT ? 'o' : 'r',
                       output->data, output->size))
            output->owed &= ~(1U << client);
}

static bool relay_owes(const struct relay *relay)
{
    return (relay->outputs[0].owed | relay->outputs[1].owed) != 0;
}

static void relay_let_the_owed_go(struct relay *relay)
{
    unsigned slow = relay->outputs[0].owed | relay->outputs[1].owed;
    for (int client = 0; client < RELAY_CLIENTS; client++)
        if ((slow & (1U << client)) != 0)
            relay_let_go(relay, client);
}

static void relay_let_the_slow_go(struct relay *relay)
{
    if (relay_owes(relay) &&
        clock_now_ms() - relay->owed_since_ms >= PATIENCE_MS)
        relay_let_the_owed_go(relay);
}

static void relay_accept(struct relay *relay)
{
    int fd = accept4(relay->listen_fd, NULL, NULL, SOCK_CLOEXEC);
    for (int client = 0; fd != -1 && client < RELAY_CLIENTS; client++)
        if (relay->clients[client] == -1) {
            relay->clients[client] = fd;
            return;
        }
    files_close(&fd); /* more have attached than there is room for */
}

/* ---- To the container ---- */

static void relay_end_input(struct relay *relay)
{
    /* A terminal has no end: its other side is what we read from as well. */
    if (relay->input.is_terminal)
        return;
    files_close(&relay->input.to_fd);
    relay->own_input_fd = -1;
}

static void relay_write_input(struct relay *relay)
{
    struct relay_input *input = &relay->input;
    if (input->to_fd != -1 && input->sent < input->size) {
        ssize_t written = write(input->to_fd, input->data + input->sent,
                                input->size - input->sent);
        if (written == -1 && (errno == EAGAIN || errno == EINTR))
            return;
        if (written == -1) /* nobody reads it any more (EPIPE) */
            relay_end_input(relay);
        else
            input->sent += (size_t)written;
    }
    if (input->to_fd != -1 && input->sent < input->size)
        return;
    input->size = input->sent = 0;
    if (input->ends)
        relay_end_input(relay);
    input->ends = false;
}

static void relay_read_own_input(struct relay *relay)
{
    struct relay_input *input = &relay->input;
    ssize_t got = read(relay->own_input_fd, input->data, RELAY_BYTES);
    if (got == -1 && (errno == EINTR || errno == EAGAIN))
        return;
    if (got == -1 && errno == EIO && tcgetpgrp(relay->own_input_fd) != -1 &&
        tcgetpgrp(relay->own_input_fd) != getpgrp()) {
        if (terminal_await_turn(SIGTTIN) == 0)
            return;
    }
    if (got <= 0)
        relay->own_input_fd = -1;
    input->size = got > 0 ? (size_t)got : 0;
    input->ends = got <= 0;
    relay_write_input(relay);
}

static void relay_read_client(struct relay *relay, int client)
{
    char message[RELAY_MESSAGE_BYTES];
    struct relay_input *input = &relay->input;
    ssize_t got =
        recv(relay->clients[client], message, sizeof message, MSG_DONTWAIT);
    if (got == -1 && (errno == EAGAIN || errno == EINTR))
        return;
    if (got <= 0) {
        relay_let_go(relay, client);
        return;
    }
    size_t size = (size_t)got - 1;
    switch (message[0]) {
    case 'i':
        memcpy(input->data, message + 1, size);
        input->size = size;
        relay_write_input(relay);
        break;
    case 'e':
        relay_end_input(relay);
        break;
    case 'w':
        if (input->is_terminal && size == sizeof(struct winsize))
            ioctl(input->to_fd, TIOCSWINSZ, message + 1);
        break;
    default:
        relay_let_go(relay, client);
    }
}

/* ---- From the container ---- */

static bool relay_is_taken(const struct relay_output *output)
{
    return output->owed == 0 &&
           (output->to_fd == -1 || output->sent == output->size);
}

/* Reads a piece and writes it to the log. Returns whether there was one. */
static bool relay_read_piece(struct relay *relay, struct relay_output *output)
{
    ssize_t got = read(output->from_fd, output->data, RELAY_BYTES);
    if (got == -1 && (errno == EAGAIN || errno == EINTR))
        return false;
    if (got <= 0) { /* its end; of a terminal that is EIO */
        if (relay->input.to_fd == output->from_fd)
            relay->input.to_fd = -1;
        files_close(&output->from_fd);
        return false;
    }
    output->size = (size_t)got;
    output->sent = 0;
    if (relay->log != NULL)
        logs_write(relay->log, output->stream, output->data, output->size);
    for (int client = 0; client < RELAY_CLIENTS; client++)
        if (relay->clients[client] != -1)
            output->owed |= 1U << client;
    return true;
}

/* Whoever reads what we print has gone: the container need not know. */
static void relay_lose_reader(struct relay *relay, struct relay_output *output)
{
    relay->reader_is_gone |= output->stream == LOGS_STDOUT;
    output->to_fd = -1;
}

static void relay_write_own(struct relay *relay, struct relay_output *output)
{
    ssize_t written = write(output->to_fd, output->data + output->sent,
                            output->size - output->sent);
    if (written != -1)
        output->sent += (size_t)written;
    else if (errno != EAGAIN && errno != EINTR)
        relay_lose_reader(relay, output);
}

/* ---- The turn ---- */

int relay_prepare(const struct relay *relay, struct pollfd polls[RELAY_POLLS])
{
    bool room = relay->input.size == 0;
    for (int i = 0; i < RELAY_POLLS; i++)
        polls[i] = (struct pollfd){.fd = -1, .events = POLLIN};
    for (int i = 0; i < 2; i++) {
        const struct relay_output *output = &relay->outputs[i];
        if (relay_is_taken(output))
            polls[RELAY_POLL_OUTPUTS + i].fd = output->from_fd;
        if (output->sent < output->size)
            polls[RELAY_POLL_OWN_OUTPUTS + i] =
                (struct pollfd){.fd = output->to_fd, .events = POLLOUT};
    }
    if (room)
        polls[RELAY_POLL_OWN_INPUT].fd = relay->own_input_fd;
    else
        polls[RELAY_POLL_INPUT] =
            (struct pollfd){.fd = relay->input.to_fd, .events = POLLOUT};
    polls[RELAY_POLL_LISTEN].fd = relay->listen_fd;
    for (int client = 0; client < RELAY_CLIENTS; client++) {
        struct pollfd *poll_client = &polls[RELAY_POLL_CLIENTS + client];
        poll_client->fd = relay->clients[client];
        poll_client->events = room ? POLLIN : 0;
        for (int i = 0; i < 2; i++)
            if ((relay->outputs[i].owed & (1U << client)) != 0)
                poll_client->events |= POLLOUT;
    }
    return relay_owes(relay) ? PATIENCE_MS : -1;
}

static void relay_handle_outputs(struct relay *relay,
                                 const struct pollfd polls[RELAY_POLLS])
{
    bool owed = relay_owes(relay);
    for (int i = 0; i < 2; i++) {
        struct relay_output *output = &relay->outputs[i];
        if (polls[RELAY_POLL_OUTPUTS + i].revents != 0)
            relay_read_piece(relay, output);
        if (polls[RELAY_POLL_OWN_OUTPUTS + i].revents != 0)
            relay_write_own(relay, output);
        relay_pay(relay, output);
    }
    if (!owed && relay_owes(relay))
        relay->owed_since_ms = clock_now_ms();
    relay_let_the_slow_go(relay);
}

void relay_handle(struct relay *relay, const struct pollfd polls[RELAY_POLLS])
{
    relay_handle_outputs(relay, polls);
    if (polls[RELAY_POLL_INPUT].revents != 0)
        relay_write_input(relay);
    if (polls[RELAY_POLL_OWN_INPUT].revents != 0)
        relay_read_own_input(relay);
    for (int client = 0; client < RELAY_CLIENTS; client++) {
        short events = polls[RELAY_POLL_CLIENTS + client].revents;
        if (relay->clients[client] == -1 || events == 0)
            continue;
        if ((events & POLLIN) != 0 && relay->input.size == 0)
            relay_read_client(relay, client);
        else if ((events & (POLLHUP | POLLERR)) != 0)
            relay_let_go(relay, client);
    }
    if (polls[RELAY_POLL_LISTEN].revents != 0)
        relay_accept(relay);
}

/* ---- The end ---- */

/* Whoever slows us down now gets it later, or not at all. */
static void relay_put_by(struct relay_output *output)
{
    size_t left = output->size - output->sent;
    char *late = output->to_fd == -1 || left == 0
                     ? NULL
                     : realloc(output->late, output->late_size + left);
    if (late == NULL)
        return;
    memcpy(late + output->late_size, output->data + output->sent, left);
    output->late = late;
    output->late_size += left;
    output->sent = output->size;
}

/* Nobody is waited for any more. */
static void relay_settle(struct relay *relay, struct relay_output *output)
{
    relay_pay(relay, output);
    relay_put_by(output);
    relay_let_the_owed_go(relay);
}

void relay_drain(struct relay *relay)
{
    for (int i = 0; i < 2; i++) {
        struct relay_output *output = &relay->outputs[i];
        struct pollfd there = {.fd = output->from_fd, .events = POLLIN};
        do {
            relay_settle(relay, output);
        } while (output->from_fd != -1 && poll(&there, 1, 0) == 1 &&
                 relay_read_piece(relay, output));
        relay_settle(relay, output);
    }
}

void relay_end(struct relay *relay, int exit_status)
{
    char status = (char)exit_status;
    for (int client = 0; client < RELAY_CLIENTS; client++) {
        if (relay->clients[client] != -1)
            relay_send(relay, client, 'x', &status, 1);
        files_close(&relay->clients[client]);
    }
    if (!relay->input.is_terminal)
        files_close(&relay->input.to_fd);
    for (int i = 0; i < 2; i++)
        files_close(&relay->outputs[i].from_fd);
    files_close(&relay->listen_fd);
}

void relay_flush(struct relay *relay)
{
    for (int i = 0; i < 2; i++) {
        struct relay_output *output = &relay->outputs[i];
        size_t sent = 0;
        while (sent < output->late_size && output->to_fd != -1) {
            ssize_t written = write(output->to_fd, output->late + sent,
                                    output->late_size - sent);
            if (written != -1)
                sent += (size_t)written;
            else if (errno != EINTR)
                relay_lose_reader(relay, output);
        }
        free(output->late);
        output->late = NULL;
    }
}
