// SPDX-License-Identifier: GPL-2.0-only
// Copyright (C) 2026 The Egret authors
/* KUnit tests of firmware images' headers, and of what firmware says of itself. */
#include <kunit/test.h>

#include "../egret_fw_format.c"

/* ---- images ------------------------------------------------------------------------- */

static const struct egret_fw_header good_header = {
	.magic = cpu_to_le32(EGRET_FW_MAGIC),
	.header_version = cpu_to_le16(EGRET_FW_HEADER_VERSION),
	.header_size = cpu_to_le16(sizeof(struct egret_fw_header)),
	.fw_version = cpu_to_le32(2 << 24 | 17 << 16 | 300),
	.abi_major = cpu_to_le16(EGRET_FW_ABI_MAJOR),
	.abi_minor = cpu_to_le16(EGRET_FW_ABI_MINOR),
};

static int check(const struct egret_fw_header *header, struct egret_fw_image *image)
{
	/* What was there before must not be taken for an answer. */
	memset(image, 0xff, sizeof(*image));
	return egret_fw_check_image(header, sizeof(*header), image);
}

static void expect_unknown(struct kunit *test, const struct egret_fw_image *image)
{
	KUNIT_EXPECT_EQ(test, image->version, 0);
	KUNIT_EXPECT_EQ(test, image->abi_major, 0);
	KUNIT_EXPECT_EQ(test, image->abi_minor, 0);
}

static void fw_test_good(struct kunit *test)
{
	struct egret_fw_image image;

	KUNIT_EXPECT_EQ(test, check(&good_header, &image), 0);
	KUNIT_EXPECT_EQ(test, image.version, 2 << 24 | 17 << 16 | 300);
	KUNIT_EXPECT_EQ(test, image.abi_major, EGRET_FW_ABI_MAJOR);
	KUNIT_EXPECT_EQ(test, image.abi_minor, EGRET_FW_ABI_MINOR);
}

/* Any minor version goes with any, any major one only with its own. */
static void fw_test_protocol(struct kunit *test)
{
	static const u16 majors[] = { 0, EGRET_FW_ABI_MAJOR - 1, EGRET_FW_ABI_MAJOR + 1,
				      EGRET_FW_ABI_MAJOR << 8, U16_MAX };
	static const u16 minors[] = { 0, EGRET_FW_ABI_MINOR + 1, U16_MAX };
	struct egret_fw_header header = good_header;
	struct egret_fw_image image;
	u32 i;

	for (i = 0; i < ARRAY_SIZE(minors); i++) {
		header.abi_minor = cpu_to_le16(minors[i]);
		KUNIT_EXPECT_EQ(test, check(&header, &image), 0);
		KUNIT_EXPECT_EQ(test, image.abi_minor, minors[i]);
	}
	for (i = 0; i < ARRAY_SIZE(majors); i++) {
		header.abi_major = cpu_to_le16(majors[i]);
		KUNIT_EXPECT_EQ(test, check(&header, &image), -EPROTO);
		KUNIT_EXPECT_EQ(test, image.abi_major, majors[i]);
		KUNIT_EXPECT_EQ(test, image.version, le32_to_cpu(good_header.fw_version));
	}
}

/* Sizes that no image has; nothing behind the size is read. */
static void fw_test_size(struct kunit *test)
{
	const size_t max = EGRET_MC_SRAM_SIZE + sizeof(struct egret_fw_header);
	struct egret_fw_image image;
	u8 *one = kunit_kzalloc(test, 1, GFP_KERNEL);
	size_t size;

	KUNIT_ASSERT_NOT_NULL(test, one);
	KUNIT_EXPECT_EQ(test, egret_fw_check_image(one, 0, &image), -EMSGSIZE);
	KUNIT_EXPECT_EQ(test, egret_fw_check_image(one, max + 1, &image), -EMSGSIZE);
	KUNIT_EXPECT_EQ(test, egret_fw_check_image(one, SIZE_MAX, &image), -EMSGSIZE);
	KUNIT_EXPECT_EQ(test, egret_fw_check_image(one, 1, &image), 0);
	expect_unknown(test, &image);

	/* Truncated headers, each in memory of just that size: KASAN watches its end. */
	for (size = 1; size < sizeof(good_header); size++) {
		void *part = kunit_kmalloc(test, size, GFP_KERNEL);

		KUNIT_ASSERT_NOT_NULL(test, part);
		memcpy(part, &good_header, size);
		KUNIT_EXPECT_EQ(test, egret_fw_check_image(part, size, &image), 0);
		expect_unknown(test, &image);
		kunit_kfree(test, part);
	}
}

/* What another kind of header means by these fields is not known. */
static void fw_test_other_headers(struct kunit *test)
{
	struct egret_fw_header header = good_header;
	struct egret_fw_image image;

	header.abi_major = cpu_to_le16(EGRET_FW_ABI_MAJOR + 1);
	header.magic = cpu_to_le32(EGRET_FW_MAGIC ^ 1);
	KUNIT_EXPECT_EQ(test, check(&header, &image), 0);
	expect_unknown(test, &image);

	header.magic = good_header.magic;
	header.header_version = cpu_to_le16(EGRET_FW_HEADER_VERSION + 1);
	KUNIT_EXPECT_EQ(test, check(&header, &image), 0);
	expect_unknown(test, &image);
}

/* ---- versions and reasons ------------------------------------------------------------- */

