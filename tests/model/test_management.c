// SPDX-License-Identifier: MIT
/* Copyright (C) 2026 The Egret authors */
/*
 * Tests of the management controller in its chip: what it and the other units do to
 * each other. What it does by itself is in test_mc.c.
 */
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <egret/firmware.h>

#include "chip.h"

#define IMAGE_FILE "build/firmware/egret/egret-1.fw"
#define IMAGE_AT 0x300000

static uint8_t image[1 << 19];
static uint32_t image_size;

static int setup(void **state)
{
	*state = chip_new();
	return 0;
}

static int teardown(void **state)
{
	chip_free(*state);
	return 0;
}

static void start(struct chip *c)
{
	memcpy(c->vram + IMAGE_AT, image, image_size);
	wr64(c, EGRET_REG_BOOT_ADDR, IMAGE_AT);
	wr32(c, EGRET_REG_BOOT_SIZE, image_size);
	wr32(c, EGRET_REG_BOOT_CTRL, EGRET_BOOT_START);
}

static void boot(struct chip *c)
{
	start(c);
	chip_until(rd32(c, EGRET_REG_BOOT_STATUS) == EGRET_BOOT_READY);
}

static void fill_works(struct chip *c, unsigned int queue)
{
	struct chip_buffer *b = chip_buffer(c, 1, CHIP_VRAM, 64 * KIB);
	struct chip_queue q = chip_queue(c, queue, 1, 0);

	assert_int_equal(chip_run(&q, pkt_fill(b->va, b->size, 0x11, 1)), EGRET_Q_STATE_IDLE);
	assert_int_equal(*chip_word(b, b->size - 8), 0x1111111111111111);
	chip_ctrl(&q, EGRET_Q_CTRL_KILL);
	chip_queue_free(&q);
	free(b);
}

static void test_identity(void **state)
{
	struct chip *c = *state;

	assert_true(rd32(c, EGRET_REG_FEATURES) & EGRET_FEATURE_MANAGEMENT);
	assert_int_equal(rd32(c, EGRET_REG_CORE_CLOCK), 1500000);
	assert_int_equal(rd32(c, EGRET_REG_STATE), EGRET_STATE_READY);
	assert_int_equal(rd32(c, EGRET_REG_BOOT_STATUS), EGRET_BOOT_IDLE);
	/* Wide registers by halves. */
	wr32(c, EGRET_REG_BOOT_ADDR, 0x89abcdef);
	wr32(c, EGRET_REG_BOOT_ADDR + 4, 0x01234567);
	assert_true(rd64(c, EGRET_REG_BOOT_ADDR) == 0x0123456789abcdef);
	assert_int_equal(rd32(c, EGRET_REG_BOOT_ADDR), 0x89abcdef);
	assert_int_equal(rd32(c, EGRET_REG_BOOT_ADDR + 4), 0x01234567);
	fill_works(c, 0);
}

static void test_mailbox_interrupt(void **state)
{
	struct chip *c = *state;
	struct egret_mbx_header h = {
		.type = EGRET_MBX_HELLO, .size = sizeof(h), .abi_major = EGRET_FW_ABI_MAJOR,
		.sequence = 4711,
	};
	uint32_t words[4], i;

	boot(c);
	assert_int_equal(rd32(c, EGRET_REG_STATE), EGRET_STATE_READY | EGRET_STATE_FIRMWARE);
	wr32(c, EGRET_REG_IRQ_ENABLE, EGRET_IRQ_MAILBOX);
	memcpy(words, &h, sizeof(words));
	for (i = 0; i < 4; i++)
		wr32(c, EGRET_REG_MBX_H2D_DATA(i), words[i]);
	wr32(c, EGRET_REG_MBX_H2D_CTRL, EGRET_MBX_FULL);
	chip_until(c->interrupts[EGRET_VECTOR_MANAGEMENT]);
	assert_int_equal(rd32(c, EGRET_REG_IRQ_STATUS), EGRET_IRQ_MAILBOX);
	assert_int_equal(rd32(c, EGRET_REG_MBX_D2H_CTRL), EGRET_MBX_FULL);
	for (i = 0; i < 4; i++)
		words[i] = rd32(c, EGRET_REG_MBX_D2H_DATA(i));
	memcpy(&h, words, sizeof(h));
	assert_int_equal(h.type, EGRET_MBX_HELLO | EGRET_MBX_REPLY);
	assert_int_equal(h.sequence, 4711);
	assert_int_equal(h.status, EGRET_MBX_OK);
	assert_int_equal(rd32(c, EGRET_REG_MBX_D2H_DATA(4)), rd32(c, EGRET_REG_FW_VERSION));
	wr32(c, EGRET_REG_MBX_D2H_CTRL, EGRET_MBX_FULL);
	assert_int_equal(rd32(c, EGRET_REG_MBX_D2H_CTRL), 0);
}

