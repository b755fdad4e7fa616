#include "common/image/containerfile_words.h"

#include "common/base/array.h"
#include "common/base/json.h"
#include "common/base/similar.h"
#include "common/image/containerfile_lines.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_WORDS = 10000 };

/* ---- Words ---- */

ptrdiff_t containerfile_words_length(const struct containerfile *file,
                                     const char *text)
{
    char quote = 0;
    const char *c = text;
    for (; *c != '\0'; c++) {
        if (quote == 0 && strchr(CONTAINERFILE_BLANKS, *c) != NULL)
            break;
        if (*c == file->escape && quote != '\'' && c[1] != '\0')
            c++;
        else if (quote == 0 && (*c == '"' || *c == '\''))
            quote = *c;
        else if (*c == quote)
            quote = 0;
    }
    return quote == 0 ? c - text : -1;
}

static int add_word(struct containerfile *file,
                    struct containerfile_instruction *instruction,
                    const char *text, size_t length)
{
    const char **larger =
        array_grow(instruction->words, instruction->word_count, sizeof *larger);
    if (larger == NULL)
        return -1;
    instruction->words = larger;
    const char **word = &larger[instruction->word_count++];
    *word = names_keep(&file->texts, strndup(text, length));
    return *word == NULL ? -1 : 0;
}

static int read_words(struct containerfile *file,
                      struct containerfile_instruction *instruction)
{
    const char *text = instruction->text;
    while (*text != '\0') {
        ptrdiff_t length = containerfile_words_length(file, text);
        if (length == -1)
            return containerfile_refuse(file, instruction->line,
                                        "a quote that is not closed: %.60s",
                                        text);
        if (instruction->word_count == MOST_WORDS)
            return containerfile_refuse(file, instruction->line,
                                        "more than %d words", MOST_WORDS);
        if (add_word(file, instruction, text, (size_t)length) == -1)
            return -1;
        text += length;
        text += strspn(text, CONTAINERFILE_BLANKS);
    }
    return 0;
}

/* Whether it looks like an array of strings. [ is a command, too, and takes its
 * words in quotes, so for a shell's line only what can be one is taken for it. */
static bool looks_like_array(const char *text)
{
    bool comma = false;
    text += 1 + strspn(text + 1, CONTAINERFILE_BLANKS);
    while (*text == '"') {
        for (text++; *text != '"'; text++) {
            text += *text == '\\';
            if (*text == '\0')
                return false;
        }
        text += 1 + strspn(text + 1, CONTAINERFILE_BLANKS);
        comma = *text == ',';
        if (!comma)
            break;
        text += 1 + strspn(text + 1, CONTAINERFILE_BLANKS);
    }
    return !comma && *text == ']' &&
           text[1 + strspn(text + 1, CONTAINERFILE_BLANKS)] == '\0';
}

static int read_array(struct containerfile *file,
                      struct containerfile_instruction *instruction)
{
    char name[256];
    snprintf(name, sizeof name, "%.200s:%u: %s", file->name, instruction->line,
             containerfile_kind_name(instruction->kind));
    struct json *json =
        json_parse(name, instruction->text, strlen(instruction->text));
    if (json == NULL)
        return -1;
    int result = 0;
    instruction->is_json = true;
    const struct json_value *value = json->root->first;
    for (; value != NULL && result == 0; value = value->next)
        result = add_word(file, instruction, value->text, value->length);
    json_free(json);
    return result;
}

/* As an array, if it is one: 1; 0 if it is not; -1 if it should be. */
static int read_as_array(struct containerfile *file,
                         struct containerfile_instruction *instruction,
                         enum containerfile_form form)
{
    const char *text = instruction->text;
    bool begins = text[0] == '[' &&
                  text[1 + strspn(text + 1, CONTAINERFILE_BLANKS)] == '"';
    if (text[0] == '[' && looks_like_array(text))
        return read_array(file, instruction) == -1 ? -1 : 1;
    bool is_command =
        begins && instruction->kind == CONTAINERFILE_RUN && text[1] != '"';
    if (form == FORM_ONLY_ARRAY || (begins && !is_command))
        return containerfile_refuse(
            file, instruction->line, "%s: not an array of strings: %.60s",
            containerfile_kind_name(instruction->kind), text);
    return 0;
}

/* ---- NAME=VALUE ---- */

static int add_pair(struct containerfile *file,
                    struct containerfile_instruction *instruction,
                    const char *name, size_t name_length, const char *value,
                    size_t value_length)
{
    struct containerfile_pair *larger =
        array_grow(instruction->pairs, instruction->pair_count, sizeof *larger);
    if (larger == NULL)
        return -1;
    instruction->pairs = larger;
    struct containerfile_pair *pair = &larger[instruction->pair_count++];
    pair->name = names_keep(&file->texts, strndup(name, name_length));
    if (value != NULL)
        pair->value = names_keep(&file->texts, strndup(value, value_length));
    return pair->name == NULL || (value != NULL && pair->value == NULL) ? -1
                                                                        : 0;
}

