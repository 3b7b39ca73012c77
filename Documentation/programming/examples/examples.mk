# SPDX-License-Identifier: MIT
# The examples of the programmer's guide: kernels with a header, and programs of the host.
#
# They are built for the tests: tests/libaccel/test_guide.c runs the kernels, and
# tests/tools/programming-guide the programs.

EXAMPLES := Documentation/programming/examples
EXAMPLE_PROGRAMS := $(B)/$(EXAMPLES)/first-host $(B)/$(EXAMPLES)/measure
EXAMPLE_KERNELS := $(patsubst %,$(B)/$(EXAMPLES)/%.egm,first dma tile hazard stream)

check-build: $(EXAMPLE_PROGRAMS) $(EXAMPLE_KERNELS)

$(B)/$(EXAMPLES)/%.o: EXTRA_CFLAGS = -Ilibaccel/include -Ilibaccel/kernels/include
$(EXAMPLE_PROGRAMS): LDLIBS = -Wl,-rpath,'$$ORIGIN/../../../libaccel'
$(EXAMPLE_PROGRAMS): $(B)/%: $(B)/%.o $(B)/libaccel/libaccel.so $(B)/libaccel/$(LIBACCEL_SONAME)
	$(call say,LINK,$@)
	$(Q)$(LINK.program)

# What the test of the kernels includes and runs.
$(B)/tests/libaccel/test_guide.o: EXTRA_CFLAGS += -I$(EXAMPLES)
$(patsubst %,$(B)/%/tests/libaccel/test_guide.o,asan tsan): LIBACCEL_TEST_FLAGS += -I$(EXAMPLES)
$(addprefix $(B)/tests/host/libaccel-guide,-asan -tsan): | $(EXAMPLE_KERNELS)
$(B)/tests/host/libaccel-guide: | $(EXAMPLE_KERNELS)

# The guide's reader wants them whole.
install-doc::
	$(INSTALL) -d $(DESTDIR)$(docdir)/programming/examples
	$(INSTALL_DATA) $(EXAMPLES)/*.[ch] $(DESTDIR)$(docdir)/programming/examples
