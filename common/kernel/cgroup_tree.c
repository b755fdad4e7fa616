#include "common/kernel/cgroup_tree.h"

#include "common/base/files.h"
#include "common/base/log.h"
#include "common/kernel/lock.h"
#include "common/kernel/mountinfo.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/magic.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <time.h>
#include <unistd.h>

/* ---- Finding the hierarchies ---- */

const char *cgroup_tree_name(bool unified, enum cgroup_controller which)
{
    static const char *const v1[] = {"memory", "cpu",   "cpuacct",
                                     "pids",   "blkio", "freezer"};
    static const char *const v2[] = {"memory", "cpu", "cpu",
                                     "pids",   "io",  "freezer"};
    return unified ? v2[which] : v1[which];
}

const struct cgroup_hierarchy *cgroup_tree_with(const struct cgroup *cgroup,
                                                enum cgroup_controller which)
{
    for (size_t i = 0; i < cgroup->count; i++)
        if ((cgroup->hierarchies[i].controllers & (1U << which)) != 0)
            return &cgroup->hierarchies[i];
    return NULL;
}

void cgroup_tree_list(bool unified, unsigned controllers, const char *separator,
                      char *names, size_t size)
{
    size_t used = 0;
    const char *last = "";
    for (int which = 0; which < CGROUP_CONTROLLERS; which++) {
        const char *name = cgroup_tree_name(unified, which);
        if ((controllers & (1U << which)) == 0 || strcmp(name, last) == 0)
            continue;
        if (used < size)
            used += (size_t)snprintf(names + used, size - used, "%s%s",
                                     used == 0 ? "" : separator, name);
        last = name;
    }
}

/* The controllers named in `names`, which is a list between commas (the mount
 * options of version 1) or spaces (cgroup.controllers of version 2), as bits. */
static unsigned cgroup_tree_read_names(char *names, bool unified)
{
    unsigned controllers = 0;
    char *rest = NULL;
    for (char *name = strtok_r(names, ", \n", &rest); name != NULL;
         name = strtok_r(NULL, ", \n", &rest))
        for (int which = 0; which < CGROUP_CONTROLLERS; which++)
            if (strcmp(name, cgroup_tree_name(unified, which)) == 0)
                controllers |= 1U << which;
    return controllers;
}

/* Whether `path` is what the mount table says: something else may have been
 * mounted over it since, and a directory made there would be no cgroup. */
static bool cgroup_tree_is_mounted(const char *path, bool unified)
{
    struct statfs status;
    return statfs(path, &status) == 0 &&
           status.f_type ==
               (unified ? CGROUP2_SUPER_MAGIC : CGROUP_SUPER_MAGIC);
}

/* What is mounted together in version 1 is one hierarchy, and to be mounted
 * again it has to be named whole, whatever part of it is of use to us. A line of
 * /proc/self/cgroup has that list: "4:memory,hugetlb:/". cgroups(7). */
static int cgroup_tree_read_mounted(struct cgroup *cgroup)
{
    char *line = NULL;
    size_t size = 0;
    FILE *groups = fopen("/proc/self/cgroup", "re");
    if (groups == NULL)
        return (int)log_call(-1, "which controllers are mounted together",
                             "openat(\"/proc/self/cgroup\")");
    while (getline(&line, &size, groups) != -1) {
        char list[sizeof cgroup->hierarchies[0].mounted], names[sizeof list];
        if (sscanf(line, "%*d:%255[^:]", list) != 1)
            continue;
        memcpy(names, list, sizeof names);
        unsigned controllers = cgroup_tree_read_names(names, false);
        for (size_t i = 0; i < cgroup->count; i++)
            if ((controllers & cgroup->hierarchies[i].controllers) != 0)
                memcpy(cgroup->hierarchies[i].mounted, list, strlen(list) + 1);
    }
    free(line);
    fclose(groups);
    return 0;
}

/* One mount. The options of version 1 are the controllers that it has:
 * "rw,memory"; version 2 has a file for them. */
