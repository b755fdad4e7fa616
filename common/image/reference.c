#include "common/image/reference.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define SMALL_LETTERS "abcdefghijklmnopqrstuvwxyz"
#define DIGITS        "0123456789"

static const char name_expected[] =
    "expected an image: a name of small letters and digits, with one of . _ - "
    "between them, and / between its parts, such as localhost/team/hello:1.2";
static const char tag_expected[] =
    "expected a tag after \":\": at most 128 letters, digits, . _ and -, of "
    "which . and - do not stand first";
static const char digest_expected[] =
    "expected @sha256: and 64 hexadecimal digits after a name";

/* The first part is a host's name where it looks like one: with a dot or a port in it, or
 * localhost. Returns its length, 0 where it is none, or -1 where it is not right. */
static int reference_host(const char *text, size_t length)
{
    const char *slash = memchr(text, '/', length);
    if (slash == NULL)
        return 0;
    size_t size = (size_t)(slash - text);
    size_t name = strspn(text, SMALL_LETTERS DIGITS ".-");
    if (name == size)
        return memchr(text, '.', size) != NULL ||
                       (size == 9 && memcmp(text, "localhost", 9) == 0)
                   ? (int)size
                   : 0;
    if (text[name] != ':')
        return 0;
    size_t port = strspn(text + name + 1, DIGITS);
    return name > 0 && port > 0 && port <= 5 && name + 1 + port == size
               ? (int)size
               : -1;
}

/* A part of a name: letters and digits, and between them one . or _, two _, or any
 * number of -. So it is neither "." nor "..", nor does it begin with a dot. */
static bool reference_part_is_right(const char *text, size_t length)
{
    size_t at = 0;
    for (;;) {
        size_t letters = 0, between = 0;
        while (at + letters < length &&
               strchr(SMALL_LETTERS DIGITS, text[at + letters]) != NULL)
            letters++;
        at += letters;
        if (letters == 0 || at == length)
            return letters > 0;
        char separator = text[at];
        while (at + between < length && text[at + between] == separator)
            between++;
        at += between;
        if (separator != '-' && !(separator == '.' && between == 1) &&
            !(separator == '_' && between <= 2))
            return false;
    }
}

static bool reference_name_is_right(const char *text, size_t length)
{
    int host = reference_host(text, length);
    if (host == -1)
        return false;
    /* A host's name has its own rules; those of files hold for it, too. */
    if (host > 0 && (text[0] == '.' || text[0] == '-'))
        return false;
    size_t at = host > 0 ? (size_t)host + 1 : 0;
    while (at <= length) {
        const char *slash = memchr(text + at, '/', length - at);
        size_t part = slash == NULL ? length - at : (size_t)(slash - text) - at;
        if (!reference_part_is_right(text + at, part))
            return false;
        at += part + 1;
    }
    return true;
}

/* 64 digits alone are an id, and no name. */
static bool reference_is_id(const char *text, size_t length)
{
    return length == SHA256_TEXT - 1 && strspn(text, DIGITS "abcdef") >= length;
}

const char *reference_parse(const char *text, struct reference *reference)
{
    static const char tag_letters[] =
        SMALL_LETTERS "ABCDEFGHIJKLMNOPQRSTUVWXYZ" DIGITS "_.-";
    struct reference read = {.tag = "latest"};
    size_t length = strcspn(text, "@");
    const char *digest = text + length;
    if (*digest != '\0') {
        if (strncmp(digest, "@sha256:", 8) != 0 || strlen(digest + 8) != 64 ||
            !reference_is_id(digest + 8, 64))
            return digest_expected;
        memcpy(read.digest, digest + 8, sizeof read.digest);
    }
    /* Behind the last slash a colon begins the tag; before it, a port. */
    size_t name = length;
    for (size_t i = length; i > 0 && text[i - 1] != '/'; i--)
        if (text[i - 1] == ':')
            name = i - 1;
    if (name < length) {
        size_t size = length - name - 1;
        if (size == 0 || size >= sizeof read.tag ||
            strspn(text + name + 1, tag_letters) < size ||
            text[name + 1] == '.' || text[name + 1] == '-')
            return tag_expected;
        memcpy(read.tag, text + name + 1, size);
        read.tag[size] = '\0';
    }
    if (name >= sizeof read.name)
        return "expected an image's name of at most 255 characters";
    if (!reference_name_is_right(text, name))
        return name_expected;
    if (reference_is_id(text, name))
        return "expected a name, not the id of an image";
    memcpy(read.name, text, name);
    *reference = read;
    return NULL;
}

const char *reference_parse_tag(const char *text, void *reference)
{
    struct reference read;
    const char *expected = reference_parse(text, &read);
    if (expected != NULL)
        return expected;
    if (read.digest[0] != '\0')
        return "expected NAME or NAME:TAG: which digest it has is not chosen";
    if (strcmp(read.name, "scratch") == 0)
        return "expected another name: scratch stands for no image at all";
    *(struct reference *)reference = read;
    return NULL;
}

void reference_text(const struct reference *reference, char *text)
{
    snprintf(text, REFERENCE_TEXT_BYTES, "%s:%s", reference->name,
             reference->tag);
}
