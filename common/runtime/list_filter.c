#include "common/runtime/list_filter.h"

#include "common/base/number.h"
#include "common/runtime/record_text.h"

#include <stdio.h>
#include <string.h>

static bool list_filter_status(const struct record *record, const char *value)
{
    return strcmp(record_text_state(record), value) == 0;
}

static bool list_filter_exited(const struct record *record, const char *value)
{
    char status[16];
    snprintf(status, sizeof status, "%d", record->exit_status);
    return record->status == RECORD_EXITED && strcmp(status, value) == 0;
}

static bool list_filter_name(const struct record *record, const char *value)
{
    return record->name != NULL && strstr(record->name, value) != NULL;
}

static bool list_filter_id(const struct record *record, const char *value)
{
    return strncmp(record->id, value, strlen(value)) == 0;
}

/* The name of an image without a tag is that with "latest". */
static bool list_filter_ancestor(const struct record *record, const char *value)
{
    static const char latest[] = ":latest";
    const char *name = record_text_image(record);
    size_t length = strlen(value);
    if (strncmp(name, value, length) == 0 &&
        (name[length] == '\0' || strcmp(name + length, latest) == 0))
        return true;
    return record->image_id != NULL && length >= RECORD_SHORT_ID_LENGTH &&
           strncmp(record->image_id, value, length) == 0;
}

static const struct list_filter_kind {
    const char *key; /* with its = */
    bool (*takes)(const struct record *record, const char *value);
    bool not_only_running; /* it would be of no use there */
} kinds[] = {
    {"status=", list_filter_status, true},
    {"exited=", list_filter_exited, true},
    {"name=", list_filter_name, false},
    {"id=", list_filter_id, false},
    {"ancestor=", list_filter_ancestor, false},
};

enum { KINDS = sizeof kinds / sizeof kinds[0] };

static const struct list_filter_kind *list_filter_find(const char *text)
{
    for (size_t i = 0; i < KINDS; i++)
        if (strncmp(text, kinds[i].key, strlen(kinds[i].key)) == 0)
            return &kinds[i];
    return NULL;
}

static bool list_filter_is_status(const char *value)
{
    static const char *const names[] = {"created", "running", "paused",
                                        "exited", "corrupt"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (strcmp(names[i], value) == 0)
            return true;
    return false;
}

const char *list_filter_parse(const char *text, void *filters)
{
    static const char expected[] =
        "expected status=, exited=, name=, id= or ancestor=, and what it is";
    struct list_filters *all = filters;
    const struct list_filter_kind *kind = list_filter_find(text);
    uint64_t number;
    if (kind == NULL)
        return expected;
    const char *value = text + strlen(kind->key), *rest = value + strlen(value);
    if (*value == '\0')
        return expected;
    if (kind->takes == list_filter_status && !list_filter_is_status(value))
        return "expected created, running, paused, exited or corrupt";
    if (kind->takes == list_filter_exited)
        rest = number_scan(value, 255, &number);
    if (rest == NULL || *rest != '\0')
        return "expected an exit status, 0 to 255";
    if (all->count == LIST_FILTERS_MOST)
        return "expected 32 of them at most";
    all->all[all->count++] = text;
    all->not_only_running |= kind->not_only_running;
    return NULL;
}

bool list_filter_takes(const struct list_filters *filters,
                       const struct record *record)
{
    for (size_t i = 0; i < KINDS; i++) {
        bool asked = false, takes = false;
        for (size_t j = 0; j < filters->count; j++)
            if (list_filter_find(filters->all[j]) == &kinds[i]) {
                asked = true;
                takes |= kinds[i].takes(record,
                                        filters->all[j] + strlen(kinds[i].key));
            }
        if (asked && !takes)
            return false;
    }
    return true;
}
