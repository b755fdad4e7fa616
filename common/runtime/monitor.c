#include "common/runtime/monitor.h"

#include "common/base/clock.h"
#include "common/base/files.h"
#include "common/base/log.h"
#include "common/base/program.h"
#include "common/kernel/process.h"
#include "common/runtime/id_files.h"
#include "common/runtime/relay.h"
#include "common/runtime/run_options.h"
#include "common/runtime/terminal.h"
#include "common/runtime/thrift.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

struct monitor {
    struct record record;
    struct terminal terminal;
    pid_t pid;         /* the container's first process */
    bool has_terminal; /* it has one of its own */
    int alive_fd, signal_fd, news_fd;
    struct relay relay;
    struct log_file log;
};

/* ---- The container begins ---- */

/* The filter as the kernel is going to get it, for those who enter later (exec). Where there
 * is none, that is what they are to find: not that the file is gone. */
static int monitor_keep_filter(const struct container *container,
                               const struct record *record)
{
    const struct seccomp_filter *filter = &container->privileges.filter;
    char path[PATH_MAX];
    if (files_path(path, "%s/seccomp", record->directory) == -1)
        return -1;
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    size_t size = filter->length * sizeof filter->instructions[0];
    ssize_t written = fd == -1 ? -1 : write(fd, filter->instructions, size);
    if (fd != -1)
        close(fd);
    if (written == (ssize_t)size)
        return 0;
    if (written != -1)
        errno = ENOSPC;
    return (int)log_call(-1, "the filter, for those who enter later",
                         "write(\"%s\")", path);
}

/* From nothing to a command that runs. Returns 0, or the status to exit with. */
static int monitor_start(struct monitor *monitor, struct container *container)
{
    struct record *record = &monitor->record;
    if (monitor_keep_filter(container, record) == -1 ||
        container_prepare(container, record) == -1 ||
        run_options_describe_network(container, record) == -1)
        return EXIT_OURS;
    int status = container_start(container);
    if (status != 0)
        return status;
    monitor->pid = container->pid;
    monitor->has_terminal = container->terminal;
    /* A reader that has gone is to be an error, not our end; so is a log that grows larger
     * than who started us may make files. setrlimit(2). */
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN);
    relay_begin(&monitor->relay, &container->streams, &monitor->log,
                monitor->news_fd == -1, container->interactive);
    if (relay_listen(&monitor->relay, record->directory) == -1)
        return EXIT_OURS;
    record->status = RECORD_RUNNING;
    record->started_ns = clock_now_ns(CLOCK_REALTIME);
    if (record_identify_process(container->pid, &record->init_process) == -1 ||
        record_write_state(record) == -1 ||
        id_files_write_process(container->process_file, container->pid) == -1)
        return EXIT_OURS;
    return 0;
}

/* Nobody waits for us any more, nor will anybody read what we say. */
static void monitor_tell(struct monitor *monitor)
{
    struct monitor_news news;
    if (monitor->news_fd == -1)
        return;
    int null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (null_fd != -1) {
        dup2(null_fd, STDERR_FILENO);
        close(null_fd);
    }
    log_set_descriptor(-1);
    if (chdir("/") == -1) /* so that where we were can be unmounted */
        log_call(-1, "in nobody's way", "chdir(\"/\")");
    memcpy(news.id, monitor->record.id, sizeof news.id);
    if (write(monitor->news_fd, &news, sizeof news) == -1)
        log_call(-1, "it runs", "write(%d)", monitor->news_fd);
    close(monitor->news_fd);
}

/* ---- The container runs ---- */

static bool monitor_has_ended(pid_t pid)
{
    siginfo_t ended = {.si_pid = 0};
    return waitid(P_PID, (id_t)pid, &ended, WEXITED | WNOHANG | WNOWAIT) == 0 &&
           ended.si_pid == pid;
}

