#include "steps/08-veth/nftables.h"

#include <arpa/inet.h>
#include <endian.h>
#include <errno.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nf_nat.h>
#include <linux/netfilter/nfnetlink.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>

/* The kernel takes all of this in the network's byte order, unlike rtnetlink. */

/* ---- Messages ---- */

/* Both ends of a batch are messages to all of netfilter, and name in res_id the
 * part of it that they mean. */
static const struct nfgenmsg nftables_batch = {
    .nfgen_family = AF_UNSPEC,
    .version = NFNETLINK_V0,
    .res_id = __builtin_bswap16(NFNL_SUBSYS_NFTABLES),
};

static const struct nfgenmsg nftables_ip = {
    .nfgen_family = NFPROTO_IPV4,
    .version = NFNETLINK_V0,
};

/* A message's type has the part of netfilter in its upper byte. */
#define nftables_start(request, type, flags)                                  \
    netlink_start_message(request, NFNL_SUBSYS_NFTABLES << 8 | (type), #type, \
                          (flags) | NLM_F_ACK, &nftables_ip,                  \
                          sizeof nftables_ip)

void nftables_begin(struct netlink_request *request)
{
    netlink_start_message(request, NFNL_MSG_BATCH_BEGIN, "NFNL_MSG_BATCH_BEGIN",
                          0, &nftables_batch, sizeof nftables_batch);
}

void nftables_end(struct netlink_request *request)
{
    netlink_start_message(request, NFNL_MSG_BATCH_END, "NFNL_MSG_BATCH_END", 0,
                          &nftables_batch, sizeof nftables_batch);
}

void nftables_add_table(struct netlink_request *request, const char *table)
{
    nftables_start(request, NFT_MSG_NEWTABLE, NLM_F_CREATE);
    netlink_put_text(request, NFTA_TABLE_NAME, table);
}

void nftables_delete_table(struct netlink_request *request, const char *table)
{
    nftables_start(request, NFT_MSG_DELTABLE, 0);
    netlink_put_text(request, NFTA_TABLE_NAME, table);
}

void nftables_add_chain(struct netlink_request *request, const char *table,
                        const struct nftables_chain *chain)
{
    nftables_start(request, NFT_MSG_NEWCHAIN, NLM_F_CREATE);
    netlink_put_text(request, NFTA_CHAIN_TABLE, table);
    netlink_put_text(request, NFTA_CHAIN_NAME, chain->name);
    if (chain->type == NULL)
        return;
    netlink_put_text(request, NFTA_CHAIN_TYPE, chain->type);
    netlink_nest(request, NFTA_CHAIN_HOOK);
    netlink_put_u32(request, NFTA_HOOK_HOOKNUM, htonl(chain->hook));
    netlink_put_u32(request, NFTA_HOOK_PRIORITY,
                    htonl((uint32_t)chain->priority));
    netlink_nest_end(request);
}

void nftables_delete_rule(struct netlink_request *request, const char *table,
                          const char *chain, uint64_t handle)
{
    uint64_t number = htobe64(handle);
    nftables_start(request, NFT_MSG_DELRULE, 0);
    netlink_put_text(request, NFTA_RULE_TABLE, table);
    netlink_put_text(request, NFTA_RULE_CHAIN, chain);
    netlink_put(request, NFTA_RULE_HANDLE, &number, sizeof number);
}

void nftables_begin_rule(struct netlink_request *request, const char *table,
                         const char *chain)
{
    nftables_start(request, NFT_MSG_NEWRULE, NLM_F_CREATE | NLM_F_APPEND);
    netlink_put_text(request, NFTA_RULE_TABLE, table);
    netlink_put_text(request, NFTA_RULE_CHAIN, chain);
    netlink_nest(request, NFTA_RULE_EXPRESSIONS);
}

/* What the kernel keeps for us unread; nft(8) looks there for a comment: a
 * byte that says so (0), its length with the NUL, the comment. */
