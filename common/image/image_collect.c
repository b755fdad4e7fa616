/* Which layers somebody has, and taking away the others: see image_store.h. */
#include "common/base/array.h"
#include "common/base/files.h"
#include "common/base/log.h"
#include "common/image/image_store.h"
#include "common/runtime/store.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct image_collection {
    const struct store *store;
    char (*used)[SHA256_TEXT]; /* in order, once all are there */
    size_t count;
    bool unknown; /* somebody has layers, and nobody knows which */
    bool cache;
    const struct image_texts *own;
    void (*removed)(void *context, const char *digest);
    void *context;
};

static int image_collect_add(struct image_collection *all, const char *digest)
{
    char(*larger)[SHA256_TEXT] =
        array_grow(all->used, all->count, sizeof *larger);
    if (larger == NULL)
        return -1;
    all->used = larger;
    memcpy(larger[all->count++], digest, SHA256_TEXT - 1); /* and a NUL */
    return 0;
}

/* ---- Who has which ---- */

static int image_collect_images(struct image_collection *all)
{
    struct image *images;
    size_t count;
    int result = image_store_list(all->store, &images, &count);
    for (size_t i = 0; i < count && result == 0; i++) {
        const struct image_texts *layers = &images[i].config.layers;
        for (size_t j = 0; j < layers->count && result == 0; j++)
            result = image_collect_add(all, layers->all[j]);
        if (images[i].config.os != NULL) /* it could be read */
            continue;
        log_warning("no layer is taken away while %s:%s is corrupt: which it "
                    "has can not be known",
                    images[i].reference.name, images[i].reference.tag);
        log_advice("image rm %s:%s", images[i].reference.name,
                   images[i].reference.tag);
        all->unknown = true;
    }
    if (result == 0)
        image_store_free_list(images, count);
    return result;
}

/* What it runs on is "DIR:DIR…"; a layer is known by ".../layers/DIGEST/tree". */
static int image_collect_container(struct image_collection *all,
                                   const struct record *record)
{
    static const char before[] = "/layers/";
    if (record->root == NULL) {
        log_warning("no layer is taken away while the container %.12s is "
                    "corrupt: which it has can not be known",
                    record->id);
        log_advice("rm -f %.12s", record->id);
        all->unknown = true;
        return 0;
    }
    for (const char *at = record->root; (at = strstr(at, before)) != NULL;) {
        char digest[SHA256_TEXT] = "";
        at += sizeof before - 1;
        snprintf(digest, sizeof digest, "%s", at);
        if (sha256_is_text(digest) && image_collect_add(all, digest) == -1)
            return -1;
    }
    return 0;
}

static int image_collect_containers(struct image_collection *all)
{
    struct record *records;
    size_t count;
    int result = store_list(all->store, &records, &count);
    if (result == -1)
        return -1;
    for (size_t i = 0; i < count && result == 0; i++)
        result = image_collect_container(all, &records[i]);
    store_free_list(records, count);
    return result;
}

/* ---- What is remembered of builds ---- */

/* Does `act` with each step; -1 from it ends that. */
static int image_collect_each_step(struct image_collection *all,
                                   int (*act)(struct image_collection *all,
                                              const char *path,
                                              const char *digest))
{
    char cache[PATH_MAX], path[PATH_MAX], digest[SHA256_TEXT];
    struct dirent *entry;
    int result = 0;
    if (files_path(cache, "%s/cache", all->store->root) == -1)
        return -1;
    DIR *directory = opendir(cache);
    if (directory == NULL)
        return errno == ENOENT ? 0
                               : (int)log_call(-1, "which steps there are",
                                               "openat(\"%s\")", cache);
    while (result == 0 && files_next(directory, cache, &entry, &result)) {
        if (!sha256_is_text(entry->d_name) ||
            files_path(path, "%s/cache/%s", all->store->root, entry->d_name) ==
                -1)
            continue;
        if (image_store_cached(all->store, entry->d_name, digest) == -1) {
            if (errno != ENOENT)
                result = -1;
            digest[0] = '\0';
        }
        if (result == 0)
            result = act(all, path, digest);
    }
    closedir(directory);
    return result;
}

static int image_collect_step(struct image_collection *all, const char *path,
                              const char *digest)
{
    (void)path;
    if (*digest == '\0')
        return 0;
    for (size_t i = 0; all->own != NULL && i < all->own->count; i++)
        if (strcmp(all->own->all[i], digest) == 0)
            return 0;
    return image_collect_add(all, digest);
}

/* A step whose layer is gone is of no use; should somebody just be making that again, he
 * will run the step once more. */
static int image_collect_forget(struct image_collection *all, const char *path,
                                const char *digest)
{
    (void)all;
    if (*digest == '\0')
        unlink(path);
    return 0;
}

/* ---- All of it ---- */

static int image_collect_compare(const void *a, const void *b)
{
    return strcmp(a, b);
}

static int image_collect_prepare(void *context)
{
    struct image_collection *all = context;
    if (image_collect_images(all) == -1 || image_collect_containers(all) == -1)
        return -1;
    if (!all->cache && image_collect_each_step(all, image_collect_step) == -1)
        return -1;
    if (all->count > 0)
        qsort(all->used, all->count, sizeof *all->used, image_collect_compare);
    return 0;
}

static bool image_collect_is_used(void *context, const char *digest)
{
    const struct image_collection *all = context;
    return all->unknown ||
           (all->count > 0 &&
            bsearch(digest, all->used, all->count, sizeof *all->used,
                    image_collect_compare) != NULL);
}

static void image_collect_removed(void *context, const char *digest)
{
    const struct image_collection *all = context;
    if (all->removed != NULL)
        all->removed(all->context, digest);
}

int image_store_collect_own(const struct store *store, bool cache,
                            const struct image_texts *own,
                            void (*removed)(void *context, const char *digest),
                            void *context, uint64_t *freed)
{
    struct image_collection all = {.store = store,
                                   .cache = cache,
                                   .own = own,
                                   .removed = removed,
                                   .context = context};
    const struct layer_collector collector = {.prepare = image_collect_prepare,
                                              .is_used = image_collect_is_used,
                                              .removed = image_collect_removed,
                                              .context = &all};
    *freed = 0;
    int result = image_store_sweep(store);
    if (result == 0)
        result = layer_store_collect(store, &collector, freed);
    if (result == 0)
        result = image_collect_each_step(&all, image_collect_forget);
    free(all.used);
    return result;
}

int image_store_collect(const struct store *store, bool cache, uint64_t *freed)
{
    return image_store_collect_own(store, cache, NULL, NULL, NULL, freed);
}
