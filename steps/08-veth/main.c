/*
 * step 08: how does a container reach the network?
 *
 *     make step-08 && sudo ./step-08 -p 8080:80 /bin/sh
 *
 * New system calls:
 *     clone3(2)     CLONE_NEWNET: links, addresses, routes, ports of one's own
 *     socket(2)     AF_NETLINK: through it the kernel's network is changed,
 *                   sendto(2) asks for something, recvfrom(2) says how it went
 *     flock(2)      known already: here it says who has which address
 *
 * Here the run, as step 07 had it, now with a network. The network is in:
 *     network.c          what it is made of: a bridge, a cable, addresses, routes
 *     netlink_message.c  what is said to the kernel, built and read
 *     netlink.c          the conversation
 *     network_lease.c    which address is whose, and who is alive
 *     network_host.c     what the host lends: a subnet, its work as a router
 *     network_files.c    /etc/resolv.conf, hosts, hostname
 *     nftables.c, nat.c  other addresses than the containers' own; ports.c
 *     slirp.c            a network without root
 *
 * Known already, from step 01: kernel/uts, kernel/clone, kernel/sync;
 * from step 02: kernel/process; from step 03: kernel/mount;
 * from step 04: kernel/rootfs; from step 05: kernel/cgroup;
 * from step 06: kernel/userns, kernel/privileges; from step 07: kernel/overlay,
 * kernel/volumes.
 *
 * Look at: `ip addr` inside; `ip link` and `nft list ruleset` on the host.
 * lessons/08-veth.md
 */
#include "common/base/command.h"
#include "common/base/log.h"
#include "common/base/number.h"
#include "common/base/program.h"
#include "common/kernel/cgroup.h"
#include "common/kernel/cgroup_delegated.h"
#include "common/kernel/clone.h"
#include "common/kernel/mount.h"
#include "common/kernel/overlay.h"
#include "common/kernel/privileges.h"
#include "common/kernel/process.h"
#include "common/kernel/rootfs.h"
#include "common/kernel/sync.h"
#include "common/kernel/userns.h"
#include "common/kernel/userns_mounts.h"
#include "common/kernel/uts.h"
#include "common/kernel/volumes.h"
#include "steps/08-veth/network.h"
#include "steps/08-veth/network_files.h"
#include "steps/08-veth/network_options.h"
#include "steps/08-veth/ports.h"

#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

struct container {
    const char *hostname;
    bool init;
    bool read_only, diff;
    struct overlay overlay;
    struct volumes volumes;
    bool userns_host;
    struct userns_maps maps;
    struct userns_mounts mounts;
    struct privileges privileges;
    struct network network;
    struct cgroup_limits limits;
    struct cgroup cgroup;
    char **command;
};

/* ---- The child ---- */

static int child_enter_rootfs(struct container *container, struct sync *sync)
{
    bool userns = !container->userns_host;
    if ((userns && userns_mounts_gather(&container->mounts) == -1) ||
        (!container->overlay.by_root &&
         (overlay_open_layers(&container->overlay) == -1 ||
          volumes_open(&container->volumes) == -1)) ||
        (userns && userns_become_root(&container->maps) == -1) ||
        sync_wait_for_parent(sync) == -1)
        return -1;
    if (overlay_make_root(&container->overlay, container->userns_host) == -1 ||
        network_files_make(&container->network.files) == -1 ||
        overlay_leave_place(&container->mounts) == -1 ||
        userns_mounts_enter(&container->mounts) == -1)
        return -1;
    if (userns)
        return userns_mounts_furnish(&container->mounts,
                                     userns_maps_has(&container->maps.gids, 5));
    return rootfs_mount_all() == -1 ? -1 : rootfs_make_devices();
}

/* Last, since until then there is something to be made. Volumes and /dev stay
 * as they are: these are other mounts. */
static int child_make_read_only(const struct container *container)
{
    if (container->read_only &&
        mount_file_system("none", "/", "none",
                          MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NODEV, NULL,
                          "the root is to be looked at only") == -1)
        return -1;
    return 0;
}

static void __attribute__((noreturn))
child_run(struct container *container, struct sync syncs[2],
          const sigset_t *mask)
{
    if (sync_wait_for_parent(&syncs[0]) == -1 ||
        cgroup_enter(&container->cgroup) == -1 ||
        network_configure(&container->network) == -1 ||
        uts_set_hostname(container->hostname) == -1 ||
        mount_make_private() == -1 ||
        child_enter_rootfs(container, &syncs[1]) == -1 ||
        cgroup_mount(&container->cgroup) == -1)
        _exit(EXIT_OURS);
    if (!container->privileges.privileged && rootfs_hide_host() == -1)
        _exit(EXIT_OURS);
    if (network_files_place(&container->network.files) == -1 ||
        volumes_attach(&container->volumes) == -1 ||
        child_make_read_only(container) == -1 ||
        command_close_descriptors() == -1)
        _exit(EXIT_OURS);
    command_clean_environment();
    privileges_execute(&container->privileges, container->init,
                       container->command, mask);
}

/* ---- The parent ---- */

/* Gives the child its ids and its network, and lets it go on. */
static int parent_release(struct container *container, pid_t child_pid,
                          struct sync syncs[2])
{
    if (!container->userns_host &&
        userns_maps_write(&container->maps, child_pid) == -1)
        return -1;
    pid_t owners_of = container->userns_host ? 0 : child_pid;
    if (network_connect(&container->network, child_pid) == -1 ||
        sync_release_child(&syncs[0]) == -1 ||
        overlay_assign_owners(&container->overlay, owners_of) == -1 ||
        sync_release_child(&syncs[1]) == -1)
        return -1;
    return overlay_answer(&container->overlay, owners_of);
}

