/* JPEG by libjpeg or libjpeg-turbo. Its errors come back by longjmp, within this file alone, and its warnings are
 * looked at: it fills what is missing with gray and warns, which is a broken picture here. Its memory is its own, as it
 * lets nobody bring another; it is a part of the picture's, whose size has been checked. */
#include <string.h>

#include "image/image.h"

#ifdef PT__JPEG
#include <setjmp.h>
#include <stdio.h>

#include <jpeglib.h>

#include <jerror.h>
#endif

enum {
    MARKER_START = 0xD8,
    MARKER_SCAN = 0xDA,
    MARKER_APP1 = 0xE1,
    PIXELS_A_BYTE = 1024 /* a block of 64 takes a bit at least, half of what a scan of one component could do */
};

static int32_t is_jpeg(const uint8_t *bytes, int64_t size)
{
    return size >= 3 && bytes[0] == 0xFF && bytes[1] == MARKER_START && bytes[2] == 0xFF;
}

static int32_t is_frame(uint8_t marker)
{
    return marker >= 0xC0 && marker <= 0xCF && marker != 0xC4 && marker != 0xC8 && marker != 0xCC;
}

/* The next marker from *at on, which is put behind it; 0: there is none. */
static uint8_t next_marker(const uint8_t *bytes, int64_t size, int64_t *at)
{
    while (*at < size) {
        const uint8_t *found = memchr(bytes + *at, 0xFF, (size_t)(size - *at));
        *at = found == NULL ? size : found - bytes;
        while (*at < size && bytes[*at] == 0xFF)
            ++*at;
        if (*at < size && bytes[*at] != 0)
            return bytes[(*at)++];
    }
    return 0;
}

/* Walks the segments before the first scan. */
static pt_status_t look(const uint8_t *bytes, int64_t size, pt__picture_about_t *about)
{
    static const char exif[6] = "Exif\0";
    int32_t has_frame = 0;
    for (int64_t at = 2;;) {
        const uint8_t marker = next_marker(bytes, size, &at);
        if (marker == 0)
            return pt__fail(PT_ERR_FORMAT, "the file ends after %lld bytes, before its pixels", (long long)size);
        if (marker == MARKER_SCAN)
            break;
        if (marker == 0x01 || (marker >= 0xD0 && marker <= 0xD9))
            continue; /* stands alone */
        const int64_t length = size - at < 2 ? 0 : bytes[at] << 8 | bytes[at + 1];
        if (length < 2 || length > size - at)
            return pt__fail(PT_ERR_FORMAT, "the file ends after %lld bytes, within its header", (long long)size);
        const uint8_t *segment = bytes + at + 2;
        if (is_frame(marker) && length >= 7) {
            about->height = segment[1] << 8 | segment[2];
            about->width = segment[3] << 8 | segment[4];
            about->is_bounded = marker < 0xC9; /* arithmetic coding may take less than a bit a block */
            about->most_pixels = size * PIXELS_A_BYTE;
            has_frame = 1;
        } else if (marker == MARKER_APP1 && length >= 2 + 6 && memcmp(segment, exif, 6) == 0) {
            about->orientation = pt__exif_orientation(segment + 6, length - 2 - 6);
        }
        at += length;
    }
    if (!has_frame)
        return pt__fail(PT_ERR_FORMAT, "a scan without a frame before it");
    return PT_OK;
}

#ifdef PT__JPEG
enum { MOST_SCANS = 100 /* of a progressive file; usual are ten */ };

typedef struct reader {
    struct jpeg_decompress_struct jpeg;
    struct jpeg_error_mgr errors;
    struct jpeg_source_mgr source;
    struct jpeg_progress_mgr progress;
    jmp_buf escape;
    const char *reason; /* where libjpeg's own words would not do; NULL: those */
    int32_t has_ended;  /* the bytes did, before the picture */
    int32_t warnings;   /* that mean nothing */
} reader_t;

static void give_up(j_common_ptr jpeg)
{
    longjmp(((reader_t *)jpeg->client_data)->escape, 1);
}

static void print_nothing(j_common_ptr jpeg)
{
    (void)jpeg;
}

/* level below 0: a warning. Bytes between segments and markers of other versions do no harm. */
static void take_message(j_common_ptr jpeg, int level)
{
    reader_t *reader = jpeg->client_data;
    if (level >= 0)
        return;
    switch (jpeg->err->msg_code) {
    case JWRN_EXTRANEOUS_DATA:
    case JWRN_JFIF_MAJOR:
    case JWRN_ADOBE_XFORM:
    case JWRN_TOO_MUCH_DATA:
        reader->warnings++;
        return;
    default:
        reader->reason = reader->has_ended ? "the file ends early" : NULL;
        longjmp(reader->escape, 1);
    }
}

static void begin_source(j_decompress_ptr jpeg)
{
    (void)jpeg;
}

/* There is no more: what every file ends with is handed out again and again. */
static boolean fill_source(j_decompress_ptr jpeg)
{
    static const JOCTET end[2] = {0xFF, JPEG_EOI};
    ((reader_t *)jpeg->client_data)->has_ended = 1;
    jpeg->src->next_input_byte = end;
    jpeg->src->bytes_in_buffer = sizeof end;
    return TRUE;
}

static void skip_source(j_decompress_ptr jpeg, long count)
{
    if (count <= 0)
        return;
    if ((size_t)count > jpeg->src->bytes_in_buffer) {
        fill_source(jpeg);
        return;
    }
    jpeg->src->next_input_byte += count;
    jpeg->src->bytes_in_buffer -= (size_t)count;
}

