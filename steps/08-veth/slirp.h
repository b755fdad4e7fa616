/*
 * slirp: a network without root.
 *
 * An ordinary user can not connect a network namespace with the host's: only root of
 * both may make a veth pair. But whoever owns the namespace may make a tap
 * device inside, and a program outside that reads the packets from it can do for
 * them what each of them asks for, by ordinary sockets of its own: a network in user
 * space. slirp4netns(1) is such a program, pasta(1) another.
 *
 * taught in: step 08, lessons/08-veth.md
 */
#ifndef NSCTL_KERNEL_SLIRP_H
#define NSCTL_KERNEL_SLIRP_H

#include "steps/08-veth/ports.h"

#include <limits.h>
#include <stdbool.h>
#include <sys/types.h>

struct slirp {
    char program[PATH_MAX]; /* what slirp_find() found */
    bool is_pasta;
    pid_t pid; /* -1: not started */
    int pid_fd;
    int exit_fd;    /* its other end hangs up when we close this, or die */
    int message_fd; /* what it has to say */
};

/* What the container's /etc/resolv.conf is to name: the program itself answers
 * there, and asks whom the host would ask, also at a loopback address. */
#define SLIRP_NAME_SERVER "10.0.2.3"

/* Looks for slirp4netns, then for pasta, in PATH and where the system keeps
 * such programs. Returns whether there is one; says nothing. */
bool slirp_find(struct slirp *slirp);

/*
 * Starts the program for the network namespace of `container_pid`, waits until
 * the interface in there is up, and publishes `ports`. To be called by
 * the parent right after clone3, while the child waits and still has its
 * parent's user id: later its namespaces can not be opened any more.
 * `ports` must not be held, by the child neither. Returns 0, or -1, reported, and
 * nothing is left running.
 */
int slirp_start(struct slirp *slirp, pid_t container_pid,
                const struct ports *ports);

/* Ends it, and waits until it has ended. One that was not started, or that was
 * reaped as some child that ended, is no error. */
void slirp_stop(struct slirp *slirp);

#endif