static void fw_test_version(struct kunit *test)
{
	KUNIT_EXPECT_STREQ(test, egret_fw_version(0).text, "0.0.0");
	KUNIT_EXPECT_STREQ(test, egret_fw_version(1 << 24 | 2 << 16 | 3).text, "1.2.3");
	KUNIT_EXPECT_STREQ(test, egret_fw_version(U32_MAX).text, "255.255.65535");
}

static void fw_test_explain(struct kunit *test)
{
	const struct egret_fw_error *unknown = egret_fw_explain(EGRET_BOOT_E_ADDRESS - 1);
	u32 status, other;

	KUNIT_ASSERT_NOT_NULL(test, unknown->what);
	KUNIT_EXPECT_PTR_EQ(test, egret_fw_explain(0), unknown);
	KUNIT_EXPECT_PTR_EQ(test, egret_fw_explain(U32_MAX), unknown);
	KUNIT_EXPECT_PTR_EQ(test, egret_fw_explain(EGRET_BOOT_E_WATCHDOG + 1), unknown);
	/* Each status has its own words. */
	for (status = EGRET_BOOT_E_ADDRESS; status <= EGRET_BOOT_E_WATCHDOG; status++) {
		const struct egret_fw_error *error = egret_fw_explain(status);

		KUNIT_ASSERT_NOT_NULL(test, error->what);
		KUNIT_ASSERT_NOT_NULL(test, error->remedy);
		KUNIT_EXPECT_PTR_NE(test, error, unknown);
		for (other = EGRET_BOOT_E_ADDRESS; other < status; other++)
			KUNIT_EXPECT_STRNEQ(test, egret_fw_explain(other)->what, error->what);
	}
}

/* ---- limits --------------------------------------------------------------------------- */

static const struct egret_mbx_hello good_hello = {
	.power_cap_min = cpu_to_le32(100),
	.power_cap_max = cpu_to_le32(300),
	.power_cap_default = cpu_to_le32(200),
	.temp_throttle = cpu_to_le32((u32)-5),
	.temp_critical = cpu_to_le32(5),
	.clock_khz = { cpu_to_le32(4), cpu_to_le32(3), cpu_to_le32(2), cpu_to_le32(1) },
	.voltage_mv = { cpu_to_le32(14), cpu_to_le32(13), cpu_to_le32(12), cpu_to_le32(11) },
};

static int hello(const struct egret_mbx_hello *hello)
{
	struct egret_limits limits;

	return egret_fw_read_hello(hello, &limits);
}

static void fw_test_hello(struct kunit *test)
{
	struct egret_limits limits;
	u32 i;

	KUNIT_EXPECT_EQ(test, egret_fw_read_hello(&good_hello, &limits), 0);
	KUNIT_EXPECT_EQ(test, limits.power_cap_min, 100);
	KUNIT_EXPECT_EQ(test, limits.power_cap_max, 300);
	KUNIT_EXPECT_EQ(test, limits.power_cap_default, 200);
	KUNIT_EXPECT_EQ(test, limits.temp_throttle, -5);
	KUNIT_EXPECT_EQ(test, limits.temp_critical, 5);
	for (i = 0; i < EGRET_PSTATES; i++) {
		KUNIT_EXPECT_EQ(test, limits.clock_khz[i], 4 - i);
		KUNIT_EXPECT_EQ(test, limits.voltage_mv[i], 14 - i);
	}
}

static void fw_test_implausible(struct kunit *test)
{
	struct egret_mbx_hello h;
	u32 i;

#define EXPECT_REFUSED(field, value)					\
	do {								\
		h = good_hello;						\
		h.field = cpu_to_le32(value);				\
		KUNIT_EXPECT_EQ(test, hello(&h), -EPROTO);		\
	} while (0)

	EXPECT_REFUSED(power_cap_min, 0);
	EXPECT_REFUSED(power_cap_min, 201);
	EXPECT_REFUSED(power_cap_default, 99);
	EXPECT_REFUSED(power_cap_default, 301);
	EXPECT_REFUSED(power_cap_max, 199);
	EXPECT_REFUSED(temp_throttle, 5);
	EXPECT_REFUSED(temp_critical, (u32)-5);
	EXPECT_REFUSED(temp_critical, (u32)S32_MIN);
	for (i = 0; i < EGRET_PSTATES; i++)
		EXPECT_REFUSED(clock_khz[i], 0);
	for (i = 1; i < EGRET_PSTATES; i++) {
		EXPECT_REFUSED(clock_khz[i], le32_to_cpu(good_hello.clock_khz[i - 1]));
		EXPECT_REFUSED(clock_khz[i], U32_MAX);
	}
#undef EXPECT_REFUSED

	/* A card whose cap cannot be changed is none the worse for it. */
	h = good_hello;
	h.power_cap_min = h.power_cap_default;
	h.power_cap_max = h.power_cap_default;
	KUNIT_EXPECT_EQ(test, hello(&h), 0);
}

static struct kunit_case fw_test_cases[] = {
	KUNIT_CASE(fw_test_good),
	KUNIT_CASE(fw_test_protocol),
	KUNIT_CASE(fw_test_size),
	KUNIT_CASE(fw_test_other_headers),
	KUNIT_CASE(fw_test_version),
	KUNIT_CASE(fw_test_explain),
	KUNIT_CASE(fw_test_hello),
	KUNIT_CASE(fw_test_implausible),
	{}
};

static struct kunit_suite fw_test_suite = {
	.name = "egret_fw_format",
	.test_cases = fw_test_cases,
};

kunit_test_suite(fw_test_suite);
