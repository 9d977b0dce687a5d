/* A family's model from its configuration. */
#include "train/model.h"

#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "base/text.h"
#include "models/config.h"

static pt_status_t unknown_family(const char *name)
{
    char known[256] = "";
    const pt__family_t *family;
    for (int32_t i = 0; (family = pt__family_at(i)) != NULL; i++) {
        size_t used = strlen(known);
        snprintf(known + used, sizeof known - used, "%s\"%s\"", i == 0 ? "" : ", ", family->name);
    }
    return pt__fail(PT_ERR_UNSUPPORTED, "config: \"model_type\" is \"%.64s\", expected one of %s", name, known);
}

static pt_status_t create(pt_context_t *context, const char *json, const pt__json_t *config, pt_model_t **out)
{
    const char *type;
    pt_graph_t *graph;
    PT__TRY(pt__json_get_string(config, "model_type", PT__JSON_REQUIRED, &type));
    const pt__family_t *family = pt__family_find(type);
    if (family == NULL)
        return unknown_family(type);
    PT__TRY(pt__config_check(config, family->honours));
    PT__TRY(pt_graph_create(context, &graph));
    pt_status_t status = family->build(config, graph);
    if (status == PT_OK)
        status = pt__model_create(context, graph, family, json, out);
    pt_graph_free(graph);
    return status;
}

pt_status_t pt__model_from_config(pt_context_t *context, const char *json, int64_t length, pt_model_t **out)
{
    pt__json_document_t *document = NULL, *whole = NULL;
    const pt__json_t *root;
    const char *preset = NULL;
    pt_status_t status;
    pt__text_t text = pt__text_start(&context->memory);
    char *kept = NULL;
    PT__TRY_OUT(pt__json_parse(&context->memory, "config", json, length, &document, &root));
    if (root->kind != PT__JSON_OBJECT) {
        status = pt__fail(PT_ERR_FORMAT, "config: %s, expected an object", pt__json_kind_name(root->kind));
        goto out;
    }
    PT__TRY_OUT(pt__json_get_string(root, "preset", PT__JSON_OPTIONAL, &preset));
    if (preset == NULL) {
        pt__text_add_bytes(&text, json, length); /* with a final 0 */
        PT__TRY_OUT(pt__text_take(&text, &kept, NULL));
    } else {
        PT__TRY_OUT(pt__preset_apply(&context->memory, preset, root, &kept));
        PT__TRY_OUT(pt__json_parse(&context->memory, "config", kept, (int64_t)strlen(kept), &whole, &root));
    }
    PT__TRY_OUT(create(context, kept, root, out));
out:
    pt__json_free(whole);
    pt__json_free(document);
    pt__release(&context->memory, kept);
    return status;
}
