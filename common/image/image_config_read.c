/* Reading what an image says of itself: see image_config.h. */
#include "common/base/json.h"
#include "common/image/image_config_members.h"

#include <errno.h>
#include <string.h>

/* null is the same as no such member. */
static const struct json_value *
image_config_member(const struct json_value *object, const char *key)
{
    const struct json_value *value = json_member(object, key);
    return value != NULL && value->type == JSON_NULL ? NULL : value;
}

static int image_config_check(const struct json *json,
                              const struct json_value *value,
                              enum json_type type, const char *key,
                              const char *expected)
{
    return value->type == type
               ? 0
               : json_error(json, value, "\"%s\": expected %s", key, expected);
}

/* What it is to be, and what is said where it is not. */
static const struct {
    enum json_type type;
    const char *expected;
} image_config_forms[] = {
    [IMAGE_MEMBER_TEXT] = {JSON_STRING, "a string"},
    [IMAGE_MEMBER_LIST] = {JSON_ARRAY, "an array of strings"},
    [IMAGE_MEMBER_SET] = {JSON_OBJECT, "an object of empty objects"},
    [IMAGE_MEMBER_PAIRS] = {JSON_OBJECT, "an object of strings"},
};

/* An element of a list, or a member of the others. */
static int image_config_read_one(struct image_config *config,
                                 const struct json *json,
                                 const struct json_value *one,
                                 const struct image_member *member)
{
    const char *key = member->key;
    const char *expected = image_config_forms[member->kind].expected;
    struct image_texts *texts = image_member_texts(config, member);
    if (member->kind == IMAGE_MEMBER_SET)
        return one->type != JSON_NULL &&
                       image_config_check(json, one, JSON_OBJECT, key,
                                          expected) == -1
                   ? -1
                   : image_config_add(config, texts, one->key, true);
    if (image_config_check(json, one, JSON_STRING, key, expected) == -1)
        return -1;
    if (member->kind == IMAGE_MEMBER_PAIRS) {
        if (*one->key == '\0' || strchr(one->key, '=') != NULL)
            return json_error(json, one,
                              "\"%s\": expected a name without = in it, not "
                              "\"%s\"",
                              key, one->key);
        return image_config_assign(config, texts, one->key, one->text);
    }
    const char *equals = strchr(one->text, '=');
    if (texts == &config->environment &&
        (equals == NULL || equals == one->text))
        return json_error(json, one, "\"%s\": expected NAME=VALUE", key);
    return image_config_add(config, texts, one->text, false);
}

static int image_config_read_member(struct image_config *config,
                                    const struct json *json,
                                    const struct json_value *value,
                                    const struct image_member *member)
{
    const char *const nothing[] = {NULL};
    if (image_config_check(json, value, image_config_forms[member->kind].type,
                           member->key,
                           image_config_forms[member->kind].expected) == -1)
        return -1;
    if (member->kind == IMAGE_MEMBER_TEXT)
        return image_config_set_text(config, image_member_text(config, member),
                                     *value->text == '\0' ? NULL : value->text);
    /* An empty one is something else than none. */
    if (image_config_set_texts(config, image_member_texts(config, member),
                               nothing, 0) == -1)
        return -1;
    for (const struct json_value *one = value->first; one != NULL;
         one = one->next)
        if (image_config_read_one(config, json, one, member) == -1)
            return -1;
    return 0;
}

/* These are read by themselves. */
static bool image_config_is_other(const char *key)
{
    static const char *const others[] = {"config", "rootfs", "history"};
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        if (strcmp(others[i], key) == 0)
            return true;
    return false;
}

/* All members of a table that are there; and whether there are more. */
static int image_config_read_members(struct image_config *config,
                                     const struct json *json,
                                     const struct json_value *object,
                                     const struct image_member *table)
{
    bool is_outer = object == json->root;
    for (const struct json_value *value = object->first; value != NULL;
         value = value->next) {
        const struct image_member *member = table;
        if (value->type == JSON_NULL)
            continue;
        while (member->key != NULL && strcmp(member->key, value->key) != 0)
            member++;
        if (member->key == NULL &&
            !(is_outer && image_config_is_other(value->key)))
            config->has_more = true;
        if (member->key != NULL &&
            image_config_read_member(config, json, value, member) == -1)
            return -1;
    }
    return 0;
}

