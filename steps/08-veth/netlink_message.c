#include "steps/08-veth/netlink_message.h"

#include <string.h>

/* ---- What is sent ---- */

/* Room for `size` bytes, and zeroes up to the next multiple of four, where all
 * that follows must begin. NULL where there is none. */
static unsigned char *netlink_reserve(struct netlink_request *request,
                                      size_t size)
{
    if (size > sizeof request->bytes - request->used)
        request->overflow = true;
    if (request->overflow)
        return NULL;
    unsigned char *place = request->bytes + request->used;
    memset(place, 0,
           NLMSG_ALIGN(size)); /* the buffer ends at such a multiple */
    request->used += NLMSG_ALIGN(size);
    return place;
}

/* A message's length covers all that was put since it began. */
static void netlink_set_length(struct netlink_request *request)
{
    size_t start = request->starts[request->count - 1];
    uint32_t length = (uint32_t)(request->used - start);
    memcpy(request->bytes + start, &length, sizeof length);
}

void netlink_put_bytes(struct netlink_request *request, const void *bytes,
                       size_t size)
{
    unsigned char *place = netlink_reserve(request, size);
    if (place == NULL)
        return;
    memcpy(place, bytes, size);
    netlink_set_length(request);
}

void netlink_start_message(struct netlink_request *request, unsigned type,
                           const char *name, unsigned flags, const void *header,
                           size_t size)
{
    const struct nlmsghdr start = {
        .nlmsg_type = (uint16_t)type,
        .nlmsg_flags = (uint16_t)(flags | NLM_F_REQUEST),
    };
    if (request->count == NETLINK_REQUEST_MESSAGES || request->depth != 0) {
        request->overflow = true;
        return;
    }
    request->starts[request->count] = request->used;
    request->names[request->count++] = name;
    netlink_put_bytes(request, &start, sizeof start);
    netlink_put_bytes(request, header, size);
}

void netlink_put_attribute(struct netlink_request *request, unsigned type,
                           const char *name, const void *value, size_t size)
{
    if (size > UINT16_MAX - NLA_HDRLEN) /* it has only 16 bits for its length */
        request->overflow = true;
    unsigned char *place = netlink_reserve(request, NLA_HDRLEN + size);
    if (place == NULL)
        return;
    const struct nlattr attribute = {
        .nla_len = (uint16_t)(NLA_HDRLEN + size),
        .nla_type = (uint16_t)type,
    };
    memcpy(place, &attribute, sizeof attribute);
    if (size > 0)
        memcpy(place + NLA_HDRLEN, value, size);
    request->attributes[(place - request->bytes) / NLA_ALIGNTO] = name;
    netlink_set_length(request);
}

void netlink_put_string(struct netlink_request *request, unsigned type,
                        const char *name, const char *text)
{
    netlink_put_attribute(request, type, name, text, strlen(text) + 1);
}

void netlink_put_number(struct netlink_request *request, unsigned type,
                        const char *name, uint32_t number)
{
    netlink_put_attribute(request, type, name, &number, sizeof number);
}

void netlink_open_nest(struct netlink_request *request, unsigned type,
                       const char *name)
{
    if (request->depth == NETLINK_NESTING)
        request->overflow = true;
    if (request->overflow)
        return;
    request->open[request->depth++] = request->used;
    netlink_put_attribute(request, type | NLA_F_NESTED, name, NULL, 0);
}

void netlink_nest_end(struct netlink_request *request)
{
    if (request->overflow || request->depth == 0) {
        request->overflow = true;
        return;
    }
    size_t start = request->open[--request->depth];
    uint16_t length = (uint16_t)(request->used - start);
    memcpy(request->bytes + start, &length, sizeof length);
}

/* ---- What comes back ---- */

bool netlink_skip(struct netlink_span *rest, size_t size)
{
    if (size > rest->size)
        return false;
    size_t padded = NLMSG_ALIGN(size); /* which the last one need not be */
    if (padded > rest->size)
        padded = rest->size;
    rest->bytes += padded;
    rest->size -= padded;
    return true;
}

bool netlink_next_message(struct netlink_span *rest,
                          struct netlink_message *message)
{
    if (rest->size < sizeof message->header)
        return false;
    memcpy(&message->header, rest->bytes, sizeof message->header);
    size_t length = message->header.nlmsg_len;
    if (length < sizeof message->header || length > rest->size)
        return false;
    message->payload.bytes = rest->bytes + sizeof message->header;
    message->payload.size = length - sizeof message->header;
    return netlink_skip(rest, length);
}

bool netlink_take(struct netlink_span *rest, void *header, size_t size)
{
    if (rest->size < size)
        return false;
    memcpy(header, rest->bytes, size);
    return netlink_skip(rest, size);
}

bool netlink_next_attribute(struct netlink_span *rest, unsigned *type,
                            struct netlink_span *value)
{
    struct nlattr attribute;
    if (rest->size < sizeof attribute)
        return false;
    memcpy(&attribute, rest->bytes, sizeof attribute);
    if (attribute.nla_len < sizeof attribute || attribute.nla_len > rest->size)
        return false;
    *type = attribute.nla_type & NLA_TYPE_MASK;
    value->bytes = rest->bytes + sizeof attribute;
    value->size = attribute.nla_len - sizeof attribute;
    return netlink_skip(rest, attribute.nla_len);
}

bool netlink_find(struct netlink_span attributes, unsigned type,
                  struct netlink_span *value)
{
    unsigned this_type;
    while (netlink_next_attribute(&attributes, &this_type, value))
        if (this_type == type)
            return true;
    return false;
}

bool netlink_read_u32(struct netlink_span value, uint32_t *number)
{
    if (value.size < sizeof *number)
        return false;
    memcpy(number, value.bytes, sizeof *number);
    return true;
}

bool netlink_read_text(struct netlink_span value, char *text, size_t size)
{
    size_t length = strnlen((const char *)value.bytes, value.size);
    if (length == 0 || length >= size)
        return false;
    memcpy(text, value.bytes, length);
    text[length] = '\0';
    return true;
}
