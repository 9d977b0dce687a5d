/* See regex.h. What one match may take is bounded in this way: PCRE2 counts what it tries, and sees a part of the text
 * at first (it tells when it came to the end of that). Few tries and a short part are enough for nearly all matches, so
 * that a place of the text costs a bounded time. Each gets more, a factor at a time, where a match needs it, and then
 * time is measured, the thread's own, so that a text is refused or not whatever else the machine does: what would take
 * longer than MOST_SECONDS in all ends with a status. */
#include "text/regex.h"

#include <string.h>

#ifdef PT__PCRE2
#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
#include <time.h>

#include "text/characters.h"

enum {
    FIRST_TRIES = 256,
    FIRST_BYTES = 256, /* of the text, from where a match may begin */
    MORE = 8,
    MOST_TRIES = 1 << 30,
    MOST_HEAP = 1 << 18,       /* KB, of the interpreter */
    MOST_STACK = 64 << 20,     /* bytes, of compiled patterns; taken as they are needed */
    FIRST_STACK = 32 << 10,    /* bytes */
    LONGEST_PATTERN = 1 << 14, /* bytes */
    MOST_SECONDS = 5
};

typedef struct scratch { /* what a match writes to; one a thread at a time */
    pcre2_match_data *data;
    pcre2_match_context *context;
    pcre2_jit_stack *stack;
} scratch_t;

typedef struct regex {
    pt__memory_t *memory;
    pcre2_general_context *general;
    pcre2_code *code;
    _Atomic(scratch_t *) spare;
    char *pattern;         /* for messages */
    atomic_int has_failed; /* memory, while the pattern was compiled */
} regex_t;

static void *allocate(PCRE2_SIZE size, void *user)
{
    regex_t *regex = user;
    void *block;
    if (pt__allocate_uninitialised(regex->memory, 1, size, "pattern", &block) != PT_OK)
        atomic_store(&regex->has_failed, 1);
    return block;
}

static void deallocate(void *block, void *user)
{
    regex_t *regex = user;
    pt__release(regex->memory, block);
}

static pt_status_t fail_memory(void)
{
    return pt__fail(PT_ERR_MEMORY, "no memory for a pattern");
}

/* ---- Scratch ---- */

static void free_scratch(regex_t *regex, scratch_t *scratch)
{
    if (scratch == NULL)
        return;
    pcre2_jit_stack_free(scratch->stack);
    pcre2_match_context_free(scratch->context);
    pcre2_match_data_free(scratch->data);
    pt__release(regex->memory, scratch);
}

static pt_status_t take_scratch(regex_t *regex, scratch_t **out)
{
    scratch_t *scratch = atomic_exchange(&regex->spare, NULL);
    *out = scratch;
    if (scratch != NULL)
        return PT_OK;
    PT__TRY(pt__allocate(regex->memory, 1, sizeof *scratch, "pattern", &scratch));
    scratch->data = pcre2_match_data_create(1, regex->general);
    scratch->context = pcre2_match_context_create(regex->general);
    if (scratch->data == NULL || scratch->context == NULL) {
        free_scratch(regex, scratch);
        return fail_memory();
    }
    pcre2_set_heap_limit(scratch->context, MOST_HEAP);
    *out = scratch;
    return PT_OK;
}

static void give_scratch(regex_t *regex, scratch_t *scratch)
{
    free_scratch(regex, atomic_exchange(&regex->spare, scratch));
}

/* ---- Matching ---- */

typedef struct search {
    const regex_t *regex;
    scratch_t *scratch;
    const uint8_t *text;
    int64_t length, at; /* of the text; where a match may begin */
    int64_t bytes;      /* that are seen from there */
    int64_t tries;
    int32_t is_here; /* a match must begin at `at` */
    double seconds;  /* that all took which is more than the first tries */
} search_t;

