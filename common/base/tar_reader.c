#include "common/base/tar_reader.h"

#include "common/base/log.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Large enough that system calls do not count, small enough for a cache. */
enum { TAR_BUFFER = 256 * 1024 };

const struct tar_limits tar_default_limits = {.entries = 4000000,
                                              .bytes = (uint64_t)8 << 30,
                                              .path = 4095,
                                              .header = 1 << 20};

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

static int tar_reader_too_much(const struct tar_reader *reader,
                               const char *what, uint64_t limit)
{
    tar_reader_refuse(reader, "%s: more than %" PRIu64 ", which is the limit",
                      what, limit);
    errno = E2BIG;
    return -1;
}

static int tar_reader_no_memory(const struct tar_reader *reader)
{
    log_error("%s: out of memory (ENOMEM)", reader->name);
    errno = ENOMEM;
    return -1;
}

/* ---- Bytes ---- */

int tar_reader_start(struct tar_reader *reader, const char *name,
                     tar_read_function *read, void *context,
                     const struct tar_limits *limits)
{
    *reader = (struct tar_reader){
        .name = name, .read = read, .context = context, .limits = *limits};
    reader->buffer = malloc(TAR_BUFFER);
    reader->path = reader->header_path;
    return reader->buffer != NULL ? 0 : tar_reader_no_memory(reader);
}

/* What belongs to one entry only. */
static void tar_reader_forget(struct tar_reader *reader)
{
    char **texts[] = {&reader->records, &reader->long_path,
                      &reader->long_target};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        free(*texts[i]);
        *texts[i] = NULL;
    }
    tar_pax_clear(&reader->pax);
    reader->path = reader->header_path;
    reader->path[0] = '\0';
    reader->extent = NULL;
    reader->extent_used = reader->offset = 0;
}

void tar_reader_free(struct tar_reader *reader)
{
    tar_reader_forget(reader);
    free(reader->buffer);
    reader->buffer = NULL;
}

/* Reads until `wanted` bytes are there, or no more come. */
static int tar_reader_fill(struct tar_reader *reader, size_t wanted)
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

static void tar_reader_use(struct tar_reader *reader, size_t size)
{
    reader->start += size;
    reader->position += size;
}

/* Up to `wanted` bytes, at least one: how many, or -1. */
static ssize_t tar_reader_some(struct tar_reader *reader, uint64_t wanted)
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

static int tar_reader_skip(struct tar_reader *reader, uint64_t size)
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

/* The next whole block, or NULL. */
static const unsigned char *tar_reader_block(struct tar_reader *reader)
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

/* ---- Headers ---- */

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

/* Reads a header into reader->header. Returns 1, 0 at the end, or -1. */
static int tar_reader_header(struct tar_reader *reader)
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

static const char *tar_reader_number(const struct tar_reader *reader,
                                     const char *field, size_t width,
                                     int64_t least, int64_t most,
                                     int64_t *value)
{
    const char *complaint = tar_parse_number(field, width, least, most, value);
    if (complaint != NULL)
        tar_reader_refuse(reader, "its header: %s: \"%.*s\"", complaint,
                          (int)strnlen(field, width), field);
    return complaint;
}

#define NUMBER(field, least, most, value)                        \
    (tar_reader_number(reader, reader->header.field,             \
                       sizeof reader->header.field, least, most, \
                       value) == NULL)

/* The size that the header says, or -1. */
static int64_t tar_reader_size(const struct tar_reader *reader)
{
    int64_t size;
    return NUMBER(size, 0, INT64_MAX - TAR_BLOCK, &size) ? size : -1;
}

static size_t tar_reader_padding(uint64_t size)
{
    return (TAR_BLOCK - size % TAR_BLOCK) % TAR_BLOCK;
}

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

static int tar_reader_long_name(struct tar_reader *reader, char **name)
{
    size_t length;
    if (*name != NULL)
        return tar_reader_refuse(reader, "a second long name for one entry");
    if (tar_reader_take(reader, reader->limits.path + 1, name, &length) == -1)
        return -1;
    return **name != '\0' ? 0 : tar_reader_refuse(reader, "an empty long name");
}

