/*
 * tar_reader: reads an archive once, from its beginning to its end.
 *
 *   struct tar_reader reader;
 *   if (tar_reader_start(&reader, "x.tar", read_some, context, &limits) == -1)
 *       return -1;
 *   while ((result = tar_reader_next(&reader, &entry)) == 1)
 *       while ((result = tar_reader_body(&reader, &piece)) == 1)
 *           …write piece.size bytes from piece.data at piece.offset…
 *   if (result == 0)
 *       result = tar_reader_finish(&reader);
 *   tar_reader_free(&reader);
 *
 * It takes POSIX's ustar and pax, the format of Unix V7, and GNU's: long names,
 * numbers in base 256, files with holes in all four spellings. What an archive
 * says is not believed: it may come from anybody, and be made to harm. Names are
 * handed on as they are, so where they lead is for the caller to judge. An error
 * is reported at once, with the archive, the entry and the place:
 *
 *   x.tar: entry 14 at byte 8192 ("a/b"): checksum 0123, computed 0456
 *
 * taught in: step 00, lessons/00-before-you-start.md
 */
#ifndef NSCTL_BASE_TAR_READER_H
#define NSCTL_BASE_TAR_READER_H

#include "common/base/tar.h"
#include "common/base/tar_pax.h"

#include <stdbool.h>
#include <sys/types.h>

/* Reads like read(2): the number of bytes, 0 at the end, or -1, reported. */
typedef ssize_t tar_read_function(void *context, void *buffer, size_t size);

/* Passes over so many bytes, as if they had been read. Returns 0, or -1, reported. */
typedef int tar_skip_function(void *context, uint64_t size);

/* What an archive may ask for; more than that is refused. */
struct tar_limits {
    uint64_t entries;
    uint64_t bytes; /* of the archive, and of what it unpacks to */
    size_t path;    /* the length of a name, of a link's target */
    size_t header;  /* the length of an extended header */
};

/* Names that one system call takes, headers as long as GNU tar takes them. */
extern const struct tar_limits tar_default_limits;

struct tar_reader {
    const char *name; /* of the archive, for messages */
    tar_read_function *read;
    tar_skip_function *skip; /* may be set after the start; NULL: all is read */
    void *context;
    struct tar_limits limits;
    /* May be set after the start: that nothing is missing is known by other means, such as
     * a digest. Then the end needs no mark, which not all programs write. */
    bool end_is_known;
    unsigned char *buffer;
    size_t start, end;       /* what of it has been read and not been used */
    bool at_end;             /* no more to be had from `read` */
    uint64_t position;       /* in the archive, of buffer[start] */
    uint64_t block_position; /* of the header that was read last */
    uint64_t entry_count, unpacked;
    struct tar_header header; /* the last one */
    struct tar_pax pax, for_all;
    char header_path[257], header_target[101];
    char *records, *long_path, *long_target; /* what the entry points into */
    char *path;                              /* as far as it is known */
    const struct tar_extent *extent; /* the next, of a file with holes */
    uint64_t extent_used;
    uint64_t stored; /* of the file's bytes: what is still to come */
    size_t padding;  /* after them, to the end of a block */
    uint64_t offset; /* in the file, of the next byte */
};

struct tar_piece {
    uint64_t offset; /* in the file */
    const void *data;
    size_t size;
};

/* Makes ready to read; `name` must stay. Returns 0, or -1 with errno, reported. */
int tar_reader_start(struct tar_reader *reader, const char *name,
                     tar_read_function *read, void *context,
                     const struct tar_limits *limits);

/* The next entry, whose strings last until the one after it. What is left of
 * this one's bytes is passed over. Returns 1, 0 at the end, or -1 with errno
 * (EBADMSG: the archive is wrong), reported. */
int tar_reader_next(struct tar_reader *reader, struct tar_entry *entry);

/* The next bytes of this entry, in the order in which they lie in the file, the
 * holes left out; they last until the next call. Returns as above. */
int tar_reader_body(struct tar_reader *reader, struct tar_piece *piece);

/* Reads what may still come after the end: fillers, that belong to the digest
 * of the whole. Returns 0, or -1, reported. */
int tar_reader_finish(struct tar_reader *reader);

/* Reports that this entry is to be refused, and why, in the form above. Returns
 * -1 with EBADMSG. */
int tar_reader_refuse(const struct tar_reader *reader, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Lets go of all memory, after tar_reader_start() in any case. */
void tar_reader_free(struct tar_reader *reader);

#endif
