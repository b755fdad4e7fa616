#include "common/image/layer_export.h"

#include "common/base/files.h"
#include "common/base/log.h"
#include "common/base/progress.h"
#include "common/base/tar_writer.h"
#include "common/image/layer_pack.h"
#include "common/runtime/mapped.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

struct exporting {
    const char *tree, *name;
    uint64_t archive_bytes; /* as many as there were when it was unpacked */
    enum stream_format format;
    int fd;
    struct stream stream;
    struct layer_exported *exported; /* in memory that the parent sees, too */
};

/* A tar_write_function. */
static int export_write(void *context, const void *data, size_t size)
{
    progress_add(size);
    return stream_write(context, data, size);
}

static int export_pack(struct exporting *export, int directory_fd)
{
    static struct tar_writer writer; /* too large for a stack */
    struct layer_exported *exported = export->exported;
    struct stream *stream = &export->stream;
    tar_writer_start(&writer, export_write, stream);
    if (layer_pack(directory_fd, export->tree, &writer) == -1 ||
        tar_writer_finish(&writer) == -1 || stream_finish(stream) == -1)
        return -1;
    sha256_text(stream->plain_digest, exported->plain_digest);
    sha256_text(stream->stored_digest, exported->stored_digest);
    exported->stored_bytes = stream->stored_bytes;
    return 0;
}

/* As root of the ids that containers have. */
static int export_work(void *context)
{
    struct exporting *export = context;
    int directory_fd = open(export->tree, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (directory_fd == -1) {
        log_call(-1, "the layer's files",
                 "openat(\"%s\", O_RDONLY|O_DIRECTORY)", export->tree);
        return 1;
    }
    progress_begin(export->archive_bytes, "%s", export->name);
    int result = stream_create(&export->stream, export->name, export->fd,
                               export->format);
    if (result == 0)
        result = export_pack(export, directory_fd);
    stream_close(&export->stream);
    progress_end();
    files_close(&directory_fd);
    return result == 0 ? 0 : 1;
}

/* What it is to begin with: the file may hold another layer still. */
static int export_empty(int fd)
{
    return (int)log_call(
        ftruncate(fd, 0) == -1 || lseek(fd, 0, SEEK_SET) == -1 ? -1 : 0,
        "room for a layer", "ftruncate(%d, 0)", fd);
}

int layer_export(const struct store *store, const char *digest,
                 const char *name, int fd, enum stream_format format,
                 struct layer_exported *exported)
{
    static struct exporting export;
    char tree[PATH_MAX];
    struct layer_info info;
    if (layer_store_find(store, digest, tree, &info) == -1)
        return errno == ENOENT ? log_error("%s: the layer sha256:%s is not "
                                           "there any more (ENOENT)",
                                           name, digest)
                               : -1;
    if (export_empty(fd) == -1)
        return -1;
    struct layer_exported *shared = mapped_shared(sizeof *shared);
    if (shared == NULL)
        return -1;
    export = (struct exporting){.tree = tree,
                                .name = name,
                                .archive_bytes = info.archive_bytes,
                                .format = format,
                                .fd = fd,
                                .exported = shared};
    int result = mapped_run(export_work, &export) == 0 ? 0 : -1;
    int saved_errno = errno;
    *exported = *shared;
    munmap(shared, sizeof *shared);
    errno = saved_errno;
    return result;
}
