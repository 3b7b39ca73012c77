// SPDX-License-Identifier: MIT
// Copyright (C) 2026 The Egret authors
#include "internal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LARGEST_BUFFER ((uint64_t)1 << 46)

/* Pages after a buffer at which nothing is ever bound. */
#define GUARD_PAGES 1

/* What is taken of the address space: the buffer's pages, and the guard behind them. */
static uint64_t taken(const struct accel_buffer *buffer)
{
	return buffer->size + GUARD_PAGES * buffer->context->device->info.page_size;
}

static int take_address(struct accel_context *context, struct accel_buffer *buffer)
{
	const struct drm_egret_device_info *info = &context->device->info;
	uint64_t align = buffer->size >= info->large_page_size ? info->large_page_size :
								  info->page_size;
	int ret;

	pthread_mutex_lock(&context->lock);
	ret = accel_ranges_take(&context->addresses, taken(buffer), align, &buffer->address);
	pthread_mutex_unlock(&context->lock);
	buffer->address += buffer->inset;
	return ret;
}

static void give_address(struct accel_context *context, struct accel_buffer *buffer)
{
	pthread_mutex_lock(&context->lock);
	accel_ranges_give(&context->addresses, buffer->address - buffer->inset, taken(buffer));
	pthread_mutex_unlock(&context->lock);
}

static int bind_user(struct accel_buffer *buffer, void *user)
{
	struct accel_device *device = buffer->context->device;
	const struct drm_egret_bind_op op = {
		.op = DRM_EGRET_BIND_MAP_USERPTR,
		.flags = DRM_EGRET_BIND_READ | DRM_EGRET_BIND_WRITE,
		.offset = (uintptr_t)user - buffer->inset,
		.va = buffer->address - buffer->inset,
		.size = buffer->size,
	};

	return device->backend->vm_bind(device->dev, buffer->context->vm_id, &op, 1);
}

static int bind(struct accel_buffer *buffer, const struct binding *bindings, size_t count)
{
	const struct binding whole = {
		.size = buffer->size,
		.flags = DRM_EGRET_BIND_READ | DRM_EGRET_BIND_WRITE,
	};
	struct accel_device *device = buffer->context->device;
	struct drm_egret_bind_op *ops;
	size_t i;
	int ret;

	if (!bindings) {
		bindings = &whole;
		count = 1;
	}
	ops = calloc(count, sizeof(*ops));
	if (!ops)
		return -ENOMEM;
	for (i = 0; i < count; i++) {
		ops[i].op = DRM_EGRET_BIND_MAP;
		ops[i].flags = bindings[i].flags;
		ops[i].handle = buffer->handle;
		ops[i].offset = bindings[i].offset;
		ops[i].va = buffer->address + bindings[i].offset;
		ops[i].size = bindings[i].size;
	}
	ret = device->backend->vm_bind(device->dev, buffer->context->vm_id, ops, count);
	free(ops);
	return ret;
}

static void unbind(struct accel_buffer *buffer)
{
	struct accel_device *device = buffer->context->device;
	const struct drm_egret_bind_op op = {
		.op = DRM_EGRET_BIND_UNMAP,
		.va = buffer->address - buffer->inset,
		.size = buffer->size,
	};

	/* It fails only when the card is gone, and then so is the binding. */
	device->backend->vm_bind(device->dev, buffer->context->vm_id, &op, 1);
}

/* Let go of the memory behind it. */
static void destroy_bo(struct accel_buffer *buffer)
{
	struct accel_device *device = buffer->context->device;

	if (buffer->wrapped)
		return;
	if (buffer->pointer)
		device->backend->bo_unmap(device->dev, buffer->pointer, buffer->size);
	device->backend->bo_destroy(device->dev, buffer->handle);
}

/* Whole pages around the program's memory. */
static void wrap(struct accel_buffer *buffer, void *user)
{
	uint64_t page = buffer->context->device->info.page_size;

	buffer->wrapped = true;
	buffer->pointer = user;
	buffer->inset = (uintptr_t)user % page;
	buffer->size = (buffer->inset + buffer->bytes + page - 1) / page * page;
}

static int create_bo(struct accel_buffer *buffer, const struct buffer_plan *plan)
{
	struct accel_device *device = buffer->context->device;
	struct drm_egret_bo_create args = {
		.size = buffer->bytes,
		.placement = buffer->memory == ACCEL_MEMORY_HOST ? DRM_EGRET_BO_SYSTEM :
								   DRM_EGRET_BO_VRAM,
		/* What is private to an address space is cheaper, and cannot be shared. */
		.vm_id = plan->shared ? 0 : buffer->context->vm_id,
	};
	int ret;

	if (plan->user) {
		wrap(buffer, plan->user);
		return 0;
	}
	if (plan->handle) {
		buffer->handle = plan->handle;
		buffer->size = plan->size;
		return 0;
	}
	ret = device->backend->bo_create(device->dev, &args);
	if (ret)
		return ret;
	buffer->handle = args.handle;
	buffer->size = args.size;
	return 0;
}

