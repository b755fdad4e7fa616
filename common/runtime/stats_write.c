/* stats for programs: JSON, and Prometheus' text format. */
#include "common/base/json_writer.h"
#include "common/runtime/stats.h"

#include <inttypes.h>
#include <string.h>

#define PREFIX "nsctl_container_"

/* Prometheus wants seconds and bytes, and a name that says so. */
const struct stats_kind stats_kinds[STATS_FIGURES] = {
    [STATS_CPU_NS] = {"cpu_seconds", 9, "cpu_seconds_total", "CPU time used."},
    [STATS_CPU_USER_NS] = {"cpu_user_seconds", 9, "cpu_user_seconds_total",
                           "CPU time used outside of the kernel."},
    [STATS_CPU_SYSTEM_NS] = {"cpu_system_seconds", 9,
                             "cpu_system_seconds_total",
                             "CPU time used by the kernel for it."},
    [STATS_CPU_LIMIT] = {"cpu_limit", 3, "cpu_limit_cores",
                         "CPUs that it may use at most, as a number."},
    [STATS_PERIODS] = {"cpu_periods", 0, "cpu_periods_total",
                       "Periods of its CPU limit in which it ran."},
    [STATS_THROTTLED_PERIODS] = {"cpu_throttled_periods", 0,
                                 "cpu_throttled_periods_total",
                                 "Periods in which its CPU limit stopped it."},
    [STATS_THROTTLED_NS] = {"cpu_throttled_seconds", 9,
                            "cpu_throttled_seconds_total",
                            "Time for which its CPU limit stopped it."},
    [STATS_MEMORY] = {"memory_bytes", 0, "memory_used_bytes",
                      "Memory, without cached files not used lately."},
    [STATS_MEMORY_FILE] = {"memory_inactive_file_bytes", 0,
                           "memory_inactive_file_bytes",
                           "Memory that holds cached files not used lately."},
    [STATS_MEMORY_LIMIT] = {"memory_limit_bytes", 0, "memory_limit_bytes",
                            "Memory that it may use at most."},
    [STATS_MEMORY_PEAK] = {"memory_peak_bytes", 0, "memory_peak_bytes",
                           "The most memory that it has used."},
    [STATS_OOM_KILLS] = {"oom_kills", 0, "oom_kills_total",
                         "Processes killed for lack of memory."},
    [STATS_PIDS] = {"pids", 0, "processes", "Processes and threads."},
    [STATS_PIDS_LIMIT] = {"pids_limit", 0, "processes_limit",
                          "Processes and threads that it may have at most."},
    [STATS_READ_BYTES] = {"block_read_bytes", 0, "block_read_bytes_total",
                          "Read from block devices."},
    [STATS_WRITTEN_BYTES] = {"block_written_bytes", 0,
                             "block_written_bytes_total",
                             "Written to block devices."},
    [STATS_READS] = {"block_reads", 0, "block_reads_total",
                     "Times it read from block devices."},
    [STATS_WRITES] = {"block_writes", 0, "block_writes_total",
                      "Times it wrote to block devices."},
    [STATS_RECEIVED_BYTES] = {"network_received_bytes", 0,
                              "network_received_bytes_total",
                              "Received through its links."},
    [STATS_RECEIVED_PACKETS] = {"network_received_packets", 0,
                                "network_received_packets_total",
                                "Packets received through its links."},
    [STATS_SENT_BYTES] = {"network_sent_bytes", 0, "network_sent_bytes_total",
                          "Sent through its links."},
    [STATS_SENT_PACKETS] = {"network_sent_packets", 0,
                            "network_sent_packets_total",
                            "Packets sent through its links."},
    [STATS_CPU_WAITING] = {"cpu_pressure_percent", 2, NULL, NULL},
    [STATS_MEMORY_WAITING] = {"memory_pressure_percent", 2, NULL, NULL},
    [STATS_IO_WAITING] = {"io_pressure_percent", 2, NULL, NULL},
    [STATS_CPU_WAITING_NS] = {"cpu_pressure_seconds", 9,
                              "cpu_pressure_seconds_total",
                              "Time in which some of it waited for a CPU."},
    [STATS_MEMORY_WAITING_NS] = {"memory_pressure_seconds", 9,
                                 "memory_pressure_seconds_total",
                                 "Time in which some of it waited for memory."},
    [STATS_IO_WAITING_NS] = {"io_pressure_seconds", 9,
                             "io_pressure_seconds_total",
                             "Time in which some of it waited for a device."},
};

static bool stats_is_known(int64_t figure)
{
    return figure != STATS_UNKNOWN && figure != STATS_NO_LIMIT;
}

/* ---- JSON ---- */

void stats_write_json(const struct stats_row *rows, size_t count, bool one_line,
                      FILE *file)
{
    struct json_writer writer = {.file = file, .one_line = one_line};
    json_write_open(&writer, NULL, '[');
    for (const struct stats_row *row = rows; row < rows + count; row++) {
        json_write_open(&writer, NULL, '{');
        json_write_text(&writer, "id", row->id);
        json_write_text(&writer, "name", row->name);
        if (row->cpu_thousandths == STATS_UNKNOWN)
            json_write_null(&writer, "cpu_percent");
        else
            json_write_decimal(&writer, "cpu_percent", row->cpu_thousandths, 1);
        for (int i = 0; i < STATS_FIGURES; i++) {
            int64_t figure = row->sample.figures[i];
            if (stats_is_known(figure))
                json_write_decimal(&writer, stats_kinds[i].key, figure,
                                   stats_kinds[i].places);
            else
                json_write_null(&writer, stats_kinds[i].key);
        }
        json_write_close(&writer, '}');
    }
    json_write_close(&writer, ']');
}

/* ---- Prometheus ---- */

static void stats_write_value(int64_t figure, unsigned places, FILE *file)
{
    int64_t unit = 1;
    for (unsigned i = 0; i < places; i++)
        unit *= 10;
    fprintf(file, "%" PRId64, figure / unit);
    if (places > 0)
        fprintf(file, ".%0*" PRId64, (int)places, figure % unit);
    putc('\n', file);
}

/* Neither an id nor a name can hold what a label would have to escape; of a record that
 * somebody has written to one does not know. */
static void stats_write_label(const char *name, const char *text, FILE *file)
{
    fprintf(file, "%s=\"", name);
    for (; *text != '\0'; text++)
        if (*text == '\n')
            fputs("\\n", file);
        else if (*text == '"' || *text == '\\')
            fprintf(file, "\\%c", *text);
        else
            putc(*text, file);
    putc('"', file);
}

void stats_write_prometheus(const struct stats_row *rows, size_t count,
                            FILE *file)
{
    for (int i = 0; i < STATS_FIGURES; i++) {
        const struct stats_kind *kind = &stats_kinds[i];
        bool begun = false;
        for (const struct stats_row *row = rows; row < rows + count; row++) {
            int64_t figure = row->sample.figures[i];
            if (kind->metric == NULL || !stats_is_known(figure))
                continue;
            if (!begun) {
                bool grows = strstr(kind->metric, "_total") != NULL;
                fprintf(file,
                        "# HELP " PREFIX "%s %s\n# TYPE " PREFIX "%s %s\n",
                        kind->metric, kind->help, kind->metric,
                        grows ? "counter" : "gauge");
                begun = true;
            }
            fprintf(file, PREFIX "%s{", kind->metric);
            stats_write_label("id", row->id, file);
            putc(',', file);
            stats_write_label("name", row->name, file);
            fputs("} ", file);
            stats_write_value(figure, kind->places, file);
        }
    }
}
