#include "steps/09-lifecycle/join.h"

#include "common/base/files.h"
#include "common/base/log.h"
#include "common/kernel/userns.h"
#include "common/runtime/proc.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

/* ---- Finding it ---- */

/* Only version 1 has a file `tasks`; there a thread can move itself. */
static int join_open_cgroup(struct join *join, const char *path)
{
    char tasks[PATH_MAX];
    if (files_path(tasks, "%s/tasks", path) == -1)
        return -1;
    int fd = open(tasks, O_WRONLY | O_CLOEXEC);
    if (fd != -1) {
        join->tasks_fds[join->tasks_count++] = fd;
        return 0;
    }
    if (errno != ENOENT)
        return (int)log_call(fd, "the container's cgroup",
                             "openat(\"%s\", O_WRONLY)", tasks);
    fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (fd == -1)
        return (int)log_call(fd, "the container's cgroup",
                             "openat(\"%s\", O_PATH)", path);
    join->cgroup_fd = fd;
    return 0;
}

static int join_open_cgroups(struct join *join, const struct record *record)
{
    const char *const *path = record->cgroups;
    for (; path != NULL && *path != NULL; path++) {
        if (join->tasks_count == CGROUP_CONTROLLERS)
            return log_error("its record names too many cgroups");
        if (join_open_cgroup(join, *path) == -1)
            return -1;
    }
    return 0;
}

/* Where its init can not be joined: see proc_open_first_child(). */
static int join_open_child(struct join *join, const struct record *record)
{
    pid_t pid;
    int pidfd = proc_open_first_child(record, &pid);
    if (pidfd == -1)
        return -1;
    close(join->pidfd);
    join->pidfd = pidfd;
    return 0;
}

/* Which ids are mapped is the kernel's business; only whether a group may be left
 * is ours. user_namespaces(7), "setgroups". */
static int join_read_rules(struct join *join, const struct record *record)
{
    char path[64], text[16] = "";
    snprintf(path, sizeof path, "/proc/%d/setgroups",
             (int)record->init_process.pid);
    if (files_read(path, text, sizeof text) == -1)
        return (int)log_call(-1, "the container's groups",
                             "openat(\"%s\", O_RDONLY)", path);
    join->maps.way =
        strncmp(text, "deny", 4) == 0 ? USERNS_ONE_ID : USERNS_BY_ROOT;
    return 0;
}

int join_open(struct join *join, const struct record *record)
{
    if (record->status != RECORD_RUNNING)
        return log_error("%s is not running", record->name);
    join->pidfd = record_open_process(record, &record->init_process);
    if (join->pidfd == -1) {
        if (errno == ESRCH)
            return log_error("%s is not running (any more)", record->name);
        return (int)log_call(-1, "the container's first process",
                             "pidfd_open(%d, 0)",
                             (int)record->init_process.pid);
    }
    join->spaces = CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWUTS | CLONE_NEWIPC;
    if (!record->userns_host)
        join->spaces |= CLONE_NEWUSER;
    if (record->network == NULL || strcmp(record->network, "host") != 0)
        join->spaces |= CLONE_NEWNET;
    if (record->init && join_open_child(join, record) == -1)
        return -1;
    return join_open_cgroups(join, record) == -1
               ? -1
               : join_read_rules(join, record);
}

void join_close(struct join *join)
{
    if (join->pidfd != -1)
        close(join->pidfd);
    if (join->cgroup_fd != -1)
        close(join->cgroup_fd);
    while (join->tasks_count > 0)
        close(join->tasks_fds[--join->tasks_count]);
}

/* ---- Going there ---- */

static void join_name_spaces(unsigned spaces, char *text, size_t size)
{
    static const struct {
        unsigned flag;
        const char *name;
    } names[] = {
        {CLONE_NEWUSER, "CLONE_NEWUSER"},     {CLONE_NEWNS, "CLONE_NEWNS"},
        {CLONE_NEWPID, "CLONE_NEWPID"},       {CLONE_NEWUTS, "CLONE_NEWUTS"},
        {CLONE_NEWIPC, "CLONE_NEWIPC"},       {CLONE_NEWNET, "CLONE_NEWNET"},
        {CLONE_NEWCGROUP, "CLONE_NEWCGROUP"},
    };
    size_t used = 0;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if ((spaces & names[i].flag) != 0)
            used += (size_t)snprintf(text + used, size - used, "%s%s",
                                     used == 0 ? "" : "|", names[i].name);
}

int join_enter(const struct join *join, unsigned spaces)
{
    char names[160];
    int result = 0, entered = -1; /* who does not get there must not go on */
    //> dumpable
    result = prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
    if (log_call(result, "nobody inside looks into this process",
                 "prctl(PR_SET_DUMPABLE, SUID_DUMP_DISABLE)") == -1)
        return -1;
    //< dumpable
    join_name_spaces(spaces, names, sizeof names);
    //> setns
    /* All in one call, which enters all of them or none: one at a time, the order
     * would matter, and what is had half way through. */
    entered = setns(join->pidfd, (int)spaces);
    log_call(entered, "to where the container's processes are", "setns(%d, %s)",
             join->pidfd, names);
    //< setns
    return entered;
}

void join_prepare_clone(const struct join *join, struct clone_args *arguments)
{
    if (join->cgroup_fd == -1)
        return;
    arguments->flags |= CLONE_INTO_CGROUP;
    arguments->cgroup = (uint64_t)join->cgroup_fd;
}

int join_become_root(const struct join *join)
{
    return (join->spaces & CLONE_NEWUSER) != 0 ? userns_become_root(&join->maps)
                                               : 0;
}

int join_settle(const struct join *join)
{
    for (size_t i = 0; i < join->tasks_count; i++) {
        ssize_t written = write(join->tasks_fds[i], "0", 1);
        if (log_call(written, "into the cgroup", "write(%d, \"0\")",
                     join->tasks_fds[i]) == -1)
            return -1;
    }
    /* Not before: who is in a cgroup namespace can enter only what that shows. */
    int result = setns(join->pidfd, CLONE_NEWCGROUP);
    if (log_call(result, "which is the root of all that it sees",
                 "setns(%d, CLONE_NEWCGROUP)", join->pidfd) == -1)
        return -1;
    return join_become_root(join);
}
