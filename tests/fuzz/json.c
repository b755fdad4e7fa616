/*
 * fuzz: the JSON reader. What it takes is written out again from what it found,
 * which it must take too, and find the same in.
 */
#include "tests/fuzz/fuzz.h"

#include "common/base/json.h"

#include <stdbool.h>
#include <stdio.h>

struct output {
    char *text;
    size_t used, size;
};

static void put(struct output *output, const char *text, size_t length)
{
    fuzz_require(length <= output->size - output->used);
    memcpy(output->text + output->used, text, length);
    output->used += length;
}

static void put_string(struct output *output, const char *text, size_t length)
{
    put(output, "\"", 1);
    fuzz_require(text[length] == '\0' && strlen(text) == length);
    for (size_t i = 0; i < length; i++) {
        unsigned char c = (unsigned char)text[i];
        char escape[8];
        if (c >= ' ' && c != '"' && c != '\\')
            put(output, &text[i], 1);
        else
            put(output, escape,
                (size_t)snprintf(escape, sizeof escape, "\\u%04x", c));
    }
    put(output, "\"", 1);
}

static void put_scalar(struct output *output, const struct json_value *value)
{
    static const char *const words[] = {"null", "false", "true"};
    fuzz_require(value->first == NULL);
    if (value->type == JSON_STRING)
        put_string(output, value->text, value->length);
    else if (value->type == JSON_NUMBER)
        put(output, value->text, value->length);
    else
        put(output, words[value->type], strlen(words[value->type]));
}

static bool has_inside(const struct json_value *value)
{
    return value->type == JSON_ARRAY || value->type == JSON_OBJECT;
}

/* Without recursion, as the reader is: the way up is kept. */
static void put_json(struct output *output, const struct json_value *value)
{
    const struct json_value *up[JSON_MOST_DEPTH];
    size_t depth = 0;
    while (value != NULL || depth > 0) {
        if (value == NULL) {
            const struct json_value *done = up[--depth];
            put(output, done->type == JSON_ARRAY ? "]" : "}", 1);
            value = done->next;
        } else {
            bool is_member = depth > 0 && up[depth - 1]->type == JSON_OBJECT;
            fuzz_require((value->key != NULL) == is_member);
            if (depth > 0 && value != up[depth - 1]->first)
                put(output, ",", 1);
            if (is_member) {
                fuzz_require(json_member(up[depth - 1], value->key) == value);
                put_string(output, value->key, strlen(value->key));
                put(output, ":", 1);
            }
            if (has_inside(value)) {
                fuzz_require(depth < JSON_MOST_DEPTH);
                put(output, value->type == JSON_ARRAY ? "[" : "{", 1);
                up[depth++] = value;
                value = value->first;
                continue;
            }
            put_scalar(output, value);
            value = value->next;
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = malloc(size + 1); /* of its own size, so that ASan sees */
    fuzz_require(text != NULL);
    memcpy(text, data, size);
    struct json *json = json_parse("fuzz", text, size);
    free(text);
    if (json == NULL)
        return 0;
    struct output first = {.size = size * 6 + 16}, again = first;
    first.text = malloc(first.size);
    again.text = malloc(again.size);
    fuzz_require(first.text != NULL && again.text != NULL);
    put_json(&first, json->root);
    json_free(json);

    json = json_parse("again", first.text, first.used);
    fuzz_require(json != NULL);
    put_json(&again, json->root);
    fuzz_require(first.used == again.used &&
                 memcmp(first.text, again.text, first.used) == 0);
    json_free(json);
    free(first.text);
    free(again.text);
    return 0;
}
