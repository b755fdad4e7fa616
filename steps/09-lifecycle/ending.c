#include "steps/09-lifecycle/ending.h"

#include "common/base/clock.h"
#include "common/base/files.h"
#include "common/base/log.h"
#include "common/base/signal_names.h"
#include "common/kernel/cgroup_delegated.h"
#include "common/kernel/network.h"
#include "common/runtime/pause.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum { PATIENCE_MS = 10000, STEP_MS = 5 };

static void ending_sleep(void)
{
    static const struct timespec pause = {.tv_nsec = STEP_MS * 1000000L};
    nanosleep(&pause, NULL);
}

/* ---- Its cgroups ---- */

/* Where they are: as the record has it; or, of one that can not be read, or was killed
 * before that was written, where they would have been made. */
struct ending_cgroups {
    char paths[CGROUP_CONTROLLERS][PATH_MAX];
    size_t count;
};

static void ending_find_cgroups(const struct record *record,
                                struct ending_cgroups *found)
{
    struct cgroup cgroup;
    struct cgroup_limits limits = {.pids = CGROUP_PIDS_NOT_ASKED,
                                   .lives_on = true};
    found->count = 0;
    if (record->status != RECORD_CORRUPT && record->cgroups != NULL) {
        for (const char *const *path = record->cgroups;
             *path != NULL && found->count < CGROUP_CONTROLLERS; path++)
            if (files_path(found->paths[found->count], "%s", *path) == 0)
                found->count++;
        return;
    }
    if (cgroup_delegated_choose(&cgroup, &limits) == -1)
        return;
    for (size_t i = 0; i < cgroup.count; i++)
        if (files_path(found->paths[found->count], "%s/nsctl/%s",
                       cgroup.hierarchies[i].top, record->id) == 0)
            found->count++;
}

/* Kills a process that was in the cgroup `path` a moment ago, if it still is: it may have
 * ended, and another have its number. What a pidfd stands for does not change, so that is
 * opened first and asked about then. */
static void ending_kill_member(pid_t pid, const char *path)
{
    char file[64], text[4096];
    const char *name = strrchr(path, '/'); /* "/ID" */
    int fd = (int)syscall(SYS_pidfd_open, pid, 0U);
    if (fd == -1)
        return;
    snprintf(file, sizeof file, "/proc/%d/cgroup", (int)pid);
    if (name != NULL && files_read(file, text, sizeof text) > 0 &&
        strstr(text, name) != NULL) {
        long result = syscall(SYS_pidfd_send_signal, fd, SIGKILL, NULL, 0U);
        if (result == 0 || errno != ESRCH)
            log_call(result, "one that is in its cgroup",
                     "pidfd_send_signal(%d, SIGKILL, NULL, 0)", fd);
    }
    close(fd);
}

/* The numbers in cgroup.procs; 0 stands for a process that we can not see. */
static void ending_kill_members(const char *path)
{
    char file[PATH_MAX], text[65536];
    if (files_path(file, "%s/cgroup.procs", path) == -1 ||
        files_read(file, text, sizeof text) <= 0)
        return;
    for (char *word = text, *end; *word != '\0'; word = end + 1) {
        long pid = strtol(word, &end, 10);
        if (end == word || *end != '\n')
            return;
        if (pid > 0)
            ending_kill_member((pid_t)pid, path);
    }
}

/* Who is frozen can not fork, so that one look finds all. In version 1 they die when they
 * are thawed, in version 2 at once. One that waits for a disk may not freeze: then not for
 * ever. */
static void ending_kill_frozen(const char *path, const char *state_file,
                               bool unified)
{
    if (files_write_setting(state_file, unified ? "1" : "FROZEN",
                            "nobody escapes") == -1)
        return;
    int64_t end_ms = clock_now_ms() + 1000;
    while (!pause_is_done(state_file, unified, true) && clock_now_ms() < end_ms)
        ending_sleep();
    ending_kill_members(path);
    if (!unified)
        files_write_setting(state_file, "THAWED", "and now they die");
}

/* By one write where the kernel can (version 2, since 5.14). */
static void ending_kill_cgroups(const struct record *record)
{
    static struct ending_cgroups cgroups;
    char file[PATH_MAX];
    ending_find_cgroups(record, &cgroups);
    for (size_t i = 0; i < cgroups.count; i++) {
        const char *path = cgroups.paths[i];
        if (files_path(file, "%s/cgroup.kill", path) == 0 &&
            access(file, F_OK) == 0) {
            files_write_setting(file, "1", "kill all that is in it");
            return;
        }
        bool unified = files_path(file, "%s/cgroup.freeze", path) == 0 &&
                       access(file, F_OK) == 0;
        if (unified || (files_path(file, "%s/freezer.state", path) == 0 &&
                        access(file, F_OK) == 0)) {
            ending_kill_frozen(path, file, unified);
            return;
        }
    }
}

/* ---- Signals ---- */

/* Returns 0; -1 with errno, reported but for ESRCH. */
static int ending_send(const struct record *record,
                       const struct record_process *process, int signal,
                       const char *intention)
{
    int fd = record_open_process(record, process);
    if (fd == -1 && errno != ESRCH)
        return (int)log_call(fd, intention, "pidfd_open(%d, 0)", process->pid);
    if (fd == -1)
        return -1;
    long result = syscall(SYS_pidfd_send_signal, fd, signal, NULL, 0U);
    if (result == 0 || errno != ESRCH)
        log_call(result, intention, "pidfd_send_signal(%d, %s, NULL, 0)", fd,
                 signal_names_of(signal));
    files_close(&fd);
    return (int)result;
}

