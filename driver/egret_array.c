// SPDX-License-Identifier: GPL-2.0-only
// Copyright (C) 2026 The Egret authors
/*
 * Arrays of structures in user memory, which may grow with the interface.
 */
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include <drm/egret_accel.h>

#include "egret_array.h"

/**
 * egret_array_copy() - copy an array of structures from user space
 * @array: its description
 * @min_stride: size of an element in the first version of the interface
 * @size: size of an element as the driver knows it
 * @max_count: most elements
 *
 * Return: the elements, @size bytes each, for kvfree(); NULL if there are none;
 * or an error pointer: -E2BIG (too many, or bytes set that the driver does not
 * know), -EINVAL, -EFAULT, -ENOMEM.
 */
void *egret_array_copy(const struct drm_egret_array *array, size_t min_stride,
		       size_t size, u32 max_count)
{
	void *elements;
	u32 i;

	if (!array->count)
		return array->array ? ERR_PTR(-EINVAL) : NULL;
	if (array->count > max_count || array->stride > PAGE_SIZE)
		return ERR_PTR(-E2BIG);
	if (array->stride < min_stride)
		return ERR_PTR(-EINVAL);

	elements = kvcalloc(array->count, size, GFP_KERNEL_ACCOUNT);
	if (!elements)
		return ERR_PTR(-ENOMEM);
	for (i = 0; i < array->count; i++) {
		const void __user *from = u64_to_user_ptr(array->array + (u64)i * array->stride);
		int ret = copy_struct_from_user(elements + i * size, size, from, array->stride);

		if (ret) {
			kvfree(elements);
			return ERR_PTR(ret);
		}
	}
	return elements;
}
