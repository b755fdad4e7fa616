#include "common/runtime/presets_yaml.h"

#include "common/base/array.h"
#include "common/base/log.h"

#include <stdlib.h>
#include <string.h>

struct presets_reader {
    const char *name;
    unsigned line;
    const char *at; /* in the line that is read, which ends at `end` */
    const char *end;
    size_t indent;       /* of the keys of the present preset; 0: none yet */
    char *preset, *key;  /* the present ones, or NULL */
    bool list_may_begin; /* the key's line has ended without a value */
    struct presets *presets;
};

static int presets_wrong(const struct presets_reader *reader, const char *what)
{
    return log_error("%s:%u: %s", reader->name, reader->line, what);
}

/* ---- What was read ---- */

/* Takes over `text`. */
static int presets_add(struct presets_reader *reader, const char *key,
                       char *text, bool in_list)
{
    struct presets *presets = reader->presets;
    struct presets_entry *larger =
        array_grow(presets->entries, presets->count, sizeof *larger);
    if (larger == NULL) {
        free(text);
        return -1;
    }
    presets->entries = larger;
    struct presets_entry *entry = &larger[presets->count++];
    *entry =
        (struct presets_entry){reader->line, strdup(reader->preset),
                               key == NULL ? NULL : strdup(key), text, in_list};
    return entry->preset == NULL || (key != NULL && entry->key == NULL)
               ? log_error("%s: out of memory (ENOMEM)", reader->name)
               : 0;
}

void presets_free(struct presets *presets)
{
    for (size_t i = 0; i < presets->count; i++) {
        free(presets->entries[i].preset);
        free(presets->entries[i].key);
        free(presets->entries[i].text);
    }
    free(presets->entries);
    *presets = (struct presets){NULL, 0};
}

/* Whether the present preset, or with `key` that key in it, was there before. */
static bool presets_has(const struct presets_reader *reader, const char *preset,
                        const char *key)
{
    for (size_t i = 0; i < reader->presets->count; i++) {
        const struct presets_entry *entry = &reader->presets->entries[i];
        if (strcmp(entry->preset, preset) == 0 &&
            (key == NULL ||
             (entry->key != NULL && strcmp(entry->key, key) == 0)))
            return true;
    }
    return false;
}

/* ---- Words ---- */

static void presets_skip_blanks(struct presets_reader *reader)
{
    while (reader->at < reader->end && *reader->at == ' ')
        reader->at++;
}

/* Whether nothing more is in the line but a comment. */
static bool presets_line_ends(struct presets_reader *reader)
{
    bool blank = reader->at[-1] == ' ';
    presets_skip_blanks(reader);
    blank |= reader->at[-1] == ' ';
    return reader->at == reader->end || (blank && *reader->at == '#');
}

/* "…" with \\, \", \n and \t; '…' with '' for one. Returns a copy, or NULL, reported. */
static char *presets_read_quoted(struct presets_reader *reader)
{
    static const char escapes[] = "\\\"/nt", meant[] = "\\\"/\n\t";
    char quote = *reader->at++;
    char *text = malloc((size_t)(reader->end - reader->at) + 1), *next = text;
    while (text != NULL && reader->at < reader->end) {
        char c = *reader->at++;
        bool more = reader->at < reader->end;
        if (c == quote && (quote == '"' || !more || *reader->at != '\'')) {
            *next = '\0';
            return text;
        }
        if (c == '\'' && quote == '\'')
            reader->at++;
        if (c == '\\' && quote == '"') {
            const char *found = more ? strchr(escapes, *reader->at) : NULL;
            if (found == NULL)
                break;
            c = meant[found - escapes];
            reader->at++;
        }
        *next++ = c;
    }
    presets_wrong(reader, text == NULL ? "no memory"
                                       : "expected the other quote, and no "
                                         "escapes but \\\\ \\\" \\/ \\n \\t");
    free(text);
    return NULL;
}

/* A word without quotes: to the end of the line, a comment, ": ", or in brackets to what
 * ends there. Returns a copy, or NULL, reported. */
