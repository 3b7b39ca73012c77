// SPDX-License-Identifier: MIT
/* Copyright (C) 2026 The Egret authors */
/*
 * Tests of the management controller: boot ROM, firmware and hardware together.
 *
 * The rest of the chip is a few variables, and time is one of them: the controller
 * runs without its thread, so that every test is the same at every run. Only the
 * tests at the end use the thread.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>
#include <sodium.h>

#include <egret/firmware.h>
#include <egret/mc.h>
#include <egret/regs.h>

#include "mc.h"
#include "mc_internal.h"

#ifndef SOURCE_DIR
#define SOURCE_DIR "."
#endif
#define IMAGE_FILE SOURCE_DIR "/build/firmware/egret/egret-1.fw"
#define KEY_FILE SOURCE_DIR "/qemu-device/firmware/keys/development.key"

#define MS MC_NS_PER_MS
#define SECOND (1000 * MS)
#define VRAM_SIZE (4u << 20)
#define IMAGE_AT 0x1000
#define IMAGE_MAX 0x80000

/* ---- A chip around the controller --------------------------------------- */

struct chip {
	struct egret_mc *mc;
	uint8_t *vram;
	uint64_t time;
	struct egret_mc_counters counters;
	uint64_t packets;
	bool power_cycle;	/* the card is switched off and on while the time is asked */
	bool stop_on_read;	/* the host stops the controller while it reads the window */
	_Atomic bool busy;
	bool real_time;
	_Atomic uint32_t raised;
	unsigned int stops;
};

static uint8_t *good_image;
static size_t good_size;
static uint8_t secret_key[crypto_sign_SECRETKEYBYTES];

static uint64_t host_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * SECOND + (uint64_t)t.tv_nsec;
}

static uint64_t chip_time(void *opaque)
{
	struct chip *c = opaque;
	uint64_t now = c->real_time ? host_ns() : c->time;

	if (c->power_cycle) {
		c->power_cycle = false;
		c->time = 0;
		egret_mc_reset(c->mc, true);
	}
	return now;
}

static void chip_counters(void *opaque, struct egret_mc_counters *counters)
{
	*counters = ((struct chip *)opaque)->counters;
}

static uint64_t chip_reg_read(void *opaque, uint64_t offset, unsigned int size)
{
	struct chip *c = opaque;

	if (c->stop_on_read)
		egret_mc_reg_write(c->mc, EGRET_REG_BOOT_CTRL, EGRET_BOOT_STOP);
	return size == 8 && offset == EGRET_REG_CNT_PACKETS ? c->packets : 0;
}

static void chip_raise(void *opaque, uint32_t causes)
{
	struct chip *c = opaque;

	c->raised |= causes;
}

static bool chip_busy(void *opaque)
{
	return ((struct chip *)opaque)->busy;
}

static void chip_stop_engines(void *opaque)
{
	((struct chip *)opaque)->stops++;
}

static void chip_log(void *opaque, enum egret_log_level level, const char *text)
{
	(void)opaque;
	if (getenv("EGRET_TEST_VERBOSE"))
		fprintf(stderr, "# log %d: %s\n", level, text);
}

static const struct egret_mc_ops chip_ops = {
	.time = chip_time,
	.counters = chip_counters,
	.reg_read = chip_reg_read,
	.raise = chip_raise,
	.busy = chip_busy,
	.stop_engines = chip_stop_engines,
	.log = chip_log,
};

static void chip_create(struct chip *c, bool threaded)
{
	struct egret_mc_config config;

	memset(c, 0, sizeof(*c));
	c->vram = calloc(1, VRAM_SIZE);
	assert_non_null(c->vram);
	c->real_time = threaded;
	config.vram = c->vram;
	config.vram_size = VRAM_SIZE;
	config.threaded = threaded;
	assert_int_equal(egret_mc_create(&config, &chip_ops, c, &c->mc), 0);
}

static void chip_destroy(struct chip *c)
{
	egret_mc_destroy(c->mc);
	free(c->vram);
}

static int setup(void **state)
{
	*state = malloc(sizeof(struct chip));
	if (!*state)
		return -1;
	chip_create(*state, false);
	return 0;
}

static int setup_threaded(void **state)
{
	*state = malloc(sizeof(struct chip));
	if (!*state)
		return -1;
	chip_create(*state, true);
	return 0;
}

static int teardown(void **state)
{
	chip_destroy(*state);
	free(*state);
	return 0;
}

static uint64_t rd(struct chip *c, uint64_t offset)
{
	return egret_mc_reg_read(c->mc, offset);
}

static void wr(struct chip *c, uint64_t offset, uint64_t value)
{
	egret_mc_reg_write(c->mc, offset, value);
}

/* Let time pass, stopping wherever the controller has something to do. */
static void advance(struct chip *c, uint64_t ns)
{
	uint64_t end = c->time + ns, deadline;

	for (;;) {
		unsigned int tries = 0;

		while (egret_mc_run(c->mc, &deadline) && ++tries < 20)
			;
		if (deadline > end)
			break;
		assert_true(deadline > c->time);
		c->time = deadline;
	}
	c->time = end;
	egret_mc_run(c->mc, &deadline);
}

static uint32_t take_raised(struct chip *c)
{
	return atomic_exchange(&c->raised, 0);
}

/* ---- Images ------------------------------------------------------------- */

static struct egret_fw_header *image_header(struct chip *c)
{
	return (struct egret_fw_header *)(c->vram + IMAGE_AT);
}

static void put_good_image(struct chip *c)
{
	memcpy(c->vram + IMAGE_AT, good_image, good_size);
}

static void sign_with(struct egret_fw_header *h, const uint8_t *key)
{
	crypto_hash_sha256(h->digest, (const uint8_t *)(h + 1), h->image_size - sizeof(*h));
	crypto_sign_detached(h->signature, NULL, (const uint8_t *)h,
			     offsetof(struct egret_fw_header, signature), key);
}

static void sign(struct egret_fw_header *h)
{
	sign_with(h, secret_key);
}

/* A signed image of bare machine code. */
static uint32_t put_code(struct chip *c, const uint32_t *code, size_t bytes)
{
	struct egret_fw_header *h = image_header(c);

	memset(h, 0, sizeof(*h));
	h->magic = EGRET_FW_MAGIC;
	h->header_version = EGRET_FW_HEADER_VERSION;
	h->header_size = sizeof(*h);
	h->image_size = (uint32_t)(sizeof(*h) + bytes);
	h->abi_major = EGRET_FW_ABI_MAJOR;
	h->load_addr = EGRET_MC_SRAM;
	h->memory_size = 0x1000;
	h->entry = EGRET_MC_SRAM;
	h->key_id = EGRET_FW_KEY_DEVELOPMENT;
	memcpy(h + 1, code, bytes);
	sign(h);
	return h->image_size;
}

static uint32_t start_at(struct chip *c, uint64_t addr, uint32_t size)
{
	wr(c, EGRET_REG_BOOT_ADDR, addr);
	wr(c, EGRET_REG_BOOT_SIZE, size);
	wr(c, EGRET_REG_BOOT_CTRL, EGRET_BOOT_START);
	assert_int_equal(rd(c, EGRET_REG_BOOT_STATUS), EGRET_BOOT_VERIFYING);
	advance(c, 0);
	return (uint32_t)rd(c, EGRET_REG_BOOT_STATUS);
}

static uint32_t start(struct chip *c, uint32_t size)
{
	return start_at(c, IMAGE_AT, size);
}

static void boot(struct chip *c)
{
	put_good_image(c);
	assert_int_equal(start(c, (uint32_t)good_size), EGRET_BOOT_READY);
}

static void assert_no_firmware(struct chip *c)
{
	static const uint8_t zero[4096];
	uint32_t at;

	assert_int_equal(egret_mc_state(c->mc) & EGRET_STATE_FIRMWARE, 0);
	assert_int_equal(rd(c, EGRET_REG_FW_VERSION), 0);
	assert_int_equal(rd(c, EGRET_REG_FW_ABI), 0);
	for (at = 0; at < EGRET_MC_SRAM_KEPT - EGRET_MC_SRAM; at += sizeof(zero))
		assert_memory_equal(c->mc->sram + at, zero, sizeof(zero));
}

/* ---- Boot --------------------------------------------------------------- */

static void test_power_on(void **state)
{
	struct chip *c = *state;

	assert_int_equal(rd(c, EGRET_REG_BOOT_STATUS), EGRET_BOOT_IDLE);
	assert_int_equal(egret_mc_core_clock(c->mc), 1500000);
	assert_int_equal(egret_mc_state(c->mc), 0);
	assert_int_equal(rd(c, EGRET_REG_PSTATE), 0);
	assert_int_equal(rd(c, EGRET_REG_VOLTAGE), 900);
	assert_int_equal(rd(c, EGRET_REG_TEMPERATURE), 0);
	advance(c, SECOND);
	assert_int_equal(rd(c, EGRET_REG_BOOT_STATUS), EGRET_BOOT_IDLE);
}

static void test_boot(void **state)
{
	struct chip *c = *state;
	uint64_t beats;

	boot(c);
	assert_int_equal(rd(c, EGRET_REG_FW_VERSION),
			 ((struct egret_fw_header *)good_image)->fw_version);
	assert_int_equal(rd(c, EGRET_REG_FW_ABI), EGRET_FW_ABI_MAJOR << 16 | EGRET_FW_ABI_MINOR);
	assert_int_equal(egret_mc_state(c->mc), EGRET_STATE_FIRMWARE);
	beats = rd(c, EGRET_REG_FW_HEARTBEAT);
	assert_true(beats > 0);
	advance(c, SECOND);
	assert_true(rd(c, EGRET_REG_FW_HEARTBEAT) >= beats + 9);
	assert_true(rd(c, EGRET_REG_FW_HEARTBEAT) <= beats + 110);
	assert_int_equal(take_raised(c), 0);
	/* A minute later it still lives. */
	advance(c, 60 * SECOND);
	assert_int_equal(rd(c, EGRET_REG_BOOT_STATUS), EGRET_BOOT_READY);
}

/* Each refusal: what is done to a good image, and whether it is then signed again. */
struct refusal {
	const char *name;
	size_t offset;		/* in the header */
	unsigned int size;
	uint32_t value;
	bool sign;
	enum egret_boot_status status;
};

#define FIELD(f) offsetof(struct egret_fw_header, f), sizeof(((struct egret_fw_header *)0)->f)

