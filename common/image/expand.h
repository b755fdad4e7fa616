/*
 * expand: variables and quotes in a word of a Containerfile.
 *
 *   $name ${name}     its value; nothing where it is not set
 *   ${name:-word}     word, where it is not set or empty; ${name-word}: not set
 *   ${name:+word}     word, where it is set and not empty; ${name+word}: set
 *   ${name:?word}     an error that says word, where it is not set or empty
 *   \$ \"             the character itself; in '…' all are, in "…" only \ and $ are not
 *
 * taught in: step 10, lessons/10-build.md
 */
#ifndef NSCTL_IMAGE_EXPAND_H
#define NSCTL_IMAGE_EXPAND_H

#include <stddef.h>

/* The value of a variable, NULL where it is not set. */
typedef const char *expand_look_up(void *context, const char *name);

/* Expands `word`, in which `escape` is what \ is above. Returns NULL and
 * `*result`, which the caller frees; or what is wrong with it, static. */
const char *expand_word(const char *word, char escape, expand_look_up *look_up,
                        void *context, char **result);

#endif