void accel_buffer_link(struct accel_buffer *buffer)
{
	struct accel_context *context = buffer->context;

	pthread_mutex_lock(&context->lock);
	buffer->next = context->buffers;
	if (buffer->next)
		buffer->next->prev = buffer;
	context->buffers = buffer;
	pthread_mutex_unlock(&context->lock);
}

void accel_buffer_unlink(struct accel_buffer *buffer)
{
	struct accel_context *context = buffer->context;

	pthread_mutex_lock(&context->lock);
	if (buffer->prev)
		buffer->prev->next = buffer->next;
	else
		context->buffers = buffer->next;
	if (buffer->next)
		buffer->next->prev = buffer->prev;
	pthread_mutex_unlock(&context->lock);
}

int accel_buffer_make(const char *what, struct accel_context *context,
		      const struct buffer_plan *plan, struct accel_buffer **out)
{
	struct accel_device *device = context->device;
	struct accel_buffer *buffer;
	int ret;

	buffer = calloc(1, sizeof(*buffer));
	if (!buffer) {
		if (plan->handle)
			device->backend->bo_destroy(device->dev, plan->handle);
		return fail_errno(-ENOMEM, what);
	}
	buffer->context = context;
	buffer->bytes = plan->bytes;
	buffer->memory = plan->memory;
	buffer->shared = plan->shared;
	if (plan->name)
		snprintf(buffer->name, sizeof(buffer->name), "%s", plan->name);
	ret = create_bo(buffer, plan);
	if (ret)
		goto free_buffer;
	ret = take_address(context, buffer);
	if (ret)
		goto release_memory;
	ret = plan->user ? bind_user(buffer, plan->user) :
			   bind(buffer, plan->bindings, plan->binding_count);
	if (ret)
		goto release_address;
	pthread_mutex_init(&buffer->lock, NULL);
	atomic_init(&buffer->refs, 1);
	accel_context_get(context);
	accel_buffer_link(buffer);
	*out = buffer;
	return 0;

release_address:
	give_address(context, buffer);
release_memory:
	destroy_bo(buffer);
free_buffer:
	free(buffer);
	if (ret == -ENOSPC)
		return fail(ret, what, "release buffers that are not needed; accelctl shows who uses "
			    "the card's memory",
			    "the card has no room for %zu bytes", plan->bytes);
	return fail_errno(ret, what);
}

static int check_options(const char *what, const struct accel_context *context,
			 const struct accel_buffer_options *opts)
{
	if (opts->memory > ACCEL_MEMORY_HOST)
		return fail(-EINVAL, what, NULL, "unknown kind of memory, %u", opts->memory);
	if (opts->flags & ~ACCEL_BUFFER_SHARED)
		return fail(-EINVAL, what, NULL, "unknown flags 0x%x",
			    opts->flags & ~ACCEL_BUFFER_SHARED);
	return accel_check_process(what, context->device);
}

ACCEL_API
int accel_buffer_create(struct accel_context *context, size_t bytes,
			const struct accel_buffer_options *options, struct accel_buffer **out)
{
	static const char what[] = "cannot create a buffer";
	struct accel_buffer_options opts;
	int ret;

	if (!context || !out)
		return fail(-EINVAL, what, NULL, "the %s is NULL",
			    context ? "pointer for the buffer" : "context");
	ret = accel_copy_in(what, &opts, sizeof(opts), options);
	if (ret)
		return ret;
	if (!bytes || bytes > LARGEST_BUFFER)
		return fail(-EINVAL, what, NULL, "a buffer of %zu bytes is not possible", bytes);
	ret = check_options(what, context, &opts);
	if (ret)
		return ret;
	return accel_buffer_make(what, context, &(struct buffer_plan) {
		.bytes = bytes,
		.memory = opts.memory,
		.name = opts.name,
		.shared = opts.flags & ACCEL_BUFFER_SHARED,
	}, out);
}

ACCEL_API
void accel_buffer_destroy(struct accel_buffer *buffer)
{
	struct accel_context *context;
	struct accel_device *device;

	if (!buffer || !ref_put(&buffer->refs))
		return;
	context = buffer->context;
	device = context->device;
	if (buffer->pool) {
		accel_pool_take_back(buffer);
		return;
	}
	if (accel_is_foreign(device)) {
		free(buffer);
		accel_context_put(context);
		return;
	}
	accel_buffer_unlink(buffer);
	unbind(buffer);
	destroy_bo(buffer);
	give_address(context, buffer);
	pthread_mutex_destroy(&buffer->lock);
	free(buffer);
	accel_context_put(context);
}

