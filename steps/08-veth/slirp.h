/*
 * slirp: a network without root.
 *
 * No user may connect a network namespace with the host's: a veth pair takes
 * root in both. But root of the namespace alone may make a tap device inside, and
 * a program outside that reads the packets from it can do for them what they ask
 * for, through sockets of its own, as any user may: connect, send, listen.
 * slirp4netns(1) is such a program, pasta(1) another.
 *
 *     parent                                child
 *     slirp_find(&slirp)
 *     ports_try(&ports)
 *     clone_process(… CLONE_NEWUSER|CLONE_NEWNET …)
 *     userns_maps_write(…)                  …waits…
 *     slirp_start(&slirp, pid, &ports)      …waits…
 *     sync_release_child(…)                 finds tap0 with an address, and a route
 *         …
 *     slirp_stop(&slirp)
 *
 * taught in: step 08, lessons/08-veth.md
 */
#ifndef NSCTL_KERNEL_SLIRP_H
#define NSCTL_KERNEL_SLIRP_H

#include "steps/08-veth/ports.h"

#include <limits.h>
#include <stdbool.h>
#include <sys/types.h>

/* What the container's /etc/resolv.conf is to name: there the program itself
 * answers, and asks whom the host would ask, also one that only the host can reach. */
#define SLIRP_NAME_SERVER "10.0.2.3"
#define SLIRP_ADDRESS     "10.0.2.100"
#define SLIRP_GATEWAY     "10.0.2.2"

/* Begins with pid -1. */
struct slirp {
    char program[PATH_MAX]; /* by slirp_find() */
    bool is_pasta;
    pid_t pid;
    int pid_fd;
    int exit_fd;    /* when it is closed, or we are dead, the program ends */
    int message_fd; /* what it has to say */
};

/* Looks for slirp4netns, then for pasta, in PATH. Returns whether there is
 * one; reports nothing. */
bool slirp_find(struct slirp *slirp);

/*
 * Starts the program for the network namespace of `container_pid`, waits until
 * the interface in there is up, and has it publish `ports`. To be called by
 * the parent when the child has its ids, and still waits as who it was born:
 * later its namespaces are closed to us. The ports must not be held. A published
 * port of UDP is for other hosts: what keeps 127.0.0.1 from the container keeps
 * back its answers to there, too.
 * Returns 0, or -1, reported, and nothing is left running.
 */
int slirp_start(struct slirp *slirp, pid_t container_pid,
                const struct ports *ports);

/* Ends it and waits until it has ended. One that was not started, or has ended
 * and was reaped (process.h reaps them all), is no error. */
void slirp_stop(struct slirp *slirp);

#endif
