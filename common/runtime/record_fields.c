#include "common/runtime/record_fields.h"

#include "common/base/log.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const status_names[] = {
    [RECORD_CREATED] = "created",
    [RECORD_RUNNING] = "running",
    [RECORD_EXITED] = "exited",
    [RECORD_CORRUPT] = "corrupt",
};

const char *record_status_name(enum record_status status)
{
    return status_names[status];
}

/* ---- Writing ---- */

static void record_write_process(struct json_writer *writer, const char *key,
                                 const struct record_process *process)
{
    json_write_open(writer, key, '{');
    json_write_number(writer, "pid", process->pid);
    json_write_unsigned(writer, "start_time", process->start_time);
    json_write_close(writer, '}');
}

void record_put_config(const struct record *record, struct json_writer *writer)
{
    json_write_text(writer, "id", record->id);
    json_write_text(writer, "name", record->name);
    json_write_number(writer, "created_ns", record->created_ns);
    json_write_text(writer, "root", record->root);
    json_write_text(writer, "image", record->image);
    json_write_text(writer, "image_id", record->image_id);
    json_write_text(writer, "hostname", record->hostname);
    json_write_texts(writer, "command", record->command);
    json_write_texts(writer, "environment", record->environment);
    json_write_text(writer, "upper", record->upper);
    json_write_text(writer, "working_directory", record->working_directory);
    json_write_text(writer, "user", record->user);
    json_write_text(writer, "apparmor", record->apparmor);
    json_write_bool(writer, "terminal", record->terminal);
    json_write_bool(writer, "interactive", record->interactive);
    json_write_bool(writer, "remove_at_end", record->remove_at_end);
    json_write_bool(writer, "init", record->init);
    json_write_bool(writer, "userns_host", record->userns_host);
    json_write_bool(writer, "privileged", record->privileged);
    json_write_bool(writer, "no_new_privileges", record->no_new_privileges);
    json_write_unsigned(writer, "capabilities", record->capabilities);
    json_write_number(writer, "stop_signal", record->stop_signal);
    json_write_text(writer, "network", record->network);
    json_write_texts(writer, "ports", record->ports);
    json_write_texts(writer, "mounts", record->mounts);
    json_write_texts(writer, "places", record->places);
    json_write_unsigned(writer, "memory_bytes", record->memory_bytes);
    json_write_unsigned(writer, "cpu_thousandths", record->cpu_thousandths);
    json_write_number(writer, "pids", record->pids);
    json_write_texts(writer, "cgroups", record->cgroups);
    json_write_text(writer, "log_path", record->log_path);
    json_write_text(writer, "boot_id", record->boot_id);
    record_write_process(writer, "monitor", &record->monitor);
}

void record_put_state(const struct record *record, struct json_writer *writer)
{
    json_write_text(writer, "status", record_status_name(record->status));
    json_write_text(writer, "boot_id", record->boot_id);
    record_write_process(writer, "init", &record->init_process);
    json_write_text(writer, "address", record->address);
    json_write_number(writer, "started_ns", record->started_ns);
    json_write_number(writer, "finished_ns", record->finished_ns);
    json_write_number(writer, "exit_status", record->exit_status);
    json_write_bool(writer, "oom_killed", record->oom_killed);
    json_write_text(writer, "error", record->error);
}

/* ---- Reading ---- */

/* What is asked of one file, and whether all of it was there as it should be. */
struct record_reader {
    const struct json *json;
    const struct json_value *object;
    bool damaged;
};

static const struct json_value *record_member(struct record_reader *reader,
                                              const char *key)
{
    const struct json_value *value =
        reader->object == NULL ? NULL : json_member(reader->object, key);
    if (value == NULL && !reader->damaged) {
        reader->damaged = true;
        log_error("%s: expected an object with \"%s\"", reader->json->name,
                  key);
    }
    return value;
}

static void record_damaged(struct record_reader *reader,
                           const struct json_value *value, const char *expected)
{
    if (!reader->damaged)
        json_report(reader->json, value, "%s: expected %s", value->key,
                    expected);
    reader->damaged = true;
}

/* NULL for null. */
static const char *record_get_text(struct record_reader *reader,
                                   const char *key)
{
    const struct json_value *value = record_member(reader, key);
    if (value == NULL || value->type == JSON_NULL)
        return NULL;
    if (value->type == JSON_STRING)
        return value->text;
    record_damaged(reader, value, "a text");
    return NULL;
}

static const char *record_need_text(struct record_reader *reader,
                                    const char *key)
{
    const char *text = record_get_text(reader, key);
    if (text == NULL && !reader->damaged)
        record_damaged(reader, record_member(reader, key), "a text");
    return text;
}

static int64_t record_get_number(struct record_reader *reader, const char *key)
{
    const struct json_value *value = record_member(reader, key);
    if (value == NULL)
        return 0;
    if (value->type == JSON_NUMBER) {
        char *end;
        errno = 0;
        int64_t number = strtoll(value->text, &end, 10);
        if (end == value->text + value->length && errno == 0)
            return number;
    }
    record_damaged(reader, value, "a whole number");
    return 0;
}

