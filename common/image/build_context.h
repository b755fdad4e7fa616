/*
 * build_context: the directory that a build copies from, what of it is left out, and the
 * Containerfile. An archive on standard input is unpacked first.
 *
 * taught in: step 10, lessons/10-build.md
 */
#ifndef NSCTL_IMAGE_BUILD_CONTEXT_H
#define NSCTL_IMAGE_BUILD_CONTEXT_H

#include "common/base/tar_reader.h"
#include "common/image/build_state.h"

/* Opens and reads all of it. Returns 0, or -1, reported; build_context_close() in any case. */
int build_context_open(struct build_context *context, const struct store *store,
                       const struct build_options *options);
void build_context_close(struct build_context *context);

/* Fills in the Containerfile's text, all that `read_some` has. Returns 0, or -1, reported. */
int build_context_read_all(struct build_context *context,
                           tar_read_function *read_some, void *from);

#endif
