/* What a training step of a case computes and moves, for step_profile.py: the
 * plan, op by op, and the optimizer's sweep.
 *
 *   step_plan CASE */
#include "case_state.h"

#include <stdlib.h>

int main(int argc, char **argv) {
  static state_t state;
  size_t length = 0;
  if (argc != 2) {
    fputs("usage: step_plan CASE\ncases:", stderr);
    print_cases(stderr);
    return EXIT_FAILURE;
  }
  make_state(&state, argv[1], 1);
  step(&state, 0);
  must(pt_model_describe(state.model, PT_DESCRIBE_PLAN, NULL, 0, &length),
       "plan");
  char *text = must_allocate(length + 1, 1);
  must(pt_model_describe(state.model, PT_DESCRIBE_PLAN, text, length + 1,
                         &length),
       "plan");
  fputs(text, stdout);
  free(text);
  pt_estimate_t estimate = {.struct_size = sizeof estimate};
  pt_dim_rows_t tokens = {"tokens",
                          (int64_t)state.bench->batch * state.bench->length};
  must(pt_model_estimate(state.model, state.optimizer, state.bench->batch,
                         &tokens, state.bench->layers > 0, sizeof tokens,
                         &estimate),
       "estimate");
  /* The plan does not know how samples are cut: it counts as many keys as the
   * graph allows. */
  int64_t counted = state.bench->positions < tokens.rows
                        ? state.bench->positions
                        : tokens.rows;
  if (state.bench->layers > 0)
    printf("attention: keys %d of %lld counted\n", state.bench->length,
           (long long)counted);
  /* Parameters and slots are read and written, gradients read. Operations an
   * element, a square root or a division counted as one: AdamW 16, SGD 3, with
   * momentum 5. */
  double adam = 16, sgd = estimate.optimizer_bytes > 0 ? 5 : 3;
  printf("optimizer: elements %lld operations %.6g bytes %lld\n",
         (long long)estimate.trainable,
         (state.bench->layers > 0 ? adam : sgd) * (double)estimate.trainable,
         (long long)(12 * estimate.trainable + 2 * estimate.optimizer_bytes));
  free_state(&state);
  return EXIT_SUCCESS;
}
