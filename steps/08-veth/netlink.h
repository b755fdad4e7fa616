/*
 * netlink: questions and orders to the kernel's network, as messages.
 *
 * A netlink socket takes what other parts of the kernel take as system calls.
 * netlink_message.h has what can be said, this is the conversation.
 *
 *     struct netlink netlink;
 *     struct netlink_request request = {0};
 *     struct ifinfomsg link = {.ifi_family = AF_UNSPEC};
 *
 *     netlink_connect(&netlink, NETLINK_ROUTE);
 *     netlink_start(&request, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, link);
 *     netlink_put_text(&request, IFLA_IFNAME, "nsctl0");
 *     netlink_nest(&request, IFLA_LINKINFO);
 *     netlink_put_text(&request, IFLA_INFO_KIND, "bridge");
 *     netlink_nest_end(&request);
 *     netlink_call(&netlink, &request, "a bridge for all containers",
 *                  "IFLA_IFNAME=\"%s\"", "nsctl0");
 *     netlink_close(&netlink);
 *
 * taught in: step 08, lessons/08-veth.md
 */
#ifndef NSCTL_KERNEL_NETLINK_H
#define NSCTL_KERNEL_NETLINK_H

#include "steps/08-veth/netlink_message.h"

#include <stddef.h>
#include <stdint.h>

struct netlink_answer {
    size_t sent;           /* bytes; what sendto(2) returned */
    int error;             /* an errno, of the message below; 0: none */
    size_t message;        /* which of the request's, from 0 */
    const char *attribute; /* the one at fault, or NULL. Static */
    char text[160];        /* what the kernel has to say about it, or "" */
};

struct netlink {
    int fd;
    const char *protocol; /* "NETLINK_ROUTE" */
    uint32_t port;        /* ours: answers bear it */
    uint32_t sequence;    /* of the last message sent */
    struct netlink_answer answer;
};

/* Opens a socket of NETLINK_ROUTE or NETLINK_NETFILTER in the caller's network
 * namespace, where it stays, wherever the caller goes. Returns 0, or -1 with
 * errno, reported; then netlink->fd is -1. netlink(7). */
int netlink_connect(struct netlink *netlink, int protocol);

/* Closes it; a socket that is closed (fd -1) already is no harm. */
void netlink_close(struct netlink *netlink);

/* Given each message of an answer that is not an error; it may be called again
 * from the first, where a dump was overtaken by changes: then `message` is
 * NULL once before. Returns 0, or -1 with errno, which ends the exchange. */
typedef int netlink_visit(const struct netlink_message *message, void *context);

/*
 * Sends the request and waits until the kernel has answered each of its
 * messages. `visit` may be NULL. Returns 0, or -1 with errno: of the first
 * message that the kernel has refused, netlink->answer says more of it, and
 * nothing is reported. With netlink->answer.error == 0 it was a system call
 * that failed, or an answer that was none (EBADMSG), and that is reported; or
 * `visit` that said so.
 */
int netlink_exchange(struct netlink *netlink,
                     const struct netlink_request *request,
                     netlink_visit *visit, void *context);

/* The same, reported as a call of sendto(2) that names the messages, and then
 * the details, such as "IFLA_IFNAME=\"%s\"": as strace has them. A refusal is
 * an error with all that the kernel says of it. Returns 0, or -1 with errno. */
int netlink_call(struct netlink *netlink, const struct netlink_request *request,
                 const char *intention, const char *details_format, ...)
    __attribute__((format(printf, 4, 5)));

/* Reports an exchange as netlink_call() does, where some refusals are none.
 * Returns 0, or -1 with errno, as that did. */
int netlink_report(const struct netlink *netlink,
                   const struct netlink_request *request, const char *intention,
                   const char *details);

#endif
