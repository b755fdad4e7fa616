/*
 * The links of a container, and its way out.
 *
 * A network namespace has no file to be read from outside: /proc/PID/net has a part of
 * it, in forms of forty years. So a child of ours goes in (setns(2)), asks the kernel over
 * netlink as step 08 did, and draws this one box.
 */
#include "common/base/number.h"
#include "common/kernel/netlink.h"
#include "common/runtime/proc.h"
#include "common/runtime/show.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { MOST_LINKS = 64, MOST_ADDRESSES = 256 };

struct show_link {
    unsigned index, peer; /* peer: its number in another namespace; 0: none */
    bool up;
    uint32_t mtu;
    char name[IFNAMSIZ], kind[32];
    struct rtnl_link_stats64 counts;
};

struct show_address {
    unsigned index; /* of the link */
    char text[INET6_ADDRSTRLEN + sizeof "/128"];
};

struct show_network {
    struct if_nameindex *host_links; /* by their numbers; NULL: not known */
    struct show_link links[MOST_LINKS];
    struct show_address addresses[MOST_ADDRESSES];
    size_t link_count, address_count;
    char gateway[INET6_ADDRSTRLEN]; /* "" : no way out */
    unsigned gateway_index;
};

/* ---- What the kernel answers ---- */

static int show_see_link(const struct netlink_message *message, void *context)
{
    struct show_network *network = context;
    if (message == NULL) { /* it begins anew */
        network->link_count = 0;
        return 0;
    }
    struct ifinfomsg header;
    struct netlink_span attributes = message->payload, value, kind;
    if (network->link_count == MOST_LINKS ||
        !netlink_take(&attributes, &header, sizeof header))
        return 0;
    struct show_link *link = &network->links[network->link_count++];
    *link = (struct show_link){.index = (unsigned)header.ifi_index,
                               .up = (header.ifi_flags & IFF_UP) != 0};
    if (netlink_find(attributes, IFLA_IFNAME, &value))
        netlink_read_text(value, link->name, sizeof link->name);
    if (netlink_find(attributes, IFLA_MTU, &value))
        netlink_read_u32(value, &link->mtu);
    if (netlink_find(attributes, IFLA_LINK, &value))
        netlink_read_u32(value, &link->peer);
    if (netlink_find(attributes, IFLA_LINKINFO, &value) &&
        netlink_find(value, IFLA_INFO_KIND, &kind))
        netlink_read_text(kind, link->kind, sizeof link->kind);
    if (netlink_find(attributes, IFLA_STATS64, &value))
        memcpy(&link->counts, value.bytes,
               value.size < sizeof link->counts ? value.size
                                                : sizeof link->counts);
    return 0;
}

static int show_see_address(const struct netlink_message *message,
                            void *context)
{
    struct show_network *network = context;
    if (message == NULL) {
        network->address_count = 0;
        return 0;
    }
    struct ifaddrmsg header;
    struct netlink_span attributes = message->payload, value;
    char text[INET6_ADDRSTRLEN];
    if (network->address_count == MOST_ADDRESSES ||
        !netlink_take(&attributes, &header, sizeof header) ||
        (!netlink_find(attributes, IFA_LOCAL, &value) &&
         !netlink_find(attributes, IFA_ADDRESS, &value)) ||
        value.size < (header.ifa_family == AF_INET ? 4 : 16) ||
        inet_ntop(header.ifa_family, value.bytes, text, sizeof text) == NULL)
        return 0;
    struct show_address *address =
        &network->addresses[network->address_count++];
    address->index = header.ifa_index;
    snprintf(address->text, sizeof address->text, "%s/%u", text,
             header.ifa_prefixlen);
    return 0;
}

/* The default route is the one to a network of no bits at all. */
static int show_see_route(const struct netlink_message *message, void *context)
{
    struct show_network *network = context;
    struct rtmsg header;
    struct netlink_span attributes, value;
    if (message == NULL)
        return 0;
    attributes = message->payload;
    if (!netlink_take(&attributes, &header, sizeof header) ||
        header.rtm_dst_len != 0 || header.rtm_family != AF_INET ||
        !netlink_find(attributes, RTA_GATEWAY, &value) || value.size < 4)
        return 0;
    inet_ntop(AF_INET, value.bytes, network->gateway, sizeof network->gateway);
    if (netlink_find(attributes, RTA_OIF, &value))
        netlink_read_u32(value, &network->gateway_index);
    return 0;
}

