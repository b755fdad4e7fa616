/* inspect: all that is known of containers. */
#include "common/runtime/inspect.h"

#include "common/base/log.h"
#include "common/base/signal_names.h"
#include "common/runtime/inspect_format.h"
#include "common/runtime/record_text.h"
#include "common/runtime/subcommands.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* "2026-11-22T10:00:00.000000000Z", as RFC 3339 has it; null for never. */
static void inspect_write_time(struct json_writer *writer, const char *key,
                               int64_t ns)
{
    char text[64], fraction[16];
    struct tm parts;
    time_t seconds = (time_t)(ns / 1000000000);
    if (ns == 0 || gmtime_r(&seconds, &parts) == NULL) {
        json_write_null(writer, key);
        return;
    }
    size_t used = strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &parts);
    snprintf(fraction, sizeof fraction, ".%09dZ", (int)(ns % 1000000000));
    memcpy(text + used, fraction, strlen(fraction) + 1);
    json_write_text(writer, key, text);
}

static void inspect_write_state(struct json_writer *writer,
                                const struct record *record)
{
    bool running = record->status == RECORD_RUNNING;
    const char *state = record_text_state(record);
    json_write_open(writer, "State", '{');
    json_write_text(writer, "Status", state);
    json_write_bool(writer, "Running", running);
    json_write_bool(writer, "Paused", strcmp(state, "paused") == 0);
    json_write_bool(writer, "OOMKilled", record->oom_killed);
    json_write_number(writer, "Pid", running ? record->init_process.pid : 0);
    json_write_number(
        writer, "MonitorPid",
        record_is_alive_in(record->directory) ? record->monitor.pid : 0);
    if (record->status == RECORD_EXITED && record->exit_status != -1)
        json_write_number(writer, "ExitCode", record->exit_status);
    else
        json_write_null(writer, "ExitCode"); /* none yet, or nobody knows */
    json_write_text(writer, "Error",
                    record->damage != NULL ? record->damage : record->error);
    inspect_write_time(writer, "StartedAt", record->started_ns);
    inspect_write_time(writer, "FinishedAt", record->finished_ns);
    json_write_close(writer, '}');
}

/* A set, as images write it, too. */
static void inspect_write_places(struct json_writer *writer,
                                 const char *const *place)
{
    json_write_open(writer, "Volumes", '{');
    for (; place != NULL && *place != NULL; place++) {
        json_write_open(writer, *place, '{');
        json_write_close(writer, '}');
    }
    json_write_close(writer, '}');
}

/* What was asked for. */
static void inspect_write_config(struct json_writer *writer,
                                 const struct record *record)
{
    json_write_open(writer, "Config", '{');
    json_write_text(writer, "Hostname", record->hostname);
    json_write_text(writer, "User", record->user);
    json_write_bool(writer, "Tty", record->terminal);
    json_write_bool(writer, "OpenStdin", record->interactive);
    json_write_texts(writer, "Env", record->environment);
    json_write_texts(writer, "Cmd", record->command);
    json_write_text(writer, "WorkingDir", record->working_directory);
    inspect_write_places(writer, record->places);
    json_write_text(
        writer, "StopSignal",
        record->stop_signal == 0 ? NULL : signal_names_of(record->stop_signal));
    json_write_close(writer, '}');
    json_write_open(writer, "HostConfig", '{');
    json_write_unsigned(writer, "Memory", record->memory_bytes);
    json_write_unsigned(writer, "NanoCpus", record->cpu_thousandths * 1000000);
    json_write_number(writer, "PidsLimit", record->pids);
    json_write_texts(writer, "Binds", record->mounts);
    json_write_text(writer, "NetworkMode", record->network);
    json_write_text(writer, "UsernsMode", record->userns_host ? "host" : "");
    json_write_bool(writer, "AutoRemove", record->remove_at_end);
    json_write_bool(writer, "Privileged", record->privileged);
    json_write_bool(writer, "Init", record->init);
    json_write_bool(writer, "NoNewPrivileges", record->no_new_privileges);
    json_write_text(writer, "AppArmorProfile", record->apparmor);
    json_write_unsigned(writer, "Capabilities", record->capabilities);
    json_write_close(writer, '}');
}

