/*
 * step 06: how does a container work without root?
 *
 *     make step-06 && ./step-06 /bin/sh -c 'whoami; cat /proc/self/uid_map'
 *
 * New system calls:
 *     clone3(2)      CLONE_NEWUSER: ids, and root's powers, of one's own
 *     write(2)       to /proc/PID/uid_map, gid_map, setgroups: what ids these are
 *     setresuid(2)   to be 0 inside, which is somebody harmless outside
 *     fsmount(2), open_tree(2), move_mount(2)
 *                    what only the host's mounts can give, carried over by
 *                    descriptor
 *
 * Here what a user namespace does, and the run; userns_maps.c chooses the ids
 * and writes them; mount_detached.c has mounts that are descriptors;
 * cgroup_delegated.c finds the cgroup that is a user's own.
 *
 * Known already, from step 01: kernel/uts, kernel/clone, kernel/sync;
 * from step 02: kernel/process; from step 03: kernel/mount;
 * from step 04: kernel/rootfs; from step 05: kernel/cgroup.
 *
 * Look at: /proc/self/uid_map inside, `ps -eo user,args` on the host.
 * lessons/06-userns.md
 */
#include "common/base/command.h"
#include "common/base/files.h"
#include "common/base/log.h"
#include "common/base/number.h"
#include "common/base/program.h"
#include "common/kernel/cgroup.h"
#include "common/kernel/clone.h"
#include "common/kernel/mount.h"
#include "common/kernel/process.h"
#include "common/kernel/rootfs.h"
#include "common/kernel/sync.h"
#include "common/kernel/uts.h"
#include "steps/06-userns/cgroup_delegated.h"
#include "steps/06-userns/privileges.h"
#include "steps/06-userns/userns_maps.h"
#include "steps/06-userns/userns_mounts.h"

#include <grp.h>
#include <linux/magic.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <unistd.h>

struct container {
    const char *hostname;
    bool init;
    const char *rootfs;
    bool userns_host;
    struct privileges privileges;
    struct userns_maps maps;
    struct userns_mounts mounts;
    struct cgroup_limits limits;
    struct cgroup cgroup;
    char **command;
};

/* ---- Before anything is made: does the host allow it? ---- */

static const char *userns_parse(const char *text, void *host)
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

static int userns_check_allowed(void)
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

/* ---- The parent, just before ---- */

/* A program that opens /dev/stdout opens the pipe there anew, which only its
 * owner may: who made it, the host's root. Not one with a name, which is a file
 * of the host's. */
static int userns_give_pipes(const struct userns_maps *maps)
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

/* ---- The child ---- */

/* CLONE_NEWUSER gave all of root's powers inside, but no id: until now this
 * process is, to the host and to its files, who started it. */
static int userns_become_root(const struct userns_maps *maps)
{
    int result = 0;
    //> groups
    if (maps->way != USERNS_ONE_ID) { /* there it was denied, for good */
        result = setgroups(0, NULL);
        if (log_call(result, "in no group of the host's",
                     "setgroups(0, NULL)") == -1)
            return -1;
    }
    //< groups
    //> root
    result = setresgid(0, 0, 0);
    if (log_call(result, "the group 0 inside", "setresgid(0, 0, 0)") == -1)
        return -1;
    result = setresuid(0, 0, 0);
    if (log_call(result, "root inside", "setresuid(0, 0, 0)") == -1)
        return -1;
    //< root
    /* /proc/1/exe of --init is this program, on the host. Root inside may be
     * its owner there, and could write to it. */
    result = prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
    return (int)log_call(result, "nobody inside looks into this process",
                         "prctl(PR_SET_DUMPABLE, SUID_DUMP_DISABLE)");
}

static int child_enter_rootfs(struct container *container, struct sync *sync)
{
    if (container->userns_host) {
        if (rootfs_change_root(container->rootfs) == -1 ||
            rootfs_mount_all() == -1)
            return -1;
        return rootfs_make_devices();
    }
    if (userns_mounts_gather(&container->mounts) == -1 ||
        userns_mounts_enter(&container->mounts) == -1 ||
        userns_become_root(&container->maps) == -1)
        return -1;
    /* Once more, since who becomes another is forgotten by the kernel's list
     * of those that are to die with their parents. */
    if (sync_wait_for_parent(sync) == -1)
        return -1;
    return userns_mounts_furnish(&container->mounts,
                                 userns_maps_has(&container->maps.gids, 5));
}

static void __attribute__((noreturn))
child_run(struct container *container, struct sync syncs[2],
          const sigset_t *mask)
{
    if (sync_wait_for_parent(&syncs[0]) == -1 ||
        cgroup_enter(&container->cgroup) == -1 ||
        uts_set_hostname(container->hostname) == -1 ||
        mount_make_private() == -1 ||
        child_enter_rootfs(container, &syncs[1]) == -1 ||
        cgroup_mount(&container->cgroup) == -1)
        _exit(EXIT_OURS);
    if (!container->privileges.privileged && rootfs_hide_host() == -1)
        _exit(EXIT_OURS);
    if (command_close_descriptors() == -1)
        _exit(EXIT_OURS);
    command_clean_environment();
    /* Nothing above could be done without these, so they go last. */
    privileges_execute(&container->privileges, container->init,
                       container->command, mask);
}

/* ---- The parent ---- */

/* Gives the child its ids and lets it go on. */
static int parent_release(const struct container *container, pid_t child_pid,
                          struct sync syncs[2])
{
    if (!container->userns_host &&
        userns_maps_write(&container->maps, child_pid) == -1)
        return -1;
    if (sync_release_child(&syncs[0]) == -1)
        return -1;
    return sync_release_child(&syncs[1]);
}

