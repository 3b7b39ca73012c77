// SPDX-License-Identifier: MIT
// Copyright (C) 2026 The Egret authors
#include "internal.h"

#include <errno.h>
#include <stdlib.h>

#include <egret/packet.h>

ACCEL_API
int accel_profile_create(struct accel_context *context, struct accel_profile **out)
{
	static const char what[] = "cannot create a profile";
	struct accel_profile *profile;
	void *pointer;
	int ret;

	if (!context || !out)
		return fail(-EINVAL, what, NULL, "the %s is NULL",
			    context ? "pointer for the profile" : "context");
	ret = accel_check_process(what, context->device);
	if (ret)
		return ret;
	profile = calloc(1, sizeof(*profile));
	if (!profile)
		return fail_errno(-ENOMEM, what);
	ret = accel_buffer_make(what, context, &(struct buffer_plan) {
		.bytes = sizeof(*profile->record),
		.memory = ACCEL_MEMORY_HOST,
		.name = "(profile)",
	}, &profile->buffer);
	if (ret == 0)
		ret = accel_buffer_map(profile->buffer, &pointer);
	if (ret) {
		accel_profile_destroy(profile);
		return accel_fail_again(ret, what);
	}
	profile->record = pointer;
	*out = profile;
	return 0;
}

ACCEL_API
void accel_profile_destroy(struct accel_profile *profile)
{
	if (!profile)
		return;
	accel_buffer_destroy(profile->buffer);
	free(profile);
}

int accel_profile_copy(const char *what, const struct egret_profile *record,
		       struct accel_profile_data *data)
{
	const struct accel_profile_data full = {
		.size = sizeof(full),
		.cycles = record->cycles,
		.start = record->start,
		.hart_cycles = record->hart_cycles,
		.tile_wait = record->tile_wait,
		.dma_wait = record->dma_wait,
		.tile_busy = record->tile_busy,
		.dma_busy = record->dma_busy,
		.instructions = record->instructions,
		.macs = record->macs,
		.memory_read = record->vram_read,
		.memory_written = record->vram_write,
		.host_read = record->host_read,
		.host_written = record->host_write,
		.workgroups = record->workgroups,
	};

	return accel_copy_out(what, data, &full, sizeof(full));
}

ACCEL_API
int accel_profile_read(struct accel_profile *profile, struct accel_profile_data *data)
{
	static const char what[] = "cannot read a profile";

	if (!profile)
		return fail(-EINVAL, what, NULL, "the profile is NULL");
	/* No launch is without workgroups. */
	if (!profile->record->workgroups)
		return fail(-ENODATA, what, "give it to a launch, and wait for the launch",
			    "no launch has written it");
	return accel_profile_copy(what, profile->record, data);
}
