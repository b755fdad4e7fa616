#include "common/kernel/userns_maps.h"

#include "common/base/files.h"
#include "common/base/log.h"
#include "common/base/number.h"
#include "common/kernel/clone.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

/* 4294967295 is (uid_t)-1, which means "no change" to setresuid(2). */
#define USERNS_LAST_ID (UINT32_MAX - 1)

/* ---- One range ---- */

static bool userns_maps_meet(uint32_t first, uint32_t count,
                             uint32_t other_first, uint32_t other_count)
{
    return first < (uint64_t)other_first + other_count &&
           other_first < (uint64_t)first + count;
}

/* Why these ids may not be handed to a container, or NULL. */
static const char *userns_maps_object(const struct userns_map *map,
                                      uint32_t first, uint32_t count)
{
    uint64_t inside = count;
    if (count == 0 || (uint64_t)first + count - 1 > USERNS_LAST_ID)
        return "expected a COUNT from 1, and no id above 4294967294";
    if (first == 0)
        return "the range has id 0: root inside could be root of the host";
    for (size_t i = 0; i < map->count; i++) {
        inside += map->extents[i].count;
        if (userns_maps_meet(first, count, map->extents[i].outside,
                             map->extents[i].count))
            return "the range meets another one, or has your own id: an id "
                   "can have but one name inside";
    }
    if (inside - 1 > USERNS_LAST_ID)
        return "together the ranges are more than all ids there can be";
    if (map->count == USERNS_MOST_EXTENTS)
        return "expected 15 ranges at most";
    return NULL;
}

/* Adds the ids behind those that the map has inside already. */
static void userns_maps_add(struct userns_map *map, uint32_t first,
                            uint32_t count)
{
    uint32_t inside = 0;
    for (size_t i = 0; i < map->count; i++)
        inside += map->extents[i].count;
    map->extents[map->count++] = (struct userns_extent){inside, first, count};
}

bool userns_maps_has(const struct userns_map *map, uint32_t id)
{
    for (size_t i = 0; i < map->count; i++)
        if (userns_maps_meet(id, 1, map->extents[i].inside,
                             map->extents[i].count))
            return true;
    return false;
}

/* ---- /etc/subuid and /etc/subgid ---- */

/* The user's name stands in /etc/passwd, "name:x:1000:…". It is read here and
 * not by getpwuid(3), which loads libraries that a static program lacks. Empty
 * where it is not found: then the number alone counts. */
static void userns_maps_find_name(uid_t uid, char *name, size_t size)
{
    char *line = NULL;
    size_t line_size = 0;
    *name = '\0';
    FILE *passwd = fopen("/etc/passwd", "re");
    if (passwd == NULL)
        return;
    while (*name == '\0' && getline(&line, &line_size, passwd) != -1) {
        uint64_t id;
        char *password = strchr(line, ':');
        char *number = password == NULL ? NULL : strchr(password + 1, ':');
        const char *rest =
            number == NULL ? NULL : number_scan(number + 1, UINT32_MAX, &id);
        if (rest != NULL && *rest == ':' && id == uid)
            snprintf(name, size, "%.*s", (int)(password - line), line);
    }
    free(line);
    fclose(passwd);
}

/* The two numbers of NAME:FIRST:COUNT. Returns NULL, or what was expected. */
static const char *userns_maps_scan(const char *numbers, uint32_t *first,
                                    uint32_t *count)
{
    uint64_t one, two;
    const char *rest = number_scan(numbers, UINT32_MAX, &one);
    if (rest == NULL || *rest != ':')
        return "expected NAME:FIRST:COUNT";
    rest = number_scan(rest + 1, UINT32_MAX, &two);
    if (rest == NULL || *rest != '\0')
        return "expected NAME:FIRST:COUNT";
    *first = (uint32_t)one;
    *count = (uint32_t)two;
    return NULL;
}

