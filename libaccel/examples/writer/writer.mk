# SPDX-License-Identifier: MIT
# The demonstration that continues a text, and the model that it does that with: trained here, as no
# package has one that is small.

WRITER := $(B)/libaccel/examples/writer/writer
WRITER_LEARN := $(B)/libaccel/examples/writer/learn

tools: $(WRITER)

$(WRITER).o: EXTRA_CFLAGS = -Ilibaccel/include
$(WRITER): LDLIBS = -Wl,-rpath,'$$ORIGIN/../..'
$(WRITER): $(WRITER).o $(B)/libaccel/libaccel-nn.so $(B)/libaccel/libaccel.so \
		| $(B)/libaccel/$(NN_SONAME) $(B)/libaccel/$(LIBACCEL_SONAME)
	$(call say,LINK,$@)
	$(Q)$(LINK.program)

# Sums may be taken in any order: it is training.
$(WRITER_LEARN).o: EXTRA_CFLAGS = -O3 -ffast-math
$(WRITER_LEARN): LDLIBS = -lm
$(WRITER_LEARN): $(WRITER_LEARN).o
	$(call say,LINK,$@)
	$(Q)$(LINK.program)

$(B)/data/licence.onnx: $(WRITER_LEARN) LICENSES/MIT.txt tests/nn/decoder_file.py tests/nn/onnx_file.py
	$(call say,TRAIN,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$< LICENSES/MIT.txt $@.weights >$@.log
	$(Q)tests/nn/decoder_file.py qwen2 $@.weights >$@.new
	$(Q)rm $@.weights
	$(Q)mv $@.new $@

demo-data: $(B)/data/licence.onnx
$(B)/tests/host/demos $(B)/tests/vm/demos: | $(WRITER) $(B)/data/licence.onnx $(NN_DECODERS)
