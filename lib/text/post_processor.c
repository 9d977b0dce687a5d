/* See post_processor.h. */
#include "text/post_processor.h"

#include <string.h>

#include "text/kinds.h"

enum { MOST_DEPTH = 8, MOST_SEGMENT = 255, MOST_ITEMS = 256 };

void pt__post_processor_free(pt__post_processor_t *processor)
{
    if (processor->memory == NULL)
        return;
    for (int32_t i = 0; i < 2; i++)
        pt__release(processor->memory, processor->templates[i].items);
    memset(processor, 0, sizeof *processor);
}

int64_t pt__template_tokens(const pt__post_processor_t *processor, int32_t is_pair)
{
    const pt__template_t *template = &processor->templates[is_pair];
    int64_t tokens = 0;
    for (int64_t i = 0; i < template->count; i++)
        tokens += template->items[i].sequence < 0;
    return tokens;
}

static pt_status_t add_item(pt__post_processor_t *processor, const pt__json_t *json, int32_t is_pair, int32_t sequence,
                            int64_t id, int64_t segment)
{
    pt__template_t *template = &processor->templates[is_pair];
    if (template->count == MOST_ITEMS)
        return pt__json_fail(json, PT_ERR_UNSUPPORTED, "a template of over %d tokens", MOST_ITEMS);
    PT__TRY(pt__grow(processor->memory, &template->items, &template->capacity, template->count + 1,
                     sizeof *template->items, "template of special tokens"));
    template->items[template->count++] = (pt__template_item_t){
        .sequence = sequence, .id = (int32_t)id, .segment = (uint8_t)segment, .overflow_segment = (uint8_t)segment};
    return PT_OK;
}

static pt_status_t check_id(const pt__json_t *json, const pt__vocabulary_t *vocabulary, int64_t id)
{
    if (id < 0 || id >= vocabulary->count || !vocabulary->tokens[id].is_there)
        return pt__json_fail(json, PT_ERR_FORMAT, "no token has the id %lld", (long long)id);
    return PT_OK;
}

/* The file's one template begins. */
static pt_status_t begin_template(pt__post_processor_t *processor, const pt__json_t *json, int32_t is_pair)
{
    if (processor->templates[is_pair].is_given)
        return pt__json_fail(json, PT_ERR_UNSUPPORTED, "a second template of special tokens is not known here");
    processor->templates[is_pair].is_given = 1;
    return PT_OK;
}

/* ---- TemplateProcessing ---- */

/* {"ids": [7], ...} of the special token that an item names. */
static pt_status_t add_special(pt__post_processor_t *processor, const pt__vocabulary_t *vocabulary, int32_t is_pair,
                               const pt__json_t *item, const pt__json_t *specials, int64_t segment)
{
    const char *name = NULL;
    const pt__json_t *ids = NULL;
    PT__TRY(pt__json_get_string(item, "id", PT__JSON_REQUIRED, &name));
    const pt__json_t *special = pt__json_find(specials, name);
    if (special == NULL)
        return pt__json_fail(item, PT_ERR_FORMAT, "\"%s\" is not among special_tokens", name);
    PT__TRY(pt__keys_check(special, "special token", "id ids tokens"));
    PT__TRY(pt__json_get_array(special, "ids", PT__JSON_REQUIRED, &ids));
    for (const pt__json_t *id = ids->first; id != NULL; id = id->next) {
        if (id->kind != PT__JSON_NUMBER || !id->is_integer)
            return pt__json_fail(id, PT_ERR_FORMAT, "expected a token's id");
        PT__TRY(check_id(id, vocabulary, id->integer));
        PT__TRY(add_item(processor, id, is_pair, -1, id->integer, segment));
    }
    return PT_OK;
}

static pt_status_t read_template(const pt__json_t *json, const char *key, int32_t is_pair,
                                 const pt__vocabulary_t *vocabulary, pt__post_processor_t *processor)
{
    const pt__json_t *list = NULL, *specials = NULL;
    PT__TRY(pt__json_get_array(json, key, PT__JSON_REQUIRED, &list));
    PT__TRY(pt__json_get_object(json, "special_tokens", PT__JSON_REQUIRED, &specials));
    PT__TRY(begin_template(processor, json, is_pair));
    for (const pt__json_t *item = list->first; item != NULL; item = item->next) {
        const pt__json_t *sequence = pt__json_find(item, "Sequence"), *special = pt__json_find(item, "SpecialToken");
        const pt__json_t *found = sequence != NULL ? sequence : special;
        const char *name = NULL;
        int64_t segment = 0;
        if ((sequence != NULL) == (special != NULL))
            return pt__json_fail(item, PT_ERR_FORMAT, "expected a \"Sequence\" or a \"SpecialToken\"");
        PT__TRY(pt__keys_check(item, "template", sequence != NULL ? "Sequence" : "SpecialToken"));
        PT__TRY(pt__keys_check(found, "template", "id type_id"));
        PT__TRY(pt__json_get_integer(found, "type_id", PT__JSON_REQUIRED, 0, MOST_SEGMENT, &segment));
        if (special != NULL) {
            PT__TRY(add_special(processor, vocabulary, is_pair, special, specials, segment));
            continue;
        }
        PT__TRY(pt__json_get_string(sequence, "id", PT__JSON_REQUIRED, &name));
        if (strcmp(name, "A") != 0 && (strcmp(name, "B") != 0 || !is_pair))
            return pt__json_fail(sequence, PT_ERR_FORMAT, "id is \"%s\", expected %s", name,
                                 is_pair ? "\"A\" or \"B\"" : "\"A\"");
        PT__TRY(add_item(processor, sequence, is_pair, name[0] - 'A', 0, segment));
        pt__template_t *template = &processor->templates[is_pair];
        template->items[template->count - 1].overflow_segment = name[0] == 'B';
    }
    return PT_OK;
}

