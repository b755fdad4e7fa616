#include "common/base/json.h"

#include "common/base/advice.h"
#include "common/base/log.h"
#include "common/base/number.h"
#include "common/base/utf8.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* No function here calls itself: how deep a file nests is not to decide how much
 * of our stack it takes. What is open stands in `open`, innermost last. */
struct json_reader {
    struct json *json;
    char *at; /* what is read next; the text ends with a NUL */
    char *end;
    unsigned line;
    size_t count; /* of values */
    size_t depth;
    struct {
        struct json_value *value;
        struct json_value *last; /* of those in it */
        size_t members;
    } open[JSON_MOST_DEPTH];
    const struct json_value *
        *scratch; /* room for as many as there are values */
};

static int __attribute__((format(printf, 3, 0)))
json_complain(const struct json *json, unsigned line, const char *format,
              va_list arguments)
{
    char text[512];
    vsnprintf(text, sizeof text, format, arguments);
    errno = EBADMSG;
    return log_error("%s:%u: %s", json->name, line, text);
}

void json_report(const struct json *json, const struct json_value *value,
                 const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    json_complain(json, value->line, format, arguments);
    va_end(arguments);
}

static int __attribute__((format(printf, 2, 3)))
json_refuse(const struct json_reader *reader, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    json_complain(reader->json, reader->line, format, arguments);
    va_end(arguments);
    return -1;
}

static void json_skip_space(struct json_reader *reader)
{
    for (;; reader->at++) {
        if (*reader->at == '\n')
            reader->line++;
        else if (*reader->at != ' ' && *reader->at != '\t' &&
                 *reader->at != '\r')
            return;
    }
}

/* What stands there, for an error: "x", a number of what can not be shown. */
static int json_refuse_character(const struct json_reader *reader,
                                 const char *expected)
{
    unsigned char c = (unsigned char)*reader->at;
    if (reader->at == reader->end)
        return json_refuse(reader, "expected %s, but the file ends", expected);
    if (c > ' ' && c < 0x7f)
        return json_refuse(reader, "expected %s, not '%c'", expected, c);
    return json_refuse(reader, "expected %s, not byte 0x%02x", expected, c);
}

/* ---- Strings ---- */

bool json_is_utf8(const char *text)
{
    size_t length = 1;
    while (*text != '\0' && length > 0) {
        length = utf8_length(text, UTF8_TO_NUL);
        text += length;
    }
    return length > 0;
}

static char *json_put_utf8(char *to, unsigned character)
{
    if (character < 0x80) {
        *to++ = (char)character;
        return to;
    }
    int more = character < 0x800 ? 1 : character < 0x10000 ? 2 : 3;
    static const unsigned char marks[] = {0, 0xc0, 0xe0, 0xf0};
    *to++ = (char)(marks[more] | character >> (6 * more));
    while (more-- > 0)
        *to++ = (char)(0x80 | (character >> (6 * more) & 0x3f));
    return to;
}

/* Four hexadecimal digits; -1 where there are none. */
static int json_read_hexadecimal(const char *text)
{
    static const char digits[] = "0123456789abcdefABCDEF";
    int number = 0;
    for (int i = 0; i < 4; i++) {
        const char *digit = text[i] == '\0' ? NULL : strchr(digits, text[i]);
        if (digit == NULL)
            return -1;
        int value = (int)(digit - digits);
        number = number * 16 + (value < 16 ? value : value - 6);
    }
    return number;
}

