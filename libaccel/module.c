// SPDX-License-Identifier: MIT
// Copyright (C) 2026 The Egret authors
#define _GNU_SOURCE
#include "internal.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#ifndef ACCEL_KERNEL_FOLDER
#error "ACCEL_KERNEL_FOLDER: where the library's own kernels are installed"
#endif

#define WHAT "cannot load the module"

/* ---- Loading ---- */

/* Segments become bindings with their own permissions; gaps between them are not bound. */
static int make_buffer(struct accel_module *module)
{
	const struct image *image = &module->image;
	struct binding *bindings;
	size_t i;
	int ret;

	bindings = calloc(image->segment_count, sizeof(*bindings));
	if (!bindings)
		return fail_errno(-ENOMEM, WHAT);
	for (i = 0; i < image->segment_count; i++) {
		const struct image_segment *segment = &image->segments[i];

		bindings[i].offset = segment->offset;
		bindings[i].size = segment->size;
		bindings[i].flags = DRM_EGRET_BIND_READ;
		if (segment->write)
			bindings[i].flags |= DRM_EGRET_BIND_WRITE;
		if (segment->execute)
			bindings[i].flags |= DRM_EGRET_BIND_EXEC;
	}
	ret = accel_buffer_make(WHAT, module->context, &(struct buffer_plan) {
		.bytes = image->size,
		.memory = ACCEL_MEMORY_DEVICE,
		.name = image->kernels[0].name,
		.bindings = bindings,
		.binding_count = image->segment_count,
	}, &module->buffer);
	free(bindings);
	return ret;
}

static int place(struct accel_module *module)
{
	void *memory;
	int ret;

	ret = accel_buffer_map(module->buffer, &memory);
	if (ret)
		return ret;
	accel_image_place(&module->image, memory, module->buffer->address);
	return 0;
}

static int make_kernels(struct accel_module *module)
{
	size_t i;

	module->kernels = calloc(module->image.kernel_count, sizeof(*module->kernels));
	if (!module->kernels)
		return fail_errno(-ENOMEM, WHAT);
	for (i = 0; i < module->image.kernel_count; i++) {
		const struct image_kernel *info = &module->image.kernels[i];
		uint64_t entry = module->buffer->address + info->entry;

		module->kernels[i] = (struct accel_kernel) {
			.module = module,
			.info = info,
			.entry = entry,
			.packet.dispatch = {
				.header = {
					.opcode = EGRET_OP_DISPATCH,
					.flags = EGRET_PKT_BARRIER,
				},
				.args_size = info->args_size,
				.entry = entry,
				.cookie = entry,
			},
		};
	}
	return 0;
}

static void link_module(struct accel_module *module)
{
	struct accel_context *context = module->context;

	pthread_mutex_lock(&context->lock);
	module->next = context->modules;
	if (module->next)
		module->next->prev = module;
	context->modules = module;
	pthread_mutex_unlock(&context->lock);
	atomic_fetch_add(&context->code_generation, 1);
}

static void unlink_module(struct accel_module *module)
{
	struct accel_context *context = module->context;

	pthread_mutex_lock(&context->lock);
	if (module->prev)
		module->prev->next = module->next;
	else
		context->modules = module->next;
	if (module->next)
		module->next->prev = module->prev;
	pthread_mutex_unlock(&context->lock);
}

static void free_module(struct accel_module *module)
{
	accel_buffer_destroy(module->buffer);
	accel_image_free(&module->image);
	free(module->kernels);
	accel_context_put(module->context);
	free(module);
}

ACCEL_API
int accel_module_load(struct accel_context *context, const void *image, size_t bytes,
		      struct accel_module **out)
{
	struct accel_module *module;
	int ret;

	if (!context || !image || !out)
		return fail(-EINVAL, WHAT, NULL, "the %s is NULL",
			    !context ? "context" : !image ? "image" : "pointer for the module");
	ret = accel_check_process(WHAT, context->device);
	if (ret)
		return ret;
	module = calloc(1, sizeof(*module));
	if (!module)
		return fail_errno(-ENOMEM, WHAT);
	accel_context_get(context);
	module->context = context;
	ret = accel_image_read(&module->image, image, bytes, context->device->info.page_size);
	if (ret == 0)
		ret = make_buffer(module);
	if (ret == 0)
		ret = place(module);
	if (ret == 0)
		ret = make_kernels(module);
	if (ret) {
		free_module(module);
		return ret;
	}
	link_module(module);
	accel_log(ACCEL_LOG_INFO, "loaded a module of %zu kernels at 0x%" PRIx64 ", the first %s",
		  module->image.kernel_count, module->buffer->address,
		  module->image.kernels[0].name);
	*out = module;
	return 0;
}

ACCEL_API
void accel_module_unload(struct accel_module *module)
{
	if (!module)
		return;
	if (!accel_is_foreign(module->context->device))
		unlink_module(module);
	free_module(module);
}

/* ---- Files ---- */

