/*
 * fuzz: tar archives, from whoever made them. longest input: 16384
 *
 * Checksums are taken for right, or nothing would ever get past the first one.
 * What was read is written again, and must then be read as the same.
 */
#include "tests/fuzz/fuzz.h"

#include "common/base/sha256.h"
#include "common/base/tar_writer.h"

#include <stdbool.h>

static uint32_t fuzz_checksum(const struct tar_header *header,
                              uint32_t *as_signed);
#define tar_checksum fuzz_checksum
#include "common/base/tar_reader_header.c" /* for the checksum */
#undef tar_checksum

static bool trust;

static uint32_t fuzz_checksum(const struct tar_header *header,
                              uint32_t *as_signed)
{
    int64_t said = 0;
    if (trust && tar_parse_number(header->checksum, sizeof header->checksum, 0,
                                  INT32_MAX, &said) == NULL) {
        *as_signed = (uint32_t)said;
        return (uint32_t)said;
    }
    return tar_checksum(header, as_signed);
}

struct input {
    const uint8_t *data;
    size_t size, at, step;
};

static ssize_t read_input(void *context, void *buffer, size_t size)
{
    struct input *input = context;
    size_t left = input->size - input->at;
    if (size > input->step)
        size = input->step;
    if (size > left)
        size = left;
    memcpy(buffer, input->data + input->at, size);
    input->at += size;
    return (ssize_t)size;
}

struct output {
    uint8_t *data;
    size_t size, capacity;
};

static int write_output(void *context, const void *data, size_t size)
{
    struct output *output = context;
    if (size > output->capacity - output->size) {
        output->capacity = 2 * output->capacity + size;
        output->data = realloc(output->data, output->capacity);
        if (output->data == NULL)
            abort();
    }
    memcpy(output->data + output->size, data, size);
    output->size += size;
    return 0;
}

static void hash_text(struct sha256 *hash, const char *text)
{
    sha256_add(hash, text, strlen(text) + 1);
}

/* Reads the whole archive, hashes all that it says, and copies it. Files of more
 * than 64 KiB (which are holes then) are neither filled up nor copied. */
static int read_archive(struct input *input, struct tar_writer *writer,
                        unsigned char digest[SHA256_BYTES])
{
    static const uint8_t zeros[65536];
    static const struct tar_limits limits = {
        .entries = 64, .bytes = 1 << 24, .path = 600, .header = 8192};
    struct tar_reader reader;
    struct tar_entry entry;
    struct tar_piece piece;
    struct sha256 hash;
    uint64_t entries = 0, unpacked = 0;
    int result;
    sha256_start(&hash);
    fuzz_require(
        tar_reader_start(&reader, "fuzz", read_input, input, &limits) == 0);
    while ((result = tar_reader_next(&reader, &entry)) == 1) {
        size_t length = strlen(entry.path);
        fuzz_require(++entries <= limits.entries);
        fuzz_require(length > 0 && length <= limits.path);
        fuzz_require(length == 1 || entry.path[length - 1] != '/');
        fuzz_require(strlen(entry.target) <= limits.path);
        fuzz_require(entry.mode <= 07777 &&
                     entry.mtime_nanoseconds < 1000000000);
        fuzz_require(entry.uid != UINT32_MAX && entry.gid != UINT32_MAX);
        fuzz_require(entry.kind == TAR_FILE || entry.size == 0);
        unpacked += entry.size;
        fuzz_require(unpacked <= limits.bytes);
        bool copied = writer != NULL && entry.size <= sizeof zeros;
        hash_text(&hash, entry.path);
        hash_text(&hash, entry.target);
        const uint64_t numbers[] = {(uint64_t)entry.kind,
                                    entry.mode,
                                    entry.uid,
                                    entry.gid,
                                    entry.size,
                                    (uint64_t)entry.mtime,
                                    entry.device_major,
                                    entry.device_minor,
                                    entry.mtime_nanoseconds};
        sha256_add(&hash, numbers, sizeof numbers);
        for (size_t i = 0; i < entry.attribute_count; i++) {
            hash_text(&hash, entry.attributes[i].name);
            sha256_add(&hash, entry.attributes[i].value,
                       entry.attributes[i].size);
        }
        if (entry.size > sizeof zeros)
            writer = NULL; /* not the same archive any more */
        if (copied)
            fuzz_require(tar_writer_entry(writer, &entry) == 0);
        uint64_t at = 0;
        while ((result = tar_reader_body(&reader, &piece)) == 1) {
            fuzz_require(piece.size > 0 && piece.offset >= at);
            fuzz_require(piece.offset + piece.size <= entry.size);
            if (copied) {
                fuzz_require(tar_writer_body(writer, zeros,
                                             (size_t)(piece.offset - at)) == 0);
                fuzz_require(tar_writer_body(writer, piece.data, piece.size) ==
                             0);
            }
            if (entry.size <= sizeof zeros) {
                sha256_add(&hash, zeros, (size_t)(piece.offset - at));
                sha256_add(&hash, piece.data, piece.size);
            }
            at = piece.offset + piece.size;
        }
        if (result == -1)
            break;
        if (entry.size <= sizeof zeros)
            sha256_add(&hash, zeros, (size_t)(entry.size - at));
        if (copied)
            fuzz_require(
                tar_writer_body(writer, zeros, (size_t)(entry.size - at)) == 0);
    }
    if (result == 0)
        result = tar_reader_finish(&reader);
    tar_reader_free(&reader);
    sha256_finish(&hash, digest);
    /* -1: there is no copy to be held against it */
    return result == 0 && writer == NULL ? 1 : result;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct tar_writer writer;
    unsigned char digest[SHA256_BYTES], again[SHA256_BYTES];
    struct output copy = {0};
    if (size < 1)
        return 0;
    struct input input = {data + 1, size - 1, 0,
                          (size_t)(data[0] >> 1) * 61 + 1};
    trust = (data[0] & 1) != 0;
    tar_writer_start(&writer, write_output, &copy);
    if (read_archive(&input, &writer, digest) == 0) {
        fuzz_require(tar_writer_finish(&writer) == 0);
        trust = false;
        struct input output = {copy.data, copy.size, 0, 1000};
        fuzz_require(read_archive(&output, NULL, again) == 1);
        fuzz_require(memcmp(digest, again, sizeof digest) == 0);
    }
    free(copy.data);
    return 0;
}
