/*
 * fuzz: a container's log. What is written, in whatever pieces, to whatever size of
 * file, is what is read again, each stream for itself; and what is no log at all is
 * read without harm.
 */
#include "tests/fuzz/fuzz.h"

#include "common/runtime/logs.c"
#include "common/runtime/logs_read.c"
#include "common/runtime/logs_time.c"

#include <stdio.h>

struct text {
    char bytes[1 << 16];
    size_t size;
};

static void append(struct text *text, const char *bytes, size_t size)
{
    fuzz_require(text->size + size <= sizeof text->bytes);
    memcpy(text->bytes + text->size, bytes, size);
    text->size += size;
}

static void read_all(const char *path, struct text read[LOGS_STREAMS])
{
    struct logs_reader reader;
    struct logs_record record;
    fuzz_require(logs_reader_open(&reader, path) == 0);
    while (logs_reader_next(&reader, true, &record) == 1) {
        fuzz_require(record.stream < LOGS_STREAMS);
        fuzz_require(strlen(record.time) == LOGS_TIME_LENGTH);
        append(&read[record.stream], record.text, record.size);
    }
    fuzz_require(reader.missed == 0);
    logs_reader_close(&reader);
}

/* Each piece: a byte for its stream and size, then itself. */
static void write_and_read(const char *path, const uint8_t *data, size_t size)
{
    static struct text wrote[LOGS_STREAMS], read[LOGS_STREAMS];
    struct log_file log;
    fuzz_require(logs_open(&log, path, LOGS_LEAST_BYTES, LOGS_MOST_FILES) == 0);
    while (size > 0) {
        enum logs_stream stream = data[0] & 1 ? LOGS_STDERR : LOGS_STDOUT;
        size_t piece = (size_t)(data[0] >> 1) * 8;
        data++;
        size--;
        piece = piece < size ? piece : size;
        fuzz_require(logs_write(&log, stream, (const char *)data, piece) == 0);
        append(&wrote[stream], (const char *)data, piece);
        data += piece;
        size -= piece;
    }
    logs_close(&log);
    read_all(path, read);
    for (int i = 0; i < LOGS_STREAMS; i++) {
        fuzz_require(wrote[i].size == read[i].size);
        fuzz_require(memcmp(wrote[i].bytes, read[i].bytes, read[i].size) == 0);
        wrote[i].size = read[i].size = 0;
    }
    for (uint64_t i = 1; i <= log.newest; i++) {
        char aside[64];
        snprintf(aside, sizeof aside, "%s.%ju", path, (uintmax_t)i);
        unlink(aside);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct text read[LOGS_STREAMS];
    static char path[48];
    if (path[0] == '\0') /* in memory, a directory of its own */
        snprintf(path, sizeof path, "/dev/shm/fuzz-%d", (int)getpid());
    if (size == 0 || (mkdir(path, 0700) == -1 && errno != EEXIST))
        return 0;
    char file[64];
    snprintf(file, sizeof file, "%s/log", path);
    unlink(file);
    if (data[0] & 1) {
        write_and_read(file, data + 1, size - 1);
    } else {
        FILE *raw = fopen(file, "we");
        fuzz_require(raw != NULL);
        fwrite(data + 1, 1, size - 1, raw);
        fclose(raw);
        read_all(file, read);
        read[0].size = read[1].size = 0;
    }
    unlink(file);
    rmdir(path);
    return 0;
}