static int tar_reader_records(struct tar_reader *reader)
{
    size_t length;
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
static int tar_reader_records_for_all(struct tar_reader *reader)
{
    struct tar_pax *all = &reader->for_all;
    char *text = NULL;
    size_t length;
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

/* ---- Files with holes ---- */

static const char *tar_reader_old_extents(struct tar_reader *reader,
                                          const char *field, size_t count)
{
    const char *complaint = NULL;
    for (size_t i = 0; i < count && complaint == NULL; i++, field += 24) {
        int64_t offset = 0, size = 0;
        if (field[0] == '\0' && field[12] == '\0')
            continue;
        complaint = tar_parse_number(field, 12, 0, INT64_MAX, &offset);
        if (complaint == NULL)
            complaint = tar_parse_number(field + 12, 12, 0, INT64_MAX, &size);
        if (complaint == NULL)
            complaint = tar_sparse_add(&reader->pax.sparse, (uint64_t)offset,
                                       (uint64_t)size);
    }
    return complaint;
}

/* GNU's old way: four extents and the real size in the header, in place of
 * ustar's prefix, then blocks of 21 more. */
static int tar_reader_old_sparse(struct tar_reader *reader)
{
    enum { EXTENTS = 386, MORE = 482, SIZE = 483, MORE_IN_BLOCK = 504 };
    const char *block = (const char *)&reader->header;
    int64_t size;
    const char *complaint =
        tar_parse_number(block + SIZE, 12, 0, INT64_MAX - TAR_BLOCK, &size);
    if (complaint == NULL)
        complaint = tar_reader_old_extents(reader, block + EXTENTS, 4);
    char more = block[MORE];
    while (complaint == NULL && more != 0) {
        block = (const char *)tar_reader_block(reader);
        if (block == NULL)
            return -1;
        complaint = tar_reader_old_extents(reader, block, 21);
        more = block[MORE_IN_BLOCK];
    }
    if (complaint != NULL)
        return tar_reader_refuse(reader, "%s", complaint);
    reader->pax.sparse_version = 1;
    reader->pax.has_real_size = true;
    reader->pax.real_size = (uint64_t)size;
    return 0;
}

/* Version 1.0: the map stands before the data, decimal numbers a line each, the
 * first says how many pairs there are, filled up to whole blocks. */
static int tar_reader_new_sparse(struct tar_reader *reader)
{
    uint64_t number = 0, offset = 0, left = 0, digits = 0;
    size_t count = 0;
    const char *complaint = NULL;
    do {
        if (reader->stored < TAR_BLOCK)
            return tar_reader_refuse(
                reader, "the map of a file with holes is cut short");
        const unsigned char *block = tar_reader_block(reader);
        if (block == NULL)
            return -1;
        reader->stored -= TAR_BLOCK;
        for (size_t i = 0; i < TAR_BLOCK && complaint == NULL; i++) {
            if (block[i] >= '0' && block[i] <= '9' && digits < 18) {
                number = number * 10 + (uint64_t)(block[i] - '0');
                digits++;
                continue;
            }
            if (block[i] != '\n' || digits == 0) {
                complaint = "the map of a file with holes is not numbers, a "
                            "line each";
                break;
            }
            if (count == 0)
                left = number * 2 + 1;
            else if (count % 2 == 1)
                offset = number;
            else
                complaint = tar_sparse_add(&reader->pax.sparse, offset, number);
            count++;
            number = digits = 0;
            if (--left == 0)
                break;
        }
    } while (complaint == NULL && (left > 0 || count == 0));
    return complaint == NULL ? 0 : tar_reader_refuse(reader, "%s", complaint);
}

/* ---- Entries ---- */

/* Where a header has too little room for a name, more is said before it. */
static int tar_reader_find_names(struct tar_reader *reader,
                                 struct tar_entry *entry)
{
    const struct tar_pax *pax = &reader->pax;
    if (reader->long_path != NULL)
        reader->path = reader->long_path;
    if (pax->path != NULL)
        reader->path = pax->path;
    if (pax->sparse_path != NULL)
        reader->path = pax->sparse_path;
    entry->path = reader->path;
    size_t length = strlen(entry->path);
    if (length == 0)
        return tar_reader_refuse(reader, "an entry without a name");
    if (length > reader->limits.path)
        return tar_reader_too_much(reader, "the length of its name",
                                   reader->limits.path);
    if (entry->kind == TAR_FILE && entry->path[length - 1] == '/')
        entry->kind = TAR_DIRECTORY; /* as Unix V7 told them apart */
    while (length > 1 && reader->path[length - 1] == '/')
        reader->path[--length] = '\0';

    entry->target = "";
    if (entry->kind != TAR_HARD_LINK && entry->kind != TAR_SYMLINK)
        return 0;
    entry->target = pax->target != NULL           ? pax->target
                    : reader->long_target != NULL ? reader->long_target
                                                  : reader->header_target;
    if (entry->target[0] == '\0')
        return tar_reader_refuse(reader, "a link that leads nowhere");
    if (strlen(entry->target) > reader->limits.path)
        return tar_reader_too_much(reader, "the length of its target",
                                   reader->limits.path);
    return 0;
}

static int tar_reader_find_numbers(struct tar_reader *reader,
                                   struct tar_entry *entry)
{
    const struct tar_pax *pax = &reader->pax, *all = &reader->for_all;
    int64_t mode, uid, gid, mtime, major = 0, minor = 0;
    /* Old writers put the whole of st_mode there. */
    if (!NUMBER(mode, 0, 0177777, &mode) ||
        !NUMBER(uid, 0, UINT32_MAX - 1, &uid) ||
        !NUMBER(gid, 0, UINT32_MAX - 1, &gid) ||
        !NUMBER(mtime, INT64_MIN, INT64_MAX, &mtime))
        return -1;
    if ((entry->kind == TAR_CHARACTER_DEVICE ||
         entry->kind == TAR_BLOCK_DEVICE) &&
        (!NUMBER(device_major, 0, 0xfff, &major) ||
         !NUMBER(device_minor, 0, 0xfffff, &minor)))
        return -1;
    entry->mode = (uint32_t)mode & 07777;
    entry->uid = pax->has_uid   ? pax->uid
                 : all->has_uid ? all->uid
                                : (uint32_t)uid;
    entry->gid = pax->has_gid   ? pax->gid
                 : all->has_gid ? all->gid
                                : (uint32_t)gid;
    const struct tar_pax *of = pax->has_mtime ? pax : all;
    entry->mtime = of->has_mtime ? of->mtime : mtime;
    entry->mtime_nanoseconds = of->has_mtime ? of->mtime_nanoseconds : 0;
    entry->device_major = (uint32_t)major;
    entry->device_minor = (uint32_t)minor;
    return 0;
}

/* How long the file is, how much of it is stored, and where that belongs. */
static int tar_reader_find_body(struct tar_reader *reader,
                                struct tar_entry *entry)
{
    struct tar_pax *pax = &reader->pax;
    int64_t said = tar_reader_size(reader);
    if (said == -1)
        return -1;
    uint64_t size = pax->has_size ? pax->size : (uint64_t)said;
    if (size > INT64_MAX - TAR_BLOCK)
        return tar_reader_too_much(reader, "its size", INT64_MAX - TAR_BLOCK);
    /* All others have none, whatever their header says. */
    if (entry->kind != TAR_FILE)
        return 0;
    bool sparse = pax->sparse_version > 0;
    if (!sparse && (pax->has_real_size || pax->sparse.count > 0))
        return tar_reader_refuse(reader, "GNU.sparse without a version");
    if (sparse && !pax->has_real_size)
        return tar_reader_refuse(reader, "a file with holes without a size");
    reader->stored = size;
    reader->padding = tar_reader_padding(size);
    if (pax->sparse_version == 2 && tar_reader_new_sparse(reader) == -1)
        return -1;
    entry->size = sparse ? pax->real_size : size;
    if (sparse) {
        const char *complaint =
            tar_sparse_check(&pax->sparse, entry->size, reader->stored);
        if (complaint != NULL)
            return tar_reader_refuse(reader, "%s", complaint);
        reader->extent = pax->sparse.extents;
    }
    if (entry->size > reader->limits.bytes - reader->unpacked)
        return tar_reader_too_much(reader, "the bytes of all files",
                                   reader->limits.bytes);
    reader->unpacked += entry->size;
    return 0;
}

/* The kind of the entry that this header stands for; or, after it was dealt
 * with, 0 for one that belongs to the next; or -1. */
static int tar_reader_kind(struct tar_reader *reader)
{
    char type = reader->header.type;
    switch (type) {
    case '\0': /* Unix V7 */
    case '7':  /* to be laid out in one piece, where that can be had */
        return TAR_FILE;
    case TAR_FILE:
    case TAR_HARD_LINK:
    case TAR_SYMLINK:
    case TAR_CHARACTER_DEVICE:
    case TAR_BLOCK_DEVICE:
    case TAR_DIRECTORY:
    case TAR_FIFO:
        return type;
    case 'S':
        return tar_reader_old_sparse(reader) == -1 ? -1 : TAR_FILE;
    case 'x':
    case 'X': /* Solaris */
        return tar_reader_records(reader);
    case 'g':
        return tar_reader_records_for_all(reader);
    case 'L':
        return tar_reader_long_name(reader, &reader->long_path);
    case 'K':
        return tar_reader_long_name(reader, &reader->long_target);
    default:
        return tar_reader_refuse(
            reader, "of the type '%c', which we do not take", type);
    }
}

/* Passes over what is left of an entry, and over what fills up its last block, which the
 * last entry need not have. */
static int tar_reader_leave(struct tar_reader *reader)
{
    if (!reader->end_is_known)
        return tar_reader_skip(reader, reader->stored + reader->padding);
    if (tar_reader_skip(reader, reader->stored) == -1 ||
        tar_reader_fill(reader, reader->padding) == -1)
        return -1;
    size_t there = reader->end - reader->start;
    return tar_reader_skip(reader, there == 0 ? 0 : (uint64_t)reader->padding);
}

int tar_reader_next(struct tar_reader *reader, struct tar_entry *entry)
{
    if (tar_reader_leave(reader) == -1)
        return -1;
    reader->stored = reader->padding = 0;
    tar_reader_forget(reader);
    *entry = (struct tar_entry){.path = "", .target = ""};
    reader->entry_count++;
    int kind = 0;
    while (kind == 0) {
        int result = tar_reader_header(reader);
        if (result == 0 &&
            (reader->records != NULL || reader->long_path != NULL ||
             reader->long_target != NULL))
            return tar_reader_refuse(reader,
                                     "a header for an entry that is missing");
        if (result == 0)
            reader->entry_count--;
        if (result != 1)
            return result;
        kind = tar_reader_kind(reader);
    }
    if (kind == -1)
        return -1;
    entry->kind = (enum tar_kind)kind;
    if (tar_reader_find_names(reader, entry) == -1)
        return -1;
    if (reader->entry_count > reader->limits.entries)
        return tar_reader_too_much(reader, "entries", reader->limits.entries);
    if (tar_reader_find_numbers(reader, entry) == -1 ||
        tar_reader_find_body(reader, entry) == -1)
        return -1;
    entry->attributes = reader->pax.attributes;
    entry->attribute_count = reader->pax.attribute_count;
    return 1;
}

int tar_reader_body(struct tar_reader *reader, struct tar_piece *piece)
{
    if (reader->stored == 0)
        return 0;
    uint64_t wanted = reader->stored;
    if (reader->extent != NULL) {
        while (reader->extent_used == reader->extent->size) {
            reader->extent++;
            reader->extent_used = 0;
        }
        reader->offset = reader->extent->offset + reader->extent_used;
        wanted = reader->extent->size - reader->extent_used;
    }
    ssize_t some = tar_reader_some(reader, wanted);
    if (some == -1)
        return -1;
    piece->offset = reader->offset;
    piece->data = reader->buffer + reader->start;
    piece->size = (size_t)some;
    tar_reader_use(reader, piece->size);
    reader->stored -= piece->size;
    reader->offset += piece->size;
    reader->extent_used += piece->size;
    return 1;
}

int tar_reader_finish(struct tar_reader *reader)
{
    while (!reader->at_end || reader->start < reader->end) {
        tar_reader_use(reader, reader->end - reader->start);
        if (tar_reader_fill(reader, 1) == -1)
            return -1;
    }
    return 0;
}
