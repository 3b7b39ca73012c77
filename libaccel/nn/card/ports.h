/* SPDX-License-Identifier: MIT */
/* Copyright (C) 2026 The Egret authors */
#ifndef NN_PORTS_H
#define NN_PORTS_H

/*
 * What goes into a run of a plan, and what comes out of it.
 *
 * Usually inputs are copied from the host to the plan's memory, and outputs back. An input can
 * also be read where it lies in a buffer of the caller's: the launches that read it get
 * other addresses, which changes the recorded graphs only if it was elsewhere in the run before. And
 * a part of an output can be copied to a buffer, and not go to the host. Together that is how a
 * state stays on the card from run to run (../api/carry.h).
 *
 * Who runs the plan says where all ports are before each run: what another one said is forgotten.
 */

#include "plan.h"

/* A part of an output that is copied on the card. */
struct nn_keeping {
	struct accel_buffer *buffer;	/* NULL: the output goes to the host */
	struct accel_rect rect;		/* `src_offset` counts from the output's beginning; no rows: nothing */
	bool clear;			/* zeros everywhere else in the buffer */
};

/*
 * Where the inputs (or NULL: they are uploaded) lie in the next run. Fails as changing a graph does,
 * and then the plan must not run.
 */
int nn_plan_set_sources(struct nn_plan *plan, struct accel_buffer *const *buffers);
/* What becomes of the outputs. The array must stay until the run is over. */
void nn_plan_set_keepings(struct nn_plan *plan, const struct nn_keeping *keepings);
/* Where the outputs go on the host, with room for each; NULL for one, or for all: to new memory. */
void nn_plan_set_places(struct nn_plan *plan, void *const *places);

/* ---- For plan.c ---- */

uint64_t nn_plan_address(const struct nn_plan *plan, const struct nn_ref *ref);

/* Copy bytes between the host and where a value lies. */
int nn_plan_upload(struct nn_plan *plan, struct accel_stream *stream, const struct nn_ref *ref,
		   const void *data, size_t bytes);
int nn_plan_download(struct nn_plan *plan, struct accel_stream *stream, const struct nn_ref *ref,
		     void *data, size_t bytes);

/* Before and after a run; outputs that are kept on the card are left as they are. */
int nn_plan_put_inputs(struct nn_plan *plan, struct accel_stream *stream,
		       const struct nn_tensor *inputs);
int nn_plan_get_outputs(struct nn_plan *plan, struct accel_stream *stream,
			struct nn_tensor *outputs);

#endif /* NN_PORTS_H */
