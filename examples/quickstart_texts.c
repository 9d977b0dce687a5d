/* The quickstart's texts: which are read without labels, which labelled ones are held out for the test, and which may
 * be learned from. */
#include "example.h"
#include "quickstart.h"

#include <errno.h>
#include <stdlib.h>

enum { LONGEST = 8192 };

int64_t draw(uint64_t *random, int64_t below)
{
    *random = *random * 6364136223846793005u + 1442695040888963407u;
    return (int64_t)((*random >> 33) % (uint64_t)below);
}

void shuffle(int64_t *items, int64_t count, uint64_t seed)
{
    uint64_t random = seed * 0x9e3779b97f4a7c15u + 1;
    for (int64_t i = count - 1; i > 0; i--) {
        int64_t j = draw(&random, i + 1), item = items[i];
        items[i] = items[j];
        items[j] = item;
    }
}

void *checked(void *memory)
{
    if (!memory) {
        fprintf(stderr, "quickstart: out of memory\n");
        exit(1);
    }
    return memory;
}

static char *copy_of(const char *text, size_t length)
{
    char *copy = checked(malloc(length + 1));
    memcpy(copy, text, length);
    copy[length] = 0;
    return copy;
}

static char *read_file(const char *path)
{
    FILE *file = fopen(path, "rb");
    char *content = NULL;
    long size = -1;
    if (file && fseek(file, 0, SEEK_END) == 0 && (size = ftell(file)) >= 0 && fseek(file, 0, SEEK_SET) == 0)
        content = checked(malloc((size_t)size + 1));
    if (!content || fread(content, 1, (size_t)size, file) != (size_t)size) {
        fprintf(stderr, "%s: %s\n", path, strerror(errno));
        free(content);
        content = NULL;
    } else {
        content[size] = 0;
    }
    if (file)
        fclose(file);
    return content;
}

static void add_unlabelled(texts_t *texts, const char *text, size_t length)
{
    if (length == 0)
        return;
    if ((texts->n_unlabelled & (texts->n_unlabelled - 1)) == 0) /* full: 0, 1, 2, 4, ... */
        texts->unlabelled = checked(realloc(texts->unlabelled, (size_t)(2 * texts->n_unlabelled + 1) * sizeof(char *)));
    texts->unlabelled[texts->n_unlabelled++] = copy_of(text, length);
    texts->unlabelled_bytes += (int64_t)length;
}

/* A text ends at an empty line. */
static int read_unlabelled(const char *path, texts_t *texts)
{
    char *content = read_file(path);
    if (!content)
        return -1;
    for (char *text = content, *end; text; text = end ? end + 2 : NULL) {
        end = strstr(text, "\n\n");
        add_unlabelled(texts, text, end ? (size_t)(end - text) : strlen(text));
    }
    free(content);
    return 0;
}

static int read_labelled(pt_context_t *context, const char *path, texts_t *texts)
{
    int result = -1;
    pt_dataset_t *file = NULL;
    static int32_t bytes[LONGEST];
    const pt_column_t columns[] = {
        {.field = "text", .source = "text", .kind = PT_COLUMN_TEXT, .max_length = LONGEST},
        {.field = "label", .source = "label", .kind = PT_COLUMN_CLASS},
    };
    TRY(pt_dataset_create_from_jsonl(context, path, columns, 2, sizeof columns[0], NULL, &file));
    int64_t count = pt_dataset_length(file);
    texts->classes = pt_dataset_class_count(file, "label");
    if (texts->classes < 2 || texts->classes > MAX_CLASSES) {
        fprintf(stderr, "%s: %lld different labels; this comparison takes 2 to %d\n", path, (long long)texts->classes,
                MAX_CLASSES);
        goto out;
    }
    for (int64_t i = 0; i < texts->classes; i++)
        snprintf(texts->class_names[i], sizeof texts->class_names[i], "%s", pt_dataset_class_name(file, "label", i));
    texts->labelled = checked(calloc((size_t)count, sizeof(char *)));
    texts->labels = checked(calloc((size_t)count, sizeof *texts->labels));
    for (int64_t i = 0; i < count; i++) {
        pt_array_t text = {.dtype = PT_INT32, .data = bytes, .capacity = LONGEST};
        pt_array_t label = {.dtype = PT_INT32, .data = &texts->labels[i], .capacity = 1};
        TRY(pt_dataset_read(file, &i, 1, "text", &text, sizeof text));
        TRY(pt_dataset_read(file, &i, 1, "label", &label, sizeof label));
        texts->labelled[i] = copy_of("", (size_t)text.elements);
        for (int64_t j = 0; j < text.elements; j++)
            texts->labelled[i][j] = (char)bytes[j];
        texts->labelled[i][text.elements] = 0;
        texts->count = i + 1;
    }
    result = 0;
out:
    pt_dataset_free(file);
    return result;
}

