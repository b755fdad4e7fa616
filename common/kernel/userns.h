/*
 * userns: ids, and root's powers, of one's own: a container without root.
 *
 *     parent                                child
 *     userns_check_allowed()
 *     userns_maps_find(&maps)
 *     userns_give_pipes(&maps)
 *     clone_process(… CLONE_NEWUSER …)      sync_wait_for_parent(…)
 *     userns_maps_write(&maps, pid)             …blocks…
 *     sync_release_child(…), twice          what takes the ids of who started it
 *                                           userns_become_root(&maps)
 *                                           sync_wait_for_parent(…), again
 *
 * taught in: step 06, lessons/06-userns.md
 */
#ifndef NSCTL_KERNEL_USERNS_H
#define NSCTL_KERNEL_USERNS_H

#include "common/kernel/userns_maps.h"

/* The option parser for --userns (see base/program.h): only "host", and only
 * for root. `host` points to a bool. */
const char *userns_parse(const char *text, void *host);

/* Whether this host lets us have a user namespace, as far as can be told
 * without making one. Returns 0, or -1, reported with the setting to blame. */
int userns_check_allowed(void);

/* In the parent: makes those pipes among 0, 1 and 2 that are root's root's
 * inside, so that /dev/stdout can be opened there. Returns 0, or -1, reported. */
int userns_give_pipes(const struct userns_maps *maps);

/* In the child, when its ids are mapped: becomes root inside, in no group of
 * the host's. Afterwards nobody inside can look into this process until it executes another, and
 * it is no longer killed when its parent dies: sync_wait_for_parent() asks for
 * that again. Returns 0, or -1, reported. setresuid(2), prctl(2). */
int userns_become_root(const struct userns_maps *maps);

#endif
