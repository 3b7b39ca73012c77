// SPDX-License-Identifier: MIT
// Copyright (C) 2026 The Egret authors
/* Memory of other drivers, for which udmabuf stands: it makes dma-bufs of a memfd's pages. */
#define _GNU_SOURCE
#include "../device.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/udmabuf.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#define PAGES	600

/* Pages of a memfd as a dma-buf, mapped at @map. */
static int make_dma_buf(unsigned char **map)
{
	struct udmabuf_create args = { .flags = UDMABUF_FLAGS_CLOEXEC, .size = PAGES * 4096 };
	int udmabuf = open("/dev/udmabuf", O_RDWR | O_CLOEXEC), fd;

	assert_true(udmabuf >= 0);
	args.memfd = memfd_create("test", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	assert_int_equal(ftruncate(args.memfd, args.size), 0);
	assert_int_equal(fcntl(args.memfd, F_ADD_SEALS, F_SEAL_SHRINK), 0);
	*map = mmap(NULL, args.size, PROT_READ | PROT_WRITE, MAP_SHARED, args.memfd, 0);
	assert_ptr_not_equal(*map, MAP_FAILED);
	fd = ioctl(udmabuf, UDMABUF_CREATE, &args);
	assert_true(fd >= 0);
	close(args.memfd);
	close(udmabuf);
	return fd;
}

/* The card works on the pages, through streams and mappings. */
static void test_import(void **state)
{
	struct fixture *f = *state;
	struct accel_buffer *ours, *again, *copy = make_buffer(f, PAGES * 4096, ACCEL_MEMORY_DEVICE);
	unsigned char *pages, *mapped, back[4096];
	int fd = make_dma_buf(&pages);

	for (size_t i = 0; i < PAGES; i++)
		memset(pages + i * 4096, (int)(i % 251), 4096);
	good(accel_buffer_import(f->context, fd, "theirs", &ours));
	assert_int_equal(accel_buffer_size(ours), PAGES * 4096);
	/* What the card reads of them. */
	good(accel_copy(f->stream, copy, 0, ours, 0, PAGES * 4096, 0));
	good(accel_stream_wait(f->stream, SOON));
	for (size_t i = 0; i < PAGES; i += 37) {
		good(accel_download(f->stream, copy, i * 4096, back, sizeof(back)));
		assert_int_equal(back[0], i % 251);
		assert_int_equal(back[4095], i % 251);
	}
	/* What it writes there. */
	good(accel_fill(f->stream, ours, 4096 - 16, 32, 0xa5, 1, 0));
	good(accel_stream_wait(f->stream, SOON));
	assert_int_equal(pages[4096 - 17], 0);
	assert_int_equal(pages[4096 - 16], 0xa5);
	assert_int_equal(pages[4096 + 15], 0xa5);
	assert_int_equal(pages[4096 + 16], 1);
	/* The same memory through the library. */
	good(accel_buffer_map(ours, (void **)&mapped));
	assert_ptr_not_equal(mapped, pages);
	mapped[5] = 0x77;
	assert_int_equal(pages[5], 0x77);
	/* Twice is twice the same; it can be passed on; it lives without the descriptor. */
	good(accel_buffer_import(f->context, fd, NULL, &again));
	close(fd);
	fd = accel_buffer_export(again);
	assert_true(fd >= 0);
	accel_buffer_destroy(ours);
	good(accel_fill(f->stream, again, 0, PAGES * 4096, 0x3c, 1, 0));
	good(accel_stream_wait(f->stream, SOON));
	accel_buffer_destroy(again);
	close(fd);
	for (size_t i = 0; i < PAGES * 4096; i++)
		assert_int_equal(pages[i], 0x3c);
	munmap(pages, PAGES * 4096);
	accel_buffer_destroy(copy);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		device_test(test_import),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("foreign", tests, choose_device, NULL);
}
