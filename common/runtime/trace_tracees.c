#include "common/runtime/trace_tracees.h"

#include "common/base/array.h"
#include "common/base/files.h"
#include "common/base/log.h"
#include "common/base/number.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/nsfs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- The list ---- */

/* Where the one with that number is, or should be. */
static size_t tracees_index(const struct tracees *tracees, pid_t tid)
{
    size_t low = 0, high = tracees->count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (tracees->sorted[middle]->tid < tid)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

struct tracee *tracees_find(const struct tracees *tracees, pid_t tid)
{
    size_t i = tracees_index(tracees, tid);
    return i < tracees->count && tracees->sorted[i]->tid == tid
               ? tracees->sorted[i]
               : NULL;
}

/* What /proc/TID/status says behind `key`, or NULL. */
static const char *tracees_read_status(pid_t tid, const char *key, char *text,
                                       size_t size)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/status", (int)tid);
    if (files_read(path, text, size) == -1)
        return NULL;
    const char *found = strstr(text, key);
    return found == NULL ? NULL : found + strlen(key);
}

/* "NSpid: 4122 7": one number for each PID namespace, the innermost last. */
static pid_t tracees_number_inside(pid_t tid)
{
    char text[4096];
    const char *numbers =
        tracees_read_status(tid, "\nNSpid:", text, sizeof text);
    pid_t inside = tid;
    while (numbers != NULL && *numbers != '\n' && *numbers != '\0') {
        char *end;
        long number = strtol(numbers, &end, 10);
        if (end == numbers)
            break;
        inside = (pid_t)number;
        numbers = end;
    }
    return inside;
}

struct tracee *tracees_take_in(struct tracees *tracees, pid_t tid)
{
    struct tracee *found = tracees_find(tracees, tid);
    if (found != NULL)
        return found;
    struct tracee **larger =
        array_grow(tracees->sorted, tracees->count, sizeof(struct tracee *));
    if (larger == NULL)
        return NULL;
    tracees->sorted = larger;
    found = calloc(1, sizeof *found);
    if (found == NULL) {
        log_error("no memory for another thread to be traced");
        return NULL;
    }
    found->tid = tid;
    found->tid_inside = tracees_number_inside(tid);
    size_t i = tracees_index(tracees, tid);
    memmove(tracees->sorted + i + 1, tracees->sorted + i,
            (tracees->count - i) * sizeof(struct tracee *));
    tracees->sorted[i] = found;
    tracees->count++;
    return found;
}

void tracees_remove(struct tracees *tracees, pid_t tid)
{
    size_t i = tracees_index(tracees, tid);
    if (i == tracees->count || tracees->sorted[i]->tid != tid)
        return;
    free(tracees->sorted[i]);
    tracees->count--;
    memmove(tracees->sorted + i, tracees->sorted + i + 1,
            (tracees->count - i) * sizeof(struct tracee *));
}

void tracees_free(struct tracees *tracees)
{
    for (size_t i = 0; i < tracees->count; i++)
        free(tracees->sorted[i]);
    free(tracees->sorted);
    *tracees = (struct tracees){0};
}

/* ---- Finding them ---- */

/* PTRACE_SEIZE sends no signal, and stops nothing: PTRACE_INTERRUPT does, once,
 * since only one that stands still can be told to report its calls. */
int tracees_seize(struct tracees *tracees, pid_t tid)
{
    if (ptrace(PTRACE_SEIZE, tid, NULL, (long)tracees->options) == -1)
        return -1;
    if (tracees_take_in(tracees, tid) == NULL)
        return -1;
    return (int)ptrace(PTRACE_INTERRUPT, tid, NULL, NULL);
}

/* Whether `fd`, a PID namespace, is the one of `wanted`, or was made inside it.
 * Closes it. ioctl_ns(2). */
static bool tracees_is_within(int fd, const struct stat *wanted)
{
    bool within = false;
    //> within
    struct stat here;
    while (fd != -1 && fstat(fd, &here) == 0) {
        within = here.st_dev == wanted->st_dev && here.st_ino == wanted->st_ino;
        int parent = within ? -1 : ioctl(fd, NS_GET_PARENT);
        close(fd);
        fd = parent; /* EPERM: it is ours, or above us */
    }
    //< within
    return within;
}

/* Every number among the names in a directory of /proc. Returns 0 after the
 * last, else what `visit` did. */
static int tracees_for_each_number(const char *path,
                                   int (*visit)(pid_t number, void *context),
                                   void *context)
{
    DIR *directory = opendir(path);
    int result = 0;
    if (directory == NULL)
        return 0; /* it has ended */
    for (struct dirent *entry;
         result == 0 && (entry = readdir(directory)) != NULL;) {
        uint64_t number;
        const char *end = number_scan(entry->d_name, INT_MAX, &number);
        if (end != NULL && *end == '\0')
            result = visit((pid_t)number, context);
    }
    closedir(directory);
    return result;
}

struct search {
    struct tracees *tracees;
    struct stat pid_namespace;
    pid_t init;
    int found;
};

/* Why that thread can not be traced; not an error where it is traced already, by
 * us since its parent was, or has ended. */
static int tracees_explain(const struct search *search, pid_t tid)
{
    int error = errno;
    char text[4096];
    const char *tracer =
        tracees_read_status(tid, "\nTracerPid:", text, sizeof text);
    long tracer_pid = tracer == NULL ? 0 : strtol(tracer, NULL, 10);
    if (tid != search->init || tracer_pid == getpid() || error == ESRCH)
        return 0;
    errno = error;
    if (tracer_pid > 0) {
        log_error("process %d is traced already, by process %ld (EPERM)",
                  (int)tid, tracer_pid);
        log_advice("a process has one tracer at a time");
        return -1;
    }
    return (int)log_call(-1, "its system calls are reported to us",
                         "ptrace(PTRACE_SEIZE, %d)", (int)tid);
}

static int tracees_visit_thread(pid_t tid, void *context)
{
    struct search *search = context;
    if (tracees_find(search->tracees, tid) != NULL)
        return 0;
    if (tracees_seize(search->tracees, tid) == -1)
        return tracees_explain(search, tid);
    search->found++;
    return 0;
}

static int tracees_visit_process(pid_t pid, void *context)
{
    struct search *search = context;
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/ns/pid", (int)pid);
    if (!tracees_is_within(open(path, O_RDONLY | O_CLOEXEC),
                           &search->pid_namespace))
        return 0;
    snprintf(path, sizeof path, "/proc/%d/task", (int)pid);
    return tracees_for_each_number(path, tracees_visit_thread, context);
}

int tracees_seize_container(struct tracees *tracees, pid_t init, int proc_fd)
{
    struct search search = {.tracees = tracees, .init = init};
    int found = 0;
    if (fstatat(proc_fd, "ns/pid", &search.pid_namespace, 0) == -1)
        return errno == ENOENT || errno == ESRCH
                   ? 0 /* it has ended */
                   : (int)log_call(-1, "whose PID namespace it is",
                                   "newfstatat(\"/proc/%d/ns/pid\")",
                                   (int)init);
    /* Once more, until there is nobody new: who is not traced yet may clone. */
    do {
        search.found = 0;
        if (tracees_for_each_number("/proc", tracees_visit_process, &search) ==
            -1)
            return -1;
        found += search.found;
    } while (search.found > 0);
    return found;
}
