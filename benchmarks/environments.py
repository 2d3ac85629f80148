"""One environment per peer, made once; Remit and the floors use the interpreter that runs this."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent

REQUIREMENTS = {
    "aegis": ["agent-aegis==1.0.0"],
    "agt": ["agent-governance-toolkit-core==5.0.0"],
    "cedar": ["cedarpy==4.12.2"],
    "celpython": ["cel-python==0.5.0"],
    "datafog": ["datafog==4.9.0"],
    "execlave": ["execlave-sdk==1.9.1"],
    "kitelogik": ["kitelogik==0.4.0"],
    "waxell": ["waxell-observe==0.1.10"],
    "celrust": ["common-expression-language==0.10.0"],
    "regorus": ["gordon-to-regorus==0.13.0"],
}
"""What is installed for each peer. All declare what they import."""


def python_of(peer: str) -> Path:
    """The interpreter to run *peer* with; its environment is made if there is none."""
    if peer not in REQUIREMENTS:
        return Path(sys.executable)
    home = HERE / f".env-{peer}"
    python = home / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")
    wanted = "\n".join([sys.version, *REQUIREMENTS[peer]])
    made = home / "made-for.txt"
    if made.exists() and made.read_text() == wanted:
        return python
    print(f"making {home.name} for {', '.join(REQUIREMENTS[peer])} ...", file=sys.stderr)
    subprocess.run([sys.executable, "-m", "venv", "--clear", home], check=True)
    pip = [python, "-m", "pip", "-qq", "--disable-pip-version-check"]
    subprocess.run([*pip, "install", *REQUIREMENTS[peer]], check=True)
    made.write_text(wanted)
    return python
