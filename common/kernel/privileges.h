/*
 * privileges: what the command is left with of root's power, and the order in
 * which the rest is given up.
 *
 *     {"--cap-add", "NAME", privileges_parse_cap_add, &privileges, "…"}, …
 *     if (privileges_check(&privileges) == -1) …     the parent, before anything
 *     privileges_execute(&privileges, …);            the child, when all is made
 *
 * taught in: step 06, lessons/06-userns.md
 */
#ifndef NSCTL_KERNEL_PRIVILEGES_H
#define NSCTL_KERNEL_PRIVILEGES_H

#include "common/kernel/seccomp.h"

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

enum privileges_choice { PRIVILEGES_DEFAULT, PRIVILEGES_YES, PRIVILEGES_NO };

/* All zero is the default: few capabilities, no_new_privs, the filter. */
struct privileges {
    uint64_t added, dropped; /* --cap-add, --cap-drop: 1 << CAP_… */
    bool all_added, all_dropped;
    bool privileged;      /* --privileged: nothing is given up */
    bool keeps_home;      /* HOME was chosen, and is not the user's */
    bool outlives_parent; /* nobody waits for the command */
    const char *user;     /* --user; NULL: root */
    enum privileges_choice no_new_privileges; /* --security-opt */
    const char *seccomp; /* NULL: the default; "unconfined"; a profile's path */
    /* From here on by privileges_check(). */
    uint64_t all;                 /* capabilities that the kernel has */
    uint64_t capabilities;        /* that the command may have: 1 << CAP_… */
    struct seccomp_filter filter; /* without instructions: none */
};

/* Option parsers (see base/program.h) for --cap-add, --cap-drop, --user and
 * --security-opt; each takes a struct privileges. */
const char *privileges_parse_cap_add(const char *text, void *privileges);
const char *privileges_parse_cap_drop(const char *text, void *privileges);
const char *privileges_parse_user(const char *text, void *privileges);
const char *privileges_parse_security(const char *text, void *privileges);

/* The number of a capability, CAP_CHOWN for "CHOWN", "CAP_CHOWN" and "chown"; -1
 * where there is none of that name. */
int privileges_capability_number(const char *name);

/* The other way round, "CHOWN" for CAP_CHOWN; NULL for one that is newer than
 * we. Static. */
const char *privileges_capability_name(int number);

/*
 * After the options, before anything is created: what contradicts itself is
 * refused, a seccomp profile read, and the filter compiled. The profile is a
 * file of the host's, so this is for the parent. Returns 0, or -1, reported.
 */
int privileges_check(struct privileges *privileges);

/* Instead, for one more command in a container: it gets the capabilities that the first
 * was left with, and no others. The filter is the caller's to fill in. */
void privileges_repeat(struct privileges *privileges, uint64_t capabilities);

/*
 * In the child, as root of its user namespace, its root directory changed and
 * its descriptors closed: looks up the user, gives up everything but
 * `privileges`, and becomes the command; with `init` a child of ours does, and
 * we reap and forward as kernel/process has it. Sets a user's HOME, so it comes after
 * command_clean_environment(). Where something can not be given up it says so
 * and exits with EXIT_OURS. Under the filter we still take the signal mask back,
 * look for the command, write to the log and execute: a profile must allow
 * rt_sigprocmask, access or faccessat, write and execve, and what an init does.
 * capabilities(7), seccomp(2), session-keyring(7), credentials(7).
 */
void privileges_execute(const struct privileges *privileges, bool init,
                        char **command, const sigset_t *mask)
    __attribute__((noreturn));

#endif
