/*
 * tar: what an archive's reader (tar_reader.h) and writer (tar_writer.h) share:
 * an entry, and the block of 512 bytes that stands before each.
 *
 * A tar archive is a row of such headers, each followed by the file's bytes,
 * filled up with zeros to the next multiple of 512; two blocks of zeros end it.
 * What a header has no room for stands in a further entry before it: pax's
 * "extended header" (POSIX, records "LENGTH KEY=VALUE\n") or GNU's long names.
 * Nothing in here knows of containers. tar(5), pax(1).
 *
 * taught in: step 00, lessons/00-before-you-start.md
 */
#ifndef NSCTL_BASE_TAR_H
#define NSCTL_BASE_TAR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { TAR_BLOCK = 512 };

/* The values are the letters that stand for them in a header. */
enum tar_kind {
    TAR_FILE = '0',
    TAR_HARD_LINK = '1',
    TAR_SYMLINK = '2',
    TAR_CHARACTER_DEVICE = '3',
    TAR_BLOCK_DEVICE = '4',
    TAR_DIRECTORY = '5',
    TAR_FIFO = '6',
};

/* An extended attribute; its value may be any bytes. xattr(7). */
struct tar_attribute {
    const char *name;
    const void *value;
    size_t size;
};

/* All strings belong to whoever filled the entry in. */
struct tar_entry {
    enum tar_kind kind;
    const char *path;   /* as it stands there, without slashes at its end */
    const char *target; /* where a link of either kind leads; else "" */
    uint32_t mode;      /* the permission bits alone, 07777 */
    uint32_t uid, gid;
    uint32_t device_major, device_minor;
    uint64_t size; /* of a file, its holes included; else 0 */
    int64_t mtime;
    uint32_t mtime_nanoseconds;
    const struct tar_attribute *attributes;
    size_t attribute_count;
};

/* The header as it lies in the archive: numbers are octal digits, texts end
 * with a NUL only where there is room for one. */
struct tar_header {
    char name[100], mode[8], uid[8], gid[8], size[12], mtime[12], checksum[8];
    char type, target[100], magic[8], owner[32], group[32];
    char device_major[8], device_minor[8], prefix[155], rest[12];
};

/* The sum of all bytes of a header, those of the checksum taken for blanks; in
 * `as_signed` as some old writers got it, who took char for signed. */
uint32_t tar_checksum(const struct tar_header *header, uint32_t *as_signed);

/* Whether such a block may be the first of an archive: its sum is right, which it is by
 * chance once in a hundred thousand times. */
bool tar_is_header(const void *block, size_t size);

/* A number of a header: octal, or where its first bit is set, GNU's two's
 * complement in base 256. Nothing in it stands for 0. Returns NULL, or what is
 * wrong with it. */
const char *tar_parse_number(const char *field, size_t width, int64_t least,
                             int64_t most, int64_t *value);

/* The largest number that fits in a field of `width` bytes, with its NUL. */
uint64_t tar_largest_number(size_t width);

/* Writes such a number, which must fit. */
void tar_format_number(char *field, size_t width, uint64_t value);

#endif
