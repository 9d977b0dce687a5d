/* What ops refuse: for every op inputs of a wrong rank, dtype or size and attributes out of range, each with the
 * message's op and role. And what builder calls do with a graph in error, with NULL options, and with bounds of
 * indices. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "ops/machine.h"
#include "support/suite.h"

typedef struct wrong {
    const char *op, *inputs;
    const char *part; /* of the message, behind the op's name */
    pt__attributes_t attributes;
    pt_status_t status; /* 0: PT_ERR_SHAPE */
} wrong_t;

#define ARGUMENT   .status = PT_ERR_ARGUMENT
#define HEADS(...) .attributes = {.integers = {__VA_ARGS__}}
/* Of windows of 2 x 2 pixels, and what else is given by place: stride 2, dilation 4, padding 6, flags 10, divisor 11,
 * adaptive 12. */
#define WINDOWS(...)                 .attributes = {.integers = {2, 2, 2, 2, 1, 1, __VA_ARGS__}}
#define TURNS(heads, rotated, width) HEADS(heads, rotated, width, 0, 0, 2, 8, 0, 16) /* of tables of 8 rows */
#define CONVOLUTION(down, along, above, below, dilation, groups, activation) \
    HEADS(activation, down, along, above, below, 0, 0, dilation, dilation, groups)

