#include "steps/08-veth/nat.h"

#include "common/base/files.h"
#include "common/base/log.h"
#include "steps/08-veth/netlink.h"
#include "steps/08-veth/nftables.h"

#include <arpa/inet.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

static const char nat_table[] = "nsctl";
static const char nat_published[] = "published"; /* where its ports lead */

/* ---- What all containers share ---- */

/* What the bridge's own settings would let through, stopped before any address
 * is changed (at priority "raw"): there an address is still the one that was
 * sent to. */
static void nat_put_guard(struct netlink_request *request,
                          const struct nat_bridge *bridge)
{
    const struct in_addr loopback = {.s_addr = htonl(INADDR_LOOPBACK)};
    /* A container that asks for 127.0.0.1 of this machine: with route_localnet,
     * see nat_publish(), the kernel no longer refuses it as impossible. */
    nftables_begin_rule(request, nat_table, "guard");
    nftables_match_interface(request, NFT_META_IIFNAME, NFT_CMP_EQ,
                             bridge->name);
    nftables_match_address(request, NFTABLES_DESTINATION, loopback, 8);
    nftables_verdict(request, NF_DROP, NULL);
    nftables_end_rule(request, NULL);
    /* A neighbour of this machine that sends to a container's own address. We
     * forward packets now, so it would reach every port, published or not. */
    nftables_begin_rule(request, nat_table, "guard");
    nftables_match_interface(request, NFT_META_IIFNAME, NFT_CMP_NEQ,
                             bridge->name);
    nftables_match_address(request, NFTABLES_DESTINATION, bridge->subnet,
                           bridge->prefix_length);
    nftables_verdict(request, NF_DROP, NULL);
    nftables_end_rule(request, NULL);
}

/* What comes from elsewhere passes the hook prerouting, what this machine sends
 * itself the hook output: a published port is met at both. */
static void nat_put_jump(struct netlink_request *request, const char *chain)
{
    nftables_begin_rule(request, nat_table, chain);
    nftables_match_local(request);
    nftables_verdict(request, NFT_JUMP, nat_published);
    nftables_end_rule(request, NULL);
}

static void nat_put_masquerades(struct netlink_request *request,
                                const struct nat_bridge *bridge)
{
    const struct in_addr loopback = {.s_addr = htonl(INADDR_LOOPBACK)};
    static const char chain[] = "postrouting";
    /* From a container to the world, which knows no way back to its address:
     * it takes that of the interface where it goes out. */
    //> masquerade
    nftables_begin_rule(request, nat_table, chain);
    nftables_match_address(request, NFTABLES_SOURCE, bridge->subnet,
                           bridge->prefix_length);
    nftables_match_interface(request, NFT_META_OIFNAME, NFT_CMP_NEQ,
                             bridge->name);
    nftables_masquerade(request);
    nftables_end_rule(request, NULL);
    //< masquerade
    /* From this machine, by 127.0.0.1, to a published port: the container would
     * answer to its own loopback. */
    nftables_begin_rule(request, nat_table, chain);
    nftables_match_interface(request, NFT_META_OIFNAME, NFT_CMP_EQ,
                             bridge->name);
    nftables_match_address(request, NFTABLES_SOURCE, loopback, 8);
    nftables_masquerade(request);
    nftables_end_rule(request, NULL);
    /* From a container, by this machine's address, to a port that another one
     * has published: the answer would go straight over the bridge, and come
     * from an address that was not asked. */
    nftables_begin_rule(request, nat_table, chain);
    nftables_match_interface(request, NFT_META_OIFNAME, NFT_CMP_EQ,
                             bridge->name);
    nftables_match_address(request, NFTABLES_SOURCE, bridge->subnet,
                           bridge->prefix_length);
    nftables_match_redirected(request);
    nftables_masquerade(request);
    nftables_end_rule(request, NULL);
}

/* That there is no such table is no error: somebody may have flushed all rules
 * of this machine, as firewalls do when they are started. So it is made first. */
static void nat_put_deletion(struct netlink_request *request)
{
    nftables_add_table(request, nat_table);
    nftables_delete_table(request, nat_table);
}

/* Carries a request out over a socket that lives as long as that. */
static int nat_call(const struct netlink_request *request,
                    const char *intention)
{
    struct netlink netlink;
    if (netlink_connect(&netlink, NETLINK_NETFILTER) == -1)
        return -1;
    int result = netlink_call(&netlink, request, intention, "%s", "");
    int saved_errno = errno;
    netlink_close(&netlink);
    errno = saved_errno;
    return result;
}

int nat_start(const struct nat_bridge *bridge)
{
    /* Priorities as nft(8) names them: raw, dstnat, srcnat. The kernel's memory
     * of connections looks between the first and the second. */
    enum { RAW = -300, DSTNAT = -100, SRCNAT = 100 };
    static const struct nftables_chain chains[] = {
        {"guard", "filter", NF_INET_PRE_ROUTING, RAW},
        {"prerouting", "nat", NF_INET_PRE_ROUTING, DSTNAT},
        {"output", "nat", NF_INET_LOCAL_OUT, DSTNAT},
        {"postrouting", "nat", NF_INET_POST_ROUTING, SRCNAT},
    };
    const struct nftables_chain published = {.name = nat_published};
    struct netlink_request request = {0};
    nftables_begin(&request);
    nat_put_deletion(&request);
    nftables_add_table(&request, nat_table);
    nftables_add_chain(&request, nat_table, &published);
    for (size_t i = 0; i < sizeof chains / sizeof chains[0]; i++)
        nftables_add_chain(&request, nat_table, &chains[i]);
    nat_put_guard(&request, bridge);
    nat_put_jump(&request, "prerouting");
    nat_put_jump(&request, "output");
    nat_put_masquerades(&request, bridge);
    nftables_end(&request);
    return nat_call(&request, "a table of rules: who gets another address");
}

