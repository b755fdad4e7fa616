/* wait: until containers have ended, and how they did. */
#include "common/base/files.h"
#include "common/base/log.h"
#include "steps/09-lifecycle/subcommands.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
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

/* Until nobody holds `alive`. Its monitor may live on for a while, to remove what we look
 * at: for that it waits for us. */
static void wait_for_lock(const struct record *record)
{
    char path[PATH_MAX];
    if (files_path(path, "%s/alive", record->directory) == -1)
        return;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd == -1)
        return;
    while (flock(fd, LOCK_SH) == -1 && errno == EINTR)
        ;
    close(fd);
}

static int wait_one(struct record *record)
{
    char directory[PATH_MAX];
    memcpy(directory, record->directory, sizeof directory);
    int fd = wait_hold(record);
    wait_for_lock(record);
    record_free(record);
    int result = record_read(record, directory);
    if (fd != -1)
        close(fd);
    if (result == -1 || record->status == RECORD_CORRUPT ||
        record->exit_status == -1) {
        printf("unknown\n");
        log_error("%s: nobody knows how it ended",
                  result == -1 ? directory : record->id);
        return EXIT_NOT_DONE;
    }
    printf("%d\n", record->exit_status);
    return 0;
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
    int first_status = 0;
    for (; *words != NULL; words++) {
        struct record record;
        int status = EXIT_NOT_DONE;
        if (store_look_up(store, *words, &record) == 0)
            status = wait_one(&record);
        record_free(&record);
        fflush(stdout);
        if (first_status == 0)
            first_status = status;
    }
    return subcommands_end_output(first_status);
}
