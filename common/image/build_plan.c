/* Which stages there are, what each begins with, and which are needed: see build_state.h. */
#include "common/base/log.h"
#include "common/base/number.h"
#include "common/base/similar.h"
#include "common/image/build_variables.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* ---- Which stage ---- */

int build_plan_find_stage(const struct build *build, const char *name,
                          size_t before)
{
    uint64_t number;
    for (size_t i = 0; i < before; i++)
        if (build->stages[i].name != NULL &&
            strcasecmp(build->stages[i].name, name) == 0)
            return (int)i;
    const char *rest = number_scan(name, UINT16_MAX, &number);
    return rest != NULL && *rest == '\0' && number < before ? (int)number : -1;
}

static int build_plan_choose_target(struct build *build)
{
    const char *wanted = build->options->target;
    build->target = build->file.stages - 1;
    if (wanted == NULL)
        return 0;
    int found = build_plan_find_stage(build, wanted, build->file.stages);
    if (found != -1) {
        build->target = (size_t)found;
        return 0;
    }
    struct similar similar = similar_to(wanted, strlen(wanted));
    for (size_t i = 0; i < build->file.stages; i++) {
        const char *name = build->stages[i].name;
        if (name != NULL)
            similar_try(&similar, name, strlen(name));
    }
    if (similar.name != NULL)
        return log_error("--target %s: %s has no such stage; did you mean %s?",
                         wanted, build->file.name, similar.name);
    return log_error("--target %s: %s has no such stage, only %u of them, "
                     "counted from 0",
                     wanted, build->file.name, build->file.stages);
}

/* ---- What it begins with ---- */

static int build_plan_find_image(struct build *build, struct build_stage *stage)
{
    const struct containerfile_instruction *from =
        &build->file.instructions[stage->first];
    if (!stage->needed || stage->base != -1 ||
        strcmp(stage->from, "scratch") == 0)
        return 0;
    int result = image_store_find(build->store, stage->from, &stage->image);
    /* One that can not be read would be taken for an empty one. */
    if (result == 0 && image_store_check_whole(&stage->image))
        return 0;
    if (result == 0 || errno != ENOENT)
        return build_refuse(build, from, "FROM %s: that image can not be used",
                            stage->from);
    build_refuse(build, from, "FROM %s: there is no such image here (ENOENT)",
                 stage->from);
    image_store_look_up(build->store, stage->from, &stage->image);
    return -1; /* what was meant is said now */
}

/* "linux/amd64", in which only the machine matters, and that can not be another. */
static int
build_plan_check_platform(struct build *build,
                          const struct containerfile_instruction *from)
{
    const char *given = containerfile_flag(from, "platform");
    if (given == NULL)
        return 0;
    char *platform = build_variables_expand(build, NULL, from, given);
    if (platform == NULL)
        return -1;
    const char *slash = strchr(platform, '/'),
               *machine = image_config_machine();
    size_t length = slash == NULL ? 0 : strcspn(slash + 1, "/");
    bool same = slash != NULL && strncmp(platform, "linux/", 6) == 0 &&
                length == strlen(machine) &&
                strncmp(slash + 1, machine, length) == 0;
    int result = same ? 0
                      : build_refuse(build, from,
                                     "FROM --platform=%s: this machine is "
                                     "linux/%s, and can not be another",
                                     platform, machine);
    free(platform);
    return result;
}

static int build_plan_base(struct build *build, struct build_stage *stage)
{
    const struct containerfile_instruction *from =
        &build->file.instructions[stage->first];
    stage->from = build_variables_expand(build, NULL, from, from->words[0]);
    if (stage->from == NULL || build_plan_check_platform(build, from) == -1)
        return -1;
    if (*stage->from == '\0')
        return build_refuse(build, from,
                            "FROM %s: nothing is left of that (an ARG before "
                            "the first FROM gives it a value)",
                            from->words[0]);
    /* A number is an image's name here. */
    if (strspn(stage->from, "0123456789") != strlen(stage->from))
        stage->base = build_plan_find_stage(build, stage->from,
                                            (size_t)(stage - build->stages));
    return 0;
}

/* ---- Which are needed ---- */

static void build_plan_need(struct build *build, size_t number)
{
    struct build_stage *stage = &build->stages[number];
    if (stage->needed)
        return;
    stage->needed = true;
    if (stage->base != -1)
        build_plan_need(build, (size_t)stage->base);
    for (size_t i = stage->first; i < stage->end; i++) {
        const char *from =
            containerfile_flag(&build->file.instructions[i], "from");
        int other =
            from == NULL ? -1 : build_plan_find_stage(build, from, number);
        if (other != -1)
            build_plan_need(build, (size_t)other);
    }
}

static void build_plan_stages(struct build *build)
{
    for (size_t i = 0; i < build->file.count; i++) {
        const struct containerfile_instruction *one =
            &build->file.instructions[i];
        struct build_stage *stage = &build->stages[one->stage];
        if (one->kind == CONTAINERFILE_FROM) {
            stage->first = i;
            stage->base = -1;
            stage->name = one->word_count == 3 ? one->words[2] : NULL;
        }
        stage->end = i + 1;
    }
}

int build_plan(struct build *build)
{
    build->stages = calloc(build->file.stages, sizeof *build->stages);
    build->used = calloc(build->options->arguments.count + 1, sizeof(bool));
    if (build->stages == NULL || build->used == NULL)
        return log_error("out of memory (ENOMEM)");
    build_plan_stages(build);
    for (size_t i = 0; i < build->stages[0].first; i++)
        if (build_variables_declare(build, NULL,
                                    &build->file.instructions[i]) == -1)
            return -1;
    for (size_t i = 0; i < build->file.stages; i++)
        if (build_plan_base(build, &build->stages[i]) == -1)
            return -1;
    if (build_plan_choose_target(build) == -1)
        return -1;
    build_plan_need(build, build->target);
    for (size_t i = 0; i < build->file.stages; i++)
        if (build->stages[i].needed)
            build->stages[i].place = ++build->needed;
    for (size_t i = 0; i < build->file.stages; i++)
        if (build_plan_find_image(build, &build->stages[i]) == -1)
            return -1;
    return 0;
}

void build_plan_free(struct build *build)
{
    for (size_t i = 0; build->stages != NULL && i < build->file.stages; i++) {
        struct build_stage *stage = &build->stages[i];
        free(stage->from);
        image_free(&stage->image);
        image_config_free(&stage->config);
        names_free(&stage->arguments);
    }
    free(build->stages);
    free(build->used);
    names_free(&build->globals);
}
