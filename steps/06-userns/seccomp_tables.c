#include "steps/06-userns/seccomp_tables.h"

#include <errno.h>
#include <linux/capability.h>
#include <linux/sched.h>
#include <stdbool.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/personality.h>
#include <sys/socket.h>

#define BY(name)  (UINT64_C(1) << CAP_##name)
#define ALWAYS    UINT64_MAX
#define NEVER     UINT64_C(0)
#define LOOKED_AT NEVER /* by rules of its own, below */
#define NONE      (-1)

/*
 * Kernel 7.0. On the list is what programs use and what the kernel checks well;
 * a call that takes a capability anyway is allowed to those that have one of
 * these. Not on it: what belongs to the machine, what few use and many bugs were
 * in (io_uring, userfaultfd), what is no longer there, and the keyrings, which
 * have no namespace of their own.
 */
static const struct {
    const char *name;
    int numbers[SECCOMP_ARCHITECTURES];
    uint64_t allowed;
} calls[] = {
    /* clang-format off: a line each */
    /*                    x86_64 aarch64 */
    {"_sysctl", {156, NONE}, NEVER},
    {"accept", {43, 202}, ALWAYS},
    {"accept4", {288, 242}, ALWAYS},
    {"access", {21, NONE}, ALWAYS},
    {"acct", {163, 89}, BY(SYS_PACCT)},
    {"add_key", {248, 217}, NEVER},
    {"adjtimex", {159, 171}, ALWAYS},
    {"afs_syscall", {183, NONE}, NEVER},
    {"alarm", {37, NONE}, ALWAYS},
    {"arch_prctl", {158, NONE}, ALWAYS},
    {"bind", {49, 200}, ALWAYS},
    {"bpf", {321, 280}, BY(SYS_ADMIN) | BY(BPF)},
    {"brk", {12, 214}, ALWAYS},
    {"cachestat", {451, 451}, ALWAYS},
    {"capget", {125, 90}, ALWAYS},
    {"capset", {126, 91}, ALWAYS},
    {"chdir", {80, 49}, ALWAYS},
    {"chmod", {90, NONE}, ALWAYS},
    {"chown", {92, NONE}, ALWAYS},
    {"chroot", {161, 51}, BY(SYS_CHROOT)},
    {"clock_adjtime", {305, 266}, ALWAYS},
    {"clock_getres", {229, 114}, ALWAYS},
    {"clock_gettime", {228, 113}, ALWAYS},
    {"clock_nanosleep", {230, 115}, ALWAYS},
    {"clock_settime", {227, 112}, BY(SYS_TIME)},
    {"clone", {56, 220}, LOOKED_AT},
    {"clone3", {435, 435}, LOOKED_AT},
    {"close", {3, 57}, ALWAYS},
    {"close_range", {436, 436}, ALWAYS},
    {"connect", {42, 203}, ALWAYS},
    {"copy_file_range", {326, 285}, ALWAYS},
    {"creat", {85, NONE}, ALWAYS},
    {"create_module", {174, NONE}, NEVER},
    {"delete_module", {176, 106}, BY(SYS_MODULE)},
    {"dup", {32, 23}, ALWAYS},
    {"dup2", {33, NONE}, ALWAYS},
    {"dup3", {292, 24}, ALWAYS},
    {"epoll_create", {213, NONE}, ALWAYS},
    {"epoll_create1", {291, 20}, ALWAYS},
    {"epoll_ctl", {233, 21}, ALWAYS},
    {"epoll_ctl_old", {214, NONE}, NEVER},
    {"epoll_pwait", {281, 22}, ALWAYS},
    {"epoll_pwait2", {441, 441}, ALWAYS},
    {"epoll_wait", {232, NONE}, ALWAYS},
    {"epoll_wait_old", {215, NONE}, NEVER},
    {"eventfd", {284, NONE}, ALWAYS},
    {"eventfd2", {290, 19}, ALWAYS},
    {"execve", {59, 221}, ALWAYS},
    {"execveat", {322, 281}, ALWAYS},
    {"exit", {60, 93}, ALWAYS},
    {"exit_group", {231, 94}, ALWAYS},
    {"faccessat", {269, 48}, ALWAYS},
    {"faccessat2", {439, 439}, ALWAYS},
    {"fadvise64", {221, 223}, ALWAYS},
    {"fallocate", {285, 47}, ALWAYS},
    {"fanotify_init", {300, 262}, BY(SYS_ADMIN)},
    {"fanotify_mark", {301, 263}, ALWAYS},
    {"fchdir", {81, 50}, ALWAYS},
    {"fchmod", {91, 52}, ALWAYS},
    {"fchmodat", {268, 53}, ALWAYS},
    {"fchmodat2", {452, 452}, ALWAYS},
    {"fchown", {93, 55}, ALWAYS},
    {"fchownat", {260, 54}, ALWAYS},
    {"fcntl", {72, 25}, ALWAYS},
    {"fdatasync", {75, 83}, ALWAYS},
    {"fgetxattr", {193, 10}, ALWAYS},
    {"file_getattr", {468, 468}, ALWAYS},
    {"file_setattr", {469, 469}, ALWAYS},
    {"finit_module", {313, 273}, BY(SYS_MODULE)},
    {"flistxattr", {196, 13}, ALWAYS},
    {"flock", {73, 32}, ALWAYS},
    {"fork", {57, NONE}, ALWAYS},
    {"fremovexattr", {199, 16}, ALWAYS},
    {"fsconfig", {431, 431}, BY(SYS_ADMIN)},
    {"fsetxattr", {190, 7}, ALWAYS},
    {"fsmount", {432, 432}, BY(SYS_ADMIN)},
    {"fsopen", {430, 430}, BY(SYS_ADMIN)},
    {"fspick", {433, 433}, BY(SYS_ADMIN)},
    {"fstat", {5, 80}, ALWAYS},
    {"fstatfs", {138, 44}, ALWAYS},
    {"fsync", {74, 82}, ALWAYS},
    {"ftruncate", {77, 46}, ALWAYS},
    {"futex", {202, 98}, ALWAYS},
    {"futex_requeue", {456, 456}, ALWAYS},
    {"futex_wait", {455, 455}, ALWAYS},
    {"futex_waitv", {449, 449}, ALWAYS},
    {"futex_wake", {454, 454}, ALWAYS},
    {"futimesat", {261, NONE}, ALWAYS},
    {"get_kernel_syms", {177, NONE}, NEVER},
    {"get_mempolicy", {239, 236}, BY(SYS_NICE)},
    {"get_robust_list", {274, 100}, ALWAYS},
    {"get_thread_area", {211, NONE}, ALWAYS},
    {"getcpu", {309, 168}, ALWAYS},
    {"getcwd", {79, 17}, ALWAYS},
    {"getdents", {78, NONE}, ALWAYS},
    {"getdents64", {217, 61}, ALWAYS},
    {"getegid", {108, 177}, ALWAYS},
    {"geteuid", {107, 175}, ALWAYS},
    {"getgid", {104, 176}, ALWAYS},
    {"getgroups", {115, 158}, ALWAYS},
    {"getitimer", {36, 102}, ALWAYS},
    {"getpeername", {52, 205}, ALWAYS},
    {"getpgid", {121, 155}, ALWAYS},
    {"getpgrp", {111, NONE}, ALWAYS},
    {"getpid", {39, 172}, ALWAYS},
    {"getpmsg", {181, NONE}, NEVER},
    {"getppid", {110, 173}, ALWAYS},
    {"getpriority", {140, 141}, ALWAYS},
    {"getrandom", {318, 278}, ALWAYS},
    {"getresgid", {120, 150}, ALWAYS},
    {"getresuid", {118, 148}, ALWAYS},
    {"getrlimit", {97, 163}, ALWAYS},
    {"getrusage", {98, 165}, ALWAYS},
    {"getsid", {124, 156}, ALWAYS},
    {"getsockname", {51, 204}, ALWAYS},
    {"getsockopt", {55, 209}, ALWAYS},
    {"gettid", {186, 178}, ALWAYS},
    {"gettimeofday", {96, 169}, ALWAYS},
    {"getuid", {102, 174}, ALWAYS},
    {"getxattr", {191, 8}, ALWAYS},
    {"getxattrat", {464, 464}, ALWAYS},
    {"init_module", {175, 105}, BY(SYS_MODULE)},
    {"inotify_add_watch", {254, 27}, ALWAYS},
    {"inotify_init", {253, NONE}, ALWAYS},
    {"inotify_init1", {294, 26}, ALWAYS},
    {"inotify_rm_watch", {255, 28}, ALWAYS},
    {"io_cancel", {210, 3}, ALWAYS},
    {"io_destroy", {207, 1}, ALWAYS},
    {"io_getevents", {208, 4}, ALWAYS},
    {"io_pgetevents", {333, 292}, ALWAYS},
    {"io_setup", {206, 0}, ALWAYS},
    {"io_submit", {209, 2}, ALWAYS},
    {"io_uring_enter", {426, 426}, NEVER},
    {"io_uring_register", {427, 427}, NEVER},
    {"io_uring_setup", {425, 425}, NEVER},
    {"ioctl", {16, 29}, LOOKED_AT},
    {"ioperm", {173, NONE}, BY(SYS_RAWIO)},
    {"iopl", {172, NONE}, BY(SYS_RAWIO)},
    {"ioprio_get", {252, 31}, ALWAYS},
    {"ioprio_set", {251, 30}, ALWAYS},
    {"kcmp", {312, 272}, BY(SYS_PTRACE)},
    {"kexec_file_load", {320, 294}, NEVER},
    {"kexec_load", {246, 104}, NEVER},
    {"keyctl", {250, 219}, NEVER},
    {"kill", {62, 129}, ALWAYS},
    {"landlock_add_rule", {445, 445}, ALWAYS},
    {"landlock_create_ruleset", {444, 444}, ALWAYS},
    {"landlock_restrict_self", {446, 446}, ALWAYS},
    {"lchown", {94, NONE}, ALWAYS},
    {"lgetxattr", {192, 9}, ALWAYS},
    {"link", {86, NONE}, ALWAYS},
    {"linkat", {265, 37}, ALWAYS},
    {"listen", {50, 201}, ALWAYS},
    {"listmount", {458, 458}, ALWAYS},
    {"listns", {470, 470}, BY(SYS_ADMIN)},
    {"listxattr", {194, 11}, ALWAYS},
    {"listxattrat", {465, 465}, ALWAYS},
    {"llistxattr", {195, 12}, ALWAYS},
    {"lookup_dcookie", {212, 18}, BY(SYS_ADMIN)},
    {"lremovexattr", {198, 15}, ALWAYS},
    {"lseek", {8, 62}, ALWAYS},
    {"lsetxattr", {189, 6}, ALWAYS},
    {"lsm_get_self_attr", {459, 459}, BY(SYS_ADMIN)},
    {"lsm_list_modules", {461, 461}, BY(SYS_ADMIN)},
    {"lsm_set_self_attr", {460, 460}, BY(SYS_ADMIN)},
    {"lstat", {6, NONE}, ALWAYS},
    {"madvise", {28, 233}, ALWAYS},
    {"map_shadow_stack", {453, 453}, ALWAYS},
    {"mbind", {237, 235}, BY(SYS_NICE)},
    {"membarrier", {324, 283}, ALWAYS},
    {"memfd_create", {319, 279}, ALWAYS},
    {"memfd_secret", {447, 447}, ALWAYS},
    {"migrate_pages", {256, 238}, NEVER},
    {"mincore", {27, 232}, ALWAYS},
    {"mkdir", {83, NONE}, ALWAYS},
    {"mkdirat", {258, 34}, ALWAYS},
    {"mknod", {133, NONE}, ALWAYS},
    {"mknodat", {259, 33}, ALWAYS},
    {"mlock", {149, 228}, ALWAYS},
    {"mlock2", {325, 284}, ALWAYS},
    {"mlockall", {151, 230}, ALWAYS},
    {"mmap", {9, 222}, ALWAYS},
    {"modify_ldt", {154, NONE}, ALWAYS},
    {"mount", {165, 40}, BY(SYS_ADMIN)},
    {"mount_setattr", {442, 442}, BY(SYS_ADMIN)},
    {"move_mount", {429, 429}, BY(SYS_ADMIN)},
    {"move_pages", {279, 239}, NEVER},
    {"mprotect", {10, 226}, ALWAYS},
    {"mq_getsetattr", {245, 185}, ALWAYS},
    {"mq_notify", {244, 184}, ALWAYS},
    {"mq_open", {240, 180}, ALWAYS},
    {"mq_timedreceive", {243, 183}, ALWAYS},
    {"mq_timedsend", {242, 182}, ALWAYS},
    {"mq_unlink", {241, 181}, ALWAYS},
    {"mremap", {25, 216}, ALWAYS},
    {"mseal", {462, 462}, ALWAYS},
    {"msgctl", {71, 187}, ALWAYS},
    {"msgget", {68, 186}, ALWAYS},
    {"msgrcv", {70, 188}, ALWAYS},
    {"msgsnd", {69, 189}, ALWAYS},
    {"msync", {26, 227}, ALWAYS},
    {"munlock", {150, 229}, ALWAYS},
    {"munlockall", {152, 231}, ALWAYS},
    {"munmap", {11, 215}, ALWAYS},
    {"name_to_handle_at", {303, 264}, ALWAYS},
    {"nanosleep", {35, 101}, ALWAYS},
    {"newfstatat", {262, 79}, ALWAYS},
    {"nfsservctl", {180, 42}, NEVER},
    {"open", {2, NONE}, ALWAYS},
    {"open_by_handle_at", {304, 265}, BY(DAC_READ_SEARCH)},
    {"open_tree", {428, 428}, BY(SYS_ADMIN)},
    {"open_tree_attr", {467, 467}, BY(SYS_ADMIN)},
    {"openat", {257, 56}, ALWAYS},
    {"openat2", {437, 437}, ALWAYS},
    {"pause", {34, NONE}, ALWAYS},
    {"perf_event_open", {298, 241}, BY(SYS_ADMIN) | BY(PERFMON)},
    {"personality", {135, 92}, LOOKED_AT},
    {"pidfd_getfd", {438, 438}, BY(SYS_PTRACE)},
    {"pidfd_open", {434, 434}, ALWAYS},
    {"pidfd_send_signal", {424, 424}, ALWAYS},
    {"pipe", {22, NONE}, ALWAYS},
    {"pipe2", {293, 59}, ALWAYS},
    {"pivot_root", {155, 41}, BY(SYS_ADMIN)},
    {"pkey_alloc", {330, 289}, ALWAYS},
    {"pkey_free", {331, 290}, ALWAYS},
    {"pkey_mprotect", {329, 288}, ALWAYS},
    {"poll", {7, NONE}, ALWAYS},
    {"ppoll", {271, 73}, ALWAYS},
    {"prctl", {157, 167}, ALWAYS},
    {"pread64", {17, 67}, ALWAYS},
    {"preadv", {295, 69}, ALWAYS},
    {"preadv2", {327, 286}, ALWAYS},
    {"prlimit64", {302, 261}, ALWAYS},
    {"process_madvise", {440, 440}, BY(SYS_PTRACE)},
    {"process_mrelease", {448, 448}, ALWAYS},
    {"process_vm_readv", {310, 270}, ALWAYS},
    {"process_vm_writev", {311, 271}, ALWAYS},
    {"pselect6", {270, 72}, ALWAYS},
    {"ptrace", {101, 117}, ALWAYS},
    {"putpmsg", {182, NONE}, NEVER},
    {"pwrite64", {18, 68}, ALWAYS},
    {"pwritev", {296, 70}, ALWAYS},
    {"pwritev2", {328, 287}, ALWAYS},
    {"query_module", {178, NONE}, NEVER},
    {"quotactl", {179, 60}, BY(SYS_ADMIN)},
    {"quotactl_fd", {443, 443}, BY(SYS_ADMIN)},
    {"read", {0, 63}, ALWAYS},
    {"readahead", {187, 213}, ALWAYS},
    {"readlink", {89, NONE}, ALWAYS},
    {"readlinkat", {267, 78}, ALWAYS},
    {"readv", {19, 65}, ALWAYS},
    {"reboot", {169, 142}, BY(SYS_BOOT)},
    {"recvfrom", {45, 207}, ALWAYS},
    {"recvmmsg", {299, 243}, ALWAYS},
    {"recvmsg", {47, 212}, ALWAYS},
    {"remap_file_pages", {216, 234}, ALWAYS},
    {"removexattr", {197, 14}, ALWAYS},
    {"removexattrat", {466, 466}, ALWAYS},
    {"rename", {82, NONE}, ALWAYS},
    {"renameat", {264, 38}, ALWAYS},
    {"renameat2", {316, 276}, ALWAYS},
    {"request_key", {249, 218}, NEVER},
    {"restart_syscall", {219, 128}, ALWAYS},
    {"rmdir", {84, NONE}, ALWAYS},
    {"rseq", {334, 293}, ALWAYS},
    {"rseq_slice_yield", {471, 471}, ALWAYS},
    {"rt_sigaction", {13, 134}, ALWAYS},
    {"rt_sigpending", {127, 136}, ALWAYS},
    {"rt_sigprocmask", {14, 135}, ALWAYS},
    {"rt_sigqueueinfo", {129, 138}, ALWAYS},
    {"rt_sigreturn", {15, 139}, ALWAYS},
    {"rt_sigsuspend", {130, 133}, ALWAYS},
    {"rt_sigtimedwait", {128, 137}, ALWAYS},
    {"rt_tgsigqueueinfo", {297, 240}, ALWAYS},
    {"sched_get_priority_max", {146, 125}, ALWAYS},
    {"sched_get_priority_min", {147, 126}, ALWAYS},
    {"sched_getaffinity", {204, 123}, ALWAYS},
    {"sched_getattr", {315, 275}, ALWAYS},
    {"sched_getparam", {143, 121}, ALWAYS},
    {"sched_getscheduler", {145, 120}, ALWAYS},
    {"sched_rr_get_interval", {148, 127}, ALWAYS},
    {"sched_setaffinity", {203, 122}, ALWAYS},
    {"sched_setattr", {314, 274}, ALWAYS},
    {"sched_setparam", {142, 118}, ALWAYS},
    {"sched_setscheduler", {144, 119}, ALWAYS},
    {"sched_yield", {24, 124}, ALWAYS},
    {"seccomp", {317, 277}, ALWAYS},
    {"security", {185, NONE}, NEVER},
    {"select", {23, NONE}, ALWAYS},
    {"semctl", {66, 191}, ALWAYS},
    {"semget", {64, 190}, ALWAYS},
    {"semop", {65, 193}, ALWAYS},
    {"semtimedop", {220, 192}, ALWAYS},
    {"sendfile", {40, 71}, ALWAYS},
    {"sendmmsg", {307, 269}, ALWAYS},
    {"sendmsg", {46, 211}, ALWAYS},
    {"sendto", {44, 206}, ALWAYS},
    {"set_mempolicy", {238, 237}, BY(SYS_NICE)},
    {"set_mempolicy_home_node", {450, 450}, BY(SYS_NICE)},
    {"set_robust_list", {273, 99}, ALWAYS},
    {"set_thread_area", {205, NONE}, ALWAYS},
    {"set_tid_address", {218, 96}, ALWAYS},
    {"setdomainname", {171, 162}, BY(SYS_ADMIN)},
    {"setfsgid", {123, 152}, ALWAYS},
    {"setfsuid", {122, 151}, ALWAYS},
    {"setgid", {106, 144}, ALWAYS},
    {"setgroups", {116, 159}, ALWAYS},
    {"sethostname", {170, 161}, BY(SYS_ADMIN)},
    {"setitimer", {38, 103}, ALWAYS},
    {"setns", {308, 268}, BY(SYS_ADMIN)},
    {"setpgid", {109, 154}, ALWAYS},
    {"setpriority", {141, 140}, ALWAYS},
    {"setregid", {114, 143}, ALWAYS},
    {"setresgid", {119, 149}, ALWAYS},
    {"setresuid", {117, 147}, ALWAYS},
    {"setreuid", {113, 145}, ALWAYS},
    {"setrlimit", {160, 164}, ALWAYS},
    {"setsid", {112, 157}, ALWAYS},
    {"setsockopt", {54, 208}, ALWAYS},
    {"settimeofday", {164, 170}, BY(SYS_TIME)},
    {"setuid", {105, 146}, ALWAYS},
    {"setxattr", {188, 5}, ALWAYS},
    {"setxattrat", {463, 463}, ALWAYS},
    {"shmat", {30, 196}, ALWAYS},
    {"shmctl", {31, 195}, ALWAYS},
    {"shmdt", {67, 197}, ALWAYS},
    {"shmget", {29, 194}, ALWAYS},
    {"shutdown", {48, 210}, ALWAYS},
    {"sigaltstack", {131, 132}, ALWAYS},
    {"signalfd", {282, NONE}, ALWAYS},
    {"signalfd4", {289, 74}, ALWAYS},
    {"socket", {41, 198}, LOOKED_AT},
    {"socketpair", {53, 199}, ALWAYS},
    {"splice", {275, 76}, ALWAYS},
    {"stat", {4, NONE}, ALWAYS},
    {"statfs", {137, 43}, ALWAYS},
    {"statmount", {457, 457}, ALWAYS},
    {"statx", {332, 291}, ALWAYS},
    {"swapoff", {168, 225}, NEVER},
    {"swapon", {167, 224}, NEVER},
    {"symlink", {88, NONE}, ALWAYS},
    {"symlinkat", {266, 36}, ALWAYS},
    {"sync", {162, 81}, ALWAYS},
    {"sync_file_range", {277, 84}, ALWAYS},
    {"syncfs", {306, 267}, ALWAYS},
    {"sysfs", {139, NONE}, NEVER},
    {"sysinfo", {99, 179}, ALWAYS},
    {"syslog", {103, 116}, BY(SYS_ADMIN) | BY(SYSLOG)},
    {"tee", {276, 77}, ALWAYS},
    {"tgkill", {234, 131}, ALWAYS},
    {"time", {201, NONE}, ALWAYS},
    {"timer_create", {222, 107}, ALWAYS},
    {"timer_delete", {226, 111}, ALWAYS},
    {"timer_getoverrun", {225, 109}, ALWAYS},
    {"timer_gettime", {224, 108}, ALWAYS},
    {"timer_settime", {223, 110}, ALWAYS},
    {"timerfd_create", {283, 85}, ALWAYS},
    {"timerfd_gettime", {287, 87}, ALWAYS},
    {"timerfd_settime", {286, 86}, ALWAYS},
    {"times", {100, 153}, ALWAYS},
    {"tkill", {200, 130}, ALWAYS},
    {"truncate", {76, 45}, ALWAYS},
    {"tuxcall", {184, NONE}, NEVER},
    {"umask", {95, 166}, ALWAYS},
    {"umount2", {166, 39}, BY(SYS_ADMIN)},
    {"uname", {63, 160}, ALWAYS},
    {"unlink", {87, NONE}, ALWAYS},
    {"unlinkat", {263, 35}, ALWAYS},
    {"unshare", {272, 97}, BY(SYS_ADMIN)},
    {"uprobe", {336, NONE}, ALWAYS},
    {"uretprobe", {335, NONE}, ALWAYS},
    {"uselib", {134, NONE}, NEVER},
    {"userfaultfd", {323, 282}, NEVER},
    {"ustat", {136, NONE}, NEVER},
    {"utime", {132, NONE}, ALWAYS},
    {"utimensat", {280, 88}, ALWAYS},
    {"utimes", {235, NONE}, ALWAYS},
    {"vfork", {58, NONE}, ALWAYS},
    {"vhangup", {153, 58}, BY(SYS_TTY_CONFIG)},
    {"vmsplice", {278, 75}, ALWAYS},
    {"vserver", {236, NONE}, NEVER},
    {"wait4", {61, 260}, ALWAYS},
    {"waitid", {247, 95}, ALWAYS},
    {"write", {1, 64}, ALWAYS},
    {"writev", {20, 66}, ALWAYS},
    /* clang-format on */
};

