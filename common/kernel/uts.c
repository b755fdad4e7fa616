#include "common/kernel/uts.h"

#include "common/base/log.h"

#include <stddef.h>
#include <string.h>
#include <unistd.h>

const char *uts_parse_hostname(const char *text, void *hostname)
{
    enum { MOST_BYTES = 64 }; /* __NEW_UTS_LEN in the kernel */
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyz"
                                  "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                  "0123456789-_.";
    size_t length = strlen(text);
    if (length == 0 || length > MOST_BYTES)
        return "expected 1 to 64 bytes";
    if (text[strspn(text, allowed)] != '\0')
        return "expected letters, digits, '-', '_' and '.', and nothing else";
    *(const char **)hostname = text;
    return NULL;
}

int uts_set_hostname(const char *hostname)
{
    size_t length = strlen(hostname);
    int result = sethostname(hostname, length);
    return (int)log_call(result, "a hostname of its own",
                         "sethostname(\"%s\", %zu)", hostname, length);
}
