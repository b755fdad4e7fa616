/*
 * command: becoming the program that the user asked for, or saying exactly
 * why that can not be.
 *
 * taught in: step 00, lessons/00-before-you-start.md
 */
#ifndef NSCTL_BASE_COMMAND_H
#define NSCTL_BASE_COMMAND_H

/* The exit statuses of a shell for a command that can not be started. */
enum { EXIT_NOT_INVOCABLE = 126, EXIT_NOT_FOUND = 127 };

/* Closes every descriptor but 0, 1 and 2: ours, and whatever those who started
 * us left open. Returns 0, or -1 with errno, reported. close_range(2). */
int command_close_descriptors(void);

/* The same for those from `first` on. */
int command_close_descriptors_from(unsigned first);

/*
 * Looks `command[0]` up in PATH unless
 * it has a slash, and executes it with `environ`. Does not return: where the
 * command can not be started it says why and exits by _exit(2), with 127 when
 * it, or the loader or interpreter that it names, is not there, with 126 when
 * it can not be run. For a child that owns nothing: execve(2).
 */
void command_execute(char **command) __attribute__((noreturn));

/*
 * Whoever starts a process that is to become a command may want to hear how that
 * went. From now on this process reports on `fd`, a pipe's writing end that is
 * close-on-exec, and leaves by command_exit(). On the other end command_await()
 * reads: a byte 0 when all but the execve(2) is done, then either the end,
 * because that closed it, or a byte with the status it exits with.
 */
void command_report_to(int fd);

/* _exit(2), with a report if there is somebody to report to. */
void command_exit(int status) __attribute__((noreturn));

/* For a process that stays what it is, an init: the command that is its child has
 * the report to itself, and errors go to standard error. */
void command_leave_report(void);

/* Waits on the reading end of that pipe, whose other end the caller has closed.
 * Returns 0 where the command was executed; the status that was reported; or -1
 * where there is neither, because the process was killed before. */
int command_await(int fd);

/* Forgets the environment that we were started in, which is the host's and
 * may hold its secrets, and sets PATH, HOME and, where there is one, TERM. */
void command_clean_environment(void);

#endif
