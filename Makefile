# make demo    quantize the example network on this machine's devices and show size and accuracy
# make demo-filter  a post-filter through qtool signal, from pictures to a rate-distortion page in .build
# make test    build, run every test, check written files in ONNX Runtime
# make conformance  ONNX's node tests through qtool run, DEVICE=reference or as qtool's --device
# make check-signalling  qtool signal beside ffmpeg, x265, libde265, PyAV and nncodec
# make fuzz-signalling   a million damaged streams and payloads through the readers of qtool signal
# make lint    formatting, kernels without a driver, who imports what
# make format  format Swift and OpenCL C
# make bench   time the kernels beside the device's measured ceilings; JSON=FILE keeps the figures
# make bench-peers  time ResNet-18's convolutions beside ONNX Runtime's, see Benchmarks/README.md
# make stats   lines per module
# make docs    the documentation as a web site in .build/docs
# make proto   generate the ONNX schema's Swift again
# make clean   remove everything that was built
#
# Verbs that need more than the Swift toolchain install it with apt when they run as root on Debian,
# and say what they would need otherwise.

export POCL_CACHE_DIR ?= $(CURDIR)/.build/pocl-cache
export LOWBIT_CACHE ?= $(CURDIR)/.build/lowbit-cache

RELEASE = .build-release/release

.PHONY: help release demo demo-filter test conformance check-signalling fuzz-signalling lint format bench bench-peers stats docs proto clean

help:
	@sed -n '1,/^$$/s/^# \{0,1\}//p' Makefile

release:
	Scripts/packages build
	swift build -c release --product qtool --scratch-path .build-release

demo: release
	Scripts/packages run demo
	Examples/fashion-mnist/demo.sh $(RELEASE)/qtool

demo-filter: release
	Scripts/packages run test filter
	python3 Examples/post-filter/demo.py $(RELEASE)/qtool .build/post-filter

test:
	Scripts/packages build run demo test
	Scripts/test

conformance: release
	Tests/conformance.py $(RELEASE)/qtool --device $(or $(DEVICE),auto)

check-signalling: release
	Scripts/check-signalling $(RELEASE)/qtool

fuzz-signalling:
	LOWBIT_FUZZ_INPUTS=1000000 swift test --filter SignallingTests.FuzzTests

lint:
	Scripts/packages lint
	Scripts/lint

format:
	Scripts/packages lint
	find Package.swift Sources Tests Benchmarks -name "*.swift" ! -name "*.pb.swift" | xargs swift format --in-place --parallel
	find Kernels Sources -name "*.cl" -o -name "*.c" -o -name "*.h" | xargs clang-format -i

bench: release
	Scripts/packages run
	$(RELEASE)/qtool bench $(FILTER) $(if $(JSON),--json >$(JSON))

# Where another program runs too, figures are of both.
bench-peers: release
	Scripts/packages run
	$(or $(PYTHON),python3) Benchmarks/Peers/convolutions.py --qtool $(RELEASE)/qtool \
	  --shapes $(or $(SHAPES),resnet-18) --batch $(or $(BATCHES),1 32) --widths $(or $(WIDTHS),w8a8 w4a8 w4a4) \
	  --rounds $(or $(ROUNDS),5) $(if $(JSON),--json $(JSON))

stats:
	Scripts/stats

docs:
	Scripts/docs

proto:
	swift build --product protoc-gen-swift
	protoc --plugin=.build/debug/protoc-gen-swift \
	  --swift_opt=Visibility=Package,FileNaming=DropPath,UseAccessLevelOnImports=true \
	  --swift_out=Sources/ONNXProto Sources/ONNXProto/onnx.proto

clean:
	rm -rf .build .build-release .build-static
