/* IDX files of any content, packed ones too: the first byte says how much of the input is pictures; the rest is
 * labels. */
#include "fuzz/fuzz_images.h"

#define PICTURES "\0\0\x08\x03\0\0\0\3\0\0\0\2\0\0\0\2\0\1\2\3\4\5\6\7\x08\x09\x0a\x0b"
#define PACKED                                                                                             \
    "\037\213\010\000\000\000\000\000\002\003\143\140\340\140\146\140\140\000\141\046\060\146\144\142\146" \
    "\141\145\143\347\340\344\342\006\000\143\104\157\306\034\000\000\000"

const fuzz_seed_t fuzz_seeds[] = {
    FUZZ_SEED("\x1C" PICTURES "\0\0\x08\x01\0\0\0\3\1\0\2"),
    FUZZ_SEED("\xFF" PICTURES),
    FUZZ_SEED("\x2A" PACKED "\0\0\x08\x01\0\0\0\3\1\0\2"),
    {NULL, 0},
};
const fuzz_seed_t fuzz_pieces[] = {
    FUZZ_SEED("\0\0\x08\x03"),
    FUZZ_SEED("\0\0\x08\x01"),
    FUZZ_SEED("\x1f\x8b\x08"),
    FUZZ_SEED("\xFF\xFF\xFF\xFF"),
    FUZZ_SEED("\0\0\0\1"),
    FUZZ_SEED("\x7F\xFF"),
    {NULL, 0},
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    const size_t pictures = data[0] < size - 1 ? data[0] : size - 1;
    fuzz_directory_write("a-images-idx3", data + 1, pictures);
    fuzz_directory_write("a-labels-idx1", data + 1 + pictures, size - 1 - pictures);
    fuzz_images(data[0] & 1 ? "a-images-idx3" : NULL);
    return 0;
}
