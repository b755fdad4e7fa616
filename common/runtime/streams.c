#include "common/runtime/streams.h"

#include "common/base/command.h"
#include "common/base/files.h"
#include "common/base/log.h"
#include "common/kernel/mount.h"
#include "common/runtime/terminal.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <unistd.h>

void streams_clear(struct streams *streams)
{
    *streams = (struct streams){false, {-1, -1, -1}, -1, {-1, -1}, {-1, -1}};
}

void streams_close(struct streams *streams)
{
    for (int i = 0; i < 3; i++)
        files_close(&streams->inside[i]);
    for (int i = 0; i < 2; i++) {
        files_close(&streams->output_fds[i]);
        files_close(&streams->talk_fds[i]);
    }
    if (!streams->terminal) /* there it is the same as the output */
        files_close(&streams->input_fd);
    streams->input_fd = -1;
}

/* ---- The parent, before ---- */

/* Writing there must not make us wait: the container may not read. The other end is
 * another open file, and waits as ever. */
static int streams_never_wait(int fd)
{
    int result = fcntl(fd, F_SETFL, O_WRONLY | O_NONBLOCK);
    return (int)log_call(result, "who does not read does not stop us",
                         "fcntl(%d, F_SETFL, O_WRONLY|O_NONBLOCK)", fd);
}

/* A pipe; which[0] is to be the reading end, which[1] the writing end. */
static int streams_open_pipe(int *which[2], const char *intention)
{
    int ends[2];
    int result = pipe2(ends, O_CLOEXEC);
    if (log_call(result, intention, "pipe2(O_CLOEXEC)") == -1)
        return -1;
    *which[0] = ends[0];
    *which[1] = ends[1];
    return 0;
}

/* A program that opens /dev/stdout opens the pipe anew, which only its owner may: who
 * made it, the host's root. user_namespaces(7). */
static int streams_give_pipe(int fd, const struct userns_maps *maps)
{
    if (maps == NULL || maps->way != USERNS_BY_ROOT)
        return 0;
    uid_t uid = maps->uids.extents[0].outside;
    gid_t gid = maps->gids.extents[0].outside;
    int result = fchown(fd, uid, gid);
    return (int)log_call(result, "a pipe for root inside", "fchown(%d, %u, %u)",
                         fd, uid, gid);
}

static int streams_open_pipes(struct streams *streams, bool interactive,
                              const struct userns_maps *maps)
{
    int *input[2] = {&streams->inside[0], &streams->input_fd};
    int *outputs[2][2] = {{&streams->output_fds[0], &streams->inside[1]},
                          {&streams->output_fds[1], &streams->inside[2]}};
    if (interactive) {
        if (streams_open_pipe(input, "what it reads") == -1 ||
            streams_never_wait(streams->input_fd) == -1)
            return -1;
    } else {
        streams->inside[0] = open("/dev/null", O_RDONLY | O_CLOEXEC);
        if (streams->inside[0] == -1)
            return (int)log_call(-1, "nothing is there to be read",
                                 "openat(AT_FDCWD, \"/dev/null\", O_RDONLY)");
    }
    if (streams_open_pipe(outputs[0], "what it prints") == -1 ||
        streams_open_pipe(outputs[1], "and what it complains of") == -1)
        return -1;
    for (int i = interactive ? 0 : 1; i < 3; i++)
        if (streams_give_pipe(streams->inside[i], maps) == -1)
            return -1;
    return 0;
}

int streams_open(struct streams *streams, bool terminal, bool interactive,
                 const struct userns_maps *maps)
{
    streams->terminal = terminal;
    if (!terminal)
        return streams_open_pipes(streams, interactive, maps);
    int result =
        socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, streams->talk_fds);
    return (int)log_call(result, "by which the terminal comes to us",
                         "socketpair(AF_UNIX, SOCK_STREAM|SOCK_CLOEXEC)");
}

/* ---- The child ---- */

/* In the message is one byte, since there has to be something, and a descriptor, which
 * the kernel makes one of the receiver's. unix(7), cmsg(3). */
static int streams_send(int socket_fd, int fd)
{
    char byte = 0;
    struct iovec data = {.iov_base = &byte, .iov_len = 1};
    union {
        struct cmsghdr header; /* for its alignment */
        char bytes[CMSG_SPACE(sizeof fd)];
    } control = {.bytes = {0}};
    struct msghdr message = {.msg_iov = &data,
                             .msg_iovlen = 1,
                             .msg_control = control.bytes,
                             .msg_controllen = sizeof control.bytes};
    struct cmsghdr *rights = CMSG_FIRSTHDR(&message);
    rights->cmsg_level = SOL_SOCKET;
    rights->cmsg_type = SCM_RIGHTS;
    rights->cmsg_len = CMSG_LEN(sizeof fd);
    memcpy(CMSG_DATA(rights), &fd, sizeof fd);
    ssize_t sent = sendmsg(socket_fd, &message, MSG_NOSIGNAL);
    return log_call(sent, "the other side is the monitor's",
                    "sendmsg(%d, SCM_RIGHTS [%d])", socket_fd, fd) == 1
               ? 0
               : -1;
}

/* The name of our own end in this container, which is where /dev/console is bound to. */
static int streams_bind_console(int master_fd)
{
    unsigned number;
    char name[32];
    if (ioctl(master_fd, TIOCGPTN, &number) == -1)
        return (int)log_call(-1, "the terminal's number", "ioctl(%d, TIOCGPTN)",
                             master_fd);
    snprintf(name, sizeof name, "/dev/pts/%u", number);
    int fd =
        open("/dev/console", O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd == -1)
        return (int)log_call(
            fd, "a place for the console",
            "openat(AT_FDCWD, \"/dev/console\", O_CREAT|O_EXCL)");
    close(fd);
    return mount_file_system(name, "/dev/console", "none", MS_BIND, NULL,
                             "the terminal is the console");
}

