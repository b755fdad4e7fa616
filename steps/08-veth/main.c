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
 * Here what a container's network is made of, and the run. Around it:
 *     netlink_message.c  what is said to the kernel, built and read
 *     netlink.c          the conversation
 *     network_lease.c    which address is whose, and who is alive
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
#include "common/base/advice.h"
#include "common/base/command.h"
#include "common/base/files.h"
#include "common/base/log.h"
#include "common/base/number.h"
#include "common/base/program.h"
#include "common/kernel/cgroup.h"
#include "common/kernel/cgroup_delegated.h"
#include "common/kernel/clone.h"
#include "common/kernel/layers.h"
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
#include "steps/08-veth/firewall.h"
#include "steps/08-veth/nat.h"
#include "steps/08-veth/netlink.h"
#include "steps/08-veth/network_files.h"
#include "steps/08-veth/network_host.h"
#include "steps/08-veth/network_lease.h"
#include "steps/08-veth/network_options.h"
#include "steps/08-veth/ports.h"
#include "steps/08-veth/slirp.h"

#include <arpa/inet.h>
#include <errno.h>
#include <limits.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define NETWORK_BRIDGE_NAME "nsctl0"

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

/* ---- Links, addresses, routes: what netlink is asked for ---- */

/* Numbers that no maker of devices was given (the second-lowest bit says so),
 * and for an address always the same: who knew the last container that had it
 * need not ask anew. */
static void network_hardware_address(struct in_addr address,
                                     unsigned char hardware[ETH_ALEN])
{
    hardware[0] = 0x02;
    hardware[1] = 'n';
    memcpy(hardware + 2, &address, sizeof address);
}

/* The host's end of a container's cable is called after its address, so that
 * whoever finds a dead container's lease knows what to look for. */
static void network_link_name(struct in_addr address, char name[IFNAMSIZ])
{
    snprintf(name, IFNAMSIZ, "nsctl%04x", ntohl(address.s_addr) & 0xffff);
}

/* The number by which the kernel knows a link. Returns 0, or -1, reported. */
static int network_find_link(const char *name, unsigned *number)
{
    *number = if_nametoindex(name);
    if (*number != 0)
        return 0;
    int saved_errno = errno;
    log_error("no link %s can be found: %s (%s)", name,
              advice_error_name(saved_errno), strerror(saved_errno));
    errno = saved_errno;
    return -1;
}

static int network_add_bridge(struct netlink *netlink, struct in_addr gateway)
{
    struct netlink_request request = {0};
    struct ifinfomsg link = {.ifi_family = AF_UNSPEC};
    unsigned char hardware[ETH_ALEN];
    network_hardware_address(gateway, hardware);
    int result = 0;
    //> bridge
    netlink_start(&request, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, link);
    netlink_put_text(&request, IFLA_IFNAME, NETWORK_BRIDGE_NAME);
    /* Or it would take that of one of its ports, another whenever one leaves,
     * and all the others would have to find it anew. */
    netlink_put(&request, IFLA_ADDRESS, hardware, sizeof hardware);
    netlink_nest(&request, IFLA_LINKINFO);
    netlink_put_text(&request, IFLA_INFO_KIND, "bridge");
    netlink_nest_end(&request);
    result = netlink_call(netlink, &request, "a bridge for all containers",
                          "IFLA_IFNAME=\"%s\", IFLA_INFO_KIND=\"bridge\"",
                          NETWORK_BRIDGE_NAME);
    //< bridge
    return result;
}

/* A cable: what goes in at one end comes out at the other. Its far end is born
 * in the container's network namespace. veth(4). */
