#include "common/runtime/trace_text.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/uio.h>

/* How much of a buffer, a path, a list is shown. */
enum { SHOWN_BYTES = 32, SHOWN_STRING = 256, SHOWN_STRINGS = 12 };

/* ---- Putting it together ---- */

void trace_text_clear(struct trace_text *text)
{
    text->used = 0;
    text->bytes[0] = '\0';
    text->cut = false;
}

void trace_text_add(struct trace_text *text, const char *format, ...)
{
    size_t room = sizeof text->bytes - text->used;
    va_list arguments;
    if (text->cut)
        return;
    va_start(arguments, format);
    int length = vsnprintf(text->bytes + text->used, room, format, arguments);
    va_end(arguments);
    if (length >= 0 && (size_t)length < room) {
        text->used += (size_t)length;
        return;
    }
    /* In place of the piece that was too long, if need be of the one before. */
    static const char ellipsis[] = "…";
    if (text->used > sizeof text->bytes - sizeof ellipsis)
        text->used = sizeof text->bytes - sizeof ellipsis;
    memcpy(text->bytes + text->used, ellipsis, sizeof ellipsis);
    text->used += sizeof ellipsis - 1;
    text->cut = true;
}

void trace_text_add_flags(struct trace_text *text, uint64_t value,
                          const struct trace_text_flag *flags)
{
    const char *separator = "";
    for (; flags->name != NULL; flags++) {
        if (flags->value == 0 || (value & flags->value) != flags->value)
            continue;
        trace_text_add(text, "%s%s", separator, flags->name);
        value &= ~flags->value;
        separator = "|";
    }
    if (value != 0)
        trace_text_add(text, "%s0x%" PRIx64, separator, value);
    else if (*separator == '\0')
        trace_text_add(text, "0");
}

/* ---- The memory of another ---- */

ssize_t trace_text_read(pid_t tid, uint64_t address, void *bytes, size_t size)
{
    struct iovec here = {bytes, size};
    /* No pointer of ours, though it has to look like one. */
    struct iovec there = {.iov_len = size};
    memcpy(&there.iov_base, &address, sizeof there.iov_base);
    return process_vm_readv(tid, &here, 1, &there, 1, 0);
}

/* As C writes them: what is not printable ASCII could be an order to the
 * terminal, or no text at all. */
static void trace_text_add_quoted(struct trace_text *text,
                                  const unsigned char *bytes, size_t size,
                                  bool goes_on)
{
    char quoted[4 * SHOWN_STRING + 1];
    size_t used = 0;
    for (size_t i = 0; i < size && used + 5 < sizeof quoted; i++) {
        static const char letters[] = "\a\b\t\n\v\f\r\"\\";
        static const char escapes[] = "abtnvfr\"\\";
        const char *letter =
            bytes[i] == '\0' ? NULL : strchr(letters, bytes[i]);
        if (letter != NULL) {
            quoted[used++] = '\\';
            quoted[used++] = escapes[letter - letters];
        } else if (bytes[i] >= ' ' && bytes[i] < 0x7f) {
            quoted[used++] = (char)bytes[i];
        } else { /* three digits where one may follow that is not meant */
            bool digit =
                i + 1 < size && bytes[i + 1] >= '0' && bytes[i + 1] <= '9';
            used += (size_t)snprintf(quoted + used, sizeof quoted - used,
                                     digit ? "\\%03o" : "\\%o", bytes[i]);
        }
    }
    quoted[used] = '\0';
    trace_text_add(text, "\"%s\"%s", quoted, goes_on ? "…" : "");
}

void trace_text_add_bytes(struct trace_text *text, pid_t tid, uint64_t address,
                          uint64_t size)
{
    unsigned char bytes[SHOWN_BYTES];
    size_t shown = size < sizeof bytes ? (size_t)size : sizeof bytes;
    if (address != 0 && shown == 0) {
        trace_text_add(text, "\"\"");
        return;
    }
    ssize_t got =
        address == 0 ? -1 : trace_text_read(tid, address, bytes, shown);
    if (got <= 0)
        trace_text_add(text, address == 0 ? "NULL" : "0x%" PRIx64, address);
    else
        trace_text_add_quoted(text, bytes, (size_t)got, size > (uint64_t)got);
}

void trace_text_add_string(struct trace_text *text, pid_t tid, uint64_t address)
{
    unsigned char bytes[SHOWN_STRING];
    size_t used = 0;
    while (address != 0 && used < sizeof bytes) {
        /* Up to the end of a page: the next may not be there. */
        size_t size = 4096 - (size_t)((address + used) % 4096);
        if (size > sizeof bytes - used)
            size = sizeof bytes - used;
        ssize_t got = trace_text_read(tid, address + used, bytes + used, size);
        if (got <= 0)
            break;
        const unsigned char *end = memchr(bytes + used, '\0', (size_t)got);
        if (end != NULL) {
            trace_text_add_quoted(text, bytes, (size_t)(end - bytes), false);
            return;
        }
        used += (size_t)got;
    }
    if (used == 0)
        trace_text_add(text, address == 0 ? "NULL" : "0x%" PRIx64, address);
    else
        trace_text_add_quoted(text, bytes, used, true);
}

void trace_text_add_strings(struct trace_text *text, pid_t tid,
                            uint64_t address)
{
    if (address == 0) {
        trace_text_add(text, "NULL");
        return;
    }
    trace_text_add(text, "[");
    for (int i = 0;; i++) {
        uint64_t string = 0;
        if (trace_text_read(tid, address + 8 * (uint64_t)i, &string,
                            sizeof string) != (ssize_t)sizeof string)
            string = 0;
        if (string == 0)
            break;
        if (i == SHOWN_STRINGS) {
            trace_text_add(text, ", …");
            break;
        }
        if (i > 0)
            trace_text_add(text, ", ");
        trace_text_add_string(text, tid, string);
    }
    trace_text_add(text, "]");
}
