/*
 * containerfile: the language in which builds are written, read and checked.
 *
 *   struct containerfile file;
 *   if (containerfile_read(&file, "Containerfile", text, size) == -1)
 *       return -1;
 *   for (size_t i = 0; i < file.count; i++)
 *       …file.instructions[i]…
 *   containerfile_free(&file);
 *
 * Whatever can be seen to be wrong before anything is built is refused here, with
 * the file and the line. Variables are not expanded (expand.h): what they are is
 * known only when the build has come that far.
 *
 * taught in: step 10, lessons/10-build.md
 */
#ifndef NSCTL_IMAGE_CONTAINERFILE_H
#define NSCTL_IMAGE_CONTAINERFILE_H

#include "common/base/names.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

enum containerfile_kind {
    CONTAINERFILE_ADD,
    CONTAINERFILE_ARG,
    CONTAINERFILE_CMD,
    CONTAINERFILE_COPY,
    CONTAINERFILE_ENTRYPOINT,
    CONTAINERFILE_ENV,
    CONTAINERFILE_EXPOSE,
    CONTAINERFILE_FROM,
    CONTAINERFILE_LABEL,
    CONTAINERFILE_RUN,
    CONTAINERFILE_SHELL,
    CONTAINERFILE_STOPSIGNAL,
    CONTAINERFILE_USER,
    CONTAINERFILE_VOLUME,
    CONTAINERFILE_WORKDIR,
};

/* --chown=…; NAME=VALUE of ENV, LABEL and ARG, where NULL is no value. */
struct containerfile_pair {
    const char *name, *value;
};

/* A file that stands in the Containerfile, behind the instruction. */
struct containerfile_heredoc {
    const char *name;    /* the word that ends it, and that COPY calls it by */
    const char *content; /* its lines, each with its newline */
    bool expanded;       /* variables in it are: the word was not in quotes */
};

struct containerfile_instruction {
    enum containerfile_kind kind;
    unsigned line;  /* where it begins, from 1 */
    unsigned stage; /* the number of FROMs before it, less one; 0 before any */
    const char *text; /* behind the flags, in one line; for a shell as it is */
    bool is_json;     /* it was an array: the words are exactly those */
    struct containerfile_pair *flags;
    size_t flag_count;
    const char **words; /* of all but ENV, LABEL, ARG; quotes are still on */
    size_t word_count;
    struct containerfile_pair *pairs; /* of those three */
    size_t pair_count;
    struct containerfile_heredoc *heredocs;
    size_t heredoc_count;
};

struct containerfile {
    const char *name; /* for messages; must stay */
    char escape;      /* \ unless "# escape=`" says otherwise */
    struct containerfile_instruction *instructions;
    size_t count;
    unsigned stages;
    struct names texts; /* all that is pointed to */
};

/* Reads and checks. Returns 0, or -1 with errno (EINVAL), reported as
 * NAME:LINE. In any case, containerfile_free() afterwards. */
int containerfile_read(struct containerfile *file, const char *name,
                       const char *text, size_t size);

void containerfile_free(struct containerfile *file);

/* "RUN", for messages and the cache. */
const char *containerfile_kind_name(enum containerfile_kind kind);

/* The value of a flag, NULL where it is not given. */
const char *
containerfile_flag(const struct containerfile_instruction *instruction,
                   const char *name);

/* Reports something wrong with an instruction, also what was found out later,
 * as NAME:LINE. Returns -1 with EINVAL. */
int containerfile_refuse(const struct containerfile *file, unsigned line,
                         const char *format, ...)
    __attribute__((format(printf, 3, 4)));
int containerfile_refuse_list(const struct containerfile *file, unsigned line,
                              const char *format, va_list arguments)
    __attribute__((format(printf, 3, 0)));

/* "80", "80/tcp", "8000-8010/udp": NULL, or what is wrong. */
const char *containerfile_check_port(const char *text);

#endif
