#include "common/image/image_store.h"

#include "common/base/files.h"
#include "common/base/log.h"
#include "common/base/replace.h"
#include "common/kernel/lock.h"
#include "common/runtime/store_tree.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- Where ---- */

int image_store_path(const struct store *store,
                     const struct reference *reference,
                     struct image_place *place)
{
    char name[REFERENCE_NAME_BYTES];
    memcpy(name, reference->name, sizeof name);
    for (char *slash = name; (slash = strchr(slash, '/')) != NULL;)
        *slash = '%';
    return files_path(place->images, "%s/images", store->root) == -1 ||
                   files_path(place->name, "%s/%s", place->images, name) ==
                       -1 ||
                   files_path(place->tag, "%s/%s", place->name,
                              reference->tag) == -1 ||
                   files_path(place->metadata, "%s/metadata.json",
                              place->tag) == -1
               ? -1
               : 0;
}

/* Held by whoever changes names. Returns -1 with ENOENT, not reported: no name was ever
 * given. */
static int image_store_lock(const struct image_place *place)
{
    return lock_directory(place->images, LOCK_EX);
}

/* ---- Giving a name ---- */

static int image_store_make_one(const char *path, bool *made)
{
    int result = mkdir(path, 0700);
    *made = result == 0;
    return result == -1 && errno == EEXIST
               ? 0
               : (int)log_call(result, "where an image's name leads to",
                               "mkdir(\"%s\", 0700)", path);
}

/* With the lock. What was made for it goes again where that fails: rmdir(2) takes nothing
 * away that has something in it. */
static int image_store_write(const struct image_place *place, const char *text,
                             size_t size)
{
    bool name_made, tag_made;
    if (image_store_make_one(place->name, &name_made) == -1)
        return -1;
    int result = image_store_make_one(place->tag, &tag_made);
    if (result == 0)
        result = replace_file(place->tag, "metadata.json", text, size);
    if (result == 0 && tag_made)
        result = replace_sync_directory(place->name);
    if (result == 0 && name_made)
        result = replace_sync_directory(place->images);
    if (result == -1) {
        int saved_errno = errno;
        rmdir(place->tag);
        rmdir(place->name);
        errno = saved_errno;
    }
    return result;
}

int image_store_add_size(const char *what, const struct layer_info *info,
                         uint64_t *bytes)
{
    *bytes +=
        info->bytes > info->archive_bytes ? info->bytes : info->archive_bytes;
    if (*bytes <= IMAGE_STORE_MOST_BYTES)
        return 0;
    errno = E2BIG;
    return log_error("%s: more than %" PRIu64 " bytes in all layers together, "
                     "which is the limit",
                     what, IMAGE_STORE_MOST_BYTES);
}

static int image_store_check_layers(const struct store *store, const char *name,
                                    const struct image_config *config)
{
    char path[PATH_MAX];
    uint64_t bytes = 0;
    for (size_t i = 0; i < config->layers.count; i++) {
        struct layer_info info;
        int result =
            layer_store_find(store, config->layers.all[i], path, &info);
        if (result == -1 && errno == ENOENT)
            log_error("%s: there is no layer sha256:%s (ENOENT)", name,
                      config->layers.all[i]);
        if (result == -1 || image_store_add_size(name, &info, &bytes) == -1)
            return -1;
    }
    return 0;
}

static int image_store_check(const struct store *store,
                             const struct reference *reference,
                             const char *text, size_t size)
{
    char name[REFERENCE_TEXT_BYTES];
    struct image_config config;
    reference_text(reference, name);
    int result = image_config_read(&config, name, text, size);
    if (result == 0)
        result = image_store_check_layers(store, name, &config);
    int saved_errno = errno;
    image_config_free(&config);
    errno = saved_errno;
    return result;
}

