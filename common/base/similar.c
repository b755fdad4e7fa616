#include "common/base/similar.h"

#include <string.h>

/* How many single-letter edits turn `a` into `b`. */
static size_t similar_edits_between(const char *a, size_t a_length,
                                    const char *b, size_t b_length)
{
    enum { MOST = 31 };
    size_t row[MOST + 1];
    if (a_length > MOST || b_length > MOST)
        return MOST;
    for (size_t j = 0; j <= b_length; j++)
        row[j] = j;
    for (size_t i = 1; i <= a_length; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= b_length; j++) {
            size_t best = diagonal + (a[i - 1] != b[j - 1]);
            if (row[j] + 1 < best)
                best = row[j] + 1;
            if (row[j - 1] + 1 < best)
                best = row[j - 1] + 1;
            diagonal = row[j];
            row[j] = best;
        }
    }
    return row[b_length];
}

struct similar similar_to(const char *word, size_t length)
{
    return (struct similar){.word = word, .word_length = length, .edits = 3};
}

bool similar_try(struct similar *similar, const char *name, size_t length)
{
    size_t edits = similar_edits_between(similar->word, similar->word_length,
                                         name, length);
    if (edits >= similar->edits || edits >= length)
        return false;
    similar->name = name;
    similar->name_length = length;
    similar->edits = edits;
    return true;
}

void similar_try_each(struct similar *similar, const char *names)
{
    for (const char *name = names; *(name += strspn(name, " ")) != '\0';
         name += strcspn(name, " "))
        similar_try(similar, name, strcspn(name, " "));
}
