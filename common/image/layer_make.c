#include "common/image/layer_make.h"

#include "common/base/files.h"
#include "common/base/log.h"
#include "common/base/progress.h"
#include "common/base/tar_writer.h"
#include "common/image/layer_pack.h"
#include "common/kernel/clone.h"
#include "common/runtime/mapped.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

struct make {
    const struct layer_origin *origin;
    int tree_fd;
    bool own_all;
    pid_t packer; /* of a directory; 0: there is none */
    struct stream stream;
    uint64_t shown;          /* of the bytes read: what progress knows of */
    struct layer_made *made; /* in memory that the parent sees, too */
};

/* ---- The packer, a child ---- */

/* Who reads and ends early has said why; SIGPIPE ends us. */
static int make_write(void *context, const void *data, size_t size)
{
    const int *fd = context;
    if (files_write_all(*fd, data, size) == 0)
        return 0;
    return errno == EPIPE ? -1
                          : (int)log_call(-1, "pack a layer", "write(%d)", *fd);
}

static void __attribute__((noreturn)) make_pack(const struct make *make, int fd)
{
    static struct tar_writer writer; /* too large for a stack */
    const char *path = make->origin->directory;
    signal(SIGPIPE, SIG_DFL);
    int directory_fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (directory_fd == -1)
        log_call(-1, "the directory that becomes a layer",
                 "openat(\"%s\", O_RDONLY|O_DIRECTORY)", path);
    tar_writer_start(&writer, make_write, &fd);
    _exit(directory_fd != -1 && layer_pack(directory_fd, path, &writer) == 0 &&
                  tar_writer_finish(&writer) == 0
              ? 0
              : 1);
}

/* Returns where the archive can be read, or -1, reported. */
static int make_start_packer(struct make *make)
{
    struct clone_args arguments = {.exit_signal = SIGCHLD};
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) == -1)
        return (int)log_call(-1, "from who packs to who unpacks",
                             "pipe2(O_CLOEXEC)");
    fcntl(ends[0], F_SETPIPE_SZ, 1 << 20); /* the fewer switches; a wish */
    make->packer = clone_process(&arguments);
    if (make->packer == 0) {
        close(ends[0]);
        make_pack(make, ends[1]);
    }
    close(ends[1]);
    if (make->packer != -1)
        return ends[0];
    make->packer = 0;
    log_call(-1, "somebody to pack the directory", "clone3(0)");
    files_close(&ends[0]);
    return -1;
}

static int make_wait(struct make *make)
{
    int status = 0;
    if (make->packer == 0)
        return 0;
    while (waitpid(make->packer, &status, 0) == -1)
        if (errno != EINTR)
            return (int)log_call(-1, "who packs the directory", "wait4(%d)",
                                 (int)make->packer);
    make->packer = 0;
    if (status == 0)
        return 0;
    if (WIFSIGNALED(status))
        log_error("%s: who packed it was ended by signal %d",
                  make->origin->name, WTERMSIG(status));
    errno = EIO;
    return -1;
}

/* ---- Reading ---- */

/* A tar_read_function. That the packer has failed is noticed at the end, before the
 * reader wonders why it comes so early. */
static ssize_t make_read(void *context, void *buffer, size_t size)
{
    struct make *make = context;
    ssize_t got = stream_read(&make->stream, buffer, size);
    progress_add(make->stream.stored_bytes - make->shown);
    make->shown = make->stream.stored_bytes;
    return got == 0 && make_wait(make) == -1 ? -1 : got;
}

static int make_check_digest(const struct layer_origin *origin,
                             const char *what, const char *expected,
                             const unsigned char digest[SHA256_BYTES])
{
    char text[SHA256_TEXT];
    sha256_text(digest, text);
    if (expected == NULL || strcmp(text, expected) == 0)
        return 0;
    errno = EBADMSG;
    return log_error("%s: the digest of %s is sha256:%s, and not sha256:%s as "
                     "was said of it: it was changed, or damaged",
                     origin->name, what, text, expected);
}

/* What was said of it can only be known to be true at the end. */
static int make_finish(struct make *make)
{
    const struct layer_origin *origin = make->origin;
    struct stream *stream = &make->stream;
    if (stream_finish(stream) == -1)
        return -1;
    if (origin->stored_digest != NULL && stream->stored_bytes != origin->size) {
        errno = EBADMSG;
        return log_error("%s: %" PRIu64 " bytes, and not %" PRIu64
                         " as was said of it",
                         origin->name, stream->stored_bytes, origin->size);
    }
    if (make_check_digest(origin, "what is in the file", origin->stored_digest,
                          stream->stored_digest) == -1 ||
        make_check_digest(origin, "what it unpacks to", origin->plain_digest,
                          stream->plain_digest) == -1)
        return -1;
    if (make->made != NULL) {
        sha256_text(stream->plain_digest, make->made->digest);
        make->made->info.archive_bytes = stream->plain_bytes;
    }
    return 0;
}

