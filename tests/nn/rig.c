// SPDX-License-Identifier: MIT
// Copyright (C) 2026 The Egret authors
#include "rig.h"

#include <stdlib.h>

#include <libaccel/error.h>

void read_rig(struct rig *r)
{
	size_t size;
	int ret;

	r->file = build_pack(&r->b, &size);
	ret = nn_onnx_read("cannot read the model", r->file, size, -1, &r->model);
	if (ret)
		print_error("%s\n", accel_last_error()->message);
	assert_int_equal(ret, 0);
	assert_int_equal(nn_facts_init(&r->facts, r->model), 0);
}

void release_rig(struct rig *r)
{
	nn_facts_release(&r->facts);
	nn_model_free(r->model);
	free(r->file);
	build_release(&r->b);
}
