/* OCI archives: index.json, and what it leads to by digests. See archive_plan.h. */
#include "common/image/archive_plan.h"

#include "common/base/files.h"
#include "common/base/log.h"
#include "common/image/layer_make.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What a descriptor may say that it leads to. Each has two names, OCI's and docker's. */
enum oci_kind { OCI_INDEX, OCI_MANIFEST, OCI_CONFIG, OCI_LAYER };

static const struct oci_type {
    const char *name;
    enum oci_kind kind;
    int format; /* of a layer */
} oci_types[] = {
    {"application/vnd.oci.image.index.v1+json", OCI_INDEX, 0},
    {"application/vnd.docker.distribution.manifest.list.v2+json", OCI_INDEX, 0},
    {"application/vnd.oci.image.manifest.v1+json", OCI_MANIFEST, 0},
    {"application/vnd.docker.distribution.manifest.v2+json", OCI_MANIFEST, 0},
    {"application/vnd.oci.image.config.v1+json", OCI_CONFIG, 0},
    {"application/vnd.docker.container.image.v1+json", OCI_CONFIG, 0},
    {"application/vnd.oci.image.layer.v1.tar", OCI_LAYER, STREAM_PLAIN},
    {"application/vnd.oci.image.layer.v1.tar+gzip", OCI_LAYER, STREAM_GZIP},
    {"application/vnd.oci.image.layer.v1.tar+zstd", OCI_LAYER, STREAM_ZSTD},
    {"application/vnd.docker.image.rootfs.diff.tar", OCI_LAYER, STREAM_PLAIN},
    {"application/vnd.docker.image.rootfs.diff.tar.gzip", OCI_LAYER,
     STREAM_GZIP},
    {"application/vnd.docker.image.rootfs.diff.tar.zstd", OCI_LAYER,
     STREAM_ZSTD},
};

struct oci_descriptor {
    const struct json *json; /* that it stands in, at: */
    const struct json_value *value;
    const struct oci_type *type;
    const char *digest; /* 64 digits */
    const struct archive_entry *entry;
};

struct oci {
    struct archive_plan *plan;
    const struct archive *archive;
    unsigned documents; /* that were read */
    char others[256];   /* for which machines there was something */
};

/* A file of JSON, and what it is called: "blobs/sha256/9f86…". */
struct oci_document {
    char *text;
    size_t size;
    struct json *json;
    char name[PATH_MAX];
};

/* ---- Descriptors ---- */

static const struct json_value *oci_text(const struct json_value *object,
                                         const char *key)
{
    const struct json_value *value = json_member(object, key);
    return value != NULL && value->type == JSON_STRING ? value : NULL;
}

static const struct oci_type *oci_find_type(const char *name)
{
    for (size_t i = 0; i < sizeof oci_types / sizeof oci_types[0]; i++)
        if (strcmp(oci_types[i].name, name) == 0)
            return &oci_types[i];
    return NULL;
}

/* The file that a descriptor leads to, which has to be there, and as long as that says. */
static int oci_find_blob(const struct oci *oci,
                         struct oci_descriptor *descriptor, uint64_t size)
{
    char path[PATH_MAX];
    snprintf(path, sizeof path, "blobs/sha256/%s", descriptor->digest);
    descriptor->entry = archive_find(oci->archive, path);
    if (descriptor->entry == NULL)
        return json_error(descriptor->json, descriptor->value,
                          "a missing blob: sha256:%s", descriptor->digest);
    if (descriptor->entry->size != size)
        return json_error(descriptor->json, descriptor->value,
                          "the blob sha256:%s has %" PRIu64
                          " bytes, and is said to have %" PRIu64,
                          descriptor->digest, descriptor->entry->size, size);
    return 0;
}

