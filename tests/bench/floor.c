/*
 * floor: the least that the kernel has to be asked for a container that is as isolated as
 * ours. `make bench` holds the workbook's programs against it: what they take longer is
 * their own work (options, a record, a log, whoever waits), not the kernel's.
 *
 *     floor run [--map HOST-ID] [--helpers] [--unified DIR] [--cgroup DIR]…
 *               FILTER ROOT SCRATCH COMMAND [ARG…]
 *     floor exec [--map HOST-ID] [--unified DIR] [--cgroup DIR]… FILTER PID COMMAND [ARG…]
 *
 *   --map HOST-ID  a user namespace, in which 0 is HOST-ID outside, and 65536 ids
 *   --helpers      as an ordinary user: newuidmap and newgidmap write the maps; 0 is that user,
 *                  1 is HOST-ID
 *   --cgroup DIR   a hierarchy of version 1: `run` makes a cgroup in DIR, `exec` enters DIR
 *   --unified DIR  the same in version 2
 *   FILTER         a seccomp filter, as the kernel takes it
 *   ROOT           a root file system; what is written goes to SCRATCH, a new directory that
 *                  is removed in the end; `run` expects that nothing was written
 *
 * It looks for nothing, checks nothing that the kernel does not, keeps nothing, and says
 * nothing unless a call fails. Then its exit status is 125.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/mount.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* <sys/mount.h> and <linux/mount.h> do not go together in every libc. */
int mount(const char *source, const char *target, const char *type,
          unsigned long flags, const void *data);
int umount2(const char *target, int flags);
enum { DETACH = 2, ALL_OF_THE_TREE = 0x8000 };
enum {
    RDONLY = 1,
    NOSUID = 2,
    NODEV = 4,
    NOEXEC = 8,
    REMOUNT = 32,
    BIND = 4096,
    REC = 16384,
    PRIVATE = 1 << 18,
    PLAIN = NOSUID | NODEV | NOEXEC,
};

enum { MOST_CGROUPS = 16, MOST_PATH = 4096, IDS = 65536 };

static struct {
    long map; /* -1: no user namespace */
    bool helpers;
    const char *unified;
    const char *cgroups[MOST_CGROUPS];
    size_t cgroup_count;
    struct sock_filter filter[4096];
    unsigned short filter_length;
    const char *root, *scratch;
    char **command;
} options = {.map = -1};

static long check(long result, const char *what)
{
    if (result == -1) {
        fprintf(stderr, "floor: %s: %s\n", what, strerror(errno));
        _exit(125);
    }
    return result;
}

static int write_text(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    ssize_t written = fd == -1 ? -1 : write(fd, text, strlen(text));
    if (fd != -1)
        close(fd);
    return written == -1 ? -1 : 0;
}

static const char *path_in(const char *directory, const char *name)
{
    static char path[MOST_PATH];
    if (snprintf(path, sizeof path, "%s/%s", directory, name) >= MOST_PATH)
        check(-1, "a path that is too long");
    return path;
}

/* ---- Cgroups ---- */

static void cgroup_make(const char *parent, char *path)
{
    snprintf(path, MOST_PATH, "%s/floor-%d", parent, (int)getpid());
    check(mkdir(path, 0755), path);
}

static void cgroups_make(char paths[][MOST_PATH])
{
    for (size_t i = 0; i < options.cgroup_count; i++) {
        cgroup_make(options.cgroups[i], paths[i]);
        if (strstr(paths[i], "/pids/") != NULL)
            check(write_text(path_in(paths[i], "pids.max"), "2048"),
                  "pids.max");
    }
}

/* By whoever is to be in them: the writer's own number costs no waiting for others. */
static void cgroups_enter(const char *const *paths)
{
    for (size_t i = 0; i < options.cgroup_count; i++)
        check(write_text(path_in(paths[i], "tasks"), "0"), paths[i]);
}

/* ---- The child of run ---- */

static void mount_on(const char *type, const char *target, unsigned long flags,
                     const char *data)
{
    check(mount(type, target, type, flags, data), target);
}

