#include "common/base/log.h"

#include "common/base/advice.h"
#include "common/base/utf8.h"

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { INTENTION_COLUMNS = 50, CALL_BYTES = 3072, LINE_BYTES = 4096 };

static bool quiet_asked;
static int way_out = STDERR_FILENO;
static int way_is_terminal = -1; /* -1: not asked yet */
static void (*call_before_line)(void);

void log_set_quiet(bool quiet)
{
    quiet_asked = quiet;
}

int log_set_descriptor(int fd)
{
    int before = way_out;
    way_out = fd;
    way_is_terminal = -1;
    return before;
}

void log_set_before_line(void (*before_line)(void))
{
    call_before_line = before_line;
}

/* The environment is asked once, before a container gets one of its own. */
/* Whether the end of a line only goes down there, and not back to the left. */
static bool is_raw;

void log_set_raw(bool raw)
{
    is_raw = raw && isatty(way_out);
}

bool log_is_quiet(void)
{
    static int quiet = -1;
    if (quiet == -1) {
        const char *level = getenv("NSCTL_LOG");
        quiet = level != NULL && strcmp(level, "quiet") == 0;
    }
    return quiet_asked || quiet;
}

static bool log_is_coloured(void)
{
    static int coloured = -1;
    if (coloured == -1) {
        const char *no_color = getenv("NO_COLOR");
        coloured = no_color == NULL || no_color[0] == '\0';
    }
    if (coloured && way_is_terminal == -1)
        way_is_terminal = isatty(way_out);
    return coloured && way_is_terminal;
}

/* A reader that has gone (`2>&1 | head`) costs us the line, not the container:
 * SIGPIPE waits while we write, and is taken back. */
static void log_write(const char *line, size_t length)
{
    static const struct timespec at_once = {0};
    sigset_t only_pipe, mask;
    sigemptyset(&only_pipe);
    sigaddset(&only_pipe, SIGPIPE);
    sigprocmask(SIG_BLOCK, &only_pipe, &mask);
    if (write(way_out, line, length) == -1 && errno == EPIPE)
        sigtimedwait(&only_pipe, NULL, &at_once);
    sigprocmask(SIG_SETMASK, &mask, NULL);
}

void log_mask_controls(char *text, size_t length)
{
    size_t bytes;
    for (size_t i = 0; i < length; i += bytes) {
        size_t whole = utf8_length(text + i, length - i);
        bytes = whole == 0 ? 1 : whole;
        if (whole == 0 || utf8_is_obeyed(text + i, whole))
            memset(text + i, '?', bytes);
    }
}

/* Writes "[ns] TEXT CALL" in one write(2): the log has no other way out. */
static void log_write_line(const char *text, const char *call)
{
    char line[LINE_BYTES];
    bool dim = call[0] != '\0' && log_is_coloured();
    int length = call[0] == '\0' ? snprintf(line, sizeof line, "[ns] %s", text)
                                 : snprintf(line, sizeof line, "[ns] %-*s  ",
                                            INTENTION_COLUMNS, text);
    if (length >= LINE_BYTES)
        length = LINE_BYTES - 1;
    size_t used = (size_t)length;
    size_t call_start = used;
    for (const char *c = call; *c != '\0' && used < sizeof line - 16; c++)
        line[used++] = *c;
    log_mask_controls(line, used);
    if (dim && call_start < used) {
        static const char on[] = "\033[2m", off[] = "\033[0m";
        memmove(line + call_start + sizeof on - 1, line + call_start,
                used - call_start);
        memcpy(line + call_start, on, sizeof on - 1);
        used += sizeof on - 1;
        memcpy(line + used, off, sizeof off - 1);
        used += sizeof off - 1;
    }
    if (used > sizeof line - 2)
        used = sizeof line - 2;
    if (is_raw)
        line[used++] = '\r';
    line[used++] = '\n';
    if (call_before_line != NULL)
        call_before_line();
    log_write(line, used);
}

static void __attribute__((format(printf, 2, 0)))
log_write_prefixed(const char *prefix, const char *format, va_list arguments)
{
    int saved_errno = errno;
    char text[LINE_BYTES];
    int length = snprintf(text, sizeof text, "%s", prefix);
    vsnprintf(text + length, sizeof text - (size_t)length, format, arguments);
    log_write_line(text, "");
    errno = saved_errno;
}

void log_note(const char *format, ...)
{
    if (log_is_quiet())
        return;
    va_list arguments;
    va_start(arguments, format);
    log_write_prefixed("", format, arguments);
    va_end(arguments);
}

void log_warning(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    log_write_prefixed("warning: ", format, arguments);
    va_end(arguments);
}

int log_error(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    log_write_prefixed("error: ", format, arguments);
    va_end(arguments);
    return -1;
}

void log_advice(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    log_write_prefixed("       ", format, arguments);
    va_end(arguments);
}

static void log_failed_call(const char *intention, const char *call, int error)
{
    char text[LINE_BYTES];
    snprintf(text, sizeof text, "error: %s: %s = -1 %s (%s)", intention, call,
             advice_error_name(error), strerror(error));
    log_write_line(text, "");
    log_advice("%s", advice_for_call(call, error));
}

long log_call(long result, const char *intention, const char *call_format, ...)
{
    int saved_errno = errno;
    if (result != -1 && log_is_quiet())
        return result;

    char call[CALL_BYTES];
    va_list arguments;
    va_start(arguments, call_format);
    int length = vsnprintf(call, sizeof call, call_format, arguments);
    va_end(arguments);

    if (result == -1) {
        log_failed_call(intention, call, saved_errno);
    } else {
        if (length >= 0 && (size_t)length < sizeof call)
            snprintf(call + length, sizeof call - (size_t)length, " = %ld",
                     result);
        log_write_line(intention, call);
    }
    errno = saved_errno;
    return result;
}

void log_before_call(const char *intention, const char *call_format, ...)
{
    if (log_is_quiet())
        return;
    int saved_errno = errno;
    char call[CALL_BYTES];
    va_list arguments;
    va_start(arguments, call_format);
    vsnprintf(call, sizeof call, call_format, arguments);
    va_end(arguments);
    log_write_line(intention, call);
    errno = saved_errno;
}