static uint64_t record_get_unsigned(struct record_reader *reader,
                                    const char *key)
{
    const struct json_value *value = record_member(reader, key);
    uint64_t number = 0;
    if (value != NULL && json_unsigned(value, UINT64_MAX, &number) == -1)
        record_damaged(reader, value, "a number that is not negative");
    return number;
}

static bool record_get_bool(struct record_reader *reader, const char *key)
{
    const struct json_value *value = record_member(reader, key);
    if (value != NULL && value->type != JSON_TRUE && value->type != JSON_FALSE)
        record_damaged(reader, value, "true or false");
    return value != NULL && value->type == JSON_TRUE;
}

/* In memory of its own, NULL at the end. */
static const char *const *record_get_texts(struct record_reader *reader,
                                           const char *key)
{
    const struct json_value *value = record_member(reader, key), *element;
    if (value == NULL)
        return NULL;
    const char **texts = calloc(json_count(value) + 1, sizeof *texts);
    size_t count = 0;
    if (texts == NULL)
        return NULL;
    for (element = value->first; element != NULL; element = element->next) {
        if (value->type != JSON_ARRAY || element->type != JSON_STRING)
            break;
        texts[count++] = element->text;
    }
    if (value->type != JSON_ARRAY || element != NULL)
        record_damaged(reader, value, "an array of texts");
    return texts;
}

static struct record_process record_get_process(struct record_reader *reader,
                                                const char *key)
{
    struct record_process process = {0};
    struct record_reader inner = *reader;
    inner.object = record_member(reader, key);
    inner.damaged = reader->damaged;
    int64_t pid = record_get_number(&inner, "pid");
    process.start_time = record_get_unsigned(&inner, "start_time");
    if (pid < 0 || pid > INT32_MAX)
        inner.damaged = true;
    reader->damaged = inner.damaged;
    process.pid = inner.damaged ? 0 : (pid_t)pid;
    return process;
}

static void record_get_boot_id(struct record *record,
                               struct record_reader *reader)
{
    const char *boot_id = record_need_text(reader, "boot_id");
    if (boot_id != NULL)
        snprintf(record->boot_id, sizeof record->boot_id, "%s", boot_id);
}

bool record_get_config(struct record *record)
{
    struct record_reader config = {record->config_json,
                                   record->config_json->root, false};
    struct record_reader *reader = &config;
    const char *id = record_need_text(reader, "id");
    if (id != NULL && strcmp(id, record->id) != 0)
        record_damaged(reader, record_member(reader, "id"),
                       "the directory's name");
    record->name = record_need_text(reader, "name");
    record->created_ns = record_get_number(reader, "created_ns");
    record->root = record_need_text(reader, "root");
    record->image = record_get_text(reader, "image");
    record->image_id = record_get_text(reader, "image_id");
    record->hostname = record_get_text(reader, "hostname");
    record->command = record_get_texts(reader, "command");
    record->environment = record_get_texts(reader, "environment");
    record->upper = record_get_text(reader, "upper");
    record->working_directory = record_get_text(reader, "working_directory");
    record->user = record_get_text(reader, "user");
    record->apparmor = record_get_text(reader, "apparmor");
    record->terminal = record_get_bool(reader, "terminal");
    record->interactive = record_get_bool(reader, "interactive");
    record->remove_at_end = record_get_bool(reader, "remove_at_end");
    record->init = record_get_bool(reader, "init");
    record->userns_host = record_get_bool(reader, "userns_host");
    record->privileged = record_get_bool(reader, "privileged");
    record->no_new_privileges = record_get_bool(reader, "no_new_privileges");
    record->capabilities = record_get_unsigned(reader, "capabilities");
    record->stop_signal = (int)record_get_number(reader, "stop_signal");
    record->network = record_get_text(reader, "network");
    record->ports = record_get_texts(reader, "ports");
    record->mounts = record_get_texts(reader, "mounts");
    record->places = record_get_texts(reader, "places");
    record->memory_bytes = record_get_unsigned(reader, "memory_bytes");
    record->cpu_thousandths = record_get_unsigned(reader, "cpu_thousandths");
    record->pids = record_get_number(reader, "pids");
    record->cgroups = record_get_texts(reader, "cgroups");
    record->log_path = record_get_text(reader, "log_path");
    record_get_boot_id(record, reader);
    record->monitor = record_get_process(reader, "monitor");
    return !reader->damaged;
}

bool record_get_state(struct record *record)
{
    struct record_reader state = {record->state_json, record->state_json->root,
                                  false};
    struct record_reader *reader = &state;
    const char *status = record_need_text(reader, "status");
    record->status = RECORD_CORRUPT;
    for (size_t i = 0; status != NULL && i < RECORD_CORRUPT; i++)
        if (strcmp(status, status_names[i]) == 0)
            record->status = (enum record_status)i;
    if (status != NULL && record->status == RECORD_CORRUPT)
        record_damaged(reader, record_member(reader, "status"),
                       "created, running or exited");
    record_get_boot_id(record, reader);
    record->init_process = record_get_process(reader, "init");
    record->address = record_get_text(reader, "address");
    record->started_ns = record_get_number(reader, "started_ns");
    record->finished_ns = record_get_number(reader, "finished_ns");
    record->exit_status = (int)record_get_number(reader, "exit_status");
    record->oom_killed = record_get_bool(reader, "oom_killed");
    record->error = record_get_text(reader, "error");
    return !reader->damaged;
}
