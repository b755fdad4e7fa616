#include "common/image/archive_plan.h"

#include "common/base/array.h"
#include "common/base/log.h"
#include "common/image/layer_make.h"
#include "common/kernel/layers.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static int plan_no_memory(const struct archive *archive)
{
    errno = ENOMEM;
    return log_error("%s: out of memory (ENOMEM)", archive->name);
}

/* ---- For the two readers ---- */

struct archive_image *archive_plan_add(struct archive_plan *plan,
                                       const struct archive *archive)
{
    if (plan->count == ARCHIVE_MOST_IMAGES) {
        log_error("%s: more than %d images", archive->name,
                  ARCHIVE_MOST_IMAGES);
        errno = E2BIG;
        return NULL;
    }
    struct archive_image *larger =
        array_grow(plan->images, plan->count, sizeof *larger);
    if (larger == NULL)
        return NULL;
    plan->images = larger;
    return &larger[plan->count++];
}

static int plan_check_machine(const char *where,
                              const struct image_config *config)
{
    const char *machine = image_config_machine();
    if (strcmp(config->os, "linux") == 0 &&
        strcmp(config->architecture, machine) == 0)
        return 0;
    errno = EBADMSG;
    log_error("%s: an image for %s/%s, and this machine is linux/%s", where,
              config->os, config->architecture, machine);
    log_advice("get the image of that name that is for %s", machine);
    return -1;
}

int archive_plan_set_config(struct archive_image *image,
                            const struct archive *archive, const char *where,
                            char *text, size_t size, size_t layer_count)
{
    image->text = text;
    image->text_size = size;
    if (image_config_read(&image->config, where, text, size) == -1 ||
        plan_check_machine(where, &image->config) == -1)
        return -1;
    if (image->config.layers.count != layer_count) {
        errno = EBADMSG;
        return log_error("%s speaks of %zu layers, and there are %zu of them",
                         where, image->config.layers.count, layer_count);
    }
    if (layer_count > LAYERS_MOST) {
        errno = E2BIG;
        return log_error("%s: more than %d layers, which no overlay can have",
                         where, LAYERS_MOST);
    }
    image->layers = calloc(layer_count + 1, sizeof *image->layers);
    return image->layers != NULL ? 0 : plan_no_memory(archive);
}

int archive_plan_add_name(struct archive_image *image, const struct json *json,
                          const struct json_value *value, const char *name)
{
    struct reference reference;
    const char *expected = reference_parse_tag(name, &reference);
    if (expected != NULL)
        return json_error(json, value, "the image's name \"%.256s\": %s", name,
                          expected);
    struct reference *larger =
        array_grow(image->names, image->name_count, sizeof *larger);
    if (larger == NULL)
        return -1;
    image->names = larger;
    larger[image->name_count++] = reference;
    return 0;
}

/* ---- All of it ---- */

static void plan_free_image(struct archive_image *image)
{
    free(image->names);
    free(image->text);
    free(image->layers);
    image_config_free(&image->config);
}

void archive_plan_free(struct archive_plan *plan)
{
    int saved_errno = errno;
    for (size_t i = 0; i < plan->count; i++)
        plan_free_image(&plan->images[i]);
    free(plan->images);
    *plan = (struct archive_plan){0};
    errno = saved_errno;
}

static bool plan_has(const struct archive_plan *plan,
                     const struct archive_image *wanted)
{
    for (size_t i = 0; i < plan->count; i++)
        if (plan->images[i].text_size == wanted->text_size &&
            memcmp(plan->images[i].text, wanted->text, wanted->text_size) == 0)
            return true;
    return false;
}

/* Some programs write both, so that everybody can read it. Who reads one must not get
 * another image than who reads the other. */
static int plan_compare(const struct archive_plan *oci,
                        const struct archive *archive)
{
    struct archive_plan docker = {0};
    int result = archive_plan_read_docker(&docker, archive);
    for (size_t i = 0; result == 0 && i < docker.count; i++)
        if (!plan_has(oci, &docker.images[i])) {
            errno = EBADMSG;
            result = log_error("%s: manifest.json speaks of another image "
                               "than index.json does",
                               archive->name);
        }
    archive_plan_free(&docker);
    return result;
}

int archive_plan_read(struct archive_plan *plan, const struct archive *archive)
{
    bool oci = archive_find(archive, "oci-layout") != NULL &&
               archive_find(archive, "index.json") != NULL;
    bool docker = archive_find(archive, "manifest.json") != NULL;
    if (!oci && !docker) {
        errno = EBADMSG;
        log_error("%s is a tar archive, but not of an image: it has neither "
                  "oci-layout and index.json nor manifest.json",
                  archive->name);
        log_advice("a root file system becomes an image by `import`");
        return -1;
    }
    if (!oci)
        return archive_plan_read_docker(plan, archive);
    if (archive_plan_read_oci(plan, archive) == -1)
        return -1;
    return docker ? plan_compare(plan, archive) : 0;
}
