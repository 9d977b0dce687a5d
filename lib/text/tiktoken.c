/* tiktoken's list of ranks: a line a token, its bytes in base64 and its rank, which is its id and the order of merging.
 * How texts are cut, and the special tokens, are not in the file: the model's name or the number of tokens tells. */
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/sort.h"
#include "text/base64.h"
#include "text/characters.h"
#include "text/foreign.h"
#include "text/vocabulary.h"

enum {
    LONGEST_TOKEN = 1024, /* bytes: so many ways to cut it are looked at */
    FIRST_LINE = 512      /* characters of its token that are looked at to tell the kind of file */
};

typedef struct rank {
    uint32_t at, length; /* place among the list's bytes */
    int32_t id;
} rank_t;

typedef struct ranks {
    pt__memory_t *memory;
    rank_t *list;
    int64_t count, capacity;
    uint8_t *bytes; /* of all tokens, and then characters for them */
    int64_t n_bytes;
    pt__vocabulary_t by_bytes;
} ranks_t;

/* ---- Models ---- */

#define LINES(contractions, numbers)                             \
    contractions "|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}" numbers \
                 "| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+"
#define ANY_CASE    "(?i:'s|'t|'re|'ve|'m|'ll|'d)"
#define LETTERS_UP  "[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]"
#define LETTERS_LOW "[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]"
#define O200K                                                                                              \
    "[^\\r\\n\\p{L}\\p{N}]?" LETTERS_UP "*" LETTERS_LOW "+" ANY_CASE "?|[^\\r\\n\\p{L}\\p{N}]?" LETTERS_UP \
    "+" LETTERS_LOW "*" ANY_CASE "?|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n/]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+"

enum { SPECIALS = 16 };
static const struct {
    const char *names[4]; /* parts of names of files */
    int64_t count;        /* of ranks */
    const char *pattern;
    struct {
        const char *content;
        int32_t id;
    } specials[SPECIALS];
} models[] = {
    {{"r50k", "gpt2", "gpt-2"},
     50256,
     "'(?:[sdmt]|ll|ve|re)| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+",
     {{"<|endoftext|>", 50256}}},
    {{"p50k"},
     50280,
     "'(?:[sdmt]|ll|ve|re)| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+",
     {{"<|endoftext|>", 50256}}},
    {{"cl100k"},
     100256,
     LINES(ANY_CASE, "{1,3}"),
     {{"<|endoftext|>", 100257},
      {"<|fim_prefix|>", 100258},
      {"<|fim_middle|>", 100259},
      {"<|fim_suffix|>", 100260},
      {"<|endofprompt|>", 100276}}},
    {{"o200k"}, 199998, O200K, {{"<|endoftext|>", 199999}, {"<|endofprompt|>", 200018}}},
    {{"llama3", "llama-3"},
     128000,
     LINES(ANY_CASE, "{1,3}"),
     {{"<|begin_of_text|>", 128000},
      {"<|end_of_text|>", 128001},
      {"<|reserved_special_token_0|>", 128002},
      {"<|reserved_special_token_1|>", 128003},
      {"<|finetune_right_pad_id|>", 128004},
      {"<|step_id|>", 128005},
      {"<|start_header_id|>", 128006},
      {"<|end_header_id|>", 128007},
      {"<|eom_id|>", 128008},
      {"<|eot_id|>", 128009},
      {"<|python_tag|>", 128010}}},
    {{"qwen"},
     151643,
     LINES(ANY_CASE, ""),
     {{"<|endoftext|>", 151643}, {"<|im_start|>", 151644}, {"<|im_end|>", 151645}}},
};
enum { MODELS = sizeof models / sizeof *models };

/* -1: none. */
static int32_t find_model(const char *name, int64_t count)
{
    for (int32_t i = 0; name != NULL && i < MODELS; i++)
        for (int32_t k = 0; k < 4 && models[i].names[k] != NULL; k++)
            if (strstr(name, models[i].names[k]) != NULL)
                return i;
    for (int32_t i = 0; i < MODELS; i++)
        if (models[i].count == count)
            return i;
    return -1;
}

/* ---- Reading ---- */

/* The line that begins at `at`; *blank is where its blank stands, -1 where it has none. */
static int64_t end_of_line(const uint8_t *bytes, int64_t at, int64_t size, int64_t *blank)
{
    const uint8_t *newline = memchr(bytes + at, '\n', (size_t)(size - at));
    const int64_t end = newline == NULL ? size : newline - bytes;
    const uint8_t *found = memchr(bytes + at, ' ', (size_t)(end - at));
    *blank = found == NULL ? -1 : found - bytes;
    return end;
}

