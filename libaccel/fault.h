/* SPDX-License-Identifier: MIT */
/* Copyright (C) 2026 The Egret authors */
#ifndef ACCEL_FAULT_H
#define ACCEL_FAULT_H

#include <accel/accel.h>
#include <drm/egret_accel.h>

/*
 * Put a queue's fault record into words. Kernel, function, file and nearby stay empty:
 * they are for whoever knows the address space.
 */
void accel_fault_decode(const struct drm_egret_queue_query *query, struct accel_fault *fault);

/* What to do about a fault of this code; never NULL. */
const char *accel_fault_advice(uint32_t code);

#endif /* ACCEL_FAULT_H */
