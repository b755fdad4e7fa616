#include "common/runtime/pause.h"

#include "common/base/files.h"
#include "common/base/log.h"
#include "common/runtime/subcommands.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static bool pause_find_file_in(const char *cgroup, char *path, bool *unified)
{
    *unified = true;
    if (files_path(path, "%s/cgroup.freeze", cgroup) == 0 &&
        access(path, F_OK) == 0)
        return true;
    *unified = false;
    return files_path(path, "%s/freezer.state", cgroup) == 0 &&
           access(path, F_OK) == 0;
}

/* The file that freezes, in one of the container's cgroups. Returns whether there is one;
 * `unified` says of which version. Where there are several hierarchies, the one that has it
 * is mostly called like it, so that is asked before the others. */
static bool pause_find_file(const struct record *record, char *path,
                            bool *unified)
{
    static const char *const none = NULL;
    const char *const *cgroups =
        record->cgroups == NULL ? &none : record->cgroups;
    for (const char *const *cgroup = cgroups; *cgroup != NULL; cgroup++)
        if (strstr(*cgroup, "freezer") != NULL &&
            pause_find_file_in(*cgroup, path, unified))
            return true;
    for (const char *const *cgroup = cgroups; *cgroup != NULL; cgroup++)
        if (pause_find_file_in(*cgroup, path, unified))
            return true;
    return false;
}

bool pause_is_paused(const struct record *record)
{
    char path[PATH_MAX], text[32];
    bool unified;
    return record->status == RECORD_RUNNING &&
           pause_find_file(record, path, &unified) &&
           files_read(path, text, sizeof text) > 0 &&
           (unified ? text[0] == '1' : strncmp(text, "THAWED", 6) != 0);
}

/* Version 2 says in cgroup.events when all stand still, version 1 in the file itself
 * (FREEZING, then FROZEN). */
bool pause_is_done(const char *path, bool unified, bool paused)
{
    char text[256], events[PATH_MAX];
    if (!unified)
        return files_read(path, text, sizeof text) > 0 &&
               strcmp(text, paused ? "FROZEN\n" : "THAWED\n") == 0;
    return files_path(events, "%.*s.events", (int)strlen(path) - 7, path) ==
               0 &&
           files_read(events, text, sizeof text) > 0 &&
           strstr(text, paused ? "frozen 1" : "frozen 0") != NULL;
}

int pause_set(const struct record *record, bool paused)
{
    enum { TRIES = 2000 };
    static const struct timespec pause = {.tv_nsec = 5000000L};
    char path[PATH_MAX];
    bool unified;
    if (!pause_find_file(record, path, &unified)) {
        log_error("%s has no cgroup that can be frozen", record->name);
        log_advice("a user gets one where a part of the cgroup tree (version "
                   "2) is theirs: systemd-run --user --scope -p Delegate=yes");
        return -1;
    }
    const char *text =
        unified ? (paused ? "1" : "0") : (paused ? "FROZEN" : "THAWED");
    if (files_write_setting(path, text,
                            paused ? "everything stands still"
                                   : "everything goes on") == -1)
        return -1;
    for (int i = 0; i < TRIES; i++) {
        if (pause_is_done(path, unified, paused))
            return 0;
        nanosleep(&pause, NULL);
    }
    errno = EBUSY;
    return log_error("%s: not all of it stands still after 10 s (EBUSY)",
                     record->name);
}

/* ---- pause, unpause ---- */

static int pause_one(const struct store *store, struct record *record,
                     void *context)
{
    (void)store;
    bool wanted = *(bool *)context;
    if (!subcommands_check_running(record))
        return EXIT_NOT_DONE;
    if (pause_is_paused(record) == wanted) {
        log_error("%s is %s", record->name,
                  wanted ? "paused already" : "not paused");
        return EXIT_NOT_DONE;
    }
    return pause_set(record, wanted) == -1 ? EXIT_NOT_DONE : 0;
}

int subcommand_pause(const struct store *store, char **argv)
{
    static const struct program_option options[] = {{0}};
    const struct program program = {
        .name = argv[0],
        .summary = "Lets all processes of containers stand still.",
        .usage = "NAME...",
        .example = "pause web",
        .options = options,
    };
    bool wanted = true;
    char **words = subcommands_read(&program, argv, 1, SIZE_MAX);
    return subcommands_for_each(store, words, pause_one, &wanted);
}

int subcommand_unpause(const struct store *store, char **argv)
{
    static const struct program_option options[] = {{0}};
    const struct program program = {
        .name = argv[0],
        .summary = "Lets paused containers go on.",
        .usage = "NAME...",
        .example = "unpause web",
        .options = options,
    };
    bool wanted = false;
    char **words = subcommands_read(&program, argv, 1, SIZE_MAX);
    return subcommands_for_each(store, words, pause_one, &wanted);
}
