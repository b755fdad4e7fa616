/*
 * step 09: how does a container live on without your terminal?
 *
 *     make step-09 && sudo ./step-09 run -d --name web /bin/sleep 1000
 *     sudo ./step-09 ps
 *
 * New system calls:
 *     flock(2), fsync(2), rename(2)   a record that is never half, and says who lives
 *     setsid(2)                       a process that no terminal ends
 *     pidfd_open(2), pidfd_send_signal(2)
 *                                     signals to a process, not to a number
 *     setns(2)                        into the namespaces of one that runs
 *
 * Here only which command was meant. What it does is in:
 *     store.c record*.c     what is known of a container, where, and whether it is still true
 *     run.c detach.c        run, and by whom: a process that stays
 *     monitor.c             who waits for the container, and clears up
 *     container*.c          step 08's run: what is made, and the way of the child
 *     streams.c terminal.c  what it reads and prints; a terminal that is put back
 *     stop.c ending.c       stop, kill
 *     exec.c join.c         exec: one more command, in its namespaces; directory.c, where;
 *                           self.c, our own file kept out of its reach
 * and what is left of the commands in common/runtime, where all of this is, too:
 *     store_find.c list.c inspect.c remove.c wait.c pause.c      ps, inspect, rm, prune …
 *     relay.c attach.c logs*.c copy*.c difference.c top.c        attach, logs, cp, diff, top
 *     stats*.c show*.c trace*.c                                  lessons/observability.md
 *
 * lessons/09-lifecycle.md
 */
#include "common/base/log.h"
#include "common/base/program.h"
#include "common/runtime/subcommands.h"

#include <stdlib.h>
#include <string.h>

static const struct subcommand commands[] = {
    {"run", "a command in a new container", subcommand_run},
    {"simple", "a shell that sees this host, and changes nothing of it",
     subcommand_simple},
    {"attach", "in front of one that runs", subcommand_attach},
    {"ps list", "the containers that there are", subcommand_ps},
    {"exec", "one more command in one that runs", subcommand_exec},
    {"cp", "copy files into one, and out of it", subcommand_cp},
    {"diff", "what one has changed of its files", subcommand_diff},
    {"top", "the processes of one", subcommand_top},
    {"inspect", "all that is known of some, as JSON", subcommand_inspect},
    {"logs", "what one has printed", subcommand_logs},
    {"stats", "what they use", subcommand_stats},
    {"stop", "tell them to end", subcommand_stop},
    {"kill", "send them a signal", subcommand_kill},
    {"wait", "until they have ended", subcommand_wait},
    {"pause", "let them stand still", subcommand_pause},
    {"unpause", "let them go on", subcommand_unpause},
    {"rm delete", "remove them", subcommand_rm},
    {"prune", "remove all that do not run", subcommand_prune},
    {"rename", "give one another name", subcommand_rename},
    {"show", "a picture of some, drawn from /proc", subcommand_show},
    {"trace", "system calls, of one or of a command", subcommand_trace},
    {"doctor", "what this machine can run", subcommand_doctor},
    {0},
};
static subcommand_tables subcommands = {commands, NULL};

static void print_subcommands(void)
{
    subcommands_print(subcommands);
}

int main(int argc, char **argv)
{
    (void)argc;
    static struct store store;
    const char *root = NULL;
    const struct program_option options[] = {
        {"--root", "DIR", program_parse_text, &root,
         "where containers are kept (default: NSCTL_ROOT, else "
         "/var/lib/nsctl)"},
        {0},
    };
    const struct program program = {
        .name = "step-09",
        .summary = "Containers with a name, that live on by themselves.",
        .usage = "[OPTION...] COMMAND [OPTION...] [NAME...]",
        .example = "sudo ./step-09 run -d --name web /bin/sleep 1000",
        .options = options,
        .print_more = print_subcommands,
    };
    char **words = program_read_words(&program, argv, false);
    if (words[0] == NULL)
        program_refuse(&program, "which command? --help lists them");
    if (store_find(&store, root) == -1)
        return EXIT_OURS;
    program_set_whole(program.name);
    return subcommands_run(subcommands, &store, words);
}
