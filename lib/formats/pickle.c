/* See pickle.h. The machine of a pickle has a stack of values with marks in it, and a memo of values by number. It is
 * one machine of some sixty opcodes, a few lines each: the file is long because the format is. */
#include "formats/pickle.h"

#include <string.h>

enum {
    BLOCK = 1 << 16,
    MOST_BYTES = 1 << 28, /* of values: a state dict has a few thousand */
    MOST_MEMOS = 1 << 24,
    NEWEST_PROTOCOL = 5
};

typedef struct block block_t;
struct block { /* what follows it is given out */
    block_t *next;
    int64_t used, size;
};

typedef struct machine {
    pt__pickled_t *out;
    const pt__pickle_global_t *globals;
    int32_t n_globals;
    const uint8_t *bytes, *at, *end;
    const uint8_t *opcode; /* the one that is run, for messages */
    pt__pickle_t **stack;
    int64_t height, stack_capacity;
    int64_t *marks; /* heights */
    int64_t n_marks, marks_capacity;
    pt__pickle_t **memo;
    int64_t memo_capacity, n_memoized;
    int32_t is_done;
} machine_t;

static const pt__pickle_t none = {.kind = PT__PICKLE_NONE}, no = {.kind = PT__PICKLE_BOOL},
                          yes = {.kind = PT__PICKLE_BOOL, .integer = 1}, number = {.kind = PT__PICKLE_NUMBER};

static const char *opcode_name(uint8_t code);

static pt_status_t fail(const machine_t *machine, const char *what)
{
    return pt__fail(PT_ERR_FORMAT, "byte %lld: opcode %s: %s", (long long)(machine->opcode - machine->bytes),
                    opcode_name(*machine->opcode), what);
}

/* ---- Memory: values are never given back one by one ---- */

static pt_status_t make_room(machine_t *machine, int64_t size, void *out)
{
    pt__pickled_t *pickled = machine->out;
    block_t *block = pickled->blocks;
    size = (size + 15) / 16 * 16;
    if (block == NULL || block->size - block->used < size) {
        const int64_t wanted = (int64_t)sizeof *block + (size > BLOCK ? size : BLOCK);
        if (pickled->held + wanted > MOST_BYTES)
            return pt__fail(PT_ERR_FORMAT, "byte %lld: the pickle's values take more than %d bytes",
                            (long long)(machine->opcode - machine->bytes), MOST_BYTES);
        PT__TRY(pt__allocate_uninitialised(pickled->memory, (size_t)wanted, 1, "values of a pickle", &block));
        *block = (block_t){.next = pickled->blocks, .used = (int64_t)sizeof *block, .size = wanted};
        pickled->blocks = block;
        pickled->held += wanted;
    }
    *(void **)out = (uint8_t *)block + block->used;
    block->used += size;
    return PT_OK;
}

static pt_status_t push(machine_t *machine, const pt__pickle_t *value)
{
    if (machine->height >= MOST_BYTES / (int64_t)sizeof *machine->stack)
        return fail(machine, "the stack is too high");
    PT__TRY(pt__grow(machine->out->memory, &machine->stack, &machine->stack_capacity, machine->height + 1,
                     sizeof *machine->stack, "stack of a pickle"));
    machine->stack[machine->height++] = (pt__pickle_t *)(uintptr_t)value; /* who changes one looks at its kind */
    return PT_OK;
}

static pt_status_t push_new(machine_t *machine, pt__pickle_t value)
{
    pt__pickle_t *made = NULL;
    PT__TRY(make_room(machine, (int64_t)sizeof *made, &made));
    *made = value;
    return push(machine, made);
}

/* ---- The stack ---- */

static int64_t last_mark(const machine_t *machine)
{
    return machine->n_marks > 0 ? machine->marks[machine->n_marks - 1] : 0;
}