ACCEL_API
uint64_t accel_buffer_address(const struct accel_buffer *buffer)
{
	return buffer ? buffer->address : 0;
}

ACCEL_API
size_t accel_buffer_size(const struct accel_buffer *buffer)
{
	return buffer ? buffer->bytes : 0;
}

/* Where the backend's buffer is mapped; maps it the first time. */
static int map(struct accel_buffer *buffer, uint8_t **pointer)
{
	struct accel_device *device = buffer->context->device;
	int ret = 0;

	pthread_mutex_lock(&buffer->lock);
	if (!buffer->pointer)
		ret = device->backend->bo_map(device->dev, buffer->handle, buffer->size,
					      &buffer->pointer);
	*pointer = buffer->pointer;
	pthread_mutex_unlock(&buffer->lock);
	return ret;
}

ACCEL_API
int accel_buffer_map(struct accel_buffer *buffer, void **pointer)
{
	static const char what[] = "cannot map a buffer";
	uint8_t *base;
	int ret;

	if (!buffer || !pointer)
		return fail(-EINVAL, what, NULL, "the %s is NULL",
			    buffer ? "pointer for the mapping" : "buffer");
	ret = accel_check_process(what, buffer->context->device);
	if (ret)
		return ret;
	ret = map(buffer->chunk ? buffer->chunk : buffer, &base);
	if (ret)
		return fail_errno(ret, what);
	*pointer = buffer->chunk ? base + (buffer->address - buffer->chunk->address) : base;
	return 0;
}

/* ---- The program's memory ---- */

ACCEL_API
int accel_buffer_wrap(struct accel_context *context, void *pointer, size_t bytes,
		      const char *name, struct accel_buffer **out)
{
	static const char what[] = "cannot make a buffer of the program's memory";
	int ret;

	if (!context || !pointer || !out)
		return fail(-EINVAL, what, NULL, "the %s is NULL",
			    !context ? "context" : !pointer ? "memory" : "pointer for the buffer");
	ret = accel_check_process(what, context->device);
	if (ret)
		return ret;
	if (!bytes || bytes > LARGEST_BUFFER)
		return fail(-EINVAL, what, NULL, "a buffer of %zu bytes is not possible", bytes);
	ret = accel_buffer_make(what, context, &(struct buffer_plan) {
		.bytes = bytes,
		.memory = ACCEL_MEMORY_HOST,
		.name = name,
		.user = pointer,
	}, out);
	if (ret == -EFAULT)
		return fail(ret, what, "give memory that the program can write, such as that of "
			    "malloc()", "there is no such memory at %p, or none that the card may "
			    "write to", pointer);
	return ret;
}

/* ---- Sharing ---- */

ACCEL_API
int accel_buffer_export(struct accel_buffer *buffer)
{
	static const char what[] = "cannot export a buffer";
	struct accel_device *device;
	int fd, ret;

	if (!buffer)
		return fail(-EINVAL, what, NULL, "the buffer is NULL");
	device = buffer->context->device;
	ret = accel_check_process(what, device);
	if (ret)
		return ret;
	if (!buffer->shared)
		return fail(-EPERM, what, "create it with the flag ACCEL_BUFFER_SHARED",
			    "buffer%s%s was not made to be shared", buffer->name[0] ? " " : "",
			    buffer->name);
	ret = device->backend->bo_export(device->dev, buffer->handle, &fd);
	return ret ? fail_errno(ret, what) : fd;
}

ACCEL_API
int accel_buffer_import(struct accel_context *context, int fd, const char *name,
			struct accel_buffer **out)
{
	static const char what[] = "cannot import a buffer";
	struct accel_device *device;
	struct buffer_plan plan = {
		.memory = ACCEL_MEMORY_HOST,
		.name = name,
		.shared = true,
	};
	int ret;

	if (!context || !out)
		return fail(-EINVAL, what, NULL, "the %s is NULL",
			    context ? "pointer for the buffer" : "context");
	device = context->device;
	ret = accel_check_process(what, device);
	if (ret)
		return ret;
	ret = device->backend->bo_import(device->dev, fd, &plan.handle, &plan.size);
	if (ret == -EBADF)
		return fail(ret, what, NULL, "%d is not an open file descriptor", fd);
	if (ret == -EINVAL || ret == -EOPNOTSUPP || ret == -ENOTTY)
		return fail(-EINVAL, what, "take a descriptor that accel_buffer_export() gave, or a "
			    "dma-buf of another driver",
			    "file descriptor %d is no memory that the card can use", fd);
	if (ret)
		return fail_errno(ret, what);
	plan.bytes = plan.size;
	return accel_buffer_make(what, context, &plan, out);
}
