# SPDX-License-Identifier: MIT
# Tests that belong to no component.

-include tests/kselftest/kselftest.mk
-include tests/bench/bench.mk
-include tests/fuzz/fuzz.mk

# Models and data out of packages (tools/build/fetch-data), for prerequisites behind a bar: they
# never change. Links, because machines without a network see build/, but have no cache folder.
$(B)/data/%:
	$(Q)mkdir -p $(@D)
	$(Q)path=$$(tools/build/fetch-data $*) && ln -sf "$$path" $@