static int cgroup_tree_read_mount(struct cgroup *cgroup, unsigned wanted,
                                  const struct mountinfo *mount)
{
    bool unified = strcmp(mount->type, "cgroup2") == 0;
    if ((!unified && strcmp(mount->type, "cgroup") != 0) ||
        cgroup->count == CGROUP_CONTROLLERS ||
        !cgroup_tree_is_mounted(mount->target, unified))
        return 0;
    char path[PATH_MAX], text[1024], *controllers = mount->options;
    if (unified) {
        if (files_path(path, "%s/cgroup.controllers", mount->target) == -1)
            return -1;
        if (files_read(path, text, sizeof text) == -1)
            return (int)log_call(-1, "which controllers there are",
                                 "openat(\"%s\")", path);
        controllers = text;
    }

    struct cgroup_hierarchy *next = &cgroup->hierarchies[cgroup->count];
    next->unified = unified;
    next->controllers = wanted & cgroup_tree_read_names(controllers, unified);
    for (size_t i = 0; i < cgroup->count; i++) /* mounted twice */
        next->controllers &= ~cgroup->hierarchies[i].controllers;
    next->fd = -1;
    if (next->controllers == 0)
        return 0;
    if (files_path(next->top, "%s", mount->target) == -1)
        return -1;
    char names[64];
    cgroup_tree_list(unified, next->controllers, " ", names, sizeof names);
    log_note("cgroup version %d at %s: %s", unified ? 2 : 1, next->top, names);
    cgroup->count++;
    return 0;
}

int cgroup_tree_find(struct cgroup *cgroup, unsigned wanted)
{
    struct mountinfo mounts;
    int result = 0;
    cgroup->count = 0;
    if (mountinfo_open(&mounts, "where the cgroups are") == -1)
        return -1;
    while (result == 0 && mountinfo_next(&mounts))
        result = cgroup_tree_read_mount(cgroup, wanted, &mounts);
    if (mountinfo_close(&mounts) == -1 || result == -1)
        return -1;
    if (cgroup->count == 0) {
        log_error("no cgroup file system with a controller is mounted");
        log_advice("mount -t cgroup2 none /sys/fs/cgroup makes one, where no "
                   "service manager has; or try `make vm`");
        return -1;
    }
    for (size_t i = 0; i < cgroup->count; i++)
        if (!cgroup->hierarchies[i].unified)
            return cgroup_tree_read_mounted(cgroup);
    return 0;
}

/* ---- Taking directories away ---- */

/* Calls `visit` with the path of every cgroup that is right inside `path`. */
static void cgroup_tree_for_each(const char *path, int (*visit)(const char *))
{
    DIR *directory = opendir(path);
    if (directory == NULL)
        return;
    for (struct dirent *entry; (entry = readdir(directory)) != NULL;) {
        char inner[PATH_MAX];
        if (entry->d_type != DT_DIR || strcmp(entry->d_name, ".") == 0 ||
            strcmp(entry->d_name, "..") == 0)
            continue;
        int length = snprintf(inner, PATH_MAX, "%s/%s", path, entry->d_name);
        if (length < PATH_MAX) /* else it is in the way, and rmdir says so */
            visit(inner);
    }
    closedir(directory);
}

/* Version 2 from 5.14 on kills a whole cgroup in one write, those inside it and
 * whatever is forked meanwhile too: once will do. Else one by one; PID 1 of the
 * container's PID namespace is among them, and takes the others with it, but
 * what is forked elsewhere must be met again. cgroups(7). */
static void cgroup_tree_kill(const char *path, bool first)
{
    char file[PATH_MAX], processes[4096];
    if (files_path(file, "%s/cgroup.kill", path) == 0 &&
        access(file, W_OK) == 0) {
        if (first)
            files_write_setting(file, "1", "kill what is left inside");
        return;
    }
    if (files_path(file, "%s/cgroup.procs", path) == -1 ||
        files_read(file, processes, sizeof processes) <= 0)
        return;
    for (char *pid = processes; *pid != '\0';) {
        char *end;
        long number = strtol(pid, &end, 10);
        /* 0 stands for a process of a PID namespace that we can not see. To
         * kill(2) it would mean our own process group. */
        if (number > 0 && *end == '\n')
            kill((pid_t)number, SIGKILL);
        pid = end + strspn(end, "\n");
        if (pid == end)
            break;
    }
}

static int cgroup_tree_try_again(const char *path);

