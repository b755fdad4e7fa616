/*
 * signal_names: signals as people write them.
 *
 * taught in: step 00, lessons/00-before-you-start.md
 */
#ifndef NSCTL_BASE_SIGNAL_NAMES_H
#define NSCTL_BASE_SIGNAL_NAMES_H

/* The option parser (base/program.h): "TERM", "SIGTERM", "sigterm", "15", "RTMIN+3".
 * `number` points to an int. signal(7). */
const char *signal_names_parse(const char *text, void *number);

/* "SIGTERM" for 15, static; "signal" for a number that has no name. */
const char *signal_names_of(int number);

#endif
