/* SPDX-License-Identifier: MIT */
/* Copyright (C) 2026 The Egret authors */
/*
 * What a device kernel is written with: the chip's custom instructions as C
 * functions, constructors for their descriptors, and the entry of the kernel
 * table. Compile with accel-cc.
 *
 *	#include <egret/kernel.h>
 *
 *	struct scale_args {
 *		__u64 in, out;
 *		__u32 count;
 *		float factor;
 *	};
 *
 *	EGRET_KERNEL(scale, struct scale_args)
 *	{
 *		struct egret_scratch scratch = EGRET_SCRATCH;
 *		float *x = egret_take(&scratch, args->count * sizeof(float));
 *
 *		egret_load(x, args->in, args->count, sizeof(float), 0);
 *		egret_wait(1u << 0);
 *		...
 *	}
 *
 * How a workgroup runs. Each workgroup has a hart, a megabyte of scratchpad and
 * a copy of the arguments for itself. The stack is in scratchpad, so descriptors
 * are ordinary local variables. The C code may read and write device memory with
 * plain pointers, but slowly; data is moved with egret_dma() and computed on in
 * scratchpad with the tile operations.
 *
 * What is outstanding. An operation returns at once; its tag tells when it is
 * done. Tile operations run in the order of issue and see each other's results.
 * A tile operation that reads what a DMA loads needs egret_wait() for the DMA's
 * tag, and likewise in the other direction. Descriptors are read at the issue and
 * may be reused at once.
 *
 * Static variables live in device memory, once for a module, shared by all
 * workgroups of all launches: constants are fine, anything else is a race.
 */
#ifndef EGRET_KERNEL_H
#define EGRET_KERNEL_H

#if !defined(__riscv) || __riscv_xlen != 64
#error "egret/kernel.h is for device kernels: compile with accel-cc"
#endif

#include <stddef.h>
#include <stdint.h>

#include <egret/isa.h>
#include <egret/module.h>
#include <egret/tile.h>

/**
 * EGRET_KERNEL() - begin the definition of a kernel
 * @function: name of the kernel, which is also the name of the C function
 * @args_type: type of its arguments
 *
 * The function's body follows. In it, `args` points to the workgroup's own copy of
 * the arguments, and group_x, group_y and group_z are the workgroup's coordinates.
 */
#define EGRET_KERNEL(function, args_type)						\
	void function(const args_type *args, unsigned int group_x,			\
		      unsigned int group_y, unsigned int group_z);			\
	_Static_assert(sizeof(#function) <= EGRET_KERNEL_NAME_MAX,			\
		       "the name of kernel " #function " is too long");			\
	_Static_assert(sizeof(args_type) <= 4096,					\
		       "the arguments of kernel " #function " are larger than 4096 bytes"); \
	__attribute__((section(EGRET_KERNEL_SECTION), used, aligned(8)))		\
	static struct egret_kernel_info function##_kernel_info = {			\
		.magic = EGRET_KERNEL_MAGIC,						\
		.version = EGRET_KERNEL_VERSION,					\
		.size = sizeof(struct egret_kernel_info),				\
		.entry = (uintptr_t)&function,						\
		.args_size = sizeof(args_type),						\
		.args_align = _Alignof(args_type),					\
		.name = #function,							\
	};										\
	__attribute__((used))								\
	void function(const args_type *args __attribute__((unused)),			\
		      unsigned int group_x __attribute__((unused)),			\
		      unsigned int group_y __attribute__((unused)),			\
		      unsigned int group_z __attribute__((unused)))

/* ---- Instructions ---------------------------------------------------------- */

#define EGRET_STRING_(x)	#x
#define EGRET_STRING(x)		EGRET_STRING_(x)

/* "memory" keeps the compiler from moving the stores that fill the descriptor,
 * or uses of the operands, across the instruction. */
#define EGRET_ISSUE(funct3, desc, tag)							\
	__asm__ volatile(".insn r " EGRET_STRING(EGRET_INSN_OPCODE) ", "		\
			 EGRET_STRING(funct3) ", 0, x0, %0, %1"				\
			 : : "r"(desc), "r"((unsigned long)(tag)) : "memory")

/* The local address of something in scratchpad, as descriptors hold it. */
static inline uint32_t egret_local(const volatile void *p)
{
	return (uint32_t)(uintptr_t)p;
}

/* The bits of a float, as descriptors hold immediate operands. */
static inline uint32_t egret_bits(float value)
{
	return ((union { float f; uint32_t u; }){ .f = value }).u;
}

/** egret_dma() - start moving a block; @tag is 0 to 31 */
static inline void egret_dma(const struct egret_dma_desc *desc, unsigned int tag)
{
	EGRET_ISSUE(EGRET_FUNCT3_DMA, desc, tag);
}

/** egret_matmul() - start a matrix multiplication */
static inline void egret_matmul(const struct egret_matmul_desc *desc, unsigned int tag)
{
	EGRET_ISSUE(EGRET_FUNCT3_MATMUL, desc, tag);
}

/** egret_map() - start an elementwise operation */
static inline void egret_map(const struct egret_map_desc *desc, unsigned int tag)
{
	EGRET_ISSUE(EGRET_FUNCT3_MAP, desc, tag);
}

/** egret_reduce() - start a reduction */
static inline void egret_reduce(const struct egret_reduce_desc *desc, unsigned int tag)
{
	EGRET_ISSUE(EGRET_FUNCT3_REDUCE, desc, tag);
}

/** egret_quant() - start a conversion to or from a block-scaled format */
static inline void egret_quant(const struct egret_quant_desc *desc, unsigned int tag)
{
	EGRET_ISSUE(EGRET_FUNCT3_QUANT, desc, tag);
}

/** egret_wait() - wait until no operation is outstanding whose tag is in the mask */
static inline void egret_wait(uint32_t tags)
{
	__asm__ volatile(".insn r " EGRET_STRING(EGRET_INSN_OPCODE) ", "
			 EGRET_STRING(EGRET_FUNCT3_WAIT) ", 0, x0, %0, x0"
			 : : "r"((unsigned long)tags) : "memory");
}

/** egret_poll() - the mask of tags that have outstanding operations */
static inline uint32_t egret_poll(void)
{
	unsigned long tags;

	__asm__ volatile(".insn r " EGRET_STRING(EGRET_INSN_OPCODE) ", "
			 EGRET_STRING(EGRET_FUNCT3_POLL) ", 0, %0, x0, x0"
			 : "=r"(tags) : : "memory");
	return (uint32_t)tags;
}

#define EGRET_WAIT_ALL			0xffffffffu

/**
 * egret_abort() - give up: the queue faults
 * @code: reported to the host as the fault's value
 */
__attribute__((noreturn)) static inline void egret_abort(uint32_t code)
{
	register unsigned long a0 __asm__("a0") = code;

	__asm__ volatile("ebreak" : : "r"(a0) : "memory");
	__builtin_unreachable();
}

#define EGRET_CSR_READ(csr) ({								\
	unsigned long value_;								\
	__asm__ volatile("csrr %0, " EGRET_STRING(csr) : "=r"(value_));			\
	value_; })

