/* Processes that can not be taken for others: see record.h. */
#include "steps/09-lifecycle/record.h"

#include "common/base/files.h"
#include "common/base/log.h"
#include "common/base/number.h"
#include "common/base/proc_stat.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

int record_read_boot_id(char boot_id[40])
{
    static const char path[] = "/proc/sys/kernel/random/boot_id";
    if (files_read(path, boot_id, 40) == -1)
        return (int)log_call(-1, "which boot this is", "openat(\"%s\")", path);
    boot_id[strcspn(boot_id, "\n")] = '\0';
    return 0;
}

/* Since when there is the process: who has its number later began later. Returns 0, or
 * -1 with errno. */
static int record_read_start_time(pid_t pid, uint64_t *start_time)
{
    struct proc_stat stat;
    if (proc_stat_read(pid, &stat) == -1)
        return -1;
    *start_time = stat.start_time;
    return 0;
}

int record_identify_process(pid_t pid, struct record_process *process)
{
    process->pid = pid;
    if (record_read_start_time(pid, &process->start_time) == 0)
        return 0;
    return (int)log_call(-1, "since when there is this process",
                         "openat(\"/proc/%d/stat\")", (int)pid);
}

/* Whether the process has that very file open. */
static bool record_has_open(pid_t pid, const char *file)
{
    char path[64], link[PATH_MAX];
    bool found = false;
    snprintf(path, sizeof path, "/proc/%d/fd", (int)pid);
    DIR *directory = opendir(path);
    if (directory == NULL)
        return false;
    for (struct dirent *entry;
         (entry = readdir(directory)) != NULL && !found;) {
        ssize_t length =
            readlinkat(dirfd(directory), entry->d_name, link, sizeof link - 1);
        link[length == -1 ? 0 : length] = '\0';
        found = strcmp(link, file) == 0;
    }
    closedir(directory);
    return found;
}

/* A line of /proc/locks: "1: FLOCK  ADVISORY  WRITE 1234 fe:00:5678 0 EOF". The process
 * that took a lock for itself alone, or 0. */
static pid_t record_read_lock(const char *line)
{
    static const char kind[] = "WRITE ";
    uint64_t pid;
    const char *number = strstr(line, kind);
    if (strstr(line, "FLOCK") == NULL || number == NULL ||
        number_scan(number + sizeof kind - 1, INT32_MAX, &pid) == NULL)
        return 0;
    return (pid_t)pid;
}

int record_find_holder(struct record *record, struct record_process *process)
{
    char path[PATH_MAX], *line = NULL;
    size_t size = 0;
    int result = -1;
    FILE *locks = fopen("/proc/locks", "re");
    if (locks == NULL)
        return -1;
    if (realpath(record->directory, path) == NULL)
        path[0] = '\0';
    size_t length = strlen(path);
    snprintf(path + length, sizeof path - length, "/alive");
    while (result == -1 && getline(&line, &size, locks) != -1) {
        process->pid = record_read_lock(line);
        if (process->pid > 0 &&
            record_read_start_time(process->pid, &process->start_time) == 0 &&
            record_has_open(process->pid, path))
            result = record_read_boot_id(record->boot_id);
    }
    free(line);
    fclose(locks);
    return result;
}

int record_open_process(const struct record *record,
                        const struct record_process *process)
{
    char boot_id[40];
    int fd = -1;
    if (process->pid <= 0 || record_read_boot_id(boot_id) == -1 ||
        strcmp(record->boot_id, boot_id) != 0) {
        errno = ESRCH;
        return -1;
    }
    errno = ESRCH;
    //> stranger
    /* First the descriptor, which stays with the one process that it was opened for;
     * then the question who that is. In the other order it could end in between,
     * and another get its number. */
    uint64_t start_time;
    fd = (int)syscall(SYS_pidfd_open, process->pid, 0U);
    if (fd != -1 && (record_read_start_time(process->pid, &start_time) == -1 ||
                     start_time != process->start_time)) {
        close(fd);
        fd = -1;
        errno = ESRCH;
    }
    //< stranger
    return fd;
}
