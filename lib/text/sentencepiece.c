/* SentencePiece's .model (sentencepiece_model.proto), read by hand from the wire format of protocol buffers. */
#include <string.h>

#include "base/json.h"
#include "text/foreign.h"
#include "text/piece_model.h"

typedef struct message {             /* what is left of one */
    const uint8_t *whole, *at, *end; /* whole: of the file, for the places in messages */
} message_t;

typedef struct field {
    uint32_t number, wire; /* wire: VARINT, EIGHT, BYTES or FOUR */
    uint64_t value;        /* of VARINT, EIGHT and FOUR */
    message_t bytes;       /* of BYTES */
} field_t;

enum { VARINT = 0, EIGHT = 1, BYTES = 2, FOUR = 5 };

static pt_status_t fail(const message_t *message, const char *what)
{
    return pt__fail(PT_ERR_FORMAT, "byte %lld: %s", (long long)(message->at - message->whole), what);
}

static pt_status_t read_varint(message_t *message, uint64_t *value)
{
    *value = 0;
    for (int32_t shift = 0; shift < 64; shift += 7) {
        if (message->at == message->end)
            return fail(message, "the message ends within a number");
        const uint8_t byte = *message->at++;
        *value |= (uint64_t)(byte & 0x7F) << shift;
        if (byte < 0x80)
            return PT_OK;
    }
    return fail(message, "a number of over 10 bytes");
}

static pt_status_t read_fixed(message_t *message, int32_t size, uint64_t *value)
{
    *value = 0;
    if (message->end - message->at < size)
        return fail(message, "the message ends within a number");
    for (int32_t i = 0; i < size; i++)
        *value |= (uint64_t)*message->at++ << (8 * i);
    return PT_OK;
}

/* *is_there is 0 at the end. */
static pt_status_t next_field(message_t *message, field_t *field, int32_t *is_there)
{
    uint64_t key, length;
    *is_there = message->at < message->end;
    if (!*is_there)
        return PT_OK;
    PT__TRY(read_varint(message, &key));
    field->wire = (uint32_t)(key & 7);
    field->number = key >> 3 > INT32_MAX ? 0 : (uint32_t)(key >> 3);
    if (field->number == 0)
        return fail(message, "a field without a number");
    switch (field->wire) {
    case VARINT:
        return read_varint(message, &field->value);
    case EIGHT:
        return read_fixed(message, 8, &field->value);
    case FOUR:
        return read_fixed(message, 4, &field->value);
    case BYTES:
        PT__TRY(read_varint(message, &length));
        if (length > (uint64_t)(message->end - message->at))
            return pt__fail(PT_ERR_FORMAT, "byte %lld: field %u has %llu bytes, and %lld are left",
                            (long long)(message->at - message->whole), (unsigned)field->number,
                            (unsigned long long)length, (long long)(message->end - message->at));
        field->bytes = (message_t){message->whole, message->at, message->at + length};
        message->at += length;
        return PT_OK;
    default:
        return fail(message, "a field of a kind that is not known");
    }
}

/* The field is of that kind. */
static pt_status_t expect(const message_t *message, const field_t *field, uint32_t wire, const char *what)
{
    return field->wire == wire
               ? PT_OK
               : pt__fail(PT_ERR_FORMAT, "byte %lld: %s is of wire type %u, expected %u",
                          (long long)(message->at - message->whole), what, (unsigned)field->wire, (unsigned)wire);
}

static pt_status_t read_piece(message_t message, pt__piece_t *piece)
{
    int32_t is_there;
    field_t field;
    piece->kind = PT__PIECE_NORMAL;
    for (;;) {
        PT__TRY(next_field(&message, &field, &is_there));
        if (!is_there)
            return PT_OK;
        if (field.number == 1) {
            PT__TRY(expect(&message, &field, BYTES, "a piece"));
            piece->bytes = (const char *)field.bytes.at;
            piece->length = field.bytes.end - field.bytes.at;
        } else if (field.number == 2) {
            float score;
            const uint32_t bits = (uint32_t)field.value;
            PT__TRY(expect(&message, &field, FOUR, "a score"));
            memcpy(&score, &bits, sizeof score);
            piece->score = score;
        } else if (field.number == 3) {
            PT__TRY(expect(&message, &field, VARINT, "a piece's kind"));
            piece->kind = field.value > INT32_MAX ? 0 : (int64_t)field.value;
        }
    }
}