/* Read a whole file. Returns 0, or a negative errno without words. */
static int read_file(const char *path, void **data, size_t *size)
{
	struct stat st;
	size_t done = 0;
	char *memory;
	ssize_t n;
	int fd, ret = 0;

	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (fstat(fd, &st) || !S_ISREG(st.st_mode)) {
		close(fd);
		return -EINVAL;
	}
	/* Files are larger than what is loaded, by symbols and debug information. */
	if (st.st_size > 4 * (off_t)IMAGE_SIZE_MAX) {
		close(fd);
		return -EFBIG;
	}
	memory = malloc(st.st_size + 1);
	while (memory && done < (size_t)st.st_size) {
		n = read(fd, memory + done, st.st_size - done);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) {
			ret = n < 0 ? -errno : 0;
			break;
		}
		done += n;
	}
	close(fd);
	if (!memory)
		return -ENOMEM;
	if (ret) {
		free(memory);
		return ret;
	}
	*data = memory;
	*size = done;
	return 0;
}

/*
 * Look for a file in a list of folders, separated by colons; those that do not begin with
 * a slash are taken from `base`, if it is given.
 */
static int read_from_folders(const char *base, const char *folders, const char *name,
			     void **data, size_t *size)
{
	int ret = -ENOENT;

	while (ret == -ENOENT && folders && *folders) {
		size_t n = strcspn(folders, ":");
		bool below = base && folders[0] != '/';
		char *path;

		if (asprintf(&path, "%s%s%.*s/%s", below ? base : "", below ? "/" : "", (int)n,
			     folders, name) < 0)
			return -ENOMEM;
		ret = read_file(path, data, size);
		free(path);
		folders += n + (folders[n] == ':');
	}
	return ret;
}

/* Below the folder that the shared library is in: installed, or in a build folder. */
static int read_beside_library(const char *name, void **data, size_t *size)
{
	char *file, *slash;
	Dl_info info;
	int ret;

	if (!dladdr((void *)&read_beside_library, &info) || !info.dli_fname)
		return -ENOENT;
	file = realpath(info.dli_fname, NULL);
	slash = file ? strrchr(file, '/') : NULL;
	if (slash)
		*slash = '\0';
	ret = slash ? read_from_folders(file, "egret/kernels:kernels", name, data, size) : -ENOENT;
	free(file);
	return ret;
}

static int find_file(const char *name, void **data, size_t *size)
{
	int ret;

	ret = read_from_folders(NULL, getenv("ACCEL_KERNEL_PATH"), name, data, size);
	if (ret == -ENOENT)
		ret = read_beside_library(name, data, size);
	if (ret == -ENOENT)
		ret = read_from_folders(NULL, ACCEL_KERNEL_FOLDER, name, data, size);
	return ret;
}

/* Why a file could not be read. */
static int fail_file(const char *what, int error, bool searched)
{
	const char *folders = getenv("ACCEL_KERNEL_PATH");

	switch (error) {
	case -ENOENT:
		if (!searched)
			return fail(error, what, NULL, "there is no such file");
		return fail(error, what, "set ACCEL_KERNEL_PATH to the folder that holds it",
			    "there is no such file in ACCEL_KERNEL_PATH (%s), beside the library, or "
			    "in " ACCEL_KERNEL_FOLDER, folders ? folders : "not set");
	case -EFBIG:
		return fail(-ENOEXEC, what, NULL, "the file is too large for a module");
	case -EINVAL:
		return fail(-ENOEXEC, what, NULL, "it is not an ordinary file");
	default:
		return fail_errno(error, what);
	}
}

ACCEL_API
int accel_module_load_file(struct accel_context *context, const char *path,
			   struct accel_module **out)
{
	char what[256];
	bool searched;
	size_t size;
	void *data;
	int ret;

	if (!context || !path || !out)
		return fail(-EINVAL, WHAT, NULL, "the %s is NULL",
			    !context ? "context" : !path ? "path" : "pointer for the module");
	snprintf(what, sizeof(what), "cannot load the module %.200s", path);
	searched = !strchr(path, '/');
	ret = searched ? find_file(path, &data, &size) : read_file(path, &data, &size);
	if (ret)
		return fail_file(what, ret, searched);
	ret = accel_module_load(context, data, size, out);
	free(data);
	return ret ? accel_fail_again(ret, what) : 0;
}

/* ---- Kernels ---- */

ACCEL_API
size_t accel_module_kernel_count(const struct accel_module *module)
{
	return module ? module->image.kernel_count : 0;
}

ACCEL_API
const struct accel_kernel *accel_module_kernel(const struct accel_module *module, size_t i)
{
	return module && i < module->image.kernel_count ? &module->kernels[i] : NULL;
}

ACCEL_API
int accel_module_find(const struct accel_module *module, const char *name,
		      const struct accel_kernel **kernel)
{
	static const char what[] = "cannot find a kernel";
	char names[256] = "";
	size_t i, n = 0;

	if (!module || !name || !kernel)
		return fail(-EINVAL, what, NULL, "the %s is NULL",
			    !module ? "module" : !name ? "name" : "pointer for the kernel");
	for (i = 0; i < module->image.kernel_count; i++) {
		if (!strcmp(module->kernels[i].info->name, name)) {
			*kernel = &module->kernels[i];
			return 0;
		}
		if (n < sizeof(names))
			n += snprintf(names + n, sizeof(names) - n, "%s%s", i ? ", " : "",
				      module->kernels[i].info->name);
	}
	return fail(-ENOENT, what, NULL, "the module has no kernel %s; it has %s", name, names);
}

ACCEL_API
const char *accel_kernel_name(const struct accel_kernel *kernel)
{
	return kernel ? kernel->info->name : "";
}

ACCEL_API
size_t accel_kernel_args_size(const struct accel_kernel *kernel)
{
	return kernel ? kernel->info->args_size : 0;
}