static inline unsigned int egret_grid_x(void)
{
	return EGRET_CSR_READ(EGRET_CSR_GRID_X);
}

static inline unsigned int egret_grid_y(void)
{
	return EGRET_CSR_READ(EGRET_CSR_GRID_Y);
}

static inline unsigned int egret_grid_z(void)
{
	return EGRET_CSR_READ(EGRET_CSR_GRID_Z);
}

/** egret_cluster() - number of the cluster that runs this workgroup */
static inline unsigned int egret_cluster(void)
{
	return EGRET_CSR_READ(EGRET_CSR_CLUSTER);
}

/* ---- Scratchpad -------------------------------------------------------------- */

/* What is left of the scratchpad; a local variable of the kernel. */
struct egret_scratch {
	uintptr_t next;
};

#define EGRET_SCRATCH		{ .next = EGRET_LOCAL_SCRATCH }
#define EGRET_ABORT_SCRATCH	0x53435241u	/* abort code: scratchpad is full */

/**
 * egret_take() - take memory from the scratchpad
 * @scratch: the workgroup's allocator
 * @size: bytes
 *
 * Return: the memory, aligned to 64 bytes, with undefined contents. It stays taken
 * until the end of the workgroup. If there is no room left between the memory taken and
 * the stack, the kernel aborts with EGRET_ABORT_SCRATCH.
 */
static inline void *egret_take(struct egret_scratch *scratch, size_t size)
{
	uintptr_t at = scratch->next;

	if (size > EGRET_LOCAL_STACK_LIMIT - at)
		egret_abort(EGRET_ABORT_SCRATCH);
	scratch->next = (at + size + 63) & ~(uintptr_t)63;
	if (scratch->next > EGRET_LOCAL_STACK_LIMIT)
		scratch->next = EGRET_LOCAL_STACK_LIMIT;
	return (void *)at;
}

/* ---- Data movement ------------------------------------------------------------- */

/*
 * The constructors fill a descriptor whole, so that it needs no initialisation.
 * What they leave at its default can be changed before the descriptor is issued.
 */

/**
 * egret_dma_block() - describe a block of rows, moved between memory and scratchpad
 * @desc: what to fill
 * @local: scratchpad
 * @global: device address of the first element
 * @element: bytes of an element: 1, 2, 4, 8 or 16
 * @cols: elements of a row
 * @rows: rows
 * @local_pitch: bytes between rows in scratchpad
 * @global_pitch: bytes between rows in memory
 * @flags: 0, or EGRET_DMA_STORE
 */
