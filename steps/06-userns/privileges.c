#include "steps/06-userns/privileges.h"

#include "common/base/command.h"
#include "common/base/files.h"
#include "common/base/log.h"
#include "common/base/number.h"
#include "common/base/program.h"
#include "common/kernel/clone.h"
#include "common/kernel/process.h"
#include "steps/06-userns/seccomp_profile.h"
#include "steps/06-userns/seccomp_tables.h"
#include "steps/06-userns/users.h"

#include <errno.h>
#include <grp.h>
#include <inttypes.h>
#include <linux/capability.h>
#include <linux/keyctl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#define BIT(capability) (UINT64_C(1) << (capability))

/* In the order of their numbers. capabilities(7). */
static const char *const names[] = {
    "CHOWN",
    "DAC_OVERRIDE",
    "DAC_READ_SEARCH",
    "FOWNER",
    "FSETID",
    "KILL",
    "SETGID",
    "SETUID",
    "SETPCAP",
    "LINUX_IMMUTABLE",
    "NET_BIND_SERVICE",
    "NET_BROADCAST",
    "NET_ADMIN",
    "NET_RAW",
    "IPC_LOCK",
    "IPC_OWNER",
    "SYS_MODULE",
    "SYS_RAWIO",
    "SYS_CHROOT",
    "SYS_PTRACE",
    "SYS_PACCT",
    "SYS_ADMIN",
    "SYS_BOOT",
    "SYS_NICE",
    "SYS_RESOURCE",
    "SYS_TIME",
    "SYS_TTY_CONFIG",
    "MKNOD",
    "LEASE",
    "AUDIT_WRITE",
    "AUDIT_CONTROL",
    "SETFCAP",
    "MAC_OVERRIDE",
    "MAC_ADMIN",
    "SYSLOG",
    "WAKE_ALARM",
    "BLOCK_SUSPEND",
    "AUDIT_READ",
    "PERFMON",
    "BPF",
    "CHECKPOINT_RESTORE",
};

enum { NAMES = sizeof names / sizeof names[0] };

/* What programs that were written for root need with files and users of their
 * own: none of it reaches beyond the container. */
static const uint64_t by_default =
    BIT(CAP_CHOWN) | BIT(CAP_DAC_OVERRIDE) | BIT(CAP_FOWNER) | BIT(CAP_FSETID) |
    BIT(CAP_KILL) | BIT(CAP_NET_BIND_SERVICE) | BIT(CAP_SETFCAP) |
    BIT(CAP_SETGID) | BIT(CAP_SETPCAP) | BIT(CAP_SETUID) | BIT(CAP_SYS_CHROOT);

/* ---- What is asked for ---- */

int privileges_capability_number(const char *name)
{
    if (strncasecmp(name, "CAP_", 4) == 0)
        name += 4;
    for (int i = 0; i < NAMES; i++)
        if (strcasecmp(name, names[i]) == 0)
            return i;
    return -1;
}

/* "net_admin", "CAP_NET_ADMIN", "ALL" */
static const char *privileges_parse_name(const char *text, uint64_t *set,
                                         bool *all)
{
    if (strcasecmp(text, "ALL") == 0) {
        *all = true;
        return NULL;
    }
    int number = privileges_capability_number(text);
    if (number != -1) {
        *set |= BIT(number);
        return NULL;
    }
    return "expected a capability, such as NET_ADMIN, or ALL; capabilities(7)";
}

const char *privileges_parse_cap_add(const char *text, void *privileges)
{
    struct privileges *asked = privileges;
    return privileges_parse_name(text, &asked->added, &asked->all_added);
}

const char *privileges_parse_cap_drop(const char *text, void *privileges)
{
    struct privileges *asked = privileges;
    return privileges_parse_name(text, &asked->dropped, &asked->all_dropped);
}

const char *privileges_parse_user(const char *text, void *privileges)
{
    const char *expected = users_check_form(text);
    if (expected == NULL)
        ((struct privileges *)privileges)->user = text;
    return expected;
}

const char *privileges_parse_security(const char *text, void *privileges)
{
    static const char seccomp[] = "seccomp=", option[] = "no-new-privileges";
    struct privileges *asked = privileges;
    if (strncmp(text, seccomp, sizeof seccomp - 1) == 0 &&
        text[sizeof seccomp - 1] != '\0') {
        asked->seccomp = text + sizeof seccomp - 1;
        return NULL;
    }
    if (strncmp(text, option, sizeof option - 1) == 0) {
        const char *value = text + sizeof option - 1;
        bool yes = *value == '\0' || strcmp(value, "=true") == 0;
        if (yes || strcmp(value, "=false") == 0) {
            asked->no_new_privileges = yes ? PRIVILEGES_YES : PRIVILEGES_NO;
            return NULL;
        }
    }
    return "expected no-new-privileges=true or =false, or seccomp=unconfined "
           "or the path of a profile";
}