/* The topmost `count` values; no mark is below the last of them. */
static pt_status_t pop(machine_t *machine, int64_t count, pt__pickle_t ***values)
{
    if (machine->height - last_mark(machine) < count)
        return fail(machine, "nothing is left on the stack");
    machine->height -= count;
    *values = machine->stack + machine->height;
    return PT_OK;
}

/* What stands above the last mark, which goes with it. */
static pt_status_t pop_mark(machine_t *machine, pt__pickle_t ***values, int64_t *count)
{
    if (machine->n_marks == 0)
        return fail(machine, "there is no mark");
    const int64_t mark = machine->marks[--machine->n_marks];
    *values = machine->stack == NULL ? NULL : machine->stack + mark;
    *count = machine->height - mark;
    machine->height = mark;
    return PT_OK;
}

static pt_status_t top(machine_t *machine, pt__pickle_t **value)
{
    if (machine->height - last_mark(machine) < 1)
        return fail(machine, "nothing is left on the stack");
    *value = machine->stack[machine->height - 1];
    return PT_OK;
}

/* ---- Bytes of the pickle ---- */

static pt_status_t take(machine_t *machine, uint64_t count, const uint8_t **bytes)
{
    if (count > (uint64_t)(machine->end - machine->at))
        return pt__fail(PT_ERR_FORMAT, "byte %lld: opcode %s takes %llu bytes, and %lld are left",
                        (long long)(machine->opcode - machine->bytes), opcode_name(*machine->opcode),
                        (unsigned long long)count, (long long)(machine->end - machine->at));
    *bytes = machine->at;
    machine->at += count;
    return PT_OK;
}

static pt_status_t take_number(machine_t *machine, int64_t size, uint64_t *value)
{
    const uint8_t *bytes = NULL;
    PT__TRY(take(machine, (uint64_t)size, &bytes));
    *value = 0;
    for (int64_t i = 0; i < size; i++)
        *value |= (uint64_t)bytes[i] << (8 * i);
    return PT_OK;
}

/* Up to the next line's end, which is passed over. */
static pt_status_t take_line(machine_t *machine, const char **line, int64_t *length)
{
    const uint8_t *end = memchr(machine->at, '\n', (size_t)(machine->end - machine->at));
    if (end == NULL)
        return fail(machine, "its line has no end");
    *line = (const char *)machine->at;
    *length = end - machine->at;
    machine->at = end + 1;
    return PT_OK;
}

/* ---- Opcodes of plain values ---- */

static pt_status_t run_constant(machine_t *machine)
{
    return push(machine, *machine->opcode == 'N' ? &none : *machine->opcode == 0x88 ? &yes : &no);
}

/* 'J' 4 bytes, 'M' 2, 'K' 1 */
static pt_status_t run_integer(machine_t *machine)
{
    const uint8_t code = *machine->opcode;
    uint64_t value = 0;
    PT__TRY(take_number(machine, code == 'J' ? 4 : code == 'M' ? 2 : 1, &value));
    const int64_t integer = code == 'J' && value >= 0x80000000u ? (int64_t)value - 0x100000000 : (int64_t)value;
    return push_new(machine, (pt__pickle_t){.kind = PT__PICKLE_INTEGER, .integer = integer});
}

/* Little-endian, in two's complement, of any length. */
static pt_status_t run_long(machine_t *machine)
{
    uint64_t size = 0, value = 0;
    const uint8_t *bytes = NULL;
    PT__TRY(take_number(machine, *machine->opcode == 0x8A ? 1 : 4, &size));
    PT__TRY(take(machine, size, &bytes));
    if (size > 8)
        return push_new(
            machine, (pt__pickle_t){.kind = PT__PICKLE_NUMBER, .bytes = (const char *)bytes, .length = (int64_t)size});
    for (uint64_t i = 0; i < 8; i++) {
        const uint8_t byte = i < size ? bytes[i] : size > 0 && bytes[size - 1] >= 0x80 ? 0xFF : 0;
        value |= (uint64_t)byte << (8 * i);
    }
    const int64_t integer = value <= INT64_MAX ? (int64_t)value : -(int64_t)~value - 1;
    return push_new(machine, (pt__pickle_t){.kind = PT__PICKLE_INTEGER, .integer = integer});
}