/* ---- BertProcessing, RobertaProcessing ---- */

/* ["[SEP]", 102] */
static pt_status_t read_token(const pt__json_t *json, const char *key, const pt__vocabulary_t *vocabulary, int64_t *id)
{
    const pt__json_t *pair = NULL;
    PT__TRY(pt__json_get_array(json, key, PT__JSON_REQUIRED, &pair));
    if (pair->length != 2 || pair->first->kind != PT__JSON_STRING || pair->first->next->kind != PT__JSON_NUMBER ||
        !pair->first->next->is_integer)
        return pt__json_fail(pair, PT_ERR_FORMAT, "expected a token and its id");
    *id = pair->first->next->integer;
    return check_id(pair, vocabulary, *id);
}

/* [CLS] A [SEP] B [SEP]; RoBERTa: <s> A </s></s> B </s>, all of segment 0. */
static pt_status_t read_bert(const pt__json_t *json, const pt__vocabulary_t *vocabulary, int32_t is_roberta,
                             pt__post_processor_t *processor)
{
    int64_t separator = 0, begin = 0;
    const uint8_t second = is_roberta ? 0 : 1;
    PT__TRY(read_token(json, "sep", vocabulary, &separator));
    PT__TRY(read_token(json, "cls", vocabulary, &begin));
    for (int32_t is_pair = 0; is_pair < 2; is_pair++) {
        PT__TRY(begin_template(processor, json, is_pair));
        PT__TRY(add_item(processor, json, is_pair, -1, begin, 0));
        PT__TRY(add_item(processor, json, is_pair, 0, 0, 0));
        PT__TRY(add_item(processor, json, is_pair, -1, separator, 0));
    }
    if (is_roberta)
        PT__TRY(add_item(processor, json, 1, -1, separator, 0));
    PT__TRY(add_item(processor, json, 1, 1, 0, second));
    return add_item(processor, json, 1, -1, separator, second);
}

static pt_status_t read_trimming(const pt__json_t *json, pt__post_processor_t *processor)
{
    int32_t trims = 1, prefix = 1;
    PT__TRY(pt__json_get_bool(json, "trim_offsets", PT__JSON_OPTIONAL, &trims));
    PT__TRY(pt__json_get_bool(json, "add_prefix_space", PT__JSON_OPTIONAL, &prefix));
    if (trims) {
        processor->trims = 1;
        processor->keeps_first = prefix;
    }
    return PT_OK;
}

/* ---- All ---- */

static pt_status_t read(const pt__json_t *json, const pt__vocabulary_t *vocabulary, int32_t depth,
                        pt__post_processor_t *processor)
{
    const char *name = NULL;
    const pt__json_t *list = NULL;
    PT__TRY(pt__json_get_string(json, "type", PT__JSON_REQUIRED, &name));
    if (strcmp(name, "TemplateProcessing") == 0) {
        PT__TRY(pt__keys_check(json, name, "type single pair special_tokens"));
        PT__TRY(read_template(json, "single", 0, vocabulary, processor));
        return read_template(json, "pair", 1, vocabulary, processor);
    }
    if (strcmp(name, "BertProcessing") == 0) {
        PT__TRY(pt__keys_check(json, name, "type sep cls"));
        return read_bert(json, vocabulary, 0, processor);
    }
    if (strcmp(name, "RobertaProcessing") == 0) {
        PT__TRY(pt__keys_check(json, name, "type sep cls trim_offsets add_prefix_space"));
        PT__TRY(read_trimming(json, processor));
        return read_bert(json, vocabulary, 1, processor);
    }
    if (strcmp(name, "ByteLevel") == 0) {
        PT__TRY(pt__keys_check(json, name, "type trim_offsets add_prefix_space use_regex"));
        return read_trimming(json, processor);
    }
    if (strcmp(name, "Sequence") != 0 || depth == MOST_DEPTH)
        return pt__json_fail(json, PT_ERR_UNSUPPORTED, "a post-processor \"%s\" is not known here", name);
    PT__TRY(pt__keys_check(json, name, "type processors"));
    PT__TRY(pt__json_get_array(json, "processors", PT__JSON_REQUIRED, &list));
    for (const pt__json_t *member = list->first; member != NULL; member = member->next)
        PT__TRY(read(member, vocabulary, depth + 1, processor));
    return PT_OK;
}

pt_status_t pt__post_processor_read(const pt__json_t *json, const pt__vocabulary_t *vocabulary,
                                    pt__post_processor_t *processor)
{
    processor->memory = vocabulary->memory;
    return read(json, vocabulary, 0, processor);
}
