#include "steps/08-veth/network_host.h"

#include "common/base/files.h"
#include "common/base/log.h"
#include "steps/08-veth/network_lease.h"

#include <linux/rtnetlink.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

/* ---- Which addresses? ---- */

/* Ten private subnets, 10.90.0.0/16 to 10.99.0.0/16. The first is taken that no
 * route of this machine's leads to, be it in part: or the machine would
 * look for somebody it reaches now among the containers. */
enum { NETWORK_SUBNETS = 10, NETWORK_FIRST_SUBNET = 90 };

static struct in_addr network_host_subnet(int index)
{
    uint32_t number = 10U << 24 | (uint32_t)(NETWORK_FIRST_SUBNET + index)
                                      << 16;
    return (struct in_addr){.s_addr = htonl(number)};
}

static int network_host_see_route(const struct netlink_message *message,
                                  void *context)
{
    bool *is_taken = context;
    struct rtmsg route;
    struct netlink_span rest, value;
    uint32_t destination;
    if (message == NULL) { /* all of it comes again */
        memset(is_taken, 0, NETWORK_SUBNETS * sizeof *is_taken);
        return 0;
    }
    rest = message->payload;
    if (message->header.nlmsg_type != RTM_NEWROUTE ||
        !netlink_take(&rest, &route, sizeof route) ||
        route.rtm_family != AF_INET || route.rtm_dst_len == 0 ||
        route.rtm_dst_len > 32 || !netlink_find(rest, RTA_DST, &value) ||
        !netlink_read_u32(value, &destination))
        return 0;
    //> overlap
    /* Two subnets overlap if they agree in as many bits as the shorter prefix
     * has. */
    int shared = route.rtm_dst_len < NETWORK_PREFIX_LENGTH
                     ? route.rtm_dst_len
                     : NETWORK_PREFIX_LENGTH;
    for (int i = 0; i < NETWORK_SUBNETS; i++)
        if ((ntohl(network_host_subnet(i).s_addr) ^ ntohl(destination)) >>
                (32 - shared) ==
            0)
            is_taken[i] = true;
    //< overlap
    return 0;
}

int network_host_choose_subnet(struct netlink *netlink, struct in_addr *subnet)
{
    struct netlink_request request = {0};
    struct rtmsg all = {.rtm_family = AF_INET};
    bool is_taken[NETWORK_SUBNETS] = {0};
    netlink_start_dump(&request, RTM_GETROUTE, all);
    if (netlink_exchange(netlink, &request, network_host_see_route, is_taken) ==
        -1)
        return netlink->answer.error == 0
                   ? -1
                   : netlink_report(netlink, &request,
                                    "which addresses this machine knows", "");
    for (int i = 0; i < NETWORK_SUBNETS; i++) {
        *subnet = network_host_subnet(i);
        if (!is_taken[i])
            return 0;
    }
    log_error("this machine has routes to all of 10.%d.0.0/16 to 10.%d.0.0/16",
              NETWORK_FIRST_SUBNET, NETWORK_FIRST_SUBNET + NETWORK_SUBNETS - 1);
    log_advice("the containers need one of them for themselves: `ip route` "
               "shows who has it; --net none does without");
    return -1;
}

/* ---- Forwarding ---- */

static const char network_host_forward_path[] = "/proc/sys/net/ipv4/ip_forward";

/* A machine passes packets on, from one link to another, only if it is told to.
 * What it was before is kept beside the leases, for the last one out. */
int network_host_forward(void)
{
    char text[16];
    if (files_read(network_host_forward_path, text, sizeof text) <= 0)
        return (int)log_call(-1, "are packets passed on", "openat(\"%s\")",
                             network_host_forward_path);
    if (text[0] != '0')
        return 0;
    if (network_lease_keep("ip_forward", "0") == -1)
        return -1;
    return files_write_setting(network_host_forward_path, "1",
                               "packets are passed on between links");
}

void network_host_stop_forwarding(void)
{
    char text[16];
    if (network_lease_kept("ip_forward", text, sizeof text) == 1)
        files_write_setting(network_host_forward_path, text,
                            "as it was before");
    network_lease_unkeep("ip_forward");
}
