/*
 * directory: where a command starts, --workdir.
 *
 * taught in: step 09, lessons/09-lifecycle.md
 */
#ifndef NSCTL_RUNTIME_DIRECTORY_H
#define NSCTL_RUNTIME_DIRECTORY_H

#include <stdbool.h>

/* The option parser for --workdir (see base/program.h): a path from the root on.
 * `path` points to a const char *. */
const char *directory_parse(const char *text, void *path);

/*
 * In the child, its root changed and its descriptors closed: goes there, and makes sure that
 * this is inside. A path may lead through /proc/self/fd to a directory that
 * somebody left open, and from there to the host's root: the kernel says of it that
 * it can not be reached. With `make` it need not be there before, nor those above
 * it. Returns 0, or -1, reported. getcwd(2).
 */
int directory_enter(const char *path, bool make);

#endif