/* Idle means slow; work means fast, and telemetry tells it. */
static void test_work_sets_the_clock(void **state)
{
	struct chip *c = *state;
	struct chip_buffer *b = chip_buffer(c, 1, CHIP_VRAM, 4 * MIB);
	struct chip_queue q = chip_queue(c, 3, 1, 0);
	unsigned int round;

	boot(c);
	for (round = 0; round < 2; round++) {
		chip_until(rd32(c, EGRET_REG_CORE_CLOCK) == 500000);
		assert_int_equal(rd32(c, EGRET_REG_PSTATE), 3);
		chip_until(rd32(c, EGRET_REG_THROTTLE) == EGRET_THROTTLE_IDLE);
		chip_until(chip_run(&q, pkt_fill(b->va, b->size, 0, 8)) == EGRET_Q_STATE_IDLE &&
			   rd32(c, EGRET_REG_CORE_CLOCK) == 1500000);
		assert_int_equal(rd32(c, EGRET_REG_VOLTAGE), 900);
		chip_until(rd32(c, EGRET_REG_POWER_DRAW) > 3000);
	}
	assert_in_range(rd32(c, EGRET_REG_TEMPERATURE), 30000, 80000);
	chip_queue_free(&q);
	free(b);
}

static void test_resets(void **state)
{
	struct chip *c = *state;
	uint32_t beats;

	boot(c);
	wr32(c, EGRET_REG_RESET, EGRET_RESET_ENGINES);
	chip_until(rd32(c, EGRET_REG_STATE) & EGRET_STATE_READY);
	assert_int_equal(rd32(c, EGRET_REG_BOOT_STATUS), EGRET_BOOT_READY);
	beats = rd32(c, EGRET_REG_FW_HEARTBEAT);
	chip_until(rd32(c, EGRET_REG_FW_HEARTBEAT) > beats);

	wr32(c, EGRET_REG_RESET, EGRET_RESET_CHIP);
	chip_until(rd32(c, EGRET_REG_STATE) & EGRET_STATE_READY);
	assert_int_equal(rd32(c, EGRET_REG_BOOT_STATUS), EGRET_BOOT_IDLE);
	assert_int_equal(rd32(c, EGRET_REG_STATE) & EGRET_STATE_FIRMWARE, 0);
	assert_int_equal(rd32(c, EGRET_REG_CORE_CLOCK), 1500000);
	boot(c);

	egret_model_reset(c->m, EGRET_MODEL_RESET_FUNCTION);
	assert_int_equal(rd32(c, EGRET_REG_BOOT_STATUS), EGRET_BOOT_IDLE);
	boot(c);
	egret_model_reset(c->m, EGRET_MODEL_RESET_COLD);
	assert_int_equal(rd32(c, EGRET_REG_BOOT_STATUS), EGRET_BOOT_IDLE);
	boot(c);
	/* Time began again, and the controller goes with it. */
	beats = rd32(c, EGRET_REG_FW_HEARTBEAT);
	chip_until(rd32(c, EGRET_REG_FW_HEARTBEAT) > beats + 3);
}

/* A reset of the engines, in which registers read as zero, does not disturb the meter. */
static void test_reset_keeps_the_meter(void **state)
{
	struct chip *c = *state;
	struct chip_buffer *b = chip_buffer(c, 1, CHIP_VRAM, 8 * MIB);
	struct chip_queue q = chip_queue(c, 3, 1, 0);
	uint64_t energy, begin, allowed;
	unsigned int i;

	/* At 30 pJ for each byte, this is 0.25 mJ a time. */
	for (i = 0; i < 40; i++)
		chip_run(&q, pkt_fill(b->va, b->size, 0, 8));
	boot(c);
	begin = chip_now();
	energy = rd64(c, EGRET_REG_ENERGY);
	for (i = 0; i < 50; i++) {
		wr32(c, EGRET_REG_RESET, EGRET_RESET_ENGINES);
		rd64(c, EGRET_REG_ENERGY);
		chip_until(rd32(c, EGRET_REG_STATE) & EGRET_STATE_READY);
	}
	energy = rd64(c, EGRET_REG_ENERGY) - energy;
	/* No more than static power for that time, in uJ. */
	allowed = (chip_now() - begin) / 1000 * 6001 / 1000 + 10;
	if (energy > allowed)
		fail_msg("%llu uJ, at most %llu are possible", (unsigned long long)energy,
			 (unsigned long long)allowed);
	chip_queue_free(&q);
	free(b);
}

