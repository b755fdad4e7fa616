#include "common/image/image_users.h"

#include <stddef.h>
#include <string.h>

int image_users_list(const struct store *store, struct image_users *users)
{
    *users = (struct image_users){0};
    return store_list(store, &users->records, &users->count);
}

void image_users_free(struct image_users *users)
{
    if (users->records != NULL)
        store_free_list(users->records, users->count);
    *users = (struct image_users){0};
}

const struct record *image_users_find(const struct image_users *users,
                                      const char *id)
{
    const struct record *found = NULL;
    for (size_t i = 0; i < users->count; i++) {
        const struct record *record = &users->records[i];
        if (record->image_id == NULL || strcmp(record->image_id, id) != 0)
            continue;
        if (record->status == RECORD_RUNNING)
            return record;
        found = record;
    }
    return found;
}
