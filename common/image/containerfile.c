#include "common/image/containerfile.h"

#include "common/base/array.h"
#include "common/base/log.h"
#include "common/base/number.h"
#include "common/base/similar.h"
#include "common/image/containerfile_heredocs.h"
#include "common/image/containerfile_lines.h"
#include "common/image/containerfile_words.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* How each is read, and what may and must stand in it. */
static const struct {
    const char *name;
    enum containerfile_form form;
    bool heredocs;
    size_t least_words;
    const char *flags; /* each between blanks; with = where it takes a value */
    const char *expected;
} kinds[] = {
    [CONTAINERFILE_ADD] = {"ADD", FORM_WORDS, true, 2,
                           " chown= chmod= ", "a source and a destination"},
    [CONTAINERFILE_ARG] = {"ARG", FORM_NAMES, false, 1, " ",
                           "NAME or NAME=VALUE"},
    [CONTAINERFILE_CMD] = {"CMD", FORM_COMMAND, false, 0, " ", "a command"},
    [CONTAINERFILE_COPY] = {"COPY", FORM_WORDS, true, 2,
                            " from= chown= chmod= ",
                            "a source and a destination"},
    [CONTAINERFILE_ENTRYPOINT] = {"ENTRYPOINT", FORM_COMMAND, false, 0, " ",
                                  "a command"},
    [CONTAINERFILE_ENV] = {"ENV", FORM_PAIRS, false, 1, " ", "NAME=VALUE"},
    [CONTAINERFILE_EXPOSE] = {"EXPOSE", FORM_WORDS, false, 1, " ", "a port"},
    [CONTAINERFILE_FROM] = {"FROM", FORM_WORDS, false, 1,
                            " platform= ", "IMAGE or IMAGE AS NAME"},
    [CONTAINERFILE_LABEL] = {"LABEL", FORM_PAIRS, false, 1, " ", "NAME=VALUE"},
    [CONTAINERFILE_RUN] = {"RUN", FORM_COMMAND, true, 1, " ", "a command"},
    [CONTAINERFILE_SHELL] = {"SHELL", FORM_ONLY_ARRAY, false, 1, " ",
                             "an array, such as [\"/bin/sh\", \"-c\"]"},
    [CONTAINERFILE_STOPSIGNAL] = {"STOPSIGNAL", FORM_ONE, false, 1, " ",
                                  "a signal"},
    [CONTAINERFILE_USER] = {"USER", FORM_ONE, false, 1, " ",
                            "USER or USER:GROUP"},
    [CONTAINERFILE_VOLUME] = {"VOLUME", FORM_WORDS, false, 1, " ", "a path"},
    [CONTAINERFILE_WORKDIR] = {"WORKDIR", FORM_ONE, false, 1, " ", "a path"},
};
enum { KINDS = sizeof kinds / sizeof kinds[0] };

const char *containerfile_kind_name(enum containerfile_kind kind)
{
    return kinds[kind].name;
}

const char *
containerfile_flag(const struct containerfile_instruction *instruction,
                   const char *name)
{
    for (size_t i = 0; i < instruction->flag_count; i++)
        if (strcmp(instruction->flags[i].name, name) == 0)
            return instruction->flags[i].value;
    return NULL;
}

int containerfile_refuse_list(const struct containerfile *file, unsigned line,
                              const char *format, va_list arguments)
{
    char text[1024];
    vsnprintf(text, sizeof text, format, arguments);
    log_error("%s:%u: %s", file->name, line, text);
    errno = EINVAL;
    return -1;
}

int containerfile_refuse(const struct containerfile *file, unsigned line,
                         const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int result = containerfile_refuse_list(file, line, format, arguments);
    va_end(arguments);
    return result;
}

/* ---- What each instruction must be ---- */

