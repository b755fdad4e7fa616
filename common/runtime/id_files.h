/*
 * id_files: --cidfile and --pidfile, for programs that start containers.
 *
 * taught in: step 09, lessons/09-lifecycle.md
 */
#ifndef NSCTL_RUNTIME_ID_FILES_H
#define NSCTL_RUNTIME_ID_FILES_H

#include <sys/types.h>

/* Each takes a path, or NULL: then there is nothing to be done. They return 0, or -1 with
 * errno, reported. The first makes a new file: EEXIST. */
int id_files_write_id(const char *path, const char *id);
int id_files_write_process(const char *path, pid_t pid);

/* That of a container that was not to be. */
void id_files_remove(const char *path);

#endif
