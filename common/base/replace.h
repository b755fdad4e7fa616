/*
 * replace: a file that changes as a whole, or not at all.
 *
 * Who writes into a file in its place leaves half of it where the disk is full, the
 * power fails or somebody is killed. So the new text goes into a file beside it, is
 * brought to the disk (fsync(2)), and only then takes the other's name (rename(2),
 * which is one step to everybody who looks). That the name itself is on the disk takes
 * an fsync(2) of the directory.
 *
 * taught in: step 00, lessons/00-before-you-start.md
 */
#ifndef NSCTL_BASE_REPLACE_H
#define NSCTL_BASE_REPLACE_H

#include <stddef.h>

/* The file `name` in `directory` becomes `text`, mode 0600, to the disk; meanwhile
 * there is NAME.new. One caller a file at a time. Returns 0, or -1 with errno, reported:
 * then it is what it was. */
int replace_file(const char *directory, const char *name, const char *text,
                 size_t size);

/* The same, but nobody waits for the disk: for what need not be there any more after a loss of
 * power, when it may be empty. Whoever reads it meanwhile finds it whole. */
int replace_file_for_now(const char *directory, const char *name,
                         const char *text, size_t size);

/* Brings to the disk which names a directory holds. Returns 0, or -1 with errno,
 * reported. fsync(2). */
int replace_sync_directory(const char *directory);

#endif
