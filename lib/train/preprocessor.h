/* preprocessor_config.json, which stands beside a published model of pictures: how large these are to be, and what
 * their bytes go through. The model's configuration and normalisation are completed from it, and it is written with a
 * directory. */
#ifndef PT__PREPROCESSOR_H
#define PT__PREPROCESSOR_H

#include "train/model.h"

struct pt__json;
struct pt__json_document;

typedef struct pt__preprocessor {
    char path[PT__PATH_SIZE]; /* for messages */
    char *text;
    int64_t length;
    struct pt__json_document *document;
    const struct pt__json *root; /* NULL: the directory has none */
} pt__preprocessor_t;

/* That of a directory whose model has this configuration, and of which nothing is read unless its family looks at
 * pictures. The caller closes it whatever comes back. directory NULL or "": there is none. */
pt_status_t pt__preprocessor_open(pt_context_t *context, const char *directory, const char *config,
                                  pt__preprocessor_t *out);
void pt__preprocessor_close(pt_context_t *context, pt__preprocessor_t *preprocessor);

/* The configuration with "image_size" and "num_channels" where it lacks them and this file
 * tells them; *completed, which the caller releases, is NULL where there is nothing to add. */
pt_status_t pt__preprocessor_complete(const pt__preprocessor_t *preprocessor, pt_context_t *context, const char *config,
                                      char **completed);
/* What the file says of the field "pixel_values" becomes the model's normalisation. */
pt_status_t pt__preprocessor_normalize(const pt__preprocessor_t *preprocessor, pt_model_t *model);
/* For a model of pictures: the file that it came with where that still says what the model does, else with other
 * numbers; and one of its own where it came with none. */
pt_status_t pt__preprocessor_save(const pt_model_t *model, const char *directory);

#endif
