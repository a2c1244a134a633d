import subprocess
import sys

import pytest

import asr


def test_importing_the_package_imports_no_engine() -> None:
    code = "import asr, sys; print({'ctranslate2', 'onnxruntime', 'tokenizers', 'openai'} & set(sys.modules))"
    assert (
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
        == "set()\n"
    )


def test_every_exported_name_exists() -> None:
    assert all(getattr(asr, name) is not None for name in asr.__all__)
    with pytest.raises(AttributeError, match="'Nothing'"):
        _ = asr.Nothing
