#include "common/image/containerfile.h"

#include "common/base/json.h"
#include "common/base/log.h"
#include "common/base/number.h"
#include "common/base/similar.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* How an instruction's words are read, and which flags it takes. */
enum containerfile_form {
    FORM_WORDS,   /* apart by blanks, or an array of strings */
    FORM_COMMAND, /* for a shell, or an array */
    FORM_PAIRS,   /* NAME=VALUE… */
    FORM_NAMES,   /* NAME[=VALUE]… */
    FORM_ONE,     /* all of it is one word */
    FORM_ONLY_ARRAY,
};

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
enum { KINDS = sizeof kinds / sizeof kinds[0], MOST_WORDS = 10000 };

/* Where in the text we are. */
struct cursor {
    const char *at, *end;
    unsigned line;
};

static const char blanks[] = " \t\r\v\f";

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

int containerfile_refuse(const struct containerfile *file, unsigned line,
                         const char *format, ...)
{
    char text[1024];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    log_error("%s:%u: %s", file->name, line, text);
    errno = EINVAL;
    return -1;
}

/* ---- Memory: all of it is the file's, and goes with it ---- */

static int containerfile_no_memory(const struct containerfile *file)
{
    log_error("%s: out of memory (ENOMEM)", file->name);
    errno = ENOMEM;
    return -1;
}

/* Takes what malloc(3) gave. Returns it, or NULL, reported. */
static void *containerfile_own(struct containerfile *file, void *memory)
{
    void **larger = NULL;
    if (memory != NULL)
        larger = realloc(file->owned, (file->owned_count + 1) * sizeof *larger);
    if (larger == NULL) {
        free(memory);
        containerfile_no_memory(file);
        return NULL;
    }
    file->owned = larger;
    file->owned[file->owned_count++] = memory;
    return memory;
}

static char *containerfile_copy(struct containerfile *file, const char *text,
                                size_t length)
{
    return containerfile_own(file, strndup(text, length));
}

/* The array with one more element, all zeros; NULL, reported: as it was. */
static void *containerfile_grow(const struct containerfile *file, void *array,
                                size_t count, size_t size)
{
    char *larger = realloc(array, (count + 1) * size);
    if (larger == NULL)
        containerfile_no_memory(file);
    else
        memset(larger + count * size, 0, size);
    return larger;
}

void containerfile_free(struct containerfile *file)
{
    for (size_t i = 0; i < file->count; i++) {
        free(file->instructions[i].flags);
        free(file->instructions[i].words);
        free(file->instructions[i].pairs);
        free(file->instructions[i].heredocs);
    }
    for (size_t i = 0; i < file->owned_count; i++)
        free(file->owned[i]);
    free(file->instructions);
    free(file->owned);
    *file = (struct containerfile){0};
}

/* ---- Lines ---- */

/* The next line, without its end; false where there is none. */
static bool cursor_line(struct cursor *cursor, const char **line,
                        size_t *length)
{
    if (cursor->at >= cursor->end)
        return false;
    const char *newline =
        memchr(cursor->at, '\n', (size_t)(cursor->end - cursor->at));
    *line = cursor->at;
    cursor->at = newline == NULL ? cursor->end : newline + 1;
    *length = (size_t)((newline == NULL ? cursor->end : newline) - *line);
    if (*length > 0 && (*line)[*length - 1] == '\r')
        --*length;
    cursor->line++;
    return true;
}

static size_t skip_blanks(const char *text, size_t length)
{
    size_t i = 0;
    while (i < length && strchr(blanks, text[i]) != NULL && text[i] != '\0')
        i++;
    return i;
}

/* Joins lines that end with the escape character to one; comments and empty lines
 * in between do not end it. Returns 1, 0 at the end, or -1. */
static int containerfile_join(struct containerfile *file, struct cursor *cursor,
                              char **text, unsigned *first_line)
{
    const char *line;
    size_t length, used = 0;
    bool more = false;
    char *joined = NULL;
    while (cursor_line(cursor, &line, &length)) {
        size_t indent = skip_blanks(line, length);
        if (indent == length || line[indent] == '#')
            continue;
        if (!more) {
            *first_line = cursor->line;
            line += indent;
            length -= indent;
        }
        size_t end = length;
        while (end > 0 && strchr(blanks, line[end - 1]) != NULL)
            end--;
        more = end > 0 && line[end - 1] == file->escape;
        if (more)
            length = end - 1;
        char *larger = realloc(joined, used + length + 1);
        if (larger == NULL) {
            free(joined);
            return containerfile_no_memory(file);
        }
        joined = larger;
        memcpy(joined + used, line, length);
        used += length;
        joined[used] = '\0';
        if (!more)
            break;
    }
    if (joined == NULL)
        return 0;
    if (more) {
        free(joined);
        return containerfile_refuse(file, *first_line,
                                    "it ends in the middle: a %c at the end of "
                                    "its last line says that there is more",
                                    file->escape);
    }
    while (used > 0 && strchr(blanks, joined[used - 1]) != NULL)
        joined[--used] = '\0';
    *text = containerfile_own(file, joined);
    return *text == NULL ? -1 : 1;
}

