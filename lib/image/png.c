/* PNG by libpng. Its errors come back by longjmp, within this file alone; its warnings are of parts that no pixel
 * depends on. Texts, profiles and times within a file are passed over unread. */
#include <string.h>

#include "image/image.h"

#ifdef PT__PNG
#include <setjmp.h>
#include <stdio.h>

#include <png.h>
#endif

enum { SIGNATURE = 8, HEADER = 25 /* bytes of the first chunk */, CHUNK = 12, RATIO = 1040 /* deflate's most: 1032 */ };
static const uint8_t signature[SIGNATURE] = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1A, '\n'};

static int32_t is_png(const uint8_t *bytes, int64_t size)
{
    return size >= SIGNATURE && memcmp(bytes, signature, SIGNATURE) == 0;
}

static int64_t number(const uint8_t *bytes)
{
    return (int64_t)bytes[0] << 24 | bytes[1] << 16 | bytes[2] << 8 | bytes[3];
}

/* Bits of a pixel by the kind of color and the bits of a channel; 0: there is none such. */
static int32_t pixel_bits(int32_t kind, int32_t bits)
{
    static const int32_t channels[7] = {1, 0, 3, 1, 2, 0, 4};
    return kind > 6 ? 0 : channels[kind] * bits;
}

static pt_status_t look(const uint8_t *bytes, int64_t size, pt__picture_about_t *about)
{
    if (size < SIGNATURE + HEADER || memcmp(bytes + SIGNATURE + 4, "IHDR", 4) != 0)
        return pt__fail(PT_ERR_FORMAT, "the file ends after %lld bytes, or does not begin with its header",
                        (long long)size);
    const int64_t width = number(bytes + 16), height = number(bytes + 20);
    const int32_t bits = pixel_bits(bytes[25], bytes[24]);
    if (width > INT32_MAX || height > INT32_MAX || bits == 0)
        return pt__fail(PT_ERR_FORMAT, "%lld x %lld pixels of kind %d and %d bits, which no PNG has", (long long)width,
                        (long long)height, bytes[25], bytes[24]);
    about->width = (int32_t)width;
    about->height = (int32_t)height;
    about->is_bounded = 1;
    about->most_pixels = size * RATIO * 8 / bits;
    for (int64_t at = SIGNATURE + HEADER; size - at >= CHUNK;) {
        const int64_t length = number(bytes + at);
        if (length > size - at - CHUNK)
            break; /* the decoder says what is missing */
        if (memcmp(bytes + at + 4, "eXIf", 4) == 0)
            about->orientation = pt__exif_orientation(bytes + at + 8, length);
        at += CHUNK + length;
    }
    return PT_OK;
}

#ifdef PT__PNG
enum { MOST_CHUNK = 8 << 20, MOST_CHUNKS = 1000, WORDS = 128 };

typedef struct reader {
    pt__memory_t *memory;
    png_structp png;
    png_infop info;
    const uint8_t *bytes;
    int64_t left;
    int32_t warnings; /* that mean nothing */
    int32_t is_memory;
    char words[WORDS];
    jmp_buf escape; /* not libpng's own: it would only be set once its struct stands */
} reader_t;

static void give_up(png_structp png, png_const_charp words)
{
    reader_t *reader = png_get_error_ptr(png);
    strncpy(reader->words, words, WORDS - 1);
    longjmp(reader->escape, 1);
}

static void count_warning(png_structp png, png_const_charp words)
{
    (void)words;
    ((reader_t *)png_get_error_ptr(png))->warnings++;
}

static png_voidp take_memory(png_structp png, png_alloc_size_t size)
{
    reader_t *reader = png_get_mem_ptr(png);
    void *block;
    if (pt__allocate_uninitialised(reader->memory, 1, size, "reader of a PNG picture", &block) != PT_OK)
        reader->is_memory = 1;
    return block;
}

static void give_memory(png_structp png, png_voidp block)
{
    pt__release(((reader_t *)png_get_mem_ptr(png))->memory, block);
}

static void read_bytes(png_structp png, png_bytep out, size_t size)
{
    reader_t *reader = png_get_io_ptr(png);
    if ((int64_t)size > reader->left)
        png_error(png, "the file ends early");
    memcpy(out, reader->bytes, size);
    reader->bytes += size;
    reader->left -= (int64_t)size;
}

