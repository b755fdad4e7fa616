#include "common/base/advice.h"

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#define NAME(error) [error] = #error

/* glibc has strerrorname_np(3) since 2.32, musl has nothing like it. */
static const char *const error_names[] = {
    NAME(EPERM),       NAME(ENOENT),     NAME(ESRCH),       NAME(EINTR),
    NAME(EIO),         NAME(ENXIO),      NAME(E2BIG),       NAME(ENOEXEC),
    NAME(EBADF),       NAME(ECHILD),     NAME(EAGAIN),      NAME(ENOMEM),
    NAME(EACCES),      NAME(EFAULT),     NAME(ENOTBLK),     NAME(EBUSY),
    NAME(EEXIST),      NAME(EXDEV),      NAME(ENODEV),      NAME(ENOTDIR),
    NAME(EISDIR),      NAME(EINVAL),     NAME(ENFILE),      NAME(EMFILE),
    NAME(ENOTTY),      NAME(ETXTBSY),    NAME(EFBIG),       NAME(ENOSPC),
    NAME(ESPIPE),      NAME(EROFS),      NAME(EMLINK),      NAME(EPIPE),
    NAME(EDOM),        NAME(ERANGE),     NAME(EDEADLK),     NAME(ENAMETOOLONG),
    NAME(ENOLCK),      NAME(ENOSYS),     NAME(ENOTEMPTY),   NAME(ELOOP),
    NAME(ENODATA),     NAME(ETIME),      NAME(EPROTO),      NAME(EBADMSG),
    NAME(EOVERFLOW),   NAME(EUSERS),     NAME(EMSGSIZE),    NAME(EOPNOTSUPP),
    NAME(ENETDOWN),    NAME(ENOBUFS),    NAME(ETIMEDOUT),   NAME(ECONNREFUSED),
    NAME(EALREADY),    NAME(ESTALE),     NAME(EDQUOT),      NAME(ECANCELED),
    NAME(EADDRINUSE),  NAME(ECONNRESET), NAME(ENETUNREACH), NAME(EADDRNOTAVAIL),
    NAME(EAFNOSUPPORT)};

const char *advice_error_name(int error)
{
    size_t count = sizeof error_names / sizeof error_names[0];
    if (error == EPROTONOSUPPORT) /* too wide for the table */
        return "EPROTONOSUPPORT";
    if (error == 0)
        return "no errno";
    if (error < 0 || (size_t)error >= count || error_names[error] == NULL)
        return "unknown errno";
    return error_names[error];
}

/*
 * The first row that matches wins: rows that name a call stand before those
 * that do not, and rows with its first argument before those without.
 */
