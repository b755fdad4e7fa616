#include "common/runtime/directory.h"

#include "common/base/log.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

const char *directory_parse(const char *text, void *path)
{
    if (text[0] != '/')
        return "expected a directory inside, from the root on: /srv";
    *(const char **)path = text;
    return NULL;
}

/* With the directories above it, where they are missing. */
static int directory_make(const char *directory)
{
    char path[PATH_MAX];
    if (snprintf(path, sizeof path, "%s", directory) >= (int)sizeof path)
        return 0; /* chdir(2) says what is wrong with it */
    for (char *slash = path; slash != NULL;) {
        slash = strchr(slash + 1, '/');
        if (slash != NULL)
            *slash = '\0';
        if (mkdir(path, 0755) == -1 && errno != EEXIST)
            return (int)log_call(-1, "where the command starts",
                                 "mkdir(\"%s\", 0755)", path);
        if (slash != NULL)
            *slash = '/';
    }
    return 0;
}

int directory_enter(const char *path, bool make)
{
    char reached[PATH_MAX];
    int result = chdir(path);
    if (result == -1 && errno == ENOENT && make) {
        if (directory_make(path) == -1)
            return -1;
        result = chdir(path);
    }
    if (log_call(result, "where the command starts", "chdir(\"%s\")", path) ==
        -1)
        return -1;
    /* The C library would make an error of it, which could be another one. */
    long length = syscall(SYS_getcwd, reached, sizeof reached);
    if (length == -1)
        return (int)log_call(length, "where that is", "getcwd()");
    if (reached[0] != '/') {
        log_error("--workdir: %s leads out of the container, to %s", path,
                  reached);
        log_advice("name a directory inside");
        return -1;
    }
    return 0;
}
