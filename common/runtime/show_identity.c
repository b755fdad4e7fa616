/* What a process can name (namespaces), who it is (ids), what it may (privileges). */
#include "common/base/files.h"
#include "common/base/number.h"
#include "common/kernel/privileges.h"
#include "common/runtime/proc.h"
#include "common/runtime/show.h"

#include <inttypes.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* ---- Namespaces ---- */

bool show_has_own(int proc_fd, const char *kind, unsigned long *inside,
                  unsigned long *outside)
{
    *inside = *outside = 0;
    //> beside
    struct stat theirs, ours;
    char name[32], path[64];
    snprintf(name, sizeof name, "ns/%s", kind);
    snprintf(path, sizeof path, "/proc/self/ns/%s", kind);
    /* The link's target is the namespace itself: its inode number is its name. */
    if (fstatat(proc_fd, name, &theirs, 0) == 0)
        *inside = theirs.st_ino;
    if (stat(path, &ours) == 0)
        *outside = ours.st_ino;
    //< beside
    return *inside != *outside;
}

void show_namespaces(struct picture *picture, int proc_fd)
{
    static const struct {
        const char *kind, *what;
    } kinds[] = {
        {"user", "users, capabilities"},
        {"mnt", "mounts"},
        {"pid", "processes"},
        {"net", "links, addresses, ports"},
        {"ipc", "shared memory, queues"},
        {"uts", "hostname"},
        {"cgroup", "the root of cgroups"},
        {"time", "clocks since the boot"},
    };
    picture_heading(picture, "namespaces");
    picture_line(picture, PICTURE_DIM, "%-8s%-12s   %-12s%s", "", "inside",
                 "the host's", "of");
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        unsigned long inside, outside;
        bool own = show_has_own(proc_fd, kinds[i].kind, &inside, &outside);
        if (inside == 0)
            picture_line(picture, PICTURE_DIM, "%-8s(can not be read)",
                         kinds[i].kind);
        else
            picture_line(picture, own ? PICTURE_GOOD : PICTURE_WARNING,
                         "%-8s%-12lu %s %-12lu%s%s", kinds[i].kind, inside,
                         own ? "|" : "=", outside, kinds[i].what,
                         own ? "" : ": the host's");
    }
}

/* ---- Ids ---- */

/* "         0    1000000      65536": inside, outside, how many. */
static bool show_read_map(const char *line, uint64_t numbers[3])
{
    for (int i = 0; i < 3; i++) {
        line += strspn(line, " ");
        line = number_scan(line, UINT32_MAX, &numbers[i]);
        if (line == NULL)
            return false;
    }
    return numbers[2] > 0;
}

static void show_id_map(struct picture *picture, int proc_fd, const char *name,
                        const char *what)
{
    char text[16384], *rest = NULL;
    uint64_t numbers[3];
    if (files_read_at(proc_fd, name, text, sizeof text) <= 0) {
        picture_line(picture, PICTURE_WARNING, "%s: none is mapped", what);
        return;
    }
    for (char *line = strtok_r(text, "\n", &rest); line != NULL;
         line = strtok_r(NULL, "\n", &rest)) {
        if (!show_read_map(line, numbers))
            continue;
        uint64_t inside = numbers[0], outside = numbers[1],
                 last = numbers[2] - 1;
        if (last == 0)
            picture_line(picture, PICTURE_PLAIN,
                         "%s %" PRIu64 " inside is %" PRIu64 " outside", what,
                         inside, outside);
        else
            picture_line(picture, PICTURE_PLAIN,
                         "%s %" PRIu64 "-%" PRIu64 " inside are %" PRIu64
                         "-%" PRIu64 " outside",
                         what, inside, inside + last, outside, outside + last);
    }
}

void show_ids(struct picture *picture, int proc_fd)
{
    unsigned long inside, outside;
    picture_heading(picture, "ids");
    if (!show_has_own(proc_fd, "user", &inside, &outside)) {
        picture_line(picture, PICTURE_WARNING,
                     "the host's user namespace: root inside is root outside");
        return;
    }
    show_id_map(picture, proc_fd, "uid_map", "uid");
    show_id_map(picture, proc_fd, "gid_map", "gid");
}

/* ---- Privileges ---- */

static void show_capabilities(struct picture *picture, const char *status,
                              const char *key, const char *what)
{
    char value[32], list[2048] = "";
    size_t used = 0;
    int count = 0;
    if (!proc_find(status, key, value, sizeof value))
        return;
    uint64_t set = strtoull(value, NULL, 16);
    for (int number = 0; number < 64; number++) {
        if ((set >> number & 1) == 0)
            continue;
        const char *name = privileges_capability_name(number);
        char digits[8];
        snprintf(digits, sizeof digits, "%d", number);
        used += (size_t)snprintf(list + used, sizeof list - used, " %s",
                                 name == NULL ? digits : name);
        count++;
    }
    if (count == 0)
        picture_line(picture, PICTURE_GOOD, "%-12s none", what);
    else
        picture_line(picture, PICTURE_PLAIN, "%-12s %d:%s", what, count, list);
}

static void show_seccomp(struct picture *picture, const char *status)
{
    char value[32], filters[32];
    char mode = '-';
    if (proc_find(status, "Seccomp:", value, sizeof value))
        mode = value[0];
    if (mode == '2' &&
        proc_find(status, "Seccomp_filters:", filters, sizeof filters))
        picture_line(picture, PICTURE_GOOD,
                     "%-12s each system call is checked, filters: %s",
                     "seccomp", filters);
    else if (mode == '2')
        picture_line(picture, PICTURE_GOOD,
                     "%-12s each system call is checked by a filter",
                     "seccomp");
    else if (mode == '1')
        picture_line(picture, PICTURE_GOOD, "%-12s strict", "seccomp");
    else
        picture_line(picture, PICTURE_WARNING, "%-12s %s", "seccomp",
                     mode == '0' ? "off: every system call may be tried"
                                 : "this kernel has none");
}

void show_privileges(struct picture *picture, int proc_fd)
{
    char status[8192], value[64];
    picture_heading(picture, "privileges");
    if (files_read_at(proc_fd, "status", status, sizeof status) <= 0) {
        picture_line(picture, PICTURE_DIM, "(can not be read)");
        return;
    }
    show_capabilities(picture, status, "CapEff:", "capabilities");
    show_capabilities(picture, status, "CapBnd:", "to be had");
    if (proc_find(status, "NoNewPrivs:", value, sizeof value))
        picture_line(picture, value[0] == '1' ? PICTURE_GOOD : PICTURE_WARNING,
                     "%-12s %s", "no_new_privs",
                     value[0] == '1' ? "on: no program gives more"
                                     : "off: set-user-ID programs give more");
    show_seccomp(picture, status);
}
