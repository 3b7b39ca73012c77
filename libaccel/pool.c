// SPDX-License-Identifier: MIT
// Copyright (C) 2026 The Egret authors
/*
 * Pools: many small buffers in a few large ones of the card.
 *
 * A pool takes chunks from the card and gives parts of them out as buffers, first fit, so
 * that what is in use stays together and a chunk has a chance to become empty. Chunks, and
 * the objects of released buffers, are kept for the next ones: in the long run a pool asks
 * neither the card nor the host for anything.
 */
#include "internal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHUNK_BYTES	((size_t)16 << 20)	/* unless the program says otherwise */
#define ALIGN		((size_t)256)		/* likewise, and the least */

struct chunk {
	struct chunk *next;
	struct accel_buffer *buffer;
	struct ranges free;	/* offsets in the buffer */
	size_t used;		/* buffers in it */
};

struct accel_pool {
	refcount refs;		/* the program's, and each buffer's */
	struct accel_context *context;
	uint32_t memory;
	size_t chunk_bytes;
	char name[64];

	pthread_mutex_t lock;	/* protects the rest */
	struct chunk *chunks;
	struct accel_buffer *spares;	/* released, for the next ones */
	uint64_t bytes;		/* in buffers */
};

/* The chunk and what it knows must not be in use. */
static void free_chunk(struct chunk *chunk)
{
	accel_buffer_destroy(chunk->buffer);
	accel_ranges_fini(&chunk->free);
	free(chunk);
}

static void free_chunks(struct chunk *chunks)
{
	struct chunk *chunk;

	while ((chunk = chunks)) {
		chunks = chunk->next;
		free_chunk(chunk);
	}
}

static void free_buffer(struct accel_buffer *buffer)
{
	pthread_mutex_destroy(&buffer->lock);
	free(buffer);
}

static void put_pool(struct accel_pool *pool)
{
	struct accel_buffer *buffer;

	if (!pool || !ref_put(&pool->refs))
		return;
	free_chunks(pool->chunks);
	while ((buffer = pool->spares)) {
		pool->spares = buffer->next;
		free_buffer(buffer);
	}
	pthread_mutex_destroy(&pool->lock);
	accel_context_put(pool->context);
	free(pool);
}

ACCEL_API
int accel_pool_create(struct accel_context *context, const struct accel_pool_options *options,
		      struct accel_pool **out)
{
	static const char what[] = "cannot create a pool";
	struct accel_pool_options opts;
	struct accel_pool *pool;
	int ret;

	if (!context || !out)
		return fail(-EINVAL, what, NULL, "the %s is NULL",
			    context ? "pointer for the pool" : "context");
	ret = accel_copy_in(what, &opts, sizeof(opts), options);
	if (ret == 0)
		ret = accel_check_process(what, context->device);
	if (ret)
		return ret;
	if (opts.memory > ACCEL_MEMORY_HOST)
		return fail(-EINVAL, what, NULL, "unknown kind of memory, %u", opts.memory);
	if (opts.reserved)
		return fail(-EINVAL, what, NULL, "a reserved option is set");
	pool = calloc(1, sizeof(*pool));
	if (!pool)
		return fail_errno(-ENOMEM, what);
	atomic_init(&pool->refs, 1);
	pthread_mutex_init(&pool->lock, NULL);
	accel_context_get(context);
	pool->context = context;
	pool->memory = opts.memory;
	pool->chunk_bytes = opts.chunk_bytes ? opts.chunk_bytes : CHUNK_BYTES;
	snprintf(pool->name, sizeof(pool->name), "%s", opts.name ? opts.name : "(pool)");
	*out = pool;
	return 0;
}

ACCEL_API
void accel_pool_destroy(struct accel_pool *pool)
{
	put_pool(pool);
}

/* ---- Taking; with the lock ---- */

static int add_chunk(const char *what, struct accel_pool *pool, size_t bytes)
{
	struct chunk *chunk = calloc(1, sizeof(*chunk));
	int ret;

	if (!chunk)
		return fail_errno(-ENOMEM, what);
	ret = accel_buffer_make(what, pool->context, &(struct buffer_plan) {
		.bytes = bytes > pool->chunk_bytes ? bytes : pool->chunk_bytes,
		.memory = pool->memory,
		.name = pool->name,
	}, &chunk->buffer);
	if (ret) {
		free(chunk);
		return ret;
	}
	ret = accel_ranges_init(&chunk->free, 0, chunk->buffer->size);
	if (ret) {
		accel_buffer_destroy(chunk->buffer);
		free(chunk);
		return fail_errno(ret, what);
	}
	chunk->next = pool->chunks;
	pool->chunks = chunk;
	return 0;
}

/* An object for a buffer: one that was released, or a new one. */
static struct accel_buffer *take_object(struct accel_pool *pool)
{
	struct accel_buffer *buffer = pool->spares;

	if (buffer) {
		pool->spares = buffer->next;
		return buffer;
	}
	buffer = calloc(1, sizeof(*buffer));
	if (buffer)
		pthread_mutex_init(&buffer->lock, NULL);
	return buffer;
}

/* Returns 0, -ENOSPC if no chunk has the room, or -ENOMEM. */
static int take_range(struct accel_pool *pool, uint64_t size, uint64_t align,
		      struct chunk **from, uint64_t *offset)
{
	struct chunk *chunk;
	int ret = -ENOSPC;

