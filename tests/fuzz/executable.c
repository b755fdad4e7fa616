/*
 * fuzz: the beginning of a file that execve(2) refused, which may be anything.
 */
#include "tests/fuzz/fuzz.h"

#include "common/base/command.c" /* for its static functions */

#include <sys/mman.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct executable found;
    int fd = memfd_create("executable", MFD_CLOEXEC);
    if (fd == -1 || write(fd, data, size) != (ssize_t)size)
        abort();
    command_read_executable(fd, &found);
    fuzz_require(memchr(found.interpreter, '\0', sizeof found.interpreter) !=
                 NULL);
    fuzz_require(machine_name(found.machine) != NULL);
    close(fd);
    return 0;
}
