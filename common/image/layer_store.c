#include "common/image/layer_store.h"

#include "common/base/files.h"
#include "common/base/json.h"
#include "common/base/log.h"
#include "common/kernel/lock.h"
#include "common/runtime/store_tree.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* ---- Where ---- */

int layer_store_path(const struct store *store, char *path)
{
    return files_path(path, "%s/layers", store->root);
}

int layer_store_make(const struct store *store)
{
    char path[PATH_MAX];
    if (store_make(store) == -1 || layer_store_path(store, path) == -1)
        return -1;
    int result = mkdir(path, 0700);
    return result == -1 && errno == EEXIST
               ? 0
               : (int)log_call(result, "where layers are kept",
                               "mkdir(\"%s\", 0700)", path);
}

int layer_store_use(const struct store *store)
{
    char path[PATH_MAX];
    if (layer_store_make(store) == -1 || layer_store_path(store, path) == -1)
        return -1;
    int fd = lock_directory(path, LOCK_SH);
    if (fd == -1 && errno == ENOENT)
        log_call(fd, "no layer goes away", "openat(\"%s\")", path);
    return fd;
}

int layer_store_hide(const struct store *store, char *path)
{
    unsigned long long number;
    if (getrandom(&number, sizeof number, 0) != (ssize_t)sizeof number)
        return (int)log_call(-1, "a name for a layer in the making",
                             "getrandom()");
    return files_path(path, "%s/layers/.%016llx", store->root, number);
}

/* ---- What was left half done ---- */

void layer_store_sweep(const struct store *store)
{
    char path[PATH_MAX];
    if (layer_store_path(store, path) == -1)
        return;
    DIR *directory = opendir(path);
    if (directory == NULL)
        return;
    for (struct dirent *entry; (entry = readdir(directory)) != NULL;) {
        if (entry->d_name[0] != '.' || strcmp(entry->d_name, ".") == 0 ||
            strcmp(entry->d_name, "..") == 0 ||
            files_path(path, "%s/layers/%s", store->root, entry->d_name) == -1)
            continue;
        int fd = lock_directory(path, LOCK_EX | LOCK_NB);
        if (fd == -1)
            continue;
        log_note("left half done by somebody who was killed: %s", path);
        store_tree_remove(path);
        close(fd);
    }
    closedir(directory);
}

/* ---- Those that are there ---- */

static int layer_store_read_info(const char *path, struct layer_info *info)
{
    const struct {
        const char *key;
        uint64_t *number;
    } members[] = {{"bytes", &info->bytes},
                   {"entries", &info->entries},
                   {"archive_bytes", &info->archive_bytes}};
    errno = 0;
    struct json *json = json_read(path, 4096);
    int result = json == NULL ? -1 : 0;
    int error = json == NULL && errno != 0 && errno != ENOENT ? errno : EINVAL;
    for (size_t i = 0; i < sizeof members / sizeof members[0] && result == 0;
         i++) {
        const struct json_value *value =
            json_member(json->root, members[i].key);
        if (value == NULL ||
            json_unsigned(value, INT64_MAX, members[i].number) == -1)
            result = json_error(json, value == NULL ? json->root : value,
                                "expected \"%s\", a number", members[i].key);
    }
    if (json != NULL)
        json_free(json);
    if (result == -1)
        errno = error;
    return result;
}

int layer_store_find(const struct store *store, const char *digest, char *path,
                     struct layer_info *info)
{
    struct stat status;
    char info_path[PATH_MAX];
    if (!sha256_is_text(digest)) {
        errno = ENOENT;
        return -1;
    }
    if (files_path(info_path, "%s/layers/%s/layer.json", store->root, digest) ==
            -1 ||
        files_path(path, "%s/layers/%s/tree", store->root, digest) == -1)
        return -1;
    if (lstat(path, &status) == -1) {
        if (errno != ENOENT)
            log_call(-1, "a layer", "lstat(\"%s\")", path);
        return -1;
    }
    if (!S_ISDIR(status.st_mode)) {
        errno = EINVAL;
        return log_error("%s: expected a directory", path);
    }
    return info == NULL ? 0 : layer_store_read_info(info_path, info);
}

/* ---- Those that nobody needs ---- */

int layer_store_take_away(const struct store *store, const char *place)
{
    char hidden[PATH_MAX];
    struct stat status;
    if (lstat(place, &status) == 0 && !S_ISDIR(status.st_mode)) {
        int unlinked = unlink(place);
        return (int)log_call(unlinked, "from now on there is no such layer",
                             "unlink(\"%s\")", place);
    }
    int fd = lock_directory(place, LOCK_EX);
    if (fd == -1)
        return errno == ENOENT ? 0 : -1; /* somebody else has done it */
    int result = layer_store_hide(store, hidden);
    if (result == 0) {
        result = rename(place, hidden);
        log_call(result, "from now on there is no such layer",
                 "rename(\"%s\", \"%s\")", place, hidden);
    }
    if (result == 0)
        result = store_tree_remove(hidden);
    files_close(&fd);
    return result;
}

/* Who makes a name for an image, or collects as well, is soon done; a build is not, and is
 * not waited for. Returns the lock, -1 where there is nothing to be done, or -2, reported. */
static int layer_store_lock_alone(const char *path)
{
    enum { TRIES = 200 };
    static const struct timespec pause = {.tv_nsec = 5000000L};
    int fd = lock_directory(path, LOCK_EX | LOCK_NB);
    for (int i = 0; i < TRIES && fd == -1 && errno == EWOULDBLOCK; i++) {
        nanosleep(&pause, NULL);
        fd = lock_directory(path, LOCK_EX | LOCK_NB);
    }
    if (fd != -1 || errno == ENOENT)
        return fd;
    if (errno != EWOULDBLOCK)
        return -2;
    log_note("layers stay for now, since somebody is making one, or begins to "
             "use one");
    return -1;
}

static int layer_store_collect_one(const struct store *store,
                                   const char *digest, uint64_t *freed)
{
    char path[PATH_MAX];
    struct layer_info info = {0};
    layer_store_find(store, digest, path, &info);
    if (files_path(path, "%s/layers/%s", store->root, digest) == -1 ||
        layer_store_take_away(store, path) == -1)
        return -1;
    *freed += info.bytes;
    return 0;
}

int layer_store_collect(const struct store *store,
                        const struct layer_collector *collector,
                        uint64_t *freed)
{
    struct dirent *entry;
    char path[PATH_MAX];
    int result = 0;
    *freed = 0;
    if (layer_store_path(store, path) == -1)
        return -1;
    int fd = layer_store_lock_alone(path);
    if (fd < 0)
        return fd == -2 ? -1 : 0;
    layer_store_sweep(store);
    if (collector->prepare != NULL)
        result = collector->prepare(collector->context);
    DIR *directory = result == 0 ? opendir(path) : NULL;
    if (result == 0 && directory == NULL)
        result =
            (int)log_call(-1, "which layers there are", "openat(\"%s\")", path);
    while (directory != NULL && files_next(directory, path, &entry, &result)) {
        if (!sha256_is_text(entry->d_name) ||
            collector->is_used(collector->context, entry->d_name))
            continue;
        if (layer_store_collect_one(store, entry->d_name, freed) == -1)
            result = -1;
        else if (collector->removed != NULL)
            collector->removed(collector->context, entry->d_name);
    }
    if (directory != NULL)
        closedir(directory);
    close(fd);
    return result;
}
