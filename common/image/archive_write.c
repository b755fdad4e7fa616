#include "common/image/archive_write.h"

#include "common/base/array.h"
#include "common/base/files.h"
#include "common/base/json_writer.h"
#include "common/base/log.h"
#include "common/image/archive_plan.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int write_no_memory(const struct archive_writer *writer)
{
    log_error("%s: out of memory (ENOMEM)", writer->name);
    errno = ENOMEM;
    return -1;
}

/* ---- Files of the archive ---- */

/* A tar_write_function. */
static int write_out(void *context, const void *data, size_t size)
{
    const struct archive_writer *writer = context;
    size_t left = files_write_all(writer->fd, data, size);
    return left == 0 ? 0
                     : (int)log_call(-1, "the archive", "write(\"%s\", …, %zu)",
                                     writer->name, left);
}

static int write_header(struct archive_writer *writer, const char *path,
                        uint64_t size)
{
    const struct tar_entry entry = {.kind = TAR_FILE,
                                    .path = path,
                                    .target = "",
                                    .mode = 0644,
                                    .size = size};
    return tar_writer_entry(&writer->tar, &entry);
}

static int write_text(struct archive_writer *writer, const char *path,
                      const char *text, size_t size)
{
    return write_header(writer, path, size) == -1
               ? -1
               : tar_writer_body(&writer->tar, text, size);
}

/* Begins a blob. Returns 1; 0 where it is in the archive already; or -1. */
static int write_blob_header(struct archive_writer *writer, const char *digest,
                             uint64_t size)
{
    char path[sizeof "blobs/sha256/" + SHA256_TEXT];
    for (size_t i = 0; i < writer->blob_count; i++)
        if (strcmp(writer->blobs[i], digest) == 0)
            return 0;
    char(*larger)[SHA256_TEXT] =
        array_grow(writer->blobs, writer->blob_count, sizeof *larger);
    if (larger == NULL)
        return -1;
    writer->blobs = larger;
    memcpy(larger[writer->blob_count++], digest, SHA256_TEXT);
    snprintf(path, sizeof path, "blobs/sha256/%s", digest);
    return write_header(writer, path, size) == -1 ? -1 : 1;
}

static int write_blob(struct archive_writer *writer, const char *text,
                      size_t size, char digest[SHA256_TEXT])
{
    sha256_of(text, size, digest);
    int result = write_blob_header(writer, digest, size);
    return result == 1 ? tar_writer_body(&writer->tar, text, size) : result;
}

/* What layer_export() has written goes over. */
static int write_spooled(struct archive_writer *writer,
                         const struct layer_exported *exported)
{
    static char buffer[128 * 1024];
    uint64_t copied = 0;
    int result = write_blob_header(writer, exported->stored_digest,
                                   exported->stored_bytes);
    if (result != 1)
        return result;
    while (copied < exported->stored_bytes) {
        ssize_t got =
            pread(writer->spool_fd, buffer, sizeof buffer, (off_t)copied);
        if (got == -1 && errno == EINTR)
            continue;
        if (got <= 0)
            return (int)log_call(-1, "the layer, as it was packed",
                                 "pread64(%d)", writer->spool_fd);
        if (tar_writer_body(&writer->tar, buffer, (size_t)got) == -1)
            return -1;
        copied += (uint64_t)got;
    }
    return 0;
}

/* ---- Layers ---- */

static const struct layer_exported *
write_find_layer(const struct archive_writer *writer, const char *digest)
{
    for (size_t i = 0; i < writer->layer_count; i++)
        if (strcmp(writer->layers[i].digest, digest) == 0)
            return &writer->layers[i].exported;
    return NULL;
}

static int write_layer(struct archive_writer *writer, const struct store *store,
                       const char *name, const char *digest)
{
    if (write_find_layer(writer, digest) != NULL)
        return 0;
    struct archive_write_layer *larger =
        array_grow(writer->layers, writer->layer_count, sizeof *larger);
    if (larger == NULL)
        return -1;
    writer->layers = larger;
    struct archive_write_layer *layer = &larger[writer->layer_count];
    memcpy(layer->digest, digest, SHA256_TEXT);
    if (layer_export(store, digest, name, writer->spool_fd, writer->format,
                     &layer->exported) == -1)
        return -1;
    writer->layer_count++;
    if (strcmp(layer->exported.plain_digest, digest) != 0)
        log_note("%s was packed by another program: sha256:%s is sha256:%s now",
                 name, digest, layer->exported.plain_digest);
    return write_spooled(writer, &layer->exported);
}

