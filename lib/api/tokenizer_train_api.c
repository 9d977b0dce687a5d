/* Tokenizers that are learnt from texts, for hosts. */
#include "api/api.h"
#include "api/arguments.h"
#include "text/training_sources.h"

pt_status_t pt_tokenizer_train_options_init(pt_tokenizer_train_options_t *options, uint32_t struct_size)
{
    static const pt_tokenizer_train_options_t defaults = {0};
    PT__ENTER();
    return pt__options_init(options, struct_size, &defaults, (uint32_t)sizeof defaults, "pt_tokenizer_train_options");
}

pt_status_t pt_tokenizer_train(pt_context_t *context, pt_texts_fn next, void *user,
                               const pt_tokenizer_train_options_t *options, pt_tokenizer_t **out)
{
    pt_tokenizer_train_options_t effective;
    PT__ENTER();
    PT__NEED_OUT(out);
    PT__NEED(context);
    PT__NEED(next);
    PT__TRY(pt__context_keep(context, pt__training_options(options, &effective)));
    return pt__context_keep(context, pt__train_on_texts(context, &effective, next, user, out));
}

static pt_status_t check_paths(const char *const *paths, int32_t count)
{
    PT__TRY(pt__check_range("pt_tokenizer_train_files: count", count, 1));
    for (int32_t i = 0; i < count; i++)
        if (paths[i] == NULL)
            return pt__fail(PT_ERR_ARGUMENT, "pt_tokenizer_train_files: paths[%d] is NULL", (int)i);
    return PT_OK;
}

pt_status_t pt_tokenizer_train_files(pt_context_t *context, const char *const *paths, int32_t count,
                                     const pt_tokenizer_train_options_t *options, pt_tokenizer_t **out)
{
    pt_tokenizer_train_options_t effective;
    PT__ENTER();
    PT__NEED_OUT(out);
    PT__NEED(context);
    PT__NEED(paths);
    PT__TRY(pt__context_keep(context, check_paths(paths, count)));
    PT__TRY(pt__context_keep(context, pt__training_options(options, &effective)));
    return pt__context_keep(context, pt__train_on_files(context, &effective, paths, count, out));
}
