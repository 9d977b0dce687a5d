/* See training_state.h. */
#include "text/training_state.h"

#include <math.h>

pt_status_t pt__training_reserve(const pt__training_t *training, int64_t bytes, const char *what)
{
    const int64_t held = atomic_load(&training->context->memory.bytes) - training->held_before;
    if (training->options.memory_budget == 0 || held + bytes <= training->options.memory_budget)
        return PT_OK;
    return pt__fail(
        PT_ERR_BUDGET,
        "pt_tokenizer_train_options.memory_budget is %lld bytes, %lld are held, and %s would take %lld more",
        (long long)training->options.memory_budget, (long long)held, what, (long long)bytes);
}

pt_status_t pt__training_grow(const pt__training_t *training, void *array, int64_t *capacity, int64_t needed,
                              size_t size, const char *what)
{
    if (needed <= *capacity)
        return PT_OK;
    PT__TRY(pt__training_reserve(training, (*capacity + *capacity / 2) * (int64_t)size, what));
    return pt__grow(&training->context->memory, array, capacity, needed, size, what);
}

pt_status_t pt__training_tell(const pt__training_t *training, int64_t step, int64_t total_steps)
{
    const double nan = (double)NAN;
    if (training->options.event == NULL)
        return PT_OK;
    pt_event_t event = {.struct_size = (uint32_t)sizeof event,
                        .action = PT_ACTION_STOP,
                        .kind = PT_EVENT_STEP,
                        .step = step,
                        .total_steps = total_steps,
                        .loss = nan,
                        .evaluation_loss = nan,
                        .evaluation_metric = nan,
                        .seconds = pt__clock_seconds() - training->started,
                        .seconds_left = nan,
                        .bytes = atomic_load(&training->context->memory.bytes)};
    pt__pool_rest(training->context->pool);
    training->options.event(training->options.event_user, &event);
    pt__error_clear();
    return event.action == PT_ACTION_GO_ON ? PT_OK : pt__fail(PT_ERR_CANCELLED, "the event callback asked to stop");
}

pt_status_t pt__training_piece(pt__training_t *training, const char *content, int64_t length, uint32_t *id)
{
    const uint8_t *bytes = (const uint8_t *)content;
    const uint32_t hash = pt__word_hash(bytes, length);
    int64_t found = pt__word_table_find(&training->pieces, bytes, length, hash);
    if (found < 0) {
        found = training->pieces.n_words;
        if (found >= PT__TOKEN_MOST)
            return pt__fail(PT_ERR_UNSUPPORTED, "over %d pieces", PT__TOKEN_MOST);
        PT__TRY(pt__word_table_add(&training->pieces, bytes, length, hash, 1));
    }
    *id = (uint32_t)found;
    return PT_OK;
}
