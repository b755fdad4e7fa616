/*
 * fuzz: a container's record as it is read from the disk: config.json, a line of
 * dashes, state.json. What is no record is corrupt, and that is all. What is one is
 * written again, which must be read as the same.
 */
#include "tests/fuzz/fuzz.h"

#include "common/runtime/record.c"
#include "common/runtime/record_fields.c"
#include "common/runtime/record_process.c"

static const char id[] =
    "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
static char above[] = "/dev/shm/fuzz-XXXXXX", directory[PATH_MAX];

static void remove_directory(void)
{
    static const char *const names[] = {"config.json", "state.json"};
    char path[PATH_MAX];
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (files_path(path, "%s/%s", directory, names[i]) == 0)
            unlink(path);
    rmdir(directory);
    rmdir(above);
}

static void make_directory(void)
{
    fuzz_require(mkdtemp(above) != NULL);
    atexit(remove_directory);
    fuzz_require(files_path(directory, "%s/%s", above, id) == 0);
    fuzz_require(mkdir(directory, 0700) == 0);
}

static void write_file(const char *name, const uint8_t *data, size_t size)
{
    char path[PATH_MAX];
    fuzz_require(files_path(path, "%s/%s", directory, name) == 0);
    FILE *file = fopen(path, "we");
    fuzz_require(file != NULL);
    fwrite(data, 1, size, file);
    fclose(file);
}

static bool same_text(const char *a, const char *b)
{
    return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

static void compare(const struct record *a, const struct record *b)
{
    fuzz_require(b->damage == NULL);
    fuzz_require(same_text(a->name, b->name) && same_text(a->root, b->root));
    fuzz_require(same_text(a->hostname, b->hostname));
    fuzz_require(same_text(a->address, b->address));
    fuzz_require(same_text(a->boot_id, b->boot_id));
    fuzz_require(a->created_ns == b->created_ns && a->pids == b->pids);
    fuzz_require(a->capabilities == b->capabilities);
    fuzz_require(a->init_process.pid == b->init_process.pid);
    fuzz_require(a->monitor.start_time == b->monitor.start_time);
    fuzz_require(a->exit_status == b->exit_status && a->status == b->status);
    size_t i = 0;
    for (; a->command[i] != NULL; i++)
        fuzz_require(same_text(a->command[i], b->command[i]));
    fuzz_require(b->command[i] == NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct record record, again;
    static const char between[] = "\n---\n";
    if (directory[0] == '\0')
        make_directory();
    const uint8_t *middle = memmem(data, size, between, sizeof between - 1);
    size_t config_size = middle == NULL ? size : (size_t)(middle - data);
    size_t rest = middle == NULL ? size : config_size + sizeof between - 1;
    write_file("config.json", data, config_size);
    write_file("state.json", data + rest, size - rest);
    fuzz_require(record_read(&record, directory) == 0);
    fuzz_require((record.damage != NULL) == (record.status == RECORD_CORRUPT));
    if (record.damage == NULL) {
        fuzz_require(record_write_config(&record) == 0);
        fuzz_require(record_write_state(&record) == 0);
        fuzz_require(record_read(&again, directory) == 0);
        compare(&record, &again);
        record_free(&again);
    }
    record_free(&record);
    return 0;
}
