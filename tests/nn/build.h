/* SPDX-License-Identifier: MIT */
/* Copyright (C) 2026 The Egret authors */
#ifndef NN_BUILD_H
#define NN_BUILD_H

/*
 * Makes ONNX files for tests, with protobuf-c's packer: sound ones, and those that are wrong in one
 * place.
 */

#include <stddef.h>
#include <stdint.h>

#include <onnx.pb-c.h>

struct build {
	Onnx__ModelProto model;
	Onnx__GraphProto graph;
	Onnx__OperatorSetIdProto opset, *opsets[1];
	Onnx__NodeProto *nodes[64];
	Onnx__ValueInfoProto *inputs[8], *outputs[8];
	Onnx__TensorProto *tensors[16];
	Onnx__FunctionProto *functions[8];
	void *memory[1024];	/* to be freed */
	size_t used;
};

void build_init(struct build *b, int version);
void build_release(struct build *b);
void *build_alloc(struct build *b, size_t size);

/* Inputs and outputs are words, "-" for one that is left out. */
Onnx__NodeProto *build_node(struct build *b, const char *type, const char *inputs,
			    const char *outputs);
Onnx__AttributeProto *build_attr(struct build *b, Onnx__NodeProto *node, const char *name, int type);
void build_int(struct build *b, Onnx__NodeProto *node, const char *name, int64_t value);
/* Dimensions are words: numbers, or names. */
void build_input(struct build *b, const char *name, int type, const char *dims);
void build_output(struct build *b, const char *name);
/* Integers of 64 bits, as raw data. */
Onnx__TensorProto *build_ints(struct build *b, const char *name, size_t count, const int64_t *ints);

/*
 * Take the nodes from number `first` on out of the model's graph, for a graph of their own, which
 * is an attribute of a node that is made later; or for a function of the model.
 */
Onnx__GraphProto *build_graph(struct build *b, size_t first, const char *inputs,
			      const char *outputs);
void build_graph_attr(struct build *b, Onnx__NodeProto *node, const char *name,
		      Onnx__GraphProto *graph);
Onnx__FunctionProto *build_function(struct build *b, size_t first, const char *name,
				    const char *inputs, const char *outputs);

/* The file, in a block of exactly its size, to be freed. */
uint8_t *build_pack(struct build *b, size_t *size);

#endif /* NN_BUILD_H */