/* The root: layers below, what is written above. */
static void child_mount_root(const int *layers)
{
    char data[16384];
    check(mount("none", "/", NULL, REC | PRIVATE, NULL), "private mounts");
    if (options.map != -1 && !options.helpers) {
        check(syscall(SYS_move_mount, layers[0], "", AT_FDCWD, options.root,
                      MOVE_MOUNT_F_EMPTY_PATH),
              "move_mount");
        check(syscall(SYS_move_mount, layers[1], "", AT_FDCWD, options.scratch,
                      MOVE_MOUNT_F_EMPTY_PATH),
              "move_mount");
    }
    snprintf(data, sizeof data,
             "lowerdir=%s,upperdir=%s/upper,workdir=%s/work%s", options.root,
             options.scratch, options.scratch,
             options.map != -1 ? ",userxattr" : "");
    mount_on("overlay", options.root, NODEV, data);
    check(chdir(options.root), options.root);
}

static void child_make_devices(void)
{
    static const struct {
        const char *host, *name;
        int major, minor;
    } devices[] = {
        {"/dev/null", "dev/null", 1, 3},
        {"/dev/zero", "dev/zero", 1, 5},
        {"/dev/full", "dev/full", 1, 7},
        {"/dev/random", "dev/random", 1, 8},
        {"/dev/urandom", "dev/urandom", 1, 9},
        {"/dev/tty", "dev/tty", 5, 0},
    };
    for (size_t i = 0; i < sizeof devices / sizeof devices[0]; i++) {
        bool own = options.map == -1;
        dev_t number = (dev_t)(devices[i].major << 8 | devices[i].minor);
        check(mknod(devices[i].name, own ? S_IFCHR | 0666 : S_IFREG | 0666,
                    own ? number : 0),
              devices[i].name);
        if (!own)
            check(mount(devices[i].host, devices[i].name, NULL, BIND, NULL),
                  devices[i].name);
    }
    symlink("/proc/self/fd", "dev/fd");
    symlink("/proc/self/fd/0", "dev/stdin");
    symlink("/proc/self/fd/1", "dev/stdout");
    symlink("/proc/self/fd/2", "dev/stderr");
    symlink("pts/ptmx", "dev/ptmx");
}

static void child_mount_cgroups(void)
{
    char name[64], target[128];
    if (options.unified != NULL)
        mount_on("cgroup2", "sys/fs/cgroup", RDONLY | PLAIN, NULL);
    if (options.cgroup_count == 0)
        return;
    mount_on("tmpfs", "sys/fs/cgroup", PLAIN, "mode=755");
    for (size_t i = 0; i < options.cgroup_count; i++) {
        /* …/CONTROLLERS/nsctl */
        sscanf(options.cgroups[i], "/sys/fs/cgroup/%63[^/]", name);
        snprintf(target, sizeof target, "sys/fs/cgroup/%s", name);
        check(mkdir(target, 0755), target);
        mount_on("cgroup", target, RDONLY | PLAIN, name);
    }
    check(mount(NULL, "sys/fs/cgroup", NULL, REMOUNT | BIND | RDONLY | PLAIN,
                NULL),
          "sys/fs/cgroup");
}

/* What is not there on this kernel need not be hidden. */
static void child_mask(void)
{
    static const char *const files[] = {"proc/interrupts", "proc/kcore",
                                        "proc/keys",       "proc/latency_stats",
                                        "proc/timer_list", "proc/timer_stats",
                                        "proc/sched_debug"};
    static const char *const directories[] = {
        "proc/acpi",    "proc/asound",    "proc/scsi",
        "sys/firmware", "sys/fs/selinux", "sys/devices/virtual/powercap"};
    static const char *const read_only[] = {"proc/bus", "proc/fs", "proc/irq",
                                            "proc/sys", "proc/sysrq-trigger"};
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++)
        if (mount("dev/null", files[i], NULL, BIND, NULL) == -1 &&
            errno != ENOENT)
            check(-1, files[i]);
    for (size_t i = 0; i < sizeof directories / sizeof directories[0]; i++)
        if (mount("tmpfs", directories[i], "tmpfs", RDONLY | NOSUID, NULL) ==
                -1 &&
            errno != ENOENT)
            check(-1, directories[i]);
    for (size_t i = 0; i < sizeof read_only / sizeof read_only[0]; i++)
        if (mount(read_only[i], read_only[i], NULL, BIND, NULL) == 0)
            check(mount(NULL, read_only[i], NULL,
                        REMOUNT | BIND | RDONLY | PLAIN, NULL),
                  read_only[i]);
}

