/*
 * inspect_format: `inspect --format`: not all that is known, but some of it, in a text:
 *
 *     {{.State.Pid}}           what that member is: a text as it is (but for control
 *                              characters), all else as in JSON
 *     {{json .Config.Env}}     the same, a text as in JSON, too
 *
 * Others have a language here; of that this is what most use.
 *
 * taught in: step 09, lessons/09-lifecycle.md
 */
#ifndef NSCTL_RUNTIME_INSPECT_FORMAT_H
#define NSCTL_RUNTIME_INSPECT_FORMAT_H

#include "common/base/json.h"

#include <stdio.h>

/* The option parser (base/program.h); `format` points to a const char *. */
const char *inspect_format_parse(const char *text, void *format);

/* A line for each element of the array. Returns 0, or -1, reported: there is no such
 * member. */
int inspect_format_print(FILE *file, const char *format,
                         const struct json_value *array);

#endif
