#include "common/base/tar_reader.h"

#include "common/base/tar_reading.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

const struct tar_limits tar_default_limits = {.entries = 4000000,
                                              .bytes = (uint64_t)8 << 30,
                                              .path = 4095,
                                              .header = 1 << 20};

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
