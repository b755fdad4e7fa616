#include "steps/08-veth/slirp_api.h"

#include "common/base/files.h"
#include "common/base/log.h"
#include "common/kernel/lock.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- Its place ---- */

/* /tmp is everybody's: somebody else may have been faster. */
static bool slirp_api_is_ours(const struct stat *status)
{
    return S_ISDIR(status->st_mode) && status->st_uid == geteuid() &&
           (status->st_mode & 077) == 0;
}

int slirp_api_open(struct slirp_api *api)
{
    enum { TRIES = 1000 };
    struct stat status;
    snprintf(api->directory, sizeof api->directory, "/tmp/nsctl-%u",
             (unsigned)geteuid());
    api->socket.sun_family = AF_UNIX;
    snprintf(api->socket.sun_path, sizeof api->socket.sun_path, "%s/slirp",
             api->directory);
    for (int i = 0; i < TRIES; i++) {
        if (mkdir(api->directory, 0700) == -1 && errno != EEXIST)
            return (int)log_call(-1, "a place for its API socket",
                                 "mkdir(\"%s\", 0700)", api->directory);
        /* Before as well: we would wait for a stranger's lock for ever. */
        if (lstat(api->directory, &status) == 0 && !slirp_api_is_ours(&status))
            break;
        api->fd = lock_directory(api->directory, LOCK_EX);
        if (api->fd == -1 && errno == ENOENT)
            continue; /* whoever had it before has just left */
        if (api->fd == -1)
            return -1;
        if (fstat(api->fd, &status) == 0 && slirp_api_is_ours(&status))
            return 0;
        files_close(&api->fd);
        break;
    }
    log_error("%s is not ours alone: it can not hold a socket", api->directory);
    log_advice("remove it, or ask whose it is to do that");
    return -1;
}

void slirp_api_close(struct slirp_api *api)
{
    if (api->fd == -1)
        return;
    unlink(api->socket.sun_path);
    rmdir(api->directory);
    files_close(&api->fd);
}

/* ---- Orders ---- */

/* One order, one connection: it answers, and hangs up. Writes at most `size` -
 * 1 bytes of what it answers. Returns 0, or -1, reported. */
static int slirp_api_ask(const struct slirp_api *api, const char *order,
                         char *answer, size_t size)
{
    size_t used = 0;
    ssize_t got = 1;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd == -1)
        return (int)log_call(fd, "to its API socket",
                             "socket(AF_UNIX, SOCK_STREAM|SOCK_CLOEXEC, 0)");
    int result =
        connect(fd, (const struct sockaddr *)&api->socket, sizeof api->socket);
    if (result == -1) {
        log_call(result, "to its API socket", "connect(\"%s\")",
                 api->socket.sun_path);
    } else {
        result = send(fd, order, strlen(order), MSG_NOSIGNAL) == -1 ? -1 : 0;
        while (result == 0 && got > 0 && used < size - 1) {
            got = recv(fd, answer + used, size - 1 - used, 0);
            used += got > 0 ? (size_t)got : 0;
        }
        result = result == -1 || got == -1 ? -1 : 0;
        if (result == -1)
            log_call(-1, "an order to the network program", "recvfrom(\"%s\")",
                     api->socket.sun_path);
    }
    answer[used] = '\0';
    close(fd);
    return result;
}

int slirp_api_publish(const struct slirp_api *api, const struct port *port)
{
    char order[256], answer[512], address[INET_ADDRSTRLEN];
    char text[PORTS_TEXT_BYTES];
    inet_ntop(AF_INET, &port->host_address, address, sizeof address);
    snprintf(order, sizeof order,
             "{\"execute\":\"add_hostfwd\",\"arguments\":{\"proto\":\"%s\","
             "\"host_addr\":\"%s\",\"host_port\":%u,\"guest_port\":%u}}",
             port->protocol == IPPROTO_UDP ? "udp" : "tcp", address,
             port->host_port, port->container_port);
    if (slirp_api_ask(api, order, answer, sizeof answer) == -1)
        return -1;
    ports_describe(port, text);
    if (strncmp(answer, "{\"return\":", strlen("{\"return\":")) == 0) {
        log_note("%s leads to port %u of the container", text,
                 port->container_port);
        return 0;
    }
    log_error("%s can not be published: slirp4netns answers %s", text, answer);
    log_advice("has somebody taken that port meanwhile? `ss -tulnp` says who");
    errno = EADDRINUSE;
    return -1;
}