static const struct refusal refusals[] = {
	{ "magic", FIELD(magic), 0x12345678, true, EGRET_BOOT_E_MAGIC },
	{ "header version", FIELD(header_version), 2, true, EGRET_BOOT_E_HEADER },
	{ "header size", FIELD(header_size), 164, true, EGRET_BOOT_E_HEADER },
	{ "reserved 0", FIELD(reserved[0]), 1, true, EGRET_BOOT_E_HEADER },
	{ "reserved 1", FIELD(reserved[1]), 0x80000000, true, EGRET_BOOT_E_HEADER },
	{ "image size", FIELD(image_size), 4096, false, EGRET_BOOT_E_LENGTH },
	{ "load below SRAM", FIELD(load_addr), EGRET_MC_SRAM - 4, true, EGRET_BOOT_E_LOAD },
	{ "load in ROM", FIELD(load_addr), 0, true, EGRET_BOOT_E_LOAD },
	{ "load in kept SRAM", FIELD(load_addr), EGRET_MC_SRAM_KEPT, true, EGRET_BOOT_E_LOAD },
	{ "load far away", FIELD(load_addr), 0xfffffff0, true, EGRET_BOOT_E_LOAD },
	{ "memory too large", FIELD(memory_size), EGRET_MC_SRAM_SIZE, true, EGRET_BOOT_E_LOAD },
	{ "memory wraps", FIELD(memory_size), 0xffffffff, true, EGRET_BOOT_E_LOAD },
	{ "memory less than payload", FIELD(memory_size), 64, true, EGRET_BOOT_E_LOAD },
	{ "entry below", FIELD(entry), EGRET_MC_SRAM - 2, true, EGRET_BOOT_E_LOAD },
	{ "entry behind payload", FIELD(entry), EGRET_MC_SRAM + 0x10000, true, EGRET_BOOT_E_LOAD },
	{ "entry odd", FIELD(entry), EGRET_MC_SRAM + 1, true, EGRET_BOOT_E_LOAD },
	{ "key", FIELD(key_id), 2, true, EGRET_BOOT_E_KEY },
	{ "no key", FIELD(key_id), 0, true, EGRET_BOOT_E_KEY },
	{ "digest", FIELD(digest[7]), 0x5a, false, EGRET_BOOT_E_DIGEST },
	{ "version not signed", FIELD(fw_version), 0x09000000, false, EGRET_BOOT_E_SIGNATURE },
	{ "build ID not signed", FIELD(build_id[0]), 0, false, EGRET_BOOT_E_SIGNATURE },
	{ "signature", FIELD(signature[3]), 0x77, false, EGRET_BOOT_E_SIGNATURE },
};

static void test_refusals(void **state)
{
	struct chip *c = *state;
	size_t i;

	for (i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++) {
		const struct refusal *r = &refusals[i];
		uint32_t status;

		put_good_image(c);
		memcpy(c->vram + IMAGE_AT + r->offset, &r->value, r->size);
		if (r->sign)
			sign(image_header(c));
		status = start(c, (uint32_t)good_size);
		if (status != r->status)
			fail_msg("%s: status %#x, not %#x", r->name, status, r->status);
		assert_no_firmware(c);
	}
	assert_int_equal(take_raised(c), 0);
	/* None of it does lasting harm. */
	boot(c);
}

static void test_refuse_address(void **state)
{
	struct chip *c = *state;
	uint32_t size = (uint32_t)good_size;

	put_good_image(c);
	assert_int_equal(start_at(c, VRAM_SIZE - size + 1, size), EGRET_BOOT_E_ADDRESS);
	assert_int_equal(start_at(c, VRAM_SIZE + 4096, size), EGRET_BOOT_E_ADDRESS);
	assert_int_equal(start_at(c, UINT64_MAX - 64, size), EGRET_BOOT_E_ADDRESS);
	assert_int_equal(start_at(c, IMAGE_AT, UINT32_MAX), EGRET_BOOT_E_ADDRESS);
	assert_int_equal(start_at(c, VRAM_SIZE, 0), EGRET_BOOT_E_LENGTH);
	/* The last place where it fits. */
	memcpy(c->vram + VRAM_SIZE - size, good_image, size);
	assert_int_equal(start_at(c, VRAM_SIZE - size, size), EGRET_BOOT_READY);
}

static void test_refuse_length(void **state)
{
	struct chip *c = *state;
	uint32_t size = (uint32_t)good_size, n;

	put_good_image(c);
	for (n = 0; n < sizeof(struct egret_fw_header); n += 13)
		assert_int_equal(start(c, n), EGRET_BOOT_E_LENGTH);
	assert_int_equal(start(c, sizeof(struct egret_fw_header)), EGRET_BOOT_E_LENGTH);
	assert_int_equal(start(c, size - 1), EGRET_BOOT_E_LENGTH);
	assert_int_equal(start(c, size + 1), EGRET_BOOT_E_LENGTH);
	assert_no_firmware(c);
}

static void test_refuse_payload(void **state)
{
	struct chip *c = *state;
	size_t at;

	for (at = sizeof(struct egret_fw_header); at < good_size; at += 701) {
		put_good_image(c);
		c->vram[IMAGE_AT + at] ^= 0x10;
		assert_int_equal(start(c, (uint32_t)good_size), EGRET_BOOT_E_DIGEST);
		assert_no_firmware(c);
	}
}

static void test_refuse_foreign_key(void **state)
{
	struct chip *c = *state;
	uint8_t seed[crypto_sign_SEEDBYTES] = { 1 }, public[crypto_sign_PUBLICKEYBYTES];
	uint8_t secret[crypto_sign_SECRETKEYBYTES];

	crypto_sign_seed_keypair(public, secret, seed);
	put_good_image(c);
	sign_with(image_header(c), secret);
	assert_int_equal(start(c, (uint32_t)good_size), EGRET_BOOT_E_SIGNATURE);
	assert_no_firmware(c);
}

/* No header survives a changed bit, whichever it is. */
static void test_refuse_every_bit(void **state)
{
	struct chip *c = *state;
	unsigned int bit;

	put_good_image(c);
	for (bit = 0; bit < 8 * sizeof(struct egret_fw_header); bit++) {
		c->vram[IMAGE_AT + bit / 8] ^= 1 << bit % 8;
		assert_in_range(start(c, (uint32_t)good_size), EGRET_BOOT_E_MAGIC,
				EGRET_BOOT_E_SIGNATURE);
		c->vram[IMAGE_AT + bit / 8] ^= 1 << bit % 8;
	}
	assert_int_equal(start(c, (uint32_t)good_size), EGRET_BOOT_READY);
}

/* The checks come in the order of the specification: repair one thing after the other. */
static void test_refusal_order(void **state)
{
	struct chip *c = *state;
	struct egret_fw_header *h = image_header(c);
	const struct egret_fw_header *good = (const void *)good_image;
	uint32_t size = (uint32_t)good_size;

	memset(c->vram + IMAGE_AT, 0xff, good_size);
	assert_int_equal(start_at(c, VRAM_SIZE, size), EGRET_BOOT_E_ADDRESS);
	assert_int_equal(start(c, size), EGRET_BOOT_E_MAGIC);
	h->magic = good->magic;
	assert_int_equal(start(c, size), EGRET_BOOT_E_HEADER);
	h->header_version = good->header_version;
	assert_int_equal(start(c, size), EGRET_BOOT_E_HEADER);
	h->header_size = good->header_size;
	assert_int_equal(start(c, size), EGRET_BOOT_E_HEADER);
	memset(h->reserved, 0, sizeof(h->reserved));
	assert_int_equal(start(c, size), EGRET_BOOT_E_LENGTH);
	h->image_size = size;
	assert_int_equal(start(c, size), EGRET_BOOT_E_LOAD);
	h->load_addr = good->load_addr;
	h->memory_size = good->memory_size;
	assert_int_equal(start(c, size), EGRET_BOOT_E_LOAD);
	h->entry = good->entry;
	assert_int_equal(start(c, size), EGRET_BOOT_E_KEY);
	h->key_id = good->key_id;
	assert_int_equal(start(c, size), EGRET_BOOT_E_DIGEST);
	memcpy(h + 1, good + 1, good_size - sizeof(*h));
	memcpy(h->digest, good->digest, sizeof(h->digest));
	assert_int_equal(start(c, size), EGRET_BOOT_E_SIGNATURE);
	memcpy(h, good, sizeof(*h));
	assert_int_equal(start(c, size), EGRET_BOOT_READY);
}

static void test_stop_and_restart(void **state)
{
	struct chip *c = *state;
	unsigned int i;

	wr(c, EGRET_REG_BOOT_CTRL, EGRET_BOOT_STOP);	/* nothing to stop */
	assert_int_equal(rd(c, EGRET_REG_BOOT_STATUS), EGRET_BOOT_IDLE);
	boot(c);
	for (i = 0; i < 3; i++) {
		advance(c, SECOND);
		wr(c, EGRET_REG_BOOT_CTRL, EGRET_BOOT_STOP);
		assert_int_equal(rd(c, EGRET_REG_BOOT_STATUS), EGRET_BOOT_STOPPED);
		assert_int_equal(egret_mc_state(c->mc), 0);
		assert_int_equal(egret_mc_core_clock(c->mc), 900000);
		assert_int_equal(rd(c, EGRET_REG_TEMPERATURE), 0);
		assert_int_equal(rd(c, EGRET_REG_FW_HEARTBEAT), 0);
		advance(c, 10 * SECOND);
		assert_int_equal(rd(c, EGRET_REG_BOOT_STATUS), EGRET_BOOT_STOPPED);
		boot(c);
	}
	/* Start while it runs is a restart; start and stop at once too. */
	boot(c);
	wr(c, EGRET_REG_BOOT_CTRL, EGRET_BOOT_START | EGRET_BOOT_STOP);
	advance(c, 0);
	assert_int_equal(rd(c, EGRET_REG_BOOT_STATUS), EGRET_BOOT_READY);
	assert_int_equal(take_raised(c) & EGRET_IRQ_FIRMWARE_STOP, 0);
}

static void test_reset(void **state)
{
	struct chip *c = *state;
	uint64_t energy;

	boot(c);
	egret_mc_inject(c->mc, EGRET_INJECT_ECC_CORRECTED, 4096);
	advance(c, SECOND);
	energy = rd(c, EGRET_REG_ENERGY);
	assert_true(energy > 0);
	egret_mc_reset(c->mc, false);
	assert_int_equal(rd(c, EGRET_REG_BOOT_STATUS), EGRET_BOOT_IDLE);
	assert_int_equal(egret_mc_core_clock(c->mc), 1500000);
	assert_int_equal(rd(c, EGRET_REG_BOOT_ADDR), 0);
	assert_int_equal(rd(c, EGRET_REG_MBX_H2D_CTRL), 0);
	assert_true(rd(c, EGRET_REG_ENERGY) >= energy);
	assert_int_equal(rd(c, EGRET_REG_ECC_CORRECTED), 1);
	boot(c);
	/* Power-on: time starts again, with everything else. */
	c->time = 0;
	egret_mc_reset(c->mc, true);
	assert_int_equal(rd(c, EGRET_REG_ENERGY), 0);
	assert_int_equal(rd(c, EGRET_REG_ECC_CORRECTED), 0);
	boot(c);
	energy = rd(c, EGRET_REG_ENERGY);
	advance(c, 100 * MS);
	assert_true(rd(c, EGRET_REG_ENERGY) > energy + 400000);
	/* An access that began before power-on does not bring the old time back. */
	advance(c, 100 * SECOND);
	c->power_cycle = true;
	assert_int_equal(rd(c, EGRET_REG_ENERGY), 0);
	assert_int_equal(c->mc->now, 0);
	boot(c);
	advance(c, 100 * MS);
	assert_true(rd(c, EGRET_REG_FW_HEARTBEAT) > 2);
}

/* ---- Mailbox ------------------------------------------------------------ */

static void put_message(struct chip *c, const union egret_mbx_message *m)
{
	unsigned int i;

	for (i = 0; i < EGRET_MBX_BYTES / 4; i++)
		wr(c, EGRET_REG_MBX_H2D_DATA(i), m->words[i]);
	wr(c, EGRET_REG_MBX_H2D_CTRL, EGRET_MBX_FULL);
}

