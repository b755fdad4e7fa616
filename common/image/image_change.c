#include "common/image/image_change.h"

#include "common/base/json.h"
#include "common/base/log.h"
#include "common/base/number.h"
#include "common/image/layer_path.h"

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* What a change is made to, and with. */
struct change {
    const struct containerfile *file;
    const struct containerfile_instruction *instruction;
    expand_look_up *look_up;
    void *context;
    struct image_config *config;
};

static int change_no_memory(void)
{
    log_error("an image's settings: out of memory (ENOMEM)");
    errno = ENOMEM;
    return -1;
}

/* What an image says of itself is JSON; a letter of another encoding would be lost in it. */
static int change_check(const struct change *change, const char *text)
{
    return json_is_utf8(text)
               ? 0
               : containerfile_refuse(
                     change->file, change->instruction->line,
                     "%s: expected text in UTF-8, all that a config can hold",
                     containerfile_kind_name(change->instruction->kind));
}

/* The word without its quotes, its variables replaced; to be freed. NULL, reported. */
static char *change_expand(const struct change *change, const char *word)
{
    char *result = NULL;
    const char *complaint =
        change->instruction->is_json
            ? NULL
            : expand_word(word, change->file->escape, change->look_up,
                          change->context, &result);
    if (complaint != NULL)
        containerfile_refuse(change->file, change->instruction->line, "%s: %s",
                             containerfile_kind_name(change->instruction->kind),
                             complaint);
    else if (change->instruction->is_json && (result = strdup(word)) == NULL)
        change_no_memory();
    if (result != NULL && change_check(change, result) == -1) {
        free(result);
        return NULL;
    }
    return result;
}

static int change_refuse(const struct change *change, const char *text,
                         const char *expected)
{
    return containerfile_refuse(
        change->file, change->instruction->line, "%s \"%s\": expected %s",
        containerfile_kind_name(change->instruction->kind), text, expected);
}

/* ---- Each kind ---- */

/* A command: the words of an array, or a line for the shell. */
static int change_command(const struct change *change,
                          struct image_texts *field)
{
    static const char *const usual_shell[] = {"/bin/sh", "-c"};
    const struct containerfile_instruction *instruction = change->instruction;
    struct image_config *config = change->config;
    if (instruction->is_json)
        return image_config_set_texts(config, field, instruction->words,
                                      instruction->word_count);
    if (*instruction->text == '\0') /* CMD alone unsays it */
        return image_config_set_texts(config, field, NULL, 0);
    int result = config->shell.count > 0
                     ? image_config_set_texts(config, field, config->shell.all,
                                              config->shell.count)
                     : image_config_set_texts(config, field, usual_shell, 2);
    return result == -1
               ? -1
               : image_config_add(config, field, instruction->text, false);
}

static int change_pairs(const struct change *change, struct image_texts *field)
{
    const struct containerfile_instruction *instruction = change->instruction;
    for (size_t i = 0; i < instruction->pair_count; i++) {
        const struct containerfile_pair *pair = &instruction->pairs[i];
        char *name = change_expand(change, pair->name);
        char *value = name == NULL ? NULL : change_expand(change, pair->value);
        int result = value == NULL ? -1 : 0;
        if (result == 0 && (*name == '\0' || strchr(name, '=') != NULL))
            result = change_refuse(change, name, "a name without = in it");
        if (result == 0)
            result = image_config_assign(change->config, field, name, value);
        free(name);
        free(value);
        if (result == -1)
            return -1;
    }
    return 0;
}

/* "8000-8002/udp" is three ports, "80" is 80/tcp. */
static int change_port(const struct change *change, const char *text)
{
    char port[32];
    uint64_t first = 0, last;
    const char *expected = containerfile_check_port(text);
    const char *rest =
        expected == NULL ? number_scan(text, UINT16_MAX, &first) : NULL;
    last = first;
    if (rest != NULL && *rest == '-')
        rest = number_scan(rest + 1, UINT16_MAX, &last);
    if (rest == NULL)
        return change_refuse(change, text, "a port, as in 80/tcp");
    for (uint64_t number = first; number <= last; number++) {
        snprintf(port, sizeof port, "%u/%s", (unsigned)number,
                 strcasecmp(rest, "/udp") == 0 ? "udp" : "tcp");
        if (image_config_add(change->config, &change->config->ports, port,
                             true) == -1)
            return -1;
    }
    return 0;
}

/* What a variable holds may be several: "80 443". */
static int change_ports(const struct change *change, const char *text)
{
    char *copy = strdup(text), *rest = NULL;
    int result = copy == NULL ? change_no_memory() : 0;
    for (char *port = copy == NULL ? NULL : strtok_r(copy, " \t", &rest);
         port != NULL && result == 0; port = strtok_r(NULL, " \t", &rest))
        result = change_port(change, port);
    free(copy);
    return result;
}

static int change_volume(const struct change *change, const char *text)
{
    if (*text == '\0')
        return change_refuse(change, text, "a path");
    return image_config_add(change->config, &change->config->volumes, text,
                            true);
}

static int change_each_word(const struct change *change,
                            int (*take)(const struct change *change,
                                        const char *word))
{
    for (size_t i = 0; i < change->instruction->word_count; i++) {
        char *word = change_expand(change, change->instruction->words[i]);
        int result = word == NULL ? -1 : take(change, word);
        free(word);
        if (result == -1)
            return -1;
    }
    return 0;
}

static int change_user(const struct change *change, const char *text)
{
    if (*text == '\0')
        return change_refuse(change, text, "a user");
    return image_config_set_text(change->config, &change->config->user, text);
}

