/*
 * seccomp_tables: the system calls by name, and which of them a container may
 * make when nothing else is asked for.
 *
 * Tables of our own, since the headers on a machine know the calls of the kernel
 * that they came with, and what matters is the kernel that we run on.
 *
 * taught in: step 06, lessons/06-userns.md
 */
#ifndef NSCTL_KERNEL_SECCOMP_TABLES_H
#define NSCTL_KERNEL_SECCOMP_TABLES_H

#include "common/kernel/seccomp.h"

#include <stdint.h>

/* Numbers above these are of kernels newer than we know (7.0). */
enum { SECCOMP_TABLES_NEWEST = 471 };

/* The call's number, or -1 where the architecture has none of that name. */
int seccomp_tables_number(enum seccomp_architecture architecture,
                          const char *name);

/* The call's name, or NULL for a number that the architecture does not have.
 * Static. */
const char *seccomp_tables_name(enum seccomp_architecture architecture,
                                uint64_t number);

/* An empty set of rules: numbers above the newest get ENOSYS, so that a
 * program falls back to what it did on older kernels; the rest gets
 * `default_action`. */
void seccomp_tables_begin(struct seccomp_rules *rules,
                          enum seccomp_architecture architecture,
                          uint32_t default_action);

/* The default rules for a container that keeps these capabilities (1 << CAP_…):
 * what is on the list is allowed, the rest gets EPERM. */
void seccomp_tables_default(struct seccomp_rules *rules,
                            enum seccomp_architecture architecture,
                            uint64_t capabilities);

#endif