static bool get_message(struct chip *c, union egret_mbx_message *m)
{
	unsigned int i;

	if (!(rd(c, EGRET_REG_MBX_D2H_CTRL) & EGRET_MBX_FULL))
		return false;
	for (i = 0; i < EGRET_MBX_BYTES / 4; i++)
		m->words[i] = (uint32_t)rd(c, EGRET_REG_MBX_D2H_DATA(i));
	wr(c, EGRET_REG_MBX_D2H_CTRL, EGRET_MBX_FULL);
	return true;
}

/* Sends as it is; returns the reply's status. Events that come before it are dropped. */
static uint32_t exchange(struct chip *c, const union egret_mbx_message *request,
			 union egret_mbx_message *reply)
{
	unsigned int tries;

	put_message(c, request);
	for (tries = 0; tries < 100; tries++) {
		advance(c, 0);
		if (!get_message(c, reply))
			continue;
		if (reply->header.type == EGRET_MBX_EVENT)
			continue;
		assert_int_equal(rd(c, EGRET_REG_MBX_H2D_CTRL), 0);
		assert_int_equal(reply->header.type, request->header.type | EGRET_MBX_REPLY);
		assert_int_equal(reply->header.sequence, request->header.sequence);
		assert_int_equal(reply->header.abi_major, EGRET_FW_ABI_MAJOR);
		assert_int_equal(reply->header.abi_minor, EGRET_FW_ABI_MINOR);
		assert_in_range(reply->header.size, sizeof(reply->header), EGRET_MBX_BYTES);
		return reply->header.status;
	}
	fail_msg("no reply to message %#x", request->header.type);
	return UINT32_MAX;
}

static union egret_mbx_message message(uint16_t type, uint16_t size)
{
	static uint32_t sequence = 1000;
	union egret_mbx_message m;

	memset(&m, 0, sizeof(m));
	m.header.type = type;
	m.header.size = size;
	m.header.abi_major = EGRET_FW_ABI_MAJOR;
	m.header.abi_minor = EGRET_FW_ABI_MINOR;
	m.header.sequence = sequence++;
	return m;
}

static uint32_t send_plain(struct chip *c, uint16_t type, union egret_mbx_message *reply)
{
	union egret_mbx_message m = message(type, sizeof(m.header));

	return exchange(c, &m, reply);
}

static uint32_t send_value(struct chip *c, uint16_t type, uint32_t value)
{
	union egret_mbx_message m = message(type, sizeof(m.value)), reply;

	m.value.value = value;
	return exchange(c, &m, &reply);
}

static uint32_t read_log(struct chip *c, uint32_t first, union egret_mbx_message *reply)
{
	union egret_mbx_message m = message(EGRET_MBX_READ_LOG, sizeof(m.header) + 4);

	m.log.first = first;
	return exchange(c, &m, reply);
}

/* How often an event is in the log, with a given value unless that is UINT32_MAX. */
static unsigned int count_events(struct chip *c, enum egret_event event, uint32_t value)
{
	unsigned int n = 0;
	uint32_t first = 0, i;
	union egret_mbx_message m;

	do {
		assert_int_equal(read_log(c, first, &m), EGRET_MBX_OK);
		for (i = 0; i < m.log.count; i++)
			if (m.log.entry[i].event == (uint32_t)event &&
			    (value == UINT32_MAX || m.log.entry[i].value == value))
				n++;
		first = m.log.first + m.log.count;
	} while (first < m.log.next);
	return n;
}

static void test_hello(void **state)
{
	struct chip *c = *state;
	union egret_mbx_message m;
	unsigned int p;

	boot(c);
	assert_int_equal(send_plain(c, EGRET_MBX_HELLO, &m), EGRET_MBX_OK);
	assert_int_equal(m.header.size, sizeof(m.hello));
	assert_int_equal(m.hello.fw_version, rd(c, EGRET_REG_FW_VERSION));
	assert_int_equal(m.hello.features, 0);
	assert_int_equal(m.hello.power_cap_min, MC_LIMIT_CAP_MIN_MW);
	assert_int_equal(m.hello.power_cap_max, MC_LIMIT_CAP_MAX_MW);
	assert_int_equal(m.hello.power_cap_default, MC_LIMIT_CAP_DEFAULT_MW);
	assert_int_equal(m.hello.temp_throttle, MC_LIMIT_THROTTLE);
	assert_int_equal(m.hello.temp_critical, MC_LIMIT_CRITICAL);
	for (p = 0; p < EGRET_MC_PSTATES; p++) {
		assert_int_equal(m.hello.clock_khz[p], mc_pstates[p].khz);
		assert_int_equal(m.hello.voltage_mv[p], mc_pstates[p].mv);
	}
	assert_true(take_raised(c) & EGRET_IRQ_MAILBOX);
}

static void test_sensors(void **state)
{
	struct chip *c = *state;
	union egret_mbx_message m;

	boot(c);
	advance(c, 2 * SECOND);
	assert_int_equal(send_plain(c, EGRET_MBX_GET_SENSORS, &m), EGRET_MBX_OK);
	assert_int_equal(m.header.size, sizeof(m.sensors));
	assert_int_equal(m.sensors.pstate, 3);
	assert_int_equal(m.sensors.clock, 500000);
	assert_int_equal(m.sensors.voltage, 650);
	assert_int_equal(m.sensors.throttle, EGRET_THROTTLE_IDLE);
	assert_int_equal(m.sensors.energy, rd(c, EGRET_REG_ENERGY));
	/* Idle: board, and leakage at 0.65 V; the clock tree is gated. */
	assert_in_range(m.sensors.power, 4560, 4570);
	assert_in_range(m.sensors.temperature, 35000, 44000);
	/* The registers say the same. */
	assert_int_equal(rd(c, EGRET_REG_TEMPERATURE), m.sensors.temperature);
	assert_int_equal(rd(c, EGRET_REG_POWER_DRAW), m.sensors.power);
	assert_int_equal(rd(c, EGRET_REG_THROTTLE), EGRET_THROTTLE_IDLE);
	assert_int_equal(rd(c, EGRET_REG_PSTATE), 3);
	assert_int_equal(rd(c, EGRET_REG_VOLTAGE), 650);
	assert_int_equal(egret_mc_core_clock(c->mc), 500000);
}

static void test_malformed(void **state)
{
	struct chip *c = *state;
	static const uint16_t types[] = {
		0, 7, 0x100, 0x7fff, 0x8001, 0xffff, EGRET_MBX_EVENT,
	};
	union egret_mbx_message m, r;
	unsigned int i;

	boot(c);
	for (i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		m = message(types[i], sizeof(m.header));
		assert_int_equal(exchange(c, &m, &r), EGRET_MBX_E_TYPE);
		assert_int_equal(r.header.size, sizeof(r.header));
	}
	for (i = 0; i < sizeof(m.header); i++) {
		m = message(EGRET_MBX_HELLO, (uint16_t)i);
		assert_int_equal(exchange(c, &m, &r), EGRET_MBX_E_SIZE);
	}
	m = message(EGRET_MBX_HELLO, EGRET_MBX_BYTES + 1);
	assert_int_equal(exchange(c, &m, &r), EGRET_MBX_E_SIZE);
	m = message(EGRET_MBX_HELLO, 0xffff);
	assert_int_equal(exchange(c, &m, &r), EGRET_MBX_E_SIZE);
	m = message(EGRET_MBX_SET_PSTATE, sizeof(m.value) - 1);
	assert_int_equal(exchange(c, &m, &r), EGRET_MBX_E_SIZE);
	m = message(EGRET_MBX_SET_POWER_CAP, sizeof(m.header));
	assert_int_equal(exchange(c, &m, &r), EGRET_MBX_E_SIZE);
	m = message(EGRET_MBX_READ_LOG, sizeof(m.header));
	assert_int_equal(exchange(c, &m, &r), EGRET_MBX_E_SIZE);
	m = message(EGRET_MBX_HELLO, sizeof(m.header));
	m.header.abi_major = 2;
	assert_int_equal(exchange(c, &m, &r), EGRET_MBX_E_ABI);
	m.header.abi_major = 0;
	assert_int_equal(exchange(c, &m, &r), EGRET_MBX_E_ABI);
	/* A newer minor version and a longer message are fine. */
	m = message(EGRET_MBX_HELLO, 200);
	m.header.abi_minor = 9;
	memset(&m.words[4], 0xff, 200 - 16);
	assert_int_equal(exchange(c, &m, &r), EGRET_MBX_OK);
	/* Refusals are in the log, by their status. */
	assert_int_equal(count_events(c, EGRET_EVENT_MAILBOX, EGRET_MBX_E_TYPE), 7);
	assert_int_equal(count_events(c, EGRET_EVENT_MAILBOX, EGRET_MBX_E_SIZE), 21);
	assert_int_equal(count_events(c, EGRET_EVENT_MAILBOX, EGRET_MBX_E_ABI), 2);
}

static void test_set_pstate(void **state)
{
	struct chip *c = *state;
	union egret_mbx_message m, r;
	uint32_t p;

	boot(c);
	c->busy = true;
	for (p = 0; p < EGRET_MC_PSTATES; p++) {
		assert_int_equal(send_value(c, EGRET_MBX_SET_PSTATE, p), EGRET_MBX_OK);
		assert_int_equal(rd(c, EGRET_REG_PSTATE), p);
		assert_int_equal(egret_mc_core_clock(c->mc), mc_pstates[p].khz);
		advance(c, SECOND);
		assert_int_equal(rd(c, EGRET_REG_PSTATE), p);
		assert_int_equal(rd(c, EGRET_REG_THROTTLE), 0);
	}
	assert_int_equal(send_value(c, EGRET_MBX_SET_PSTATE, 4), EGRET_MBX_E_VALUE);
	assert_int_equal(send_value(c, EGRET_MBX_SET_PSTATE, UINT32_MAX), EGRET_MBX_E_VALUE);
	m = message(EGRET_MBX_SET_PSTATE, sizeof(m.value));
	m.value.reserved = 1;
	assert_int_equal(exchange(c, &m, &r), EGRET_MBX_E_VALUE);
	assert_int_equal(rd(c, EGRET_REG_PSTATE), 3);
	assert_int_equal(count_events(c, EGRET_EVENT_PSTATE, 1), 1);
	/* What lies behind the message's end is not looked at. */
	m = message(EGRET_MBX_SET_PSTATE, sizeof(m.value));
	memset(&m.words[6], 0xee, sizeof(m) - 24);
	assert_int_equal(exchange(c, &m, &r), EGRET_MBX_OK);
	assert_int_equal(rd(c, EGRET_REG_PSTATE), 0);
}

static void test_set_power_cap(void **state)
{
	struct chip *c = *state;

	boot(c);
	assert_int_equal(send_value(c, EGRET_MBX_SET_POWER_CAP, MC_LIMIT_CAP_MIN_MW), EGRET_MBX_OK);
	assert_int_equal(send_value(c, EGRET_MBX_SET_POWER_CAP, MC_LIMIT_CAP_MAX_MW), EGRET_MBX_OK);
	assert_int_equal(send_value(c, EGRET_MBX_SET_POWER_CAP, 0), EGRET_MBX_OK);
	assert_int_equal(send_value(c, EGRET_MBX_SET_POWER_CAP, MC_LIMIT_CAP_MIN_MW - 1),
			 EGRET_MBX_E_VALUE);
	assert_int_equal(send_value(c, EGRET_MBX_SET_POWER_CAP, MC_LIMIT_CAP_MAX_MW + 1),
			 EGRET_MBX_E_VALUE);
	assert_int_equal(count_events(c, EGRET_EVENT_POWER_CAP, UINT32_MAX), 3);
	assert_int_equal(count_events(c, EGRET_EVENT_POWER_CAP, MC_LIMIT_CAP_DEFAULT_MW), 1);
}

