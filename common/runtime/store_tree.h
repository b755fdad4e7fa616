/*
 * store_tree: taking away a directory and all that a container wrote into it.
 *
 * taught in: step 09, lessons/09-lifecycle.md
 */
#ifndef NSCTL_RUNTIME_STORE_TREE_H
#define NSCTL_RUNTIME_STORE_TREE_H

/* Removes the directory `path`, however deep it goes: it is never followed down, since
 * a container may have made more levels than we may have descriptors. As a user also what
 * belongs to the ids that containers of that user have: in a user namespace that has them
 * all. Symbolic links are removed, never followed. That it is not there is no error.
 * Returns 0, or -1 with errno, reported. */
int store_tree_remove(const char *path);

#endif
