/*
 * step 03: why does ps still show the host?
 *
 *     make step-03 && sudo ./step-03 ps -ef
 *     sudo ./step-03 /bin/sh
 *     # mount -t tmpfs none /mnt      …which nobody outside can see
 *
 * New system calls:
 *     clone3(2)    CLONE_NEWNS: a copy of the mount table for the child
 *     mount(2)     MS_REC|MS_PRIVATE: cuts the copy loose from the original
 *     mount(2)     proc: a /proc that shows the new PID namespace
 *
 * Known already, from step 01: kernel/uts, kernel/clone, kernel/sync;
 * from step 02: kernel/process.
 *
 * Look at: /proc/self/mountinfo, inside and outside. lessons/03-mount.md
 */
#include "common/base/command.h"
#include "common/base/log.h"
#include "common/base/program.h"
#include "common/kernel/clone.h"
#include "common/kernel/process.h"
#include "common/kernel/sync.h"
#include "common/kernel/uts.h"

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/mount.h>
#include <unistd.h>

struct container {
    const char *hostname;
    bool init;
    char **command;
};

/* ---- The child ---- */

static void mount_name_flags(unsigned long flags, char *text, size_t size)
{
    static const struct {
        unsigned long flag;
        const char *name;
    } names[] = {
        {MS_RDONLY, "MS_RDONLY"},   /* through this mount: others may write */
        {MS_NOSUID, "MS_NOSUID"},   /* set-user-id bits mean nothing here */
        {MS_NODEV, "MS_NODEV"},     /* device nodes open nothing */
        {MS_NOEXEC, "MS_NOEXEC"},   /* no program starts from here */
        {MS_REMOUNT, "MS_REMOUNT"}, /* change the flags of one that is there */
        {MS_BIND, "MS_BIND"},       /* show a directory at another place */
        {MS_MOVE, "MS_MOVE"},
        {MS_REC, "MS_REC"},         /* and all that is mounted below */
        {MS_PRIVATE, "MS_PRIVATE"}, /* what is mounted here stays here */
        {MS_SLAVE, "MS_SLAVE"},     /* and what others mount comes in */
        {MS_SHARED, "MS_SHARED"},   /* both ways */
        {MS_UNBINDABLE, "MS_UNBINDABLE"},
    };
    size_t used = (size_t)snprintf(text, size, "%s", flags == 0 ? "0" : "");
    //> flags
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if ((flags & names[i].flag) != 0 && used < size)
            used += (size_t)snprintf(text + used, size - used, "%s%s",
                                     used == 0 ? "" : "|", names[i].name);
    //< flags
}

static int mount_file_system(const char *source, const char *target,
                             const char *type, unsigned long flags,
                             const char *options, const char *intention)
{
    char flag_names[128];
    const char *quote = options == NULL ? "" : "\"";
    int result = mount(source, target, type, flags, options);
    if (result == 0 && log_is_quiet())
        return 0;
    mount_name_flags(flags, flag_names, sizeof flag_names);
    return (int)log_call(result, intention,
                         "mount(\"%s\", \"%s\", \"%s\", %s, %s%s%s)", source,
                         target, type, flag_names, quote,
                         options == NULL ? "NULL" : options, quote);
}

static int mount_make_private(void)
{
    //> private
    /* A new mount namespace copies the table, and with it which mounts are
     * shared: one made below a shared mount appears in every copy, the host's
     * too. systemd shares all there is. MS_PRIVATE ends it, MS_REC for each
     * mount below / as well. mount_namespaces(7). */
    if (mount_file_system("none", "/", "none", MS_REC | MS_PRIVATE, NULL,
                          "no mount from here reaches the host") == -1)
        return -1;
    //< private
    return 0;
}

static int mount_proc(void)
{
    //> proc
    /* /proc shows the PID namespace of whoever mounted it, and the copied one
     * was mounted by the host. */
    if (mount_file_system("proc", "/proc", "proc",
                          MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL,
                          "/proc shows this PID namespace") == -1)
        return -1;
    //< proc
    return 0;
}

static void __attribute__((noreturn))
child_run(const struct container *container, struct sync *sync,
          const sigset_t *mask)
{
    if (sync_wait_for_parent(sync) == -1 ||
        uts_set_hostname(container->hostname) == -1 ||
        mount_make_private() == -1 || /* before any other mount */
        mount_proc() == -1 || command_close_descriptors() == -1)
        _exit(EXIT_OURS);
    if (container->init)
        process_run_init(container->command, mask);
    process_execute(container->command, mask);
}

/* ---- The parent ---- */

static int parent_run(const struct container *container)
{
    struct sync sync = {.read_fd = -1, .write_fd = -1};
    sigset_t mask;
    if (sync_open(&sync) == -1 || process_block_signals(&mask) == -1)
        return EXIT_OURS;

    struct clone_args arguments = {
        .flags = CLONE_NEWUTS | CLONE_NEWPID | CLONE_NEWNS,
        .exit_signal = SIGCHLD,
    };
    pid_t container_pid = clone_process(&arguments);
    if (container_pid == 0)
        child_run(container, &sync, &mask);
    if (log_call(container_pid, "a child with a mount table of its own",
                 "clone3(CLONE_NEWUTS|CLONE_NEWPID|CLONE_NEWNS)") == -1 ||
        sync_release_child(&sync) == -1)
        return EXIT_OURS;

    int status = process_supervise(container_pid);
    return status == -1 ? EXIT_OURS : status;
}

int main(int argc, char **argv)
{
    (void)argc;
    struct container container = {.hostname = "container"};
    const struct program_option options[] = {
        {"--hostname", "NAME", uts_parse_hostname, &container.hostname,
         "hostname inside (default: container)"},
        {"--init", NULL, NULL, &container.init,
         "an init of ours as PID 1: reaps orphans, passes signals on"},
        {0},
    };
    const struct program program = {
        .name = "step-03",
        .summary = "Runs a command with mounts, and a /proc, of its own.",
        .example = "sudo ./step-03 ps -ef",
        .options = options,
    };
    container.command = program_read_options(&program, argv);
    program_require_root(&program);
    return parent_run(&container);
}