static void test_read_log(void **state)
{
	struct chip *c = *state;
	union egret_mbx_message m;
	uint32_t i;

	c->time = 5 * SECOND;
	boot(c);
	assert_int_equal(read_log(c, 0, &m), EGRET_MBX_OK);
	assert_int_equal(m.header.size, sizeof(m.log));
	assert_int_equal(m.log.first, 0);
	assert_int_equal(m.log.count, 1);
	assert_int_equal(m.log.next, 1);
	assert_int_equal(m.log.entry[0].event, EGRET_EVENT_BOOT);
	assert_int_equal(m.log.entry[0].value, rd(c, EGRET_REG_FW_VERSION));
	assert_int_equal(m.log.entry[0].time, 5 * SECOND);
	/* Not there yet. */
	assert_int_equal(read_log(c, 77, &m), EGRET_MBX_OK);
	assert_int_equal(m.log.first, 1);
	assert_int_equal(m.log.count, 0);
	/* More than the ring holds: the oldest are gone, and it says so. */
	for (i = 0; i < 300; i++)
		assert_int_equal(send_value(c, EGRET_MBX_SET_PSTATE, 99), EGRET_MBX_E_VALUE);
	assert_int_equal(read_log(c, 0, &m), EGRET_MBX_OK);
	assert_int_equal(m.log.next, 301);
	assert_int_equal(m.log.first, 301 - 256);
	assert_int_equal(m.log.count, 14);
	assert_int_equal(read_log(c, 298, &m), EGRET_MBX_OK);
	assert_int_equal(m.log.first, 298);
	assert_int_equal(m.log.count, 3);
	/* The log outlives the firmware, and a reset of the chip, but not power-off. */
	boot(c);
	assert_int_equal(count_events(c, EGRET_EVENT_BOOT, UINT32_MAX), 1);
	egret_mc_reset(c->mc, false);
	boot(c);
	assert_int_equal(count_events(c, EGRET_EVENT_BOOT, UINT32_MAX), 2);
	egret_mc_reset(c->mc, true);
	boot(c);
	assert_int_equal(read_log(c, 0, &m), EGRET_MBX_OK);
	assert_int_equal(m.log.next, 1);
}

static void test_backpressure(void **state)
{
	struct chip *c = *state;
	union egret_mbx_message m, r;

	boot(c);
	m = message(EGRET_MBX_HELLO, sizeof(m.header));
	put_message(c, &m);
	advance(c, 0);
	/* The reply is not taken; the next request has to wait, and cannot be changed. */
	put_message(c, &m);
	wr(c, EGRET_REG_MBX_H2D_DATA(0), 0);
	assert_int_equal(rd(c, EGRET_REG_MBX_H2D_DATA(0)), m.words[0]);
	advance(c, 5 * SECOND);
	assert_int_equal(rd(c, EGRET_REG_MBX_H2D_CTRL), EGRET_MBX_FULL);
	assert_int_equal(rd(c, EGRET_REG_BOOT_STATUS), EGRET_BOOT_READY);
	assert_true(get_message(c, &r));
	advance(c, 0);
	assert_int_equal(rd(c, EGRET_REG_MBX_H2D_CTRL), 0);
	assert_true(get_message(c, &r));
	assert_int_equal(r.header.type, EGRET_MBX_HELLO | EGRET_MBX_REPLY);
	advance(c, 0);
	assert_false(get_message(c, &r));
}

static void test_prepare_sleep(void **state)
{
	struct chip *c = *state;
	union egret_mbx_message m;

	boot(c);
	c->busy = true;
	advance(c, SECOND);
	assert_int_equal(rd(c, EGRET_REG_PSTATE), 0);
	assert_int_equal(send_plain(c, EGRET_MBX_PREPARE_SLEEP, &m), EGRET_MBX_OK);
	assert_int_equal(m.header.size, sizeof(m.header));
	assert_int_equal(rd(c, EGRET_REG_PSTATE), 3);
	advance(c, 20 * SECOND);
	assert_int_equal(rd(c, EGRET_REG_BOOT_STATUS), EGRET_BOOT_READY);
	assert_int_equal(rd(c, EGRET_REG_PSTATE), 3);
	/* Any other message wakes it. */
	assert_int_equal(send_plain(c, EGRET_MBX_HELLO, &m), EGRET_MBX_OK);
	assert_int_equal(rd(c, EGRET_REG_PSTATE), 0);
}

/* ---- Governor, power, heat ---------------------------------------------- */

static void test_governor(void **state)
{
	struct chip *c = *state;
	uint32_t p;

	boot(c);
	assert_int_equal(rd(c, EGRET_REG_PSTATE), 0);
	for (p = 0; p < EGRET_MC_PSTATES; p++) {
		assert_int_equal(rd(c, EGRET_REG_PSTATE), p);
		advance(c, 50 * MS);
	}
	advance(c, SECOND);
	assert_int_equal(rd(c, EGRET_REG_PSTATE), 3);
	/* Work makes it fast at once, not at the next tick. */
	c->busy = true;
	egret_mc_work(c->mc);
	advance(c, 0);
	assert_int_equal(rd(c, EGRET_REG_PSTATE), 0);
	assert_int_equal(rd(c, EGRET_REG_THROTTLE), 0);
	advance(c, 10 * SECOND);
	assert_int_equal(rd(c, EGRET_REG_PSTATE), 0);
	c->busy = false;
	advance(c, SECOND);
	assert_int_equal(rd(c, EGRET_REG_PSTATE), 3);
	/* A job between two ticks is noticed by the packets that it left. */
	c->packets++;
	advance(c, 100 * MS);
	assert_true(rd(c, EGRET_REG_PSTATE) < 3);
	/* Changes by load do not fill the log. */
	assert_int_equal(count_events(c, EGRET_EVENT_PSTATE, UINT32_MAX), 0);
}

static void test_energy(void **state)
{
	struct chip *c = *state;
	uint64_t before, used;

	boot(c);
	advance(c, 2 * SECOND);
	before = rd(c, EGRET_REG_ENERGY);
	advance(c, 10 * SECOND);
	used = rd(c, EGRET_REG_ENERGY) - before;
	/* 10 s at 3000 + 3000 (650/900)^2 = 4564.8 mW */
	assert_in_range(used, 45640000, 45650000);
	/* A job's energy, at P3's voltage: (650/900)^2 = 0.52160. */
	before = rd(c, EGRET_REG_ENERGY);
	c->counters.macs += 1000000000000;	/* 0.6 J at P0 */
	c->counters.cycles += 100000000;	/* 0.14 J at P0 */
	c->counters.vram_bytes += 10000000000; /* 0.3 J */
	c->time += 1;
	used = rd(c, EGRET_REG_ENERGY) - before;
	assert_in_range(used, 685900, 686100);
	/* Counters that start again with a reset do not disturb the meter. */
	before = rd(c, EGRET_REG_ENERGY);
	c->counters.macs = 0;
	c->counters.cycles = 0;
	c->counters.vram_bytes = 0;
	advance(c, 10 * SECOND);
	used = rd(c, EGRET_REG_ENERGY) - before;
	assert_in_range(used, 45640000, 45650000);
}

/* Power is the mean of 100 ms, no more and no less. */
static void test_power_window(void **state)
{
	struct chip *c = *state;

	boot(c);
	c->busy = true;
	advance(c, SECOND);
	assert_in_range(rd(c, EGRET_REG_POWER_DRAW), 5990, 6010);
	egret_mc_inject(c->mc, EGRET_INJECT_LOAD, 10000);
	advance(c, 50 * MS);
	assert_in_range(rd(c, EGRET_REG_POWER_DRAW), 10000, 12100);
	advance(c, 70 * MS);
	assert_in_range(rd(c, EGRET_REG_POWER_DRAW), 15990, 16010);
}

static void test_power_cap(void **state)
{
	struct chip *c = *state;
	uint64_t state_then;
	unsigned int i;

	boot(c);
	c->busy = true;
	advance(c, SECOND);
	take_raised(c);
	/* 6 W and 60 W at P0, above the cap; at P1 5.4 + 37.9 W, still; at P2 5.0 + 23 W. */
	egret_mc_inject(c->mc, EGRET_INJECT_LOAD, 60000);
	advance(c, SECOND);
	assert_int_equal(rd(c, EGRET_REG_PSTATE), 2);
	assert_int_equal(rd(c, EGRET_REG_THROTTLE), EGRET_THROTTLE_POWER);
	assert_true(take_raised(c) & EGRET_IRQ_POWER);
	/* It settles, below the cap. */
	for (i = 0; i < 100; i++) {
		advance(c, 100 * MS);
		assert_int_equal(rd(c, EGRET_REG_PSTATE), 2);
		assert_true(rd(c, EGRET_REG_POWER_DRAW) <= MC_LIMIT_CAP_DEFAULT_MW);
	}
	/* A higher cap lets it be faster, a lower one makes it slower. */
	assert_int_equal(send_value(c, EGRET_MBX_SET_POWER_CAP, 48000), EGRET_MBX_OK);
	advance(c, SECOND);
	assert_int_equal(rd(c, EGRET_REG_PSTATE), 1);
	assert_int_equal(send_value(c, EGRET_MBX_SET_POWER_CAP, 20000), EGRET_MBX_OK);
	advance(c, SECOND);
	assert_int_equal(rd(c, EGRET_REG_PSTATE), 3);
	assert_true(rd(c, EGRET_REG_POWER_DRAW) <= 20000);
	assert_int_equal(send_value(c, EGRET_MBX_SET_POWER_CAP, 0), EGRET_MBX_OK);
	advance(c, SECOND);
	assert_int_equal(rd(c, EGRET_REG_PSTATE), 2);
	/* The load is gone: back to full speed. */
	egret_mc_inject(c->mc, EGRET_INJECT_LOAD, 0);
	take_raised(c);
	advance(c, SECOND);
	assert_int_equal(rd(c, EGRET_REG_PSTATE), 0);
	assert_int_equal(rd(c, EGRET_REG_THROTTLE), 0);
	assert_true(take_raised(c) & EGRET_IRQ_POWER);
	/* A host that limits the chip further than the cap has no throttling to see. */
	assert_int_equal(send_value(c, EGRET_MBX_SET_PSTATE, 3), EGRET_MBX_OK);
	egret_mc_inject(c->mc, EGRET_INJECT_LOAD, 60000);
	state_then = rd(c, EGRET_REG_PSTATE);
	advance(c, SECOND);
	assert_int_equal(state_then, 3);
	assert_int_equal(rd(c, EGRET_REG_THROTTLE), 0);
}

static int32_t temperature(struct chip *c)
{
	return (int32_t)rd(c, EGRET_REG_TEMPERATURE);
}

