/*
 * json: a reader of JSON that takes nothing but JSON.
 *
 *     struct json *json = json_read("profile.json", 1 << 20);
 *     const struct json_value *name = json_member(json->root, "name");
 *     if (name == NULL || name->type != JSON_STRING)
 *         return json_error(json, json->root, "no name in it");
 *     json_free(json);
 *
 * Strict, because a file that two readers take for different things is a way to
 * get one past the other: a key may stand in an object once only, text is UTF-8,
 * nothing may follow the end. Stricter than RFC 8259 in that no string holds a
 * NUL, which no C string could. Every error names the file and the line.
 *
 * taught in: step 00, lessons/00-before-you-start.md
 */
#ifndef NSCTL_BASE_JSON_H
#define NSCTL_BASE_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Arrays and objects nested deeper are refused. */
enum { JSON_MOST_DEPTH = 64 };

enum json_type {
    JSON_NULL,
    JSON_FALSE,
    JSON_TRUE,
    JSON_NUMBER,
    JSON_STRING,
    JSON_ARRAY,
    JSON_OBJECT
};

struct json_value {
    enum json_type type;
    unsigned line;                  /* where it begins, from 1 */
    const char *key;                /* of a member of an object; else NULL */
    const char *text;               /* a string's; a number as it is written */
    size_t length;                  /* of the text, in bytes */
    const struct json_value *first; /* element or member; NULL: it is empty */
    const struct json_value *next;  /* one in the same array or object */
};

struct json {
    const char *name; /* of the file, for errors */
    const struct json_value *root;
    char *text;                /* a copy: strings point into it */
    struct json_value *values; /* all of them */
};

/* Reads a file of at most `most_bytes`, or `size` bytes of text that are called
 * `name` in errors; `name` must stay. Returns what json_free() takes, or NULL,
 * reported. */
struct json *json_read(const char *path, size_t most_bytes);
struct json *json_parse(const char *name, const char *text, size_t size);
void json_free(struct json *json);

/* The member of that name, or NULL; also where `object` is NULL, or is none. */
const struct json_value *json_member(const struct json_value *object,
                                     const char *key);

/* How many elements or members it has; 0 where it is NULL, or none that has any. */
size_t json_count(const struct json_value *value);

/* A number without sign, fraction or exponent, at most `maximum`. Returns 0, or
 * -1, not reported. */
int json_unsigned(const struct json_value *value, uint64_t maximum,
                  uint64_t *number);

/* Whether JSON can hold it as it is: UTF-8 to its end. */
bool json_is_utf8(const char *text);

/* Reports "NAME:LINE: …", the line of `value`. It is -1, with EBADMSG: a macro, so that whoever
 * analyses the code sees that nothing goes on after it. */
#define json_error(...) (json_report(__VA_ARGS__), -1)
void json_report(const struct json *json, const struct json_value *value,
                 const char *format, ...) __attribute__((format(printf, 3, 4)));

#endif
