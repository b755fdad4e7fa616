/*
 * network_lease: which addresses are taken, and by whom that is alive.
 *
 * A lease is a file in /run/nsctl/network that is called like its address and
 * locked by the process that runs the container. The kernel drops the lock when its holder
 * dies, however it dies, so a file that nobody has locked is a dead one's.
 *
 *     int lock_fd = network_lease_lock();         one at a time from here
 *     network_lease_sweep(&alive, forget);        what the dead have left
 *     network_lease_take(subnet, &lease);
 *     network_lease_unlock(lock_fd);
 *         …
 *     the same again with network_lease_drop(&lease): whoever finds nobody
 *     alive then takes away what all have shared
 *
 * For root. All but lock and unlock are for the holder of the lock.
 *
 * taught in: step 08, lessons/08-veth.md
 */
#ifndef NSCTL_KERNEL_NETWORK_LEASE_H
#define NSCTL_KERNEL_NETWORK_LEASE_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>

#define NETWORK_LEASE_DIRECTORY "/run/nsctl/network"

/* So many bits of an address are the subnet's, the others the container's. */
enum { NETWORK_PREFIX_LENGTH = 16 };

struct network_lease {
    int fd; /* of its file, locked; -1: none */
    struct in_addr address;
};

/* The parts of an address: 10.90.0.0 and 10.90.0.1 for 10.90.3.4. The first
 * address of a subnet is the bridge's own, to which all packets for elsewhere go. */
struct in_addr network_lease_subnet(struct in_addr address);
struct in_addr network_lease_gateway(struct in_addr address);

/* Makes the directory where there is none, and waits for its lock. Returns a
 * descriptor, close-on-exec, or -1, reported. flock(2). */
int network_lease_lock(void);

/* Gives the lock back, and takes away the directory if it is empty. */
void network_lease_unlock(int lock_fd);

/* Removes the leases of the dead, each after `forget` has taken away what went
 * with it. Returns how many are alive, and the address of one of them in
 * `alive`; or -1, reported. */
int network_lease_sweep(struct in_addr *alive,
                        void (*forget)(struct in_addr address));

/* Takes the first address of the subnet that is free. Returns 0, or -1 with
 * errno, reported: then there is no lease (fd -1). */
int network_lease_take(struct in_addr subnet, struct network_lease *lease);

/* Gives it back. One that was never taken is no error. */
void network_lease_drop(struct network_lease *lease);

/* Has somebody this address? For the rules that bear one (nat.h). */
bool network_lease_is_taken(struct in_addr address, void *unused);

/*
 * Keeps what a setting of the kernel's was before the first container changed
 * it, as the file `name` beside the leases. network_lease_keep() does nothing where there is one
 * already. Both return 0, or -1 with errno, reported; network_lease_kept() 1
 * and `text`, 0 where nothing was kept. network_lease_unkeep() forgets it.
 */
int network_lease_keep(const char *name, const char *text);
int network_lease_kept(const char *name, char *text, size_t size);
void network_lease_unkeep(const char *name);

#endif
