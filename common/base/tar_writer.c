#include "common/base/tar_writer.h"

#include "common/base/log.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- Bytes ---- */

void tar_writer_start(struct tar_writer *writer, tar_write_function *write,
                      void *context)
{
    writer->write = write;
    writer->context = context;
    writer->body = writer->padding = writer->used = 0;
    writer->entries = writer->bytes = 0;
}

static int tar_writer_flush(struct tar_writer *writer)
{
    size_t used = writer->used;
    writer->used = 0;
    return used == 0 ? 0 : writer->write(writer->context, writer->buffer, used);
}

static int tar_writer_bytes(struct tar_writer *writer, const void *data,
                            size_t size)
{
    if (size > sizeof writer->buffer - writer->used &&
        tar_writer_flush(writer) == -1)
        return -1;
    if (size >= sizeof writer->buffer / 2 && writer->used == 0)
        return writer->write(writer->context, data, size);
    memcpy(writer->buffer + writer->used, data, size);
    writer->used += size;
    return 0;
}

/* Zeros after `size` bytes, to the end of their last block. */
static int tar_writer_pad(struct tar_writer *writer, uint64_t size)
{
    static const unsigned char zeros[TAR_BLOCK];
    size_t rest = (size_t)(size % TAR_BLOCK);
    return rest == 0 ? 0 : tar_writer_bytes(writer, zeros, TAR_BLOCK - rest);
}

static int tar_writer_end_body(struct tar_writer *writer)
{
    if (writer->body > 0) {
        errno = ENODATA;
        return log_error("a file that shrank while it was packed (ENODATA)");
    }
    return tar_writer_pad(writer, writer->padding);
}

/* ---- Extended headers ---- */

/* Text that grows; the first failure stays, and is reported at the end. */
struct tar_records {
    char *text;
    size_t size, capacity;
    bool failed;
};

static void tar_records_add(struct tar_records *records, const void *data,
                            size_t size)
{
    if (size > records->capacity - records->size && !records->failed) {
        size_t capacity = 2 * records->capacity + size + 256;
        char *larger = realloc(records->text, capacity);
        if (larger == NULL) {
            records->failed = true;
        } else {
            records->text = larger;
            records->capacity = capacity;
        }
    }
    if (records->failed || size == 0)
        return;
    memcpy(records->text + records->size, data, size);
    records->size += size;
}

/* "LENGTH KEY=VALUE\n", where the length counts its own digits too. */
static void tar_records_put(struct tar_records *records, const char *key,
                            const char *name, const void *value, size_t size)
{
    char number[24];
    size_t rest = strlen(" =\n") + strlen(key) + strlen(name) + size;
    size_t length = rest, before = 0;
    while (length != before) {
        before = length;
        length = rest + (size_t)snprintf(number, sizeof number, "%zu", before);
    }
    tar_records_add(records, number, strlen(number));
    tar_records_add(records, " ", 1);
    tar_records_add(records, key, strlen(key));
    tar_records_add(records, name, strlen(name));
    tar_records_add(records, "=", 1);
    tar_records_add(records, value, size);
    tar_records_add(records, "\n", 1);
}

static void tar_records_number(struct tar_records *records, const char *key,
                               uint64_t value)
{
    char text[24];
    int length = snprintf(text, sizeof text, "%" PRIu64, value);
    tar_records_put(records, key, "", text, (size_t)length);
}

/* Before 1970 the fraction is subtracted: second -13 and 0.75 is -12.25. */
static void tar_records_time(struct tar_records *records, int64_t seconds,
                             uint32_t nanoseconds)
{
    char text[40];
    const char *sign = seconds < 0 ? "-" : "";
    uint64_t whole =
        seconds < 0 ? (uint64_t)0 - (uint64_t)seconds : (uint64_t)seconds;
    if (seconds < 0 && nanoseconds > 0) {
        whole--;
        nanoseconds = 1000000000 - nanoseconds;
    }
    int length = snprintf(text, sizeof text, "%s%" PRIu64, sign, whole);
    if (nanoseconds > 0)
        length += snprintf(text + length, sizeof text - (size_t)length,
                           ".%09" PRIu32, nanoseconds);
    tar_records_put(records, "mtime", "", text, (size_t)length);
}

/* ---- Headers ---- */

static void tar_writer_text(char *field, size_t width, const char *text)
{
    size_t length = strnlen(text, width);
    memcpy(field, text, length);
}

/* Writes `path` into name and prefix, and says whether it fits. */
static bool tar_writer_path(struct tar_header *header, const char *path,
                            bool is_directory)
{
    char full[sizeof header->prefix + sizeof header->name + 2] = "";
    int length =
        snprintf(full, sizeof full, "%s%s", path, is_directory ? "/" : "");
    if (length <= (int)sizeof header->name) {
        tar_writer_text(header->name, sizeof header->name, full);
        return true;
    }
    if (length < (int)sizeof full)
        for (size_t i = sizeof header->prefix; i > 0; i--)
            if (full[i] == '/' && full[i + 1] != '\0' &&
                (size_t)length - i - 1 <= sizeof header->name) {
                tar_writer_text(header->name, sizeof header->name,
                                full + i + 1);
                full[i] = '\0';
                tar_writer_text(header->prefix, sizeof header->prefix, full);
                return true;
            }
    /* Whoever does not read pax headers gets the beginning of it. */
    tar_writer_text(header->name, sizeof header->name, full);
    return false;
}

