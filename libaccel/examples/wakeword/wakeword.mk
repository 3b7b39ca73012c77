# SPDX-License-Identifier: MIT
# The demonstration that hears a word.

WAKEWORD := $(B)/libaccel/examples/wakeword/wakeword

tools: $(WAKEWORD)

$(WAKEWORD).o: EXTRA_CFLAGS = -Ilibaccel/include $(shell pkg-config --cflags sndfile 2>/dev/null)
$(WAKEWORD): LDLIBS = $(shell pkg-config --libs sndfile 2>/dev/null) -lm -Wl,-rpath,'$$ORIGIN/../..'
$(WAKEWORD): $(WAKEWORD).o $(B)/libaccel/libaccel-nn.so $(B)/libaccel/libaccel.so \
		| $(B)/libaccel/$(NN_SONAME) $(B)/libaccel/$(LIBACCEL_SONAME)
	$(call say,LINK,$@)
	$(Q)$(LINK.program)

# Speech, with silence around it: $(call speak,FILE,WORDS).
define speak
$(B)/data/$(1).wav:
	$$(Q)mkdir -p $$(@D)
	$$(Q)espeak-ng -v en-us -s 140 -w $$@.raw "$(2)"
	$$(Q)sox -t wav $$@.raw -D -r 16000 -t wav $$@ pad 1.5 1
	$$(Q)rm $$@.raw
endef
$(eval $(call speak,alexa,alexa))
$(eval $(call speak,morning,good morning everybody))

# What tools/demos works with.
DEMO_DATA := $(addprefix $(B)/data/,alexa.wav morning.wav wake-spectrum.onnx wake-embedding.onnx \
	wake-alexa.onnx face.onnx astronaut.png digits.csv.gz)
.PHONY: demo-data
demo-data: $(DEMO_DATA)

HOST_TESTS += $(B)/tests/host/demos
VM_TESTS += $(B)/tests/vm/demos
$(B)/tests/host/demos $(B)/tests/vm/demos: tests/libaccel/demos \
		| $(WAKEWORD) $(DEMO_DATA) $(B)/data/page.png tools kernels
	$(Q)mkdir -p $(@D)
	$(Q)install -m 755 $< $@