/* What is there before the child is. */
static int parent_prepare(struct container *container, struct sync syncs[2])
{
    if (cgroup_set_limits(&container->cgroup, &container->limits) == -1 ||
        sync_open(&syncs[0]) == -1 || sync_open(&syncs[1]) == -1 ||
        (!container->userns_host &&
         (userns_mounts_prepare(NULL, container->network.kind == NETWORK_HOST,
                                &container->mounts) == -1 ||
          userns_give_pipes(&container->maps) == -1)) ||
        overlay_prepare(&container->overlay) == -1)
        return -1;
    return container->overlay.by_root ? volumes_open(&container->volumes) : 0;
}

static int parent_run_in_cgroup(struct container *container,
                                const sigset_t *mask)
{
    struct sync syncs[2] = {{-1, -1}, {-1, -1}};
    if (parent_prepare(container, syncs) == -1)
        return EXIT_OURS;
    struct clone_args arguments = {
        .flags = CLONE_NEWUTS | CLONE_NEWPID | CLONE_NEWNS | CLONE_NEWIPC,
        .exit_signal = SIGCHLD,
    };
    if (!container->userns_host)
        arguments.flags |= CLONE_NEWUSER;
    if (container->network.kind != NETWORK_HOST)
        arguments.flags |= CLONE_NEWNET;
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
            "clone3(%sCLONE_NEWUTS|CLONE_NEWPID|CLONE_NEWNS|CLONE_NEWIPC%s%s)",
            arguments.flags & CLONE_NEWUSER ? "CLONE_NEWUSER|" : "",
            arguments.flags & CLONE_NEWNET ? "|CLONE_NEWNET" : "",
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
    /* From here on there is something that the host can see. The lock of --upper
     * is held until we end. */
    sigset_t mask;
    int status = EXIT_OURS;
    const struct overlay_options *layers = &container->overlay.options;
    if ((layers->upper != NULL && overlay_options_open_upper(layers) == -1) ||
        process_block_signals(&mask) == -1)
        return status;
    if (cgroup_tree_create(cgroup) == 0 &&
        network_open(&container->network, container->hostname) == 0)
        status = parent_run_in_cgroup(container, &mask);
    network_close(&container->network);
    cgroup_tree_remove(cgroup);
    return status;
}

/* ---- What was asked for ---- */

int main(int argc, char **argv)
{
    (void)argc;
    static struct container container = {
        .hostname = "container",
        .limits.pids = CGROUP_PIDS_NOT_ASKED,
        .network = {.lease.fd = -1, .slirp.pid = -1},
        .overlay.options.upper_bytes = OVERLAY_DEFAULT_UPPER_BYTES,
    };
    struct cgroup_limits *limits = &container.limits;
    struct privileges *privileges = &container.privileges;
    struct network *network = &container.network;
    const struct program_option options[] = {
        {"--hostname", "NAME", uts_parse_hostname, &container.hostname,
         "hostname inside (default: container)"},
        {"--init", NULL, NULL, &container.init,
         "an init of ours as PID 1: reaps orphans, passes signals on"},
        {"--rootfs", "DIR[:DIR…]", overlay_options_parse_layers,
         &container.overlay.options,
         "the root's layers, uppermost first (default: build/rootfs/default)"},
        {"--host", NULL, NULL, &container.overlay.host,
         "instead: the host itself, of which nothing is changed"},
        {"--upper", "DIR", overlay_options_parse_upper,
         &container.overlay.options,
         "what is written is kept there (default: in memory, and lost)"},
        {"--upper-size", "SIZE", overlay_options_parse_upper_size,
         &container.overlay.options.upper_bytes,
         "in memory at most so much (default: 64m)"},
        {"--diff", NULL, NULL, &container.diff,
         "run nothing: list what --upper adds (A), changes, deletes"},
        {"-v --volume", "HOST:DIR[:ro]", volume_options_parse,
         &container.volumes, "a directory or file of the host, inside"},
        {"--tmpfs", "DIR[:OPTIONS]", volume_options_parse_tmpfs,
         &container.volumes, "a file system in memory: size=64m,mode=1777"},
        {"--read-only", NULL, NULL, &container.read_only,
         "nothing in the root can be changed"},
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
        {"--net", "KIND", network_options_parse, &network->kind,
         "none, host, bridge (root's default) or slirp (a user's)"},
        {"-p --publish", "PORT:PORT", ports_parse, &network->ports,
         "a port of the host that leads to one inside: 8080:80"},
        {"--dns", "ADDRESS", network_files_parse_server, &network->files,
         "a name server to be asked (default: the host's)"},
        {"--add-host", "NAME:ADDRESS", network_files_parse_host,
         &network->files, "one more line of /etc/hosts: db:10.90.0.2"},
        {0},
    };
    const struct program program = {
        .name = "step-08",
        .summary = "Runs a command that reaches the network, and is reached.",
        .example = "sudo ./step-08 -p 8080:80 /bin/sh",
        .options = options,
    };
    container.command = program_read_options(&program, argv);
    if (overlay_check(&container.overlay) == -1)
        return EXIT_OURS;
    if (container.diff) {
        int result =
            overlay_options_print_difference(&container.overlay.options);
        return result == -1 ? EXIT_OURS : 0;
    }
    if (privileges->privileged && geteuid() == 0)
        container.userns_host = true;
    if (privileges_check(privileges) == -1)
        return EXIT_OURS;
    if (!container.userns_host && (userns_check_allowed() == -1 ||
                                   userns_maps_find(&container.maps) == -1))
        return EXIT_OURS;
    if (network_options_choose(&container.network) == -1)
        return EXIT_OURS;
    return parent_run(&container);
}
