#include "common/kernel/slirp.h"

#include "common/base/files.h"
#include "common/base/log.h"
#include "common/base/program.h"
#include "common/kernel/clone.h"
#include "common/kernel/slirp_api.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* ---- Which program ---- */

static bool slirp_find_in_path(const char *name, char *program)
{
    const char *directory = getenv("PATH");
    while (directory != NULL && *directory != '\0') {
        int length = (int)strcspn(directory, ":");
        int size =
            snprintf(program, PATH_MAX, "%.*s/%s", length, directory, name);
        /* Not from where we happen to be: a relative one, or "" */
        if (*directory == '/' && size < PATH_MAX && access(program, X_OK) == 0)
            return true;
        directory += length + (directory[length] == ':');
    }
    return false;
}

bool slirp_find(struct slirp *slirp)
{
    slirp->is_pasta = false;
    if (slirp_find_in_path("slirp4netns", slirp->program))
        return true;
    slirp->is_pasta = slirp_find_in_path("pasta", slirp->program);
    return slirp->is_pasta;
}

/* ---- Starting it ---- */

/* What the program is told to do. */
struct slirp_words {
    char text[4 * PORTS_MOST + 64][64];
    char *words[4 * PORTS_MOST + 64 + 1]; /* ends with NULL */
    size_t count;
};

static void __attribute__((format(printf, 2, 3)))
slirp_say(struct slirp_words *words, const char *format, ...)
{
    va_list arguments;
    char *text = words->text[words->count];
    va_start(arguments, format);
    vsnprintf(text, sizeof words->text[0], format, arguments);
    va_end(arguments);
    words->words[words->count++] = text;
    words->words[words->count] = NULL;
}

/* The descriptors that it begins with, besides 0, 1 and 2. */
enum { SLIRP_READY_FD = 3, SLIRP_EXIT_FD = 4, SLIRP_FIRST_CLOSED_FD = 5 };

static void slirp_say_slirp4netns(struct slirp_words *words,
                                  pid_t container_pid,
                                  const struct slirp_api *api)
{
    slirp_say(words, "slirp4netns");
    slirp_say(words, "--configure"); /* an address, a route, and lo too */
    slirp_say(words, "--mtu=65520"); /* nothing on the way is smaller */
    /* Or 10.0.2.2 would be 127.0.0.1 of the host, where those listen who want
     * to be reached by the host alone. */
    slirp_say(words, "--disable-host-loopback");
    /* It reads what the container sends, so it is locked up itself: no files but
     * /etc and /run, no powers, few system calls. */
    slirp_say(words, "--enable-sandbox");
    slirp_say(words, "--enable-seccomp");
    slirp_say(words, "--ready-fd=%d", SLIRP_READY_FD);
    slirp_say(words, "--exit-fd=%d", SLIRP_EXIT_FD);
    if (api->fd != -1)
        slirp_say(words, "--api-socket=%s", api->socket.sun_path);
    slirp_say(words, "%d", (int)container_pid);
    slirp_say(words, "tap0");
}

