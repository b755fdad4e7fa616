/*
 * inspect: all that is known of a container, as JSON.
 *
 * taught in: step 09, lessons/09-lifecycle.md
 */
#ifndef NSCTL_RUNTIME_INSPECT_H
#define NSCTL_RUNTIME_INSPECT_H

#include "common/base/json_writer.h"
#include "common/base/program.h"
#include "common/runtime/record.h"
#include "common/runtime/store.h"

/* An object, whose keys are those that docker's users know, as far as there are such. */
void inspect_write(struct json_writer *writer, const struct record *record);

/* Writes what `word` names, an object. Returns 0, or -1, reported; it may have written all
 * the same. */
typedef int inspect_function(const struct store *store,
                             struct json_writer *writer, const char *word);

/* Reads `argv`, --format among it, and writes an array of all that are named, on stdout.
 * `program` is without options. Returns the exit status. */
int inspect_all(const struct store *store, struct program program, char **argv,
                inspect_function *inspect_one);

#endif
