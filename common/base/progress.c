#include "common/base/progress.h"

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/number.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum { INTERVAL_MS = 100, PATIENCE_MS = 300, BAR_COLUMNS = 20 };

static struct {
    char what[128];
    uint64_t total, done;
    int64_t begun_ms, drawn_ms;
    bool active, visible;
} line;

static void progress_write(const char *text, size_t length)
{
    /* A terminal that takes no more of it is no reason to fail. */
    ssize_t written = write(STDERR_FILENO, text, length);
    (void)written;
}

static void progress_format_bar(char *bar)
{
    uint64_t done = line.done < line.total ? line.done : line.total;
    size_t filled = (size_t)((double)done / (double)line.total * BAR_COLUMNS);
    memset(bar, ' ', BAR_COLUMNS);
    memset(bar, '=', filled);
    if (filled < BAR_COLUMNS)
        bar[filled] = '>';
    bar[BAR_COLUMNS] = '\0';
}

/* Text that is wider than the terminal would go on in the next line, and stay. */
static size_t progress_columns(void)
{
    struct winsize size;
    return ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 1
               ? size.ws_col - 1
               : 79;
}

static void progress_draw(int64_t now_ms)
{
    char text[1024], bar[BAR_COLUMNS + 1], done[NUMBER_BYTES_TEXT],
        total[NUMBER_BYTES_TEXT], rate[NUMBER_BYTES_TEXT];
    int64_t lasted_ms = now_ms - line.begun_ms;
    number_format_bytes((int64_t)line.done, 1000, " ", done);
    number_format_bytes((int64_t)line.total, 1000, " ", total);
    number_format_bytes((int64_t)((double)line.done * 1000 / (double)lasted_ms),
                        1000, " ", rate);
    int length = snprintf(text, sizeof text, "\r%s  ", line.what);
    size_t used = (size_t)length;
    if (line.total > 0) {
        progress_format_bar(bar);
        length = snprintf(text + used, sizeof text - used,
                          "[%s]  %s of %s, %s/s", bar, done, total, rate);
    } else {
        length =
            snprintf(text + used, sizeof text - used, "%s, %s/s", done, rate);
    }
    used += (size_t)length;
    size_t columns = progress_columns();
    if (used > 1 + columns)
        used = 1 + columns;
    length = snprintf(text + used, sizeof text - used, "\033[K");
    progress_write(text, used + (size_t)length);
    line.visible = true;
    line.drawn_ms = now_ms;
}

static void progress_clear(void)
{
    if (line.visible)
        progress_write("\r\033[K", 4);
    line.visible = false;
}

void progress_begin(uint64_t total, const char *format, ...)
{
    int saved_errno = errno;
    va_list arguments;
    progress_end();
    line.active = !log_is_quiet() && isatty(STDERR_FILENO);
    errno = saved_errno;
    if (!line.active)
        return;
    va_start(arguments, format);
    vsnprintf(line.what, sizeof line.what, format, arguments);
    va_end(arguments);
    log_mask_controls(line.what, strlen(line.what));
    line.total = total;
    line.done = 0;
    line.begun_ms = line.drawn_ms = clock_now_ms();
    log_set_before_line(progress_clear);
}

void progress_add(uint64_t bytes)
{
    if (!line.active)
        return;
    int saved_errno = errno;
    line.done += bytes;
    int64_t now_ms = clock_now_ms();
    /* In the background the terminal is another's. */
    if (now_ms - line.drawn_ms >= INTERVAL_MS &&
        now_ms - line.begun_ms >= PATIENCE_MS &&
        tcgetpgrp(STDERR_FILENO) == getpgrp())
        progress_draw(now_ms);
    errno = saved_errno;
}

void progress_end(void)
{
    if (!line.active)
        return;
    int saved_errno = errno;
    progress_clear();
    log_set_before_line(NULL);
    line.active = false;
    errno = saved_errno;
}
