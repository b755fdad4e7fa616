/*
 * overlay: a root made of layers that are shared, and one that is not.
 *
 *     parent                               child
 *     overlay_check(&overlay)
 *     overlay_prepare(&overlay)
 *     clone_process(… CLONE_NEWUSER …)     still who started it:
 *     …its ids…                                overlay_open_layers(&overlay)
 *     overlay_assign_owners(&overlay, …)   root inside, its mounts private:
 *     overlay_answer(&overlay, …)              overlay_make_root(&overlay, …)
 *                                              overlay_leave_place(&mounts)
 *
 * As root the parent opens the layers, and the child finds them open.
 *
 * taught in: step 07, lessons/07-overlay.md
 */
#ifndef NSCTL_KERNEL_OVERLAY_H
#define NSCTL_KERNEL_OVERLAY_H

#include "common/kernel/userns_mounts.h"
#include "steps/07-overlay/host_view.h"
#include "steps/07-overlay/overlay_options.h"

#include <stdbool.h>
#include <sys/types.h>

struct overlay {
    struct overlay_options options;
    bool host; /* the layers do not make one root: each has its place in */
    struct host_view view;
    bool upper_may_be_memory; /* --upper is a wish: where there can be no
                                 overlay, a copy does */
    bool by_root;    /* root runs this, and may prepare more than its child */
    int talk_fds[2]; /* on which the child may ask its parent for a copy */
    /* Mounts, attached nowhere yet; -1: there is none. */
    int layer_fds[LAYERS_MOST];
    int upper_fd;   /* of --upper; else what is written goes to the place */
    int place_fd;   /* a tmpfs, to put all this in */
    int context_fd; /* of that tmpfs */
};

/* After the options: refuses what contradicts itself, and finds what was not
 * named. Returns 0, or -1, reported. */
int overlay_check(struct overlay *overlay);

/* In the parent, before the child is made. Returns 0, or -1, reported. */
int overlay_prepare(struct overlay *overlay);

/* In the child of a user (not `by_root`), its mounts private, before it becomes
 * root inside, since it may lose groups by that. Returns 0, or -1, reported.
 * open_tree(2). */
int overlay_open_layers(struct overlay *overlay);

/* In the parent, when the child `pid` has its ids and waits: has the layers show
 * their owners as that user namespace calls them; where kernel or file system
 * can not, copies all of it, and says so. 0: there is no user namespace. Returns
 * 0, or -1, reported. mount_setattr(2). */
int overlay_assign_owners(const struct overlay *overlay, pid_t pid);

/* In the parent, when the child goes on: waits until that has its root, or wants
 * a copy, or has ended. Returns 0, or -1, reported. */
int overlay_answer(struct overlay *overlay, pid_t pid);

/* In the child, as root inside: of all layers one root. The working directory is then the
 * place where that was put together, as "root", and the umask 0022. What else is made here
 * vanishes with the host's root. Returns 0, or -1, reported. */
int overlay_make_root(struct overlay *overlay, bool userns_host);

/* Leaves the root as `root_fd` in `mounts`, for userns_mounts_enter(). Returns 0, or -1,
 * reported. */
int overlay_leave_place(struct userns_mounts *mounts);

#endif
