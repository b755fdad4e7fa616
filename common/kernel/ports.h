/*
 * ports: which ports of this machine are to lead to which of a container's.
 *
 * taught in: step 08, lessons/08-veth.md
 */
#ifndef NSCTL_KERNEL_PORTS_H
#define NSCTL_KERNEL_PORTS_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct port {
    uint8_t protocol;            /* IPPROTO_TCP or IPPROTO_UDP */
    struct in_addr host_address; /* INADDR_ANY: each of this machine's */
    uint16_t host_port;          /* 0: any that is free, until it is held */
    uint16_t container_port;
    int held_fd; /* the socket that keeps it ours, or -1 */
};

enum { PORTS_MOST = 128 };

struct ports {
    struct port all[PORTS_MOST];
    size_t count;
};

/*
 * An option parser (base/program.h) that appends to the struct ports that it is
 * given. A range counts as that many ports:
 *
 *     8080:80                  127.0.0.1:8080:80/udp    8000-8009:9000-9009
 *     80 (any free port)       127.0.0.1::80 (the same, at that address)
 */
const char *ports_parse(const char *text, void *ports);

/* "0.0.0.0:8080/tcp": the side of the host. */
enum { PORTS_TEXT_BYTES = sizeof "255.255.255.255:65535/tcp" };
void ports_describe(const struct port *port, char text[PORTS_TEXT_BYTES]);

/* Whether a packet to this machine could be meant for both. */
bool ports_collide(const struct port *one, const struct port *other);

/*
 * Takes each port for us, in the network namespace of the caller, by a socket
 * that hears nothing, and chooses a number where any will do. As long as it is held no
 * other program gets the port and waits in vain, for packets that are led
 * elsewhere. Returns 0, or -1 with errno, reported, and none is held: EADDRINUSE
 * somebody has it, EACCES it takes root, EADDRNOTAVAIL not our address. bind(2).
 */
int ports_hold(struct ports *ports);

/* Lets go of those that are held. A child has descriptors of its own, and holds
 * them until it closes these, too. */
void ports_let_go(struct ports *ports);

/* The same for ports that somebody else is to take for us (slirp.h): each is taken
 * and let go at once. Returns what ports_hold() would. */
int ports_try(struct ports *ports);

#endif
