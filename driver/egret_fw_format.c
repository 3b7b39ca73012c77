// SPDX-License-Identifier: GPL-2.0-only
// Copyright (C) 2026 The Egret authors
/*
 * What firmware, and the images that it comes in, say of themselves.
 *
 * Nothing of it is to be believed: a file may be anything, and firmware can be wrong.
 * The boot ROM verifies an image; the driver only looks whether the two of them could
 * talk to each other.
 */
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/string.h>

#include <egret/mc.h>

#include "egret_fw_format.h"

#define EGRET_FW_IMAGE_MAX	(EGRET_MC_SRAM_SIZE + sizeof(struct egret_fw_header))

static const struct egret_fw_error egret_fw_errors[] = {
	[EGRET_BOOT_E_ADDRESS - EGRET_BOOT_E_ADDRESS] = {
		"the card finds no image in its memory", "report this: the driver put it there" },
	[EGRET_BOOT_E_MAGIC - EGRET_BOOT_E_ADDRESS] = {
		"it is no firmware image", "install the firmware anew" },
	[EGRET_BOOT_E_HEADER - EGRET_BOOT_E_ADDRESS] = {
		"its header is damaged, or of a format that this card does not know",
		"install firmware that was released for this card" },
	[EGRET_BOOT_E_LENGTH - EGRET_BOOT_E_ADDRESS] = {
		"its length is not what its header says: it is truncated, or has something behind it",
		"install the firmware anew" },
	[EGRET_BOOT_E_LOAD - EGRET_BOOT_E_ADDRESS] = {
		"it does not fit into the controller's memory",
		"install firmware that was released for this card" },
	[EGRET_BOOT_E_DIGEST - EGRET_BOOT_E_ADDRESS] = {
		"its contents are damaged", "install the firmware anew" },
	[EGRET_BOOT_E_KEY - EGRET_BOOT_E_ADDRESS] = {
		"it is signed with a key that this card does not trust",
		"install firmware that was released for this card" },
	[EGRET_BOOT_E_SIGNATURE - EGRET_BOOT_E_ADDRESS] = {
		"its signature is wrong: it was changed after it was signed",
		"install the firmware anew" },
	[EGRET_BOOT_E_CRASHED - EGRET_BOOT_E_ADDRESS] = {
		"it crashed", "see firmware_log in debugfs, and report it" },
	[EGRET_BOOT_E_WATCHDOG - EGRET_BOOT_E_ADDRESS] = {
		"it hung, and was ended by its watchdog",
		"see firmware_log in debugfs, and report it" },
};

/**
 * egret_fw_explain() - why the boot ROM does not boot an image, or firmware has ended
 * @status: EGRET_REG_BOOT_STATUS
 *
 * Return: the reason in words.
 */
const struct egret_fw_error *egret_fw_explain(u32 status)
{
	static const struct egret_fw_error unknown = {
		"of an unknown reason", "a newer driver may know it"
	};

	if (status < EGRET_BOOT_E_ADDRESS ||
	    status - EGRET_BOOT_E_ADDRESS >= ARRAY_SIZE(egret_fw_errors))
		return &unknown;
	return &egret_fw_errors[status - EGRET_BOOT_E_ADDRESS];
}

/**
 * egret_fw_version() - a version as people write it
 * @version: major << 24 | minor << 16 | patch
 *
 * Return: text.
 */
struct egret_fw_version egret_fw_version(u32 version)
{
	struct egret_fw_version v;

	snprintf(v.text, sizeof(v.text), "%u.%u.%u", version >> 24, (version >> 16) & 0xff,
		 version & 0xffff);
	return v;
}

/**
 * egret_fw_check_image() - whether an image may be given to the card
 * @data: image
 * @size: its bytes
 * @image: filled with what its header says
 *
 * What is no image at all, or has a header of another kind, is left to the boot ROM,
 * which says more precisely what is wrong with it.
 *
 * Return: 0; -EMSGSIZE if the card could not hold it, or there is nothing to hold;
 * -EPROTO if it speaks another protocol than this driver.
 */
int egret_fw_check_image(const void *data, size_t size, struct egret_fw_image *image)
{
	const struct egret_fw_header *header = data;

	memset(image, 0, sizeof(*image));
	if (!size || size > EGRET_FW_IMAGE_MAX)
		return -EMSGSIZE;
	if (size < sizeof(*header) || le32_to_cpu(header->magic) != EGRET_FW_MAGIC ||
	    le16_to_cpu(header->header_version) != EGRET_FW_HEADER_VERSION)
		return 0;
	image->version = le32_to_cpu(header->fw_version);
	image->abi_major = le16_to_cpu(header->abi_major);
	image->abi_minor = le16_to_cpu(header->abi_minor);
	return image->abi_major == EGRET_FW_ABI_MAJOR ? 0 : -EPROTO;
}

static bool egret_fw_limits_plausible(const struct egret_limits *limits)
{
	unsigned int i;

	for (i = 0; i < EGRET_PSTATES; i++)
		if (!limits->clock_khz[i] ||
		    (i && limits->clock_khz[i] >= limits->clock_khz[i - 1]))
			return false;
	return limits->power_cap_min && limits->power_cap_min <= limits->power_cap_default &&
	       limits->power_cap_default <= limits->power_cap_max &&
	       limits->temp_throttle < limits->temp_critical;
}

/**
 * egret_fw_read_hello() - the limits of the card, as its firmware gives them
 * @hello: reply
 * @limits: filled, whatever they are
 *
 * Return: 0, or -EPROTO if they make no sense.
 */
int egret_fw_read_hello(const struct egret_mbx_hello *hello, struct egret_limits *limits)
{
	unsigned int i;

	limits->power_cap_min = le32_to_cpu(hello->power_cap_min);
	limits->power_cap_max = le32_to_cpu(hello->power_cap_max);
	limits->power_cap_default = le32_to_cpu(hello->power_cap_default);
	limits->temp_throttle = (s32)le32_to_cpu(hello->temp_throttle);
	limits->temp_critical = (s32)le32_to_cpu(hello->temp_critical);
	for (i = 0; i < EGRET_PSTATES; i++) {
		limits->clock_khz[i] = le32_to_cpu(hello->clock_khz[i]);
		limits->voltage_mv[i] = le32_to_cpu(hello->voltage_mv[i]);
	}
	return egret_fw_limits_plausible(limits) ? 0 : -EPROTO;
}
