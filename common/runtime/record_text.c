#include "common/runtime/record_text.h"

#include "common/runtime/pause.h"

#include <inttypes.h>
#include <stdio.h>

#define MINUTE INT64_C(60)
#define HOUR   (60 * MINUTE)
#define DAY    (24 * HOUR)

void record_text_age(int64_t ns, char *text, size_t size)
{
    static const struct {
        int64_t below, unit; /* seconds */
        const char *name;
    } rows[] = {
        {60, 1, "seconds"},
        {HOUR, MINUTE, "minutes"},
        {2 * DAY, HOUR, "hours"},
        {14 * DAY, DAY, "days"},
        {60 * DAY, 7 * DAY, "weeks"},
        {730 * DAY, 30 * DAY, "months"},
        {INT64_MAX, 365 * DAY, "years"},
    };
    int64_t seconds = ns / 1000000000;
    const char *words = seconds < 1             ? "Less than a second"
                        : seconds == 1          ? "1 second"
                        : seconds / MINUTE == 1 ? "About a minute"
                        : (seconds + HOUR / 2) / HOUR == 1 && seconds >= HOUR
                            ? "About an hour"
                            : NULL;
    size_t i = 0;
    while (seconds >= rows[i].below)
        i++;
    if (words != NULL)
        snprintf(text, size, "%s", words);
    else
        snprintf(text, size, "%" PRId64 " %s", seconds / rows[i].unit,
                 rows[i].name);
}

void record_text_status(const struct record *record, int64_t now_ns, char *text,
                        size_t size)
{
    char age[64];
    switch (record->status) {
    case RECORD_CREATED:
        snprintf(text, size, "Created");
        return;
    case RECORD_RUNNING:
        record_text_age(now_ns - record->started_ns, age, sizeof age);
        snprintf(text, size, "Up %s%s", age,
                 pause_is_paused(record) ? " (Paused)" : "");
        return;
    case RECORD_EXITED:
        record_text_age(now_ns - record->finished_ns, age, sizeof age);
        if (record->exit_status == -1) /* nobody was there to see it */
            snprintf(text, size, "Exited (unknown)");
        else
            snprintf(text, size, "Exited (%d) %s ago", record->exit_status,
                     age);
        return;
    case RECORD_CORRUPT:
        snprintf(text, size, "Corrupt");
        return;
    }
}

const char *record_text_state(const struct record *record)
{
    return pause_is_paused(record) ? "paused"
                                   : record_status_name(record->status);
}

/* Texts, with `between` between them; none where `texts` is NULL. */
static void record_text_join(const char *const *texts, const char *between,
                             char *text, size_t size)
{
    size_t used = 0;
    text[0] = '\0';
    for (; texts != NULL && *texts != NULL && used < size; texts++)
        used += (size_t)snprintf(text + used, size - used, "%s%s",
                                 used == 0 ? "" : between, *texts);
}

void record_text_command(const struct record *record, char *text, size_t size)
{
    record_text_join(record->command, " ", text, size);
}

void record_text_ports(const struct record *record, char *text, size_t size)
{
    record_text_join(record->ports, ", ", text, size);
}

const char *record_text_image(const struct record *record)
{
    const char *name = record->image == NULL ? record->root : record->image;
    return name == NULL ? "" : name;
}
