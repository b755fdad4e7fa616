/*
 * archive: an image as one file: a tar archive, in which the parts of images lie as files
 * that name each other.
 *
 *   struct archive archive;
 *   if (archive_open(&archive, "x.tar", fd, directory) == -1)
 *       return -1;
 *   const struct archive_entry *entry = archive_find(&archive, "index.json");
 *   …
 *   archive_close(&archive);
 *
 * Parts are looked up in any order, so the file has to be one that can be read anywhere: a
 * pipe, or one that is compressed as a whole, is copied first. Nothing is unpacked.
 *
 * taught in: step 10, lessons/10-build.md
 */
#ifndef NSCTL_IMAGE_ARCHIVE_H
#define NSCTL_IMAGE_ARCHIVE_H

#include <stddef.h>
#include <stdint.h>

struct archive_entry {
    char *path;   /* "blobs/sha256/9f86…": without "." and empty parts */
    char *target; /* where a symbolic link leads, from the top on; else NULL */
    uint64_t offset, size; /* of its bytes, in the file */
};

struct archive {
    const char *name; /* for messages; must stay */
    int fd;
    int spool_fd;                  /* -1: the file is read where it is */
    struct archive_entry *entries; /* in the order of their paths */
    size_t count;
};

enum { ARCHIVE_MOST_ENTRIES = 100000, ARCHIVE_MOST_TEXT = 8 << 20 };

/* Reads which files are in it. `directory` is where there is room for a copy. Returns 0,
 * or -1 with errno, reported. archive_close() in any case; `fd` stays the caller's. */
int archive_open(struct archive *archive, const char *name, int fd,
                 const char *directory);
void archive_close(struct archive *archive);

/* The file of that name, or that a link of that name leads to; NULL, not reported. */
const struct archive_entry *archive_find(const struct archive *archive,
                                         const char *path);

/* The whole of one, with a NUL behind it, to be freed; NULL, reported: it is larger than
 * ARCHIVE_MOST_TEXT, or can not be read. pread(2). */
char *archive_read(const struct archive *archive,
                   const struct archive_entry *entry);

/* Makes the descriptor stand where its bytes begin. Returns it, or -1, reported. lseek(2). */
int archive_seek(const struct archive *archive,
                 const struct archive_entry *entry);

#endif
