/*
 * advice: what an errno means for a given system call, and what to do.
 *
 * strerror(3) knows the errno but not the call: ENOSPC is "No space left on
 * device", which is false when it comes from clone3(2). The table in advice.c
 * is worth reading as a page of its own: it is what goes wrong in practice.
 *
 * taught in: step 00, lessons/00-before-you-start.md
 */
#ifndef NSCTL_BASE_ADVICE_H
#define NSCTL_BASE_ADVICE_H

/* "EPERM" for EPERM; "unknown errno" for a number that Linux does not have.
 * errno(3). The string is static. */
const char *advice_error_name(int error);

/* What to do about `error` from `call`, which is the call as text, such as
 * "mount(\"proc\", …)": only its name is looked at. Never NULL; static. */
const char *advice_for_call(const char *call, int error);

#endif
