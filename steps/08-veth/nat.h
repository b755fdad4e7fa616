/*
 * nat: other addresses than the containers' own, by nf_tables.
 *
 * One table, `ip nsctl`, for all containers of a bridge; `nft list table ip nsctl`
 * shows it. What leaves the bridge for elsewhere gets this machine's address
 * (masquerade); what comes to a published port of this machine gets the
 * container's. Rules that belong to a container carry its address in their
 * comment, and that is how they are found again, also when it was killed.
 *
 * All functions are for a process with CAP_NET_ADMIN in the network namespace
 * of the bridge, that holds the lock of the network (network.h): two that
 * count containers at once would both be the last, or neither.
 *
 * taught in: step 08, lessons/08-veth.md
 */
#ifndef NSCTL_KERNEL_NAT_H
#define NSCTL_KERNEL_NAT_H

#include "steps/08-veth/ports.h"

#include <netinet/in.h>
#include <stdbool.h>

struct nat_bridge {
    const char *name;       /* the interface, "nsctl0" */
    struct in_addr subnet;  /* its containers' addresses begin as this one: */
    unsigned prefix_length; /* so many bits */
};

/*
 * The first one in: makes the table, and the rules that all containers share, in
 * one transaction; a table that was left there is replaced by it, with all that
 * was in it. Returns 0, or -1 with errno, reported: EOPNOTSUPP, EPROTONOSUPPORT
 * where the kernel has no nf_tables.
 */
int nat_start(const struct nat_bridge *bridge);

/* Takes away the rules of each container that `is_alive` denies. Returns 0, or
 * -1 with errno, reported. */
int nat_sweep(bool (*is_alive)(struct in_addr container, void *context),
              void *context);

/* Leads `ports` of this machine, which are held (ports.h), to the container
 * that has that address, or will have it: for other hosts, other containers and
 * this machine itself. Returns 0, or -1 with errno, reported. */
int nat_publish(const struct nat_bridge *bridge, struct in_addr container,
                const struct ports *ports);

/* Takes the container's rules away. Returns 0, or -1 with errno, reported. */
int nat_withdraw(struct in_addr container);

/* The last one out: takes the table away, with all that is in it. No table is
 * no error. Returns 0, or -1 with errno, reported. */
int nat_stop(void);

#endif
