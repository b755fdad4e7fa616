#include "common/image/build_origin.h"

#include "common/base/advice.h"
#include "common/image/build_layer.h"
#include "common/image/layer_path.h"

#include <errno.h>
#include <string.h>

static int
build_origin_open_image(struct build *build,
                        const struct containerfile_instruction *instruction,
                        const char *from, struct build_origin *origin)
{
    static struct image images[16]; /* found once, and then kept */
    static const char *names[16];
    size_t i = 0;
    while (i < 16 && names[i] != NULL && strcmp(names[i], from) != 0)
        i++;
    if (i == 16)
        return build_refuse(build, instruction,
                            "COPY --from=%s: more than 16 images", from);
    if (names[i] == NULL) {
        if (image_store_find(build->store, from, &images[i]) == -1) {
            bool missing = errno == ENOENT;
            image_free(&images[i]);
            build_refuse(build, instruction,
                         "COPY --from=%s: there is no such stage before this "
                         "one, and no such image%s",
                         from, missing ? " (ENOENT)" : "");
            return -1;
        }
        if (!image_store_check_whole(&images[i])) {
            image_free(&images[i]);
            return build_refuse(build, instruction,
                                "COPY --from=%s: that image can not be used",
                                from);
        }
        names[i] = from;
    }
    origin->known = &images[i].config.layers;
    return build_layer_open_below(build, origin->known, &origin->layers);
}

int build_origin_open(struct build *build, const struct build_stage *stage,
                      const struct containerfile_instruction *instruction,
                      struct build_origin *origin)
{
    const char *from = containerfile_flag(instruction, "from");
    *origin = (struct build_origin){.is_context = from == NULL};
    if (from == NULL) {
        origin->ignore = &build->context.ignore;
        return layer_path_copy(&build->context.layers, &origin->layers) == 0
                   ? 0
                   : build_refuse(build, instruction, "%s: the context: %s",
                                  containerfile_kind_name(instruction->kind),
                                  advice_error_name(errno));
    }
    int number =
        build_plan_find_stage(build, from, (size_t)(stage - build->stages));
    if (number == -1)
        return build_origin_open_image(build, instruction, from, origin);
    origin->known = &build->stages[number].config.layers;
    origin->is_later = build->checking;
    return build->checking
               ? 0
               : build_layer_open_below(build, origin->known, &origin->layers);
}

void build_origin_close(struct build_origin *origin)
{
    layers_close(&origin->layers);
}
