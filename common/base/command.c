#include "common/base/command.h"

#include "common/base/log.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <unistd.h>

#define DEFAULT_PATH \
    "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

extern char **environ;

static int report_fd = -1;
static bool is_ready; /* and that has been reported */

/* ---- Why a program that is there can not be started ---- */

/* What of a file's beginning decides how the kernel starts it. */
struct executable {
    enum { NOT_EXECUTABLE, SCRIPT, ELF_PROGRAM } kind;
    int machine;           /* of an ELF: EM_… */
    char interpreter[256]; /* the script's, or the loader of an ELF */
};

static int own_machine(void)
{
#if defined __x86_64__
    return EM_X86_64;
#elif defined __aarch64__
    return EM_AARCH64;
#else
#error "nsctl is written for x86_64 and aarch64"
#endif
}

static const char *machine_name(int machine)
{
    switch (machine) {
    case EM_X86_64:
        return "x86_64";
    case EM_AARCH64:
        return "aarch64";
    case EM_386:
        return "i386";
    case EM_ARM:
        return "32-bit arm";
    case EM_RISCV:
        return "riscv";
    case EM_S390:
        return "s390x";
    case EM_PPC64:
        return "ppc64";
    default:
        return "another architecture";
    }
}

/* The loader is named by the program header of type PT_INTERP. elf(5). Only
 * 64-bit files of our own byte order are looked into further. */
static void command_read_loader(int fd, const Elf64_Ehdr *header,
                                struct executable *found)
{
    for (unsigned i = 0; i < header->e_phnum; i++) {
        Elf64_Phdr part;
        off_t offset = (off_t)(header->e_phoff + i * sizeof part);
        if (pread(fd, &part, sizeof part, offset) != (ssize_t)sizeof part)
            return;
        if (part.p_type != PT_INTERP)
            continue;
        size_t size = part.p_filesz < sizeof found->interpreter
                          ? part.p_filesz
                          : sizeof found->interpreter - 1;
        ssize_t got = pread(fd, found->interpreter, size, (off_t)part.p_offset);
        found->interpreter[got > 0 ? got : 0] = '\0';
        return;
    }
}

static void command_read_executable(int fd, struct executable *found)
{
    memset(found, 0, sizeof *found);
    union {
        char text[256];
        Elf64_Ehdr elf;
    } start = {{0}};
    ssize_t got = pread(fd, &start, sizeof start - 1, 0);
    if (got >= 2 && memcmp(start.text, "#!", 2) == 0) {
        found->kind = SCRIPT;
        const char *name = start.text + 2;
        name += strspn(name, " \t");
        snprintf(found->interpreter, sizeof found->interpreter, "%.*s",
                 (int)strcspn(name, " \t\n"), name);
    } else if (got >= (ssize_t)sizeof start.elf &&
               memcmp(start.elf.e_ident, ELFMAG, SELFMAG) == 0) {
        found->kind = ELF_PROGRAM;
        found->machine = start.elf.e_machine;
        if (start.elf.e_ident[EI_CLASS] == ELFCLASS64 &&
            start.elf.e_phentsize == sizeof(Elf64_Phdr))
            command_read_loader(fd, &start.elf, found);
    }
}

/* The file is there and has an execute bit, yet execve(2) failed. */
static int command_explain_content(const char *path, int error)
{
    struct executable file = {0};
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd != -1) {
        command_read_executable(fd, &file);
        close(fd);
    }
    /* ENOENT would be about the loader: then the kernel took the machine. */
    if (error == ENOEXEC && file.kind == ELF_PROGRAM &&
        file.machine != own_machine()) {
        log_error("%s: wrong architecture (ENOEXEC): it is built for %s, this "
                  "machine is %s",
                  path, machine_name(file.machine),
                  machine_name(own_machine()));
        log_advice("take the build for this machine");
        return EXIT_NOT_INVOCABLE;
    }
    if (error == ENOENT && file.kind == SCRIPT) {
        log_error("%s: no interpreter (ENOENT): its first line asks for %s, "
                  "which is not there",
                  path, file.interpreter);
        /* Written on Windows: then the name that is looked for ends in CR. */
        log_advice("%s", strchr(file.interpreter, '\r') != NULL
                             ? "its lines end in CR LF: take the CR off them"
                             : "install it in this root file system, or mend "
                               "the line");
        return EXIT_NOT_FOUND;
    }
    if (error == ENOENT) {
        log_error("%s: no loader (ENOENT): the file is there, but the dynamic "
                  "loader that it names, %s, is not",
                  path,
                  file.interpreter[0] == '\0' ? "of another word size"
                                              : file.interpreter);
        log_advice("copy the loader and the libraries that `ldd` names into "
                   "this root file system, or link it statically");
        return EXIT_NOT_FOUND;
    }
    log_error("%s: not a program (ENOEXEC): %s", path,
              file.kind == ELF_PROGRAM ? "its ELF header is damaged"
                                       : "neither ELF nor a #! line");
    log_advice("begin a script with #!/bin/sh, or name its interpreter");
    return EXIT_NOT_INVOCABLE;
}

static int command_explain_refusal(const char *path)
{
    struct stat status;
    struct statvfs file_system;
    const char *reason = "a directory on the way may not be searched, or its "
                         "interpreter or loader not be executed";
    const char *remedy = "look at the modes of each of them";
    if (stat(path, &status) == 0) {
        if (S_ISDIR(status.st_mode)) {
            reason = "it is a directory";
            remedy = "name a program in it";
        } else if ((status.st_mode & 0111) == 0) {
            reason = "no execute bit";
            remedy = "is it the program that you mean? chmod +x would make it "
                     "one";
        } else if (statvfs(path, &file_system) == 0 &&
                   (file_system.f_flag & ST_NOEXEC) != 0) {
            reason = "its file system is mounted noexec";
            remedy = "run it from another place";
        }
    }
    log_error("%s: permission denied (EACCES): %s", path, reason);
    log_advice("%s", remedy);
    return EXIT_NOT_INVOCABLE;
}

