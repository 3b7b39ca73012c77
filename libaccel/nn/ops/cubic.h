/* SPDX-License-Identifier: MIT */
/* Copyright (C) 2026 The Egret authors */
#ifndef NN_OPS_CUBIC_H
#define NN_OPS_CUBIC_H

#include <math.h>

/* How much a pixel counts `x` pixels away, in cubic interpolation with coefficient `a`. */
static inline double nn_cubic(double a, double x)
{
	x = fabs(x);
	if (x <= 1)
		return ((a + 2) * x - (a + 3)) * x * x + 1;
	return x < 2 ? ((a * x - 5 * a) * x + 8 * a) * x - 4 * a : 0;
}

#endif /* NN_OPS_CUBIC_H */