static pt_status_t run_float(machine_t *machine)
{
    const uint8_t *bytes = NULL;
    PT__TRY(take(machine, 8, &bytes));
    return push(machine, &number);
}

static pt_status_t push_string(machine_t *machine, pt__pickle_kind_t kind, int64_t size_of_length)
{
    uint64_t length = 0;
    const uint8_t *bytes = NULL;
    PT__TRY(take_number(machine, size_of_length, &length));
    PT__TRY(take(machine, length, &bytes));
    return push_new(machine, (pt__pickle_t){.kind = kind, .bytes = (const char *)bytes, .length = (int64_t)length});
}

/* Python 2 wrote its strings, names among them, as SHORT_BINSTRING and BINSTRING. */
static pt_status_t run_string(machine_t *machine)
{
    const uint8_t code = *machine->opcode;
    return push_string(machine, PT__PICKLE_STRING, code == 'X' || code == 'T' ? 4 : code == 0x8D ? 8 : 1);
}

static pt_status_t run_bytes(machine_t *machine)
{
    const uint8_t code = *machine->opcode;
    return push_string(machine, PT__PICKLE_BYTES, code == 'B' ? 4 : code == 'C' ? 1 : 8);
}

/* ---- Opcodes of containers ---- */

static pt_status_t add(machine_t *machine, pt__pickle_t *to, pt__pickle_t *const *values, int64_t count)
{
    if (to->capacity - to->count < count) {
        const pt__pickle_t **items;
        const int64_t capacity = to->count + count > 2 * to->capacity ? to->count + count : 2 * to->capacity;
        PT__TRY(make_room(machine, capacity * (int64_t)sizeof *items, &items));
        if (to->count > 0)
            memcpy(items, to->items, (size_t)to->count * sizeof *items);
        to->items = items;
        to->capacity = capacity;
    }
    for (int64_t i = 0; i < count; i++)
        to->items[to->count++] = values[i];
    return PT_OK;
}

static pt_status_t run_empty(machine_t *machine)
{
    const uint8_t code = *machine->opcode;
    return push_new(machine, (pt__pickle_t){.kind = code == ')'   ? PT__PICKLE_TUPLE
                                                    : code == ']' ? PT__PICKLE_LIST
                                                                  : PT__PICKLE_DICT});
}

static pt_status_t run_tuple(machine_t *machine)
{
    const uint8_t code = *machine->opcode;
    pt__pickle_t tuple = {.kind = PT__PICKLE_TUPLE}, **values = NULL;
    int64_t count = code - 0x84;
    PT__TRY(code == 't' ? pop_mark(machine, &values, &count) : pop(machine, count, &values));
    PT__TRY(add(machine, &tuple, values, count));
    return push_new(machine, tuple);
}

/* 'a': one; 'e': what is above the mark */
static pt_status_t run_append(machine_t *machine)
{
    pt__pickle_t *list = NULL, **values = NULL;
    int64_t count = 1;
    PT__TRY(*machine->opcode == 'a' ? pop(machine, 1, &values) : pop_mark(machine, &values, &count));
    PT__TRY(top(machine, &list));
    if (list->kind != PT__PICKLE_LIST)
        return fail(machine, "it does not append to a list");
    return add(machine, list, values, count);
}

/* 's': one; 'u': what is above the mark */
static pt_status_t run_set_items(machine_t *machine)
{
    pt__pickle_t *dict = NULL, **values = NULL;
    int64_t count = 2;
    PT__TRY(*machine->opcode == 's' ? pop(machine, 2, &values) : pop_mark(machine, &values, &count));
    PT__TRY(top(machine, &dict));
    if (dict->kind != PT__PICKLE_DICT || count % 2 != 0)
        return fail(machine, count % 2 != 0 ? "a key has no value" : "it does not set items of a dict");
    return add(machine, dict, values, count);
}

