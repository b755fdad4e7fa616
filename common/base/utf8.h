/*
 * utf8: characters in text that came from anybody: a name, a command, an image.
 *
 * taught in: step 00, lessons/00-before-you-start.md
 */
#ifndef NSCTL_BASE_UTF8_H
#define NSCTL_BASE_UTF8_H

#include <stdbool.h>
#include <stddef.h>

/* As a size: a NUL ends the text. */
#define UTF8_TO_NUL ((size_t)4)

/* Of how many bytes the character at `text` is, which has `size` bytes at most; 0 for what is
 * none: a part of one, or one that is written longer than it need be. Unicode, table 3-7. */
size_t utf8_length(const char *text, size_t size);

/*
 * Whether a terminal does something other than to show that character, of `length` bytes:
 * the control characters of ASCII, those from U+0080 to U+009F (one is an escape
 * sequence's beginning), and those that turn the direction in which text is read, so that
 * what is seen is not what is there: `ls gpj.exe` as `ls exe.jpg`. Unicode, annex 9.
 */
bool utf8_is_obeyed(const char *character, size_t length);

/* The number of the character, of `length` bytes. */
unsigned utf8_number(const char *character, size_t length);

#endif