/* pasta locks itself up unasked. */
static void slirp_say_pasta(struct slirp_words *words, pid_t container_pid,
                            const struct ports *ports)
{
    slirp_say(words, "pasta");
    slirp_say(words, "--foreground");
    slirp_say(words, "--quiet");
    slirp_say(words, "--ipv4-only");
    slirp_say(words, "--config-net");
    slirp_say(words, "--ns-ifname");
    slirp_say(words, "tap0");
    slirp_say(words, "--address");
    slirp_say(words, SLIRP_ADDRESS);
    slirp_say(words, "--netmask");
    slirp_say(words, "24");
    slirp_say(words, "--gateway");
    slirp_say(words, SLIRP_GATEWAY);
    slirp_say(words, "--mtu");
    slirp_say(words, "65520");
    slirp_say(words, "--dns-forward");
    slirp_say(words, SLIRP_NAME_SERVER);
    slirp_say(words, "--no-map-gw"); /* 10.0.2.2 is not the host */
    /* By default each port that somebody listens at is forwarded, both ways. */
    bool said[2] = {false, false};
    for (size_t i = 0; i < ports->count; i++) {
        const struct port *port = &ports->all[i];
        bool udp = port->protocol == IPPROTO_UDP;
        char address[INET_ADDRSTRLEN];
        inet_ntop(AF_INET, &port->host_address, address, sizeof address);
        slirp_say(words, udp ? "--udp-ports" : "--tcp-ports");
        slirp_say(words, "%s/%u:%u", address, port->host_port,
                  port->container_port);
        said[udp] = true;
    }
    if (!said[0]) {
        slirp_say(words, "--tcp-ports");
        slirp_say(words, "none");
    }
    if (!said[1]) {
        slirp_say(words, "--udp-ports");
        slirp_say(words, "none");
    }
    slirp_say(words, "--tcp-ns");
    slirp_say(words, "none");
    slirp_say(words, "--udp-ns");
    slirp_say(words, "none");
    slirp_say(words, "--pid"); /* its number is written when it is ready */
    slirp_say(words, "/proc/self/fd/%d", SLIRP_READY_FD);
    slirp_say(words, "%d", (int)container_pid);
}

/* Three pipes: the program's ends, and ours. */
struct slirp_pipes {
    int ready[2];
    int exit[2];
    int message[2];
};

static int slirp_open_pipes(struct slirp_pipes *pipes)
{
    int result = pipe2(pipes->ready, O_CLOEXEC);
    if (result == 0)
        result = pipe2(pipes->exit, O_CLOEXEC);
    /* Nobody reads what it says unless it fails. When the pipe is full, what
     * more it has to say gets lost, and it does not wait. */
    if (result == 0)
        result = pipe2(pipes->message, O_CLOEXEC | O_NONBLOCK);
    if (result == -1)
        log_call(result, "pipes to the network program", "pipe2(O_CLOEXEC)");
    return result;
}

/* Becomes the program. */
static void __attribute__((noreturn))
slirp_execute(const struct slirp *slirp, const struct slirp_words *words,
              const struct slirp_pipes *pipes)
{
    sigset_t none;
    /* A session of its own: ^C at the terminal is for the container. */
    if (setsid() == -1 || prctl(PR_SET_PDEATHSIG, SIGKILL) == -1) {
        log_call(-1, "a session of its own, and our end is its end",
                 "setsid()");
        _exit(EXIT_OURS);
    }
    log_before_call("a network in a program, for the container",
                    "execve(\"%s\", [\"%s\", …])", slirp->program,
                    words->words[0]);
    int null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
    /* First out of the way, since each may be where another is to be. */
    int ready = fcntl(pipes->ready[1], F_DUPFD_CLOEXEC, 16);
    int end = fcntl(pipes->exit[0], F_DUPFD_CLOEXEC, 16);
    int message = fcntl(pipes->message[1], F_DUPFD_CLOEXEC, 16);
    if (dup2(null_fd, STDIN_FILENO) == -1 ||
        dup2(ready, SLIRP_READY_FD) == -1 || dup2(end, SLIRP_EXIT_FD) == -1 ||
        dup2(message, STDOUT_FILENO) == -1 ||
        dup2(message, STDERR_FILENO) == -1 ||
        syscall(SYS_close_range, (unsigned)SLIRP_FIRST_CLOSED_FD, ~0U, 0U) ==
            -1) {
        log_call(-1, "what it begins with", "dup2()");
        _exit(EXIT_OURS);
    }
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    execv(slirp->program, words->words);
    log_call(-1, "a network in a program", "execve(\"%s\")", slirp->program);
    _exit(EXIT_OURS);
}

/* What it has said, a line of the log each. */
static void slirp_report_messages(const struct slirp *slirp)
{
    char text[4096], *rest = NULL;
    ssize_t got = read(slirp->message_fd, text, sizeof text - 1);
    text[got > 0 ? got : 0] = '\0';
    for (char *line = strtok_r(text, "\n", &rest); line != NULL;
         line = strtok_r(NULL, "\n", &rest))
        log_advice("it says: %s", line);
}