const char *containerfile_check_port(const char *text)
{
    static const char expected[] =
        "expected a port from 1 to 65535, or a range, and /tcp or /udp";
    uint64_t first = 0, last = 0;
    const char *rest = number_scan(text, 65535, &first);
    if (rest != NULL && *rest == '-') {
        rest = number_scan(rest + 1, 65535, &last);
        if (last < first)
            return expected;
    }
    if (rest == NULL || first == 0)
        return expected;
    return *rest == '\0' || strcasecmp(rest, "/tcp") == 0 ||
                   strcasecmp(rest, "/udp") == 0
               ? NULL
               : expected;
}

static bool is_variable(const struct containerfile *file, const char *text)
{
    const char unclear[] = {'$', '"', '\'', file->escape, '\0'};
    return strpbrk(text, unclear) != NULL;
}

/* The stage of that name, before the last instruction; or -1. */
static int find_stage(const struct containerfile *file, const char *name)
{
    for (size_t i = 0; i + 1 < file->count; i++) {
        const struct containerfile_instruction *from = &file->instructions[i];
        if (from->kind == CONTAINERFILE_FROM && from->word_count == 3 &&
            strcasecmp(from->words[2], name) == 0)
            return (int)from->stage;
    }
    return -1;
}

static int check_from(struct containerfile *file,
                      struct containerfile_instruction *instruction)
{
    static const char letters[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.";
    if (instruction->is_json || instruction->word_count == 2 ||
        instruction->word_count > 3 ||
        (instruction->word_count == 3 &&
         strcasecmp(instruction->words[1], "AS") != 0))
        return containerfile_refuse(file, instruction->line,
                                    "FROM: expected IMAGE or IMAGE AS NAME");
    if (instruction->word_count == 1)
        return 0;
    const char *name = instruction->words[2];
    if (!isalpha((unsigned char)name[0]) ||
        strspn(name, letters) != strlen(name))
        return containerfile_refuse(file, instruction->line,
                                    "FROM … AS %s: a name begins with a "
                                    "letter, and has letters, digits, - _ and "
                                    ". in it",
                                    name);
    int other = find_stage(file, name);
    return other == -1
               ? 0
               : containerfile_refuse(file, instruction->line,
                                      "FROM … AS %s: stage %d has that name",
                                      name, other);
}

/* A number must be that of a stage before; a name may be an image's. */
static int check_copy(struct containerfile *file,
                      const struct containerfile_instruction *instruction)
{
    const char *from = containerfile_flag(instruction, "from");
    uint64_t number;
    if (from == NULL || strspn(from, "0123456789") != strlen(from))
        return 0;
    if (number_scan(from, 9999, &number) != NULL && number < instruction->stage)
        return 0;
    return containerfile_refuse(file, instruction->line,
                                "COPY --from=%s: there is no such stage before "
                                "this one, which is number %u",
                                from, instruction->stage);
}

static int check_instruction(struct containerfile *file,
                             struct containerfile_instruction *instruction)
{
    const char *kind = kinds[instruction->kind].name;
    size_t least = kinds[instruction->kind].least_words;
    if (file->stages == 0 && instruction->kind != CONTAINERFILE_ARG)
        return containerfile_refuse(file, instruction->line,
                                    "%s before the first FROM: only ARG may "
                                    "stand there",
                                    kind);
    if (instruction->pair_count + instruction->word_count < least)
        return containerfile_refuse(file, instruction->line, "%s: expected %s",
                                    kind, kinds[instruction->kind].expected);
    switch (instruction->kind) {
    case CONTAINERFILE_FROM:
        return check_from(file, instruction);
    case CONTAINERFILE_COPY:
        return check_copy(file, instruction);
    case CONTAINERFILE_EXPOSE:
        for (size_t i = 0; i < instruction->word_count; i++) {
            const char *port = instruction->words[i];
            const char *complaint =
                is_variable(file, port) ? NULL : containerfile_check_port(port);
            if (complaint != NULL)
                return containerfile_refuse(file, instruction->line,
                                            "EXPOSE %s: %s", port, complaint);
        }
        return 0;
    default:
        return 0;
    }
}

/* ---- All of it ---- */

/* Instructions of the language that we know of and do not carry out: whether it
 * may be passed over. */
static int refuse_kind(const struct containerfile *file, unsigned line,
                       const char *name, size_t length)
{
    static const struct {
        const char *name;
        bool harmless;
        const char *why;
    } others[] = {
        {"HEALTHCHECK", true, "an OCI image has no place for it"},
        {"MAINTAINER", true, "say LABEL org.opencontainers.image.authors=…"},
        {"ONBUILD", false, "an OCI image has no place for it"},
    };
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        if (strlen(others[i].name) == length &&
            strncasecmp(others[i].name, name, length) == 0) {
            if (!others[i].harmless)
                return containerfile_refuse(file, line, "%s: %s",
                                            others[i].name, others[i].why);
            log_warning("%s:%u: %s is passed over: %s", file->name, line,
                        others[i].name, others[i].why);
            return 0;
        }
    char upper[32];
    for (size_t i = 0; i < length && i < sizeof upper; i++)
        upper[i] = (char)toupper((unsigned char)name[i]);
    struct similar similar =
        similar_to(upper, length < sizeof upper ? length : sizeof upper);
    for (size_t i = 0; i < KINDS; i++)
        similar_try_each(&similar, kinds[i].name);
    if (similar.name != NULL)
        return containerfile_refuse(
            file, line, "unknown instruction \"%.*s\"; did you mean %s?",
            (int)length, name, similar.name);
    return containerfile_refuse(file, line, "unknown instruction \"%.*s\"",
                                (int)(length < 60 ? length : 60), name);
}

static int read_instruction(struct containerfile *file,
                            struct containerfile_cursor *cursor,
                            const char *text, unsigned line)
{
    size_t length = strcspn(text, CONTAINERFILE_BLANKS), kind = 0;
    while (kind < KINDS && (strlen(kinds[kind].name) != length ||
                            strncasecmp(kinds[kind].name, text, length) != 0))
        kind++;
    if (kind == KINDS)
        return refuse_kind(file, line, text, length);
    struct containerfile_instruction *larger =
        array_grow(file->instructions, file->count, sizeof *larger);
    if (larger == NULL)
        return -1;
    file->instructions = larger;
    struct containerfile_instruction *instruction = &larger[file->count++];
    instruction->kind = (enum containerfile_kind)kind;
    instruction->line = line;
    if (kind == CONTAINERFILE_FROM)
        file->stages++;
    instruction->stage = file->stages == 0 ? 0 : file->stages - 1;
    text += length;
    instruction->text = text + strspn(text, CONTAINERFILE_BLANKS);
    if (containerfile_words_flags(file, instruction, kinds[kind].flags) == -1)
        return -1;
    if (kinds[kind].heredocs &&
        containerfile_heredocs_read(file, cursor, instruction) == -1)
        return -1;
    if (containerfile_words_read(file, instruction, kinds[kind].form) == -1)
        return -1;
    return check_instruction(file, instruction);
}

int containerfile_read(struct containerfile *file, const char *name,
                       const char *text, size_t size)
{
    struct containerfile_cursor cursor;
    *file = (struct containerfile){.name = name, .escape = '\\'};
    if (containerfile_lines_begin(file, &cursor, text, size) == -1)
        return -1;
    char *joined = NULL;
    unsigned line = 1;
    int result;
    while ((result = containerfile_lines_join(file, &cursor, &joined, &line)) ==
           1)
        if (read_instruction(file, &cursor, joined, line) == -1)
            return -1;
    if (result == 0 && file->stages == 0)
        return containerfile_refuse(file, cursor.line == 0 ? 1 : cursor.line,
                                    "there is no FROM in it: nothing to build "
                                    "upon (FROM scratch is an empty image)");
    return result;
}

void containerfile_free(struct containerfile *file)
{
    for (size_t i = 0; i < file->count; i++) {
        free(file->instructions[i].flags);
        free(file->instructions[i].words);
        free(file->instructions[i].pairs);
        free(file->instructions[i].heredocs);
    }
    free(file->instructions);
    names_free(&file->texts);
    *file = (struct containerfile){0};
}
