/*
 * image_commands: the subcommands about images (common/runtime/subcommands.h says what
 * one is).
 *
 * taught in: step 10, lessons/10-build.md
 */
#ifndef NSCTL_IMAGE_IMAGE_COMMANDS_H
#define NSCTL_IMAGE_IMAGE_COMMANDS_H

#include "common/runtime/subcommands.h"

/* What an image is made of, and what becomes of one. */
int subcommand_commit(const struct store *store, char **argv);
int subcommand_import(const struct store *store, char **argv);
int subcommand_load(const struct store *store, char **argv);
int subcommand_save(const struct store *store, char **argv);

/* run, of an image too: image_run_command.c. */
int subcommand_run_image(const struct store *store, char **argv);

#endif
