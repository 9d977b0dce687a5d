/* The byte-level pre-tokenizer of GPT-2: a blank before the text, on request, and the pattern. That bytes are written
 * as characters concerns the vocabulary alone, which has the bytes themselves here, unless something stands behind it
 * that looks at those characters: then they are written. */
#include "text/characters.h"
#include "text/normalizers.h"
#include "text/pre_tokenizers.h"

static pt_status_t begin_with_blank(const void *settings, const pt__passage_t *passage, int64_t begin, int64_t end,
                                    pt__edited_t *edited)
{
    (void)settings;
    int32_t length;
    if (passage->bytes[begin] != ' ') { /* it stands for the first character, as the reference has it */
        pt__character_at(passage->bytes + begin, &length);
        pt__cut_t origin = pt__passage_origin(passage, begin, begin + length);
        PT__TRY(pt__edited_add(edited, " ", 1, origin.begin, origin.end));
    }
    return pt__edited_copy(edited, passage, begin, end);
}

pt_status_t pt__read_byte_level(const pt__json_t *json, pt__stages_t *stages)
{
    int32_t prefix = 1, pattern = 1;
    PT__TRY(pt__json_get_bool(json, "add_prefix_space", PT__JSON_OPTIONAL, &prefix));
    PT__TRY(pt__json_get_bool(json, "use_regex", PT__JSON_OPTIONAL, &pattern));
    stages->is_byte_level = 1;
    if (prefix)
        PT__TRY(pt__stages_add(stages, begin_with_blank, NULL, NULL));
    return pattern ? pt__stages_add(stages, NULL, pt__scanner_gpt2(), NULL) : PT_OK;
}

pt_status_t pt__read_bytes_normalizer(const pt__json_t *json, pt__stages_t *stages)
{
    (void)json;
    return pt__write_byte_characters(stages);
}
