/*
 * network_host: what the host has to lend to its containers' network: addresses
 * that it does not need itself, and its work as a router.
 *
 * For root, in the host's network namespace, with the lock of network_lease.
 *
 * taught in: step 08, lessons/08-veth.md
 */
#ifndef NSCTL_KERNEL_NETWORK_HOST_H
#define NSCTL_KERNEL_NETWORK_HOST_H

#include "common/kernel/netlink.h"

#include <netinet/in.h>

/* Finds a subnet for all containers, 10.90.0.0/16 or one of the next nine, which
 * this machine has no route to, be it to a part of it. `netlink`: NETLINK_ROUTE. Returns
 * 0, or -1, reported. rtnetlink(7). */
int network_host_choose_subnet(struct netlink *netlink, struct in_addr *subnet);

/* Has the kernel pass packets on between links, and keeps what it did before.
 * Returns 0, or -1, reported. ip(7). */
int network_host_forward(void);

/* Puts that back. */
void network_host_stop_forwarding(void);

#endif