/* Removes a cgroup. One that is in use (EBUSY) is emptied first: of processes,
 * and of cgroups that were made inside it. */
static int cgroup_tree_try_to_remove(const char *path, bool first)
{
    int result = rmdir(path);
    if (result == 0 || errno != EBUSY)
        return result;
    cgroup_tree_kill(path, first);
    cgroup_tree_for_each(path, cgroup_tree_try_again);
    return rmdir(path);
}

static int cgroup_tree_try_again(const char *path)
{
    return cgroup_tree_try_to_remove(path, false);
}

/* A process that was killed is a member until it is gone, and neither version
 * has a call that waits for that: so rmdir(2) is tried until it works, for ten
 * seconds at most, whatever is inside. */
static int cgroup_tree_remove_one(const char *path)
{
    enum { TRIES = 2000 };
    static const struct timespec pause = {.tv_nsec = 5000000L};
    int result = cgroup_tree_try_to_remove(path, true);
    for (int i = 0; i < TRIES && result == -1 && errno == EBUSY; i++) {
        nanosleep(&pause, NULL);
        result = cgroup_tree_try_again(path);
    }
    return result;
}

/* ---- Making them ---- */

/* A directory that nobody holds the lock of belonged to a run that was killed.
 * Where the lock is held, its container lives. Returns 0 either way. */
static int cgroup_tree_sweep(const char *path)
{
    int fd = lock_directory(path, LOCK_EX | LOCK_NB);
    if (fd == -1)
        return 0;
    int result = cgroup_tree_remove_one(path);
    log_call(result, "left behind by a run that was killed", "rmdir(\"%s\")",
             path);
    close(fd);
    return 0;
}

/* Version 2: what a cgroup's children may be limited in stands in its
 * cgroup.subtree_control. A cgroup that hands controllers on may hold no
 * process itself, but for the root: hence …/nsctl, which never holds any.
 * Written even where it says so already: a write waits for another's that is
 * half done, when the controller is named and its files are not there yet. */
static int cgroup_tree_hand_on(const char *path, unsigned controllers)
{
    char file[PATH_MAX], wanted[64] = "+";
    if (files_path(file, "%s/cgroup.subtree_control", path) == -1)
        return -1;
    cgroup_tree_list(true, controllers, " +", wanted + 1, sizeof wanted - 1);
    return files_write_setting(file, wanted, "controllers for what is below");
}

/* Makes TOP/nsctl, which all containers share, and takes its lock. The last
 * to leave removes it, and may do so between two of our calls (ENOENT): then
 * once more. Returns the descriptor that holds the lock, or -1, reported.
 *
 * Others may go through it, but not open it: whoever can open a directory can
 * lock it, and make us wait. Nor do they learn of a new name in it before the
 * lock of that one is taken. */
static int cgroup_tree_share(const char *parent)
{
    enum { TRIES = 1000 };
    for (int i = 0; i < TRIES; i++) {
        int result = mkdir(parent, 0711);
        if (result == -1 && errno != EEXIST)
            return (int)log_call(result, "a place for all containers",
                                 "mkdir(\"%s\", 0711)", parent);
        int fd = lock_directory(parent, LOCK_EX);
        if (fd != -1)
            return fd;
        if (errno == ENOENT)
            continue;
        rmdir(parent); /* works if nobody else is there */
        return -1;
    }
    return log_error("%s is removed as often as it is made (ENOENT)", parent);
}

/* Makes TOP/nsctl/NAME and locks it. The lock on TOP/nsctl keeps others from
 * sweeping it before it has its own. */