/* Of each class at most 60 texts, and at most a third, are held out. */
static int part(const quickstart_t *q, texts_t *texts)
{
    int64_t *order = checked(malloc((size_t)texts->count * sizeof *order)), n_pool = 0;
    texts->held_out = checked(malloc((size_t)texts->count * sizeof *order));
    texts->pool = checked(malloc((size_t)texts->count * sizeof *order));
    for (int64_t i = 0; i < texts->count; i++)
        order[i] = i;
    shuffle(order, texts->count, (uint64_t)q->seed);
    for (int64_t class = 0; class < texts->classes; class ++) {
        int64_t size = 0, taken = 0;
        for (int64_t i = 0; i < texts->count; i++)
            size += texts->labels[i] == class;
        int64_t testing = size / 3 < 60 ? size / 3 : 60;
        if (testing < 1 || size - testing < q->per_class) {
            fprintf(stderr,
                    "%s: label \"%s\" has %lld texts; %lld to learn from and half as many to test with are needed "
                    "(--per-class)\n",
                    q->labels, texts->class_names[class], (long long)size, (long long)q->per_class);
            free(order);
            return -1;
        }
        texts->pool_begin[class] = n_pool;
        for (int64_t i = 0; i < texts->count; i++) {
            if (texts->labels[order[i]] != class)
                continue;
            if (taken++ < testing)
                texts->held_out[texts->n_held_out++] = order[i];
            else
                texts->pool[n_pool++] = order[i];
        }
    }
    texts->pool_begin[texts->classes] = n_pool;
    free(order);
    return 0;
}

int open_texts(pt_context_t *context, const quickstart_t *q, texts_t *texts)
{
    if (read_labelled(context, q->labels, texts) != 0 || part(q, texts) != 0 ||
        (q->text && read_unlabelled(q->text, texts) != 0))
        return -1;
    for (int64_t i = 0; i < texts->pool_begin[texts->classes]; i++)
        add_unlabelled(texts, texts->labelled[texts->pool[i]], strlen(texts->labelled[texts->pool[i]]));
    return 0;
}

void texts_free(texts_t *texts)
{
    for (int64_t i = 0; i < texts->count; i++)
        free(texts->labelled[i]);
    for (int64_t i = 0; i < texts->n_unlabelled; i++)
        free(texts->unlabelled[i]);
    free(texts->labelled);
    free(texts->unlabelled);
    free(texts->labels);
    free(texts->held_out);
    free(texts->pool);
}

void draw_training(const quickstart_t *q, const texts_t *texts, int64_t seed, int64_t *drawn)
{
    int64_t *pool = checked(malloc((size_t)texts->count * sizeof *pool));
    for (int64_t class = 0; class < texts->classes; class ++) {
        int64_t begin = texts->pool_begin[class], size = texts->pool_begin[class + 1] - begin;
        memcpy(pool, texts->pool + begin, (size_t)size * sizeof *pool);
        shuffle(pool, size, (uint64_t)(seed * MAX_CLASSES + class));
        for (int64_t i = 0; i < q->per_class; i++)
            drawn[i * texts->classes + class] = pool[i];
    }
    free(pool);
}

double majority_rate(const texts_t *texts)
{
    int64_t sizes[MAX_CLASSES] = {0}, most = 0;
    for (int64_t i = 0; i < texts->n_held_out; i++)
        sizes[texts->labels[texts->held_out[i]]]++;
    for (int64_t i = 0; i < texts->classes; i++)
        most = sizes[i] > most ? sizes[i] : most;
    return (double)most / (double)texts->n_held_out;
}
