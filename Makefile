# `make app` sets up and opens the app; `make test` sets up and passes every test.
# Everything goes into .venv, which is made afresh when requirements.txt changes.

VENV := .venv
BIN := $(VENV)/bin
export PIP_DISABLE_PIP_VERSION_CHECK := 1

# The first Python on the path that is new enough; say `make PYTHON=...` to choose another.
NEW_ENOUGH := import sys; sys.exit(sys.version_info < (3, 11))
PYTHON ?= $(shell for p in python3.11 python3.12 python3.13 python3 python; do \
	"$$p" -c '$(NEW_ENOUGH)' >/dev/null 2>&1 && { echo "$$p"; break; }; done)

.PHONY: app setup setup-dev install-locked lock test test-long test-kernels lint lint-javascript browser bench soak fuzz weights weights-real weights-check licences schema \
	public-cases realism

app: setup
	$(BIN)/python -m streamlit run app.py

setup: $(VENV)/.editable
setup-dev: setup $(VENV)/.installed-dev

# The stamp is a copy of what was installed: a new clock time alone reinstalls nothing.
$(VENV)/.installed: requirements.txt
	@if cmp -s requirements.txt $@; then touch $@; exit 0; fi; \
	if [ -z "$(PYTHON)" ]; then \
		echo "asemble needs Python 3.11 or newer, and none was found on the path: install one, or say make PYTHON=/path/to/python." >&2; \
		exit 1; fi; \
	set -e; \
	"$(PYTHON)" -c '$(NEW_ENOUGH)' || { echo "asemble needs Python 3.11 or newer; $(PYTHON) is older." >&2; exit 1; }; \
	echo "Making $(VENV) with $(PYTHON) and installing requirements.txt (some minutes the first time)"; \
	"$(PYTHON)" -m venv --clear $(VENV); \
	$(BIN)/python -m pip install --quiet -r requirements.txt; \
	cp requirements.txt $@

$(VENV)/.editable: $(VENV)/.installed pyproject.toml
	$(BIN)/python -m pip install --quiet --no-deps -e .
	@touch $@

$(VENV)/.installed-dev: $(VENV)/.installed requirements-dev.txt
	$(BIN)/python -m pip install --quiet -r requirements-dev.txt
	@touch $@

# As the image is: every package, those that others ask for too, by the SHA-256 in requirements.lock.
# Not the default, since Linux needs the CPU file of torch for it: known for Python 3.11 on x86_64
# (tools/lock.py), and for another one where somebody has added its hash.
TORCH_INDEX ?= https://download.pytorch.org/whl/cpu
install-locked:
	"$(PYTHON)" -m venv --clear $(VENV)
	$(BIN)/python -m pip install --quiet --require-hashes -r requirements.lock --extra-index-url $(TORCH_INDEX)
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation -e .
	cp requirements.txt $(VENV)/.installed
	touch $(VENV)/.editable

# Writes both locks and the bill of materials anew; the packages that do it go into a folder that is
# thrown away.
LOCKING := uv==0.13.9 cyclonedx-bom==7.5.0
lock:
	@set -e; folder=$$(mktemp -d); trap 'rm -rf "$$folder"' EXIT; \
	"$(PYTHON)" -m venv "$$folder"; \
	"$$folder/bin/python" -m pip install --quiet $(LOCKING); \
	"$$folder/bin/python" tools/lock.py

# Three processes of one thread each: on two cores, as one always waits for a browser or a server.
# In the order of tests/conftest.py: in xdist's, the files of one long test would come last.
test: setup-dev browser
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 3 --dist loadfile --no-loadscope-reorder

# What is read, and one answer, once more with the kernels of a processor without AVX.
READER := dicom multiframe stacks split_series gaps nifti nifti_axes nifti_odd planes weighting \
	frame_of_reference pixels decoders upload raster slices quality deidentify foreign_files \
	scanner_files last_bit kernels
OLDER := OPENBLAS_CORETYPE=Nehalem ATEN_CPU_CAPABILITY=default ONEDNN_MAX_CPU_ISA=SSE41
test-kernels: setup-dev
	$(OLDER) OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 3 --dist loadfile \
		--no-loadscope-reorder $(READER:%=tests/test_%.py)

# A hundred edits, each followed by downloads, and a connection that is lost for 80 s: minutes.
test-long: setup-dev browser
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest --long tests/test_one_reading.py \
		tests/test_kept_reading.py -s

