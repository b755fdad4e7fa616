#include "common/image/image_config.h"

#include "common/base/array.h"
#include "common/base/log.h"
#include "common/image/image_config_members.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>

#define MEMBER(key, kind, field)                                       \
    {                                                                  \
        key, IMAGE_MEMBER_##kind, offsetof(struct image_config, field) \
    }

const struct image_member image_config_outer_members[] = {
    MEMBER("created", TEXT, created),
    MEMBER("author", TEXT, author),
    MEMBER("architecture", TEXT, architecture),
    MEMBER("variant", TEXT, variant),
    MEMBER("os", TEXT, os),
    {0},
};

const struct image_member image_config_inner_members[] = {
    MEMBER("User", TEXT, user),
    MEMBER("ExposedPorts", SET, ports),
    MEMBER("Env", LIST, environment),
    MEMBER("Entrypoint", LIST, entrypoint),
    MEMBER("Cmd", LIST, command),
    MEMBER("Volumes", SET, volumes),
    MEMBER("WorkingDir", TEXT, working_directory),
    MEMBER("Labels", PAIRS, labels),
    MEMBER("StopSignal", TEXT, stop_signal),
    MEMBER("Shell", LIST, shell),
    {0},
};

/* ---- Memory ---- */

static int image_config_no_memory(void)
{
    log_error("what an image says of itself: out of memory (ENOMEM)");
    errno = ENOMEM;
    return -1;
}

/* Makes room for one more text, and for the NULL behind it. */
static int image_config_grow(struct image_texts *field)
{
    const char **larger =
        reallocarray(field->all, field->count + 2, sizeof *larger);
    if (larger == NULL)
        return image_config_no_memory();
    field->all = larger;
    field->all[field->count] = NULL;
    return 0;
}

/* Puts `text`, which stays, before what stands at `place`. Nobody has that many; but who
 * makes an image to harm would have us look through them all for each one. */
static int image_config_insert(struct image_texts *field, size_t place,
                               const char *text)
{
    if (field->count == IMAGE_CONFIG_MOST_TEXTS) {
        errno = EINVAL;
        return log_error("an image with more than %d of a kind in what it says "
                         "of itself: \"%.100s\" …",
                         IMAGE_CONFIG_MOST_TEXTS, text);
    }
    if (image_config_grow(field) == -1)
        return -1;
    memmove(field->all + place + 1, field->all + place,
            (field->count + 1 - place) * sizeof *field->all);
    field->all[place] = text;
    field->count++;
    return 0;
}

void image_config_free(struct image_config *config)
{
    const struct image_member *member = image_config_inner_members;
    for (; member->key != NULL; member++)
        if (member->kind != IMAGE_MEMBER_TEXT)
            free((void *)image_member_texts(config, member)->all);
    free((void *)config->layers.all);
    free(config->history);
    names_free(&config->texts);
    *config = (struct image_config){0};
}

/* ---- Changes ---- */

int image_config_set_text(struct image_config *config, const char **field,
                          const char *text)
{
    const char *copy = NULL;
    if (text != NULL &&
        (copy = names_keep(&config->texts, strdup(text))) == NULL)
        return -1;
    *field = copy;
    return 0;
}

int image_config_set_texts(struct image_config *config,
                           struct image_texts *field, const char *const *texts,
                           size_t count)
{
    struct image_texts made = {0};
    int result = texts == NULL ? 0 : image_config_grow(&made);
    for (size_t i = 0; texts != NULL && i < count && result == 0; i++)
        result = image_config_add(config, &made, texts[i], false);
    if (result == -1) {
        free((void *)made.all);
        return -1;
    }
    free((void *)field->all);
    *field = made;
    return 0;
}

int image_config_add(struct image_config *config, struct image_texts *field,
                     const char *text, bool is_set)
{
    size_t place = is_set ? 0 : field->count, end = field->count;
    while (place < end) { /* a set is sorted */
        size_t middle = place + (end - place) / 2;
        if (strcmp(field->all[middle], text) < 0)
            place = middle + 1;
        else
            end = middle;
    }
    if (is_set && place < field->count && strcmp(field->all[place], text) == 0)
        return 0;
    const char *copy = names_keep(&config->texts, strdup(text));
    return copy == NULL ? -1 : image_config_insert(field, place, copy);
}

int image_config_assign(struct image_config *config, struct image_texts *field,
                        const char *name, const char *value)
{
    size_t length = strlen(name), place = 0;
    while (place < field->count &&
           (strncmp(field->all[place], name, length) != 0 ||
            field->all[place][length] != '='))
        place++;
    char *pair = NULL;
    if (asprintf(&pair, "%s=%s", name, value) == -1)
        return image_config_no_memory();
    const char *copy = names_keep(&config->texts, pair);
    if (copy == NULL)
        return -1;
    if (place == field->count && field == &config->labels)
        for (place = 0;
             place < field->count && strcmp(field->all[place], copy) < 0;)
            place++;
    else if (place < field->count) {
        field->all[place] = copy;
        return 0;
    }
    return image_config_insert(field, place, copy);
}

int image_config_add_history(struct image_config *config,
                             const struct image_history *history)
{
    struct image_history *larger =
        array_grow(config->history, config->history_count, sizeof *larger);
    if (larger == NULL)
        return -1;
    config->history = larger;
    struct image_history *added = &larger[config->history_count];
    *added = (struct image_history){.empty_layer = history->empty_layer};
    if (image_config_set_text(config, &added->created, history->created) ==
            -1 ||
        image_config_set_text(config, &added->created_by,
                              history->created_by) == -1 ||
        image_config_set_text(config, &added->comment, history->comment) ==
            -1 ||
        image_config_set_text(config, &added->author, history->author) == -1)
        return -1;
    config->history_count++;
    return 0;
}

int image_config_copy(struct image_config *copy,
                      const struct image_config *config)
{
    const struct image_member *const tables[] = {image_config_outer_members,
                                                 image_config_inner_members};
    *copy = (struct image_config){.has_more = config->has_more};
    int result = image_config_set_texts(copy, &copy->layers, config->layers.all,
                                        config->layers.count);
    for (size_t i = 0; i < 2; i++)
        for (const struct image_member *member = tables[i];
             member->key != NULL && result == 0; member++) {
            if (member->kind == IMAGE_MEMBER_TEXT) {
                result =
                    image_config_set_text(copy, image_member_text(copy, member),
                                          *image_member_text(config, member));
                continue;
            }
            const struct image_texts *texts =
                image_member_texts(config, member);
            result =
                image_config_set_texts(copy, image_member_texts(copy, member),
                                       texts->all, texts->count);
        }
    for (size_t i = 0; i < config->history_count && result == 0; i++)
        result = image_config_add_history(copy, &config->history[i]);
    if (result == -1)
        image_config_free(copy);
    return result;
}

/* ---- The machine ---- */

const char *image_config_machine(void)
{
    static const struct {
        const char *kernel, *image;
    } names[] = {
        {"x86_64", "amd64"},    {"aarch64", "arm64"},       {"i686", "386"},
        {"i386", "386"},        {"riscv64", "riscv64"},     {"s390x", "s390x"},
        {"ppc64le", "ppc64le"}, {"loongarch64", "loong64"},
    };
    static struct utsname system;
    if (uname(&system) == -1)
        return "unknown";
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (strcmp(system.machine, names[i].kernel) == 0)
            return names[i].image;
    return strncmp(system.machine, "arm", 3) == 0 ? "arm" : system.machine;
}