static int network_add_veth(struct netlink *netlink, struct in_addr address,
                            pid_t container_pid)
{
    struct netlink_request request = {0};
    struct ifinfomsg here = {.ifi_flags = IFF_UP, .ifi_change = IFF_UP};
    struct ifinfomsg there = {.ifi_family = AF_UNSPEC};
    unsigned char hardware[ETH_ALEN];
    char name[IFNAMSIZ];
    unsigned bridge;
    int result = network_find_link(NETWORK_BRIDGE_NAME, &bridge);
    if (result == -1)
        return -1;
    network_hardware_address(address, hardware);
    network_link_name(address, name);
    //> veth
    netlink_start(&request, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, here);
    netlink_put_text(&request, IFLA_IFNAME, name);
    netlink_put_u32(&request, IFLA_MASTER, bridge);
    netlink_nest(&request, IFLA_LINKINFO);
    netlink_put_text(&request, IFLA_INFO_KIND, "veth");
    netlink_nest(&request, IFLA_INFO_DATA);
    netlink_nest(&request, VETH_INFO_PEER);
    netlink_put_bytes(&request, &there, sizeof there);
    netlink_put_text(&request, IFLA_IFNAME, "eth0");
    netlink_put(&request, IFLA_ADDRESS, hardware, sizeof hardware);
    netlink_put_u32(&request, IFLA_NET_NS_PID, (uint32_t)container_pid);
    netlink_nest_end(&request);
    netlink_nest_end(&request);
    netlink_nest_end(&request);
    result = netlink_call(netlink, &request, "a cable from the bridge to eth0",
                          "IFLA_IFNAME=\"%s\", IFLA_INFO_KIND=\"veth\"", name);
    //< veth
    return result;
}

/* A frame may leave the bridge where it came in, as a container's does that asks for
 * a port which it has published itself. To a bridge that would be a loop. Where
 * IP passes over the host as a router the question does not come up, but
 * br_netfilter, which Docker loads, changes the address while the bridge has it. */
static int network_allow_hairpin(struct netlink *netlink,
                                 struct in_addr address)
{
    struct netlink_request request = {0};
    struct ifinfomsg link = {.ifi_family = AF_UNSPEC};
    const uint8_t on = 1;
    char name[IFNAMSIZ];
    network_link_name(address, name);
    netlink_start(&request, RTM_NEWLINK, 0, link);
    netlink_put_text(&request, IFLA_IFNAME, name);
    netlink_nest(&request, IFLA_LINKINFO);
    netlink_put_text(&request, IFLA_INFO_SLAVE_KIND, "bridge");
    netlink_nest(&request, IFLA_INFO_SLAVE_DATA);
    netlink_put(&request, IFLA_BRPORT_MODE, &on, sizeof on);
    netlink_nest_end(&request);
    netlink_nest_end(&request);
    return netlink_call(netlink, &request, "and back where it came from",
                        "IFLA_IFNAME=\"%s\", IFLA_INFO_SLAVE_KIND=\"bridge\"",
                        name);
}

static int network_add_address(struct netlink *netlink, const char *name,
                               struct in_addr address)
{
    struct netlink_request request = {0};
    struct ifaddrmsg start = {
        .ifa_family = AF_INET,
        .ifa_prefixlen = NETWORK_PREFIX_LENGTH,
    };
    char text[INET_ADDRSTRLEN];
    int result = network_find_link(name, &start.ifa_index);
    if (result == -1)
        return -1;
    inet_ntop(AF_INET, &address, text, sizeof text);
    //> address
    /* At a cable to one other, IFA_ADDRESS would be the other's. */
    netlink_start(&request, RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, start);
    netlink_put(&request, IFA_LOCAL, &address, sizeof address);
    netlink_put(&request, IFA_ADDRESS, &address, sizeof address);
    result = netlink_call(netlink, &request, "its address",
                          "ifa_prefixlen=%d, IFA_LOCAL=\"%s\"",
                          NETWORK_PREFIX_LENGTH, text);
    //< address
    return result;
}

static int network_switch_on(struct netlink *netlink, const char *name)
{
    struct netlink_request request = {0};
    /* Flags, and which of them are meant. */
    struct ifinfomsg link = {.ifi_flags = IFF_UP, .ifi_change = IFF_UP};
    int result = 0;
    //> up
    netlink_start(&request, RTM_NEWLINK, 0, link);
    netlink_put_text(&request, IFLA_IFNAME, name);
    result = netlink_call(netlink, &request, "switched on",
                          "IFF_UP, IFLA_IFNAME=\"%s\"", name);
    //< up
    return result;
}