enum { CALLS = sizeof calls / sizeof calls[0] };

int seccomp_tables_number(enum seccomp_architecture architecture,
                          const char *name)
{
    for (size_t i = 0; i < CALLS; i++)
        /* Most differ in the first letter: quicker than to ask strcmp(3). */
        if (calls[i].name[0] == name[0] && strcmp(calls[i].name, name) == 0)
            return calls[i].numbers[architecture];
    return NONE;
}

void seccomp_tables_begin(struct seccomp_rules *rules,
                          enum seccomp_architecture architecture,
                          uint32_t default_action)
{
    seccomp_begin(rules, architecture, SECCOMP_TABLES_NEWEST, default_action,
                  SECCOMP_RET_ERRNO | ENOSYS);
}

/* A rule for a call by name, with one condition or none. There is room: all the
 * rules of this file are a tenth of what there is room for. */
static void seccomp_tables_add(struct seccomp_rules *rules, const char *name,
                               uint32_t action,
                               const struct seccomp_condition *condition)
{
    int number = seccomp_tables_number(rules->architecture, name);
    if (number != NONE)
        seccomp_add(rules, (uint32_t)number, action, condition,
                    condition == NULL ? 0 : 1);
}

/* Allowed if its first argument is one of these. */
static void seccomp_tables_allow_values(struct seccomp_rules *rules,
                                        const char *name,
                                        const uint64_t *values, size_t count)
{
    for (size_t i = 0; i < count; i++)
        seccomp_tables_add(
            rules, name, SECCOMP_RET_ALLOW,
            &(struct seccomp_condition){0, SECCOMP_EQUAL, values[i], 0});
}

