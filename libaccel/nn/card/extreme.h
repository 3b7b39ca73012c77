/* SPDX-License-Identifier: MIT */
/* Copyright (C) 2026 The Egret authors */
#ifndef NN_EXTREME_H
#define NN_EXTREME_H

/*
 * Values with numbers that a narrow type has not.
 *
 * A language model hides places by adding the lowest float32 to their scores, or a product of it and
 * 0 or 1. Neither bfloat16 nor float16 has that number: it becomes minus infinity, which times 0 is no
 * number at all, and then nothing is. Such numbers are constants of the model. What is made of one
 * by operators that pass it on stays float32.
 */

#include "lower.h"

/* By nn_value.index, to be freed: values that may have a finite number beyond `type`. NULL: no memory. */
bool *nn_find_extremes(const struct nn_lower *lower, enum nn_type type);

#endif /* NN_EXTREME_H */