static int change_stop_signal(const struct change *change, const char *text)
{
    if (*text == '\0')
        return change_refuse(change, text, "a signal");
    return image_config_set_text(change->config, &change->config->stop_signal,
                                 text);
}

/* One that does not begin with / goes on from where it was. */
static int change_directory(const struct change *change, const char *text)
{
    struct image_config *config = change->config;
    const char *before = config->working_directory;
    char path[PATH_MAX];
    bool leaves;
    if (*text == '\0')
        return change_refuse(change, text, "a path");
    if (layer_path_clean(before == NULL ? "/" : before, text, path, &leaves) ==
        -1)
        return containerfile_refuse(change->file, change->instruction->line,
                                    "WORKDIR %.60s…: too long (ENAMETOOLONG)",
                                    text);
    return image_config_set_text(config, &config->working_directory, path);
}

/* Whether it is one of those instructions. */
static bool image_change_is_one(enum containerfile_kind kind)
{
    switch (kind) {
    case CONTAINERFILE_CMD:
    case CONTAINERFILE_ENTRYPOINT:
    case CONTAINERFILE_ENV:
    case CONTAINERFILE_EXPOSE:
    case CONTAINERFILE_LABEL:
    case CONTAINERFILE_SHELL:
    case CONTAINERFILE_STOPSIGNAL:
    case CONTAINERFILE_USER:
    case CONTAINERFILE_VOLUME:
    case CONTAINERFILE_WORKDIR:
        return true;
    default:
        return false;
    }
}

int image_change_apply(const struct containerfile *file,
                       const struct containerfile_instruction *instruction,
                       expand_look_up *look_up, void *context,
                       struct image_config *config, bool *command_set)
{
    const struct change change = {file, instruction, look_up, context, config};
    if (change_check(&change, instruction->text) == -1)
        return -1;
    switch (instruction->kind) {
    case CONTAINERFILE_CMD:
        *command_set = true;
        return change_command(&change, &config->command);
    case CONTAINERFILE_ENTRYPOINT:
        if (!*command_set &&
            image_config_set_texts(config, &config->command, NULL, 0) == -1)
            return -1;
        return change_command(&change, &config->entrypoint);
    case CONTAINERFILE_ENV:
        return change_pairs(&change, &config->environment);
    case CONTAINERFILE_EXPOSE:
        return change_each_word(&change, change_ports);
    case CONTAINERFILE_LABEL:
        return change_pairs(&change, &config->labels);
    case CONTAINERFILE_SHELL:
        return image_config_set_texts(config, &config->shell,
                                      instruction->words,
                                      instruction->word_count);
    case CONTAINERFILE_STOPSIGNAL:
        return change_each_word(&change, change_stop_signal);
    case CONTAINERFILE_USER:
        return change_each_word(&change, change_user);
    case CONTAINERFILE_VOLUME:
        return change_each_word(&change, change_volume);
    case CONTAINERFILE_WORKDIR:
        return change_each_word(&change, change_directory);
    default:
        return containerfile_refuse(
            file, instruction->line,
            "%s changes more than what an image says of itself: expected CMD, "
            "ENTRYPOINT, ENV, EXPOSE, LABEL, SHELL, STOPSIGNAL, USER, VOLUME "
            "or WORKDIR",
            containerfile_kind_name(instruction->kind));
    }
}

/* ---- As words of a command ---- */

const char *image_change_add(const char *text, void *changes)
{
    struct image_changes *all = changes;
    if (*text == '\0' || strpbrk(text, "\r\n") != NULL)
        return "expected an instruction in one line, such as 'CMD [\"/bin/sh\"]'";
    if (all->count == IMAGE_CHANGES_MOST)
        return "expected at most 64 of them";
    all->texts[all->count++] = text;
    return NULL;
}

/* Read as the Containerfile that they could stand in. */
int image_change_read(struct image_changes *changes)
{
    char *text = NULL;
    size_t size = 0;
    FILE *file = open_memstream(&text, &size);
    if (file == NULL)
        return change_no_memory();
    fputs("FROM scratch", file);
    for (size_t i = 0; i < changes->count; i++)
        fprintf(file, "\n%s", changes->texts[i]);
    if (fclose(file) != 0) {
        free(text);
        return change_no_memory();
    }
    int result = containerfile_read(
        &changes->file, "--change (below FROM scratch)", text, size);
    free(text);
    for (size_t i = 1; result == 0 && i < changes->file.count; i++) {
        const struct containerfile_instruction *one =
            &changes->file.instructions[i];
        if (!image_change_is_one(one->kind))
            result = containerfile_refuse(
                &changes->file, one->line,
                "%s can not be in --change: it does more than change what the "
                "image says of itself",
                containerfile_kind_name(one->kind));
    }
    return result;
}

/* NAME in the environment that the image has by now. */
static const char *change_look_up(void *context, const char *name)
{
    const struct image_texts *environment = context;
    size_t length = strlen(name);
    for (size_t i = 0; i < environment->count; i++)
        if (strncmp(environment->all[i], name, length) == 0 &&
            environment->all[i][length] == '=')
            return environment->all[i] + length + 1;
    return NULL;
}

int image_change_apply_all(const struct image_changes *changes,
                           struct image_config *config)
{
    bool command_set = false;
    for (size_t i = 1; i < changes->file.count; i++)
        if (image_change_apply(&changes->file, &changes->file.instructions[i],
                               change_look_up, &config->environment, config,
                               &command_set) == -1)
            return -1;
    return 0;
}

void image_change_free(struct image_changes *changes)
{
    containerfile_free(&changes->file);
}