static void test_lost_firmware(void **state)
{
	struct chip *c = *state;
	unsigned int before;

	boot(c);
	wr32(c, EGRET_REG_IRQ_ENABLE, EGRET_IRQ_FIRMWARE_STOP);
	before = c->interrupts[EGRET_VECTOR_MANAGEMENT];
	assert_int_equal(egret_model_inject(c->m, EGRET_INJECT_FW_CRASH, 0), 0);
	chip_until(c->interrupts[EGRET_VECTOR_MANAGEMENT] > before);
	assert_true(rd32(c, EGRET_REG_IRQ_STATUS) & EGRET_IRQ_FIRMWARE_STOP);
	assert_int_equal(rd32(c, EGRET_REG_BOOT_STATUS), EGRET_BOOT_E_CRASHED);
	assert_int_equal(rd32(c, EGRET_REG_CORE_CLOCK), 900000);
	/* The chip computes on. */
	fill_works(c, 0);
	wr32(c, EGRET_REG_IRQ_STATUS, EGRET_IRQ_FIRMWARE_STOP);
	boot(c);
	assert_int_equal(egret_model_inject(c->m, EGRET_INJECT_FW_HANG, 0), 0);
	chip_until(rd32(c, EGRET_REG_BOOT_STATUS) == EGRET_BOOT_E_WATCHDOG);
	assert_true(rd32(c, EGRET_REG_IRQ_STATUS) & EGRET_IRQ_FIRMWARE_STOP);
	fill_works(c, 1);
	boot(c);
}

static void enable(struct chip *c, unsigned int queue)
{
	wr64(c, EGRET_REG_QUEUE(queue, EGRET_Q_RING), CHIP_VA);
	wr32(c, EGRET_REG_QUEUE(queue, EGRET_Q_RING_SIZE), EGRET_Q_RING_SIZE_MIN);
	wr32(c, EGRET_REG_QUEUE(queue, EGRET_Q_CONFIG), EGRET_VECTOR_QUEUE_FIRST << 24 | 1);
	wr32(c, EGRET_REG_QUEUE(queue, EGRET_Q_CTRL), EGRET_Q_CTRL_ENABLE);
}

static void test_thermal_stop(void **state)
{
	struct chip *c = *state;

	enable(c, 5);
	assert_int_equal(rd32(c, EGRET_REG_QUEUE(5, EGRET_Q_STATUS)), EGRET_Q_STATE_IDLE);
	/* Hot within a second of real time. */
	assert_int_equal(egret_model_inject(c->m, EGRET_INJECT_HEAT, 1000000), 0);
	chip_until(rd32(c, EGRET_REG_STATE) & EGRET_STATE_THERMAL_STOP);
	chip_until(rd32(c, EGRET_REG_IRQ_STATUS) & EGRET_IRQ_THERMAL);
	chip_until(rd32(c, EGRET_REG_QUEUE(5, EGRET_Q_STATUS)) == EGRET_Q_STATE_DISABLED);
	enable(c, 6);
	assert_int_equal(rd32(c, EGRET_REG_QUEUE(6, EGRET_Q_STATUS)), EGRET_Q_STATE_DISABLED);
	assert_int_equal(egret_model_inject(c->m, EGRET_INJECT_HEAT, 0), 0);
	egret_model_reset(c->m, EGRET_MODEL_RESET_FUNCTION);
	assert_true(rd32(c, EGRET_REG_STATE) & EGRET_STATE_THERMAL_STOP);
	enable(c, 6);
	assert_int_equal(rd32(c, EGRET_REG_QUEUE(6, EGRET_Q_STATUS)), EGRET_Q_STATE_DISABLED);
	egret_model_reset(c->m, EGRET_MODEL_RESET_COLD);
	assert_int_equal(rd32(c, EGRET_REG_STATE) & EGRET_STATE_THERMAL_STOP, 0);
	enable(c, 6);
	assert_int_equal(rd32(c, EGRET_REG_QUEUE(6, EGRET_Q_STATUS)), EGRET_Q_STATE_IDLE);
}

