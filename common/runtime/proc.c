#include "common/runtime/proc.h"

#include "common/base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

int proc_open(const struct record *record)
{
    char path[64];
    pid_t pid = record->init_process.pid;
    int proc_fd = -1,
        pidfd = record_open_process(record, &record->init_process);
    if (pidfd != -1) {
        snprintf(path, sizeof path, "/proc/%d", (int)pid);
        proc_fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        /* While it lives nobody else has its number. Signal 0 only asks. */
        if (proc_fd != -1 &&
            syscall(SYS_pidfd_send_signal, pidfd, 0, NULL, 0U) == -1 &&
            errno == ESRCH) {
            close(proc_fd);
            proc_fd = -1;
        }
        close(pidfd);
    }
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