static int read_pairs(struct containerfile *file,
                      struct containerfile_instruction *instruction,
                      enum containerfile_form form)
{
    const char *kind = containerfile_kind_name(instruction->kind);
    if (read_words(file, instruction) == -1)
        return -1;
    const char *first =
        instruction->word_count == 0 ? "" : instruction->words[0];
    if (form == FORM_PAIRS && instruction->word_count > 0 &&
        strchr(first, '=') == NULL) {
        /* The older way: one name, and all behind it. */
        if (instruction->word_count == 1)
            return containerfile_refuse(file, instruction->line,
                                        "%s %s: expected NAME=VALUE", kind,
                                        first);
        const char *value = instruction->text + strlen(first);
        value += strspn(value, CONTAINERFILE_BLANKS);
        instruction->word_count = 0;
        return add_pair(file, instruction, first, strlen(first), value,
                        strlen(value));
    }
    for (size_t i = 0; i < instruction->word_count; i++) {
        const char *word = instruction->words[i];
        size_t name = strcspn(word, "=");
        if (name == 0)
            return containerfile_refuse(file, instruction->line,
                                        "%s %.60s: no name before the =", kind,
                                        word);
        if (word[name] == '\0' && form == FORM_PAIRS)
            return containerfile_refuse(file, instruction->line,
                                        "%s %.60s: expected NAME=VALUE; a "
                                        "value with blanks stands in quotes",
                                        kind, word);
        const char *value = word[name] == '\0' ? NULL : word + name + 1;
        if (add_pair(file, instruction, word, name, value,
                     value == NULL ? 0 : strlen(value)) == -1)
            return -1;
    }
    instruction->word_count = 0;
    return 0;
}

/* ---- All that stands behind the flags ---- */

int containerfile_words_read(struct containerfile *file,
                             struct containerfile_instruction *instruction,
                             enum containerfile_form form)
{
    int result = 0;
    if (form == FORM_WORDS || form == FORM_COMMAND || form == FORM_ONLY_ARRAY)
        result = read_as_array(file, instruction, form);
    if (result != 0)
        return result == 1 ? 0 : -1;
    if (form == FORM_WORDS)
        return read_words(file, instruction);
    if (form == FORM_PAIRS || form == FORM_NAMES)
        return read_pairs(file, instruction, form);
    return instruction->text[0] == '\0'
               ? 0
               : add_word(file, instruction, instruction->text,
                          strlen(instruction->text));
}

/* ---- Flags ---- */

static int refuse_flag(const struct containerfile *file,
                       const struct containerfile_instruction *instruction,
                       const char *flags, const char *name, size_t length)
{
    const char *kind = containerfile_kind_name(instruction->kind);
    /* Each stands with its = there. */
    struct similar similar = similar_to(name, length + (name[length] == '='));
    similar_try_each(&similar, flags);
    if (similar.name != NULL)
        return containerfile_refuse(
            file, instruction->line,
            "%s: unknown flag --%.*s; did you mean --%.*s?", kind, (int)length,
            name, (int)strcspn(similar.name, "="), similar.name);
    return containerfile_refuse(file, instruction->line,
                                "%s: unknown flag --%.*s", kind, (int)length,
                                name);
}

int containerfile_words_flags(struct containerfile *file,
                              struct containerfile_instruction *instruction,
                              const char *flags)
{
    const char *text = instruction->text;
    while (text[0] == '-' && text[1] == '-') {
        char known[64];
        ptrdiff_t length = containerfile_words_length(file, text);
        size_t name = strcspn(text + 2, "= \t");
        if (length == 2)
            return containerfile_refuse(
                file, instruction->line, "%s: -- with no name behind it",
                containerfile_kind_name(instruction->kind));
        if (length == -1)
            return containerfile_refuse(file, instruction->line,
                                        "a quote that is not closed: %.60s",
                                        text);
        snprintf(known, sizeof known, " %.*s= ", (int)(name < 40 ? name : 40),
                 text + 2);
        if (strstr(flags, known) == NULL)
            return refuse_flag(file, instruction, flags, text + 2, name);
        if (text[2 + name] != '=' || (size_t)length == 3 + name)
            return containerfile_refuse(
                file, instruction->line,
                "%s: --%.*s: expected a value behind "
                "a =",
                containerfile_kind_name(instruction->kind), (int)name,
                text + 2);
        struct containerfile_pair *larger = array_grow(
            instruction->flags, instruction->flag_count, sizeof *larger);
        if (larger == NULL)
            return -1;
        instruction->flags = larger;
        struct containerfile_pair *flag = &larger[instruction->flag_count++];
        flag->value = names_keep(
            &file->texts, strndup(text + 3 + name, (size_t)length - 3 - name));
        char *copy = names_keep(&file->texts, strndup(text + 2, name));
        if (flag->value == NULL || copy == NULL)
            return -1;
        flag->name = "";
        if (containerfile_flag(instruction, copy) != NULL)
            return containerfile_refuse(
                file, instruction->line, "%s: --%s twice",
                containerfile_kind_name(instruction->kind), copy);
        flag->name = copy;
        text += length;
        text += strspn(text, CONTAINERFILE_BLANKS);
    }
    instruction->text = text;
    return 0;
}
