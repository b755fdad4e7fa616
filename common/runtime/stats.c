/* stats: what containers use. */
#include "common/runtime/stats.h"

#include "common/base/log.h"
#include "common/runtime/subcommands.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

struct stats_options {
    bool once, json, prometheus;
    char **ids; /* only these, NULL at the end; NULL: all */
};

struct stats_rows {
    struct stats_row *all;
    size_t count;
};

/* ---- Samples ---- */

static bool stats_is_wanted(const struct stats_options *asked,
                            const struct record *record)
{
    if (record->status != RECORD_RUNNING)
        return false;
    if (asked->ids == NULL)
        return true;
    for (char **id = asked->ids; *id != NULL; id++)
        if (strcmp(*id, record->id) == 0)
            return true;
    return false;
}

/* CPU time against time, since the last sample of the same container. */
static int64_t stats_compare(const struct stats_row *row,
                             const struct stats_rows *before)
{
    for (size_t i = 0; i < before->count; i++) {
        const struct stats_sample *then = &before->all[i].sample;
        int64_t used = row->sample.figures[STATS_CPU_NS];
        int64_t time_us = (row->sample.taken_ns - then->taken_ns) / 1000;
        if (strcmp(before->all[i].id, row->id) == 0 && used != STATS_UNKNOWN &&
            then->figures[STATS_CPU_NS] != STATS_UNKNOWN && time_us > 0)
            return (used - then->figures[STATS_CPU_NS]) / time_us;
    }
    return STATS_UNKNOWN;
}

/* Samples of all that run and are wanted. Returns 0, or -1, reported. */
static int stats_take(const struct store *store,
                      const struct stats_options *asked,
                      const struct stats_rows *before, struct stats_rows *rows)
{
    struct record *records;
    size_t count;
    rows->count = 0;
    if (store_list(store, &records, &count) == -1)
        return -1;
    rows->all = calloc(count + 1, sizeof *rows->all);
    for (size_t i = 0; rows->all != NULL && i < count; i++) {
        const struct record *record = &records[i];
        struct stats_row *row = &rows->all[rows->count];
        if (!stats_is_wanted(asked, record))
            continue;
        bool shares_network =
            record->network != NULL && strcmp(record->network, "host") == 0;
        memcpy(row->id, record->id, sizeof row->id);
        snprintf(row->name, sizeof row->name, "%s", record->name);
        stats_read(record->cgroups,
                   shares_network ? 0 : record->init_process.pid, &row->sample);
        row->cpu_thousandths = stats_compare(row, before);
        rows->count++;
    }
    store_free_list(records, count);
    return rows->all == NULL ? log_error("stats: no memory") : 0;
}

/* ---- Showing them ---- */

static bool stats_terminal_has_utf8(void)
{
    static const char *const names[] = {"LC_ALL", "LC_CTYPE", "LANG"};
    for (size_t i = 0; i < 3; i++) {
        const char *value = getenv(names[i]);
        if (value != NULL && *value != '\0')
            return strcasestr(value, "UTF-8") != NULL ||
                   strcasestr(value, "UTF8") != NULL;
    }
    return false;
}

static void stats_choose_look(struct stats_look *look)
{
    const char *no_color = getenv("NO_COLOR"), *term = getenv("TERM");
    look->bars =
        isatty(STDOUT_FILENO) && term != NULL && strcmp(term, "dumb") != 0;
    look->utf8 = stats_terminal_has_utf8();
    look->coloured = look->bars && (no_color == NULL || no_color[0] == '\0');
    look->cpus = sysconf(_SC_NPROCESSORS_ONLN);
    look->memory_bytes =
        (int64_t)sysconf(_SC_PHYS_PAGES) * sysconf(_SC_PAGESIZE);
}

/* One picture, drawn over the one before: each line wipes what is left of the old, and
 * what does not fit is cut off. One write, so that nothing flickers, and so that whatever
 * ends us leaves the terminal as it should be. */
