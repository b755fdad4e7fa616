#include "steps/09-lifecycle/directory.h"

#include "common/base/log.h"

#include <limits.h>
#include <sys/syscall.h>
#include <unistd.h>

const char *directory_parse(const char *text, void *path)
{
    if (text[0] != '/')
        return "expected a directory inside, from the root on: /srv";
    *(const char **)path = text;
    return NULL;
}

int directory_enter(const char *path)
{
    char reached[PATH_MAX];
    int result = chdir(path);
    if (log_call(result, "where the command starts", "chdir(\"%s\")", path) ==
        -1)
        return -1;
    //> getcwd
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
    //< getcwd
    return 0;
}
