/* top: the processes of a container, with their numbers on the host and inside. */
#include "common/base/files.h"
#include "common/base/json_writer.h"
#include "common/base/log.h"
#include "common/base/number.h"
#include "common/base/proc_stat.h"
#include "common/base/table.h"
#include "common/runtime/subcommands.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Of one process. */
struct top_process {
    pid_t pid, inside; /* its numbers */
    uint32_t uid;      /* inside */
    char state;
    uint64_t ticks; /* of CPU time */
    char command[4096];
};

struct top {
    dev_t device; /* of the container's pid namespace */
    ino_t inode;
    char uid_map[4096];
    struct table table;
    struct json_writer writer;
    bool json;
    size_t count;
};

/* ---- One process ---- */

/* What follows `key` in /proc/PID/status. */
static const char *top_find(const char *status, const char *key)
{
    const char *line = strstr(status, key);
    return line == NULL ? "" : line + strlen(key);
}

/* The number at `*text`, after blanks; `*text` is then behind it. 0 at the end. */
static uint64_t top_take_number(const char **text)
{
    char *end;
    uint64_t number = strtoull(*text, &end, 10);
    *text = end;
    return number;
}

/* user_namespaces(7): "inside outside count" in each line. */
static uint32_t top_uid_inside(const char *map, uint32_t uid)
{
    for (;;) {
        uint64_t inside = top_take_number(&map);
        uint64_t outside = top_take_number(&map);
        uint64_t count = top_take_number(&map);
        if (count == 0)
            return 65534; /* as the container sees it, too */
        if (uid >= outside && uid - outside < count)
            return (uint32_t)(inside + (uid - outside));
    }
}

/* The words of a command as one text; of a kernel's thread, or one that has
 * ended, its name. */
static void top_read_command(struct top_process *process, const char *name)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/cmdline", (int)process->pid);
    ptrdiff_t length =
        files_read(path, process->command, sizeof process->command);
    for (ptrdiff_t i = 0; i + 1 < length; i++)
        if (process->command[i] == '\0')
            process->command[i] = ' ';
    if (length <= 0)
        snprintf(process->command, sizeof process->command, "[%.*s]",
                 (int)strcspn(name + strspn(name, "\t "), "\n"),
                 name + strspn(name, "\t "));
}

/* Returns whether it is there still. proc_pid_status(5), proc_pid_stat(5). */
static bool top_read(const struct top *top, pid_t pid,
                     struct top_process *process)
{
    char path[64], status[8192];
    struct proc_stat stat;
    process->pid = pid;
    snprintf(path, sizeof path, "/proc/%d/status", (int)pid);
    if (files_read(path, status, sizeof status) <= 0)
        return false;
    if (proc_stat_read(pid, &stat) == -1)
        return false;
    process->state = stat.state;
    process->ticks = stat.ticks;
    process->uid = top_uid_inside(
        top->uid_map, (uint32_t)strtoul(top_find(status, "\nUid:"), NULL, 10));
    /* One number for each level of namespaces: the last is the innermost. */
    const char *numbers = top_find(status, "\nNSpid:");
    for (process->inside = pid; *numbers != '\n' && *numbers != '\0';
         numbers += strspn(numbers, " \t"))
        process->inside = (pid_t)top_take_number(&numbers);
    top_read_command(process, top_find(status, "Name:"));
    return true;
}

static void top_add(struct top *top, const struct top_process *process)
{
    char text[64];
    uint64_t seconds = process->ticks / (uint64_t)sysconf(_SC_CLK_TCK);
    top->count++;
    if (top->json) {
        json_write_open(&top->writer, NULL, '{');
        json_write_number(&top->writer, "Pid", process->pid);
        json_write_number(&top->writer, "PidInside", process->inside);
        json_write_number(&top->writer, "Uid", process->uid);
        json_write_number(&top->writer, "CpuSeconds", (int64_t)seconds);
        json_write_text(&top->writer, "Command", process->command);
        json_write_close(&top->writer, '}');
        return;
    }
    snprintf(text, sizeof text, "%d", (int)process->pid);
    table_add(&top->table, text);
    snprintf(text, sizeof text, "%d", (int)process->inside);
    table_add(&top->table, text);
    snprintf(text, sizeof text, "%" PRIu32, process->uid);
    table_add(&top->table, text);
    snprintf(text, sizeof text, "%c", process->state);
    table_add(&top->table, text);
    snprintf(text, sizeof text, "%" PRIu64 ":%02" PRIu64 ":%02" PRIu64,
             seconds / 3600, seconds / 60 % 60, seconds % 60);
    table_add(&top->table, text);
    table_add(&top->table, process->command);
}

