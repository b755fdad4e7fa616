/*
 * build_state: what the parts of a build share.
 *
 *   build.c            all of it: opens, checks, does, names
 *   build_plan.c       which stages there are, and which of them are needed
 *   build_stage.c      the instructions of a stage, one after the other
 *   build_variables.c  ARG and ENV: what is known where
 *   build_context.c    the directory, what of it is ignored, the Containerfile
 *   build_stdin.c      the directory, or the Containerfile alone, from standard input
 *   build_origin.c     what is copied out of: that, a stage, an image
 *   build_sources.c    which files COPY and ADD are to copy
 *   build_copy.c       COPY and ADD; build_copy_work.c does the copying
 *   build_directory.c  WORKDIR
 *   build_run.c        RUN; build_leavings.c, what of a container is not the image's
 *   build_layer.c      what they write becomes a layer
 *   build_squash.c     --squash: of several one
 *   build_key.c        by which it is found again
 *   build_tell.c       what is told of all that
 *
 * taught in: step 10, lessons/10-build.md
 */
#ifndef NSCTL_IMAGE_BUILD_STATE_H
#define NSCTL_IMAGE_BUILD_STATE_H

#include "common/image/build.h"
#include "common/image/containerfile.h"
#include "common/image/ignore.h"
#include "common/image/image_config.h"
#include "common/image/image_store.h"
#include "common/image/layer_store.h"
#include "common/kernel/layers.h"

#include <signal.h>
#include <sys/types.h>
#include <time.h>

struct build_stage {
    const char *name;  /* NULL: only its number */
    size_t first, end; /* its instructions, of which the first is FROM */
    bool needed;
    size_t place;       /* among those that are needed, from 1 */
    char *from;         /* what it begins with: */
    int base;           /* a stage; -1: none */
    struct image image; /* or an image; or neither, FROM scratch */
    /* NAME=VALUE; NAME alone was declared and has none. As far as we have come, like the config: */
    struct names arguments;
    struct image_config config;
    size_t base_layers; /* how many of its layers were there before */
    size_t layer_count; /* how many it is going to have, as far as is known */
    bool command_set;
};

struct build_context {
    int fd;                      /* -1: there is none */
    struct layers layers;        /* that directory, as one layer */
    struct layer_draft unpacked; /* it was an archive on standard input */
    struct ignore ignore;
    char *text; /* of the Containerfile */
    size_t text_size;
    char file_name[PATH_MAX]; /* for messages */
};

struct build {
    const struct store *store;
    const struct build_options *options;
    struct build_context context;
    struct containerfile file;
    struct build_stage *stages; /* file.stages of them */
    size_t target, needed;      /* which is built; how many are for it */
    struct names globals;       /* ARG before the first FROM, as above */
    bool checking;              /* nothing is made yet */
    bool has_epoch;             /* SOURCE_DATE_EPOCH was given, */
    time_t epoch;  /* and is the time of all that is made; else it is now */
    bool own_all;  /* a user has one id only (mapped_has_one_id) */
    sigset_t mask; /* of signals, as we got it */
    int failed;    /* the status to exit with, once something has failed */
    bool *used;    /* which of options->arguments somebody has asked for */
};

/* The stage of that name or number, before stage `before`; -1: there is none. */
int build_plan_find_stage(const struct build *build, const char *name,
                          size_t before);

/* build_plan.c. Returns 0, or -1, reported, as all of these do. */
int build_plan(struct build *build);
void build_plan_free(struct build *build);

/* build_stage.c: all of its instructions. */
int build_stage(struct build *build, struct build_stage *stage);

/* build_copy.c, build_directory.c, build_run.c. */
int build_copy(struct build *build, struct build_stage *stage,
               const struct containerfile_instruction *instruction);
int build_make_directory(struct build *build, struct build_stage *stage,
                         const struct containerfile_instruction *instruction);
int build_run(struct build *build, struct build_stage *stage,
              const struct containerfile_instruction *instruction);

/* build_tell.c. Tells of a step, unless -q: a line on standard error. */
void build_tell(const struct build *build, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Reports NAME:LINE where `instruction` is, and remembers the status. Returns -1. */
int build_refuse(struct build *build,
                 const struct containerfile_instruction *instruction,
                 const char *format, ...) __attribute__((format(printf, 3, 4)));

/* "now", or what SOURCE_DATE_EPOCH says, as RFC 3339 (21 bytes). */
void build_time_text(time_t time, char text[32]);

#endif
