/*
 * fuzz: a rule of nf_tables as the kernel lists it. The bytes of its comment
 * are whatever somebody with CAP_NET_ADMIN has written there.
 */
#include "tests/fuzz/fuzz.h"

#include "common/kernel/nftables.c" /* for its static functions */

static int fuzz_visit(uint64_t handle, const char *comment, void *context)
{
    (void)handle;
    fuzz_require(comment != NULL);
    fuzz_require(strlen(comment) < NFTABLES_COMMENT_BYTES);
    ++*(unsigned *)context;
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    unsigned rules = 0;
    struct nftables_listing listing = {.visit = fuzz_visit, .context = &rules};
    unsigned char *copy = malloc(size + 1); /* its own block, for ASan */
    if (copy == NULL)
        abort();
    memcpy(copy, data, size);
    const struct netlink_message message = {
        .header.nlmsg_type = NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_NEWRULE,
        .payload = {.bytes = copy, .size = size},
    };
    fuzz_require(nftables_read_rule(&message, &listing) == 0 && rules <= 1);

    char comment[NFTABLES_COMMENT_BYTES];
    nftables_read_comment(message.payload, comment);
    fuzz_require(memchr(comment, '\0', sizeof comment) != NULL);
    free(copy);
    return 0;
}
