/* The quickstart's labelled texts: which of them are held out for the test, which may be learned from, and what of them
 * is read without labels. */
#include "example.h"
#include "quickstart.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>

/* Equally likely numbers in [0, below), for which texts are held out and which are labelled. */
static int64_t draw(uint64_t *random, int64_t below)
{
    *random = *random * 6364136223846793005u + 1442695040888963407u;
    return (int64_t)((*random >> 33) % (uint64_t)below);
}

static void shuffle(int64_t *items, int64_t count, uint64_t seed)
{
    uint64_t random = seed * 0x9e3779b97f4a7c15u + 1;
    for (int64_t i = count - 1; i > 0; i--) {
        int64_t j = draw(&random, i + 1), item = items[i];
        items[i] = items[j];
        items[j] = item;
    }
}

static pt_status_t open_labels(pt_context_t *context, const quickstart_t *q, int64_t longest, pt_dataset_t **out)
{
    pt_column_t columns[] = {
        {.field = "tokens", .source = "text", .kind = PT_COLUMN_TEXT, .max_length = longest},
        {.field = "label", .source = "label", .kind = PT_COLUMN_CLASS},
    };
    return pt_dataset_create_from_jsonl(context, q->labels_path, columns, 2, sizeof columns[0], NULL, out);
}

int open_texts(pt_context_t *context, quickstart_t *q, texts_t *texts)
{
    int result = -1;
    int64_t *indices = NULL, *test = NULL, n_test = 0, n_pool = 0;
    int32_t *labels = NULL;
    TRY(open_labels(context, q, q->length, &texts->all));
    int64_t count = pt_dataset_length(texts->all);
    q->classes = pt_dataset_class_count(texts->all, "label");
    if (q->classes < 2 || q->classes > MAX_CLASSES) {
        fprintf(stderr, "%s: %lld different labels; this comparison takes 2 to %d\n", q->labels_path,
                (long long)q->classes, MAX_CLASSES);
        goto out;
    }
    indices = malloc((size_t)count * sizeof *indices);
    test = malloc((size_t)count * sizeof *test);
    texts->pool = malloc((size_t)count * sizeof *texts->pool);
    labels = malloc((size_t)count * sizeof *labels);
    if (!indices || !test || !texts->pool || !labels) {
        fprintf(stderr, "out of memory\n");
        goto out;
    }
    for (int64_t i = 0; i < count; i++)
        indices[i] = i;
    pt_array_t read = {.dtype = PT_INT32, .data = labels, .capacity = count};
    TRY(pt_dataset_read(texts->all, indices, count, "label", &read, sizeof read));
    shuffle(indices, count, (uint64_t)q->seed);

    for (int64_t class = 0; class < q->classes; class ++) {
        const char *name = pt_dataset_class_name(texts->all, "label", class);
        int64_t size = 0, taken = 0;
        for (int64_t i = 0; i < count; i++)
            size += labels[i] == class;
        int64_t testing = size / 3 < 60 ? size / 3 : 60;
        snprintf(q->class_names[class], sizeof q->class_names[class], "%s", name);
        if (testing < 1 || size - testing < q->per_class) {
            fprintf(stderr,
                    "%s: label \"%s\" has %lld texts; %lld to learn from and half as many to test with are needed "
                    "(--per-class)\n",
                    q->labels_path, name, (long long)size, (long long)q->per_class);
            goto out;
        }
        texts->pool_begin[class] = n_pool;
        for (int64_t i = 0; i < count; i++) {
            if (labels[indices[i]] != class)
                continue;
            if (taken++ < testing)
                test[n_test++] = indices[i];
            else
                texts->pool[n_pool++] = indices[i];
        }
    }
    texts->pool_begin[q->classes] = n_pool;
    q->held_out = n_test;
    TRY(pt_dataset_select(texts->all, test, n_test, &texts->held_out));
    result = 0;
out:
    free(indices);
    free(test);
    free(labels);
    return result;
}

pt_status_t draw_training(const quickstart_t *q, const texts_t *texts, int64_t seed, pt_dataset_t **out)
{
    int64_t count = texts->pool_begin[q->classes], n_drawn = 0;
    int64_t *pool = malloc((size_t)count * sizeof *pool),
            *drawn = malloc((size_t)(q->classes * q->per_class) * sizeof *drawn);
    pt_status_t status = pool && drawn ? PT_OK : PT_ERR_MEMORY;
    for (int64_t class = 0; status == PT_OK && class < q->classes; class ++) {
        int64_t begin = texts->pool_begin[class], size = texts->pool_begin[class + 1] - begin;
        memcpy(pool, texts->pool + begin, (size_t)size * sizeof *pool);
        shuffle(pool, size, (uint64_t)(seed * MAX_CLASSES + class));
        memcpy(drawn + n_drawn, pool, (size_t)q->per_class * sizeof *drawn);
        n_drawn += q->per_class;
    }
    if (status == PT_OK)
        status = pt_dataset_select(texts->all, drawn, n_drawn, out);
    free(pool);
    free(drawn);
    return status;
}

/* The unlabelled text: every labelled text that is not held out, whole and without its label, in mixed order, behind
 * what `file` holds already. */
static int write_unlabelled(pt_context_t *context, const quickstart_t *q, const texts_t *texts, FILE *file)
{
    enum { LONGEST = 8192 };
    int result = -1;
    int64_t count = texts->pool_begin[q->classes];
    pt_dataset_t *whole = NULL;
    int32_t *bytes = malloc(LONGEST * sizeof *bytes);
    int64_t *order = malloc((size_t)count * sizeof *order);
    if (!bytes || !order)
        goto out;
    TRY(open_labels(context, q, LONGEST, &whole));
    memcpy(order, texts->pool, (size_t)count * sizeof *order);
    shuffle(order, count, (uint64_t)q->seed);
    for (int64_t i = 0; i < count; i++) {
        pt_array_t text = {.dtype = PT_INT32, .data = bytes, .capacity = LONGEST};
        TRY(pt_dataset_read(whole, &order[i], 1, "tokens", &text, sizeof text));
        for (int64_t j = 0; j < text.elements; j++)
            fputc(bytes[j], file);
        fputs("\n%\n", file);
    }
    result = ferror(file) ? -1 : 0;
out:
    pt_dataset_free(whole);
    free(bytes);
    free(order);
    return result;
}

int prepare(pt_context_t *context, quickstart_t *q, texts_t *texts)
{
    char path[4096];
    FILE *file = NULL;
    snprintf(path, sizeof path, "%s/unlabelled.txt", q->out);
    snprintf(q->labels_path, sizeof q->labels_path, "%s", q->labels ? q->labels : "");
    snprintf(q->text_path, sizeof q->text_path, "%s", q->text ? q->text : path);
    if (!q->text && !(file = fopen(path, "w"))) {
        fprintf(stderr, "%s: %s\n", path, strerror(errno));
        return -1;
    }
    int result = 0;
    if (!q->labels) {
        snprintf(q->labels_path, sizeof q->labels_path, "%s/labelled.jsonl", q->out);
        result = write_fortunes(q->labels_path, file);
    }
    if (result == 0)
        result = open_texts(context, q, texts);
    if (result == 0 && file)
        result = write_unlabelled(context, q, texts, file);
    if (file && fclose(file) != 0)
        result = -1;
    struct stat information;
    if (result == 0 && stat(q->text_path, &information) == 0)
        q->text_bytes = (int64_t)information.st_size;
    return result;
}
