#include "common/image/build.h"

#include "common/base/files.h"
#include "common/base/log.h"
#include "common/base/number.h"
#include "common/base/program.h"
#include "common/image/build_context.h"
#include "common/image/build_key.h"
#include "common/image/build_squash.h"
#include "common/image/build_variables.h"
#include "common/image/image_new.h"
#include "common/kernel/process.h"
#include "common/runtime/mapped.h"
#include "common/runtime/self.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- When ---- */

/* Who wants the same image from the same files says when it is to have been. */
static int build_read_epoch(struct build *build)
{
    const char *text = getenv("SOURCE_DATE_EPOCH");
    uint64_t seconds;
    build->epoch = time(NULL);
    if (text == NULL || *text == '\0')
        return 0;
    const char *rest = number_scan(text, INT32_MAX * UINT64_C(100), &seconds);
    if (rest == NULL || *rest != '\0')
        return log_error("SOURCE_DATE_EPOCH=%s: expected seconds since 1970",
                         text);
    build->has_epoch = true;
    build->epoch = (time_t)seconds;
    return 0;
}

/* An image that is in all the same as one that was built here before is that one, and as old:
 * its times are the last thing that is put into it, and its digest until then is what
 * tells. */
static int build_find_time(const struct build *build,
                           const struct image_config *config, time_t *time)
{
    char key[SHA256_TEXT], *text;
    struct build_key hash;
    size_t size;
    *time = build->epoch;
    if (build->has_epoch || config->layers.count == 0)
        return 0;
    text = image_config_write(config, &size);
    if (text == NULL)
        return -1;
    build_key_begin(&hash, &config->layers);
    build_key_add(&hash, "image");
    build_key_add(&hash, text);
    build_key_end(&hash, key);
    free(text);
    const char *top = config->layers.all[config->layers.count - 1];
    if (!build->options->no_cache) {
        if (image_store_cached_since(build->store, key, time) == 0)
            return 0;
        if (errno != ENOENT)
            return -1;
    }
    /* That it can not be remembered is no reason to have made nothing. */
    if (image_store_remember(build->store, key, top) == -1)
        return 0;
    return image_store_cached_since(build->store, key, time) == 0 ||
                   errno == ENOENT
               ? 0
               : -1;
}

static int build_set_times(const struct build *build,
                           struct image_config *config)
{
    char text[32];
    time_t time;
    if (image_config_set_text(config, &config->created, NULL) == -1 ||
        build_find_time(build, config, &time) == -1)
        return -1;
    build_time_text(time, text);
    for (size_t i = 0; i < config->history_count; i++)
        if (config->history[i].created == NULL &&
            image_config_set_text(config, &config->history[i].created, text) ==
                -1)
            return -1;
    return image_config_set_text(config, &config->created, text);
}

/* ---- The image ---- */

static int build_write_id(const struct build *build, const char *id)
{
    const char *path = build->options->id_file;
    if (path == NULL)
        return 0;
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    int result = fd == -1 ? -1 : dprintf(fd, "sha256:%s", id);
    if (fd != -1 && close(fd) == -1)
        result = -1;
    return result < 0 ? (int)log_call(-1, "--iidfile", "write(\"%s\")", path)
                      : 0;
}

/* Whether the name is that image's already: then there is nothing to be written. */
static bool build_has_name(const struct build *build,
                           const struct reference *name, const char *id)
{
    char text[REFERENCE_TEXT_BYTES];
    struct image there;
    reference_text(name, text);
    bool has = image_store_find(build->store, text, &there) == 0 &&
               there.damage == NULL &&
               strcmp(there.reference.name, name->name) == 0 &&
               strcmp(there.reference.tag, name->tag) == 0 &&
               strcmp(there.reference.digest, id) == 0;
    image_free(&there);
    return has;
}

static int build_name(struct build *build, const char *text, size_t size)
{
    const struct build_options *options = build->options;
    char id[SHA256_TEXT];
    struct reference by_id;
    const struct reference *names = options->tags;
    size_t count = options->tag_count;
    sha256_of(text, size, id);
    if (count == 0) {
        image_new_name_by_id(text, size, &by_id);
        names = &by_id;
        count = 1;
    }
    for (size_t i = 0; i < count; i++) {
        char name[REFERENCE_TEXT_BYTES];
        if (!build_has_name(build, &names[i], id) &&
            image_store_put(build->store, &names[i], text, size, NULL) == -1)
            return -1;
        reference_text(&names[i], name);
        build_tell(build, "%s %s", i == 0 ? "COMMIT" : "TAG", name);
    }
    if (build_write_id(build, id) == -1)
        return -1;
    printf("sha256:%s\n", id);
    return fflush(stdout) == 0
               ? 0
               : (int)log_call(-1, "the image's id", "write(1)");
}

static int build_finish(struct build *build)
{
    struct build_stage *stage = &build->stages[build->target];
    struct image_config *config = &stage->config;
    const struct build_texts *labels = &build->options->labels;
    for (size_t i = 0; i < labels->count; i++) {
        char *name = strdup(labels->all[i]);
        if (name == NULL)
            return log_error("out of memory (ENOMEM)");
        char *equals = strchr(name, '=');
        *equals = '\0';
        int result =
            image_config_assign(config, &config->labels, name, equals + 1);
        free(name);
        if (result == -1)
            return -1;
    }
    if ((build->options->squash && build_squash(build, stage) == -1) ||
        build_set_times(build, config) == -1)
        return -1;
    size_t size;
    char *text = image_config_write(config, &size);
    int result = text == NULL ? -1 : build_name(build, text, size);
    free(text);
    return result;
}

/* ---- All of it ---- */

static int build_stages(struct build *build, bool checking)
{
    build->checking = checking;
    for (size_t i = 0; i <= build->target; i++)
        if (build->stages[i].needed &&
            build_stage(build, &build->stages[i]) == -1)
            return -1;
    return 0;
}

static int build_all(struct build *build)
{
    if (build_read_epoch(build) == -1 ||
        build_context_open(&build->context, build->store, build->options) ==
            -1 ||
        containerfile_read(&build->file, build->context.file_name,
                           build->context.text,
                           build->context.text_size) == -1 ||
        build_plan(build) == -1 || build_stages(build, true) == -1)
        return -1;
    build_variables_warn(build);
    int one_id = mapped_has_one_id();
    if (one_id == -1 || process_block_signals(&build->mask) == -1)
        return -1;
    build->own_all = one_id == 1;
    /* From here on no layer goes away that we find or make. */
    int use_fd = layer_store_use(build->store);
    if (use_fd == -1)
        return -1;
    layer_store_sweep(build->store); /* of builds that were killed */
    int result = build_stages(build, false);
    if (result == 0)
        result = build_finish(build);
    files_close(&use_fd);
    return result;
}

int build_image(const struct store *store, const struct build_options *options)
{
    static struct build build;
    build = (struct build){.store = store, .options = options};
    build.context.fd = -1;
    build.context.unpacked.fd = build.context.unpacked.tree_fd = -1;
    if (self_protect(options->userns_host, 0) == -1)
        return EXIT_OURS;
    int result = build_all(&build);
    build_plan_free(&build);
    containerfile_free(&build.file);
    build_context_close(&build.context);
    if (result == 0)
        return 0;
    return build.failed != 0 ? build.failed : EXIT_OURS;
}
