/* CIFAR's files of any content. A record has more bytes than an input, so a letter stands for a run of them: 'W' for
 * 512 zero bytes; the first byte says which file it is. */
#include "fuzz/fuzz_images.h"

#define NUMPY                                                                                             \
    "cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\nK\0\x85"                                     \
    "C\1btR(K\1K\1M\0\x0C\x86"                                                                            \
    "cnumpy\ndtype\nX\2\0\0\0u1\x89\x88\x87R(K\3X\1\0\0\0|NNNJ\xFF\xFF\xFF\xFFJ\xFF\xFF\xFF\xFFK\0tb\x89" \
    "B\0\x0C\0\0"

const fuzz_seed_t fuzz_seeds[] = {
    FUZZ_SEED("0\1WWWWWW"),
    FUZZ_SEED("1\1\2WWWWWW"),
    FUZZ_SEED("2\x80\x03}(X\4\0\0\0data" NUMPY "WWWWWWtbX\6\0\0\0labels]K\1au."),
    FUZZ_SEED("3\x80\x02}X\x0B\0\0\0label_names](X\3\0\0\0apeX\3\0\0\0beees."),
    {NULL, 0},
};
const fuzz_seed_t fuzz_pieces[] = {
    FUZZ_SEED("WWWWWW"), FUZZ_SEED("K\1"), FUZZ_SEED("]"),    FUZZ_SEED("}"),
    FUZZ_SEED("(e"),     FUZZ_SEED("tb"),  FUZZ_SEED("\x86"), FUZZ_SEED("C\1b"),
    FUZZ_SEED("q\1"),    FUZZ_SEED("h\1"), FUZZ_SEED("\x88"), FUZZ_SEED("J\xFF\xFF\xFF\xFF"),
    {NULL, 0},
};

enum { ROOM = 1 << 16, RUN = 512 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const names[] = {"data_batch_1.bin", "train.bin", "data_batch_1", "batches.meta"};
    static const char *last;
    static uint8_t bytes[ROOM];
    size_t length = 0;
    if (size == 0)
        return 0;
    for (size_t i = 1; i < size && length < ROOM - RUN; i++) {
        const size_t run = data[i] == 'W' ? RUN : 1;
        memset(bytes + length, data[i] == 'W' ? 0 : data[i], run);
        length += run;
    }
    const char *name = names[data[0] & 3];
    if (last != NULL && last != name)
        fuzz_directory_write(last, "", 0);
    last = name;
    fuzz_directory_write(name, bytes, length);
    fuzz_images(data[0] & 4 || name == names[3] ? NULL : name);
    return 0;
}