/* One try; PCRE2's result. */
static int try_once(search_t *search)
{
    const int64_t seen = search->length - search->at <= search->bytes ? search->length : search->at + search->bytes;
    const uint32_t options = PCRE2_NO_UTF_CHECK | (seen < search->length ? PCRE2_PARTIAL_HARD : 0);
    pcre2_match_context *context = search->scratch->context;
    int64_t end = seen;
    while (end > search->at && end < search->length && (search->text[end] & 0xC0) == 0x80)
        end--; /* at the begin of a character */
    pcre2_set_match_limit(context, (uint32_t)search->tries);
    pcre2_set_offset_limit(context, search->is_here ? (PCRE2_SIZE)search->at : PCRE2_UNSET);
    int result = pcre2_match(search->regex->code, search->text, (PCRE2_SIZE)end, (PCRE2_SIZE)search->at, options,
                             search->scratch->data, context);
    if (result == PCRE2_ERROR_JIT_STACKLIMIT && search->scratch->stack == NULL) {
        search->scratch->stack = pcre2_jit_stack_create(FIRST_STACK, MOST_STACK, search->regex->general);
        if (search->scratch->stack != NULL) {
            pcre2_jit_stack_assign(context, NULL, search->scratch->stack);
            result = pcre2_match(search->regex->code, search->text, (PCRE2_SIZE)end, (PCRE2_SIZE)search->at, options,
                                 search->scratch->data, context);
        }
    }
    if (result == PCRE2_ERROR_NOMATCH && end < search->length)
        search->at = end; /* nothing begins before it */
    return result;
}

static pt_status_t fail(const search_t *search, int result)
{
    PCRE2_UCHAR message[120] = "it would take too long";
    if (result == PCRE2_ERROR_NOMEMORY)
        return fail_memory();
    if (result != PCRE2_ERROR_MATCHLIMIT && result != PCRE2_ERROR_PARTIAL)
        pcre2_get_error_message(result, message, sizeof message);
    return pt__fail(PT_ERR_UNSUPPORTED, "the pattern \"%.200s\" cannot be matched with this text: %s",
                    search->regex->pattern, (const char *)message);
}

/* After a try that wanted more: more of the text, or more tries at one place. */
static pt_status_t widen(search_t *search, int result, double took)
{
    const PCRE2_SIZE *places = pcre2_get_ovector_pointer(search->scratch->data);
    if (result == PCRE2_ERROR_PARTIAL && (int64_t)places[0] > search->at) {
        search->at = (int64_t)places[0]; /* nothing begins before it */
        search->bytes = FIRST_BYTES;
        return PT_OK;
    }
    search->seconds += took;
    if (search->seconds + MORE * took > MOST_SECONDS)
        return fail(search, result);
    if (result == PCRE2_ERROR_PARTIAL)
        search->bytes *= MORE;
    else if (!search->is_here)
        search->is_here = 1;
    else if (search->tries < MOST_TRIES)
        search->tries = search->tries * MORE < MOST_TRIES ? search->tries * MORE : MOST_TRIES;
    else
        return fail(search, result);
    return PT_OK;
}

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
    return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

/* Nothing begins at `at`: the next place. */
static void step(search_t *search)
{
    int32_t length = 1;
    if (search->at < search->length)
        pt__character_at(search->text + search->at, &length);
    search->at += length;
    if (search->tries > FIRST_TRIES) /* that was the place that needed more */
        search->is_here = 0;
    search->tries = FIRST_TRIES;
    search->bytes = FIRST_BYTES;
}

static pt_status_t run(search_t *search, pt__cut_t *match, int32_t *found)
{
    *found = 0;
    while (search->at <= search->length) {
        const int64_t from = search->at;
        const int32_t is_first = search->tries == FIRST_TRIES && search->bytes == FIRST_BYTES;
        const double begin = is_first ? 0 : now();
        const int result = try_once(search);
        if (result > 0) {
            const PCRE2_SIZE *places = pcre2_get_ovector_pointer(search->scratch->data);
            *match = (pt__cut_t){(uint32_t)places[0], (uint32_t)places[1]};
            *found = 1;
            break;
        }
        if (result == PCRE2_ERROR_NOMATCH) {
            if (search->is_here) {
                search->at = from;
                step(search);
            } else if (search->at == from)
                break; /* all of the text was seen */
            search->bytes = FIRST_BYTES;
        } else if (result == PCRE2_ERROR_PARTIAL || result == PCRE2_ERROR_MATCHLIMIT)
            PT__TRY(widen(search, result, is_first ? 0 : now() - begin));
        else
            return fail(search, result);
    }
    return PT_OK;
}

