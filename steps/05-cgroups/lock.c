#include "steps/05-cgroups/lock.h"

#include "common/base/files.h"
#include "common/base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>

int lock_directory(const char *path, int operation)
{
    static const char intention[] = "a lock says who is alive";
    struct stat locked, there;
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd == -1 && errno != ENOENT)
        log_call(fd, intention,
                 "openat(\"%s\", O_RDONLY|O_DIRECTORY|O_NOFOLLOW)", path);
    if (fd == -1)
        return -1;
    int result = flock(fd, operation);
    if (result == -1 && errno != EWOULDBLOCK)
        log_call(result, intention, "flock(\"%s\", %s)", path,
                 operation & LOCK_EX ? "LOCK_EX" : "LOCK_SH");
    if (result == 0) {
        if (fstat(fd, &locked) == 0 && lstat(path, &there) == 0 &&
            locked.st_ino == there.st_ino && locked.st_dev == there.st_dev)
            return fd;
        errno = ENOENT;
    }
    files_close(&fd);
    return -1;
}
