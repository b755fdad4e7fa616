/*
 * tar_reading: what the parts of tar_reader share.
 *
 *   tar_reader.c         an archive, entry by entry, and each entry's bytes
 *   tar_reader_header.c  a header, and those headers that say more about the next one
 *   tar_reader_sparse.c  the map of a file with holes
 *   tar_reader_bytes.c   the archive's bytes, through a buffer, and how an error is told
 *
 * All return 0 or more, or -1 with errno, reported, unless they say otherwise.
 *
 * taught in: step 00, lessons/00-before-you-start.md
 */
#ifndef NSCTL_BASE_TAR_READING_H
#define NSCTL_BASE_TAR_READING_H

#include "common/base/tar_reader.h"

/* Large enough that system calls do not count, small enough for a cache. */
enum { TAR_BUFFER = 256 * 1024 };

/* ---- Errors: -1, with E2BIG, ENOMEM ---- */

int tar_reader_too_much(const struct tar_reader *reader, const char *what,
                        uint64_t limit);
int tar_reader_no_memory(const struct tar_reader *reader);

/* ---- Bytes: they stand from reader->buffer + reader->start on ---- */

/* Reads until `wanted` bytes are there, or no more come. */
int tar_reader_fill(struct tar_reader *reader, size_t wanted);

/* Up to `wanted` bytes are there, at least one. Returns how many. */
ssize_t tar_reader_some(struct tar_reader *reader, uint64_t wanted);

/* They have been used. */
void tar_reader_use(struct tar_reader *reader, size_t size);

/* Passes over so many bytes. */
int tar_reader_skip(struct tar_reader *reader, uint64_t size);

/* The next whole block, used; it lasts until more is read. NULL, reported. */
const unsigned char *tar_reader_block(struct tar_reader *reader);

/* ---- Headers ---- */

/* Reads one into reader->header. Returns 1, or 0 at the archive's end. */
int tar_reader_header(struct tar_reader *reader);

/* A number in a field of the header. Returns NULL, or what is wrong, reported. */
const char *tar_reader_number(const struct tar_reader *reader,
                              const char *field, size_t width, int64_t least,
                              int64_t most, int64_t *value);

/* Whether the number in that field is such a one: it is in `*value`. */
#define NUMBER(field, least, most, value)                        \
    (tar_reader_number(reader, reader->header.field,             \
                       sizeof reader->header.field, least, most, \
                       value) == NULL)

/* The size that the header says. */
int64_t tar_reader_size(const struct tar_reader *reader);

/* What fills up the last block of so many bytes. */
size_t tar_reader_padding(uint64_t size);

/* The bodies of headers that are about the entry behind them: GNU's names, into `*name`, and
 * POSIX's records; and those that are about all that follow. */
int tar_reader_long_name(struct tar_reader *reader, char **name);
int tar_reader_records(struct tar_reader *reader);
int tar_reader_records_for_all(struct tar_reader *reader);

/* ---- Files with holes: into reader->pax.sparse ---- */

/* GNU's old way, in the header and in blocks behind it. */
int tar_reader_old_sparse(struct tar_reader *reader);

/* Version 1.0, in blocks before the data, which are taken off reader->stored. */
int tar_reader_new_sparse(struct tar_reader *reader);

#endif