int ending_signal(const struct record *record, int signal)
{
    int result = ending_send(record, &record->init_process, signal,
                             "to the container's first process");
    if (result == -1)
        return errno == ESRCH ? 1 : -1;
    /* It would get it when it goes on, and whoever stops it would wait. */
    return pause_is_paused(record) ? pause_set(record, false) : 0;
}

void ending_kill(const struct record *record)
{
    ending_kill_cgroups(record);
    ending_send(record, &record->init_process, SIGKILL,
                "and with it all in its PID namespace");
}

/* ---- Waiting ---- */

/* How long until `end_ms` (-1: no end), for poll(2). */
static int ending_left_ms(int64_t end_ms)
{
    int64_t left = end_ms == -1 ? INT32_MAX : end_ms - clock_now_ms();
    return left < 0 ? 0 : left > INT32_MAX ? INT32_MAX : (int)left;
}

/* Waits for one process. A pidfd is readable when its process has ended. */
static bool ending_wait_for(const struct record *record,
                            const struct record_process *process,
                            int64_t end_ms)
{
    int fd = record_open_process(record, process);
    if (fd == -1)
        return errno == ESRCH;
    struct pollfd poll_fd = {.fd = fd, .events = POLLIN};
    int ready = 0;
    do
        ready = poll(&poll_fd, 1, ending_left_ms(end_ms));
    while ((ready == -1 && errno == EINTR) ||
           (ready == 0 && ending_left_ms(end_ms) > 0));
    close(fd);
    return ready == 1;
}

static int64_t ending_end_ms(int64_t milliseconds)
{
    return milliseconds < 0 ? -1 : clock_now_ms() + milliseconds;
}

bool ending_wait_for_init(const struct record *record, int64_t milliseconds)
{
    return ending_wait_for(record, &record->init_process,
                           ending_end_ms(milliseconds));
}

/* The lock decides: who it was that held it may not be known. It is dropped soon after
 * the container's first process has ended, and before the monitor has: that may wait for
 * us in turn, to remove what we still look at. */
bool ending_wait(const struct record *record, int64_t milliseconds)
{
    int64_t end_ms = ending_end_ms(milliseconds);
    while (record_is_alive(record)) {
        if (ending_left_ms(end_ms) == 0)
            return false;
        if (ending_wait_for(record, &record->init_process, end_ms))
            ending_sleep();
    }
    return true;
}

/* What it has become meanwhile: one that was being set up may have processes now. Returns
 * false where there is no such container any more. */
static bool ending_read_again(struct record *record)
{
    char directory[PATH_MAX];
    memcpy(directory, record->directory, sizeof directory);
    record_free(record);
    return record_read(record, directory) == 0;
}

int ending_wait_for_start(struct record *record)
{
    int64_t end_ms = ending_end_ms(PATIENCE_MS);
    while (record->status == RECORD_CREATED && ending_left_ms(end_ms) > 0) {
        ending_sleep();
        if (!ending_read_again(record)) {
            record->status = RECORD_EXITED; /* and removed */
            return 0;
        }
    }
    if (record->status != RECORD_CREATED)
        return 0;
    return log_error("%s: is still being set up after 10 s", record->name);
}

/* ---- By force ---- */

/* Until its monitor has ended, too. A corrupt record is not read again: it says nothing. */
static bool ending_force_processes(struct record *record)
{
    int64_t end_ms = ending_end_ms(
        record->status == RECORD_CORRUPT ? PATIENCE_MS / 5 : PATIENCE_MS);
    while (record_is_alive(record) && ending_left_ms(end_ms) > 0) {
        if (record->status != RECORD_CORRUPT && !ending_read_again(record))
            return true;
        ending_kill(record);
        ending_wait(record, record->status == RECORD_CREATED ? 20 : 1000);
    }
    return !record_is_alive(record);
}

int ending_force(struct record *record)
{
    struct record_process monitor;
    if (ending_force_processes(record))
        return 0;
    if (record_find_holder(record, &monitor) == 0)
        ending_send(record, &monitor, SIGKILL, "its monitor does not answer");
    if (ending_wait(record, PATIENCE_MS))
        return 0;
    errno = EBUSY;
    return log_error("%s: its monitor can not be ended (EBUSY)", record->id);
}

/* ---- What is left ---- */

/* A monitor that ends takes its network away, and then its cgroups. For those who came
 * so far there is nothing to look for. */
static bool ending_was_clean(const struct record *record,
                             const struct ending_cgroups *cgroups)
{
    for (size_t i = 0; i < cgroups->count; i++)
        if (access(cgroups->paths[i], F_OK) == 0)
            return false;
    return record->exit_status != -1;
}

/* Nobody lives who watched it. Who has the lock of the cgroup all the same is a child of
 * that one, killed with it, on its way out. */
static int ending_remove_cgroup(const char *path)
{
    int64_t end_ms = ending_end_ms(PATIENCE_MS);
    int result = cgroup_tree_remove_dead(path);
    while (result == -1 && errno == EWOULDBLOCK && ending_left_ms(end_ms) > 0) {
        ending_sleep();
        result = cgroup_tree_remove_dead(path);
    }
    return result;
}

int ending_clean(const struct record *record)
{
    static struct ending_cgroups cgroups;
    int result = 0;
    ending_find_cgroups(record, &cgroups);
    if (!ending_was_clean(record, &cgroups))
        network_sweep();
    for (size_t i = 0; i < cgroups.count; i++)
        if (ending_remove_cgroup(cgroups.paths[i]) == -1) {
            log_error("%s: can not be removed: %s", cgroups.paths[i],
                      strerror(errno));
            result = -1;
        }
    return result;
}
