/* What a masked language model has to know of tokens, from the tokenizer in its directory: which one stands for what is
 * hidden, and which ones are special or go on with a word. */
#include "train/directory_masks.h"

#include <string.h>

#include "base/file.h"
#include "text/tokenizer.h"
#include "text/tokenizer_config.h"

enum { LARGEST_TOKENIZER = 1 << 30, LARGEST_CONFIG = 1 << 28 };

/* The token that tokenizer_config.json names, else what the published tokenizers call it; -1: there is none. */
static pt_status_t find_mask(const pt_tokenizer_t *tokenizer, const char *directory, int32_t *token)
{
    pt__memory_t *memory = &tokenizer->context->memory;
    const char *names[] = {NULL, "[MASK]", "<mask>"};
    pt__tokenizer_config_t config = {NULL, NULL};
    char *bytes = NULL;
    int64_t size = 0;
    pt_status_t status;
    PT__TRY_OUT(pt__file_read_within(memory, directory, "tokenizer_config.json", LARGEST_CONFIG, &bytes, &size));
    PT__TRY_OUT(pt__tokenizer_config_open(memory, bytes, size, &config));
    PT__TRY_OUT(pt__tokenizer_config_token(&config, "mask_token", &names[0]));
    *token = -1;
    for (size_t i = 0; i < sizeof names / sizeof names[0] && *token < 0; i++)
        if (names[i] != NULL)
            *token = pt__vocabulary_find_content(&tokenizer->vocabulary, names[i], (int64_t)strlen(names[i]));
out:
    pt__tokenizer_config_close(&config);
    pt__release(memory, bytes);
    return status;
}

static pt_status_t give_kinds(const pt_tokenizer_t *tokenizer, int64_t vocabulary, pt__task_options_t *task,
                              float **kinds)
{
    const int64_t known = tokenizer->vocabulary.count;
    PT__TRY(pt__allocate(&tokenizer->context->memory, (size_t)vocabulary, sizeof **kinds, "kinds of tokens", kinds));
    for (int64_t i = 0; i < vocabulary; i++) /* rows behind the last token are no token's */
        (*kinds)[i] = i < known ? (float)pt__tokenizer_kind(tokenizer, (int32_t)i) : (float)PT_TOKEN_SPECIAL;
    task->outputs = vocabulary;
    task->per_output = *kinds;
    return PT_OK;
}

static pt_status_t open_tokenizer(pt_context_t *context, const char *directory, pt_tokenizer_t **tokenizer)
{
    char *path = NULL, *bytes = NULL;
    int64_t size = 0;
    pt_status_t status;
    PT__TRY_OUT(pt__tokenizer_find(&context->memory, directory, &path));
    PT__TRY_OUT(pt__file_read(&context->memory, path, LARGEST_TOKENIZER, &bytes, &size));
    PT__TRY_OUT(pt__tokenizer_read(context, path, path, bytes, size, tokenizer));
out:
    pt__release(&context->memory, bytes);
    pt__release(&context->memory, path);
    return status;
}

pt_status_t pt__directory_masks(pt_context_t *context, const char *directory, int64_t vocabulary,
                                pt__task_options_t *task, float **kinds)
{
    pt_tokenizer_t *tokenizer = NULL;
    int32_t token = -1;
    pt_status_t status = open_tokenizer(context, directory, &tokenizer);
    if (status == PT_OK)
        status = find_mask(tokenizer, directory, &token);
    if (status == PT_OK && token >= 0 && token < vocabulary && tokenizer->vocabulary.count <= vocabulary) {
        task->masking.mask_token = token;
        status = give_kinds(tokenizer, vocabulary, task, kinds);
    }
    pt__tokenizer_free(tokenizer);
    if (status == PT_ERR_MEMORY)
        return status;
    pt__error_clear();
    return PT_OK;
}