static int slirp_await(const struct slirp *slirp, int ready_fd)
{
    enum { PATIENCE_MS = 30000 };
    struct pollfd ready = {.fd = ready_fd, .events = POLLIN};
    char byte;
    int result = poll(&ready, 1, PATIENCE_MS);
    if (result == -1)
        return (int)log_call(result, "until its network is there", "poll(%d)",
                             ready_fd);
    if (result == 1 && read(ready_fd, &byte, 1) == 1) {
        log_note("the container's network is there: tap0");
        return 0;
    }
    log_error("%s: %s", slirp->program,
              result == 0 ? "its network is not there after 30 seconds"
                          : "it ended before its network was there");
    slirp_report_messages(slirp);
    if (access("/dev/net/tun", R_OK | W_OK) == -1)
        log_advice("/dev/net/tun is not there, or not for you: sudo chmod 666 "
                   "/dev/net/tun, as every desktop has it; or --net none");
    errno = ENOTCONN;
    return -1;
}

/* ---- Its life ---- */

static int slirp_launch(struct slirp *slirp, pid_t container_pid,
                        const struct slirp_api *api, const struct ports *ports,
                        struct slirp_pipes *pipes)
{
    struct slirp_words words = {.count = 0};
    if (slirp->is_pasta)
        slirp_say_pasta(&words, container_pid, ports);
    else
        slirp_say_slirp4netns(&words, container_pid, api);
    if (slirp_open_pipes(pipes) == -1)
        return -1;
    struct clone_args arguments = {
        .flags = CLONE_PIDFD,
        .pidfd = (uint64_t)(uintptr_t)&slirp->pid_fd,
        .exit_signal = SIGCHLD,
    };
    slirp->pid = clone_process(&arguments);
    if (slirp->pid == 0)
        slirp_execute(slirp, &words, pipes);
    if (log_call(slirp->pid, "a process for the container's network",
                 "clone3(CLONE_PIDFD)") == -1)
        return -1;
    slirp->exit_fd = pipes->exit[1];
    slirp->message_fd = pipes->message[0];
    pipes->exit[1] = pipes->message[0] = -1;
    files_close(&pipes->ready[1]); /* or its end would not be seen */
    return slirp_await(slirp, pipes->ready[0]);
}

int slirp_start(struct slirp *slirp, pid_t container_pid,
                const struct ports *ports)
{
    struct slirp_api api = {.fd = -1};
    struct slirp_pipes pipes = {{-1, -1}, {-1, -1}, {-1, -1}};
    slirp->pid_fd = slirp->exit_fd = slirp->message_fd = -1;
    int result = 0;
    if (!slirp->is_pasta && ports->count > 0)
        result = slirp_api_open(&api);
    if (result == 0)
        result = slirp_launch(slirp, container_pid, &api, ports, &pipes);
    for (size_t i = 0; result == 0 && api.fd != -1 && i < ports->count; i++)
        result = slirp_api_publish(&api, &ports->all[i]);
    int saved_errno = errno;
    slirp_api_close(&api);
    for (int i = 0; i < 2; i++) {
        files_close(&pipes.ready[i]);
        files_close(&pipes.exit[i]);
        files_close(&pipes.message[i]);
    }
    if (result == -1)
        slirp_stop(slirp);
    errno = saved_errno;
    return result;
}

void slirp_stop(struct slirp *slirp)
{
    enum { PATIENCE_MS = 5000 };
    if (slirp->pid == -1)
        return;
    files_close(&slirp->exit_fd); /* slirp4netns ends by that */
    struct pollfd ended = {.fd = slirp->pid_fd, .events = POLLIN};
    if (slirp->is_pasta || poll(&ended, 1, PATIENCE_MS) != 1)
        syscall(SYS_pidfd_send_signal, slirp->pid_fd, SIGKILL, NULL, 0);
    siginfo_t status;
    int result = waitid(P_PIDFD, (id_t)slirp->pid_fd, &status, WEXITED);
    if (result == 0)
        log_call(result, "the container's network has ended",
                 "waitid(P_PIDFD)");
    files_close(&slirp->pid_fd);
    files_close(&slirp->message_fd);
    slirp->pid = -1;
}
