/*
 * step 01: can one process have a hostname of its own?
 *
 *     make step-01 && sudo ./step-01 /bin/sh
 *     # hostname          container
 *     # hostname web      …and the host, asked in another terminal, kept its own
 *
 * New system calls:
 *     clone3(2)        makes a child process, and new namespaces for it
 *     sethostname(2)   sets the hostname of the caller's UTS namespace
 *     prctl(2)         PR_SET_PDEATHSIG: the child dies when its parent does
 *     pipe2(2)         on which the child waits until the parent is ready
 *     waitpid(2)       gives the child's exit status, to be handed on
 *
 * Known already: nothing. common/base has the plumbing (log, options, execve
 * with its many errors), which every step uses and none teaches.
 *
 * Look at: readlink /proc/self/ns/uts, inside and outside. lessons/01-uts.md
 */
#include "common/base/command.h"
#include "common/base/log.h"
#include "common/base/program.h"

#include <fcntl.h>
#include <linux/sched.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

struct container {
    const char *hostname;
    char **command;
};

/* A pipe on which the child waits for its parent. */
struct sync {
    int read_fd;
    int write_fd;
};

/* ---- Before there is a child ---- */

static const char *uts_parse_hostname(const char *text, void *hostname)
{
    enum { MOST_BYTES = 64 }; /* __NEW_UTS_LEN in the kernel */
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyz"
                                  "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                  "0123456789-_.";
    //> check
    size_t length = strlen(text);
    if (length == 0 || length > MOST_BYTES)
        return "expected 1 to 64 bytes";
    if (text[strspn(text, allowed)] != '\0')
        return "expected letters, digits, '-', '_' and '.', and nothing else";
    //< check
    *(const char **)hostname = text;
    return NULL;
}

static pid_t clone_process(struct clone_args *arguments)
{
    /* The size tells the kernel which fields we know of, so that the structure
     * can grow without breaking us. clone(2). */
    return (pid_t)syscall(SYS_clone3, arguments, sizeof *arguments);
}

static int sync_open(struct sync *sync)
{
    int ends[2];
    int result = pipe2(ends, O_CLOEXEC);
    if (result == -1)
        return (int)log_call(result, "a pipe to the child", "pipe2(O_CLOEXEC)");
    sync->read_fd = ends[0];
    sync->write_fd = ends[1];
    return 0;
}

/* ---- The child, in its new namespace ---- */

static int sync_wait_for_parent(struct sync *sync)
{
    int result = 0;
    //> death
    result = prctl(PR_SET_PDEATHSIG, SIGKILL);
    //< death
    if (result == -1)
        return (int)log_call(result, "killed when its parent dies",
                             "prctl(PR_SET_PDEATHSIG, SIGKILL)");

    //> wait
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
    //< wait
    close(sync->read_fd);
    log_call(result, "killed when its parent dies",
             "prctl(PR_SET_PDEATHSIG, SIGKILL)");
    return 0;
}

static int uts_set_hostname(const char *hostname)
{
    size_t length = strlen(hostname);
    int result = sethostname(hostname, length);
    return (int)log_call(result, "a hostname of its own",
                         "sethostname(\"%s\", %zu)", hostname, length);
}

/* Leaves by _exit(2) or execve(2) alone: the stack below belongs to main() of
 * the parent, whose work it must not do a second time. */
static void __attribute__((noreturn))
child_run(const struct container *container, struct sync *sync)
{
    if (sync_wait_for_parent(sync) == -1)
        _exit(EXIT_OURS);
    //> hostname
    if (uts_set_hostname(container->hostname) == -1)
        _exit(EXIT_OURS);
    //< hostname
    //> descriptors
    if (command_close_descriptors() == -1)
        _exit(EXIT_OURS);
    //< descriptors
    command_execute(container->command);
}

/* ---- The parent, after there is a child ---- */

static int sync_release_child(struct sync *sync)
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

static int parent_wait(pid_t container_pid)
{
    /* ^C and ^\ go to everybody in the terminal's foreground, so to us too. They
     * are meant for the command; it decides whether they end it. system(3) does
     * the same. */
    signal(SIGINT, SIG_IGN);
    signal(SIGQUIT, SIG_IGN);

    int status;
    pid_t ended = waitpid(container_pid, &status, 0);
    if (log_call(ended, "the child ended", "waitpid(%d)", container_pid) == -1)
        return EXIT_OURS;
    //> status
    if (WIFSIGNALED(status))
        return 128 + WTERMSIG(status);
    //< status
    return WEXITSTATUS(status);
}

static int parent_run(const struct container *container)
{
    /* Whoever started us may ignore SIGCHLD, and we have inherited that. Then
     * children vanish when they end, and their status with them. */
    signal(SIGCHLD, SIG_DFL);

    struct sync sync = {.read_fd = -1, .write_fd = -1};
    if (sync_open(&sync) == -1)
        return EXIT_OURS;

    struct clone_args arguments = {
        //> namespace
        .flags = CLONE_NEWUTS,
        .exit_signal = SIGCHLD, /* what waitpid(2) waits for */
        //< namespace
    };
    pid_t container_pid = clone_process(&arguments);
    if (container_pid == 0)
        child_run(container, &sync);
    if (log_call(container_pid, "a child in a UTS namespace of its own",
                 "clone3(CLONE_NEWUTS)") == -1)
        return EXIT_OURS;

    /* A child that is never released sees our end of the pipe close when we
     * exit: to give up here takes it down too. */
    if (sync_release_child(&sync) == -1)
        return EXIT_OURS;
    return parent_wait(container_pid);
}

int main(int argc, char **argv)
{
    (void)argc;
    struct container container = {.hostname = "container"};
    const struct program_option options[] = {
        {"--hostname", "NAME", uts_parse_hostname, &container.hostname,
         "hostname inside (default: container)"},
        {0},
    };
    const struct program program = {
        .name = "step-01",
        .summary = "Runs a command with a hostname of its own.",
        .example = "sudo ./step-01 --hostname web /bin/sh",
        .options = options,
    };
    container.command = program_read_options(&program, argv);
    program_require_root(&program);
    return parent_run(&container);
}
