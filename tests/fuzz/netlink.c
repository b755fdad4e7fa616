/*
 * fuzz: the kernel's answers over netlink, and what the kernel never sends:
 * lengths that lie, messages cut short, attributes that end outside.
 *
 * So that more than one in four thousand million inputs gets past the check of
 * sequence and port, both are put right in each message that has room for them.
 */
#include "tests/fuzz/fuzz.h"

#include "common/kernel/netlink.c" /* for its static functions */

#include <linux/rtnetlink.h>

enum { PORT = 77, MESSAGES = 4 };

/* All attributes, and down into the last one of each row. */
static void walk(struct netlink_span rest)
{
    struct netlink_span value = {0};
    unsigned type;
    uint32_t number;
    char text[16];
    for (size_t depth = 0; depth < NETLINK_NESTING; depth++) {
        const unsigned char *end = rest.bytes + rest.size;
        bool found = false;
        while (netlink_next_attribute(&rest, &type, &value)) {
            found = true;
            fuzz_require(value.bytes + value.size <= end);
            fuzz_require((type & ~(unsigned)NLA_TYPE_MASK) == 0);
            fuzz_require(netlink_read_u32(value, &number) ==
                         (value.size >= sizeof number));
            if (netlink_read_text(value, text, sizeof text))
                fuzz_require(text[0] != '\0' && strlen(text) < sizeof text);
        }
        if (!found)
            return;
        rest = value;
    }
}

static int visit(const struct netlink_message *message, void *context)
{
    struct netlink_span rest = message->payload, value;
    struct rtmsg route;
    size_t *count = context;
    ++*count;
    fuzz_require(message->header.nlmsg_pid == PORT);
    fuzz_require(message->header.nlmsg_type >= NLMSG_MIN_TYPE);
    walk(rest);
    if (netlink_take(&rest, &route, sizeof route)) {
        walk(rest);
        netlink_find(rest, RTA_DST, &value);
    }
    return 0;
}

static void put_right(unsigned char *bytes, size_t size)
{
    struct nlmsghdr header;
    for (size_t at = 0; at + sizeof header <= size;) {
        memcpy(&header, bytes + at, sizeof header);
        header.nlmsg_seq = 1 + header.nlmsg_seq % MESSAGES;
        header.nlmsg_pid = PORT;
        memcpy(bytes + at, &header, sizeof header);
        if (header.nlmsg_len < sizeof header || header.nlmsg_len > size)
            return;
        at += NLMSG_ALIGN((size_t)header.nlmsg_len);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct netlink_request request;
    struct netlink netlink = {
        .fd = -1,
        .protocol = "NETLINK_ROUTE",
        .port = PORT,
        .sequence = MESSAGES,
    };
    struct rtmsg route = {0};
    size_t count = 0;
    memset(&request, 0, sizeof request);
    netlink_start_message(&request, 1, "BEGIN", 0, &route, 4);
    netlink_start(&request, RTM_NEWROUTE, 0, route);
    netlink_put_u32(&request, RTA_DST, 7);
    netlink_start_dump(&request, RTM_GETROUTE, route);
    netlink_start_message(&request, 2, "END", 0, &route, 4);
    fuzz_require(!request.overflow && request.count == MESSAGES);

    unsigned char *bytes = malloc(size); /* ASan sees the byte behind it */
    if (bytes == NULL)
        return 0;
    memcpy(bytes, data, size);
    put_right(bytes, size);
    struct netlink_wait wait = {
        .request = &request, .visit = visit, .context = &count, .open = 2};
    const struct netlink_span rest = {bytes, size};
    errno = 0;
    if (netlink_read_answers(&netlink, &wait, rest) == -1)
        fuzz_require(errno == EBADMSG);
    free(bytes);

    const struct netlink_answer *answer = &netlink.answer;
    fuzz_require(wait.open <= 2);
    fuzz_require(answer->error >= 0 && answer->error <= 4095);
    fuzz_require(answer->message < MESSAGES);
    fuzz_require(memchr(answer->text, '\0', sizeof answer->text) != NULL);
    fuzz_require(answer->attribute == NULL ||
                 strcmp(answer->attribute, "RTA_DST") == 0);
    return 0;
}
