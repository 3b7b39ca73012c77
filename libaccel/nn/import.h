/* SPDX-License-Identifier: MIT */
/* Copyright (C) 2026 The Egret authors */
#ifndef NN_IMPORT_H
#define NN_IMPORT_H

#include <onnx.pb-c.h>

#include "graph.h"

/* What the parts of the importer share. */
struct nn_import {
	const char *what;	/* "cannot read model.onnx" */
	struct nn_model *model;
	const uint8_t *file;	/* that cut contents lie in (wire.h) */
	size_t size;
	int folder;		/* of external data; -1: there can be none */
};

#define NN_EXPORT_AGAIN	"export the model again"

#define nn_import_fail(im, error, ...) \
	accel_fail(error, (im)->what, NN_EXPORT_AGAIN, __VA_ARGS__)
#define nn_import_nomem(im) accel_fail_errno(-ENOMEM, (im)->what)

/*
 * Read a tensor's type, dimensions and contents. `owner` says what it is, in errors.
 * -EINVAL, -ENOTSUP, -EFBIG or -ENOMEM.
 */
int nn_import_tensor(struct nn_import *im, const char *owner, const Onnx__TensorProto *tensor,
		     const struct nn_constant **constant);

#endif /* NN_IMPORT_H */
