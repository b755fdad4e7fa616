/*
 * list: how a container is described in a line: by ps, and wherever else.
 *
 * taught in: step 09, lessons/09-lifecycle.md
 */
#ifndef NSCTL_RUNTIME_LIST_H
#define NSCTL_RUNTIME_LIST_H

#include "common/runtime/record.h"

#include <stddef.h>
#include <stdint.h>

/* "5 minutes", "About an hour". */
void list_write_age(int64_t ns, char *text, size_t size);

/* "Up 5 minutes", "Up 5 minutes (Paused)", "Exited (0) 5 minutes ago", "Exited (unknown)",
 * "Created", "Corrupt". `now_ns`: since 1970. */
void list_write_status(const struct record *record, int64_t now_ns, char *text,
                       size_t size);

/* "created", "running", "paused", "exited", "corrupt": static. */
const char *list_state_name(const struct record *record);

/* The name of its image, or what else it runs on; "" where that is not known. */
const char *list_image_name(const struct record *record);

/* The command with its words between blanks. */
void list_write_command(const struct record *record, char *text, size_t size);

#endif
