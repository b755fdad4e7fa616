#include "steps/09-lifecycle/self.h"

#include "common/base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <link.h>
#include <linux/mount.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <unistd.h>

extern char **environ;

#ifndef MFD_EXEC
#define MFD_EXEC 0x0010U
#endif

enum { SEALS = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE };

/* No container with ids of its own has 0 among them: root's range and a user's
 * are without it. */
static bool self_is_within_reach(const struct stat *status, bool userns_host)
{
    return userns_host || status->st_uid != 0 ||
           (status->st_mode & (S_IWGRP | S_IWOTH)) != 0;
}

/* Whether it comes from a mount as self_mount() makes one: only what is mounted nowhere is
 * called "/". `link`: to the same, in /proc. */
static bool self_is_mounted_apart(int program_fd, const char *link)
{
    char path[2];
    struct statvfs mount;
    return readlink(link, path, sizeof path) == 1 && path[0] == '/' &&
           fstatvfs(program_fd, &mount) == 0 && (mount.f_flag & ST_RDONLY) != 0;
}

/* Whether this is one that nobody can write to any more. Only a file in memory has seals. */
static bool self_is_protected(int program_fd)
{
    return fcntl(program_fd, F_GET_SEALS) == SEALS ||
           self_is_mounted_apart(program_fd, "/proc/self/exe");
}

/* ---- The same file, read-only ---- */

/* Mounted once more, at no place: whoever comes by the file this way can neither write to it
 * nor change its mode, and nobody finds the mount to make it another. Returns a descriptor, or
 * -1 where that cannot be had: without root, before Linux 5.12. mount_setattr(2). */
