/*
 * layer_copy: files out of layers, or out of a build's context, into a layer that is
 * being made; or only what they are, as a digest.
 *
 *   layer_copy_begin(&copy);
 *   layer_copy_file(&copy, &source, "etc/motd", &place, "motd");
 *   layer_copy_directory(&copy, &source, "etc", &place);
 *   layer_copy_end(&copy, digest);
 *
 * The digest is of names, modes, owners and contents, but not of times: that is what decides
 * whether a step of a build has to be done again. It is computed in the same way
 * with a place and without one (NULL), and with one it is of what was really written: a file
 * that changes in between is not taken for what it was. Where it goes is not in it.
 *
 * taught in: step 10, lessons/10-build.md
 */
#ifndef NSCTL_IMAGE_LAYER_COPY_H
#define NSCTL_IMAGE_LAYER_COPY_H

#include "common/base/first_names.h"
#include "common/base/sha256.h"
#include "common/image/ignore.h"
#include "common/image/layer_path.h"
#include "common/image/layer_place.h"

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

enum { LAYER_COPY_BUFFER = 128 * 1024 };

struct layer_copy {
    /* What was asked for, before layer_copy_begin(). */
    const struct ignore *ignore; /* NULL: all is copied */
    bool keep_owners;            /* and attributes; else all is root's */
    bool has_owner, has_mode;    /* --chown, --chmod */
    bool own_all;                /* no other id than ours is to be had */
    uid_t uid;
    gid_t gid;
    mode_t mode;

    uint64_t files, bytes; /* what was copied */
    struct sha256 hash;
    const char *complaint; /* what is wrong with `path`; NULL: errno is */
    char path[PATH_MAX];   /* the one that failed, in the source */
    unsigned char *buffer;
    /* Of the directory that is copied: names that are one file stay one. */
    size_t start; /* of its path in `path` */
    const struct layer_place *start_place;
    struct first_names first_names;
};

/* Returns 0, or -1 with errno, not reported, as do all of these; layer_copy_free() in any
 * case. */
int layer_copy_begin(struct layer_copy *copy);

/* One that is no directory, found at `path` (layer_path_find), as `name` in `place`. What
 * has that name there goes; a directory does not. */
int layer_copy_file(struct layer_copy *copy, const struct layer_path *source,
                    const struct layer_place *place, const char *name);

/* What is in a directory, into `place`. A directory in it that is there already gets the
 * owner and mode of its source. */
int layer_copy_directory(struct layer_copy *copy,
                         const struct layer_path *source,
                         const struct layer_place *place);

/* A file that is in no layer, but a text: root's, 0644, of `time`, unless asked for. */
int layer_copy_text(struct layer_copy *copy, const char *text, time_t time,
                    const struct layer_place *place, const char *name);

/* What a directory becomes that is nowhere yet: as `status` says, or as asked for. */
void layer_copy_made(const struct layer_copy *copy, const struct stat *status,
                     struct layer_place_new *made);

void layer_copy_end(struct layer_copy *copy, char digest[SHA256_TEXT]);
void layer_copy_free(struct layer_copy *copy);

#endif
