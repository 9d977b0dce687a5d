/* What the readers of foreign files write alike. */
#include "text/foreign.h"

#include "base/json.h"

void pt__added_token_write(pt__text_t *json, int64_t *written, int64_t id, const char *content, int64_t length,
                           int32_t kind)
{
    pt__text_add(json, "%s{\"id\": %lld, \"content\": ", (*written)++ > 0 ? ", " : "", (long long)id);
    pt__json_add_string(json, content, length);
    pt__text_add(json,
                 ", \"single_word\": false, \"lstrip\": false, \"rstrip\": false, \"normalized\": false, "
                 "\"special\": %s}",
                 kind == PT__ADDED_SPECIAL ? "true" : "false");
}

static void write_token(pt__text_t *json, int64_t id, const char *name, int32_t segment)
{
    if (id >= 0)
        pt__text_add(json, "{\"SpecialToken\": {\"id\": \"%s\", \"type_id\": %d}}", name, (int)segment);
}

static void write_sequence(pt__text_t *json, int64_t first, int64_t last, const char *name, int32_t segment)
{
    write_token(json, first, "first", segment);
    pt__text_add(json, "%s{\"Sequence\": {\"id\": \"%s\", \"type_id\": %d}}%s", first >= 0 ? ", " : "", name,
                 (int)segment, last >= 0 ? ", " : "");
    write_token(json, last, "last", segment);
}

static void write_special(pt__text_t *json, int64_t id, const char *name)
{
    if (id >= 0)
        pt__text_add(json, "\"%s\": {\"id\": \"%s\", \"ids\": [%lld], \"tokens\": [\"%s\"]}", name, name, (long long)id,
                     name);
}

void pt__template_write(pt__text_t *json, int64_t first, int64_t last, int32_t second_segment)
{
    pt__text_add(json, "{\"type\": \"TemplateProcessing\", \"single\": [");
    write_sequence(json, first, last, "A", 0);
    pt__text_add(json, "], \"pair\": [");
    write_sequence(json, first, last, "A", 0);
    pt__text_add(json, ", ");
    write_sequence(json, first, last, "B", second_segment);
    pt__text_add(json, "], \"special_tokens\": {");
    write_special(json, first, "first");
    pt__text_add(json, "%s", first >= 0 && last >= 0 ? ", " : "");
    write_special(json, last, "last");
    pt__text_add(json, "}}");
}
