"""Images made, changed and saved."""

from pathlib import Path

from PIL import Image

from api302 import Client


def draw(client: Client, folder: Path) -> list[Path]:
    made = client.images.generate(model="flux-pro-1.1-t2i", prompt="a sky city")
    names = [folder / f"sky-{number}.png" for number in range(len(made.outputs))]
    return [output.save(name) for output, name in zip(made.outputs, names, strict=True)]


def draw_as_openai_does(client: Client, folder: Path) -> Path:
    made = client.images.generate(model="gpt-image-1", prompt="a sky city", size="1024x1024")
    assert made.data
    return made.outputs[0].save(folder / "openai.png")


def edit(client: Client, folder: Path) -> Path:
    picture = Image.new("RGB", (8, 8), "red")
    edited = client.images.edit(model="gpt-image-1", prompt="add a hat", image=picture)
    return edited.outputs[0].save(folder / "hat.png")
