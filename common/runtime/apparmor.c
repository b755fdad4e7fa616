#include "common/runtime/apparmor.h"

#include "common/base/files.h"
#include "common/base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/vfs.h>
#include <unistd.h>

enum { APPARMOR_MOST_NAME = 128 };

/* Names may have blanks and slashes, but what is written to the kernel is one line. */
const char *apparmor_parse(const char *text, void *profile)
{
    for (const char *c = text; *c != '\0'; c++)
        if ((unsigned char)*c < ' ')
            return "expected the name of a profile";
    if (*text == '\0' || *text == ' ' || strlen(text) > APPARMOR_MOST_NAME)
        return "expected the name of a profile";
    *(const char **)profile = strcmp(text, "unconfined") == 0 ? NULL : text;
    return NULL;
}

static bool apparmor_is_enabled(void)
{
    char text[8];
    return files_read("/sys/module/apparmor/parameters/enabled", text,
                      sizeof text) != -1 &&
           text[0] == 'Y';
}

/* The list has lines "NAME (enforce)", and is root's to read. Where we may not, it is found out when
 * the profile is to be used. */
static bool apparmor_is_loaded(const char *profile)
{
    size_t length = strlen(profile), size = 0;
    char *line = NULL;
    FILE *file = fopen("/sys/kernel/security/apparmor/profiles", "re");
    if (file == NULL)
        return true;
    bool found = false, any = false;
    while (!found && getline(&line, &size, file) > 0) {
        any = true;
        found = strncmp(line, profile, length) == 0 &&
                strncmp(line + length, " (", 2) == 0;
    }
    bool unread = ferror(file) != 0 && !any;
    free(line);
    fclose(file);
    return found || unread;
}

static int apparmor_say_missing(const char *profile)
{
    log_error("--security-opt apparmor=%s: no such profile is loaded (ENOENT)",
              profile);
    log_advice("load it: apparmor_parser -r FILE; "
               "/sys/kernel/security/apparmor/profiles lists those that are");
    return -1;
}

int apparmor_check(const char *profile)
{
    if (profile == NULL)
        return 0;
    if (!apparmor_is_enabled()) {
        log_error("--security-opt apparmor=%s: this kernel has no AppArmor, or "
                  "it is switched off",
                  profile);
        log_advice("it is switched on where the kernel is started: "
                   "lsm=…,apparmor; without it leave the option out");
        return -1;
    }
    if (apparmor_is_loaded(profile))
        return 0;
    return apparmor_say_missing(profile);
}

/* A volume could lie over /proc, and what was written would go to a file of it. */
static int apparmor_open(void)
{
    static const char *const paths[] = {
        "/proc/thread-self/attr/apparmor/exec", /* since 5.1 */
        "/proc/thread-self/attr/exec",
    };
    struct statfs status;
    int fd = open(paths[0], O_WRONLY | O_CLOEXEC);
    if (fd == -1)
        fd = open(paths[1], O_WRONLY | O_CLOEXEC);
    if (fd == -1 ||
        (fstatfs(fd, &status) == 0 && status.f_type == PROC_SUPER_MAGIC))
        return fd;
    close(fd);
    errno = EXDEV;
    return -1;
}

int apparmor_confine_next(const char *profile)
{
    char text[APPARMOR_MOST_NAME + sizeof "exec "];
    if (profile == NULL)
        return 0;
    snprintf(text, sizeof text, "exec %s", profile);
    int fd = apparmor_open();
    if (fd == -1)
        return (int)log_call(
            -1, "AppArmor's own file of this process",
            "openat(AT_FDCWD, \"/proc/thread-self/attr/exec\", O_WRONLY)");
    ssize_t result = write(fd, text, strlen(text));
    int saved_errno = errno;
    if (result == -1 && errno == ENOENT) /* an ordinary user could not ask */
        apparmor_say_missing(profile);
    else
        log_call(result, "the command gets this profile", "write(%d, \"%s\")",
                 fd, text);
    close(fd);
    errno = saved_errno;
    return result == -1 ? -1 : 0;
}
