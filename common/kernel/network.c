#include "common/kernel/network.h"

#include "common/base/advice.h"
#include "common/base/files.h"
#include "common/base/log.h"
#include "common/kernel/firewall.h"
#include "common/kernel/nat.h"
#include "common/kernel/netlink.h"
#include "common/kernel/network_files.h"
#include "common/kernel/network_host.h"
#include "common/kernel/network_lease.h"
#include "common/kernel/ports.h"
#include "common/kernel/slirp.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define NETWORK_BRIDGE_NAME "nsctl0"

/* ---- Links, addresses, routes: what netlink is asked for ---- */

/* Numbers that no maker of devices was given (the second-lowest bit says so),
 * and for an address always the same: who knew the last container that had it
 * need not ask anew. */
static void network_hardware_address(struct in_addr address,
                                     unsigned char hardware[ETH_ALEN])
{
    hardware[0] = 0x02;
    hardware[1] = 'n';
    memcpy(hardware + 2, &address, sizeof address);
}

/* The host's end of a container's cable is called after its address, so that
 * whoever finds a dead container's lease knows what to look for. */
static void network_link_name(struct in_addr address, char name[IFNAMSIZ])
{
    snprintf(name, IFNAMSIZ, "nsctl%04x", ntohl(address.s_addr) & 0xffff);
}

/* The number by which the kernel knows a link. Returns 0, or -1, reported. */
static int network_find_link(const char *name, unsigned *number)
{
    *number = if_nametoindex(name);
    if (*number != 0)
        return 0;
    int saved_errno = errno;
    log_error("no link %s can be found: %s (%s)", name,
              advice_error_name(saved_errno), strerror(saved_errno));
    errno = saved_errno;
    return -1;
}

static int network_add_bridge(struct netlink *netlink, struct in_addr gateway)
{
    struct netlink_request request = {0};
    struct ifinfomsg link = {.ifi_family = AF_UNSPEC};
    unsigned char hardware[ETH_ALEN];
    network_hardware_address(gateway, hardware);
    int result = 0;
    netlink_start(&request, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, link);
    netlink_put_text(&request, IFLA_IFNAME, NETWORK_BRIDGE_NAME);
    /* Or it would take that of one of its ports, another whenever one leaves,
     * and all the others would have to find it anew. */
    netlink_put(&request, IFLA_ADDRESS, hardware, sizeof hardware);
    netlink_nest(&request, IFLA_LINKINFO);
    netlink_put_text(&request, IFLA_INFO_KIND, "bridge");
    netlink_nest_end(&request);
    result = netlink_call(netlink, &request, "a bridge for all containers",
                          "IFLA_IFNAME=\"%s\", IFLA_INFO_KIND=\"bridge\"",
                          NETWORK_BRIDGE_NAME);
    return result;
}

/* A cable: what goes in at one end comes out at the other. Its far end is born
 * in the container's network namespace. veth(4). */
static int network_add_veth(struct netlink *netlink, struct in_addr address,
                            pid_t container_pid)
{
    struct netlink_request request = {0};
    struct ifinfomsg here = {.ifi_flags = IFF_UP, .ifi_change = IFF_UP};
    struct ifinfomsg there = {.ifi_family = AF_UNSPEC};
    unsigned char hardware[ETH_ALEN];
    char name[IFNAMSIZ];
    unsigned bridge;
    int result = network_find_link(NETWORK_BRIDGE_NAME, &bridge);
    if (result == -1)
        return -1;
    network_hardware_address(address, hardware);
    network_link_name(address, name);
    netlink_start(&request, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, here);
    netlink_put_text(&request, IFLA_IFNAME, name);
    netlink_put_u32(&request, IFLA_MASTER, bridge);
    netlink_nest(&request, IFLA_LINKINFO);
    netlink_put_text(&request, IFLA_INFO_KIND, "veth");
    netlink_nest(&request, IFLA_INFO_DATA);
    netlink_nest(&request, VETH_INFO_PEER);
    netlink_put_bytes(&request, &there, sizeof there);
    netlink_put_text(&request, IFLA_IFNAME, "eth0");
    netlink_put(&request, IFLA_ADDRESS, hardware, sizeof hardware);
    netlink_put_u32(&request, IFLA_NET_NS_PID, (uint32_t)container_pid);
    netlink_nest_end(&request);
    netlink_nest_end(&request);
    netlink_nest_end(&request);
    result = netlink_call(netlink, &request, "a cable from the bridge to eth0",
                          "IFLA_IFNAME=\"%s\", IFLA_INFO_KIND=\"veth\"", name);
    return result;
}

