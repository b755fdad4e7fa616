/* How much a container may use, and uses: from the files of its cgroups. */
#include "common/base/files.h"
#include "common/base/number.h"
#include "common/runtime/proc.h"
#include "common/runtime/show.h"
#include "common/runtime/stats_read.h"

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

/* A line of /proc/PID/cgroup as a directory of ours: "4:memory:/nsctl/1f…" of version 1,
 * "0::/nsctl/1f…" of version 2. False where it is out of our sight. */
static bool show_cgroup_directory(char *line, char directory[PATH_MAX])
{
    char top[PATH_MAX], root[PATH_MAX];
    char *list = strchr(line, ':');
    char *path = list == NULL ? NULL : strchr(list + 1, ':');
    if (path == NULL)
        return false;
    *list++ = *path++ = '\0';
    path[strcspn(path, "\n")] = '\0';
    list[strcspn(list, ",")] = '\0'; /* those of a list are mounted together */
    if (!show_cgroup_mounted(*list == '\0' ? NULL : list, top, root))
        return false;
    size_t hidden = strcmp(root, "/") == 0 ? 0 : strlen(root);
    return strncmp(path, root, hidden) == 0 &&
           files_path(directory, "%s%s", top, path + hidden) == 0 &&
           access(directory, F_OK) == 0;
}

enum { MOST_CGROUPS = 32 };

/* The directories that it does not share with us: what stands in a common one tells of
 * both. Returns how many; each to be freed. */
static size_t show_cgroup_find(int proc_fd, char *found[MOST_CGROUPS + 1])
{
    char *line = NULL;
    size_t size = 0, count = 0;
    char directory[PATH_MAX], ours[16384];
    FILE *file = proc_open_file(proc_fd, "cgroup");
    if (files_read("/proc/self/cgroup", ours, sizeof ours) == -1)
        ours[0] = '\0';
    while (file != NULL && count < MOST_CGROUPS &&
           getline(&line, &size, file) != -1) {
        if (strstr(ours, line) == NULL &&
            show_cgroup_directory(line, directory) &&
            (found[count] = strdup(directory)) != NULL)
            count++;
    }
    free(line);
    if (file != NULL)
        fclose(file);
    found[count] = NULL;
    return count;
}

/* ---- What they say ---- */

static bool show_is_limit(int64_t figure)
{
    return figure >= 0 && figure < INT64_MAX / 2; /* version 1 has a number */
}

/* "64.0 MiB" */
static const char *show_cgroup_bytes(int64_t bytes,
                                     char text[NUMBER_BYTES_TEXT])
{
    return number_format_bytes(bytes, 1024, " ", text);
}

static void show_memory(struct picture *picture, const int64_t *figures)
{
    char used[NUMBER_BYTES_TEXT], limit[NUMBER_BYTES_TEXT];
    char file[NUMBER_BYTES_TEXT], peak[NUMBER_BYTES_TEXT];
    int64_t most = figures[STATS_MEMORY_LIMIT];
    if (figures[STATS_MEMORY] < 0)
        return;
    show_cgroup_bytes(figures[STATS_MEMORY], used);
    if (show_is_limit(most))
        picture_line(picture, PICTURE_PLAIN, "%-11s%s of %s%s", "memory", used,
                     show_cgroup_bytes(most, limit),
                     picture_bar(picture, most == 0
                                              ? 1
                                              : (double)figures[STATS_MEMORY] /
                                                    (double)most));
    else
        picture_line(picture, PICTURE_WARNING, "%-11s%s, no limit", "memory",
                     used);
    if (figures[STATS_MEMORY_FILE] > 0)
        picture_line(picture, PICTURE_DIM,
                     "%-11s%s of files besides, which could be dropped", "",
                     show_cgroup_bytes(figures[STATS_MEMORY_FILE], file));
    if (figures[STATS_MEMORY_PEAK] >= 0)
        picture_line(picture, PICTURE_DIM,
                     "%-11s%s at the peak, files included", "",
                     show_cgroup_bytes(figures[STATS_MEMORY_PEAK], peak));
    if (figures[STATS_OOM_KILLS] > 0)
        picture_line(picture, PICTURE_WARNING,
                     "%-11s%" PRId64 " of its processes killed by the kernel",
                     "", figures[STATS_OOM_KILLS]);
}

