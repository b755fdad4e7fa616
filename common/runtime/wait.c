/* wait: until containers have ended, and how they did. */
#include "common/base/files.h"
#include "common/base/log.h"
#include "common/kernel/lock.h"
#include "common/runtime/ending.h"
#include "common/runtime/subcommands.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

/* What is waited for. descriptors[i] shares the lock of records[i]'s directory: while it does
 * nobody removes that, so what is written there at its end can still be read, even with
 * --rm. -1: it has been removed. */
struct wait {
    struct record *records;
    int *descriptors;
};

/* Until nobody holds `alive`. Its monitor may live on for a while, to remove what we look
 * at: for that it waits for us. */
static void wait_for_lock(const struct record *record)
{
    char path[PATH_MAX];
    if (files_path(path, "%s/alive", record->directory) == -1)
        return;
    int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (fd == -1)
        return;
    while (flock(fd, LOCK_SH) == -1 && errno == EINTR)
        continue;
    close(fd);
}

static int wait_print(const struct record *record)
{
    if (record->status == RECORD_EXITED && record->exit_status != -1) {
        printf("%d\n", record->exit_status);
        return 0;
    }
    printf("unknown\n");
    log_error("%s: nobody knows how it ended", record->id);
    return EXIT_NOT_DONE;
}

static int wait_one(struct record *record, int fd)
{
    char directory[PATH_MAX];
    memcpy(directory, record->directory, sizeof directory);
    wait_for_lock(record);
    record_free(record);
    if (record_read(record, directory) == 0 &&
        record->status == RECORD_RUNNING) {
        ending_wait(record, -1); /* it has no monitor any more */
        record_free(record);
        record_read(record, directory);
    }
    close(fd);
    return wait_print(record);
}

/* All are held before one is waited for: the others may end meanwhile. */
static int wait_all(const struct store *store, char **words, struct wait *wait)
{
    int first_status = 0;
    for (size_t i = 0; words[i] != NULL; i++) {
        struct record *record = &wait->records[i];
        wait->descriptors[i] = -1;
        if (store_look_up(store, words[i], record) == -1)
            continue;
        wait->descriptors[i] = lock_directory(record->directory, LOCK_SH);
        if (wait->descriptors[i] == -1 && record->status != RECORD_EXITED)
            log_error("no such container: %s (any more)", words[i]);
    }
    for (size_t i = 0; words[i] != NULL; i++) {
        struct record *record = &wait->records[i];
        int status = EXIT_NOT_DONE;
        if (wait->descriptors[i] != -1)
            status = wait_one(record, wait->descriptors[i]);
        else if (record->status == RECORD_EXITED) /* read before it went */
            status = wait_print(record);
        record_free(record);
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
