/*
 * users: who a name is in a container: its own /etc/passwd and /etc/group, read
 * by us. The C library would ask the name service, whose modules would then be
 * the container's libraries, loaded into a process that is still root.
 *
 * taught in: step 06, lessons/06-userns.md
 */
#ifndef NSCTL_KERNEL_USERS_H
#define NSCTL_KERNEL_USERS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

enum { USERS_MOST_GROUPS = 64, USERS_MOST_HOME = 256 };

struct user {
    uid_t uid;
    gid_t gid;
    gid_t groups[USERS_MOST_GROUPS]; /* supplementary */
    size_t group_count;
    char home[USERS_MOST_HOME];
};

/* Whether `text` is USER[:GROUP], each a name or a number to 2^32-2; the form
 * only. NULL, or what was expected. */
const char *users_check_form(const char *text);

/*
 * Looks up `text`, USER[:GROUP], in /etc/passwd and /etc/group below our root
 * directory. A number needs no entry: without one its group is 0 and its home /.
 * Who has one gets the groups that it is a member of, unless GROUP is given.
 * Returns 0, or -1, reported. passwd(5), group(5).
 */
int users_find(const char *text, struct user *user);

#endif
