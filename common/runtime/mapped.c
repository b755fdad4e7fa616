#include "common/runtime/mapped.h"

#include "common/base/log.h"
#include "common/kernel/clone.h"
#include "common/kernel/sync.h"
#include "common/kernel/userns.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

/* What the child has to tell: in memory that both have. */
struct mapped_answer {
    bool given;
    int result, error;
};

/* In the child. To become root takes away what sync_wait_for_parent() asked the kernel
 * for, that we die with our parent: so it is asked twice. */
static void mapped_child(struct sync *syncs, const struct userns_maps *maps,
                         struct mapped_answer *answer,
                         int (*work)(void *context), void *context)
{
    if (sync_wait_for_parent(&syncs[0]) == -1 || userns_become_root(maps) == -1)
        _exit(1);
    if (sync_wait_for_parent(&syncs[1]) == -1)
        _exit(1);
    errno = 0;
    answer->result = work(context);
    answer->error = errno;
    if (fflush(stdout) == EOF && answer->result == 0) {
        answer->error = errno;
        answer->result =
            (int)log_call(-1, "what was to be printed", "write(1)");
    }
    answer->given = true;
    _exit(0);
}

/* Gives the child its ids, and lets it go twice, before and after it has become root. */
static int mapped_release(struct sync *syncs, const struct userns_maps *maps,
                          pid_t pid)
{
    return userns_maps_write(maps, pid) == -1 ||
                   sync_release_child(&syncs[0]) == -1
               ? -1
               : sync_release_child(&syncs[1]);
}

static int mapped_wait(pid_t pid, const struct mapped_answer *answer)
{
    int status = 0;
    while (waitpid(pid, &status, 0) == -1)
        if (errno != EINTR)
            return (int)log_call(-1, "what root of those ids has done",
                                 "wait4(%d)", (int)pid);
    if (WIFSIGNALED(status)) {
        log_error("root of the ids of our containers was killed by signal %d",
                  WTERMSIG(status));
        errno = EINTR;
        return -1;
    }
    errno = answer->given ? answer->error : EPERM; /* reported by the child */
    return answer->given ? answer->result : -1;
}

static int mapped_run_in_child(int (*work)(void *context), void *context,
                               struct mapped_answer *answer)
{
    static struct userns_maps maps; /* large */
    struct sync syncs[2];
    struct clone_args arguments = {.flags = CLONE_NEWUSER,
                                   .exit_signal = SIGCHLD};
    if (userns_check_allowed() == -1 || userns_maps_find(&maps) == -1 ||
        sync_open(&syncs[0]) == -1)
        return -1;
    if (sync_open(&syncs[1]) == -1) {
        close(syncs[0].read_fd);
        close(syncs[0].write_fd);
        return -1;
    }
    fflush(stdout); /* or the child would print it once more */
    pid_t pid = clone_process(&arguments);
    if (pid == 0)
        mapped_child(syncs, &maps, answer, work, context);
    log_call(pid, "root of all ids that our containers have",
             "clone3(CLONE_NEWUSER)");
    int result = -1;
    if (pid != -1) {
        if (mapped_release(syncs, &maps, pid) == -1)
            kill(pid, SIGKILL);
        result = mapped_wait(pid, answer);
    }
    int saved_errno = errno;
    /* Not before: to the child these are our life. */
    close(syncs[0].write_fd);
    close(syncs[1].write_fd);
    errno = saved_errno;
    return result;
}

void *mapped_shared(size_t size)
{
    void *shared = mmap(
        NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
        /* cppcheck-suppress invalidFunctionArg; it is what mmap(2) asks for */
        -1, 0);
    if (shared != MAP_FAILED)
        return shared;
    log_call(-1, "for what a child has to tell",
             "mmap(MAP_SHARED|MAP_ANONYMOUS)");
    return NULL;
}

int mapped_run(int (*work)(void *context), void *context)
{
    if (geteuid() == 0)
        return work(context);
    struct mapped_answer *answer = mapped_shared(sizeof *answer);
    if (answer == NULL)
        return -1;
    int result = mapped_run_in_child(work, context, answer);
    int saved_errno = errno;
    munmap(answer, sizeof *answer);
    errno = saved_errno;
    return result;
}

int mapped_has_one_id(void)
{
    static struct userns_maps maps;
    if (geteuid() == 0)
        return 0;
    return userns_maps_find(&maps) == -1 ? -1 : maps.way == USERNS_ONE_ID;
}
