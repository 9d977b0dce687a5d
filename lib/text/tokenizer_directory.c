/* The tokenizer_config.json beside a tokenizer.json of ours. Without it the transformers library makes the tokenizer
 * that its class of the model's family has by default, of the vocabulary alone: PreTrainedTokenizerFast takes the file
 * as it is. */
#include <string.h>

#include "base/json.h"
#include "base/text.h"
#include "text/tokenizer.h"
#include "text/tokenizer_config.h"

/* What the library calls special tokens, and how published tokenizers write them. */
static const struct {
    const char *key, *contents[3];
} roles[] = {{"bos_token", {"<s>", "<|begin_of_text|>", "<|endoftext|>"}},
             {"eos_token", {"</s>", "<|end_of_text|>", "<|endoftext|>"}},
             {"unk_token", {"[UNK]", "<unk>"}},
             {"cls_token", {"[CLS]"}},
             {"sep_token", {"[SEP]"}},
             {"pad_token", {"[PAD]", "<pad>"}},
             {"mask_token", {"[MASK]", "<mask>"}}};

enum { ROLES = sizeof roles / sizeof roles[0], CONTENTS = 3 };

static const char *find_special(const pt_tokenizer_t *tokenizer, const char *const contents[CONTENTS])
{
    for (int32_t i = 0; i < CONTENTS && contents[i] != NULL; i++) {
        const int32_t id = pt__vocabulary_find_content(&tokenizer->vocabulary, contents[i],
                                                       (int64_t)strlen(contents[i]));
        if (id >= 0 && tokenizer->vocabulary.tokens[id].is_special)
            return contents[i];
    }
    return NULL;
}

pt_status_t pt__tokenizer_config_write(const pt_tokenizer_t *tokenizer, char **out, int64_t *length)
{
    pt__text_t text = pt__text_start(&tokenizer->context->memory);
    pt__text_add(&text, "{\n  \"tokenizer_class\": \"PreTrainedTokenizerFast\"");
    for (int32_t i = 0; i < ROLES; i++) {
        const char *content = find_special(tokenizer, roles[i].contents);
        if (content == NULL)
            continue;
        pt__text_add(&text, ",\n  \"%s\": ", roles[i].key);
        pt__json_add_string(&text, content, (int64_t)strlen(content));
    }
    pt__text_add(&text, ",\n  \"clean_up_tokenization_spaces\": false\n}\n");
    return pt__text_take(&text, out, length);
}
