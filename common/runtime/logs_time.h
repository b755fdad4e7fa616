/*
 * logs_time: moments, as a log has them and as people name them.
 *
 * taught in: step 09, lessons/09-lifecycle.md
 */
#ifndef NSCTL_RUNTIME_LOGS_TIME_H
#define NSCTL_RUNTIME_LOGS_TIME_H

#include <stdbool.h>
#include <time.h>

enum { LOGS_TIME_LENGTH = 30 }; /* of "2026-11-22T10:00:00.000000000Z" */

/* Writes a moment in that form, LOGS_TIME_LENGTH bytes and a NUL, in which times sort
 * as texts. Of a year that has more or less than four digits, the nearest that has. */
void logs_time_write(char *text, const struct timespec *time);

/* Whether `text` begins with a time in that form. */
bool logs_time_is_one(const char *text);

/* Reads "2026-11-22T10:00:00.5Z", "+01:00" instead of Z, less of that (local time),
 * "1795341600.5" (seconds since 1970), or how long ago: "1h30m", "90s". Returns NULL, or
 * what was expected. */
const char *logs_time_read(const char *text, struct timespec *time);

#endif
