#include "steps/08-veth/firewall.h"

#include "common/base/log.h"
#include "steps/08-veth/netlink.h"

#include <arpa/inet.h> /* before linux/netfilter.h, for musl's sake */

#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <stdbool.h>
#include <string.h>

struct firewall_search {
    const char *bridge;
    uint8_t family; /* of the first chain that drops; 0: there is none */
    char table[64], chain[64];
    bool is_told; /* something in that table names the bridge */
};

/* Takes the header that all messages of nf_tables begin with. */
static bool firewall_take_family(const struct netlink_message *message,
                                 unsigned type, struct netlink_span *rest,
                                 uint8_t *family)
{
    struct nfgenmsg header;
    *rest = message->payload;
    if (message->header.nlmsg_type != (NFNL_SUBSYS_NFTABLES << 8 | type) ||
        !netlink_take(rest, &header, sizeof header))
        return false;
    *family = header.nfgen_family;
    return true;
}

static bool firewall_is(struct netlink_span attributes, unsigned type,
                        uint32_t number)
{
    struct netlink_span value;
    uint32_t found;
    return netlink_find(attributes, type, &value) &&
           netlink_read_u32(value, &found) && ntohl(found) == number;
}

static int firewall_see_chain(const struct netlink_message *message,
                              void *context)
{
    struct firewall_search *search = context;
    struct netlink_span rest, hook, table, chain;
    uint8_t family;
    if (message == NULL) {
        search->family = 0;
        return 0;
    }
    if (search->family == 0 &&
        firewall_take_family(message, NFT_MSG_NEWCHAIN, &rest, &family) &&
        (family == NFPROTO_IPV4 || family == NFPROTO_INET) &&
        netlink_find(rest, NFTA_CHAIN_HOOK, &hook) &&
        firewall_is(hook, NFTA_HOOK_HOOKNUM, NF_INET_FORWARD) &&
        firewall_is(rest, NFTA_CHAIN_POLICY, NF_DROP) &&
        netlink_find(rest, NFTA_CHAIN_TABLE, &table) &&
        netlink_read_text(table, search->table, sizeof search->table) &&
        netlink_find(rest, NFTA_CHAIN_NAME, &chain) &&
        netlink_read_text(chain, search->chain, sizeof search->chain))
        search->family = family;
    return 0;
}

static int firewall_see_rule(const struct netlink_message *message,
                             void *context)
{
    struct firewall_search *search = context;
    struct netlink_span rest, table;
    uint8_t family;
    char name[sizeof search->table];
    if (message == NULL) {
        search->is_told = false;
        return 0;
    }
    if (firewall_take_family(message, NFT_MSG_NEWRULE, &rest, &family) &&
        family == search->family &&
        netlink_find(rest, NFTA_RULE_TABLE, &table) &&
        netlink_read_text(table, name, sizeof name) &&
        strcmp(name, search->table) == 0 &&
        /* Less its digit: "nsctl*" means it, too. */
        memmem(rest.bytes, rest.size, search->bridge,
               strlen(search->bridge) - 1) != NULL)
        search->is_told = true;
    return 0;
}

static int firewall_dump(struct netlink *netlink, unsigned type,
                         const char *name, netlink_visit *visit, void *context)
{
    struct netlink_request request = {0};
    const struct nfgenmsg all = {.nfgen_family = NFPROTO_UNSPEC};
    netlink_start_message(&request, NFNL_SUBSYS_NFTABLES << 8 | type, name,
                          NLM_F_DUMP, &all, sizeof all);
    return netlink_exchange(netlink, &request, visit, context);
}

void firewall_warn(const char *bridge)
{
    struct firewall_search search = {.bridge = bridge};
    struct netlink netlink;
    if (netlink_connect(&netlink, NETLINK_NETFILTER) == -1)
        return;
    if (firewall_dump(&netlink, NFT_MSG_GETCHAIN, "NFT_MSG_GETCHAIN",
                      firewall_see_chain, &search) == 0 &&
        search.family != 0 &&
        firewall_dump(&netlink, NFT_MSG_GETRULE, "NFT_MSG_GETRULE",
                      firewall_see_rule, &search) == 0 &&
        !search.is_told) {
        log_warning(
            "this machine's firewall drops what is forwarded: the chain "
            "%s of the table %s has the policy drop",
            search.chain, search.table);
        log_advice("let it accept the containers': sudo nft insert rule %s %s "
                   "%s iifname %s accept, and the same with oifname; with "
                   "Docker: iptables -I DOCKER-USER -i %s -j ACCEPT, and -o",
                   search.family == NFPROTO_INET ? "inet" : "ip", search.table,
                   search.chain, bridge, bridge);
    }
    netlink_close(&netlink);
}