static int image_config_read_layers(struct image_config *config,
                                    const struct json *json)
{
    static const char expected[] =
        "\"diff_ids\": expected sha256: and 64 small hexadecimal digits";
    const struct json_value *rootfs = image_config_member(json->root, "rootfs");
    const struct json_value *type = image_config_member(rootfs, "type");
    const struct json_value *layers = image_config_member(rootfs, "diff_ids");
    if (rootfs == NULL || rootfs->type != JSON_OBJECT)
        return json_error(json, json->root, "expected \"rootfs\", an object");
    if (type == NULL || type->type != JSON_STRING ||
        strcmp(type->text, "layers") != 0)
        return json_error(json, rootfs, "\"type\": expected \"layers\"");
    if (layers == NULL) /* an image of nothing */
        return 0;
    if (layers->type != JSON_ARRAY)
        return json_error(json, layers, "\"diff_ids\": expected an array");
    for (const struct json_value *one = layers->first; one != NULL;
         one = one->next) {
        const char *digits =
            one->type == JSON_STRING ? sha256_parse(one->text) : NULL;
        if (digits == NULL)
            return json_error(json, one, expected);
        if (image_config_add(config, &config->layers, digits, false) == -1)
            return -1;
    }
    return 0;
}

static int image_config_read_history(struct image_config *config,
                                     const struct json *json)
{
    const struct json_value *all = image_config_member(json->root, "history");
    if (all == NULL)
        return 0;
    if (image_config_check(json, all, JSON_ARRAY, "history", "an array") == -1)
        return -1;
    for (const struct json_value *one = all->first; one != NULL;
         one = one->next) {
        struct image_history history = {0};
        const struct {
            const char *key, **field;
        } texts[] = {{"created", &history.created},
                     {"created_by", &history.created_by},
                     {"comment", &history.comment},
                     {"author", &history.author}};
        if (image_config_check(json, one, JSON_OBJECT, "history",
                               "an array of objects") == -1)
            return -1;
        for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
            const struct json_value *value =
                image_config_member(one, texts[i].key);
            if (value != NULL &&
                image_config_check(json, value, JSON_STRING, texts[i].key,
                                   "a string") == -1)
                return -1;
            if (value != NULL)
                *texts[i].field = value->text;
        }
        const struct json_value *empty =
            image_config_member(one, "empty_layer");
        if (empty != NULL && empty->type != JSON_FALSE &&
            image_config_check(json, empty, JSON_TRUE, "empty_layer",
                               "true or false") == -1)
            return -1;
        history.empty_layer = empty != NULL && empty->type == JSON_TRUE;
        if (image_config_add_history(config, &history) == -1)
            return -1;
    }
    return 0;
}

static int image_config_read_all(struct image_config *config,
                                 const struct json *json)
{
    const struct json_value *inner = image_config_member(json->root, "config");
    if (json->root->type != JSON_OBJECT)
        return json_error(json, json->root, "expected an object");
    if (image_config_read_members(config, json, json->root,
                                  image_config_outer_members) == -1)
        return -1;
    if (config->architecture == NULL || config->os == NULL)
        return json_error(json, json->root,
                          "expected \"architecture\" and \"os\"");
    if (inner != NULL &&
        (image_config_check(json, inner, JSON_OBJECT, "config", "an object") ==
             -1 ||
         image_config_read_members(config, json, inner,
                                   image_config_inner_members) == -1))
        return -1;
    return image_config_read_layers(config, json) == -1
               ? -1
               : image_config_read_history(config, json);
}

int image_config_read(struct image_config *config, const char *name,
                      const char *text, size_t size)
{
    *config = (struct image_config){0};
    struct json *json = json_parse(name, text, size);
    if (json == NULL) {
        errno = EINVAL;
        return -1;
    }
    errno = 0;
    int result = image_config_read_all(config, json);
    int error = errno == ENOMEM ? ENOMEM : EINVAL;
    json_free(json);
    errno = error;
    return result;
}
