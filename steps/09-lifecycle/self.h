/*
 * self: our own program's file, out of a container's reach.
 *
 * A command may be a script that begins with #!/proc/self/exe: then the kernel executes, inside,
 * the program that was about to execute it, which is ours. From then on the
 * container has a descriptor of a file of the host's, /proc/PID/exe, and opens it
 * anew to write to it: the next who runs it, runs what stands there by then.
 *
 *     self_protect(userns_host, 0);  as soon as the options are read
 *
 * taught in: step 09, lessons/09-lifecycle.md
 */
#ifndef NSCTL_RUNTIME_SELF_H
#define NSCTL_RUNTIME_SELF_H

#include <stdbool.h>
#include <sys/types.h>

/*
 * Where root inside could write to our program's file, executes the program anew: by a mount
 * of that file which is read-only and which nobody finds, or, where no such can be had, from a
 * copy in memory that nobody can write to. That costs half a millisecond or a whole one, and is
 * not done for a file that is root's, and only root's to write, in a container whose root is
 * another. That the kernel lets nobody write to a file while it is executed (ETXTBSY) would not
 * do: its owner could still change its mode. Before anything is made: options are read twice.
 * `monitor`: of the container, where there is one already, or 0; its mount is then ours, too.
 * Returns 0, or -1, reported. mount_setattr(2), memfd_create(2), "File sealing" in fcntl(2).
 */
int self_protect(bool userns_host, pid_t monitor);

/* The same before the options `words` are read, among which may be a file that can be read only
 * once. Whether root inside is going to be root outside is guessed from them: too often is no
 * harm, and what was left out self_protect() does. */
int self_protect_early(char **words);

#endif
