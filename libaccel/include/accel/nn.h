/* SPDX-License-Identifier: MIT */
/* Copyright (C) 2026 The Egret authors */
#ifndef ACCEL_NN_H
#define ACCEL_NN_H

/**
 * DOC: libaccel-nn, trained models on Egret cards
 *
 * A program loads a *model*, an ONNX file, and looks at its inputs and outputs. It makes a
 * *job*, binds inputs to it, runs it, and takes the results. Any number of jobs of one model
 * may run at the same time, each with inputs of other sizes.
 *
 * Operators that the card cannot do are computed by the host; accel_nn_get_node() tells
 * which, and why. A model whose sizes depend on the contents of its inputs runs on the host
 * altogether, for now. So does one that was loaded without a context, with
 * float32 and smaller floats computed in double precision and rounded once: this is the
 * reference that results of the card are compared with. It is slow.
 *
 * Errors, lifetime, threads, growing structures and times are as in libaccel(7). An error
 * about a model names the node, its operator, what is wrong and what to do.
 *
 * A model may come from anybody: loading checks all of it, and neither loading nor
 * accel_nn_prepare() takes long or much memory because of what is in a file. Running a model
 * takes what the model asks for. Programs that run models of strangers limit their process.
 */

#include <accel/accel.h>

#ifdef __cplusplus
extern "C" {
#endif

struct accel_nn_model;
struct accel_nn_job;

/* ---- Types of elements -------------------------------------------------------- */

/** enum accel_nn_type - what the elements of a tensor are; the numbers are those of ONNX */
enum accel_nn_type {
	/** @ACCEL_NN_FLOAT32: 32-bit float. */
	ACCEL_NN_FLOAT32 = 1,
	/** @ACCEL_NN_UINT8: 8-bit unsigned integer. */
	ACCEL_NN_UINT8 = 2,
	/** @ACCEL_NN_INT8: 8-bit integer. */
	ACCEL_NN_INT8 = 3,
	/** @ACCEL_NN_UINT16: 16-bit unsigned integer. */
	ACCEL_NN_UINT16 = 4,
	/** @ACCEL_NN_INT16: 16-bit integer. */
	ACCEL_NN_INT16 = 5,
	/** @ACCEL_NN_INT32: 32-bit integer. */
	ACCEL_NN_INT32 = 6,
	/** @ACCEL_NN_INT64: 64-bit integer. */
	ACCEL_NN_INT64 = 7,
	/** @ACCEL_NN_STRING: A pointer to a text that ends with a zero byte; NULL for an empty one. */
	ACCEL_NN_STRING = 8,
	/** @ACCEL_NN_BOOL: A byte, 0 or 1. */
	ACCEL_NN_BOOL = 9,
	/** @ACCEL_NN_FLOAT16: 16-bit float of IEEE 754. */
	ACCEL_NN_FLOAT16 = 10,
	/** @ACCEL_NN_FLOAT64: 64-bit float. */
	ACCEL_NN_FLOAT64 = 11,
	/** @ACCEL_NN_UINT32: 32-bit unsigned integer. */
	ACCEL_NN_UINT32 = 12,
	/** @ACCEL_NN_UINT64: 64-bit unsigned integer. */
	ACCEL_NN_UINT64 = 13,
	/** @ACCEL_NN_BFLOAT16: The upper half of a 32-bit float. */
	ACCEL_NN_BFLOAT16 = 16,
};

/** accel_nn_type_name() - name of an element type, such as "float32"; also of ONNX's other ones */
const char *accel_nn_type_name(uint32_t type);

/* More dimensions than any operator of use has. */
#define ACCEL_NN_RANK_MAX	8

/**
 * struct accel_nn_tensor - elements in host memory, dense, the last dimension fastest
 *
 * Elements of less than a byte are packed, the first in the lowest bits. Elements that are
 * texts are pointers; the texts lie elsewhere, live as long as the elements, and belong to the
 * same owner.
 */
struct accel_nn_tensor {
	/** @size: sizeof(struct accel_nn_tensor) */
	size_t size;
	/** @type: One of &enum accel_nn_type. */
	uint32_t type;
	/** @rank: Number of dimensions, 0 for a single element. */
	uint32_t rank;
	/** @dims: Their sizes. */
	int64_t dims[ACCEL_NN_RANK_MAX];
	/** @data: The elements. */
	void *data;
	/** @bytes: Bytes of them. */
	size_t bytes;
};

/**
 * accel_nn_load_tensor() - read a tensor from a file with ONNX's TensorProto
 * @path: the file, usually called .pb
 * @tensor: the tensor on success, with memory of its own; @tensor->size must be set
 *
 * Return: 0; -EINVAL (it is damaged, or no such file); -ENOTSUP (a form that is not
 * implemented); -ENOENT, -EACCES or what else opening the file gives; -ENOMEM.
 */
int accel_nn_load_tensor(const char *path, struct accel_nn_tensor *tensor);

/**
 * accel_nn_load_tensor_memory() - read a tensor from memory with ONNX's TensorProto
 * @data: contents of such a file, which nobody needs when the function returns
 * @bytes: how many
 * @tensor: as for accel_nn_load_tensor()
 *
 * Return: as accel_nn_load_tensor(), without what opening a file gives.
 */
int accel_nn_load_tensor_memory(const void *data, size_t bytes, struct accel_nn_tensor *tensor);

/** accel_nn_free_tensor() - release what accel_nn_load_tensor() or the like has made */
void accel_nn_free_tensor(struct accel_nn_tensor *tensor);

/* ---- Models -------------------------------------------------------------------- */

/**
 * enum accel_nn_precision - in what a card computes what the model has in float32
 *
 * In less than that, products (matrix products and convolutions) take operands of the type, and sum
 * up in float32, or in integers. The host always computes in float32.
 */
enum accel_nn_precision {
	/** @ACCEL_NN_IN_FLOAT32: As the model has it. */
	ACCEL_NN_IN_FLOAT32 = 0,
	/** @ACCEL_NN_IN_BFLOAT16: In bfloat16: also what lies between operators, where these allow it. */
	ACCEL_NN_IN_BFLOAT16 = 1,
	/** @ACCEL_NN_IN_FLOAT16: Likewise in float16, which has more digits, but ends at 65504. */
	ACCEL_NN_IN_FLOAT16 = 2,
	/**
	 * @ACCEL_NN_IN_INT8: In integers of 8 bits, with a scale for each channel of weights, and a scale
	 * and a zero point for each other operand; everything else in float32. The model must be
	 * calibrated: see accel_nn_calibrate().
	 */
	ACCEL_NN_IN_INT8 = 3,
};

/** struct accel_nn_load_options - how a model is loaded */
struct accel_nn_load_options {
	/** @size: sizeof(struct accel_nn_load_options) */
	size_t size;
	/** @context: Where the model runs; NULL for the host. */
	struct accel_context *context;
	/** @device: The device that the context was made of. */
	struct accel_device *device;
	/**
	 * @folder: Of accel_nn_load_memory(): folder of the files with the model's external
	 * data; NULL if there are none. accel_nn_load() uses the model's own.
	 */
	const char *folder;
	/**
	 * @kept_plans: How many plans the model keeps that no job has (see accel_nn_prepare()); 0
	 * for 16, -1 for none.
	 */
	int32_t kept_plans;
	/**
	 * @kept_plan_bytes: How much of the device's memory they may hold together; 0 for an eighth
	 * of all that it has.
	 */
	uint64_t kept_plan_bytes;
	/**
	 * @precision: One of &enum accel_nn_precision: in what the card computes. Anything but
	 * ACCEL_NN_IN_FLOAT32 needs @context.
	 */
	uint32_t precision;
};

/**
 * accel_nn_load() - read a model from an ONNX file
 * @path: the file
 * @options: NULL for the defaults
 * @model: the model on success
 *
 * The file is mapped, and stays so: to replace a model that may be in use, rename a new file
 * over it. Models with operators that are not supported can be loaded, to be looked at.
 *
 * Return: 0; -EINVAL (damaged, or against ONNX's rules); -ENOTSUP (something that is not
 * implemented); -ELOOP (a circle in the graph); -EFBIG (beyond a limit); -ENOENT, -EACCES or
 * what else opening the file gives; -ENOMEM.
 */
int accel_nn_load(const char *path, const struct accel_nn_load_options *options,
		  struct accel_nn_model **model);

/**
 * accel_nn_load_memory() - read a model from memory
 * @data: contents of an ONNX file, which must stay as they are until the model is released
 * @bytes: how many
 * @options: NULL for the defaults
 * @model: the model on success
 *
 * Return: as accel_nn_load().
 */
int accel_nn_load_memory(const void *data, size_t bytes,
			 const struct accel_nn_load_options *options,
			 struct accel_nn_model **model);

/** accel_nn_unload() - release a model; jobs keep what they need of it */
void accel_nn_unload(struct accel_nn_model *model);

/**
 * struct accel_nn_model_info - what a model is
 *
 * Strings are never NULL, and live as long as the model.
 */
struct accel_nn_model_info {
	/** @size: sizeof(struct accel_nn_model_info) */
	size_t size;
	/** @producer: Program that made the file. */
	const char *producer;
	/** @graph: Name of the graph. */
	const char *graph;
	/** @opset: Version of ONNX's operators that it is made for. */
	uint32_t opset;
	/** @inputs: Number of inputs. */
	uint32_t inputs;
	/** @outputs: Number of outputs. */
	uint32_t outputs;
	/** @nodes: Number of nodes, those of subgraphs not counted. */
	uint32_t nodes;
	/** @parameters: Number of elements of its constants: initializers and tensors of Constant. */
	uint64_t parameters;
	/** @parameter_bytes: Bytes of them. */
	uint64_t parameter_bytes;
};

/** accel_nn_get_model_info() - what a model is; @info->size must be set */
int accel_nn_get_model_info(const struct accel_nn_model *model, struct accel_nn_model_info *info);

/** enum accel_nn_kind - what an input, an output or a result is */
enum accel_nn_kind {
	/** @ACCEL_NN_TENSOR: A tensor. */
	ACCEL_NN_TENSOR = 0,
	/** @ACCEL_NN_SEQUENCE: Any number of tensors, with elements of one type. */
	ACCEL_NN_SEQUENCE = 1,
	/** @ACCEL_NN_EMPTY: Nothing, as a result: an optional output may be that. */
	ACCEL_NN_EMPTY = 2,
	/** @ACCEL_NN_OTHER: Something else, such as a map; programs can neither give nor get it. */
	ACCEL_NN_OTHER = 3,
};

/**
 * struct accel_nn_value - an input or output of a model, as it declares it
 *
 * Strings are never NULL, and live as long as the model.
 */
struct accel_nn_value {
	/** @size: sizeof(struct accel_nn_value) */
	size_t size;
	/** @name: Its name. */
	const char *name;
	/** @type: One of &enum accel_nn_type; 0 if the model does not say. */
	uint32_t type;
	/** @rank: Number of dimensions; -1 if the model does not say. */
	int32_t rank;
	/** @dims: Their sizes; -1 for any. */
	int64_t dims[ACCEL_NN_RANK_MAX];
	/** @symbols: Names of sizes that may be any; those with one name are the same. Or empty. */
	const char *symbols[ACCEL_NN_RANK_MAX];
	/** @kind: One of &enum accel_nn_kind; of a sequence, @type is that of its tensors' elements. */
	uint32_t kind;
	/** @optional: 1 if it may be nothing, else 0. */
	uint32_t optional;
};

/** accel_nn_get_input() - an input by number; @value->size must be set */
int accel_nn_get_input(const struct accel_nn_model *model, uint32_t index,
		       struct accel_nn_value *value);

/** accel_nn_get_output() - an output by number; @value->size must be set */
int accel_nn_get_output(const struct accel_nn_model *model, uint32_t index,
			struct accel_nn_value *value);

/* ---- Jobs ------------------------------------------------------------------------ */

/**
 * accel_nn_job_create() - make what runs a model once at a time
 * @model: model
 * @job: the job on success
 */
int accel_nn_job_create(struct accel_nn_model *model, struct accel_nn_job **job);

/** accel_nn_job_destroy() - release a job; ends a run between two nodes, and waits for that */
void accel_nn_job_destroy(struct accel_nn_job *job);

/**
 * accel_nn_bind_input() - give an input of the next runs
 * @job: job
 * @index: number of the input
 * @tensor: its type and sizes, and elements, which are read while the job runs, and so must
 *	stay until then; without elements (@data is NULL), only accel_nn_prepare() is possible
 *
 * An input stays bound until another is.
 *
 * Return: 0; -EINVAL (the model asks for another type or other sizes); -EBUSY (the job is
 * running).
 */
int accel_nn_bind_input(struct accel_nn_job *job, uint32_t index,
			const struct accel_nn_tensor *tensor);

/**
 * accel_nn_bind_sequence() - give an input of the next runs that is a sequence
 * @job: job
 * @index: number of the input
 * @tensors: pointers to the tensors, whose elements are of one type; their sizes may differ. All
 *	is copied
 * @count: how many; there may be none
 *
 * Return: 0; -EINVAL (the input is no sequence, or one of another type); -EBUSY (the job is
 * running); -ENOMEM.
 */
int accel_nn_bind_sequence(struct accel_nn_job *job, uint32_t index,
			   const struct accel_nn_tensor *const *tensors, uint32_t count);

/**
 * accel_nn_bind_nothing() - leave out an input in the next runs
 * @job: job
 * @index: number of the input, which must be an optional one
 *
 * An input that nothing was bound to is an error; here the model is told that there is none.
 *
 * Return: 0; -EINVAL (the input is not optional); -EBUSY (the job is running).
 */
int accel_nn_bind_nothing(struct accel_nn_job *job, uint32_t index);

/**
 * accel_nn_bind_output() - choose where a result goes
 * @job: job
 * @index: number of the output
 * @data: memory for the result; NULL for the job's own
 * @bytes: how much there is; a run fails with -ENOSPC if that is too little
 *
 * Only tensors of numbers can go there: with anything else a run fails with -EINVAL.
 *
 * An output stays bound until another is.
 *
 * Return: 0; -EINVAL; -EBUSY (the job is running).
 */
int accel_nn_bind_output(struct accel_nn_job *job, uint32_t index, void *data, size_t bytes);

/** struct accel_nn_carry_options - how an output becomes an input */
struct accel_nn_carry_options {
	/** @size: sizeof(struct accel_nn_carry_options) */
	size_t size;
	/**
	 * @places: 0: the input is the whole output. Otherwise the input is a cache, which has so many
	 * places along @axis, whatever is in it.
	 */
	int64_t places;
	/** @axis: Dimension along which a cache has its places. */
	uint32_t axis;
	/** @reserved: Zero. */
	uint32_t reserved;
};

/**
 * accel_nn_bind_output_to_input() - let a result be an input of the next run, without the host
 * @job: job
 * @output: number of the output
 * @input: number of the input, with elements of the same type
 * @options: NULL if the input is the whole output
 *
 * For models that have a state, such as the cache of keys and values of a language model. The first
 * run has an input that was bound with accel_nn_bind_input(). What comes out of it stays on the
 * card, and is the input of the second run, whose result is that of the third. Binding other
 * elements to the input begins anew. A run that fails leaves the input as it was: it may be
 * run again.
 *
 * If the whole output is the input, its sizes may change from run to run, but each time that they
 * do there must be a plan for them (see accel_nn_prepare()). Models that put what is new into a past
 * of fixed size themselves, as those of ONNX Runtime's GroupQueryAttention may, have one size this
 * way. For all others there are caches, which have the same sizes in all runs, too. The output is
 * to be the input with some more places behind. After the first run, the cache has what came out,
 * in its first places, and zeros in all others. After each further one, those places of the output
 * that the input did not have are put behind those in use. So a language model is told by its mask
 * which places are in use: first those, then the ones that are not, which it must not look at, then
 * the new ones.
 *
 * When all places are in use, a run fails with -ENOSPC, before anything is computed. Called again for
 * an output and an input that are bound to each other already, the function changes the number
 * of places, and what is in the cache stays: a cache that grows in steps needs a plan for each
 * step, not for each word.
 *
 * It lasts until accel_nn_bind_output() is called for the output, or one of the two is bound to
 * another. accel_nn_get_result() does not give such an output: see accel_nn_get_carried(). A
 * model that runs on the host has its state there, with the same results.
 *
 * Return: 0; -EINVAL (the types or numbers of dimensions differ, there is no such dimension, or
 * there are more places in use); -EBUSY (the job is running). A run fails with -EINVAL if the
 * input cannot have the sizes of the output.
 */
int accel_nn_bind_output_to_input(struct accel_nn_job *job, uint32_t output, uint32_t input,
				  const struct accel_nn_carry_options *options);

/**
 * accel_nn_copy_carried() - give an input what it is in another job, on the card
 * @job: job
 * @input: number of the input
 * @from: another job of the same model, in which an output was carried over to this input
 *
 * So several conversations go on from one beginning, which is computed once, or a search follows
 * several ways. The job has a copy. It goes on with it as @from would if an output of its own
 * is bound to the input, and has it in all runs if there is none.
 *
 * Return: 0; -EINVAL (they are jobs of different models, or nothing was carried over yet);
 * -EBUSY (one of the two is running); -ENOSPC (the card has no room); -ENODEV (it is gone).
 */
int accel_nn_copy_carried(struct accel_nn_job *job, uint32_t input, struct accel_nn_job *from);

/**
 * accel_nn_get_carried() - read what was carried over to an input
 * @job: job
 * @input: number of the input
 * @tensor: its type, sizes and elements, of a cache those places that are in use, which belong to
 *	the job, and stay until it runs or is asked again; @tensor->size must be set
 *
 * It is copied to the host for that, which takes its time. Bound to the input of a job later, it
 * continues there.
 *
 * Return: 0; -EINVAL (nothing was carried over yet); -EBUSY (the job is running); -ENODEV (the card
 * is gone); -ENOMEM.
 */
int accel_nn_get_carried(struct accel_nn_job *job, uint32_t input, struct accel_nn_tensor *tensor);

/**
 * accel_nn_prepare() - find out all that can be known without running
 * @job: job
 *
 * Of inputs that are bound the sizes are known. accel_nn_get_node() then tells of each node.
 * accel_nn_run() prepares by itself what is not prepared.
 *
 * For a card a plan is made, which can take longer than running the model. It is good for one
 * set of sizes. When a job gets inputs of other sizes, the model keeps the plan, and whichever
 * of its jobs is prepared for these sizes again has it at once. Jobs of the same sizes share a
 * plan as long as they do not run at the same time. Plans that no job has are released when there
 * are too many (&struct accel_nn_load_options has the limits), the one that was not used for the
 * longest time first, and all of them when a new plan finds no room on the card. They hold
 * device memory, which is what &struct accel_nn_job_info calls memory and constants.
 *
 * Return: 0; -EINVAL (sizes that do not fit each other; the error names the node; or the model
 * is in int8, and was not calibrated); -EBUSY (the job is running); -ENOMEM.
 */
int accel_nn_prepare(struct accel_nn_job *job);

/** enum accel_nn_place - where a node is computed */
enum accel_nn_place {
	/** @ACCEL_NN_UNSUPPORTED: Nowhere: the model cannot run. */
	ACCEL_NN_UNSUPPORTED = 0,
	/** @ACCEL_NN_AHEAD: Before the model runs: its inputs are known. */
	ACCEL_NN_AHEAD = 1,
	/** @ACCEL_NN_ON_HOST: On the host. */
	ACCEL_NN_ON_HOST = 2,
	/** @ACCEL_NN_ON_CARD: On the card. */
	ACCEL_NN_ON_CARD = 3,
	/** @ACCEL_NN_NOTHING: Nothing is to be done: its result is its input with other sizes. */
	ACCEL_NN_NOTHING = 4,
};

/**
 * struct accel_nn_node - a node of a model, in the order of computation
 *
 * Strings are never NULL, and live until the next call about a node of the same job.
 */
struct accel_nn_node {
	/** @size: sizeof(struct accel_nn_node) */
	size_t size;
	/** @number: Its number in the file, as errors have it. */
	uint32_t number;
	/** @place: One of &enum accel_nn_place. */
	uint32_t place;
	/** @name: Its name; may be empty. */
	const char *name;
	/** @operator_name: Its operator, with the domain if it is not ONNX's own. */
	const char *operator_name;
	/** @why: Why it is not on the card; may be empty. */
	const char *why;
	/** @type: Type of its first result, 0 if not known. */
	uint32_t type;
	/** @rank: Number of dimensions of its first result, or -1. */
	int32_t rank;
	/** @dims: Their sizes; -1 for those that are not known. */
	int64_t dims[ACCEL_NN_RANK_MAX];
	/** @macs: Multiplications with addition that it takes; 0 if it has none, or not known. */
	uint64_t macs;
};

/**
 * accel_nn_get_node() - a node of a job that was prepared or has run
 * @job: job
 * @index: place of the node in the order of computation
 * @node: what is known of it; @node->size must be set
 *
 * Return: 0; -EINVAL (there is no such node, or the job was not prepared); -EBUSY (the job is
 * running).
 */
int accel_nn_get_node(struct accel_nn_job *job, uint32_t index, struct accel_nn_node *node);

/**
 * accel_nn_run() - run the model, and wait for it
 * @job: job, whose inputs are all bound
 * @stream: stream of the model's context for the card's part; NULL for one of the job's own
 *
 * Return: 0; -EINVAL (an input is missing, or what the model computes makes no sense, such as
 * an index that is out of range); -ENOTSUP (an operator is not supported); -ENOSPC (a bound
 * output is too small, or the card's memory is); -EBUSY (the job is running); -ECANCELED (the
 * card stopped the stream: it was reset, or there was a fault; without @stream the job may be
 * run again); -ENODEV (the card is gone); -ENOMEM.
 */
int accel_nn_run(struct accel_nn_job *job, struct accel_stream *stream);

/**
 * accel_nn_calibrate() - run the model on the host, and note between what its values lie
 * @job: job of a model that was loaded for ACCEL_NN_IN_INT8, whose inputs are all bound
 *
 * All that jobs of the model compute on the card later is quantised for these ranges, and for those
 * of other calls: the inputs should be typical, and several. Results are there as after
 * accel_nn_run(): those of the model in float32.
 *
 * Return: as accel_nn_run() on the host; -EINVAL also if the model is not in int8; -EBUSY also if
 * a job of the model was prepared already, or has run.
 */
int accel_nn_calibrate(struct accel_nn_job *job);

/**
 * accel_nn_start() - run the model, and do not wait
 * @job: job, whose inputs are all bound
 * @stream: as for accel_nn_run()
 *
 * A thread of the job's does what the host has to. Ask accel_nn_wait() for the end.
 *
 * Return: 0; -EBUSY (the job is running already); -EAGAIN (no thread can be made).
 */
int accel_nn_start(struct accel_nn_job *job, struct accel_stream *stream);

/**
 * accel_nn_wait() - wait for a job that was started
 * @job: job
 * @deadline: time of CLOCK_MONOTONIC, ACCEL_NO_WAIT, or ACCEL_FOREVER
 *
 * Return: what accel_nn_run() would have returned; 0 also if nothing was started; -ETIMEDOUT.
 */
int accel_nn_wait(struct accel_nn_job *job, int64_t deadline);

/**
 * accel_nn_get_result() - an output of the last run
 * @job: job
 * @index: number of the output
 * @tensor: its type, sizes and elements, which belong to the job and stay until it runs again;
 *	@tensor->size must be set
 *
 * Return: 0; -EINVAL (there is no such output, it is not a tensor, or the job has not run); -EBUSY
 * (the job is running).
 */
int accel_nn_get_result(struct accel_nn_job *job, uint32_t index, struct accel_nn_tensor *tensor);

/** struct accel_nn_result_info - what an output of the last run is */
struct accel_nn_result_info {
	/** @size: sizeof(struct accel_nn_result_info) */
	size_t size;
	/** @kind: One of &enum accel_nn_kind. */
	uint32_t kind;
	/** @count: Number of its tensors: 1 for a tensor, 0 for nothing. */
	uint32_t count;
};

/**
 * accel_nn_get_result_info() - whether an output is a tensor, a sequence, or nothing
 * @job: job
 * @index: number of the output
 * @info: what it is; @info->size must be set
 *
 * Return: as accel_nn_get_result(), for all kinds.
 */
int accel_nn_get_result_info(struct accel_nn_job *job, uint32_t index,
			     struct accel_nn_result_info *info);

/**
 * accel_nn_get_result_item() - a tensor of an output that is a sequence
 * @job: job
 * @index: number of the output
 * @item: number of the tensor in it; a tensor is its own number 0
 * @tensor: as for accel_nn_get_result()
 *
 * Return: as accel_nn_get_result(); -EINVAL also if there is no such tensor.
 */
int accel_nn_get_result_item(struct accel_nn_job *job, uint32_t index, uint32_t item,
			     struct accel_nn_tensor *tensor);

/* ---- Where time goes ------------------------------------------------------------- */

/**
 * struct accel_nn_job_info - what a job takes
 *
 * All is zero for a job that ran on the host altogether.
 */
struct accel_nn_job_info {
	/** @size: sizeof(struct accel_nn_job_info) */
	size_t size;
	/** @memory: Bytes of device memory for inputs, outputs and all between: the most at a time. */
	uint64_t memory;
	/** @constants: Bytes of device memory for constants that only this job has. */
	uint64_t constants;
	/** @weights: Bytes of device memory for the weights, which jobs of a model share. */
	uint64_t weights;
	/** @steps: Number of steps; see accel_nn_get_step(). */
	uint32_t steps;
	/** @launches: Launches of kernels in a run. */
	uint32_t launches;
	/** @graphs: Command lists that they are in: what the host starts in a run. */
	uint32_t graphs;
	/** @plans_made: Plans that were made for this job since it exists. */
	uint32_t plans_made;
	/** @plans_reused: How often it was prepared, and found one that the model had. */
	uint32_t plans_reused;
	/** @uploaded: Bytes that the host brought to the card in the last run. */
	uint64_t uploaded;
	/** @downloaded: Bytes that the host took from the card in the last run. */
	uint64_t downloaded;
	/** @carried: Bytes that were copied from outputs to inputs on the card in the last run. */
	uint64_t carried;
	/** @carried_memory: Bytes of device memory for what is carried over to inputs. */
	uint64_t carried_memory;
	/** @commands: What the host queued in the last run: copies, and command lists. */
	uint32_t commands;
	/** @reserved: Zero. */
	uint32_t reserved;
};

/**
 * accel_nn_get_job_info() - what a job takes that was prepared or has run
 * @job: job
 * @info: what is known of it; @info->size must be set
 *
 * Return: 0; -EINVAL (the job was not prepared); -EBUSY (the job is running).
 */
int accel_nn_get_job_info(struct accel_nn_job *job, struct accel_nn_job_info *info);

/**
 * accel_nn_profile() - run the model step by step, and measure each
 * @job: job, whose inputs are all bound
 * @stream: as for accel_nn_run()
 *
 * The results are those of accel_nn_run(), which is faster: there, steps overlap.
 * accel_nn_get_step() has the measurements.
 *
 * Return: as accel_nn_run(); -ENOTSUP also if the job runs on the host altogether.
 */
int accel_nn_profile(struct accel_nn_job *job, struct accel_stream *stream);

/**
 * struct accel_nn_step - some nodes of a model that are computed together
 *
 * What pointers point to lives until the next call about a step of the same job.
 */
struct accel_nn_step {
	/** @size: sizeof(struct accel_nn_step) */
	size_t size;
	/** @place: One of &enum accel_nn_place. */
	uint32_t place;
	/** @nodes: Number of nodes. */
	uint32_t nodes;
	/** @name: Name of the first; may be empty. */
	const char *name;
	/** @operators: Their operators, as in "Conv + Relu". */
	const char *operators;
	/** @macs: Multiplications with addition that they take. */
	uint64_t macs;
	/** @launches: Launches of kernels. */
	uint32_t launches;
	/** @time: Nanoseconds that it took, as the host sees it; 0 before accel_nn_profile(). */
	int64_t time;
	/** @profile: What the card counted, of all launches; NULL if there is nothing. */
	const struct accel_profile_data *profile;
	/**
	 * @factors: What the matrix engine multiplies in it, one of &enum accel_nn_type; 0 if it has
	 * nothing to do there.
	 */
	uint32_t factors;
};

/**
 * accel_nn_get_step() - a step of a job that was prepared or has run
 * @job: job
 * @index: number of the step, in the order of computation
 * @step: what is known of it; @step->size must be set
 *
 * Return: 0; -EINVAL (there is no such step, or the job was not prepared); -EBUSY (the job is
 * running).
 */
int accel_nn_get_step(struct accel_nn_job *job, uint32_t index, struct accel_nn_step *step);

#ifdef __cplusplus
}
#endif

#endif /* ACCEL_NN_H */