/* Behind "\u". A character beyond U+FFFF is written as a pair of escapes. */
static int json_read_unicode(struct json_reader *reader, char **to)
{
    int first = json_read_hexadecimal(reader->at);
    if (first == -1)
        return json_refuse(reader,
                           "expected four hexadecimal digits after \\u");
    reader->at += 4;
    unsigned character = (unsigned)first;
    if (first == 0)
        return json_refuse(reader, "a string with a NUL (\\u0000) in it");
    if (first >= 0xdc00 && first <= 0xdfff)
        return json_refuse(reader, "\\u%04x is the second half of a pair",
                           character);
    if (first >= 0xd800 && first <= 0xdbff) {
        int second = reader->at[0] == '\\' && reader->at[1] == 'u'
                         ? json_read_hexadecimal(reader->at + 2)
                         : -1;
        if (second < 0xdc00 || second > 0xdfff)
            return json_refuse(reader, "\\u%04x lacks the other half of a pair",
                               character);
        reader->at += 6;
        character = 0x10000U + ((character - 0xd800U) << 10) +
                    ((unsigned)second - 0xdc00U);
    }
    *to = json_put_utf8(*to, character);
    return 0;
}

/* At the quote. What is decoded is never longer than what it is written as, so
 * it is put in the same place, and there is room for the NUL. */
static char *json_read_string(struct json_reader *reader, size_t *length)
{
    static const char escapes[] = "\"\\/bfnrt", meant[] = "\"\\/\b\f\n\r\t";
    char *start = ++reader->at, *to = start;
    while (*reader->at != '"') {
        unsigned char c = (unsigned char)*reader->at;
        if (reader->at == reader->end) {
            json_refuse(reader, "a string without an end");
            return NULL;
        }
        if (c < ' ') {
            json_refuse(reader,
                        c == '\n' ? "a string goes on in the next line"
                                  : "byte 0x%02x in a string; \\u%04x is it",
                        c, c);
            return NULL;
        }
        if (c != '\\') {
            size_t size = utf8_length(reader->at, UTF8_TO_NUL);
            if (size == 0) {
                json_refuse(reader, "bytes that are not UTF-8");
                return NULL;
            }
            /* By hand: it may overlap, and for one byte memmove(3) can take long. */
            for (; size > 0; size--)
                *to++ = *reader->at++;
            continue;
        }
        char escape = reader->at[1];
        const char *known = escape == '\0' ? NULL : strchr(escapes, escape);
        reader->at += 2;
        if (known != NULL) {
            *to++ = meant[known - escapes];
        } else if (escape != 'u') {
            reader->at--;
            json_refuse_character(reader, "one of \"\\/bfnrtu after \\");
            return NULL;
        } else if (json_read_unicode(reader, &to) == -1) {
            return NULL;
        }
    }
    reader->at++;
    *to = '\0';
    *length = (size_t)(to - start);
    return start;
}

/* ---- Values ---- */

static size_t json_count_digits(const char *text)
{
    return strspn(text, "0123456789");
}

static int json_read_number(struct json_reader *reader,
                            struct json_value *value)
{
    const char *c = reader->at;
    value->type = JSON_NUMBER;
    value->text = c;
    c += *c == '-';
    size_t digits = json_count_digits(c);
    if (digits == 0 || (digits > 1 && *c == '0'))
        return json_refuse(reader, digits == 0 ? "expected a digit after -"
                                               : "a number that begins with 0");
    c += digits;
    if (*c == '.') {
        digits = json_count_digits(++c);
        c += digits;
    }
    if (digits != 0 && (*c == 'e' || *c == 'E')) {
        c++;
        c += *c == '+' || *c == '-';
        digits = json_count_digits(c);
        c += digits;
    }
    if (digits == 0)
        return json_refuse(reader, "a number that ends too early");
    value->length = (size_t)(c - reader->at);
    reader->at += value->length;
    return 0;
}

static int json_read_word(struct json_reader *reader, struct json_value *value)
{
    static const struct {
        const char *word;
        enum json_type type;
    } words[] = {
        {"null", JSON_NULL}, {"false", JSON_FALSE}, {"true", JSON_TRUE}};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        size_t length = strlen(words[i].word);
        if (strncmp(reader->at, words[i].word, length) == 0) {
            value->type = words[i].type;
            reader->at += length;
            return 0;
        }
    }
    return json_refuse_character(reader, "a value");
}

