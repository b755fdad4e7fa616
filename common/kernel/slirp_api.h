/*
 * slirp_api: orders to a slirp4netns that runs.
 *
 * It takes them at a socket that it makes at a path, JSON each. Ours is in a directory
 * of this user's own that is there only while its lock is held, so one container starts
 * at a time; when its ports are published nothing of it is left. What was left
 * by somebody who was killed in between is the next one's.
 *
 * taught in: step 08, lessons/08-veth.md
 */
#ifndef NSCTL_KERNEL_SLIRP_API_H
#define NSCTL_KERNEL_SLIRP_API_H

#include "common/kernel/ports.h"

#include <sys/un.h>

struct slirp_api {
    int fd; /* of the directory, locked; -1: there is none */
    char directory[64];
    struct sockaddr_un socket;
};

/* Makes the directory, and says which path the socket is to have. Returns 0, or
 * -1, reported; then there is none. */
int slirp_api_open(struct slirp_api *api);

/* Takes socket and directory away. One that is not open is no error. */
void slirp_api_close(struct slirp_api *api);

/* Has slirp4netns, which is ready, lead a port of this machine to the container's.
 * Returns 0, or -1 with errno, reported. */
int slirp_api_publish(const struct slirp_api *api, const struct port *port);

#endif