static void stats_draw(const char *text, bool first)
{
    struct winsize window = {.ws_row = 24};
    ioctl(STDOUT_FILENO, TIOCGWINSZ, &window);
    unsigned lines = window.ws_row == 0 ? 24 : window.ws_row;
    printf("%s\033[?7l", first ? "\033[H\033[2J" : "\033[H");
    while (*text != '\0' && --lines > 0) {
        int length = (int)strcspn(text, "\n");
        printf("%.*s\033[K\n", length, text);
        text += length + (text[length] == '\n');
    }
    fputs("\033[J\033[?7h", stdout);
}

static void stats_show(const struct stats_rows *rows,
                       const struct stats_options *asked,
                       const struct stats_look *look, bool first)
{
    char *text = NULL;
    size_t size = 0;
    if (asked->prometheus) {
        stats_write_prometheus(rows->all, rows->count, stdout);
    } else if (asked->json) {
        stats_write_json(rows->all, rows->count, !asked->once, stdout);
    } else if (asked->once || !look->bars) {
        if (!first)
            putchar('\n');
        stats_write_table(rows->all, rows->count, look, stdout);
    } else {
        FILE *memory = open_memstream(&text, &size);
        if (memory != NULL) {
            stats_write_table(rows->all, rows->count, look, memory);
            fclose(memory);
            stats_draw(text, first);
        }
        free(text);
    }
}

/* Again and again, until there is nobody left of whom it was asked. */
static int stats_follow(const struct store *store,
                        const struct stats_options *asked)
{
    static const struct timespec second = {.tv_sec = 1};
    static const struct timespec half_a_second = {.tv_nsec = 500000000};
    struct stats_look look;
    struct stats_rows before = {NULL, 0}, rows = {NULL, 0};
    bool first = true;
    int status = EXIT_OURS;
    stats_choose_look(&look);
    /* A share of CPU time takes two samples. */
    if (asked->once && !asked->prometheus) {
        if (stats_take(store, asked, &rows, &before) == -1)
            return status;
        nanosleep(&half_a_second, NULL);
    }
    while (stats_take(store, asked, &before, &rows) == 0) {
        status = 0;
        if (rows.count == 0 && asked->ids != NULL && !first)
            break;
        stats_show(&rows, asked, &look, first);
        free(before.all);
        before = rows;
        rows.all = NULL;
        first = false;
        status = subcommands_end_output(0);
        if (status != 0 || asked->once || asked->prometheus)
            break;
        status = EXIT_OURS;
        nanosleep(&second, NULL);
    }
    free(before.all);
    free(rows.all);
    return status;
}

/* ---- What was asked for ---- */

/* The ids of those that are named, in the place of the words. Returns 0 or the exit
 * status, reported. */
static int stats_find_named(const struct store *store, char **words)
{
    int status = 0;
    for (; status == 0 && *words != NULL; words++) {
        struct record record;
        char *id = NULL;
        status = EXIT_NOT_DONE;
        if (store_look_up(store, *words, &record) == 0) {
            if (record.status != RECORD_RUNNING)
                log_error("%s: it does not run, and so uses nothing", *words);
            else
                id = strdup(record.id);
        }
        record_free(&record);
        if (id != NULL) {
            *words = id;
            status = 0;
        }
    }
    return status;
}

int subcommand_stats(const struct store *store, char **argv)
{
    struct stats_options asked = {0};
    const struct program_option options[] = {
        {"--once --no-stream", NULL, NULL, &asked.once,
         "as it is now, not again and again"},
        {"--json", NULL, NULL, &asked.json,
         "an array of objects; without --once, one a line"},
        {"--prometheus", NULL, NULL, &asked.prometheus,
         "once, in the text format that Prometheus reads"},
        {0},
    };
    static const struct program_absent absent[] = {
        {"--format", "--json is what programs may read"},
        {"-a --all", "only those that run use anything; `ps -a` lists all"},
        {0},
    };
    const struct program program = {
        .name = argv[0],
        .summary = "Shows what containers use: all that run, or those named.",
        .usage = "[OPTION...] [NAME...]",
        .example = "stats --once",
        .options = options,
        .absent = absent,
    };
    char **words = subcommands_read(&program, argv, 0, SIZE_MAX);
    if (asked.json && asked.prometheus)
        program_refuse(&program, "--json or --prometheus, not both");
    int status = stats_find_named(store, words);
    if (status != 0)
        return status;
    if (words[0] != NULL)
        asked.ids = words;
    return stats_follow(store, &asked);
}
