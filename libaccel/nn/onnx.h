/* SPDX-License-Identifier: MIT */
/* Copyright (C) 2026 The Egret authors */
#ifndef NN_ONNX_H
#define NN_ONNX_H

#include <stddef.h>

#include "graph.h"

/* Versions of ONNX's operator set that can be read. */
#define NN_OPSET_OLDEST	1
#define NN_OPSET_NEWEST	25

/*
 * Read a model. Weights stay in the file, which is mapped; they may also lie in files beside it
 * ("external data"). A file that is changed or cut while the model is in use changes the
 * weights, or ends the process: replace models with rename().
 *
 * A model with operators that are not known here is read; their nodes have no `op`.
 *
 * Returns 0; -EINVAL (damaged, or against ONNX's rules), -ENOTSUP (something that is not
 * implemented), -ELOOP (a circle in the graph), -EFBIG (beyond a limit), -ENOMEM, or what
 * opening the file says; nothing is left behind on an error.
 */
int nn_onnx_load(const char *path, struct nn_model **model);

/*
 * The same from memory, which must stay as it is until the model is released. `what` is what
 * fails, in errors; `folder` a descriptor of the folder of external data, which stays the
 * caller's, or -1 if there can be none.
 */
int nn_onnx_read(const char *what, const void *file, size_t size, int folder,
		 struct nn_model **model);

/* Read a file that holds a single tensor; or the bytes of one. */
int nn_onnx_load_tensor(const char *path, struct nn_tensor *tensor);
int nn_onnx_read_tensor(const char *what, const void *file, size_t size, struct nn_tensor *tensor);

#endif /* NN_ONNX_H */
