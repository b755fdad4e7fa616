/*
 * cp: files into a container and out of it, as an archive between two processes.
 *
 * One of them stays on the host. The other goes to where the container's mounts and ids
 * are, and does all that has to do with its paths there: what a link means, and who
 * owns a file, is the same to it as to the container, and it has no way to the host but
 * the archive. It is not among the container's processes, which so have no number for it.
 *
 * taught in: step 09, lessons/09-lifecycle.md
 */
#include "common/base/files.h"
#include "common/base/log.h"
#include "common/base/program.h"
#include "common/base/tar_reader.h"
#include "common/base/tar_writer.h"
#include "common/kernel/clone.h"
#include "common/runtime/copy_pack.h"
#include "common/runtime/copy_stopped.h"
#include "common/runtime/copy_unpack.h"
#include "common/runtime/join.h"
#include "common/runtime/store.h"
#include "common/runtime/subcommands.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* "NAME:PATH", a path of the host's, or "-". */
struct copy_end {
    char *container; /* NULL: the host */
    const char *path;
    bool stream;
};

struct copy {
    struct copy_end from, to;
    bool archive, follow_links;
    struct record record;
    struct join join;
    struct copy_stopped *stopped; /* NULL: it runs */
};

/* ---- Through a descriptor ---- */

static ssize_t copy_read(void *context, void *buffer, size_t size)
{
    ssize_t got;
    do
        got = read(*(const int *)context, buffer, size);
    while (got == -1 && errno == EINTR);
    return got == -1 ? (ssize_t)log_call(got, "the archive", "read()") : got;
}

/* What the other side sends. Where that is nothing at all it has said why. */
struct copy_sent {
    int fd;
    bool any;
};

static ssize_t copy_read_sent(void *context, void *buffer, size_t size)
{
    struct copy_sent *sent = context;
    ssize_t got = copy_read(&sent->fd, buffer, size);
    if (got == 0 && !sent->any) {
        errno = ENODATA;
        return -1;
    }
    sent->any = true;
    return got;
}

static int copy_write(void *context, const void *data, size_t size)
{
    if (files_write_all(*(const int *)context, data, size) == 0)
        return 0;
    /* Who reads has gone, and has said why. */
    return errno == EPIPE ? -1 : (int)log_call(-1, "the archive", "write()");
}

static int copy_send(const struct copy *copy, int fd)
{
    static struct tar_writer writer; /* too large for a stack */
    struct copy_source source = {
        .path = copy->from.path,
        .follow_links = copy->follow_links,
        /* The other side knows what it is to be called there. */
        .as = copy->to.stream ? copy_base_name(copy->from.path) : ".",
    };
    tar_writer_start(&writer, copy_write, &fd);
    return copy_pack(&source, &writer) == -1 ? -1 : tar_writer_finish(&writer);
}

static int copy_receive(const struct copy *copy, int fd)
{
    struct tar_limits limits = tar_default_limits;
    struct tar_reader reader;
    const char *name = copy_base_name(copy->from.path);
    struct copy_target target = {
        .path = copy->to.path,
        .name = copy->from.stream || strcmp(name, ".") == 0 ? NULL : name,
        .is_directory = copy->from.stream,
        /* What is in an archive was put there on purpose. */
        .keep_owners = copy->archive || copy->from.stream,
        /* A program of the container's is not to be root's on the host. */
        .drop_set_ids = copy->to.container == NULL,
    };
    limits.entries = limits.bytes =
        UINT64_MAX; /* as much as there is room for */
    struct copy_sent sent = {.fd = fd, .any = copy->from.stream};
    if (tar_reader_start(&reader, copy->from.stream ? "-" : copy->from.path,
                         copy_read_sent, &sent, &limits) == -1)
        return -1;
    int result = copy_unpack(&reader, &target);
    if (result == 0)
        result = tar_reader_finish(&reader);
    tar_reader_free(&reader);
    return result;
}

/* ---- Where each side is ---- */

static int copy_enter(const struct copy *copy)
{
    unsigned spaces = copy->join.spaces & (CLONE_NEWUSER | CLONE_NEWNS);
    int result = copy->stopped != NULL ? copy_stopped_enter(copy->stopped)
                                       : join_enter(&copy->join, spaces);
    umask(0);
    if (result == -1 || copy->stopped != NULL)
        return result;
    return join_become_root(&copy->join);
}

static int copy_inside(const struct copy *copy, int fd)
{
    if (copy_enter(copy) == -1)
        return -1;
    return copy->to.container != NULL ? copy_receive(copy, fd)
                                      : copy_send(copy, fd);
}

/* The container's side, as a child, which is to have `fd` and not `other_fd` (-1: there
 * is none). Returns its number, or -1, reported. */