/* ---- Opcodes of the stack and the memo ---- */

static pt_status_t run_mark(machine_t *machine)
{
    if (machine->n_marks >= MOST_BYTES / (int64_t)sizeof *machine->marks)
        return fail(machine, "the marks are too many");
    PT__TRY(pt__grow(machine->out->memory, &machine->marks, &machine->marks_capacity, machine->n_marks + 1,
                     sizeof *machine->marks, "marks of a pickle"));
    machine->marks[machine->n_marks++] = machine->height;
    return PT_OK;
}

static pt_status_t run_pop(machine_t *machine)
{
    pt__pickle_t **values = NULL;
    int64_t count = 0;
    if (*machine->opcode == '0' && machine->height > last_mark(machine))
        return pop(machine, 1, &values);
    return pop_mark(machine, &values, &count);
}

static pt_status_t run_duplicate(machine_t *machine)
{
    pt__pickle_t *value = NULL;
    PT__TRY(top(machine, &value));
    return push(machine, value);
}

/* 'q', 'r': the number follows; MEMOIZE: the next number */
static pt_status_t run_put(machine_t *machine)
{
    const uint8_t code = *machine->opcode;
    uint64_t index = (uint64_t)machine->n_memoized;
    pt__pickle_t *value = NULL;
    if (code != 0x94)
        PT__TRY(take_number(machine, code == 'q' ? 1 : 4, &index));
    PT__TRY(top(machine, &value));
    if (index >= MOST_MEMOS)
        return fail(machine, "the memo's number is too large");
    PT__TRY(pt__grow(machine->out->memory, &machine->memo, &machine->memo_capacity, (int64_t)index + 1,
                     sizeof *machine->memo, "memo of a pickle"));
    machine->n_memoized += machine->memo[index] == NULL;
    machine->memo[index] = value;
    return PT_OK;
}

static pt_status_t run_get(machine_t *machine)
{
    uint64_t index = 0;
    PT__TRY(take_number(machine, *machine->opcode == 'h' ? 1 : 4, &index));
    if (index >= (uint64_t)machine->memo_capacity || machine->memo[index] == NULL)
        return fail(machine, "nothing has the memo's number");
    return push(machine, machine->memo[index]);
}

/* ---- Opcodes of names and calls ---- */

static int32_t is_global(const char *known, const char *module, int64_t module_length, const char *name,
                         int64_t name_length)
{
    return (int64_t)strlen(known) == module_length + 1 + name_length &&
           memcmp(known, module, (size_t)module_length) == 0 && known[module_length] == '.' &&
           memcmp(known + module_length + 1, name, (size_t)name_length) == 0;
}

static pt_status_t push_global(machine_t *machine, const char *module, int64_t module_length, const char *name,
                               int64_t name_length)
{
    for (int32_t i = 0; i < machine->n_globals; i++) {
        if (is_global(machine->globals[i].name, module, module_length, name, name_length))
            return push_new(machine, (pt__pickle_t){.kind = PT__PICKLE_GLOBAL, .global = i});
    }
    return pt__fail(PT_ERR_UNSUPPORTED,
                    "byte %lld: the pickle names %.*s.%.*s, which no state dict needs, and nothing of it is called",
                    (long long)(machine->opcode - machine->bytes), (int)(module_length < 80 ? module_length : 80),
                    module, (int)(name_length < 80 ? name_length : 80), name);
}

static pt_status_t run_global(machine_t *machine)
{
    const char *module = NULL, *name = NULL;
    int64_t module_length = 0, name_length = 0;
    PT__TRY(take_line(machine, &module, &module_length));
    PT__TRY(take_line(machine, &name, &name_length));
    return push_global(machine, module, module_length, name, name_length);
}

