/*
 * network_files: /etc/resolv.conf, /etc/hosts and /etc/hostname of a container.
 *
 * An image can not know them. The parent writes them, as text, while it sees the
 * host's; the child makes files of it in memory, and lays each over the image's own, as a
 * mount. Where the image has a link in that place, it is not followed but
 * replaced: most images link /etc/resolv.conf to a program that is not running.
 *
 * taught in: step 08, lessons/08-veth.md
 */
#ifndef NSCTL_KERNEL_NETWORK_FILES_H
#define NSCTL_KERNEL_NETWORK_FILES_H

#include <netinet/in.h>
#include <stddef.h>

/* The C library asks three name servers, resolv.conf(5). */
enum {
    NETWORK_FILES_SERVERS = 3,
    NETWORK_FILES_BYTES = 8192,
    NETWORK_FILES_HOSTS = 4096 /* bytes of --add-host */
};

enum { NETWORK_FILES = 3 };

struct network_files {
    char servers[NETWORK_FILES_SERVERS][INET6_ADDRSTRLEN]; /* --dns */
    size_t server_count;
    char resolv_conf[NETWORK_FILES_BYTES + 512];
    char added[NETWORK_FILES_HOSTS]; /* --add-host: lines of /etc/hosts */
    char hosts[NETWORK_FILES_HOSTS + 512], hostname[128];
    int tree_fds[NETWORK_FILES]; /* the files, each a mount of its own */
};

/* The option parser for --dns (base/program.h): an address, IPv4 or IPv6, which
 * is added to the struct network_files. */
const char *network_files_parse_server(const char *text, void *files);

/* For --add-host: NAME:ADDRESS, one more line of /etc/hosts. hosts(5). */
const char *network_files_parse_host(const char *text, void *files);

/* Which of the host's name servers do, where the user has named none. */
enum network_files_reach {
    NETWORK_FILES_ALL,    /* the network is the host's, or there is none */
    NETWORK_FILES_REMOTE, /* those with an IPv4 address that is not loopback */
};

/* Reads one line of a resolv.conf: whether it names a name server, and then its
 * address in `server`, "" where that is none. */
int network_files_is_server(const char *line, char server[INET6_ADDRSTRLEN]);

/* Writes the text of /etc/resolv.conf in the parent: --dns; or `server` where
 * that is not NULL; or what the host asks, of which those that `reach` leaves.
 * That there is none left is a warning. Returns 0, or -1, reported. */
int network_files_choose_servers(struct network_files *files,
                                 const char *server,
                                 enum network_files_reach reach);

/* Writes the other two: `address` (or NULL) is the container's own. */
void network_files_name(struct network_files *files, const char *hostname,
                        const char *address);

/* In the child, in the place where its root is put together (overlay.h): makes the files.
 * Returns 0, or -1, reported. */
int network_files_make(struct network_files *files);

/* In the child, in its root, before anything is made read-only: lays them over the image's.
 * Returns 0, or -1, reported. */
int network_files_place(const struct network_files *files);

#endif
