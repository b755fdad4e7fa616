#include "common/kernel/netlink.h"

#include "common/base/advice.h"
#include "common/base/files.h"
#include "common/base/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* ---- The socket ---- */

/* No dump of the kernel's has longer parts. */
enum { NETLINK_ANSWER_BYTES = 32768 };

int netlink_connect(struct netlink *netlink, int protocol)
{
    const int on = 1;
    struct sockaddr_nl own = {.nl_family = AF_NETLINK};
    socklen_t size = sizeof own;
    *netlink = (struct netlink){
        .protocol =
            protocol == NETLINK_ROUTE ? "NETLINK_ROUTE" : "NETLINK_NETFILTER",
    };
    netlink->fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol);
    if (netlink->fd == -1)
        return (int)log_call(-1, "a socket to the kernel's network",
                             "socket(AF_NETLINK, SOCK_RAW|SOCK_CLOEXEC, %s)",
                             netlink->protocol);
    /* Bound to a port of the kernel's choice. With EXT_ACK a refusal says what
     * was wrong, with CAP_ACK it does not repeat all that we have sent. */
    if (bind(netlink->fd, (struct sockaddr *)&own, sizeof own) == -1 ||
        getsockname(netlink->fd, (struct sockaddr *)&own, &size) == -1 ||
        setsockopt(netlink->fd, SOL_NETLINK, NETLINK_EXT_ACK, &on, sizeof on) ==
            -1 ||
        setsockopt(netlink->fd, SOL_NETLINK, NETLINK_CAP_ACK, &on, sizeof on) ==
            -1) {
        log_error("a socket to the kernel's network: %s has no address or no "
                  "extended answers (%s)",
                  netlink->protocol, advice_error_name(errno));
        int saved_errno = errno;
        netlink_close(netlink);
        errno = saved_errno;
        return -1;
    }
    netlink->port = own.nl_pid;
    return 0;
}

void netlink_close(struct netlink *netlink)
{
    files_close(&netlink->fd);
}

/* The kernel's own words about a refusal, and which attribute it is about.
 * `rest`: what follows the error number. */
static void netlink_read_reasons(const struct netlink_message *message,
                                 struct netlink_span rest,
                                 const struct netlink_request *request,
                                 struct netlink_answer *answer)
{
    struct netlink_span value;
    struct nlmsghdr refused;
    uint32_t offset;
    if ((message->header.nlmsg_flags & NLM_F_ACK_TLVS) == 0)
        return;
    /* Between the two is the header of what is refused, and all the rest of it
     * where the kernel did not heed CAP_ACK. */
    if (message->header.nlmsg_type == NLMSG_ERROR) {
        if (!netlink_take(&rest, &refused, sizeof refused))
            return;
        if ((message->header.nlmsg_flags & NLM_F_CAPPED) == 0) {
            if (refused.nlmsg_len < sizeof refused ||
                !netlink_skip(&rest, refused.nlmsg_len - sizeof refused))
                return;
        }
    }
    if (netlink_find(rest, NLMSGERR_ATTR_MSG, &value))
        netlink_read_text(value, answer->text, sizeof answer->text);
    if (netlink_find(rest, NLMSGERR_ATTR_OFFS, &value) &&
        netlink_read_u32(value, &offset)) {
        size_t place = request->starts[answer->message] + offset;
        if (offset < request->used && place < request->used)
            answer->attribute = request->attributes[place / NLA_ALIGNTO];
    }
}

static int netlink_bad_answer(const char *protocol)
{
    errno = EBADMSG;
    return log_error("%s: an answer that contradicts itself (EBADMSG)",
                     protocol);
}

/* NLMSG_ERROR, which says 0 where all is well, and NLMSG_DONE, the end of a
 * dump, which may also say why it has ended. Returns 0, or -1, reported. */
