/*
 * image_commands: the subcommands about images (common/runtime/subcommands.h says what
 * one is).
 *
 * taught in: step 10, lessons/10-build.md
 */
#ifndef NSCTL_IMAGE_IMAGE_COMMANDS_H
#define NSCTL_IMAGE_IMAGE_COMMANDS_H

#include "common/runtime/subcommands.h"

/* Which images there are, and under which names. The last is `inspect`: of containers and
 * of images, whatever a word names. */
int subcommand_image_ls(const struct store *store, char **argv);
int subcommand_image_rm(const struct store *store, char **argv);
int subcommand_image_inspect(const struct store *store, char **argv);
int subcommand_image_history(const struct store *store, char **argv);
int subcommand_image_tag(const struct store *store, char **argv);
int subcommand_image_prune(const struct store *store, char **argv);
int subcommand_inspect_any(const struct store *store, char **argv);

/* What an image is made of, and what becomes of one. */
int subcommand_build(const struct store *store, char **argv);
int subcommand_commit(const struct store *store, char **argv);
int subcommand_import(const struct store *store, char **argv);
int subcommand_load(const struct store *store, char **argv);
int subcommand_save(const struct store *store, char **argv);

/* run, of an image too: image_run_command.c. */
int subcommand_run_image(const struct store *store, char **argv);

#endif
