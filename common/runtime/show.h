/*
 * show: a container as a picture in text, drawn from /proc.
 *
 * Not from our own records: what they say was asked for, the kernel says what is.
 * Each part is a box of its own (base/picture.h), drawn by a function of its own.
 *
 * taught in: step 09, lessons/observability.md
 */
#ifndef NSCTL_RUNTIME_SHOW_H
#define NSCTL_RUNTIME_SHOW_H

#include "common/base/picture.h"

/* Each takes the descriptor of /proc/PID of the container's first process
 * (proc.h). What can not be read is said in the box itself. */

/* Its namespaces beside ours, and how their ids are mapped. namespaces(7). */
void show_namespaces(struct picture *picture, int proc_fd);
void show_ids(struct picture *picture, int proc_fd);

/* Capabilities by name, seccomp's mode, no_new_privs. capabilities(7). */
void show_privileges(struct picture *picture, int proc_fd);

/* The mounts as a tree. proc_pid_mountinfo(5). */
void show_mounts(struct picture *picture, int proc_fd);

/* Limits and use, in version 1 and 2. cgroups(7). */
void show_cgroup(struct picture *picture, int proc_fd);

/* Links with their addresses, and the way out, read inside. rtnetlink(7). */
void show_network(struct picture *picture, int proc_fd);

/* Whether it has a namespace of the kind ("net") of its own; the numbers of both,
 * 0 where they can not be read. */
bool show_has_own(int proc_fd, const char *kind, unsigned long *inside,
                  unsigned long *outside);

#endif
