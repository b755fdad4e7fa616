/* ps: the containers that there are, and how they are. */
#include "common/base/clock.h"
#include "common/base/json_writer.h"
#include "common/base/number.h"
#include "common/base/table.h"
#include "common/runtime/list_filter.h"
#include "common/runtime/record_text.h"
#include "common/runtime/subcommands.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

/* As table_shorten() does, but a path, whose end says more than its beginning. */
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
    snprintf(text, sizeof text, "%s", record_text_image(record));
    if (!options->untruncated)
        list_shorten_path(text, MOST);
    table_add(table, text);
    record_text_command(record, text, sizeof text - sizeof "…");
    if (!options->untruncated)
        table_shorten(text, MOST);
    table_add(table, text);
    record_text_age(now_ns - record->created_ns, age, sizeof age);
    snprintf(text, sizeof text, "%s ago", age);
    table_add(table, record->created_ns == 0 ? "" : text);
    record_text_status(record, now_ns, text, sizeof text);
    table_add(table, text);
    table_add(table, record->status == RECORD_RUNNING ? record->address : "");
    record_text_ports(record, text, sizeof text);
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
    record_text_status(record, clock_now_ns(CLOCK_REALTIME), status,
                       sizeof status);
    json_write_open(writer, NULL, '{');
    json_write_text(writer, "Id", record->id);
    json_write_texts(writer, "Names", names);
    json_write_text(writer, "Image", record_text_image(record));
    json_write_text(writer, "ImageID", record->image_id);
    json_write_texts(writer, "Command", record->command);
    json_write_number(writer, "Created", record->created_ns / 1000000000);
    json_write_text(writer, "State", record_text_state(record));
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