int streams_make_terminal(struct streams *streams, bool console)
{
    int unlock = 0, master_fd = -1, fd = -1;
    if (!streams->terminal)
        return 0;
    /* In this /dev/pts, which nobody else has. Each opening makes another one. */
    master_fd = open("/dev/pts/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (log_call(master_fd, "a terminal of its own",
                 "openat(AT_FDCWD, \"/dev/pts/ptmx\", O_RDWR|O_NOCTTY)") == -1)
        return -1;
    if (ioctl(master_fd, TIOCSPTLCK, &unlock) == -1)
        return (int)log_call(-1, "which may be opened",
                             "ioctl(%d, TIOCSPTLCK, [0])", master_fd);
    /* By the descriptor, and by no name that could lead elsewhere. */
    fd = ioctl(master_fd, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (log_call(fd, "the container's side of it",
                 "ioctl(%d, TIOCGPTPEER, O_RDWR|O_NOCTTY)", master_fd) == -1)
        return -1;
    for (int i = 0; i < 3; i++)
        streams->inside[i] = fd;
    terminal_copy_size(fd);
    if ((console && streams_bind_console(master_fd) == -1) ||
        streams_send(streams->talk_fds[1], master_fd) == -1)
        return -1;
    close(master_fd);
    return 0;
}

int streams_take_over(struct streams *streams, int report_fd)
{
    int fds[STREAMS_FIRST_CLOSED_FD] = {streams->inside[0], streams->inside[1],
                                        streams->inside[2], STDERR_FILENO,
                                        report_fd};
    /* Who has our terminal for its own could type into it. */
    pid_t session = setsid();
    if (log_call(session, "a session of its own", "setsid()") == -1)
        return -1;
    if (streams->terminal && ioctl(streams->inside[0], TIOCSCTTY, 0) == -1)
        return (int)log_call(-1, "whose terminal this is",
                             "ioctl(%d, TIOCSCTTY, 0)", streams->inside[0]);
    for (int to = 0; to < STREAMS_FIRST_CLOSED_FD; to++)
        /* Out of the way, where another is to be. */
        if (fds[to] < STREAMS_FIRST_CLOSED_FD && fds[to] != to)
            fds[to] = fcntl(fds[to], F_DUPFD_CLOEXEC, STREAMS_FIRST_CLOSED_FD);
    /* From the end: the log goes out by 2 until it goes out by 3. */
    for (int to = STREAMS_FIRST_CLOSED_FD - 1; to >= 0; to--) {
        if (fds[to] != to &&
            dup3(fds[to], to, to > STDERR_FILENO ? O_CLOEXEC : 0) == -1)
            return (int)log_call(-1, "what it begins with", "dup3(%d, %d)",
                                 fds[to], to);
        if (to == STREAMS_REPORT_FD)
            command_report_to(STREAMS_REPORT_FD);
        if (to == STREAMS_LOG_FD)
            log_set_descriptor(STREAMS_LOG_FD);
    }
    return command_close_descriptors_from(STREAMS_FIRST_CLOSED_FD);
}

/* ---- The parent, after ---- */

/* Into `fd`, which stays -1 where the sender has ended: it has said why. Returns 0, or
 * -1 with errno, reported. */
static int streams_receive_terminal(int socket_fd, int *fd)
{
    char byte;
    struct iovec data = {.iov_base = &byte, .iov_len = 1};
    union {
        struct cmsghdr header;
        char bytes[CMSG_SPACE(sizeof *fd)];
    } control = {.bytes = {0}};
    struct msghdr message = {.msg_iov = &data,
                             .msg_iovlen = 1,
                             .msg_control = control.bytes,
                             .msg_controllen = sizeof control.bytes};
    ssize_t got = recvmsg(socket_fd, &message, MSG_CMSG_CLOEXEC);
    const struct cmsghdr *rights = CMSG_FIRSTHDR(&message);
    if (got == -1)
        return (int)log_call(got, "the container's terminal", "recvmsg(%d)",
                             socket_fd);
    if (got == 1 && rights != NULL && rights->cmsg_type == SCM_RIGHTS)
        memcpy(fd, CMSG_DATA(rights), sizeof *fd);
    return 0;
}

int streams_receive(struct streams *streams)
{
    int fd = -1;
    for (int i = 0; i < 3; i++)
        files_close(&streams->inside[i]);
    files_close(&streams->talk_fds[1]);
    if (!streams->terminal)
        return 0;
    int result = streams_receive_terminal(streams->talk_fds[0], &fd);
    files_close(&streams->talk_fds[0]);
    if (result == -1 || fd == -1)
        return result;
    streams->output_fds[0] = streams->input_fd = fd;
    /* As long as one of the container's sides is open, here, ours has no end: not when
     * the container closes its own, as it may do to open it again. */
    streams->inside[0] = ioctl(fd, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (log_call(streams->inside[0], "a side of it that stays open",
                 "ioctl(%d, TIOCGPTPEER, O_RDWR|O_NOCTTY)", fd) == -1)
        return -1;
    result = fcntl(fd, F_SETFL, O_RDWR | O_NONBLOCK);
    return (int)log_call(result, "who does not read does not stop us",
                         "fcntl(%d, F_SETFL, O_RDWR|O_NONBLOCK)", fd);
}
