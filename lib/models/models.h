/* Model families: each builds its trunk with the calls that hosts use. */
#ifndef PT__MODELS_H
#define PT__MODELS_H

#include "graph/derived.h"
#include "base/renaming.h"
#include "graph/graph.h"

struct pt__json;

/* A family: one file and one line in models.def. `config` is the parsed config.json object. build adds the inputs
 * ("tokens" int32 [PT_DIM_TOKENS], or "features" float32 [PT_DIM_BATCH, I]), the parameters under the names of the
 * family's files, an output "hidden", and in graph->offer what the tasks' heads take from the family. Messages name
 * the configuration's key, expected and found. */
typedef struct pt__family {
    const char *name;         /* model_type */
    const char *default_task; /* what pt_pretrain sets where there is none; NULL: nothing */
    /* Keys that pt__config_check refuses for families at large and this one reads itself. NULL ends the list. */
    const char *honours[4];
    pt_status_t (*build)(const struct pt__json *config, pt_graph_t *graph);
    /* What the names of the trunk's parameters begin with, and files of the trunk alone leave out; NULL: nothing. */
    const char *trunk;
    /* Patterns of names that the family's files may hold beside parameters: of tables that are computed here. NULL ends
     * the list. */
    const char *tables[4];
    const pt__derived_t *derived; /* inputs that the data may lack */
    int32_t n_derived;
    /* Other spellings of the names in its files, and those of GGUF files, which are written too. NULL: none. */
    const pt__renaming_t *renamings, *gguf;
    /* Its classes in the transformers library, as "architectures" names them: with no head, and with each task's. The
     * first that has a task's head is written; what begins with the same and ends otherwise is known by its end. */
    const char *classes[4];
    int32_t pooling;           /* PT_POOL_...: the rows that its published classifiers read */
    int32_t looks_at_pictures; /* its field is "pixel_values", its keys "image_size" and "num_channels" */
} pt__family_t;

const pt__family_t *pt__family_find(const char *name); /* NULL: unknown */
const pt__family_t *pt__family_at(int32_t index);      /* NULL past the last: for listing names in messages */

/* The configuration that one with "preset": `name` stands for, which the caller releases. */
pt_status_t pt__preset_apply(pt__memory_t *memory, const char *name, const struct pt__json *config, char **json);

#endif
