/* The pre-tokenizer "Split": a text is cut by a pattern. The patterns of well-known tokenizers cover all of a text, so
 * that each match is a piece, and are scanned by code of their own. */
#include <string.h>

#include "text/pre_tokenizers.h"

static pt_status_t read_pattern(const pt__json_t *json, const pt__json_t **pattern, int32_t *is_text)
{
    const pt__json_t *object, *text, *regex;
    PT__TRY(pt__json_get_object(json, "pattern", PT__JSON_REQUIRED, &object));
    text = pt__json_find(object, "String");
    regex = pt__json_find(object, "Regex");
    *is_text = text != NULL;
    *pattern = text != NULL ? text : regex;
    if (*pattern == NULL || (*pattern)->kind != PT__JSON_STRING || (text != NULL && regex != NULL))
        return pt__json_fail(object, PT_ERR_FORMAT, "expected a \"String\" or a \"Regex\"");
    return PT_OK;
}

pt_status_t pt__read_split(const pt__json_t *json, pt__stages_t *stages)
{
    const pt__json_t *pattern;
    const char *behavior = NULL;
    int32_t is_text, invert = 0;
    PT__TRY(read_pattern(json, &pattern, &is_text));
    PT__TRY(pt__json_get_string(json, "behavior", PT__JSON_REQUIRED, &behavior));
    PT__TRY(pt__json_get_bool(json, "invert", PT__JSON_OPTIONAL, &invert));
    pt__scan_fn *scan = is_text ? NULL : pt__scanner_find(pattern->string, pattern->length);
    int32_t matches_are_pieces = strcmp(behavior, "Isolated") == 0 || (strcmp(behavior, "Removed") == 0 && invert);
    if (scan == NULL || !matches_are_pieces)
        return pt__json_fail(json, PT_ERR_UNSUPPORTED,
                             "the pattern \"%.200s\" with the behavior \"%s\" is not known here", pattern->string,
                             behavior);
    return pt__stages_add(stages, NULL, scan, NULL);
}
