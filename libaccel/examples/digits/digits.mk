# SPDX-License-Identifier: MIT
# The digits demonstration.

DIGITS := $(B)/libaccel/examples/digits/digits
DIGITS_OBJS := $(patsubst %.c,$(B)/%.o,$(wildcard libaccel/examples/digits/*.c))

tools: $(DIGITS) $(B)/libaccel/examples/digits/kernels/nearest.egm

$(DIGITS_OBJS): EXTRA_CFLAGS = -Ilibaccel/include -Ilibaccel/kernels/include \
	-ffp-contract=off
$(DIGITS): LDLIBS = -lz -lm -Wl,-rpath,'$$ORIGIN/../..'
$(DIGITS): $(DIGITS_OBJS) $(B)/libaccel/libaccel.so $(B)/libaccel/$(LIBACCEL_SONAME)
	$(call say,LINK,$@)
	$(Q)$(LINK.program)

HOST_TESTS += $(B)/tests/host/digits
VM_TESTS += $(B)/tests/vm/digits
$(B)/tests/host/digits $(B)/tests/vm/digits: tests/libaccel/digits \
		| $(DIGITS) $(B)/libaccel/examples/digits/kernels/nearest.egm \
		$(B)/data/digits.csv.gz kernels
	$(Q)mkdir -p $(@D)
	$(Q)install -m 755 $< $@
