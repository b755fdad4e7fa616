/*
 * spool: a file that has no name: for what has to be kept for a while, and is gone when
 * nobody has it open any more, however that came about.
 *
 * taught in: step 10, lessons/10-build.md
 */
#ifndef NSCTL_IMAGE_SPOOL_H
#define NSCTL_IMAGE_SPOOL_H

/* An empty file on the file system of `directory`, to be read and written, close-on-exec.
 * Returns the descriptor, or -1 with errno, reported. open(2), O_TMPFILE. */
int spool_open(const char *directory);

/*
 * The same for a file that is to be `path` in the end, and is not to be seen before: it is
 * made where that is to be. What is no plain file, such as /dev/null, is opened as it is.
 * `place` (PATH_MAX bytes) is for spool_keep(). Returns the descriptor, or -1, reported.
 */
int spool_open_for(const char *path, char *place);

/* Gives it its name, when all is written, and takes it from whoever has had it. Returns 0,
 * or -1, reported. linkat(2), rename(2). */
int spool_keep(int fd, const char *place);

#endif