/* To 8 bits of gray or of red, green and blue; transparency is left out. Returns the channels that come. */
static int32_t ask(reader_t *reader, int32_t channels)
{
    png_structp png = reader->png;
    const int kind = png_get_color_type(png, reader->info);
    png_set_strip_16(png);
    if (kind == PNG_COLOR_TYPE_PALETTE)
        png_set_palette_to_rgb(png);
    else if (kind == PNG_COLOR_TYPE_GRAY && png_get_bit_depth(png, reader->info) < 8)
        png_set_expand_gray_1_2_4_to_8(png);
    png_set_strip_alpha(png);
    const int32_t is_gray = (kind & (PNG_COLOR_MASK_COLOR | PNG_COLOR_MASK_PALETTE)) == 0;
    if (is_gray && channels == 3)
        png_set_gray_to_rgb(png);
    return is_gray ? channels : 3;
}

/* Until the pixels' layout is known. */
static void read_header(reader_t *reader)
{
    static const uint8_t unread[] = "iCCP\0zTXt\0iTXt\0tEXt\0sPLT\0hIST\0eXIf\0tIME\0sCAL\0pCAL\0";
    png_structp png = reader->png;
    png_set_read_fn(png, reader, read_bytes);
    png_set_keep_unknown_chunks(png, PNG_HANDLE_CHUNK_NEVER, unread, (sizeof unread - 1) / 5);
    png_set_chunk_malloc_max(png, MOST_CHUNK);
    png_set_chunk_cache_max(png, MOST_CHUNKS);
    png_set_user_limits(png, PNG_UINT_31_MAX, PNG_UINT_31_MAX); /* pt__picture_look has the caller's */
    png_read_info(png, reader->info);
}

static void read_rows(reader_t *reader, int32_t passes, const pt__picture_t *picture)
{
    for (int32_t pass = 0; pass < passes; pass++)
        for (int32_t y = 0; y < picture->height; y++)
            png_read_row(reader->png, pt__picture_row(picture, y), NULL);
    png_read_end(reader->png, NULL);
}

static void make_gray(const pt__picture_t *colors, const pt__picture_t *gray)
{
    for (int32_t y = 0; y < gray->height; y++) {
        const uint8_t *in = pt__picture_row(colors, y);
        uint8_t *out = pt__picture_row(gray, y);
        for (int32_t x = 0; x < gray->width; x++)
            out[x] = pt__picture_gray(in + 3 * x);
    }
}

/* colors: where a picture of three channels goes that is to become gray; its block stays with the caller. */
static pt_status_t read_picture(reader_t *reader, const pt__picture_t *picture, pt__picture_t *colors)
{
    if (setjmp(reader->escape) != 0)
        return pt__fail(reader->is_memory ? PT_ERR_MEMORY : PT_ERR_FORMAT, "%s", reader->words);
    reader->png = png_create_read_struct_2(PNG_LIBPNG_VER_STRING, reader, give_up, count_warning, reader, take_memory,
                                           give_memory);
    if (reader->png != NULL)
        reader->info = png_create_info_struct(reader->png);
    if (reader->info == NULL)
        return pt__fail(PT_ERR_MEMORY, "no memory for a reader of PNG pictures");
    read_header(reader);
    const int32_t come = ask(reader, picture->channels), passes = png_set_interlace_handling(reader->png);
    png_read_update_info(reader->png, reader->info);
    if (png_get_rowbytes(reader->png, reader->info) != (size_t)picture->width * (size_t)come)
        return pt__fail(PT_ERR_FORMAT, "rows of %zu bytes, expected %lld", png_get_rowbytes(reader->png, reader->info),
                        (long long)picture->width * come);
    if (come == picture->channels) {
        read_rows(reader, passes, picture);
        return PT_OK;
    }
    colors->stride = 3 * (int64_t)picture->width;
    PT__TRY(pt__allocate_uninitialised(reader->memory, (size_t)picture->height, (size_t)colors->stride,
                                       "pixels of a picture", &colors->pixels));
    read_rows(reader, passes, colors);
    make_gray(colors, picture);
    return PT_OK;
}

static pt_status_t decode(pt__memory_t *memory, const uint8_t *bytes, int64_t size, int32_t denominator,
                          const pt__picture_t *picture)
{
    reader_t *reader;
    pt__picture_t colors = *picture;
    colors.pixels = NULL;
    (void)denominator; /* 1 */
    PT__TRY(pt__allocate(memory, 1, sizeof *reader, "reader of a PNG picture", &reader));
    reader->memory = memory;
    reader->bytes = bytes;
    reader->left = size;
    pt_status_t status = read_picture(reader, picture, &colors);
    png_destroy_read_struct(&reader->png, &reader->info, NULL);
    pt__release(memory, colors.pixels);
    pt__release(memory, reader);
    return status;
}

const pt__picture_format_t pt__picture_png = {
    .name = "PNG", .library = "libpng", .is = is_png, .look = look, .decode = decode};
#else
const pt__picture_format_t pt__picture_png = {.name = "PNG", .is = is_png, .look = look};
#endif
