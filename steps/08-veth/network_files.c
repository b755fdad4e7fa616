#include "steps/08-veth/network_files.h"

#include "common/base/advice.h"
#include "common/base/files.h"
#include "common/base/log.h"
#include "common/kernel/mount.h"
#include "common/kernel/mount_detached.h"
#include "common/kernel/rootfs.h"
#include "common/kernel/tree.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- The parent: what to write ---- */

const char *network_files_parse_server(const char *text, void *files)
{
    struct network_files *all = files;
    unsigned char address[sizeof(struct in6_addr)];
    if (inet_pton(AF_INET, text, address) != 1 &&
        inet_pton(AF_INET6, text, address) != 1)
        return "expected the address of a name server: 9.9.9.9, 2620:fe::fe";
    if (all->server_count == NETWORK_FILES_SERVERS)
        return "expected three name servers at most: no program asks a fourth";
    snprintf(all->servers[all->server_count++], INET6_ADDRSTRLEN, "%s", text);
    return NULL;
}

/* The name ends where the first colon is: an address of IPv6 has more. */
const char *network_files_parse_host(const char *text, void *files)
{
    struct network_files *all = files;
    unsigned char address[sizeof(struct in6_addr)];
    size_t length = strcspn(text, ":="), used = strlen(all->added);
    const char *number = text + length + (text[length] != '\0');
    if (length == 0 || length > 255 ||
        strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                     "0123456789-._") < length)
        return "expected NAME:ADDRESS, NAME of letters, digits, - and .";
    if (inet_pton(AF_INET, number, address) != 1 &&
        inet_pton(AF_INET6, number, address) != 1)
        return "expected NAME:ADDRESS, such as db:10.90.0.2; the host's is "
               "that of the default route inside";
    int added = snprintf(all->added + used, sizeof all->added - used,
                         "%s\t%.*s\n", number, (int)length, text);
    if ((size_t)added < sizeof all->added - used)
        return NULL;
    all->added[used] = '\0';
    return "expected 4 KiB of them at most";
}

int network_files_is_server(const char *line, char server[INET6_ADDRSTRLEN])
{
    static const char key[] = "nameserver";
    const char *text = line + strspn(line, " \t");
    if (strncmp(text, key, sizeof key - 1) != 0)
        return 0;
    text += sizeof key - 1;
    size_t blanks = strspn(text, " \t");
    size_t length = strcspn(text + blanks, " \t\n");
    if (blanks == 0)
        return 0;
    server[0] = '\0';
    if (length < INET6_ADDRSTRLEN) {
        memcpy(server, text + blanks, length);
        server[length] = '\0';
    }
    return 1;
}

/* From inside a container its own loopback is all that 127.0.0.1 leads to, and
 * we give it no IPv6 that leads anywhere. */
static bool network_files_is_remote(const char *server)
{
    struct in_addr address;
    return inet_pton(AF_INET, server, &address) == 1 &&
           ntohl(address.s_addr) >> 24 != 127 && address.s_addr != INADDR_ANY;
}

/* Copies what the host has in `path`, less the servers that are not to be asked.
 * `servers` gets the number of those that are. Returns 0, or -1 with errno,
 * reported but for ENOENT. */
static int network_files_copy(struct network_files *files, const char *path,
                              bool keep_all, bool keep_remote, size_t *servers)
{
    char text[NETWORK_FILES_BYTES], server[INET6_ADDRSTRLEN], *rest = NULL;
    size_t used = strlen(files->resolv_conf);
    ptrdiff_t length = files_read(path, text, sizeof text);
    if (length == -1 && errno != ENOENT)
        log_call(-1, "whom the host asks for names", "openat(\"%s\")", path);
    if (length == -1)
        return -1;
    if ((size_t)length == sizeof text - 1)
        log_warning("%s is longer than %zu bytes: the rest is left out", path,
                    sizeof text - 1);
    for (char *line = strtok_r(text, "\n", &rest); line != NULL;
         line = strtok_r(NULL, "\n", &rest)) {
        if (network_files_is_server(line, server)) {
            if (!keep_all && !(keep_remote && network_files_is_remote(server)))
                continue;
            ++*servers;
        }
        /* It fits: what is copied is no longer than what was read. */
        int added = snprintf(files->resolv_conf + used,
                             sizeof files->resolv_conf - used, "%s\n", line);
        used += (size_t)added;
    }
    return 0;
}

int network_files_choose_servers(struct network_files *files,
                                 const char *server,
                                 enum network_files_reach reach)
{
    /* Where the host asks a program of its own, that one's file says whom it
     * asks. systemd-resolved(8). */
    static const char *const places[] = {"/etc/resolv.conf",
                                         "/run/systemd/resolve/resolv.conf"};
    bool is_chosen = files->server_count > 0 || server != NULL;
    size_t used = 0, found = 0;
    for (size_t i = 0; i < files->server_count; i++)
        used += (size_t)snprintf(files->resolv_conf + used,
                                 sizeof files->resolv_conf - used,
                                 "nameserver %s\n", files->servers[i]);
    if (files->server_count == 0 && server != NULL)
        snprintf(files->resolv_conf, sizeof files->resolv_conf,
                 "nameserver %s\n", server);
    for (size_t i = 0; i < sizeof places / sizeof places[0] && found == 0;
         i++) {
        if (!is_chosen)
            files->resolv_conf[0] = '\0';
        if (network_files_copy(files, places[i],
                               !is_chosen && reach == NETWORK_FILES_ALL,
                               !is_chosen, &found) == -1 &&
            errno != ENOENT)
            return -1;
        if (is_chosen || reach == NETWORK_FILES_ALL)
            return 0;
    }
    if (found == 0) {
        log_warning("no name server of the host's can be reached from inside: "
                    "no name will be found");
        log_advice("those in /etc/resolv.conf are on a loopback address, or "
                   "IPv6; name one with --dns");
    }
    return 0;
}

