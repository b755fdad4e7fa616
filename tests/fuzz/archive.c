/*
 * fuzz: image archives, from whoever made them. longest input: 24576
 *
 * The first byte chooses. Odd: the rest is an archive, whose checksums are taken for right.
 * Even: the rest is documents, with a byte 0x1e between them: index.json, manifest.json, then
 * blobs, which are called by their number. Each is filled up with blanks to the same
 * size, and its digest is its number: nobody can guess a digest, and a fuzzer can not either.
 */
#include "tests/fuzz/fuzz.h"

#include <sys/mman.h>
#include <unistd.h>

static void fuzz_digest(const void *text, size_t size, char *digest);
#define sha256_of fuzz_digest
#include "common/image/archive_docker.c"
#include "common/image/archive_oci.c"
#undef sha256_of
void sha256_of(const void *data, size_t size, char *text);

#include "common/base/tar.h"

static uint32_t fuzz_checksum(const struct tar_header *header,
                              uint32_t *as_signed);
#define tar_checksum fuzz_checksum
#include "common/base/tar_reader_header.c" /* for the checksum */
#undef tar_checksum

enum { DOCUMENT_BYTES = 2048, MOST_DOCUMENTS = 12 };

static char documents[MOST_DOCUMENTS][DOCUMENT_BYTES];
static size_t document_count; /* 0: a whole archive */

static uint32_t fuzz_checksum(const struct tar_header *header,
                              uint32_t *as_signed)
{
    int64_t said = 0;
    if (tar_parse_number(header->checksum, sizeof header->checksum, 0,
                         INT32_MAX, &said) == NULL) {
        *as_signed = (uint32_t)said;
        return (uint32_t)said;
    }
    return tar_checksum(header, as_signed);
}

static void fuzz_digest(const void *text, size_t size, char *digest)
{
    for (size_t i = 0; i < document_count; i++)
        if (size == DOCUMENT_BYTES &&
            memcmp(documents[i], text, DOCUMENT_BYTES) == 0) {
            snprintf(digest, SHA256_TEXT, "%064zu", i);
            return;
        }
    sha256_of(text, size, digest);
}

/* What a plan promises, of which everything is made afterwards. */
static void check_plan(const struct archive_plan *plan)
{
    fuzz_require(plan->count > 0 && plan->count <= ARCHIVE_MOST_IMAGES);
    for (size_t i = 0; i < plan->count; i++) {
        const struct archive_image *image = &plan->images[i];
        for (size_t j = 0; j < image->name_count; j++) {
            struct reference again;
            char text[REFERENCE_TEXT_BYTES];
            reference_text(&image->names[j], text);
            fuzz_require(reference_parse_tag(text, &again) == NULL);
            fuzz_require(strstr(text, "..") == NULL || text[0] != '.');
        }
        fuzz_require(image->text != NULL && strlen(image->config.os) > 0);
        for (size_t j = 0; j < image->config.layers.count; j++) {
            fuzz_require(image->layers[j].entry != NULL);
            fuzz_require(image->layers[j].entry->target == NULL);
            fuzz_require(strspn(image->config.layers.all[j],
                                "0123456789abcdef") == SHA256_TEXT - 1);
        }
    }
}

static void read_plan(const struct archive *archive)
{
    struct archive_plan plan = {0};
    if (archive_plan_read(&plan, archive) == 0)
        check_plan(&plan);
    archive_plan_free(&plan);
}

static int make_file(const void *data, size_t size)
{
    int fd = memfd_create("fuzz", MFD_CLOEXEC);
    fuzz_require(fd != -1 && write(fd, data, size) == (ssize_t)size);
    fuzz_require(lseek(fd, 0, SEEK_SET) == 0);
    return fd;
}

static void fuzz_whole(const uint8_t *data, size_t size)
{
    struct archive archive;
    document_count = 0;
    /* Others unpack these, which takes its time. */
    if (size > 2 && (data[0] == 0x1f || data[0] == 0x28))
        return;
    int fd = make_file(data, size);
    if (archive_open(&archive, "fuzz", fd, "/tmp") == 0) {
        for (size_t i = 1; i < archive.count; i++)
            fuzz_require(strcmp(archive.entries[i - 1].path,
                                archive.entries[i].path) < 0);
        for (size_t i = 0; i < archive.count; i++)
            fuzz_require(archive.entries[i].path[0] != '/' &&
                         strncmp(archive.entries[i].path, "../", 3) != 0);
        read_plan(&archive);
    }
    archive_close(&archive);
    close(fd);
}

static int compare_entries(const void *a, const void *b)
{
    return strcmp(((const struct archive_entry *)a)->path,
                  ((const struct archive_entry *)b)->path);
}

static void fuzz_documents(const uint8_t *data, size_t size)
{
    static const char layout[] = "{\"imageLayoutVersion\":\"1.0.0\"}";
    static char paths[MOST_DOCUMENTS + 1][128];
    struct archive_entry entries[MOST_DOCUMENTS + 1];
    size_t used = 0;
    memset(documents, ' ', sizeof documents);
    document_count = 1;
    for (size_t i = 0; i < size; i++) {
        if (data[i] == 0x1e) {
            if (document_count == MOST_DOCUMENTS)
                break;
            document_count++;
            used = 0;
        } else if (used < DOCUMENT_BYTES) {
            documents[document_count - 1][used++] = (char)data[i];
        }
    }
    int fd = make_file(documents, sizeof documents);
    fuzz_require(pwrite(fd, layout, sizeof layout - 1, sizeof documents) ==
                 sizeof layout - 1);
    struct archive archive = {
        .name = "fuzz", .fd = fd, .spool_fd = -1, .entries = entries};
    for (size_t i = 0; i < document_count; i++) {
        snprintf(paths[i], sizeof paths[i], "blobs/sha256/%064zu", i);
        if (i == 0)
            memcpy(paths[i], "index.json", sizeof "index.json");
        /* An empty one is none. */
        if (i == 1 && documents[1][0] == ' ')
            continue;
        if (i == 1)
            memcpy(paths[i], "manifest.json", sizeof "manifest.json");
        entries[archive.count++] =
            (struct archive_entry){.path = paths[i],
                                   .offset = i * DOCUMENT_BYTES,
                                   .size = DOCUMENT_BYTES};
    }
    memcpy(paths[MOST_DOCUMENTS], "oci-layout", sizeof "oci-layout");
    if (documents[0][0] != ' ')
        entries[archive.count++] =
            (struct archive_entry){.path = paths[MOST_DOCUMENTS],
                                   .offset = sizeof documents,
                                   .size = sizeof layout - 1};
    qsort(entries, archive.count, sizeof entries[0], compare_entries);
    read_plan(&archive);
    close(fd);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    ((data[0] & 1) != 0 ? fuzz_whole : fuzz_documents)(data + 1, size - 1);
    return 0;
}