/* Adds what the line `number` of `path` gives to us, if it does. */
static int userns_maps_read_line(const char *path, size_t number, char *line,
                                 const char *owner, struct userns_map *map)
{
    char digits[16];
    uint32_t first = 0, count = 0;
    line[strcspn(line, "\n")] = '\0';
    char *colon = strchr(line, ':');
    if (line[0] == '\0' || line[0] == '#')
        return 0;
    if (colon == NULL) {
        log_note("%s:%zu: no NAME:FIRST:COUNT, so it is nobody's", path,
                 number);
        return 0;
    }
    *colon = '\0';
    snprintf(digits, sizeof digits, "%u", (unsigned)geteuid());
    if (strcmp(line, digits) != 0 &&
        (*owner == '\0' || strcmp(line, owner) != 0))
        return 0;
    const char *wrong = userns_maps_scan(colon + 1, &first, &count);
    if (wrong == NULL)
        wrong = userns_maps_object(map, first, count);
    if (wrong != NULL) {
        log_error("%s:%zu: \"%s\": %s", path, number, colon + 1, wrong);
        log_advice("mend that line (as root); subuid(5)");
        return -1;
    }
    userns_maps_add(map, first, count);
    return 0;
}

/* Adds the ranges that `path` gives us. None is no error. */
static int userns_maps_read(const char *path, const char *owner,
                            struct userns_map *map)
{
    char *line = NULL;
    size_t size = 0, number = 0;
    int result = 0;
    FILE *file = fopen(path, "re");
    if (file == NULL && errno == ENOENT)
        return 0;
    if (file == NULL)
        return (int)log_call(-1, "whose ids are whose", "openat(\"%s\")", path);
    while (result == 0 && getline(&line, &size, file) != -1)
        result = userns_maps_read_line(path, ++number, line, owner, map);
    free(line);
    fclose(file);
    return result;
}

/* ---- Choosing ---- */

/* One line of a map as the kernel shows it, "         0       1000          1".
 * Returns where it ends, or NULL where there is none. */
static const char *userns_maps_scan_extent(const char *line,
                                           struct userns_extent *extent)
{
    uint64_t numbers[3];
    for (int i = 0; i < 3 && line != NULL; i++)
        line = number_scan(line + strspn(line, " \n"), UINT32_MAX, &numbers[i]);
    if (line != NULL)
        *extent = (struct userns_extent){
            (uint32_t)numbers[0], (uint32_t)numbers[1], (uint32_t)numbers[2]};
    return line;
}

bool userns_maps_is_host_root(void)
{
    char text[64] = "";
    struct userns_extent all;
    return geteuid() == 0 &&
           files_read("/proc/self/uid_map", text, sizeof text) > 0 &&
           userns_maps_scan_extent(text, &all) != NULL && all.inside == 0 &&
           all.outside == 0 && all.count == UINT32_MAX;
}

/* Whether all these ids exist out here: root of a user namespace, such as in
 * a container, has those of that namespace's own map, and no more. */
static bool userns_maps_are_ours(const char *path, const struct userns_map *map)
{
    char text[4096];
    size_t found = 0;
    if (files_read(path, text, sizeof text) == -1)
        return false;
    for (size_t i = 0; i < map->count; i++) {
        const struct userns_extent *wanted = &map->extents[i];
        struct userns_extent ours;
        for (const char *line = text;
             (line = userns_maps_scan_extent(line, &ours)) != NULL;)
            if (wanted->outside >= ours.inside &&
                (uint64_t)wanted->outside + wanted->count <=
                    (uint64_t)ours.inside + ours.count) {
                found++;
                break;
            }
    }
    return found == map->count;
}

/* Looks in PATH, as a shell would, for a program that can be started. */
static bool userns_maps_find_helper(const char *name, char *path, size_t size)
{
    const char *directory = getenv("PATH");
    if (directory == NULL)
        directory = "/usr/bin:/bin";
    while (*directory != '\0') {
        int length = (int)strcspn(directory, ":");
        if (snprintf(path, size, "%.*s/%s", length, directory, name) <
                (int)size &&
            access(path, X_OK) == 0)
            return true;
        directory += length;
        directory += *directory == ':';
    }
    return false;
}

/* One id needs nobody's leave, and is not much. */
static int userns_maps_take_one(struct userns_maps *maps, const char *reason)
{
    maps->way = USERNS_ONE_ID;
    maps->uids.count = maps->gids.count = 0;
    userns_maps_add(&maps->uids, geteuid(), 1);
    userns_maps_add(&maps->gids, getegid(), 1);
    log_note("%s: so one id is mapped, your own", reason);
    log_note("that costs: no second user inside, files of others are nobody's "
             "(65534), chown and su fail (EINVAL)");
    return 0;
}

