/*
 * run_options: what a container is to be, as it is typed.
 *
 *     run [OPTION...] DIR [COMMAND [ARG...]]            on that root file system
 *     run [OPTION...] --rootfs DIR[:DIR…] [COMMAND...]  on these layers
 *     run [OPTION...] /bin/program [ARG...]             on a view of the host
 *     run [OPTION...] IMAGE [COMMAND [ARG...]]          with step 10
 *
 * taught in: step 09, lessons/09-lifecycle.md
 */
#ifndef NSCTL_RUNTIME_RUN_OPTIONS_H
#define NSCTL_RUNTIME_RUN_OPTIONS_H

#include "common/runtime/container.h"
#include "common/runtime/store.h"

/*
 * What knows of images: takes `words` for an image's name and what follows it, unless the first
 * is none; `must`: it is nothing else. Returns 0, and the container is what the image
 * says, but for what was asked for; 1: there is no such image, reported where it must be
 * one; -1, reported.
 */
typedef int run_options_use_image(const struct store *store,
                                  struct container *container, char **words,
                                  bool must);

/* Reads `argv`, of which the first word is the subcommand's own. What can not be is
 * refused: it exits then, with EXIT_OURS. `container` is all zero; `use_image` is NULL
 * where there are no images. */
void run_options_read(struct container *container, const struct store *store,
                      char **argv, run_options_use_image *use_image);

/* A list of words: the first ones, `count` of them, then `rest`, which ends with NULL as the
 * list does. The texts stay whose they are; NULL, reported: no memory. */
char **run_options_join(const char *const *first, size_t count, char **rest);

/* What a container is where nothing is asked for, of one that is all zero. */
void run_options_begin(struct container *container);

/* For `simple`: the same, but every operand is the command's, the root is a view of the
 * host, and what is typed there at a terminal is for the container. */
void run_options_read_simple(struct container *container, char **argv);

/* What can only be checked when all of it is known; nothing is created. Returns 0, or -1,
 * reported. */
int run_options_check(struct container *container, const struct store *store);

/* Fills in what a record says of it, an id among that. Its texts belong to `container`,
 * or are never freed. Returns 0, or -1, reported. */
int run_options_describe(struct container *container, struct record *record);

/* The same for what is known when there is a network: its address, and which ports the
 * host had free. Writes the record where these are in it. Returns 0, or -1, reported. */
int run_options_describe_network(const struct container *container,
                                 struct record *record);

/* run.c: checks it, and runs it, here or in the background. Returns the status to exit
 * with. */
int run_container(const struct store *store, struct container *container);

#endif
