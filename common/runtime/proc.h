/*
 * proc: a container's first process, as /proc has it.
 *
 * A number may belong to another process by the time its files are opened. So its
 * directory is opened once, and then asked whether that was it: what is read through
 * the descriptor is the one process's, or ESRCH when it has ended.
 *
 * taught in: step 09, lessons/observability.md
 */
#ifndef NSCTL_RUNTIME_PROC_H
#define NSCTL_RUNTIME_PROC_H

#include "common/runtime/record.h"

#include <stddef.h>
#include <stdio.h>

/* Opens /proc/PID of the record's init. Returns a descriptor, or -1, reported: it does
 * not run. proc(5). */
int proc_open(const struct record *record);

/* A file in it, line by line; NULL with errno, not reported. */
FILE *proc_open_file(int proc_fd, const char *name);

/* What follows `key` ("CapEff:") and blanks in a text with a line each, up to the end of
 * that line, in `value`. False where there is no such line. */
bool proc_find(const char *text, const char *key, char *value, size_t size);

#endif
