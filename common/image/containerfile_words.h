/*
 * containerfile_words: what stands in an instruction: its flags, then words, an
 * array of strings, or NAME=VALUE.
 *
 * taught in: step 10, lessons/10-build.md
 */
#ifndef NSCTL_IMAGE_CONTAINERFILE_WORDS_H
#define NSCTL_IMAGE_CONTAINERFILE_WORDS_H

#include "common/image/containerfile.h"

/* How an instruction's words are read. */
enum containerfile_form {
    FORM_WORDS,   /* apart by blanks, or an array of strings */
    FORM_COMMAND, /* for a shell, or an array */
    FORM_PAIRS,   /* NAME=VALUE… */
    FORM_NAMES,   /* NAME[=VALUE]… */
    FORM_ONE,     /* all of it is one word */
    FORM_ONLY_ARRAY,
};

/* The length of the word that `text` begins with: to a blank that is neither
 * escaped nor in quotes. -1: a quote is not closed. */
ptrdiff_t containerfile_words_length(const struct containerfile *file,
                                     const char *text);

/* Takes the flags off the instruction's text. `flags`: those that it may have,
 * " chown= chmod= ". Returns 0, or -1, reported. */
int containerfile_words_flags(struct containerfile *file,
                              struct containerfile_instruction *instruction,
                              const char *flags);

/* Reads the rest of its text. Returns 0, or -1, reported. */
int containerfile_words_read(struct containerfile *file,
                             struct containerfile_instruction *instruction,
                             enum containerfile_form form);

#endif