/* Says why execve(2) of `path` failed with `error`; returns the status. */
static int command_explain(const char *path, int error)
{
    switch (error) {
    case EACCES:
        return command_explain_refusal(path);
    case ENOEXEC:
        return command_explain_content(path, error);
    case ENOENT:
    case ENOTDIR:
        if (error == ENOENT && access(path, F_OK) == 0)
            return command_explain_content(path, error);
        log_error("%s: no such file (%s)", path,
                  error == ENOENT ? "ENOENT" : "ENOTDIR");
        log_advice("the path is looked up in the container's own file system");
        return EXIT_NOT_FOUND;
    default:
        errno = error;
        log_call(-1, "the command", "execve(\"%s\")", path);
        return EXIT_NOT_INVOCABLE;
    }
}

/* ---- Saying how it went ---- */

void command_report_to(int fd)
{
    report_fd = fd;
}

/* Whoever listens may be gone; then nobody is to be told. */
static void command_report(unsigned char byte)
{
    if (report_fd != -1 && write(report_fd, &byte, 1) == -1)
        report_fd = -1;
}

void command_exit(int status)
{
    command_report((unsigned char)status);
    _exit(status);
}

void command_leave_report(void)
{
    if (report_fd == -1)
        return;
    close(report_fd);
    report_fd = -1;
    int log_fd = log_set_descriptor(STDERR_FILENO);
    if (log_fd != STDERR_FILENO)
        close(log_fd);
    log_set_quiet(true);
}

int command_await(int fd)
{
    unsigned char byte;
    int status = -1;
    ssize_t got;
    while ((got = read(fd, &byte, 1)) == 1 || (got == -1 && errno == EINTR))
        if (got == 1)
            status = byte;
    return status;
}

/* ---- Starting it ---- */

static void command_log_start(const char *path, char **command)
{
    char arguments[1024];
    size_t used = 0;
    for (char **word = command; *word != NULL; word++) {
        int length = snprintf(arguments + used, sizeof arguments - used,
                              "%s\"%s\"", word == command ? "" : ", ", *word);
        if (length < 0 || (size_t)length >= sizeof arguments - used) {
            snprintf(arguments + sizeof arguments - sizeof "…", sizeof "…",
                     "…");
            break;
        }
        used += (size_t)length;
    }
    log_before_call("the command takes over this process",
                    "execve(\"%s\", [%s])", path, arguments);
}

/* Returns only if it failed, with errno as execve(2) set it; false: there is no such file.
 * Files are looked for before they are executed, so that the log names just one execve(2). */
static bool command_try(const char *path, char **command)
{
    if (access(path, X_OK) == 0)
        command_log_start(path, command);
    else if (errno == ENOENT || errno == ENOTDIR)
        return false;
    if (!is_ready)
        command_report(0);
    is_ready = true;
    execve(path, command, environ);
    return true;
}

/* As execvp(3): the first file of that name in PATH that can be executed; a
 * name that is only found without permission is reported as that. */
static int command_search(char **command)
{
    const char *directory = getenv("PATH");
    if (directory == NULL)
        directory = DEFAULT_PATH;
    char refused[PATH_MAX] = "";
    for (;;) {
        int length = (int)strcspn(directory, ":");
        char path[PATH_MAX];
        int size = snprintf(path, sizeof path, "%.*s%s%s", length, directory,
                            length == 0 ? "" : "/", command[0]);
        if (size < (int)sizeof path) {
            bool is_there = command_try(path, command);
            if (errno == EACCES && refused[0] == '\0')
                memcpy(refused, path, sizeof path);
            else if (is_there && errno != EACCES && errno != ENOTDIR)
                return command_explain(path, errno);
        }
        if (directory[length] == '\0')
            break;
        directory += length + 1;
    }
    if (refused[0] != '\0')
        return command_explain(refused, EACCES);
    log_error("%s: no such file (ENOENT) in any directory of PATH", command[0]);
    log_advice("PATH is %s; a path with a slash is taken as it is",
               getenv("PATH") == NULL ? DEFAULT_PATH : getenv("PATH"));
    return EXIT_NOT_FOUND;
}

int command_close_descriptors(void)
{
    /* O_CLOEXEC would do for ours, but not for those that were left open by
     * whoever started us, nor for an init that executes nothing. */
    long result = syscall(SYS_close_range, 3U, ~0U, 0U);
    return (int)log_call(result, "no descriptor but 0, 1, 2 is left open",
                         "close_range(3, %u, 0)", ~0U);
}

int command_close_descriptors_from(unsigned first)
{
    long result = syscall(SYS_close_range, first, ~0U, 0U);
    return (int)log_call(result, "no other descriptor is left open",
                         "close_range(%u, %u, 0)", first, ~0U);
}

void command_execute(char **command)
{
    if (strchr(command[0], '/') == NULL)
        command_exit(command_search(command));
    command_try(command[0], command);
    command_exit(command_explain(command[0], errno));
}

void command_clean_environment(void)
{
    static char term[64];
    static char *environment[] = {"PATH=" DEFAULT_PATH, "HOME=/root", NULL,
                                  NULL};
    const char *host_term = getenv("TERM");
    if (host_term != NULL) {
        int length = snprintf(term, sizeof term, "TERM=%s", host_term);
        if (length < (int)sizeof term)
            environment[2] = term;
    }
    environ = environment;
}