void inspect_write(struct json_writer *writer, const struct record *record)
{
    json_write_open(writer, NULL, '{');
    json_write_text(writer, "Id", record->id);
    json_write_text(writer, "Name", record->name);
    json_write_text(writer, "Image", record_text_image(record));
    json_write_text(writer, "ImageID", record->image_id);
    json_write_text(writer, "Rootfs", record->root);
    inspect_write_time(writer, "Created", record->created_ns);
    inspect_write_state(writer, record);
    if (record->config_json != NULL)
        inspect_write_config(writer, record);
    json_write_open(writer, "NetworkSettings", '{');
    json_write_text(writer, "IPAddress",
                    record->status == RECORD_RUNNING ? record->address : NULL);
    json_write_texts(writer, "Ports", record->ports);
    json_write_close(writer, '}');
    json_write_texts(writer, "Cgroups", record->cgroups);
    json_write_text(writer, "LogPath", record->log_path);
    json_write_text(writer, "Directory", record->directory);
    json_write_close(writer, '}');
}

/* An inspect_function of a container. */
static int inspect_container(const struct store *store,
                             struct json_writer *writer, const char *word)
{
    struct record record;
    int result = store_look_up(store, word, &record);
    if (result == 0)
        inspect_write(writer, &record);
    record_free(&record);
    return result;
}

static int inspect_write_all(const struct store *store, FILE *file,
                             char **words, inspect_function *inspect_one)
{
    struct json_writer writer = {.file = file};
    int status = 0;
    json_write_open(&writer, NULL, '[');
    for (; *words != NULL; words++)
        if (inspect_one(store, &writer, *words) == -1)
            status = EXIT_NOT_DONE;
    json_write_close(&writer, ']');
    return status;
}

/* All is written first, to memory: so a format knows what can be printed without it. */
static int inspect_formatted(const struct store *store, const char *format,
                             char **words, inspect_function *inspect_one)
{
    char *text = NULL;
    size_t size = 0;
    FILE *file = open_memstream(&text, &size);
    if (file == NULL) {
        log_error("out of memory (ENOMEM)");
        return EXIT_OURS;
    }
    int status = inspect_write_all(store, file, words, inspect_one);
    struct json *json = NULL;
    if (fclose(file) == 0)
        json = json_parse("what is known", text, size);
    if (json == NULL)
        status = EXIT_OURS;
    else if (inspect_format_print(stdout, format, json->root) == -1)
        status = EXIT_NOT_DONE;
    json_free(json);
    free(text);
    return status;
}

int inspect_all(const struct store *store, struct program program, char **argv,
                inspect_function *inspect_one)
{
    const char *format = NULL;
    const struct program_option options[] = {
        {"-f --format", "TEXT", inspect_format_parse, &format,
         "not all of it: {{.State.Pid}}, {{json .Config.Env}}"},
        {0},
    };
    static const struct program_absent absent[] = {
        {"--type", "`container inspect`, `image inspect`"},
        {"-s --size", "`diff` lists what one has written; `image ls`"},
        {0},
    };
    program.options = options;
    program.absent = absent;
    char **words = subcommands_read(&program, argv, 1, SIZE_MAX);
    return subcommands_end_output(
        format == NULL ? inspect_write_all(store, stdout, words, inspect_one)
                       : inspect_formatted(store, format, words, inspect_one));
}

int subcommand_inspect(const struct store *store, char **argv)
{
    const struct program program = {
        .name = argv[0],
        .summary = "Prints all that is known of containers, as JSON.",
        .usage = "[OPTION...] NAME...",
        .example = "inspect web",
    };
    return inspect_all(store, program, argv, inspect_container);
}
