/* wait: until containers have ended, and how they did. */
#include "common/base/log.h"
#include "steps/09-lifecycle/ending.h"
#include "steps/09-lifecycle/subcommands.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

/* While we share the lock of its directory nobody removes it: so what is written there
 * at its end can still be read, even with --rm. Returns the descriptor, or -1. flock(2). */
static int wait_hold(const struct record *record)
{
    int fd = open(record->directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd != -1 && flock(fd, LOCK_SH) == -1) {
        close(fd);
        return -1;
    }
    return fd;
}

/* What is waited for: descriptors[i] holds records[i]. */
struct wait {
    struct record *records;
    int *descriptors;
};

static int wait_one(struct record *record, int fd)
{
    char directory[PATH_MAX];
    memcpy(directory, record->directory, sizeof directory);
    while (ending_wait_for_start(record) == -1)
        continue; /* and said so */
    ending_wait(record, -1);
    record_free(record);
    int result = record_read(record, directory);
    if (fd != -1)
        close(fd);
    if (result == -1 || record->status == RECORD_CORRUPT ||
        record->exit_status == -1) {
        printf("unknown\n");
        log_error("%s: nobody knows how it ended", strrchr(directory, '/') + 1);
        return EXIT_NOT_DONE;
    }
    printf("%d\n", record->exit_status);
    return 0;
}

/* All are held before one is waited for: the others may end meanwhile. */
static int wait_all(const struct store *store, char **words, struct wait *wait)
{
    int first_status = 0;
    for (size_t i = 0; words[i] != NULL; i++) {
        wait->descriptors[i] = -2; /* there is none */
        if (store_look_up(store, words[i], &wait->records[i]) == 0)
            wait->descriptors[i] = wait_hold(&wait->records[i]);
    }
    for (size_t i = 0; words[i] != NULL; i++) {
        int status = EXIT_NOT_DONE;
        if (wait->descriptors[i] != -2)
            status = wait_one(&wait->records[i], wait->descriptors[i]);
        record_free(&wait->records[i]);
        fflush(stdout);
        if (first_status == 0)
            first_status = status;
    }
    return first_status;
}

int subcommand_wait(const struct store *store, char **argv)
{
    static const struct program_option options[] = {{0}};
    const struct program program = {
        .name = argv[0],
        .summary = "Waits until containers have ended; prints their exit "
                   "statuses.",
        .usage = "NAME...",
        .example = "wait web",
        .options = options,
    };
    char **words = subcommands_read(&program, argv, 1, SIZE_MAX);
    size_t count = 0;
    while (words[count] != NULL)
        count++;
    struct wait wait = {calloc(count + 1, sizeof(struct record)),
                        calloc(count + 1, sizeof(int))};
    int status = EXIT_OURS;
    if (wait.records != NULL && wait.descriptors != NULL)
        status = wait_all(store, words, &wait);
    else
        log_error("out of memory (ENOMEM)");
    free(wait.records);
    free(wait.descriptors);
    return subcommands_end_output(status);
}
