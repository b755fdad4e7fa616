/*
 * record_text: a container, in words: for a table, for JSON, for what is said of it.
 *
 * taught in: step 09, lessons/09-lifecycle.md
 */
#ifndef NSCTL_RUNTIME_RECORD_TEXT_H
#define NSCTL_RUNTIME_RECORD_TEXT_H

#include "common/runtime/record.h"

#include <stddef.h>
#include <stdint.h>

/* "5 minutes", "About an hour". */
void record_text_age(int64_t ns, char *text, size_t size);

/* "Up 5 minutes", "Up 5 minutes (Paused)", "Exited (0) 5 minutes ago", "Exited (unknown)",
 * "Created", "Corrupt". `now_ns`: since 1970. */
void record_text_status(const struct record *record, int64_t now_ns, char *text,
                        size_t size);

/* "created", "running", "paused", "exited", "corrupt": static. */
const char *record_text_state(const struct record *record);

/* The name of its image, or what else it runs on; "" where that is not known. */
const char *record_text_image(const struct record *record);

/* The command with blanks between its words; the ports that are published, with commas. */
void record_text_command(const struct record *record, char *text, size_t size);
void record_text_ports(const struct record *record, char *text, size_t size);

#endif
