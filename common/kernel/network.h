/*
 * network: a container's way to the others, to the host and to the world.
 *
 *     parent                                 child
 *     network_options_choose(&network)
 *     network_open(&network, hostname)
 *     clone_process(… CLONE_NEWNET …)        sync_wait_for_parent(…)
 *     network_connect(&network, pid)             …blocks…
 *     sync_release_child(…)                  network_configure(&network)
 *                                            network_files_make(…)
 *                                            network_files_place(…), in its root
 *     network_close(&network)
 *
 * A bridge on the host is what a switch is in a rack, a veth pair a cable, with
 * one end in the bridge and the other, eth0, in the container. The host itself is
 * at the bridge as well, with the first address of the subnet, and is the router for
 * all else. IPv4 only: by IPv6 containers reach each other, at link-local
 * addresses, and nobody else.
 *
 * taught in: step 08, lessons/08-veth.md
 */
#ifndef NSCTL_KERNEL_NETWORK_H
#define NSCTL_KERNEL_NETWORK_H

#include "common/kernel/network_options.h"

#include <sys/types.h>

/* Before the child is made, and what clone3 makes it with: CLONE_NEWNET unless
 * the kind is NETWORK_HOST. Of a bridge: makes it, if this is the first
 * container, and takes an address and the ports. Also writes the texts of
 * /etc/hosts and /etc/hostname. Returns 0, or -1, reported: network_close() takes away
 * what was made. */
int network_open(struct network *network, const char *hostname);

/* Right after the child was made, while it waits and still has its parent's user id:
 * the cable to it, or the program that is its network. Returns 0, or -1, reported. */
int network_connect(struct network *network, pid_t container_pid);

/* In the child, with CAP_NET_ADMIN in its network namespace: its own end.
 * Returns 0, or -1, reported. rtnetlink(7). */
int network_configure(const struct network *network);

/* Takes all of it away: the last one out also what all have shared. What was never
 * opened is no error. */
void network_close(struct network *network);

/* Takes away what containers have left on the host whose parent was killed, and
 * where none is alive what all have shared. For root; for others there is none. */
void network_sweep(void);

#endif