static int self_mount(void)
{
    static const char path[] = "/proc/self/exe";
    struct mount_attr attributes = {.attr_set = MOUNT_ATTR_RDONLY,
                                    .propagation = MS_PRIVATE};
    int fd = (int)syscall(SYS_open_tree, AT_FDCWD, path,
                          OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
    if (fd == -1)
        return -1;
    log_call(fd, "this program's file, once more",
             "open_tree(AT_FDCWD, \"%s\", OPEN_TREE_CLONE)", path);
    int result = (int)syscall(SYS_mount_setattr, fd, "", AT_EMPTY_PATH,
                              &attributes, sizeof attributes);
    if (result == -1) {
        close(fd);
        return -1;
    }
    log_call(result, "which is not to be written to",
             "mount_setattr(%d, \"\", AT_EMPTY_PATH, {attr_set="
             "MOUNT_ATTR_RDONLY, propagation=MS_PRIVATE})",
             fd);
    return fd;
}

/* A container's monitor was executed like that when it started. Where it is of this very file,
 * its mount does for us, too: none has to be made, nor taken apart again, for which the kernel
 * waits until no CPU looks at it any more. Whose number that is by now does not matter: it is
 * the file that is looked at. Returns a descriptor, or -1. */
static int self_open_monitor(pid_t monitor, const struct stat *ours)
{
    char path[64];
    struct stat status;
    snprintf(path, sizeof path, "/proc/%d/exe", (int)monitor);
    int fd = monitor == 0 ? -1 : openat(AT_FDCWD, path, O_PATH | O_CLOEXEC);
    if (fd == -1)
        return -1;
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    if (fstat(fd, &status) == 0 && status.st_ino == ours->st_ino &&
        status.st_dev == ours->st_dev && self_is_mounted_apart(fd, path))
        return fd;
    close(fd);
    return -1;
}

/* ---- A copy of it ---- */

/* How much of the file is ever executed: what comes after the last segment, names for a debugger
 * above all, may be three times as much. elf(5). */
static off_t self_used_bytes(int program_fd, off_t size)
{
    enum { MOST_SEGMENTS = 64 };
    ElfW(Ehdr) header;
    ElfW(Phdr) segments[MOST_SEGMENTS];
    off_t used = 0;
    if (pread(program_fd, &header, sizeof header, 0) != sizeof header ||
        header.e_phnum > MOST_SEGMENTS)
        return size;
    ssize_t bytes = (ssize_t)(header.e_phnum * sizeof segments[0]);
    if (pread(program_fd, segments, (size_t)bytes, (off_t)header.e_phoff) !=
        bytes)
        return size;
    for (size_t i = 0; i < header.e_phnum; i++) {
        off_t end = (off_t)(segments[i].p_offset + segments[i].p_filesz);
        if (end > used)
            used = end;
    }
    return used > 0 && used < size ? used : size;
}

static int self_copy(int program_fd, off_t size, int copy_fd)
{
    off_t offset = 0;
    while (offset < size) {
        ssize_t sent =
            sendfile(copy_fd, program_fd, &offset, (size_t)(size - offset));
        if (sent == 0) {
            errno = EIO; /* it has shrunk: somebody is writing to it already */
            sent = -1;
        }
        if (sent == -1)
            return (int)log_call(sent, "a copy of this program",
                                 "sendfile(%d, %d)", copy_fd, program_fd);
    }
    int result = fcntl(copy_fd, F_ADD_SEALS, SEALS);
    return (int)log_call(result, "that nobody can write to, for ever",
                         "fcntl(%d, F_ADD_SEALS, F_SEAL_WRITE|…)", copy_fd);
}

/* Since 6.3 it is to be said that it may be executed, and need not be allowed otherwise;
 * older kernels do not know the word. */
static int self_create_memory(void)
{
    enum { FLAGS = MFD_CLOEXEC | MFD_ALLOW_SEALING };
    int fd = memfd_create("nsctl", FLAGS | MFD_EXEC);
    bool known = fd != -1 || errno != EINVAL;
    if (!known)
        fd = memfd_create("nsctl", FLAGS);
    return (int)log_call(fd, "a copy of this program",
                         "memfd_create(\"nsctl\", "
                         "MFD_CLOEXEC|MFD_ALLOW_SEALING%s)",
                         known ? "|MFD_EXEC" : "");
}

/* Returns a descriptor of the copy, or -1, reported. */
static int self_make_copy(off_t size)
{
    int program_fd = openat(AT_FDCWD, "/proc/self/exe", O_RDONLY | O_CLOEXEC);
    if (program_fd == -1)
        return (int)log_call(-1, "this program's own file",
                             "openat(\"/proc/self/exe\", O_RDONLY)");
    int copy_fd = self_create_memory();
    if (copy_fd != -1 &&
        self_copy(program_fd, self_used_bytes(program_fd, size), copy_fd) ==
            -1) {
        close(copy_fd);
        copy_fd = -1;
    }
    close(program_fd);
    return copy_fd;
}

/* ---- Once more from there ---- */

/* The words that we were started with: whoever reads options may have put them into
 * another order. Returns them, NULL at the end, in memory that is never freed; or
 * NULL, reported. */
static char **self_read_words(void)
{
    size_t size = 0, capacity = 0, count = 0;
    char *text = NULL, **words = NULL;
    ssize_t got = 1;
    int fd = open("/proc/self/cmdline", O_RDONLY | O_CLOEXEC);
    while (fd != -1 && got > 0) {
        if (size == capacity) {
            char *larger = realloc(text, 2 * capacity + 4096);
            if (larger == NULL)
                break;
            text = larger;
            capacity = 2 * capacity + 4096;
        }
        got = read(fd, text + size, capacity - size);
        if (got > 0)
            size += (size_t)got;
    }
    if (fd != -1)
        close(fd);
    for (size_t i = 0; got == 0 && i < size; i++)
        count += text[i] == '\0';
    if (count > 0)
        words = calloc(count + 1, sizeof *words);
    for (size_t i = 0; words != NULL && i < count; i++) {
        words[i] = text;
        text += strlen(text) + 1;
    }
    if (words == NULL)
        log_call(-1, "how this program was started",
                 "openat(\"/proc/self/cmdline\", O_RDONLY)");
    return words;
}

/* What is looked for beside this program is not beside what runs then (base/files.h). */
static int self_name_original(void)
{
    char path[PATH_MAX];
    ssize_t length = readlink("/proc/self/exe", path, sizeof path - 1);
    path[length == -1 ? 0 : length] = '\0';
    return length == -1 || setenv("NSCTL_PROGRAM", path, 1) == -1
               ? log_error("this program's own path can not be told")
               : 0;
}

struct self {
    struct stat status;
    bool is_protected;
};

/* This program's file. Looked at once, for that does not change. NULL, reported. */
static const struct self *self_look(void)
{
    static struct self self;
    static bool is_known;
    if (is_known)
        return &self;
    int fd = openat(AT_FDCWD, "/proc/self/exe", O_RDONLY | O_CLOEXEC);
    if (fd == -1 || fstat(fd, &self.status) == -1) {
        log_call(-1, "this program's own file",
                 "openat(\"/proc/self/exe\", O_RDONLY)");
        return NULL;
    }
    self.is_protected = self_is_protected(fd);
    close(fd);
    /* A process is called as its file is, so that ps would show another name. */
    if (self.is_protected)
        prctl(PR_SET_NAME, program_invocation_short_name);
    is_known = true;
    return &self;
}

int self_protect(bool userns_host, pid_t monitor)
{
    const struct self *self = self_look();
    if (self == NULL)
        return -1;
    if (self->is_protected || !self_is_within_reach(&self->status, userns_host))
        return 0;
    int safe_fd = self_open_monitor(monitor, &self->status);
    if (safe_fd == -1)
        safe_fd = self_mount();
    if (safe_fd == -1)
        safe_fd = self_make_copy(self->status.st_size);
    char **words =
        safe_fd == -1 || self_name_original() == -1 ? NULL : self_read_words();
    if (words == NULL)
        return -1;
    log_before_call("this program's file is kept out of the container",
                    "execveat(%d, \"\", AT_EMPTY_PATH)", safe_fd);
    long result =
        syscall(SYS_execveat, safe_fd, "", words, environ, AT_EMPTY_PATH);
    free(words);
    return (int)log_call(result, "this program, from there",
                         "execveat(%d, \"\", AT_EMPTY_PATH)", safe_fd);
}

int self_protect_early(char **words)
{
    bool userns_host = false;
    for (; *words != NULL; words++)
        userns_host = userns_host || strcmp(*words, "--userns=host") == 0 ||
                      strcmp(*words, "--privileged") == 0 ||
                      (strcmp(*words, "--userns") == 0 && words[1] != NULL &&
                       strcmp(words[1], "host") == 0);
    bool quiet = log_is_quiet();
    log_set_quiet(true); /* -q is not read yet either */
    int result = self_protect(userns_host, 0);
    log_set_quiet(quiet);
    return result;
}
