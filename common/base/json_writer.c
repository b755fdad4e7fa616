#include "common/base/json_writer.h"

#include "common/base/utf8.h"

#include <inttypes.h>
#include <stdio.h>

/* Strings may hold anything but these: a quote and a backslash mean something,
 * control characters are not allowed. RFC 8259. DEL and others are, but a terminal obeys
 * them. Returns of how many bytes the character at `c` is. */
static size_t json_write_special(FILE *file, const char *c)
{
    size_t length = utf8_length(c, UTF8_TO_NUL);
    if (length == 0) {
        fputs("\xef\xbf\xbd", file);
        return 1;
    }
    if (*c == '"' || *c == '\\')
        fprintf(file, "\\%c", *c);
    else if (utf8_is_obeyed(c, length))
        fprintf(file, "\\u%04x", utf8_number(c, length));
    else
        fwrite(c, 1, length, file);
    return length;
}

static void json_write_string(FILE *file, const char *text)
{
    const char *c = text;
    putc('"', file);
    while (*c != '\0') {
        /* Most of a text is what may stand as it is: all at once. */
        const char *plain = c;
        while (*c >= ' ' && *c < 0x7f && *c != '"' && *c != '\\')
            c++;
        fwrite(plain, 1, (size_t)(c - plain), file);
        if (*c != '\0')
            c += json_write_special(file, c);
    }
    putc('"', file);
}

static void json_write_line(const struct json_writer *writer)
{
    if (writer->one_line)
        return;
    putc('\n', writer->file);
    for (unsigned i = 0; i < writer->depth; i++)
        fputs("  ", writer->file);
}

/* All that goes before a value. */
static void json_write_key(struct json_writer *writer, const char *key)
{
    if (writer->has_members)
        putc(',', writer->file);
    if (writer->depth > 0)
        json_write_line(writer);
    writer->has_members = true;
    if (key == NULL)
        return;
    json_write_string(writer->file, key);
    fputs(writer->one_line ? ":" : ": ", writer->file);
}

void json_write_open(struct json_writer *writer, const char *key, char bracket)
{
    json_write_key(writer, key);
    putc(bracket, writer->file);
    writer->depth++;
    writer->has_members = false;
}

void json_write_close(struct json_writer *writer, char bracket)
{
    writer->depth--;
    if (writer->has_members)
        json_write_line(writer);
    putc(bracket, writer->file);
    writer->has_members = writer->depth > 0;
    if (writer->depth == 0)
        putc('\n', writer->file);
}

void json_write_text(struct json_writer *writer, const char *key,
                     const char *text)
{
    if (text == NULL) {
        json_write_null(writer, key);
        return;
    }
    json_write_key(writer, key);
    json_write_string(writer->file, text);
}

void json_write_texts(struct json_writer *writer, const char *key,
                      const char *const *texts)
{
    json_write_open(writer, key, '[');
    for (; texts != NULL && *texts != NULL; texts++)
        json_write_text(writer, NULL, *texts);
    json_write_close(writer, ']');
}

void json_write_number(struct json_writer *writer, const char *key,
                       int64_t number)
{
    json_write_key(writer, key);
    fprintf(writer->file, "%" PRId64, number);
}

void json_write_unsigned(struct json_writer *writer, const char *key,
                         uint64_t number)
{
    json_write_key(writer, key);
    fprintf(writer->file, "%" PRIu64, number);
}

void json_write_decimal(struct json_writer *writer, const char *key,
                        int64_t number, unsigned places)
{
    uint64_t unit = 1;
    uint64_t size = number < 0 ? -(uint64_t)number : (uint64_t)number;
    for (unsigned i = 0; i < places; i++)
        unit *= 10;
    json_write_key(writer, key);
    fprintf(writer->file, "%s%" PRIu64, number < 0 ? "-" : "", size / unit);
    if (places > 0)
        fprintf(writer->file, ".%0*" PRIu64, (int)places, size % unit);
}

void json_write_bool(struct json_writer *writer, const char *key, bool value)
{
    json_write_key(writer, key);
    fputs(value ? "true" : "false", writer->file);
}

void json_write_null(struct json_writer *writer, const char *key)
{
    json_write_key(writer, key);
    fputs("null", writer->file);
}

void json_write_value(struct json_writer *writer, const char *key,
                      const struct json_value *value)
{
    const struct json_value *member = value->first;
    bool is_object = value->type == JSON_OBJECT;
    switch (value->type) {
    case JSON_NULL:
        json_write_null(writer, key);
        return;
    case JSON_FALSE:
    case JSON_TRUE:
        json_write_bool(writer, key, value->type == JSON_TRUE);
        return;
    case JSON_NUMBER:
        json_write_key(writer, key);
        fwrite(value->text, 1, value->length, writer->file);
        return;
    case JSON_STRING:
        json_write_text(writer, key, value->text);
        return;
    case JSON_ARRAY:
    case JSON_OBJECT:
        json_write_open(writer, key, is_object ? '{' : '[');
        for (; member != NULL; member = member->next)
            json_write_value(writer, member->key, member);
        json_write_close(writer, is_object ? '}' : ']');
    }
}