/* Its terminal is ours while we run, not while we are stopped. */
static void monitor_forward(struct monitor *monitor, const siginfo_t *received)
{
    int number = received->si_signo;
    bool stops = number == SIGTSTP || number == SIGTTIN || number == SIGTTOU;
    bool was_raw = monitor->terminal.raw;
    if (number == SIGWINCH && monitor->has_terminal) {
        if (monitor->news_fd == -1)
            terminal_copy_size(monitor->relay.input.to_fd);
        return;
    }
    if (stops)
        terminal_restore(&monitor->terminal);
    process_forward(monitor->pid, received);
    if (stops && was_raw)
        terminal_make_raw(&monitor->terminal);
    if (stops && monitor->has_terminal)
        terminal_copy_size(monitor->relay.input.to_fd);
}

/* Takes one signal. Returns whether the container has ended. */
static bool monitor_take_signal(struct monitor *monitor)
{
    struct signalfd_siginfo taken;
    if (read(monitor->signal_fd, &taken, sizeof taken) != (ssize_t)sizeof taken)
        return false;
    siginfo_t received = {.si_signo = (int)taken.ssi_signo,
                          .si_code = taken.ssi_code};
    if (received.si_signo != SIGCHLD)
        monitor_forward(monitor, &received);
    return monitor_has_ended(monitor->pid);
}

/* Waits as poll(2) does. When nothing has happened for a while, it may not for days: then it
 * takes little room. For one that lives for a moment only it would not be worth the work. */
static int monitor_poll(struct pollfd *polls, nfds_t count, int timeout_ms)
{
    enum { A_WHILE_MS = 1000 };
    struct thrift thrift;
    int result = poll(polls, count, timeout_ms == -1 ? A_WHILE_MS : timeout_ms);
    if (result != 0 || timeout_ms != -1)
        return result;
    thrift_begin(&thrift);
    result = poll(polls, count, -1);
    thrift_end(&thrift);
    return result;
}

/* Until the container's first process has ended: it is not reaped yet, so that its number
 * stays its own. Returns 0, or -1, reported. */
static int monitor_wait(struct monitor *monitor)
{
    for (;;) {
        struct pollfd polls[1 + RELAY_POLLS];
        int timeout = relay_prepare(&monitor->relay, polls + 1);
        polls[0] = (struct pollfd){.fd = monitor->signal_fd, .events = POLLIN};
        int result = monitor_poll(polls, 1 + RELAY_POLLS, timeout);
        if (result == -1 && errno != EINTR)
            return (int)log_call(result, "whatever comes next", "poll()");
        if (result == -1)
            continue;
        if (polls[0].revents != 0 && monitor_take_signal(monitor))
            return 0;
        relay_handle(&monitor->relay, polls + 1);
    }
}

/* ---- The container ends ---- */

static void monitor_record_end(struct monitor *monitor,
                               const struct container *container, int status)
{
    struct record *record = &monitor->record;
    record->status = RECORD_EXITED;
    record->exit_status = status;
    record->finished_ns = clock_now_ns(CLOCK_REALTIME);
    record->oom_killed = cgroup_was_out_of_memory(&container->cgroup);
    if (monitor->log.incomplete)
        record->error = "log incomplete: some of it could not be written";
    if (record_write_state(record) == -1)
        log_warning("how the container ended is not kept: %d", status);
}

/* Waits for the end. Returns the container's exit status. */
static int monitor_follow(struct monitor *monitor, struct container *container)
{
    int status = -1, result = 0;
    siginfo_t ended;
    if (monitor->news_fd == -1 && container->terminal && container->interactive)
        result = terminal_make_raw(&monitor->terminal);
    /* It has the filter, and will not need ours. */
    struct seccomp_filter *filter = &container->privileges.filter;
    memset(filter->instructions, 0,
           filter->length * sizeof filter->instructions[0]);
    filter->length = 0;
    if (result == 0)
        result = monitor_wait(monitor);
    if (result == -1) {
        kill(container->pid, SIGKILL);
        waitid(P_PID, (id_t)container->pid, &ended, WEXITED | WNOWAIT);
    }
    relay_drain(&monitor->relay);
    terminal_restore(&monitor->terminal);
    process_reap(container->pid, &status);
    return result == -1 || status == -1 ? EXIT_OURS : status;
}