/* A value without what is in it: that comes next. */
static int json_begin_value(struct json_reader *reader,
                            struct json_value *value)
{
    value->line = reader->line;
    switch (*reader->at) {
    case '"':
        value->type = JSON_STRING;
        value->text = json_read_string(reader, &value->length);
        return value->text == NULL ? -1 : 0;
    case '[':
    case '{':
        if (reader->depth == JSON_MOST_DEPTH)
            return json_refuse(reader, "nested more than %d deep",
                               JSON_MOST_DEPTH);
        value->type = *reader->at++ == '[' ? JSON_ARRAY : JSON_OBJECT;
        reader->open[reader->depth].value = value;
        reader->open[reader->depth].last = NULL;
        reader->open[reader->depth].members = 0;
        reader->depth++;
        return 0;
    case '-':
    case '0' ... '9':
        return json_read_number(reader, value);
    default:
        return json_read_word(reader, value);
    }
}

/* The key of the next member, up to its value. */
static int json_read_key(struct json_reader *reader, const char **key)
{
    size_t length;
    if (*reader->at != '"')
        return json_refuse_character(reader, "a key in quotes");
    *key = json_read_string(reader, &length);
    if (*key == NULL)
        return -1;
    json_skip_space(reader);
    if (*reader->at != ':')
        return json_refuse_character(reader, "':' after a key");
    reader->at++;
    json_skip_space(reader);
    return 0;
}

static int json_compare_keys(const void *left, const void *right)
{
    const struct json_value *const *a = left, *const *b = right;
    int order = strcmp((*a)->key, (*b)->key);
    return order != 0 ? order
                      : ((*a)->line > (*b)->line) - ((*a)->line < (*b)->line);
}

/* Sorted, equal keys are neighbours; to compare each with each would let a file
 * of a megabyte keep us busy for minutes. */
static int json_check_keys(const struct json_reader *reader,
                           const struct json_value *object, size_t members)
{
    size_t count = 0;
    for (const struct json_value *member = object->first; count < members;
         member = member->next)
        reader->scratch[count++] = member;
    qsort(reader->scratch, count, sizeof(struct json_value *),
          json_compare_keys);
    for (size_t i = 1; i < count; i++)
        if (strcmp(reader->scratch[i - 1]->key, reader->scratch[i]->key) == 0)
            return json_error(reader->json, reader->scratch[i],
                              "\"%s\" is there already, in line %u",
                              reader->scratch[i]->key,
                              reader->scratch[i - 1]->line);
    return 0;
}

/* Behind a value: goes to where the next one begins. Returns 1, 0 at the end of
 * everything, -1. */
static int json_go_on(struct json_reader *reader)
{
    for (;;) {
        json_skip_space(reader);
        if (reader->depth == 0) {
            if (reader->at != reader->end)
                return json_refuse_character(reader, "nothing after the end");
            return 0;
        }
        const struct json_value *within = reader->open[reader->depth - 1].value;
        size_t members = reader->open[reader->depth - 1].members;
        bool is_array = within->type == JSON_ARRAY;
        if (*reader->at == (is_array ? ']' : '}')) {
            reader->at++;
            reader->depth--;
            if (!is_array && json_check_keys(reader, within, members) == -1)
                return -1;
            continue;
        }
        if (members == 0)
            return 1;
        if (*reader->at != ',')
            return json_refuse_character(reader, is_array ? "',' or ']'"
                                                          : "',' or '}'");
        reader->at++;
        json_skip_space(reader);
        return 1;
    }
}

/* Hangs a new value into what is open. */
static struct json_value *json_add_value(struct json_reader *reader,
                                         const char *key)
{
    struct json_value *value = &reader->json->values[reader->count++];
    *value = (struct json_value){.key = key};
    if (reader->depth == 0)
        return value;
    size_t innermost = reader->depth - 1;
    if (reader->open[innermost].members++ == 0)
        reader->open[innermost].value->first = value;
    else
        reader->open[innermost].last->next = value;
    reader->open[innermost].last = value;
    return value;
}

