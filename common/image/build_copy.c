/* COPY and ADD: see build_state.h, build_copying.h. */
#include "common/base/advice.h"
#include "common/base/files.h"
#include "common/base/log.h"
#include "common/image/build_copying.h"
#include "common/image/build_key.h"
#include "common/image/build_variables.h"
#include "common/kernel/users.h"
#include "common/runtime/mapped.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- What is asked for ---- */

static int build_copy_read_mode(struct build_copying *copying)
{
    const char *given = containerfile_flag(copying->instruction, "chmod");
    char *end = NULL;
    if (given == NULL)
        return 0;
    char *text = build_variables_expand(copying->build, copying->stage,
                                        copying->instruction, given);
    if (text == NULL)
        return -1;
    size_t digits = strspn(text, "01234567");
    unsigned long mode = strtoul(text, &end, 8);
    bool valid =
        digits > 0 && digits < 6 && text[digits] == '\0' && mode <= 07777;
    copying->copy.has_mode = true;
    copying->copy.mode = (mode_t)mode;
    int result =
        valid
            ? 0
            : build_refuse(copying->build, copying->instruction,
                           "%s --chmod=%s: expected a mode in octal "
                           "digits, 0 to 7777",
                           containerfile_kind_name(copying->instruction->kind),
                           text);
    free(text);
    return result;
}

static int build_copy_read_owner(struct build_copying *copying)
{
    const char *given = containerfile_flag(copying->instruction, "chown");
    if (given == NULL)
        return 0;
    copying->owner = build_variables_expand(copying->build, copying->stage,
                                            copying->instruction, given);
    if (copying->owner == NULL)
        return -1;
    if (copying->build->own_all && !copying->build->checking)
        log_warning("%s:%u: --chown=%s: a user without subordinate ids has one "
                    "id only, whose all files are",
                    copying->build->file.name, copying->instruction->line,
                    copying->owner);
    const char *expected = users_check_form(copying->owner);
    return expected == NULL
               ? 0
               : build_refuse(
                     copying->build, copying->instruction, "%s --chown=%s: %s",
                     containerfile_kind_name(copying->instruction->kind),
                     copying->owner, expected);
}

/* "dir/", "dir/." and more than one source say that it is a directory. */
static int build_copy_read_destination(struct build_copying *copying,
                                       const char *text)
{
    const char *last = files_base_name(text);
    bool leaves;
    copying->into_directory = copying->sources.count > 1 || *last == '\0' ||
                              strcmp(last, ".") == 0 || strcmp(last, "..") == 0;
    const char *directory = copying->stage->config.working_directory;
    if (layer_path_clean(directory == NULL ? "/" : directory, text,
                         copying->destination, &leaves) == -1)
        return build_refuse(copying->build, copying->instruction, "%s: %s",
                            containerfile_kind_name(copying->instruction->kind),
                            advice_error_name(errno));
    return 0;
}

/* ---- What it depends on ---- */

/* All sources, only to learn what is in them: as a child's work, too. */
static int build_copy_digest(struct build_copying *copying, char *digest)
{
    struct layer_copy *copy = &copying->copy;
    struct layer_path *found = malloc(sizeof *found);
    int result = found == NULL ? -1 : layer_copy_begin(copy);
    for (size_t i = 0; i < copying->sources.count && result == 0; i++) {
        const struct build_source *source = &copying->sources.all[i];
        const char *name = files_base_name(source->path);
        if (source->text != NULL) {
            result = layer_copy_text(copy, source->text, 0, NULL, name);
            continue;
        }
        result = build_copy_open(copying, source->path, found);
        if (result == -1) {
            snprintf(copy->path, sizeof copy->path, "%s", source->path);
            break;
        }
        result = S_ISDIR(found->status.st_mode)
                     ? layer_copy_directory(copy, found, NULL)
                     : layer_copy_file(copy, found, NULL, name);
        layer_path_close(found);
    }
    if (result == 0)
        layer_copy_end(copy, digest);
    layer_copy_free(copy);
    free(found);
    return result;
}

static int build_copy_failed(struct build_copying *copying,
                             const char *complaint)
{
    return build_refuse(copying->build, copying->instruction, "%s: %s",
                        containerfile_kind_name(copying->instruction->kind),
                        complaint);
}

