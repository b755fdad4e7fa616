#include "common/image/stream.h"

#include "common/base/advice.h"
#include "common/base/files.h"
#include "common/base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum { CHUNK = 256 * 1024 };

/* Not const: what is executed takes its words as if it might change them. */
static struct stream_kind {
    char program[8], suffix[4];
    char unpack[12], pack[8]; /* its options */
    unsigned char magic[6];
    size_t magic_size; /* 0: it is known by nothing */
} kinds[] = {
    [STREAM_PLAIN] = {.magic_size = 0},
    /* -n: neither name nor time, so that the same data makes the same file. */
    [STREAM_GZIP] = {"gzip", "gz", "-dc", "-cn", {0x1f, 0x8b}, 2},
    [STREAM_ZSTD] = {"zstd", "zst", "-dcq", "-cq", {0x28, 0xb5, 0x2f, 0xfd}, 4},
    /* -M: a file may ask for gigabytes of memory; zstd has a limit by itself. */
    [STREAM_XZ] =
        {"xz", "xz", "-dcM256MiB", "", {0xfd, '7', 'z', 'X', 'Z', 0}, 6},
    [STREAM_BZIP2] = {"bzip2", "bz2", "-dc", "", {'B', 'Z', 'h'}, 3},
};

/* ---- The child ---- */

static int stream_spawn(struct stream *stream, struct stream_kind *kind,
                        int input, int output, int errors)
{
    static char *const environment[] = {"LC_ALL=C", NULL};
    char *const arguments[] = {
        kind->program, stream->writing ? kind->pack : kind->unpack, NULL};
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    sigset_t none, all;
    sigemptyset(&none);
    sigfillset(&all);
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, input, STDIN_FILENO);
    posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO);
    posix_spawn_file_actions_adddup2(&actions, errors, STDERR_FILENO);
    posix_spawnattr_init(&attributes);
    posix_spawnattr_setflags(&attributes,
                             POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setsigdefault(&attributes, &all);
    int error = posix_spawnp(&stream->child, kind->program, &actions,
                             &attributes, arguments, environment);
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
    if (error == 0)
        return 0;
    stream->child = 0;
    log_error("%s: %s can not be started (%s)", stream->name, kind->program,
              advice_error_name(error));
    if (error == ENOENT)
        log_advice("install it: it is what %s .%s files here",
                   kind->pack[0] == '\0' ? "unpacks" : "packs and unpacks",
                   kind->suffix);
    errno = error;
    return -1;
}

static int stream_start_child(struct stream *stream)
{
    int input[2] = {-1, -1}, output[2] = {-1, -1}, errors[2] = {-1, -1};
    int result = -1;
    /* A socket, since send(2) can do without SIGPIPE and without waiting. */
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, input) == -1 ||
        pipe2(output, O_CLOEXEC) == -1 || pipe2(errors, O_CLOEXEC) == -1) {
        log_call(-1, "a pipe to (de)compress through", "pipe2()");
    } else {
        /* The larger, the fewer switches; there is a limit for users. */
        fcntl(output[0], F_SETPIPE_SZ, 1 << 20);
        result = stream_spawn(stream, &kinds[stream->format], input[1],
                              output[1], errors[1]);
    }
    files_close(&input[1]);
    files_close(&output[1]);
    files_close(&errors[1]);
    stream->to_child = input[0];
    stream->from_child = output[0];
    stream->child_errors = errors[0];
    return result;
}

/* What the child had to say: its last line, since that tells most. */
static void stream_report_child(const struct stream *stream, int status)
{
    char text[512];
    const char *program = kinds[stream->format].program;
    ssize_t got = read(stream->child_errors, text, sizeof text - 1);
    text[got > 0 ? got : 0] = '\0';
    char *end = text + strlen(text);
    while (end > text && end[-1] == '\n')
        *--end = '\0';
    const char *line = strrchr(text, '\n');
    line = line == NULL ? text : line + 1;
    if (WIFSIGNALED(status))
        log_error("%s: %s was ended by signal %d", stream->name, program,
                  WTERMSIG(status));
    else
        log_error("%s: %s has failed with exit status %d: \"%s\"", stream->name,
                  program, WEXITSTATUS(status), line);
    if (!stream->writing)
        log_advice("the file is damaged, or was cut short: get it again");
}

static int stream_wait(struct stream *stream)
{
    int status = 0;
    if (stream->child == 0)
        return 0;
    while (waitpid(stream->child, &status, 0) == -1)
        if (errno != EINTR)
            return (int)log_call(-1, "wait for the (de)compressor",
                                 "waitpid(%d)", (int)stream->child);
    stream->child = 0;
    if (status == 0)
        return 0;
    stream_report_child(stream, status);
    errno = EBADMSG;
    return -1;
}

