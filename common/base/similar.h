/*
 * similar: what was meant, where a word is not known.
 *
 * taught in: step 00, lessons/00-before-you-start.md
 */
#ifndef NSCTL_BASE_SIMILAR_H
#define NSCTL_BASE_SIMILAR_H

#include <stddef.h>

/* How many single-letter edits turn `a` into `b` (Levenshtein). Fewer than three
 * are a typing error. Names are short: what is longer than 31 letters is not
 * similar to anything. */
size_t similar_edits_between(const char *a, size_t a_length, const char *b,
                             size_t b_length);

#endif