static const wrong_t wrongs[] = {
    {"linear", "f[3,5] f[4,6] f[4]", "weight is float32[4, 6], expected [outputs, 5]", .status = 0},
    {"linear", "f[3,5] f[4,6] f[4]", "weight is float32[4, 6], expected [5, outputs]",
     .attributes = {.integers = {0, 1}}},
    {"linear", "f[3,5] f[4,5] f[5]", "bias is float32[5], expected [4]", .status = 0},
    {"linear", "f[3,5] f[4,5] f[1,4]", "bias is", .status = 0},
    {"linear", "i9[3,5] f[4,5]", "src is int32", .status = 0},
    {"linear", "f[3,5] i9[4,5]", "weight is int32", .status = 0},
    {"linear", "f[3,5] f[5]", "weight is float32[5], expected rank 2", .status = 0},
    {"linear", "f[3,5] f[T,5]", "weight is float32[T, 5]", .status = 0},
    {"linear", "f[T] f[4,5]", "src is float32[T]", .status = 0},
    {"linear", "f[] f[4,5]", "src is float32[]", .status = 0},
    {"linear", "f[3,5] f[4,5]", "activation 9", .attributes = {.integers = {9}}, ARGUMENT},
    {"linear", "f[3,5] f[4,5] - f[3,5]", "residual is", .status = 0},
    {"linear", "f[3,5]", "inputs, expected 2", ARGUMENT},
    {"linear", "f[3,5] -", "input 1 is", ARGUMENT},
    {"linear", "b[3,5] f[4,5]", "input 0 is bfloat16[3, 5], expected float32", .status = 0},
    {"linear", "f[3,5] h[4,6]", "weight is float16[4, 6], expected [outputs, 5]", .status = 0},
    {"linear", "f[3,5] f[4,5] h[4]", "input 2 is float16[4], expected float32", .status = 0},
    {"linear", "f[3,33] q[4,33]", "input 1 is q8_0[4, 33], expected float32, or rows of whole blocks", .status = 0},
    {"cast", "i9[3]", "src is int32[3], expected floating-point numbers", .status = 0},
    {"cast", "q[32]", "input 0 is q8_0[32]", .status = 0},
    {"softmax", "h[3,5]", "input 0 is float16[3, 5], expected float32", .status = 0},
    {"reshape", "b[3,5]", "input 0 is bfloat16[3, 5]", .status = 0},
    {"matmul", "f[3,5] f[4,6]", "b is float32[4, 6], expected the inner size", .status = 0},
    {"matmul", "f[3,5] f[5,6]", "b is", .attributes = {.integers = {0, 1}}},
    {"matmul", "f[5] f[5,6]", "a is float32[5]", .status = 0},
    {"matmul", "f[3,5] i5[5,6]", "b is int32", .status = 0},
    {"matmul", "f[2,3,5] f[3,5,6]", "b is float32[3, 5, 6], expected the leading sizes", .status = 0},
    {"matmul", "f[B,3,5] f[2,5,6]", "b is", .status = 0},
    {"matmul", "f[5,3] f[T,3]", "b is float32[T, 3]", .attributes = {.integers = {0, 1}}},
    {"matmul", "f[T,3] f[2,3,4]", "a is float32[T, 3]", .status = 0},
    {"embedding", "f[3] f[4,5]", "index is float32", .status = 0},
    {"embedding", "i4[3] f[4]", "weight is float32[4]", .status = 0},
    {"embedding", "i4[3] f[T,5]", "weight is float32[T, 5]", .status = 0},
    {"embedding", "i4[1,1,1,1,1,1] f[4,5]", "index is", .status = 0},
    {"embedding", "i4[3] h[4]", "weight is float16[4], expected rank 2", .status = 0},
    {"embedding", "i4[3] q[4,40]", "input 1 is q8_0[4, 40]", .status = 0},
    {"gather", "f[T,5] i4[3]", "src is float32[T, 5]", .status = 0},
    {"gather", "f[4,5] f[3]", "index is float32", .status = 0},
    {"gather", "f[4,5] i4[3,2]", "index is int32[3, 2], expected rank 1", .status = 0},
    {"gather", "f[] i4[3]", "src is", .status = 0},
    {"gather", "i4[4,5] i4[3]", "src is int32", .status = 0},
    {"positions", "f[B,4]", "like is float32[B, 4]", .attributes = {.integers = {9}}},
    {"positions", "f[2T,4]", "like is float32[2T, 4]", .attributes = {.integers = {9}}},
    {"positions", "f[T,4]", "limit 0", ARGUMENT},
    {"add", "f[3,4] f[3]", "b is float32[3], expected a shape that broadcasts with a, float32[3, 4]", .status = 0},
    {"add", "f[T,4] f[B,4]", "b is float32[B, 4]", .status = 0},
    {"add", "f[2T,4] f[T,4]", "b is float32[T, 4]", .status = 0},
    {"add", "f[T,4] f[3,4]", "b is", .status = 0},
    {"add", "i4[3] f[3]", "a is int32", .status = 0},
    {"sub", "f[T] f[3,1]", "b is float32[3, 1]", .status = 0},
    {"sub", "f[3] i4[3]", "b is int32", .status = 0},
    {"mul", "f[3,4] f[4,3]", "b is float32[4, 3]", .status = 0},
    {"div", "f[5] f[4]", "b is float32[4]", .status = 0},
    {"scale", "i4[3]", "src is int32", .status = 0},
    {"relu", "i4[3]", "src is int32, expected float32", .status = 0},
    {"relu6", "i4[3]", "src is int32", .status = 0},
    {"hardswish", "i4[3]", "src is int32", .status = 0},
    {"hardtanh", "i4[3]", "src is int32", .attributes = {.reals = {-1, 1}}},
    {"hardtanh", "f[3]", "bounds 2 and 2", .attributes = {.reals = {2, 2}}, ARGUMENT},
    {"gelu", "i4[3]", "src is int32", .status = 0},
    {"gelu_tanh", "i4[3]", "src is int32", .status = 0},
    {"silu", "i4[3]", "src is int32", .status = 0},
    {"tanh", "i4[3]", "src is int32", .status = 0},
    {"sigmoid", "i4[3]", "src is int32", .status = 0},
    {"exp", "i4[3]", "src is int32", .status = 0},
    {"log", "i4[3]", "src is int32", .status = 0},
    {"softmax", "f[]", "src is float32[], expected rank 1", .status = 0},
    {"softmax", "f[T]", "src is float32[T], expected a last dimension", .status = 0},
    {"softmax", "i4[3,4]", "src is int32", .status = 0},
    {"log_softmax", "f[B]", "src is float32[B]", .status = 0},
    {"layer_norm", "f[3,4] f[3]", "weight is float32[3], expected [4]", .status = 0},
    {"layer_norm", "f[3,4] f[4] f[5]", "bias is float32[5], expected [4]", .status = 0},
    {"layer_norm", "f[3,4] f[4] i9[4]", "bias is int32", .status = 0},
    {"layer_norm", "f[T]", "src is float32[T]", .status = 0},
    {"layer_norm", "f[3,4]", "epsilon -1", .attributes = {.reals = {-1}}, ARGUMENT},
    {"group_norm", "f[B,3,4]", "3 groups, expected a divisor of the 4 channels", HEADS(3), ARGUMENT},
    {"group_norm", "f[B,3,4]", "0 groups, expected", HEADS(-1), ARGUMENT},
    {"group_norm", "f[4]", "src is float32[4], expected rank 2", HEADS(2)},
    {"group_norm", "i9[B,4]", "src is int32", HEADS(2)},
    {"group_norm", "f[B,4] f[3]", "weight is float32[3], expected [4]", HEADS(2)},
    {"group_norm", "f[B,4] f[4] f[3]", "bias is float32[3], expected [4]", HEADS(2)},
    {"group_norm", "f[B,4]", "epsilon 1, expected", .attributes = {.integers = {2}, .reals = {1}}, ARGUMENT},
    {"rms_norm", "f[3,4] f[4,1]", "weight is float32[4, 1], expected [4]", .status = 0},
    {"rms_norm", "i9[3,4]", "src is int32", .status = 0},
    {"gated", "f[3,4] f[3,5]", "src is float32[3, 5], expected the shape of gate", .attributes = {.integers = {4}}},
    {"gated", "f[3] i4[3]", "src is int32", .attributes = {.integers = {4}}},
    {"gated", "i4[3] f[3]", "gate is int32", .attributes = {.integers = {4}}},
    {"gated", "f[3] f[3]", "activation 0, expected", ARGUMENT},
    {"gated", "f[3] f[3]", "activation 9, expected", .attributes = {.integers = {9}}, ARGUMENT},
    {"rotary", "f[B,8] c[8,4]", "src is float32[B, 8], expected [PT_DIM_TOKENS, C]", TURNS(2, 2, 4)},
    {"rotary", "i9[T,8] c[8,4]", "src is int32", TURNS(2, 2, 4)},
    {"rotary", "f[T,9] c[8,4]", "src is float32[T, 9], expected 2 heads side by side", TURNS(2, 2, 4)},
    {"rotary", "f[T,8] c[8,6]", "of equal widths of at least 6", TURNS(2, 2, 6)},
    {"rotary", "f[T,8] c[8,4]", "3 rotated_heads, expected 1 to all of the 2 heads", TURNS(2, 3, 4), ARGUMENT},
    {"rotary", "f[B,17,8] c[8,4]", "expected samples of at most 16 rows", TURNS(2, 2, 4)},
    {"rotary", "f[T,8] c[8,4] f[B]", "starts is float32", TURNS(2, 2, 4)},
    {"rotary", "f[T,8] c[8,4] i9[T]", "starts is int32[T], expected one element a sample", TURNS(2, 2, 4)},
    {"rotary", "f[2B,3,8] c[8,4] i9[B]", "starts is int32[B], expected one element a sample", TURNS(2, 2, 4)},
    {"dropout", "i4[3]", "src is int32", .status = 0},
    {"dropout", "f[3]", "probability 1, expected", .attributes = {.reals = {1}}, ARGUMENT},
    {"dropout", "f[3]", "probability -0.5", .attributes = {.reals = {-0.5}}, ARGUMENT},
    {"attention", "f[T,8] f[T,8] f[T,7]", "value is float32[T, 7], expected 2 heads", HEADS(2, 2)},
    {"attention", "f[T,8] f[T,8] f[S,8]", "expected the rows of key", HEADS(2, 2)},
    {"attention", "f[B,3,8] f[B,3,8] f[B,4,8]", "value is float32[B, 4, 8], expected the rows of key", HEADS(2, 2)},
    {"attention", "f[T,8] f[B,8] f[T,8]", "key is float32[B, 8]", HEADS(2, 2)},
    {"attention", "f[T,8] f[2T,8] f[2T,8]", "key is float32[2T, 8]", HEADS(2, 2)},
    {"attention", "f[T,8] f[T,6] f[T,8]", "key is float32[T, 6], expected 2 heads of query's width", HEADS(2, 2)},
    {"attention", "f[T,8] f[2B,3,8] f[2B,3,8]", "key is float32[2B, 3, 8], expected as many samples as query has",
     HEADS(2, 2)},
    {"attention", "f[5,3,8] f[T,8] f[T,8]", "key is float32[T, 8], expected as many samples", HEADS(2, 2)},
    {"attention", "f[5,3,8] f[4,3,8] f[4,3,8]", "key is float32[4, 3, 8], expected as many samples", HEADS(2, 2)},
    {"attention", "f[T,8] f[T,8] f[T,8]", "query is float32[T, 8], expected 3 heads", HEADS(3, 3)},
    {"attention", "f[B,8] f[B,8] f[B,8]", "query is float32[B, 8]", HEADS(2, 2)},
    {"attention", "f[5,8] f[5,8] f[5,8]", "query is float32[5, 8]", HEADS(2, 2)},
    {"attention", "f[T,2,8] f[T,2,8] f[T,2,8]", "query is", HEADS(2, 2)},
    {"attention", "i9[T,8] f[T,8] f[T,8]", "query is int32", HEADS(2, 2)},
    {"attention", "f[T,8] f[T,8] f[T,8] m[B]", "key_mask is float32[B]", HEADS(2, 2)},
    {"attention", "f[B,2,8] f[B,3,8] f[B,3,8] m[B,2]", "key_mask is float32[B, 2]", HEADS(2, 2)},
    {"attention", "f[T,8] f[T,8] f[T,8] f[T]", "key_mask depends on a parameter", HEADS(2, 2),
     .status = PT_ERR_UNSUPPORTED},
    {"attention", "f[T,8] f[T,8] f[T,8]", "0 heads", HEADS(0, 0), ARGUMENT},
    {"attention", "f[T,8] f[T,8] f[T,8]", "3 kv_heads", HEADS(4, 3), ARGUMENT},
    {"attention", "f[T,8] f[T,8] f[T,8]", "scale -1", .attributes = {.integers = {2, 2}, .reals = {-1}}, ARGUMENT},
    {"attention", "f[T,8] f[T,8] f[T,8]", "scale inf",
     .attributes = {.integers = {2, 2, PT_ATTENTION_SCALE}, .reals = {INFINITY}}, ARGUMENT},
    {"attention", "f[T,8] f[T,8] f[T,8]", "window -1", HEADS(2, 2, 1, -1), ARGUMENT},
    {"attention", "f[T,8] f[T,8] f[T,8]", "a window without PT_ATTENTION_CAUSAL", HEADS(2, 2, 0, 4), ARGUMENT},
    {"attention_packed", "f[T,24]", "PT_ATTENTION_ALIGN_LAST without PT_ATTENTION_CAUSAL", HEADS(2, 2, 2), ARGUMENT},
    {"attention", "f[T,8] f[T,8] f[T,8]", "dropout 1, expected", .attributes = {.integers = {2, 2}, .reals = {0, 1}},
     ARGUMENT},
    {"attention", "f[T,8] f[T,8] f[T,8]", "dropout 1, expected",
     .attributes = {.integers = {2, 2}, .reals = {0, 0.999999999}}, ARGUMENT},
    {"attention", "f[T,8] f[T,8] f[T,8]", "dropout -0.1", .attributes = {.integers = {2, 2}, .reals = {0, -0.1}},
     ARGUMENT},
    {"attention_packed", "f[T,24]", "dropout nan", .attributes = {.integers = {2, 2}, .reals = {0, NAN}}, ARGUMENT},
    {"attention", "f[T,8] f[T,8] f[T,300]", "value is float32[T, 300], expected 1 heads of equal widths up to 256",
     HEADS(1, 1)},
    {"attention", "f[T,300] f[T,300] f[T,300]", "query is float32[T, 300], expected 1 heads of equal widths up to 256",
     HEADS(1, 1)},
    {"attention_packed", "f[T,8]", "qkv is float32[T, 8], expected 3 heads", HEADS(1, 1)},
    {"attention_packed", "f[9]", "qkv is float32[9], expected rank 2 to 3", HEADS(1, 1)},
    {"attention_packed", "f[T,9] m[T,9]", "key_mask is", HEADS(1, 1)},
    {"reshape", "f[3,4]", "src is float32[3, 4], expected 10 elements", .attributes = {.integers = {2, 5, 2}}},
    {"reshape", "f[3,4]", "src is float32[3, 4]", .attributes = {.integers = {2, 5, -1}}},
    {"reshape", "f[3,4]", "at most one size being -1", .attributes = {.integers = {2, -1, -1}}},
    {"reshape", "f[T,4]", "stays T or -1", .attributes = {.integers = {2, 4, -1}}},
    {"reshape", "f[T,4]", "src is float32[T, 4]", .attributes = {.integers = {2, -1, 8}}},
    {"reshape", "f[T,4]", "stays", .attributes = {.integers = {0}}},
    {"reshape", "f[B,3,4]", "stays B or -1", .attributes = {.integers = {2, PT_DIM_TOKENS, -1}}},
    /* -1 alone is what is left */
    {"reshape", "f[B,3,4]", "4 elements a symbol", .attributes = {.integers = {2, PT_DIM_BATCH, 4}}},
    {"reshape", "f[B,3,4]", "does not fit", .attributes = {.integers = {2, -1, -1}}},
    {"reshape", "f[3]", "rank 7", .attributes = {.integers = {7}}, ARGUMENT},
    {"transpose", "f[T,4]", "leaves the symbolic size first", .attributes = {.integers = {1, 0}}},
    {"transpose", "f[3,4]", "place 1 is 0", .attributes = {.integers = {0, 0}}},
    {"slice", "f[3,4]", "at least 3 entries after 2 in dimension 1", .attributes = {.integers = {1, 2, 3}}},
    {"slice", "f[T,4]", "a fixed size in dimension 0", .attributes = {.integers = {0, 0, 1}}},
    {"slice", "f[3]", "a fixed size in dimension 2", .attributes = {.integers = {2, 0, 1}}},
    {"slice", "f[]", "src is", .attributes = {.integers = {0, 0, 1}}},
    {"slice", "f[3,4]", "src is", .attributes = {.integers = {1, INT64_MAX, INT64_MAX}}},
    {"split", "f[3,7]", "but 2 are left over", .attributes = {.integers = {1, 2, 3, 2}}},
    {"split", "f[3,7]", "part 1 has 4 of 3", .attributes = {.integers = {1, 2, 4, 4}}},
    {"split", "f[3,7]", "part 1 has -9223372036854775807 of 3", .attributes = {.integers = {1, 2, 4, -INT64_MAX}}},
    {"split", "f[3,7]", "but 1 are left over", .attributes = {.integers = {1, 3}}},
    {"split", "f[3,2]", "part 0 has 0 of 2", .attributes = {.integers = {1, 3}}},
    {"split", "f[T,7]", "a fixed size in dimension 0", .attributes = {.integers = {0, 1}}},
    {"split", "f[7]", "a fixed size in dimension -2", .attributes = {.integers = {-2, 1}}},
    {"split", "f[]", "src is float32[], expected rank 1 to", .attributes = {.integers = {0, 1}}},
    {"split", "f[9]", "9 outputs, expected 1 to 8", .attributes = {.integers = {0, 9}}, ARGUMENT},
    {"split", "f[9]", "0 outputs, expected 1 to 8", .attributes = {.integers = {0, 0}}, ARGUMENT},
    {"split", "f[9]", "0 outputs, expected 1 to 8", .attributes = {.integers = {0, INT64_MIN}}, ARGUMENT},
    {"concat", "f[3,4] f[2,5]", "source 1 is float32[2, 5]", .status = 0},
    {"concat", "f[3,4] i9[3,4]", "source 1 is int32[3, 4]", .status = 0},
    {"concat", "f[T,4] f[T,4]", "source 0 is float32[T, 4], expected a fixed size", .status = 0},
    {"concat", "f[3] f[3,1]", "source 1 is", .status = 0},
    {"sum", "f[3]", "src is float32[3], expected a rank that has dimension 1", .attributes = {.integers = {1}}},
    {"sum", "i9[3]", "src is int32", .status = 0},
    {"mean", "f[3,4]", "src is float32[3, 4], expected a rank that has dimension -3", .attributes = {.integers = {-3}}},
    {"max", "f[]", "src is float32[]", .status = 0},
    {"batch_norm", "f[4] s[4] s[4]", "src is float32[4], expected rank 2", .attributes = {.reals = {1e-5, 0.1}}},
    {"batch_norm", "f[B,4] s[5] s[4]", "running_mean is", .attributes = {.reals = {1e-5, 0.1}}},
    {"batch_norm", "f[B,4] s[4] f[4]", "expected a tensor of pt_state", .attributes = {.reals = {1e-5, 0.1}}},
    {"batch_norm", "f[B,4] s[4] s[4] f[3]", "weight is", .attributes = {.reals = {1e-5, 0.1}}},
    {"batch_norm", "f[B,4] s[4] s[4]", "momentum 2", .attributes = {.reals = {1e-5, 2}}, ARGUMENT},
    {"batch_norm", "f[B,4] s[4] s[4]", "epsilon -1", .attributes = {.reals = {-1, 0.1}}, ARGUMENT},
    {"recurrence", "f[T,4] f[9,4] f[9,3]", "cell 4, expected 0 to 3", HEADS(4), ARGUMENT},
    {"recurrence", "f[2T,4] f[9,4] f[9,3]", "src is float32[2T, 4]", HEADS(2)},
    {"recurrence", "f[T,5] f[9,4] f[9,3]", "weight_ih is float32[9, 4], expected [9, 5]", HEADS(2)},
    {"recurrence", "f[T,4] f[9,4] f[9,3] - - - f[9,4] f[9,2]", "weight_hh is float32[9, 2], expected [9, 3]", HEADS(2)},
    {"recurrence", "f[T,4] f[9,4] f[9,3] - - - - - - - - - f[B,3]", "initial_cell is", HEADS(2)},
    {"convolution", "f[B,4] f[2,4]", "src is float32[B, 4], expected [PT_DIM_TOKENS, channels]",
     CONVOLUTION(1, 1, 0, 0, 1, 1, 0)},
    {"convolution", "f[2T,4] f[2,4,3]", "src is float32[2T, 4]", CONVOLUTION(1, 1, 0, 0, 1, 1, 0)},
    {"convolution", "f[T,4] f[2,4,3]", "weight is float32[2, 4, 3], expected a kernel of 0 where src has rows",
     CONVOLUTION(1, 1, 0, 0, 1, 1, 0)},
    {"convolution_transposed", "f[T,4] f[4,2,3]", "src is float32[T, 4], expected rank 3 to 4",
     CONVOLUTION(1, 1, 0, 0, 1, 1, 0)},
    {"convolution", "i9[B,4,4,2] f[2,2,3,3]", "src is int32", CONVOLUTION(1, 1, 0, 0, 1, 1, 0)},
    {"convolution", "f[B,4,4,2] f[2,2,3]", "weight is float32[2, 2, 3], expected rank 4",
     CONVOLUTION(1, 1, 0, 0, 1, 1, 0)},
    {"convolution", "f[B,4,4,2] f[B,2,3,3]", "weight is float32[B, 2, 3, 3]", CONVOLUTION(1, 1, 0, 0, 1, 1, 0)},
    {"convolution", "f[B,4,4,2] f[2,3,3,3]", "weight is float32[2, 3, 3, 3], expected [outputs, 2, ...]",
     CONVOLUTION(1, 1, 0, 0, 1, 1, 0)},
    {"convolution", "f[B,4,4,4] f[2,4,3,3]", "weight is float32[2, 4, 3, 3], expected [outputs, 2, ...]",
     CONVOLUTION(1, 1, 0, 0, 1, 2, 0)},
    {"convolution", "f[B,4,4,4] f[3,2,3,3]", "groups 2, expected a divisor of 4 channels and 3",
     CONVOLUTION(1, 1, 0, 0, 1, 2, 0), ARGUMENT},
    {"convolution", "f[B,4,4,4] f[3,4,3,3]", "groups 0", CONVOLUTION(1, 1, 0, 0, 1, 0, 0), ARGUMENT},
    {"convolution", "f[B,4,4,3] f[4,4,3,3]", "groups 2", CONVOLUTION(1, 1, 0, 0, 1, 2, 0), ARGUMENT},
    {"convolution", "f[B,4,4,2] f[2,2,3,3]", "stride 0, expected 1 to 65536", CONVOLUTION(0, 1, 0, 0, 1, 1, 0),
     ARGUMENT},
    {"convolution", "f[B,4,4,2] f[2,2,3,3]", "stride 65537", CONVOLUTION(1, 65537, 0, 0, 1, 1, 0), ARGUMENT},
    {"convolution", "f[B,4,4,2] f[2,2,3,3]", "padding -1, expected 0", CONVOLUTION(1, 1, -1, 0, 1, 1, 0), ARGUMENT},
    {"convolution", "f[B,4,4,2] f[2,2,3,3]", "padding 65537", CONVOLUTION(1, 1, 0, 65537, 1, 1, 0), ARGUMENT},
    {"convolution", "f[B,4,4,2] f[2,2,3,3]", "dilation 0", CONVOLUTION(1, 1, 0, 0, 0, 1, 0), ARGUMENT},
    {"convolution", "f[B,4,4,2] f[2,2,3,3]", "activation 99", CONVOLUTION(1, 1, 0, 0, 1, 1, 99), ARGUMENT},
    {"convolution", "f[B,4,4,2] f[2,2,3,3]", "output padding 1, expected 0",
     .attributes = {.integers = {0, 1, 1, 0, 0, 0, 0, 1, 1, 1, 1}}, ARGUMENT},
    {"convolution", "f[B,4,2] f[2,2,3]", "of a second dimension", CONVOLUTION(1, 2, 0, 0, 1, 1, 0), ARGUMENT},
    {"convolution", "f[B,4,4,2] f[2,2,3,3]", "leaves nothing of 4", CONVOLUTION(1, 1, 0, 0, 2, 1, 0)},
    {"convolution", "f[B,4,4,2] f[2,2,70000,3]", "a kernel of up to 65536", CONVOLUTION(1, 1, 0, 0, 1, 1, 0)},
    {"convolution", "f[B,4,4,2] f[2,2,3,3] f[3]", "bias is float32[3], expected [2]", CONVOLUTION(1, 1, 0, 0, 1, 1, 0)},
    {"convolution", "f[B,4,4,2] f[2,2,3,3] - f[B,2,2,3]", "residual is", CONVOLUTION(1, 1, 0, 0, 1, 1, 0)},
    {"convolution", "f[1000000000,1000000,1000000,1] f[1,1,1,1]", "too many elements",
     CONVOLUTION(1, 1, 0, 0, 1, 1, 0)},
    {"convolution", "f[100000000000000000,1,1,1] f[1000,1,1,1]", "too many elements", CONVOLUTION(1, 1, 0, 0, 1, 1, 0)},
    {"convolution_transposed", "f[B,4,4,2] f[3,2,3,3]", "weight is float32[3, 2, 3, 3], expected [2, ...]",
     CONVOLUTION(1, 1, 0, 0, 1, 1, 0)},
    {"convolution_transposed", "f[B,4,4,2] f[2,3,3,3] f[2]", "bias is float32[2], expected [3]",
     CONVOLUTION(1, 1, 0, 0, 1, 1, 0)},
    {"convolution_transposed", "f[B,4,4,2] f[2,3,3,3]", "activation 1, expected none", CONVOLUTION(1, 1, 0, 0, 1, 1, 1),
     ARGUMENT},
    {"convolution_transposed", "f[B,4,4,2] f[2,3,3,3]",
     "output padding 1, expected 0 to less than the stride, 1, or the dilation, 1",
     .attributes = {.integers = {0, 1, 1, 0, 0, 0, 0, 1, 1, 1, 1}}, ARGUMENT},
    {"convolution_transposed", "f[B,4,4,2] f[2,3,3,3]", "output padding -1",
     .attributes = {.integers = {0, 1, 1, 0, 0, 0, 0, 1, 1, 1, 0, -1}}, ARGUMENT},
    {"convolution_transposed", "f[B,1,1,2] f[2,3,1,1]", "leaves nothing", CONVOLUTION(1, 1, 1, 0, 1, 1, 0)},
    {"convolution_transposed", "f[B,1,1,4] f[4,1000000000000000000,1,1]", "fewer outputs",
     CONVOLUTION(1, 1, 0, 0, 1, 4, 0)},
    {"max_pool", "f[B,4,4]", "size, stride, dilation or padding of a width, which src does not have", WINDOWS(0),
     ARGUMENT},
    {"max_pool", "f[B,4]", "src is float32[B, 4], expected rank 3", WINDOWS(0)},
    {"max_pool", "i9[B,4,4,3]", "src is int32", WINDOWS(0)},
    {"max_pool", "f[B,1,4,3]", "src is float32[B, 1, 4, 3], expected at least a window's height", WINDOWS(0)},
    {"max_pool", "f[B,4,1,3]", "expected at least a window's width", WINDOWS(0)},
    {"max_pool", "f[B,1,3]", "expected at least a window's length", .attributes = {.integers = {2, 1, 2, 1, 1, 1}}},
    {"max_pool", "f[B,4,4,3]", "size[1] 0, expected at least 1", .attributes = {.integers = {2, 0, 1, 1, 1, 1}},
     ARGUMENT},
    {"max_pool", "f[B,4,4,3]", "stride[0] -1, expected", .attributes = {.integers = {2, 2, -1, 1, 1, 1}}, ARGUMENT},
    {"max_pool", "f[B,4,4,3]", "dilation[1] 0, expected", .attributes = {.integers = {2, 2, 1, 1, 1}}, ARGUMENT},
    {"max_pool", "f[B,4,4,3]", "padding[1] 2, expected at most half of the window's 2", WINDOWS(0, 2), ARGUMENT},
    {"max_pool", "f[B,4,4,3]", "padding[2] -1, expected", WINDOWS(0, 0, -1), ARGUMENT},
    {"max_pool", "f[B,4,4,3]", "flags 2, which it does not have",
     .attributes = {.integers = {2, 2, 2, 2, 1, 1, [10] = 2, [14] = PT__REDUCE_MAX}}, ARGUMENT},
    {"max_pool", "f[B,4,4,3]", "divisor 1, expected 0: a maximum has none",
     .attributes = {.integers = {2, 2, 2, 2, 1, 1, [11] = 1, [14] = PT__REDUCE_MAX}}, ARGUMENT},
    {"max_pool", "f[B,4,4,3]", "height 0, expected at least 1", .attributes = {.integers = {[1] = 1, [12] = 1}},
     ARGUMENT},
    {"max_pool", "f[B,4,3]", "width 2, expected 1 for rows of one length", .attributes = {.integers = {1, 2, [12] = 1}},
     ARGUMENT},
    {"average_pool", "i9[B,4,4,3]", "src is int32", WINDOWS(0)},
    {"average_pool", "f[B,4,4,3]", "dilation[0] 2, expected 1",
     .attributes = {.integers = {2, 2, 2, 2, 2, 1, [14] = PT__REDUCE_MEAN}}, ARGUMENT},
    {"average_pool", "f[B,4,4,3]", "flags 4, which",
     .attributes = {.integers = {2, 2, 2, 2, 1, 1, [10] = 7, [14] = PT__REDUCE_MEAN}}, ARGUMENT},
    {"average_pool", "f[B,4,4,3]", "divisor -1, expected at least 1",
     .attributes = {.integers = {2, 2, 2, 2, 1, 1, [11] = -1, [14] = PT__REDUCE_MEAN}}, ARGUMENT},
    {"pad", "f[B,4]", "src is float32[B, 4], expected rank 3", HEADS(0)},
    {"pad", "i9[B,4,4,3]", "src is int32", HEADS(0)},
    {"pad", "f[B,4,4,3]", "mode is none of PT_PAD_...", HEADS(PT__PIXELS_KINDS), ARGUMENT},
    {"pad", "f[B,4,4,3]", "padding[3] 4, expected at most 3", HEADS(PT__PIXELS_REFLECT, 0, 0, 0, 4), ARGUMENT},
    {"pad", "f[B,4,4,3]", "padding[0] 5, expected at most 4", HEADS(PT__PIXELS_CIRCULAR, 5), ARGUMENT},
    {"pad", "f[B,4,4,3]", "padding[1] -4, expected", HEADS(0, 0, -4), ARGUMENT},
    {"pad", "f[B,4,4,3]", "padding[0] and padding[1] leave no pixel of 4", HEADS(0, -2, -2), ARGUMENT},
    {"pad", "f[B,4,3]", "padding[2] 1, expected at most 0", HEADS(0, 0, 0, 1), ARGUMENT},
    {"pad", "f[B,4,4,3]", "value 1e+300 is out of range", .attributes = {.reals = {1e300}}, ARGUMENT},
    {"upsample", "f[B,4,4]", "width 2, expected 1 for rows of one length", HEADS(PT__PIXELS_NEAREST, 2, 2), ARGUMENT},
    {"upsample", "f[B,4,4,3]", "width 0, expected at least 1", HEADS(PT__PIXELS_NEAREST, 2, 0), ARGUMENT},
    {"upsample", "f[B,4,4,3]", "height -1, expected", HEADS(PT__PIXELS_NEAREST, -1, 2), ARGUMENT},
    {"upsample", "i9[B,4,4,3]", "src is int32", HEADS(PT__PIXELS_NEAREST, 2, 2)},
    {"upsample", "f[B,4,4,3]", "mode is none of", HEADS(-1, 2, 2), ARGUMENT},
    {"stack_rows", "f[B,4]", "src is float32[B, 4], expected [PT_DIM_TOKENS, ...]", .attributes = {.integers = {2}}},
    {"stack_rows", "f[2T,4]", "src is float32[2T, 4]", .attributes = {.integers = {2}}},
    {"stack_rows", "i9[T,4]", "src is int32", .attributes = {.integers = {2}}},
    {"stack_rows", "f[T,4]", "count 0", ARGUMENT},
    {"pool", "f[B,4]", "src is float32[B, 4], expected [PT_DIM_TOKENS, ...]", .status = 0},
    {"pool", "f[2T,4]", "src is float32[2T, 4]", .status = 0},
    {"pool", "i9[T,4]", "src is int32", .status = 0},
    {"pool", "f[T,4]", "kind 5", .attributes = {.integers = {5}}, ARGUMENT},
    {"mse_loss", "f[B,3] f[B,4]", "target is float32[B, 4], expected the shape of prediction",
     .attributes = {.reals = {1}}},
    {"mse_loss", "f[B,3] i9[B,3]", "target is int32", .attributes = {.reals = {1}}},
    {"l1_loss", "i9[B] f[B]", "prediction is int32", .attributes = {.reals = {1}}},
    {"l1_loss", "f[B] f[T]", "target is float32[T]", .attributes = {.reals = {1}}},
    {"mse_loss", "f[B,3] c[B,3] c[B,2]",
     "weights is float32[B, 2], expected one for each element or row of float32[B, 3]", .attributes = {.reals = {1}}},
    {"mse_loss", "f[B,3] c[B,3] c[3]", "weights is float32[3], expected one", .attributes = {.reals = {1}}},
    {"l1_loss", "f[2T,3] c[2T,3] c[T]", "weights is float32[T], expected one", .attributes = {.reals = {1}}},
    {"l1_loss", "f[B,3] c[B,3] c[B,1,3]", "weights is float32[B, 1, 3]", .attributes = {.reals = {1}}},
    {"huber_loss", "f[B,3] c[B,3] i9[B]", "weights is int32, expected float32", .attributes = {.reals = {1}}},
    {"bce_loss", "f[B,3] c[B,3] f[B]", "weights depends on a parameter", .attributes = {.reals = {1}},
     .status = PT_ERR_UNSUPPORTED},
    {"huber_loss", "f[B] f[B]", "0, expected a delta", ARGUMENT},
    {"huber_loss", "f[B] f[B,1]", "target is float32[B, 1]", .attributes = {.reals = {1}}},
    {"bce_loss", "f[B] f[B]", "target depends on a parameter", .attributes = {.reals = {1}},
     .status = PT_ERR_UNSUPPORTED},
    {"bce_loss", "f[B] c[2]", "target is float32[2]", .attributes = {.reals = {1}}},
    {"advance", "f[5] f[5]", "state is float32[5], expected a tensor of pt_state", .status = 0},
    {"advance", "s[5] f[4]", "value is float32[4]", .status = 0},
    {"advance", "s[5] i9[5]", "value is int32", .status = 0},
    {"contrastive_loss", "f[T,6] f[B,3]", "key is float32[B, 3], expected [PT_DIM_TOKENS, D]",
     .attributes = {.reals = {1}}},
    {"contrastive_loss", "f[T,7] f[T,3]", "query is float32[T, 7], expected as many rows as key",
     .attributes = {.reals = {1}}},
    {"contrastive_loss", "f[S,6] f[T,3]", "query is float32[S, 6]", .attributes = {.reals = {1}}},
    {"contrastive_loss", "i9[T,6] f[T,3]", "query is int32", .attributes = {.reals = {1}}},
    {"contrastive_loss", "f[T,6] f[T,3]", "temperature 0", .attributes = {.reals = {0}}, ARGUMENT},
    {"ctc_loss", "f[T,5] f[S]", "targets is float32", .status = 0},
    {"ctc_loss", "f[T,5] i5[B]", "targets is int32[B], expected [rows], of a ragged dimension", .status = 0},
    {"ctc_loss", "f[T,5] i5[S,2]", "targets is", .status = 0},
    {"ctc_loss", "f[B,5] i5[S]", "logits is float32[B, 5], expected [rows, classes]", .status = 0},
    {"ctc_loss", "i5[T,5] i5[S]", "logits is int32", .status = 0},
    {"ctc_loss", "f[T,5] i5[S] c[T]", "weights is float32[T], expected [PT_DIM_BATCH]", .status = 0},
    {"ctc_loss", "f[T,5] i5[S] i5[B]", "weights is int32", .status = 0},
    {"ctc_loss", "f[T,5] i5[S] f[B]", "weights depends on a parameter", .status = PT_ERR_UNSUPPORTED},
    {"ctc_loss", "f[T,5] i5[S]", "blank 5 of 5 classes", HEADS(5), ARGUMENT},
    {"ctc_loss", "f[T,5] i5[S]", "blank -6 of 5 classes", HEADS(-6), ARGUMENT},
    {"ctc_loss", "f[T,5] i5[S]", "infeasible 2", HEADS(0, 2), ARGUMENT},
    {"ctc_errors", "f[T,5] f[S] z[5]", "targets is float32", .status = 0},
    {"ctc_errors", "f[T,5] i5[B] z[5]", "targets is int32[B]", .status = 0},
    {"ctc_errors", "f[B,5] i5[S] z[5]", "logits is float32[B, 5]", .status = 0},
    {"ctc_errors", "f[T,5] i5[S] z[4]", "kinds is float32[4], expected [5]", .status = 0},
    {"cross_entropy_loss", "f[B,4] i4[T]", "target is int32[T], expected one label a row", .status = 0},
    {"cross_entropy_loss", "f[B,4] c[B,5]", "target is float32[B, 5], expected 4 probabilities", .status = 0},
    {"cross_entropy_loss", "f[B,4] f[B,4]", "target depends on a parameter", .status = PT_ERR_UNSUPPORTED},
    {"cross_entropy_loss", "f[B,4] i4[B] c[5]", "class_weights is float32[5], expected [4]", .status = 0},
    {"cross_entropy_loss", "f[B,4] i4[B] f[4]", "class_weights depends on a parameter", .status = PT_ERR_UNSUPPORTED},
    {"cross_entropy_loss", "f[B,4] i4[B] - c[B,4]", "weights is float32[B, 4], expected one number a row", .status = 0},
    {"cross_entropy_loss", "f[B,4] i4[B] - i4[B]", "weights is int32, expected float32", .status = 0},
    {"cross_entropy_loss", "f[B,4] i4[B] - f[B]", "weights depends on a parameter", .status = PT_ERR_UNSUPPORTED},
    {"linear_cross_entropy_loss", "f[B,3] f[5,3] i5[B] - - c[T]", "weights is float32[T]", .status = 0},
    {"cross_entropy_loss", "i9[B,4] i4[B]", "logits is int32", .status = 0},
    {"cross_entropy_loss", "f[B] i4[B]", "logits is float32[B]", .status = 0},
    {"cross_entropy_loss", "f[B,4] i4[B]", "label_smoothing 1", .attributes = {.reals = {1}}, ARGUMENT},
    {"linear_cross_entropy_loss", "f[B,3] f[5,4] i5[B]", "weight is float32[5, 4], expected [classes, 3]", .status = 0},
    {"linear_cross_entropy_loss", "f[B,3] f[5,3] i5[T]", "target is int32[T]", .status = 0},
    {"linear_cross_entropy_loss", "f[B,3] f[5,3] i5[B] f[3]", "bias is float32[3], expected [5]", .status = 0},
    {"linear_cross_entropy_loss", "f[B,3] f[5] i5[B]", "weight is float32[5], expected rank 2", .status = 0},
    {"linear_cross_entropy_loss", "f[B,3] i5[5,3] i5[B]", "weight is int32", .status = 0},
    {"linear_cross_entropy_loss", "f[B,3] f[5,3] i5[B] - c[4]", "class_weights is float32[4]", .status = 0},
    {"sample_count", "f[3]", "1 inputs, expected 0", ARGUMENT},
};

