/*
 * relay: what a container prints goes to its log, to whoever started it and to whoever
 * has attached to it; what these say goes to the container.
 *
 * Everything is passed on in pieces of a page at most, and a piece has been taken by all
 * before the next one is read: who reads slowly slows the container down, as at the
 * end of any pipe, and is never ahead of the log. Who has attached and takes nothing for a
 * while is let go. Nothing here ever waits but in monitor.c's poll(2).
 *
 * Whoever attaches is connected to the socket `attach` in the record's directory. A
 * message is a byte that says what it is, and what belongs to it:
 *
 *     to the monitor      i input     e end of the input     w size of the window
 *     to the client       o output    r standard error       x exit status, one byte
 *
 * taught in: step 09, lessons/09-lifecycle.md
 */
#ifndef NSCTL_RUNTIME_RELAY_H
#define NSCTL_RUNTIME_RELAY_H

#include "common/runtime/logs.h"
#include "common/runtime/streams.h"

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/un.h>

/* A pipe that can take anything can take so much at once: pipe(7), PIPE_BUF. */
enum { RELAY_BYTES = 4096, RELAY_MESSAGE_BYTES = RELAY_BYTES + 1 };
enum { RELAY_CLIENTS = 8 };

/* What the container prints: a piece of it, and who has not taken that yet. */
struct relay_output {
    int from_fd; /* the container's; -1: it has ended */
    int to_fd;   /* ours; -1: nobody */
    enum logs_stream stream;
    size_t size, sent; /* to_fd has `sent` of it */
    unsigned owed;     /* bits 1 << client */
    char *late;        /* what was left when the container had ended */
    size_t late_size;
    char *data; /* RELAY_BYTES */
};

/* What the container is to read. */
struct relay_input {
    int to_fd;
    bool ends; /* after this piece */
    bool is_terminal;
    size_t size, sent;
    char *data; /* RELAY_BYTES */
};

struct relay {
    struct log_file *log;
    struct relay_output outputs[2];
    struct relay_input input;
    int own_input_fd; /* ours; -1: not passed on, or at its end */
    int listen_fd;
    int clients[RELAY_CLIENTS]; /* -1: free */
    int64_t owed_since_ms;
    bool reader_is_gone; /* of our standard output */
    /* Last: what is idle is to touch few pages of memory. */
    char data[3][RELAY_BYTES];
};

enum {
    RELAY_POLL_OUTPUTS = 0,     /* from the container: 2 */
    RELAY_POLL_OWN_OUTPUTS = 2, /* to our own: 2 */
    RELAY_POLL_OWN_INPUT = 4,
    RELAY_POLL_INPUT = 5,
    RELAY_POLL_LISTEN = 6,
    RELAY_POLL_CLIENTS = 7,
    RELAY_POLLS = RELAY_POLL_CLIENTS + RELAY_CLIENTS
};

/* First of all: there is nothing yet. */
void relay_clear(struct relay *relay);

/* Takes `streams` over. If `attached`, our standard output and error are at their other
 * ends; if `interactive`, our standard input as well. `log`: NULL, nothing is kept. */
void relay_begin(struct relay *relay, struct streams *streams,
                 struct log_file *log, bool attached, bool interactive);

/* Listens in `directory`, a record's. Returns 0, or -1 with errno, reported. unix(7). */
int relay_listen(struct relay *relay, const char *directory);

/* What to wait for, and how long at most (ms; -1: for ever). A descriptor of -1 is not
 * waited for. poll(2). */
int relay_prepare(const struct relay *relay, struct pollfd polls[RELAY_POLLS]);

/* Does what can be done without waiting. */
void relay_handle(struct relay *relay, const struct pollfd polls[RELAY_POLLS]);

/* When the container has ended: what it has left goes to the log and to clients, and is
 * put by for our standard output. */
void relay_drain(struct relay *relay);

/* Last: tells the clients how the container ended, and closes all. */
void relay_end(struct relay *relay, int exit_status);

/* Waits until our own output has taken what was put by. */
void relay_flush(struct relay *relay);

/* An address by which `directory`/attach is found, however long that path is: `fd` is
 * the directory's descriptor. */
void relay_address(int directory_fd, struct sockaddr_un *address);

#endif
