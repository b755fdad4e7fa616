/* How much a container may use, and uses: from the files of its cgroups. */
#include "common/base/files.h"
#include "common/base/number.h"
#include "steps/09-lifecycle/proc.h"
#include "steps/09-lifecycle/show.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- Where they are ---- */

/* Whether `name` stands in a list between commas. */
static bool show_cgroup_lists(const char *list, const char *name)
{
    size_t length = strlen(name);
    while (*list != '\0') {
        size_t word = strcspn(list, ",\n");
        if (word == length && strncmp(list, name, length) == 0)
            return true;
        list += word + (list[word] != '\0');
    }
    return false;
}

/* Where the tree of that controller is mounted for us, and which directory of it is;
 * version 2's for `controller` NULL. False where it is not. */
static bool show_cgroup_mounted(const char *controller, char top[PATH_MAX],
                                char root[PATH_MAX])
{
    char *line = NULL;
    size_t size = 0;
    bool found = false;
    FILE *mounts = fopen("/proc/self/mountinfo", "re");
    while (mounts != NULL && !found && getline(&line, &size, mounts) != -1) {
        char options[1024];
        const char *type = strstr(line, " - ");
        if (type == NULL ||
            sscanf(line, "%*s %*s %*s %4095s %4095s", root, top) != 2)
            continue;
        found = controller == NULL
                    ? strncmp(type, " - cgroup2 ", 11) == 0
                    : sscanf(type, " - cgroup %*s %1023s", options) == 1 &&
                          show_cgroup_lists(options, controller);
    }
    free(line);
    if (mounts != NULL)
        fclose(mounts);
    return found;
}

struct show_cgroup {
    bool unified;
    char directory[PATH_MAX];
};

/* /proc/PID/cgroup: "4:memory:/nsctl/1f…" a line for each tree of version 1, and
 * "0::/nsctl/1f…" for version 2. A controller that no tree of version 1 has is the
 * one's of version 2. False where there is no such directory for us. */
static bool show_cgroup_find(struct show_cgroup *cgroup, int proc_fd,
                             const char *controller)
{
    char text[16384], top[PATH_MAX], root[PATH_MAX], *rest = NULL;
    const char *path = NULL;
    cgroup->unified = true;
    if (proc_read(proc_fd, "cgroup", text, sizeof text) <= 0)
        return false;
    for (char *line = strtok_r(text, "\n", &rest); line != NULL;
         line = strtok_r(NULL, "\n", &rest)) {
        char *list = strchr(line, ':');
        char *place = list == NULL ? NULL : strchr(list + 1, ':');
        if (place == NULL)
            continue;
        *place = '\0';
        bool named = show_cgroup_lists(list + 1, controller);
        if (named || (list[1] == '\0' && cgroup->unified)) {
            path = place + 1;
            cgroup->unified = !named;
        }
    }
    if (path == NULL ||
        !show_cgroup_mounted(cgroup->unified ? NULL : controller, top, root))
        return false;
    size_t hidden = strcmp(root, "/") == 0 ? 0 : strlen(root);
    return strncmp(path, root, hidden) == 0 &&
           files_path(cgroup->directory, "%s%s", top, path + hidden) == 0 &&
           access(cgroup->directory, F_OK) == 0;
}

/* ---- What they say ---- */

static bool show_cgroup_read(const struct show_cgroup *cgroup, const char *v2,
                             const char *v1, char *text, size_t size)
{
    char path[PATH_MAX];
    const char *file = cgroup->unified ? v2 : v1;
    return file != NULL &&
           files_path(path, "%s/%s", cgroup->directory, file) == 0 &&
           files_read(path, text, size) > 0;
}

/* The number in that file; UINT64_MAX for no limit, which version 2 calls "max", and
 * version 1 a number near the highest. */