static bool tar_writer_number(char *field, size_t width, uint64_t value)
{
    bool fits = value <= tar_largest_number(width);
    tar_format_number(field, width, fits ? value : 0);
    return fits;
}

#define NUMBER(header, field, value) \
    tar_writer_number((header)->field, sizeof(header)->field, value)

static int tar_writer_header(struct tar_writer *writer,
                             struct tar_header *header)
{
    uint32_t as_signed;
    memcpy(header->magic, "ustar\00000", sizeof header->magic);
    /* Six digits, a NUL and a blank: so it has been since Unix V7. */
    tar_format_number(header->checksum, 7, tar_checksum(header, &as_signed));
    header->checksum[7] = ' ';
    return tar_writer_bytes(writer, header, TAR_BLOCK);
}

static int tar_writer_records(struct tar_writer *writer,
                              const struct tar_records *records)
{
    struct tar_header header = {.type = 'x'};
    tar_writer_text(header.name, sizeof header.name, "PaxHeaders/entry");
    NUMBER(&header, mode, 0644);
    NUMBER(&header, uid, 0);
    NUMBER(&header, gid, 0);
    NUMBER(&header, mtime, 0);
    NUMBER(&header, size, records->size);
    if (records->failed) {
        log_error("a tar header: out of memory (ENOMEM)");
        errno = ENOMEM;
        return -1;
    }
    return tar_writer_header(writer, &header) == -1 ||
                   tar_writer_bytes(writer, records->text, records->size) == -1
               ? -1
               : tar_writer_pad(writer, records->size);
}

int tar_writer_entry(struct tar_writer *writer, const struct tar_entry *entry)
{
    struct tar_header header = {.type = (char)entry->kind};
    struct tar_records records = {0};
    uint64_t size = entry->kind == TAR_FILE ? entry->size : 0;
    if (tar_writer_end_body(writer) == -1)
        return -1;
    writer->entries++;
    writer->bytes += size;

    if (!tar_writer_path(&header, entry->path, entry->kind == TAR_DIRECTORY)) {
        char *path = NULL;
        int length = asprintf(&path, "%s%s", entry->path,
                              entry->kind == TAR_DIRECTORY ? "/" : "");
        if (length == -1)
            records.failed = true;
        else
            tar_records_put(&records, "path", "", path, (size_t)length);
        free(path);
    }
    if (entry->kind == TAR_HARD_LINK || entry->kind == TAR_SYMLINK) {
        size_t length = strlen(entry->target);
        tar_writer_text(header.target, sizeof header.target, entry->target);
        if (length > sizeof header.target)
            tar_records_put(&records, "linkpath", "", entry->target, length);
    }
    NUMBER(&header, mode, entry->mode & 07777);
    if (!NUMBER(&header, uid, entry->uid))
        tar_records_number(&records, "uid", entry->uid);
    if (!NUMBER(&header, gid, entry->gid))
        tar_records_number(&records, "gid", entry->gid);
    if (!NUMBER(&header, size, size))
        tar_records_number(&records, "size", size);
    if (!NUMBER(&header, mtime, (uint64_t)entry->mtime) ||
        entry->mtime_nanoseconds > 0)
        tar_records_time(&records, entry->mtime, entry->mtime_nanoseconds);
    NUMBER(&header, device_major, entry->device_major);
    NUMBER(&header, device_minor, entry->device_minor);
    for (size_t i = 0; i < entry->attribute_count; i++)
        tar_records_put(&records, "SCHILY.xattr.", entry->attributes[i].name,
                        entry->attributes[i].value, entry->attributes[i].size);

    int result = 0;
    if (records.size > 0 || records.failed)
        result = tar_writer_records(writer, &records);
    free(records.text);
    if (result == 0)
        result = tar_writer_header(writer, &header);
    writer->body = size;
    writer->padding = (size_t)(size % TAR_BLOCK);
    return result;
}

int tar_writer_body(struct tar_writer *writer, const void *data, size_t size)
{
    if (size > writer->body) {
        errno = EOVERFLOW;
        return log_error("a file that grew while it was packed (EOVERFLOW)");
    }
    writer->body -= size;
    return tar_writer_bytes(writer, data, size);
}

int tar_writer_finish(struct tar_writer *writer)
{
    static const unsigned char zeros[2 * TAR_BLOCK];
    return tar_writer_end_body(writer) == -1 ||
                   tar_writer_bytes(writer, zeros, sizeof zeros) == -1
               ? -1
               : tar_writer_flush(writer);
}