static int netlink_read_verdict(const struct netlink_message *message,
                                size_t index,
                                const struct netlink_request *request,
                                struct netlink_answer *answer,
                                const char *protocol)
{
    enum { MAX_ERRNO = 4095 };
    struct netlink_span rest = message->payload;
    int32_t error = 0;
    if (!netlink_take(&rest, &error, sizeof error) &&
        message->header.nlmsg_type == NLMSG_ERROR)
        error = 1; /* too short to be one */
    if (error < -MAX_ERRNO || error > 0)
        return netlink_bad_answer(protocol);
    /* Only the first is of interest: others may follow from it. */
    if (error == 0 || (answer->error != 0 && answer->message < index))
        return 0;
    *answer = (struct netlink_answer){
        .sent = answer->sent,
        .error = -error,
        .message = index,
    };
    netlink_read_reasons(message, rest, request, answer);
    return 0;
}

/* Does this message of the request get a verdict? */
static bool netlink_is_answered(const struct netlink_request *request,
                                size_t index)
{
    struct nlmsghdr header;
    memcpy(&header, request->bytes + request->starts[index], sizeof header);
    return (header.nlmsg_flags & NLM_F_ACK) != 0 ||
           (header.nlmsg_flags & NLM_F_DUMP) == NLM_F_DUMP;
}

/* State of one exchange: which of our messages wait for their verdict. */
struct netlink_wait {
    const struct netlink_request *request;
    netlink_visit *visit;
    void *context;
    size_t open;      /* so many */
    bool interrupted; /* a dump that does not fit together */
};

/* Reads what one recvfrom(2) brought. Returns 0, or -1 with errno. */
static int netlink_read_answers(struct netlink *netlink,
                                struct netlink_wait *wait,
                                struct netlink_span rest)
{
    const struct netlink_request *request = wait->request;
    uint32_t first = netlink->sequence - (uint32_t)request->count + 1;
    struct netlink_message message;
    while (netlink_next_message(&rest, &message)) {
        uint32_t index = message.header.nlmsg_seq - first;
        unsigned type = message.header.nlmsg_type;
        if (message.header.nlmsg_pid != netlink->port ||
            index >= request->count)
            continue; /* the answer to an earlier question */
        if ((message.header.nlmsg_flags & NLM_F_DUMP_INTR) != 0)
            wait->interrupted = true;
        if (type == NLMSG_ERROR || type == NLMSG_DONE) {
            if (netlink_read_verdict(&message, index, request, &netlink->answer,
                                     netlink->protocol) == -1)
                return -1;
            /* A batch is refused as a whole in its first message's name, and
             * the others may never be answered. */
            if (netlink_is_answered(request, index) && wait->open > 0)
                wait->open--;
            else if (netlink->answer.error != 0)
                wait->open = 0;
        } else if (type >= NLMSG_MIN_TYPE && wait->visit != NULL &&
                   wait->visit(&message, wait->context) == -1) {
            return -1;
        }
    }
    return rest.size == 0 ? 0 : netlink_bad_answer(netlink->protocol);
}

/* One recvfrom(2). Returns 0, or -1 with errno, reported. */
static int netlink_receive(struct netlink *netlink, struct netlink_wait *wait)
{
    unsigned char bytes[NETLINK_ANSWER_BYTES];
    struct sockaddr_nl from = {.nl_pid = 0};
    socklen_t size = sizeof from;
    /* MSG_TRUNC: its whole length is returned, even if it does not fit. */
    ssize_t got = recvfrom(netlink->fd, bytes, sizeof bytes, MSG_TRUNC,
                           (struct sockaddr *)&from, &size);
    if (got == -1 && errno == EINTR)
        return 0;
    if (got > (ssize_t)sizeof bytes) {
        errno = EMSGSIZE;
        got = -1;
    }
    if (got == -1)
        return (int)log_call(-1, "the kernel's answer", "recvfrom(%s)",
                             netlink->protocol);
    if (from.nl_pid != 0) /* any process may write to our port */
        return 0;
    const struct netlink_span rest = {.bytes = bytes, .size = (size_t)got};
    return netlink_read_answers(netlink, wait, rest);
}

/* Numbers the messages, in a copy, and sends them. Returns 0, or -1 with errno,
 * reported. */
