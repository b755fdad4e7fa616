#include "common/kernel/network_lease.h"

#include "common/base/files.h"
#include "common/base/log.h"
#include "common/kernel/lock.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum { HOST_MASK = (1 << (32 - NETWORK_PREFIX_LENGTH)) - 1 };

struct in_addr network_lease_subnet(struct in_addr address)
{
    address.s_addr &= htonl(~(uint32_t)HOST_MASK);
    return address;
}

struct in_addr network_lease_gateway(struct in_addr address)
{
    address = network_lease_subnet(address);
    address.s_addr |= htonl(1);
    return address;
}

static int network_lease_path(struct in_addr address, char path[PATH_MAX])
{
    char text[INET_ADDRSTRLEN];
    inet_ntop(AF_INET, &address, text, sizeof text);
    return files_path(path, "%s/%s", NETWORK_LEASE_DIRECTORY, text);
}

/* ---- The lock: the directory itself ---- */

/* Others must not even open it: a lock can be taken through any descriptor. */
static int network_lease_make_directory(void)
{
    static const struct {
        const char *path;
        mode_t mode;
    } directories[] = {{"/run/nsctl", 0755}, {NETWORK_LEASE_DIRECTORY, 0700}};
    for (size_t i = 0; i < sizeof directories / sizeof directories[0]; i++) {
        int result = mkdir(directories[i].path, directories[i].mode);
        if (result == -1 && errno == ENOENT && i > 0)
            return -1; /* the last one out has just removed the first */
        if (result == -1 && errno != EEXIST) {
            log_call(result, "a place for addresses", "mkdir(\"%s\", %#o)",
                     directories[i].path, directories[i].mode);
            int saved_errno = errno;
            rmdir(directories[0].path); /* unless somebody has another in it */
            errno = saved_errno;
            return -1;
        }
    }
    return 0;
}

int network_lease_lock(void)
{
    enum { TRIES = 1000 };
    for (int i = 0; i < TRIES; i++) {
        if (network_lease_make_directory() == -1) {
            if (errno == ENOENT)
                continue;
            return -1;
        }
        int fd = lock_directory(NETWORK_LEASE_DIRECTORY, LOCK_EX);
        if (fd != -1 || errno != ENOENT)
            return fd;
    }
    errno = ENOENT;
    return log_error("%s is removed as often as it is made (ENOENT)",
                     NETWORK_LEASE_DIRECTORY);
}

void network_lease_unlock(int lock_fd)
{
    if (lock_fd == -1)
        return;
    /* Both work for the last one out. */
    if (rmdir(NETWORK_LEASE_DIRECTORY) == 0)
        rmdir("/run/nsctl");
    close(lock_fd);
}

/* ---- The leases ---- */

/* Looks at one file. Returns whether its owner lives, or -1, reported. */
static int network_lease_look(struct in_addr address,
                              void (*forget)(struct in_addr address))
{
    char path[PATH_MAX];
    if (network_lease_path(address, path) == -1)
        return -1;
    int fd = open(path, O_RDWR | O_NOFOLLOW | O_CLOEXEC);
    if (fd == -1)
        return (int)log_call(fd, "is its container alive",
                             "openat(\"%s\", O_RDWR|O_NOFOLLOW)", path);
    int result = flock(fd, LOCK_EX | LOCK_NB);
    if (result == -1 && errno == EWOULDBLOCK) {
        close(fd);
        return 1;
    }
    if (result == -1) {
        log_call(result, "is its container alive",
                 "flock(\"%s\", LOCK_EX|LOCK_NB)", path);
        files_close(&fd);
        return -1;
    }
    /* The file goes last: who is killed before has left it for the next. */
    forget(address);
    result = unlink(path);
    log_call(result, "left behind by a run that was killed", "unlink(\"%s\")",
             path);
    close(fd);
    return result;
}

int network_lease_sweep(struct in_addr *alive,
                        void (*forget)(struct in_addr address))
{
    int count = 0;
    DIR *directory = opendir(NETWORK_LEASE_DIRECTORY);
    if (directory == NULL)
        return (int)log_call(-1, "who is alive", "openat(\"%s\", O_DIRECTORY)",
                             NETWORK_LEASE_DIRECTORY);
    for (struct dirent *entry; (entry = readdir(directory)) != NULL;) {
        struct in_addr address;
        if (inet_pton(AF_INET, entry->d_name, &address) != 1)
            continue;
        int is_alive = network_lease_look(address, forget);
        if (is_alive == -1) {
            count = -1;
            break;
        }
        if (is_alive == 1) {
            *alive = address;
            count++;
        }
    }
    int saved_errno = errno;
    closedir(directory);
    errno = saved_errno;
    return count;
}