/* -1: no rank. */
static int64_t read_rank(const uint8_t *bytes, int64_t length)
{
    int64_t value = 0;
    while (length > 0 && bytes[length - 1] == '\r')
        length--;
    for (int64_t i = 0; i < length; i++) {
        if (bytes[i] < '0' || bytes[i] > '9' || value > PT__TOKEN_MOST)
            return -1;
        value = 10 * value + bytes[i] - '0';
    }
    return length == 0 || value >= PT__TOKEN_MOST ? -1 : value;
}

int32_t pt__tiktoken_is(const uint8_t *bytes, int64_t size)
{
    uint8_t token[FIRST_LINE];
    int64_t blank, end = size > 0 ? end_of_line(bytes, 0, size, &blank) : 0;
    return size > 0 && blank > 0 && blank <= FIRST_LINE && read_rank(bytes + blank + 1, end - blank - 1) >= 0 &&
           pt__base64_read((const char *)bytes, blank, token) > 0;
}

static pt_status_t read_lines(ranks_t *ranks, const uint8_t *bytes, int64_t size)
{
    int64_t line = 1, blank;
    PT__TRY(pt__allocate_uninitialised(ranks->memory, (size_t)pt__base64_room(size), 1, "tokens", &ranks->bytes));
    for (int64_t at = 0, end; at < size; at = end + 1, line++) {
        end = end_of_line(bytes, at, size, &blank);
        if (end == at)
            continue;
        const int64_t rank = blank < 0 ? -1 : read_rank(bytes + blank + 1, end - blank - 1);
        const int64_t length = rank < 0 ? -1
                                        : pt__base64_read((const char *)bytes + at, blank - at,
                                                          ranks->bytes + ranks->n_bytes);
        if (length <= 0)
            return pt__fail(PT_ERR_FORMAT, "line %lld: expected a token in base64, a blank and a rank below %d",
                            (long long)line, PT__TOKEN_MOST);
        if (length > LONGEST_TOKEN)
            return pt__fail(PT_ERR_UNSUPPORTED, "line %lld: a token of %lld bytes, expected at most %d",
                            (long long)line, (long long)length, LONGEST_TOKEN);
        PT__TRY(
            pt__grow(ranks->memory, &ranks->list, &ranks->capacity, ranks->count + 1, sizeof *ranks->list, "tokens"));
        ranks->list[ranks->count++] = (rank_t){(uint32_t)ranks->n_bytes, (uint32_t)length, (int32_t)rank};
        PT__TRY(pt__vocabulary_add(&ranks->by_bytes, rank, (const char *)ranks->bytes + ranks->n_bytes, length));
        ranks->n_bytes += length;
    }
    return pt__vocabulary_finish(&ranks->by_bytes, 0);
}

/* ---- Writing ---- */

static void write_token(pt__text_t *json, const uint8_t *bytes, int64_t length)
{
    char characters[2 * LONGEST_TOKEN];
    int64_t count = 0;
    for (int64_t i = 0; i < length; i++)
        count += pt__character_write(pt__byte_character(bytes[i]), (uint8_t *)characters + count);
    pt__json_add_string(json, characters, count);
}

static int compare(const void *a, const void *b, void *user)
{
    const rank_t *first = a, *second = b;
    (void)user;
    return (first->id > second->id) - (first->id < second->id);
}

typedef struct cut {     /* of a token in two */
    int32_t left, right; /* ids */
    int64_t at;
} cut_t;

static int compare_cuts(const void *a, const void *b, void *user)
{
    const cut_t *first = a, *second = b;
    (void)user;
    return first->left != second->left ? (first->left > second->left) - (first->left < second->left)
                                       : (first->right > second->right) - (first->right < second->right);
}

