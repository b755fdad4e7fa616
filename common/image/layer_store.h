/*
 * layer_store: the layers that there are, each under the digest of what it was unpacked
 * from, and each once, however many images have it.
 *
 *     ROOT/layers/DIGEST/tree         what is in it, owned as in the image (0 is 0; a
 *                                     user's: as the ids of that user's containers)
 *     ROOT/layers/DIGEST/layer.json   how much that is
 *     ROOT/layers/.NUMBER             one that is being made, locked by who makes it
 *
 *     int use_fd = layer_store_use(store);             nothing is collected meanwhile
 *     struct layer_draft draft;
 *     layer_store_begin(store, &draft);
 *     …what is to be in it goes to draft.tree_fd…
 *     layer_store_commit(store, &draft, digest, &info);    or _abandon(&draft)
 *     …an image that has it is put in its place…
 *     files_close(&use_fd);
 *
 * A layer appears whole, and on the disk, or not at all (rename(2)).
 *
 * taught in: step 10, lessons/10-build.md
 */
#ifndef NSCTL_IMAGE_LAYER_STORE_H
#define NSCTL_IMAGE_LAYER_STORE_H

#include "common/base/sha256.h"
#include "common/runtime/store.h"

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>

/* The digest of an empty archive has an empty layer. */
struct layer_info {
    uint64_t bytes, entries; /* what was unpacked */
    uint64_t archive_bytes;  /* the plain archive that has the digest */
};

struct layer_draft {
    char path[PATH_MAX]; /* ROOT/layers/.NUMBER; "": there is none */
    int fd;              /* of that directory, with its lock */
    int tree_fd;         /* of PATH/tree, empty, mode 0755 */
};

/* For the files of layer_*.c: where layers are; makes that; a name for what is no layer yet,
 * or no more; sweeps such as nobody has locked who lives; takes away what has the name
 * `place`, at once to everybody who looks. Return 0, or -1, reported. */
int layer_store_path(const struct store *store, char *path);
int layer_store_make(const struct store *store);
int layer_store_hide(const struct store *store, char *path);
void layer_store_sweep(const struct store *store);
int layer_store_take_away(const struct store *store, const char *place);

/* For as long as the descriptor is open that it returns, close-on-exec, no layer goes away
 * that has no image yet. Waits for who is collecting. Returns -1, reported, where that can
 * not be. flock(2). */
int layer_store_use(const struct store *store);

/* Returns 0, or -1, reported. Sweeps what others have left who were killed. */
int layer_store_begin(const struct store *store, struct layer_draft *draft);

/* What the draft holds becomes the layer `digest` (64 digits), on the disk; where that is
 * there already, that stays and the draft goes. Returns 0, or -1, reported, and the draft is
 * gone. */
int layer_store_commit(const struct store *store, struct layer_draft *draft,
                       const char *digest, const struct layer_info *info);

void layer_store_abandon(struct layer_draft *draft);

/* Where its tree is: `path` (PATH_MAX bytes). Returns 0; or -1 with errno, ENOENT not
 * reported: there is no such layer. `info` may be NULL. */
int layer_store_find(const struct store *store, const char *digest, char *path,
                     struct layer_info *info);

struct layer_collector {
    /* With the lock: finds out who uses what. Returns 0, or -1, reported: then nothing is
     * taken away. NULL: nothing to be found out. */
    int (*prepare)(void *context);
    bool (*is_used)(void *context, const char *digest);
    void (*removed)(void *context, const char *digest); /* or NULL */
    void *context;
};

/* Takes away each layer for which `is_used` is false, unless somebody goes on using the
 * store (then it returns 0, and does nothing: the next one will). `freed` is what that gave
 * back, in bytes. Not to be called by who uses it. Returns 0, or -1, reported. */
int layer_store_collect(const struct store *store,
                        const struct layer_collector *collector,
                        uint64_t *freed);

#endif