static void show_cpu(struct picture *picture, const int64_t *figures)
{
    if (figures[STATS_CPU_NS] < 0)
        return;
    double used = (double)figures[STATS_CPU_NS] / 1e9;
    if (figures[STATS_CPU_LIMIT] > 0 && show_is_limit(figures[STATS_CPU_LIMIT]))
        picture_line(picture, PICTURE_PLAIN,
                     "%-11s%.3f s used; %.2f CPUs at most, %.3f s throttled",
                     "CPU", used, (double)figures[STATS_CPU_LIMIT] / 1000,
                     (double)figures[STATS_THROTTLED_NS] / 1e9);
    else
        picture_line(picture, PICTURE_PLAIN, "%-11s%.3f s used; no limit",
                     "CPU", used);
}

static void show_pids(struct picture *picture, const int64_t *figures)
{
    int64_t used = figures[STATS_PIDS], most = figures[STATS_PIDS_LIMIT];
    if (used < 0)
        return;
    if (show_is_limit(most))
        picture_line(
            picture, PICTURE_PLAIN, "%-11s%" PRId64 " of %" PRId64 "%s",
            "processes", used, most,
            picture_bar(picture, most == 0 ? 1 : (double)used / (double)most));
    else
        picture_line(picture, PICTURE_WARNING, "%-11s%" PRId64 ", no limit",
                     "processes", used);
}

static void show_disks(struct picture *picture, const int64_t *figures)
{
    char read[NUMBER_BYTES_TEXT], written[NUMBER_BYTES_TEXT];
    if (figures[STATS_READ_BYTES] + figures[STATS_WRITTEN_BYTES] > 0)
        picture_line(picture, PICTURE_PLAIN, "%-11s%s read, %s written",
                     "disks",
                     show_cgroup_bytes(figures[STATS_READ_BYTES], read),
                     show_cgroup_bytes(figures[STATS_WRITTEN_BYTES], written));
}

static void show_pressure(struct picture *picture, const int64_t *figures)
{
    if (figures[STATS_CPU_WAITING] < 0)
        return;
    picture_line(
        picture, PICTURE_PLAIN,
        "%-11scpu %.2f %%, memory %.2f %%, io %.2f %% of the last 10 s "
        "somebody waited",
        "pressure", (double)figures[STATS_CPU_WAITING] / 100,
        (double)figures[STATS_MEMORY_WAITING] / 100,
        (double)figures[STATS_IO_WAITING] / 100);
}

void show_cgroup(struct picture *picture, int proc_fd)
{
    char *directories[MOST_CGROUPS + 1];
    struct stats_sample sample;
    size_t count = show_cgroup_find(proc_fd, directories);
    picture_heading(picture, "cgroup");
    if (count == 0)
        picture_line(picture, PICTURE_WARNING,
                     "none of its own: nothing is limited, nothing counted");
    if (count == 1)
        picture_line(picture, PICTURE_DIM, "%s", directories[0]);
    if (count > 1) /* version 1 */
        picture_line(picture, PICTURE_DIM, "%s and in %zu other trees",
                     directories[0], count - 1);
    if (count > 0) {
        stats_read((const char *const *)directories, 0, &sample);
        show_memory(picture, sample.figures);
        show_cpu(picture, sample.figures);
        show_pids(picture, sample.figures);
        show_disks(picture, sample.figures);
        show_pressure(picture, sample.figures);
    }
    for (size_t i = 0; i < count; i++)
        free(directories[i]);
}
