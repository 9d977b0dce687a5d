/* What the parts of the quickstart share: quickstart.c has the command line and the comparison, quickstart_texts.c the
 * texts, quickstart_network.c the network, quickstart_ngrams.c the baseline, quickstart_report.c what
 * tools/report is told. */
#ifndef QUICKSTART_H
#define QUICKSTART_H

#include <pretrain.h>
#include <stdint.h>

enum { MAX_CLASSES = 64, MAX_SEEDS = 32, RATES = 3 };
/* What is compared. */
enum { NGRAMS = 0, FROM_SCRATCH = 1, PRETRAINED = 2, METHODS = 3 };

/* Texts as runs of ids, end to end: text i has ids[offsets[i]] to ids[offsets[i + 1] - 1]. */
typedef struct bags {
    int64_t count, longest;
    int64_t *offsets; /* [count + 1] */
    int32_t *ids;
    float *weights; /* beside the ids; NULL: none */
} bags_t;
void bags_free(bags_t *bags);

typedef struct curve {
    int64_t count, capacity;
    double *steps, *losses;
} curve_t;

typedef struct method { /* one of the three lines of the result */
    const char *name;
    double rates[RATES], rate;  /* learning rates to choose from, and the chosen one */
    int64_t validated[RATES];   /* texts that cross-validation got right with each */
    double accuracy[MAX_SEEDS]; /* of the held-out texts, one a seed */
    curve_t curve;              /* of the first seed's training */
} method_t;

typedef struct texts {
    char **labelled; /* [count] */
    int32_t *labels; /* [count] */
    int64_t count, classes;
    char class_names[MAX_CLASSES][64];
    int64_t *held_out, n_held_out; /* numbers of the texts to test with */
    int64_t *pool;                 /* the others', class after class */
    int64_t pool_begin[MAX_CLASSES + 1];
    char **unlabelled;
    int64_t n_unlabelled, unlabelled_bytes;
} texts_t;

typedef struct quickstart {
    /* What was asked for. */
    const char *text, *labels, *out, *command;
    double minutes;
    int64_t per_class, seeds, seed, threads, steps, finetune_steps, batch, width, vocabulary;
    double learning_rate;
    /* What came out. */
    char machine[256], model_path[4096], tokenizer_path[4096];
    method_t methods[METHODS];
    int64_t parameters, tokens, tokenizer_size, peak_bytes;
    double untrained_loss, pretrain_loss, pretrain_seconds, windows_per_second, seconds;
    curve_t pretrain_curve;
    int32_t *guesses;    /* [n_held_out] of the pretrained network with the first seed */
    double *certainties; /* [n_held_out] its probabilities of them */
} quickstart_t;

double now(void);
void *checked(void *memory); /* memory, or ends the program after a message */
void add_point(curve_t *curve, double step, double loss);
/* Equally likely numbers in [0, below). */
int64_t draw(uint64_t *random, int64_t below);
void shuffle(int64_t *items, int64_t count, uint64_t seed);

/* Reads the files and parts the labelled texts into held-out ones and the pool; the same parts each time with the same
 * seed. 0, or -1 after a message. */
int open_texts(pt_context_t *context, const quickstart_t *quickstart, texts_t *texts);
void texts_free(texts_t *texts);
/* per_class texts of each class from the pool, classes in turn; drawn [classes * per_class]. */
void draw_training(const quickstart_t *quickstart, const texts_t *texts, int64_t seed, int64_t *drawn);

/* Learns a tokenizer from the unlabelled texts and saves it. */
int make_tokenizer(pt_context_t *context, quickstart_t *quickstart, const texts_t *texts, pt_tokenizer_t **out);
int encode(pt_tokenizer_t *tokenizer, char **texts, int64_t count, bags_t *out);
/* Trains the network without labels on bags and saves it. */
int pretrain(pt_context_t *context, quickstart_t *quickstart, const bags_t *unlabelled, double began);

/* What is learnt from and tested on: texts by their numbers in a dataset with the fields of the classifier. */
typedef struct lesson {
    const quickstart_t *quickstart;
    int64_t classes;
    pt_dataset_t *training, *test;
    int64_t n_training, n_test;
    int64_t rows; /* of the table of n-grams */
    double rate;
    const char *title; /* of the progress bar; NULL: none */
    curve_t *curve;    /* NULL: not wanted */
} lesson_t;
/* Trains a classifier, of n-grams or on the network, and has it guess: probabilities [n_test * classes]. */
int learn(pt_context_t *context, int method, const lesson_t *lesson, float *probabilities);

/* Character n-grams within words, weighted by log frequency and inverse document frequency and scaled to length 1, as
 * scikit-learn's TfidfVectorizer(analyzer="char_wb", ngram_range=(1, 5), sublinear_tf=True) has them: of all texts, by
 * the table of those that stand in the training texts. */
void count_ngrams(char **texts, const int64_t *numbers, int64_t count, const int64_t *training, int64_t n_training,
                  bags_t *out, int64_t *rows);

void mean_and_error(const double *values, int64_t count, double *mean, double *standard_error);
double majority_rate(const texts_t *texts);
int write_report(const quickstart_t *quickstart, const texts_t *texts);

#endif
