/* Networks of usual sizes by name, for training from the beginning: a configuration with "preset" stands for the one
 * that has the preset's keys too, where it has none of its own. Sizes as of BERT's miniatures (Turc et al. 2019,
 * Well-Read Students Learn Better); a Llama's keys and values have half the heads, its inner rows 8/3 of the width.
 * Those of pictures are the published ones, as torchvision and timm have them, whose files of weights load. Deep
 * Speech's -large has the paper's width, Deep Speech 2's its seven layers; speaker-encoder is resemblyzer's. */
#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "base/text.h"
#include "models/models.h"

static const struct {
    const char *name;
    int32_t width, layers;
} sizes[] = {{"tiny", 128, 2}, {"mini", 256, 4}, {"small", 512, 4}, {"medium", 512, 8}};

enum { SIZES = sizeof sizes / sizeof sizes[0], HEAD = 64, INNER = 64 /* inner rows are a multiple of it */ };

static void write_bert(int32_t width, int32_t layers, pt__text_t *text)
{
    pt__text_add(text,
                 "{\"model_type\": \"bert\", \"hidden_size\": %d, \"num_hidden_layers\": %d, "
                 "\"num_attention_heads\": %d, \"intermediate_size\": %d, \"max_position_embeddings\": 512}",
                 (int)width, (int)layers, (int)(width / HEAD), (int)(4 * width));
}

static void write_gpt2(int32_t width, int32_t layers, pt__text_t *text)
{
    pt__text_add(text,
                 "{\"model_type\": \"gpt2\", \"n_embd\": %d, \"n_layer\": %d, \"n_head\": %d, \"n_positions\": 1024}",
                 (int)width, (int)layers, (int)(width / HEAD));
}

static void write_llama(int32_t width, int32_t layers, pt__text_t *text)
{
    const int32_t inner = (8 * width / 3 + INNER - 1) / INNER * INNER;
    pt__text_add(text,
                 "{\"model_type\": \"llama\", \"hidden_size\": %d, \"num_hidden_layers\": %d, "
                 "\"num_attention_heads\": %d, \"num_key_value_heads\": %d, \"intermediate_size\": %d, "
                 "\"max_position_embeddings\": 2048}",
                 (int)width, (int)layers, (int)(width / HEAD), (int)(width / HEAD / 2), (int)inner);
}

static const struct {
    const char *name;
    void (*write)(int32_t width, int32_t layers, pt__text_t *text);
} families[] = {{"bert", write_bert}, {"gpt2", write_gpt2}, {"llama", write_llama}};

enum { FAMILIES = sizeof families / sizeof families[0] };

#define RESNET(type, filters, depths)                                                                                  \
    "{\"model_type\": \"resnet\", \"layer_type\": \"" type "\", \"hidden_sizes\": [" filters "], \"depths\": [" depths \
    "]}"
#define BASIC(depths)      RESNET("basic", "64, 128, 256, 512", depths)
#define BOTTLENECK(depths) RESNET("bottleneck", "256, 512, 1024, 2048", depths)
#define CIFAR(depth)       "{\"model_type\": \"cifar_resnet\", \"depths\": [" depth ", " depth ", " depth "]}"
#define VGG(depths, norms) "{\"model_type\": \"vgg\", \"depths\": [" depths "], \"batch_norm\": " norms "}"
#define VIT(width, heads, inner)                                                                 \
    "{\"model_type\": \"vit\", \"hidden_size\": " width ", \"num_attention_heads\": " heads ", " \
    "\"intermediate_size\": " inner ", \"layer_norm_eps\": 1e-6}"

#define DEEPSPEECH(width) "{\"model_type\": \"deepspeech\", \"hidden_size\": " width "}"
#define DEEPSPEECH2(channels, width, layers)                                                                     \
    "{\"model_type\": \"deepspeech2\", \"conv_channels\": [" channels ", " channels "], \"hidden_size\": " width \
    ", \"num_layers\": " layers "}"