/* "# escape=`", only in the comments that the file begins with. */
static int containerfile_directives(struct containerfile *file,
                                    struct cursor cursor)
{
    const char *line;
    size_t length;
    while (cursor_line(&cursor, &line, &length)) {
        size_t start = skip_blanks(line, length);
        if (start == length || line[start] != '#')
            break;
        start++;
        start += skip_blanks(line + start, length - start);
        const char *equals = memchr(line + start, '=', length - start);
        if (equals == NULL)
            break;
        size_t name = (size_t)(equals - line) - start;
        while (name > 0 && strchr(blanks, line[start + name - 1]) != NULL)
            name--;
        if (name != 6 || strncasecmp(line + start, "escape", 6) != 0)
            continue;
        size_t value = (size_t)(equals + 1 - line);
        value += skip_blanks(line + value, length - value);
        if (value >= length || (line[value] != '\\' && line[value] != '`') ||
            skip_blanks(line + value + 1, length - value - 1) !=
                length - value - 1)
            return containerfile_refuse(file, cursor.line,
                                        "escape=: expected \\ or `");
        file->escape = line[value];
    }
    return 0;
}

/* ---- Words ---- */

/* The length of the word that `text` begins with: to a blank that is neither
 * escaped nor in quotes. -1: a quote is not closed. */