static void child_furnish(void)
{
    mount_on("proc", "proc", PLAIN, NULL);
    mount_on("sysfs", "sys", RDONLY | PLAIN, NULL);
    mount_on("tmpfs", "dev", NOSUID | NOEXEC, "mode=755,size=64m");
    check(mkdir("dev/pts", 0755), "dev/pts");
    mount_on("devpts", "dev/pts", NOSUID | NOEXEC,
             "newinstance,ptmxmode=0666,mode=0620,gid=5");
    check(mkdir("dev/shm", 01777), "dev/shm");
    mount_on("tmpfs", "dev/shm", PLAIN, "mode=1777,size=64m");
    check(mkdir("dev/mqueue", 0755), "dev/mqueue");
    mount_on("mqueue", "dev/mqueue", PLAIN, NULL);
    child_make_devices();
    child_mount_cgroups();
    child_mask();
    check(syscall(SYS_pivot_root, ".", "."), "pivot_root");
    check(umount2(".", DETACH), "the old root");
}

static void child_network(void)
{
    struct ifreq request = {.ifr_name = "lo", .ifr_flags = IFF_UP};
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    check(fd == -1 ? -1 : ioctl(fd, SIOCSIFFLAGS, &request), "lo");
}

/* ---- Whoever becomes the command, in run and exec ---- */

static void become_root_inside(void)
{
    if (options.map == -1)
        return;
    check(syscall(SYS_setgroups, 0, NULL), "setgroups");
    check(syscall(SYS_setresgid, 0, 0, 0), "setresgid");
    check(syscall(SYS_setresuid, 0, 0, 0), "setresuid");
}

static __attribute__((noreturn)) void become_command(void)
{
    static const uint64_t kept = 1ULL << 31 | 1 << 18 | 1 << 10 | 1 << 8 |
                                 1 << 7 | 1 << 6 | 1 << 5 | 1 << 4 | 1 << 3 |
                                 1 << 1 | 1 << 0;
    static char *environment[] = {
        "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        "HOME=/root", NULL};
    const struct rlimit no_core = {0, RLIM_INFINITY};
    struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
    struct __user_cap_data_struct sets[2] = {
        {(uint32_t)kept, (uint32_t)kept, 0}, {0, 0, 0}};
    struct sock_fprog filter = {options.filter_length, options.filter};
    setsid();
    check(syscall(SYS_close_range, 3, ~0U, 0), "close_range");
    check(setrlimit(RLIMIT_CORE, &no_core), "setrlimit");
    check(syscall(SYS_keyctl, 1, NULL), "a session keyring");
    for (int i = 0; i <= CAP_LAST_CAP; i++)
        if ((kept >> i & 1) == 0)
            prctl(PR_CAPBSET_DROP, i);
    check(syscall(SYS_capset, &header, sets), "capset");
    check(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "no_new_privs");
    check(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &filter), "seccomp");
    execvpe(options.command[0], options.command, environment);
    check(-1, options.command[0]);
    _exit(125);
}

