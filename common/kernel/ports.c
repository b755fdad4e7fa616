#include "common/kernel/ports.h"

#include "common/base/files.h"
#include "common/base/log.h"
#include "common/base/number.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/filter.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* ---- What is asked for ---- */

/* "80" or "8000-8009", and nothing behind it: `last` is `first` for a single
 * one. Returns whether it is that. */
static bool ports_parse_range(const char *text, uint16_t *first, uint16_t *last)
{
    uint64_t from, to;
    const char *rest = number_scan(text, UINT16_MAX, &from);
    if (rest == NULL || from == 0)
        return false;
    to = from;
    if (*rest == '-')
        rest = number_scan(rest + 1, UINT16_MAX, &to);
    if (rest == NULL || *rest != '\0' || to < from)
        return false;
    *first = (uint16_t)from;
    *last = (uint16_t)to;
    return true;
}

static const char *ports_append(struct ports *ports, const struct port *port)
{
    if (ports->count == PORTS_MOST)
        return "expected 128 ports at most";
    for (size_t i = 0; i < ports->count; i++)
        if (port->host_port != 0 && ports_collide(port, &ports->all[i]))
            return "expected a port of this machine that is not published "
                   "already by another -p";
    ports->all[ports->count++] = *port;
    return NULL;
}

/* `host` and `container` are what stands before and behind the last colon;
 * `host` is empty where any port will do. */
static const char *ports_parse_pair(struct ports *ports, struct port port,
                                    const char *host, const char *container)
{
    static const char expected[] =
        "expected ports from 1 to 65535, or ranges such as 8000-8009";
    uint16_t host_first = 0, host_last = 0, first, last;
    if (!ports_parse_range(container, &first, &last))
        return expected;
    if (*host != '\0') {
        if (!ports_parse_range(host, &host_first, &host_last))
            return expected;
        if (host_last - host_first != last - first)
            return "expected as many ports before the colon as behind it";
    }
    for (unsigned i = 0; i <= (unsigned)(last - first); i++) {
        port.host_port = *host == '\0' ? 0 : (uint16_t)(host_first + i);
        port.container_port = (uint16_t)(first + i);
        const char *wrong = ports_append(ports, &port);
        if (wrong != NULL)
            return wrong;
    }
    return NULL;
}

const char *ports_parse(const char *text, void *ports)
{
    static const char expected[] = "expected [IP:]HOST:CONTAINER[/tcp|/udp], "
                                   "such as 8080:80 or 127.0.0.1:53:53/udp";
    struct ports *all = ports;
    struct port port = {.protocol = IPPROTO_TCP, .held_fd = -1};
    size_t count_before = all->count;
    char copy[64];
    if (strchr(text, '[') != NULL)
        return "expected an IPv4 address: there is no IPv6 in our networks";
    if (snprintf(copy, sizeof copy, "%s", text) >= (int)sizeof copy)
        return expected;

    char *protocol = strchr(copy, '/');
    if (protocol != NULL) {
        *protocol++ = '\0';
        if (strcmp(protocol, "udp") == 0)
            port.protocol = IPPROTO_UDP;
        else if (strcmp(protocol, "tcp") != 0)
            return "expected tcp or udp behind the slash";
    }
    char *host = copy, *container = strrchr(copy, ':');
    if (container == NULL) { /* a container's port alone */
        container = copy;
        host = "";
    } else {
        *container++ = '\0';
        char *behind_address = strrchr(copy, ':');
        if (behind_address != NULL) {
            *behind_address = '\0';
            host = behind_address + 1;
            if (inet_pton(AF_INET, copy, &port.host_address) != 1)
                return "expected an IPv4 address such as 127.0.0.1 first";
        } else if (*host == '\0') {
            return expected;
        }
    }
    const char *wrong = ports_parse_pair(all, port, host, container);
    if (wrong != NULL)
        all->count = count_before; /* a range is taken whole or not at all */
    return wrong;
}

void ports_describe(const struct port *port, char text[PORTS_TEXT_BYTES])
{
    char address[INET_ADDRSTRLEN];
    inet_ntop(AF_INET, &port->host_address, address, sizeof address);
    snprintf(text, PORTS_TEXT_BYTES, "%s:%u/%s", address, port->host_port,
             port->protocol == IPPROTO_UDP ? "udp" : "tcp");
}

