/*
 * record: what is known about a container, in two files in a directory of its own.
 *
 *     config.json   what was asked for, and by whom; written once (and by a rename)
 *     state.json    what is: its process, and in the end how that ended; until it runs
 *                   there is none
 *     alive         locked (flock) by the monitor for as long as that lives
 *     seccomp       the filter, as the kernel got it: for exec
 *     upper, work   what the container writes
 *     attach        the monitor's socket
 *
 * A file is never seen half: it is written beside its place, to the disk, and then
 * renamed. What state.json says of a running container holds only while `alive` is
 * locked: the kernel drops that lock when its holder dies, however it dies.
 *
 * taught in: step 09, lessons/09-lifecycle.md
 */
#ifndef NSCTL_RUNTIME_RECORD_H
#define NSCTL_RUNTIME_RECORD_H

#include "common/base/json.h"
#include "common/kernel/cgroup_tree.h"

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum { RECORD_ID_LENGTH = 64, RECORD_SHORT_ID_LENGTH = 12 };

enum record_status {
    RECORD_CREATED, /* being set up */
    RECORD_RUNNING,
    RECORD_EXITED,
    RECORD_CORRUPT /* its files can not be understood, see `damage` */
};

enum { RECORD_NAME_BYTES = 64 }; /* with the NUL */

/* A process that can not be taken for another: numbers are used again. */
struct record_process {
    pid_t pid;           /* on the host; 0: none yet */
    uint64_t start_time; /* of /proc/PID/stat, in clock ticks since the boot */
};

/* May point into itself: not to be copied. */
struct record {
    char id[RECORD_ID_LENGTH + 1];
    char directory[PATH_MAX]; /* ROOT/containers/ID */
    const char *damage;       /* of a corrupt one: what is wrong with it */

    /* config.json. All texts belong to the record. */
    const char *name;
    char made_up_name[RECORD_NAME_BYTES];
    const char *root;             /* what it runs on: "DIR:DIR", or "host" */
    const char *image, *image_id; /* that this is of (step 10), or NULL */
    const char
        *upper; /* --upper: where upper, work are; NULL: beside this record */
    const char *hostname;
    const char *const *command;     /* NULL at the end */
    const char *const *environment; /* "NAME=value", NULL at the end */
    const char *working_directory;  /* inside */
    const char *user;               /* --user; NULL: root */
    const char *apparmor;           /* its profile; NULL: none */
    bool terminal, interactive, remove_at_end, init;
    bool userns_host, privileged, no_new_privileges;
    uint64_t capabilities; /* 1 << CAP_…, that commands may have */
    int stop_signal;
    const char *network;       /* "bridge" … */
    const char *const *ports;  /* "127.0.0.1:8080->80/tcp", NULL at the end */
    const char *const *mounts; /* "HOST:CONTAINER:ro", NULL at the end */
    const char *const *places; /* volumes of its image, NULL at the end; NULL */
    uint64_t memory_bytes, cpu_thousandths; /* 0: no limit asked for */
    int64_t pids;                           /* -1: no limit */
    int64_t created_ns;                     /* since 1970 */
    const char *const *cgroups; /* directories on the host, NULL at the end */
    const char *log_path;       /* the first of its files */
    char made_log_path[PATH_MAX];
    char boot_id[40]; /* its processes are of this boot, or of none; in both */
    struct record_process monitor;

    /* state.json */
    enum record_status status; /* as it is now: see record_read() */
    struct record_process init_process;
    const char *address;             /* on the bridge; NULL */
    int64_t started_ns, finished_ns; /* 0: not yet */
    int exit_status;                 /* of an exited one; -1: nobody knows */
    bool oom_killed;
    const char *error; /* what went wrong, though it ran; NULL */

    struct json *config_json, *state_json; /* into which the texts point */
};

/* Writes config.json or state.json of `record`, whole or not at all, to the disk (but
 * remove_at_end: for now). Returns 0, or -1 with errno, reported (ENOSPC, EROFS …): what was
 * there before is there still. fsync(2), rename(2). */
int record_write_config(const struct record *record);
int record_write_state(const struct record *record);

/*
 * Reads what is in `directory` (…/containers/ID). A record that can not be understood
 * is no failure: its status is RECORD_CORRUPT, and all that could be read is there.
 * The status is what is true now: one that says "running" and has neither who holds its
 * lock nor its first process, or is of another boot, is RECORD_EXITED, its exit_status -1.
 * Returns 0, or -1 with errno, not reported: ENOENT, there is none (any more).
 * record_free() afterwards, in any case.
 */
int record_read(struct record *record, const char *directory);
void record_free(struct record *record);

/* Whether some monitor lives that has this record, or, without one, its first process:
 * asks lock and process, so it is true now. The second: only whether a monitor does. */
bool record_is_alive(const struct record *record);
bool record_is_alive_in(const char *directory);

/* "created", "running", "exited" or "corrupt": static. */
const char *record_status_name(enum record_status status);

/* What /proc/sys/kernel/random/boot_id holds: another after each boot. Returns 0, or
 * -1, reported. proc_sys_kernel(5). */
int record_read_boot_id(char boot_id[40]);

/* A descriptor of that process, or -1 with errno, ESRCH where it has ended (or another
 * has its number by now), not reported. Signals are sent through it alone.
 * pidfd_open(2). */
int record_open_process(const struct record *record,
                        const struct record_process *process);

/* Who holds the lock on `alive`, whatever the record says: the kernel knows. Sets its
 * `boot_id` too, so that record_open_process() can be asked for it. Returns 0, or -1: nobody
 * that we can see. proc_locks(5). */
int record_find_holder(struct record *record, struct record_process *process);

/* Fills in `process` for one that can not be gone yet: ourselves, or a child that nobody
 * has waited for. Returns 0, or -1, reported. */
int record_identify_process(pid_t pid, struct record_process *process);

#endif