static __attribute__((noreturn)) void child_run(int go_fd, const int *layers,
                                                char cgroups[][MOST_PATH])
{
    char byte;
    const char *paths[MOST_CGROUPS];
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (options.map != -1)
        check(read(go_fd, &byte, 1) == 1 ? 0 : -1, "the parent");
    for (size_t i = 0; i < options.cgroup_count; i++)
        paths[i] = cgroups[i];
    cgroups_enter(paths);
    if (options.cgroup_count > 0 || options.unified != NULL)
        check(unshare(CLONE_NEWCGROUP), "unshare(CLONE_NEWCGROUP)");
    become_root_inside();
    child_network();
    check(sethostname("floor", 5), "sethostname");
    child_mount_root(layers);
    child_furnish();
    become_command();
}

/* ---- The parent ---- */

/* The id map's two helpers, at once: 0 is who we are, the ids from 1 on are our range's. */
static void write_maps_by_helpers(pid_t child)
{
    static char *const names[] = {"newuidmap", "newgidmap"};
    const unsigned own[] = {geteuid(), getegid()};
    char pid[16], root[2][16], map[32], count[16];
    pid_t helpers[2];
    int status;
    snprintf(pid, sizeof pid, "%d", (int)child);
    snprintf(map, sizeof map, "%ld", options.map);
    snprintf(count, sizeof count, "%d", IDS - 1);
    for (int i = 0; i < 2; i++) {
        char *words[] = {names[i], pid, "0",   root[i], "1",
                         "1",      map, count, NULL};
        snprintf(root[i], sizeof root[i], "%u", own[i]);
        errno = posix_spawnp(&helpers[i], names[i], NULL, NULL, words, environ);
        check(errno == 0 ? 0 : -1, names[i]);
    }
    for (int i = 0; i < 2; i++)
        check(waitpid(helpers[i], &status, 0) != -1 && status == 0 ? 0 : -1,
              names[i]);
}

static void write_maps(pid_t child)
{
    char path[64], map[64];
    if (options.helpers) {
        write_maps_by_helpers(child);
        return;
    }
    snprintf(map, sizeof map, "0 %ld %d", options.map, IDS);
    snprintf(path, sizeof path, "/proc/%d/uid_map", (int)child);
    check(write_text(path, map), path);
    snprintf(path, sizeof path, "/proc/%d/gid_map", (int)child);
    check(write_text(path, map), path);
}

/* Layers whose ids are the child's: 0 on the disk is 0 inside. */
static void shift_layers(pid_t child, const int *layers)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/ns/user", (int)child);
    int fd = (int)check(open(path, O_RDONLY | O_CLOEXEC), path);
    struct mount_attr attribute = {.attr_set = MOUNT_ATTR_IDMAP,
                                   .userns_fd = (uint64_t)fd};
    for (int i = 0; i < 2; i++)
        check(syscall(SYS_mount_setattr, layers[i], "", AT_EMPTY_PATH,
                      &attribute, sizeof attribute),
              "an idmapped mount");
    close(fd);
}

