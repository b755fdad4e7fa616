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

/* Opens /proc/PID of the record's init; of its first child, where that init is of ours and
 * may not be looked into. Returns a descriptor, or -1, reported: it does not run. proc(5). */
int proc_open(const struct record *record);

/*
 * An init of ours was born on the host and has executed nothing since: to look into it,
 * or to join it, takes a right that only the host's root has. Its first child is in the
 * same namespaces, and belongs to the container. Returns a descriptor that stands for
 * that one, with its number in `pid`, or -1, reported. pidfd_open(2).
 */
int proc_open_first_child(const struct record *record, pid_t *pid);

/* A file in it, line by line; NULL with errno, not reported. */
FILE *proc_open_file(int proc_fd, const char *name);

/* What follows `key` ("CapEff:") and blanks in a text with a line each, up to the end of
 * that line, in `value`. False where there is no such line. */
bool proc_find(const char *text, const char *key, char *value, size_t size);

#endif
