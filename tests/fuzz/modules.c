// SPDX-License-Identifier: MIT
/* Copyright (C) 2026 The Egret authors */
/*
 * Kernel modules: the input is an ELF file for libaccel's loader. It must refuse it, or
 * everything that image.h promises of it must be true.
 */
#include <libaccel/image.h>

#include "input.h"

#define PAGE	4096

static bool inside(uint64_t offset, uint64_t size, uint64_t limit)
{
	return offset <= limit && size <= limit - offset;
}

static void check_segments(const struct image *image)
{
	fuzz_require(image->size && image->size % PAGE == 0 && image->size <= IMAGE_SIZE_MAX,
		     "an image of %#llx bytes", (unsigned long long)image->size);
	for (size_t i = 0; i < image->segment_count; i++) {
		const struct image_segment *s = &image->segments[i];

		fuzz_require(s->offset % PAGE == 0 && s->size % PAGE == 0 &&
			     inside(s->offset, s->size, image->size) &&
			     !(s->write && s->execute), "segment %zu is bad", i);
	}
}

static bool is_code(const struct image *image, uint64_t offset)
{
	for (size_t i = 0; i < image->segment_count; i++)
		if (image->segments[i].execute && offset >= image->segments[i].offset &&
		    offset - image->segments[i].offset < image->segments[i].size)
			return true;
	return false;
}

static void check_kernels(const struct image *image)
{
	for (size_t i = 0; i < image->kernel_count; i++) {
		const struct image_kernel *k = &image->kernels[i];

		fuzz_require(memchr(k->name, 0, sizeof(k->name)) && k->name[0],
			     "kernel %zu has no proper name", i);
		fuzz_require(is_code(image, k->entry) && k->args_size <= 4096,
			     "kernel %s is bad", k->name);
		fuzz_require(!i || strcmp(image->kernels[i - 1].name, k->name) < 0,
			     "kernels are not in order");
	}
}

static void check_functions(const struct image *image)
{
	for (size_t i = 0; i < image->function_count; i++) {
		const struct image_function *f = &image->functions[i];

		fuzz_require(memchr(f->name, 0, sizeof(f->name)), "a name has no end");
		accel_image_function(image, f->start);
		accel_image_function(image, f->start + f->size);
	}
	accel_image_function(image, UINT64_MAX);
}

static void use(const struct image *image)
{
	uint8_t *memory = malloc(image->size);

	fuzz_require(memory, "no memory");
	check_segments(image);
	check_kernels(image);
	check_functions(image);
	accel_image_place(image, memory, UINT64_C(0x7fff12345000));
	free(memory);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct image image;
	int ret = accel_image_read(&image, data, size, PAGE);

	if (!ret)
		use(&image);
	else
		fuzz_require(!image.memory && !image.relocs && !image.kernels,
			     "an error left something behind");
	if (!ret)
		accel_image_free(&image);
	return 0;
}
