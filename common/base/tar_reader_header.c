/* Headers: see tar_reading.h. */
#include "common/base/log.h"
#include "common/base/tar_reading.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* ---- The header itself ---- */

/* A field's text, at most `size` bytes, behind what `text` holds already. */
static void tar_reader_append(char *text, const char *field, size_t size)
{
    size_t used = strlen(text), length = strnlen(field, size);
    memcpy(text + used, field, length);
    text[used + length] = '\0';
}

static void tar_reader_names(struct tar_reader *reader)
{
    const struct tar_header *header = &reader->header;
    reader->header_path[0] = '\0';
    reader->header_target[0] = '\0';
    /* GNU, whose magic is "ustar  ", has other things there. */
    if (memcmp(header->magic, "ustar", 6) == 0 && header->prefix[0] != '\0') {
        tar_reader_append(reader->header_path, header->prefix,
                          sizeof header->prefix);
        tar_reader_append(reader->header_path, "/", 1);
    }
    tar_reader_append(reader->header_path, header->name, sizeof header->name);
    tar_reader_append(reader->header_target, header->target,
                      sizeof header->target);
}

/* After an error with a header. */
static int tar_reader_doubt(const struct tar_reader *reader)
{
    if (reader->block_position == 0)
        log_advice("it does not begin as a tar archive does: is it one?");
    errno = EBADMSG;
    return -1;
}

int tar_reader_header(struct tar_reader *reader)
{
    static const struct tar_header zeros;
    reader->block_position = reader->position;
    reader->header_path[0] = '\0';
    const void *block = NULL;
    for (int i = 0; i < 2; i++) {
        if (tar_reader_fill(reader, 1) == -1)
            return -1;
        if (reader->start == reader->end) {
            /* One block of zeros will do, if nothing follows it. */
            if (i == 1 || (reader->end_is_known && reader->position > 0))
                return 0;
            return reader->position == 0
                       ? tar_reader_refuse(reader, "an empty file")
                       : tar_reader_refuse(reader, "the archive's end is not "
                                                   "marked: it was cut short");
        }
        block = tar_reader_block(reader);
        if (block == NULL)
            return errno == EBADMSG ? tar_reader_doubt(reader) : -1;
        if (memcmp(block, &zeros, TAR_BLOCK) != 0)
            break;
        if (i == 1)
            return 0;
        block = NULL;
    }
    if (reader->position != reader->block_position + TAR_BLOCK)
        return tar_reader_refuse(reader, "a block of zeros amidst the archive");
    memcpy(&reader->header, block, TAR_BLOCK);
    tar_reader_names(reader);

    const struct tar_header *header = &reader->header;
    int64_t said;
    uint32_t as_signed, sum = tar_checksum(header, &as_signed);
    const char *complaint = tar_parse_number(
        header->checksum, sizeof header->checksum, 0, INT32_MAX, &said);
    if (complaint == NULL && (said == sum || said == (int32_t)as_signed))
        return 1;
    if (complaint != NULL)
        tar_reader_refuse(reader, "its checksum: %s", complaint);
    else
        tar_reader_refuse(reader, "checksum 0%" PRIo64 ", computed 0%" PRIo32,
                          (uint64_t)said, sum);
    return tar_reader_doubt(reader);
}

const char *tar_reader_number(const struct tar_reader *reader,
                              const char *field, size_t width, int64_t least,
                              int64_t most, int64_t *value)
{
    const char *complaint = tar_parse_number(field, width, least, most, value);
    if (complaint != NULL)
        tar_reader_refuse(reader, "its header: %s: \"%.*s\"", complaint,
                          (int)strnlen(field, width), field);
    return complaint;
}

int64_t tar_reader_size(const struct tar_reader *reader)
{
    int64_t size;
    return NUMBER(size, 0, INT64_MAX - TAR_BLOCK, &size) ? size : -1;
}

size_t tar_reader_padding(uint64_t size)
{
    return (TAR_BLOCK - size % TAR_BLOCK) % TAR_BLOCK;
}

/* ---- Headers that are about the next one ---- */

/* Takes the whole body of an entry that is not a file's, with a NUL, in place
 * of what `text` was. */
static int tar_reader_take(struct tar_reader *reader, size_t limit, char **text,
                           size_t *length)
{
    int64_t size = tar_reader_size(reader);
    if (size == -1)
        return -1;
    if ((uint64_t)size > limit)
        return tar_reader_too_much(reader, "the bytes of a header", limit);
    *length = (size_t)size;
    free(*text);
    *text = malloc(*length + 1);
    if (*text == NULL)
        return tar_reader_no_memory(reader);
    (*text)[*length] = '\0';
    for (size_t used = 0; used < *length;) {
        ssize_t some = tar_reader_some(reader, *length - used);
        if (some == -1)
            return -1;
        memcpy(*text + used, reader->buffer + reader->start, (size_t)some);
        tar_reader_use(reader, (size_t)some);
        used += (size_t)some;
    }
    return tar_reader_skip(reader, tar_reader_padding(*length));
}

int tar_reader_long_name(struct tar_reader *reader, char **name)
{
    size_t length = 0;
    if (*name != NULL)
        return tar_reader_refuse(reader, "a second long name for one entry");
    if (tar_reader_take(reader, reader->limits.path + 1, name, &length) == -1)
        return -1;
    return **name != '\0' ? 0 : tar_reader_refuse(reader, "an empty long name");
}

int tar_reader_records(struct tar_reader *reader)
{
    size_t length = 0;
    if (reader->records != NULL)
        return tar_reader_refuse(reader,
                                 "a second extended header for one entry");
    if (tar_reader_take(reader, reader->limits.header, &reader->records,
                        &length) == -1)
        return -1;
    const char *complaint = tar_pax_read(&reader->pax, reader->records, length);
    return complaint == NULL ? 0 : tar_reader_refuse(reader, "%s", complaint);
}

/* A global header is for all entries after it, so it can not say anything that
 * is true of one only. */
int tar_reader_records_for_all(struct tar_reader *reader)
{
    struct tar_pax *all = &reader->for_all;
    char *text = NULL;
    size_t length = 0;
    int result = tar_reader_take(reader, reader->limits.header, &text, &length);
    if (result == 0) {
        const char *complaint = tar_pax_read(all, text, length);
        if (complaint == NULL &&
            (all->path != NULL || all->target != NULL || all->has_size ||
             all->attribute_count > 0 || all->sparse_version > 0 ||
             all->sparse_path != NULL || all->sparse.count > 0))
            complaint = "a global header that is for one entry only";
        if (complaint != NULL)
            result = tar_reader_refuse(reader, "%s", complaint);
    }
    free(text);
    return result;
}
