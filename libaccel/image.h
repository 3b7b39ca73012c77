/* SPDX-License-Identifier: MIT */
/* Copyright (C) 2026 The Egret authors */
#ifndef ACCEL_IMAGE_H
#define ACCEL_IMAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <egret/module.h>

/*
 * A kernel module (uapi/egret/module.h) read from an ELF file, with everything checked:
 * what is in this structure can be used without a second look. Offsets are relative to
 * where the module is loaded.
 */

/* One range of pages with the same permissions. */
struct image_segment {
	uint64_t offset;	/* multiples of the page size */
	uint64_t size;
	bool write;
	bool execute;
};

/* A word of the image that holds an address: the module's plus `value`. */
struct image_reloc {
	uint64_t offset;
	uint64_t value;
};

struct image_kernel {
	char name[EGRET_KERNEL_NAME_MAX];
	uint64_t entry;
	uint32_t args_size;
};

struct image_function {
	uint64_t start;
	uint64_t size;
	char name[64];		/* cut if it is longer */
};

struct image {
	uint8_t *memory;	/* what is to be loaded, before relocation */
	uint64_t size;		/* of the memory, a multiple of the page size */
	struct image_segment *segments;
	size_t segment_count;
	struct image_reloc *relocs;
	size_t reloc_count;
	struct image_kernel *kernels;	/* ascending by name */
	size_t kernel_count;
	struct image_function *functions;	/* ascending by start; none if stripped */
	size_t function_count;
	void *debug;		/* a copy of the whole file if it has line numbers, or NULL */
	size_t debug_size;
};

/* A larger module is a mistake, or an attack on the host's memory. */
#define IMAGE_SIZE_MAX		(64u << 20)

/*
 * Read a module. `page_size` is that of the device MMU. Returns 0, -ENOEXEC or -ENOMEM,
 * and on an error leaves nothing behind but the error record.
 */
int accel_image_read(struct image *image, const void *file, size_t size, uint32_t page_size);

/* Write the image's memory to `to`, as it must be when loaded at device address `base`. */
void accel_image_place(const struct image *image, void *to, uint64_t base);

/* The function that an offset lies in, or NULL. */
const struct image_function *accel_image_function(const struct image *image, uint64_t offset);

void accel_image_free(struct image *image);

#endif /* ACCEL_IMAGE_H */