/* Those that the kernel has: more than we have names for, if it is newer. Where it
 * does not say, all 64: too many are an error later, one too few would be kept. */
static uint64_t privileges_all_capabilities(void)
{
    int count = 0, beyond = 64;
    while (count < beyond) { /* halved each time: not a call for each */
        int middle = (count + beyond) / 2;
        if (prctl(PR_CAPBSET_READ, middle, 0, 0, 0) != -1)
            count = middle + 1;
        else if (errno == EINVAL)
            beyond = middle;
        else
            return UINT64_MAX;
    }
    return count == 64 ? UINT64_MAX : BIT(count) - 1;
}

/* "CHOWN|FOWNER|…", or "0", as strace(1) writes it. */
static void privileges_list(uint64_t set, char *text, size_t size)
{
    size_t used = 0;
    snprintf(text, size, "0");
    for (int i = 0; i < NAMES && used < size; i++)
        if ((set & BIT(i)) != 0)
            used += (size_t)snprintf(text + used, size - used, "%s%s",
                                     used == 0 ? "" : "|", names[i]);
}

static int privileges_choose_capabilities(struct privileges *privileges)
{
    uint64_t all = privileges->all = privileges_all_capabilities();
    uint64_t both = privileges->added & privileges->dropped;
    char list[1024];
    if (both != 0) {
        privileges_list(both, list, sizeof list);
        return log_error("--cap-add and --cap-drop both name %s", list);
    }
    if ((privileges->added & ~all) != 0) {
        privileges_list(privileges->added & ~all, list, sizeof list);
        return log_error("this kernel does not have %s", list);
    }
    /* What is named counts more than ALL does. */
    uint64_t kept = by_default;
    if (privileges->all_added || privileges->privileged)
        kept = all;
    if (privileges->all_dropped)
        kept = 0;
    privileges->capabilities =
        ((kept | privileges->added) & ~privileges->dropped) & all;
    return 0;
}

/* Rules take more memory than all else, and are done with when the filter is made:
 * who waits for the container's end need not keep them. */
static int privileges_make_filter(struct privileges *privileges)
{
    struct seccomp_rules *rules = malloc(sizeof *rules);
    int result = 0;
    if (rules == NULL)
        return log_error("out of memory (ENOMEM)");
    if (privileges->seccomp == NULL)
        seccomp_tables_default(rules, SECCOMP_NATIVE, privileges->capabilities);
    else
        result = seccomp_profile_read(privileges->seccomp,
                                      privileges->capabilities, rules);
    if (result == 0)
        result = seccomp_compile(rules, &privileges->filter);
    free(rules);
    return result;
}

int privileges_check(struct privileges *privileges)
{
    if (privileges->all_added && privileges->all_dropped)
        return log_error("--cap-add ALL and --cap-drop ALL contradict each "
                         "other");
    if (privileges->privileged &&
        (privileges->all_dropped || privileges->dropped != 0))
        return log_error("--privileged and --cap-drop contradict each other");
    if (privileges_choose_capabilities(privileges) == -1)
        return -1;

    if (privileges->no_new_privileges == PRIVILEGES_DEFAULT)
        privileges->no_new_privileges =
            privileges->privileged ? PRIVILEGES_NO : PRIVILEGES_YES;

    privileges->filter.length = 0;
    if (privileges->seccomp == NULL
            ? privileges->privileged
            : strcmp(privileges->seccomp, "unconfined") == 0)
        return 0;
    return privileges_make_filter(privileges);
}

/* ---- Giving up ---- */

/* Keys, such as those to a network file system, are found through the keyring of
 * the session that a process belongs to; no namespace keeps them apart. */
static int privileges_leave_keyring(void)
{
    //> keyring
    long result = syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, NULL);
    if (result == -1 && errno == ENOSYS) {
        log_note("session keyring: none to leave, the kernel has no keys");
        return 0;
    }
    if (log_call(result, "a session keyring of its own",
                 "keyctl(KEYCTL_JOIN_SESSION_KEYRING, NULL)") == -1)
        return -1;
    //< keyring
    return 0;
}

/* A program that root executes gets all capabilities of the bounding set, no
 * matter what its parent had. So that is where to begin: it takes CAP_SETPCAP,
 * which will be gone. */
static int privileges_limit_bounding_set(const struct privileges *privileges)
{
    uint64_t all = privileges->all;
    uint64_t given_up = all & ~privileges->capabilities;
    //> bounding
    for (int i = 0; i < 64; i++)
        if ((given_up & BIT(i)) != 0 &&
            prctl(PR_CAPBSET_DROP, i, 0, 0, 0) == -1)
            return (int)log_call(-1, "not to be regained by executing anything",
                                 "prctl(PR_CAPBSET_DROP, %d)", i);
    if (given_up != 0)
        log_note("bounding set: %d of %d capabilities are not to be regained",
                 __builtin_popcountll(given_up), __builtin_popcountll(all));
    //< bounding
    return 0;
}