static int wait_for(pid_t child)
{
    int status;
    check(waitpid(child, &status, 0), "waitpid");
    return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

/* The kernel makes a directory in the workplace, which stays when the overlay goes. */
static void remove_scratch(void)
{
    static const char *const names[] = {"work/work", "work", "upper"};
    for (size_t i = 0; i < 3; i++)
        check(rmdir(path_in(options.scratch, names[i])), names[i]);
    check(rmdir(options.scratch), options.scratch);
}

static int run(void)
{
    static char cgroups[MOST_CGROUPS][MOST_PATH];
    char unified[MOST_PATH];
    int go[2] = {-1, -1}, layers[2] = {-1, -1};
    struct clone_args arguments = {.flags = CLONE_NEWUTS | CLONE_NEWPID |
                                            CLONE_NEWNS | CLONE_NEWIPC |
                                            CLONE_NEWNET,
                                   .exit_signal = SIGCHLD};
    check(mkdir(options.scratch, 0755), options.scratch);
    check(mkdir(path_in(options.scratch, "upper"), 0755), "upper");
    check(mkdir(path_in(options.scratch, "work"), 0755), "work");
    cgroups_make(cgroups);
    if (options.unified != NULL) {
        cgroup_make(options.unified, unified);
        check(write_text(path_in(unified, "pids.max"), "2048"), "pids.max");
        arguments.flags |= CLONE_INTO_CGROUP;
        arguments.cgroup = (uint64_t)check(
            open(unified, O_RDONLY | O_DIRECTORY | O_CLOEXEC), unified);
    }
    if (options.map != -1) {
        arguments.flags |= CLONE_NEWUSER;
        check(pipe2(go, O_CLOEXEC), "pipe2");
    }
    bool shifts = options.map != -1 && !options.helpers;
    for (int i = 0; shifts && i < 2; i++)
        layers[i] = (int)check(
            syscall(SYS_open_tree, AT_FDCWD,
                    i == 0 ? options.root : options.scratch,
                    OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | ALL_OF_THE_TREE),
            "open_tree");
    pid_t child = (pid_t)check(
        syscall(SYS_clone3, &arguments, sizeof arguments), "clone3");
    if (child == 0)
        child_run(go[0], layers, cgroups);
    if (options.map != -1)
        write_maps(child);
    if (shifts)
        shift_layers(child, layers);
    if (options.map != -1)
        check(write(go[1], "", 1), "write");
    int status = wait_for(child);
    for (size_t i = 0; i < options.cgroup_count; i++)
        check(rmdir(cgroups[i]), cgroups[i]);
    if (options.unified != NULL)
        check(rmdir(unified), unified);
    remove_scratch();
    return status;
}

static int run_exec(pid_t pid)
{
    int flags = CLONE_NEWUTS | CLONE_NEWPID | CLONE_NEWNS | CLONE_NEWIPC |
                CLONE_NEWNET | CLONE_NEWCGROUP;
    int pidfd = (int)check(syscall(SYS_pidfd_open, pid, 0U), "pidfd_open");
    cgroups_enter(options.cgroups);
    if (options.unified != NULL)
        check(write_text(path_in(options.unified, "cgroup.procs"), "0"),
              options.unified);
    check(prctl(PR_SET_DUMPABLE, 0), "prctl");
    check(setns(pidfd, flags | (options.map != -1 ? CLONE_NEWUSER : 0)),
          "setns");
    pid_t child = (pid_t)check(fork(), "fork");
    if (child == 0) {
        become_root_inside();
        become_command();
    }
    return wait_for(child);
}

/* ---- What was asked for ---- */

static __attribute__((noreturn)) void usage(void)
{
    fputs("floor: see the head of tests/bench/floor.c\n", stderr);
    exit(125);
}

static char **read_options(char **word)
{
    for (; *word != NULL && strncmp(*word, "--", 2) == 0; word++) {
        if (strcmp(*word, "--helpers") == 0) {
            options.helpers = true;
            continue;
        }
        if (word[1] == NULL)
            usage();
        if (strcmp(*word, "--map") == 0)
            options.map = strtol(*++word, NULL, 10);
        else if (strcmp(*word, "--unified") == 0)
            options.unified = *++word;
        else if (strcmp(*word, "--cgroup") == 0 &&
                 options.cgroup_count < MOST_CGROUPS)
            options.cgroups[options.cgroup_count++] = *++word;
        else
            usage();
    }
    return word;
}

static void read_filter(const char *path)
{
    int fd = (int)check(open(path, O_RDONLY | O_CLOEXEC), path);
    ssize_t size = check(read(fd, options.filter, sizeof options.filter), path);
    options.filter_length =
        (unsigned short)((size_t)size / sizeof options.filter[0]);
    close(fd);
}

int main(int argc, char **argv)
{
    if (argc < 2)
        usage();
    char **word = read_options(argv + 2);
    bool enters = strcmp(argv[1], "exec") == 0;
    for (int i = 0; i < (enters ? 3 : 4); i++)
        if (word[i] == NULL)
            usage();
    read_filter(word[0]);
    if (enters) {
        options.command = word + 2;
        return run_exec((pid_t)strtol(word[1], NULL, 10));
    }
    options.root = word[1];
    options.scratch = word[2];
    options.command = word + 3;
    umask(022);
    return run();
}
