# SPDX-License-Identifier: MIT
# Tests that belong to no component.

-include tests/kselftest/kselftest.mk
-include tests/bench/bench.mk
-include tests/fuzz/fuzz.mk
