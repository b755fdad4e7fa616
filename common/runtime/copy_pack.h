/*
 * copy_pack: a file, or a directory and all in it, becomes entries of an archive.
 *
 * taught in: step 09, lessons/09-lifecycle.md
 */
#ifndef NSCTL_RUNTIME_COPY_PACK_H
#define NSCTL_RUNTIME_COPY_PACK_H

#include "common/base/tar_writer.h"

#include <stdbool.h>

struct copy_source {
    const char
        *path; /* may end in "/.": what is in the directory, not itself */
    bool
        follow_links; /* if `path` is a link: what it leads to. None below it */
    const char *as;   /* what it is called in the archive */
};

/*
 * Packs `source`, looked up from our root on, but finishes no archive. Of several
 * names of a file the later ones are hard links; sockets and devices are left
 * out, and that is said. Where the tree changes meanwhile nothing is read that does not
 * lie in it. Returns 0, or -1, reported.
 */
int copy_pack(const struct copy_source *source, struct tar_writer *writer);

/* The last name of a path, "." where there is none: of "/", "..", "x/.". Static
 * memory, until the next call. */
const char *copy_base_name(const char *path);

#endif
