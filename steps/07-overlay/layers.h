/*
 * layers: directories that lie upon each other, read without an overlay mount.
 *
 * An upper layer says three things: a name in it stands for the same name
 * below; a whiteout says that the name below is gone; an opaque directory hides
 * all that the directory below it holds. Both marks have two spellings, one
 * that only root can write (a device 0:0, trusted.overlay.*) and one for
 * everybody (user.overlay.*), and both are read.
 *
 * taught in: step 07, lessons/07-overlay.md
 */
#ifndef NSCTL_KERNEL_LAYERS_H
#define NSCTL_KERNEL_LAYERS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/resource.h>
#include <sys/stat.h>

/* As many as the kernel stacks. */
enum { LAYERS_MOST = 500 };

/* One directory of the whole: what each layer has in its place, the uppermost
 * first. To be given back by layers_close(). */
struct layers {
    int fds[LAYERS_MOST];
    size_t count;
};

/* Opens the top of each layer. Returns 0, or -1 with errno, reported. */
int layers_open(struct layers *layers, const char *const *paths, size_t count);

void layers_close(struct layers *layers);

/* Each directory of the whole is open in every layer, and so are those above it:
 * more descriptors than a process may have before it asks. Asks for as many as it
 * can get, and returns what held before, for setrlimit(2). */
struct rlimit layers_allow_descriptors(void);

/* Says whether `name`, of which `status` tells, stands for a name that is gone:
 * 1, 0, or -1 with errno, not reported, where that can not be known. "Character
 * device" and "number 0:0" is how the kernel writes it. */
int layers_is_whiteout(int directory_fd, const char *name,
                       const struct stat *status);

/* Says whether the directory hides what is below it: 1, 0, or -1 with errno, not
 * reported, where that can not be known. */
int layers_is_opaque(int directory_fd);

/* Finds `name` in the uppermost layer that says something of it. Returns which
 * that is and fills `status`, or -1: ENOENT where none has it, or where it is
 * gone. */
int layers_look_up(const struct layers *layers, const char *name,
                   struct stat *status);

/* Opens the directory `name` in every layer that adds to it. Returns 0, or -1
 * with errno, not reported. */
int layers_enter(const struct layers *layers, const char *name,
                 struct layers *below);

/* Calls `visit` for each name in the whole, once, until one returns -1; then
 * returns -1, else 0. A directory that can not be read is -1, reported. */
int layers_for_each(const struct layers *layers,
                    int (*visit)(void *context, const struct layers *layers,
                                 const char *name, int which,
                                 const struct stat *status),
                    void *context);

/* Prints what `upper` has changed of `lower` as docker diff does: "A /path" for
 * what it has added, C changed, D deleted, directory by directory; what is not
 * plain ASCII in a name as \ooo. Returns 0, or -1, reported. */
int layers_print_difference(const char *upper, const char *const *lower,
                            size_t count);

#endif