static char *presets_read_plain(struct presets_reader *reader, bool in_brackets)
{
    const char *begin = reader->at, *at = begin, *last = begin;
    for (; at < reader->end; at++) {
        bool blank_follows = at + 1 == reader->end || at[1] == ' ';
        if ((*at == ':' && (blank_follows ||
                            (in_brackets && strchr(",]}", at[1]) != NULL))) ||
            (*at == '#' && at > begin && at[-1] == ' ') ||
            (in_brackets && strchr(",[]{}", *at) != NULL))
            break;
        if (*at != ' ')
            last = at + 1;
    }
    reader->at = last;
    char *text = strndup(begin, (size_t)(last - begin));
    if (text == NULL)
        presets_wrong(reader, "no memory");
    return text;
}

static char *presets_read_word(struct presets_reader *reader, bool in_brackets)
{
    const char first = *reader->at; /* at the end of the line a NUL */
    bool alone = reader->at + 1 >= reader->end || reader->at[1] == ' ';
    const char *wrong = NULL;
    if (first == '"' || first == '\'')
        return presets_read_quoted(reader);
    if (first == '\0' || strchr(",]}#", first) != NULL)
        wrong = "expected a word";
    else if (strchr("{[", first) != NULL)
        wrong = "nested too deep: a preset's values are words, or lists of "
                "words";
    else if (strchr("&*!|>%@`", first) != NULL)
        wrong = "anchors, aliases, tags and blocks of text are not taken; put "
                "a word that begins like one into quotes";
    else if (strchr("-?:", first) != NULL && alone)
        wrong = "expected a word, not a list or a mapping";
    if (wrong != NULL) {
        presets_wrong(reader, wrong);
        return NULL;
    }
    return presets_read_plain(reader, in_brackets);
}

/* "KEY:" and the blanks behind it. Returns a copy of KEY, or NULL, reported. */
static char *presets_read_key(struct presets_reader *reader, bool in_brackets)
{
    char *key = presets_read_word(reader, in_brackets);
    if (key == NULL)
        return NULL;
    presets_skip_blanks(reader);
    bool colon = reader->at < reader->end && *reader->at == ':' &&
                 (reader->at + 1 == reader->end || reader->at[1] == ' ');
    if (!colon || *key == '\0') {
        presets_wrong(reader, "expected KEY: VALUE, a blank after the colon");
        free(key);
        return NULL;
    }
    reader->at++;
    presets_skip_blanks(reader);
    return key;
}

/* ---- In brackets ---- */

/* After an element: true where another follows; `*result` -1, reported, where it is
 * neither that nor the end. */
static bool presets_goes_on(struct presets_reader *reader, char closing,
                            int *result)
{
    presets_skip_blanks(reader);
    const char c = *reader->at; /* at the end of the line a NUL */
    reader->at += c != '\0';
    if (c != ',' && c != closing)
        *result = presets_wrong(reader, "expected a comma, or the closing "
                                        "bracket, on the same line");
    presets_skip_blanks(reader);
    return *result == 0 && c == ',';
}

/* "[a, b]" */
static int presets_read_list(struct presets_reader *reader, const char *key)
{
    int result = 0;
    reader->at++;
    presets_skip_blanks(reader);
    if (reader->at < reader->end && *reader->at == ']') {
        reader->at++;
        return presets_add(reader, key, NULL, true);
    }
    do {
        char *text = presets_read_word(reader, true);
        if (text == NULL)
            return -1;
        result = presets_add(reader, key, text, true);
    } while (result == 0 && presets_goes_on(reader, ']', &result));
    return result;
}

static int presets_read_value(struct presets_reader *reader, const char *key,
                              bool in_brackets)
{
    if (presets_has(reader, reader->preset, key))
        return log_error("%s:%u: %s: that was said before", reader->name,
                         reader->line, key);
    if (reader->at < reader->end && *reader->at == '[')
        return presets_read_list(reader, key);
    char *text = presets_read_word(reader, in_brackets);
    return text == NULL ? -1 : presets_add(reader, key, text, false);
}

/* "{a: b, c: [d, e]}" */
static int presets_read_mapping(struct presets_reader *reader)
{
    int result = 0;
    reader->at++;
    presets_skip_blanks(reader);
    if (reader->at < reader->end && *reader->at == '}') {
        reader->at++;
        return 0;
    }
    do {
        char *key = presets_read_key(reader, true);
        if (key == NULL)
            return -1;
        result = presets_read_value(reader, key, true);
        free(key);
    } while (result == 0 && presets_goes_on(reader, '}', &result));
    return result;
}

/* ---- Line by line ---- */