/* A frame may leave the bridge where it came in, as a container's does that asks for
 * a port which it has published itself. To a bridge that would be a loop. Where
 * IP passes over the host as a router the question does not come up, but
 * br_netfilter, which Docker loads, changes the address while the bridge has it. */
static int network_allow_hairpin(struct netlink *netlink,
                                 struct in_addr address)
{
    struct netlink_request request = {0};
    struct ifinfomsg link = {.ifi_family = AF_UNSPEC};
    const uint8_t on = 1;
    char name[IFNAMSIZ];
    network_link_name(address, name);
    netlink_start(&request, RTM_NEWLINK, 0, link);
    netlink_put_text(&request, IFLA_IFNAME, name);
    netlink_nest(&request, IFLA_LINKINFO);
    netlink_put_text(&request, IFLA_INFO_SLAVE_KIND, "bridge");
    netlink_nest(&request, IFLA_INFO_SLAVE_DATA);
    netlink_put(&request, IFLA_BRPORT_MODE, &on, sizeof on);
    netlink_nest_end(&request);
    netlink_nest_end(&request);
    return netlink_call(netlink, &request, "and back where it came from",
                        "IFLA_IFNAME=\"%s\", IFLA_INFO_SLAVE_KIND=\"bridge\"",
                        name);
}

static int network_add_address(struct netlink *netlink, const char *name,
                               struct in_addr address)
{
    struct netlink_request request = {0};
    struct ifaddrmsg start = {
        .ifa_family = AF_INET,
        .ifa_prefixlen = NETWORK_PREFIX_LENGTH,
    };
    char text[INET_ADDRSTRLEN];
    int result = network_find_link(name, &start.ifa_index);
    if (result == -1)
        return -1;
    inet_ntop(AF_INET, &address, text, sizeof text);
    /* At a cable to one other, IFA_ADDRESS would be the other's. */
    netlink_start(&request, RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, start);
    netlink_put(&request, IFA_LOCAL, &address, sizeof address);
    netlink_put(&request, IFA_ADDRESS, &address, sizeof address);
    result = netlink_call(netlink, &request, "its address",
                          "ifa_prefixlen=%d, IFA_LOCAL=\"%s\"",
                          NETWORK_PREFIX_LENGTH, text);
    return result;
}

static int network_switch_on(struct netlink *netlink, const char *name)
{
    struct netlink_request request = {0};
    /* Flags, and which of them are meant. */
    struct ifinfomsg link = {.ifi_flags = IFF_UP, .ifi_change = IFF_UP};
    int result = 0;
    netlink_start(&request, RTM_NEWLINK, 0, link);
    netlink_put_text(&request, IFLA_IFNAME, name);
    result = netlink_call(netlink, &request, "switched on",
                          "IFF_UP, IFLA_IFNAME=\"%s\"", name);
    return result;
}