static int show_ask(struct show_network *network)
{
    static struct netlink_request links, addresses, routes;
    struct netlink netlink;
    struct ifinfomsg any_link = {.ifi_family = AF_UNSPEC};
    struct ifaddrmsg any_address = {.ifa_family = AF_UNSPEC};
    struct rtmsg any_route = {.rtm_family = AF_INET};
    if (netlink_connect(&netlink, NETLINK_ROUTE) == -1)
        return -1;
    netlink_start_dump(&links, RTM_GETLINK, any_link);
    netlink_start_dump(&addresses, RTM_GETADDR, any_address);
    netlink_start_dump(&routes, RTM_GETROUTE, any_route);
    int result =
        netlink_exchange(&netlink, &links, show_see_link, network) == -1 ||
                netlink_exchange(&netlink, &addresses, show_see_address,
                                 network) == -1 ||
                netlink_exchange(&netlink, &routes, show_see_route, network) ==
                    -1
            ? -1
            : 0;
    netlink_close(&netlink);
    return result;
}

/* ---- Drawing it ---- */

/* The other end of a veth pair is known by its number only. */
static const char *show_peer(const struct show_network *network,
                             const struct show_link *link)
{
    const struct if_nameindex *host = network->host_links;
    if (strcmp(link->kind, "veth") != 0)
        return NULL;
    for (; host != NULL && host->if_index != 0; host++)
        if (host->if_index == link->peer)
            return host->if_name;
    return NULL;
}

static void show_link(struct picture *picture,
                      const struct show_network *network,
                      const struct show_link *link)
{
    char received[NUMBER_BYTES_TEXT], sent[NUMBER_BYTES_TEXT];
    const char *peer = show_peer(network, link);
    picture_line(picture, link->up ? PICTURE_GOOD : PICTURE_WARNING,
                 "%-8s%s%s%s%s%s", link->name, link->up ? "up" : "down",
                 link->kind[0] == '\0' ? "" : ", ", link->kind,
                 peer == NULL ? "" : ", its other end on the host: ",
                 peer == NULL ? "" : peer);
    for (size_t i = 0; i < network->address_count; i++)
        if (network->addresses[i].index == link->index)
            picture_line(picture, PICTURE_PLAIN, "        %s",
                         network->addresses[i].text);
    if (link->counts.rx_packets + link->counts.tx_packets > 0)
        picture_line(picture, PICTURE_DIM, "        received %s, sent %s",
                     number_format_bytes((int64_t)link->counts.rx_bytes, 1000,
                                         " ", received),
                     number_format_bytes((int64_t)link->counts.tx_bytes, 1000,
                                         " ", sent));
}

static void show_links(struct picture *picture,
                       const struct show_network *network)
{
    char name[IFNAMSIZ] = "?";
    for (size_t i = 0; i < network->link_count; i++) {
        show_link(picture, network, &network->links[i]);
        if (network->links[i].index == network->gateway_index)
            memcpy(name, network->links[i].name, sizeof name);
    }
    if (network->gateway[0] == '\0')
        picture_line(picture, PICTURE_PLAIN, "no way out: no default route");
    else
        picture_line(picture, PICTURE_PLAIN, "the way out is %s, by %s",
                     network->gateway, name);
}

/* Its network namespace belongs to its user namespace: root may enter it at once, the
 * container's owner after that one, in which everything is allowed to him. */
static int show_enter(int proc_fd)
{
    int result = -1;
    int user_fd = openat(proc_fd, "ns/user", O_RDONLY | O_CLOEXEC);
    int net_fd = openat(proc_fd, "ns/net", O_RDONLY | O_CLOEXEC);
    if (net_fd != -1) {
        result = setns(net_fd, CLONE_NEWNET);
        if (result == -1 && errno == EPERM && user_fd != -1 &&
            setns(user_fd, CLONE_NEWUSER) == 0)
            result = setns(net_fd, CLONE_NEWNET);
    }
    int saved_errno = errno;
    if (user_fd != -1)
        close(user_fd);
    if (net_fd != -1)
        close(net_fd);
    errno = saved_errno;
    return result;
}

void show_network(struct picture *picture, int proc_fd)
{
    unsigned long inside, outside;
    picture_heading(picture, "network");
    if (!show_has_own(proc_fd, "net", &inside, &outside)) {
        picture_line(picture, PICTURE_WARNING,
                     "the host's: its links, its addresses, its ports");
        return;
    }
    static struct show_network network;
    network.host_links = if_nameindex();
    fflush(picture->file); /* or the child would write it, too */
    pid_t pid = fork();
    if (pid == 0) {
        if (show_enter(proc_fd) == -1 || show_ask(&network) == -1)
            picture_line(picture, PICTURE_DIM, "(can not be read: %s)",
                         strerror(errno));
        else
            show_links(picture, &network);
        _exit(fflush(picture->file) == 0 ? 0 : 1);
    }
    if (pid == -1)
        picture_line(picture, PICTURE_DIM, "(can not be read: %s)",
                     strerror(errno));
    else
        waitpid(pid, NULL, 0);
    if (network.host_links != NULL)
        if_freenameindex(network.host_links);
}
