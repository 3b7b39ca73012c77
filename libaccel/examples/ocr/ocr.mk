# SPDX-License-Identifier: MIT
# The demonstration that reads text in a picture.

OCR := $(B)/libaccel/examples/ocr/ocr
OCR_OBJS := $(patsubst %.c,$(B)/%.o,$(wildcard libaccel/examples/ocr/*.c))

tools: $(OCR)

$(OCR_OBJS): EXTRA_CFLAGS = -Ilibaccel/include $(shell pkg-config --cflags libpng freetype2 2>/dev/null)
$(OCR): LDLIBS = $(shell pkg-config --libs libpng freetype2 2>/dev/null) -lm \
	-Wl,-rpath,'$$ORIGIN/../..'
$(OCR): $(OCR_OBJS) $(B)/libaccel/libaccel-nn.so $(B)/libaccel/libaccel.so \
		| $(B)/libaccel/$(NN_SONAME) $(B)/libaccel/$(LIBACCEL_SONAME)
	$(call say,LINK,$@)
	$(Q)$(LINK.program)

OCR_DATA := $(addprefix $(B)/data/,ocr-find.onnx ocr-read.onnx ocr-characters.txt page.png)
HOST_TESTS += $(B)/tests/host/ocr
VM_TESTS += $(B)/tests/vm/ocr
$(B)/tests/host/ocr $(B)/tests/vm/ocr: tests/libaccel/ocr | $(OCR) $(OCR_DATA) kernels
	$(Q)mkdir -p $(@D)
	$(Q)install -m 755 $< $@