/* Everything but what is in the files. */
static void build_copy_key(const struct build_copying *copying,
                           const char *content, char key[SHA256_TEXT])
{
    const struct build_sources *sources = &copying->sources;
    struct build_key hash;
    char mode[16];
    build_key_begin(&hash, &copying->stage->config.layers);
    build_key_add(&hash, containerfile_kind_name(copying->instruction->kind));
    build_key_add(&hash, copying->destination);
    build_key_add(&hash, copying->into_directory ? "/" : "");
    build_key_add(&hash, copying->owner);
    snprintf(mode, sizeof mode, "%o", copying->copy.mode);
    build_key_add(&hash, copying->copy.has_mode ? mode : NULL);
    for (size_t i = 0; i < sources->count; i++)
        build_key_add(&hash, files_base_name(sources->all[i].path));
    build_key_add(&hash, content);
    build_key_end(&hash, key);
}

/* Out of layers, which never change: then there is no need to read what is in them. */
static void build_copy_layers_key(const struct build_copying *copying,
                                  char key[SHA256_TEXT])
{
    struct build_key hash;
    char digest[SHA256_TEXT];
    build_key_begin(&hash, copying->origin.known);
    for (size_t i = 0; i < copying->sources.count; i++)
        build_key_add(&hash, copying->sources.all[i].text != NULL
                                 ? copying->sources.all[i].text
                                 : copying->sources.all[i].path);
    build_key_end(&hash, digest);
    build_copy_key(copying, digest, key);
}

/* ---- All of it ---- */

static int build_copy_make(struct build_copying *copying,
                           const char *layers_key)
{
    struct build *build = copying->build;
    char key[SHA256_TEXT];
    if (build_layer_open_below(build, &copying->stage->config.layers,
                               &copying->below) == -1)
        return -1;
    if (build_layer_begin(&copying->layer, build) == -1) {
        layers_close(&copying->below);
        return -1;
    }
    int result = mapped_run(build_copy_work, copying);
    layers_close(&copying->below);
    if (result != 0) {
        if (*copying->layer.news->complaint != '\0')
            build_copy_failed(copying, copying->layer.news->complaint);
        build_layer_abandon(&copying->layer);
        return -1;
    }
    /* What was copied decides, not what was there when it was looked for. */
    build_copy_key(copying, copying->layer.news->content, key);
    if (layers_key != NULL)
        memcpy(key, layers_key, sizeof key);
    return build_layer_commit(&copying->layer, build, copying->stage, key);
}

static int build_copy_do(struct build_copying *copying)
{
    struct build *build = copying->build;
    char key[SHA256_TEXT], content[SHA256_TEXT], complaint[2 * PATH_MAX];
    if (build->checking)
        return 0;
    if (!copying->origin.is_context) {
        build_copy_layers_key(copying, key);
        return build_layer_is_cached(build, copying->stage, key)
                   ? 0
                   : build_copy_make(copying, key);
    }
    if (!build->options->no_cache) {
        if (build_copy_digest(copying, content) == -1) {
            build_copy_describe(copying, complaint, sizeof complaint);
            return build_copy_failed(copying, complaint);
        }
        build_copy_key(copying, content, key);
        if (build_layer_is_cached(build, copying->stage, key))
            return 0;
    }
    return build_copy_make(copying, NULL);
}

int build_copy(struct build *build, struct build_stage *stage,
               const struct containerfile_instruction *instruction)
{
    struct build_copying *copying = calloc(1, sizeof *copying);
    char *destination = NULL;
    if (copying == NULL)
        return log_error("out of memory (ENOMEM)");
    copying->build = build;
    copying->stage = stage;
    copying->instruction = instruction;
    int result = build_origin_open(build, stage, instruction, &copying->origin);
    if (result == 0) {
        result = build_sources_find(build, stage, instruction, &copying->origin,
                                    &copying->sources, &destination);
        copying->copy.ignore = copying->origin.ignore;
        copying->copy.keep_owners = !copying->origin.is_context;
        copying->copy.own_all = build->own_all;
        if (result == 0 &&
            (build_copy_read_destination(copying, destination) == -1 ||
             build_copy_read_mode(copying) == -1 ||
             build_copy_read_owner(copying) == -1))
            result = -1;
        if (result == 0)
            result = build_copy_do(copying);
        build_origin_close(&copying->origin);
    }
    build_sources_free(&copying->sources);
    free(destination);
    free(copying->owner);
    free(copying);
    return result;
}
