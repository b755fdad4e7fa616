/*
 * network_options: which network a container gets, and what was asked of it.
 *
 * taught in: step 08, lessons/08-veth.md
 */
#ifndef NSCTL_KERNEL_NETWORK_OPTIONS_H
#define NSCTL_KERNEL_NETWORK_OPTIONS_H

#include "steps/08-veth/network_files.h"
#include "steps/08-veth/network_lease.h"
#include "steps/08-veth/ports.h"
#include "steps/08-veth/slirp.h"

#include <stdbool.h>

enum network_kind {
    NETWORK_DEFAULT, /* until network_options_choose() */
    NETWORK_NONE,    /* a namespace of its own, with nothing in it but lo */
    NETWORK_HOST,    /* none of its own */
    NETWORK_BRIDGE,  /* a cable to a bridge on the host; takes root */
    NETWORK_SLIRP    /* a program's, which needs no root */
};

/* Begins with lease.fd and slirp.pid -1, all else zero. */
struct network {
    enum network_kind kind;     /* --net */
    struct ports ports;         /* --publish */
    struct network_files files; /* with --dns in it */
    struct network_lease lease; /* on the bridge */
    bool is_connected;          /* with a cable */
    struct slirp slirp;
};

/* The option parser for --net (base/program.h); `kind`: an enum network_kind. */
const char *network_options_parse(const char *text, void *kind);

/* Before anything is made: chooses where nothing was asked for (root gets a
 * bridge, a user what there is), and refuses what can not be had. Writes what
 * /etc/resolv.conf is to say. Returns 0, or -1, reported. */
int network_options_choose(struct network *network);

#endif