/* A filter sees numbers, not what pointers lead to: clone(2) has its flags in a
 * register, clone3(2) in memory. To a C library ENOSYS means an older kernel, and
 * it takes clone(2) then. */
static void seccomp_tables_limit_clone(struct seccomp_rules *rules,
                                       uint64_t capabilities)
{
    struct seccomp_condition none_new = {.argument = 0,
                                         .comparison = SECCOMP_MASKED_EQUAL};
    //> clone
    none_new.mask = CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS |
                    CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET;
    //< clone
    bool may_have_new = (capabilities & BY(SYS_ADMIN)) != 0;
    seccomp_tables_add(rules, "clone", SECCOMP_RET_ALLOW,
                       may_have_new ? NULL : &none_new);
    seccomp_tables_add(
        rules, "clone3",
        may_have_new ? SECCOMP_RET_ALLOW : SECCOMP_RET_ERRNO | ENOSYS, NULL);
}

/* Two requests put characters into a terminal's input, as if they were typed
 * there. The kernel looks at 32 bits of a request, so that is what we do. */
static void seccomp_tables_limit_ioctl(struct seccomp_rules *rules)
{
    static const uint64_t requests[] = {TIOCSTI, TIOCLINUX};
    //> terminal
    for (size_t i = 0; i < sizeof requests / sizeof requests[0]; i++)
        seccomp_tables_add(rules, "ioctl", SECCOMP_RET_ERRNO | EPERM,
                           &(struct seccomp_condition){1, SECCOMP_MASKED_EQUAL,
                                                       requests[i],
                                                       UINT32_MAX});
    //< terminal
    seccomp_tables_add(rules, "ioctl", SECCOMP_RET_ALLOW, NULL);
}