enum { COMMENT_TYPE = 0, COMMENT_HEADER_BYTES = 2 };

void nftables_end_rule(struct netlink_request *request, const char *comment)
{
    unsigned char data[COMMENT_HEADER_BYTES + NFTABLES_COMMENT_BYTES];
    netlink_nest_end(request);
    if (comment == NULL)
        return;
    int length = snprintf((char *)data + COMMENT_HEADER_BYTES,
                          NFTABLES_COMMENT_BYTES, "%s", comment);
    if (length >= NFTABLES_COMMENT_BYTES)
        length = NFTABLES_COMMENT_BYTES - 1;
    data[0] = COMMENT_TYPE;
    data[1] = (unsigned char)(length + 1);
    netlink_put(request, NFTA_RULE_USERDATA, data,
                COMMENT_HEADER_BYTES + (size_t)length + 1);
}

/* ---- Expressions ---- */

static void nftables_begin_expression(struct netlink_request *request,
                                      const char *name)
{
    netlink_nest(request, NFTA_LIST_ELEM);
    netlink_put_text(request, NFTA_EXPR_NAME, name);
    netlink_nest(request, NFTA_EXPR_DATA);
}

static void nftables_end_expression(struct netlink_request *request)
{
    netlink_nest_end(request);
    netlink_nest_end(request);
}

