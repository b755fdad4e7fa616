#include "common/base/proc_stat.h"

#include "common/base/files.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Counted from 1, as in the manual. The third is a letter, what follows are numbers. */
enum {
    FIELD_PARENT = 4,
    FIELD_USER_TICKS = 14,
    FIELD_SYSTEM_TICKS = 15,
    FIELD_START_TIME = 22
};

int proc_stat_read(pid_t pid, struct proc_stat *stat)
{
    char path[64], text[1024];
    uint64_t fields[FIELD_START_TIME + 1];
    snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    if (files_read(path, text, sizeof text) == -1)
        return -1;
    /* "PID (NAME) STATE PARENT …": a name may hold anything, blanks and parentheses
     * too, so it is from the last of those that is counted. */
    char *next = strrchr(text, ')'), *end;
    errno = ESRCH;
    if (next == NULL || strlen(next) < strlen(") R"))
        return -1;
    stat->state = next[2];
    next += strlen(") R");
    for (int i = FIELD_PARENT; i <= FIELD_START_TIME; i++) {
        fields[i] = strtoull(next, &end, 10);
        if (end == next)
            return -1;
        next = end;
    }
    stat->parent = (pid_t)fields[FIELD_PARENT];
    stat->ticks = fields[FIELD_USER_TICKS] + fields[FIELD_SYSTEM_TICKS];
    stat->start_time = fields[FIELD_START_TIME];
    return 0;
}
