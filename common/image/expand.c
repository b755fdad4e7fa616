#include "common/image/expand.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* ${a:-${b:-${c}}}: so deep at most. */
enum { EXPAND_MOST_DEPTH = 32, EXPAND_MOST_BYTES = 1 << 20 };

/* What is open: the word itself, and in it each ${name:-… */
struct expand_level {
    bool wanted; /* or it is read, but not taken */
    char quote;  /* ' or " where we are in one, else 0 */
};

struct expand {
    const char *at;
    char escape;
    expand_look_up *look_up;
    void *context;
    struct expand_level levels[EXPAND_MOST_DEPTH];
    size_t depth; /* of the innermost */
    char *text;
    size_t size, capacity;
};

static const char *expand_add(struct expand *expand, const char *text,
                              size_t size)
{
    if (!expand->levels[expand->depth].wanted)
        return NULL;
    if (size > EXPAND_MOST_BYTES - expand->size)
        return "it expands to more than 1 MiB";
    if (expand->size + size >= expand->capacity) {
        size_t capacity = 2 * expand->capacity + size + 64;
        char *larger = realloc(expand->text, capacity);
        if (larger == NULL)
            return "out of memory (ENOMEM)";
        expand->text = larger;
        expand->capacity = capacity;
    }
    memcpy(expand->text + expand->size, text, size);
    expand->size += size;
    expand->text[expand->size] = '\0';
    return NULL;
}

static size_t expand_name_length(const char *text)
{
    static const char letters[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_0123456789";
    return *text >= '0' && *text <= '9' ? 0 : strspn(text, letters);
}

static const char *expand_value(const struct expand *expand, const char *name,
                                size_t length)
{
    char copy[256];
    if (length >= sizeof copy)
        return NULL;
    memcpy(copy, name, length);
    copy[length] = '\0';
    return expand->look_up(expand->context, copy);
}

/* Behind "${": up to the }, or into the word that may be taken instead. */
static const char *expand_braces(struct expand *expand)
{
    size_t length = expand_name_length(expand->at);
    const char *name = expand->at, *action = name + length;
    if (length == 0)
        return "${ with no name behind it";
    const char *value = expand_value(expand, name, length);
    bool has_colon = *action == ':';
    action += has_colon;
    if (*action == '}' && !has_colon) {
        expand->at = action + 1;
        return value == NULL ? NULL : expand_add(expand, value, strlen(value));
    }
    if (*action == '\0' || strchr("-+?", *action) == NULL)
        return "${ takes }, :-, :+ or :? behind its name";
    if (expand->depth + 1 == EXPAND_MOST_DEPTH)
        return "too many ${ in each other";
    bool is_set = value != NULL;
    //> default
    is_set = value != NULL && (!has_colon || *value != '\0');
    //< default
    const char *complaint = NULL;
    if (is_set && *action != '+')
        complaint = expand_add(expand, value, strlen(value));
    bool wanted = *action == '-' ? !is_set : *action == '+' && is_set;
    if (*action == '?' && !is_set && expand->levels[expand->depth].wanted)
        return "a variable that is required (${…:?…}) is not set";
    expand->depth++;
    expand->levels[expand->depth] = (struct expand_level){
        .wanted = wanted && expand->levels[expand->depth - 1].wanted};
    expand->at = action + 1;
    return complaint;
}

/* Behind "$". */
static const char *expand_variable(struct expand *expand)
{
    if (*expand->at == '{') {
        expand->at++;
        return expand_braces(expand);
    }
    size_t length = expand_name_length(expand->at);
    if (length == 0)
        return expand_add(expand, "$", 1);
    const char *value = expand_value(expand, expand->at, length);
    expand->at += length;
    return value == NULL ? NULL : expand_add(expand, value, strlen(value));
}

/* Behind the escape character: in "…" it is one only before what it escapes. */
static const char *expand_escape(struct expand *expand, char quote)
{
    const char *escaped = expand->at;
    if (*escaped == '\0')
        return expand_add(expand, escaped - 1, 1);
    expand->at++;
    if (quote == '"' && *escaped != '"' && *escaped != '$' &&
        *escaped != expand->escape)
        return expand_add(expand, escaped - 1, 2);
    return expand_add(expand, escaped, 1);
}

static const char *expand_next(struct expand *expand)
{
    struct expand_level *level = &expand->levels[expand->depth];
    const char *at = expand->at++;
    if (level->quote == '\'') {
        if (*at != '\'')
            return expand_add(expand, at, 1);
        level->quote = 0;
        return NULL;
    }
    if (*at == expand->escape)
        return expand_escape(expand, level->quote);
    if (*at == '$')
        return expand_variable(expand);
    if (*at == '"' || (*at == '\'' && level->quote == 0)) {
        if (level->quote == 0)
            level->quote = *at;
        else
            level->quote = 0;
        return NULL;
    }
    if (*at == '}' && expand->depth > 0 && level->quote == 0) {
        expand->depth--;
        return NULL;
    }
    return expand_add(expand, at, 1);
}

const char *expand_word(const char *word, char escape, expand_look_up *look_up,
                        void *context, char **result)
{
    struct expand expand = {.at = word,
                            .escape = escape,
                            .look_up = look_up,
                            .context = context,
                            .levels = {{.wanted = true}}};
    const char *complaint = expand_add(&expand, "", 0);
    while (complaint == NULL && *expand.at != '\0')
        complaint = expand_next(&expand);
    if (complaint == NULL && expand.levels[expand.depth].quote != 0)
        complaint = "a quote that is not closed";
    if (complaint == NULL && expand.depth > 0)
        complaint = "${ without its }";
    if (complaint != NULL) {
        free(expand.text);
        expand.text = NULL;
    }
    *result = expand.text;
    return complaint;
}