static void test_ecc(void **state)
{
	struct chip *c = *state;

	wr32(c, EGRET_REG_IRQ_ENABLE, EGRET_IRQ_ECC_CORRECTED | EGRET_IRQ_ECC_UNCORRECTED);
	assert_int_equal(egret_model_inject(c->m, EGRET_INJECT_ECC_CORRECTED, 0x1000), 0);
	assert_int_equal(egret_model_inject(c->m, EGRET_INJECT_ECC_UNCORRECTED, 0x2345), 0);
	chip_until(rd32(c, EGRET_REG_IRQ_STATUS) ==
		   (EGRET_IRQ_ECC_CORRECTED | EGRET_IRQ_ECC_UNCORRECTED));
	assert_true(c->interrupts[EGRET_VECTOR_MANAGEMENT]);
	assert_true(rd64(c, EGRET_REG_ECC_CORRECTED) == 1);
	assert_true(rd64(c, EGRET_REG_ECC_UNCORRECTED) == 1);
	assert_true(rd64(c, EGRET_REG_ECC_ADDR) == 0x2345);
	assert_int_equal(egret_model_inject(c->m, EGRET_INJECT_ECC_CORRECTED, CHIP_VRAM_SIZE),
			 -EINVAL);
	assert_int_equal(egret_model_inject(c->m, EGRET_INJECT_AMBIENT, 150001), -EINVAL);
}

/* A queue that meets a spoilt page has a fault; nobody else has. */
static void test_ecc_fault(void **state)
{
	struct chip *c = *state;
	struct chip_buffer *b = chip_buffer(c, 1, CHIP_VRAM, 64 * KIB);
	struct chip_buffer *other = chip_buffer(c, 1, CHIP_VRAM, 64 * KIB);
	struct chip_queue q = chip_queue(c, 3, 1, 0), p = chip_queue(c, 4, 1, 0);
	unsigned int i;

	/* It works, and the units have the page in their TLBs. */
	assert_int_equal(chip_run(&q, pkt_copy(b->va, other->va, b->size)), EGRET_Q_STATE_IDLE);
	assert_int_equal(egret_model_inject(c->m, EGRET_INJECT_ECC_UNCORRECTED, b->addr + 0x5678),
			 0);
	assert_int_equal(chip_run(&q, pkt_copy(b->va, other->va, b->size)), EGRET_Q_STATE_FAULTED);
	assert_int_equal(q32(&q, EGRET_Q_FAULT_CODE), EGRET_FAULT_ECC);
	assert_true(q64(&q, EGRET_Q_FAULT_ADDR) == b->va + 0x5000);
	assert_int_equal(chip_run(&p, pkt_copy(b->va, other->va, 0x5000)), EGRET_Q_STATE_IDLE);
	assert_int_equal(chip_run(&p, pkt_copy(b->va + 0x6000, other->va, 0x5000)),
			 EGRET_Q_STATE_IDLE);
	/* Writing is no way out: the cells are broken. */
	assert_int_equal(chip_run(&p, pkt_fill(b->va + 0x5000, 8, 0, 8)), EGRET_Q_STATE_FAULTED);
	assert_int_equal(q32(&p, EGRET_Q_FAULT_CODE), EGRET_FAULT_ECC);
	/* The same error again is no new page; there is room for 16. */
	for (i = 0; i < 16; i++)
		assert_int_equal(egret_model_inject(c->m, EGRET_INJECT_ECC_UNCORRECTED,
						    b->addr + 0x5000 + (i / 2) * 0x1000), 0);
	for (i = 8; i < 16; i++)
		assert_int_equal(egret_model_inject(c->m, EGRET_INJECT_ECC_UNCORRECTED,
						    i * 0x100000), 0);
	assert_int_equal(egret_model_inject(c->m, EGRET_INJECT_ECC_UNCORRECTED, 0x200000), -ENOSPC);
	egret_model_reset(c->m, EGRET_MODEL_RESET_COLD);
	assert_true(rd64(c, EGRET_REG_ECC_UNCORRECTED) == 0);
	assert_int_equal(egret_model_inject(c->m, EGRET_INJECT_ECC_UNCORRECTED, 0x200000), 0);
	chip_queue_free(&q);
	chip_queue_free(&p);
	free(b);
	free(other);
}