static pt_status_t run_stack_global(machine_t *machine)
{
    pt__pickle_t **values = NULL;
    PT__TRY(pop(machine, 2, &values));
    if (values[0]->kind != PT__PICKLE_STRING || values[1]->kind != PT__PICKLE_STRING)
        return fail(machine, "expected two strings");
    return push_global(machine, values[0]->bytes, values[0]->length, values[1]->bytes, values[1]->length);
}

/* A dict of nothing, of a list of pairs (Python 2's ordered dicts), or of another dict (counters). */
static pt_status_t push_dict(machine_t *machine, const pt__pickle_t *arguments)
{
    pt__pickle_t dict = {.kind = PT__PICKLE_DICT};
    const pt__pickle_t *from = arguments->count == 1 ? arguments->items[0] : NULL;
    if (arguments->count == 0)
        return push_new(machine, dict);
    if (from == NULL || (from->kind != PT__PICKLE_LIST && from->kind != PT__PICKLE_DICT))
        return fail(machine, "a dict is made of nothing, of a list of pairs, or of a dict");
    if (from->kind == PT__PICKLE_DICT)
        PT__TRY(add(machine, &dict, (pt__pickle_t *const *)from->items, from->count));
    for (int64_t i = 0; from->kind == PT__PICKLE_LIST && i < from->count; i++) {
        const pt__pickle_t *pair = from->items[i];
        if ((pair->kind != PT__PICKLE_LIST && pair->kind != PT__PICKLE_TUPLE) || pair->count != 2)
            return fail(machine, "a dict is made of a list that has something else than pairs");
        PT__TRY(add(machine, &dict, (pt__pickle_t *const *)pair->items, 2));
    }
    return push_new(machine, dict);
}

/* REDUCE and NEWOBJ: both apply a name to a tuple. */
static pt_status_t run_call(machine_t *machine)
{
    pt__pickle_t **values = NULL;
    PT__TRY(pop(machine, 2, &values));
    const pt__pickle_t *callee = values[0], *arguments = values[1];
    if (callee->kind != PT__PICKLE_GLOBAL || arguments->kind != PT__PICKLE_TUPLE)
        return fail(machine, "expected a name and a tuple of arguments");
    const pt__pickle_global_t *global = &machine->globals[callee->global];
    if (global->use == PT__PICKLE_NAMED)
        return pt__fail(PT_ERR_UNSUPPORTED,
                        "byte %lld: opcode %s: the pickle calls %s, which no state dict needs, and nothing is called",
                        (long long)(machine->opcode - machine->bytes), opcode_name(*machine->opcode), global->name);
    if (global->use == PT__PICKLE_MAKES_DICT)
        return push_dict(machine, arguments);
    return push_new(machine, (pt__pickle_t){.kind = PT__PICKLE_CALL, .global = callee->global, .of = arguments});
}

/* The state of an ordered dict is its attributes, a state dict's versions: of no use here. A call's is kept. */
static pt_status_t run_build(machine_t *machine)
{
    pt__pickle_t **values = NULL, *value = NULL;
    PT__TRY(pop(machine, 1, &values));
    PT__TRY(top(machine, &value));
    if (value->kind == PT__PICKLE_CALL)
        value->state = values[0];
    return value->kind == PT__PICKLE_DICT || value->kind == PT__PICKLE_CALL
               ? PT_OK
               : fail(machine, "it does not set the state of what a call made");
}

static pt_status_t run_reference(machine_t *machine)
{
    pt__pickle_t **values = NULL;
    PT__TRY(pop(machine, 1, &values));
    PT__TRY(push_new(
        machine, (pt__pickle_t){.kind = PT__PICKLE_REFERENCE, .of = values[0], .reference = machine->out->references}));
    machine->out->references = machine->stack[machine->height - 1];
    return PT_OK;
}