static void test_thermal_model(void **state)
{
	struct chip *c = *state;
	int32_t begin, end = 35000 + 1300 * (4565 + 20000) / 1000;

	boot(c);
	advance(c, 100 * SECOND);
	begin = temperature(c);
	assert_in_range(begin, 35000 + 1300 * 4565 / 1000 - 20, 35000 + 1300 * 4565 / 1000 + 20);
	egret_mc_inject(c->mc, EGRET_INJECT_HEAT, 20000);
	/* One time constant: 63.2 % of the way, as of the last tick. */
	advance(c, 8 * SECOND);
	assert_in_range(temperature(c), begin + (end - begin) * 625 / 1000,
			begin + (end - begin) * 634 / 1000);
	advance(c, 100 * SECOND);
	assert_in_range(temperature(c), end - 20, end + 20);
	/* The power meter does not see injected heat. */
	assert_in_range(rd(c, EGRET_REG_POWER_DRAW), 4560, 4570);
	egret_mc_inject(c->mc, EGRET_INJECT_HEAT, 0);
	egret_mc_inject(c->mc, EGRET_INJECT_AMBIENT, 50000);
	advance(c, 100 * SECOND);
	assert_in_range(temperature(c), begin + 15000 - 20, begin + 15000 + 20);
}

/* The host reads its messages; returns how many events of a kind came. */
static unsigned int drain_events(struct chip *c, enum egret_event event)
{
	unsigned int n = 0;
	union egret_mbx_message m;

	while (get_message(c, &m)) {
		assert_int_equal(m.header.type, EGRET_MBX_EVENT);
		assert_int_equal(m.header.size, sizeof(m.event));
		assert_int_equal(m.header.sequence, 0);
		n += m.event.event == (uint32_t)event;
		advance(c, 0);
	}
	return n;
}

static void test_throttle(void **state)
{
	struct chip *c = *state;
	unsigned int i, changes = 0;
	uint64_t last;

	boot(c);
	c->busy = true;
	egret_mc_inject(c->mc, EGRET_INJECT_HEAT, 43000);	/* settles at 98.7 degrees in P0 */
	for (i = 0; i < 1000 && temperature(c) < MC_LIMIT_THROTTLE; i++)
		advance(c, 100 * MS);
	assert_in_range(temperature(c), MC_LIMIT_THROTTLE, MC_LIMIT_THROTTLE + 1000);
	assert_int_equal(rd(c, EGRET_REG_PSTATE), 1);
	assert_int_equal(rd(c, EGRET_REG_THROTTLE), EGRET_THROTTLE_THERMAL);
	assert_true(take_raised(c) & EGRET_IRQ_THERMAL);
	assert_int_equal(drain_events(c, EGRET_EVENT_THROTTLE), 1);
	/* One step a second while it is too hot. */
	advance(c, 900 * MS);
	assert_int_equal(rd(c, EGRET_REG_PSTATE), 1);
	advance(c, 200 * MS);
	assert_int_equal(rd(c, EGRET_REG_PSTATE), 2);
	advance(c, 10 * SECOND);
	assert_int_equal(rd(c, EGRET_REG_PSTATE), 3);
	/* Between release and throttle nothing changes, however long. */
	egret_mc_inject(c->mc, EGRET_INJECT_HEAT, 39500);
	advance(c, 30 * SECOND);
	assert_in_range(temperature(c), MC_LIMIT_RELEASE + 1, MC_LIMIT_THROTTLE - 1);
	last = rd(c, EGRET_REG_PSTATE);
	assert_int_equal(last, 3);
	for (i = 0; i < 600; i++) {
		advance(c, 100 * MS);
		changes += rd(c, EGRET_REG_PSTATE) != last;
	}
	assert_int_equal(changes, 0);
	/* Cool again: step by step to full speed. */
	egret_mc_inject(c->mc, EGRET_INJECT_HEAT, 0);
	for (i = 0; i < 1000 && temperature(c) > MC_LIMIT_RELEASE; i++)
		advance(c, 100 * MS);
	advance(c, 50 * MS);
	assert_int_equal(rd(c, EGRET_REG_PSTATE), 2);
	advance(c, 5 * SECOND);
	assert_int_equal(rd(c, EGRET_REG_PSTATE), 0);
	assert_int_equal(rd(c, EGRET_REG_THROTTLE), 0);
	assert_int_equal(drain_events(c, EGRET_EVENT_THROTTLE), 1);
	assert_int_equal(c->stops, 0);
}

static void test_critical(void **state)
{
	struct chip *c = *state;
	unsigned int i;

	boot(c);
	c->busy = true;
	egret_mc_inject(c->mc, EGRET_INJECT_HEAT, 100000);
	for (i = 0; i < 1000 && !c->stops; i++) {
		assert_true(temperature(c) < MC_LIMIT_CRITICAL);
		advance(c, 10 * MS);
	}
	assert_int_equal(c->stops, 1);
	assert_in_range(temperature(c), MC_LIMIT_CRITICAL, MC_LIMIT_TRIP);
	assert_int_equal(egret_mc_state(c->mc), EGRET_STATE_FIRMWARE | EGRET_STATE_THERMAL_STOP);
	assert_true(take_raised(c) & EGRET_IRQ_THERMAL);
	assert_int_equal(rd(c, EGRET_REG_PSTATE), 3);
	assert_true(rd(c, EGRET_REG_THROTTLE) & EGRET_THROTTLE_THERMAL);
	assert_int_equal(send_value(c, EGRET_MBX_SET_PSTATE, 0), EGRET_MBX_E_BUSY);
	assert_int_equal(send_value(c, EGRET_MBX_SET_POWER_CAP, 0), EGRET_MBX_E_BUSY);
	assert_int_equal(count_events(c, EGRET_EVENT_THERMAL_STOP, UINT32_MAX), 1);
	/* It lasts, also when it is cool again, until power-on. */
	egret_mc_inject(c->mc, EGRET_INJECT_HEAT, 0);
	advance(c, 100 * SECOND);
	assert_int_equal(rd(c, EGRET_REG_PSTATE), 3);
	egret_mc_reset(c->mc, false);
	assert_int_equal(egret_mc_state(c->mc), EGRET_STATE_THERMAL_STOP);
	egret_mc_reset(c->mc, true);
	assert_int_equal(egret_mc_state(c->mc), 0);
	assert_int_equal(c->stops, 1);
}

/* Without firmware the chip trips by itself. */
static void test_trip(void **state)
{
	struct chip *c = *state;
	unsigned int i;

	egret_mc_inject(c->mc, EGRET_INJECT_HEAT, 100000);
	for (i = 0; i < 1000 && !c->stops; i++)
		advance(c, 100 * MS);
	assert_int_equal(c->stops, 1);
	assert_in_range(c->mc->power.temperature, MC_LIMIT_TRIP, MC_LIMIT_TRIP + 2000);
	assert_int_equal(egret_mc_state(c->mc), EGRET_STATE_THERMAL_STOP);
	assert_true(take_raised(c) & EGRET_IRQ_THERMAL);
	advance(c, 10 * SECOND);
	assert_int_equal(c->stops, 1);
}

static void test_ecc(void **state)
{
	struct chip *c = *state;
	union egret_mbx_message m;

	boot(c);
	assert_int_equal(egret_mc_inject(c->mc, EGRET_INJECT_ECC_CORRECTED, 64), 0);
	assert_int_equal(take_raised(c), EGRET_IRQ_ECC_CORRECTED);
	assert_int_equal(egret_mc_inject(c->mc, EGRET_INJECT_ECC_UNCORRECTED, 0x12345), 0);
	assert_int_equal(take_raised(c), EGRET_IRQ_ECC_UNCORRECTED);
	assert_int_equal(egret_mc_inject(c->mc, EGRET_INJECT_ECC_CORRECTED, VRAM_SIZE), -EINVAL);
	assert_int_equal(egret_mc_inject(c->mc, EGRET_INJECT_HEAT, 1000001), -EINVAL);
	assert_int_equal(egret_mc_inject(c->mc, EGRET_INJECT_LOAD, 1000001), -EINVAL);
	assert_int_equal(egret_mc_inject(c->mc, EGRET_INJECT_AMBIENT, 150001), -EINVAL);
	assert_int_equal(rd(c, EGRET_REG_ECC_CORRECTED), 1);
	assert_int_equal(rd(c, EGRET_REG_ECC_UNCORRECTED), 1);
	assert_int_equal(rd(c, EGRET_REG_ECC_ADDR), 0x12345);
	/* Firmware wakes up, logs it and tells the host. */
	advance(c, 0);
	assert_true(take_raised(c) & EGRET_IRQ_MAILBOX);
	assert_true(get_message(c, &m));
	assert_int_equal(m.header.type, EGRET_MBX_EVENT);
	assert_int_equal(m.event.event, EGRET_EVENT_ECC);
	assert_int_equal(m.event.value, 0x12);
	assert_int_equal(count_events(c, EGRET_EVENT_ECC, 0x12), 1);
}

/* ---- Losing the firmware ------------------------------------------------ */

static void assert_lost(struct chip *c, enum egret_boot_status status)
{
	assert_int_equal(rd(c, EGRET_REG_BOOT_STATUS), status);
	assert_int_equal(take_raised(c) & EGRET_IRQ_FIRMWARE_STOP, EGRET_IRQ_FIRMWARE_STOP);
	assert_int_equal(egret_mc_state(c->mc) & EGRET_STATE_FIRMWARE, 0);
	assert_int_equal(rd(c, EGRET_REG_PSTATE), EGRET_MC_PSTATE_SAFE);
	assert_int_equal(egret_mc_core_clock(c->mc), mc_pstates[EGRET_MC_PSTATE_SAFE].khz);
	assert_int_equal(rd(c, EGRET_REG_TEMPERATURE), 0);
	assert_int_equal(rd(c, EGRET_REG_POWER_DRAW), 0);
	assert_int_equal(rd(c, EGRET_REG_THROTTLE), 0);
}

static void test_hang(void **state)
{
	struct chip *c = *state;
	uint64_t beats;

	boot(c);
	advance(c, SECOND);
	assert_int_equal(egret_mc_inject(c->mc, EGRET_INJECT_FW_HANG, 0), 0);
	advance(c, SECOND);
	beats = rd(c, EGRET_REG_FW_HEARTBEAT);
	assert_int_equal(rd(c, EGRET_REG_BOOT_STATUS), EGRET_BOOT_READY);
	advance(c, 500 * MS);
	assert_int_equal(rd(c, EGRET_REG_FW_HEARTBEAT), beats);
	advance(c, 600 * MS);
	assert_lost(c, EGRET_BOOT_E_WATCHDOG);
	advance(c, 10 * SECOND);
	assert_int_equal(take_raised(c), 0);
	boot(c);
	assert_int_equal(count_events(c, EGRET_EVENT_FIRMWARE_LOST, EGRET_BOOT_E_WATCHDOG), 1);
	assert_int_equal(count_events(c, EGRET_EVENT_CRASH_PC, UINT32_MAX), 0);
	/* The next restart is not that one's fault. */
	wr(c, EGRET_REG_BOOT_CTRL, EGRET_BOOT_STOP);
	boot(c);
	assert_int_equal(count_events(c, EGRET_EVENT_FIRMWARE_LOST, UINT32_MAX), 1);
}

