"""The global gate in front of a speech-to-text vendor. See docs/gate.md. Knows nothing of Django."""

from transcription.gate.gate import (
    Gate,
    GateChange,
    GateParams,
    GateState,
    Lane,
    Mode,
    Ok,
    Outcome,
    Permit,
    Purpose,
    Reason,
    Refused,
    Unavailable,
    Unused,
    Wait,
)

__all__ = [
    "Gate",
    "GateChange",
    "GateParams",
    "GateState",
    "Lane",
    "Mode",
    "Ok",
    "Outcome",
    "Permit",
    "Purpose",
    "Reason",
    "Refused",
    "Unavailable",
    "Unused",
    "Wait",
]
