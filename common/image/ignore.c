#include "common/image/ignore.h"

#include "common/base/array.h"
#include "common/base/log.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* A pattern becomes a row of these. Matching is to be in all places of the row
 * at once that can be reached with what was read so far: so no pattern, however
 * evil, takes longer than its length times that of the path. */
enum ignore_token_kind {
    IGNORE_BYTE,
    IGNORE_ANY,  /* ?: not a slash */
    IGNORE_SET,  /* [a-z] */
    IGNORE_STAR, /* any number of bytes, but no slash */
    /* Two tokens for "**" with something behind it. Either nothing… */
    IGNORE_PARTS,
    IGNORE_IN_PARTS, /* …or anything that ends with a slash. */
    IGNORE_REST,     /* "**" at the end: whatever comes */
};

struct ignore_token {
    enum ignore_token_kind kind;
    unsigned char byte;
    const char *set; /* behind the [ */
};

struct ignore_pattern {
    bool exception;
    char *text; /* cleaned */
    struct ignore_token *tokens;
    size_t count;
    bool *now, *then; /* places, for matching */
};

/* ---- Reading ---- */

/* Makes "a//./b/../c/" to "a/c", in place. Returns NULL, or what is wrong. */
static const char *ignore_clean(char *path)
{
    char *out = path, *part = path;
    while (*part != '\0') {
        size_t length = strcspn(part, "/");
        char *next = part + length + (part[length] == '/');
        if (length == 2 && part[0] == '.' && part[1] == '.') {
            if (out == path)
                return "it leads out of the context";
            while (out > path && *--out != '/')
                ;
        } else if (length > 0 && !(length == 1 && part[0] == '.')) {
            if (out > path)
                *out++ = '/';
            memmove(out, part, length);
            out += length;
        }
        part = next;
    }
    *out = '\0';
    return NULL;
}

/* The ] that ends a set which begins behind its [, NULL where there is none. */
static const char *ignore_set_end(const char *set)
{
    const char *c = set;
    c += *c == '^' || *c == '!';
    for (const char *first = c; *c != '\0'; c++) {
        if (*c == ']' && c > first)
            return c;
        if (*c == '\\' && c[1] != '\0')
            c++;
    }
    return NULL;
}

static void ignore_add(struct ignore_pattern *pattern,
                       enum ignore_token_kind kind, char byte)
{
    struct ignore_token *token = &pattern->tokens[pattern->count++];
    token->kind = kind;
    token->byte = (unsigned char)byte;
    token->set = NULL;
}

/* Returns NULL, or what is wrong. */
static const char *ignore_compile(struct ignore_pattern *pattern)
{
    for (const char *c = pattern->text; *c != '\0'; c++) {
        if (c[0] == '*' && c[1] == '*') {
            while (*c == '*')
                c++;
            c += *c == '/';
            if (*c == '\0') {
                ignore_add(pattern, IGNORE_REST, 0);
            } else {
                ignore_add(pattern, IGNORE_PARTS, 0);
                ignore_add(pattern, IGNORE_IN_PARTS, 0);
            }
            c--;
        } else if (*c == '*') {
            ignore_add(pattern, IGNORE_STAR, 0);
        } else if (*c == '?') {
            ignore_add(pattern, IGNORE_ANY, 0);
        } else if (*c == '[') {
            const char *end = ignore_set_end(c + 1);
            if (end == NULL)
                return "a [ without its ]";
            ignore_add(pattern, IGNORE_SET, 0);
            pattern->tokens[pattern->count - 1].set = c + 1;
            c = end;
        } else {
            if (*c == '\\' && *++c == '\0')
                return "a \\ with nothing behind it";
            ignore_add(pattern, IGNORE_BYTE, *c);
        }
    }
    return NULL;
}

static int ignore_no_memory(const char *name)
{
    log_error("%s: out of memory (ENOMEM)", name);
    errno = ENOMEM;
    return -1;
}

static int ignore_read_line(struct ignore *ignore, const char *name,
                            unsigned number, const char *line, size_t length)
{
    static const char blank[] = " \t\r";
    while (length > 0 && strchr(blank, line[length - 1]) != NULL)
        length--;
    while (length > 0 && strchr(blank, *line) != NULL) {
        line++;
        length--;
    }
    if (length == 0 || *line == '#')
        return 0;
    bool exception = *line == '!';
    line += exception;
    length -= exception;

    struct ignore_pattern *larger =
        array_grow(ignore->patterns, ignore->count, sizeof *larger);
    if (larger == NULL)
        return -1;
    ignore->patterns = larger;
    struct ignore_pattern *pattern = &ignore->patterns[ignore->count++];
    *pattern = (struct ignore_pattern){.exception = exception};
    pattern->text = strndup(line, length);
    /* No byte of a pattern makes more than one token, "**" makes two. */
    pattern->tokens = calloc(length + 1, sizeof *pattern->tokens);
    pattern->now = calloc(length + 2, sizeof *pattern->now);
    pattern->then = calloc(length + 2, sizeof *pattern->then);
    if (pattern->text == NULL || pattern->tokens == NULL ||
        pattern->now == NULL || pattern->then == NULL)
        return ignore_no_memory(name);
    const char *complaint = ignore_clean(pattern->text);
    if (complaint == NULL && exception && pattern->text[0] == '\0')
        complaint = "a ! with nothing behind it";
    if (complaint == NULL)
        complaint = ignore_compile(pattern);
    if (complaint == NULL) {
        ignore->has_exceptions = ignore->has_exceptions || exception;
        if (pattern->text[0] == '\0') /* "/" or ".": nobody means that */
            log_warning("%s:%u: \"%.*s\" matches nothing", name, number,
                        (int)length, line);
        return 0;
    }
    log_error("%s:%u: \"%.*s\": %s", name, number, (int)length, line,
              complaint);
    errno = EINVAL;
    return -1;
}

