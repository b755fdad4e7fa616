/*
 * timer: how long commands take, in alternating pairs, so that whatever else the computer
 * does meets both alike.
 *
 *     timer [--rounds N] [--gap MS] [--count N --at-once M] [--uid UID --gid GID]
 *           -- COMMAND A… -- COMMAND B…
 *
 *   --rounds N    so many pairs (10); A and B take turns in being the first
 *   --gap MS      a pause before each start (20): the kernel takes a container apart after
 *                 its end, and the next start would pay for it
 *   --count N --at-once M   a turn is N starts, M of them at once (1, 1)
 *   --uid UID --gid GID     as that user, with that one group
 *
 * In a command's words @ stands for a number that no start has had before. What they print
 * goes nowhere; what they complain of to standard error. Each turn is a line:
 *
 *     ROUND a|b WALL-NS CPU-US PEAK-KIB USER-US
 *
 * The CPU time (all of it, and the part outside of the kernel) is that of the command and of all that it waited for, and of what it has left
 * behind that has ended by then. Exit status: 0; 1, a command failed, and which.
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { MOST_WORDS = 256, WORD_BYTES = 4096 };

struct turn {
    long wall_ns, cpu_us, peak_kib, user_us;
};

static long rounds = 10, gap_ms = 20, count = 1, at_once = 1;
static long uid = -1, gid = -1;
static unsigned long starts;

static void fail(const char *what, const char *why)
{
    fprintf(stderr, "timer: %s: %s\n", what, why);
    exit(1);
}

static long now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000000000L + now.tv_nsec;
}

static void rest(void)
{
    struct timespec gap = {gap_ms / 1000, gap_ms % 1000 * 1000000L};
    nanosleep(&gap, NULL);
}

/* The words with a new number in them, up to the NULL. */
static char **fill_in(char **command)
{
    static char words[MOST_WORDS][WORD_BYTES];
    static char *filled[MOST_WORDS + 1];
    size_t i = 0;
    for (starts++; command[i] != NULL && i < MOST_WORDS; i++) {
        const char *at = strchr(command[i], '@');
        filled[i] = command[i];
        if (at == NULL)
            continue;
        snprintf(words[i], sizeof words[i], "%.*s%lu%s", (int)(at - command[i]),
                 command[i], starts, at + 1);
        filled[i] = words[i];
    }
    filled[i] = NULL;
    return filled;
}

static pid_t start(char **command)
{
    extern char **environ;
    static posix_spawn_file_actions_t nowhere;
    static bool ready;
    pid_t pid;
    if (!ready) {
        posix_spawn_file_actions_init(&nowhere);
        posix_spawn_file_actions_addopen(&nowhere, STDOUT_FILENO, "/dev/null",
                                         O_WRONLY, 0);
        ready = true;
    }
    int error = posix_spawnp(&pid, command[0], &nowhere, NULL, fill_in(command),
                             environ);
    if (error != 0)
        fail(command[0], strerror(error));
    return pid;
}

static void add(struct turn *turn, const struct rusage *used)
{
    long user_us = used->ru_utime.tv_sec * 1000000L + used->ru_utime.tv_usec;
    turn->user_us += user_us;
    turn->cpu_us +=
        user_us + used->ru_stime.tv_sec * 1000000L + used->ru_stime.tv_usec;
    if (used->ru_maxrss > turn->peak_kib)
        turn->peak_kib = used->ru_maxrss;
}

/* Takes the end of one that we have started; an orphan's on the way. */
static void take_end(struct turn *turn, pid_t *running, char **command)
{
    int status;
    struct rusage used;
    for (;;) {
        pid_t pid = wait4(-1, &status, 0, &used);
        if (pid == -1)
            fail("wait4", strerror(errno));
        add(turn, &used);
        for (long i = 0; i < at_once; i++) {
            if (running[i] != pid)
                continue;
            running[i] = 0;
            if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
                fail(command[0], "it failed: what it took says nothing");
            return;
        }
    }
}

static void take_turn(char **command, struct turn *turn)
{
    static pid_t running[1024];
    struct rusage used;
    long begun = 0, ended = 0;
    rest();
    *turn = (struct turn){0, 0, 0, 0};
    long begin_ns = now_ns();
    while (ended < count) {
        for (long i = 0; i < at_once && begun < count; i++) {
            if (running[i] != 0)
                continue;
            running[i] = start(command);
            begun++;
        }
        take_end(turn, running, command);
        ended++;
    }
    turn->wall_ns = now_ns() - begin_ns;
    while (wait4(-1, NULL, WNOHANG, &used) > 0)
        add(turn, &used);
}

static long read_number(const char *text)
{
    char *end = NULL;
    long number = text == NULL ? -1 : strtol(text, &end, 10);
    if (number < 0 || *end != '\0')
        fail("expected a number", text == NULL ? "" : text);
    return number;
}

static char **read_options(char **word)
{
    for (; *word != NULL && strcmp(*word, "--") != 0; word += 2) {
        if (strcmp(*word, "--rounds") == 0)
            rounds = read_number(word[1]);
        else if (strcmp(*word, "--gap") == 0)
            gap_ms = read_number(word[1]);
        else if (strcmp(*word, "--count") == 0)
            count = read_number(word[1]);
        else if (strcmp(*word, "--at-once") == 0)
            at_once = read_number(word[1]);
        else if (strcmp(*word, "--uid") == 0)
            uid = read_number(word[1]);
        else if (strcmp(*word, "--gid") == 0)
            gid = read_number(word[1]);
        else
            fail(*word, "what is this?");
    }
    if (at_once < 1 || at_once > 1024)
        fail("--at-once", "1 to 1024");
    return word;
}

int main(int argc, char **argv)
{
    char **commands[2] = {NULL, NULL};
    (void)argc;
    char **word = read_options(argv + 1);
    for (int i = 0; i < 2 && *word != NULL; i++) {
        *word = NULL; /* it ended what stood before */
        commands[i] = ++word;
        while (*word != NULL && strcmp(*word, "--") != 0)
            word++;
    }
    if (commands[0] == NULL || commands[0][0] == NULL)
        fail("usage", "see the head of tests/bench/timer.c");
    if ((gid != -1 && (setgroups(0, NULL) == -1 || setgid((gid_t)gid) == -1)) ||
        (uid != -1 && setuid((uid_t)uid) == -1))
        fail("as that user", strerror(errno));
    /* What they leave behind is ours to wait for. */
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    for (long round = 0; round < rounds; round++)
        for (int i = 0; i < 2; i++) {
            int which = (int)((round + i) % 2);
            struct turn turn;
            if (commands[which] == NULL)
                continue;
            take_turn(commands[which], &turn);
            printf("%ld %c %ld %ld %ld %ld\n", round, 'a' + which, turn.wall_ns,
                   turn.cpu_us, turn.peak_kib, turn.user_us);
        }
    return 0;
}