/* A range that no line gives us must be nobody's: whoever has an id can end what runs with
 * it, and look into it. */
static int userns_maps_check_free(const char *path, uint32_t first,
                                  uint32_t count)
{
    char *line = NULL;
    size_t size = 0, number = 0;
    int result = 0;
    FILE *file = fopen(path, "re");
    while (file != NULL && result == 0 && getline(&line, &size, file) != -1) {
        uint32_t other_first = 0, other_count = 0;
        line[strcspn(line, "\n")] = '\0';
        const char *colon = strchr(line, ':');
        number++;
        if (line[0] == '#' || colon == NULL ||
            userns_maps_scan(colon + 1, &other_first, &other_count) != NULL ||
            !userns_maps_meet(first, count, other_first, other_count))
            continue;
        result = log_error("%s:%zu: \"%s\" gives somebody ids from %u to %u, "
                           "which root's containers have where no line gives "
                           "root others",
                           path, number, line, first, first + count - 1);
        log_advice("give root a range that nobody has: usermod --add-subuids "
                   "2000000000-2000065535 --add-subgids 2000000000-2000065535 "
                   "root");
    }
    free(line);
    if (file != NULL)
        fclose(file);
    return result;
}

static int userns_maps_find_for_root(struct userns_maps *maps)
{
    enum { FIRST = 1000000, COUNT = 65536 };
    maps->way = USERNS_BY_ROOT;
    if (userns_maps_read("/etc/subuid", "root", &maps->uids) == -1 ||
        userns_maps_read("/etc/subgid", "root", &maps->gids) == -1)
        return -1;
    if ((maps->uids.count == 0 &&
         userns_maps_check_free("/etc/subuid", FIRST, COUNT) == -1) ||
        (maps->gids.count == 0 &&
         userns_maps_check_free("/etc/subgid", FIRST, COUNT) == -1))
        return -1;
    if (maps->uids.count == 0)
        userns_maps_add(&maps->uids, FIRST, COUNT);
    if (maps->gids.count == 0)
        userns_maps_add(&maps->gids, FIRST, COUNT);
    maps->uids.count = maps->gids.count = 1; /* the first will do for root */
    if (!userns_maps_are_ours("/proc/self/uid_map", &maps->uids) ||
        !userns_maps_are_ours("/proc/self/gid_map", &maps->gids))
        return userns_maps_take_one(
            maps, "root of a user namespace has only that one's ids");
    return 0;
}

static int userns_maps_find_for_user(struct userns_maps *maps)
{
    char name[256];
    userns_maps_find_name(geteuid(), name, sizeof name);
    maps->way = USERNS_BY_HELPERS;
    userns_maps_add(&maps->uids, geteuid(), 1);
    userns_maps_add(&maps->gids, getegid(), 1);
    if (userns_maps_read("/etc/subuid", name, &maps->uids) == -1 ||
        userns_maps_read("/etc/subgid", name, &maps->gids) == -1)
        return -1;
    if (maps->uids.count == 1 || maps->gids.count == 1)
        return userns_maps_take_one(
            maps, "/etc/subuid and /etc/subgid give you no ranges of ids");
    if (!userns_maps_find_helper("newuidmap", maps->uid_helper,
                                 sizeof maps->uid_helper) ||
        !userns_maps_find_helper("newgidmap", maps->gid_helper,
                                 sizeof maps->gid_helper))
        return userns_maps_take_one(
            maps, "newuidmap and newgidmap (package uidmap) are not here");
    /* They are set-user-id programs: that is what this flag switches off. */
    if (prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1)
        return userns_maps_take_one(
            maps, "no_new_privs is set, so newuidmap can not be root");
    if (!userns_maps_are_ours("/proc/self/uid_map", &maps->uids) ||
        !userns_maps_are_ours("/proc/self/gid_map", &maps->gids))
        return userns_maps_take_one(
            maps, "a user namespace around us does not have your ranges");
    return 0;
}

int userns_maps_find(struct userns_maps *maps)
{
    memset(maps, 0, sizeof *maps);
    return geteuid() == 0 ? userns_maps_find_for_root(maps)
                          : userns_maps_find_for_user(maps);
}

/* ---- Writing ---- */

