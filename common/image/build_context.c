#include "common/image/build_context.h"

#include "common/base/files.h"
#include "common/base/log.h"
#include "common/image/layer_path.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { BUILD_CONTEXT_MOST_BYTES = 16 << 20 };

/* ---- The Containerfile ---- */

/* From a descriptor, to its end. */
static int build_context_read_all(struct build_context *context, int fd)
{
    size_t capacity = 0;
    ssize_t got = 1;
    context->text_size = 0;
    while (got > 0) {
        if (context->text_size + 1 >= capacity) {
            capacity = 2 * capacity + ((size_t)64 << 10);
            char *larger = realloc(context->text, capacity);
            if (larger == NULL)
                return log_error("out of memory (ENOMEM)");
            context->text = larger;
        }
        got = read(fd, context->text + context->text_size,
                   capacity - 1 - context->text_size);
        if (got > 0)
            context->text_size += (size_t)got;
        if (context->text_size > BUILD_CONTEXT_MOST_BYTES)
            return log_error("%s is larger than %d MiB", context->file_name,
                             BUILD_CONTEXT_MOST_BYTES >> 20);
    }
    if (got == -1)
        return (int)log_call(-1, "what is to be built", "read(\"%s\")",
                             context->file_name);
    context->text[context->text_size] = '\0';
    return 0;
}

/* A file below the context, links followed inside it. Returns 0, 1 where there is none,
 * or -1, reported. */
static int build_context_read(const struct build_context *context,
                              const char *name, char **text, size_t *size)
{
    if (context->layers.count == 0)
        return 1;
    *text =
        layer_path_read(&context->layers, name, BUILD_CONTEXT_MOST_BYTES, size);
    if (*text != NULL)
        return 0;
    if (errno == ENOENT)
        return 1;
    return (int)log_call(-1, "a file in the context",
                         "openat(\"%s\", O_NOFOLLOW)", name);
}

/* -f FILE, from where we are; else in the context. */
static int build_context_read_named(struct build_context *context,
                                    const char *file)
{
    int fd = open(file, O_RDONLY | O_CLOEXEC);
    if (fd == -1 && errno == ENOENT) {
        int result = build_context_read(context, file, &context->text,
                                        &context->text_size);
        if (result != 1)
            return result;
    }
    if (fd == -1)
        return (int)log_call(-1, "what is to be built", "openat(\"%s\")", file);
    int result = build_context_read_all(context, fd);
    close(fd);
    return result;
}

static int build_context_read_file(struct build_context *context,
                                   const struct build_options *options)
{
    static const char *const names[] = {"Containerfile", "Dockerfile"};
    bool only_file = strcmp(options->context, "-") == 0;
    const char *file = only_file ? "-" : options->file;
    if (only_file && options->file != NULL && strcmp(options->file, "-") != 0)
        return log_error("-f %s: a context from standard input is a "
                         "Containerfile, and there can be one only",
                         options->file);
    if (file != NULL && strcmp(file, "-") == 0) {
        memcpy(context->file_name, names[0], strlen(names[0]) + 1);
        return build_context_read_all(context, STDIN_FILENO);
    }
    if (file != NULL) {
        if (files_path(context->file_name, "%s", file) == -1)
            return -1;
        return build_context_read_named(context, file);
    }
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        memcpy(context->file_name, names[i], strlen(names[i]) + 1);
        int result = build_context_read(context, names[i], &context->text,
                                        &context->text_size);
        if (result != 1)
            return result;
    }
    log_error("%s: neither a Containerfile nor a Dockerfile is in it (ENOENT)",
              options->context);
    log_advice("name one with -f; -f - reads it from standard input");
    return -1;
}

/* ---- What is left out ---- */

static int build_context_read_ignored(struct build_context *context)
{
    static const char *const names[] = {".containerignore", ".dockerignore"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        char *text;
        size_t size;
        int result = build_context_read(context, names[i], &text, &size);
        if (result == 1)
            continue;
        if (result == 0)
            result = ignore_read(&context->ignore, names[i], text, size);
        if (result == 0)
            free(text);
        return result;
    }
    return 0;
}

/* ---- All of it ---- */

int build_context_open(struct build_context *context,
                       const struct build_options *options)
{
    *context = (struct build_context){.fd = -1};
    if (strcmp(options->context, "-") != 0) {
        context->fd =
            open(options->context, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (context->fd == -1) {
            log_call(-1, "what is to be copied from",
                     "openat(\"%s\", O_RDONLY|O_DIRECTORY)", options->context);
            log_advice("the last word is a directory, often .");
            return -1;
        }
        context->layers.fds[context->layers.count++] = context->fd;
    }
    return build_context_read_file(context, options) == -1
               ? -1
               : build_context_read_ignored(context);
}

void build_context_close(struct build_context *context)
{
    layers_close(&context->layers); /* its descriptor among them */
    ignore_free(&context->ignore);
    free(context->text);
    context->text = NULL;
}
