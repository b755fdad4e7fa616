/* ps: the containers that there are, and how they are. */
#include "common/runtime/list.h"

#include "common/base/clock.h"
#include "common/base/json_writer.h"
#include "common/base/number.h"
#include "common/base/table.h"
#include "common/runtime/list_filter.h"
#include "common/runtime/pause.h"
#include "common/runtime/subcommands.h"

#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

/* ---- Words ---- */

#define MINUTE INT64_C(60)
#define HOUR   (60 * MINUTE)
#define DAY    (24 * HOUR)

void list_write_age(int64_t ns, char *text, size_t size)
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

void list_write_status(const struct record *record, int64_t now_ns, char *text,
                       size_t size)
{
    char age[64];
    switch (record->status) {
    case RECORD_CREATED:
        snprintf(text, size, "Created");
        return;
    case RECORD_RUNNING:
        list_write_age(now_ns - record->started_ns, age, sizeof age);
        snprintf(text, size, "Up %s%s", age,
                 pause_is_paused(record) ? " (Paused)" : "");
        return;
    case RECORD_EXITED:
        list_write_age(now_ns - record->finished_ns, age, sizeof age);
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

const char *list_state_name(const struct record *record)
{
    return pause_is_paused(record) ? "paused"
                                   : record_status_name(record->status);
}

void list_write_command(const struct record *record, char *text, size_t size)
{
    size_t used = 0;
    text[0] = '\0';
    for (const char *const *word = record->command;
         word != NULL && *word != NULL && used < size; word++)
        used += (size_t)snprintf(text + used, size - used, "%s%s",
                                 used == 0 ? "" : " ", *word);
}

/* At most so many characters, the last of them … where there are more. */
static void list_shorten(char *text, size_t most)
{
    char *end = text;
    for (size_t i = 0; i + 1 < most && *end != '\0'; i++)
        do
            end++;
        while ((*end & 0xc0) == 0x80);
    if (table_width(end) > 1)
        memcpy(end, "…", sizeof "…");
}

/* The same for a path, whose end says more than its beginning. `text` has room for …. */
static void list_shorten_path(char *text, size_t most)
{
    const char *rest = text;
    size_t width = table_width(text);
    for (size_t i = most; i < width + 1 && width > most && *rest != '\0'; i++)
        do
            rest++;
        while ((*rest & 0xc0) == 0x80);
    if (rest == text)
        return;
    memmove(text + sizeof "…" - 1, rest, strlen(rest) + 1);
    memcpy(text, "…", sizeof "…" - 1);
}

static void list_write_ports(const struct record *record, char *text,
                             size_t size)
{
    size_t used = 0;
    text[0] = '\0';
    for (const char *const *port = record->ports;
         port != NULL && *port != NULL && used < size; port++)
        used += (size_t)snprintf(text + used, size - used, "%s%s",
                                 used == 0 ? "" : ", ", *port);
}

const char *list_image_name(const struct record *record)
{
    const char *name = record->image == NULL ? record->root : record->image;
    return name == NULL ? "" : name;
}

/* ---- ps ---- */

static const char *list_parse_last(const char *text, void *most)
{
    const char *rest = number_scan(text, INT32_MAX, most);
    return rest == NULL || *rest != '\0' || *(uint64_t *)most == 0
               ? "expected a number from 1 on"
               : NULL;
}

struct list_options {
    bool all, quiet, json, untruncated, latest;
    uint64_t most; /* so many, the newest */
    struct list_filters filters;
};

static void list_add(struct table *table, const struct record *record,
                     const struct list_options *options)
{
    enum { MOST = 20 };
    char text[PATH_MAX + sizeof "…"], age[64];
    size_t id_length = RECORD_SHORT_ID_LENGTH;
    int64_t now_ns = clock_now_ns(CLOCK_REALTIME);
    snprintf(text, sizeof text, "%.*s",
             options->untruncated ? RECORD_ID_LENGTH : (int)id_length,
             record->id);
    table_add(table, text);
    snprintf(text, sizeof text, "%s", list_image_name(record));
    if (!options->untruncated)
        list_shorten_path(text, MOST);
    table_add(table, text);
    list_write_command(record, text, sizeof text - sizeof "…");
    if (!options->untruncated)
        list_shorten(text, MOST);
    table_add(table, text);
    list_write_age(now_ns - record->created_ns, age, sizeof age);
    snprintf(text, sizeof text, "%s ago", age);
    table_add(table, record->created_ns == 0 ? "" : text);
    list_write_status(record, now_ns, text, sizeof text);
    table_add(table, text);
    table_add(table, record->status == RECORD_RUNNING ? record->address : "");
    list_write_ports(record, text, sizeof text);
    table_add(table, record->status == RECORD_RUNNING ? text : "");
    table_add(table, record->name);
}

/* The keys are those that podman's users know. */
static void list_write_json(struct json_writer *writer,
                            const struct record *record)
{
    char status[128];
    const char *names[] = {record->name, NULL};
    bool running = record->status == RECORD_RUNNING;
    list_write_status(record, clock_now_ns(CLOCK_REALTIME), status,
                      sizeof status);
    json_write_open(writer, NULL, '{');
    json_write_text(writer, "Id", record->id);
    json_write_texts(writer, "Names", names);
    json_write_text(writer, "Image", list_image_name(record));
    json_write_text(writer, "ImageID", record->image_id);
    json_write_texts(writer, "Command", record->command);
    json_write_number(writer, "Created", record->created_ns / 1000000000);
    json_write_text(writer, "State", list_state_name(record));
    json_write_text(writer, "Status", status);
    if (record->status == RECORD_EXITED && record->exit_status != -1)
        json_write_number(writer, "ExitCode", record->exit_status);
    else
        json_write_null(writer, "ExitCode");
    json_write_number(writer, "Pid", running ? record->init_process.pid : 0);
    json_write_text(writer, "Address", running ? record->address : NULL);
    json_write_texts(writer, "Ports", record->ports);
    json_write_close(writer, '}');
}

/* A corrupt one may be running: it is not to be overlooked. */
static bool list_is_asked(const struct record *record,
                          const struct list_options *options)
{
    return (options->all || record->status == RECORD_RUNNING ||
            record->status == RECORD_CORRUPT) &&
           list_filter_takes(&options->filters, record);
}

static void list_print(const struct record *records, size_t count,
                       const struct list_options *options)
{
    static const char *const headings[] = {"CONTAINER ID", "IMAGE",  "COMMAND",
                                           "CREATED",      "STATUS", "ADDRESS",
                                           "PORTS",        "NAMES",  NULL};
    struct table table = {.headings = headings};
    struct json_writer writer = {.file = stdout};
    if (options->json)
        json_write_open(&writer, NULL, '[');
    uint64_t left = options->most;
    for (size_t i = 0; i < count && left > 0; i++) {
        const struct record *record = &records[i];
        if (!list_is_asked(record, options))
            continue;
        left--;
        if (options->json)
            list_write_json(&writer, record);
        else if (options->quiet)
            printf("%.*s\n",
                   options->untruncated ? RECORD_ID_LENGTH
                                        : RECORD_SHORT_ID_LENGTH,
                   record->id);
        else
            list_add(&table, record, options);
    }
    if (options->json)
        json_write_close(&writer, ']');
    else if (!options->quiet)
        table_print(&table, stdout);
}

int subcommand_ps(const struct store *store, char **argv)
{
    struct list_options asked = {.most = UINT64_MAX};
    const struct program_option options[] = {
        {"-a --all", NULL, NULL, &asked.all, "also those that do not run"},
        {"-f --filter", "KEY=VALUE", list_filter_parse, &asked.filters,
         "those only: status=exited, exited=N, name=, id=, ancestor=IMAGE"},
        {"-n --last", "N", list_parse_last, &asked.most,
         "the newest, running or not, at most so many"},
        {"-l --latest", NULL, NULL, &asked.latest, "the newest one"},
        {"-q --quiet", NULL, NULL, &asked.quiet, "ids only"},
        {"--no-trunc", NULL, NULL, &asked.untruncated,
         "whole ids, roots and commands"},
        {"--json", NULL, NULL, &asked.json, "an array of objects"},
        {0},
    };
    static const struct program_absent absent[] = {
        {"--format", "--json is what programs may read"},
        {"-s --size", "`diff` lists what one has written"},
        {"-w --watch", "watch(1) before it, or `stats`"},
        {0},
    };
    const struct program program = {
        .name = argv[0],
        .summary = "Lists containers, the newest first.",
        .usage = "[OPTION...]",
        .example = "ps -a",
        .options = options,
        .absent = absent,
    };
    struct record *records;
    size_t count;
    subcommands_read(&program, argv, 0, 0);
    if (asked.latest)
        asked.most = 1;
    asked.all |= asked.most != UINT64_MAX || asked.filters.not_only_running;
    if (store_list(store, &records, &count) == -1)
        return EXIT_OURS;
    list_print(records, count, &asked);
    store_free_list(records, count);
    return subcommands_end_output(0);
}
