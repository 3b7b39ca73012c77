/* SPDX-License-Identifier: MIT */
/* Copyright (C) 2026 The Egret authors */
#ifndef ACCEL_RUN_H
#define ACCEL_RUN_H

/*
 * accel-run: a model on an input.
 *
 *   main.c       options (options.h), and the order of things
 *   inputs.c     inputs for the model's job; outputs.c: files of results, and for --compare
 *   arrays.c     named tensors, and files of them: which format a file has
 *   npy.c        NumPy's files, .npy and .npz
 *   pb.c         ONNX's TensorProto, SequenceProto, OptionalProto
 *   texts.c      tensors of texts
 *   picture.c    pictures as inputs, sound.c likewise (prepare.h)
 *   bench.c      runs, and with --bench how long they take; progress.c says what goes on
 *   elements.c   element types: names, and elements as numbers
 *   info.c       --info: the model and its nodes
 *   profile.c    --profile, --trace: where time goes on a card; roofline.c: its plot
 *   onnxruntime.c  another runtime, to compare with
 *   precision.c  --precision: how far results are from those in float32
 *   results.c    what came out: summary, --compare
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <accel/nn.h>
#include <json-c/json.h>

#include "tools/common/output.h"

/* The model file cannot be read, or is wrong. */
#define STATUS_MODEL		STATUS_OWN
/* The model needs what is not implemented. */
#define STATUS_UNSUPPORTED	STATUS_OWN_1
/* --compare: the outputs differ by more than the tolerance. */
#define STATUS_DIFFERENT	STATUS_OWN_2

/* ---- elements.c ---- */

/* Bits of an element in memory (texts: of the pointer), 0 for types that are not handled here. */
unsigned int type_bits(uint32_t type);
bool type_is_float(uint32_t type);
/* As a number; NaN for a text. */
double get_element(const struct accel_nn_tensor *tensor, size_t i);
/* Integers become the nearest that there is. */
void set_element(struct accel_nn_tensor *tensor, size_t i, double value);
size_t count_elements(const struct accel_nn_tensor *tensor);
bool same_shape(const struct accel_nn_tensor *a, const struct accel_nn_tensor *b);
/* "[1, 3, 48, 320]" */
#define SHAPE_TEXT	200
const char *format_shape(char text[SHAPE_TEXT], const int64_t *dims, int rank,
			 const char *const *symbols);

/* ---- arrays.c ---- */

struct picture_options;
struct sound_options;

/* A tensor with a name ("" if the file gives none), and memory of its own. */
struct array {
	char *name;
	struct accel_nn_tensor tensor;	/* of type 0: nothing, as an optional may be */
	uint32_t output;		/* of results: the number of the output that it belongs to */
};

struct arrays {
	struct array *list;
	size_t count;
};

/* Add a zeroed array, whose shape and type are set: its memory is made. False: too large. */
bool arrays_add(struct arrays *arrays, const char *name, const struct accel_nn_tensor *like,
		struct array **added);
/* The same for texts, with bytes for the texts themselves behind the pointers. */
bool arrays_add_texts(struct arrays *arrays, const char *name, const struct accel_nn_tensor *like,
		      size_t room, struct array **added, char **texts);
void arrays_free(struct arrays *arrays);

/* What cannot be seen in files without a type or a shape of their own. */
struct reading {
	const struct accel_nn_tensor *like;	/* the input; open sizes are -1; NULL: the file tells all */
	const struct picture_options *picture;
	const struct sound_options *sound;
	uint32_t kind;				/* enum accel_nn_kind: what the model has there */
	bool optional;
};

/* What a file turned out to hold. */
enum holds {
	HOLDS_ARRAY,		/* one array */
	HOLDS_ARCHIVE,		/* any number of them, with names */
	HOLDS_SEQUENCE,		/* the tensors of a sequence */
	HOLDS_NOTHING,		/* an optional without a value: no array */
};

/*
 * Read all arrays of a file, by its format: .npy, .npz, .pb, .png, .jpg, .wav, or any other name for
 * the plain elements of a tensor with at most one open size. Complains, and returns what the
 * program should end with.
 */
enum status arrays_read(struct arrays *arrays, const char *path, const struct reading *how,
			enum holds *holds);

/* A whole file, to be freed; NULL with a complaint. */
uint8_t *read_file(const char *path, size_t *size);

