/* ViT (Dosovitskiy 2021): patches of a picture as rows, a learnt row before them and learnt positions, then layers of
 * attention (encoder.c). The output "hidden" is the learnt row's, after the last norm:
 *
 *   rows = [cls; patches · projection] + positions
 *   rows = rows + dense(attention(norm(rows)));  rows = rows + outer(activation(inner(norm(rows))))   `layers` times
 *
 * Names, layouts and initial values are those of Hugging Face's ViTForImageClassification; ViTModel's names lack
 * "vit.", timm's and torchvision's are other spellings of them. The field is "pixel_values". A size that the
 * configuration leaves out is ViT-Base's with patches of 16. */
#include <stdio.h>

#include "models/config.h"
#include "models/encoder.h"
#include "models/models.h"
#include "models/picture.h"

typedef struct vit {
    pt__encoder_t encoder;
    pt__picture_size_t picture;
    int64_t patch_height, patch_width;
} vit_t;

static const pt__encoder_names_t names = {.norm = "layernorm",
                                          .layer = "encoder.layer.",
                                          .query = "attention.attention.query",
                                          .key = "attention.attention.key",
                                          .value = "attention.attention.value",
                                          .attended = "attention.output.dense",
                                          .attended_norm = "layernorm_before",
                                          .inner = "intermediate.dense",
                                          .outer = "output.dense",
                                          .outer_norm = "layernorm_after"};

#define ATTENTION "vit.encoder.layer.*.attention.attention."
#define QKV(name, what)                                                         \
    {.theirs = name, .ours = ATTENTION "query." what, .part = 0, .parts = 3},   \
        {.theirs = name, .ours = ATTENTION "key." what, .part = 1, .parts = 3}, \
    {                                                                           \
        .theirs = name, .ours = ATTENTION "value." what, .part = 2, .parts = 3  \
    }
#define TORCHVISION "encoder.layers.encoder_layer_*."

static const pt__renaming_t renamings[] = {
    /* timm's */
    {.theirs = "cls_token", .ours = "vit.embeddings.cls_token"},
    {.theirs = "pos_embed", .ours = "vit.embeddings.position_embeddings"},
    {.theirs = "patch_embed.proj.*", .ours = "vit.embeddings.patch_embeddings.projection.*"},
    {.theirs = "blocks.*.norm1.*", .ours = "vit.encoder.layer.*.layernorm_before.*"},
    QKV("blocks.*.attn.qkv.weight", "weight"),
    QKV("blocks.*.attn.qkv.bias", "bias"),
    {.theirs = "blocks.*.attn.proj.*", .ours = "vit.encoder.layer.*.attention.output.dense.*"},
    {.theirs = "blocks.*.norm2.*", .ours = "vit.encoder.layer.*.layernorm_after.*"},
    {.theirs = "blocks.*.mlp.fc1.*", .ours = "vit.encoder.layer.*.intermediate.dense.*"},
    {.theirs = "blocks.*.mlp.fc2.*", .ours = "vit.encoder.layer.*.output.dense.*"},
    {.theirs = "norm.*", .ours = "vit.layernorm.*"},
    {.theirs = "head.*", .ours = "classifier.*"},
    /* torchvision's; before its release 0.12 the last two products had other names */
    {.theirs = "class_token", .ours = "vit.embeddings.cls_token"},
    {.theirs = "encoder.pos_embedding", .ours = "vit.embeddings.position_embeddings"},
    {.theirs = "conv_proj.*", .ours = "vit.embeddings.patch_embeddings.projection.*"},
    {.theirs = TORCHVISION "ln_1.*", .ours = "vit.encoder.layer.*.layernorm_before.*"},
    QKV(TORCHVISION "self_attention.in_proj_weight", "weight"),
    QKV(TORCHVISION "self_attention.in_proj_bias", "bias"),
    {.theirs = TORCHVISION "self_attention.out_proj.*", .ours = "vit.encoder.layer.*.attention.output.dense.*"},
    {.theirs = TORCHVISION "ln_2.*", .ours = "vit.encoder.layer.*.layernorm_after.*"},
    {.theirs = TORCHVISION "mlp.0.*", .ours = "vit.encoder.layer.*.intermediate.dense.*"},
    {.theirs = TORCHVISION "mlp.3.*", .ours = "vit.encoder.layer.*.output.dense.*"},
    {.theirs = TORCHVISION "mlp.linear_1.*", .ours = "vit.encoder.layer.*.intermediate.dense.*"},
    {.theirs = TORCHVISION "mlp.linear_2.*", .ours = "vit.encoder.layer.*.output.dense.*"},
    {.theirs = "encoder.ln.*", .ours = "vit.layernorm.*"},
    {.theirs = "heads.head.*", .ours = "classifier.*"},
    {.theirs = NULL},
};