static void end_source(j_decompress_ptr jpeg)
{
    (void)jpeg;
}

static void count_scans(j_common_ptr jpeg)
{
    reader_t *reader = jpeg->client_data;
    if (((j_decompress_ptr)jpeg)->input_scan_number <= MOST_SCANS)
        return;
    reader->reason = "more scans than any picture has";
    longjmp(reader->escape, 1);
}

/* As Adobe's programs write it: inverted. */
static void convert_cmyk(const uint8_t *in, int32_t width, int32_t channels, uint8_t *out)
{
    for (int32_t x = 0; x < width; x++, in += 4, out += channels) {
        uint8_t color[3];
        for (int32_t c = 0; c < 3; c++) {
            const int32_t product = (255 - in[c]) * in[3] + 128, less = (product + (product >> 8)) >> 8;
            color[c] = (uint8_t)(in[3] - less);
        }
        if (channels == 1)
            out[0] = pt__picture_gray(color);
        else
            memcpy(out, color, 3);
    }
}

static void begin(reader_t *reader, const uint8_t *bytes, int64_t size)
{
    struct jpeg_decompress_struct *jpeg = &reader->jpeg;
    jpeg->err = jpeg_std_error(&reader->errors);
    reader->errors.error_exit = give_up;
    reader->errors.emit_message = take_message;
    reader->errors.output_message = print_nothing;
    jpeg->client_data = reader;
    jpeg_create_decompress(jpeg);
    reader->source = (struct jpeg_source_mgr){.next_input_byte = bytes,
                                              .bytes_in_buffer = (size_t)size,
                                              .init_source = begin_source,
                                              .fill_input_buffer = fill_source,
                                              .skip_input_data = skip_source,
                                              .resync_to_restart = jpeg_resync_to_restart,
                                              .term_source = end_source};
    jpeg->src = &reader->source;
    reader->progress.progress_monitor = count_scans;
    jpeg->progress = &reader->progress;
}

/* line: where a row of four channels goes first; NULL: there are none. */
static void read_rows(reader_t *reader, uint8_t *line, const pt__picture_t *picture)
{
    struct jpeg_decompress_struct *jpeg = &reader->jpeg;
    while (jpeg->output_scanline < jpeg->output_height) {
        uint8_t *row = pt__picture_row(picture, (int32_t)jpeg->output_scanline);
        JSAMPROW rows[1] = {line != NULL ? line : row};
        jpeg_read_scanlines(jpeg, rows, 1);
        if (line != NULL)
            convert_cmyk(line, picture->width, picture->channels, row);
    }
}

/* What lies between here and libjpeg's errors owns nothing. */
static void read_picture(reader_t *reader, int32_t denominator, uint8_t *line, const pt__picture_t *picture)
{
    struct jpeg_decompress_struct *jpeg = &reader->jpeg;
    jpeg_read_header(jpeg, TRUE);
    jpeg->scale_num = 1;
    jpeg->scale_denom = (unsigned)denominator;
    if (jpeg->jpeg_color_space == JCS_CMYK || jpeg->jpeg_color_space == JCS_YCCK)
        jpeg->out_color_space = JCS_CMYK;
    else
        jpeg->out_color_space = picture->channels == 1 ? JCS_GRAYSCALE : JCS_RGB;
    jpeg_start_decompress(jpeg);
    if (jpeg->output_width != (JDIMENSION)picture->width || jpeg->output_height != (JDIMENSION)picture->height) {
        reader->reason = "two frames of different sizes";
        longjmp(reader->escape, 1);
    }
    read_rows(reader, jpeg->out_color_space == JCS_CMYK ? line : NULL, picture);
    if (reader->has_ended && jpeg_has_multiple_scans(jpeg)) { /* later scans may be missing, of which nothing tells */
        reader->reason = "the file ends early";
        longjmp(reader->escape, 1);
    }
}

static pt_status_t decode(pt__memory_t *memory, const uint8_t *bytes, int64_t size, int32_t denominator,
                          const pt__picture_t *picture)
{
    uint8_t *line;
    reader_t *reader;
    char words[JMSG_LENGTH_MAX];
    PT__TRY(pt__allocate(memory, 1, sizeof *reader, "reader of a JPEG picture", &reader));
    pt_status_t status = pt__allocate_uninitialised(memory, (size_t)picture->width, 4, "row of a JPEG picture", &line);
    if (status != PT_OK) {
        pt__release(memory, reader);
        return status;
    }
    if (setjmp(reader->escape) == 0) {
        begin(reader, bytes, size);
        read_picture(reader, denominator, line, picture);
        jpeg_destroy_decompress(&reader->jpeg);
    } else {
        if (reader->reason == NULL)
            reader->errors.format_message((j_common_ptr)&reader->jpeg, words);
        const int32_t is_memory = reader->reason == NULL && reader->errors.msg_code == JERR_OUT_OF_MEMORY;
        jpeg_destroy_decompress(&reader->jpeg);
        status = pt__fail(is_memory ? PT_ERR_MEMORY : PT_ERR_FORMAT, "%s",
                          reader->reason != NULL ? reader->reason : words);
    }
    pt__release(memory, line);
    pt__release(memory, reader);
    return status;
}

const pt__picture_format_t pt__picture_jpeg = {
    .name = "JPEG", .library = "libjpeg", .is = is_jpeg, .look = look, .decode = decode, .scales = 1};
#else
const pt__picture_format_t pt__picture_jpeg = {.name = "JPEG", .is = is_jpeg, .look = look};
#endif