/* Open a file to be written; NULL with a complaint. */
FILE *open_output(const char *path);
/* Close it. If not all could be written: complain, and leave no half of a file. */
enum status close_output(FILE *file, const char *path);

/* Write one array, or several to a .npz file. */
enum status arrays_write(const char *path, const struct array *arrays, size_t count);

/* ---- npy.c, pb.c: formats ---- */

/* A file that is in memory. */
enum status npy_parse(struct arrays *arrays, const char *path, const char *name,
		      const uint8_t *data, size_t size);
enum status npz_read(struct arrays *arrays, const char *path);
enum status npz_write(const char *path, const struct array *arrays, size_t count);
/*
 * What a file begins with, to be freed: all that comes before a tensor's elements, if these are
 * numbers; texts are in it. Complains if NumPy has no such type.
 */
enum status npy_header(const char *path, const struct accel_nn_tensor *tensor, uint8_t **start,
		       size_t *size);
uint8_t *pb_header(const struct array *array, size_t *size);
enum status pb_read(struct arrays *arrays, const char *path, const struct reading *how,
		    enum holds *holds);

/* ---- texts.c ---- */

/* An element of a tensor of texts, which is never NULL. */
const char *get_text(const struct accel_nn_tensor *tensor, size_t i);
/* Add a copy of a tensor of texts. False: too large. */
bool texts_copy(struct arrays *arrays, const char *name, const struct accel_nn_tensor *from);
/*
 * Add texts that are of `width` code points each, or of as many bytes. Return NULL, or what is
 * wrong with them.
 */
const char *texts_from_points(struct arrays *arrays, const char *name,
			      const struct accel_nn_tensor *like, const uint8_t *data, size_t width);
const char *texts_from_bytes(struct arrays *arrays, const char *name,
			     const struct accel_nn_tensor *like, const uint8_t *data, size_t width);
/* Code points of the longest text, at least 1; false if one is not UTF-8. */
bool texts_width(const struct accel_nn_tensor *tensor, size_t *width);
void texts_to_points(const struct accel_nn_tensor *tensor, size_t width, uint8_t *to);

/* ---- info.c, results.c ---- */

/* What the program works with. */
struct session {
	const char *path;
	const char *device;		/* NULL: the host */
	struct accel_nn_model *model;
	struct accel_nn_model_info info;
	struct accel_nn_job *job;
	struct json_object *json;	/* NULL without --json */
	struct accel_nn_tensor *bound;	/* each input */
	bool has_others;		/* some are sequences or nothing, and not there */
};

/* JSON has no infinities, and no NaN: null. */
struct json_object *json_number(double value);

enum status show_info(struct session *s);

/*
 * What a job's last run gave: a list of tensors, those of a sequence called NAME.0, NAME.1 and so on.
 * Their elements remain the job's.
 */
enum status results_take(struct session *s, struct accel_nn_job *job, struct arrays *results);
void results_release(struct arrays *results);
enum status show_results(struct session *s);

struct tolerance {
	double relative, absolute;
};

/* Compare results with what is wanted of those of the same names. */
enum status compare_results(struct session *s, const struct arrays *results,
			    const struct arrays *wanted, const struct tolerance *tolerance);

/* ---- bench.c ---- */

struct bench_options {
	unsigned int count;	/* runs to be measured, 0 for none */
	unsigned int threads;	/* at the same time */
	unsigned int batch;	/* inputs in each, or 0 */
};

/* Run the model, whose inputs are bound, and measure. The results are the session's job's. */
enum status run_model(struct session *s, const struct bench_options *options);

/* ---- onnxruntime.c ---- */

/* All outputs of the model, from the session's inputs, as ONNX Runtime computes them. */
enum status onnxruntime_run(struct session *s, struct arrays *results);

/* ---- precision.c ---- */

/* The number of a precision by name; false if there is none such. */
bool precision_parse(const char *text, uint32_t *precision);

/*
 * Run the model in float32 on the host, and show how far the session's results are from that.
 * `calibrations` is the number of inputs that it was calibrated with; 0: its own.
 */
enum status precision_show(struct session *s, uint32_t precision, size_t calibrations);

/* Complain about the library's last error, when the model is at fault or else. */
enum status complain_model(void);

#endif /* ACCEL_RUN_H */
