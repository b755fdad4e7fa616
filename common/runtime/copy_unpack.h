/*
 * copy_unpack: an archive becomes files in a directory, and in nothing else.
 *
 * The tree may be somebody's who changes it meanwhile, and the archive anybody's. So
 * every name is looked up as if the directory were the root, and of what is there
 * already nothing is opened to be written to: it is replaced.
 *
 * taught in: step 09, lessons/09-lifecycle.md
 */
#ifndef NSCTL_RUNTIME_COPY_UNPACK_H
#define NSCTL_RUNTIME_COPY_UNPACK_H

#include "common/base/tar_reader.h"

#include <stdbool.h>

struct copy_target {
    const char *path; /* looked up from our root on */
    /* What "." of the archive is called in `path`, if that is a directory that is
     * there; NULL: it is that directory. */
    const char *name;
    bool is_directory; /* `path` must be one, and be there */
    bool keep_owners; /* the numbers in the archive; else all is the caller's */
    bool drop_set_ids; /* no set-user-ID and set-group-ID bits */
};

/* Unpacks all entries of `reader`, to their end. Devices are left out, and that is
 * said. Returns 0, or -1, reported; what was unpacked by then stays. openat2(2). */
int copy_unpack(struct tar_reader *reader, const struct copy_target *target);

#endif
