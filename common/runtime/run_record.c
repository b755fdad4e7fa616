/* What a record says of a container that is to be: see run_options.h. */
#include "common/base/files.h"
#include "common/base/log.h"
#include "common/kernel/network_options.h"
#include "common/kernel/ports.h"
#include "common/runtime/run_options.h"

#include <arpa/inet.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Lists of texts, as a record has them: NULL at the end, and never freed, since they are
 * needed as long as the container is. */
struct run_list {
    const char **texts;
    size_t count;
};

/* Returns 0, or -1, reported: no memory. */
static int __attribute__((format(printf, 2, 3)))
run_list_add(struct run_list *list, const char *format, ...)
{
    char *text = NULL;
    va_list arguments;
    const char **texts =
        realloc(list->texts, (list->count + 2) * sizeof *texts);
    if (texts == NULL)
        return log_error("out of memory (ENOMEM)");
    list->texts = texts;
    va_start(arguments, format);
    int length = vasprintf(&text, format, arguments);
    va_end(arguments);
    if (length == -1)
        return log_error("out of memory (ENOMEM)");
    texts[list->count++] = text;
    texts[list->count] = NULL;
    return 0;
}

/* "DIR:DIR", or what else it is; "\:" is a colon in a name, as in --rootfs. NULL, reported,
 * where there is no memory. */
static const char *run_record_root(const struct overlay *overlay)
{
    const struct overlay_options *layers = &overlay->options;
    if (overlay->host)
        return "host";
    size_t size = 0;
    for (size_t i = 0; i < layers->layer_count; i++)
        size += 2 * strlen(layers->layers[i]) + 1;
    char *text = malloc(size + 1), *end = text;
    if (text == NULL) {
        log_error("out of memory (ENOMEM)");
        return NULL;
    }
    for (size_t i = 0; i < layers->layer_count; i++) {
        if (i > 0)
            *end++ = ':';
        for (const char *c = layers->layers[i]; *c != '\0'; c++) {
            if (*c == ':')
                *end++ = '\\';
            *end++ = *c;
        }
    }
    *end = '\0';
    return text;
}

/* "127.0.0.1:8080->80/tcp" */
static int run_record_ports(const struct ports *ports, struct record *record)
{
    struct run_list list = {0};
    for (size_t i = 0; i < ports->count; i++) {
        char text[PORTS_TEXT_BYTES];
        ports_describe(&ports->all[i], text);
        char *slash = strchr(text, '/');
        *slash++ = '\0';
        if (run_list_add(&list, "%s->%u/%s", text, ports->all[i].container_port,
                         slash) == -1)
            return -1;
    }
    record->ports = list.texts;
    return 0;
}

static int run_record_mounts(const struct volumes *volumes,
                             struct record *record)
{
    struct run_list list = {0};
    for (size_t i = 0; i < volumes->count; i++) {
        const struct volume *volume = &volumes->list[i];
        if (run_list_add(&list, "%s:%s%s",
                         volume->source == NULL ? "tmpfs" : volume->source,
                         volume->target, volume->read_only ? ":ro" : "") == -1)
            return -1;
    }
    record->mounts = list.texts;
    return 0;
}

/* TOP/nsctl/ID in each hierarchy, as container_prepare() makes them. */
static int run_record_cgroups(const struct cgroup *cgroup,
                              struct record *record)
{
    struct run_list list = {0};
    for (size_t i = 0; i < cgroup->count; i++)
        if (run_list_add(&list, "%s/nsctl/%s", cgroup->hierarchies[i].top,
                         record->id) == -1)
            return -1;
    record->cgroups = list.texts;
    return 0;
}

static void run_record_limits(const struct cgroup_limits *limits,
                              struct record *record)
{
    record->memory_bytes = limits->memory_bytes;
    record->cpu_thousandths = limits->cpu_thousandths;
    record->pids = limits->pids == 0 ? -1 : (int64_t)limits->pids;
}

static void run_record_privileges(const struct container *container,
                                  struct record *record)
{
    const struct privileges *privileges = &container->privileges;
    record->user = privileges->user;
    record->apparmor = container->apparmor;
    record->userns_host = container->userns_host;
    record->privileged = privileges->privileged;
    record->no_new_privileges = privileges->no_new_privileges == PRIVILEGES_YES;
    record->capabilities = privileges->capabilities;
}

static int run_record_environment(struct container *container,
                                  struct record *record)
{
    static const struct environment nothing;
    const char *const *base =
        environment_default(container->hostname, container->terminal);
    struct environment_list *list = &container->environment;
    if (environment_make(&nothing, base, list) == -1 ||
        environment_make(&container->asked_environment,
                         container->base_environment, list) == -1)
        return -1;
    record->environment = (const char *const *)container->environment.all;
    return 0;
}

int run_options_describe(struct container *container, struct record *record)
{
    static const char *const networks[] = {
        [NETWORK_NONE] = "none",
        [NETWORK_HOST] = "host",
        [NETWORK_BRIDGE] = "bridge",
        [NETWORK_SLIRP] = "slirp",
    };
    static char hostname[RECORD_SHORT_ID_LENGTH + 1];
    if (store_make_id(record->id) == -1)
        return -1;
    if (container->hostname == NULL) {
        memcpy(hostname, record->id, RECORD_SHORT_ID_LENGTH);
        container->hostname = hostname;
    }
    record->name = container->name;
    record->hostname = container->hostname;
    record->root = run_record_root(&container->overlay);
    record->image = container->image;
    record->image_id = container->image_id;
    record->command = (const char *const *)container->command;
    record->working_directory = container->working_directory;
    record->places = container->places;
    record->upper = container->overlay.options.upper;
    record->terminal = container->terminal;
    record->interactive = container->interactive;
    record->remove_at_end = container->remove_at_end;
    record->init = container->init;
    record->stop_signal = container->stop_signal;
    record->network = networks[container->network.kind];
    record->exit_status = -1;
    run_record_privileges(container, record);
    run_record_limits(&container->limits, record);
    if (record->root == NULL ||
        run_record_environment(container, record) == -1 ||
        run_record_mounts(&container->volumes, record) == -1)
        return -1;
    return run_record_cgroups(&container->cgroup, record);
}

int run_options_describe_network(const struct container *container,
                                 struct record *record)
{
    static char address[INET_ADDRSTRLEN];
    const struct network *network = &container->network;
    if (network->kind == NETWORK_BRIDGE)
        record->address = inet_ntop(AF_INET, &network->lease.address, address,
                                    sizeof address);
    else if (network->kind == NETWORK_SLIRP)
        record->address = SLIRP_ADDRESS;
    if (network->ports.count == 0)
        return 0;
    return run_record_ports(&network->ports, record) == -1
               ? -1
               : record_write_config(record);
}