static int write_layers(struct archive_writer *writer,
                        const struct store *store, const struct image *image,
                        const char *image_name)
{
    const struct image_texts *layers = &image->config.layers;
    char name[PATH_MAX];
    for (size_t i = 0; i < layers->count; i++)
        if (files_path(name, "%s: layer %zu of %zu", image_name, i + 1,
                       layers->count) == -1 ||
            write_layer(writer, store, name, layers->all[i]) == -1)
            return -1;
    return 0;
}

/* ---- Configs and manifests ---- */

/*
 * The config, byte for byte, but for the digests of layers that are others now. Replaced
 * where they stand, since a digest stands for nothing else, and all the rest, also what we
 * do not understand, stays what it is.
 */
static void write_new_digests(const struct archive_writer *writer,
                              const struct image *image, char *text)
{
    for (size_t i = 0; i < image->config.layers.count; i++) {
        const char *digest = image->config.layers.all[i];
        const struct layer_exported *exported =
            write_find_layer(writer, digest);
        if (exported == NULL) /* there is none without */
            continue;
        for (char *place = text; (place = strstr(place, digest)) != NULL;
             place += SHA256_TEXT - 1)
            memcpy(place, exported->plain_digest, SHA256_TEXT - 1);
    }
}

static int write_config(struct archive_writer *writer,
                        const struct image *image, const char *name,
                        char digest[SHA256_TEXT])
{
    char *text = strndup(image->text, image->text_size);
    if (text == NULL)
        return write_no_memory(writer);
    write_new_digests(writer, image, text);
    int result = write_blob(writer, text, image->text_size, digest);
    free(text);
    if (result == 0 && strcmp(digest, image->reference.digest) != 0)
        log_note("%s: its id is sha256:%.12s here, and sha256:%.12s there",
                 name, image->reference.digest, digest);
    return result;
}

static void write_descriptor(struct json_writer *json, const char *key,
                             const char *type, const char *digest,
                             uint64_t bytes)
{
    char text[sizeof "sha256:" + SHA256_TEXT];
    snprintf(text, sizeof text, "sha256:%s", digest);
    json_write_open(json, key, '{');
    json_write_text(json, "mediaType", type);
    json_write_text(json, "digest", text);
    json_write_unsigned(json, "size", bytes);
}

static void write_manifest_json(const struct archive_writer *writer,
                                struct json_writer *json,
                                const struct image *image,
                                const char *config_digest)
{
    static const char *const types[] = {
        [STREAM_PLAIN] = "application/vnd.oci.image.layer.v1.tar",
        [STREAM_GZIP] = "application/vnd.oci.image.layer.v1.tar+gzip",
        [STREAM_ZSTD] = "application/vnd.oci.image.layer.v1.tar+zstd",
    };
    const struct image_texts *layers = &image->config.layers;
    json_write_open(json, NULL, '{');
    json_write_unsigned(json, "schemaVersion", 2);
    json_write_text(json, "mediaType",
                    "application/vnd.oci.image.manifest.v1+json");
    write_descriptor(json, "config", "application/vnd.oci.image.config.v1+json",
                     config_digest, image->text_size);
    json_write_close(json, '}');
    json_write_open(json, "layers", '[');
    for (size_t i = 0; i < layers->count; i++) {
        const struct layer_exported *exported =
            write_find_layer(writer, layers->all[i]);
        write_descriptor(json, NULL, types[writer->format],
                         exported->stored_digest, exported->stored_bytes);
        json_write_close(json, '}');
    }
    json_write_close(json, ']');
    json_write_close(json, '}');
}

