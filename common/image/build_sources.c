#include "common/image/build_sources.h"

#include "common/base/advice.h"
#include "common/base/array.h"
#include "common/base/files.h"
#include "common/base/log.h"
#include "common/base/names.h"
#include "common/base/similar.h"
#include "common/image/build_variables.h"
#include "common/image/layer_path.h"
#include "common/runtime/mapped.h"

#include <errno.h>
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/* What is being looked for. */
struct build_search {
    struct build *build;
    const struct containerfile_instruction *instruction;
    const struct build_origin *origin;
    struct build_sources *sources;
    const char *pattern; /* one part of a path */
    const char *prefix;  /* those before it */
    struct names names;  /* which match */
    const char *wanted;  /* a name that is not there, */
    struct similar nearest;
    char similar[NAME_MAX + 1]; /* and what is most like it */
};

/* ---- Names that are there ---- */

static int build_sources_add(struct build_sources *sources, const char *path,
                             char *text)
{
    struct build_source *larger =
        array_grow(sources->all, sources->count, sizeof *larger);
    if (larger == NULL) {
        free(text);
        return -1;
    }
    sources->all = larger;
    struct build_source *source = &larger[sources->count++];
    *source = (struct build_source){.path = strdup(path), .text = text};
    return source->path == NULL ? log_error("out of memory (ENOMEM)") : 0;
}

void build_sources_free(struct build_sources *sources)
{
    for (size_t i = 0; i < sources->count; i++) {
        free(sources->all[i].path);
        free(sources->all[i].text);
    }
    free(sources->all);
    *sources = (struct build_sources){0};
}

/* A path without * in it. Returns 1 where it is there, 0, or -1 with errno. */
static int build_sources_try(const struct build_search *search,
                             const char *path)
{
    struct layer_path *found = malloc(sizeof *found);
    const struct ignore *ignore = search->origin->ignore;
    if (found == NULL)
        return -1;
    int result = layer_path_find(&search->origin->layers, path, true, found);
    if (result == -1) {
        free(found);
        return errno == ENOTDIR ? 0 : -1;
    }
    bool is_there = result == 0;
    if (is_there && ignore != NULL && found->path[0] != '\0' &&
        (ignore_matches(ignore, path) || ignore_matches(ignore, found->path)))
        is_there = S_ISDIR(found->status.st_mode) && ignore->has_exceptions;
    layer_path_close(found);
    free(found);
    return is_there
               ? build_sources_add(search->sources, path, NULL) == -1 ? -1 : 1
               : 0;
}

static int build_sources_visit(void *context, const struct layers *layers,
                               const char *name, int which,
                               const struct stat *status)
{
    struct build_search *search = context;
    (void)layers, (void)which, (void)status;
    if (search->wanted != NULL) {
        if (similar_try(&search->nearest, name, strlen(name)))
            snprintf(search->similar, sizeof search->similar, "%s", name);
        return 0;
    }
    return fnmatch(search->pattern, name, 0) == 0
               ? names_add(&search->names, name)
               : 0;
}

/* Visits what is in the directory `path`. */
static int build_sources_read(struct build_search *search, const char *path)
{
    struct layer_path *found = malloc(sizeof *found);
    if (found == NULL)
        return -1;
    int result = layer_path_find(&search->origin->layers, path, true, found);
    if (result == 0 && S_ISDIR(found->status.st_mode))
        result = layers_for_each(&found->layers, build_sources_visit, search);
    else if (result != -1 || errno == ENOTDIR)
        result = 0;
    layer_path_close(found);
    free(found);
    return result;
}

static bool build_sources_is_pattern(const char *text)
{
    return strpbrk(text, "*?[\\") != NULL;
}

/* What `rest` matches below `prefix`: one part after the other. */
static int build_sources_expand(const struct build_search *search,
                                const char *prefix, const char *rest)
{
    struct build_search inner = *search;
    char part[NAME_MAX + 1], path[PATH_MAX];
    size_t length = strcspn(rest, "/");
    if (*rest == '\0' || !build_sources_is_pattern(rest)) {
        int length_all =
            snprintf(path, sizeof path, "%s%s%s", prefix,
                     *prefix == '\0' || *rest == '\0' ? "" : "/", rest);
        errno = ENAMETOOLONG;
        return length_all >= (int)sizeof path ? -1
                                              : build_sources_try(search, path);
    }
    if (length >= sizeof part) {
        errno = ENAMETOOLONG;
        return -1;
    }
    memcpy(part, rest, length);
    part[length] = '\0';
    rest += length + (rest[length] == '/');
    inner.pattern = part;
    inner.names = (struct names){0};
    int result = build_sources_read(&inner, prefix);
    names_sort(&inner.names);
    for (size_t i = 0; i < inner.names.count && result == 0; i++)
        if (snprintf(path, sizeof path, "%s%s%s", prefix,
                     *prefix == '\0' ? "" : "/",
                     inner.names.all[i]) < (int)sizeof path)
            result = build_sources_expand(search, path, rest) == -1 ? -1 : 0;
    names_free(&inner.names);
    return result;
}

