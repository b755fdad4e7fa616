/* Docker archives: manifest.json, which names the files of each image. See archive_plan.h. */
#include "common/image/archive_plan.h"

#include "common/base/files.h"
#include "common/base/log.h"
#include "common/image/layer_make.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

/* The file that `value` names, or NULL, reported. */
static const struct archive_entry *docker_find(const struct archive *archive,
                                               const struct json *json,
                                               const struct json_value *value,
                                               const char *what)
{
    if (value == NULL || value->type != JSON_STRING) {
        json_report(json, value == NULL ? json->root : value,
                    "\"%s\": expected the name of a file", what);
        return NULL;
    }
    const struct archive_entry *entry = archive_find(archive, value->text);
    if (entry == NULL)
        json_report(json, value, "\"%s\": \"%.256s\" is missing in the archive",
                    what, value->text);
    return entry;
}

/* Many are called as their digest is: "9f86….json", "blobs/sha256/9f86…". Fills in
 * `digest` (SHA256_TEXT) with that, or with "". */
static void docker_named_digest(const char *path, char *digest)
{
    enum { DIGITS = SHA256_TEXT - 1 };
    static const char blobs[] = "blobs/sha256/";
    bool is_blob = strncmp(path, blobs, sizeof blobs - 1) == 0;
    const char *name = is_blob ? path + sizeof blobs - 1 : path;
    *digest = '\0';
    if (strspn(name, "0123456789abcdef") == DIGITS &&
        strcmp(name + DIGITS, is_blob ? "" : ".json") == 0) {
        memcpy(digest, name, DIGITS);
        digest[DIGITS] = '\0';
    }
}

static int docker_read_config(struct archive_image *image,
                              const struct archive *archive,
                              const struct json *json,
                              const struct json_value *object,
                              size_t layer_count)
{
    char name[PATH_MAX], said[SHA256_TEXT], digest[SHA256_TEXT];
    const struct json_value *value = json_member(object, "Config");
    const struct archive_entry *entry =
        docker_find(archive, json, value, "Config");
    if (entry == NULL ||
        files_path(name, "%s: %s", archive->name, entry->path) == -1)
        return -1;
    char *text = archive_read(archive, entry);
    if (text == NULL)
        return -1;
    docker_named_digest(value->text, said);
    sha256_of(text, (size_t)entry->size, digest);
    if (*said != '\0' && strcmp(said, digest) != 0) {
        free(text);
        errno = EBADMSG;
        return log_error("%s has the digest sha256:%s: it was changed, or "
                         "damaged",
                         name, digest);
    }
    return archive_plan_set_config(image, archive, name, text,
                                   (size_t)entry->size, layer_count);
}

static int docker_read_names(struct archive_image *image,
                             const struct json *json,
                             const struct json_value *object)
{
    const struct json_value *tags = json_member(object, "RepoTags");
    if (tags == NULL || tags->type == JSON_NULL)
        return 0;
    if (tags->type != JSON_ARRAY)
        return json_error(json, tags, "\"RepoTags\": expected an array");
    for (const struct json_value *one = tags->first; one != NULL;
         one = one->next) {
        if (one->type != JSON_STRING)
            return json_error(json, one, "\"RepoTags\": expected a string");
        if (archive_plan_add_name(image, json, one, one->text) == -1)
            return -1;
    }
    return 0;
}

static int docker_read_image(struct archive_plan *plan,
                             const struct archive *archive,
                             const struct json *json,
                             const struct json_value *object)
{
    const struct json_value *layers = json_member(object, "Layers");
    if (object->type != JSON_OBJECT)
        return json_error(json, object, "expected an image, an object");
    if (layers != NULL && layers->type != JSON_ARRAY &&
        layers->type != JSON_NULL)
        return json_error(json, layers, "\"Layers\": expected an array");
    struct archive_image *image = archive_plan_add(plan, archive);
    if (image == NULL || docker_read_names(image, json, object) == -1 ||
        docker_read_config(image, archive, json, object, json_count(layers)) ==
            -1)
        return -1;
    const struct json_value *one = layers == NULL ? NULL : layers->first;
    for (size_t i = 0; one != NULL; i++, one = one->next) {
        struct archive_layer *layer = &image->layers[i];
        layer->entry = docker_find(archive, json, one, "Layers");
        if (layer->entry == NULL)
            return -1;
        layer->format = LAYER_ANY_FORMAT;
        docker_named_digest(one->text, layer->stored_digest);
    }
    return 0;
}

int archive_plan_read_docker(struct archive_plan *plan,
                             const struct archive *archive)
{
    char name[PATH_MAX];
    const struct archive_entry *entry = archive_find(archive, "manifest.json");
    if (files_path(name, "%s: manifest.json", archive->name) == -1)
        return -1;
    char *text = archive_read(archive, entry);
    if (text == NULL)
        return -1;
    struct json *json = json_parse(name, text, (size_t)entry->size);
    free(text);
    if (json == NULL)
        return -1;
    int result = 0;
    if (json->root->type != JSON_ARRAY || json->root->first == NULL)
        result = json_error(json, json->root,
                            "expected an array of images, at least one");
    for (const struct json_value *one = json->root->first;
         result == 0 && one != NULL; one = one->next)
        result = docker_read_image(plan, archive, json, one);
    json_free(json);
    return result;
}
