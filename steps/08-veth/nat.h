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
 * of the bridge, which holds the lock of the network (network.h): two that
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
    struct in_addr subnet;  /* its containers' addresses begin with these… */
    unsigned prefix_length; /* …bits */
};

/*
 * Makes the table, and the rules that all containers share, in one transaction;
 * those of before, if any, are replaced by it. Returns 0, or -1 with errno,
 * reported: EOPNOTSUPP and EPROTONOSUPPORT where the kernel has no nf_tables.
 */
int nat_start(const struct nat_bridge *bridge);

/* Takes away the rules of every container that `is_alive` denies. No table is
 * no error. Returns 0, or -1 with errno, reported. */
int nat_sweep(bool (*is_alive)(struct in_addr container, void *context),
              void *context);

/* Leads `ports` of this machine to the container that has, or will have, that
 * address, for other hosts, other containers and this machine itself (which
 * takes route_localnet of the bridge, set here too). A port that another one's rule
 * has already is refused (EADDRINUSE). Returns 0, or -1, reported. */
int nat_publish(const struct nat_bridge *bridge, struct in_addr container,
                const struct ports *ports);

/* Takes the container's rules away. No table is no error. Returns 0, or -1 with
 * errno, reported. */
int nat_withdraw(struct in_addr container);

/* The last one out: takes the table away, with all that is in it. No table is
 * no error. Returns 0, or -1 with errno, reported. */
int nat_stop(void);

/* Looks for a firewall on this machine that drops what is forwarded unless a
 * rule of its own lets it pass, such as Docker's, and names it in a warning. */
void nat_warn_of_firewalls(const struct nat_bridge *bridge);

#endif
