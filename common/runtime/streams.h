/*
 * streams: a container's standard input, output and error, and our ends of them.
 *
 * They are never those of whoever started it: what is printed is kept as well, and
 * goes on being printed when that terminal is gone. So each is a pipe of ours; with
 * --tty all three are one pseudo-terminal, of which we hold the other side.
 *
 *     parent                             child
 *     streams_open(&streams, …)
 *     clone_process(…)
 *                                        streams_make_terminal(&streams), with /dev there
 *     streams_receive(&streams)          streams_take_over(&streams, report_fd)
 *
 * taught in: step 09, lessons/09-lifecycle.md
 */
#ifndef NSCTL_RUNTIME_STREAMS_H
#define NSCTL_RUNTIME_STREAMS_H

#include "common/kernel/userns_maps.h"

#include <stdbool.h>

/* The descriptors that the child has besides 0, 1 and 2 until it executes: the log's
 * way out, and the report (base/command.h). Both are close-on-exec. */
enum { STREAMS_LOG_FD = 3, STREAMS_REPORT_FD = 4, STREAMS_FIRST_CLOSED_FD = 5 };

struct streams {
    bool terminal;
    int inside[3];     /* the container's ends; -1: not made */
    int input_fd;      /* what is written here it reads; -1: /dev/null it is */
    int output_fds[2]; /* what it prints; with a terminal only the first */
    int talk_fds[2];   /* on which the terminal's other side comes to us */
};

/* First of all: there is nothing yet. */
void streams_clear(struct streams *streams);

/* Before the child is made. `interactive`: its standard input is not /dev/null.
 * `maps` (or NULL) says who owns the pipes, so that root inside can open /dev/stdout.
 * Returns 0, or -1 with errno, reported: streams_close() in any case. */
int streams_open(struct streams *streams, bool terminal, bool interactive,
                 const struct userns_maps *maps);

/* In the child, with /dev/pts mounted and its own 0, 1, 2 still those of whoever started it:
 * with a terminal makes that one, as large as theirs, and with `console` the container's
 * /dev/console of it; hands us the other side. Returns 0, or -1, reported. pts(4), unix(7). */
int streams_make_terminal(struct streams *streams, bool console);

/* In the child, last of all: a session of its own, 0, 1, 2, 3 and 4 in their places, and
 * every other descriptor closed. Returns 0, or -1, reported. setsid(2). */
int streams_take_over(struct streams *streams, int report_fd);

/* In the parent, when the child goes on: closes the child's ends, and waits for a
 * terminal's other side, which does not come where the child has ended. Returns 0, or -1
 * with errno, reported. */
int streams_receive(struct streams *streams);

void streams_close(struct streams *streams);

#endif
