/*
 * json_writer: JSON that base/json reads back, a member a line.
 *
 *     struct json_writer writer = {.file = stdout};
 *     json_write_open(&writer, NULL, '{');
 *     json_write_text(&writer, "name", "web");
 *     json_write_open(&writer, "ports", '[');
 *     json_write_number(&writer, NULL, 80);
 *     json_write_close(&writer, ']');
 *     json_write_close(&writer, '}');
 *
 * `key` is NULL in an array, and for the outermost value. Whether everything was
 * written the stream knows: ferror(3), fclose(3).
 *
 * taught in: step 00, lessons/00-before-you-start.md
 */
#ifndef NSCTL_BASE_JSON_WRITER_H
#define NSCTL_BASE_JSON_WRITER_H

#include "common/base/json.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

struct json_writer {
    FILE *file;
    bool one_line;    /* no line breaks: for one object a line */
    unsigned depth;   /* of brackets that are open */
    bool has_members; /* a comma goes before the next one */
};

/* An object, '{' and '}', or an array, '[' and ']'. When the outermost one is
 * closed a line break follows. */
void json_write_open(struct json_writer *writer, const char *key, char bracket);
void json_write_close(struct json_writer *writer, char bracket);

/* NULL for `text` becomes null. JSON is UTF-8: bytes that are not become U+FFFD,
 * the replacement character. */
void json_write_text(struct json_writer *writer, const char *key,
                     const char *text);

/* An array of texts, ended by NULL; NULL itself is an empty one. */
void json_write_texts(struct json_writer *writer, const char *key,
                      const char *const *texts);

void json_write_number(struct json_writer *writer, const char *key,
                       int64_t number);
void json_write_unsigned(struct json_writer *writer, const char *key,
                         uint64_t number);
/* `number` with so many places behind a point: 12345 with 3 is 12.345. */
void json_write_decimal(struct json_writer *writer, const char *key,
                        int64_t number, unsigned places);
void json_write_bool(struct json_writer *writer, const char *key, bool value);
void json_write_null(struct json_writer *writer, const char *key);

/* What has been read, with all that is in it. */
void json_write_value(struct json_writer *writer, const char *key,
                      const struct json_value *value);

#endif