static pt_status_t read_trainer(message_t message, pt__piece_model_t *model)
{
    int32_t is_there;
    field_t field;
    for (;;) {
        PT__TRY(next_field(&message, &field, &is_there));
        if (!is_there)
            return PT_OK;
        if (field.number != 3 && field.number != 24 && field.number != 35)
            continue;
        PT__TRY(expect(&message, &field, VARINT, "a setting of the trainer"));
        if (field.number == 3 && (field.value < 1 || field.value > 2))
            return pt__fail(PT_ERR_UNSUPPORTED,
                            "a model of type %llu (trainer_spec.model_type), expected 1, unigram, or 2, BPE",
                            (unsigned long long)field.value);
        if (field.number == 24 && field.value != 0)
            return pt__fail(PT_ERR_UNSUPPORTED, "blanks at the end of words (trainer_spec.treat_whitespace_as_suffix)");
        if (field.number == 3)
            model->is_unigram = field.value == 1;
        if (field.number == 35)
            model->falls_back = field.value != 0;
    }
}

static pt_status_t read_normalizer(message_t message, pt__piece_model_t *model)
{
    int32_t is_there;
    field_t field;
    for (;;) {
        PT__TRY(next_field(&message, &field, &is_there));
        if (!is_there)
            return PT_OK;
        if (field.number == 2) {
            PT__TRY(expect(&message, &field, BYTES, "the normalizer's map"));
            model->map = field.bytes.at;
            model->map_size = field.bytes.end - field.bytes.at;
        }
        int32_t *setting = field.number == 3   ? &model->puts_blank
                           : field.number == 4 ? &model->trims
                           : field.number == 5 ? &model->escapes
                                               : NULL;
        if (setting == NULL)
            continue;
        PT__TRY(expect(&message, &field, VARINT, "a setting of the normalizer"));
        *setting = field.value != 0;
    }
}

static pt_status_t read_model(pt__memory_t *memory, message_t message, pt__piece_model_t *model)
{
    int64_t capacity = 0;
    int32_t is_there;
    field_t field;
    for (;;) {
        PT__TRY(next_field(&message, &field, &is_there));
        if (!is_there)
            break;
        if (field.number < 1 || field.number > 3)
            continue;
        PT__TRY(expect(&message, &field, BYTES, "a part of the model"));
        if (field.number == 2)
            PT__TRY(read_trainer(field.bytes, model));
        if (field.number == 3)
            PT__TRY(read_normalizer(field.bytes, model));
        if (field.number != 1)
            continue;
        PT__TRY(pt__grow(memory, &model->pieces, &capacity, model->count + 1, sizeof *model->pieces, "pieces"));
        PT__TRY(read_piece(field.bytes, &model->pieces[model->count++]));
    }
    return model->count > 0 ? PT_OK : pt__fail(PT_ERR_FORMAT, "a model without pieces");
}

int32_t pt__sentencepiece_is(const uint8_t *bytes, int64_t size)
{
    message_t message = {bytes, bytes, bytes + size};
    field_t field, piece;
    int32_t is_there;
    if (size < 2 || bytes[0] != (1 << 3 | BYTES))
        return 0;
    const int32_t is_one = next_field(&message, &field, &is_there) == PT_OK &&
                           next_field(&field.bytes, &piece, &is_there) == PT_OK && is_there && piece.number == 1 &&
                           piece.wire == BYTES;
    pt__error_clear();
    return is_one;
}

pt_status_t pt__sentencepiece_to_json(const uint8_t *bytes, int64_t size, pt__text_t *json)
{
    pt__piece_model_t model = {
        .is_unigram = 1, .puts_blank = 1, .trims = 1, .escapes = 1, .first = -1, .last = -1}; /* what is not written */
    pt_status_t status = read_model(json->memory, (message_t){bytes, bytes, bytes + size}, &model);
    if (status == PT_OK)
        status = pt__piece_model_write(&model, json);
    pt__release(json->memory, model.pieces);
    return status;
}