/* A line of a map: first inside, first outside, how many. Returns the last, 0
 * where it is none. */
static uint64_t privileges_read_mapping(const char *line, uint64_t *first)
{
    uint64_t outside, count;
    line = number_scan(line + strspn(line, " "), UINT32_MAX, first);
    if (line != NULL)
        line = number_scan(line + strspn(line, " "), UINT32_MAX, &outside);
    if (line != NULL)
        line = number_scan(line + strspn(line, " "), UINT32_MAX, &count);
    return line == NULL ? 0 : count;
}

/* Whether the user namespace has a place for an id; the kernel would only say
 * EINVAL. `what` is uid or gid. user_namespaces(7). */
static int privileges_check_mapped(const char *what, uint32_t id)
{
    char path[32], text[4096], *rest = NULL, known[256] = "";
    size_t used = 0;
    snprintf(path, sizeof path, "/proc/self/%s_map", what);
    if (files_read(path, text, sizeof text) == -1)
        return (int)log_call(-1, "which ids there are", "openat(\"%s\")", path);
    for (char *line = strtok_r(text, "\n", &rest); line != NULL;
         line = strtok_r(NULL, "\n", &rest)) {
        uint64_t first, count = privileges_read_mapping(line, &first);
        if (count == 0)
            continue;
        if (id >= first && id - first < count)
            return 0;
        if (used < sizeof known)
            used += (size_t)snprintf(
                known + used, sizeof known - used, "%s%" PRIu64 " to %" PRIu64,
                used == 0 ? "" : ", ", first, first + count - 1);
    }
    log_error("--user: %s %u is not mapped in this user namespace, which has "
              "%s",
              what, id, known);
    log_advice("whoever starts the container gets more from /etc/sub%s", what);
    return -1;
}

/* In a user namespace whose maps an ordinary user wrote nobody may leave a group:
 * there are files that a group is kept from. user_namespaces(7). */
static bool privileges_may_set_groups(void)
{
    char text[8];
    return files_read("/proc/self/setgroups", text, sizeof text) == -1 ||
           strncmp(text, "deny", 4) != 0;
}

static int privileges_set_groups(const struct user *user)
{
    char list[16 * USERS_MOST_GROUPS] = "";
    size_t used = 0;
    for (size_t i = 0; i < user->group_count; i++)
        used += (size_t)snprintf(list + used, sizeof list - used, "%s%u",
                                 i == 0 ? "" : ", ", user->groups[i]);
    if (!privileges_may_set_groups()) {
        if (user->group_count != 0)
            log_warning("its groups can not be set (%s): setgroups(2) is "
                        "denied in this user namespace",
                        list);
        return 0;
    }
    for (size_t i = 0; i < user->group_count; i++)
        if (privileges_check_mapped("gid", user->groups[i]) == -1)
            return -1;
    return (int)log_call(setgroups(user->group_count, user->groups),
                         "the user's groups, and no others",
                         "setgroups(%zu, [%s])", user->group_count, list);
}

/* Groups first: it takes root to set them. */
static int privileges_become(const struct user *user)
{
    uid_t uid = user->uid;
    gid_t gid = user->gid;
    if (privileges_check_mapped("uid", uid) == -1 ||
        privileges_check_mapped("gid", gid) == -1)
        return -1;
    //> user
    if (privileges_set_groups(user) == -1 ||
        log_call(setresgid(gid, gid, gid), "the user's group",
                 "setresgid(%u, %u, %u)", gid, gid, gid) == -1 ||
        log_call(setresuid(uid, uid, uid), "the user: root no more",
                 "setresuid(%u, %u, %u)", uid, uid, uid) == -1)
        return -1;
    //< user
    return 0;
}

/* Inheritable is none: what is in it would pass to programs whose file asks for
 * it. Ambient is part of it, so it empties with it. */