/* ---- All of them ---- */

/* Which pid namespace it is: that of its first process. An init of ours was born
 * on the host, and a user may not look into it; but into its children. */
static int top_find_namespace(struct top *top, const struct record *record)
{
    char path[64], children[256];
    struct stat status;
    pid_t pid = record->init_process.pid;
    snprintf(path, sizeof path, "/proc/%d/uid_map", (int)pid);
    if (files_read(path, top->uid_map, sizeof top->uid_map) == -1)
        return (int)log_call(-1, "its ids", "openat(\"%s\", O_RDONLY)", path);
    snprintf(path, sizeof path, "/proc/%d/ns/pid", (int)pid);
    int result = stat(path, &status);
    if (result == -1 && errno == EACCES) {
        snprintf(path, sizeof path, "/proc/%d/task/%d/children", (int)pid,
                 (int)pid);
        if (files_read(path, children, sizeof children) > 0) {
            snprintf(path, sizeof path, "/proc/%ld/ns/pid",
                     strtol(children, NULL, 10));
            result = stat(path, &status);
        }
    }
    if (result == -1)
        return (int)log_call(result, "its processes", "newfstatat(\"%s\")",
                             path);
    top->device = status.st_dev;
    top->inode = status.st_ino;
    return 0;
}

static bool top_is_inside(const struct top *top, pid_t pid)
{
    char path[64];
    struct stat status;
    snprintf(path, sizeof path, "/proc/%d/ns/pid", (int)pid);
    return stat(path, &status) == 0 && status.st_ino == top->inode &&
           status.st_dev == top->device;
}

static int top_compare(const struct dirent **a, const struct dirent **b)
{
    long first = strtol((*a)->d_name, NULL, 10);
    long second = strtol((*b)->d_name, NULL, 10);
    return (first > second) - (first < second);
}

static int top_is_number(const struct dirent *entry)
{
    return entry->d_name[0] >= '1' && entry->d_name[0] <= '9';
}

static int top_list(struct top *top, pid_t init_pid)
{
    static struct top_process process;
    struct dirent **names;
    int count = scandir("/proc", &names, top_is_number, top_compare);
    if (count == -1)
        return (int)log_call(count, "the processes", "getdents64(\"/proc\")");
    for (int i = 0; i < count; i++) {
        pid_t pid = (pid_t)strtol(names[i]->d_name, NULL, 10);
        if ((pid == init_pid || top_is_inside(top, pid)) &&
            top_read(top, pid, &process))
            top_add(top, &process);
        free(names[i]);
    }
    free(names);
    return 0;
}

static int top_print(struct top *top, const struct record *record)
{
    if (!subcommands_check_running(record) ||
        top_find_namespace(top, record) == -1)
        return -1;
    if (top->json)
        json_write_open(&top->writer, NULL, '[');
    int result = top_list(top, record->init_process.pid);
    if (top->json)
        json_write_close(&top->writer, ']');
    else
        table_print(&top->table, stdout);
    return result;
}

int subcommand_top(const struct store *store, char **argv)
{
    static const char *const headings[] = {"PID",  "INSIDE",  "USER", "STATE",
                                           "TIME", "COMMAND", NULL};
    static struct top top;
    const struct program_option options[] = {
        {"--json", NULL, NULL, &top.json, "an array of objects"},
        {0},
    };
    const struct program program = {
        .name = "top",
        .summary = "Lists the processes of a container, as the host numbers "
                   "them and as it does.",
        .usage = "CONTAINER",
        .example = "top web",
        .options = options,
    };
    char **words = subcommands_read(&program, argv, 1, 1);
    struct record record;
    int status = EXIT_NOT_DONE;
    top.table.headings = headings;
    top.writer.file = stdout;
    if (store_look_up(store, words[0], &record) == 0 &&
        top_print(&top, &record) == 0)
        status = 0;
    record_free(&record);
    return subcommands_end_output(status);
}
