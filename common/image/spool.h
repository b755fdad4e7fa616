/*
 * spool: a file that has no name: for what has to be kept for a while, and is gone when
 * nobody has it open any more, however that came about.
 *
 *   struct spool_file file;
 *   int result = spool_file_open(&file, "x.tar");
 *   …write to file.fd…
 *   if (result == 0)
 *       result = spool_file_keep(&file);
 *   spool_file_close(&file);
 *
 * taught in: step 10, lessons/10-build.md
 */
#ifndef NSCTL_IMAGE_SPOOL_H
#define NSCTL_IMAGE_SPOOL_H

#include <limits.h>

/* An empty file on the file system of `directory`, to be read and written, close-on-exec.
 * Returns the descriptor, or -1 with errno, reported. open(2), O_TMPFILE. */
int spool_open(const char *directory);

/* A file that is to have a name in the end, and is not to be seen before. */
struct spool_file {
    int fd;
    char place
        [PATH_MAX]; /* what it is to be; "": it is no plain file, but /dev/null … */
    char beside[PATH_MAX]; /* what it is called meanwhile; "": it has no name */
};

/* Makes one that is to be `path`, on the same file system. Returns 0, or -1, reported.
 * spool_file_close() in any case. */
int spool_file_open(struct spool_file *file, const char *path);

/* Gives it its name, when all is written, to the disk; who has had it loses it. Returns 0,
 * or -1, reported. linkat(2), rename(2). */
int spool_file_keep(struct spool_file *file);

/* What was not kept is gone. */
void spool_file_close(struct spool_file *file);

#endif
