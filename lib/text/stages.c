/* See stages.h. */
#include "text/stages.h"

#include <string.h>

#include "text/characters.h"
#include "text/kinds.h"
#include "text/vocabulary.h"

pt_status_t pt__edited_make_room(pt__edited_t *edited, int64_t length)
{
    const int64_t needed = edited->size + length;
    if (needed > UINT32_MAX)
        return pt__fail(PT_ERR_UNSUPPORTED, "a normalised text has over %lld bytes", (long long)UINT32_MAX);
    PT__TRY(pt__grow(edited->memory, &edited->bytes, &edited->bytes_capacity, needed, 1, "normalised text"));
    if (!edited->wants_spans)
        return PT_OK;
    PT__TRY(pt__grow(edited->memory, &edited->begins, &edited->begins_capacity, needed, sizeof *edited->begins,
                     "spans of a normalised text"));
    return pt__grow(edited->memory, &edited->ends, &edited->ends_capacity, needed, sizeof *edited->ends,
                    "spans of a normalised text");
}

pt_status_t pt__edited_add(pt__edited_t *edited, const void *bytes, int64_t length, uint32_t begin, uint32_t end)
{
    if (length == 0)
        return PT_OK;
    PT__TRY(pt__edited_make_room(edited, length));
    memcpy(edited->bytes + edited->size, bytes, (size_t)length);
    for (int64_t i = edited->size; edited->wants_spans && i < edited->size + length; i++) {
        edited->begins[i] = begin;
        edited->ends[i] = end;
    }
    edited->size += length;
    return PT_OK;
}

pt_status_t pt__edited_copy(pt__edited_t *edited, const pt__passage_t *passage, int64_t begin, int64_t end)
{
    if (begin == end)
        return PT_OK;
    PT__TRY(pt__edited_make_room(edited, end - begin));
    memcpy(edited->bytes + edited->size, passage->bytes + begin, (size_t)(end - begin));
    for (int64_t i = begin; edited->wants_spans && i < end; i++) {
        pt__cut_t origin = pt__passage_origin(passage, i, i + 1);
        edited->begins[edited->size + i - begin] = origin.begin;
        edited->ends[edited->size + i - begin] = origin.end;
    }
    edited->size += end - begin;
    return PT_OK;
}

pt_status_t pt__edited_convert(pt__edited_t *edited, const uint8_t table[128], const pt__passage_t *passage,
                               int64_t *begin, int64_t end)
{
    int64_t at = *begin, size = edited->size;
    while (end > at && passage->bytes[at] < 0x80)
        at++;
    PT__TRY(pt__edited_make_room(edited, at - *begin));
    for (int64_t i = *begin; i < at; i++) {
        const uint8_t byte = table[passage->bytes[i]];
        edited->bytes[size] = byte;
        if (edited->wants_spans) {
            pt__cut_t origin = pt__passage_origin(passage, i, i + 1);
            edited->begins[size] = origin.begin;
            edited->ends[size] = origin.end;
        }
        size += byte != PT__BYTE_GONE;
    }
    edited->size = size;
    *begin = at;
    return PT_OK;
}

void pt__edited_free(pt__edited_t *edited)
{
    if (edited->memory == NULL)
        return;
    pt__release(edited->memory, edited->ends);
    pt__release(edited->memory, edited->begins);
    pt__release(edited->memory, edited->bytes);
    memset(edited, 0, sizeof *edited);
}

static void release_stage(const pt__stages_t *stages, const pt__stage_t *stage)
{
    if (stage->release != NULL)
        stage->release(stages->memory, stage->settings);
    else
        pt__release(stages->memory, stage->settings);
}

void pt__stages_free(pt__stages_t *stages)
{
    for (int32_t i = 0; i < stages->count; i++)
        release_stage(stages, &stages->list[i]);
    stages->count = 0;
}

pt_status_t pt__stages_append(pt__stages_t *stages, const pt__stage_t *stage)
{
    if (stages->count == PT__STAGES_MOST) {
        release_stage(stages, stage);
        return pt__fail(PT_ERR_UNSUPPORTED, "over %d normalizers and pre-tokenizers", PT__STAGES_MOST);
    }
    stages->list[stages->count++] = *stage;
    return PT_OK;
}

pt_status_t pt__stages_add(pt__stages_t *stages, pt__edit_fn *edit, pt__scan_fn *scan, void *settings)
{
    const pt__stage_t stage = {.edit = edit, .scan = scan, .settings = settings};
    return pt__stages_append(stages, &stage);
}

static pt_status_t write_characters(const void *settings, const pt__passage_t *passage, int64_t at, int64_t end,
                                    pt__edited_t *edited)
{
    (void)settings;
    while (at < end) {
        int32_t length;
        pt__character_at(passage->bytes + at, &length);
        const pt__cut_t origin = pt__passage_origin(passage, at, at + length);
        for (int32_t i = 0; i < length; i++) {
            uint8_t bytes[4];
            const int32_t size = pt__character_write(pt__byte_character(passage->bytes[at + i]), bytes);
            PT__TRY(pt__edited_add(edited, bytes, size, origin.begin, origin.end));
        }
        at += length;
    }
    return PT_OK;
}

pt_status_t pt__write_byte_characters(pt__stages_t *stages)
{
    stages->is_byte_level = 0;
    return pt__stages_add(stages, write_characters, NULL, NULL);
}

pt_status_t pt__stages_read(const pt__json_t *json, const pt__stage_kind_t *kinds, int64_t n_kinds, const char *what,
                            const char *members, pt__stages_t *stages)
{
    const pt__json_t *list;
    int64_t kind;
    PT__TRY(pt__kind_find(json, kinds, sizeof *kinds, n_kinds, what, members, &kind, &list));
    if (kind >= 0 && stages->is_byte_level)
        PT__TRY(pt__write_byte_characters(stages));
    if (kind >= 0)
        return kinds[kind].read(json, stages);
    for (const pt__json_t *member = list->first; member != NULL; member = member->next)
        PT__TRY(pt__stages_read(member, kinds, n_kinds, what, members, stages));
    return PT_OK;
}