START_TEST(test_refusals)
{
    for (size_t i = 0; i < sizeof wrongs / sizeof wrongs[0]; i++) {
        const wrong_t *wrong = &wrongs[i];
        machine_t machine;
        pt_tensor_t inputs[PT__MAX_INPUTS];
        int32_t n_inputs = 0;
        char expected[256], kind;
        int64_t limit;
        const pt__op_t *op = pt__op_find(wrong->op);
        ck_assert_msg(op != NULL, "no op %s", wrong->op);
        ck_ok(machine_open(&machine));
        for (const char *text = wrong->inputs; *text != 0; n_inputs++) {
            inputs[n_inputs] = machine_tensor(&machine, text, &kind, &limit);
            text += strcspn(text, " ");
            text += strspn(text, " ");
        }
        int64_t n_nodes = machine.graph->n_nodes, n_tensors = machine.graph->n_tensors;
        pt_tensor_t tensor = pt__graph_add(machine.graph, op, n_inputs, inputs, &wrong->attributes);
        pt_status_t status = wrong->status != PT_OK ? wrong->status : PT_ERR_SHAPE;
        snprintf(expected, sizeof expected, "%s: ", wrong->op);
        ck_assert_msg(tensor == PT_NO_TENSOR, "%s(%s) is accepted, expected \"%s\"", wrong->op, wrong->inputs,
                      wrong->part);
        ck_assert_msg(machine.graph->status == status, "%s(%s) gave %s: %s", wrong->op, wrong->inputs,
                      pt_status_name(machine.graph->status), machine.graph->message);
        ck_assert_msg(strncmp(machine.graph->message, expected, strlen(expected)) == 0 &&
                          strstr(machine.graph->message, wrong->part) != NULL,
                      "%s(%s): the message is \"%s\", expected \"%s\" in it", wrong->op, wrong->inputs,
                      machine.graph->message, wrong->part);
        ck_assert(machine.graph->n_nodes == n_nodes && machine.graph->n_tensors == n_tensors);
        machine_free(&machine);
    }
}
END_TEST