static bool show_cgroup_number(const struct show_cgroup *cgroup, const char *v2,
                               const char *v1, uint64_t *number)
{
    char text[64];
    if (!show_cgroup_read(cgroup, v2, v1, text, sizeof text))
        return false;
    if (strncmp(text, "max", 3) == 0)
        *number = UINT64_MAX;
    else if (number_scan(text, UINT64_MAX, number) == NULL)
        return false;
    if (*number >= INT64_MAX / 2)
        *number = UINT64_MAX;
    return true;
}

/* "key 123", a line of the file. 0 where there is none. */
static uint64_t show_cgroup_key(const struct show_cgroup *cgroup,
                                const char *v2, const char *v1, const char *key)
{
    char text[4096], value[32];
    uint64_t number = 0;
    if (show_cgroup_read(cgroup, v2, v1, text, sizeof text) &&
        proc_find(text, key, value, sizeof value))
        number_scan(value, UINT64_MAX, &number);
    return number;
}

/* "64.0 MiB" */
static const char *show_cgroup_bytes(uint64_t bytes, char text[24])
{
    static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
    double shown = (double)bytes;
    size_t unit = 0;
    while (shown >= 1024 && unit < 4) {
        shown /= 1024;
        unit++;
    }
    snprintf(text, 24, unit == 0 ? "%.0f %s" : "%.1f %s", shown, units[unit]);
    return text;
}

static void show_memory(struct picture *picture,
                        const struct show_cgroup *cgroup)
{
    uint64_t used, most, peak;
    char used_text[24], most_text[24], peak_text[48] = "", number[24];
    if (!show_cgroup_number(cgroup, "memory.current", "memory.usage_in_bytes",
                            &used))
        return;
    if (!show_cgroup_number(cgroup, "memory.max", "memory.limit_in_bytes",
                            &most))
        most = UINT64_MAX;
    if (show_cgroup_number(cgroup, "memory.peak", "memory.max_usage_in_bytes",
                           &peak))
        snprintf(peak_text, sizeof peak_text, "; %s at the peak",
                 show_cgroup_bytes(peak, number));
    show_cgroup_bytes(used, used_text);
    if (most == UINT64_MAX)
        picture_line(picture, PICTURE_WARNING, "%-11s%s, no limit%s", "memory",
                     used_text, peak_text);
    else
        picture_line(
            picture, PICTURE_PLAIN, "%-11s%s of %s%s %s", "memory", used_text,
            show_cgroup_bytes(most, most_text), peak_text,
            picture_bar(picture, most == 0 ? 1 : (double)used / (double)most));
    uint64_t killed = show_cgroup_key(cgroup, "memory.events",
                                      "memory.oom_control", "oom_kill ");
    if (killed > 0)
        picture_line(picture, PICTURE_WARNING,
                     "%-11s%" PRIu64 " of its processes killed by the kernel",
                     "", killed);
}

/* How many CPUs' time in each period; 0 where there is no limit. */
static double show_cpu_limit(const struct show_cgroup *cgroup)
{
    char text[64];
    int64_t quota = -1, period = 0;
    if (cgroup->unified) {
        if (show_cgroup_read(cgroup, "cpu.max", NULL, text, sizeof text))
            sscanf(text, "%" SCNd64 " %" SCNd64, &quota, &period);
    } else {
        if (show_cgroup_read(cgroup, NULL, "cpu.cfs_quota_us", text,
                             sizeof text))
            sscanf(text, "%" SCNd64, &quota);
        if (show_cgroup_read(cgroup, NULL, "cpu.cfs_period_us", text,
                             sizeof text))
            sscanf(text, "%" SCNd64, &period);
    }
    return quota <= 0 || period <= 0 ? 0 : (double)quota / (double)period;
}

