#include "common/image/build_layer.h"

#include "common/base/log.h"
#include "common/base/tar_writer.h"
#include "common/image/image_store.h"
#include "common/image/layer_pack.h"
#include "common/runtime/mapped.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- The layers below ---- */

int build_layer_open_below(const struct build *build,
                           const struct image_texts *digests,
                           struct layers *below)
{
    char path[PATH_MAX];
    below->count = 0;
    if (digests->count > LAYERS_MOST) {
        errno = E2BIG;
        return log_error("an image of %zu layers, and there may be %d",
                         digests->count, LAYERS_MOST);
    }
    for (size_t i = digests->count; i > 0; i--) {
        const char *digest = digests->all[i - 1];
        int result = layer_store_find(build->store, digest, path, NULL);
        if (result == -1 && errno == ENOENT)
            log_error("layer %.12s is not there (ENOENT)", digest);
        if (result == 0) {
            result =
                open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
            log_call(result, "a layer, to be read",
                     "openat(AT_FDCWD, \"%s\", O_RDONLY|O_DIRECTORY)", path);
        }
        if (result == -1) {
            layers_close(below);
            return -1;
        }
        below->fds[below->count++] = result;
    }
    return 0;
}

/* ---- A new one ---- */

int build_layer_begin(struct build_layer *layer, const struct build *build)
{
    layer->draft.path[0] = '\0';
    layer->news = mapped_shared(sizeof *layer->news);
    if (layer->news == NULL)
        return -1;
    if (layer_store_begin(build->store, &layer->draft) == 0)
        return 0;
    munmap(layer->news, sizeof *layer->news);
    layer->draft.path[0] = '\0';
    return -1;
}

void build_layer_abandon(struct build_layer *layer)
{
    layer_store_abandon(&layer->draft);
    munmap(layer->news, sizeof *layer->news);
}

int build_layer_prepare_tree(const struct build_layer *layer,
                             const struct layers *below, time_t time)
{
    const struct timespec times[2] = {{.tv_sec = time}, {.tv_sec = time}};
    struct stat status;
    int fd = layer->draft.tree_fd;
    if (below->count == 0)
        return futimens(fd, times);
    return fstat(below->fds[0], &status) == -1 ||
                   fchown(fd, status.st_uid, status.st_gid) == -1 ||
                   fchmod(fd, status.st_mode & 07777) == -1
               ? -1
               : 0;
}

struct build_layer_hasher {
    struct sha256 hash;
    uint64_t bytes;
};

/* A tar_write_function: what would be written is only hashed. */
static int build_layer_take(void *context, const void *data, size_t size)
{
    struct build_layer_hasher *hasher = context;
    sha256_add(&hasher->hash, data, size);
    hasher->bytes += size;
    return 0;
}

int build_layer_hash(struct build_layer *layer)
{
    static struct tar_writer writer; /* too large for a stack */
    struct build_layer_hasher hasher = {.bytes = 0};
    unsigned char digest[SHA256_BYTES];
    sha256_start(&hasher.hash);
    tar_writer_start(&writer, build_layer_take, &hasher);
    if (layer_pack(layer->draft.tree_fd, layer->draft.path, &writer) == -1 ||
        tar_writer_finish(&writer) == -1)
        return -1;
    sha256_finish(&hasher.hash, digest);
    sha256_text(digest, layer->news->digest);
    layer->news->info = (struct layer_info){.bytes = writer.bytes,
                                            .entries = writer.entries,
                                            .archive_bytes = hasher.bytes};
    return 0;
}

/* ---- In the store ---- */

/* When a layer was made: that of its record, which is written once. */
static time_t build_layer_time(const struct build *build, const char *digest)
{
    char path[PATH_MAX];
    struct stat status;
    if (build->has_epoch ||
        snprintf(path, sizeof path, "%s/layers/%s/layer.json",
                 build->store->root, digest) >= (int)sizeof path ||
        stat(path, &status) == -1)
        return build->epoch;
    return status.st_mtim.tv_sec;
}

/* What a step has made, in the stage's config. */
static int build_layer_add_to_stage(struct build *build,
                                    struct build_stage *stage,
                                    const char *digest)
{
    struct image_config *config = &stage->config;
    char time[32];
    if (config->layers.count >= LAYERS_MOST)
        return log_error("more than the %d layers that an image may have: the "
                         "kernel stacks no more",
                         LAYERS_MOST);
    build_time_text(build_layer_time(build, digest), time);
    return image_config_set_text(config, &config->created, time) == -1
               ? -1
               : image_config_add(config, &config->layers, digest, false);
}

bool build_layer_is_cached(struct build *build, struct build_stage *stage,
                           const char *key)
{
    char digest[SHA256_TEXT];
    if (build->options->no_cache ||
        image_store_cached(build->store, key, digest) == -1 ||
        build_layer_add_to_stage(build, stage, digest) == -1)
        return false;
    build_tell(build, "CACHED %.12s", digest);
    return true;
}

int build_layer_commit(struct build_layer *layer, struct build *build,
                       struct build_stage *stage, const char *key)
{
    int result = layer_store_commit(build->store, &layer->draft,
                                    layer->news->digest, &layer->news->info);
    if (result == 0 && key != NULL)
        result = image_store_remember(build->store, key, layer->news->digest);
    if (result == 0)
        result = build_layer_add_to_stage(build, stage, layer->news->digest);
    if (result == 0)
        build_tell(build, "--> %.12s", layer->news->digest);
    munmap(layer->news, sizeof *layer->news);
    return result;
}
