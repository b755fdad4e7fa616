/*
 * fuzz: what people write behind the options of the runtime. The first byte chooses the
 * parser. Whatever a parser takes must be within what its header promises.
 */
#include "tests/fuzz/fuzz.h"

#include "common/runtime/environment.c"
#include "common/runtime/logs_time.c"
#include "common/runtime/ulimits.c"

static void fuzz_environment(const char *text)
{
    struct environment environment = {{0}, {0}};
    struct environment_list list = {0};
    if (environment_parse(text, &environment) == NULL) {
        fuzz_require(environment_make(&environment, NULL, &list) == 0);
        fuzz_require(list.count <= 1);
        fuzz_require(
            list.count == 0 ||
            (strchr(list.all[0], '=') > list.all[0] && list.all[1] == NULL));
    } else {
        fuzz_require(environment.options.count == 0);
    }
    environment_free_list(&list);
    environment_free(&environment);
}

/* Lines of a file, without the file. */
static void fuzz_lines(const char *text)
{
    struct environment_list list = {0};
    char *copy = strdup(text), *rest = NULL;
    for (char *line = strtok_r(copy, "\n", &rest); line != NULL;
         line = strtok_r(NULL, "\n", &rest))
        environment_take_line(&list, line, strlen(line));
    for (size_t i = 0; i < list.count; i++) {
        size_t name = strcspn(list.all[i], "=");
        fuzz_require(name > 0 && list.all[i][name] == '=');
        for (size_t j = 0; j < i; j++)
            fuzz_require(strncmp(list.all[i], list.all[j], name + 1) != 0);
    }
    environment_free_list(&list);
    free(copy);
}

static void fuzz_ulimit(const char *text)
{
    struct ulimits ulimits = {0};
    int asked = 0;
    const char *expected = ulimits_parse(text, &ulimits);
    for (int i = 0; i < RLIM_NLIMITS; i++) {
        asked += ulimits.asked[i];
        fuzz_require(ulimits.limits[i].rlim_cur <= ulimits.limits[i].rlim_max);
    }
    fuzz_require(asked == (expected == NULL));
}

static void fuzz_time(const char *text)
{
    struct timespec time;
    char written[LOGS_TIME_LENGTH + 1];
    if (logs_time_read(text, &time) != NULL)
        return;
    fuzz_require(time.tv_nsec >= 0 && time.tv_nsec < NS);
    logs_time_write(written, &time);
    fuzz_require(strlen(written) == LOGS_TIME_LENGTH);
    fuzz_require(logs_time_is_one(written));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static void (*const parsers[])(const char *text) = {
        fuzz_environment, fuzz_lines, fuzz_ulimit, fuzz_time};
    if (size == 0)
        return 0;
    char *text = fuzz_text(data + 1, size - 1);
    parsers[data[0] % (sizeof parsers / sizeof parsers[0])](text);
    free(text);
    return 0;
}
