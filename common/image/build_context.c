#include "common/image/build_context.h"

#include "common/base/files.h"
#include "common/base/log.h"
#include "common/image/build_stdin.h"
#include "common/image/layer_path.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { BUILD_CONTEXT_MOST_BYTES = 16 << 20 };

/* ---- The Containerfile ---- */

static ssize_t build_context_read_fd(void *fd, void *buffer, size_t size)
{
    ssize_t got;
    do {
        got = read(*(const int *)fd, buffer, size);
    } while (got == -1 && errno == EINTR);
    return got == -1 ? log_call(-1, "what is to be built", "read(%d)",
                                *(const int *)fd)
                     : got;
}

int build_context_read_all(struct build_context *context,
                           tar_read_function *read_some, void *from)
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
        got = read_some(from, context->text + context->text_size,
                        capacity - 1 - context->text_size);
        if (got > 0)
            context->text_size += (size_t)got;
        if (context->text_size > BUILD_CONTEXT_MOST_BYTES)
            return log_error("%s is larger than %d MiB", context->file_name,
                             BUILD_CONTEXT_MOST_BYTES >> 20);
    }
    if (got == -1)
        return -1;
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

/* -f FILE, from where we are; else, or of an archive, in the context. */
static int build_context_read_named(struct build_context *context,
                                    const char *file)
{
    int fd = -1;
    errno = ENOENT;
    if (context->unpacked.path[0] == '\0')
        fd = open(file, O_RDONLY | O_CLOEXEC);
    if (fd == -1 && errno == ENOENT) {
        int result = build_context_read(context, file, &context->text,
                                        &context->text_size);
        if (result != 1)
            return result;
    }
    if (fd == -1)
        return (int)log_call(-1, "what is to be built", "openat(\"%s\")", file);
    int result = build_context_read_all(context, build_context_read_fd, &fd);
    close(fd);
    return result;
}

static int build_context_read_file(struct build_context *context,
                                   const struct build_options *options)
{
    static const char *const names[] = {"Containerfile", "Dockerfile"};
    int standard_input = STDIN_FILENO;
    const char *file = options->file;
    if (context->text != NULL) { /* standard input was it */
        if (file != NULL)
            return log_error("-f %s: standard input is no archive: it is a "
                             "Containerfile, and there can be one only",
                             file);
        return 0;
    }
    if (file != NULL && strcmp(file, "-") == 0)
        return build_context_read_all(context, build_context_read_fd,
                                      &standard_input);
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
              context->unpacked.path[0] == '\0' ? options->context
                                                : "standard input");
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

static int build_context_open_directory(struct build_context *context,
                                        const char *path)
{
    context->fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (context->fd != -1)
        return 0;
    log_call(-1, "what is to be copied from",
             "openat(\"%s\", O_RDONLY|O_DIRECTORY)", path);
    log_advice("the last word is a directory, often .");
    return -1;
}

int build_context_open(struct build_context *context, const struct store *store,
                       const struct build_options *options)
{
    bool from_stdin = strcmp(options->context, "-") == 0;
    bool only_file =
        from_stdin && options->file != NULL && strcmp(options->file, "-") == 0;
    *context = (struct build_context){.fd = -1, .file_name = "Containerfile"};
    context->unpacked.fd = context->unpacked.tree_fd = -1;
    if (!only_file && (from_stdin ? build_stdin_open(context, store)
                                  : build_context_open_directory(
                                        context, options->context)) == -1)
        return -1;
    if (context->fd != -1)
        context->layers.fds[context->layers.count++] = context->fd;
    return build_context_read_file(context, options) == -1
               ? -1
               : build_context_read_ignored(context);
}

void build_context_close(struct build_context *context)
{
    layers_close(&context->layers); /* its descriptor among them */
    layer_store_abandon(&context->unpacked);
    ignore_free(&context->ignore);
    free(context->text);
    context->text = NULL;
}
