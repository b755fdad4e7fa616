/*
 * mapped: doing something as root of all the ids that a user's containers have.
 *
 * What such a container writes belongs to ids that the user may neither read nor remove. So
 * a child does it, in a user namespace that has the same ids.
 *
 * taught in: step 09, lessons/09-lifecycle.md
 */
#ifndef NSCTL_RUNTIME_MAPPED_H
#define NSCTL_RUNTIME_MAPPED_H

#include <stddef.h>

/*
 * Calls `work` and returns what it returns, with errno as it left it: as root right here; as
 * a user in a child, which inherits all descriptors, and of whose memory nothing comes back
 * but what is shared (MAP_SHARED, a pipe). stdout is flushed before and after. Returns -1,
 * reported, where there can be no such child, or it was killed; it is when we are.
 * clone3(2), user_namespaces(7).
 */
int mapped_run(int (*work)(void *context), void *context);

/* Memory for what `work` has to tell, all zero, in which a child's changes are seen here.
 * Returns NULL, reported, where there is none. To be given back with munmap(2). mmap(2). */
void *mapped_shared(size_t size);

/* Whether only one id is mapped, so that all files are to belong to that one: true for a user
 * without subordinate ids. -1, reported, where none can be had. */
int mapped_has_one_id(void);

#endif