static int oci_read_descriptor(const struct oci *oci, const struct json *json,
                               const struct json_value *value,
                               struct oci_descriptor *descriptor)
{
    const struct json_value *type = oci_text(value, "mediaType");
    const struct json_value *digest = oci_text(value, "digest");
    const struct json_value *length = json_member(value, "size");
    const struct json_value *urls = json_member(value, "urls");
    uint64_t size;
    if (value == NULL || value->type != JSON_OBJECT)
        return json_error(json, value == NULL ? json->root : value,
                          "expected a descriptor, an object with mediaType, "
                          "digest and size");
    *descriptor = (struct oci_descriptor){.json = json, .value = value};
    if (type == NULL)
        return json_error(json, value, "\"mediaType\": expected a string");
    descriptor->type = oci_find_type(type->text);
    if (descriptor->type == NULL)
        return json_error(json, type,
                          "\"mediaType\": \"%.128s\" is none that an image is "
                          "made of",
                          type->text);
    descriptor->digest = digest == NULL ? NULL : sha256_parse(digest->text);
    if (descriptor->digest == NULL)
        return json_error(json, digest == NULL ? value : digest,
                          "\"digest\": \"%.128s\": expected sha256: and 64 "
                          "small hexadecimal digits",
                          digest == NULL ? "" : digest->text);
    if (length == NULL || json_unsigned(length, INT64_MAX, &size) == -1)
        return json_error(json, value, "\"size\": expected a number of bytes");
    if (urls != NULL && urls->first != NULL)
        return json_error(json, urls,
                          "\"urls\": what is elsewhere is not in this archive");
    return oci_find_blob(oci, descriptor, size);
}

static int oci_expect(const struct oci_descriptor *descriptor,
                      enum oci_kind kind, const char *what)
{
    return descriptor->type->kind == kind
               ? 0
               : json_error(descriptor->json, descriptor->value,
                            "\"mediaType\": \"%s\": expected that of %s",
                            descriptor->type->name, what);
}

/* ---- Documents ---- */

static void oci_close(struct oci_document *document)
{
    int saved_errno = errno;
    json_free(document->json);
    free(document->text);
    *document = (struct oci_document){0};
    errno = saved_errno;
}

static int oci_parse(struct oci_document *document)
{
    document->json = json_parse(document->name, document->text, document->size);
    if (document->json == NULL)
        return -1;
    if (document->json->root->type != JSON_OBJECT)
        return json_error(document->json, document->json->root,
                          "expected an object");
    return 0;
}

/* Reads a file of the archive whole. Returns 0, or -1, reported; oci_close() in any case. */
static int oci_open(const struct archive *archive,
                    const struct archive_entry *entry,
                    struct oci_document *document)
{
    *document = (struct oci_document){.size = (size_t)entry->size};
    document->text = archive_read(archive, entry);
    return document->text == NULL ? -1
                                  : files_path(document->name, "%s: %s",
                                               archive->name, entry->path);
}

static int oci_open_named(const struct archive *archive, const char *path,
                          struct oci_document *document)
{
    return oci_open(archive, archive_find(archive, path), document) == -1
               ? -1
               : oci_parse(document);
}

/* Reads what a descriptor leads to, which is believed only when its digest is right. */
static int oci_open_blob(const struct oci *oci,
                         const struct oci_descriptor *descriptor,
                         struct oci_document *document)
{
    char digest[SHA256_TEXT];
    if (oci_open(oci->archive, descriptor->entry, document) == -1)
        return -1;
    sha256_of(document->text, document->size, digest);
    if (strcmp(digest, descriptor->digest) == 0)
        return 0;
    errno = EBADMSG;
    return log_error("%s: the blob sha256:%s has the digest sha256:%s: it was "
                     "changed, or damaged",
                     oci->archive->name, descriptor->digest, digest);
}

/*
 * One file could be read as an index by one program and as a manifest by another, and be
 * two different images. So it has to be what its descriptor says, and to have
 * nothing that belongs to the other (CVE-2021-41190).
 */
