#include "common/image/containerfile_heredocs.h"

#include "common/base/array.h"
#include "common/base/log.h"
#include "common/image/containerfile_words.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

/* Reads the lines up to `name`, without their leading tabs where it was <<-. */
static int read_heredoc(struct containerfile *file,
                        struct containerfile_cursor *cursor,
                        struct containerfile_instruction *instruction,
                        struct containerfile_heredoc *heredoc, bool strip)
{
    const char *line;
    size_t length, used = 0, name_length = strlen(heredoc->name);
    char *content = strdup("");
    while (content != NULL &&
           containerfile_lines_next(cursor, &line, &length)) {
        while (strip && length > 0 && *line == '\t') {
            line++;
            length--;
        }
        if (length == name_length && memcmp(line, heredoc->name, length) == 0) {
            heredoc->content = names_keep(&file->texts, content);
            return heredoc->content == NULL ? -1 : 0;
        }
        char *larger = realloc(content, used + length + 2);
        if (larger == NULL)
            break;
        content = larger;
        memcpy(content + used, line, length);
        used += length;
        content[used++] = '\n';
        content[used] = '\0';
    }
    bool at_end = content != NULL && cursor->at >= cursor->end;
    free(content);
    if (!at_end)
        return log_error("out of memory (ENOMEM)");
    return containerfile_refuse(file, instruction->line,
                                "<<%s is not ended: there is no line %s",
                                heredoc->name, heredoc->name);
}

/* Of a word such as <<EOF, <<-EOF, <<"EOF" or 3<<EOF, reads what it stands for. */
static int read_heredoc_word(struct containerfile *file,
                             struct containerfile_cursor *cursor,
                             struct containerfile_instruction *instruction,
                             const char *word, size_t length)
{
    size_t digits = 0;
    while (digits < length && isdigit((unsigned char)word[digits]))
        digits++;
    if (length < digits + 3 || strncmp(word + digits, "<<", 2) != 0)
        return 0;
    const char *name = word + digits + 2;
    length -= digits + 2;
    bool strip = *name == '-';
    name += strip;
    length -= strip;
    /* <<< is a shell's own. */
    if (length == 0 || memchr(name, '<', length) != NULL)
        return 0;
    bool quoted = length > 2 && (*name == '"' || *name == '\'') &&
                  name[length - 1] == *name;
    name += quoted;
    length -= quoted ? 2 : 0;
    struct containerfile_heredoc *larger = array_grow(
        instruction->heredocs, instruction->heredoc_count, sizeof *larger);
    if (larger == NULL)
        return -1;
    instruction->heredocs = larger;
    struct containerfile_heredoc *heredoc =
        &larger[instruction->heredoc_count++];
    heredoc->expanded = !quoted;
    heredoc->name = names_keep(&file->texts, strndup(name, length));
    heredoc->content = "";
    if (heredoc->name == NULL)
        return -1;
    return read_heredoc(file, cursor, instruction, heredoc, strip);
}

int containerfile_heredocs_read(struct containerfile *file,
                                struct containerfile_cursor *cursor,
                                struct containerfile_instruction *instruction)
{
    const char *text = instruction->text;
    if (text[0] == '[')
        return 0;
    while (*text != '\0') {
        ptrdiff_t length = containerfile_words_length(file, text);
        if (length == -1) /* a shell may still understand it */
            return 0;
        if (read_heredoc_word(file, cursor, instruction, text,
                              (size_t)length) == -1)
            return -1;
        text += length;
        text += strspn(text, CONTAINERFILE_BLANKS);
    }
    return 0;
}
