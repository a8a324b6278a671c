#!/usr/bin/env bash
# run.sh SECONDS [TARGET...]: fuzzes each target for so long, all of them if none is named; 0 only builds.
#
# Prints the executions, the code reached and what was found; exits with 1 if anything was. Needs Rust, of
# which the stable one will do, and a C++ compiler for libFuzzer. docs/fuzzing.md says more.
set -euo pipefail
cd "$(dirname "$0")"

seconds=${1:?usage: run.sh SECONDS [TARGET...]}
shift
targets=("$@")
if [ $# = 0 ]; then
  for file in fuzz_targets/*.rs; do
    file=${file##*/}
    targets+=("${file%.rs}")
  done
fi

# What libFuzzer is guided by. No sanitizer, which would take a nightly compiler: what is parsed is parsed
# by safe code.
coverage="-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4
  -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table
  -Cllvm-args=-sanitizer-coverage-trace-compares"
# Named, so that build scripts are built without.
host=$(rustc -vV | sed -n 's/^host: //p')
RUSTFLAGS=$(echo $coverage) cargo build --locked --release --target "$host" --jobs "${FUZZ_JOBS:-2}" \
  "${targets[@]/#/--bin=}"
built=${CARGO_TARGET_DIR:-target}/$host/release

[ "$seconds" != 0 ] || exit 0

findings=0
for target in "${targets[@]}"; do
  mkdir -p "found/$target" "artifacts/$target"
  log=artifacts/$target.log
  # What is new goes to `found`; the kept inputs are only read.
  status=0
  "$built/$target" -max_total_time="$seconds" -max_len=4096 -timeout=10 -rss_limit_mb=1024 \
    -print_final_stats=1 -artifact_prefix="artifacts/$target/" \
    "found/$target" "corpus/$target" >"$log" 2>&1 || status=$?
  executions=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")
  reached=$(grep -oE 'cov: [0-9]+' "$log" | tail -1) || true
  echo "$target: ${executions:-0} executions, ${reached:-cov: 0}"
  if [ "$status" != 0 ]; then
    findings=$((findings + 1))
    echo "$target: a finding; its log is fuzz/$log, and it happens again with"
    grep -oE "artifacts/$target/[^ ]+" "$log" | tail -1 | sed "s|^|  (cd fuzz \&\& $built/$target |; s|\$|)|" || true
    grep -aE 'panicked at|ERROR: libFuzzer|SUMMARY' -A1 "$log" | head -6 | sed 's/^/  /'
  fi
done
echo "${#targets[@]} targets, $findings with findings"
[ "$findings" = 0 ]