static void show_cpu(struct picture *picture, const struct show_cgroup *cgroup,
                     const struct show_cgroup *counted)
{
    uint64_t used_us = 0;
    double limit = show_cpu_limit(cgroup);
    if (cgroup->unified)
        used_us = show_cgroup_key(cgroup, "cpu.stat", NULL, "usage_usec ");
    else if (show_cgroup_number(counted, NULL, "cpuacct.usage", &used_us))
        used_us /= 1000;
    uint64_t waited_us =
        cgroup->unified
            ? show_cgroup_key(cgroup, "cpu.stat", NULL, "throttled_usec ")
            : show_cgroup_key(cgroup, NULL, "cpu.stat", "throttled_time ") /
                  1000;
    char most[48] = "no limit";
    if (limit > 0)
        snprintf(most, sizeof most, "%.2f CPUs at most, %.3f s throttled",
                 limit, (double)waited_us / 1e6);
    picture_line(picture, PICTURE_PLAIN, "%-11s%.3f s used; %s", "CPU",
                 (double)used_us / 1e6, most);
}

static void show_pids(struct picture *picture, const struct show_cgroup *cgroup)
{
    uint64_t used, most;
    if (!show_cgroup_number(cgroup, "pids.current", "pids.current", &used) ||
        !show_cgroup_number(cgroup, "pids.max", "pids.max", &most))
        return;
    if (most == UINT64_MAX)
        picture_line(picture, PICTURE_WARNING, "%-11s%" PRIu64 ", no limit",
                     "processes", used);
    else
        picture_line(picture, PICTURE_PLAIN,
                     "%-11s%" PRIu64 " of %" PRIu64 " %s", "processes", used,
                     most, picture_bar(picture, (double)used / (double)most));
}

/* "some avg10=1.50 avg60=…": so much of the last 10 s somebody had to wait. Version 2,
 * and a kernel that counts it. */
static void show_pressure(struct picture *picture,
                          const struct show_cgroup *cgroup)
{
    static const char *const kinds[] = {"memory", "cpu", "io"};
    char line[128] = "";
    size_t used = 0;
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        char file[32], text[512];
        double average;
        snprintf(file, sizeof file, "%s.pressure", kinds[i]);
        if (show_cgroup_read(cgroup, file, NULL, text, sizeof text) &&
            sscanf(text, "some avg10=%lf", &average) == 1)
            used += (size_t)snprintf(line + used, sizeof line - used,
                                     "%s%s %.2f %%", used == 0 ? "" : ", ",
                                     kinds[i], average);
    }
    if (used > 0)
        picture_line(picture, PICTURE_PLAIN,
                     "%-11s%s of the last 10 s somebody waited", "pressure",
                     line);
}

/* ---- All of it ---- */

/* Whether that is a place of its own: one that it shares with us tells of us. */
static bool show_cgroup_of_its_own(struct show_cgroup *cgroup, int proc_fd,
                                   const char *controller)
{
    struct show_cgroup ours;
    int self_fd = open("/proc/self", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool own = show_cgroup_find(cgroup, proc_fd, controller);
    if (own && self_fd != -1 && show_cgroup_find(&ours, self_fd, controller))
        own = strcmp(ours.directory, cgroup->directory) != 0;
    if (self_fd != -1)
        close(self_fd);
    return own;
}

void show_cgroup(struct picture *picture, int proc_fd)
{
    static struct show_cgroup memory, cpu, cpuacct, pids;
    picture_heading(picture, "cgroup");
    bool has_memory = show_cgroup_of_its_own(&memory, proc_fd, "memory");
    bool has_cpu = show_cgroup_of_its_own(&cpu, proc_fd, "cpu");
    bool has_pids = show_cgroup_of_its_own(&pids, proc_fd, "pids");
    if (!has_memory && !has_cpu && !has_pids) {
        picture_line(picture, PICTURE_WARNING,
                     "none of its own: nothing is limited, nothing counted");
        return;
    }
    const struct show_cgroup *first = has_memory ? &memory
                                      : has_cpu  ? &cpu
                                                 : &pids;
    picture_line(picture, PICTURE_DIM, "version %d, %s", first->unified ? 2 : 1,
                 first->directory);
    if (has_memory)
        show_memory(picture, &memory);
    if (has_cpu &&
        (cpu.unified || show_cgroup_find(&cpuacct, proc_fd, "cpuacct")))
        show_cpu(picture, &cpu, &cpuacct);
    if (has_pids)
        show_pids(picture, &pids);
    if (first->unified)
        show_pressure(picture, first);
}