/* ---- What belongs to one container ---- */

/* "10.88.0.2: 0.0.0.0:8080/tcp" */
static void nat_write_comment(struct in_addr container, const struct port *port,
                              char comment[NFTABLES_COMMENT_BYTES])
{
    char address[INET_ADDRSTRLEN], text[PORTS_TEXT_BYTES];
    inet_ntop(AF_INET, &container, address, sizeof address);
    ports_describe(port, text);
    snprintf(comment, NFTABLES_COMMENT_BYTES, "%s: %s", address, text);
}

/* Whose rule it is by its comment. False for one that is not ours. */
static bool nat_read_comment(const char *comment, struct in_addr *container)
{
    char address[INET_ADDRSTRLEN];
    size_t length = strcspn(comment, ":");
    if (comment[length] == '\0' || length >= sizeof address)
        return false;
    memcpy(address, comment, length);
    address[length] = '\0';
    return inet_pton(AF_INET, address, container) == 1;
}

static int nat_publish_one(struct in_addr container, const struct port *port)
{
    struct netlink_request request = {0};
    char comment[NFTABLES_COMMENT_BYTES], intention[64];
    nat_write_comment(container, port, comment);
    nftables_begin(&request);
    //> publish
    nftables_begin_rule(&request, nat_table, nat_published);
    if (port->host_address.s_addr != htonl(INADDR_ANY))
        nftables_match_address(&request, NFTABLES_DESTINATION,
                               port->host_address, 32);
    nftables_match_port(&request, port->protocol, port->host_port);
    nftables_redirect(&request, container, port->container_port);
    nftables_end_rule(&request, comment);
    //< publish
    nftables_end(&request);
    snprintf(intention, sizeof intention, "port %u leads to port %u of %.*s",
             port->host_port, port->container_port, (int)strcspn(comment, ":"),
             comment);
    return nat_call(&request, intention);
}

int nat_publish(const struct nat_bridge *bridge, struct in_addr container,
                const struct ports *ports)
{
    char path[PATH_MAX];
    if (ports->count == 0)
        return 0;
    for (size_t i = 0; i < ports->count; i++)
        if (nat_publish_one(container, &ports->all[i]) == -1)
            return -1;
    /* This machine sends to 127.0.0.1 from 127.0.0.1, and no interface but lo
     * takes a packet with such an address, unless it is told to. */
    if (files_path(path, "/proc/sys/net/ipv4/conf/%s/route_localnet",
                   bridge->name) == -1)
        return -1;
    return files_write_setting(path, "1", "127.0.0.1 may lead there, too");
}

/* ---- Taking it away ---- */

enum { NAT_MOST_AT_ONCE = 64 };

/* Which rules are to go: those of `container`, or, where there is `is_alive`,
 * of each container that it denies. */
struct nat_search {
    bool (*is_alive)(struct in_addr container, void *context);
    void *context;
    struct in_addr container;
    size_t count;
    uint64_t handles[NAT_MOST_AT_ONCE];
};

static int nat_find_rule(uint64_t handle, const char *comment, void *context)
{
    struct nat_search *search = context;
    struct in_addr container;
    if (comment == NULL) /* from the first again */
        search->count = 0;
    else if (search->count < NAT_MOST_AT_ONCE &&
             nat_read_comment(comment, &container) &&
             (search->is_alive == NULL
                  ? container.s_addr == search->container.s_addr
                  : !search->is_alive(container, search->context)))
        search->handles[search->count++] = handle;
    return 0;
}

static int nat_delete_found(struct netlink *netlink, struct nat_search *search,
                            const char *intention)
{
    do {
        struct netlink_request request = {0};
        search->count = 0;
        if (nftables_for_each_rule(netlink, nat_table, nat_published,
                                   nat_find_rule, search) == -1)
            return -1;
        if (search->count == 0)
            return 0;
        nftables_begin(&request);
        for (size_t i = 0; i < search->count; i++)
            nftables_delete_rule(&request, nat_table, nat_published,
                                 search->handles[i]);
        nftables_end(&request);
        if (netlink_call(netlink, &request, intention, "%s", "") == -1)
            return -1;
    } while (search->count == NAT_MOST_AT_ONCE); /* there may be more */
    return 0;
}

static int nat_delete(struct nat_search *search, const char *intention)
{
    struct netlink netlink;
    if (netlink_connect(&netlink, NETLINK_NETFILTER) == -1)
        return -1;
    int result = nat_delete_found(&netlink, search, intention);
    int saved_errno = errno;
    netlink_close(&netlink);
    errno = saved_errno;
    return result;
}

int nat_sweep(bool (*is_alive)(struct in_addr container, void *context),
              void *context)
{
    struct nat_search search = {.is_alive = is_alive, .context = context};
    return nat_delete(&search, "rules left behind by a run that was killed");
}

int nat_withdraw(struct in_addr container)
{
    struct nat_search search = {.container = container};
    return nat_delete(&search, "its ports lead nowhere any more");
}

int nat_stop(void)
{
    struct netlink_request request = {0};
    nftables_begin(&request);
    nat_put_deletion(&request);
    nftables_end(&request);
    return nat_call(&request, "the table of rules is gone");
}
