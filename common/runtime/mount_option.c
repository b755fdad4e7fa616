#include "common/runtime/mount_option.h"

#include "common/kernel/volume_options.h"

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

struct mount_option {
    const char *type, *source, *target, *size, *mode;
    bool read_only;
};

/* "KEY=VALUE": whether there is such a key, which has not been there before. */
static bool mount_option_take_value(struct mount_option *option,
                                    const char *key, const char *value)
{
    const struct {
        const char *key;
        const char **value;
    } all[] = {
        {"type", &option->type},          {"source", &option->source},
        {"src", &option->source},         {"target", &option->target},
        {"destination", &option->target}, {"dst", &option->target},
        {"tmpfs-size", &option->size},    {"tmpfs-mode", &option->mode},
    };
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        if (strcmp(all[i].key, key) == 0 && *all[i].value == NULL) {
            *all[i].value = value;
            return *value != '\0';
        }
    return false;
}

static bool mount_option_take(struct mount_option *option, char *word)
{
    char *equals = strchr(word, '=');
    if (equals != NULL)
        *equals++ = '\0';
    if (strcmp(word, "readonly") != 0 && strcmp(word, "ro") != 0)
        return equals != NULL && mount_option_take_value(option, word, equals);
    option->read_only = equals == NULL || strcmp(equals, "true") == 0;
    return option->read_only || strcmp(equals, "false") == 0;
}

static const char *mount_option_bind(const struct mount_option *option,
                                     void *volumes)
{
    char text[2 * PATH_MAX];
    if (option->source == NULL || option->size != NULL || option->mode != NULL)
        return "expected type=bind,source=HOST,target=DIR, and perhaps "
               "readonly";
    if (strchr(option->source, ':') != NULL ||
        strchr(option->target, ':') != NULL)
        return "expected no colon in a path";
    if (snprintf(text, sizeof text, "%s:%s%s", option->source, option->target,
                 option->read_only ? ":ro" : "") >= (int)sizeof text)
        return "expected shorter paths";
    return volume_options_parse(text, volumes);
}

static const char *mount_option_tmpfs(const struct mount_option *option,
                                      void *volumes)
{
    char text[PATH_MAX + 128];
    if (option->source != NULL || option->read_only)
        return "expected type=tmpfs,target=DIR, and perhaps tmpfs-size=64m, "
               "tmpfs-mode=1777";
    if (strchr(option->target, ':') != NULL)
        return "expected no colon in a path";
    if (snprintf(text, sizeof text, "%s:rw%s%s%s%s", option->target,
                 option->size == NULL ? "" : ",size=",
                 option->size == NULL ? "" : option->size,
                 option->mode == NULL ? "" : ",mode=",
                 option->mode == NULL ? "" : option->mode) >= (int)sizeof text)
        return "expected a shorter path";
    return volume_options_parse_tmpfs(text, volumes);
}

const char *mount_option_parse(const char *text, void *volumes)
{
    static const char expected[] =
        "expected type=bind,source=HOST,target=DIR[,readonly], or "
        "type=tmpfs,target=DIR[,tmpfs-size=SIZE]";
    struct mount_option option = {.type = NULL};
    char copy[3 * PATH_MAX], *rest = NULL;
    if (snprintf(copy, sizeof copy, "%s", text) >= (int)sizeof copy)
        return expected;
    for (char *word = strtok_r(copy, ",", &rest); word != NULL;
         word = strtok_r(NULL, ",", &rest))
        if (!mount_option_take(&option, word))
            return expected;
    if (option.type != NULL && strcmp(option.type, "volume") == 0)
        return "expected type=bind: volumes have no names; mkdir makes one";
    if (option.type == NULL || option.target == NULL)
        return expected;
    if (strcmp(option.type, "bind") == 0)
        return mount_option_bind(&option, volumes);
    return strcmp(option.type, "tmpfs") == 0
               ? mount_option_tmpfs(&option, volumes)
               : expected;
}