/* ---- Opcodes of the pickle itself ---- */

static pt_status_t run_protocol(machine_t *machine)
{
    uint64_t protocol = 0;
    PT__TRY(take_number(machine, 1, &protocol));
    return protocol <= NEWEST_PROTOCOL ? PT_OK
                                       : pt__fail(PT_ERR_UNSUPPORTED, "a pickle of protocol %llu, expected at most %d",
                                                  (unsigned long long)protocol, NEWEST_PROTOCOL);
}

/* Only helps who reads a pickle piece by piece. */
static pt_status_t run_frame(machine_t *machine)
{
    uint64_t length = 0;
    PT__TRY(take_number(machine, 8, &length));
    return length <= (uint64_t)(machine->end - machine->at) ? PT_OK
                                                            : fail(machine, "the frame is longer than the pickle");
}

static pt_status_t run_stop(machine_t *machine)
{
    pt__pickle_t *value = NULL;
    PT__TRY(top(machine, &value));
    machine->out->root = value;
    machine->is_done = 1;
    return PT_OK;
}

/* All of Python's, by the names of its pickletools; those that a state dict does not need have no function. */
static const struct {
    uint8_t code;
    const char *name;
    pt_status_t (*run)(machine_t *machine);
} opcodes[] = {
    {'I', "INT", NULL},
    {'J', "BININT", run_integer},
    {'K', "BININT1", run_integer},
    {'M', "BININT2", run_integer},
    {'L', "LONG", NULL},
    {0x8A, "LONG1", run_long},
    {0x8B, "LONG4", run_long},
    {'S', "STRING", NULL},
    {'T', "BINSTRING", run_string},
    {'U', "SHORT_BINSTRING", run_string},
    {'B', "BINBYTES", run_bytes},
    {'C', "SHORT_BINBYTES", run_bytes},
    {0x8E, "BINBYTES8", run_bytes},
    {0x96, "BYTEARRAY8", NULL},
    {0x97, "NEXT_BUFFER", NULL},
    {0x98, "READONLY_BUFFER", NULL},
    {'N', "NONE", run_constant},
    {0x88, "NEWTRUE", run_constant},
    {0x89, "NEWFALSE", run_constant},
    {'V', "UNICODE", NULL},
    {0x8C, "SHORT_BINUNICODE", run_string},
    {'X', "BINUNICODE", run_string},
    {0x8D, "BINUNICODE8", run_string},
    {'F', "FLOAT", NULL},
    {'G', "BINFLOAT", run_float},
    {']', "EMPTY_LIST", run_empty},
    {'a', "APPEND", run_append},
    {'e', "APPENDS", run_append},
    {'l', "LIST", NULL},
    {')', "EMPTY_TUPLE", run_empty},
    {'t', "TUPLE", run_tuple},
    {0x85, "TUPLE1", run_tuple},
    {0x86, "TUPLE2", run_tuple},
    {0x87, "TUPLE3", run_tuple},
    {'}', "EMPTY_DICT", run_empty},
    {'d', "DICT", NULL},
    {'s', "SETITEM", run_set_items},
    {'u', "SETITEMS", run_set_items},
    {0x8F, "EMPTY_SET", NULL},
    {0x90, "ADDITEMS", NULL},
    {0x91, "FROZENSET", NULL},
    {'0', "POP", run_pop},
    {'2', "DUP", run_duplicate},
    {'(', "MARK", run_mark},
    {'1', "POP_MARK", run_pop},
    {'g', "GET", NULL},
    {'h', "BINGET", run_get},
    {'j', "LONG_BINGET", run_get},
    {'p', "PUT", NULL},
    {'q', "BINPUT", run_put},
    {'r', "LONG_BINPUT", run_put},
    {0x94, "MEMOIZE", run_put},
    {0x82, "EXT1", NULL},
    {0x83, "EXT2", NULL},
    {0x84, "EXT4", NULL},
    {'c', "GLOBAL", run_global},
    {0x93, "STACK_GLOBAL", run_stack_global},
    {'R', "REDUCE", run_call},
    {'b', "BUILD", run_build},
    {'i', "INST", NULL},
    {'o', "OBJ", NULL},
    {0x81, "NEWOBJ", run_call},
    {0x92, "NEWOBJ_EX", NULL},
    {0x80, "PROTO", run_protocol},
    {'.', "STOP", run_stop},
    {0x95, "FRAME", run_frame},
    {'P', "PERSID", NULL},
    {'Q', "BINPERSID", run_reference},
};