/* What cannot be started leaves nothing. */
static void monitor_undo(const struct store *store, struct monitor *monitor,
                         struct container *container)
{
    if (container->pid > 0) {
        kill(container->pid, SIGKILL);
        waitpid(container->pid, NULL, 0);
    }
    container_take_down(container);
    relay_end(&monitor->relay, EXIT_OURS);
    logs_close(&monitor->log);
    id_files_remove(container->id_file);
    close(monitor->alive_fd);
    store_remove(store, &monitor->record);
}

static void monitor_end(const struct store *store, struct monitor *monitor,
                        struct container *container, int status)
{
    monitor_record_end(monitor, container, status);
    if (!log_is_quiet() || monitor->record.oom_killed)
        cgroup_report(&container->cgroup);
    container_take_down(container);
    logs_close(&monitor->log);
    close(monitor->alive_fd);
    relay_end(&monitor->relay, status);
    if (container->remove_at_end)
        store_remove(store, &monitor->record);
}

/* ---- All of it ---- */

/* Whoever waits for us is to exit with that status, and has read why. */
static int monitor_refuse(int news_fd, int status)
{
    unsigned char byte = (unsigned char)status;
    if (news_fd != -1 && write(news_fd, &byte, 1) == -1)
        log_call(-1, "it does not run", "write(%d)", news_fd);
    return status;
}

/* With signals blocked, and the record there. */
static int monitor_live(const struct store *store, struct monitor *monitor,
                        struct container *container)
{
    int status = monitor_start(monitor, container);
    if (status != 0) {
        monitor_undo(store, monitor, container);
        return monitor_refuse(monitor->news_fd, status);
    }
    monitor_tell(monitor);
    status = monitor_follow(monitor, container);
    monitor_end(store, monitor, container, status);
    /* From here on we are a program like any other, that writes to a pipe. */
    sigprocmask(SIG_SETMASK, &container->mask, NULL);
    relay_flush(&monitor->relay);
    return monitor->relay.reader_is_gone ? 128 + SIGPIPE : status;
}

/* What is there besides the container itself, so that this can be told of. */
static int monitor_open(const struct store *store, struct monitor *monitor,
                        struct container *container)
{
    struct record *record = &monitor->record;
    sigset_t handled;
    process_handled_signals(&handled);
    monitor->signal_fd = signalfd(-1, &handled, SFD_CLOEXEC | SFD_NONBLOCK);
    if (log_call(monitor->signal_fd, "signals come as something to be read",
                 "signalfd4(-1, SFD_CLOEXEC|SFD_NONBLOCK)") == -1)
        return -1;
    if (run_options_describe(container, record) == -1)
        return -1;
    monitor->alive_fd = store_reserve(store, record);
    if (monitor->alive_fd == -1)
        return -1;
    files_close(&container->image_fd); /* what it runs on is on record now */
    if (logs_open(&monitor->log, record->log_path, container->log_bytes,
                  container->log_files) == 0) {
        if (id_files_write_id(container->id_file, record->id) == 0)
            return 0;
        logs_close(&monitor->log);
    }
    close(monitor->alive_fd);
    store_remove(store, record);
    return -1;
}

int monitor_run(const struct store *store, struct container *container,
                int news_fd)
{
    static struct monitor monitor;
    monitor.news_fd = news_fd;
    relay_clear(&monitor.relay);
    if (process_block_signals(&container->mask) == -1)
        return monitor_refuse(news_fd, EXIT_OURS);
    if (monitor_open(store, &monitor, container) == -1)
        return monitor_refuse(news_fd, EXIT_OURS);
    return monitor_live(store, &monitor, container);
}
