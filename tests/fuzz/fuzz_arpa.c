/* A language model's ARPA file of any content: what is opened scores words behind others, known or not. */
#include "fuzz/fuzz.h"

#include <math.h>

#include "speech/language_model.h"

const fuzz_seed_t fuzz_seeds[] = {
    FUZZ_SEED("\\data\\\nngram 1=4\nngram 2=2\nngram 3=1\n\n\\1-grams:\n-99\t<s>\t-0.5\n-0.9\t</s>\n-0.6\ta\t-0.3\n"
              "-1.2\tb\t-0.2\r\n\n\\2-grams:\n-0.4\t<s> a\t-0.1\n-0.7 a b -0.05\n\n\\3-grams:\n-0.15\t<s> a b\n\n"
              "\\end\\\n"),
    FUZZ_SEED("\\data\\\nngram 1=1\n\\1-grams:\n-0.5 <unk>\n\\end\\\n"),
    {NULL, 0},
};
const fuzz_seed_t fuzz_pieces[] = {
    FUZZ_SEED("\\data\\\n"),
    FUZZ_SEED("\\1-grams:\n"),
    FUZZ_SEED("\\9-grams:\n"),
    FUZZ_SEED("\\end\\\n"),
    FUZZ_SEED("ngram "),
    FUZZ_SEED("-1e999"),
    FUZZ_SEED("\t"),
    FUZZ_SEED("\n"),
    FUZZ_SEED("<unk>"),
    FUZZ_SEED("a a a a a"),
    {NULL, 0},
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const words[] = {"a", "b", "<s>", "</s>", "c"};
    pt__memory_t memory;
    pt__language_model_t *model;
    pt__memory_init(&memory, NULL, NULL, NULL);
    if (pt__language_model_read(&memory, (const char *)data, (int64_t)size, &model) != PT_OK)
        return 0;
    pt__word_history_t history = pt__language_model_begin(model);
    for (int i = 0; i < 25; i++) {
        int64_t length = 1 + 2 * (i % 5 == 2) + 3 * (i % 5 == 3);
        int32_t low = 0, high = pt__language_model_words(model);
        double score = pt__language_model_score(model, &history, pt__language_model_word(model, words[i % 5], length),
                                                -9, &history);
        pt__language_model_narrow(model, 0, words[i / 5], 1, &low, &high);
        if (isnan(score) || low > high || low < 0 || high > pt__language_model_words(model))
            abort();
    }
    if (isnan(pt__language_model_end(model, &history)))
        abort();
    pt__language_model_free(model);
    return atomic_load(&memory.bytes) == 0 ? 0 : (abort(), 0);
}
