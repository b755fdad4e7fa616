#include "steps/06-userns/users.h"

#include "common/base/log.h"
#include "common/base/number.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { MOST_BYTES = 1 << 20, MOST_FIELDS = 7 };

/* 2^32-1 means "leave it as it is" to setresuid(2): whoever takes it for an id
 * stays root. */
#define USERS_MOST_ID (UINT32_MAX - 1)

/* ---- What is asked for ---- */

/* `text` to the end, decimal digits and nothing else. */
static bool users_is_id(const char *text, uint32_t *id)
{
    uint64_t number;
    const char *rest = number_scan(text, USERS_MOST_ID, &number);
    if (rest == NULL || *rest != '\0')
        return false;
    *id = (uint32_t)number;
    return true;
}

/* A name begins with a letter, so that a mistyped number is not one. */
static bool users_is_name(const char *text)
{
    static const char letters[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_";
    static const char others[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOP"
                                 "QRSTUVWXYZ_0123456789.-@$";
    return *text != '\0' && strchr(letters, *text) != NULL &&
           text[strspn(text, others)] == '\0';
}

/* Cuts `copy` in two at the colon; `group` is NULL where there is none. */
static const char *users_split(const char *text, char *copy, size_t size,
                               char **group)
{
    static const char expected[] =
        "expected USER[:GROUP], names or numbers from 0 to 4294967294";
    uint32_t id;
    if (snprintf(copy, size, "%s", text) >= (int)size)
        return expected;
    *group = strchr(copy, ':');
    if (*group != NULL)
        *(*group)++ = '\0';
    if (!users_is_id(copy, &id) && !users_is_name(copy))
        return expected;
    if (*group != NULL && !users_is_id(*group, &id) && !users_is_name(*group))
        return expected;
    return NULL;
}

const char *users_check_form(const char *text)
{
    char copy[256], *group;
    return users_split(text, copy, sizeof copy, &group);
}

/* ---- What the container says ---- */

/*
 * The text of a file of the container's, in static memory, until the next call.
 * An image chose the path's meaning: symbolic links stay within our root, but the
 * magic ones of /proc would not, and what is no plain file may never end. Returns
 * "" where there is none; NULL, reported.
 */
static char *users_read(const char *path)
{
    static char text[MOST_BYTES + 1];
    struct open_how how = {.flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK,
                           .resolve = RESOLVE_NO_MAGICLINKS};
    struct stat status;
    size_t used = 0;
    ssize_t got = 1;
    text[0] = '\0';
    int fd = (int)syscall(SYS_openat2, AT_FDCWD, path, &how, sizeof how);
    if (fd == -1 && (errno == ENOENT || errno == ENOTDIR))
        return text;
    if (fd == -1) {
        log_call(fd, "who is who in the container",
                 "openat2(\"%s\", RESOLVE_NO_MAGICLINKS)", path);
        return NULL;
    }
    if (fstat(fd, &status) == -1 || !S_ISREG(status.st_mode))
        got = -1;
    while (got > 0 && used < MOST_BYTES) {
        got = read(fd, text + used, MOST_BYTES - used);
        if (got > 0)
            used += (size_t)got;
    }
    close(fd);
    text[used] = '\0';
    if (got == 0 && strlen(text) == used)
        return text;
    log_error("%s in the container is not a text file of less than 1 MiB",
              path);
    return NULL;
}

/* Cuts a line of "a:b:c" into fields; the rest are "". */
static void users_cut(char *line, char *fields[MOST_FIELDS])
{
    for (size_t i = 0; i < MOST_FIELDS; i++) {
        fields[i] = line;
        line += strcspn(line, ":");
        if (*line == ':')
            *line++ = '\0';
    }
}

static char *users_next_line(char **rest)
{
    char *line = *rest;
    if (*line == '\0')
        return NULL;
    *rest += strcspn(line, "\n");
    if (**rest == '\n')
        *(*rest)++ = '\0';
    return line;
}

/* passwd(5): name, password, uid, gid, comment, home, shell. `name` gets the
 * name of whoever is found. Returns 1, 0 where there is no such user, -1. */
static int users_find_in_passwd(const char *wanted, struct user *user,
                                char *name, size_t name_size)
{
    uint32_t wanted_id = 0, uid, gid;
    bool by_id = users_is_id(wanted, &wanted_id);
    char *rest = users_read("/etc/passwd"), *line;
    if (rest == NULL)
        return -1;
    for (int number = 1; (line = users_next_line(&rest)) != NULL; number++) {
        char *fields[MOST_FIELDS];
        users_cut(line, fields);
        bool whole =
            users_is_id(fields[2], &uid) && users_is_id(fields[3], &gid);
        if (by_id ? !whole || uid != wanted_id : strcmp(fields[0], wanted) != 0)
            continue;
        if (!whole)
            return log_error("/etc/passwd:%d in the container: \"%s\" has no "
                             "numbers from 0 to 4294967294 for user and group",
                             number, wanted);
        user->uid = uid;
        user->gid = gid;
        if (fields[5][0] == '/')
            snprintf(user->home, sizeof user->home, "%s", fields[5]);
        if (snprintf(name, name_size, "%s", fields[0]) >= (int)name_size)
            return log_error("/etc/passwd:%d in the container: a name of more "
                             "than %zu characters",
                             number, name_size - 1);
        return 1;
    }
    return 0;
}

/* group(5): name, password, gid, members. Returns 1, 0, -1 as above. */
static int users_find_group(const char *wanted, gid_t *gid)
{
    char *rest = users_read("/etc/group"), *line;
    if (rest == NULL)
        return -1;
    for (int number = 1; (line = users_next_line(&rest)) != NULL; number++) {
        char *fields[MOST_FIELDS];
        users_cut(line, fields);
        if (strcmp(fields[0], wanted) != 0)
            continue;
        if (users_is_id(fields[2], gid))
            return 1;
        return log_error("/etc/group:%d in the container: \"%s\" has no number "
                         "from 0 to 4294967294",
                         number, wanted);
    }
    return 0;
}

static bool users_is_member(const char *members, const char *name)
{
    size_t length = strlen(name);
    for (; *members != '\0'; members += *members == ',') {
        size_t next = strcspn(members, ",");
        if (next == length && memcmp(members, name, length) == 0)
            return true;
        members += next;
    }
    return false;
}

/* The groups that list `name` as a member. */
static int users_find_memberships(const char *name, struct user *user)
{
    char *rest = users_read("/etc/group"), *line;
    if (rest == NULL)
        return -1;
    while ((line = users_next_line(&rest)) != NULL) {
        char *fields[MOST_FIELDS];
        uint32_t gid;
        users_cut(line, fields);
        if (!users_is_member(fields[3], name) || !users_is_id(fields[2], &gid))
            continue;
        if (user->group_count == USERS_MOST_GROUPS)
            return log_error("\"%s\" is a member of more than %d groups", name,
                             USERS_MOST_GROUPS);
        user->groups[user->group_count++] = gid;
    }
    return 0;
}

static int users_unknown(const char *what, const char *name, const char *path)
{
    log_error("no %s \"%s\" in the container", what, name);
    log_advice("its own %s is asked; a number needs no entry there", path);
    return -1;
}

int users_find(const char *text, struct user *user)
{
    char copy[256], name[256] = "", *group;
    memset(user, 0, sizeof *user);
    snprintf(user->home, sizeof user->home, "/");
    if (users_split(text, copy, sizeof copy, &group) != NULL)
        return log_error("\"%s\" is not USER[:GROUP]", text);

    int found = users_find_in_passwd(copy, user, name, sizeof name);
    if (found == -1)
        return -1;
    if (found == 0 && !users_is_id(copy, &user->uid))
        return users_unknown("user", copy, "/etc/passwd");

    if (group == NULL)
        return found == 0 ? 0 : users_find_memberships(name, user);
    if (users_is_id(group, &user->gid))
        return 0;
    found = users_find_group(group, &user->gid);
    if (found == 0)
        return users_unknown("group", group, "/etc/group");
    return found == 1 ? 0 : -1;
}
