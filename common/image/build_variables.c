#include "common/image/build_variables.h"

#include "common/base/log.h"
#include "common/image/expand.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* ---- Lists of NAME=VALUE ---- */

static size_t build_variables_find(const char *const *all, size_t count,
                                   const char *name)
{
    size_t length = strlen(name), i = 0;
    while (i < count && (strncmp(all[i], name, length) != 0 ||
                         (all[i][length] != '=' && all[i][length] != '\0')))
        i++;
    return i;
}

/* The value in a list, NULL where there is none. */
static const char *build_variables_value(const char *const *all, size_t count,
                                         const char *name)
{
    size_t i = build_variables_find(all, count, name);
    const char *equals = i == count ? NULL : strchr(all[i], '=');
    return equals == NULL ? NULL : equals + 1;
}

static const char *build_variables_get(const struct names *list,
                                       const char *name)
{
    return build_variables_value((const char *const *)list->all, list->count,
                                 name);
}

/* Puts NAME=VALUE into the list in the place of what had that NAME, else behind the others;
 * NAME alone where `value` is NULL. Returns 0, or -1, reported: no memory. */
static int build_variables_set(struct names *list, const char *name,
                               const char *value)
{
    char *text = NULL;
    size_t place =
        build_variables_find((const char *const *)list->all, list->count, name);
    if (asprintf(&text, "%s%s%s", name, value == NULL ? "" : "=",
                 value == NULL ? "" : value) == -1)
        return log_error("out of memory (ENOMEM)");
    if (place == list->count)
        return names_keep(list, text) == NULL ? -1 : 0;
    free(list->all[place]);
    list->all[place] = text;
    return 0;
}

/* ---- What everybody knows ---- */