static int network_add_default_route(struct netlink *netlink,
                                     struct in_addr gateway)
{
    struct netlink_request request = {0};
    struct rtmsg route = {
        .rtm_family = AF_INET,
        .rtm_table = RT_TABLE_MAIN,
        .rtm_protocol = RTPROT_BOOT,
        .rtm_scope = RT_SCOPE_UNIVERSE,
        .rtm_type = RTN_UNICAST,
    };
    char text[INET_ADDRSTRLEN];
    int result = 0;
    inet_ntop(AF_INET, &gateway, text, sizeof text);
    netlink_start(&request, RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL, route);
    netlink_put(&request, RTA_GATEWAY, &gateway, sizeof gateway);
    result = netlink_call(netlink, &request, "all else goes by the bridge",
                          "rtm_dst_len=0, RTA_GATEWAY=\"%s\"", text);
    return result;
}

/* That there is no such link is no error: the far end of a cable may have gone
 * with its namespace, and took this one with it. */
static void network_delete_link(const char *name)
{
    struct netlink netlink;
    struct netlink_request request = {0};
    struct ifinfomsg link = {.ifi_family = AF_UNSPEC};
    char details[64];
    if (netlink_connect(&netlink, NETLINK_ROUTE) == -1)
        return;
    snprintf(details, sizeof details, "IFLA_IFNAME=\"%s\"", name);
    netlink_start(&request, RTM_DELLINK, 0, link);
    netlink_put_text(&request, IFLA_IFNAME, name);
    if (netlink_exchange(&netlink, &request, NULL, NULL) == 0 ||
        (netlink.answer.error != 0 && netlink.answer.error != ENODEV))
        netlink_report(&netlink, &request, "a link that is not needed any more",
                       details);
    netlink_close(&netlink);
}

/* ---- What all containers share ---- */

static struct nat_bridge network_bridge(struct in_addr address)
{
    return (struct nat_bridge){
        .name = NETWORK_BRIDGE_NAME,
        .subnet = network_lease_subnet(address),
        .prefix_length = NETWORK_PREFIX_LENGTH,
    };
}

/* For the last one out. */
static void network_stop(void)
{
    nat_stop();
    network_delete_link(NETWORK_BRIDGE_NAME);
    network_host_stop_forwarding();
}

static int network_start(struct netlink *netlink, struct in_addr subnet)
{
    /* Here this machine is an IPv4 host only. A container may say that it is a
     * router of IPv6, and the machine would believe it. */
    static const char ipv6[] =
        "/proc/sys/net/ipv6/conf/" NETWORK_BRIDGE_NAME "/disable_ipv6";
    struct in_addr gateway = network_lease_gateway(subnet);
    if (network_add_bridge(netlink, gateway) == -1)
        return -1;
    if (access(ipv6, F_OK) == 0 &&
        files_write_setting(ipv6, "1", "no IPv6 on it") == -1)
        return -1;
    if (network_add_address(netlink, NETWORK_BRIDGE_NAME, gateway) == -1 ||
        network_switch_on(netlink, NETWORK_BRIDGE_NAME) == -1)
        return -1;
    const struct nat_bridge bridge = network_bridge(subnet);
    /* In this order: what guards the containers is there before their door. */
    return nat_start(&bridge) == -1 ? -1 : network_host_forward();
}

/* ---- The parent ---- */

static void network_forget(struct in_addr address)
{
    char name[IFNAMSIZ];
    network_link_name(address, name);
    network_delete_link(name);
}

/* With the lock of the network in hand. */
static int network_join(struct network *network, struct netlink *netlink)
{
    struct in_addr subnet = {0};
    int others = network_lease_sweep(&subnet, network_forget);
    if (others == -1)
        return -1;
    subnet = network_lease_subnet(subnet);
    if (others == 0) { /* but maybe one that was killed has left a bridge */
        network_delete_link(NETWORK_BRIDGE_NAME);
        if (network_host_choose_subnet(netlink, &subnet) == -1)
            return -1;
    } else if (nat_sweep(network_lease_is_taken, NULL) == -1) {
        return -1; /* before a dead one's address becomes ours */
    }
    /* First of all: what is made from here on has somebody to whom it belongs,
     * and is swept if that is killed. */
    if (network_lease_take(subnet, &network->lease) == -1)
        return -1;
    if (others == 0 && network_start(netlink, subnet) == -1)
        return -1;
    if (network->ports.count == 0)
        return 0;
    const struct nat_bridge bridge = network_bridge(subnet);
    return nat_publish(&bridge, network->lease.address, &network->ports);
}

