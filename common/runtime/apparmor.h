/*
 * apparmor: a profile of the host's that confines the command besides all else: AppArmor asks it
 * at each file that is opened, each program that is executed.
 *
 *     {"--security-opt", "apparmor=PROFILE", …}
 *     apparmor_check(profile);          before anything is created
 *     apparmor_confine_next(profile);   in the child, before it executes the command
 *
 * Who writes profiles, and loads them, is the host's administrator: apparmor_parser(8).
 *
 * taught in: step 09, lessons/09-lifecycle.md
 */
#ifndef NSCTL_RUNTIME_APPARMOR_H
#define NSCTL_RUNTIME_APPARMOR_H

/* The option parser for a profile's name. `profile` is a const char **; "unconfined" is NULL. */
const char *apparmor_parse(const char *text, void *profile);

/* Whether this kernel has AppArmor and, as far as we may see, that profile. NULL: there is nothing to
 * be checked. Returns 0, or -1, reported. */
int apparmor_check(const char *profile);

/* The program that this process, or a child of it, executes next is confined by it; NULL: it is
 * not. The /proc of the process must be there. Returns 0, or -1 with errno, reported: ENOENT,
 * there is no such profile. */
int apparmor_confine_next(const char *profile);

#endif
