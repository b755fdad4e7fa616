/*
 * fuzz: what people write behind an option. The first byte chooses the parser.
 * Whatever a parser takes must be within what its header promises.
 */
#include "tests/fuzz/fuzz.h"

#include "common/base/number.h"
#include "common/kernel/cgroup_options.h"
#include "common/kernel/ports.h"
#include "common/kernel/privileges.h"
#include "common/kernel/uts.h"

#include <stdlib.h>
#include <string.h>

static void fuzz_hostname(const char *text)
{
    const char *hostname = NULL;
    if (uts_parse_hostname(text, &hostname) != NULL)
        return;
    fuzz_require(hostname == text);
    fuzz_require(strlen(text) <= 64 && strpbrk(text, "/ \n\033") == NULL);
}

static void fuzz_memory(const char *text)
{
    uint64_t bytes = 1;
    if (cgroup_options_parse_memory(text, &bytes) == NULL)
        fuzz_require(bytes >= 6 << 20 && bytes <= INT64_MAX);
    else
        fuzz_require(bytes == 1);
}

static void fuzz_cpus(const char *text)
{
    uint64_t thousandths = 1;
    if (number_parse_cpus(text, &thousandths) == NULL)
        fuzz_require(thousandths >= 10 && thousandths <= 8192999);
    else
        fuzz_require(thousandths == 1);
}

static void fuzz_pids(const char *text)
{
    uint64_t pids = 1234567890;
    if (cgroup_options_parse_pids(text, &pids) == NULL)
        fuzz_require(pids <= 4194304);
    else
        fuzz_require(pids == 1234567890);
}

static void fuzz_io_max(const char *text)
{
    struct cgroup_limits limits = {0};
    if (cgroup_options_parse_io_max(text, &limits) != NULL) {
        fuzz_require(limits.io_count == 0);
        return;
    }
    const struct cgroup_io_limit *io = &limits.io[0];
    fuzz_require(limits.io_count == 1);
    fuzz_require(io->rbps != 0 || io->wbps != 0 || io->riops != 0 ||
                 io->wiops != 0);
}

static void fuzz_capability(const char *text)
{
    struct privileges privileges = {0};
    if (privileges_parse_cap_add(text, &privileges) == NULL)
        fuzz_require((__builtin_popcountll(privileges.added) == 1) !=
                     privileges.all_added);
    else
        fuzz_require(privileges.added == 0 && !privileges.all_added);
}

static void fuzz_user(const char *text)
{
    struct privileges privileges = {0};
    if (privileges_parse_user(text, &privileges) == NULL)
        fuzz_require(privileges.user == text && *text != '\0' && *text != '-' &&
                     *text != ':' && text[strlen(text) - 1] != ':' &&
                     strpbrk(text, "/ \n\033+,") == NULL);
    else
        fuzz_require(privileges.user == NULL);
}

static void fuzz_security(const char *text)
{
    struct privileges privileges = {0};
    if (privileges_parse_security(text, &privileges) == NULL)
        fuzz_require((privileges.seccomp != NULL) !=
                     (privileges.no_new_privileges != PRIVILEGES_DEFAULT));
}

static void fuzz_ports(const char *text)
{
    static struct ports ports;
    static const struct port first = {
        .protocol = IPPROTO_TCP, .host_port = 8080, .container_port = 80};
    char described[PORTS_TEXT_BYTES];
    ports.all[0] = first;
    ports.count = 1;
    if (ports_parse(text, &ports) != NULL) {
        fuzz_require(ports.count == 1);
        return;
    }
    fuzz_require(ports.count >= 2 && ports.count <= PORTS_MOST);
    for (size_t i = 1; i < ports.count; i++) {
        const struct port *port = &ports.all[i];
        fuzz_require(port->container_port != 0 && port->held_fd == -1);
        fuzz_require(port->protocol == IPPROTO_TCP ||
                     port->protocol == IPPROTO_UDP);
        for (size_t j = 0; port->host_port != 0 && j < i; j++)
            fuzz_require(!ports_collide(port, &ports.all[j]));
        ports_describe(port, described);
        fuzz_require(strlen(described) < PORTS_TEXT_BYTES);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static void (*const parsers[])(const char *text) = {
        fuzz_hostname,   fuzz_memory, fuzz_cpus,     fuzz_pids, fuzz_io_max,
        fuzz_capability, fuzz_user,   fuzz_security, fuzz_ports};
    if (size == 0)
        return 0;
    char *text = fuzz_text(data + 1, size - 1);
    parsers[data[0] % (sizeof parsers / sizeof parsers[0])](text);
    free(text);
    return 0;
}