static int write_manifest(struct archive_writer *writer,
                          const struct image *image, const char *config_digest,
                          struct archive_write_image *written)
{
    char *text = NULL;
    size_t size = 0;
    struct json_writer json = {.file = open_memstream(&text, &size),
                               .one_line = true};
    if (json.file == NULL)
        return write_no_memory(writer);
    write_manifest_json(writer, &json, image, config_digest);
    int result = fclose(json.file) == 0 ? 0 : write_no_memory(writer);
    if (result == 0)
        result = write_blob(writer, text, size, written->manifest_digest);
    written->manifest_bytes = size;
    free(text);
    return result;
}

static void write_set(char *field, const char *text)
{
    snprintf(field, 64, "%s", text == NULL ? "" : text);
}

int archive_write_image(struct archive_writer *writer,
                        const struct store *store, const struct image *image)
{
    char config_digest[SHA256_TEXT];
    struct archive_write_image *larger =
        array_grow(writer->images, writer->image_count, sizeof *larger);
    if (larger == NULL)
        return -1;
    writer->images = larger;
    struct archive_write_image *written = &larger[writer->image_count];
    reference_text(&image->reference, written->name);
    for (size_t i = 0; i < writer->image_count; i++)
        if (strcmp(larger[i].name, written->name) == 0)
            return 0; /* it was named twice */
    write_set(written->architecture, image->config.architecture);
    write_set(written->os, image->config.os);
    write_set(written->variant, image->config.variant);
    if (write_layers(writer, store, image, written->name) == -1 ||
        write_config(writer, image, written->name, config_digest) == -1 ||
        write_manifest(writer, image, config_digest, written) == -1)
        return -1;
    writer->image_count++;
    return 0;
}

/* ---- The beginning and the end ---- */

int archive_write_begin(struct archive_writer *writer, const char *name, int fd,
                        int spool_fd, enum stream_format format)
{
    static const char layout[] = "{\"imageLayoutVersion\":\"1.0.0\"}";
    *writer = (struct archive_writer){
        .name = name, .fd = fd, .spool_fd = spool_fd, .format = format};
    tar_writer_start(&writer->tar, write_out, writer);
    return write_text(writer, "oci-layout", layout, sizeof layout - 1);
}

static void write_index_json(const struct archive_writer *writer,
                             struct json_writer *json)
{
    json_write_open(json, NULL, '{');
    json_write_unsigned(json, "schemaVersion", 2);
    json_write_text(json, "mediaType",
                    "application/vnd.oci.image.index.v1+json");
    json_write_open(json, "manifests", '[');
    for (size_t i = 0; i < writer->image_count; i++) {
        const struct archive_write_image *image = &writer->images[i];
        write_descriptor(json, NULL,
                         "application/vnd.oci.image.manifest.v1+json",
                         image->manifest_digest, image->manifest_bytes);
        json_write_open(json, "platform", '{');
        json_write_text(json, "architecture", image->architecture);
        json_write_text(json, "os", image->os);
        if (image->variant[0] != '\0')
            json_write_text(json, "variant", image->variant);
        json_write_close(json, '}');
        /* Some look for the one, some for the other. */
        json_write_open(json, "annotations", '{');
        json_write_text(json, "io.containerd.image.name", image->name);
        json_write_text(json, "org.opencontainers.image.ref.name", image->name);
        json_write_close(json, '}');
        json_write_close(json, '}');
    }
    json_write_close(json, ']');
    json_write_close(json, '}');
}

int archive_write_finish(struct archive_writer *writer)
{
    char *text = NULL;
    size_t size = 0;
    struct json_writer json = {.file = open_memstream(&text, &size),
                               .one_line = true};
    if (json.file == NULL)
        return write_no_memory(writer);
    write_index_json(writer, &json);
    int result = fclose(json.file) == 0 ? 0 : write_no_memory(writer);
    if (result == 0)
        result = write_text(writer, "index.json", text, size);
    free(text);
    return result == -1 ? -1 : tar_writer_finish(&writer->tar);
}

void archive_write_close(struct archive_writer *writer)
{
    int saved_errno = errno;
    free(writer->layers);
    free(writer->images);
    free(writer->blobs);
    errno = saved_errno;
}
