/* SPDX-License-Identifier: MIT */
/* Copyright (C) 2026 The Egret authors */
#ifndef NN_SIMPLIFY_H
#define NN_SIMPLIFY_H

/*
 * What follows a product or a window in a program is written as the model has it: one step for
 * each operator. Most of it is more than the card has to do for each element:
 *
 * - scales and shifts by channel (batch normalisation, learned affine layers, biases) are known
 *   when the plan is made: all of them together are one scale and one shift, which the product
 *   applies on the way out, or which go into the weights;
 * - activations that exporters take apart (x * clip(x + 3, 0, 6) / 6) are one activation;
 * - a number that is multiplied with, and one that is added, are one fused multiply-add.
 *
 * All of this changes the last bits only: there are fewer roundings, not more.
 */

#include "plan.h"

/* A scale and a shift for each element of a vector, in double precision until all is known. */
struct nn_affine {
	bool any;		/* it is not x * 1 + 0 */
	size_t count;
	double *scale, *shift;
};

/* x * 1 + 0 for `count` elements. Returns false if memory is short. */
bool nn_affine_init(struct nn_affine *affine, size_t count);
/* Back to that. */
void nn_affine_reset(struct nn_affine *affine);
void nn_affine_free(struct nn_affine *affine);

/* Steps that change nothing go away. */
void nn_drop_identities(struct nn_program *p);

/*
 * Take scales and shifts from the beginning of a program, which begins with what the kernel
 * computes. Vectors vary along dimension `dim` of the space, or along `outer` as well, the
 * slower one; -1: none.
 */
void nn_take_affine(const struct nn_plan *plan, struct nn_program *p, int outer, int dim,
		    struct nn_affine *affine);

/* An activation of the matrix engine. */
struct nn_activation {
	enum egret_act act;
	float a, b;
};

/* Take the activation that a program begins with, if there is one; otherwise EGRET_ACT_NONE. */
void nn_take_activation(struct nn_program *p, struct nn_activation *activation);

/*
 * Take what the matrix engine can do behind an activation, up to `room` steps: scales and shifts by
 * numbers, and more activations. Returns how many there are.
 */
unsigned int nn_take_steps(struct nn_program *p, struct egret_matmul_step *steps,
			   unsigned int room);

/* Conversion of results on their way out: x * scale + zero as an integer, or as a narrower float. */
struct nn_conversion {
	double scale;
	int32_t zero;
};

/* Take the conversion that a program begins with, if it does; its result is the first value then. */
bool nn_take_conversion(struct nn_program *p, struct nn_conversion *conversion);

/* A step of the matrix engine: a multiplication. */
struct egret_matmul_step nn_scale_step(double scale);

/* Write what remains with fewer steps. */
void nn_simplify(struct nn_program *p);

/* Forget operands that no step needs any more. */
void nn_drop_unused(struct nn_program *p);

#endif /* NN_SIMPLIFY_H */
