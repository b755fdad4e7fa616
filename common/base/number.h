/*
 * number: numbers as people write them on a command line, and as they read them.
 *
 * Each parser has the shape that program.h wants: it takes the text and a
 * pointer to where the value goes, and returns NULL, or, where the text is not
 * of that form, what was expected. Nothing is stored in that case.
 *
 * taught in: step 00, lessons/00-before-you-start.md
 */
#ifndef NSCTL_BASE_NUMBER_H
#define NSCTL_BASE_NUMBER_H

#include <stdint.h>

/* Decimal digits and nothing else, at most `maximum`. Returns the first
 * character after them, or NULL where there are none or too many. */
const char *number_scan(const char *text, uint64_t maximum, uint64_t *value);

/* "100m": bytes, with b, k, m, g or t (powers of 1024), either case.
 * `bytes` points to a uint64_t. */
const char *number_parse_bytes(const char *text, void *bytes);

/* "0.5": a decimal number of CPUs from 0.01, to three places.
 * `thousandths` points to a uint64_t. */
const char *number_parse_cpus(const char *text, void *thousandths);

/* Bytes in three digits: "64.0MiB", or where `base` is not 1024 but 1000 "8.1kB"; "-" where there
 * are less than none: it is not known. `between` stands before the unit. Returns `text`. */
enum { NUMBER_BYTES_TEXT = 24 };
const char *number_format_bytes(int64_t bytes, unsigned base,
                                const char *between,
                                char text[NUMBER_BYTES_TEXT]);

#endif