static inline void egret_dma_block(struct egret_dma_desc *desc, const void *local,
				   uint64_t global, unsigned int element,
				   uint32_t cols, uint32_t rows, int32_t local_pitch,
				   int32_t global_pitch, unsigned int flags)
{
	int n;

	/* Not one initialiser, which the compiler would copy from slow device memory. */
	desc->global = global;
	desc->local = egret_local(local);
	desc->index = 0;
	desc->fill = 0;
	desc->flags = flags;
	desc->element = element;
	desc->index_loop = 0;
	desc->reserved0 = 0;
	desc->reserved1 = 0;
	for (n = 0; n < EGRET_DIMS; n++) {
		desc->loop[n].count = n == 0 ? cols : n == 1 ? rows : 1;
		desc->loop[n].local_stride = n == 0 ? (int)element : n == 1 ? local_pitch : 0;
		desc->loop[n].global_stride = n == 0 ? (int)element : n == 1 ? global_pitch : 0;
		desc->loop[n].step = 0;
		desc->loop[n].axis = EGRET_DMA_NO_AXIS;
		desc->axis[n].start = 0;
		desc->axis[n].extent = 0;
	}
}

/** egret_load_block() - start loading rows; see egret_dma_block() */
static inline void egret_load_block(void *local, uint64_t global, unsigned int element,
				    uint32_t cols, uint32_t rows, int32_t local_pitch,
				    int32_t global_pitch, unsigned int tag)
{
	struct egret_dma_desc desc __attribute__((aligned(EGRET_DESC_ALIGN)));

	egret_dma_block(&desc, local, global, element, cols, rows, local_pitch,
			global_pitch, 0);
	egret_dma(&desc, tag);
}

/** egret_store_block() - start storing rows; see egret_dma_block() */
static inline void egret_store_block(const void *local, uint64_t global,
				     unsigned int element, uint32_t cols, uint32_t rows,
				     int32_t local_pitch, int32_t global_pitch,
				     unsigned int tag)
{
	struct egret_dma_desc desc __attribute__((aligned(EGRET_DESC_ALIGN)));

	egret_dma_block(&desc, local, global, element, cols, rows, local_pitch,
			global_pitch, EGRET_DMA_STORE);
	egret_dma(&desc, tag);
}

/** egret_load() - start loading @count adjacent elements of @element bytes */
static inline void egret_load(void *local, uint64_t global, uint32_t count,
			      unsigned int element, unsigned int tag)
{
	egret_load_block(local, global, element, count, 1, 0, 0, tag);
}

/** egret_store() - start storing @count adjacent elements of @element bytes */
static inline void egret_store(const void *local, uint64_t global, uint32_t count,
			       unsigned int element, unsigned int tag)
{
	egret_store_block(local, global, element, count, 1, 0, 0, tag);
}

/* ---- Tile operations ------------------------------------------------------------- */

/**
 * egret_matmul_desc() - describe a plain product of matrices stored without gaps
 * @desc: what to fill
 * @a: m rows of k elements
 * @b: k rows of n elements
 * @out: m rows of n elements
 * @m: rows of @a and @out
 * @n: columns of @b and @out
 * @k: columns of @a, rows of @b
 * @in_type: type of @a and @b
 * @out_type: type of @out
 */
static inline void egret_matmul_desc(struct egret_matmul_desc *desc, const void *a,
				     const void *b, void *out, uint32_t m, uint32_t n,
				     uint32_t k, enum egret_type in_type,
				     enum egret_type out_type)
{
	*desc = (struct egret_matmul_desc) {
		.a = egret_local(a),
		.b = egret_local(b),
		.out = egret_local(out),
		.m = m,
		.n = n,
		.k = k,
		.batch = 1,
		.a_pitch = k * egret_type_size(in_type),
		.b_pitch = n * egret_type_size(in_type),
		.out_pitch = n * egret_type_size(out_type),
		.a_type = in_type,
		.b_type = in_type,
		.out_type = out_type,
	};
}

/* A product on the stack with steps behind it: NAME.desc, and NAME.step[0] to [count - 1] */
#define EGRET_PRODUCT(name, count)							\
	struct {									\
		struct egret_matmul_desc desc;						\
		struct egret_matmul_step step[count];					\
	} name __attribute__((aligned(EGRET_DESC_ALIGN)))

/* Steps are counted in the descriptor (`steps`) by who fills them, one after the other. */

/** egret_step_value() - v = v op value */
static inline void egret_step_value(struct egret_matmul_step *step, enum egret_step op,
				    float value)
{
	*step = (struct egret_matmul_step) {
		.op = op, .operand = EGRET_STEP_CONST, .value = egret_bits(value),
	};
}

