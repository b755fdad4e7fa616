/*
 * userns_maps: which ids of the host stand for which ids inside.
 *
 * A user namespace gives ids, not files or processes: every object keeps the
 * id that it has on the host, and the map says what that is called inside. An
 * id without a place in the map can not be had inside, and is shown as 65534.
 *
 * taught in: step 06, lessons/06-userns.md
 */
#ifndef NSCTL_KERNEL_USERNS_MAPS_H
#define NSCTL_KERNEL_USERNS_MAPS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* `count` ids: `inside` is called `outside` out here, the next one the next. */
struct userns_extent {
    uint32_t inside, outside, count;
};

enum { USERNS_MOST_EXTENTS = 16 };

struct userns_map {
    struct userns_extent extents[USERNS_MOST_EXTENTS];
    size_t count;
};

struct userns_maps {
    struct userns_map uids, gids;
    enum {
        USERNS_BY_ROOT,    /* written by us: root may map any id that it has */
        USERNS_BY_HELPERS, /* newuidmap and newgidmap write what a user got */
        USERNS_ONE_ID      /* written by us: one's own id, and no other */
    } way;
    char uid_helper[256], gid_helper[256]; /* their paths */
};

/* Whether we are root of the machine, and not only of a user namespace, which
 * has some of its ids and nothing else of its. */
bool userns_maps_is_host_root(void);

/*
 * Chooses and checks the maps for whoever runs this, and creates nothing. Root:
 * its range in /etc/subuid and /etc/subgid, else 65536 ids from 1000000. A user:
 * one's own id becomes 0, and the ranges there follow; where there are none, or
 * nobody to write them, that one id alone, and the log says what it costs.
 * Returns 0, or -1, reported. subuid(5).
 */
int userns_maps_find(struct userns_maps *maps);

/* Whether `id` exists inside. */
bool userns_maps_has(const struct userns_map *map, uint32_t id);

/* In the parent, while the child `pid` waits in its new user namespace: gives
 * that its ids. Returns 0, or -1, reported. user_namespaces(7), newuidmap(1). */
int userns_maps_write(const struct userns_maps *maps, pid_t pid);

#endif