/* Waits until the child has something for us, or takes something from us. */
static int stream_poll(const struct stream *stream, bool more, bool *readable,
                       bool *writable)
{
    struct pollfd fds[2] = {
        {.fd = stream->from_child, .events = POLLIN},
        {.fd = more ? stream->to_child : -1, .events = POLLOUT},
    };
    *readable = *writable = false;
    while (poll(fds, 2, -1) == -1)
        if (errno != EINTR)
            return (int)log_call(-1, "wait for the (de)compressor", "poll()");
    *readable = fds[0].revents != 0;
    *writable = fds[1].revents != 0;
    return 0;
}

/* Sends what it takes now: how much, or -1 where it takes no more at all. */
static ssize_t stream_send(struct stream *stream, const void *data, size_t size)
{
    ssize_t sent =
        send(stream->to_child, data, size, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sent == -1 && (errno == EAGAIN || errno == EINTR))
        return 0;
    if (sent == -1) /* it has ended; its exit status will say why */
        files_close(&stream->to_child);
    return sent;
}

/* ---- Reading ---- */

/* Some more of the file, hashed: how much, 0 at its end, or -1. */
static ssize_t stream_read_file(struct stream *stream, void *buffer,
                                size_t size)
{
    ssize_t got = -1;
    if (size > stream->left)
        size = (size_t)stream->left;
    do {
        got = read(stream->fd, buffer, size);
    } while (got == -1 && errno == EINTR);
    if (got == -1)
        return log_call(-1, "read what was asked for", "read(\"%s\")",
                        stream->name);
    //> digest
    sha256_add(&stream->stored_hash, buffer, (size_t)got);
    //< digest
    stream->stored_bytes += (size_t)got;
    stream->left -= (size_t)got;
    return got;
}

/* Fills the chunk, where it is empty. */
static int stream_fill(struct stream *stream)
{
    if (stream->chunk_start < stream->chunk_end)
        return 0;
    ssize_t got = stream_read_file(stream, stream->chunk, CHUNK);
    stream->chunk_start = 0;
    stream->chunk_end = got == -1 ? 0 : (size_t)got;
    return got == -1 ? -1 : 0;
}

/* Hands on as much as the child takes now; at the end tells it so. */
static int stream_feed(struct stream *stream)
{
    if (stream_fill(stream) == -1)
        return -1;
    size_t size = stream->chunk_end - stream->chunk_start;
    if (size == 0) {
        files_close(&stream->to_child);
        return 0;
    }
    ssize_t sent =
        stream_send(stream, stream->chunk + stream->chunk_start, size);
    stream->chunk_start += sent == -1 ? size : (size_t)sent;
    return 0;
}

static int stream_recognise(struct stream *stream)
{
    size_t got = stream->chunk_end;
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        const struct stream_kind *kind = &kinds[i];
        if (kind->magic_size == 0 || got < kind->magic_size ||
            memcmp(stream->chunk, kind->magic, kind->magic_size) != 0)
            continue;
        stream->format = (enum stream_format)i;
        return stream_start_child(stream);
    }
    return 0;
}

static int stream_start(struct stream *stream, const char *name, int fd)
{
    *stream = (struct stream){.name = name,
                              .fd = fd,
                              .to_child = -1,
                              .from_child = -1,
                              .child_errors = -1};
    sha256_start(&stream->stored_hash);
    sha256_start(&stream->plain_hash);
    stream->chunk = malloc(CHUNK);
    if (stream->chunk != NULL)
        return 0;
    log_error("%s: out of memory (ENOMEM)", name);
    errno = ENOMEM;
    return -1;
}

int stream_open(struct stream *stream, const char *name, int fd, uint64_t size)
{
    if (stream_start(stream, name, fd) == -1)
        return -1;
    stream->left = size;
    /* A pipe may hand over a byte at a time; six are enough. */
    size_t used = 0;
    ssize_t got = 1;
    while (used < sizeof kinds[0].magic && got > 0) {
        got = stream_read_file(stream, stream->chunk + used, CHUNK - used);
        if (got == -1)
            return -1;
        used += (size_t)got;
    }
    stream->chunk_end = used;
    return stream_recognise(stream);
}

ssize_t stream_read(void *context, void *buffer, size_t size)
{
    struct stream *stream = context;
    if (stream->format == STREAM_PLAIN) {
        size_t there = stream->chunk_end - stream->chunk_start;
        if (there == 0)
            return stream_read_file(stream, buffer, size);
        if (there > size)
            there = size;
        memcpy(buffer, stream->chunk + stream->chunk_start, there);
        stream->chunk_start += there;
        return (ssize_t)there;
    }
    bool readable = false;
    while (!readable) {
        bool writable;
        if (stream_poll(stream, stream->to_child != -1, &readable, &writable) ==
                -1 ||
            (writable && stream_feed(stream) == -1))
            return -1;
    }
    ssize_t got;
    do {
        got = read(stream->from_child, buffer, size);
    } while (got == -1 && errno == EINTR);
    if (got == -1)
        return log_call(-1, "read what was unpacked", "read(\"%s\")",
                        stream->name);
    sha256_add(&stream->plain_hash, buffer, (size_t)got);
    stream->plain_bytes += (size_t)got;
    /* At the end, say whether it was one, before the reader wonders. */
    if (got == 0) {
        files_close(&stream->to_child);
        if (stream_wait(stream) == -1)
            return -1;
    }
    return got;
}