/** egret_step_vector() - v = v op an F32 of its column (EGRET_STEP_N) or row (EGRET_STEP_M) */
static inline void egret_step_vector(struct egret_matmul_step *step, enum egret_step op,
				     enum egret_step_operand operand, const void *vector)
{
	*step = (struct egret_matmul_step) {
		.op = op, .operand = operand, .value = egret_local(vector),
	};
}

/** egret_step_matrix() - v = v op an element; @pitch is the bytes between rows */
static inline void egret_step_matrix(struct egret_matmul_step *step, enum egret_step op,
				     const void *matrix, enum egret_type type, int32_t pitch)
{
	*step = (struct egret_matmul_step) {
		.op = op, .operand = EGRET_STEP_MATRIX, .type = type,
		.value = egret_local(matrix), .pitch = pitch,
	};
}

/** egret_step_act() - v = act(v); parameters that the activation does not have are 0 */
static inline void egret_step_act(struct egret_matmul_step *step, enum egret_act act, float a,
				  float b)
{
	*step = (struct egret_matmul_step) {
		.op = EGRET_STEP_ACT, .act = act, .value = egret_bits(a), .pitch = egret_bits(b),
	};
}

/**
 * egret_map_desc() - describe an elementwise operation over rows without gaps
 * @desc: what to fill
 * @op: operation
 * @out: result
 * @out_type: its type
 * @a: first operand
 * @a_type: its type
 * @cols: elements of a row
 * @rows: rows
 *
 * Operands b and c are added with egret_map_b() and egret_map_c().
 */
static inline void egret_map_desc(struct egret_map_desc *desc, enum egret_map_op op,
				  void *out, enum egret_type out_type, const void *a,
				  enum egret_type a_type, uint32_t cols, uint32_t rows)
{
	unsigned int out_size = egret_type_size(out_type);
	unsigned int a_size = egret_type_size(a_type);

	*desc = (struct egret_map_desc) {
		.op = op,
		.out_type = out_type,
		.a_type = a_type,
		.dims = { cols, rows, 1, 1, 1 },
		.out = egret_local(out),
		.a = egret_local(a),
		.out_stride = { out_size, cols * out_size },
		.a_stride = { a_size, cols * a_size },
	};
}

/** egret_map_b() - add operand b, with the strides between columns and rows in bytes */
static inline void egret_map_b(struct egret_map_desc *desc, const void *b,
			       enum egret_type type, int32_t col_stride, int32_t row_stride)
{
	desc->b_type = type;
	desc->b = egret_local(b);
	desc->b_stride[0] = col_stride;
	desc->b_stride[1] = row_stride;
}

/** egret_map_c() - add operand c, with the strides between columns and rows in bytes */
static inline void egret_map_c(struct egret_map_desc *desc, const void *c,
			       enum egret_type type, int32_t col_stride, int32_t row_stride)
{
	desc->c_type = type;
	desc->c = egret_local(c);
	desc->c_stride[0] = col_stride;
	desc->c_stride[1] = row_stride;
}

/**
 * egret_reduce_desc() - describe the reduction of each row to one element
 * @desc: what to fill
 * @op: operation
 * @out: one element for each row
 * @out_type: its type
 * @in: rows of @cols elements without gaps
 * @in_type: their type
 * @cols: elements of a row
 * @rows: rows
 */
static inline void egret_reduce_desc(struct egret_reduce_desc *desc,
				     enum egret_reduce_op op, void *out,
				     enum egret_type out_type, const void *in,
				     enum egret_type in_type, uint32_t cols, uint32_t rows)
{
	unsigned int in_size = egret_type_size(in_type);

	*desc = (struct egret_reduce_desc) {
		.op = op,
		.out_type = out_type,
		.in_type = in_type,
		.reduced = 1,
		.dims = { cols, rows, 1, 1, 1 },
		.out = egret_local(out),
		.in = egret_local(in),
		.out_stride = { 0, egret_type_size(out_type) },
		.in_stride = { in_size, cols * in_size },
	};
}

/* A descriptor on the stack, aligned as the hardware wants it. */
#define EGRET_DESC(type, name)								\
	struct type name __attribute__((aligned(EGRET_DESC_ALIGN)))

/* ---- Small things ------------------------------------------------------------------ */

static inline uint32_t egret_min(uint32_t a, uint32_t b)
{
	return a < b ? a : b;
}

static inline uint32_t egret_ceil_div(uint32_t a, uint32_t b)
{
	return a / b + (a % b != 0);
}

/* Provided by runtime.c, because the compiler calls them for copies and zeroing. */
void *memcpy(void *restrict dst, const void *restrict src, size_t size);
void *memmove(void *dst, const void *src, size_t size);
void *memset(void *dst, int value, size_t size);
int memcmp(const void *a, const void *b, size_t size);

#endif /* EGRET_KERNEL_H */
