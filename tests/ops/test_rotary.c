/* Rotary positions: the tables that pt_rotary makes give each position's angle, far ones too; nodes that turn alike
 * share them; what the options mean together. (What the op does with a table is tested in test_ops.c, that networks
 * agree with transformers in tests/train/.) */
#include <math.h>
#include <string.h>

#include "ops/machine.h"
#include "support/suite.h"

enum { HEADS = 2, WIDTH = 8, HALF = WIDTH / 2 };

static pt_tensor_t open_rows(machine_t *machine)
{
    char kind;
    int64_t limit;
    ck_ok(machine_open(machine));
    return machine_tensor(machine, "f[T,16]", &kind, &limit);
}

static pt_rotary_options_t options_of(int64_t limit)
{
    pt_rotary_options_t options;
    ck_ok(pt_rotary_options_init(&options, sizeof options));
    options.heads = HEADS;
    options.limit = limit;
    return options;
}

/* The largest error of a cosine or a sine of the node's table, of so many positions from 0 on, each `step`th. */
static double largest_error(const machine_t *machine, pt_tensor_t made, int64_t positions, int64_t step, int32_t table,
                            const double *frequencies, double scale)
{
    const pt__node_t *node = pt__graph_producer(machine->graph, made);
    const int64_t *integers = node->attributes.integers;
    const pt__tensor_t *constant = pt__graph_tensor(machine->graph, node->inputs[1]);
    int64_t shift = integers[5], lows = (int64_t)1 << shift, rows = integers[6];
    const float *values = machine->graph->constants[constant->place].held.values;
    double worst = 0;
    ck_assert(constant->kind == PT__KIND_CONSTANT && constant->shape.size[0] % rows == 0);
    values += table * rows * WIDTH;
    for (int64_t p = 0; p < positions; p += step) {
        ck_assert_int_lt(lows + (p >> shift), rows);
        const float *low = values + p % lows * WIDTH, *high = values + (lows + (p >> shift)) * WIDTH;
        for (int64_t i = 0; i < HALF; i++) {
            double a = (double)low[i], b = (double)low[HALF + i], c = (double)high[i], d = (double)high[HALF + i];
            double angle = (double)p * frequencies[i];
            worst = fmax(worst, fabs(a * c - b * d - scale * cos(angle)) / scale);
            worst = fmax(worst, fabs(b * c + a * d - scale * sin(angle)) / scale);
        }
    }
    return worst;
}

START_TEST(test_tables)
{
    static const int64_t limits[] = {1, 2, 3, 100, 512, 131072, 1 << 24};
    static const double given[] = {1.5, -0.25, 0, 1e-3}, longer[] = {0.5, 0.125, 3, 1e-6};
    double plain[HALF];
    for (size_t k = 0; k < sizeof limits / sizeof limits[0]; k++)
        for (int32_t starts = 0; starts < 2; starts++) {
            machine_t machine;
            char kind;
            int64_t limit, positions = limits[k] * (1 + starts), step = 1 + positions / 5000;
            pt_tensor_t rows = open_rows(&machine);
            pt_rotary_options_t options = options_of(limits[k]);
            for (int64_t i = 0; i < HALF; i++)
                plain[i] = pow(10000, -(double)i / HALF);
            if (starts)
                options.starts = machine_tensor(&machine, "i1[B]", &kind, &limit);
            pt_tensor_t made = pt_rotary(machine.graph, rows, &options);
            ck_assert_msg(made != PT_NO_TENSOR, "%s", machine.graph->message);
            ck_assert_double_lt(largest_error(&machine, made, positions, step, 0, plain, 1), 2e-7);
            options.frequencies = given;
            options.long_frequencies = longer;
            options.original_limit = 40;
            options.scale = 1.25;
            made = pt_rotary(machine.graph, rows, &options);
            ck_assert_double_lt(largest_error(&machine, made, positions, step, 0, given, 1.25), 2e-7);
            ck_assert_double_lt(largest_error(&machine, made, positions, step, 1, longer, 1.25), 2e-7);
            ck_assert_int_eq(machine.graph->length_limit[PT__DIMENSION_TOKENS], limits[k]);
            machine_free(&machine);
        }
}
END_TEST