static ptrdiff_t word_length(const struct containerfile *file, const char *text)
{
    char quote = 0;
    const char *c = text;
    for (; *c != '\0'; c++) {
        if (quote == 0 && strchr(blanks, *c) != NULL)
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
    const char **larger = containerfile_grow(
        file, instruction->words, instruction->word_count, sizeof *larger);
    if (larger == NULL)
        return -1;
    instruction->words = larger;
    const char **word = &larger[instruction->word_count++];
    *word = containerfile_copy(file, text, length);
    return *word == NULL ? -1 : 0;
}

static int read_words(struct containerfile *file,
                      struct containerfile_instruction *instruction)
{
    const char *text = instruction->text;
    while (*text != '\0') {
        ptrdiff_t length = word_length(file, text);
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
        text += strspn(text, blanks);
    }
    return 0;
}

/* Whether it looks like an array of strings. [ is a command, too, and takes its
 * words in quotes, so for a shell's line only what can be one is taken for it. */
static bool looks_like_array(const char *text)
{
    bool comma = false;
    text += 1 + strspn(text + 1, blanks);
    while (*text == '"') {
        for (text++; *text != '"'; text++) {
            text += *text == '\\';
            if (*text == '\0')
                return false;
        }
        text += 1 + strspn(text + 1, blanks);
        comma = *text == ',';
        if (!comma)
            break;
        text += 1 + strspn(text + 1, blanks);
    }
    return !comma && *text == ']' && text[1 + strspn(text + 1, blanks)] == '\0';
}

static int read_array(struct containerfile *file,
                      struct containerfile_instruction *instruction)
{
    char name[256];
    snprintf(name, sizeof name, "%.200s:%u: %s", file->name, instruction->line,
             kinds[instruction->kind].name);
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
    bool begins = text[0] == '[' && text[1 + strspn(text + 1, blanks)] == '"';
    if (text[0] == '[' && looks_like_array(text))
        return read_array(file, instruction) == -1 ? -1 : 1;
    bool is_command =
        begins && instruction->kind == CONTAINERFILE_RUN && text[1] != '"';
    if (form == FORM_ONLY_ARRAY || (begins && !is_command))
        return containerfile_refuse(file, instruction->line,
                                    "%s: not an array of strings: %.60s",
                                    kinds[instruction->kind].name, text);
    return 0;
}

/* ---- NAME=VALUE ---- */

static int add_pair(struct containerfile *file,
                    struct containerfile_instruction *instruction,
                    const char *name, size_t name_length, const char *value,
                    size_t value_length)
{
    struct containerfile_pair *larger = containerfile_grow(
        file, instruction->pairs, instruction->pair_count, sizeof *larger);
    if (larger == NULL)
        return -1;
    instruction->pairs = larger;
    struct containerfile_pair *pair = &larger[instruction->pair_count++];
    pair->name = containerfile_copy(file, name, name_length);
    if (value != NULL)
        pair->value = containerfile_copy(file, value, value_length);
    return pair->name == NULL || (value != NULL && pair->value == NULL) ? -1
                                                                        : 0;
}

static int read_pairs(struct containerfile *file,
                      struct containerfile_instruction *instruction,
                      enum containerfile_form form)
{
    const char *kind = kinds[instruction->kind].name;
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
        value += strspn(value, blanks);
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

/* ---- Flags ---- */

/* The flag most like `name` of those that the kind takes, or NULL. */
static const char *similar_flag(const char *flags, const char *name,
                                size_t length, size_t *found_length)
{
    const char *found = NULL;
    size_t least = 3;
    for (const char *flag = flags; *(flag += strspn(flag, " ")) != '\0';) {
        size_t own = strcspn(flag, "= ");
        size_t edits = similar_edits_between(name, length, flag, own);
        if (edits < least) {
            least = edits;
            found = flag;
            *found_length = own;
        }
        flag += strcspn(flag, " ");
    }
    return found;
}

static int refuse_flag(const struct containerfile *file,
                       const struct containerfile_instruction *instruction,
                       const char *name, size_t length)
{
    size_t found_length = 0;
    const char *kind = kinds[instruction->kind].name;
    const char *found = similar_flag(kinds[instruction->kind].flags, name,
                                     length, &found_length);
    if (found != NULL)
        return containerfile_refuse(
            file, instruction->line,
            "%s: unknown flag --%.*s; did you mean --%.*s?", kind, (int)length,
            name, (int)found_length, found);
    return containerfile_refuse(file, instruction->line,
                                "%s: unknown flag --%.*s", kind, (int)length,
                                name);
}

static int read_flags(struct containerfile *file,
                      struct containerfile_instruction *instruction)
{
    const char *text = instruction->text;
    while (text[0] == '-' && text[1] == '-') {
        char known[64];
        ptrdiff_t length = word_length(file, text);
        size_t name = strcspn(text + 2, "= \t");
        if (length == 2)
            return containerfile_refuse(file, instruction->line,
                                        "%s: -- with no name behind it",
                                        kinds[instruction->kind].name);
        if (length == -1)
            return containerfile_refuse(file, instruction->line,
                                        "a quote that is not closed: %.60s",
                                        text);
        snprintf(known, sizeof known, " %.*s= ", (int)(name < 40 ? name : 40),
                 text + 2);
        if (strstr(kinds[instruction->kind].flags, known) == NULL)
            return refuse_flag(file, instruction, text + 2, name);
        if (text[2 + name] != '=' || (size_t)length == 3 + name)
            return containerfile_refuse(file, instruction->line,
                                        "%s: --%.*s: expected a value behind "
                                        "a =",
                                        kinds[instruction->kind].name,
                                        (int)name, text + 2);
        struct containerfile_pair *larger = containerfile_grow(
            file, instruction->flags, instruction->flag_count, sizeof *larger);
        if (larger == NULL)
            return -1;
        instruction->flags = larger;
        struct containerfile_pair *flag = &larger[instruction->flag_count++];
        flag->value = containerfile_copy(file, text + 3 + name,
                                         (size_t)length - 3 - name);
        char *copy = containerfile_copy(file, text + 2, name);
        if (flag->value == NULL || copy == NULL)
            return -1;
        flag->name = "";
        if (containerfile_flag(instruction, copy) != NULL)
            return containerfile_refuse(file, instruction->line,
                                        "%s: --%s twice",
                                        kinds[instruction->kind].name, copy);
        flag->name = copy;
        text += length;
        text += strspn(text, blanks);
    }
    instruction->text = text;
    return 0;
}

/* ---- Files within the file ---- */

/* Reads the lines up to `name`, without their leading tabs where it was <<-. */
static int read_heredoc(struct containerfile *file, struct cursor *cursor,
                        struct containerfile_instruction *instruction,
                        struct containerfile_heredoc *heredoc, bool strip)
{
    const char *line;
    size_t length, used = 0, name_length = strlen(heredoc->name);
    char *content = strdup("");
    while (content != NULL && cursor_line(cursor, &line, &length)) {
        while (strip && length > 0 && *line == '\t') {
            line++;
            length--;
        }
        if (length == name_length && memcmp(line, heredoc->name, length) == 0) {
            heredoc->content = containerfile_own(file, content);
            return heredoc->content == NULL ? -1 : 0;
        }
        char *larger = realloc(content, used + length + 2);
        if (larger == NULL)
            break;
        content = larger;
        memcpy(content + used, line, length);
        used += length;
        content[used++] = '\n';
        content[used] = '\0';
    }
    bool at_end = content != NULL && cursor->at >= cursor->end;
    free(content);
    if (!at_end)
        return containerfile_no_memory(file);
    return containerfile_refuse(file, instruction->line,
                                "<<%s is not ended: there is no line %s",
                                heredoc->name, heredoc->name);
}

/* Of a word such as <<EOF, <<-EOF, <<"EOF" or 3<<EOF, reads what it stands for. */
static int read_heredoc_word(struct containerfile *file, struct cursor *cursor,
                             struct containerfile_instruction *instruction,
                             const char *word, size_t length)
{
    size_t digits = 0;
    while (digits < length && isdigit((unsigned char)word[digits]))
        digits++;
    if (length < digits + 3 || strncmp(word + digits, "<<", 2) != 0)
        return 0;
    const char *name = word + digits + 2;
    length -= digits + 2;
    bool strip = *name == '-';
    name += strip;
    length -= strip;
    /* <<< is a shell's own. */
    if (length == 0 || memchr(name, '<', length) != NULL)
        return 0;
    bool quoted = length > 2 && (*name == '"' || *name == '\'') &&
                  name[length - 1] == *name;
    name += quoted;
    length -= quoted ? 2 : 0;
    struct containerfile_heredoc *larger =
        containerfile_grow(file, instruction->heredocs,
                           instruction->heredoc_count, sizeof *larger);
    if (larger == NULL)
        return -1;
    instruction->heredocs = larger;
    struct containerfile_heredoc *heredoc =
        &larger[instruction->heredoc_count++];
    heredoc->expanded = !quoted;
    heredoc->name = containerfile_copy(file, name, length);
    heredoc->content = "";
    if (heredoc->name == NULL)
        return -1;
    return read_heredoc(file, cursor, instruction, heredoc, strip);
}

static int read_heredocs(struct containerfile *file, struct cursor *cursor,
                         struct containerfile_instruction *instruction)
{
    const char *text = instruction->text;
    if (!kinds[instruction->kind].heredocs || text[0] == '[')
        return 0;
    while (*text != '\0') {
        ptrdiff_t length = word_length(file, text);
        if (length == -1) /* a shell may still understand it */
            return 0;
        if (read_heredoc_word(file, cursor, instruction, text,
                              (size_t)length) == -1)
            return -1;
        text += length;
        text += strspn(text, blanks);
    }
    return 0;
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
    const char *found = NULL;
    size_t least = 3;
    for (size_t i = 0; i < KINDS; i++) {
        char upper[32];
        size_t used = 0;
        for (; used < length && used < sizeof upper; used++)
            upper[used] = (char)toupper((unsigned char)name[used]);
        size_t edits = similar_edits_between(upper, used, kinds[i].name,
                                             strlen(kinds[i].name));
        if (used == length && edits < least && edits < length) {
            least = edits;
            found = kinds[i].name;
        }
    }
    if (found != NULL)
        return containerfile_refuse(
            file, line, "unknown instruction \"%.*s\"; did you mean %s?",
            (int)length, name, found);
    return containerfile_refuse(file, line, "unknown instruction \"%.*s\"",
                                (int)(length < 60 ? length : 60), name);
}

static int read_form(struct containerfile *file,
                     struct containerfile_instruction *instruction)
{
    enum containerfile_form form = kinds[instruction->kind].form;
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

static int read_instruction(struct containerfile *file, struct cursor *cursor,
                            const char *text, unsigned line)
{
    size_t length = strcspn(text, blanks), kind = 0;
    while (kind < KINDS && (strlen(kinds[kind].name) != length ||
                            strncasecmp(kinds[kind].name, text, length) != 0))
        kind++;
    if (kind == KINDS)
        return refuse_kind(file, line, text, length);
    struct containerfile_instruction *larger = containerfile_grow(
        file, file->instructions, file->count, sizeof *larger);
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
    instruction->text = text + strspn(text, blanks);
    if (read_flags(file, instruction) == -1 ||
        read_heredocs(file, cursor, instruction) == -1 ||
        read_form(file, instruction) == -1)
        return -1;
    return check_instruction(file, instruction);
}

int containerfile_read(struct containerfile *file, const char *name,
                       const char *text, size_t size)
{
    struct cursor cursor = {.at = text, .end = text + size};
    *file = (struct containerfile){.name = name, .escape = '\\'};
    if (size >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0)
        cursor.at += 3; /* the mark that some editors write before UTF-8 */
    const char *nul = memchr(text, '\0', size);
    if (nul != NULL) {
        unsigned line = 1;
        for (const char *c = text; c < nul; c++)
            line += *c == '\n';
        return containerfile_refuse(file, line, "a NUL in it: is it text?");
    }
    if (containerfile_directives(file, cursor) == -1)
        return -1;
    char *joined = NULL;
    unsigned line = 1;
    int result;
    while ((result = containerfile_join(file, &cursor, &joined, &line)) == 1)
        if (read_instruction(file, &cursor, joined, line) == -1)
            return -1;
    if (result == 0 && file->stages == 0)
        return containerfile_refuse(file, cursor.line == 0 ? 1 : cursor.line,
                                    "there is no FROM in it: nothing to build "
                                    "upon (FROM scratch is an empty image)");
    return result;
}
