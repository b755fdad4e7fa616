/*
 * fuzz: the host's /etc/resolv.conf, which programs of all kinds write.
 */
#include "tests/fuzz/fuzz.h"

#include "common/kernel/network_files.c" /* for its static functions */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char server[INET6_ADDRSTRLEN], *rest = NULL;
    char *text = fuzz_text(data, size);
    for (char *line = strtok_r(text, "\n", &rest); line != NULL;
         line = strtok_r(NULL, "\n", &rest)) {
        memset(server, 'x', sizeof server);
        if (!network_files_is_server(line, server))
            continue;
        fuzz_require(strstr(line, "nameserver") != NULL);
        fuzz_require(memchr(server, '\0', sizeof server) != NULL);
        network_files_is_remote(server);
    }
    free(text);
    return 0;
}
