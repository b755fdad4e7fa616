/*
 * self: our own program's file, out of a container's reach.
 *
 * A command may be a script that begins with #!/proc/self/exe: then the kernel executes, inside,
 * the program that was about to execute it, which is ours. From then on the
 * container has a descriptor of a file of the host's, /proc/PID/exe, and opens it
 * anew to write to it: the next who runs it, runs what stands there by then.
 *
 *     self_protect(userns_host, false);     as soon as the options are read
 *
 * taught in: step 09, lessons/09-lifecycle.md
 */
#ifndef NSCTL_RUNTIME_SELF_H
#define NSCTL_RUNTIME_SELF_H

#include <stdbool.h>

/*
 * Where root inside could write to our program's file, executes the program anew: by a mount
 * of that file which is read-only and which nobody finds, or, where no such can be had, from a
 * copy in memory that nobody can write to. That costs half a millisecond or a whole one, and is
 * not done for a file that is root's, and only root's to write, in a container whose root is
 * another. Nor is it for one that the kernel protects: while a program is executed, to write to
 * its file is an error (ETXTBSY; not in Linux 6.11 and 6.12). `stays`: it is executed for as
 * long as the container lives, by its monitor. Before anything is made: options are read twice.
 * Returns 0, or -1, reported. mount_setattr(2), memfd_create(2), "File sealing" in fcntl(2).
 */
int self_protect(bool userns_host, bool stays);

#endif