static void test_crash(void **state)
{
	struct chip *c = *state;

	boot(c);
	assert_int_equal(egret_mc_inject(c->mc, EGRET_INJECT_FW_CRASH, 0), 0);
	assert_lost(c, EGRET_BOOT_E_CRASHED);
	boot(c);
	assert_int_equal(count_events(c, EGRET_EVENT_FIRMWARE_LOST, EGRET_BOOT_E_CRASHED), 1);
	/* Without firmware these do nothing. */
	egret_mc_reset(c->mc, true);
	assert_int_equal(egret_mc_inject(c->mc, EGRET_INJECT_FW_CRASH, 0), 0);
	assert_int_equal(egret_mc_inject(c->mc, EGRET_INJECT_FW_HANG, 0), 0);
	assert_int_equal(rd(c, EGRET_REG_BOOT_STATUS), EGRET_BOOT_IDLE);
	assert_int_equal(egret_mc_inject(c->mc, (enum egret_model_injection)99, 0), -EINVAL);
	boot(c);
}

/* Code that loops, with and without sleeping: the watchdog finds out after its second. */
static void test_watchdog(void **state)
{
	struct chip *c = *state;
	static const uint32_t spin[] = { 0x0000006f };			/* j . */
	static const uint32_t doze[] = { 0x10500073, 0xffdff06f };	/* wfi; j .-4 */
	static const uint32_t *const code[] = { spin, doze };
	static const size_t bytes[] = { sizeof(spin), sizeof(doze) };
	unsigned int i;

	for (i = 0; i < 2; i++) {
		uint32_t size = put_code(c, code[i], bytes[i]);

		assert_int_equal(start(c, size), EGRET_BOOT_RUNNING);
		assert_int_equal(egret_mc_state(c->mc), EGRET_STATE_FIRMWARE);
		advance(c, EGRET_MC_WATCHDOG_BOOT * MS - 1);
		assert_int_equal(rd(c, EGRET_REG_BOOT_STATUS), EGRET_BOOT_RUNNING);
		advance(c, 1);
		assert_lost(c, EGRET_BOOT_E_WATCHDOG);
	}
	boot(c);
}

/* It is not the firmware's fault when the host has no time for the controller. */
static void test_late_host(void **state)
{
	struct chip *c = *state;
	/* lui a1, 0x20000; li a2, 1; sd a2, 24(a1) (TIMER); sw a2, 4(a1) (EVENT_ENABLE); wfi; j .-4 */
	static const uint32_t rude[] = {
		0x200005b7, 0x00100613, 0x00c5bc23, 0x00c5a223, 0x10500073, 0xffdff06f,
	};
	uint64_t deadline;
	unsigned int i;

	boot(c);
	for (i = 0; i < 5; i++) {
		advance(c, 30 * MS);
		c->time += 10 * SECOND;
		egret_mc_run(c->mc, &deadline);
		assert_int_equal(rd(c, EGRET_REG_BOOT_STATUS), EGRET_BOOT_READY);
	}
	/* One that hangs is found out all the same, and so is one that ignores its timer. */
	egret_mc_inject(c->mc, EGRET_INJECT_FW_HANG, 0);
	c->time += 10 * SECOND;
	egret_mc_run(c->mc, &deadline);
	assert_lost(c, EGRET_BOOT_E_WATCHDOG);
	assert_int_equal(start(c, put_code(c, rude, sizeof(rude))), EGRET_BOOT_RUNNING);
	advance(c, 30 * SECOND);
	assert_lost(c, EGRET_BOOT_E_WATCHDOG);
}

struct trap_case {
	const char *name;
	uint32_t code[4];
	enum egret_mc_trap cause;
	uint64_t pc;		/* from the start */
	uint64_t addr;
};

static const struct trap_case traps[] = {
	{ "zero word", { 0 }, EGRET_MC_TRAP_ILLEGAL, 0, 0 },
	{ "flw", { 0x00002007 }, EGRET_MC_TRAP_ILLEGAL, 0, 0x00002007 },
	{ "fsd", { 0x00103027 }, EGRET_MC_TRAP_ILLEGAL, 0, 0x00103027 },
	{ "fadd.s", { 0x00000053 }, EGRET_MC_TRAP_ILLEGAL, 0, 0x00000053 },
	{ "amoadd.w", { 0x0000202f }, EGRET_MC_TRAP_ILLEGAL, 0, 0x0000202f },
	{ "csrr mcycle", { 0xb0002573 }, EGRET_MC_TRAP_ILLEGAL, 0, 0xb0002573 },
	{ "mret", { 0x30200073 }, EGRET_MC_TRAP_ILLEGAL, 0, 0x30200073 },
	{ "dma", { 0x0000000b }, EGRET_MC_TRAP_ILLEGAL, 0, 0x0000000b },
	{ "ebreak", { 0x00000013, 0x00100073 }, EGRET_MC_TRAP_BREAK, 4, 0x00100073 },
	{ "ecall", { 0x00000073 }, EGRET_MC_TRAP_BREAK, 0, 0x00000073 },
	{ "jump to 0", { 0x00000067 }, EGRET_MC_TRAP_FETCH, 0 - (uint64_t)EGRET_MC_SRAM, 0 },
	/* lw a0, 0(zero) */
	{ "load from ROM", { 0x00002503 }, EGRET_MC_TRAP_ACCESS, 0, 0 },
	/* lui a1, 0x20000; lh a0, 16(a1) */
	{ "narrow register load", { 0x200005b7, 0x01059503 }, EGRET_MC_TRAP_ACCESS, 4, 0x20000010 },
	/* lui a1, 0x20000; lw a0, 16(a1): TIME is a u64 */
	{ "half a u64", { 0x200005b7, 0x0105a503 }, EGRET_MC_TRAP_ACCESS, 4, 0x20000010 },
	/* lui a1, 0x20000; sd zero, 0(a1) */
	{ "wide register store", { 0x200005b7, 0x0005b023 }, EGRET_MC_TRAP_ACCESS, 4, 0x20000000 },
	/* lui a1, 0x20001; ld a0, -8(a1) */
	{ "no register", { 0x200015b7, 0xff85b503 }, EGRET_MC_TRAP_ACCESS, 4, 0x20000ff8 },
	/* lui a1, 0x180; sb zero, 0(a1) */
	{ "behind SRAM", { 0x001805b7, 0x00058023 }, EGRET_MC_TRAP_ACCESS, 4, 0x180000 },
	/* lui a1, 0x180; lw a0, -2(a1) */
	{ "across SRAM's end", { 0x001805b7, 0xffe5a503 }, EGRET_MC_TRAP_ACCESS, 4, 0x17fffe },
	/* lui a1, 0x100; sw zero, -4(a1) */
	{ "below SRAM, as by a stack that overflows", { 0x001005b7, 0xfe05ae23 },
	  EGRET_MC_TRAP_ACCESS, 4, 0xffffc },
};

static void test_traps(void **state)
{
	struct chip *c = *state;
	size_t i;

	for (i = 0; i < sizeof(traps) / sizeof(traps[0]); i++) {
		const struct trap_case *t = &traps[i];
		uint32_t size = put_code(c, t->code, sizeof(t->code));

		if (start(c, size) != EGRET_BOOT_E_CRASHED || c->mc->last_cause != t->cause ||
		    c->mc->last_pc != EGRET_MC_SRAM + t->pc || c->mc->last_addr != t->addr)
			fail_msg("%s: status %#x, cause %d, pc %#llx, addr %#llx", t->name,
				 c->mc->status, c->mc->last_cause,
				 (unsigned long long)c->mc->last_pc,
				 (unsigned long long)c->mc->last_addr);
		assert_lost(c, EGRET_BOOT_E_CRASHED);
	}
	boot(c);
	assert_int_equal(count_events(c, EGRET_EVENT_CRASH_PC, EGRET_MC_SRAM + 4), 1);
}

/* The window shows the host's registers, and cannot change them. */
static void test_window(void **state)
{
	struct chip *c = *state;
	/*
	 * lui a1, 0x10007; ld a0, 8(a1)		CNT_PACKETS
	 * lui a2, 0x20000; sd a0, 24(a2)		TIMER, where the test can see it
	 * lui a1, 0x10001; sw a0, 0(a1)		RESET
	 * wfi
	 */
	static const uint32_t code[] = {
		0x100075b7, 0x0085b503, 0x20000637, 0x00a63c23,
		0x100015b7, 0x00a5a023, 0x10500073, 0x0000006f,
	};

	c->packets = 0x123456789a;
	assert_int_equal(start(c, put_code(c, code, sizeof(code))), EGRET_BOOT_RUNNING);
	assert_int_equal(c->mc->timer, 0x123456789a);
	assert_int_equal(c->mc->phase, MC_SLEEP);
}

/* ---- The controller's own registers ---------------------------------------- */

static bool mc_rd(struct chip *c, uint64_t offset, unsigned int size, uint64_t *value)
{
	return mc_bus_load(c->mc, EGRET_MC_REGS + offset, size, value);
}

static uint64_t mc_get(struct chip *c, uint64_t offset, unsigned int size)
{
	uint64_t value = 0;

	if (!mc_rd(c, offset, size, &value))
		fail_msg("no register of %u bytes at %#llx", size, (unsigned long long)offset);
	return value;
}

static void mc_set(struct chip *c, uint64_t offset, unsigned int size, uint64_t value)
{
	if (!mc_bus_store(c->mc, EGRET_MC_REGS + offset, size, value))
		fail_msg("no register of %u bytes at %#llx", size, (unsigned long long)offset);
}

/* A firmware that only sleeps, so that the test can use the registers in its place. */
static void boot_sleeper(struct chip *c)
{
	static const uint32_t code[] = { 0x10500073, 0xffdff06f };	/* wfi; j .-4 */

	assert_int_equal(start(c, put_code(c, code, sizeof(code))), EGRET_BOOT_RUNNING);
}

struct private_register {
	uint32_t offset;
	unsigned int size;
	char access;		/* r: read only, w: holds what is written, o: write only */
	uint64_t value;		/* read at first */
};

