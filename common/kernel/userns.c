#include "common/kernel/userns.h"

#include "common/base/files.h"
#include "common/base/log.h"

#include <grp.h>
#include <linux/magic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

const char *userns_parse(const char *text, void *host)
{
    if (strcmp(text, "host") != 0)
        return "expected host (a user namespace of its own is the default)";
    if (!userns_maps_is_host_root())
        return "expected root for that: without a user namespace of its own "
               "a container can not be made by a user";
    *(bool *)host = true;
    return NULL;
}

/* The number in a file of /proc/sys, or -1 where there is no such setting. */
static long userns_setting(const char *path)
{
    char text[32];
    return files_read(path, text, sizeof text) > 0 ? strtol(text, NULL, 10)
                                                   : -1;
}

/* Ubuntu's AppArmor lets only those make a user namespace, or have powers in
 * it, that are under a profile which says so. */
static bool userns_is_restricted_by_apparmor(void)
{
    char profile[256] = "";
    if (userns_setting(
            "/proc/sys/kernel/apparmor_restrict_unprivileged_userns") != 1)
        return false;
    return files_read("/proc/self/attr/current", profile, sizeof profile) <=
               0 ||
           strncmp(profile, "unconfined", strlen("unconfined")) == 0;
}

int userns_check_allowed(void)
{
    const char *forbidden = NULL, *remedy = NULL;
    if (access("/proc/self/ns/user", F_OK) == -1) {
        forbidden = "this kernel was built without them";
        remedy = "use another kernel, or `make vm`";
    } else if (userns_setting("/proc/sys/user/max_user_namespaces") == 0) {
        forbidden = "the sysctl user.max_user_namespaces is 0";
        remedy = "sudo sysctl user.max_user_namespaces=10000";
    } else if (geteuid() != 0 &&
               userns_setting("/proc/sys/kernel/unprivileged_userns_clone") ==
                   0) {
        forbidden = "the sysctl kernel.unprivileged_userns_clone is 0";
        remedy = "sudo sysctl kernel.unprivileged_userns_clone=1";
    } else if (geteuid() != 0 && userns_is_restricted_by_apparmor()) {
        forbidden = "AppArmor allows them only to programs with a profile for "
                    "it (kernel.apparmor_restrict_unprivileged_userns is 1)";
        remedy = "give this program a profile with \"userns,\"; or sudo sysctl "
                 "kernel.apparmor_restrict_unprivileged_userns=0";
    }
    if (forbidden == NULL)
        return 0;
    log_error("the host forbids user namespaces: %s", forbidden);
    log_advice("%s", remedy);
    return -1;
}

/* A program that opens /dev/stdout opens the pipe there anew, which only its
 * owner may: who made it, the host's root. Not one with a name, which is a file
 * of the host's. */
int userns_give_pipes(const struct userns_maps *maps)
{
    struct stat status;
    struct statfs file_system;
    uid_t uid = maps->uids.extents[0].outside;
    gid_t gid = maps->gids.extents[0].outside;
    if (maps->way != USERNS_BY_ROOT) /* else our own id is mapped */
        return 0;
    for (int fd = 0; fd <= STDERR_FILENO; fd++) {
        if (fstat(fd, &status) == -1 || !S_ISFIFO(status.st_mode) ||
            status.st_uid != 0 || fstatfs(fd, &file_system) == -1 ||
            file_system.f_type != PIPEFS_MAGIC)
            continue;
        int result = fchown(fd, uid, gid);
        if (log_call(result, "a pipe for root inside", "fchown(%d, %u, %u)", fd,
                     uid, gid) == -1)
            return -1;
    }
    return 0;
}

/* CLONE_NEWUSER gave all of root's powers inside, but no id: until now this
 * process is, to the host and to its files, who started it. */
int userns_become_root(const struct userns_maps *maps)
{
    int result = 0;
    if (maps->way != USERNS_ONE_ID) { /* there it was denied, for good */
        result = setgroups(0, NULL);
        if (log_call(result, "in no group of the host's",
                     "setgroups(0, NULL)") == -1)
            return -1;
    }
    result = setresgid(0, 0, 0);
    if (log_call(result, "the group 0 inside", "setresgid(0, 0, 0)") == -1)
        return -1;
    result = setresuid(0, 0, 0);
    if (log_call(result, "root inside", "setresuid(0, 0, 0)") == -1)
        return -1;
    /* /proc/1/exe of --init is this program, on the host. Root inside may be
     * its owner there, and could write to it. */
    result = prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
    return (int)log_call(result, "nobody inside looks into this process",
                         "prctl(PR_SET_DUMPABLE, SUID_DUMP_DISABLE)");
}
