/*
 * store_names: names for containers that were given none, and what a name may be.
 *
 * taught in: step 09, lessons/09-lifecycle.md
 */
#ifndef NSCTL_RUNTIME_STORE_NAMES_H
#define NSCTL_RUNTIME_STORE_NAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Of files as well, so it has no slash in it and is neither . nor .. . */
bool store_names_allowed(const char *name);

/* Writes "quiet_heron" into `name`: which of four thousand `number` decides. Where they
 * are taken: "quiet_heron_1234". */
void store_names_make_up(uint64_t number, bool numbered, char *name,
                         size_t size);

#endif
