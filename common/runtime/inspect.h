/*
 * inspect: all that is known of a container, as JSON.
 *
 * taught in: step 09, lessons/09-lifecycle.md
 */
#ifndef NSCTL_RUNTIME_INSPECT_H
#define NSCTL_RUNTIME_INSPECT_H

#include "common/base/json_writer.h"
#include "common/runtime/record.h"

/* An object, whose keys are those that docker's users know, as far as there are such. */
void inspect_write(struct json_writer *writer, const struct record *record);

#endif