static int parent_run_in_cgroup(struct container *container,
                                const sigset_t *mask)
{
    struct sync syncs[2] = {{-1, -1}, {-1, -1}};
    if (cgroup_set_limits(&container->cgroup, &container->limits) == -1 ||
        sync_open(&syncs[0]) == -1 || sync_open(&syncs[1]) == -1)
        return EXIT_OURS;
    if (!container->userns_host &&
        (userns_mounts_prepare(container->rootfs, true, &container->mounts) ==
             -1 ||
         userns_give_pipes(&container->maps) == -1))
        return EXIT_OURS;

    struct clone_args arguments = {
        .flags = CLONE_NEWUTS | CLONE_NEWPID | CLONE_NEWNS | CLONE_NEWIPC,
        .exit_signal = SIGCHLD,
    };
    //> userns
    if (!container->userns_host)
        arguments.flags |= CLONE_NEWUSER;
    //< userns
    for (size_t i = 0; i < container->cgroup.count; i++)
        if (container->cgroup.hierarchies[i].unified) {
            arguments.flags |= CLONE_INTO_CGROUP;
            arguments.cgroup = (uint64_t)container->cgroup.hierarchies[i].fd;
        }
    int interrupted = process_interrupted();
    if (interrupted != 0) /* a command that is not there yet can not be told */
        return 128 + interrupted;
    pid_t container_pid = clone_process(&arguments);
    if (container_pid == 0)
        child_run(container, syncs, mask);
    if (log_call(
            container_pid, "the container's first process",
            "clone3(%sCLONE_NEWUTS|CLONE_NEWPID|CLONE_NEWNS|CLONE_NEWIPC%s)",
            arguments.flags & CLONE_NEWUSER ? "CLONE_NEWUSER|" : "",
            arguments.flags & CLONE_INTO_CGROUP ? "|CLONE_INTO_CGROUP" : "") ==
        -1)
        return EXIT_OURS;

    int status = -1;
    if (parent_release(container, container_pid, syncs) == 0) {
        status = process_supervise(container_pid);
    } else { /* or it would wait, and say that its parent died */
        kill(container_pid, SIGKILL);
        waitpid(container_pid, NULL, 0);
    }
    cgroup_report(&container->cgroup);
    return status == -1 ? EXIT_OURS : status;
}

static int parent_run(struct container *container)
{
    struct cgroup *cgroup = &container->cgroup;
    if (cgroup_delegated_choose(cgroup, &container->limits) == -1)
        return EXIT_OURS;
    /* What we make the child must be able to reach, without root's powers. */
    umask(0022);
    /* From here on there is something that the host can see. */
    sigset_t mask;
    int status = EXIT_OURS;
    if (process_block_signals(&mask) == -1)
        return status;
    if (cgroup_tree_create(cgroup) == 0)
        status = parent_run_in_cgroup(container, &mask);
    cgroup_tree_remove(cgroup);
    return status;
}

int main(int argc, char **argv)
{
    (void)argc;
    static struct container container = {
        .hostname = "container",
        .limits.pids = CGROUP_PIDS_NOT_ASKED,
    };
    struct cgroup_limits *limits = &container.limits;
    struct privileges *privileges = &container.privileges;
    const struct program_option options[] = {
        {"--hostname", "NAME", uts_parse_hostname, &container.hostname,
         "hostname inside (default: container)"},
        {"--init", NULL, NULL, &container.init,
         "an init of ours as PID 1: reaps orphans, passes signals on"},
        {"--rootfs", "DIR", rootfs_parse_directory, &container.rootfs,
         "the root directory inside (default: build/rootfs/default)"},
        {"-m --memory", "SIZE", cgroup_options_parse_memory,
         &limits->memory_bytes, "memory at most: 64m, 1g"},
        {"-cpu --cpus", "N", number_parse_cpus, &limits->cpu_thousandths,
         "CPU time at most: 0.5 is half of one CPU"},
        {"--pids-limit", "N", cgroup_options_parse_pids, &limits->pids,
         "processes at most (default: 2048; -1: no limit)"},
        {"--io-max", "DEV:KEY=N,…", cgroup_options_parse_io_max, limits,
         "a device's rate: /dev/sda:rbps=1m,wbps=1m"},
        {"--userns", "host", userns_parse, &container.userns_host,
         "the host's user namespace: root inside is root outside"},
        {"--privileged", NULL, NULL, &privileges->privileged,
         "give up nothing; for root: --userns host as well"},
        {"--cap-add", "NAME", privileges_parse_cap_add, privileges,
         "leave the command a capability, or ALL"},
        {"--cap-drop", "NAME", privileges_parse_cap_drop, privileges,
         "take one more from it, or ALL"},
        {"-u --user", "USER[:GROUP]", privileges_parse_user, privileges,
         "whose processes these are inside (default: root)"},
        {"--security-opt", "OPTION", privileges_parse_security, privileges,
         "no-new-privileges=false, seccomp=unconfined"},
        {0},
    };
    const struct program program = {
        .name = "step-06",
        .summary = "Runs a command in a container, without root.",
        .example = "./step-06 /bin/sh -c 'whoami; cat /proc/self/uid_map'",
        .options = options,
    };
    container.command = program_read_options(&program, argv);
    if (container.rootfs == NULL)
        container.rootfs = rootfs_find_default();
    if (container.rootfs == NULL)
        return EXIT_OURS;
    if (privileges->privileged && userns_maps_is_host_root())
        container.userns_host = true;
    if (privileges_check(privileges) == -1)
        return EXIT_OURS;
    if (!container.userns_host && (userns_check_allowed() == -1 ||
                                   userns_maps_find(&container.maps) == -1))
        return EXIT_OURS;
    return parent_run(&container);
}
