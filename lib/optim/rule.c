/* What the updates of one learnable follow: its group's options, else the optimizer's, else its kind's defaults. */
#include "optim/optimizer.h"

static double first_given(double group, double options, double kind)
{
    return group >= 0 ? group : options >= 0 ? options : kind;
}

pt__rule_t pt__optimizer_rule(const pt_optimizer_t *optimizer, const char *name, int32_t rank)
{
    static const pt_group_options_t none = {.learning_rate_factor = 1,
                                            .weight_decay = -1,
                                            .kind = -1,
                                            .nesterov = -1,
                                            .beta1 = -1,
                                            .beta2 = -1,
                                            .epsilon = -1,
                                            .momentum = -1};
    const pt_optimizer_options_t *options = &optimizer->options;
    const pt_group_options_t *group = &none;
    const pt__optimizer_kind_t *kind = optimizer->kind;
    for (int64_t i = optimizer->n_groups - 1; i >= 0; i--)
        if (pt__pattern_match(optimizer->groups[i].pattern, name)) {
            group = &optimizer->groups[i].options;
            kind = optimizer->groups[i].kind != NULL ? optimizer->groups[i].kind : kind;
            break;
        }
    pt__rule_t rule = {.kind = kind,
                       .rate_factor = group->learning_rate_factor,
                       .weight_decay = first_given(group->weight_decay, options->weight_decay,
                                                   kind->default_weight_decay),
                       .beta1 = first_given(group->beta1, options->beta1, 0),
                       .beta2 = first_given(group->beta2, options->beta2, 0),
                       .epsilon = first_given(group->epsilon, options->epsilon, kind->default_epsilon),
                       .momentum = first_given(group->momentum, options->momentum, kind->default_momentum),
                       .nesterov = group->nesterov >= 0     ? group->nesterov
                                   : options->nesterov >= 0 ? options->nesterov
                                                            : kind->default_nesterov,
                       .flags = options->flags & kind->flags};
    if ((options->flags & PT_OPTIMIZER_DECAY_MATRICES) != 0 && rank < 2)
        rule.weight_decay = 0;
    return rule;
}