int image_store_put(const struct store *store,
                    const struct reference *reference, const char *text,
                    size_t size, char *id)
{
    struct image_place place;
    bool made;
    /* Between our look at the layers and the name nobody may collect them. */
    int use_fd = layer_store_use(store);
    if (use_fd == -1)
        return -1;
    int result = image_store_path(store, reference, &place);
    if (result == 0)
        result = image_store_check(store, reference, text, size);
    if (result == 0)
        result = image_store_make_one(place.images, &made);
    if (result == 0) {
        int lock_fd = image_store_lock(&place);
        if (lock_fd == -1 && errno == ENOENT)
            log_call(-1, "one at a time", "openat(\"%s\")", place.images);
        result = lock_fd == -1 ? -1 : image_store_write(&place, text, size);
        files_close(&lock_fd);
    }
    files_close(&use_fd);
    if (result == 0 && id != NULL)
        sha256_of(text, size, id);
    return result;
}

/* ---- Taking it away ---- */

/* From the unlink(2) on there is no such name. One that was tampered with may have anything
 * in its place. */
static int image_store_unlink(const struct image_place *place)
{
    int result = unlink(place->metadata);
    if (result == -1 && errno == EISDIR)
        return store_tree_remove(place->tag);
    if (result == -1 && (errno == ENOENT || errno == ENOTDIR)) {
        errno = ENOENT;
        return -1;
    }
    return (int)log_call(result, "from now on nothing has that name",
                         "unlink(\"%s\")", place->metadata);
}

/* The directories are of use only to what was in them. That the name is gone is on the
 * disk before any layer goes. */
static int image_store_clear(const struct image_place *place)
{
    if (rmdir(place->tag) == -1 && errno == ENOTEMPTY &&
        store_tree_remove(place->tag) == -1) /* somebody was killed there */
        return -1;
    return replace_sync_directory(rmdir(place->name) == 0 ? place->images
                                                          : place->name);
}

int image_store_untag(const struct store *store,
                      const struct reference *reference)
{
    struct image_place place;
    if (image_store_path(store, reference, &place) == -1)
        return -1;
    int lock_fd = image_store_lock(&place);
    int result = lock_fd == -1 ? -1 : image_store_unlink(&place);
    if (result == -1 && errno == ENOENT)
        log_error("no such image: %s:%s", reference->name, reference->tag);
    if (result == 0)
        result = image_store_clear(&place);
    files_close(&lock_fd);
    return result;
}

/* ---- What was left half done ---- */

/* A tag that stands for nothing: who was to write that was killed. */
static void image_store_sweep_name(const struct image_place *place)
{
    DIR *directory = opendir(place->name);
    if (directory == NULL)
        return;
    for (struct dirent *entry; (entry = readdir(directory)) != NULL;) {
        char path[PATH_MAX];
        if (strcmp(entry->d_name, ".") == 0 ||
            strcmp(entry->d_name, "..") == 0 ||
            files_path(path, "%s/%s/metadata.json", place->name,
                       entry->d_name) == -1 ||
            faccessat(AT_FDCWD, path, F_OK, AT_SYMLINK_NOFOLLOW) == 0 ||
            errno != ENOENT)
            continue;
        *strrchr(path, '/') = '\0';
        log_note("left half done by somebody who was killed: %s", path);
        store_tree_remove(path);
    }
    closedir(directory);
    rmdir(place->name);
}

int image_store_sweep(const struct store *store)
{
    struct image_place place;
    if (files_path(place.images, "%s/images", store->root) == -1)
        return -1;
    int lock_fd = image_store_lock(&place);
    if (lock_fd == -1)
        return errno == ENOENT ? 0 : -1;
    DIR *directory = opendir(place.images);
    for (struct dirent *entry;
         directory != NULL && (entry = readdir(directory)) != NULL;)
        if (entry->d_name[0] != '.' &&
            files_path(place.name, "%s/%s", place.images, entry->d_name) == 0)
            image_store_sweep_name(&place);
    if (directory != NULL)
        closedir(directory);
    close(lock_fd);
    return 0;
}
