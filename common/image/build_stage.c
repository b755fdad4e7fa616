/* The instructions of a stage, one after the other: see build_state.h. */
#include "common/base/log.h"
#include "common/base/signal_names.h"
#include "common/image/build_variables.h"
#include "common/image/image_change.h"
#include "common/kernel/process.h"
#include "common/kernel/users.h"
#include "common/runtime/environment.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- What is told ---- */

/* "STEP 2/5: RUN make", with several stages "[1/2] STEP 2/5: …". */
static void build_tell_step(const struct build *build,
                            const struct build_stage *stage,
                            const struct containerfile_instruction *instruction)
{
    char which[64] = "", words[256];
    size_t number = (size_t)(instruction - build->file.instructions);
    const char *text = instruction->text;
    /* Flags stand before the text; a long one is not for a line. */
    size_t used = 0;
    for (size_t i = 0; i < instruction->flag_count && used < sizeof words; i++)
        used += (size_t)snprintf(words + used, sizeof words - used, "--%s=%s ",
                                 instruction->flags[i].name,
                                 instruction->flags[i].value);
    if (used < sizeof words)
        snprintf(words + used, sizeof words - used, "%s", text);
    if (build->needed > 1)
        snprintf(which, sizeof which, "[%zu/%zu] ", stage->place,
                 build->needed);
    build_tell(build, "%sSTEP %zu/%zu: %s %s", which, number - stage->first + 1,
               stage->end - stage->first,
               containerfile_kind_name(instruction->kind), words);
}

/* ---- History ---- */

/* How an instruction stands in the history. When it was is known of what has made a layer;
 * of the others it is filled in at the end. */
static int
build_stage_add_history(struct build_stage *stage,
                        const struct containerfile_instruction *instruction,
                        bool empty)
{
    char *text = NULL;
    size_t size;
    FILE *file = open_memstream(&text, &size);
    if (file == NULL)
        return log_error("out of memory (ENOMEM)");
    fputs(containerfile_kind_name(instruction->kind), file);
    for (size_t i = 0; i < instruction->flag_count; i++)
        fprintf(file, " --%s=%s", instruction->flags[i].name,
                instruction->flags[i].value);
    fprintf(file, " %s", instruction->text);
    fclose(file);
    const struct image_history history = {
        .created = empty ? NULL : stage->config.created,
        .created_by = text,
        .empty_layer = empty};
    int result = text == NULL
                     ? log_error("out of memory (ENOMEM)")
                     : image_config_add_history(&stage->config, &history);
    free(text);
    return result;
}

/* ---- FROM ---- */

static int build_stage_from(struct build *build, struct build_stage *stage)
{
    struct image_config *config = &stage->config;
    const struct build_stage *other =
        stage->base == -1 ? NULL : &build->stages[stage->base];
    const struct image_config *base = NULL;
    image_config_free(config);
    names_free(&stage->arguments);
    stage->command_set = false;
    if (other != NULL)
        base = &other->config;
    else if (strcmp(stage->from, "scratch") != 0)
        base = &stage->image.config;
    if (base != NULL && image_config_copy(config, base) == -1)
        return -1;
    if (base == NULL &&
        (image_config_set_text(config, &config->os, "linux") == -1 ||
         image_config_set_text(config, &config->architecture,
                               image_config_machine()) == -1 ||
         image_config_assign(
             config, &config->environment, "PATH",
             environment_value(environment_default("", false), "PATH")) == -1))
        return -1;
    /* FROM another stage: what is that one's own is this one's, too. */
    stage->base_layers =
        other != NULL ? other->base_layers : config->layers.count;
    return 0;
}

/* ---- The others ---- */

static int
build_stage_check_change(struct build *build, struct build_stage *stage,
                         const struct containerfile_instruction *instruction)
{
    struct image_config *config = &stage->config;
    const char *expected = NULL, *text = NULL;
    int signal_number;
    if (instruction->kind == CONTAINERFILE_STOPSIGNAL) {
        text = config->stop_signal;
        expected = signal_names_parse(text, &signal_number);
    } else if (instruction->kind == CONTAINERFILE_USER) {
        text = config->user;
        expected = users_check_form(text);
    }
    if (expected != NULL)
        return build_refuse(build, instruction, "%s %s: %s",
                            containerfile_kind_name(instruction->kind), text,
                            expected);
    return 0;
}

static int
build_stage_change(struct build *build, struct build_stage *stage,
                   const struct containerfile_instruction *instruction)
{
    struct build_snapshot snapshot;
    if (build_variables_snapshot(stage, &snapshot) == -1)
        return -1;
    int result =
        image_change_apply(&build->file, instruction, build_variables_look_up,
                           &snapshot, &stage->config, &stage->command_set);
    free(snapshot.environment);
    return result == -1 ? -1
                        : build_stage_check_change(build, stage, instruction);
}

static int build_stage_do(struct build *build, struct build_stage *stage,
                          const struct containerfile_instruction *instruction)
{
    switch (instruction->kind) {
    case CONTAINERFILE_FROM:
        return build_stage_from(build, stage);
    case CONTAINERFILE_ARG:
        return build_variables_declare(build, stage, instruction);
    case CONTAINERFILE_RUN:
        return build_run(build, stage, instruction);
    case CONTAINERFILE_ADD:
    case CONTAINERFILE_COPY:
        return build_copy(build, stage, instruction);
    case CONTAINERFILE_WORKDIR:
        return build_stage_change(build, stage, instruction) == -1
                   ? -1
                   : build_make_directory(build, stage, instruction);
    default:
        return build_stage_change(build, stage, instruction);
    }
}

/* What makes one layer more. WORKDIR does where nothing has that name yet: that is known
 * only when it is there to be looked at. */
static int
build_stage_count_layer(struct build *build, struct build_stage *stage,
                        const struct containerfile_instruction *instruction)
{
    enum containerfile_kind kind = instruction->kind;
    bool makes_one = kind == CONTAINERFILE_RUN || kind == CONTAINERFILE_COPY ||
                     kind == CONTAINERFILE_ADD;
    if (!build->checking)
        stage->layer_count = stage->config.layers.count;
    else if (kind == CONTAINERFILE_FROM && stage->base != -1)
        stage->layer_count = build->stages[stage->base].layer_count;
    else if (kind == CONTAINERFILE_FROM)
        stage->layer_count = stage->image.config.layers.count;
    if (!makes_one || ++stage->layer_count <= LAYERS_MOST)
        return 0;
    return build_refuse(build, instruction,
                        "%s: one layer more than the %d that an image may "
                        "have: the kernel stacks no more",
                        containerfile_kind_name(kind), LAYERS_MOST);
}

int build_stage(struct build *build, struct build_stage *stage)
{
    for (size_t i = stage->first; i < stage->end; i++) {
        const struct containerfile_instruction *instruction =
            &build->file.instructions[i];
        if (build_stage_count_layer(build, stage, instruction) == -1)
            return -1;
        size_t layers = stage->config.layers.count;
        int interrupted = build->checking ? 0 : process_interrupted();
        if (interrupted != 0) {
            build->failed = 128 + interrupted;
            return -1;
        }
        if (!build->checking)
            build_tell_step(build, stage, instruction);
        if (build_stage_do(build, stage, instruction) == -1) {
            interrupted = build->checking ? 0 : process_interrupted();
            if (interrupted != 0)
                build->failed = 128 + interrupted;
            return -1;
        }
        if (instruction->kind != CONTAINERFILE_FROM &&
            build_stage_add_history(stage, instruction,
                                    stage->config.layers.count == layers) == -1)
            return -1;
    }
    return 0;
}
