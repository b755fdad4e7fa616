#include "common/runtime/proc.h"

#include "common/base/files.h"
#include "common/base/log.h"
#include "common/base/proc_stat.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Whether the process that `pidfd` stands for lives, and its parent is `parent`:
 * a number may have become another's before it was opened, but not since. */
static bool proc_is_child(int pidfd, pid_t pid, pid_t parent)
{
    struct proc_stat stat;
    struct pollfd end = {.fd = pidfd, .events = POLLIN};
    return proc_stat_read(pid, &stat) == 0 && stat.parent == parent &&
           poll(&end, 1, 0) == 0;
}

int proc_open_first_child(const struct record *record, pid_t *pid)
{
    char path[64], text[4096], *next = text;
    pid_t parent = record->init_process.pid;
    snprintf(path, sizeof path, "/proc/%d/task/%d/children", (int)parent,
             (int)parent);
    if (files_read(path, text, sizeof text) == -1)
        return (int)log_call(-1, "the processes of its init",
                             "openat(\"%s\", O_RDONLY)", path);
    while ((*pid = (pid_t)strtol(next, &next, 10)) != 0) {
        int pidfd = (int)syscall(SYS_pidfd_open, *pid, 0);
        if (pidfd != -1 && proc_is_child(pidfd, *pid, parent))
            return pidfd;
        if (pidfd != -1)
            close(pidfd);
    }
    return log_error("its init has no process yet, or none any more");
}

/* Opens /proc/PID, and closes `pidfd`, which stands for that process. Returns -1 where it
 * has ended. */
static int proc_open_directory(pid_t pid, int pidfd)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%d", (int)pid);
    int proc_fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    /* While it lives nobody else has its number. Signal 0 only asks. */
    if (proc_fd != -1 &&
        syscall(SYS_pidfd_send_signal, pidfd, 0, NULL, 0U) == -1 &&
        errno == ESRCH) {
        close(proc_fd);
        proc_fd = -1;
    }
    close(pidfd);
    return proc_fd;
}

/* The same directory; that of its first child where it may not be looked into. */
static int proc_open_permitted(const struct record *record, int proc_fd)
{
    char target[64];
    pid_t pid = 0;
    if (!record->init ||
        readlinkat(proc_fd, "ns/pid", target, sizeof target) != -1 ||
        errno != EACCES)
        return proc_fd;
    close(proc_fd);
    int pidfd = proc_open_first_child(record, &pid);
    if (pidfd == -1)
        return -1;
    log_note("only root may look into its init, which is ours: its child is "
             "looked at, process %d",
             (int)pid);
    return proc_open_directory(pid, pidfd);
}

int proc_open(const struct record *record)
{
    int proc_fd = -1,
        pidfd = record_open_process(record, &record->init_process);
    if (pidfd != -1)
        proc_fd = proc_open_directory(record->init_process.pid, pidfd);
    if (proc_fd != -1)
        proc_fd = proc_open_permitted(record, proc_fd);
    if (proc_fd == -1)
        log_error("%s does not run: what there is to see ended with it",
                  record->name == NULL ? record->id : record->name);
    return proc_fd;
}

FILE *proc_open_file(int proc_fd, const char *name)
{
    int fd = openat(proc_fd, name, O_RDONLY | O_CLOEXEC);
    return fd == -1 ? NULL : fdopen(fd, "re");
}

bool proc_find(const char *text, const char *key, char *value, size_t size)
{
    size_t length = strlen(key);
    for (const char *line = text; line != NULL && *line != '\0';) {
        if (strncmp(line, key, length) == 0) {
            line += length;
            line += strspn(line, " \t");
            snprintf(value, size, "%.*s", (int)strcspn(line, "\n"), line);
            return true;
        }
        line = strchr(line, '\n');
        line = line == NULL ? NULL : line + 1;
    }
    return false;
}
