#include "common/image/image_new.h"

#include "common/base/log.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { SHORT_ID = 12 };

void image_new_name_by_id(const char *text, size_t size,
                          struct reference *reference)
{
    char id[SHA256_TEXT];
    sha256_of(text, size, id);
    *reference = (struct reference){.tag = "latest"};
    memcpy(reference->name, id, SHORT_ID);
}

static int image_new_note_time(struct image_asked *asked)
{
    struct tm parts;
    time_t now = time(NULL);
    if (gmtime_r(&now, &parts) != NULL &&
        strftime(asked->created, sizeof asked->created, "%Y-%m-%dT%H:%M:%SZ",
                 &parts) > 0)
        return 0;
    return log_error("it is a time that has no date");
}

int image_new_begin(struct image_asked *asked, struct image_config *config)
{
    const char *expected =
        asked->name == NULL
            ? NULL
            : reference_parse_tag(asked->name, &asked->reference);
    if (expected != NULL)
        return log_error("\"%s\": %s", asked->name, expected);
    if (image_new_note_time(asked) == -1 ||
        image_change_read(&asked->changes) == -1 ||
        image_change_apply_all(&asked->changes, config) == -1 ||
        image_config_set_text(config, &config->created, asked->created) == -1)
        return -1;
    return asked->author == NULL
               ? 0
               : image_config_set_text(config, &config->author, asked->author);
}

int image_new_add_layer(const struct image_asked *asked,
                        struct image_config *config, const char *digest,
                        const char *created_by)
{
    const struct image_history history = {.created = asked->created,
                                          .created_by = created_by,
                                          .comment = asked->message,
                                          .author = asked->author};
    return image_config_add(config, &config->layers, digest, false) == -1
               ? -1
               : image_config_add_history(config, &history);
}

int image_new_put(const struct store *store, struct image_asked *asked,
                  struct image_config *config)
{
    char id[SHA256_TEXT];
    size_t size;
    char *text = image_config_write(config, &size);
    if (text == NULL)
        return -1;
    if (asked->name == NULL)
        image_new_name_by_id(text, size, &asked->reference);
    int result = image_store_put(store, &asked->reference, text, size, id);
    free(text);
    if (result == 0)
        printf("sha256:%s\n", id);
    return result;
}

void image_new_end(struct image_asked *asked)
{
    image_change_free(&asked->changes);
}
