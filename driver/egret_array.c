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

static void *egret_array_alloc(u32 count, size_t size, void *few, u32 room)
{
	if (count > room)
		return kvcalloc(count, size, GFP_KERNEL_ACCOUNT) ?: ERR_PTR(-ENOMEM);
	return memset(few, 0, count * size);
}

/**
 * egret_array_copy() - copy an array of structures from user space
 * @array: its description
 * @min_stride: size of an element in the first version of the interface
 * @size: size of an element as the driver knows it
 * @max_count: most elements
 * @few: memory for the elements if there are few, or NULL
 * @room: how many are few, or 0
 *
 * Return: the elements, @size bytes each, for egret_array_free(); NULL if there are none;
 * or an error pointer: -E2BIG (too many, or bytes set that the driver does not
 * know), -EINVAL, -EFAULT, -ENOMEM.
 */
void *egret_array_copy(const struct drm_egret_array *array, size_t min_stride,
		       size_t size, u32 max_count, void *few, u32 room)
{
	void *elements;
	u32 i;
	int ret = 0;

	if (!array->count)
		return array->array ? ERR_PTR(-EINVAL) : NULL;
	if (array->count > max_count || array->stride > PAGE_SIZE)
		return ERR_PTR(-E2BIG);
	if (array->stride < min_stride)
		return ERR_PTR(-EINVAL);

	elements = egret_array_alloc(array->count, size, few, room);
	if (IS_ERR(elements))
		return elements;
	/* Nearly always user space knows the same structure. */
	if (array->stride == size) {
		if (copy_from_user(elements, u64_to_user_ptr(array->array), array->count * size))
			ret = -EFAULT;
	} else {
		for (i = 0; !ret && i < array->count; i++)
			ret = copy_struct_from_user(elements + i * size, size,
						    u64_to_user_ptr(array->array +
								    (u64)i * array->stride),
						    array->stride);
	}
	if (!ret)
		return elements;
	egret_array_free(elements, few);
	return ERR_PTR(ret);
}

/**
 * egret_array_free() - let go of what egret_array_copy() returned
 * @elements: elements, or NULL
 * @few: as there
 */
void egret_array_free(void *elements, const void *few)
{
	if (elements != few)
		kvfree(elements);
}
