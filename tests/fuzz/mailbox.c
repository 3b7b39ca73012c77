// SPDX-License-Identifier: MIT
/* Copyright (C) 2026 The Egret authors */
/*
 * Mailbox messages, and everything else that a host can do to the management controller
 * while its firmware runs. Whatever it was sent, firmware that nobody stopped must answer
 * a greeting at the end.
 *
 * Input: operations, of a byte each and what they read.
 */
#include <egret/firmware.h>
#include <egret/regs.h>

#include "controller.h"
#include "input.h"

#define IMAGE_FILE	"build/firmware/egret/egret-1.fw"
#define IMAGE_AT	4096
#define SEQUENCE	0x5ec5ec5e
#define OPERATIONS	64

static uint8_t image[64 << 10];
static size_t image_size;

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	FILE *f = fopen(IMAGE_FILE, "rb");

	(void)argc;
	(void)argv;
	fuzz_require(f, "cannot open " IMAGE_FILE ": run in the top folder, after make firmware");
	image_size = fread(image, 1, sizeof(image), f);
	fclose(f);
	return 0;
}

struct session {
	struct controller *c;
	bool lost;		/* firmware was stopped, or made to hang or crash */
};

static void boot(struct session *s)
{
	memcpy(s->c->vram + IMAGE_AT, image, image_size);
	fuzz_require(controller_boot(s->c, IMAGE_AT, image_size) == EGRET_BOOT_READY,
		     "the firmware does not come up");
	s->lost = false;
}

static void send(struct session *s, const uint32_t *words, unsigned int count)
{
	for (unsigned int i = 0; i < count; i++)
		controller_write(s->c, EGRET_REG_MBX_H2D_DATA(i), words[i]);
	controller_write(s->c, EGRET_REG_MBX_H2D_CTRL, EGRET_MBX_FULL);
}

static void message(struct session *s, struct fuzz_input *in)
{
	struct egret_mbx_header h = {
		.type = fuzz_u16(in),
		.size = fuzz_u16(in),
		.abi_major = fuzz_u8(in),
		.abi_minor = fuzz_u8(in),
		.sequence = fuzz_u16(in),
	};
	uint32_t words[EGRET_MBX_BYTES / 4];
	unsigned int payload = fuzz_below(in, 13);

	memset(words, 0, sizeof(words));
	memcpy(words, &h, sizeof(h));
	fuzz_bytes(in, (uint8_t *)words + sizeof(h), payload * 4);
	send(s, words, EGRET_MBX_BYTES / 4);
}

static void access_register(struct session *s, struct fuzz_input *in)
{
	uint64_t offset = EGRET_MC_REG_FIRST +
		fuzz_u16(in) % (EGRET_MC_REG_LAST + 1 - EGRET_MC_REG_FIRST);
	unsigned int write = fuzz_u8(in) & 1;

	if (!write) {
		controller_read(s->c, offset);
		return;
	}
	controller_write(s->c, offset, fuzz_value(in));
	/* Boot registers. */
	if (offset >= EGRET_REG_BOOT_ADDR && offset <= EGRET_REG_BOOT_STATUS)
		s->lost = true;
}

static void inject(struct session *s, struct fuzz_input *in)
{
	unsigned int what = fuzz_below(in, EGRET_INJECT_TEMPERATURE + 1);

	egret_mc_inject(s->c->mc, what, fuzz_value(in));
	if (what == EGRET_INJECT_FW_HANG || what == EGRET_INJECT_FW_CRASH)
		s->lost = true;
}

static void operation(struct session *s, struct fuzz_input *in)
{
	switch (fuzz_below(in, 10)) {
	case 0:
	case 1:
	case 2:
		message(s, in);
		break;
	case 3:
		controller_advance(s->c, fuzz_u16(in) * 1000ull);
		break;
	case 4:
		controller_advance(s->c, fuzz_u8(in) * CONTROLLER_MS);
		break;
	case 5:
		controller_write(s->c, EGRET_REG_MBX_D2H_CTRL, EGRET_MBX_FULL);
		break;
	case 6:
		access_register(s, in);
		break;
	case 7:
		inject(s, in);
		break;
	case 8:
		s->c->busy = fuzz_u8(in) & 1;
		/* No chip does more between two looks, and burns up less. */
		s->c->counter += fuzz_value(in) & UINT32_MAX;
		if (s->c->busy)
			egret_mc_work(s->c->mc);
		break;
	default:
		egret_mc_reset(s->c->mc, fuzz_u8(in) & 1);
		boot(s);
		break;
	}
}

static void take_message(struct session *s, struct egret_mbx_header *h)
{
	uint32_t words[sizeof(*h) / 4];

	memset(h, 0, sizeof(*h));
	if (!(controller_read(s->c, EGRET_REG_MBX_D2H_CTRL) & EGRET_MBX_FULL))
		return;
	for (unsigned int i = 0; i < sizeof(words) / 4; i++)
		words[i] = controller_read(s->c, EGRET_REG_MBX_D2H_DATA(i));
	memcpy(h, words, sizeof(*h));
	controller_write(s->c, EGRET_REG_MBX_D2H_CTRL, EGRET_MBX_FULL);
}

/* Events and earlier replies come before the one that is waited for. */
static void expect_answer(struct session *s)
{
	struct egret_mbx_header h = {
		.type = EGRET_MBX_HELLO, .size = sizeof(h), .abi_major = EGRET_FW_ABI_MAJOR,
		.sequence = SEQUENCE,
	};
	uint32_t words[sizeof(h) / 4];
	bool sent = false;

	memcpy(words, &h, sizeof(h));
	for (unsigned int i = 0; i < 400; i++) {
		if (!sent && !(controller_read(s->c, EGRET_REG_MBX_H2D_CTRL) & EGRET_MBX_FULL)) {
			send(s, words, sizeof(words) / 4);
			sent = true;
		}
		controller_advance(s->c, 5 * CONTROLLER_MS);
		take_message(s, &h);
		if (sent && h.type == (EGRET_MBX_HELLO | EGRET_MBX_REPLY) &&
		    h.sequence == SEQUENCE) {
			fuzz_require(h.status == EGRET_MBX_OK, "HELLO fails: %u", h.status);
			return;
		}
	}
	fuzz_require(false, "firmware does not answer; BOOT_STATUS %#llx",
		     (unsigned long long)controller_read(s->c, EGRET_REG_BOOT_STATUS));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input in = { data, size };
	struct session s = { .c = controller_new() };

	boot(&s);
	for (unsigned int i = 0; i < OPERATIONS && fuzz_more(&in); i++)
		operation(&s, &in);
	if (!s.lost)
		expect_answer(&s);
	controller_free(s.c);
	return 0;
}
