"""This machine's microphones and speakers, as PortAudio knows them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from duplex.transport.types import AGENT_RATE, USER_RATE

Side = Literal["input", "output"]
_NAMES = {"input": "microphone", "output": "speaker"}
_INSTALL = (
    "the PortAudio library is missing; on Debian and Ubuntu: sudo apt install libportaudio2; "
    "on Fedora: sudo dnf install portaudio; on Arch: sudo pacman -S portaudio"
)


class ConsoleError(Exception):
    """There is no microphone or speaker to be had; the text says what to do."""


@dataclass(frozen=True, slots=True)
class Device:
    """A microphone, a speaker or both.

    Attributes:
        index: its number, by which it may be chosen.
        name: as the system calls it.
        inputs, outputs: channels of either kind; 0 for none.
        default: for which of them the system takes it by itself.
    """

    index: int
    name: str
    inputs: int
    outputs: int
    default: tuple[Side, ...]


def devices() -> list[Device]:
    """All that this machine has.

    Raises:
        ConsoleError: PortAudio or its Python package is not installed.
    """
    sounddevice = library()
    defaults: list[tuple[Side, int]] = list(zip(("input", "output"), sounddevice.default.device, strict=True))
    return [
        Device(
            index,
            str(each["name"]),
            int(each["max_input_channels"]),
            int(each["max_output_channels"]),
            tuple(side for side, number in defaults if number == index),
        )
        for index, each in enumerate(sounddevice.query_devices())
    ]


def choose(side: Side, wanted: str | None) -> int:
    """The number of a device that can do what a call needs.

    Args:
        side: what it is wanted for.
        wanted: its number or a part of its name; None for the system's own choice.

    Raises:
        ConsoleError: there is none, or it cannot do it.
    """
    sounddevice, kind = library(), _NAMES[side]
    try:
        number = int(sounddevice.query_devices(_given(wanted), side)["index"])
    except (ValueError, sounddevice.PortAudioError) as error:
        found = [each for each in devices() if (each.inputs if side == "input" else each.outputs)]
        if not found:
            raise ConsoleError(
                f"this machine has no {kind}, or another program keeps it; connect one"
            ) from error
        reason = str(error).splitlines()[0].rstrip(":") if wanted else f"the system has chosen no {kind}"
        raise ConsoleError(f"{reason}; --list shows what there is, choose with --{side}") from error
    check = sounddevice.check_input_settings if side == "input" else sounddevice.check_output_settings
    rate = USER_RATE if side == "input" else AGENT_RATE
    try:
        check(device=number, channels=1, dtype="int16", samplerate=rate)
    except sounddevice.PortAudioError as error:
        raise ConsoleError(
            f"the {kind} {number} does not work with {rate} Hz mono ({error.args[0]}); "
            f"choose another with --{side}, such as the sound server's (--list)"
        ) from error
    return number


def _given(wanted: str | None) -> int | str | None:
    return int(wanted) if wanted is not None and wanted.isdecimal() else wanted


def library() -> Any:
    """The package, imported when it is needed: it looks for devices at once. Raises ConsoleError."""
    try:
        import sounddevice
    except ModuleNotFoundError as error:
        raise ConsoleError("the console needs sounddevice: pip install 'duplex-voice[console]'") from error
    except OSError as error:  # the Python package is there, the library is not
        raise ConsoleError(_INSTALL) from error
    return sounddevice
