// SPDX-License-Identifier: MIT
// Copyright (C) 2026 The Egret authors
#include "internal.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lines.h"

void accel_context_get(struct accel_context *context)
{
	ref_get(&context->refs);
}

void accel_context_put(struct accel_context *context)
{
	struct accel_device *device;

	if (!context || !ref_put(&context->refs))
		return;
	device = context->device;
	if (!accel_is_foreign(device))
		device->backend->vm_destroy(device->dev, context->vm_id);
	accel_ranges_fini(&context->addresses);
	pthread_mutex_destroy(&context->lock);
	free(context);
	accel_device_close(device);
}

ACCEL_API
int accel_context_create(struct accel_device *device, struct accel_context **out)
{
	static const char what[] = "cannot create a context";
	struct accel_context *context;
	int ret;

	if (!device || !out)
		return fail(-EINVAL, what, NULL, "the %s is NULL",
			    device ? "pointer for the context" : "device");
	ret = accel_check_process(what, device);
	if (ret)
		return ret;
	context = calloc(1, sizeof(*context));
	if (!context)
		return fail_errno(-ENOMEM, what);
	ret = accel_ranges_init(&context->addresses, device->info.va_start,
				device->info.va_end - device->info.va_start);
	if (ret == 0) {
		ret = device->backend->vm_create(device->dev, &context->vm_id);
		if (ret)
			accel_ranges_fini(&context->addresses);
	}
	if (ret) {
		free(context);
		return fail_errno(ret, what);
	}
	atomic_init(&context->refs, 1);
	pthread_mutex_init(&context->lock, NULL);
	ref_get(&device->refs);
	context->device = device;
	*out = context;
	return 0;
}

ACCEL_API
void accel_context_destroy(struct accel_context *context)
{
	accel_context_put(context);
}

/* ---- Explaining faults ---- */

static void explain_code(struct accel_context *context, uint64_t pc, uint64_t cookie,
			 struct accel_fault *fault, struct fault_names *names)
{
	const struct image_function *function;
	struct accel_module *module;
	size_t i;

	for (module = context->modules; module; module = module->next) {
		uint64_t base = module->buffer->address;

		for (i = 0; i < module->image.kernel_count; i++)
			if (cookie == module->kernels[i].entry)
				memcpy(names->kernel, module->kernels[i].info->name,
				       sizeof(names->kernel));
		if (pc < base || pc - base >= module->image.size)
			continue;
		function = accel_image_function(&module->image, pc - base);
		if (function) {
			memcpy(names->function, function->name, sizeof(names->function));
			fault->function_offset = pc - base - function->start;
		}
		if (module->image.debug)
			accel_lines_find(module->image.debug, module->image.debug_size, pc - base,
					 names->file, sizeof(names->file), &fault->line);
	}
}

static void explain_address(struct accel_context *context, uint64_t address, char *text,
			    size_t size)
{
	const struct accel_buffer *below = NULL, *buffer;
	uint64_t offset, inside;

	for (buffer = context->buffers; buffer; buffer = buffer->next)
		/* Of a pool's chunk and its first buffer the latter. */
		if (buffer->address <= address &&
		    (!below || buffer->address > below->address ||
		     (buffer->address == below->address && buffer->chunk)))
			below = buffer;
	if (!below) {
		snprintf(text, size, "the context has no buffer at or below the address");
		return;
	}
	offset = address - below->address;
	/* What is left of the last page can be accessed, too. */
	inside = below->size - below->inset;
	snprintf(text, size, "the address is %" PRIu64 " bytes %s buffer%s%s of %" PRIu64
		 " bytes at 0x%" PRIx64,
		 offset < inside ? offset : offset - below->bytes,
		 offset < inside ? "into" : "behind the end of",
		 below->name[0] ? " " : "", below->name, below->bytes, below->address);
}

void accel_context_explain(struct accel_context *context, uint64_t cookie,
			   struct accel_fault *fault, struct fault_names *names)
{
	memset(names, 0, sizeof(*names));
	pthread_mutex_lock(&context->lock);
	explain_code(context, fault->pc, cookie, fault, names);
	if (fault->access[0])
		explain_address(context, fault->addr, names->nearby, sizeof(names->nearby));
	pthread_mutex_unlock(&context->lock);
	fault->kernel = names->kernel;
	fault->function = names->function;
	fault->nearby = names->nearby;
	fault->file = names->file;
}