/* Every op that hosts may add refuses something here. */
START_TEST(test_every_op_refuses)
{
    for (int32_t i = 0; i < pt__op_count(); i++) {
        int32_t found = (pt__op_at(i)->flags & PT__OP_INTERNAL) != 0;
        for (size_t k = 0; k < sizeof wrongs / sizeof wrongs[0]; k++)
            found |= strcmp(wrongs[k].op, pt__op_at(i)->name) == 0;
        ck_assert_msg(found, "%s is not tested with wrong inputs", pt__op_at(i)->name);
    }
}
END_TEST

/* A graph with tokens [B, 6] int32 and a float table [9, 4]. */
static pt_tensor_t open_with_tokens(machine_t *machine)
{
    char kind;
    int64_t limit;
    ck_ok(machine_open(machine));
    return machine_tensor(machine, "i9[B,6]", &kind, &limit);
}

static pt_tensor_t table(machine_t *machine, int64_t rows)
{
    char name[32];
    snprintf(name, sizeof name, "table%lld", (long long)machine->graph->n_parameters);
    return pt_parameter(machine->graph, name, 2, (int64_t[]){rows, 4}, INITIAL(PT_INIT_NORMAL, 1));
}

/* The bound of what indexes reaches the input through slices, reshapes, transpositions and concatenations, and the
 * tightest wins. */