static int oci_check_kind(const struct json *json, const char *type,
                          enum oci_kind kind)
{
    static const char *const members[][4] = {
        [OCI_INDEX] = {"manifests", NULL},
        [OCI_MANIFEST] = {"config", "layers", NULL},
    };
    static const char *const foreign[][4] = {
        [OCI_INDEX] = {"config", "layers", "fsLayers", NULL},
        [OCI_MANIFEST] = {"manifests", "fsLayers", "history", NULL},
    };
    const char *what = kind == OCI_INDEX ? "an index" : "a manifest";
    const struct json_value *said = json_member(json->root, "mediaType");
    const struct json_value *version = json_member(json->root, "schemaVersion");
    uint64_t number = 0;
    if (version == NULL || json_unsigned(version, 2, &number) == -1 ||
        number != 2)
        return json_error(json, version == NULL ? json->root : version,
                          "\"schemaVersion\": expected 2");
    if (said != NULL && (said->type != JSON_STRING || type == NULL ||
                         strcmp(said->text, type) != 0))
        return json_error(json, said,
                          "\"mediaType\": expected \"%s\", which is what led "
                          "here",
                          type == NULL ? "" : type);
    for (size_t i = 0; members[kind][i] != NULL; i++)
        if (json_member(json->root, members[kind][i]) == NULL)
            return json_error(json, json->root, "%s without \"%s\"", what,
                              members[kind][i]);
    for (size_t i = 0; foreign[kind][i] != NULL; i++)
        if (json_member(json->root, foreign[kind][i]) != NULL)
            return json_error(json, json_member(json->root, foreign[kind][i]),
                              "%s with \"%s\": it may be taken for something "
                              "else",
                              what, foreign[kind][i]);
    return 0;
}

/* ---- Manifests ---- */

static int oci_read_layers(const struct oci *oci, const struct json *json,
                           struct archive_image *image)
{
    const struct json_value *one = json_member(json->root, "layers")->first;
    for (size_t i = 0; one != NULL; i++, one = one->next) {
        struct archive_layer *layer = &image->layers[i];
        struct oci_descriptor descriptor;
        if (oci_read_descriptor(oci, json, one, &descriptor) == -1 ||
            oci_expect(&descriptor, OCI_LAYER, "a layer") == -1)
            return -1;
        layer->entry = descriptor.entry;
        layer->format = descriptor.type->format;
        memcpy(layer->stored_digest, descriptor.digest, SHA256_TEXT);
    }
    return 0;
}

/* The config's text goes over to the image. */
static int oci_read_config(const struct oci *oci, const struct json *json,
                           struct archive_image *image)
{
    const struct json_value *layers = json_member(json->root, "layers");
    struct oci_descriptor descriptor;
    struct oci_document document = {0};
    if (oci_read_descriptor(oci, json, json_member(json->root, "config"),
                            &descriptor) == -1 ||
        oci_expect(&descriptor, OCI_CONFIG, "an image's config") == -1)
        return -1;
    if (layers->type != JSON_ARRAY)
        return json_error(json, layers, "\"layers\": expected an array");
    int result = oci_open_blob(oci, &descriptor, &document);
    if (result == 0) {
        char *text = document.text;
        document.text = NULL;
        result =
            archive_plan_set_config(image, oci->archive, document.name, text,
                                    document.size, json_count(layers));
    }
    oci_close(&document);
    return result;
}

/* podman and containerd look for the one, skopeo and umoci for the other. */
static int oci_read_names(struct archive_image *image,
                          const struct oci_descriptor *from)
{
    static const char *const keys[] = {"io.containerd.image.name",
                                       "org.opencontainers.image.ref.name"};
    const struct json_value *annotations =
        json_member(from->value, "annotations");
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        const struct json_value *name = json_member(annotations, keys[i]);
        if (name == NULL)
            continue;
        if (name->type != JSON_STRING)
            return json_error(from->json, name, "\"%s\": expected a string",
                              keys[i]);
        return archive_plan_add_name(image, from->json, name, name->text);
    }
    return 0;
}

/* `from` is the descriptor in index.json by which we came here. */
static int oci_read_manifest(struct oci *oci, const struct json *json,
                             const char *type,
                             const struct oci_descriptor *from)
{
    if (oci_check_kind(json, type, OCI_MANIFEST) == -1)
        return -1;
    struct archive_image *image = archive_plan_add(oci->plan, oci->archive);
    if (image == NULL)
        return -1;
    return oci_read_names(image, from) == -1 ||
                   oci_read_config(oci, json, image) == -1
               ? -1
               : oci_read_layers(oci, json, image);
}

/* ---- Indexes ---- */

