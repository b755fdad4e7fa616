/*
 * tar_pax: the records of an extended header, "LENGTH KEY=VALUE\n", which say
 * what the header after it has no room for. pax(1), "pax Extended Header".
 *
 * taught in: step 00, lessons/00-before-you-start.md
 */
#ifndef NSCTL_BASE_TAR_PAX_H
#define NSCTL_BASE_TAR_PAX_H

#include "common/base/tar.h"
#include "common/base/tar_sparse.h"

#include <stdbool.h>

/* All zeros: nothing was said. Texts and attributes point into what was read. */
struct tar_pax {
    char *path, *target;
    bool has_size, has_uid, has_gid, has_mtime;
    uint64_t size;
    uint32_t uid, gid;
    int64_t mtime;
    uint32_t mtime_nanoseconds;
    struct tar_attribute *attributes;
    size_t attribute_count, attribute_capacity;
    /* GNU's files with holes: the version (0 for none, else 1 + MAJOR), the
     * name and size that they really have, and where their bytes belong. */
    unsigned sparse_version;
    char *sparse_path;
    bool has_real_size;
    uint64_t real_size;
    struct tar_sparse sparse;
};

/*
 * Reads the records in `text`, whose `size` bytes must be followed by one more,
 * and are changed. Those that say nothing of interest to us are passed over, as
 * the standard wants it. Returns NULL, or what is wrong.
 */
const char *tar_pax_read(struct tar_pax *pax, char *text, size_t size);

/* Forgets all that was said, and lets go of its memory, but not of the texts. */
void tar_pax_clear(struct tar_pax *pax);

#endif
