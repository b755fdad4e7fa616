/*
 * uts: the hostname, which a UTS namespace makes one's own.
 *
 * taught in: step 01, lessons/01-uts.md
 */
#ifndef NSCTL_KERNEL_UTS_H
#define NSCTL_KERNEL_UTS_H

/* The option parser for --hostname (see base/program.h): at most 64 bytes, as
 * the kernel has it, letters, digits, '-', '_' and '.'. `hostname` points to a
 * const char *, which then points to `text`. Returns NULL, or what was
 * expected. hostname(7). */
const char *uts_parse_hostname(const char *text, void *hostname);

/* Sets the hostname of the caller's UTS namespace: call it in the child, or
 * the host is renamed. Returns 0, or -1 with errno, reported. sethostname(2). */
int uts_set_hostname(const char *hostname);

#endif