	for (chunk = pool->chunks; chunk && ret == -ENOSPC; chunk = chunk->next) {
		ret = accel_ranges_take(&chunk->free, size, align, offset);
		if (ret == 0)
			*from = chunk;
	}
	return ret;
}

static int take(const char *what, struct accel_pool *pool, size_t bytes, size_t align,
		struct accel_buffer **out)
{
	uint64_t size = (bytes + ALIGN - 1) / ALIGN * ALIGN, offset;
	struct accel_buffer *buffer;
	struct chunk *chunk;
	int ret;

	buffer = take_object(pool);
	if (!buffer)
		return fail_errno(-ENOMEM, what);
	ret = take_range(pool, size, align, &chunk, &offset);
	if (ret == -ENOSPC) {
		/* Chunks begin at a page: more than that may be lost to alignment. */
		ret = add_chunk(what, pool, size);
		if (ret == 0)
			ret = take_range(pool, size, align, &chunk, &offset);
	} else if (ret) {
		fail_errno(ret, what);
	}
	if (ret) {
		buffer->next = pool->spares;
		pool->spares = buffer;
		return ret;
	}
	chunk->used++;
	pool->bytes += size;
	atomic_init(&buffer->refs, 1);
	ref_get(&pool->refs);
	buffer->pool = pool;
	buffer->context = pool->context;
	buffer->chunk = chunk->buffer;
	buffer->memory = pool->memory;
	buffer->address = chunk->buffer->address + offset;
	buffer->bytes = bytes;
	buffer->size = size;
	memcpy(buffer->name, pool->name, sizeof(buffer->name));
	*out = buffer;
	return 0;
}

ACCEL_API
int accel_pool_alloc(struct accel_pool *pool, size_t bytes, size_t align,
		     struct accel_buffer **out)
{
	static const char what[] = "cannot take a buffer from a pool";
	int ret;

	if (!pool || !out)
		return fail(-EINVAL, what, NULL, "the %s is NULL",
			    pool ? "pointer for the buffer" : "pool");
	ret = accel_check_process(what, pool->context->device);
	if (ret)
		return ret;
	if (!bytes || bytes > SIZE_MAX / 4)
		return fail(-EINVAL, what, NULL, "a buffer of %zu bytes is not possible", bytes);
	if (align < ALIGN && (align & (align - 1)) == 0)
		align = ALIGN;
	if ((align & (align - 1)) || align > pool->context->device->info.page_size)
		return fail(-EINVAL, what, NULL, "an alignment of %zu is not possible: it must be a "
			    "power of two up to %u", align, pool->context->device->info.page_size);
	pthread_mutex_lock(&pool->lock);
	ret = take(what, pool, bytes, align, out);
	pthread_mutex_unlock(&pool->lock);
	if (ret == 0)
		accel_buffer_link(*out);
	return ret;
}

/* ---- Giving back ---- */

void accel_pool_take_back(struct accel_buffer *buffer)
{
	struct accel_pool *pool = buffer->pool;
	struct chunk *chunk;

	if (accel_is_foreign(pool->context->device)) {
		/* Another thread of the parent may have held the lock. */
		free(buffer);
		put_pool(pool);
		return;
	}
	accel_buffer_unlink(buffer);
	pthread_mutex_lock(&pool->lock);
	for (chunk = pool->chunks; chunk->buffer != buffer->chunk; chunk = chunk->next)
		;
	accel_ranges_give(&chunk->free, buffer->address - buffer->chunk->address, buffer->size);
	chunk->used--;
	pool->bytes -= buffer->size;
	buffer->prev = NULL;
	buffer->next = pool->spares;
	pool->spares = buffer;
	pthread_mutex_unlock(&pool->lock);
	put_pool(pool);
}

ACCEL_API
int accel_pool_trim(struct accel_pool *pool)
{
	static const char what[] = "cannot trim a pool";
	struct chunk **link, *chunk, *empty = NULL;
	int ret;

	if (!pool)
		return fail(-EINVAL, what, NULL, "the pool is NULL");
	ret = accel_check_process(what, pool->context->device);
	if (ret)
		return ret;
	pthread_mutex_lock(&pool->lock);
	link = &pool->chunks;
	while ((chunk = *link)) {
		if (chunk->used) {
			link = &chunk->next;
			continue;
		}
		*link = chunk->next;
		chunk->next = empty;
		empty = chunk;
	}
	pthread_mutex_unlock(&pool->lock);
	free_chunks(empty);
	return 0;
}

ACCEL_API
int accel_pool_get_info(struct accel_pool *pool, struct accel_pool_info *info)
{
	static const char what[] = "cannot get a pool's information";
	struct accel_pool_info full = { .size = sizeof(full) };
	const struct chunk *chunk;

	if (!pool)
		return fail(-EINVAL, what, NULL, "the pool is NULL");
	pthread_mutex_lock(&pool->lock);
	for (chunk = pool->chunks; chunk; chunk = chunk->next) {
		full.total += chunk->buffer->size;
		full.chunks++;
		full.buffers += chunk->used;
	}
	full.used = pool->bytes;
	pthread_mutex_unlock(&pool->lock);
	return accel_copy_out(what, info, &full, sizeof(full));
}
