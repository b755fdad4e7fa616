/*
 * trace_text: a line that is put together piece by piece, and what stands in
 * another process's memory, as text.
 *
 * What does not fit is left out, and an ellipsis says so: a traced program may
 * hand the kernel whatever it likes.
 *
 * taught in: step 09, lessons/observability.md
 */
#ifndef NSCTL_RUNTIME_TRACE_TEXT_H
#define NSCTL_RUNTIME_TRACE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum { TRACE_TEXT_BYTES = 2048 };

struct trace_text {
    char bytes[TRACE_TEXT_BYTES];
    size_t used;
    bool cut; /* something did not fit */
};

void trace_text_clear(struct trace_text *text);
void trace_text_add(struct trace_text *text, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Bits by name, or'ed: "O_RDONLY|O_CLOEXEC"; those that have no name here as one
 * hexadecimal number, and none at all as "0". The table ends with a NULL name. */
struct trace_text_flag {
    uint64_t value;
    const char *name;
};
void trace_text_add_flags(struct trace_text *text, uint64_t value,
                          const struct trace_text_flag *flags);

/* Reads `size` bytes at `address` of the process, or as many as are there.
 * Returns their number, or -1 with errno, not reported. process_vm_readv(2). */
ssize_t trace_text_read(pid_t tid, uint64_t address, void *bytes, size_t size);

/* `size` bytes at that address, between quotation marks as C writes them, or the
 * address itself where they can not be read. */
void trace_text_add_bytes(struct trace_text *text, pid_t tid, uint64_t address,
                          uint64_t size);

/* The same for what ends with a NUL: paths, mostly. */
void trace_text_add_string(struct trace_text *text, pid_t tid,
                           uint64_t address);

/* An array of such, which ends with a NULL: ["sh", "-c", …]. */
void trace_text_add_strings(struct trace_text *text, pid_t tid,
                            uint64_t address);

#endif
