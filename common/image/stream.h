/*
 * stream: a file that may be compressed, read or written in one pass: what is in
 * the file and what it unpacks to are both hashed on the way.
 *
 *   stream_open(&stream, "x.tar.gz", fd, UINT64_MAX);
 *   while ((got = stream_read(&stream, buffer, size)) > 0)
 *       …
 *   result = got == -1 ? -1 : stream_finish(&stream);
 *   stream_close(&stream);
 *
 *   stream_create(&stream, "x.tar.gz", fd, STREAM_GZIP);
 *   stream_write(&stream, data, size);       as often as there is data
 *   stream_finish(&stream);
 *   stream_close(&stream);
 *
 * gzip, zstd, xz and bzip2 are those of the host, the last two to read only: a
 * child of ours that reads from a socket and writes to a pipe. Whoever is in
 * stream_read() or stream_write() feeds the one and empties the other, so that
 * neither side waits for the other.
 *
 * taught in: step 10, lessons/10-build.md
 */
#ifndef NSCTL_IMAGE_STREAM_H
#define NSCTL_IMAGE_STREAM_H

#include "common/base/sha256.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

enum stream_format {
    STREAM_PLAIN,
    STREAM_GZIP,
    STREAM_ZSTD,
    STREAM_XZ,
    STREAM_BZIP2,
};

struct stream {
    const char *name; /* for messages; must stay */
    int fd;           /* the file, which is the caller's to close */
    bool writing;
    enum stream_format format;
    pid_t child; /* 0: there is none */
    int to_child, from_child, child_errors;
    uint64_t left; /* of the file, to be read */
    unsigned char *chunk;
    size_t chunk_start, chunk_end;
    struct sha256 stored_hash, plain_hash;
    /* After stream_finish(): what is in the file, and what it unpacks to. */
    uint64_t stored_bytes, plain_bytes;
    unsigned char stored_digest[SHA256_BYTES], plain_digest[SHA256_BYTES];
};

/* Begins to read at most `size` bytes, from where `fd` stands; how they are
 * compressed is seen by how they begin. Returns 0, or -1 with errno, reported.
 * In any case, stream_close() afterwards. */
int stream_open(struct stream *stream, const char *name, int fd, uint64_t size);

/* Begins to write to `fd`. Returns 0, or -1 with errno, reported. */
int stream_create(struct stream *stream, const char *name, int fd,
                  enum stream_format format);

/* The next bytes, unpacked: how many, 0 at the end, or -1, reported. `stream`
 * is a struct stream: this is a tar_read_function. */
ssize_t stream_read(void *stream, void *buffer, size_t size);

/* The same until there are `size` bytes, or fewer at the end. */
ssize_t stream_read_block(struct stream *stream, void *buffer, size_t size);

/* Takes all of it. Returns 0, or -1, reported. A tar_write_function. */
int stream_write(void *stream, const void *data, size_t size);

/* Reads or writes what is left, waits for the child, and computes the digests.
 * Damaged data is noticed here at the latest. Returns 0, or -1, reported. */
int stream_finish(struct stream *stream);

/* Lets go of all but `fd`; a child that has not ended yet is made to. */
void stream_close(struct stream *stream);

#endif
