/* The planes that rotary positions turn, in the rows of queries and keys: a model has them as the file did that it was
 * opened from, as its configuration's "rope_interleaved" says. Files that it loads are put in its order, and whole
 * models are written in Hugging Face's, of halves, without that key. */
#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "base/plane_order.h"
#include "base/text.h"
#include "formats/tensors.h"
#include "train/model.h"

#define ROPE_INTERLEAVED "rope_interleaved"

static int32_t matches(const char *const *patterns, const char *name)
{
    while (*patterns != NULL && !pt__pattern_match(*patterns, name))
        patterns++;
    return *patterns != NULL;
}

int64_t pt__planes_width(const pt_model_t *model, const char *name)
{
    const pt__offer_t *offer = &model->trunk->offer;
    return offer->turned != NULL && matches(offer->turned, name) ? offer->head_width : 0;
}

/* Names in files may lack what the trunk's begin with. */
static int64_t width_in_file(const void *user, const char *name)
{
    const pt_model_t *model = user;
    char whole[PT_MAX_NAME + 32];
    const int64_t width = pt__planes_width(model, name);
    if (width > 0 || model->family == NULL || model->family->trunk == NULL)
        return width;
    snprintf(whole, sizeof whole, "%s%s", model->family->trunk, name);
    return pt__planes_width(model, whole);
}

pt_status_t pt__planes_said(pt__memory_t *memory, const char *config, int32_t *side_by_side)
{
    pt__json_document_t *document;
    const pt__json_t *root;
    *side_by_side = 0;
    if (config == NULL)
        return PT_OK;
    PT__TRY(pt__json_parse(memory, "config", config, (int64_t)strlen(config), &document, &root));
    pt_status_t status = root->kind == PT__JSON_OBJECT
                             ? pt__json_get_bool(root, ROPE_INTERLEAVED, PT__JSON_OPTIONAL, side_by_side)
                             : PT_OK;
    pt__json_free(document);
    return status;
}

const char *pt__planes_config_of(const pt__tensors_t *table)
{
    const char *config = pt__tensors_value(table, "pretrain.config");
    return config != NULL ? config : pt__tensors_value(table, PT__CONFIG_FILE);
}

pt_status_t pt__planes_fit(const pt_model_t *model, pt__file_tensors_t *file, const char *config)
{
    const pt__offer_t *offer = &model->trunk->offer;
    int32_t side_by_side;
    if (offer->turned == NULL)
        return PT_OK;
    PT__TRY(pt__planes_said(&model->context->memory, config, &side_by_side));
    if (side_by_side == offer->side_by_side)
        return PT_OK;
    return pt__file_tensors_move_planes(file, width_in_file, model, offer->side_by_side);
}

pt_status_t pt__planes_config(pt__memory_t *memory, const char *config, char **out)
{
    pt__json_document_t *document;
    const pt__json_t *root;
    int64_t written = 0;
    PT__TRY(pt__json_parse(memory, "config", config, (int64_t)strlen(config), &document, &root));
    pt__text_t text = pt__text_start(memory);
    pt__text_add(&text, "{");
    for (const pt__json_t *one = root->first; one != NULL; one = one->next) {
        if (strcmp(one->key, ROPE_INTERLEAVED) == 0)
            continue;
        pt__text_add(&text, written++ > 0 ? ", " : "");
        pt__json_print_member(one, &text);
    }
    pt__text_add(&text, "}");
    pt__json_free(document);
    return pt__text_take(&text, out, NULL);
}
