"""What surrounds every command: its exit status, Ctrl-C and SIGTERM, errors in one line."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any, NoReturn

import typer

Offline = Annotated[bool, typer.Option("--offline", help="Fetch nothing; fail if a model is missing.")]

_OURS = frozenset({"duplex", "asr", "tts", "tools_rag"})


def go_offline(offline: bool) -> None:
    """Let nothing be fetched, here or in what is started from here, if that is asked for."""
    if offline:
        os.environ["DUPLEX_OFFLINE"] = "1"


class Terminated(KeyboardInterrupt):
    """SIGTERM, so that what runs is taken down as with Ctrl-C: servers, child processes, half-written files."""


def guard(command: Callable[[], object]) -> int:
    """Run a command and return its exit status: faults in one line, 130 after Ctrl-C, 143 after SIGTERM."""
    before = signal.signal(signal.SIGTERM, _terminate)
    try:
        command()
        sys.stdout.flush()
    except typer.Exit as ended:
        return ended.exit_code
    except KeyboardInterrupt as stop:
        return _stopped(stop)
    except BaseExceptionGroup as group:
        stops = group.subgroup(KeyboardInterrupt)
        return _stopped(_first(stops)) if stops else _explain(_first(group))
    except BrokenPipeError:
        # `duplex schema | head`: the reader has enough, and the exit would flush once more.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    except Exception as error:
        return _explain(error)
    finally:
        signal.signal(signal.SIGTERM, before)
    return 0


def hoist(arguments: Sequence[str], everywhere: Mapping[str, bool]) -> list[str]:
    """The arguments with the options of every command in front, where the parser wants them.

    Args:
        arguments: what was typed.
        everywhere: the options that may stand anywhere, and whether a value follows.
    """
    front, rest, left = list[str](), list[str](), list(arguments)
    while left:
        word = left.pop(0)
        if word == "--":
            rest += [word, *left]
            break
        name = word.partition("=")[0]
        target = front if name in everywhere else rest
        target.append(word)
        if everywhere.get(word) and left:
            target.append(left.pop(0))
    return front + rest


def _terminate(*_: Any) -> NoReturn:
    raise Terminated


def _first(group: BaseException) -> BaseException:
    while isinstance(group, BaseExceptionGroup):
        group = group.exceptions[0]
    return group


def _stopped(stop: BaseException) -> int:
    print("stopped", file=sys.stderr)
    return 143 if isinstance(stop, Terminated) else 130


def _explain(error: BaseException) -> int:
    """One line for what a user can act on; the whole trace with --log-level debug."""
    import logging

    from duplex.logs import redact

    if show := getattr(error, "show", None):  # a usage error of the command line itself
        show()
        return int(getattr(error, "exit_code", 2))
    if logging.getLogger().isEnabledFor(logging.DEBUG):
        logging.getLogger("duplex").error("failed", exc_info=error)
    text = redact(_told(error))
    print(f"duplex: {text}" if "\n" not in text else text, file=sys.stderr)
    return 1


def _told(error: BaseException) -> str:
    """What an error says to a user."""
    kind, text = type(error), str(error)
    if kind.__module__.partition(".")[0] in _OURS and text:
        return text
    if isinstance(error, ModuleNotFoundError):
        return f"the package {error.name} is missing; install: pip install 'duplex-voice[local]'"
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename}: {error.strerror}" if error.filename else error.strerror
    return f"unexpected {kind.__name__}: {text}; run it with --log-level debug for the trace"