void seccomp_tables_default(struct seccomp_rules *rules,
                            enum seccomp_architecture architecture,
                            uint64_t capabilities)
{
    /* Not AF_VSOCK (to the hypervisor), AF_ALG, and the many that few use. */
    static const uint64_t families[] = {AF_UNIX, AF_INET, AF_INET6, AF_NETLINK,
                                        AF_PACKET};
    /* To say one is 32-bit, or kernel 2.6; the last only asks. */
    static const uint64_t personalities[] = {PER_LINUX, PER_LINUX32, UNAME26,
                                             UNAME26 | PER_LINUX32, UINT32_MAX};

    seccomp_tables_begin(rules, architecture, SECCOMP_RET_ERRNO | EPERM);
    for (size_t i = 0; i < CALLS; i++)
        if (calls[i].numbers[architecture] != NONE &&
            (calls[i].allowed == ALWAYS ||
             (calls[i].allowed & capabilities) != 0))
            seccomp_add(rules, (uint32_t)calls[i].numbers[architecture],
                        SECCOMP_RET_ALLOW, NULL, 0);
    seccomp_tables_allow_values(rules, "socket", families,
                                sizeof families / sizeof families[0]);
    seccomp_tables_allow_values(rules, "personality", personalities,
                                sizeof personalities / sizeof personalities[0]);
    seccomp_tables_limit_clone(rules, capabilities);
    seccomp_tables_limit_ioctl(rules);
}
