/* logs: what a container has printed, and prints. */
#include "common/base/files.h"
#include "common/base/log.h"
#include "common/runtime/logs_print.h"
#include "common/runtime/subcommands.h"

#include <stdio.h>
#include <time.h>
#include <unistd.h>

/* One that is just being made has a record, and its log in a moment. */
static void logs_await_file(const struct record *record)
{
    static const struct timespec pause = {.tv_nsec = 2000000L};
    while (access(record->log_path, F_OK) == -1 && record_is_alive(record))
        nanosleep(&pause, NULL);
}

static void logs_print_more(void)
{
    puts("\nAs it came: with colours, and whatever else a terminal obeys. Of a "
         "container\nthat is not to be trusted: logs NAME | cat -v");
}

int subcommand_logs(const struct store *store, char **argv)
{
    struct logs_selection selection = {.tail = -1};
    const struct program_option options[] = {
        {"-f --follow", NULL, NULL, &selection.follow,
         "and all that it will print, until it ends"},
        {"-n --tail", "LINES", logs_parse_tail, &selection.tail,
         "only so many, the last ones (default: all)"},
        {"--since", "TIME", logs_parse_since, selection.since,
         "not what is older: 2026-11-22T10:00:00Z, or how long ago: 1h30m"},
        {"-t --timestamps", NULL, NULL, &selection.timestamps,
         "when, before each line"},
        {0},
    };
    static const struct program_absent absent[] = {
        {"--until",
         "--timestamps says when; the rest is for a filter behind it"},
        {"--details", "there are none but what was printed"},
        {0},
    };
    const struct program program = {
        .name = argv[0],
        .summary = "Prints what a container has printed, as it came: stdout "
                   "to stdout, stderr to stderr.",
        .usage = "[OPTION...] NAME",
        .example = "logs -f --tail 10 web",
        .options = options,
        .absent = absent,
        .print_more = logs_print_more,
    };
    char **words = subcommands_read(&program, argv, 1, 1);
    struct record record;
    char path[PATH_MAX];
    int monitor_fd = -1, status = EXIT_NOT_DONE;
    if (store_look_up(store, words[0], &record) == 0 &&
        files_path(path, "%s/%s.log", store->logs, record.id) == 0) {
        if (record.log_path == NULL) /* of a corrupt one */
            record.log_path = path;
        if (record_is_alive(&record))
            monitor_fd = record_open_process(&record, &record.monitor);
        logs_await_file(&record);
        status = logs_print(record.log_path, &selection, monitor_fd);
        if (record.error != NULL)
            log_warning("%s: %s", words[0], record.error);
    }
    record_free(&record);
    if (monitor_fd != -1)
        close(monitor_fd);
    return status;
}