static pt_status_t match_regex(const void *settings, const uint8_t *text, int64_t begin, int64_t at, int64_t end,
                               double *seconds, pt__cut_t *match, int32_t *found)
{
    regex_t *regex = (regex_t *)(uintptr_t)settings; /* all but what it keeps to spare stays as it is */
    search_t search = {.regex = regex,
                       .text = text + begin,
                       .length = end - begin,
                       .at = at - begin,
                       .bytes = FIRST_BYTES,
                       .tries = FIRST_TRIES,
                       .seconds = *seconds};
    PT__TRY(take_scratch(regex, &search.scratch));
    const pt_status_t status = run(&search, match, found);
    if (search.scratch->stack != NULL)
        free_scratch(regex, search.scratch); /* it may have grown */
    else
        give_scratch(regex, search.scratch);
    *seconds = search.seconds;
    match->begin += (uint32_t)begin;
    match->end += (uint32_t)begin;
    return status;
}

/* ---- Making ---- */

static void release(pt__memory_t *memory, void *settings)
{
    regex_t *regex = settings;
    free_scratch(regex, atomic_exchange(&regex->spare, NULL));
    pcre2_code_free(regex->code);
    pcre2_general_context_free(regex->general);
    pt__release(memory, regex->pattern);
    pt__release(memory, regex);
}

static pt_status_t compile(regex_t *regex, pcre2_compile_context *context, const char *translated, int64_t length)
{
    int error;
    PCRE2_SIZE place;
    PCRE2_UCHAR message[120] = "";
    pcre2_set_newline(context, PCRE2_NEWLINE_LF);
    regex->code = pcre2_compile((PCRE2_SPTR)translated, (PCRE2_SIZE)length,
                                PCRE2_UTF | PCRE2_MULTILINE | PCRE2_USE_OFFSET_LIMIT | PCRE2_NEVER_BACKSLASH_C, &error,
                                &place, context);
    if (regex->code != NULL)
        pcre2_jit_compile(regex->code, PCRE2_JIT_COMPLETE | PCRE2_JIT_PARTIAL_HARD); /* or it is interpreted */
    if (atomic_load(&regex->has_failed))
        return fail_memory();
    if (regex->code != NULL)
        return PT_OK;
    pcre2_get_error_message(error, message, sizeof message);
    return pt__fail(PT_ERR_UNSUPPORTED, "the pattern \"%.200s\" is not known here: %s", regex->pattern,
                    (const char *)message);
}

static pt_status_t make(regex_t *regex, const char *pattern, int64_t length)
{
    char *translated = NULL;
    int64_t translated_length = 0;
    pcre2_compile_context *context = NULL;
    pt_status_t status;
    PT__TRY(pt__string_copy(regex->memory, pattern, &regex->pattern));
    if (length > LONGEST_PATTERN)
        return pt__fail(PT_ERR_UNSUPPORTED, "the pattern \"%.200s\" has %lld bytes, expected at most %d", pattern,
                        (long long)length, LONGEST_PATTERN);
    PT__TRY_OUT(pt__regex_translate(regex->memory, pattern, length, &translated, &translated_length));
    regex->general = pcre2_general_context_create(allocate, deallocate, regex);
    if (regex->general != NULL)
        context = pcre2_compile_context_create(regex->general);
    status = context == NULL ? fail_memory() : compile(regex, context, translated, translated_length);
out:
    pcre2_compile_context_free(context);
    pt__release(regex->memory, translated);
    return status;
}

pt_status_t pt__matcher_of_regex(const pt__json_t *json, pt__memory_t *memory, const char *pattern, int64_t length,
                                 pt__matcher_t *out)
{
    regex_t *regex;
    PT__TRY(pt__allocate(memory, 1, sizeof *regex, "pattern", &regex));
    regex->memory = memory;
    const pt_status_t status = make(regex, pattern, length);
    *out = (pt__matcher_t){.match = match_regex, .settings = regex, .release = release};
    if (status == PT_OK)
        return PT_OK;
    release(memory, regex);
    return status == PT_ERR_MEMORY ? status : pt__json_fail(json, status, "%s", pt__error_message());
}

#else

pt_status_t pt__matcher_of_regex(const pt__json_t *json, pt__memory_t *memory, const char *pattern, int64_t length,
                                 pt__matcher_t *out)
{
    (void)memory;
    (void)length;
    memset(out, 0, sizeof *out);
    return pt__json_fail(json, PT_ERR_UNSUPPORTED,
                         "the pattern \"%.200s\" is not known here, as this library is built without PCRE2", pattern);
}

#endif