static int json_read_values(struct json_reader *reader)
{
    int more = 1;
    json_skip_space(reader);
    while (more == 1) {
        const char *key = NULL;
        if (reader->depth > 0 &&
            reader->open[reader->depth - 1].value->type == JSON_OBJECT &&
            json_read_key(reader, &key) == -1)
            return -1;
        struct json_value *value = json_add_value(reader, key);
        if (json_begin_value(reader, value) == -1)
            return -1;
        more = json_go_on(reader);
    }
    return more;
}

/* ---- Whole files ---- */

/* No more than this: each but the first stands behind one of these. */
static size_t json_count_values(const char *text, size_t size)
{
    size_t count = 1;
    for (size_t i = 0; i < size; i++)
        count += text[i] == '[' || text[i] == '{' || text[i] == ',';
    return count;
}

struct json *json_parse(const char *name, const char *text, size_t size)
{
    size_t most = json_count_values(text, size);
    /* All of it in one piece: most files are small, and each piece is a page to begin. */
    struct json *json =
        calloc(1, sizeof *json + size + 1 +
                      most * (sizeof *json->values + sizeof(void *)));
    if (json == NULL) {
        log_error("%s: out of memory (ENOMEM)", name);
        return NULL;
    }
    json->name = name;
    json->values = (struct json_value *)(json + 1);
    json->root = json->values;
    struct json_reader reader = {.json = json, .line = 1};
    reader.scratch = (const struct json_value **)(json->values + most);
    json->text = memcpy(reader.scratch + most, text, size);
    reader.at = json->text;
    reader.end = json->text + size;
    if (json_read_values(&reader) == 0)
        return json;
    free(json);
    return NULL;
}

struct json *json_read(const char *path, size_t most_bytes)
{
    struct json *json = NULL;
    struct stat status;
    size_t used = 0;
    ssize_t got = 1;
    /* Without waiting for whoever writes to a pipe. */
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd == -1) {
        log_call(fd, "a file of JSON", "openat(\"%s\", O_RDONLY)", path);
        return NULL;
    }
    char *text = malloc(most_bytes + 1);
    errno = text == NULL ? ENOMEM : 0;
    if (text == NULL || fstat(fd, &status) == -1 || !S_ISREG(status.st_mode))
        got = -1;
    while (got > 0 && used <= most_bytes) {
        got = read(fd, text + used, most_bytes + 1 - used);
        if (got > 0)
            used += (size_t)got;
    }
    int error = got == -1 ? errno : 0;
    close(fd);
    if (got == 0 && used <= most_bytes)
        json = json_parse(path, text, used);
    else if (error != 0)
        log_error("%s can not be read (%s)", path, advice_error_name(error));
    else
        log_error("%s: expected a file of %zu bytes at most", path, most_bytes);
    free(text);
    if (error != 0)
        errno = error;
    return json;
}

void json_free(struct json *json)
{
    free(json);
}

size_t json_count(const struct json_value *value)
{
    size_t count = 0;
    for (const struct json_value *one = value == NULL ? NULL : value->first;
         one != NULL; one = one->next)
        count++;
    return count;
}

const struct json_value *json_member(const struct json_value *object,
                                     const char *key)
{
    if (object == NULL || object->type != JSON_OBJECT)
        return NULL;
    const struct json_value *member = object->first;
    while (member != NULL && strcmp(member->key, key) != 0)
        member = member->next;
    return member;
}

int json_unsigned(const struct json_value *value, uint64_t maximum,
                  uint64_t *number)
{
    if (value->type != JSON_NUMBER)
        return -1;
    const char *rest = number_scan(value->text, maximum, number);
    return rest == value->text + value->length ? 0 : -1;
}