static pt_status_t read_config(const pt__json_t *config, vit_t *vit)
{
    int32_t has_bias = 1;
    const pt__picture_size_t *picture = &vit->picture;
    PT__TRY(pt__encoder_read_layers(config, &vit->encoder));
    PT__TRY(pt__json_get_bool(config, "qkv_bias", PT__JSON_OPTIONAL, &has_bias));
    vit->encoder.unbiased = !has_bias;
    PT__TRY(pt__picture_read(config, &vit->picture));
    PT__TRY(pt__config_pair(config, "patch_size", PT__LARGEST_PICTURE, &vit->patch_height, &vit->patch_width));
    if (vit->patch_height > picture->height || vit->patch_width > picture->width)
        return pt__json_fail(pt__json_find(config, "patch_size"), PT_ERR_FORMAT,
                             "patches of %lld by %lld pixels, the picture has %lld by %lld",
                             (long long)vit->patch_height, (long long)vit->patch_width, (long long)picture->height,
                             (long long)picture->width);
    return PT_OK;
}

static pt_tensor_t parameter(const vit_t *vit, pt_graph_t *graph, const char *name, int32_t rank, const int64_t *shape)
{
    return pt_parameter(graph, name, rank, shape, PT__INITIAL(PT_INIT_NORMAL, vit->encoder.range));
}

/* A convolution whose stride is its size is a product with patches, each laid out as the weight is: [channels, height,
 * width]. What is left at the right and the bottom is not looked at, as by the convolution. */
static pt_tensor_t embed_patches(const vit_t *vit, pt_graph_t *graph, int64_t rows, int64_t columns)
{
    const pt__picture_size_t *picture = &vit->picture;
    const int64_t height = vit->patch_height, width = vit->patch_width, channels = picture->channels;
    const int64_t size = channels * height * width, outputs = vit->encoder.width;
    pt_tensor_t patches = pt__picture_input(graph, picture);
    if (rows * height < picture->height)
        patches = pt_slice(graph, patches, 1, 0, rows * height);
    if (columns * width < picture->width)
        patches = pt_slice(graph, patches, 2, 0, columns * width);
    patches = pt_reshape(graph, patches, 6, (int64_t[]){PT_DIM_BATCH, rows, height, columns, width, channels});
    patches = pt_transpose(graph, patches, (int32_t[]){0, 1, 3, 5, 2, 4});
    patches = pt_reshape(graph, patches, 3, (int64_t[]){PT_DIM_BATCH, rows * columns, size});
    pt_tensor_t weight = parameter(vit, graph, "vit.embeddings.patch_embeddings.projection.weight", 4,
                                   (int64_t[]){outputs, channels, height, width});
    pt_tensor_t bias = pt_parameter(graph, "vit.embeddings.patch_embeddings.projection.bias", 1, &outputs, NULL);
    return pt_linear(graph, patches, pt_reshape(graph, weight, 2, (int64_t[]){outputs, size}), bias,
                     PT_ACTIVATION_NONE);
}

static pt_tensor_t embed(const vit_t *vit, pt_graph_t *graph)
{
    const int64_t rows = vit->picture.height / vit->patch_height, columns = vit->picture.width / vit->patch_width;
    const int64_t width = vit->encoder.width, all = rows * columns + 1;
    pt_tensor_t first = parameter(vit, graph, "vit.embeddings.cls_token", 3, (int64_t[]){1, 1, width});
    pt_tensor_t places = parameter(vit, graph, "vit.embeddings.position_embeddings", 3, (int64_t[]){1, all, width});
    pt_tensor_t patches = embed_patches(vit, graph, rows, columns);
    /* one row for each sample */
    pt_tensor_t none = pt_scale(graph, pt_slice(graph, patches, 1, 0, 1), 0);
    pt_tensor_t parts[] = {pt_add(graph, none, pt_reshape(graph, first, 1, &width)), patches};
    return pt_add(graph, pt_concat(graph, parts, 2, 1), pt_reshape(graph, places, 2, (int64_t[]){all, width}));
}

static pt_status_t build(const struct pt__json *config, pt_graph_t *graph)
{
    vit_t vit = {.encoder = pt__encoder_base,
                 .picture = {.height = 224, .width = 224, .channels = 3},
                 .patch_height = 16,
                 .patch_width = 16};
    vit.encoder.trunk = "vit.";
    vit.encoder.names = &names;
    vit.encoder.dropout = vit.encoder.attention_dropout = 0;
    PT__TRY(read_config(config, &vit));
    pt_graph_set_output(graph, "hidden", pt__encoder_first_rows(&vit.encoder, graph, embed(&vit, graph)));
    graph->offer = (pt__offer_t){.head = "classifier", .deviation = vit.encoder.range};
    return pt_graph_status(graph);
}

const pt__family_t pt__family_vit = {.name = "vit",
                                     .build = build,
                                     .trunk = "vit.",
                                     .tables = {"*embeddings.mask_token"},
                                     .renamings = renamings,
                                     .classes = {"ViTModel", "ViTForImageClassification"},
                                     .pooling = PT_POOL_FAMILY,
                                     .looks_at_pictures = 1};