bool ports_collide(const struct port *one, const struct port *other)
{
    in_addr_t a = one->host_address.s_addr, b = other->host_address.s_addr;
    return one->protocol == other->protocol &&
           one->host_port == other->host_port &&
           (a == b || a == htonl(INADDR_ANY) || b == htonl(INADDR_ANY));
}

/* ---- Keeping them ---- */

/* Nothing that comes to the socket is let in: nobody is to believe that there is
 * a server, nor are datagrams to pile up. A program for the packet filter of old,
 * which says how many bytes of each packet are wanted. socket(7). */
static int ports_deafen(int fd)
{
    static struct sock_filter nothing[] = {BPF_STMT(BPF_RET | BPF_K, 0)};
    const struct sock_fprog program = {.len = 1, .filter = nothing};
    int result =
        setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program);
    if (result == -1)
        log_call(result, "a socket that hears nothing",
                 "setsockopt(%d, SOL_SOCKET, SO_ATTACH_FILTER)", fd);
    return result;
}

/* TCP: two sockets with SO_REUSEADDR may be bound to one port, but not once one
 * of them listens. Without SO_REUSEADDR, a server's old connections would keep us
 * out for a minute after its end. */
static int ports_bind(struct port *port, struct sockaddr_in *name)
{
    const int on = 1;
    bool udp = port->protocol == IPPROTO_UDP;
    char address[INET_ADDRSTRLEN];
    inet_ntop(AF_INET, &name->sin_addr, address, sizeof address);
    if (!udp && setsockopt(port->held_fd, SOL_SOCKET, SO_REUSEADDR, &on,
                           sizeof on) == -1)
        return (int)log_call(-1, "whatever old connections there are",
                             "setsockopt(%d, SOL_SOCKET, SO_REUSEADDR)",
                             port->held_fd);
    int result = bind(port->held_fd, (struct sockaddr *)name, sizeof *name);
    if (log_call(result,
                 udp ? "a UDP port of this machine is ours"
                     : "a TCP port of this machine is ours",
                 "bind(htons(%u), inet_addr(\"%s\"))", port->host_port,
                 address) == -1)
        return -1;
    result = udp ? 0 : listen(port->held_fd, 0);
    if (result == -1)
        return (int)log_call(result, "nobody else may listen there",
                             "listen(%d, 0)", port->held_fd);
    return 0;
}

static int ports_take(struct port *port, bool deaf)
{
    struct sockaddr_in name = {
        .sin_family = AF_INET,
        .sin_port = htons(port->host_port),
        .sin_addr = port->host_address,
    };
    socklen_t size = sizeof name;
    int type = port->protocol == IPPROTO_UDP ? SOCK_DGRAM : SOCK_STREAM;
    port->held_fd = socket(AF_INET, type | SOCK_CLOEXEC, 0);
    if (port->held_fd == -1)
        return (int)log_call(-1, "a socket to hold a port with",
                             "socket(AF_INET, %s|SOCK_CLOEXEC, 0)",
                             type == SOCK_DGRAM ? "SOCK_DGRAM" : "SOCK_STREAM");
    if ((deaf && ports_deafen(port->held_fd) == -1) ||
        ports_bind(port, &name) == -1)
        return -1;
    if (port->host_port != 0)
        return 0;
    if (getsockname(port->held_fd, (struct sockaddr *)&name, &size) == -1)
        return (int)log_call(-1, "which port it is", "getsockname(%d)",
                             port->held_fd);
    port->host_port = ntohs(name.sin_port);
    char text[PORTS_TEXT_BYTES];
    ports_describe(port, text);
    log_note("port %u of the container is to be reached at %s",
             port->container_port, text);
    return 0;
}

static int ports_take_all(struct ports *ports, bool deaf)
{
    for (size_t i = 0; i < ports->count; i++) {
        if (ports_take(&ports->all[i], deaf) == -1) {
            int saved_errno = errno;
            ports_let_go(ports);
            errno = saved_errno;
            return -1;
        }
    }
    return 0;
}

int ports_hold(struct ports *ports)
{
    return ports_take_all(ports, true);
}

int ports_try(struct ports *ports)
{
    int result = ports_take_all(ports, false);
    if (result == 0)
        ports_let_go(ports);
    return result;
}

void ports_let_go(struct ports *ports)
{
    for (size_t i = 0; i < ports->count; i++)
        files_close(&ports->all[i].held_fd);
}
