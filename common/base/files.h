/*
 * files: whole small files, such as those in which the kernel's settings live.
 *
 * taught in: step 00, lessons/00-before-you-start.md
 */
#ifndef NSCTL_BASE_FILES_H
#define NSCTL_BASE_FILES_H

#include <dirent.h>
#include <stdbool.h>
#include <stddef.h>

/* Writes a path into `path` (PATH_MAX bytes) as snprintf(3) would. Returns 0,
 * or -1 with ENAMETOOLONG, reported. */
int files_path(char *path, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Writes `text` to a file that exists, in one write(2), since a kernel file
 * takes a setting whole. Returns 0, or -1 with errno, reported (the call named
 * is the one that failed). `intention` is for the log. */
int files_write_setting(const char *path, const char *text,
                        const char *intention);

/* Reads at most `size` - 1 bytes and ends them with a NUL. Returns their
 * number, or -1 with errno, not reported: the caller knows whether a missing
 * file matters. */
ptrdiff_t files_read(const char *path, char *text, size_t size);

/* The same, of a path that begins in a directory. openat(2). */
ptrdiff_t files_read_at(int directory_fd, const char *path, char *text,
                        size_t size);

/* Writes all of it, however many calls that takes. Returns how many bytes are left: 0, or
 * as many as were not written, with errno, not reported. write(2). */
size_t files_write_all(int fd, const void *data, size_t size);

/* The next name in a directory, but for "." and ".."; false at its end. An end that is none,
 * since it could not be read any further, is reported, and `*result` is -1 with errno: who
 * takes half of a list for all of it throws the other half away. `path` is for messages.
 * getdents64(2). */
bool files_next(DIR *directory, const char *path, struct dirent **entry,
                int *result);

/* Closes `*fd`, which is -1 from then on; -1: there is none. errno stays as it is. */
void files_close(int *fd);

/* The last part of a path: what stands behind its last slash, or all of it; a piece of `path`.
 * basename(3), but that nothing is changed, and that "a/" ends with "". */
const char *files_base_name(const char *path);

/* Finds `name` beside the running program, or one or two directories above it,
 * and writes its path into `path` (PATH_MAX bytes). Returns 0, or -1 with
 * errno, ENOENT where there is none, not reported. */
int files_find_above_program(const char *name, char *path);

#endif