START_TEST(test_bounds_reach_inputs)
{
    machine_t machine;
    pt_tensor_t tokens = open_with_tokens(&machine);
    pt_tensor_t shifted = pt_slice(machine.graph, tokens, 1, 1, 5);
    pt_tensor_t turned = pt_transpose(
        machine.graph, pt_reshape(machine.graph, shifted, 3, (int64_t[]){PT_DIM_BATCH, 5, 1}), (int32_t[]){0, 2, 1});
    pt_tensor_t joined = pt_concat(machine.graph, (pt_tensor_t[]){turned, turned}, 2, 2);
    ck_assert_int_ne(pt_embedding(machine.graph, joined, table(&machine, 9)), PT_NO_TENSOR);
    ck_assert_int_eq(machine.graph->tensors[tokens].index_limit, 9);
    ck_assert_int_ne(pt_embedding(machine.graph, tokens, table(&machine, 12)), PT_NO_TENSOR);
    ck_assert_int_eq(machine.graph->tensors[tokens].index_limit, 9);
    ck_assert_int_ne(pt_embedding(machine.graph, tokens, table(&machine, 7)), PT_NO_TENSOR);
    ck_assert_int_eq(machine.graph->tensors[tokens].index_limit, 7);
    ck_assert_int_eq(machine.graph->tensors[tokens].index_ignore, INT32_MIN);
    machine_free(&machine);
}
END_TEST