ssize_t stream_read_block(struct stream *stream, void *buffer, size_t size)
{
    size_t used = 0;
    while (used < size) {
        ssize_t got = stream_read(stream, (char *)buffer + used, size - used);
        if (got <= 0)
            return got == -1 ? -1 : (ssize_t)used;
        used += (size_t)got;
    }
    return (ssize_t)used;
}

static int stream_finish_reading(struct stream *stream)
{
    unsigned char unwanted[16384];
    ssize_t got;
    do {
        got = stream_read(stream, unwanted, sizeof unwanted);
    } while (got > 0);
    if (got == -1)
        return -1;
    /* What comes after the compressed data belongs to the file's digest, too. */
    do {
        stream->chunk_start = stream->chunk_end;
        if (stream_fill(stream) == -1)
            return -1;
    } while (stream->chunk_end > 0);
    return 0;
}

/* ---- Writing ---- */

int stream_create(struct stream *stream, const char *name, int fd,
                  enum stream_format format)
{
    if (stream_start(stream, name, fd) == -1)
        return -1;
    stream->writing = true;
    stream->format = format;
    return format == STREAM_PLAIN ? 0 : stream_start_child(stream);
}

static int stream_write_file(struct stream *stream, const void *data,
                             size_t size)
{
    sha256_add(&stream->stored_hash, data, size);
    stream->stored_bytes += size;
    return files_write_all(stream->fd, data, size) == 0
               ? 0
               : (int)log_call(-1, "write what was asked for", "write(\"%s\")",
                               stream->name);
}

/* Writes what the child has made: how much, 0 at its end, or -1. */
static ssize_t stream_drain(struct stream *stream)
{
    ssize_t got;
    do {
        got = read(stream->from_child, stream->chunk, CHUNK);
    } while (got == -1 && errno == EINTR);
    if (got == -1)
        return log_call(-1, "read what was packed", "read(\"%s\")",
                        stream->name);
    return stream_write_file(stream, stream->chunk, (size_t)got) == -1 ? -1
                                                                       : got;
}

int stream_write(void *context, const void *data, size_t size)
{
    struct stream *stream = context;
    const unsigned char *bytes = data;
    if (stream->format == STREAM_PLAIN)
        return stream_write_file(stream, data, size);
    sha256_add(&stream->plain_hash, data, size);
    stream->plain_bytes += size;
    while (size > 0) {
        bool readable, writable;
        if (stream_poll(stream, true, &readable, &writable) == -1 ||
            (readable && stream_drain(stream) == -1))
            return -1;
        ssize_t sent = writable ? stream_send(stream, bytes, size) : 0;
        if (sent == -1)
            return stream_wait(stream) == -1
                       ? -1
                       : log_error("%s: %s has ended too early", stream->name,
                                   kinds[stream->format].program);
        bytes += sent;
        size -= (size_t)sent;
    }
    return 0;
}

static int stream_finish_writing(struct stream *stream)
{
    ssize_t got = 1;
    if (stream->format == STREAM_PLAIN)
        return 0;
    files_close(&stream->to_child);
    while (got > 0)
        got = stream_drain(stream);
    return got == -1 ? -1 : stream_wait(stream);
}

/* ---- The end ---- */

int stream_finish(struct stream *stream)
{
    if ((stream->writing ? stream_finish_writing(stream)
                         : stream_finish_reading(stream)) == -1)
        return -1;
    sha256_finish(&stream->stored_hash, stream->stored_digest);
    if (stream->format != STREAM_PLAIN) {
        sha256_finish(&stream->plain_hash, stream->plain_digest);
        return 0;
    }
    stream->plain_bytes = stream->stored_bytes;
    memcpy(stream->plain_digest, stream->stored_digest, SHA256_BYTES);
    return 0;
}

void stream_close(struct stream *stream)
{
    int saved_errno = errno;
    /* Without anybody to read from or to write to it has no more to do; but it
     * may be in the middle of something, and nobody wants the result. */
    if (stream->child != 0) {
        kill(stream->child, SIGKILL);
        while (waitpid(stream->child, NULL, 0) == -1 && errno == EINTR)
            ;
        stream->child = 0;
    }
    files_close(&stream->to_child);
    files_close(&stream->from_child);
    files_close(&stream->child_errors);
    free(stream->chunk);
    stream->chunk = NULL;
    errno = saved_errno;
}
