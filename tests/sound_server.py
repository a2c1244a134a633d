"""A sound server of our own with a microphone that files are played into and a speaker that is recorded."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from ctypes.util import find_library
from glob import glob
from importlib.util import find_spec
from pathlib import Path

PROGRAMS = ("pulseaudio", "pactl", "paplay", "parec")
_SINKS = ("speaker", "mouth")
_MODULES = (
    "module-native-protocol-unix",
    *(f"module-null-sink sink_name={name}" for name in _SINKS),
    "module-remap-source master=mouth.monitor source_name=microphone",
)


def missing() -> str:
    """What a call with a sound server's devices lacks here; empty if nothing."""
    absent = [name for name in PROGRAMS if shutil.which(name) is None]
    if find_spec("sounddevice") is None:
        absent.append("the Python package sounddevice")
    if find_library("portaudio") is None:
        absent.append("libportaudio2")
    if not glob("/usr/lib/*/alsa-lib/libasound_module_pcm_pulse.so"):
        absent.append("libasound2-plugins")
    return ", ".join(absent)


class SoundServer:
    """A running PulseAudio.

    Attributes:
        environment: for programs that are to use it.
    """

    def __init__(self, folder: Path) -> None:
        self.environment = {
            **os.environ,
            "XDG_RUNTIME_DIR": str(folder),
            "PULSE_SERVER": f"unix:{folder}/pulse/native",
        }
        modules = [argument for module in _MODULES for argument in ("-L", module)]
        self._process = subprocess.Popen(
            ["pulseaudio", "-n", "--daemonize=no", "--exit-idle-time=-1", *modules],
            env=self.environment,
            stderr=subprocess.DEVNULL,
        )

    def ready(self) -> None:
        """Wait until it has its devices, which are then the system's own."""
        for command in (("set-default-sink", "speaker"), ("set-default-source", "microphone")):
            for _ in range(100):
                if (
                    subprocess.run(["pactl", *command], env=self.environment, capture_output=True).returncode
                    == 0
                ):
                    break
                time.sleep(0.1)
            else:
                raise TimeoutError("the sound server did not come up")

    def say(self, path: Path) -> None:
        """Play a sound file to the microphone."""
        subprocess.run(["paplay", "-d", "mouth", str(path)], env=self.environment, check=True, timeout=60)

    @contextmanager
    def recording(self, path: Path) -> Iterator[None]:
        """Record the speaker, 24 kHz mono, while the block lasts."""
        command = [
            "parec",
            "-d",
            "speaker.monitor",
            "--file-format=wav",
            "--rate=24000",
            "--channels=1",
            str(path),
        ]
        process = subprocess.Popen(command, env=self.environment)
        try:
            yield
        finally:
            process.terminate()
            process.wait(10)

    def stop(self) -> None:
        """End it, as if the devices were pulled out."""
        self._process.kill()
        self._process.wait(10)


@contextmanager
def sound_server() -> Iterator[SoundServer]:
    """Run one while the block lasts."""
    with tempfile.TemporaryDirectory(prefix="sound") as folder:  # a short path: it holds a socket
        server = SoundServer(Path(folder))
        try:
            server.ready()
            yield server
        finally:
            server.stop()