static const struct private_register private_registers[] = {
	{ EGRET_MC_EVENT_ENABLE, 4, 'w', 0 },
	{ EGRET_MC_TIME, 8, 'r', 7 * SECOND },
	{ EGRET_MC_TIMER, 8, 'w', UINT64_MAX },
	{ EGRET_MC_READY, 4, 'o', 0 },
	{ EGRET_MC_HEARTBEAT, 4, 'w', 0 },
	{ EGRET_MC_HOST_IRQ, 4, 'o', 0 },
	{ EGRET_MC_SHUTDOWN, 4, 'o', 0 },
	{ EGRET_MC_FW_VERSION, 4, 'r', 0 },
	{ EGRET_MC_LAST_END, 4, 'r', EGRET_BOOT_E_CRASHED },
	{ EGRET_MC_LAST_CAUSE, 4, 'r', EGRET_MC_TRAP_ILLEGAL },
	{ EGRET_MC_LAST_PC, 8, 'r', EGRET_MC_SRAM },
	{ EGRET_MC_LAST_ADDR, 8, 'r', 0 },
	{ EGRET_MC_PSTATE, 4, 'w', EGRET_MC_PSTATE_SAFE },
	{ EGRET_MC_CLOCK_GATE, 4, 'w', 0 },
	{ EGRET_MC_POWER_CAP_MIN, 4, 'r', MC_LIMIT_CAP_MIN_MW },
	{ EGRET_MC_POWER_CAP_MAX, 4, 'r', MC_LIMIT_CAP_MAX_MW },
	{ EGRET_MC_POWER_CAP_DEFAULT, 4, 'r', MC_LIMIT_CAP_DEFAULT_MW },
	{ EGRET_MC_TEMP_THROTTLE, 4, 'r', MC_LIMIT_THROTTLE },
	{ EGRET_MC_TEMP_RELEASE, 4, 'r', MC_LIMIT_RELEASE },
	{ EGRET_MC_TEMP_CRITICAL, 4, 'r', MC_LIMIT_CRITICAL },
	{ EGRET_MC_TEMP_TRIP, 4, 'r', MC_LIMIT_TRIP },
	{ EGRET_MC_TLM_TEMPERATURE, 4, 'w', 0 },
	{ EGRET_MC_TLM_POWER, 4, 'w', 0 },
	{ EGRET_MC_TLM_THROTTLE, 4, 'w', 0 },
	{ EGRET_MC_ECC_CORRECTED, 8, 'r', 0 },
	{ EGRET_MC_ECC_UNCORRECTED, 8, 'r', 0 },
	{ EGRET_MC_ECC_ADDR, 8, 'r', 0 },
	{ EGRET_MC_ECC_INJECT_ADDR, 8, 'w', 0 },
	{ EGRET_MC_ECC_INJECT, 4, 'o', 0 },
	{ EGRET_MC_MBX_REQUEST, 4, 'r', 0 },
	{ EGRET_MC_MBX_REQUEST_DATA(0), 4, 'r', 0 },
	{ EGRET_MC_MBX_REQUEST_DATA(63), 4, 'r', 0 },
	{ EGRET_MC_MBX_REPLY_DATA(0), 4, 'w', 0 },
	{ EGRET_MC_MBX_REPLY_DATA(63), 4, 'w', 0 },
};

static void test_private_registers(void **state)
{
	struct chip *c = *state;
	static const uint32_t crash[] = { 0 };
	uint64_t value;
	size_t i;

	c->time = 7 * SECOND;
	start(c, put_code(c, crash, sizeof(crash)));
	boot_sleeper(c);
	for (i = 0; i < sizeof(private_registers) / sizeof(private_registers[0]); i++) {
		const struct private_register *r = &private_registers[i];
		unsigned int wrong = 12 - r->size;

		assert_true(mc_get(c, r->offset, r->size) == r->value);
		assert_false(mc_rd(c, r->offset, wrong, &value));
		assert_false(mc_rd(c, r->offset, 2, &value));
		assert_false(mc_rd(c, r->offset + 1, r->size, &value));
		assert_false(mc_bus_store(c->mc, EGRET_MC_REGS + r->offset, wrong, 0));
		mc_set(c, r->offset, r->size, 1);
		assert_true(mc_get(c, r->offset, r->size) == (r->access == 'w' ? 1 : r->value));
	}
	assert_false(mc_rd(c, 0x0ffc, 4, &value));
	assert_false(mc_rd(c, 0x10000, 4, &value));
	assert_false(mc_bus_store(c->mc, EGRET_MC_REGS + 0x0ffc, 4, 0));
	assert_false(mc_bus_load(c->mc, EGRET_MC_ROM, 4, &value));
	assert_false(mc_bus_load(c->mc, UINT64_MAX - 3, 4, &value));
}

/* What the registers of the controller do beyond holding a value. */
static void test_private_effects(void **state)
{
	struct chip *c = *state;
	unsigned int p;

	boot_sleeper(c);
	assert_int_equal(mc_get(c, EGRET_MC_WATCHDOG, 4), EGRET_MC_WATCHDOG_BOOT);
	mc_set(c, EGRET_MC_WATCHDOG, 4, 0);
	mc_set(c, EGRET_MC_WATCHDOG, 4, EGRET_MC_WATCHDOG_MAX + 1);
	assert_int_equal(mc_get(c, EGRET_MC_WATCHDOG, 4), EGRET_MC_WATCHDOG_BOOT);
	mc_set(c, EGRET_MC_WATCHDOG, 4, 500);
	assert_int_equal(mc_get(c, EGRET_MC_WATCHDOG, 4), 500);
	mc_set(c, EGRET_MC_READY, 4, 2);
	assert_int_equal(rd(c, EGRET_REG_BOOT_STATUS), EGRET_BOOT_RUNNING);
	mc_set(c, EGRET_MC_READY, 4, 1);
	assert_int_equal(rd(c, EGRET_REG_BOOT_STATUS), EGRET_BOOT_READY);
	mc_set(c, EGRET_MC_HOST_IRQ, 4, UINT32_MAX);
	assert_int_equal(take_raised(c), EGRET_IRQ_THERMAL | EGRET_IRQ_POWER);
	for (p = 0; p < EGRET_MC_PSTATES; p++) {
		mc_set(c, EGRET_MC_PSTATE, 4, p);
		assert_int_equal(mc_get(c, EGRET_MC_CLOCK, 4),
				 mc_get(c, EGRET_MC_PSTATE_CLOCK(p), 4));
		assert_int_equal(mc_get(c, EGRET_MC_VOLTAGE, 4),
				 mc_get(c, EGRET_MC_PSTATE_VOLTAGE(p), 4));
		assert_int_equal(rd(c, EGRET_REG_VOLTAGE), mc_pstates[p].mv);
	}
	mc_set(c, EGRET_MC_PSTATE, 4, EGRET_MC_PSTATES);
	assert_int_equal(mc_get(c, EGRET_MC_PSTATE, 4), 3);
	mc_set(c, EGRET_MC_ECC_INJECT_ADDR, 8, 0x4000);
	mc_set(c, EGRET_MC_ECC_INJECT, 4, EGRET_MC_ECC_INJECT_CORRECTED);
	mc_set(c, EGRET_MC_ECC_INJECT, 4, EGRET_MC_ECC_INJECT_UNCORRECTED);
	mc_set(c, EGRET_MC_ECC_INJECT, 4, 3);
	assert_int_equal(mc_get(c, EGRET_MC_ECC_CORRECTED, 8), 1);
	assert_int_equal(mc_get(c, EGRET_MC_ECC_UNCORRECTED, 8), 1);
	assert_int_equal(mc_get(c, EGRET_MC_ECC_ADDR, 8), 0x4000);
	assert_int_equal(mc_get(c, EGRET_MC_EVENT_PENDING, 4),
			 EGRET_MC_EVENT_REPLY_FREE | EGRET_MC_EVENT_ECC);
	mc_set(c, EGRET_MC_EVENT_PENDING, 4, UINT32_MAX);
	assert_int_equal(mc_get(c, EGRET_MC_EVENT_PENDING, 4), EGRET_MC_EVENT_REPLY_FREE);
	take_raised(c);
	/* A reply that is handed over belongs to the host. */
	mc_set(c, EGRET_MC_MBX_REPLY_DATA(5), 4, 11);
	mc_set(c, EGRET_MC_MBX_REPLY, 4, 0);
	assert_int_equal(rd(c, EGRET_REG_MBX_D2H_CTRL), 0);
	mc_set(c, EGRET_MC_MBX_REPLY, 4, EGRET_MBX_FULL);
	mc_set(c, EGRET_MC_MBX_REPLY_DATA(5), 4, 12);
	assert_int_equal(rd(c, EGRET_REG_MBX_D2H_DATA(5)), 11);
	assert_int_equal(take_raised(c), EGRET_IRQ_MAILBOX);
	mc_set(c, EGRET_MC_SHUTDOWN, 4, 1);
	assert_int_equal(c->stops, 0);
	mc_set(c, EGRET_MC_SHUTDOWN, 4, EGRET_MC_SHUTDOWN_KEY);
	mc_set(c, EGRET_MC_SHUTDOWN, 4, EGRET_MC_SHUTDOWN_KEY);
	assert_int_equal(c->stops, 1);
}

/* A firmware that enables what is always there never sleeps, but does not stop the world. */
static void test_sleepless(void **state)
{
	struct chip *c = *state;
	uint64_t deadline;

	boot_sleeper(c);
	mc_set(c, EGRET_MC_EVENT_ENABLE, 4, EGRET_MC_EVENT_REPLY_FREE);
	assert_true(egret_mc_run(c->mc, &deadline));
	advance(c, EGRET_MC_WATCHDOG_BOOT * MS);
	assert_lost(c, EGRET_BOOT_E_WATCHDOG);
}

/* fence.i makes changed code visible. */
static void test_changed_code(void **state)
{
	struct chip *c = *state;
	/*
	 * Executes `target' once as it is (li a0, 1), overwrites it with the word behind
	 * the code (li a0, 2), and executes it again.
	 */
	static const uint32_t code[] = {
		0x00000597,	/* 00 auipc a1, 0 */
		0x00000693,	/* 04 li a3, 0 */
		0x00100513,	/* 08 target: li a0, 1 */
		0x00069c63,	/* 0c bnez a3, 24 */
		0x00100693,	/* 10 li a3, 1 */
		0x0345a603,	/* 14 lw a2, 0x34(a1) */
		0x00c5a423,	/* 18 sw a2, 8(a1) */
		0x0000100f,	/* 1c fence.i */
		0xfe9ff06f,	/* 20 j target */
		0x20000637,	/* 24 lui a2, 0x20000 */
		0x30a62023,	/* 28 sw a0, 0x300(a2): EGRET_MC_TLM_TEMPERATURE */
		0x10500073,	/* 2c wfi */
		0xffdff06f,	/* 30 j .-4 */
		0x00200513,	/* 34 li a0, 2 */
	};

	assert_int_equal(start(c, put_code(c, code, sizeof(code))), EGRET_BOOT_RUNNING);
	assert_int_equal(rd(c, EGRET_REG_TEMPERATURE), 2);
}

/* A firmware that was stopped in the middle of its run does nothing more. */
static void test_stop_is_immediate(void **state)
{
	struct chip *c = *state;
	/*
	 * lui a1, 0x10007; lui a2, 0x20000; li a3, 77
	 * sw a3, 768(a2); lw a0, 8(a1); sw a3, 772(a2); j .
	 */
	static const uint32_t code[] = {
		0x100075b7, 0x20000637, 0x04d00693, 0x30d62023, 0x0085a503, 0x30d62223,
		0x0000006f,
	};
	uint32_t size = put_code(c, code, sizeof(code));

	assert_int_equal(start(c, size), EGRET_BOOT_RUNNING);
	assert_int_equal(rd(c, EGRET_REG_TEMPERATURE), 77);
	assert_int_equal(rd(c, EGRET_REG_POWER_DRAW), 77);
	c->stop_on_read = true;
	assert_int_equal(start(c, size), EGRET_BOOT_STOPPED);
	assert_int_equal(rd(c, EGRET_REG_TEMPERATURE), 0);
	assert_int_equal(rd(c, EGRET_REG_POWER_DRAW), 0);
	assert_int_equal(take_raised(c), 0);
	c->stop_on_read = false;
	boot(c);
}

/* ---- Storms ------------------------------------------------------------- */

static uint64_t random_state;

static uint32_t random32(void)
{
	random_state = random_state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (uint32_t)(random_state >> 32);
}

