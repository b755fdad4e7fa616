#include "steps/08-veth/network_options.h"

#include "common/base/log.h"
#include "common/kernel/userns_maps.h"

#include <stdbool.h>
#include <string.h>
#include <unistd.h>

const char *network_options_parse(const char *text, void *kind)
{
    static const struct {
        const char *name;
        enum network_kind kind;
    } names[] = {
        {"none", NETWORK_NONE},
        {"host", NETWORK_HOST},
        {"bridge", NETWORK_BRIDGE},
        {"slirp", NETWORK_SLIRP},
    };
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (strcmp(text, names[i].name) == 0) {
            *(enum network_kind *)kind = names[i].kind;
            return NULL;
        }
    return "expected none, host, bridge or slirp";
}

static int network_options_choose_kind(struct network *network)
{
    if (network->kind == NETWORK_BRIDGE && geteuid() != 0) {
        log_error("--net bridge takes root: the bridge is the host's");
        log_advice("start it with sudo; or --net slirp does without root");
        return -1;
    }
    /* Root of a user namespace may be root of no network: it is not assumed. */
    if (network->kind == NETWORK_DEFAULT && userns_maps_is_host_root())
        network->kind = NETWORK_BRIDGE;
    if (network->kind != NETWORK_DEFAULT && network->kind != NETWORK_SLIRP)
        return 0;
    /* What nobody has asked for must not fail: the program opens this file in
     * the container's name, who is to the host whoever starts this. */
    bool is_here = slirp_find(&network->slirp);
    bool has_tap = access("/dev/net/tun", R_OK | W_OK) == 0;
    if (is_here && (has_tap || network->kind == NETWORK_SLIRP)) {
        network->kind = NETWORK_SLIRP;
        return 0;
    }
    if (network->kind == NETWORK_SLIRP) {
        log_error("--net slirp: there is neither slirp4netns nor pasta");
        log_advice("install one: the package slirp4netns, or passt");
        return -1;
    }
    const char *missing = is_here ? "/dev/net/tun, which is not there, or not "
                                    "for you"
                                  : "slirp4netns or pasta, and neither is here";
    if (network->ports.count > 0) {
        log_error("--publish: a port leads to a network, and without root that "
                  "takes %s",
                  missing);
        log_advice("%s", is_here ? "sudo chmod 666 /dev/net/tun, as every "
                                   "desktop has it"
                                 : "install one: the package slirp4netns, or "
                                   "passt");
        return -1;
    }
    network->kind = NETWORK_NONE;
    log_note("no network but lo: without root it takes %s", missing);
    return 0;
}

int network_options_choose(struct network *network)
{
    enum network_files_reach reach = NETWORK_FILES_ALL;
    const char *server = NULL;
    if (network_options_choose_kind(network) == -1)
        return -1;
    if (network->kind == NETWORK_BRIDGE)
        reach = NETWORK_FILES_REMOTE;
    if (network->kind == NETWORK_SLIRP)
        server = SLIRP_NAME_SERVER;
    if (network->ports.count > 0 && network->kind != NETWORK_BRIDGE &&
        network->kind != NETWORK_SLIRP) {
        log_error("--publish: a port leads to a network of the container's own "
                  "that is connected with the host's: --net bridge or slirp");
        return -1;
    }
    if (network->kind == NETWORK_HOST)
        log_warning("--net host: it can reach whatever listens on this "
                    "machine's loopback and on abstract sockets, which trust "
                    "all who do");
    return network_files_choose_servers(&network->files, server, reach);
}
