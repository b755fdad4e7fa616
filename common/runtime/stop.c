/* stop, kill: signals to containers. */
#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/number.h"
#include "common/base/signal_names.h"
#include "common/runtime/ending.h"
#include "common/runtime/subcommands.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { GRACE_SECONDS = 10, MONITOR_MS = 10000 };

/* ---- stop ---- */

struct stop_options {
    int signal;      /* 0: the container's own */
    int64_t seconds; /* -1: for ever */
};

/* What is to be stopped: records[i] is that of words[i]. */
struct stop {
    struct record *records;
    int *statuses;
    const struct stop_options *options;
};

static const char *stop_parse_seconds(const char *text, void *seconds)
{
    uint64_t number;
    if (strcmp(text, "-1") == 0) {
        *(int64_t *)seconds = -1;
        return NULL;
    }
    const char *rest = number_scan(text, 1000000000, &number);
    if (rest == NULL || *rest != '\0')
        return "expected seconds, or -1: as long as it takes";
    *(int64_t *)seconds = (int64_t)number;
    return NULL;
}

/* Returns 0; EXIT_NOT_DONE, reported. */
static int stop_begin(struct record *record, const struct stop_options *options)
{
    if (ending_wait_for_start(record) == -1)
        return EXIT_NOT_DONE;
    if (!subcommands_check_whole(record))
        return EXIT_NOT_DONE;
    if (record->status == RECORD_EXITED)
        return 0;
    int signal = options->signal != 0       ? options->signal
                 : record->stop_signal != 0 ? record->stop_signal
                                            : SIGTERM;
    return ending_signal(record, signal) == -1 ? EXIT_NOT_DONE : 0;
}

/* `begun_ms`: since when it knows. */
static int stop_finish(const struct record *record, int64_t begun_ms,
                       int64_t seconds)
{
    if (record->status == RECORD_RUNNING) {
        int64_t left = begun_ms + seconds * 1000 - clock_now_ms();
        if (!ending_wait_for_init(record, seconds == -1 ? -1
                                          : left < 0    ? 0
                                                        : left)) {
            log_note("%s has not ended within %d s", record->name,
                     (int)seconds);
            ending_kill(record);
        }
    }
    if (ending_wait(record, MONITOR_MS / 5))
        return 0;
    /* Its first process was none that could be found, or does not end alone. */
    ending_kill(record);
    if (ending_wait(record, MONITOR_MS))
        return 0;
    log_error("%s: its monitor has not ended", record->name);
    return EXIT_NOT_DONE;
}

/* All are told first, and then waited for: their times run side by side. */
static int stop_all(const struct store *store, char **words, struct stop *stop)
{
    int64_t begun_ms = clock_now_ms();
    int first_status = 0;
    for (size_t i = 0; words[i] != NULL; i++) {
        stop->statuses[i] = EXIT_NOT_DONE;
        if (store_look_up(store, words[i], &stop->records[i]) == 0)
            stop->statuses[i] = stop_begin(&stop->records[i], stop->options);
    }
    for (size_t i = 0; words[i] != NULL; i++) {
        if (stop->statuses[i] == 0)
            stop->statuses[i] = stop_finish(&stop->records[i], begun_ms,
                                            stop->options->seconds);
        if (stop->statuses[i] == 0)
            printf("%s\n", words[i]);
        fflush(stdout);
        if (first_status == 0)
            first_status = stop->statuses[i];
        record_free(&stop->records[i]);
    }
    return first_status;
}

int subcommand_stop(const struct store *store, char **argv)
{
    struct stop_options asked = {.seconds = GRACE_SECONDS};
    const struct program_option options[] = {
        {"-t --time --timeout", "SECONDS", stop_parse_seconds, &asked.seconds,
         "how long it has before it is killed (default: 10)"},
        {"-s --signal", "SIGNAL", signal_names_parse, &asked.signal,
         "by which it is told (default: its --stop-signal, TERM)"},
        {0},
    };
    const struct program program = {
        .name = argv[0],
        .summary = "Tells containers to end, and kills those that do not.",
        .usage = "[OPTION...] NAME...",
        .example = "stop -t 5 web",
        .options = options,
    };
    char **words = subcommands_read(&program, argv, 1, SIZE_MAX);
    size_t count = 0;
    while (words[count] != NULL)
        count++;
    struct stop stop = {calloc(count + 1, sizeof(struct record)),
                        calloc(count + 1, sizeof(int)), &asked};
    int status = EXIT_OURS;
    if (stop.records != NULL && stop.statuses != NULL)
        status = stop_all(store, words, &stop);
    else
        log_error("out of memory (ENOMEM)");
    free(stop.records);
    free(stop.statuses);
    return subcommands_end_output(status);
}

/* ---- kill ---- */

static int kill_one(const struct store *store, struct record *record,
                    void *context)
{
    (void)store;
    int signal = *(int *)context;
    if (!subcommands_check_running(record))
        return EXIT_NOT_DONE;
    if (signal != SIGKILL) {
        int result = ending_signal(record, signal);
        if (result == 1)
            log_error("%s is not running (any more)", record->name);
        return result == 0 ? 0 : EXIT_NOT_DONE;
    }
    ending_kill(record);
    return ending_wait(record, MONITOR_MS) ? 0 : EXIT_NOT_DONE;
}

int subcommand_kill(const struct store *store, char **argv)
{
    int signal = SIGKILL;
    const struct program_option options[] = {
        {"-s --signal", "SIGNAL", signal_names_parse, &signal,
         "which (default: KILL)"},
        {0},
    };
    const struct program program = {
        .name = argv[0],
        .summary = "Sends a signal to the first process of containers.",
        .usage = "[OPTION...] NAME...",
        .example = "kill -s HUP web",
        .options = options,
    };
    char **words = subcommands_read(&program, argv, 1, SIZE_MAX);
    return subcommands_for_each(store, words, kill_one, &signal);
}
