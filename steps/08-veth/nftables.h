/*
 * nftables: the language in which the kernel is told what to do with packets.
 *
 * A table holds chains, a chain holds rules. A base chain hangs at a hook, a
 * place that each packet passes on its way through the kernel; others are
 * jumped to. A rule is a row of expressions, a program for a small machine with
 * registers: load a field of the packet, compare; where a comparison fails, the
 * rule ends. What stands behind all of them happens.
 *
 *     iifname "nsctl0" ip daddr 127.0.0.0/8 drop
 *
 *     nftables_begin_rule(&request, "nsctl", "guard");
 *     nftables_match_interface(&request, NFT_META_IIFNAME, NFT_CMP_EQ, "nsctl0");
 *     nftables_match_address(&request, NFTABLES_DESTINATION, loopback, 8);
 *     nftables_verdict(&request, NF_DROP, NULL);
 *     nftables_end_rule(&request, NULL);
 *
 * Messages go in a batch, which is carried out as a whole or not at all:
 * nftables_begin() first, nftables_end() last. All is of the family ip (IPv4).
 * `nft --debug=netlink list ruleset` prints rules as the machine sees them.
 *
 * taught in: step 08, lessons/08-veth.md
 */
#ifndef NSCTL_KERNEL_NFTABLES_H
#define NSCTL_KERNEL_NFTABLES_H

#include "steps/08-veth/netlink.h"

#include <netinet/in.h> /* before linux/netfilter.h, for musl's sake */

#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <stdint.h>

struct nftables_chain {
    const char *name;
    const char *type; /* "nat" or "filter"; NULL: not a base chain */
    uint32_t hook;    /* NF_INET_PRE_ROUTING… */
    int32_t priority; /* at one hook the lower comes first */
};

void nftables_begin(struct netlink_request *request);
void nftables_end(struct netlink_request *request);

/* What is there already stays as it is. */
void nftables_add_table(struct netlink_request *request, const char *table);
void nftables_add_chain(struct netlink_request *request, const char *table,
                        const struct nftables_chain *chain);

/* A table with all that is in it. */
void nftables_delete_table(struct netlink_request *request, const char *table);

/* The rule of the chain that has that handle. */
void nftables_delete_rule(struct netlink_request *request, const char *table,
                          const char *chain, uint64_t handle);

/* A new rule at the end of the chain; the expressions stand between the two.
 * `comment` is for people and to find it again; NULL: none. */
void nftables_begin_rule(struct netlink_request *request, const char *table,
                         const char *chain);
void nftables_end_rule(struct netlink_request *request, const char *comment);
enum { NFTABLES_COMMENT_BYTES = 128 };

/* ---- Expressions ---- */

enum nftables_field { NFTABLES_SOURCE = 12, NFTABLES_DESTINATION = 16 };

/* `key`: NFT_META_IIFNAME or NFT_META_OIFNAME, where it came in or goes out;
 * `comparison`: NFT_CMP_EQ or NFT_CMP_NEQ. */
void nftables_match_interface(struct netlink_request *request,
                              enum nft_meta_keys key,
                              enum nft_cmp_ops comparison, const char *name);

/* One of the packet's addresses begins with the first bits of this one. */
void nftables_match_address(struct netlink_request *request,
                            enum nftables_field field, struct in_addr address,
                            unsigned prefix_length);

/* It goes to this machine: to any of its addresses. */
void nftables_match_local(struct netlink_request *request);

/* IPPROTO_TCP or IPPROTO_UDP, and the port that it goes to. */
void nftables_match_port(struct netlink_request *request, uint8_t protocol,
                         uint16_t port);

/* Its connection had its destination changed when it began. */
void nftables_match_redirected(struct netlink_request *request);

/* NF_DROP, or NFT_JUMP to a chain. */
void nftables_verdict(struct netlink_request *request, int verdict,
                      const char *chain);

/* In chains of the type nat. The first packet of a connection is looked at, all
 * others follow it, and those that come back are changed back. */
void nftables_masquerade(struct netlink_request *request);
void nftables_redirect(struct netlink_request *request, struct in_addr address,
                       uint16_t port);

/* ---- What is there ---- */

/* Given each rule of a chain; `comment` is "" where it has none. From the first
 * again when `comment` is NULL: the rules were changed in between. Returns 0,
 * or -1 with errno, to stop. */
typedef int nftables_visit(uint64_t handle, const char *comment, void *context);

/* Returns 0, also where there is no such chain, or -1 with errno, reported. */
int nftables_for_each_rule(struct netlink *netlink, const char *table,
                           const char *chain, nftables_visit *visit,
                           void *context);

#endif