/* A user may not look into all of an image's directories: root of its ids may. What that one finds
 * comes back through a file in memory, a text after the other. */
struct build_sources_asked {
    const struct build_search *search;
    const char *path;
    int fd;
};

static int build_sources_work(void *context)
{
    const struct build_sources_asked *asked = context;
    struct build_search search = *asked->search;
    struct build_sources found = {0};
    search.sources = &found;
    int result = build_sources_expand(&search, "", asked->path);
    for (size_t i = 0; i < found.count && result != -1; i++) {
        size_t size = strlen(found.all[i].path) + 1;
        if (write(asked->fd, found.all[i].path, size) != (ssize_t)size)
            result = -1;
    }
    int saved_errno = errno;
    build_sources_free(&found);
    errno = saved_errno;
    return result == -1 ? 1 : 0;
}

static int build_sources_read_found(const struct build_search *search, int fd)
{
    struct stat status;
    int result = fstat(fd, &status);
    size_t size = result == 0 ? (size_t)status.st_size : 0;
    char *text = malloc(size + 1);
    if (text == NULL || pread(fd, text, size, 0) != (ssize_t)size)
        result = -1;
    for (const char *path = text; result == 0 && path < text + size;
         path += strlen(path) + 1)
        result = build_sources_add(search->sources, path, NULL);
    free(text);
    return result;
}

static int build_sources_expand_as_root(const struct build_search *search,
                                        const char *path)
{
    struct build_sources_asked asked = {.search = search, .path = path};
    asked.fd = memfd_create("found", MFD_CLOEXEC);
    if (asked.fd == -1)
        return (int)log_call(-1, "what a child finds",
                             "memfd_create(\"found\", MFD_CLOEXEC)");
    int result = mapped_run(build_sources_work, &asked) == 0
                     ? build_sources_read_found(search, asked.fd)
                     : -1;
    files_close(&asked.fd);
    return result;
}

/* ---- Each word ---- */

/* What could have been meant by a path that is not there. */
static int build_sources_refuse(const struct build_search *asked,
                                const char *word, const char *clean)
{
    struct build_search own = *asked, *search = &own;
    char directory[PATH_MAX];
    const char *kind = containerfile_kind_name(search->instruction->kind);
    const char *slash = strrchr(clean, '/');
    snprintf(directory, sizeof directory, "%.*s",
             slash == NULL ? 0 : (int)(slash - clean), clean);
    search->wanted = slash == NULL ? clean : slash + 1;
    search->nearest = similar_to(search->wanted, strlen(search->wanted));
    build_sources_read(search, directory);
    const char *where = search->origin->is_context
                            ? "the context"
                            : containerfile_flag(search->instruction, "from");
    bool is_ignored = search->origin->ignore != NULL &&
                      ignore_matches(search->origin->ignore, clean);
    if (build_sources_is_pattern(word))
        return build_refuse(search->build, search->instruction,
                            "%s %s: nothing in %s is called so", kind, word,
                            where);
    if (is_ignored)
        return build_refuse(search->build, search->instruction,
                            "%s %s: not in the context, as .containerignore "
                            "or .dockerignore has it",
                            kind, word);
    if (search->similar[0] != '\0' && search->nearest.edits > 0)
        return build_refuse(search->build, search->instruction,
                            "%s %s: not in %s (ENOENT); did you mean %s%s%s?",
                            kind, word, where, directory,
                            *directory == '\0' ? "" : "/", search->similar);
    return build_refuse(search->build, search->instruction,
                        "%s %s: not in %s (ENOENT)", kind, word, where);
}

