/* The archive's bytes, and what is wrong with them: see tar_reading.h. */
#include "common/base/log.h"
#include "common/base/tar_reading.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* ---- Errors ---- */

int tar_reader_refuse(const struct tar_reader *reader, const char *format, ...)
{
    char text[512];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    log_error("%s: entry %" PRIu64 " at byte %" PRIu64 " (\"%.256s\"): %s",
              reader->name, reader->entry_count, reader->block_position,
              reader->path, text);
    errno = EBADMSG;
    return -1;
}

int tar_reader_too_much(const struct tar_reader *reader, const char *what,
                        uint64_t limit)
{
    tar_reader_refuse(reader, "%s: more than %" PRIu64 ", which is the limit",
                      what, limit);
    errno = E2BIG;
    return -1;
}

int tar_reader_no_memory(const struct tar_reader *reader)
{
    log_error("%s: out of memory (ENOMEM)", reader->name);
    errno = ENOMEM;
    return -1;
}

/* ---- Bytes ---- */

int tar_reader_fill(struct tar_reader *reader, size_t wanted)
{
    if (reader->end - reader->start >= wanted)
        return 0;
    memmove(reader->buffer, reader->buffer + reader->start,
            reader->end - reader->start);
    reader->end -= reader->start;
    reader->start = 0;
    while (reader->end < wanted && !reader->at_end) {
        ssize_t got =
            reader->read(reader->context, reader->buffer + reader->end,
                         TAR_BUFFER - reader->end);
        if (got == -1)
            return -1;
        reader->at_end = got == 0;
        reader->end += (size_t)got;
        if (reader->position + reader->end > reader->limits.bytes)
            return tar_reader_too_much(reader, "the archive's bytes",
                                       reader->limits.bytes);
    }
    return 0;
}

void tar_reader_use(struct tar_reader *reader, size_t size)
{
    reader->start += size;
    reader->position += size;
}

ssize_t tar_reader_some(struct tar_reader *reader, uint64_t wanted)
{
    if (tar_reader_fill(reader, 1) == -1)
        return -1;
    size_t there = reader->end - reader->start;
    if (there == 0)
        return tar_reader_refuse(reader,
                                 "the archive ends %" PRIu64
                                 " bytes too early: it was cut short",
                                 wanted);
    return (ssize_t)(there < wanted ? there : wanted);
}

int tar_reader_skip(struct tar_reader *reader, uint64_t size)
{
    while (size > 0) {
        /* What is in the buffer has been read by now. */
        if (reader->skip != NULL && reader->start == reader->end) {
            reader->position += size;
            return reader->skip(reader->context, size);
        }
        ssize_t some = tar_reader_some(reader, size);
        if (some == -1)
            return -1;
        tar_reader_use(reader, (size_t)some);
        size -= (uint64_t)some;
    }
    return 0;
}

const unsigned char *tar_reader_block(struct tar_reader *reader)
{
    if (tar_reader_fill(reader, TAR_BLOCK) == -1)
        return NULL;
    size_t there = reader->end - reader->start;
    if (there < TAR_BLOCK) {
        tar_reader_refuse(reader,
                          "the archive ends in the middle of a block, %zu of "
                          "512 bytes: it was cut short",
                          there);
        return NULL;
    }
    const unsigned char *block = reader->buffer + reader->start;
    tar_reader_use(reader, TAR_BLOCK);
    return block;
}