static int network_add_default_route(struct netlink *netlink,
                                     struct in_addr gateway)
{
    struct netlink_request request = {0};
    struct rtmsg route = {
        .rtm_family = AF_INET,
        .rtm_table = RT_TABLE_MAIN,
        .rtm_protocol = RTPROT_BOOT,
        .rtm_scope = RT_SCOPE_UNIVERSE,
        .rtm_type = RTN_UNICAST,
    };
    char text[INET_ADDRSTRLEN];
    int result = 0;
    inet_ntop(AF_INET, &gateway, text, sizeof text);
    //> route
    netlink_start(&request, RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL, route);
    netlink_put(&request, RTA_GATEWAY, &gateway, sizeof gateway);
    result = netlink_call(netlink, &request, "all else goes by the bridge",
                          "rtm_dst_len=0, RTA_GATEWAY=\"%s\"", text);
    //< route
    return result;
}

/* That there is no such link is no error: the far end of a cable may have gone
 * with its namespace, and took this one with it. */
static void network_delete_link(const char *name)
{
    struct netlink netlink;
    struct netlink_request request = {0};
    struct ifinfomsg link = {.ifi_family = AF_UNSPEC};
    char details[64];
    if (netlink_connect(&netlink, NETLINK_ROUTE) == -1)
        return;
    snprintf(details, sizeof details, "IFLA_IFNAME=\"%s\"", name);
    netlink_start(&request, RTM_DELLINK, 0, link);
    netlink_put_text(&request, IFLA_IFNAME, name);
    if (netlink_exchange(&netlink, &request, NULL, NULL) == 0 ||
        (netlink.answer.error != 0 && netlink.answer.error != ENODEV))
        netlink_report(&netlink, &request, "a link that is not needed any more",
                       details);
    netlink_close(&netlink);
}

/* ---- What all containers share ---- */

static struct nat_bridge network_bridge(struct in_addr address)
{
    return (struct nat_bridge){
        .name = NETWORK_BRIDGE_NAME,
        .subnet = network_lease_subnet(address),
        .prefix_length = NETWORK_PREFIX_LENGTH,
    };
}

/* For the last one out. */
static void network_stop(void)
{
    nat_stop();
    network_delete_link(NETWORK_BRIDGE_NAME);
    network_host_stop_forwarding();
}

static int network_start(struct netlink *netlink, struct in_addr subnet)
{
    /* Here this machine is an IPv4 host only. A container may say that it is a
     * router of IPv6, and the machine would believe it. */
    static const char ipv6[] =
        "/proc/sys/net/ipv6/conf/" NETWORK_BRIDGE_NAME "/disable_ipv6";
    struct in_addr gateway = network_lease_gateway(subnet);
    if (network_add_bridge(netlink, gateway) == -1)
        return -1;
    if (access(ipv6, F_OK) == 0 &&
        files_write_setting(ipv6, "1", "no IPv6 on it") == -1)
        return -1;
    if (network_add_address(netlink, NETWORK_BRIDGE_NAME, gateway) == -1 ||
        network_switch_on(netlink, NETWORK_BRIDGE_NAME) == -1)
        return -1;
    const struct nat_bridge bridge = network_bridge(subnet);
    /* In this order: what guards the containers is there before their door. */
    return nat_start(&bridge) == -1 ? -1 : network_host_forward();
}

/* ---- The parent ---- */

static void network_forget(struct in_addr address)
{
    char name[IFNAMSIZ];
    network_link_name(address, name);
    network_delete_link(name);
}

/* With the lock of the network in hand. */
static int network_join(struct network *network, struct netlink *netlink)
{
    struct in_addr subnet = {0};
    int others = network_lease_sweep(&subnet, network_forget);
    if (others == -1)
        return -1;
    subnet = network_lease_subnet(subnet);
    if (others == 0) { /* but maybe one that was killed has left a bridge */
        network_delete_link(NETWORK_BRIDGE_NAME);
        if (network_host_choose_subnet(netlink, &subnet) == -1)
            return -1;
    } else if (nat_sweep(network_lease_is_taken, NULL) == -1) {
        return -1; /* before a dead one's address becomes ours */
    }
    /* First of all: what is made from here on has somebody to whom it belongs,
     * and is swept if that is killed. */
    if (network_lease_take(subnet, &network->lease) == -1)
        return -1;
    if (others == 0 && network_start(netlink, subnet) == -1)
        return -1;
    if (network->ports.count == 0)
        return 0;
    const struct nat_bridge bridge = network_bridge(subnet);
    return nat_publish(&bridge, network->lease.address, &network->ports);
}