static int build_sources_take_path(struct build_search *search,
                                   const char *word)
{
    char clean[PATH_MAX];
    bool leaves;
    size_t before = search->sources->count;
    const char *kind = containerfile_kind_name(search->instruction->kind);
    if (strncmp(word, "http://", 7) == 0 || strncmp(word, "https://", 8) == 0 ||
        strncmp(word, "git@", 4) == 0 || strncmp(word, "ftp://", 6) == 0)
        return build_refuse(search->build, search->instruction,
                            "%s %s: nothing is fetched from the network; "
                            "put it into the context",
                            kind, word);
    if (layer_path_clean("/", word, clean, &leaves) == -1)
        return build_refuse(search->build, search->instruction,
                            "%s %.60s…: too long (ENAMETOOLONG)", kind, word);
    if (leaves)
        return build_refuse(search->build, search->instruction,
                            "%s %s: that leads out of %s", kind, word,
                            search->origin->is_context ? "the context"
                                                       : "the root directory");
    if (search->origin->is_later)
        return build_sources_add(search->sources, clean + 1, NULL);
    if (search->origin->is_context && search->build->context.fd == -1)
        return build_refuse(search->build, search->instruction,
                            "%s %s: this build has no context, only a file",
                            kind, word);
    int result = build_sources_expand(search, "", clean + 1);
    if (result == -1 && errno == EACCES && !search->origin->is_context)
        result = build_sources_expand_as_root(search, clean + 1);
    if (result == -1)
        return build_refuse(search->build, search->instruction, "%s %s: %s",
                            kind, word, advice_error_name(errno));
    return search->sources->count > before
               ? 0
               : build_sources_refuse(search, word, clean + 1);
}

/* In a text that is not in quotes \ takes the meaning of what follows, as in a shell's. */
static char *build_sources_expand_text(const struct build_search *search,
                                       const struct build_stage *stage,
                                       const char *content)
{
    /* A word in "…" is just that, once its own quotes mean nothing. */
    size_t used = 0, length = strlen(content);
    char *word = malloc(2 * length + 3), escape = search->build->file.escape;
    if (word == NULL) {
        log_error("out of memory (ENOMEM)");
        return NULL;
    }
    word[used++] = '"';
    for (const char *c = content; *c != '\0'; c++) {
        if (*c == escape && c[1] != '\0' && (c[1] == escape || c[1] == '$')) {
            word[used++] = *c++;
        } else if (*c == '"' || *c == escape) {
            word[used++] = escape;
        }
        word[used++] = *c;
    }
    word[used++] = '"';
    word[used] = '\0';
    char *text =
        build_variables_expand(search->build, stage, search->instruction, word);
    free(word);
    return text;
}

/* "<<EOF", whose text stands in the file. Returns 1 where it is one, 0, or -1. */
static int build_sources_take_text(const struct build_search *search,
                                   const struct build_stage *stage,
                                   const char *word)
{
    const struct containerfile_instruction *instruction = search->instruction;
    if (strncmp(word, "<<", 2) != 0)
        return 0;
    size_t number = 0; /* the word is the first, second … of its kind */
    for (size_t i = 0; instruction->words[i] != word; i++)
        number += strncmp(instruction->words[i], "<<", 2) == 0;
    if (number >= instruction->heredoc_count)
        return 0;
    const struct containerfile_heredoc *heredoc =
        &instruction->heredocs[number];
    char *text = heredoc->expanded ? build_sources_expand_text(search, stage,
                                                               heredoc->content)
                                   : strdup(heredoc->content);
    if (text == NULL)
        return -1;
    return build_sources_add(search->sources, heredoc->name, text) == -1 ? -1
                                                                         : 1;
}

int build_sources_find(struct build *build, const struct build_stage *stage,
                       const struct containerfile_instruction *instruction,
                       const struct build_origin *origin,
                       struct build_sources *sources, char **destination)
{
    struct build_search search = {.build = build,
                                  .instruction = instruction,
                                  .origin = origin,
                                  .sources = sources};
    size_t last = instruction->word_count - 1;
    *sources = (struct build_sources){0};
    *destination = build_variables_expand(build, stage, instruction,
                                          instruction->words[last]);
    int result = *destination == NULL ? -1 : 0;
    for (size_t i = 0; i < last && result != -1; i++) {
        result = instruction->is_json
                     ? 0
                     : build_sources_take_text(&search, stage,
                                               instruction->words[i]);
        if (result != 0)
            continue;
        char *word = build_variables_expand(build, stage, instruction,
                                            instruction->words[i]);
        result = word == NULL ? -1 : build_sources_take_path(&search, word);
        free(word);
    }
    if (result != -1 && **destination != '\0')
        return 0;
    if (result != -1)
        build_refuse(build, instruction, "%s: an empty destination",
                     containerfile_kind_name(instruction->kind));
    build_sources_free(sources);
    free(*destination);
    *destination = NULL;
    return -1;
}
