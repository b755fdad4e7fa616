/*
 * record_fields: which members a record's two files have, and what each may be. For
 * record.c, which says when they are read and written, and how.
 *
 * taught in: step 09, lessons/09-lifecycle.md
 */
#ifndef NSCTL_RUNTIME_RECORD_FIELDS_H
#define NSCTL_RUNTIME_RECORD_FIELDS_H

#include "common/base/json_writer.h"
#include "common/runtime/record.h"

/* Writes the members of config.json, and those of state.json. */
void record_put_config(const struct record *record, struct json_writer *writer);
void record_put_state(const struct record *record, struct json_writer *writer);

/* Takes them from record->config_json, and record->state_json, into which all texts point
 * then. Returns false, reported, where one is missing, or is not what it has to be. */
bool record_get_config(struct record *record);
bool record_get_state(struct record *record);

#endif