/* A label that is ignored passes the check of data; but not where the same tensor indexes a table. */
START_TEST(test_ignored_labels)
{
    for (int32_t embed = 0; embed < 3; embed++) { /* not, before, after */
        machine_t machine;
        char kind;
        int64_t limit;
        ck_ok(machine_open(&machine));
        pt_tensor_t labels = machine_tensor(&machine, "l9[T]", &kind, &limit),
                    logits = machine_tensor(&machine, "f[T,9]", &kind, &limit);
        if (embed == 1)
            pt_embedding(machine.graph, labels, table(&machine, 9));
        ck_assert_int_ne(pt_cross_entropy_loss(machine.graph, logits, labels, NULL), PT_NO_TENSOR);
        if (embed == 2)
            pt_embedding(machine.graph, labels, table(&machine, 9));
        ck_ok(machine.graph->status);
        ck_assert_int_eq(machine.graph->tensors[labels].index_ignore, embed ? INT32_MIN : PT_IGNORE_INDEX);
        machine_free(&machine);
    }
}
END_TEST

START_TEST(test_positions_bound_the_length)
{
    machine_t machine;
    char kind;
    int64_t limit;
    ck_ok(machine_open(&machine));
    pt_tensor_t like = machine_tensor(&machine, "f[T,2]", &kind, &limit);
    pt_tensor_t positions = pt_positions(machine.graph, like, 9);
    ck_assert_int_ne(pt_embedding(machine.graph, positions, table(&machine, 9)), PT_NO_TENSOR);
    pt_positions(machine.graph, like, 20);
    ck_assert_int_eq(machine.graph->length_limit[PT__DIMENSION_TOKENS], 9);
    ck_assert_int_eq(pt_embedding(machine.graph, pt_reshape(machine.graph, positions, 2, (int64_t[]){PT_DIM_TOKENS, 1}),
                                  table(&machine, 8)),
                     PT_NO_TENSOR);
    ck_assert_int_eq(machine.graph->status, PT_ERR_SHAPE);
    ck_assert_msg(strstr(machine.graph->message, "stay below 8") != NULL, "%s", machine.graph->message);
    machine_free(&machine);
}
END_TEST

