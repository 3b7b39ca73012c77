// SPDX-License-Identifier: MIT
/* Copyright (C) 2026 The Egret authors */
/*
 * Firmware images: the boot ROM, and the management controller's hart that runs whatever
 * code was signed.
 *
 * Input: one byte of enum how, one that moves the image in device memory, the image. With
 * SIGN, the header is made good and signed with the development key first, so that
 * mutated code runs.
 */
#include <sodium.h>

#include <egret/firmware.h>
#include <egret/mc.h>
#include <egret/regs.h>

#include "controller.h"
#include "input.h"
#include "mc_internal.h"

#define KEY_FILE	"qemu-device/firmware/keys/development.key"

enum how {
	SIGN		= 1,	/* digest and signature are made right */
	FIT		= 2,	/* so are magic, version and size */
	BAD_SIZE	= 4,	/* BOOT_SIZE is not the image's */
	BAD_ADDR	= 8,	/* BOOT_ADDR is anything */
};

static uint8_t secret[crypto_sign_SECRETKEYBYTES];

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	uint8_t seed[crypto_sign_SEEDBYTES], public[crypto_sign_PUBLICKEYBYTES];
	FILE *f = fopen(KEY_FILE, "r");
	char line[256];
	bool found = false;
	size_t n;

	(void)argc;
	(void)argv;
	fuzz_require(f && sodium_init() >= 0, "cannot open " KEY_FILE ": run in the top folder");
	while (fgets(line, sizeof(line), f))
		if (line[0] != '#')
			found = !sodium_hex2bin(seed, sizeof(seed), line, 64, NULL, &n, NULL) &&
				n == sizeof(seed);
	fclose(f);
	fuzz_require(found && !crypto_sign_seed_keypair(public, secret, seed), "no key");
	return 0;
}

static void make_good(uint8_t *image, size_t size, unsigned int how)
{
	struct egret_fw_header h;

	if (size < sizeof(h))
		return;
	memcpy(&h, image, sizeof(h));
	if (how & FIT) {
		h.magic = EGRET_FW_MAGIC;
		h.header_version = EGRET_FW_HEADER_VERSION;
		h.header_size = sizeof(h);
		h.image_size = size;
		h.key_id = EGRET_FW_KEY_DEVELOPMENT;
		memset(h.reserved, 0, sizeof(h.reserved));
	}
	if (how & SIGN) {
		crypto_hash_sha256(h.digest, image + sizeof(h), size - sizeof(h));
		crypto_sign_detached(h.signature, NULL, (const uint8_t *)&h,
				     offsetof(struct egret_fw_header, signature), secret);
	}
	memcpy(image, &h, sizeof(h));
}

/* Nothing of what was refused may stay in SRAM. */
static void check_refused(struct controller *c)
{
	for (uint32_t i = 0; i < EGRET_MC_SRAM_KEPT - EGRET_MC_SRAM; i += 8)
		fuzz_require(!*(uint64_t *)(c->mc->sram + i), "a refused image stays in SRAM");
	fuzz_require(!(egret_mc_state(c->mc) & EGRET_STATE_FIRMWARE), "refused, and runs");
}

static void live(struct controller *c)
{
	controller_advance(c, CONTROLLER_MS);
	controller_write(c, EGRET_REG_MBX_H2D_DATA(0), EGRET_MBX_HELLO | 16 << 16);
	controller_write(c, EGRET_REG_MBX_H2D_CTRL, EGRET_MBX_FULL);
	c->busy = true;
	egret_mc_work(c->mc);
	controller_advance(c, 100 * CONTROLLER_MS);
	controller_write(c, EGRET_REG_MBX_D2H_CTRL, EGRET_MBX_FULL);
	controller_advance(c, 2000 * CONTROLLER_MS);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input in = { data, size };
	unsigned int how = fuzz_u8(&in);
	uint64_t addr = fuzz_u8(&in) * 1024ull;
	struct controller *c = controller_new();
	uint32_t status, length;

	if (how & BAD_ADDR)
		addr = fuzz_number(&in, 8);
	length = how & BAD_SIZE ? fuzz_number(&in, 4) : in.left;
	if (addr <= CONTROLLER_VRAM_SIZE && in.left <= CONTROLLER_VRAM_SIZE - addr) {
		uint8_t *image = c->vram + addr;

		fuzz_bytes(&in, image, in.left);
		make_good(image, length <= CONTROLLER_VRAM_SIZE - addr ? length : 0, how);
	}
	status = controller_boot(c, addr, length);
	if (status >= EGRET_BOOT_E_ADDRESS && status <= EGRET_BOOT_E_SIGNATURE)
		check_refused(c);
	else
		live(c);
	egret_mc_reset(c->mc, true);
	fuzz_require(controller_read(c, EGRET_REG_BOOT_STATUS) == EGRET_BOOT_IDLE,
		     "not idle after a reset");
	controller_free(c);
	return 0;
}
