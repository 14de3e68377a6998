#!/usr/bin/env bash
# demo.sh QTOOL: quantizes model.onnx beside this file with Fashion-MNIST's training images, on the device
# that qtool chooses and on the CPU reference, and prints size and accuracy before and after.
set -euo pipefail
qtool=$(readlink -f "$1")
here=$(cd "$(dirname "$0")" && pwd)
data=${FASHION_MNIST:-/usr/share/datasets/fashion-mnist}
[ -r "$data/t10k-images-idx3-ubyte.gz" ] || {
  echo "demo: there is no Fashion-MNIST in $data; install Debian's dataset-fashion-mnist, or set FASHION_MNIST" >&2
  exit 5
}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
calibration="$data/train-images-idx3-ubyte.gz?scale=1/255&shuffle=1&limit=512"
test="$data/t10k-images-idx3-ubyte.gz?scale=1/255"

number() { # a number out of qtool's JSON
  sed -n "s/^ *\"$1\" : \([0-9.]*\),\{0,1\}$/\1/p" "$2" | head -1
}

top1() { # model, device
  "$qtool" evaluate "$1" --data "$test" --device "$2" --json -q >"$work/score.json"
  number top1 "$work/score.json"
}

"$qtool" devices
echo
chosen=$("$qtool" devices --json | sed -n 's/^ *"automatic" : "\(.*\)",\{0,1\}$/\1/p')
device_names=(reference)
[ "$chosen" = reference ] || device_names=("$chosen" reference)

row() { printf '%-28s %10s  %-12s %8s  %8s  %s\n' "$@"; }
row model size "quantized on" seconds top-1 file
for device in "${device_names[@]}"; do
  label=$([ "$device" = reference ] && echo reference || echo "device $device")
  row "float" "$(stat -c %s "$here/model.onnx")" "-" "-" "$(top1 "$here/model.onnx" "$device")" "scored on $label"
done
for preset in w8a8 w4a8 w4a4; do
  for device in "${device_names[@]}"; do
    label=$([ "$device" = reference ] && echo reference || echo "device $device")
    out="$work/$preset-$device.onnx"
    start=$(date +%s.%N)
    "$qtool" quantize "$here/model.onnx" --data "$calibration" --preset "$preset" --device "$device" -q -o "$out" >/dev/null
    seconds=$(echo "$(date +%s.%N) $start" | awk '{printf "%.1f", $1 - $2}')
    note="scored on $label"
    if [ "$device" != "${device_names[0]}" ]; then
      cmp -s "$out" "$work/$preset-${device_names[0]}.onnx" && note="$note; the same bytes" ||
        { echo "demo: device and reference wrote different files for $preset" >&2; exit 1; }
    fi
    row "$preset" "$(stat -c %s "$out")" "$label" "$seconds" "$(top1 "$out" "$device")" "$note"
  done
done