static int network_open_bridge(struct network *network)
{
    struct netlink netlink;
    if (ports_hold(&network->ports) == -1)
        return -1;
    int lock_fd = network_lease_lock();
    if (lock_fd == -1)
        return -1;
    int result = netlink_connect(&netlink, NETLINK_ROUTE);
    if (result == 0)
        result = network_join(network, &netlink);
    netlink_close(&netlink);
    network_lease_unlock(lock_fd);
    if (result == 0)
        firewall_warn(NETWORK_BRIDGE_NAME);
    return result;
}

static int network_open(struct network *network, const char *hostname)
{
    char text[INET_ADDRSTRLEN];
    bool is_bridge = network->kind == NETWORK_BRIDGE;
    if (is_bridge && network_open_bridge(network) == -1)
        return -1;
    if (!is_bridge && ports_try(&network->ports) == -1)
        return -1;
    inet_ntop(AF_INET, &network->lease.address, text, sizeof text);
    network_files_name(&network->files, hostname, is_bridge ? text : NULL);
    return 0;
}

/* The child waits, in a network namespace that nothing leads to yet. */
static int network_connect(struct network *network, pid_t container_pid)
{
    struct netlink netlink;
    if (network->kind == NETWORK_SLIRP)
        return slirp_start(&network->slirp, container_pid, &network->ports);
    if (network->kind != NETWORK_BRIDGE)
        return 0;
    if (netlink_connect(&netlink, NETLINK_ROUTE) == -1)
        return -1;
    int result =
        network_add_veth(&netlink, network->lease.address, container_pid);
    network->is_connected = result == 0;
    if (result == 0 && network->ports.count > 0)
        result = network_allow_hairpin(&netlink, network->lease.address);
    netlink_close(&netlink);
    return result;
}

static void network_close(struct network *network)
{
    struct in_addr alive;
    slirp_stop(&network->slirp);
    ports_let_go(&network->ports);
    if (network->lease.fd == -1)
        return;
    int lock_fd = network_lease_lock();
    if (network->is_connected)
        network_forget(network->lease.address);
    if (network->ports.count > 0)
        nat_withdraw(network->lease.address);
    network_lease_drop(&network->lease);
    if (lock_fd != -1 && network_lease_sweep(&alive, network_forget) == 0)
        network_stop();
    network_lease_unlock(lock_fd);
}

/* ---- The child ---- */

/* While it has all of root's powers over its namespace: its own end. */
static int network_configure(const struct network *network)
{
    struct netlink netlink;
    struct in_addr address = network->lease.address;
    if (network->kind == NETWORK_HOST)
        return 0;
    if (netlink_connect(&netlink, NETLINK_ROUTE) == -1)
        return -1;
    int result = network_switch_on(&netlink, "lo");
    if (result == 0 && network->kind == NETWORK_BRIDGE &&
        (network_add_address(&netlink, "eth0", address) == -1 ||
         network_switch_on(&netlink, "eth0") == -1 ||
         network_add_default_route(&netlink, network_lease_gateway(address)) ==
             -1))
        result = -1;
    netlink_close(&netlink);
    return result;
}

/* ---- The child: the whole of it ---- */

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
    if (overlay_make_root(&container->overlay, container->userns_host,
                          &container->mounts) == -1 ||
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
         (userns_mounts_prepare(NULL, &container->mounts) == -1 ||
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
            container->userns_host ? "" : "CLONE_NEWUSER|",
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

static int print_difference(const struct container *container)
{
    const struct overlay_options *layers = &container->overlay.options;
    char upper[PATH_MAX];
    if (layers->upper == NULL) {
        log_error("--diff: of what is written where? Name it with --upper");
        return EXIT_OURS;
    }
    if (files_path(upper, "%s/upper", layers->upper) == -1)
        return EXIT_OURS;
    return layers_print_difference(upper, layers->layers,
                                   layers->layer_count) == -1
               ? EXIT_OURS
               : 0;
}

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
    if (container.diff)
        return print_difference(&container);
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