/* Those that need no ARG: for RUN alone, and not for the key. */
static bool build_variables_is_proxy(const char *name)
{
    static const char *const names[] = {"http_proxy", "https_proxy",
                                        "ftp_proxy", "no_proxy", "all_proxy"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (strcasecmp(name, names[i]) == 0)
            return true;
    return false;
}

/* The machine, which is the same before and after the build. Static. */
static const char *build_variables_machine(const char *name)
{
    static char platform[64];
    if (strncmp(name, "TARGET", 6) != 0 && strncmp(name, "BUILD", 5) != 0)
        return NULL;
    name += name[0] == 'T' ? 6 : 5;
    if (strcmp(name, "OS") == 0)
        return "linux";
    if (strcmp(name, "ARCH") == 0)
        return image_config_machine();
    if (strcmp(name, "VARIANT") == 0)
        return "";
    if (strcmp(name, "PLATFORM") != 0)
        return NULL;
    snprintf(platform, sizeof platform, "linux/%s", image_config_machine());
    return platform;
}

/* What was typed: --build-arg NAME=VALUE, or NAME for our own. */
static const char *build_variables_asked(struct build *build, const char *name)
{
    const struct build_texts *asked = &build->options->arguments;
    const char *value = NULL;
    for (size_t i = 0; i < asked->count; i++) {
        size_t length = strcspn(asked->all[i], "=");
        if (strlen(name) != length || strncmp(asked->all[i], name, length) != 0)
            continue;
        build->used[i] = true;
        value = asked->all[i][length] == '=' ? asked->all[i] + length + 1
                                             : getenv(name);
    }
    return value;
}

void build_variables_warn(const struct build *build)
{
    const struct build_texts *asked = &build->options->arguments;
    for (size_t i = 0; i < asked->count; i++) {
        char name[256];
        snprintf(name, sizeof name, "%.*s", (int)strcspn(asked->all[i], "="),
                 asked->all[i]);
        if (!build->used[i] && !build_variables_is_proxy(name))
            log_warning("--build-arg %s: no ARG asks for it", name);
    }
}

/* ---- Looking up ---- */

int build_variables_snapshot(const struct build_stage *stage,
                             struct build_snapshot *snapshot)
{
    const struct image_texts *environment = &stage->config.environment;
    snapshot->stage = stage;
    snapshot->count = environment->count;
    snapshot->environment =
        calloc(environment->count + 1, sizeof *snapshot->environment);
    if (snapshot->environment == NULL)
        return log_error("out of memory (ENOMEM)");
    for (size_t i = 0; i < environment->count; i++)
        snapshot->environment[i] = environment->all[i];
    return 0;
}

const char *build_variables_look_up(void *context, const char *name)
{
    const struct build_snapshot *snapshot = context;
    const char *value =
        build_variables_value(snapshot->environment, snapshot->count, name);
    return value != NULL
               ? value
               : build_variables_get(&snapshot->stage->arguments, name);
}

/* In FROM, and in an ARG before it. */
static const char *build_variables_look_up_global(void *context,
                                                  const char *name)
{
    const struct build *build = context;
    const char *value = build_variables_get(&build->globals, name);
    return value != NULL ? value : build_variables_machine(name);
}

char *
build_variables_expand(struct build *build, const struct build_stage *stage,
                       const struct containerfile_instruction *instruction,
                       const char *word)
{
    struct build_snapshot snapshot = {0};
    char *result = NULL;
    if (stage != NULL && build_variables_snapshot(stage, &snapshot) == -1)
        return NULL;
    const char *complaint =
        expand_word(word, build->file.escape,
                    stage == NULL ? build_variables_look_up_global
                                  : build_variables_look_up,
                    stage == NULL ? (void *)build : (void *)&snapshot, &result);
    free(snapshot.environment);
    if (complaint == NULL)
        return result;
    build_refuse(build, instruction, "%s %.200s: %s",
                 containerfile_kind_name(instruction->kind), word, complaint);
    return NULL;
}

/* ---- ARG ---- */

static int
build_variables_declare_one(struct build *build, struct build_stage *stage,
                            const struct containerfile_instruction *instruction,
                            const struct containerfile_pair *pair)
{
    struct names *list = stage == NULL ? &build->globals : &stage->arguments;
    const char *value = build_variables_asked(build, pair->name);
    char *expanded = NULL;
    if (value == NULL && pair->value != NULL) {
        expanded =
            build_variables_expand(build, stage, instruction, pair->value);
        if (expanded == NULL)
            return -1;
        value = expanded;
    }
    if (value == NULL && stage != NULL)
        value = build_variables_look_up_global(build, pair->name);
    int result = build_variables_set(list, pair->name, value);
    free(expanded);
    return result;
}

int build_variables_declare(struct build *build, struct build_stage *stage,
                            const struct containerfile_instruction *instruction)
{
    for (size_t i = 0; i < instruction->pair_count; i++)
        if (build_variables_declare_one(build, stage, instruction,
                                        &instruction->pairs[i]) == -1)
            return -1;
    return 0;
}

/* ---- RUN ---- */

int build_variables_for_run(struct build *build,
                            const struct build_stage *stage, bool for_key,
                            struct names *list)
{
    const struct build_texts *asked = &build->options->arguments;
    *list = (struct names){0};
    for (size_t i = 0; i < asked->count && !for_key; i++) {
        char name[256];
        snprintf(name, sizeof name, "%.*s", (int)strcspn(asked->all[i], "="),
                 asked->all[i]);
        const char *value = build_variables_asked(build, name);
        if (build_variables_is_proxy(name) && value != NULL &&
            build_variables_set(list, name, value) == -1)
            return -1;
    }
    for (size_t i = 0; i < stage->arguments.count; i++) {
        char *name = strdup(stage->arguments.all[i]);
        if (name == NULL)
            return log_error("out of memory (ENOMEM)");
        name[strcspn(name, "=")] = '\0';
        const char *value = build_variables_get(&stage->arguments, name);
        /* ENV holds against ARG. */
        bool hidden = build_variables_value(stage->config.environment.all,
                                            stage->config.environment.count,
                                            name) != NULL;
        int result = value == NULL || hidden ||
                             (for_key && build_variables_is_proxy(name))
                         ? 0
                         : build_variables_set(list, name, value);
        free(name);
        if (result == -1)
            return -1;
    }
    return 0;
}
