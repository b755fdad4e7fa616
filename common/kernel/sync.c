#include "common/kernel/sync.h"

#include "common/base/log.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/types.h>
#include <unistd.h>

int sync_open(struct sync *sync)
{
    int ends[2];
    int result = pipe2(ends, O_CLOEXEC);
    if (result == -1)
        return (int)log_call(result, "a pipe to the child", "pipe2(O_CLOEXEC)");
    sync->read_fd = ends[0];
    sync->write_fd = ends[1];
    return 0;
}

int sync_wait_for_parent(struct sync *sync)
{
    int result = 0;
    result = prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (result == -1)
        return (int)log_call(result, "killed when its parent dies",
                             "prctl(PR_SET_PDEATHSIG, SIGKILL)");

    /* The order matters. A parent that died before the prctl sends no signal;
     * but the pipe has lost its last writer then, once our own copy of that end
     * is closed: read(2) returns 0. If it released us first, there is a byte to
     * read all the same, and poll(2) tells that nobody can write another. */
    close(sync->write_fd);
    char byte;
    ssize_t got = read(sync->read_fd, &byte, 1);
    if (got == -1)
        return (int)log_call(got, "until the parent is ready", "read(%d)",
                             sync->read_fd);
    struct pollfd pipe_end = {.fd = sync->read_fd}; /* POLLHUP goes unasked */
    if (got == 0 || poll(&pipe_end, 1, 0) == 1)
        return log_error("the parent died before its child was ready");
    close(sync->read_fd);
    log_call(result, "killed when its parent dies",
             "prctl(PR_SET_PDEATHSIG, SIGKILL)");
    return 0;
}

int sync_release_child(struct sync *sync)
{
    /* Our own reading end is still open, so that a child that is dead already
     * can not make this a SIGPIPE. The writing end is open as long as we live:
     * to the child its end is ours. */
    ssize_t written = write(sync->write_fd, "", 1);
    if (written == -1)
        log_call(written, "the child may go on", "write(%d)", sync->write_fd);
    close(sync->read_fd);
    return written == -1 ? -1 : 0;
}