START_TEST(test_shared_tables)
{
    machine_t machine;
    pt_tensor_t rows = open_rows(&machine);
    pt_rotary_options_t options = options_of(4096), other = options;
    pt_tensor_t first = pt_rotary(machine.graph, rows, &options);
    other.flags = PT_ROTARY_INTERLEAVED;
    other.rotated_heads = 1;
    pt_tensor_t second = pt_rotary(machine.graph, rows, &other);
    other.base = 500000;
    pt_tensor_t third = pt_rotary(machine.graph, rows, &other);
    other.heads = 1; /* the same width as a head of two has */
    other.width = WIDTH;
    pt_tensor_t fourth = pt_rotary(machine.graph, rows, &other);
    ck_ok(machine.graph->status);
    pt_tensor_t tables[4], made[] = {first, second, third, fourth};
    for (int32_t i = 0; i < 4; i++)
        tables[i] = pt__graph_producer(machine.graph, made[i])->inputs[1];
    ck_assert(tables[0] == tables[1] && tables[0] != tables[2] && tables[2] == tables[3]);
    ck_assert_int_eq(machine.graph->n_constants, 2);
    ck_assert_int_le(machine.graph->tensors[tables[0]].shape.size[0], 2 * 64);
    machine_free(&machine);
}
END_TEST

START_TEST(test_options)
{
    static const double numbers[] = {1, 1, 1, NAN};
    static const struct {
        pt_rotary_options_t options;
        const char *part; /* of the message; NULL: it is built */
    } cases[] = {
        {{.heads = 2, .limit = 9, .base = 10, .scale = 1}, NULL},
        {{.heads = 2, .limit = 9, .base = 10, .scale = 1, .dynamic_factor = 2, .original_limit = 4}, NULL},
        {{.heads = 2, .limit = 9, .base = 10, .scale = 1, .width = 6, .rotated_heads = 1}, NULL},
        {{.heads = 0, .limit = 9, .base = 10, .scale = 1}, "0 heads"},
        {{.heads = 3, .limit = 9, .base = 10, .scale = 1, .width = 4}, "3 heads side by side"},
        {{.heads = 2, .limit = 0, .base = 10, .scale = 1}, "limit 0, expected 1 to 16777216"},
        {{.heads = 2, .limit = 1 << 25, .base = 10, .scale = 1}, "limit 33554432"},
        {{.heads = 2, .limit = 9, .base = 0, .scale = 1}, "base 0"},
        {{.heads = 2, .limit = 9, .base = 10, .scale = -1}, "scale -1"},
        {{.heads = 2, .limit = 9, .base = 10, .scale = 1, .flags = 2}, "flags are 0x2"},
        {{.heads = 2, .limit = 9, .base = 10, .scale = 1, .width = 5}, "5 numbers of a head"},
        {{.heads = 16, .limit = 9, .base = 10, .scale = 1}, "1 numbers of a head"},
        {{.heads = 2, .limit = 9, .base = 10, .scale = 1, .width = 10}, "equal widths of at least 10"},
        {{.heads = 2, .limit = 9, .base = 10, .scale = 1, .frequencies = numbers}, "frequencies[3] is nan"},
        {{.heads = 2, .limit = 9, .base = 10, .scale = 1, .long_frequencies = numbers, .original_limit = 3},
         "long_frequencies[3] is nan"},
        {{.heads = 2, .limit = 9, .base = 10, .scale = 1, .long_frequencies = numbers}, "original_limit 0"},
        {{.heads = 2, .limit = 9, .base = 10, .scale = 1, .original_limit = 3}, "original_limit 3, expected 0"},
        {{.heads = 2, .limit = 9, .base = 10, .scale = 1, .dynamic_factor = 0.5, .original_limit = 3},
         "dynamic_factor 0.5"},
        {{.heads = 2, .limit = 9, .base = 10, .scale = 1, .dynamic_factor = 2, .original_limit = 3, .width = 2},
         "dynamic_factor 2"},
        {{.heads = 2, .limit = 9, .base = 10, .scale = 1, .rotated_heads = 3}, "3 rotated_heads"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        machine_t machine;
        pt_tensor_t rows = open_rows(&machine);
        pt_rotary_options_t options = cases[i].options;
        options.struct_size = sizeof options;
        options.starts = PT_NO_TENSOR;
        pt_tensor_t made = pt_rotary(machine.graph, rows, &options);
        ck_assert_msg((made == PT_NO_TENSOR) == (cases[i].part != NULL), "case %d: %s", (int)i, machine.graph->message);
        if (cases[i].part != NULL)
            ck_assert_msg(strstr(machine.graph->message, cases[i].part) != NULL, "%s", machine.graph->message);
        machine_free(&machine);
    }
    machine_t machine;
    pt_tensor_t rows = open_rows(&machine);
    ck_assert_int_eq(pt_rotary(machine.graph, rows, NULL), PT_NO_TENSOR);
    ck_assert(strstr(machine.graph->message, "options is NULL") != NULL);
    machine_free(&machine);
    ck_fails(pt_rotary_options_init(NULL, sizeof(pt_rotary_options_t)), PT_ERR_ARGUMENT, "NULL");
}
END_TEST

SUITE("rotary", 60, test_tables, test_shared_tables, test_options)
