/* The pre-tokenizer "Split": a text is cut by a string or a pattern. The patterns of well-known tokenizers cover all of
 * a text, so that each match is a piece, and are scanned by code of their own. */
#include <string.h>

#include "text/pre_tokenizers.h"
#include "text/regex.h"
#include "text/splitter.h"

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

typedef struct scanner {
    pt__scan_fn *scan;
} scanner_t;

static pt_status_t match_scanned(const void *settings, const uint8_t *text, int64_t begin, int64_t at, int64_t end,
                                 double *seconds, pt__cut_t *match, int32_t *found)
{
    const scanner_t *scanner = settings;
    (void)begin;
    (void)seconds;
    *found = scanner->scan(NULL, text, &at, end, match, 1);
    return PT_OK;
}

static pt_status_t make_matcher(const pt__json_t *pattern, pt__memory_t *memory, int32_t is_text, pt__scan_fn *scan,
                                pt__matcher_t *out)
{
    scanner_t *scanner;
    if (is_text)
        return pt__matcher_of_string(pattern, memory, pattern->string, pattern->length, out);
    if (scan == NULL)
        return pt__matcher_of_regex(pattern, memory, pattern->string, pattern->length, out);
    PT__TRY(pt__allocate(memory, 1, sizeof *scanner, "pre-tokenizer", &scanner));
    scanner->scan = scan;
    *out = (pt__matcher_t){.match = match_scanned, .settings = scanner};
    return PT_OK;
}

pt_status_t pt__read_split(const pt__json_t *json, pt__stages_t *stages)
{
    const pt__json_t *pattern;
    pt__behavior_t behavior = PT__ISOLATED;
    pt__matcher_t matcher;
    int32_t is_text, inverts = 0;
    PT__TRY(read_pattern(json, &pattern, &is_text));
    PT__TRY(pt__behavior_read(json, PT__JSON_REQUIRED, &behavior));
    PT__TRY(pt__json_get_bool(json, "invert", PT__JSON_OPTIONAL, &inverts));
    pt__scan_fn *scan = is_text ? NULL : pt__scanner_find(pattern->string, pattern->length);
    /* what is neither between matches nor joined to one another: each match is a piece */
    if (scan != NULL && behavior != PT__CONTIGUOUS && (behavior != PT__REMOVED || inverts))
        return pt__stages_add(stages, NULL, scan, NULL);
    PT__TRY(make_matcher(pattern, stages->memory, is_text, scan, &matcher));
    return pt__stages_split(stages, &matcher, behavior, inverts);
}