/* A value lies one deeper, since a verdict could lie there instead. */
#define nftables_put_value(request, type, value, size) \
    nftables_put_named_value(request, type, #type, value, size)

static void nftables_put_named_value(struct netlink_request *request,
                                     unsigned type, const char *type_name,
                                     const void *value, size_t size)
{
    netlink_open_nest(request, type, type_name);
    netlink_put(request, NFTA_DATA_VALUE, value, size);
    netlink_nest_end(request);
}

/* Puts a value into a register of the machine: 1 or 2, of 16 bytes each. */
static void nftables_load_value(struct netlink_request *request,
                                enum nft_registers to, const void *value,
                                size_t size)
{
    nftables_begin_expression(request, "immediate");
    netlink_put_u32(request, NFTA_IMMEDIATE_DREG, htonl(to));
    nftables_put_value(request, NFTA_IMMEDIATE_DATA, value, size);
    nftables_end_expression(request);
}

/* Puts something that is known about the packet into register 1. */
static void nftables_load_meta(struct netlink_request *request,
                               enum nft_meta_keys key)
{
    nftables_begin_expression(request, "meta");
    netlink_put_u32(request, NFTA_META_KEY, htonl(key));
    netlink_put_u32(request, NFTA_META_DREG, htonl(NFT_REG_1));
    nftables_end_expression(request);
}

/* Puts bytes of the packet into register 1. */
static void nftables_load_payload(struct netlink_request *request,
                                  enum nft_payload_bases base, uint32_t offset,
                                  uint32_t size)
{
    nftables_begin_expression(request, "payload");
    netlink_put_u32(request, NFTA_PAYLOAD_DREG, htonl(NFT_REG_1));
    netlink_put_u32(request, NFTA_PAYLOAD_BASE, htonl(base));
    netlink_put_u32(request, NFTA_PAYLOAD_OFFSET, htonl(offset));
    netlink_put_u32(request, NFTA_PAYLOAD_LEN, htonl(size));
    nftables_end_expression(request);
}

/* Keeps of the four bytes in register 1 the bits of `mask`. */
static void nftables_mask(struct netlink_request *request, uint32_t mask)
{
    const uint32_t no_change = 0;
    nftables_begin_expression(request, "bitwise");
    netlink_put_u32(request, NFTA_BITWISE_SREG, htonl(NFT_REG_1));
    netlink_put_u32(request, NFTA_BITWISE_DREG, htonl(NFT_REG_1));
    netlink_put_u32(request, NFTA_BITWISE_LEN, htonl(sizeof mask));
    nftables_put_value(request, NFTA_BITWISE_MASK, &mask, sizeof mask);
    nftables_put_value(request, NFTA_BITWISE_XOR, &no_change, sizeof no_change);
    nftables_end_expression(request);
}

/* The rule ends here unless register 1 is equal to `value`, or is not. */
static void nftables_compare(struct netlink_request *request,
                             enum nft_cmp_ops comparison, const void *value,
                             size_t size)
{
    nftables_begin_expression(request, "cmp");
    netlink_put_u32(request, NFTA_CMP_SREG, htonl(NFT_REG_1));
    netlink_put_u32(request, NFTA_CMP_OP, htonl(comparison));
    nftables_put_value(request, NFTA_CMP_DATA, value, size);
    nftables_end_expression(request);
}

void nftables_match_interface(struct netlink_request *request,
                              enum nft_meta_keys key,
                              enum nft_cmp_ops comparison, const char *name)
{
    char whole[IFNAMSIZ] = ""; /* compared with all its zeroes */
    snprintf(whole, sizeof whole, "%s", name);
    nftables_load_meta(request, key);
    nftables_compare(request, comparison, whole, sizeof whole);
}

void nftables_match_address(struct netlink_request *request,
                            enum nftables_field field, struct in_addr address,
                            unsigned prefix_length)
{
    uint32_t mask =
        prefix_length == 0 ? 0 : htonl(UINT32_MAX << (32 - prefix_length));
    uint32_t value = address.s_addr & mask;
    nftables_load_payload(request, NFT_PAYLOAD_NETWORK_HEADER, field,
                          sizeof value);
    if (prefix_length < 32)
        nftables_mask(request, mask);
    nftables_compare(request, NFT_CMP_EQ, &value, sizeof value);
}

void nftables_match_local(struct netlink_request *request)
{
    /* What the routing table says of the destination: RTN_LOCAL, ours. */
    const uint32_t local = 2;
    nftables_begin_expression(request, "fib");
    netlink_put_u32(request, NFTA_FIB_DREG, htonl(NFT_REG_1));
    netlink_put_u32(request, NFTA_FIB_RESULT, htonl(NFT_FIB_RESULT_ADDRTYPE));
    netlink_put_u32(request, NFTA_FIB_FLAGS, htonl(NFTA_FIB_F_DADDR));
    nftables_end_expression(request);
    nftables_compare(request, NFT_CMP_EQ, &local, sizeof local);
}

void nftables_match_port(struct netlink_request *request, uint8_t protocol,
                         uint16_t port)
{
    enum { DESTINATION_PORT = 2 }; /* at the same place in TCP and UDP */
    uint16_t value = htons(port);
    nftables_load_meta(request, NFT_META_L4PROTO);
    nftables_compare(request, NFT_CMP_EQ, &protocol, sizeof protocol);
    nftables_load_payload(request, NFT_PAYLOAD_TRANSPORT_HEADER,
                          DESTINATION_PORT, sizeof value);
    nftables_compare(request, NFT_CMP_EQ, &value, sizeof value);
}

void nftables_match_redirected(struct netlink_request *request)
{
    const uint32_t none = 0;
    nftables_begin_expression(request, "ct");
    netlink_put_u32(request, NFTA_CT_KEY, htonl(NFT_CT_STATUS));
    netlink_put_u32(request, NFTA_CT_DREG, htonl(NFT_REG_1));
    nftables_end_expression(request);
    nftables_mask(request, IPS_DST_NAT); /* a number of the machine's own */
    nftables_compare(request, NFT_CMP_NEQ, &none, sizeof none);
}

void nftables_verdict(struct netlink_request *request, int verdict,
                      const char *chain)
{
    nftables_begin_expression(request, "immediate");
    netlink_put_u32(request, NFTA_IMMEDIATE_DREG, htonl(NFT_REG_VERDICT));
    netlink_nest(request, NFTA_IMMEDIATE_DATA);
    netlink_nest(request, NFTA_DATA_VERDICT);
    netlink_put_u32(request, NFTA_VERDICT_CODE, htonl((uint32_t)verdict));
    if (chain != NULL)
        netlink_put_text(request, NFTA_VERDICT_CHAIN, chain);
    netlink_nest_end(request);
    netlink_nest_end(request);
    nftables_end_expression(request);
}

void nftables_masquerade(struct netlink_request *request)
{
    nftables_begin_expression(request, "masq");
    nftables_end_expression(request);
}

void nftables_redirect(struct netlink_request *request, struct in_addr address,
                       uint16_t port)
{
    uint16_t value = htons(port);
    nftables_load_value(request, NFT_REG_1, &address, sizeof address);
    nftables_load_value(request, NFT_REG_2, &value, sizeof value);
    nftables_begin_expression(request, "nat");
    netlink_put_u32(request, NFTA_NAT_TYPE, htonl(NFT_NAT_DNAT));
    netlink_put_u32(request, NFTA_NAT_FAMILY, htonl(NFPROTO_IPV4));
    netlink_put_u32(request, NFTA_NAT_REG_ADDR_MIN, htonl(NFT_REG_1));
    netlink_put_u32(request, NFTA_NAT_REG_PROTO_MIN, htonl(NFT_REG_2));
    netlink_put_u32(request, NFTA_NAT_FLAGS,
                    htonl(NF_NAT_RANGE_PROTO_SPECIFIED));
    nftables_end_expression(request);
}

/* ---- What is there ---- */

/* A rule's comment, or "" where it has none, or one that is not made so. */
static void nftables_read_comment(struct netlink_span data, char *comment)
{
    comment[0] = '\0';
    while (data.size >= COMMENT_HEADER_BYTES) {
        struct netlink_span value = {
            .bytes = data.bytes + COMMENT_HEADER_BYTES,
            .size = data.bytes[1],
        };
        if (value.size > data.size - COMMENT_HEADER_BYTES)
            return;
        if (data.bytes[0] == COMMENT_TYPE) {
            netlink_read_text(value, comment, NFTABLES_COMMENT_BYTES);
            return;
        }
        data.bytes += COMMENT_HEADER_BYTES + value.size;
        data.size -= COMMENT_HEADER_BYTES + value.size;
    }
}

struct nftables_listing {
    nftables_visit *visit;
    void *context;
};

static int nftables_read_rule(const struct netlink_message *message,
                              void *context)
{
    const struct nftables_listing *listing = context;
    if (message == NULL)
        return listing->visit(0, NULL, listing->context);
    struct netlink_span rest = message->payload, value;
    struct nfgenmsg header;
    uint64_t handle;
    char comment[NFTABLES_COMMENT_BYTES] = "";
    if (message->header.nlmsg_type !=
            (NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_NEWRULE) ||
        !netlink_take(&rest, &header, sizeof header) ||
        !netlink_find(rest, NFTA_RULE_HANDLE, &value) ||
        !netlink_take(&value, &handle, sizeof handle))
        return 0;
    if (netlink_find(rest, NFTA_RULE_USERDATA, &value))
        nftables_read_comment(value, comment);
    return listing->visit(be64toh(handle), comment, listing->context);
}

int nftables_for_each_rule(struct netlink *netlink, const char *table,
                           const char *chain, nftables_visit *visit,
                           void *context)
{
    struct netlink_request request = {0};
    struct nftables_listing listing = {.visit = visit, .context = context};
    netlink_start_message(&request, NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_GETRULE,
                          "NFT_MSG_GETRULE", NLM_F_DUMP, &nftables_ip,
                          sizeof nftables_ip);
    netlink_put_text(&request, NFTA_RULE_TABLE, table);
    netlink_put_text(&request, NFTA_RULE_CHAIN, chain);
    int result =
        netlink_exchange(netlink, &request, nftables_read_rule, &listing);
    if (result == 0 || netlink->answer.error == 0)
        return result;
    if (netlink->answer.error == ENOENT) /* some kernels say so */
        return 0;
    return netlink_report(netlink, &request, "the rules that there are", "");
}
