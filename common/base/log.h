/*
 * log: one line on standard error for each thing that happened.
 *
 *   [ns] a hostname of its own              sethostname("web", 3) = 0
 *   [ns] error: a hostname of its own: sethostname("web", 3) = -1 EPERM (…)
 *   [ns]        this needs root: start it with sudo
 *
 * Each line is one write(2), so lines of parent and child never mix, and each
 * call is written the way strace(1) writes it, so the two can be compared.
 * errno survives every function here.
 *
 * taught in: step 00, lessons/00-before-you-start.md
 */
#ifndef NSCTL_BASE_LOG_H
#define NSCTL_BASE_LOG_H

#include <stdbool.h>
#include <stddef.h>

/* Silences all but warnings and errors. NSCTL_LOG=quiet does the same. */
void log_set_quiet(bool quiet);
bool log_is_quiet(void);

/* The terminal that lines go to, if they go to one, was made raw; or was put back. */
void log_set_raw(bool raw);

/* Where lines go from now on, instead of standard error: to a process whose
 * standard error is another's by now. -1: nowhere. Returns where they went. */
int log_set_descriptor(int fd);

/* What is to be called before each line: by who has something in the terminal's last
 * line, and takes it away then. NULL: nobody has. */
void log_set_before_line(void (*before_line)(void));

/* Names and paths come from the user, and a control character among them would
 * be obeyed by the terminal. Each of its bytes becomes '?': see utf8_is_obeyed();
 * so do bytes that are no UTF-8. The log does so by itself; all else that we print
 * in lines goes through here too, to a pipe as to a terminal. */
void log_mask_controls(char *text, size_t length);

/* A remark: something that happened and was not a single system call. */
void log_note(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* What the user must know even with -q, though nothing of ours failed. */
void log_warning(const char *format, ...) __attribute__((format(printf, 1, 2)));

/*
 * Reports a system call right after it returned. `result` is what it returned
 * (and, if that is -1, errno why), `intention` what it was for, the rest the
 * call as text. A failure is reported as an error, with what advice.h knows
 * of it. Returns `result`, so that a wrapper can end in `return log_call(…)`.
 */
long log_call(long result, const char *intention, const char *call_format, ...)
    __attribute__((format(printf, 3, 4)));

/* The same for a call that will not return or may block: logged before it. */
void log_before_call(const char *intention, const char *call_format, ...)
    __attribute__((format(printf, 2, 3)));

/* An error that is no system call's. Returns -1. */
int log_error(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* The line below an error: what to do about it. */
void log_advice(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
