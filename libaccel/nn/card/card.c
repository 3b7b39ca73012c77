// SPDX-License-Identifier: MIT
// Copyright (C) 2026 The Egret authors
#include "card.h"

#include <errno.h>
#include <stdlib.h>

#include "../../error.h"

#define WHAT	"cannot put the model on the card"

static const char *const names[NN_KERNELS] = { "nn_tile", "nn_product", "nn_window" };

static int load_kernels(struct nn_card *card)
{
	static const char *const files[NN_KERNELS] = { "nn_tile.egm", "nn_product.egm",
						       "nn_window.egm" };
	int i, ret = 0;

	for (i = 0; i < NN_KERNELS && !ret; i++) {
		ret = accel_module_load_file(card->context, files[i], &card->modules[i]);
		if (!ret)
			ret = accel_module_find(card->modules[i], names[i], &card->kernels[i]);
	}
	return ret;
}

int nn_card_create(const struct nn_model *model, struct accel_context *context,
		   struct accel_device *device, struct nn_card **result)
{
	struct accel_device_info info = { .size = sizeof(info) };
	struct nn_card *card = calloc(1, sizeof(*card));
	int ret;

	if (!card)
		return accel_fail_errno(-ENOMEM, WHAT);
	card->model = model;
	card->context = context;
	card->precision = NN_F32;
	pthread_mutex_init(&card->lock, NULL);
	ret = accel_device_get_info(device, &info);
	card->clusters = info.clusters ? info.clusters : 1;
	if (!ret)
		ret = load_kernels(card);
	if (!ret)
		ret = accel_pool_create(context, ACCEL_OPTIONS(accel_pool_options, .name = "model"),
					&card->pool);
	if (!ret)
		ret = accel_stream_create(context, NULL, &card->stream);
	if (ret) {
		nn_card_free(card);
		return ret;
	}
	*result = card;
	return 0;
}

void nn_card_free(struct nn_card *card)
{
	int i;

	if (!card)
		return;
	while (card->weights) {
		struct nn_weights *weights = card->weights;

		card->weights = weights->next;
		accel_buffer_destroy(weights->buffer);
		free(weights);
	}
	accel_stream_destroy(card->stream);
	accel_pool_destroy(card->pool);
	for (i = 0; i < NN_KERNELS; i++)
		accel_module_unload(card->modules[i]);
	pthread_mutex_destroy(&card->lock);
	free(card->ranges);
	free(card);
}

/* With the lock held. nn_card_settle() tells when the data are there. */
static int upload(struct nn_card *card, const void *data, size_t bytes,
		  struct accel_buffer **buffer)
{
	int ret = accel_pool_alloc(card->pool, bytes ? bytes : 1, 0, buffer);

	if (ret)
		return ret;
	ret = accel_upload(card->stream, *buffer, 0, data, bytes);
	if (ret) {
		/* A part may be on its way. */
		accel_stream_wait(card->stream, ACCEL_FOREVER);
		accel_buffer_destroy(*buffer);
	}
	return ret;
}

int nn_card_settle(struct nn_card *card)
{
	int ret;

	pthread_mutex_lock(&card->lock);
	ret = accel_stream_wait(card->stream, ACCEL_FOREVER);
	pthread_mutex_unlock(&card->lock);
	return ret;
}

int nn_card_upload(struct nn_card *card, const void *data, size_t bytes,
		   struct accel_buffer **buffer)
{
	int ret;

	pthread_mutex_lock(&card->lock);
	ret = upload(card, data, bytes, buffer);
	pthread_mutex_unlock(&card->lock);
	return ret;
}

static int add_weights(struct nn_card *card, const struct nn_weights *key, const void *arranged,
		       uint64_t *address)
{
	struct nn_weights *weights = calloc(1, sizeof(*weights));
	int ret;

	if (!weights)
		return accel_fail_errno(-ENOMEM, WHAT);
	*weights = *key;
	ret = upload(card, arranged, key->bytes, &weights->buffer);
	if (ret) {
		free(weights);
		return ret;
	}
	weights->next = card->weights;
	card->weights = weights;
	card->weight_bytes += key->bytes;
	*address = accel_buffer_address(weights->buffer);
	return 0;
}

static struct nn_weights *find_weights(const struct nn_card *card, const struct nn_weights *key)
{
	struct nn_weights *weights;

	for (weights = card->weights; weights; weights = weights->next)
		if (weights->data == key->data && weights->also == key->also &&
		    weights->form == key->form && weights->bytes == key->bytes)
			break;
	return weights;
}

int nn_card_weights(struct nn_card *card, const void *data, const void *also, size_t bytes,
		    unsigned int form,
		    void (*make)(void *to, const void *from, const void *opaque),
		    const void *opaque, uint64_t *address)
{
	const struct nn_weights key = { .data = data, .also = also, .form = form, .bytes = bytes };
	struct nn_weights *weights;
	void *arranged = NULL;
	int ret = 0;

	pthread_mutex_lock(&card->lock);
	weights = find_weights(card, &key);
	if (weights) {
		*address = accel_buffer_address(weights->buffer);
	} else {
		if (make) {
			arranged = malloc(bytes + 1);
			if (arranged)
				make(arranged, data, opaque);
			else
				ret = accel_fail_errno(-ENOMEM, WHAT);
		}
		if (!ret)
			ret = add_weights(card, &key, arranged ? arranged : data, address);
		free(arranged);
	}
	pthread_mutex_unlock(&card->lock);
	return ret;
}
