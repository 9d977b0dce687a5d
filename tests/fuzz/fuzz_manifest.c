/* Lists of recordings of any content: the first byte says under which name. */
#include <stdlib.h>

#include "fuzz/fuzz.h"
#include "fuzz/fuzz_directory.h"
#include "fuzz/sound_seeds.h"

const fuzz_seed_t fuzz_seeds[] = {
    FUZZ_SEED("0{\"audio\": \"a.wav\", \"text\": \"one\", \"offset\": 0, \"duration\": 0.004}\n"),
    FUZZ_SEED("1path,text,label\na.wav,\"one, two\",x\n\"a.wav\",b,y\n"),
    FUZZ_SEED("2client_id\tpath\tsentence\n1\ta.wav\tJa\n2\tb.wav\tNein\n"),
    FUZZ_SEED("3a|one|two\nb|three|\n"),
    FUZZ_SEED("4a ONE TWO\r\nb THREE\n"),
    {NULL, 0},
};
const fuzz_seed_t fuzz_pieces[] = {
    FUZZ_SEED("\"label\": 3"),
    FUZZ_SEED("\"audio_filepath\": "),
    FUZZ_SEED("a.wav"),
    FUZZ_SEED("\n"),
    FUZZ_SEED("|"),
    FUZZ_SEED("\t"),
    FUZZ_SEED("\"\""),
    FUZZ_SEED("../"),
    {NULL, 0},
};

static void read_all(pt_dataset_t *dataset)
{
    enum { ROOM = 1 << 12 };
    static float rows[ROOM];
    for (int64_t i = 0; i < pt_dataset_length(dataset) && i < 8; i++) {
        pt_array_t values = {.dtype = PT_FLOAT32, .data = rows, .capacity = ROOM};
        if (pt_dataset_read(dataset, &i, 1, "frames", &values, sizeof values) != PT_OK && *pt_last_error() == 0)
            abort();
        if (pt_dataset_sample_name(dataset, i) == NULL)
            abort();
    }
    for (int64_t i = 0; i < pt_dataset_skipped_count(dataset); i++)
        if (pt_dataset_skipped(dataset, i) == NULL)
            abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const names[] = {"list.jsonl", "list.csv", "list.tsv", "metadata.csv", "a.trans.txt"};
    static const char wav[] = SEED_PCM16;
    pt_context_t *context = fuzz_context();
    pt_audio_options_t options;
    pt_dataset_t *dataset;
    char path[128];
    if (size == 0)
        return 0;
    const char *name = names[data[0] % 5];
    const int64_t held = pt_context_bytes(context);
    static int is_ready;
    if (!is_ready)
        is_ready = fuzz_directory_write("a.wav", wav, sizeof wav - 1);
    fuzz_directory_write("list", data + 1, size - 1);
    char listed[128];
    fuzz_directory_path("list", listed);
    fuzz_directory_path(name, path);
    rename(listed, path);
    pt_audio_options_init(&options, sizeof options);
    options.rate = 8000;
    options.window_seconds = 0.004;
    options.step_seconds = 0.001;
    if (data[0] % 5 == 4)
        fuzz_directory_path(".", listed);
    if (pt_dataset_create_from_audio(context, data[0] % 5 == 4 ? listed : path, &options, &dataset) == PT_OK) {
        read_all(dataset);
        pt_dataset_free(dataset);
    } else if (*pt_last_error() == 0) {
        abort();
    }
    remove(path);
    if (pt_context_bytes(context) != held)
        abort();
    return 0;
}
