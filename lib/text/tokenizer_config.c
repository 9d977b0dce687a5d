/* See tokenizer_config.h. */
#include "text/tokenizer_config.h"

#include <string.h>

pt_status_t pt__tokenizer_config_open(pt__memory_t *memory, const char *text, int64_t size,
                                      pt__tokenizer_config_t *config)
{
    *config = (pt__tokenizer_config_t){NULL, NULL};
    if (text == NULL)
        return PT_OK;
    PT__TRY(pt__json_parse(memory, "tokenizer_config.json", text, size, &config->document, &config->root));
    if (config->root->kind == PT__JSON_OBJECT)
        return PT_OK;
    pt__tokenizer_config_close(config);
    return pt__fail(PT_ERR_FORMAT, "tokenizer_config.json: expected an object");
}

void pt__tokenizer_config_close(pt__tokenizer_config_t *config)
{
    pt__json_free(config->document);
    *config = (pt__tokenizer_config_t){NULL, NULL};
}

static pt_status_t within(pt_status_t status)
{
    return status == PT_OK ? PT_OK : pt__fail_within(status, "tokenizer_config.json");
}

pt_status_t pt__tokenizer_config_bool(const pt__tokenizer_config_t *config, const char *key, int32_t *out)
{
    return config->root == NULL ? PT_OK : within(pt__json_get_bool(config->root, key, PT__JSON_OPTIONAL, out));
}

pt_status_t pt__tokenizer_config_token(const pt__tokenizer_config_t *config, const char *key, const char **out)
{
    const pt__json_t *value = config->root == NULL ? NULL : pt__json_find(config->root, key);
    if (value == NULL)
        return PT_OK;
    return within(value->kind == PT__JSON_OBJECT ? pt__json_get_string(value, "content", PT__JSON_REQUIRED, out)
                                                 : pt__json_get_string(config->root, key, PT__JSON_OPTIONAL, out));
}

pt_status_t pt__tokenizer_config_chat(const pt__tokenizer_config_t *config, const char **out)
{
    const pt__json_t *value = config->root == NULL ? NULL : pt__json_find(config->root, "chat_template");
    if (value == NULL)
        return PT_OK;
    if (value->kind != PT__JSON_ARRAY)
        return pt__json_get_string(config->root, "chat_template", PT__JSON_OPTIONAL, out);
    for (const pt__json_t *each = value->first; each != NULL; each = each->next) {
        const char *name;
        PT__TRY(pt__json_get_string(each, "name", PT__JSON_REQUIRED, &name));
        if (strcmp(name, "default") == 0)
            return pt__json_get_string(each, "template", PT__JSON_REQUIRED, out);
    }
    return PT_OK;
}
