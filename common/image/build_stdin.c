#include "common/image/build_stdin.h"

#include "common/base/log.h"
#include "common/base/tar_reader.h"
#include "common/image/build_context.h"
#include "common/image/layer_unpack.h"
#include "common/image/stream.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

static const char name[] = "standard input";

/* A block of it has been read, to see what it is. */
struct build_stdin {
    struct stream stream;
    unsigned char first[TAR_BLOCK];
    size_t used, end; /* of that block */
};

/* A tar_read_function. */
static ssize_t build_stdin_read(void *context, void *buffer, size_t size)
{
    struct build_stdin *input = context;
    size_t there = input->end - input->used;
    if (there == 0)
        return stream_read(&input->stream, buffer, size);
    if (there > size)
        there = size;
    memcpy(buffer, input->first + input->used, there);
    input->used += there;
    return (ssize_t)there;
}

static int build_stdin_look(struct build_stdin *input)
{
    ssize_t got =
        stream_read_block(&input->stream, input->first, sizeof input->first);
    if (got == -1)
        return -1;
    input->end = (size_t)got;
    return tar_is_header(input->first, input->end);
}

/* Whose files they were is nothing to COPY. */
static int build_stdin_unpack(struct build_stdin *input, int to_fd)
{
    const struct layer_options options = {.devices = LAYER_DEVICES_LEAVE_OUT,
                                          .own_all = true,
                                          .plain_tree = true};
    struct layer_counts counts = {0};
    struct tar_reader reader;
    if (tar_reader_start(&reader, name, build_stdin_read, input,
                         &tar_default_limits) == -1)
        return -1;
    int result = layer_unpack(&reader, to_fd, &options, &counts);
    tar_reader_free(&reader);
    if (counts.devices > 0)
        log_warning("%s: left out: %llu devices", name,
                    (unsigned long long)counts.devices);
    return result == -1 ? -1 : stream_finish(&input->stream);
}

static int build_stdin_take(struct build_stdin *input,
                            struct build_context *context,
                            const struct store *store)
{
    int is_archive = build_stdin_look(input);
    if (is_archive == -1)
        return -1;
    if (is_archive == 0 && input->stream.format != STREAM_PLAIN) {
        errno = EBADMSG;
        return log_error("%s is compressed, and what is in it is no archive",
                         name);
    }
    if (is_archive == 0)
        return build_context_read_all(context, build_stdin_read, input);
    if (layer_store_begin(store, &context->unpacked) == -1 ||
        build_stdin_unpack(input, context->unpacked.tree_fd) == -1)
        return -1;
    context->fd = context->unpacked.tree_fd;
    context->unpacked.tree_fd = -1;
    return 0;
}

int build_stdin_open(struct build_context *context, const struct store *store)
{
    struct build_stdin input = {.used = 0};
    int result = stream_open(&input.stream, name, STDIN_FILENO, UINT64_MAX);
    if (result == 0)
        result = build_stdin_take(&input, context, store);
    stream_close(&input.stream);
    return result;
}
