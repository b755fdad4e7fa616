/* commands: what main.c, families.c and about.c have of each other. */
#ifndef STEPS_10_BUILD_COMMANDS_H
#define STEPS_10_BUILD_COMMANDS_H

#include "common/image/image_commands.h"
#include "common/runtime/subcommands.h"

/* main.c: those that are the same with their family's word and without it, and those of
 * containers that others have, and we do not. */
extern const struct subcommand container_commands[], image_commands[];
extern const struct subcommand absent_container_commands[];

/* Runs the command that argv[0] names, and returns its exit status. */
int command_run(const struct store *store, char **argv);

/* families.c; the last: whether a command is to follow that word. */
int family_container(const struct store *store, char **argv);
int family_image(const struct store *store, char **argv);
bool family_is_word(const char *word);

/* about.c; the first: options of the whole program that others have. */
extern const struct program_absent about_absent[];
int subcommand_help(const struct store *store, char **argv);
int subcommand_version(const struct store *store, char **argv);

#endif
