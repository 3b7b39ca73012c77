/* SPDX-License-Identifier: MIT */
/* Copyright (C) 2026 The Egret authors */
#ifndef NN_CARD_H
#define NN_CARD_H

#include <pthread.h>
#include <stdint.h>

#include <accel/accel.h>

#include "../graph.h"

/* Kernels that models are lowered to, each in a module of the same name. */
enum nn_kernel {
	NN_KERNEL_TILE,
	NN_KERNEL_PRODUCT,
	NN_KERNEL_WINDOW,
	NN_KERNELS,
};

/* A model's weights on a card, in one of the arrangements that kernels want. */
struct nn_weights {
	struct nn_weights *next;
	const void *data;	/* where the model has them */
	const void *also;	/* what else they were made of; or NULL */
	size_t bytes;
	unsigned int form;	/* nn_form_of() */
	struct accel_buffer *buffer;
};

/*
 * How the elements of a constant are arranged for a kernel. A form is one of these and the type
 * of the elements, see nn_form_of().
 */
enum nn_form {
	NN_FORM_PLAIN,		/* as they are */
	NN_FORM_TAPS_FIRST,	/* [M][C][taps] as [taps][M][C] */
	NN_FORM_TAPS_TURNED,	/* [C][M][taps] as [taps][M][C], for each group of ConvTranspose */
	NN_FORM_BLOCKS,		/* numbers in blocks, and what belongs to these, as lower_blocks.c has them */
	NN_FORM_BLOCK_SCALES,
	NN_FORM_BLOCK_ZEROS,
	NN_FORM_SWAPPED,	/* the last two dimensions the other way round */
};

/* A form of F32 constants, in another type; integers have a scale for each index along an axis. */
static inline unsigned int nn_form_of(enum nn_form form, enum nn_type type, int axis)
{
	return (unsigned int)form | (type == NN_F32 ? 0 : (unsigned int)type << 8) |
	       (unsigned int)axis << 16;
}

/* The smallest and the largest that a value had. */
struct nn_range {
	float low, high;
	bool any;		/* it had some */
};

/*
 * A model on a card: the kernels, and the weights that its plans share. Plans may be made
 * and used by several threads.
 */
struct nn_card {
	const struct nn_model *model;
	struct accel_context *context;
	struct accel_module *modules[NN_KERNELS];
	const struct accel_kernel *kernels[NN_KERNELS];
	unsigned int clusters;
	struct accel_pool *pool;	/* weights and plans' constants */
	enum nn_type precision;		/* of what is float32: that, NN_BF16, NN_F16, or NN_I8 */
	/*
	 * For NN_I8: of each value, by nn_value.index; NULL before the model was calibrated. They do
	 * not change any more when there is a plan.
	 */
	struct nn_range *ranges;
	bool planned;			/* there is; protected by the lock, as is what follows */
	pthread_mutex_t lock;
	struct nn_weights *weights;
	uint64_t weight_bytes;
	struct accel_stream *stream;	/* for uploads */
};

/*
 * Make a model ready for a card. The model and the context must stay. Fails as loading modules and
 * making buffers do.
 */
int nn_card_create(const struct nn_model *model, struct accel_context *context,
		   struct accel_device *device, struct nn_card **card);

/* Release it, after its plans. */
void nn_card_free(struct nn_card *card);

/*
 * A constant's address on the card in some form, uploaded if it is not there yet. `make` writes
 * the form's `bytes` bytes, of `data`, which is its key with the form and `also`; NULL for the plain
 * one.
 */
int nn_card_weights(struct nn_card *card, const void *data, const void *also, size_t bytes,
		    unsigned int form,
		    void (*make)(void *to, const void *from, const void *opaque),
		    const void *opaque, uint64_t *address);

/* Upload what one plan only needs; the buffer is the caller's. */
int nn_card_upload(struct nn_card *card, const void *data, size_t bytes,
		   struct accel_buffer **buffer);

/*
 * Wait until all that was uploaded is on the card. A plan has hundreds of constants, and
 * waiting for each would cost more than the rest of planning.
 */
int nn_card_settle(struct nn_card *card);

#endif /* NN_CARD_H */