static pid_t copy_start(const struct copy *copy, int fd, int other_fd)
{
    struct clone_args arguments = {.exit_signal = SIGCHLD};
    pid_t pid = copy->stopped != NULL ? copy_stopped_clone(copy->stopped)
                                      : clone_process(&arguments);
    if (pid == 0) {
        if (other_fd != -1)
            close(other_fd);
        _exit(copy_inside(copy, fd) == 0 ? 0 : EXIT_NOT_DONE);
    }
    log_call(pid, "the container's side", "clone3(%s)",
             copy->stopped == NULL        ? "0"
             : copy->stopped->userns_host ? "CLONE_NEWNS"
                                          : "CLONE_NEWNS|CLONE_NEWUSER");
    if (pid != -1 && copy->stopped != NULL &&
        copy_stopped_release(copy->stopped, pid) == -1)
        kill(pid, SIGKILL);
    return pid;
}

static int copy_wait(pid_t pid)
{
    int status;
    while (waitpid(pid, &status, 0) == -1)
        if (errno != EINTR)
            return (int)log_call(-1, "the container's side", "wait4(%d)",
                                 (int)pid);
    return status == 0 ? 0 : -1;
}

/* Both sides, of which the child is the container's. */
static int copy_between(const struct copy *copy)
{
    bool into = copy->to.container != NULL;
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) == -1)
        return (int)log_call(-1, "between the two sides", "pipe2(O_CLOEXEC)");
    signal(SIGPIPE, SIG_IGN);
    pid_t pid = copy_start(copy, ends[!into], ends[into]);
    close(ends[!into]);
    int result = pid == -1 ? -1
                 : into    ? copy_send(copy, ends[1])
                           : copy_receive(copy, ends[0]);
    close(ends[into]);
    return pid == -1 || copy_wait(pid) == -1 ? -1 : result;
}

static int copy_run(const struct copy *copy)
{
    bool into = copy->to.container != NULL;
    int stream_fd = into ? STDIN_FILENO : STDOUT_FILENO;
    if (!copy->from.stream && !copy->to.stream)
        return copy_between(copy);
    if (copy->stopped == NULL)
        return copy_inside(copy, stream_fd);
    pid_t pid = copy_start(copy, stream_fd, -1);
    return pid == -1 ? -1 : copy_wait(pid);
}

/* ---- What was asked for ---- */

/* A path of the host's that has a colon can be written ./a:b. */
static void copy_read_end(char *word, struct copy_end *end)
{
    char *colon = strchr(word, ':');
    end->path = word;
    end->stream = strcmp(word, "-") == 0;
    if (colon == NULL || colon == word || word[0] == '.' ||
        memchr(word, '/', (size_t)(colon - word)) != NULL)
        return;
    *colon = '\0';
    end->container = word;
    end->path = colon[1] == '\0' ? "/" : colon + 1;
}

static void copy_read_options(struct copy *copy, char **argv)
{
    const struct program_option options[] = {
        {"-a --archive", NULL, NULL, &copy->archive,
         "keep the numbers of owners (default: whoever copies, or root inside)"},
        {"-L --follow-link", NULL, NULL, &copy->follow_links,
         "of a link that is named: what it leads to"},
        {0},
    };
    const struct program program = {
        .name = "cp",
        .summary = "Copies a file or a directory into a container, or out of "
                   "it, whether it runs or has ended.",
        .example = "cp web:/etc/nginx . && tar c site | nsctl cp - web:/srv",
        .options = options,
        .usage = "CONTAINER:PATH PATH|-  or  cp PATH|- CONTAINER:PATH",
    };
    char **words = subcommands_read(&program, argv, 2, 2);
    copy_read_end(words[0], &copy->from);
    copy_read_end(words[1], &copy->to);
    if ((copy->from.container == NULL) == (copy->to.container == NULL))
        program_refuse(&program,
                       copy->to.container == NULL
                           ? "neither is in a container: expected NAME:PATH"
                           : "both are in a container: expected one of them");
    if (copy->to.stream && isatty(STDOUT_FILENO))
        program_refuse(&program, "an archive is not for a terminal: send it "
                                 "into a file, or to tar");
}

/* Finds the way to its files. */
static int copy_open(struct copy *copy)
{
    static struct copy_stopped stopped; /* it has room for hundreds of layers */
    if (copy->record.status != RECORD_EXITED)
        return join_open(&copy->join, &copy->record);
    copy->stopped = &stopped;
    return copy_stopped_open(&stopped, &copy->record);
}

int subcommand_cp(const struct store *store, char **argv)
{
    static struct copy copy;
    copy.join = JOIN_NONE;
    copy_read_options(&copy, argv);
    const char *name =
        copy.from.container != NULL ? copy.from.container : copy.to.container;
    int status = EXIT_NOT_DONE;
    if (store_look_up(store, name, &copy.record) == 0 &&
        copy_open(&copy) == 0 && copy_run(&copy) == 0)
        status = 0;
    if (copy.stopped != NULL)
        copy_stopped_close(copy.stopped);
    join_close(&copy.join);
    record_free(&copy.record);
    return status;
}