static int netlink_send(struct netlink *netlink,
                        const struct netlink_request *request)
{
    unsigned char bytes[NETLINK_REQUEST_BYTES];
    if (request->overflow || request->depth != 0 || request->count == 0) {
        errno = EMSGSIZE;
        return log_error("%s: the request is longer than %d bytes, or not "
                         "whole (EMSGSIZE)",
                         netlink->protocol, NETLINK_REQUEST_BYTES);
    }
    memcpy(bytes, request->bytes, request->used);
    for (size_t i = 0; i < request->count; i++) {
        netlink->sequence++;
        memcpy(bytes + request->starts[i] +
                   offsetof(struct nlmsghdr, nlmsg_seq),
               &netlink->sequence, sizeof netlink->sequence);
    }
    ssize_t sent = send(netlink->fd, bytes, request->used, 0);
    if (sent == -1)
        return (int)log_call(-1, "ask the kernel's network", "sendto(%s, %s)",
                             netlink->protocol, request->names[0]);
    netlink->answer.sent = (size_t)sent;
    return 0;
}

int netlink_exchange(struct netlink *netlink,
                     const struct netlink_request *request,
                     netlink_visit *visit, void *context)
{
    enum { TRIES = 100 };
    struct netlink_wait wait = {
        .request = request, .visit = visit, .context = context};
    for (int i = 0; i < TRIES; i++) {
        netlink->answer = (struct netlink_answer){0};
        wait.interrupted = false;
        if (netlink_send(netlink, request) == -1)
            return -1;
        wait.open = 0;
        for (size_t index = 0; index < request->count; index++)
            wait.open += netlink_is_answered(request, index);
        while (wait.open > 0)
            if (netlink_receive(netlink, &wait) == -1)
                return -1;
        errno = netlink->answer.error;
        if (netlink->answer.error != 0)
            return -1;
        if (!wait.interrupted)
            return 0;
        if (visit != NULL && visit(NULL, context) == -1)
            return -1;
    }
    errno = EAGAIN;
    return log_error("%s: it changes faster than it can be read (EAGAIN)",
                     netlink->protocol);
}

/* "sendto(NETLINK_ROUTE, RTM_NEWLINK, DETAILS)"; of several messages of one
 * kind in a row the first. */
static void netlink_describe(const struct netlink *netlink,
                             const struct netlink_request *request,
                             const char *details, char *text, size_t size)
{
    const char *last = "";
    size_t used = (size_t)snprintf(text, size, "sendto(%s", netlink->protocol);
    for (size_t i = 0; i < request->count && used < size; i++) {
        if (strcmp(request->names[i], last) == 0)
            continue;
        last = request->names[i];
        used += (size_t)snprintf(text + used, size - used, ", %s", last);
    }
    if (used < size)
        snprintf(text + used, size - used, "%s%s)",
                 details[0] == '\0' ? "" : ", ", details);
}

int netlink_report(const struct netlink *netlink,
                   const struct netlink_request *request, const char *intention,
                   const char *details)
{
    const struct netlink_answer *answer = &netlink->answer;
    const char *name = request->names[answer->message];
    char call[1024];
    netlink_describe(netlink, request, details, call, sizeof call);
    if (answer->error == 0) {
        log_call((long)answer->sent, intention, "%s", call);
        return 0;
    }
    log_error("%s: %s = %zu, answered %s (%s)", intention, call, answer->sent,
              advice_error_name(answer->error), strerror(answer->error));
    if (request->count > 1)
        log_advice("that is about message %zu of %zu, %s", answer->message + 1,
                   request->count, name);
    if (answer->text[0] != '\0' || answer->attribute != NULL)
        log_advice("the kernel says: %s%s%s",
                   answer->text[0] == '\0' ? "look at" : answer->text,
                   answer->attribute == NULL ? "" : ": ",
                   answer->attribute == NULL ? "" : answer->attribute);
    log_advice("%s", advice_for_call(name, answer->error));
    errno = answer->error;
    return -1;
}

int netlink_call(struct netlink *netlink, const struct netlink_request *request,
                 const char *intention, const char *details_format, ...)
{
    char details[512];
    va_list arguments;
    va_start(arguments, details_format);
    vsnprintf(details, sizeof details, details_format, arguments);
    va_end(arguments);
    if (netlink_exchange(netlink, request, NULL, NULL) == -1 &&
        netlink->answer.error == 0)
        return -1;
    return netlink_report(netlink, request, intention, details);
}