/* A map is written once, whole: "0 1000000 65536". */
static int userns_maps_write_one(pid_t pid, const char *file,
                                 const struct userns_map *map,
                                 const char *intention)
{
    const struct userns_extent *extent = &map->extents[0];
    char path[64], text[64];
    snprintf(path, sizeof path, "/proc/%d/%s", (int)pid, file);
    snprintf(text, sizeof text, "%" PRIu32 " %" PRIu32 " %" PRIu32,
             extent->inside, extent->outside, extent->count);
    return files_write_setting(path, text, intention);
}

static int userns_maps_write_directly(const struct userns_maps *maps, pid_t pid)
{
    if (maps->way == USERNS_ONE_ID) {
        /* Before gid_map, or that is refused (EPERM): a file may be closed to a
         * group of ours (mode 0705), and who drops that group can read it.
         * user_namespaces(7). */
        char path[64];
        snprintf(path, sizeof path, "/proc/%d/setgroups", (int)pid);
        if (files_write_setting(path, "deny",
                                "no group is dropped that keeps it out") == -1)
            return -1;
    }
    if (userns_maps_write_one(pid, "uid_map", &maps->uids,
                              "which user ids it has") == -1 ||
        userns_maps_write_one(pid, "gid_map", &maps->gids,
                              "and which group ids") == -1)
        return -1;
    return 0;
}

/* newuidmap PID INSIDE OUTSIDE COUNT…, in a process of its own. Returns that
 * one's pid, or -1, reported. */
static pid_t userns_maps_start_helper(const char *path,
                                      const struct userns_map *map, pid_t pid)
{
    char words[1 + 3 * USERNS_MOST_EXTENTS][16], text[1024] = "";
    char *arguments[sizeof words / sizeof words[0] + 2];
    size_t count = 0, used = 0;
    snprintf(words[count++], sizeof words[0], "%d", (int)pid);
    for (size_t i = 0; i < map->count; i++) {
        const uint32_t numbers[] = {map->extents[i].inside,
                                    map->extents[i].outside,
                                    map->extents[i].count};
        for (size_t j = 0; j < 3; j++)
            snprintf(words[count++], sizeof words[0], "%" PRIu32, numbers[j]);
    }
    arguments[0] = (char *)files_base_name(path);
    for (size_t i = 0; i < count; i++)
        arguments[i + 1] = words[i];
    arguments[count + 1] = NULL;
    for (size_t i = 0; i <= count && used < sizeof text; i++)
        used += (size_t)snprintf(text + used, sizeof text - used, "%s\"%s\"",
                                 i == 0 ? "" : ", ", arguments[i]);

    struct clone_args fork_arguments = {.exit_signal = SIGCHLD};
    pid_t helper = clone_process(&fork_arguments);
    if (helper == -1)
        return (pid_t)log_call(helper, "a process for the helper", "clone3(0)");
    if (helper > 0)
        return helper;
    /* What we have blocked is meant for the command, and stays over an execve. */
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    log_before_call("a helper that may map them", "execve(\"%s\", [%s])", path,
                    text);
    execv(path, arguments);
    log_call(-1, "a helper that may map them", "execve(\"%s\")", path);
    _exit(127);
}

static int userns_maps_await_helper(const char *path, pid_t helper)
{
    int status = 0;
    if (waitpid(helper, &status, 0) == -1)
        return (int)log_call(-1, "the end of the helper", "wait4(%d)",
                             (int)helper);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
        return 0;
    log_error("%s refused: what it says is above", path);
    log_advice("it must be set-user-id root (or have its capability), not on a "
               "file system mounted nosuid, and the ranges be yours");
    return -1;
}

int userns_maps_write(const struct userns_maps *maps, pid_t pid)
{
    if (maps->way != USERNS_BY_HELPERS)
        return userns_maps_write_directly(maps, pid);
    int result = 0;
    /* Both at the same time: neither needs the other. */
    pid_t for_uids =
        userns_maps_start_helper(maps->uid_helper, &maps->uids, pid);
    pid_t for_gids =
        userns_maps_start_helper(maps->gid_helper, &maps->gids, pid);
    if (for_uids == -1 ||
        userns_maps_await_helper(maps->uid_helper, for_uids) == -1)
        result = -1;
    if (for_gids == -1 ||
        userns_maps_await_helper(maps->gid_helper, for_gids) == -1)
        result = -1;
    return result;
}