void network_files_name(struct network_files *files, const char *hostname,
                        const char *address)
{
    snprintf(files->hostname, sizeof files->hostname, "%s\n", hostname);
    snprintf(files->hosts, sizeof files->hosts,
             "127.0.0.1\tlocalhost\n"
             "::1\tlocalhost ip6-localhost ip6-loopback\n"
             "%s\t%s\n%s",
             address == NULL ? "127.0.1.1" : address, hostname, files->added);
}

/* ---- The child: where to put it ---- */

static const char *const network_files_names[NETWORK_FILES] = {
    "resolv.conf", "hosts", "hostname"};

/* The image's file, as a descriptor to mount upon; an empty one is made where it
 * has none, or a link. Nothing is followed: both directories and names are
 * looked up one at a time, from a descriptor. Returns -1 with errno. */
static int network_files_open_target(int etc_fd, const char *name)
{
    struct stat status;
    int fd = openat(etc_fd, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
    if (fd != -1 && fstat(fd, &status) == 0 && S_ISLNK(status.st_mode)) {
        close(fd);
        if (unlinkat(etc_fd, name, 0) == -1)
            return -1;
        fd = -1;
        errno = ENOENT;
    }
    if (fd == -1 && errno == ENOENT)
        fd = openat(etc_fd, name,
                    O_RDONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
    return fd;
}

/* Is that so because the root file system is not ours to change? An ordinary
 * user's container may have a root that belongs to nobody inside. */
static bool network_files_is_fixed(int error)
{
    return error == EACCES || error == EPERM || error == EOVERFLOW ||
           error == EROFS;
}

static int network_files_write(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    if (fd == -1)
        return (int)log_call(fd, "a file of the container's own",
                             "openat(\"%s\", O_WRONLY|O_CREAT|O_EXCL)", path);
    ssize_t written = write(fd, text, strlen(text));
    if (written != -1 && fchmod(fd, 0644) == -1) /* whatever the umask is */
        written = -1;
    if (written == -1)
        log_call(written, "a file of the container's own", "write(\"%s\")",
                 path);
    files_close(&fd);
    return written == -1 ? -1 : 0;
}

int network_files_make(struct network_files *files)
{
    const char *const texts[NETWORK_FILES] = {files->resolv_conf, files->hosts,
                                              files->hostname};
    /* A file system of their own, which is nowhere to be seen in the end but
     * in these three places. */
    if (rootfs_make_directory("files", 0700) == -1 ||
        mount_file_system("tmpfs", "files", "tmpfs",
                          MS_NOSUID | MS_NODEV | MS_NOEXEC, "size=1m",
                          "files in memory, for /etc") == -1)
        return -1;
    for (size_t i = 0; i < NETWORK_FILES; i++) {
        char path[64];
        snprintf(path, sizeof path, "files/%s", network_files_names[i]);
        if (network_files_write(path, texts[i]) == -1)
            return -1;
        files->tree_fds[i] =
            mount_detached_copy(path, true, "a file of the container's own");
        if (files->tree_fds[i] == -1)
            return -1;
    }
    return 0;
}

static int network_files_place_one(int etc_fd, const char *name, int tree_fd)
{
    int target_fd = network_files_open_target(etc_fd, name);
    if (target_fd == -1 && network_files_is_fixed(errno)) {
        log_note("/etc/%s is as the image has it, or not there, and can not be "
                 "changed (%s)",
                 name, advice_error_name(errno));
        return 0;
    }
    if (target_fd == -1)
        return (int)log_call(target_fd, "a file to be laid over",
                             "openat(\"/etc\", \"%s\", O_NOFOLLOW)", name);
    int result = tree_attach(tree_fd, target_fd,
                             "a file of the container's own in /etc");
    close(target_fd);
    return result;
}

int network_files_place(const struct network_files *files)
{
    if (rootfs_make_directory("/etc", 0755) == -1) /* the image may have none */
        return -1;
    int etc_fd = open("/etc", O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (etc_fd == -1) {
        log_call(etc_fd, "a directory, no link",
                 "openat(\"/etc\", O_PATH|O_DIRECTORY|O_NOFOLLOW)");
        return -1;
    }
    int result = 0;
    for (size_t i = 0; i < NETWORK_FILES && result == 0; i++)
        result = network_files_place_one(etc_fd, network_files_names[i],
                                         files->tree_fds[i]);
    close(etc_fd);
    return result;
}