static int make_check_format(const struct make *make)
{
    static const char *const names[] = {
        [STREAM_PLAIN] = "not compressed",
        [STREAM_GZIP] = "compressed with gzip",
        [STREAM_ZSTD] = "compressed with zstd",
        [STREAM_XZ] = "compressed with xz",
        [STREAM_BZIP2] = "compressed with bzip2",
    };
    int expected = make->origin->format;
    if (expected == LAYER_ANY_FORMAT || (int)make->stream.format == expected)
        return 0;
    errno = EBADMSG;
    return log_error("%s is %s, and was said to be %s", make->origin->name,
                     names[make->stream.format], names[expected]);
}

/* Opens the stream. Returns 0, or -1; make_close() in any case. */
static int make_open(struct make *make, int fd)
{
    const struct layer_origin *origin = make->origin;
    uint64_t size = origin->directory != NULL ? UINT64_MAX : origin->size;
    progress_begin(size == UINT64_MAX ? 0 : size, "%s", origin->name);
    return stream_open(&make->stream, origin->name, fd, size) == -1
               ? -1
               : make_check_format(make);
}

static void make_close(struct make *make)
{
    int saved_errno = errno;
    stream_close(&make->stream);
    if (make->packer != 0) {
        kill(make->packer, SIGKILL);
        while (waitpid(make->packer, NULL, 0) == -1 && errno == EINTR)
            ;
        make->packer = 0;
    }
    progress_end();
    errno = saved_errno;
}

/* ---- Unpacking ---- */

static int make_unpack(struct make *make)
{
    const struct layer_options options = {.devices = make->origin->devices,
                                          .own_all = make->own_all,
                                          .plain_tree =
                                              make->origin->plain_tree};
    struct layer_made *made = make->made;
    struct layer_counts counts;
    struct tar_reader reader;
    if (tar_reader_start(&reader, make->origin->name, make_read, make,
                         &tar_default_limits) == -1)
        return -1;
    reader.end_is_known = make->origin->stored_digest != NULL ||
                          make->origin->plain_digest != NULL;
    int result = layer_unpack(&reader, make->tree_fd, &options, &counts);
    tar_reader_free(&reader);
    made->info.bytes = counts.bytes;
    made->info.entries = counts.entries;
    made->devices = counts.devices;
    made->attributes = counts.attributes;
    return result == -1 ? -1 : make_finish(make);
}

/* As root of the ids that containers have. */
static int make_work(void *context)
{
    struct make *make = context;
    const struct layer_origin *origin = make->origin;
    int fd = origin->directory != NULL ? make_start_packer(make) : origin->fd;
    if (fd == -1)
        return 1;
    int result = make_open(make, fd) == -1 ? -1 : make_unpack(make);
    int saved_errno = errno;
    if (origin->directory != NULL)
        close(fd); /* or the packer would wait for us, and we for it */
    make_close(make);
    errno = saved_errno;
    return result == 0 ? 0 : 1;
}

static void make_tell(const struct layer_origin *origin,
                      const struct layer_made *made)
{
    if (made->devices > 0)
        log_warning("%s: left out: %" PRIu64 " devices", origin->name,
                    made->devices);
    if (made->attributes > 0)
        log_note("%s: left out: %" PRIu64 " extended attributes that mean "
                 "something to another host only",
                 origin->name, made->attributes);
}

static int make_layer(const struct store *store, struct make *make)
{
    struct layer_draft draft;
    int one_id = mapped_has_one_id();
    if (one_id == -1 || layer_store_begin(store, &draft) == -1)
        return -1;
    make->own_all = one_id == 1;
    make->tree_fd = draft.tree_fd;
    if (mapped_run(make_work, make) != 0) {
        int saved_errno = errno;
        layer_store_abandon(&draft);
        errno = saved_errno;
        return -1;
    }
    make_tell(make->origin, make->made);
    return layer_store_commit(store, &draft, make->made->digest,
                              &make->made->info);
}

int layer_make(const struct store *store, const struct layer_origin *origin,
               struct layer_made *made)
{
    static struct make make;
    struct layer_made *shared = mapped_shared(sizeof *shared);
    if (shared == NULL)
        return -1;
    make = (struct make){.origin = origin, .made = shared};
    int result = make_layer(store, &make);
    int saved_errno = errno;
    *made = *shared;
    munmap(shared, sizeof *shared);
    errno = saved_errno;
    return result;
}

int layer_make_check(const struct layer_origin *origin)
{
    static struct make make;
    static unsigned char unwanted[64 * 1024];
    ssize_t got = -1;
    make = (struct make){.origin = origin};
    if (make_open(&make, origin->fd) == 0)
        do {
            got = make_read(&make, unwanted, sizeof unwanted);
        } while (got > 0 &&
                 make.stream.plain_bytes <= tar_default_limits.bytes);
    if (got > 0) {
        log_error("%s unpacks to more than %" PRIu64
                  " bytes, which is the limit",
                  origin->name, tar_default_limits.bytes);
        errno = E2BIG;
        got = -1;
    }
    int result = got == -1 ? -1 : make_finish(&make);
    make_close(&make);
    return result;
}