/* All pairs of tokens that make this one, those of lower ranks first. */
static void write_cuts(const ranks_t *ranks, const rank_t *rank, int64_t *written, pt__text_t *json)
{
    const uint8_t *bytes = ranks->bytes + rank->at;
    cut_t cuts[LONGEST_TOKEN];
    const void *sorted[LONGEST_TOKEN];
    int64_t count = 0;
    for (int64_t at = 1; at < rank->length; at++) {
        const int32_t left = pt__vocabulary_find_content(&ranks->by_bytes, (const char *)bytes, at);
        const int32_t right = left < 0 ? -1
                                       : pt__vocabulary_find_content(&ranks->by_bytes, (const char *)bytes + at,
                                                                     rank->length - at);
        if (right >= 0)
            cuts[count++] = (cut_t){left, right, at};
    }
    for (int64_t i = 0; i < count; i++)
        sorted[i] = &cuts[i];
    pt__sort(sorted, count, compare_cuts, NULL);
    for (int64_t i = 0; i < count; i++) {
        const int64_t at = ((const cut_t *)sorted[i])->at;
        pt__text_add(json, (*written)++ > 0 ? ", [" : "[");
        write_token(json, bytes, at);
        pt__text_add(json, ", ");
        write_token(json, bytes + at, rank->length - at);
        pt__text_add(json, "]");
    }
}

static pt_status_t write_model(const ranks_t *ranks, pt__text_t *json)
{
    const rank_t **sorted;
    int64_t written = 0;
    PT__TRY(pt__allocate(ranks->memory, (size_t)ranks->count, sizeof *sorted, "tokens", (void *)&sorted));
    for (int64_t i = 0; i < ranks->count; i++)
        sorted[i] = &ranks->list[i];
    pt__sort((const void **)sorted, ranks->count, compare, NULL);
    pt__text_add(json, "{\"type\": \"BPE\", \"fuse_unk\": false, \"byte_fallback\": false, \"ignore_merges\": true, "
                       "\"vocab\": {");
    for (int64_t i = 0; i < ranks->count; i++) {
        pt__text_add(json, i > 0 ? ", " : "");
        write_token(json, ranks->bytes + sorted[i]->at, sorted[i]->length);
        pt__text_add(json, ": %d", (int)sorted[i]->id);
    }
    pt__text_add(json, "}, \"merges\": [");
    for (int64_t i = 0; i < ranks->count && json->status == PT_OK; i++)
        write_cuts(ranks, sorted[i], &written, json);
    pt__text_add(json, "]}");
    pt__release(ranks->memory, (void *)sorted);
    return PT_OK;
}

static pt_status_t write(const ranks_t *ranks, int32_t model, pt__text_t *json)
{
    int64_t written = 0;
    pt__text_add(json, "{\"version\": \"1.0\", \"added_tokens\": [");
    for (int32_t i = 0; i < SPECIALS && models[model].specials[i].content != NULL; i++)
        pt__added_token_write(json, &written, models[model].specials[i].id, models[model].specials[i].content,
                              (int64_t)strlen(models[model].specials[i].content), PT__ADDED_SPECIAL);
    pt__text_add(json, "], \"pre_tokenizer\": {\"type\": \"Sequence\", \"pretokenizers\": [{\"type\": \"Split\", "
                       "\"pattern\": {\"Regex\": ");
    pt__json_add_string(json, models[model].pattern, (int64_t)strlen(models[model].pattern));
    pt__text_add(json, "}, \"behavior\": \"Isolated\", \"invert\": false}, {\"type\": \"ByteLevel\", "
                       "\"add_prefix_space\": false, \"trim_offsets\": true, \"use_regex\": false}]}, "
                       "\"post_processor\": {\"type\": \"ByteLevel\", \"add_prefix_space\": true, \"trim_offsets\": "
                       "false, \"use_regex\": true}, \"decoder\": {\"type\": \"ByteLevel\", \"add_prefix_space\": "
                       "true, \"trim_offsets\": true, \"use_regex\": true}, \"model\": ");
    PT__TRY(write_model(ranks, json));
    pt__text_add(json, "}\n");
    return json->status;
}

pt_status_t pt__tiktoken_to_json(const char *name, const uint8_t *bytes, int64_t size, pt__text_t *json)
{
    ranks_t ranks = {.memory = json->memory};
    pt__vocabulary_start(&ranks.by_bytes, json->memory);
    pt_status_t status = read_lines(&ranks, bytes, size);
    const int32_t model = find_model(name, ranks.count);
    if (status == PT_OK && model < 0)
        status = pt__fail(PT_ERR_UNSUPPORTED,
                          "%lld ranks, and a name that is none of r50k, gpt2, p50k, cl100k, o200k, llama3 and qwen: "
                          "how texts are cut is not known",
                          (long long)ranks.count);
    if (status == PT_OK)
        status = write(&ranks, model, json);
    pt__vocabulary_free(&ranks.by_bytes);
    pt__release(json->memory, ranks.list);
    pt__release(json->memory, ranks.bytes);
    return status;
}