/* Whether what a descriptor leads to is for this machine, as far as it says so. */
static bool oci_is_for_us(struct oci *oci, const struct json_value *descriptor)
{
    const struct json_value *platform = json_member(descriptor, "platform");
    const struct json_value *architecture = oci_text(platform, "architecture");
    const struct json_value *os = oci_text(platform, "os");
    if (architecture == NULL || os == NULL ||
        (strcmp(os->text, "linux") == 0 &&
         strcmp(architecture->text, image_config_machine()) == 0))
        return true;
    size_t used = strlen(oci->others);
    snprintf(oci->others + used, sizeof oci->others - used, "%s%.32s/%.32s",
             used == 0 ? "" : ", ", os->text, architecture->text);
    return false;
}

static int oci_read_index(struct oci *oci, const struct json *json,
                          const char *type, const struct oci_descriptor *from,
                          unsigned depth);

/* What a descriptor of an index leads to: a manifest, or one more index. */
static int oci_follow(struct oci *oci, const struct oci_descriptor *descriptor,
                      const struct oci_descriptor *from, unsigned depth)
{
    struct oci_document document = {0};
    const char *type = descriptor->type->name;
    enum oci_kind kind = descriptor->type->kind;
    if (kind != OCI_INDEX &&
        oci_expect(descriptor, OCI_MANIFEST, "a manifest or an index") == -1)
        return -1;
    if (++oci->documents > ARCHIVE_MOST_DOCUMENTS)
        return json_error(descriptor->json, descriptor->value,
                          "more than %d indexes and manifests",
                          ARCHIVE_MOST_DOCUMENTS);
    int result = oci_open_blob(oci, descriptor, &document);
    if (result == 0)
        result = oci_parse(&document);
    if (result == 0)
        result = kind == OCI_INDEX
                     ? oci_read_index(oci, document.json, type, from, depth + 1)
                     : oci_read_manifest(oci, document.json, type, from);
    oci_close(&document);
    return result;
}

/*
 * Of index.json (`from` is NULL) each descriptor is an image. One below it is the same
 * image for several machines: the first for this one is taken.
 */
static int oci_read_index(struct oci *oci, const struct json *json,
                          const char *type, const struct oci_descriptor *from,
                          unsigned depth)
{
    if (oci_check_kind(json, type, OCI_INDEX) == -1)
        return -1;
    const struct json_value *all = json_member(json->root, "manifests");
    if (all->type != JSON_ARRAY)
        return json_error(json, all, "\"manifests\": expected an array");
    if (depth > ARCHIVE_MOST_DEPTH)
        return json_error(json, json->root,
                          "indexes in indexes, more than %d deep",
                          ARCHIVE_MOST_DEPTH);
    for (const struct json_value *one = all->first; one != NULL;
         one = one->next) {
        struct oci_descriptor descriptor;
        size_t before = oci->plan->count;
        if (!oci_is_for_us(oci, one))
            continue;
        if (oci_read_descriptor(oci, json, one, &descriptor) == -1 ||
            oci_follow(oci, &descriptor, from == NULL ? &descriptor : from,
                       depth) == -1)
            return -1;
        if (from != NULL && oci->plan->count > before)
            return 0;
    }
    return 0;
}

/* {"imageLayoutVersion": "1.0.0"} */
static int oci_check_layout(const struct archive *archive)
{
    struct oci_document document = {0};
    int result = oci_open_named(archive, "oci-layout", &document);
    if (result == 0) {
        const struct json_value *root = document.json->root;
        const struct json_value *version = oci_text(root, "imageLayoutVersion");
        if (version == NULL || strcmp(version->text, "1.0.0") != 0)
            result = json_error(document.json, root,
                                "\"imageLayoutVersion\": expected \"1.0.0\"");
    }
    oci_close(&document);
    return result;
}

int archive_plan_read_oci(struct archive_plan *plan,
                          const struct archive *archive)
{
    struct oci oci = {.plan = plan, .archive = archive};
    struct oci_document document = {0};
    if (oci_check_layout(archive) == -1)
        return -1;
    int result = oci_open_named(archive, "index.json", &document);
    if (result == 0)
        result =
            oci_read_index(&oci, document.json, oci_types[0].name, NULL, 0);
    oci_close(&document);
    if (result == -1 || plan->count > 0)
        return result;
    errno = EBADMSG;
    if (oci.others[0] == '\0')
        return log_error("%s: index.json names no image", archive->name);
    return log_error("%s: images for %s, and this machine is linux/%s",
                     archive->name, oci.others, image_config_machine());
}