static const struct advice {
    const char *call; /* its name, or its beginning; NULL: any call */
    int error;
    const char *text;
} advice_table[] = {
    {"clone3(CLONE_NEWUSER", EPERM,
     "user namespaces are refused here: by the seccomp filter of a container "
     "around us, by a security module (AppArmor, SELinux), or since we are in "
     "a chroot; user_namespaces(7)"},
    {"clone3(CLONE_NEWUSER", EACCES,
     "a security module (AppArmor, SELinux) refuses user namespaces to this "
     "program; or the cgroup to be born into is not ours to write"},
    {"clone3(CLONE_NEWUSER", ENOSPC,
     "not the disk: as many user namespaces as user.max_user_namespaces allows "
     "(or others, /proc/sys/user/max_*_namespaces), or 32 of them nested"},
    {"clone3", EPERM,
     "new namespaces take CAP_SYS_ADMIN, which root has, but not the root of "
     "most containers: start it with sudo, on the host, or try `make vm`"},
    {"clone3", ENOSYS,
     "no clone3(2): the kernel is older than 5.3, or the seccomp filter of a "
     "container around us hides it; `make vm` has one"},
    {"clone3", ENOSPC,
     "not the disk: a limit in /proc/sys/user/max_*_namespaces is reached, or "
     "namespaces are nested 32 deep"},
    {"clone3", EINVAL,
     "the kernel was built without one of these namespaces; `make doctor` says "
     "which"},
    {"clone3", EAGAIN,
     "no more processes: ulimit -u, or the pids limit of our own cgroup"},
    {"clone3", EBUSY,
     "the cgroup to be born into has controllers enabled for children of its "
     "own, so it may not hold a process; cgroups(7), no internal processes"},
    {"clone3", EACCES, "the cgroup to be born into is not ours to write"},
    {"clone3", ENOENT,
     "the cgroup to be born into lies outside our cgroup namespace, and where "
     "version 2 is mounted with nsdelegate, nothing leads there"},
    {"clone3", ENODEV, "the cgroup to be born into was removed meanwhile"},
    {"unshare", EINVAL, "the kernel was built without this namespace"},
    {"unshare", ENOSPC,
     "not the disk: a limit in /proc/sys/user/max_*_namespaces is reached"},
    {"waitpid", ECHILD,
     "no child that can be waited for: clone3 has to be told that its "
     "exit_signal is SIGCHLD, and SIGCHLD must not be ignored"},
    {"sethostname", EPERM,
     "a hostname is changed by root (CAP_SYS_ADMIN) of the user namespace that "
     "owns the UTS namespace"},
    {"pivot_root", EBUSY,
     "the new root must be a mount point (a bind mount on itself makes any "
     "directory one), and not the root there is"},
    {"pivot_root", EINVAL,
     "a mount on the way is shared, or the present root is an initramfs, which "
     "can not be moved; pivot_root(2)"},
    {"mount", EINVAL,
     "the place is no mount point (in a chroot, / is none), or the kernel does "
     "not know a flag or option: is it older than 5.10?"},
    {"mount", ENODEV,
     "the kernel has no such file system type; see /proc/filesystems"},
    {"mount", ENOENT,
     "the mount point, or what is to be mounted, is not there"},
    {"mount", ENOTDIR,
     "a directory can not be mounted over a file, nor a file over a directory"},
    {"mount", ENOSPC,
     "not the disk: this mount namespace is full, /proc/sys/fs/mount-max"},
    {"mount", EBUSY,
     "it is mounted there already; in a container: is this its own root yet?"},
    {"mount", EPERM,
     "mounting needs root (CAP_SYS_ADMIN) in the user namespace that owns this "
     "mount namespace"},
    {"mount", EACCES,
     "a file system on a read-only device, or one behind a directory that may "
     "not be searched; or a security module (AppArmor, SELinux) said no"},
    {"mknod", EPERM,
     "device nodes are made by root (CAP_MKNOD) of the host only; a user "
     "namespace binds those of the host"},
    {"setresuid", EINVAL, "this id is not mapped in our user namespace"},
    {"setresgid", EINVAL, "this id is not mapped in our user namespace"},
    {"setgroups", EPERM,
     "in a user namespace where setgroups is denied no group can be dropped"},
    {"openat2", ELOOP,
     "on the way there is a link of /proc, which leads to what a process has "
     "open, or the last part is a link to nothing: name another place"},
    {"openat2", ENOSYS, "the kernel is older than 5.6: try `make vm`"},
    {"move_mount", EINVAL,
     "the place is not in this mount namespace, or what is to be put there is "
     "attached elsewhere"},
    {"move_mount", ENOTDIR,
     "a directory can not be mounted over a file, nor a file over a directory"},
    {"fsconfig", EINVAL,
     "the kernel does not know this option of a file system, or not this "
     "value"},
    {"open_tree", EPERM,
     "taking mounts needs root (CAP_SYS_ADMIN) in the user namespace that owns "
     "this mount namespace"},
    {"open_tree", EINVAL,
     "who has not mounted what is upon it may not look under that, or it is "
     "not of this mount namespace"},
    {"mkdir", EACCES,
     "in a root file system: it belongs to somebody who is not mapped inside, "
     "so make the mount points (/proc, /sys, /dev) there first"},
    {"mkdir", EROFS,
     "in a root file system: a directory that is needed as a mount point is "
     "missing, make it there first; in /sys: an outer container keeps its "
     "cgroups read-only, try `make vm`"},
    {"write(\"/proc/", EPERM,
     "a map was refused: an id in it is not ours to give, or (gid_map) "
     "setgroups was not denied first, or there is a map already"},
    {"write(\"/proc/", EINVAL,
     "a map was refused: ranges meet, or are empty; user_namespaces(7)"},
    {"write", EBUSY,
     "cgroups(7), no internal processes: a cgroup with processes of its own "
     "can not hand controllers to children; move them into a leaf first"},
    {"write", ENODEV,
     "there is no such block device (a partition will not do)"},
    {"write", EINVAL, "the kernel does not take this value"},
    {"rmdir", EBUSY,
     "the cgroup still holds processes or cgroups of its own; the next run "
     "sweeps it"},
    {"bind", EADDRINUSE,
     "a program has that port (`ss -tulnp` says which), or a container of ours "
     "does (`nft list table ip nsctl`): publish another one"},
    {"bind", EACCES,
     "ports below 1024 are root's (/proc/sys/net/ipv4/"
     "ip_unprivileged_port_start): publish a higher one"},
    {"bind", EADDRNOTAVAIL,
     "this machine has no such address: `ip address` lists those that it has"},
    {"socket", EPROTONOSUPPORT,
     "the kernel was built without this part of its network, or may not load "
     "it: another kernel, or --net none"},
    {"NFNL_MSG_BATCH_BEGIN", EOPNOTSUPP,
     "the kernel has no nf_tables, so nobody beyond this machine can be "
     "reached, and no port be published: another kernel, or --net none"},
    {"RTM_NEWLINK", EOPNOTSUPP,
     "the kernel has no such kind of link: modprobe -a bridge veth, or try "
     "`make vm`; --net none does without"},
    {"RTM_NEWLINK", EEXIST,
     "somebody else has a link of that name: `ip link` shows it, and `ip link "
     "del` removes it"},
    {"RTM_NEWLINK", EPERM,
     "links take CAP_NET_ADMIN in the user namespace that owns the network "
     "namespace, which root of most containers does not have: --net none"},
    {"RTM_NEWLINK", ESRCH, "the process whose network it is to be has ended"},
    {"RTM_NEWADDR", EPERM, "addresses take CAP_NET_ADMIN"},
    {"RTM_NEWROUTE", ENETUNREACH,
     "the gateway is at no link that is switched on"},
    {"NFT_MSG_NEWCHAIN", ENOENT,
     "nf_tables without address translation (the module nft_chain_nat)"},
    {"NFT_MSG_NEWRULE", ENOENT,
     "nf_tables without one of the modules nft_nat, nft_masq, nft_ct, "
     "nft_fib_ipv4"},
    {"seccomp", EACCES,
     "a filter takes no_new_privs, or CAP_SYS_ADMIN in our user namespace"},
    {"seccomp", EINVAL,
     "the kernel was built without filters, or refuses this one: filters grow "
     "when they are nested, to 32768 instructions at most"},
    {"capset", EPERM,
     "nobody gives himself a capability: what is to be kept must be permitted "
     "already"},
    {"keyctl", EDQUOT,
     "not the disk: this user has as many keys as /proc/sys/kernel/keys allows"},
    {"keyctl", EPERM,
     "a security module, or the seccomp filter of a container around us, keeps "
     "keys from us: try it outside of that"},
    {"close_range", ENOSYS, "the kernel is older than 5.9: try `make vm`"},
    {"pidfd_open", ENOSYS, "the kernel is older than 5.3: try `make vm`"},
    {"fsetxattr", EOPNOTSUPP,
     "this file system has no extended attributes of that kind: a tmpfs has "
     "user.* since Linux 6.6, FAT and NFS have none; use another"},
    {NULL, 0, "no call has failed, errno is 0: has this one been made at all?"},
    {NULL, EPERM, "this needs root: start it with sudo"},
    {NULL, EACCES,
     "permission denied on the way: look at the modes of every directory in "
     "the path, as the user that runs this"},
    {NULL, ENOENT, "look at the path: some part of it is not there"},
    {NULL, ENOTDIR, "look at the path: some part of it is not a directory"},
    {NULL, ENAMETOOLONG, "the name or path is too long: make it shorter"},
    {NULL, ELOOP, "too many symbolic links: some of them go in a circle"},
    {NULL, ENOMEM, "out of memory: ours, the machine's, or our cgroup's"},
    {NULL, ENOSPC, "the file system is full, or one of the kernel's limits is"},
    {NULL, EROFS, "the file system is read-only"},
    {NULL, EMFILE, "too many open files in this process: ulimit -n"},
    {NULL, ENFILE,
     "too many open files on this machine: /proc/sys/fs/file-max"},
    {NULL, ENOSYS,
     "this kernel has no such system call, or a seccomp filter hides it; "
     "`make vm` has it"},
    {NULL, EAGAIN, "out of some resource just now: try again"},
    {NULL, EINTR, "a signal came in between: try again"},
    {NULL, EINVAL, "the kernel does not know this flag or value: is it older?"},
    {NULL, EBUSY, "something else uses it"},
    {NULL, EEXIST, "it is there already"},
    {NULL, EIO, "the device failed; see dmesg"},
    {NULL, EOVERFLOW,
     "its owner has no id in this user namespace: it can be read, not "
     "changed"},
};

/* "mount(\"proc\", …)" is a call of "mount", and of "mount(\"proc". */
static bool advice_is_for(const char *row_call, const char *call)
{
    size_t length = strlen(row_call);
    return strncmp(row_call, call, length) == 0 &&
           (call[length] == '(' || strchr(row_call, '(') != NULL);
}

const char *advice_for_call(const char *call, int error)
{
    for (size_t i = 0; i < sizeof advice_table / sizeof advice_table[0]; i++) {
        const struct advice *row = &advice_table[i];
        if (row->error == error &&
            (row->call == NULL || advice_is_for(row->call, call)))
            return row->text;
    }
    return "its manual page (section 2) lists what this errno means";
}
