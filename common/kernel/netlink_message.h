/*
 * netlink_message: what is said over a netlink socket, built and read.
 *
 * A message is a header that says what is to be done (struct nlmsghdr), a
 * struct of the subsystem's own, and attributes, each with its length and type,
 * some with further attributes inside. All of them begin at multiples of four.
 * netlink.h has an example.
 *
 * What does not fit is not sent, and nobody need ask while building: the call
 * that sends it says so. What comes back is read within its bounds, whatever
 * lengths it claims: a struct netlink_span is all there is, and only gets smaller.
 *
 * taught in: step 08, lessons/08-veth.md
 */
#ifndef NSCTL_KERNEL_NETLINK_MESSAGE_H
#define NSCTL_KERNEL_NETLINK_MESSAGE_H

#include <linux/netlink.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    NETLINK_REQUEST_BYTES = 16384,
    NETLINK_REQUEST_MESSAGES = 256,
    NETLINK_NESTING = 8
};

/* ---- What is sent: one message, or several in one piece (nf_tables) ---- */

/* Begins empty, = {0}. */
struct netlink_request {
    unsigned char bytes[NETLINK_REQUEST_BYTES];
    size_t used;
    bool overflow; /* something did not fit, so that nothing is sent */
    size_t count;  /* messages: where each begins, and what it is called */
    size_t starts[NETLINK_REQUEST_MESSAGES];
    const char *names[NETLINK_REQUEST_MESSAGES];
    size_t depth; /* attributes that are still open: where each begins */
    size_t open[NETLINK_NESTING];
    /* What the attribute that begins at byte 4 * i is called, for errors. */
    const char *attributes[NETLINK_REQUEST_BYTES / NLA_ALIGNTO];
};

/*
 * Each takes an attribute's type by its name, IFLA_IFNAME, and keeps that name
 * for the log; numbers are in the byte order that they are given in.
 * netlink_start() begins a message; `flags` besides NLM_F_REQUEST, and besides
 * NLM_F_ACK, which is there unless it is a dump; `header` a struct. netlink_nest() opens an
 * attribute that holds others, netlink_nest_end() closes it.
 */
#define netlink_start(request, type, flags, header)                  \
    netlink_start_message(request, type, #type, (flags) | NLM_F_ACK, \
                          &(header), sizeof(header))
#define netlink_start_dump(request, type, header)                      \
    netlink_start_message(request, type, #type, NLM_F_DUMP, &(header), \
                          sizeof(header))
#define netlink_put(request, type, value, size) \
    netlink_put_attribute(request, type, #type, value, size)
#define netlink_put_text(request, type, text) \
    netlink_put_string(request, type, #type, text)
#define netlink_put_u32(request, type, number) \
    netlink_put_number(request, type, #type, number)
#define netlink_nest(request, type) netlink_open_nest(request, type, #type)

/* The functions behind these, for types that have no name of their own. `name`
 * must stay. `flags`: all but NLM_F_REQUEST; one without NLM_F_ACK and
 * NLM_F_DUMP is not answered (NFNL_MSG_BATCH_BEGIN). */
void netlink_start_message(struct netlink_request *request, unsigned type,
                           const char *name, unsigned flags, const void *header,
                           size_t size);
void netlink_put_attribute(struct netlink_request *request, unsigned type,
                           const char *name, const void *value, size_t size);
void netlink_put_string(struct netlink_request *request, unsigned type,
                        const char *name, const char *text);
void netlink_put_number(struct netlink_request *request, unsigned type,
                        const char *name, uint32_t number);
void netlink_open_nest(struct netlink_request *request, unsigned type,
                       const char *name);
void netlink_nest_end(struct netlink_request *request);

/* Bytes that are no attribute: a header within VETH_INFO_PEER. */
void netlink_put_bytes(struct netlink_request *request, const void *bytes,
                       size_t size);

/* ---- What comes back ---- */

/* What is left to be read. */
struct netlink_span {
    const unsigned char *bytes;
    size_t size;
};

struct netlink_message {
    struct nlmsghdr header;
    struct netlink_span payload;
};

/* Takes the first message off `rest`. False at the end, and where what is left
 * is no message: then `rest` is not empty. */
bool netlink_next_message(struct netlink_span *rest,
                          struct netlink_message *message);

/* Passes `size` bytes over, and what fills them up to a multiple of four.
 * False where there are less. */
bool netlink_skip(struct netlink_span *rest, size_t size);

/* Takes a struct of `size` bytes off `rest` (struct ifinfomsg, before the
 * attributes). False where there is less. */
bool netlink_take(struct netlink_span *rest, void *header, size_t size);

/* Takes the first attribute off `rest`; its type without the flag bits. False
 * at the end, and where what is left is none. */
bool netlink_next_attribute(struct netlink_span *rest, unsigned *type,
                            struct netlink_span *value);

/* The first attribute of that type, in `value`. False where there is none. */
bool netlink_find(struct netlink_span attributes, unsigned type,
                  struct netlink_span *value);

/* An attribute's value. False where it is shorter, and for text where it is
 * empty or longer than `size` - 1 bytes; a NUL at its end need not be there. */
bool netlink_read_u32(struct netlink_span value, uint32_t *number);
bool netlink_read_text(struct netlink_span value, char *text, size_t size);

#endif
