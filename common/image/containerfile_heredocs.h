/*
 * containerfile_heredocs: files within the file, which stand behind an instruction
 * with <<EOF in it.
 *
 * taught in: step 10, lessons/10-build.md
 */
#ifndef NSCTL_IMAGE_CONTAINERFILE_HEREDOCS_H
#define NSCTL_IMAGE_CONTAINERFILE_HEREDOCS_H

#include "common/image/containerfile_lines.h"

/* Reads the lines that belong to the instruction, whose text is read already.
 * Returns 0, or -1, reported. */
int containerfile_heredocs_read(struct containerfile *file,
                                struct containerfile_cursor *cursor,
                                struct containerfile_instruction *instruction);

#endif