static int privileges_set_capabilities(uint64_t set, const char *intention)
{
    struct __user_cap_header_struct header = {.version =
                                                  _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct halves[2] = {0};
    char list[1024];
    //> capset
    for (int i = 0; i < 2; i++) {
        halves[i].effective = (uint32_t)(set >> (32 * i));
        halves[i].permitted = halves[i].effective;
    }
    long result = syscall(SYS_capset, &header, halves);
    privileges_list(set, list, sizeof list);
    if (log_call(result, intention, "capset({effective=%s, inheritable=0})",
                 list) == -1)
        return -1;
    //< capset
    return 0;
}

/* Where we have less than we are to leave it is said; what was asked for by name
 * is not left out. */
static int privileges_keep_what_is_ours(const struct privileges *privileges,
                                        uint64_t *kept)
{
    struct __user_cap_header_struct header = {.version =
                                                  _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct halves[2] = {0};
    char list[1024];
    if (syscall(SYS_capget, &header, halves) == -1)
        return (int)log_call(-1, "what we have", "capget()");
    uint64_t ours = halves[0].permitted | (uint64_t)halves[1].permitted << 32;
    *kept &= ours;
    privileges_list(privileges->capabilities & ~ours, list, sizeof list);
    if ((privileges->added & ~ours) != 0)
        return log_error("not ours to give, we were started without: %s", list);
    if ((privileges->capabilities & ~ours) != 0)
        log_warning("not ours to give, we were started without: %s", list);
    return 0;
}

/* The last things, each of which would get in the way of others: whoever has no
 * capabilities can not give up anything that takes one. */
static int privileges_seal(const struct privileges *privileges, uint64_t kept)
{
    bool has_filter = privileges->filter.length != 0;
    /* Or /proc/1/exe would be a way to the runtime's own file. */
    if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) == -1)
        return (int)log_call(-1, "not to be looked into",
                             "prctl(PR_SET_DUMPABLE, 0)");
    /* A filter could have a set-user-ID program fail where it never does, so it
     * takes no_new_privs, or CAP_SYS_ADMIN: then it can not be the last. */
    if (privileges->no_new_privileges == PRIVILEGES_NO)
        return has_filter &&
                       (privileges_set_capabilities(
                            kept | BIT(CAP_SYS_ADMIN),
                            "for the filter without no_new_privs") == -1 ||
                        seccomp_load(&privileges->filter) == -1)
                   ? -1
                   : privileges_set_capabilities(kept, "what is kept");
    if (privileges_set_capabilities(kept, "what is kept") == -1)
        return -1;
    //> no-new-privs
    int result = prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    if (log_call(result, "no set-user-ID program gives more",
                 "prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)") == -1)
        return -1;
    //< no-new-privs
    return has_filter ? seccomp_load(&privileges->filter) : 0;
}

/* All that can be done before the last process is made. */
static int privileges_give_up(const struct privileges *privileges,
                              uint64_t *kept)
{
    struct user user;
    *kept = privileges->capabilities;
    if ((privileges->user != NULL &&
         users_find(privileges->user, &user) == -1) ||
        privileges_keep_what_is_ours(privileges, kept) == -1 ||
        privileges_leave_keyring() == -1 ||
        privileges_limit_bounding_set(privileges) == -1)
        return -1;
    if (privileges->user == NULL)
        return 0;

    /* From root to another user the kernel takes all capabilities; they are
     * still needed where the filter is. execve(2) ends this. */
    if (user.uid != 0) {
        *kept = 0;
        if (privileges->no_new_privileges == PRIVILEGES_NO &&
            prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) == -1)
            return (int)log_call(-1, "capabilities stay for a while",
                                 "prctl(PR_SET_KEEPCAPS, 1)");
    }
    if (privileges_become(&user) == -1)
        return -1;
    /* Who becomes another forgets whose death to follow. prctl(2). */
    if (!privileges->outlives_parent && prctl(PR_SET_PDEATHSIG, SIGKILL) == -1)
        return (int)log_call(-1, "killed when its parent dies",
                             "prctl(PR_SET_PDEATHSIG, SIGKILL)");
    if (setenv("HOME", user.home, !privileges->keeps_home) == -1)
        return log_error("no memory for HOME");
    return 0;
}

void privileges_execute(const struct privileges *privileges, bool init,
                        char **command, const sigset_t *mask)
{
    uint64_t kept;
    pid_t main_pid = 0;
    if (privileges_give_up(privileges, &kept) == -1 ||
        (init && program_hide_words(&command) == -1))
        command_exit(EXIT_OURS);
    if (init) {
        /* Before the filter, which has no clone3(2). */
        log_before_call("init stays PID 1, the command is its child",
                        "clone3(0)");
        struct clone_args arguments = {.exit_signal = SIGCHLD};
        main_pid = clone_process(&arguments);
        if (main_pid == -1) {
            log_call(main_pid, "the command", "clone3(0)");
            command_exit(EXIT_OURS);
        }
    }
    if (privileges_seal(privileges, kept) == -1)
        command_exit(EXIT_OURS);
    if (main_pid == 0)
        process_execute(command, mask);
    command_leave_report();
    int status = process_supervise(main_pid);
    /* With PID 1 the kernel ends everything in its namespace. */
    _exit(status == -1 ? EXIT_OURS : status);
}