static int network_open_bridge(struct network *network)
{
    struct netlink netlink;
    if (ports_hold(&network->ports) == -1)
        return -1;
    int lock_fd = network_lease_lock();
    if (lock_fd == -1)
        return -1;
    int result = netlink_connect(&netlink, NETLINK_ROUTE);
    if (result == 0)
        result = network_join(network, &netlink);
    netlink_close(&netlink);
    network_lease_unlock(lock_fd);
    if (result == 0)
        firewall_warn(NETWORK_BRIDGE_NAME);
    return result;
}

int network_open(struct network *network, const char *hostname)
{
    char text[INET_ADDRSTRLEN];
    bool is_bridge = network->kind == NETWORK_BRIDGE;
    if (is_bridge && network_open_bridge(network) == -1)
        return -1;
    if (!is_bridge && ports_try(&network->ports) == -1)
        return -1;
    inet_ntop(AF_INET, &network->lease.address, text, sizeof text);
    network_files_name(&network->files, hostname, is_bridge ? text : NULL);
    return 0;
}

/* The child waits, in a network namespace that nothing leads to yet. */
int network_connect(struct network *network, pid_t container_pid)
{
    struct netlink netlink;
    if (network->kind == NETWORK_SLIRP)
        return slirp_start(&network->slirp, container_pid, &network->ports);
    if (network->kind != NETWORK_BRIDGE)
        return 0;
    if (netlink_connect(&netlink, NETLINK_ROUTE) == -1)
        return -1;
    int result =
        network_add_veth(&netlink, network->lease.address, container_pid);
    network->is_connected = result == 0;
    if (result == 0 && network->ports.count > 0)
        result = network_allow_hairpin(&netlink, network->lease.address);
    netlink_close(&netlink);
    return result;
}

void network_close(struct network *network)
{
    struct in_addr alive;
    slirp_stop(&network->slirp);
    ports_let_go(&network->ports);
    if (network->lease.fd == -1)
        return;
    int lock_fd = network_lease_lock();
    if (network->is_connected)
        network_forget(network->lease.address);
    if (network->ports.count > 0)
        nat_withdraw(network->lease.address);
    network_lease_drop(&network->lease);
    if (lock_fd != -1 && network_lease_sweep(&alive, network_forget) == 0)
        network_stop();
    network_lease_unlock(lock_fd);
}

void network_sweep(void)
{
    struct in_addr alive;
    if (geteuid() != 0 || access("/run/nsctl", F_OK) == -1)
        return;
    int lock_fd = network_lease_lock();
    if (lock_fd == -1)
        return;
    int others = network_lease_sweep(&alive, network_forget);
    if (others == 0)
        network_stop();
    else if (others > 0)
        nat_sweep(network_lease_is_taken, NULL);
    network_lease_unlock(lock_fd);
}

/* ---- The child ---- */

/* While it has all of root's powers over its namespace: its own end. */
int network_configure(const struct network *network)
{
    struct netlink netlink;
    struct in_addr address = network->lease.address;
    if (network->kind == NETWORK_HOST)
        return 0;
    if (netlink_connect(&netlink, NETLINK_ROUTE) == -1)
        return -1;
    int result = network_switch_on(&netlink, "lo");
    if (result == 0 && network->kind == NETWORK_BRIDGE &&
        (network_add_address(&netlink, "eth0", address) == -1 ||
         network_switch_on(&netlink, "eth0") == -1 ||
         network_add_default_route(&netlink, network_lease_gateway(address)) ==
             -1))
        result = -1;
    netlink_close(&netlink);
    return result;
}
