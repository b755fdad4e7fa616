/* A monitor that outlives whoever started it: see monitor.h. */
#include "common/base/command.h"
#include "common/base/log.h"
#include "common/base/program.h"
#include "common/kernel/clone.h"
#include "common/kernel/process.h"
#include "common/runtime/monitor.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

/* Standard error stays until the container runs: until then there may be something to
 * say to whoever waits for it. */
static int detach_streams(void)
{
    int fd = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (fd == -1 || dup2(fd, STDIN_FILENO) == -1 ||
        dup2(fd, STDOUT_FILENO) == -1)
        return (int)log_call(-1, "nothing to read, nobody to write to",
                             "openat(AT_FDCWD, \"/dev/null\", O_RDWR)");
    close(fd);
    return 0;
}

/* Whoever started us may have left something open that others wait for the end of: a
 * pipe, a lock. What stays is the news, whose descriptor is returned, or -1, reported; and
 * what keeps an image's layers until they are on record, whoever is killed until then. */
static int detach_descriptors(int news_fd, int *image_fd)
{
    enum { NEWS_FD = STDERR_FILENO + 1, IMAGE_FD, OTHERS };
    int result = 0, from = *image_fd == -1 ? IMAGE_FD : OTHERS;
    if (*image_fd != -1) /* neither is to take the other's place */
        result = *image_fd = fcntl(*image_fd, F_DUPFD_CLOEXEC, OTHERS);
    if (result != -1 && news_fd != NEWS_FD)
        result = dup3(news_fd, NEWS_FD, O_CLOEXEC);
    if (result != -1 && *image_fd != -1)
        result = *image_fd = dup3(*image_fd, IMAGE_FD, O_CLOEXEC);
    if (result == -1)
        return (int)log_call(result, "nothing else stays open", "dup3(%d, %d)",
                             news_fd, NEWS_FD);
    return command_close_descriptors_from(from) == -1 ? -1 : NEWS_FD;
}

/* In the first child: a session of its own, so that no terminal's end is ours. In the
 * second: not that session's leader, who would get any terminal that it opens for its
 * own; and nobody's child but that of the reaper of orphans. setsid(2). */
static void __attribute__((noreturn))
detach_child(const struct store *store, struct container *container,
             int news_fd)
{
    pid_t session = 0;
    session = setsid();
    log_call(session, "a session of its own", "setsid()");
    process_forget_signals();
    struct clone_args arguments = {.exit_signal = SIGCHLD};
    pid_t pid = session == -1 ? -1 : clone_process(&arguments);
    if (pid == -1)
        log_call(pid, "the monitor", "clone3(0)");
    if (pid != 0)
        _exit(pid == -1 ? EXIT_OURS : 0);
    news_fd = detach_descriptors(news_fd, &container->image_fd);
    if (news_fd == -1 || detach_streams() == -1)
        _exit(EXIT_OURS);
    _exit(monitor_run(store, container, news_fd));
}

/* Returns the status to exit with. */
static int detach_hear(int news_fd)
{
    struct monitor_news news;
    ssize_t got;
    do
        got = read(news_fd, &news, sizeof news);
    while (got == -1 && errno == EINTR);
    if (got == (ssize_t)sizeof news) {
        printf("%s\n", news.id);
        return fflush(stdout) == 0 ? 0 : EXIT_OURS;
    }
    if (got == 1) /* and why stands in the log */
        return *(unsigned char *)&news;
    log_error("the monitor was killed before the container ran");
    return EXIT_OURS;
}

int monitor_detach(const struct store *store, struct container *container)
{
    int ends[2];
    int result = pipe2(ends, O_CLOEXEC);
    if (log_call(result, "by which we hear how it went", "pipe2(O_CLOEXEC)") ==
        -1)
        return EXIT_OURS;
    struct clone_args arguments = {.exit_signal = SIGCHLD};
    pid_t pid = clone_process(&arguments);
    if (pid == 0) {
        close(ends[0]);
        detach_child(store, container, ends[1]);
    }
    if (log_call(pid, "a process that stays when we go", "clone3(0)") == -1)
        return EXIT_OURS;
    close(ends[1]);
    waitpid(pid, NULL, 0);
    return detach_hear(ends[0]);
}
