#!/bin/sh
# Makes meeting.flac: two voices of flite (https://github.com/festvox/flite), joined with sox. Needs both programs.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
turn=10
while IFS='|' read -r voice text; do
    flite -voice "$voice" -t "$text" -o "$work/spoken.wav"
    sox "$work/spoken.wav" -r 16000 -c 1 -b 16 "$work/turn$turn.wav" pad 0.5 1.1
    turn=$((turn + 1))
done << TURNS
slt|thank you for coming to the meeting
rms|we have three things to talk about today
slt|the first is the plan for next month
rms|the work is going well but we need more time
slt|how many more days do we need
rms|i think we need five more days
slt|that is fine with me
rms|the second thing is the new office
slt|it will be open at the end of the year
rms|the third is the report
slt|it will be in your hands today
rms|we will meet again on monday morning
TURNS
sox "$work"/turn*.wav "$here/meeting.flac"
