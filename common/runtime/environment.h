/*
 * environment: the variables that a command is given.
 *
 *     {"-e --env", "NAME[=VALUE]", environment_parse, &environment, "…"},
 *     {"--env-file", "FILE", environment_parse_file, &environment, "…"},
 *
 * Nothing of the host's gets in that was not asked for. Of a name that is given more
 * than once the last holds; -e holds against every file, and a file against `base`.
 *
 * A file has lines of NAME=VALUE, the value as it stands, quotes and all. NAME alone,
 * there as behind -e, is our own variable of that name, where there is one. Empty lines
 * and lines that begin with # are passed over.
 *
 * taught in: step 09, lessons/09-lifecycle.md
 */
#ifndef NSCTL_RUNTIME_ENVIRONMENT_H
#define NSCTL_RUNTIME_ENVIRONMENT_H

#include <stdbool.h>
#include <stddef.h>

/* "NAME=VALUE" each, of which the text is ours. */
struct environment_list {
    char **all; /* NULL at the end, where there is one */
    size_t count;
};

/* All zero: nothing was asked for. */
struct environment {
    struct environment_list options, files;
};

/* Option parsers (base/program.h), which take a struct environment. */
const char *environment_parse(const char *text, void *environment);
const char *environment_parse_file(const char *path, void *environment);

/*
 * What a command gets: `base` (NULL at the end; NULL: nothing), then what was asked
 * for, besides what `list` has already, which both hold against. `list` is the caller's,
 * all zero at first, to be freed with environment_free_list().
 * Returns 0, or -1, reported: no memory.
 */
int environment_make(const struct environment *environment,
                     const char *const *base, struct environment_list *list);

/* Whether a value was asked for. Of HOME kernel/privileges wants to know. */
bool environment_has(const struct environment *environment, const char *name);

/* What every container begins with: PATH, HOME, HOSTNAME, and TERM where it has a
 * terminal. Static, NULL at the end. */
const char *const *environment_default(const char *hostname, bool terminal);

/* The value of `name` in a list that ends with NULL, or NULL. */
const char *environment_value(const char *const *list, const char *name);

void environment_free(struct environment *environment);
void environment_free_list(struct environment_list *list);

#endif