START_TEST(test_options)
{
    machine_t machine;
    char kind;
    int64_t limit;
    pt_attention_options_t attention;
    pt_cross_entropy_options_t entropy;
    pt_loss_options_t loss;
    pt_pool_options_t pool;
    ck_ok(pt_pool_options_init(&pool, sizeof pool));
    ck_ok(pt_attention_options_init(&attention, sizeof attention));
    ck_ok(pt_cross_entropy_options_init(&entropy, sizeof entropy));
    ck_ok(pt_loss_options_init(&loss, sizeof loss));
    ck_assert_int_eq(loss.weights, PT_NO_TENSOR);
    ck_assert_int_eq(entropy.weights, PT_NO_TENSOR);
    ck_assert_int_eq(attention.key_mask, PT_NO_TENSOR);
    ck_assert_int_eq(entropy.ignore_index, PT_IGNORE_INDEX);
    ck_assert_int_eq(entropy.class_weights, PT_NO_TENSOR);
    ck_assert_int_eq(pt_attention_options_init(NULL, sizeof attention), PT_ERR_ARGUMENT);
    ck_assert_int_eq(pt_cross_entropy_options_init(NULL, sizeof entropy), PT_ERR_ARGUMENT);
    for (int32_t i = 0; i < 15; i++) {
        ck_ok(machine_open(&machine));
        pt_tensor_t qkv = machine_tensor(&machine, "f[T,24]", &kind, &limit),
                    labels = machine_tensor(&machine, "l24[T]", &kind, &limit), made = 0;
        ck_ok(pt_attention_options_init(&attention, sizeof attention));
        attention.heads = 2;
        switch (i) {
        case 0:
            made = pt_attention_packed(machine.graph, qkv, &attention);
            break;
        case 1:
            made = pt_cross_entropy_loss(machine.graph, qkv, labels, &entropy);
            break;
        case 2:
            made = pt_attention_packed(machine.graph, qkv, NULL);
            break;
        case 3:
            attention.flags = 8;
            made = pt_attention_packed(machine.graph, qkv, &attention);
            break;
        case 4:
            attention.struct_size = 3;
            made = pt_attention(machine.graph, qkv, qkv, qkv, &attention);
            break;
        case 5:
            entropy.flags = 1;
            made = pt_cross_entropy_loss(machine.graph, qkv, labels, &entropy);
            break;
        case 6:
            entropy.flags = 0;
            entropy.reserved = 1;
            made = pt_cross_entropy_loss(machine.graph, qkv, labels, &entropy);
            break;
        case 7:
            loss.flags = 1;
            made = pt_mse_loss(machine.graph, qkv, qkv, &loss);
            break;
        case 8:
            loss.flags = 0;
            loss.reserved = 1;
            made = pt_l1_loss(machine.graph, qkv, qkv, &loss);
            break;
        case 9:
            loss.reserved = 0;
            loss.weights = 99;
            made = pt_huber_loss(machine.graph, qkv, qkv, 1, &loss);
            break;
        case 10:
            loss.struct_size = 3;
            made = pt_bce_loss(machine.graph, qkv, qkv, 1, &loss);
            break;
        case 11:
            made = pt_max_pool(machine.graph, qkv, NULL);
            break;
        case 12:
            pool.flags = UINT32_MAX;
            pool.size[0] = 1;
            made = pt_average_pool(machine.graph, machine_tensor(&machine, "f[T,4,4]", &kind, &limit), &pool);
            break;
        case 14:
            made = pt_pad(machine.graph, qkv, NULL, PT_PAD_CONSTANT, 0);
            break;
        case 13:
            pool.struct_size = 3;
            made = pt_max_pool(machine.graph, qkv, &pool);
            break;
        }
        ck_assert_msg(i < 2 ? made != PT_NO_TENSOR : made == PT_NO_TENSOR && machine.graph->status == PT_ERR_ARGUMENT,
                      "options %d: %s", (int)i, pt__error_message());
        machine_free(&machine);
    }
}
END_TEST

