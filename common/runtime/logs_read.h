/*
 * logs_read: what a container printed, record by record, from file to file, while it
 * goes on printing.
 *
 * A reader knows the number of its file, or that it is the one that is written now.
 * At its end it looks whether that has been put aside meanwhile: then it reads what
 * was written until then, and goes on with the next number. No record is read
 * twice, and none is passed over unless the file was removed before its turn came,
 * which is counted (`missed`). Only whole records are taken: half a one may yet be
 * finished by its writer, or taken back.
 *
 * taught in: step 09, lessons/09-lifecycle.md
 */
#ifndef NSCTL_RUNTIME_LOGS_READ_H
#define NSCTL_RUNTIME_LOGS_READ_H

#include "common/runtime/logs.h"
#include "common/runtime/logs_time.h"

#include <sys/types.h>

struct logs_record {
    char time[LOGS_TIME_LENGTH + 1]; /* in this form times sort as texts */
    enum logs_stream stream;
    bool is_part;     /* the line goes on in the next record of the stream */
    bool after_loss;  /* what came before it could not be written */
    const char *text; /* the container's own bytes, a newline's among them */
    size_t size;      /* … unless it is a part; until the next call */
};

struct logs_reader {
    char path[PATH_MAX];
    int fd;          /* locked (LOCK_SH): not to be removed before it is read */
    uint64_t number; /* of that file; 0: it is the one that is written */
    ino_t inode;     /* of that file */
    uint64_t files;  /* so many were opened: another number, another file */
    off_t offset;    /* in it: of what is not read yet */
    ino_t end_inode; /* where to stop, or 0 */
    off_t end_offset;
    char *buffer;
    size_t size, used, taken;
    uint64_t missed;  /* files that were removed too early */
    uint64_t damaged; /* lines that are no records */
};

/* Begins with the oldest. Returns 0, or -1 with errno, reported (ENOENT: there is
 * no log). logs_reader_close() in any case. */
int logs_reader_open(struct logs_reader *reader, const char *path);
void logs_reader_close(struct logs_reader *reader);

/* What is written from now on is left alone. */
void logs_reader_end_here(struct logs_reader *reader);

/*
 * Returns 1 with the next record, 0 where there is none yet, or -1 with errno, reported.
 * `ended` says that nobody writes any more: then a record whose writer was killed
 * in the middle is taken, too, as a part.
 */
int logs_reader_next(struct logs_reader *reader, bool ended,
                     struct logs_record *record);

#endif