lint: setup-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	@$(MAKE) --no-print-directory lint-javascript

# The types that stand in the comments of asemble/ui's JavaScript. Only this needs npm.
lint-javascript:
	@for name in node npm; do command -v $$name >/dev/null 2>&1 || { \
		echo "No $$name on this machine: the types of the JavaScript below asemble/ui are not checked."; exit 0; }; done; \
	$(MAKE) --no-print-directory node_modules/.installed || { \
		echo "npm could not fetch TypeScript: the types of the JavaScript are not checked."; exit 0; }; \
	echo "tsc" && node_modules/.bin/tsc

node_modules/.installed: package.json package-lock.json
	npm ci --silent --ignore-scripts --no-audit --no-fund
	@touch $@

# The browser tests drive a Chromium of the system; without one they are skipped with a reason.
browser:
	@for name in chromium chromium-browser google-chrome; do \
		if command -v $$name >/dev/null 2>&1; then exit 0; fi; done; \
	if command -v apt-get >/dev/null 2>&1 && [ "$$(id -u)" = 0 ]; then \
		echo "Installing Chromium for the browser tests: apt-get install chromium"; \
		{ apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq chromium; } >/dev/null </dev/null \
		|| echo "Chromium could not be installed: the browser tests will be skipped."; \
	else \
		echo "No Chromium, and no apt-get as root to install it: the browser tests will be skipped."; fi

# How fast it is: an hour on two cores, and nothing else should run on them.
bench: setup
	$(BIN)/asemble bench --out docs/benchmark.md

# Fifty sessions for ten minutes, each held to account, one of them an attacker; an hour in all.
soak: setup-dev
	PYTHONPATH=tests $(BIN)/python tools/soak.py --out docs/soak.md

# Trains every member, fits the scope and the ensemble, measures them: many hours on a CPU.
# On one thread, as the shipped files were: with another number of threads they round otherwise.
weights: setup
	for config in asemble/training/configs/*.toml; do \
		OMP_NUM_THREADS=1 $(BIN)/asemble train "$$config" --force || exit 1; done
	$(BIN)/asemble evaluate calibrate --studies 120
	$(BIN)/asemble evaluate scope --fit
	$(BIN)/asemble evaluate studies --store
	$(BIN)/asemble evaluate explanations
	$(BIN)/asemble evaluate trust --count 30
	$(BIN)/asemble evaluate calibration
	$(BIN)/asemble evaluate measurements --count 50
	$(BIN)/asemble evaluate table
	$(BIN)/asemble evaluate ablations

# The coronal members as shipped go on from weights/simulated-anatomy with real pelvises:
# `asemble cases fetch --painted && asemble cases painted DIR && make weights-real PELVISES=DIR`.
weights-real: setup
	for config in asemble/training/configs/real-anatomy/*.toml; do \
		OMP_NUM_THREADS=1 $(BIN)/asemble train "$$config" --pelvises "$(PELVISES)" --force || exit 1; done

# Holds the shipped files against their cards, and trains a tiny member twice to the same file.
weights-check: setup
	$(BIN)/asemble models --check

licences: setup
	$(BIN)/python tools/licences.py

# The schema of the report, from its type.
schema: setup
	$(BIN)/python tools/report_schema.py

# Chooses the public cases anew from the index of the Imaging Data Commons, which is large: its
# packages go into a folder that is thrown away. The version of the index stands in the table.
INDEX := idc-index-data==25.0.5 pandas==3.1.1 pyarrow==26.0.1
public-cases: $(VENV)/.installed
	@set -e; folder=$$(mktemp -d); trap 'rm -rf "$$folder"' EXIT; \
	$(BIN)/python -m venv "$$folder"; \
	"$$folder/bin/python" -m pip install --quiet $(INDEX); \
	"$$folder/bin/python" tools/public_cases.py

# Real and simulated slices side by side, and a blind test, in realism/: make realism REAL=folder
realism: setup
	$(BIN)/python tools/realism.py $(if $(REAL),--real "$(REAL)") --out realism

# Feeds 50,000 spoilt files to the reader and writes docs/fuzzing.md: about a quarter of an hour.
fuzz: setup-dev
	PYTHONPATH=tests $(BIN)/python tools/fuzz.py --count 100000 --seed 0