static int presets_expect_end(struct presets_reader *reader)
{
    return presets_line_ends(reader)
               ? 0
               : presets_wrong(reader, "too much in this line; what has a "
                                       "colon and a blank in it, put into "
                                       "quotes");
}

/* "NAME:", with the mapping in brackets or in the lines that follow. */
static int presets_read_preset(struct presets_reader *reader)
{
    free(reader->preset);
    free(reader->key);
    reader->key = NULL;
    reader->indent = 0;
    reader->preset = presets_read_key(reader, false);
    if (reader->preset == NULL)
        return -1;
    if (presets_has(reader, reader->preset, NULL))
        return log_error("%s:%u: %s: that preset was said before", reader->name,
                         reader->line, reader->preset);
    if (presets_add(reader, NULL, NULL, false) == -1)
        return -1;
    if (presets_line_ends(reader))
        return 0;
    if (*reader->at != '{')
        return presets_wrong(reader, "expected {KEY: VALUE, …}, or a line for "
                                     "each, indented");
    reader->indent = (size_t)-1; /* nothing may follow */
    return presets_read_mapping(reader) == -1 ? -1 : presets_expect_end(reader);
}

/* "KEY: VALUE" */
static int presets_read_pair(struct presets_reader *reader, size_t indent)
{
    free(reader->key);
    reader->key = NULL;
    if (reader->indent == 0)
        reader->indent = indent;
    if (indent != reader->indent)
        return presets_wrong(reader, "expected the indentation of the lines "
                                     "before");
    reader->key = presets_read_key(reader, false);
    if (reader->key == NULL)
        return -1;
    reader->list_may_begin = presets_line_ends(reader);
    if (!reader->list_may_begin)
        return presets_read_value(reader, reader->key, false) == -1
                   ? -1
                   : presets_expect_end(reader);
    if (presets_has(reader, reader->preset, reader->key))
        return log_error("%s:%u: %s: that was said before", reader->name,
                         reader->line, reader->key);
    return presets_add(reader, reader->key, NULL, true);
}

/* "- VALUE" */
static int presets_read_item(struct presets_reader *reader)
{
    reader->at++;
    presets_skip_blanks(reader);
    char *text = presets_read_word(reader, false);
    if (text == NULL || presets_add(reader, reader->key, text, true) == -1)
        return -1;
    return presets_expect_end(reader);
}

static int presets_read_line(struct presets_reader *reader)
{
    const char *begin = reader->at;
    presets_skip_blanks(reader);
    size_t indent = (size_t)(reader->at - begin);
    if (reader->at == reader->end || *reader->at == '#')
        return 0;
    if (*reader->at == '\t')
        return presets_wrong(reader, "a tab: indent with blanks");
    size_t left = (size_t)(reader->end - reader->at);
    if (indent == 0 && left == 3 && strncmp(begin, "---", 3) == 0 &&
        reader->presets->count == 0)
        return 0;
    bool is_item = *reader->at == '-' && (left == 1 || reader->at[1] == ' ');
    if (indent == 0 && !is_item)
        return presets_read_preset(reader);
    if (reader->preset == NULL)
        return presets_wrong(reader, "expected the name of a preset and a "
                                     "colon, not indented");
    if (is_item && reader->key != NULL && reader->list_may_begin &&
        indent >= reader->indent)
        return presets_read_item(reader);
    if (is_item)
        return presets_wrong(reader, "a list where no key begins one");
    return presets_read_pair(reader, indent);
}

int presets_parse(const char *name, const char *text, struct presets *presets)
{
    struct presets_reader reader = {.name = name, .presets = presets};
    int result = 0;
    *presets = (struct presets){NULL, 0};
    while (result == 0 && *text != '\0') {
        const char *newline = strchrnul(text, '\n');
        /* A line of its own, so that what looks one byte back finds one. */
        size_t length = (size_t)(newline - text);
        length -= length > 0 && text[length - 1] == '\r';
        char *line = malloc(length + 2);
        if (line == NULL) {
            result = log_error("%s: no memory", name);
            break;
        }
        line[0] = '\n';
        memcpy(line + 1, text, length);
        line[length + 1] = '\0';
        reader.line++;
        reader.at = line + 1;
        reader.end = line + 1 + length;
        result = presets_read_line(&reader);
        free(line);
        text = *newline == '\0' ? newline : newline + 1;
    }
    free(reader.preset);
    free(reader.key);
    return result;
}