/* NULL graphs, graphs in error and PT_NO_TENSOR give PT_NO_TENSOR and keep the first message. */
START_TEST(test_sticky_errors)
{
    machine_t machine;
    char first[PT__MESSAGE_SIZE];
    pt_attention_options_t attention;
    pt_rotary_options_t rotary;
    pt_pool_options_t pool;
    ck_ok(pt_pool_options_init(&pool, sizeof pool));
    ck_ok(pt_attention_options_init(&attention, sizeof attention));
    ck_ok(pt_rotary_options_init(&rotary, sizeof rotary));
    rotary.heads = 2;
    rotary.limit = 9;
    pt_tensor_t tokens = open_with_tokens(&machine);
    ck_assert_int_eq(pt_relu(machine.graph, tokens), PT_NO_TENSOR);
    snprintf(first, sizeof first, "%s", machine.graph->message);
    pt_graph_t *graphs[] = {machine.graph, NULL};
    for (int32_t i = 0; i < 2; i++) {
        pt_graph_t *g = graphs[i];
        pt_tensor_t t = PT_NO_TENSOR;
        const pt_tensor_t made[] = {pt_linear(g, t, t, t, 0),
                                    pt_linear_in_out(g, t, t, t, 0),
                                    pt_convolution(g, t, t, t, NULL),
                                    pt_convolution_transposed(g, t, t, t, NULL),
                                    pt_convolution_layer(g, "a", t, 1, 1, 1, NULL),
                                    pt_matmul(g, t, t, 0, 0),
                                    pt_embedding(g, t, t),
                                    pt_positions(g, t, 1),
                                    pt_add(g, t, t),
                                    pt_sub(g, t, t),
                                    pt_mul(g, t, t),
                                    pt_div(g, t, t),
                                    pt_scale(g, t, 1),
                                    pt_relu(g, t),
                                    pt_relu6(g, t),
                                    pt_hardswish(g, t),
                                    pt_gelu(g, t),
                                    pt_gelu_tanh(g, t),
                                    pt_silu(g, t),
                                    pt_gated(g, t, t, PT_ACTIVATION_SILU),
                                    pt_tanh(g, t),
                                    pt_sigmoid(g, t),
                                    pt_exp(g, t),
                                    pt_log(g, t),
                                    pt_softmax(g, t),
                                    pt_log_softmax(g, t),
                                    pt_layer_norm(g, t, t, t, 0),
                                    pt_rms_norm(g, t, t, 0),
                                    pt_group_norm(g, t, 1, t, t, 0),
                                    pt_instance_norm(g, t, t, t, 0),
                                    pt_dropout(g, t, 0),
                                    pt_attention(g, t, t, t, &attention),
                                    pt_attention_packed(g, t, &attention),
                                    pt_rotary(g, t, &rotary),
                                    pt_reshape(g, t, 0, NULL),
                                    pt_transpose(g, t, NULL),
                                    pt_slice(g, t, 0, 0, 1),
                                    pt_concat(g, NULL, 1, 0),
                                    pt_gather(g, t, t),
                                    pt_sum(g, t, 0, 0),
                                    pt_mean(g, t, 0, 0),
                                    pt_max(g, t, 0, 0),
                                    pt_pool(g, t, 0),
                                    pt_max_pool(g, t, &pool),
                                    pt_average_pool(g, t, &pool),
                                    pt_upsample(g, t, 1, 1, PT_UPSAMPLE_NEAREST),
                                    pt_pad(g, t, NULL, PT_PAD_CONSTANT, 0),
                                    pt_adaptive_max_pool(g, t, 1, 1),
                                    pt_adaptive_average_pool(g, t, 1, 1),
                                    pt_mse_loss(g, t, t, NULL),
                                    pt_l1_loss(g, t, t, NULL),
                                    pt_huber_loss(g, t, t, 1, NULL),
                                    pt_bce_loss(g, t, t, 1, NULL),
                                    pt_cross_entropy_loss(g, t, t, NULL),
                                    pt_linear_cross_entropy_loss(g, t, t, t, t, NULL)};
        for (size_t k = 0; k < sizeof made / sizeof made[0]; k++)
            ck_assert_int_eq(made[k], PT_NO_TENSOR);
    }
    ck_assert_str_eq(machine.graph->message, first);
    machine_free(&machine);
}
END_TEST

SUITE("shape rules", 20, test_refusals, test_every_op_refuses, test_bounds_reach_inputs, test_ignored_labels,
      test_positions_bound_the_length, test_options, test_sticky_errors)
