#include "common/runtime/inspect_format.h"

#include "common/base/json_writer.h"
#include "common/base/log.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* Some text, and what stands between the braces that follow it. */
struct inspect_part {
    const char *text;
    size_t text_length;
    const char *path; /* ".State.Pid"; NULL: the end, there is none */
    size_t path_length;
    bool as_json;
};

/* Takes the next part of `format`. Returns what follows it, or NULL: that is none. */
static const char *inspect_format_next(const char *format,
                                       struct inspect_part *part)
{
    static const char word[] = "json";
    const char *open = strstr(format, "{{");
    *part =
        (struct inspect_part){.text = format, .text_length = strlen(format)};
    if (open == NULL)
        return format + part->text_length;
    part->text_length = (size_t)(open - format);
    const char *path = open + 2 + strspn(open + 2, " ");
    if (strncmp(path, word, sizeof word - 1) == 0 &&
        path[sizeof word - 1] == ' ') {
        part->as_json = true;
        path += sizeof word - 1;
        path += strspn(path, " ");
    }
    part->path = path;
    part->path_length =
        strspn(path, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                     "0123456789_-.");
    const char *end = path + part->path_length;
    end += strspn(end, " ");
    return path[0] == '.' && strncmp(end, "}}", 2) == 0 ? end + 2 : NULL;
}

const char *inspect_format_parse(const char *text, void *format)
{
    struct inspect_part part;
    const char *rest = *text == '\0' ? NULL : text;
    while (rest != NULL && *rest != '\0')
        rest = inspect_format_next(rest, &part);
    if (rest == NULL)
        return "expected a text with {{.State.Pid}}, {{json .Config.Env}} and "
               "the like in it";
    *(const char **)format = text;
    return NULL;
}

static const struct json_value *
inspect_format_refuse(const struct inspect_part *part,
                      const struct json_value *value)
{
    char text[512] = "";
    size_t used = 0;
    const struct json_value *member =
        value->type == JSON_OBJECT ? value->first : NULL;
    for (; member != NULL && used < sizeof text; member = member->next)
        used += (size_t)snprintf(text + used, sizeof text - used, " %s",
                                 member->key);
    log_error("--format: there is no %.*s", (int)part->path_length, part->path);
    log_advice("there is:%s", text[0] == '\0' ? " nothing below it" : text);
    return NULL;
}

static const struct json_value *
inspect_format_find(const struct inspect_part *part,
                    const struct json_value *value)
{
    const char *name = part->path, *end = part->path + part->path_length;
    while (name < end) {
        char key[128];
        name++; /* the dot */
        size_t length = strcspn(name, ". }");
        if (length == 0 && name == end && part->path_length == 1)
            return value; /* "." is all of it */
        if (length >= sizeof key)
            return inspect_format_refuse(part, value);
        memcpy(key, name, length);
        key[length] = '\0';
        const struct json_value *member = json_member(value, key);
        if (member == NULL)
            return inspect_format_refuse(part, value);
        value = member;
        name += length;
    }
    return value;
}

static void inspect_format_write(FILE *file, const struct inspect_part *part,
                                 const struct json_value *value)
{
    /* As if in something larger: what ends the line comes later. */
    struct json_writer writer = {.file = file, .one_line = true, .depth = 1};
    char *text = NULL;
    if (value->type == JSON_STRING && !part->as_json)
        text = strdup(value->text);
    if (text == NULL) {
        json_write_value(&writer, NULL, value);
        return;
    }
    log_mask_controls(text, strlen(text));
    fputs(text, file);
    free(text);
}

int inspect_format_print(FILE *file, const char *format,
                         const struct json_value *array)
{
    const struct json_value *element = array->first, *value;
    for (; element != NULL; element = element->next) {
        struct inspect_part part;
        for (const char *rest = format; *rest != '\0';) {
            rest = inspect_format_next(rest, &part);
            fwrite(part.text, 1, part.text_length, file);
            if (part.path == NULL)
                break;
            value = inspect_format_find(&part, element);
            if (value == NULL)
                return -1;
            inspect_format_write(file, &part, value);
        }
        putc('\n', file);
    }
    return 0;
}