int ignore_read(struct ignore *ignore, const char *name, const char *text,
                size_t size)
{
    const char *end = text + size;
    *ignore = (struct ignore){0};
    if (size >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0)
        text += 3; /* the mark that some editors write before UTF-8 */
    for (unsigned number = 1; text < end; number++) {
        const char *newline = memchr(text, '\n', (size_t)(end - text));
        size_t length = (size_t)((newline == NULL ? end : newline) - text);
        int result = -1;
        if (memchr(text, '\0', length) != NULL) {
            log_error("%s:%u: a NUL in it: is it text?", name, number);
            errno = EINVAL;
        } else {
            result = ignore_read_line(ignore, name, number, text, length);
        }
        if (result == -1) {
            int saved_errno = errno;
            ignore_free(ignore);
            errno = saved_errno;
            return -1;
        }
        text += length + (newline != NULL);
    }
    return 0;
}

void ignore_free(struct ignore *ignore)
{
    for (size_t i = 0; i < ignore->count; i++) {
        free(ignore->patterns[i].text);
        free(ignore->patterns[i].tokens);
        free(ignore->patterns[i].now);
        free(ignore->patterns[i].then);
    }
    free(ignore->patterns);
    *ignore = (struct ignore){0};
}

/* ---- Matching ---- */

static bool ignore_in_set(const char *set, unsigned char byte)
{
    bool negated = *set == '^' || *set == '!', found = false;
    set += negated;
    for (const char *first = set; *set != ']' || set == first; set++) {
        set += *set == '\\';
        unsigned char low = (unsigned char)*set, high = low;
        if (set[1] == '-' && set[2] != ']') {
            set += 2;
            set += *set == '\\';
            high = (unsigned char)*set;
        }
        found = found || (byte >= low && byte <= high);
    }
    return found != negated && byte != '/';
}

/* The places that are reached without reading anything. */
static void ignore_go_on(const struct ignore_pattern *pattern, bool *places)
{
    for (size_t i = 0; i < pattern->count; i++) {
        if (!places[i])
            continue;
        if (pattern->tokens[i].kind == IGNORE_STAR)
            places[i + 1] = true;
        if (pattern->tokens[i].kind == IGNORE_PARTS)
            places[i + 1] = places[i + 2] = true;
    }
}

static void ignore_step(const struct ignore_pattern *pattern, size_t place,
                        unsigned char byte)
{
    const struct ignore_token *token = &pattern->tokens[place];
    bool *then = pattern->then;
    switch (token->kind) {
    case IGNORE_BYTE:
        then[place + 1] = then[place + 1] || byte == token->byte;
        break;
    case IGNORE_ANY:
        then[place + 1] = then[place + 1] || byte != '/';
        break;
    case IGNORE_SET:
        then[place + 1] = then[place + 1] || ignore_in_set(token->set, byte);
        break;
    case IGNORE_STAR:
        then[place] = then[place] || byte != '/';
        break;
    case IGNORE_IN_PARTS:
        then[place] = true;
        then[place + 1] = then[place + 1] || byte == '/';
        break;
    case IGNORE_PARTS:
        break;
    case IGNORE_REST:
        then[place] = true;
        break;
    }
}

/* Whether the pattern matches the path, or a directory that it is in. */
static bool ignore_pattern_matches(struct ignore_pattern *pattern,
                                   const char *path)
{
    size_t places = pattern->count + 1;
    if (pattern->count == 0)
        return false;
    memset(pattern->now, 0, places * sizeof *pattern->now);
    pattern->now[0] = true;
    ignore_go_on(pattern, pattern->now);
    for (const char *c = path;; c++) {
        bool rest = pattern->tokens[pattern->count - 1].kind == IGNORE_REST &&
                    pattern->now[pattern->count - 1];
        if ((*c == '\0' || *c == '/') &&
            (pattern->now[pattern->count] || rest) && c > path)
            return true;
        if (*c == '\0')
            return false;
        memset(pattern->then, 0, places * sizeof *pattern->then);
        for (size_t i = 0; i < pattern->count; i++)
            if (pattern->now[i])
                ignore_step(pattern, i, (unsigned char)*c);
        bool *swapped = pattern->now;
        pattern->now = pattern->then;
        pattern->then = swapped;
        ignore_go_on(pattern, pattern->now);
    }
}

bool ignore_matches(const struct ignore *ignore, const char *path)
{
    for (size_t i = ignore->count; i > 0; i--) {
        struct ignore_pattern *pattern = &ignore->patterns[i - 1];
        if (ignore_pattern_matches(pattern, path))
            return !pattern->exception;
    }
    return false;
}
