/* Recurrent layers' kernels: their description, and the scratch that they need, which follows from the shape so that a
 * plan knows it. For the ops that lay it out, and for devices. Formulas: ops/op_recurrence.c. */
#ifndef PT__RECURRENCE_H
#define PT__RECURRENCE_H

#include <stdint.h>

#include "pretrain.h"

typedef enum pt__cell { PT__CELL_TANH = 0, PT__CELL_RELU, PT__CELL_GRU, PT__CELL_LSTM, PT__CELLS } pt__cell_t;

enum { PT__DIRECTIONS = 2 }; /* the first goes from a sample's first row to its last, the second the other way */

static inline int64_t pt__cell_gates(int64_t cell)
{
    return cell == PT__CELL_LSTM ? 4 : cell == PT__CELL_GRU ? 3 : 1;
}

/* Samples lie end to end and begin anew each. D directions side by side in each row, G gates of H numbers in PyTorch's
 * order, P numbers that a row gives and the next begins with: H, or fewer where there is a projection. */
typedef struct pt__recurrence {
    pt__cell_t cell;
    int64_t samples, rows;
    const int32_t *offsets; /* [samples + 1] */
    int64_t directions, hidden, outputs;
    const float *weight[PT__DIRECTIONS];     /* [G * H, P] */
    const float *bias[PT__DIRECTIONS];       /* [G * H] of that product, or NULL */
    const float *projection[PT__DIRECTIONS]; /* [P, H]; NULL: P is H */
    const float *initial_hidden;             /* [samples, D * P]; NULL: zeros */
    const float *initial_cell;               /* LSTM: [samples, D * H]; NULL: zeros */
    /* [rows, D * G * H], of RNN dst: the products with what goes in, bias added; the gates' values afterwards */
    float *gates;
    /* [rows, D * H] or NULL. LSTM: the cells; GRU: the hidden part of the candidate, before the reset gate. */
    float *kept;
    float *dst;                     /* [rows, D * P]; NULL only where gates is another array */
    float *last_hidden, *last_cell; /* like the initial ones, or NULL */
    void *scratch;
} pt__recurrence_t;

typedef struct pt__recurrence_gradient {
    /* gates, kept and, of GRU, dst as the forward pass left them; the initial ones; weights and projections. No other
     * array of it is looked at. */
    pt__recurrence_t forward;
    const float *d_dst, *d_last_hidden, *d_last_cell; /* or NULL: zeros */
    float *d_gates; /* like gates, which it may be: of the sums that the gates are functions of. GRU's candidate: of the
                     * hidden part */
    float *d_candidate;                       /* GRU: [rows, D * H] of the candidate's other part, or NULL */
    float *d_initial_hidden, *d_initial_cell; /* or NULL */
    float *d_hidden, *unprojected; /* with a projection: [rows, D * P], [rows, D * H]: the gradient of what it gives,
                                    * and what goes in; unprojected may be NULL */
    void *scratch;
} pt__recurrence_gradient_t;

enum { PT__RECURRENCE_PANEL = 48 }; /* columns that a packed weight is filled up to, at most */

/* Floats of packed weights of one direction: depth times columns. */
static inline int64_t pt__recurrence_packed(int64_t depth, int64_t columns)
{
    return depth * ((columns + PT__RECURRENCE_PANEL - 1) / PT__RECURRENCE_PANEL * PT__RECURRENCE_PANEL);
}

/* Floats of a direction: the recurrent weight and the projection, as either pass has them packed. */
static inline int64_t pt__recurrence_weights(const pt__recurrence_t *recurrence)
{
    const int64_t gates = pt__cell_gates(recurrence->cell), most = recurrence->hidden;
    int64_t forward = gates * pt__recurrence_packed(recurrence->outputs, most);
    int64_t backward = pt__recurrence_packed(gates * most, recurrence->outputs);
    int64_t floats = forward > backward ? forward : backward;
    if (recurrence->projection[0] == NULL)
        return floats;
    forward = pt__recurrence_packed(most, recurrence->outputs);
    backward = pt__recurrence_packed(recurrence->outputs, most);
    return floats + (forward > backward ? forward : backward);
}

/* Pointers to a step's rows, of each sample in each direction (cpu/vector.h). */
enum { PT__RECURRENCE_POINTERS = 12 };

enum { PT__RECURRENCE_STATES = 4 }; /* rows of H that a sample has in each direction beside */

/* Bytes for so many samples, of either pass: pointers, the samples by length among them; packed weights; states; zeros.
 */
static inline int64_t pt__recurrence_scratch(const pt__recurrence_t *recurrence)
{
    const int64_t directions = recurrence->directions, samples = recurrence->samples;
    const int64_t states = PT__RECURRENCE_STATES * samples * recurrence->hidden;
    const int64_t pointers = samples * (1 + directions * PT__RECURRENCE_POINTERS);
    return (int64_t)sizeof(void *) * pointers +
           (int64_t)sizeof(float) * (directions * (pt__recurrence_weights(recurrence) + states) + recurrence->hidden);
}

#endif