enum { OPCODES = sizeof opcodes / sizeof opcodes[0] };

static int32_t find_opcode(uint8_t code)
{
    for (int32_t i = 0; i < OPCODES; i++) {
        if (opcodes[i].code == code)
            return i;
    }
    return -1;
}

static const char *opcode_name(uint8_t code)
{
    const int32_t index = find_opcode(code);
    return index < 0 ? "?" : opcodes[index].name;
}

static pt_status_t run(machine_t *machine)
{
    while (!machine->is_done) {
        if (machine->at == machine->end)
            return pt__fail(PT_ERR_FORMAT, "byte %lld: the pickle is cut short: it has no STOP",
                            (long long)(machine->at - machine->bytes));
        machine->opcode = machine->at++;
        const int32_t index = find_opcode(*machine->opcode);
        if (index < 0)
            return pt__fail(PT_ERR_FORMAT, "byte %lld: 0x%02X is no opcode of a pickle",
                            (long long)(machine->opcode - machine->bytes), *machine->opcode);
        if (opcodes[index].run == NULL)
            return pt__fail(PT_ERR_UNSUPPORTED, "byte %lld: opcode %s, which no state dict needs",
                            (long long)(machine->opcode - machine->bytes), opcodes[index].name);
        PT__TRY(opcodes[index].run(machine));
    }
    machine->out->end = machine->at - machine->bytes;
    return PT_OK;
}

pt_status_t pt__pickle_read(pt__memory_t *memory, const uint8_t *bytes, int64_t size,
                            const pt__pickle_global_t *globals, int32_t n_globals, pt__pickled_t *out)
{
    machine_t machine = {
        .out = out, .globals = globals, .n_globals = n_globals, .bytes = bytes, .at = bytes, .end = bytes + size};
    machine.opcode = bytes;
    *out = (pt__pickled_t){.memory = memory};
    pt_status_t status = run(&machine);
    pt__release(memory, machine.stack);
    pt__release(memory, machine.marks);
    pt__release(memory, machine.memo);
    if (status != PT_OK)
        pt__pickle_free(out);
    return status;
}

void pt__pickle_free(pt__pickled_t *pickled)
{
    for (block_t *block = pickled->blocks, *next; block != NULL; block = next) {
        next = block->next;
        pt__release(pickled->memory, block);
    }
    *pickled = (pt__pickled_t){.memory = pickled->memory};
}

const char *pt__pickle_kind_name(const pt__pickle_t *value)
{
    static const char *const names[] = {"None",     "a truth value", "an integer", "a number",
                                        "a string", "bytes",         "a tuple",    "a list",
                                        "a dict",   "a name",        "a call",     "a reference"};
    return names[value->kind];
}

const pt__pickle_t *pt__pickle_find(const pt__pickle_t *dict, const char *key)
{
    const int64_t length = (int64_t)strlen(key);
    if (dict->kind != PT__PICKLE_DICT)
        return NULL;
    for (int64_t i = dict->count - 2; i >= 0; i -= 2) {
        const pt__pickle_t *item = dict->items[i];
        if (item->kind == PT__PICKLE_STRING && item->length == length && memcmp(item->bytes, key, (size_t)length) == 0)
            return dict->items[i + 1];
    }
    return NULL;
}
