/*
 * layer_unpacking: one archive on its way into a directory: where each entry goes, and nowhere
 * else (layer_unpack_place.c), and what is made there (layer_unpack.c).
 *
 * taught in: step 10, lessons/10-build.md
 */
#ifndef NSCTL_IMAGE_LAYER_UNPACKING_H
#define NSCTL_IMAGE_LAYER_UNPACKING_H

#include "common/image/layer_unpack.h"

#include <limits.h>
#include <stdbool.h>
#include <sys/stat.h>

/* What is done to a directory when all is in it: its time, which every new file
 * changes, and its mode, which may forbid us to make any. */
struct unpack_directory {
    char *path;
    dev_t device;
    ino_t inode;
    mode_t mode;
    struct timespec mtime;
};

struct unpack {
    struct tar_reader *reader;
    const struct layer_options *options;
    struct layer_counts *counts;
    int layer_fd;
    /* The directory of the last entry: the next one is mostly in it, too. */
    char parent[PATH_MAX];
    int parent_fd; /* -1: there is none */
    struct unpack_directory *directories;
    size_t directory_count;
    /* The entry at hand. */
    const struct tar_entry *entry;
    char path[PATH_MAX], target[PATH_MAX];
};

/* Returns -1, with the error of a call for the entry at hand that has failed, reported. All of
 * these return 0 or more, or -1 with errno, reported, unless they say otherwise. */
int unpack_failed(const struct unpack *unpack, const char *call);

/* Takes "." and empty parts out of a name, and refuses what is no name in the
 * layer. `path` becomes "" for the layer itself. `what` is "its name". */
int unpack_clean_name(const struct unpack *unpack, const char *name,
                      const char *what, char path[PATH_MAX]);

/* Opens the directory `path` as if the layer were the root: neither "..", nor a symbolic
 * link, nor one of those in /proc leads out of it. Not reported. openat2(2). */
int unpack_open(const struct unpack *unpack, const char *path, int flags);

/* Opens the directory that `path` is in, and keeps it, until another one is
 * asked for. Those are made of which no entry has told. */
int unpack_open_parent(struct unpack *unpack, const char *path);
void unpack_forget_parent(struct unpack *unpack);

/* Gives what was made its owner and mode. */
int unpack_own(const struct unpack *unpack, int fd, uint32_t uid, uint32_t gid,
               mode_t mode);

/* Makes the directory `name`, or opens the one that is there. Where the layer
 * has said before that the name is gone, that is said of what is below only: so
 * the directory hides it. */
int unpack_make_directory(const struct unpack *unpack, int parent_fd,
                          const char *name, bool *made);
int unpack_make_opaque(const struct unpack *unpack, int fd);
bool unpack_is_whiteout(const struct stat *status);

/* The directory is to have that mode and time when all is in it. */
int unpack_remember(struct unpack *unpack, int fd, const char *path,
                    mode_t mode, struct timespec mtime);
int unpack_finish_directories(struct unpack *unpack);
void unpack_forget_directories(struct unpack *unpack);

#endif
