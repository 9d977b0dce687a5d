/* The normalizers "NFC", "NFD", "NFKC" and "NFKD": Unicode's normal forms (UAX 15). Characters are decomposed, their
 * marks put into order, and then composed again, where the form asks for it.
 *
 * A span follows the reference, which counts for each character that comes out how many of the text's it stands for: 0
 * is one, -2 is three of them, of which it has the place of the first; 1 is none, so that it has the place of the one
 * before it. */
#include <string.h>

#include "text/characters.h"
#include "text/normalizers.h"

typedef struct form {
    int32_t is_compatible, composes;
} form_t;

typedef struct character {
    uint32_t code;
    int32_t change;
    uint8_t class;
} character_t;

typedef struct characters {
    character_t *list;
    int64_t count, capacity;
} characters_t;

typedef struct work {
    const form_t *form;
    const pt__passage_t *passage;
    pt__edited_t *edited;
    int64_t at;           /* where the next character that comes out stands for */
    pt__cut_t last;       /* the place of the one before it */
    characters_t marks;   /* decomposed, and not yet in order */
    characters_t sorted;  /* room for that */
    characters_t waiting; /* behind the one that is composed */
    character_t composed;
    int32_t has_composed, last_class; /* of those that wait; -1: none does */
} work_t;

/* ---- Out ---- */

static void step(work_t *work)
{
    int32_t length;
    pt__character_at(work->passage->bytes + work->at, &length);
    work->last = pt__passage_origin(work->passage, work->at, work->at + length);
    work->at += length;
}

static pt_status_t emit(work_t *work, character_t character)
{
    uint8_t bytes[4];
    if (character.change <= 0)
        step(work);
    const pt__cut_t place = work->last;
    for (int32_t i = character.change; i < 0; i++)
        step(work);
    return pt__edited_add(work->edited, bytes, pt__character_write(character.code, bytes), place.begin, place.end);
}

/* ---- Composition ---- */

static pt_status_t append(work_t *work, characters_t *to, character_t character)
{
    PT__TRY(pt__grow(work->edited->memory, &to->list, &to->capacity, to->count + 1, sizeof *to->list,
                     "characters that are composed"));
    to->list[to->count++] = character;
    return PT_OK;
}

static pt_status_t emit_composed(work_t *work)
{
    if (work->has_composed)
        PT__TRY(emit(work, work->composed));
    work->has_composed = 0;
    for (int64_t i = 0; i < work->waiting.count; i++)
        PT__TRY(emit(work, work->waiting.list[i]));
    work->waiting.count = 0;
    work->last_class = -1;
    return PT_OK;
}

/* A character, in order: it joins the one that is composed, waits behind it, or is the next to be composed. */
static pt_status_t compose(work_t *work, character_t character)
{
    const int32_t is_blocked = work->last_class >= 0 && work->last_class >= (int32_t)character.class;
    uint32_t both = 0;
    if (!work->form->composes || (!work->has_composed && character.class != 0))
        return emit(work, character);
    if (work->has_composed && !is_blocked)
        both = pt__character_compose(work->composed.code, character.code);
    if (both != 0) {
        work->composed.code = both;
        work->composed.change += character.change - 1;
        return PT_OK;
    }
    if (work->has_composed && character.class != 0) {
        work->last_class = character.class;
        return append(work, &work->waiting, character);
    }
    PT__TRY(emit_composed(work));
    work->composed = character;
    work->has_composed = 1;
    return PT_OK;
}

/* ---- Order ---- */

enum { FEW = 16, CLASSES = 256 };

/* Sorts by class, equal ones as they stand; in time that does not grow faster than their number. */
static pt_status_t sort(work_t *work)
{
    characters_t *marks = &work->marks, *sorted = &work->sorted;
    if (marks->count > FEW) {
        int64_t places[CLASSES + 1] = {0};
        PT__TRY(pt__grow(work->edited->memory, &sorted->list, &sorted->capacity, marks->count, sizeof *sorted->list,
                         "characters that are composed"));
        for (int64_t i = 0; i < marks->count; i++)
            places[marks->list[i].class + 1]++;
        for (int32_t class = 1; class < CLASSES; class ++)
            places[class] += places[class - 1];
        for (int64_t i = 0; i < marks->count; i++)
            sorted->list[places[marks->list[i].class]++] = marks->list[i];
        memcpy(marks->list, sorted->list, (size_t)marks->count * sizeof *marks->list);
        return PT_OK;
    }
    for (int64_t i = 1; i < marks->count; i++) {
        const character_t moved = marks->list[i];
        int64_t to = i;
        for (; to > 0 && marks->list[to - 1].class > moved.class; to--)
            marks->list[to] = marks->list[to - 1];
        marks->list[to] = moved;
    }
    return PT_OK;
}

