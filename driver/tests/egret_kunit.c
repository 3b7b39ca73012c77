// SPDX-License-Identifier: GPL-2.0-only
// Copyright (C) 2026 The Egret authors
/*
 * The module of the KUnit tests. They test those parts of the driver that need no
 * hardware, and they need neither the driver nor a card to run:
 *
 * - A suite is a file egret_<part>_test.c in this folder, with one line in ../Kbuild. It
 *   includes the source file that it tests, ../egret_<part>.c, and ends with
 *   kunit_test_suite(). The suite is called egret_<part>.
 * - A part that is worth a suite therefore stands in a file of its own that calls nothing
 *   else of the driver.
 * - The suites run when the module is loaded. tests/debug/kunit does that in a virtual
 *   machine with the debug kernel, and makes each case a test.
 */
#include <linux/module.h>

MODULE_AUTHOR("The Egret authors");
MODULE_DESCRIPTION("KUnit tests of the Egret driver");
MODULE_LICENSE("GPL");