/* Random messages, more or less well-formed: each gets its answer, and firmware lives. */
static void test_message_storm(void **state)
{
	struct chip *c = *state;
	union egret_mbx_message m, r;
	unsigned int i, j, accepted = 0;

	random_state = 1;
	boot(c);
	for (i = 0; i < 5000; i++) {
		for (j = 0; j < EGRET_MBX_BYTES / 4; j++)
			m.words[j] = random32();
		if (random32() % 4)
			m.header.abi_major = 1;
		if (random32() % 4)
			m.header.size = (uint16_t)(random32() % 300);
		if (random32() % 4)
			m.header.type = (uint16_t)(random32() % 8);
		if (random32() % 2)
			m.value.value = random32() % 5;
		if (random32() % 2)
			m.value.reserved = 0;
		c->busy = random32() % 2;
		accepted += exchange(c, &m, &r) == EGRET_MBX_OK;
		advance(c, random32() % (20 * MS));
	}
	assert_in_range(accepted, 500, 4500);
	assert_int_equal(rd(c, EGRET_REG_BOOT_STATUS), EGRET_BOOT_READY);
	assert_int_equal(take_raised(c) & EGRET_IRQ_FIRMWARE_STOP, 0);
}

/* Random accesses to all of the controller's registers, and injections, in any state. */
static void test_register_storm(void **state)
{
	struct chip *c = *state;
	unsigned int i;

	random_state = 2;
	put_good_image(c);
	for (i = 0; i < 60000; i++) {
		uint64_t offset = EGRET_MC_REG_FIRST + random32() % 0x2000;

		switch (random32() % 64) {
		case 0:
			start(c, (uint32_t)good_size);
			break;
		case 1:
			egret_mc_inject(c->mc, (enum egret_model_injection)(random32() % 9),
					random32() % 100000);
			break;
		case 2:
			advance(c, random32() % (100 * MS));
			break;
		case 3:
			if (random32() % 16 == 0)
				egret_mc_reset(c->mc, random32() % 2);
			break;
		case 4 ... 20:
			rd(c, offset);
			break;
		default:
			wr(c, offset & ~(uint64_t)3, random32());
		}
	}
	egret_mc_reset(c->mc, true);
	boot(c);
}

/* Signed images of random code: whatever it does, the chip survives, and boots again. */
static void test_code_storm(void **state)
{
	struct chip *c = *state;
	uint32_t code[256];
	unsigned int i, j;

	random_state = 3;
	for (i = 0; i < 400; i++) {
		for (j = 0; j < 256; j++) {
			code[j] = random32();
			/* Mostly loads, stores, arithmetic and branches that exist. */
			if (random32() % 8)
				code[j] = (code[j] & ~0x7fu) |
					  (const uint8_t[]){ 0x03, 0x13, 0x23, 0x33, 0x1b, 0x37,
							     0x63, 0x17, }[random32() % 8];
		}
		/* With addresses of SRAM and registers in some registers. */
		code[0] = 0x100005b7;	/* lui a1, 0x10000 */
		code[1] = 0x20000637;	/* lui a2, 0x20000 */
		code[2] = 0x001006b7;	/* lui a3, 0x100 */
		start(c, put_code(c, code, sizeof(code)));
		advance(c, 20 * SECOND);
		assert_true(rd(c, EGRET_REG_BOOT_STATUS) == EGRET_BOOT_E_CRASHED ||
			    rd(c, EGRET_REG_BOOT_STATUS) == EGRET_BOOT_E_WATCHDOG);
		egret_mc_reset(c->mc, true);
	}
	boot(c);
}

/* ---- Determinism -------------------------------------------------------- */

/* A day in the life, folded into one number. */
static void scenario(uint8_t digest[32])
{
	static const uint64_t watched[] = {
		EGRET_REG_BOOT_STATUS, EGRET_REG_FW_HEARTBEAT, EGRET_REG_TEMPERATURE,
		EGRET_REG_POWER_DRAW, EGRET_REG_ENERGY, EGRET_REG_PSTATE, EGRET_REG_THROTTLE,
		EGRET_REG_MBX_D2H_CTRL,
	};
	crypto_hash_sha256_state hash;
	struct chip c;
	union egret_mbx_message m;
	unsigned int i, j;

	random_state = 4;
	crypto_hash_sha256_init(&hash);
	chip_create(&c, false);
	boot(&c);
	for (i = 0; i < 2000; i++) {
		c.busy = random32() % 4;
		c.counters.cycles += random32();
		c.counters.macs += (uint64_t)random32() * 1024;
		if (i % 100 == 0)
			egret_mc_inject(c.mc, EGRET_INJECT_LOAD, random32() % 60000);
		if (i % 500 == 499) {
			egret_mc_inject(c.mc, EGRET_INJECT_FW_HANG, 0);
			advance(&c, 3 * SECOND);
			boot(&c);
		}
		if (i % 37 == 0)
			send_plain(&c, EGRET_MBX_GET_SENSORS, &m);
		advance(&c, random32() % (50 * MS));
		for (j = 0; j < sizeof(watched) / sizeof(watched[0]); j++) {
			uint64_t v = rd(&c, watched[j]);

			crypto_hash_sha256_update(&hash, (const uint8_t *)&v, sizeof(v));
		}
	}
	chip_destroy(&c);
	crypto_hash_sha256_final(&hash, digest);
}

static void test_deterministic(void **state)
{
	uint8_t a[32], b[32];

	(void)state;
	scenario(a);
	scenario(b);
	assert_memory_equal(a, b, sizeof(a));
}

/* ---- With its own thread ------------------------------------------------ */

static bool wait_status(struct chip *c, enum egret_boot_status status)
{
	uint64_t end = host_ns() + 20 * SECOND;

	while (rd(c, EGRET_REG_BOOT_STATUS) != status) {
		if (host_ns() > end)
			return false;
		usleep(500);
	}
	return true;
}

static void start_threaded(struct chip *c)
{
	put_good_image(c);
	wr(c, EGRET_REG_BOOT_ADDR, IMAGE_AT);
	wr(c, EGRET_REG_BOOT_SIZE, good_size);
	wr(c, EGRET_REG_BOOT_CTRL, EGRET_BOOT_START);
}

/* Says HELLO; returns how long the answer took. */
static uint64_t hello_threaded(struct chip *c)
{
	union egret_mbx_message m = message(EGRET_MBX_HELLO, sizeof(m.header)), r;
	uint64_t begin = host_ns();

	put_message(c, &m);
	while (!get_message(c, &r)) {
		assert_true(host_ns() < begin + 20 * SECOND);
		usleep(100);
	}
	assert_int_equal(r.header.type, EGRET_MBX_HELLO | EGRET_MBX_REPLY);
	assert_int_equal(r.header.status, EGRET_MBX_OK);
	return host_ns() - begin;
}

/* Whether a message wakes the controller, which at its next tick would come to it anyway. */
static bool answers_at_once(struct chip *c)
{
	unsigned int i, quick = 0;

	for (i = 0; i < 20; i++) {
		usleep(1000 * (random32() % 50));
		quick += hello_threaded(c) < 10 * MS;
	}
	return quick >= 10;
}

static void test_thread(void **state)
{
	struct chip *c = *state;
	struct timespec begin, end;
	uint64_t beats, used;

	start_threaded(c);
	assert_true(wait_status(c, EGRET_BOOT_READY));
	hello_threaded(c);
	/* The host may be busy: a second try, and a third. */
	assert_true(answers_at_once(c) || answers_at_once(c) || answers_at_once(c));
	/* It sleeps between its ticks: a second of idling takes next to no processor time. */
	usleep(300000);
	beats = rd(c, EGRET_REG_FW_HEARTBEAT);
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &begin);
	usleep(1000000);
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &end);
	used = (uint64_t)(end.tv_sec - begin.tv_sec) * SECOND + (uint64_t)end.tv_nsec -
	       (uint64_t)begin.tv_nsec;
	assert_true(rd(c, EGRET_REG_FW_HEARTBEAT) > beats);
	assert_true(used < 150 * MS);
}

static void test_thread_resets(void **state)
{
	struct chip *c = *state;
	unsigned int i;

	random_state = 5;
	for (i = 0; i < 200; i++) {
		start_threaded(c);
		usleep(random32() % 2000);
		if (i % 3 == 0)
			wr(c, EGRET_REG_BOOT_CTRL, EGRET_BOOT_STOP);
		if (i % 5 == 0)
			egret_mc_inject(c->mc, EGRET_INJECT_FW_CRASH, 0);
		c->busy = !c->busy;
		egret_mc_work(c->mc);
		egret_mc_reset(c->mc, i % 2);
		assert_int_equal(rd(c, EGRET_REG_BOOT_STATUS), EGRET_BOOT_IDLE);
	}
	start_threaded(c);
	assert_true(wait_status(c, EGRET_BOOT_READY));
	/* Destroyed while it runs. */
}

/* ---- The whole ---------------------------------------------------------- */

static void read_seed(void)
{
	uint8_t seed[crypto_sign_SEEDBYTES], public[crypto_sign_PUBLICKEYBYTES];
	char line[256];
	FILE *f = fopen(KEY_FILE, "r");
	size_t length = 0;

	if (!f) {
		perror(KEY_FILE);
		exit(1);
	}
	while (fgets(line, sizeof(line), f))
		if (*line != '#')
			sodium_hex2bin(seed, sizeof(seed), line, strlen(line), "\n", &length, NULL);
	fclose(f);
	if (length != sizeof(seed)) {
		fprintf(stderr, "%s: no key\n", KEY_FILE);
		exit(1);
	}
	crypto_sign_seed_keypair(public, secret_key, seed);
}

static void read_image(void)
{
	FILE *f = fopen(IMAGE_FILE, "rb");

	good_image = malloc(IMAGE_MAX);
	if (!f || !good_image) {
		perror(IMAGE_FILE);
		exit(1);
	}
	good_size = fread(good_image, 1, IMAGE_MAX, f);
	fclose(f);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
#define TEST_THREADED(name) cmocka_unit_test_setup_teardown(name, setup_threaded, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_power_on),
		TEST(test_boot),
		TEST(test_refusals),
		TEST(test_refuse_address),
		TEST(test_refuse_length),
		TEST(test_refuse_payload),
		TEST(test_refuse_foreign_key),
		TEST(test_refuse_every_bit),
		TEST(test_refusal_order),
		TEST(test_stop_and_restart),
		TEST(test_reset),
		TEST(test_hello),
		TEST(test_sensors),
		TEST(test_malformed),
		TEST(test_set_pstate),
		TEST(test_set_power_cap),
		TEST(test_read_log),
		TEST(test_backpressure),
		TEST(test_prepare_sleep),
		TEST(test_governor),
		TEST(test_energy),
		TEST(test_power_window),
		TEST(test_power_cap),
		TEST(test_thermal_model),
		TEST(test_throttle),
		TEST(test_critical),
		TEST(test_trip),
		TEST(test_ecc),
		TEST(test_hang),
		TEST(test_crash),
		TEST(test_watchdog),
		TEST(test_late_host),
		TEST(test_traps),
		TEST(test_window),
		TEST(test_private_registers),
		TEST(test_private_effects),
		TEST(test_sleepless),
		TEST(test_changed_code),
		TEST(test_stop_is_immediate),
		TEST(test_message_storm),
		TEST(test_register_storm),
		TEST(test_code_storm),
		cmocka_unit_test(test_deterministic),
		TEST_THREADED(test_thread),
		TEST_THREADED(test_thread_resets),
	};
	int r;

	if (sodium_init() < 0)
		return 1;
	read_seed();
	read_image();
	r = cmocka_run_group_tests_name("mc", tests, NULL, NULL);
	free(good_image);
	return r;
}