static const struct {
    const char *name, *json;
} others[] = {
    {"resnet18", BASIC("2, 2, 2, 2")},
    {"resnet34", BASIC("3, 4, 6, 3")},
    {"resnet50", BOTTLENECK("3, 4, 6, 3")},
    {"resnet101", BOTTLENECK("3, 4, 23, 3")},
    {"resnet152", BOTTLENECK("3, 8, 36, 3")},
    {"resnet20", CIFAR("3")},
    {"resnet32", CIFAR("5")},
    {"resnet44", CIFAR("7")},
    {"resnet56", CIFAR("9")},
    {"resnet110", CIFAR("18")},
    {"vgg11", VGG("1, 1, 2, 2, 2", "false")},
    {"vgg13", VGG("2, 2, 2, 2, 2", "false")},
    {"vgg16", VGG("2, 2, 3, 3, 3", "false")},
    {"vgg19", VGG("2, 2, 4, 4, 4", "false")},
    {"vgg11_bn", VGG("1, 1, 2, 2, 2", "true")},
    {"vgg13_bn", VGG("2, 2, 2, 2, 2", "true")},
    {"vgg16_bn", VGG("2, 2, 3, 3, 3", "true")},
    {"vgg19_bn", VGG("2, 2, 4, 4, 4", "true")},
    {"mobilenet_v2", "{\"model_type\": \"mobilenet_v2\", \"tf_padding\": false, \"layer_norm_eps\": 1e-5, "
                     "\"batch_norm_momentum\": 0.1, \"classifier_dropout_prob\": 0.2}"},
    {"vit-tiny", VIT("192", "3", "768")},
    {"vit-small", VIT("384", "6", "1536")},
    {"vit-base", VIT("768", "12", "3072")},
    {"digits", "{\"model_type\": \"digits\"}"},
    /* of sound */
    {"deepspeech-tiny", DEEPSPEECH("128")},
    {"deepspeech-mini", DEEPSPEECH("256")},
    {"deepspeech-small", DEEPSPEECH("512")},
    {"deepspeech-medium", DEEPSPEECH("1024")},
    {"deepspeech-large", DEEPSPEECH("2048")},
    {"deepspeech2-tiny", DEEPSPEECH2("64", "128", "2")},
    {"deepspeech2-mini", DEEPSPEECH2("128", "256", "3")},
    {"deepspeech2-small", DEEPSPEECH2("256", "512", "3")},
    {"deepspeech2-medium", DEEPSPEECH2("640", "800", "5")},
    {"deepspeech2-large", DEEPSPEECH2("1280", "1280", "7")},
    {"keywords", "{\"model_type\": \"deepspeech2\", \"input_size\": 40, \"conv_channels\": [64, 64], "
                 "\"conv_kernels\": [5, 5], \"conv_strides\": [2, 1], \"hidden_size\": 96, \"num_layers\": 1, "
                 "\"dropout\": 0.1}"},
    {"speaker-encoder", "{\"model_type\": \"lstm_encoder\"}"},
};

static pt_status_t write_preset(const char *name, pt__text_t *text)
{
    char known[32];
    for (int32_t f = 0; f < FAMILIES; f++)
        for (int32_t s = 0; s < SIZES; s++) {
            snprintf(known, sizeof known, "%s-%s", families[f].name, sizes[s].name);
            if (strcmp(known, name) == 0) {
                families[f].write(sizes[s].width, sizes[s].layers, text);
                return PT_OK;
            }
        }
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        if (strcmp(others[i].name, name) == 0) {
            pt__text_add(text, "%s", others[i].json);
            return PT_OK;
        }
    return pt__fail(
        PT_ERR_UNSUPPORTED,
        "config: \"preset\" is \"%.64s\", expected bert, gpt2 or llama with -tiny, -mini, -small or "
        "-medium, as in bert-mini; resnet18, 34, 50, 101 or 152, and for pictures of 32 by 32 resnet20, 32, "
        "44, 56 or 110; vgg11, 13, 16 or 19, with _bn or without; mobilenet_v2; vit-tiny, -small or -base; "
        "digits; deepspeech or deepspeech2 with -tiny, -mini, -small, -medium or -large; keywords; or speaker-encoder",
        name);
}

/* The preset's members that the configuration does not have, then the configuration's. */
static pt_status_t merge(const pt__json_t *preset, const pt__json_t *config, pt__text_t *text)
{
    const pt__json_t *type = pt__json_find(preset, "model_type"), *given = pt__json_find(config, "model_type");
    const char *separator = "{";
    if (given != NULL && (given->kind != PT__JSON_STRING || strcmp(given->string, type->string) != 0))
        return pt__json_fail(given, PT_ERR_FORMAT, "expected \"%s\", that of the preset, or none", type->string);
    for (int32_t part = 0; part < 2; part++)
        for (const pt__json_t *one = (part == 0 ? preset : config)->first; one != NULL; one = one->next) {
            if (part == 0 ? pt__json_find(config, one->key) != NULL : strcmp(one->key, "preset") == 0)
                continue;
            pt__text_add(text, "%s", separator);
            pt__json_print_member(one, text);
            separator = ", ";
        }
    pt__text_add(text, "}");
    return PT_OK;
}

pt_status_t pt__preset_apply(pt__memory_t *memory, const char *name, const pt__json_t *config, char **json)
{
    pt__json_document_t *document = NULL;
    const pt__json_t *preset;
    char *own = NULL;
    pt_status_t status;
    pt__text_t text = pt__text_start(memory), merged = pt__text_start(memory);
    PT__TRY_OUT(write_preset(name, &text));
    PT__TRY_OUT(pt__text_take(&text, &own, NULL));
    PT__TRY_OUT(pt__json_parse(memory, "preset", own, (int64_t)strlen(own), &document, &preset));
    PT__TRY_OUT(merge(preset, config, &merged));
    PT__TRY_OUT(pt__text_take(&merged, json, NULL));
out:
    pt__text_free(&merged);
    pt__text_free(&text);
    pt__json_free(document);
    pt__release(memory, own);
    return status;
}
