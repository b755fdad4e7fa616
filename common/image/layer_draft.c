/* Making layers: see layer_store.h. */
#include "common/base/files.h"
#include "common/base/json_writer.h"
#include "common/base/log.h"
#include "common/base/replace.h"
#include "common/image/layer_store.h"
#include "common/kernel/lock.h"
#include "common/runtime/store_tree.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- A new one ---- */

/* A directory with our lock on it. Between the two somebody may sweep it. */
static int layer_store_make_hidden(const struct store *store,
                                   struct layer_draft *draft)
{
    for (int i = 0; i < 100; i++) {
        if (layer_store_hide(store, draft->path) == -1)
            return -1;
        int result = mkdir(draft->path, 0700);
        if (result == -1 && errno == EEXIST)
            continue;
        if (log_call(result, "a layer, not seen by others yet",
                     "mkdir(\"%s\", 0700)", draft->path) == -1)
            return -1;
        draft->fd = lock_directory(draft->path, LOCK_EX | LOCK_NB);
        if (draft->fd != -1)
            return 0;
        if (errno != EWOULDBLOCK && errno != ENOENT) {
            int saved_errno = errno;
            rmdir(draft->path);
            errno = saved_errno;
            break;
        }
    }
    return -1;
}

int layer_store_begin(const struct store *store, struct layer_draft *draft)
{
    *draft = (struct layer_draft){.fd = -1, .tree_fd = -1};
    if (layer_store_make(store) == -1)
        return -1;
    layer_store_sweep(store);
    if (layer_store_make_hidden(store, draft) == -1) {
        draft->path[0] = '\0';
        return -1;
    }
    int result = mkdirat(draft->fd, "tree", 0755);
    log_call(result, "what is in it", "mkdirat(\"%s\", \"tree\", 0755)",
             draft->path);
    if (result == 0) { /* not for the mask to decide */
        result = fchmodat(draft->fd, "tree", 0755, 0);
        log_call(result, "as / is in an image",
                 "fchmodat(\"%s\", \"tree\", 0755)", draft->path);
    }
    if (result == 0) {
        draft->tree_fd = openat(
            draft->fd, "tree", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (draft->tree_fd != -1)
            return 0;
        log_call(-1, "what is in it", "openat(\"%s\", \"tree\")", draft->path);
    }
    layer_store_abandon(draft);
    return -1;
}

void layer_store_abandon(struct layer_draft *draft)
{
    int saved_errno = errno;
    files_close(&draft->tree_fd);
    if (draft->path[0] != '\0')
        store_tree_remove(draft->path);
    files_close(&draft->fd);
    draft->path[0] = '\0';
    errno = saved_errno;
}

/* Nobody sees it yet, and syncfs(2) brings it to the disk with all the rest. */
static int layer_store_write_info(const struct layer_draft *draft,
                                  const struct layer_info *info)
{
    int fd = openat(draft->fd, "layer.json",
                    O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    struct json_writer writer = {.file = fd == -1 ? NULL : fdopen(fd, "w")};
    if (writer.file == NULL) {
        log_call(-1, "how much that is", "openat(\"%s\", \"layer.json\")",
                 draft->path);
        files_close(&fd);
        return -1;
    }
    json_write_open(&writer, NULL, '{');
    json_write_unsigned(&writer, "bytes", info->bytes);
    json_write_unsigned(&writer, "entries", info->entries);
    json_write_unsigned(&writer, "archive_bytes", info->archive_bytes);
    json_write_close(&writer, '}');
    int result = fflush(writer.file);
    if (result == 0 && ferror(writer.file))
        result = -1;
    int saved_errno = errno;
    if (fclose(writer.file) == EOF && result == 0) {
        result = -1;
        saved_errno = errno;
    }
    errno = saved_errno;
    if (result == -1)
        log_call(result, "how much that is", "write(\"%s/layer.json\")",
                 draft->path);
    return result;
}

static bool layer_store_is_whole(const struct store *store, const char *digest)
{
    char path[PATH_MAX];
    struct layer_info info;
    return layer_store_find(store, digest, path, &info) == 0;
}

/* Gives the draft its place. Returns 1 where a layer has it already, or -1, reported. */
static int layer_store_place(const struct store *store,
                             const struct layer_draft *draft,
                             const char *digest)
{
    char place[PATH_MAX];
    if (files_path(place, "%s/layers/%s", store->root, digest) == -1)
        return -1;
    for (int i = 0; i < 10; i++) {
        int result = 0;
        //> appear
        result = rename(draft->path, place);
        //< appear
        if (result == 0 ||
            (errno != EEXIST && errno != ENOTEMPTY && errno != ENOTDIR))
            return (int)log_call(result, "from now on there is this layer",
                                 "rename(\"%s\", \"%s\")", draft->path, place);
        if (layer_store_is_whole(store, digest))
            return 1;
        log_warning("%s is damaged, and made anew", place);
        if (layer_store_take_away(store, place) == -1)
            return -1;
    }
    errno = EEXIST;
    return log_error("%s: somebody else makes it, too (EEXIST)", place);
}

int layer_store_commit(const struct store *store, struct layer_draft *draft,
                       const char *digest, const struct layer_info *info)
{
    char layers[PATH_MAX];
    int result = layer_store_path(store, layers);
    if (!sha256_is_text(digest)) {
        errno = EINVAL;
        result = log_error("a layer's name: expected 64 hexadecimal digits, "
                           "not \"%s\"",
                           digest);
    }
    /* What is there already need not be brought to the disk once more. */
    if (result == 0 && layer_store_is_whole(store, digest)) {
        layer_store_abandon(draft);
        return 0;
    }
    if (result == 0)
        result = layer_store_write_info(draft, info);
    if (result == 0) { /* all its files, by one call */
        result = syncfs(draft->fd);
        log_call(result, "to the disk, before anybody sees it",
                 "syncfs(\"%s\")", draft->path);
    }
    if (result == 0)
        result = layer_store_place(store, draft, digest);
    if (result != 0) {
        layer_store_abandon(draft);
        return result == 1 ? 0 : -1;
    }
    files_close(&draft->tree_fd);
    files_close(&draft->fd);
    draft->path[0] = '\0';
    return replace_sync_directory(layers);
}