/* In a large page only the 4 KiB with the error are lost; nor is a table there readable. */
static void test_ecc_large_page(void **state)
{
	struct chip *c = *state;
	struct chip_queue q = chip_queue(c, 3, 1, 0), p = chip_queue(c, 4, 1, 0);
	uint64_t at = chip_alloc(c, CHIP_VRAM, 2 * MIB, 2 * MIB), va = CHIP_VA + 0x40000000;

	chip_map_large(c, 1, va, at, 2 * MIB, CHIP_RW);
	chip_invalidate(c, 1, va, 2 * MIB);
	assert_int_equal(chip_run(&q, pkt_fill(va, 2 * MIB, 0x5a, 1)), EGRET_Q_STATE_IDLE);
	assert_int_equal(egret_model_inject(c->m, EGRET_INJECT_ECC_UNCORRECTED, at + MIB), 0);
	assert_int_equal(chip_run(&q, pkt_fill(va, MIB, 0xa5, 1)), EGRET_Q_STATE_IDLE);
	assert_int_equal(chip_run(&q, pkt_fill(va + MIB + 4096, MIB - 4096, 0xa5, 1)),
			 EGRET_Q_STATE_IDLE);
	assert_int_equal(c->vram[at + MIB - 1], 0xa5);
	assert_int_equal(c->vram[at + MIB], 0x5a);
	assert_int_equal(c->vram[at + MIB + 4096], 0xa5);
	assert_int_equal(chip_run(&q, pkt_fill(va, 2 * MIB, 1, 1)), EGRET_Q_STATE_FAULTED);
	assert_int_equal(q32(&q, EGRET_Q_FAULT_CODE), EGRET_FAULT_ECC);
	assert_true(q64(&q, EGRET_Q_FAULT_ADDR) == va + MIB);
	/* The root table itself. */
	assert_int_equal(egret_model_inject(c->m, EGRET_INJECT_ECC_UNCORRECTED,
					    c->root[1] & EGRET_PTE_ADDR_MASK), 0);
	assert_int_equal(chip_run(&p, pkt_fill(va, 8, 1, 1)), EGRET_Q_STATE_FAULTED);
	assert_int_equal(q32(&p, EGRET_Q_FAULT_CODE), EGRET_FAULT_ECC);
	chip_queue_free(&q);
	chip_queue_free(&p);
}

/*
 * The host changes the image while it is verified: what runs is what was signed, or
 * nothing. The race is what is tested, so that this is not for the thread sanitizer.
 */
#ifndef __SANITIZE_THREAD__

static atomic_bool tampering;

static void *tamper(void *arg)
{
	struct chip *c = arg;
	_Atomic uint8_t *byte = (_Atomic uint8_t *)(c->vram + IMAGE_AT + image_size - 100);

	while (tampering)
		atomic_fetch_xor(byte, 1);
	return NULL;
}

static void test_tampering(void **state)
{
	struct chip *c = *state;
	unsigned int i, good = 0, bad = 0;

	for (i = 0; i < 60; i++) {
		pthread_t thread;
		uint32_t status;

		memcpy(c->vram + IMAGE_AT, image, image_size);
		tampering = true;
		assert_int_equal(pthread_create(&thread, NULL, tamper, c), 0);
		wr64(c, EGRET_REG_BOOT_ADDR, IMAGE_AT);
		wr32(c, EGRET_REG_BOOT_SIZE, image_size);
		wr32(c, EGRET_REG_BOOT_CTRL, EGRET_BOOT_START);
		chip_until((status = rd32(c, EGRET_REG_BOOT_STATUS)) == EGRET_BOOT_READY ||
			   status == EGRET_BOOT_E_DIGEST);
		good += status == EGRET_BOOT_READY;
		bad += status == EGRET_BOOT_E_DIGEST;
		tampering = false;
		pthread_join(thread, NULL);
	}
	assert_int_equal(good + bad, 60);
}

#endif

static void read_image(void)
{
	FILE *f = fopen(IMAGE_FILE, "rb");

	if (!f) {
		perror(IMAGE_FILE);
		exit(1);
	}
	image_size = (uint32_t)fread(image, 1, sizeof(image), f);
	fclose(f);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_identity),
		TEST(test_mailbox_interrupt),
		TEST(test_work_sets_the_clock),
		TEST(test_resets),
		TEST(test_reset_keeps_the_meter),
		TEST(test_lost_firmware),
		TEST(test_thermal_stop),
		TEST(test_ecc),
		TEST(test_ecc_fault),
		TEST(test_ecc_large_page),
#ifndef __SANITIZE_THREAD__
		TEST(test_tampering),
#endif
	};

	read_image();
	return cmocka_run_group_tests_name("management", tests, NULL, NULL);
}
