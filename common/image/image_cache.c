/* What steps of builds have made: see image_store.h. As a link it is there whole or not at
 * all; should it be lost (it is not brought to the disk by itself), the step is run again. */
#include "common/base/files.h"
#include "common/base/log.h"
#include "common/image/image_store.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int image_cache_path(const struct store *store, const char *key,
                            char *path)
{
    if (sha256_is_text(key))
        return files_path(path, "%s/cache/%s", store->root, key);
    errno = EINVAL;
    return log_error("the key of a step: expected 64 hexadecimal digits, not "
                     "\"%s\"",
                     key);
}

static int image_cache_read(const char *path, char *digest)
{
    ssize_t length = readlink(path, digest, SHA256_TEXT);
    if (length == SHA256_TEXT - 1) {
        digest[length] = '\0';
        if (sha256_is_text(digest))
            return 0;
    }
    digest[0] = '\0';
    errno = ENOENT;
    return -1;
}

int image_store_cached(const struct store *store, const char *key, char *digest)
{
    char path[PATH_MAX];
    if (image_cache_path(store, key, path) == -1 ||
        image_cache_read(path, digest) == -1)
        return -1;
    return layer_store_find(store, digest, path, NULL);
}

int image_store_cached_since(const struct store *store, const char *key,
                             time_t *since)
{
    char path[PATH_MAX], digest[SHA256_TEXT];
    struct stat status;
    if (image_store_cached(store, key, digest) == -1 ||
        image_cache_path(store, key, path) == -1)
        return -1;
    if (lstat(path, &status) == -1)
        return errno == ENOENT
                   ? -1
                   : (int)log_call(-1, "since when that has been known",
                                   "lstat(\"%s\")", path);
    *since = status.st_mtim.tv_sec;
    return 0;
}

int image_store_remember(const struct store *store, const char *key,
                         const char *digest)
{
    char path[PATH_MAX], cache[PATH_MAX], there[SHA256_TEXT];
    if (image_cache_path(store, key, path) == -1 ||
        files_path(cache, "%s/cache", store->root) == -1)
        return -1;
    int result = mkdir(cache, 0700);
    if (result == 0 || errno != EEXIST)
        log_call(result, "where is kept which step has made which layer",
                 "mkdir(\"%s\", 0700)", cache);
    if (result == -1 && errno != EEXIST)
        return -1;
    /* Somebody who builds the same may be as far. */
    for (int i = 0; i < 100; i++) {
        if (image_cache_read(path, there) == 0 && strcmp(there, digest) == 0)
            return 0;
        unlink(path);
        result = symlink(digest, path);
        if (result == 0 || errno != EEXIST)
            break;
    }
    return (int)log_call(result, "which layer this step has made",
                         "symlink(\"%s\", \"%s\")", digest, path);
}
