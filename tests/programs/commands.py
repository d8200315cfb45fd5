"""Five jobs of a shell, each one line."""

import shlex
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

JOBS = {
    "chat": 'chat "Say hello in three languages."',
    "image": "image a sky city --aspect-ratio 16:9 --save sky.png",
    "video": 'videos kling text-to-video --prompt "a red panda" --save panda.mp4',
    "speech": 'speak "Hello" --save hello.mp3',
    "models": "models --kind image-to-video --accepts duration=10",
}


def run(job: str, folder: Path, environment: Mapping[str, str]) -> str:
    command = [sys.executable, "-m", "api302", *shlex.split(JOBS[job])]
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=True
    )
    return done.stdout