static int cgroup_tree_make(struct cgroup_hierarchy *hierarchy,
                            const char *name)
{
    char parent[PATH_MAX];
    if (files_path(parent, "%s/nsctl", hierarchy->top) == -1 ||
        files_path(hierarchy->path, "%s/%s", parent, name) == -1)
        return -1;
    int parent_fd = cgroup_tree_share(parent);
    if (parent_fd == -1)
        return -1;
    int result = mkdir(hierarchy->path, 0755);
    log_call(result, "a cgroup for this container", "mkdir(\"%s\", 0755)",
             hierarchy->path);
    if (result == 0)
        hierarchy->fd = lock_directory(hierarchy->path, LOCK_EX);
    if (result == 0 && hierarchy->fd == -1) {
        if (errno == ENOENT)
            log_error("%s: somebody removed it (ENOENT)", hierarchy->path);
        rmdir(hierarchy->path);
    }
    if (hierarchy->fd == -1) /* then cgroup_tree_remove() passes it over */
        rmdir(parent);
    close(parent_fd);
    if (hierarchy->fd == -1)
        return -1;
    if (!hierarchy->unified)
        return 0;
    if (cgroup_tree_hand_on(hierarchy->top, hierarchy->controllers) == -1)
        return -1;
    return cgroup_tree_hand_on(parent, hierarchy->controllers);
}

/* Looks for the dead in TOP/nsctl, if there is one. The lock on it keeps others from making
 * a cgroup there that is not locked yet. */
static int cgroup_tree_sweep_all(const struct cgroup_hierarchy *hierarchy)
{
    char parent[PATH_MAX];
    if (files_path(parent, "%s/nsctl", hierarchy->top) == -1)
        return -1;
    int parent_fd = lock_directory(parent, LOCK_EX);
    if (parent_fd == -1)
        return errno == ENOENT ? 0 : -1;
    cgroup_tree_for_each(parent, cgroup_tree_sweep);
    close(parent_fd);
    return 0;
}

int cgroup_tree_create(struct cgroup *cgroup)
{
    uint64_t random;
    char name[2 * sizeof random + 1];
    if (getrandom(&random, sizeof random, 0) == -1)
        return (int)log_call(-1, "a name for the cgroup", "getrandom()");
    snprintf(name, sizeof name, "%016" PRIx64, random);
    for (size_t i = 0; i < cgroup->count; i++)
        if (cgroup_tree_sweep_all(&cgroup->hierarchies[i]) == -1 ||
            cgroup_tree_make(&cgroup->hierarchies[i], name) == -1)
            return -1;
    return 0;
}

int cgroup_tree_create_named(struct cgroup *cgroup, const char *name)
{
    for (size_t i = 0; i < cgroup->count; i++)
        if (cgroup_tree_make(&cgroup->hierarchies[i], name) == -1)
            return -1;
    return 0;
}

int cgroup_tree_remove_dead(const char *path)
{
    char parent[PATH_MAX];
    if (files_path(parent, "%s", path) == -1)
        return -1;
    *strrchr(parent, '/') = '\0';
    int parent_fd = lock_directory(parent, LOCK_EX);
    if (parent_fd == -1)
        return errno == ENOENT ? 0 : -1;
    int fd = lock_directory(path, LOCK_EX | LOCK_NB), result = 0;
    if (fd == -1 && errno != ENOENT)
        result = -1; /* EWOULDBLOCK: it is not dead */
    if (fd != -1) {
        result = cgroup_tree_remove_one(path);
        log_call(result, "left behind by a run that was killed",
                 "rmdir(\"%s\")", path);
        close(fd);
    }
    int saved_errno = errno;
    rmdir(parent); /* works for the last one out */
    close(parent_fd);
    errno = saved_errno;
    return result;
}

/* TOP/nsctl goes with the last one out. Each cgroup in it is a link to its directory; of two
 * who leave at once one sees none any more. The lock keeps others from making one there. */
static void cgroup_tree_leave(const char *parent)
{
    struct stat status;
    if (stat(parent, &status) == 0 && status.st_nlink > 2)
        return;
    int parent_fd = lock_directory(parent, LOCK_EX);
    rmdir(parent);
    files_close(&parent_fd);
}

void cgroup_tree_remove(struct cgroup *cgroup)
{
    for (size_t i = 0; i < cgroup->count; i++) {
        struct cgroup_hierarchy *hierarchy = &cgroup->hierarchies[i];
        char parent[PATH_MAX];
        if (hierarchy->fd == -1 ||
            files_path(parent, "%s/nsctl", hierarchy->top) == -1)
            continue;
        int result = cgroup_tree_remove_one(hierarchy->path);
        log_call(result, "the cgroup is gone", "rmdir(\"%s\")",
                 hierarchy->path);
        files_close(&hierarchy->fd);
        cgroup_tree_leave(parent);
    }
}
