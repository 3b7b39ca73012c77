// SPDX-License-Identifier: MIT
/* Copyright (C) 2026 The Egret authors */
/*
 * The boot ROM. What it does is specified (Documentation/hardware/management.rst),
 * its code is not; in silicon it would be code for the controller's hart, here it is
 * native.
 *
 * An image lies in device memory, where the host may change it at any time. So the
 * header is copied before it is looked at, and the payload is copied to SRAM before
 * it is hashed: what is verified is what runs. SRAM is cleared first, and again when
 * the payload is refused, so that nothing unverified stays behind.
 */
#include <string.h>

#include <sodium.h>

#include "mc_internal.h"

/* The public half of firmware/keys/development.key: mkimage --key FILE --public. */
static const uint8_t development_key[crypto_sign_PUBLICKEYBYTES] = {
	0x84, 0xb8, 0x4f, 0xe4, 0x89, 0xc8, 0x8a, 0x1f,
	0xc6, 0xac, 0xa8, 0x32, 0xad, 0x78, 0xf3, 0x41,
	0x8d, 0xe5, 0x9f, 0x2e, 0x03, 0xaf, 0x52, 0x11,
	0xb2, 0xd8, 0x73, 0x0e, 0x14, 0x40, 0x45, 0x5f,
};

/* The kept part of SRAM is not the ROM's to clear. */
static void clear_sram(struct egret_mc *mc)
{
	memset(mc->sram, 0, EGRET_MC_SRAM_KEPT - EGRET_MC_SRAM);
}

static enum egret_boot_status check_header(const struct egret_fw_header *h, uint32_t size)
{
	if (h->magic != EGRET_FW_MAGIC)
		return EGRET_BOOT_E_MAGIC;
	if (h->header_version != EGRET_FW_HEADER_VERSION || h->header_size != sizeof(*h) ||
	    h->reserved[0] || h->reserved[1])
		return EGRET_BOOT_E_HEADER;
	if (h->image_size != size)
		return EGRET_BOOT_E_LENGTH;
	return EGRET_BOOT_RUNNING;
}

/* The payload, and the entry in it, must lie within memory that the image may have. */
static enum egret_boot_status check_load(const struct egret_fw_header *h)
{
	uint32_t payload = h->image_size - (uint32_t)sizeof(*h);

	if (h->load_addr < EGRET_MC_SRAM || h->load_addr >= EGRET_MC_SRAM_KEPT ||
	    h->memory_size > EGRET_MC_SRAM_KEPT - h->load_addr || payload > h->memory_size ||
	    h->entry < h->load_addr || h->entry - h->load_addr >= payload || h->entry & 1)
		return EGRET_BOOT_E_LOAD;
	return EGRET_BOOT_RUNNING;
}

static enum egret_boot_status check_contents(const struct egret_fw_header *h,
					     const uint8_t *payload)
{
	uint8_t digest[crypto_hash_sha256_BYTES];

	_Static_assert(sizeof(digest) == sizeof(h->digest), "SHA-256");
	_Static_assert(sizeof(h->signature) == crypto_sign_BYTES, "Ed25519");
	crypto_hash_sha256(digest, payload, h->image_size - sizeof(*h));
	if (memcmp(digest, h->digest, sizeof(digest)))
		return EGRET_BOOT_E_DIGEST;
	if (crypto_sign_verify_detached(h->signature, (const uint8_t *)h,
					offsetof(struct egret_fw_header, signature),
					development_key))
		return EGRET_BOOT_E_SIGNATURE;
	return EGRET_BOOT_RUNNING;
}

enum egret_boot_status mc_rom(struct egret_mc *mc, uint64_t addr, uint32_t size,
			      struct egret_fw_header *header)
{
	enum egret_boot_status status;
	const uint8_t *image;
	uint8_t *payload;

	clear_sram(mc);
	if (addr > mc->config.vram_size || size > mc->config.vram_size - addr)
		return EGRET_BOOT_E_ADDRESS;
	if (size < sizeof(*header))
		return EGRET_BOOT_E_LENGTH;
	image = (const uint8_t *)mc->config.vram + addr;
	memcpy(header, image, sizeof(*header));
	status = check_header(header, size);
	if (status == EGRET_BOOT_RUNNING)
		status = check_load(header);
	if (status == EGRET_BOOT_RUNNING && header->key_id != EGRET_FW_KEY_DEVELOPMENT)
		status = EGRET_BOOT_E_KEY;
	if (status != EGRET_BOOT_RUNNING)
		return status;
	payload = mc->sram + (header->load_addr - EGRET_MC_SRAM);
	memcpy(payload, image + sizeof(*header), size - sizeof(*header));
	status = check_contents(header, payload);
	if (status != EGRET_BOOT_RUNNING)
		clear_sram(mc);
	return status;
}