/* Makes the file and locks it. Returns 0, or -1 with errno, EEXIST unreported:
 * somebody has the address. */
static int network_lease_try(struct network_lease *lease)
{
    char path[PATH_MAX];
    if (network_lease_path(lease->address, path) == -1)
        return -1;
    int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd == -1 && errno == EEXIST)
        return -1;
    log_call(fd, "an address for this container",
             "openat(\"%s\", O_RDWR|O_CREAT|O_EXCL)", path);
    if (fd == -1)
        return -1;
    int result = 0;
    result = flock(fd, LOCK_EX | LOCK_NB);
    if (result == -1) {
        log_call(-1, "as long as we live", "flock(\"%s\", LOCK_EX|LOCK_NB)",
                 path);
        int saved_errno = errno;
        unlink(path);
        close(fd);
        errno = saved_errno;
        return -1;
    }
    lease->fd = fd;
    return 0;
}

int network_lease_take(struct in_addr subnet, struct network_lease *lease)
{
    lease->fd = -1;
    for (uint32_t host = 2; host < HOST_MASK; host++) {
        /* Not forbidden here, but everywhere else these two mean something. */
        if ((host & 0xff) == 0 || (host & 0xff) == 0xff)
            continue;
        lease->address.s_addr = subnet.s_addr | htonl(host);
        if (network_lease_try(lease) == 0)
            return 0;
        if (errno != EEXIST)
            return -1;
    }
    errno = EADDRNOTAVAIL;
    return log_error("every address of the subnet is taken (EADDRNOTAVAIL)");
}

void network_lease_drop(struct network_lease *lease)
{
    char path[PATH_MAX];
    if (lease->fd == -1 || network_lease_path(lease->address, path) == -1)
        return;
    int result = unlink(path);
    log_call(result, "the address is free again", "unlink(\"%s\")", path);
    close(lease->fd);
    lease->fd = -1;
}

bool network_lease_is_taken(struct in_addr address, void *unused)
{
    (void)unused;
    char path[PATH_MAX];
    return network_lease_path(address, path) == 0 && access(path, F_OK) == 0;
}

/* ---- What settings were before ---- */

int network_lease_keep(const char *name, const char *text)
{
    char path[PATH_MAX];
    if (files_path(path, "%s/%s", NETWORK_LEASE_DIRECTORY, name) == -1)
        return -1;
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    if (fd == -1)
        return (int)log_call(fd, "so that it can be put back",
                             "openat(\"%s\", O_WRONLY|O_CREAT)", path);
    /* Kept already; or empty, of one that was killed before it had written. */
    if (lseek(fd, 0, SEEK_END) > 0) {
        close(fd);
        return 0;
    }
    ssize_t written = write(fd, text, strlen(text));
    log_call(written, "so that it can be put back", "write(\"%s\", \"%s\")",
             path, text);
    int saved_errno = errno;
    close(fd);
    if (written == -1)
        unlink(path);
    errno = saved_errno;
    return written == -1 ? -1 : 0;
}

int network_lease_kept(const char *name, char *text, size_t size)
{
    char path[PATH_MAX];
    if (files_path(path, "%s/%s", NETWORK_LEASE_DIRECTORY, name) == -1)
        return -1;
    ptrdiff_t length = files_read(path, text, size);
    if (length == -1 && errno == ENOENT)
        return 0;
    if (length == -1)
        return (int)log_call(-1, "what it was before", "openat(\"%s\")", path);
    return length > 0; /* killed before it was written: nothing was changed */
}

void network_lease_unkeep(const char *name)
{
    char path[PATH_MAX];
    if (files_path(path, "%s/%s", NETWORK_LEASE_DIRECTORY, name) == 0 &&
        unlink(path) == -1 && errno != ENOENT)
        log_call(-1, "what it was before need not be known", "unlink(\"%s\")",
                 path);
}
