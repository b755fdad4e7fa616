/*
 * similar: what was meant, where a word is not known.
 *
 *     struct similar similar = similar_to(word, strlen(word));
 *     similar_try_each(&similar, "ps list");
 *     similar_try_each(&similar, "rm delete");
 *     if (similar.name != NULL)
 *         …did you mean %.*s?…  (int)similar.name_length, similar.name
 *
 * taught in: step 00, lessons/00-before-you-start.md
 */
#ifndef NSCTL_BASE_SIMILAR_H
#define NSCTL_BASE_SIMILAR_H

#include <stdbool.h>
#include <stddef.h>

struct similar {
    const char *word; /* what was typed */
    size_t word_length;
    const char *name; /* what is most like it so far; NULL: nothing is */
    size_t name_length;
    size_t edits; /* from the one to the other */
};

/* Begins to look for what `word`, of `length` bytes, was to be; it must stay. */
struct similar similar_to(const char *word, size_t length);

/* Whether `name`, of `length` bytes, is more like it than all that were tried before; then it is
 * the one, and has to stay if it is to be read there. What takes three single-letter edits
 * (Levenshtein), or as many as it has letters, is no typing error. Names are short: what is
 * longer than 31 letters is not similar to anything. */
bool similar_try(struct similar *similar, const char *name, size_t length);

/* Tries each of the names in `names`, between blanks. */
void similar_try_each(struct similar *similar, const char *names);

#endif