static pt_status_t compose_marks(work_t *work)
{
    PT__TRY(sort(work));
    for (int64_t i = 0; i < work->marks.count; i++)
        PT__TRY(compose(work, work->marks.list[i]));
    work->marks.count = 0;
    return PT_OK;
}

static pt_status_t decompose(work_t *work, uint32_t code)
{
    uint32_t parts[PT__DECOMPOSED_MOST];
    int32_t count = pt__character_decompose(code, work->form->is_compatible, parts);
    for (int32_t i = 0; i < count; i++) {
        const character_t part = {parts[i], i > 0, pt__character_combining_class(parts[i])};
        if (part.class == 0) {
            PT__TRY(compose_marks(work));
            PT__TRY(compose(work, part));
        } else
            PT__TRY(append(work, &work->marks, part));
    }
    return PT_OK;
}

static pt_status_t finish(work_t *work)
{
    PT__TRY(compose_marks(work));
    return emit_composed(work);
}

/* ---- All ---- */

/* Characters that stay as they are and join none before them, among those that make most of most texts. */
static int32_t is_inert(const form_t *form, uint32_t code)
{
    if (code < 0x80 || (code >= 0x3400 && code <= 0x9FFF))
        return 1;
    if (form->composes && ((code >= 0x400 && code <= 0x482) || (code >= 0x3041 && code <= 0x3096) ||
                           (code >= 0x30A1 && code <= 0x30FA) || (code >= 0xAC00 && code <= 0xD7A3)))
        return 1;
    return form->composes && !form->is_compatible && code < 0x300;
}

/* Copies such characters, all but the last where one that may join it follows. */
static pt_status_t copy_inert(work_t *work, int64_t *from, int64_t end)
{
    const uint8_t *bytes = work->passage->bytes;
    int64_t at = *from, last = at;
    int32_t length;
    PT__TRY(finish(work));
    while (at < end && is_inert(work->form, pt__character_at(bytes + at, &length))) {
        last = at;
        at += length;
    }
    if (!work->form->composes || at == end)
        last = at;
    PT__TRY(pt__edited_copy(work->edited, work->passage, *from, last));
    *from = work->at = last;
    if (last < at) {
        PT__TRY(decompose(work, pt__character_at(bytes + last, &length)));
        *from = at;
    }
    return PT_OK;
}

static pt_status_t run(work_t *work, int64_t at, int64_t end)
{
    while (at < end) {
        int32_t length;
        const uint32_t code = pt__character_at(work->passage->bytes + at, &length);
        if (is_inert(work->form, code)) {
            PT__TRY(copy_inert(work, &at, end));
            continue;
        }
        PT__TRY(decompose(work, code));
        at += length;
    }
    return finish(work);
}

static pt_status_t edit(const void *settings, const pt__passage_t *passage, int64_t begin, int64_t end,
                        pt__edited_t *edited)
{
    work_t work = {.form = settings, .passage = passage, .edited = edited, .at = begin, .last_class = -1};
    work.last.begin = work.last.end = pt__passage_origin(passage, begin, begin + 1).begin;
    pt_status_t status = run(&work, begin, end);
    pt__release(edited->memory, work.waiting.list);
    pt__release(edited->memory, work.sorted.list);
    pt__release(edited->memory, work.marks.list);
    return status;
}

static pt_status_t add(pt__stages_t *stages, int32_t is_compatible, int32_t composes)
{
    form_t *form;
    PT__TRY(pt__allocate(stages->memory, 1, sizeof *form, "normalizer", &form));
    *form = (form_t){.is_compatible = is_compatible, .composes = composes};
    return pt__stages_add(stages, edit, NULL, form);
}

pt_status_t pt__read_nfc(const pt__json_t *json, pt__stages_t *stages)
{
    (void)json;
    return add(stages, 0, 1);
}

pt_status_t pt__read_nfd(const pt__json_t *json, pt__stages_t *stages)
{
    (void)json;
    return add(stages, 0, 0);
}

pt_status_t pt__read_nfkc(const pt__json_t *json, pt__stages_t *stages)
{
    (void)json;
    return add(stages, 1, 1);
}

pt_status_t pt__read_nfkd(const pt__json_t *json, pt__stages_t *stages)
{
    (void)json;
    return add(stages, 1, 0);
}
