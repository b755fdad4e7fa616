/*
 * layer_path: a path, looked up in layers as if they were mounted upon each other.
 *
 *   struct layer_path found;
 *   int result = layer_path_find(&layers, "/usr/lib/x", true, &found);
 *   …
 *   layer_path_close(&found);
 *
 * An image's symbolic links lead where they would lead in a container of it: its root
 * is the top of the layers, and neither "..", nor a link, nor one that is put in the
 * way meanwhile leads above it. For every part of the path is opened from the directory that
 * it stands in, never followed by the kernel (O_NOFOLLOW): links are read, and
 * their text is looked up in the same way. One directory is one layer: so a build's context is
 * read by this, too.
 *
 * taught in: step 10, lessons/10-build.md
 */
#ifndef NSCTL_IMAGE_LAYER_PATH_H
#define NSCTL_IMAGE_LAYER_PATH_H

#include "common/kernel/layers.h"

#include <limits.h>
#include <stdbool.h>

struct layer_path {
    /* Without a slash before it, and without links; "" is the top. */
    char path[PATH_MAX];
    /* So many bytes of it are there; all of them where it was found. */
    size_t there;
    /* What was found; of a directory that is there, its contents are in `layers`,
     * of anything else those of the directory that it stands in. */
    struct stat status;
    struct layers layers;
    const char *name; /* the last part; "" of the top */
    int which;        /* of `layers` has it, where it is no directory */
};

/*
 * Returns 0; 1 where there is no such name, nor perhaps the directory that it would stand in
 * (`path` and `there` say so); or -1 with errno, not reported: ENOTDIR, ELOOP, ENAMETOOLONG …
 * With `follow` a link at the end is followed, too.
 */
int layer_path_find(const struct layers *top, const char *path, bool follow,
                    struct layer_path *found);

/* After 0 and after 1. */
void layer_path_close(struct layer_path *found);

/* The same descriptors once more. Returns 0, or -1 with errno, not reported. */
int layer_path_copy(const struct layers *layers, struct layers *copy);

/* "a/../b//./c/" becomes "/b/c", and what is above the top is the top; but for `leaves`,
 * which says whether it led there. `clean` has PATH_MAX bytes. Returns 0, or -1 with
 * ENAMETOOLONG, not reported. */
int layer_path_clean(const char *directory, const char *path, char *clean,
                     bool *leaves);

/* A whole file below `top`, links followed, that is to be `most` bytes at most, ended by a NUL,
 * which the caller frees. NULL with errno, not reported: ENOENT; EFBIG; EINVAL, no file. */
char *layer_path_read(const struct layers *top, const char *path, size_t most,
                      size_t *size);

#endif
