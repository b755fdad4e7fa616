/*
 * tar_writer: writes an archive, in such a way that the same entries always make
 * the same bytes: ustar, with a pax header before an entry that does not fit.
 *
 *   tar_writer_start(&writer, write_all, context);
 *   tar_writer_entry(&writer, &entry);
 *   tar_writer_body(&writer, data, size);     until entry.size bytes are written
 *   …
 *   tar_writer_finish(&writer);
 *
 * Every function returns 0, or -1 with errno, reported.
 *
 * taught in: step 00, lessons/00-before-you-start.md
 */
#ifndef NSCTL_BASE_TAR_WRITER_H
#define NSCTL_BASE_TAR_WRITER_H

#include "common/base/tar.h"

/* Takes all of it. Returns 0, or -1 with errno, reported. */
typedef int tar_write_function(void *context, const void *data, size_t size);

struct tar_writer {
    tar_write_function *write;
    void *context;
    uint64_t body; /* what of the last entry's is still to come */
    size_t padding;
    uint64_t entries, bytes; /* how many there were; what was in them */
    size_t used;
    unsigned char buffer[128 * 1024];
};

void tar_writer_start(struct tar_writer *writer, tar_write_function *write,
                      void *context);

/* A path may be any; a directory's gets its slash here. */
int tar_writer_entry(struct tar_writer *writer, const struct tar_entry *entry);

int tar_writer_body(struct tar_writer *writer, const void *data, size_t size);

int tar_writer_finish(struct tar_writer *writer);

#endif
